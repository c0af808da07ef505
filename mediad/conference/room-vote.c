/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Votes in a room: who may vote is a site, whichever of its members presses. Control thread. */
#include "mediad/conference/private.h"
#include <errno.h>
#include <string.h>

enum { KEPT = 20, DURATION_MAX_S = 4 * 3600 };

MdVote *md_room_open_vote(const MdRoom *room)
{
    MdVote *last = room->votes->len > 0 ? g_ptr_array_index(room->votes, room->votes->len - 1) : NULL;
    return last != NULL && md_vote_is_open(last) ? last : NULL;
}

/* The site: its account; who has none counts by the address it calls from and its name, so that a second call is no second vote. */
static char *voter_of(const MdMember *member)
{
    return g_strdup(member->account != NULL ? member->account : member->uri != NULL ? member->uri : member->text_id);
}

static unsigned entitled(const MdRoom *room)
{
    g_autoptr(GHashTable) voters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < room->members->len; i++) {
        const MdMember *member = g_ptr_array_index(room->members, i);
        if (md_member_sees(member) && md_role_may(member->role, MD_ACTION_VOTE))
            g_hash_table_add(voters, voter_of(member));
    }
    return g_hash_table_size(voters);
}

static int64_t wall_ms(const MdRoom *room, int64_t at_us)
{
    const MdConference *conference = room->conference;
    return (md_clock_wall_us(conference->clock) + at_us - md_conference_now_us(conference)) / 1000;
}

static JsonArray *choices_json(const MdVote *vote)
{
    JsonArray *array = json_array_new();
    const char *const *choices;
    unsigned n = md_vote_choices(vote, &choices);
    for (unsigned i = 0; i < n; i++) {
        JsonObject *one = json_object_new();
        json_object_set_int_member(one, "key", (int)i + 1);
        json_object_set_string_member(one, "text", choices[i]);
        if (md_vote_count(vote, i) >= 0)
            json_object_set_int_member(one, "count", md_vote_count(vote, i));
        json_array_add_object_element(array, one);
    }
    return array;
}

/* What voters are called in the meeting. The names stay the members'. */
static GHashTable *voter_names(const MdRoom *room)
{
    GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = room->members->len; i-- > 0;) { /* of two, the one who came first */
        const MdMember *member = g_ptr_array_index(room->members, i);
        g_hash_table_replace(names, voter_of(member), member->name);
    }
    return names;
}

static JsonArray *ballots_json(const MdRoom *room, const MdVote *vote)
{
    JsonArray *array = json_array_new();
    MdVoteBallot ballot;
    g_autoptr(GHashTable) names = voter_names(room); /* everybody may ask for votes at any time: no search for each ballot */
    for (unsigned i = 0; md_vote_ballot(vote, i, &ballot); i++) {
        const char *name = g_hash_table_lookup(names, ballot.voter); /* NULL: left since */
        JsonObject *one = json_object_new();
        json_object_set_string_member(one, "site", ballot.voter);
        json_object_set_string_member(one, "name", name != NULL ? name : ballot.voter);
        if (ballot.choice >= 0)
            json_object_set_int_member(one, "choice", ballot.choice);
        json_array_add_object_element(array, one);
    }
    return array;
}

static JsonObject *vote_json(const MdRoom *room, const MdVote *vote)
{
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "id", md_vote_id(vote));
    json_object_set_string_member(o, "question", md_vote_question(vote));
    json_object_set_boolean_member(o, "secret", md_vote_is_secret(vote));
    json_object_set_boolean_member(o, "open", md_vote_is_open(vote));
    json_object_set_int_member(o, "quorum", md_vote_quorum(vote));
    json_object_set_int_member(o, "opened_ms", wall_ms(room, md_vote_opened_us(vote)));
    if (md_vote_ends_us(vote) != 0)
        json_object_set_int_member(o, "ends_ms", wall_ms(room, md_vote_ends_us(vote)));
    json_object_set_array_member(o, "choices", choices_json(vote));
    json_object_set_int_member(o, "cast", md_vote_cast_count(vote));
    json_object_set_array_member(o, "voted", ballots_json(room, vote));
    if (md_vote_is_open(vote)) {
        json_object_set_int_member(o, "entitled", entitled(room));
        return o;
    }
    json_object_set_int_member(o, "closed_ms", wall_ms(room, md_vote_closed_us(vote)));
    json_object_set_boolean_member(o, "has_quorum", md_vote_has_quorum(vote));
    int winner = md_vote_winner(vote);
    if (winner >= 0)
        json_object_set_int_member(o, "winner", winner);
    else
        json_object_set_null_member(o, "winner");
    return o;
}

static MdVote *find_vote(MdRoom *room, const char *id, GError **error)
{
    for (guint i = 0; i < room->votes->len; i++) {
        MdVote *vote = g_ptr_array_index(room->votes, i);
        if (id != NULL ? strcmp(md_vote_id(vote), id) == 0 : md_vote_is_open(vote))
            return vote;
    }
    if (id != NULL)
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND, "room %s has no vote %s", room->name, id);
    else
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "no vote is open");
    return NULL;
}

/* All hear that they are asked; keys are said with it. */
static void announce(MdRoom *room, uint8_t prompt)
{
    md_room_play(room, NULL, &prompt, 1, false);
}

