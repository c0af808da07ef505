/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /meetings: what is booked, changed, called off, begun and ended. */
#include "mediad/api/meeting-json.h"
#include <string.h>

JsonNode *md_api_meeting_object(JsonObject *object)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), object);

    json_object_unref(object);
    return node;
}

void md_api_meeting_error(MdApiRequest *r, const GError *error)
{
    static const struct {
        int status;
        const char *code, *hint;
    } means[] = {
        [MD_MEETING_ERROR_INVALID] = {400, "invalid-field", NULL},
        [MD_MEETING_ERROR_NOT_FOUND] = {404, "meeting-not-found", "GET /api/v1/meetings lists them"},
        [MD_MEETING_ERROR_CLASH] = {409, "clash", "choose another time, leave the sites out, or give force_because"},
        [MD_MEETING_ERROR_CHANGED] = {409, "changed", "read it again, then decide"},
        [MD_MEETING_ERROR_STATE] = {409, "wrong-state", NULL},
        [MD_MEETING_ERROR_LIMIT] = {409, "limit-reached", NULL},
        [MD_MEETING_ERROR_EARLY] = {409, "too-early", NULL},
    };

    if (error && error->domain == MD_MEETING_ERROR && (unsigned)error->code < G_N_ELEMENTS(means))
        md_api_reply_error(r, means[error->code].status, means[error->code].code, error->message, means[error->code].hint);
    else
        md_api_reply_store_error(r, error);
}

/* --- who may --- */

static bool operates(MdApiRequest *r)
{
    return (md_api_request_rights(r) & MD_API_MAY_OPERATE) && !*md_api_request_area(r);
}

bool md_api_meeting_has(MdApiRequest *r, const MdBooking *b, MdApiMeetingRight right)
{
    const char *role = md_booking_role(b, md_api_request_user(r));
    bool chair = role && (g_str_equal(role, "chair") || g_str_equal(role, "co-chair"));
    bool secretary = role && g_str_equal(role, "secretary"), technician = role && g_str_equal(role, "technician");

    if (operates(r) || chair)
        return true;
    switch (right) {
    case MD_API_MEETING_PREPARE:
        return secretary || technician;
    case MD_API_MEETING_PAPERS:
        return secretary || ((md_api_request_rights(r) & MD_API_MAY_AUDIT) && !*md_api_request_area(r));
    default:
        return false;
    }
}

bool md_api_meeting_may(MdApiRequest *r, const MdBooking *b, MdApiMeetingRight right)
{
    if (md_api_meeting_has(r, b, right))
        return true;
    md_api_reply_error(r, 403, "forbidden", "this is for who operates meetings, and for those who hold this one", "ask its chair or an operator");
    return false;
}

/* Whoever is bound to an area knows of the meetings one of its sites is invited to; of a confidential one those who take part. */
static bool knows(MdApiRequest *r, MdApiMeetings *s, const MdBooking *b)
{
    if (operates(r) || md_booking_role(b, md_api_request_user(r)))
        return true;
    if (b->confidential)
        return false;
    if (!*md_api_request_area(r))
        return true;
    for (unsigned i = 0; i < b->sites->len; i++) {
        const SgAccount *account = s->accounts ? sg_accounts_find(s->accounts, ((const MdInvitee *)b->sites->pdata[i])->account) : NULL;
        if (account && account->area && *account->area && md_api_request_sees(r, account->area))
            return true;
    }
    return false;
}

MdBooking *md_api_meeting_of(MdApiRequest *r, MdApiMeetings *s)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MdBooking) b = md_meetings_get(s->meetings, md_api_request_param(r, "meeting"), &error);

    if (b && knows(r, s, b))
        return g_steal_pointer(&b);
    if (b)
        g_set_error(&error, MD_MEETING_ERROR, MD_MEETING_ERROR_NOT_FOUND, "there is no meeting '%s'", md_api_request_param(r, "meeting"));
    md_api_meeting_error(r, error);
    return NULL;
}

