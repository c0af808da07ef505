/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* What is seen in a room: part of private.h. Control thread. */

/* room-scene.c */
MdMember *md_room_big(const MdRoom *room);                 /* who is large, whoever speaks: has the floor, or the spotlight; NULL */
MdLayoutKind md_room_layout_now(const MdRoom *room);       /* as chosen, or one with a large tile for that one */
char *md_member_tile_text(const MdMember *member);
void md_member_line_tick(MdMember *member, int64_t now_us); /* whether much of what it sends is lost */
void md_room_scene_tick(MdRoom *room, int64_t now_us);
void md_room_scene_reset(MdRoom *room);

/* room-seating.c */
bool md_layout_has_large(MdLayoutKind layout);
/* The layout shows who speaks, or who has the floor, in its large tile. */
bool md_room_follows_speaker(const MdRoom *room);
/* Whom such a layout shows there; NULL nobody. */
MdMember *md_room_main(const MdRoom *room);
/* Who sits where for all: first (or NULL) in the first seat that is nobody's, last (or NULL) in the last one. New, of uint32_t. */
GArray *md_room_seating(MdRoom *room, const MdMember *first, const MdMember *last);
/* The same in a picture of a member's own; its layout and seats stay as they are, whatever the room does. */
GArray *md_wish_seating(MdRoom *room, const MdWish *wish, const MdMember *last);
bool md_room_tour_tick(MdRoom *room, int64_t now_us); /* true: it goes on to the next */

/* room-view.c */
const MdWish *md_member_wish(const MdMember *member); /* that counts; NULL: the room's picture */
void md_room_grant_views(MdRoom *room);               /* who gets what it wishes for; tells of changes */
void md_room_views_enter(MdMember *member);
void md_room_views_left(MdMember *member);
void md_room_views_reset(MdRoom *room);               /* the meeting is over */
JsonArray *md_views_keep(MdKeepWriter *writer); /* over a restart; new */
void md_views_load(MdRoom *room, JsonArray *array);
void md_room_views_tick(MdRoom *room, int64_t now_us);

/* room-video.c */
void md_room_video_init(MdRoom *room);
void md_room_video_update(MdRoom *room);      /* scenes and outputs after a change */
void md_room_video_tick(MdRoom *room, int64_t now_us);
MdComposer *md_room_video_composer(const MdRoomVideo *video);
void md_room_video_free(MdRoom *room);
void md_room_video_forget(MdMember *member);
void md_room_video_talking(MdMember *member); /* it has begun or ended */
void md_room_video_signs(MdRoom *room);       /* hands, the floor, its clock: in the tiles */
void md_room_video_request_key(MdMember *member);

/* One shared encode of the content alone for a receiver of it, 0: none can be had. During md_room_video_update. */
uint32_t md_room_video_content_output(MdRoom *room, const MdLegVideoFormat *format);
void md_room_video_request_output_key(MdRoom *room, uint32_t output);
