/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /feedback: what people report, from the province's app (with a key) or written down by an officer; its answers. Names and telephone
 * numbers are for those who work on it: reading needs the right to edit, in the report's area. */
#include "broadcast/report/feedback.h"
#include <string.h>
#include "mediad/api/broadcast-json.h"
#include "mediad/api/key.h"

#define PER_MINUTE_KEY 120     /* an app speaks for many people */
#define PER_MINUTE_ACCOUNT 20

typedef struct Inbox {
    MdApiBroadcast a;
    MdApiReports with;
    GHashTable *given;         /* channel → how many in this minute */
    int64_t minute;
} Inbox;

static void inbox_free(gpointer data)
{
    Inbox *in = data;

    g_hash_table_unref(in->given);
    g_free(in);
}

static JsonObject *feedback_json(const BcFeedback *f)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "id", f->id);
    json_object_set_string_member(o, "area", f->area);
    json_object_set_string_member(o, "channel", f->channel);
    json_object_set_string_member(o, "name", f->name);
    json_object_set_string_member(o, "phone", f->phone);
    json_object_set_string_member(o, "text", f->text);
    json_object_set_string_member(o, "state", bc_feedback_state_to_string(f->state));
    json_object_set_string_member(o, "assigned", f->assigned);
    json_object_set_string_member(o, "answer", f->answer);
    json_object_set_string_member(o, "answered_by", f->answered_by);
    json_object_set_string_member(o, "bulletin", f->bulletin);
    json_object_set_int_member(o, "created_us", f->created_us);
    json_object_set_int_member(o, "changed_us", f->changed_us);
    json_object_set_int_member(o, "files", f->files);
    return o;
}

/* --- handing in --- */

typedef struct Given {
    MdApiRequest *request;
    MdApi *api;
    char *id, *area;
} Given;

static void given_free(Given *g)
{
    g_free(g->id);
    g_free(g->area);
    g_free(g);
}

static void on_given(const GError *error, void *user)
{
    Given *g = user;

    if (error) {
        md_api_bc_error(g->request, error);
    } else {
        JsonObject *o = json_object_new(), *event = json_object_new();
        json_object_set_string_member(o, "id", g->id);
        json_object_set_string_member(event, "id", g->id);
        json_object_set_string_member(event, "area", g->area);
        if (md_api_request_api(g->request))
            md_api_publish_to(g->api, "feedback.new", md_api_bc_object(event), MD_API_TELL_WITHIN, g->area);
        else
            json_object_unref(event);
        md_api_reply(g->request, 201, md_api_bc_object(o));
    }
    given_free(g);
}

static bool within_budget(Inbox *in, const char *channel, unsigned most)
{
    int64_t minute = bc_broadcast_wall_us(in->a.b) / (60 * G_USEC_PER_SEC);

    if (minute != in->minute)
        g_hash_table_remove_all(in->given);
    in->minute = minute;
    unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(in->given, channel)) + 1;
    g_hash_table_insert(in->given, g_strdup(channel), GUINT_TO_POINTER(n));
    return n <= most;
}

/* False: told. */
static bool read_files(MdApiRequest *r, JsonArray *array, BcFeedbackFile files[BC_FEEDBACK_FILES_MAX])
{
    for (unsigned i = 0; array && i < json_array_get_length(array); i++) {
        JsonObject *file = json_array_get_object_element(array, i);
        const char *text = json_object_get_string_member(file, "base64");
        gsize size = 0;
        guchar *bytes = strlen(text) <= BC_FEEDBACK_FILE_MAX / 3 * 4 + 4 ? g_base64_decode(text, &size) : NULL;
        if (!bytes || size == 0 || size > BC_FEEDBACK_FILE_MAX) {
            g_autofree char *message = g_strdup_printf("field 'files', number %u: not base64, empty, or larger than %u bytes", i + 1, BC_FEEDBACK_FILE_MAX);
            md_api_reply_error(r, 400, "invalid-field", message, NULL);
            g_free(bytes);
            return false;
        }
        files[i] = (BcFeedbackFile){json_object_get_string_member(file, "name"), json_object_get_string_member(file, "media_type"),
                                    g_bytes_new_take(bytes, size)};
    }
    return true;
}

