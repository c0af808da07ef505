/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures of members' own: who wishes for what, who gets it, and what is kept of it while somebody is away. Control thread. */
#include "mediad/conference/private.h"
#include <string.h>

enum { KEPT_MAX = 200 };
static const int64_t KEPT_US = INT64_C(2) * 3600 * G_USEC_PER_SEC;

/* The wishes of somebody who dropped out. */
typedef struct Kept {
    char *identity, *target;
    MdWish own, chair;
    int64_t since_us;
} Kept;

static void forget(MdRoom *room, guint i)
{
    Kept *kept = g_ptr_array_index(room->kept_views, i);
    md_wish_clear(room, &kept->own);
    md_wish_clear(room, &kept->chair);
    g_free(kept->identity);
    g_free(kept->target);
    g_free(kept);
    g_ptr_array_remove_index(room->kept_views, i);
}

const MdWish *md_member_wish(const MdMember *member)
{
    return member->chair_view.set ? &member->chair_view : member->own_view.set ? &member->own_view : NULL;
}

static const char *by_of(const MdMember *member)
{
    return member->chair_view.set ? "chair" : "self";
}

static const char *const reasons[] = {[MD_VIEW_SHOWN] = NULL, [MD_VIEW_LIMIT] = "limit", [MD_VIEW_LOAD] = "load"};

/* --- who gets it ------------------------------------------------------------------------------------------------------ */

static void tell(MdMember *member)
{
    const MdWish *wish = md_member_wish(member);
    md_room_emit(member->room, "view.changed", member, "layout", "s", wish != NULL ? md_layout_to_string(wish->layout) : NULL, "seats",
                 "a", wish != NULL ? md_wish_seats(wish) : json_array_new(), "by", "s", wish != NULL ? by_of(member) : NULL, "shown", "b",
                 wish == NULL || member->view_state == MD_VIEW_SHOWN, "why", "s", reasons[member->view_state], NULL);
}

static bool among(const GPtrArray *wishes, const MdWish *wish)
{
    for (guint i = 0; i < wishes->len; i++)
        if (md_wish_equal(g_ptr_array_index(wishes, i), wish))
            return true;
    return false;
}

/* Whether this one is there already, or there is room for one more. wishes: the distinct ones so far. */
static MdViewState grant(const MdRoom *room, GPtrArray *wishes, const MdWish *wish)
{
    if (md_wish_equal(wish, &room->wish))
        return MD_VIEW_SHOWN;
    if (room->ladder.step == MD_LADDER_COMMON)
        return MD_VIEW_LOAD;
    if (!among(wishes, wish)) {
        if (wishes->len >= room->conference->options.views_max)
            return MD_VIEW_LIMIT;
        g_ptr_array_add(wishes, (gpointer)(uintptr_t)wish);
    }
    return MD_VIEW_SHOWN;
}

void md_room_grant_views(MdRoom *room)
{
    g_autoptr(GPtrArray) wishes = g_ptr_array_new();
    for (guint i = 0; i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        const MdWish *wish = md_member_sees(member) ? md_member_wish(member) : NULL;
        MdViewState now = wish != NULL ? grant(room, wishes, wish) : MD_VIEW_SHOWN;
        if (now == member->view_state)
            continue;
        member->view_state = now;
        if (wish != NULL)
            tell(member);
    }
}

/* --- wishes ----------------------------------------------------------------------------------------------------------- */

/* True: with this wish for the member the room does not need more views of members' own than it may have. */
static bool fits(const MdMember *member, const MdWish *wish, GError **error)
{
    const MdRoom *room = member->room;
    g_autoptr(GPtrArray) wishes = g_ptr_array_new();
    for (guint i = 0; i < room->members->len; i++) {
        const MdMember *other = g_ptr_array_index(room->members, i);
        const MdWish *its = other != member && md_member_sees(other) ? md_member_wish(other) : NULL;
        if (its != NULL && other->view_state == MD_VIEW_SHOWN && !md_wish_equal(its, &room->wish) && !among(wishes, its))
            g_ptr_array_add(wishes, (gpointer)(uintptr_t)its);
    }
    unsigned most = room->conference->options.views_max;
    if (md_wish_equal(wish, &room->wish) || among(wishes, wish) || wishes->len < most)
        return true;
    g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT,
                "the room makes %u pictures of members' own already (conference.views_max): choose one that another has, or the room's", most);
    return false;
}

