/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/link/protocol.h"

#include <stddef.h>
#include <string.h>
#include "broadcast/link/fields.h"
#include "broadcast/link/json.h"

#define TIME_MAX_MS 253402300799000ll    /* the last moment of the year 9999 */
#define DURATION_MAX_MS 2678400000ll     /* 31 days */
#define EXACT_MAX 9007199254740991ll     /* 2^53 - 1: what every JSON reader keeps exactly */

#define TEXT(T, m, n) {.name = n, .kind = BC_FIELD_TEXT, .offset = offsetof(T, m), .max = BC_LINK_TEXT_MAX}
#define CODE(T, m, n) {.name = n, .kind = BC_FIELD_CODE, .offset = offsetof(T, m), .max = 128}
#define NEED_CODE(T, m, n) {.name = n, .kind = BC_FIELD_CODE, .offset = offsetof(T, m), .max = 128, .required = true}
#define SHA(T, m, n) {.name = n, .kind = BC_FIELD_SHA256, .offset = offsetof(T, m), .max = 64}
#define TIME(T, m, n) {.name = n, .kind = BC_FIELD_MS, .offset = offsetof(T, m), .max = TIME_MAX_MS}
#define NEED_TIME(T, m, n) {.name = n, .kind = BC_FIELD_MS, .offset = offsetof(T, m), .max = TIME_MAX_MS, .required = true}
#define DURATION(T, m, n) {.name = n, .kind = BC_FIELD_MS, .offset = offsetof(T, m), .max = DURATION_MAX_MS}
#define NUMBER(T, m, n, KIND, low, high, if_absent) \
    {.name = n, .kind = KIND, .offset = offsetof(T, m), .min = low, .max = high, .def = if_absent}
#define NEED_NUMBER(T, m, n, KIND, low, high) \
    {.name = n, .kind = KIND, .offset = offsetof(T, m), .min = low, .max = high, .def = low, .required = true}
#define TRUTH(T, m, n) {.name = n, .kind = BC_FIELD_BOOL, .offset = offsetof(T, m), .max = 1}
#define REAL(T, m, n, low, high) {.name = n, .kind = BC_FIELD_REAL, .offset = offsetof(T, m), .min = low, .max = high}
#define WORD(T, m, n, list, if_absent) \
    {.name = n, .kind = BC_FIELD_WORD, .offset = offsetof(T, m), .max = G_N_ELEMENTS(list), .def = if_absent, .words = list}
#define AREAS(T, m) {.name = "areas", .kind = BC_FIELD_CODES, .offset = offsetof(T, m), .max = BC_LINK_AREAS_MAX}

static const char *const kinds[BC_LINK_KIND_MAX] = {"content", "relay", "silence"};
static const char *const verbs[BC_LINK_VERB_MAX] = {"play",    "alert", "live",     "stop",     "stop-all",  "volume",
                                                    "restart", "fetch", "send-log", "firmware", "line-test", "blank"};
static const char *const sirens[BC_SIREN_MAX] = {"none", "chime", "storm", "flood", "urgent", "drill", "all-clear"};

const char *bc_link_verb_to_string(BcLinkVerb verb)
{
    return (unsigned)verb < BC_LINK_VERB_MAX ? verbs[verb] : "unknown";
}

const char *bc_siren_to_string(BcSirenPattern pattern)
{
    return (unsigned)pattern < BC_SIREN_MAX ? sirens[pattern] : "unknown";
}

static const BcField media_fields[] = {
    SHA(BcLinkMedia, sha256, "sha256"),
    {.name = "path", .kind = BC_FIELD_PATH, .offset = offsetof(BcLinkMedia, path), .max = 200},
    {.name = "media_type", .kind = BC_FIELD_TEXT, .offset = offsetof(BcLinkMedia, media_type), .max = 100},
    NUMBER(BcLinkMedia, bytes, "bytes", BC_FIELD_LONG, 0, EXACT_MAX, 0),
    {0},
};

