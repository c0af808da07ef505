/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "config/settings.h"
#include "tests/fuzz/fuzz.h"

/* What loads must print, and what is printed must load again and mean the same. */
static void round_trip(const CfgSettings *settings)
{
    g_autofree char *text = cfg_print(settings);
    g_autoptr(GError) error = NULL;
    g_autoptr(CfgSettings) again = cfg_parse(text, "printed", &error);
    if (!again)
        g_error("printed settings do not load: %s", error->message);
    g_autoptr(GPtrArray) changes = cfg_diff(settings, again);
    for (unsigned i = 0; i < changes->len; i++) {
        const CfgChange *change = changes->pdata[i];
        if (!g_str_has_suffix(change->key, "pin"))
            g_error("%s changed by printing and loading", change->key);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    if (strlen(text) != size || strstr(text, "@include")) /* no files of this machine */
        return 0;
    g_autoptr(CfgSettings) settings = cfg_parse(text, "fuzz", &error);
    if (!settings == !error)
        g_error("neither settings nor an error, or both");
    if (settings)
        round_trip(settings);
    return 0;
}
