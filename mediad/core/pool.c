/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/core/pool.h"
#include <stdint.h>
#include <stdlib.h>

#define ALIGN 64
#define POOL_MAX ((size_t)1 << 30)
#define OUT UINT32_MAX
#define END (UINT32_MAX - 1)

struct MdPool {
    size_t stride;
    unsigned count;
    unsigned used;
    uint32_t head;  /* first free block */
    uint32_t *next; /* per block: next free one, END, or OUT while lent */
    uint8_t *blocks;
};

MdPool *md_pool_new(size_t block_size, unsigned count)
{
    if (block_size == 0 || count == 0 || block_size > POOL_MAX)
        return NULL;
    size_t stride = (block_size + ALIGN - 1) / ALIGN * ALIGN;
    if (count >= END || stride > POOL_MAX / count)
        return NULL;
    MdPool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->stride = stride;
    pool->count = count;
    pool->next = malloc(sizeof *pool->next * count);
    pool->blocks = aligned_alloc(ALIGN, stride * count);
    if (!pool->next || !pool->blocks) {
        md_pool_free(pool);
        return NULL;
    }
    for (unsigned i = 0; i < count; i++)
        pool->next[i] = i + 1 < count ? i + 1 : END;
    return pool;
}

void md_pool_free(MdPool *pool)
{
    if (!pool)
        return;
    free(pool->next);
    free(pool->blocks);
    free(pool);
}

void *md_pool_get(MdPool *pool)
{
    if (pool->head == END)
        return NULL;
    uint32_t index = pool->head;
    pool->head = pool->next[index];
    pool->next[index] = OUT;
    pool->used++;
    return pool->blocks + index * pool->stride;
}

void md_pool_put(MdPool *pool, void *block)
{
    if (!block)
        return;
    size_t offset = (size_t)((uintptr_t)block - (uintptr_t)pool->blocks);
    size_t index = offset / pool->stride;
    if (offset % pool->stride != 0 || index >= pool->count || pool->next[index] != OUT)
        abort();
    pool->next[index] = pool->head;
    pool->head = (uint32_t)index;
    pool->used--;
}

unsigned md_pool_used(const MdPool *pool)
{
    return pool->used;
}

unsigned md_pool_count(const MdPool *pool)
{
    return pool->count;
}
