/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "mediasim/scenario.h"

static volatile sig_atomic_t interrupted;
static int64_t began_us;

static const char help[] =
    "Usage: mediasim conference --server HOST:PORT --sites N --room NAME --accounts FILE [OPTIONS]\n"
    "       mediasim loudspeakers --server HOST:PORT --count N --accounts FILE [OPTIONS]\n"
    "       mediasim loudspeakers --link HOST:PORT --devices N --credentials DIR [OPTIONS]\n"
    "       mediasim --version\n\n"
    "Simulates conference sites or loudspeakers, over SIP or the device link, and judges what they receive; exit status 1 when "
    "something fell\n"
    "short. \"mediasim conference --help\" and \"mediasim loudspeakers --help\" tell all options.";

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

bool sim_interrupted(void)
{
    return interrupted;
}

void sim_say(const SimOptions *options, const char *format, ...)
{
    if (!options->verbose)
        return;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%6.1f s  ", (double)(g_get_monotonic_time() - began_us) / 1e6);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

/* Thousands of loudspeakers need as many descriptors as we may have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    g_auto(SimOptions) options;
    g_autoptr(GError) error = NULL;
    began_us = g_get_monotonic_time();
    setlocale(LC_CTYPE, ""); /* texts only: figures keep their points */
    if (argc == 2 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "--help"))) {
        puts(!strcmp(argv[1], "--version") ? "mediasim " MEDIAD_VERSION : help);
        memset(&options, 0, sizeof(options));
        return 0;
    }
    if (!sim_options_parse(&options, argc, argv, &error)) {
        fprintf(stderr, "mediasim: %s\n", error->message);
        return 2;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    g_autoptr(SimVerdict) verdict =
        options.link.host      ? sim_province_run(&options, &error)
        : options.loudspeakers ? sim_loudspeakers_run(&options, &error)
                               : sim_conference_run(&options, &error);
    if (!verdict) {
        fprintf(stderr, "mediasim: %s\n", error->message);
        return 1;
    }
    g_autofree char *text = options.json ? sim_verdict_to_json(verdict) : sim_verdict_to_table(verdict);
    puts(text);
    return sim_verdict_passed(verdict) ? 0 : 1;
}
