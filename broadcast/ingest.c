/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/ingest.h"

#include <ebur128.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "broadcast/decode.h"
#include "broadcast/limiter.h"
#include "broadcast/profile.h"

#define SILENT_LUFS -55.0   /* quieter than this all through: no gain makes a bulletin of it */
#define GAIN_MAX_DB 40.0
#define CODEC_MARGIN_DB 0.5 /* lossy profiles overshoot the master's peaks by some tenths */
#define CLIP_RUN 3          /* so many samples in a row at full scale are a clipped peak */
#define PASSES_MAX 4

typedef struct Ingest {
    const BcIngestOptions *o;
    BcIngestProgress *progress;
    BcIngestResult *ret;
    FILE *pcm;              /* decoded sound, float; unlinked */
    uint64_t samples;
    ebur128_state *meter;
    unsigned clip_run;
    uint64_t clipped, first_clip;
    char *tmp;              /* folder being made */
} Ingest;

static void sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

char *bc_content_path(const char *content_dir, const char *sha256, const char *name)
{
    return g_strdup_printf("%s/%.2s/%s%s%s", content_dir, sha256, sha256, name ? "/" : "", name ? name : "");
}

static void remove_folder(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        g_unlink(file);
    }
    g_rmdir(path);
}

void bc_ingest_clean(const char *content_dir)
{
    g_autoptr(GDir) dir = g_dir_open(content_dir, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));)
        if (g_str_has_prefix(name, "tmp-") || g_str_has_prefix(name, "old-")) {
            g_autofree char *path = g_build_filename(content_dir, name, NULL);
            remove_folder(path);
        }
}

static bool hash_file(Ingest *in, const char *path, GError **error)
{
    int64_t limit = in->o->bytes_max ? in->o->bytes_max : 512ll << 20;
    struct stat st;
    g_autofree uint8_t *buffer = g_malloc(1 << 16);
    FILE *file = fopen(path, "rbe");
    if (!file || fstat(fileno(file), &st) < 0 || !S_ISREG(st.st_mode)) {
        if (file)
            fclose(file);
        return bc_refuse(error, BC_ERROR_FAILED, "the file cannot be read");
    }
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (size_t n; (n = fread(buffer, 1, 1 << 16, file)) > 0 && in->ret->bytes <= limit; in->ret->bytes += (int64_t)n)
        g_checksum_update(sum, buffer, (gssize)n);
    bool broken = ferror(file);
    fclose(file);
    if (broken)
        return bc_refuse(error, BC_ERROR_FAILED, "the file cannot be read");
    if (in->ret->bytes > limit)
        return bc_refuse(error, BC_ERROR_LIMIT, "the file is larger than %" G_GINT64_FORMAT " MiB", limit >> 20);
    if (in->ret->bytes == 0)
        return bc_refuse(error, BC_ERROR_CONTENT, "the file is empty");
    g_strlcpy(in->ret->sha256, g_checksum_get_string(sum), sizeof in->ret->sha256);
    return true;
}

static void count_clips(Ingest *in, const float *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        in->clip_run = fabsf(pcm[i]) >= 0.9995f ? in->clip_run + 1 : 0;
        if (in->clip_run < CLIP_RUN)
            continue;
        if (!in->clipped)
            in->first_clip = in->samples + i;
        in->clipped += in->clip_run == CLIP_RUN ? CLIP_RUN : 1;
    }
}

static bool take_decoded(const float *pcm, size_t n, void *user, GError **error)
{
    Ingest *in = user;
    int64_t limit_us = in->o->duration_max_us ? in->o->duration_max_us : 3600ll * G_USEC_PER_SEC;
    if ((int64_t)(in->samples + n) > limit_us / 1000 * 48)
        return bc_refuse(error, BC_ERROR_CONTENT, "the recording is longer than %" G_GINT64_FORMAT " minutes, the longest allowed",
                      limit_us / (60 * G_USEC_PER_SEC));
    for (size_t i = 0; i < n; i++)
        if (!isfinite(pcm[i]) || fabsf(pcm[i]) > 64)
            return bc_refuse(error, BC_ERROR_CONTENT, "the file holds samples that are no sound, at %.1f s", (in->samples + i) / 48000.0);
    count_clips(in, pcm, n);
    if (fwrite(pcm, sizeof *pcm, n, in->pcm) != n)
        return bc_refuse(error, BC_ERROR_FAILED, "cannot keep the decoded sound: %s", g_strerror(errno));
    if (ebur128_add_frames_float(in->meter, pcm, n) != EBUR128_SUCCESS)
        return bc_refuse(error, BC_ERROR_FAILED, "the loudness meter failed");
    in->samples += n;
    atomic_store(&in->progress->permille, MIN(400u, 50 + (unsigned)(in->samples / 48000 / 4)));
    return true;
}

