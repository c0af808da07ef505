/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/re-api.h"
#define DEBUG_MODULE "sip"
#define DEBUG_LEVEL 0
#include <re/re_dbg.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include "sip/accounts.h"
#include "sip/loop.h"

#define FDS_MAX 131072 /* libre's table takes 32 bytes each */

typedef struct Command {
    SgLoopFn fn;
    void *data;
} Command;

struct SgLoop {
    /* immutable */
    GThread *thread;
    char name[16];
    /* under lock */
    GMutex lock;
    GCond changed;
    GArray *commands;
    bool running;
    int start_error;
    bool started;
    struct mqueue *mq;
    /* loop thread */
    bool stopping;
    struct tmr tmr;
    int64_t armed_us;
    SgTimer **heap; /* 1-based */
    unsigned n_heap, cap_heap;
};

int64_t sg_now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* --- timers --- */

static void heap_put(SgLoop *loop, unsigned i, SgTimer *timer)
{
    loop->heap[i] = timer;
    timer->index = i;
}

static void heap_up(SgLoop *loop, unsigned i)
{
    SgTimer *timer = loop->heap[i];

    while (i > 1 && loop->heap[i / 2]->due_us > timer->due_us) {
        heap_put(loop, i, loop->heap[i / 2]);
        i /= 2;
    }
    heap_put(loop, i, timer);
}

static void heap_down(SgLoop *loop, unsigned i)
{
    SgTimer *timer = loop->heap[i];

    for (;;) {
        unsigned child = i * 2;

        if (child > loop->n_heap)
            break;
        if (child < loop->n_heap && loop->heap[child + 1]->due_us < loop->heap[child]->due_us)
            child++;
        if (loop->heap[child]->due_us >= timer->due_us)
            break;
        heap_put(loop, i, loop->heap[child]);
        i = child;
    }
    heap_put(loop, i, timer);
}

static void on_tmr(void *arg);

/* One libre timer stands for the earliest of ours; it is moved only when it would be late. */
static void arm(SgLoop *loop)
{
    int64_t due, wait;

    if (loop->n_heap == 0)
        return;
    due = loop->heap[1]->due_us;
    if (loop->armed_us != 0 && loop->armed_us <= due)
        return;
    wait = (due - sg_now_us() + 999) / 1000;
    tmr_start(&loop->tmr, wait < 1 ? 1 : (uint64_t)wait, on_tmr, loop);
    loop->armed_us = due;
}

static void on_tmr(void *arg)
{
    SgLoop *loop = arg;
    int64_t now = sg_now_us();

    loop->armed_us = 0;
    while (loop->n_heap > 0 && loop->heap[1]->due_us <= now) {
        SgTimer *timer = loop->heap[1];

        sg_timer_stop(loop, timer);
        timer->fn(timer->data);
    }
    arm(loop);
}

void sg_timer_start(SgLoop *loop, SgTimer *timer, int64_t after_us, SgLoopFn fn, void *data)
{
    timer->fn = fn;
    timer->data = data;
    if (timer->index != 0)
        sg_timer_stop(loop, timer);
    timer->due_us = sg_now_us() + after_us;
    if (loop->n_heap + 1 >= loop->cap_heap) {
        loop->cap_heap = loop->cap_heap == 0 ? 1024 : loop->cap_heap * 2;
        loop->heap = g_renew(SgTimer *, loop->heap, loop->cap_heap);
    }
    loop->heap[++loop->n_heap] = timer;
    heap_up(loop, loop->n_heap);
    arm(loop);
}

void sg_timer_stop(SgLoop *loop, SgTimer *timer)
{
    unsigned i = timer->index;
    SgTimer *last;

    if (i == 0)
        return;
    timer->index = 0;
    last = loop->heap[loop->n_heap--];
    if (last == timer)
        return;
    heap_put(loop, i, last);
    heap_up(loop, i);
    heap_down(loop, last->index);
}

/* --- commands --- */

static void on_mqueue(int id, void *data, void *arg)
{
    SgLoop *loop = arg;
    GArray *batch;

    g_mutex_lock(&loop->lock);
    batch = loop->commands;
    loop->commands = g_array_new(FALSE, FALSE, sizeof(Command));
    g_mutex_unlock(&loop->lock);
    for (unsigned i = 0; i < batch->len; i++) {
        Command *command = &g_array_index(batch, Command, i);

        command->fn(command->data);
    }
    g_array_unref(batch);
    if (loop->stopping)
        re_cancel();
}

