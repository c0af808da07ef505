/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MdApiBoards as people keep them: their keys, whether they listen and what they showed last. */
#include "mediad/api/board-json.h"

static const BcDevice *managed(MdApiRequest *r, MdApiBoards *b)
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
    MdApiBoards *b = user;
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
    MdApiBoards *b = user;
    const BcDevice *device = managed(r, b);
    BcBoardSeen seen;
    if (!device)
        return;
    bc_boards_seen(b->boards, device->id, &seen);
    JsonObject *o = json_object_new();
    md_api_bc_set_text(o, "id", device->id);
    json_object_set_boolean_member(o, "online", md_api_board_streams(b, device->id) > 0);
    json_object_set_int_member(o, "seen_us", seen.at_us);
    md_api_bc_set_text(o, "item", seen.item);
    md_api_bc_set_text(o, "verdict", seen.verdict);
    md_api_reply(r, 200, md_api_bc_object(o));
}

static const MdApiRoute routes[] = {
    {.method = "POST", .path = "/boards/{board}/key", .rights = MD_API_MAY_DEVICES, .role = MD_API_OPERATOR, .handler = make_key,
     .response_schema = BOARD_ANY, .summary = "A new key for a board, shown once; the old one is void."},
    {.method = "GET", .path = "/boards/{board}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show_board, .response_schema = BOARD_ANY,
     .summary = "Whether a board listens, what it showed last and whether that was right."},
};

static void free_boards(gpointer data)
{
    MdApiBoards *b = data;
    md_api_board_state_clear(b);
    bc_boards_free(b->boards);
    g_free(b->dir);
    g_free(b);
}

void md_api_add_boards(MdApi *api, BcBroadcast *broadcast, BcBoards *boards, const char *dir)
{
    MdApiBoards *b = g_new0(MdApiBoards, 1);
    *b = (MdApiBoards){.base = {api, broadcast}, .boards = boards, .dir = g_strdup(dir)};
    md_api_own(api, b, free_boards);
    md_api_add_board_state(b);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), b);
    md_api_add_board_items(b);
}
