/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/track.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#define HEADER_BYTES 24 /* magic 4, codec 1, frame_ms 1, zero 2, frames u32, zero u32, data bytes u64; all little-endian */

typedef struct Loaded {
    BcTrack track; /* first */
    uint8_t *data;
    uint32_t *offsets;
} Loaded;

static void clear_loaded(gpointer p)
{
    Loaded *loaded = p;
    g_free(loaded->data);
    g_free(loaded->offsets);
}

BcTrack *bc_track_ref(BcTrack *track)
{
    return g_atomic_rc_box_acquire(track);
}

void bc_track_unref(BcTrack *track)
{
    if (track)
        g_atomic_rc_box_release_full(track, clear_loaded);
}

/* Takes data and offsets. */
static BcTrack *wrap(MdAudioCodec codec, unsigned frame_ms, unsigned n, uint8_t *data, uint32_t *offsets)
{
    Loaded *loaded = g_atomic_rc_box_new0(Loaded);
    loaded->data = data;
    loaded->offsets = offsets;
    loaded->track = (BcTrack){codec, frame_ms, n, data, offsets};
    return &loaded->track;
}

static uint32_t get_u32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static BcTrack *parse_stored(const uint8_t *bytes, size_t len, GError **error)
{
    const char *why = NULL;
    if (len < HEADER_BYTES || memcmp(bytes, "BCT1", 4) != 0)
        why = "it does not begin like one";
    else if (bytes[4] >= MD_AUDIO_CODEC_MAX || (bytes[5] != 20 && bytes[5] != 40 && bytes[5] != 60))
        why = "its codec or frame length is unknown";
    unsigned n = why ? 0 : get_u32(bytes + 8);
    uint64_t data_bytes = why ? 0 : get_u32(bytes + 16) | (uint64_t)get_u32(bytes + 20) << 32;
    if (!why && (n == 0 || data_bytes > len || len > BC_TRACK_FILE_MAX || HEADER_BYTES + data_bytes + 2ull * n != len))
        why = "its length does not fit its header";
    uint32_t *offsets = why ? NULL : g_new(uint32_t, (size_t)n + 1);
    uint64_t at = 0;
    for (unsigned i = 0; !why && i < n; i++) {
        const uint8_t *p = bytes + HEADER_BYTES + data_bytes + 2ull * i;
        unsigned packet = p[0] | (unsigned)p[1] << 8;
        offsets[i] = (uint32_t)at;
        at += packet;
        if (packet == 0 || packet > MD_AUDIO_PAYLOAD_MAX || at > data_bytes)
            why = "its index is damaged";
    }
    if (!why && at != data_bytes)
        why = "its index is damaged";
    if (why) {
        g_free(offsets);
        g_set_error(error, BC_ERROR, BC_ERROR_CONTENT, "not a sound track of ours: %s", why);
        return NULL;
    }
    offsets[n] = (uint32_t)at;
    return wrap(bytes[4], bytes[5], n, g_memdup2(bytes + HEADER_BYTES, data_bytes), offsets);
}

/* G.722 and G.711 have 8 bytes a millisecond and no packet structure: only the cuts move. */
static BcTrack *regroup(BcTrack *stored, unsigned frame_ms)
{
    uint32_t total = stored->offsets[stored->n_packets], step = frame_ms * 8;
    unsigned n = (total + step - 1) / step;
    uint32_t *offsets = g_new(uint32_t, (size_t)n + 1);
    for (unsigned i = 0; i <= n; i++)
        offsets[i] = MIN(total, i * step);
    return wrap(stored->codec, frame_ms, n, g_memdup2(stored->data, total), offsets);
}

typedef struct Recoder {
    MdAudioDecoder *decoder;
    MdAudioEncoder *encoder;
    GByteArray *data;
    GArray *offsets;
    float pcm[MD_AUDIO_PACKET_SAMPLES_MAX];
    uint8_t packet[MD_AUDIO_PAYLOAD_MAX];
} Recoder;

static bool recode_tick(Recoder *r, const float *pcm)
{
    int len = md_audio_encoder_encode(r->encoder, pcm, r->packet, sizeof r->packet);
    if (len > 0) {
        g_byte_array_append(r->data, r->packet, (guint)len);
        g_array_append_val(r->offsets, r->data->len);
    }
    return len >= 0;
}

