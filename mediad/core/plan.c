/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/core/plan.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define READERS_MAX 64

/* What waits for the readers: one letter to each names it, the last one opened frees it. */
typedef struct Retired {
    _Atomic unsigned waiting;
    void *plan;
    void (*free_plan)(void *plan);
} Retired;

void md_plan_slot_init(MdPlanSlot *slot, void (*free_plan)(void *plan))
{
    atomic_init(&slot->current, NULL);
    slot->free_plan = free_plan;
}

static void pass(void *payload, size_t len)
{
    Retired *retired = *(Retired **)payload;
    if (atomic_fetch_sub_explicit(&retired->waiting, 1, memory_order_acq_rel) != 1)
        return;
    retired->free_plan(retired->plan);
    free(retired);
}

static void drop(MdPlanSlot *slot, void *plan)
{
    if (plan)
        slot->free_plan(plan);
}

int md_plan_publish(MdPlanSlot *slot, void *plan, MdWorker *const *readers, unsigned n_readers)
{
    MdMailbox *boxes[READERS_MAX];
    MdMailCell *cells[READERS_MAX];
    unsigned n = 0;
    if (n_readers > READERS_MAX)
        return -ENOBUFS;
    for (unsigned i = 0; i < n_readers; i++)
        if (md_worker_is_live(readers[i]))
            boxes[n++] = md_worker_mailbox(readers[i]);
    /* The first plan has no predecessor to wait for. Only control stores here, so a look before the swap is enough. */
    if (n == 0 || !atomic_load_explicit(&slot->current, memory_order_relaxed)) {
        drop(slot, atomic_exchange_explicit(&slot->current, plan, memory_order_acq_rel));
        return 0;
    }
    Retired *retired = malloc(sizeof *retired);
    if (!retired)
        return -ENOBUFS;
    /* A place in every mailbox first, so that nothing can fail after the swap. */
    for (unsigned i = 0; i < n; i++) {
        cells[i] = md_mailbox_claim(boxes[i]);
        if (cells[i])
            continue;
        while (i-- > 0)
            md_mailbox_commit(boxes[i], cells[i], NULL, NULL, 0);
        free(retired);
        return -ENOBUFS;
    }
    retired->plan = atomic_exchange_explicit(&slot->current, plan, memory_order_acq_rel);
    retired->free_plan = slot->free_plan;
    atomic_init(&retired->waiting, n);
    for (unsigned i = 0; i < n; i++)
        md_mailbox_commit(boxes[i], cells[i], pass, &retired, sizeof retired);
    return 0;
}

void md_plan_slot_clear(MdPlanSlot *slot)
{
    drop(slot, atomic_exchange_explicit(&slot->current, NULL, memory_order_acq_rel));
}
