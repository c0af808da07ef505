/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A seeded storm on a room: members join, leave, drop out, come back into their seats and call again; hands by button and by keys, the floor,
 * mutes, roles, votes, interpreters, the chair gone, the clock going on. After every step the room is asked what it shows, and held against a
 * model that is lists and maps and knows nothing of the room's own. */
#include <string.h>
#include "tests/fixtures/meeting.h"

#ifdef __SANITIZE_ADDRESS__
enum { STEPS = 3000 }; /* each allocation is some thirty times dearer: the stack is walked */
#else
enum { STEPS = 20000 };
#endif
enum { SITES = 12, CHOICES = 3 };
static const int64_t GRACE_MS = 60000;

typedef struct Site {
    bool in;            /* has a member in the room */
    bool away;          /* its signalling broke off */
    bool kept;          /* and it has the floor or a place in the queue, which wait for it */
    bool given_up;      /* they did, for too long: nothing of it is there until it comes back */
    char id[16];
    MdRole role;
    bool muted;         /* by the chair */
    bool self_muted;
    bool ordered;       /* muted or unmuted since the floor was given: that counts for more */
    int64_t away_ms;    /* since when */
    FakeCall *call;
    int choice;         /* -1: none */
    bool listens;
} Site;

typedef struct Storm {
    GRand *rand;
    Meeting *meeting;
    MdRoom *room;
    Site sites[SITES];
    GQueue queue;       /* of Site*: hands */
    Site *holder;
    int64_t now_ms, ends_ms; /* of the floor; 0: no limit */
    int64_t chair_gone_ms;   /* -1: somebody is here who runs the floor */
    bool vote;               /* one is open */
    unsigned votes;          /* there were */
    unsigned done[12];
} Storm;

static bool runs(MdRole role)
{
    return role >= MD_ROLE_SECRETARY;
}

static bool heard(MdRole role)
{
    return role != MD_ROLE_OBSERVER;
}

static bool votes(MdRole role)
{
    return role == MD_ROLE_SITE || role == MD_ROLE_CO_CHAIR || role == MD_ROLE_CHAIR;
}

static bool here(const Site *site)
{
    return site->in && !site->kept && !site->given_up;
}

static bool waits(Storm *s, Site *site)
{
    return g_queue_find(&s->queue, site) != NULL;
}

/* --- the model ---------------------------------------------------------------------------------------------------------- */

/* Whoever is away only had its place: without it there is nothing to wait for. */
static void lose_place(Site *site)
{
    if (site->kept) {
        site->kept = site->ordered = false;
        site->given_up = true;
    }
}

static void turn_over(Storm *s)
{
    if (s->holder != NULL)
        lose_place(s->holder);
    s->holder = NULL;
    for (unsigned i = 0; i < SITES; i++)
        s->sites[i].ordered = false;
}

static void turn(Storm *s, Site *site, unsigned budget_s)
{
    turn_over(s);
    g_queue_remove(&s->queue, site);
    s->holder = site;
    s->ends_ms = budget_s > 0 ? s->now_ms + budget_s * 1000 : 0;
}

static unsigned chairs(const Storm *s)
{
    unsigned n = 0;
    for (unsigned i = 0; i < SITES; i++)
        n += here(&s->sites[i]) && runs(s->sites[i].role);
    return n;
}

static void watch_chairs(Storm *s, unsigned before)
{
    if (chairs(s) > 0)
        s->chair_gone_ms = -1;
    else if (before > 0 && s->chair_gone_ms < 0)
        s->chair_gone_ms = s->now_ms;
}

static bool is_muted(const Storm *s, const Site *site)
{
    if (s->holder == NULL || site->ordered)
        return site->muted;
    if (s->holder == site)
        return false;
    bool over = site->role == MD_ROLE_CO_CHAIR || site->role == MD_ROLE_CHAIR;
    return over ? site->muted : true;
}

/* --- clicks --------------------------------------------------------------------------------------------------------------- */

static const char *name_of(unsigned at)
{
    static const char *const names[SITES] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11"};
    return names[at];
}

static void forget_calls(Storm *s)
{
    if (s->meeting->calls->len < 400)
        return;
    for (guint i = s->meeting->calls->len; i-- > 0;) {
        const FakeCall *call = s->meeting->calls->pdata[i];
        bool used = false;
        for (unsigned k = 0; k < SITES; k++)
            used |= s->sites[k].call == call;
        if (!used)
            g_ptr_array_remove_index_fast(s->meeting->calls, i);
    }
}

