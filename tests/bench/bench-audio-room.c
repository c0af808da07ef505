/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A room of 70 Opus members, 3 of them talking: what the server takes for one second of meeting, through real sockets on
 * loopback, real legs and the real tick, against the floor: the same packets through epoll, recv and sendto, 70 decodes, one sum and
 * 4 encodes with bare libopus. Time is virtual, so that nothing waits; what the peers take is not counted.
 * CPU milliseconds per second of media, median of the rounds. Usage: bench-audio-room [--json] [--members N] [--rounds N] … */
#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <math.h>
#include <opus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "mediad/audio/wav.h"
#include "mediad/conference/conference.h"
#include "mediad/transport/ports.h"
#include "tests/fixtures/fake-call.h"

enum {
    MEMBERS_MAX = 200,
    TALKERS = 3,
    LOOP = 250,
    VOICES = 4,
    PACKET_MAX = 1500,
    BITRATE = 32000,
    COMPLEXITY = 5,
    RTP_HEADER = 12,
    PAYLOAD_TYPE = 96,
    TICKS_PER_SECOND = 50,
    WARM_SECONDS = 3
};

static int members = 70, seconds = 4, rounds = 7, first_port = 21500, last_port = 21999;
static gboolean as_json;
static const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print one JSON object", NULL},
    {"members", 0, 0, G_OPTION_ARG_INT, &members, "members, 4 to 200", "N"},
    {"seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "media seconds per round", "N"},
    {"rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "rounds, 1 to 99", "N"},
    {"first-port", 0, 0, G_OPTION_ARG_INT, &first_port, "first media port", "N"},
    {"last-port", 0, 0, G_OPTION_ARG_INT, &last_port, "last media port", "N"},
    {0},
};

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what)
{
    g_printerr("bench-audio-room: %s: %s\n", what, g_strerror(errno));
    exit(1);
}

/* --- content: what members send, encoded beforehand ------------------------------------------------------------------- */

typedef struct Packet {
    uint8_t data[PACKET_MAX];
    int len;
} Packet;
static Packet voices[VOICES][LOOP]; /* the last one: a quiet room */

/* Speech of espeak-ng where it is installed, else a moving buzz. */
static float *speech(unsigned voice, size_t *ret_n)
{
    static const char *const texts[TALKERS] = {
        "Kính thưa các đồng chí, hôm nay chúng ta họp giao ban trực tuyến với sáu mươi chín xã, phường của "
        "tỉnh Hà Tĩnh.",
        "Xã chúng tôi báo cáo tình hình mưa lũ: mực nước sông đang lên, các hộ dân vùng thấp đã được sơ tán.",
        "Đề nghị các điểm cầu kiểm tra micrô, và phát biểu theo thứ tự mà chủ tọa mời.",
    };
    g_autofree char *command = g_strdup_printf("espeak-ng -v vi -p %u --stdout 2>/dev/null", 35 + 15 * voice);
    g_autofree char *wav = NULL;
    g_autofree char *file = g_strdup_printf("%s/bench-audio-room-%d.txt", g_get_tmp_dir(), (int)getpid());
    g_autofree char *whole = g_strdup_printf("/bin/sh -c '%s < %s'", command, file);
    float *pcm = NULL;
    GByteArray *bytes = g_byte_array_new();
    if (g_file_set_contents(file, texts[voice], -1, NULL)) {
        FILE *pipe = popen(whole, "r");
        guint8 chunk[4096];
        for (size_t n; pipe != NULL && (n = fread(chunk, 1, sizeof chunk, pipe)) > 0;)
            g_byte_array_append(bytes, chunk, (guint)n);
        if (pipe != NULL)
            pclose(pipe);
        unlink(file);
    }
    int error = md_wav_parse(bytes->data, bytes->len, &pcm, ret_n);
    g_byte_array_unref(bytes);
    return error == 0 ? pcm : NULL;
}

static float sample_of(const float *pcm, size_t n, unsigned voice, size_t at)
{
    double t = (double)at / MD_AUDIO_RATE;
    if (voice == TALKERS) /* hiss at about -70 dBov */
        return ((float)rand() / (float)RAND_MAX - 0.5f) * 0.001f;
    if (pcm != NULL)
        return pcm[at % n] * 0.4f;
    double f0 = 120 + 30 * voice + 30 * sin(2 * M_PI * 1.3 * t), v = 0;
    for (int h = 1; h <= 10; h++)
        v += sin(2 * M_PI * f0 * h * t) / h;
    return (float)(v * 0.12 * (0.5 + 0.5 * sin(2 * M_PI * 2.9 * t)));
}

