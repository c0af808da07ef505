/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a room stands, written down soon after each change. Control thread. */
#include "mediad/conference/private.h"
#include <string.h>

static const int64_t SOON_US = 500000; /* changes come in bursts: one writing for each */
enum { VERSION = 1, OF_CHARS = 16 };

void md_keep_init(MdRoom *room)
{
    room->keep.kept = g_ptr_array_new();
}

/* --- parties ---------------------------------------------------------------------------------------------------------- */

static void set_text(JsonObject *o, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_string_member(o, name, value);
}

static void set_flag(JsonObject *o, const char *name, bool value)
{
    if (value)
        json_object_set_boolean_member(o, name, TRUE);
}

unsigned md_keep_party(MdKeepWriter *writer, uint32_t id, const char *identity, const char *name, const char *target)
{
    for (guint i = 0; i < writer->ids->len; i++)
        if (g_array_index(writer->ids, uint32_t, i) == id)
            return i;
    JsonObject *o = json_object_new();
    set_text(o, "identity", identity);
    set_text(o, "name", name);
    set_text(o, "target", target);
    json_array_add_object_element(writer->parties, o);
    g_array_append_val(writer->ids, id);
    return writer->ids->len - 1;
}

static void add_inside(MdKeepWriter *writer, const MdKept *is)
{
    unsigned at = md_keep_party(writer, is->id, is->identity, is->name, is->target);
    JsonObject *o = json_array_get_object_element(writer->parties, at);
    json_object_set_boolean_member(o, "inside", TRUE);
    set_text(o, "uri", is->uri);
    set_text(o, "seat", is->seat);
    set_flag(o, "proven", is->proven);
    json_object_set_string_member(o, "role", md_role_to_string(is->role));
    json_object_set_string_member(o, "came", md_role_to_string(is->came));
    set_flag(o, "muted", is->muted);
    set_flag(o, "self_muted", is->self_muted);
    set_flag(o, "deaf", is->deaf);
    set_flag(o, "hidden", is->hidden);
    set_flag(o, "self_hidden", is->self_hidden);
    if (is->gain_db < 0 || is->gain_db > 0)
        json_object_set_double_member(o, "gain_db", is->gain_db);
}

static void add_member(MdKeepWriter *writer, const MdMember *member)
{
    const MdCallInfo *info = member->call != NULL ? md_call_info(member->call) : NULL;
    g_autofree char *identity = md_member_identity(member);
    MdKept is = {
        .id = member->id, .identity = identity, .name = member->name, .uri = member->uri,
        .target = member->dial != NULL ? member->dial->target : NULL,
        .seat = info != NULL ? info->seat : NULL,
        .proven = member->account != NULL,
        .role = member->role, .came = member->came,
        .muted = md_floor_asked_muted(writer->room->floor, member->id),
        .self_muted = member->self_muted, .deaf = member->deaf, .hidden = member->video_muted, .self_hidden = member->self_hidden,
        .gain_db = member->gain_db,
    };
    add_inside(writer, &is);
}

static void add_parties(MdKeepWriter *writer)
{
    const MdRoom *room = writer->room;
    for (guint i = 0; i < room->members->len; i++) {
        const MdMember *member = g_ptr_array_index(room->members, i);
        if (member->state == MD_MEMBER_IN)
            add_member(writer, member);
    }
    for (guint i = 0; i < room->keep.kept->len; i++) {
        const MdKept *kept = g_ptr_array_index(room->keep.kept, i);
        if (kept->inside)
            add_inside(writer, kept);
    }
}

/* --- the room --------------------------------------------------------------------------------------------------------- */

/* Another meeting in a room of the same name is another matter. */
static char *of_what(const MdRoom *room)
{
    char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, room->title, -1);
    sum[OF_CHARS] = 0;
    return sum;
}

/* A confidential meeting leaves nothing behind that somebody wrote. */
static void add_picture(MdKeepWriter *writer, JsonObject *o)
{
    MdRoom *room = writer->room;
    json_object_set_object_member(o, "picture", md_wish_keep(writer, &room->wish));
    json_object_set_int_member(o, "tour_s", room->tour_us / G_USEC_PER_SEC);
    for (guint i = 0; room->spotlight != 0 && i < writer->ids->len; i++)
        if (g_array_index(writer->ids, uint32_t, i) == room->spotlight)
            json_object_set_int_member(o, "spotlight", i);
    set_flag(o, "clock", room->clock);
    if (room->banner == NULL || room->confidential)
        return;
    json_object_set_string_member(o, "banner", room->banner);
    int64_t left_us = room->banner_until_us - md_conference_now_us(room->conference);
    if (room->banner_until_us != 0)
        json_object_set_int_member(o, "banner_until_us", md_clock_wall_us(room->conference->clock) + left_us);
}

static void add_dials(const MdRoom *room, JsonObject *o)
{
    JsonArray *dials = json_array_new();
    for (guint i = 0; i < room->dials->len; i++) {
        const MdDial *dial = g_ptr_array_index(room->dials, i);
        if (dial->forgotten)
            continue;
        JsonObject *one = json_object_new();
        json_object_set_string_member(one, "target", dial->target);
        json_object_set_string_member(one, "role", md_role_to_string(dial->role));
        set_flag(one, "redial", dial->redial);
        set_flag(one, "given_up", dial->state == MD_DIAL_GIVEN_UP);
        json_array_add_object_element(dials, one);
    }
    for (guint i = 0; room->keep.dials != NULL && i < json_array_get_length(room->keep.dials); i++)
        json_array_add_element(dials, json_node_copy(json_array_get_element(room->keep.dials, i)));
    json_object_set_array_member(o, "dials", dials);
}

