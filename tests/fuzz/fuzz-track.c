/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/track.h"
#include "tests/fuzz/fuzz.h"

/* A stored sound track after the disk has had its way with it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (unsigned frame_ms = 0; frame_ms <= 60; frame_ms += 20) {
        g_autoptr(BcTrack) track = bc_track_parse(data, size, frame_ms, NULL);
        size_t total = 0;
        for (unsigned i = 0; track && i < track->n_packets; i++) {
            size_t len;
            const uint8_t *packet = bc_track_packet(track, i, &len);
            g_assert_cmpuint(len, <=, MD_AUDIO_PAYLOAD_MAX);
            total += len ? packet[0] + packet[len - 1] : 0;
        }
        (void)total;
    }
    return 0;
}
