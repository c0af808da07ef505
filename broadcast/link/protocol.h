/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/link/jws.h"

/* The words of the device link (docs/loudspeaker-protocol.md): what mediad, speakerd and the simulator say to each other over
 * MQTT. Pure functions of text; any thread. Parsers tolerate unknown fields, refuse everything beyond the limits below, and say
 * which field was wrong. On the wire times are milliseconds since 1970 UTC (JSON numbers), durations milliseconds; in memory
 * int64 microseconds. Structures own their strings unless said; _clear frees what they own.
 *
 * Topics, one credential per device, whose name is the device's id:
 *   mediad/1/down/ID/keys      retained  JWS typ "mediad-keys" over a JWKS; believed when signed by a key believed already
 *   mediad/1/down/ID/manifest  retained  JWS typ "mediad-manifest"
 *   mediad/1/down/ID/command   QoS 1     JWS typ "mediad-command"; the same bytes may go to many devices
 *   mediad/1/down/ID/clock     QoS 0     JSON: answer to a clock question
 *   mediad/1/down/ID/receipt   QoS 1     JSON: {"sequence":N}: reports up to N are durable at the server, the device may forget them
 *   mediad/1/up/ID/state       retained  JSON; the last will is {"online":false}
 *   mediad/1/up/ID/clock       QoS 0     JSON: clock question
 *   mediad/1/up/ID/ack, /telemetry, /report, /log   QoS 1  JSON
 */
#define BC_LINK_TOPIC_ROOT "mediad/1"
#define BC_LINK_MESSAGE_MAX (1024u * 1024)  /* bytes of one message */
#define BC_LINK_ITEMS_MAX 2000u             /* in one manifest */
#define BC_LINK_WINDOWS_MAX 48u             /* quiet hours and volume windows, each */
#define BC_LINK_AREAS_MAX 32u
#define BC_LINK_READINGS_MAX 64u            /* in one telemetry message */
#define BC_LINK_REPORTS_MAX 100u            /* in one report message */
#define BC_LINK_TEXT_MAX 500u               /* bytes of a reason or title */
#define BC_LINK_LOG_MAX (64u * 1024)        /* bytes of one log message */

/* _MAX: read from a word this program does not know: refuse the item and say so. */
typedef enum BcLinkItemKind { BC_LINK_CONTENT, BC_LINK_RELAY, BC_LINK_SILENCE, BC_LINK_KIND_MAX } BcLinkItemKind;
typedef struct BcLinkMedia {     /* a file to fetch and keep */
    char *sha256;                /* of the file itself, 64 hex digits; "" none */
    char *path;                  /* under the manifest's media base: "SHA/programme.mp3" */
    char *media_type;            /* "audio/mpeg", "audio/ogg" … */
    int64_t bytes;
} BcLinkMedia;

typedef struct BcLinkItem {      /* something to be played at its time, network or no network */
    BcLinkItemKind kind;
    char *occurrence;            /* what reports name: the same for every device */
    char *title;
    int64_t start_us, duration_us; /* wall; duration is the whole of it with repeats and gaps */
    int64_t expires_us;          /* never begins, and never goes on, at or after this moment; 0: start + duration */
    int64_t grace_us;            /* how late it may still begin */
    unsigned priority;           /* 1 emergency, 2 priority, 3 normal */
    unsigned authority;          /* 0 central, 1 province, 2 commune, 3 village: the smaller goes first at equal priority */
    int64_t made_us;             /* the newer goes first when all else is equal */
    unsigned repeats;            /* 1..100 */
    int64_t gap_us;              /* silence between repeats */
    bool resume;                 /* cut off by something else: goes on at its wall-clock place; false: dropped */
    bool quiet_ok;               /* two people have let it sound in quiet hours */
    int volume;                  /* 0..100, -1: as the hour says */
    BcLinkMedia media;           /* BC_LINK_CONTENT */
    char *relay_url;             /* BC_LINK_RELAY */
    BcLinkMedia fallback;        /* played when the relay fails or falls silent; sha256 "" none */
    int64_t silence_max_us;      /* relay: silent so long means failed */
} BcLinkItem;

