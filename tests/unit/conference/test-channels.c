/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interpreters: each says a tone of its own, and everybody is asked which tones it hears and how loud. Virtual time. */
#include <string.h>
#include "tests/fixtures/meeting.h"

enum { CHAIR, SITE, GUEST, ENGLISH, LAO, N };
static const double HZ[N] = {400, 520, 640, 760, 880};
static const char *const SDP[N] = {"hz=400", "hz=520", "hz=640", "hz=760", "hz=880"};
static const char *const ACCOUNTS[N] = {"chair", "site", "guest", "english", "lao"};

typedef struct Booth {
    Meeting *meeting;
    MdRoom *room;
    MdLeg *legs[N];
    FakeCall *calls[N];
    char ids[N][16];
} Booth;

static void booth_init(Booth *b)
{
    b->meeting = meeting_new(&(MeetingSpec){0});
    b->room = meeting_room(b->meeting, &(MdRoomSpec){.name = "r", .loudest = 8});
    for (unsigned i = 0; i < N; i++) {
        b->calls[i] = meeting_join(b->meeting, "r", ACCOUNTS[i], i == CHAIR ? MD_ROLE_CHAIR : MD_ROLE_SITE, SDP[i], &b->legs[i]);
        g_strlcpy(b->ids[i], meeting_member(b->room, i), sizeof b->ids[i]);
    }
    meeting_run_ms(b->meeting, 1000);
}

static bool put(Booth *b, const char *text, GError **error)
{
    g_autoptr(JsonNode) node = json_from_string(text, NULL);
    return md_room_set_channels(b->room, json_node_get_array(node), error);
}

/* SITE listens to ENGLISH's channel, GUEST to LAO's. */
static void put_both(Booth *b, const char *floor_db)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf("[{\"name\":\"English\",\"interpreters\":[\"%s\"],\"listeners\":[\"%s\"],\"floor_db\":%s},"
                                            "{\"name\":\"ລາວ\",\"interpreters\":[\"%s\"],\"listeners\":[\"%s\"]}]",
                                            b->ids[ENGLISH], b->ids[SITE], floor_db, b->ids[LAO], b->ids[GUEST]);
    g_assert_true(put(b, text, &error));
    g_assert_no_error(error);
}

/* rows[i][k]: what i hears of k: 'F' in full, 'l' lowered by 18 dB, '.' not at all. */
static void expect(const Booth *b, const char *const rows[N])
{
    for (unsigned i = 0; i < N; i++)
        for (unsigned k = 0; k < N; k++) {
            float amplitude = fake_leg_hears(b->legs[i], HZ[k]);
            float from = rows[i][k] == 'F' ? 0.07f : rows[i][k] == 'l' ? 0.006f : 0;
            float to = rows[i][k] == 'F' ? 0.15f : rows[i][k] == 'l' ? 0.02f : 0.003f;
            if (amplitude < from || amplitude > to)
                g_error("%s hears %s at %g, not '%c'", ACCOUNTS[i], ACCOUNTS[k], (double)amplitude, rows[i][k]);
        }
}

static const char *const PLAIN[N] = {".FFFF", "F.FFF", "FF.FF", "FFF.F", "FFFF."};
static const char *const BOTH[N] = {".FF..", "l.lF.", "ll..F", "FFF..", "FFF.."};

static void test_who_hears_whom(void)
{
    Booth b;
    booth_init(&b);
    expect(&b, PLAIN);
    put_both(&b, "-18");
    meeting_run_ms(b.meeting, 1500);
    expect(&b, BOTH);
    /* A second's pause is a pause; from two on it is silence. */
    b.legs[ENGLISH]->silent = true;
    meeting_run_ms(b.meeting, 1500);
    expect(&b, (const char *const[N]){".FF..", "l.l..", "ll..F", "FFF..", "FFF.."});
    meeting_run_ms(b.meeting, 1800);
    expect(&b, (const char *const[N]){".FF..", "F.F..", "ll..F", "FFF..", "FFF.."});
    b.legs[ENGLISH]->silent = false;
    meeting_run_ms(b.meeting, 600);
    expect(&b, BOTH);
    put_both(&b, "null");
    meeting_run_ms(b.meeting, 1000);
    expect(&b, (const char *const[N]){".FF..", "...F.", "ll..F", "FFF..", "FFF.."});
    put_both(&b, "0");
    meeting_run_ms(b.meeting, 1000);
    expect(&b, (const char *const[N]){".FF..", "F.FF.", "ll..F", "FFF..", "FFF.."});
    g_autoptr(GError) error = NULL;
    g_assert_true(put(&b, "[]", &error));
    meeting_run_ms(b.meeting, 1500);
    expect(&b, PLAIN);
    meeting_free(b.meeting);
}

