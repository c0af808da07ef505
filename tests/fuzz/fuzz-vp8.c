/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "mediad/rtp/depacketise.h"
#include "mediad/rtp/vp8.h"

/* Input: payloads, each behind a flag byte (1 marker, 2 loss before, 4 next timestamp) and a length byte. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    MdDepacketiser *d = md_depacketiser_new(MD_VIDEO_VP8);
    uint32_t ts = 0;
    while (size >= 2) {
        uint8_t flags = data[0];
        size_t len = data[1];
        data += 2;
        size -= 2;
        if (len > size)
            len = size;
        ts += flags & 4;
        MdVp8Descriptor descriptor;
        if (md_vp8_parse_descriptor(data, len, &descriptor) == 0 && descriptor.len >= len)
            abort();
        MdRtpPacket p = {.ts = ts, .marker = flags & 1, .payload = data, .payload_len = len};
        md_depacketiser_push(d, &p, flags & 2, 0);
        MdFrame *frame;
        while ((frame = md_depacketiser_take(d))) {
            bool key;
            uint16_t width, height;
            md_vp8_inspect(frame->data, frame->len, &key, &width, &height);
            md_frame_unref(frame);
        }
        data += len;
        size -= len;
    }
    md_depacketiser_free(d);
    return 0;
}
