/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Boards: the kiosk page, what it asks for with its own key, and what people put on boards. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "broadcast/board/page.h"
#include "broadcast/plan.h"
#include "mediad/api/broadcast-json.h"
#include "mediad/api/nouns.h"

#define STREAMS_MAX 2000u
#define STREAMS_PER_BOARD 3u
#define ALIVE_S 15
#define FRESH_US (300 * G_USEC_PER_SEC)   /* the whole state is sent anew so often */
#define FILES_MAX 2000u
#define FILE_MAX_BYTES (128u << 20)
#define AHEAD_US (24ll * 3600 * G_USEC_PER_SEC)
#define AHEAD_ITEMS 50u
#define PLAN_KEPT_US (60 * G_USEC_PER_SEC)
#define PAGE_POLICY "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; " \
                    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

typedef struct Boards {
    MdApiBroadcast base;
    BcBoards *boards;
    char *dir;
    GPtrArray *streams; /* of Stream* */
    BcPlan *plan;       /* one for all boards: an alert shows on many at once, and planning for each of them would hold it up */
    int64_t plan_us;    /* monotonic */
    guint alive;
} Boards;

typedef struct Stream {
    Boards *boards;
    MdApiStream *stream;
    char *board;
    int64_t sent_us;
} Stream;

/* --- the page --- */

static void get_page(MdApiRequest *r, void *user)
{
    const char *file = md_api_request_param(r, "file"), *type = NULL;
    g_autoptr(GBytes) bytes = bc_board_page(file ? file : "board.html", &type);
    if (!bytes) {
        md_api_reply_error(r, 404, "not-found", "the page has no such file", NULL);
        return;
    }
    md_api_request_set_header(r, "Content-Security-Policy", PAGE_POLICY);
    md_api_request_set_header(r, "Cache-Control", "no-cache");
    md_api_request_set_header(r, "Service-Worker-Allowed", "/board/");
    md_api_reply_bytes(r, 200, type, bytes);
}

/* --- what a board asks for --- */

/* The board whose key came along, NULL: refused. */
static const BcDevice *board_of(MdApiRequest *r, Boards *b)
{
    const char *id = md_api_request_param(r, "board");
    if (bc_boards_check_key(b->boards, id, md_api_request_header(r, "X-Board-Key")))
        return bc_devices_find(bc_broadcast_devices(b->base.b), id);
    md_api_reply_error(r, 403, "no-key", "this board's key is missing or void", "POST /api/v1/boards/ID/key makes a new one");
    return NULL;
}

static JsonObject *show_item(const BcBoardItem *item)
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

static JsonObject *show_now(Boards *b, const char *area)
{
    BcBoardNow now;
    JsonObject *o = json_object_new();
    bc_boards_now(b->boards, area, &now);
    md_api_bc_set_text(o, "id", now.id);
    md_api_bc_set_text(o, "title", now.title);
    md_api_bc_set_text(o, "text", now.text);
    md_api_bc_set_text(o, "priority", bc_priority_to_string(now.priority));
    json_object_set_int_member(o, "start_us", now.start_us);
    json_object_set_boolean_member(o, "drill", now.drill);
    return o;
}

static const BcPlan *plan_of(Boards *b)
{
    int64_t now = bc_broadcast_wall_us(b->base.b), mono = g_get_monotonic_time();
    if (b->plan && mono - b->plan_us < PLAN_KEPT_US)
        return b->plan;
    g_clear_pointer(&b->plan, bc_plan_free);
    b->plan = bc_planner_plan(bc_broadcast_planner(b->base.b), now, now + AHEAD_US, NULL);
    b->plan_us = mono;
    return b->plan;
}

static void on_broadcast(const char *type, const BcRun *run, void *user)
{
    if (g_str_equal(type, "schedule.stored"))
        g_clear_pointer(&((Boards *)user)->plan, bc_plan_free);
}

/* What will sound in the area within a day, off the same plan that the loudspeakers follow. */
static JsonArray *show_ahead(Boards *b, const char *area)
{
    JsonArray *array = json_array_new();
    int64_t now = bc_broadcast_wall_us(b->base.b);
    const BcPlan *plan = plan_of(b);
    unsigned n = 0;
    const BcPlanItem *items = plan ? bc_plan_items(plan, area, &n) : NULL;
    for (unsigned i = 0; i < n && json_array_get_length(array) < AHEAD_ITEMS; i++) {
        if (items[i].end_us <= now)
            continue;
        JsonObject *o = json_object_new();
        md_api_bc_set_text(o, "title", items[i].title);
        md_api_bc_set_text(o, "priority", bc_priority_to_string(items[i].priority));
        json_object_set_int_member(o, "start_us", items[i].start_us);
        json_object_set_int_member(o, "end_us", items[i].end_us);
        json_array_add_object_element(array, o);
    }
    return array;
}

