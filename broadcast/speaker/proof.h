/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* Proof that it sounded: what a loop-back or microphone hears while something plays, its level, and how like the two are, by the loudness of
 * every 20 ms of both over up to two minutes, allowing for the way the sound takes. Any thread. */
typedef enum BcProofKind { BC_PROOF_NONE, BC_PROOF_OUTPUT /* what is handed to the output */, BC_PROOF_ALSA, BC_PROOF_PULSE, BC_PROOF_FILE /* a file or pipe of 48 kHz mono S16LE: tests */ } BcProofKind;

typedef struct BcProof BcProof;
/* microphone: of ALSA and PulseAudio, whether it is a microphone (else a loop-back). NULL with error: it cannot be opened. */
BcProof *bc_proof_new(BcProofKind kind, const char *device, bool microphone, GError **error);
void bc_proof_free(BcProof *proof);
const char *bc_proof_source(const BcProof *proof);  /* "loopback", "microphone", "none" */
/* A new item begins to be judged. */
void bc_proof_begin(BcProof *proof, uint64_t serial);
/* What is meant to sound from mono_us on; and, for what is heard, what was. Blocks follow each other. */
void bc_proof_meant(BcProof *proof, uint64_t serial, const float *pcm, unsigned n, int64_t mono_us);
void bc_proof_heard(BcProof *proof, const float *pcm, unsigned n, int64_t mono_us);
/* Of the item: NAN where not measured. */
void bc_proof_verdict(BcProof *proof, uint64_t serial, double *ret_level_dbfs, double *ret_match);

/* Pure: greatest correlation (0..1) of two rows of loudness when heard comes 0..max_late steps after meant. NAN: too short or one is flat. */
double bc_proof_likeness(const float *meant, const float *heard, unsigned n, unsigned max_late);
