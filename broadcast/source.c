/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/source.h"

#include <errno.h>
#include <string.h>
#include "mediad/core/ring.h"

#define RING_TICKS 256 /* five seconds */
#define SILENCE_PACKETS 3

typedef struct Tick {
    float pcm[MD_AUDIO_TICK_SAMPLES];
} Tick;

struct BcSource { /* g_atomic_rc_box */
    /* immutable */
    bool live;
    unsigned frame_ms, codecs;
    BcTrack *tracks[MD_AUDIO_CODEC_MAX];
    unsigned repeats, programme_frames, gap_frames;
    uint8_t silence[MD_AUDIO_CODEC_MAX][MD_AUDIO_PAYLOAD_MAX];
    size_t silence_len[MD_AUDIO_CODEC_MAX];
    unsigned delay_ticks;
    MdRing *ring;
    const BcSourceOps *ops; /* custom */
    void *self;
    int64_t duration_us;
    /* pulling worker */
    uint64_t frame;
    bool flowing;
    MdAudioEncoder *encoders[MD_AUDIO_CODEC_MAX];
    uint8_t packet[MD_AUDIO_CODEC_MAX][MD_AUDIO_PAYLOAD_MAX * 3];
    /* shared */
    atomic_bool ended;
    _Atomic uint64_t pushed, dropped, starved, loud;
};

static void clear_source(gpointer data)
{
    BcSource *s = data;
    if (s->ops)
        s->ops->free(s->self);
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++) {
        bc_track_unref(s->tracks[c]);
        md_audio_encoder_free(s->encoders[c]);
    }
    md_ring_free(s->ring);
}

BcSource *bc_source_ref(BcSource *source)
{
    return g_atomic_rc_box_acquire(source);
}

void bc_source_unref(BcSource *source)
{
    if (source)
        g_atomic_rc_box_release_full(source, clear_source);
}

static MdAudioEncoder *new_encoder(MdAudioCodec codec, unsigned frame_ms, uint32_t bitrate, unsigned loss_percent)
{
    return md_audio_encoder_new(&(MdAudioEncoderConfig){
        .codec = codec, .ptime_ms = codec == MD_AUDIO_OPUS ? frame_ms : 20, .bitrate_bps = bitrate, .complexity = 5, .fec = true,
        .loss_percent = (uint8_t)(loss_percent ? MIN(loss_percent, 50) : 3)});
}

size_t bc_source_make_silence(MdAudioCodec codec, unsigned frame_ms, uint8_t *ret)
{
    static const float zeros[MD_AUDIO_TICK_SAMPLES];
    MdAudioEncoder *encoder = new_encoder(codec, frame_ms, 0, 0);
    size_t len = 0;
    for (unsigned packets = 0; encoder && packets < SILENCE_PACKETS; packets++) {
        len = 0;
        for (unsigned tick = 0; tick < frame_ms / MD_AUDIO_TICK_MS; tick++) {
            uint8_t part[MD_AUDIO_PAYLOAD_MAX];
            int n = md_audio_encoder_encode(encoder, zeros, part, sizeof part);
            if (n > 0 && len + (size_t)n <= MD_AUDIO_PAYLOAD_MAX) {
                memcpy(ret + len, part, (size_t)n);
                len += (size_t)n;
            }
        }
    }
    md_audio_encoder_free(encoder);
    return len;
}

BcSource *bc_source_stored_new(BcTrack *const tracks[MD_AUDIO_CODEC_MAX], unsigned frame_ms, unsigned repeats, int64_t gap_us)
{
    BcSource *s = g_atomic_rc_box_new0(BcSource);
    s->frame_ms = frame_ms;
    s->repeats = MAX(repeats, 1);
    s->gap_frames = (unsigned)(MAX(gap_us, 0) / (frame_ms * 1000));
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++) {
        if (!tracks[c])
            continue;
        s->tracks[c] = bc_track_ref(tracks[c]);
        s->codecs |= 1u << c;
        s->programme_frames = MAX(s->programme_frames, tracks[c]->n_packets);
        s->silence_len[c] = bc_source_make_silence(c, frame_ms, s->silence[c]);
    }
    return s;
}

int64_t bc_source_duration_us(const BcSource *s)
{
    if (s->live)
        return INT64_MAX;
    if (s->ops)
        return s->duration_us;
    return ((int64_t)s->programme_frames * s->repeats + (int64_t)s->gap_frames * (s->repeats - 1)) * s->frame_ms * 1000;
}

unsigned bc_source_codecs(const BcSource *source)
{
    return source->codecs;
}

BcSource *bc_source_live_new(const BcLiveOptions *options, GError **error)
{
    g_autoptr(BcSource) s = g_atomic_rc_box_new0(BcSource);
    s->live = true;
    s->frame_ms = options->frame_ms;
    s->delay_ticks = MAX((options->delay_ms ? options->delay_ms : 60) / MD_AUDIO_TICK_MS, s->frame_ms / MD_AUDIO_TICK_MS);
    s->delay_ticks = MIN(s->delay_ticks, RING_TICKS / 2);
    s->ring = md_ring_new(sizeof(Tick), RING_TICKS);
    s->codecs = (1u << MD_AUDIO_CODEC_MAX) - 1;
    bool ok = s->ring != NULL;
    for (unsigned c = 0; ok && c < MD_AUDIO_CODEC_MAX; c++) {
        s->encoders[c] = new_encoder(c, s->frame_ms, options->opus_bitrate_bps, options->loss_percent);
        ok = s->encoders[c] != NULL;
    }
    if (!ok) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "cannot set up a live source: %s", g_strerror(errno));
        return NULL;
    }
    return g_steal_pointer(&s);
}

