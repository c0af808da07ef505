/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/re-api.h"
#include <glib.h>
#include "mediad/leg/call.h"

/* Floor control for content (RFC 8855): the server's side of every call that agreed on it. Each call is a conference of its own with
 * one user and one floor; who really presents is decided elsewhere. Pure: no socket, no clock. One thread. */
typedef struct SgBfcp SgBfcp;

typedef struct SgBfcpPath {          /* where a message came from and answers go */
    bool stream;                     /* TCP: no retransmission, no acknowledgements */
    uint64_t conn;                   /* TCP: the connection */
    struct sa address;
} SgBfcpPath;

typedef struct SgBfcpOptions {
    void (*send)(const SgBfcpPath *path, const uint8_t *data, size_t len, void *user);
    /* The user wants the floor, or gives it back (lost it, is gone). Answered by sg_bfcp_content. */
    void (*on_request)(uint64_t call, bool wanted, void *user);
    unsigned sessions_max;           /* 0: 2000 */
    void *user;
} SgBfcpOptions;
SgBfcp *sg_bfcp_new(const SgBfcpOptions *options);
void sg_bfcp_free(SgBfcp *bfcp);

/* A call agreed on floor control (again): messages of that conference and user are taken from peer's host (any port: devices sit
 * behind address translation; the first one is kept until another proves itself by a right message). False: too many. */
bool sg_bfcp_open(SgBfcp *bfcp, uint64_t call, const MdCallFloor *floor, const struct sa *peer, const struct sa *signalling);
void sg_bfcp_close(SgBfcp *bfcp, uint64_t call);
unsigned sg_bfcp_sessions(const SgBfcp *bfcp);
/* What has become of its wish, or of somebody else's. */
void sg_bfcp_content(SgBfcp *bfcp, uint64_t call, MdCallContent state, const char *reason, int64_t now_us);
/* One message: a datagram, or what sg_bfcp_message_len has cut out of a stream. */
void sg_bfcp_receive(SgBfcp *bfcp, const SgBfcpPath *from, const uint8_t *data, size_t len, int64_t now_us);
/* A connection is gone. */
void sg_bfcp_path_closed(SgBfcp *bfcp, uint64_t conn);
/* Does some call speak over it? */
bool sg_bfcp_uses(const SgBfcp *bfcp, uint64_t conn);
/* When sg_bfcp_tick has to run next; INT64_MAX: never. */
int64_t sg_bfcp_due_us(const SgBfcp *bfcp);
void sg_bfcp_tick(SgBfcp *bfcp, int64_t now_us);

#define SG_BFCP_MESSAGE_MAX 1024     /* far more than any message we take */
/* Length of the message that begins here; 0: more bytes are needed; -1: no BFCP, or too long. */
int sg_bfcp_message_len(const uint8_t *data, size_t len);
