/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a chair puts into everybody's picture: a spotlight, a banner, the clock, signs in the tiles. Control thread. */
#include "mediad/conference/private.h"
#include <string.h>

enum { BANNER_MAX_S = 24 * 3600, FEW = 6 /* tiles of the smaller layout with one large */, LINE_PACKETS_MIN = 50, LINE_BAD_PERCENT = 5, LINE_GOOD_LOOKS = 2 };
static const int64_t LINE_LOOK_US = 5 * G_USEC_PER_SEC;

MdMember *md_room_big(const MdRoom *room)
{
    MdMember *holder = md_room_floor_holder(room);
    MdMember *member = holder != NULL ? holder : md_room_member_by_id(room, room->spotlight);
    return member != NULL && md_member_sees(member) && md_role_may(member->role, MD_ACTION_BE_SHOWN) ? member : NULL;
}

MdLayoutKind md_room_layout_now(const MdRoom *room)
{
    if (md_room_big(room) == NULL || md_layout_has_large(room->wish.layout))
        return room->wish.layout;
    return md_room_count(room) <= FEW ? MD_LAYOUT_1P5 : MD_LAYOUT_1P7;
}

bool md_room_set_spotlight(MdRoom *room, const char *id, GError **error)
{
    const MdMember *member = id != NULL ? md_room_member(room, id, error) : NULL;
    if (id != NULL && member == NULL)
        return false;
    if (member != NULL && !md_role_may(member->role, MD_ACTION_BE_SHOWN)) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED, "%s is %s, who is never shown", id,
                    md_role_to_string(member->role));
        return false;
    }
    room->spotlight = member != NULL ? member->id : 0;
    md_room_emit(room, "layout.changed", member, "spotlight", "s", id, NULL);
    md_room_replan(room);
    return true;
}

static bool is_line(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL) || g_utf8_strlen(text, -1) > MD_ROOM_BANNER_MAX)
        return false;
    for (const char *at = text; *at != 0; at = g_utf8_next_char(at))
        if (g_unichar_iscntrl(g_utf8_get_char(at)))
            return false;
    return true;
}

static void put_banner(MdRoom *room, const char *text, bool clock)
{
    g_free(room->banner);
    room->banner = text != NULL && *text != 0 ? g_strdup(text) : NULL;
    room->clock = clock;
    md_room_emit(room, "room.banner", NULL, "text", "s", room->banner, "clock", "b", clock, NULL);
    md_room_replan(room);
}

bool md_room_set_banner(MdRoom *room, const char *text, bool clock, unsigned for_s, GError **error)
{
    if ((text != NULL && !is_line(text)) || for_s > BANNER_MAX_S) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID,
                    "a banner is one line of at most %d characters, shown for at most %d seconds", MD_ROOM_BANNER_MAX, BANNER_MAX_S);
        return false;
    }
    room->banner_until_us = for_s > 0 ? md_conference_now_us(room->conference) + for_s * (int64_t)G_USEC_PER_SEC : 0;
    put_banner(room, text, clock);
    return true;
}

void md_room_scene_tick(MdRoom *room, int64_t now_us)
{
    if (room->banner_until_us == 0 || now_us < room->banner_until_us)
        return;
    room->banner_until_us = 0;
    put_banner(room, NULL, room->clock);
}

void md_room_scene_reset(MdRoom *room)
{
    g_clear_pointer(&room->banner, g_free);
    room->banner_until_us = 0;
    room->clock = false;
    room->spotlight = 0;
}

/* Looked at every five seconds: bad from 5 % on, good again after two good looks, so that it does not flicker. */
void md_member_line_tick(MdMember *member, int64_t now_us)
{
    const MdLegStats *stats = member->leg_started && member->leg != NULL ? md_leg_stats(member->leg) : NULL;
    if (stats == NULL || now_us - member->line_us < LINE_LOOK_US)
        return;
    uint64_t lost = md_stat_get(&stats->audio_packets_lost) + md_stat_get(&stats->video_packets_lost);
    uint64_t received = md_stat_get(&stats->audio_packets_received) + md_stat_get(&stats->video_packets_received);
    bool first = member->line_us == 0 || lost < member->line_lost || received < member->line_received; /* another leg, too */
    uint64_t more_lost = lost - member->line_lost, more = received - member->line_received + more_lost;
    member->line_us = now_us;
    member->line_lost = lost;
    member->line_received = received;
    if (first || more < LINE_PACKETS_MIN)
        return;
    bool bad = more_lost * 100 >= more * LINE_BAD_PERCENT;
    member->line_good = bad ? 0 : member->line_good + 1;
    bool now = bad || (member->bad_line && member->line_good < LINE_GOOD_LOOKS);
    if (now == member->bad_line)
        return;
    member->bad_line = now;
    md_room_video_talking(member);
}

/* The name, with what it waits for or has before it: that is not cut off. New. */
char *md_member_tile_text(const MdMember *member)
{
    const MdRoom *room = member->room;
    bool vi = room->language == MD_LANGUAGE_VI;
    int place = room->floor != NULL ? md_floor_place(room->floor, member->id) : -1;
    if (place >= 0)
        return g_strdup_printf("%s %d · %s", vi ? "Xin phát biểu" : "Hand", place + 1, member->name);
    if (md_room_floor_holder(room) != member)
        return member->bad_line ? g_strdup_printf("%s · %s", vi ? "Mạng yếu" : "Bad line", member->name) : g_strdup(member->name);
    if (room->floor_left_s >= 0)
        return g_strdup_printf("%02d:%02d · %s", room->floor_left_s / 60, room->floor_left_s % 60, member->name);
    return g_strdup_printf("%s · %s", vi ? "Đang phát biểu" : "Speaking", member->name);
}