typedef struct BcLinkWindow {    /* a daily window in the manifest's zone; may pass midnight */
    unsigned from_min, to_min;   /* minutes after midnight, 0..1439 */
    unsigned volume;             /* volume windows only: greatest volume, 0..100 */
} BcLinkWindow;

typedef struct BcLinkManifest {
    char *device;
    int64_t version;             /* grows; a smaller one than stored is refused */
    int64_t issued_us, valid_until_us;
    char *zone;                  /* "Asia/Ho_Chi_Minh" */
    char *areas[BC_LINK_AREAS_MAX + 1]; /* its area and those above, from below */
    char *media_base;            /* "https://host:8443/api/v1/link/media/" */
    unsigned volume;             /* 0..100 */
    BcLinkWindow volumes[BC_LINK_WINDOWS_MAX];
    unsigned n_volumes;
    BcLinkWindow quiet[BC_LINK_WINDOWS_MAX]; /* only emergencies and items marked so sound here; the server has planned around them: the device's own guard */
    unsigned n_quiet;
    int64_t stop_before_us;      /* whatever was begun or issued before this moment is not to sound (stop-all); 0 none */
    unsigned live_buffer_ms;
    BcLinkItem *items;           /* by start */
    unsigned n_items;
} BcLinkManifest;

void bc_link_manifest_clear(BcLinkManifest *manifest);
char *bc_link_manifest_format(const BcLinkManifest *manifest); /* JSON; g_free */
bool bc_link_manifest_parse(BcLinkManifest *ret, const char *json, gsize len, GError **error);

typedef enum BcLinkVerb {
    BC_LINK_PLAY,       /* item: now or at its start */
    BC_LINK_ALERT,      /* item, and a siren pattern or lead-in first, made by the device itself: sounds before anything is fetched */
    BC_LINK_LIVE,       /* live sound */
    BC_LINK_STOP,       /* occurrence */
    BC_LINK_STOP_ALL,   /* everything now sounding or issued before */
    BC_LINK_VOLUME, BC_LINK_RESTART, BC_LINK_FETCH /* manifest and media anew */, BC_LINK_SEND_LOG, BC_LINK_FIRMWARE, BC_LINK_LINE_TEST,
    BC_LINK_BLANK,      /* boards: on/off by volume 1/0 */
    BC_LINK_VERB_MAX,   /* read from a word this program does not know: refuse the command with "unknown" */
} BcLinkVerb;
const char *bc_link_verb_to_string(BcLinkVerb verb); /* "play", "alert", "live", "stop", "stop-all", "volume" … */

typedef enum BcSirenPattern { /* domain: 3 x 20 s gap 10 s up to 3 times; 2 x 10 s gap 10 s up to 2; 5 x 30 s gap 5 s up to 3 */
    BC_SIREN_NONE, BC_SIREN_CHIME /* lead-in of 2 s */, BC_SIREN_STORM, BC_SIREN_FLOOD, BC_SIREN_URGENT, BC_SIREN_DRILL /* soft, unlike any other */,
    BC_SIREN_ALL_CLEAR, BC_SIREN_MAX } BcSirenPattern;
const char *bc_siren_to_string(BcSirenPattern pattern);

typedef struct BcLinkLive {
    char *occurrence, *title;
    char *host;                  /* where to ask for it (UDP), or the multicast group */
    uint16_t port;
    bool multicast;
    unsigned priority, authority;
    char *codec;                 /* "opus", "g722", "pcma", "pcmu" */
    unsigned payload_type, frame_ms;
    char *srtp;                  /* RFC 4568 inline key "AEAD_AES_128_GCM inline:…"; NULL plain */
    unsigned buffer_ms;
    bool quiet_ok;               /* two people have released the quiet hours for it */
    int64_t expires_us;          /* ends by itself then, whatever happens */
} BcLinkLive;

