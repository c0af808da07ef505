/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* Shared by the files of this folder only. Everything runs on the control thread. */
#include <libsoup/soup.h>
#include "mediad/api/api.h"
#include "mediad/api/json.h"

#define MD_API_PREFIX "/api/v1"
#define MD_API_BODY_DEFAULT (64 * 1024)
#define MD_API_SEGMENTS_MAX 10
#define MD_API_UPLOAD_PREFIX "upload-"
#define MD_API_UPLOADS_MAX 4 /* at one time: each may fill the disk to its limit */

typedef struct MdApiGuard MdApiGuard;
typedef struct MdApiPasswords MdApiPasswords;
typedef struct MdApiSessions MdApiSessions;
typedef struct MdApiEvents MdApiEvents;
typedef struct MdApiSockets MdApiSockets;

typedef struct Route {
    const MdApiRoute *spec;
    void *user;
    char **segments;
    unsigned n_segments;
    MdSchema *request, *query, *response;
} Route;

typedef struct MdApiSession {
    char *hash; /* SHA-256 of the token, hex */
    char *user;
    char *area, *vendor;
    MdApiRole role;
    bool must_enrol;     /* may do nothing before it has a second factor */
    int64_t unlocked_us; /* wall: until then no one-time codes are asked for */
    int64_t expires_us, written_us; /* wall time; written_us: expiry as the store knows it */
} MdApiSession;

typedef struct MdApiCounters {
    uint64_t requests, errors_4xx, errors_5xx, refused_rate, refused_connections, sign_ins, sign_ins_failed, events,
        subscribers_dropped;
} MdApiCounters;

struct MdApi {
    MdLogger logger;
    const MdClock *clock;
    MdStore *store;
    SoupServer *soup;
    GPtrArray *listeners;
    GPtrArray *pending;         /* TLS connections before their handshake is over */
    GTlsCertificate *certificate;
    char *state_dir, *console_dir;
    unsigned *connections;      /* g_rc_box: connections may outlive us */
    GHashTable *by_source;      /* address -> connections open; the same */
    unsigned connections_per_source, connections_max, sessions_max, websockets_max, session_lifetime_s;
    GPtrArray *routes;          /* of Route* */
    const char *(*device_of)(MdApiRequest *request, void *user); /* the loudspeaker that asks, NULL: none, or it has no budget of its own */
    void *device_of_user;
    GArray *metrics, *ready;
    GArray *owned;
    GHashTable *requests;       /* set of the MdApiRequest* that live */
    MdApiGuard *guard;
    MdApiPasswords *passwords;
    MdApiSessions *sessions;
    MdApiEvents *events;
    MdApiSockets *sockets;      /* NULL: none */
    char *setup_code;
    char *openapi;              /* text, made on first demand, dropped when routes are added */
    MdApiAreaFn area_fn;
    void *area_user;
    MdApiAreaHoldsFn holds_fn;
    void *holds_user;
    /* By its role in the running meeting of that room (NULL: none): sets request->meeting_role. *ret_why (g_free): what is missing. */
    bool (*meeting_fn)(MdApiRequest *request, const char *room, int action, char **ret_why, void *user);
    const char *(*meeting_right)(int action);
    void *meeting_user;
    char **second_factor_roles, *issuer;
    guint8 *factor_key;         /* of the second factors' secrets; NULL: not read yet */
    MdApiCounters counters;
    gsize upload_max;
    unsigned uploads;           /* files on their way, or being worked on */
    bool closing;
};

struct MdApiRequest {
    int refs;
    MdApi *api;                 /* NULL: the api went first; an answer goes nowhere */
    SoupServerMessage *message;
    const Route *route;
    char *source;               /* numeric address */
    char *path;                 /* raw, without query */
    char *params[MD_API_SEGMENTS_MAX];
    GHashTable *query;
    char *user, *area, *vendor, *session; /* session: hash of the token */
    char *csrf;                 /* signed in by cookie: what its page shows as X-CSRF-Token */
    char *one_time_code;        /* to be checked before the handler runs */
    bool fresh;                 /* it was right, or the session is unlocked */
    MdApiRole role;
    int meeting_role;           /* MdRole by which it was let through, -1: by the account's own rights */
    bool confidential;          /* of its change the audit trail holds only that there was one */
    GByteArray *body;           /* JSON while it comes */
    gsize body_got, body_max;
    int body_fd;
    char *body_path;
    const char *content_type;
    JsonNode *json;
    char *audit_detail;
    MdApiStream *stream; /* the answer goes on */
    bool handed; /* the handler holds a reference until it replies */
    bool replied, paused, body_failed;
};

