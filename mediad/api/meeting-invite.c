/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whom a body invites: one by one, by saved lists, by area with all below it, or by role. */
#include <string.h>
#include "mediad/api/meeting-json.h"
#include "mediad/api/private.h"

char *md_api_meeting_name(MdApiMeetings *s, const char *account)
{
    const SgAccount *found = s->accounts ? sg_accounts_find(s->accounts, account) : NULL;

    return found && found->display && *found->display ? g_strdup(found->display) : NULL;
}

bool md_api_meeting_knows(MdApiMeetings *s, const char *account)
{
    if (strchr(account, ':') || !s->accounts || sg_accounts_find(s->accounts, account))
        return true;
    g_autoptr(MdApiUser) user = md_api_user_load(md_store_reader(md_api_store(s->api)), account, NULL);
    return user != NULL;
}

static bool add(MdApiMeetings *s, MdBooking *b, const char *account, const char *name, const char *role, GError **error)
{
    g_autofree char *known = md_api_meeting_name(s, account);

    if (!md_api_meeting_knows(s, account)) {
        g_set_error(error, MD_MEETING_ERROR, MD_MEETING_ERROR_INVALID, "field 'sites': there is no account '%s'", account);
        return false;
    }
    md_booking_invite(b, account, name ? name : known, role);
    return true;
}

static bool in_area(MdApiMeetings *s, const char *area, const char *inner)
{
    if (!inner || !*inner)
        return false;
    return s->broadcast ? bc_areas_contains(bc_broadcast_areas(s->broadcast), area, inner) : g_str_equal(area, inner);
}

typedef bool (*Fits)(MdApiMeetings *s, const SgAccount *account, const char *what);

static bool fits_area(MdApiMeetings *s, const SgAccount *account, const char *area)
{
    return in_area(s, area, account->area);
}

static bool fits_role(MdApiMeetings *s, const SgAccount *account, const char *role)
{
    return g_str_equal(account->role && *account->role ? account->role : "site", role);
}

/* Every site that fits; none at all is a mistake. */
static bool add_all(MdApiMeetings *s, MdBooking *b, const char *field, const char *what, Fits fits, GError **error)
{
    g_autoptr(GPtrArray) all = s->accounts ? sg_accounts_list(s->accounts) : g_ptr_array_new();
    unsigned n = 0;

    for (unsigned i = 0; i < all->len; i++) {
        const SgAccount *account = all->pdata[i];
        if (account->kind != SG_ACCOUNT_SITE || account->disabled || !fits(s, account, what))
            continue;
        md_booking_invite(b, account->name, account->display, NULL);
        n++;
    }
    if (n)
        return true;
    g_set_error(error, MD_MEETING_ERROR, MD_MEETING_ERROR_INVALID, "field 'invite.%s': there are no sites in '%s'", field, what);
    return false;
}

static bool add_list(MdApiMeetings *s, MdBooking *b, const char *name, GError **error)
{
    const MdSiteList *list = md_site_list_find(s->meetings, name);

    if (!list)
        g_set_error(error, MD_MEETING_ERROR, MD_MEETING_ERROR_INVALID, "field 'invite.lists': there is no list '%s'", name);
    for (unsigned i = 0; list && list->accounts[i]; i++)
        if (!add(s, b, list->accounts[i], NULL, NULL, error))
            return false;
    return list != NULL;
}

static JsonArray *array_of(JsonObject *o, const char *name)
{
    return o && json_object_has_member(o, name) ? json_object_get_array_member(o, name) : NULL;
}

static bool invite(MdApiMeetings *s, JsonObject *how, MdBooking *b, GError **error)
{
    JsonArray *accounts = array_of(how, "accounts"), *lists = array_of(how, "lists"), *areas = array_of(how, "areas"), *roles = array_of(how, "roles");

    for (unsigned i = 0; accounts && i < json_array_get_length(accounts); i++)
        if (!add(s, b, json_array_get_string_element(accounts, i), NULL, NULL, error))
            return false;
    for (unsigned i = 0; lists && i < json_array_get_length(lists); i++)
        if (!add_list(s, b, json_array_get_string_element(lists, i), error))
            return false;
    for (unsigned i = 0; areas && i < json_array_get_length(areas); i++)
        if (!add_all(s, b, "areas", json_array_get_string_element(areas, i), fits_area, error))
            return false;
    for (unsigned i = 0; roles && i < json_array_get_length(roles); i++)
        if (!add_all(s, b, "roles", json_array_get_string_element(roles, i), fits_role, error))
            return false;
    return true;
}

static void uninvite(MdBooking *b, const char *account)
{
    for (unsigned i = b->sites->len; i-- > 0;)
        if (g_str_equal(((const MdInvitee *)b->sites->pdata[i])->account, account))
            g_ptr_array_remove_index(b->sites, i);
}

bool md_api_meeting_invite(MdApiMeetings *s, JsonObject *body, MdBooking *b, GError **error)
{
    JsonArray *sites = array_of(body, "sites"), *out = array_of(body, "uninvite");

    if (sites)
        g_ptr_array_set_size(b->sites, 0);
    for (unsigned i = 0; sites && i < json_array_get_length(sites); i++) {
        JsonObject *one = json_array_get_object_element(sites, i);
        if (!add(s, b, json_object_get_string_member(one, "account"), json_object_get_string_member_with_default(one, "name", NULL),
                 json_object_get_string_member_with_default(one, "role", NULL), error))
            return false;
    }
    if (json_object_has_member(body, "invite") && !invite(s, json_object_get_object_member(body, "invite"), b, error))
        return false;
    for (unsigned i = 0; out && i < json_array_get_length(out); i++)
        uninvite(b, json_array_get_string_element(out, i));
    return true;
}
