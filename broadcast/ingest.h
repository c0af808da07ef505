/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdatomic.h>
#include "broadcast/types.h"

/* One file in, one levelled programme in every profile out. Blocking work for a thread of its own, never on control:
 * GStreamer decodes whatever it can read to mono 48 kHz, libebur128 measures, gain (and a limiter where needed) brings it to the
 * target, then every profile is written once. The result appears under content_dir/xx/SHA256/ in one rename. */
typedef struct BcIngestOptions {
    const char *content_dir;
    int64_t bytes_max;          /* 0: 512 MiB */
    int64_t duration_max_us;    /* 0: 60 min */
    int64_t time_max_us;        /* decoding may take so long on the wall clock, 0: 300 s */
    double target_lufs;         /* 0: -16 */
    double peak_dbtp;           /* 0: -1; the limiter works 0.5 dB below, lossy profiles overshoot a little */
    double clipped_permille_max;/* refused above so many thousandths of samples in clipped runs, 0: 20 */
    unsigned frame_ms;          /* of the Opus profile: 20, 40, 60; 0: 40 */
    uint32_t opus_bitrate_bps;  /* 0: 32000 */
} BcIngestOptions;

typedef struct BcIngestProgress { /* zeroed; written by the worker, read by anybody */
    _Atomic unsigned permille;
    _Atomic bool cancel;          /* set by anybody */
} BcIngestProgress;

typedef struct BcIngestResult {
    char sha256[65];
    char media_type[64];        /* what GStreamer took it for, "" unknown */
    int64_t bytes, duration_us;
    double loudness_in, loudness; /* LUFS integrated, before and after */
    double true_peak;           /* dBTP after */
    double gain_db;
    double clipped_permille;
} BcIngestResult;

/* false: BC_ERROR_CONTENT (undecodable, no sound, silent, too long, clipped …: the message says what and where), LIMIT,
 * STATE (cancelled), FAILED (disk). Nothing is left behind then. The same file again replaces its profiles. */
bool bc_ingest_file(const char *path, const BcIngestOptions *options, BcIngestProgress *progress, BcIngestResult *ret, GError **error);

/* content_dir/xx/SHA256/name; g_free. */
char *bc_content_path(const char *content_dir, const char *sha256, const char *name);
/* At start-up: removes what interrupted ingests left in content_dir. */
void bc_ingest_clean(const char *content_dir);

/* Profile file names in a content folder. */
#define BC_PROFILE_MASTER "master.flac"
#define BC_PROFILE_MP3 "programme.mp3"
const char *bc_profile_name(int codec); /* "opus.bct", "g722.bct", "pcma.bct", "pcmu.bct" */
