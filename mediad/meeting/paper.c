/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/meeting/paper.h"
#include <string.h>

const char md_paper_head[] =
    "<meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><style>"
    "body{font:14px/1.4 \"Noto Sans\",\"DejaVu Sans\",sans-serif;color:#111;background:#fff;margin:2em}h1{font-size:20px;margin:0}h2{font-size:16px}"
    "table{border-collapse:collapse;width:100%;margin-top:1em}th,td{border:1px solid #999;padding:3px 6px;text-align:right}"
    "td.text,th.text{text-align:left}thead{display:table-header-group}tr{break-inside:avoid}thead th{background:#eee}tr.absent td{color:#a00}"
    ".sign{margin-top:3em;display:flex;justify-content:space-around;text-align:center}"
    "@media print{@page{size:A4 landscape;margin:12mm}body{margin:0;font-size:10px}}</style>";

char *md_paper_time(int64_t wall_us, GTimeZone *zone, const char *format)
{
    if (wall_us == 0)
        return g_strdup("");
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(wall_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);
    return g_date_time_format(local, format);
}

void md_paper_html(GString *out, const char *text)
{
    g_autofree char *safe = g_markup_escape_text(text, -1);
    g_string_append(out, safe);
}

/* -9.5, as measured: a formula it is not. */
static bool is_number(const char *text)
{
    char *end = NULL;
    g_ascii_strtod(text, &end);
    return end != text && *end == 0 && strspn(text, "-.0123456789") == strlen(text);
}

static void csv_field(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    if (*text != 0 && strchr("=+-@\t\r", *text) != NULL && !is_number(text))
        g_string_append_c(out, '\'');
    for (; *text != 0; text++) {
        if (*text == '"')
            g_string_append_c(out, '"');
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
}

void md_paper_csv_row(GString *out, const char *const *fields, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_string_append(out, i > 0 ? "," : "");
        csv_field(out, fields[i]);
    }
    g_string_append(out, "\r\n");
}
