/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/leg/leg.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/leg/call.h"
#include "mediad/leg/leg-private.h"

#define STOP_TRIES 2000

static bool resources(GError **error, const char *what, int err)
{
    g_set_error(error, MD_LEG_ERROR, MD_LEG_ERROR_RESOURCES, err ? "%s: %s" : "%s", what,
                err ? g_strerror(err) : "");
    return false;
}

static bool open_ports(MdLeg *leg, const MdLegConfig *config, unsigned n_media, uint16_t ret_ports[MD_LEG_MEDIA_MAX], GError **error)
{
    MdAddr local;
    if (leg->browser)
        return leg_ice_init(leg, config, error);
    if (md_addr_from_host(&local, leg->local_host, 0) < 0)
        return resources(error, "the media address is not numeric", 0);
    for (unsigned m = 0; m < n_media; m++) {
        if (leg->transport.send) {
            ret_ports[m] = leg->transport.port[m];
            continue;
        }
        int rc = leg->ports ? md_port_pool_open(leg->ports, &local, &leg->media[m].ports) : -EINVAL;
        if (rc < 0)
            return resources(error, "no media port", -rc);
        ret_ports[m] = md_addr_port(&leg->media[m].ports.rtp);
        leg->rtp_fd[m] = leg->media[m].ports.rtp_fd;
    }
    return true;
}

/* Ports and buffers of content are taken when a description first has such a line: most calls have none. The worker gets
 * them with the agreement. 0: there are none. */
static uint16_t open_content(void *user)
{
    MdLeg *leg = user;
    MdAddr local;
    uint16_t port = leg->browser ? 9 : leg->transport.send ? leg->transport.port[CONTENT] : 0;
    if (leg->content_made) /* for an agreement that came to nothing */
        return port ? port : md_addr_port(&leg->content_ports.rtp);
    LegVideo *content = leg_video_new(leg, CONTENT);
    if (!content)
        return 0;
    leg->content_ports = (MdPortPair){.rtp_fd = -1, .rtcp_fd = -1};
    if (!port && !leg->transport.send && leg->ports && md_addr_from_host(&local, leg->local_host, 0) == 0 &&
        md_port_pool_open(leg->ports, &local, &leg->content_ports) == 0)
        port = md_addr_port(&leg->content_ports.rtp);
    if (!port) {
        md_warning(&leg->logger, "no UDP port (media.port_min to port_max) or memory left for shared content: it sees it in the common picture only");
        leg_video_free(content);
        return 0;
    }
    leg->rtp_fd[CONTENT] = leg->content_ports.rtp_fd;
    leg->content_made = content;
    return port;
}

/* The buffers of a line for others' pictures: the same way. */
static bool open_stream(void *user, unsigned media)
{
    MdLeg *leg = user;
    LegVideo **made = &leg->streams_made[media - STREAM];
    bool there = *made || leg->stream_lines & 1u << (media - STREAM);
    if (!there && !(*made = leg_video_new(leg, media))) {
        md_warning(&leg->logger, "no memory for others' pictures: it gets the composed one");
        return false;
    }
    return true;
}

