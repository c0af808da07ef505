/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /site-lists: sites that are invited together. */
#include "mediad/api/meeting-json.h"

static JsonObject *list_json(const MdSiteList *list)
{
    JsonObject *o = json_object_new();
    JsonArray *accounts = json_array_new();

    for (unsigned i = 0; list->accounts[i]; i++)
        json_array_add_string_element(accounts, list->accounts[i]);
    json_object_set_string_member(o, "name", list->name);
    json_object_set_string_member(o, "title", list->title);
    json_object_set_int_member(o, "n_sites", json_array_get_length(accounts));
    json_object_set_array_member(o, "accounts", accounts);
    json_object_set_int_member(o, "changed_us", list->changed_us);
    json_object_set_string_member(o, "changed_by", list->changed_by);
    return o;
}

static void list(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    JsonObject *o = json_object_new();
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = md_site_lists(s->meetings);

    for (unsigned i = 0; i < all->len; i++)
        json_array_add_object_element(array, list_json(all->pdata[i]));
    json_object_set_array_member(o, "lists", array);
    md_api_reply(r, 200, md_api_meeting_object(o));
}

static void on_done(const GError *error, void *user)
{
    if (error)
        md_api_meeting_error(user, error);
    else
        md_api_reply(user, 204, NULL);
}

static void put(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    JsonObject *body = md_api_request_body(r);
    g_autoptr(GError) error = NULL;
    g_autoptr(MdBooking) b = md_booking_new();

    if (!md_api_meeting_invite(s, body, b, &error)) {
        md_api_meeting_error(r, error);
        return;
    }
    g_autoptr(GPtrArray) accounts = g_ptr_array_new();
    for (unsigned i = 0; i < b->sites->len; i++)
        g_ptr_array_add(accounts, ((const MdInvitee *)b->sites->pdata[i])->account);
    g_ptr_array_add(accounts, NULL);
    MdSiteList list = {.name = md_api_request_param(r, "list"), .title = json_object_get_string_member(body, "title"),
                       .accounts = (const char *const *)accounts->pdata};
    md_site_list_put(s->meetings, &list, md_api_request_user(r), on_done, r);
}

static void remove_list(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;

    md_site_list_remove(s->meetings, md_api_request_param(r, "list"), on_done, r);
}

#define WORDS(most) "{\"type\":\"array\",\"maxItems\":" most ",\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/site-lists", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list,
     .response_schema = "{\"type\":\"object\",\"required\":[\"lists\"],\"properties\":{\"lists\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":["
                        "\"name\",\"title\",\"accounts\"],\"properties\":{\"name\":" MT_TEXT ",\"title\":" MT_TEXT ",\"n_sites\":" MT_INT
                        ",\"accounts\":{\"type\":\"array\",\"items\":" MT_TEXT "},\"changed_us\":" MT_TIME ",\"changed_by\":" MT_TEXT "}}}}}",
     .summary = "Saved lists of sites."},
    {.method = "PUT", .path = "/site-lists/{list}", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .handler = put,
     .body_max = 256 * 1024,
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"title\",\"invite\"],\"properties\":{\"title\":{\"type\":\"string\","
                       "\"minLength\":1,\"maxLength\":200},\"invite\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"accounts\":" MT_ACCOUNTS("0")
                       ",\"lists\":" WORDS("50") ",\"areas\":" WORDS("200") ",\"roles\":" WORDS("10") "}}}}",
     .summary = "Save a list of sites: accounts, other lists, all of an area and below, all of a role, as they are now."},
    {.method = "DELETE", .path = "/site-lists/{list}", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .handler = remove_list,
     .summary = "Remove a saved list; meetings that were booked with it stay as they are."},
};

void md_api_add_site_lists(MdApiMeetings *s)
{
    md_api_add_routes(s->api, routes, G_N_ELEMENTS(routes), s);
}
