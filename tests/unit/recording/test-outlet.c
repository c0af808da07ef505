/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures and sound through the real multiplexers, and what becomes of files: whole, broken off, empty. */
#include "mediad/recording/finish.h"
#include "mediad/recording/outlet.h"
#include "mediad/audio/tone.h"
#include "mediad/video/encoder.h"
#include "mediad/video/picture.h"
#include <math.h>
#include <string.h>
#include <glib/gstdio.h>
#include <libavformat/avformat.h>

enum { FPS = 10 };
static const int64_t BEGIN_US = 5000000000; /* the clock's origin means nothing */

typedef struct Sink {
    GByteArray *bytes;
    unsigned keys;
    bool done, failed;
    size_t refuse_after; /* 0: never */
} Sink;

static bool on_bytes(const uint8_t *bytes, size_t len, bool key, int64_t time_us, void *user)
{
    Sink *sink = user;
    g_byte_array_append(sink->bytes, bytes, (guint)len);
    sink->keys += key;
    return sink->refuse_after == 0 || sink->bytes->len < sink->refuse_after;
}

static void on_failed(const char *why, void *user)
{
    ((Sink *)user)->failed = true;
}

static void on_done(void *user)
{
    ((Sink *)user)->done = true;
}

static void wait_for(const bool *flag)
{
    int64_t until_us = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    while (!*flag && g_get_monotonic_time() < until_us)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(*flag);
}

/* seconds of a tone and a moving bar; sound_hole_ms of ticks are missing in the middle. */
static void play(MdOutlet *outlet, unsigned seconds, bool pictures, unsigned sound_hole_ms)
{
    MdEncoder *encoder = NULL;
    MdPicture *picture = md_picture_new(320, 180);
    MdTone tone;
    float pcm[MD_AUDIO_TICK_SAMPLES];
    md_tone_init(&tone, 440, MD_AUDIO_RATE, 0.3f);
    g_assert_cmpint(md_encoder_new(&(MdEncoderOptions){.codec = MD_VIDEO_H264, .width = 320, .height = 180, .fps = FPS, .bitrate_bps = 300000},
                                   &encoder), ==, 0);
    for (unsigned tick = 0; tick < seconds * 50; tick++) {
        int64_t now_us = BEGIN_US + tick * INT64_C(20000);
        unsigned ms = tick * 20, hole = seconds * 500;
        md_tone_fill(&tone, pcm, MD_AUDIO_TICK_SAMPLES);
        if (ms < hole || ms >= hole + sound_hole_ms)
            md_outlet_sound(outlet, pcm, now_us);
        if (!pictures || ms % (1000 / FPS) != 0)
            continue;
        MdFrame *frame = NULL;
        md_planes_fill(&picture->planes, &(MdRect){0, 0, 320, 180}, (uint8_t)(40 + tick % 150), 100, 150);
        g_assert_cmpint(md_encoder_encode(encoder, &picture->planes, ms % 2000 == 0, &frame), ==, 0);
        if (frame) {
            frame->time_us = now_us + 7000; /* pictures have beats of their own */
            md_outlet_picture(outlet, frame);
            md_frame_unref(frame);
        }
    }
    md_picture_unref(picture);
    md_encoder_free(encoder);
}

static Sink record(MdOutletKind kind, unsigned seconds, bool pictures, unsigned hole_ms)
{
    Sink sink = {.bytes = g_byte_array_new()};
    g_autoptr(GError) error = NULL;
    MdOutlet *outlet = md_outlet_new(&(MdOutletSpec){.kind = kind, .pictures = pictures, .on_bytes = on_bytes, .on_failed = on_failed, .user = &sink},
                                     &error);
    g_assert_no_error(error);
    play(outlet, seconds, pictures, hole_ms);
    g_assert_cmpint(llabs(md_outlet_duration_us(outlet) - seconds * INT64_C(1000000)), <, 150000);
    md_outlet_end(outlet, on_done, &sink);
    wait_for(&sink.done);
    md_outlet_free(outlet);
    g_assert_false(sink.failed);
    return sink;
}