static const BcField item_fields[] = {
    {.name = "kind", .kind = BC_FIELD_WORD, .offset = offsetof(BcLinkItem, kind), .max = BC_LINK_KIND_MAX, .words = kinds, .required = true},
    NEED_CODE(BcLinkItem, occurrence, "occurrence"),
    TEXT(BcLinkItem, title, "title"),
    TIME(BcLinkItem, start_us, "start_ms"),
    DURATION(BcLinkItem, duration_us, "duration_ms"),
    TIME(BcLinkItem, expires_us, "expires_ms"),
    DURATION(BcLinkItem, grace_us, "grace_ms"),
    NEED_NUMBER(BcLinkItem, priority, "priority", BC_FIELD_UINT, 1, 3),
    NEED_NUMBER(BcLinkItem, authority, "authority", BC_FIELD_UINT, 0, 3),
    TIME(BcLinkItem, made_us, "made_ms"),
    NUMBER(BcLinkItem, repeats, "repeats", BC_FIELD_UINT, 1, 100, 1),
    DURATION(BcLinkItem, gap_us, "gap_ms"),
    TRUTH(BcLinkItem, resume, "resume"),
    TRUTH(BcLinkItem, quiet_ok, "quiet_ok"),
    NUMBER(BcLinkItem, volume, "volume", BC_FIELD_INT, -1, 100, -1),
    {.name = "media", .kind = BC_FIELD_OBJECT, .offset = offsetof(BcLinkItem, media), .sub = media_fields},
    {.name = "relay_url", .kind = BC_FIELD_TEXT, .offset = offsetof(BcLinkItem, relay_url), .max = 1000},
    {.name = "fallback", .kind = BC_FIELD_OBJECT, .offset = offsetof(BcLinkItem, fallback), .sub = media_fields},
    DURATION(BcLinkItem, silence_max_us, "silence_max_ms"),
    {0},
};

static const BcField quiet_fields[] = {
    NEED_NUMBER(BcLinkWindow, from_min, "from_min", BC_FIELD_UINT, 0, 1439),
    NEED_NUMBER(BcLinkWindow, to_min, "to_min", BC_FIELD_UINT, 0, 1439),
    {0},
};
static const BcField volume_fields[] = {
    NEED_NUMBER(BcLinkWindow, from_min, "from_min", BC_FIELD_UINT, 0, 1439),
    NEED_NUMBER(BcLinkWindow, to_min, "to_min", BC_FIELD_UINT, 0, 1439),
    NEED_NUMBER(BcLinkWindow, volume, "volume", BC_FIELD_UINT, 0, 100),
    {0},
};

static const BcField manifest_fields[] = {
    {.name = "device", .kind = BC_FIELD_DEVICE, .offset = offsetof(BcLinkManifest, device), .required = true},
    NEED_NUMBER(BcLinkManifest, version, "version", BC_FIELD_LONG, 1, EXACT_MAX),
    NEED_TIME(BcLinkManifest, issued_us, "issued_ms"),
    NEED_TIME(BcLinkManifest, valid_until_us, "valid_until_ms"),
    {.name = "zone", .kind = BC_FIELD_TEXT, .offset = offsetof(BcLinkManifest, zone), .max = 64, .required = true},
    AREAS(BcLinkManifest, areas),
    {.name = "media_base", .kind = BC_FIELD_TEXT, .offset = offsetof(BcLinkManifest, media_base), .max = 300},
    NEED_NUMBER(BcLinkManifest, volume, "volume", BC_FIELD_UINT, 0, 100),
    {.name = "volumes", .kind = BC_FIELD_ROWS, .offset = offsetof(BcLinkManifest, volumes), .max = BC_LINK_WINDOWS_MAX,
     .sub = volume_fields, .size = sizeof(BcLinkWindow), .count_offset = offsetof(BcLinkManifest, n_volumes)},
    {.name = "quiet", .kind = BC_FIELD_ROWS, .offset = offsetof(BcLinkManifest, quiet), .max = BC_LINK_WINDOWS_MAX, .sub = quiet_fields,
     .size = sizeof(BcLinkWindow), .count_offset = offsetof(BcLinkManifest, n_quiet)},
    TIME(BcLinkManifest, stop_before_us, "stop_before_ms"),
    NUMBER(BcLinkManifest, live_buffer_ms, "live_buffer_ms", BC_FIELD_UINT, 0, 10000, 0),
    {.name = "items", .kind = BC_FIELD_LIST, .offset = offsetof(BcLinkManifest, items), .max = BC_LINK_ITEMS_MAX, .sub = item_fields,
     .size = sizeof(BcLinkItem), .count_offset = offsetof(BcLinkManifest, n_items), .required = true},
    {0},
};

