/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The floor in a room: the machine's parties are members, its events are prompts, pictures and what the room tells. Control thread. */
#include "mediad/conference/absent.h"
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
        md_room_emit(room, type, NULL, "member", "s", id, "name", "s", md_room_party_name(room, event->party), "reason", "s",
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
    md_absent_forget(room);
    md_room_replan(room);
}

/* --- members come and go ---------------------------------------------------------------------------------------------- */

void md_room_floor_init(MdRoom *room)
{
    room->absent = g_ptr_array_new_with_free_func(md_absent_free);
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
    md_absent_forget(room);
}

void md_room_floor_enter(MdMember *member)
{
    MdRoom *room = member->room;
    int64_t now_us = md_conference_now_us(room->conference);
    if (room->floor == NULL)
        return;
    const MdAbsent *absent = md_absent_like(member);
    if (absent != NULL && md_floor_back(room->floor, absent->id, member->id, now_us) == 0) {
        if (absent->proven && absent->role > member->role)
            member->role = absent->role;
        md_floor_set_role(room->floor, member->id, member->role, now_us);
    } else {
        md_floor_join(room->floor, member->id, member->role, member->muted, now_us);
    }
    member->muted = md_floor_is_muted(room->floor, member->id);
    md_absent_forget(room);
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
    md_absent_forget(room);
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
    md_absent_forget(room);
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
