/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>
#include "mediad/core/media.h"
#include "mediad/transport/addr.h"

/* One signalling dialog with one remote party, whatever the protocol (SIP now, a browser's WebSocket next).
 * Implemented by sip/ (and later api/), used by conference/ and broadcast/. Control thread only. Counted: found by id.
 * It carries session descriptions as text; media lives in MdLeg. */
typedef struct MdCall MdCall;

#define MD_CALL_STREAMS_MAX 6

typedef enum MdCallDirection { MD_CALL_IN, MD_CALL_OUT } MdCallDirection;

typedef struct MdCallInfo {          /* strings owned by the call, valid while it lives */
    char *id;                        /* unique in this process, safe in a URL */
    MdCallDirection direction;
    char *from_uri;                  /* remote party as it calls itself */
    char *from_display;              /* may be "" */
    char *account;                   /* our account it authenticated as, or NULL */
    char *to_user;                   /* user part asked for ("giao-ban", "echo") */
    char *to_host;
    char *peer_host;                 /* numeric address signalling comes from: media may be latched to it when authenticated */
    char *user_agent;                /* may be "" */
    char *seat;                      /* a browser that shows this again is the same one (a hash of its secret); NULL: none */
    bool authenticated;              /* digest, TLS client certificate or trusted trunk */
    bool secure;                     /* signalling over TLS */
    MdSecurity security;             /* media policy of the account or listener */
    bool browser;                    /* media by ICE, BUNDLE and DTLS-SRTP: legs are made in browser mode */
} MdCallInfo;

typedef enum MdSdpKind { MD_SDP_OFFER, MD_SDP_ANSWER } MdSdpKind;

typedef struct MdCallHandler {
    /* Remote description. OFFER: reply with md_call_send_answer (or md_call_reject when not yet established).
     * An incoming INVITE without a body (late offer) comes as sdp == NULL: reply with md_call_send_answer(call, OUR OFFER);
     * the ANSWER then arrives with the ACK. */
    void (*on_sdp)(MdCall *call, MdSdpKind kind, const char *sdp, void *user);
    void (*on_ringing)(MdCall *call, int code, void *user);                 /* outgoing: 180, 183 */
    void (*on_established)(MdCall *call, void *user);
    /* Last event. code: SIP status (200 for a normal BYE); reason: short English text. The handler is gone afterwards. */
    void (*on_closed)(MdCall *call, int code, const char *reason, void *user);
    void (*on_dtmf)(MdCall *call, char digit, unsigned duration_ms, void *user); /* SIP INFO; RFC 4733 comes from the leg */
    void (*on_key_frame_request)(MdCall *call, void *user);                 /* SIP INFO, RFC 5168 */
    /* The peer wants to present (slides, a screen), or no longer. Answer with md_call_content. */
    void (*on_content_request)(MdCall *call, bool wanted, void *user);
    /* A candidate of the peer's (browsers, RFC 8840): for md_leg_add_candidate. "" = no more. */
    void (*on_candidate)(MdCall *call, const char *mid, const char *line, void *user);
    /* Its signalling broke off and may come back (true), or it is there again. Media may go on meanwhile. */
    void (*on_away)(MdCall *call, bool away, void *user);
} MdCallHandler;

/* Who presents, as seen by one party. */
typedef enum MdCallContent {
    MD_CALL_CONTENT_FREE,    /* nobody */
    MD_CALL_CONTENT_TAKEN,   /* somebody else */
    MD_CALL_CONTENT_YOURS,   /* this one: it was granted what it asked for */
    MD_CALL_CONTENT_REFUSED, /* it asked in vain; who presents has not changed */
} MdCallContent;

/* What a browser gets on its lines for others' pictures, and how much of the composed picture beside them. */
typedef enum MdCallComposed { MD_CALL_COMPOSED_FULL, MD_CALL_COMPOSED_SMALL, MD_CALL_COMPOSED_OFF } MdCallComposed;
typedef enum MdCallStreamsWhy { /* nobody is forwarded for … */
    MD_CALL_STREAMS_FINE,    /* no such reason */
    MD_CALL_STREAMS_LINE,    /* its network did not carry them */
    MD_CALL_STREAMS_LIMIT,   /* the room's lines are all in use */
} MdCallStreamsWhy;
typedef struct MdCallStreams {
    MdCallComposed composed;
    MdCallStreamsWhy why;
    unsigned n;
    struct {
        const char *mid, *member; /* member: id, NULL nobody */
        bool main;               /* who has the floor or speaks */
    } lines[MD_CALL_STREAMS_MAX];
} MdCallStreams;

/* Floor control by BFCP (RFC 8855, 8856) as the descriptions agreed on it: we are the server. */
typedef struct MdCallFloor {
    bool stream;                 /* TCP, else UDP */
    uint32_t conference;         /* of this call alone: random */
    uint16_t user, floor;
    MdAddr peer;                 /* as described */
} MdCallFloor;

