/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/board/page.h"

#include <gio/gio.h>

GResource *bc_board_page_get_resource(void); /* made by glib-compile-resources */

GBytes *bc_board_page(const char *file, const char **ret_type)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"}, {".css", "text/css; charset=utf-8"}};
    g_autofree char *path = g_strconcat("/mediad/board/", file, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_suffix(file, types[i][0])) {
            *ret_type = types[i][1];
            return g_resource_lookup_data(bc_board_page_get_resource(), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
        }
    return NULL;
}
