/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/core/bucket.h"
#include "mediad/web/web.h"

typedef struct Seat Seat;

struct MdWebPeer {
    int refs;
    MdWeb *web;                      /* NULL: it went first */
    MdWebWire wire;
    void *impl;                      /* NULL: closed */
    MdWebIdentity identity;
    Seat *seat;                      /* NULL: not in */
    char *browser;                   /* token of this browser */
    bool deciding;                   /* a hello waits for its answer */
    unsigned tries, faults, ice_errors;
    int64_t deadline_us;             /* says hello until then */
    MdBucket bucket;
};

struct Seat {
    MdWeb *web;                      /* NULL: ended */
    MdCall *call;                    /* a reference while the seat stands */
    MdWebPeer *peer;                 /* NULL: away */
    char *token;
    bool welcomed, answered, offered;
    int64_t deadline_us;             /* 0: none. Away: back until then; else: the first offer until then */
};

struct MdWeb {
    MdWebOptions options;
    MdLogger logger;
    const MdClock *clock;
    GPtrArray *peers;                /* MdWebPeer*, one reference each */
    GHashTable *seats;               /* token → Seat */
    GHashTable *calls;               /* MdCall → Seat */
    uint64_t next_call;
    guint timer;
};

int64_t md_web_now_us(const MdWeb *web);
/* Sends {"type":type, …}; object (may be NULL) is changed and given back its reference. */
void md_web_peer_send(MdWebPeer *peer, const char *type, JsonObject *object /* taken */);
void md_web_peer_close(MdWebPeer *peer, unsigned code, const char *reason);

/* seat.c */
Seat *md_web_seat_new(MdWebPeer *peer, const MdWebSeatSpec *spec);
/* The call ends: code as SIP's, told to the browser unless it is gone. */
void md_web_seat_end(Seat *seat, int code, const char *reason);
/* The same browser sits elsewhere now. */
void md_web_seat_replaced(Seat *seat);
/* Its browser's connection broke. */
void md_web_seat_away(Seat *seat);
/* The seat goes on by peer with a new call. False: its place is gone, and so is the seat. */
bool md_web_seat_resume(Seat *seat, MdWebPeer *peer, bool keep_media);
