/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/leg/leg-private.h"

/* An agreement on its way to the worker: made whole on control (keys set up, nothing left to allocate), taken
 * over by the worker in one step between two callbacks; what it replaces is freed there and then. */
typedef struct LegPlan {
    MdLeg *leg;
    MdAgreed agreed;
    struct {
        bool rekey_send, rekey_receive; /* else the running contexts go on */
        MdSrtp *send, *receive;
        LegDtls *dtls; /* a reference */
    } media[MD_LEG_MEDIA_MAX];
    LegVideo *content; /* the line is new: NULL else */
    MdPortPair content_ports;
    LegVideo *streams[MD_LEG_STREAMS_MAX]; /* as content */
} LegPlan;

static void free_plan(LegPlan *plan)
{
    if (!plan)
        return;
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++) {
        md_srtp_free(plan->media[m].send);
        md_srtp_free(plan->media[m].receive);
        leg_dtls_unref(plan->media[m].dtls);
    }
    OPENSSL_cleanse(plan, sizeof *plan);
    free(plan);
}

/* A key that stays keeps its context, and with it the rollover counter (RFC 4568, 7.1.4). */
static bool plan_sdes(LegPlan *plan, unsigned m, const MdAgreedMedia *before, GError **error)
{
    const MdAgreedMedia *now = &plan->agreed.media[m];
    bool was = before->active && before->security == MD_AGREED_SDES;
    plan->media[m].rekey_send = !was || !md_srtp_key_equal(&before->local_key, &now->local_key);
    plan->media[m].rekey_receive = !was || !md_srtp_key_equal(&before->remote_key, &now->remote_key);
    if (plan->media[m].rekey_send)
        plan->media[m].send = md_srtp_new(MD_SRTP_SEND, &now->local_key);
    if (plan->media[m].rekey_receive)
        plan->media[m].receive = md_srtp_new(MD_SRTP_RECEIVE, &now->remote_key);
    if ((plan->media[m].rekey_send && !plan->media[m].send) ||
        (plan->media[m].rekey_receive && !plan->media[m].receive)) {
        g_set_error_literal(error, MD_LEG_ERROR, MD_LEG_ERROR_RESOURCES, "SRTP cannot be set up");
        return false;
    }
    return true;
}

/* *ret_dtls: the association from now on; it replaces leg->dtls[m] when the plan is on its way. */
static bool plan_media(LegPlan *plan, unsigned m, LegDtls **ret_dtls, GError **error)
{
    MdLeg *leg = plan->leg;
    const MdAgreedMedia *now = &plan->agreed.media[m], *before = &leg->applied.media[m];
    *ret_dtls = NULL;
    if (leg->browser && m > 0) /* on the carrier's keys */
        return true;
    for (unsigned other = 1; leg->browser && !now->active && other < MD_LEG_MEDIA_MAX; other++)
        now = &plan->agreed.media[other];
    if (!now->active || now->security == MD_AGREED_PLAIN) {
        plan->media[m].rekey_send = plan->media[m].rekey_receive = true;
        return true;
    }
    if (now->security == MD_AGREED_SDES)
        return plan_sdes(plan, m, before, error);
    if (!(*ret_dtls = leg_dtls_prepare(leg, m, now, error)))
        return false;
    plan->media[m].dtls = leg_dtls_ref(*ret_dtls);
    if (leg->dtls[m] != *ret_dtls) /* a new association: no keys until it is through */
        plan->media[m].rekey_send = plan->media[m].rekey_receive = true;
    return true;
}

/* ---- worker ---- */

static void set_part(LegPart *part, const MdAddr *described, const MdAddr *described_before)
{
    /* The same description again (session refresh, hold, codec) keeps what was learnt. */
    if (part->latched && md_addr_equal(described, described_before))
        return;
    part->remote = *described;
    part->latched = false;
}

