/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/rtcp.h"

#define NTP_UNIX_OFFSET_S 2208988800ull /* 1900 to 1970 */

uint64_t md_ntp_from_wall_us(int64_t wall_us)
{
    int64_t s = wall_us / 1000000, us = wall_us % 1000000;
    if (us < 0) {
        us += 1000000;
        s--;
    }
    /* Rounded to the nearest fraction, so that there and back is exact. */
    uint64_t fraction = (((uint64_t)us << 32) + 500000) / 1000000;
    return (((uint64_t)s + NTP_UNIX_OFFSET_S) << 32) + fraction;
}

int64_t md_ntp_to_wall_us(uint64_t ntp)
{
    int64_t s = (int64_t)(ntp >> 32) - (int64_t)NTP_UNIX_OFFSET_S;
    return s * 1000000 + (int64_t)(((ntp & 0xffffffffu) * 1000000 + 0x80000000u) >> 32);
}

int64_t md_rtcp_round_trip_us(const MdRtcpReport *report, uint64_t ntp_now)
{
    if (report->lsr == 0)
        return -1;
    int32_t ticks = (int32_t)(md_ntp_mid(ntp_now) - report->lsr - report->dlsr);
    /* Rounding of the three values may take a fast loop a little below zero. */
    if (ticks < -66 || ticks > 60 * 65536)
        return -1;
    return ticks <= 0 ? 0 : (int64_t)ticks * 1000000 / 65536;
}

int64_t md_rtcp_interval_us(unsigned members, unsigned senders, bool we_sent, uint32_t session_bps,
                            unsigned average_size, bool initial, uint32_t random)
{
    double bytes_per_s = session_bps / 8.0 * 0.05;
    double n = members ? members : 1;
    double minimum = initial ? 2.5 : 5.0;
    if (senders > 0 && senders <= members * 0.25) {
        if (we_sent) {
            bytes_per_s *= 0.25;
            n = senders;
        } else {
            bytes_per_s *= 0.75;
            n -= senders;
        }
    }
    double t = bytes_per_s > 0 ? average_size * n / bytes_per_s : minimum;
    if (t < minimum)
        t = minimum;
    if (t > 3600)
        t = 3600;
    t *= random / 4294967296.0 + 0.5;
    t /= 2.71828182845904523536 - 1.5; /* timer reconsideration, A.7 */
    return (int64_t)(t * 1e6);
}