static void come(Storm *s, Site *site)
{
    MdRole role = (MdRole)g_rand_int_range(s->rand, MD_ROLE_SITE, MD_ROLE_MAX);
    unsigned before = chairs(s);
    forget_calls(s);
    site->call = meeting_join(s->meeting, "r", name_of((unsigned)(site - s->sites)), role, "hz=0 codec=pcma", NULL);
    g_autoptr(GPtrArray) members = md_room_members(s->room);
    g_strlcpy(site->id, ((const MdMemberInfo *)members->pdata[members->len - 1])->id, sizeof site->id);
    site->in = true;
    site->away = site->kept = site->given_up = site->muted = site->self_muted = site->ordered = false;
    site->role = role;
    watch_chairs(s, before);
}

static void leave(Storm *s, Site *site)
{
    bool out = g_rand_boolean(s->rand); /* sent out: nothing is kept. Otherwise only those without a place leave here */
    unsigned before = chairs(s);
    g_autoptr(GError) error = NULL;
    if (!out && (s->holder == site || waits(s, site)))
        return;
    if (out)
        g_assert_true(md_room_kick(s->room, site->id, &error));
    else
        md_call_emit_closed(site->call->call, 200, "bye");
    if (s->holder == site)
        turn_over(s);
    g_queue_remove(&s->queue, site);
    site->in = site->away = site->kept = site->given_up = false;
    site->listens = site->listens && !out;
    site->call = NULL;
    watch_chairs(s, before);
}

/* The socket breaks, and comes back: the same member. */
static void drop_or_resume(Storm *s, Site *site)
{
    unsigned before = chairs(s);
    if (!site->away) {
        md_call_emit_away(site->call->call, true);
        site->away = true;
        site->kept = s->holder == site || waits(s, site);
        site->away_ms = s->now_ms;
    } else {
        FakeCall *call = fake_call_new(&(FakeCallSpec){.to_user = "r", .from_uri = "sip:x@example.com", .account = name_of((unsigned)(site - s->sites))});
        g_ptr_array_add(s->meeting->calls, call);
        g_assert_cmpstr(md_conference_resume_call(s->meeting->conference, site->call->call, call->call, true), ==, site->id);
        site->call = call;
        if (s->holder == site && s->ends_ms > 0)
            s->ends_ms += s->now_ms - site->away_ms;
        site->away = site->kept = site->given_up = false;
    }
    watch_chairs(s, before);
}

static void hand(Storm *s, Site *site)
{
    g_autoptr(GError) error = NULL;
    bool up = g_rand_boolean(s->rand), waiting = waits(s, site);
    if (site->away && !waiting)
        return;
    if (g_rand_boolean(s->rand) && !site->away) { /* *9 is one key for both */
        up = !waiting;
        if (s->holder == site)
            return;
        meeting_dtmf(s->meeting, site->call, "*9");
    } else {
        bool ok = md_room_raise_hand(s->room, site->id, up, &error);
        g_assert_cmpint(ok, ==, !up || (heard(site->role) && s->holder != site) || waiting);
    }
    if (up && !waiting && heard(site->role) && s->holder != site)
        g_queue_push_tail(&s->queue, site);
    else if (!up && waiting) {
        g_queue_remove(&s->queue, site);
        lose_place(site);
    }
}

static void run_floor(Storm *s, Site *site)
{
    unsigned budget_s = (unsigned)g_rand_int_range(s->rand, 0, 2) * 30;
    int what = g_rand_int_range(s->rand, 0, 4);
    g_autoptr(GError) error = NULL;
    if (what == 0 && site->kept)
        return;
    if (what < 3) /* somebody runs it from outside: no orphan */
        s->chair_gone_ms = -1;
    switch (what) {
    case 0: {
        bool can = here(site) && heard(site->role);
        g_assert_cmpint(md_room_floor_give(s->room, site->id, (int)budget_s, &error), ==, can);
        if (can && s->holder != site)
            turn(s, site, budget_s);
        break;
    }
    case 1: {
        Site *next = NULL;
        for (GList *at = s->queue.head; at != NULL && next == NULL; at = at->next)
            next = here(at->data) ? at->data : NULL;
        g_assert_cmpint(md_room_floor_next(s->room, (int)budget_s, &error), ==, next != NULL);
        if (next != NULL)
            turn(s, next, budget_s);
        break;
    }
    case 2:
        g_assert_cmpint(md_room_floor_end(s->room, &error), ==, s->holder != NULL);
        turn_over(s);
        break;
    default:
        g_assert_cmpint(md_room_floor_done(s->room, site->id, &error), ==, s->holder == site);
        if (s->holder == site)
            turn_over(s);
        break;
    }
}

