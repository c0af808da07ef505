/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/exchange/tables-private.h"
#include <errno.h>
#include <string.h>
#include "broadcast/csv.h"

#define OBJECTS_MAX 64u
#define FIELDS_MAX 64u
#define CODES_MAX 2000u
#define INCLUDE_DEPTH_MAX 4u

/* What this program has to say and to understand: a table that names anything else has a slip of the pen in it. */
typedef struct Known { const char *object, *fields; } Known;
static const Known known[] = {
    {"head", "source source_name dest dest_name"},
    {"device-head", "device name device_kind vendor vendor_name"},
    {"login", "username password"},
    {"older-login", "source device secret"},
    {"answer", "state text token content"},
    {"receipt", "id object state text"},
    {"device", "latitude longitude model area enabled"},
    {"devices", "items"},
    {"status", "volume activity connection latitude longitude power temperature storage at playing version online"},
    {"statuses", "items"},
    {"pair", "name value"},
    {"play", "bulletin kind priority title subject summary made length author pen_name email at until relay relay_source content details origin "
             "volume power outcome reason announcement"},
    {"plays", "items"},
    {"area", "dest dest_name"},
    {"time", "begin end"},
    {"day", "day times"},
    {"bulletin", "id kind priority title subject summary made length author pen_name email content text origin valid_from valid_to areas days recalled"},
    {"item", "id kind priority title subject content length priority days volume"},
    {"schedule", "areas devices id name version items"},
    {"schedule-cancelled", "areas devices id name version"},
    {"command", "areas devices command parameter"},
    {"stop", "areas devices action bulletin"},
    {"play-now", "areas devices bulletin kind title priority content length at until volume"},
    {"statistics", "from to devices online announcements requested played partial missed urgent seconds"},
    {"confirmation", "device id state version text"},
    {"older-log", "source device bulletin at kind value"},
    {"older-status", "source device volume at"},
};

static const Known *find_known(const char *object)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++)
        if (g_str_equal(known[i].object, object))
            return &known[i];
    return NULL;
}

static bool knows(const char *list, const char *name)
{
    gsize n = strlen(name);
    for (const char *p = strstr(list, name); n && p; p = strstr(p + 1, name))
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
            return true;
    return false;
}

static void free_field(gpointer data)
{
    BcExField *field = data;
    g_free(field->name);
    g_strfreev(field->wires);
    g_free(field->of);
    g_free(field);
}

static void unref_array(gpointer data)
{
    g_ptr_array_unref(data);
}

static void clear_tables(gpointer data)
{
    BcExTables *tables = data;
    g_hash_table_unref(tables->objects);
    g_hash_table_unref(tables->codes);
    g_hash_table_unref(tables->words);
    g_hash_table_unref(tables->paths);
    g_hash_table_unref(tables->settings);
}

BcExTables *bc_ex_tables_ref(BcExTables *tables)
{
    return g_rc_box_acquire(tables);
}

void bc_ex_tables_unref(BcExTables *tables)
{
    if (tables)
        g_rc_box_release_full(tables, clear_tables);
}

static char *pair(const char *a, const char *b)
{
    return g_strconcat(a, "\001", b, NULL);
}

typedef struct Reading {
    BcExTables *tables;
    const char *name;
    unsigned line;
    const char *cell[7];      /* kind, object, name, wire, type, of, required */
} Reading;

G_GNUC_PRINTF(3, 4)
static bool bad(const Reading *r, GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "%s:%u: %s", r->name, r->line, what);
    return false;
}

static bool read_code(const Reading *r, GError **error)
{
    const char *list = r->cell[1], *word = r->cell[2], *code = r->cell[3];
    if (!bc_code_ok(list, 64) || !bc_code_ok(word, 64) || !*code || strlen(code) > 64)
        return bad(r, error, "a code needs a list, our word and their value (1 to 64 bytes each)");
    if (g_hash_table_size(r->tables->codes) >= CODES_MAX)
        return bad(r, error, "more than %u codes", CODES_MAX);
    g_autofree char *key = pair(list, word), *back = pair(list, code);
    if (g_hash_table_contains(r->tables->codes, key) && !g_str_equal(r->cell[4], "read"))
        return bad(r, error, "%s has \"%s\" already: mark further values of it that are only read with the type \"read\"", list, word);
    if (g_hash_table_contains(r->tables->words, back))
        return bad(r, error, "%s has the value \"%s\" already", list, code);
    if (!g_str_equal(r->cell[4], "read"))
        g_hash_table_insert(r->tables->codes, g_steal_pointer(&key), g_strdup(code));
    g_hash_table_insert(r->tables->words, g_steal_pointer(&back), g_strdup(word));
    return true;
}

