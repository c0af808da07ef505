/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "mediad/core/clock.h"
#include "mediad/video/composer.h"

/* The picture pool's inside: jobs and timers. A job is a strand: it never runs twice at once, and a submit
 * while it runs makes it run once more. Submitting takes no lock and never waits (an atomic stack and a
 * semaphore), so media workers may do it. */
typedef struct MdPictureJob MdPictureJob;
typedef void (*MdPictureJobFn)(MdPictureJob *job, void *user);

/* Where jobs go: a pool's threads, or (pool NULL) a list that md_picture_queue_run drains in the caller's
 * thread. One per composer; counts its jobs so that the owner can wait for all of them. */
typedef struct MdPictureQueue {
    MdPicturePool *pool;
    _Atomic(MdPictureJob *) stack; /* without a pool: newest first */
    _Atomic unsigned busy;         /* jobs queued or running */
} MdPictureQueue;

struct MdPictureJob {
    MdPictureQueue *queue;
    MdPictureJobFn fn;
    void *user;
    bool urgent; /* composing and encoding go before decoding */
    _Atomic int state;
    MdPictureJob *next;
    /* timer, under the pool's lock */
    int64_t due_us;
    int64_t period_us; /* 0: no timer */
    MdPictureJob *next_timer;
};

void md_picture_queue_init(MdPictureQueue *queue, MdPicturePool *pool);
/* Waits (sleeping in between) until no job is queued or running. Nobody may submit any more. Not from a pool
 * thread. */
void md_picture_queue_wait(MdPictureQueue *queue);
/* Without a pool: runs jobs, oldest first, until none is left. */
void md_picture_queue_run(MdPictureQueue *queue);

void md_picture_job_init(MdPictureJob *job, MdPictureQueue *queue, bool urgent, MdPictureJobFn fn,
                         void *user);
void md_picture_job_submit(MdPictureJob *job); /* any thread, never blocks */
/* The same without waking anybody: a system call less for the media worker. A pool thread that is awake takes
 * it next, otherwise the pool looks every MD_PICTURE_LOOK_US while any timer runs. */
#define MD_PICTURE_LOOK_US 5000
void md_picture_job_submit_lazily(MdPictureJob *job);

/* Submits the job every period_us from first_us on (monotonic, system clock); periods missed are skipped, not
 * made up. Pool queues only. Control thread. Stopping: no submit by the timer afterwards. */
void md_picture_job_start_timer(MdPictureJob *job, int64_t first_us, int64_t period_us);
void md_picture_job_stop_timer(MdPictureJob *job);
