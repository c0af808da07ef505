/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A room of seventy in virtual time: real codecs, mixer, plan and tick; only the network is missing. */
#include "tests/fixtures/meeting.h"

enum { MEMBERS = 70, TALKERS = 3 };

static double hz(unsigned talker)
{
    return 400 + 150 * talker;
}

static MdRoomInfo info_of(MdRoom *room)
{
    MdRoomInfo info;
    md_room_info(room, &info);
    return info;
}

/* Three talk, sixty-seven listen with a mixture of codecs: each hears every talker and nobody hears itself; the server makes
 * one encode for each talker and one for each codec among the listeners. */
static void test_seventy(void)
{
    static const char *const formats[] = {"codec=opus", "codec=opus", "codec=g722", "codec=pcma"};
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "giao-ban"});
    MdLeg *legs[MEMBERS];
    for (unsigned i = 0; i < MEMBERS; i++) {
        g_autofree char *sdp = g_strdup_printf("hz=%g %s", i < TALKERS ? hz(i) : 0, formats[i % 4]);
        meeting_join(meeting, "giao-ban", "site", MD_ROLE_SITE, sdp, &legs[i]);
    }
    meeting_run_ms(meeting, 2000);
    for (unsigned i = 0; i < MEMBERS; i++)
        for (unsigned k = 0; k < TALKERS; k++) {
            float amplitude = fake_leg_hears(legs[i], hz(k));
            if (i == k)
                g_assert_cmpfloat(amplitude, <, 0.003f);
            else
                g_assert_cmpfloat_with_epsilon(amplitude, 0.1f, 0.03f);
        }
    MdRoomInfo before = info_of(room);
    unsigned packets = legs[50]->packets;
    meeting_run_ms(meeting, 1000);
    MdRoomInfo after = info_of(room);
    g_assert_cmpuint(after.ticks - before.ticks, ==, 50);
    g_assert_cmpuint(after.encodes - before.encodes, ==,
                     50 * (TALKERS + 3)); /* 3 minus-own + Opus, G.722, PCMA for the rest */
    g_assert_cmpuint(legs[50]->packets - packets, ==, 50);
    g_assert_cmpuint(after.ticks_late, ==, 0);
    /* The same bytes for all who hear the same. */
    g_assert_cmpmem(legs[4]->payload, legs[4]->payload_len, legs[68]->payload, legs[68]->payload_len);
    g_assert_cmpuint(legs[4]->payload_len, !=, legs[6]->payload_len);
    meeting_free(meeting);
}

/* Of six who talk the four loudest are heard; a small change of loudness changes nothing, a clear one does. */
static void test_loudest(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    meeting_room(meeting, &(MdRoomSpec){.name = "r", .loudest = 4});
    MdLeg *legs[7];
    for (unsigned i = 0; i < 7; i++) {
        g_autofree char *sdp = g_strdup_printf("hz=%g amp=%g", i < 6 ? hz(i) : 0, i < 4 ? 0.1 : 0.05);
        meeting_join(meeting, "r", "site", MD_ROLE_SITE, sdp, &legs[i]);
    }
    meeting_run_ms(meeting, 1500);
    for (unsigned k = 0; k < 6; k++)
        g_assert_cmpint(fake_leg_hears(legs[6], hz(k)) > 0.02f, ==, k < 4);
    legs[5]->tone.amplitude = 0.13f; /* 2.3 dB above the others: not enough */
    meeting_run_ms(meeting, 2000);
    g_assert_cmpfloat(fake_leg_hears(legs[6], hz(5)), <, 0.02f);
    legs[5]->tone.amplitude = 0.4f;
    meeting_run_ms(meeting, 2000);
    g_assert_cmpfloat(fake_leg_hears(legs[6], hz(5)), >, 0.2f);
    unsigned heard = 0;
    for (unsigned k = 0; k < 6; k++)
        heard += fake_leg_hears(legs[6], hz(k)) > 0.02f;
    g_assert_cmpuint(heard, ==, 4);
    meeting_free(meeting);
}

