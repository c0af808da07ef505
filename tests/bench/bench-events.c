/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A storm of clicks in a large room: 70 members, 20 of them browsers, one of which switches its microphone all the time. CPU microseconds per
 * event and browser, from the room's change to the browser's socket. Floor ("bare"): the same bytes sent to the same sockets and nothing else.
 * Beside it, measured in the same run: "anew_us", an event looked up and written for each browser by itself, as a server would that shares
 * nothing; and "told_permille", how many of 40 switches a second go out at all (floor: each). Median of the rounds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "mediad/conference/event-feed.h"
#include "mediad/web/web.h"
#include "tests/fixtures/meeting.h"

enum { MEMBERS = 70, BROWSERS = 20, EVENTS = 400, ROUNDS = 9, STORM_S = 10, STORM_PER_S = 40 };

typedef struct Wire {
    int fds[2];
    MdWebPeer *peer;
} Wire;

typedef struct Bench {
    Meeting *meeting;      /* legs are fakes: what a real one's figures cost "anew" comes on top */
    MdRoom *room;
    MdWeb *web;
    MdEventFeed *feed;
    bool anew, quiet;      /* how it is told; nothing is sent at all */
    uint64_t told;
    size_t bytes;          /* of the last text */
    char last[2048];
    Wire wires[BROWSERS];
} Bench;

static Bench bench;

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void wire_send(void *impl, const char *text)
{
    const Wire *wire = impl;
    bench.bytes = strlen(text);
    if (bench.quiet)
        return;
    if (send(wire->fds[0], text, bench.bytes, MSG_DONTWAIT) < 0 && errno != EAGAIN)
        abort();
    g_strlcpy(bench.last, text, sizeof bench.last);
}

static void wire_close(void *impl, unsigned code, const char *reason)
{
}

static void drain(void)
{
    char buffer[4096];
    for (unsigned i = 0; i < BROWSERS; i++)
        while (recv(bench.wires[i].fds[1], buffer, sizeof buffer, MSG_DONTWAIT) > 0)
            ;
}

/* --- shared: as the server does it ---------------------------------------------------------------------------------------- */

static MdWebView view_of(MdCall *call, void *user)
{
    MdCallSeat seat;
    if (!md_conference_seat_of(bench.meeting->conference, call, &seat) || !seat.in)
        return MD_WEB_VIEW_NONE;
    return seat.role >= MD_ROLE_TECHNICIAN ? MD_WEB_VIEW_STAFF : MD_WEB_VIEW_SITE;
}

static void on_told(const MdEvent *event, void *user)
{
    bench.told++;
    md_web_share(bench.web, event->room, event->type, event->data, view_of, NULL);
}

/* --- anew: each browser by itself ----------------------------------------------------------------------------------------- */

static void tell_anew(MdCall *call, void *user)
{
    const MdEvent *event = user;
    MdRoom *room = NULL;
    const char *member = NULL;
    MdRole role = MD_ROLE_GUEST;
    bool in = false;
    if (!md_conference_find_call(bench.meeting->conference, call, &room, &member))
        return;
    g_autoptr(GPtrArray) members = md_room_members(room);
    for (guint i = 0; i < members->len; i++) {
        const MdMemberInfo *info = members->pdata[i];
        if (strcmp(info->id, member) == 0) {
            role = info->role;
            in = !info->in_lobby;
        }
    }
    if (!in)
        return;
    g_autoptr(JsonObject) object = json_object_new();
    json_object_set_string_member(object, "type", "event");
    json_object_set_string_member(object, "event", event->type);
    JsonNode *data = json_from_string(event->data, NULL);
    if (role < MD_ROLE_TECHNICIAN)
        json_object_remove_member(json_node_get_object(data), "uri");
    json_object_set_member(object, "data", data);
    md_web_tell(bench.web, call, object);
}

static void on_event(const char *type, const char *room, const char *member, const char *data, void *user)
{
    MdEvent event = {type, room, member, data, false};
    if (bench.anew)
        md_web_each(bench.web, room, tell_anew, &event);
    else
        md_event_feed_put(bench.feed, &event);
}

/* --- the room --------------------------------------------------------------------------------------------------------------- */

static void on_hello(MdWebPeer *peer, const MdWebHello *hello, void *user)
{
    g_autoptr(MdCall) call = md_web_take(peer, &(MdWebSeatSpec){.room = hello->room, .name = hello->name});
    if (call == NULL || md_conference_admit_call(bench.meeting->conference, call, &(MdAdmission){.role = MD_ROLE_SITE}) == NULL)
        abort();
    md_web_welcome(peer, json_object_new());
}

