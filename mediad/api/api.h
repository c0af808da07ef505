/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include "mediad/core/clock.h"
#include "mediad/core/log.h"
#include "mediad/store/store.h"

/* HTTPS: requests in, events out. Control thread. Every route is declared once, with what the OpenAPI document says of it. */
typedef struct MdApi MdApi;
typedef struct MdApiRequest MdApiRequest;

/* The first five are in order; the others are sets of rights of their own (role.c), which a route without rights takes for viewers. */
typedef enum MdApiRole {
    MD_API_ANYBODY, MD_API_VIEWER, MD_API_BROADCASTER, MD_API_OPERATOR, MD_API_ADMIN,
    MD_API_PROVINCIAL_EDITOR, MD_API_PROVINCIAL_APPROVER, MD_API_COMMUNE_EDITOR, MD_API_COMMUNE_APPROVER, MD_API_AUDITOR,
    MD_API_VENDOR, MD_API_ROLE_MAX
} MdApiRole;

/* What an account may do; a role is a set of these. A route names those it needs (all of them), else its least role decides. */
typedef enum MdApiRight {
    MD_API_MAY_VIEW = 1 << 0,      /* see what is in the account's area */
    MD_API_MAY_EDIT = 1 << 1,      /* write bulletins and programmes */
    MD_API_MAY_APPROVE = 1 << 2,   /* approve or return them, publish, decide conflicts */
    MD_API_MAY_AIR = 1 << 3,       /* play now, live, stop */
    MD_API_MAY_ALERT = 1 << 4,     /* emergencies, drills, stop-all */
    MD_API_MAY_DEVICES = 1 << 5,   /* change loudspeakers and boards, command them */
    MD_API_MAY_AUDIT = 1 << 6,     /* read the audit trail and every report */
    MD_API_MAY_PEOPLE = 1 << 7,    /* accounts, areas, settings of an area */
    MD_API_MAY_OPERATE = 1 << 8,   /* conferences, SIP, exchange links */
    MD_API_MAY_VENDOR = 1 << 9,    /* its own make's devices only */
} MdApiRight;

typedef void (*MdApiHandler)(MdApiRequest *request, void *user);
typedef struct MdApiRoute {
    const char *method;          /* "GET" … */
    const char *path;            /* under /api/v1: "/rooms/{room}/members/{member}/mute" */
    MdApiRole role;              /* least role that may call */
    MdApiHandler handler;
    const char *summary;         /* one English sentence */
    const char *request_schema;  /* JSON Schema of the body, NULL: none. The body is checked against it before the handler runs */
    const char *response_schema; /* JSON Schema of the 2xx body, NULL: none */
    gsize body_max;              /* bytes, 0: 64 KiB; bodies above are refused with 413. raw bodies: see md_api_request_body_file */
    bool raw_body;               /* not JSON: streamed to a temporary file */
    bool text_body;              /* not JSON: kept in memory as it comes, see md_api_request_body_text */
    const char *query_schema;    /* JSON Schema (object) of the query parameters, NULL: any, undocumented. Checked like a body */
    bool province;               /* concerns everybody: not for accounts bound to an area */
    const char *response_type;   /* of the 2xx body, NULL: application/json */
    unsigned rights;             /* MdApiRight bits, all needed; 0: role decides */
    bool second_factor;          /* a fresh one-time code, in the header X-One-Time-Code, must come with it, or have been given to
                                    POST /session/second-factor by this session within MD_API_UNLOCKED_S */
    int in_meeting;              /* MD_API_IN_MEETING(MdAction): also for whoever's role in the running meeting of {room} lets it, wherever its account
                                    is bound; 0: not. The handler asks whatever depends on the request (md_api_room_lets) */
    const char *(*meeting_room)(const MdApiRequest *request, void *user); /* whose meeting, where the path has no {room}; NULL answered: none */
    int refusal_status;          /* a refusal that holds more than "error", 0: none; and the JSON Schema of what is beside it */
    const char *refusal_schema;
    bool vendor;                 /* also for accounts of a vendor: the handler shows them their own devices (md_api_request_vendor) */
} MdApiRoute;
#define MD_API_UNLOCKED_S 300
#define MD_API_IN_MEETING(action) (1 + (int)(action))
/* "anybody", "viewer", "broadcaster", "operator", "admin", "provincial-editor", "provincial-approver", "commune-editor",
 * "commune-approver", "auditor", "vendor" */
const char *md_api_role_to_string(MdApiRole role);
MdApiRole md_api_role_from_string(const char *name); /* MD_API_ROLE_MAX: unknown */
unsigned md_api_role_rights(MdApiRole role);         /* MdApiRight bits */
char *md_api_rights_to_string(unsigned rights);      /* "view,edit": g_free */
/* Does the role come to this route? (Where, is decided by area.) */
bool md_api_role_may(MdApiRole role, const MdApiRoute *route);

