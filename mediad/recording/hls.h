/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* The last seconds of a meeting as HTTP Live Streaming (RFC 8216): MPEG-TS cut before pictures that can be decoded alone, kept in memory.
 * Unlike the area streams' list (broadcast/output/hls.h) its pieces differ in length. Pure; one thread. */
typedef struct MdHls MdHls;

#define MD_HLS_SEGMENTS 6u       /* in the list; as many older ones can still be fetched */
#define MD_HLS_TARGET_US 2000000 /* a piece is at least so long */
#define MD_HLS_LONGEST_US 10000000
#define MD_HLS_BYTES_MAX (16u << 20)

MdHls *md_hls_new(uint64_t first_sequence);
void md_hls_free(MdHls *hls);
/* Bytes as the multiplexer gives them; key: they begin with a picture that can be decoded alone, at time_us (-1: unknown). */
void md_hls_add(MdHls *hls, const uint8_t *bytes, size_t len, bool key, int64_t time_us);
/* The stream began anew (its clock, too): what is open is completed, the next piece is marked. */
void md_hls_break(MdHls *hls);
unsigned md_hls_count(const MdHls *hls);
/* NULL: nothing yet. g_free. Pieces are named "SEQUENCE.ts". */
char *md_hls_playlist(const MdHls *hls);
GBytes *md_hls_segment(const MdHls *hls, uint64_t sequence); /* borrowed; NULL: not there, or not any more */