static void set_up(void)
{
    static const MdWebWire wire = {wire_send, wire_close};
    bench.meeting = meeting_new(&(MeetingSpec){0});
    bench.room = meeting_room(bench.meeting, &(MdRoomSpec){.name = "bench"});
    bench.quiet = true;
    bench.web = md_web_new(&(MdWebOptions){.on_hello = on_hello, .clock = &bench.meeting->clock.base});
    for (unsigned i = 0; i < MEMBERS - BROWSERS; i++) {
        g_autofree char *account = g_strdup_printf("xa%u", i);
        meeting_join(bench.meeting, "bench", account, MD_ROLE_SITE, "hz=400", NULL);
    }
    for (unsigned i = 0; i < BROWSERS; i++) {
        Wire *w = &bench.wires[i];
        static const char HELLO[] = "{\"type\":\"hello\",\"room\":\"bench\",\"name\":\"UBND xã Cẩm Xuyên\"}", OFFER[] = "{\"type\":\"offer\",\"sdp\":\"hz=500\"}";
        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, w->fds) != 0)
            abort();
        w->peer = md_web_connect(bench.web, &wire, w, &(MdWebIdentity){.host = "192.0.2.1"});
        md_web_receive(w->peer, HELLO, strlen(HELLO));
        md_web_receive(w->peer, OFFER, strlen(OFFER));
    }
    meeting_run_ms(bench.meeting, 1000);
    MdRoomInfo info;
    md_room_info(bench.room, &info);
    if (info.members != MEMBERS)
        abort();
    bench.feed = md_event_feed_new(false, on_told, NULL);
    bench.quiet = false;
    bench.meeting->tell = on_event;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, by_value);
    return values[ROUNDS / 2];
}

/* Microseconds per event and browser. Each event goes out: the feed is at rest before it. */
static double switches(const char *id, bool anew)
{
    double took = 0;
    bench.anew = anew;
    for (unsigned i = 0; i < EVENTS; i++) {
        md_event_feed_tick(bench.feed);
        double from = cpu_us();
        if (!md_room_mute_self(bench.room, id, i % 2 == 0, NULL))
            abort();
        took += cpu_us() - from;
        drain();
    }
    return took / EVENTS / BROWSERS;
}

static double bare(void)
{
    double took = 0;
    char text[sizeof bench.last];
    g_strlcpy(text, bench.last, sizeof text);
    for (unsigned i = 0; i < EVENTS; i++) {
        double from = cpu_us();
        for (unsigned b = 0; b < BROWSERS; b++)
            wire_send(&bench.wires[b], text);
        took += cpu_us() - from;
        drain();
    }
    return took / EVENTS / BROWSERS;
}

static unsigned storm_permille(const char *id)
{
    bench.told = 0;
    for (unsigned i = 0; i < STORM_S * STORM_PER_S; i++) { /* clicks every 25 ms, the feed's tick every 50 */
        md_room_mute_self(bench.room, id, i % 2 == 0, NULL);
        if (i % 2)
            md_event_feed_tick(bench.feed);
        drain();
    }
    return (unsigned)(bench.told * 1000 / (STORM_S * STORM_PER_S));
}

int main(void)
{
    double shared[ROUNDS], anew[ROUNDS], floor[ROUNDS];
    set_up();
    g_autoptr(GPtrArray) members = md_room_members(bench.room);
    g_autofree char *id = g_strdup(((const MdMemberInfo *)members->pdata[MEMBERS - 1])->id);
    switches(id, false);
    if (bench.bytes == 0)
        abort();
    for (unsigned round = 0; round < ROUNDS; round++) {
        shared[round] = switches(id, false);
        anew[round] = switches(id, true);
        floor[round] = bare();
    }
    bench.anew = false;
    unsigned told = storm_permille(id);
    double cost = median(shared), bare_us = median(floor), anew_us = median(anew);
    printf("{\"name\": \"events\", \"unit\": \"CPU us per event and browser\", \"cost\": %.3f, \"floor\": %.3f, \"ratio\": %.2f, \"target\": 3,"
           " \"anew_us\": %.3f, \"anew_over_shared\": %.1f, \"told_permille\": %u, \"bytes\": %zu}\n",
           cost, bare_us, cost / bare_us, anew_us, anew_us / cost, told, bench.bytes);
    bench.meeting->tell = NULL;
    md_event_feed_free(bench.feed);
    md_web_free(bench.web);
    meeting_free(bench.meeting);
    for (unsigned i = 0; i < BROWSERS; i++) {
        close(bench.wires[i].fds[0]);
        close(bench.wires[i].fds[1]);
    }
    return 0;
}