static BcTrack *recode_opus(const BcTrack *stored, unsigned frame_ms, GError **error)
{
    Recoder *r = g_new0(Recoder, 1);
    r->decoder = md_audio_decoder_new(MD_AUDIO_OPUS);
    r->encoder = md_audio_encoder_new(&(MdAudioEncoderConfig){.codec = MD_AUDIO_OPUS, .ptime_ms = frame_ms});
    r->data = g_byte_array_new();
    r->offsets = g_array_new(FALSE, FALSE, sizeof(guint));
    g_array_append_val(r->offsets, r->data->len);
    bool ok = r->decoder && r->encoder;
    for (unsigned i = 0; ok && i < stored->n_packets; i++) {
        size_t len;
        const uint8_t *packet = bc_track_packet(stored, i, &len);
        int n = md_audio_decoder_decode(r->decoder, packet, len, r->pcm, MD_AUDIO_PACKET_SAMPLES_MAX);
        ok = n > 0 && n % MD_AUDIO_TICK_SAMPLES == 0;
        for (int at = 0; ok && at < n; at += MD_AUDIO_TICK_SAMPLES)
            ok = recode_tick(r, r->pcm + at);
    }
    memset(r->pcm, 0, sizeof r->pcm);
    for (unsigned i = 1; ok && i < frame_ms / MD_AUDIO_TICK_MS; i++) /* push out what waits in the encoder */
        ok = recode_tick(r, r->pcm);
    md_audio_decoder_free(r->decoder);
    md_audio_encoder_free(r->encoder);
    unsigned n = r->offsets->len - 1;
    ok = ok && n > 0;
    uint8_t *data = g_byte_array_free(r->data, !ok);
    uint32_t *offsets = (uint32_t *)(void *)g_array_free(r->offsets, !ok);
    g_free(r);
    if (!ok) {
        g_set_error(error, BC_ERROR, BC_ERROR_CONTENT, "the stored Opus track does not decode");
        return NULL;
    }
    return wrap(MD_AUDIO_OPUS, frame_ms, n, data, offsets);
}

BcTrack *bc_track_parse(const uint8_t *bytes, size_t len, unsigned frame_ms, GError **error)
{
    g_autoptr(BcTrack) stored = parse_stored(bytes, len, error);
    if (!stored || frame_ms == 0 || stored->frame_ms == frame_ms)
        return g_steal_pointer(&stored);
    return stored->codec == MD_AUDIO_OPUS ? recode_opus(stored, frame_ms, error) : regroup(stored, frame_ms);
}

BcTrack *bc_track_load(const char *path, unsigned frame_ms, GError **error)
{
    g_autofree char *bytes = NULL;
    gsize len = 0;
    if (!g_file_get_contents(path, &bytes, &len, error))
        return NULL;
    return bc_track_parse((const uint8_t *)bytes, len, frame_ms, error);
}

struct BcTrackWriter {
    FILE *file;
    MdAudioCodec codec;
    unsigned frame_ms;
    uint64_t bytes;
    GByteArray *index;
};

static bool fail_io(GError **error, const char *what)
{
    g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "cannot write a sound track: %s: %s", what, g_strerror(errno));
    return false;
}

BcTrackWriter *bc_track_writer_new(const char *path, MdAudioCodec codec, unsigned frame_ms, GError **error)
{
    FILE *file = fopen(path, "wbe");
    uint8_t header[HEADER_BYTES] = {0};
    if (!file || fwrite(header, sizeof header, 1, file) != 1) {
        fail_io(error, path);
        if (file)
            fclose(file);
        return NULL;
    }
    BcTrackWriter *writer = g_new0(BcTrackWriter, 1);
    *writer = (BcTrackWriter){file, codec, frame_ms, 0, g_byte_array_new()};
    return writer;
}

bool bc_track_writer_add(BcTrackWriter *writer, const uint8_t *payload, size_t len, GError **error)
{
    uint8_t entry[2] = {len & 0xff, (len >> 8) & 0xff};
    g_return_val_if_fail(len > 0 && len <= MD_AUDIO_PAYLOAD_MAX, false);
    if (HEADER_BYTES + writer->bytes + len + writer->index->len + 2 > BC_TRACK_FILE_MAX) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "the sound track grows above %u MiB", BC_TRACK_FILE_MAX >> 20);
        return false;
    }
    if (fwrite(payload, len, 1, writer->file) != 1)
        return fail_io(error, "data");
    writer->bytes += len;
    g_byte_array_append(writer->index, entry, sizeof entry);
    return true;
}

bool bc_track_writer_finish(BcTrackWriter *writer, GError **error)
{
    uint32_t frames = writer->index->len / 2;
    uint64_t header_le[3];
    uint8_t *header = (uint8_t *)header_le;
    memset(header, 0, HEADER_BYTES);
    memcpy(header, "BCT1", 4);
    header[4] = (uint8_t)writer->codec;
    header[5] = (uint8_t)writer->frame_ms;
    frames = GUINT32_TO_LE(frames);
    uint64_t bytes = GUINT64_TO_LE(writer->bytes);
    memcpy(header + 8, &frames, 4);
    memcpy(header + 16, &bytes, 8);
    bool ok = (!writer->index->len || fwrite(writer->index->data, writer->index->len, 1, writer->file) == 1) &&
              fseek(writer->file, 0, SEEK_SET) == 0 && fwrite(header, HEADER_BYTES, 1, writer->file) == 1 &&
              fflush(writer->file) == 0 && fsync(fileno(writer->file)) == 0;
    if (!ok)
        fail_io(error, "end");
    bc_track_writer_free(writer);
    return ok;
}

void bc_track_writer_free(BcTrackWriter *writer)
{
    if (!writer)
        return;
    fclose(writer->file);
    g_byte_array_unref(writer->index);
    g_free(writer);
}
