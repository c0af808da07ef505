/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a file to a snapshot: every fault is collected with its file and line, then all are told together. */
#include <libconfig.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "config/table.h"

#define FILE_MAX_BYTES (4u * 1024 * 1024)
#define FAULTS_MAX 25

G_DEFINE_QUARK(cfg-error-quark, cfg_error)

typedef struct Loader {
    const char *name;     /* of the file, for messages */
    config_t *config;
    GString *faults;
    unsigned n_faults;
    GStrvBuilder *warnings;
    GHashTable *origins;  /* path -> "file:line" */
} Loader;

static void add_fault(Loader *l, const config_setting_t *at, const char *path, const char *text)
{
    if (++l->n_faults > FAULTS_MAX)
        return;
    const char *file = at ? config_setting_source_file(at) : NULL;
    unsigned line = at ? config_setting_source_line(at) : 0;
    if (l->faults->len)
        g_string_append_c(l->faults, '\n');
    g_string_append(l->faults, file ? file : l->name);
    if (line)
        g_string_append_printf(l->faults, ":%u", line);
    g_string_append_printf(l->faults, ": %s: %s", path, text);
}

G_GNUC_PRINTF(4, 5)
static void fault(Loader *l, const config_setting_t *at, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    add_fault(l, at, path, text);
}

static void must_be(Loader *l, const config_setting_t *at, const char *path, const CfgKey *key)
{
    g_autofree char *range = cfg_range_to_string(key);
    if (key->fallback && key->type != CFG_TYPE_LIST)
        fault(l, at, path, "must be %s (default: %s)", range, key->fallback);
    else
        fault(l, at, path, "must be %s", range);
}

/* --- nearest name --- */

static unsigned distance(const char *a, const char *b)
{
    unsigned row[64];
    size_t n = strlen(b);
    if (n >= G_N_ELEMENTS(row) || strlen(a) >= G_N_ELEMENTS(row))
        return UINT_MAX;
    for (unsigned k = 0; k <= n; k++)
        row[k] = k;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned k = 1; k <= n; k++) {
            unsigned swap = diagonal + (g_ascii_tolower(a[i - 1]) != g_ascii_tolower(b[k - 1]));
            diagonal = row[k];
            row[k] = MIN(swap, MIN(row[k - 1], row[k]) + 1);
        }
    }
    return row[n];
}

static const char *nearest_key(const CfgSection *section, const char *name)
{
    const char *best = NULL;
    unsigned least = (unsigned)strlen(name) / 3 + 2;
    for (unsigned i = 0; i < section->n_keys; i++) {
        unsigned d = distance(name, section->keys[i].name);
        if (d < least) {
            least = d;
            best = section->keys[i].name;
        }
    }
    return best;
}

static const char *nearest_word(const char *const *words, const char *name)
{
    for (; *words; words++)
        if (distance(name, *words) <= 1 + strlen(name) / 4)
            return *words;
    return NULL;
}

/* --- values --- */

static void load_section(Loader *l, const CfgSection *section, const config_setting_t *group, void *base, const char *path);

static void *field(void *base, size_t offset)
{
    return (char *)base + offset;
}

static bool is_number(const config_setting_t *s, double *ret)
{
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        *ret = (double)config_setting_get_int64(s);
        return true;
    case CONFIG_TYPE_FLOAT:
        *ret = config_setting_get_float(s);
        return true;
    default:
        return false;
    }
}

static void load_number(Loader *l, const CfgKey *key, const config_setting_t *s, void *base, const char *path)
{
    double value;
    bool whole = key->type != CFG_TYPE_DOUBLE;
    if (!is_number(s, &value) || (whole && config_setting_type(s) == CONFIG_TYPE_FLOAT) || isnan(value) ||
        value < key->min || value > key->max)
        must_be(l, s, path, key);
    else if (key->type == CFG_TYPE_UINT)
        *(unsigned *)field(base, key->offset) = (unsigned)value;
    else if (key->type == CFG_TYPE_INT)
        *(int *)field(base, key->offset) = (int)value;
    else
        *(double *)field(base, key->offset) = value;
}

