/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdatomic.h>
#include "mediad/core/worker.h"

/* Control publishes an immutable plan; a worker reads it once per tick. The old plan is freed, on the worker's
 * mail, only after every reader has passed between two callbacks, so a tick never sees it vanish. */
typedef struct MdPlanSlot {
    _Atomic(void *) current;
    void (*free_plan)(void *plan);
} MdPlanSlot;

void md_plan_slot_init(MdPlanSlot *slot, void (*free_plan)(void *plan));
/* Control thread. readers: every worker that may call md_plan_get on this slot (at most 64). Takes ownership of plan.
 * With no readers (or stopped ones) the old plan is freed at once. 0, or -ENOBUFS (nothing changed, plan still yours). */
int md_plan_publish(MdPlanSlot *slot, void *plan, MdWorker *const *readers, unsigned n_readers);
/* Worker thread: valid until the present callback returns. */
static inline const void *md_plan_get(const MdPlanSlot *slot)
{
    return atomic_load_explicit(&slot->current, memory_order_acquire);
}
/* When no reader is left. */
void md_plan_slot_clear(MdPlanSlot *slot);
