/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/csv.h"
#include <string.h>
#include "broadcast/types.h"

void bc_csv_init(BcCsv *csv, const char *text, gsize size)
{
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        size -= 3;
    }
    const char *newline = memchr(text, '\n', size);
    gsize first = newline ? (gsize)(newline - text) : size;
    bool semicolon = !memchr(text, ',', first) && memchr(text, ';', first);

    *csv = (BcCsv){.at = text, .end = text + size, .next_line = 1, .separator = semicolon ? ';' : ','};
}

static bool fail(const BcCsv *csv, const char *what, GError **error)
{
    g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "line %u: %s", csv->next_line, what);
    return false;
}

static bool at_line_end(const BcCsv *csv)
{
    return csv->at == csv->end || *csv->at == '\n' || (*csv->at == '\r' && (csv->at + 1 == csv->end || csv->at[1] == '\n'));
}

static bool read_quoted(BcCsv *csv, GString *field, GError **error)
{
    unsigned began = csv->next_line;

    for (csv->at++; csv->at < csv->end; csv->at++) {
        if (*csv->at == '"') {
            if (csv->at + 1 < csv->end && csv->at[1] == '"')
                csv->at++;
            else {
                csv->at++;
                return at_line_end(csv) || *csv->at == csv->separator || fail(csv, "something stands between a closing quote and the next field", error);
            }
        }
        csv->next_line += *csv->at == '\n';
        g_string_append_c(field, *csv->at);
        if (field->len > BC_CSV_FIELD_MAX)
            break;
    }
    g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "line %u: a quoted field is not closed, or longer than %u bytes", began, BC_CSV_FIELD_MAX);
    return false;
}

static bool read_field(BcCsv *csv, GPtrArray *fields, GError **error)
{
    g_autoptr(GString) field = g_string_new(NULL);

    if (csv->at < csv->end && *csv->at == '"') {
        if (!read_quoted(csv, field, error))
            return false;
    } else {
        for (; !at_line_end(csv) && *csv->at != csv->separator; csv->at++) {
            if (*csv->at == '"')
                return fail(csv, "a quote inside a field: quote the whole field and double the quotes in it", error);
            g_string_append_c(field, *csv->at);
            if (field->len > BC_CSV_FIELD_MAX)
                return fail(csv, "a field is too long", error);
        }
    }
    if (fields->len >= BC_CSV_FIELDS_MAX)
        return fail(csv, "too many fields", error);
    if (!g_utf8_validate(field->str, (gssize)field->len, NULL)) /* a NUL is refused too */
        return fail(csv, "not UTF-8: save the table as UTF-8", error);
    g_ptr_array_add(fields, g_strdup(g_strstrip(field->str)));
    return true;
}

bool bc_csv_next(BcCsv *csv, GPtrArray *fields, GError **error)
{
    while (csv->at < csv->end) {
        bool empty;
        g_ptr_array_set_size(fields, 0);
        csv->line = csv->next_line;
        while (true) {
            if (!read_field(csv, fields, error))
                return false;
            if (at_line_end(csv))
                break;
            csv->at++; /* the separator */
        }
        if (csv->at < csv->end)
            csv->at += *csv->at == '\r' && csv->at + 1 < csv->end ? 2 : 1;
        csv->next_line++;
        empty = fields->len == 1 && !*(char *)fields->pdata[0];
        if (!empty)
            return true;
    }
    return false;
}
