/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/core/bucket.h"

#define UNIT 1000000u /* one token; rate_per_s tokens a second are rate_per_s of these a microsecond */

void md_bucket_init(MdBucket *bucket, uint32_t rate_per_s, uint32_t burst, int64_t now_us)
{
    *bucket = (MdBucket){rate_per_s, burst, (uint64_t)burst * UNIT, now_us};
}

static uint64_t level_at(const MdBucket *b, int64_t now_us)
{
    uint64_t full = (uint64_t)b->burst * UNIT;
    if (now_us <= b->last_us || b->rate_per_s == 0)
        return b->millionths;
    uint64_t passed = (uint64_t)(now_us - b->last_us);
    if (passed >= (full - b->millionths) / b->rate_per_s + 1)
        return full;
    return b->millionths + passed * b->rate_per_s;
}

bool md_bucket_take(MdBucket *bucket, uint32_t count, int64_t now_us)
{
    bucket->millionths = level_at(bucket, now_us);
    if (now_us > bucket->last_us)
        bucket->last_us = now_us;
    uint64_t want = (uint64_t)count * UNIT;
    if (bucket->millionths < want)
        return false;
    bucket->millionths -= want;
    return true;
}

uint32_t md_bucket_left(const MdBucket *bucket, int64_t now_us)
{
    return (uint32_t)(level_at(bucket, now_us) / UNIT);
}

int64_t md_bucket_ready_us(const MdBucket *bucket, uint32_t count, int64_t now_us)
{
    uint64_t want = (uint64_t)count * UNIT, have = level_at(bucket, now_us);
    if (have >= want)
        return now_us;
    if (count > bucket->burst || bucket->rate_per_s == 0)
        return INT64_MAX;
    return now_us + (int64_t)((want - have + bucket->rate_per_s - 1) / bucket->rate_per_s);
}