/* Whoever has the floor is interpreted; the chair's mute of an interpreter holds. */
static void test_floor_and_mutes(void)
{
    Booth b;
    g_autoptr(GError) error = NULL;
    booth_init(&b);
    put_both(&b, "-18");
    g_assert_true(md_room_floor_give(b.room, b.ids[GUEST], 0, &error));
    meeting_run_ms(b.meeting, 4000); /* past the beep */
    expect(&b, (const char *const[N]){"..F..", "l.lF.", "l...F", "F.F..", "F.F.."});
    g_assert_true(md_room_mute_member(b.room, b.ids[ENGLISH], true, &error));
    meeting_run_ms(b.meeting, 5000);
    expect(&b, (const char *const[N]){"..F..", "F.F..", "l...F", "F.F..", "F.F.."});
    g_assert_true(md_room_mute_member(b.room, b.ids[ENGLISH], false, &error));
    g_assert_true(md_room_mute_self(b.room, b.ids[LAO], true, &error));
    g_assert_true(md_room_floor_end(b.room, &error));
    meeting_run_ms(b.meeting, 5000);
    expect(&b, (const char *const[N]){".FF..", "l.lF.", "FF...", "FFF..", "FFF.."});
    /* Relieved of it, it is one of the meeting again, and the floor's mutes hold for it. */
    g_assert_true(put(&b, "[]", &error));
    g_assert_true(md_room_floor_give(b.room, b.ids[GUEST], 0, &error));
    meeting_run_ms(b.meeting, 4000);
    expect(&b, (const char *const[N]){"..F..", "F.F..", "F....", "F.F..", "F.F.."});
    meeting_free(b.meeting);
}

static JsonArray *list_of(JsonArray *channels, unsigned i, const char *name)
{
    return json_object_get_array_member(json_array_get_object_element(channels, i), name);
}

