/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A seeded storm of clicks, role changes, disconnects and resumes against a model so simple that it can be read: lists and maps,
 * everything computed anew each time. Floor and votes are driven together, as a chair and seventy sites would. */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include "mediad/conference/floor.h"
#include "mediad/conference/vote.h"

enum { PARTIES = 24, STEPS = 150000, CHOICES = 3 };
static const int64_t S = 1000000, GRACE = 20 * 1000000;

/* --- the model ---------------------------------------------------------------------------------------------------------- */

typedef struct Person {
    bool here, away;
    MdRole role;
    bool asked, ordered, aside; /* mute asked for; an order since the floor was given */
    int64_t away_us;
} Person;

typedef struct Model {
    Person people[PARTIES + 1];
    GQueue queue; /* of GUINT_TO_POINTER(party) */
    uint32_t holder;
    int64_t since_us, end_us, absent_us;
    bool chair_gone;
    int64_t chair_gone_us;
    int64_t spoken_us; /* of the last turn */
    unsigned turns;    /* ended */
    int votes[PARTIES + 1];
} Model;

static bool can(const Model *model, uint32_t who, MdAction action)
{
    return md_role_may(model->people[who].role, action);
}

static bool present(const Model *model, uint32_t who)
{
    return model->people[who].here && !model->people[who].away;
}

static unsigned chairs(const Model *model)
{
    unsigned n = 0;
    for (uint32_t i = 1; i <= PARTIES; i++)
        n += present(model, i) && can(model, i, MD_ACTION_RUN_FLOOR);
    return n;
}

static void watch_chairs(Model *model, unsigned before, int64_t now)
{
    if (chairs(model) > 0) {
        model->chair_gone = false;
    } else if (before > 0 && !model->chair_gone) {
        model->chair_gone = true;
        model->chair_gone_us = now;
    }
}

static bool waits(Model *model, uint32_t who)
{
    return g_queue_find(&model->queue, GUINT_TO_POINTER(who)) != NULL;
}

static void drop(Model *model, uint32_t who)
{
    g_queue_remove(&model->queue, GUINT_TO_POINTER(who));
}

static void finish(Model *model, int64_t now)
{
    Person *speaker = &model->people[model->holder];
    model->spoken_us = (speaker->away ? speaker->away_us : now) - model->since_us - model->absent_us;
    model->turns++;
    if (speaker->away)
        speaker->here = speaker->away = false;
    model->holder = 0;
    for (unsigned i = 1; i <= PARTIES; i++)
        model->people[i].ordered = false;
}

static void start(Model *model, uint32_t who, int64_t budget, int64_t now)
{
    if (model->holder != 0)
        finish(model, now);
    drop(model, who);
    model->holder = who;
    model->since_us = now;
    model->absent_us = 0;
    model->end_us = budget > 0 ? now + budget : 0;
    for (unsigned i = 1; i <= PARTIES; i++)
        model->people[i].ordered = false;
}

static uint32_t front(Model *model)
{
    for (GList *at = model->queue.head; at != NULL; at = at->next)
        if (present(model, GPOINTER_TO_UINT(at->data)))
            return GPOINTER_TO_UINT(at->data);
    return 0;
}

static bool muted(const Model *model, uint32_t who)
{
    const Person *person = &model->people[who];
    if (!person->here)
        return true;
    if (model->holder == 0 || person->ordered)
        return person->asked;
    if (model->holder == who)
        return false;
    return person->aside || can(model, who, MD_ACTION_OVER_FLOOR) ? person->asked : true;
}

static void pass_time(Model *model, int64_t now, bool auto_next, int64_t budget)
{
    for (uint32_t i = 1; i <= PARTIES; i++) {
        Person *person = &model->people[i];
        if (!person->here || !person->away || now - person->away_us < GRACE)
            continue;
        if (model->holder == i) {
            finish(model, now);
        } else {
            drop(model, i);
            person->here = person->away = false;
        }
    }
    if (model->holder != 0 && present(model, model->holder) && model->end_us != 0 && now >= model->end_us) {
        finish(model, now);
        if (auto_next && front(model) != 0)
            start(model, front(model), budget, now);
    }
    if (model->holder != 0 && model->end_us == 0 && model->chair_gone && now - model->chair_gone_us >= GRACE)
        finish(model, now);
}

/* --- what the machine told ------------------------------------------------------------------------------------------------ */

typedef struct Told {
    unsigned given, ended, warned, next, count;
    int64_t spoken_us;
    uint32_t speaking; /* by the events alone */
} Told;