static bool read_type(const Reading *r, BcExField *field, GError **error)
{
    static const char *const types[] = {"string", "number", "object", "list", "texts", "include", NULL};
    g_autofree char *type = g_strdup(r->cell[4]);
    gsize n = strlen(type);
    if (n && type[n - 1] == '?') {
        field->always = true;
        type[n - 1] = '\0';
    }
    for (field->type = 0; types[field->type] && !g_str_equal(types[field->type], type);)
        field->type++;
    if (field->type == BC_EX_TYPE_MAX)
        return bad(r, error, "the type is \"%s\"; it may be string, number, object, list, texts, include (and string?, number?: written empty when unknown)",
                   r->cell[4]);
    field->of = g_strdup(r->cell[5]);
    if (field->type == BC_EX_OBJECT || field->type == BC_EX_LIST || field->type == BC_EX_INCLUDE)
        return find_known(field->of) || bad(r, error, "there is no object \"%s\" that it could hold", field->of);
    field->unit = g_str_equal(field->of, "")        ? BC_EX_PLAIN
                  : g_str_equal(field->of, "@time") ? BC_EX_TIME
                  : g_str_equal(field->of, "@length") ? BC_EX_LENGTH
                  : g_str_equal(field->of, "@day")  ? BC_EX_DAY
                  : g_str_equal(field->of, "@flag") ? BC_EX_FLAG
                                                    : BC_EX_CODE;
    if (field->unit == BC_EX_CODE && *field->of == '@')
        return bad(r, error, "\"%s\" is no unit: @time (epoch seconds), @length (hh:mm:ss), @day (dd-mm-yyyy), @flag (0 or 1), or the name of a code list",
                   field->of);
    if (field->type == BC_EX_NUMBER && (field->unit == BC_EX_LENGTH || field->unit == BC_EX_DAY))
        return bad(r, error, "a length or a day is written as a string");
    return true;
}

static bool read_field(const Reading *r, GError **error)
{
    const Known *object = find_known(r->cell[1]);
    bool include = g_str_equal(r->cell[4], "include");
    if (!object)
        return bad(r, error, "there is no object \"%s\"", r->cell[1]);
    if (!include && !knows(object->fields, r->cell[2]))
        return bad(r, error, "%s has no field \"%s\"; it has: %s", object->object, r->cell[2], object->fields);
    if (!include && (!*r->cell[3] || strlen(r->cell[3]) > 200))
        return bad(r, error, "%s.%s has no name on the wire", r->cell[1], r->cell[2]);
    BcExField *field = g_new0(BcExField, 1);
    field->name = g_strdup(r->cell[2]);
    field->wires = g_strsplit(r->cell[3], "|", 16);
    field->line = r->line;
    field->required = g_str_equal(r->cell[6], "yes");
    GPtrArray *fields = g_hash_table_lookup(r->tables->objects, object->object);
    if (!fields) {
        fields = g_ptr_array_new_with_free_func(free_field);
        g_hash_table_insert(r->tables->objects, g_strdup(object->object), fields);
    }
    bool twice = false;
    for (unsigned i = 0; !include && i < fields->len; i++)
        twice |= g_str_equal(((BcExField *)fields->pdata[i])->name, field->name);
    g_ptr_array_add(fields, field);
    if (twice)
        return bad(r, error, "%s.%s is there already: further names that are read go behind a | in its wire name", object->object, field->name);
    if (fields->len > FIELDS_MAX)
        return bad(r, error, "%s has more than %u fields", object->object, FIELDS_MAX);
    if (*r->cell[6] && !field->required && !g_str_equal(r->cell[6], "no"))
        return bad(r, error, "required is \"%s\"; it may be yes, no or empty", r->cell[6]);
    return read_type(r, field, error);
}

static bool read_row(const Reading *r, GError **error)
{
    if (g_str_equal(r->cell[0], "code"))
        return read_code(r, error);
    if (g_str_equal(r->cell[0], "field"))
        return read_field(r, error);
    if (g_str_equal(r->cell[0], "path")) {
        if (*r->cell[3] != '/')
            return bad(r, error, "the path of %s begins with a /", r->cell[2]);
        g_hash_table_insert(r->tables->paths, pair(r->cell[1], r->cell[2]), g_strdup(r->cell[3]));
        return true;
    }
    if (g_str_equal(r->cell[0], "setting")) {
        g_hash_table_insert(r->tables->settings, g_strdup(r->cell[2]), g_strdup(r->cell[3]));
        return true;
    }
    return bad(r, error, "a row is a code, a field, a path or a setting, not \"%s\"", r->cell[0]);
}