/* Everybody chooses what to hear, and comes back to it; who was sent out does not. */
static void test_choice_and_return(void)
{
    Booth b;
    g_autoptr(GError) error = NULL;
    booth_init(&b);
    put_both(&b, "-18");
    unsigned told = meeting_events(b.meeting, "channels.changed");
    g_assert_true(md_room_hear_channel(b.room, b.ids[SITE], "ລາວ", &error));
    g_assert_true(md_room_hear_channel(b.room, b.ids[SITE], "ລາວ", &error)); /* as wished already */
    g_assert_true(md_room_hear_channel(b.room, b.ids[GUEST], NULL, &error));
    g_assert_cmpuint(meeting_events(b.meeting, "channels.changed"), ==, told + 2);
    meeting_run_ms(b.meeting, 1500);
    expect(&b, (const char *const[N]){".FF..", "l.l.F", "FF...", "FFF..", "FFF.."});
    g_assert_false(md_room_hear_channel(b.room, b.ids[SITE], "Deutsch", &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_false(md_room_hear_channel(b.room, b.ids[ENGLISH], "ລາວ", &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE);
    g_clear_error(&error);
    for (unsigned i = SITE; i <= LAO; i += LAO - SITE) { /* a listener's line breaks, and an interpreter's */
        md_call_emit_closed(b.calls[i]->call, 408, "lost");
        meeting_run_ms(b.meeting, 500);
        g_autoptr(JsonArray) without = md_room_channels(b.room);
        g_assert_cmpuint(json_array_get_length(list_of(without, 1, "away")), ==, 1);
        b.calls[i] = meeting_join(b.meeting, "r", ACCOUNTS[i], MD_ROLE_SITE, SDP[i], &b.legs[i]);
        g_strlcpy(b.ids[i], meeting_member(b.room, 4), sizeof b.ids[i]);
        meeting_run_ms(b.meeting, 1500);
        expect(&b, (const char *const[N]){".FF..", "l.l.F", "FF...", "FFF..", "FFF.."});
    }
    g_assert_true(md_room_kick(b.room, b.ids[SITE], &error));
    meeting_run_ms(b.meeting, 500);
    b.calls[SITE] = meeting_join(b.meeting, "r", ACCOUNTS[SITE], MD_ROLE_SITE, SDP[SITE], &b.legs[SITE]);
    meeting_run_ms(b.meeting, 1500);
    expect(&b, (const char *const[N]){".FF..", "F.F..", "FF...", "FFF..", "FFF.."});
    md_room_end(b.room);
    meeting_run_ms(b.meeting, 8000);
    g_autoptr(JsonArray) after = md_room_channels(b.room);
    g_assert_cmpuint(json_array_get_length(after), ==, 0);
    meeting_free(b.meeting);
}

/* Whoever comes, listens and goes a hundred times, each time as somebody else, leaves no more behind than is kept. */
static void test_kept_places(void)
{
    Booth b;
    g_autoptr(GError) error = NULL;
    booth_init(&b);
    put_both(&b, "-18");
    for (unsigned i = 0; i < 110; i++) {
        MdLeg *leg;
        g_autofree char *account = g_strdup_printf("guest-%u", i);
        FakeCall *call = meeting_join(b.meeting, "r", account, MD_ROLE_SITE, "hz=1000", &leg);
        g_autofree char *id = g_strdup(meeting_member(b.room, N));
        g_assert_true(md_room_hear_channel(b.room, id, "English", &error));
        md_call_emit_closed(call->call, 408, "lost");
        meeting_run_ms(b.meeting, 100);
    }
    g_autoptr(JsonArray) channels = md_room_channels(b.room);
    JsonArray *away = list_of(channels, 0, "away"), *listeners = list_of(channels, 0, "listeners");
    g_assert_cmpuint(json_array_get_length(away), ==, 100);
    g_assert_cmpuint(json_array_get_length(listeners), ==, 101);
    g_assert_cmpstr(json_array_get_string_element(listeners, 0), ==, b.ids[SITE]); /* who is there stays */
    meeting_free(b.meeting);
}

static const char *const UNHEARD[N] = {".FF..", "F.F..", "FF...", "FFF..", "FFF.."};

/* A channel nobody listens to: its interpreter speaks to nobody, not to the floor. */
static void test_nobody_listens(void)
{
    Booth b;
    g_autoptr(GError) error = NULL;
    booth_init(&b);
    g_autofree char *text = g_strdup_printf("[{\"name\":\"English\",\"interpreters\":[\"%s\"],\"listeners\":[]},"
                                            "{\"name\":\"ລາວ\",\"interpreters\":[\"%s\"]}]",
                                            b.ids[ENGLISH], b.ids[LAO]);
    g_assert_true(put(&b, text, &error));
    meeting_run_ms(b.meeting, 1500);
    expect(&b, UNHEARD);
    /* Its line breaks, the channel is set once more, it comes back. */
    md_call_emit_closed(b.calls[ENGLISH]->call, 408, "lost");
    meeting_run_ms(b.meeting, 500);
    g_assert_true(put(&b, text, &error));
    b.calls[ENGLISH] = meeting_join(b.meeting, "r", ACCOUNTS[ENGLISH], MD_ROLE_SITE, SDP[ENGLISH], &b.legs[ENGLISH]);
    meeting_run_ms(b.meeting, 1500);
    expect(&b, UNHEARD);
    /* The last listener goes back to the floor, or goes. */
    g_assert_true(md_room_hear_channel(b.room, b.ids[SITE], "English", &error));
    meeting_run_ms(b.meeting, 1500);
    expect(&b, (const char *const[N]){".FF..", "l.lF.", "FF...", "FFF..", "FFF.."});
    g_assert_true(md_room_hear_channel(b.room, b.ids[SITE], NULL, &error));
    meeting_run_ms(b.meeting, 1500);
    expect(&b, UNHEARD);
    g_assert_true(md_room_hear_channel(b.room, b.ids[GUEST], "English", &error));
    md_call_emit_closed(b.calls[GUEST]->call, 408, "lost");
    meeting_run_ms(b.meeting, 1500);
    g_assert_cmpfloat(fake_leg_hears(b.legs[SITE], HZ[CHAIR]), >, 0.07f);
    for (unsigned i = CHAIR; i <= SITE; i++)
        for (unsigned k = ENGLISH; k <= LAO; k++)
            g_assert_cmpfloat(fake_leg_hears(b.legs[i], HZ[k]), <, 0.003f);
    meeting_free(b.meeting);
}

/* A channel made in an empty room, people who come after it, interpreters named last of all. */
static void test_before_they_join(void)
{
    Booth b = {.meeting = meeting_new(&(MeetingSpec){0})};
    g_autoptr(GError) error = NULL;
    b.room = meeting_room(b.meeting, &(MdRoomSpec){.name = "r", .loudest = 8});
    g_assert_true(put(&b, "[{\"name\":\"English\"},{\"name\":\"ລາວ\",\"listeners\":[],\"interpreters\":[]}]", &error));
    for (unsigned i = 0; i < N; i++) {
        b.calls[i] = meeting_join(b.meeting, "r", ACCOUNTS[i], i == CHAIR ? MD_ROLE_CHAIR : MD_ROLE_SITE, SDP[i], &b.legs[i]);
        g_strlcpy(b.ids[i], meeting_member(b.room, i), sizeof b.ids[i]);
        if (i == SITE)
            g_assert_true(md_room_hear_channel(b.room, b.ids[SITE], "English", &error));
    }
    meeting_run_ms(b.meeting, 1500);
    expect(&b, PLAIN); /* nobody interprets: the channel is the floor */
    g_autofree char *one = g_strdup_printf("[{\"name\":\"English\"},{\"name\":\"ລາວ\",\"interpreters\":[\"%s\"]}]", b.ids[LAO]);
    g_assert_true(put(&b, one, &error));
    meeting_run_ms(b.meeting, 1500);
    expect(&b, (const char *const[N]){".FFF.", "F.FF.", "FF.F.", "FFF..", "FFFF."});
    g_autofree char *both = g_strdup_printf("[{\"name\":\"English\",\"interpreters\":[\"%s\"]},{\"name\":\"ລາວ\",\"interpreters\":[\"%s\"]}]", b.ids[ENGLISH], b.ids[LAO]);
    g_assert_true(put(&b, both, &error));
    meeting_run_ms(b.meeting, 1500);
    expect(&b, (const char *const[N]){".FF..", "l.lF.", "FF...", "FFF..", "FFF.."});
    /* Whoever comes after all this hears the floor, and no interpreter. */
    MdLeg *late = NULL;
    meeting_join(b.meeting, "r", "late", MD_ROLE_SITE, "hz=0", &late);
    meeting_run_ms(b.meeting, 1500);
    for (unsigned k = 0; k < N; k++)
        g_assert_cmpint(fake_leg_hears(late, HZ[k]) > (k < ENGLISH ? 0.07f : 0.003f), ==, k < ENGLISH);
    meeting_free(b.meeting);
}

static void test_refused(void)
{
    static const char *const bad[] = {
        "[{}]", "[7]", "[{\"name\":\"\"}]", "[{\"name\":\"a\"},{\"name\":\"a\"}]", "[{\"name\":\"a\",\"interpreters\":\"@4\"}]",
        "[{\"name\":\"a\",\"interpreters\":[4]}]", "[{\"name\":\"a\",\"floor_db\":1}]", "[{\"name\":\"a\",\"floor_db\":-61}]",
        "[{\"name\":\"a\",\"floor_db\":\"loud\"}]", "[{\"name\":\"a\",\"interpreters\":[\"@3\"],\"listeners\":[\"@3\"]}]",
        "[{\"name\":\"a\",\"listeners\":[\"@1\"]},{\"name\":\"b\",\"listeners\":[\"@1\"]}]",
        "[{\"name\":\"a\",\"interpreters\":[\"@0\",\"@1\",\"@2\",\"@3\",\"@4\"]}]",
        "[{\"name\":\"1\"},{\"name\":\"2\"},{\"name\":\"3\"},{\"name\":\"4\"},{\"name\":\"5\"},{\"name\":\"6\"},{\"name\":\"7\"},{\"name\":\"8\"},{\"name\":\"9\"}]",
    };
    Booth b;
    booth_init(&b);
    put_both(&b, "-18");
    unsigned told = meeting_events(b.meeting, "channels.changed");
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GString) text = g_string_new(bad[i]);
        for (unsigned k = 0; k < N; k++) {
            g_autofree char *mark = g_strdup_printf("@%u", k);
            g_string_replace(text, mark, b.ids[k], 0);
        }
        g_assert_false(put(&b, text->str, &error));
        g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID);
    }
    g_autoptr(GError) error = NULL;
    g_assert_false(put(&b, "[{\"name\":\"a\",\"interpreters\":[\"m99\"]}]", &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND);
    g_assert_cmpuint(meeting_events(b.meeting, "channels.changed"), ==, told);
    meeting_run_ms(b.meeting, 1500);
    expect(&b, BOTH); /* as it was */
    g_clear_error(&error);
    /* Without "listeners" those who chose stay. */
    g_autofree char *text = g_strdup_printf("[{\"name\":\"English\",\"interpreters\":[\"%s\"]}]", b.ids[LAO]);
    g_assert_true(put(&b, text, &error));
    meeting_run_ms(b.meeting, 1500);
    expect(&b, (const char *const[N]){".FFF.", "l.llF", "FF.F.", "FFF..", "FFFF."});
    meeting_free(b.meeting);
}

/* Listeners of one channel who do not speak get one encode, however many. */
static void test_shared_encodes(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    g_autoptr(GString) listeners = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    MdLeg *legs[10];
    char interpreter[16] = "";
    for (unsigned i = 0; i < 10; i++) {
        g_autofree char *account = g_strdup_printf("a%u", i);
        meeting_join(meeting, "r", account, MD_ROLE_SITE, i == 0 ? "hz=400" : i == 1 ? "hz=700" : "hz=0", &legs[i]);
        if (i == 1)
            g_strlcpy(interpreter, meeting_member(room, i), sizeof interpreter);
        if (i >= 5)
            g_string_append_printf(listeners, "%s\"%s\"", i > 5 ? "," : "", meeting_member(room, i));
    }
    g_autofree char *text = g_strdup_printf("[{\"name\":\"en\",\"interpreters\":[\"%s\"],\"listeners\":[%s]}]", interpreter, listeners->str);
    g_autoptr(JsonNode) node = json_from_string(text, NULL);
    g_assert_true(md_room_set_channels(room, json_node_get_array(node), &error));
    meeting_run_ms(meeting, 2000);
    MdRoomInfo before, after;
    md_room_info(room, &before);
    meeting_run_ms(meeting, 2000);
    md_room_info(room, &after);
    /* The talker's own, the floor for three and the interpreter, the channel for five. */
    g_assert_cmpuint(after.encodes - before.encodes, ==, 3 * (after.ticks - before.ticks));
    for (unsigned i = 2; i < 10; i++) {
        g_assert_cmpfloat(fake_leg_hears(legs[i], 400), >, i < 5 ? 0.05f : 0.005f);
        g_assert_cmpfloat(fake_leg_hears(legs[i], 400), <, i < 5 ? 0.2f : 0.03f);
        g_assert_cmpint(fake_leg_hears(legs[i], 700) > 0.05f, ==, i >= 5);
    }
    meeting_free(meeting);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conference/channels/who-hears-whom", test_who_hears_whom);
    g_test_add_func("/conference/channels/floor-and-mutes", test_floor_and_mutes);
    g_test_add_func("/conference/channels/choice-and-return", test_choice_and_return);
    g_test_add_func("/conference/channels/kept-places", test_kept_places);
    g_test_add_func("/conference/channels/nobody-listens", test_nobody_listens);
    g_test_add_func("/conference/channels/before-they-join", test_before_they_join);
    g_test_add_func("/conference/channels/refused", test_refused);
    g_test_add_func("/conference/channels/shared-encodes", test_shared_encodes);
    return g_test_run();
}