static void init_negotiator(MdLeg *leg, const MdLegConfig *config, const uint16_t ports[MD_LEG_MEDIA_MAX])
{
    MdNegotiatorOptions options = {
        .local_host = leg->local_host,
        .security = config->security,
        .fingerprint = config->dtls && config->control ? md_dtls_identity_fingerprint(config->dtls) : NULL,
        .offer_dtls = config->offer_dtls,
        .content = config->content && config->n_video_codecs,
        .offer_content = config->offer_content,
        .second_video_is_content = config->browser,
        .browser = config->browser,
        .cname = leg->cname,
        .describe_ice = leg_ice_describe,
        .ice_user = leg,
        .open_content = open_content,
        .open_content_user = leg,
        .streams = config->browser && config->n_video_codecs ? config->streams : 0,
        .open_stream = open_stream,
        .floor_port = config->browser ? 0 : config->floor_port,
        .n_audio_codecs = MIN(config->n_audio_codecs, (unsigned)MD_AUDIO_CODEC_MAX),
        .n_video_codecs = MIN(config->n_video_codecs, (unsigned)MD_VIDEO_CODEC_MAX),
        .video_max = config->video_max,
    };
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++) {
        options.ssrc[m] = leg->media[m].sender.ssrc;
        options.rtx_ssrc[m] = leg->media[m].rtx_ssrc;
    }
    memcpy(options.local_port, ports, sizeof options.local_port);
    memcpy(options.audio_codecs, config->audio_codecs, options.n_audio_codecs * sizeof *config->audio_codecs);
    if (options.n_video_codecs)
        memcpy(options.video_codecs, config->video_codecs,
               options.n_video_codecs * sizeof *config->video_codecs);
    if (!options.video_max.width)
        options.video_max = (MdVideoClass){1280, 720, 30, 1500000};
    /* Nobody else may guess it: messages of a floor are known by it. */
    if (options.floor_port && RAND_bytes((unsigned char *)&options.floor_conference, sizeof options.floor_conference) != 1)
        options.floor_port = 0;
    md_negotiator_init(&leg->negotiator, &options, 0);
}

static void init_media(MdLeg *leg, unsigned media, uint8_t pt, uint32_t clock_rate)
{
    LegMedia *m = &leg->media[media];
    uint32_t r[5];
    m->agreed.codec = -1;
    m->rtcp_due_us = INT64_MAX;
    m->rtcp_size = 100;
    m->fir_seq_seen = -1;
    if (RAND_bytes((unsigned char *)r, sizeof r) != 1)
        memset(r, 0x5a, sizeof r);
    m->bundled = leg->browser;
    m->rtx_ssrc = r[3];
    m->rtx_seq = r[4] & 0x7fff;
    md_sender_init(&m->sender, r[0], r[1] & 0x7fff, r[2], pt, clock_rate);
    /* No probation: whatever gets so far came from the right address or under the right key, and the first
     * packets of a stream are those of its key frame. */
    md_stream_init(&m->stream, clock_rate, 1);
}

/* Frees what the worker owned (or would have). */
static void free_leg(MdLeg *leg)
{
    leg_audio_clear(leg);
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        leg_video_free(leg->pictures[m]);
    if (leg->content_made && leg->content_ports.rtp_fd >= 0)
        md_port_pool_close(leg->ports, &leg->content_ports);
    leg_video_free(leg->content_made);
    for (unsigned i = 0; i < MD_LEG_STREAMS_MAX; i++)
        leg_video_free(leg->streams_made[i]);
    leg_free_media(leg);
    free(leg->twcc);
    md_congestion_free(leg->congestion);
    free(leg->local_host);
    free(leg);
}