static int find_word(Loader *l, const CfgKey *key, const config_setting_t *s, const char *path)
{
    const char *text = config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : NULL;
    for (int i = 0; text && key->words[i]; i++)
        if (g_ascii_strcasecmp(key->words[i], text) == 0)
            return i;
    const char *near = text ? nearest_word(key->words, text) : NULL;
    if (near)
        fault(l, s, path, "\"%s\" is unknown; did you mean \"%s\"?", text, near);
    else
        must_be(l, s, path, key);
    return -1;
}

/* Checks one text; NULL when it was at fault. */
static const char *find_text(Loader *l, const CfgKey *key, const config_setting_t *s, const char *path, double lo, double hi)
{
    const char *text = config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : NULL;
    if (!text) {
        must_be(l, s, path, key);
        return NULL;
    }
    double len = (double)strlen(text);
    const char *rule = key->check && len > 0 ? key->check(text) : NULL;
    if (!rule && (len < lo || len > hi)) {
        must_be(l, s, path, key);
        return NULL;
    }
    bool fine = g_utf8_validate(text, -1, NULL);
    for (const unsigned char *p = (const unsigned char *)text; fine && *p; p++)
        fine = *p >= 0x20 && *p != 0x7f;
    if (!fine) {
        fault(l, s, path, "must be UTF-8 text without control characters");
        return NULL;
    }
    if (!rule)
        return text;
    if (key->flags & CFG_SECRET)
        fault(l, s, path, "must be %s", rule);
    else
        fault(l, s, path, "\"%s\" must be %s", text, rule);
    return NULL;
}

/* Elements of an array or list; false (told) when it is neither or has too few or many. */
static bool count_elements(Loader *l, const CfgKey *key, const config_setting_t *s, const char *path, unsigned *ret)
{
    int type = config_setting_type(s), n = config_setting_length(s);
    bool list = key->type == CFG_TYPE_LIST ? type == CONFIG_TYPE_LIST || (type == CONFIG_TYPE_ARRAY && n == 0)
                                           : type == CONFIG_TYPE_LIST || type == CONFIG_TYPE_ARRAY;
    if (!list || n < key->min || n > key->max) {
        must_be(l, s, path, key);
        return false;
    }
    *ret = (unsigned)n;
    return true;
}

static void load_texts(Loader *l, const CfgKey *key, const config_setting_t *s, void *base, const char *path)
{
    unsigned n = 0;
    bool fine = count_elements(l, key, s, path, &n);
    char **texts = g_new0(char *, n + 1);
    unsigned kept = 0;
    for (unsigned i = 0; fine && i < n; i++) {
        const char *text = find_text(l, key, config_setting_get_elem(s, i), path, 1, 512);
        if (text)
            texts[kept++] = g_strdup(text);
    }
    *(char ***)field(base, key->offset) = texts;
}

static void load_words(Loader *l, const CfgKey *key, const config_setting_t *s, void *base, const char *path)
{
    unsigned n, kept = 0;
    if (!count_elements(l, key, s, path, &n))
        return;
    int *values = g_new0(int, n + 1);
    for (unsigned i = 0; i < n; i++) {
        const config_setting_t *element = config_setting_get_elem(s, i);
        int value = find_word(l, key, element, path);
        bool twice = false;
        for (unsigned k = 0; k < kept; k++)
            twice = twice || values[k] == value;
        if (twice)
            fault(l, element, path, "\"%s\" stands here twice", key->words[value]);
        else if (value >= 0)
            values[kept++] = value;
    }
    *(int **)field(base, key->offset) = values;
    *(unsigned *)field(base, key->count_offset) = kept;
}

