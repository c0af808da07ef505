/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stddef.h>

/* A fixed number of blocks of one size, allocated at once: get and put never touch the heap. One thread at a time;
 * blocks are aligned to 64 bytes and not cleared. */
typedef struct MdPool MdPool;

/* NULL when either is 0, the product is unreasonable (above 1 GiB) or there is no memory. */
MdPool *md_pool_new(size_t block_size, unsigned count);
/* Every block goes with it; NULL is fine. */
void md_pool_free(MdPool *pool);
/* NULL when all are out. */
void *md_pool_get(MdPool *pool);
/* NULL is fine; a block of another pool, or one put twice, aborts. */
void md_pool_put(MdPool *pool, void *block);
unsigned md_pool_used(const MdPool *pool);
unsigned md_pool_count(const MdPool *pool);
