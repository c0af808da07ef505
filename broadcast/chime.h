/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/ingest.h"

/* A spoken bulletin begins with a chime, as loud as the speech that follows. Blocking, not on control: decodes speech_path and writes
 * wav_path (mono 48 kHz, 16 bit): chime, a short silence, the speech. The errors of bc_decode_file. */
#define BC_CHIME_GAP_US 400000
bool bc_chime_join(const char *speech_path, const char *wav_path, int64_t duration_max_us, BcIngestProgress *progress, GError **error);
/* The same without a chime: at most duration_max_us of it. */
bool bc_speech_to_wav(const char *speech_path, const char *wav_path, int64_t duration_max_us, BcIngestProgress *progress, GError **error);
/* 44 bytes of a WAV header for so many bytes of 16 bit mono samples. */
void bc_wav_header(uint8_t ret[44], uint32_t rate, uint32_t data_bytes);