typedef struct Probe {
    int64_t duration_us, picture_us, sound_us; /* sums of what the packets last; first times are checked here */
    unsigned pictures, chapters;
    char titles[4][64];
    int64_t starts_us[4];
} Probe;

static Probe probe(const char *path)
{
    AVFormatContext *in = NULL;
    Probe p = {0};
    g_assert_cmpint(avformat_open_input(&in, path, NULL, NULL), >=, 0);
    g_assert_cmpint(avformat_find_stream_info(in, NULL), >=, 0);
    p.duration_us = in->duration;
    p.chapters = in->nb_chapters;
    for (unsigned i = 0; i < in->nb_chapters && i < 4; i++) {
        const AVDictionaryEntry *title = av_dict_get(in->chapters[i]->metadata, "title", NULL, 0);
        g_strlcpy(p.titles[i], title ? title->value : "", sizeof p.titles[i]);
        p.starts_us[i] = av_rescale_q(in->chapters[i]->start, in->chapters[i]->time_base, (AVRational){1, 1000000});
    }
    AVPacket *packet = av_packet_alloc();
    while (av_read_frame(in, packet) >= 0) {
        const AVStream *stream = in->streams[packet->stream_index];
        int64_t end_us = av_rescale_q(packet->pts + packet->duration, stream->time_base, (AVRational){1, 1000000});
        if (stream->codecpar->codec_id == AV_CODEC_ID_H264) {
            p.pictures++;
            p.picture_us = MAX(p.picture_us, end_us);
        } else if (stream->codecpar->codec_id == AV_CODEC_ID_AAC) {
            p.sound_us = MAX(p.sound_us, end_us);
        }
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    avformat_close_input(&in);
    return p;
}

static char *folder(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = g_dir_make_tmp("recording-XXXXXX", &error);
    g_assert_no_error(error);
    return dir;
}

static void clean(char *dir)
{
    static const char *const files[] = {"part.mp4", "whole.mp4"};
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(dir, files[i], NULL);
        g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(dir), ==, 0);
    g_free(dir);
}

static void near(int64_t value_us, int64_t wanted_us, int64_t off_us)
{
    if (llabs(value_us - wanted_us) > off_us)
        g_error("%lld ms instead of %lld", (long long)value_us / 1000, (long long)wanted_us / 1000);
}

/* cut: per mille of the bytes that are there. */
static Probe finish(const Sink *sink, unsigned cut, MdFinished *ret)
{
    char *dir = folder();
    g_autofree char *part = g_build_filename(dir, "part.mp4", NULL), *whole = g_build_filename(dir, "whole.mp4", NULL);
    MdChapter chapters[] = {{0, (char *)"Khai mạc"}, {2500000, (char *)"UBND xã Cẩm Xuyên"}, {99000000, (char *)"beyond"}};
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents(part, (const char *)sink->bytes->data, sink->bytes->len * (gssize)cut / 1000, NULL));
    md_finish(part, whole, chapters, G_N_ELEMENTS(chapters), NULL, ret, &error);
    g_assert_no_error(error);
    Probe p = probe(whole);
    g_autofree char *contents = NULL;
    gsize len;
    g_assert_true(g_file_get_contents(whole, &contents, &len, NULL));
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)contents, len);
    g_assert_cmpstr(sum, ==, ret->sha256);
    g_assert_cmpint((int64_t)len, ==, ret->bytes);
    g_assert_nonnull(memmem(contents, MIN(len, 4096), "moov", 4)); /* the index comes first: players begin at once */
    clean(dir);
    return p;
}

