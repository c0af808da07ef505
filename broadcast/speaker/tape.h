/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* A file or stream as mono float samples at 48 kHz, decoded by GStreamer as they are needed: about a second is held, never the
 * whole. Opening takes place on a thread of its own. One reader; a reader that must not wait does not. */
#define BC_TAPE_RATE 48000
#define BC_TAPE_GET_MAX 4096u

typedef struct BcTape BcTape;
/* A file, to be read from that sample on. */
BcTape *bc_tape_open(const char *path, int64_t from_sample);
/* A stream (http, https, Icecast, HLS): its samples are numbered from 0 as they come. */
BcTape *bc_tape_open_stream(const char *url);
void bc_tape_free(BcTape *tape);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcTape, bc_tape_free)
/* Freed streams end by themselves; before the process does they are waited for, but not for ever. */
void bc_tape_wait(int64_t most_us);

/* Samples at .. at + n (n <= BC_TAPE_GET_MAX) into pcm; what is not there is 0. Those behind are thrown away but for a few. Returns how many
 * of the first ones are there. wait_us: how long to wait for the decoder. */
unsigned bc_tape_get(BcTape *tape, int64_t at, float *pcm, unsigned n, int64_t wait_us);
/* Samples from the first that a get would find, for streams: how many wait decoded. */
int64_t bc_tape_head(const BcTape *tape);
/* Where it ends, once that is known; INT64_MAX before. */
int64_t bc_tape_end(const BcTape *tape);
/* Why it yields nothing more; NULL it is well. Static as long as the tape. */
const char *bc_tape_error(const BcTape *tape);
