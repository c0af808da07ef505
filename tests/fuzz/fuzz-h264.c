/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "mediad/rtp/depacketise.h"
#include "mediad/rtp/h264.h"
#include "mediad/rtp/packetise.h"

/* Input: payloads, each behind a flag byte (1 marker, 2 loss before, 4 next timestamp) and a length byte.
 * What comes out is packetised again and must come through unharmed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    MdDepacketiser *d = md_depacketiser_new(MD_VIDEO_H264);
    uint32_t ts = 0;
    volatile uint32_t sink = 0;
    while (size >= 2) {
        uint8_t flags = data[0];
        size_t len = data[1];
        data += 2;
        size -= 2;
        if (len > size)
            len = size;
        ts += flags & 4;
        MdRtpPacket p = {.ts = ts, .marker = flags & 1, .payload = data, .payload_len = len};
        md_depacketiser_push(d, &p, flags & 2, 0);
        md_depacketiser_add_parameter_set(d, data, len);
        MdFrame *frame;
        while ((frame = md_depacketiser_take(d))) {
            MdH264Info info;
            md_h264_inspect(frame->data, frame->len, &info);
            MdPacketList *list = md_packetise(frame, 1, 64);
            for (unsigned i = 0; list && i < list->n; i++) {
                uint8_t out[64];
                if (md_slice_len(&list->slices[i]) > sizeof(out))
                    abort();
                sink += md_packet_list_copy(list, i, out);
            }
            md_packet_list_unref(list);
            md_frame_unref(frame);
        }
        data += len;
        size -= len;
    }
    md_depacketiser_free(d);
    return 0;
}
