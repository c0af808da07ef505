/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Announcements over SIP: who is rung when, what sounds, and what the play log says. */
#include "tests/unit/broadcast/room-rig.h"

/* A bulletin at 05:00: every kind of loudspeaker, and what the play log says of each. */
static void test_bulletin(void)
{
    static const char *const names[] = {"ok-1", "ok-2", "busy-1", "mute-1", "late-1", "drop-1", "off-1", "none-1", "video-1", "far-1"};
    Rig rig;
    rig_init(&rig);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        rig_put_device(&rig, names[i], "18073");
    rig_put_device(&rig, "ok-elsewhere", "18100");
    g_autofree char *content = rig_add_content(&rig);
    g_autofree char *id = rig_schedule(&rig, content, "18073", "2026-11-23T05:00", NULL, BC_PRIORITY, 60);
    md_virtual_clock_advance(&rig.clock, 3560 * S);
    rig_run_to(&rig, T0 - 11 * S);
    g_assert_cmpuint(rig_speaker(&rig, "ok-1")->dials, ==, 0);
    rig_run_to(&rig, T0 - 2 * S);
    Speaker *ok = rig_speaker(&rig, "ok-1");
    g_assert_cmpuint(ok->dials, ==, 1);
    g_assert_cmpuint(ok->packets, ==, 0);
    g_assert_nonnull(strstr(ok->headers, "Answer-Mode: Auto"));
    g_assert_nonnull(strstr(ok->headers, ";answer-after=0"));
    g_assert_nonnull(strstr(ok->headers, "Alert-Info: "));
    g_assert_nonnull(strstr(ok->headers, "Priority: urgent"));
    rig_run_to(&rig, T0 + 30 * S);
    g_assert_cmpint(llabs(ok->first_us - T0), <=, 40000);
    g_assert_cmpint(llabs(ok->last_us - (T0 + 6 * S)), <=, 100000);
    g_assert_cmpuint(ok->packets, >=, 150);
    g_assert_cmpuint(ok->packets, <=, 152);
    g_assert_cmpfloat(rig_purity(ok->pcm + 48000, 96000, 440), >, 0.95);
    g_assert_cmpuint(ok->hangups, ==, 1);
    g_assert_cmpuint(rig_speaker(&rig, "ok-elsewhere")->dials, ==, 0);
    Found found;
    rig_check_play(&rig, "ok-1", "played: -", &found);
    g_assert_cmpint(found.from_us, ==, T0);
    g_assert_cmpint(llabs(found.to_us - (T0 + 6 * S)), <, 50000);
    rig_check_play(&rig, "ok-2", "played: -", NULL);
    rig_check_play(&rig, "busy-1", "missed: 486 Busy Here", &found);
    g_assert_cmpint(found.rings, ==, 2); /* once more, no oftener */
    rig_check_play(&rig, "mute-1", "missed: 408", NULL);
    rig_check_play(&rig, "late-1", "partial: joined late", &found);
    g_assert_cmpint(llabs(found.from_us - (T0 + 2 * S)), <, S / 2);
    rig_check_play(&rig, "drop-1", "partial: the loudspeaker ended the call", &found);
    g_assert_cmpint(found.from_us, ==, T0);
    rig_check_play(&rig, "off-1", "missed: not registered", &found);
    g_assert_cmpint(found.rings, ==, 0);
    rig_check_play(&rig, "none-1", "missed: ", NULL);
    rig_check_play(&rig, "video-1", "missed: 488", &found);
    g_assert_cmpint(found.rings, ==, 1); /* asking again changes nothing */
    rig_check_play(&rig, "far-1", "missed: 100 % of the sound could not be sent to it", &found);
    g_assert_cmpint(found.from_us, ==, 0);
    rig_runs(&rig, &found);
    g_assert_cmpstr(found.text->str, ==, "schedule done -;");
    g_assert_cmpint(found.last.devices, ==, 10);
    g_assert_cmpint(found.last.played, ==, 2);
    g_assert_cmpint(found.last.partial, ==, 2);
    g_assert_cmpint(found.last.missed, ==, 6);
    g_string_free(found.text, TRUE);
    g_assert_cmpstr(rig.events->str, ==, "ringing Bản tin;playing Bản tin;ended Bản tin;");
    g_assert_cmpstr(bc_devices_find(bc_broadcast_devices(rig.b), "busy-1")->outcome, ==, "missed: 486 Busy Here");
    rig_clear(&rig);
}

static void on_refused(const BcContent *content, const GError *error, void *user)
{
    g_assert_null(content);
    *(int *)user = error->code;
}

