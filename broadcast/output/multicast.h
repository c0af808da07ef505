/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"

/* Loudspeakers of one LAN that listen to a multicast group: devices of kind "multicast", each with the group it hears. Sent as plain RTP by
 * the announcements' own fan-out. Control thread. */
typedef struct BcMulticasts BcMulticasts;

typedef struct BcMulticast { /* strings owned by the registry, valid until control returns to the main loop */
    const char *device;
    const char *group;       /* "239.255.1.2:5004", "[ff15::1:2]:5004"; the port even */
    MdAudioCodec codec;
} BcMulticast;

/* Becomes where broadcast sends for devices of this kind. ttl: 1..255 hops, for all groups. */
BcMulticasts *bc_multicasts_new(BcBroadcast *broadcast, MdStore *store, unsigned ttl, GError **error);
/* Before broadcast. */
void bc_multicasts_free(BcMulticasts *multicasts);

const BcMulticast *bc_multicasts_find(const BcMulticasts *multicasts, const char *device); /* NULL: none given */
/* group NULL: takes it away. Refused: no such device or not of this kind, no multicast address, a group that devices of another area hear
 * (EXISTS: two bulletins would meet there). */
void bc_multicasts_put(BcMulticasts *multicasts, const char *device, const char *group, MdAudioCodec codec, BcDoneFn done, void *user);
/* What a receiver has to know (RFC 8866). g_free; NULL: no group was given. */
char *bc_multicasts_sdp(const BcMulticasts *multicasts, const char *device);
