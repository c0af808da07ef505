/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/station.h"
#include <string.h>
#include "broadcast/speaker/tape.h"
#include "mediad/audio/level.h"

#define PREBUFFER_US 1000000
#define STALL_US 10000000          /* no data so long: it has failed */
#define RETRY_US 15000000
#define RECOVER_US 2000000
#define SILENCE_DBOV (-55.0f)
#define SILENCE_DEFAULT_US 15000000

struct BcStation {
    char *url;
    int64_t silence_max_us;
    GMutex lock;                 /* the tape is changed by tend, read by read */
    BcTape *tape;
    int64_t at;                  /* next sample */
    int64_t opened_us, data_us, sound_us, sounding_since_us, failed_us;
    bool playing;                /* heard at present */
    bool spoilt;                 /* has failed before: must prove itself */
    const char *trouble;
};

BcStation *bc_station_new(const char *url, int64_t silence_max_us)
{
    BcStation *relay = g_new0(BcStation, 1);
    relay->url = g_strdup(url);
    relay->silence_max_us = silence_max_us > 0 ? silence_max_us : SILENCE_DEFAULT_US;
    relay->trouble = "the stream is being opened";
    g_mutex_init(&relay->lock);
    return relay;
}

void bc_station_free(BcStation *relay)
{
    if (!relay)
        return;
    bc_tape_free(relay->tape);
    g_mutex_clear(&relay->lock);
    g_free(relay->url);
    g_free(relay);
}

void bc_station_tend(BcStation *relay, int64_t now_us)
{
    BcTape *old = NULL;
    g_mutex_lock(&relay->lock);
    if (relay->failed_us && now_us - relay->failed_us >= RETRY_US) {
        old = g_steal_pointer(&relay->tape);
        relay->failed_us = 0;
    } else if (relay->failed_us && relay->tape && bc_tape_error(relay->tape))
        old = g_steal_pointer(&relay->tape);
    bool open = !relay->tape && !relay->failed_us;
    g_mutex_unlock(&relay->lock);
    bc_tape_free(old);
    if (!open)
        return;
    BcTape *tape = bc_tape_open_stream(relay->url);
    g_mutex_lock(&relay->lock);
    relay->tape = tape;
    relay->at = 0;
    relay->opened_us = relay->data_us = relay->sound_us = now_us;
    relay->sounding_since_us = 0;
    g_mutex_unlock(&relay->lock);
}

static void fail(BcStation *relay, const char *why, int64_t now_us)
{
    relay->trouble = why;
    relay->failed_us = now_us;
    relay->playing = false;
    relay->spoilt = true;
}

static void judge(BcStation *relay, const float *pcm, unsigned have, int64_t now_us)
{
    if (!have) {
        if (bc_tape_error(relay->tape))
            fail(relay, "the stream failed", now_us);
        else if (bc_tape_end(relay->tape) != INT64_MAX)
            fail(relay, "the stream ended", now_us);
        else if (now_us - relay->data_us > STALL_US)
            fail(relay, "the stream stopped", now_us);
        return;
    }
    relay->data_us = now_us;
    if (md_level_dbov(pcm, have) > SILENCE_DBOV) {
        if (!relay->sounding_since_us)
            relay->sounding_since_us = now_us;
        relay->sound_us = now_us;
        return;
    }
    if (now_us - relay->sound_us > RECOVER_US)
        relay->sounding_since_us = 0;
    if (now_us - relay->sound_us > relay->silence_max_us) {
        relay->playing = false;  /* keeps listening: it may sound again */
        relay->spoilt = true;
        relay->trouble = "the stream is silent";
    }
}

bool bc_station_read(BcStation *relay, float *pcm, unsigned n, int64_t now_us)
{
    bool heard = false;
    memset(pcm, 0, n * sizeof(float));
    g_mutex_lock(&relay->lock);
    if (relay->tape && !relay->failed_us && now_us - relay->opened_us >= PREBUFFER_US) {
        unsigned have = bc_tape_get(relay->tape, relay->at, pcm, n, 0);
        relay->at += have; /* a stall waits; nothing is skipped */
        judge(relay, pcm, have, now_us);
        bool proved = relay->sounding_since_us && (!relay->spoilt || now_us - relay->sounding_since_us >= RECOVER_US);
        if (!relay->failed_us && proved && relay->sound_us == now_us) {
            relay->playing = true;
            relay->spoilt = false;
            relay->trouble = NULL;
        }
        heard = relay->playing;
    }
    g_mutex_unlock(&relay->lock);
    if (!heard)
        memset(pcm, 0, n * sizeof(float));
    return heard;
}

const char *bc_station_trouble(const BcStation *relay)
{
    return relay->trouble;
}
