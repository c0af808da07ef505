/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "mediad/core/worker.h"

static MdVirtualClock clock_;
static MdWorker *worker;
static GString *trace;

static void setup(void)
{
    md_virtual_clock_init(&clock_, 1000000, 0);
    worker = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &clock_.base});
    g_assert_nonnull(worker);
    trace = g_string_new(NULL);
}

static void teardown(void)
{
    md_worker_free(worker);
    g_string_free(trace, TRUE);
}

static void step_at(int64_t us)
{
    md_virtual_clock_advance(&clock_, us - md_clock_now_us(&clock_.base));
    md_worker_step(worker);
}

static void mark(MdTimer *timer, int64_t due_us, void *user)
{
    g_assert_cmpint(md_worker_now_us(worker), ==, due_us);
    g_assert_cmpuint(timer->heap_index, ==, 0);
    g_string_append(trace, user);
}

static void test_timer_order(void)
{
    setup();
    MdTimer t[4] = {0};
    md_worker_timer_at(worker, &t[0], 1000300, mark, (void *)"c");
    md_worker_timer_at(worker, &t[1], 1000100, mark, (void *)"a");
    md_worker_timer_at(worker, &t[2], 1000100, mark, (void *)"b");
    md_worker_timer_at(worker, &t[3], 1000400, mark, (void *)"d");
    g_assert_cmpint(md_worker_next_due_us(worker), ==, 1000100);
    step_at(1000099);
    g_assert_cmpstr(trace->str, ==, "");
    md_worker_timer_at(worker, &t[1], 1000100, mark, (void *)"a"); /* armed anew: now behind b */
    step_at(1000300);
    g_assert_cmpstr(trace->str, ==, "bac");
    md_worker_timer_cancel(worker, &t[3]);
    md_worker_timer_cancel(worker, &t[3]);
    g_assert_cmpint(md_worker_next_due_us(worker), ==, INT64_MAX);
    g_assert_cmpint(md_worker_timer_at(worker, &t[0], 5, NULL, NULL), ==, -EINVAL);
    teardown();
}

static int cancel_ran;
static MdTimer victim;

static void cancel_other(MdTimer *timer, int64_t due_us, void *user)
{
    cancel_ran++;
    md_worker_timer_cancel(worker, &victim);
}

static void test_cancel_from_timer(void)
{
    setup();
    MdTimer t = {0};
    md_worker_timer_at(worker, &t, 1000100, cancel_other, NULL);
    md_worker_timer_at(worker, &victim, 1000100, mark, (void *)"never");
    step_at(1000500);
    g_assert_cmpint(cancel_ran, ==, 1);
    g_assert_cmpstr(trace->str, ==, "");
    teardown();
}

/* Against a plain sorted list, with cancels and re-arms in between. */
static void test_heap_random(void)
{
    enum { N = 500 };
    static MdTimer timers[N];
    setup();
    GRand *rand = g_rand_new_with_seed(7);
    for (int round = 0; round < 4000; round++) {
        MdTimer *t = &timers[g_rand_int_range(rand, 0, N)];
        if (g_rand_int_range(rand, 0, 4) == 0)
            md_worker_timer_cancel(worker, t);
        else
            md_worker_timer_at(worker, t, 1000000 + g_rand_int_range(rand, 0, 300), mark, (void *)"");
        int64_t least = INT64_MAX;
        for (int i = 0; i < N; i++)
            if (timers[i].heap_index && timers[i].due_us < least)
                least = timers[i].due_us;
        g_assert_cmpint(md_worker_next_due_us(worker), ==, least);
    }
    step_at(1000300);
    for (int i = 0; i < N; i++)
        g_assert_cmpuint(timers[i].heap_index, ==, 0);
    g_rand_free(rand);
    teardown();
}

static int ticks;

static void tick(MdTimer *timer, int64_t due_us, void *user)
{
    g_assert_cmpint(due_us, ==, 1000000 + (int64_t)ticks * 20000);
    ticks++;
    md_worker_timer_at(worker, timer, md_worker_now_us(worker) + 20000, tick, NULL);
}