/* A meeting is on the loudspeakers; an emergency takes them, plays at once, and gives them back. A normal bulletin has to
 * wait for the meeting's end. */
static void test_pre_emption(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    rig_put_device(&rig, "ok-1", "18073");
    rig_put_device(&rig, "ok-2", "18100");
    g_autofree char *content = rig_add_content(&rig);
    g_autoptr(GError) error = NULL;
    g_autofree char *live = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp giao ban", "tester", &error);
    g_assert_no_error(error);
    int64_t began = rig_wall(&rig);
    rig_run_to(&rig, began + 6 * S);
    Speaker *ok = rig_speaker(&rig, "ok-1");
    g_assert_cmpuint(ok->packets, >, 100);
    g_assert_cmpfloat(rig_purity(ok->pcm + ok->samples - 96000, 96000, 700), >, 0.95);
    g_autofree char *normal = rig_play(&rig, content, BC_NORMAL, "Thường");
    rig_run_to(&rig, began + 8 * S);
    g_assert_cmpuint(ok->dials, ==, 1); /* same priority: a commune does not take them from the province */
    g_autofree char *emergency = rig_play(&rig, content, BC_EMERGENCY, "Bão khẩn cấp");
    int64_t alarm = rig_wall(&rig);
    ok->packets = ok->samples = 0;
    rig_run_to(&rig, alarm + 6 * S);
    g_assert_cmpuint(ok->dials, ==, 2);
    g_assert_cmpuint(ok->hangups, ==, 1);
    g_assert_nonnull(strstr(ok->headers, "Priority: emergency"));
    g_assert_cmpfloat(rig_purity(ok->pcm + ok->samples - 48000, 48000, 440), >, 0.95);
    g_assert_cmpint(ok->last_us, >, alarm);
    rig_run_to(&rig, alarm + 14 * S);
    rig_check_play(&rig, "ok-2", "played: -", NULL);
    g_assert_cmpuint(ok->dials, ==, 3); /* back in the meeting */
    ok->samples = 0;
    rig_run_to(&rig, alarm + 18 * S);
    g_assert_cmpfloat(rig_purity(ok->pcm + ok->samples - 48000, 48000, 700), >, 0.95);
    g_assert_true(bc_broadcast_stop(rig.b, live, "tester", NULL));
    g_assert_false(bc_broadcast_stop(rig.b, live, "tester", NULL));
    rig_run_to(&rig, alarm + 30 * S);
    g_assert_null(rig.tap_fn);
    Found found;
    rig_runs(&rig, &found);
    g_assert_nonnull(strstr(found.text->str, "live stopped stopped by tester"));
    g_string_free(found.text, TRUE);
    BcBroadcastStats stats;
    bc_broadcast_stats(rig.b, &stats);
    g_assert_cmpuint(stats.running, ==, 0);
    g_assert_cmpuint(stats.held, ==, 0);
    rig_clear(&rig);
}

/* The meeting on a loudspeaker ends; of two that wait for it the first has too little left: the second takes it. */
static void test_next_in_line(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    rig_put_device(&rig, "ok-1", "18073");
    g_autofree char *content = rig_add_content(&rig), *third = NULL;
    g_autofree char *live = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp", "tester", NULL);
    int64_t began = rig_wall(&rig);
    rig_run_to(&rig, began + 3 * S);
    Speaker *ok = rig_speaker(&rig, "ok-1");
    g_assert_cmpuint(ok->dials, ==, 1);
    g_autofree char *second = rig_play(&rig, content, BC_NORMAL, "Ngắn");
    BcPlayOptions longer = {.content = content, .areas = areas, .priority = BC_NORMAL, .authority = BC_AUTHORITY_COMMUNE, .repeats = 3,
                            .title = "Dài", .created_by = "tester"};
    bc_broadcast_play_options(rig.b, &longer, rig_on_started, &third);
    rig_run_to(&rig, began + 9 * S + S / 5); /* "Ngắn" ends after 11 s */
    g_assert_cmpuint(ok->dials, ==, 1);
    g_assert_true(bc_broadcast_stop(rig.b, live, "tester", NULL));
    ok->samples = 0;
    rig_run_to(&rig, began + 14 * S);
    g_assert_cmpuint(ok->dials, ==, 2);
    g_assert_cmpuint(ok->samples, >, 48000);
    rig_clear(&rig);
}