/* Where an area lies, for binding accounts: told by whoever knows the areas; without, every code is taken for one below. */
typedef enum MdApiAreaPlace { MD_API_AREA_UNKNOWN, MD_API_AREA_ROOT, MD_API_AREA_BELOW } MdApiAreaPlace;
typedef MdApiAreaPlace (*MdApiAreaFn)(const char *code, void *user);
void md_api_set_area_lookup(MdApi *api, MdApiAreaFn fn, void *user);
/* Is inner the area itself or somewhere below it? Told by the same; without, an area holds itself alone. */
typedef bool (*MdApiAreaHoldsFn)(const char *area, const char *inner, void *user);
void md_api_set_area_tree(MdApi *api, MdApiAreaHoldsFn fn, void *user);
/* user is handed to the handlers. Routes are static data and are kept by reference. A schema that does not parse ends the program. */
void md_api_add_routes(MdApi *api, const MdApiRoute *routes, unsigned n, void *user);

const char *md_api_request_param(const MdApiRequest *request, const char *name); /* path parameter, percent-decoded */
const char *md_api_request_query(const MdApiRequest *request, const char *name); /* NULL: absent */
JsonObject *md_api_request_body(const MdApiRequest *request);
/* text_body: the bytes, and a NUL beyond them; valid until the reply. */
const char *md_api_request_body_text(const MdApiRequest *request, gsize *ret_len);
const char *md_api_request_body_file(const MdApiRequest *request, const char **ret_content_type); /* raw_body; deleted after the reply */
const char *md_api_request_user(const MdApiRequest *request); /* signed-in account name, NULL: anybody */
MdApiRole md_api_request_role(const MdApiRequest *request);
unsigned md_api_request_rights(const MdApiRequest *request); /* MdApiRight bits of the account */
const char *md_api_request_area(const MdApiRequest *request); /* area the account may work in, "" the whole province */
/* Does the area lie in the account's? NULL, "": the whole province does in no other. */
bool md_api_request_sees(const MdApiRequest *request, const char *area);
/* Does one of these (comma-separated) lie in the account's area, or the account's in it? What the whole province is told of concerns everybody. */
bool md_api_request_concerned(const MdApiRequest *request, const char *areas);
const char *md_api_request_vendor(const MdApiRequest *request); /* of a vendor's account: whose devices it may see; else NULL */
/* A one-time code came with the request and was right, or its session is unlocked: for handlers that want a second factor only in
 * some cases (an emergency, many loudspeakers at once). require: answers 403 and returns false when not. */
bool md_api_request_fresh(const MdApiRequest *request);
bool md_api_require_fresh(MdApiRequest *request);
/* Has the account all these rights? Answers 403 and returns false when not. */
bool md_api_require_rights(MdApiRequest *request, unsigned rights);
MdApi *md_api_request_api(const MdApiRequest *request);
/* A handler replies exactly once, now or later (the request is kept until then). Takes node (NULL: 204). */
void md_api_reply(MdApiRequest *request, int status, JsonNode *node);
void md_api_reply_text(MdApiRequest *request, int status, const char *content_type, const char *text);
/* 200 and a page to print that brings its own style and loads nothing else. */
void md_api_reply_page(MdApiRequest *request, const char *html);
/* A whole file; byte ranges and If-None-Match are answered. etag (without quotes) may be NULL. 404 when it cannot be opened. */
void md_api_reply_file(MdApiRequest *request, const char *path, const char *content_type, const char *etag);
/* 200 and a body without end: bytes go out as they are written. closed (may be NULL) runs once when the other side is gone, is too slow, or the
 * API stops; the stream is invalid then. NULL: it is gone already (closed is not called). */
typedef struct MdApiStream MdApiStream;
MdApiStream *md_api_reply_stream(MdApiRequest *request, const char *content_type, void (*closed)(void *user), void *user);
/* false: the other side takes too little, it is being cut off. */
bool md_api_stream_write(MdApiStream *stream, GBytes *bytes);
void md_api_stream_end(MdApiStream *stream); /* closed is not called; invalid after this */
/* A header of the answer to come; after this the usual ones that say the same are gone. */
void md_api_request_set_header(MdApiRequest *request, const char *name, const char *value);
/* Was it let through by the account's role in the running meeting, not by its own rights? */
bool md_api_request_by_meeting(const MdApiRequest *request);
/* Of what it changes only that it changed something in its {room} goes into the audit trail. */
void md_api_request_keep_secret(MdApiRequest *request);
const char *md_api_request_source(const MdApiRequest *request); /* numeric address of the other side */
const char *md_api_request_header(const MdApiRequest *request, const char *name); /* NULL: absent, or the other side is gone */
void md_api_reply_bytes(MdApiRequest *request, int status, const char *content_type, GBytes *bytes /* borrowed */);
/* Answers under another place of the server as well: routes "/listen/…" then also without /api/v1. */
void md_api_add_place(MdApi *api, const char *prefix);
/* {"error": {"code": "room-not-found", "message": "…what…", "hint": "…how to mend it…"}} */
void md_api_reply_error(MdApiRequest *request, int status, const char *code, const char *message, const char *hint);
/* A failed store write: constraint 409, full 507, else 500. NULL error: 500. */
void md_api_reply_store_error(MdApiRequest *request, const GError *error);

