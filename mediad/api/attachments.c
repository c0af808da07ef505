/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /attachments: files that belong to bulletins. */
#include "mediad/api/bulletin-json.h"

static JsonObject *attachment_json(const BcAttachment *a)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "id", a->id);
    md_api_bc_set_text(o, "name", a->name);
    json_object_set_string_member(o, "media_type", a->media_type);
    json_object_set_string_member(o, "kind", bc_attachment_kind_to_string(a->kind));
    json_object_set_int_member(o, "bytes", a->bytes);
    json_object_set_int_member(o, "duration_us", a->duration_us);
    json_object_set_int_member(o, "width", a->width);
    json_object_set_int_member(o, "height", a->height);
    json_object_set_int_member(o, "created_us", a->created_us);
    md_api_bc_set_text(o, "created_by", a->created_by);
    return o;
}

static void list(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = bc_attachments_list(b->attachments);

    int64_t left = md_api_bc_number(r, "limit", INT64_MAX);

    for (unsigned i = 0; i < all->len && left > 0; i++) {
        const BcAttachment *a = all->pdata[i];
        if (a->area && *a->area && !md_api_concerns(r, b, a->area))
            continue;
        json_array_add_object_element(array, attachment_json(a));
        left--;
    }
    const BcAttachmentOptions *limits = bc_attachments_limits(b->attachments);
    JsonObject *o = json_object_new(), *most = json_object_new();
    json_object_set_int_member(most, "image_bytes", limits->image_max_bytes);
    json_object_set_int_member(most, "media_bytes", limits->media_max_bytes);
    json_object_set_int_member(most, "duration_us", limits->duration_max_us);
    json_object_set_array_member(o, "attachments", array);
    json_object_set_object_member(o, "limits", most);
    md_api_reply(r, 200, md_api_bc_object(o));
}

JsonArray *md_api_files_json(const MdApiBulletins *b, const char *const *ids)
{
    JsonArray *array = json_array_new();

    for (unsigned i = 0; ids && ids[i]; i++) {
        const BcAttachment *a = bc_attachments_find(b->attachments, ids[i]);
        if (a)
            json_array_add_object_element(array, attachment_json(a));
    }
    return array;
}

/* Somebody else may have uploaded the same file first: whoever sees the bulletin sees what belongs to it, in any of its versions: what was
 * sent down may be an older one. */
static bool in_seen_bulletin(MdApiRequest *r, MdApiBulletins *b, const char *id)
{
    g_auto(GStrv) all = bc_bulletins_of_attachment(b->bulletins, id, NULL);

    for (unsigned i = 0; all[i]; i++) {
        const BcBulletin *bulletin = bc_bulletins_find(b->bulletins, all[i]);
        if (bulletin && md_api_concerns(r, b, bulletin->area))
            return true;
    }
    return false;
}

static const BcAttachment *attachment_of(MdApiRequest *r, MdApiBulletins *b)
{
    const BcAttachment *a = bc_attachments_find(b->attachments, md_api_request_param(r, "attachment"));

    if (a && (!a->area || !*a->area || md_api_concerns(r, b, a->area) || in_seen_bulletin(r, b, a->id)))
        return a;
    md_api_reply_error(r, 404, "not-found", "there is no such attachment", "GET /api/v1/attachments lists them");
    return NULL;
}

static void show(MdApiRequest *r, void *user)
{
    const BcAttachment *a = attachment_of(r, user);

    if (a)
        md_api_reply(r, 200, md_api_bc_object(attachment_json(a)));
}

static void get_file(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    const BcAttachment *a = attachment_of(r, b);

    if (!a)
        return;
    g_autofree char *path = bc_attachments_path(b->attachments, a->id);
    md_api_reply_file(r, path, a->media_type, a->id);
}

static void on_added(const BcAttachment *a, const GError *error, void *user)
{
    if (error)
        md_api_bc_error(user, error);
    else
        md_api_reply(user, 201, md_api_bc_object(attachment_json(a)));
}

static void add(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    const char *file = md_api_request_body_file(r, NULL);

    if (!file)
        md_api_reply_error(r, 400, "no-body", "the file itself is the body of this request", NULL);
    else
        bc_attachments_add(b->attachments, file, md_api_request_query(r, "name"), md_api_request_user(r), md_api_request_area(r), on_added, r);
}

static void remove_one(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    const BcAttachment *a = attachment_of(r, b);

    if (!a)
        return;
    if (md_api_request_area(r)[0] && g_strcmp0(a->created_by, md_api_request_user(r)) != 0)
        md_api_reply_error(r, 403, "other-area", "somebody else uploaded this file", "an account for the whole province may remove it");
    else
        bc_attachments_remove(b->attachments, a->id, md_api_bc_done, r);
}

#define LIMITS                                                                                                                          \
    "\"limits\":{\"type\":\"object\",\"description\":\"what is taken at most; image_bytes: of documents too\",\"properties\":{\"image_bytes\":" BC_INT \
    ",\"media_bytes\":" BC_INT ",\"duration_us\":" BC_INT "}}"
#define MAY(what) .role = MD_API_VIEWER, .rights = MD_API_MAY_##what

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/attachments", MAY(VIEW), .handler = list, .summary = "Files that bulletins may have, newest first, and what is taken at most.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"limit\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":100000}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"attachments\"],\"properties\":{\"attachments\":{\"type\":\"array\",\"items\":" BC_ATTACHMENT_JSON "}," LIMITS "}}"},
    {.method = "POST", .path = "/attachments", MAY(EDIT), .handler = add, .raw_body = true, .body_max = 1024u << 20,
     .summary = "Upload a file: image, sound, video, PDF, office document or plain text; what it is is told by its content.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"name\":" BC_TEXT "}}", .response_schema = BC_ATTACHMENT_JSON},
    {.method = "GET", .path = "/attachments/{attachment}", MAY(VIEW), .handler = show, .summary = "One file's description.", .response_schema = BC_ATTACHMENT_JSON},
    {.method = "GET", .path = "/attachments/{attachment}/file", MAY(VIEW), .handler = get_file, .summary = "The file.",
     .response_type = "application/octet-stream"},
    {.method = "DELETE", .path = "/attachments/{attachment}", MAY(EDIT), .handler = remove_one,
     .summary = "Remove a file that no version of a bulletin has."},
};

void md_api_add_attachments(MdApiBulletins *b)
{
    md_api_add_routes(b->bc.api, routes, G_N_ELEMENTS(routes), b);
}
