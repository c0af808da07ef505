/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <gst/gst.h>
#include "broadcast/speaker/enrol.h"
#include "broadcast/speaker/selftest.h"
#include "broadcast/speaker/speaker.h"

static char *config, *enrol_url, *code, *device, *ca;
static gboolean check, print_config, version, self_test;
static GOptionEntry entries[] = {
    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config, "settings; without it all defaults", "FILE"},
    {"check", 0, 0, G_OPTION_ARG_NONE, &check, "check the settings and end", NULL},
    {"print-config", 0, 0, G_OPTION_ARG_NONE, &print_config, "print every setting with its meaning and end", NULL},
    {"enrol", 0, 0, G_OPTION_ARG_STRING, &enrol_url, "make a key, get a certificate from the server at URL, and end", "URL"},
    {"code", 0, 0, G_OPTION_ARG_STRING, &code, "one-time code for --enrol", "CODE"},
    {"device", 0, 0, G_OPTION_ARG_STRING, &device, "id of this device for --enrol; else general.device", "ID"},
    {"ca", 0, 0, G_OPTION_ARG_FILENAME, &ca, "PEM file of who vouches for the server of --enrol", "FILE"},
    {"self-test", 0, 0, G_OPTION_ARG_NONE, &self_test, "see whether this build works on this machine and end", NULL},
    {"version", 0, 0, G_OPTION_ARG_NONE, &version, "print the version and end", NULL},
    {0},
};

static int fail(GError *error)
{
    fprintf(stderr, "speakerd: %s\n", error ? error->message : "failed");
    g_clear_error(&error);
    return 1;
}

static int usage(const char *text)
{
    fprintf(stderr, "speakerd: %s (--help tells more)\n", text);
    return 2;
}

static int enrol(const BcSettings *settings)
{
    GError *error = NULL;
    const char *id = device ? device : settings->device;
    if (!code || !id)
        return usage("--enrol needs --code CODE and the device's id (--device or general.device)");
    if (!bc_enrol(enrol_url, id, code, ca ? ca : settings->media_ca, settings->state_dir, &error))
        return fail(error);
    printf("%s is enrolled; its certificate and keys are in %s/identity\n", id, settings->state_dir);
    return 0;
}

/* FFmpeg's plug-in alone takes 20 MB as soon as the kind of a file is looked for; what loudspeakers play has decoders of its own. */
static void spare_memory(void)
{
    GstRegistry *registry = gst_registry_get();
    GstPlugin *plugin = gst_registry_find_plugin(registry, "libav");
    if (plugin) {
        gst_registry_remove_plugin(registry, plugin);
        gst_object_unref(plugin);
    }
}

static int run(const BcSettings *settings)
{
    GError *error = NULL;
    MdLog *log = md_log_new();
    md_log_set_level(log, NULL, md_log_level_from_string(settings->log_level));
    BcSpeaker *speaker = bc_speaker_new(settings, log, &error);
    int exit_code = speaker ? bc_speaker_run(speaker) : fail(error);
    bc_speaker_free(speaker);
    md_log_free(log);
    return exit_code;
}

int main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- a loudspeaker: plays what its server has signed, network or no network");
    GError *error = NULL;
    setlocale(LC_ALL, "C.UTF-8");
    mallopt(M_ARENA_MAX, 2);              /* a small board: arenas of every thread would cost more than they gain */
    mallopt(M_TRIM_THRESHOLD, 262144);
    umask(0077);
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        int code_of = usage(error->message);
        g_clear_error(&error);
        return code_of;
    }
    if (argc > 1)
        return usage("there is too much on the command line");
    if (version) {
        printf("speakerd " MEDIAD_VERSION "\n");
        return 0;
    }
    gst_init(NULL, NULL);
    spare_memory();
    if (self_test)
        return bc_self_test() ? 0 : 1;
    g_autoptr(BcSettings) settings = bc_settings_load(config, &error);
    if (!settings)
        return fail(error);
    if (print_config) {
        g_autofree char *text = bc_settings_print(settings);
        fputs(text, stdout);
        return 0;
    }
    if (check)
        return 0;
    return enrol_url ? enrol(settings) : run(settings);
}
