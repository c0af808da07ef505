/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ours to the wire and back, as the tables say. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "broadcast/civil.h"
#include "broadcast/exchange/tables-private.h"
#include "broadcast/link/json.h"

#define EPOCH_MAX 253402300799ll /* year 9999 */

static bool invalid(GError **error, const char *object, const char *field, const char *what)
{
    g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "%s.%s: %s", object, field, what);
    return false;
}

JsonNode *bc_ex_member(JsonObject *object, const char *name)
{
    JsonNode *exact = object ? json_object_get_member(object, name) : NULL;
    if (exact || !object)
        return exact;
    JsonObjectIter it;
    const char *key;
    JsonNode *node;
    json_object_iter_init(&it, object);
    while (json_object_iter_next(&it, &key, &node))
        if (g_ascii_strcasecmp(key, name) == 0)
            return node;
    return NULL;
}

static JsonNode *follow(JsonObject *object, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, ".", 5);
    JsonNode *node = NULL;
    for (unsigned i = 0; parts[i]; i++) {
        node = bc_ex_member(object, parts[i]);
        if (!node || !parts[i + 1])
            break;
        object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
        if (!object)
            return NULL;
    }
    return node;
}

static void put(JsonObject *object, const char *path, JsonNode *node)
{
    g_auto(GStrv) parts = g_strsplit(path, ".", 5);
    unsigned i = 0;
    for (; parts[i] && parts[i + 1]; i++) {
        JsonNode *inner = json_object_get_member(object, parts[i]);
        if (!inner || !JSON_NODE_HOLDS_OBJECT(inner)) {
            json_object_set_object_member(object, parts[i], json_object_new());
            inner = json_object_get_member(object, parts[i]);
        }
        object = json_node_get_object(inner);
    }
    json_object_set_member(object, parts[i], node);
}

/* Any scalar as text; NULL for null and what is none. */
static char *scalar(JsonNode *node)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];
    if (!node || !JSON_NODE_HOLDS_VALUE(node))
        return NULL;
    GType type = json_node_get_value_type(node);
    if (type == G_TYPE_STRING)
        return g_strdup(json_node_get_string(node));
    if (type == G_TYPE_INT64)
        return g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
    if (type == G_TYPE_BOOLEAN)
        return g_strdup(json_node_get_boolean(node) ? "1" : "0");
    return g_strdup(g_ascii_formatd(buffer, sizeof buffer, "%.10g", json_node_get_double(node)));
}

static bool parse_number(const char *text, double *ret)
{
    char *end;
    errno = 0;
    *ret = g_ascii_strtod(text, &end);
    while (g_ascii_isspace(*end))
        end++;
    return end != text && !*end && isfinite(*ret);
}

/* --- writing --- */

