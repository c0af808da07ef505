/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to the device link. */
#include <string.h>
#include "mediad/daemon.h"

bool md_start_device_link(MdDaemon *daemon, GError **error)
{
    const CfgSettings *settings = daemon->settings;
    const CfgLink *from = &settings->link;
    if (!from->broker_host)
        return true;
    MdLogger logger = md_logger(daemon->log, "broadcast/device-link");
    const char *host = from->advertised_host ? from->advertised_host : from->broker_host;
    g_autofree char *base = g_strdup_printf(strchr(host, ':') ? "https://[%s]:8443/api/v1/link/media/" : "https://%s:8443/api/v1/link/media/", host);
    BcDeviceLinkOptions options = {
        .store = daemon->store,
        .areas = bc_broadcast_areas(daemon->broadcast),
        .devices = bc_broadcast_devices(daemon->broadcast),
        .state_dir = settings->general.state_dir,
        .broker_host = from->broker_host,
        .broker_port = (uint16_t)from->broker_port,
        .broker_plain = from->broker_plain,
        .advertised_host = host,
        .advertised_port = (uint16_t)(from->advertised_port ? from->advertised_port : from->broker_port),
        .media_base = from->media_base ? from->media_base : base,
        .status_timeout_s = from->status_timeout_s,
        .code_lifetime_s = from->code_lifetime_h * 3600,
        .certificate_days = from->certificate_days,
        .command_timeout_s = from->command_timeout_s,
        .log_max_bytes = (int64_t)from->log_max_kib << 10,
        .zone = settings->general.timezone,
        .logger = &logger,
    };
    daemon->device_link = bc_device_link_new(&options, error);
    return daemon->device_link != NULL;
}
