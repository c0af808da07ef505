/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The floor in a room: the machine's parties are members, its events are prompts, pictures and what the room tells. Control thread. */
#include "mediad/conference/private.h"
#include <errno.h>
#include <string.h>

static const MdFloorRules DEFAULT_RULES = {.warn_us = 30 * G_USEC_PER_SEC, .grace_us = 60 * G_USEC_PER_SEC};
enum { EXTEND_MAX_S = 3600, BUDGET_MAX_S = 4 * 3600, GRACE_MAX_S = 600 };

MdMember *md_room_member_by_id(const MdRoom *room, uint32_t id)
{
    for (guint i = 0; id != 0 && i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        if (member->id == id && member->state != MD_MEMBER_LEAVING)
            return member;
    }
    return NULL;
}

MdMember *md_room_floor_holder(const MdRoom *room)
{
    return room->floor != NULL ? md_room_member_by_id(room, md_floor_holder(room->floor)) : NULL;
}

/* --- who dropped out -------------------------------------------------------------------------------------------------- */

static void free_absent(gpointer data)
{
    MdAbsent *absent = data;
    g_free(absent->identity);
    g_free(absent->name);
    g_free(absent);
}

static MdAbsent *find_absent(const MdRoom *room, uint32_t id)
{
    for (guint i = 0; i < room->absent->len; i++) {
        MdAbsent *absent = g_ptr_array_index(room->absent, i);
        if (absent->id == id)
            return absent;
    }
    return NULL;
}

char *md_member_identity(const MdMember *member)
{
    const MdCallInfo *info = member->call != NULL ? md_call_info(member->call) : NULL;
    if (member->account != NULL)
        return g_strdup_printf("account %s", member->account);
    return g_strdup_printf("%s from %s", member->uri != NULL ? member->uri : "",
                           info != NULL && info->peer_host != NULL ? info->peer_host : "");
}

/* Those whose place is no longer kept. */
static void forget_absent(MdRoom *room)
{
    for (guint i = room->absent->len; i-- > 0;) {
        const MdAbsent *absent = g_ptr_array_index(room->absent, i);
        if (!md_floor_is_away(room->floor, absent->id))
            g_ptr_array_remove_index(room->absent, i);
    }
}

static MdAbsent *absent_like(const MdMember *member)
{
    g_autofree char *identity = md_member_identity(member);
    for (guint i = 0; i < member->room->absent->len; i++) {
        MdAbsent *absent = g_ptr_array_index(member->room->absent, i);
        if (strcmp(absent->identity, identity) == 0 && md_room_member_by_id(member->room, absent->id) == NULL)
            return absent;
    }
    return NULL;
}

static const char *name_of(const MdRoom *room, uint32_t id)
{
    const MdMember *member = md_room_member_by_id(room, id);
    const MdAbsent *absent = member == NULL ? find_absent(room, id) : NULL;
    return member != NULL ? member->name : absent != NULL ? absent->name : "";
}

/* --- what the machine tells ------------------------------------------------------------------------------------------- */

static void speak(MdRoom *room, const MdFloorEvent *event)
{
    static const int16_t prompts[MD_FLOOR_EVENT_MAX] = {
        [MD_FLOOR_RAISED] = MD_PROMPT_HAND_RAISED, [MD_FLOOR_LOWERED] = MD_PROMPT_HAND_LOWERED, [MD_FLOOR_REORDERED] = -1,
        [MD_FLOOR_GIVEN] = MD_PROMPT_FLOOR_GIVEN,  [MD_FLOOR_NEXT] = MD_PROMPT_FLOOR_NEXT,      [MD_FLOOR_WARNED] = MD_PROMPT_BEEP,
        [MD_FLOOR_EXTENDED] = -1,                  [MD_FLOOR_AWAY] = -1,                        [MD_FLOOR_BACK] = -1,
        [MD_FLOOR_ENDED] = MD_PROMPT_FLOOR_ENDED,
    };
    MdMember *member = md_room_member_by_id(room, event->party);
    if (member == NULL || member->state != MD_MEMBER_IN || prompts[event->kind] < 0)
        return;
    md_room_play(room, member, (const uint8_t[]){(uint8_t)prompts[event->kind]}, 1, event->kind != MD_FLOOR_ENDED);
}