/* To every /api/v1/events subscriber allowed to see it: {"type":…, "time":…, "data":{…}}. Slow subscribers are dropped, not waited for.
 * Accounts of a vendor get none. */
typedef enum MdApiTell {
    MD_API_TELL_EVERYBODY, /* every account that may view */
    MD_API_TELL_CONCERNED, /* whose area has one of areas in it, or lies in one of them; "": everybody */
    MD_API_TELL_WITHIN,    /* in whose area one of areas lies; "": only those of the whole province */
} MdApiTell;
void md_api_publish_to(MdApi *api, const char *type, JsonNode *data /* taken */, MdApiTell tell, const char *areas /* comma-separated, NULL: "" */);
void md_api_publish(MdApi *api, const char *type, JsonNode *data /* taken */); /* to everybody */
void md_api_publish_text(MdApi *api, const char *type, const char *data /* a JSON object, written already */); /* to everybody */

/* Text in Prometheus exposition format is asked of every source on GET /metrics. */
typedef void (*MdApiMetricsFn)(GString *out, void *user);
void md_api_add_metrics(MdApi *api, MdApiMetricsFn fn, void *user);
/* Not ready while any check returns a reason (g_free'd). */
typedef char *(*MdApiReadyFn)(void *user);
void md_api_add_ready_check(MdApi *api, MdApiReadyFn fn, void *user);
/* Ready all the same, but the reason is told: "degraded: …". */
void md_api_add_degraded_check(MdApi *api, MdApiReadyFn fn, void *user);

typedef struct MdApiOptions {
    const char *const *listen;   /* "0.0.0.0:8443", "[::]:8443" (IPv6 alone); "http://" or "https://" before it says which, else
                                    allow_http decides for loopback addresses */
    const char *tls_certificate, *tls_key; /* PEM paths; NULL: a self-signed pair is made in state_dir */
    bool allow_http;             /* plain HTTP, loopback only */
    const char *console_dir;     /* static files for /, NULL none */
    const char *state_dir;
    unsigned sessions_max, websockets_max;
    unsigned session_lifetime_s;
    const MdLogger *logger;
    const MdClock *clock;        /* NULL: system; wall time decides when sessions end */
    unsigned connections_max;    /* 0: 2000 */
    unsigned connections_per_source; /* from one address, 0: a quarter of connections_max */
    gsize upload_max_bytes;      /* raw bodies, below their route's own limit; 0: that */
    unsigned requests_per_s;     /* from one source, 0: 100; bursts up to four times that */
    const char *const *second_factor_roles; /* accounts of these roles can do nothing before they have a second factor; NULL none */
    const char *issuer;          /* what a phone's application shows beside the account; NULL: "mediad" */
} MdApiOptions;
MdApi *md_api_new(const MdApiOptions *options, MdStore *store, GError **error);
void md_api_free(MdApi *api);
/* Something that lives as long as the api: freed (last come, first gone) when it goes. */
void md_api_own(MdApi *api, gpointer data, GDestroyNotify free_data);
MdStore *md_api_store(const MdApi *api);
const MdLogger *md_api_logger(const MdApi *api);
/* The port really bound for listen[i] (tests use port 0). */
unsigned md_api_port(const MdApi *api, unsigned i);
extern const MdMigration md_api_migrations[];
extern const unsigned md_api_n_migrations;

/* The one-time set-up code while nobody has an account, else NULL. It is also in the log and in state_dir/setup-code. */
const char *md_api_setup_code(const MdApi *api);

/* Audit trail: every request that changes something, by itself; other events may be added. Rows are chained by SHA-256, so that a
 * changed or removed row shows. done (may be NULL) runs after the row is durable, or was refused by the store. */
void md_audit_append(MdApi *api, const char *who, const char *source, const char *what, const char *detail, int status,
                     void (*done)(bool ok, gpointer user), gpointer user);
/* What was asked for, without its secrets (passwords, codes, what comes after the host in an address: keys of streams). */
char *md_api_audit_detail(JsonNode *body);
/* Takes an account's second factor, recovery codes and sessions away, with a row of the audit trail that names who: for the machine itself,
 * without an API. Blocks. CONSTRAINT: no such account, or it has none. */
bool md_api_reset_second_factor(MdStore *store, const char *user, const char *who, int64_t wall_us, GError **error);
/* Reads the whole chain: false with the first bad row named. ret_rows may be NULL. */
bool md_audit_verify(MdDb *db, int64_t *ret_rows, GError **error);
/* The same; head (g_free, may be NULL) is the hash of the last row, "" none. Whoever noted an earlier one sees when rows were cut off the end. */
bool md_audit_verify_to(MdDb *db, int64_t *ret_rows, char **ret_head, GError **error);