MdLeg *md_leg_new_with_transport(const MdLegConfig *config, const MdLegTransport *transport, GError **error)
{
    MdLeg *leg = calloc(1, sizeof *leg);
    if (!leg) {
        resources(error, "no memory", 0);
        return NULL;
    }
    uint16_t ports[MD_LEG_MEDIA_MAX] = {0};
    leg->worker = config->worker;
    leg->ports = config->ports;
    leg->control = config->control;
    leg->packetiser = config->packetiser;
    leg->identity = config->control ? config->dtls : NULL;
    leg->transport = transport ? *transport : (MdLegTransport){0};
    leg->browser = config->browser;
    leg->local_host = strdup(config->browser ? "0.0.0.0" : config->local_host ? config->local_host : "");
    leg->has_peer = config->authenticated && config->peer_host &&
                    md_addr_from_host(&leg->peer, config->peer_host, 0) == 0;
    leg->logger = config->logger ? *config->logger : md_logger(NULL, "leg");
    leg->wall_offset_us = md_clock_wall_us(md_clock_system()) - md_clock_now_us(md_clock_system());
    uint64_t name = 0;
    if (RAND_bytes((unsigned char *)&name, sizeof name) != 1)
        name = (uintptr_t)leg;
    g_snprintf(leg->cname, sizeof leg->cname, "%016" G_GINT64_MODIFIER "x@mediad", name);
    leg->random = (uint32_t)name | 1;
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        leg->media[m].ports.rtp_fd = leg->media[m].ports.rtcp_fd = leg->rtp_fd[m] = -1;
    init_media(leg, AUDIO, 0, config->browser ? 48000 : 8000); /* the SSRC told to a browser is that of Opus */
    init_media(leg, VIDEO, 0, 90000);
    for (unsigned m = CONTENT; m < MD_LEG_MEDIA_MAX; m++)
        init_media(leg, m, 0, 90000);
    unsigned n_media = config->n_video_codecs ? 2 : 1;
    leg->twcc = config->browser ? calloc(1, sizeof *leg->twcc) : NULL;
    if (leg->twcc)
        md_twcc_receiver_init(leg->twcc);
    if (config->n_audio_codecs == 0 || !leg_audio_init(leg, config) || (config->browser && (!leg->twcc || !leg_rate_init(leg))) ||
        (n_media == 2 && !(leg->pictures[VIDEO] = leg_video_new(leg, VIDEO)))) {
        resources(error, "codecs cannot be set up", 0);
        free_leg(leg);
        return NULL;
    }
    if (!open_ports(leg, config, n_media, ports, error)) { /* the last that may fail */
        free_leg(leg);
        return NULL;
    }
    init_negotiator(leg, config, ports);
    g_strlcpy(leg->security, "none", sizeof leg->security);
    return leg;
}

MdLeg *md_leg_new(const MdLegConfig *config, GError **error)
{
    return md_leg_new_with_transport(config, NULL, error);
}

char *md_leg_create_offer(MdLeg *leg, GError **error)
{
    char *offer = md_negotiator_create_offer(&leg->negotiator, error);
    leg->described |= offer != NULL;
    return offer;
}

/* What was agreed before stays when the worker cannot take what is agreed now. */
static bool publish_or_restore(MdLeg *leg, MdNegotiator *before, const MdAgreed *agreed, GError **error)
{
    if (leg_publish_agreement(leg, agreed, error)) {
        if (leg->browser)
            leg_ice_described(leg, &before->remote);
        md_negotiator_clear(before);
        return true;
    }
    md_negotiator_clear(&leg->negotiator);
    leg->negotiator = *before;
    return false;
}

static MdNegotiator copy_negotiator(const MdNegotiator *negotiator)
{
    MdNegotiator copy = *negotiator;
    copy.last_text = g_strdup(negotiator->last_text);
    return copy;
}

char *md_leg_accept_offer(MdLeg *leg, const char *sdp, GError **error)
{
    MdAgreed agreed;
    MdNegotiator before = copy_negotiator(&leg->negotiator);
    g_autofree char *answer = md_negotiator_accept_offer(&leg->negotiator, sdp, &agreed, error);
    if (!answer) {
        md_negotiator_clear(&before);
        return NULL;
    }
    return publish_or_restore(leg, &before, &agreed, error) ? g_steal_pointer(&answer) : NULL;
}

bool md_leg_accept_answer(MdLeg *leg, const char *sdp, GError **error)
{
    MdAgreed agreed;
    MdNegotiator before = copy_negotiator(&leg->negotiator);
    if (!md_negotiator_accept_answer(&leg->negotiator, sdp, &agreed, error)) {
        md_negotiator_clear(&before);
        return false;
    }
    return publish_or_restore(leg, &before, &agreed, error);
}

/* ---- start and stop ---- */

typedef struct StartMail {
    MdLeg *leg;
    const MdLegSink *sink;
    void *user;
} StartMail;