static MdMember *viewer(MdRoom *room, const char *id, bool by_chair, GError **error)
{
    MdMember *member = md_room_member(room, id, error);
    const char *wrong = NULL;
    if (member == NULL)
        return NULL;
    if (room->kind != MD_ROOM_MEETING || !md_member_sees(member))
        wrong = "is still at the door";
    else if (!by_chair && member->chair_view.set)
        wrong = "is shown what the chair has chosen for it";
    if (wrong == NULL)
        return member;
    g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "%s %s", id, wrong);
    return NULL;
}

bool md_room_set_view(MdRoom *room, const char *id, bool by_chair, MdLayoutKind layout, const char *const *seats, GError **error)
{
    MdMember *member = viewer(room, id, by_chair, error);
    MdWish wish = {0};
    if (member == NULL || !md_wish_set(room, &wish, layout, seats, error))
        return false;
    if (!fits(member, &wish, error)) {
        md_wish_clear(room, &wish);
        return false;
    }
    MdWish *its = by_chair ? &member->chair_view : &member->own_view;
    md_wish_clear(room, its);
    *its = wish;
    member->view_state = room->ladder.step == MD_LADDER_COMMON && !md_wish_equal(&wish, &room->wish) ? MD_VIEW_LOAD : MD_VIEW_SHOWN;
    tell(member);
    md_room_replan(room);
    return true;
}

bool md_room_clear_view(MdRoom *room, const char *id, bool by_chair, GError **error)
{
    MdMember *member = viewer(room, id, by_chair, error);
    if (member == NULL)
        return false;
    if (md_member_wish(member) == NULL)
        return true;
    md_wish_clear(room, &member->own_view);
    if (by_chair)
        md_wish_clear(room, &member->chair_view);
    member->view_state = MD_VIEW_SHOWN;
    tell(member);
    md_room_replan(room);
    return true;
}

JsonObject *md_room_view(MdRoom *room, const char *id)
{
    const MdMember *member = md_room_member(room, id, NULL);
    const MdWish *wish = member != NULL ? md_member_wish(member) : NULL;
    if (wish == NULL)
        return NULL;
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "layout", md_layout_to_string(wish->layout));
    json_object_set_array_member(o, "seats", md_wish_seats(wish));
    json_object_set_string_member(o, "by", by_of(member));
    json_object_set_boolean_member(o, "shown", member->view_state == MD_VIEW_SHOWN);
    if (reasons[member->view_state] != NULL)
        json_object_set_string_member(o, "why", reasons[member->view_state]);
    return o;
}

/* --- coming and going ------------------------------------------------------------------------------------------------- */

void md_room_views_enter(MdMember *member)
{
    MdRoom *room = member->room;
    g_autofree char *identity = md_member_identity(member);
    int64_t now_us = md_conference_now_us(room->conference);
    md_pins_enter(member);
    for (guint i = room->kept_views->len; i-- > 0;) {
        Kept *kept = g_ptr_array_index(room->kept_views, i);
        bool its = strcmp(kept->identity, identity) == 0 ||
                   (kept->target != NULL && member->dial != NULL && strcmp(kept->target, member->dial->target) == 0);
        if (now_us - kept->since_us > KEPT_US) {
            forget(room, i);
        } else if (its && md_member_wish(member) == NULL) {
            member->own_view = kept->own;
            member->chair_view = kept->chair;
            kept->own = kept->chair = (MdWish){0};
            forget(room, i);
            tell(member);
        }
    }
}

void md_room_views_left(MdMember *member)
{
    MdRoom *room = member->room;
    bool keep = !member->sent_out && !room->ending && room->end_us == 0;
    if (member->sent_out)
        md_pins_drop(member);
    if (keep && md_member_wish(member) != NULL) {
        if (room->kept_views->len >= KEPT_MAX)
            forget(room, 0);
        Kept *kept = g_new0(Kept, 1);
        *kept = (Kept){.identity = md_member_identity(member),
                       .target = member->dial != NULL ? g_strdup(member->dial->target) : NULL,
                       .own = member->own_view,
                       .chair = member->chair_view,
                       .since_us = md_conference_now_us(room->conference)};
        member->own_view = member->chair_view = (MdWish){0};
        g_ptr_array_add(room->kept_views, kept);
    }
    md_wish_clear(room, &member->own_view);
    md_wish_clear(room, &member->chair_view);
    member->view_state = MD_VIEW_SHOWN;
}

