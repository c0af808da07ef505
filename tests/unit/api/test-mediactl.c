/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mediactl against the API in the same process: words in, text, exit status and what the rooms really did out. */
#include "mediactl/ctl.h"
#include "mediad/api/nouns.h"
#include "tests/fixtures/meeting.h"
#include "tests/unit/api/client.h"
#include "tests/unit/api/ctl-run.h"
#include <glib/gstdio.h>
#include <string.h>

typedef struct House {
    TestApi t;
    Meeting *meeting;
    SgAccounts *accounts;
    char *config, *url;
    char *out, *err; /* of the last run */
} House;

static void set_up(House *h, gconstpointer data)
{
    test_api_start(&h->t, 0, sg_migrations, sg_n_migrations);
    h->meeting = meeting_new(&(MeetingSpec){.views_max = 1});
    h->accounts = sg_accounts_new(h->t.store, "example.test", NULL, NULL);
    md_api_add_rooms(h->t.api, h->meeting->conference);
    md_api_add_accounts(h->t.api, h->accounts, NULL);
    md_api_add_status(h->t.api, &(MdApiStatus){.conference = h->meeting->conference, .accounts = h->accounts, .workers = 1});
    h->config = g_build_filename(h->t.dir, "mediactl", "config", NULL);
    h->url = g_strdup_printf("http://127.0.0.1:%u", h->t.port);
}

static void tear_down(House *h, gconstpointer data)
{
    g_autofree char *dir = g_path_get_dirname(h->config);

    g_unlink(h->config);
    g_rmdir(dir);
    test_api_stop(&h->t);
    sg_accounts_free(h->accounts);
    meeting_free(h->meeting);
    g_free(h->config);
    g_free(h->url);
    free(h->out);
    free(h->err);
}

static int run(House *h, const char *input, const char *words)
{
    return test_ctl_run(h->config, input, words, &h->out, &h->err);
}

static void set_up_admin(House *h)
{
    g_autofree char *words = g_strdup_printf("setup --url %s --code %s --user root", h->url, md_api_setup_code(h->t.api));

    g_assert_cmpint(run(h, "correct horse battery\n", words), ==, CTL_OK);
}

/* The secret as mediactl prints it, the code from it, as from a telephone. */
static void enrol_admin(House *h)
{
    g_assert_cmpint(run(h, "correct horse battery\n", "otp enrol"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "address otpauth://totp/mediad:root?secret="));
    g_assert_nonnull(strstr(h->out, "next: mediactl otp confirm CODE"));
    test_learn_secret(&h->t, "root", strstr(h->out, "secret  ") + 8);
    g_autofree char *code = test_code(&h->t, "root");
    g_autofree char *words = g_strdup_printf("otp confirm %s", code);
    g_assert_cmpint(run(h, NULL, words), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "Recovery codes"));
}