/* A lead-in is heard first and once; what has expired falls silent at that moment. */
static void test_play_options(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    rig_put_device(&rig, "ok-1", "18073");
    g_autofree char *content = rig_add_content(&rig), *id = NULL, *late = NULL;
    BcPlayOptions options = {.content = content, .areas = areas, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_PROVINCE,
                             .lead_content = content, .expires_us = rig_wall(&rig) + 12 * S, .title = "Bão"};
    bc_broadcast_play_options(rig.b, &options, rig_on_started, &id);
    int64_t began = rig_wall(&rig);
    rig_run_to(&rig, began + 20 * S);
    Speaker *ok = rig_speaker(&rig, "ok-1");
    g_assert_cmpuint(ok->packets, >, 270); /* begins at once: 6 s of lead-in, then all but the last moment of 6 s */
    g_assert_cmpuint(ok->packets, <, 295);
    g_assert_cmpint(ok->last_us, <=, options.expires_us + S / 10);
    rig_check_play(&rig, "ok-1", "partial: it has expired", NULL);
    options.expires_us = rig_wall(&rig) - S;
    bc_broadcast_play_options(rig.b, &options, rig_on_started, &late);
    g_assert_cmpstr(late, ==, "");
    rig_clear(&rig);
}

/* A line that breaks every half minute is dialled again as long as the meeting lasts; one that never holds is not. */
static void test_weak_line(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    rig_put_device(&rig, "weak-1", "18073");
    rig_put_device(&rig, "drop-1", "18073");
    g_autofree char *live = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp", "tester", NULL);
    rig_run_to(&rig, rig_wall(&rig) + 170 * S);
    g_assert_cmpuint(rig_speaker(&rig, "weak-1")->dials, ==, 5);
    g_assert_cmpuint(rig_speaker(&rig, "drop-1")->dials, ==, 2);
    rig_clear(&rig);
}

/* A loudspeaker moves to another port in the middle (re-INVITE under another crypto tag and under ours). */
static void test_refresh(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    rig_put_device(&rig, "ok-1", "18073");
    g_autofree char *live = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp", NULL, NULL);
    g_assert_nonnull(live);
    int64_t began = rig_wall(&rig);
    rig_run_to(&rig, began + 3 * S);
    Speaker *ok = rig_speaker(&rig, "ok-1");
    unsigned before = ok->packets;
    g_assert_cmpuint(before, >, 30);
    MdAddr any, moved;
    md_addr_from_host(&any, "127.0.0.1", 0);
    close(ok->fd);
    ok->fd = md_udp_open(&any, &moved);
    FakeCall *c = rig.calls->pdata[0];
    MdSrtpKey own;
    char text[MD_SRTP_KEY_BASE64_MAX];
    md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &own);
    md_srtp_key_to_base64(&own, text, sizeof text);
    for (unsigned tag = 7; tag >= 1; tag -= 6) {
        g_autofree char *offer = g_strdup_printf(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %u RTP/SAVP 111\r\na=rtpmap:111 opus/48000/2\r\n"
            "a=crypto:%u AEAD_AES_128_GCM inline:%s\r\na=recvonly\r\n", md_addr_port(&moved), tag, text);
        g_autofree char *line = g_strdup_printf("a=crypto:%u AEAD_AES_128_GCM inline:", tag);
        md_call_emit_sdp(c->call, MD_SDP_OFFER, offer);
        g_assert_nonnull(c->answered);
        g_assert_nonnull(strstr(c->answered, line));
        g_assert_nonnull(strstr(c->answered, "opus/48000"));
        g_clear_pointer(&c->answered, g_free);
        if (tag == 1)
            break;
    }
    rig_run_to(&rig, began + 6 * S);
    g_assert_cmpuint(ok->packets, >, before + 50); /* at the new port, under the same key */
    g_assert_cmpuint(ok->dials, ==, 1);
    rig_clear(&rig);
}

