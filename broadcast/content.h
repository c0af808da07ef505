/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/source.h"
#include "broadcast/speech.h"

/* What can be broadcast: levelled programmes, each found by the SHA-256 of the file it came from. Files lie in content_dir,
 * rows in the store; the row is written after the files are durable. Control thread; the work is done on threads of its own. */
typedef struct BcContents BcContents;

typedef struct BcContent {  /* strings owned by the registry, valid until control returns to the main loop */
    const char *id;         /* SHA-256 in hex */
    const char *title;
    const char *source_name, *media_type;
    const char *text;       /* what was spoken, NULL: a file */
    const char *created_by; /* NULL unknown */
    int64_t source_bytes, duration_us, created_us;
    double loudness_in, loudness, true_peak, gain_db, clipped_permille;
} BcContent;

typedef struct BcContentJob {
    unsigned id;
    const char *title;
    unsigned permille;
    const char *created_by; /* NULL nobody */
} BcContentJob;

typedef struct BcContentOptions {
    BcIngestOptions ingest;   /* strings are copied */
    BcSpeechOptions speech;
    int64_t total_max_bytes;  /* of all profiles together, about; 0: no limit */
    const MdClock *clock;
    const MdLogger *logger;
} BcContentOptions;

#define BC_CONTENT_JOBS_MAX 32u
#define BC_CONTENTS_MAX 100000u

BcContents *bc_contents_new(MdStore *store, const BcContentOptions *options, GError **error);
/* Cancels what runs and waits for it; done callbacks run with BC_ERROR_STATE. */
void bc_contents_free(BcContents *contents);

typedef void (*BcContentDoneFn)(const BcContent *content, const GError *error, void *user);
/* Returns the job's number, 0 when refused (then done has been called). The file must stay until done. */
unsigned bc_contents_add_file(BcContents *contents, const char *path, const char *title, const char *source_name,
                              const char *created_by, BcContentDoneFn done, void *user);
unsigned bc_contents_add_text(BcContents *contents, const char *text, const char *title, const char *created_by,
                              BcContentDoneFn done, void *user);
/* Exactly one of path and text. What an alert says or sounds is urgent: it waits behind no upload. */
typedef struct BcContentMake {
    const char *path, *text, *title, *source_name, *created_by;
    double loudness_lufs;     /* 0: as the settings say; else the recording is another one than the same sound at another loudness */
    bool urgent;
    bool chime;               /* text: a chime before it */
} BcContentMake;
unsigned bc_contents_make(BcContents *contents, const BcContentMake *make, BcContentDoneFn done, void *user);
/* Speaks a text (1 to BC_SPEECH_TEXT_MAX bytes) to try how it sounds, two minutes of it at most, and keeps nothing. wav (mono, 48 kHz) is
 * borrowed by done. */
#define BC_SAYS_MAX 8u /* at once */
typedef void (*BcSayDoneFn)(GBytes *wav, const GError *error, void *user);
void bc_contents_say(BcContents *contents, const char *text, BcSayDoneFn done, void *user);
bool bc_contents_cancel(BcContents *contents, unsigned job);
GArray *bc_contents_jobs(const BcContents *contents); /* of BcContentJob; unref */

const BcContent *bc_contents_find(const BcContents *contents, const char *id);
GPtrArray *bc_contents_list(const BcContents *contents); /* newest first; unref */
/* Refused with IN_USE while a schedule names it. */
void bc_contents_remove(BcContents *contents, const char *id, BcDoneFn done, void *user);
/* Path of a stored profile ("programme.mp3"); g_free. */
char *bc_contents_path(const BcContents *contents, const char *id, const char *profile);

/* Reads the packet tracks of a programme into memory on another thread. tracks is borrowed by done. */
typedef void (*BcLoadDoneFn)(BcTrack *const tracks[MD_AUDIO_CODEC_MAX], const GError *error, void *user);
void bc_contents_load(BcContents *contents, const char *id, unsigned frame_ms, BcLoadDoneFn done, void *user);
