/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdatomic.h>
#include "mediad/recording/recording.h"

/* What recording.c, running.c and rows.c share. Control thread, except where said. */
enum { MD_CHAPTERS_MAX = 500, MD_CHAPTER_TITLE_MAX = 200 };

typedef struct MdRecording {
    MdRecordings *all;
    char *id, *room, *title, *created_by, *problem;
    char sha256[65];
    MdRecordingState state;
    int64_t started_us, ended_us, duration_us, bytes;
    GArray *chapters;          /* MdChapter */
    /* while it runs */
    MdFeed *feed;
    MdOutlet *outlet;
    bool ready;                /* its row is durable, it is shown */
    int64_t empty_since_us;    /* nobody is in the room, 0: somebody is */
    int fd;                    /* -1 none; written by GStreamer's thread */
    _Atomic int64_t written;
    _Atomic int write_error;   /* errno */
    int64_t synced_us;         /* that thread */
    /* start */
    MdRecordingDoneFn done;
    void *user;
} MdRecording;

struct MdRecordings {
    MdRecordingsOptions options;
    char *dir;
    MdLogger logger;
    GPtrArray *list;           /* MdRecording*, oldest first */
    guint tick;
    int64_t expired_us;        /* retention was looked at last */
    int cancel;                /* g_atomic: finishing stops */
    unsigned pending;          /* writes and finishings under way */
    bool closing;
};

/* rows.c */
bool md_recording_load(MdRecordings *all, GError **error);
void md_recording_save(MdRecording *recording, MdStoreDoneFn done); /* may be NULL; its user: the recording */
void md_recording_delete(MdRecording *recording, MdStoreDoneFn done, void *user); /* the caller counts it as pending */
MdRecording *md_recording_new(MdRecordings *all);
void md_recording_free(MdRecording *recording);

/* running.c */
bool md_recording_begin(MdRecording *recording, GError **error);
/* Stops what runs; problem may be NULL. Then it is finished. */
void md_recording_end(MdRecording *recording, const char *problem);
void md_recording_abandon(MdRecording *recording); /* what was begun goes, nothing is finished */
void md_recording_finish(MdRecording *recording); /* what is in its part file */
void md_recording_watch(MdRecording *recording, int64_t free_bytes);
char *md_recording_part(const MdRecording *recording);
char *md_recording_file(const MdRecording *recording);
bool md_recording_chapter(MdRecording *recording, const char *title);
void md_recording_tell(MdRecording *recording);
void md_recording_info(const MdRecording *recording, MdRecordingInfo *ret);
