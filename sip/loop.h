/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* A thread that runs libre's loop, with a command queue (libre's mqueue wakes it) and a heap of timers: libre's own timers are a
 * sorted list, too slow for thousands of calls. */
typedef struct SgLoop SgLoop;
typedef void (*SgLoopFn)(void *data);

SgLoop *sg_loop_new(const char *name, GError **error);
/* Runs what was posted so far, then ends and joins the thread. */
void sg_loop_stop(SgLoop *loop);
void sg_loop_free(SgLoop *loop);
/* Any thread. Commands run in order on the loop's thread. Nothing is lost; the queue is bounded by its callers. */
void sg_loop_post(SgLoop *loop, SgLoopFn fn, void *data);
/* Waits until fn has run: start and stop only. Runs at once when called on the loop's thread. */
void sg_loop_call(SgLoop *loop, SgLoopFn fn, void *data);
bool sg_loop_is_current(const SgLoop *loop);
int64_t sg_now_us(void);

/* Loop thread only. Embedded, zeroed before use. */
typedef struct SgTimer {
    int64_t due_us;
    SgLoopFn fn;
    void *data;
    unsigned index; /* 0: not running */
} SgTimer;
void sg_timer_start(SgLoop *loop, SgTimer *timer, int64_t after_us, SgLoopFn fn, void *data);
void sg_timer_stop(SgLoop *loop, SgTimer *timer);
