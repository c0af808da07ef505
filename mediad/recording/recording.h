/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/conference/conference.h"
#include "mediad/recording/feed.h"
#include "mediad/recording/finish.h"
#include "mediad/store/store.h"

/* Recordings of meetings: written in fragments while it goes on, so that a crash or a power cut leaves everything but the last seconds;
 * finished into an MP4 with chapters, kept under its SHA-256. What a crash left is mended at the next start. Control thread. */
typedef struct MdRecordings MdRecordings;

typedef enum MdRecordingState {
    MD_RECORDING_RUNNING, MD_RECORDING_FINISHING, MD_RECORDING_FINISHED, MD_RECORDING_FAILED /* nothing can be played */,
    MD_RECORDING_EMPTY, /* ended before anything was in it: no fault, and no file */
    MD_RECORDING_STATE_MAX,
} MdRecordingState;
const char *md_recording_state_to_string(MdRecordingState state);

typedef struct MdRecordingInfo {     /* strings and chapters valid until control returns to the main loop */
    const char *id, *room, *title, *created_by;
    MdRecordingState state;
    int64_t started_us, ended_us;    /* wall time; 0 not yet */
    int64_t duration_us, bytes;      /* so far */
    const char *sha256;              /* NULL until finished */
    const char *problem;             /* NULL: none. English */
    const MdChapter *chapters;
    unsigned n_chapters;
} MdRecordingInfo;

typedef struct MdRecordingsOptions { /* copied but for what they point to */
    MdStore *store;
    MdConference *conference;
    MdFeeds *feeds;
    const char *dir;                 /* made when missing */
    unsigned running_max;            /* at one time */
    unsigned max_hours;              /* one recording ends by itself after it */
    unsigned min_free_mib;           /* below: none begins, all end */
    unsigned max_gib;                /* all finished ones together, 0: no limit */
    unsigned retention_days;         /* finished ones go after it, 0: never by themselves */
    unsigned idle_s;                 /* ends when nobody has been in the room for so long, 0: 60 */
    const MdLogger *logger;
    /* A recording was finished or failed; information for subscribers. */
    void (*on_changed)(const MdRecordingInfo *info, void *user);
    void *user;
} MdRecordingsOptions;

extern const MdMigration md_recording_migrations[];
extern const unsigned md_recording_n_migrations;

MdRecordings *md_recordings_new(const MdRecordingsOptions *options, GError **error);
/* What runs is closed so that the next start can finish it. Runs the main context for at most some seconds. Before the conference goes. */
void md_recordings_free(MdRecordings *recordings);

typedef void (*MdRecordingDoneFn)(const MdRecordingInfo *info /* NULL: failed */, const GError *error, void *user);
/* done once, when it runs (its row is durable by then) or not. Errors are MD_CONFERENCE_ERROR or the store's. */
void md_recordings_start(MdRecordings *recordings, const char *room, const char *by, MdRecordingDoneFn done, void *user);
/* It goes on being finished after this. NOT_FOUND, STATE. */
bool md_recordings_stop(MdRecordings *recordings, const char *id, GError **error);
/* A chapter begins now. NOT_FOUND, STATE, INVALID, LIMIT. */
bool md_recordings_mark(MdRecordings *recordings, const char *id, const char *title, GError **error);
GPtrArray *md_recordings_list(MdRecordings *recordings); /* of MdRecordingInfo*, newest first; unref the array */
bool md_recordings_find(MdRecordings *recordings, const char *id, MdRecordingInfo *ret);
/* Of a finished one; g_free. NULL: there is no file. */
char *md_recordings_path(MdRecordings *recordings, const char *id);
/* done(NULL) after it is gone from the store and the disk. */
void md_recordings_remove(MdRecordings *recordings, const char *id, void (*done)(const GError *error, void *user), void *user);
/* Every event of the conference is told here: the floor makes chapters, the end of a meeting ends its recording. */
void md_recordings_room_event(MdRecordings *recordings, const char *type, const char *room, const char *json);
