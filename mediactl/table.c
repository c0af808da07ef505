/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables that stay straight with Vietnamese: columns are counted as a terminal counts them. */
#include "mediactl/ctl.h"
#include "mediad/api/json.h"
#include <string.h>

unsigned ctl_width(const char *text)
{
    unsigned width = 0;

    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        width += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
    }
    return width;
}

/* What comes from elsewhere must not steer the terminal. */
static char *harmless(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autofree char *composed = g_utf8_normalize(valid, -1, G_NORMALIZE_DEFAULT_COMPOSE);
    GString *out = g_string_new(NULL);

    for (const char *p = composed; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        bool bad = g_unichar_iscntrl(c) || g_unichar_type(c) == G_UNICODE_FORMAT;
        g_string_append_unichar(out, bad ? '?' : c);
    }
    return g_string_free(out, FALSE);
}

static char *time_text(gint64 us)
{
    if (us == 0)
        return g_strdup("-");
    g_autoptr(GDateTime) t = g_date_time_new_from_unix_local(us / G_USEC_PER_SEC);
    return t ? g_date_time_format(t, "%Y-%m-%d %H:%M:%S") : g_strdup("?");
}

static char *value_text(JsonNode *node, const char *field)
{
    if (!node || JSON_NODE_HOLDS_NULL(node))
        return g_strdup("-");
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        GString *out = g_string_new(NULL);
        for (guint i = 0; i < json_array_get_length(array); i++) {
            g_autofree char *one = value_text(json_array_get_element(array, i), "");
            g_string_append_printf(out, "%s%s", i ? "," : "", one);
        }
        return g_string_free(out, FALSE);
    }
    if (!JSON_NODE_HOLDS_VALUE(node))
        return md_json_to_text(node, false);
    switch (json_node_get_value_type(node)) {
    case G_TYPE_BOOLEAN:
        return g_strdup(json_node_get_boolean(node) ? "yes" : "-");
    case G_TYPE_INT64:
        if (g_str_has_suffix(field, "duration_us"))
            return g_strdup_printf("%.1f s", (double)json_node_get_int(node) / G_USEC_PER_SEC);
        if (g_str_has_suffix(field, "_us") && json_node_get_int(node) != 0 && json_node_get_int(node) < G_GINT64_CONSTANT(1000000000000))
            return g_strdup_printf("%.1f ms", (double)json_node_get_int(node) / 1000);
        if (g_str_has_suffix(field, "_us"))
            return time_text(json_node_get_int(node));
        return g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
    case G_TYPE_STRING: {
        char *text = harmless(json_node_get_string(node));
        if (!*text) {
            g_free(text);
            return g_strdup("-");
        }
        return text;
    }
    default:
        return g_strdup_printf("%g", json_node_get_double(node));
    }
}

/* "media.audio": a member of a member */
static char *cell_text(JsonObject *row, const char *field)
{
    g_auto(GStrv) parts = g_strsplit(field, ".", 3);
    JsonNode *node = NULL;

    for (unsigned i = 0; parts[i]; i++) {
        node = row ? json_object_get_member(row, parts[i]) : NULL;
        row = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    }
    return value_text(node, field);
}

static void print_cell(FILE *out, const char *text, unsigned width, bool last)
{
    fputs(text, out);
    for (unsigned i = ctl_width(text); !last && i < width + 2; i++)
        fputc(' ', out);
}

void ctl_table(FILE *out, JsonArray *rows, const char *columns)
{
    g_auto(GStrv) specs = g_strsplit(columns, ",", -1);
    unsigned n = g_strv_length(specs), n_rows = json_array_get_length(rows);
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
    g_autofree unsigned *widths = g_new0(unsigned, n);

    for (unsigned c = 0; c < n; c++) {
        char *colon = strchr(specs[c], ':');
        g_ptr_array_add(cells, g_strdup(colon ? colon + 1 : specs[c]));
        if (colon)
            *colon = '\0';
    }
    for (unsigned r = 0; r < n_rows; r++) {
        JsonNode *row = json_array_get_element(rows, r);
        for (unsigned c = 0; c < n; c++)
            g_ptr_array_add(cells, cell_text(JSON_NODE_HOLDS_OBJECT(row) ? json_node_get_object(row) : NULL, specs[c]));
    }
    for (unsigned i = 0; i < cells->len; i++)
        widths[i % n] = MAX(widths[i % n], ctl_width(cells->pdata[i]));
    for (unsigned i = 0; i < cells->len; i++) {
        print_cell(out, cells->pdata[i], widths[i % n], i % n == n - 1);
        if (i % n == n - 1)
            fputc('\n', out);
    }
}

void ctl_fields(FILE *out, JsonObject *object, const char *fields)
{
    g_auto(GStrv) specs = g_strsplit(fields, ",", -1);
    unsigned width = 0;

    for (unsigned i = 0; specs[i]; i++) {
        const char *colon = strchr(specs[i], ':');
        width = MAX(width, ctl_width(colon ? colon + 1 : specs[i]));
    }
    for (unsigned i = 0; specs[i]; i++) {
        char *colon = strchr(specs[i], ':');
        const char *title = colon ? colon + 1 : specs[i];
        g_autofree char *field = g_strndup(specs[i], colon ? (gsize)(colon - specs[i]) : strlen(specs[i]));
        g_autofree char *text = cell_text(object, field);
        print_cell(out, title, width, false);
        fprintf(out, "%s\n", text);
    }
}

void ctl_print_json(Ctl *ctl, JsonNode *node)
{
    g_autofree char *text = md_json_to_text(node, true);

    fprintf(ctl->out, "%s\n", text);
}

int ctl_list(Ctl *ctl, const char *path, const char *key, const char *columns, const char *empty)
{
    g_autoptr(JsonNode) reply = ctl_call(ctl, "GET", path, NULL);

    if (!reply)
        return CTL_FAILED;
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return CTL_OK;
    }
    JsonNode *list = JSON_NODE_HOLDS_OBJECT(reply) ? json_object_get_member(json_node_get_object(reply), key) : NULL;
    if (!list || !JSON_NODE_HOLDS_ARRAY(list))
        return ctl_fail(ctl, "the answer is not what this mediactl knows", "is mediactl as new as mediad?");
    if (json_array_get_length(json_node_get_array(list)) == 0)
        fprintf(ctl->out, "%s\n", empty);
    else
        ctl_table(ctl->out, json_node_get_array(list), columns);
    return CTL_OK;
}

int ctl_show(Ctl *ctl, const char *path, const char *fields)
{
    g_autoptr(JsonNode) reply = ctl_call(ctl, "GET", path, NULL);

    if (!reply)
        return CTL_FAILED;
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else if (JSON_NODE_HOLDS_OBJECT(reply))
        ctl_fields(ctl->out, json_node_get_object(reply), fields);
    return CTL_OK;
}
