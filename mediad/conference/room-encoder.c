/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A room's sound encoders: one for each distinct mix and format, in step with the room's packet grid. */
#include "mediad/conference/private.h"
#include <stdlib.h>

MdRoomEncoder *md_room_encoder_new(const MdLegAudioFormat *format, MdHears hears, uint32_t channel)
{
    MdAudioEncoderConfig config = {
        .codec = format->codec,
        .ptime_ms = format->codec == MD_AUDIO_OPUS ? format->ptime_ms : MD_AUDIO_TICK_MS,
        .bitrate_bps = format->opus_bitrate_bps,
        .fec = format->opus_fec,
        .loss_percent = format->opus_fec ? 10 : 0,
    };
    MdRoomEncoder *encoder = calloc(1, sizeof *encoder);
    if (encoder == NULL)
        return NULL;
    encoder->encoder = md_audio_encoder_new(&config);
    if (encoder->encoder == NULL) {
        free(encoder);
        return NULL;
    }
    atomic_init(&encoder->refs, 1);
    encoder->format = *format;
    encoder->hears = hears;
    encoder->channel = channel;
    encoder->ticks_per_packet = md_audio_encoder_config(encoder->encoder)->ptime_ms / MD_AUDIO_TICK_MS;
    return encoder;
}

MdRoomEncoder *md_room_encoder_ref(MdRoomEncoder *encoder)
{
    if (encoder != NULL)
        atomic_fetch_add_explicit(&encoder->refs, 1, memory_order_relaxed);
    return encoder;
}

void md_room_encoder_unref(MdRoomEncoder *encoder)
{
    if (encoder == NULL || atomic_fetch_sub_explicit(&encoder->refs, 1, memory_order_acq_rel) != 1)
        return;
    md_audio_encoder_free(encoder->encoder);
    free(encoder);
}

bool md_leg_audio_format_equal(const MdLegAudioFormat *a, const MdLegAudioFormat *b)
{
    if (a->sending != b->sending || a->codec != b->codec || a->ptime_ms != b->ptime_ms)
        return false;
    return a->codec != MD_AUDIO_OPUS ||
           (a->opus_fec == b->opus_fec && a->opus_bitrate_bps == b->opus_bitrate_bps);
}

/* A gap in an encoder's use: Opus starts afresh (its first frame then needs nothing of the past); the waveform codecs are
 * run over the last tick so that their filters already know the sound. */
static void prime(MdRoomEncoder *encoder, const float *before)
{
    if (encoder->format.codec == MD_AUDIO_OPUS)
        md_audio_encoder_reset(encoder->encoder);
    else
        md_audio_encoder_encode(encoder->encoder, before, encoder->payload, sizeof encoder->payload);
}

/* Packets longer than a tick end on the same ticks in every encoder of that length, so that a listener can change over from
 * one to another between two packets. */
bool md_room_encoder_run(MdRoomEncoder *encoder, uint64_t tick, const float *pcm, const float *before)
{
    if (encoder->tick == tick)
        return false;
    if (encoder->tick + 1 != tick)
        encoder->running = false;
    encoder->tick = tick;
    encoder->len = 0;
    if (!encoder->running) {
        if (tick % encoder->ticks_per_packet != 0)
            return false;
        prime(encoder, before);
        encoder->running = true;
    }
    int len = md_audio_encoder_encode(encoder->encoder, pcm, encoder->payload, sizeof encoder->payload);
    encoder->len = len > 0 ? len : 0;
    return true;
}
