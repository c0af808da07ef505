/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/order.h"

int bc_order_compare(const BcOrder *a, const BcOrder *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    if (a->authority != b->authority)
        return a->authority < b->authority ? -1 : 1;
    if (a->made_us != b->made_us)
        return a->made_us > b->made_us ? -1 : 1;
    return a->sequence == b->sequence ? 0 : a->sequence > b->sequence ? -1 : 1;
}

/* By the kind of the area where it is known; otherwise by how deep it lies, for areas of any depth exist. */
unsigned bc_authority_of(const BcAreas *areas, const char *code)
{
    const BcArea *area = code && *code ? bc_areas_find(areas, code) : NULL;
    if (!area || g_str_equal(area->kind, "province"))
        return BC_AUTHORITY_PROVINCE;
    if (g_str_equal(area->kind, "commune") || g_str_equal(area->kind, "ward"))
        return BC_AUTHORITY_COMMUNE;
    unsigned depth = 0;
    for (const BcArea *up = area; up && up->parent && depth < BC_AREA_DEPTH_MAX; up = bc_areas_find(areas, up->parent))
        depth++;
    return MIN(BC_AUTHORITY_PROVINCE + depth, BC_AUTHORITY_VILLAGE);
}