static void on_floor(const MdFloorEvent *event, void *user)
{
    MdRoom *room = user;
    char id[16];
    g_autofree char *type = g_strdup_printf("floor.%s", md_floor_event_to_string(event->kind));
    g_snprintf(id, sizeof id, "m%u", event->party);
    if (!room->ending)
        speak(room, event);
    if (event->party == 0)
        md_room_emit(room, type, NULL, "floor", "o", md_room_floor(room), NULL);
    else
        md_room_emit(room, type, NULL, "member", "s", id, "name", "s", name_of(room, event->party), "reason", "s",
                     md_floor_reason_to_string(event->reason), "ms", "n", event->us / 1000, "floor", "o", md_room_floor(room), NULL);
}

static void add_id(JsonArray *array, const MdMember *member)
{
    json_array_add_string_element(array, member->text_id);
}

void md_room_floor_sync(MdRoom *room)
{
    if (room->floor == NULL)
        return;
    md_room_channels_aside(room);
    JsonArray *muted = json_array_new(), *unmuted = json_array_new();
    for (guint i = 0; i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        if (member->state != MD_MEMBER_IN)
            continue;
        bool now = md_floor_is_muted(room->floor, member->id);
        if (now == member->muted)
            continue;
        member->muted = now;
        add_id(now ? muted : unmuted, member);
    }
    if (json_array_get_length(muted) + json_array_get_length(unmuted) > 0) {
        md_room_emit(room, "room.mutes", NULL, "muted", "a", muted, "unmuted", "a", unmuted, NULL);
    } else {
        json_array_unref(muted);
        json_array_unref(unmuted);
    }
    room->floor_left_s = -1;
    forget_absent(room);
    md_room_replan(room);
}

/* --- members come and go ---------------------------------------------------------------------------------------------- */

void md_room_floor_init(MdRoom *room)
{
    room->absent = g_ptr_array_new_with_free_func(free_absent);
    room->floor_left_s = -1;
    if (room->kind == MD_ROOM_MEETING)
        room->floor = md_floor_new(&DEFAULT_RULES, on_floor, room);
}

void md_room_floor_clear(MdRoom *room)
{
    md_floor_free(room->floor);
    g_ptr_array_unref(room->absent);
}

void md_room_floor_reset(MdRoom *room)
{
    int64_t now_us = md_conference_now_us(room->conference);
    if (room->floor == NULL)
        return;
    md_floor_lower_all(room->floor, now_us);
    md_floor_end(room->floor, MD_FLOOR_BY_CHAIR, now_us);
    md_floor_set_rules(room->floor, &DEFAULT_RULES);
    forget_absent(room);
}

void md_room_floor_enter(MdMember *member)
{
    MdRoom *room = member->room;
    int64_t now_us = md_conference_now_us(room->conference);
    if (room->floor == NULL)
        return;
    const MdAbsent *absent = absent_like(member);
    if (absent != NULL && md_floor_back(room->floor, absent->id, member->id, now_us) == 0) {
        if (absent->proven && absent->role > member->role)
            member->role = absent->role;
        md_floor_set_role(room->floor, member->id, member->role, now_us);
    } else {
        md_floor_join(room->floor, member->id, member->role, member->muted, now_us);
    }
    member->muted = md_floor_is_muted(room->floor, member->id);
    forget_absent(room);
}

void md_room_floor_left(MdMember *member, bool keep)
{
    MdRoom *room = member->room;
    if (room->floor == NULL)
        return;
    MdAbsent *absent = g_new0(MdAbsent, 1);
    *absent = (MdAbsent){.id = member->id,
                         .identity = md_member_identity(member),
                         .name = g_strdup(member->name),
                         .role = member->role,
                         .proven = member->account != NULL};
    g_ptr_array_add(room->absent, absent);
    md_floor_leave(room->floor, member->id, keep && !room->ending, md_conference_now_us(room->conference));
    forget_absent(room);
}

void md_room_floor_away(MdMember *member, bool away)
{
    MdRoom *room = member->room;
    int64_t now_us = md_conference_now_us(room->conference);
    if (room->floor == NULL || member->state != MD_MEMBER_IN)
        return;
    bool placed = md_floor_holder(room->floor) == member->id || md_floor_place(room->floor, member->id) >= 0;
    if (away && placed) {
        member->chair_muted = md_floor_asked_muted(room->floor, member->id);
        md_floor_leave(room->floor, member->id, true, now_us);
    } else if (!away && md_floor_back(room->floor, member->id, member->id, now_us) == -ENOENT) { /* given up meanwhile */
        md_floor_join(room->floor, member->id, member->role, member->chair_muted, now_us);
    }
    md_room_floor_sync(room);
}

void md_room_floor_role(MdMember *member)
{
    MdRoom *room = member->room;
    if (room->floor == NULL)
        return;
    md_floor_set_role(room->floor, member->id, member->role, md_conference_now_us(room->conference));
    md_room_floor_sync(room);
}

