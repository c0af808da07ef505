/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /meetings/{meeting}/links: one code for each invitee, shown once, taken back at will. */
#include "mediad/api/meeting-json.h"

typedef struct Ask {
    MdApiRequest *request;
    MdApiMeetings *s;
} Ask;

static JsonObject *link_json(const MdMeetingLink *link)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "id", link->id);
    json_object_set_string_member(o, "account", link->account);
    json_object_set_string_member(o, "name", link->name);
    json_object_set_string_member(o, "role", link->role);
    json_object_set_int_member(o, "created_us", link->created_us);
    json_object_set_int_member(o, "used_us", link->used_us);
    json_object_set_int_member(o, "uses", link->uses);
    json_object_set_int_member(o, "revoked_us", link->revoked_us);
    if (link->code) {
        g_autofree char *path = g_strdup_printf("/#/join/%s", link->code); /* behind the #: no log of a server or proxy sees it */
        json_object_set_string_member(o, "code", link->code);
        json_object_set_string_member(o, "link", path);
    }
    return o;
}

static void reply_links(MdApiRequest *r, int status, GPtrArray *links)
{
    JsonObject *o = json_object_new();
    JsonArray *array = json_array_new();

    for (unsigned i = 0; i < links->len; i++)
        json_array_add_object_element(array, link_json(links->pdata[i]));
    json_object_set_array_member(o, "links", array);
    md_api_reply(r, status, md_api_meeting_object(o));
}

static void on_made(GPtrArray *links, const GError *error, void *user)
{
    Ask *ask = user;

    if (error)
        md_api_meeting_error(ask->request, error);
    else
        reply_links(ask->request, 201, links);
    g_free(ask);
}

static void make(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(MdBooking) b = md_api_meeting_of(r, s);
    JsonObject *body = md_api_request_body(r);
    JsonArray *wanted = json_object_has_member(body, "invitees") ? json_object_get_array_member(body, "invitees") : NULL;

    if (!b || !md_api_meeting_may(r, b, MD_API_MEETING_PREPARE))
        return;
    g_autofree MdInvitee *made = g_new0(MdInvitee, wanted ? json_array_get_length(wanted) : 0);
    g_autoptr(GPtrArray) invitees = g_ptr_array_new();
    for (unsigned i = 0; json_object_get_boolean_member_with_default(body, "all", FALSE) && i < b->sites->len; i++)
        g_ptr_array_add(invitees, b->sites->pdata[i]);
    for (unsigned i = 0; wanted && i < json_array_get_length(wanted); i++) {
        JsonObject *one = json_array_get_object_element(wanted, i);
        const char *account = json_object_get_string_member_with_default(one, "account", "");
        const MdInvitee *invited = *account ? md_booking_invitee(b, account) : NULL;
        const char *name = json_object_get_string_member_with_default(one, "name", invited ? invited->name : account);
        made[i] = (MdInvitee){(char *)account, (char *)name, (char *)json_object_get_string_member_with_default(one, "role", *account ? "site" : "guest")};
        if (*account && !md_booking_role(b, account)) {
            g_autofree char *message = g_strdup_printf("field 'invitees', number %u: %s is not invited", i + 1, account);
            md_api_reply_error(r, 400, "invalid-field", message, "invite it first, or leave the account out for a guest");
            return;
        }
        g_ptr_array_add(invitees, &made[i]);
    }
    Ask *ask = g_new(Ask, 1);
    *ask = (Ask){r, s};
    md_meetings_make_codes(s->meetings, b->id, invitees, md_api_request_user(r), on_made, ask);
}

static void list(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(GError) error = NULL;
    g_autoptr(MdBooking) b = md_api_meeting_of(r, s);

    if (!b || !md_api_meeting_may(r, b, MD_API_MEETING_PREPARE))
        return;
    g_autoptr(GPtrArray) links = md_meetings_codes(s->meetings, b->id, &error);
    if (links)
        reply_links(r, 200, links);
    else
        md_api_meeting_error(r, error);
}

static void on_revoked(const MdBooking *b, const GError *error, void *user)
{
    if (error)
        md_api_meeting_error(user, error);
    else
        md_api_reply(user, 204, NULL);
}

static void take_back(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(MdBooking) b = md_api_meeting_of(r, s);

    if (b && md_api_meeting_may(r, b, MD_API_MEETING_PREPARE))
        md_meetings_revoke_code(s->meetings, b->id, md_api_request_param(r, "link"), on_revoked, r);
}

#define LINKS                                                                                                          \
    "{\"type\":\"object\",\"required\":[\"links\"],\"properties\":{\"links\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"id\",\"name\","    \
    "\"role\"],\"properties\":{\"id\":" MT_TEXT ",\"account\":" MT_TEXT ",\"name\":" MT_TEXT ",\"role\":" MT_TEXT ",\"code\":" MT_TEXT ",\"link\":" MT_TEXT   \
    ",\"created_us\":" MT_TIME ",\"used_us\":" MT_TIME ",\"uses\":" MT_INT ",\"revoked_us\":" MT_TIME "}}}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/meetings/{meeting}/links", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list, .response_schema = LINKS,
     .summary = "Join links that were made, and whether they were used; the codes themselves are not kept."},
    {.method = "POST", .path = "/meetings/{meeting}/links", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = make, .response_schema = LINKS,
     .body_max = 256 * 1024,
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"all\":{\"type\":\"boolean\",\"description\":\"one for each invited site\"},"
                       "\"invitees\":{\"type\":\"array\",\"maxItems\":500,\"items\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"account\":" MT_ACCOUNT
                       ",\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":200},\"role\":" MT_ROLE "}}}}}",
     .summary = "Make join links with one-time codes: shown only now, bound to the first browser that uses them, good while the meeting may be joined."},
    {.method = "DELETE", .path = "/meetings/{meeting}/links/{link}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = take_back,
     .summary = "Take a join link back."},
};

void md_api_add_meeting_links(MdApiMeetings *s)
{
    md_api_add_routes(s->api, routes, G_N_ELEMENTS(routes), s);
}
