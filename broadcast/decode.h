/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/ingest.h"

/* Any file to float mono 48 kHz, in the calling thread, as fast as it goes. sink gets the samples in order; false (with error
 * set) stops. Nothing outside the file is opened: playlists and adaptive-stream manifests are refused. */
typedef bool (*BcDecodeSinkFn)(const float *pcm, size_t n, void *user, GError **error);
bool bc_decode_file(const char *path, int64_t time_max_us, BcIngestProgress *progress, BcDecodeSinkFn sink, void *user,
                    char media_type[64], GError **error);
