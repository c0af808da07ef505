/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose pictures a browser that wants them gets as they came, not encoded anew: who has the floor or speaks first, on lines that keep
 * their source while it counts; and what becomes of the composed picture beside them. In which size: forward-layers.c. Control thread;
 * room-forward.c is the worker's half. */
#include "mediad/conference/private.h"
#include <string.h>

G_STATIC_ASSERT(MD_CALL_STREAMS_MAX == MD_LEG_STREAMS_MAX);

/* --- who ----------------------------------------------------------------------------------------------------------------- */

static bool has_picture(const MdMember *member)
{
    return member->in_composer && member->leg_started && md_member_sees(member) && !md_member_is_hidden(member) && member->video_format.receiving;
}

static int by_spoken(gconstpointer a, gconstpointer b)
{
    const MdMember *x = *(MdMember *const *)a, *y = *(MdMember *const *)b;
    if (x->spoke_us != y->spoke_us)
        return x->spoke_us > y->spoke_us ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void add(GPtrArray *list, MdMember *member, const MdMember *viewer)
{
    if (member != NULL && member != viewer && has_picture(member) && !g_ptr_array_find(list, member, NULL))
        g_ptr_array_add(list, member);
}

/* In the order in which they matter, at most n. */
static GPtrArray *candidates(const MdRoom *room, const MdMember *viewer, unsigned n)
{
    GPtrArray *list = g_ptr_array_new();
    g_autoptr(GPtrArray) others = g_ptr_array_new();
    add(list, md_room_main(room), viewer);
    for (guint i = 0; room->wish.seats != NULL && i < room->wish.seats->len; i++) {
        const MdPin *pin = g_ptr_array_index(room->wish.seats, i);
        add(list, pin != NULL ? md_room_member_by_id(room, pin->member) : NULL, viewer);
    }
    for (guint i = 0; i < room->members->len; i++)
        g_ptr_array_add(others, g_ptr_array_index(room->members, i));
    g_ptr_array_sort(others, by_spoken);
    for (guint i = 0; i < others->len; i++)
        add(list, g_ptr_array_index(others, i), viewer);
    if (list->len > n)
        g_ptr_array_set_size(list, (int)n);
    return list;
}

/* As it comes: the viewer decodes it, and no packet must be cut anew. */
static bool can_take(const MdLegVideoFormat *line, const MdMember *from)
{
    const MdLegVideoFormat *source = &from->video_format;
    if (!line->sending || line->codec != source->codec)
        return false;
    return source->codec != MD_VIDEO_H264 || (source->h264_rank >= line->h264_rank && line->h264_packetization_mode == 1);
}

/* --- on which line -------------------------------------------------------------------------------------------------------- */

static bool is_among(const GPtrArray *list, uint32_t id)
{
    for (guint i = 0; i < list->len; i++)
        if (((const MdMember *)g_ptr_array_index(list, i))->id == id)
            return true;
    return false;
}

static void let_go(MdMemberLine *line)
{
    line->from = line->keep = 0;
    line->epoch = line->keep_epoch = 0;
    line->layer = line->keep_layer = 0;
}

/* What it shows goes on until the next one's key frame is there, as long as it may be shown at all. */
static void take_up(MdMember *viewer, MdMemberLine *line, const MdMember *from)
{
    unsigned layer = md_forward_layer(viewer, from, viewer->streams.spared);
    if (line->from == from->id && line->keep == from->id && line->keep_layer == layer && line->shown == line->keep_epoch) {
        line->epoch = line->keep_epoch; /* it has not changed over yet */
        line->layer = line->keep_layer;
        line->keep = line->keep_epoch = 0;
        return;
    }
    if (line->from != 0 && line->shown == line->epoch) {
        line->keep = line->from;
        line->keep_epoch = line->epoch;
        line->keep_layer = line->layer;
    }
    line->from = from->id;
    line->layer = (uint8_t)layer;
    line->epoch = ++viewer->room->forward_epoch;
}

static void drop_old(const MdRoom *room, const MdMember *viewer, MdMemberLine *line)
{
    const MdMember *keep = line->keep != 0 ? md_room_member_by_id(room, line->keep) : NULL;
    if (keep == NULL || keep == viewer || !has_picture(keep) || !can_take(&line->format, keep) || line->shown != line->keep_epoch)
        line->keep = line->keep_epoch = 0;
}

/* Lines keep whom they have; whoever is new takes a line that nobody needs. Returns how many of the wanted have one. */
static unsigned assign(MdMember *viewer, const GPtrArray *wanted)
{
    MdMemberStreams *streams = &viewer->streams;
    unsigned n = 0;
    bool free_line[MD_LEG_STREAMS_MAX] = {false};
    for (unsigned k = 0; k < MD_LEG_STREAMS_MAX; k++) {
        MdMemberLine *line = &streams->lines[k];
        const MdMember *from = line->from != 0 ? md_room_member_by_id(viewer->room, line->from) : NULL;
        bool stays = k < streams->wanted && from != NULL && is_among(wanted, line->from) && can_take(&line->format, from);
        free_line[k] = k < streams->wanted && !stays;
        n += stays;
        if (k >= streams->wanted)
            let_go(line);
    }
    for (guint i = 0; i < wanted->len; i++) {
        const MdMember *member = g_ptr_array_index(wanted, i);
        bool placed = false;
        for (unsigned k = 0; k < streams->wanted && !placed; k++)
            placed = !free_line[k] && streams->lines[k].from == member->id;
        for (unsigned k = 0; k < streams->wanted && !placed; k++)
            if (free_line[k] && can_take(&streams->lines[k].format, member)) {
                take_up(viewer, &streams->lines[k], member);
                free_line[k] = false;
                placed = true;
                n++;
            }
    }
    for (unsigned k = 0; k < streams->wanted; k++)
        if (free_line[k])
            let_go(&streams->lines[k]);
        else
            drop_old(viewer->room, viewer, &streams->lines[k]);
    return n;
}

/* The composed picture rests only while everybody who counts is there by himself, and has been seen. */
static MdCallComposed composed_beside(const MdMember *viewer, const GPtrArray *wanted, unsigned n)
{
    const MdMember *first = wanted->len > 0 ? g_ptr_array_index(wanted, 0) : NULL;
    bool main_there = false, all_there = true;
    for (unsigned k = 0; k < viewer->streams.wanted; k++) {
        const MdMemberLine *line = &viewer->streams.lines[k];
        bool seen = line->shown != 0 && (line->shown == line->epoch || line->shown == line->keep_epoch);
        all_there = all_there && (line->from == 0 || seen);
        main_there = main_there || (first != NULL && line->from == first->id && seen);
    }
    if (!main_there)
        return MD_CALL_COMPOSED_FULL;
    return n == wanted->len && all_there ? MD_CALL_COMPOSED_OFF : MD_CALL_COMPOSED_SMALL;
}

static bool wants_streams(const MdMember *member)
{
    const MdRoom *room = member->room;
    return room->kind == MD_ROOM_MEETING && member->streams.wanted > 0 && member->leg_started && md_member_sees(member) && !room->waiting &&
           !md_content_is_composed_for(member);
}

/* A line goes over to another size of the same picture as it does to another's; both are wanted of the source meanwhile. */
static void update_layers(MdMember *viewer)
{
    for (unsigned k = 0; k < viewer->streams.wanted; k++) {
        MdMemberLine *line = &viewer->streams.lines[k];
        MdMember *from = line->from != 0 ? md_room_member_by_id(viewer->room, line->from) : NULL;
        if (from != NULL && line->layer != md_forward_layer(viewer, from, viewer->streams.spared))
            take_up(viewer, line, from);
        MdMember *keep = line->keep != 0 ? md_room_member_by_id(viewer->room, line->keep) : NULL;
        if (from != NULL)
            from->forwarded.layers |= (uint8_t)(1u << line->layer);
        if (keep != NULL)
            keep->forwarded.layers |= (uint8_t)(1u << line->keep_layer);
    }
}

static void update_viewer(MdMember *viewer, unsigned *left)
{
    MdMemberStreams *streams = &viewer->streams;
    bool poor = streams->poor_until_us > md_conference_now_us(viewer->room->conference);
    g_autoptr(GPtrArray) wanted = wants_streams(viewer) && !poor ? candidates(viewer->room, viewer, streams->wanted) : g_ptr_array_new();
    bool full = wanted->len > *left;
    if (full)
        g_ptr_array_set_size(wanted, 0);
    streams->main = wanted->len > 0 ? ((const MdMember *)g_ptr_array_index(wanted, 0))->id : 0;
    unsigned n = assign(viewer, wanted);
    *left -= n;
    update_layers(viewer);
    streams->composed = composed_beside(viewer, wanted, n);
    streams->why = streams->wanted == 0 ? MD_CALL_STREAMS_FINE : poor ? MD_CALL_STREAMS_LINE : full ? MD_CALL_STREAMS_LIMIT : MD_CALL_STREAMS_FINE;
}

/* --- telling -------------------------------------------------------------------------------------------------------------- */

static const MdMember *shown_on(const MdMember *viewer, const MdMemberLine *line)
{
    uint32_t id = line->shown == 0                ? 0
                  : line->shown == line->epoch      ? line->from
                  : line->shown == line->keep_epoch ? line->keep
                                                    : 0;
    return id != 0 ? md_room_member_by_id(viewer->room, id) : NULL;
}

void md_forward_tell(MdMember *member, bool again)
{
    MdMemberStreams *streams = &member->streams;
    MdCallStreams now = {.composed = streams->composed, .why = streams->why, .n = streams->wanted};
    g_autoptr(GString) text = g_string_new(NULL);
    if (member->call == NULL || member->leg == NULL || (streams->wanted == 0 && streams->told == NULL))
        return;
    g_string_printf(text, "%d %d %u", now.composed, now.why, now.n);
    for (unsigned k = 0; k < now.n; k++) {
        const MdMember *shown = shown_on(member, &streams->lines[k]);
        now.lines[k].mid = md_leg_stream_mid(member->leg, k);
        now.lines[k].member = shown != NULL ? shown->text_id : NULL;
        now.lines[k].main = shown != NULL && shown->id == streams->main;
        g_string_append_printf(text, " %s=%s%d", now.lines[k].mid, now.lines[k].member != NULL ? now.lines[k].member : "", now.lines[k].main);
    }
    if (!again && g_strcmp0(text->str, streams->told) == 0)
        return;
    g_free(streams->told);
    streams->told = streams->wanted > 0 ? g_strdup(text->str) : NULL;
    md_call_streams(member->call, &now);
}

/* --- from outside ----------------------------------------------------------------------------------------------------------- */

void md_forward_update(MdRoom *room)
{
    unsigned left = room->conference->options.forward_max;
    for (guint i = 0; i < room->members->len; i++)
        ((MdMember *)g_ptr_array_index(room->members, i))->forwarded.layers = 0;
    for (guint i = 0; i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        if (member->state == MD_MEMBER_LEAVING || (member->streams.wanted == 0 && member->streams.told == NULL))
            continue;
        update_viewer(member, &left);
        md_forward_tell(member, false);
    }
}

/* The picture of the room that goes to it beside the streams; false: none does. */
bool md_forward_main_format(const MdMember *member, MdLegVideoFormat *format)
{
    static const MdVideoClass small = {640, 360, 15, 512000};
    if (member->streams.wanted == 0 || member->streams.composed == MD_CALL_COMPOSED_FULL)
        return true;
    format->max.width = MIN(format->max.width, small.width);
    format->max.height = MIN(format->max.height, small.height);
    format->max.fps = format->max.fps != 0 ? MIN(format->max.fps, small.fps) : small.fps;
    format->max.bitrate_bps = format->max.bitrate_bps != 0 ? MIN(format->max.bitrate_bps, small.bitrate_bps) : small.bitrate_bps;
    return member->streams.composed != MD_CALL_COMPOSED_OFF;
}

static MdSeat *seat_of(const MdRoom *room, uint32_t id)
{
    const MdMember *member = id != 0 ? md_room_member_by_id(room, id) : NULL;
    return member != NULL && member->leg_started ? member->seat : NULL;
}

void md_forward_fill(const MdMember *member, MdPlanSeat *at)
{
    at->forward_layers = member->forwarded.layers;
    for (unsigned k = 0; k < member->streams.wanted; k++) {
        const MdMemberLine *line = &member->streams.lines[k];
        at->streams[k] = (MdPlanStream){seat_of(member->room, line->from), seat_of(member->room, line->keep), line->epoch, line->keep_epoch, line->layer,
                                         line->keep_layer};
        if (at->streams[k].from != NULL || at->streams[k].keep != NULL)
            at->n_streams = k + 1;
    }
}

void md_forward_reset(MdMember *member)
{
    g_free(member->streams.told);
    member->streams = (MdMemberStreams){0};
    member->forwarded = (MdForwarded){0};
}

void md_forward_format(MdMember *member, unsigned stream, const MdLegVideoFormat *format)
{
    MdLegVideoFormat *known = &member->streams.lines[stream].format;
    bool rate_only = known->sending == format->sending && known->codec == format->codec && known->h264_rank == format->h264_rank &&
                     known->h264_packetization_mode == format->h264_packetization_mode;
    *known = *format;
    if (!rate_only) /* rates are looked at once a second */
        md_room_replan(member->room);
}

void md_forward_shown(MdMember *member, unsigned stream, uint32_t epoch)
{
    member->streams.lines[stream].shown = epoch;
    md_room_replan(member->room);
}

bool md_room_set_member_streams(MdRoom *room, const char *id, unsigned n, unsigned height, GError **error)
{
    MdMember *member = md_room_member(room, id, error);
    if (member == NULL)
        return false;
    if (n > MD_LEG_STREAMS_MAX) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "at most %d streams go to one viewer, not %u", MD_LEG_STREAMS_MAX, n);
        return false;
    }
    if (n > 0 && (room->kind != MD_ROOM_MEETING || room->video == NULL || room->conference->options.forward_max == 0)) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE,
                    "streams are not forwarded here (conference.forward_max): everybody is sent the composed picture");
        return false;
    }
    member->streams.wanted = n;
    member->streams.height = MIN(height, UINT16_MAX);
    member->streams.poor_until_us = 0;
    member->streams.spared = member->streams.roomy = member->streams.climb = 0;
    g_free(member->streams.told);
    member->streams.told = g_strdup(""); /* it is told in any case */
    md_room_replan(room);
    return true;
}