/* Bad wishes get a clear answer and change nothing. */
static void test_refused(void)
{
    static const char *const nowhere[] = {"99", NULL}, *const areas[] = {"42", NULL};
    static const char *const urls[] = {"file:///etc/passwd", "ftp://a/b", "http://", "http://user:pw@host/x", "giao-ban",
                                        "http://127.0.0.1:8000/not-listed"};
    Rig rig;
    rig_init(&rig);
    for (unsigned i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(bc_broadcast_live(rig.b, NULL, urls[i], areas, BC_NORMAL, NULL, NULL, &error));
        g_assert_error(error, BC_ERROR, BC_ERROR_INVALID);
        g_assert_true(i + 1 < G_N_ELEMENTS(urls) || strstr(error->message, "broadcast.live_hosts"));
    }
    g_autoptr(GError) no_area = NULL, no_room = NULL, both = NULL;
    g_assert_null(bc_broadcast_live(rig.b, "giao-ban", NULL, nowhere, BC_NORMAL, NULL, NULL, &no_area));
    g_assert_error(no_area, BC_ERROR, BC_ERROR_NOT_FOUND);
    g_assert_null(bc_broadcast_live(rig.b, "other", NULL, areas, BC_NORMAL, NULL, NULL, &no_room));
    g_assert_error(no_room, BC_ERROR, BC_ERROR_NOT_FOUND);
    g_assert_null(bc_broadcast_live(rig.b, "giao-ban", "http://a/b", areas, BC_NORMAL, NULL, NULL, &both));
    g_assert_error(both, BC_ERROR, BC_ERROR_INVALID);
    char *id = NULL;
    bc_broadcast_play(rig.b, "0000", areas, BC_NORMAL, 1, 0, NULL, NULL, rig_on_started, &id);
    g_assert_cmpstr(id, ==, "");
    g_free(id);
    g_autofree char *recording = rig_add_content(&rig);
    id = NULL;
    bc_broadcast_play(rig.b, recording, areas, BC_NORMAL, 1, rig_wall(&rig) + 61 * S, NULL, NULL, rig_on_started, &id);
    g_assert_cmpstr(id, ==, ""); /* it would hold the loudspeakers all that time */
    g_free(id);
    int flag = 0;
    bc_broadcast_put_schedule(rig.b, &(BcSchedule){.name = "x", .content = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                                                   .areas = areas, .start_local = "2026-11-23T05:00", .priority = BC_NORMAL, .enabled = true},
                              NULL, rig_on_done, &flag);
    rig_wait_flag(&flag);
    g_assert_cmpint(flag, ==, -1); /* no such content */
    flag = 0;
    bc_broadcast_put_schedule(rig.b, &(BcSchedule){.name = "x", .content = recording, .areas = areas, .start_local = "2020-11-23T05:00",
                                                   .priority = BC_NORMAL, .enabled = true},
                              NULL, rig_on_done, &flag);
    rig_wait_flag(&flag);
    g_assert_cmpint(flag, ==, -1); /* in the past */
    int code = -1; /* six seconds are there, and that is more than this rig may keep */
    g_assert_cmpuint(bc_contents_add_text(bc_broadcast_contents(rig.b), "Xin chào", "x", NULL, on_refused, &code), ==, 0);
    g_assert_cmpint(code, ==, BC_ERROR_LIMIT);
    g_autoptr(GPtrArray) none = bc_schedules_list(bc_broadcast_schedules(rig.b));
    g_assert_cmpuint(none->len, ==, 0);
    rig_clear(&rig);
}

/* Trung Lộc, 5 December 2025: the relay was set to 03:15. Here nobody wakes up; a release by two people is something else. */
static void test_wrong_relay(void)
{
    Rig rig;
    rig_init(&rig);
    rig_put_device(&rig, "ok-1", "18073");
    g_autofree char *content = rig_add_content(&rig);
    g_autofree char *id = rig_schedule(&rig, content, "42", "2026-11-23T05:00", NULL, BC_PRIORITY, 60);
    rig_set_quiet(&rig, "42", 4 * 3600, 5 * 3600 + 1800);
    md_virtual_clock_advance(&rig.clock, 3585 * S);
    rig_run_to(&rig, T0 + 20 * S);
    Speaker *ok = rig_speaker(&rig, "ok-1");
    g_assert_cmpuint(ok->dials, ==, 0);
    rig_check_play(&rig, "ok-1", "missed: quiet hours", NULL);
    BcSchedule again = *bc_schedules_find(bc_broadcast_schedules(rig.b), id);
    int flag = 0;
    again.start_local = "2026-11-23T05:01";
    again.released_by = "second";
    bc_broadcast_put_schedule(rig.b, &again, NULL, rig_on_done, &flag);
    rig_wait_flag(&flag);
    rig_run_to(&rig, T0 + 70 * S);
    g_assert_cmpuint(ok->dials, ==, 1);
    rig_check_play(&rig, "ok-1", "played: -", NULL);
    rig_clear(&rig);
}

