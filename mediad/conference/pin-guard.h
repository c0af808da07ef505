/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdint.h>
#include "mediad/leg/call.h"

/* Counts wrong PINs by who keys them in (the account, else the host its signalling comes from), over all its calls: ten in
 * ten minutes, and no PIN of that party counts for the next ten minutes. Bounded; control thread. */
typedef struct MdPinGuard MdPinGuard;

#define MD_PIN_GUARD_WRONG_MAX 10
#define MD_PIN_GUARD_PARTIES_MAX 1024 /* then the one that was wrong longest ago is forgotten */

MdPinGuard *md_pin_guard_new(void);
void md_pin_guard_free(MdPinGuard *guard);
bool md_pin_guard_blocked(const MdPinGuard *guard, const MdCallInfo *info, int64_t now_us);
/* True when this one was one too many. */
bool md_pin_guard_wrong(MdPinGuard *guard, const MdCallInfo *info, int64_t now_us);