static void test_otp(House *h, gconstpointer data)
{
    set_up_admin(h);
    enrol_admin(h);
    g_assert_cmpint(run(h, NULL, "otp show"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "Enrolled             yes\n"));
    g_assert_nonnull(strstr(h->out, "Recovery codes left  10\n"));
    md_virtual_clock_advance(&h->t.clock, INT64_C(301) * G_USEC_PER_SEC);
    g_assert_cmpint(run(h, "long enough 1\n", "users add lan"), ==, CTL_FAILED);
    g_assert_nonnull(strstr(h->err, "this needs a one-time code\n  next: the same with --otp CODE"));
    g_autofree char *code = test_next_code(&h->t, "root");
    g_autofree char *with = g_strdup_printf("users add lan --otp %s", code);
    g_autofree char *change = g_strdup_printf("users change lan --role auditor --otp %s", code);
    g_assert_cmpint(run(h, "long enough 1\n", with), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, change), ==, CTL_FAILED); /* each works once */
    g_assert_nonnull(strstr(h->err, "the one-time code is wrong, old or used"));
    g_autofree char *second = test_next_code(&h->t, "root");
    g_autofree char *unlock = g_strdup_printf("otp unlock %s", second);
    g_assert_cmpint(run(h, NULL, unlock), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "users change lan --role auditor"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "otp codes"), ==, CTL_OK);
    g_auto(GStrv) lines = g_strsplit(h->out, "\n", -1);
    g_autofree char *recovery = g_strdup(g_strstrip(lines[1]));
    g_assert_cmpint(run(h, NULL, "logout"), ==, CTL_OK);
    g_assert_cmpint(run(h, "correct horse battery\n", "login --user root"), ==, CTL_FAILED);
    g_assert_nonnull(strstr(h->err, "signs in with a one-time code too"));
    g_autofree char *third = test_next_code(&h->t, "root");
    g_autofree char *both = g_strdup_printf("correct horse battery\n%s\n", third);
    g_assert_cmpint(run(h, both, "login --user root"), ==, CTL_OK); /* as a line after the password */
    g_autofree char *by_paper = g_strdup_printf("login --user root --otp %s", recovery);
    g_assert_cmpint(run(h, "correct horse battery\n", by_paper), ==, CTL_OK);
    g_assert_cmpint(run(h, "correct horse battery\n", by_paper), ==, CTL_FAILED);
}

