/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/message.h"
#include <openssl/rand.h>

#define USER_AGENT "mediad/" MEDIAD_VERSION

static const struct {
    int code;
    const char *reason;
} reasons[] = {
    {100, "Trying"}, {180, "Ringing"}, {183, "Session Progress"}, {200, "OK"}, {202, "Accepted"},
    {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
    {407, "Proxy Authentication Required"}, {408, "Request Timeout"}, {413, "Request Entity Too Large"},
    {415, "Unsupported Media Type"}, {416, "Unsupported URI Scheme"}, {420, "Bad Extension"}, {421, "Extension Required"},
    {422, "Session Interval Too Small"}, {423, "Interval Too Brief"}, {480, "Temporarily Unavailable"},
    {481, "Call/Transaction Does Not Exist"}, {482, "Loop Detected"}, {486, "Busy Here"}, {487, "Request Terminated"},
    {488, "Not Acceptable Here"}, {489, "Bad Event"}, {491, "Request Pending"}, {500, "Server Internal Error"},
    {501, "Not Implemented"}, {503, "Service Unavailable"}, {504, "Server Time-out"}, {513, "Message Too Large"},
    {603, "Decline"}, {606, "Not Acceptable"},
};

const char *sg_reason(int code)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (reasons[i].code == code)
            return reasons[i].reason;
    return code < 200 ? "Progress" : code < 300 ? "OK" : "Failed";
}

const char *sg_transport_to_string(SgTransportKind kind)
{
    static const char *const names[] = {"udp", "tcp", "tls"};

    return kind >= 0 && kind < SG_TRANSPORT_MAX ? names[kind] : NULL;
}

SgTransportKind sg_transport_from_string(const char *name)
{
    for (int i = 0; name && i < SG_TRANSPORT_MAX; i++)
        if (g_ascii_strcasecmp(name, sg_transport_to_string(i)) == 0)
            return i;
    return SG_TRANSPORT_INVALID;
}

void sg_host(char *out, size_t size, const struct sa *sa, bool plain)
{
    char address[64] = "";

    sa_ntop(sa, address, sizeof(address));
    g_snprintf(out, size, sa_af(sa) == AF_INET6 && !plain ? "[%s]" : "%s", address);
}

void sg_host_port(char *out, size_t size, const struct sa *sa)
{
    char host[72];

    sg_host(host, sizeof(host), sa, false);
    g_snprintf(out, size, "%s:%u", host, sa_port(sa));
}

static void append_body(GString *out, const char *content_type, const char *body)
{
    size_t len = body ? strlen(body) : 0;

    if (len > 0 && content_type)
        g_string_append_printf(out, "Content-Type: %s\r\n", content_type);
    g_string_append_printf(out, "Content-Length: %zu\r\n\r\n", len);
    g_string_append_len(out, body ? body : "", (gssize)len);
}

void sg_write_request(GString *out, const SgRequest *request, SgTransportKind kind, const char *via_host, const char *branch)
{
    static const char *const upper[] = {"UDP", "TCP", "TLS"};

    g_string_append_printf(out, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s;rport\r\nMax-Forwards: 70\r\n", request->method,
                           request->uri, upper[kind], via_host, branch);
    g_string_append_printf(out, "%sFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %" PRIu32 " %s\r\n",
                           request->routes ? request->routes : "", request->from, request->to, request->call_id, request->cseq,
                           request->method);
    if (request->extra)
        g_string_append(out, request->extra);
    append_body(out, request->content_type, request->body);
}