/* Nothing that anybody could miss. */
static bool is_bare(const MdRoom *room, const MdKeepWriter *writer)
{
    return json_array_get_length(writer->parties) == 0 && !room->locked && !room->muted_all && room->banner == NULL && room->channels->len == 0 &&
           room->dials->len == 0 && room->keep.dials == NULL && !room->keep.rung && room->tour_us == 0;
}

/* New; NULL: nothing. */
static char *to_text(MdRoom *room)
{
    MdKeepWriter writer = {room, json_array_new(), g_array_new(FALSE, FALSE, sizeof(uint32_t))};
    g_autoptr(JsonObject) o = json_object_new();
    g_autofree char *of = of_what(room);
    add_parties(&writer);
    json_object_set_int_member(o, "version", VERSION);
    json_object_set_string_member(o, "of", of);
    set_flag(o, "locked", room->locked);
    set_flag(o, "muted_all", room->muted_all);
    set_flag(o, "rung", room->keep.rung);
    add_picture(&writer, o);
    json_object_set_array_member(o, "views", md_views_keep(&writer));
    json_object_set_array_member(o, "channels", md_channels_keep(&writer));
    json_object_set_object_member(o, "floor", md_room_floor_keep(&writer));
    add_dials(room, o);
    bool bare = is_bare(room, &writer);
    json_object_set_array_member(o, "parties", writer.parties);
    g_array_unref(writer.ids);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), o);
    return bare ? NULL : json_to_string(node, FALSE);
}

static void tell(MdRoom *room, char *text /* taken */)
{
    const MdConferenceOptions *options = &room->conference->options;
    bool same = g_strcmp0(text, room->keep.told) == 0;
    g_free(room->keep.told);
    room->keep.told = text;
    if (!same)
        options->on_scene(room->name, text, options->user);
}

void md_keep_touch(MdRoom *room, const char *event)
{
    const MdConference *conference = room->conference;
    if (conference->options.on_scene == NULL || room->kind != MD_ROOM_MEETING || room->keep.due_us != 0 || strcmp(event, "member.talking") == 0)
        return;
    room->keep.due_us = md_conference_now_us(conference) + SOON_US;
}

static void ring(MdRoom *room)
{
    g_autoptr(JsonArray) dials = g_steal_pointer(&room->keep.dials);
    for (guint i = 0; i < json_array_get_length(dials); i++) {
        JsonObject *o = md_keep_object(dials, i);
        const char *target = o != NULL ? md_keep_text(o, "target") : NULL, *role = o != NULL ? md_keep_text(o, "role") : NULL;
        MdRole its = role != NULL ? md_role_from_string(role) : MD_ROLE_INVALID, now;
        g_autoptr(GError) error = NULL;
        if (target == NULL || (unsigned)its >= MD_ROLE_MAX)
            continue;
        md_room_dialled(room, target, &now);
        if (now == MD_ROLE_INVALID && md_keep_flag(o, "given_up"))
            md_dial_list(room, target, its, md_keep_flag(o, "redial"));
        else if (now == MD_ROLE_INVALID && !md_room_dial(room, (const char *const[]){target, NULL}, its, md_keep_flag(o, "redial"), &error))
            md_warning(&room->logger, "%s is not rung again after the restart: %s", target, error->message);
    }
}

bool md_keep_undial(MdRoom *room, const char *target)
{
    JsonArray *dials = room->keep.dials;
    bool found = false;
    for (guint i = dials != NULL ? json_array_get_length(dials) : 0; i-- > 0;) {
        JsonObject *o = md_keep_object(dials, i);
        if (o == NULL || g_strcmp0(md_keep_text(o, "target"), target) != 0)
            continue;
        json_array_remove_element(dials, i);
        found = true;
    }
    md_keep_touch(room, "dial.forgotten");
    return found;
}

void md_keep_now(MdRoom *room)
{
    if (room->keep.due_us == 0)
        return;
    room->keep.due_us = 0;
    if (!room->conference->held && !room->ending)
        tell(room, to_text(room));
}

void md_keep_tick(MdRoom *room, int64_t now_us)
{
    MdKeep *keep = &room->keep;
    if (keep->dials != NULL && now_us >= keep->dial_us && !room->ending)
        ring(room);
    if (keep->kept->len > 0 && now_us >= keep->kept_until_us) {
        g_ptr_array_set_size(keep->kept, 0);
        md_keep_touch(room, "room.restored");
    }
    if (now_us >= keep->due_us)
        md_keep_now(room);
}

void md_keep_claim(MdRoom *room, const char *text)
{
    if (room->conference->options.on_scene == NULL)
        return;
    tell(room, g_strdup(text));
    md_keep_touch(room, "room.restored");
}

void md_keep_forget(MdRoom *room)
{
    if (room->keep.told != NULL && !room->conference->held && room->conference->options.on_scene != NULL)
        tell(room, NULL);
}
