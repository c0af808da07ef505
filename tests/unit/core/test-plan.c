/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include "mediad/core/plan.h"

typedef struct Plan {
    int number;
    int alive; /* 0x600d while it may be read */
} Plan;

static int freed;

static Plan *plan_new(int number)
{
    Plan *plan = malloc(sizeof *plan);
    *plan = (Plan){number, 0x600d};
    return plan;
}

static void plan_free(void *p)
{
    ((Plan *)p)->alive = 0;
    free(p);
    freed++;
}

static int current_number(const MdPlanSlot *slot)
{
    const Plan *plan = md_plan_get(slot);
    return plan ? plan->number : 0;
}

static void test_freed_after_every_reader(void)
{
    MdVirtualClock clock;
    MdWorker *readers[2];
    MdPlanSlot slot;
    md_virtual_clock_init(&clock, 0, 0);
    for (int i = 0; i < 2; i++)
        readers[i] = md_worker_new(&(MdWorkerOptions){.cpu = -1, .clock = &clock.base});
    md_plan_slot_init(&slot, plan_free);
    freed = 0;
    g_assert_null(md_plan_get(&slot));
    g_assert_cmpint(md_plan_publish(&slot, plan_new(1), readers, 2), ==, 0);
    g_assert_cmpint(md_plan_publish(&slot, plan_new(2), readers, 2), ==, 0);
    g_assert_cmpint(current_number(&slot), ==, 2);
    g_assert_cmpint(freed, ==, 0);
    md_worker_step(readers[0]);
    md_worker_step(readers[0]);
    g_assert_cmpint(freed, ==, 0); /* the other one may still be reading plan 1 */
    md_worker_step(readers[1]);
    g_assert_cmpint(freed, ==, 1);
    g_assert_cmpint(md_plan_publish(&slot, plan_new(3), readers, 2), ==, 0);
    g_assert_cmpint(md_plan_publish(&slot, plan_new(4), readers, 2), ==, 0);
    md_worker_step(readers[1]);
    g_assert_cmpint(freed, ==, 1);
    md_worker_free(readers[0]); /* a reader that goes has passed */
    g_assert_cmpint(freed, ==, 3);
    md_worker_free(readers[1]);
    md_plan_slot_clear(&slot);
    g_assert_cmpint(freed, ==, 4);
    g_assert_null(md_plan_get(&slot));
}

static void test_no_readers(void)
{
    MdPlanSlot slot;
    md_plan_slot_init(&slot, plan_free);
    freed = 0;
    MdWorker *stopped = md_worker_new(&(MdWorkerOptions){.cpu = -1});
    g_assert_cmpint(md_plan_publish(&slot, plan_new(1), NULL, 0), ==, 0);
    g_assert_cmpint(md_plan_publish(&slot, plan_new(2), NULL, 0), ==, 0);
    g_assert_cmpint(freed, ==, 1);
    g_assert_cmpint(md_plan_publish(&slot, plan_new(3), &stopped, 1), ==, 0);
    g_assert_cmpint(freed, ==, 2);
    g_assert_cmpint(md_plan_publish(&slot, NULL, &stopped, 1), ==, 0);
    g_assert_cmpint(freed, ==, 3);
    md_worker_free(stopped);
    md_plan_slot_clear(&slot);
    g_assert_cmpint(freed, ==, 3);
}

static void nothing(void *payload, size_t len)
{
}

static void test_full_mailbox_changes_nothing(void)
{
    MdVirtualClock clock;
    MdWorker *readers[2];
    MdPlanSlot slot;
    md_virtual_clock_init(&clock, 0, 0);
    for (int i = 0; i < 2; i++)
        readers[i] = md_worker_new(&(MdWorkerOptions){.cpu = -1, .clock = &clock.base, .mailbox_capacity = 4});
    md_plan_slot_init(&slot, plan_free);
    freed = 0;
    g_assert_cmpint(md_plan_publish(&slot, plan_new(1), readers, 2), ==, 0);
    while (md_worker_post(readers[1], nothing, NULL, 0) == 0)
        ;
    Plan *mine = plan_new(2);
    g_assert_cmpint(md_plan_publish(&slot, mine, readers, 2), ==, -ENOBUFS);
    g_assert_cmpint(current_number(&slot), ==, 1);
    md_worker_step(readers[0]);
    md_worker_step(readers[1]);
    g_assert_cmpint(md_plan_publish(&slot, mine, readers, 2), ==, 0);
    g_assert_cmpint(current_number(&slot), ==, 2);
    md_worker_step(readers[0]);
    md_worker_step(readers[1]);
    g_assert_cmpint(freed, ==, 1);
    md_worker_free(readers[0]);
    md_worker_free(readers[1]);
    md_plan_slot_clear(&slot);
}

/* Two real workers read as fast as they can while control publishes: no plan is ever seen dead (and the sanitizers watch). */
typedef struct Reader {
    MdWorker *worker;
    MdTimer timer;
    MdPlanSlot *slot;
    int last;
    unsigned reads;
} Reader;

static void read_plan(MdTimer *timer, int64_t due_us, void *user)
{
    Reader *r = user;
    const Plan *plan = md_plan_get(r->slot);
    for (int i = 0; plan && i < 50; i++)
        if (plan->alive != 0x600d || plan->number < r->last)
            abort();
    if (plan)
        r->last = plan->number;
    r->reads++;
    md_worker_timer_at(r->worker, timer, due_us, read_plan, r);
}

static void begin(void *payload, size_t len)
{
    Reader *r = *(Reader **)payload;
    md_worker_timer_at(r->worker, &r->timer, md_worker_now_us(r->worker), read_plan, r);
}

static void test_threads(void)
{
    MdPlanSlot slot;
    Reader readers[2] = {0};
    MdWorker *workers[2];
    md_plan_slot_init(&slot, plan_free);
    freed = 0;
    for (int i = 0; i < 2; i++) {
        Reader *r = &readers[i];
        workers[i] = r->worker = md_worker_new(&(MdWorkerOptions){.name = "reader", .cpu = -1, .mailbox_capacity = 64});
        r->slot = &slot;
        g_assert_cmpint(md_worker_start(r->worker), ==, 0);
        g_assert_cmpint(md_worker_post(r->worker, begin, &r, sizeof r), ==, 0);
    }
    for (int n = 1; n <= 2000; n++) {
        Plan *plan = plan_new(n);
        while (md_plan_publish(&slot, plan, workers, 2) == -ENOBUFS)
            sched_yield();
    }
    md_worker_free(workers[0]);
    md_worker_free(workers[1]);
    g_assert_cmpint(freed, ==, 1999);
    md_plan_slot_clear(&slot);
    g_assert_cmpint(freed, ==, 2000);
    g_assert_cmpuint(readers[0].reads, >, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/plan/freed-after-every-reader", test_freed_after_every_reader);
    g_test_add_func("/core/plan/no-readers", test_no_readers);
    g_test_add_func("/core/plan/full-mailbox-changes-nothing", test_full_mailbox_changes_nothing);
    g_test_add_func("/core/plan/threads", test_threads);
    return g_test_run();
}