/* The top Via with received and rport filled in. */
static void append_top_via(GString *out, const struct sip_hdr *hdr, const struct sip_msg *msg, const SgFlow *flow)
{
    const struct pl *params = &msg->via.params;
    const char *p = params->p, *end = params->p ? params->p + params->l : NULL;
    char host[72];

    g_string_append_len(out, "Via: ", 5);
    if (!p || p < hdr->val.p || p > hdr->val.p + hdr->val.l) {
        g_string_append_len(out, hdr->val.p, (gssize)hdr->val.l);
    } else {
        g_string_append_len(out, hdr->val.p, p - hdr->val.p);
        while (p < end) {
            const char *next = memchr(p + 1, ';', (size_t)(end - p - 1));
            size_t len = (size_t)((next ? next : end) - p);

            if (!(len >= 6 && strncasecmp(p, ";rport", 6) == 0 && (len == 6 || p[6] == '=')) &&
                !(len >= 10 && strncasecmp(p, ";received=", 10) == 0))
                g_string_append_len(out, p, (gssize)len);
            p += len;
        }
    }
    sg_host(host, sizeof(host), &flow->remote, true);
    g_string_append_printf(out, ";rport=%u;received=%s\r\n", sa_port(&flow->remote), host);
}

typedef struct ResponseContext {
    GString *out;
    const SgFlow *flow;
    bool first;
} ResponseContext;

static bool each_via(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
    ResponseContext *context = arg;

    if (context->first)
        append_top_via(context->out, hdr, msg, context->flow);
    else
        g_string_append_printf(context->out, "Via: %.*s\r\n", SG_PL(hdr->val));
    context->first = false;
    return false;
}

static bool each_record_route(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
    g_string_append_printf(((ResponseContext *)arg)->out, "Record-Route: %.*s\r\n", SG_PL(hdr->val));
    return false;
}

void sg_write_response(GString *out, const struct sip_msg *msg, const SgFlow *flow, int code, const char *reason,
                       const char *to_tag, const char *extra, const char *content_type, const char *body)
{
    ResponseContext context = {out, flow, true};

    g_string_append_printf(out, "SIP/2.0 %d %s\r\n", code, reason ? reason : sg_reason(code));
    sip_msg_hdr_apply(msg, true, SIP_HDR_VIA, each_via, &context);
    if (code > 100 && code < 300)
        sip_msg_hdr_apply(msg, true, SIP_HDR_RECORD_ROUTE, each_record_route, &context);
    g_string_append_printf(out, "From: %.*s\r\nTo: %.*s", SG_PL(msg->from.val), SG_PL(msg->to.val));
    if (to_tag && !pl_isset(&msg->to.tag))
        g_string_append_printf(out, ";tag=%s", to_tag);
    g_string_append_printf(out, "\r\nCall-ID: %.*s\r\nCSeq: %" PRIu32 " %.*s\r\nServer: " USER_AGENT "\r\n", SG_PL(msg->callid),
                           msg->cseq.num, SG_PL(msg->cseq.met));
    if (extra)
        g_string_append(out, extra);
    append_body(out, content_type, body);
}

void sg_response_address(struct sa *out, const struct sip_msg *msg, const SgFlow *flow)
{
    struct pl rport;

    *out = flow->remote;
    if (flow->kind == SG_UDP && !sg_param(&msg->via.params, "rport", &rport))
        sa_set_port(out, sa_port(&msg->via.addr) ? sa_port(&msg->via.addr) : SIP_PORT);
}

typedef struct TokenContext {
    const char *token;
    size_t len;
} TokenContext;

static bool each_token(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
    const TokenContext *want = arg;

    return hdr->val.l == want->len && strncasecmp(hdr->val.p, want->token, want->len) == 0;
}

bool sg_has_token(const struct sip_msg *msg, enum sip_hdrid id, const char *token)
{
    TokenContext want = {token, strlen(token)};

    return sip_msg_hdr_apply(msg, true, id, each_token, &want) != NULL;
}

bool sg_param(const struct pl *params, const char *name, struct pl *ret_value)
{
    const char *p = params->p, *end = p ? p + params->l : NULL;
    size_t len = strlen(name);

    while (p && p < end) {
        const char *stop;

        while (p < end && (*p == ';' || *p == ' ' || *p == '\t'))
            p++;
        stop = memchr(p, ';', (size_t)(end - p));
        if (!stop)
            stop = end;
        if ((size_t)(stop - p) >= len && strncasecmp(p, name, len) == 0 && (p + len == stop || p[len] == '=')) {
            ret_value->p = p + len == stop ? stop : p + len + 1;
            ret_value->l = (size_t)(stop - ret_value->p);
            return true;
        }
        p = stop;
    }
    return false;
}

