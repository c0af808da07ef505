/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Bounded ring of elements of one size between exactly one writing and one reading thread. No lock, no allocation after
 * md_ring_new. Elements are aligned to 16 bytes. */
typedef struct MdRing MdRing;

/* capacity is rounded up to a power of two (at most 2^24). NULL on bad sizes or no memory. */
MdRing *md_ring_new(size_t element_size, unsigned capacity);
void md_ring_free(MdRing *ring); /* NULL is fine; elements still inside are dropped */
unsigned md_ring_capacity(const MdRing *ring);

/* Writer: copies one element in; false when full (nothing is overwritten). */
bool md_ring_push(MdRing *ring, const void *element);
/* Writer, without the copy: the slot to fill, NULL when full; visible to the reader after md_ring_commit. */
void *md_ring_reserve(MdRing *ring);
void md_ring_commit(MdRing *ring);

/* Reader: copies the oldest element out; false when empty. */
bool md_ring_pop(MdRing *ring, void *element);
/* Reader, without the copy: the oldest element, NULL when empty; its slot is given back by md_ring_release. */
void *md_ring_peek(MdRing *ring);
void md_ring_release(MdRing *ring);

/* Either side; the other may have moved on meanwhile. */
unsigned md_ring_count(const MdRing *ring);