static char *length_text(int64_t us)
{
    int64_t s = MAX(us, 0) / G_USEC_PER_SEC;
    return g_strdup_printf("%02" G_GINT64_FORMAT ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
}

static char *unit_text(const BcExTables *tables, const BcExField *field, const char *text)
{
    int32_t day;
    int y, m, d;
    switch (field->unit) {
    case BC_EX_TIME:
        return g_strdup_printf("%" G_GINT64_FORMAT, g_ascii_strtoll(text, NULL, 10) / G_USEC_PER_SEC);
    case BC_EX_LENGTH:
        return length_text(g_ascii_strtoll(text, NULL, 10));
    case BC_EX_DAY:
        if (!bc_parse_day(text, &day) || sscanf(text, "%d-%d-%d", &y, &m, &d) != 3)
            return NULL;
        return g_strdup_printf("%02d-%02d-%04d", d, m, y);
    case BC_EX_FLAG:
        return g_strdup(g_str_equal(text, "0") || g_str_equal(text, "false") ? "0" : "1");
    case BC_EX_CODE:
        return g_strdup(bc_ex_code(tables, field->of, text));
    default:
        return g_strdup(text);
    }
}

static JsonNode *scalar_node(const BcExField *field, const char *text)
{
    JsonNode *node = json_node_alloc();
    double number;
    if (field->type != BC_EX_NUMBER || !parse_number(text, &number))
        return json_node_init_string(node, text);
    return number == rint(number) && fabs(number) < 9e15 ? json_node_init_int(node, (gint64)number) : json_node_init_double(node, number);
}

static bool write_object(const BcExTables *tables, const char *object, JsonObject *ours, JsonObject *wire, GError **error);

static JsonNode *write_list(const BcExTables *tables, const BcExField *field, JsonArray *list, GError **error)
{
    g_autoptr(JsonArray) out = json_array_new();
    for (unsigned i = 0; i < MIN(json_array_get_length(list), BC_EX_LIST_MAX); i++) {
        JsonNode *node = json_array_get_element(list, i);
        if (field->type == BC_EX_TEXTS) {
            g_autofree char *text = scalar(node);
            json_array_add_string_element(out, text ? text : "");
            continue;
        }
        JsonObject *inner = json_object_new();
        json_array_add_object_element(out, inner);
        if (!JSON_NODE_HOLDS_OBJECT(node) || !write_object(tables, field->of, json_node_get_object(node), inner, error))
            return NULL;
    }
    return json_node_init_array(json_node_alloc(), out);
}

static JsonNode *write_value(const BcExTables *tables, const char *object, const BcExField *field, JsonNode *value, GError **error)
{
    if (field->type == BC_EX_LIST || field->type == BC_EX_TEXTS) {
        if (JSON_NODE_HOLDS_ARRAY(value))
            return write_list(tables, field, json_node_get_array(value), error);
        invalid(error, object, field->name, "it is no list");
        return NULL;
    }
    if (field->type == BC_EX_OBJECT) {
        g_autoptr(JsonObject) inner = json_object_new();
        if (!JSON_NODE_HOLDS_OBJECT(value) || !write_object(tables, field->of, json_node_get_object(value), inner, error))
            return NULL;
        return json_node_init_object(json_node_alloc(), inner);
    }
    g_autofree char *plain = scalar(value), *text = plain ? unit_text(tables, field, plain) : NULL;
    if (text)
        return scalar_node(field, text);
    invalid(error, object, field->name, plain ? "the table has no value for it" : "it is neither a text nor a number");
    return NULL;
}

/* A word the table has no value for is left out where that may be: a message short of a word is worth more than none. */
static bool has_code(const BcExTables *tables, const BcExField *field, JsonNode *value)
{
    bool coded = (field->type == BC_EX_STRING || field->type == BC_EX_NUMBER) && field->unit == BC_EX_CODE;
    g_autofree char *word = coded ? scalar(value) : NULL;
    return !coded || (word && bc_ex_code(tables, field->of, word));
}

static GPtrArray *fields_of(const BcExTables *tables, const char *object, GError **error)
{
    GPtrArray *fields = g_hash_table_lookup(tables->objects, object);
    if (!fields)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "the table has no object \"%s\"", object);
    return fields;
}

static bool write_object(const BcExTables *tables, const char *object, JsonObject *ours, JsonObject *wire, GError **error)
{
    GPtrArray *fields = fields_of(tables, object, error);
    if (!fields)
        return false;
    for (unsigned i = 0; i < fields->len; i++) {
        const BcExField *field = fields->pdata[i];
        if (field->type == BC_EX_INCLUDE) {
            if (!write_object(tables, field->of, ours, wire, error))
                return false;
            continue;
        }
        JsonNode *value = json_object_get_member(ours, field->name), *node = NULL;
        bool there = value && !JSON_NODE_HOLDS_NULL(value) && (field->required || has_code(tables, field, value));
        if (there)
            node = write_value(tables, object, field, value, error);
        else if (field->always)
            node = field->type == BC_EX_NUMBER ? json_node_init_int(json_node_alloc(), 0) : json_node_init_string(json_node_alloc(), "");
        else if (field->required)
            return invalid(error, object, field->name, "the other side needs it and it is not known");
        if (there && !node)
            return false;
        if (node)
            put(wire, field->wires[0], node);
    }
    return true;
}

JsonObject *bc_ex_write(const BcExTables *tables, const char *object, JsonObject *ours, GError **error)
{
    g_autoptr(JsonObject) wire = json_object_new();
    return write_object(tables, object, ours, wire, error) ? g_steal_pointer(&wire) : NULL;
}

char *bc_ex_write_text(const BcExTables *tables, const char *object, JsonObject *ours, GError **error)
{
    JsonObject *wire = bc_ex_write(tables, object, ours, error);
    if (!wire)
        return NULL;
    g_autoptr(JsonNode) node = json_node_alloc();
    json_node_init_object(node, wire);
    json_object_unref(wire);
    return json_to_string(node, FALSE);
}

/* --- reading --- */

