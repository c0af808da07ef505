/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /rooms: meetings as wholes. A room made here is kept in the store as the body that made it. */
#include "mediad/api/room-json.h"
#include "mediad/api/json.h"
#include <stddef.h>
#include <string.h>

JsonNode *md_api_take_object(JsonObject *object)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), object);

    json_object_unref(object);
    return node;
}

JsonNode *md_api_take_list(const char *name, JsonArray *array)
{
    JsonObject *object = json_object_new();

    json_object_set_array_member(object, name, array);
    return md_api_take_object(object);
}

MdRoom *md_api_room_of(MdApiRequest *r, MdApiRooms *rooms)
{
    const char *name = md_api_request_param(r, "room");
    MdRoom *room = md_conference_find_room(rooms->conference, name);

    if (!room) {
        g_autofree char *message = g_strdup_printf("there is no room '%s'", name);
        md_api_reply_error(r, 404, "room-not-found", message, "GET /api/v1/rooms lists them");
    } else {
        MdRoomInfo info;
        md_room_info(room, &info);
        if (info.confidential)
            md_api_request_keep_secret(r);
    }
    return room;
}

void md_api_reply_conference(MdApiRequest *r, bool ok, GError *error)
{
    static const struct {
        int status;
        const char *code;
    } means[] = {
        [MD_CONFERENCE_ERROR_EXISTS] = {409, "room-exists"},   [MD_CONFERENCE_ERROR_NOT_FOUND] = {404, "member-not-found"},
        [MD_CONFERENCE_ERROR_INVALID] = {400, "invalid-field"}, [MD_CONFERENCE_ERROR_LIMIT] = {409, "limit-reached"},
        [MD_CONFERENCE_ERROR_STATE] = {409, "wrong-state"},     [MD_CONFERENCE_ERROR_DENIED] = {403, "role-does-not-allow"},
    };

    if (ok)
        md_api_reply(r, 204, NULL);
    else if (error && error->domain == MD_CONFERENCE_ERROR && (unsigned)error->code < G_N_ELEMENTS(means))
        md_api_reply_error(r, means[error->code].status, means[error->code].code, error->message, NULL);
    else
        md_api_reply_error(r, 500, "failed", error ? error->message : "failed", NULL);
    g_clear_error(&error);
}

static JsonObject *video_json(const MdComposerStats *v)
{
    JsonObject *object = json_object_new();
#define MD_VIDEO_MEMBER_(name, kind, help) json_object_set_int_member(object, #name, (gint64)v->name);
    MD_COMPOSER_STATS(MD_VIDEO_MEMBER_)
#undef MD_VIDEO_MEMBER_
    return object;
}

/* To be shown beside a confidential meeting. */
static JsonObject *notice_json(void)
{
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "vi", md_confidential_notice("vi"));
    json_object_set_string_member(o, "en", md_confidential_notice("en"));
    return o;
}

static JsonObject *room_json(MdRoom *room, bool everything)
{
    MdRoomInfo info = {0};
    JsonObject *o = json_object_new();

    md_room_info(room, &info);
    json_object_set_string_member(o, "name", info.name);
    json_object_set_string_member(o, "title", info.title);
    json_object_set_int_member(o, "members", info.members);
    json_object_set_string_member(o, "layout", md_layout_to_string(info.layout));
    json_object_set_boolean_member(o, "locked", info.locked);
    json_object_set_boolean_member(o, "waiting_for_chair", info.waiting_for_chair);
    json_object_set_boolean_member(o, "muted_all", info.muted_all);
    json_object_set_member(o, "content", md_api_content_json(room));
    json_object_set_boolean_member(o, "clock", info.clock);
    md_api_room_view_members(o, room, &info);
    if (info.banner)
        json_object_set_string_member(o, "banner", info.banner);
    json_object_set_boolean_member(o, "recorded", info.recorded);
    json_object_set_boolean_member(o, "streamed", info.streamed);
    json_object_set_boolean_member(o, "confidential", info.confidential);
    if (info.confidential)
        json_object_set_object_member(o, "notice", notice_json());
    if (!everything)
        return o;
    JsonObject *audio = json_object_new();
    json_object_set_int_member(audio, "ticks", (gint64)info.ticks);
    json_object_set_int_member(audio, "ticks_late", (gint64)info.ticks_late);
    json_object_set_int_member(audio, "encodes", (gint64)info.encodes);
    json_object_set_int_member(audio, "tick_us_max", info.tick_us_max);
    json_object_set_object_member(o, "audio", audio);
    json_object_set_object_member(o, "video", video_json(&info.video));
    return o;
}

