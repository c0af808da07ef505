/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The path of a browser's leg: one ICE session that carries all lines. */
#include "mediad/leg/leg-private.h"

bool md_leg_add_candidate(MdLeg *leg, const char *mid, const char *line, GError **error)
{
    g_set_error_literal(error, MD_LEG_ERROR, MD_LEG_ERROR_NOT_ACCEPTABLE, "this leg's media does not use ICE");
    return false;
}
