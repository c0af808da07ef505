/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include "mediad/core/frame.h"
#include "mediad/core/media.h"

/* One way out of a meeting: H.264 as it is and sound as AAC, put together and written, sent or handed over by GStreamer. Time 0 is the
 * first picture (which must be a key frame), or the first sound where there are no pictures; both are placed by the time they carry,
 * which must come from one clock. What is missing of the sound becomes silence. */
typedef struct MdOutlet MdOutlet;

typedef enum MdOutletKind {
    MD_OUTLET_MP4,   /* fragments of a second: what is written can be played whenever writing ends */
    MD_OUTLET_TS,    /* MPEG-TS */
    MD_OUTLET_RTMP,  /* sent to url (rtmp:, rtmps:) */
    MD_OUTLET_SRT,   /* MPEG-TS sent to url (srt:) */
    MD_OUTLET_KIND_MAX,
} MdOutletKind;

typedef struct MdOutletSpec {        /* copied */
    MdOutletKind kind;
    bool pictures;
    unsigned sound_bps;              /* 0: 96000 */
    const char *url;
    /* MP4, TS: a thread of GStreamer's; false: what is written is lost, it ends. key: a picture that can be decoded alone begins here. */
    bool (*on_bytes)(const uint8_t *bytes, size_t len, bool key, int64_t time_us, void *user);
    /* Control, once: it broke off. Also when more than so much waits for the other side. Not after md_outlet_end. */
    void (*on_failed)(const char *why, void *user);
    void *user;
} MdOutletSpec;

#define MD_OUTLET_ERROR (md_outlet_error_quark())
GQuark md_outlet_error_quark(void);

/* Control thread (a default main context that runs). NULL + error. */
MdOutlet *md_outlet_new(const MdOutletSpec *spec, GError **error);
/* One thread at a time, not after md_outlet_end. */
void md_outlet_picture(MdOutlet *outlet, MdFrame *frame /* borrowed */);
void md_outlet_sound(MdOutlet *outlet, const float pcm[MD_AUDIO_TICK_SAMPLES], int64_t time_us);
/* Control: writes what is still inside, then done (control; at the latest after five seconds). */
void md_outlet_end(MdOutlet *outlet, void (*done)(void *user), void *user);
/* Control. Ended or not; no callback afterwards. */
void md_outlet_free(MdOutlet *outlet);
/* Time of the newest picture or sound put in, from the beginning. Any thread. */
int64_t md_outlet_duration_us(const MdOutlet *outlet);
