/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a room tells of itself. Control thread. */
#include "mediad/conference/private.h"

static bool is_here(const MdMember *member)
{
    return member->state != MD_MEMBER_LEAVING && member->established;
}

void md_room_info(MdRoom *room, MdRoomInfo *ret)
{
    unsigned here = 0;
    for (guint i = 0; i < room->members->len; i++)
        here += is_here(g_ptr_array_index(room->members, i));
    const MdRoomStats *stats = &room->audio->stats;
    const MdMember *spotlight = md_room_member_by_id(room, room->spotlight);
    *ret = (MdRoomInfo){
        .name = room->name,
        .title = room->title,
        .locked = room->locked,
        .has_pin = room->pin != NULL,
        .lobby = room->lobby,
        .waiting_for_chair = room->waiting,
        .muted_all = room->muted_all,
        .confidential = room->confidential,
        .recorded = room->marks[MD_ROOM_MARK_RECORDED] > 0,
        .streamed = room->marks[MD_ROOM_MARK_STREAMED] > 0,
        .layout = room->wish.layout,
        .spotlight = spotlight != NULL ? spotlight->text_id : NULL,
        .presenter = md_room_content_holder(room),
        .members = here,
        .banner = room->banner,
        .clock = room->clock,
        .tour_s = (unsigned)(room->tour_us / G_USEC_PER_SEC),
        .ticks = md_stat_get(&stats->ticks),
        .ticks_late = md_stat_get(&stats->ticks_late),
        .encodes = md_stat_get(&stats->encodes),
        .tick_us_max = (int64_t)md_stat_get(&stats->tick_us_max),
    };
    if (room->video != NULL)
        md_composer_stats(md_room_video_composer(room->video), &ret->video);
}

static MdMemberInfo *member_info(const MdMember *member)
{
    MdMemberInfo *info = g_new0(MdMemberInfo, 1);
    const MdRoom *room = member->room;
    *info = (MdMemberInfo){
        .id = member->text_id,
        .name = member->name,
        .uri = member->uri,
        .account = member->account,
        .role = member->role,
        .muted = member->muted,
        .self_muted = member->self_muted,
        .away = member->away,
        .browser = member->call != NULL && md_call_info(member->call)->browser,
        .deaf = member->deaf,
        .video_muted = member->video_muted,
        .self_video_muted = member->self_hidden,
        .in_lobby = member->state != MD_MEMBER_IN,
        .talking = member->seat != NULL && atomic_load_explicit(&member->seat->talking, memory_order_relaxed),
        .floor_muted = room->floor != NULL && md_floor_is_floor_muted(room->floor, member->id) && member->muted,
        .hand = room->floor != NULL && md_floor_place(room->floor, member->id) >= 0,
        .floor = room->floor != NULL && md_floor_holder(room->floor) == member->id,
        .channel = md_member_channel(member, false),
        .interprets = md_member_channel(member, true),
        .gain_db = member->gain_db,
        .joined_wall_us = member->joined_wall_us,
        .media = {.audio_codec = MD_AUDIO_CODEC_NONE, .video_codec = MD_VIDEO_CODEC_NONE, .security = "none"},
    };
    if (member->leg != NULL) {
        md_leg_summary(member->leg, &info->media);
        info->stats = md_leg_stats(member->leg);
    }
    info->video_luma = -1;
    if (member->in_composer) {
        md_composer_source_stats(md_room_video_composer(member->room->video), member->source,
                                 &info->video_decoded, &info->video_stalls, &info->video_frozen_ms);
        md_composer_source_look(md_room_video_composer(member->room->video), member->source, &info->video_moved,
                                &info->video_luma);
    }
    return info;
}

GPtrArray *md_room_members(MdRoom *room)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < room->members->len; i++) {
        const MdMember *member = g_ptr_array_index(room->members, i);
        if (is_here(member))
            g_ptr_array_add(list, member_info(member));
    }
    return list;
}
