/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "mediasim/site.h"

/* Two sites that call each other without a server, in virtual time over loopback sockets: what is sent must
 * be what is heard and seen. */
typedef struct Pair {
    MdVirtualClock clock;
    SimThread thread;
    MdPortPool *ports;
    SimTalk talk;
    SimQuiet quiet;
    SimClip clips[2];
    SimCamera cameras[2];
    SimSiteSpec spec;
    SimSite sites[2];
} Pair;

static void agree(Pair *p, bool secured)
{
    MdSrtpKey keys[2][2];
    for (unsigned i = 0; i < 2; i++)
        for (unsigned m = 0; m < 2; m++)
            g_assert_cmpint(md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &keys[i][m]), ==, 0);
    for (unsigned i = 0; i < 2; i++) {
        MdAgreed agreed = {0};
        const SimLine *lines[2] = {&p->sites[1 - i].audio, &p->sites[1 - i].video};
        for (unsigned m = 0; m < 2; m++) {
            MdAgreedMedia *a = &agreed.media[m];
            a->active = true;
            a->direction = MD_SDP_SENDRECV;
            a->remote = lines[m]->pair.rtp;
            a->remote_rtcp = lines[m]->pair.rtcp;
            a->send_pt = m ? 96 : 111;
            a->codec = m ? (int)MD_VIDEO_H264 : (int)MD_AUDIO_OPUS;
            a->n_receive = 1;
            a->receive[0].pt = a->send_pt;
            a->receive[0].codec = a->codec;
            a->security = secured ? MD_AGREED_SDES : MD_AGREED_PLAIN;
            a->local_key = keys[i][m];
            a->remote_key = keys[1 - i][m];
        }
        sim_site_agree(&p->sites[i], &agreed, md_clock_now_us(&p->clock.base));
    }
}

static Pair *pair_new(const SimImpairOptions *line)
{
    Pair *p = g_new0(Pair, 1);
    MdVideoClass video = {320, 180, 15, 200000};
    MdAddr local;
    md_virtual_clock_init(&p->clock, 1000000, 0);
    SimImpairOptions in = *line;
    in.seed += 77;
    g_assert_cmpint(
        sim_thread_init(&p->thread, &(MdWorkerOptions){.clock = &p->clock.base, .cpu = -1}, line, &in), ==,
        0);
    p->ports =
        md_port_pool_new(&(MdPortPoolOptions){.min_port = 20500, .max_port = 20599, .reuse_delay_us = -1});
    g_assert_nonnull(p->ports);
    g_assert_cmpint(sim_quiet_make(&p->quiet), ==, 0);
    p->talk = (SimTalk){.sites = 2, .talkers = 1, .start_us = 3000000, .turn_us = sim_talk_turn_min_us(1)};
    for (unsigned i = 0; i < 2; i++)
        g_assert_cmpint(sim_clip_make(&p->clips[i], (uint16_t)(i + 1), &video), ==, 0);
    p->spec = (SimSiteSpec){.talk = &p->talk,
                            .quiet = &p->quiet,
                            .cameras = p->cameras,
                            .clips = p->clips,
                            .fps = 15,
                            .hear_min = 0.8,
                            .eye_limits = {1000000, 320, 180},
                            .sites = 2};
    g_assert_cmpint(md_addr_from_host(&local, "127.0.0.1", 0), ==, 0);
    for (unsigned i = 0; i < 2; i++)
        g_assert_cmpint(
            sim_site_init(&p->sites[i], i, &p->spec, &p->thread, p->ports, &local, true, true, true, 5), ==,
            0);
    return p;
}

static void run(Pair *p, int64_t seconds)
{
    int64_t end_us = md_clock_now_us(&p->clock.base) + seconds * 1000000;
    for (unsigned k = 0; md_clock_now_us(&p->clock.base) < end_us; k++) {
        md_virtual_clock_advance(&p->clock, 1000);
        md_worker_step(p->thread.worker);
        if (k % 20 == 0)
            for (unsigned i = 0; i < 2; i++)
                sim_site_tick(&p->sites[i], md_clock_now_us(&p->clock.base));
    }
}

static void pair_free(Pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        sim_site_close(&p->sites[i]);
        sim_site_clear(&p->sites[i]);
        sim_clip_clear(&p->clips[i]);
    }
    g_assert_cmpuint(md_port_pool_in_use(p->ports), ==, 0);
    md_port_pool_free(p->ports);
    sim_thread_clear(&p->thread);
    g_free(p);
}

