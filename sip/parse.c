/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the bytes of one message to libre's parsed form, with the rules libre does not check. */
#include "sip/transport.h"

static bool is_token(const struct pl *pl)
{
    for (size_t i = 0; i < pl->l; i++)
        if (!g_ascii_isalnum(pl->p[i]) && !strchr("-.!%*_+`'~", pl->p[i]))
            return false;
    return pl->l > 0;
}

/* One line each: header injection through folded or odd values would reach our answers. */
static bool is_clean(const struct pl *pl)
{
    for (size_t i = 0; i < pl->l; i++)
        if ((unsigned char)pl->p[i] < ' ' && pl->p[i] != '\t')
            return false;
    return true;
}

static bool each_dirty(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
    return !is_clean(&hdr->val);
}

/* libre lets the number overflow. */
static bool cseq_ok(const struct sip_msg *msg)
{
    const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_CSEQ);
    struct pl digits = {hdr ? hdr->val.p : NULL, 0};
    uint32_t number;

    while (hdr && digits.l < hdr->val.l && g_ascii_isdigit(digits.p[digits.l]))
        digits.l++;
    while (digits.l > 1 && *digits.p == '0') {
        digits.p++;
        digits.l--;
    }
    return sg_pl_u32(&digits, &number) && number <= 0x7fffffff;
}

static bool headers_ok(const struct sip_msg *msg)
{
    static const enum sip_hdrid copied[] = {SIP_HDR_VIA, SIP_HDR_RECORD_ROUTE, SIP_HDR_PATH, SIP_HDR_CONTACT};

    if (!pl_isset(&msg->via.sentby) || msg->via.tp == SIP_TRANSP_NONE || !pl_isset(&msg->callid) || msg->callid.l > 256)
        return false;
    if (!pl_isset(&msg->from.auri) || !pl_isset(&msg->to.auri) || !pl_isset(&msg->cseq.met) || !cseq_ok(msg))
        return false;
    if (msg->from.tag.l > 128 || msg->to.tag.l > 128 || msg->via.branch.l > 256 || msg->from.val.l > 1024 || msg->to.val.l > 1024)
        return false;
    if (!is_clean(&msg->from.val) || !is_clean(&msg->to.val) || !is_clean(&msg->callid) || !is_clean(&msg->via.val))
        return false;
    for (unsigned i = 0; i < G_N_ELEMENTS(copied); i++)
        if (sip_msg_hdr_apply(msg, true, copied[i], each_dirty, NULL))
            return false;
    if (sip_msg_hdr_count(msg, SIP_HDR_VIA) > 32 || sip_msg_hdr_count(msg, SIP_HDR_RECORD_ROUTE) > 32 ||
        sip_msg_hdr_count(msg, SIP_HDR_CONTACT) > 64)
        return false;
    return !msg->req || (is_token(&msg->met) && msg->met.l <= 32 && pl_cmp(&msg->met, &msg->cseq.met) == 0);
}

struct sip_msg *sg_transport_parse(const char *data, size_t len, size_t max, SgGuardOffence *ret_offence)
{
    struct sip_msg *msg = NULL;
    struct mbuf *mb;
    uint32_t clen;

    *ret_offence = SG_OFFENCE_OVERSIZE;
    if (len > max)
        return NULL;
    *ret_offence = SG_OFFENCE_MALFORMED;
    mb = mbuf_alloc(len + 1);
    if (!mb)
        return NULL;
    mbuf_write_mem(mb, (const uint8_t *)data, len);
    mb->pos = 0;
    if (sip_msg_decode(&msg, mb)) {
        mem_deref(mb);
        return NULL;
    }
    mem_deref(mb); /* the message holds it */
    if (!headers_ok(msg)) {
        mem_deref(msg);
        return NULL;
    }
    if (msg->clen.p) {
        if (!sg_pl_u32(&msg->clen, &clen) || clen > mbuf_get_left(msg->mb)) {
            mem_deref(msg);
            return NULL;
        }
        msg->mb->end = msg->mb->pos + clen;
    }
    if (memchr(mbuf_buf(msg->mb), '\0', mbuf_get_left(msg->mb))) {
        mem_deref(msg);
        return NULL;
    }
    return msg;
}

bool sg_cidr_contains(const char *cidr, const struct sa *sa)
{
    const char *slash = strchr(cidr, '/');
    char host[64];
    struct sa net;
    uint8_t a[16], b[16];
    unsigned bits, max;

    g_strlcpy(host, cidr, MIN(sizeof(host), slash ? (size_t)(slash - cidr) + 1 : sizeof(host)));
    if (sa_set_str(&net, host, 0) || sa_af(&net) != sa_af(sa))
        return false;
    if (sa_af(sa) == AF_INET) {
        uint32_t x = g_htonl(sa_in(&net)), y = g_htonl(sa_in(sa));

        memcpy(a, &x, 4);
        memcpy(b, &y, 4);
        max = 32;
    } else {
        sa_in6(&net, a);
        sa_in6(sa, b);
        max = 128;
    }
    bits = slash ? (unsigned)g_ascii_strtoull(slash + 1, NULL, 10) : max;
    if (bits > max)
        return false;
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8)) == 0;
}