/* Includes go in no circle, and every code list that is named is there. */
static bool check_object(const BcExTables *tables, const char *object, unsigned depth, const char *name, GError **error)
{
    GPtrArray *fields = g_hash_table_lookup(tables->objects, object);
    Reading r = {.name = name};
    for (unsigned i = 0; fields && i < fields->len; i++) {
        const BcExField *field = fields->pdata[i];
        bool inner = field->type == BC_EX_OBJECT || field->type == BC_EX_LIST || field->type == BC_EX_INCLUDE;
        r.line = field->line;
        if (inner && depth >= INCLUDE_DEPTH_MAX)
            return bad(&r, error, "%s holds itself, or objects are more than %u deep", object, INCLUDE_DEPTH_MAX);
        if (inner && !g_hash_table_contains(tables->objects, field->of))
            return bad(&r, error, "%s has no fields in this table", field->of);
        if (inner && !check_object(tables, field->of, depth + 1, name, error))
            return false;
        if (inner || field->unit != BC_EX_CODE)
            continue;
        bool there = false;
        GHashTableIter it;
        gpointer key;
        g_autofree char *prefix = pair(field->of, "");
        g_hash_table_iter_init(&it, tables->codes);
        while (!there && g_hash_table_iter_next(&it, &key, NULL))
            there = g_str_has_prefix(key, prefix);
        if (!there)
            return bad(&r, error, "there is no code list \"%s\"", field->of);
    }
    return true;
}

static BcExTables *new_tables(void)
{
    BcExTables *tables = g_rc_box_new0(BcExTables);
    tables->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_array);
    tables->codes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    tables->words = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    tables->paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    tables->settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return tables;
}

BcExTables *bc_ex_tables_parse(const char *text, gsize len, const char *name, GError **error)
{
    g_autoptr(BcExTables) tables = new_tables();
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) fault = NULL;
    BcCsv csv;
    bc_csv_init(&csv, text, len);
    while (bc_csv_next(&csv, cells, &fault)) {
        Reading r = {.tables = tables, .name = name, .line = csv.line};
        for (unsigned i = 0; i < G_N_ELEMENTS(r.cell); i++)
            r.cell[i] = i < cells->len ? cells->pdata[i] : "";
        if (*r.cell[0] != '#' && !(g_str_equal(r.cell[0], "kind") && g_str_equal(r.cell[1], "object")) && !read_row(&r, error))
            return NULL;
    }
    if (fault) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "%s: %s", name, fault->message);
        return NULL;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++)
        if (!check_object(tables, known[i].object, 0, name, error))
            return NULL;
    return g_steal_pointer(&tables);
}

BcExTables *bc_ex_tables_load(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize len;
    g_autoptr(GError) fault = NULL;
    if (!g_file_get_contents(path, &text, &len, &fault)) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "%s (exchange.tables_file)", fault->message);
        return NULL;
    }
    if (len > BC_EX_TABLE_MAX) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "%s: larger than 1 MiB", path);
        return NULL;
    }
    return bc_ex_tables_parse(text, len, path, error);
}

const char *bc_ex_path(const BcExTables *tables, const char *peer, const char *object)
{
    g_autofree char *key = pair(peer, object);
    return g_hash_table_lookup(tables->paths, key);
}

const char *bc_ex_setting(const BcExTables *tables, const char *name, const char *fallback)
{
    const char *value = g_hash_table_lookup(tables->settings, name);
    return value && *value ? value : fallback;
}

const char *bc_ex_code(const BcExTables *tables, const char *list, const char *word)
{
    g_autofree char *key = pair(list, word);
    return g_hash_table_lookup(tables->codes, key);
}

const char *bc_ex_word(const BcExTables *tables, const char *list, const char *code)
{
    g_autofree char *clean = g_strstrip(g_strdup(code));
    const char *digits = clean;
    while (*digits == '0' && g_ascii_isdigit(digits[1]))
        digits++;
    g_autofree char *key = pair(list, digits), *whole = pair(list, clean);
    const char *word = g_hash_table_lookup(tables->words, whole);
    return word ? word : g_hash_table_lookup(tables->words, key);
}
