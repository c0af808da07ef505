/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/schedule.h"

/* A programme in memory of its own, and as rows of the store. Inside this folder only. */
BcSchedule *bc_schedule_copy(const BcSchedule *schedule); /* content and items are made to agree */
void bc_schedule_free(gpointer schedule);
/* Is every field in its range? names: they are not looked up. */
bool bc_schedule_check(const BcSchedule *schedule, GError **error);
/* Store thread, in a transaction. NOT_FOUND: content, fallback, slot or owner. */
bool bc_schedule_write(MdDb *db, const BcSchedule *schedule, GError **error);
bool bc_schedule_delete(MdDb *db, const char *id, GError **error);
/* Every row; fn borrows. */
bool bc_schedule_read(MdDb *db, void (*fn)(const BcSchedule *schedule, void *user), void *user, GError **error);
/* One exdate in zone: the span it takes out. */
bool bc_exdate_span(const char *exdate, const char *zone, int64_t *ret_from_us, int64_t *ret_to_us, GError **error);
