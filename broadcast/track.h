/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/types.h"
#include "mediad/audio/codec.h"

/* One programme in one codec as packets ready to be sent. On disk: "BCT1", codec, frame length, count, then the packets, then
 * their lengths; in memory: grouped into packets of the wanted frame length. Immutable once loaded, counted, any thread. */
typedef struct BcTrack BcTrack;
struct BcTrack {
    MdAudioCodec codec;
    unsigned frame_ms;        /* 20, 40, 60 */
    unsigned n_packets;
    const uint8_t *data;
    const uint32_t *offsets;  /* n_packets + 1 */
};
#define BC_TRACK_FILE_MAX (256u << 20)

static inline const uint8_t *bc_track_packet(const BcTrack *track, unsigned i, size_t *ret_len)
{
    *ret_len = track->offsets[i + 1] - track->offsets[i];
    return track->data + track->offsets[i];
}

/* Blocking; not on control. Another frame length than stored: G.7xx is regrouped, Opus is coded anew. */
BcTrack *bc_track_load(const char *path, unsigned frame_ms, GError **error);
/* The same from bytes (frame_ms 0: as stored). */
BcTrack *bc_track_parse(const uint8_t *bytes, size_t len, unsigned frame_ms, GError **error);
BcTrack *bc_track_ref(BcTrack *track);
void bc_track_unref(BcTrack *track);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcTrack, bc_track_unref)

typedef struct BcTrackWriter BcTrackWriter;
BcTrackWriter *bc_track_writer_new(const char *path, MdAudioCodec codec, unsigned frame_ms, GError **error);
bool bc_track_writer_add(BcTrackWriter *writer, const uint8_t *payload, size_t len, GError **error);
/* Writes header and index, fsyncs. Frees the writer either way. */
bool bc_track_writer_finish(BcTrackWriter *writer, GError **error);
void bc_track_writer_free(BcTrackWriter *writer); /* gives up; the caller removes the file */
