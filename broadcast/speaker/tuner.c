/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/tuner.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "broadcast/link/live-ask.h"
#include "broadcast/speaker/lineup.h"
#include "mediad/audio/codec.h"
#include "mediad/rtp/jitter.h"
#include "mediad/rtp/payload.h"
#include "mediad/rtp/rtcp.h"
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
    MdJitter *jitter;            /* until a sender report came, and when its line-up cannot be kept */
    BcLineup *lineup;
    bool lined_up;
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

static bool open_srtp(BcTuner *tuner, GError **error)
{
    if (!tuner->srtp_text)
        return true;
    g_auto(GStrv) parts = g_strsplit(tuner->srtp_text, " inline:", 2);
    MdSrtpSuite suite = parts[0] ? md_srtp_suite_from_string(parts[0]) : MD_SRTP_SUITE_INVALID;
    MdSrtpKey key;
    if (suite == MD_SRTP_SUITE_INVALID || !parts[1] || md_srtp_key_from_base64(suite, parts[1], strcspn(parts[1], "| "), &key) < 0)
        return wrong(error, "the SRTP key is not of the form \"SUITE inline:KEY\"");
    tuner->srtp = md_srtp_new(MD_SRTP_RECEIVE, &key);
    md_srtp_key_clear(&key);
    return tuner->srtp || wrong(error, "SRTP cannot be set up");
}

static bool resolve(BcTuner *tuner)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL;
    char port[8];
    g_snprintf(port, sizeof(port), "%u", tuner->live.port);
    if (md_addr_from_host(&tuner->to, tuner->host, tuner->live.port) == 0)
        return true;
    if (getaddrinfo(tuner->host, port, &hints, &list) != 0 || !list)
        return false;
    memcpy(&tuner->to.ss, list->ai_addr, list->ai_addrlen);
    tuner->to.len = list->ai_addrlen;
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

static bool open_socket(BcTuner *tuner)
{
    MdAddr any;
    if (!resolve(tuner))
        return false;
    if (tuner->live.multicast) {
        tuner->fd = md_addr_is_multicast(&tuner->to) ? join_group(&tuner->to) : -1;
        return tuner->fd >= 0;
    }
    md_addr_from_host(&any, tuner->to.ss.ss_family == AF_INET6 ? "::" : "0.0.0.0", 0);
    tuner->fd = md_udp_open(&any, NULL);
    return tuner->fd >= 0;
}

static void ask(BcTuner *tuner, bool bye)
{
    BcLiveAsk request = {.bye = bye, .at_us = tuner->clock(tuner->user)};
    uint8_t data[BC_LIVE_ASK_MAX];
    g_strlcpy(request.occurrence, tuner->occurrence, sizeof(request.occurrence));
    g_strlcpy(request.device, tuner->device, sizeof(request.device));
    size_t len = bc_live_ask_format(&request, tuner->srtp_text, data, sizeof(data));
    if (len && !tuner->live.multicast)
        md_udp_send(tuner->fd, &tuner->to, data, len);
}

/* When its samples were meant to sound: with it, all that hear this sound agree. */
static void take_report(BcTuner *tuner, uint8_t *data, size_t len)
{
    MdRtcpReader reader;
    MdRtcpItem item;
    if ((tuner->srtp && md_srtp_unprotect_rtcp(tuner->srtp, data, &len) < 0) || md_rtcp_reader_init(&reader, data, len) < 0)
        return;
    g_mutex_lock(&tuner->lock);
    while (md_rtcp_reader_next(&reader, &item) == 1)
        if (item.kind == MD_RTCP_KIND_SENDER && (!tuner->stream.active || item.ssrc == tuner->stream.ssrc))
            bc_lineup_map(tuner->lineup, item.sender.rtp_ts, md_ntp_to_wall_us(item.sender.ntp));
    g_mutex_unlock(&tuner->lock);
}

