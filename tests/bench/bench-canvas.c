/* SPDX-License-Identifier: GPL-3.0-or-later */
/* 70 sites send 640x360 at 15 pictures a second in H.264; one 1280x720 composite of them is made (with
 * --classes 3 also one of 1920x1080 and one of 640x360, this one by halving 1280x720, on both sides). What
 * our composer takes against the floor: the same decodes, the same scaling and the same encode with the bare
 * libraries, in the same run. CPU milliseconds per second of media, median of the rounds. Usage: bench-canvas
 * [--json] [--sites N] [--classes N] [--seconds N]
 * [--rounds N] [--paced N] */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <libyuv.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "mediad/video/composer.h"
#include "mediad/video/decoder.h"
#include "mediad/video/scale.h"
#include "mediad/video/quiet.h"

enum { FPS = 15, CLIP_FRAMES = 120, SITES_MAX = 72, PRE_ROLL = 24 };

static const struct {
    uint16_t width, height;
    uint32_t bitrate_bps;
} classes[] = {{1280, 720, 1500000}, {1920, 1080, 3000000}, {640, 360, 500000}};
enum { CLASSES = G_N_ELEMENTS(classes) };

static int sites = 70, seconds = 4, rounds = 5, paced, n_classes = 1;
static gboolean as_json;
static const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print one JSON object", NULL},
    {"sites", 0, 0, G_OPTION_ARG_INT, &sites, "sites, 1 to 72", "N"},
    {"classes", 0, 0, G_OPTION_ARG_INT, &n_classes, "composites: 1, or up to 3 classes of one view", "N"},
    {"seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "media seconds per round", "N"},
    {"rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "rounds, 1 to 99", "N"},
    {"paced", 0, 0, G_OPTION_ARG_INT, &paced, "also run N seconds in real time on the picture pool", "N"},
    {0},
};

/* --- content: made by ffmpeg when the bench starts: something moves everywhere, with a camera's noise on it
 * --- */

static const char *const scenes[] = {
    "mandelbrot=s=640x360:r=15:start_scale=0.5,noise=c0s=4:c0f=t",
    "testsrc2=s=640x360:r=15,noise=c0s=4:c0f=t",
    "mandelbrot=s=640x360:r=15:start_scale=0.02:start_x=-0.74:start_y=0.13,noise=c0s=5:c0f=t",
    "gradients=s=640x360:r=15:speed=0.03:seed=5,noise=c0s=4:c0f=t",
    "sierpinski=s=640x360:r=15:seed=9,noise=c0s=3:c0f=t",
};
enum { CLIPS = G_N_ELEMENTS(scenes) };

typedef struct Clip {
    MdFrame *frames[CLIP_FRAMES];
    AVPacket *packets[CLIP_FRAMES];
    unsigned n;
    size_t bytes;
} Clip;

static void add_frame(Clip *clip, const uint8_t *data, size_t len, bool key)
{
    if (clip->n == CLIP_FRAMES)
        return;
    MdFrame *frame = md_frame_new(MD_VIDEO_H264, len);
    memcpy(frame->data, data, len);
    frame->len = len;
    frame->key = key;
    AVPacket *packet = av_packet_alloc();
    av_new_packet(packet, (int)len);
    memcpy(packet->data, data, len);
    clip->frames[clip->n] = frame;
    clip->packets[clip->n++] = packet;
    clip->bytes += len;
}

/* One slice per picture: an access unit ends with its slice. */
static void cut(Clip *clip, const uint8_t *data, size_t len)
{
    size_t begin = 0;
    bool slice = false, key = false;
    for (size_t i = 0; i + 4 < len; i++) {
        if (data[i] || data[i + 1] || data[i + 2] != 1)
            continue;
        size_t start = i && !data[i - 1] ? i - 1 : i;
        if (slice) {
            add_frame(clip, data + begin, start - begin, key);
            begin = start;
        }
        unsigned type = data[i + 3] & 31;
        slice = type == 1 || type == 5;
        key = type == 5;
    }
    add_frame(clip, data + begin, len - begin, key);
}

static bool make_clip(Clip *clip, const char *folder, unsigned n)
{
    g_autofree char *file = g_strdup_printf("%s/%u.h264", folder, n),
                    *count = g_strdup_printf("%d", CLIP_FRAMES);
    const char *argv[] = {"ffmpeg",   "-v",          "error",      "-y",       "-f",       "lavfi",
                          "-i",       scenes[n],     "-frames:v",  count,      "-pix_fmt", "yuv420p",
                          "-c:v",     "libx264",     "-profile:v", "baseline", "-preset",  "veryfast",
                          "-tune",    "zerolatency", "-threads",   "1",        "-b:v",     "500k",
                          "-maxrate", "500k",        "-bufsize",   "250k",     "-g",       "1000",
                          "-f",       "h264",        file,         NULL};
    int status = 0;
    g_autoptr(GError) error = NULL;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status,
                      &error) ||
        status) {
        g_printerr("ffmpeg: %s\n", error ? error->message : "failed");
        return false;
    }
    g_autofree char *data = NULL;
    gsize len;
    bool got = g_file_get_contents(file, &data, &len, NULL);
    g_unlink(file);
    if (got)
        cut(clip, (const uint8_t *)data, len);
    return got && clip->n == CLIP_FRAMES;
}

