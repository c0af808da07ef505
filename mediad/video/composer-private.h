/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <pthread.h>
#include "mediad/core/ring.h"
#include "mediad/video/canvas.h"
#include "mediad/video/composer.h"
#include "mediad/video/decoder.h"
#include "mediad/video/encoder.h"
#include "mediad/video/picpool.h"

/* The composer's inside, shared by composer*.c.
 *
 * Sources, canvases and outputs live in slots that are allocated once and used again, never freed before the
 * composer: so the media worker can look an id up without a lock, and a job never outlives what it works on.
 * A slot goes FREE -> LIVE (control) -> DYING (control) -> FREE (its own job, after cleaning up).
 *
 * Lock order: composer->lock, then source->lock. Neither is ever taken by md_composer_push or
 * md_composer_request_key. No event is delivered while a lock is held. */

enum {
    SOURCES_MAX = 256,
    OUTPUTS_MAX = 128,
    VIEWS_MAX = 128,
    SOURCE_QUEUE = 32, /* frames: two seconds of 15 fps */
    SOURCE_LABEL_MAX = 128,
    OUTPUTS_PER_CANVAS = 32,
    LOOK_COLUMNS = 32, /* samples that tell a moving picture from a still */
    LOOK_ROWS = 18,
    LOOK_STEP = 2,     /* a sample differs */
    LOOK_POINTS = 3,   /* a picture differs */
};

/* From so many tiles on, a canvas of exactly half the size of another of its view is made by halving that
 * one: one fast scaling instead of one per tile. Names are too small to read there either way; with fewer
 * tiles they are drawn for their size. */
#define DERIVE_CELLS_MIN 25
/* Between key-frame requests to a source, and between key frames of an output. */
#define KEY_INTERVAL_US 500000
#define STALL_US 3000000 /* the weak-line tile */
#define FREEZE_US 500000 /* a still picture longer than this counts as frozen */
/* After the last change an output goes on at full rate, so that the encoder sharpens the picture; then it
 * sends two pictures a second, so that decoders and watchers see life. */
#define QUIET_FULL_RATE_US 1000000
#define QUIET_INTERVAL_US 500000

typedef enum SlotState {
    SLOT_FREE,
    SLOT_LIVE,
    SLOT_DYING,
} SlotState;

typedef struct Source {
    MdComposer *composer;
    MdPictureJob job;
    _Atomic uint32_t id; /* 0 unless LIVE */
    _Atomic int slot;
    /* worker */
    _Atomic unsigned pushers;  /* calls of md_composer_push inside */
    MdRing *ring;              /* of MdFrame*; worker writes, the job reads */
    bool dropping;             /* up to the next key frame */
    int64_t dropping_since_us; /* by the frames' own time, -1: not yet known */
    /* any thread */
    _Atomic bool shown; /* set by control */
    _Atomic bool need_key;
    _Atomic int64_t last_key_request_us;
    _Atomic int64_t
        picture_us; /* when the last picture was decoded, or the source was shown first: the later */
    _Atomic bool has_picture;   /* one since it was last shown */
    _Atomic bool live;          /* state is LIVE: a picture is expected */
    _Atomic uint32_t need_size; /* largest tile: width << 16 | height */
    _Atomic uint64_t decoded, stalls, frozen_ms;
    _Atomic uint64_t moved;     /* of decoded: those that differ from the one before */
    _Atomic int luma;           /* mean of the last one, 0..255; -1: none yet */
    /* job */
    MdDecoder *decoder;
    bool looked;                /* look holds the picture before */
    uint8_t look[LOOK_COLUMNS * LOOK_ROWS];
    /* under lock: pool and control threads only */
    pthread_mutex_t lock;
    MdPicture *picture;
    uint64_t serial;
    char label[SOURCE_LABEL_MAX];
    uint32_t label_version;
    MdSourceState state;
    bool audio_muted, speaking;
    bool stalled;
    bool test; /* draws its pictures itself */
    uint32_t test_frame;
} Source;

/* Immutable, counted. */
typedef struct Scene {
    _Atomic int refs;
    MdLayoutKind layout;
    bool clock;
    unsigned n_cells;
    uint32_t cells[MD_LAYOUT_CELLS_MAX];
    char banner[MD_LABEL_TEXT_MAX];
    char sign[64];
} Scene;

typedef struct View { /* under composer->lock */
    uint32_t id;      /* 0: free */
    Scene *scene;
    uint64_t version;
} View;

struct Output;

