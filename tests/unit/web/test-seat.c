/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections, seats and calls in virtual time; the room is played by the hooks. */
#include <string.h>
#include "mediad/web/web.h"

typedef struct Line {           /* one browser's connection */
    MdWebPeer *peer;
    GString *got;
    const void *sent;           /* where the last text was */
    unsigned close_code;
} Line;

typedef struct Desk {
    MdVirtualClock clock;
    MdWeb *web;
    bool refuse, full, keep, gone, later;
    MdWebPeer *asked[2];        /* later: who waits for the decision; a reference each */
    MdCall *call;               /* of the member; a reference */
    GString *seen;              /* what the room was told */
} Desk;

static void wire_send(void *impl, const char *text)
{
    Line *line = impl;
    line->sent = text;
    g_string_append_printf(line->got, "%s\n", text);
}

static void wire_close(void *impl, unsigned code, const char *reason)
{
    ((Line *)impl)->close_code = code;
}

static void on_sdp(MdCall *call, MdSdpKind kind, const char *sdp, void *user)
{
    Desk *d = user;
    g_string_append_printf(d->seen, "%s %s;", kind == MD_SDP_OFFER ? "offer" : "answer", sdp);
    if (strcmp(sdp, "bad") == 0)
        md_call_reject(call, 488, "no common codec");
    else
        md_call_send_answer(call, "ours");
}

static void on_established(MdCall *call, void *user)
{
    g_string_append(((Desk *)user)->seen, "established;");
}

static void on_closed(MdCall *call, int code, const char *reason, void *user)
{
    g_string_append_printf(((Desk *)user)->seen, "closed %d %s;", code, reason);
}

static void on_away(MdCall *call, bool away, void *user)
{
    g_string_append(((Desk *)user)->seen, away ? "away;" : "back;");
}

static void on_candidate(MdCall *call, const char *mid, const char *line, void *user)
{
    g_string_append_printf(((Desk *)user)->seen, "candidate %s %s;", mid, line);
}

static const MdCallHandler handler = {.on_sdp = on_sdp, .on_established = on_established, .on_closed = on_closed, .on_away = on_away,
                                      .on_candidate = on_candidate};

static void take_over(Desk *d, MdCall *call)
{
    if (d->call != NULL) {
        md_call_set_handler(d->call, NULL, NULL);
        md_call_unref(d->call);
    }
    d->call = md_call_ref(call);
    md_call_set_handler(call, &handler, d);
}

static void on_hello(MdWebPeer *peer, const MdWebHello *hello, void *user)
{
    Desk *d = user;
    if (d->refuse) {
        md_web_refuse(peer, "wrong-pin", "the PIN is wrong");
        return;
    }
    if (d->later) {
        d->asked[d->asked[0] != NULL] = md_web_peer_ref(peer);
        return;
    }
    g_autoptr(MdCall) call = md_web_take(peer, &(MdWebSeatSpec){.room = hello->room, .name = hello->name});
    g_assert_nonnull(call);
    g_assert_true(md_call_info(call)->browser);
    if (d->full) {
        md_call_reject(call, 486, "Meeting Full");
        return;
    }
    take_over(d, call);
    md_web_welcome(peer, json_object_new());
}

static bool on_resume(MdWebPeer *peer, MdCall *old, MdCall *call, bool keep_media, void *user)
{
    Desk *d = user;
    if (d->gone)
        return false;
    g_assert_true(old == d->call);
    d->keep = keep_media;
    take_over(d, call);
    md_web_welcome(peer, json_object_new());
    return true;
}

static void on_action(MdWebPeer *peer, MdCall *call, const MdWebFrame *frame, void *user)
{
    g_string_append_printf(((Desk *)user)->seen, "%s;", md_web_type_to_string(frame->type));
}

static void set_up(Desk *d, gconstpointer data)
{
    md_virtual_clock_init(&d->clock, 1000000, 0);
    d->seen = g_string_new(NULL);
    d->web = md_web_new(&(MdWebOptions){.on_hello = on_hello, .on_resume = on_resume, .on_action = on_action, .user = d, .clock = &d->clock.base});
}