/* server.c: listeners */
bool md_api_listen(MdApi *api, const MdApiOptions *options, GError **error);
void md_api_unlisten(MdApi *api);
GPtrArray *md_api_new_listeners(void);
/* The TCP socket a request came by: borrowed, NULL when it is gone. */
GSocket *md_api_message_socket(SoupServerMessage *message);
bool md_api_message_is_encrypted(SoupServerMessage *message); /* did it come over TLS? */
/* certificate.c */
GTlsCertificate *md_api_certificate(const MdApiOptions *options, const MdLogger *logger, GError **error);

/* cookie.c: who sends this. The token (g_free) of the Authorization header, else of the browser's cookie; forged: a cookie on what may
 * change something, without the right X-CSRF-Token. */
char *md_api_credential_of(const MdApi *api, SoupServerMessage *message, bool *ret_cookie, bool *ret_forged);
/* The token of a WebSocket, of its header, its sub-protocol or, when a page of ours opened it, its cookie: g_free, NULL none. */
char *md_api_websocket_token(const MdApi *api, SoupServerMessage *message);
char *md_api_csrf_of(const char *token); /* what X-CSRF-Token must say: g_free */
void md_api_set_cookie(MdApiRequest *request, const char *token); /* NULL: the browser forgets it */

/* request.c */
void md_api_install_handlers(MdApi *api);
void md_api_security_headers(MdApi *api, SoupServerMessage *message, bool is_console);
char *md_api_source_of(SoupServerMessage *message);
/* The steps on its way: false, and it is answered. In this order: */
bool md_api_route_find(MdApiRequest *request, const char *method); /* route.c: sets route and params; else 404, or 405 with Allow */
bool md_api_request_sign_in(MdApiRequest *request);                /* access.c */
bool md_api_body_check_headers(MdApiRequest *request);             /* request-body.c, and the rest */
bool md_api_body_open(MdApiRequest *request);
void md_api_body_chunk(SoupServerMessage *message, GBytes *chunk, gpointer request); /* "got-chunk" */
bool md_api_check_query(MdApiRequest *request);
bool md_api_body_parse(MdApiRequest *request);
/* role.c: is somebody bound to own ("", the whole province) told of what is in areas? */
bool md_api_area_told(const MdApi *api, const char *own, MdApiTell tell, const char *areas);
/* NULL when an account of that role may be bound there, else why not. */
const char *md_api_role_bind(const MdApi *api, MdApiRole role, const char *area, const char *vendor);

/* second-factor.c, second-factor-code.c, second-factor-secret.c: before the body comes: what is missing is told at once. */
bool md_api_second_factor_early(MdApiRequest *request, const MdApiSession *session);
/* Checks request->one_time_code; go runs when it is right, else the request is answered. */
void md_api_second_factor_check(MdApiRequest *request, void (*go)(MdApiRequest *request));
typedef enum MdFactorResult { MD_FACTOR_RIGHT, MD_FACTOR_WRONG, MD_FACTOR_NONE, MD_FACTOR_WAIT, MD_FACTOR_FAILED } MdFactorResult;
/* error: for FAILED. fn runs now or after the use of the code is durable. */
typedef void (*MdFactorFn)(MdApiRequest *request, MdFactorResult result, const GError *error, gpointer data);
void md_api_factor_verify(MdApiRequest *request, const char *user, const char *code, MdFactorFn fn, gpointer data);
void md_api_factor_refuse(MdApiRequest *request, const char *user, MdFactorResult result, const GError *error);
bool md_api_factor_enrolled(MdApi *api, const char *user);
bool md_api_factor_required(const MdApi *api, MdApiRole role);
void md_api_second_factor_routes(MdApi *api);
MdApiRequest *md_api_request_ref(MdApiRequest *request);
void md_api_request_unref(MdApiRequest *request);

