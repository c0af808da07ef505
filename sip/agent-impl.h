/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/floors.h"
#include "sip/session.h"
#include <gio/gio.h>
#include "mediad/core/mailbox.h"
#include "sip/registrar.h"

/* Inside of the agent; only the agent*.c files include this. */
typedef struct SgAgentSip {          /* SIP thread only */
    SgTransport *transport;
    SgTxs *txs;
    SgSessions *sessions;
    SgAuth *auth;
    SgLocation *location;
    SgRegistrar *registrar;
    SgFloors *floors;                /* NULL: no floor control */
    GHashTable *lines;               /* id → SgLine */
    uint64_t next_line;              /* odd: ours; control numbers its calls evenly */
    GQueue dials;                    /* waiting for their turn */
    SgTimer dial_timer, sweep_timer, dirty_timer, drain_timer, post_timer;
    double dial_credit;
    int64_t dial_last_us, drain_until_us;
    bool draining, farewell;         /* farewell: every call is over, only their BYEs are not answered yet */
    unsigned calls_in, guests;       /* guests: of these, from people who did not sign in */
    GQueue unsent;                   /* events the mailbox had no room for */
} SgAgentSip;

typedef struct SgAgentControl {      /* control thread only */
    GMainContext *context;
    GSource *mail_source;
    GHashTable *calls;               /* id → SgControlCall */
    GHashTable *registrations;       /* account → GPtrArray of SgBindingRecord */
    uint64_t next_call;
    void (*drained)(void *user);
    void *drained_user;
    MdDialer dialer;                 /* see dialer_agent() */
    GCancellable *resolving;
} SgAgentControl;

struct SgAgent {
    /* immutable once started */
    char *domain, *advertised_host;
    char **aliases;
    GPtrArray *addresses;            /* of char*: this machine's, taken for our own */
    SgListener *listeners;
    uint16_t *ports;
    uint16_t floor_port;
    unsigned n_listeners;
    SgTrunk *trunks;
    unsigned n_trunks;
    SgAgentOptions options;          /* numbers, callbacks and objects; its strings are not ours */
    MdLogger logger;
    SgLoop *loop;
    SgGuard *guard;
    MdMailbox *mailbox;
    SgStats stats;
    SgAgentSip sip;
    SgAgentControl control;
};

/* --- SIP thread → control --- */
typedef enum SgEventKind {
    SG_EVENT_INCOMING, SG_EVENT_SDP, SG_EVENT_RINGING, SG_EVENT_ESTABLISHED, SG_EVENT_CLOSED, SG_EVENT_DTMF, SG_EVENT_KEY_FRAME,
    SG_EVENT_CONTENT,
    SG_EVENT_BINDINGS, SG_EVENT_NOTICE, SG_EVENT_DRAINED,
} SgEventKind;

typedef struct SgEvent {
    SgEventKind kind;
    SgAgent *agent;
    uint64_t call;
    int code;                        /* status, digit, or 1 for an offer */
    unsigned duration_ms;
    char *text, *text2;              /* SDP, reason; account and detail */
    MdCallInfo *info;
    GPtrArray *records;
} SgEvent;
void sg_event_free(SgEvent *event);
/* SIP thread. Takes event. */
void sg_agent_post(SgAgent *agent, SgEvent *event);

/* --- control → SIP thread --- */
typedef enum SgCommandKind {
    SG_COMMAND_PROGRESS, SG_COMMAND_ANSWER, SG_COMMAND_REJECT, SG_COMMAND_HANGUP, SG_COMMAND_OFFER, SG_COMMAND_KEY_FRAME,
    SG_COMMAND_FLOOR, SG_COMMAND_CONTENT,
    SG_COMMAND_DIAL, SG_COMMAND_UNREGISTER, SG_COMMAND_DRAIN, SG_COMMAND_SNAPSHOT,
} SgCommandKind;

typedef struct SgCommand {
    SgCommandKind kind;
    SgAgent *agent;
    uint64_t call;
    int code;
    char *text, *sdp;                /* reason or account */
    SgSnapshot *snapshot;
    struct SgDialOrder *order;
    MdCallFloor *floor;              /* NULL: no more */
} SgCommand;

typedef struct SgDialOrder {         /* a dial on its way; owns its strings */
    uint64_t call;
    char *account;                   /* all its bindings, or else: */
    char *uri, *route, *verify_host;
    SgTransportKind transport;
    struct sa address;
    char *from, *to, *contact_user, *sdp, *headers, *username, *password;
    unsigned ring_timeout_ms;
} SgDialOrder;
void sg_dial_order_free(SgDialOrder *order);
/* Control thread. Takes everything in command. */
void sg_agent_command(SgAgent *agent, SgCommand command);

/* agent-calls.c, SIP thread */
void sg_agent_run_command(void *data); /* SgCommand*, freed */
void sg_agent_incoming(SgAgent *agent, const struct sip_msg *msg, const SgFlow *flow, const SgCredential *account, bool trusted);
void sg_agent_lines_free(SgAgent *agent);
void sg_agent_floor_wish(uint64_t call, bool wanted, void *agent);
/* agent-control.c, control thread */
void sg_agent_control_init(SgAgent *agent);
void sg_agent_control_clear(SgAgent *agent);
void sg_agent_on_event(SgEvent *event);
void sg_agent_tell(SgAgent *agent, const char *type, const char *account, const char *detail);
typedef struct SgControlCall {
    SgAgent *agent;     /* closes every call before it goes */
    uint64_t id;
    MdCall *call;       /* our reference until the call has closed */
    bool answered, closed;
} SgControlCall;
SgControlCall *sg_control_call_new(SgAgent *agent, uint64_t id, MdCallInfo *info);
/* on_closed comes from the main loop, never from inside of md_call_hangup or md_call_reject. */
void sg_control_call_end(SgControlCall *call, int code, const char *reason);
/* agent-mirror.c, control thread */
void sg_agent_mirror(SgAgent *agent, const SgBindingRecord *record);
/* agent-dial.c, control thread */
void sg_agent_dialer_init(SgAgent *agent);
/* agent-store.c */
GPtrArray *sg_agent_load_bindings(SgAgent *agent, GError **error); /* of SgBindingRecord, control thread before the start */
void sg_agent_save_bindings(SgAgent *agent, GPtrArray *records /* ref taken */);
