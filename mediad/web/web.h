/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/core/clock.h"
#include "mediad/core/log.h"
#include "mediad/leg/call.h"
#include "mediad/web/frame.h"

/* Browsers in calls: the join protocol "mediad.join.1" over WebSockets that somebody else holds. It knows neither rooms nor HTTP: who may
 * come in is decided by the hooks, and each that came in is an MdCall with info.browser. Control thread.
 *
 * A peer is one connection. A seat is what stays when the connection breaks: its call lives on for resume_s, and whoever then shows the
 * seat's token goes on with a new call on it (a reload, another network, a laptop that slept). */
typedef struct MdWeb MdWeb;
typedef struct MdWebPeer MdWebPeer;

typedef struct MdWebWire {           /* the connection, filled by who holds it */
    void (*send)(void *impl, const char *text);
    void (*close)(void *impl, unsigned code, const char *reason); /* impl is not used after this */
} MdWebWire;

/* Codes that a connection is closed with. */
#define MD_WEB_CLOSE_NORMAL 1000
#define MD_WEB_CLOSE_BAD 4400      /* too many messages that make no sense */
#define MD_WEB_CLOSE_REFUSED 4403  /* too many tries, or nobody may join now */
#define MD_WEB_CLOSE_LATE 4408     /* nothing was said for too long */
#define MD_WEB_CLOSE_REPLACED 4409 /* its seat went on by another connection */
#define MD_WEB_CLOSE_RATE 4429

typedef struct MdWebIdentity {       /* copied */
    const char *account;             /* signed in as, NULL: a guest */
    const char *host;                /* numeric address */
    const char *user_agent;
    bool secure;
    unsigned rights;                 /* of the account: not looked at here, for the hooks */
} MdWebIdentity;

typedef struct MdWebHello {          /* strings valid during the hook */
    const char *room, *name, *code, *pin; /* NULL: not said */
    const char *browser;             /* secret of this browser, MD_WEB_TOKEN_LEN characters: it shows the same when it comes again */
} MdWebHello;

typedef struct MdWebOptions {
    unsigned resume_s;               /* 0: 30 */
    unsigned hello_s;                /* to say who it is, and to make its first offer, 0: 60 */
    unsigned seats_max;              /* 0: 500 */
    /* Decide, now or later (md_web_peer_ref meanwhile), by md_web_ask, md_web_refuse or md_web_take. */
    void (*on_hello)(MdWebPeer *peer, const MdWebHello *hello, void *user);
    /* Whoever came by old goes on with call. True: it is so, and md_web_welcome was called; false: old's place is gone. */
    bool (*on_resume)(MdWebPeer *peer, MdCall *old, MdCall *call, bool keep_media, void *user);
    /* All that is neither signalling nor upkeep: mute, hand, chat … and "state". */
    void (*on_action)(MdWebPeer *peer, MdCall *call, const MdWebFrame *frame, void *user);
    void *user;
    const MdLogger *logger;
    const MdClock *clock;            /* NULL: system, and timers of its own. Else the owner calls md_web_tick */
} MdWebOptions;

MdWeb *md_web_new(const MdWebOptions *options);
void md_web_free(MdWeb *web); /* ends every call, closes every connection */
void md_web_tick(MdWeb *web);
unsigned md_web_seats(const MdWeb *web);
unsigned md_web_peers(const MdWeb *web);

/* --- the connection's side --- */
MdWebPeer *md_web_connect(MdWeb *web, const MdWebWire *wire, void *impl, const MdWebIdentity *identity); /* held by the connection */
void md_web_receive(MdWebPeer *peer, const char *text, size_t len); /* the connection may be closed in here */
/* It is gone; the peer is not to be used any more. for_good: nobody comes back (signed out): the call ends now. */
void md_web_disconnected(MdWebPeer *peer, bool for_good);

/* --- the decision --- */
MdWebPeer *md_web_peer_ref(MdWebPeer *peer);
void md_web_peer_unref(MdWebPeer *peer);
bool md_web_peer_is_open(const MdWebPeer *peer);
const MdWebIdentity *md_web_peer_identity(const MdWebPeer *peer);
void md_web_ask(MdWebPeer *peer, const char *what /* "pin", "name" */, const char *message);
/* {"type":"error"}: it may try again, not for ever. */
void md_web_refuse(MdWebPeer *peer, const char *code, const char *message);
typedef struct MdWebSeatSpec {       /* copied */
    const char *room, *name, *account; /* account NULL: a guest */
    bool authenticated;
    MdSecurity security;
} MdWebSeatSpec;
/* It may come: its call, to be handed to a room. A reference for the caller. NULL: no seat is free, and it was told. A call that is
 * rejected before md_web_welcome is a refusal like md_web_refuse. */
MdCall *md_web_take(MdWebPeer *peer, const MdWebSeatSpec *spec);
/* {"type":"welcome","resume":…} and what is in welcome (taken). */
void md_web_welcome(MdWebPeer *peer, JsonObject *welcome);

/* --- telling --- */
/* A message to the browser of a call; nothing when it is away (it asks for the state when it comes back). object: borrowed. */
void md_web_tell(MdWeb *web, const MdCall *call, JsonObject *object);
void md_web_tell_error(MdWebPeer *peer, const char *code, const char *message);
/* {"type":"event","event":type,"data":data} to the browsers of that room, made once for each view of it and the same bytes for all who
 * have that view. data: a JSON object. view: what a call's browser may see; it may tell that browser something else first. */
typedef enum MdWebView { MD_WEB_VIEW_NONE, MD_WEB_VIEW_SITE /* without "uri" and "account" */, MD_WEB_VIEW_STAFF, MD_WEB_VIEW_MAX } MdWebView;
typedef MdWebView (*MdWebViewFn)(MdCall *call, void *user);
void md_web_share(MdWeb *web, const char *room, const char *type, const char *data, MdWebViewFn view, void *user);
/* Calls fn for each live seat of that room; fn may end calls. */
void md_web_each(MdWeb *web, const char *room, void (*fn)(MdCall *call, void *user), void *user);
