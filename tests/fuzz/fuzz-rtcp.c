/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "mediad/rtp/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    MdRtcpReader reader;
    MdRtcpItem item;
    volatile uint64_t sink = 0;
    size_t items = 0;
    if (md_rtcp_reader_init(&reader, data, size) < 0)
        return 0;
    while (md_rtcp_reader_next(&reader, &item) == 1) {
        if (++items > size) /* an item is at least four bytes: anything more would be a loop */
            abort();
        if (item.kind == MD_RTCP_KIND_CNAME)
            for (unsigned i = 0; i < item.text.len; i++)
                sink += (uint8_t)item.text.data[i];
        if (item.kind == MD_RTCP_KIND_REPORT)
            sink += (uint64_t)md_rtcp_round_trip_us(&item.report, 0x123456789abcdef0);
        if (item.kind == MD_RTCP_KIND_NACK) {
            uint16_t seqs[MD_RTCP_NACK_SEQS];
            sink += md_rtcp_nack_seqs(&item, seqs);
        }
    }
    return 0;
}