/* --- as JSON --- */

static void set_local(JsonObject *o, const char *name, int64_t wall_us, GTimeZone *zone)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(wall_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);
    g_autofree char *text = g_date_time_format(local, "%Y-%m-%dT%H:%M:%S%:z");

    json_object_set_string_member(o, name, text);
}

JsonObject *md_api_meeting_json(MdApiMeetings *s, const MdBooking *b, bool whole, bool secrets)
{
    JsonObject *o = md_booking_to_json(b);
    GTimeZone *zone = md_meetings_zone(s->meetings);

    set_local(o, "start", b->start_us, zone);
    set_local(o, "end", b->end_us, zone);
    json_object_set_int_member(o, "n_sites", b->sites->len);
    json_object_set_boolean_member(o, "has_pin", *b->pin != 0);
    if (b->confidential)
        json_object_set_string_member(o, "notice", md_confidential_notice(b->language));
    if (!secrets || !whole) {
        json_object_remove_member(o, "pin");
        json_object_remove_member(o, "chair_pin");
    }
    if (!whole) {
        json_object_remove_member(o, "sites");
        json_object_remove_member(o, "agenda");
    }
    return o;
}

/* --- looking --- */

static bool when(MdApiMeetings *s, const char *text, int64_t *ret_us)
{
    g_autoptr(GDateTime) at = g_date_time_new_from_iso8601(text, md_meetings_zone(s->meetings));
    g_autofree char *midnight = at ? NULL : g_strconcat(text, "T00:00:00", NULL);
    g_autofree char *minute = at ? NULL : g_strconcat(text, ":00", NULL); /* 2026-11-23T08:00 */

    if (!at)
        at = g_date_time_new_from_iso8601(minute, md_meetings_zone(s->meetings));
    if (!at)
        at = g_date_time_new_from_iso8601(midnight, md_meetings_zone(s->meetings));
    if (at)
        *ret_us = g_date_time_to_unix(at) * G_USEC_PER_SEC;
    return at != NULL;
}

static bool read_when(MdApiRequest *r, MdApiMeetings *s, const char *field, const char *text, int64_t *ret_us)
{
    if (when(s, text, ret_us))
        return true;
    g_autofree char *message = g_strdup_printf("field '%s': '%s' is no time", field, text);
    md_api_reply_error(r, 400, "invalid-field", message, "local time like 2026-11-23T08:00, or with its zone");
    return false;
}

static void list(MdApiRequest *r, void *user)
{
    static const int64_t DAY_US = INT64_C(86400) * G_USEC_PER_SEC;
    MdApiMeetings *s = user;
    const char *from = md_api_request_query(r, "from"), *to = md_api_request_query(r, "to"), *limit = md_api_request_query(r, "limit");
    bool mine = g_strcmp0(md_api_request_query(r, "mine"), "true") == 0;
    int64_t now_us = md_meetings_wall_us(s->meetings), from_us = now_us - DAY_US, to_us = now_us + 60 * DAY_US;
    g_autoptr(GError) error = NULL;

    if ((from && !read_when(r, s, "from", from, &from_us)) || (to && !read_when(r, s, "to", to, &to_us)))
        return;
    g_autoptr(GPtrArray) all = md_meetings_list(s->meetings, from_us, to_us, limit ? (unsigned)g_ascii_strtoull(limit, NULL, 10) : 500, &error);
    if (!all) {
        md_api_meeting_error(r, error);
        return;
    }
    JsonArray *array = json_array_new();
    for (unsigned i = 0; i < all->len; i++) {
        const MdBooking *b = all->pdata[i];
        if (knows(r, s, b) && (!mine || md_booking_role(b, md_api_request_user(r))))
            json_array_add_object_element(array, md_api_meeting_json(s, b, false, false));
    }
    JsonObject *o = json_object_new();
    json_object_set_array_member(o, "meetings", array);
    md_api_reply(r, 200, md_api_meeting_object(o));
}

