/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "tests/fuzz/fuzz.h"
#include "broadcast/link/live-ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BcLiveAsk ask;
    uint8_t again[BC_LIVE_ASK_MAX];
    if (!bc_live_ask_parse(&ask, data, size))
        return 0;
    size_t len = bc_live_ask_format(&ask, NULL, again, sizeof(again));
    if (len != size || memcmp(again, data, len - 16)) /* what is taken is what would have been written */
        abort();
    if (bc_live_ask_verify(data, size, NULL) != !memcmp(again, data, len))
        abort();
    return 0;
}
