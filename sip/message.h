/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/re-api.h"
#include <glib.h>
#include "sip/sip.h"

/* Writing messages and reading what libre's parser leaves to us. Thread: any (pure). */

/* The way a message came, or goes: a datagram socket (by listener) or a connection (by id). A plain value. */
typedef struct SgFlow {
    SgTransportKind kind;
    unsigned listener;  /* whose socket; UINT_MAX for connections we opened */
    uint64_t conn;      /* 0: a datagram, or a connection yet to be made */
    struct sa remote;
    struct sa local;
} SgFlow;

typedef struct SgRequest {   /* all text without CR or LF at the ends; nothing is checked here */
    const char *method;
    const char *uri;
    const char *routes;      /* "Route: …\r\n" lines, NULL none */
    const char *from, *to, *call_id;
    uint32_t cseq;
    const char *extra;       /* further header lines, each ending in CRLF, NULL none */
    const char *content_type;
    const char *body;        /* NULL none */
} SgRequest;

/* One request: start line, our Via, everything of request. via_host: "192.0.2.1:5060". */
void sg_write_request(GString *out, const SgRequest *request, SgTransportKind kind, const char *via_host, const char *branch);
/* A response to msg. to_tag is added when the To has none (NULL: never). extra: header lines with CRLF. */
void sg_write_response(GString *out, const struct sip_msg *msg, const SgFlow *flow, int code, const char *reason,
                       const char *to_tag, const char *extra, const char *content_type, const char *body);
const char *sg_reason(int code);

/* "192.0.2.1:5060", "[2001:db8::1]:5060" */
void sg_host_port(char *out, size_t size, const struct sa *sa);
/* "192.0.2.1", "[2001:db8::1]" as in a URI; without brackets when plain */
void sg_host(char *out, size_t size, const struct sa *sa, bool plain);
/* Sender's address as the response must go (RFC 3261 18.2.2, RFC 3581). */
void sg_response_address(struct sa *out, const struct sip_msg *msg, const SgFlow *flow);

/* Does a token list header (Supported, Require, Allow …) hold this token? */
bool sg_has_token(const struct sip_msg *msg, enum sip_hdrid id, const char *token);
/* Value of ;name=value in a parameter string; false when absent. A flag parameter gives an empty value. */
bool sg_param(const struct pl *params, const char *name, struct pl *ret_value);
/* Digits only, at most 10 of them, no overflow: false otherwise. */
bool sg_pl_u32(const struct pl *pl, uint32_t *ret_value);
char *sg_pl_dup(const struct pl *pl);
/* Body as text, NULL when empty; g_free. */
char *sg_body_dup(const struct sip_msg *msg);
/* No CR, LF or NUL inside, not longer than max: fit to be put into a header line. */
bool sg_is_line(const char *text, size_t max);
/* Free text as the quoted display name of an address (RFC 3261, 25.1): what cannot stand there is replaced, what is too long is cut
 * between two characters. g_free; NULL for NULL. */
char *sg_display_name(const char *text);
/* Random hexadecimal text of n bytes of randomness. */
void sg_random_hex(char *out, size_t n_bytes);

/* A SIP or SIPS URI of ours to dial, taken apart; copies. */
typedef struct SgUri {
    bool secure;                 /* sips: */
    char user[SG_ACCOUNT_NAME_MAX * 3 + 1];
    char host[256];              /* without brackets */
    uint16_t port;               /* 0: none given */
    SgTransportKind transport;   /* INVALID: not given */
} SgUri;
bool sg_uri_parse(SgUri *uri, const char *text);
/* Numeric host with the port (default by transport); false when the host is a name. */
bool sg_uri_address(const SgUri *uri, struct sa *ret_address, SgTransportKind *ret_kind);
