/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people put on boards: items, and the pictures and videos they show. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "mediad/api/board-json.h"

#define FILES_MAX 2000u
#define FILE_MAX_BYTES (128u << 20)

JsonObject *md_api_board_item_json(const BcBoardItem *item)
{
    JsonObject *o = json_object_new();
    md_api_bc_set_text(o, "id", item->id);
    md_api_bc_set_text(o, "area", item->area);
    md_api_bc_set_text(o, "kind", bc_board_kind_to_string(item->kind));
    md_api_bc_set_text(o, "title", item->title);
    md_api_bc_set_text(o, "body", item->body);
    md_api_bc_set_text(o, "colour", item->colour);
    md_api_bc_set_text(o, "background", item->background);
    md_api_bc_set_text(o, "file", item->file);
    md_api_bc_set_text(o, "media_type", item->media_type);
    json_object_set_int_member(o, "seconds", item->seconds);
    json_object_set_int_member(o, "from_us", item->from_us);
    json_object_set_int_member(o, "to_us", item->to_us);
    json_object_set_int_member(o, "from_s", item->from_s);
    json_object_set_int_member(o, "to_s", item->to_s);
    md_api_bc_set_text(o, "created_by", item->created_by);
    return o;
}

static void list_items(MdApiRequest *r, void *user)
{
    MdApiBoards *b = user;
    const char *own = md_api_request_area(r);
    g_autoptr(GPtrArray) items = bc_boards_items(b->boards, NULL);
    JsonArray *array = json_array_new();
    for (unsigned i = 0; i < items->len; i++)
        if (!*own || bc_areas_contains(bc_broadcast_areas(b->base.b), own, ((BcBoardItem *)items->pdata[i])->area))
            json_array_add_object_element(array, md_api_board_item_json(items->pdata[i]));
    md_api_reply(r, 200, md_api_bc_list("items", array));
}

typedef struct Pending {
    MdApiRequest *request;
    char *id;
} Pending;

static void on_item(const GError *error, void *user)
{
    Pending *p = user;
    if (error) {
        md_api_bc_error(p->request, error);
    } else {
        JsonObject *o = json_object_new();
        md_api_bc_set_text(o, "id", p->id);
        md_api_reply(p->request, 201, md_api_bc_object(o));
    }
    g_free(p->id);
    g_free(p);
}

static const char *sniff(const char *path)
{
    static const struct { unsigned at; const char *magic; unsigned n; const char *type; } kinds[] = {
        {0, "\x89PNG\r\n\x1a\n", 8, "image/png"}, {0, "\xff\xd8\xff", 3, "image/jpeg"}, {0, "GIF8", 4, "image/gif"},
        {8, "WEBP", 4, "image/webp"}, {4, "ftyp", 4, "video/mp4"}, {0, "\x1a\x45\xdf\xa3", 4, "video/webm"}};
    char head[16] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, head, sizeof head) : -1;
    if (fd >= 0)
        close(fd);
    for (unsigned i = 0; got == (ssize_t)sizeof head && i < G_N_ELEMENTS(kinds); i++)
        if (memcmp(head + kinds[i].at, kinds[i].magic, kinds[i].n) == 0)
            return kinds[i].type;
    return NULL;
}

static bool is_hash(const char *text)
{
    return text && strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static void add_item(MdApiRequest *r, void *user)
{
    MdApiBoards *b = user;
    JsonObject *body = md_api_request_body(r);
    BcBoardItem item = {.area = md_api_bc_text(body, "area", NULL),
                        .kind = bc_board_kind_from_string(md_api_bc_text(body, "kind", "text")),
                        .title = md_api_bc_text(body, "title", NULL),
                        .body = md_api_bc_text(body, "body", NULL),
                        .colour = md_api_bc_text(body, "colour", NULL),
                        .background = md_api_bc_text(body, "background", NULL),
                        .file = md_api_bc_text(body, "file", NULL),
                        .seconds = (unsigned)json_object_get_int_member_with_default(body, "seconds", 15),
                        .from_us = json_object_get_int_member_with_default(body, "from_us", 0),
                        .to_us = json_object_get_int_member_with_default(body, "to_us", 0),
                        .from_s = (unsigned)json_object_get_int_member_with_default(body, "from_s", 0),
                        .to_s = (unsigned)json_object_get_int_member_with_default(body, "to_s", 0),
                        .created_by = md_api_request_user(r)};
    if (!item.area || !md_api_bc_may(r, &b->base, item.area))
        return;
    g_autofree char *path = is_hash(item.file) ? g_build_filename(b->dir, item.file, NULL) : NULL;
    item.media_type = path ? sniff(path) : NULL;
    if (item.file && (!item.media_type || g_str_has_prefix(item.media_type, "image/") != (item.kind == BC_BOARD_IMAGE))) {
        md_api_reply_error(r, 400, "no-such-file", "there is no such file, or it is not of this kind", "POST /api/v1/board-files sends one");
        return;
    }
    Pending *p = g_new0(Pending, 1);
    p->request = r;
    bc_boards_put_item(b->boards, &item, &p->id, on_item, p);
}

typedef struct Removal {
    MdApiRequest *request;
    char *path; /* of a file that nothing else shows, NULL */
} Removal;

static void on_removed(const GError *error, void *user)
{
    Removal *removal = user;
    if (!error && removal->path)
        g_unlink(removal->path);
    if (error)
        md_api_bc_error(removal->request, error);
    else
        md_api_reply(removal->request, 200, NULL);
    g_free(removal->path);
    g_free(removal);
}

static char *last_file_of(const MdApiBoards *b, const BcBoardItem *item)
{
    g_autoptr(GPtrArray) all = bc_boards_items(b->boards, NULL);
    for (unsigned i = 0; i < all->len; i++)
        if (all->pdata[i] != item && g_strcmp0(((const BcBoardItem *)all->pdata[i])->file, item->file) == 0)
            return NULL;
    return item->file ? g_build_filename(b->dir, item->file, NULL) : NULL;
}

static void remove_item(MdApiRequest *r, void *user)
{
    MdApiBoards *b = user;
    const BcBoardItem *item = bc_boards_find_item(b->boards, md_api_request_param(r, "item"));
    if (!item)
        md_api_reply_error(r, 404, "not-found", "there is no such item", NULL);
    else if (md_api_bc_may(r, &b->base, item->area)) {
        Removal *removal = g_new0(Removal, 1);
        *removal = (Removal){r, last_file_of(b, item)};
        bc_boards_remove_item(b->boards, item->id, on_removed, removal);
    }
}

/* --- files, taken in on a thread of their own --- */

typedef struct Upload {
    MdApiRequest *request;
    char *from, *dir, *hash;
    const char *type, *fault;
} Upload;

static unsigned count_files(const char *dir)
{
    GDir *open = g_dir_open(dir, 0, NULL);
    unsigned n = 0;
    while (open && g_dir_read_name(open))
        n++;
    if (open)
        g_dir_close(open);
    return n;
}

static char *hash_file(const char *path)
{
    g_autoptr(GMappedFile) map = g_mapped_file_new(path, FALSE, NULL);
    return map ? g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)g_mapped_file_get_contents(map), g_mapped_file_get_length(map))
               : NULL;
}

