/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/tuner.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "broadcast/link/live-ask.h"
#include "mediad/audio/codec.h"
#include "mediad/rtp/jitter.h"
#include "mediad/rtp/payload.h"
#include "mediad/rtp/stream.h"
#include "mediad/transport/addr.h"
#include "mediad/transport/srtp.h"
#include "mediad/transport/udp.h"

#define LOST_US 5000000
#define POLL_MS 100
#define BUFFER_DEFAULT_MS 200u
#define BUFFER_MAX_MS 2000u
#define FIFO (MD_AUDIO_PACKET_SAMPLES_MAX + 2048)

struct BcTuner {
    /* immutable */
    BcLinkLive live;             /* its texts point into text */
    char *occurrence, *host, *srtp_text, *device;
    MdAudioCodec codec;
    int64_t (*clock)(void *user);
    void *user;
    GThread *thread;
    int fd;
    _Atomic bool ending, got;
    _Atomic int64_t last_us;     /* monotonic: last good packet */
    /* receiving thread */
    MdAddr to;
    MdSrtp *srtp;
    MdStream stream;
    GMutex lock;                 /* what follows: both threads */
    MdJitter *jitter;
    uint64_t packets, refused;
    /* render thread */
    MdAudioDecoder *decoder;
    float fifo[FIFO];
    unsigned fifo_n;
};

static bool wrong(GError **error, const char *what)
{
    g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FAILED, "live sound: %s", what);
    return false;
}

static bool open_srtp(BcTuner *ear, GError **error)
{
    if (!ear->srtp_text)
        return true;
    g_auto(GStrv) parts = g_strsplit(ear->srtp_text, " inline:", 2);
    MdSrtpSuite suite = parts[0] ? md_srtp_suite_from_string(parts[0]) : MD_SRTP_SUITE_INVALID;
    MdSrtpKey key;
    if (suite == MD_SRTP_SUITE_INVALID || !parts[1] || md_srtp_key_from_base64(suite, parts[1], strcspn(parts[1], "| "), &key) < 0)
        return wrong(error, "the SRTP key is not of the form \"SUITE inline:KEY\"");
    ear->srtp = md_srtp_new(MD_SRTP_RECEIVE, &key);
    md_srtp_key_clear(&key);
    return ear->srtp || wrong(error, "SRTP cannot be set up");
}

static bool resolve(BcTuner *ear)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL;
    char port[8];
    g_snprintf(port, sizeof(port), "%u", ear->live.port);
    if (md_addr_from_host(&ear->to, ear->host, ear->live.port) == 0)
        return true;
    if (getaddrinfo(ear->host, port, &hints, &list) != 0 || !list)
        return false;
    memcpy(&ear->to.ss, list->ai_addr, list->ai_addrlen);
    ear->to.len = list->ai_addrlen;
    freeaddrinfo(list);
    return true;
}