static void on_event(const MdFloorEvent *event, void *user)
{
    Told *told = user;
    told->count++;
    switch (event->kind) {
    case MD_FLOOR_GIVEN:
        g_assert_cmpuint(told->speaking, ==, 0); /* never two at once */
        told->speaking = event->party;
        told->given++;
        break;
    case MD_FLOOR_ENDED:
        g_assert_cmpuint(told->speaking, ==, event->party);
        told->speaking = 0;
        told->ended++;
        told->spoken_us = event->us;
        break;
    case MD_FLOOR_WARNED:
        told->warned++;
        break;
    case MD_FLOOR_NEXT:
        g_assert_cmpuint(told->speaking, !=, 0);
        g_assert_cmpuint(event->party, !=, told->speaking);
        told->next++;
        break;
    default:
        break;
    }
}

/* --- the storm ------------------------------------------------------------------------------------------------------------ */

typedef struct Storm {
    GRand *rand;
    MdFloor *floor;
    MdVote *vote;
    Model model;
    Told told;
    MdFloorRules rules;
    int64_t now;
    unsigned n_votes;
} Storm;

static void come_or_go(Storm *storm, uint32_t who)
{
    Model *model = &storm->model;
    Person *person = &model->people[who];
    unsigned before = chairs(model);
    if (!person->here) {
        *person = (Person){.here = true, .role = (MdRole)g_rand_int_range(storm->rand, 0, MD_ROLE_MAX), .asked = g_rand_boolean(storm->rand)};
        g_assert_cmpint(md_floor_join(storm->floor, who, person->role, person->asked, storm->now), ==, 0);
    } else if (person->away) {
        g_assert_cmpint(md_floor_back(storm->floor, who, who, storm->now), ==, 0);
        int64_t absent = storm->now - person->away_us;
        person->away = false;
        if (model->holder == who) {
            model->absent_us += absent;
            model->end_us += model->end_us != 0 ? absent : 0;
        }
    } else {
        bool keep = g_rand_int_range(storm->rand, 0, 4) > 0, placed = model->holder == who || waits(model, who);
        g_assert_cmpint(md_floor_leave(storm->floor, who, keep, storm->now), ==, 0);
        if (keep && placed) {
            person->away = true;
            person->away_us = storm->now;
        } else {
            if (model->holder == who)
                finish(model, storm->now);
            drop(model, who);
            person->here = false;
        }
    }
    watch_chairs(model, before, storm->now);
}

static void change_role(Storm *storm, uint32_t who)
{
    Model *model = &storm->model;
    MdRole role = (MdRole)g_rand_int_range(storm->rand, 0, MD_ROLE_MAX);
    unsigned before = chairs(model);
    int code = md_floor_set_role(storm->floor, who, role, storm->now);
    g_assert_cmpint(code, ==, model->people[who].here ? 0 : -ENOENT);
    if (code != 0)
        return;
    model->people[who].role = role;
    if (waits(model, who) && !md_role_may(role, MD_ACTION_HAND)) {
        drop(model, who);
        if (model->people[who].away)
            model->people[who].here = model->people[who].away = false;
    }
    if (model->holder == who && !md_role_may(role, MD_ACTION_BE_HEARD))
        finish(model, storm->now);
    watch_chairs(model, before, storm->now);
}

static void hand(Storm *storm, uint32_t who)
{
    Model *model = &storm->model;
    if (g_rand_boolean(storm->rand)) {
        int want = !model->people[who].here || (model->people[who].away && !waits(model, who)) ? -ENOENT
                   : !can(model, who, MD_ACTION_HAND)                                          ? -EPERM
                   : model->holder == who                                                      ? -EBUSY
                   : waits(model, who)                                                         ? -EALREADY
                                                                                               : 0;
        g_assert_cmpint(md_floor_raise(storm->floor, who, storm->now), ==, want);
        if (want == 0)
            g_queue_push_tail(&model->queue, GUINT_TO_POINTER(who));
        return;
    }
    int want = !model->people[who].here ? -ENOENT : waits(model, who) ? 0 : -EALREADY;
    g_assert_cmpint(md_floor_lower(storm->floor, who, MD_FLOOR_DONE, storm->now), ==, want);
    if (want == 0) {
        drop(model, who);
        if (model->people[who].away)
            model->people[who].here = model->people[who].away = false;
    }
}

static void reorder(Storm *storm, uint32_t who)
{
    Model *model = &storm->model;
    unsigned place = (unsigned)g_rand_int_range(storm->rand, 0, PARTIES);
    int want = !model->people[who].here ? -ENOENT : waits(model, who) ? 0 : -EALREADY;
    g_assert_cmpint(md_floor_move(storm->floor, who, place, storm->now), ==, want);
    if (want == 0) {
        drop(model, who);
        g_queue_push_nth(&model->queue, GUINT_TO_POINTER(who), (int)MIN(place, model->queue.length));
    }
}

