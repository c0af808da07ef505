/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/live.h"

#include "broadcast/stream-source.h"

#define ROOM_DELAY_MS 60
#define STREAM_DELAY_MS 400
#define LOOK_US 5000000
#define ROOM_SILENT_US 120000000 /* a meeting that gives no sound for so long is over */

struct BcLive {
    BcStage *stage;
    BcSource *source;
    BcStream *stream;
    char *room, *announcement;
    const BcTapOps *tap;
    unsigned *pending;
    BcTimer look;
    uint64_t seen;
    int64_t seen_us;
};

static void free_live(BcLive *live)
{
    --*live->pending;
    bc_timer_cancel(&live->look);
    bc_stream_free(live->stream);
    bc_source_unref(live->source);
    g_free(live->room);
    g_free(live->announcement);
    g_free(live);
}

static GHashTable *letting; /* BcSource* -> BcLive*, taps being taken off; control thread */

static void on_tap_removed(void *tap_user)
{
    BcLive *live = g_hash_table_lookup(letting, tap_user);
    g_hash_table_remove(letting, tap_user);
    free_live(live);
}

/* The announcement is over: nobody pulls the source any more. */
static void on_closed(void *user)
{
    BcLive *live = user;
    bc_timer_cancel(&live->look);
    if (!live->room) {
        free_live(live);
        return;
    }
    if (!letting)
        letting = g_hash_table_new(NULL, NULL);
    g_hash_table_insert(letting, live->source, live);
    live->tap->remove(live->room, bc_source_push_pcm, live->source, on_tap_removed, live->tap->user);
}

static void on_look(BcTimer *timer, void *user)
{
    BcLive *live = user;
    int64_t now = bc_stage_now_us(live->stage);
    BcSourceStats stats;
    bc_source_stats(live->source, &stats);
    if (stats.pushed != live->seen) {
        live->seen = stats.pushed;
        live->seen_us = now;
    }
    BcAnnouncement *a = bc_announcement_find(live->stage, live->announcement);
    if (live->room && a && now - live->seen_us > ROOM_SILENT_US) {
        bc_announcement_stop(a, "the meeting has ended", false);
        return;
    }
    bc_timer_at(live->stage->o.timers, timer, now + LOOK_US, on_look, live);
}

static bool open_input(BcLive *live, const BcLiveSpec *spec, GError **error)
{
    if (spec->url) {
        live->stream = bc_stream_new(spec->url, live->source, live->stage->o.logger, error);
        return live->stream != NULL;
    }
    if (!spec->tap || !spec->tap->add) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "meetings cannot be put on the loudspeakers here");
        return false;
    }
    if (!spec->tap->add(spec->room, bc_source_push_pcm, live->source, spec->tap->user, error))
        return false;
    live->room = g_strdup(spec->room);
    return true;
}

BcAnnouncement *bc_live_start(BcStage *stage, const BcLiveSpec *spec, GError **error)
{
    BcLive *live = g_new0(BcLive, 1);
    live->stage = stage;
    live->tap = spec->tap;
    live->pending = spec->pending;
    ++*live->pending;
    live->source = bc_source_live_new(&(BcLiveOptions){.frame_ms = stage->o.frame_ms,
                                                       .delay_ms = spec->url ? STREAM_DELAY_MS : ROOM_DELAY_MS,
                                                       .opus_bitrate_bps = stage->o.opus_bitrate_bps,
                                                       .loss_percent = stage->o.live_loss_percent},
                                      error);
    if (!live->source || !open_input(live, spec, error)) {
        free_live(live);
        return NULL;
    }
    g_autofree char *from = spec->url ? g_strdup(spec->url) : g_strdup_printf("room %s", spec->room);
    BcAnnouncementSpec announcement = {.id = spec->id,
                                       .begin_wall_us = spec->begin_us,
                                       .kind = "live",
                                       .title = spec->title,
                                       .source_name = from,
                                       .priority = spec->priority,
                                       .authority = spec->authority,
                                       .expires_us = spec->expires_us,
                                       .made_us = spec->made_us,
                                       .areas = spec->areas,
                                       .source = live->source,
                                       .created_by = spec->created_by,
                                       .on_closed = on_closed,
                                       .user = live};
    BcAnnouncement *a = bc_announcement_start(stage, &announcement, error);
    if (!a) {
        on_closed(live);
        return NULL;
    }
    live->announcement = g_strdup(a->id);
    live->seen_us = bc_stage_now_us(stage);
    bc_timer_at(stage->o.timers, &live->look, live->seen_us + LOOK_US, on_look, live);
    return a;
}
