/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/link/fields.h"

#include <math.h>
#include <string.h>

#define AT(type, base, off) (*(type *)(void *)((char *)(base) + (off)))
#define GET(type, base, off) (*(type const *)(const void *)((const char *)(base) + (off)))
#define EXACT_MAX 9007199254740992.0 /* 2^53: beyond it a double is no longer one integer */

static bool wrong(GError **error, BcLinkError code, const BcField *f, const char *what)
{
    g_set_error(error, BC_LINK_ERROR, code, "%s: %s", f->name, what);
    return false;
}

static bool clean(const char *text, bool page)
{
    for (const char *p = text; *p; p++)
        if (((guchar)*p < 0x20 && !(page && strchr("\n\r\t", *p))) || *p == 0x7f)
            return false;
    return true;
}

static bool code_ok(const char *text, const char *also)
{
    for (const char *p = text; *p; p++)
        if (!g_ascii_isalnum(*p) && !strchr(also, *p))
            return false;
    return *text != '\0';
}

static bool path_ok(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    for (unsigned i = 0; parts[i]; i++)
        if (!code_ok(parts[i], "._-") || strspn(parts[i], ".") == strlen(parts[i]))
            return false;
    return parts[0] != NULL;
}

static bool text_fits(const BcField *f, const char *text)
{
    switch (f->kind) {
    case BC_FIELD_TEXT:
        return clean(text, false);
    case BC_FIELD_PAGE:
        return clean(text, true);
    case BC_FIELD_CODE:
    case BC_FIELD_CODES:
        return code_ok(text, "._@:-");
    case BC_FIELD_DEVICE:
        return code_ok(text, "._-") && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
    case BC_FIELD_SHA256:
        return !*text || (strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64);
    default:
        return !*text || path_ok(text);
    }
}

static bool read_text(const BcField *f, JsonNode *node, char **ret, GError **error)
{
    static const char *const what[] = {[BC_FIELD_TEXT] = "has control characters",
                                       [BC_FIELD_PAGE] = "has control characters",
                                       [BC_FIELD_CODE] = "may hold A-Z a-z 0-9 . _ @ : - only",
                                       [BC_FIELD_DEVICE] = "may hold A-Z a-z 0-9 . _ - only",
                                       [BC_FIELD_SHA256] = "is not 64 lower-case hexadecimal digits",
                                       [BC_FIELD_PATH] = "is no relative path of plain names",
                                       [BC_FIELD_CODES] = "may hold A-Z a-z 0-9 . _ @ : - only"};
    if (json_node_get_value_type(node) != G_TYPE_STRING)
        return wrong(error, BC_LINK_ERROR_FORMAT, f, "not a string");
    const char *text = json_node_get_string(node);
    gsize max = f->kind == BC_FIELD_CODES || f->kind == BC_FIELD_DEVICE ? 64 : (gsize)f->max;
    if (strlen(text) > max) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_LIMIT, "%s: %zu bytes, at most %zu", f->name, strlen(text), max);
        return false;
    }
    if (!text_fits(f, text))
        return wrong(error, BC_LINK_ERROR_FORMAT, f, what[f->kind]);
    *ret = g_strdup(text);
    return true;
}

static bool read_integer(const BcField *f, JsonNode *node, int64_t *ret, GError **error)
{
    GType type = json_node_get_value_type(node);
    int64_t value;
    if (type == G_TYPE_INT64) {
        value = json_node_get_int(node);
    } else if (type == G_TYPE_DOUBLE) { /* 3.0 and 3e3 are integers too */
        double real = json_node_get_double(node);
        if (!(fabs(real) <= EXACT_MAX) || real != floor(real))
            return wrong(error, BC_LINK_ERROR_FORMAT, f, "not an integer");
        value = (int64_t)real;
    } else {
        return wrong(error, BC_LINK_ERROR_FORMAT, f, "not a number");
    }
    if (value < f->min || value > f->max) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_LIMIT, "%s: %" G_GINT64_FORMAT ", allowed is %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                    f->name, value, f->min, f->max);
        return false;
    }
    *ret = value;
    return true;
}

static void set_integer(const BcField *f, void *base, int64_t value)
{
    switch (f->kind) {
    case BC_FIELD_UINT:
        AT(unsigned, base, f->offset) = (unsigned)value;
        break;
    case BC_FIELD_INT:
    case BC_FIELD_WORD:
        AT(int, base, f->offset) = (int)value;
        break;
    case BC_FIELD_U16:
        AT(uint16_t, base, f->offset) = (uint16_t)value;
        break;
    case BC_FIELD_BOOL:
        AT(bool, base, f->offset) = value != 0;
        break;
    case BC_FIELD_MS:
        AT(int64_t, base, f->offset) = value * 1000;
        break;
    default:
        AT(int64_t, base, f->offset) = value;
        break;
    }
}

