/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to the streams of what areas hear. */
#include "mediad/api/nouns.h"
#include "mediad/daemon.h"

bool md_start_outputs(MdDaemon *daemon, GError **error)
{
    const CfgBroadcast *from = &daemon->settings->broadcast;
    MdLogger logger = md_logger(daemon->log, "output");
    BcMulticasts *multicasts = bc_multicasts_new(daemon->broadcast, daemon->store, from->multicast_ttl, error);
    if (!multicasts)
        return false;
    md_api_add_multicasts(daemon->api, daemon->broadcast, multicasts);
    if (!from->listen_max)
        return true;
    BcOutputOptions options = {.broadcast = daemon->broadcast,
                               .listeners_max = from->listen_max,
                               .listeners_per_source = from->listen_per_source,
                               .bitrate_kbps = from->listen_kbps,
                               .mbps_max = from->listen_mbps_max,
                               .logger = &logger};
    md_api_add_outputs(daemon->api, bc_outputs_new(&options), from->listen_everybody, from->listen_key);
    return true;
}
