/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/recording/streams.h"
#include <string.h>
#include "mediad/recording/hls.h"
#include "mediad/recording/streams-kept.h"

enum { RUNNING_MAX = 8, RETRY_MS = 1000, RETRY_DOUBLINGS = 5, TICK_S = 2 };
static const int64_t RETURN_US = 30 * 60 * (int64_t)G_USEC_PER_SEC; /* a meeting that goes on after a restart does so until then */
static const int64_t STAY_US = 60 * (int64_t)G_USEC_PER_SEC; /* whoever stays so long has really been there */

static const char *const kinds[MD_STREAM_KIND_MAX] = {"hls", "rtmp", "srt"};
static const char *const states[MD_STREAM_STATE_MAX] = {"running", "waiting"};
static const MdOutletKind outlets[MD_STREAM_KIND_MAX] = {MD_OUTLET_TS, MD_OUTLET_RTMP, MD_OUTLET_SRT};

/* What GStreamer's threads give, on its way to control: counted by both. */
typedef struct Pipe { /* g_atomic_rc_box */
    GMainContext *context;
    struct Stream *stream; /* control; NULL: it is gone */
} Pipe;

typedef struct Stream {
    MdStreams *all;
    char *id, *room, *url, *shown, *created_by, *problem;
    MdStreamKind kind;
    MdStreamState state;
    int64_t started_us, tried_us, empty_since_us;
    unsigned attempts;
    MdFeed *feed;
    MdOutlet *outlet; /* NULL while waiting */
    MdHls *hls;
    Pipe *pipe;
    guint retry;
} Stream;

struct MdStreams {
    MdStreamsOptions options;
    char **hosts;
    MdLogger logger;
    GPtrArray *list; /* Stream* */
    GPtrArray *kept; /* those of the run before this, until somebody is in their room */
    unsigned next_id;
    guint tick;
    int64_t begun_us;
    bool closing; /* what runs begins again after the restart */
};

const char *md_stream_kind_to_string(MdStreamKind kind)
{
    return (unsigned)kind < MD_STREAM_KIND_MAX ? kinds[kind] : NULL;
}

const char *md_stream_state_to_string(MdStreamState state)
{
    return (unsigned)state < MD_STREAM_STATE_MAX ? states[state] : NULL;
}

/* --- pieces of HLS ---------------------------------------------------------------------------------------------------- */

typedef struct Parcel {
    Pipe *pipe;
    bool key;
    int64_t time_us;
    size_t len;
    uint8_t bytes[];
} Parcel;

static void pipe_clear(gpointer data)
{
    g_main_context_unref(((Pipe *)data)->context);
}

static gboolean deliver(gpointer data)
{
    const Parcel *parcel = data;
    if (parcel->pipe->stream)
        md_hls_add(parcel->pipe->stream->hls, parcel->bytes, parcel->len, parcel->key, parcel->time_us);
    return G_SOURCE_REMOVE;
}

static void parcel_free(gpointer data)
{
    g_atomic_rc_box_release_full(((Parcel *)data)->pipe, pipe_clear);
    g_free(data);
}

static bool on_bytes(const uint8_t *bytes, size_t len, bool key, int64_t time_us, void *user)
{
    Pipe *pipe = ((Stream *)user)->pipe;
    Parcel *parcel = g_malloc(sizeof *parcel + len);
    *parcel = (Parcel){g_atomic_rc_box_acquire(pipe), key, time_us, len};
    memcpy(parcel->bytes, bytes, len);
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, deliver, parcel, parcel_free);
    g_source_attach(source, pipe->context);
    g_source_unref(source);
    return true;
}

/* --- one attempt ------------------------------------------------------------------------------------------------------ */

static gboolean on_retry(gpointer user);

static void let_go(Stream *s)
{
    if (s->outlet)
        md_feed_remove(s->feed, s->outlet);
    g_clear_pointer(&s->outlet, md_outlet_free);
    if (s->pipe) {
        s->pipe->stream = NULL;
        g_atomic_rc_box_release_full(g_steal_pointer(&s->pipe), pipe_clear);
    }
}

static void wait_for_next(Stream *s, const char *why)
{
    if (g_get_monotonic_time() - s->tried_us > STAY_US)
        s->attempts = 0;
    unsigned first_ms = s->all->options.retry_first_ms ? s->all->options.retry_first_ms : RETRY_MS;
    unsigned wait_ms = MIN(first_ms << MIN(s->attempts, RETRY_DOUBLINGS), first_ms * 30);
    s->attempts++;
    s->state = MD_STREAM_WAITING;
    g_free(s->problem);
    s->problem = g_strdup(why);
    md_warning(&s->all->logger, "stream %s of %s to %s broke off: %s; again in %u ms", s->id, s->room, s->shown ? s->shown : "the console", why, wait_ms);
    s->retry = g_timeout_add(wait_ms, on_retry, s);
}