static void give(Storm *storm, uint32_t who)
{
    Model *model = &storm->model;
    int64_t budget = g_rand_int_range(storm->rand, -1, 40) * S, asked = budget < 0 ? -1 : budget;
    const Person *person = &model->people[who];
    int want = !person->here                              ? -ENOENT
               : !can(model, who, MD_ACTION_BE_HEARD)     ? -EPERM
               : model->holder == who                     ? -EALREADY
               : person->away                             ? -EAGAIN
                                                          : 0;
    g_assert_cmpint(md_floor_give(storm->floor, who, asked, storm->now), ==, want);
    if (want == 0)
        start(model, who, asked < 0 ? storm->rules.budget_us : asked, storm->now);
}

static void run(Storm *storm)
{
    Model *model = &storm->model;
    uint32_t next = front(model);
    switch (g_rand_int_range(storm->rand, 0, 4)) {
    case 0:
        g_assert_cmpint(md_floor_give_next(storm->floor, -1, storm->now), ==, next != 0 ? 0 : -EINVAL);
        if (next != 0)
            start(model, next, storm->rules.budget_us, storm->now);
        break;
    case 1:
        g_assert_cmpint(md_floor_end(storm->floor, MD_FLOOR_BY_CHAIR, storm->now), ==, model->holder != 0 ? 0 : -EINVAL);
        if (model->holder != 0)
            finish(model, storm->now);
        break;
    case 2: {
        bool possible = model->holder != 0 && model->end_us != 0;
        g_assert_cmpint(md_floor_extend(storm->floor, 5 * S, storm->now), ==, possible ? 0 : -EINVAL);
        if (possible)
            model->end_us += 5 * S;
        break;
    }
    default:
        if (g_rand_int_range(storm->rand, 0, 20) > 0)
            break;
        md_floor_lower_all(storm->floor, storm->now);
        while (model->queue.length > 0) {
            Person *person = &model->people[GPOINTER_TO_UINT(g_queue_pop_head(&model->queue))];
            if (person->away)
                person->here = person->away = false;
        }
        break;
    }
}

static void mute(Storm *storm, uint32_t who)
{
    Person *person = &storm->model.people[who];
    bool on = g_rand_boolean(storm->rand);
    if (g_rand_int_range(storm->rand, 0, 8) == 0) {
        g_assert_cmpint(md_floor_set_aside(storm->floor, who, on), ==, person->here ? 0 : -ENOENT);
        person->aside = on;
        return;
    }
    g_assert_cmpint(md_floor_set_muted(storm->floor, who, on), ==, person->here ? 0 : -ENOENT);
    person->asked = on;
    person->ordered = storm->model.holder != 0;
}

static void vote(Storm *storm, uint32_t who)
{
    static const char *const choices[] = {"Đồng ý", "Không đồng ý", "Ý kiến khác", NULL};
    const char *why = NULL;
    char voter[16];
    g_snprintf(voter, sizeof voter, "site-%u", who);
    if (storm->vote == NULL || (!md_vote_is_open(storm->vote) && g_rand_int_range(storm->rand, 0, 10) == 0)) {
        md_vote_free(storm->vote);
        storm->vote = md_vote_new("v1", &(MdVoteSpec){.question = "?", .choices = choices, .secret = g_rand_boolean(storm->rand), .quorum = 5},
                                  storm->now, &why);
        g_assert_nonnull(storm->vote);
        memset(storm->model.votes, 0, sizeof storm->model.votes);
        storm->n_votes++;
    } else if (g_rand_int_range(storm->rand, 0, 60) == 0) {
        int want = md_vote_is_open(storm->vote) ? 0 : -ESTALE;
        g_assert_cmpint(md_vote_close(storm->vote, storm->now), ==, want);
    } else if (g_rand_int_range(storm->rand, 0, 10) == 0) {
        int want = !md_vote_is_open(storm->vote) ? -ESTALE : storm->model.votes[who] == 0 ? -ENOENT : 0;
        g_assert_cmpint(md_vote_withdraw(storm->vote, voter), ==, want);
        if (want == 0)
            storm->model.votes[who] = 0;
    } else {
        unsigned choice = (unsigned)g_rand_int_range(storm->rand, 0, CHOICES + 1);
        bool changed = false;
        int want = !md_vote_is_open(storm->vote) ? -ESTALE : choice == CHOICES ? -EINVAL : 0;
        g_assert_cmpint(md_vote_cast(storm->vote, voter, choice, &changed), ==, want);
        if (want == 0) {
            g_assert_cmpint(changed, ==, storm->model.votes[who] != 0);
            storm->model.votes[who] = (int)choice + 1;
        }
    }
}

