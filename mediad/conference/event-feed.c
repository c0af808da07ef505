/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/conference/event-feed.h"
#include <glib.h>
#include <string.h>

typedef struct Held {
    char *key, *type, *member, *data;
    bool inside;
} Held;

typedef struct Feed {        /* of a room that told something lately */
    char *room;
    GQueue held;             /* Held*, in the order they go out */
    GHashTable *by_key;      /* its key → its link; at most one for each member and kind of event */
} Feed;

struct MdEventFeed {
    MdEventFeedFn fn;
    void *user;
    bool own_timer;
    guint timer;
    GHashTable *feeds;       /* room → Feed */
};

/* Each says all there is of its thing; those of one group overwrite each other. Not here: what says what was done (room.muted leaves some
 * alone, room.mutes names many) and what says that something begins or ends. */
static const struct {
    const char *type, *group;
} states[] = {
    {"member.muted", "muted"},          {"member.self-muted", "self-muted"}, {"member.video-muted", "video"}, {"member.self-video-muted", "self-video"},
    {"member.deaf", "deaf"},            {"member.gain", "gain"},             {"member.talking", "talking"},   {"member.away", "away"},
    {"floor.raised", "hand"},           {"floor.lowered", "hand"},           {"floor.reordered", "order"},    {"room.speaker", "speaker"},
    {"layout.changed", "spotlight"},    {"room.layout", "layout"},           {"view.changed", "view"},        {"vote.cast", "vote"},
    {"vote.withdrawn", "vote"},
};

static const char *group_of(const char *type)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(states); i++)
        if (strcmp(states[i].type, type) == 0)
            return states[i].group;
    return NULL;
}

static void held_free(gpointer data)
{
    Held *held = data;
    g_free(held->key);
    g_free(held->type);
    g_free(held->member);
    g_free(held->data);
    g_free(held);
}

static void feed_free(gpointer data)
{
    Feed *feed = data;
    g_hash_table_unref(feed->by_key);
    g_queue_clear_full(&feed->held, held_free);
    g_free(feed->room);
    g_free(feed);
}

static Feed *feed_new(const char *room)
{
    Feed *feed = g_new0(Feed, 1);
    feed->room = g_strdup(room);
    g_queue_init(&feed->held);
    feed->by_key = g_hash_table_new(g_str_hash, g_str_equal);
    return feed;
}

MdEventFeed *md_event_feed_new(bool own_timer, MdEventFeedFn fn, void *user)
{
    MdEventFeed *feed = g_new0(MdEventFeed, 1);
    feed->fn = fn;
    feed->user = user;
    feed->own_timer = own_timer;
    feed->feeds = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, feed_free);
    return feed;
}

/* A listener may make the room tell more: that finds the rest of the queue before itself. */
static unsigned send_held(MdEventFeed *feed, Feed *of)
{
    unsigned n = 0;
    for (Held *held; (held = g_queue_pop_head(&of->held)) != NULL; n++) {
        g_hash_table_remove(of->by_key, held->key);
        feed->fn(&(MdEvent){held->type, of->room, held->member, held->data, held->inside}, feed->user);
        held_free(held);
    }
    return n;
}

void md_event_feed_flush(MdEventFeed *feed, const char *room)
{
    Feed *of = g_hash_table_lookup(feed->feeds, room);
    if (of != NULL)
        send_held(feed, of);
}

static gboolean on_timer(gpointer user)
{
    MdEventFeed *feed = user;
    md_event_feed_tick(feed);
    if (g_hash_table_size(feed->feeds) > 0)
        return G_SOURCE_CONTINUE;
    feed->timer = 0;
    return G_SOURCE_REMOVE;
}

void md_event_feed_tick(MdEventFeed *feed)
{
    g_autoptr(GList) rooms = g_hash_table_get_values(feed->feeds);
    for (GList *at = rooms; at != NULL; at = at->next) {
        Feed *of = at->data;
        if (send_held(feed, of) == 0)
            g_hash_table_remove(feed->feeds, of->room);
    }
}

static void hold(Feed *of, const MdEvent *event, const char *group)
{
    g_autofree char *key = g_strdup_printf("%s %s", event->member != NULL ? event->member : "", group);
    GList *former = g_hash_table_lookup(of->by_key, key);
    if (former != NULL) {
        g_hash_table_remove(of->by_key, key);
        held_free(former->data);
        g_queue_delete_link(&of->held, former);
    }
    Held *held = g_new0(Held, 1);
    *held = (Held){.key = g_steal_pointer(&key), .type = g_strdup(event->type), .member = g_strdup(event->member), .data = g_strdup(event->data),
                   .inside = event->inside};
    g_queue_push_tail(&of->held, held);
    g_hash_table_insert(of->by_key, held->key, of->held.tail);
}

void md_event_feed_put(MdEventFeed *feed, const MdEvent *event)
{
    const char *group = group_of(event->type);
    Feed *of = g_hash_table_lookup(feed->feeds, event->room);
    if (of != NULL && group != NULL) {
        hold(of, event, group);
        return;
    }
    if (of != NULL) {
        send_held(feed, of);
    } else if (group != NULL) {
        of = feed_new(event->room);
        g_hash_table_insert(feed->feeds, of->room, of);
        if (feed->own_timer && feed->timer == 0)
            feed->timer = g_timeout_add(MD_EVENT_FEED_MS, on_timer, feed);
    }
    feed->fn(event, feed->user);
}

void md_event_feed_free(MdEventFeed *feed)
{
    if (feed == NULL)
        return;
    g_clear_handle_id(&feed->timer, g_source_remove);
    g_autoptr(GList) rooms = g_hash_table_get_values(feed->feeds);
    for (GList *at = rooms; at != NULL; at = at->next)
        send_held(feed, at->data);
    g_hash_table_unref(feed->feeds);
    g_free(feed);
}