/* Wake-ups come late by up to 70 ms, yet the thousandth tick is due exactly 20 s after the first. */
static void test_no_drift(void)
{
    setup();
    MdTimer t = {0};
    GRand *rand = g_rand_new_with_seed(1);
    ticks = 0;
    md_worker_timer_at(worker, &t, 1000000, tick, NULL);
    while (ticks < 1000) {
        int64_t late = md_worker_next_due_us(worker) + g_rand_int_range(rand, 0, 70000);
        step_at(late);
        g_assert_cmpint(md_worker_next_due_us(worker), >, late);
        g_assert_cmpint(md_worker_clock_us(worker), ==, late);
    }
    g_assert_cmpint(ticks, ==, (int)((md_worker_next_due_us(worker) - 1000000) / 20000));
    g_rand_free(rand);
    teardown();
}

typedef struct Pair {
    int fds[2];
    MdWatch watch;
} Pair;

static Pair pairs[3];

static void on_readable(MdWatch *watch, uint32_t events, void *user)
{
    char byte;
    g_assert_true(md_worker_is_current(worker));
    g_assert_cmpint(read(watch->fd, &byte, 1), ==, 1);
    g_string_append_c(trace, byte);
    /* the first one to run takes away all the others, and itself */
    for (int i = 0; i < 3; i++)
        md_worker_unwatch(worker, &pairs[i].watch);
}

static void test_unwatch_inside_callback(void)
{
    setup();
    for (int i = 0; i < 3; i++) {
        g_assert_cmpint(pipe(pairs[i].fds), ==, 0);
        g_assert_cmpint(md_worker_watch(worker, &pairs[i].watch, pairs[i].fds[0], EPOLLIN, on_readable, NULL), ==, 0);
        g_assert_cmpint(write(pairs[i].fds[1], "x", 1), ==, 1);
    }
    g_assert_false(md_worker_is_current(worker));
    md_worker_step(worker);
    g_assert_cmpstr(trace->str, ==, "x");
    md_worker_step(worker);
    g_assert_cmpstr(trace->str, ==, "x");
    for (int i = 0; i < 3; i++) {
        g_assert_false(pairs[i].watch.active);
        close(pairs[i].fds[0]);
        close(pairs[i].fds[1]);
    }
    g_assert_cmpint(md_worker_watch(worker, &pairs[0].watch, -1, EPOLLIN, on_readable, NULL), ==, -EINVAL);
    teardown();
}

static void swap_watch(MdWatch *watch, uint32_t events, void *user)
{
    /* Own memory is given to a new watch on another descriptor: the old batch must not reach it. */
    md_worker_unwatch(worker, &pairs[0].watch);
    md_worker_unwatch(worker, &pairs[1].watch);
    MdWatch *other = watch == &pairs[0].watch ? &pairs[1].watch : &pairs[0].watch;
    g_string_append_c(trace, 's');
    md_worker_watch(worker, other, pairs[2].fds[0], EPOLLIN, on_readable, NULL);
}

static void test_rewatch_same_memory(void)
{
    setup();
    memset(pairs, 0, sizeof pairs);
    for (int i = 0; i < 3; i++)
        g_assert_cmpint(pipe(pairs[i].fds), ==, 0);
    for (int i = 0; i < 2; i++) {
        md_worker_watch(worker, &pairs[i].watch, pairs[i].fds[0], EPOLLIN, swap_watch, NULL);
        g_assert_cmpint(write(pairs[i].fds[1], "y", 1), ==, 1);
    }
    md_worker_step(worker);
    g_assert_cmpstr(trace->str, ==, "s");
    g_assert_cmpint(write(pairs[2].fds[1], "z", 1), ==, 1);
    md_worker_step(worker);
    g_assert_cmpstr(trace->str, ==, "sz");
    for (int i = 0; i < 3; i++) {
        close(pairs[i].fds[0]);
        close(pairs[i].fds[1]);
    }
    teardown();
}

static void append_mail(void *payload, size_t len)
{
    g_string_append_c(trace, *(char *)payload);
}

/* Within one step: mail, then watches, then timers. */
static void test_step_order(void)
{
    setup();
    memset(pairs, 0, sizeof pairs);
    MdTimer t = {0};
    g_assert_cmpint(pipe(pairs[0].fds), ==, 0);
    md_worker_watch(worker, &pairs[0].watch, pairs[0].fds[0], EPOLLIN, on_readable, NULL);
    g_assert_cmpint(write(pairs[0].fds[1], "w", 1), ==, 1);
    md_worker_timer_at(worker, &t, 1000000, mark, (void *)"t");
    g_assert_cmpint(md_worker_post(worker, append_mail, "m", 1), ==, 0);
    md_worker_step(worker);
    g_assert_cmpstr(trace->str, ==, "mwt");
    close(pairs[0].fds[0]);
    close(pairs[0].fds[1]);
    g_assert_cmpint(md_worker_start(worker), ==, -EINVAL); /* a virtual clock has no thread */
    teardown();
}

