/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A room with real legs over loopback sockets, in virtual time: who talks is heard by the others, digits reach the door, and
 * when all have left every port is back. */
#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "mediad/audio/codec.h"
#include "mediad/audio/tone.h"
#include "mediad/conference/conference.h"
#include "mediad/transport/ports.h"
#include "tests/fixtures/fake-call.h"

enum {
    PEERS = 4,
    HEARD = MD_AUDIO_RATE / 5,
    FIRST_PORT = 21500,
    LAST_PORT = 21699,
    PACKET = 1500,
    RTP_HEADER = 12,
    EVENT_PT = 101
};

typedef struct Peer {
    int fd;
    struct sockaddr_in address, server;
    FakeCall *call;
    MdAudioEncoder *encoder;
    MdAudioDecoder *decoder;
    MdTone tone;
    uint8_t payload_type;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    float heard[HEARD];
    unsigned packets;
} Peer;

typedef struct World {
    MdVirtualClock clock;
    MdWorker *worker;
    MdMailbox *control;
    MdPortPool *ports;
    MdConference *conference;
    Peer peers[PEERS];
    unsigned n, tick;
} World;

static const MdAudioCodec codecs[] = {MD_AUDIO_OPUS, MD_AUDIO_G722, MD_AUDIO_PCMA, MD_AUDIO_PCMU};

static World *world_new(const MdRoomSpec *spec)
{
    World *world = g_new0(World, 1);
    g_autoptr(GError) error = NULL;
    md_virtual_clock_init(&world->clock, 1000000, (int64_t)1795311300 * 1000000);
    world->worker =
        md_worker_new(&(MdWorkerOptions){.name = "virtual", .cpu = -1, .clock = &world->clock.base});
    world->control = md_mailbox_new(1024);
    world->ports = md_port_pool_new(
        &(MdPortPoolOptions){.min_port = FIRST_PORT, .max_port = LAST_PORT, .reuse_delay_us = -1});
    MdConferenceOptions options = {.workers = &world->worker,
                                   .n_workers = 1,
                                   .control = world->control,
                                   .ports = world->ports,
                                   .local_host = "127.0.0.1",
                                   .audio_codecs = codecs,
                                   .n_audio_codecs = G_N_ELEMENTS(codecs),
                                   .clock = &world->clock.base};
    world->conference = md_conference_new(&options);
    g_assert_nonnull(md_conference_create_room(world->conference, spec, &error));
    return world;
}

/* What the peer offers, and from now on speaks and understands. */
static char *offer_codec(Peer *peer, MdAudioCodec codec)
{
    static const char *const maps[] = {"96 opus/48000/2", "9 G722/8000", "8 PCMA/8000", "0 PCMU/8000"};
    md_audio_encoder_free(peer->encoder);
    md_audio_decoder_free(peer->decoder);
    peer->payload_type = (uint8_t)atoi(maps[codec]);
    peer->encoder = md_audio_encoder_new(&(MdAudioEncoderConfig){.codec = codec});
    peer->decoder = md_audio_decoder_new(codec);
    return g_strdup_printf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %u "
                           "RTP/AVP %u %d\r\na=rtpmap:%s\r\n"
                           "a=rtpmap:%d telephone-event/%s\r\na=fmtp:%d 0-15\r\na=sendrecv\r\n",
                           ntohs(peer->address.sin_port), peer->payload_type, EVENT_PT, maps[codec], EVENT_PT,
                           codec == MD_AUDIO_OPUS ? "48000" : "8000", EVENT_PT);
}