static void show(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(MdBooking) b = md_api_meeting_of(r, s);

    if (b)
        md_api_reply(r, 200, md_api_meeting_object(md_api_meeting_json(s, b, true, md_api_meeting_has(r, b, MD_API_MEETING_PREPARE))));
}

/* --- booking --- */

static void take_text(JsonObject *body, const char *name, char **at)
{
    if (!json_object_has_member(body, name))
        return;
    g_free(*at);
    *at = g_strdup(json_object_get_string_member_with_default(body, name, ""));
}

static void take_flag(JsonObject *body, const char *name, bool *at)
{
    *at = json_object_get_boolean_member_with_default(body, name, *at);
}

static void take_number(JsonObject *body, const char *name, unsigned *at)
{
    *at = (unsigned)json_object_get_int_member_with_default(body, name, *at);
}

static void take_agenda(JsonObject *body, MdBooking *b)
{
    JsonArray *agenda = json_object_has_member(body, "agenda") ? json_object_get_array_member(body, "agenda") : NULL;

    if (agenda)
        g_ptr_array_set_size(b->agenda, 0);
    for (unsigned i = 0; agenda && i < json_array_get_length(agenda); i++) {
        JsonObject *item = json_array_get_object_element(agenda, i);
        md_booking_add_item(b, json_object_get_string_member_with_default(item, "who", ""), json_object_get_string_member(item, "subject"),
                            (unsigned)json_object_get_int_member_with_default(item, "minutes", 0));
    }
}

static bool take_times(MdApiRequest *r, MdApiMeetings *s, JsonObject *body, MdBooking *b)
{
    int64_t length_us = b->end_us - b->start_us;
    const char *start = json_object_get_string_member_with_default(body, "start", NULL), *end = json_object_get_string_member_with_default(body, "end", NULL);

    if (start && !read_when(r, s, "start", start, &b->start_us))
        return false;
    if (start && length_us > 0)
        b->end_us = b->start_us + length_us; /* moved as it is, unless its end is said */
    if (end && !read_when(r, s, "end", end, &b->end_us))
        return false;
    if (json_object_has_member(body, "minutes"))
        b->end_us = b->start_us + json_object_get_int_member(body, "minutes") * 60 * G_USEC_PER_SEC;
    return true;
}

static bool check_posts(MdApiRequest *r, MdApiMeetings *s, const MdBooking *b)
{
    const char *const posts[] = {b->chair, b->co_chair, b->secretary, b->technician};

    for (unsigned i = 0; i < G_N_ELEMENTS(posts); i++)
        if (*posts[i] && !md_api_meeting_knows(s, posts[i])) {
            g_autofree char *message = g_strdup_printf("there is no account '%s'", posts[i]);
            md_api_reply_error(r, 400, "invalid-field", message, "chair, co_chair, secretary and technician are accounts");
            return false;
        }
    return true;
}

/* The body onto b. False: told. */
static bool take(MdApiRequest *r, MdApiMeetings *s, MdBooking *b)
{
    JsonObject *body = md_api_request_body(r);
    g_autoptr(GError) error = NULL;

    take_text(body, "title", &b->title);
    take_text(body, "room", &b->room);
    take_text(body, "chair", &b->chair);
    take_text(body, "co_chair", &b->co_chair);
    take_text(body, "secretary", &b->secretary);
    take_text(body, "technician", &b->technician);
    take_text(body, "pin", &b->pin);
    take_text(body, "chair_pin", &b->chair_pin);
    take_text(body, "language", &b->language);
    take_flag(body, "lobby", &b->lobby);
    take_flag(body, "mute_on_entry", &b->mute_on_entry);
    take_flag(body, "wait_for_chair", &b->wait_for_chair);
    take_flag(body, "confidential", &b->confidential);
    take_flag(body, "record", &b->record);
    take_flag(body, "dial", &b->dial);
    take_flag(body, "trial", &b->trial);
    take_number(body, "max_minutes", &b->max_minutes);
    take_number(body, "open_min", &b->open_min);
    take_number(body, "grace_min", &b->grace_min);
    take_agenda(body, b);
    if (!take_times(r, s, body, b) || !check_posts(r, s, b))
        return false;
    if (md_api_meeting_invite(s, body, b, &error))
        return true;
    md_api_meeting_error(r, error);
    return false;
}

