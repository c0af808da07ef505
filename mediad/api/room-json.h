/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/api/nouns.h"

/* Who may change a running meeting: operators of the whole province, and whose role in it lets them. */
#define MD_API_RUN(action) \
    .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .in_meeting = MD_API_IN_MEETING(action)

/* What rooms.c, members.c and legs.c share. */
typedef struct MdApiLegs MdApiLegs;

typedef struct MdApiRooms {
    MdApi *api;
    MdConference *conference;
    MdApiLegs *legs;
    GPtrArray *asked; /* diagnosis.c: under way */
} MdApiRooms;

typedef struct MdApiLegRates { /* over the last sampling period */
    uint64_t audio_in_bps, audio_out_bps, video_in_bps, video_out_bps;
    double audio_loss_percent, video_loss_percent;
} MdApiLegRates;

/* The room a request names; replies 404 and returns NULL when there is none. */
MdRoom *md_api_room_of(MdApiRequest *request, MdApiRooms *rooms);
/* May whoever asks do that in the room, to target (NULL: nobody) and with a role to give (INVALID: none)? Always, by the account's own rights;
 * else what its role in the meeting lets it (md_room_may_as). Replies 403 and returns false when not. */
bool md_api_room_lets(MdApiRequest *request, MdRoom *room, MdAction action, const char *target, MdRole given);
/* ok: 204, else what the error means. */
void md_api_reply_conference(MdApiRequest *request, bool ok, GError *error /* taken */);
JsonNode *md_api_take_object(JsonObject *object /* taken */);
/* {"name": [ … ]} */
JsonNode *md_api_take_list(const char *name, JsonArray *array /* taken */);

void md_api_member_routes(MdApiRooms *rooms);
void md_api_diagnosis_routes(MdApiRooms *rooms);
void md_api_floor_routes(MdApiRooms *rooms);
void md_api_channel_routes(MdApiRooms *rooms);

/* views.c */
void md_api_view_routes(MdApiRooms *rooms);
/* What of a room is about its picture. */
void md_api_room_view_members(JsonObject *object, MdRoom *room, const MdRoomInfo *info);
#define MD_API_LAYOUT_SCHEMA                                                                                           \
    "{\"type\":\"string\",\"enum\":[\"auto\",\"single\",\"1+5\",\"1+7\",\"2x2\",\"3x3\",\"4x4\",\"5x5\",\"6x6\",\"7x7\"," \
    "\"8x8\",\"9x8\",\"pip\"]}"
#define MD_API_SEATS_SCHEMA                                                                                            \
    "{\"type\":\"array\",\"maxItems\":72,\"items\":{\"type\":\"string\",\"nullable\":true,\"maxLength\":16,"                       \
    "\"description\":\"member id, in the order of the layout's seats; null: anybody's\"}}"

/* room-content.c */
void md_api_room_content_routes(MdApiRooms *rooms);
#define MD_API_CONTENT_SCHEMA \
    "{\"type\":\"object\",\"nullable\":true,\"required\":[\"member\"],\"properties\":{\"member\":{\"type\":\"string\"}}}"

/* legs.c: samples byte counters every five seconds, so that bit rates can be told; false (and zeros): there are none yet. */
MdApiLegs *md_api_legs_new(MdApiRooms *rooms);
void md_api_legs_free(MdApiLegs *legs);
bool md_api_legs_rates(MdApiLegs *legs, const char *member, MdApiLegRates *ret);
void md_api_legs_sample(MdApiLegs *legs, int64_t now_us);
JsonArray *md_api_legs_history(MdApiLegs *legs, const char *room, const char *member); /* new; empty: none yet */

/* leg-history.c: the last hour of every leg in points of ten seconds; bounded. */
typedef struct MdApiLegHistory MdApiLegHistory;
MdApiLegHistory *md_api_leg_history_new(void);
void md_api_leg_history_free(MdApiLegHistory *all);
/* Twice a point. m->stats is there. */
void md_api_leg_history_add(MdApiLegHistory *all, const char *room, const MdMemberInfo *m, const MdApiLegRates *rates, int64_t wall_us);
void md_api_leg_history_round(MdApiLegHistory *all); /* every leg was added: those that were not are gone */
JsonArray *md_api_leg_history_json(MdApiLegHistory *all, const char *room, const char *member);
JsonObject *md_api_leg_stats_json(MdApiRooms *rooms, const MdMemberInfo *member);
#define MD_API_LEG_STATS_SCHEMA                                                                                        \
    "{\"type\":\"object\",\"description\":\"counters since the leg began, gauges, and rates over the last seconds\","      \
    "\"additionalProperties\":{\"type\":\"number\"}}"
