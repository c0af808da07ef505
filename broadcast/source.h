/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdatomic.h>
#include "broadcast/track.h"

/* Where an announcement's sound comes from: stored tracks whose packets are ready, or live PCM pushed from another thread (a
 * room's tap, an HTTP stream). Made and counted on control; pulled by one media worker, which allocates nothing. */
typedef struct BcSource BcSource;

typedef struct BcFrame { /* what is sent for one frame: by codec; len 0: nothing */
    const uint8_t *payload[MD_AUDIO_CODEC_MAX];
    size_t len[MD_AUDIO_CODEC_MAX];
} BcFrame;

BcSource *bc_source_ref(BcSource *source);
void bc_source_unref(BcSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcSource, bc_source_unref)

/* tracks: by codec, NULL where there is none; all of frame_ms. Played repeats times with gap_us of coded silence between. */
BcSource *bc_source_stored_new(BcTrack *const tracks[MD_AUDIO_CODEC_MAX], unsigned frame_ms, unsigned repeats, int64_t gap_us);
int64_t bc_source_duration_us(const BcSource *source); /* INT64_MAX: live */
/* Which codecs it can give: bits 1 << MdAudioCodec. */
unsigned bc_source_codecs(const BcSource *source);

/* Live: delay_ms of sound is gathered before the first frame and after every gap (silence is sent meanwhile). */
typedef struct BcLiveOptions {
    unsigned frame_ms;          /* 20, 40, 60 */
    unsigned delay_ms;          /* 0: 60 */
    uint32_t opus_bitrate_bps;  /* 0: 32000 */
    unsigned loss_percent;      /* expected on the way: strength of the redundancy in Opus; 0: 3 */
} BcLiveOptions;
BcSource *bc_source_live_new(const BcLiveOptions *options, GError **error);
/* One other thread at a time: 20 ms of sound. Never blocks, never allocates; the oldest goes when nobody pulls. The signature
 * is that of a room's tap. */
void bc_source_push_pcm(const float pcm[MD_AUDIO_TICK_SAMPLES], int64_t now_us, void *source);
/* Any thread: after what is buffered the source has ended. */
void bc_source_end(BcSource *source);

typedef struct BcSourceStats {
    uint64_t pushed, dropped, starved; /* ticks; starved: silence was sent because none was there */
    uint64_t loud;                     /* of those pushed, the ones above BC_SOURCE_SILENT_DBFS */
} BcSourceStats;
#define BC_SOURCE_SILENT_DBFS (-60)
void bc_source_stats(const BcSource *source, BcSourceStats *ret);

/* Worker: the next frame for the codecs in mask; payloads stay valid until the next call. false: the end. */
bool bc_source_pull(BcSource *source, unsigned mask, BcFrame *ret);

/* A source made by somebody else of this folder, out of other sources. pull: as bc_source_pull, ret is zeroed; on the worker, without
 * allocating. free: on control. Takes self. */
typedef struct BcSourceOps {
    bool (*pull)(void *self, unsigned mask, BcFrame *ret);
    void (*free)(void *self);
} BcSourceOps;
BcSource *bc_source_custom_new(const BcSourceOps *ops, void *self, unsigned codecs, int64_t duration_us);
/* One packet of silence as the codec says it once its state has settled, at most MD_AUDIO_PAYLOAD_MAX bytes. Returns its length. */
size_t bc_source_make_silence(MdAudioCodec codec, unsigned frame_ms, uint8_t *ret);