static OpusEncoder *new_encoder(void)
{
    int error;
    OpusEncoder *encoder = opus_encoder_create(MD_AUDIO_RATE, 1, OPUS_APPLICATION_VOIP, &error);
    opus_encoder_ctl(encoder, OPUS_SET_BITRATE(BITRATE));
    opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(COMPLEXITY));
    opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
    return encoder;
}

static void make_voices(void)
{
    for (unsigned v = 0; v < VOICES; v++) {
        size_t n = 0;
        float *pcm = v < TALKERS ? speech(v, &n) : NULL, tick[MD_AUDIO_TICK_SAMPLES];
        OpusEncoder *encoder = new_encoder();
        for (unsigned p = 0; p < LOOP; p++) {
            for (unsigned i = 0; i < MD_AUDIO_TICK_SAMPLES; i++)
                tick[i] = sample_of(pcm, n, v, (size_t)p * MD_AUDIO_TICK_SAMPLES + i + v * 40000);
            voices[v][p].len = opus_encode_float(encoder, tick, MD_AUDIO_TICK_SAMPLES, voices[v][p].data,
                                                 PACKET_MAX - RTP_HEADER);
        }
        opus_encoder_destroy(encoder);
        free(pcm);
    }
}

/* --- the peers ------------------------------------------------------------------------------------------------------------ */

typedef struct Peer {
    int fd;
    struct sockaddr_in address, server;
    FakeCall *call;
    uint16_t sequence;
    uint32_t timestamp;
    unsigned received;
} Peer;

static int open_socket(struct sockaddr_in *ret)
{
    socklen_t len = sizeof *ret;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (fd < 0 || bind(fd, (struct sockaddr *)ret, len) != 0 ||
        getsockname(fd, (struct sockaddr *)ret, &len) != 0)
        die("socket");
    return fd;
}

static size_t make_rtp(uint8_t *packet, unsigned who, unsigned tick, uint16_t sequence, uint32_t timestamp)
{
    const Packet *payload = &voices[who < TALKERS ? who : TALKERS][(tick + who * 7) % LOOP];
    uint32_t ssrc = 0x1000 + who;
    packet[0] = 0x80;
    packet[1] = PAYLOAD_TYPE;
    packet[2] = (uint8_t)(sequence >> 8);
    packet[3] = (uint8_t)sequence;
    for (int i = 0; i < 4; i++) {
        packet[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
        packet[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
    }
    memcpy(packet + RTP_HEADER, payload->data, (size_t)payload->len);
    return RTP_HEADER + (size_t)payload->len;
}

static void peers_send(Peer *peers, unsigned tick)
{
    uint8_t packet[PACKET_MAX];
    for (int i = 0; i < members; i++) {
        size_t len = make_rtp(packet, (unsigned)i, tick, peers[i].sequence++, peers[i].timestamp);
        peers[i].timestamp += MD_AUDIO_TICK_SAMPLES;
        if (sendto(peers[i].fd, packet, len, 0, (struct sockaddr *)&peers[i].server, sizeof peers[i].server) <
            0)
            die("peer's send");
    }
}

static void peers_receive(Peer *peers)
{
    uint8_t packet[PACKET_MAX];
    for (int i = 0; i < members; i++)
        while (recv(peers[i].fd, packet, sizeof packet, 0) > 0)
            peers[i].received++;
}

/* --- ours ------------------------------------------------------------------------------------------------------------------- */

typedef struct Ours {
    MdVirtualClock clock;
    MdWorker *worker;
    MdMailbox *control;
    MdPortPool *ports;
    MdConference *conference;
    MdRoom *room;
    Peer peers[MEMBERS_MAX];
    unsigned tick;
} Ours;

static void join(Ours *ours, Peer *peer)
{
    peer->fd = open_socket(&peer->address);
    g_autofree char *offer =
        g_strdup_printf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                        "m=audio %u RTP/AVP %d\r\na=rtpmap:%d opus/48000/2\r\na=ptime:20\r\na=sendrecv\r\n",
                        ntohs(peer->address.sin_port), PAYLOAD_TYPE, PAYLOAD_TYPE);
    peer->call = fake_call_new(&(FakeCallSpec){.to_user = "bench", .account = "site"});
    md_conference_accept_call(ours->conference, peer->call->call, MD_ROLE_SITE);
    md_call_emit_sdp(peer->call->call, MD_SDP_OFFER, offer);
    const char *port = peer->call->answer != NULL ? strstr(peer->call->answer, "m=audio ") : NULL;
    if (peer->call->rejected != 0 || port == NULL) {
        g_printerr("bench-audio-room: call refused with %d\n", peer->call->rejected);
        exit(1);
    }
    peer->server = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_addr = {htonl(INADDR_LOOPBACK)},
                                        .sin_port = htons((uint16_t)atoi(port + strlen("m=audio ")))};
    md_call_emit_established(peer->call->call);
}