/* "hh:mm:ss", "mm:ss" or seconds. */
static bool parse_length(const char *text, int64_t *ret_us)
{
    unsigned h, m, s;
    int used = 0;
    double number;
    if (sscanf(text, "%5u:%2u:%2u%n", &h, &m, &s, &used) == 3 && (!text[used] || text[used] == '.') && m < 60 && s < 60)
        *ret_us = ((int64_t)h * 3600 + m * 60 + s) * G_USEC_PER_SEC;
    else if (sscanf(text, "%5u:%2u%n", &m, &s, &used) == 2 && !text[used] && s < 60)
        *ret_us = ((int64_t)m * 60 + s) * G_USEC_PER_SEC;
    else if (parse_number(text, &number) && number >= 0 && number < 1e7)
        *ret_us = (int64_t)(number * G_USEC_PER_SEC);
    else
        return false;
    return true;
}

static bool parse_epoch(const char *text, int64_t *ret_us)
{
    double number;
    if (!parse_number(text, &number) || number < 0)
        return false;
    if (number > 1e11) /* some count milliseconds */
        number /= 1000;
    if (number > (double)EPOCH_MAX)
        return false;
    *ret_us = (int64_t)(number * 1e6);
    return true;
}

static char *parse_wire_day(const char *text)
{
    int d, m, y, used = 0;
    int32_t day;
    if ((sscanf(text, "%2d-%2d-%4d%n", &d, &m, &y, &used) == 3 || sscanf(text, "%2d/%2d/%4d%n", &d, &m, &y, &used) == 3) && !text[used]) {
        g_autofree char *ours = g_strdup_printf("%04d-%02d-%02d", y, m, d);
        return bc_parse_day(ours, &day) ? g_steal_pointer(&ours) : NULL;
    }
    return bc_parse_day(text, &day) ? g_strdup(text) : NULL;
}

static bool read_scalar(const BcExTables *tables, const char *object, const BcExField *field, const char *text, JsonObject *ours, GError **error)
{
    int64_t us;
    double number;
    switch (field->unit) {
    case BC_EX_TIME:
    case BC_EX_LENGTH:
        if (!*text)
            return true;
        if (!(field->unit == BC_EX_TIME ? parse_epoch(text, &us) : parse_length(text, &us)))
            return invalid(error, object, field->name, field->unit == BC_EX_TIME ? "no time in epoch seconds" : "no length as hh:mm:ss");
        json_object_set_int_member(ours, field->name, us);
        return true;
    case BC_EX_DAY: {
        g_autofree char *day = parse_wire_day(text);
        if (!day)
            return invalid(error, object, field->name, "no day as dd-mm-yyyy");
        json_object_set_string_member(ours, field->name, day);
        return true;
    }
    case BC_EX_CODE: {
        const char *word = bc_ex_word(tables, field->of, text);
        if (!word && (field->required || *text))
            return !field->required || invalid(error, object, field->name, "a value the table does not have"); /* unknown codes say nothing */
        if (word)
            json_object_set_string_member(ours, field->name, word);
        return true;
    }
    case BC_EX_FLAG:
        json_object_set_int_member(ours, field->name, !g_str_equal(text, "") && !g_str_equal(text, "0") && g_ascii_strcasecmp(text, "false") != 0);
        return true;
    default:
        if (field->type == BC_EX_NUMBER && parse_number(text, &number))
            json_object_set_double_member(ours, field->name, number);
        else if (field->type == BC_EX_STRING)
            json_object_set_string_member(ours, field->name, text);
        return true;
    }
}

static bool read_object(const BcExTables *tables, const char *object, JsonObject *wire, JsonObject *ours, GError **error);

static bool read_list(const BcExTables *tables, const char *object, const BcExField *field, JsonNode *node, JsonObject *ours, GError **error)
{
    JsonArray *from = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL, *to = json_array_new();
    unsigned n = from ? json_array_get_length(from) : 1;
    json_object_set_array_member(ours, field->name, to);
    if (n > BC_EX_LIST_MAX)
        return invalid(error, object, field->name, "more than 5000 entries");
    for (unsigned i = 0; i < n; i++) {
        JsonNode *entry = from ? json_array_get_element(from, i) : node; /* one alone stands for a list of one */
        if (field->type == BC_EX_TEXTS) {
            g_autofree char *text = scalar(entry);
            if (text && strlen(text) <= BC_EX_TEXT_MAX)
                json_array_add_string_element(to, text);
            continue;
        }
        if (!JSON_NODE_HOLDS_OBJECT(entry))
            continue;
        JsonObject *inner = json_object_new();
        json_array_add_object_element(to, inner);
        if (!read_object(tables, field->of, json_node_get_object(entry), inner, error))
            return false;
    }
    return true;
}

