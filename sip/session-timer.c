/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Session timers, RFC 4028. */
#include "sip/session-impl.h"

static bool read_se(const struct sip_msg *msg, uint32_t *ret_s, struct pl *ret_refresher)
{
    const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_SESSION_EXPIRES);
    struct pl seconds, params;
    const char *semicolon;

    *ret_refresher = (struct pl)PL_INIT;
    if (!hdr)
        return false;
    semicolon = memchr(hdr->val.p, ';', hdr->val.l);
    seconds = (struct pl){hdr->val.p, semicolon ? (size_t)(semicolon - hdr->val.p) : hdr->val.l};
    while (seconds.l > 0 && seconds.p[seconds.l - 1] == ' ')
        seconds.l--;
    if (!sg_pl_u32(&seconds, ret_s) || *ret_s == 0)
        return false;
    if (semicolon) {
        params = (struct pl){semicolon, (size_t)(hdr->val.p + hdr->val.l - semicolon)};
        sg_param(&params, "refresher", ret_refresher);
    }
    return true;
}

/* 422 for an interval below our minimum. */
bool sg_session_timer_check(SgSession *session, const struct sip_msg *msg, const SgFlow *flow)
{
    const SgSessionsOptions *options = &session->sessions->options;
    struct pl refresher;
    char extra[64];
    uint32_t s;

    if (!read_se(msg, &s, &refresher) || s >= options->min_se_s || !sg_has_token(msg, SIP_HDR_SUPPORTED, "timer"))
        return true;
    g_snprintf(extra, sizeof(extra), "Min-SE: %u\r\n", options->min_se_s);
    sg_reply(options->txs, msg, flow, 422, NULL, extra);
    return false;
}

/* What will hold once we say 2xx to this INVITE or UPDATE. */
void sg_session_timer_from_request(SgSession *session, const struct sip_msg *msg)
{
    const SgSessionsOptions *options = &session->sessions->options;
    bool supports = sg_has_token(msg, SIP_HDR_SUPPORTED, "timer");
    struct pl refresher;
    uint32_t s, min_se = 0;
    const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_MIN_SE);

    session->peer_update = sg_has_token(msg, SIP_HDR_ALLOW, "UPDATE") || session->peer_update;
    if (hdr)
        sg_pl_u32(&hdr->val, &min_se);
    if (read_se(msg, &s, &refresher)) {
        session->se_s = MAX(s, options->min_se_s);
        /* a proxy may ask for the timer when the device knows nothing of it: then we refresh */
        session->we_refresh = !supports || (pl_isset(&refresher) && pl_strcasecmp(&refresher, "uas") == 0);
    } else {
        session->se_s = MAX(options->session_expires_s, MAX(min_se, options->min_se_s));
        session->we_refresh = true;
    }
    session->se_s = MIN(session->se_s, 86400);
}

void sg_session_timer_from_response(SgSession *session, const struct sip_msg *msg)
{
    struct pl refresher;
    uint32_t s;

    session->peer_update = sg_has_token(msg, SIP_HDR_ALLOW, "UPDATE") || session->peer_update;
    if (read_se(msg, &s, &refresher)) {
        session->se_s = CLAMP(s, 32, 86400);
        session->we_refresh = pl_strcasecmp(&refresher, "uas") != 0;
    } else {
        session->se_s = session->ask_se_s; /* it does not do timers: we still look whether it is there */
        session->we_refresh = true;
    }
}

void sg_session_timer_headers(const SgSession *session, GString *extra, bool response, const struct sip_msg *msg)
{
    if (!response) {
        bool again = session->state == SG_SESSION_CONFIRMED;

        g_string_append_printf(extra, "Supported: timer\r\nSession-Expires: %u%s\r\nMin-SE: %u\r\n", again ? session->se_s : session->ask_se_s,
                               !again ? "" : session->we_refresh ? ";refresher=uac" : ";refresher=uas", session->ask_min_se_s);
        return;
    }
    if (!sg_has_token(msg, SIP_HDR_SUPPORTED, "timer"))
        return;
    g_string_append_printf(extra, "Session-Expires: %u;refresher=%s\r\n%s", session->se_s, session->we_refresh ? "uas" : "uac",
                           session->we_refresh ? "" : "Require: timer\r\n");
}

static void on_refresh(void *data)
{
    SgSession *session = data;

    if (session->ctx || session->stx || session->ok_tx || session->ack_due_seq) /* any exchange refreshes; look again soon */
        sg_timer_start(session->sessions->options.loop, &session->se_timer, 5 * G_USEC_PER_SEC, on_refresh, session);
    else
        sg_session_out_offer(session, NULL, true);
}

static void on_expired(void *data)
{
    SgSession *session = data;

    md_stat_add(&session->sessions->options.stats->session_timeouts, 1);
    sg_session_bye(session, "session timer expired");
    sg_session_close(session, 408, "session timer expired");
}

void sg_session_timer_start(SgSession *session)
{
    int64_t interval = (int64_t)session->se_s * G_USEC_PER_SEC;
    int64_t margin = MIN(32 * G_USEC_PER_SEC, interval / 3);

    if (session->se_s == 0)
        return;
    if (session->we_refresh)
        sg_timer_start(session->sessions->options.loop, &session->se_timer, interval / 2, on_refresh, session);
    else
        sg_timer_start(session->sessions->options.loop, &session->se_timer, interval - margin, on_expired, session);
}