static void test_first_steps(House *h, gconstpointer data)
{
    g_autofree char *status = g_strdup_printf("status --url %s", h->url);
    GStatBuf st;

    g_assert_cmpint(run(h, NULL, status), ==, CTL_FAILED);
    g_assert_cmpstr(h->err, ==, "mediactl: this needs a signed-in account\n  next: mediactl login\n");
    g_autofree char *wrong = g_strdup_printf("setup --url %s --code AAAA --user root", h->url);
    g_assert_cmpint(run(h, "correct horse battery\n", wrong), ==, CTL_FAILED);
    g_assert_nonnull(strstr(h->err, "the set-up code is wrong"));
    g_assert_nonnull(strstr(h->err, "next: the daemon's log"));
    set_up_admin(h);
    g_assert_nonnull(strstr(h->out, "as root (admin)"));
    g_assert_nonnull(strstr(h->out, "next: mediactl otp enrol"));
    g_assert_cmpint(g_stat(h->config, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0600);
    g_assert_cmpint(run(h, NULL, "status"), ==, CTL_OK); /* address and token are remembered */
    g_assert_nonnull(strstr(h->out, "Version       " MEDIAD_VERSION "\n"));
    g_assert_cmpint(run(h, NULL, "logout"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "rooms list"), ==, CTL_FAILED);
    g_assert_cmpint(run(h, "wrong\n", "login --user root"), ==, CTL_FAILED);
    g_assert_nonnull(strstr(h->err, "user or password is wrong"));
    g_assert_cmpint(run(h, "correct horse battery\n", "login --user root"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "--json status"), ==, CTL_OK);
    g_autoptr(JsonNode) node = json_from_string(h->out, NULL);
    g_assert_cmpint(json_object_get_int_member(json_node_get_object(node), "rooms"), ==, 0);
}

static void test_usage(House *h, gconstpointer data)
{
    static const struct {
        const char *words, *message;
    } cases[] = {
        {"fly", "there is no command 'fly'"},
        {"rooms", "'rooms' is followed by one of: list, add, del, show, lock, unlock, content, end"},
        {"rooms add", "a word is missing\nusage: mediactl rooms add NAME [--title TEXT]"},
        {"rooms list more", "'more' is too much"},
        {"rooms add x --titel y", "unknown option --titel"},
        {"rooms add x --title", "--title needs a value"},
        {"rooms add x --lobby=1", "--lobby takes no value"},
        {"--what", "unknown option --what"},
        {"schedule add x 18673", "--at is missing"},
        {"live start 18673", "Give --room or --stream"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_cmpint(run(h, NULL, cases[i].words), ==, CTL_USAGE);
        g_assert_nonnull(strstr(h->err, cases[i].message));
        g_assert_cmpstr(h->out, ==, "");
    }
    g_assert_cmpint(run(h, NULL, "--help"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "mute ROOM MEMBER|all|all-but-chair"));
    g_assert_cmpint(run(h, NULL, "--version"), ==, CTL_OK);
    g_assert_cmpstr(h->out, ==, "mediactl " MEDIAD_VERSION "\n");
    g_assert_cmpint(run(h, NULL, "completion"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "\ndial - --role --redial\n"));
    g_assert_cmpint(run(h, NULL, "status --url http://127.0.0.1:1"), ==, CTL_FAILED);
    g_assert_nonnull(strstr(h->err, "cannot reach http://127.0.0.1:1"));
    g_assert_nonnull(strstr(h->err, "next: is mediad running there?"));
}

static void test_rooms(House *h, gconstpointer data)
{
    set_up_admin(h);
    g_assert_cmpint(run(h, NULL, "rooms list"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "next: mediactl rooms add NAME"));
    g_assert_cmpint(run(h, NULL, "rooms add giao-ban --title Giao_ban_tuần --pin 2468"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "rooms add r --layout=2x2"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "rooms list"), ==, CTL_OK);
    g_assert_cmpstr(h->out, ==,
                    "Room      Title          Members  Layout  Locked  Waiting\n"
                    "giao-ban  Giao ban tuần  0        auto    -       -\n"
                    "r         r              0        2x2     -       -\n");
    g_assert_cmpint(run(h, NULL, "rooms lock r"), ==, CTL_OK);
    MdRoomInfo info;
    md_room_info(md_conference_find_room(h->meeting->conference, "r"), &info);
    g_assert_true(info.locked);
    g_assert_cmpint(run(h, NULL, "rooms unlock r"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "layout r 1+5"), ==, CTL_OK);
    md_room_info(md_conference_find_room(h->meeting->conference, "r"), &info);
    g_assert_cmpint(info.layout, ==, MD_LAYOUT_1P5);
    g_assert_cmpint(run(h, NULL, "rooms show nowhere"), ==, CTL_FAILED);
    g_assert_cmpstr(h->err, ==, "mediactl: there is no room 'nowhere'\n  next: mediactl rooms list\n");
    g_assert_cmpint(run(h, NULL, "dial r ky-anh duc-tho --redial"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "Calling 2 into r."));
    g_assert_cmpint(run(h, NULL, "dials r"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "ky-anh"));
    g_assert_cmpint(run(h, NULL, "undial r ky-anh"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "rooms del r"), ==, CTL_OK);
    g_assert_null(md_conference_find_room(h->meeting->conference, "r"));
}

static bool is_muted(House *h, unsigned i)
{
    g_autoptr(GPtrArray) members = md_room_members(md_conference_find_room(h->meeting->conference, "r"));

    return ((MdMemberInfo *)members->pdata[i])->muted;
}

/* Two are in r: ky-anh and duc-tho. */
static void test_pictures(House *h)
{
    MdRoom *room = md_conference_find_room(h->meeting->conference, "r");
    MdRoomInfo info;
    g_assert_cmpint(run(h, NULL, "layout r 2x2 - ky-anh"), ==, CTL_OK);
    g_autoptr(JsonArray) seats = md_room_seats(room);
    g_assert_true(json_array_get_length(seats) == 2 && json_array_get_null_element(seats, 0));
    g_assert_cmpstr(json_array_get_string_element(seats, 1), ==, meeting_member(room, 0));
    g_assert_cmpint(run(h, NULL, "layout r 2x2 nobody"), ==, CTL_FAILED);
    g_assert_cmpint(run(h, NULL, "view r duc-tho single ky-anh"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "duc-tho is sent layout single."));
    g_autoptr(JsonObject) view = md_room_view(room, meeting_member(room, 1));
    g_assert_cmpstr(json_object_get_string_member(view, "layout"), ==, "single");
    g_assert_cmpint(run(h, NULL, "view r ky-anh pip"), ==, CTL_FAILED);
    g_assert_nonnull(strstr(h->err, "conference.views_max"));
    g_assert_cmpint(run(h, NULL, "view r duc-tho room"), ==, CTL_OK);
    g_assert_null(md_room_view(room, meeting_member(room, 1)));
    g_assert_cmpint(run(h, NULL, "tour r 15"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "spotlight r duc-tho"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "banner r Nghỉ_giải_lao --clock --seconds 600"), ==, CTL_OK);
    md_room_info(room, &info);
    g_assert_cmpuint(info.tour_s, ==, 15);
    g_assert_cmpstr(info.spotlight, ==, meeting_member(room, 1));
    g_assert_cmpstr(info.banner, ==, "Nghỉ giải lao");
    g_assert_true(info.clock);
    g_assert_cmpint(run(h, NULL, "tour r 4"), ==, CTL_FAILED);
    g_assert_cmpint(run(h, NULL, "tour r off"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "spotlight r off"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "banner r"), ==, CTL_OK);
    md_room_info(room, &info);
    g_assert_true(info.tour_s == 0 && info.spotlight == NULL && info.banner == NULL && !info.clock);
}

static void test_members(House *h, gconstpointer data)
{
    set_up_admin(h);
    g_assert_cmpint(run(h, NULL, "rooms add r"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "members r"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "Nobody is in r.\n  next: mediactl dial r"));
    meeting_join(h->meeting, "r", "ky-anh", MD_ROLE_CHAIR, "hz=400", NULL);
    meeting_join(h->meeting, "r", "duc-tho", MD_ROLE_SITE, "hz=500", NULL);
    meeting_run_ms(h->meeting, 1500);
    g_assert_cmpint(run(h, NULL, "members r"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "ky-anh"));
    g_assert_cmpint(run(h, NULL, "members r --stats"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "Loss %"));
    g_assert_cmpint(run(h, NULL, "mute r all-but-chair"), ==, CTL_OK);
    g_assert_true(!is_muted(h, 0) && is_muted(h, 1));
    g_assert_cmpint(run(h, NULL, "unmute r all"), ==, CTL_OK);
    g_assert_true(!is_muted(h, 0) && !is_muted(h, 1));
    g_assert_cmpint(run(h, NULL, "mute r duc-tho"), ==, CTL_OK);
    g_assert_true(!is_muted(h, 0) && is_muted(h, 1));
    g_assert_cmpint(run(h, NULL, "mute r nobody"), ==, CTL_FAILED);
    g_assert_nonnull(strstr(h->err, "'nobody' is not in room r\n  next: mediactl members r"));
    test_pictures(h);
    g_assert_cmpint(run(h, NULL, "role r duc-tho operator"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "kick r duc-tho"), ==, CTL_OK);
    meeting_run_ms(h->meeting, 1000);
    g_autoptr(GPtrArray) members = md_room_members(md_conference_find_room(h->meeting->conference, "r"));
    g_assert_cmpuint(members->len, ==, 1);
}

static void test_accounts(House *h, gconstpointer data)
{
    set_up_admin(h);
    g_assert_cmpint(run(h, NULL, "accounts add ky-anh --display Thị_xã_Kỳ_Anh --role chair"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "Account ky-anh is ready.\nPassword: "));
    g_assert_cmpint(run(h, NULL, "accounts list"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "ky-anh   Thị xã Kỳ Anh  site  chair  -     -           -\n"));
    g_assert_cmpint(run(h, NULL, "accounts reset ky-anh"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "accounts del ky-anh"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "accounts del ky-anh"), ==, CTL_FAILED);
    g_assert_cmpint(run(h, "long enough 1\n", "users add lan --role operator"), ==, CTL_FAILED);
    g_assert_nonnull(strstr(h->err, "the account has none yet\n  next: mediactl otp enrol\n"));
    enrol_admin(h);
    g_assert_cmpint(run(h, "short\n", "users add lan --role operator"), ==, CTL_FAILED);
    g_assert_nonnull(strstr(h->err, "field 'password': must have at least 10 characters, has 5"));
    g_assert_cmpint(run(h, "long enough 1\n", "users add lan --role operator"), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "users list"), ==, CTL_OK);
    g_assert_cmpstr(h->out, ==,
                    "User  Role      Area  Vendor  2nd factor  Disabled\nlan   operator  -     -       -           -\n"
                    "root  admin     -     -       yes         -\n");
    g_assert_cmpint(run(h, NULL, "audit --verify"), ==, CTL_OK);
    g_assert_nonnull(strstr(h->out, "Intact   yes\n"));
}

/* The self-signed certificate is refused until it is trusted, then remembered; another one is refused again. */
static void test_trust(House *h, gconstpointer data)
{
    g_autofree char *token = test_api_admin_plain(&h->t);
    g_autofree char *plain = g_strdup_printf("login --user root --url https://127.0.0.1:%u", h->t.tls_port);
    g_autofree char *trusting = g_strconcat(plain, " --trust", NULL);
    g_autofree char *text = NULL;

    g_assert_cmpint(run(h, "correct horse battery\n", plain), ==, CTL_FAILED);
    g_assert_nonnull(strstr(h->err, "the certificate is not known (SHA-256 "));
    g_assert_cmpint(run(h, "correct horse battery\n", trusting), ==, CTL_OK);
    g_assert_cmpint(run(h, NULL, "status"), ==, CTL_OK);
    g_assert_true(g_file_get_contents(h->config, &text, NULL, NULL));
    g_autofree char *before = g_strndup(strstr(text, "fingerprint=") + 12, 8);
    g_auto(GStrv) parts = g_strsplit(text, before, -1);
    g_autofree char *other = g_strjoinv("00000000", parts);
    g_assert_true(g_file_set_contents(h->config, other, -1, NULL));
    g_assert_cmpint(run(h, NULL, "status"), ==, CTL_FAILED);
    g_assert_nonnull(strstr(h->err, "it is not the one trusted before"));
}

static void test_table(void)
{
    static const struct {
        const char *text;
        unsigned width;
    } widths[] = {{"", 0}, {"Kỳ Anh", 6}, {"Ky\xcc\x80 Anh", 6}, {"Đức Thọ", 7}, {"河静", 4}, {"a\xe2\x80\x8b" "b", 2}};
    g_autofree char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);
    g_autoptr(JsonNode) rows = json_from_string(
        "[{\"name\":\"Ky\xcc\x80 Anh\",\"n\":5,\"media\":{\"audio\":\"opus\"},\"ok\":true,\"list\":[\"a\",\"b\"],\"d_us\":2500},"
        "{\"name\":\"\\u001b[2Jx\\u202ey\",\"n\":null,\"ok\":false,\"list\":[],\"d_us\":0}]", NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(widths); i++)
        g_assert_cmpuint(ctl_width(widths[i].text), ==, widths[i].width);
    ctl_table(f, json_node_get_array(rows), "name:Tên,n:N,media.audio:Audio,ok:OK,d_us:Time,list:List");
    fclose(f);
    g_assert_cmpstr(out, ==,
                    "Tên      N  Audio  OK   Time    List\n"
                    "Kỳ Anh   5  opus   yes  2.5 ms  a,b\n"
                    "?[2Jx?y  -  -      -    -       \n");
}

int main(int argc, char **argv)
{
    g_unsetenv("MEDIACTL_URL");
    g_unsetenv("MEDIACTL_TOKEN");
    g_unsetenv("MEDIACTL_OTP");
    g_test_init(&argc, &argv, NULL);
#define CASE(name, fn) g_test_add("/mediactl/" name, House, NULL, set_up, fn, tear_down)
    CASE("first-steps", test_first_steps);
    CASE("otp", test_otp);
    CASE("usage", test_usage);
    CASE("rooms", test_rooms);
    CASE("members", test_members);
    CASE("accounts", test_accounts);
    CASE("trust", test_trust);
    g_test_add_func("/mediactl/table", test_table);
    return g_test_run();
}