static void check_vote(const Storm *storm)
{
    int counts[CHOICES] = {0};
    unsigned cast = 0;
    MdVoteBallot ballot;
    if (storm->vote == NULL)
        return;
    bool secret = md_vote_is_secret(storm->vote), open = md_vote_is_open(storm->vote);
    for (unsigned i = 1; i <= PARTIES; i++)
        if (storm->model.votes[i] != 0) {
            counts[storm->model.votes[i] - 1]++;
            cast++;
        }
    g_assert_cmpuint(md_vote_cast_count(storm->vote), ==, cast);
    g_assert_cmpint(md_vote_has_quorum(storm->vote), ==, cast >= 5);
    for (unsigned i = 0; i < CHOICES; i++)
        g_assert_cmpint(md_vote_count(storm->vote, i), ==, secret && open ? -1 : counts[i]);
    for (unsigned i = 0; md_vote_ballot(storm->vote, i, &ballot); i++) {
        int who = atoi(ballot.voter + 5);
        g_assert_cmpint(ballot.choice, ==, secret ? -1 : storm->model.votes[who] - 1);
    }
}

static void check(Storm *storm)
{
    const Model *model = &storm->model;
    const uint32_t *queue;
    g_assert_cmpuint(md_floor_holder(storm->floor), ==, model->holder);
    g_assert_cmpuint(storm->told.speaking, ==, model->holder);
    g_assert_cmpuint(storm->told.ended, ==, model->turns);
    if (model->turns > 0)
        g_assert_cmpint(storm->told.spoken_us, ==, MAX(model->spoken_us, 0));
    unsigned n = md_floor_queue(storm->floor, &queue);
    g_assert_cmpuint(n, ==, model->queue.length);
    const GList *at = model->queue.head;
    for (unsigned i = 0; i < n; i++, at = at->next) {
        g_assert_cmpuint(queue[i], ==, GPOINTER_TO_UINT(at->data));
        g_assert_cmpuint(queue[i], !=, model->holder);
        g_assert_cmpint(md_floor_place(storm->floor, queue[i]), ==, (int)i); /* nobody is in it twice */
    }
    for (uint32_t who = 1; who <= PARTIES; who++) {
        g_assert_cmpint(md_floor_is_muted(storm->floor, who), ==, muted(model, who));
        g_assert_cmpint(md_floor_is_away(storm->floor, who), ==, model->people[who].here && model->people[who].away);
    }
    check_vote(storm);
}

static void step(Storm *storm)
{
    uint32_t who = (uint32_t)g_rand_int_range(storm->rand, 1, PARTIES + 1);
    switch (g_rand_int_range(storm->rand, 0, 16)) {
    case 0:
    case 1:
        come_or_go(storm, who);
        break;
    case 2:
        change_role(storm, who);
        break;
    case 3:
    case 4:
    case 5:
        hand(storm, who);
        break;
    case 6:
        reorder(storm, who);
        break;
    case 7:
        give(storm, who);
        break;
    case 8:
        run(storm);
        break;
    case 9:
    case 10:
        mute(storm, who);
        break;
    case 11:
    case 12:
    case 13:
        vote(storm, who);
        break;
    default:
        storm->now += g_rand_int_range(storm->rand, 0, 3000) * INT64_C(1000);
        md_floor_tick(storm->floor, storm->now);
        pass_time(&storm->model, storm->now, storm->rules.auto_next, storm->rules.budget_us);
        break;
    }
}

static void test_storm(gconstpointer seed)
{
    Storm *storm = g_new0(Storm, 1);
    storm->rand = g_rand_new_with_seed(GPOINTER_TO_UINT(seed));
    storm->now = S;
    storm->rules = (MdFloorRules){.budget_us = 15 * S, .warn_us = 5 * S, .grace_us = GRACE, .auto_next = GPOINTER_TO_UINT(seed) % 2 == 0};
    storm->floor = md_floor_new(&storm->rules, on_event, &storm->told);
    g_queue_init(&storm->model.queue);
    for (unsigned i = 0; i < STEPS; i++) {
        step(storm);
        check(storm);
    }
    /* The storm has been everywhere. */
    g_assert_cmpuint(storm->told.ended, >, STEPS / 200);
    g_assert_cmpuint(storm->told.warned, >, STEPS / 2000);
    g_assert_cmpuint(storm->told.next, >, STEPS / 200);
    g_assert_cmpuint(storm->n_votes, >, 20);
    md_vote_free(storm->vote);
    md_floor_free(storm->floor);
    g_queue_clear(&storm->model.queue);
    g_rand_free(storm->rand);
    g_free(storm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/conference/floor-storm/clock-ends", GUINT_TO_POINTER(20261), test_storm);
    g_test_add_data_func("/conference/floor-storm/next-by-itself", GUINT_TO_POINTER(20262), test_storm);
    return g_test_run();
}
