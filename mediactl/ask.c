/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediactl/ctl.h"

void ctl_set_text(JsonObject *body, const Args *args, const char *option)
{
    const char *value = args_option(args, option);
    g_autofree char *member = g_strdelimit(g_strdup(option), "-", '_');

    if (value)
        json_object_set_string_member(body, member, value);
}

void ctl_query(GString *path, const Args *args, const char *const *fields, unsigned n)
{
    char mark = '?';

    for (unsigned i = 0; i < n; i++) {
        const char *value = args_option(args, fields[i]);
        if (!value)
            continue;
        g_autofree char *safe = ctl_path("%s", value);
        g_string_append_printf(path, "%c%s=%s", mark, fields[i], safe);
        mark = '&';
    }
}