static JsonNode *state_of(Boards *b, const BcDevice *board)
{
    JsonObject *o = json_object_new();
    JsonArray *array = json_array_new();
    int64_t now = bc_broadcast_wall_us(b->base.b);
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(bc_broadcast_timezone(b->base.b));
    int interval = zone ? g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, now / G_USEC_PER_SEC) : -1;
    g_autoptr(GPtrArray) items = bc_boards_items(b->boards, board->area);
    for (unsigned i = 0; i < items->len; i++) {
        const BcBoardItem *item = items->pdata[i];
        if (!item->to_us || item->to_us > now)
            json_array_add_object_element(array, show_item(item));
    }
    md_api_bc_set_text(o, "board", board->id);
    md_api_bc_set_text(o, "name", board->name);
    json_object_set_int_member(o, "time_us", now);
    json_object_set_int_member(o, "zone_offset_s", interval >= 0 ? g_time_zone_get_offset(zone, interval) : 0);
    json_object_set_array_member(o, "items", array);
    json_object_set_object_member(o, "now", show_now(b, board->area));
    json_object_set_array_member(o, "ahead", show_ahead(b, board->area));
    return md_api_bc_object(o);
}

static void get_state(MdApiRequest *r, void *user)
{
    Boards *b = user;
    const BcDevice *board = board_of(r, b);
    if (board)
        md_api_reply(r, 200, state_of(b, board));
}

static void send_state(Stream *s)
{
    Boards *b = s->boards;
    const BcDevice *board = bc_devices_find(bc_broadcast_devices(b->base.b), s->board);
    if (!board || !s->stream)
        return;
    g_autoptr(JsonNode) node = state_of(b, board);
    g_autofree char *json = json_to_string(node, FALSE);
    char *text = g_strdup_printf("data: %s\n\n", json);
    g_autoptr(GBytes) bytes = g_bytes_new_take(text, strlen(text));
    s->sent_us = g_get_monotonic_time();
    md_api_stream_write(s->stream, bytes);
}

static void on_closed(void *user)
{
    Stream *s = user;
    g_ptr_array_remove_fast(s->boards->streams, s);
    g_free(s->board);
    g_free(s);
}

static void get_events(MdApiRequest *r, void *user)
{
    Boards *b = user;
    const BcDevice *board = board_of(r, b);
    unsigned own = 0;
    if (!board)
        return;
    for (unsigned i = 0; i < b->streams->len; i++)
        own += g_str_equal(((Stream *)b->streams->pdata[i])->board, board->id);
    if (own >= STREAMS_PER_BOARD || b->streams->len >= STREAMS_MAX) {
        md_api_request_set_header(r, "Retry-After", "10");
        md_api_reply_error(r, 503, "full", "this board listens already", NULL);
        return;
    }
    Stream *s = g_new0(Stream, 1);
    s->boards = b;
    s->board = g_strdup(board->id);
    g_ptr_array_add(b->streams, s);
    s->stream = md_api_reply_stream(r, "text/event-stream", on_closed, s);
    if (s->stream)
        send_state(s);
    else
        on_closed(s);
}

static void on_changed(const char *area, void *user)
{
    Boards *b = user;
    for (unsigned i = b->streams->len; i-- > 0;) {
        Stream *s = b->streams->pdata[i];
        const BcDevice *board = bc_devices_find(bc_broadcast_devices(b->base.b), s->board);
        if (board && (!area || g_str_equal(area, board->area)))
            send_state(s);
    }
}

static gboolean on_alive(gpointer user)
{
    Boards *b = user;
    g_autoptr(GBytes) word = g_bytes_new_static(": \n\n", 4);
    int64_t now = g_get_monotonic_time();
    for (unsigned i = b->streams->len; i-- > 0;) {
        Stream *s = b->streams->pdata[i];
        if (now - s->sent_us > FRESH_US)
            send_state(s);
        else
            md_api_stream_write(s->stream, word);
    }
    return G_SOURCE_CONTINUE;
}

static void get_file(MdApiRequest *r, void *user)
{
    Boards *b = user;
    const BcDevice *board = board_of(r, b);
    const char *file = md_api_request_param(r, "file"), *type = NULL;
    if (!board)
        return;
    g_autoptr(GPtrArray) items = bc_boards_items(b->boards, board->area);
    for (unsigned i = 0; i < items->len && !type; i++) {
        const BcBoardItem *item = items->pdata[i];
        type = item->file && g_str_equal(item->file, file) ? item->media_type : NULL;
    }
    g_autofree char *path = type ? g_build_filename(b->dir, file, NULL) : NULL;
    if (path)
        md_api_reply_file(r, path, type, file);
    else
        md_api_reply_error(r, 404, "not-found", "this board shows no such file", NULL);
}

