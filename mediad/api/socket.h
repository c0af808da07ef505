/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/api/api.h"

/* A WebSocket beside the routes, for a room of the house that speaks a protocol of its own over it. Control thread.
 * Who it is, is known before the first message: the session of the console's cookie (from pages of the same origin only), of an
 * Authorization header, or of the sub-protocol "mediad.token.TOKEN". Text frames only. A socket that does not answer pings or reads too
 * slowly, or whose session ends, is closed. */
typedef struct MdApiSocket MdApiSocket;

typedef struct MdApiSocketPlace {    /* static data, kept by reference */
    const char *path;                /* under /api/v1: "/join" */
    const char *protocol;            /* sub-protocol: "mediad.join.1" */
    const char *summary;             /* for the OpenAPI document: a sentence that ends with a full stop */
    bool guests;                     /* also without a session; else refused with 401 */
    unsigned connections_max;        /* 0: 500; above: 503 */
    unsigned per_source_max;         /* from one address (IPv6: one /64), 0: 100; above: 429. An office may be behind one */
    unsigned silent_s;               /* one that answers no ping for so long is closed, 0: 50. Set before the place is added */
    gsize message_max;               /* bytes of a message, 0: 64 KiB; a larger one closes the socket at once */
    gsize backlog_max;               /* bytes given while the other side reads nothing, 0: 1 MiB */
    void (*on_open)(MdApiSocket *socket, void *user);
    void (*on_text)(MdApiSocket *socket, const char *text, gsize len, void *user); /* valid UTF-8 */
    /* It is closed, by the other side or by us; signed_out: because its session ended. The socket is gone after this. Not called after
     * md_api_socket_close. */
    void (*on_closed)(MdApiSocket *socket, bool signed_out, void *user);
} MdApiSocketPlace;

/* What comes is refused while the API closes. Handshakes count against the source's request budget. */
void md_api_add_socket(MdApi *api, const MdApiSocketPlace *place, void *user);
/* The handshake as an operation of an OpenAPI document's "paths". */
void md_api_openapi_socket(JsonObject *paths, const MdApiSocketPlace *place);
/* Closes every socket of the place (1001) and refuses new ones: before user goes. on_closed is called for each. */
void md_api_end_sockets(MdApi *api, const MdApiSocketPlace *place);

void md_api_socket_send(MdApiSocket *socket, const char *text);
/* code: 1000, or 4000..4999 of the protocol. The socket is invalid after this. */
void md_api_socket_close(MdApiSocket *socket, unsigned code, const char *reason);
void md_api_socket_set_data(MdApiSocket *socket, void *data);
void *md_api_socket_data(const MdApiSocket *socket);
/* Valid as long as the socket. */
const char *md_api_socket_user(const MdApiSocket *socket);   /* signed-in account, NULL: a guest */
unsigned md_api_socket_rights(const MdApiSocket *socket);    /* MdApiRight bits, 0: a guest */
const char *md_api_socket_area(const MdApiSocket *socket);   /* "" the whole province; a guest: "" */
const char *md_api_socket_source(const MdApiSocket *socket); /* numeric address */
const char *md_api_socket_agent(const MdApiSocket *socket);  /* User-Agent, may be "" */
bool md_api_socket_secure(const MdApiSocket *socket);        /* over TLS */
