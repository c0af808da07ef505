/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>

/* Tables as text (RFC 4180): quoted fields, line ends LF or CR LF, a byte order mark before all. */
typedef struct BcCsv {
    const char *at, *end;
    unsigned line;      /* of the record read last, from 1 */
    unsigned next_line; /* of the one to come */
    char separator;
} BcCsv;

#define BC_CSV_FIELDS_MAX 64u
#define BC_CSV_FIELD_MAX 4096u /* bytes */

/* text must live as long. The separator is the comma, or the semicolon where the first line has no comma but that (spreadsheets of many
 * countries write it). */
void bc_csv_init(BcCsv *csv, const char *text, gsize size);
/* The next record that is not empty: fields (of char*, freed by the array) are replaced. False at the end, or with error: not UTF-8, a quote in the wrong place
 * or never closed, too many or too long fields; the message tells the line. */
bool bc_csv_next(BcCsv *csv, GPtrArray *fields, GError **error);
