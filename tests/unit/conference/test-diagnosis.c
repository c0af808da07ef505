/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each thing that can be wrong alone, and what is named when several are. */
#include "mediad/conference/diagnosis.h"
#include "tests/fixtures/meeting.h"
#include <string.h>

static MdPartyEvidence well(void)
{
    return (MdPartyEvidence){.here = true, .talking = true, .has_sound = true, .has_picture = true, .role = MD_ROLE_SITE, .audio_received = 100,
                             .audio_sent = 100, .video_received = 300, .video_frames = 30, .video_sent = 300, .jitter_us = 5000, .luma = 90, .quiet_cbov = 2500};
}

typedef void (*Spoil)(MdEvidence *e);
#define SPOIL(name, ...) static void name(MdEvidence *e) { __VA_ARGS__; }
SPOIL(nothing, (void)e)
SPOIL(gone, e->site = (MdPartyEvidence){.luma = -1})
SPOIL(lobby, e->site.in_lobby = true)
SPOIL(waiting, e->waiting_for_chair = true)
SPOIL(no_sound, e->site.has_sound = false; e->site.audio_received = 0)
SPOIL(no_packets, e->site.audio_received = 0; e->site.quiet_cbov = 12700)
SPOIL(rejected, e->site.audio_received = 0; e->site.video_received = 0; e->site.rejected = 150)
SPOIL(lossy, e->site.audio_lost = 40)
SPOIL(loss, e->site.audio_lost = 5)
SPOIL(jitter, e->site.jitter_us = 200000)
SPOIL(late, e->site.audio_concealed = 70)
SPOIL(silent, e->site.quiet_cbov = 9000; e->site.talking = false)
SPOIL(faint, e->site.quiet_cbov = 5000)
SPOIL(own_mute, e->site.self_muted = true; e->site.audio_received = 0; e->site.talking = false)
SPOIL(chair_mute, e->site.muted = true; e->site.quiet_cbov = 9000; e->site.talking = false)
SPOIL(floor_mute, e->site.floor_muted = true; e->site.talking = false)
SPOIL(observer, e->site.role = MD_ROLE_OBSERVER; e->site.talking = false)
SPOIL(turned_down, e->site.gain_db = -40)
SPOIL(not_mixed, e->site.talking = false)
SPOIL(not_sent, e->listener.audio_sent = 0)
SPOIL(far_lossy, e->listener.remote_loss_permille = 300)
SPOIL(far_loss, e->listener.remote_loss_permille = 50)
SPOIL(far_thin, e->listener.estimate_bps = 190000; e->listener.video_target_bps = 142000)
SPOIL(far_wide, e->listener.estimate_bps = 2000000; e->listener.video_target_bps = 1500000)
SPOIL(deaf, e->listener.deaf = true)
SPOIL(far_lobby, e->listener.in_lobby = true)
SPOIL(far_gone, e->listener = (MdPartyEvidence){.luma = -1})
SPOIL(nobody_named, e->has_listener = false; e->listener = (MdPartyEvidence){.luma = -1})
SPOIL(both, e->site.quiet_cbov = 9000; e->site.talking = false; e->listener.deaf = true) /* what is certain goes before what is likely */
SPOIL(mute_and_deaf, e->site.muted = true; e->listener.deaf = true)                        /* the first one on the way */
SPOIL(no_picture, e->site.has_picture = false; e->site.video_received = 0)
SPOIL(no_picture_packets, e->site.video_received = 0)
SPOIL(no_frames, e->site.video_frames = 0)
SPOIL(damaged, e->site.video_damaged = 20)
SPOIL(dark, e->site.luma = 16)
SPOIL(hidden, e->site.video_muted = true)
SPOIL(picture_lossy, e->site.video_lost = 100)
SPOIL(picture_not_sent, e->listener.video_sent = 0)
SPOIL(far_sound_only, e->listener.has_picture = false; e->listener.video_sent = 0)