static const BcField live_fields[] = {
    NEED_CODE(BcLinkLive, occurrence, "occurrence"),
    TEXT(BcLinkLive, title, "title"),
    {.name = "host", .kind = BC_FIELD_TEXT, .offset = offsetof(BcLinkLive, host), .max = 255, .required = true},
    NEED_NUMBER(BcLinkLive, port, "port", BC_FIELD_U16, 1, 65535),
    TRUTH(BcLinkLive, multicast, "multicast"),
    NEED_NUMBER(BcLinkLive, priority, "priority", BC_FIELD_UINT, 1, 3),
    NEED_NUMBER(BcLinkLive, authority, "authority", BC_FIELD_UINT, 0, 3),
    NEED_CODE(BcLinkLive, codec, "codec"),
    NEED_NUMBER(BcLinkLive, payload_type, "payload_type", BC_FIELD_UINT, 0, 127),
    NEED_NUMBER(BcLinkLive, frame_ms, "frame_ms", BC_FIELD_UINT, 1, 200),
    {.name = "srtp", .kind = BC_FIELD_TEXT, .offset = offsetof(BcLinkLive, srtp), .max = 300},
    NUMBER(BcLinkLive, buffer_ms, "buffer_ms", BC_FIELD_UINT, 0, 10000, 0),
    TRUTH(BcLinkLive, quiet_ok, "quiet_ok"),
    NEED_TIME(BcLinkLive, expires_us, "expires_ms"),
    {0},
};

/* Without item and live: which of them belongs there depends on the verb. */
static const BcField command_fields[] = {
    NEED_CODE(BcLinkCommand, id, "id"),
    {.name = "verb", .kind = BC_FIELD_WORD, .offset = offsetof(BcLinkCommand, verb), .max = BC_LINK_VERB_MAX, .words = verbs, .required = true},
    NEED_TIME(BcLinkCommand, issued_us, "issued_ms"),
    NEED_TIME(BcLinkCommand, expires_us, "expires_ms"),
    AREAS(BcLinkCommand, areas),
    WORD(BcLinkCommand, siren, "siren", sirens, BC_SIREN_NONE),
    NUMBER(BcLinkCommand, siren_rounds, "siren_rounds", BC_FIELD_UINT, 0, 3, 0),
    CODE(BcLinkCommand, occurrence, "occurrence"),
    NUMBER(BcLinkCommand, volume, "volume", BC_FIELD_INT, -1, 100, -1),
    {.name = "firmware_url", .kind = BC_FIELD_TEXT, .offset = offsetof(BcLinkCommand, firmware_url), .max = 1000},
    {.name = "firmware_sha256", .kind = BC_FIELD_SHA256, .offset = offsetof(BcLinkCommand, firmware_sha256), .max = 64},
    CODE(BcLinkCommand, firmware_version, "firmware_version"),
    {.name = "firmware_notice", .kind = BC_FIELD_TEXT, .offset = offsetof(BcLinkCommand, firmware_notice), .max = 4096},
    {0},
};
static const BcField command_item[] = {
    {.name = "item", .kind = BC_FIELD_OBJECT, .offset = offsetof(BcLinkCommand, item), .sub = item_fields, .required = true}, {0}};
