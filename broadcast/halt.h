/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/area.h"

/* "Stop everything here": per area the moment before which nothing may have begun that still sounds. Control thread. Counted. */
typedef struct BcHalts BcHalts;

BcHalts *bc_halts_new(MdStore *store, BcAreas *areas, GError **error);
void bc_halts_unref(BcHalts *halts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcHalts, bc_halts_unref)
/* Of the area and those above it: what began before that moment (wall) is over; 0 never stopped. */
int64_t bc_halts_before_us(const BcHalts *halts, const char *area);
/* What the wall clock says now: stops noted by a clock that ran far ahead, and was set back since, hold nothing back. Never called: all
 * hold. */
void bc_halts_set_clock(BcHalts *halts, int64_t now_wall_us);
bool bc_halts_own(const BcHalts *halts, const char *area);
void bc_halts_put(BcHalts *halts, const char *area, int64_t before_wall_us, BcDoneFn done, void *user);