static const struct {
    Spoil spoil;
    bool picture;
    const char *code, *hop; /* hop NULL: all is well */
} cases[] = {
    {nothing, false, "fine", NULL}, {nothing, true, "fine", NULL}, {nobody_named, false, "fine", NULL}, {nobody_named, true, "fine", NULL},
    {gone, false, "gone", "joined"}, {gone, true, "gone", "joined"}, {lobby, false, "in-lobby", "joined"}, {lobby, true, "in-lobby", "joined"},
    {waiting, false, "waiting-for-chair", "allowed"}, {waiting, true, "waiting-for-chair", "shown"}, {no_sound, false, "no-sound-agreed", "packets"},
    {no_packets, false, "no-packets", "packets"}, {no_packets, true, "fine", NULL}, {rejected, false, "rejected", "security"},
    {rejected, true, "rejected", "security"}, {lossy, false, "line-lossy", "line"}, {loss, false, "line-loss", "line"}, {jitter, false, "line-jitter", "line"},
    {late, false, "too-late", "decoded"}, {silent, false, "microphone-silent", "microphone"}, {faint, false, "microphone-faint", "microphone"},
    {own_mute, false, "muted-itself", "allowed"}, {chair_mute, false, "muted-by-chair", "allowed"}, {floor_mute, false, "no-floor", "allowed"},
    {observer, false, "role-listens", "allowed"}, {turned_down, false, "turned-down", "mixed"}, {not_mixed, false, "not-mixed", "mixed"},
    {not_sent, false, "not-sent", "sent"}, {far_lossy, false, "listener-line-lossy", "far-line"}, {far_loss, false, "listener-line-loss", "far-line"},
    {far_thin, true, "listener-line-thin", "far-line"}, {far_thin, false, "fine", NULL}, {far_wide, true, "fine", NULL},
    {deaf, false, "listener-deaf", "listener"}, {far_lobby, false, "listener-in-lobby", "listener"}, {far_gone, true, "listener-gone", "listener"},
    {both, false, "listener-deaf", "listener"}, {mute_and_deaf, false, "muted-by-chair", "allowed"}, {no_picture, true, "no-picture-agreed", "camera"},
    {no_picture_packets, true, "no-picture-packets", "packets"}, {no_frames, true, "no-whole-picture", "decoded"}, {damaged, true, "pictures-damaged", "decoded"},
    {dark, true, "picture-dark", "camera"}, {hidden, true, "picture-hidden", "shown"}, {picture_lossy, true, "line-lossy", "line"},
    {picture_not_sent, true, "picture-not-sent", "sent"}, {far_sound_only, true, "listener-sound-only", "listener"},
};

static void test_table(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        MdEvidence e = {.window_us = 2000000, .has_listener = true, .site = well(), .listener = well()};
        MdDiagnosis d;
        cases[i].spoil(&e);
        (cases[i].picture ? md_diagnose_picture : md_diagnose_sound)(&e, &d);
        g_test_message("case %u: %s", i, d.code);
        g_assert_cmpstr(d.code, ==, cases[i].code);
        if (cases[i].hop == NULL)
            g_assert_cmpint(d.first, ==, -1);
        else
            g_assert_cmpstr(d.hops[d.first].name, ==, cases[i].hop);
        const char *const told[] = {d.cause_vi, d.cause_en, d.advice_vi, d.advice_en};
        for (unsigned k = 0; k < G_N_ELEMENTS(told); k++)
            g_assert_true(told[k] != NULL && g_utf8_validate(told[k], -1, NULL) && strlen(told[k]) > 8);
    }
}

static const char *found(Meeting *meeting, MdRoom *room, const char *site, const char *listener)
{
    MdGathering *gathering = md_gathering_new(site, listener);
    MdDiagnosis d;
    for (unsigned i = 0; i < 5; i++) {
        md_gathering_look(gathering, room, md_clock_now_us(&meeting->clock.base));
        for (unsigned k = 0; k < fake_legs(); k++) { /* the fake ones count nothing by themselves */
            MdLegStats *stats = &fake_leg(k)->stats;
            md_stat_add(&stats->audio_packets_received, 10);
            md_stat_add(&stats->audio_packets_sent, 10);
            md_stat_set(&stats->audio_level_cbov, fake_leg(k)->silent ? 12700 : 2300);
        }
        meeting_run_ms(meeting, 200);
    }
    md_gathering_look(gathering, room, md_clock_now_us(&meeting->clock.base));
    md_diagnose_sound(md_gathering_evidence(gathering), &d);
    md_gathering_free(gathering);
    return d.code;
}

static void test_gathered(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "giao-ban"});
    meeting_join(meeting, "giao-ban", "xa-a", MD_ROLE_SITE, "hz=440 amp=0.1 codec=opus", NULL);
    meeting_join(meeting, "giao-ban", "xa-b", MD_ROLE_SITE, "hz=0 codec=opus", NULL);
    meeting_run_ms(meeting, 600);
    g_autofree char *a = g_strdup(meeting_member(room, 0)), *b = g_strdup(meeting_member(room, 1));
    g_assert_cmpstr(found(meeting, room, a, b), ==, "fine");
    g_assert_true(md_room_set_deaf(room, b, true, NULL));
    g_assert_cmpstr(found(meeting, room, a, b), ==, "listener-deaf");
    g_assert_true(md_room_mute_member(room, a, true, NULL));
    g_assert_cmpstr(found(meeting, room, a, b), ==, "muted-by-chair");
    g_assert_true(md_room_mute_member(room, a, false, NULL));
    g_assert_cmpstr(found(meeting, room, a, "m999"), ==, "listener-gone");
    g_assert_cmpstr(found(meeting, room, "m999", NULL), ==, "gone");
    meeting_free(meeting);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conference/diagnosis/table", test_table);
    g_test_add_func("/conference/diagnosis/gathered", test_gathered);
    return g_test_run();
}