static int64_t get_integer(const BcField *f, const void *base)
{
    switch (f->kind) {
    case BC_FIELD_UINT:
        return GET(unsigned, base, f->offset);
    case BC_FIELD_INT:
    case BC_FIELD_WORD:
        return GET(int, base, f->offset);
    case BC_FIELD_U16:
        return GET(uint16_t, base, f->offset);
    case BC_FIELD_BOOL:
        return GET(bool, base, f->offset);
    case BC_FIELD_MS:
        return GET(int64_t, base, f->offset) / 1000;
    default:
        return GET(int64_t, base, f->offset);
    }
}

static void set_absent(const BcField *f, void *base)
{
    switch (f->kind) {
    case BC_FIELD_SHA256:
    case BC_FIELD_PATH:
        AT(char *, base, f->offset) = g_strdup("");
        break;
    case BC_FIELD_REAL:
        AT(double, base, f->offset) = NAN;
        break;
    case BC_FIELD_OBJECT:
        for (const BcField *sub = f->sub; sub->name; sub++)
            set_absent(sub, (char *)base + f->offset);
        break;
    case BC_FIELD_TEXT:
    case BC_FIELD_PAGE:
    case BC_FIELD_CODE:
    case BC_FIELD_DEVICE:
    case BC_FIELD_LIST:
    case BC_FIELD_ROWS:
    case BC_FIELD_CODES:
    case BC_FIELD_VALUE:
        break;
    default:
        set_integer(f, base, f->def);
        break;
    }
}

/* A word not known here reads as the number of words: whoever asks can say so, and nothing else is lost. */
static bool read_word(const BcField *f, JsonNode *node, void *base, GError **error)
{
    if (json_node_get_value_type(node) != G_TYPE_STRING)
        return wrong(error, BC_LINK_ERROR_FORMAT, f, "not a string");
    int64_t i = 0;
    while (i < f->max && strcmp(f->words[i], json_node_get_string(node)) != 0)
        i++;
    set_integer(f, base, i);
    return true;
}

static bool read_codes(const BcField *f, JsonNode *node, void *base, GError **error)
{
    if (!JSON_NODE_HOLDS_ARRAY(node))
        return wrong(error, BC_LINK_ERROR_FORMAT, f, "not an array");
    JsonArray *array = json_node_get_array(node);
    if (json_array_get_length(array) > f->max)
        return wrong(error, BC_LINK_ERROR_LIMIT, f, "too many entries");
    for (unsigned i = 0; i < json_array_get_length(array); i++)
        if (!read_text(f, json_array_get_element(array, i), &AT(char *, base, f->offset + i * sizeof(char *)), error))
            return false;
    return true;
}

static bool read_list(const BcField *f, JsonNode *node, void *base, GError **error)
{
    if (!JSON_NODE_HOLDS_ARRAY(node))
        return wrong(error, BC_LINK_ERROR_FORMAT, f, "not an array");
    JsonArray *array = json_node_get_array(node);
    unsigned n = json_array_get_length(array);
    if (n > f->max) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_LIMIT, "%s: %u entries, at most %" G_GINT64_FORMAT, f->name, n, f->max);
        return false;
    }
    char *rows = (char *)base + f->offset;
    if (f->kind == BC_FIELD_LIST)
        rows = AT(char *, base, f->offset) = n ? g_malloc0(n * f->size) : NULL;
    for (unsigned i = 0; i < n; i++) {
        JsonNode *entry = json_array_get_element(array, i);
        AT(unsigned, base, f->count_offset) = i + 1;
        if (!JSON_NODE_HOLDS_OBJECT(entry)) {
            g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT, "%s[%u]: not an object", f->name, i);
            return false;
        }
        if (!bc_fields_read(f->sub, json_node_get_object(entry), rows + i * f->size, error)) {
            g_prefix_error(error, "%s[%u].", f->name, i);
            return false;
        }
    }
    return true;
}

static char *real_text(double value)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];
    return g_strdup(g_ascii_formatd(buffer, sizeof buffer, "%.12g", value + 0.0)); /* no "-0": it is read again as the integer 0 */
}

