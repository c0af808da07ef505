/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table as a settings file: with the values in force, or as the sample. */
#include <math.h>
#include <string.h>
#include "config/table.h"

#define COLUMNS 112

static char *number_to_string(double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    return g_strdup(g_ascii_formatd(text, sizeof text, "%.10g", value));
}

static char *bounds(const CfgKey *key)
{
    g_autofree char *lo = number_to_string(key->min), *hi = number_to_string(key->max);
    return key->min == key->max ? g_steal_pointer(&lo) : g_strdup_printf("%s to %s", lo, hi);
}

char *cfg_range_to_string(const CfgKey *key)
{
    g_autofree char *range = bounds(key);
    g_autofree char *words = key->words ? g_strjoinv("\", \"", (char **)key->words) : NULL;
    switch (key->type) {
    case CFG_TYPE_BOOL:
        return g_strdup("true or false");
    case CFG_TYPE_UINT:
    case CFG_TYPE_INT:
        return g_strdup_printf("a whole number, %s%s%s", range, key->unit ? " " : "", key->unit ? key->unit : "");
    case CFG_TYPE_DOUBLE:
        return g_strdup_printf("a number, %s%s%s", range, key->unit ? " " : "", key->unit ? key->unit : "");
    case CFG_TYPE_TEXT:
        return g_strdup_printf("text of %s bytes in quotes", range);
    case CFG_TYPE_WORD:
    case CFG_TYPE_ENUM:
        return g_strdup_printf("one of \"%s\"", words);
    case CFG_TYPE_TEXTS:
        return g_strdup_printf("a list of %s texts: [\"...\", \"...\"]", range);
    case CFG_TYPE_ENUMS:
        return g_strdup_printf("a list of %s of \"%s\"", range, words);
    case CFG_TYPE_LIST:
        return g_strdup_printf("a list of %s groups: ( { ... }, { ... } )", range);
    default:
        return g_strdup("a group");
    }
}

/* --- writing --- */

typedef struct Printer {
    GString *out;
    bool sample;      /* defaults, commented out; else values */
    unsigned depth;
    bool commented;   /* inside a sample list: every line is a comment */
} Printer;

static void start_line(Printer *p)
{
    if (p->commented)
        g_string_append(p->out, "# ");
    for (unsigned i = 0; i < p->depth; i++)
        g_string_append(p->out, "  ");
}

/* Wrapped at COLUMNS, each line a comment. */
static void comment(Printer *p, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    size_t used = 0;
    for (char **w = words; *w; w++) {
        size_t len = (size_t)g_utf8_strlen(*w, -1);
        if (used == 0 || used + 1 + len > COLUMNS) {
            if (used)
                g_string_append_c(p->out, '\n');
            start_line(p);
            g_string_append(p->out, "#");
            used = p->depth * 2 + 1 + (p->commented ? 2 : 0);
        }
        g_string_append_printf(p->out, " %s", *w);
        used += 1 + len;
    }
    g_string_append_c(p->out, '\n');
}

static void about(Printer *p, const CfgKey *key)
{
    g_autofree char *range = cfg_range_to_string(key);
    GString *text = g_string_new(key->help);
    if (key->type != CFG_TYPE_GROUP)
        g_string_append_printf(text, " (%s)", range);
    if (key->flags & CFG_RESTART && key->type != CFG_TYPE_LIST && key->type != CFG_TYPE_GROUP)
        g_string_append(text, " Takes effect at the next start.");
    comment(p, text->str);
    g_string_free(text, TRUE);
}

static void append_quoted(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
}

