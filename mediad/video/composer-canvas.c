/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "mediad/video/composer-private.h"
#include "mediad/video/scale.h"

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
    md_canvas_set_layout(canvas->canvas, scene ? scene->layout : MD_LAYOUT_SINGLE,
                         scene ? scene->n_cells : 0);
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

/* Draws what changed; returns how many tiles. */
static unsigned draw_tiles(ViewCanvas *canvas, int64_t now_us)
{
    char clock[8];
    take_scene(canvas);
    write_clock(canvas, clock);
    const Scene *scene = canvas->scene;
    md_canvas_set_banner(canvas->canvas, scene ? scene->banner : NULL, scene && !scene->n_cells, clock);
    md_canvas_set_sign(canvas->canvas, scene ? scene->sign : NULL);
    unsigned drawn = 0;
    for (unsigned i = 0; i < md_canvas_n_cells(canvas->canvas); i++)
        drawn += draw_cell(canvas, i, now_us);
    count_stat(canvas->composer, tiles_drawn, drawn);
    return drawn;
}

/* One of three that nobody holds any more, or NULL. */
static MdPicture *spare_half(ViewCanvas *canvas)
{
    for (unsigned i = 0; i < 3; i++) {
        if (!canvas->halves[i])
            canvas->halves[i] = md_picture_new(canvas->width / 2 & ~1, canvas->height / 2 & ~1);
        if (canvas->halves[i] && atomic_load_explicit(&canvas->halves[i]->refs, memory_order_acquire) == 1)
            return md_picture_ref(canvas->halves[i]);
    }
    return NULL;
}

static void publish_half(ViewCanvas *canvas, MdPicture *half)
{
    pthread_mutex_lock(&canvas->composer->lock);
    MdPicture *old = canvas->half;
    canvas->half = half;
    canvas->half_serial++;
    pthread_mutex_unlock(&canvas->composer->lock);
    md_picture_unref(old);
}

static void make_half(ViewCanvas *canvas)
{
    const MdPlanes *from = md_composer_canvas_planes(canvas); /* may itself be the half of a larger one */
    MdPicture *half = spare_half(canvas);
    if (!half)
        return;          /* the older one stays */
    MdScaler none = {0}; /* an exact half needs no scratch */
    md_scale(&none, from, &(MdRect){0, 0, from->width, from->height}, &half->planes,
             &(MdRect){0, 0, half->planes.width, half->planes.height});
    publish_half(canvas, half);
}

/* Takes the parent's half when there is one. Returns whether this canvas shows it; *ret_changed: a new one.
 */
static bool take_half(ViewCanvas *canvas, bool *ret_half_wanted, bool *ret_changed)
{
    MdPicture *half = NULL;
    uint64_t serial = 0;
    pthread_mutex_lock(&canvas->composer->lock);
    *ret_half_wanted = canvas->half_wanted;
    if (canvas->parent && canvas->parent->half) {
        half = md_picture_ref(canvas->parent->half);
        serial = canvas->parent->half_serial;
    }
    pthread_mutex_unlock(&canvas->composer->lock);
    *ret_changed = half && (!canvas->derived || serial != canvas->derived_serial);
    if (half && !canvas->derived)
        canvas->version = 0; /* to be laid out anew when it is drawn again */
    md_picture_unref(canvas->derived);
    canvas->derived = half;
    canvas->derived_serial = serial;
    return half;
}

static void compose(ViewCanvas *canvas, int64_t now_us)
{
    MdComposer *composer = canvas->composer;
    int64_t begun = md_composer_cpu_us();
    bool half_wanted, changed;
    if (!take_half(canvas, &half_wanted, &changed))
        changed = draw_tiles(canvas, now_us) > 0;
    if (half_wanted && (changed || !canvas->half))
        make_half(canvas);
    else if (!half_wanted && canvas->half)
        publish_half(canvas, NULL); /* or it would be old when wanted again */
    if (changed) {
        canvas->changed_us = canvas->tick_us;
        count_stat(composer, frames_composed, 1);
    }
    count_stat(composer, compose_us, md_composer_cpu_us() - begun);
}

const MdPlanes *md_composer_canvas_planes(const ViewCanvas *canvas)
{
    return canvas->derived ? &canvas->derived->planes : md_canvas_planes(canvas->canvas);
}

/* Sets outputs that are due to work on the picture. Marking and submitting happen under the lock that
 * removing takes, so an output never meets a picture that is being drawn. */
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

