/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/ingest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "broadcast/track.h"

/* Real files made by ffmpeg and espeak-ng; loudness and peaks judged by ffmpeg's own EBU R 128 meter. */
static char *dir;

static void run(const char *command)
{
    g_autofree char *out = NULL, *err = NULL;
    int status;
    char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)command, NULL};
    g_autoptr(GError) error = NULL;
    g_spawn_sync(dir, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status, &error);
    g_assert_no_error(error);
    if (status)
        g_test_message("%s: %s", command, err);
    g_assert_cmpint(status, ==, 0);
}

static void make_sources(void)
{
    /* speech with pauses, its level swinging by 12 dB: a limiter has work to do */
    run("espeak-ng -v vi -w speech.wav 'Thông báo của Ủy ban nhân dân xã. Ngày mai mười bảy giờ, bão số năm đổ bộ vào Hà Tĩnh. "
        "Đề nghị bà con gia cố nhà cửa, thu hoạch lúa, không ra khơi. Xin cảm ơn bà con đã lắng nghe bản tin này.'");
    run("ffmpeg -v error -y -i speech.wav -b:a 64k speech.mp3");
    run("ffmpeg -v error -y -i speech.wav -af volume=-25dB -ar 48000 -c:a libopus quiet.ogg");
    run("ffmpeg -v error -y -i speech.wav -f lavfi -i testsrc2=s=320x240:r=15:d=5 -map 0:a -map 1:v -c:a aac -ac 2 -c:v libx264 -pix_fmt yuv420p"
        " -metadata:s:v rotate=90 -shortest -movflags +faststart phone.mp4");
    run("ffmpeg -v error -y -i speech.wav -ar 8000 -c:a pcm_s16le narrow.wav");
    run("ffmpeg -v error -y -f lavfi -i sine=440:d=3 -f lavfi -i anoisesrc=d=3:a=0.02 -filter_complex amix=2,volume=-15dB tone.flac");
    run("ffmpeg -v error -y -f lavfi -i anullsrc=r=48000:cl=mono -t 3 silent.wav");
    run("ffmpeg -v error -y -f lavfi -i sine=300:d=3 -af volume=40dB -c:a pcm_s16le clipped.wav");
    run("ffmpeg -v error -y -f lavfi -i testsrc2=s=160x120:r=10:d=2 -c:v libx264 -pix_fmt yuv420p mute.mp4");
    run("ffmpeg -v error -y -f lavfi -i sine=300:d=0.05 tiny.wav");
    run("head -c 60000 /dev/urandom > garbage.mp3");
    run("head -c 1500 phone.mp4 > cut.mp4");
    run(": > empty.wav");
    run("printf '#EXTM3U\\n#EXT-X-TARGETDURATION:5\\n#EXTINF:5,\\nfile:///etc/passwd\\n#EXT-X-ENDLIST\\n' > list.m3u8");
}

static bool ingest(const char *name, const BcIngestOptions *options, BcIngestResult *ret, GError **error)
{
    g_autofree char *path = g_build_filename(dir, name, NULL), *content = g_build_filename(dir, "content", NULL);
    BcIngestOptions own = options ? *options : (BcIngestOptions){0};
    BcIngestProgress progress = {0};
    own.content_dir = content;
    return bc_ingest_file(path, &own, &progress, ret, error);
}

/* Integrated loudness and true peak as ffmpeg reads them. */
static void ffmpeg_meter(const char *path, double *ret_lufs, double *ret_dbtp)
{
    g_autofree char *quoted = g_shell_quote(path);
    g_autofree char *command = g_strdup_printf("ffmpeg -nostats -i %s -af ebur128=peak=true -f null - 2>&1", quoted);
    char *argv[] = {(char *)"/bin/sh", (char *)"-c", command, NULL};
    g_autofree char *out = NULL;
    g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, NULL, NULL);
    const char *summary = g_strrstr(out, "Summary:");
    g_assert_nonnull(summary);
    const char *i = strstr(summary, "I:"), *peak = strstr(summary, "Peak:");
    g_assert_true(i && peak);
    *ret_lufs = g_ascii_strtod(i + 2, NULL);
    *ret_dbtp = g_ascii_strtod(peak + 5, NULL);
}

static void check_tracks(const BcIngestResult *r, const char *content)
{
    for (int c = 0; c < MD_AUDIO_CODEC_MAX; c++) {
        g_autofree char *path = bc_content_path(content, r->sha256, bc_profile_name(c));
        for (unsigned ms = 20; ms <= 60; ms += 20) {
            g_autoptr(GError) error = NULL;
            g_autoptr(BcTrack) track = bc_track_load(path, ms, &error);
            g_assert_no_error(error);
            g_assert_cmpint(track->codec, ==, c);
            g_assert_cmpint(llabs((int64_t)track->n_packets * ms * 1000 - r->duration_us), <=, 130000);
        }
    }
}

