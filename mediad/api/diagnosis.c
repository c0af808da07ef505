/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /rooms/{room}/members/{member}/diagnosis: why can't they hear (and see) it? */
#include "mediad/api/room-json.h"
#include "mediad/conference/diagnosis.h"

enum { LOOK_MS = 200, LOOKS = 11, AT_ONCE_MAX = 20 };

typedef struct Asked {
    MdApiRooms *rooms;
    MdApiRequest *request; /* NULL: the API stops */
    MdGathering *gathering;
    char *room;
    unsigned looks;
    guint timer;
} Asked;

static JsonObject *verdict_json(const MdDiagnosis *d)
{
    JsonObject *o = json_object_new(), *cause = json_object_new(), *advice = json_object_new();
    JsonArray *hops = json_array_new();
    for (unsigned i = 0; i < d->n; i++) {
        JsonObject *h = json_object_new();
        json_object_set_string_member(h, "name", d->hops[i].name);
        json_object_set_string_member(h, "state", md_hop_state_to_string(d->hops[i].state));
        json_array_add_object_element(hops, h);
    }
    json_object_set_array_member(o, "hops", hops);
    if (d->first >= 0)
        json_object_set_string_member(o, "broken", d->hops[d->first].name);
    else
        json_object_set_null_member(o, "broken");
    json_object_set_boolean_member(o, "certain", d->first < 0 || d->hops[d->first].state == MD_HOP_BROKEN);
    json_object_set_string_member(o, "code", d->code);
    json_object_set_string_member(cause, "vi", d->cause_vi);
    json_object_set_string_member(cause, "en", d->cause_en);
    json_object_set_object_member(o, "cause", cause);
    json_object_set_string_member(advice, "vi", d->advice_vi);
    json_object_set_string_member(advice, "en", d->advice_en);
    json_object_set_object_member(o, "advice", advice);
    return o;
}

static JsonObject *evidence_json(const MdPartyEvidence *e)
{
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "audio_packets_received", (gint64)e->audio_received);
    json_object_set_int_member(o, "audio_packets_lost", (gint64)e->audio_lost);
    json_object_set_int_member(o, "audio_packets_sent", (gint64)e->audio_sent);
    json_object_set_int_member(o, "video_packets_received", (gint64)e->video_received);
    json_object_set_int_member(o, "video_packets_lost", (gint64)e->video_lost);
    json_object_set_int_member(o, "video_frames_received", (gint64)e->video_frames);
    json_object_set_int_member(o, "video_packets_sent", (gint64)e->video_sent);
    json_object_set_int_member(o, "packets_rejected", (gint64)e->rejected);
    json_object_set_int_member(o, "jitter_us", (gint64)e->jitter_us);
    json_object_set_int_member(o, "remote_loss_permille", (gint64)e->remote_loss_permille);
    json_object_set_double_member(o, "loudest_dbov", -(double)e->quiet_cbov / 100);
    return o;
}

static void forget(gpointer data)
{
    Asked *asked = data;
    g_clear_handle_id(&asked->timer, g_source_remove);
    md_gathering_free(asked->gathering);
    g_free(asked->room);
    g_free(asked);
}

static void answer(Asked *asked)
{
    const MdEvidence *e = md_gathering_evidence(asked->gathering);
    JsonObject *o = json_object_new();
    MdDiagnosis d;
    md_diagnose_sound(e, &d);
    json_object_set_object_member(o, "sound", verdict_json(&d));
    md_diagnose_picture(e, &d);
    json_object_set_object_member(o, "picture", verdict_json(&d));
    json_object_set_int_member(o, "window_ms", e->window_us / 1000);
    json_object_set_object_member(o, "site", evidence_json(&e->site));
    if (e->has_listener)
        json_object_set_object_member(o, "listener", evidence_json(&e->listener));
    md_api_reply(asked->request, 200, md_api_take_object(o));
}