static void put_shown(MdApiRequest *r, void *user)
{
    Boards *b = user;
    const BcDevice *board = board_of(r, b);
    JsonObject *body = md_api_request_body(r);
    if (!board)
        return;
    const char *verdict = bc_boards_report(b->boards, board->id, json_object_get_string_member(body, "item"),
                                           json_object_get_string_member(body, "content"), json_object_get_string_member(body, "picture"),
                                           json_object_get_boolean_member_with_default(body, "moving", FALSE),
                                           json_object_get_int_member(body, "shown_us"));
    JsonObject *o = json_object_new();
    md_api_bc_set_text(o, "verdict", verdict);
    md_api_reply(r, 200, md_api_bc_object(o));
}

/* --- what people ask for --- */

static const BcDevice *managed(MdApiRequest *r, Boards *b)
{
    const BcDevice *device = bc_devices_find(bc_broadcast_devices(b->base.b), md_api_request_param(r, "board"));
    if (device && device->kind == BC_DEVICE_BOARD)
        return md_api_bc_may(r, &b->base, device->area) ? device : NULL;
    md_api_reply_error(r, 404, "not-found", "there is no such board", "PUT /api/v1/devices/ID with \"kind\": \"board\"");
    return NULL;
}

typedef struct Pending {
    MdApiRequest *request;
    char *id;
    char key[BC_BOARD_KEY_CHARS + 1];
} Pending;

static void on_key(const GError *error, void *user)
{
    Pending *p = user;
    if (error) {
        md_api_bc_error(p->request, error);
    } else {
        JsonObject *o = json_object_new();
        g_autofree char *path = g_strdup_printf("/board/%s#%s", p->id, p->key);
        md_api_bc_set_text(o, "key", p->key);
        md_api_bc_set_text(o, "path", path);
        md_api_reply(p->request, 201, md_api_bc_object(o));
    }
    g_free(p->id);
    g_free(p);
}

static void make_key(MdApiRequest *r, void *user)
{
    Boards *b = user;
    const BcDevice *device = managed(r, b);
    if (!device)
        return;
    Pending *p = g_new0(Pending, 1);
    p->request = r;
    p->id = g_strdup(device->id);
    bc_boards_make_key(b->boards, device->id, p->key, on_key, p);
}

static void show_board(MdApiRequest *r, void *user)
{
    Boards *b = user;
    const BcDevice *device = managed(r, b);
    BcBoardSeen seen;
    unsigned online = 0;
    if (!device)
        return;
    bc_boards_seen(b->boards, device->id, &seen);
    for (unsigned i = 0; i < b->streams->len; i++)
        online += g_str_equal(((Stream *)b->streams->pdata[i])->board, device->id);
    JsonObject *o = json_object_new();
    md_api_bc_set_text(o, "id", device->id);
    json_object_set_boolean_member(o, "online", online > 0);
    json_object_set_int_member(o, "seen_us", seen.at_us);
    md_api_bc_set_text(o, "item", seen.item);
    md_api_bc_set_text(o, "verdict", seen.verdict);
    md_api_reply(r, 200, md_api_bc_object(o));
}

static void list_items(MdApiRequest *r, void *user)
{
    Boards *b = user;
    const char *own = md_api_request_area(r);
    g_autoptr(GPtrArray) items = bc_boards_items(b->boards, NULL);
    JsonArray *array = json_array_new();
    for (unsigned i = 0; i < items->len; i++)
        if (!*own || bc_areas_contains(bc_broadcast_areas(b->base.b), own, ((BcBoardItem *)items->pdata[i])->area))
            json_array_add_object_element(array, show_item(items->pdata[i]));
    md_api_reply(r, 200, md_api_bc_list("items", array));
}

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
    Boards *b = user;
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

static char *last_file_of(const Boards *b, const BcBoardItem *item)
{
    g_autoptr(GPtrArray) all = bc_boards_items(b->boards, NULL);
    for (unsigned i = 0; i < all->len; i++)
        if (all->pdata[i] != item && g_strcmp0(((const BcBoardItem *)all->pdata[i])->file, item->file) == 0)
            return NULL;
    return item->file ? g_build_filename(b->dir, item->file, NULL) : NULL;
}

static void remove_item(MdApiRequest *r, void *user)
{
    Boards *b = user;
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
    Boards *b = user;
    Upload *u = g_new0(Upload, 1);
    *u = (Upload){.request = r, .from = g_strdup(md_api_request_body_file(r, NULL)), .dir = g_strdup(b->dir)};
    g_autoptr(GTask) task = g_task_new(NULL, NULL, on_taken, NULL);
    g_task_set_task_data(task, u, free_upload);
    g_task_run_in_thread(task, take_in);
}