static void take_in(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    Upload *u = data;
    g_autofree char *bytes = NULL;
    gsize len = 0;
    u->type = sniff(u->from);
    u->hash = u->type ? hash_file(u->from) : NULL;
    g_autofree char *to = u->hash ? g_build_filename(u->dir, u->hash, NULL) : NULL;
    if (!u->type)
        u->fault = "this is no PNG, JPEG, GIF, WebP, MP4 or WebM file";
    else if (!to || g_mkdir_with_parents(u->dir, 0750) != 0)
        u->fault = "the file cannot be kept";
    else if (!g_file_test(to, G_FILE_TEST_EXISTS) && count_files(u->dir) >= FILES_MAX)
        u->fault = "there are too many files already";
    else if (!g_file_get_contents(u->from, &bytes, &len, NULL) ||
             !g_file_set_contents_full(to, bytes, (gssize)len, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0640, NULL))
        u->fault = "the file cannot be kept";
    g_task_return_boolean(task, TRUE);
}

static void on_taken(GObject *source, GAsyncResult *result, gpointer user)
{
    Upload *u = g_task_get_task_data(G_TASK(result));
    if (u->fault) {
        md_api_reply_error(u->request, u->type ? 507 : 415, u->type ? "no-space" : "unknown-format", u->fault, NULL);
        return;
    }
    JsonObject *o = json_object_new();
    md_api_bc_set_text(o, "file", u->hash);
    md_api_bc_set_text(o, "media_type", u->type);
    md_api_reply(u->request, 201, md_api_bc_object(o));
}

static void free_upload(gpointer data)
{
    Upload *u = data;
    g_free(u->from);
    g_free(u->dir);
    g_free(u->hash);
    g_free(u);
}

static void add_file(MdApiRequest *r, void *user)
{
    MdApiBoards *b = user;
    Upload *u = g_new0(Upload, 1);
    *u = (Upload){.request = r, .from = g_strdup(md_api_request_body_file(r, NULL)), .dir = g_strdup(b->dir)};
    g_autoptr(GTask) task = g_task_new(NULL, NULL, on_taken, NULL);
    g_task_set_task_data(task, u, free_upload);
    g_task_run_in_thread(task, take_in);
}

#define ITEM                                                                                                                                  \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"area\",\"kind\",\"title\"],\"properties\":{\"area\":" BC_CODE        \
    ",\"kind\":{\"type\":\"string\",\"enum\":[\"text\",\"scroll\",\"image\",\"video\",\"stream\",\"clock\"]},\"title\":" BC_NAME              \
    ",\"body\":{\"type\":\"string\",\"maxLength\":4000},\"colour\":{\"type\":\"string\",\"maxLength\":7},\"background\":{\"type\":\"string\"," \
    "\"maxLength\":7},\"file\":" BOARD_HASH ",\"seconds\":{\"type\":\"integer\",\"minimum\":3,\"maximum\":3600},\"from_us\":" BC_INT ",\"to_us\":"   \
    BC_INT ",\"from_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":86400},\"to_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":86400}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/board-items", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_items, .response_schema = BOARD_ANY,
     .summary = "What is on the boards."},
    {.method = "POST", .path = "/board-items", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = add_item, .request_schema = ITEM,
     .response_schema = BOARD_ANY, .summary = "Put something on the boards of an area."},
    {.method = "DELETE", .path = "/board-items/{item}", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = remove_item,
     .summary = "Take it away."},
    {.method = "POST", .path = "/board-files", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = add_file, .raw_body = true,
     .body_max = FILE_MAX_BYTES, .response_schema = BOARD_ANY, .summary = "Send a picture (PNG, JPEG, GIF, WebP) or a video (MP4, WebM) for boards."},
};

void md_api_add_board_items(MdApiBoards *b)
{
    md_api_add_routes(b->base.api, routes, G_N_ELEMENTS(routes), b);
}
