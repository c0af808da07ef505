/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /link/media: recordings, for the loudspeakers of the device link. */
#include <string.h>
#include "mediad/api/broadcast-json.h"
#include "mediad/api/nouns.h"
#include "mediad/api/private.h"

typedef struct LinkMedia {
    BcBroadcast *b;
    BcDeviceLink *link;
    BcMedia *media;
    MdApi *api;
} LinkMedia;

/* Whose token comes with the request; NULL: nobody's. */
static const char *device_of(MdApiRequest *r, LinkMedia *a)
{
    const char *value = md_api_request_header(r, "Authorization");

    if (!value || g_ascii_strncasecmp(value, "Bearer ", 7) != 0 || strlen(value) > 300)
        return NULL;
    for (value += 7; *value == ' ';)
        value++;
    return bc_device_link_token_owner(a->link, value);
}

static const char *whose_budget(MdApiRequest *r, void *user)
{
    return g_str_has_prefix(r->path, MD_API_PREFIX "/link/media/") ? device_of(r, user) : NULL;
}

static void let_go(gpointer data)
{
    LinkMedia *a = data;

    a->api->device_of = NULL;
    g_free(a);
}

static void fetch(MdApiRequest *r, void *user)
{
    LinkMedia *a = user;
    const char *content = md_api_request_param(r, "content"), *device = device_of(r, a);
    const BcMediaFile *file = bc_media_known(a->media, content);

    if (!device) {
        md_api_reply_error(r, 401, "not-enrolled", "this is for loudspeakers of the device link",
                           "send \"Authorization: Bearer TOKEN\" with the token of the enrolment");
        return;
    }
    if (!file || !g_str_equal(md_api_request_param(r, "file"), BC_MEDIA_PROFILE)) { /* also what exists but stands in no manifest */
        md_api_reply_error(r, 404, "not-found", "no manifest or command names this file", "fetch the manifest anew");
        return;
    }
    g_autofree char *path = bc_contents_path(bc_broadcast_contents(a->b), content, BC_MEDIA_PROFILE);
    md_api_reply_file(r, path, BC_MEDIA_TYPE, file->sha256);
}

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/link/media/{content}/{file}", .role = MD_API_ANYBODY, .handler = fetch, .response_type = "audio/mpeg",
     .summary = "A recording that stands in a manifest or command, for a loudspeaker with its enrolment token; byte ranges and If-None-Match are"
                " answered, the ETag is the file's SHA-256."},
};

void md_api_add_link_media(MdApi *api, BcBroadcast *broadcast, BcDeviceLink *link, BcMedia *media)
{
    LinkMedia *a = g_new0(LinkMedia, 1);

    *a = (LinkMedia){broadcast, link, media, api};
    md_api_own(api, a, let_go);
    api->device_of = whose_budget;
    api->device_of_user = a;
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), a);
}