static ebur128_state *new_meter(void)
{
    return ebur128_init(1, 48000, EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK);
}

static void read_meter(ebur128_state *meter, double *ret_lufs, double *ret_dbtp)
{
    double lufs = -INFINITY, peak = 0;
    ebur128_loudness_global(meter, &lufs);
    ebur128_true_peak(meter, 0, &peak);
    *ret_lufs = isfinite(lufs) ? lufs : -120;
    *ret_dbtp = peak > 0 ? 20 * log10(peak) : -120;
}

static bool judge(Ingest *in, double lufs, GError **error)
{
    BcIngestResult *r = in->ret;
    double clipped_max = in->o->clipped_permille_max > 0 ? in->o->clipped_permille_max : 20;
    r->duration_us = (int64_t)(in->samples * 1000 / 48) ;
    r->clipped_permille = in->samples ? 1000.0 * in->clipped / in->samples : 0;
    if (in->samples < 48000 / 5)
        return bc_refuse(error, BC_ERROR_CONTENT, "the recording is shorter than 0.2 s");
    if (lufs < SILENT_LUFS)
        return bc_refuse(error, BC_ERROR_CONTENT, "the recording is silent from 0.0 s to %.1f s (loudness %.0f LUFS)",
                      in->samples / 48000.0, lufs);
    if (r->clipped_permille > clipped_max)
        return bc_refuse(error, BC_ERROR_CONTENT, "the recording is clipped: %.1f %% of it, first at %.1f s", r->clipped_permille / 10,
                      in->first_clip / 48000.0);
    return true;
}

/* One way through the decoded sound: gain, limiter if ceiling is given, sink for what comes out. */
static bool run_pass(Ingest *in, double gain_db, const double *ceiling, unsigned from_permille, unsigned to_permille,
                     BcDecodeSinkFn sink, void *user, GError **error)
{
    float pcm[4800];
    uint64_t done = 0;
    double gain = pow(10, gain_db / 20);
    BcLimiter *limiter = ceiling ? bc_limiter_new(*ceiling) : NULL;
    bool ok = fseek(in->pcm, 0, SEEK_SET) == 0;
    for (size_t n; ok && (n = fread(pcm, sizeof *pcm, G_N_ELEMENTS(pcm), in->pcm)) > 0;) {
        done += n;
        if (limiter)
            n = bc_limiter_process(limiter, pcm, n, gain, pcm);
        else
            for (size_t i = 0; i < n; i++)
                pcm[i] *= (float)gain;
        ok = sink(pcm, n, user, error) &&
             (!atomic_load(&in->progress->cancel) || bc_refuse(error, BC_ERROR_STATE, "cancelled"));
        atomic_store(&in->progress->permille, from_permille + (unsigned)((to_permille - from_permille) * done / in->samples));
    }
    for (size_t n; ok && limiter && (n = bc_limiter_flush(limiter, pcm, G_N_ELEMENTS(pcm))) > 0;)
        ok = sink(pcm, n, user, error);
    bc_limiter_free(limiter);
    return ok && (done == in->samples || bc_refuse(error, BC_ERROR_FAILED, "cannot read the decoded sound again"));
}

static bool measure(const float *pcm, size_t n, void *user, GError **error)
{
    return ebur128_add_frames_float(user, pcm, n) == EBUR128_SUCCESS || bc_refuse(error, BC_ERROR_FAILED, "the loudness meter failed");
}

/* Finds gain (and ceiling, when limiting is needed) that meet target and peak; what the limiter takes is given back by gain. */
static bool find_gain(Ingest *in, double lufs, double peak, double *gain_db, double *ceiling, bool *limited, GError **error)
{
    double target = in->o->target_lufs < 0 ? in->o->target_lufs : -16;
    double top = (in->o->peak_dbtp < 0 ? in->o->peak_dbtp : -1) - CODEC_MARGIN_DB;
    *gain_db = fmin(target - lufs, GAIN_MAX_DB);
    *ceiling = top;
    *limited = peak + *gain_db > top;
    in->ret->loudness = lufs + *gain_db;
    in->ret->true_peak = peak + *gain_db;
    for (unsigned pass = 0; *limited && pass < PASSES_MAX; pass++) {
        ebur128_state *meter = new_meter();
        bool ok = meter && run_pass(in, *gain_db, ceiling, 400 + 75 * pass, 475 + 75 * pass, measure, meter, error);
        if (meter) {
            read_meter(meter, &in->ret->loudness, &in->ret->true_peak);
            ebur128_destroy(&meter);
        }
        if (!ok)
            return false;
        double missing = target - in->ret->loudness, over = in->ret->true_peak - top;
        if ((fabs(missing) < 0.3 || *gain_db >= GAIN_MAX_DB) && over < 0.1)
            break;
        if (pass + 1 < PASSES_MAX) {
            *gain_db = fmin(*gain_db + missing, GAIN_MAX_DB);
            *ceiling -= over > 0 ? over : 0;
        }
    }
    in->ret->gain_db = *gain_db;
    return true;
}