static int join_group(const MdAddr *group)
{
    int fd = socket(group->ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, rc;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (group->ss.ss_family == AF_INET6) {
        struct ipv6_mreq request = {.ipv6mr_multiaddr = ((const struct sockaddr_in6 *)&group->ss)->sin6_addr};
        rc = setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request));
    } else {
        struct ip_mreqn request = {.imr_multiaddr = ((const struct sockaddr_in *)&group->ss)->sin_addr};
        rc = setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request));
    }
    if (rc < 0 || bind(fd, (const struct sockaddr *)&group->ss, group->len) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool open_socket(BcTuner *ear)
{
    MdAddr any;
    if (!resolve(ear))
        return false;
    if (ear->live.multicast) {
        ear->fd = md_addr_is_multicast(&ear->to) ? join_group(&ear->to) : -1;
        return ear->fd >= 0;
    }
    md_addr_from_host(&any, ear->to.ss.ss_family == AF_INET6 ? "::" : "0.0.0.0", 0);
    ear->fd = md_udp_open(&any, NULL);
    return ear->fd >= 0;
}

static void ask(BcTuner *ear, bool bye)
{
    BcLiveAsk request = {.bye = bye, .at_us = ear->clock(ear->user)};
    uint8_t data[BC_LIVE_ASK_MAX];
    g_strlcpy(request.occurrence, ear->occurrence, sizeof(request.occurrence));
    g_strlcpy(request.device, ear->device, sizeof(request.device));
    size_t len = bc_live_ask_format(&request, ear->srtp_text, data, sizeof(data));
    if (len && !ear->live.multicast)
        md_udp_send(ear->fd, &ear->to, data, len);
}

static void take(BcTuner *ear, uint8_t *data, size_t len)
{
    MdRtpPacket packet;
    int64_t now_us = g_get_monotonic_time();
    bool good = !md_rtp_is_rtcp(data, len);
    if (!good)
        return;
    good = (!ear->srtp || md_srtp_unprotect_rtp(ear->srtp, data, &len) == 0) && md_rtp_parse(data, len, &packet) == 0 &&
        packet.payload_type == ear->live.payload_type;
    int duration = good ? md_audio_payload_duration(ear->codec, packet.payload, packet.payload_len) : -1;
    g_mutex_lock(&ear->lock);
    if (duration > 0) {
        MdStreamVerdict verdict = md_stream_receive(&ear->stream, &packet, now_us, NULL);
        if (verdict == MD_STREAM_RESTART)
            md_jitter_reset(ear->jitter);
        if (verdict != MD_STREAM_WAIT)
            md_jitter_put(ear->jitter, &packet, (uint32_t)duration, now_us);
        ear->packets++;
    } else
        ear->refused++;
    g_mutex_unlock(&ear->lock);
    if (duration > 0) {
        ear->last_us = now_us;
        ear->got = true;
    }
}

static gpointer receive_thread(gpointer user)
{
    BcTuner *ear = user;
    int64_t asked_us = INT64_MIN / 2;
    while (!ear->ending && ear->fd < 0 && !open_socket(ear)) /* names may not resolve before the network is up */
        for (unsigned i = 0; i < 20 && !ear->ending; i++)
            g_usleep(POLL_MS * 1000);
    while (!ear->ending) {
        struct pollfd poll_fd = {.fd = ear->fd, .events = POLLIN};
        uint8_t data[MD_UDP_PACKET_MAX];
        MdAddr from;
        if (g_get_monotonic_time() - asked_us >= BC_LIVE_ASK_EVERY_US) {
            asked_us = g_get_monotonic_time();
            ask(ear, false);
        }
        if (poll(&poll_fd, 1, POLL_MS) <= 0)
            continue;
        for (int len; (len = md_udp_receive(ear->fd, &from, data, sizeof(data))) != -EAGAIN && !ear->ending;) {
            if (len < 0)
                break;
            /* without SRTP only the one who was asked is believed */
            if (ear->srtp || ear->live.multicast || md_addr_equal(&from, &ear->to))
                take(ear, data, (size_t)len);
        }
    }
    if (ear->fd >= 0)
        ask(ear, true);
    return NULL;
}

BcTuner *bc_tuner_new(const BcLinkLive *live, const char *device, unsigned buffer_ms, int64_t (*clock)(void *user), void *user, GError **error)
{
    BcTuner *ear = g_new0(BcTuner, 1);
    ear->live = *live;
    ear->occurrence = g_strdup(live->occurrence);
    ear->host = g_strdup(live->host);
    ear->srtp_text = g_strdup(live->srtp);
    ear->device = g_strdup(device);
    ear->clock = clock;
    ear->user = user;
    ear->fd = -1;
    g_mutex_init(&ear->lock);
    ear->last_us = g_get_monotonic_time();
    ear->codec = md_audio_codec_from_string(live->codec);
    unsigned wanted_ms = live->buffer_ms ? live->buffer_ms : buffer_ms ? buffer_ms : BUFFER_DEFAULT_MS;
    wanted_ms = MIN(wanted_ms, BUFFER_MAX_MS);
    bool ok = ear->codec != MD_AUDIO_CODEC_NONE || wrong(error, "unknown codec");
    if (ok) {
        uint32_t rate = md_audio_codec_clock_rate(ear->codec);
        MdJitterOptions options = {.clock_rate = rate, .min_ms = wanted_ms, .max_ms = MIN(MAX(wanted_ms * 2, 400), BUFFER_MAX_MS)};
        md_stream_init(&ear->stream, rate, ear->srtp_text ? 1 : 2);
        ear->jitter = md_jitter_new(&options);
        ear->decoder = md_audio_decoder_new(ear->codec);
        ok = (ear->jitter && ear->decoder) || wrong(error, "no decoder");
    }
    if (!ok || !open_srtp(ear, error)) {
        bc_tuner_free(ear);
        return NULL;
    }
    ear->thread = g_thread_new("ear", receive_thread, ear);
    return ear;
}

void bc_tuner_free(BcTuner *ear)
{
    if (!ear)
        return;
    ear->ending = true;
    if (ear->thread)
        g_thread_join(ear->thread);
    if (ear->fd >= 0)
        close(ear->fd);
    md_srtp_free(ear->srtp);
    md_jitter_free(ear->jitter);
    md_audio_decoder_free(ear->decoder);
    g_mutex_clear(&ear->lock);
    g_free(ear->occurrence);
    g_free(ear->host);
    g_free(ear->srtp_text);
    g_free(ear->device);
    g_free(ear);
}

const char *bc_tuner_occurrence(const BcTuner *ear)
{
    return ear->occurrence;
}

/* One pull of the jitter buffer, decoded behind the fifo. Under the lock: the payload lies in the buffer. */
static void pull(BcTuner *ear)
{
    MdJitterOut out;
    float *pcm = ear->fifo + ear->fifo_n;
    uint32_t rate = md_audio_codec_clock_rate(ear->codec);
    md_jitter_pull(ear->jitter, g_get_monotonic_time(), false, &out);
    unsigned samples = out.duration * (48000 / rate), trim = out.trim * (48000 / rate);
    int made = -1;
    samples = MIN(samples, MD_AUDIO_PACKET_SAMPLES_MAX);
    if (out.action == MD_JITTER_PACKET)
        made = md_audio_decoder_decode(ear->decoder, out.payload, out.len, pcm, MD_AUDIO_PACKET_SAMPLES_MAX);
    else if (out.action == MD_JITTER_FEC)
        made = md_audio_decoder_decode_fec(ear->decoder, out.payload, out.len, pcm, samples);
    else if (out.action == MD_JITTER_CONCEAL)
        made = md_audio_decoder_conceal(ear->decoder, pcm, samples);
    unsigned have = made > 0 ? MIN((unsigned)made, samples) : 0;
    memset(pcm + have, 0, (samples - have) * sizeof(float));
    ear->fifo_n += samples - MIN(trim, samples);
}

bool bc_tuner_read(BcTuner *ear, float *pcm, unsigned n)
{
    memset(pcm, 0, n * sizeof(float));
    if (!ear->got || bc_tuner_lost(ear))
        return false;
    g_mutex_lock(&ear->lock);
    for (unsigned guard = 0; ear->fifo_n < n && guard < 64; guard++)
        pull(ear);
    g_mutex_unlock(&ear->lock);
    unsigned count = MIN(n, ear->fifo_n);
    memcpy(pcm, ear->fifo, count * sizeof(float));
    memmove(ear->fifo, ear->fifo + count, (ear->fifo_n - count) * sizeof(float));
    ear->fifo_n -= count;
    return true;
}

bool bc_tuner_lost(const BcTuner *ear)
{
    return g_get_monotonic_time() - ear->last_us > LOST_US;
}

void bc_tuner_stats(BcTuner *ear, BcTunerStats *ret)
{
    MdJitterStats stats;
    g_mutex_lock(&ear->lock);
    md_jitter_stats(ear->jitter, &stats);
    *ret = (BcTunerStats){ear->packets, ear->refused, stats.lost, stats.fec, stats.delay_us};
    g_mutex_unlock(&ear->lock);
}
