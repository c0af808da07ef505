/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"

#include <math.h>
#include <string.h>
#include <unistd.h>
#include "mediad/rtp/packet.h"
#include "mediad/transport/srtp.h"
#include "mediad/transport/udp.h"

/* The whole room on a clock turned by hand: a real store, real sockets, workers stepped, and a dialler whose loudspeakers do as
 * their names say: ok, busy (486), mute (rings until the time-out), late (answers after 6 s), drop (hangs up after 3 s of
 * sound, twice), weak (hangs up after 35 s, always), off (not registered), none (answers with no codec), video (488), far (answers with
 * an address to which nothing can be sent). */
#define S ((int64_t)1000000)
#define T0 (1795384800 * S) /* 2026-11-23 05:00 in Hà Tĩnh */
enum { SETTLE_MS = 20 };

typedef struct Speaker {
    char *id;
    int fd;
    MdAddr local;
    unsigned packets, dials, hangups;
    int64_t first_us, last_us; /* of packets, virtual wall time */
    MdSrtp *srtp;
    MdAudioDecoder *decoder;
    float pcm[48000 * 8];
    unsigned samples;
    char *headers;
    float level[900]; /* loudest sample by tenth of a second from T0 on */
} Speaker;

typedef struct FakeCall {
    struct Rig *rig;
    Speaker *speaker;
    MdCall *call;
    int64_t answer_us, close_us, dialled_us;
    int close_code;
    bool gone;
    char *offer, *answered;
} FakeCall;

typedef struct Rig {
    MdVirtualClock clock;
    MdWorker *workers[2];
    MdMailbox *control;
    char *dir;
    MdStore *store;
    BcBroadcast *b;
    MdDialer dialer;
    GHashTable *speakers;
    GPtrArray *calls;
    BcTapFn tap_fn;
    void *tap_user;
    unsigned tick;
    GString *events;
} Rig;

static Rig *rig_of(MdDialer *dialer)
{
    return (Rig *)((char *)dialer - G_STRUCT_OFFSET(Rig, dialer));
}

static int64_t wall(Rig *rig)
{
    return md_clock_wall_us(&rig->clock.base);
}

static void free_speaker(gpointer data)
{
    Speaker *s = data;
    close(s->fd);
    md_srtp_free(s->srtp);
    md_audio_decoder_free(s->decoder);
    g_free(s->headers);
    g_free(s->id);
    g_free(s);
}

static Speaker *speaker(Rig *rig, const char *id)
{
    Speaker *s = g_hash_table_lookup(rig->speakers, id);
    if (s)
        return s;
    s = g_new0(Speaker, 1);
    s->id = g_strdup(id);
    MdAddr any;
    md_addr_from_host(&any, "127.0.0.1", 0);
    s->fd = md_udp_open(&any, &s->local);
    g_assert_cmpint(s->fd, >=, 0);
    g_hash_table_insert(rig->speakers, s->id, s);
    return s;
}

/* --- the dialler --- */

static void fake_hangup(void *impl, const char *reason)
{
    FakeCall *c = impl;
    if (c->gone)
        return;
    c->gone = true;
    c->speaker->hangups++;
}

static void fake_free(void *impl)
{
    FakeCall *c = impl;
    c->call = NULL;
    c->gone = true;
}

static void fake_answer(void *impl, const char *sdp)
{
    FakeCall *c = impl;
    g_free(c->answered);
    c->answered = g_strdup(sdp);
}

static const MdCallOps fake_ops = {.hangup = fake_hangup, .send_answer = fake_answer, .free_impl = fake_free};

static MdCall *fake_dial(MdDialer *dialer, const MdDialRequest *request, const MdCallHandler *handler, void *user, GError **error)
{
    Rig *rig = rig_of(dialer);
    FakeCall *c = g_new0(FakeCall, 1);
    MdCallInfo info = {.id = g_strdup("x")};
    c->rig = rig;
    c->speaker = speaker(rig, request->target);
    c->call = md_call_new(&fake_ops, c, &info);
    c->offer = g_strdup(request->sdp);
    c->dialled_us = wall(rig);
    c->answer_us = c->close_us = INT64_MAX;
    c->speaker->dials++;
    g_free(c->speaker->headers);
    c->speaker->headers = g_strjoinv("\n", (char **)request->headers);
    const char *id = request->target;
    if (g_str_has_prefix(id, "busy"))
        c->close_us = wall(rig) + S / 2, c->close_code = 486;
    else if (g_str_has_prefix(id, "video"))
        c->close_us = wall(rig) + S / 2, c->close_code = 488;
    else if (g_str_has_prefix(id, "mute"))
        c->close_us = wall(rig) + request->ring_timeout_ms * 1000ll, c->close_code = 408;
    else
        c->answer_us = wall(rig) + (g_str_has_prefix(id, "late") ? 12 * S : S / 2);
    if (g_str_has_prefix(id, "weak"))
        c->close_us = wall(rig) + 36 * S, c->close_code = 200;
    md_call_set_handler(c->call, handler, user);
    g_ptr_array_add(rig->calls, c);
    return c->call;
}

