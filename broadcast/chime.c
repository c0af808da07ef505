/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/chime.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "broadcast/decode.h"
#include "broadcast/link/siren.h"

#define DECODE_MAX_US (300ll * G_USEC_PER_SEC)
#define BLOCK 4800u       /* 100 ms */
#define QUIET 1e-4        /* mean square of a block that is a pause, -40 dBFS */

typedef struct Join {
    FILE *out;
    int64_t samples, samples_max;
    double energy;        /* of blocks that are no pauses */
    uint64_t loud;        /* samples in them */
    double block;
    unsigned in_block;
    bool plain;           /* no chime */
} Join;

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

void bc_wav_header(uint8_t ret[44], uint32_t rate, uint32_t data_bytes)
{
    static const uint8_t plain[44] = {'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ', 16, 0, 0, 0, 1, 0,
                                      1,   0,   0,   0,   0, 0, 0, 0, 0,   0,   2,   0,   16,  0,   'd', 'a', 't', 'a', 0, 0, 0, 0};
    memcpy(ret, plain, sizeof plain);
    put32(ret + 4, data_bytes + 36);
    put32(ret + 24, rate);
    put32(ret + 28, rate * 2);
    put32(ret + 40, data_bytes);
}

static bool write_pcm(FILE *out, const float *pcm, size_t n, GError **error)
{
    uint8_t bytes[2 * 1024];
    for (size_t done = 0; done < n;) {
        size_t part = MIN(n - done, sizeof bytes / 2);
        for (size_t i = 0; i < part; i++) {
            int v = (int)lrintf(fminf(fmaxf(pcm[done + i], -1), 1) * 32767);
            bytes[2 * i] = (uint8_t)v;
            bytes[2 * i + 1] = (uint8_t)(v >> 8);
        }
        if (fwrite(bytes, 2, part, out) != part) {
            g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "cannot keep the speech: %s", g_strerror(errno));
            return false;
        }
        done += part;
    }
    return true;
}

static bool take(const float *pcm, size_t n, void *user, GError **error)
{
    Join *j = user;
    j->samples += (int64_t)n;
    if (j->samples > j->samples_max) {
        g_set_error(error, BC_ERROR, BC_ERROR_CONTENT, "the speech is longer than %" G_GINT64_FORMAT " minutes, the longest allowed",
                    j->samples_max / 48000 / 60);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        j->block += (double)pcm[i] * pcm[i];
        if (++j->in_block < BLOCK)
            continue;
        if (j->block > QUIET * BLOCK) {
            j->energy += j->block;
            j->loud += BLOCK;
        }
        j->block = j->in_block = 0;
    }
    return write_pcm(j->out, pcm, n, error);
}

/* The chime dies away: its first second is set against the speech. */
static bool write_chime(Join *j, GError **error)
{
    float pcm[BLOCK];
    int64_t n = bc_siren_duration_us(BC_SIREN_CHIME, 1) * 48 / 1000;
    double energy = 0, speech = j->loud ? sqrt(j->energy / (double)j->loud) : 0.1;
    float peak = 0;
    for (int64_t at = 0; at < 48000; at += BLOCK) {
        bc_siren_render(BC_SIREN_CHIME, 1, at, pcm, BLOCK);
        for (unsigned i = 0; i < BLOCK; i++) {
            energy += (double)pcm[i] * pcm[i];
            peak = fmaxf(peak, fabsf(pcm[i]));
        }
    }
    double gain = energy > 0 ? speech / sqrt(energy / 48000) : 0;
    gain = peak > 0 ? fmin(gain, 0.9 / peak) : 0;
    for (int64_t at = 0; at < n; at += BLOCK) {
        unsigned part = (unsigned)MIN((int64_t)BLOCK, n - at);
        bc_siren_render(BC_SIREN_CHIME, 1, at, pcm, part);
        for (unsigned i = 0; i < part; i++)
            pcm[i] *= (float)gain;
        if (!write_pcm(j->out, pcm, part, error))
            return false;
    }
    return true;
}

static bool join(Join *j, const char *speech_path, BcIngestProgress *progress, GError **error)
{
    char media_type[64];
    uint8_t header[44];
    int64_t lead = j->plain ? 0 : bc_siren_duration_us(BC_SIREN_CHIME, 1) * 48 / 1000 + BC_CHIME_GAP_US * 48 / 1000; /* zeros until the level is known */
    if (fseek(j->out, (long)(sizeof header + 2 * lead), SEEK_SET) != 0 ||
        !bc_decode_file(speech_path, DECODE_MAX_US, progress, take, j, media_type, error))
        return false;
    bc_wav_header(header, 48000, (uint32_t)(2 * (lead + j->samples)));
    rewind(j->out);
    if (fwrite(header, 1, sizeof header, j->out) != sizeof header || (!j->plain && !write_chime(j, error)) || fflush(j->out) != 0) {
        if (error && !*error)
            g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "cannot keep the speech: %s", g_strerror(errno));
        return false;
    }
    return true;
}

static bool write_wav(Join j, const char *speech_path, const char *wav_path, int64_t duration_max_us, BcIngestProgress *progress, GError **error)
{
    int64_t limit_us = duration_max_us ? duration_max_us : 3600ll * G_USEC_PER_SEC;
    j.out = fopen(wav_path, "w+be");
    j.samples_max = limit_us / 1000 * 48;
    if (!j.out) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "cannot write %s: %s", wav_path, g_strerror(errno));
        return false;
    }
    g_autoptr(GError) why = NULL;
    bool ok = join(&j, speech_path, progress, &why);
    if (fclose(j.out) != 0 && ok) {
        g_set_error(&why, BC_ERROR, BC_ERROR_FAILED, "cannot keep the speech: %s", g_strerror(errno));
        ok = false;
    }
    if (!ok)
        remove(wav_path);
    if (why)
        g_propagate_error(error, g_steal_pointer(&why));
    return ok;
}

bool bc_chime_join(const char *speech_path, const char *wav_path, int64_t duration_max_us, BcIngestProgress *progress, GError **error)
{
    return write_wav((Join){0}, speech_path, wav_path, duration_max_us, progress, error);
}

bool bc_speech_to_wav(const char *speech_path, const char *wav_path, int64_t duration_max_us, BcIngestProgress *progress, GError **error)
{
    return write_wav((Join){.plain = true}, speech_path, wav_path, duration_max_us, progress, error);
}
