/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Keyed hash (SipHash-1-3) for tables whose keys a peer chooses (addresses, SSRCs, Call-IDs): with a random key nobody
 * outside can aim at one bucket. Not for signatures. Thread: any. */
typedef struct MdHashKey {
    uint64_t k0, k1;
} MdHashKey;

/* A key from the kernel's random source. */
MdHashKey md_hash_key_random(void);
uint64_t md_hash(MdHashKey key, const void *data, size_t len);
