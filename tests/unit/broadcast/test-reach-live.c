/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Live sound that devices ask for. */
#include "tests/unit/broadcast/reach-rig.h"

typedef struct Ear {
    int fd;
    MdAddr local;
    MdSrtp *srtp;
    MdAudioDecoder *decoder;
    float pcm[48000 * 40];
    unsigned packets, samples, reports;
} Ear;

static void ear_init(Ear *ear, const char *srtp)
{
    MdAddr any;
    MdSrtpKey key;
    const char *text = strstr(srtp, "inline:") + 7;
    *ear = (Ear){0};
    md_addr_from_host(&any, "127.0.0.1", 0);
    ear->fd = md_udp_open(&any, &ear->local);
    g_assert_cmpint(md_srtp_key_from_base64(MD_SRTP_AEAD_AES_128_GCM, text, strlen(text), &key), ==, 0);
    ear->srtp = md_srtp_new(MD_SRTP_RECEIVE, &key);
    ear->decoder = md_audio_decoder_new(MD_AUDIO_OPUS);
}

static void ear_clear(Ear *ear)
{
    close(ear->fd);
    md_srtp_free(ear->srtp);
    md_audio_decoder_free(ear->decoder);
}

static void listen_to(Ear *ear)
{
    uint8_t data[2048];
    MdAddr from;
    for (int n; (n = md_udp_receive(ear->fd, &from, data, sizeof data)) >= 0;) {
        size_t len = (size_t)n;
        MdRtpPacket packet;
        if (len > 1 && data[1] == 200) { /* a sender report, through the same port */
            g_assert_cmpint(md_srtp_unprotect_rtcp(ear->srtp, data, &len), ==, 0);
            ear->reports++;
            continue;
        }
        g_assert_cmpint(md_srtp_unprotect_rtp(ear->srtp, data, &len), ==, 0);
        g_assert_cmpint(md_rtp_parse(data, len, &packet), ==, 0);
        ear->packets++;
        if (ear->samples + MD_AUDIO_PACKET_SAMPLES_MAX > G_N_ELEMENTS(ear->pcm))
            ear->samples = 0;
        int got = md_audio_decoder_decode(ear->decoder, packet.payload, packet.payload_len, ear->pcm + ear->samples, MD_AUDIO_PACKET_SAMPLES_MAX);
        g_assert_cmpint(got, >, 0);
        ear->samples += (unsigned)got;
    }
}

static void ask(Rig *rig, Ear *ear, const char *occurrence, const char *device, int64_t at_us, const char *srtp, bool bye)
{
    BcLiveAsk a = {.bye = bye, .at_us = at_us};
    uint8_t data[BC_LIVE_ASK_MAX];
    MdAddr to;
    g_strlcpy(a.occurrence, occurrence, sizeof a.occurrence);
    g_strlcpy(a.device, device, sizeof a.device);
    size_t len = bc_live_ask_format(&a, srtp, data, sizeof data);
    g_assert_cmpuint(len, >, 0);
    md_addr_from_host(&to, rig->live_host, rig->live.port);
    g_assert_cmpint(md_udp_send(ear->fd, &to, data, len), ==, 0);
}

