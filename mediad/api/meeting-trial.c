/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /meetings/{meeting}/trial: every site checked by itself before, and the list for the technician. */
#include "mediad/api/meeting-json.h"
#include "mediad/meeting/trial-row.h"

static void set_cause(JsonObject *o, MdTrialCause cause)
{
    json_object_set_string_member(o, "cause", md_trial_cause_to_string(cause));
    json_object_set_string_member(o, "text", md_trial_cause_text(cause));
    json_object_set_string_member(o, "advice", md_trial_cause_advice(cause));
    json_object_set_string_member(o, "text_en", md_trial_cause_text_en(cause));
    json_object_set_string_member(o, "advice_en", md_trial_cause_advice_en(cause));
}

static void set_causes(JsonObject *o, const MdTrialVerdict *v)
{
    JsonArray *causes = json_array_new();

    for (unsigned i = 0; i < v->n; i++) {
        JsonObject *one = json_object_new();
        set_cause(one, v->causes[i]);
        json_array_add_object_element(causes, one);
    }
    json_object_set_array_member(o, "causes", causes);
}

static JsonObject *site_json(const MdTrialSite *site)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "account", site->account);
    json_object_set_string_member(o, "name", site->name);
    json_object_set_string_member(o, "state", md_trial_state_to_string(site->state));
    json_object_set_int_member(o, "called_us", site->called_us);
    json_object_set_int_member(o, "done_us", site->done_us);
    json_object_set_int_member(o, "attempts", site->attempts);
    if (site->state != MD_TRIAL_DONE || site->verdict.n == 0)
        return o;
    json_object_set_string_member(o, "grade", md_trial_grade_to_string(site->verdict.grade));
    set_cause(o, site->verdict.causes[0]);
    set_causes(o, &site->verdict);
    json_object_set_object_member(o, "evidence", md_trial_evidence_to_json(&site->evidence));
    return o;
}

/* The meeting that is asked for and its trial; NULL: answered. */
static MdTrial *trial_of(MdApiRequest *r, MdApiMeetings *s, MdBooking **ret_booking)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MdBooking) b = md_api_meeting_of(r, s);
    MdTrial *trial = b ? md_meetings_trial(s->meetings, b->id, &error) : NULL;

    if (b && !trial)
        md_api_meeting_error(r, error);
    if (trial && ret_booking)
        *ret_booking = g_steal_pointer(&b);
    return trial;
}

static void show(MdApiRequest *r, void *user)
{
    g_autoptr(MdTrial) trial = trial_of(r, user, NULL);

    if (!trial)
        return;
    JsonObject *o = json_object_new();
    JsonArray *sites = json_array_new();
    for (unsigned i = 0; i < trial->sites->len; i++)
        json_array_add_object_element(sites, site_json(trial->sites->pdata[i]));
    json_object_set_boolean_member(o, "running", trial->running);
    json_object_set_int_member(o, "begun_us", trial->begun_us);
    json_object_set_int_member(o, "passed", trial->passed);
    json_object_set_int_member(o, "warned", trial->warned);
    json_object_set_int_member(o, "failed", trial->failed);
    json_object_set_int_member(o, "left", trial->left);
    json_object_set_array_member(o, "sites", sites);
    md_api_reply(r, 200, md_api_meeting_object(o));
}

static void as_csv(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(MdBooking) b = NULL;
    g_autoptr(MdTrial) trial = trial_of(r, s, &b);

    if (!trial)
        return;
    g_autofree char *text = md_trial_csv(trial, md_meetings_zone(s->meetings));
    g_autofree char *file = g_strdup_printf("attachment; filename=\"hop-thu-%s.csv\"", b->id);
    md_api_request_set_header(r, "Content-Disposition", file);
    md_api_reply_text(r, 200, "text/csv; charset=utf-8", text);
}

static void as_page(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(MdBooking) b = NULL;
    g_autoptr(MdTrial) trial = trial_of(r, s, &b);

    if (!trial)
        return;
    g_autofree char *text = md_trial_page(trial, b, md_meetings_zone(s->meetings));
    md_api_reply_page(r, text);
}