/* stream.c */
void md_api_stream_finished(MdApiRequest *request);
void md_api_stream_close(MdApiStream *stream);

/* guard.c: budgets per source and account */
MdApiGuard *md_api_guard_new(unsigned requests_per_s);
void md_api_guard_free(MdApiGuard *guard);
bool md_api_guard_request(MdApiGuard *guard, const char *source, int64_t now_us);
bool md_api_same_source(const char *a, const char *b); /* as budgets count them */
bool md_api_guard_device(MdApiGuard *guard, const char *device, int64_t now_us); /* a loudspeaker that is known by its token */
/* Seconds to wait before the next try, 0: go on. */
unsigned md_api_guard_sign_in_wait(MdApiGuard *guard, const char *source, const char *account, int64_t now_us);
void md_api_guard_sign_in_result(MdApiGuard *guard, const char *source, const char *account, bool ok, int64_t now_us);
/* One-time codes: few tries, long waits, for they are short. */
unsigned md_api_guard_code_wait(MdApiGuard *guard, const char *account, int64_t now_us);
void md_api_guard_code_result(MdApiGuard *guard, const char *account, bool ok, int64_t now_us);

/* password.c: Argon2id on its own threads */
MdApiPasswords *md_api_passwords_new(void);
void md_api_passwords_free(MdApiPasswords *passwords);
typedef void (*MdPasswordFn)(bool ok, const char *hash, gpointer user);
/* hash NULL: the account does not exist; it takes the same time and fails. False: too many are waiting. */
bool md_api_password_verify(MdApiPasswords *passwords, const char *password, const char *hash, MdPasswordFn fn,
                            gpointer user);
bool md_api_password_hash(MdApiPasswords *passwords, const char *password, MdPasswordFn fn, gpointer user);

/* session.c */
MdApiSessions *md_api_sessions_new(MdApi *api, GError **error);
void md_api_sessions_free(MdApiSessions *sessions);
/* The live session of a bearer token, prolonged by this use; NULL: none. */
const MdApiSession *md_api_session_find(MdApi *api, const char *token);
bool md_api_session_alive(MdApi *api, const char *hash);
/* Its one-time code was right: it may do without for a while. enrolled: and has a second factor from now on. Returns until when. */
int64_t md_api_session_unlock(MdApi *api, const char *hash);
MdApiSession *md_api_session_by_hash(MdApi *api, const char *hash);
void md_api_sessions_drop_user(MdApi *api, const char *user); /* memory; the table goes with the user's write */
unsigned md_api_sessions_count(const MdApi *api);
void md_api_session_routes(MdApi *api);

/* user.c */
bool md_api_users_setup(MdApi *api, GError **error); /* makes the set-up code when there is nobody */
void md_api_user_routes(MdApi *api);
typedef struct MdApiUser {
    char *name, *area, *vendor, *hash;
    MdApiRole role;
    bool disabled, enrolled; /* enrolled: has a second factor */
} MdApiUser;
char *md_api_new_code(void); /* 80 random bits, for people to type */
MdApiUser *md_api_user_load(MdDb *db, const char *name, GError **error); /* NULL without error: nobody */
void md_api_user_free(MdApiUser *user);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdApiUser, md_api_user_free)

/* audit.c */
void md_api_audit_routes(MdApi *api);
/* One row more, inside the transaction that does what it tells. */
bool md_audit_write(MdDb *db, int64_t time_us, const char *who, const char *source, const char *what, const char *detail, int64_t status, GError **error);

/* events.c */
MdApiEvents *md_api_events_new(MdApi *api);
void md_api_events_free(MdApiEvents *events);
unsigned md_api_events_count(const MdApi *api);
void md_api_events_recheck(MdApi *api); /* closes those whose session has ended, sockets too */

/* socket.c */
void md_api_sockets_end(MdApi *api);
void md_api_sockets_describe(MdApi *api, JsonObject *paths); /* into the OpenAPI document */
void md_api_sockets_free(MdApiSockets *sockets);
void md_api_sockets_recheck(MdApi *api);

/* openapi.c, metrics.c, console.c */
const char *md_api_openapi(MdApi *api);
void md_api_health_handlers(MdApi *api);
void md_api_console_handler(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                            gpointer user);
