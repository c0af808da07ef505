/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "mediad/core/clock.h"
#include "mediad/core/frame.h"
#include "mediad/core/stats.h"
#include "mediad/video/layout.h"

/* Pictures of one room: decodes what some view shows, redraws the tiles that changed, encodes each
 * (view, size, rate, codec, bitrate class) once. Runs on the picture pool, whose threads have lower priority than the
 * media workers; audio never waits for it. Knows no network. */
typedef struct MdPicturePool MdPicturePool;
MdPicturePool *md_picture_pool_new(unsigned threads /* 0: one per core */, int nice);
void md_picture_pool_free(MdPicturePool *pool); /* after its composers */

typedef struct MdComposer MdComposer;

/* Both run on a pool thread and must only post to a mailbox. output/source are the ids given when adding. */
typedef struct MdComposerEvents {
    void (*on_frame)(uint32_t output, MdFrame *frame /* borrowed; ref to keep */, void *user);
    void (*on_need_key)(uint32_t source, void *user); /* decoder lost its references; merged per source, at most 2 a second */
} MdComposerEvents;

typedef struct MdComposerOptions {
    MdPicturePool *pool;
    const MdClock *clock;     /* NULL: system; virtual: md_composer_tick drives it and work runs in the caller */
    MdComposerEvents events;
    void *user;
    const char *font;         /* Pango description for labels, NULL: "Noto Sans" */
    bool english;             /* notices in tiles; else Vietnamese */
} MdComposerOptions;
MdComposer *md_composer_new(const MdComposerOptions *options);
/* Any thread but the pool's; returns when no job of it runs any more. No event comes afterwards. */
void md_composer_free(MdComposer *composer);

/* A sender of pictures. label is UTF-8 (site name), copied. Control thread. 0 or -errno. */
int md_composer_add_source(MdComposer *composer, uint32_t source, const char *label);
/* A source that draws a moving test picture itself (15 a second while seen); nothing is pushed to it. Otherwise like any other. */
int md_composer_add_test_source(MdComposer *composer, uint32_t source, const char *label);
void md_composer_set_label(MdComposer *composer, uint32_t source, const char *label);
void md_composer_remove_source(MdComposer *composer, uint32_t source);
/* What to show instead of a missing picture and beside the label. Control thread. */
typedef enum MdSourceState {
    MD_SOURCE_LIVE,       /* picture comes; "weak line" is shown by the composer itself when it stalls (> 3 s) */
    MD_SOURCE_AUDIO_ONLY, /* site name and a microphone sign */
    MD_SOURCE_MUTED_VIDEO,
    MD_SOURCE_AWAY,       /* called but not here: "đang gọi lại" */
    MD_SOURCE_AWAITED,    /* has a seat and is not here: "đang chờ" */
    MD_SOURCE_CONTENT,    /* slides, a screen: shown whole (never cut to fill a tile), may stand still for as long as it likes */
    MD_SOURCE_STATE_MAX,
} MdSourceState;
void md_composer_set_source_state(MdComposer *composer, uint32_t source, MdSourceState state, bool audio_muted, bool speaking);

/* The largest tile this source fills on any canvas (0 x 0: nobody sees it): what its sender may be asked for (simulcast layer,
 * max-fs). Any thread. false: unknown source. */
bool md_composer_source_need(const MdComposer *composer, uint32_t source, uint16_t *ret_width, uint16_t *ret_height);

/* Worker thread (one per source): never blocks. A source no view shows is not decoded: frames are dropped until a key
 * frame after it is shown again (on_need_key asks for one). Full queue: drops up to the next key frame. 0, -EAGAIN dropped, -ENOENT. */
int md_composer_push(MdComposer *composer, uint32_t source, MdFrame *frame);

/* A view: one picture somebody watches: layout + who sits where. Replaces the former one whole. Control thread. */
typedef struct MdScene {
    MdLayoutKind layout;      /* AUTO: by count of cells */
    unsigned n_cells;
    const uint32_t *cells;    /* source ids in seat order; 0 = empty seat */
    const char *banner;       /* UTF-8, NULL none; over the top edge, or large in the middle when there are no cells */
    bool clock;               /* show the wall clock (Asia/Ho_Chi_Minh) */
    const char *sign;         /* UTF-8, NULL none; red, in the corner at the top left: "REC" */
} MdScene;
int md_composer_set_view(MdComposer *composer, uint32_t view, const MdScene *scene);
void md_composer_remove_view(MdComposer *composer, uint32_t view);

/* One shared encode of a view. Control thread. While something moves on the canvas it sends fps pictures a second; one
 * second after the last change it goes down to two a second until something moves, is spoken or is asked for again.
 * A frame under way while the output is removed may still be delivered. -EEXIST, -EINVAL, -ENOSPC, -ENOMEM. */
typedef struct MdComposerOutput {
    uint32_t view;
    MdVideoCodec codec;
    uint16_t width, height;
    uint8_t fps;
    uint32_t bitrate_bps;
    uint16_t max_payload;     /* > 0: H.264 slices at most this long (packetization-mode 0) */
} MdComposerOutput;
int md_composer_add_output(MdComposer *composer, uint32_t output, const MdComposerOutput *spec);
void md_composer_remove_output(MdComposer *composer, uint32_t output);
/* Any thread; from the next picture on (VP8: with a key frame). 0, -ENOENT, -EINVAL. */
int md_composer_set_output_bitrate(MdComposer *composer, uint32_t output, uint32_t bitrate_bps);
/* Any thread: merged; at most one key frame per output every 500 ms beyond the first. */
void md_composer_request_key(MdComposer *composer, uint32_t output);

/* Tests with a virtual clock: run everything due now in this thread. */
void md_composer_tick(MdComposer *composer, int64_t now_us);

#define MD_COMPOSER_STATS(X) \
    X(frames_decoded, COUNTER, "pictures decoded") \
    X(frames_dropped, COUNTER, "encoded pictures dropped before decoding") \
    X(decode_errors, COUNTER, "pictures the decoder refused") \
    X(tiles_drawn, COUNTER, "tiles redrawn") \
    X(frames_composed, COUNTER, "canvas pictures made") \
    X(frames_encoded, COUNTER, "pictures encoded") \
    X(ticks_late, COUNTER, "picture ticks that began more than half a frame late") \
    X(decode_us, COUNTER, "CPU time decoding, microseconds") \
    X(compose_us, COUNTER, "CPU time scaling and drawing, microseconds") \
    X(encode_us, COUNTER, "CPU time encoding, microseconds")
typedef struct MdComposerStats { /* plain copies, summed over threads */
    uint64_t frames_decoded, frames_dropped, decode_errors, tiles_drawn, frames_composed, frames_encoded, ticks_late,
        decode_us, compose_us, encode_us;
} MdComposerStats;
void md_composer_stats(const MdComposer *composer, MdComposerStats *ret);
/* Since it was added: pictures decoded; stalls (the picture stood still for more than 3 s while shown and live); time it stood
 * still, counting only pauses above 500 ms. false: unknown source. Any thread. */
bool md_composer_source_stats(const MdComposer *composer, uint32_t source, uint64_t *ret_decoded, uint64_t *ret_stalls,
                              uint64_t *ret_frozen_ms);
/* What its pictures look like, by a coarse grid of samples: how many differed from the one before (a camera's noise is enough), and
 * how bright the last one was (0 black .. 255, -1 none yet). false: unknown source. Any thread. */
bool md_composer_source_look(const MdComposer *composer, uint32_t source, uint64_t *ret_moved, int *ret_luma);
