/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"

/* What one area hears, as one endless coded stream: silence while nothing is on. Runs while it exists: its packets are read and its
 * pace kept on a thread shared by all feeds, GStreamer encodes. Control thread. */
typedef struct BcEncoding BcEncoding;

typedef enum BcEncodingFormat { BC_ENCODING_MP3, BC_ENCODING_AAC /* ADTS frames */ } BcEncodingFormat;

/* On control: whole coded frames, in order, about five times a second. bytes is borrowed. */
typedef void (*BcEncodingFn)(GBytes *bytes, void *user);

/* bitrate_kbps: 32..128. ahead_ms of silence come at once, for those that need a store before they begin. NULL: NOT_FOUND (no such
 * area), FAILED (an encoder is not installed). */
BcEncoding *bc_encoding_new(BcBroadcast *broadcast, const char *area, BcEncodingFormat format, unsigned bitrate_kbps, unsigned ahead_ms, BcEncodingFn fn,
                    void *user, GError **error);
/* No fn after this. */
void bc_encoding_free(BcEncoding *feed);