/* --- a real thread --- */

typedef struct Threaded {
    MdWorker *worker;
    MdTimer timer;
    int ticks;
    int64_t first_due_us, last_due_us;
    char name[16];
    int cpus;
    sem_t done;
} Threaded;

static void real_tick(MdTimer *timer, int64_t due_us, void *user)
{
    Threaded *t = user;
    g_assert_true(md_worker_is_current(t->worker));
    g_assert_cmpint(md_worker_clock_us(t->worker), >=, due_us); /* never early */
    if (t->ticks++ == 0)
        t->first_due_us = due_us;
    t->last_due_us = due_us;
    if (t->ticks == 20)
        sem_post(&t->done);
    else
        md_worker_timer_at(t->worker, timer, due_us + 500, real_tick, t);
}

static void begin(void *payload, size_t len)
{
    Threaded *t = *(Threaded **)payload;
    cpu_set_t set;
    pthread_getname_np(pthread_self(), t->name, sizeof t->name);
    sched_getaffinity(0, sizeof set, &set);
    t->cpus = CPU_COUNT(&set);
    md_worker_timer_at(t->worker, &t->timer, md_worker_now_us(t->worker) + 500, real_tick, t);
}

static void count_mail(void *payload, size_t len)
{
    ++**(int **)payload;
}

static void test_thread(void)
{
    Threaded t = {0}, *p = &t;
    int letters = 0, *counter = &letters;
    sem_init(&t.done, 0, 0);
    t.worker = md_worker_new(&(MdWorkerOptions){.name = "media-with-a-long-name", .cpu = 0});
    g_assert_false(md_worker_is_live(t.worker));
    g_assert_cmpint(md_worker_start(t.worker), ==, 0);
    g_assert_true(md_worker_is_live(t.worker));
    g_assert_cmpint(md_worker_start(t.worker), ==, -EINVAL);
    g_assert_cmpint(md_worker_post(t.worker, begin, &p, sizeof p), ==, 0);
    sem_wait(&t.done);
    for (int i = 0; i < 1000; i++)
        g_assert_cmpint(md_worker_post(t.worker, count_mail, &counter, sizeof counter), ==, 0);
    md_worker_stop(t.worker);
    g_assert_cmpint(letters, ==, 1000); /* what was posted before the stop has run */
    g_assert_cmpint(t.last_due_us - t.first_due_us, ==, 19 * 500);
    g_assert_cmpstr(t.name, ==, "media-with-a-lo");
    g_assert_cmpint(t.cpus, ==, 1);
    /* mail to a stopped worker still runs before the worker goes */
    g_assert_cmpint(md_worker_post(t.worker, count_mail, &counter, sizeof counter), ==, 0);
    md_worker_free(t.worker);
    g_assert_cmpint(letters, ==, 1001);
    sem_destroy(&t.done);
    md_worker_free(NULL);
}

static void forever(void *payload, size_t len)
{
    ++**(int **)payload;
    md_worker_post(worker, forever, payload, len);
}

/* A letter that always posts itself neither keeps a step nor the end from coming. */
static void test_endless_letter(void)
{
    int rounds = 0, *counter = &rounds;
    setup();
    md_worker_post(worker, forever, &counter, sizeof counter);
    md_worker_step(worker);
    md_worker_step(worker);
    g_assert_cmpint(rounds, ==, 2);
    teardown();
    g_assert_cmpint(rounds, >, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/worker/timer-order", test_timer_order);
    g_test_add_func("/core/worker/cancel-from-timer", test_cancel_from_timer);
    g_test_add_func("/core/worker/heap-random", test_heap_random);
    g_test_add_func("/core/worker/no-drift", test_no_drift);
    g_test_add_func("/core/worker/unwatch-inside-callback", test_unwatch_inside_callback);
    g_test_add_func("/core/worker/rewatch-same-memory", test_rewatch_same_memory);
    g_test_add_func("/core/worker/step-order", test_step_order);
    g_test_add_func("/core/worker/endless-letter", test_endless_letter);
    g_test_add_func("/core/worker/thread", test_thread);
    return g_test_run();
}
