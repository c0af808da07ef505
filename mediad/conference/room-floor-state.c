/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The floor as it stands, for those who ask and over a restart. Control thread. */
#include "mediad/conference/absent.h"
#include "mediad/conference/private.h"

/* --- as it stands ----------------------------------------------------------------------------------------------------- */

static void set_id(JsonObject *object, const char *name, uint32_t id)
{
    char text[16];
    g_snprintf(text, sizeof text, "m%u", id);
    json_object_set_string_member(object, name, text);
}

/* Wall time in milliseconds of a moment of the monotonic clock. */
static int64_t wall_ms(const MdRoom *room, int64_t at_us)
{
    const MdConference *conference = room->conference;
    return (md_clock_wall_us(conference->clock) + at_us - md_conference_now_us(conference)) / 1000;
}

static JsonArray *queue_json(const MdRoom *room)
{
    JsonArray *array = json_array_new();
    const uint32_t *queue;
    unsigned n = md_floor_queue(room->floor, &queue);
    for (unsigned i = 0; i < n; i++) {
        JsonObject *one = json_object_new();
        set_id(one, "member", queue[i]);
        json_object_set_string_member(one, "name", md_room_party_name(room, queue[i]));
        json_object_set_int_member(one, "since", wall_ms(room, md_floor_raised_us(room->floor, queue[i])));
        json_object_set_boolean_member(one, "away", md_floor_is_away(room->floor, queue[i]));
        json_array_add_object_element(array, one);
    }
    return array;
}

static JsonObject *rules_json(const MdFloorRules *rules)
{
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "budget_s", rules->budget_us / G_USEC_PER_SEC);
    json_object_set_int_member(o, "warn_s", rules->warn_us / G_USEC_PER_SEC);
    json_object_set_int_member(o, "grace_s", rules->grace_us / G_USEC_PER_SEC);
    json_object_set_boolean_member(o, "auto_next", rules->auto_next);
    return o;
}

static void add_holder(JsonObject *o, const MdRoom *room, uint32_t holder)
{
    int64_t now_us = md_conference_now_us(room->conference), left_us = md_floor_left_us(room->floor, now_us);
    set_id(o, "holder", holder);
    json_object_set_string_member(o, "name", md_room_party_name(room, holder));
    json_object_set_boolean_member(o, "away", md_floor_is_away(room->floor, holder));
    json_object_set_int_member(o, "since_ms", wall_ms(room, md_floor_since_us(room->floor)));
    json_object_set_int_member(o, "budget_ms", md_floor_budget_us(room->floor) / 1000);
    if (md_floor_budget_us(room->floor) == 0)
        return;
    json_object_set_int_member(o, "left_ms", left_us / 1000);
    json_object_set_int_member(o, "deadline_ms", wall_ms(room, now_us + left_us));
}

JsonObject *md_room_floor(MdRoom *room)
{
    JsonObject *o = json_object_new();
    uint32_t holder = room->floor != NULL ? md_floor_holder(room->floor) : 0;
    json_object_set_null_member(o, "holder");
    json_object_set_null_member(o, "deadline_ms");
    json_object_set_null_member(o, "left_ms");
    if (holder != 0)
        add_holder(o, room, holder);
    json_object_set_array_member(o, "queue", room->floor != NULL ? queue_json(room) : json_array_new());
    json_object_set_object_member(o, "rules", rules_json(md_room_floor_rules(room)));
    return o;
}

/* --- over a restart ---------------------------------------------------------------------------------------------------- */

/* Place of one in the queue, or that has the floor; -1: nobody knows who it is. */
static int place_of(MdKeepWriter *writer, uint32_t id)
{
    const MdMember *member = md_room_member_by_id(writer->room, id);
    const MdAbsent *absent = member == NULL ? md_absent_find(writer->room, id) : NULL;
    g_autofree char *identity = member != NULL ? md_member_identity(member) : absent != NULL ? g_strdup(absent->identity) : NULL;
    return identity != NULL ? (int)md_keep_party(writer, id, identity, md_room_party_name(writer->room, id), NULL) : -1;
}

JsonObject *md_room_floor_keep(MdKeepWriter *writer)
{
    MdRoom *room = writer->room;
    JsonObject *o = json_object_new();
    JsonArray *queue = json_array_new();
    const uint32_t *ids;
    uint32_t holder = md_floor_holder(room->floor);
    int64_t now_us = md_conference_now_us(room->conference);
    unsigned n = md_floor_queue(room->floor, &ids);
    for (unsigned i = 0; i < n; i++) {
        int place = place_of(writer, ids[i]);
        if (place >= 0)
            json_array_add_int_element(queue, place);
    }
    json_object_set_array_member(o, "queue", queue);
    json_object_set_object_member(o, "rules", rules_json(md_room_floor_rules(room)));
    int place = holder != 0 ? place_of(writer, holder) : -1;
    if (place < 0)
        return o;
    json_object_set_int_member(o, "holder", place);
    if (md_floor_budget_us(room->floor) > 0)
        json_object_set_int_member(o, "until_ms", wall_ms(room, now_us + md_floor_left_us(room->floor, now_us)));
    return o;
}

/* As one that dropped out a moment ago: its place is kept for the grace time. left_us < 0: a hand; 0: the floor, without a limit. */
static void load_place(MdRoom *room, const MdKept *kept, int64_t left_us)
{
    int64_t now_us = md_conference_now_us(room->conference);
    if (kept == NULL || md_floor_join(room->floor, kept->id, kept->role, kept->inside ? kept->muted : room->muted_all, now_us) != 0)
        return;
    MdAbsent *absent = g_new0(MdAbsent, 1);
    *absent = (MdAbsent){.id = kept->id, .identity = g_strdup(kept->identity), .name = g_strdup(kept->name), .role = kept->role, .proven = kept->proven};
    g_ptr_array_add(room->absent, absent);
    if (left_us < 0)
        md_floor_raise(room->floor, kept->id, now_us);
    else
        md_floor_give(room->floor, kept->id, left_us, now_us);
    md_floor_leave(room->floor, kept->id, true, now_us);
}

void md_room_floor_load(MdRoom *room, JsonObject *o)
{
    static const int64_t LEAST_US = 5 * G_USEC_PER_SEC; /* to finish the sentence */
    const GPtrArray *parties = room->keep.kept;
    JsonNode *node = json_object_get_member(o, "rules");
    JsonObject *rules = node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    JsonArray *queue = md_keep_list(o, "queue");
    const MdKept *holder = md_keep_at(parties, json_object_get_member(o, "holder"));
    int64_t until_us = md_keep_number(o, "until_ms", 0) * 1000, now_us = md_clock_wall_us(room->conference->clock);
    if (rules != NULL)
        md_floor_set_rules(room->floor, &(MdFloorRules){.budget_us = md_keep_number(rules, "budget_s", 0) * G_USEC_PER_SEC,
                                                        .warn_us = md_keep_number(rules, "warn_s", 30) * G_USEC_PER_SEC,
                                                        .grace_us = md_keep_number(rules, "grace_s", 60) * G_USEC_PER_SEC,
                                                        .auto_next = md_keep_flag(rules, "auto_next")});
    load_place(room, holder, until_us > 0 ? MAX(until_us - now_us, LEAST_US) : 0);
    for (guint i = 0; queue != NULL && i < json_array_get_length(queue); i++)
        load_place(room, md_keep_at(parties, json_array_get_element(queue, i)), -1);
    md_absent_forget(room);
}
