/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options, signals, and the life of the daemon. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <glib-unix.h>
#include "mediad/daemon.h"

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

typedef struct Options {
    char *config, *reset;
    gboolean check, print_config, version;
} Options;

static bool parse_options(Options *options, int *argc, char ***argv)
{
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config, "Settings file, see mediad.conf(5)", "FILE"},
        {"check", 0, 0, G_OPTION_ARG_NONE, &options->check, "Check the settings file and exit", NULL},
        {"print-config", 0, 0, G_OPTION_ARG_NONE, &options->print_config, "Print the settings in force and exit", NULL},
        {"reset-second-factor", 0, 0, G_OPTION_ARG_STRING, &options->reset, "Remove the second factor of an account and exit; the audit trail notes it", "USER"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version and exit", NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- video conferences and village loudspeakers");
    g_option_context_add_main_entries(context, entries, NULL);
    g_autoptr(GError) error = NULL;
    if (!g_option_context_parse(context, argc, argv, &error)) {
        fprintf(stderr, "mediad: %s\nTry 'mediad --help'.\n", error->message);
        return false;
    }
    if (*argc > 1) {
        fprintf(stderr, "mediad: unexpected argument '%s'\nTry 'mediad --help'.\n", (*argv)[1]);
        return false;
    }
    if (!options->version && !options->config) {
        fputs("mediad: which settings? Give --config FILE (a sample: deploy/samples/mediad.conf)\n", stderr);
        return false;
    }
    return true;
}

static gboolean on_terminate(gpointer user)
{
    md_daemon_drain(user);
    return G_SOURCE_CONTINUE; /* a second signal ends the drain at once */
}

static gboolean on_hangup(gpointer user)
{
    md_daemon_reload(user);
    return G_SOURCE_CONTINUE;
}

static int run(CfgSettings *settings)
{
    MdDaemon daemon = {0};
    signal(SIGPIPE, SIG_IGN);
    daemon.log = md_log_new();
    daemon.logger = md_logger(daemon.log, "main");
    daemon.loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GError) error = NULL;
    int status = EXIT_OK;
    if (md_daemon_start(&daemon, settings, &error)) {
        g_unix_signal_add(SIGTERM, on_terminate, &daemon);
        g_unix_signal_add(SIGINT, on_terminate, &daemon);
        g_unix_signal_add(SIGHUP, on_hangup, &daemon);
        md_notice(&daemon.logger, "mediad %s is ready", MEDIAD_VERSION);
        sd_notify(0, "READY=1");
        g_main_loop_run(daemon.loop);
        sd_notify(0, "STOPPING=1");
        md_daemon_stop(&daemon);
        md_notice(&daemon.logger, "mediad %s has stopped", MEDIAD_VERSION);
    } else {
        md_error(&daemon.logger, "cannot start: %s", error->message);
        status = EXIT_FAILED;
    }
    g_main_loop_unref(daemon.loop);
    md_log_free(daemon.log);
    return status;
}

int main(int argc, char **argv)
{
    Options options = {0};
    if (!parse_options(&options, &argc, &argv))
        return EXIT_USAGE;
    g_autofree char *path = options.config;
    if (options.version) {
        printf("mediad %s\n", MEDIAD_VERSION);
        return EXIT_OK;
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(CfgSettings) settings = cfg_load(path, &error);
    if (!settings) {
        fprintf(stderr, "%s\n", error->message);
        return EXIT_FAILED;
    }
    g_autofree char *reset = options.reset;
    if (reset) {
        if (!md_daemon_reset_second_factor(settings, reset, &error)) {
            fprintf(stderr, "mediad: %s\n", error->message);
            return EXIT_FAILED;
        }
        printf("%s signs in with the password alone until a second factor is enrolled anew (mediactl otp enrol).\n", reset);
        return EXIT_OK;
    }
    if (options.print_config) {
        g_autofree char *text = cfg_print(settings);
        fputs(text, stdout);
        return EXIT_OK;
    }
    for (char **warning = settings->warnings; warning && *warning; warning++)
        fprintf(stderr, "%s\n", *warning);
    if (options.check) {
        printf("%s: settings are good\n", path);
        return EXIT_OK;
    }
    return run(settings);
}