/* A programme of several items on a rung loudspeaker: in order, with the silence between, cut off by its validity; on a holiday not at all. */
static void test_programme(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    int flag = 0, day = 0;
    int32_t second = 0;
    rig_init(&rig);
    rig_put_device(&rig, "ok-1", "18073");
    g_autofree char *content = rig_add_content(&rig);
    const BcItem items[] = {{.kind = BC_ITEM_CONTENT, .content = content},
                            {.kind = BC_ITEM_SILENCE, .duration_us = 3 * S},
                            {.kind = BC_ITEM_CONTENT, .content = content}};
    BcSchedule s = {.name = "Chương trình", .items = items, .n_items = 3, .areas = areas, .start_local = "2026-11-23T05:00", .rule = "FREQ=DAILY",
                    .priority = BC_NORMAL, .grace_s = 60, .enabled = true, .expires_us = T0 + 13 * S};
    bc_broadcast_put_schedule(rig.b, &s, NULL, rig_on_done, &flag);
    rig_wait_flag(&flag);
    g_assert_cmpint(flag, ==, 1);
    md_virtual_clock_advance(&rig.clock, 3585 * S);
    rig_run_to(&rig, T0 + 30 * S);
    Speaker *ok = rig_speaker(&rig, "ok-1");
    g_assert_cmpfloat(rig_loudest(ok, 1, 5.5), >, 0.05);
    g_assert_cmpfloat(rig_loudest(ok, 6.3, 8.9), <, 0.01);
    g_assert_cmpfloat(rig_loudest(ok, 9.5, 12.5), >, 0.05);
    g_assert_cmpfloat(rig_loudest(ok, 13.3, 30), <, 0.001);
    unsigned dials = ok->dials;
    s.expires_us = 0;
    s.start_local = "2026-11-23T05:01";
    s.holidays = BC_HOLIDAY_SKIP;
    g_assert_true(bc_parse_day("2026-11-23", &second));
    bc_holidays_put(bc_broadcast_holidays(rig.b), &(BcHoliday){"42", "Lễ", second}, rig_on_done, &day);
    rig_wait_flag(&day);
    flag = 0;
    bc_broadcast_put_schedule(rig.b, &s, NULL, rig_on_done, &flag);
    rig_wait_flag(&flag);
    g_assert_cmpint(flag, ==, 1);
    rig_run_to(&rig, T0 + 75 * S);
    g_assert_cmpuint(ok->dials, ==, dials);
    rig_clear(&rig);
}

/* Valid at the beginning and at the end, not in between: when something else holds for the recording. */
static bool not_at_seven(const char *content, int64_t at_wall_us, char **ret_why, void *user)
{
    bool ok = at_wall_us < T0 + 3 * S || at_wall_us > T0 + 10 * S;
    if (!ok)
        *ret_why = g_strdup("it is no longer valid");
    return ok;
}

/* A recording that may not be heard when its place comes is silence: what follows keeps its place on the clock, as in the plan. */
static void test_refused_item(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    int flag = 0;
    rig_init(&rig);
    rig_put_device(&rig, "ok-1", "18073");
    g_autofree char *content = rig_add_content(&rig);
    const BcItem items[] = {{.kind = BC_ITEM_CONTENT, .content = content},
                            {.kind = BC_ITEM_CONTENT, .content = content},
                            {.kind = BC_ITEM_CONTENT, .content = content}};
    BcSchedule s = {.name = "Chương trình", .items = items, .n_items = 3, .areas = areas, .start_local = "2026-11-23T05:00", .priority = BC_NORMAL,
                    .grace_s = 60, .enabled = true};
    bc_broadcast_set_content_check(rig.b, not_at_seven, NULL);
    bc_broadcast_put_schedule(rig.b, &s, NULL, rig_on_done, &flag);
    rig_wait_flag(&flag);
    md_virtual_clock_advance(&rig.clock, 3585 * S);
    rig_run_to(&rig, T0 + 22 * S);
    Speaker *ok = rig_speaker(&rig, "ok-1");
    g_assert_cmpfloat(rig_loudest(ok, 1, 5.5), >, 0.05);
    g_assert_cmpfloat(rig_loudest(ok, 6.5, 11.7), <, 0.01);
    g_assert_cmpfloat(rig_loudest(ok, 12.5, 17.5), >, 0.05);
    g_assert_cmpfloat(rig_loudest(ok, 18.5, 21), <, 0.001);
    bc_broadcast_set_content_check(rig.b, NULL, NULL);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/room/bulletin", test_bulletin);
    g_test_add_func("/broadcast/room/pre-emption", test_pre_emption);
    g_test_add_func("/broadcast/room/next-in-line", test_next_in_line);
    g_test_add_func("/broadcast/room/play-options", test_play_options);
    g_test_add_func("/broadcast/room/weak-line", test_weak_line);
    g_test_add_func("/broadcast/room/refresh", test_refresh);
    g_test_add_func("/broadcast/room/refused", test_refused);
    g_test_add_func("/broadcast/room/wrong-relay", test_wrong_relay);
    g_test_add_func("/broadcast/room/programme", test_programme);
    g_test_add_func("/broadcast/room/refused-item", test_refused_item);
    return g_test_run();
}
