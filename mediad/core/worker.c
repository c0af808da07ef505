/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/core/worker.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_MAX 128
#define TIMERS_PER_WAKE 256 /* then packets and mail get their turn, even when far behind */
#define MAILBOX_DEFAULT 8192

typedef struct HeapEntry {
    int64_t due_us;
    uint64_t order; /* of arming: breaks ties */
    MdTimer *timer;
} HeapEntry;

struct MdWorker {
    /* immutable */
    char name[16];
    int cpu;
    int nice;
    const MdClock *clock;
    bool real; /* the machine's clock: may have a thread */
    int epoll_fd;
    int timer_fd;
    MdMailbox *mailbox;
    /* the starting and stopping thread */
    pthread_t thread;
    bool started;
    /* any */
    _Atomic bool stopping;
    /* worker thread */
    int64_t now_us;
    int64_t armed_us; /* what the timerfd is set to, INT64_MAX: nothing */
    HeapEntry *heap;  /* from 1 */
    unsigned heap_len;
    unsigned heap_cap;
    uint64_t order;
    struct epoll_event events[EVENTS_MAX];
    int n_events; /* of the batch being delivered */
};

static _Thread_local const MdWorker *current;

static int add_fd(MdWorker *w, int fd, void *mark)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};
    return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void destroy(MdWorker *w)
{
    int saved = errno;
    if (w->epoll_fd >= 0)
        close(w->epoll_fd);
    if (w->timer_fd >= 0)
        close(w->timer_fd);
    md_mailbox_free(w->mailbox);
    free(w->heap);
    free(w);
    errno = saved;
}

MdWorker *md_worker_new(const MdWorkerOptions *options)
{
    MdWorker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    strncpy(w->name, options->name ? options->name : "worker", sizeof w->name - 1);
    w->cpu = options->cpu;
    w->nice = options->nice;
    w->clock = options->clock ? options->clock : md_clock_system();
    w->real = w->clock == md_clock_system();
    w->armed_us = INT64_MAX;
    w->now_us = md_clock_now_us(w->clock);
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    w->mailbox = md_mailbox_new(options->mailbox_capacity ? options->mailbox_capacity : MAILBOX_DEFAULT);
    w->heap_cap = 64;
    w->heap = malloc(sizeof *w->heap * w->heap_cap);
    if (w->epoll_fd < 0 || w->timer_fd < 0 || !w->mailbox || !w->heap ||
        add_fd(w, md_mailbox_fd(w->mailbox), w->mailbox) < 0 || add_fd(w, w->timer_fd, w) < 0) {
        destroy(w);
        return NULL;
    }
    return w;
}

/* --- timers --- */

