/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/area.h"
#include "mediad/core/media.h"

/* The registry of loudspeakers, boards and gateways: each stands in an area. Whole in memory, every change durable first. Control
 * thread. */
typedef struct BcDevices BcDevices;

/* How it is reached. */
typedef enum BcDeviceKind {
    BC_DEVICE_SIP,        /* rung: its id is a SIP account */
    BC_DEVICE_LINK,       /* over the device link (MQTT), keeps a manifest */
    BC_DEVICE_BOARD,      /* a board's kiosk page */
    BC_DEVICE_GATEWAY,    /* through its vendor's system */
    BC_DEVICE_MULTICAST,  /* listens to a multicast group of its LAN */
    BC_DEVICE_OUTPUT,     /* a stream this machine gives out (MP3, HLS) */
    BC_DEVICE_KIND_MAX,
} BcDeviceKind;
const char *bc_device_kind_to_string(BcDeviceKind kind); /* "sip", "link", "board", "gateway", "multicast", "output"; NULL out of range */
BcDeviceKind bc_device_kind_from_string(const char *name); /* BC_DEVICE_KIND_MAX: unknown */

#define BC_DEVICE_VOLUMES_MAX 8u
typedef struct BcDeviceVolume { unsigned from_min, to_min, volume; } BcDeviceVolume; /* minutes after midnight, may pass it; greatest volume, 0..100 */

typedef struct BcDevice {   /* strings owned by the registry, valid until control returns to the main loop */
    const char *id;         /* [A-Za-z0-9._-]{1,64}; of a SIP loudspeaker: its account */
    const char *name;       /* UTF-8, up to 200 bytes */
    const char *area;       /* code */
    double latitude, longitude; /* degrees as configured, NAN unknown */
    const char *vendor;     /* NULL unknown */
    BcDeviceKind kind;
    unsigned volume;        /* 0..100, wanted */
    unsigned codecs;        /* bit 1 << MdAudioCodec for each it plays; 0: whatever it answers */
    bool enabled;           /* false: never rung */
    const char *outcome;    /* of the last announcement ("played", "missed: busy here"), NULL never rung */
    int64_t outcome_us;     /* wall time of it */
    /* texts: UTF-8 up to 200 bytes, NULL unknown */
    const char *model, *serial, *address; /* address: where a gateway or a fixed device is asked, as its driver understands it */
    const char *abilities, *formats;      /* comma-separated, as configured: what a device of the link says itself comes before */
    const char *gateway;    /* id of the one of kind gateway it hangs on */
    bool position_measured; /* latitude and longitude are from its own receiver, not typed in */
    BcDeviceVolume volumes[BC_DEVICE_VOLUMES_MAX]; /* limits by hour */
    unsigned n_volumes;
} BcDevice;
/* volume under the limits that hold at this minute of the day. */
unsigned bc_device_volume_at(const BcDevice *device, unsigned volume, unsigned minute);

#define BC_DEVICES_MAX 50000u

BcDevices *bc_devices_new(MdStore *store, BcAreas *areas, GError **error);
void bc_devices_unref(BcDevices *devices);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcDevices, bc_devices_unref)

unsigned bc_devices_count(const BcDevices *devices);
const BcDevice *bc_devices_find(const BcDevices *devices, const char *id);
/* In (area, id) order: those in the subtrees of areas (NULL: everywhere). enabled_only leaves out the others. Unref. */
GPtrArray *bc_devices_in(const BcDevices *devices, const char *const *areas, bool enabled_only);

/* At start-up: adds what is missing in one transaction. */
bool bc_devices_seed(BcDevices *devices, const BcDevice *seed, unsigned n, GError **error);
void bc_devices_put(BcDevices *devices, const BcDevice *device, BcDoneFn done, void *user);
void bc_devices_remove(BcDevices *devices, const char *id, BcDoneFn done, void *user);
/* In memory at once; the play log's own transaction stores it. */
void bc_devices_set_outcome(BcDevices *devices, const char *id, const char *outcome, int64_t wall_us);