static void test_clean(void)
{
    Pair *p = pair_new(&(SimImpairOptions){.seed = 1});
    agree(p, true);
    run(p, 20);
    for (unsigned i = 0; i < 2; i++) {
        const SimSite *s = &p->sites[i];
        const SimEar *ear = s->ear;
        g_assert_cmpuint(ear->turns, >=, 6);
        g_assert_cmpuint(ear->pairs_expected, >=, 3);
        g_assert_cmpuint(ear->pairs_heard, ==, ear->pairs_expected);
        g_assert_cmpuint(ear->own_echoes, ==, 0);
        g_assert_cmpuint(ear->gap_ticks, ==, 0);
        /* 20 ms of capture, one or two of jitter buffer, Opus' own 6.5 ms */
        g_assert_cmpint(ear->delay_min_us, >=, 40000);
        g_assert_cmpint(ear->delay_max_us, <=, 75000);
        const SimEye *eye = s->eye;
        g_assert_cmpuint(eye->pictures, >=, 55);
        g_assert_cmpuint(eye->tiles_right, ==, eye->tiles_expected);
        g_assert_cmpuint(eye->ever[2 - i], ==, 1); /* the other ... */
        g_assert_cmpuint(eye->ever[1 + i], ==, 0); /* ... and not itself */
        g_assert_cmpint(eye->delay_max_us, <=, 25000);
        g_assert_cmpuint(s->pictures_decoded, ==, s->pictures_received);
        g_assert_cmpuint(s->pictures_received, >=, 290);
        g_assert_cmpuint(md_stream_lost(&s->audio_way.stream), ==, 0);
        g_assert_cmpuint(s->audio.rejected + s->video.rejected, ==, 0);
        g_assert_cmpint(s->audio_way.round_trip_us, >=, 0);
    }
    pair_free(p);
}

static void test_bad_line(void)
{
    /* 3 % lost each way out and in, 30 ms and up to 30 more. */
    Pair *p = pair_new(&(SimImpairOptions){.loss = 0.03, .delay_us = 15000, .jitter_us = 15000, .seed = 9});
    agree(p, true);
    run(p, 30);
    for (unsigned i = 0; i < 2; i++) {
        const SimSite *s = &p->sites[i];
        g_assert_cmpuint(s->ear->pairs_heard, ==, s->ear->pairs_expected);
        g_assert_cmpint(s->ear->delay_min_us, >=, 70000);
        g_assert_cmpuint(md_stream_lost(&s->audio_way.stream), >, 40);
        MdReorderStats repair;
        md_reorder_stats(s->reorder, &repair);
        g_assert_cmpuint(repair.recovered, >, 20);
        g_test_message("site %u: %d of %d pictures decoded, %d packets asked for again, %d given up", i,
                       (int)s->pictures_decoded, (int)s->pictures_received, (int)repair.nacks,
                       (int)repair.lost);
        g_assert_cmpuint(s->pictures_decoded * 10, >=, s->pictures_received * 9);
        g_assert_cmpuint(s->eye->freezes, ==, 0);
        g_assert_cmpint(s->video_way.round_trip_us, >, 30000);
        g_assert_cmpint(s->video_way.round_trip_us, <, 150000);
    }
    pair_free(p);
}

static void test_silence_fails(void)
{
    /* One side never sends: the other's judges must not be content. */
    Pair *p = pair_new(&(SimImpairOptions){.seed = 1});
    /* Nor may the verdict stumble over a site that never came in. */
    g_assert_cmpint(md_stream_jitter_us(&p->sites[1].audio_way.stream), ==, 0);
    agree(p, false);
    sim_site_close(&p->sites[1]);
    run(p, 12);
    g_assert_cmpuint(p->sites[0].ear->pairs_expected, >=, 1);
    g_assert_cmpuint(p->sites[0].ear->pairs_heard, ==, 0);
    g_assert_cmpuint(p->sites[0].eye->pictures, ==, 0);
    pair_free(p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mediasim/site/clean", test_clean);
    g_test_add_func("/mediasim/site/bad-line", test_bad_line);
    g_test_add_func("/mediasim/site/silence-fails", test_silence_fails);
    return g_test_run();
}
