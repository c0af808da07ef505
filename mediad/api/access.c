/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who asks, and may they: the session, the role's rights or a role in the meeting, the area; then the second factor. */
#include "mediad/api/private.h"

static void refuse_role(MdApiRequest *r, unsigned rights, const char *in_meeting)
{
    g_autofree char *lacking = md_api_rights_to_string(rights & ~md_api_role_rights(r->role));
    const char *least = md_api_role_to_string(r->route->spec->role);
    g_autofree char *hint = g_strdup_printf("%s is a %s; this needs %s %s%s%s%s", r->user, md_api_role_to_string(r->role),
                                            rights ? "the right to" : "a", rights ? lacking : least, in_meeting ? ", or a role in the meeting (" : "",
                                            in_meeting ? in_meeting : "", in_meeting ? ")" : "");

    md_api_reply_error(r, 403, "not-allowed", "this account may not do that", hint);
}

bool md_api_require_rights(MdApiRequest *r, unsigned rights)
{
    if ((md_api_role_rights(r->role) & rights) == rights)
        return true;
    refuse_role(r, rights, NULL);
    return false;
}

/* Its role in the running meeting stands in for the right to run them all. */
static bool by_meeting(MdApiRequest *r, char **ret_why)
{
    const MdApiRoute *spec = r->route->spec;

    if (!spec->in_meeting || !r->user || r->role == MD_API_VENDOR || !r->api->meeting_fn)
        return false;
    const char *room = spec->meeting_room ? spec->meeting_room(r, r->route->user) : md_api_request_param(r, "room");
    return r->api->meeting_fn(r, room, spec->in_meeting - MD_API_IN_MEETING(0), ret_why, r->api->meeting_user);
}

bool md_api_request_sign_in(MdApiRequest *r)
{
    const MdApiRoute *spec = r->route->spec;
    bool cookie, forged;
    g_autofree char *token = md_api_credential_of(r->api, r->message, &cookie, &forged);
    const MdApiSession *session = token && !forged ? md_api_session_find(r->api, token) : NULL;

    if (session) {
        r->user = g_strdup(session->user);
        r->area = g_strdup(session->area);
        r->vendor = g_strdup(session->vendor);
        r->session = g_strdup(session->hash);
        r->role = session->role;
        r->csrf = cookie ? md_api_csrf_of(token) : NULL;
    }
    if (forged && spec->role != MD_API_ANYBODY) {
        md_api_reply_error(r, 403, "forged", "this did not come from a page of this console",
                           "reload the page; programs send \"Authorization: Bearer TOKEN\" instead of a cookie");
        return false;
    }
    g_autofree char *lacking = NULL;
    bool other_area = spec->province && r->area && r->area[0];
    if ((!md_api_role_may(r->role, spec) || other_area) && by_meeting(r, &lacking))
        return md_api_second_factor_early(r, session);
    if (!md_api_role_may(r->role, spec)) {
        if (session) {
            refuse_role(r, spec->rights, lacking);
            return false;
        }
        soup_message_headers_replace(soup_server_message_get_response_headers(r->message), "WWW-Authenticate",
                                     "Bearer realm=\"mediad\"");
        md_api_reply_error(r, 401, "not-signed-in",
                           token ? "the session has ended" : "this needs a signed-in account",
                           "sign in with POST " MD_API_PREFIX "/session and send \"Authorization: Bearer TOKEN\"");
        return false;
    }
    if (other_area) {
        g_autofree char *hint = g_strdup_printf("%s works in area %s; this concerns the whole province%s%s%s", r->user, r->area,
                                                lacking ? ", or those who run the meeting (" : "", lacking ? lacking : "", lacking ? ")" : "");
        md_api_reply_error(r, 403, "other-area", "this account works in one area only", hint);
        return false;
    }
    return md_api_second_factor_early(r, session);
}
