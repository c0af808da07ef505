/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"
#include "broadcast/exchange/journal.h"
#include "broadcast/exchange/tables.h"

/* What devices of other makers have to play in the coming days, so that they play with the network down: one "schedule" for each make
 * and area, always whole, under the same id and a version that grows; an order of its own when it has changed, "schedule-cancelled" when
 * nothing is left of it. What a device has confirmed is remembered over restarts. Control thread. */
typedef struct BcVendorSchedules BcVendorSchedules;

#define BC_VENDOR_SCHEDULE_DAYS 4    /* today and the following ones */
#define BC_VENDOR_ITEMS_MAX 2000u    /* of one area; what is later follows day by day */

/* Has the device a certificate for the broker? */
typedef bool (*BcVendorLinked)(const char *device, void *user);
/* "MAKE" or "MAKE:GATEWAY" (bc_vendors_route); g_free. */
char *bc_vendor_route(BcBroadcast *broadcast, const BcDevice *device, BcVendorLinked linked, void *user);

BcVendorSchedules *bc_vendor_schedules_new(BcBroadcast *broadcast, BcExJournal *journal, BcExTables *tables, const char *media_base,
                                           const MdLogger *logger);
void bc_vendor_schedules_set_linked(BcVendorSchedules *schedules, BcVendorLinked linked, void *user);
void bc_vendor_schedules_free(BcVendorSchedules *schedules);
void bc_vendor_schedules_set_tables(BcVendorSchedules *schedules, BcExTables *tables);
/* Works the plan out and orders what has changed. */
void bc_vendor_schedules_look(BcVendorSchedules *schedules);
/* make: as bc_vendors_route has it. All of a make as on the wire, to be asked for at any time; json_array_unref. */
JsonArray *bc_vendor_schedules_all(BcVendorSchedules *schedules, const char *make);
/* There is a newer one than this "schedule" (or "schedule-cancelled" of one that is back). */
bool bc_vendor_schedules_superseded(BcVendorSchedules *schedules, const char *make, const char *object, JsonObject *ours);
/* The device has this version, or (false) cannot play by it. A version that was never given out changes nothing. */
void bc_vendor_schedules_confirm(BcVendorSchedules *schedules, const char *device, const char *id, int64_t version, bool ok);
/* The device has confirmed a version in which this occurrence stands as it does in the newest one: it plays it by itself. */
bool bc_vendor_schedules_has(BcVendorSchedules *schedules, const char *device, const char *schedule, int64_t occurrence_us);
/* "SCHEDULE@EPOCHSECONDS[.N]", the BanTinID of what is scheduled. false: it is none. ret_schedule: g_free. */
bool bc_vendor_occurrence(const char *bulletin, char **ret_schedule, int64_t *ret_occurrence_us, unsigned *ret_item);
