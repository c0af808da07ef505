/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads "START<TAB>ZONE<TAB>RULE" lines, writes the first occurrences of each as seconds since 1970, or "refused WHY". */
#include <stdio.h>
#include <string.h>
#include "broadcast/recurrence.h"

#define OCCURRENCES 40

int main(void)
{
    char line[1024];
    while (fgets(line, sizeof line, stdin)) {
        g_auto(GStrv) parts = g_strsplit(g_strchomp(line), "\t", 3);
        g_autoptr(GError) error = NULL;
        g_autoptr(BcRecurrence) r =
            g_strv_length(parts) == 3 ? bc_recurrence_new(parts[0], parts[1], parts[2], NULL, &error) : NULL;
        if (!r) {
            printf("refused %s\n", error ? error->message : "three fields are wanted");
            continue;
        }
        int64_t at = -1;
        for (unsigned i = 0; i < OCCURRENCES && (at = bc_recurrence_next(r, at)) != INT64_MAX; i++)
            printf("%s%lld", i ? " " : "", (long long)(at / G_USEC_PER_SEC));
        printf("\n");
    }
    return 0;
}