void md_room_views_reset(MdRoom *room)
{
    while (room->kept_views->len > 0)
        forget(room, room->kept_views->len - 1);
    for (guint i = 0; i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        md_wish_clear(room, &member->own_view);
        md_wish_clear(room, &member->chair_view);
    }
    MdLayoutKind layout = room->wish.layout;
    md_wish_clear(room, &room->wish);
    room->wish = (MdWish){.set = true, .layout = layout};
    room->tour_us = 0;
}

void md_room_views_tick(MdRoom *room, int64_t now_us)
{
    MdComposerStats stats;
    bool own = false;
    for (guint i = 0; i < room->members->len && !own; i++)
        own = md_member_wish(g_ptr_array_index(room->members, i)) != NULL;
    if (!own || room->video == NULL) {
        room->ladder = (MdLadder){0};
        return;
    }
    md_composer_stats(md_room_video_composer(room->video), &stats);
    if (!md_ladder_look(&room->ladder, stats.ticks_late, stats.frames_composed, now_us))
        return;
    if (room->ladder.step == MD_LADDER_COMMON || room->ladder.step == MD_LADDER_SLOW)
        md_warning(&room->logger, "the machine is behind with pictures: those who chose a layout of their own get %s",
                   room->ladder.step == MD_LADDER_COMMON ? "the room's" : "fewer frames");
    else
        md_notice(&room->logger, "the machine keeps up with pictures again: layouts of members' own in full");
    md_room_replan(room);
}

/* --- over a restart ---------------------------------------------------------------------------------------------------- */

static void keep_one(MdKeepWriter *writer, JsonArray *array, const char *identity, const char *target, const MdWish *own, const MdWish *chair)
{
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "identity", identity);
    if (target != NULL)
        json_object_set_string_member(o, "target", target);
    if (own->set)
        json_object_set_object_member(o, "own", md_wish_keep(writer, own));
    if (chair->set)
        json_object_set_object_member(o, "chair", md_wish_keep(writer, chair));
    json_array_add_object_element(array, o);
}

JsonArray *md_views_keep(MdKeepWriter *writer)
{
    const MdRoom *room = writer->room;
    JsonArray *array = json_array_new();
    for (guint i = 0; i < room->members->len; i++) {
        const MdMember *member = g_ptr_array_index(room->members, i);
        if (member->state != MD_MEMBER_IN || md_member_wish(member) == NULL)
            continue;
        g_autofree char *identity = md_member_identity(member);
        keep_one(writer, array, identity, member->dial != NULL ? member->dial->target : NULL, &member->own_view, &member->chair_view);
    }
    for (guint i = 0; i < room->kept_views->len; i++) {
        const Kept *kept = g_ptr_array_index(room->kept_views, i);
        keep_one(writer, array, kept->identity, kept->target, &kept->own, &kept->chair);
    }
    return array;
}

static void load_one(MdRoom *room, JsonObject *o, const char *name, MdWish *wish)
{
    JsonNode *node = json_object_get_member(o, name);
    if (node != NULL && JSON_NODE_HOLDS_OBJECT(node))
        md_wish_load(room, wish, json_node_get_object(node));
}

void md_views_load(MdRoom *room, JsonArray *array)
{
    for (guint i = 0; i < json_array_get_length(array) && room->kept_views->len < KEPT_MAX; i++) {
        JsonObject *o = md_keep_object(array, i);
        const char *identity = o != NULL ? md_keep_text(o, "identity") : NULL;
        if (identity == NULL)
            continue;
        Kept *kept = g_new0(Kept, 1);
        *kept = (Kept){.identity = g_strdup(identity), .target = g_strdup(md_keep_text(o, "target")), .since_us = md_conference_now_us(room->conference)};
        load_one(room, o, "own", &kept->own);
        load_one(room, o, "chair", &kept->chair);
        g_ptr_array_add(room->kept_views, kept);
    }
}