static void attach(void *payload, size_t len)
{
    StartMail *mail = payload;
    MdLeg *leg = mail->leg;
    int64_t now_us = md_worker_now_us(leg->worker);
    leg->sink = mail->sink;
    leg->user = mail->user;
    leg->attached = true;
    if (leg->ice)
        md_ice_attach(leg->ice);
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++) {
        leg_watch_sockets(leg, m);
        leg_rtcp_agreed(leg, m, now_us);
        if (leg->pictures[m])
            leg_video_attach(leg->pictures[m], now_us);
    }
}

int md_leg_start(MdLeg *leg, const MdLegSink *sink, void *user)
{
    if (leg->started)
        return -EALREADY;
    StartMail mail = {leg, sink, user};
    leg->started = true; /* from here on the worker owns the media */
    int rc = md_worker_post(leg->worker, attach, &mail, sizeof mail);
    if (rc < 0)
        leg->started = false;
    return rc;
}

typedef struct StopMail {
    MdLeg *leg;
    void (*done)(void *user);
    void *user;
} StopMail;

static void detach(void *payload, size_t len)
{
    StopMail *mail = payload;
    MdLeg *leg = mail->leg;
    if (leg->attached) {
        for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
            leg_rtcp_bye(leg, m, md_worker_now_us(leg->worker));
        leg_unwatch_sockets(leg);
        md_worker_timer_cancel(leg->worker, &leg->rtcp_timer);
        leg_rate_detach(leg);
        for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
            if (leg->pictures[m])
                leg_video_detach(leg->pictures[m]);
    }
    if (leg->ice)
        md_ice_detach(leg->ice);
    free_leg(leg);
    if (mail->done)
        mail->done(mail->user);
}

void md_leg_stop(MdLeg *leg, void (*done)(void *user), void *user)
{
    if (!leg)
        return;
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++) {
        leg_dtls_detach(leg->dtls[m]);
        leg->dtls[m] = NULL;
    }
    leg_ice_close(leg);
    md_negotiator_clear(&leg->negotiator);
    StopMail mail = {leg, done, user};
    MdWorker *worker = leg->worker;
    /* A full mailbox empties within a tick; losing the leg's end would leak its ports. */
    for (int i = 0; i < STOP_TRIES; i++) {
        if (md_worker_post(worker, detach, &mail, sizeof mail) == 0)
            return;
        g_usleep(1000);
    }
    md_error(&leg->logger, "the sound thread takes no orders: this call's ports stay taken until mediad is restarted");
}

/* ---- to be asked by anybody ---- */

const MdLegStats *md_leg_stats(const MdLeg *leg)
{
    return &leg->stats;
}

void md_leg_summary(const MdLeg *leg, MdLegSummary *ret)
{
    const MdAgreedMedia *audio = &leg->applied.media[AUDIO], *video = &leg->applied.media[VIDEO],
                        *content = &leg->applied.media[CONTENT];
    *ret = (MdLegSummary){.audio_codec = MD_AUDIO_CODEC_NONE,
                          .video_codec = MD_VIDEO_CODEC_NONE,
                          .content_codec = MD_VIDEO_CODEC_NONE,
                          .security = leg->security};
    if (audio->active)
        ret->audio_codec = (MdAudioCodec)audio->codec;
    if (video->active)
        ret->video_codec = (MdVideoCodec)video->codec;
    if (content->active)
        ret->content_codec = (MdVideoCodec)content->codec;
    MdAddr told;
    bool known = leg_told_remote(leg, &told);
    md_addr_to_string(known ? &told : &audio->remote, ret->remote, sizeof ret->remote);
}

const char *md_leg_stream_mid(const MdLeg *leg, unsigned stream)
{
    const MdAgreedMedia *media = &leg->applied.media[STREAM + stream];
    return stream < MD_LEG_STREAMS_MAX && media->active ? media->mid : "";
}

bool md_leg_floor(const MdLeg *leg, MdCallFloor *ret)
{
    const MdAgreedFloor *floor = &leg->applied.floor;
    *ret = (MdCallFloor){.stream = floor->stream,
                         .conference = floor->conference,
                         .user = floor->user,
                         .floor = floor->floor,
                         .peer = floor->remote};
    return floor->active;
}
