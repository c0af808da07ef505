/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "mediad/core/clock.h"
#include "mediad/core/mailbox.h"

/* A media worker: one thread, one epoll loop, one timerfd. Rooms, legs and announcement shards live on exactly
 * one worker and are touched only there. Inside a callback: no allocation in the steady state, no lock shared with
 * control, no file, no log call. Nothing here knows GLib. */
typedef struct MdWorker MdWorker;

typedef struct MdWorkerOptions {
    const char *name;     /* thread name, at most 15 bytes; copied */
    int cpu;              /* core to pin to, -1: none */
    int nice;             /* 0: unchanged */
    unsigned mailbox_capacity; /* 0: 8192 */
    const MdClock *clock; /* NULL: system. With a virtual clock the worker is never started: md_worker_step drives it */
} MdWorkerOptions;

/* NULL with errno set when the kernel refuses a descriptor or there is no memory. */
MdWorker *md_worker_new(const MdWorkerOptions *options);
int md_worker_start(MdWorker *worker); /* 0 or -errno */
/* Asks the loop to end after the mail posted so far, joins it. Any thread but the worker's own. */
void md_worker_stop(MdWorker *worker);
/* Stops first if need be, then runs mail that is still waiting, so that what letters own is given back. NULL is fine. */
void md_worker_free(MdWorker *worker);

/* Any thread: run fn on the worker. 0, -ENOBUFS, -EMSGSIZE. */
int md_worker_post(MdWorker *worker, MdMailFn fn, const void *payload, size_t len);
bool md_worker_is_current(const MdWorker *worker);
/* Whether callbacks may still run: started and not stopped, or stepped by a test. Thread: the one that starts and stops. */
bool md_worker_is_live(const MdWorker *worker);
/* Where md_worker_post posts; for plan.c. */
MdMailbox *md_worker_mailbox(MdWorker *worker);

/* --- worker thread only below (or the stepping test thread) --- */

/* Taken once per wake-up; while a timer runs it is the timer's own deadline ("due" time), so periodic work does not drift. */
int64_t md_worker_now_us(const MdWorker *worker);
/* Real time now: for measuring lateness. */
int64_t md_worker_clock_us(const MdWorker *worker);

typedef struct MdWatch MdWatch; /* embedded by the owner, zeroed before use */
typedef void (*MdWatchFn)(MdWatch *watch, uint32_t events, void *user);
struct MdWatch {
    int fd;
    MdWatchFn fn;
    void *user;
    bool active;
};
int md_worker_watch(MdWorker *worker, MdWatch *watch, int fd, uint32_t epoll_events, MdWatchFn fn, void *user);
/* Safe from inside any callback, including the watch's own: pending events for it are not delivered. */
void md_worker_unwatch(MdWorker *worker, MdWatch *watch);

typedef struct MdTimer MdTimer; /* embedded, zeroed before use */
typedef void (*MdTimerFn)(MdTimer *timer, int64_t due_us, void *user);
struct MdTimer {
    int64_t due_us;
    MdTimerFn fn;
    void *user;
    unsigned heap_index; /* 0: not armed */
};
/* (Re)arms at an absolute monotonic deadline. Equal deadlines run in order of arming. */
int md_worker_timer_at(MdWorker *worker, MdTimer *timer, int64_t due_us, MdTimerFn fn, void *user);
void md_worker_timer_cancel(MdWorker *worker, MdTimer *timer);

/* Tests: run everything due up to the worker's clock once, without blocking: mail, readable watches, timers. */
void md_worker_step(MdWorker *worker);
/* Tests: deadline of the next timer, INT64_MAX when none. */
int64_t md_worker_next_due_us(const MdWorker *worker);
