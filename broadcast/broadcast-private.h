/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/airing.h"
#include "broadcast/broadcast.h"
#include "broadcast/live.h"
#include "broadcast/planner.h"

/* Inside the broadcast only: broadcast.c puts its parts together, broadcast-play.c begins and ends what is asked for now,
 * broadcast-schedule.c takes what is asked for later. */
struct BcBroadcast {
    BcBroadcastOptions o;
    char *timezone;
    BcTapOps tap;
    char **live_hosts, **relay_hosts;
    MdLogger logger;
    BcTimers *timers;
    BcAreas *areas;
    BcDevices *devices;
    BcContents *contents;
    BcSchedules *schedules;
    BcPlayLog *play_log;
    BcStage *stage;
    BcPlanner *planner;
    GArray *listeners; /* of Listener */
    BcContentCheckFn content_check;
    void *content_check_user;
    BcSlots *slots;
    BcHolidays *holidays;
    BcQuiet *quiet_hours;
    BcHalts *halts;
    bool quiet;
    unsigned pending; /* live sources and writes that call back */
};

/* Everybody who listens, on control. */
void bc_broadcast_tell(BcBroadcast *broadcast, const char *type, const BcRun *run);
/* At least one, and all of them exist. */
bool bc_broadcast_areas_known(BcBroadcast *broadcast, const char *const *areas, GError **error);
/* After a restart: an airing from a stream goes on. False: it does not, and the log says why. */
bool bc_broadcast_live_again(BcBroadcast *broadcast, const BcAiring *airing);
