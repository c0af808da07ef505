/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/recording/feed.h"
#include <stdatomic.h>
#include <string.h>
#include "mediad/core/ring.h"

enum { RING_ITEMS = 256 /* about four seconds of ticks and pictures */, POLL_US = 30000, KEY_MS = 2000 };

struct MdFeeds {
    MdConference *conference;
    MdVideoClass picture;
    GHashTable *by_room; /* name → MdFeed*, those in use */
};

typedef struct Item {
    MdFrame *frame; /* own reference; NULL: sound */
    int64_t time_us;
    float pcm[MD_AUDIO_TICK_SAMPLES];
} Item;

struct MdFeed {
    /* control */
    MdFeeds *feeds;
    MdConference *conference;
    char *room;
    unsigned refs;
    bool pictures;
    unsigned taps; /* that the worker may still run */
    GThread *thread;
    /* worker writes, thread reads */
    MdRing *ring;
    _Atomic uint64_t lost;
    /* under lock */
    GMutex lock;
    GCond wake;
    GPtrArray *outlets;
    bool stop;
};

MdFeeds *md_feeds_new(MdConference *conference, const MdVideoClass *picture)
{
    MdFeeds *feeds = g_new0(MdFeeds, 1);
    feeds->conference = conference;
    feeds->picture = *picture;
    feeds->by_room = g_hash_table_new(g_str_hash, g_str_equal);
    return feeds;
}

void md_feeds_free(MdFeeds *feeds)
{
    if (!feeds)
        return;
    g_assert(g_hash_table_size(feeds->by_room) == 0);
    g_hash_table_unref(feeds->by_room);
    g_free(feeds);
}

/* --- the worker ------------------------------------------------------------------------------------------------------- */

static void on_sound(const float pcm[MD_AUDIO_TICK_SAMPLES], int64_t now_us, void *user)
{
    MdFeed *feed = user;
    Item *item = md_ring_reserve(feed->ring);
    if (!item) {
        atomic_fetch_add_explicit(&feed->lost, 1, memory_order_relaxed);
        return;
    }
    item->frame = NULL;
    item->time_us = now_us;
    memcpy(item->pcm, pcm, sizeof item->pcm);
    md_ring_commit(feed->ring);
}

static void on_picture(MdFrame *frame, int64_t now_us, void *user)
{
    MdFeed *feed = user;
    Item *item = md_ring_reserve(feed->ring);
    if (!item) {
        atomic_fetch_add_explicit(&feed->lost, 1, memory_order_relaxed);
        return;
    }
    item->frame = md_frame_ref(frame);
    md_ring_commit(feed->ring);
}

/* --- the thread ------------------------------------------------------------------------------------------------------- */

static void drain(MdFeed *feed)
{
    for (Item *item; (item = md_ring_peek(feed->ring)) != NULL; md_ring_release(feed->ring)) {
        for (unsigned i = 0; i < feed->outlets->len; i++)
            if (item->frame)
                md_outlet_picture(feed->outlets->pdata[i], item->frame);
            else
                md_outlet_sound(feed->outlets->pdata[i], item->pcm, item->time_us);
        md_frame_unref(item->frame);
    }
}

static gpointer run(gpointer user)
{
    MdFeed *feed = user;
    g_mutex_lock(&feed->lock);
    while (!feed->stop) {
        drain(feed);
        g_cond_wait_until(&feed->wake, &feed->lock, g_get_monotonic_time() + POLL_US);
    }
    drain(feed);
    g_mutex_unlock(&feed->lock);
    return NULL;
}

/* --- control ---------------------------------------------------------------------------------------------------------- */

static void tap_gone(void *user)
{
    MdFeed *feed = user;
    if (--feed->taps > 0)
        return;
    g_mutex_lock(&feed->lock);
    feed->stop = true;
    g_cond_signal(&feed->wake);
    g_mutex_unlock(&feed->lock);
    g_thread_join(feed->thread);
    md_ring_free(feed->ring);
    g_ptr_array_unref(feed->outlets);
    g_mutex_clear(&feed->lock);
    g_cond_clear(&feed->wake);
    g_free(feed->room);
    g_free(feed);
}

static void take_down(MdFeed *feed)
{
    bool pictures = feed->pictures; /* it may be gone after the last of these */
    feed->taps = pictures ? 2 : 1;
    if (pictures)
        md_conference_remove_picture_tap(feed->conference, feed->room, on_picture, feed, tap_gone);
    md_conference_remove_tap(feed->conference, feed->room, on_sound, feed, tap_gone);
}

static bool tap(MdFeed *feed, MdRoom *room, GError **error)
{
    MdRoomPictureTap picture = {.codec = MD_VIDEO_H264, .wanted = feed->feeds->picture, .key_interval_ms = KEY_MS, .fn = on_picture, .user = feed};
    if (!md_room_add_tap(room, on_sound, feed, error))
        return false;
    feed->pictures = md_room_add_picture_tap(room, &picture, NULL); /* without pictures there is sound alone */
    return true;
}

MdFeed *md_feed_get(MdFeeds *feeds, const char *name, GError **error)
{
    MdRoom *room = md_conference_find_room(feeds->conference, name);
    MdRoomInfo info;
    if (!room) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND, "there is no room '%s'", name);
        return NULL;
    }
    md_room_info(room, &info);
    MdFeed *feed = g_hash_table_lookup(feeds->by_room, info.name);
    if (feed) {
        feed->refs++;
        return feed;
    }
    feed = g_new0(MdFeed, 1);
    feed->feeds = feeds;
    feed->conference = feeds->conference;
    feed->room = g_strdup(info.name);
    feed->refs = 1;
    feed->outlets = g_ptr_array_new();
    feed->ring = md_ring_new(sizeof(Item), RING_ITEMS);
    g_mutex_init(&feed->lock);
    g_cond_init(&feed->wake);
    feed->thread = g_thread_new("recording", run, feed);
    if (!tap(feed, room, error)) {
        feed->taps = 1;
        tap_gone(feed);
        return NULL;
    }
    g_hash_table_insert(feeds->by_room, feed->room, feed);
    return feed;
}

void md_feed_unref(MdFeed *feed)
{
    if (!feed || --feed->refs > 0)
        return;
    g_hash_table_remove(feed->feeds->by_room, feed->room);
    take_down(feed);
}

bool md_feed_has_pictures(const MdFeed *feed)
{
    return feed->pictures;
}

void md_feed_add(MdFeed *feed, MdOutlet *outlet)
{
    MdRoom *room = md_conference_find_room(feed->conference, feed->room);
    g_mutex_lock(&feed->lock);
    g_ptr_array_add(feed->outlets, outlet);
    g_mutex_unlock(&feed->lock);
    if (room)
        md_room_request_picture_key(room, on_picture, feed);
}

void md_feed_remove(MdFeed *feed, MdOutlet *outlet)
{
    g_mutex_lock(&feed->lock);
    g_ptr_array_remove(feed->outlets, outlet);
    g_mutex_unlock(&feed->lock);
}

uint64_t md_feed_lost(const MdFeed *feed)
{
    return atomic_load_explicit(&feed->lost, memory_order_relaxed);
}