static const CfgKey *unique_key(const CfgSection *section)
{
    for (unsigned i = 0; i < section->n_keys; i++)
        if (section->keys[i].flags & CFG_UNIQUE)
            return &section->keys[i];
    return NULL;
}

static void load_list(Loader *l, const CfgKey *key, const config_setting_t *s, void *base, const char *path)
{
    unsigned n;
    if (!count_elements(l, key, s, path, &n))
        return;
    const CfgKey *unique = unique_key(key->section);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    char *items = g_malloc0_n(n + 1, key->section->size);
    *(void **)field(base, key->offset) = items;
    *(unsigned *)field(base, key->count_offset) = n;
    for (unsigned i = 0; i < n; i++) {
        const config_setting_t *element = config_setting_get_elem(s, i);
        g_autofree char *element_path = g_strdup_printf("%s[%u]", path, i);
        void *item = items + i * key->section->size;
        if (config_setting_type(element) != CONFIG_TYPE_GROUP) {
            fault(l, element, element_path, "must be a group: { ... }");
            continue;
        }
        load_section(l, key->section, element, item, element_path);
        char *id = unique ? *(char **)field(item, unique->offset) : NULL;
        if (id && !g_hash_table_add(seen, id))
            fault(l, element, element_path, "%s \"%s\" stands in this list twice", unique->name, id);
    }
}

static void load_value(Loader *l, const CfgKey *key, const config_setting_t *s, void *base, const char *path)
{
    const char *text;
    int word;
    switch (key->type) {
    case CFG_TYPE_BOOL:
        if (config_setting_type(s) == CONFIG_TYPE_BOOL)
            *(bool *)field(base, key->offset) = config_setting_get_bool(s);
        else
            must_be(l, s, path, key);
        break;
    case CFG_TYPE_UINT:
    case CFG_TYPE_INT:
    case CFG_TYPE_DOUBLE:
        load_number(l, key, s, base, path);
        break;
    case CFG_TYPE_TEXT:
        text = find_text(l, key, s, path, key->min, key->max);
        *(char **)field(base, key->offset) = g_strdup(text);
        break;
    case CFG_TYPE_WORD:
        word = find_word(l, key, s, path);
        *(char **)field(base, key->offset) = word < 0 ? NULL : g_strdup(key->words[word]);
        break;
    case CFG_TYPE_ENUM:
        *(int *)field(base, key->offset) = find_word(l, key, s, path);
        break;
    case CFG_TYPE_TEXTS:
        load_texts(l, key, s, base, path);
        break;
    case CFG_TYPE_ENUMS:
        load_words(l, key, s, base, path);
        break;
    case CFG_TYPE_LIST:
        load_list(l, key, s, base, path);
        break;
    case CFG_TYPE_GROUP:
        if (config_setting_type(s) == CONFIG_TYPE_GROUP)
            load_section(l, key->section, s, field(base, key->offset), path);
        else
            fault(l, s, path, "must be a group: %s: { ... };", key->name);
        break;
    }
}

static void load_default(Loader *l, const CfgKey *key, void *base, const char *path)
{
    if (key->type == CFG_TYPE_GROUP) {
        load_section(l, key->section, NULL, field(base, key->offset), path);
        return;
    }
    if (key->type == CFG_TYPE_ENUM)
        *(int *)field(base, key->offset) = -1;
    if (!key->fallback)
        return;
    config_t config;
    g_autofree char *text = g_strdup_printf("x = %s;", key->fallback);
    config_init(&config);
    if (config_read_string(&config, text) == CONFIG_TRUE)
        load_value(l, key, config_lookup(&config, "x"), base, path);
    else
        fault(l, NULL, path, "the default cannot be read");
    config_destroy(&config);
}