void md_room_floor_mute(MdMember *member, bool mute)
{
    MdRoom *room = member->room;
    member->muted = member->chair_muted = mute;
    if (room->floor != NULL && md_floor_set_muted(room->floor, member->id, mute) == 0)
        member->muted = md_floor_is_muted(room->floor, member->id);
}

void md_room_floor_mute_absent(MdRoom *room, bool mute, bool except_chair)
{
    for (guint i = 0; i < room->absent->len; i++) {
        const MdAbsent *absent = g_ptr_array_index(room->absent, i);
        if (!(mute && except_chair && md_role_may(absent->role, MD_ACTION_PRESIDE)))
            md_floor_set_muted(room->floor, absent->id, mute);
    }
}

void md_room_floor_tick(MdRoom *room, int64_t now_us)
{
    if (room->floor == NULL || room->ending)
        return;
    uint32_t before = md_floor_holder(room->floor);
    md_floor_tick(room->floor, now_us);
    if (md_floor_holder(room->floor) != before)
        md_room_floor_sync(room);
    forget_absent(room);
    int left_s = -1;
    if (md_room_floor_holder(room) != NULL && md_floor_budget_us(room->floor) > 0)
        left_s = (int)((md_floor_left_us(room->floor, now_us) + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC);
    if (left_s != room->floor_left_s) {
        room->floor_left_s = left_s;
        md_room_video_signs(room);
    }
}

/* --- what can be done ------------------------------------------------------------------------------------------------- */

static bool fail(GError **error, int code, const char *who)
{
    static const struct {
        int code;
        MdConferenceError error;
        const char *text;
    } known[] = {
        {-ENOENT, MD_CONFERENCE_ERROR_NOT_FOUND, "is not inside the meeting"},
        {-EPERM, MD_CONFERENCE_ERROR_DENIED, "has a role that is not heard: give it another one first"},
        {-EALREADY, MD_CONFERENCE_ERROR_STATE, "is so already"},
        {-EBUSY, MD_CONFERENCE_ERROR_STATE, "has the floor"},
        {-EAGAIN, MD_CONFERENCE_ERROR_STATE, "is away for the moment: its place is kept"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++)
        if (known[i].code == code) {
            g_set_error(error, MD_CONFERENCE_ERROR, known[i].error, "%s %s", who, known[i].text);
            return false;
        }
    g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "%s", g_strerror(-code));
    return false;
}

static bool has_floor(const MdRoom *room, GError **error)
{
    if (room->floor != NULL && !room->ending)
        return true;
    g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE,
                room->ending ? "the room is ending" : "%s is no meeting: it has no floor", room->name);
    return false;
}

/* A member by id, or one that is away and whose place is kept. 0: error set. */
static uint32_t party_of(MdRoom *room, const char *id, GError **error)
{
    for (guint i = 0; i < room->absent->len; i++) {
        const MdAbsent *absent = g_ptr_array_index(room->absent, i);
        char text[16];
        g_snprintf(text, sizeof text, "m%u", absent->id);
        if (strcmp(text, id) == 0)
            return absent->id;
    }
    const MdMember *member = md_room_member(room, id, error);
    return member != NULL ? member->id : 0;
}

static bool budget_us(int budget_s, int64_t *ret_us, GError **error)
{
    if (budget_s > BUDGET_MAX_S) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "a speaking time is at most %d seconds, 0 for no limit",
                    BUDGET_MAX_S);
        return false;
    }
    *ret_us = budget_s < 0 ? -1 : budget_s * (int64_t)G_USEC_PER_SEC;
    return true;
}

bool md_room_raise_hand(MdRoom *room, const char *id, bool raised, GError **error)
{
    int64_t now_us = md_conference_now_us(room->conference);
    uint32_t party = has_floor(room, error) ? party_of(room, id, error) : 0;
    if (party == 0)
        return false;
    int code = raised ? md_floor_raise(room->floor, party, now_us) : md_floor_lower(room->floor, party, MD_FLOOR_DONE, now_us);
    if (code == -EALREADY) /* pressed twice: as wished */
        return true;
    if (code == -EPERM) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED, "%s may not ask for the floor: its role is not heard", id);
        return false;
    }
    if (code != 0)
        return fail(error, code, id);
    md_room_floor_sync(room);
    return true;
}

bool md_room_floor_give(MdRoom *room, const char *id, int budget_s, GError **error)
{
    int64_t us;
    uint32_t party = has_floor(room, error) && budget_us(budget_s, &us, error) ? party_of(room, id, error) : 0;
    if (party == 0)
        return false;
    md_floor_attend(room->floor);
    int code = md_floor_give(room->floor, party, us, md_conference_now_us(room->conference));
    if (code != 0 && code != -EALREADY)
        return fail(error, code, id);
    md_room_floor_sync(room);
    return true;
}