static bool before(const HeapEntry *a, const HeapEntry *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void place(MdWorker *w, unsigned at, HeapEntry entry)
{
    w->heap[at] = entry;
    entry.timer->heap_index = at;
}

static void sift_up(MdWorker *w, unsigned at, HeapEntry entry)
{
    for (; at > 1 && before(&entry, &w->heap[at / 2]); at /= 2)
        place(w, at, w->heap[at / 2]);
    place(w, at, entry);
}

static void sift_down(MdWorker *w, unsigned at, HeapEntry entry)
{
    for (;;) {
        unsigned child = at * 2;
        if (child > w->heap_len)
            break;
        if (child < w->heap_len && before(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!before(&w->heap[child], &entry))
            break;
        place(w, at, w->heap[child]);
        at = child;
    }
    place(w, at, entry);
}

static void settle(MdWorker *w, unsigned at, HeapEntry entry)
{
    if (at > 1 && before(&entry, &w->heap[at / 2]))
        sift_up(w, at, entry);
    else
        sift_down(w, at, entry);
}

int md_worker_timer_at(MdWorker *w, MdTimer *timer, int64_t due_us, MdTimerFn fn, void *user)
{
    unsigned at = timer->heap_index;
    if (!fn)
        return -EINVAL;
    if (!at) {
        if (w->heap_len + 1 >= w->heap_cap) {
            HeapEntry *grown = realloc(w->heap, sizeof *grown * w->heap_cap * 2);
            if (!grown)
                return -ENOMEM;
            w->heap = grown;
            w->heap_cap *= 2;
        }
        at = ++w->heap_len;
    }
    timer->due_us = due_us;
    timer->fn = fn;
    timer->user = user;
    HeapEntry entry = {due_us, ++w->order, timer};
    if (timer->heap_index)
        settle(w, at, entry);
    else
        sift_up(w, at, entry);
    return 0;
}

void md_worker_timer_cancel(MdWorker *w, MdTimer *timer)
{
    unsigned at = timer->heap_index;
    if (!at)
        return;
    timer->heap_index = 0;
    HeapEntry last = w->heap[w->heap_len--];
    if (last.timer != timer)
        settle(w, at, last);
}

int64_t md_worker_next_due_us(const MdWorker *w)
{
    return w->heap_len ? w->heap[1].due_us : INT64_MAX;
}

/* Each runs with its own deadline as "now": what it arms relative to now stays on the grid however late we are. */
static void run_timers(MdWorker *w, unsigned max)
{
    int64_t now = w->now_us;
    while (max-- > 0 && w->heap_len && w->heap[1].due_us <= now) {
        MdTimer *timer = w->heap[1].timer;
        int64_t due_us = w->heap[1].due_us;
        md_worker_timer_cancel(w, timer);
        w->now_us = due_us;
        timer->fn(timer, due_us, timer->user);
    }
    w->now_us = now;
}

static void arm_timer_fd(MdWorker *w)
{
    int64_t due = md_worker_next_due_us(w);
    if (due == w->armed_us)
        return;
    struct itimerspec spec = {0};
    if (due != INT64_MAX) {
        int64_t at = due > 0 ? due : 0;
        spec.it_value.tv_sec = at / 1000000;
        spec.it_value.tv_nsec = at % 1000000 * 1000;
        if (at == 0)
            spec.it_value.tv_nsec = 1; /* zero would disarm */
    }
    timerfd_settime(w->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    w->armed_us = due;
}

/* --- watches --- */

int md_worker_watch(MdWorker *w, MdWatch *watch, int fd, uint32_t epoll_events, MdWatchFn fn, void *user)
{
    if (!fn || fd < 0)
        return -EINVAL;
    if (watch->active && watch->fd != fd)
        md_worker_unwatch(w, watch);
    struct epoll_event event = {.events = epoll_events, .data.ptr = watch};
    if (epoll_ctl(w->epoll_fd, watch->active ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0)
        return -errno;
    *watch = (MdWatch){fd, fn, user, true};
    return 0;
}

void md_worker_unwatch(MdWorker *w, MdWatch *watch)
{
    if (!watch->active)
        return;
    epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->active = false;
    for (int i = 0; i < w->n_events; i++)
        if (w->events[i].data.ptr == watch)
            w->events[i].data.ptr = NULL;
}

/* --- the loop --- */

static void deliver(MdWorker *w, int n)
{
    bool mail = false;
    w->now_us = md_clock_now_us(w->clock);
    w->n_events = n;
    for (int i = 0; i < n; i++) {
        void *mark = w->events[i].data.ptr;
        if (mark == w->mailbox) {
            mail = true;
            w->events[i].data.ptr = NULL;
        } else if (mark == w) {
            uint64_t expired;
            ssize_t got = read(w->timer_fd, &expired, sizeof expired);
            (void)got;
            w->armed_us = INT64_MAX;
            w->events[i].data.ptr = NULL;
        }
    }
    if (mail)
        md_mailbox_drain(w->mailbox, 0);
    for (int i = 0; i < n; i++) {
        MdWatch *watch = w->events[i].data.ptr;
        if (!watch)
            continue;
        w->events[i].data.ptr = NULL;
        watch->fn(watch, w->events[i].events, watch->user);
    }
    w->n_events = 0;
}

static void *run(void *user)
{
    MdWorker *w = user;
    current = w;
    pthread_setname_np(pthread_self(), w->name);
    if (w->nice)
        setpriority(PRIO_PROCESS, (id_t)gettid(), w->nice); /* refused without the right to: then as it is */
    while (!atomic_load_explicit(&w->stopping, memory_order_acquire)) {
        arm_timer_fd(w);
        int n = epoll_wait(w->epoll_fd, w->events, EVENTS_MAX, -1);
        deliver(w, n > 0 ? n : 0);
        run_timers(w, TIMERS_PER_WAKE);
    }
    md_mailbox_drain_posted(w->mailbox);
    return NULL;
}

void md_worker_step(MdWorker *w)
{
    const MdWorker *outer = current;
    current = w;
    int n = epoll_wait(w->epoll_fd, w->events, EVENTS_MAX, 0);
    deliver(w, n > 0 ? n : 0);
    run_timers(w, UINT32_MAX);
    current = outer;
}

int md_worker_start(MdWorker *w)
{
    pthread_attr_t attr;
    sigset_t all, before_start;
    if (!w->real || w->started)
        return -EINVAL;
    int rc = pthread_attr_init(&attr);
    if (rc)
        return -rc;
    if (w->cpu >= 0 && w->cpu < CPU_SETSIZE) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(w->cpu, &set);
        rc = pthread_attr_setaffinity_np(&attr, sizeof set, &set);
    }
    if (!rc) {
        atomic_store(&w->stopping, false);
        sigfillset(&all); /* signals are the main thread's business */
        pthread_sigmask(SIG_SETMASK, &all, &before_start);
        rc = pthread_create(&w->thread, &attr, run, w);
        pthread_sigmask(SIG_SETMASK, &before_start, NULL);
        w->started = rc == 0;
    }
    pthread_attr_destroy(&attr);
    return -rc;
}

void md_worker_stop(MdWorker *w)
{
    if (!w->started)
        return;
    atomic_store_explicit(&w->stopping, true, memory_order_release);
    md_mailbox_wake(w->mailbox);
    pthread_join(w->thread, NULL);
    w->started = false;
}

void md_worker_free(MdWorker *w)
{
    if (!w)
        return;
    md_worker_stop(w);
    const MdWorker *outer = current;
    current = w;
    /* letters may post letters; those that go on forever are cut off */
    for (int round = 0; round < 64 && md_mailbox_drain_posted(w->mailbox) > 0; round++)
        ;
    current = outer;
    destroy(w);
}

/* --- anywhere --- */

int md_worker_post(MdWorker *w, MdMailFn fn, const void *payload, size_t len)
{
    return md_mailbox_post(w->mailbox, fn, payload, len);
}

MdMailbox *md_worker_mailbox(MdWorker *w)
{
    return w->mailbox;
}

bool md_worker_is_current(const MdWorker *w)
{
    return current == w;
}

bool md_worker_is_live(const MdWorker *w)
{
    return w->started || !w->real;
}

int64_t md_worker_now_us(const MdWorker *w)
{
    return w->now_us;
}

int64_t md_worker_clock_us(const MdWorker *w)
{
    return md_clock_now_us(w->clock);
}
