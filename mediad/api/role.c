/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roles: named sets of rights, and where an account of each may be bound. */
#include "mediad/api/private.h"

#define EVERYTHING ((MD_API_MAY_VENDOR << 1) - 1)

typedef enum Binding {
    ANYWHERE,       /* an area, or the whole province */
    WHOLE_PROVINCE,
    BELOW,          /* an area of the province: a commune, a village */
    A_VENDOR,       /* the name of a maker */
} Binding;

/* level: what the order of the four plain roles is worth to a route that names a least role and no rights. */
static const struct Role {
    const char *name;
    unsigned level, rights;
    Binding binding;
} roles[MD_API_ROLE_MAX] = {
    [MD_API_ANYBODY] = {"anybody", 0, 0, ANYWHERE},
    [MD_API_VIEWER] = {"viewer", 1, MD_API_MAY_VIEW, ANYWHERE},
    [MD_API_BROADCASTER] = {"broadcaster", 2, MD_API_MAY_VIEW | MD_API_MAY_EDIT | MD_API_MAY_AIR, ANYWHERE},
    [MD_API_OPERATOR] = {"operator", 3, MD_API_MAY_VIEW | MD_API_MAY_EDIT | MD_API_MAY_APPROVE | MD_API_MAY_AIR | MD_API_MAY_ALERT |
                                            MD_API_MAY_DEVICES | MD_API_MAY_OPERATE, ANYWHERE},
    [MD_API_ADMIN] = {"admin", 4, EVERYTHING, ANYWHERE},
    [MD_API_PROVINCIAL_EDITOR] = {"provincial-editor", 1, MD_API_MAY_VIEW | MD_API_MAY_EDIT, WHOLE_PROVINCE},
    [MD_API_PROVINCIAL_APPROVER] = {"provincial-approver", 1, MD_API_MAY_VIEW | MD_API_MAY_EDIT | MD_API_MAY_APPROVE | MD_API_MAY_AIR |
                                                                  MD_API_MAY_ALERT, WHOLE_PROVINCE},
    [MD_API_COMMUNE_EDITOR] = {"commune-editor", 1, MD_API_MAY_VIEW | MD_API_MAY_EDIT, BELOW},
    [MD_API_COMMUNE_APPROVER] = {"commune-approver", 1, MD_API_MAY_VIEW | MD_API_MAY_EDIT | MD_API_MAY_APPROVE | MD_API_MAY_AIR |
                                                            MD_API_MAY_ALERT, BELOW},
    [MD_API_AUDITOR] = {"auditor", 1, MD_API_MAY_VIEW | MD_API_MAY_AUDIT, ANYWHERE},
    [MD_API_VENDOR] = {"vendor", 0, MD_API_MAY_VENDOR, A_VENDOR},
};

unsigned md_api_role_rights(MdApiRole role)
{
    return (unsigned)role < MD_API_ROLE_MAX ? roles[role].rights : 0;
}

const char *md_api_role_to_string(MdApiRole role)
{
    return (unsigned)role < MD_API_ROLE_MAX ? roles[role].name : NULL;
}

MdApiRole md_api_role_from_string(const char *name)
{
    for (unsigned i = 0; name && i < MD_API_ROLE_MAX; i++)
        if (g_str_equal(name, roles[i].name))
            return (MdApiRole)i;
    return MD_API_ROLE_MAX;
}

/* A vendor's account comes to the routes made for it and no other: not even to those that ask only for somebody signed in. */
bool md_api_role_may(MdApiRole role, const MdApiRoute *spec)
{
    if ((unsigned)role >= MD_API_ROLE_MAX)
        return false;
    if (role == MD_API_VENDOR && spec->vendor)
        return true;
    return spec->rights ? (roles[role].rights & spec->rights) == spec->rights : roles[role].level >= roles[spec->role].level;
}

char *md_api_rights_to_string(unsigned rights)
{
    static const char *const names[] = {"view",  "edit",   "approve", "air",     "alert",
                                        "devices", "audit", "people",  "operate", "vendor"};
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (rights & 1u << i)
            g_string_append_printf(text, "%s%s", text->len ? "," : "", names[i]);
    return g_string_free(text, FALSE);
}

void md_api_set_area_lookup(MdApi *api, MdApiAreaFn fn, void *user)
{
    api->area_fn = fn;
    api->area_user = user;
}

void md_api_set_area_tree(MdApi *api, MdApiAreaHoldsFn fn, void *user)
{
    api->holds_fn = fn;
    api->holds_user = user;
}

static bool holds(const MdApi *api, const char *area, const char *inner)
{
    return api->holds_fn ? api->holds_fn(area, inner, api->holds_user) : g_str_equal(area, inner);
}

bool md_api_area_told(const MdApi *api, const char *own, MdApiTell tell, const char *areas)
{
    if (tell == MD_API_TELL_EVERYBODY || !own || !*own)
        return true;
    if (!areas || !*areas)
        return tell == MD_API_TELL_CONCERNED;
    g_auto(GStrv) list = g_strsplit(areas, ",", -1);
    for (unsigned i = 0; list[i]; i++)
        if (holds(api, own, list[i]) || (tell == MD_API_TELL_CONCERNED && holds(api, list[i], own)))
            return true;
    return false;
}

bool md_api_request_sees(const MdApiRequest *r, const char *area)
{
    return r->api && md_api_area_told(r->api, r->area, MD_API_TELL_WITHIN, area);
}

bool md_api_request_concerned(const MdApiRequest *r, const char *areas)
{
    return r->api && md_api_area_told(r->api, r->area, MD_API_TELL_CONCERNED, areas);
}

const char *md_api_role_bind(const MdApi *api, MdApiRole role, const char *area, const char *vendor)
{
    Binding binding = roles[role].binding;
    MdApiAreaPlace place = !area || !*area ? MD_API_AREA_ROOT : api->area_fn ? api->area_fn(area, api->area_user) : MD_API_AREA_BELOW;

    if (binding == A_VENDOR && (!vendor || !*vendor))
        return "field 'vendor': a vendor's account needs the name its devices carry";
    if (binding != A_VENDOR && vendor && *vendor)
        return "field 'vendor': only for accounts of the role vendor";
    if (place == MD_API_AREA_UNKNOWN)
        return "field 'area': there is no such area";
    if (binding == WHOLE_PROVINCE && area && *area)
        return "field 'area': a provincial role is for the whole province: leave it empty";
    if (binding == BELOW && place != MD_API_AREA_BELOW)
        return "field 'area': a commune's role needs the code of a commune, or of an area below one";
    return NULL;
}