/* The tap's tone runs while time goes on. */
static void run_live(Rig *rig, Ear *ear, int64_t us)
{
    float pcm[MD_AUDIO_TICK_SAMPLES];
    for (int64_t done = 0; done < us; done += 20000) {
        for (unsigned i = 0; i < G_N_ELEMENTS(pcm); i++)
            pcm[i] = 0.3f * sinf((float)(2 * G_PI * fmod(700 * (rig->tick * 960.0 + i) / 48000, 1.0)));
        rig->tick++;
        if (rig->tap_fn)
            rig->tap_fn(pcm, 0, rig->tap_user);
        rig_run_for(rig, 20000);
        listen_to(ear);
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

/* A device gets live sound where it asks from, keeps it while it asks, moves, says goodbye, is forgotten; nobody else gets anything. */
static void test_live(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d2", .area = "18073", .kind = BC_DEVICE_LINK});
    g_autoptr(GError) error = NULL;
    g_autofree char *id = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp", "An", &error);
    g_assert_no_error(error);
    rig_check_told(&rig, "begin Họp d1 d2;");
    g_assert_nonnull(rig.live.codec);
    g_assert_cmpstr(rig.live_codec, ==, "opus");
    g_assert_false(rig.live.multicast);
    g_assert_cmpint(rig.sound.duration_us, ==, INT64_MAX);
    static Ear ear, thief; /* large */
    ear_init(&ear, rig.srtp);
    ear_init(&thief, rig.srtp);
    run_live(&rig, &ear, S);
    g_assert_cmpuint(ear.packets, ==, 0);
    int64_t replayed = rig_wall(&rig);
    ask(&rig, &ear, id, "d1", replayed, rig.srtp, false);
    for (unsigned i = 0; i < 4; i++) {
        run_live(&rig, &ear, 2 * S);
        ask(&rig, &ear, id, "d1", rig_wall(&rig), rig.srtp, false);
    }
    g_assert_cmpuint(ear.packets, >=, 190); /* 8 s of 40 ms */
    g_assert_cmpuint(ear.packets, <=, 200);
    g_assert_cmpuint(ear.reports, >=, 2);
    g_assert_cmpfloat(purity(ear.pcm + ear.samples - 48000, 48000, 700), >, 0.95);
    /* what must not bring sound: another key, an old or repeated ask, a stranger, another announcement, noise */
    static const char other_key[] = "AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==";
    ask(&rig, &thief, id, "d2", rig_wall(&rig), other_key, false);
    ask(&rig, &thief, id, "d2", rig_wall(&rig) - 61 * S, rig.srtp, false);
    ask(&rig, &thief, id, "d1", replayed, rig.srtp, false);
    ask(&rig, &thief, id, "d3", rig_wall(&rig), rig.srtp, false);
    ask(&rig, &thief, "a-0000", "d2", rig_wall(&rig), rig.srtp, false);
    MdAddr to;
    md_addr_from_host(&to, rig.live_host, rig.live.port);
    for (unsigned len = 0; len < 400; len += 37) {
        uint8_t noise[400] = "MLA1";
        md_udp_send(thief.fd, &to, noise, len);
    }
    run_live(&rig, &thief, 2 * S);
    g_assert_cmpuint(thief.packets, ==, 0);
    /* it moves: the old place is silent at once */
    listen_to(&ear);
    unsigned before = ear.packets;
    ask(&rig, &thief, id, "d1", rig_wall(&rig), rig.srtp, false);
    run_live(&rig, &thief, 2 * S);
    listen_to(&ear);
    g_assert_cmpuint(thief.packets, >=, 46);
    g_assert_cmpuint(ear.packets, <=, before + 4);
    ask(&rig, &thief, id, "d1", rig_wall(&rig), rig.srtp, true);
    run_live(&rig, &thief, S / 2);
    thief.packets = 0;
    run_live(&rig, &thief, S);
    g_assert_cmpuint(thief.packets, ==, 0);
    /* silent for too long: forgotten */
    ask(&rig, &ear, id, "d2", rig_wall(&rig), rig.srtp, false);
    run_live(&rig, &ear, 9 * S);
    before = ear.packets;
    run_live(&rig, &ear, 8 * S);
    g_assert_cmpuint(ear.packets, <=, before + 110);
    before = ear.packets;
    run_live(&rig, &ear, 2 * S);
    g_assert_cmpuint(ear.packets, ==, before);
    g_assert_true(bc_broadcast_stop(rig.b, id, "An", NULL));
    rig_check_told(&rig, "stop Họp stopped by An;");
    ear_clear(&ear);
    ear_clear(&thief);
    rig_clear(&rig);
}

/* One LAN: live sound goes to the group (here a socket of ours) once, and nobody asks. */
static void test_live_group(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d2", .area = "18073", .kind = BC_DEVICE_LINK});
    rig_close_room(&rig);
    rig.live_to_group = true;
    rig_open_room(&rig);
    g_autofree char *id = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp", "An", NULL);
    rig_check_told(&rig, "begin Họp d1 d2;");
    g_assert_true(rig.live.multicast);
    g_assert_cmpuint(rig.live.port, ==, md_addr_port(&rig.group));
    g_assert_cmpstr(rig.live_host, ==, "127.0.0.1");
    static Ear ear;
    ear_init(&ear, rig.srtp);
    close(ear.fd);
    ear.fd = rig.group_fd;
    run_live(&rig, &ear, 4 * S);
    g_assert_cmpuint(ear.packets, >=, 95);
    g_assert_cmpuint(ear.packets, <=, 101);
    g_assert_cmpfloat(purity(ear.pcm + ear.samples - 48000, 48000, 700), >, 0.95);
    g_assert_true(bc_broadcast_stop(rig.b, id, "An", NULL));
    ear.fd = dup(rig.group_fd);
    ear_clear(&ear);
    rig_clear(&rig);
}

/* A station that is relayed live goes on after mediad's end, under the same id; once it was stopped it does not. */
static void test_live_again(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "l1", .area = "18073", .kind = BC_DEVICE_LINK});
    BcPlayOptions options = {.url = "http://127.0.0.1:9/vov1", .areas = areas, .priority = BC_NORMAL, .title = "VOV1"};
    g_autoptr(GError) error = NULL;
    g_autofree char *id = bc_broadcast_begin_live(rig.b, &options, &error);
    g_assert_no_error(error);
    int flag = 0;
    bc_broadcast_sync(rig.b, province_on_done, &flag);
    province_wait(&flag);
    rig_check_told(&rig, "begin VOV1 l1;");
    int64_t began = rig_wall(&rig);
    bc_broadcast_quiesce(rig.b); /* an end of mediad is not the end of it */
    rig_close_room(&rig);
    g_string_truncate(rig.told, 0);
    md_virtual_clock_advance(&rig.clock, 5 * S);
    rig_open_room(&rig);
    md_virtual_clock_advance(&rig.clock, S / 10);
    bc_broadcast_step(rig.b);
    rig_check_told(&rig, "begin VOV1 l1;");
    g_assert_cmpstr(rig.run, ==, id);
    g_assert_cmpint(rig.sound.begin_us, <=, began);
    g_assert_true(bc_broadcast_stop(rig.b, id, "An", &error));
    rig_check_told(&rig, "stop VOV1 stopped by An;");
    rig_close_room(&rig);
    rig_open_room(&rig);
    md_virtual_clock_advance(&rig.clock, S / 10);
    bc_broadcast_step(rig.b);
    rig_check_told(&rig, "");
    rig_clear(&rig);
}

