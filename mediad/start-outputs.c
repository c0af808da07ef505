/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to the streams of what areas hear. */
#include "mediad/api/nouns.h"
#include "mediad/daemon.h"

void md_start_outputs(MdDaemon *daemon)
{
    const CfgBroadcast *from = &daemon->settings->broadcast;
    MdLogger logger = md_logger(daemon->log, "output");
    if (!from->listen_max)
        return;
    BcOutputOptions options = {.broadcast = daemon->broadcast,
                               .listeners_max = from->listen_max,
                               .listeners_per_source = from->listen_per_source,
                               .bitrate_kbps = from->listen_kbps,
                               .mbps_max = from->listen_mbps_max,
                               .logger = &logger};
    md_api_add_outputs(daemon->api, bc_outputs_new(&options), from->listen_everybody, from->listen_key);
}
