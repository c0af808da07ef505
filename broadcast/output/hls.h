/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* The last seconds of one live stream as HTTP Live Streaming (RFC 8216): ADTS AAC cut into segments in memory, each beginning with the
 * ID3 tag that carries its time (RFC 8216, 3.4). Pure; one thread. */
typedef struct BcHls BcHls;

#define BC_HLS_SEGMENTS 6u       /* kept */
#define BC_HLS_SEGMENT_FRAMES 94u /* of 1024 samples at 48 kHz: 2.005 s */

BcHls *bc_hls_new(uint64_t first_sequence);
void bc_hls_free(BcHls *hls);
/* Whole ADTS frames, as an encoder gives them. Anything that is none is passed over (false). */
bool bc_hls_add(BcHls *hls, const uint8_t *bytes, size_t len);
unsigned bc_hls_count(const BcHls *hls);
/* The playlist; segments are named "SEQUENCE.aac" with query (may be NULL) behind it. g_free. */
char *bc_hls_playlist(const BcHls *hls, const char *query);
GBytes *bc_hls_segment(const BcHls *hls, uint64_t sequence); /* borrowed; NULL: not there, or not any more */
/* Length of the ADTS frame that begins here, 0: none does (or it is cut off). */
size_t bc_adts_frame(const uint8_t *bytes, size_t len);
