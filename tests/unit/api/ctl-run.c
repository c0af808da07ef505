/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/api/ctl-run.h"
#include "mediactl/ctl.h"
#include <stdlib.h>

int test_ctl_run(const char *config, const char *input, const char *words, char **out, char **err)
{
    g_auto(GStrv) argv = g_strsplit(words, " ", -1);
    size_t out_size, err_size;
    Ctl ctl = {.config_path = g_strdup(config)};
    g_autoptr(GPtrArray) all = g_ptr_array_new();

    free(*out);
    free(*err);
    ctl.out = open_memstream(out, &out_size);
    ctl.err = open_memstream(err, &err_size);
    ctl.in = tmpfile();
    fputs(input ? input : "", ctl.in);
    rewind(ctl.in);
    g_ptr_array_add(all, (gpointer) "mediactl");
    for (unsigned i = 0; argv[i]; i++)
        g_ptr_array_add(all, g_strdelimit(argv[i], "_", ' '));
    int status = ctl_main(&ctl, (int)all->len, (char **)all->pdata);
    ctl_clear(&ctl);
    fclose(ctl.out);
    fclose(ctl.err);
    fclose(ctl.in);
    if (status != CTL_OK)
        g_test_message("%s: %d %s%s", words, status, *out, *err);
    return status;
}
