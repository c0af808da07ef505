/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DTLS-SRTP handshakes, on the control thread: the worker forwards the peer's datagrams by mail, answers go
 * out through the leg's own socket, and the keys come back to the worker by mail. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/leg/leg-private.h"

#define FORWARD_MAX 40 /* datagrams a leg may forward in a second */
#define FORWARD_WINDOW_US 1000000

struct LegDtls {
    _Atomic int refs;
    /* control thread */
    MdLeg *leg; /* NULL: detached */
    unsigned media;
    MdDtls *dtls;
    MdAddr remote;
    char fingerprint[200];
    bool active, started, reported;
    guint timer;
};

LegDtls *leg_dtls_ref(LegDtls *d)
{
    if (d)
        atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

void leg_dtls_unref(LegDtls *d)
{
    if (d && atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) == 1)
        free(d);
}

void leg_dtls_detach(LegDtls *d)
{
    if (!d)
        return;
    if (d->timer)
        g_source_remove(d->timer);
    d->timer = 0;
    md_dtls_free(d->dtls);
    d->dtls = NULL;
    d->leg = NULL;
    leg_dtls_unref(d);
}

static void send_datagram(const uint8_t *data, size_t len, void *user)
{
    LegDtls *d = user;
    MdLeg *leg = d->leg;
    if (leg && leg->ice) {
        md_ice_send_control(leg->ice, data, len);
        return;
    }
    if (!leg || (leg->browser && !leg->transport.send)) /* ended */
        return;
    if (!leg->browser && (md_addr_port(&d->remote) == 0 || md_addr_is_any(&d->remote)))
        return;
    if (leg->transport.send)
        leg->transport.send(leg->transport.user, d->media, false, &d->remote, data, len);
    else
        md_udp_send(leg->rtp_fd[d->media], &d->remote, data, len);
}

static void arm(LegDtls *d);

static void look(LegDtls *d)
{
    MdDtlsState state = md_dtls_state(d->dtls);
    if (state == MD_DTLS_CONNECTED && !d->reported) {
        MdSrtpKey ours, theirs;
        d->reported = true;
        if (md_dtls_keys(d->dtls, &ours, &theirs) == 0)
            leg_install_keys(d->leg, d->media, &ours, &theirs, &d->remote);
        md_srtp_key_clear(&ours);
        md_srtp_key_clear(&theirs);
    } else if (state == MD_DTLS_FAILED && !d->reported) {
        d->reported = true;
        md_warning(&d->leg->logger, "its keys cannot be agreed (DTLS), nothing is heard or seen from it: %s", md_dtls_error(d->dtls));
    }
    arm(d);
}

static gboolean on_timeout(gpointer user)
{
    LegDtls *d = user;
    d->timer = 0;
    md_dtls_timeout(d->dtls);
    look(d);
    return G_SOURCE_REMOVE;
}

static void arm(LegDtls *d)
{
    if (d->timer)
        g_source_remove(d->timer);
    int ms = md_dtls_timeout_ms(d->dtls);
    d->timer = ms < 0 ? 0 : g_timeout_add((guint)ms, on_timeout, d);
}

LegDtls *leg_dtls_prepare(MdLeg *leg, unsigned media, const MdAgreedMedia *agreed, GError **error)
{
    LegDtls *d = leg->dtls[media];
    /* The same certificate and role: the association goes on (RFC 8842, 4). */
    if (d && strcmp(d->fingerprint, agreed->fingerprint) == 0 && d->active == agreed->dtls_active &&
        md_dtls_state(d->dtls) != MD_DTLS_FAILED) {
        if (md_addr_port(&agreed->remote) && !md_addr_is_any(&agreed->remote))
            d->remote = agreed->remote;
        return d;
    }
    LegDtls *made = calloc(1, sizeof *made);
    if (made) {
        atomic_init(&made->refs, 1);
        made->leg = leg;
        made->media = media;
        made->remote = agreed->remote;
        made->active = agreed->dtls_active;
        g_strlcpy(made->fingerprint, agreed->fingerprint, sizeof made->fingerprint);
        MdDtlsOptions options = {.identity = leg->identity,
                                 .active = agreed->dtls_active,
                                 .peer_fingerprint = agreed->fingerprint,
                                 .send = send_datagram,
                                 .user = made};
        made->dtls = leg->identity ? md_dtls_new(&options) : NULL;
    }
    if (!made || !made->dtls) {
        free(made);
        g_set_error_literal(error, MD_LEG_ERROR, MD_LEG_ERROR_RESOURCES, "DTLS cannot be set up");
        return NULL;
    }
    return made;
}

void leg_dtls_start(LegDtls *d)
{
    if (d->started)
        return;
    d->started = true;
    md_dtls_start(d->dtls);
    look(d);
}

/* ---- from the worker ---- */

typedef struct Forwarded {
    LegDtls *dtls; /* a reference */
    MdAddr from;
    size_t len;
    uint8_t data[];
} Forwarded;

static void on_datagram(void *payload, size_t len)
{
    Forwarded *f = *(Forwarded **)payload;
    LegDtls *d = f->dtls;
    if (d->leg) {
        d->remote =
            f->from; /* md_leg_receive let only the described host or the one that signed in through */
        md_dtls_input(d->dtls, f->data, f->len);
        look(d);
    }
    leg_dtls_unref(d);
    free(f);
}

void leg_dtls_forward(MdLeg *leg, LegMedia *media, const MdAddr *from, const uint8_t *data, size_t len)
{
    int64_t now_us = md_worker_clock_us(leg->worker);
    if (now_us - media->dtls_window_us >= FORWARD_WINDOW_US) {
        media->dtls_window_us = now_us;
        media->dtls_in_window = 0;
    }
    Forwarded *f = ++media->dtls_in_window <= FORWARD_MAX ? malloc(sizeof *f + len) : NULL;
    if (!f) {
        leg_reject(leg);
        return;
    }
    f->dtls = leg_dtls_ref(media->dtls);
    f->from = *from;
    f->len = len;
    memcpy(f->data, data, len);
    if (md_mailbox_post(leg->control, on_datagram, &f, sizeof f) < 0) {
        leg_dtls_unref(f->dtls);
        free(f);
        leg_reject(leg);
    }
}