static Ours *ours_new(void)
{
    static const MdAudioCodec codecs[] = {MD_AUDIO_OPUS};
    Ours *ours = g_new0(Ours, 1);
    md_virtual_clock_init(&ours->clock, 1000000, (int64_t)1795311300 * 1000000);
    ours->worker = md_worker_new(&(MdWorkerOptions){.name = "bench", .cpu = -1, .clock = &ours->clock.base});
    ours->control = md_mailbox_new(4096);
    ours->ports = md_port_pool_new(&(MdPortPoolOptions){
        .min_port = (uint16_t)first_port, .max_port = (uint16_t)last_port, .reuse_delay_us = -1});
    if (ours->worker == NULL || ours->control == NULL || ours->ports == NULL)
        die("set-up");
    MdConferenceOptions options = {.workers = &ours->worker,
                                   .n_workers = 1,
                                   .control = ours->control,
                                   .ports = ours->ports,
                                   .local_host = "127.0.0.1",
                                   .audio_codecs = codecs,
                                   .n_audio_codecs = 1,
                                   .clock = &ours->clock.base};
    ours->conference = md_conference_new(&options);
    ours->room = md_conference_create_room(ours->conference, &(MdRoomSpec){.name = "bench"}, NULL);
    for (int i = 0; i < members; i++)
        join(ours, &ours->peers[i]);
    return ours;
}

/* One tick of meeting; returns what the worker took. */
static double ours_tick(Ours *ours)
{
    peers_send(ours->peers, ours->tick);
    md_virtual_clock_advance(&ours->clock, MD_AUDIO_TICK_US);
    double began = cpu_ms();
    md_worker_step(ours->worker);
    double took = cpu_ms() - began;
    peers_receive(ours->peers);
    md_mailbox_drain(ours->control, 0);
    if (++ours->tick % 5 == 0)
        md_conference_tick(ours->conference);
    return took;
}

static double run_ours(Ours *ours, unsigned *ret_sent)
{
    double took = 0;
    unsigned before = 0, after = 0;
    for (int i = 0; i < members; i++)
        before += ours->peers[i].received;
    for (int t = 0; t < seconds * TICKS_PER_SECOND; t++)
        took += ours_tick(ours);
    for (int i = 0; i < members; i++)
        after += ours->peers[i].received;
    *ret_sent = after - before;
    return took / seconds;
}

/* --- the floor ---------------------------------------------------------------------------------------------------------------- */

typedef struct Floor {
    Peer peers[MEMBERS_MAX];
    int fds[MEMBERS_MAX], epoll;
    OpusDecoder *decoders[MEMBERS_MAX];
    OpusEncoder *encoders[MEMBERS_MAX];
    float pcm[MEMBERS_MAX][MD_AUDIO_TICK_SAMPLES];
    unsigned tick;
} Floor;

static Floor *floor_new(void)
{
    Floor *bare = g_new0(Floor, 1);
    int error;
    bare->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < members; i++) {
        bare->peers[i].fd = open_socket(&bare->peers[i].address);
        bare->fds[i] = open_socket(&bare->peers[i].server);
        bare->decoders[i] = opus_decoder_create(MD_AUDIO_RATE, 1, &error);
        bare->encoders[i] = new_encoder();
        struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = (uint32_t)i}};
        if (epoll_ctl(bare->epoll, EPOLL_CTL_ADD, bare->fds[i], &event) != 0)
            die("epoll");
    }
    return bare;
}

static void floor_decode(Floor *bare)
{
    struct epoll_event events[MEMBERS_MAX];
    uint8_t packet[PACKET_MAX];
    int n = epoll_wait(bare->epoll, events, MEMBERS_MAX, 0);
    for (int e = 0; e < n; e++) {
        uint32_t i = events[e].data.u32;
        ssize_t len = recv(bare->fds[i], packet, sizeof packet, 0);
        if (len > RTP_HEADER &&
            opus_decode_float(bare->decoders[i], packet + RTP_HEADER, (opus_int32)len - RTP_HEADER,
                              bare->pcm[i], MD_AUDIO_TICK_SAMPLES, 0) < 0)
            die("decode");
    }
}

