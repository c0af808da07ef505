/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "broadcast/bulletin/dictionary.h"
#include "tests/fuzz/fuzz.h"

static bool take(const char *written, const char *spoken, unsigned line, void *user, GError **error)
{
    g_assert_cmpuint(line, >, *(unsigned *)user);
    g_assert_true(g_utf8_validate(written, -1, NULL) && g_utf8_validate(spoken, -1, NULL));
    *(unsigned *)user = line;
    return true;
}

/* A table of words as anybody uploads it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *exact = g_memdup2(data, size);
    unsigned line = 0;
    if (!bc_dictionary_parse(exact, size, take, &line, &error))
        g_assert_nonnull(error);
    return 0;
}