static const BcField command_live[] = {
    {.name = "live", .kind = BC_FIELD_OBJECT, .offset = offsetof(BcLinkCommand, live), .sub = live_fields, .required = true}, {0}};

static const BcField firmware_fields[] = {
    NEED_CODE(BcLinkFirmware, product, "product"),
    NEED_CODE(BcLinkFirmware, version, "version"),
    {.name = "sha256", .kind = BC_FIELD_SHA256, .offset = offsetof(BcLinkFirmware, sha256), .max = 64, .required = true},
    NEED_NUMBER(BcLinkFirmware, bytes, "bytes", BC_FIELD_LONG, 1, EXACT_MAX),
    TIME(BcLinkFirmware, issued_us, "issued_ms"),
    {0},
};

static const BcField ack_fields[] = {
    NEED_CODE(BcLinkAck, command, "command"),
    NEED_CODE(BcLinkAck, state, "state"),
    TEXT(BcLinkAck, reason, "reason"),
    TIME(BcLinkAck, at_us, "at_ms"),
    {0},
};

static const BcField report_fields[] = {
    NEED_CODE(BcLinkReport, occurrence, "occurrence"),
    SHA(BcLinkReport, sha256, "sha256"),
    NEED_CODE(BcLinkReport, state, "state"),
    TEXT(BcLinkReport, reason, "reason"),
    TIME(BcLinkReport, from_us, "from_ms"),
    TIME(BcLinkReport, to_us, "to_ms"),
    REAL(BcLinkReport, level_dbfs, "level_dbfs", -1000, 1000),
    CODE(BcLinkReport, level_source, "level_source"),
    REAL(BcLinkReport, match, "match", 0, 1),
    NEED_NUMBER(BcLinkReport, sequence, "sequence", BC_FIELD_LONG, 0, EXACT_MAX),
    {0},
};
static const BcField reports_fields[] = {
    {.name = "reports", .kind = BC_FIELD_LIST, .offset = offsetof(BcLinkReports, reports), .max = BC_LINK_REPORTS_MAX, .sub = report_fields,
     .size = sizeof(BcLinkReport), .count_offset = offsetof(BcLinkReports, n), .required = true},
    {0},
};

static const BcField receipt_fields[] = {
    NEED_NUMBER(BcLinkReceipt, sequence, "sequence", BC_FIELD_LONG, 0, EXACT_MAX),
    {0},
};

#define PEM(T, m, n) {.name = n, .kind = BC_FIELD_PAGE, .offset = offsetof(T, m), .max = BC_LINK_PEM_MAX}
static const BcField renewal_fields[] = {
    PEM(BcLinkRenewal, csr, "csr"),
    CODE(BcLinkRenewal, in_use, "in_use"),
    {0},
};

static const BcField certificate_fields[] = {
    PEM(BcLinkCertificate, certificate, "certificate"),
    CODE(BcLinkCertificate, serial, "serial"),
    TIME(BcLinkCertificate, expires_us, "expires_ms"),
    TEXT(BcLinkCertificate, reason, "reason"),
    {0},
};

static const BcField reading_fields[] = {
    NEED_CODE(BcLinkReading, name, "name"),
    {.name = "value", .kind = BC_FIELD_VALUE, .offset = offsetof(BcLinkReading, text), .max = 200,
     .count_offset = offsetof(BcLinkReading, number), .required = true},
    CODE(BcLinkReading, source, "source"),
    TIME(BcLinkReading, at_us, "at_ms"),
    {0},
};
static const BcField telemetry_fields[] = {
    {.name = "readings", .kind = BC_FIELD_LIST, .offset = offsetof(BcLinkTelemetry, readings), .max = BC_LINK_READINGS_MAX,
     .sub = reading_fields, .size = sizeof(BcLinkReading), .count_offset = offsetof(BcLinkTelemetry, n), .required = true},
    {0},
};

