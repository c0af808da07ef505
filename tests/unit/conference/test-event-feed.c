/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events of one thing within 50 ms become one: nothing is seen in another order, and the last word always comes. */
#include <string.h>
#include "mediad/conference/event-feed.h"
#include "tests/fixtures/meeting.h"

typedef struct Listener {
    GString *got;          /* "room:member:type:data " of each */
    unsigned n;
} Listener;

static void take(const MdEvent *event, void *user)
{
    Listener *l = user;
    l->n++;
    g_string_append_printf(l->got, "%s:%s:%s:%s%s ", event->room, event->member != NULL ? event->member : "", event->type, event->data,
                           event->inside ? ":inside" : "");
}

static void put(MdEventFeed *feed, const char *room, const char *member, const char *type, const char *data)
{
    md_event_feed_put(feed, &(MdEvent){.type = type, .room = room, .member = member, .data = data});
}

static void expect(Listener *l, const char *got)
{
    g_assert_cmpstr(l->got->str, ==, got);
    g_string_truncate(l->got, 0);
}

static void test_quiet(void)
{
    Listener l = {.got = g_string_new(NULL)};
    MdEventFeed *feed = md_event_feed_new(false, take, &l);
    put(feed, "r", "m1", "member.self-muted", "1");
    expect(&l, "r:m1:member.self-muted:1 "); /* at once */
    md_event_feed_tick(feed);
    put(feed, "r", "m1", "member.self-muted", "2"); /* nothing went out for one tick: at once again */
    expect(&l, "r:m1:member.self-muted:2 ");
    put(feed, "r", NULL, "room.ended", "{}");
    expect(&l, "r::room.ended:{} ");
    md_event_feed_free(feed);
    expect(&l, "");
    g_string_free(l.got, TRUE);
}

static void test_merge(void)
{
    Listener l = {.got = g_string_new(NULL)};
    MdEventFeed *feed = md_event_feed_new(false, take, &l);
    for (unsigned i = 0; i < 101; i++) {
        g_autofree char *n = g_strdup_printf("%u", i);
        put(feed, "r", "m1", "member.self-muted", n);
        put(feed, "r", "m2", i % 2 ? "floor.lowered" : "floor.raised", n);
    }
    put(feed, "other", "m1", "member.self-muted", "x"); /* no room waits for another */
    expect(&l, "r:m1:member.self-muted:0 other:m1:member.self-muted:x ");
    md_event_feed_tick(feed);
    expect(&l, "r:m1:member.self-muted:100 r:m2:floor.raised:100 ");
    put(feed, "r", "m1", "member.self-muted", "last"); /* still within 50 ms of what went out */
    expect(&l, "");
    md_event_feed_free(feed); /* the last word always comes */
    expect(&l, "r:m1:member.self-muted:last ");
    g_string_free(l.got, TRUE);
}

static void test_order(void)
{
    Listener l = {.got = g_string_new(NULL)};
    MdEventFeed *feed = md_event_feed_new(false, take, &l);
    put(feed, "r", "m9", "member.talking", "0");
    put(feed, "r", "m1", "floor.raised", "a");
    put(feed, "r", "m2", "floor.raised", "ab");
    put(feed, "r", "m1", "floor.lowered", "b");   /* m1's place in the order is that of its last word */
    put(feed, "r", "m2", "floor.given", "none");  /* happened: what was before it is told before it */
    expect(&l, "r:m9:member.talking:0 r:m2:floor.raised:ab r:m1:floor.lowered:b r:m2:floor.given:none ");
    put(feed, "r", "m1", "floor.raised", "a2");
    md_event_feed_put(feed, &(MdEvent){.type = "member.deaf", .room = "r", .member = "m1", .data = "d", .inside = true});
    md_event_feed_flush(feed, "nowhere");
    expect(&l, "");
    md_event_feed_flush(feed, "r");
    expect(&l, "r:m1:floor.raised:a2 r:m1:member.deaf:d:inside ");
    md_event_feed_free(feed);
    g_string_free(l.got, TRUE);
}

/* --- a room's own events: whoever listens to the feed ends up knowing the same --- */

static void to_feed(const char *type, const char *room, const char *member, const char *data, void *user)
{
    md_event_feed_put(user, &(MdEvent){type, room, member, data, false});
}

typedef struct Known {
    GHashTable *muted;     /* "m1" → 1, 0 by its last event */
    char *floor;           /* by the last event that has it */
    unsigned events;
} Known;

static void learn(const MdEvent *event, void *user)
{
    Known *known = user;
    g_autoptr(JsonNode) node = json_from_string(event->data, NULL);
    JsonObject *object = json_node_get_object(node);
    known->events++;
    if (strcmp(event->type, "member.self-muted") == 0)
        g_hash_table_insert(known->muted, g_strdup(event->member), GINT_TO_POINTER(json_object_get_boolean_member(object, "muted")));
    if (json_object_has_member(object, "floor")) {
        g_free(known->floor);
        known->floor = json_to_string(json_object_get_member(object, "floor"), FALSE);
    }
}

