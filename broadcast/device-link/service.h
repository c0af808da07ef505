/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/device-link/command.h"
#include "broadcast/device-link/credential.h"
#include "broadcast/device-link/health.h"
#include "broadcast/device-link/outage.h"
#include "broadcast/device.h"
#include "broadcast/link/protocol.h"
#include "mediad/core/clock.h"
#include "mediad/core/log.h"

/* The device link, server side: one MQTT connection to the broker, everything said to and by loudspeakers that are not rung. Control
 * thread unless said. What devices say reaches listeners on the control thread; clock questions are answered on the connection's own
 * thread. Messages to devices wait (bounded) while the broker is away. */
typedef struct BcDeviceLink BcDeviceLink;

typedef struct BcDeviceLinkOptions { /* strings are copied */
    MdStore *store;
    BcAreas *areas;
    BcDevices *devices;
    const MdClock *clock;          /* NULL: system */
    const char *state_dir;         /* keys, certificates and broker files go to its "link" */
    const char *broker_host;       /* where mediad itself connects, NULL: no broker, everything else works */
    uint16_t broker_port;
    bool broker_plain;             /* without TLS: loopback and tests only */
    const char *advertised_host;   /* what devices are told and what the broker's certificate names */
    uint16_t advertised_port;
    const char *media_base;        /* "https://host:8443/api/v1/link/media/", for devices */
    unsigned status_timeout_s;     /* a device silent this long is offline: 180 */
    unsigned code_lifetime_s;      /* of an enrolment code: 86400 */
    unsigned certificate_days;     /* of a device: 825 */
    unsigned command_timeout_s;    /* acknowledged within: 30 */
    int64_t log_max_bytes;         /* log kept for each device: 1 MiB */
    const char *zone;              /* "Asia/Ho_Chi_Minh" */
    const MdLogger *logger;
    /* Something for the console: "device.online", "device.offline", "outage.began", "outage.ended", "command.changed"; json is an object. */
    void (*on_event)(const char *type, const char *json, void *user);
    void *user;
} BcDeviceLinkOptions;

BcDeviceLink *bc_device_link_new(const BcDeviceLinkOptions *options, GError **error);
void bc_device_link_free(BcDeviceLink *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcDeviceLink, bc_device_link_free)
void bc_device_link_set_event(BcDeviceLink *link, void (*on_event)(const char *type, const char *json, void *user), void *user);

/* What signs manifests and commands (state_dir/link/signing.pem); borrowed. What devices are to believe, as a key set: its public half, and
 * that of signing-former.pem when there is one: then the set goes to every device, signed by the former. g_free. */
const BcKey *bc_device_link_key(const BcDeviceLink *link);
char *bc_device_link_jwks(const BcDeviceLink *link);
const char *bc_device_link_media_base(const BcDeviceLink *link); /* NULL none */
bool bc_device_link_connected(const BcDeviceLink *link); /* to the broker, now */
/* Whose bearer token this is; NULL: nobody's (revoked, unknown, disabled). Borrowed until control returns to the main loop. */
const char *bc_device_link_token_owner(BcDeviceLink *link, const char *token);

/* Signs command once (id NULL: made here; issued_us 0: now; expires_us 0: command_timeout after) and sends the same bytes to each device
 * (ids; unknown ones are refused). It is kept with who and tracked per device: "sent", "received", "done", "refused", "timed-out".
 * *ret_id (may be NULL): g_free. false: nothing was sent. The signing and sending are at once, the journal follows. */
bool bc_device_link_send(BcDeviceLink *link, const BcLinkCommand *command, const char *const *devices, unsigned n, const char *who,
                         char **ret_id, GError **error);
/* Signs and publishes, retained; it reaches a device that is away when it comes back. false: it did not go out (BC_LINK_ERROR_LIMIT: it is too
 * long and never will; else the broker is away). */
bool bc_device_link_publish_manifest(BcDeviceLink *link, const BcLinkManifest *manifest, GError **error);
/* The version a device is to have, from a former life: for what is told of it. */
void bc_device_link_want_manifest(BcDeviceLink *link, const char *device, int64_t version, int64_t at_us);
/* The device's reports up to and with sequence are durable here: it may forget them (down/ID/receipt). */
void bc_device_link_receipt(BcDeviceLink *link, const char *device, int64_t sequence);

