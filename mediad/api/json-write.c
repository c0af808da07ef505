/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON as text. json-glib's own writer makes "6e-09.0" of small doubles, which nobody can read. */
#include "mediad/api/json.h"
#include <math.h>
#include <string.h>

static void write_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (const char *p = text ? text : ""; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\')
            g_string_append_printf(out, "\\%c", c);
        else if (c == '\n')
            g_string_append(out, "\\n");
        else if (c < 0x20 || c == 0x7f)
            g_string_append_printf(out, "\\u%04x", c);
        else
            g_string_append_c(out, (char)c);
    }
    g_string_append_c(out, '"');
}

/* The shortest of 15 or 17 digits that reads back as the same number; JSON has no infinity. */
static void write_double(GString *out, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    if (!isfinite(value)) {
        g_string_append(out, "null");
        return;
    }
    g_ascii_formatd(text, sizeof text, "%.15g", value);
    if (g_ascii_strtod(text, NULL) != value)
        g_ascii_formatd(text, sizeof text, "%.17g", value);
    g_string_append(out, text);
    if (!strpbrk(text, ".e"))
        g_string_append(out, ".0"); /* stays a double when it is read again */
}

static void write_value(GString *out, JsonNode *node)
{
    switch (json_node_get_value_type(node)) {
    case G_TYPE_STRING:
        write_string(out, json_node_get_string(node));
        break;
    case G_TYPE_BOOLEAN:
        g_string_append(out, json_node_get_boolean(node) ? "true" : "false");
        break;
    case G_TYPE_INT64:
        g_string_append_printf(out, "%" G_GINT64_FORMAT, json_node_get_int(node));
        break;
    default:
        write_double(out, json_node_get_double(node));
    }
}

static void new_line(GString *out, int indent)
{
    if (indent < 0)
        return;
    g_string_append_c(out, '\n');
    for (int i = 0; i < indent; i++)
        g_string_append(out, "  ");
}

static void write_node(GString *out, JsonNode *node, int indent);

static void write_array(GString *out, JsonArray *array, int indent)
{
    guint n = json_array_get_length(array);

    g_string_append_c(out, '[');
    for (guint i = 0; i < n; i++) {
        if (i)
            g_string_append_c(out, ',');
        new_line(out, indent < 0 ? -1 : indent + 1);
        write_node(out, json_array_get_element(array, i), indent < 0 ? -1 : indent + 1);
    }
    if (n)
        new_line(out, indent);
    g_string_append_c(out, ']');
}

static void write_object(GString *out, JsonObject *object, int indent)
{
    g_autoptr(GList) members = json_object_get_members(object);

    g_string_append_c(out, '{');
    for (GList *l = members; l; l = l->next) {
        if (l != members)
            g_string_append_c(out, ',');
        new_line(out, indent < 0 ? -1 : indent + 1);
        write_string(out, l->data);
        g_string_append(out, indent < 0 ? ":" : ": ");
        write_node(out, json_object_get_member(object, l->data), indent < 0 ? -1 : indent + 1);
    }
    if (members)
        new_line(out, indent);
    g_string_append_c(out, '}');
}

static void write_node(GString *out, JsonNode *node, int indent)
{
    switch (json_node_get_node_type(node)) {
    case JSON_NODE_OBJECT:
        write_object(out, json_node_get_object(node), indent);
        break;
    case JSON_NODE_ARRAY:
        write_array(out, json_node_get_array(node), indent);
        break;
    case JSON_NODE_VALUE:
        write_value(out, node);
        break;
    default:
        g_string_append(out, "null");
    }
}

char *md_json_to_text(JsonNode *node, bool pretty)
{
    GString *out = g_string_new(NULL);

    write_node(out, node, pretty ? 0 : -1);
    return g_string_free(out, FALSE);
}
