/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <errno.h>
#include "mediad/video/scale.h"
#include "video-kit.h"

#define PERIOD_US 66666

/* A composer under a virtual clock, its cameras and one watching decoder per output. */
typedef struct Studio {
    MdVirtualClock clock;
    MdComposer *composer;
    Camera cameras[80];
    unsigned n_cameras;
    unsigned need_keys[80];
    int64_t last_need_key_us[80], least_gap_us;
    gboolean answers_keys; /* cameras send a key frame when asked */
    gboolean key_asked[80];
    struct {
        MdDecoder *decoder;
        MdPicture *picture;
        unsigned frames, keys;
        MdFrame *last;
    } screens[8];
} Studio;

Studio *studio_new(unsigned n_cameras, uint16_t width, uint16_t height);
void studio_free(Studio *studio);
int studio_push(Studio *studio, unsigned camera);
/* Everybody sends one picture (but the silent one), then a tick. */
void studio_run(Studio *studio, unsigned ticks, int silent);
void studio_view(Studio *studio, MdLayoutKind layout, unsigned n, const uint32_t *cells);
void studio_output(Studio *studio, uint32_t output, MdVideoCodec codec, uint16_t width,
                   uint16_t height, uint8_t fps);
/* Which camera does a cell of an output show? -1: none can be read. */
int studio_seen(Studio *studio, unsigned output, MdLayoutKind layout, unsigned want, unsigned cell,
                uint16_t *ret_counter);
MdComposerStats studio_stats_of(Studio *studio);
/* Each cell against the picture that should be there, scaled by the same rule. */
void studio_check_cell(Studio *studio, MdLayoutKind layout, unsigned want, unsigned cell, unsigned camera,
                       double want_db);