typedef struct ViewCanvas ViewCanvas;
struct ViewCanvas { /* one size of one view */
    MdComposer *composer;
    MdPictureJob job;
    _Atomic int slot;
    _Atomic unsigned encoding; /* outputs that have not finished the present picture */
    _Atomic bool waiting;      /* a tick came meanwhile */
    /* under composer->lock */
    uint32_t view;
    uint16_t width, height;
    unsigned fps;
    unsigned n_outputs;
    struct Output *outputs[OUTPUTS_PER_CANVAS];
    struct ViewCanvas *parent; /* twice as large, of the same view: this one is its half */
    bool half_wanted;          /* some canvas has this one as its parent */
    MdPicture *half;           /* the newest, for those */
    uint64_t half_serial;
    int64_t due_us, period_us; /* of the next picture */
    uint64_t ticks;
    int64_t tick_us; /* due time of the picture on the canvas; written under lock by the job */
    /* job (and control before the first run) */
    MdCanvas *canvas;
    MdPicture *derived; /* the parent's half, shown instead of canvas; NULL: canvas */
    uint64_t derived_serial;
    MdPicture *halves[3]; /* used in turn */
    uint64_t version;     /* of the scene laid out */
    Scene *scene;         /* laid out */
    int64_t changed_us;   /* when something was drawn last */
};

typedef struct Output {
    MdComposer *composer;
    MdPictureJob job;
    _Atomic uint32_t id;
    _Atomic int slot;
    _Atomic bool key_wanted;
    _Atomic bool pending;         /* the canvas waits for this one */
    _Atomic uint32_t bitrate_bps; /* wanted */
    MdComposerOutput spec;        /* immutable while LIVE */
    ViewCanvas *canvas;           /* the same */
    /* job, and its canvas's job while nothing is pending */
    MdEncoder *encoder;
    uint32_t applied_bps;
    bool had_key;
    int64_t key_us, encoded_us;
} Output;

struct MdComposer {
    MdPictureQueue queue;
    const MdClock *clock;
    bool synchronous;            /* virtual clock: work runs in md_composer_tick */
    _Atomic int64_t tick_now_us; /* synchronous: the time given */
    MdComposerEvents events;
    void *user;
    MdLabeler *labeler;
    MdNoticeLanguage language;
    _Atomic bool stopping;
    _Atomic uint64_t frames_decoded, frames_dropped, decode_errors, tiles_drawn, frames_composed,
        frames_encoded, ticks_late, decode_us, compose_us, encode_us;
    _Atomic(Source *) sources[SOURCES_MAX]; /* filled from the front, never emptied */
    _Atomic(Output *) outputs[OUTPUTS_MAX];

    pthread_mutex_t lock;
    View views[VIEWS_MAX];
    uint64_t n_versions;
    ViewCanvas *canvases[OUTPUTS_MAX];
};

#define count_stat(composer, name, by)                                                                       \
    atomic_fetch_add_explicit(&(composer)->name, (uint64_t)(by), memory_order_relaxed)

int64_t md_composer_now_us(const MdComposer *composer);
int64_t md_composer_cpu_us(void); /* of this thread */

/* composer-source.c */
Source *md_composer_find_source(const MdComposer *composer, uint32_t id);
void md_composer_source_show(Source *source, bool shown, uint32_t need_size); /* under composer->lock */
/* Fills tile from the source's state; *ret_picture is a new reference (or NULL) to be given back after
 * drawing. name: room for the label. */
void md_composer_source_tile(Source *source, int64_t now_us, MdTile *tile, char name[SOURCE_LABEL_MAX],
                             MdPicture **ret_picture);
void md_composer_source_free(Source *source);

/* composer-view.c */
View *md_composer_find_view(MdComposer *composer, uint32_t id); /* under lock */
void md_composer_refresh_shown(MdComposer *composer);           /* under lock */
void md_scene_unref(Scene *scene);

/* composer-canvas.c */
ViewCanvas *md_composer_canvas_for(MdComposer *composer,
                                   const MdComposerOutput *spec);   /* under lock; NULL: no room or memory */
void md_composer_canvas_add(ViewCanvas *canvas, Output *output);    /* under lock */
void md_composer_canvas_remove(ViewCanvas *canvas, Output *output); /* under lock */
void md_composer_canvas_encoded(ViewCanvas *canvas);                /* an output is done with the picture */
void md_composer_canvas_free(ViewCanvas *canvas);
void md_composer_choose_parents(MdComposer *composer); /* under lock */
const MdPlanes *md_composer_canvas_planes(
    const ViewCanvas *canvas); /* the picture to encode; while an output of it is pending */

/* composer-output.c */
bool md_composer_output_due(const Output *output, const ViewCanvas *canvas); /* canvas's job */
void md_composer_output_free(Output *output);