static const BcField state_fields[] = {
    {.name = "online", .kind = BC_FIELD_BOOL, .offset = offsetof(BcLinkState, online), .max = 1, .required = true},
    TEXT(BcLinkState, software, "software"),
    TEXT(BcLinkState, abilities, "abilities"),
    TEXT(BcLinkState, formats, "formats"),
    NUMBER(BcLinkState, manifest_version, "manifest_version", BC_FIELD_LONG, 0, EXACT_MAX, 0),
    NUMBER(BcLinkState, media_wanted, "media_wanted", BC_FIELD_UINT, 0, 1000000, 0),
    NUMBER(BcLinkState, media_stored, "media_stored", BC_FIELD_UINT, 0, 1000000, 0),
    CODE(BcLinkState, playing, "playing"),
    NUMBER(BcLinkState, clock_offset_us, "clock_offset_us", BC_FIELD_LONG, -EXACT_MAX, EXACT_MAX, INT64_MIN),
    REAL(BcLinkState, clock_drift_ppm, "clock_drift_ppm", -1000000, 1000000),
    TIME(BcLinkState, boot_us, "boot_ms"),
    {0},
};

static const BcField log_fields[] = {
    CODE(BcLinkLog, command, "command"),
    NUMBER(BcLinkLog, part, "part", BC_FIELD_UINT, 0, 999, 0),
    NUMBER(BcLinkLog, parts, "parts", BC_FIELD_UINT, 1, 1000, 1),
    {.name = "text", .kind = BC_FIELD_PAGE, .offset = offsetof(BcLinkLog, text), .max = BC_LINK_LOG_MAX, .required = true},
    {0},
};

static const BcField clock_fields[] = {
    NEED_NUMBER(BcLinkClock, t0_us, "t0_us", BC_FIELD_LONG, -EXACT_MAX, EXACT_MAX),
    NUMBER(BcLinkClock, t1_us, "t1_us", BC_FIELD_LONG, -EXACT_MAX, EXACT_MAX, 0),
    NUMBER(BcLinkClock, t2_us, "t2_us", BC_FIELD_LONG, -EXACT_MAX, EXACT_MAX, 0),
    {0},
};

static char *format(const BcField *table, const void *from)
{
    GString *out = g_string_new(NULL);
    bc_fields_write(table, from, out);
    return g_string_free(out, FALSE);
}

static JsonObject *open_object(const char *json, gsize len, GError **error)
{
    if (len > BC_LINK_MESSAGE_MAX) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_LIMIT, "a message of %zu bytes, at most %u", len, BC_LINK_MESSAGE_MAX);
        return NULL;
    }
    return bc_json_parse_object(json, len, error);
}

/* ret is untouched unless it all fits. size: at most what the largest message needs. */
static bool parse(const BcField *table, void *ret, gsize size, const char *json, gsize len, GError **error)
{
    g_autoptr(JsonObject) object = open_object(json, len, error);
    if (!object)
        return false;
    g_autofree void *read = g_malloc0(size);
    if (!bc_fields_read(table, object, read, error)) {
        bc_fields_clear(table, read);
        return false;
    }
    memcpy(ret, read, size);
    return true;
}

#define MESSAGE(Type, noun, table)                                                                  \
    void bc_link_##noun##_clear(Type *message)                                                      \
    {                                                                                               \
        bc_fields_clear(table, message);                                                            \
    }                                                                                               \
    char *bc_link_##noun##_format(const Type *message)                                              \
    {                                                                                               \
        return format(table, message);                                                              \
    }                                                                                               \
    bool bc_link_##noun##_parse(Type *ret, const char *json, gsize len, GError **error)             \
    {                                                                                               \
        return parse(table, ret, sizeof *ret, json, len, error);                                    \
    }
