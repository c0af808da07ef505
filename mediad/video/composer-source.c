/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/video/composer-private.h"
#include "mediad/video/testpattern.h"

enum {
    FRAMES_PER_RUN = 4, /* then other sources get their turn */
    TEST_WIDTH = 640,
    TEST_HEIGHT = 360,
    TEST_PERIOD_US = 66666,
};

Source *md_composer_find_source(const MdComposer *composer, uint32_t id)
{
    if (!id)
        return NULL;
    for (unsigned i = 0; i < SOURCES_MAX; i++) {
        Source *source = atomic_load_explicit(&composer->sources[i], memory_order_acquire);
        if (!source)
            return NULL;
        if (atomic_load_explicit(&source->id, memory_order_acquire) == id)
            return source;
    }
    return NULL;
}

/* --- job --- */

static void drain(Source *source)
{
    MdFrame *frame;
    while (md_ring_pop(source->ring, &frame)) {
        md_frame_unref(frame);
        count_stat(source->composer, frames_dropped, 1);
    }
}

static void drop_picture(Source *source)
{
    pthread_mutex_lock(&source->lock);
    MdPicture *picture = source->picture;
    source->picture = NULL;
    source->serial++;
    pthread_mutex_unlock(&source->lock);
    md_picture_unref(picture);
}

static void request_key(Source *source)
{
    MdComposer *composer = source->composer;
    int64_t now = md_composer_now_us(composer), last = atomic_load(&source->last_key_request_us);
    if (!atomic_load(&source->need_key) || !atomic_load(&source->shown) || source->test ||
        (last && now - last < KEY_INTERVAL_US))
        return; /* a canvas that shows it comes back here at its ticks */
    atomic_store(&source->need_key, false);
    atomic_store(&source->last_key_request_us, now);
    uint32_t id = atomic_load(&source->id);
    if (id && composer->events.on_need_key)
        composer->events.on_need_key(id, composer->user);
}

static void publish(Source *source, MdPicture *picture, int64_t now_us)
{
    int64_t still_us = now_us - atomic_load(&source->picture_us);
    if (atomic_load(&source->has_picture) && atomic_load(&source->live) && still_us > FREEZE_US)
        atomic_fetch_add(&source->frozen_ms, (uint64_t)still_us / 1000);
    pthread_mutex_lock(&source->lock);
    MdPicture *old = source->picture;
    source->picture = picture;
    source->serial++;
    source->stalled = false;
    atomic_store(&source->picture_us, now_us);
    atomic_store(&source->has_picture, true);
    pthread_mutex_unlock(&source->lock);
    md_picture_unref(old);
}

/* A grid of samples is enough to tell a camera from a still or a covered lens. */
static void look(Source *source, const MdPlanes *planes)
{
    unsigned differ = 0, sum = 0;
    for (unsigned row = 0; row < LOOK_ROWS; row++) {
        const uint8_t *line = planes->y + (size_t)(planes->height * (2 * row + 1) / (2 * LOOK_ROWS)) * (size_t)planes->stride_y;
        for (unsigned column = 0; column < LOOK_COLUMNS; column++) {
            uint8_t *was = &source->look[row * LOOK_COLUMNS + column];
            uint8_t is = line[planes->width * (2 * column + 1) / (2 * LOOK_COLUMNS)];
            differ += abs((int)is - (int)*was) >= LOOK_STEP;
            sum += is;
            *was = is;
        }
    }
    if (source->looked && differ >= LOOK_POINTS)
        atomic_fetch_add(&source->moved, 1);
    source->looked = true;
    atomic_store(&source->luma, (int)(sum / (LOOK_COLUMNS * LOOK_ROWS)));
}

static void decode(Source *source, const MdFrame *frame)
{
    MdComposer *composer = source->composer;
    if (source->decoder && md_decoder_codec(source->decoder) != frame->codec) {
        md_decoder_free(source->decoder);
        source->decoder = NULL;
    }
    if (!source->decoder)
        source->decoder = md_decoder_new(frame->codec);
    int64_t now = md_composer_now_us(composer), begun = md_composer_cpu_us();
    MdPicture *picture = NULL;
    int r = source->decoder ? md_decoder_decode(source->decoder, frame, now, &picture) : -ENOMEM;
    count_stat(composer, decode_us, md_composer_cpu_us() - begun);
    if (picture) {
        count_stat(composer, frames_decoded, 1);
        atomic_fetch_add(&source->decoded, 1);
        look(source, &picture->planes);
        publish(source, picture, now);
    }
    if (r == -EAGAIN)
        count_stat(composer, frames_dropped, 1);
    else if (r < 0)
        count_stat(composer, decode_errors, 1);
    if (r < 0 && r != -EFBIG)
        atomic_store(&source->need_key, true);
}

