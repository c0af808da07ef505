/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "broadcast/device-link/reach.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size), *schedule = NULL;
    int64_t wall_us;
    unsigned item;
    if (!bc_occurrence_parse(text, &schedule, &wall_us, &item)) {
        if (schedule)
            abort();
        return 0;
    }
    g_autofree char *again = NULL, *first = g_strdup_printf("%s@%" G_GINT64_FORMAT, schedule ? schedule : "", wall_us / G_USEC_PER_SEC), *twice = NULL;
    int64_t us;
    unsigned n;
    /* what was understood is written and read again the same; leading zeros aside */
    if (schedule && (!bc_occurrence_parse(first, &again, &us, &n) || us != wall_us || strcmp(again, schedule) || wall_us < 0 || item > 1000))
        abort();
    if (!schedule && (wall_us || item || !bc_code_ok(text, 64) || !bc_occurrence_parse(text, &twice, &us, &n)))
        abort();
    return 0;
}
