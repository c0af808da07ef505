/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why a loudspeaker is silent: the causes that look alike from the street, told apart in the order in which to look. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "broadcast/device-link/private.h"

#define WEAK_DBM (-110)
#define CLOCK_BAD_US (2 * G_USEC_PER_SEC)

static void free_silence(gpointer data)
{
    BcSilence *silence = data;
    g_free(silence->text);
    g_free(silence);
}

static G_GNUC_PRINTF(5, 6) void add(GPtrArray *list, const char *cause, bool sure, int64_t since_us, const char *format, ...)
{
    BcSilence *silence = g_new0(BcSilence, 1);
    va_list args;
    va_start(args, format);
    *silence = (BcSilence){cause, g_strdup_vprintf(format, args), since_us, sure};
    va_end(args);
    g_ptr_array_add(list, silence);
}

static bool is_one_of(const char *value, const char *const *words)
{
    for (; value && *words; words++)
        if (g_ascii_strcasecmp(value, *words) == 0)
            return true;
    return false;
}

/* It cannot be heard of: power, signal, or nobody knows. */
static void add_offline(BcDeviceLink *link, const char *id, const BcLinkSeen *seen, GPtrArray *list)
{
    static const char *const without[] = {"battery", "lost", "off", "false", NULL};
    int64_t now_us = bc_device_link_wall_us(link);
    const BcOutage *outage = bc_outages_of(link->outages, id);
    const char *power = bc_health_value(link->health, id, "power", now_us);
    const char *signal_text = bc_health_value(link->health, id, "signal_dbm", now_us);
    if (outage)
        add(list, "outage", true, outage->began_us, "%u loudspeakers went at the same time: %s %s", outage->devices, outage->by, outage->value);
    if (is_one_of(power, without))
        add(list, "no-power", true, seen->changed_us, "it said its mains power was gone (%s) before it went", power);
    if (signal_text && g_ascii_strtod(signal_text, NULL) <= WEAK_DBM)
        add(list, "no-signal", false, seen->changed_us, "its signal was %s dBm before it went: no coverage, or no credit on the SIM", signal_text);
    add(list, "offline", true, seen->changed_us, seen->seen_us ? "it is not connected" : "it has never been heard of");
}

static void add_manifest(BcDeviceLink *link, const char *id, const BcLinkSeen *seen, GPtrArray *list)
{
    const BcLinkState *state = bc_device_link_state(link, id);
    if (!state)
        return;
    if (seen->manifest_published > state->manifest_version)
        add(list, "no-schedule", true, seen->manifest_published_us, "schedule %" G_GINT64_FORMAT " was sent, it holds %" G_GINT64_FORMAT,
            seen->manifest_published, state->manifest_version);
    else if (!state->manifest_version)
        add(list, "no-schedule", true, 0, "it holds no schedule");
    if (state->media_stored < state->media_wanted)
        add(list, "no-media", true, seen->seen_us, "the schedule is stored, %u of %u recordings are not", state->media_wanted - state->media_stored,
            state->media_wanted);
    if (state->clock_offset_us != INT64_MIN && llabs(state->clock_offset_us) > CLOCK_BAD_US)
        add(list, "clock", true, seen->seen_us, "its clock is wrong by %.1f s", (double)state->clock_offset_us / 1e6);
}

/* Since when a reading has said what it says; 0: it says nothing. */
static int64_t since_us(BcDeviceLink *link, const char *id, const char *name)
{
    g_autoptr(GPtrArray) all = bc_health_of(link->health, id);
    for (unsigned i = 0; i < all->len; i++)
        if (strcmp(((const BcReading *)all->pdata[i])->name, name) == 0)
            return ((const BcReading *)all->pdata[i])->since_us;
    return 0;
}

static void add_sound(BcDeviceLink *link, const BcDevice *device, GPtrArray *list)
{
    static const char *const faults[] = {"fault", "failed", "bad", "false", "off", NULL}, *const open[] = {"open", "short", "fault", "false", NULL};
    int64_t now_us = bc_device_link_wall_us(link);
    const char *volume = bc_health_value(link->health, device->id, "volume", now_us);
    const char *amplifier = bc_health_value(link->health, device->id, "amplifier", now_us);
    if (volume && g_ascii_strtod(volume, NULL) <= 0)
        add(list, "volume", true, since_us(link, device->id, "volume"), "it says its volume is 0, set is %u", device->volume);
    else if (device->volume == 0)
        add(list, "volume", true, 0, "its volume is set to 0");
    if (is_one_of(amplifier, faults))
        add(list, "amplifier", true, since_us(link, device->id, "amplifier"), "the amplifier says %s", amplifier);
    static const char *const lines[] = {"left_line_test", "right_line_test", "left_line", "right_line"};
    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        const char *line = bc_health_value(link->health, device->id, lines[i], now_us);
        if (is_one_of(line, open)) {
            add(list, "line-open", true, since_us(link, device->id, lines[i]), "%s is %s", lines[i], line);
            return;
        }
    }
}

/* What the last announcement became, as the play log has it. */
static void add_outcome(const BcDevice *device, GPtrArray *list)
{
    const char *outcome = device->outcome;
    if (!outcome || g_str_has_prefix(outcome, "played"))
        return;
    const char *cause = strstr(outcome, "pre-empt")    ? "pre-empted"
                        : strstr(outcome, "approv")    ? "not-approved"
                                                       : "last-failed";
    add(list, cause, true, device->outcome_us, "last announcement: %s", outcome);
}

GPtrArray *bc_device_link_why_silent(BcDeviceLink *link, const BcDevice *device)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(free_silence);
    BcLinkSeen seen = {0};
    if (!device->enabled)
        add(list, "disabled", true, 0, "it is switched off in the registry");
    if (link && device->kind == BC_DEVICE_LINK) {
        bc_device_link_seen(link, device->id, &seen);
        if (!link->options.broker_plain && !bc_credentials_find(link->credentials, device->id))
            add(list, "not-enrolled", true, 0, "it has no valid certificate: make a code and enrol it");
        const BcCredential *credential = bc_credentials_find(link->credentials, device->id);
        int64_t left_us = credential ? credential->expires_us - bc_device_link_wall_us(link) : INT64_MAX;
        if (left_us <= 0)
            add(list, "certificate", true, credential->expires_us, "its certificate has ended and was not renewed: make a code and enrol it");
        if (!bc_device_link_connected(link))
            add(list, "server-link", true, link->down_us, "mediad has no connection to the broker: what follows may be old");
        if (!seen.online)
            add_offline(link, device->id, &seen, list);
        add_manifest(link, device->id, &seen, list);
        add_sound(link, device, list);
        if (left_us > 0 && left_us < BC_LINK_ENDING_US)
            add(list, "certificate", false, 0, "its certificate ends in %d days and is not renewed yet", (int)(left_us / (86400ll * G_USEC_PER_SEC)));
    } else if (device->volume == 0) {
        add(list, "volume", true, 0, "its volume is set to 0");
    }
    add_outcome(device, list);
    return list;
}
