/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"
#include "broadcast/ear.h"
#include <math.h>
#include <string.h>
#include <unistd.h>
#include "broadcast/link/live-ask.h"
#include "broadcast/proof.h"
#include "mediad/rtp/packet.h"
#include "mediad/transport/srtp.h"
#include "mediad/transport/udp.h"
#include "tests/fixtures/province.h"

/* Devices that are told and report by themselves, on a clock turned by hand: a reach that writes down what it was asked. */
#define S ((int64_t)1000000)
#define T0 (1795384800 * S) /* 2026-11-23 05:00 in Hà Tĩnh */

typedef struct Rig {
    MdVirtualClock clock;
    MdWorker *worker;
    MdMailbox *control;
    char *dir;
    MdStore *store;
    BcBroadcast *b;
    MdDialer dialer;
    GString *told; /* "begin TITLE d1 d2;", "stop TITLE reason;" */
    BcReachSound sound;
    BcReachLive live; /* its strings below */
    char srtp[100], live_host[64], live_codec[16];
    unsigned tick;
    bool live_to_group;
    char *run; /* id of the run last begun */
    int group_fd;
    MdAddr group;
    BcTapFn tap_fn;
    void *tap_user;
} Rig;

int64_t rig_wall(Rig *rig);
void rig_open_room(Rig *rig);
void rig_close_room(Rig *rig);
void rig_init(Rig *rig);
void rig_clear(Rig *rig);
void rig_run_for(Rig *rig, int64_t us);
void rig_check_told(Rig *rig, const char *expected);
char *rig_play(Rig *rig, const BcPlayOptions *from);
BcReachNews rig_news(const char *announcement, const char *device, BcReachState state, int64_t at_us);
void rig_set_quiet(Rig *rig, const char *area, unsigned from_s, unsigned to_s);
void rig_on_area_stopped(unsigned stopped, const GError *error, void *user);
