/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /content: recordings that can be heard. */
#include "mediad/api/broadcast-json.h"
#include <string.h>

static JsonObject *content_json(const BcContent *c)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "id", c->id);
    json_object_set_string_member(o, "title", c->title);
    md_api_bc_set_text(o, "name", c->source_name);
    md_api_bc_set_text(o, "media_type", c->media_type);
    md_api_bc_set_text(o, "text", c->text);
    json_object_set_int_member(o, "bytes", c->source_bytes);
    json_object_set_int_member(o, "duration_us", c->duration_us);
    json_object_set_double_member(o, "loudness_in", c->loudness_in);
    json_object_set_double_member(o, "loudness", c->loudness);
    json_object_set_double_member(o, "true_peak", c->true_peak);
    json_object_set_double_member(o, "gain_db", c->gain_db);
    json_object_set_double_member(o, "clipped_permille", c->clipped_permille);
    json_object_set_int_member(o, "created_us", c->created_us);
    md_api_bc_set_text(o, "created_by", c->created_by);
    return o;
}

static void list_content(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = bc_contents_list(bc_broadcast_contents(a->b));

    for (unsigned i = 0; i < all->len; i++)
        json_array_add_object_element(array, content_json(all->pdata[i]));
    md_api_reply(r, 200, md_api_bc_list("content", array));
}

static const BcContent *content_of(MdApiRequest *r, MdApiBroadcast *a)
{
    const BcContent *content = bc_contents_find(bc_broadcast_contents(a->b), md_api_request_param(r, "content"));

    if (!content)
        md_api_reply_error(r, 404, "not-found", "there is no such recording", "GET /api/v1/content lists them");
    return content;
}

static void show_content(MdApiRequest *r, void *user)
{
    const BcContent *content = content_of(r, user);

    if (content)
        md_api_reply(r, 200, md_api_bc_object(content_json(content)));
}

static void get_sound(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const BcContent *content = content_of(r, a);

    if (!content)
        return;
    g_autofree char *path = bc_contents_path(bc_broadcast_contents(a->b), content->id, BC_PROFILE_MP3);
    md_api_reply_file(r, path, "audio/mpeg", content->id);
}

static void on_content(const BcContent *content, const GError *error, void *user)
{
    if (error)
        md_api_bc_error(user, error);
    else
        md_api_reply(user, 201, md_api_bc_object(content_json(content)));
}

static void add_file(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const char *name = md_api_request_query(r, "name"), *title = md_api_request_query(r, "title");
    const char *file = md_api_request_body_file(r, NULL);

    if (!file)
        md_api_reply_error(r, 400, "no-body", "the recording itself is the body of this request", NULL);
    else
        bc_contents_add_file(bc_broadcast_contents(a->b), file, title ? title : name ? name : "bulletin", name, md_api_request_user(r),
                             on_content, r);
}

static void add_speech(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonObject *body = md_api_request_body(r);

    bc_contents_add_text(bc_broadcast_contents(a->b), json_object_get_string_member(body, "text"),
                         json_object_get_string_member(body, "title"), md_api_request_user(r), on_content, r);
}

static void on_changed(const GError *error, void *user)
{
    if (error)
        md_api_bc_error(user, error);
    else
        md_api_reply(user, 204, NULL);
}

static void remove_content(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const BcContent *content = content_of(r, a);

    if (!content)
        return;
    if (md_api_request_area(r)[0] && g_strcmp0(content->created_by, md_api_request_user(r)) != 0)
        md_api_reply_error(r, 403, "other-area", "somebody else made this recording", "an account for the whole province may remove it");
    else
        bc_contents_remove(bc_broadcast_contents(a->b), content->id, on_changed, r);
}

static void list_jobs(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonArray *array = json_array_new();
    g_autoptr(GArray) jobs = bc_contents_jobs(bc_broadcast_contents(a->b));

    for (unsigned i = 0; i < jobs->len; i++) {
        const BcContentJob *job = &g_array_index(jobs, BcContentJob, i);
        JsonObject *o = json_object_new();
        json_object_set_int_member(o, "id", job->id);
        json_object_set_string_member(o, "title", job->title);
        json_object_set_int_member(o, "percent", job->permille / 10);
        json_array_add_object_element(array, o);
    }
    md_api_reply(r, 200, md_api_bc_list("jobs", array));
}