void sg_loop_post(SgLoop *loop, SgLoopFn fn, void *data)
{
    Command command = {fn, data};

    g_mutex_lock(&loop->lock);
    g_array_append_val(loop->commands, command);
    if (loop->commands->len == 1)
        mqueue_push(loop->mq, 0, NULL);
    g_mutex_unlock(&loop->lock);
}

typedef struct Call {
    SgLoopFn fn;
    void *data;
    SgLoop *loop;
    bool done;
} Call;

static void run_call(void *data)
{
    Call *call = data;

    call->fn(call->data);
    g_mutex_lock(&call->loop->lock);
    call->done = true;
    g_cond_broadcast(&call->loop->changed);
    g_mutex_unlock(&call->loop->lock);
}

void sg_loop_call(SgLoop *loop, SgLoopFn fn, void *data)
{
    Call call = {fn, data, loop, false};

    if (sg_loop_is_current(loop)) {
        fn(data);
        return;
    }
    sg_loop_post(loop, run_call, &call);
    g_mutex_lock(&loop->lock);
    while (!call.done)
        g_cond_wait(&loop->changed, &loop->lock);
    g_mutex_unlock(&loop->lock);
}

bool sg_loop_is_current(const SgLoop *loop)
{
    return g_thread_self() == loop->thread;
}

/* --- the thread --- */

static int prepare(SgLoop *loop)
{
    struct rlimit limit;
    int fds = FDS_MAX, err;

    err = re_thread_init();
    if (err)
        return err;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FDS_MAX)
        fds = (int)limit.rlim_cur;
    fd_setsize(fds);
    return mqueue_alloc(&loop->mq, on_mqueue, loop);
}

static void *run(void *data)
{
    SgLoop *loop = data;
    sigset_t set;
    int err;

    /* SSL_write ends in write(2): a closed peer must be an error, not a signal */
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    err = prepare(loop);
    g_mutex_lock(&loop->lock);
    loop->start_error = err;
    loop->started = true;
    g_cond_broadcast(&loop->changed);
    g_mutex_unlock(&loop->lock);
    if (!err)
        re_main(NULL);
    tmr_cancel(&loop->tmr);
    loop->mq = mem_deref(loop->mq);
    re_thread_close();
    return NULL;
}

static void init_libre(void)
{
    libre_init();
    dbg_init(DBG_EMERG, DBG_NONE); /* libre would write to stderr by itself */
}

SgLoop *sg_loop_new(const char *name, GError **error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    SgLoop *loop = g_new0(SgLoop, 1);

    pthread_once(&once, init_libre);
    g_mutex_init(&loop->lock);
    g_cond_init(&loop->changed);
    tmr_init(&loop->tmr);
    g_strlcpy(loop->name, name, sizeof(loop->name));
    loop->commands = g_array_new(FALSE, FALSE, sizeof(Command));
    loop->thread = g_thread_new(loop->name, run, loop);
    g_mutex_lock(&loop->lock);
    while (!loop->started)
        g_cond_wait(&loop->changed, &loop->lock);
    g_mutex_unlock(&loop->lock);
    if (loop->start_error) {
        g_set_error(error, SG_ERROR, SG_ERROR_NETWORK, "cannot start the SIP thread: %s", g_strerror(loop->start_error));
        g_thread_join(g_steal_pointer(&loop->thread));
        sg_loop_free(loop);
        return NULL;
    }
    return loop;
}

static void mark_stopping(void *data)
{
    SgLoop *loop = data;

    loop->stopping = true;
}

void sg_loop_stop(SgLoop *loop)
{
    if (!loop || !loop->thread)
        return;
    sg_loop_post(loop, mark_stopping, loop);
    g_thread_join(g_steal_pointer(&loop->thread));
}

void sg_loop_free(SgLoop *loop)
{
    if (!loop)
        return;
    sg_loop_stop(loop);
    g_array_unref(loop->commands);
    g_mutex_clear(&loop->lock);
    g_cond_clear(&loop->changed);
    g_free(loop->heap);
    g_free(loop);
}