MESSAGE(BcLinkFirmware, firmware, firmware_fields)
MESSAGE(BcLinkAck, ack, ack_fields)
MESSAGE(BcLinkReports, reports, reports_fields)
MESSAGE(BcLinkReceipt, receipt, receipt_fields)
MESSAGE(BcLinkRenewal, renewal, renewal_fields)
MESSAGE(BcLinkCertificate, certificate, certificate_fields)
MESSAGE(BcLinkTelemetry, telemetry, telemetry_fields)
MESSAGE(BcLinkState, state, state_fields)
MESSAGE(BcLinkLog, log, log_fields)

void bc_link_manifest_clear(BcLinkManifest *manifest)
{
    bc_fields_clear(manifest_fields, manifest);
}

char *bc_link_manifest_format(const BcLinkManifest *manifest)
{
    return format(manifest_fields, manifest);
}

bool bc_link_manifest_parse(BcLinkManifest *ret, const char *json, gsize len, GError **error)
{
    BcLinkManifest manifest;
    if (!parse(manifest_fields, &manifest, sizeof manifest, json, len, error))
        return false;
    for (unsigned i = 1; i < manifest.n_items; i++)
        if (manifest.items[i].start_us < manifest.items[i - 1].start_us) {
            g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT, "items[%u].start_ms: earlier than the one before", i);
            bc_link_manifest_clear(&manifest);
            return false;
        }
    *ret = manifest;
    return true;
}

/* Which part of a command its verb needs; NULL: the head says it all. */
static const BcField *part_of(BcLinkVerb verb)
{
    return verb == BC_LINK_PLAY || verb == BC_LINK_ALERT ? command_item : verb == BC_LINK_LIVE ? command_live : NULL;
}

void bc_link_command_clear(BcLinkCommand *command)
{
    bc_fields_clear(command_fields, command);
    bc_fields_clear(command_item, command);
    bc_fields_clear(command_live, command);
}

char *bc_link_command_format(const BcLinkCommand *command)
{
    const BcField *part = part_of(command->verb);
    GString *out = g_string_new(NULL);
    bc_fields_write(command_fields, command, out);
    if (part) {
        g_autofree char *more = format(part, command);
        g_string_truncate(out, out->len - 1);
        g_string_append_printf(out, ",%s", more + 1);
    }
    return g_string_free(out, FALSE);
}

static bool check_command(const BcLinkCommand *c, GError **error)
{
    const char *bad = c->verb == BC_LINK_STOP && !c->occurrence                                ? "occurrence: is missing"
                      : (c->verb == BC_LINK_VOLUME || c->verb == BC_LINK_BLANK) && c->volume < 0 ? "volume: is missing"
                      : c->verb == BC_LINK_FIRMWARE && (!c->firmware_url || !*c->firmware_sha256 || !c->firmware_version || !c->firmware_notice)
                          ? "firmware_url, firmware_sha256, firmware_version or firmware_notice: is missing"
                      : c->expires_us <= c->issued_us ? "expires_ms: not after issued_ms"
                                                      : NULL;
    if (bad)
        g_set_error_literal(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT, bad);
    return !bad;
}

bool bc_link_command_parse(BcLinkCommand *ret, const char *json, gsize len, GError **error)
{
    BcLinkCommand command = {0};
    g_autoptr(JsonObject) object = open_object(json, len, error);
    if (!object)
        return false;
    bool ok = bc_fields_read(command_fields, object, &command, error);
    const BcField *part = ok ? part_of(command.verb) : NULL;
    if (ok && (!part || bc_fields_read(part, object, &command, error)) && check_command(&command, error)) {
        *ret = command;
        return true;
    }
    bc_link_command_clear(&command);
    return false;
}

char *bc_link_clock_format(const BcLinkClock *clock)
{
    return format(clock_fields, clock);
}

bool bc_link_clock_parse(BcLinkClock *ret, const char *json, gsize len, GError **error)
{
    return parse(clock_fields, ret, sizeof *ret, json, len, error);
}
