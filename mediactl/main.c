/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediactl/ctl.h"
#include <locale.h>

int main(int argc, char **argv)
{
    Ctl ctl = {.out = stdout, .err = stderr, .in = stdin};

    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C");
    int status = ctl_main(&ctl, argc, argv);
    ctl_clear(&ctl);
    if (fflush(stdout) != 0)
        return CTL_FAILED;
    return status;
}
