/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Token bucket: up to burst at once, rate per second in the long run. Embedded, 32 bytes; the caller brings the time
 * (monotonic; going back counts as standing still). Not locked: one thread at a time. */
typedef struct MdBucket {
    uint32_t rate_per_s; /* 0: nothing is refilled */
    uint32_t burst;
    uint64_t millionths; /* tokens left, in 1/1,000,000 */
    int64_t last_us;
} MdBucket;

/* Starts full. */
void md_bucket_init(MdBucket *bucket, uint32_t rate_per_s, uint32_t burst, int64_t now_us);
/* Takes count tokens, or none and returns false. */
bool md_bucket_take(MdBucket *bucket, uint32_t count, int64_t now_us);
/* Whole tokens there at now_us, without taking. */
uint32_t md_bucket_left(const MdBucket *bucket, int64_t now_us);
/* When count tokens will be there (now_us if already); INT64_MAX if never. */
int64_t md_bucket_ready_us(const MdBucket *bucket, uint32_t count, int64_t now_us);
