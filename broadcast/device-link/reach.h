/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"
#include "broadcast/device-link/manifests.h"
#include "broadcast/device-link/media.h"
#include "broadcast/device-link/service.h"

/* Announcements to devices of the link: what is ordered now becomes one signed command for all of them; what is scheduled they know from
 * their manifests. Acknowledgements and reports come back as news of the play. Control thread. */
typedef struct BcLinkReach BcLinkReach;

/* Registers itself for BC_DEVICE_LINK. All three are borrowed and must outlive it. */
BcLinkReach *bc_link_reach_new(BcBroadcast *broadcast, BcDeviceLink *link, BcMedia *media, unsigned live_buffer_ms, const MdLogger *logger);
/* Where what is scheduled was said: "sent" and "acknowledged" of it come from there. Borrowed; NULL: gone. */
void bc_link_reach_set_manifests(BcLinkReach *reach, const BcManifests *manifests);
void bc_link_reach_free(BcLinkReach *reach);

/* "SCHEDULE@EPOCHSECONDS" with ".N" for an item of a programme, or an announcement's id. *ret_schedule: g_free, NULL: it is an
 * announcement's id. False: neither. */
bool bc_occurrence_parse(const char *occurrence, char **ret_schedule, int64_t *ret_wall_us, unsigned *ret_item);
