/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/video/picpool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 64 };

typedef enum JobState {
    JOB_IDLE,
    JOB_QUEUED,
    JOB_RUNNING,
    JOB_AGAIN, /* running, and to run once more */
} JobState;

typedef struct JobList {
    MdPictureJob *first, *last;
} JobList;

struct MdPicturePool {
    unsigned n_threads;
    int nice;
    pthread_t threads[THREADS_MAX];
    pthread_t timer_thread;
    _Atomic(MdPictureJob *) stack; /* just submitted, newest first */
    sem_t wake;                    /* somebody should look; threads look until nothing is left */
    _Atomic bool stopping;

    pthread_mutex_t lock; /* between pool threads only: orders what came from the stack */
    JobList urgent, normal;
    unsigned n_urgent; /* taken in a row */

    pthread_mutex_t timer_lock;
    pthread_cond_t timer_wake;
    MdPictureJob *timers;
    bool timer_stopping;
};

static int64_t now_us(void)
{
    return md_clock_now_us(md_clock_system());
}

static void push(_Atomic(MdPictureJob *) *stack, MdPictureJob *job)
{
    MdPictureJob *head = atomic_load_explicit(stack, memory_order_relaxed);
    do {
        job->next = head;
    } while (!atomic_compare_exchange_weak_explicit(stack, &head, job, memory_order_release,
                                                    memory_order_relaxed));
}

/* Takes the whole stack (so a popped node can never come back under a reader: no ABA), oldest first. */
static MdPictureJob *take_all(_Atomic(MdPictureJob *) *stack)
{
    MdPictureJob *job = atomic_exchange_explicit(stack, NULL, memory_order_acquire), *list = NULL;
    while (job) {
        MdPictureJob *next = job->next;
        job->next = list;
        list = job;
        job = next;
    }
    return list;
}

static void enqueue(MdPictureJob *job, bool wake)
{
    MdPicturePool *pool = job->queue->pool;
    push(pool ? &pool->stack : &job->queue->stack, job);
    if (pool && wake)
        sem_post(&pool->wake);
}

void md_picture_job_init(MdPictureJob *job, MdPictureQueue *queue, bool urgent, MdPictureJobFn fn, void *user)
{
    *job = (MdPictureJob){.queue = queue, .fn = fn, .user = user, .urgent = urgent};
    atomic_init(&job->state, JOB_IDLE);
}

static void submit(MdPictureJob *job, bool wake)
{
    int state = atomic_load_explicit(&job->state, memory_order_relaxed);
    for (;;) {
        int next = state == JOB_IDLE ? JOB_QUEUED : state == JOB_RUNNING ? JOB_AGAIN : state;
        /* also when the state stays: what was written before this submit must be seen by the coming run */
        if (atomic_compare_exchange_weak_explicit(&job->state, &state, next, memory_order_acq_rel,
                                                  memory_order_relaxed))
            break;
    }
    if (state != JOB_IDLE) {
        if (wake && state == JOB_QUEUED && job->queue->pool)
            sem_post(&job->queue->pool->wake); /* it may have been submitted lazily */
        return;
    }
    atomic_fetch_add_explicit(&job->queue->busy, 1, memory_order_relaxed);
    enqueue(job, wake);
}

void md_picture_job_submit(MdPictureJob *job)
{
    submit(job, true);
}

void md_picture_job_submit_lazily(MdPictureJob *job)
{
    submit(job, false);
}

static void run(MdPictureJob *job)
{
    MdPictureQueue *queue = job->queue;
    atomic_exchange_explicit(&job->state, JOB_RUNNING, memory_order_acq_rel);
    job->fn(job, job->user);
    int state = JOB_RUNNING;
    if (atomic_compare_exchange_strong_explicit(&job->state, &state, JOB_IDLE, memory_order_acq_rel,
                                                memory_order_acquire)) {
        atomic_fetch_sub_explicit(&queue->busy, 1,
                                  memory_order_release); /* last touch: the owner may free now */
        return;
    }
    atomic_store_explicit(&job->state, JOB_QUEUED,
                          memory_order_release); /* was AGAIN: submits change nothing there */
    enqueue(job, false);                         /* this thread looks again at once */
}

void md_picture_queue_init(MdPictureQueue *queue, MdPicturePool *pool)
{
    queue->pool = pool;
    atomic_init(&queue->stack, NULL);
    atomic_init(&queue->busy, 0);
}

void md_picture_queue_wait(MdPictureQueue *queue)
{
    if (!queue->pool)
        md_picture_queue_run(queue);
    while (atomic_load_explicit(&queue->busy, memory_order_acquire)) {
        struct timespec pause = {.tv_nsec = 200000};
        sem_post(&queue->pool->wake); /* for jobs submitted lazily when no timer runs any more */
        nanosleep(&pause, NULL);
    }
}

void md_picture_queue_run(MdPictureQueue *queue)
{
    for (MdPictureJob *list; (list = take_all(&queue->stack));)
        while (list) {
            MdPictureJob *job = list;
            list = job->next;
            run(job);
        }
}

static void append(JobList *list, MdPictureJob *job)
{
    job->next = NULL;
    if (list->last)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
}

static MdPictureJob *take_first(JobList *list)
{
    MdPictureJob *job = list->first;
    if (job && !(list->first = job->next))
        list->last = NULL;
    return job;
}