static void take(MdApiRequest *r, Inbox *in, const char *channel)
{
    JsonObject *body = md_api_request_body(r);
    JsonArray *array = json_object_has_member(body, "files") ? json_object_get_array_member(body, "files") : NULL;
    BcFeedbackFile files[BC_FEEDBACK_FILES_MAX] = {0};
    BcFeedback f = {.area = json_object_get_string_member(body, "area"), .channel = channel, .name = md_api_bc_text(body, "name", NULL),
                    .phone = md_api_bc_text(body, "phone", NULL), .text = json_object_get_string_member(body, "text"),
                    .created_us = bc_broadcast_wall_us(in->a.b)};

    if (read_files(r, array, files)) {
        Given *given = g_new0(Given, 1);
        *given = (Given){r, in->a.api, NULL, g_strdup(f.area)};
        bc_feedback_add(md_api_store(in->a.api), &f, files, array ? json_array_get_length(array) : 0, &given->id, on_given, given);
    }
    for (unsigned i = 0; i < BC_FEEDBACK_FILES_MAX; i++)
        g_clear_pointer(&files[i].bytes, g_bytes_unref);
}

static void give(MdApiRequest *r, void *user)
{
    Inbox *in = user;
    const char *area = json_object_get_string_member(md_api_request_body(r), "area");
    g_autofree char *key = NULL, *key_area = NULL;
    bool signed_in = md_api_role_rights(md_api_request_role(r)) & MD_API_MAY_EDIT;

    if (!signed_in && !md_api_request_key(r, "feedback", &key, &key_area)) {
        md_api_reply_error(r, 401, "not-signed-in", "this needs an account that may edit, or the key of a channel",
                           "send X-Api-Key; an administrator makes one: POST /api/v1/keys");
        return;
    }
    g_autofree char *channel = signed_in ? g_strdup_printf("account:%s", md_api_request_user(r)) : g_strdup(key);
    if (!within_budget(in, channel, signed_in ? PER_MINUTE_ACCOUNT : PER_MINUTE_KEY)) {
        md_api_reply_error(r, 429, "too-many-requests", "too many reports by this channel", "wait a minute");
        return;
    }
    if (!bc_areas_find(bc_broadcast_areas(in->a.b), area)) {
        md_api_reply_error(r, 400, "invalid-field", "field 'area': there is no such area", "GET /api/v1/areas lists them");
        return;
    }
    if (signed_in ? !md_api_bc_may(r, &in->a, area) : *key_area && !bc_areas_contains(bc_broadcast_areas(in->a.b), key_area, area)) {
        if (!signed_in)
            md_api_reply_error(r, 403, "other-area", "this key is for another area", NULL);
        return;
    }
    take(r, in, channel);
}

/* --- working on it --- */

typedef struct Look {
    MdApiRequest *request;
    Inbox *in;
    JsonArray *array;
    JsonObject *one;
} Look;

static void add_seen(const BcFeedback *f, void *user)
{
    Look *look = user;

    if (look->array && md_api_bc_sees_area(look->request, &look->in->a, f->area))
        json_array_add_object_element(look->array, feedback_json(f));
    else if (!look->array)
        look->one = feedback_json(f);
}

static void list(MdApiRequest *r, void *user)
{
    Look look = {r, user, json_array_new(), NULL};
    const char *state = md_api_request_query(r, "state");
    g_autoptr(GError) error = NULL;
    BcFeedbackFilter filter = {.state = state ? (int)bc_feedback_state_from_string(state) : BC_FEEDBACK_STATE_MAX,
                               .before_us = md_api_bc_number(r, "before_us", 0), .limit = (unsigned)md_api_bc_number(r, "limit", 100)};

    if (bc_feedback_list(md_api_store(look.in->a.api), &filter, add_seen, &look, &error)) {
        md_api_reply(r, 200, md_api_bc_list("feedback", look.array));
        return;
    }
    json_array_unref(look.array);
    md_api_bc_error(r, error);
}

