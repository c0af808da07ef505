/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* Runs "mediactl WORDS" in this process with input on its standard input; words are split at blanks, _ stands for a blank
 * inside one. The exit status; what it printed replaces *out and *err (free). */
int test_ctl_run(const char *config, const char *input, const char *words, char **out, char **err);