static void tear_down(Desk *d, gconstpointer data)
{
    md_web_free(d->web);
    if (d->call != NULL)
        md_call_unref(d->call);
    g_string_free(d->seen, TRUE);
}

static void run_s(Desk *d, unsigned s)
{
    md_virtual_clock_advance(&d->clock, s * INT64_C(1000000));
    md_web_tick(d->web);
}

static Line *dial(Desk *d)
{
    static const MdWebWire wire = {wire_send, wire_close};
    Line *line = g_new0(Line, 1);
    line->got = g_string_new(NULL);
    line->peer = md_web_connect(d->web, &wire, line, &(MdWebIdentity){.host = "192.0.2.1"});
    return line;
}

static void say(Line *line, const char *text)
{
    md_web_receive(line->peer, text, strlen(text));
}

static void drop(Line *line)
{
    if (line->close_code == 0)
        md_web_disconnected(line->peer, false);
    g_string_free(line->got, TRUE);
    g_free(line);
}

/* The token of the last welcome: g_free. */
static char *token_of(const Line *line)
{
    const char *at = g_strrstr(line->got->str, "\"resume\":\"");
    g_assert_nonnull(at);
    return g_strndup(at + strlen("\"resume\":\""), MD_WEB_TOKEN_LEN);
}

static void expect(Desk *d, const char *seen)
{
    g_assert_cmpstr(d->seen->str, ==, seen);
    g_string_truncate(d->seen, 0);
}

static const char HELLO[] = "{\"type\":\"hello\",\"room\":\"R\",\"name\":\"a\"}", OFFER[] = "{\"type\":\"offer\",\"sdp\":\"theirs\"}";

