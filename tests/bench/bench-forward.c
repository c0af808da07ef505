/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a viewer costs who gets a speaker's own picture as it came (640x360, 15 pictures a second, 500 kbit/s: cut once for all, header,
 * copy and SRTP for each), against one who is sent a composed picture that nobody shares: the same packets, and the encode before them.
 * CPU milliseconds per second of media and viewer, median of the rounds. Usage: bench-forward [--json] [--viewers N] [--rounds N] */
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "mediad/rtp/packetise.h"
#include "mediad/rtp/sender.h"
#include "mediad/transport/srtp.h"
#include "mediad/video/encoder.h"

enum { FPS = 15, SECONDS = 4, FRAMES = FPS * SECONDS, WIDTH = 640, HEIGHT = 360, BITRATE = 500000, PAYLOAD = 1200, VIEWERS_MAX = 200, ROUNDS_MAX = 99 };

static int viewers = 20, rounds = 7;
static gboolean as_json;
static const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print one JSON object", NULL},
    {"viewers", 0, 0, G_OPTION_ARG_INT, &viewers, "of one speaker, 1 to 200", "N"},
    {"rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "rounds, 1 to 99", "N"},
    {0},
};

static uint8_t luma[FRAMES][WIDTH * HEIGHT], chroma[2][WIDTH * HEIGHT / 4];
static MdFrame *frames[FRAMES];
static MdSender senders[VIEWERS_MAX];
static MdSrtp *keys[VIEWERS_MAX];

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Something moves everywhere, with a camera's noise on it. */
static void draw(void)
{
    uint32_t noise = 1;
    for (unsigned f = 0; f < FRAMES; f++)
        for (unsigned y = 0; y < HEIGHT; y++)
            for (unsigned x = 0; x < WIDTH; x++) {
                noise = noise * 1664525u + 1013904223u;
                luma[f][y * WIDTH + x] = (uint8_t)(128 + 90 * sin((x + 3 * f) * 0.05) * cos((y + 2 * f) * 0.07) + (int)(noise >> 30));
            }
    memset(chroma, 128, sizeof chroma);
}

static void encode_all(MdFrame *ret[FRAMES])
{
    MdEncoderOptions options = {.codec = MD_VIDEO_H264, .width = WIDTH, .height = HEIGHT, .fps = FPS, .bitrate_bps = BITRATE};
    MdEncoder *encoder;
    if (md_encoder_new(&options, &encoder) < 0)
        exit(2);
    for (unsigned f = 0; f < FRAMES; f++) {
        MdPlanes picture = {luma[f], chroma[0], chroma[1], WIDTH, WIDTH / 2, WIDTH / 2, WIDTH, HEIGHT};
        if (md_encoder_encode(encoder, &picture, f == 0, &ret[f]) < 0)
            exit(2);
    }
    md_encoder_free(encoder);
}

/* One second of media to each of n, from a packetisation they share. */
static void send_all(unsigned n)
{
    uint8_t packet[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
    for (unsigned f = 0; f < FRAMES; f++) {
        MdPacketList *list = frames[f] ? md_packetise(frames[f], 1, PAYLOAD) : NULL;
        for (unsigned v = 0; list && v < n; v++)
            for (unsigned i = 0; i < list->n; i++) {
                size_t len = md_slice_len(&list->slices[i]);
                size_t header = md_sender_write_header(&senders[v], packet, list->slices[i].marker, f * 6000, len, 0);
                md_packet_list_copy(list, i, packet + header);
                len += header;
                if (md_srtp_protect_rtp(keys[v], packet, &len, sizeof packet) < 0)
                    exit(2);
            }
        md_packet_list_unref(list);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    double forwarded[ROUNDS_MAX], encoded[ROUNDS_MAX];
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, NULL) || viewers < 1 || viewers > VIEWERS_MAX || rounds < 1 || rounds > ROUNDS_MAX)
        return 2;
    draw();
    encode_all(frames);
    for (int v = 0; v < viewers; v++) {
        MdSrtpKey key;
        if (md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &key) < 0 || !(keys[v] = md_srtp_new(MD_SRTP_SEND, &key)))
            return 2;
        md_sender_init(&senders[v], (uint32_t)v + 1, 1, 0, 96, 90000);
    }
    for (int r = 0; r < rounds; r++) {
        MdFrame *again[FRAMES] = {0};
        double t0 = cpu_ms();
        send_all((unsigned)viewers);
        double t1 = cpu_ms();
        encode_all(again);
        double t2 = cpu_ms();
        for (unsigned f = 0; f < FRAMES; f++)
            md_frame_unref(again[f]);
        forwarded[r] = (t1 - t0) / SECONDS / viewers;
        encoded[r] = (t2 - t1) / SECONDS;
    }
    qsort(forwarded, (size_t)rounds, sizeof *forwarded, by_value);
    qsort(encoded, (size_t)rounds, sizeof *encoded, by_value);
    double cost = forwarded[rounds / 2], floor = encoded[rounds / 2] + cost;
    if (as_json)
        printf("{\"name\":\"forward\",\"unit\":\"ms CPU per second and viewer\",\"cost\":%.4f,\"floor\":%.4f,\"ratio\":%.4f,\"target\":0.1,\"viewers\":%d}\n", cost,
               floor, cost / floor, viewers);
    else
        printf("forwarded %.3f ms, composed for one alone %.3f ms CPU per second and viewer: %.4f\n", cost, floor, cost / floor);
    for (unsigned f = 0; f < FRAMES; f++)
        md_frame_unref(frames[f]);
    for (int v = 0; v < viewers; v++)
        md_srtp_free(keys[v]);
    return 0;
}