static bool read_value(const BcField *f, JsonNode *node, void *base, GError **error)
{
    GType type = json_node_get_value_type(node);
    char **text = &AT(char *, base, f->offset);
    if (type == G_TYPE_STRING) {
        BcField as_text = *f;
        as_text.kind = BC_FIELD_TEXT;
        return read_text(&as_text, node, text, error);
    }
    AT(bool, base, f->count_offset) = type == G_TYPE_INT64 || type == G_TYPE_DOUBLE;
    if (type == G_TYPE_INT64)
        *text = g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
    else if (type == G_TYPE_DOUBLE)
        *text = real_text(json_node_get_double(node));
    else if (type == G_TYPE_BOOLEAN)
        *text = g_strdup(json_node_get_boolean(node) ? "true" : "false");
    else
        return wrong(error, BC_LINK_ERROR_FORMAT, f, "neither text, number nor truth value");
    return true;
}

static bool read_object(const BcField *f, JsonNode *node, void *base, GError **error)
{
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return wrong(error, BC_LINK_ERROR_FORMAT, f, "not an object");
    if (bc_fields_read(f->sub, json_node_get_object(node), (char *)base + f->offset, error))
        return true;
    g_prefix_error(error, "%s.", f->name);
    return false;
}

static bool read_bool(const BcField *f, JsonNode *node, void *base, GError **error)
{
    if (json_node_get_value_type(node) != G_TYPE_BOOLEAN)
        return wrong(error, BC_LINK_ERROR_FORMAT, f, "neither true nor false");
    set_integer(f, base, json_node_get_boolean(node));
    return true;
}

static bool read_real(const BcField *f, JsonNode *node, void *base, GError **error)
{
    GType type = json_node_get_value_type(node);
    if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
        return wrong(error, BC_LINK_ERROR_FORMAT, f, "not a number");
    double value = type == G_TYPE_DOUBLE ? json_node_get_double(node) : (double)json_node_get_int(node);
    if (!(value >= (double)f->min && value <= (double)f->max))
        return wrong(error, BC_LINK_ERROR_LIMIT, f, "out of range");
    AT(double, base, f->offset) = value;
    return true;
}

static bool read_field(const BcField *f, JsonNode *node, void *base, GError **error)
{
    int64_t value = 0;
    switch (f->kind) {
    case BC_FIELD_WORD:
        return read_word(f, node, base, error);
    case BC_FIELD_BOOL:
        return read_bool(f, node, base, error);
    case BC_FIELD_REAL:
        return read_real(f, node, base, error);
    case BC_FIELD_OBJECT:
        return read_object(f, node, base, error);
    case BC_FIELD_LIST:
    case BC_FIELD_ROWS:
        return read_list(f, node, base, error);
    case BC_FIELD_CODES:
        return read_codes(f, node, base, error);
    case BC_FIELD_VALUE:
        return read_value(f, node, base, error);
    case BC_FIELD_TEXT:
    case BC_FIELD_PAGE:
    case BC_FIELD_CODE:
    case BC_FIELD_DEVICE:
    case BC_FIELD_SHA256:
    case BC_FIELD_PATH:
        return read_text(f, node, &AT(char *, base, f->offset), error);
    default:
        if (!read_integer(f, node, &value, error))
            return false;
        set_integer(f, base, value);
        return true;
    }
}

bool bc_fields_read(const BcField *table, JsonObject *object, void *ret, GError **error)
{
    for (const BcField *f = table; f->name; f++) {
        JsonNode *node = json_object_get_member(object, f->name);
        bool absent = !node || JSON_NODE_HOLDS_NULL(node);
        if (absent && f->required)
            return wrong(error, BC_LINK_ERROR_FORMAT, f, "is missing");
        if (absent)
            set_absent(f, ret);
        else if (!read_field(f, node, ret, error))
            return false;
    }
    return true;
}

void bc_fields_clear(const BcField *table, void *ret)
{
    for (const BcField *f = table; f->name; f++) {
        char *rows = (char *)ret + f->offset;
        switch (f->kind) {
        case BC_FIELD_TEXT:
        case BC_FIELD_PAGE:
        case BC_FIELD_CODE:
        case BC_FIELD_DEVICE:
        case BC_FIELD_SHA256:
        case BC_FIELD_PATH:
        case BC_FIELD_VALUE:
            g_clear_pointer(&AT(char *, ret, f->offset), g_free);
            break;
        case BC_FIELD_CODES:
            for (int64_t i = 0; i < f->max; i++)
                g_clear_pointer(&AT(char *, ret, f->offset + (gsize)i * sizeof(char *)), g_free);
            break;
        case BC_FIELD_OBJECT:
            bc_fields_clear(f->sub, rows);
            break;
        case BC_FIELD_LIST:
        case BC_FIELD_ROWS:
            if (f->kind == BC_FIELD_LIST)
                rows = AT(char *, ret, f->offset);
            for (unsigned i = 0; rows && i < GET(unsigned, ret, f->count_offset); i++)
                bc_fields_clear(f->sub, rows + i * f->size);
            if (f->kind == BC_FIELD_LIST)
                g_clear_pointer(&AT(char *, ret, f->offset), g_free);
            AT(unsigned, ret, f->count_offset) = 0;
            break;
        default:
            break;
        }
    }
}