static bool fake_is_registered(MdDialer *dialer, const char *account)
{
    return !g_str_has_prefix(account, "off");
}

static char *fake_local_host(MdDialer *dialer, const char *target)
{
    return g_strdup("127.0.0.1");
}

static void answer(FakeCall *c)
{
    Speaker *s = c->speaker;
    bool none = g_str_has_prefix(s->id, "none");
    const char *crypto = strstr(c->offer, "a=crypto:");
    g_assert_nonnull(crypto);
    const char *inline_key = strstr(crypto, "inline:") + 7;
    MdSrtpKey key;
    g_assert_cmpint(md_srtp_key_from_base64(MD_SRTP_AEAD_AES_128_GCM, inline_key, strcspn(inline_key, "|\r\n "), &key), ==, 0);
    md_srtp_free(s->srtp);
    s->srtp = md_srtp_new(MD_SRTP_RECEIVE, &key);
    md_audio_decoder_free(s->decoder);
    s->decoder = md_audio_decoder_new(MD_AUDIO_OPUS);
    MdSrtpKey own;
    char text[MD_SRTP_KEY_BASE64_MAX];
    md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &own);
    md_srtp_key_to_base64(&own, text, sizeof text);
    g_autofree char *sdp = g_strdup_printf(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/SAVP %s\r\na=rtpmap:111 opus/48000/2\r\n"
        "a=crypto:1 AEAD_AES_128_GCM inline:%s\r\na=recvonly\r\n",
        g_str_has_prefix(s->id, "far") ? "192.0.2.1" : "127.0.0.1", none ? 0 : md_addr_port(&s->local), none ? "0" : "111", text);
    md_call_emit_ringing(c->call, 180);
    MdCall *call = md_call_ref(c->call);
    md_call_emit_sdp(call, MD_SDP_ANSWER, sdp);
    md_call_emit_established(call);
    md_call_unref(call);
}

static void step_call(FakeCall *c)
{
    int64_t now = wall(c->rig);
    if (!c->gone && now >= c->answer_us) {
        c->answer_us = INT64_MAX;
        answer(c);
    }
    if (!c->gone && g_str_has_prefix(c->speaker->id, "drop") && c->speaker->first_us && c->close_us == INT64_MAX) {
        c->close_us = MAX(c->speaker->first_us, c->dialled_us) + 3 * S;
        c->close_code = 200;
    }
    if (!c->gone && now >= c->close_us) {
        c->gone = true;
        md_call_emit_closed(c->call, c->close_code, c->close_code == 486 ? "Busy Here" : c->close_code == 408 ? "Request Timeout" : "Bye");
    }
}

/* --- sound --- */

static void receive(Rig *rig, Speaker *s)
{
    uint8_t data[2048];
    MdAddr from;
    for (int n; (n = md_udp_receive(s->fd, &from, data, sizeof data)) >= 0;) {
        size_t len = (size_t)n;
        MdRtpPacket packet;
        if (!s->srtp || md_srtp_unprotect_rtp(s->srtp, data, &len) < 0)
            continue; /* of an announcement before: its key is another */
        g_assert_cmpint(md_rtp_parse(data, len, &packet), ==, 0);
        if (!s->packets++)
            s->first_us = wall(rig);
        s->last_us = wall(rig);
        if (s->samples + MD_AUDIO_PACKET_SAMPLES_MAX > G_N_ELEMENTS(s->pcm))
            s->samples = 0;
        int got = md_audio_decoder_decode(s->decoder, packet.payload, packet.payload_len, s->pcm + s->samples, MD_AUDIO_PACKET_SAMPLES_MAX);
        g_assert_cmpint(got, >, 0);
        int64_t bin = (wall(rig) - T0) / (S / 10);
        for (int i = 0; wall(rig) >= T0 && bin < (int64_t)G_N_ELEMENTS(s->level) && i < got; i++)
            s->level[bin] = MAX(s->level[bin], fabsf(s->pcm[s->samples + (unsigned)i]));
        s->samples += (unsigned)got;
    }
}

static double purity(const float *pcm, unsigned n, double hz)
{
    double w = 2 * G_PI * hz / 48000, c = 2 * cos(w), s1 = 0, s2 = 0, energy = 0;
    for (unsigned i = 0; i < n; i++) {
        double s = pcm[i] + c * s1 - s2;
        s2 = s1;
        s1 = s;
        energy += pcm[i] * pcm[i];
    }
    return energy > 0 ? (s1 * s1 + s2 * s2 - c * s1 * s2) * 2 / (n * energy) : 0;
}

/* --- the rig --- */

static bool tap_add(const char *room, BcTapFn fn, void *tap_user, void *user, GError **error)
{
    Rig *rig = user;
    if (!g_str_equal(room, "giao-ban")) {
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no room %s", room);
        return false;
    }
    rig->tap_fn = fn;
    rig->tap_user = tap_user;
    return true;
}

static void tap_remove(const char *room, BcTapFn fn, void *tap_user, void (*done)(void *tap_user), void *user)
{
    Rig *rig = user;
    g_assert_true(rig->tap_fn == fn && rig->tap_user == tap_user);
    rig->tap_fn = NULL;
    done(tap_user);
}