JsonObject *md_api_room_object(MdRoom *room)
{
    return room_json(room, false);
}

static void list(MdApiRequest *r, void *user)
{
    MdApiRooms *rooms = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = md_conference_rooms(rooms->conference);

    for (unsigned i = 0; i < all->len; i++)
        json_array_add_object_element(array, room_json(all->pdata[i], false));
    md_api_reply(r, 200, md_api_take_list("rooms", array));
}

static void show(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);

    if (room)
        md_api_reply(r, 200, md_api_take_object(room_json(room, true)));
}

static const char *text_of(JsonObject *o, const char *name)
{
    return json_object_get_string_member_with_default(o, name, NULL);
}

/* NULL: no such member. */
static const char **texts_of(JsonObject *body, const char *name)
{
    return json_object_has_member(body, name) ? md_json_texts(body, name) : NULL;
}

static MdRoom *create_from(MdConference *conference, JsonObject *o, GError **error)
{
    g_autofree const char **sites = texts_of(o, "sites");
    const char *layout = text_of(o, "layout"), *security = text_of(o, "security");
    MdRoomSpec spec = {
        .name = text_of(o, "name"),
        .title = text_of(o, "title"),
        .pin = text_of(o, "pin"),
        .chair_pin = text_of(o, "chair_pin"),
        .max_members = (unsigned)json_object_get_int_member_with_default(o, "max_members", 0),
        .wait_for_chair = json_object_get_boolean_member_with_default(o, "wait_for_chair", FALSE),
        .mute_on_entry = json_object_get_boolean_member_with_default(o, "mute_on_entry", FALSE),
        .temporary = json_object_get_boolean_member_with_default(o, "temporary", FALSE),
        .lobby = json_object_get_boolean_member_with_default(o, "lobby", FALSE),
        .security = security ? md_security_from_string(security) : MD_SECURITY_PREFERRED,
        .layout = layout ? md_layout_from_string(layout) : MD_LAYOUT_AUTO,
        .loudest = (unsigned)json_object_get_int_member_with_default(o, "loudest", 0),
        .language = text_of(o, "language"),
        .confidential = json_object_get_boolean_member_with_default(o, "confidential", FALSE),
        .sites = sites,
    };

    return md_conference_create_room(conference, &spec, error);
}

/* --- kept in the store --- */

typedef struct Keep {
    MdApiRequest *request;
    MdApiRooms *rooms;
    char *name, *spec; /* spec NULL: forget the room */
} Keep;

static void keep_free(gpointer data)
{
    Keep *k = data;

    g_free(k->name);
    g_free(k->spec);
    g_free(k);
}

static bool keep_write(MdDb *db, gpointer data, GError **error)
{
    Keep *k = data;

    if (!k->spec)
        return md_db_run(db, error, "DELETE FROM md_rooms WHERE name = $1", "s", k->name);
    return md_db_run(db, error, "INSERT INTO md_rooms (name, spec) VALUES ($1, $2) "
                                "ON CONFLICT (name) DO UPDATE SET spec = $2", "ss", k->name, k->spec);
}

static void kept(bool ok, const GError *error, gpointer data, gpointer user)
{
    Keep *k = data;
    MdRoom *room = md_conference_find_room(k->rooms->conference, k->name);

    if (!ok) {
        if (k->spec)
            md_conference_remove_room(k->rooms->conference, k->name, NULL);
        md_api_reply_store_error(k->request, error);
    } else if (k->spec && room) {
        md_api_reply(k->request, 201, md_api_take_object(room_json(room, true)));
    } else if (k->spec) {
        md_api_reply_error(k->request, 409, "wrong-state", "the room was removed meanwhile", NULL);
    } else {
        md_api_reply(k->request, 204, NULL);
    }
}

static void keep(MdApiRequest *r, MdApiRooms *rooms, const char *name, char *spec)
{
    Keep *k = g_new0(Keep, 1);

    k->request = r;
    k->rooms = rooms;
    k->name = g_strdup(name);
    k->spec = spec;
    md_store_write(md_api_store(rooms->api), keep_write, k, keep_free, kept, NULL);
}

static void create(MdApiRequest *r, void *user)
{
    MdApiRooms *rooms = user;
    JsonObject *body = md_api_request_body(r);
    GError *error = NULL;
    MdRoom *room = create_from(rooms->conference, body, &error);

    if (!room) {
        md_api_reply_conference(r, false, error);
    } else if (json_object_get_boolean_member_with_default(body, "temporary", FALSE)) {
        md_api_reply(r, 201, md_api_take_object(room_json(room, true)));
    } else {
        g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), body);
        keep(r, rooms, text_of(body, "name"), md_json_to_text(node, false));
    }
}