static void clean_up(Source *source)
{
    drain(source);
    md_decoder_free(source->decoder);
    source->decoder = NULL;
    drop_picture(source);
    atomic_store_explicit(&source->slot, SLOT_FREE, memory_order_release);
}

static void run_source(MdPictureJob *job, void *user)
{
    Source *source = user;
    if (atomic_load(&source->slot) == SLOT_DYING) {
        clean_up(source);
        return;
    }
    if (atomic_load(&source->composer->stopping) || atomic_load(&source->slot) != SLOT_LIVE)
        return;
    if (!atomic_load(&source->shown)) { /* nobody looks: neither memory nor time for it */
        drain(source);
        md_decoder_free(source->decoder);
        source->decoder = NULL;
        return;
    }
    MdFrame *frame;
    for (unsigned i = 0; i < FRAMES_PER_RUN && md_ring_pop(source->ring, &frame); i++) {
        decode(source, frame);
        md_frame_unref(frame);
    }
    if (atomic_load(&source->need_key))
        request_key(source);
    if (md_ring_count(source->ring))
        md_picture_job_submit(job);
}

/* --- worker --- */

static int drop(Source *source)
{
    count_stat(source->composer, frames_dropped, 1);
    return -EAGAIN;
}

static int drop_and_ask(Source *source)
{
    if (!atomic_exchange(&source->need_key, true))
        md_picture_job_submit_lazily(&source->job);
    return drop(source);
}

/* While dropping: is this frame worth decoding again? Senders that never answer key-frame requests get
 * through in the end. */
static bool resumes(Source *source, const MdFrame *frame)
{
    if (frame->key && !frame->damaged)
        return true;
    if (source->dropping_since_us < 0)
        source->dropping_since_us = frame->time_us;
    return frame->time_us - source->dropping_since_us > MD_DECODER_PATIENCE_US;
}

static int push(Source *source, MdFrame *frame)
{
    if (!atomic_load_explicit(&source->shown, memory_order_acquire)) {
        source->dropping = true;
        source->dropping_since_us = -1;
        return drop(source);
    }
    if (source->dropping && !resumes(source, frame))
        return drop_and_ask(source);
    md_frame_ref(frame);
    if (!md_ring_push(source->ring, &frame)) {
        md_frame_unref(frame);
        source->dropping = true;
        source->dropping_since_us = -1;
        return drop_and_ask(source);
    }
    source->dropping = false;
    md_picture_job_submit_lazily(&source->job);
    return 0;
}

int md_composer_push(MdComposer *composer, uint32_t id, MdFrame *frame)
{
    Source *source = md_composer_find_source(composer, id);
    if (!source)
        return -ENOENT;
    /* control waits for pushers to leave after it took the id away; sequentially consistent on both sides */
    atomic_fetch_add(&source->pushers, 1);
    int r = atomic_load(&source->id) == id ? push(source, frame) : -ENOENT;
    atomic_fetch_sub(&source->pushers, 1);
    return r;
}

/* --- control --- */

static Source *new_source(MdComposer *composer)
{
    Source *source = calloc(1, sizeof(*source));
    if (!source)
        return NULL;
    source->ring = md_ring_new(sizeof(MdFrame *), SOURCE_QUEUE);
    if (!source->ring) {
        free(source);
        return NULL;
    }
    source->composer = composer;
    pthread_mutex_init(&source->lock, NULL);
    md_picture_job_init(&source->job, &composer->queue, false, run_source, source);
    return source;
}

void md_composer_source_free(Source *source)
{
    if (!source)
        return;
    drain(source);
    md_ring_free(source->ring);
    md_decoder_free(source->decoder);
    md_picture_unref(source->picture);
    pthread_mutex_destroy(&source->lock);
    free(source);
}

