/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "mediad/video/composer-private.h"

/* --- job --- */

/* The scene to show now, laid out. NULL scene (a view nobody set): an empty canvas. */
static void take_scene(ViewCanvas *canvas)
{
    MdComposer *composer = canvas->composer;
    Scene *scene = NULL;
    uint64_t version = 0;
    pthread_mutex_lock(&composer->lock);
    View *view = md_composer_find_view(composer, canvas->view);
    if (view) {
        version = view->version;
        scene = view->scene;
        atomic_fetch_add_explicit(&scene->refs, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&composer->lock);
    if (version == canvas->version) {
        md_scene_unref(scene);
        return;
    }
    md_canvas_set_layout(canvas->canvas, scene ? scene->layout : MD_LAYOUT_SINGLE, scene ? scene->n_cells : 0);
    md_scene_unref(canvas->scene);
    canvas->scene = scene;
    canvas->version = version;
}

static bool draw_cell(ViewCanvas *canvas, unsigned index, int64_t now_us)
{
    char name[SOURCE_LABEL_MAX];
    MdTile tile = {.kind = MD_TILE_EMPTY};
    MdPicture *picture = NULL;
    if (canvas->scene && index < canvas->scene->n_cells) {
        Source *source = md_composer_find_source(canvas->composer, canvas->scene->cells[index]);
        if (source) {
            tile.source = canvas->scene->cells[index];
            md_composer_source_tile(source, now_us, &tile, name, &picture);
        }
    }
    bool drawn = md_canvas_draw(canvas->canvas, index, &tile);
    md_picture_unref(picture);
    return drawn;
}

/* Asia/Ho_Chi_Minh, whatever the machine's own zone is; it has no summer time. */
static void write_clock(ViewCanvas *canvas, char text[8])
{
    int64_t minutes = md_clock_wall_us(canvas->composer->clock) / 60000000 + 7 * 60;
    text[0] = 0;
    if (canvas->scene && canvas->scene->clock)
        snprintf(text, 8, "%02u:%02u", (unsigned)(minutes / 60 % 24), (unsigned)(minutes % 60));
}

static void compose(ViewCanvas *canvas, int64_t now_us)
{
    MdComposer *composer = canvas->composer;
    int64_t begun = md_composer_cpu_us();
    char clock[8];
    take_scene(canvas);
    write_clock(canvas, clock);
    md_canvas_set_banner(canvas->canvas, canvas->scene ? canvas->scene->banner : NULL, clock);
    unsigned drawn = 0;
    for (unsigned i = 0; i < md_canvas_n_cells(canvas->canvas); i++)
        drawn += draw_cell(canvas, i, now_us);
    if (drawn) {
        canvas->changed_us = canvas->tick_us;
        count_stat(composer, frames_composed, 1);
    }
    count_stat(composer, tiles_drawn, drawn);
    count_stat(composer, compose_us, md_composer_cpu_us() - begun);
}

/* Sets outputs that are due to work on the picture. Marking and submitting happen under the lock that removing takes, so an output
 * never meets a picture that is being drawn. */
static void start_outputs(ViewCanvas *canvas)
{
    pthread_mutex_lock(&canvas->composer->lock);
    for (unsigned i = 0; i < canvas->n_outputs; i++) {
        Output *output = canvas->outputs[i];
        if (!md_composer_output_due(output, canvas))
            continue;
        atomic_fetch_add(&canvas->encoding, 1);
        atomic_store(&output->pending, true);
        md_picture_job_submit(&output->job);
    }
    pthread_mutex_unlock(&canvas->composer->lock);
}

static void tick(ViewCanvas *canvas)
{
    MdComposer *composer = canvas->composer;
    int64_t now = md_composer_now_us(composer), due = atomic_load(&canvas->due_us), period = atomic_load(&canvas->period_us);
    if (now < due)
        return;
    if (now - due > period / 2)
        count_stat(composer, ticks_late, 1);
    int64_t skipped = (now - due) / period; /* not made up for */
    canvas->tick_us = due + skipped * period;
    canvas->ticks += (uint64_t)skipped + 1;
    atomic_store(&canvas->due_us, canvas->tick_us + period);
    compose(canvas, now);
    start_outputs(canvas);
}

static void clean_up(ViewCanvas *canvas)
{
    md_canvas_free(canvas->canvas);
    canvas->canvas = NULL;
    md_scene_unref(canvas->scene);
    canvas->scene = NULL;
    atomic_store_explicit(&canvas->slot, SLOT_FREE, memory_order_release);
}

static void run_canvas(MdPictureJob *job, void *user)
{
    ViewCanvas *canvas = user;
    int slot = atomic_load(&canvas->slot);
    if (atomic_load(&canvas->composer->stopping) || slot == SLOT_FREE)
        return;
    atomic_store(&canvas->waiting, true);
    if (atomic_load(&canvas->encoding))
        return; /* the last output to finish comes back here */
    atomic_store(&canvas->waiting, false);
    if (slot == SLOT_DYING)
        clean_up(canvas);
    else
        tick(canvas);
}

void md_composer_canvas_encoded(ViewCanvas *canvas)
{
    if (atomic_fetch_sub(&canvas->encoding, 1) == 1 && atomic_exchange(&canvas->waiting, false))
        md_picture_job_submit(&canvas->job);
}

/* --- control, under composer->lock --- */

static ViewCanvas *new_slot(MdComposer *composer)
{
    ViewCanvas *canvas = calloc(1, sizeof(*canvas));
    if (canvas) {
        canvas->composer = composer;
        md_picture_job_init(&canvas->job, &composer->queue, true, run_canvas, canvas);
    }
    return canvas;
}

static ViewCanvas *free_slot(MdComposer *composer)
{
    for (unsigned i = 0; i < OUTPUTS_MAX; i++) {
        if (!composer->canvases[i])
            composer->canvases[i] = new_slot(composer);
        ViewCanvas *canvas = composer->canvases[i];
        if (!canvas || atomic_load_explicit(&canvas->slot, memory_order_acquire) == SLOT_FREE)
            return canvas;
    }
    return NULL;
}

ViewCanvas *md_composer_canvas_for(MdComposer *composer, const MdComposerOutput *spec)
{
    for (unsigned i = 0; i < OUTPUTS_MAX; i++) {
        ViewCanvas *canvas = composer->canvases[i];
        if (canvas && atomic_load(&canvas->slot) == SLOT_LIVE && canvas->view == spec->view && canvas->width == spec->width &&
            canvas->height == spec->height)
            return canvas->n_outputs < OUTPUTS_PER_CANVAS ? canvas : NULL;
    }
    ViewCanvas *canvas = free_slot(composer);
    if (!canvas)
        return NULL;
    canvas->canvas = md_canvas_new(spec->width, spec->height, composer->labeler);
    if (!canvas->canvas)
        return NULL;
    canvas->view = spec->view;
    canvas->width = spec->width;
    canvas->height = spec->height;
    canvas->fps = 0;
    canvas->n_outputs = 0;
    canvas->version = 0;
    canvas->ticks = 0;
    canvas->tick_us = canvas->changed_us = 0;
    atomic_store(&canvas->encoding, 0);
    atomic_store(&canvas->waiting, false);
    return canvas; /* LIVE with its first output */
}

static void set_fps(ViewCanvas *canvas)
{
    unsigned fps = 0;
    for (unsigned i = 0; i < canvas->n_outputs; i++)
        if (canvas->outputs[i]->spec.fps > fps)
            fps = canvas->outputs[i]->spec.fps;
    if (fps == canvas->fps || !fps)
        return;
    canvas->fps = fps;
    int64_t now = md_composer_now_us(canvas->composer);
    atomic_store(&canvas->due_us, now);
    atomic_store(&canvas->period_us, 1000000 / fps);
    if (!canvas->composer->synchronous)
        md_picture_job_start_timer(&canvas->job, now, 1000000 / fps);
}

void md_composer_canvas_add(ViewCanvas *canvas, Output *output)
{
    canvas->outputs[canvas->n_outputs++] = output;
    set_fps(canvas);
    atomic_store(&canvas->slot, SLOT_LIVE);
}

void md_composer_canvas_remove(ViewCanvas *canvas, Output *output)
{
    for (unsigned i = 0; i < canvas->n_outputs; i++)
        if (canvas->outputs[i] == output) {
            canvas->outputs[i] = canvas->outputs[--canvas->n_outputs];
            break;
        }
    if (canvas->n_outputs) {
        set_fps(canvas);
        return;
    }
    if (!canvas->composer->synchronous)
        md_picture_job_stop_timer(&canvas->job);
    atomic_store(&canvas->slot, SLOT_DYING);
    md_picture_job_submit(&canvas->job);
}

void md_composer_canvas_free(ViewCanvas *canvas)
{
    if (!canvas)
        return;
    md_canvas_free(canvas->canvas);
    md_scene_unref(canvas->scene);
    free(canvas);
}
