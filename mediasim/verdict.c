/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/verdict.h"

#include <json-glib/json-glib.h>
#include <string.h>

typedef struct Figure {
    char *group, *key, *unit;
    JsonNode *value;
} Figure;

struct SimVerdict {
    char *scenario, *group;
    GArray *figures;
    GPtrArray *failures;
};

static void clear_figure(gpointer data)
{
    Figure *figure = data;
    g_free(figure->group);
    g_free(figure->key);
    g_free(figure->unit);
    json_node_unref(figure->value);
}

SimVerdict *sim_verdict_new(const char *scenario)
{
    SimVerdict *verdict = g_new0(SimVerdict, 1);
    verdict->scenario = g_strdup(scenario);
    verdict->group = g_strdup("run");
    verdict->figures = g_array_new(FALSE, FALSE, sizeof(Figure));
    g_array_set_clear_func(verdict->figures, clear_figure);
    verdict->failures = g_ptr_array_new_with_free_func(g_free);
    return verdict;
}

void sim_verdict_free(SimVerdict *verdict)
{
    if (!verdict)
        return;
    g_free(verdict->scenario);
    g_free(verdict->group);
    g_array_unref(verdict->figures);
    g_ptr_array_unref(verdict->failures);
    g_free(verdict);
}

void sim_verdict_group(SimVerdict *verdict, const char *name)
{
    g_free(verdict->group);
    verdict->group = g_strdup(name);
}

static void add(SimVerdict *verdict, const char *key, const char *unit, JsonNode *value)
{
    Figure figure = {g_strdup(verdict->group), g_strdup(key), g_strdup(unit), value};
    g_array_append_val(verdict->figures, figure);
}

void sim_verdict_int(SimVerdict *verdict, const char *key, int64_t value, const char *unit)
{
    add(verdict, key, unit, json_node_init_int(json_node_alloc(), value));
}

void sim_verdict_double(SimVerdict *verdict, const char *key, double value, const char *unit)
{
    add(verdict, key, unit, json_node_init_double(json_node_alloc(), value));
}

void sim_verdict_text(SimVerdict *verdict, const char *key, const char *value)
{
    add(verdict, key, "", json_node_init_string(json_node_alloc(), value));
}

void sim_verdict_fail(SimVerdict *verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_ptr_array_add(verdict->failures, g_strdup_vprintf(format, args));
    va_end(args);
}

bool sim_verdict_passed(const SimVerdict *verdict)
{
    return verdict->failures->len == 0;
}

char *sim_verdict_to_table(const SimVerdict *verdict)
{
    GString *out = g_string_new(NULL);
    const char *group = "";
    for (guint i = 0; i < verdict->figures->len; i++) {
        const Figure *figure = &g_array_index(verdict->figures, Figure, i);
        g_string_append_printf(out, "%-10s %-22s ", strcmp(group, figure->group) ? figure->group : "",
                               figure->key);
        group = figure->group;
        GType type = json_node_get_value_type(figure->value);
        if (type == G_TYPE_STRING)
            g_string_append_printf(out, "%s\n", json_node_get_string(figure->value));
        else if (type == G_TYPE_DOUBLE)
            g_string_append_printf(out, "%14.2f %s\n", json_node_get_double(figure->value), figure->unit);
        else
            g_string_append_printf(out, "%14" G_GINT64_FORMAT " %s\n", json_node_get_int(figure->value),
                                   figure->unit);
    }
    for (guint i = 0; i < verdict->failures->len; i++)
        g_string_append_printf(out, "FELL SHORT %s\n", (const char *)g_ptr_array_index(verdict->failures, i));
    g_string_append_printf(out, "%s: %s\n", verdict->scenario,
                           sim_verdict_passed(verdict) ? "passed" : "failed");
    return g_string_free(out, FALSE);
}

static void append_value(GString *out, const Figure *figure)
{
    if (json_node_get_value_type(figure->value) == G_TYPE_DOUBLE) {
        /* json-glib would write 17 digits. */
        char text[G_ASCII_DTOSTR_BUF_SIZE];
        g_string_append(out,
                        g_ascii_formatd(text, sizeof(text), "%.3f", json_node_get_double(figure->value)));
        return;
    }
    g_autofree char *text = json_to_string(figure->value, FALSE);
    g_string_append(out, text);
}

static void append_text(GString *out, const char *value)
{
    g_autoptr(JsonNode) node = json_node_init_string(json_node_alloc(), value);
    g_autofree char *text = json_to_string(node, FALSE);
    g_string_append(out, text);
}

char *sim_verdict_to_json(const SimVerdict *verdict)
{
    GString *out = g_string_new("{\n  \"scenario\": ");
    const char *group = NULL;
    append_text(out, verdict->scenario);
    g_string_append_printf(out, ",\n  \"passed\": %s", sim_verdict_passed(verdict) ? "true" : "false");
    for (guint i = 0; i < verdict->figures->len; i++) {
        const Figure *figure = &g_array_index(verdict->figures, Figure, i);
        bool same = group && !strcmp(group, figure->group);
        if (!same)
            g_string_append_printf(out, "%s,\n  \"%s\": {", group ? "}" : "", figure->group);
        g_string_append_printf(out, "%s\"%s\": ", same ? ", " : "", figure->key);
        append_value(out, figure);
        group = figure->group;
    }
    g_string_append_printf(out, "%s,\n  \"failures\": [", group ? "}" : "");
    for (guint i = 0; i < verdict->failures->len; i++) {
        g_string_append(out, i ? ", " : "");
        append_text(out, g_ptr_array_index(verdict->failures, i));
    }
    g_string_append(out, "]\n}");
    return g_string_free(out, FALSE);
}