/* --- both ways run the same frames: site i shows clip i mod CLIPS, i mod PRE_ROLL frames ahead --- */

static unsigned frame_at(unsigned site, unsigned tick)
{
    return (tick + site % PRE_ROLL) % CLIP_FRAMES;
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

typedef struct Cost {
    double total, decode, compose, encode; /* ms per media second */
    size_t bytes;
} Cost;

/* The floor: nothing but the libraries' own work. */
typedef struct Floor {
    AVCodecContext *decoders[SITES_MAX], *encoders[CLASSES];
    AVFrame *latest[SITES_MAX], *canvases[CLASSES];
    AVPacket *packet;
    MdRect cells[CLASSES][MD_LAYOUT_CELLS_MAX];
} Floor;

static AVCodecContext *open_decoder(void)
{
    const AVCodec *h264 = avcodec_find_decoder(AV_CODEC_ID_H264);
    AVCodecContext *context = avcodec_alloc_context3(h264);
    context->thread_count = 1;
    context->flags |= AV_CODEC_FLAG_LOW_DELAY;
    if (avcodec_open2(context, h264, NULL) < 0)
        g_error("no H.264 decoder");
    return context;
}

static AVCodecContext *open_encoder(unsigned class)
{
    const AVCodec *x264 = avcodec_find_encoder_by_name("libx264");
    AVCodecContext *e = avcodec_alloc_context3(x264);
    e->width = classes[class].width, e->height = classes[class].height, e->pix_fmt = AV_PIX_FMT_YUV420P;
    e->time_base = (AVRational){1, FPS}, e->framerate = (AVRational){FPS, 1};
    e->gop_size = FPS * 30, e->thread_count = 1, e->max_b_frames = 0, e->refs = 1;
    e->bit_rate = e->rc_max_rate = classes[class].bitrate_bps,
    e->rc_buffer_size = (int)(classes[class].bitrate_bps / 2);
    av_opt_set(e->priv_data, "preset", "superfast", 0);
    av_opt_set(e->priv_data, "tune", "zerolatency", 0);
    av_opt_set(e->priv_data, "profile", "baseline", 0);
    av_opt_set(e->priv_data, "x264-params", "scenecut=0:sliced-threads=0", 0);
    if (avcodec_open2(e, x264, NULL) < 0)
        g_error("no libx264");
    return e;
}

static void floor_open(Floor *floor)
{
    for (int i = 0; i < sites; i++) {
        floor->decoders[i] = open_decoder();
        floor->latest[i] = av_frame_alloc();
    }
    for (int c = 0; c < n_classes; c++) {
        md_layout_cells(MD_LAYOUT_AUTO, (unsigned)sites, classes[c].width, classes[c].height,
                        floor->cells[c]);
        floor->encoders[c] = open_encoder((unsigned)c);
        AVFrame *canvas = floor->canvases[c] = av_frame_alloc();
        canvas->width = classes[c].width, canvas->height = classes[c].height,
        canvas->format = AV_PIX_FMT_YUV420P;
        av_frame_get_buffer(canvas, 64);
    }
    floor->packet = av_packet_alloc();
}

static void floor_close(Floor *floor)
{
    for (int i = 0; i < sites; i++) {
        avcodec_free_context(&floor->decoders[i]);
        av_frame_free(&floor->latest[i]);
    }
    for (int c = 0; c < n_classes; c++) {
        avcodec_free_context(&floor->encoders[c]);
        av_frame_free(&floor->canvases[c]);
    }
    av_packet_free(&floor->packet);
}

static void floor_scale(const AVFrame *from, AVFrame *to, const MdRect *cell)
{
    MdFit fit = md_fit((unsigned)from->width, (unsigned)from->height, cell->width, cell->height);
    const MdRect *s = &fit.source;
    int x = cell->x + fit.tile.x, y = cell->y + fit.tile.y;
    I420Scale(from->data[0] + s->y * from->linesize[0] + s->x, from->linesize[0],
              from->data[1] + s->y / 2 * from->linesize[1] + s->x / 2, from->linesize[1],
              from->data[2] + s->y / 2 * from->linesize[2] + s->x / 2, from->linesize[2], s->width, s->height,
              to->data[0] + y * to->linesize[0] + x, to->linesize[0],
              to->data[1] + y / 2 * to->linesize[1] + x / 2, to->linesize[1],
              to->data[2] + y / 2 * to->linesize[2] + x / 2, to->linesize[2], fit.tile.width, fit.tile.height,
              kFilterBox);
}

static void floor_compose(Floor *floor, int class)
{
    if (class == 2) {
        MdRect whole = {0, 0, classes[2].width, classes[2].height};
        floor_scale(floor->canvases[0], floor->canvases[2], &whole);
        return;
    }
    for (int i = 0; i < sites; i++)
        if (floor->latest[i]->data[0])
            floor_scale(floor->latest[i], floor->canvases[class], &floor->cells[class][i]);
}

/* All decodes, then all tiles, as a composer that works by ticks must; pictures wait in the decoders' own
 * memory. */
static void floor_tick(Floor *floor, Clip *clips, unsigned tick, Cost *cost)
{
    double begun = cpu_ms();
    for (int i = 0; i < sites; i++) {
        avcodec_send_packet(floor->decoders[i], clips[i % CLIPS].packets[frame_at((unsigned)i, tick)]);
        avcodec_receive_frame(floor->decoders[i], floor->latest[i]);
    }
    double decoded = cpu_ms();
    for (int c = 0; c < n_classes; c++)
        floor_compose(floor, c);
    double composed = cpu_ms();
    for (int c = 0; c < n_classes; c++) {
        floor->canvases[c]->pts = tick;
        avcodec_send_frame(floor->encoders[c], floor->canvases[c]);
        while (avcodec_receive_packet(floor->encoders[c], floor->packet) == 0) {
            cost->bytes += (size_t)floor->packet->size;
            av_packet_unref(floor->packet);
        }
    }
    double encoded = cpu_ms();
    cost->decode += decoded - begun;
    cost->compose += composed - decoded;
    cost->encode += encoded - composed;
    cost->total += encoded - begun;
}

static Cost run_floor(Clip *clips)
{
    Floor floor = {0};
    Cost cost = {0};
    floor_open(&floor);
    for (int i = 0; i < sites; i++) /* the frames before its first */
        for (unsigned j = 0; j < (unsigned)i % PRE_ROLL; j++) {
            avcodec_send_packet(floor.decoders[i], clips[i % CLIPS].packets[j]);
            avcodec_receive_frame(floor.decoders[i], floor.latest[i]);
        }
    for (unsigned tick = 0; tick < FPS; tick++) /* warm-up */
        floor_tick(&floor, clips, tick, &cost);
    cost = (Cost){0};
    for (unsigned tick = FPS; tick < FPS * (unsigned)(1 + seconds); tick++)
        floor_tick(&floor, clips, tick, &cost);
    floor_close(&floor);
    cost.total /= seconds, cost.decode /= seconds, cost.compose /= seconds, cost.encode /= seconds;
    return cost;
}

/* --- ours --- */

static void on_frame(uint32_t output, MdFrame *frame, void *user)
{
    *(size_t *)user += frame->len;
}

static void on_need_key(uint32_t source, void *user)
{
}

static void our_tick(MdComposer *composer, MdVirtualClock *clock, Clip *clips, unsigned tick)
{
    for (int i = 0; i < sites; i++) {
        MdFrame *frame = clips[i % CLIPS].frames[frame_at((unsigned)i, tick)];
        md_composer_push(composer, (uint32_t)i + 1, frame);
    }
    md_virtual_clock_advance(clock, 1000000 / FPS);
    md_composer_tick(composer, md_clock_now_us(&clock->base));
}

static void fill_composer(MdComposer *composer, uint32_t cells[SITES_MAX])
{
    for (int i = 0; i < sites; i++) {
        g_autofree char *name = g_strdup_printf("Xã Cẩm Xuyên %d", i + 1);
        cells[i] = (uint32_t)i + 1;
        md_composer_add_source(composer, cells[i], name);
    }
    MdScene scene = {.layout = MD_LAYOUT_AUTO, .n_cells = (unsigned)sites, .cells = cells};
    md_composer_set_view(composer, 1, &scene);
    for (int c = 0; c < n_classes; c++) {
        MdComposerOutput output = {.view = 1,
                                   .codec = MD_VIDEO_H264,
                                   .width = classes[c].width,
                                   .height = classes[c].height,
                                   .fps = FPS,
                                   .bitrate_bps = classes[c].bitrate_bps};
        md_composer_add_output(composer, (uint32_t)c + 1, &output);
    }
}

static MdComposer *open_composer(MdVirtualClock *clock, size_t *bytes)
{
    uint32_t cells[SITES_MAX];
    md_virtual_clock_init(clock, 1000000, 1700000000000000);
    MdComposerOptions options = {.clock = &clock->base, .events = {on_frame, on_need_key}, .user = bytes};
    MdComposer *composer = md_composer_new(&options);
    fill_composer(composer, cells);
    return composer;
}

static Cost run_ours(Clip *clips)
{
    MdVirtualClock clock;
    size_t bytes = 0;
    MdComposer *composer = open_composer(&clock, &bytes);
    for (int i = 0; i < sites; i++)
        for (unsigned j = 0; j < (unsigned)i % PRE_ROLL; j++)
            md_composer_push(composer, (uint32_t)i + 1, clips[i % CLIPS].frames[j]);
    for (unsigned tick = 0; tick < FPS; tick++)
        our_tick(composer, &clock, clips, tick);
    MdComposerStats before, after;
    md_composer_stats(composer, &before);
    bytes = 0;
    double begun = cpu_ms();
    for (unsigned tick = FPS; tick < FPS * (unsigned)(1 + seconds); tick++)
        our_tick(composer, &clock, clips, tick);
    double total = cpu_ms() - begun;
    md_composer_stats(composer, &after);
    int drawn_classes = n_classes > 1 ? 2 : 1, work = sites * seconds * FPS;
    if (after.frames_decoded - before.frames_decoded != (uint64_t)work ||
        (sites >= 25 && after.tiles_drawn - before.tiles_drawn != (uint64_t)(work * drawn_classes)) ||
        after.frames_encoded - before.frames_encoded != (uint64_t)(seconds * FPS * n_classes))
        g_error("the composer did not do the whole work: %" G_GUINT64_FORMAT " decodes, %" G_GUINT64_FORMAT
                " tiles, %" G_GUINT64_FORMAT " encodes",
                after.frames_decoded - before.frames_decoded, after.tiles_drawn - before.tiles_drawn,
                after.frames_encoded - before.frames_encoded);
    md_composer_free(composer);
    return (Cost){
        .total = total / seconds,
        .decode = (double)(after.decode_us - before.decode_us) / 1e3 / seconds,
        .compose = (double)(after.compose_us - before.compose_us) / 1e3 / seconds,
        .encode = (double)(after.encode_us - before.encode_us) / 1e3 / seconds,
        .bytes = bytes,
    };
}

/* In real time on the pool's threads, pushed from this thread as a media worker would: CPU, and how long a
 * push takes. */
static void run_paced(Clip *clips)
{
    size_t bytes = 0;
    uint32_t cells[SITES_MAX];
    MdPicturePool *pool = md_picture_pool_new(0, 5);
    MdComposerOptions options = {.pool = pool, .events = {on_frame, on_need_key}, .user = &bytes};
    MdComposer *composer = md_composer_new(&options);
    fill_composer(composer, cells);
    const MdClock *clock = md_clock_system();
    int64_t start = md_clock_now_us(clock), longest_us = 0, pushing_us = 0;
    MdComposerStats before = {0}, after;
    double cpu = 0;
    int64_t total = (int64_t)sites * FPS * (paced + 2);
    for (int64_t n = 0; n < total; n++) { /* spread evenly over the second */
        int64_t due = start + n * 1000000 / (sites * FPS), now;
        while ((now = md_clock_now_us(clock)) < due)
            g_usleep((gulong)(due - now));
        if (n == (int64_t)sites * FPS * 2) { /* warm */
            md_composer_stats(composer, &before);
            cpu = cpu_ms();
            longest_us = pushing_us = 0;
        }
        int site = (int)(n % sites);
        md_composer_push(composer, (uint32_t)site + 1, clips[site % CLIPS].frames[n / sites % CLIP_FRAMES]);
        int64_t took = md_clock_now_us(clock) - now;
        pushing_us += took;
        longest_us = took > longest_us ? took : longest_us;
    }
    cpu = cpu_ms() - cpu;
    md_composer_stats(composer, &after);
    g_print("paced  %7.1f CPU ms per second over %d s on the pool; %.1f decodes, %.1f tiles, %.2f encodes a "
            "second; dropped %" G_GUINT64_FORMAT ", late ticks %" G_GUINT64_FORMAT
            "; a push takes %.2f us, at most %d us\n",
            cpu / paced, paced, (double)(after.frames_decoded - before.frames_decoded) / paced,
            (double)(after.tiles_drawn - before.tiles_drawn) / paced,
            (double)(after.frames_encoded - before.frames_encoded) / paced,
            after.frames_dropped - before.frames_dropped, after.ticks_late - before.ticks_late,
            (double)pushing_us / (sites * FPS * paced), (int)longest_us);
    md_composer_free(composer);
    md_picture_pool_free(pool);
}

static int by_total(const void *a, const void *b)
{
    double x = ((const Cost *)a)->total, y = ((const Cost *)b)->total;
    return (x > y) - (x < y);
}

static void report(Cost *floors, Cost *ours)
{
    qsort(floors, (size_t)rounds, sizeof(Cost), by_total);
    qsort(ours, (size_t)rounds, sizeof(Cost), by_total);
    const Cost *f = &floors[rounds / 2], *o = &ours[rounds / 2];
    if (as_json) {
        g_print("{\"name\": \"canvas\", \"unit\": \"CPU ms per media second\", \"cost\": %.2f, \"floor\": "
                "%.2f, \"ratio\": %.3f, "
                "\"target\": 1.3, \"sites\": %d, \"classes\": %d, \"rounds\": %d, \"cost_min\": %.2f, "
                "\"cost_max\": %.2f, \"floor_min\": %.2f, "
                "\"floor_max\": %.2f}\n",
                o->total, f->total, o->total / f->total, sites, n_classes, rounds, ours[0].total,
                ours[rounds - 1].total, floors[0].total, floors[rounds - 1].total);
        return;
    }
    g_print("canvas: %d x 640x360p15 H.264 into %d composite%s (1280x720p15 1.5 Mbit/s%s); CPU ms per media "
            "second, median of %d rounds\n",
            sites, n_classes, n_classes > 1 ? "s" : "", n_classes > 1 ? ", 1920x1080 3.0, 640x360 0.5" : "",
            rounds);
    g_print("         total (min-max)         decode  compose   encode   kbit/s\n");
    g_print("floor  %7.1f (%.1f-%.1f)  %7.1f  %7.1f  %7.1f  %7.0f\n", f->total, floors[0].total,
            floors[rounds - 1].total, f->decode, f->compose, f->encode,
            (double)f->bytes * 8 / 1000 / seconds);
    g_print("ours   %7.1f (%.1f-%.1f)  %7.1f  %7.1f  %7.1f  %7.0f\n", o->total, ours[0].total,
            ours[rounds - 1].total, o->decode, o->compose, o->encode, (double)o->bytes * 8 / 1000 / seconds);
    g_print("ratio  %.3f (target 1.3)\n", o->total / f->total);
}

int main(int argc, char **argv)
{
    static Clip clips[CLIPS];
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || sites < 1 || sites > SITES_MAX ||
        n_classes < 1 || n_classes > CLASSES || seconds < 1 || seconds > 600 || rounds < 1 || rounds > 99 ||
        paced < 0 || paced > 600) {
        g_printerr("%s\n", error ? error->message : "out of range");
        return 2;
    }
    md_quiet_libavcodec();
    g_autofree char *folder = g_dir_make_tmp("bench-canvas-XXXXXX", NULL);
    for (unsigned i = 0; i < CLIPS; i++)
        if (!folder || !make_clip(&clips[i], folder, i))
            return 1;
    g_rmdir(folder);
    Cost floors[99], ours[99];
    run_floor(clips);
    run_ours(clips);
    for (int i = 0; i < rounds; i++) { /* alternating, so that both meet the same noise */
        floors[i] = run_floor(clips);
        ours[i] = run_ours(clips);
    }
    report(floors, ours);
    if (paced > 0 && !as_json)
        run_paced(clips);
    return 0;
}