static Peer *join(World *world, MdAudioCodec codec, double hz)
{
    Peer *peer = &world->peers[world->n++];
    socklen_t len = sizeof peer->address;
    peer->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    peer->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    g_assert_cmpint(bind(peer->fd, (struct sockaddr *)&peer->address, len), ==, 0);
    g_assert_cmpint(getsockname(peer->fd, (struct sockaddr *)&peer->address, &len), ==, 0);
    peer->ssrc = 0x5000 + world->n;
    md_tone_init(&peer->tone, hz, MD_AUDIO_RATE, hz > 0 ? 0.1f : 0);
    g_autofree char *offer = offer_codec(peer, codec);
    peer->call = fake_call_new(&(FakeCallSpec){.to_user = "r", .account = "site"});
    md_conference_accept_call(world->conference, peer->call->call, MD_ROLE_SITE);
    md_call_emit_sdp(peer->call->call, MD_SDP_OFFER, offer);
    g_assert_cmpint(peer->call->rejected, ==, 0);
    g_assert_nonnull(peer->call->answer);
    const char *port = strstr(peer->call->answer, "m=audio ");
    g_assert_nonnull(port);
    peer->server = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_addr = {htonl(INADDR_LOOPBACK)},
                                        .sin_port = htons((uint16_t)atoi(port + strlen("m=audio ")))};
    md_call_emit_established(peer->call->call);
    return peer;
}