static void test_levels(void)
{
    static const char *const names[] = {"speech.wav", "speech.mp3", "quiet.ogg", "phone.mp4", "narrow.wav", "tone.flac"};
    g_autofree char *content = g_build_filename(dir, "content", NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        BcIngestResult r;
        g_autoptr(GError) error = NULL;
        bool ok = ingest(names[i], NULL, &r, &error);
        g_assert_no_error(error);
        g_assert_true(ok);
        static const char *const files[] = {BC_PROFILE_MASTER, BC_PROFILE_MP3};
        for (unsigned f = 0; f < G_N_ELEMENTS(files); f++) {
            g_autofree char *path = bc_content_path(content, r.sha256, files[f]);
            double lufs, dbtp;
            ffmpeg_meter(path, &lufs, &dbtp);
            g_test_message("%s %s: in %.1f LUFS, gain %.1f dB, ffmpeg reads %.1f LUFS, %.1f dBTP", names[i], files[f], r.loudness_in,
                           r.gain_db, lufs, dbtp);
            g_assert_cmpfloat(fabs(lufs + 16), <=, 1.0);
            g_assert_cmpfloat(dbtp, <=, -0.7);
        }
        check_tracks(&r, content);
    }
}

/* The Opus track decodes to the same loudness. */
static void test_opus_profile(void)
{
    BcIngestResult r;
    g_autoptr(GError) error = NULL;
    g_assert_true(ingest("speech.wav", &(BcIngestOptions){.frame_ms = 60}, &r, &error));
    g_autofree char *content = g_build_filename(dir, "content", NULL);
    g_autofree char *path = bc_content_path(content, r.sha256, bc_profile_name(MD_AUDIO_OPUS));
    g_autofree char *wav = g_build_filename(dir, "opus.f32", NULL), *raw = g_build_filename(dir, "opus.wav", NULL);
    g_autoptr(BcTrack) track = bc_track_load(path, 60, &error);
    g_assert_no_error(error);
    MdAudioDecoder *decoder = md_audio_decoder_new(MD_AUDIO_OPUS);
    FILE *file = fopen(wav, "wb");
    float pcm[MD_AUDIO_PACKET_SAMPLES_MAX];
    for (unsigned i = 0; i < track->n_packets; i++) {
        size_t len;
        const uint8_t *packet = bc_track_packet(track, i, &len);
        int n = md_audio_decoder_decode(decoder, packet, len, pcm, G_N_ELEMENTS(pcm));
        g_assert_cmpint(n, ==, 2880);
        fwrite(pcm, sizeof *pcm, (size_t)n, file);
    }
    fclose(file);
    md_audio_decoder_free(decoder);
    run("ffmpeg -v error -y -f f32le -ar 48000 -ac 1 -i opus.f32 -c:a pcm_f32le opus.wav");
    double lufs, dbtp;
    ffmpeg_meter(raw, &lufs, &dbtp);
    g_test_message("opus: %.1f LUFS, %.1f dBTP", lufs, dbtp);
    g_assert_cmpfloat(fabs(lufs + 16), <=, 1.0);
    g_assert_cmpfloat(dbtp, <=, -0.5);
}

