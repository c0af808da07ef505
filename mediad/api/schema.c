/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/api/json.h"
#include <string.h>

struct MdSchema {
    JsonNode *root;
    GHashTable *patterns; /* text → GRegex */
};

static bool compile_patterns(MdSchema *schema, JsonNode *node, GError **error)
{
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(array); i++)
            if (!compile_patterns(schema, json_array_get_element(array, i), error))
                return false;
        return true;
    }
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return true;
    JsonObject *object = json_node_get_object(node);
    /* a property may itself be called "pattern": only a string there is a pattern */
    JsonNode *found = json_object_get_member(object, "pattern");
    const char *pattern = found && JSON_NODE_HOLDS_VALUE(found) ? json_node_get_string(found) : NULL;
    if (pattern && !g_hash_table_contains(schema->patterns, pattern)) {
        GRegex *regex = g_regex_new(pattern, G_REGEX_DOLLAR_ENDONLY, 0, error);
        if (!regex)
            return false;
        g_hash_table_insert(schema->patterns, g_strdup(pattern), regex);
    }
    g_autoptr(GList) members = json_object_get_members(object);
    for (GList *l = members; l; l = l->next) {
        if (!compile_patterns(schema, json_object_get_member(object, l->data), error))
            return false;
    }
    return true;
}

MdSchema *md_schema_new(const char *text, GError **error)
{
    g_autoptr(JsonNode) root = md_json_parse(text, strlen(text), error);

    if (!root)
        return NULL;
    if (!JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error(error, MD_JSON_ERROR, MD_JSON_ERROR_SCHEMA, "a schema is a JSON object");
        return NULL;
    }
    MdSchema *schema = g_new0(MdSchema, 1);
    schema->root = g_steal_pointer(&root);
    schema->patterns = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_regex_unref);
    if (!compile_patterns(schema, schema->root, error)) {
        md_schema_free(schema);
        return NULL;
    }
    return schema;
}

void md_schema_free(MdSchema *schema)
{
    if (!schema)
        return;
    json_node_unref(schema->root);
    g_hash_table_unref(schema->patterns);
    g_free(schema);
}

JsonNode *md_schema_root(const MdSchema *schema)
{
    return schema->root;
}

static bool refuse(const GString *path, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);
static bool refuse(const GString *path, GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    if (path->len)
        g_set_error(error, MD_JSON_ERROR, MD_JSON_ERROR_SCHEMA, "field '%s': %s", path->str, what);
    else
        g_set_error(error, MD_JSON_ERROR, MD_JSON_ERROR_SCHEMA, "%s", what);
    return false;
}

static const char *type_of(JsonNode *node)
{
    switch (json_node_get_node_type(node)) {
    case JSON_NODE_OBJECT:
        return "object";
    case JSON_NODE_ARRAY:
        return "array";
    case JSON_NODE_NULL:
        return "null";
    default:
        switch (json_node_get_value_type(node)) {
        case G_TYPE_STRING:
            return "string";
        case G_TYPE_BOOLEAN:
            return "boolean";
        case G_TYPE_INT64:
            return "integer";
        default:
            return "number";
        }
    }
}

static bool check_string(MdSchema *schema, JsonObject *rule, JsonNode *node, const GString *path, GError **error)
{
    const char *text = json_node_get_string(node);
    glong length = g_utf8_strlen(text, -1);
    gint64 least = json_object_get_int_member_with_default(rule, "minLength", 0);
    gint64 most = json_object_get_int_member_with_default(rule, "maxLength", G_MAXINT64);
    const char *pattern = json_object_get_string_member_with_default(rule, "pattern", NULL);

    if (length < least)
        return refuse(path, error, "must have at least %" G_GINT64_FORMAT " characters, has %ld", least, length);
    if (length > most)
        return refuse(path, error, "must have at most %" G_GINT64_FORMAT " characters, has %ld", most, length);
    if (pattern && !g_regex_match(g_hash_table_lookup(schema->patterns, pattern), text, 0, NULL))
        return refuse(path, error, "must match %s", pattern);
    return true;
}

static bool check_number(JsonObject *rule, JsonNode *node, const GString *path, GError **error)
{
    double value = json_node_get_double(node);

    if (json_object_has_member(rule, "minimum") && !(value >= json_object_get_double_member(rule, "minimum")))
        return refuse(path, error, "must be at least %g, is %g", json_object_get_double_member(rule, "minimum"), value);
    if (json_object_has_member(rule, "maximum") && !(value <= json_object_get_double_member(rule, "maximum")))
        return refuse(path, error, "must be at most %g, is %g", json_object_get_double_member(rule, "maximum"), value);
    return true;
}

