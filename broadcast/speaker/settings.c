/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/settings.h"
#include <libconfig.h>
#include <string.h>

typedef enum Kind { TEXT, NUMBER, SWITCH, WORD } Kind;
typedef struct Setting {
    const char *group, *name;
    Kind kind;
    size_t offset;
    const char *text;            /* default of texts, words and switches ("true"); NULL none */
    int number, min, max;
    const char *const *words;
    const char *help;
} Setting;

static const char *const outputs[] = {"null", "file", "alsa", "pulse", NULL};
static const char *const proofs[] = {"none", "output", "alsa", "pulse", "file", NULL};
static const char *const levels[] = {"error", "warning", "notice", "info", "debug", NULL};

#define AT(m) offsetof(BcSettings, m)
static const Setting table[] = {
    {"general", "device", TEXT, AT(device), NULL, .help = "id of this loudspeaker; left out: as enrolled"},
    {"general", "state_dir", TEXT, AT(state_dir), "/var/lib/speakerd", .help = "timetable, orders, reports, keys and media"},
    {"general", "log_level", TEXT, AT(log_level), "info", .words = levels, .help = "error, warning, notice, info or debug"},
    {"broker", "host", TEXT, AT(broker_host), NULL, .help = "MQTT broker; left out: as enrolled"},
    {"broker", "port", NUMBER, AT(broker_port), NULL, 8883, 1, 65535, .help = "its port"},
    {"broker", "tls", SWITCH, AT(broker_tls), "true", .help = "false only on a loopback line, for tests"},
    {"broker", "ca", TEXT, AT(broker_ca), NULL, .help = "PEM file of who vouches for the broker; left out: as enrolled"},
    {"broker", "certificate", TEXT, AT(broker_certificate), NULL, .help = "PEM file of this device's certificate; left out: as enrolled"},
    {"broker", "key", TEXT, AT(broker_key), NULL, .help = "PEM file of its key; left out: as enrolled"},
    {"media", "base", TEXT, AT(media_base), NULL, .help = "where files are fetched before a timetable says so"},
    {"media", "ca", TEXT, AT(media_ca), NULL, .help = "PEM file of who vouches for the media server; left out: the system's"},
    {"media", "max_mb", NUMBER, AT(media_max_mb), NULL, 1024, 8, 1048576, .help = "MiB of files kept; what is not wanted goes first"},
    {"output", "kind", WORD, AT(output_kind), "alsa", .words = outputs, .help = "alsa, pulse, file (a WAV file in real time) or null"},
    {"output", "device", TEXT, AT(output_device), NULL, .help = "ALSA or PulseAudio device, or the path of the WAV file"},
    {"output", "latency_ms", NUMBER, AT(output_latency_ms), NULL, 200, 20, 2000, .help = "ms by which sound is made ahead"},
    {"output", "offset_ms", NUMBER, AT(output_offset_ms), NULL, 0, 0, 500, .help = "ms of delay of amplifier and line, made up for"},
    {"proof", "kind", WORD, AT(proof_kind), "output", .words = proofs,
        .help = "what is listened to: output (what is handed to the sound card), alsa or pulse (a loop-back or microphone), file (a pipe of 48 kHz mono S16LE), none"},
    {"proof", "device", TEXT, AT(proof_device), NULL, .help = "ALSA or PulseAudio device, or the path"},
    {"proof", "microphone", SWITCH, AT(proof_microphone), "false", .help = "the device is a microphone, not a loop-back"},
    {"telemetry", "every_s", NUMBER, AT(telemetry_s), NULL, 60, 5, 3600, .help = "s between readings"},
    {"firmware", "command", TEXT, AT(firmware_command), NULL,
        .help = "program that installs a verified image; it gets the image's path as its only argument; left out: images are refused"},
    {"firmware", "keys", TEXT, AT(firmware_keys), NULL, .help = "JWKS file of the image's makers; left out: the keys of the device link"},
};

static void *at(BcSettings *settings, const Setting *s)
{
    return (char *)settings + s->offset;
}

static bool wrong(GError **error, const char *path, const config_setting_t *where, const char *format, ...) G_GNUC_PRINTF(4, 5);
static bool wrong(GError **error, const char *path, const config_setting_t *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s:%u: %s", path, where ? config_setting_source_line(where) : 0, text);
    return false;
}

static int word_of(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++)
        if (!strcmp(words[i], word))
            return i;
    return -1;
}

static void set_default(BcSettings *settings, const Setting *s)
{
    if (s->kind == TEXT)
        *(char **)at(settings, s) = g_strdup(s->text);
    else if (s->kind == NUMBER)
        *(int *)at(settings, s) = s->number;
    else if (s->kind == SWITCH)
        *(bool *)at(settings, s) = !strcmp(s->text, "true");
    else
        *(int *)at(settings, s) = word_of(s->words, s->text);
}

