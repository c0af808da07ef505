/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Boards, and the one place where approved bulletins come to them. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "mediad/api/nouns.h"
#include "mediad/daemon.h"

#define SECONDS 15

typedef struct Bridge {
    MdDaemon *daemon;
    BcBoards *boards;
    char *dir;
} Bridge;

typedef struct Stored {
    Bridge *bridge;
    char *title;
} Stored;

static void on_stored(const GError *error, void *user)
{
    Stored *stored = user;
    if (error)
        md_warning(&stored->bridge->daemon->logger, "the boards do not show the bulletin \"%s\" as it stands: %s", stored->title, error->message);
    g_free(stored->title);
    g_free(stored);
}

static Stored *stored_new(Bridge *bridge, const BcBulletin *bulletin)
{
    Stored *stored = g_new(Stored, 1);
    *stored = (Stored){bridge, g_strdup(bulletin->approved && bulletin->approved->title ? bulletin->approved->title : bulletin->id)};
    return stored;
}

/* The first picture or video of the bulletin, where boards can read it; NULL: none. */
static const BcAttachment *take_file(Bridge *bridge, const BcBulletinFields *fields, const char *type)
{
    for (unsigned i = 0; fields->attachments && fields->attachments[i]; i++) {
        const BcAttachment *found = bc_attachments_find(bridge->daemon->attachments, fields->attachments[i]);
        if (!found || !g_str_has_prefix(found->media_type, type))
            continue;
        g_autofree char *from = bc_attachments_path(bridge->daemon->attachments, found->id), *to = g_build_filename(bridge->dir, found->id, NULL);
        g_mkdir_with_parents(bridge->dir, 0750);
        if (link(from, to) == 0 || errno == EEXIST)
            return found;
    }
    return NULL;
}

/* Each area that it was asked for has an item of its own; those that are not wanted any more go. */
static void on_bulletin(const char *type, const BcBulletin *bulletin, void *user)
{
    Bridge *bridge = user;
    const BcBulletinFields *f = bulletin->approved;
    bool on = f && (bulletin->state == BC_BULLETIN_APPROVED || bulletin->state == BC_BULLETIN_SCHEDULED || bulletin->state == BC_BULLETIN_PLAYED);
    bool picture = on && f->kind == BC_BULLETIN_IMAGE, video = on && f->kind == BC_BULLETIN_VIDEO;
    const BcAttachment *file = picture ? take_file(bridge, f, "image/") : video ? take_file(bridge, f, "video/") : NULL;
    on = on && (f->kind == BC_BULLETIN_TEXT || file);
    const char *const own[] = {bulletin->area, NULL}, *const *areas = on && f->areas ? f->areas : own;
    for (unsigned i = 0; (on && areas[i]) || i < 1; i++) {
        g_autofree char *id = g_strdup_printf("%s.%u", bulletin->id, i);
        g_autofree char *body = on && f->text && strlen(f->text) <= 4000 ? g_strdup(f->text) : g_strdup(on ? f->summary : NULL);
        BcBoardItem item = {.id = id, .area = on ? areas[i] : NULL, .title = on ? f->title : NULL, .body = body, .seconds = SECONDS,
                            .kind = picture ? BC_BOARD_IMAGE : video ? BC_BOARD_VIDEO : BC_BOARD_TEXT, .file = file ? file->id : NULL,
                            .media_type = file ? file->media_type : NULL, .from_us = on ? f->from_us : 0, .to_us = on ? f->to_us : 0,
                            .created_by = bulletin->approved_by};
        if (on)
            bc_boards_put_item(bridge->boards, &item, NULL, on_stored, stored_new(bridge, bulletin));
    }
    g_autoptr(GPtrArray) all = bc_boards_items(bridge->boards, NULL);
    g_autofree char *prefix = g_strconcat(bulletin->id, ".", NULL);
    unsigned kept = on ? g_strv_length((char **)areas) : 0;
    for (unsigned i = 0; i < all->len; i++) {
        const char *id = ((const BcBoardItem *)all->pdata[i])->id;
        if (g_str_has_prefix(id, prefix) && g_ascii_strtoull(id + strlen(prefix), NULL, 10) >= kept)
            bc_boards_remove_item(bridge->boards, id, on_stored, stored_new(bridge, bulletin));
    }
}

static void free_bridge(gpointer data)
{
    Bridge *bridge = data;
    bc_bulletins_remove_listener(bridge->daemon->bulletins, on_bulletin, bridge);
    g_free(bridge->dir);
    g_free(bridge);
}

bool md_start_boards(MdDaemon *daemon, GError **error)
{
    BcBoards *boards = bc_boards_new(daemon->broadcast, daemon->store, error);
    if (!boards)
        return false;
    Bridge *bridge = g_new0(Bridge, 1);
    *bridge = (Bridge){daemon, boards, g_build_filename(daemon->settings->general.state_dir, "boards", NULL)};
    md_api_add_boards(daemon->api, daemon->broadcast, boards, bridge->dir);
    md_api_own(daemon->api, bridge, free_bridge);
    bc_bulletins_add_listener(daemon->bulletins, on_bulletin, bridge);
    return true;
}