static gboolean on_broken(gpointer user)
{
    Stream *s = user;
    s->retry = 0;
    g_autofree char *why = g_strdup(s->problem);
    let_go(s);
    if (s->hls)
        md_hls_break(s->hls);
    wait_for_next(s, why);
    return G_SOURCE_REMOVE;
}

/* From inside the outlet: it may be freed a moment later only. */
static void on_failed(const char *why, void *user)
{
    Stream *s = user;
    g_free(s->problem);
    s->problem = g_strdup(why);
    if (!s->retry)
        s->retry = g_idle_add(on_broken, s);
}

static bool attempt(Stream *s, GError **error)
{
    MdOutletSpec spec = {.kind = outlets[s->kind], .pictures = md_feed_has_pictures(s->feed), .url = s->url, .on_bytes = on_bytes, .on_failed = on_failed, .user = s};
    s->tried_us = g_get_monotonic_time();
    s->pipe = g_atomic_rc_box_new0(Pipe);
    *s->pipe = (Pipe){g_main_context_ref_thread_default(), s};
    s->outlet = md_outlet_new(&spec, error);
    if (!s->outlet) {
        let_go(s);
        return false;
    }
    md_feed_add(s->feed, s->outlet);
    s->state = MD_STREAM_RUNNING;
    return true;
}

static gboolean on_retry(gpointer user)
{
    Stream *s = user;
    g_autoptr(GError) error = NULL;
    s->retry = 0;
    if (!attempt(s, &error))
        wait_for_next(s, error->message);
    return G_SOURCE_REMOVE;
}

/* --- all -------------------------------------------------------------------------------------------------------------- */

static void stream_free(gpointer data)
{
    Stream *s = data;
    g_clear_handle_id(&s->retry, g_source_remove);
    let_go(s);
    g_clear_pointer(&s->feed, md_feed_unref);
    md_hls_free(s->hls);
    g_free(s->id);
    g_free(s->room);
    g_free(s->url);
    g_free(s->shown);
    g_free(s->created_by);
    g_free(s->problem);
    g_free(s);
}

static void stop(Stream *s)
{
    MdRoom *room = md_conference_find_room(s->all->options.conference, s->room);
    md_notice(&s->all->logger, "stream %s of %s ends", s->id, s->room);
    if (room)
        md_room_mark(room, MD_ROOM_MARK_STREAMED, false, s->id);
    if (!s->all->closing)
        md_streams_forget(s->all->options.store, s->room, s->url, &s->all->logger);
    g_ptr_array_remove(s->all->list, s);
}

static gboolean on_tick(gpointer user)
{
    MdStreams *all = user;
    int64_t now_us = g_get_monotonic_time();
    if (all->kept->len > 0 && now_us - all->begun_us > RETURN_US)
        md_streams_give_up(all->kept, all->options.store, &all->logger);
    for (guint i = all->list->len; i-- > 0;) {
        Stream *s = all->list->pdata[i];
        MdRoom *room = md_conference_find_room(all->options.conference, s->room);
        MdRoomInfo info = {0};
        if (room)
            md_room_info(room, &info);
        if (info.members > 0)
            s->empty_since_us = 0;
        else if (s->empty_since_us == 0)
            s->empty_since_us = now_us;
        if (!room || (s->empty_since_us && now_us - s->empty_since_us > (all->options.idle_s ? all->options.idle_s : 60) * G_USEC_PER_SEC))
            stop(s);
    }
    return G_SOURCE_CONTINUE;
}

MdStreams *md_streams_new(const MdStreamsOptions *options)
{
    MdStreams *all = g_new0(MdStreams, 1);
    all->options = *options;
    all->hosts = g_strdupv((char **)(uintptr_t)options->hosts);
    all->logger = options->logger ? *options->logger : (MdLogger){0};
    all->list = g_ptr_array_new_with_free_func(stream_free);
    all->kept = md_streams_load(options->store, &all->logger);
    all->begun_us = g_get_monotonic_time();
    all->tick = g_timeout_add_seconds(TICK_S, on_tick, all);
    return all;
}

void md_streams_free(MdStreams *all)
{
    if (!all)
        return;
    g_clear_handle_id(&all->tick, g_source_remove);
    all->closing = true;
    while (all->list->len > 0)
        stop(all->list->pdata[all->list->len - 1]);
    g_ptr_array_unref(all->list);
    g_ptr_array_unref(all->kept);
    g_strfreev(all->hosts);
    g_free(all);
}

static Stream *find_hls(MdStreams *all, const char *room)
{
    for (guint i = 0; i < all->list->len; i++) {
        Stream *s = all->list->pdata[i];
        if (s->kind == MD_STREAM_HLS && g_ascii_strcasecmp(s->room, room) == 0)
            return s;
    }
    return NULL;
}