/* One browser by two connections, both decided on before either sits: the later one stays, as after a reload. */
static void test_twice_at_once(Desk *d, gconstpointer data)
{
    Line *lines[2] = {dial(d), dial(d)};
    g_autofree char *text = g_strdup_printf("{\"type\":\"hello\",\"code\":\"c\",\"resume\":\"%.*s\"}", MD_WEB_TOKEN_LEN,
                                            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    d->later = true;
    for (unsigned i = 0; i < 2; i++)
        say(lines[i], text);
    for (unsigned i = 0; i < 2; i++) {
        g_autoptr(MdCall) call = md_web_take(d->asked[i], &(MdWebSeatSpec){.room = "r", .name = "a"});
        g_assert_nonnull(call);
        if (i == 0)
            take_over(d, call);
        md_web_welcome(d->asked[i], json_object_new());
        md_web_peer_unref(d->asked[i]);
    }
    g_assert_cmpuint(md_web_seats(d->web), ==, 1);
    g_assert_cmpuint(lines[0]->close_code, ==, MD_WEB_CLOSE_REPLACED);
    g_assert_nonnull(strstr(lines[0]->got->str, "\"replaced\""));
    g_assert_cmpuint(lines[1]->close_code, ==, 0);
    expect(d, "closed 200 replaced;");
    g_autofree char *first = token_of(lines[0]), *second = token_of(lines[1]);
    g_assert_cmpstr(first, ==, second);
    say(lines[1], "{\"type\":\"bye\"}");
    g_assert_cmpuint(md_web_seats(d->web), ==, 0);
    drop(lines[0]);
    drop(lines[1]);
}

static void test_call(Desk *d, gconstpointer data)
{
    Line *line = dial(d);
    say(line, OFFER);
    g_assert_nonnull(strstr(line->got->str, "not-in"));
    say(line, HELLO);
    g_assert_cmpstr(md_call_info(d->call)->to_user, ==, "r");
    say(line, "{\"type\":\"candidate\",\"mid\":\"0\",\"candidate\":\"\"}");
    say(line, OFFER);
    expect(d, "candidate 0 ;offer theirs;established;");
    g_assert_nonnull(strstr(line->got->str, "\"ours\""));
    say(line, "{\"type\":\"offer\",\"sdp\":\"bad\"}"); /* what goes on goes on */
    g_assert_nonnull(strstr(line->got->str, "media-not-acceptable"));
    say(line, "{\"type\":\"hand\",\"raised\":true}");
    expect(d, "offer bad;hand;");
    g_assert_null(strstr(line->got->str, "restart-ice"));
    md_call_restart_path(d->call);
    g_assert_nonnull(strstr(line->got->str, "{\"type\":\"restart-ice\"}\n"));
    run_s(d, 3600);
    g_assert_cmpuint(md_web_seats(d->web), ==, 1);
    md_call_hangup(d->call, "removed by the chair");
    g_assert_nonnull(strstr(line->got->str, "removed by the chair"));
    g_assert_cmpuint(line->close_code, ==, MD_WEB_CLOSE_NORMAL);
    g_assert_cmpuint(md_web_seats(d->web), ==, 0);
    g_assert_cmpuint(md_web_peers(d->web), ==, 0);
    drop(line);
}

typedef struct Views {
    MdWebView of[4];            /* of a, b, c, d */
} Views;

static MdWebView next_view(MdCall *call, void *user)
{
    Views *views = user;
    return views->of[md_call_info(call)->from_display[0] - 'a'];
}

static void last_text(Line *line, const char *text)
{
    g_autofree char *whole = text != NULL ? g_strconcat(text, "\n", NULL) : g_strdup("");
    g_assert_cmpstr(line->got->str, ==, whole);
    g_string_truncate(line->got, 0);
}

/* Written once for each view: the same bytes at the same place for all who have it. */
static void test_share(Desk *d, gconstpointer data)
{
    static const char INNER[] = "{\"room\":\"r\",\"member\":\"m1\",\"uri\":\"sip:a@b\",\"account\":\"xa.a\",\"n\":1}";
    Views views = {.of = {MD_WEB_VIEW_SITE, MD_WEB_VIEW_STAFF, MD_WEB_VIEW_NONE, MD_WEB_VIEW_SITE}};
    Line *lines[4];
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *hello = g_strdup_printf("{\"type\":\"hello\",\"room\":\"r\",\"name\":\"%c\"}", 'a' + i);
        lines[i] = dial(d);
        say(lines[i], hello);
        g_string_truncate(lines[i]->got, 0);
        lines[i]->sent = NULL;
    }
    md_web_share(d->web, "r", "member.joined", INNER, next_view, &views);
    g_assert_true(lines[0]->sent != NULL && lines[0]->sent == lines[3]->sent && lines[1]->sent != lines[0]->sent);
    last_text(lines[1], "{\"type\":\"event\",\"event\":\"member.joined\",\"data\":{\"room\":\"r\",\"member\":\"m1\",\"uri\":\"sip:a@b\",\"account\":\"xa.a\",\"n\":1}}");
    last_text(lines[2], NULL);
    for (unsigned i = 0; i < 4; i += 3)
        last_text(lines[i], "{\"type\":\"event\",\"event\":\"member.joined\",\"data\":{\"room\":\"r\",\"member\":\"m1\",\"n\":1}}");
    md_web_share(d->web, "r", "member.talking", "{\"talking\":true}", next_view, &views);
    g_assert_true(lines[0]->sent == lines[1]->sent && lines[0]->sent == lines[3]->sent); /* nothing in it for the staff alone */
    last_text(lines[0], "{\"type\":\"event\",\"event\":\"member.talking\",\"data\":{\"talking\":true}}");
    last_text(lines[2], NULL);
    g_string_truncate(lines[3]->got, 0);
    md_web_share(d->web, "r", "x", "[\"uri\"]", next_view, &views); /* no object: nothing slips through */
    last_text(lines[3], "{\"type\":\"event\",\"event\":\"x\",\"data\":{}}");
    md_web_share(d->web, "elsewhere", "x", "{}", next_view, &views);
    last_text(lines[3], NULL);
    for (unsigned i = 0; i < 4; i++) {
        say(lines[i], "{\"type\":\"bye\"}");
        drop(lines[i]);
    }
}

