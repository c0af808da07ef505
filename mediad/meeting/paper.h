/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* What the lists for people share: tables for spreadsheets and pages to print, in the province's time. Pure; only mediad/meeting includes this header. */
#include "mediad/meeting/meeting.h"

extern const char md_paper_head[];  /* a page's character set and style; it loads nothing */
char *md_paper_time(int64_t wall_us, GTimeZone *zone, const char *format); /* 0: ""; g_free */
void md_paper_html(GString *out, const char *text);  /* escaped */
/* One line, RFC 4180. What begins like a formula is told to be text: a name may come from anywhere. */
void md_paper_csv_row(GString *out, const char *const *fields, unsigned n);