/* Moves the schedule past now. False: nothing is due yet. Under the lock, because control may be changing the
 * rate. */
static bool take_turn(ViewCanvas *canvas, int64_t now_us)
{
    MdComposer *composer = canvas->composer;
    pthread_mutex_lock(&composer->lock);
    int64_t due = canvas->due_us, period = canvas->period_us;
    bool is_due = now_us >= due;
    if (is_due) {
        int64_t skipped = (now_us - due) / period; /* not made up for */
        canvas->tick_us = due + skipped * period;
        canvas->ticks += (uint64_t)skipped + 1;
        canvas->due_us = canvas->tick_us + period;
    }
    pthread_mutex_unlock(&composer->lock);
    if (is_due && now_us - due > period / 2)
        count_stat(composer, ticks_late, 1);
    return is_due;
}

static void tick(ViewCanvas *canvas)
{
    int64_t now = md_composer_now_us(canvas->composer);
    if (!take_turn(canvas, now))
        return;
    compose(canvas, now);
    start_outputs(canvas);
}

static void drop_pictures(ViewCanvas *canvas)
{
    md_canvas_free(canvas->canvas);
    canvas->canvas = NULL;
    md_scene_unref(canvas->scene);
    canvas->scene = NULL;
    md_picture_unref(canvas->derived);
    canvas->derived = NULL;
    md_picture_unref(canvas->half);
    canvas->half = NULL;
    for (unsigned i = 0; i < 3; i++) {
        md_picture_unref(canvas->halves[i]);
        canvas->halves[i] = NULL;
    }
}

static void clean_up(ViewCanvas *canvas)
{
    drop_pictures(canvas); /* since it is DYING nobody has it as parent */
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
        if (canvas && atomic_load(&canvas->slot) == SLOT_LIVE && canvas->view == spec->view &&
            canvas->width == spec->width && canvas->height == spec->height)
            return canvas->n_outputs < OUTPUTS_PER_CANVAS ? canvas : NULL;
    }
    ViewCanvas *canvas = free_slot(composer);
    if (!canvas)
        return NULL;
    canvas->canvas = md_canvas_new(spec->width, spec->height, composer->labeler);
    if (!canvas->canvas)
        return NULL;
    md_canvas_set_language(canvas->canvas, composer->language);
    canvas->view = spec->view;
    canvas->width = spec->width;
    canvas->height = spec->height;
    canvas->fps = 0;
    canvas->n_outputs = 0;
    canvas->version = 0;
    canvas->ticks = 0;
    canvas->tick_us = canvas->changed_us = 0;
    canvas->half_serial = canvas->derived_serial = 0;
    canvas->half_wanted = false;
    canvas->parent = NULL;
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
    canvas->period_us = 1000000 / fps;
    canvas->due_us = md_composer_now_us(canvas->composer);
    if (canvas->ticks && canvas->due_us < canvas->tick_us + canvas->period_us)
        canvas->due_us = canvas->tick_us + canvas->period_us;
    if (!canvas->composer->synchronous)
        md_picture_job_start_timer(&canvas->job, canvas->due_us, canvas->period_us);
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

static bool is_half_of(const ViewCanvas *canvas, const ViewCanvas *other)
{
    return other && other != canvas && atomic_load(&other->slot) == SLOT_LIVE &&
           other->view == canvas->view && other->width == 2 * canvas->width &&
           other->height == 2 * canvas->height && other->fps >= canvas->fps;
}

void md_composer_choose_parents(MdComposer *composer)
{
    for (unsigned i = 0; i < OUTPUTS_MAX; i++)
        if (composer->canvases[i])
            composer->canvases[i]->half_wanted = false;
    for (unsigned i = 0; i < OUTPUTS_MAX; i++) {
        ViewCanvas *canvas = composer->canvases[i];
        if (!canvas)
            continue;
        canvas->parent = NULL;
        const View *view = md_composer_find_view(composer, canvas->view);
        if (atomic_load(&canvas->slot) != SLOT_LIVE || !view || view->scene->n_cells < DERIVE_CELLS_MIN)
            continue;
        for (unsigned j = 0; j < OUTPUTS_MAX && !canvas->parent; j++)
            if (is_half_of(canvas, composer->canvases[j])) {
                canvas->parent = composer->canvases[j];
                canvas->parent->half_wanted = true;
            }
    }
}

void md_composer_canvas_free(ViewCanvas *canvas)
{
    if (!canvas)
        return;
    drop_pictures(canvas);
    free(canvas);
}
