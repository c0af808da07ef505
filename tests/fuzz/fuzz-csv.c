/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "broadcast/csv.h"
#include "tests/fuzz/fuzz.h"

/* A table as it is uploaded. The bytes are in a block of their own size, so that reading past them shows. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_memdup2(data, size);
    g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    unsigned line = 0;
    BcCsv csv;

    bc_csv_init(&csv, text ? text : "", size);
    while (bc_csv_next(&csv, fields, &error)) {
        g_assert_cmpuint(csv.line, >, line);
        g_assert_cmpuint(fields->len, <=, BC_CSV_FIELDS_MAX);
        for (unsigned i = 0; i < fields->len; i++)
            g_assert_true(g_utf8_validate(fields->pdata[i], -1, NULL));
        line = csv.line;
    }
    g_assert_true(csv.at <= csv.end && (error || csv.at == csv.end));
    return 0;
}
