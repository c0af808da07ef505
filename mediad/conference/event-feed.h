/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>

/* What rooms tell, on its way to many listeners: events that say how something stands now, of the same thing and within the same 50 ms,
 * become one. The first one goes out at once, the last one always goes out; what went between them is left out. Events that say what
 * happened are never held: those held before them go first, so that nobody sees a room's events in another order. Control thread. */
typedef struct MdEventFeed MdEventFeed;

#define MD_EVENT_FEED_MS 50

typedef struct MdEvent {     /* borrowed */
    const char *type, *room, *member; /* member NULL: of the room */
    const char *data;        /* a JSON object */
    bool inside;             /* for those inside only */
} MdEvent;
typedef void (*MdEventFeedFn)(const MdEvent *event, void *user);

/* own_timer: in the default main context; false: the owner calls md_event_feed_tick every MD_EVENT_FEED_MS. */
MdEventFeed *md_event_feed_new(bool own_timer, MdEventFeedFn fn, void *user);
void md_event_feed_free(MdEventFeed *feed); /* what is held goes out first */
void md_event_feed_put(MdEventFeed *feed, const MdEvent *event);
/* What is held of that room goes out now: before its whole state is told. */
void md_event_feed_flush(MdEventFeed *feed, const char *room);
void md_event_feed_tick(MdEventFeed *feed);
