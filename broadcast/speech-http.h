/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/speech.h"

/* Text to speech by an HTTP service: POST of the text (UTF-8, text/plain); a sound file comes back, or raw 16 bit mono samples
 * (audio/L16;rate=… big-endian, RFC 3551; audio/pcm;rate=… little-endian), which are made a WAV. Redirections are not followed: only
 * the host of the settings is spoken to. Blocking, not on control; errors as bc_speech_make. */
bool bc_speech_fetch(const char *url, const char *text, const char *path, int64_t time_max_us, int64_t bytes_max, BcIngestProgress *progress,
                     GError **error);
