/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One encrypted Opus stream to 10,000 loudspeakers (addresses in 127.1.0.0/16): what a packet takes, everything included
 * (pulling, header, encryption, pacing, reports, the worker's loop), against bare sendmmsg of packets of the same size to the same
 * addresses. Time is virtual, so that nothing waits; the receivers' sockets are drained outside of what is measured.
 * CPU microseconds per packet, median of interleaved rounds, for 20, 40 and 60 ms frames; the worst ratio counts.
 * With --live SECONDS also in real time on two workers: late frames, skipped packets and the share of two cores it takes.
 * Usage: bench-fanout [--json] [--destinations N] [--rounds N] [--live SECONDS] */
#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "broadcast/fanout.h"
#include "mediad/transport/udp.h"

enum { SINKS = 10, FRAMES = 8, ROUNDS_MAX = 99, FLOOR_BATCH = 64, SINK_BUFFER = 32 << 20 };

static int n_destinations = 10000, rounds = 9, live_seconds = 0;
static gboolean as_json;
static const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print one JSON object", NULL},
    {"destinations", 0, 0, G_OPTION_ARG_INT, &n_destinations, "loudspeakers, 100 to 60000", "N"},
    {"rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "rounds, 1 to 99", "N"},
    {"live", 0, 0, G_OPTION_ARG_INT, &live_seconds, "also this long in real time", "SECONDS"},
    {0},
};

static int sinks[SINKS];
static uint16_t sink_ports[SINKS];

static void die(const char *what)
{
    g_printerr("bench-fanout: %s: %s\n", what, g_strerror(errno));
    exit(1);
}

static double cpu_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void open_sinks(void)
{
    for (unsigned i = 0; i < SINKS; i++) {
        struct sockaddr_in any = {.sin_family = AF_INET};
        socklen_t len = sizeof any;
        int size = SINK_BUFFER;
        sinks[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (sinks[i] < 0 || bind(sinks[i], (struct sockaddr *)&any, len) || getsockname(sinks[i], (struct sockaddr *)&any, &len))
            die("socket");
        if (setsockopt(sinks[i], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
            setsockopt(sinks[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        sink_ports[i] = ntohs(any.sin_port);
    }
}

static unsigned drain_sinks(void)
{
    uint8_t data[2048];
    unsigned n = 0;
    for (unsigned i = 0; i < SINKS; i++)
        while (recv(sinks[i], data, sizeof data, 0) > 0)
            n++;
    return n;
}

static struct sockaddr_in address_of(unsigned i)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr = {htonl(0x7f010000u + 1 + i)},
                                .sin_port = htons(sink_ports[i * SINKS / (unsigned)n_destinations])};
}

/* A minute of moving tones as Opus packets. */
static BcTrack *make_track(unsigned frame_ms)
{
    char path[] = "/tmp/bench-fanout-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0)
        die("temporary file");
    close(fd);
    MdAudioEncoder *encoder = md_audio_encoder_new(&(MdAudioEncoderConfig){.codec = MD_AUDIO_OPUS, .ptime_ms = frame_ms, .fec = true, .loss_percent = 3});
    BcTrackWriter *writer = bc_track_writer_new(path, MD_AUDIO_OPUS, frame_ms, NULL);
    for (unsigned t = 0; t < 3000; t++) {
        float pcm[MD_AUDIO_TICK_SAMPLES];
        uint8_t packet[MD_AUDIO_PAYLOAD_MAX];
        for (unsigned i = 0; i < MD_AUDIO_TICK_SAMPLES; i++) {
            double at = (t * 960.0 + i) / 48000;
            pcm[i] = (float)(0.2 * sin(2 * G_PI * 180 * at + 3 * sin(at * 9)) + 0.1 * sin(2 * G_PI * 700 * at + 5 * sin(at * 5)));
        }
        int n = md_audio_encoder_encode(encoder, pcm, packet, sizeof packet);
        if (n > 0)
            bc_track_writer_add(writer, packet, (size_t)n, NULL);
    }
    bc_track_writer_finish(writer, NULL);
    md_audio_encoder_free(encoder);
    g_autoptr(GError) error = NULL;
    BcTrack *track = bc_track_load(path, frame_ms, &error);
    unlink(path);
    if (!track) {
        g_printerr("bench-fanout: %s\n", error->message);
        exit(1);
    }
    return track;
}

typedef struct Ours {
    MdVirtualClock clock;
    MdWorker *workers[2];
    unsigned n_workers;
    MdMailbox *control;
    BcFanout *fanout;
    int fd, rtcp_fd;
    unsigned frame_ms;
    bool gone;
} Ours;

static int open_socket(void)
{
    MdAddr any;
    md_addr_from_host(&any, "127.0.0.1", 0);
    int fd = md_udp_open(&any, NULL);
    if (fd < 0)
        die("socket");
    md_udp_set_buffers(fd, 65536, 8 << 20);
    return fd;
}

static void ours_init(Ours *ours, unsigned frame_ms, bool live)
{
    *ours = (Ours){.frame_ms = frame_ms, .n_workers = live ? 2 : 1};
    md_virtual_clock_init(&ours->clock, 1000000, 1795384800000000);
    for (unsigned i = 0; i < ours->n_workers; i++)
        ours->workers[i] = md_worker_new(&(MdWorkerOptions){.name = "fanout", .cpu = live ? (int)i : -1, .clock = live ? NULL : &ours->clock.base});
    ours->control = md_mailbox_new(1024);
    ours->fd = open_socket();
    ours->rtcp_fd = open_socket();
    BcTrack *tracks[MD_AUDIO_CODEC_MAX] = {[MD_AUDIO_OPUS] = make_track(frame_ms)};
    g_autoptr(BcSource) source = bc_source_stored_new(tracks, frame_ms, 10, 0);
    bc_track_unref(tracks[MD_AUDIO_OPUS]);
    MdSrtpKey key;
    md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &key);
    ours->fanout = bc_fanout_new(&(BcFanoutOptions){.workers = ours->workers, .n_workers = ours->n_workers, .control = ours->control,
                                                    .source = source, .frame_ms = frame_ms, .payload_types = {[MD_AUDIO_OPUS] = 111},
                                                    .keys = &key, .n_keys = 1, .rtp_fd = ours->fd, .rtcp_fd = ours->rtcp_fd,
                                                    .rtp_fd6 = -1, .rtcp_fd6 = -1});
    if (!ours->fanout)
        die("fan-out");
    for (unsigned i = 0; i < (unsigned)n_destinations; i++) {
        struct sockaddr_in to = address_of(i);
        BcDestination destination = {.codec = MD_AUDIO_OPUS, .key = 0};
        memcpy(&destination.rtp.ss, &to, sizeof to);
        destination.rtp.len = sizeof to;
        destination.rtcp = destination.rtp;
        if (!bc_fanout_add(ours->fanout, &destination))
            die("destination");
    }
    bc_fanout_commit(ours->fanout);
}

static void on_gone(void *user)
{
    ((Ours *)user)->gone = true;
}

static void ours_clear(Ours *ours, bool live)
{
    bc_fanout_stop(ours->fanout, on_gone, ours);
    while (!ours->gone) {
        for (unsigned i = 0; !live && i < ours->n_workers; i++)
            md_worker_step(ours->workers[i]);
        md_mailbox_drain(ours->control, 0);
        g_usleep(live ? 1000 : 0);
    }
    for (unsigned i = 0; i < ours->n_workers; i++) {
        if (live)
            md_worker_stop(ours->workers[i]);
        md_worker_free(ours->workers[i]);
    }
    md_mailbox_free(ours->control);
    close(ours->fd);
    close(ours->rtcp_fd);
}

/* One frame to everybody; CPU microseconds. */
static double ours_frame(Ours *ours)
{
    int64_t end = md_clock_now_us(&ours->clock.base) + ours->frame_ms * 1000;
    double began = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    for (int64_t now; (now = md_clock_now_us(&ours->clock.base)) < end;) {
        md_worker_step(ours->workers[0]);
        int64_t next = MIN(md_worker_next_due_us(ours->workers[0]), end);
        md_virtual_clock_advance(&ours->clock, MAX(next - now, 1));
    }
    return cpu_us(CLOCK_THREAD_CPUTIME_ID) - began;
}

typedef struct Floor {
    int fd;
    struct mmsghdr *messages;
    struct sockaddr_in *names;
    struct iovec iov;
    uint8_t packet[2048];
} Floor;

static void floor_init(Floor *floor_, size_t len)
{
    floor_->fd = open_socket();
    floor_->messages = g_new0(struct mmsghdr, n_destinations);
    floor_->names = g_new0(struct sockaddr_in, n_destinations);
    floor_->iov = (struct iovec){floor_->packet, len};
    for (unsigned i = 0; i < (unsigned)n_destinations; i++) {
        floor_->names[i] = address_of(i);
        floor_->messages[i].msg_hdr =
            (struct msghdr){.msg_name = &floor_->names[i], .msg_namelen = sizeof floor_->names[i], .msg_iov = &floor_->iov, .msg_iovlen = 1};
    }
}

static void floor_clear(Floor *floor_)
{
    close(floor_->fd);
    g_free(floor_->messages);
    g_free(floor_->names);
}

static double floor_frame(Floor *floor_)
{
    double began = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    for (int at = 0; at < n_destinations;) {
        int sent = sendmmsg(floor_->fd, floor_->messages + at, (unsigned)MIN(FLOOR_BATCH, n_destinations - at), 0);
        if (sent < 0)
            die("sendmmsg");
        at += sent;
    }
    return cpu_us(CLOCK_THREAD_CPUTIME_ID) - began;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

typedef struct Result {
    double cost, floor_cost, ratio;
    size_t packet_bytes;
    unsigned lost;
} Result;

/* Bytes a datagram of this stream has on average, by what the sinks got. */
static size_t probe(Ours *ours)
{
    size_t bytes = 0, n = 0;
    uint8_t data[2048];
    ours_frame(ours);
    for (unsigned i = 0; i < SINKS; i++)
        for (ssize_t len; (len = recv(sinks[i], data, sizeof data, 0)) > 0; n++)
            bytes += (size_t)len;
    return n ? bytes / n : 100;
}

static Result measure(unsigned frame_ms)
{
    Ours ours;
    Floor floor_ = {0};
    Result result = {0};
    double cost[ROUNDS_MAX], floors[ROUNDS_MAX], ratios[ROUNDS_MAX];
    BcFanoutTotals before, after;
    ours_init(&ours, frame_ms, false);
    bc_fanout_start(ours.fanout, 0);
    for (unsigned i = 0; i < 5; i++)
        result.packet_bytes = probe(&ours);
    floor_init(&floor_, result.packet_bytes);
    floor_frame(&floor_);
    drain_sinks();
    for (int r = 0; r < rounds; r++) {
        double ours_us = 0, floor_us = 0;
        bc_fanout_totals(ours.fanout, &before);
        for (unsigned i = 0; i < FRAMES; i++) { /* frame by frame in turn: what else the machine does meets both alike */
            ours_us += ours_frame(&ours);
            result.lost += (unsigned)n_destinations > drain_sinks();
            floor_us += floor_frame(&floor_);
            drain_sinks();
        }
        bc_fanout_totals(ours.fanout, &after);
        cost[r] = ours_us / (double)(after.packets + after.reports - before.packets - before.reports);
        floors[r] = floor_us / (FRAMES * (double)n_destinations);
        ratios[r] = cost[r] / floors[r];
    }
    result.cost = median(cost, rounds);
    result.floor_cost = median(floors, rounds);
    result.ratio = median(ratios, rounds);
    floor_clear(&floor_);
    ours_clear(&ours, false);
    drain_sinks();
    return result;
}

/* Two workers, the real clock, nobody reads. */
static void run_live(unsigned frame_ms, double *ret_cores, BcFanoutTotals *ret)
{
    Ours ours;
    BcFanoutTotals first;
    ours_init(&ours, frame_ms, true);
    for (unsigned i = 0; i < ours.n_workers; i++)
        md_worker_start(ours.workers[i]);
    bc_fanout_start(ours.fanout, 0);
    g_usleep(500000);
    bc_fanout_totals(ours.fanout, &first);
    double began = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
    g_usleep((gulong)live_seconds * G_USEC_PER_SEC);
    *ret_cores = (cpu_us(CLOCK_PROCESS_CPUTIME_ID) - began) / 1e6 / live_seconds;
    bc_fanout_totals(ours.fanout, ret);
    ret->frames -= first.frames;
    ret->packets -= first.packets;
    ret->frames_late -= first.frames_late;
    ret->skipped -= first.skipped;
    ours_clear(&ours, true);
    drain_sinks();
}

int main(int argc, char **argv)
{
    static const unsigned frames[] = {20, 40, 60};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || n_destinations < 100 || n_destinations > 60000 || rounds < 1 ||
        rounds > ROUNDS_MAX) {
        g_printerr("bench-fanout: %s\n", error ? error->message : "a figure is out of range");
        return 2;
    }
    open_sinks();
    Result worst = {0};
    g_autoptr(GString) more = g_string_new(NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(frames); i++) {
        Result r = measure(frames[i]);
        if (r.ratio > worst.ratio)
            worst = r;
        g_string_append_printf(more, ", \"cost_%u\": %.3f, \"floor_%u\": %.3f, \"ratio_%u\": %.3f, \"bytes_%u\": %zu", frames[i], r.cost,
                               frames[i], r.floor_cost, frames[i], r.ratio, frames[i], r.packet_bytes);
        if (!as_json)
            printf("%u ms: %.2f us a packet of %zu bytes, bare sendmmsg %.2f, ratio %.3f%s\n", frames[i], r.cost, r.packet_bytes,
                   r.floor_cost, r.ratio, r.lost ? " (sinks overflowed)" : "");
    }
    for (unsigned i = 1; live_seconds > 0 && i < G_N_ELEMENTS(frames); i++) {
        double cores;
        BcFanoutTotals t;
        run_live(frames[i], &cores, &t);
        g_string_append_printf(more, ", \"live_cores_%u\": %.2f, \"live_late_%u\": %d, \"live_skipped_%u\": %d", frames[i], cores, frames[i],
                               (int)t.frames_late, frames[i], (int)t.skipped);
        if (!as_json)
            printf("%u ms live, 2 workers: %.2f cores, %d frames (%d late), %d packets sent (%d skipped)\n", frames[i], cores, (int)t.frames,
                   (int)t.frames_late, (int)t.packets, (int)t.skipped);
    }
    if (as_json)
        printf("{\"name\": \"fanout\", \"unit\": \"CPU us per packet to %d loudspeakers\", \"cost\": %.3f, \"floor\": %.3f, \"ratio\": %.3f, "
               "\"target\": 1.15%s}\n",
               n_destinations, worst.cost, worst.floor_cost, worst.ratio, more->str);
    return 0;
}
