/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/stage.h"

/* What target.c needs of target-reach.c. Inside this folder only; control thread. */

/* Sends its sound to a fixed destination. NULL, or why not (static). */
const char *bc_target_send(BcTarget *target, const BcFixed *to);
/* Its sound stops; the handle is gone afterwards. */
void bc_target_unsend(BcTarget *target);
