/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is done to a meeting in somebody's name: one table of acts, their fields and the right each needs. Control thread. */
#include "mediad/conference/private.h"
#include <string.h>

enum { ID_MAX = 16, TARGETS_MAX = 200, TARGET_MAX = 256, SEATS_MAX = MD_LAYOUT_CELLS_MAX, FIELDS_MAX = 6, BUDGET_MAX_S = 4 * 3600 };

typedef enum Kind { TEXT, FLAG, NUMBER, TEXTS, SEATS, LIST } Kind;

typedef struct Field {
    const char *name;
    Kind kind;
    bool required;
    int64_t min, max; /* TEXT: characters; TEXTS, SEATS (null: an empty one): how many, of TARGET_MAX characters each; LIST: how many */
} Field;

typedef struct Act {
    MdRoom *room;
    const MdRoomActor *actor;
    JsonObject *fields, *result;
    GError **error;
} Act;

/* --- fields: what the table has let through ---------------------------------------------------------------------------- */

static bool has(const Act *act, const char *name)
{
    return json_object_has_member(act->fields, name) && !json_object_get_null_member(act->fields, name);
}

static const char *text(const Act *act, const char *name)
{
    return has(act, name) ? json_object_get_string_member(act->fields, name) : NULL;
}

static bool flag(const Act *act, const char *name)
{
    return has(act, name) && json_object_get_boolean_member(act->fields, name);
}

static int64_t number(const Act *act, const char *name, int64_t absent)
{
    return has(act, name) ? json_object_get_int_member(act->fields, name) : absent;
}

static const char *member(const Act *act)
{
    return text(act, "member");
}

/* NULL-terminated; the strings stay the message's. NULL: not said. */
static const char **texts(const Act *act, const char *name)
{
    JsonArray *array = has(act, name) ? json_object_get_array_member(act->fields, name) : NULL;
    guint n = array != NULL ? json_array_get_length(array) : 0;
    const char **list = array != NULL ? g_new0(const char *, n + 1) : NULL;
    for (guint i = 0; i < n; i++)
        list[i] = json_array_get_null_element(array, i) ? "" : json_array_get_string_element(array, i);
    return list;
}

static bool is_of(JsonNode *node, GType type)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

static bool check_texts(const Field *field, JsonNode *node, GError **error)
{
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    guint n = array != NULL ? json_array_get_length(array) : 0;
    if (array == NULL || n < field->min || n > field->max)
        return md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "\"%s\" must be a list of %d to %d texts",
                                  field->name, (int)field->min, (int)field->max);
    for (guint i = 0; i < n; i++) {
        JsonNode *one = json_array_get_element(array, i);
        if (field->kind == SEATS && JSON_NODE_HOLDS_NULL(one))
            continue;
        const char *said = is_of(one, G_TYPE_STRING) ? json_node_get_string(one) : "";
        if (*said == 0 || g_utf8_strlen(said, -1) > TARGET_MAX)
            return md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "\"%s\" must hold texts of 1 to %d characters", field->name, TARGET_MAX);
    }
    return true;
}

static bool check_field(const Field *field, JsonObject *fields, GError **error)
{
    JsonNode *node = json_object_get_member(fields, field->name);
    if (node == NULL || JSON_NODE_HOLDS_NULL(node))
        return !field->required || md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "\"%s\" is missing", field->name);
    switch (field->kind) {
    case TEXT: {
        glong n = is_of(node, G_TYPE_STRING) ? g_utf8_strlen(json_node_get_string(node), -1) : -1;
        if (n < field->min || n > field->max)
            return md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "\"%s\" must be a text of %d to %d characters",
                                      field->name, (int)field->min, (int)field->max);
        return true;
    }
    case FLAG:
        return is_of(node, G_TYPE_BOOLEAN) || md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "\"%s\" must be true or false", field->name);
    case NUMBER:
        if (!is_of(node, G_TYPE_INT64) || json_node_get_int(node) < field->min || json_node_get_int(node) > field->max)
            return md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "\"%s\" must be a whole number from %d to %d",
                                      field->name, (int)field->min, (int)field->max);
        return true;
    case LIST:
        if (!JSON_NODE_HOLDS_ARRAY(node) || json_array_get_length(json_node_get_array(node)) > field->max)
            return md_conference_fail(error, MD_CONFERENCE_ERROR_INVALID, "\"%s\" must be a list of at most %d", field->name, (int)field->max);
        return true;
    default:
        return check_texts(field, node, error);
    }
}