typedef struct Put {
    MdApiRequest *request;
    MdApiMeetings *s;
    GPtrArray *clashes;        /* MdClash*, NULL none */
    bool fresh, refused;
    GError *error;
} Put;

static void reply_clash(Put *put)
{
    GTimeZone *zone = md_meetings_zone(put->s->meetings);
    JsonObject *o = json_object_new(), *error = json_object_new();
    JsonArray *array = json_array_new();

    json_object_set_string_member(error, "code", "clash");
    json_object_set_string_member(error, "message", put->error->message);
    json_object_set_string_member(error, "hint", "choose another time, leave the sites out, or give force_because");
    for (unsigned i = 0; i < put->clashes->len; i++) {
        const MdClash *clash = put->clashes->pdata[i];
        JsonObject *one = json_object_new();
        json_object_set_string_member(one, "what", clash->room ? "room" : "site");
        json_object_set_string_member(one, "account", clash->account);
        json_object_set_string_member(one, "name", clash->name);
        json_object_set_string_member(one, "meeting", clash->meeting);
        json_object_set_string_member(one, "title", clash->title);
        set_local(one, "start", clash->start_us, zone);
        set_local(one, "end", clash->end_us, zone);
        json_array_add_object_element(array, one);
    }
    json_object_set_object_member(o, "error", error);
    json_object_set_array_member(o, "clashes", array);
    md_api_reply(put->request, 409, md_api_meeting_object(o));
}

static void put_free(Put *put)
{
    g_clear_pointer(&put->clashes, g_ptr_array_unref);
    g_clear_error(&put->error);
    g_free(put);
}

/* Refused at once, this runs before md_meetings_put has returned: the clashes are not there yet. */
static void on_put(const MdBooking *b, const GError *error, void *user)
{
    Put *put = user;

    if (error && error->domain == MD_MEETING_ERROR && error->code == MD_MEETING_ERROR_CLASH) {
        put->error = g_error_copy(error);
        put->refused = true;
        return;
    }
    if (error)
        md_api_meeting_error(put->request, error);
    else
        md_api_reply(put->request, put->fresh ? 201 : 200,
                     md_api_request_api(put->request) ? md_api_meeting_object(md_api_meeting_json(put->s, b, true, true)) : NULL);
    put_free(put);
}

static void put(MdApiRequest *r, MdApiMeetings *s, const MdBooking *b, bool fresh)
{
    JsonObject *body = md_api_request_body(r);
    const char *because = json_object_get_string_member_with_default(body, "force_because", NULL);
    GPtrArray *clashes = NULL;
    Put *put = g_new0(Put, 1);

    *put = (Put){.request = r, .s = s, .fresh = fresh};
    md_meetings_put(s->meetings, b, because, md_api_request_user(r), &clashes, on_put, put);
    if (!clashes)
        return;
    put->clashes = clashes;
    reply_clash(put);
    put_free(put);
}

static void create(MdApiRequest *r, void *user)
{
    g_autoptr(MdBooking) b = md_meetings_draft(((MdApiMeetings *)user)->meetings);

    if (take(r, user, b))
        put(r, user, b, true);
}

static void change(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(MdBooking) present = md_api_meeting_of(r, s);

    if (!present)
        return;
    g_autoptr(MdBooking) b = md_booking_copy(present);
    b->version = json_object_get_int_member(md_api_request_body(r), "version");
    if (take(r, s, b))
        put(r, s, b, false);
}

/* --- orders --- */

