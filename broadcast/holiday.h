/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/area.h"

/* Named days on which programmes follow another rule, each for an area and everything below it. Control thread. Counted. */
typedef struct BcHolidays BcHolidays;
typedef struct BcHoliday {
    const char *area, *name;
    int32_t day;            /* since 1970-01-01 */
} BcHoliday;
#define BC_HOLIDAYS_MAX 20000u

BcHolidays *bc_holidays_new(MdStore *store, BcAreas *areas, GError **error);
void bc_holidays_unref(BcHolidays *holidays);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcHolidays, bc_holidays_unref)
GPtrArray *bc_holidays_list(const BcHolidays *holidays); /* of BcHoliday, by (day, area); unref */
/* The holiday that area has on that day, by itself or from above; NULL none. */
const BcHoliday *bc_holidays_find(const BcHolidays *holidays, const char *area, int32_t day);
/* Has area days of its own? */
bool bc_holidays_own(const BcHolidays *holidays, const char *area);
void bc_holidays_put(BcHolidays *holidays, const BcHoliday *holiday, BcDoneFn done, void *user);
void bc_holidays_remove(BcHolidays *holidays, const char *area, int32_t day, BcDoneFn done, void *user);