/* --- the acts ----------------------------------------------------------------------------------------------------------- */

static bool mute(const Act *act)
{
    return md_room_mute_member(act->room, member(act), flag(act, "muted"), act->error);
}

static bool mute_all(const Act *act)
{
    md_room_mute_all(act->room, flag(act, "muted"), flag(act, "except_chair"));
    return true;
}

static bool hide(const Act *act)
{
    return md_room_mute_video(act->room, member(act), flag(act, "hidden"), act->error);
}

static bool deaf(const Act *act)
{
    return md_room_set_deaf(act->room, member(act), flag(act, "deaf"), act->error);
}

static bool gain(const Act *act)
{
    return md_room_set_gain(act->room, member(act), (double)number(act, "gain_db", 0), act->error);
}

static bool give_role(const Act *act)
{
    MdRole role = md_role_from_string(text(act, "role"));
    if (role == MD_ROLE_INVALID)
        return md_conference_fail(act->error, MD_CONFERENCE_ERROR_INVALID, "there is no role \"%s\"", text(act, "role"));
    return md_room_may_as(act->room, act->actor, MD_ACTION_SET_ROLES, member(act), role, act->error) &&
           md_room_set_role(act->room, member(act), role, act->error);
}

static bool admit(const Act *act)
{
    return md_room_admit(act->room, member(act), act->error);
}

static bool send_out(const Act *act)
{
    return md_room_kick(act->room, member(act), act->error);
}

static bool lock(const Act *act)
{
    md_room_lock(act->room, flag(act, "locked"));
    return true;
}

static bool end(const Act *act)
{
    md_room_end(act->room);
    return true;
}

static bool hand(const Act *act)
{
    return md_room_raise_hand(act->room, member(act), flag(act, "raised"), act->error);
}

static bool floor_give(const Act *act)
{
    return md_room_floor_give(act->room, member(act), (int)number(act, "budget_s", -1), act->error);
}

static bool floor_next(const Act *act)
{
    return md_room_floor_next(act->room, (int)number(act, "budget_s", -1), act->error);
}

static bool floor_end(const Act *act)
{
    return md_room_floor_end(act->room, act->error);
}

static bool floor_extend(const Act *act)
{
    return md_room_floor_extend(act->room, (unsigned)number(act, "seconds", 0), act->error);
}

static bool floor_move(const Act *act)
{
    return md_room_floor_move(act->room, member(act), (unsigned)number(act, "place", 0), act->error);
}

static bool floor_lower_all(const Act *act)
{
    return md_room_floor_lower_all(act->room, act->error);
}

static bool floor_rules(const Act *act)
{
    MdFloorRules rules = *md_room_floor_rules(act->room);
    rules.budget_us = number(act, "budget_s", rules.budget_us / G_USEC_PER_SEC) * G_USEC_PER_SEC;
    rules.warn_us = number(act, "warn_s", rules.warn_us / G_USEC_PER_SEC) * G_USEC_PER_SEC;
    rules.grace_us = number(act, "grace_s", rules.grace_us / G_USEC_PER_SEC) * G_USEC_PER_SEC;
    rules.auto_next = has(act, "auto_next") ? flag(act, "auto_next") : rules.auto_next;
    return md_room_set_floor_rules(act->room, &rules, act->error);
}

static bool vote_open(const Act *act)
{
    static const char *const usual[] = {"Đồng ý", "Không đồng ý", "Ý kiến khác", NULL};
    g_autofree const char **choices = texts(act, "choices");
    g_autofree char *id = NULL;
    MdVoteSpec spec = {.question = text(act, "question"),
                       .choices = choices != NULL ? choices : usual,
                       .secret = flag(act, "secret"),
                       .quorum = (unsigned)number(act, "quorum", 0),
                       .ends_us = number(act, "seconds", 0) * G_USEC_PER_SEC};
    if (!md_room_vote_open(act->room, &spec, &id, act->error))
        return false;
    if (act->result != NULL)
        json_object_set_string_member(act->result, "vote", id);
    return true;
}

static bool vote_close(const Act *act)
{
    return md_room_vote_close(act->room, text(act, "vote"), act->error);
}

static bool layout(const Act *act)
{
    g_autofree const char **seats = texts(act, "seats");
    MdLayoutKind kind = md_layout_from_string(text(act, "layout"));
    return md_room_set_layout(act->room, kind, seats, act->error);
}