/* What devices say; everything borrowed during the call; any member may be NULL. Listeners are called in the order they came. */
typedef struct BcDeviceLinkListener {
    void (*state)(const char *device, const BcLinkState *state, void *user);  /* online and offline (last will, silence) alike */
    void (*ack)(const char *device, const BcLinkAck *ack, void *user);
    void (*reports)(const char *device, const BcLinkReports *reports, void *user);
    /* From a gateway of another maker, on mediad/1/vendor/GATEWAY/up/OBJECT; data ends with a NUL that is not counted. */
    void (*vendor)(const char *gateway, const char *object, const char *data, gsize len, void *user);
    void (*broker)(bool connected, void *user);   /* connected: what was published before is with the broker or will be */
    void *user;
} BcDeviceLinkListener;
void bc_device_link_listen(BcDeviceLink *link, const BcDeviceLinkListener *listener);
void bc_device_link_unlisten(BcDeviceLink *link, void *user);

/* To a gateway of another maker, on mediad/1/vendor/GATEWAY/down/OBJECT. false: the broker is away, or the gateway has no certificate (any
 * more). Limit of a message: BC_LINK_MESSAGE_MAX. */
bool bc_device_link_publish_vendor(BcDeviceLink *link, const char *gateway, const char *object, const char *text, gsize len);

/* The last state a device has sent; NULL never. Borrowed until control returns to the main loop. */
const BcLinkState *bc_device_link_state(BcDeviceLink *link, const char *device);
bool bc_device_link_online(BcDeviceLink *link, const char *device);

/* The parts, borrowed: codes and certificates, the journal of commands, what devices say of themselves, incidents. */
BcCredentials *bc_device_link_credentials(BcDeviceLink *link);
BcCommands *bc_device_link_commands(BcDeviceLink *link);
BcHealth *bc_device_link_health(BcDeviceLink *link);
BcOutages *bc_device_link_outages(BcDeviceLink *link);
BcDevices *bc_device_link_devices(BcDeviceLink *link);
const BcDeviceLinkOptions *bc_device_link_options(const BcDeviceLink *link);
const char *bc_device_link_ca(const BcDeviceLink *link); /* PEM of the authority devices must believe */
int64_t bc_device_link_wall_us(const BcDeviceLink *link);
char *bc_device_link_log(BcDeviceLink *link, const char *device, GError **error); /* what it has sent of its log; g_free */
/* What a firmware command carries as its notice; g_free. */
char *bc_device_link_sign_firmware(BcDeviceLink *link, const BcLinkFirmware *firmware, GError **error);

typedef struct BcLinkSeen {      /* of one device; 0: never, unknown */
    bool online;
    int64_t seen_us, changed_us; /* wall: last message; last going or coming */
    int64_t manifest_published;  /* version */
    int64_t manifest_published_us;
} BcLinkSeen;
void bc_device_link_seen(BcDeviceLink *link, const char *device, BcLinkSeen *ret);

/* Why a loudspeaker is silent: every cause that is known now, the one to look at first in front. */
typedef struct BcSilence {
    const char *cause; /* "disabled", "not-enrolled", "certificate", "server-link", "no-power", "no-signal", "offline", "outage", "no-schedule", "no-media", "volume",
                          "amplifier", "line-open", "clock", "pre-empted", "not-approved", "last-failed" */
    char *text;        /* English sentence */
    int64_t since_us;  /* wall, 0 unknown */
    bool sure;         /* measured, not guessed */
} BcSilence;
/* BcSilence, owned; empty: nothing known against it. Any kind of device; link may be NULL (no link here). */
GPtrArray *bc_device_link_why_silent(BcDeviceLink *link, const BcDevice *device);

/* Tests: a message as from the broker; the broker comes and goes; what is due by the clock. */
void bc_device_link_take(BcDeviceLink *link, const char *topic, const void *data, gsize len);
void bc_device_link_take_broker(BcDeviceLink *link, bool connected);
void bc_device_link_step(BcDeviceLink *link);

typedef struct BcDeviceLinkStats {
    bool connected;
    unsigned enrolled, online, ending /* certificates, within 30 days */;
    uint64_t published, received, refused /* messages no parser took */, clocks, waiting, dropped, reconnects;
} BcDeviceLinkStats;
void bc_device_link_stats(BcDeviceLink *link, BcDeviceLinkStats *ret);