bool sg_pl_u32(const struct pl *pl, uint32_t *ret_value)
{
    uint64_t value = 0;

    if (!pl->p || pl->l == 0 || pl->l > 10)
        return false;
    for (size_t i = 0; i < pl->l; i++) {
        if (pl->p[i] < '0' || pl->p[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(pl->p[i] - '0');
    }
    if (value > UINT32_MAX)
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

char *sg_pl_dup(const struct pl *pl)
{
    return g_strndup(pl->p ? pl->p : "", pl->p ? pl->l : 0);
}

char *sg_body_dup(const struct sip_msg *msg)
{
    size_t len = mbuf_get_left(msg->mb);

    return len == 0 ? NULL : g_strndup((const char *)mbuf_buf(msg->mb), len);
}

bool sg_is_line(const char *text, size_t max)
{
    size_t len = strcspn(text, "\r\n");

    return text[len] == '\0' && len <= max;
}

char *sg_display_name(const char *text)
{
    enum { BYTES_MAX = 128 }; /* some telephones drop longer lines */
    char *name = text ? g_utf8_make_valid(text, -1) : NULL;

    for (char *p = name; p && *p; p++) {
        if (*p == '"')
            *p = '\'';
        else if (*p == '\\')
            *p = '/';
        else if (*p == '<' || *p == '>' || (unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    }
    if (name && strlen(name) > BYTES_MAX)
        *g_utf8_find_prev_char(name, name + BYTES_MAX + 1) = '\0';
    return name;
}

void sg_random_hex(char *out, size_t n_bytes)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[32];

    g_assert(n_bytes <= sizeof(bytes));
    if (RAND_bytes(bytes, (int)n_bytes) != 1)
        g_error("no randomness from OpenSSL");
    for (size_t i = 0; i < n_bytes; i++) {
        out[i * 2] = digits[bytes[i] >> 4];
        out[i * 2 + 1] = digits[bytes[i] & 15];
    }
    out[n_bytes * 2] = '\0';
}

static bool copy_pl(char *out, size_t size, const struct pl *pl)
{
    if (pl->p && pl->l >= size)
        return false;
    g_snprintf(out, size, "%.*s", SG_PL(*pl));
    return true;
}

bool sg_uri_parse(SgUri *uri, const char *text)
{
    struct pl pl, transport;
    struct uri parsed;
    char name[8];

    memset(uri, 0, sizeof(*uri));
    uri->transport = SG_TRANSPORT_INVALID;
    if (!sg_is_line(text, 512) || strpbrk(text, " <>\"\t"))
        return false;
    pl_set_str(&pl, text);
    if (uri_decode(&parsed, &pl) || !pl_isset(&parsed.host))
        return false;
    uri->secure = pl_strcasecmp(&parsed.scheme, "sips") == 0;
    if (!uri->secure && pl_strcasecmp(&parsed.scheme, "sip") != 0)
        return false;
    if (!copy_pl(uri->user, sizeof(uri->user), &parsed.user) || !copy_pl(uri->host, sizeof(uri->host), &parsed.host))
        return false;
    uri->port = parsed.port;
    if (sg_param(&parsed.params, "transport", &transport)) {
        if (!copy_pl(name, sizeof(name), &transport))
            return false;
        uri->transport = sg_transport_from_string(name);
        if (uri->transport == SG_TRANSPORT_INVALID)
            return false;
    }
    if (uri->secure) {
        if (uri->transport == SG_UDP)
            return false;
        uri->transport = SG_TLS;
    }
    return true;
}

bool sg_uri_address(const SgUri *uri, struct sa *ret_address, SgTransportKind *ret_kind)
{
    SgTransportKind kind = uri->transport == SG_TRANSPORT_INVALID ? SG_UDP : uri->transport;
    uint16_t port = uri->port ? uri->port : kind == SG_TLS ? SIP_PORT_TLS : SIP_PORT;

    if (sa_set_str(ret_address, uri->host, port) != 0)
        return false;
    *ret_kind = kind;
    return true;
}
