/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reports, the operations centre's feed and what people report: what they need of the other rooms. */
#include "mediad/api/nouns.h"
#include "mediad/daemon.h"

static bool is_online(const char *device, void *user)
{
    const MdDaemon *daemon = user;
    return daemon->device_link && bc_device_link_online(daemon->device_link, device);
}

typedef struct Draft {
    char *id;
    MdApiDraftFn done;
    void *user;
} Draft;

static void on_draft(const GError *error, void *user)
{
    Draft *draft = user;
    draft->done(error ? NULL : draft->id, error, draft->user);
    g_free(draft->id);
    g_free(draft);
}

static void make_draft(const char *area, const char *external, const char *title, const char *text, const char *who, MdApiDraftFn done, void *done_user,
                       void *user)
{
    MdDaemon *daemon = user;
    Draft *draft = g_new0(Draft, 1);
    *draft = (Draft){NULL, done, done_user};
    /* whoever answers may do so in the report's area: the API has looked */
    bc_bulletins_create_draft(daemon->bulletins, area, BC_FROM_FEEDBACK, external, title, text, &(BcWho){.name = who, .area = area}, &draft->id, on_draft,
                              draft);
}

void md_start_reports(MdDaemon *daemon)
{
    md_api_add_reports(daemon->api, daemon->broadcast, &(MdApiReports){.online = is_online, .alerts = md_alerts_in_force, .draft = make_draft, .user = daemon});
}