static bool may_start(MdStreams *all, MdRoom *room, const char *url, const MdRoomInfo *info, GError **error)
{
    unsigned max = all->options.running_max ? all->options.running_max : RUNNING_MAX;
    if (!md_room_may_leave(room, error))
        return false;
    if (all->list->len >= max)
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT, "%u streams run, more are not allowed (recording.streams_max)", max);
    for (guint i = 0; i < all->list->len; i++) {
        const Stream *s = all->list->pdata[i];
        if (error && !*error && strcmp(s->room, info->name) == 0 && g_strcmp0(s->url, url) == 0)
            g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_EXISTS, "the meeting is being streamed there already: %s", s->id);
    }
    return !*error;
}

const char *md_streams_start(MdStreams *all, const char *name, const char *url, const char *by, GError **ret_error)
{
    MdRoom *room = md_conference_find_room(all->options.conference, name);
    g_autoptr(GError) error = NULL;
    g_autofree char *shown = NULL;
    MdStreamKind kind = MD_STREAM_HLS;
    MdRoomInfo info;
    if (!room) {
        g_set_error(ret_error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND, "there is no room '%s'", name);
        return NULL;
    }
    md_room_info(room, &info);
    if (!may_start(all, room, url, &info, &error) ||
        (url && !md_stream_target_check(url, (const char *const *)all->hosts, &kind, &shown, &error))) {
        g_propagate_error(ret_error, g_steal_pointer(&error));
        return NULL;
    }
    MdFeed *feed = md_feed_get(all->options.feeds, name, ret_error);
    if (!feed)
        return NULL;
    Stream *s = g_new0(Stream, 1);
    *s = (Stream){.all = all, .id = g_strdup_printf("s%u", ++all->next_id), .room = g_strdup(info.name), .url = g_strdup(url),
                  .shown = g_steal_pointer(&shown), .created_by = g_strdup(by), .kind = kind, .started_us = g_get_real_time(), .feed = feed};
    if (kind == MD_STREAM_HLS)
        s->hls = md_hls_new((uint64_t)(s->started_us / 1000000)); /* players keep pieces of an earlier stream apart */
    g_ptr_array_add(all->list, s);
    if (!attempt(s, &error))
        wait_for_next(s, error->message);
    md_notice(&all->logger, "stream %s of %s to %s begins, asked by %s", s->id, s->room, s->shown ? s->shown : "the console", by ? by : "the meeting");
    md_room_mark(room, MD_ROOM_MARK_STREAMED, true, s->id);
    md_streams_keep(all->options.store, s->room, s->url, by, &all->logger);
    return s->id;
}

static Stream *find(MdStreams *all, const char *id)
{
    for (guint i = 0; i < all->list->len; i++)
        if (strcmp(((Stream *)all->list->pdata[i])->id, id) == 0)
            return all->list->pdata[i];
    return NULL;
}

bool md_streams_stop(MdStreams *all, const char *id, GError **error)
{
    Stream *s = find(all, id);
    if (s)
        stop(s);
    else
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND, "there is no stream '%.40s'", id);
    return s != NULL;
}

static void fill(const Stream *s, MdStreamInfo *ret)
{
    *ret = (MdStreamInfo){.id = s->id, .room = s->room, .created_by = s->created_by, .kind = s->kind, .state = s->state, .target = s->shown,
                          .started_us = s->started_us, .duration_us = s->outlet ? md_outlet_duration_us(s->outlet) : 0, .attempts = s->attempts,
                          .problem = s->problem};
}

GPtrArray *md_streams_list(MdStreams *all, const char *room)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < all->list->len; i++) {
        const Stream *s = all->list->pdata[i];
        if (room && g_ascii_strcasecmp(room, s->room) != 0)
            continue;
        MdStreamInfo *info = g_new0(MdStreamInfo, 1);
        fill(s, info);
        g_ptr_array_add(list, info);
    }
    return list;
}

bool md_streams_find(MdStreams *all, const char *id, MdStreamInfo *ret)
{
    const Stream *s = find(all, id);
    if (s)
        fill(s, ret);
    return s != NULL;
}

char *md_streams_playlist(MdStreams *all, const char *room)
{
    const Stream *s = find_hls(all, room);
    return s ? md_hls_playlist(s->hls) : NULL;
}

GBytes *md_streams_segment(MdStreams *all, const char *room, uint64_t sequence)
{
    const Stream *s = find_hls(all, room);
    return s ? md_hls_segment(s->hls, sequence) : NULL;
}

void md_streams_room_event(MdStreams *all, const char *type, const char *room)
{
    if (room && all->kept->len > 0 && strcmp(type, "member.joined") == 0)
        md_streams_resume(all, all->kept, room, all->options.store, &all->logger);
    for (guint i = all->list->len; room && strcmp(type, "room.ended") == 0 && i-- > 0;) {
        Stream *s = all->list->pdata[i];
        if (strcmp(s->room, room) == 0)
            stop(s);
    }
}