static bool read_value(const BcExTables *tables, const char *object, const BcExField *field, JsonNode *node, JsonObject *ours, GError **error)
{
    if (field->type == BC_EX_LIST || field->type == BC_EX_TEXTS)
        return read_list(tables, object, field, node, ours, error);
    if (field->type == BC_EX_OBJECT) {
        JsonObject *inner = json_object_new();
        json_object_set_object_member(ours, field->name, inner);
        return !JSON_NODE_HOLDS_OBJECT(node) || read_object(tables, field->of, json_node_get_object(node), inner, error);
    }
    g_autofree char *text = scalar(node);
    if (!text)
        return true;
    if (strlen(text) > BC_EX_TEXT_MAX)
        return invalid(error, object, field->name, "longer than 64 KiB");
    return read_scalar(tables, object, field, text, ours, error);
}

static bool read_object(const BcExTables *tables, const char *object, JsonObject *wire, JsonObject *ours, GError **error)
{
    GPtrArray *fields = fields_of(tables, object, error);
    if (!fields)
        return false;
    for (unsigned i = 0; i < fields->len; i++) {
        const BcExField *field = fields->pdata[i];
        if (field->type == BC_EX_INCLUDE) {
            if (!read_object(tables, field->of, wire, ours, error))
                return false;
            continue;
        }
        for (unsigned k = 0; field->wires[k] && !json_object_has_member(ours, field->name); k++) {
            JsonNode *node = follow(wire, field->wires[k]);
            if (node && !JSON_NODE_HOLDS_NULL(node) && !read_value(tables, object, field, node, ours, error))
                return false;
        }
        if (field->required && !json_object_has_member(ours, field->name)) {
            g_autofree char *what = g_strdup_printf("%s is missing", field->wires[0]);
            return invalid(error, object, field->name, what);
        }
    }
    return true;
}

JsonObject *bc_ex_read(const BcExTables *tables, const char *object, JsonObject *wire, GError **error)
{
    g_autoptr(JsonObject) ours = json_object_new();
    return read_object(tables, object, wire, ours, error) ? g_steal_pointer(&ours) : NULL;
}

static JsonNode *parse(const char *text, gsize len, GError **error)
{
    g_autoptr(GError) fault = NULL;
    JsonNode *node = len <= BC_EX_MESSAGE_MAX ? bc_json_parse(text, len, 16, &fault) : NULL;
    if (!node)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "%s", fault ? fault->message : "the message is larger than 4 MiB");
    return node;
}

JsonObject *bc_ex_read_text(const BcExTables *tables, const char *object, const char *text, gsize len, GError **error)
{
    g_autoptr(JsonNode) node = parse(text, len, error);
    if (!node)
        return NULL;
    if (JSON_NODE_HOLDS_OBJECT(node))
        return bc_ex_read(tables, object, json_node_get_object(node), error);
    g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "a JSON object is expected");
    return NULL;
}

static void unref_object(gpointer object)
{
    json_object_unref(object);
}

GPtrArray *bc_ex_read_list(const BcExTables *tables, const char *object, const char *text, gsize len, GError **error)
{
    g_autoptr(JsonNode) node = parse(text, len, error);
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(unref_object);
    if (!node)
        return NULL;
    JsonNode *inner = JSON_NODE_HOLDS_OBJECT(node) ? follow(json_node_get_object(node), bc_ex_setting(tables, "answer-content", "NoiDung")) : NULL;
    if (inner && (JSON_NODE_HOLDS_ARRAY(inner) || JSON_NODE_HOLDS_OBJECT(inner) || JSON_NODE_HOLDS_NULL(inner))) {
        JsonNode *copy = json_node_copy(inner);
        json_node_unref(node);
        node = copy;
    }
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    unsigned n = array ? json_array_get_length(array) : JSON_NODE_HOLDS_OBJECT(node) ? 1 : 0;
    if (n > BC_EX_LIST_MAX) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "more than 5000 entries in one message");
        return NULL;
    }
    for (unsigned i = 0; i < n; i++) {
        JsonNode *entry = array ? json_array_get_element(array, i) : node;
        JsonObject *ours = JSON_NODE_HOLDS_OBJECT(entry) ? bc_ex_read(tables, object, json_node_get_object(entry), error) : NULL;
        if (!ours)
            return NULL;
        g_ptr_array_add(list, ours);
    }
    return g_steal_pointer(&list);
}

const char *bc_ex_text(JsonObject *ours, const char *name)
{
    JsonNode *node = json_object_get_member(ours, name);
    const char *text = node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
    return text && *text ? text : NULL;
}

int64_t bc_ex_int(JsonObject *ours, const char *name, int64_t fallback)
{
    JsonNode *node = json_object_get_member(ours, name);
    g_autofree char *text = scalar(node);
    double number;
    return text && parse_number(text, &number) && fabs(number) < 9e18 ? (int64_t)number : fallback;
}