static MdPictureJob *next_job(MdPicturePool *pool)
{
    pthread_mutex_lock(&pool->lock);
    for (MdPictureJob *job = take_all(&pool->stack), *next; job; job = next) {
        next = job->next;
        append(job->urgent ? &pool->urgent : &pool->normal, job);
    }
    /* when there is more to do than time for it, decoding still gets every third turn: late pictures rather
     * than none */
    bool normal_first = pool->n_urgent >= 2;
    MdPictureJob *job = take_first(normal_first ? &pool->normal : &pool->urgent);
    if (!job)
        job = take_first(normal_first ? &pool->urgent : &pool->normal);
    pool->n_urgent = job && job->urgent ? pool->n_urgent + 1 : 0;
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void lower_priority(const MdPicturePool *pool)
{
    /* Linux: nice values are per thread. Refused only when asked to go up; then it stays as it is. */
    if (pool->nice)
        setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), pool->nice);
}

static void *pool_thread(void *user)
{
    MdPicturePool *pool = user;
    lower_priority(pool);
    while (!atomic_load(&pool->stopping)) {
        for (MdPictureJob *job; (job = next_job(pool));)
            run(job);
        while (sem_wait(&pool->wake) < 0 && errno == EINTR)
            continue;
    }
    return NULL;
}

/* Wakes the threads for jobs submitted lazily, unless they are about to look anyway. */
static void look(MdPicturePool *pool)
{
    int value = 0;
    if (!atomic_load_explicit(&pool->stack, memory_order_relaxed))
        return;
    sem_getvalue(&pool->wake, &value);
    for (; value < (int)pool->n_threads; value++)
        sem_post(&pool->wake);
}

/* Submits what is due; returns the next deadline. */
static int64_t fire_timers(MdPicturePool *pool, int64_t now)
{
    int64_t next = INT64_MAX;
    for (MdPictureJob *job = pool->timers; job; job = job->next_timer) {
        if (job->due_us <= now) {
            job->due_us += (now - job->due_us) / job->period_us * job->period_us + job->period_us;
            md_picture_job_submit(job);
        }
        next = job->due_us < next ? job->due_us : next;
    }
    return next;
}

static void *timer_thread(void *user)
{
    MdPicturePool *pool = user;
    pthread_mutex_lock(&pool->timer_lock);
    while (!pool->timer_stopping) {
        int64_t now = now_us(), next = fire_timers(pool, now);
        look(pool);
        if (next == INT64_MAX) {
            pthread_cond_wait(&pool->timer_wake, &pool->timer_lock);
            continue;
        }
        next = next < now + MD_PICTURE_LOOK_US ? next : now + MD_PICTURE_LOOK_US;
        struct timespec until = {.tv_sec = next / 1000000, .tv_nsec = next % 1000000 * 1000};
        pthread_cond_timedwait(&pool->timer_wake, &pool->timer_lock, &until);
    }
    pthread_mutex_unlock(&pool->timer_lock);
    return NULL;
}

void md_picture_job_start_timer(MdPictureJob *job, int64_t first_us, int64_t period_us)
{
    MdPicturePool *pool = job->queue->pool;
    pthread_mutex_lock(&pool->timer_lock);
    if (!job->period_us) {
        job->next_timer = pool->timers;
        pool->timers = job;
    }
    job->due_us = first_us;
    job->period_us = period_us;
    pthread_cond_signal(&pool->timer_wake);
    pthread_mutex_unlock(&pool->timer_lock);
}

void md_picture_job_stop_timer(MdPictureJob *job)
{
    MdPicturePool *pool = job->queue->pool;
    pthread_mutex_lock(&pool->timer_lock);
    for (MdPictureJob **at = &pool->timers; *at; at = &(*at)->next_timer)
        if (*at == job) {
            *at = job->next_timer;
            break;
        }
    job->period_us = 0;
    pthread_mutex_unlock(&pool->timer_lock);
}

static void stop_threads(MdPicturePool *pool, unsigned n)
{
    atomic_store(&pool->stopping, true);
    for (unsigned i = 0; i < n; i++)
        sem_post(&pool->wake);
    for (unsigned i = 0; i < n; i++)
        pthread_join(pool->threads[i], NULL);
}

static void dispose(MdPicturePool *pool)
{
    pthread_cond_destroy(&pool->timer_wake);
    pthread_mutex_destroy(&pool->timer_lock);
    pthread_mutex_destroy(&pool->lock);
    sem_destroy(&pool->wake);
    free(pool);
}

MdPicturePool *md_picture_pool_new(unsigned threads, int nice)
{
    MdPicturePool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return NULL;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    pool->n_threads = threads ? threads : cores > 0 ? (unsigned)cores : 1;
    if (pool->n_threads > THREADS_MAX)
        pool->n_threads = THREADS_MAX;
    pool->nice = nice;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->timer_wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_mutex_init(&pool->timer_lock, NULL);
    sem_init(&pool->wake, 0, 0);
    for (unsigned i = 0; i < pool->n_threads; i++)
        if (pthread_create(&pool->threads[i], NULL, pool_thread, pool) != 0) {
            stop_threads(pool, i);
            dispose(pool);
            return NULL;
        }
    if (pthread_create(&pool->timer_thread, NULL, timer_thread, pool) != 0) {
        stop_threads(pool, pool->n_threads);
        dispose(pool);
        return NULL;
    }
    for (unsigned i = 0; i < pool->n_threads; i++)
        pthread_setname_np(pool->threads[i], "md-picture");
    pthread_setname_np(pool->timer_thread, "md-picture-tick");
    return pool;
}

void md_picture_pool_free(MdPicturePool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->timer_lock);
    pool->timer_stopping = true;
    pthread_cond_signal(&pool->timer_wake);
    pthread_mutex_unlock(&pool->timer_lock);
    pthread_join(pool->timer_thread, NULL);
    stop_threads(pool, pool->n_threads);
    dispose(pool);
}