static void send_rtp(Peer *peer, uint8_t payload_type, bool marker, uint32_t timestamp,
                     const uint8_t *payload, size_t len)
{
    uint8_t packet[PACKET] = {0x80, (uint8_t)(payload_type | (marker ? 0x80 : 0)),
                              (uint8_t)(peer->sequence >> 8), (uint8_t)peer->sequence};
    peer->sequence++;
    for (int i = 0; i < 4; i++) {
        packet[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
        packet[8 + i] = (uint8_t)(peer->ssrc >> (24 - 8 * i));
    }
    memcpy(packet + RTP_HEADER, payload, len);
    g_assert_cmpint(
        sendto(peer->fd, packet, RTP_HEADER + len, 0, (struct sockaddr *)&peer->server, sizeof peer->server),
        >, 0);
}

static void speak(Peer *peer)
{
    float pcm[MD_AUDIO_TICK_SAMPLES];
    uint8_t payload[MD_AUDIO_PAYLOAD_MAX];
    md_tone_fill(&peer->tone, pcm, MD_AUDIO_TICK_SAMPLES);
    int len = md_audio_encoder_encode(peer->encoder, pcm, payload, sizeof payload);
    g_assert_cmpint(len, >, 0);
    send_rtp(peer, peer->payload_type, false, peer->timestamp, payload, (size_t)len);
    peer->timestamp += peer->payload_type == 96 ? 960 : 160;
}

static void listen_all(Peer *peer)
{
    uint8_t packet[PACKET];
    float pcm[MD_AUDIO_PACKET_SAMPLES_MAX];
    for (ssize_t len; (len = recv(peer->fd, packet, sizeof packet, 0)) > 0;) {
        if (len <= RTP_HEADER || (packet[1] & 0x7f) != peer->payload_type)
            continue;
        if (peer->payload_type != 96) /* nothing but 20 ms of G.7xx */
            g_assert_cmpint(len, ==, RTP_HEADER + 160);
        int n = md_audio_decoder_decode(peer->decoder, packet + RTP_HEADER, (size_t)len - RTP_HEADER, pcm,
                                        G_N_ELEMENTS(pcm));
        g_assert_cmpint(n, >, 0);
        peer->packets++;
        memmove(peer->heard, peer->heard + n, (HEARD - (unsigned)n) * sizeof *pcm);
        memcpy(peer->heard + HEARD - n, pcm, (unsigned)n * sizeof *pcm);
    }
}

static void run_ms(World *world, unsigned ms)
{
    for (unsigned t = 0; t < ms; t += MD_AUDIO_TICK_MS) {
        for (unsigned i = 0; i < world->n; i++)
            if (world->peers[i].fd >= 0 && !world->peers[i].call->hung_up)
                speak(&world->peers[i]);
        md_virtual_clock_advance(&world->clock, MD_AUDIO_TICK_US);
        md_worker_step(world->worker);
        md_mailbox_drain(world->control, 0);
        if (++world->tick % 5 == 0)
            md_conference_tick(world->conference);
        for (unsigned i = 0; i < world->n; i++)
            listen_all(&world->peers[i]);
    }
}

static void world_free(World *world)
{
    for (unsigned i = 0; i < world->n; i++)
        md_call_emit_closed(world->peers[i].call->call, 200, "BYE");
    run_ms(world, 500);
    g_assert_cmpuint(md_port_pool_in_use(world->ports), ==, 0);
    for (unsigned i = 0; i < world->n; i++) {
        close(world->peers[i].fd);
        md_audio_encoder_free(world->peers[i].encoder);
        md_audio_decoder_free(world->peers[i].decoder);
        fake_call_free(world->peers[i].call);
    }
    world->n = 0;
    GPtrArray *rooms = md_conference_rooms(world->conference);
    g_assert_cmpuint(rooms->len, ==, 0); /* temporary: gone with its last member */
    g_ptr_array_unref(rooms);
    run_ms(world, 500);
    md_conference_free(world->conference);
    md_worker_step(world->worker);
    md_port_pool_free(world->ports);
    md_worker_free(world->worker);
    md_mailbox_free(world->control);
    g_free(world);
}

static void test_meeting(void)
{
    World *world = world_new(&(MdRoomSpec){.name = "r", .temporary = true});
    const double hz[PEERS] = {400, 500, 600, 0};
    for (unsigned i = 0; i < PEERS; i++)
        join(world, codecs[i], hz[i]);
    run_ms(world, 3000);
    for (unsigned i = 0; i < PEERS; i++)
        for (unsigned k = 0; k < 3; k++) {
            float amplitude = md_goertzel(world->peers[i].heard, HEARD, hz[k], MD_AUDIO_RATE);
            if (i == k)
                g_assert_cmpfloat(amplitude, <, 0.005f);
            else
                g_assert_cmpfloat_with_epsilon(amplitude, 0.1f, 0.03f);
        }
    unsigned packets = world->peers[3].packets;
    run_ms(world, 1000);
    g_assert_cmpuint(world->peers[3].packets - packets, ==, 50);
    MdRoom *room = md_conference_find_room(world->conference, "r");
    g_autoptr(GPtrArray) members = md_room_members(room);
    const MdMemberInfo *info = g_ptr_array_index(members, 1);
    g_assert_cmpint(info->media.audio_codec, ==, MD_AUDIO_G722);
    g_assert_true(info->talking);
    g_assert_cmpuint(md_stat_get(&info->stats->audio_packets_received), >=, 190);
    g_assert_cmpuint(md_stat_get(&info->stats->audio_packets_lost), ==, 0);
    world_free(world);
}

/* A site changes its codec in the call: not one packet of the old codec comes under the new number. */
static void test_codec_change(void)
{
    World *world = world_new(&(MdRoomSpec){.name = "r", .temporary = true});
    static const MdAudioCodec order[] = {MD_AUDIO_OPUS, MD_AUDIO_PCMU, MD_AUDIO_G722, MD_AUDIO_OPUS, MD_AUDIO_PCMA};
    Peer *peer = join(world, order[0], 400);
    join(world, MD_AUDIO_OPUS, 500);
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        if (i > 0) {
            run_ms(world, 20 * i); /* wherever in the room's cycle of looking it falls */
            g_autofree char *offer = offer_codec(peer, order[i]);
            md_call_emit_sdp(peer->call->call, MD_SDP_OFFER, offer);
            g_assert_nonnull(strstr(peer->call->answer, md_audio_codec_to_string(order[i])));
        }
        run_ms(world, 2000);
        g_assert_cmpfloat_with_epsilon(md_goertzel(peer->heard, HEARD, 500, MD_AUDIO_RATE), 0.1f, 0.03f);
        g_assert_cmpfloat_with_epsilon(md_goertzel(world->peers[1].heard, HEARD, 400, MD_AUDIO_RATE), 0.1f, 0.03f);
    }
    world_free(world);
}