static gboolean look(gpointer user)
{
    Asked *asked = user;
    MdRoom *room = md_conference_find_room(asked->rooms->conference, asked->room);
    if (room && md_gathering_look(asked->gathering, room, g_get_monotonic_time()) && ++asked->looks < LOOKS)
        return G_SOURCE_CONTINUE;
    asked->timer = 0;
    answer(asked);
    g_ptr_array_remove_fast(asked->rooms->asked, asked);
    return G_SOURCE_REMOVE;
}

static bool is_member(MdRoom *room, const char *id)
{
    g_autoptr(GPtrArray) members = md_room_members(room);
    for (guint i = 0; i < members->len; i++)
        if (g_str_equal(((const MdMemberInfo *)members->pdata[i])->id, id))
            return true;
    return false;
}

static void diagnose(MdApiRequest *r, void *user)
{
    MdApiRooms *rooms = user;
    MdRoom *room = md_api_room_of(r, rooms);
    const char *site = md_api_request_param(r, "member"), *listener = md_api_request_query(r, "listener");
    if (!room)
        return;
    if (!is_member(room, site) || (listener && !is_member(room, listener))) {
        md_api_reply_error(r, 404, "member-not-found", "there is no such member in the room", "GET /api/v1/rooms/ROOM/members lists their ids");
        return;
    }
    if (rooms->asked->len >= AT_ONCE_MAX) {
        md_api_reply_error(r, 429, "too-many", "many sites are being looked at already", "ask again in some seconds");
        return;
    }
    Asked *asked = g_new0(Asked, 1);
    *asked = (Asked){.rooms = rooms, .request = r, .gathering = md_gathering_new(site, listener), .room = g_strdup(md_api_request_param(r, "room"))};
    g_ptr_array_add(rooms->asked, asked);
    md_gathering_look(asked->gathering, room, g_get_monotonic_time());
    asked->timer = g_timeout_add(LOOK_MS, look, asked);
}

static void free_all(gpointer data)
{
    MdApiRooms *rooms = data;
    while (rooms->asked->len > 0) {
        Asked *asked = rooms->asked->pdata[0];
        md_api_reply_error(asked->request, 503, "ending", "mediad is ending", NULL);
        g_ptr_array_remove_index_fast(rooms->asked, 0);
    }
    g_clear_pointer(&rooms->asked, g_ptr_array_unref);
}

#define TEXT "{\"type\":\"string\"}"
#define BOTH "{\"type\":\"object\",\"required\":[\"vi\",\"en\"],\"properties\":{\"vi\":" TEXT ",\"en\":" TEXT "}}"
#define VERDICT                                                                                                                            \
    "{\"type\":\"object\",\"required\":[\"hops\",\"broken\",\"code\",\"cause\",\"advice\"],\"properties\":{\"hops\":{\"type\":\"array\",\"items\":{"  \
    "\"type\":\"object\",\"required\":[\"name\",\"state\"],\"properties\":{\"name\":" TEXT ",\"state\":{\"type\":\"string\",\"enum\":[\"ok\","       \
    "\"suspect\",\"broken\",\"unknown\"]}}}},\"broken\":{\"type\":\"string\",\"nullable\":true,\"description\":\"the hop to mend\"},"              \
    "\"certain\":{\"type\":\"boolean\"},\"code\":" TEXT ",\"cause\":" BOTH ",\"advice\":" BOTH "}}"
#define NUMBERS "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"number\"}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/rooms/{room}/members/{member}/diagnosis", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = diagnose,
     .summary = "Why can't they hear (and see) this site? Looks for two seconds at every hop up to a listener; names the first broken one.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"listener\":{\"type\":\"string\",\"maxLength\":32,"
                     "\"description\":\"member who should hear it\"}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"sound\",\"picture\",\"window_ms\"],\"properties\":{\"sound\":" VERDICT ",\"picture\":" VERDICT
                        ",\"window_ms\":{\"type\":\"integer\"},\"site\":" NUMBERS ",\"listener\":" NUMBERS "}}"},
};

void md_api_diagnosis_routes(MdApiRooms *rooms)
{
    rooms->asked = g_ptr_array_new_with_free_func(forget);
    md_api_own(rooms->api, rooms, free_all);
    md_api_add_routes(rooms->api, routes, G_N_ELEMENTS(routes), rooms);
}
