/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "broadcast/recurrence.h"
#include "tests/fuzz/fuzz.h"

/* First line: start, second: until, the rest: the rule, as the API takes them from anybody who may schedule. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1024)
        return 0;
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 3);
    if (!lines[0] || !lines[1] || !lines[2])
        return 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(BcRecurrence) r = bc_recurrence_new(lines[0], "Asia/Ho_Chi_Minh", g_strchomp(lines[2]), lines[1], &error);
    if (!r)
        return 0;
    g_autoptr(GArray) times = bc_recurrence_between(r, 0, INT64_MAX, 20);
    for (unsigned i = 1; i < times->len; i++)
        g_assert_cmpint(g_array_index(times, int64_t, i), >, g_array_index(times, int64_t, i - 1));
    return 0;
}