static bool encode(const float *pcm, size_t n, void *user, GError **error)
{
    return bc_profiles_add(user, pcm, n, error);
}

static bool make_profiles(Ingest *in, double gain_db, const double *ceiling, GError **error)
{
    BcProfiles *profiles = bc_profiles_new(in->tmp, in->o->frame_ms ? in->o->frame_ms : 40,
                                           in->o->opus_bitrate_bps ? in->o->opus_bitrate_bps : 32000, error);
    if (!profiles)
        return false;
    if (!run_pass(in, gain_db, ceiling, 700, 980, encode, profiles, error)) {
        bc_profiles_free(profiles);
        return false;
    }
    return bc_profiles_finish(profiles, error);
}

/* The whole folder appears at once; one that is there already (the same file again) is swapped, so that no crash finds neither. */
static bool publish(Ingest *in, GError **error)
{
    g_autofree char *folder = bc_content_path(in->o->content_dir, in->ret->sha256, NULL);
    g_autofree char *parent = g_path_get_dirname(folder);
    g_autofree char *old = g_strdup_printf("%s/old-%s-%08x", in->o->content_dir, in->ret->sha256, g_random_int());
    sync_folder(in->tmp);
    if (g_mkdir(parent, 0750) < 0 && errno != EEXIST)
        return bc_refuse(error, BC_ERROR_FAILED, "cannot make %s: %s", parent, g_strerror(errno));
    if (renameat2(AT_FDCWD, in->tmp, AT_FDCWD, folder, RENAME_EXCHANGE) == 0) {
        sync_folder(parent);
        sync_folder(in->o->content_dir);
        remove_folder(in->tmp);
        return true;
    }
    bool there = errno != ENOENT && g_rename(folder, old) == 0; /* a file system that cannot swap */
    if (g_rename(in->tmp, folder) < 0) {
        int why = errno;
        if (there)
            (void)!g_rename(old, folder);
        return bc_refuse(error, BC_ERROR_FAILED, "cannot make %s: %s", folder, g_strerror(why));
    }
    sync_folder(parent);
    sync_folder(in->o->content_dir);
    if (there)
        remove_folder(old);
    return true;
}

static bool level_and_store(Ingest *in, const char *path, GError **error)
{
    double lufs, peak, gain, ceiling;
    bool limited;
    if (!hash_file(in, path, error))
        return false;
    int64_t time_max = in->o->time_max_us ? in->o->time_max_us : 300ll * G_USEC_PER_SEC;
    if (!bc_decode_file(path, time_max, in->progress, take_decoded, in, in->ret->media_type, error))
        return false;
    if (fflush(in->pcm) != 0)
        return bc_refuse(error, BC_ERROR_FAILED, "cannot keep the decoded sound: %s", g_strerror(errno));
    read_meter(in->meter, &lufs, &peak);
    in->ret->loudness_in = lufs;
    return judge(in, lufs, error) && find_gain(in, lufs, peak, &gain, &ceiling, &limited, error) &&
           make_profiles(in, gain, limited ? &ceiling : NULL, error) && publish(in, error);
}

bool bc_ingest_file(const char *path, const BcIngestOptions *options, BcIngestProgress *progress, BcIngestResult *ret, GError **error)
{
    BcIngestResult result = {0};
    Ingest in = {.o = options, .progress = progress, .ret = &result};
    if (g_mkdir_with_parents(options->content_dir, 0750) < 0)
        return bc_refuse(error, BC_ERROR_FAILED, "cannot make %s: %s", options->content_dir, g_strerror(errno));
    in.tmp = g_strdup_printf("%s/tmp-XXXXXX", options->content_dir);
    if (!g_mkdtemp_full(in.tmp, 0750)) {
        bc_refuse(error, BC_ERROR_FAILED, "cannot make a folder in %s: %s", options->content_dir, g_strerror(errno));
        g_free(in.tmp);
        return false;
    }
    g_autofree char *pcm = g_build_filename(in.tmp, "decoded", NULL);
    in.pcm = fopen(pcm, "w+be");
    in.meter = new_meter();
    if (in.pcm)
        g_unlink(pcm);
    bool ok = in.pcm && in.meter ? level_and_store(&in, path, error)
                                 : bc_refuse(error, BC_ERROR_FAILED, "cannot write in %s: %s", options->content_dir, g_strerror(errno));
    if (in.pcm)
        fclose(in.pcm);
    if (in.meter)
        ebur128_destroy(&in.meter);
    if (!ok)
        remove_folder(in.tmp);
    g_free(in.tmp);
    if (ok) {
        atomic_store(&progress->permille, 1000u);
        *ret = result;
    }
    return ok;
}
