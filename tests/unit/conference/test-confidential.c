/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a confidential meeting refuses, one by one. */
#include "tests/fixtures/meeting.h"
#include <string.h>

static const char *const sites[] = {"ubnd-tinh", "so-tc", NULL};
static const MdRoomSpec kin = {.name = "hop-kin", .title = "Nhan su", .confidential = true, .sites = sites, .language = "vi"};

static FakeCall *call(Meeting *meeting, const char *account, MdRole role, bool secure)
{
    meeting->secure = secure;
    return meeting_call(meeting, "hop-kin", account, role, "hz=440 amp=0.1 codec=opus");
}

static void test_spec(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    static const char *const nobody[] = {NULL}, *const nameless[] = {"", NULL};
    MdRoomSpec wrong[] = {kin, kin, kin, kin};
    wrong[0].sites = NULL;
    wrong[1].sites = nobody;
    wrong[2].sites = nameless;
    wrong[3].temporary = true;
    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(md_conference_create_room(meeting->conference, &wrong[i], &error));
        g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID);
    }
    meeting_free(meeting);
}

static void test_who_comes_in(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &kin);
    g_assert_cmpint(call(meeting, NULL, MD_ROLE_GUEST, true)->rejected, ==, 403);
    g_assert_cmpint(call(meeting, "so-yt", MD_ROLE_SITE, true)->rejected, ==, 403);
    g_assert_cmpint(call(meeting, "so-yt", MD_ROLE_CHAIR, true)->rejected, ==, 403); /* rank opens no door */
    g_assert_cmpint(call(meeting, "so-tc", MD_ROLE_SITE, false)->rejected, ==, 403);
    g_assert_cmpint(call(meeting, "so-tc", MD_ROLE_GUEST, true)->rejected, ==, 403);
    g_assert_cmpuint(fake_legs(), ==, 0); /* none of them came as far as its media */
    FakeCall *in = call(meeting, "so-tc", MD_ROLE_SITE, true);
    g_assert_cmpint(in->rejected, ==, 0);
    md_call_emit_established(in->call);
    meeting_run_ms(meeting, 200);
    MdRoomInfo info;
    md_room_info(room, &info);
    g_assert_cmpuint(info.members, ==, 1);
    g_assert_true(info.confidential);
    g_assert_cmpint(fake_leg(0)->config.security, ==, MD_SECURITY_REQUIRED);
    meeting_free(meeting);
}

static void test_who_is_rung(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &kin);
    static const char *const named[] = {"so-tc", NULL}, *const stranger[] = {"so-tc", "so-yt", NULL},
                             *const address[] = {"sip:so-tc@example.com", NULL};
    g_autoptr(GError) error = NULL;
    g_assert_false(md_room_dial(room, stranger, MD_ROLE_SITE, false, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID);
    g_assert_false(md_room_dial(room, address, MD_ROLE_SITE, false, NULL));
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 0);
    g_assert_true(md_room_dial(room, named, MD_ROLE_SITE, false, NULL));
    meeting_run_ms(meeting, 200);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 1);
    g_assert_true(meeting->dialer.secure_only);
    meeting_free(meeting);
}

static void on_tap(const float pcm[MD_AUDIO_TICK_SAMPLES], int64_t now_us, void *user)
{
    g_assert_not_reached();
}

static void on_picture(MdFrame *frame, int64_t now_us, void *user)
{
    g_assert_not_reached();
}

static void test_nothing_leaves(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    MdRoom *room = meeting_room(meeting, &kin);
    g_autoptr(GError) sound = NULL, picture = NULL, asked = NULL;
    g_assert_false(md_room_add_tap(room, on_tap, NULL, &sound));
    g_assert_error(sound, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE);
    g_assert_false(md_room_add_picture_tap(room, &(MdRoomPictureTap){.codec = MD_VIDEO_H264, .fn = on_picture}, &picture));
    g_assert_error(picture, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE);
    g_assert_false(md_room_may_leave(room, &asked));
    g_assert_nonnull(strstr(asked->message, "confidential"));
    meeting_run_ms(meeting, 200);
    meeting_free(meeting);
}

static void test_only_attendance_is_told(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &kin);
    g_assert_null(strstr(meeting->last_event, "Nhan su")); /* what it is about is nobody's business */
    FakeCall *in = call(meeting, "so-tc", MD_ROLE_SITE, true);
    md_call_emit_established(in->call);
    meeting_run_ms(meeting, 200);
    const char *id = meeting_member(room, 0);
    g_assert_true(md_room_mute_member(room, id, true, NULL));
    g_assert_true(md_room_set_role(room, id, MD_ROLE_CHAIR, NULL));
    md_room_lock(room, true);
    g_assert_true(md_room_kick(room, id, NULL));
    meeting_run_ms(meeting, 300);
    g_assert_cmpstr(meeting->events->str, ==, " room.created; member.joined; member.left;");
    meeting_free(meeting);
}

static void test_notice(void)
{
    g_assert_nonnull(strstr(md_confidential_notice("vi"), "cơ yếu"));
    g_assert_nonnull(strstr(md_confidential_notice("en"), "cipher service"));
    g_assert_cmpstr(md_confidential_notice(NULL), ==, md_confidential_notice("vi"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conference/confidential/spec", test_spec);
    g_test_add_func("/conference/confidential/who-comes-in", test_who_comes_in);
    g_test_add_func("/conference/confidential/who-is-rung", test_who_is_rung);
    g_test_add_func("/conference/confidential/nothing-leaves", test_nothing_leaves);
    g_test_add_func("/conference/confidential/only-attendance-is-told", test_only_attendance_is_told);
    g_test_add_func("/conference/confidential/notice", test_notice);
    return g_test_run();
}
