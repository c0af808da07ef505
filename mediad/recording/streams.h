/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/recording/feed.h"
#include "mediad/store/store.h"

/* Meetings as live streams: HLS for the console, RTMP and SRT to broadcasters that the settings allow; a sender whose line breaks tries
 * again with back-off until it is stopped. A stream ends with its meeting. Control thread. */
typedef struct MdStreams MdStreams;

typedef enum MdStreamKind { MD_STREAM_HLS, MD_STREAM_RTMP, MD_STREAM_SRT, MD_STREAM_KIND_MAX } MdStreamKind;
const char *md_stream_kind_to_string(MdStreamKind kind); /* "hls", "rtmp", "srt" */
typedef enum MdStreamState { MD_STREAM_RUNNING, MD_STREAM_WAITING /* for the next attempt */, MD_STREAM_STATE_MAX } MdStreamState;
const char *md_stream_state_to_string(MdStreamState state);

typedef struct MdStreamInfo {        /* strings valid until control returns to the main loop */
    const char *id, *room, *created_by;
    MdStreamKind kind;
    MdStreamState state;
    const char *target;              /* where it goes, without keys and passwords; NULL: HLS */
    int64_t started_us;              /* wall time */
    int64_t duration_us;             /* sent since the last attempt */
    unsigned attempts;               /* failed since it ran last for a minute */
    const char *problem;             /* of the last attempt, NULL none */
} MdStreamInfo;

typedef struct MdStreamsOptions {    /* copied but for what they point to */
    MdStore *store;                  /* what runs is noted here and goes on after a restart; NULL: it does not */
    MdConference *conference;
    MdFeeds *feeds;
    const char *const *hosts;        /* "live.example.vn", "*.vtv.vn:1935"; NULL-terminated; none: nothing is sent anywhere */
    unsigned running_max;            /* 0: 8 */
    unsigned idle_s;                 /* ends when nobody has been in the room for so long, 0: 60 */
    unsigned retry_first_ms;         /* 0: 1000; doubles up to thirty times it */
    const MdLogger *logger;
} MdStreamsOptions;
MdStreams *md_streams_new(const MdStreamsOptions *options);
void md_streams_free(MdStreams *streams); /* before the conference */

/* url: rtmp://, rtmps:// or srt://; NULL: HLS. NULL + error (MD_CONFERENCE_ERROR); else its id, borrowed. */
const char *md_streams_start(MdStreams *streams, const char *room, const char *url, const char *by, GError **error);
bool md_streams_stop(MdStreams *streams, const char *id, GError **error);
GPtrArray *md_streams_list(MdStreams *streams, const char *room /* NULL: all */); /* of MdStreamInfo*; unref the array */
bool md_streams_find(MdStreams *streams, const char *id, MdStreamInfo *ret);
/* HLS of a room; NULL: there is none, or not yet, or not any more. */
char *md_streams_playlist(MdStreams *streams, const char *room);
GBytes *md_streams_segment(MdStreams *streams, const char *room, uint64_t sequence); /* borrowed */
void md_streams_room_event(MdStreams *streams, const char *type, const char *room);

/* Pure: may streams be sent there? ret_shown (may be NULL): the address without keys, g_free. INVALID. */
bool md_stream_target_check(const char *url, const char *const *hosts, MdStreamKind *ret_kind, char **ret_shown, GError **error);