static void on_heard(const BcRun *run, void *user)
{
    Rig *rig = user;
    g_string_append_printf(rig->told, "hear %s;", run ? run->title : "nothing");
}

/* Outputs and boards keep the quiet hours and the stop too, whatever sounds elsewhere. */
static void test_ear(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_area(rig.b, "18100", "42");
    g_autofree char *content = province_add_content(rig.b, rig.dir, "Bản tin");
    BcEar *ear = bc_ear_new_deaf(rig.b, "18073", on_heard, &rig, NULL);
    rig_check_told(&rig, "");
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .repeats = 10, .gap_us = 60 * S, .title = "Thường"};
    g_autofree char *id = rig_play(&rig, &options), *storm = NULL;
    rig_run_for(&rig, 5 * S);
    rig_check_told(&rig, "hear Thường;");
    rig_set_quiet(&rig, "18073", 4 * 3600, 4 * 3600 + 60);
    rig_run_for(&rig, 2 * S);
    rig_check_told(&rig, "hear nothing;");
    options = (BcPlayOptions){.content = content, .priority = BC_EMERGENCY, .repeats = 1, .title = "Bão"};
    storm = rig_play(&rig, &options);
    rig_run_for(&rig, 20 * S);
    rig_check_told(&rig, "hear Bão;hear nothing;");
    rig_run_for(&rig, 40 * S);
    rig_check_told(&rig, "hear Thường;");
    int stopped = 0;
    province_put_device(rig.b, &(BcDevice){.id = "l2", .area = "18100", .kind = BC_DEVICE_LINK}); /* too late for this one; 18100 goes on */
    bc_broadcast_stop_area(rig.b, "18073", "An", rig_on_area_stopped, &stopped);
    rig_run_for(&rig, 2 * S);
    rig_check_told(&rig, "hear nothing;");
    bc_ear_free(ear);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/reach/live", test_live);
    g_test_add_func("/broadcast/reach/live-group", test_live_group);
    g_test_add_func("/broadcast/reach/live-again", test_live_again);
    g_test_add_func("/broadcast/reach/ear", test_ear);
    return g_test_run();
}