static bool view(const Act *act)
{
    g_autofree const char **seats = texts(act, "seats");
    if (!has(act, "layout"))
        return md_room_clear_view(act->room, member(act), true, act->error);
    return md_room_set_view(act->room, member(act), true, md_layout_from_string(text(act, "layout")), seats, act->error);
}

static bool tour(const Act *act)
{
    return md_room_set_tour(act->room, (unsigned)number(act, "period_s", 0), act->error);
}

static bool spotlight(const Act *act)
{
    return md_room_set_spotlight(act->room, member(act), act->error);
}

static bool banner(const Act *act)
{
    return md_room_set_banner(act->room, text(act, "text"), flag(act, "clock"), (unsigned)number(act, "seconds", 0), act->error);
}

static bool dial(const Act *act)
{
    MdRole role = has(act, "role") ? md_role_from_string(text(act, "role")) : MD_ROLE_SITE;
    g_autofree const char **targets = texts(act, "targets");
    if (role == MD_ROLE_INVALID)
        return md_conference_fail(act->error, MD_CONFERENCE_ERROR_INVALID, "there is no role \"%s\"", text(act, "role"));
    for (unsigned i = 0; targets[i] != NULL; i++) { /* who is to come in as more is not made less of */
        MdRole before;
        md_room_dialled(act->room, targets[i], &before);
        if (!md_room_may_as(act->room, act->actor, MD_ACTION_DIAL, NULL, before, act->error))
            return false;
    }
    return md_room_may_as(act->room, act->actor, MD_ACTION_DIAL, NULL, role, act->error) &&
           md_room_dial(act->room, targets, role, flag(act, "redial"), act->error);
}

static bool undial(const Act *act)
{
    MdRole as;
    const char *id = md_room_dialled(act->room, text(act, "target"), &as);
    return (id == NULL || md_room_may_as(act->room, act->actor, MD_ACTION_KICK, id, MD_ROLE_INVALID, act->error)) &&
           md_room_undial(act->room, text(act, "target"), act->error);
}

static bool content_start(const Act *act)
{
    return md_room_content_start(act->room, member(act), act->error);
}

static bool content_stop(const Act *act)
{
    return md_room_content_stop(act->room, NULL, act->error);
}

static bool channels(const Act *act)
{
    return md_room_set_channels(act->room, json_object_get_array_member(act->fields, "channels"), act->error);
}

#define MEMBER {"member", TEXT, true, 1, ID_MAX}
#define BUDGET {"budget_s", NUMBER, false, 0, BUDGET_MAX_S}