/* The report of the address; NULL: told. Of another area: as if there were none. */
static JsonObject *find(MdApiRequest *r, Inbox *in)
{
    Look look = {r, in, NULL, NULL};
    BcFeedbackFilter filter = {.id = md_api_request_param(r, "feedback"), .state = BC_FEEDBACK_STATE_MAX, .limit = 1};
    g_autoptr(GError) error = NULL;

    if (!bc_feedback_list(md_api_store(in->a.api), &filter, add_seen, &look, &error)) {
        md_api_bc_error(r, error);
        return NULL;
    }
    if (look.one && md_api_bc_sees_area(r, &in->a, json_object_get_string_member(look.one, "area")))
        return look.one;
    g_clear_pointer(&look.one, json_object_unref);
    md_api_reply_error(r, 404, "not-found", "there is no such report", "GET /api/v1/feedback lists them");
    return NULL;
}

static void show(MdApiRequest *r, void *user)
{
    JsonObject *one = find(r, user);

    if (one)
        md_api_reply(r, 200, md_api_bc_object(one));
}

static void show_file(MdApiRequest *r, void *user)
{
    Inbox *in = user;
    JsonObject *one = find(r, in);
    g_autofree char *name = NULL, *type = NULL;
    g_autoptr(GError) error = NULL;

    if (!one)
        return;
    json_object_unref(one);
    g_autoptr(GBytes) bytes = bc_feedback_file(md_api_store(in->a.api), md_api_request_param(r, "feedback"),
                                               (unsigned)g_ascii_strtoull(md_api_request_param(r, "n"), NULL, 10), &name, &type, &error);
    if (bytes)
        md_api_reply_bytes(r, 200, type, bytes);
    else
        md_api_bc_error(r, error);
}

static void on_step(const GError *error, void *user)
{
    if (error)
        md_api_bc_error(user, error);
    else
        md_api_reply(user, 204, NULL);
}

static void step(MdApiRequest *r, Inbox *in, BcFeedbackState to, const char *member)
{
    JsonObject *one = find(r, in), *body = md_api_request_body(r);

    if (!one)
        return;
    bc_feedback_step(md_api_store(in->a.api), json_object_get_string_member(one, "id"), to, body ? md_api_bc_text(body, member, NULL) : NULL,
                     md_api_request_user(r), bc_broadcast_wall_us(in->a.b), on_step, r);
    json_object_unref(one);
}

static void assign(MdApiRequest *r, void *user)
{
    step(r, user, BC_FEEDBACK_ASSIGNED, "to");
}

static void answer(MdApiRequest *r, void *user)
{
    step(r, user, BC_FEEDBACK_ANSWERED, "text");
}

static void close_it(MdApiRequest *r, void *user)
{
    step(r, user, BC_FEEDBACK_CLOSED, "reason");
}

typedef struct Draft {
    MdApiRequest *request;
    MdStore *store;
    char *feedback, *bulletin;
} Draft;

static void on_linked(const GError *error, void *user)
{
    Draft *d = user;

    if (error) {
        md_api_bc_error(d->request, error);
    } else {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "bulletin", d->bulletin);
        md_api_reply(d->request, 201, md_api_bc_object(o));
    }
    g_free(d->feedback);
    g_free(d->bulletin);
    g_free(d);
}

static void on_draft(const char *id, const GError *error, void *user)
{
    Draft *d = user;

    d->bulletin = g_strdup(id);
    if (id && md_api_request_api(d->request))
        bc_feedback_set_bulletin(d->store, d->feedback, id, on_linked, d);
    else
        on_linked(error, d);
}

/* Where suitable, the answer is broadcast (Decree 49/2024): it goes the way of every bulletin, from a draft on. */
static void make_bulletin(MdApiRequest *r, void *user)
{
    Inbox *in = user;
    JsonObject *one = find(r, in);

    if (!one)
        return;
    const char *text = json_object_get_string_member(one, "answer"), *id = json_object_get_string_member(one, "id");
    if (!*text) {
        md_api_reply_error(r, 409, "wrong-state", "it is not answered yet", "POST /api/v1/feedback/{feedback}/answer");
    } else if (*json_object_get_string_member(one, "bulletin")) {
        md_api_reply_error(r, 409, "exists", "a bulletin was made of this answer already", json_object_get_string_member(one, "bulletin"));
    } else if (!in->with.draft) {
        md_api_reply_error(r, 409, "wrong-state", "no bulletins are kept here", NULL);
    } else {
        Draft *d = g_new0(Draft, 1);
        *d = (Draft){r, md_api_store(in->a.api), g_strdup(id), NULL};
        in->with.draft(json_object_get_string_member(one, "area"), id, md_api_bc_text(md_api_request_body(r), "title", NULL), text,
                       md_api_request_user(r), on_draft, d, in->with.user);
    }
    json_object_unref(one);
}

