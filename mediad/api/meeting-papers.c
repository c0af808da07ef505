/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is left of a meeting: attendance and what was written. */
#include "mediad/api/meeting-json.h"
#include "mediad/api/private.h"

static JsonObject *attendee_json(const MdAttendee *a)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "account", a->account);
    json_object_set_string_member(o, "name", a->name);
    json_object_set_string_member(o, "role", a->role ? a->role : "");
    json_object_set_boolean_member(o, "invited", a->invited);
    json_object_set_boolean_member(o, "present", a->first_us != 0);
    json_object_set_boolean_member(o, "here", a->here);
    json_object_set_int_member(o, "first_us", a->first_us);
    json_object_set_int_member(o, "last_us", a->last_us);
    json_object_set_int_member(o, "visits", a->visits);
    json_object_set_int_member(o, "reconnects", a->reconnects);
    json_object_set_int_member(o, "present_s", a->present_s);
    json_object_set_int_member(o, "camera_s", a->camera_s);
    json_object_set_int_member(o, "mic_s", a->mic_s);
    json_object_set_int_member(o, "talk_s", a->talk_s);
    json_object_set_int_member(o, "floor_s", a->floor_s);
    return o;
}

static JsonObject *visit_json(const MdVisit *v)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "member", v->member);
    json_object_set_string_member(o, "account", v->account);
    json_object_set_string_member(o, "name", v->name);
    json_object_set_int_member(o, "joined_us", v->joined_us);
    json_object_set_int_member(o, "left_us", v->left_us);
    json_object_set_string_member(o, "reason", v->reason);
    return o;
}

static MdAttendance *attendance_of(MdApiRequest *r, MdApiMeetings *s)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MdBooking) b = md_api_meeting_of(r, s);

    if (!b || !md_api_meeting_may(r, b, MD_API_MEETING_PAPERS))
        return NULL;
    MdAttendance *attendance = md_meetings_attendance(s->meetings, b->id, &error);
    if (!attendance)
        md_api_meeting_error(r, error);
    return attendance;
}

static void as_json(MdApiRequest *r, void *user)
{
    g_autoptr(MdAttendance) a = attendance_of(r, user);

    if (!a)
        return;
    JsonObject *o = json_object_new();
    JsonArray *attendees = json_array_new(), *visits = json_array_new();
    for (unsigned i = 0; i < a->attendees->len; i++)
        json_array_add_object_element(attendees, attendee_json(a->attendees->pdata[i]));
    for (unsigned i = 0; i < a->visits->len; i++)
        json_array_add_object_element(visits, visit_json(a->visits->pdata[i]));
    json_object_set_string_member(o, "meeting", a->booking->id);
    json_object_set_int_member(o, "invited", a->invited);
    json_object_set_int_member(o, "present", a->present);
    json_object_set_array_member(o, "attendees", attendees);
    json_object_set_array_member(o, "visits", visits);
    md_api_reply(r, 200, md_api_meeting_object(o));
}

static void as_csv(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(MdAttendance) a = attendance_of(r, s);

    if (!a)
        return;
    g_autofree char *text = md_attendance_csv(a, md_meetings_zone(s->meetings));
    g_autofree char *file = g_strdup_printf("attachment; filename=\"diem-danh-%s.csv\"", a->booking->id);
    md_api_request_set_header(r, "Content-Disposition", file);
    md_api_reply_text(r, 200, "text/csv; charset=utf-8", text);
}

static void as_page(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(MdAttendance) a = attendance_of(r, s);

    if (!a)
        return;
    g_autofree char *text = md_attendance_page(a, md_meetings_zone(s->meetings));
    md_api_reply_page(r, text);
}

/* --- chat --- */

static void add_message(const MdChatMessage *message, void *user)
{
    JsonObject *o = json_object_new();

    if (message->member)
        json_object_set_string_member(o, "member", message->member);
    json_object_set_string_member(o, "from", message->name);
    json_object_set_string_member(o, "account", message->account ? message->account : "");
    json_object_set_string_member(o, "to", message->to);
    json_object_set_string_member(o, "text", message->text);
    json_object_set_int_member(o, "time_us", message->time_us);
    json_array_add_object_element(user, o);
}

