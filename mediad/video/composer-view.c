/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/video/composer-private.h"

void md_scene_unref(Scene *scene)
{
    if (scene && atomic_fetch_sub_explicit(&scene->refs, 1, memory_order_acq_rel) == 1)
        free(scene);
}

View *md_composer_find_view(MdComposer *composer, uint32_t id)
{
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        if (composer->views[i].id == id)
            return &composer->views[i];
    return NULL;
}

static Scene *copy_scene(const MdScene *from)
{
    Scene *scene = calloc(1, sizeof(*scene));
    if (!scene)
        return NULL;
    atomic_init(&scene->refs, 1);
    scene->layout = md_layout_resolve(from->layout, from->n_cells);
    scene->clock = from->clock;
    unsigned seats = md_layout_seats(scene->layout, from->n_cells);
    scene->n_cells = from->n_cells < seats ? from->n_cells : seats;
    if (scene->n_cells)
        memcpy(scene->cells, from->cells, scene->n_cells * sizeof(scene->cells[0]));
    md_label_copy_text(scene->banner, sizeof(scene->banner), from->banner);
    md_label_copy_text(scene->sign, sizeof(scene->sign), from->sign);
    return scene;
}

int md_composer_set_view(MdComposer *composer, uint32_t id, const MdScene *from)
{
    if (!id || from->layout < 0 || from->layout >= MD_LAYOUT_KIND_MAX || (from->n_cells && !from->cells))
        return -EINVAL;
    Scene *scene = copy_scene(from);
    if (!scene)
        return -ENOMEM;
    pthread_mutex_lock(&composer->lock);
    View *view = md_composer_find_view(composer, id);
    if (!view)
        view = md_composer_find_view(composer, 0);
    if (!view) {
        pthread_mutex_unlock(&composer->lock);
        md_scene_unref(scene);
        return -ENOSPC;
    }
    Scene *old = view->scene;
    view->id = id;
    view->scene = scene;
    view->version = ++composer->n_versions;
    md_composer_refresh_shown(composer);
    pthread_mutex_unlock(&composer->lock);
    md_scene_unref(old);
    return 0;
}

void md_composer_remove_view(MdComposer *composer, uint32_t id)
{
    pthread_mutex_lock(&composer->lock);
    View *view = id ? md_composer_find_view(composer, id) : NULL;
    Scene *old = view ? view->scene : NULL;
    if (view)
        *view = (View){0};
    md_composer_refresh_shown(composer);
    pthread_mutex_unlock(&composer->lock);
    md_scene_unref(old);
}

/* Marks what a canvas shows in needs, one entry per source slot: the largest tile by area. */
static void note_needs(MdComposer *composer, const ViewCanvas *canvas, uint32_t needs[SOURCES_MAX])
{
    MdRect rects[MD_LAYOUT_CELLS_MAX];
    View *view = md_composer_find_view(composer, canvas->view);
    if (!view)
        return;
    const Scene *scene = view->scene;
    int n = md_layout_cells(scene->layout, scene->n_cells, canvas->width, canvas->height, rects);
    for (int cell = 0; cell < n && cell < (int)scene->n_cells; cell++)
        for (unsigned i = 0; i < SOURCES_MAX; i++) {
            Source *source = atomic_load(&composer->sources[i]);
            if (!source)
                break;
            if (!scene->cells[cell] || atomic_load(&source->id) != scene->cells[cell])
                continue;
            uint32_t old = (needs[i] >> 16) * (needs[i] & 0xffff);
            if ((uint32_t)rects[cell].width * rects[cell].height > old)
                needs[i] = (uint32_t)rects[cell].width << 16 | rects[cell].height;
            break;
        }
}

void md_composer_refresh_shown(MdComposer *composer)
{
    uint32_t needs[SOURCES_MAX] = {0};
    md_composer_choose_parents(composer);
    for (unsigned i = 0; i < OUTPUTS_MAX; i++) {
        const ViewCanvas *canvas = composer->canvases[i];
        if (canvas && atomic_load(&canvas->slot) == SLOT_LIVE)
            note_needs(composer, canvas, needs);
    }
    for (unsigned i = 0; i < SOURCES_MAX; i++) {
        Source *source = atomic_load(&composer->sources[i]);
        if (!source)
            break;
        if (atomic_load(&source->slot) == SLOT_LIVE)
            md_composer_source_show(source, needs[i] != 0, needs[i]);
    }
}