static const void *field(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

static void append_real(GString *out, double value)
{
    g_autofree char *text = number_to_string(value);
    g_string_append(out, text);
    if (!strpbrk(text, ".e"))
        g_string_append(out, ".0"); /* libconfig tells whole from real by the point */
}

static void append_many(GString *out, const CfgKey *key, const void *base)
{
    g_string_append_c(out, '[');
    if (key->type == CFG_TYPE_TEXTS) {
        char *const *texts = *(char *const *const *)field(base, key->offset);
        for (unsigned i = 0; texts[i]; i++) {
            g_string_append(out, i ? ", " : "");
            append_quoted(out, texts[i]);
        }
    } else {
        const int *values = *(const int *const *)field(base, key->offset);
        for (unsigned i = 0; i < *(const unsigned *)field(base, key->count_offset); i++) {
            g_string_append(out, i ? ", " : "");
            append_quoted(out, key->words[values[i]]);
        }
    }
    g_string_append_c(out, ']');
}

/* The value as it stands in a file; false: unset. */
static bool append_value(GString *out, const CfgKey *key, const void *base)
{
    const void *at = field(base, key->offset);
    switch (key->type) {
    case CFG_TYPE_BOOL:
        g_string_append(out, *(const bool *)at ? "true" : "false");
        return true;
    case CFG_TYPE_UINT:
        g_string_append_printf(out, "%u", *(const unsigned *)at);
        return true;
    case CFG_TYPE_INT:
        g_string_append_printf(out, "%d", *(const int *)at);
        return true;
    case CFG_TYPE_DOUBLE:
        append_real(out, *(const double *)at);
        return true;
    case CFG_TYPE_TEXT:
    case CFG_TYPE_WORD:
        if (!*(char *const *)at)
            return false;
        append_quoted(out, *(char *const *)at);
        return true;
    case CFG_TYPE_ENUM:
        if (*(const int *)at < 0)
            return false;
        append_quoted(out, key->words[*(const int *)at]);
        return true;
    case CFG_TYPE_TEXTS:
    case CFG_TYPE_ENUMS:
        append_many(out, key, base);
        return true;
    default:
        return false;
    }
}

static void print_section(Printer *p, const CfgSection *section, const void *base);

static void print_scalar(Printer *p, const CfgKey *key, const void *base)
{
    GString *value = g_string_new(NULL);
    bool set;
    if (p->sample) {
        bool required = key->flags & CFG_REQUIRED;
        const char *text = required || !key->fallback ? key->example : key->fallback;
        g_string_append(value, text ? text : "\"\"");
        set = required;
    } else {
        set = append_value(value, key, base);
        if (set && key->flags & CFG_SECRET) {
            g_string_assign(value, "\"\" (set, not shown)");
            set = false;
        } else if (!set) {
            g_string_assign(value, "(not set)");
        }
    }
    start_line(p);
    g_string_append_printf(p->out, "%s%s = %s%s\n", set ? "" : "# ", key->name, value->str, set || p->sample ? ";" : "");
    g_string_free(value, TRUE);
}

/* The sample shows one element, all of it commented out. */
static void print_list_sample(Printer *p, const CfgKey *key)
{
    bool before = p->commented;
    if (key->fallback && strcmp(key->fallback, "()") != 0) {
        g_autofree char *text = g_strdup_printf("Default: %s", key->fallback);
        comment(p, text);
    }
    p->commented = true;
    start_line(p);
    g_string_append_printf(p->out, "%s = (\n", key->name);
    p->depth++;
    start_line(p);
    g_string_append(p->out, "{\n");
    p->depth++;
    print_section(p, key->section, NULL);
    p->depth--;
    start_line(p);
    g_string_append(p->out, "}\n");
    p->depth--;
    start_line(p);
    g_string_append(p->out, ");\n");
    p->commented = before;
}

/* One element of a list on one line, what is secret left out. */
static void append_element(GString *out, const CfgSection *section, const char *item)
{
    g_string_append_c(out, '{');
    for (unsigned k = 0; k < section->n_keys; k++) {
        const CfgKey *inner = &section->keys[k];
        g_autoptr(GString) value = g_string_new(NULL);
        if (inner->flags & CFG_SECRET || !append_value(value, inner, item))
            continue;
        g_string_append_printf(out, " %s = %s;", inner->name, value->str);
    }
    g_string_append(out, " }");
}

/* Elements on a line each, without their defaults' comments: lists are long. */
static void print_list_values(Printer *p, const CfgKey *key, const void *base)
{
    unsigned n = *(const unsigned *)field(base, key->count_offset);
    const char *items = *(const char *const *)field(base, key->offset);
    start_line(p);
    g_string_append_printf(p->out, "%s = (", key->name);
    for (unsigned i = 0; i < n; i++) {
        g_string_append(p->out, i ? ",\n" : "\n");
        start_line(p);
        g_string_append(p->out, "  ");
        append_element(p->out, key->section, items + i * key->section->size);
    }
    g_string_append(p->out, n ? "\n" : "");
    if (n)
        start_line(p);
    g_string_append(p->out, ");\n");
}

static void print_key(Printer *p, const CfgKey *key, const void *base)
{
    about(p, key);
    if (key->type == CFG_TYPE_GROUP) {
        start_line(p);
        g_string_append_printf(p->out, "%s: {\n", key->name);
        p->depth++;
        print_section(p, key->section, base ? field(base, key->offset) : NULL);
        p->depth--;
        start_line(p);
        g_string_append(p->out, "};\n");
    } else if (key->type != CFG_TYPE_LIST) {
        print_scalar(p, key, base);
    } else if (p->sample) {
        print_list_sample(p, key);
    } else {
        print_list_values(p, key, base);
    }
}

static void print_section(Printer *p, const CfgSection *section, const void *base)
{
    for (unsigned i = 0; i < section->n_keys; i++) {
        if (p->depth == 0)
            g_string_append_c(p->out, '\n');
        print_key(p, &section->keys[i], base);
    }
}

/* --- as entries --- */

/* "scheme://name:password@host" -> "scheme://name:***@host": entries are shown to people far from the machine. */
static void hide_passwords(GString *text)
{
    for (char *at = strstr(text->str, "://"); at; at = strstr(at, "://")) {
        size_t start = (size_t)(at + 3 - text->str), host = start + strcspn(text->str + start, "/?#\" \\");
        char *sign = g_strrstr_len(text->str + start, (gssize)(host - start), "@");
        char *colon = sign ? memchr(text->str + start, ':', (size_t)(sign - text->str) - start) : NULL;
        if (colon) {
            gssize from = colon + 1 - text->str;
            g_string_erase(text, from, sign - colon - 1);
            g_string_insert(text, from, "***");
        }
        at = text->str + start;
    }
}

static char *list_to_string(const CfgKey *key, const void *base)
{
    unsigned n = *(const unsigned *)field(base, key->count_offset);
    const char *items = *(const char *const *)field(base, key->offset);
    GString *out = g_string_new(NULL);
    for (unsigned i = 0; i < n; i++) {
        g_string_append(out, i ? ",\n" : "");
        append_element(out, key->section, items + i * key->section->size);
    }
    hide_passwords(out);
    return g_string_free(out, FALSE);
}

static void free_entry(gpointer data)
{
    CfgEntry *e = data;
    g_free(e->key);
    g_free(e->value);
    g_free(e->range);
    g_free(e);
}

static void add_entry(GPtrArray *entries, const CfgSettings *settings, const CfgKey *key, const void *base, const char *path)
{
    CfgEntry *e = g_new0(CfgEntry, 1);
    g_autoptr(GString) value = g_string_new(NULL);
    e->key = g_strdup(path);
    e->range = cfg_range_to_string(key);
    e->fallback = key->fallback;
    e->help = key->help;
    e->origin = g_hash_table_lookup(settings->origins, path);
    e->secret = key->flags & CFG_SECRET;
    e->restart = key->flags & CFG_RESTART;
    e->set = key->type == CFG_TYPE_LIST ? *(const unsigned *)field(base, key->count_offset) > 0 : append_value(value, key, base);
    if (key->type == CFG_TYPE_LIST)
        e->value = list_to_string(key, base);
    hide_passwords(value);
    if (key->type != CFG_TYPE_LIST && e->set && !e->secret)
        e->value = g_strdup(value->str);
    g_ptr_array_add(entries, e);
}

static void add_section(GPtrArray *entries, const CfgSettings *settings, const CfgSection *section, const void *base, const char *path)
{
    for (unsigned i = 0; i < section->n_keys; i++) {
        const CfgKey *key = &section->keys[i];
        g_autofree char *full = *path ? g_strdup_printf("%s.%s", path, key->name) : g_strdup(key->name);
        if (key->type == CFG_TYPE_GROUP)
            add_section(entries, settings, key->section, field(base, key->offset), full);
        else
            add_entry(entries, settings, key, base, full);
    }
}

GPtrArray *cfg_entries(const CfgSettings *settings)
{
    GPtrArray *entries = g_ptr_array_new_with_free_func(free_entry);
    add_section(entries, settings, &cfg_root, settings, "");
    return entries;
}

char *cfg_print(const CfgSettings *settings)
{
    Printer p = {.out = g_string_new("# mediad: the settings in force. PINs are not shown.\n")};
    print_section(&p, &cfg_root, settings);
    return g_string_free(p.out, FALSE);
}

char *cfg_sample(void)
{
    Printer p = {.out = g_string_new(
                     "# Settings of mediad, for /etc/mediad/mediad.conf. What is commented out stands at its default.\n"
                     "# \"mediad --config FILE --check\" tells what is wrong with a file; \"systemctl reload mediad\" takes over what may\n"
                     "# change while running. Made from the table of settings; see also mediad.conf(5).\n"),
                 .sample = true};
    print_section(&p, &cfg_root, NULL);
    return g_string_free(p.out, FALSE);
}