static void start(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    JsonObject *body = md_api_request_body(r);
    JsonArray *sites = body && json_object_has_member(body, "sites") ? json_object_get_array_member(body, "sites") : NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(MdBooking) b = md_api_meeting_of(r, s);

    if (!b || !md_api_meeting_may(r, b, MD_API_MEETING_PREPARE))
        return;
    g_autoptr(GPtrArray) accounts = g_ptr_array_new();
    for (unsigned i = 0; sites && i < json_array_get_length(sites); i++)
        g_ptr_array_add(accounts, (gpointer)(uintptr_t)json_array_get_string_element(sites, i));
    g_ptr_array_add(accounts, NULL);
    if (md_meetings_trial_start(s->meetings, b->id, sites ? (const char *const *)accounts->pdata : NULL, &error))
        md_api_reply(r, 204, NULL);
    else
        md_api_meeting_error(r, error);
}

static void stop(MdApiRequest *r, void *user)
{
    MdApiMeetings *s = user;
    g_autoptr(GError) error = NULL;
    g_autoptr(MdBooking) b = md_api_meeting_of(r, s);

    if (!b || !md_api_meeting_may(r, b, MD_API_MEETING_PREPARE))
        return;
    if (md_meetings_trial_stop(s->meetings, b->id, &error))
        md_api_reply(r, 204, NULL);
    else
        md_api_meeting_error(r, error);
}

#define SITE                                                                                                           \
    "{\"type\":\"object\",\"required\":[\"account\",\"name\",\"state\"],\"properties\":{\"account\":" MT_TEXT ",\"name\":" MT_TEXT                        \
    ",\"state\":{\"type\":\"string\",\"enum\":[\"waiting\",\"calling\",\"checking\",\"done\"]},\"called_us\":" MT_TIME ",\"done_us\":" MT_TIME           \
    ",\"attempts\":" MT_INT ",\"grade\":{\"type\":\"string\",\"enum\":[\"pass\",\"warn\",\"fail\"]},\"cause\":" MT_TEXT                              \
    ",\"text\":{\"type\":\"string\",\"description\":\"the likely cause, in Vietnamese\"},\"advice\":{\"type\":\"string\",\"description\":\"what to do, in Vietnamese\"},"   \
    "\"text_en\":" MT_TEXT ",\"advice_en\":" MT_TEXT ","                                                                  \
    "\"causes\":{\"type\":\"array\"},\"evidence\":{\"type\":\"object\"}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/meetings/{meeting}/trial", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show,
     .response_schema = "{\"type\":\"object\",\"required\":[\"running\",\"sites\",\"passed\",\"warned\",\"failed\",\"left\"],\"properties\":{\"running\":" MT_FLAG
                        ",\"begun_us\":" MT_TIME ",\"passed\":" MT_INT ",\"warned\":" MT_INT ",\"failed\":" MT_INT ",\"left\":" MT_INT
                        ",\"sites\":{\"type\":\"array\",\"items\":" SITE "}}}",
     .summary = "The trial session: how each site's line was, the likely cause of what is wrong, and what was measured."},
    {.method = "GET", .path = "/meetings/{meeting}/trial.csv", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = as_csv,
     .response_type = "text/csv", .summary = "The list for the technician as a table for spreadsheets, in Vietnamese; what needs hands first."},
    {.method = "GET", .path = "/meetings/{meeting}/trial.html", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = as_page,
     .response_type = "text/html", .summary = "The same as a page to print, in Vietnamese."},
    {.method = "POST", .path = "/meetings/{meeting}/trial", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = start,
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"sites\":" MT_ACCOUNTS("1") "}}",
     .summary = "Check these sites now, or all: each is called once more. Not while it is in a meeting, not after the start."},
    {.method = "DELETE", .path = "/meetings/{meeting}/trial", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = stop,
     .summary = "Stop the trial session: nobody more is called."},
};

void md_api_add_meeting_trial(MdApiMeetings *s)
{
    md_api_add_routes(s->api, routes, G_N_ELEMENTS(routes), s);
}