/* A free slot, allocated if need be. Under composer->lock. */
static int free_slot(MdComposer *composer, Source **ret)
{
    for (unsigned i = 0; i < SOURCES_MAX; i++) {
        Source *source = atomic_load(&composer->sources[i]);
        if (source && atomic_load_explicit(&source->slot, memory_order_acquire) != SLOT_FREE)
            continue;
        if (!source) {
            source = new_source(composer);
            if (!source)
                return -ENOMEM;
            atomic_store_explicit(&composer->sources[i], source, memory_order_release);
        }
        *ret = source;
        return 0;
    }
    return -ENOSPC;
}

static void set_up(Source *source, const char *label, bool test)
{
    source->dropping = true;
    source->dropping_since_us = -1;
    atomic_store(&source->shown, false);
    atomic_store(&source->need_key, false);
    atomic_store(&source->has_picture, false);
    atomic_store(&source->last_key_request_us, 0);
    atomic_store(&source->need_size, 0);
    atomic_store(&source->decoded, 0);
    atomic_store(&source->stalls, 0);
    atomic_store(&source->frozen_ms, 0);
    atomic_store(&source->moved, 0);
    atomic_store(&source->luma, -1);
    source->looked = false;
    pthread_mutex_lock(&source->lock);
    md_label_copy_text(source->label, sizeof(source->label), label);
    source->label_version++;
    source->state = MD_SOURCE_LIVE;
    atomic_store(&source->live, true);
    source->test = test;
    source->test_frame = 0;
    source->audio_muted = source->speaking = source->stalled = false;
    pthread_mutex_unlock(&source->lock);
}

static int add_source(MdComposer *composer, uint32_t id, const char *label, bool test)
{
    if (!id)
        return -EINVAL;
    pthread_mutex_lock(&composer->lock);
    Source *source = NULL;
    int r = md_composer_find_source(composer, id) ? -EEXIST : free_slot(composer, &source);
    if (r == 0) {
        set_up(source, label, test);
        atomic_store(&source->slot, SLOT_LIVE);
        atomic_store_explicit(&source->id, id, memory_order_release);
        md_composer_refresh_shown(composer);
    }
    pthread_mutex_unlock(&composer->lock);
    return r;
}

int md_composer_add_source(MdComposer *composer, uint32_t id, const char *label)
{
    return add_source(composer, id, label, false);
}

int md_composer_add_test_source(MdComposer *composer, uint32_t id, const char *label)
{
    return add_source(composer, id, label, true);
}

void md_composer_remove_source(MdComposer *composer, uint32_t id)
{
    pthread_mutex_lock(&composer->lock);
    Source *source = md_composer_find_source(composer, id);
    if (source) {
        atomic_store(&source->id, 0);
        while (atomic_load(&source->pushers))
            sched_yield(); /* a worker is inside md_composer_push: well under a microsecond */
        atomic_store(&source->slot, SLOT_DYING);
        md_picture_job_submit(&source->job);
    }
    pthread_mutex_unlock(&composer->lock);
}

void md_composer_set_label(MdComposer *composer, uint32_t id, const char *label)
{
    Source *source = md_composer_find_source(composer, id);
    if (!source)
        return;
    pthread_mutex_lock(&source->lock);
    md_label_copy_text(source->label, sizeof(source->label), label);
    source->label_version++;
    pthread_mutex_unlock(&source->lock);
}

void md_composer_set_source_state(MdComposer *composer, uint32_t id, MdSourceState state, bool audio_muted,
                                  bool speaking)
{
    Source *source = md_composer_find_source(composer, id);
    if (!source || state < 0 || state >= MD_SOURCE_STATE_MAX)
        return;
    pthread_mutex_lock(&source->lock);
    if (state != source->state && state == MD_SOURCE_LIVE)
        atomic_store(&source->picture_us, md_composer_now_us(composer)); /* give it time before complaining */
    source->state = state;
    atomic_store(&source->live, state == MD_SOURCE_LIVE);
    source->audio_muted = audio_muted;
    source->speaking = speaking;
    pthread_mutex_unlock(&source->lock);
}

void md_composer_source_show(Source *source, bool shown, uint32_t need_size)
{
    atomic_store(&source->need_size, need_size);
    if (atomic_load(&source->shown) == shown)
        return;
    if (shown) {
        drop_picture(source); /* whatever is left may be hours old */
        atomic_store(&source->picture_us, md_composer_now_us(source->composer));
        atomic_store(&source->has_picture, false);
        atomic_store(&source->need_key, true);
    }
    atomic_store_explicit(&source->shown, shown, memory_order_release);
    md_picture_job_submit(&source->job);
}