static void take(BcTuner *tuner, uint8_t *data, size_t len)
{
    MdRtpPacket packet;
    int64_t now_us = g_get_monotonic_time();
    if (md_rtp_is_rtcp(data, len)) {
        take_report(tuner, data, len);
        return;
    }
    bool good = (!tuner->srtp || md_srtp_unprotect_rtp(tuner->srtp, data, &len) == 0) && md_rtp_parse(data, len, &packet) == 0 &&
        packet.payload_type == tuner->live.payload_type;
    int duration = good ? md_audio_payload_duration(tuner->codec, packet.payload, packet.payload_len) : -1;
    g_mutex_lock(&tuner->lock);
    if (duration > 0) {
        MdStreamVerdict verdict = md_stream_receive(&tuner->stream, &packet, now_us, NULL);
        if (verdict == MD_STREAM_RESTART)
            md_jitter_reset(tuner->jitter);
        if (verdict == MD_STREAM_RESTART)
            bc_lineup_reset(tuner->lineup);
        if (verdict != MD_STREAM_WAIT)
            bc_lineup_put(tuner->lineup, &packet, (uint32_t)duration);
        if (verdict != MD_STREAM_WAIT && !tuner->lined_up)
            md_jitter_put(tuner->jitter, &packet, (uint32_t)duration, now_us);
        tuner->packets++;
    } else
        tuner->refused++;
    g_mutex_unlock(&tuner->lock);
    if (duration > 0) {
        tuner->last_us = now_us;
        tuner->got = true;
    }
}

static gpointer receive_thread(gpointer user)
{
    BcTuner *tuner = user;
    int64_t asked_us = INT64_MIN / 2;
    while (!tuner->ending && tuner->fd < 0 && !open_socket(tuner)) /* names may not resolve before the network is up */
        for (unsigned i = 0; i < 20 && !tuner->ending; i++)
            g_usleep(POLL_MS * 1000);
    while (!tuner->ending) {
        struct pollfd poll_fd = {.fd = tuner->fd, .events = POLLIN};
        uint8_t data[MD_UDP_PACKET_MAX];
        MdAddr from;
        if (g_get_monotonic_time() - asked_us >= BC_LIVE_ASK_EVERY_US) {
            asked_us = g_get_monotonic_time();
            ask(tuner, false);
        }
        if (poll(&poll_fd, 1, POLL_MS) <= 0)
            continue;
        for (int len; (len = md_udp_receive(tuner->fd, &from, data, sizeof(data))) != -EAGAIN && !tuner->ending;) {
            if (len < 0)
                break;
            /* without SRTP only the one who was asked is believed */
            if (tuner->srtp || tuner->live.multicast || md_addr_equal(&from, &tuner->to))
                take(tuner, data, (size_t)len);
        }
    }
    if (tuner->fd >= 0)
        ask(tuner, true);
    return NULL;
}

BcTuner *bc_tuner_new(const BcLinkLive *live, const char *device, unsigned buffer_ms, int64_t (*clock)(void *user), void *user, GError **error)
{
    BcTuner *tuner = g_new0(BcTuner, 1);
    tuner->live = *live;
    tuner->occurrence = g_strdup(live->occurrence);
    tuner->host = g_strdup(live->host);
    tuner->srtp_text = g_strdup(live->srtp);
    tuner->device = g_strdup(device);
    tuner->clock = clock;
    tuner->user = user;
    tuner->fd = -1;
    g_mutex_init(&tuner->lock);
    tuner->last_us = g_get_monotonic_time();
    tuner->codec = md_audio_codec_from_string(live->codec);
    unsigned wanted_ms = live->buffer_ms ? live->buffer_ms : buffer_ms ? buffer_ms : BUFFER_DEFAULT_MS;
    wanted_ms = MIN(wanted_ms, BUFFER_MAX_MS);
    bool ok = tuner->codec != MD_AUDIO_CODEC_NONE || wrong(error, "unknown codec");
    if (ok) {
        uint32_t rate = md_audio_codec_clock_rate(tuner->codec);
        MdJitterOptions options = {.clock_rate = rate, .min_ms = wanted_ms, .max_ms = MIN(MAX(wanted_ms * 2, 400), BUFFER_MAX_MS)};
        md_stream_init(&tuner->stream, rate, tuner->srtp_text ? 1 : 2);
        tuner->jitter = md_jitter_new(&options);
        tuner->decoder = md_audio_decoder_new(tuner->codec);
        tuner->lineup = bc_lineup_new(tuner->codec, wanted_ms);
        ok = (tuner->jitter && tuner->decoder && tuner->lineup) || wrong(error, "no decoder");
    }
    if (!ok || !open_srtp(tuner, error)) {
        bc_tuner_free(tuner);
        return NULL;
    }
    tuner->thread = g_thread_new("tuner", receive_thread, tuner);
    return tuner;
}

