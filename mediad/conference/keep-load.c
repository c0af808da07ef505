/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A room as it was before the restart, and how those who were in it find themselves again. Control thread. */
#include "mediad/conference/private.h"
#include <string.h>

enum { VERSION = 1, OF_CHARS = 16, PARTIES_MAX = 2 * MD_ROOM_MEMBERS_MAX };
static const int64_t RING_US = 3 * G_USEC_PER_SEC; /* who calls by itself is not rung */

const char *md_keep_text(JsonObject *o, const char *name)
{
    JsonNode *node = json_object_get_member(o, name);
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

int64_t md_keep_number(JsonObject *o, const char *name, int64_t otherwise)
{
    JsonNode *node = json_object_get_member(o, name);
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64 ? json_node_get_int(node) : otherwise;
}

bool md_keep_flag(JsonObject *o, const char *name)
{
    JsonNode *node = json_object_get_member(o, name);
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN && json_node_get_boolean(node);
}

JsonArray *md_keep_list(JsonObject *o, const char *name)
{
    JsonNode *node = json_object_get_member(o, name);
    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

JsonObject *md_keep_object(JsonArray *array, guint i)
{
    JsonNode *node = json_array_get_element(array, i);
    return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

const MdKept *md_keep_at(const GPtrArray *parties, JsonNode *place)
{
    bool number = place != NULL && JSON_NODE_HOLDS_VALUE(place) && json_node_get_value_type(place) == G_TYPE_INT64;
    int64_t at = number ? json_node_get_int(place) : -1;
    return at >= 0 && at < (int64_t)parties->len ? g_ptr_array_index(parties, (guint)at) : NULL;
}

static void free_kept(gpointer data)
{
    MdKept *kept = data;
    g_free(kept->identity);
    g_free(kept->name);
    g_free(kept->target);
    g_free(kept->uri);
    g_free(kept->seat);
    g_free(kept);
}

void md_keep_reset(MdRoom *room)
{
    MdKeep *keep = &room->keep;
    g_clear_pointer(&keep->dials, json_array_unref);
    keep->rung = false;
    g_ptr_array_set_size(keep->kept, 0);
}

void md_keep_clear(MdRoom *room)
{
    md_keep_reset(room);
    g_ptr_array_unref(room->keep.kept);
    g_free(room->keep.told);
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

static MdRole role_of(JsonObject *o, const char *name)
{
    const char *text = md_keep_text(o, name);
    MdRole role = text != NULL ? md_role_from_string(text) : MD_ROLE_INVALID;
    return (unsigned)role < MD_ROLE_MAX ? role : MD_ROLE_GUEST;
}

static MdKept *read_party(MdRoom *room, JsonObject *o)
{
    JsonNode *gain = json_object_get_member(o, "gain_db");
    MdKept *kept = g_new0(MdKept, 1);
    kept->id = ++room->conference->next_member;
    kept->identity = g_strdup(md_keep_text(o, "identity") != NULL ? md_keep_text(o, "identity") : "");
    kept->name = g_strdup(md_keep_text(o, "name") != NULL ? md_keep_text(o, "name") : "");
    kept->target = g_strdup(md_keep_text(o, "target"));
    kept->uri = g_strdup(md_keep_text(o, "uri"));
    kept->seat = g_strdup(md_keep_text(o, "seat"));
    kept->inside = md_keep_flag(o, "inside");
    kept->proven = md_keep_flag(o, "proven");
    kept->role = role_of(o, "role");
    kept->came = role_of(o, "came");
    kept->muted = md_keep_flag(o, "muted");
    kept->self_muted = md_keep_flag(o, "self_muted");
    kept->deaf = md_keep_flag(o, "deaf");
    kept->hidden = md_keep_flag(o, "hidden");
    kept->self_hidden = md_keep_flag(o, "self_hidden");
    kept->gain_db = gain != NULL && JSON_NODE_HOLDS_VALUE(gain) ? CLAMP(json_node_get_double(gain), -40, 20) : 0;
    return kept;
}

static void read_parties(MdRoom *room, JsonObject *o)
{
    JsonArray *array = md_keep_list(o, "parties");
    guint n = array != NULL ? MIN(json_array_get_length(array), PARTIES_MAX) : 0;
    g_ptr_array_set_free_func(room->keep.kept, free_kept);
    for (guint i = 0; i < n; i++) {
        g_autoptr(JsonObject) empty = json_object_new();
        JsonObject *party = md_keep_object(array, i);
        g_ptr_array_add(room->keep.kept, read_party(room, party != NULL ? party : empty)); /* places in the list count */
    }
    room->keep.kept_until_us = md_conference_now_us(room->conference) + MD_KEEP_BACK_US;
}

static void read_picture(MdRoom *room, JsonObject *o)
{
    JsonNode *picture = json_object_get_member(o, "picture");
    const MdKept *shown = md_keep_at(room->keep.kept, json_object_get_member(o, "spotlight"));
    const char *banner = md_keep_text(o, "banner");
    int64_t until_us = md_keep_number(o, "banner_until_us", 0), left_us = until_us - md_clock_wall_us(room->conference->clock);
    if (picture != NULL && JSON_NODE_HOLDS_OBJECT(picture))
        md_wish_load(room, &room->wish, json_node_get_object(picture));
    md_room_set_tour(room, (unsigned)CLAMP(md_keep_number(o, "tour_s", 0), 0, MD_ROOM_TOUR_MAX_S), NULL);
    room->spotlight = shown != NULL ? shown->id : 0;
    bool over = until_us != 0 && left_us < G_USEC_PER_SEC;
    if ((banner != NULL && !over) || md_keep_flag(o, "clock"))
        md_room_set_banner(room, over ? NULL : banner, md_keep_flag(o, "clock"), until_us != 0 && !over ? (unsigned)(left_us / G_USEC_PER_SEC) : 0, NULL);
}

static bool has_title(const MdRoom *room, JsonObject *o)
{
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, room->title, -1);
    sum[OF_CHARS] = 0;
    return g_strcmp0(md_keep_text(o, "of"), sum) == 0;
}

static void forget_places(MdRoom *room)
{
    for (guint i = room->keep.kept->len; i-- > 0;)
        if (!((const MdKept *)g_ptr_array_index(room->keep.kept, i))->inside)
            g_ptr_array_remove_index(room->keep.kept, i);
}

void md_keep_load(MdRoom *room, const char *text)
{
    g_autoptr(JsonNode) node = json_from_string(text, NULL);
    JsonObject *o = node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    bool known = o != NULL && md_keep_number(o, "version", 0) == VERSION;
    if (known && !has_title(room, o)) /* another meeting's, that may be on its way */
        return;
    md_keep_claim(room, text);
    if (!known)
        return;
    read_parties(room, o);
    room->locked = md_keep_flag(o, "locked");
    room->muted_all = md_keep_flag(o, "muted_all");
    room->keep.rung = md_keep_flag(o, "rung");
    read_picture(room, o);
    if (md_keep_list(o, "views") != NULL)
        md_views_load(room, md_keep_list(o, "views"));
    if (md_keep_list(o, "channels") != NULL)
        md_channels_load(room, md_keep_list(o, "channels"));
    JsonNode *floor = json_object_get_member(o, "floor");
    if (floor != NULL && JSON_NODE_HOLDS_OBJECT(floor))
        md_room_floor_load(room, json_node_get_object(floor));
    JsonArray *dials = md_keep_list(o, "dials");
    if (dials != NULL && json_array_get_length(dials) > 0) {
        room->keep.rung = true;
        room->keep.dials = json_array_ref(dials);
        room->keep.dial_us = md_conference_now_us(room->conference) + RING_US;
    }
    forget_places(room);
    md_notice(&room->logger, "goes on after a restart: %u were inside", room->keep.kept->len);
    md_room_replan(room);
}

/* --- those who come back ---------------------------------------------------------------------------------------------- */

/* Its browser's token. One that was an account must be that account again: a token alone does not outlive a sign-out. */
static bool has_its_seat(const MdKept *kept, const MdCallInfo *info)
{
    if (info == NULL || info->seat == NULL || g_strcmp0(kept->seat, info->seat) != 0)
        return false;
    g_autofree char *identity = info->account != NULL ? g_strdup_printf("account %s", info->account) : NULL;
    return !kept->proven || g_strcmp0(kept->identity, identity) == 0;
}

static unsigned likeness(const MdKept *kept, const MdCallInfo *info, const char *identity, const char *target, const char *uri)
{
    if (has_its_seat(kept, info))
        return 4;
    if (strcmp(kept->identity, identity) != 0 && (target == NULL || g_strcmp0(kept->target, target) != 0))
        return 0;
    return g_strcmp0(kept->uri, uri) == 0 ? 2 : 1;
}

bool md_keep_expects(const MdRoom *room, const MdCallInfo *info)
{
    g_autofree char *identity = info->account != NULL ? g_strdup_printf("account %s", info->account) : NULL;
    for (guint i = 0; i < room->keep.kept->len; i++) {
        const MdKept *kept = g_ptr_array_index(room->keep.kept, i);
        if (has_its_seat(kept, info) || (identity != NULL && strcmp(kept->identity, identity) == 0))
            return true;
    }
    return false;
}

static MdKept *take_best(const MdMember *member, bool *ret_proven)
{
    const MdCallInfo *info = member->call != NULL ? md_call_info(member->call) : NULL;
    GPtrArray *all = member->room->keep.kept;
    g_autofree char *identity = md_member_identity(member);
    const char *target = member->dial != NULL ? member->dial->target : NULL;
    unsigned best = 0;
    guint at = 0;
    for (guint i = 0; i < all->len; i++) {
        unsigned like = likeness(g_ptr_array_index(all, i), info, identity, target, member->uri);
        if (like > best) {
            best = like;
            at = i;
        }
    }
    if (best == 0)
        return NULL;
    MdKept *kept = g_ptr_array_steal_index(all, at);
    bool where_it_was = member->rung && target != NULL && g_strcmp0(kept->target, target) == 0; /* we rang it there: it says nothing */
    *ret_proven = best == 4 || member->account != NULL || where_it_was;
    return kept;
}

/* What a chair gave or took holds; what somebody merely says it is gives it nothing. */
static void put_on(MdMember *member, const MdKept *kept, bool proven)
{
    if (kept->role != kept->came && (proven || kept->role < member->role))
        member->role = kept->role;
    member->muted = proven ? kept->muted : kept->muted || member->muted;
    member->self_muted = kept->self_muted;
    member->self_hidden = kept->self_hidden;
    member->deaf = kept->deaf;
    member->video_muted = kept->hidden;
    member->gain_db = kept->gain_db;
}

bool md_keep_enter(MdMember *member)
{
    MdRoom *room = member->room;
    bool proven = false;
    MdKept *kept = room->keep.kept->len > 0 ? take_best(member, &proven) : NULL;
    if (kept == NULL)
        return false;
    put_on(member, kept, proven);
    if (room->spotlight == kept->id)
        room->spotlight = member->id;
    free_kept(kept);
    return true;
}

void md_keep_mute_all(MdRoom *room, bool mute, bool except_chair)
{
    for (guint i = 0; i < room->keep.kept->len; i++) {
        MdKept *kept = g_ptr_array_index(room->keep.kept, i);
        if (!(mute && except_chair && md_role_may(kept->role, MD_ACTION_PRESIDE)))
            kept->muted = mute;
    }
}

void md_keep_tell(const MdMember *member)
{
    MdRoom *room = member->room;
    if (member->muted)
        md_room_emit(room, "member.muted", member, "muted", "b", TRUE, NULL);
    if (member->self_muted)
        md_room_emit(room, "member.self-muted", member, "muted", "b", TRUE, NULL);
    if (member->video_muted)
        md_room_emit(room, "member.video-muted", member, "muted", "b", TRUE, NULL);
    if (member->self_hidden)
        md_room_emit(room, "member.self-video-muted", member, "muted", "b", TRUE, NULL);
    if (member->deaf)
        md_room_emit(room, "member.deaf", member, "deaf", "b", TRUE, NULL);
    if (member->gain_db < 0 || member->gain_db > 0)
        md_room_emit(room, "member.gain", member, "gain_db", "d", member->gain_db, NULL);
    if (member->role != member->came)
        md_room_emit(room, "member.role", member, "role", "s", md_role_to_string(member->role), NULL);
    if (room->spotlight == member->id)
        md_room_emit(room, "layout.changed", member, "spotlight", "s", member->text_id, NULL);
}