bool md_room_vote_open(MdRoom *room, const MdVoteSpec *spec, char **ret_id, GError **error)
{
    int64_t now_us = md_conference_now_us(room->conference);
    if (room->kind != MD_ROOM_MEETING || room->ending || md_room_open_vote(room) != NULL) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE,
                    room->kind == MD_ROOM_MEETING && !room->ending ? "another vote is open: close it first" : "the room has no meeting");
        return false;
    }
    if (spec->ends_us < 0 || spec->ends_us > DURATION_MAX_S * (int64_t)G_USEC_PER_SEC) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "a vote is open for at most %d seconds, 0: until closed",
                    DURATION_MAX_S);
        return false;
    }
    const char *why = NULL;
    MdVoteSpec wanted = *spec;
    wanted.ends_us = spec->ends_us > 0 ? now_us + spec->ends_us : 0;
    g_autofree char *id = g_strdup_printf("v%u", room->next_vote + 1);
    MdVote *vote = md_vote_new(id, &wanted, now_us, &why);
    if (vote == NULL) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "%s", why);
        return false;
    }
    room->next_vote++;
    if (room->votes->len == KEPT)
        g_ptr_array_remove_index(room->votes, 0);
    g_ptr_array_add(room->votes, vote);
    announce(room, MD_PROMPT_VOTE_OPEN);
    md_room_emit(room, "vote.opened", NULL, "vote", "s", id, "result", "o", vote_json(room, vote), NULL);
    if (ret_id != NULL)
        *ret_id = g_steal_pointer(&id);
    return true;
}

/* A secret one says who, never what; nor do its counts before its end. */
static void tell_cast(MdRoom *room, const MdMember *member, const MdVote *vote, unsigned choice, bool changed)
{
    if (md_vote_is_secret(vote))
        md_room_emit(room, "vote.cast", member, "vote", "s", md_vote_id(vote), "cast", "i", (int)md_vote_cast_count(vote), "changed", "b",
                     changed, NULL);
    else
        md_room_emit(room, "vote.cast", member, "vote", "s", md_vote_id(vote), "cast", "i", (int)md_vote_cast_count(vote), "changed", "b",
                     changed, "choice", "i", (int)choice, "choices", "a", choices_json(vote), NULL);
}

bool md_room_vote_cast(MdRoom *room, const char *id, const char *member_id, unsigned choice, GError **error)
{
    if (!md_room_may(room, member_id, MD_ACTION_VOTE, error))
        return false;
    MdVote *vote = find_vote(room, id, error);
    if (vote == NULL)
        return false;
    const MdMember *member = md_room_member(room, member_id, NULL);
    g_autofree char *voter = voter_of(member);
    bool changed = false;
    const char *const *choices;
    switch (md_vote_cast(vote, voter, choice, &changed)) {
    case 0:
        tell_cast(room, member, vote, choice, changed);
        return true;
    case -EINVAL:
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "there are choices 0 to %u", md_vote_choices(vote, &choices) - 1);
        return false;
    case -ENOSPC:
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT, "a vote has at most %d voters", MD_VOTE_VOTERS_MAX);
        return false;
    default:
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "vote %s is closed", md_vote_id(vote));
        return false;
    }
}

static void close_vote(MdRoom *room, MdVote *vote, const char *reason)
{
    md_vote_close(vote, md_conference_now_us(room->conference));
    if (!room->ending && room->end_us == 0)
        announce(room, MD_PROMPT_VOTE_CLOSED);
    md_room_emit(room, "vote.closed", NULL, "vote", "s", md_vote_id(vote), "reason", "s", reason, "result", "o", vote_json(room, vote), NULL);
}

bool md_room_vote_close(MdRoom *room, const char *id, GError **error)
{
    MdVote *vote = find_vote(room, id, error);
    if (vote == NULL)
        return false;
    if (!md_vote_is_open(vote)) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "vote %s is closed already", md_vote_id(vote));
        return false;
    }
    close_vote(room, vote, "chair");
    return true;
}

void md_room_vote_tick(MdRoom *room, int64_t now_us)
{
    MdVote *vote = md_room_open_vote(room);
    if (vote != NULL && md_vote_tick(vote, now_us))
        close_vote(room, vote, "clock");
}

void md_room_vote_end(MdRoom *room, bool forget)
{
    MdVote *vote = md_room_open_vote(room);
    if (vote != NULL)
        close_vote(room, vote, "meeting ended");
    if (forget)
        g_ptr_array_set_size(room->votes, 0);
}

/* A site keeps its vote as long as one of its members may vote. */
void md_room_vote_role(MdMember *member)
{
    MdRoom *room = member->room;
    MdVote *vote = md_room_open_vote(room);
    if (vote == NULL || md_role_may(member->role, MD_ACTION_VOTE))
        return;
    g_autofree char *voter = voter_of(member);
    for (guint i = 0; i < room->members->len; i++) {
        const MdMember *other = g_ptr_array_index(room->members, i);
        g_autofree char *its = voter_of(other);
        if (md_member_sees(other) && md_role_may(other->role, MD_ACTION_VOTE) && strcmp(its, voter) == 0)
            return;
    }
    if (md_vote_withdraw(vote, voter) == 0)
        md_room_emit(room, "vote.withdrawn", member, "vote", "s", md_vote_id(vote), "cast", "i", (int)md_vote_cast_count(vote), NULL);
}

JsonArray *md_room_votes(MdRoom *room)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < room->votes->len; i++)
        json_array_add_object_element(array, vote_json(room, g_ptr_array_index(room->votes, i)));
    return array;
}

JsonObject *md_room_vote(MdRoom *room, const char *id, GError **error)
{
    const MdVote *vote = find_vote(room, id, error);
    return vote != NULL ? vote_json(room, vote) : NULL;
}