void bc_tuner_free(BcTuner *tuner)
{
    if (!tuner)
        return;
    tuner->ending = true;
    if (tuner->thread)
        g_thread_join(tuner->thread);
    if (tuner->fd >= 0)
        close(tuner->fd);
    md_srtp_free(tuner->srtp);
    md_jitter_free(tuner->jitter);
    bc_lineup_free(tuner->lineup);
    md_audio_decoder_free(tuner->decoder);
    g_mutex_clear(&tuner->lock);
    g_free(tuner->occurrence);
    g_free(tuner->host);
    g_free(tuner->srtp_text);
    g_free(tuner->device);
    g_free(tuner);
}

const char *bc_tuner_occurrence(const BcTuner *tuner)
{
    return tuner->occurrence;
}

/* One pull of the jitter buffer, decoded behind the fifo. Under the lock: the payload lies in the buffer. */
static void pull(BcTuner *tuner)
{
    MdJitterOut out;
    float *pcm = tuner->fifo + tuner->fifo_n;
    uint32_t rate = md_audio_codec_clock_rate(tuner->codec);
    md_jitter_pull(tuner->jitter, g_get_monotonic_time(), false, &out);
    unsigned samples = out.duration * (48000 / rate), trim = out.trim * (48000 / rate);
    int made = -1;
    samples = MIN(samples, MD_AUDIO_PACKET_SAMPLES_MAX);
    if (out.action == MD_JITTER_PACKET)
        made = md_audio_decoder_decode(tuner->decoder, out.payload, out.len, pcm, MD_AUDIO_PACKET_SAMPLES_MAX);
    else if (out.action == MD_JITTER_FEC)
        made = md_audio_decoder_decode_fec(tuner->decoder, out.payload, out.len, pcm, samples);
    else if (out.action == MD_JITTER_CONCEAL)
        made = md_audio_decoder_conceal(tuner->decoder, pcm, samples);
    unsigned have = made > 0 ? MIN((unsigned)made, samples) : 0;
    memset(pcm + have, 0, (samples - have) * sizeof(float));
    tuner->fifo_n += samples - MIN(trim, samples);
}

bool bc_tuner_read(BcTuner *tuner, int64_t from_us, int64_t to_us, float *pcm, unsigned n)
{
    memset(pcm, 0, n * sizeof(float));
    if (!tuner->got || bc_tuner_lost(tuner))
        return false;
    g_mutex_lock(&tuner->lock);
    bool lined_up = bc_lineup_read(tuner->lineup, from_us, to_us, pcm, n);
    if (lined_up != tuner->lined_up) {
        tuner->lined_up = lined_up;
        tuner->fifo_n = 0;
        md_jitter_reset(tuner->jitter);
    }
    if (lined_up) {
        g_mutex_unlock(&tuner->lock);
        return true;
    }
    for (unsigned guard = 0; tuner->fifo_n < n && guard < 64; guard++)
        pull(tuner);
    g_mutex_unlock(&tuner->lock);
    unsigned count = MIN(n, tuner->fifo_n);
    memcpy(pcm, tuner->fifo, count * sizeof(float));
    memmove(tuner->fifo, tuner->fifo + count, (tuner->fifo_n - count) * sizeof(float));
    tuner->fifo_n -= count;
    return true;
}

bool bc_tuner_lost(const BcTuner *tuner)
{
    return g_get_monotonic_time() - tuner->last_us > LOST_US;
}

void bc_tuner_stats(BcTuner *tuner, BcTunerStats *ret)
{
    MdJitterStats stats;
    g_mutex_lock(&tuner->lock);
    BcLineupStats lineup;
    bc_lineup_stats(tuner->lineup, &lineup);
    md_jitter_stats(tuner->jitter, &stats);
    *ret = (BcTunerStats){tuner->packets, tuner->refused, stats.lost + lineup.lost, stats.fec + lineup.recovered, stats.delay_us, tuner->lined_up};
    g_mutex_unlock(&tuner->lock);
}
