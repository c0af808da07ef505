/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a board asks for itself, with its own key: the kiosk page, what it is to show, and that again at each change. */
#include <string.h>
#include "broadcast/board/page.h"
#include "broadcast/plan.h"
#include "mediad/api/board-json.h"

#define STREAMS_MAX 2000u
#define STREAMS_PER_BOARD 3u
#define ALIVE_S 15
#define FRESH_US (300 * G_USEC_PER_SEC)   /* the whole state is sent anew so often */
#define AHEAD_US (24ll * 3600 * G_USEC_PER_SEC)
#define AHEAD_ITEMS 50u
#define PLAN_KEPT_US (60 * G_USEC_PER_SEC)
#define PAGE_POLICY "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; " \
                    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

typedef struct Stream {
    MdApiBoards *boards;
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
static const BcDevice *board_of(MdApiRequest *r, MdApiBoards *b)
{
    const char *id = md_api_request_param(r, "board");
    if (bc_boards_check_key(b->boards, id, md_api_request_header(r, "X-Board-Key")))
        return bc_devices_find(bc_broadcast_devices(b->base.b), id);
    md_api_reply_error(r, 403, "no-key", "this board's key is missing or void", "POST /api/v1/boards/ID/key makes a new one");
    return NULL;
}

static JsonObject *show_now(MdApiBoards *b, const char *area)
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

static const BcPlan *plan_of(MdApiBoards *b)
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
        g_clear_pointer(&((MdApiBoards *)user)->plan, bc_plan_free);
}

/* What will sound in the area within a day, off the same plan that the loudspeakers follow. */
static JsonArray *show_ahead(MdApiBoards *b, const char *area)
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

static JsonNode *state_of(MdApiBoards *b, const BcDevice *board)
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
            json_array_add_object_element(array, md_api_board_item_json(item));
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
    MdApiBoards *b = user;
    const BcDevice *board = board_of(r, b);
    if (board)
        md_api_reply(r, 200, state_of(b, board));
}

static void send_state(Stream *s)
{
    MdApiBoards *b = s->boards;
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

unsigned md_api_board_streams(const MdApiBoards *b, const char *board)
{
    unsigned n = 0;
    for (unsigned i = 0; i < b->streams->len; i++)
        n += g_str_equal(((Stream *)b->streams->pdata[i])->board, board);
    return n;
}

static void get_events(MdApiRequest *r, void *user)
{
    MdApiBoards *b = user;
    const BcDevice *board = board_of(r, b);
    if (!board)
        return;
    if (md_api_board_streams(b, board->id) >= STREAMS_PER_BOARD || b->streams->len >= STREAMS_MAX) {
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
    MdApiBoards *b = user;
    for (unsigned i = b->streams->len; i-- > 0;) {
        Stream *s = b->streams->pdata[i];
        const BcDevice *board = bc_devices_find(bc_broadcast_devices(b->base.b), s->board);
        if (board && (!area || g_str_equal(area, board->area)))
            send_state(s);
    }
}

static gboolean on_alive(gpointer user)
{
    MdApiBoards *b = user;
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
    MdApiBoards *b = user;
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
    MdApiBoards *b = user;
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

#define SHOWN                                                                                                                                 \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"item\",\"content\",\"picture\",\"shown_us\"],\"properties\":{"        \
    "\"item\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":80},\"content\":" BOARD_HASH ",\"picture\":" BOARD_HASH ",\"moving\":" BC_FLAG             \
    ",\"shown_us\":" BC_INT "}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/board/{board}", .role = MD_API_ANYBODY, .handler = get_page, .response_type = "text/html",
     .summary = "A board's page: open /board/ID#KEY on it once."},
    {.method = "GET", .path = "/board/static/{file}", .role = MD_API_ANYBODY, .handler = get_page, .response_type = "text/javascript",
     .summary = "What the page is made of."},
    {.method = "GET", .path = "/board/{board}/state", .role = MD_API_ANYBODY, .handler = get_state, .response_schema = BOARD_ANY,
     .summary = "What a board shows, for itself (header X-Board-Key)."},
    {.method = "GET", .path = "/board/{board}/events", .role = MD_API_ANYBODY, .handler = get_events, .response_type = "text/event-stream",
     .summary = "The same, again at each change (header X-Board-Key)."},
    {.method = "GET", .path = "/board/{board}/file/{file}", .role = MD_API_ANYBODY, .handler = get_file, .response_type = "application/octet-stream",
     .summary = "A picture or a video that the board shows (header X-Board-Key)."},
    {.method = "POST", .path = "/board/{board}/shown", .role = MD_API_ANYBODY, .handler = put_shown, .request_schema = SHOWN,
     .response_schema = BOARD_ANY, .summary = "A board says what it shows (header X-Board-Key)."},
};

void md_api_add_board_state(MdApiBoards *b)
{
    b->streams = g_ptr_array_new();
    b->alive = g_timeout_add_seconds(ALIVE_S, on_alive, b);
    bc_broadcast_add_listener(b->base.b, on_broadcast, b);
    bc_boards_set_changed(b->boards, on_changed, b);
    md_api_add_routes(b->base.api, routes, G_N_ELEMENTS(routes), b);
    md_api_add_place(b->base.api, "/board");
}

void md_api_board_state_clear(MdApiBoards *b)
{
    g_source_remove(b->alive);
    bc_broadcast_remove_listener(b->base.b, on_broadcast, b);
    g_clear_pointer(&b->plan, bc_plan_free);
    bc_boards_set_changed(b->boards, NULL, NULL);
    g_ptr_array_unref(b->streams);
}
