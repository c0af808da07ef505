/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <glib.h>
#include "mediad/core/clock.h"
#include "mediad/core/log.h"
#include "mediad/store/store.h"

/* How running rooms stand (MdConferenceOptions.on_scene), in the store, so that a restart of mediad finds them so. What is older than half an
 * hour when mediad comes back is no meeting that goes on, and is deleted. Control thread. */
typedef struct MdScenes MdScenes;
#define MD_SCENES_OLD_US (INT64_C(30) * 60 * 1000000)

/* clock: NULL for the system's, and a timer of its own; else the caller calls md_scenes_tick. */
MdScenes *md_scenes_new(MdStore *store, const MdClock *clock, const MdLogger *logger);
void md_scenes_free(MdScenes *scenes);
void md_scenes_put(MdScenes *scenes, const char *room, const char *text /* NULL: it is over */);
/* As it stood before the restart, until somebody puts how it stands now. New; NULL: none that is fresh. */
char *md_scenes_find(const MdScenes *scenes, const char *room);
/* Each minute: rooms that run are seen; what nobody has come back to for too long goes. */
void md_scenes_tick(MdScenes *scenes);
