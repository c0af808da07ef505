/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Evidence → cause, as a table. */
#include "mediad/meeting/trial-cause.h"
#include "mediad/meeting/meeting.h"
#include <string.h>

/* A good line: voice, moving picture, reports without loss. */
static MdTrialEvidence good(void)
{
    return (MdTrialEvidence){.registered = true, .answered = true, .seconds = 10, .encrypted = true, .audio_agreed = true, .video_agreed = true,
                             .audio_packets = 500, .level_max_dbov = -25, .jitter_us = 8000, .round_trip_us = 30000, .reports = true, .video_packets = 900,
                             .video_frames = 150, .video_decoded = 150, .video_moved = 149, .video_luma = 110};
}

static void expect(const MdTrialEvidence *e, MdTrialGrade grade, const char *causes)
{
    MdTrialVerdict v = md_trial_judge(e);
    g_autoptr(GString) got = g_string_new(NULL);
    for (unsigned i = 0; i < v.n; i++)
        g_string_append_printf(got, "%s%s", i > 0 ? " " : "", md_trial_cause_to_string(v.causes[i]));
    g_assert_cmpstr(got->str, ==, causes);
    g_assert_cmpint(v.grade, ==, grade);
}

static void test_calls(void)
{
    MdTrialEvidence e = {.level_max_dbov = -127, .video_luma = -1};
    expect(&e, MD_TRIAL_FAIL, "not-registered");
    e.registered = true;
    static const struct {
        int code;
        const char *cause;
    } codes[] = {{408, "no-answer"}, {480, "no-answer"}, {486, "busy"},          {600, "busy"},           {603, "refused"},
                 {403, "refused"},   {488, "media-refused"}, {606, "media-refused"}, {500, "call-failed"}, {404, "call-failed"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++) {
        e.code = codes[i].code;
        expect(&e, MD_TRIAL_FAIL, codes[i].cause);
    }
    e = (MdTrialEvidence){.registered = true, .busy_elsewhere = true};
    expect(&e, MD_TRIAL_WARN, "busy-elsewhere");
    e = good();
    e.dropped = true;
    expect(&e, MD_TRIAL_FAIL, "dropped");
}

static void test_sound(void)
{
    MdTrialEvidence e = good();
    expect(&e, MD_TRIAL_PASS, "fine");
    e.level_max_dbov = -127; /* packets of silence */
    expect(&e, MD_TRIAL_FAIL, "silent-microphone");
    e.level_max_dbov = -71;
    expect(&e, MD_TRIAL_FAIL, "silent-microphone");
    e.level_max_dbov = -60;
    expect(&e, MD_TRIAL_WARN, "weak-microphone");
    e.level_max_dbov = -49;
    expect(&e, MD_TRIAL_PASS, "fine");
    e.level_max_dbov = -1;
    expect(&e, MD_TRIAL_WARN, "loud-microphone");
    e = good();
    e.audio_packets = 0;
    e.level_max_dbov = -127;
    expect(&e, MD_TRIAL_FAIL, "no-sound");
    e.audio_agreed = false;
    expect(&e, MD_TRIAL_FAIL, "media-refused");
}

static void test_picture(void)
{
    MdTrialEvidence e = good();
    e.video_packets = e.video_frames = e.video_decoded = e.video_moved = 0;
    e.video_luma = -1;
    expect(&e, MD_TRIAL_FAIL, "no-picture");
    e = good();
    e.video_frozen_ms = 4000;
    expect(&e, MD_TRIAL_FAIL, "frozen-picture");
    e.video_frozen_ms = 3000; /* of ten seconds */
    expect(&e, MD_TRIAL_PASS, "fine");
    e = good();
    e.video_moved = 1;
    expect(&e, MD_TRIAL_WARN, "still-picture");
    e.video_luma = 17;
    expect(&e, MD_TRIAL_WARN, "dark-picture");
    e = good();
    e.video_agreed = false;
    e.video_packets = e.video_frames = e.video_decoded = e.video_moved = 0;
    e.video_luma = -1;
    expect(&e, MD_TRIAL_WARN, "no-video");
}

static void test_line(void)
{
    MdTrialEvidence e = good();
    e.audio_lost = 20; /* of 520: nearly 4 per cent */
    expect(&e, MD_TRIAL_FAIL, "weak-line");
    e = good();
    e.audio_lost = 10;
    expect(&e, MD_TRIAL_PASS, "fine");
    e.jitter_us = 61000;
    expect(&e, MD_TRIAL_FAIL, "weak-line");
    e = good();
    e.round_trip_us = 700000;
    expect(&e, MD_TRIAL_FAIL, "weak-line");
    e = good();
    e.remote_loss_permille = 50;
    expect(&e, MD_TRIAL_FAIL, "weak-line");
    e.remote_loss_permille = 1000;
    expect(&e, MD_TRIAL_FAIL, "does-not-hear");
    e.reports = false; /* nobody said so */
    expect(&e, MD_TRIAL_PASS, "fine");
    e = good();
    e.audio_packets = e.video_packets = e.video_frames = e.video_decoded = e.video_moved = 0;
    e.level_max_dbov = -127;
    e.video_luma = -1;
    expect(&e, MD_TRIAL_FAIL, "nothing-arrives");
}

static void test_together(void)
{
    MdTrialEvidence e = good();
    e.encryption_demanded = true;
    expect(&e, MD_TRIAL_PASS, "fine");
    e.encrypted = false;
    expect(&e, MD_TRIAL_FAIL, "not-encrypted");
    e.level_max_dbov = -90;
    e.video_frozen_ms = 9000;
    e.video_lost = 300;
    expect(&e, MD_TRIAL_FAIL, "not-encrypted silent-microphone frozen-picture weak-line");
    MdTrialVerdict v = md_trial_judge(&e);
    for (unsigned i = 1; i < v.n; i++)
        g_assert_cmpint(v.causes[i - 1], <, v.causes[i]); /* the gravest first */
}

static void test_words(void)
{
    for (MdTrialCause cause = 0; cause < MD_TRIAL_CAUSE_MAX; cause++) {
        g_assert_nonnull(md_trial_cause_to_string(cause));
        g_assert_true(g_utf8_validate(md_trial_cause_text(cause), -1, NULL));
        g_assert_cmpuint(strlen(md_trial_cause_text(cause)), >, 10);
        g_assert_true(cause == MD_TRIAL_FINE || strlen(md_trial_cause_advice(cause)) > 10);
        g_assert_true(g_str_is_ascii(md_trial_cause_text_en(cause)) && strlen(md_trial_cause_text_en(cause)) > 10);
        g_assert_true(g_str_is_ascii(md_trial_cause_advice_en(cause)));
        g_assert_cmpint(*md_trial_cause_advice_en(cause) == 0, ==, *md_trial_cause_advice(cause) == 0);
    }
    g_assert_null(md_trial_cause_text(MD_TRIAL_CAUSE_MAX));
}

static void test_undecided(void)
{
    MdTrialEvidence e = good();
    g_assert_false(md_trial_undecided(&e));
    e.level_max_dbov = -60; /* nobody has spoken yet */
    g_assert_true(md_trial_undecided(&e));
    e = good();
    e.video_moved = 0;
    g_assert_true(md_trial_undecided(&e));
    e.video_agreed = false;
    g_assert_false(md_trial_undecided(&e));
}

static MdTrialSite site(const char *account, const char *name, MdTrialState state, const MdTrialEvidence *e)
{
    MdTrialSite s = {.account = account, .name = name, .state = state, .done_us = state == MD_TRIAL_DONE ? INT64_C(1800000000000000) : 0, .attempts = 1};
    if (e) {
        s.evidence = *e;
        s.verdict = md_trial_judge(e);
    }
    return s;
}

/* What needs hands comes first, the rest in the order of the invited; names cannot break the table or the page. */
static void test_sheet(void)
{
    MdTrialEvidence fine = good(), dead = good(), faint = good();
    dead.level_max_dbov = -127;
    dead.audio_lost = 125;
    faint.level_max_dbov = -60;
    MdTrialSite sites[] = {site("a", "Xã <A>", MD_TRIAL_DONE, &fine), site("b", "=Xã \"B\"", MD_TRIAL_DONE, &dead), site("c", "Xã C", MD_TRIAL_CHECKING, NULL),
                           site("d", "Xã D", MD_TRIAL_DONE, &faint), site("e", "Xã E", MD_TRIAL_DONE, NULL)};
    MdTrial trial = {.running = true, .begun_us = INT64_C(1800000000000000), .sites = g_ptr_array_new(), .passed = 1, .warned = 1, .failed = 1, .left = 1};
    for (unsigned i = 0; i < G_N_ELEMENTS(sites); i++)
        g_ptr_array_add(trial.sites, &sites[i]);
    g_autoptr(GTimeZone) zone = g_time_zone_new_offset(7 * 3600);
    g_autofree char *csv = md_trial_csv(&trial, zone);
    g_auto(GStrv) rows = g_strsplit(csv, "\r\n", -1);
    g_assert_cmpuint(g_strv_length(rows), ==, 7);
    g_assert_true(g_str_has_prefix(rows[0], "\xef\xbb\xbf\"STT\",\"Điểm cầu\","));
    g_assert_true(g_str_has_prefix(rows[1], "\"1\",\"'=Xã \"\"B\"\"\",\"b\",\"Không đạt\",\"Micro không có tín hiệu"));
    g_assert_true(g_str_has_suffix(rows[1], ",\"15:00:00\",\"1\",\"-127\",\"20.0\",\"8\",\"0.0\""));
    g_assert_nonnull(strstr(rows[1], "Đường truyền yếu")); /* not only the gravest */
    g_assert_true(g_str_has_prefix(rows[2], "\"2\",\"Xã D\",\"d\",\"Cần xem\","));
    g_assert_true(g_str_has_prefix(rows[3], "\"3\",\"Xã C\",\"c\",\"Đang kiểm tra\",\"\","));
    g_assert_true(g_str_has_prefix(rows[4], "\"4\",\"Xã E\",\"e\",\"Chưa kiểm tra\",\"\","));
    g_assert_true(g_str_has_prefix(rows[5], "\"5\",\"Xã <A>\",\"a\",\"Đạt\","));
    char title[] = "<b>Giao ban";
    MdBooking booking = {.title = title, .start_us = INT64_C(1800003600000000)};
    g_autofree char *page = md_trial_page(&trial, &booking, zone);
    g_assert_nonnull(strstr(page, "Kết quả họp thử: &lt;b&gt;Giao ban"));
    g_assert_nonnull(strstr(page, "16:00 ngày 15/01/2027"));
    g_assert_nonnull(strstr(page, "Xã &lt;A&gt;"));
    g_assert_null(strstr(page, "<A>"));
    g_assert_true(strstr(page, "=Xã") < strstr(page, "Xã D") && strstr(page, "Xã D") < strstr(page, "Xã E"));
    g_ptr_array_unref(trial.sites);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/meeting/trial-cause/calls", test_calls);
    g_test_add_func("/meeting/trial-cause/sound", test_sound);
    g_test_add_func("/meeting/trial-cause/picture", test_picture);
    g_test_add_func("/meeting/trial-cause/line", test_line);
    g_test_add_func("/meeting/trial-cause/together", test_together);
    g_test_add_func("/meeting/trial-cause/words", test_words);
    g_test_add_func("/meeting/trial-cause/sheet", test_sheet);
    g_test_add_func("/meeting/trial-cause/undecided", test_undecided);
    return g_test_run();
}