static void test_refused(void)
{
    static const struct {
        const char *name;
        int code;
        const char *says;
    } bad[] = {
        {"silent.wav", BC_ERROR_CONTENT, "silent"},  {"clipped.wav", BC_ERROR_CONTENT, "clipped"},
        {"mute.mp4", BC_ERROR_CONTENT, "decoded"}, {"tiny.wav", BC_ERROR_CONTENT, "shorter"},
        {"garbage.mp3", BC_ERROR_CONTENT, "decoded"}, {"cut.mp4", BC_ERROR_CONTENT, "the file"}, /* cut or hanging: as the demuxer likes */
        {"empty.wav", BC_ERROR_CONTENT, "empty"},    {"list.m3u8", BC_ERROR_CONTENT, "decoded"},
        {"nothing.wav", BC_ERROR_FAILED, "read"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        BcIngestResult r;
        g_autoptr(GError) error = NULL;
        bool ok = ingest(bad[i].name, &(BcIngestOptions){.time_max_us = 3 * G_USEC_PER_SEC}, &r, &error);
        g_test_message("%s: %s", bad[i].name, error ? error->message : "taken!");
        g_assert_false(ok);
        g_assert_error(error, BC_ERROR, bad[i].code);
        g_assert_nonnull(strstr(error->message, bad[i].says));
    }
    BcIngestResult r;
    g_autoptr(GError) too_long = NULL, too_big = NULL;
    g_assert_false(ingest("speech.wav", &(BcIngestOptions){.duration_max_us = 2 * G_USEC_PER_SEC}, &r, &too_long));
    g_assert_error(too_long, BC_ERROR, BC_ERROR_CONTENT);
    g_assert_false(ingest("speech.wav", &(BcIngestOptions){.bytes_max = 1000}, &r, &too_big));
    g_assert_error(too_big, BC_ERROR, BC_ERROR_LIMIT);
}

/* A recording that ends early is taken as far as it goes, or refused; never half stored. */
static void test_cut(void)
{
    run("head -c 30000 speech.mp3 > cut.mp3; head -c 40000 speech.wav > cut.wav");
    static const char *const names[] = {"cut.mp3", "cut.wav"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        BcIngestResult r;
        g_autoptr(GError) error = NULL;
        g_assert_true(ingest(names[i], NULL, &r, &error));
        g_assert_cmpint(r.duration_us, >, 800000);
        g_assert_cmpint(r.duration_us, <, 4500000);
    }
}

static void test_cancel_and_clean(void)
{
    g_autofree char *path = g_build_filename(dir, "speech.wav", NULL), *content = g_build_filename(dir, "other", NULL);
    BcIngestOptions options = {.content_dir = content};
    BcIngestProgress progress = {0};
    BcIngestResult r;
    g_autoptr(GError) error = NULL;
    atomic_store(&progress.cancel, true);
    g_assert_false(bc_ingest_file(path, &options, &progress, &r, &error));
    g_assert_error(error, BC_ERROR, BC_ERROR_STATE);
    g_autofree char *left = g_build_filename(content, "tmp-crash1", NULL), *file = g_build_filename(left, "opus.bct", NULL);
    g_mkdir(left, 0700);
    g_file_set_contents(file, "x", 1, NULL);
    bc_ingest_clean(content);
    g_autoptr(GDir) listing = g_dir_open(content, 0, NULL);
    g_assert_cmpstr(g_dir_read_name(listing), ==, NULL);
}

/* The same file again: its folder is swapped in one step. At no moment is there none, whenever the power fails. */
static void test_swapped(void)
{
    BcIngestResult r;
    char buffer[8192];
    g_assert_true(ingest("speech.wav", NULL, &r, NULL));
    g_autofree char *content = g_build_filename(dir, "content", NULL), *folder = bc_content_path(content, r.sha256, NULL);
    g_autofree char *parent = g_path_get_dirname(folder), *name = g_path_get_basename(folder);
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    g_assert_cmpint(inotify_add_watch(watch, parent, IN_MOVED_FROM | IN_MOVED_TO), >=, 0);
    g_assert_true(ingest("speech.wav", NULL, &r, NULL));
    ssize_t n = read(watch, buffer, sizeof buffer);
    unsigned moves = 0;
    for (ssize_t at = 0; at < n;) {
        struct inotify_event event;
        memcpy(&event, buffer + at, sizeof event);
        g_assert_cmpstr(buffer + at + sizeof event, ==, name);
        if (!moves++)
            g_assert_cmpuint(event.mask & IN_MOVED_TO, !=, 0); /* had it gone first, it would be away for a moment */
        at += (ssize_t)(sizeof event + event.len);
    }
    g_assert_cmpuint(moves, >=, 1);
    close(watch);
    check_tracks(&r, content);
    g_autoptr(GDir) listing = g_dir_open(content, 0, NULL);
    for (const char *entry; (entry = g_dir_read_name(listing));)
        g_assert_false(g_str_has_prefix(entry, "tmp-") || g_str_has_prefix(entry, "old-"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("bc-ingest-XXXXXX", NULL);
    make_sources();
    g_test_add_func("/broadcast/ingest/levels", test_levels);
    g_test_add_func("/broadcast/ingest/opus", test_opus_profile);
    g_test_add_func("/broadcast/ingest/refused", test_refused);
    g_test_add_func("/broadcast/ingest/cut", test_cut);
    g_test_add_func("/broadcast/ingest/swapped", test_swapped);
    g_test_add_func("/broadcast/ingest/cancel", test_cancel_and_clean);
    int result = g_test_run();
    g_autofree char *remove = g_strdup_printf("rm -rf '%s'", dir);
    (void)!system(remove);
    g_free(dir);
    return result;
}
