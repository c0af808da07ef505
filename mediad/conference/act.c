/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A member's own buttons: every one asks its role first. Fields come from outside and are taken for nothing they are not. */
#include "mediad/conference/private.h"
#include <string.h>

static const char *text_of(JsonObject *fields, const char *name)
{
    JsonNode *node = fields != NULL ? json_object_get_member(fields, name) : NULL;
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

/* Whole numbers within least..most; fallback: absent, or something else. */
static int number_of(JsonObject *fields, const char *name, int least, int most, int fallback)
{
    JsonNode *node = fields != NULL ? json_object_get_member(fields, name) : NULL;
    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
        return fallback;
    int64_t value = json_node_get_int(node);
    return value >= least && value <= most ? (int)value : fallback;
}

static bool flag_of(JsonObject *fields, const char *name)
{
    JsonNode *node = fields != NULL ? json_object_get_member(fields, name) : NULL;
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN && json_node_get_boolean(node);
}

static bool missing(GError **error, const char *what)
{
    g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "\"%s\" is missing or out of range", what);
    return false;
}

static bool hand(MdRoom *room, const char *member, JsonObject *fields, GError **error)
{
    return md_room_raise_hand(room, member, flag_of(fields, "raised"), error);
}

static bool done(MdRoom *room, const char *member, JsonObject *fields, GError **error)
{
    return md_room_floor_done(room, member, error);
}

static bool cast(MdRoom *room, const char *member, JsonObject *fields, GError **error)
{
    int choice = number_of(fields, "choice", 0, MD_VOTE_CHOICES_MAX - 1, -1);
    return choice < 0 ? missing(error, "choice") : md_room_vote_cast(room, text_of(fields, "vote"), member, (unsigned)choice, error);
}

static bool give(MdRoom *room, const char *member, JsonObject *fields, GError **error)
{
    const char *to = text_of(fields, "member");
    return to == NULL ? missing(error, "member") : md_room_floor_give(room, to, number_of(fields, "budget_s", 0, 14400, -1), error);
}

static bool next(MdRoom *room, const char *member, JsonObject *fields, GError **error)
{
    return md_room_floor_next(room, number_of(fields, "budget_s", 0, 14400, -1), error);
}

static bool end(MdRoom *room, const char *member, JsonObject *fields, GError **error)
{
    return md_room_floor_end(room, error);
}

static bool extend(MdRoom *room, const char *member, JsonObject *fields, GError **error)
{
    return md_room_floor_extend(room, (unsigned)number_of(fields, "seconds", 1, 3600, 0), error);
}

static bool move(MdRoom *room, const char *member, JsonObject *fields, GError **error)
{
    const char *who = text_of(fields, "member");
    int place = number_of(fields, "place", 0, MD_ROOM_MEMBERS_MAX, -1);
    if (who == NULL || place < 0)
        return missing(error, who == NULL ? "member" : "place");
    return md_room_floor_move(room, who, (unsigned)place, error);
}

static bool open_vote(MdRoom *room, const char *member, JsonObject *fields, GError **error)
{
    static const char *const usual[][4] = {{"Đồng ý", "Không đồng ý", "Ý kiến khác", NULL}, {"Agree", "Disagree", "Abstain", NULL}};
    const char *choices[MD_VOTE_CHOICES_MAX + 2] = {NULL};
    JsonNode *node = fields != NULL ? json_object_get_member(fields, "choices") : NULL;
    JsonArray *given = node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    for (guint i = 0; given != NULL && i < MIN(json_array_get_length(given), MD_VOTE_CHOICES_MAX + 1); i++) {
        JsonNode *one = json_array_get_element(given, i);
        if (!JSON_NODE_HOLDS_VALUE(one) || json_node_get_value_type(one) != G_TYPE_STRING)
            return missing(error, "choices");
        choices[i] = json_node_get_string(one);
    }
    MdVoteSpec spec = {.question = text_of(fields, "question"),
                       .choices = given != NULL ? choices : usual[room->language == MD_LANGUAGE_EN],
                       .secret = flag_of(fields, "secret"),
                       .quorum = (unsigned)number_of(fields, "quorum", 0, MD_VOTE_VOTERS_MAX, 0),
                       .ends_us = number_of(fields, "seconds", 0, 14400, 0) * (int64_t)G_USEC_PER_SEC};
    return md_room_vote_open(room, &spec, NULL, error);
}

static bool close_vote(MdRoom *room, const char *member, JsonObject *fields, GError **error)
{
    return md_room_vote_close(room, text_of(fields, "vote"), error);
}

bool md_room_act(MdRoom *room, const char *member, const char *type, JsonObject *fields, GError **error)
{
    static const struct {
        const char *type;
        MdAction needs;
        bool (*act)(MdRoom *room, const char *member, JsonObject *fields, GError **error);
    } acts[] = {
        {"hand", MD_ACTION_HAND, hand},
        {"floor-done", MD_ACTION_HAND, done},
        {"vote", MD_ACTION_VOTE, cast},
        {"floor-give", MD_ACTION_RUN_FLOOR, give},
        {"floor-next", MD_ACTION_RUN_FLOOR, next},
        {"floor-end", MD_ACTION_RUN_FLOOR, end},
        {"floor-extend", MD_ACTION_RUN_FLOOR, extend},
        {"floor-move", MD_ACTION_RUN_FLOOR, move},
        {"vote-open", MD_ACTION_RUN_VOTES, open_vote},
        {"vote-close", MD_ACTION_RUN_VOTES, close_vote},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(acts); i++)
        if (strcmp(type, acts[i].type) == 0)
            return md_room_may(room, member, acts[i].needs, error) && acts[i].act(room, member, fields, error);
    return false;
}
