/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reports, the operations centre's feed and what people report. */
#include "mediad/api/nouns.h"
#include "mediad/daemon.h"

void md_start_reports(MdDaemon *daemon)
{
    md_api_add_reports(daemon->api, daemon->broadcast, &(MdApiReports){.user = daemon});
}