static bool check_enum(JsonArray *allowed, JsonNode *node, const GString *path, GError **error)
{
    g_autoptr(GString) list = g_string_new(NULL);

    for (guint i = 0; i < json_array_get_length(allowed); i++) {
        JsonNode *one = json_array_get_element(allowed, i);
        if (json_node_equal(one, node))
            return true;
        g_autofree char *text = md_json_to_text(one, false);
        g_string_append_printf(list, "%s%s", list->len ? ", " : "", text);
    }
    return refuse(path, error, "must be one of %s", list->str);
}

static bool check(MdSchema *schema, JsonObject *rule, JsonNode *node, GString *path, GError **error);

static bool check_array(MdSchema *schema, JsonObject *rule, JsonArray *array, GString *path, GError **error)
{
    gint64 n = json_array_get_length(array), least, most;
    JsonNode *items = json_object_get_member(rule, "items");
    gsize length = path->len;

    least = json_object_get_int_member_with_default(rule, "minItems", 0);
    most = json_object_get_int_member_with_default(rule, "maxItems", G_MAXINT64);
    if (n < least)
        return refuse(path, error, "must have at least %" G_GINT64_FORMAT " items", least);
    if (n > most)
        return refuse(path, error, "must have at most %" G_GINT64_FORMAT " items, has %" G_GINT64_FORMAT, most, n);
    for (gint64 i = 0; items && i < n; i++) {
        g_string_append_printf(path, "[%" G_GINT64_FORMAT "]", i);
        if (!check(schema, json_node_get_object(items), json_array_get_element(array, (guint)i), path, error))
            return false;
        g_string_truncate(path, length);
    }
    return true;
}

static bool check_required(JsonObject *rule, JsonObject *object, const GString *path, GError **error)
{
    if (!json_object_has_member(rule, "required"))
        return true;
    JsonArray *required = json_object_get_array_member(rule, "required");
    for (guint i = 0; i < json_array_get_length(required); i++) {
        const char *name = json_array_get_string_element(required, i);
        if (!json_object_has_member(object, name))
            return refuse(path, error, "field '%s' is missing", name);
    }
    return true;
}

static bool refuse_unknown(JsonObject *properties, const char *name, const GString *path, GError **error)
{
    g_autoptr(GString) list = g_string_new(NULL);
    g_autoptr(GList) members = properties ? json_object_get_members(properties) : NULL;

    for (GList *l = members; l; l = l->next)
        g_string_append_printf(list, "%s%s", list->len ? ", " : "", (const char *)l->data);
    return refuse(path, error, "unknown field '%.64s'; allowed: %s", name, list->len ? list->str : "none");
}

static bool check_object(MdSchema *schema, JsonObject *rule, JsonObject *object, GString *path, GError **error)
{
    JsonObject *properties = json_object_has_member(rule, "properties")
                                 ? json_object_get_object_member(rule, "properties")
                                 : NULL;
    JsonNode *others = json_object_get_member(rule, "additionalProperties");
    gsize length = path->len;

    if (!check_required(rule, object, path, error))
        return false;
    g_autoptr(GList) members = json_object_get_members(object);
    for (GList *l = members; l; l = l->next) {
        const char *name = l->data;
        JsonObject *sub = NULL;
        if (properties && json_object_has_member(properties, name))
            sub = json_object_get_object_member(properties, name);
        else if (others && JSON_NODE_HOLDS_OBJECT(others))
            sub = json_node_get_object(others);
        else if (others && !json_node_get_boolean(others))
            return refuse_unknown(properties, name, path, error);
        if (!sub)
            continue;
        g_string_append_printf(path, "%s%.64s", path->len ? "." : "", name);
        if (!check(schema, sub, json_object_get_member(object, name), path, error))
            return false;
        g_string_truncate(path, length);
    }
    return true;
}

static bool check(MdSchema *schema, JsonObject *rule, JsonNode *node, GString *path, GError **error)
{
    const char *want = json_object_get_string_member_with_default(rule, "type", NULL);
    const char *is = type_of(node);

    if (g_str_equal(is, "null") && json_object_get_boolean_member_with_default(rule, "nullable", FALSE))
        return true;
    if (want && !g_str_equal(want, is) && !(g_str_equal(want, "number") && g_str_equal(is, "integer")))
        return refuse(path, error, "must be of type %s, is %s", want, is);
    if (json_object_has_member(rule, "enum") &&
        !check_enum(json_object_get_array_member(rule, "enum"), node, path, error))
        return false;
    if (g_str_equal(is, "string"))
        return check_string(schema, rule, node, path, error);
    if (g_str_equal(is, "integer") || g_str_equal(is, "number"))
        return check_number(rule, node, path, error);
    if (g_str_equal(is, "array"))
        return check_array(schema, rule, json_node_get_array(node), path, error);
    if (g_str_equal(is, "object"))
        return check_object(schema, rule, json_node_get_object(node), path, error);
    return true;
}

bool md_schema_check(MdSchema *schema, JsonNode *node, GError **error)
{
    g_autoptr(GString) path = g_string_new(NULL);

    return check(schema, json_node_get_object(schema->root), node, path, error);
}
