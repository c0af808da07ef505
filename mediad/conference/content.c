/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who presents slides or a screen: one at a time, by role, and to whom it goes in which way. Control thread. */
#include "mediad/conference/private.h"

static const int64_t SECOND_US = G_USEC_PER_SEC;

/* --- who presents ------------------------------------------------------------------------------------------------------ */

static bool has_content_line(const MdMember *member)
{
    MdLegSummary summary;
    if (member->leg == NULL)
        return false;
    md_leg_summary(member->leg, &summary);
    return summary.content_codec != MD_VIDEO_CODEC_NONE;
}

void md_content_tell(MdMember *member)
{
    const MdRoom *room = member->room;
    if (member->call != NULL && member->state != MD_MEMBER_LEAVING)
        md_call_content(member->call,
                        room->presenter == NULL     ? MD_CALL_CONTENT_FREE
                        : room->presenter == member ? MD_CALL_CONTENT_YOURS
                                                    : MD_CALL_CONTENT_TAKEN,
                        NULL);
}

void md_content_agreed(MdMember *member)
{
    MdCallFloor floor;
    bool has = md_leg_floor(member->leg, &floor);
    if (member->call == NULL || (!has && !member->has_floor))
        return;
    member->has_floor = has;
    md_call_open_floor(member->call, has ? &floor : NULL);
    if (member->room->presenter != NULL)
        md_content_tell(member);
}

static void set_presenter(MdRoom *room, MdMember *member, const char *reason)
{
    MdMember *before = room->presenter;
    if (before == member)
        return;
    room->presenter = member;
    room->content_rate = (MdPeakRate){0};
    if (before != NULL)
        md_room_emit(room, "content.stopped", before, "reason", "s", reason, NULL);
    if (member != NULL)
        md_room_emit(room, "content.started", member, NULL);
    for (guint i = 0; i < room->members->len; i++)
        md_content_tell(g_ptr_array_index(room->members, i));
    md_room_replan(room);
}

/* A higher role takes over, an equal one waits until the presenter has ended. */
static bool may_present(const MdMember *member, GError **error)
{
    const MdRoom *room = member->room;
    const MdMember *holder = room->presenter;
    if (room->kind != MD_ROOM_MEETING || !md_member_sees(member) || room->waiting)
        return md_conference_fail(error, MD_CONFERENCE_ERROR_STATE, "member %s does not take part yet", member->text_id);
    if (!md_role_may(member->role, MD_ACTION_SHARE))
        return md_conference_fail(error, MD_CONFERENCE_ERROR_STATE, "%s may not present: member %s is no more", md_role_to_string(member->role),
                                  member->text_id);
    if (!has_content_line(member))
        return md_conference_fail(error, MD_CONFERENCE_ERROR_STATE, "member %s has no stream for content: its device offered none", member->text_id);
    if (holder != NULL && holder != member && member->role <= holder->role)
        return md_conference_fail(error, MD_CONFERENCE_ERROR_STATE, "%s (%s) presents: content must be stopped first", holder->name, holder->text_id);
    return true;
}

bool md_room_content_start(MdRoom *room, const char *id, GError **error)
{
    MdMember *member = md_room_member(room, id, error);
    if (member == NULL || !may_present(member, error))
        return false;
    set_presenter(room, member, "another presents");
    return true;
}

bool md_room_content_stop(MdRoom *room, const char *id, GError **error)
{
    if (id == NULL) {
        if (room->presenter == NULL)
            return md_conference_fail(error, MD_CONFERENCE_ERROR_STATE, "nobody presents in room %s", room->name);
        set_presenter(room, NULL, "taken away");
        return true;
    }
    MdMember *member = md_room_member(room, id, error);
    if (member == NULL)
        return false;
    if (room->presenter != member)
        return md_conference_fail(error, MD_CONFERENCE_ERROR_STATE, "member %s does not present", id);
    set_presenter(room, NULL, "ended");
    return true;
}

const char *md_room_content_holder(const MdRoom *room)
{
    return room->presenter != NULL ? room->presenter->text_id : NULL;
}

void md_content_request(MdMember *member, bool wanted)
{
    g_autoptr(GError) error = NULL;
    if (!wanted) {
        if (member->room->presenter == member)
            set_presenter(member->room, NULL, "ended");
    } else if (!may_present(member, &error)) {
        md_info(&member->room->logger, "%s (%s) may not present: %s", member->name, member->text_id, error->message);
        md_call_content(member->call, MD_CALL_CONTENT_REFUSED, error->message);
    } else if (member->room->presenter == member) {
        md_content_tell(member);
    } else {
        set_presenter(member->room, member, "another presents");
    }
}

void md_content_member_gone(MdMember *member)
{
    if (member->room->presenter == member)
        set_presenter(member->room, NULL, "left");
}

/* --- where it goes ------------------------------------------------------------------------------------------------------ */

bool md_content_is_composed_for(const MdMember *member)
{
    return member->room->content_in_composer && member != member->room->presenter &&
           !member->content_format.sending;
}

void md_content_update_source(MdRoom *room)
{
    MdComposer *composer = md_room_video_composer(room->video);
    bool wanted = room->presenter != NULL && !room->waiting && !room->ending;
    if (wanted && !room->content_in_composer) {
        /* no name: a strip of text would cover the foot of each slide */
        room->content_in_composer = md_composer_add_source(composer, MD_CONTENT_SOURCE, "") == 0;
        md_composer_set_source_state(composer, MD_CONTENT_SOURCE, MD_SOURCE_CONTENT, false, false);
    } else if (!wanted && room->content_in_composer) {
        md_composer_remove_source(composer, MD_CONTENT_SOURCE);
        room->content_in_composer = false;
    }
}

/* As it comes, when the receiver decodes it, its screen and its line are large enough, and no packet must be cut anew. */
static bool can_forward(const MdMember *from, const MdMember *to)
{
    const MdLegVideoFormat *source = &from->content_format, *target = &to->content_format;
    const MdVideoClass *ours = &from->room->conference->options.video_max;
    const MdPeakRate *rate = &from->room->content_rate;
    if (source->codec != target->codec || target->max.width < ours->width || target->max.height < ours->height ||
        target->max.bitrate_bps < md_peak_rate_bps(rate))
        return false;
    return source->codec != MD_VIDEO_H264 ||
           (source->h264_rank >= target->h264_rank && target->h264_packetization_mode == 1);
}

static uint32_t content_for(const MdMember *member)
{
    MdRoom *room = member->room;
    if (!room->content_in_composer || member == room->presenter || !md_member_sees(member) ||
        !member->leg_started || !member->content_format.sending)
        return 0;
    if (can_forward(room->presenter, member))
        return MD_CONTENT_FORWARDED;
    return md_room_video_content_output(room, &member->content_format);
}

void md_content_update_receivers(MdRoom *room)
{
    for (guint i = 0; i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        uint32_t content = content_for(member);
        if (content != member->content && content != 0 && content != MD_CONTENT_FORWARDED)
            md_room_video_request_output_key(room, content);
        member->content = content;
    }
}

/* --- how much it is --------------------------------------------------------------------------------------------------------- */

void md_content_tick(MdRoom *room, int64_t now_us)
{
    MdPeakRate *rate = &room->content_rate;
    if (room->presenter == NULL || room->presenter->leg == NULL || now_us - rate->since_us < SECOND_US)
        return;
    uint32_t peak = md_peak_rate_bps(rate);
    md_peak_rate_take(rate, md_stat_get(&md_leg_stats(room->presenter->leg)->content_bytes_received), now_us);
    if (md_peak_rate_bps(rate) != peak)
        md_room_replan(room);
}
