/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is announced and planned, on its way over the device link. */
#include "mediad/daemon.h"

static void on_ready(void *user)
{
    MdDaemon *daemon = user;
    if (daemon->manifests)
        bc_manifests_look(daemon->manifests);
}

bool md_start_link_plays(MdDaemon *daemon, GError **error)
{
    const CfgLink *from = &daemon->settings->link;
    if (!daemon->device_link)
        return true;
    MdLogger *logger = &daemon->link_logger;
    *logger = md_logger(daemon->log, "broadcast/device-link");
    daemon->link_media = bc_media_new(daemon->store, bc_broadcast_contents(daemon->broadcast), on_ready, daemon, logger, error);
    if (!daemon->link_media)
        return false;
    daemon->link_reach = bc_link_reach_new(daemon->broadcast, daemon->device_link, daemon->link_media, from->live_buffer_ms, logger);
    BcManifestsOptions options = {.store = daemon->store,
                                  .broadcast = daemon->broadcast,
                                  .link = daemon->device_link,
                                  .media = daemon->link_media,
                                  .days = from->manifest_days,
                                  .live_buffer_ms = from->live_buffer_ms,
                                  .logger = logger};
    daemon->manifests = bc_manifests_new(&options, error);
    bc_link_reach_set_manifests(daemon->link_reach, daemon->manifests);
    return daemon->manifests != NULL;
}

void md_stop_link_plays(MdDaemon *daemon)
{
    if (daemon->link_reach)
        bc_link_reach_set_manifests(daemon->link_reach, NULL);
    g_clear_pointer(&daemon->manifests, bc_manifests_free);
    g_clear_pointer(&daemon->link_reach, bc_link_reach_free);
    g_clear_pointer(&daemon->link_media, bc_media_free);
}