static void write_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_c(out, '\\'), g_string_append_c(out, *p);
        else if ((guchar)*p < 0x20 || *p == 0x7f)
            g_string_append_printf(out, "\\u%04x", (unsigned)*p);
        else
            g_string_append_c(out, *p);
    }
    g_string_append_c(out, '"');
}

static void write_name(GString *out, const BcField *f)
{
    if (out->str[out->len - 1] != '{')
        g_string_append_c(out, ',');
    g_string_append_printf(out, "\"%s\":", f->name);
}

static void write_real(GString *out, const BcField *f, double value)
{
    if (!isfinite(value))
        return;
    g_autofree char *text = real_text(value);
    write_name(out, f);
    g_string_append(out, text);
}

static void write_list(GString *out, const BcField *f, const void *base)
{
    unsigned n = GET(unsigned, base, f->count_offset);
    const char *rows = f->kind == BC_FIELD_LIST ? GET(char *, base, f->offset) : (const char *)base + f->offset;
    if (!n && !f->required)
        return;
    write_name(out, f);
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < n; i++) {
        if (i)
            g_string_append_c(out, ',');
        bc_fields_write(f->sub, rows + i * f->size, out);
    }
    g_string_append_c(out, ']');
}

static void write_codes(GString *out, const BcField *f, const void *base)
{
    char *const *codes = (char *const *)(const void *)((const char *)base + f->offset);
    if (!codes[0])
        return;
    write_name(out, f);
    for (int64_t i = 0; i < f->max && codes[i]; i++) {
        g_string_append_c(out, i ? ',' : '[');
        write_string(out, codes[i]);
    }
    g_string_append_c(out, ']');
}

static void write_value(GString *out, const BcField *f, const void *base)
{
    const char *text = GET(char *, base, f->offset);
    if (!text)
        return;
    char *end = NULL;
    double value = g_ascii_strtod(text, &end);
    if (GET(bool, base, f->count_offset) && *text && !*end && isfinite(value)) {
        write_real(out, f, value);
        return;
    }
    write_name(out, f);
    write_string(out, text);
}

/* Embedded objects whose every field is what an absent one means are left out. */
static void write_object(GString *out, const BcField *f, const void *base)
{
    g_autoptr(GString) inner = g_string_new(NULL);
    bc_fields_write(f->sub, (const char *)base + f->offset, inner);
    if (strcmp(inner->str, "{}") == 0)
        return;
    write_name(out, f);
    g_string_append_len(out, inner->str, (gssize)inner->len);
}

static void write_text(GString *out, const BcField *f, const char *text)
{
    if (!text || (!*text && !f->required))
        return;
    write_name(out, f);
    write_string(out, text);
}

static void write_number(GString *out, const BcField *f, int64_t value)
{
    if (value == f->def && !f->required)
        return;
    write_name(out, f);
    if (f->kind == BC_FIELD_BOOL)
        g_string_append(out, value ? "true" : "false");
    else if (f->kind == BC_FIELD_WORD)
        write_string(out, value >= 0 && value < f->max ? f->words[value] : "unknown");
    else
        g_string_append_printf(out, "%" G_GINT64_FORMAT, value);
}

void bc_fields_write(const BcField *table, const void *from, GString *out)
{
    g_string_append_c(out, '{');
    for (const BcField *f = table; f->name; f++) {
        switch (f->kind) {
        case BC_FIELD_TEXT:
        case BC_FIELD_PAGE:
        case BC_FIELD_CODE:
        case BC_FIELD_DEVICE:
        case BC_FIELD_SHA256:
        case BC_FIELD_PATH:
            write_text(out, f, GET(char *, from, f->offset));
            break;
        case BC_FIELD_VALUE:
            write_value(out, f, from);
            break;
        case BC_FIELD_REAL:
            write_real(out, f, GET(double, from, f->offset));
            break;
        case BC_FIELD_OBJECT:
            write_object(out, f, from);
            break;
        case BC_FIELD_LIST:
        case BC_FIELD_ROWS:
            write_list(out, f, from);
            break;
        case BC_FIELD_CODES:
            write_codes(out, f, from);
            break;
        default:
            write_number(out, f, get_integer(f, from));
            break;
        }
    }
    g_string_append_c(out, '}');
}
