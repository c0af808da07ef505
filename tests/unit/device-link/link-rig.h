/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/device-link/manifests.h"
#include "broadcast/device-link/reach.h"
#include "broadcast/proof.h"
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include "tests/fixtures/province.h"

/* What the link is told of announcements and plans, and what comes back, with a link that only writes down. */
#define S ((int64_t)1000000)
#define T0 (1795384800 * S) /* 2026-11-23 05:00 in Hà Tĩnh */

struct BcDeviceLink { /* the fake */
    GString *log;         /* "alert ID d1 d2;", "manifest d1;", "receipt d1 7;" */
    char *manifest;       /* text of the last one */
    BcLinkCommand command;
    char *command_text, *command_id;
    BcDeviceLinkListener listeners[4];
    unsigned n_listeners;
    bool broken;
    unsigned items_max;   /* more do not fit into one message, 0: as many as there are */
    const char *state_of;
    BcLinkState state;
    int64_t sent_us;      /* real time of the last command */
};

typedef struct Rig {
    MdVirtualClock clock;
    MdWorker *worker;
    MdMailbox *control;
    char *dir;
    MdStore *store;
    BcBroadcast *b;
    MdDialer dialer;
    BcDeviceLink link;
    BcMedia *media;
    BcLinkReach *reach;
    BcManifests *manifests;
} Rig;

int64_t rig_wall(Rig *rig);
void rig_open_room(Rig *rig);
void rig_close_room(Rig *rig);
/* A sound that the loudspeakers can fetch; its id, new. */
char *rig_add_content(Rig *rig);
void rig_init(Rig *rig);
void rig_clear(Rig *rig);
void rig_check_link(Rig *rig, const char *expected);
char *rig_play(Rig *rig, const BcPlayOptions *from);
/* Everything that waits for the store has come back. */
void rig_settle_store(Rig *rig);
char *rig_schedule(Rig *rig, const char *content, const char *start);
void rig_run_settled(Rig *rig, int64_t us);
void rig_online_with(Rig *rig, const char *device, int64_t manifest_version);
void rig_online(Rig *rig, const char *device);
