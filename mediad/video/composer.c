/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "mediad/video/composer-private.h"

int64_t md_composer_now_us(const MdComposer *composer)
{
    if (composer->synchronous)
        return atomic_load_explicit(&composer->tick_now_us, memory_order_relaxed);
    return md_clock_now_us(composer->clock);
}

int64_t md_composer_cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

MdComposer *md_composer_new(const MdComposerOptions *options)
{
    MdComposer *composer = calloc(1, sizeof(*composer));
    if (!composer)
        return NULL;
    composer->clock = options->clock ? options->clock : md_clock_system();
    composer->synchronous = composer->clock != md_clock_system();
    composer->events = options->events;
    composer->user = options->user;
    composer->labeler = md_labeler_new(options->font);
    composer->language = options->english ? MD_NOTICE_EN : MD_NOTICE_VI;
    if (!composer->labeler || (!composer->synchronous && !options->pool)) {
        md_labeler_free(composer->labeler);
        free(composer);
        return NULL;
    }
    atomic_init(&composer->tick_now_us, md_clock_now_us(composer->clock));
    md_picture_queue_init(&composer->queue, composer->synchronous ? NULL : options->pool);
    pthread_mutex_init(&composer->lock, NULL);
    return composer;
}

void md_composer_free(MdComposer *composer)
{
    if (!composer)
        return;
    atomic_store(&composer->stopping, true);
    if (!composer->synchronous)
        for (unsigned i = 0; i < OUTPUTS_MAX; i++)
            if (composer->canvases[i])
                md_picture_job_stop_timer(&composer->canvases[i]->job);
    md_picture_queue_wait(&composer->queue);
    for (unsigned i = 0; i < OUTPUTS_MAX; i++) {
        md_composer_output_free(atomic_load(&composer->outputs[i]));
        md_composer_canvas_free(composer->canvases[i]);
    }
    for (unsigned i = 0; i < SOURCES_MAX; i++)
        md_composer_source_free(atomic_load(&composer->sources[i]));
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        md_scene_unref(composer->views[i].scene);
    md_labeler_free(composer->labeler);
    pthread_mutex_destroy(&composer->lock);
    free(composer);
}

/* The canvas that is due first, LIVE, not after now. */
static ViewCanvas *first_due(MdComposer *composer, int64_t now_us)
{
    ViewCanvas *first = NULL;
    for (unsigned i = 0; i < OUTPUTS_MAX; i++) {
        ViewCanvas *canvas = composer->canvases[i];
        if (canvas && atomic_load(&canvas->slot) == SLOT_LIVE && canvas->due_us <= now_us &&
            (!first || canvas->due_us < first->due_us))
            first = canvas;
    }
    return first;
}

void md_composer_tick(MdComposer *composer, int64_t now_us)
{
    if (!composer->synchronous)
        return;
    atomic_store(&composer->tick_now_us, now_us);
    md_picture_queue_run(&composer->queue);
    for (ViewCanvas *canvas; (canvas = first_due(composer, now_us));) {
        md_picture_job_submit(&canvas->job);
        md_picture_queue_run(&composer->queue);
    }
}

void md_composer_stats(const MdComposer *composer, MdComposerStats *ret)
{
#define COPY(name, kind, help) ret->name = atomic_load_explicit(&composer->name, memory_order_relaxed);
    MD_COMPOSER_STATS(COPY)
#undef COPY
}