/* own_each: one encode per listener instead of one per distinct mix. */
static void floor_send(Floor *bare, bool own_each)
{
    float sum[MD_AUDIO_TICK_SAMPLES] = {0}, minus[MD_AUDIO_TICK_SAMPLES];
    uint8_t packet[PACKET_MAX] = {0x80, PAYLOAD_TYPE};
    int len = 0;
    for (int k = 0; k < TALKERS; k++)
        for (int i = 0; i < MD_AUDIO_TICK_SAMPLES; i++)
            sum[i] += bare->pcm[k][i];
    for (int m = 0; m < members; m++) {
        const float *mix = sum;
        if (m < TALKERS) {
            for (int i = 0; i < MD_AUDIO_TICK_SAMPLES; i++)
                minus[i] = sum[i] - bare->pcm[m][i];
            mix = minus;
        }
        if (m <= TALKERS || own_each)
            len = opus_encode_float(bare->encoders[m], mix, MD_AUDIO_TICK_SAMPLES, packet + RTP_HEADER,
                                    PACKET_MAX - RTP_HEADER);
        if (sendto(bare->fds[m], packet, (size_t)len + RTP_HEADER, 0,
                   (struct sockaddr *)&bare->peers[m].address, sizeof bare->peers[m].address) < 0)
            die("send");
    }
}

static double run_floor(Floor *bare, bool own_each)
{
    double took = 0;
    for (int t = 0; t < seconds * TICKS_PER_SECOND; t++) {
        peers_send(bare->peers, bare->tick++);
        double began = cpu_ms();
        floor_decode(bare);
        floor_send(bare, own_each);
        took += cpu_ms() - began;
        peers_receive(bare->peers);
    }
    return took / seconds;
}

/* --- report ------------------------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values)
{
    qsort(values, (size_t)rounds, sizeof *values, compare);
    return values[rounds / 2];
}

static void report(double *cost, double *bare, double *each, const Ours *ours, unsigned sent, double encodes)
{
    double c = median(cost), f = median(bare), e = median(each);
    /* One encode per listener instead of shared ones would add to our cost what it adds to the floor. */
    double times = (c + e - f) / c;
    MdRoomInfo info;
    md_room_info(ours->room, &info);
    if (as_json) {
        g_print("{\"name\": \"audio-room\", \"unit\": \"CPU ms per media second\", \"cost\": %.2f, "
                "\"floor\": %.2f, \"ratio\": %.3f, "
                "\"target\": 1.3, \"members\": %d, \"talkers\": %d, \"cheaper_than_own_encodes\": %.2f, "
                "\"encodes_per_tick\": %.2f, "
                "\"packets_per_second\": %.0f, \"cost_min\": %.2f, \"cost_max\": %.2f, \"floor_min\": %.2f, "
                "\"floor_max\": %.2f, "
                "\"rounds\": %d}\n",
                c, f, c / f, members, TALKERS, times, encodes, (double)sent / seconds, cost[0],
                cost[rounds - 1], bare[0], bare[rounds - 1], rounds);
        return;
    }
    g_print("audio-room: %d Opus members, %d talk; CPU ms per media second, median of %d rounds (min-max)\n",
            members, TALKERS, rounds);
    g_print("floor  %7.2f (%.2f-%.2f)   %d decodes, %d encodes, the packets\n", f, bare[0], bare[rounds - 1],
            members, TALKERS + 1);
    g_print("ours   %7.2f (%.2f-%.2f)   %.2f encodes a tick, %.0f packets sent a second\n", c, cost[0],
            cost[rounds - 1], encodes, (double)sent / seconds);
    g_print("ratio  %7.3f (target 1.3); %.2f times cheaper than one encode for each listener\n", c / f,
            times);
}

int main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || members <= TALKERS ||
        members > MEMBERS_MAX || seconds < 1 || seconds > 600 || rounds < 1 || rounds > 99) {
        g_printerr("%s\n", error != NULL ? error->message : "out of range");
        return 2;
    }
    srand(7);
    make_voices();
    Ours *ours = ours_new();
    Floor *bare = floor_new();
    double cost[99], floors[99], each[99];
    unsigned sent = 0;
    for (int t = 0; t < WARM_SECONDS * TICKS_PER_SECOND; t++)
        ours_tick(ours);
    run_floor(bare, false);
    MdRoomInfo before, after;
    md_room_info(ours->room, &before);
    for (int i = 0; i < rounds; i++) { /* alternating, so that all meet the same noise */
        floors[i] = run_floor(bare, false);
        cost[i] = run_ours(ours, &sent);
        each[i] = run_floor(bare, true);
    }
    md_room_info(ours->room, &after);
    double encodes = (double)(after.encodes - before.encodes) / (double)(after.ticks - before.ticks);
    report(cost, floors, each, ours, sent, encodes);
    /* Everybody must have been served, or the figure means nothing. */
    return sent == (unsigned)(members * seconds * TICKS_PER_SECOND) ? 0 : 1;
}