static void remove_room(MdApiRequest *r, void *user)
{
    MdApiRooms *rooms = user;
    const char *name = md_api_request_param(r, "room");
    GError *error = NULL;

    if (!md_api_room_of(r, rooms))
        return;
    if (!md_conference_remove_room(rooms->conference, name, &error))
        md_api_reply_conference(r, false, error);
    else
        keep(r, rooms, name, NULL);
}

static void load_kept(MdApiRooms *rooms)
{
    const MdLogger *logger = md_api_logger(rooms->api);
    GError *error = NULL;
    g_autoptr(MdRows) rows =
        md_db_query(md_store_reader(md_api_store(rooms->api)), &error, "SELECT name, spec FROM md_rooms ORDER BY name", "");

    while (rows && md_rows_next(rows, &error)) {
        GError *local = NULL;
        g_autoptr(JsonNode) node = json_from_string(md_rows_text(rows, 1), NULL);
        if (!node || !JSON_NODE_HOLDS_OBJECT(node) || md_conference_find_room(rooms->conference, md_rows_text(rows, 0)))
            continue; /* the settings' room of that name goes first */
        if (!create_from(rooms->conference, json_node_get_object(node), &local)) {
            md_error(logger, "room %s cannot be made again: %s", md_rows_text(rows, 0), local->message);
            g_error_free(local);
        }
    }
    if (error) {
        md_error(logger, "rooms cannot be read: %s", error->message);
        g_error_free(error);
    }
}

/* --- what is done to a whole room --- */

static void mute(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    JsonObject *body = md_api_request_body(r);

    if (!room)
        return;
    md_room_mute_all(room, json_object_get_boolean_member(body, "muted"),
                     json_object_get_boolean_member_with_default(body, "except_chair", FALSE));
    md_api_reply(r, 204, NULL);
}

static void lock(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);

    if (!room)
        return;
    md_room_lock(room, json_object_get_boolean_member(md_api_request_body(r), "locked"));
    md_api_reply(r, 204, NULL);
}

static void end(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);

    if (!room)
        return;
    md_room_end(room);
    md_api_reply(r, 204, NULL);
}

static void dial(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    JsonObject *body = md_api_request_body(r);
    const char *role = text_of(body, "role");
    GError *error = NULL;

    MdRole as = role ? md_role_from_string(role) : MD_ROLE_SITE;
    if (!room || !md_api_room_lets(r, room, MD_ACTION_DIAL, NULL, as))
        return;
    g_autofree const char **targets = texts_of(body, "targets");
    for (unsigned i = 0; targets[i]; i++) { /* who is to come in as more is not made less of */
        MdRole before;
        md_room_dialled(room, targets[i], &before);
        if (!md_api_room_lets(r, room, MD_ACTION_DIAL, NULL, before))
            return;
    }
    bool ok = md_room_dial(room, targets, as,
                           json_object_get_boolean_member_with_default(body, "redial", FALSE), &error);
    md_api_reply_conference(r, ok, error);
}

static void dials(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    JsonArray *array = json_array_new();

    if (!room) {
        json_array_unref(array);
        return;
    }
    g_autoptr(GPtrArray) all = md_room_dials(room);
    for (unsigned i = 0; i < all->len; i++) {
        const MdDialInfo *d = all->pdata[i];
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "target", d->target);
        json_object_set_string_member(o, "role", md_role_to_string(d->role));
        json_object_set_boolean_member(o, "redial", d->redial);
        json_object_set_string_member(o, "state", md_dial_state_to_string(d->state));
        json_object_set_int_member(o, "attempts", d->attempts);
        json_object_set_int_member(o, "last_code", d->last_code);
        json_array_add_object_element(array, o);
    }
    md_api_reply(r, 200, md_api_take_list("dials", array));
}

static void undial(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;

    if (!room)
        return;
    MdRole as;
    const char *id = md_room_dialled(room, md_api_request_param(r, "target"), &as);
    if (id && !md_api_room_lets(r, room, MD_ACTION_KICK, id, MD_ROLE_INVALID)) /* it would be sent out */
        return;
    bool ok = md_room_undial(room, md_api_request_param(r, "target"), &error);
    md_api_reply_conference(r, ok, error);
}

