/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The second factor: one-time codes by time (RFC 6238) from a telephone, and recovery codes for the day it is lost. Here: what it means on the way
 * of a request, and for a session. */
#include "mediad/api/second-factor.h"
#include <sodium.h>

static void refuse_unfresh(MdApiRequest *r, bool enrolled)
{
    if (!enrolled)
        md_api_factor_refuse(r, r->user, MD_FACTOR_NONE, NULL);
    else
        md_api_reply_error(r, 403, "second-factor-needed", "this needs a one-time code",
                           "send it in the header " FACTOR_HEADER ", or once for the next minutes to POST " MD_API_PREFIX "/session/second-factor");
}

/* A code that comes with a request is checked whether the route asks for one or not: its handler may. */
bool md_api_second_factor_early(MdApiRequest *r, const MdApiSession *session)
{
    const MdApiRoute *spec = r->route->spec;
    const char *code = soup_message_headers_get_one(soup_server_message_get_request_headers(r->message), FACTOR_HEADER);

    if (!session)
        return true;
    if (session->must_enrol && !g_str_has_prefix(spec->path, "/session")) {
        md_api_factor_refuse(r, r->user, MD_FACTOR_NONE, NULL);
        return false;
    }
    r->fresh = session->unlocked_us > md_clock_wall_us(r->api->clock);
    if (r->fresh || (!spec->second_factor && !code))
        return true;
    bool enrolled = md_api_factor_enrolled(r->api, r->user);
    if (spec->second_factor && (!enrolled || !code || !*code)) {
        refuse_unfresh(r, enrolled);
        return false;
    }
    if (enrolled)
        r->one_time_code = g_strndup(code, FACTOR_CODE_MAX);
    return true;
}

bool md_api_request_fresh(const MdApiRequest *r)
{
    return r->fresh;
}

bool md_api_require_fresh(MdApiRequest *r)
{
    if (!r->fresh)
        refuse_unfresh(r, md_api_factor_enrolled(r->api, r->user));
    return r->fresh;
}

static void header_checked(MdApiRequest *r, MdFactorResult result, const GError *error, gpointer data)
{
    void (*go)(MdApiRequest *) = (void (*)(MdApiRequest *))data;

    if (result != MD_FACTOR_RIGHT)
        md_api_factor_refuse(r, r->user, result, error);
    else if (!r->message || !r->api || r->api->closing)
        md_api_reply_error(r, 503, "stopping", "whoever asked has gone, or the server stops", NULL);
    else {
        r->fresh = true;
        go(r);
    }
}

void md_api_second_factor_check(MdApiRequest *r, void (*go)(MdApiRequest *request))
{
    md_api_factor_verify(r, r->user, r->one_time_code, header_checked, (gpointer)go);
}

/* --- sessions --- */

void md_api_factor_add_unlocked(JsonBuilder *b, int64_t until_us)
{
    json_builder_set_member_name(b, "unlocked_until_us");
    json_builder_add_int_value(b, until_us);
}

static void unlocked(MdApiRequest *r, MdFactorResult result, const GError *error, gpointer data)
{
    if (result != MD_FACTOR_RIGHT || !r->api) {
        md_api_factor_refuse(r, r->user, result, error);
        return;
    }
    g_autoptr(JsonBuilder) b = json_builder_new();
    json_builder_begin_object(b);
    md_api_factor_add_unlocked(b, md_api_session_unlock(r->api, r->session));
    json_builder_end_object(b);
    md_api_reply(r, 200, json_builder_get_root(b));
}

static void unlock(MdApiRequest *r, void *unused)
{
    md_api_factor_verify(r, r->user, json_object_get_string_member(md_api_request_body(r), "code"), unlocked, NULL);
}

static void show(MdApiRequest *r, void *unused)
{
    const MdApiSession *session = md_api_session_by_hash(r->api, r->session);
    Factor factor;
    GError *error = NULL;
    g_autoptr(JsonBuilder) b = json_builder_new();

    if (!md_api_factor_load(r->api, r->user, &factor, &error)) {
        md_api_factor_refuse(r, r->user, MD_FACTOR_FAILED, error);
        g_error_free(error);
        return;
    }
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "enrolled");
    json_builder_add_boolean_value(b, factor.enrolled);
    json_builder_set_member_name(b, "required");
    json_builder_add_boolean_value(b, md_api_factor_required(r->api, r->role));
    json_builder_set_member_name(b, "recovery_codes_left");
    json_builder_add_int_value(b, factor.recovery_left);
    md_api_factor_add_unlocked(b, session && session->unlocked_us > md_clock_wall_us(r->api->clock) ? session->unlocked_us : 0);
    json_builder_end_object(b);
    sodium_memzero(&factor, sizeof factor);
    md_api_reply(r, 200, json_builder_get_root(b));
}

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/session/second-factor", .role = MD_API_VIEWER, .vendor = true, .handler = show,
     .summary = "Whether this account has a second factor, and until when this session does without codes.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"enrolled\"],\"properties\":{\"enrolled\":{\"type\":\"boolean\"},\"required\":{\"type\":\"boolean\"},"
                        "\"recovery_codes_left\":{\"type\":\"integer\"}," FACTOR_UNTIL "}}"},
    {.method = "POST", .path = "/session/second-factor", .role = MD_API_VIEWER, .vendor = true, .handler = unlock,
     .summary = "Give a one-time code: for five minutes this session does without the header X-One-Time-Code.", .request_schema = FACTOR_CODE_BODY,
     .response_schema = "{\"type\":\"object\",\"required\":[\"unlocked_until_us\"],\"properties\":{" FACTOR_UNTIL "}}"},
};

void md_api_second_factor_routes(MdApi *api)
{
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), NULL);
    md_api_factor_enrol_routes(api);
}
