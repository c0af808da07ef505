/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Evidence → cause, as a table. */
#include "mediad/meeting/trial-cause.h"
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/meeting/trial-cause/calls", test_calls);
    g_test_add_func("/meeting/trial-cause/sound", test_sound);
    g_test_add_func("/meeting/trial-cause/picture", test_picture);
    g_test_add_func("/meeting/trial-cause/line", test_line);
    g_test_add_func("/meeting/trial-cause/together", test_together);
    g_test_add_func("/meeting/trial-cause/words", test_words);
    g_test_add_func("/meeting/trial-cause/undecided", test_undecided);
    return g_test_run();
}