static void check_unknown(Loader *l, const CfgSection *section, const config_setting_t *group, const char *path)
{
    int n = config_setting_length(group);
    for (int i = 0; i < n; i++) {
        const config_setting_t *child = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_name(child);
        unsigned k = 0;
        while (k < section->n_keys && strcmp(section->keys[k].name, name) != 0)
            k++;
        if (k < section->n_keys)
            continue;
        const char *near = nearest_key(section, name);
        g_autofree char *full = *path ? g_strdup_printf("%s.%s", path, name) : g_strdup(name);
        if (near)
            fault(l, child, full, "unknown setting; did you mean \"%s\"?", near);
        else
            fault(l, child, full, "unknown setting; see mediad.conf(5)");
    }
}

static void add_origin(Loader *l, const config_setting_t *s, const char *path)
{
    const char *file = config_setting_source_file(s);
    g_hash_table_insert(l->origins, g_strdup(path), g_strdup_printf("%s:%u", file ? file : l->name, config_setting_source_line(s)));
}

static void load_section(Loader *l, const CfgSection *section, const config_setting_t *group, void *base, const char *path)
{
    if (group)
        check_unknown(l, section, group, path);
    for (unsigned i = 0; i < section->n_keys; i++) {
        const CfgKey *key = &section->keys[i];
        const config_setting_t *s = group ? config_setting_get_member(group, key->name) : NULL;
        g_autofree char *full = *path ? g_strdup_printf("%s.%s", path, key->name) : g_strdup(key->name);
        if (s && key->type != CFG_TYPE_GROUP)
            add_origin(l, s, full);
        if (s)
            load_value(l, key, s, base, full);
        else if (key->flags & CFG_REQUIRED)
            fault(l, group, full, "is missing and has no default; for instance: %s = %s;", key->name, key->example);
        else
            load_default(l, key, base, full);
    }
}

/* --- the whole --- */

/* "a.[3].b" is how libconfig looks up what we show as "a[3].b". */
static void report_together(const char *path, const char *text, void *user)
{
    Loader *l = user;
    g_auto(GStrv) parts = g_strsplit(path, ".[", -1);
    g_autofree char *shown = g_strjoinv("[", parts);
    const config_setting_t *at = config_lookup(l->config, path);
    if (!at) { /* not in the file: then the element or group it belongs to */
        g_autofree char *outer = g_strdup(path);
        char *dot = strrchr(outer, '.');
        if (dot)
            *dot = '\0';
        at = config_lookup(l->config, outer);
    }
    add_fault(l, at, shown, text);
}

static void report_warning(const char *path, const char *text, void *user)
{
    Loader *l = user;
    g_auto(GStrv) parts = g_strsplit(path, ".[", -1);
    g_autofree char *shown = g_strjoinv("[", parts);
    g_autofree char *line = g_strdup_printf("%s: %s", shown, text);
    g_strv_builder_add(l->warnings, line);
}

typedef struct Counted {
    CfgSettings settings; /* first: cfg_ref and cfg_free find the count behind it */
    gatomicrefcount refs;
} Counted;

static CfgSettings *build(Loader *l)
{
    Counted *counted = g_new0(Counted, 1);
    CfgSettings *settings = &counted->settings;
    g_atomic_ref_count_init(&counted->refs);
    load_section(l, &cfg_root, config_root_setting(l->config), settings, "");
    if (l->n_faults == 0)
        cfg_check_together(settings, report_together, report_warning, l);
    return settings;
}

/* Not a fault, but worth a line in the log. */
static void warn_readable(Loader *l, const CfgSettings *s)
{
    struct stat st;
    bool secret = false;
    for (unsigned i = 0; i < s->n_rooms; i++)
        secret = secret || s->rooms[i].pin || s->rooms[i].chair_pin;
    if (secret && stat(l->name, &st) == 0 && (st.st_mode & S_IROTH))
        g_strv_builder_add(l->warnings, "the file holds PINs and everybody on this machine can read it: chmod o-r");
}

static void fail_syntax(const config_t *config, const char *name, GError **error)
{
    const char *file = config_error_file(config);
    g_set_error(error, CFG_ERROR, CFG_ERROR_SYNTAX, "%s:%d: %s; settings look like \"name = value;\", see mediad.conf(5)",
                file ? file : name, config_error_line(config), config_error_text(config));
}

