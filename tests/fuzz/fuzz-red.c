/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Redundant audio: what is read lies within the payload; what is written of it reads back the same. */
#include <stdlib.h>
#include <string.h>

#include "mediad/rtp/red.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    MdRedBlock blocks[MD_RED_BLOCKS_MAX], again[MD_RED_BLOCKS_MAX];
    MdRedSender sender = {0};
    uint8_t out[MD_RED_PAYLOAD_MAX];
    int n = md_red_parse(data, size, blocks);
    if (n < 0)
        return 0;
    if (n > MD_RED_BLOCKS_MAX)
        abort();
    for (int i = 0; i < n; i++)
        if (blocks[i].len && (blocks[i].data < data || blocks[i].data + blocks[i].len > data + size))
            abort();
    for (int i = 0; i < n - 1; i++)
        md_red_sender_add(&sender, 100000 - blocks[i].ts_back, blocks[i].data, blocks[i].len);
    const MdRedBlock *last = &blocks[n - 1];
    size_t len = md_red_write(&sender, 96, 100000, last->data, last->len, MD_RED_COPIES_MAX, out, sizeof out);
    if (len == 0)
        return 0;
    int m = md_red_parse(out, len, again);
    if (m < 1 || m > n || again[m - 1].len != last->len || memcmp(again[m - 1].data, last->data, last->len) != 0)
        abort();
    return 0;
}