static void apply_media(MdLeg *leg, unsigned m, LegPlan *plan, int64_t now_us)
{
    LegMedia *media = &leg->media[m];
    MdAgreedMedia before = media->agreed;
    const MdAgreedMedia *now = &plan->agreed.media[m];
    bool same_host = before.active && now->active &&
                     (md_addr_host_equal(&before.remote, &now->remote) || now->direction == 0 ||
                      md_addr_is_any(&now->remote));
    media->agreed = *now;
    if (leg->browser && before.active && !now->active)
        leg_bundle_forget(leg, m);
    /* What comes on a line that was away is no rival of what came before. */
    if (now->active && !before.active)
        md_stream_bye(&media->stream, media->stream.ssrc);
    if (!leg->browser && now->active && !(same_host && md_addr_is_any(&now->remote))) {
        set_part(&media->part[0], &now->remote, &before.remote);
        set_part(&media->part[1], &now->remote_rtcp, &before.remote_rtcp);
        if (m == AUDIO)
            leg_tell_remote(leg, &media->part[0].remote);
    }
    if (plan->media[m].rekey_send) {
        MdSrtp *old = media->send;
        /* A fresh context counts rollovers from 0, and our key may have been used before (a line switched off
         * and on): under another SSRC no keystream comes twice (RFC 3711, 9.1). */
        if (plan->media[m].send && media->sender.packets)
            leg_new_source(media, media->sender.clock_rate);
        media->send = plan->media[m].send;
        plan->media[m].send = old; /* freed with the plan */
    }
    if (plan->media[m].rekey_receive) {
        MdSrtp *old = media->receive;
        media->receive = plan->media[m].receive;
        plan->media[m].receive = old;
    }
    LegDtls *dtls = media->dtls;
    media->dtls = plan->media[m].dtls;
    plan->media[m].dtls = dtls;
    const LegMedia *carrier = leg_carrier(leg, media);
    media->keyed = now->active && (now->security == MD_AGREED_PLAIN || (carrier->send && carrier->receive));
    if (m == AUDIO)
        leg_audio_agreed(leg, &before);
    else if (leg->pictures[m])
        leg_video_agreed(leg->pictures[m], &before, now_us);
    if (leg->attached)
        leg_rtcp_agreed(leg, m, now_us);
}

static void add_content(MdLeg *leg, LegPlan *plan, int64_t now_us)
{
    leg->pictures[CONTENT] = plan->content;
    leg->media[CONTENT].ports = plan->content_ports;
    plan->content = NULL;
    if (!leg->attached)
        return;
    leg_watch_sockets(leg, CONTENT);
    leg_video_attach(leg->pictures[CONTENT], now_us);
}

static void add_streams(MdLeg *leg, LegPlan *plan, int64_t now_us)
{
    for (unsigned i = 0; i < MD_LEG_STREAMS_MAX; i++) {
        if (!plan->streams[i])
            continue;
        leg->pictures[STREAM + i] = plan->streams[i];
        if (leg->attached)
            leg_video_attach(plan->streams[i], now_us);
        plan->streams[i] = NULL;
    }
}

static void apply(LegPlan *plan, int64_t now_us)
{
    if (plan->content)
        add_content(plan->leg, plan, now_us);
    add_streams(plan->leg, plan, now_us);
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        apply_media(plan->leg, m, plan, now_us);
    free_plan(plan);
}

static void on_plan(void *payload, size_t len)
{
    LegPlan *plan = *(LegPlan **)payload;
    apply(plan, md_worker_now_us(plan->leg->worker));
}

void leg_new_source(LegMedia *media, uint32_t clock_rate)
{
    MdSender *s = &media->sender;
    md_sender_init(s, s->ssrc + 0x9e3779b9u, s->seq & 0x7fff, s->ts_offset, s->payload_type, clock_rate);
    media->packets_reported = 0;
}

void leg_free_media(MdLeg *leg)
{
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++) {
        LegMedia *media = &leg->media[m];
        md_srtp_free(media->send);
        md_srtp_free(media->receive);
        leg_dtls_unref(media->dtls);
        if (media->ports.rtp_fd >= 0)
            md_port_pool_close(leg->ports, &media->ports);
    }
}

/* ---- control ---- */

static void describe_security(MdLeg *leg, const MdAgreed *agreed)
{
    const MdAgreedMedia *media = agreed->media;
    while (!media->active && media < agreed->media + MD_LEG_MEDIA_MAX - 1)
        media++;
    switch (media->active ? media->security : MD_AGREED_PLAIN) {
    case MD_AGREED_SDES:
        g_snprintf(leg->security, sizeof leg->security, "sdes %s",
                   md_srtp_suite_to_string(media->local_key.suite));
        break;
    case MD_AGREED_DTLS:
        if (strncmp(leg->security, "dtls", 4) != 0)
            g_strlcpy(leg->security, "dtls", sizeof leg->security);
        break;
    default:
        g_strlcpy(leg->security, "none", sizeof leg->security);
    }
}