static bool is_own_job(MdApiRequest *r, MdApiBroadcast *a)
{
    g_autoptr(GArray) jobs = bc_contents_jobs(bc_broadcast_contents(a->b));
    unsigned id = (unsigned)g_ascii_strtoull(md_api_request_param(r, "job"), NULL, 10);

    for (unsigned i = 0; i < jobs->len; i++) {
        const BcContentJob *job = &g_array_index(jobs, BcContentJob, i);
        if (job->id == id)
            return g_strcmp0(job->created_by, md_api_request_user(r)) == 0;
    }
    return true; /* no such job: the answer says so */
}

static void cancel_job(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;

    if (md_api_request_area(r)[0] && !is_own_job(r, a))
        md_api_reply_error(r, 403, "other-area", "somebody else has this recording taken in", NULL);
    else if (bc_contents_cancel(bc_broadcast_contents(a->b), (unsigned)g_ascii_strtoull(md_api_request_param(r, "job"), NULL, 10)))
        md_api_reply(r, 204, NULL);
    else
        md_api_reply_error(r, 404, "not-found", "no such recording is being taken in", "GET /api/v1/content-jobs lists them");
}

#define CONTENT                                                                                                        \
    "{\"type\":\"object\",\"required\":[\"id\",\"title\",\"duration_us\",\"loudness\",\"true_peak\",\"created_us\"],\"properties\":{"          \
    "\"id\":{\"type\":\"string\",\"description\":\"SHA-256 of the file it came from\"},\"title\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"}," \
    "\"media_type\":{\"type\":\"string\"},\"text\":{\"type\":\"string\"},\"bytes\":" BC_INT ",\"duration_us\":" BC_INT                 \
    ",\"loudness_in\":{\"type\":\"number\",\"description\":\"LUFS of the file\"},\"loudness\":{\"type\":\"number\",\"description\":\"LUFS as broadcast\"}," \
    "\"true_peak\":{\"type\":\"number\",\"description\":\"dBTP as broadcast\"},\"gain_db\":{\"type\":\"number\"},"                     \
    "\"clipped_permille\":{\"type\":\"number\"},\"created_us\":" BC_TIME ",\"created_by\":{\"type\":\"string\"}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/content", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_content, .summary = "What can be broadcast, newest first.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"content\"],\"properties\":{\"content\":{\"type\":\"array\",\"items\":" CONTENT "}}}"},
    {.method = "POST", .path = "/content", .rights = MD_API_MAY_EDIT, .role = MD_API_BROADCASTER, .handler = add_file, .raw_body = true, .body_max = 1024u << 20,
     .summary = "Take in a recording (any sound or video file): it is levelled to -16 LUFS and stored; answers when it is ready.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"title\":" BC_NAME ",\"name\":" BC_TEXT "}}",
     .response_schema = CONTENT},
    {.method = "POST", .path = "/content/speech", .rights = MD_API_MAY_EDIT, .role = MD_API_BROADCASTER, .handler = add_speech,
     .summary = "Have a text spoken and stored; answers when it is ready.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"text\",\"title\"],\"properties\":{"
                       "\"text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":20000,\"description\":\"at most 20,000 bytes of UTF-8\"},\"title\":" BC_NAME "}}",
     .response_schema = CONTENT},
    {.method = "GET", .path = "/content/{content}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show_content, .summary = "One recording.",
     .response_schema = CONTENT},
    {.method = "GET", .path = "/content/{content}/sound", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = get_sound, .summary = "Listen to a recording (MP3).",
     .response_type = "audio/mpeg"},
    {.method = "DELETE", .path = "/content/{content}", .rights = MD_API_MAY_EDIT, .role = MD_API_BROADCASTER, .handler = remove_content,
     .summary = "Remove a recording that no schedule plays; accounts bound to an area remove their own."},
    {.method = "GET", .path = "/content-jobs", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_jobs, .summary = "Recordings being taken in.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"jobs\"],\"properties\":{\"jobs\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
                        "\"required\":[\"id\",\"title\",\"percent\"],\"properties\":{\"id\":" BC_INT ",\"title\":{\"type\":\"string\"},\"percent\":" BC_INT "}}}}}"},
    {.method = "DELETE", .path = "/content-jobs/{job}", .rights = MD_API_MAY_EDIT, .role = MD_API_BROADCASTER, .handler = cancel_job, .summary = "Stop taking a recording in."},
};

void md_api_add_content(MdApiBroadcast *a)
{
    md_api_add_routes(a->api, routes, G_N_ELEMENTS(routes), a);
}