bool md_room_floor_next(MdRoom *room, int budget_s, GError **error)
{
    int64_t us;
    if (!has_floor(room, error) || !budget_us(budget_s, &us, error))
        return false;
    md_floor_attend(room->floor);
    int code = md_floor_give_next(room->floor, us, md_conference_now_us(room->conference));
    if (code != 0) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "nobody who is here has raised a hand");
        return false;
    }
    md_room_floor_sync(room);
    return true;
}

static bool end_floor(MdRoom *room, MdFloorReason reason, GError **error)
{
    if (md_floor_end(room->floor, reason, md_conference_now_us(room->conference)) != 0) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "nobody has the floor");
        return false;
    }
    md_room_floor_sync(room);
    return true;
}

bool md_room_floor_end(MdRoom *room, GError **error)
{
    if (!has_floor(room, error))
        return false;
    md_floor_attend(room->floor);
    return end_floor(room, MD_FLOOR_BY_CHAIR, error);
}

bool md_room_floor_done(MdRoom *room, const char *id, GError **error)
{
    const MdMember *member = has_floor(room, error) ? md_room_member(room, id, error) : NULL;
    if (member == NULL)
        return false;
    if (md_floor_holder(room->floor) != member->id) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "%s has not got the floor", id);
        return false;
    }
    return end_floor(room, MD_FLOOR_DONE, error);
}

bool md_room_floor_extend(MdRoom *room, unsigned by_s, GError **error)
{
    if (!has_floor(room, error))
        return false;
    if (by_s == 0 || by_s > EXTEND_MAX_S) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "a speaking time is made longer by 1 to %d seconds",
                    EXTEND_MAX_S);
        return false;
    }
    md_floor_attend(room->floor);
    if (md_floor_extend(room->floor, by_s * (int64_t)G_USEC_PER_SEC, md_conference_now_us(room->conference)) != 0) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE,
                    md_floor_holder(room->floor) != 0 ? "the speaker has no time limit" : "nobody has the floor");
        return false;
    }
    md_room_video_signs(room);
    return true;
}

bool md_room_floor_move(MdRoom *room, const char *id, unsigned place, GError **error)
{
    uint32_t party = has_floor(room, error) ? party_of(room, id, error) : 0;
    if (party == 0)
        return false;
    int code = md_floor_move(room->floor, party, place, md_conference_now_us(room->conference));
    if (code == -EALREADY) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "%s has not raised its hand", id);
        return false;
    }
    if (code != 0)
        return fail(error, code, id);
    md_room_video_signs(room);
    return true;
}

bool md_room_floor_lower_all(MdRoom *room, GError **error)
{
    if (!has_floor(room, error))
        return false;
    md_floor_lower_all(room->floor, md_conference_now_us(room->conference));
    md_room_floor_sync(room);
    return true;
}

bool md_room_set_floor_rules(MdRoom *room, const MdFloorRules *rules, GError **error)
{
    if (!has_floor(room, error))
        return false;
    if (rules->budget_us < 0 || rules->budget_us > MD_FLOOR_BUDGET_MAX_US || rules->warn_us < 0 || rules->warn_us > MD_FLOOR_BUDGET_MAX_US ||
        rules->grace_us < 0 || rules->grace_us > MD_FLOOR_GRACE_MAX_US) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID,
                    "speaking time and warning are 0 to %d seconds, the grace time 0 to %d", BUDGET_MAX_S, GRACE_MAX_S);
        return false;
    }
    md_floor_set_rules(room->floor, rules);
    md_room_emit(room, "floor.rules", NULL, "floor", "o", md_room_floor(room), NULL);
    return true;
}

const MdFloorRules *md_room_floor_rules(const MdRoom *room)
{
    return room->floor != NULL ? md_floor_rules(room->floor) : &DEFAULT_RULES;
}

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
        json_object_set_string_member(one, "name", name_of(room, queue[i]));
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
    json_object_set_string_member(o, "name", name_of(room, holder));
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
    const MdAbsent *absent = member == NULL ? find_absent(writer->room, id) : NULL;
    g_autofree char *identity = member != NULL ? md_member_identity(member) : absent != NULL ? g_strdup(absent->identity) : NULL;
    return identity != NULL ? (int)md_keep_party(writer, id, identity, name_of(writer->room, id), NULL) : -1;
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
    forget_absent(room);
}