#define LAYOUT MD_API_LAYOUT_SCHEMA
#define ROOM_FIELDS                                                                                                    \
    "\"name\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"members\":{\"type\":\"integer\"},\"layout\":" LAYOUT   \
    ",\"seats\":" MD_API_SEATS_SCHEMA ",\"tour_s\":{\"type\":\"integer\"},\"spotlight\":{\"type\":\"string\",\"nullable\":true},"          \
    "\"locked\":{\"type\":\"boolean\"},\"waiting_for_chair\":{\"type\":\"boolean\"},\"muted_all\":{\"type\":\"boolean\"},\"content\":" MD_API_CONTENT_SCHEMA \
    ",\"recorded\":{\"type\":\"boolean\"},\"streamed\":{\"type\":\"boolean\"},"                  \
    "\"confidential\":{\"type\":\"boolean\"},\"notice\":{\"type\":\"object\",\"properties\":{\"vi\":{\"type\":\"string\"},"            \
    "\"en\":{\"type\":\"string\"}}}"
#define ROOM_REQUIRED "\"required\":[\"name\",\"title\",\"members\",\"layout\",\"locked\",\"waiting_for_chair\",\"muted_all\"]"
#define COUNTS "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}"
#define ROOM_FULL                                                                                                      \
    "{\"type\":\"object\"," ROOM_REQUIRED ",\"properties\":{" ROOM_FIELDS ",\"audio\":" COUNTS ",\"video\":" COUNTS "}}"
#define ROLE "{\"type\":\"string\",\"enum\":[\"guest\",\"observer\",\"site\",\"technician\",\"secretary\",\"operator\",\"co-chair\",\"chair\"]}"
#define PIN "{\"type\":\"string\",\"pattern\":\"^[0-9]{4,12}$\",\"nullable\":true}"
#define FLAG "{\"type\":\"boolean\"}"

static const char room_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\"],\"properties\":{"
    "\"name\":{\"type\":\"string\",\"pattern\":\"^[a-z0-9._-]{1,64}$\",\"description\":\"user part of its SIP address\"},"
    "\"title\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":120},\"pin\":" PIN ",\"chair_pin\":" PIN ","
    "\"max_members\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":500},\"wait_for_chair\":" FLAG
    ",\"mute_on_entry\":" FLAG ",\"temporary\":" FLAG ",\"lobby\":" FLAG ","
    "\"security\":{\"type\":\"string\",\"enum\":[\"off\",\"preferred\",\"required\"]},\"layout\":" LAYOUT ","
    "\"loudest\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":16},"
    "\"language\":{\"type\":\"string\",\"enum\":[\"vi\",\"en\"]},"
    "\"confidential\":{\"type\":\"boolean\",\"description\":\"encrypted, the named sites only, neither recorded nor streamed\"},"
    "\"sites\":{\"type\":\"array\",\"maxItems\":1000,\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":128,"
    "\"description\":\"account\"}}}}";
static const char dial_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"targets\"],\"properties\":{"
    "\"targets\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":200,\"items\":{\"type\":\"string\",\"minLength\":1,"
    "\"maxLength\":256,\"description\":\"account or sip: URI\"}},\"role\":" ROLE ",\"redial\":" FLAG "}}";

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/rooms", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list, .summary = "All rooms.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"rooms\"],\"properties\":{\"rooms\":{\"type\":\"array\",\"items\":"
                        "{\"type\":\"object\"," ROOM_REQUIRED ",\"properties\":{" ROOM_FIELDS "}}}}}"},
    {.method = "POST", .path = "/rooms", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .handler = create,
     .summary = "Make a room; it stays until it is removed, unless temporary.", .request_schema = room_schema,
     .response_schema = ROOM_FULL},
    {.method = "GET", .path = "/rooms/{room}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show, .summary = "One room.",
     .response_schema = ROOM_FULL},
    {.method = "DELETE", .path = "/rooms/{room}", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .handler = remove_room,
     .summary = "End the meeting and remove the room."},
    {.method = "POST", .path = "/rooms/{room}/end", MD_API_RUN(MD_ACTION_END), .handler = end,
     .summary = "End the meeting for all; the room stays."},
    {.method = "PUT", .path = "/rooms/{room}/lock", MD_API_RUN(MD_ACTION_LOCK), .handler = lock,
     .summary = "Lock the room, or open it again.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"locked\"],\"properties\":{\"locked\":" FLAG "}}"},
    {.method = "PUT", .path = "/rooms/{room}/mute", MD_API_RUN(MD_ACTION_MUTE_OTHERS), .handler = mute,
     .summary = "Mute everybody, everybody but the chair, or nobody.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"muted\"],\"properties\":{\"muted\":" FLAG
                       ",\"except_chair\":" FLAG "}}"},
    {.method = "GET", .path = "/rooms/{room}/dials", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = dials,
     .summary = "Who is being called, and how that goes.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"dials\"],\"properties\":{\"dials\":{\"type\":\"array\",\"items\":{"
                        "\"type\":\"object\",\"required\":[\"target\",\"state\"],\"properties\":{\"target\":{\"type\":\"string\"},"
                        "\"role\":" ROLE ",\"redial\":" FLAG ",\"state\":{\"type\":\"string\"},\"attempts\":{\"type\":\"integer\"},"
                        "\"last_code\":{\"type\":\"integer\"}}}}}}"},
    {.method = "POST", .path = "/rooms/{room}/dials", MD_API_RUN(MD_ACTION_DIAL), .handler = dial,
     .summary = "Call accounts or SIP addresses into the room.", .request_schema = dial_schema},
    {.method = "DELETE", .path = "/rooms/{room}/dials/{target}", MD_API_RUN(MD_ACTION_DIAL), .handler = undial,
     .summary = "Stop calling somebody."},
};