#define HASH "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"}"
#define ITEM                                                                                                                                  \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"area\",\"kind\",\"title\"],\"properties\":{\"area\":" BC_CODE        \
    ",\"kind\":{\"type\":\"string\",\"enum\":[\"text\",\"scroll\",\"image\",\"video\",\"stream\",\"clock\"]},\"title\":" BC_NAME              \
    ",\"body\":{\"type\":\"string\",\"maxLength\":4000},\"colour\":{\"type\":\"string\",\"maxLength\":7},\"background\":{\"type\":\"string\"," \
    "\"maxLength\":7},\"file\":" HASH ",\"seconds\":{\"type\":\"integer\",\"minimum\":3,\"maximum\":3600},\"from_us\":" BC_INT ",\"to_us\":"   \
    BC_INT ",\"from_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":86400},\"to_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":86400}}}"
#define SHOWN                                                                                                                                 \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"item\",\"content\",\"picture\",\"shown_us\"],\"properties\":{"        \
    "\"item\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":80},\"content\":" HASH ",\"picture\":" HASH ",\"moving\":" BC_FLAG             \
    ",\"shown_us\":" BC_INT "}}"
#define ANY "{\"type\":\"object\"}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/board/{board}", .role = MD_API_ANYBODY, .handler = get_page, .response_type = "text/html",
     .summary = "A board's page: open /board/ID#KEY on it once."},
    {.method = "GET", .path = "/board/static/{file}", .role = MD_API_ANYBODY, .handler = get_page, .response_type = "text/javascript",
     .summary = "What the page is made of."},
    {.method = "GET", .path = "/board/{board}/state", .role = MD_API_ANYBODY, .handler = get_state, .response_schema = ANY,
     .summary = "What a board shows, for itself (header X-Board-Key)."},
    {.method = "GET", .path = "/board/{board}/events", .role = MD_API_ANYBODY, .handler = get_events, .response_type = "text/event-stream",
     .summary = "The same, again at each change (header X-Board-Key)."},
    {.method = "GET", .path = "/board/{board}/file/{file}", .role = MD_API_ANYBODY, .handler = get_file, .response_type = "application/octet-stream",
     .summary = "A picture or a video that the board shows (header X-Board-Key)."},
    {.method = "POST", .path = "/board/{board}/shown", .role = MD_API_ANYBODY, .handler = put_shown, .request_schema = SHOWN,
     .response_schema = ANY, .summary = "A board says what it shows (header X-Board-Key)."},
    {.method = "POST", .path = "/boards/{board}/key", .rights = MD_API_MAY_DEVICES, .role = MD_API_OPERATOR, .handler = make_key,
     .response_schema = ANY, .summary = "A new key for a board, shown once; the old one is void."},
    {.method = "GET", .path = "/boards/{board}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show_board, .response_schema = ANY,
     .summary = "Whether a board listens, what it showed last and whether that was right."},
    {.method = "GET", .path = "/board-items", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_items, .response_schema = ANY,
     .summary = "What is on the boards."},
    {.method = "POST", .path = "/board-items", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = add_item, .request_schema = ITEM,
     .response_schema = ANY, .summary = "Put something on the boards of an area."},
    {.method = "DELETE", .path = "/board-items/{item}", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = remove_item,
     .summary = "Take it away."},
    {.method = "POST", .path = "/board-files", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = add_file, .raw_body = true,
     .body_max = FILE_MAX_BYTES, .response_schema = ANY, .summary = "Send a picture (PNG, JPEG, GIF, WebP) or a video (MP4, WebM) for boards."},
};

static void free_boards(gpointer data)
{
    Boards *b = data;
    g_source_remove(b->alive);
    bc_broadcast_remove_listener(b->base.b, on_broadcast, b);
    g_clear_pointer(&b->plan, bc_plan_free);
    bc_boards_set_changed(b->boards, NULL, NULL);
    bc_boards_free(b->boards);
    g_ptr_array_unref(b->streams);
    g_free(b->dir);
    g_free(b);
}

void md_api_add_boards(MdApi *api, BcBroadcast *broadcast, BcBoards *boards, const char *dir)
{
    Boards *b = g_new0(Boards, 1);
    *b = (Boards){.base = {api, broadcast}, .boards = boards, .dir = g_strdup(dir), .streams = g_ptr_array_new(),
                  .alive = g_timeout_add_seconds(ALIVE_S, on_alive, b)};
    bc_broadcast_add_listener(broadcast, on_broadcast, b);
    bc_boards_set_changed(boards, on_changed, b);
    md_api_own(api, b, free_boards);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), b);
    md_api_add_place(api, "/board");
}
