/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/conference/conference.h"
#include "mediad/recording/outlet.h"

/* One room's sound and main picture on their way from the media worker to everything that takes them: tapped once however many outlets
 * there are, carried by a ring to a thread of its own. Control thread. */
typedef struct MdFeeds MdFeeds;
typedef struct MdFeed MdFeed;

MdFeeds *md_feeds_new(MdConference *conference, const MdVideoClass *picture);
/* Every feed must have been given back; those still being taken down by the conference go by themselves. */
void md_feeds_free(MdFeeds *feeds);
/* The feed of a room, made when there is none; given back by md_feed_unref. NULL + error (no such room, confidential, ending …). */
MdFeed *md_feed_get(MdFeeds *feeds, const char *room, GError **error);
void md_feed_unref(MdFeed *feed);
bool md_feed_has_pictures(const MdFeed *feed);
/* From now on, with a key frame soon. After md_feed_remove returns the outlet is touched no more. */
void md_feed_add(MdFeed *feed, MdOutlet *outlet);
void md_feed_remove(MdFeed *feed, MdOutlet *outlet);
/* Ticks and pictures that found no place, because the thread was held up. */
uint64_t md_feed_lost(const MdFeed *feed);