static bool set_one(BcSettings *settings, const Setting *s, const config_setting_t *value, const char *path, GError **error)
{
    int type = config_setting_type(value);
    if (s->kind == NUMBER) {
        int number = config_setting_get_int(value);
        if (type != CONFIG_TYPE_INT || number < s->min || number > s->max)
            return wrong(error, path, value, "%s.%s must be a number from %d to %d", s->group, s->name, s->min, s->max);
        *(int *)at(settings, s) = number;
        return true;
    }
    if (s->kind == SWITCH) {
        if (type != CONFIG_TYPE_BOOL)
            return wrong(error, path, value, "%s.%s must be true or false", s->group, s->name);
        *(bool *)at(settings, s) = config_setting_get_bool(value);
        return true;
    }
    const char *text = config_setting_get_string(value);
    if (type != CONFIG_TYPE_STRING || !*text || strlen(text) > 1000)
        return wrong(error, path, value, "%s.%s must be a text", s->group, s->name);
    if (s->words && word_of(s->words, text) < 0) {
        g_autofree char *words = g_strjoinv(", ", (char **)s->words);
        return wrong(error, path, value, "%s.%s must be one of %s", s->group, s->name, words);
    }
    if (s->kind == WORD)
        *(int *)at(settings, s) = word_of(s->words, text);
    else {
        g_free(*(char **)at(settings, s));
        *(char **)at(settings, s) = g_strdup(text);
    }
    return true;
}

static bool read_group(BcSettings *settings, const config_setting_t *group, const char *path, GError **error)
{
    const char *name = config_setting_name(group);
    if (!config_setting_is_group(group))
        return wrong(error, path, group, "%s must be a group { … }", name);
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *value = config_setting_get_elem(group, (unsigned)i);
        const Setting *found = NULL;
        for (unsigned k = 0; k < G_N_ELEMENTS(table); k++)
            if (!strcmp(table[k].group, name) && !strcmp(table[k].name, config_setting_name(value)))
                found = &table[k];
        if (!found)
            return wrong(error, path, value, "there is no setting %s.%s", name, config_setting_name(value));
        if (!set_one(settings, found, value, path, error))
            return false;
    }
    return true;
}

static bool check(const BcSettings *settings, const char *path, GError **error)
{
    if (settings->output_kind == BC_OUTPUT_FILE && !settings->output_device)
        return wrong(error, path, NULL, "output.kind file needs output.device, the path of the WAV file");
    if (settings->proof_kind == BC_PROOF_FILE && !settings->proof_device)
        return wrong(error, path, NULL, "proof.kind file needs proof.device");
    if (settings->firmware_command && !g_path_is_absolute(settings->firmware_command))
        return wrong(error, path, NULL, "firmware.command must be an absolute path");
    return true;
}

static bool read_file(BcSettings *settings, const char *path, GError **error)
{
    config_t config;
    config_init(&config);
    bool ok = config_read_file(&config, path);
    if (!ok)
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s:%d: %s", path, config_error_line(&config), config_error_text(&config));
    const config_setting_t *root = config_root_setting(&config);
    for (int i = 0; ok && i < config_setting_length(root); i++) {
        const config_setting_t *group = config_setting_get_elem(root, (unsigned)i);
        bool known = false;
        for (unsigned k = 0; k < G_N_ELEMENTS(table); k++)
            known |= !strcmp(table[k].group, config_setting_name(group));
        ok = known ? read_group(settings, group, path, error) : wrong(error, path, group, "there is no group %s", config_setting_name(group));
    }
    config_destroy(&config);
    return ok && check(settings, path, error);
}

BcSettings *bc_settings_load(const char *path, GError **error)
{
    BcSettings *settings = g_new0(BcSettings, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++)
        set_default(settings, &table[i]);
    if (path && !read_file(settings, path, error)) {
        bc_settings_free(settings);
        return NULL;
    }
    return settings;
}

void bc_settings_free(BcSettings *settings)
{
    for (unsigned i = 0; settings && i < G_N_ELEMENTS(table); i++)
        if (table[i].kind == TEXT)
            g_free(*(char **)at(settings, &table[i]));
    g_free(settings);
}

static void print_one(GString *out, BcSettings *settings, const Setting *s)
{
    g_string_append_printf(out, "  # %s", s->help);
    if (s->kind == NUMBER)
        g_string_append_printf(out, " (%d to %d)", s->min, s->max);
    g_string_append(out, "\n  ");
    if (s->kind == NUMBER)
        g_string_append_printf(out, "%s = %d;\n", s->name, *(int *)at(settings, s));
    else if (s->kind == SWITCH)
        g_string_append_printf(out, "%s = %s;\n", s->name, *(bool *)at(settings, s) ? "true" : "false");
    else if (s->kind == WORD)
        g_string_append_printf(out, "%s = \"%s\";\n", s->name, s->words[*(int *)at(settings, s)]);
    else if (*(char **)at(settings, s)) {
        g_autofree char *escaped = g_strescape(*(char **)at(settings, s), NULL);
        g_string_append_printf(out, "%s = \"%s\";\n", s->name, escaped);
    } else
        g_string_append_printf(out, "# %s = \"\";\n", s->name);
}

char *bc_settings_print(const BcSettings *settings)
{
    GString *out = g_string_new("# speakerd.conf: every setting with its default; see speakerd(1)\n");
    const char *group = "";
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        if (strcmp(group, table[i].group)) {
            g_string_append_printf(out, "%s\n%s: {\n", *group ? "};\n" : "", table[i].group);
            group = table[i].group;
        }
        print_one(out, (BcSettings *)settings, &table[i]);
    }
    g_string_append(out, "};\n");
    return g_string_free(out, FALSE);
}