static void chat_list(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(GError) error = NULL;
    g_autoptr(MdBooking) b = md_api_meeting_of(r, s);

    if (!b)
        return;
    JsonArray *array = json_array_new();
    if (!md_meetings_chat_list(s->meetings, b->id, md_api_meeting_has(r, b, MD_API_MEETING_PAPERS), add_message, array, &error)) {
        json_array_unref(array);
        md_api_meeting_error(r, error);
        return;
    }
    JsonObject *o = json_object_new();
    json_object_set_boolean_member(o, "kept", !b->confidential);
    json_object_set_array_member(o, "messages", array);
    md_api_reply(r, 200, md_api_meeting_object(o));
}

static void chat_write(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    JsonObject *body = md_api_request_body(r);
    g_autoptr(GError) error = NULL;
    g_autoptr(MdBooking) b = md_api_meeting_of(r, s);

    if (!b || !md_api_meeting_may(r, b, MD_API_MEETING_PREPARE))
        return;
    if (md_meetings_chat(s->meetings, b->room, NULL, md_api_request_user(r), md_api_request_user(r), json_object_get_string_member_with_default(body, "to", "all"),
                         json_object_get_string_member(body, "text"), &error))
        md_api_reply(r, 204, NULL);
    else
        md_api_meeting_error(r, error);
}

#define SECONDS "{\"type\":\"integer\",\"description\":\"seconds\"}"
#define ATTENDANCE                                                                                                     \
    "{\"type\":\"object\",\"required\":[\"attendees\",\"visits\",\"invited\",\"present\"],\"properties\":{\"meeting\":" MT_TEXT ",\"invited\":" MT_INT        \
    ",\"present\":" MT_INT ",\"attendees\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"account\",\"name\",\"invited\",\"present\"],"      \
    "\"properties\":{\"account\":" MT_TEXT ",\"name\":" MT_TEXT ",\"role\":" MT_TEXT ",\"invited\":" MT_FLAG ",\"present\":" MT_FLAG ",\"here\":" MT_FLAG   \
    ",\"first_us\":" MT_TIME ",\"last_us\":" MT_TIME ",\"visits\":" MT_INT ",\"reconnects\":" MT_INT ",\"present_s\":" SECONDS ",\"camera_s\":" SECONDS   \
    ",\"mic_s\":" SECONDS ",\"talk_s\":" SECONDS ",\"floor_s\":" SECONDS "}}},\"visits\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/meetings/{meeting}/attendance", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = as_json,
     .response_schema = ATTENDANCE, .summary = "Who was there, from what was seen of them: for who operates or audits, its chairs and secretary."},
    {.method = "GET", .path = "/meetings/{meeting}/attendance.csv", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = as_csv,
     .response_type = "text/csv", .summary = "The same as a table for spreadsheets, in Vietnamese."},
    {.method = "GET", .path = "/meetings/{meeting}/attendance.html", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = as_page,
     .response_type = "text/html", .summary = "The same as a page to print, in Vietnamese."},
    {.method = "GET", .path = "/meetings/{meeting}/chat", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = chat_list,
     .response_schema = "{\"type\":\"object\",\"required\":[\"messages\",\"kept\"],\"properties\":{\"kept\":" MT_FLAG ",\"messages\":{\"type\":\"array\",\"items\":{"
                        "\"type\":\"object\",\"required\":[\"from\",\"to\",\"text\",\"time_us\"],\"properties\":{\"member\":" MT_TEXT ",\"from\":" MT_TEXT
                        ",\"account\":" MT_TEXT ",\"to\":" MT_TEXT ",\"text\":" MT_TEXT ",\"time_us\":" MT_TIME "}}}}}",
     .summary = "What was written; what went to the secretary only to those who may see it."},
    {.method = "POST", .path = "/meetings/{meeting}/chat", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = chat_write,
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"text\"],\"properties\":{\"to\":{\"type\":\"string\",\"enum\":[\"all\","
                       "\"secretary\"]},\"text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":1000}}}",
     .summary = "Write to a meeting under way, to all or to its secretary."},
};

void md_api_add_meeting_papers(MdApiMeetings *s)
{
    md_api_add_routes(s->api, routes, G_N_ELEMENTS(routes), s);
}