static void test_resume(Desk *d, gconstpointer data)
{
    Line *line = dial(d);
    say(line, HELLO);
    say(line, OFFER);
    g_autofree char *token = token_of(line);
    g_autofree char *again = g_strdup_printf("{\"type\":\"hello\",\"resume\":\"%s\"}", token);
    g_autofree char *keep = g_strdup_printf("{\"type\":\"hello\",\"resume\":\"%s\",\"media\":\"keep\"}", token);
    drop(line);
    run_s(d, 29);
    expect(d, "offer theirs;established;away;");
    Line *second = dial(d);
    say(second, again);
    g_assert_false(d->keep);
    g_autofree char *same = token_of(second);
    g_assert_cmpstr(same, ==, token);
    say(second, OFFER);
    expect(d, "offer theirs;established;");
    Line *third = dial(d); /* the second one is not known to be dead */
    say(third, keep);
    g_assert_true(d->keep);
    g_assert_cmpuint(second->close_code, ==, MD_WEB_CLOSE_REPLACED);
    g_assert_cmpuint(md_web_seats(d->web), ==, 1);
    drop(second);
    drop(third);
    run_s(d, 31);
    expect(d, "away;closed 408 connection lost;");
    g_assert_cmpuint(md_web_seats(d->web), ==, 0);
    d->refuse = true;
    Line *late = dial(d);
    say(late, again);
    g_assert_nonnull(strstr(late->got->str, "wrong-pin"));
    drop(late);
}

static void test_place_gone(Desk *d, gconstpointer data)
{
    Line *line = dial(d);
    say(line, HELLO);
    g_autofree char *token = token_of(line);
    g_autofree char *again = g_strdup_printf("{\"type\":\"hello\",\"room\":\"r\",\"resume\":\"%s\"}", token);
    d->gone = true;
    Line *second = dial(d);
    say(second, again); /* no place any more: as if it came anew */
    g_assert_nonnull(strstr(second->got->str, "welcome"));
    g_assert_cmpuint(md_web_seats(d->web), ==, 1);
    drop(line);
    drop(second);
}

static void test_refusals(Desk *d, gconstpointer data)
{
    Line *line = dial(d);
    d->full = true;
    say(line, HELLO);
    g_assert_nonnull(strstr(line->got->str, "meeting-full"));
    g_assert_cmpuint(line->close_code, ==, 0);
    g_assert_cmpuint(md_web_seats(d->web), ==, 0);
    for (unsigned i = 0; i < 10; i++)
        say(line, HELLO);
    g_assert_cmpuint(line->close_code, ==, MD_WEB_CLOSE_REFUSED);
    drop(line);
    Line *silent = dial(d);
    run_s(d, 61);
    g_assert_cmpuint(silent->close_code, ==, MD_WEB_CLOSE_LATE);
    drop(silent);
    d->full = false;
    Line *idle = dial(d); /* never says what its media are */
    say(idle, HELLO);
    run_s(d, 61);
    g_assert_nonnull(strstr(idle->got->str, "\"code\":408"));
    drop(idle);
}

static void test_limits(Desk *d, gconstpointer data)
{
    Line *fast = dial(d);
    for (unsigned i = 0; i < 300; i++)
        say(fast, "{\"type\":\"ping\"}");
    g_assert_cmpuint(fast->close_code, ==, 0);
    say(fast, "{\"type\":\"ping\"}");
    g_assert_cmpuint(fast->close_code, ==, MD_WEB_CLOSE_RATE);
    drop(fast);
    Line *bad = dial(d);
    for (unsigned i = 0; i < 20; i++)
        say(bad, "nonsense");
    g_assert_cmpuint(bad->close_code, ==, MD_WEB_CLOSE_BAD);
    drop(bad);
    Line *talkative = dial(d); /* what it says goes into the log: the first of it */
    say(talkative, HELLO);
    say(talkative, OFFER);
    g_string_truncate(d->seen, 0);
    for (unsigned i = 0; i < 40; i++)
        say(talkative, "{\"type\":\"ice-error\",\"url\":\"turn:192.0.2.1\",\"code\":401}");
    g_assert_cmpuint(d->seen->len, ==, 16 * strlen("ice-error;"));
    g_assert_cmpuint(talkative->close_code, ==, 0);
    drop(talkative);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, fn) g_test_add("/web/seat/" name, Desk, NULL, set_up, fn, tear_down)
    CASE("call", test_call);
    CASE("share", test_share);
    CASE("twice-at-once", test_twice_at_once);
    CASE("resume", test_resume);
    CASE("place-gone", test_place_gone);
    CASE("refusals", test_refusals);
    CASE("limits", test_limits);
    return g_test_run();
}
