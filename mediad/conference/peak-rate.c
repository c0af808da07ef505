/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much somebody sends at the most: the fullest second of this stretch and of the one before. Control thread. */
#include "mediad/conference/private.h"

static const int64_t SECOND_US = G_USEC_PER_SEC, STRETCH_US = 5 * G_USEC_PER_SEC;

void md_peak_rate_take(MdPeakRate *rate, uint64_t bytes, int64_t now_us)
{
    if (rate->since_us != 0 && bytes >= rate->bytes && now_us > rate->since_us)
        rate->now_bps = MAX(rate->now_bps, (uint32_t)MIN((bytes - rate->bytes) * 8 * SECOND_US / (uint64_t)(now_us - rate->since_us), UINT32_MAX));
    rate->bytes = bytes;
    rate->since_us = now_us;
    if (now_us - rate->stretch_us >= STRETCH_US) {
        rate->before_bps = rate->now_bps;
        rate->now_bps = 0;
        rate->stretch_us = now_us;
    }
}

uint32_t md_peak_rate_bps(const MdPeakRate *rate)
{
    return MAX(rate->now_bps, rate->before_bps);
}
