/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* Where the sound goes: a sound card (ALSA, PulseAudio, by GStreamer), a WAV file written in real time, or nowhere. A thread asks for 10 ms
 * blocks so early that each is there at its moment of the monotonic clock; sound cards are kept to that clock within 5 ms. */
typedef enum BcOutputKind { BC_OUTPUT_NULL, BC_OUTPUT_FILE, BC_OUTPUT_ALSA, BC_OUTPUT_PULSE } BcOutputKind;
#define BC_OUTPUT_BLOCK 480u

typedef struct BcOutputOptions {
    BcOutputKind kind;
    const char *device;          /* ALSA or PulseAudio name, NULL its default; the WAV file */
    unsigned latency_ms;         /* 20..2000: blocks are made so long before they sound */
    unsigned offset_ms;          /* the amplifier's own delay: sound is made that much earlier */
    /* n samples that sound from mono_us on. Output thread. */
    void (*render)(float *pcm, unsigned n, int64_t mono_us, void *user);
    void *user;
} BcOutputOptions;

typedef struct BcOutput BcOutput;
BcOutput *bc_output_new(const BcOutputOptions *options, GError **error);
void bc_output_free(BcOutput *output);
int64_t bc_output_latency_us(const BcOutput *output);
uint64_t bc_output_late(const BcOutput *output);      /* blocks that came too late to sound whole */
int64_t bc_output_first_us(const BcOutput *output);   /* monotonic, of the first sample ever; a file's sample 0 */
int64_t bc_output_beat_us(const BcOutput *output);    /* monotonic, of the last block: a watchdog looks at it */
char *bc_output_error(BcOutput *output);              /* g_free; NULL well. The sound card is tried again by itself */