static void test_whole(void)
{
    Sink sink = record(MD_OUTLET_MP4, 6, true, 1000);
    MdFinished finished;
    Probe p = finish(&sink, 1000, &finished);
    near(finished.duration_us, 6000000, 150000);
    near(p.duration_us, 6000000, 150000);
    near(p.picture_us, 6000000, 150000);
    near(p.sound_us, 6000000, 150000); /* the hole in it was filled: what follows is in its place */
    g_assert_cmpuint(p.pictures, >=, 6 * FPS - 2);
    g_assert_cmpuint(p.chapters, ==, 2);
    g_assert_cmpstr(p.titles[0], ==, "Khai mạc");
    g_assert_cmpstr(p.titles[1], ==, "UBND xã Cẩm Xuyên");
    near(p.starts_us[1], 2500000, 2000);
    g_byte_array_unref(sink.bytes);
}

/* Whatever was written can be played up to the last second or so, wherever it breaks off. */
static void test_broken_off(void)
{
    Sink sink = record(MD_OUTLET_MP4, 8, true, 0);
    for (unsigned cut = 500; cut <= 950; cut += 150) {
        MdFinished finished;
        Probe p = finish(&sink, cut, &finished);
        int64_t reached_us = 8000000 * (int64_t)cut / 1000;
        g_assert_cmpint(p.picture_us, >, reached_us - 1700000);
        g_assert_cmpint(p.sound_us, >, reached_us - 1700000);
        near(p.picture_us, p.sound_us, 1200000);
    }
    g_byte_array_unref(sink.bytes);
}

static void test_nothing(void)
{
    char *dir = folder();
    g_autofree char *part = g_build_filename(dir, "part.mp4", NULL), *whole = g_build_filename(dir, "whole.mp4", NULL);
    MdFinished finished;
    static const char *const contents[] = {"", "this is no film"};
    for (unsigned i = 0; i < G_N_ELEMENTS(contents); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_true(g_file_set_contents(part, contents[i], -1, NULL));
        g_assert_false(md_finish(part, whole, NULL, 0, NULL, &finished, &error));
        g_assert_error(error, MD_FINISH_ERROR, MD_FINISH_ERROR_EMPTY);
        g_assert_false(g_file_test(whole, G_FILE_TEST_EXISTS));
    }
    clean(dir);
}

static void test_sound_alone(void)
{
    Sink sink = record(MD_OUTLET_MP4, 3, false, 0);
    MdFinished finished;
    Probe p = finish(&sink, 1000, &finished);
    near(p.sound_us, 3000000, 100000);
    g_assert_cmpuint(p.pictures, ==, 0);
    g_byte_array_unref(sink.bytes);
}

static void test_transport_stream(void)
{
    Sink sink = record(MD_OUTLET_TS, 6, true, 0);
    g_assert_cmpuint(sink.bytes->len % 188, ==, 0);
    g_assert_cmpuint(sink.bytes->data[0], ==, 0x47);
    g_assert_cmpuint(sink.keys, ==, 3); /* one in two seconds */
    g_byte_array_unref(sink.bytes);
}

static void test_disk_full(void)
{
    Sink sink = {.bytes = g_byte_array_new(), .refuse_after = 20000};
    MdOutlet *outlet = md_outlet_new(&(MdOutletSpec){.kind = MD_OUTLET_MP4, .pictures = true, .on_bytes = on_bytes, .on_failed = on_failed, .user = &sink}, NULL);
    play(outlet, 4, true, 0);
    wait_for(&sink.failed);
    md_outlet_end(outlet, on_done, &sink);
    wait_for(&sink.done);
    md_outlet_free(outlet);
    g_byte_array_unref(sink.bytes);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/recording/outlet/whole", test_whole);
    g_test_add_func("/recording/outlet/broken-off", test_broken_off);
    g_test_add_func("/recording/outlet/nothing", test_nothing);
    g_test_add_func("/recording/outlet/sound-alone", test_sound_alone);
    g_test_add_func("/recording/outlet/transport-stream", test_transport_stream);
    g_test_add_func("/recording/outlet/disk-full", test_disk_full);
    return g_test_run();
}
