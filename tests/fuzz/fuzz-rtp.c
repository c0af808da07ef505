/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "mediad/rtp/jitter.h"
#include "mediad/rtp/nack.h"
#include "mediad/rtp/packet.h"
#include "mediad/rtp/payload.h"
#include "mediad/rtp/stream.h"

/* Input: packets, each behind a length byte and a byte of time. They go the way of a leg's audio and video.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    MdStream stream;
    md_stream_init(&stream, 48000, 1);
    MdJitter *jitter = md_jitter_new(&(MdJitterOptions){.clock_rate = 48000});
    MdReorder *reorder = md_reorder_new(&(MdReorderOptions){.nack = true});
    int64_t now = 0;
    volatile uint32_t sink = 0;
    while (size >= 2) {
        size_t len = data[0];
        now += data[1] * 1000;
        data += 2;
        size -= 2;
        if (len > size)
            len = size;
        MdRtpPacket p;
        if (md_rtp_parse(data, len, &p) == 0) {
            for (unsigned i = 0; i < p.n_csrc; i++)
                sink += md_rtp_csrc(&p, i);
            const uint8_t *ext;
            size_t ext_len;
            for (unsigned id = 0; id < 256; id += 3)
                if (md_rtp_find_ext(&p, (uint8_t)id, &ext, &ext_len))
                    for (size_t i = 0; i < ext_len; i++)
                        sink += ext[i];
            for (size_t i = 0; i < p.payload_len; i++)
                sink += p.payload[i];
            if (md_stream_receive(&stream, &p, now, NULL) == MD_STREAM_RESTART) {
                md_jitter_reset(jitter);
                md_reorder_reset(reorder);
            }
            int duration = md_audio_payload_duration(MD_AUDIO_OPUS, p.payload, p.payload_len);
            if (duration > 0)
                md_jitter_put(jitter, &p, (uint32_t)duration, now);
            else
                md_jitter_put_silent(jitter, &p);
            md_reorder_put(reorder, &p, now);
            unsigned lost;
            while (md_reorder_next(reorder, now, &p, &lost))
                for (size_t i = 0; i < p.payload_len; i++)
                    sink += p.payload[i];
            uint16_t seqs[16];
            md_reorder_nacks(reorder, now, 30000, seqs, 16);
        }
        MdJitterOut out;
        md_jitter_pull(jitter, now, len & 1, &out);
        if (out.duration == 0 || out.trim > out.duration)
            abort();
        for (size_t i = 0; out.payload && i < out.len; i++)
            sink += out.payload[i];
        data += len;
        size -= len;
    }
    MdRtcpReport report;
    md_stream_report(&stream, now, &report);
    md_jitter_free(jitter);
    md_reorder_free(reorder);
    return 0;
}