static bool deliver_plan(LegPlan *plan, GError **error)
{
    MdLeg *leg = plan->leg;
    if (!leg->started)
        apply(plan, 0);
    else if (md_worker_post(leg->worker, on_plan, &plan, sizeof plan) < 0) {
        g_set_error_literal(error, MD_LEG_ERROR, MD_LEG_ERROR_RESOURCES, "the media worker is overloaded");
        return false;
    }
    return true;
}

bool leg_publish_agreement(MdLeg *leg, const MdAgreed *agreed, GError **error)
{
    LegPlan *plan = calloc(1, sizeof *plan);
    LegDtls *dtls[MD_LEG_MEDIA_MAX] = {0};
    bool ok = plan != NULL;
    if (!plan) {
        g_set_error_literal(error, MD_LEG_ERROR, MD_LEG_ERROR_RESOURCES, "no memory");
        return false;
    }
    plan->leg = leg;
    plan->agreed = *agreed;
    plan->content = agreed->media[CONTENT].active ? leg->content_made : NULL;
    plan->content_ports = leg->content_ports;
    for (unsigned i = 0; i < MD_LEG_STREAMS_MAX; i++)
        plan->streams[i] = agreed->media[STREAM + i].active ? leg->streams_made[i] : NULL;
    for (unsigned m = 0; ok && m < MD_LEG_MEDIA_MAX; m++)
        ok = plan_media(plan, m, &dtls[m], error);
    ok = ok && deliver_plan(plan, error);
    if (!ok)
        free_plan(plan);
    else if (agreed->media[CONTENT].active)
        leg->content_made = NULL; /* the worker's now */
    for (unsigned i = 0; ok && i < MD_LEG_STREAMS_MAX; i++)
        if (agreed->media[STREAM + i].active) {
            leg->streams_made[i] = NULL;
            leg->stream_lines |= 1u << i;
        }
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++) {
        if (dtls[m] == leg->dtls[m])
            continue;
        leg_dtls_detach(ok ? leg->dtls[m] : dtls[m]); /* the replaced one, or the one that was made in vain */
        if (ok)
            leg->dtls[m] = dtls[m];
    }
    if (!ok)
        return false;
    leg->applied = *agreed;
    describe_security(leg, agreed);
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        if (leg->dtls[m] && (!leg->ice || leg->path == MD_LEG_PATH_CONNECTED))
            leg_dtls_start(leg->dtls[m]);
    return true;
}

typedef struct KeyMail {
    MdLeg *leg;
    unsigned media;
    MdSrtp *send, *receive;
    MdAddr from;
} KeyMail;

static void on_keys(void *payload, size_t len)
{
    KeyMail *mail = *(KeyMail **)payload;
    MdLeg *leg = mail->leg;
    LegMedia *media = &leg->media[mail->media];
    if (leg->browser || (media->agreed.active && media->agreed.security == MD_AGREED_DTLS)) {
        MdSrtp *send = media->send, *receive = media->receive;
        media->send = mail->send;
        media->receive = mail->receive;
        media->keyed = true;
        mail->send = send;
        mail->receive = receive;
        for (unsigned m = 0; leg->browser && m < MD_LEG_MEDIA_MAX; m++)
            leg->media[m].keyed = leg->media[m].agreed.active;
        /* The handshake proved whoever is there. */
        if (!leg->browser && !md_addr_equal(&media->part[0].remote, &mail->from) && !media->part[0].latched)
            leg_latch(leg, mail->media, 0, &mail->from);
    }
    md_srtp_free(mail->send);
    md_srtp_free(mail->receive);
    free(mail);
}

void leg_install_keys(MdLeg *leg, unsigned media, const MdSrtpKey *send, const MdSrtpKey *receive,
                      const MdAddr *from)
{
    KeyMail *mail = calloc(1, sizeof *mail);
    if (!mail)
        return;
    *mail =
        (KeyMail){leg, media, md_srtp_new(MD_SRTP_SEND, send), md_srtp_new(MD_SRTP_RECEIVE, receive), *from};
    if (!mail->send || !mail->receive) {
        md_error(&leg->logger, "its keys were agreed (DTLS) but cannot be used (SRTP): nothing is heard or seen from it");
    } else {
        g_snprintf(leg->security, sizeof leg->security, "dtls %s", md_srtp_suite_to_string(send->suite));
        if (!leg->started) {
            on_keys(&mail, sizeof mail);
            return;
        }
        if (md_worker_post(leg->worker, on_keys, &mail, sizeof mail) == 0)
            return;
    }
    md_srtp_free(mail->send);
    md_srtp_free(mail->receive);
    free(mail);
}
