/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <string.h>
#include "broadcast/link/protocol.h"
#include "tests/fuzz/fuzz.h"

/* A message that is taken must be written, read and written again the same. */
#define FUZZ_LINK(Type, noun)                                                                             \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                                          \
    {                                                                                                     \
        Type first, second;                                                                               \
        g_autoptr(GError) error = NULL;                                                                   \
        bool ok = bc_link_##noun##_parse(&first, (const char *)data, size, &error);                       \
        if (ok != !error)                                                                                 \
            g_error("neither good nor an error, or both");                                                \
        if (!ok)                                                                                          \
            return 0;                                                                                     \
        g_autofree char *text = bc_link_##noun##_format(&first);                                          \
        if (!bc_link_##noun##_parse(&second, text, strlen(text), &error))                                 \
            g_error("what was written is refused: %s: %s", error->message, text);                         \
        g_autofree char *again = bc_link_##noun##_format(&second);                                        \
        if (strcmp(text, again) != 0)                                                                     \
            g_error("changed: %s, %s", text, again);                                                      \
        bc_link_##noun##_clear(&first);                                                                   \
        bc_link_##noun##_clear(&second);                                                                  \
        return 0;                                                                                         \
    }
