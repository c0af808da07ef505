/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /areas/import and /areas.csv: the tree as a table. */
#include <string.h>
#include "broadcast/csv.h"
#include "mediad/api/broadcast-json.h"

#define TABLE_MAX (8u << 20)
#define ROWS_MAX 20000u
#define PROBLEMS_MAX 100u

enum { CODE, NAME, PARENT, KIND, IDENT, COLUMNS };
static const char *const column_names[COLUMNS] = {"code", "name", "parent", "kind", "ident"};

typedef struct Import {
    MdApiRequest *request;
    GPtrArray *texts;     /* owns what the areas point to */
    GArray *areas, *lines; /* of BcArea, of unsigned */
    JsonArray *problems;
    unsigned n_problems;
    BcAreasCounts counts;
    bool dry;
} Import;

static void import_free(Import *im)
{
    g_ptr_array_unref(im->texts);
    g_array_unref(im->areas);
    g_array_unref(im->lines);
    json_array_unref(im->problems);
    g_free(im);
}

static void add_problem(Import *im, unsigned line, const char *message)
{
    JsonObject *o = json_object_new();

    if (im->n_problems++ >= PROBLEMS_MAX) {
        json_object_unref(o);
        return;
    }
    json_object_set_int_member(o, "line", line);
    json_object_set_string_member(o, "message", message);
    json_array_add_object_element(im->problems, o);
}

static void on_problem(unsigned index, const char *message, void *user)
{
    Import *im = user;

    add_problem(im, g_array_index(im->lines, unsigned, index), message);
}

/* The first line names the columns, in any order; others are passed over. */
static bool read_head(BcCsv *csv, GPtrArray *fields, int at[COLUMNS], GError **error)
{
    if (!bc_csv_next(csv, fields, error)) {
        if (error && !*error)
            g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "the table is empty: its first line names the columns code,name,parent,kind,ident");
        return false;
    }
    for (unsigned c = 0; c < COLUMNS; c++) {
        at[c] = -1;
        for (unsigned i = 0; i < fields->len; i++)
            if (g_ascii_strcasecmp(fields->pdata[i], column_names[c]) == 0)
                at[c] = (int)i;
        if (at[c] < 0 && c <= PARENT) {
            g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "line %u: there is no column '%s'; needed are code, name and parent", csv->line, column_names[c]);
            return false;
        }
    }
    return true;
}

static const char *field(Import *im, GPtrArray *fields, int at)
{
    if (at < 0 || (unsigned)at >= fields->len || !*(char *)fields->pdata[at])
        return NULL;
    char *text = g_strdup(fields->pdata[at]);
    g_ptr_array_add(im->texts, text);
    return text;
}

/* False: the table cannot be read on. */
static bool read_table(Import *im, const char *text, gsize size, GError **error)
{
    g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
    int at[COLUMNS];
    BcCsv csv;
    GError *local = NULL;

    bc_csv_init(&csv, text, size);
    if (!read_head(&csv, fields, at, error))
        return false;
    while (bc_csv_next(&csv, fields, &local)) {
        BcArea area = {.code = field(im, fields, at[CODE]), .name = field(im, fields, at[NAME]), .parent = field(im, fields, at[PARENT]),
                       .kind = field(im, fields, at[KIND]), .ident = field(im, fields, at[IDENT])};
        if (!area.kind)
            area.kind = "thon";
        g_array_append_val(im->areas, area);
        g_array_append_val(im->lines, csv.line);
        if (im->areas->len > ROWS_MAX) {
            g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "more than %u lines: import it in parts", ROWS_MAX);
            return false;
        }
    }
    if (local)
        g_propagate_error(error, local);
    return !local;
}

static void reply_counts(Import *im)
{
    JsonObject *o = json_object_new();

    json_object_set_boolean_member(o, "dry_run", im->dry);
    json_object_set_int_member(o, "added", im->counts.added);
    json_object_set_int_member(o, "changed", im->counts.changed);
    json_object_set_int_member(o, "unchanged", im->counts.same);
    md_api_reply(im->request, 200, md_api_bc_object(o));
}

static void reply_problems(Import *im)
{
    JsonObject *o = json_object_new(), *error = json_object_new();
    g_autofree char *message = g_strdup_printf("%u lines are wrong: nothing was imported", im->n_problems);

    json_object_set_string_member(error, "code", "invalid-table");
    json_object_set_string_member(error, "message", message);
    json_object_set_string_member(error, "hint", "mend the lines named under problems and send the whole table again");
    json_object_set_object_member(o, "error", error);
    json_object_set_array_member(o, "problems", json_array_ref(im->problems));
    md_api_reply(im->request, 422, md_api_bc_object(o));
}