bool md_composer_source_need(const MdComposer *composer, uint32_t id, uint16_t *ret_width,
                             uint16_t *ret_height)
{
    Source *source = md_composer_find_source(composer, id);
    if (!source)
        return false;
    uint32_t size = atomic_load(&source->need_size);
    *ret_width = (uint16_t)(size >> 16);
    *ret_height = (uint16_t)size;
    return true;
}

bool md_composer_source_stats(const MdComposer *composer, uint32_t id, uint64_t *ret_decoded,
                              uint64_t *ret_stalls, uint64_t *ret_frozen_ms)
{
    Source *source = md_composer_find_source(composer, id);
    if (!source)
        return false;
    int64_t still_us = md_composer_now_us(composer) - atomic_load(&source->picture_us);
    bool frozen = atomic_load(&source->shown) && atomic_load(&source->live) &&
                  atomic_load(&source->has_picture) && still_us > FREEZE_US;
    *ret_decoded = atomic_load(&source->decoded);
    *ret_stalls = atomic_load(&source->stalls);
    *ret_frozen_ms = atomic_load(&source->frozen_ms) + (frozen ? (uint64_t)still_us / 1000 : 0);
    return true;
}

bool md_composer_source_look(const MdComposer *composer, uint32_t id, uint64_t *ret_moved, int *ret_luma)
{
    Source *source = md_composer_find_source(composer, id);
    if (!source)
        return false;
    *ret_moved = atomic_load(&source->moved);
    *ret_luma = atomic_load(&source->luma);
    return true;
}

/* --- canvas's job --- */

/* Under source->lock. */
static void draw_test_picture(Source *source, int64_t now_us)
{
    uint32_t frame = (uint32_t)(now_us / TEST_PERIOD_US);
    if (source->picture && frame == source->test_frame)
        return;
    MdPicture *picture = md_picture_new(TEST_WIDTH, TEST_HEIGHT);
    if (!picture)
        return;
    md_testpattern_draw(&picture->planes, 0, frame);
    md_picture_unref(source->picture);
    source->picture = picture;
    source->serial++;
    source->test_frame = frame;
    atomic_store(&source->picture_us, now_us);
}

static MdTileKind live_kind(Source *source, int64_t now_us)
{
    bool late = now_us - atomic_load(&source->picture_us) > STALL_US;
    if (!source->picture)
        return late ? MD_TILE_NO_PICTURE : MD_TILE_WAITING;
    if (!late || source->state == MD_SOURCE_CONTENT)
        return MD_TILE_PICTURE;
    if (!source->stalled) {
        source->stalled = true;
        atomic_fetch_add(&source->stalls, 1);
    }
    return MD_TILE_WEAK;
}

void md_composer_source_tile(Source *source, int64_t now_us, MdTile *tile, char name[SOURCE_LABEL_MAX],
                             MdPicture **ret_picture)
{
    static const MdTileKind kinds[MD_SOURCE_STATE_MAX] = {
        [MD_SOURCE_AUDIO_ONLY] = MD_TILE_AUDIO_ONLY,
        [MD_SOURCE_MUTED_VIDEO] = MD_TILE_MUTED_VIDEO,
        [MD_SOURCE_AWAY] = MD_TILE_AWAY,
        [MD_SOURCE_AWAITED] = MD_TILE_AWAITED,
    };
    pthread_mutex_lock(&source->lock);
    if (source->test)
        draw_test_picture(source, now_us);
    tile->whole = source->state == MD_SOURCE_CONTENT;
    tile->kind = source->state == MD_SOURCE_LIVE || tile->whole ? live_kind(source, now_us) : kinds[source->state];
    tile->serial = tile->kind == MD_TILE_PICTURE || tile->kind == MD_TILE_WEAK ? source->serial : 0;
    tile->name_version = source->label_version;
    tile->muted = source->audio_muted;
    tile->speaking = source->speaking;
    tile->picture = *ret_picture = tile->serial ? md_picture_ref(source->picture) : NULL;
    memcpy(name, source->label, SOURCE_LABEL_MAX);
    tile->name = name;
    pthread_mutex_unlock(&source->lock);
    if (!source->test && atomic_load(&source->need_key) &&
        now_us - atomic_load(&source->last_key_request_us) >= KEY_INTERVAL_US)
        md_picture_job_submit(&source->job);
}