typedef struct BcLinkCommand {
    char *id;                    /* acknowledged by it; the same id twice is obeyed once */
    BcLinkVerb verb;
    int64_t issued_us, expires_us; /* refused from expires on */
    char *areas[BC_LINK_AREAS_MAX + 1]; /* none: whoever gets it; else the device must lie in one of them */
    BcLinkItem item;             /* PLAY, ALERT; start_us 0: at once */
    BcSirenPattern siren;
    unsigned siren_rounds;       /* 1..3 */
    BcLinkLive live;
    char *occurrence;            /* STOP */
    int volume;                  /* VOLUME, BLANK; -1 none */
    char *firmware_url, *firmware_sha256, *firmware_version; /* FIRMWARE: the image itself is signed too (typ "mediad-firmware") */
    char *firmware_notice;       /* FIRMWARE: JWS typ "mediad-firmware" over a BcLinkFirmware, by the image's maker or the province */
} BcLinkCommand;
void bc_link_command_clear(BcLinkCommand *command);
char *bc_link_command_format(const BcLinkCommand *command);
bool bc_link_command_parse(BcLinkCommand *ret, const char *json, gsize len, GError **error);

/* What is signed of a firmware image: a device installs nothing whose product, version, hash and length do not all fit. */
typedef struct BcLinkFirmware {
    char *product, *version, *sha256;
    int64_t bytes, issued_us;
} BcLinkFirmware;
void bc_link_firmware_clear(BcLinkFirmware *firmware);
char *bc_link_firmware_format(const BcLinkFirmware *firmware);
bool bc_link_firmware_parse(BcLinkFirmware *ret, const char *json, gsize len, GError **error);

typedef struct BcLinkAck {
    char *command;
    char *state;                 /* "received", "done", "refused" */
    char *reason;                /* refused: "signature", "expired", "area", "unknown", "failed: …" */
    int64_t at_us;               /* the device's clock, corrected */
} BcLinkAck;
void bc_link_ack_clear(BcLinkAck *ack);
char *bc_link_ack_format(const BcLinkAck *ack);
bool bc_link_ack_parse(BcLinkAck *ret, const char *json, gsize len, GError **error);

typedef struct BcLinkReport {    /* what became of one occurrence at one device */
    char *occurrence;
    char *sha256;                /* of what was played, "" none */
    char *state;                 /* "began", "ended", "cut", "missed", "refused" */
    char *reason;                /* cut: by what; missed: "media not fetched", "power was off" …; NULL */
    int64_t from_us, to_us;      /* first and last sample out of the output, 0 not yet */
    double level_dbfs;           /* read back while it played; NAN: not measured */
    char *level_source;          /* "loopback", "microphone", "none" */
    double match;                /* 0..1 likeness of what was read back with what was meant; NAN: not measured */
    int64_t sequence;            /* of this device, grows over restarts: a repeated report is known by it */
} BcLinkReport;
typedef struct BcLinkReports { BcLinkReport *reports; unsigned n; } BcLinkReports;
void bc_link_reports_clear(BcLinkReports *reports);
char *bc_link_reports_format(const BcLinkReports *reports); /* {"reports":[…]} */
bool bc_link_reports_parse(BcLinkReports *ret, const char *json, gsize len, GError **error);

/* Until its receipt comes a device keeps a report and sends it again after every reconnect. */
typedef struct BcLinkReceipt { int64_t sequence; } BcLinkReceipt;
void bc_link_receipt_clear(BcLinkReceipt *receipt);
char *bc_link_receipt_format(const BcLinkReceipt *receipt);
bool bc_link_receipt_parse(BcLinkReceipt *ret, const char *json, gsize len, GError **error);

#define BC_LINK_PEM_MAX 16384u
/* From the device, on its own topic, which its certificate alone opens: a request for a new certificate, or the serial of the one that it has
 * put in the place of the former. Both NULL: nothing. */
