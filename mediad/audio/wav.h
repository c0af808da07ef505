/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stddef.h>

/* Reads a prompt: RIFF/WAVE, 16-bit PCM, 1 or 2 channels (mixed to one), 8000..192000 Hz, at most 10 minutes; converted to
 * 48 kHz float mono. *ret_pcm: free(). 0, or -ENOENT and other errors of open, -EBADMSG (not such a file), -EFBIG, -ENOMEM.
 * Blocking file access: never inside a tick. */
int md_wav_load(const char *path, float **ret_pcm, size_t *ret_samples);
/* The same from memory. */
int md_wav_parse(const unsigned char *bytes, size_t len, float **ret_pcm, size_t *ret_samples);