/* One family of samples: all rooms of one name together, as Prometheus wants it. */
static void family(GString *out, const GArray *infos, const char *name, const char *kind, const char *help, size_t offset, bool wide)
{
    g_string_append_printf(out, "# HELP mediad_room_%s %s\n# TYPE mediad_room_%s %s\n", name, help, name, kind);
    for (guint i = 0; i < infos->len; i++) {
        const MdRoomInfo *info = &g_array_index(infos, MdRoomInfo, i);
        const char *at = (const char *)info + offset;
        guint64 value = wide ? *(const uint64_t *)(const void *)at : *(const unsigned *)(const void *)at;
        g_string_append_printf(out, "mediad_room_%s{room=\"%s\"} %" G_GUINT64_FORMAT "\n", name, info->name, value);
    }
}

static void metrics(GString *out, void *user)
{
    MdApiRooms *rooms = user;
    g_autoptr(GPtrArray) all = md_conference_rooms(rooms->conference);
    g_autoptr(GArray) infos = g_array_new(FALSE, TRUE, sizeof(MdRoomInfo));
    uint64_t members = 0;

    g_array_set_size(infos, all->len);
    for (unsigned i = 0; i < all->len; i++) {
        md_room_info(all->pdata[i], &g_array_index(infos, MdRoomInfo, i));
        members += g_array_index(infos, MdRoomInfo, i).members;
    }
    g_string_append_printf(out, "# HELP mediad_rooms rooms\n# TYPE mediad_rooms gauge\nmediad_rooms %u\n"
                                "# HELP mediad_members members of all rooms\n# TYPE mediad_members gauge\nmediad_members %" G_GUINT64_FORMAT "\n",
                           all->len, (guint64)members);
    family(out, infos, "members", "gauge", "members in the room", offsetof(MdRoomInfo, members), false);
    family(out, infos, "audio_ticks_total", "counter", "audio ticks run", offsetof(MdRoomInfo, ticks), true);
    family(out, infos, "audio_ticks_late_total", "counter", "audio ticks begun more than 5 ms late", offsetof(MdRoomInfo, ticks_late), true);
    family(out, infos, "audio_encodes_total", "counter", "audio encodes made", offsetof(MdRoomInfo, encodes), true);
    family(out, infos, "audio_tick_us_max", "gauge", "longest audio tick, microseconds", offsetof(MdRoomInfo, tick_us_max), true);
#define MD_VIDEO_FAMILY_(field, kind, help) \
    family(out, infos, "video_" #field "_total", "counter", help, offsetof(MdRoomInfo, video.field), true);
    MD_COMPOSER_STATS(MD_VIDEO_FAMILY_)
#undef MD_VIDEO_FAMILY_
}

static void rooms_free(gpointer data)
{
    MdApiRooms *rooms = data;

    md_api_legs_free(rooms->legs);
    g_free(rooms);
}

void md_api_add_rooms(MdApi *api, MdConference *conference)
{
    MdApiRooms *rooms = g_new0(MdApiRooms, 1);

    rooms->api = api;
    rooms->conference = conference;
    md_api_own(api, rooms, rooms_free);
    rooms->legs = md_api_legs_new(rooms);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), rooms);
    md_api_member_routes(rooms);
    md_api_diagnosis_routes(rooms);
    md_api_floor_routes(rooms);
    md_api_view_routes(rooms);
    md_api_channel_routes(rooms);
    md_api_room_content_routes(rooms);
    md_api_add_metrics(api, metrics, rooms);
    load_kept(rooms);
}