static void change_role(Storm *s, Site *site)
{
    g_autoptr(GError) error = NULL;
    MdRole role = (MdRole)g_rand_int_range(s->rand, 0, MD_ROLE_MAX);
    unsigned before = chairs(s);
    g_assert_true(md_room_set_role(s->room, site->id, role, &error));
    site->role = role;
    if (!heard(role)) {
        if (g_queue_remove(&s->queue, site))
            lose_place(site);
        if (s->holder == site)
            turn_over(s);
    }
    if (!votes(role))
        site->choice = s->vote ? -1 : site->choice;
    watch_chairs(s, before);
}

static void mute(Storm *s, Site *site)
{
    g_autoptr(GError) error = NULL;
    bool on = g_rand_boolean(s->rand);
    if (g_rand_int_range(s->rand, 0, 4) == 0) {
        g_assert_true(md_room_mute_self(s->room, site->id, on, &error));
        site->self_muted = on;
        return;
    }
    g_assert_true(md_room_mute_member(s->room, site->id, on, &error));
    site->muted = on;
    site->ordered = s->holder != NULL && !site->given_up;
}

static void vote(Storm *s, Site *site)
{
    g_autoptr(GError) error = NULL;
    static const char *const choices[CHOICES + 1] = {"a", "b", "c", NULL};
    int what = g_rand_int_range(s->rand, 0, 12);
    if (what == 0) {
        bool ok = md_room_vote_open(s->room, &(MdVoteSpec){.question = "?", .choices = choices, .secret = false}, NULL, &error);
        g_assert_cmpint(ok, ==, !s->vote);
        for (unsigned i = 0; ok && i < SITES; i++)
            s->sites[i].choice = -1;
        s->vote = true;
        s->votes += ok;
        return;
    }
    if (what == 1) {
        g_assert_cmpint(md_room_vote_close(s->room, NULL, &error), ==, s->vote);
        s->vote = false;
        return;
    }
    unsigned choice = (unsigned)g_rand_int_range(s->rand, 0, CHOICES + 1);
    bool can = s->vote && votes(site->role) && choice < CHOICES;
    g_assert_cmpint(md_room_vote_cast(s->room, NULL, site->id, choice, &error), ==, can);
    if (can)
        site->choice = (int)choice;
}

static void channel(Storm *s, Site *site)
{
    g_autoptr(GError) error = NULL;
    site->listens = g_rand_boolean(s->rand);
    g_assert_true(md_room_hear_channel(s->room, site->id, site->listens ? "English" : NULL, &error));
}

static void pass_time(Storm *s)
{
    unsigned ms = g_rand_int_range(s->rand, 0, 20) == 0 ? 20000 : 100;
    for (unsigned t = 0; t < ms; t += 100) {
        md_virtual_clock_advance(&s->meeting->clock, 100000); /* control's time; the worker catches up afterwards */
        md_conference_tick(s->meeting->conference);
        s->now_ms += 100;
        for (unsigned i = 0; i < SITES; i++) { /* places are not kept for ever */
            Site *site = &s->sites[i];
            if (!site->kept || s->now_ms - site->away_ms < GRACE_MS)
                continue;
            if (s->holder == site)
                turn_over(s);
            g_queue_remove(&s->queue, site);
            lose_place(site);
        }
        if (s->holder != NULL && here(s->holder) && s->ends_ms > 0 && s->now_ms >= s->ends_ms)
            turn_over(s);
        if (s->holder != NULL && s->ends_ms == 0 && s->chair_gone_ms >= 0 && s->now_ms - s->chair_gone_ms >= GRACE_MS)
            turn_over(s);
    }
    if (g_rand_int_range(s->rand, 0, 12) == 0) /* sound is not what this is about */
        meeting_run_ms(s->meeting, 0);
}

/* --- what the room shows ---------------------------------------------------------------------------------------------------- */

static void check_floor(Storm *s)
{
    g_autoptr(JsonObject) floor = md_room_floor(s->room);
    const char *holder = json_object_get_null_member(floor, "holder") ? NULL : json_object_get_string_member(floor, "holder");
    g_assert_cmpstr(holder, ==, s->holder != NULL ? s->holder->id : NULL);
    JsonArray *queue = json_object_get_array_member(floor, "queue");
    g_assert_cmpuint(json_array_get_length(queue), ==, g_queue_get_length(&s->queue));
    for (guint i = 0; i < json_array_get_length(queue); i++) {
        JsonObject *one = json_array_get_object_element(queue, i);
        const Site *site = g_queue_peek_nth(&s->queue, i);
        g_assert_cmpstr(json_object_get_string_member(one, "member"), ==, site->id);
        g_assert_cmpint(json_object_get_boolean_member(one, "away"), ==, site->kept);
    }
}

