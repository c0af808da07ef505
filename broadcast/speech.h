/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/ingest.h"

/* Text to speech by a configured program: text (UTF-8) on its standard input, a sound file on its standard output. No shell. */
#define BC_SPEECH_TEXT_MAX 20000 /* bytes */

typedef struct BcSpeechOptions {
    const char *const *command;  /* argv, NULL-terminated; NULL: espeak-ng -v vi --stdout; empty: none */
    int64_t time_max_us;         /* 0: 60 s; then it is killed */
    int64_t bytes_max;           /* of its output, 0: 256 MiB */
    const char *url;             /* a service asked instead of the program (bc_speech_fetch), NULL none */
} BcSpeechOptions;

/* Blocking, not on control. false: BC_ERROR_INVALID (text), FAILED (program missing, failed, too slow, said nothing), STATE
 * (cancelled). path is made or replaced; on failure removed. */
bool bc_speech_make(const BcSpeechOptions *options, const char *text, const char *path, BcIngestProgress *progress, GError **error);
