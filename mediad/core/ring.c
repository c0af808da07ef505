/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/core/ring.h"
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MAX (1u << 24)

struct MdRing {
    /* immutable */
    size_t size;
    size_t stride;
    unsigned mask;
    uint8_t *slots;
    /* writer */
    alignas(64) _Atomic unsigned tail;
    unsigned head_seen; /* the reader's position as last looked at: spares a shared cache line per push */
    /* reader */
    alignas(64) _Atomic unsigned head;
    unsigned tail_seen;
};

MdRing *md_ring_new(size_t element_size, unsigned capacity)
{
    if (element_size == 0 || element_size > 1u << 24 || capacity == 0 || capacity > CAPACITY_MAX)
        return NULL;
    unsigned rounded = 1;
    while (rounded < capacity)
        rounded <<= 1;
    MdRing *ring = aligned_alloc(alignof(MdRing), sizeof *ring);
    if (!ring)
        return NULL;
    memset(ring, 0, sizeof *ring);
    ring->size = element_size;
    ring->stride = (element_size + 15) / 16 * 16;
    ring->mask = rounded - 1;
    ring->slots = calloc(rounded, ring->stride);
    if (!ring->slots) {
        free(ring);
        return NULL;
    }
    return ring;
}

void md_ring_free(MdRing *ring)
{
    if (!ring)
        return;
    free(ring->slots);
    free(ring);
}

unsigned md_ring_capacity(const MdRing *ring)
{
    return ring->mask + 1;
}

void *md_ring_reserve(MdRing *ring)
{
    unsigned tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (tail - ring->head_seen > ring->mask) {
        ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
        if (tail - ring->head_seen > ring->mask)
            return NULL;
    }
    return ring->slots + (tail & ring->mask) * ring->stride;
}

void md_ring_commit(MdRing *ring)
{
    unsigned tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
}

bool md_ring_push(MdRing *ring, const void *element)
{
    void *slot = md_ring_reserve(ring);
    if (!slot)
        return false;
    memcpy(slot, element, ring->size);
    md_ring_commit(ring);
    return true;
}

void *md_ring_peek(MdRing *ring)
{
    unsigned head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head == ring->tail_seen) {
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (head == ring->tail_seen)
            return NULL;
    }
    return ring->slots + (head & ring->mask) * ring->stride;
}

void md_ring_release(MdRing *ring)
{
    unsigned head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

bool md_ring_pop(MdRing *ring, void *element)
{
    const void *slot = md_ring_peek(ring);
    if (!slot)
        return false;
    memcpy(element, slot, ring->size);
    md_ring_release(ring);
    return true;
}

unsigned md_ring_count(const MdRing *ring)
{
    unsigned head = atomic_load_explicit(&ring->head, memory_order_acquire);
    unsigned tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    unsigned count = tail - head;
    return count > ring->mask + 1 ? ring->mask + 1 : count;
}