static void check_members(Storm *s)
{
    unsigned n = 0;
    g_autoptr(GPtrArray) members = md_room_members(s->room);
    for (unsigned i = 0; i < SITES; i++)
        n += s->sites[i].in;
    g_assert_cmpuint(members->len, ==, n);
    for (unsigned i = 0; i < members->len; i++) {
        const MdMemberInfo *info = members->pdata[i];
        Site *site = NULL;
        for (unsigned k = 0; k < SITES; k++)
            site = s->sites[k].in && strcmp(s->sites[k].id, info->id) == 0 ? &s->sites[k] : site;
        g_assert_nonnull(site);
        g_assert_cmpint(info->role, ==, site->role);
        g_assert_cmpint(info->away, ==, site->away);
        g_assert_cmpint(info->self_muted, ==, site->self_muted);
        g_assert_cmpint(info->hand, ==, waits(s, site));
        g_assert_cmpint(info->floor, ==, s->holder == site);
        g_assert_cmpint(info->channel != NULL, ==, site->listens);
        if (!site->away)
            g_assert_cmpint(info->muted, ==, is_muted(s, site));
    }
}

static void check_votes(Storm *s)
{
    g_autofree char *id = g_strdup_printf("v%u", s->votes);
    g_autoptr(GError) error = NULL;
    if (s->votes == 0)
        return;
    g_autoptr(JsonObject) last = md_room_vote(s->room, id, &error);
    g_assert_no_error(error);
    g_assert_cmpint(json_object_get_boolean_member(last, "open"), ==, s->vote);
    unsigned counts[CHOICES] = {0};
    for (unsigned i = 0; i < SITES; i++)
        if (s->sites[i].choice >= 0)
            counts[s->sites[i].choice]++;
    JsonArray *choices = json_object_get_array_member(last, "choices");
    for (unsigned i = 0; i < CHOICES; i++)
        g_assert_cmpint(json_object_get_int_member(json_array_get_object_element(choices, i), "count"), ==, counts[i]);
}

static void step(Storm *s)
{
    Site *site = &s->sites[g_rand_int_range(s->rand, 0, SITES)];
    int what = g_rand_int_range(s->rand, 0, 12);
    s->done[what]++;
    if (what == 11) {
        pass_time(s);
    } else if (!site->in) {
        come(s, site);
    } else if (what == 0) {
        leave(s, site);
    } else if (what == 1) {
        drop_or_resume(s, site);
    } else if (what == 2 || what == 3) {
        hand(s, site);
    } else if (what == 4 || what == 5) {
        run_floor(s, site);
    } else if (what == 6) {
        change_role(s, site);
    } else if (what == 7) {
        mute(s, site);
    } else if (what == 8 || what == 9) {
        vote(s, site);
    } else if (here(site)) {
        channel(s, site);
    }
}

static void storm(guint32 seed)
{
    Storm s = {.rand = g_rand_new_with_seed(seed), .meeting = meeting_new(&(MeetingSpec){0}), .chair_gone_ms = -1};
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) channels = json_from_string("[{\"name\":\"English\"}]", NULL);
    s.room = meeting_room(s.meeting, &(MdRoomSpec){.name = "r"});
    g_assert_true(md_room_set_channels(s.room, json_node_get_array(channels), &error));
    for (unsigned i = 0; i < SITES; i++)
        s.sites[i].choice = -1;
    for (unsigned i = 0; i < STEPS; i++) {
        step(&s);
        check_floor(&s);
        check_members(&s);
        check_votes(&s);
        g_string_truncate(s.meeting->events, 0);
    }
    for (unsigned i = 0; i < 12; i++)
        g_assert_cmpuint(s.done[i], >, STEPS / 40);
    g_queue_clear(&s.queue);
    g_rand_free(s.rand);
    meeting_free(s.meeting);
}

static void test_storm(gconstpointer seed)
{
    storm(GPOINTER_TO_UINT(seed));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned seed = 1; seed <= 3; seed++) {
        g_autofree char *name = g_strdup_printf("/conference/room-storm/%u", seed);
        g_test_add_data_func(name, GUINT_TO_POINTER(seed), test_storm);
    }
    return g_test_run();
}
