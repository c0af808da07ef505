/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What loudspeakers and vendors' gateways send: who may, how much, and who in here is told. */
#include "broadcast/device-link/service.h"

#include <string.h>
#include "broadcast/device-link/private.h"

#define SCOLD_US (60 * G_USEC_PER_SEC)

static void take_state(BcDeviceLink *link, BcLinkDevice *device, BcLinkState *state)
{
    bool online = state->online;
    if (online || !device->known) { /* the last will says nothing but that: what was known stays */
        bc_link_state_clear(&device->state);
        device->state = *state;
        memset(state, 0, sizeof *state);
    } else {
        device->state.online = false;
    }
    device->known = device->dirty = true;
    bc_link_set_online(link, device, online);
    for (unsigned i = 0; i < link->listeners->len; i++) {
        const BcDeviceLinkListener *l = &g_array_index(link->listeners, BcDeviceLinkListener, i);
        if (l->state)
            l->state(device->id, &device->state, l->user);
    }
    if (online)
        bc_commands_repeat_to(link->commands, device->id, bc_device_link_wall_us(link));
}

static void take_ack(BcDeviceLink *link, const char *device, const BcLinkAck *ack)
{
    bc_commands_ack(link->commands, device, ack, bc_device_link_wall_us(link));
    for (unsigned i = 0; i < link->listeners->len; i++) {
        const BcDeviceLinkListener *l = &g_array_index(link->listeners, BcDeviceLinkListener, i);
        if (l->ack)
            l->ack(device, ack, l->user);
    }
}

static int64_t least_sequence(const BcLinkReports *reports)
{
    int64_t least = INT64_MAX;
    for (unsigned i = 0; i < reports->n; i++)
        least = MIN(least, reports->reports[i].sequence);
    return least;
}

/* What is not taken now has no receipt, and nothing after it either, until the device has sent it again. */
static void miss_reports(BcLinkDevice *device, const char *text, gsize len)
{
    BcLinkReports reports;
    if (!bc_link_reports_parse(&reports, text, len, NULL))
        return;
    device->missing_report = MIN(device->missing_report, least_sequence(&reports));
    bc_link_reports_clear(&reports);
}

static void take_reports(BcDeviceLink *link, const char *device, const BcLinkReports *reports)
{
    for (unsigned i = 0; i < link->listeners->len; i++) {
        const BcDeviceLinkListener *l = &g_array_index(link->listeners, BcDeviceLinkListener, i);
        if (l->reports)
            l->reports(device, reports, l->user);
    }
}

/* Who may write here has its present certificate. */
static void take_renewal(BcDeviceLink *link, const char *device, const BcLinkRenewal *renewal)
{
    if (link->options.broker_plain)
        return;
    if (renewal->in_use)
        bc_credentials_in_use(link->credentials, device, renewal->in_use, bc_device_link_wall_us(link));
    if (renewal->csr)
        bc_credentials_renew(link->credentials, device, renewal->csr, strlen(renewal->csr), link->options.certificate_days,
                             bc_device_link_wall_us(link));
}

static bool take_what(BcDeviceLink *link, BcLinkDevice *device, const char *what, const char *text, gsize len, GError **error)
{
    union { BcLinkRenewal renewal; BcLinkState state; BcLinkAck ack; BcLinkReports reports; BcLinkTelemetry telemetry; BcLinkLog log; } m;
    int64_t now_us = bc_device_link_wall_us(link);
    if (strcmp(what, "state") == 0) {
        if (!bc_link_state_parse(&m.state, text, len, error))
            return false;
        take_state(link, device, &m.state);
        bc_link_state_clear(&m.state);
    } else if (strcmp(what, "ack") == 0) {
        if (!bc_link_ack_parse(&m.ack, text, len, error))
            return false;
        take_ack(link, device->id, &m.ack);
        bc_link_ack_clear(&m.ack);
    } else if (strcmp(what, "report") == 0) {
        if (!bc_link_reports_parse(&m.reports, text, len, error))
            return false;
        if (least_sequence(&m.reports) <= device->missing_report)
            device->missing_report = INT64_MAX;
        take_reports(link, device->id, &m.reports);
        bc_link_reports_clear(&m.reports);
    } else if (strcmp(what, "telemetry") == 0) {
        if (!bc_link_telemetry_parse(&m.telemetry, text, len, error))
            return false;
        bc_health_take(link->health, device->id, &m.telemetry, now_us);
        bc_link_telemetry_clear(&m.telemetry);
    } else if (strcmp(what, "renew") == 0) {
        if (!bc_link_renewal_parse(&m.renewal, text, len, error))
            return false;
        take_renewal(link, device->id, &m.renewal);
        bc_link_renewal_clear(&m.renewal);
    } else if (strcmp(what, "log") == 0) {
        if (!bc_link_log_parse(&m.log, text, len, error))
            return false;
        bc_device_log_take(link->options.store, device->id, &m.log, now_us, link->options.log_max_bytes);
        bc_link_log_clear(&m.log);
    }
    return true;
}

