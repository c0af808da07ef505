/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/recording/streams.h"

/* Streams in the store (its folder is mediad's alone: addresses hold the broadcaster's keys). Control thread. store NULL: nothing is kept. */
void md_streams_keep(MdStore *store, const char *room, const char *url /* NULL: HLS */, const char *by, const MdLogger *logger);
void md_streams_forget(MdStore *store, const char *room, const char *url, const MdLogger *logger);
/* Those that ran when mediad ended, not older than half a day; the older ones are forgotten. New. */
GPtrArray *md_streams_load(MdStore *store, const MdLogger *logger);
/* Nobody came back in time to the meetings that were streamed: another one in the same room goes out only when somebody says so. */
void md_streams_give_up(GPtrArray *kept, MdStore *store, const MdLogger *logger);
/* Somebody is in that room: its streams begin again and leave the list; one that may not any more is forgotten. */
void md_streams_resume(MdStreams *streams, GPtrArray *kept, const char *room, MdStore *store, const MdLogger *logger);
