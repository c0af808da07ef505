/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes the committed files that come from the table of settings, and looks at a settings file without mediad. */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include "config/settings.h"

static int put(char *text)
{
    fputs(text, stdout);
    g_free(text);
    return 0;
}

static int fail(const GError *error)
{
    fprintf(stderr, "%s\n", error->message);
    return 1;
}

/* Columns of communes.csv: code,full_name,name,name_ascii,kind,province_code,centre_lat,centre_lon,area_km2 */
enum { CODE, FULL_NAME, KIND = 4, LAT = 6, LON = 7, COLUMNS = 9 };

static GPtrArray *read_communes(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, error))
        return NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    for (unsigned i = 1; lines[0] && lines[i]; i++) {
        g_strchomp(lines[i]);
        if (!*lines[i])
            continue;
        char **columns = g_strsplit(lines[i], ",", -1);
        if (g_strv_length(columns) == COLUMNS) {
            g_ptr_array_add(rows, columns);
            continue;
        }
        g_strfreev(columns);
        g_set_error(error, CFG_ERROR, CFG_ERROR_SYNTAX, "%s:%u: %d columns expected", path, i + 1, COLUMNS);
        g_ptr_array_unref(rows);
        return NULL;
    }
    return rows;
}

static const char *row_field(const GPtrArray *rows, unsigned i, int column)
{
    return ((char **)rows->pdata[i])[column];
}

static int hatinh(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) rows = read_communes(path, &error);
    if (!rows)
        return fail(error);
    GString *out = g_string_new(
        "# Hà Tĩnh: the province and its communes and wards, one conference account each, one room for all.\n"
        "# Made by config/cfg-tool from deploy/samples/data/hatinh_communes.csv. Passwords of the accounts are made at the first\n"
        "# start and shown once. Set general.domain to your own; every other setting is explained in mediad.conf(5).\n\n"
        "general: {\n  domain = \"hop.hatinh.example\";\n  timezone = \"Asia/Ho_Chi_Minh\";\n  language = \"vi\";\n};\n\n"
        "province: {\n  code = \"42\";\n  name = \"Hà Tĩnh\";\n};\n\nareas = (\n");
    for (unsigned i = 0; i < rows->len; i++)
        g_string_append_printf(out, "  { code = \"%s\"; name = \"%s\"; kind = \"%s\"; lat = %s; lon = %s; }%s\n",
                               row_field(rows, i, CODE), row_field(rows, i, FULL_NAME), row_field(rows, i, KIND),
                               row_field(rows, i, LAT), row_field(rows, i, LON), i + 1 < rows->len ? "," : "");
    g_string_append(out, ");\n\nsites = (\n  { account = \"site-42\"; name = \"Tỉnh Hà Tĩnh\"; role = \"chair\"; },\n");
    for (unsigned i = 0; i < rows->len; i++)
        g_string_append_printf(out, "  { account = \"site-%s\"; name = \"%s\"; area = \"%s\"; }%s\n", row_field(rows, i, CODE),
                               row_field(rows, i, FULL_NAME), row_field(rows, i, CODE), i + 1 < rows->len ? "," : "");
    g_string_append(out, ");\n\nrooms = (\n  { name = \"giao-ban\"; title = \"Họp giao ban tỉnh Hà Tĩnh\"; mute_on_entry = true; "
                         "dial = [\"*\"]; }\n);\n");
    g_autofree char *text = g_string_free(out, FALSE);
    g_autoptr(CfgSettings) settings = cfg_parse(text, "hatinh.conf", &error);
    return settings ? put(g_steal_pointer(&text)) : fail(error);
}

static int check(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CfgSettings) settings = cfg_load(path, &error);
    if (!settings)
        return fail(error);
    for (char **w = settings->warnings; *w; w++)
        fprintf(stderr, "warning: %s\n", *w);
    return put(cfg_print(settings));
}

int main(int argc, char **argv)
{
    setlocale(LC_NUMERIC, "C");
    if (argc == 2 && strcmp(argv[1], "sample") == 0)
        return put(cfg_sample());
    if (argc == 2 && strcmp(argv[1], "man") == 0)
        return put(cfg_man_page());
    if (argc == 3 && strcmp(argv[1], "hatinh") == 0)
        return hatinh(argv[2]);
    if (argc == 3 && strcmp(argv[1], "check") == 0)
        return check(argv[2]);
    fprintf(stderr, "usage: cfg-tool sample | man | hatinh CSV | check FILE\n");
    return 2;
}