static void on_imported(const GError *error, void *user)
{
    Import *im = user;

    if (error)
        md_api_bc_error(im->request, error);
    else
        reply_counts(im);
    import_free(im);
}

/* In the account's area, or below a line of this table that is. */
static bool may_hang(MdApiRequest *r, MdApiBroadcast *a, const Import *im, const char *parent)
{
    if (!parent || !bc_areas_find(bc_broadcast_areas(a->b), parent))
        for (unsigned i = 0; parent && i < im->areas->len; i++) {
            const BcArea *line = &g_array_index(im->areas, BcArea, i);
            if (line->code && g_str_equal(line->code, parent))
                return true; /* that line is looked at itself */
        }
    return md_api_bc_sees_area(r, a, parent);
}

static void import(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    g_autofree char *text = NULL;
    gsize size;
    g_autoptr(GError) error = NULL;
    Import *im = g_new0(Import, 1);

    *im = (Import){.request = r, .texts = g_ptr_array_new_with_free_func(g_free), .areas = g_array_new(FALSE, FALSE, sizeof(BcArea)),
                   .lines = g_array_new(FALSE, FALSE, sizeof(unsigned)), .problems = json_array_new(),
                   .dry = g_strcmp0(md_api_request_query(r, "dry_run"), "true") == 0};
    if (!g_file_get_contents(md_api_request_body_file(r, NULL), &text, &size, &error) || !read_table(im, text, size, &error)) {
        md_api_bc_error(r, error);
        import_free(im);
        return;
    }
    for (unsigned i = 0; i < im->areas->len; i++) {
        const BcArea *area = &g_array_index(im->areas, BcArea, i);
        const BcArea *was = area->code ? bc_areas_find(bc_broadcast_areas(a->b), area->code) : NULL;
        bool stays = was && g_strcmp0(was->parent, area->parent) == 0;
        if (!may_hang(r, a, im, area->parent) && !(stays && md_api_bc_sees_area(r, a, was->code)))
            on_problem(i, "this account works in another area", im);
        else if (was && !stays && !md_api_bc_sees_area(r, a, was->parent))
            on_problem(i, "this area lies elsewhere: an account that works there, too, may move it", im);
    }
    bool ok = bc_areas_put_many(bc_broadcast_areas(a->b), (const BcArea *)im->areas->data, im->areas->len, im->dry || im->n_problems > 0, &im->counts,
                                on_problem, on_imported, im);
    if (ok && im->n_problems == 0 && !im->dry)
        return;
    if (ok && im->n_problems == 0)
        reply_counts(im);
    else
        reply_problems(im);
    import_free(im);
}

static void csv_field(GString *out, const char *text, const char *after)
{
    g_string_append_c(out, '"');
    for (; text && *text; text++) {
        if (*text == '"')
            g_string_append_c(out, '"');
        g_string_append_c(out, *text);
    }
    g_string_append_printf(out, "\"%s", after);
}

static void export(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const char *under = md_api_request_query(r, "under");
    g_autoptr(GPtrArray) areas = bc_areas_subtree(bc_broadcast_areas(a->b), under);
    g_autoptr(GString) out = g_string_new("\xef\xbb\xbf" "code,name,parent,kind,ident\r\n");

    for (unsigned i = 0; i < areas->len; i++) {
        const BcArea *area = areas->pdata[i];
        csv_field(out, area->code, ",");
        csv_field(out, area->name, ",");
        csv_field(out, area->parent, ",");
        csv_field(out, area->kind, ",");
        csv_field(out, area->ident, "\r\n");
    }
    md_api_reply_text(r, 200, "text/csv; charset=utf-8", out->str);
}

static const MdApiRoute routes[] = {
    {.method = "POST", .path = "/areas/import", .rights = MD_API_MAY_PEOPLE, .role = MD_API_ADMIN, .handler = import, .raw_body = true, .body_max = TABLE_MAX,
     .summary = "Add or change areas from a table (CSV: code,name,parent,kind,ident); all lines or none. dry_run: only tell what would be.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"dry_run\":{\"type\":\"boolean\"}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"dry_run\",\"added\",\"changed\",\"unchanged\"],\"properties\":{\"dry_run\":" BC_FLAG
                        ",\"added\":" BC_INT ",\"changed\":" BC_INT ",\"unchanged\":" BC_INT "}}"},
    {.method = "GET", .path = "/areas.csv", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = export,
     .summary = "The areas, or those under one, as a table that can be imported again.", .response_type = "text/csv",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"under\":" BC_CODE "}}"},
};

void md_api_add_area_table(MdApiBroadcast *a)
{
    md_api_add_routes(a->api, routes, G_N_ELEMENTS(routes), a);
}