typedef struct MdCallOps {           /* filled by the signalling protocol; all on the control thread */
    void (*progress)(void *impl, int code, const char *reason, const char *sdp);
    void (*send_answer)(void *impl, const char *sdp);
    void (*reject)(void *impl, int code, const char *reason);
    void (*hangup)(void *impl, const char *reason);
    void (*send_offer)(void *impl, const char *sdp);          /* re-INVITE */
    void (*request_key_frame)(void *impl);                    /* INFO picture_fast_update */
    void (*free_impl)(void *impl);
    void (*send_candidate)(void *impl, const char *mid, const char *line); /* browsers; NULL elsewhere */
    void (*restart_path)(void *impl);                         /* browsers; NULL elsewhere */
    void (*open_floor)(void *impl, const MdCallFloor *floor);              /* NULL: the signalling knows no BFCP */
    void (*content)(void *impl, MdCallContent state, const char *reason);  /* NULL: the peer is not told */
    void (*streams)(void *impl, const MdCallStreams *streams);             /* the same */
} MdCallOps;

/* sip/ side. Takes the strings of info (g_free'd with the call). Returns refs 1. */
MdCall *md_call_new(const MdCallOps *ops, void *impl, MdCallInfo *info);
MdCall *md_call_ref(MdCall *call);
void md_call_unref(MdCall *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdCall, md_call_unref)
/* sip/ side: forward an event to the handler (no-ops without one). */
void md_call_emit_sdp(MdCall *call, MdSdpKind kind, const char *sdp);
void md_call_emit_ringing(MdCall *call, int code);
void md_call_emit_established(MdCall *call);
void md_call_emit_closed(MdCall *call, int code, const char *reason);
void md_call_emit_dtmf(MdCall *call, char digit, unsigned duration_ms);
void md_call_emit_key_frame_request(MdCall *call);
void md_call_emit_candidate(MdCall *call, const char *mid, const char *line);
void md_call_emit_away(MdCall *call, bool away);
void md_call_emit_content_request(MdCall *call, bool wanted);

/* user side */
const MdCallInfo *md_call_info(const MdCall *call);
void md_call_set_handler(MdCall *call, const MdCallHandler *handler, void *user); /* NULL detaches */
void *md_call_user(const MdCall *call, const MdCallHandler *handler); /* as set with that handler; NULL: it has another one, or none */
bool md_call_is_closed(const MdCall *call);
void md_call_progress(MdCall *call, int code, const char *reason, const char *sdp);
void md_call_send_answer(MdCall *call, const char *sdp);
void md_call_reject(MdCall *call, int code, const char *reason);
void md_call_hangup(MdCall *call, const char *reason);
void md_call_send_offer(MdCall *call, const char *sdp);
void md_call_request_key_frame(MdCall *call);
/* A candidate of ours (MdLegConfig.on_candidate), "" = no more. Does nothing where the signalling has no trickle. */
void md_call_send_candidate(MdCall *call, const char *mid, const char *line);
/* The way to its media is lost (MD_LEG_PATH_LOST): the browser is asked for an offer with an ICE restart. Does nothing elsewhere, nor
 * while its signalling is away: it restarts when that comes back. */
void md_call_restart_path(MdCall *call);
/* After the descriptions agreed on BFCP (md_leg_floor), again after each change; NULL: no more. */
void md_call_open_floor(MdCall *call, const MdCallFloor *floor);
/* Who presents now, or that a request is refused; reason: short English text, may be NULL. */
void md_call_content(MdCall *call, MdCallContent state, const char *reason);

/* What its lines for others' pictures show now (browsers; nothing elsewhere). */
void md_call_streams(MdCall *call, const MdCallStreams *streams);

/* Who rings somebody. Installed by main, implemented by sip/. */
typedef struct MdDialRequest {
    const char *target;          /* account name, or a sip:/sips: URI */
    const char *from_user;       /* user part we call from ("giao-ban"); NULL: "mediad" */
    const char *from_display;    /* may be NULL */
    const char *sdp;             /* our offer */
    const char *const *headers;  /* NULL-terminated "Name: value" lines to add, or NULL */
    const char *trunk;           /* configured trunk whose credentials to use, or NULL */
    bool secure_only;            /* over TLS or not at all */
    unsigned ring_timeout_ms;    /* then CANCEL and on_closed(408); 0: 60000 */
} MdDialRequest;

typedef struct MdDialer MdDialer;
struct MdDialer {
    /* A new call with refs 1 for the caller, or NULL and an error (not registered, no such trunk, bad URI). */
    MdCall *(*dial)(MdDialer *dialer, const MdDialRequest *request, const MdCallHandler *handler, void *user, GError **error);
    /* Does the account have a live binding? */
    bool (*is_registered)(MdDialer *dialer, const char *account);
    /* Our numeric address towards that account or URI, for the c= line ("192.0.2.1", "2001:db8::1"); NULL unknown. g_free. */
    char *(*local_host_for)(MdDialer *dialer, const char *target);
};

/* Asked for every new incoming call; installed by main. Takes over the decision: sets a handler or rejects. */
typedef void (*MdCallRouterFn)(MdCall *call, void *user);