/* The PIN through RFC 4733 packets. */
static void test_digits(void)
{
    World *world = world_new(&(MdRoomSpec){.name = "r", .temporary = true, .pin = "73"});
    MdRoom *room = md_conference_find_room(world->conference, "r");
    Peer *peer = join(world, MD_AUDIO_PCMA, 400);
    run_ms(world, 500);
    const uint8_t digits[] = {7, 3, 11 /* # */};
    for (unsigned i = 0; i < G_N_ELEMENTS(digits); i++) {
        uint32_t began = peer->timestamp;
        for (unsigned k = 1; k <= 7; k++) {
            uint16_t duration = (uint16_t)(160 * MIN(k, 5));
            const uint8_t event[4] = {digits[i], (uint8_t)((k >= 5 ? 0x80 : 0) | 10),
                                      (uint8_t)(duration >> 8), (uint8_t)duration};
            send_rtp(peer, EVENT_PT, k == 1, began, event, sizeof event);
        }
        run_ms(world, 200);
    }
    run_ms(world, 500);
    g_autoptr(GPtrArray) members = md_room_members(room);
    g_assert_false(((const MdMemberInfo *)g_ptr_array_index(members, 0))->in_lobby);
    world_free(world);
}

/* Real threads: sites come, speak a moment and go while the worker ticks; to be run under ThreadSanitizer, too. */
static void test_threads(void)
{
    enum { ROUNDS = 60, STAYS = 3 };
    World *world = g_new0(World, 1);
    g_autoptr(GError) error = NULL;
    world->worker = md_worker_new(&(MdWorkerOptions){.name = "media", .cpu = -1});
    g_assert_cmpint(md_worker_start(world->worker), ==, 0);
    world->control = md_mailbox_new(1024);
    world->ports = md_port_pool_new(
        &(MdPortPoolOptions){.min_port = FIRST_PORT, .max_port = LAST_PORT, .reuse_delay_us = -1});
    MdConferenceOptions options = {.workers = &world->worker,
                                   .n_workers = 1,
                                   .control = world->control,
                                   .ports = world->ports,
                                   .local_host = "127.0.0.1",
                                   .audio_codecs = codecs,
                                   .n_audio_codecs = G_N_ELEMENTS(codecs)};
    world->conference = md_conference_new(&options);
    g_assert_nonnull(md_conference_create_room(world->conference, &(MdRoomSpec){.name = "r"}, &error));
    Peer *stays[STAYS] = {NULL};
    unsigned heard = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        Peer **place = &stays[round % STAYS];
        if (*place != NULL) {
            listen_all(*place);
            heard += (*place)->packets;
            md_call_emit_closed((*place)->call->call, 200, "BYE");
            close((*place)->fd);
            md_audio_encoder_free((*place)->encoder);
            md_audio_decoder_free((*place)->decoder);
            fake_call_free((*place)->call);
        }
        world->n = round % STAYS;
        world->peers[world->n] = (Peer){0};
        *place = join(world, codecs[round % G_N_ELEMENTS(codecs)], 400);
        for (unsigned k = 0; k < 3; k++) {
            for (unsigned i = 0; i < STAYS; i++)
                if (stays[i] != NULL)
                    speak(stays[i]);
            g_usleep(7000); /* real time: give the worker its ticks */
            md_mailbox_drain(world->control, 0);
            md_conference_tick(world->conference);
        }
    }
    md_conference_free(world->conference); /* hangs up those who are left */
    g_assert_cmpuint(md_port_pool_in_use(world->ports), ==, 0);
    for (unsigned i = 0; i < STAYS; i++) {
        g_assert_true(stays[i]->call->hung_up);
        close(stays[i]->fd);
        md_audio_encoder_free(stays[i]->encoder);
        md_audio_decoder_free(stays[i]->decoder);
        fake_call_free(stays[i]->call);
    }
    g_assert_cmpuint(heard, >, ROUNDS / 2);
    md_worker_stop(world->worker);
    md_worker_free(world->worker);
    md_port_pool_free(world->ports);
    md_mailbox_free(world->control);
    g_free(world);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/media/socket-room/meeting", test_meeting);
    g_test_add_func("/media/socket-room/codec-change", test_codec_change);
    g_test_add_func("/media/socket-room/digits", test_digits);
    g_test_add_func("/media/socket-room/threads", test_threads);
    return g_test_run();
}