static const struct {
    const char *name;
    MdAction action;
    bool over; /* the member of its fields is one it is done to: not to somebody above */
    bool (*fn)(const Act *act);
    Field fields[FIELDS_MAX];
} acts[] = {
    {"mute", MD_ACTION_MUTE_OTHERS, true, mute, {MEMBER, {"muted", FLAG, true, 0, 0}}},
    {"mute-all", MD_ACTION_MUTE_OTHERS, false, mute_all, {{"muted", FLAG, true, 0, 0}, {"except_chair", FLAG, false, 0, 0}}},
    {"hide", MD_ACTION_MUTE_OTHERS, true, hide, {MEMBER, {"hidden", FLAG, true, 0, 0}}},
    {"deaf", MD_ACTION_MUTE_OTHERS, true, deaf, {MEMBER, {"deaf", FLAG, true, 0, 0}}},
    {"gain", MD_ACTION_MUTE_OTHERS, true, gain, {MEMBER, {"gain_db", NUMBER, true, -40, 20}}},
    {"role", MD_ACTION_SET_ROLES, true, give_role, {MEMBER, {"role", TEXT, true, 1, 32}}},
    {"admit", MD_ACTION_ADMIT, true, admit, {MEMBER}},
    {"remove", MD_ACTION_KICK, true, send_out, {MEMBER}},
    {"lock", MD_ACTION_LOCK, false, lock, {{"locked", FLAG, true, 0, 0}}},
    {"end", MD_ACTION_END, false, end, {{0}}},
    {"hand", MD_ACTION_RUN_FLOOR, false, hand, {MEMBER, {"raised", FLAG, true, 0, 0}}},
    {"floor-give", MD_ACTION_RUN_FLOOR, false, floor_give, {MEMBER, BUDGET}},
    {"floor-next", MD_ACTION_RUN_FLOOR, false, floor_next, {BUDGET}},
    {"floor-end", MD_ACTION_RUN_FLOOR, false, floor_end, {{0}}},
    {"floor-extend", MD_ACTION_RUN_FLOOR, false, floor_extend, {{"seconds", NUMBER, true, 1, 3600}}},
    {"floor-move", MD_ACTION_RUN_FLOOR, false, floor_move, {MEMBER, {"place", NUMBER, true, 0, 999}}},
    {"floor-lower-all", MD_ACTION_RUN_FLOOR, false, floor_lower_all, {{0}}},
    {"floor-rules", MD_ACTION_RUN_FLOOR, false, floor_rules,
     {BUDGET, {"warn_s", NUMBER, false, 0, BUDGET_MAX_S}, {"grace_s", NUMBER, false, 0, 600}, {"auto_next", FLAG, false, 0, 0}}},
    {"vote-open", MD_ACTION_RUN_VOTES, false, vote_open,
     {{"question", TEXT, true, 1, MD_VOTE_QUESTION_MAX}, {"choices", TEXTS, false, 2, MD_VOTE_CHOICES_MAX}, {"secret", FLAG, false, 0, 0},
      {"quorum", NUMBER, false, 0, MD_VOTE_VOTERS_MAX}, {"seconds", NUMBER, false, 0, BUDGET_MAX_S}}},
    {"vote-close", MD_ACTION_RUN_VOTES, false, vote_close, {{"vote", TEXT, false, 1, 32}}},
    {"layout", MD_ACTION_SET_LAYOUT, false, layout, {{"layout", TEXT, true, 1, 16}, {"seats", SEATS, false, 0, SEATS_MAX}}},
    {"view", MD_ACTION_SET_LAYOUT, true, view, {MEMBER, {"layout", TEXT, false, 1, 16}, {"seats", SEATS, false, 0, SEATS_MAX}}},
    {"tour", MD_ACTION_SET_LAYOUT, false, tour, {{"period_s", NUMBER, true, 0, 3600}}},
    {"spotlight", MD_ACTION_SET_LAYOUT, false, spotlight, {{"member", TEXT, false, 1, ID_MAX}}},
    {"banner", MD_ACTION_BANNER, false, banner,
     {{"text", TEXT, false, 0, MD_ROOM_BANNER_MAX}, {"clock", FLAG, false, 0, 0}, {"seconds", NUMBER, false, 0, 86400}}},
    {"channels", MD_ACTION_PAIRS, false, channels, {{"channels", LIST, true, 0, MD_CHANNELS_MAX}}},
    {"dial", MD_ACTION_DIAL, false, dial,
     {{"targets", TEXTS, true, 1, TARGETS_MAX}, {"role", TEXT, false, 1, 32}, {"redial", FLAG, false, 0, 0}}},
    {"undial", MD_ACTION_DIAL, false, undial, {{"target", TEXT, true, 1, TARGET_MAX}}},
    {"content-start", MD_ACTION_RUN_FLOOR, false, content_start, {MEMBER}},
    {"content-stop", MD_ACTION_RUN_FLOOR, false, content_stop, {{0}}},
};

unsigned md_room_acts(void)
{
    return G_N_ELEMENTS(acts);
}

const char *md_room_act_name(unsigned i, MdAction *ret_action)
{
    if (i >= G_N_ELEMENTS(acts))
        return NULL;
    if (ret_action != NULL)
        *ret_action = acts[i].action;
    return acts[i].name;
}

bool md_room_act(MdRoom *room, const MdRoomActor *actor, const char *name, JsonObject *fields, JsonObject *result, GError **error)
{
    unsigned at = 0;
    while (at < G_N_ELEMENTS(acts) && strcmp(acts[at].name, name) != 0)
        at++;
    if (at == G_N_ELEMENTS(acts)) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND, "there is no act \"%s\"", name);
        return false;
    }
    if (!md_room_may_as(room, actor, acts[at].action, NULL, MD_ROLE_INVALID, error))
        return false;
    for (unsigned i = 0; i < FIELDS_MAX && acts[at].fields[i].name != NULL; i++)
        if (!check_field(&acts[at].fields[i], fields, error))
            return false;
    const Act act = {room, actor, fields, result, error};
    if (acts[at].over && !md_room_may_as(room, actor, acts[at].action, member(&act), MD_ROLE_INVALID, error))
        return false;
    return acts[at].fn(&act);
}