typedef struct BcLinkRenewal {
    char *csr;                   /* PKCS#10 as PEM */
    char *in_use;                /* upper-case hexadecimal */
} BcLinkRenewal;
void bc_link_renewal_clear(BcLinkRenewal *renewal);
char *bc_link_renewal_format(const BcLinkRenewal *renewal);
bool bc_link_renewal_parse(BcLinkRenewal *ret, const char *json, gsize len, GError **error);

typedef struct BcLinkCertificate { /* the answer: a certificate, or why there is none */
    char *certificate, *serial;
    int64_t expires_us;
    char *reason;
} BcLinkCertificate;
void bc_link_certificate_clear(BcLinkCertificate *certificate);
char *bc_link_certificate_format(const BcLinkCertificate *certificate);
bool bc_link_certificate_parse(BcLinkCertificate *ret, const char *json, gsize len, GError **error);

typedef struct BcLinkReading {   /* one telemetry value */
    char *name;                  /* "volume", "temperature_c", "signal_dbm", "carrier", "network", "supply_v", "power" ("mains"/"battery"), "left_line", "right_line" … */
    char *text;                  /* value as text; numbers too */
    bool number;
    char *source;                /* "measured", "configured", "derived", "vendor" */
    int64_t at_us;
} BcLinkReading;
typedef struct BcLinkTelemetry { BcLinkReading *readings; unsigned n; } BcLinkTelemetry;
void bc_link_telemetry_clear(BcLinkTelemetry *telemetry);
char *bc_link_telemetry_format(const BcLinkTelemetry *telemetry);
bool bc_link_telemetry_parse(BcLinkTelemetry *ret, const char *json, gsize len, GError **error);

typedef struct BcLinkState {
    bool online;
    char *software;              /* "speakerd 0.1.0" */
    char *abilities;             /* comma-separated: "content,relay,live,siren,proof-loopback,display" */
    char *formats;               /* comma-separated media types */
    int64_t manifest_version;    /* stored and believed; 0 none */
    unsigned media_wanted, media_stored; /* files of that manifest */
    char *playing;               /* occurrence now sounding, NULL silent */
    int64_t clock_offset_us;     /* device minus server as measured; INT64_MIN unknown */
    double clock_drift_ppm;      /* NAN unknown */
    int64_t boot_us;
} BcLinkState;
void bc_link_state_clear(BcLinkState *state);
char *bc_link_state_format(const BcLinkState *state);
bool bc_link_state_parse(BcLinkState *ret, const char *json, gsize len, GError **error);

/* A piece of the device's log, asked for by SEND_LOG. */
typedef struct BcLinkLog {
    char *command;               /* that asked for it, NULL by itself */
    unsigned part, parts;        /* from 0 of parts */
    char *text;                  /* up to BC_LINK_LOG_MAX bytes, with line breaks */
} BcLinkLog;
void bc_link_log_clear(BcLinkLog *log);
char *bc_link_log_format(const BcLinkLog *log);
bool bc_link_log_parse(BcLinkLog *ret, const char *json, gsize len, GError **error);

/* Clock question and answer: four times of RFC 5905 8. The device asks with t0 (its clock); the answer repeats t0 and carries the
 * server's arrival t1 and departure t2. Microseconds on this wire. */
typedef struct BcLinkClock { int64_t t0_us, t1_us, t2_us; } BcLinkClock;
char *bc_link_clock_format(const BcLinkClock *clock);
bool bc_link_clock_parse(BcLinkClock *ret, const char *json, gsize len, GError **error);

/* "mediad/1/down/ID/command"; g_free. The other way: *ret_device points into a copy (g_free), *ret_what static or NULL unknown. */
char *bc_link_topic(const char *direction, const char *device, const char *what);
bool bc_link_topic_parse(const char *topic, char **ret_device, const char **ret_what);

/* Topics of another maker's gateway: "mediad/1/vendor/GATEWAY/up/OBJECT" and "…/down/OBJECT"; g_free. Parsed are those up only; both of
 * *ret_gateway and *ret_object: g_free. */
char *bc_link_vendor_topic(const char *gateway, const char *direction, const char *object);
bool bc_link_vendor_topic_parse(const char *topic, char **ret_gateway, char **ret_object);