/* The broker lets a device write its own topics only; whether it is still ours is known here alone. */
static const char *stranger(BcDeviceLink *link, const char *id)
{
    const BcDevice *device = bc_devices_find(link->options.devices, id);
    return !device            ? "not in the registry (add it, or take it off the broker)"
           : !device->enabled ? "switched off by the operator (enable it, or take its power)"
           : !link->options.broker_plain && !bc_credentials_find(link->credentials, id) ? "not enrolled, or its certificate is withdrawn (give it a new enrolment code)"
                                                                                       : NULL;
}

/* One line a minute for each device: a mad one must not fill the log. */
static void scold(BcDeviceLink *link, BcLinkDevice *device, const char *what, const char *why)
{
    int64_t now_us = md_clock_now_us(link->options.clock);
    if (device->scolded_us && now_us - device->scolded_us < SCOLD_US)
        return;
    device->scolded_us = MAX(now_us, 1);
    const BcDevice *known = bc_devices_find(link->options.devices, device->id);
    md_warning(&link->logger, "%s from %s (%s) is not taken: %s (its next such messages are not told for a minute)", what, device->id,
               known ? known->name : "unknown", why);
}

static void take_vendor(BcDeviceLink *link, const char *topic, const void *data, gsize len)
{
    g_autofree char *id = NULL, *object = NULL;
    if (!bc_link_vendor_topic_parse(topic, &id, &object))
        return;
    const BcDevice *gateway = bc_devices_find(link->options.devices, id);
    const char *why = stranger(link, id);
    if (!why && (gateway->kind != BC_DEVICE_GATEWAY || !gateway->vendor))
        why = "no gateway of another maker";
    if (why) {
        link->refused++;
        md_warning(&link->logger, "%s of the vendor's gateway %s is ignored: %s", object, id, why);
        return;
    }
    BcLinkDevice *device = bc_link_device(link, id, true);
    if (!md_bucket_take(&device->budget, 1, md_clock_now_us(link->options.clock))) {
        link->refused++;
        scold(link, device, object, "it sends too much");
        return;
    }
    device->seen_us = bc_device_link_wall_us(link);
    for (unsigned i = 0; i < link->listeners->len; i++) {
        const BcDeviceLinkListener *l = &g_array_index(link->listeners, BcDeviceLinkListener, i);
        if (l->vendor)
            l->vendor(id, object, data, len, l->user);
    }
}

void bc_device_link_take(BcDeviceLink *link, const char *topic, const void *data, gsize len)
{
    if (g_str_has_prefix(topic, BC_LINK_TOPIC_ROOT "/vendor/")) {
        take_vendor(link, topic, data, len);
        return;
    }
    g_autofree char *id = NULL;
    const char *what = NULL;
    g_autoptr(GError) error = NULL;
    if (!bc_link_topic_parse(topic, &id, &what) || !what || !g_str_has_prefix(topic, BC_LINK_TOPIC_ROOT "/up/"))
        return;
    const char *why = stranger(link, id);
    if (why) {
        link->refused++;
        md_warning(&link->logger, "%s from %s is ignored: %s", what, id, why);
        if (len && link->ejector && !bc_credentials_find(link->credentials, id))
            bc_ejector_add(link->ejector, id, false, md_clock_now_us(link->options.clock));
        return;
    }
    if (len == 0)
        return; /* a retained message was taken back */
    BcLinkDevice *device = bc_link_device(link, id, true);
    if (!md_bucket_take(&device->budget, 1, md_clock_now_us(link->options.clock))) {
        link->refused++;
        if (strcmp(what, "report") == 0)
            miss_reports(device, data, len);
        scold(link, device, what, "it sends too much");
        return;
    }
    if (!take_what(link, device, what, data, len, &error)) {
        link->refused++;
        scold(link, device, what, error->message);
        return;
    }
    if (strcmp(what, "state") != 0 || device->online) {
        device->seen_us = bc_device_link_wall_us(link);
        device->dirty = true;
    }
}
