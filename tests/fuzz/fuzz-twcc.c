/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transport-wide feedback: the reader, and a sender that believes it about packets it did send. */
#include <stdlib.h>

#include "mediad/rtp/congestion.h"
#include "mediad/rtp/twcc.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    MdTwccReader reader;
    MdTwccStatus status;
    unsigned n = 0;
    if (md_twcc_reader_init(&reader, data, size) == 0)
        while (md_twcc_reader_next(&reader, &status))
            n++;
    if (n > MD_TWCC_STATUSES_MAX)
        abort();
    MdCongestion *sender = md_congestion_new(100000, 2000000);
    int64_t now_us = 1000000, until_us;
    uint32_t bps;
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 300; i++)
            md_congestion_sent(sender, 100 + i, now_us += 2000);
        md_congestion_feedback(sender, data, size, now_us);
        md_congestion_probe(sender, now_us, &bps, &until_us);
        if (md_congestion_bps(sender) < 100000 || md_congestion_bps(sender) > 2000000)
            abort();
    }
    md_congestion_free(sender);
    return 0;
}
