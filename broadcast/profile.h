/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/types.h"

/* Every stored form of one programme, written in one go from levelled float mono 48 kHz: packet tracks (Opus, G.722, G.711),
 * MP3 for receivers that fetch files, and a lossless master. One thread. */
typedef struct BcProfiles BcProfiles;
BcProfiles *bc_profiles_new(const char *folder, unsigned frame_ms, uint32_t opus_bitrate_bps, GError **error);
bool bc_profiles_add(BcProfiles *profiles, const float *pcm, size_t n, GError **error);
/* Completes and fsyncs all files. Frees either way. */
bool bc_profiles_finish(BcProfiles *profiles, GError **error);
void bc_profiles_free(BcProfiles *profiles); /* gives up */