typedef struct Order {
    MdApiRequest *request;
    MdApiMeetings *s;
} Order;

static void on_order(const MdBooking *b, const GError *error, void *user)
{
    Order *order = user;

    if (error)
        md_api_meeting_error(order->request, error);
    else
        md_api_reply(order->request, 200,
                     md_api_request_api(order->request) ? md_api_meeting_object(md_api_meeting_json(order->s, b, true, false)) : NULL);
    g_free(order);
}

static Order *order_new(MdApiRequest *r, MdApiMeetings *s)
{
    Order *order = g_new(Order, 1);

    *order = (Order){r, s};
    return order;
}

static void cancel(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(MdBooking) b = md_api_meeting_of(r, s);

    if (b && md_api_meeting_may(r, b, MD_API_MEETING_RUN))
        md_meetings_cancel(s->meetings, b->id, json_object_get_string_member(md_api_request_body(r), "because"), md_api_request_user(r), on_order,
                           order_new(r, s));
}

static void start(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(MdBooking) b = md_api_meeting_of(r, s);

    if (b && md_api_meeting_may(r, b, MD_API_MEETING_RUN))
        md_meetings_start(s->meetings, b->id, md_api_request_user(r), on_order, order_new(r, s));
}

static void end(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(MdBooking) b = md_api_meeting_of(r, s);

    if (b && md_api_meeting_may(r, b, MD_API_MEETING_RUN))
        md_meetings_end(s->meetings, b->id, md_api_request_user(r), on_order, order_new(r, s));
}

#define PIN "{\"type\":\"string\",\"pattern\":\"^([0-9]{4,12})?$\"}"
#define POST "{\"type\":\"string\",\"maxLength\":256,\"description\":\"account; empty: nobody\"}"
#define WHEN "{\"type\":\"string\",\"minLength\":10,\"maxLength\":40,\"description\":\"local time like 2026-11-23T08:00, or with its zone\"}"
#define AGENDA                                                                                                         \
    "{\"type\":\"array\",\"maxItems\":200,\"items\":{\"type\":\"object\",\"required\":[\"subject\"],\"additionalProperties\":false,\"properties\":{"     \
    "\"who\":{\"type\":\"string\",\"maxLength\":200},\"subject\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":300},"              \
    "\"minutes\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1440}}}}"
#define SITES                                                                                                          \
    "{\"type\":\"array\",\"maxItems\":500,\"items\":{\"type\":\"object\",\"required\":[\"account\"],\"additionalProperties\":false,\"properties\":{"   \
    "\"account\":" MT_ACCOUNT ",\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":200},\"role\":" MT_ROLE "}}}"
#define WORDS(most) "{\"type\":\"array\",\"maxItems\":" most ",\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64}}"
#define FIELDS                                                                                                         \
    "\"title\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":200},\"room\":{\"type\":\"string\",\"pattern\":\"^[a-z0-9._-]{1,64}$\"},"              \
    "\"start\":" WHEN ",\"end\":" WHEN ",\"minutes\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1440},\"agenda\":" AGENDA ",\"sites\":" SITES       \
    ",\"invite\":{\"type\":\"object\",\"additionalProperties\":false,\"description\":\"more sites: one by one, by saved list, all of an area and below, by role\","     \
    "\"properties\":{\"accounts\":" MT_ACCOUNTS("0") ",\"lists\":" WORDS("50") ",\"areas\":" WORDS("200") ",\"roles\":" WORDS("10") "}},"             \
    "\"uninvite\":" MT_ACCOUNTS("0") ",\"chair\":" POST ",\"co_chair\":" POST ",\"secretary\":" POST ",\"technician\":" POST ",\"pin\":" PIN            \
    ",\"chair_pin\":" PIN ",\"language\":{\"type\":\"string\",\"enum\":[\"\",\"vi\",\"en\"]},\"lobby\":" MT_FLAG ",\"mute_on_entry\":" MT_FLAG         \
    ",\"wait_for_chair\":" MT_FLAG ",\"confidential\":" MT_FLAG ",\"record\":" MT_FLAG ",\"dial\":" MT_FLAG ",\"trial\":" MT_FLAG                  \
    ",\"max_minutes\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1440},\"open_min\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":120},"       \
    "\"grace_min\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":720},"                                                \
    "\"force_because\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":300,\"description\":\"clashes or not\"}"