BcSource *bc_source_custom_new(const BcSourceOps *ops, void *self, unsigned codecs, int64_t duration_us)
{
    BcSource *s = g_atomic_rc_box_new0(BcSource);
    s->ops = ops;
    s->self = self;
    s->codecs = codecs;
    s->duration_us = duration_us;
    return s;
}

static bool is_loud(const float pcm[MD_AUDIO_TICK_SAMPLES])
{
    float sum = 0, mean = 0;
    for (unsigned i = 0; i < MD_AUDIO_TICK_SAMPLES; i++) {
        sum += pcm[i] * pcm[i];
        mean += pcm[i];
    }
    mean /= MD_AUDIO_TICK_SAMPLES; /* a constant is not heard */
    return sum / MD_AUDIO_TICK_SAMPLES - mean * mean > 1e-6f; /* BC_SOURCE_SILENT_DBFS */
}

void bc_source_push_pcm(const float pcm[MD_AUDIO_TICK_SAMPLES], int64_t now_us, void *source)
{
    BcSource *s = source;
    atomic_fetch_add_explicit(&s->pushed, 1, memory_order_relaxed);
    if (is_loud(pcm))
        atomic_fetch_add_explicit(&s->loud, 1, memory_order_relaxed);
    if (!md_ring_push(s->ring, pcm)) /* nobody pulls: this one goes, the puller sheds the old ones */
        atomic_fetch_add_explicit(&s->dropped, 1, memory_order_relaxed);
}

void bc_source_end(BcSource *source)
{
    atomic_store(&source->ended, true);
}

void bc_source_stats(const BcSource *s, BcSourceStats *ret)
{
    *ret = (BcSourceStats){atomic_load(&s->pushed), atomic_load(&s->dropped), atomic_load(&s->starved), atomic_load(&s->loud)};
}

static bool pull_stored(BcSource *s, unsigned mask, BcFrame *ret)
{
    uint64_t period = (uint64_t)s->programme_frames + s->gap_frames;
    uint64_t round = period ? s->frame / period : s->repeats;
    unsigned at = period ? (unsigned)(s->frame % period) : 0;
    if (round >= s->repeats || (round + 1 == s->repeats && at >= s->programme_frames))
        return false;
    s->frame++;
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++) {
        if (!(mask & s->codecs & 1u << c))
            continue;
        if (at < s->tracks[c]->n_packets) {
            ret->payload[c] = bc_track_packet(s->tracks[c], at, &ret->len[c]);
        } else {
            ret->payload[c] = s->silence[c];
            ret->len[c] = s->silence_len[c];
        }
    }
    return true;
}

/* The next tick to encode: sound, or silence while too little is there. NULL: the end. */
static const float *next_tick(BcSource *s, Tick *copy)
{
    static const float zeros[MD_AUDIO_TICK_SAMPLES];
    unsigned waiting = md_ring_count(s->ring);
    if (waiting > 2 * s->delay_ticks + 10) { /* the pusher's clock runs ahead, or nobody pulled for a while: be live again */
        for (; waiting > s->delay_ticks && md_ring_peek(s->ring); waiting--) {
            md_ring_release(s->ring);
            atomic_fetch_add_explicit(&s->dropped, 1, memory_order_relaxed);
        }
    }
    bool ended = atomic_load(&s->ended);
    bool begins = !s->flowing && (waiting >= s->delay_ticks || ended);
    s->flowing |= begins;
    if (s->flowing && md_ring_pop(s->ring, copy)) {
        for (unsigned i = 0; begins && i < MD_AUDIO_TICK_SAMPLES; i++) /* out of silence without a click */
            copy->pcm[i] *= (float)i / MD_AUDIO_TICK_SAMPLES;
        return copy->pcm;
    }
    if (ended)
        return NULL;
    s->flowing = false;
    atomic_fetch_add_explicit(&s->starved, 1, memory_order_relaxed);
    return zeros;
}

static bool pull_live(BcSource *s, unsigned mask, BcFrame *ret)
{
    unsigned n = s->frame_ms / MD_AUDIO_TICK_MS;
    for (unsigned tick = 0; tick < n; tick++) {
        Tick copy;
        const float *pcm = next_tick(s, &copy);
        if (!pcm)
            return false;
        for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++) {
            if (!(mask & 1u << c))
                continue;
            int len = md_audio_encoder_encode(s->encoders[c], pcm, s->packet[c] + ret->len[c], MD_AUDIO_PAYLOAD_MAX);
            ret->payload[c] = s->packet[c];
            ret->len[c] += len > 0 ? (size_t)len : 0;
        }
    }
    return true;
}

bool bc_source_pull(BcSource *source, unsigned mask, BcFrame *ret)
{
    memset(ret, 0, sizeof *ret);
    if (source->ops)
        return source->ops->pull(source->self, mask, ret);
    return source->live ? pull_live(source, mask, ret) : pull_stored(source, mask, ret);
}
