/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loudspeakers of one LAN: the multicast group each hears, and its description for receivers. */
#include <string.h>
#include "mediad/api/broadcast-json.h"
#include "mediad/api/nouns.h"

typedef struct Multicasts {
    MdApiBroadcast base;
    BcMulticasts *multicasts;
} Multicasts;

static const BcDevice *device_of(MdApiRequest *r, Multicasts *m, const char *id)
{
    const BcDevice *device = id ? bc_devices_find(bc_broadcast_devices(m->base.b), id) : NULL;
    if (device && device->kind == BC_DEVICE_MULTICAST)
        return md_api_bc_may(r, &m->base, device->area) ? device : NULL;
    md_api_reply_error(r, 404, "not-found", "there is no such device of kind multicast", "PUT /api/v1/devices/ID with \"kind\": \"multicast\"");
    return NULL;
}

static void on_put(const GError *error, void *user)
{
    if (error)
        md_api_bc_error(user, error);
    else
        md_api_reply(user, 200, NULL);
}

static void put_group(MdApiRequest *r, void *user)
{
    Multicasts *m = user;
    JsonObject *body = md_api_request_body(r);
    const BcDevice *device = device_of(r, m, md_api_request_param(r, "device"));
    if (device)
        bc_multicasts_put(m->multicasts, device->id, md_api_bc_text(body, "group", NULL),
                          md_audio_codec_from_string(md_api_bc_text(body, "codec", "opus")), on_put, r);
}

static void get_group(MdApiRequest *r, void *user)
{
    Multicasts *m = user;
    const BcDevice *device = device_of(r, m, md_api_request_param(r, "device"));
    if (!device)
        return;
    const BcMulticast *group = bc_multicasts_find(m->multicasts, device->id);
    JsonObject *object = json_object_new();
    g_autofree char *codec = group ? g_ascii_strdown(md_audio_codec_to_string(group->codec), -1) : NULL;
    md_api_bc_set_text(object, "group", group ? group->group : NULL);
    md_api_bc_set_text(object, "codec", codec);
    md_api_reply(r, 200, md_api_bc_object(object));
}

static void get_sdp(MdApiRequest *r, void *user)
{
    Multicasts *m = user;
    const char *file = md_api_request_param(r, "file");
    g_autofree char *id = g_str_has_suffix(file, ".sdp") ? g_strndup(file, strlen(file) - strlen(".sdp")) : NULL;
    const BcDevice *device = device_of(r, m, id);
    if (!device)
        return;
    g_autofree char *sdp = bc_multicasts_sdp(m->multicasts, device->id);
    if (sdp)
        md_api_reply_text(r, 200, "application/sdp", sdp);
    else
        md_api_reply_error(r, 404, "no-group", "it has no group yet", "PUT /api/v1/devices/ID/multicast");
}

#define GROUP "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"group\"],\"properties\":{\"group\":{\"type\":\"string\"," \
    "\"maxLength\":64},\"codec\":{\"type\":\"string\",\"enum\":[\"opus\",\"g722\",\"pcma\",\"pcmu\",\"\"]}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/devices/{device}/multicast", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = get_group,
     .response_schema = GROUP, .summary = "The multicast group a device of kind multicast hears; \"\": none yet."},
    {.method = "PUT", .path = "/devices/{device}/multicast", .rights = MD_API_MAY_DEVICES, .role = MD_API_OPERATOR, .handler = put_group,
     .request_schema = GROUP, .summary = "Give it one (\"239.255.1.2:5004\", an even port), or take it away with \"\"."},
    {.method = "GET", .path = "/outputs/{file}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = get_sdp,
     .response_type = "application/sdp", .summary = "The session description of a multicast device for receivers: DEVICE.sdp."},
};

static void free_multicasts(gpointer data)
{
    bc_multicasts_free(((Multicasts *)data)->multicasts);
    g_free(data);
}

void md_api_add_multicasts(MdApi *api, BcBroadcast *broadcast, BcMulticasts *multicasts)
{
    Multicasts *m = g_new0(Multicasts, 1);
    *m = (Multicasts){{api, broadcast}, multicasts};
    md_api_own(api, m, free_multicasts);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), m);
}