#define MEETING                                                                                                        \
    "{\"type\":\"object\",\"required\":[\"id\",\"version\",\"state\",\"title\",\"room\",\"start\",\"end\",\"start_us\",\"end_us\"],\"properties\":{\"id\":" MT_TEXT  \
    ",\"version\":" MT_INT ",\"state\":{\"type\":\"string\",\"enum\":[\"scheduled\",\"open\",\"live\",\"ended\",\"cancelled\"]},\"title\":" MT_TEXT      \
    ",\"room\":" MT_TEXT ",\"start\":" MT_TEXT ",\"end\":" MT_TEXT ",\"start_us\":" MT_TIME ",\"end_us\":" MT_TIME ",\"n_sites\":" MT_INT          \
    ",\"has_pin\":" MT_FLAG ",\"confidential\":" MT_FLAG ",\"notice\":" MT_TEXT ",\"opened_us\":" MT_TIME ",\"started_us\":" MT_TIME             \
    ",\"ended_us\":" MT_TIME ",\"forced_because\":" MT_TEXT ",\"cancelled_because\":" MT_TEXT ",\"agenda\":{\"type\":\"array\"},\"sites\":{\"type\":\"array\"}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/meetings", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list,
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"from\":" WHEN ",\"to\":" WHEN
                     ",\"mine\":{\"type\":\"boolean\"},\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":2000}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"meetings\"],\"properties\":{\"meetings\":{\"type\":\"array\",\"items\":" MEETING "}}}",
     .summary = "Meetings by their start: since yesterday and two months ahead, or between two times; mine: where the account takes part."},
    {.method = "POST", .path = "/meetings", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .handler = create, .body_max = 256 * 1024,
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"title\",\"start\"],\"properties\":{" FIELDS "}}",
     .response_schema = MEETING,
     .summary = "Book a meeting; a site or room that is taken at that time is told (409, clashes) unless force_because is given."},
    {.method = "GET", .path = "/meetings/{meeting}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show, .response_schema = MEETING,
     .summary = "One meeting, with agenda and invited sites."},
    {.method = "PATCH", .path = "/meetings/{meeting}", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .handler = change,
     .body_max = 256 * 1024,
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"version\"],\"properties\":{\"version\":" MT_INT "," FIELDS "}}",
     .response_schema = MEETING, .summary = "Change a meeting from the version that was read; sites of one under way are called or let go at once."},
    {.method = "POST", .path = "/meetings/{meeting}/cancel", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = cancel,
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"because\"],\"properties\":{\"because\":{\"type\":\"string\","
                       "\"minLength\":1,\"maxLength\":300}}}",
     .response_schema = MEETING, .summary = "Call a meeting off: for who operates meetings and its chairs."},
    {.method = "POST", .path = "/meetings/{meeting}/start", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = start, .response_schema = MEETING,
     .summary = "Begin now instead of waiting for the start."},
    {.method = "POST", .path = "/meetings/{meeting}/end", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = end, .response_schema = MEETING,
     .summary = "End a meeting for all."},
};

void md_api_add_meetings(MdApi *api, MdMeetings *meetings, SgAccounts *accounts, BcBroadcast *broadcast)
{
    MdApiMeetings *s = g_new0(MdApiMeetings, 1);

    *s = (MdApiMeetings){api, meetings, accounts, broadcast};
    md_api_own(api, s, g_free);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), s);
    md_api_add_meeting_links(s);
    md_api_add_meeting_papers(s);
    md_api_add_meeting_trial(s);
    md_api_add_site_lists(s);
}