#define STATE "{\"type\":\"string\",\"enum\":[\"new\",\"assigned\",\"answered\",\"closed\"]}"
#define TEXT "{\"type\":\"string\",\"minLength\":1,\"maxLength\":8000}"
#define ITEM                                                                                                           \
    "{\"type\":\"object\",\"required\":[\"id\",\"area\",\"text\",\"state\",\"answer\",\"files\"],\"properties\":{\"id\":" BC_CODE ",\"area\":" BC_CODE                    \
    ",\"channel\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},\"phone\":{\"type\":\"string\"},\"text\":{\"type\":\"string\"},\"state\":" STATE              \
    ",\"assigned\":{\"type\":\"string\"},\"answer\":{\"type\":\"string\"},\"answered_by\":{\"type\":\"string\"},\"bulletin\":{\"type\":\"string\"},"               \
    "\"created_us\":" BC_TIME ",\"changed_us\":" BC_TIME ",\"files\":" BC_INT "}}"
#define EDITOR .rights = MD_API_MAY_EDIT, .role = MD_API_BROADCASTER

static const MdApiRoute routes[] = {
    {.method = "POST", .path = "/feedback", .role = MD_API_ANYBODY, .handler = give, .body_max = 9u << 20,
     .summary = "Hand in what somebody reports: with the key of a channel in X-Api-Key, or by an account that may edit.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"area\",\"text\"],\"properties\":{\"area\":" BC_CODE ",\"text\":" TEXT
                       ",\"name\":" BC_TEXT ",\"phone\":{\"type\":\"string\",\"pattern\":\"^[0-9+(). -]{0,32}$\"},\"files\":{\"type\":\"array\",\"maxItems\":3,"
                       "\"items\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\",\"media_type\",\"base64\"],\"properties\":{\"name\":" BC_NAME
                       ",\"media_type\":" BC_TEXT ",\"base64\":{\"type\":\"string\",\"description\":\"at most 2 MiB decoded\"}}}}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"id\"],\"properties\":{\"id\":" BC_CODE "}}"},
    {.method = "GET", .path = "/feedback", EDITOR, .handler = list, .summary = "What people report in the account's area, newest first.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"state\":" STATE ",\"before_us\":{\"type\":\"integer\",\"minimum\":0},"
                     "\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"feedback\"],\"properties\":{\"feedback\":{\"type\":\"array\",\"items\":" ITEM "}}}"},
    {.method = "GET", .path = "/feedback/{feedback}", EDITOR, .handler = show, .summary = "One report.", .response_schema = ITEM},
    {.method = "GET", .path = "/feedback/{feedback}/files/{n}", EDITOR, .handler = show_file, .summary = "An attachment, from 0.",
     .response_type = "application/octet-stream"},
    {.method = "POST", .path = "/feedback/{feedback}/assign", EDITOR, .handler = assign, .summary = "Give it to somebody to answer.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"to\"],\"properties\":{\"to\":" BC_NAME "}}"},
    {.method = "POST", .path = "/feedback/{feedback}/answer", EDITOR, .handler = answer, .summary = "Answer it; until it is closed the answer may be changed.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"text\"],\"properties\":{\"text\":" TEXT "}}"},
    {.method = "POST", .path = "/feedback/{feedback}/close", EDITOR, .handler = close_it, .summary = "Close it; it stays so.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"reason\":" BC_TEXT "}}"},
    {.method = "POST", .path = "/feedback/{feedback}/bulletin", EDITOR, .handler = make_bulletin,
     .summary = "Make the draft of a bulletin of the answer.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"title\"],\"properties\":{\"title\":" BC_NAME "}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"bulletin\"],\"properties\":{\"bulletin\":" BC_CODE "}}"},
};

void md_api_add_feedback(MdApi *api, BcBroadcast *broadcast, const MdApiReports *with)
{
    Inbox *in = g_new0(Inbox, 1);

    in->a = (MdApiBroadcast){api, broadcast};
    in->with = *with;
    in->given = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    md_api_own(api, in, inbox_free);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), in);
}
