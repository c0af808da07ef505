/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One event for many browsers: written once for each view of it, however many look. */
#include "mediad/web/private.h"
#include <string.h>

typedef struct Share {
    MdWeb *web;
    const char *type, *data;
    MdWebViewFn view;
    void *user;
    char *texts[MD_WEB_VIEW_MAX]; /* NULL: not asked for yet */
    bool plain;                   /* nothing in it is for the staff alone: both views are the same */
} Share;

static const char *const staff_only[] = {"uri", "account"};

static bool is_plain(const char *data)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(staff_only); i++)
        if (strstr(data, staff_only[i]) != NULL) /* perhaps in a value only: then it is looked at for nothing */
            return false;
    return true;
}

/* Without what is for the staff; "{}" of what is no object, so that nothing slips through. */
static char *reduced(const char *data)
{
    g_autoptr(JsonNode) node = json_from_string(data, NULL);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return g_strdup("{}");
    for (unsigned i = 0; i < G_N_ELEMENTS(staff_only); i++)
        json_object_remove_member(json_node_get_object(node), staff_only[i]);
    return json_to_string(node, FALSE);
}

static const char *text_of(Share *share, MdWebView view)
{
    char **text = &share->texts[share->plain ? MD_WEB_VIEW_STAFF : view];
    if (*text == NULL) {
        g_autofree char *less = view == MD_WEB_VIEW_SITE && !share->plain ? reduced(share->data) : NULL;
        *text = g_strdup_printf("{\"type\":\"event\",\"event\":\"%s\",\"data\":%s}", share->type, less != NULL ? less : share->data);
    }
    return *text;
}

static void share_with(MdCall *call, void *user)
{
    Share *share = user;
    MdWebView view = share->view(call, share->user);
    const Seat *seat = g_hash_table_lookup(share->web->calls, call); /* looked at afterwards: telling may have ended it */
    if (view == MD_WEB_VIEW_NONE || seat == NULL || seat->peer == NULL || !seat->welcomed || seat->peer->impl == NULL)
        return;
    seat->peer->wire.send(seat->peer->impl, text_of(share, view));
}

void md_web_share(MdWeb *web, const char *room, const char *type, const char *data, MdWebViewFn view, void *user)
{
    Share share = {.web = web, .type = type, .data = data, .view = view, .user = user, .plain = is_plain(data)};
    md_web_each(web, room, share_with, &share);
    for (unsigned i = 0; i < MD_WEB_VIEW_MAX; i++)
        g_free(share.texts[i]);
}
