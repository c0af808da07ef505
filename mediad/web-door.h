/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/conference/pin-guard.h"
#include "mediad/daemon.h"
#include "mediad/web/web.h"

/* What the files about browsers share: start-web.c, web-act.c. */
typedef struct MdWebDoor {
    MdDaemon *daemon;
    MdWeb *web;
    MdPinGuard *codes;     /* wrong join codes by source */
    char *turn_secret;
} MdWebDoor;

/* {"type":"act"}: does it in the member's name and answers. */
void md_web_act(MdDaemon *daemon, MdCall *call, MdRoom *room, const char *member, const MdWebFrame *frame);