static CfgSettings *parse(const char *text, const char *name, bool is_file, GError **error)
{
    config_t config;
    CfgSettings *settings = NULL;
    config_init(&config);
    if (is_file) {
        g_autofree char *dir = g_path_get_dirname(name);
        config_set_include_dir(&config, dir);
    }
    if (config_read_string(&config, text) != CONFIG_TRUE) {
        fail_syntax(&config, name, error);
        config_destroy(&config);
        return NULL;
    }
    g_autoptr(GStrvBuilder) warnings = g_strv_builder_new();
    Loader l = {.name = name, .config = &config, .faults = g_string_new(NULL), .warnings = warnings,
                .origins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free)};
    settings = build(&l);
    settings->origins = l.origins;
    if (is_file)
        warn_readable(&l, settings);
    settings->warnings = g_strv_builder_end(warnings);
    if (l.n_faults > FAULTS_MAX)
        g_string_append_printf(l.faults, "\n%s: and %u more", name, l.n_faults - FAULTS_MAX);
    if (l.n_faults) {
        g_set_error_literal(error, CFG_ERROR, CFG_ERROR_INVALID, l.faults->str);
        g_clear_pointer(&settings, cfg_free);
    }
    g_string_free(l.faults, TRUE);
    config_destroy(&config);
    return settings;
}

CfgSettings *cfg_parse(const char *text, const char *name, GError **error)
{
    return parse(text, name, false, error);
}

CfgSettings *cfg_load(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize len = 0;
    g_autoptr(GError) inner = NULL;
    struct stat st;
    if (stat(path, &st) == 0 && st.st_size > FILE_MAX_BYTES) {
        g_set_error(error, CFG_ERROR, CFG_ERROR_READ, "%s: larger than %u bytes", path, FILE_MAX_BYTES);
        return NULL;
    }
    if (!g_file_get_contents(path, &text, &len, &inner)) {
        g_set_error(error, CFG_ERROR, CFG_ERROR_READ, "%s", inner->message);
        return NULL;
    }
    if (strlen(text) != len) {
        g_set_error(error, CFG_ERROR, CFG_ERROR_READ, "%s: not a text file", path);
        return NULL;
    }
    CfgSettings *settings = parse(text, path, true, error);
    if (settings)
        settings->path = g_strdup(path);
    return settings;
}

/* --- life --- */

static void clear_section(const CfgSection *section, void *base)
{
    for (unsigned i = 0; i < section->n_keys; i++) {
        const CfgKey *key = &section->keys[i];
        void *at = field(base, key->offset);
        switch (key->type) {
        case CFG_TYPE_TEXT:
        case CFG_TYPE_WORD:
        case CFG_TYPE_ENUMS:
            g_free(*(void **)at);
            break;
        case CFG_TYPE_TEXTS:
            g_strfreev(*(char ***)at);
            break;
        case CFG_TYPE_GROUP:
            clear_section(key->section, at);
            break;
        case CFG_TYPE_LIST: {
            unsigned n = *(unsigned *)field(base, key->count_offset);
            for (unsigned k = 0; k < n; k++)
                clear_section(key->section, *(char **)at + k * key->section->size);
            g_free(*(void **)at);
            break;
        }
        default:
            break;
        }
    }
}

CfgSettings *cfg_ref(CfgSettings *settings)
{
    g_atomic_ref_count_inc(&((Counted *)settings)->refs);
    return settings;
}

void cfg_free(CfgSettings *settings)
{
    if (!settings || !g_atomic_ref_count_dec(&((Counted *)settings)->refs))
        return;
    clear_section(&cfg_root, settings);
    g_free(settings->path);
    g_strfreev(settings->warnings);
    g_hash_table_unref(settings->origins);
    g_free(settings);
}