/* 40 and 60 ms listeners: packets at their own pace, changing over between two packets only. */
static void test_long_packets(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    MdLeg *talker, *forty, *sixty;
    meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=400", &talker);
    meeting_join(meeting, "r", "b", MD_ROLE_SITE, "hz=0 ptime=40", &forty);
    meeting_join(meeting, "r", "c", MD_ROLE_SITE, "hz=550 ptime=60", &sixty);
    sixty->silent = true;
    meeting_run_ms(meeting, 1200);
    for (unsigned round = 0; round < 4; round++) {
        sixty->silent = round % 2 == 0; /* goes between the shared encode and its own */
        unsigned at40 = forty->packets, at60 = sixty->packets;
        meeting_run_ms(meeting, 2400);
        g_assert_cmpuint(forty->packets - at40, ==, 60);
        g_assert_cmpuint(sixty->packets - at60, ==, 40);
        g_assert_cmpfloat_with_epsilon(fake_leg_hears(forty, 400), 0.1f, 0.03f);
        g_assert_cmpfloat_with_epsilon(fake_leg_hears(sixty, 400), 0.1f, 0.03f);
        g_assert_cmpfloat(fake_leg_hears(sixty, 550), <, 0.003f);
        g_assert_cmpint(fake_leg_hears(talker, 550) > 0.05f, ==, round % 2 == 1);
    }
    g_assert_cmpuint(info_of(room).members, ==, 3);
    meeting_free(meeting);
}

/* A tick that begins late is counted and the grid stays where it was; after a long stop what nobody can use is left out. */
static void test_late_ticks(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    MdLeg *leg;
    meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=400", &leg);
    meeting_run_ms(meeting, 1000);
    g_assert_cmpuint(info_of(room).ticks_late, ==, 0);
    int64_t grid_us = leg->last_pull_us % MD_AUDIO_TICK_US;
    md_virtual_clock_advance(&meeting->clock, md_worker_next_due_us(meeting->worker) -
                                                  md_clock_now_us(&meeting->clock.base) + 4900);
    md_worker_step(meeting->worker);
    g_assert_cmpuint(info_of(room).ticks_late, ==, 0);
    md_virtual_clock_advance(&meeting->clock, md_worker_next_due_us(meeting->worker) -
                                                  md_clock_now_us(&meeting->clock.base) + 5100);
    md_worker_step(meeting->worker);
    g_assert_cmpuint(info_of(room).ticks_late, ==, 1);
    unsigned pulls = leg->pulls;
    md_virtual_clock_advance(&meeting->clock, 50000); /* two and a half ticks: made up for */
    md_worker_step(meeting->worker);
    md_worker_step(meeting->worker);
    md_worker_step(meeting->worker);
    g_assert_cmpuint(leg->pulls - pulls, >=, 2);
    g_assert_cmpint(leg->last_pull_us % MD_AUDIO_TICK_US, ==, grid_us);
    MdRoomInfo before = info_of(room);
    pulls = leg->pulls;
    md_virtual_clock_advance(&meeting->clock, 10 * G_USEC_PER_SEC); /* the machine slept */
    meeting_run_ms(meeting, 100);
    MdRoomInfo after = info_of(room);
    g_assert_cmpuint(leg->pulls - pulls, <, 30);
    g_assert_cmpuint(after.ticks_late - before.ticks_late, >=, 490);
    g_assert_cmpint(leg->last_pull_us % MD_AUDIO_TICK_US, ==, grid_us);
    meeting_free(meeting);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/media/audio-room/seventy", test_seventy);
    g_test_add_func("/media/audio-room/loudest", test_loudest);
    g_test_add_func("/media/audio-room/long-packets", test_long_packets);
    g_test_add_func("/media/audio-room/late-ticks", test_late_ticks);
    return g_test_run();
}