static void test_storm(void)
{
    enum { MEMBERS = 6, CLICKS = 2000 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GRand) rand = g_rand_new_with_seed(20261123);
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    char ids[MEMBERS][16];
    for (unsigned i = 0; i < MEMBERS; i++) {
        char name[] = {(char)('a' + i), 0};
        meeting_join(meeting, "r", name, MD_ROLE_SITE, "hz=400", NULL);
        g_strlcpy(ids[i], meeting_member(room, i), sizeof ids[i]);
    }
    Known fed = {g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL), NULL, 0};
    MdEventFeed *feed = md_event_feed_new(false, learn, &fed);
    meeting->tell = to_feed;
    meeting->tell_user = feed;
    for (unsigned i = 0; i < CLICKS; i++) {
        const char *id = ids[g_rand_int_range(rand, 0, MEMBERS)];
        bool on = g_rand_boolean(rand);
        switch (g_rand_int_range(rand, 0, 40)) {
        case 0:
            md_room_floor_next(room, 60, NULL);
            break;
        case 1:
            md_room_floor_end(room, NULL);
            break;
        case 2:
            md_event_feed_tick(feed);
            break;
        default:
            g_assert_true(g_rand_boolean(rand) ? md_room_mute_self(room, id, on, &error) : (md_room_raise_hand(room, id, on, NULL), true));
        }
    }
    md_event_feed_free(feed);
    g_autoptr(JsonObject) floor = md_room_floor(room);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), floor);
    g_autofree char *is = json_to_string(node, FALSE);
    g_assert_cmpstr(fed.floor, ==, is);
    g_autoptr(GPtrArray) members = md_room_members(room);
    for (guint i = 0; i < members->len; i++) {
        const MdMemberInfo *info = members->pdata[i];
        g_assert_cmpint(GPOINTER_TO_INT(g_hash_table_lookup(fed.muted, info->id)), ==, info->self_muted);
    }
    g_assert_cmpuint(fed.events, <, CLICKS / 2); /* and most of it was left out */
    g_assert_cmpuint(fed.events, >, CLICKS / 40);
    meeting->tell = NULL;
    g_hash_table_unref(fed.muted);
    g_free(fed.floor);
    meeting_free(meeting);
}

/* --- how often somebody may switch --- */

static void test_switches(void)
{
    g_autoptr(GError) error = NULL;
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=400", NULL);
    FakeCall *call = meeting_join(meeting, "r", "b", MD_ROLE_SITE, "hz=500", NULL);
    char one[16], other[16];
    g_strlcpy(one, meeting_member(room, 0), sizeof one);
    g_strlcpy(other, meeting_member(room, 1), sizeof other);
    unsigned taken = 0;
    for (unsigned i = 0; i < 40 * 10; i++) { /* ten seconds of forty clicks each */
        taken += md_room_take_switch(room, one, NULL);
        meeting_run_ms(meeting, 25);
    }
    g_assert_cmpuint(taken, >=, MD_SWITCHES_PER_S * 10 - 1 + MD_SWITCHES_BURST);
    g_assert_cmpuint(taken, <=, MD_SWITCHES_PER_S * 10 + 1 + MD_SWITCHES_BURST);
    while (md_room_take_switch(room, one, &error))
        ;
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT);
    g_assert_nonnull(strstr(error->message, "5 times a second"));
    g_assert_true(md_room_take_switch(room, other, NULL)); /* each by itself */
    g_assert_false(md_room_take_switch(room, "m99", NULL));
    /* keys: closing the microphone is always done; opening it is not once too often */
    while (md_room_take_switch(room, other, NULL))
        ;
    meeting_dtmf(meeting, call, "*6");
    g_assert_cmpuint(meeting_events(meeting, "member.self-muted"), ==, 1);
    while (md_room_take_switch(room, other, NULL))
        ;
    meeting_dtmf(meeting, call, "*6");
    g_assert_cmpuint(meeting_events(meeting, "member.self-muted"), ==, 1);
    meeting_run_ms(meeting, 1000);
    meeting_dtmf(meeting, call, "*6");
    g_assert_cmpuint(meeting_events(meeting, "member.self-muted"), ==, 2);
    meeting_free(meeting);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/event-feed/quiet", test_quiet);
    g_test_add_func("/event-feed/merge", test_merge);
    g_test_add_func("/event-feed/order", test_order);
    g_test_add_func("/event-feed/storm", test_storm);
    g_test_add_func("/event-feed/switches", test_switches);
    return g_test_run();
}
