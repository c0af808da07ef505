/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A report as a table for spreadsheets and as a page to print. */
#include "broadcast/report/report.h"
#include <string.h>

enum { VI, EN, LANGUAGES };

typedef enum Word {
    W_TITLE, W_PROVINCE, W_PERIOD, W_TO, W_MADE, W_ANNOUNCEMENTS, W_DRILLS, W_CODE, W_NAME, W_AREA, W_DEVICES, W_REQUESTED, W_PLAYED, W_PARTIAL,
    W_MISSED, W_SHARE, W_PROVED, W_URGENT, W_URGENT_HEARD, W_ASKED_MIN, W_AIR_MIN, W_P50, W_P99, W_TOTAL, W_WHY, W_SIGN, WORDS
} Word;

static const char *const words[LANGUAGES][WORDS] = {
    [VI] = {"Báo cáo phát thanh", "Toàn tỉnh", "Từ", "đến", "Lập lúc", "Số lần phát", "Số lần diễn tập", "Mã", "Tên", "Địa bàn", "Số cụm loa",
            "Yêu cầu phát", "Phát đủ", "Phát một phần", "Không phát", "Tỷ lệ nghe được (%)", "Có bằng chứng", "Khẩn cấp", "Khẩn cấp nghe được",
            "Thời lượng yêu cầu (phút)", "Thời lượng phát (phút)", "Lệch giờ p50 (ms)", "Lệch giờ p99 (ms)", "Tổng cộng", "Lý do không phát đủ",
            "Người lập báo cáo"},
    [EN] = {"Broadcast report", "The whole province", "From", "to", "Made", "Announcements", "Drills", "Code", "Name", "Area", "Loudspeakers",
            "Requested", "Played", "In part", "Missed", "Share reached (%)", "Proved", "Emergencies", "Emergencies heard", "Asked for (min)",
            "On air (min)", "Start off p50 (ms)", "Start off p99 (ms)", "Total", "Why not whole", "Made by"},
};

static const char *const reasons[LANGUAGES][BC_MISS_MAX] = {
    [VI] = {"Không liên lạc được", "Đang bận", "Thiết bị từ chối", "Nhường tin ưu tiên hơn", "Bị dừng", "Quá giờ", "Lỗi mạng", "Máy chủ gián đoạn",
            "Lý do khác"},
    [EN] = {"Not reached", "Busy", "Refused by the device", "Gave way to something more urgent", "Stopped", "Too late", "Network", "Server interrupted",
            "Other"},
};

static int language_of(const char *language)
{
    return g_strcmp0(language, "en") == 0 ? EN : VI;
}

double bc_report_share(const BcReportRow *row)
{
    return row->requested ? (double)(row->played + row->partial) / (double)row->requested : 1;
}

/* --- the table --- */

/* What begins like a formula is set in quotes and told to be text: a name may come from anywhere. */
static void csv_text(GString *out, const char *text)
{
    bool formula = *text && strchr("=+-@\t\r", *text);

    g_string_append_c(out, '"');
    if (formula)
        g_string_append_c(out, '\'');
    for (; *text; text++) {
        if (*text == '"')
            g_string_append_c(out, '"');
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
}

static void csv_row(GString *out, const BcReportRow *r, const char *key, const char *name)
{
    char share[G_ASCII_DTOSTR_BUF_SIZE];

    csv_text(out, key);
    g_string_append_c(out, ',');
    csv_text(out, name);
    g_string_append_c(out, ',');
    csv_text(out, r->area ? r->area : "");
    g_ascii_formatd(share, sizeof share, "%.1f", 100 * bc_report_share(r));
    g_string_append_printf(out, ",%u,%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ",%s", r->devices,
                           (guint64)r->requested, (guint64)r->played, (guint64)r->partial, (guint64)r->missed, share);
    g_string_append_printf(out, ",%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ",%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT
                                ",%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT,
                           (guint64)r->proved, (guint64)r->urgent, (guint64)r->urgent_heard, (gint64)(r->requested_us / 60 / G_USEC_PER_SEC),
                           (gint64)(r->air_us / 60 / G_USEC_PER_SEC), (gint64)r->late_p50_ms, (gint64)r->late_p99_ms);
    for (unsigned i = 0; i < BC_MISS_MAX; i++)
        g_string_append_printf(out, ",%" G_GUINT64_FORMAT, (guint64)r->missed_why[i]);
    g_string_append(out, "\r\n");
}

static const Word columns[] = {W_CODE, W_NAME, W_AREA, W_DEVICES, W_REQUESTED, W_PLAYED, W_PARTIAL, W_MISSED, W_SHARE, W_PROVED, W_URGENT,
                               W_URGENT_HEARD, W_ASKED_MIN, W_AIR_MIN, W_P50, W_P99};

char *bc_report_csv(const BcReport *report, const char *language)
{
    int l = language_of(language);
    GString *out = g_string_new("\xef\xbb\xbf");

    for (unsigned i = 0; i < G_N_ELEMENTS(columns); i++) {
        g_string_append(out, i ? "," : "");
        csv_text(out, words[l][columns[i]]);
    }
    for (unsigned i = 0; i < BC_MISS_MAX; i++) {
        g_string_append_c(out, ',');
        csv_text(out, reasons[l][i]);
    }
    g_string_append(out, "\r\n");
    for (unsigned i = 0; i < report->rows->len; i++) {
        const BcReportRow *r = report->rows->pdata[i];
        csv_row(out, r, r->key, r->name);
    }
    csv_row(out, &report->total, "", words[l][W_TOTAL]);
    return g_string_free(out, FALSE);
}

/* --- the page --- */

static void html_text(GString *out, const char *text)
{
    g_autofree char *safe = g_markup_escape_text(text, -1);

    g_string_append(out, safe);
}

static void cell(GString *out, guint64 value)
{
    g_string_append_printf(out, "<td>%" G_GUINT64_FORMAT "</td>", value);
}

static void html_row(GString *out, const BcReportRow *r, const char *name, const char *class)
{
    char share[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append_printf(out, "<tr%s><th scope=\"row\">", class);
    html_text(out, name);
    if (r->area && *r->area) {
        g_string_append(out, "<small>");
        html_text(out, r->area);
        g_string_append(out, "</small>");
    }
    g_string_append(out, "</th>");
    cell(out, r->devices);
    cell(out, r->requested);
    cell(out, r->played);
    cell(out, r->partial);
    cell(out, r->missed);
    g_string_append_printf(out, "<td>%s</td>", g_ascii_formatd(share, sizeof share, "%.1f", 100 * bc_report_share(r)));
    cell(out, r->proved);
    cell(out, r->urgent);
    cell(out, r->urgent_heard);
    cell(out, (guint64)(r->requested_us / 60 / G_USEC_PER_SEC));
    cell(out, (guint64)(r->air_us / 60 / G_USEC_PER_SEC));
    g_string_append_printf(out, "<td>%" G_GINT64_FORMAT "</td><td>%" G_GINT64_FORMAT "</td></tr>\n", (gint64)r->late_p50_ms, (gint64)r->late_p99_ms);
}

static char *day(int64_t wall_us, GTimeZone *zone)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(wall_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);

    return g_date_time_format(local, "%d/%m/%Y");
}

static const char head[] =
    "<meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><style>"
    "body{font:14px/1.4 \"Noto Sans\",\"DejaVu Sans\",sans-serif;color:#111;background:#fff;margin:2em}h1{font-size:20px;margin:0}"
    "table{border-collapse:collapse;width:100%;margin-top:1em}th,td{border:1px solid #999;padding:3px 6px;text-align:right}"
    "th[scope=row],thead th:first-child{text-align:left}thead{display:table-header-group}tr{break-inside:avoid}"
    "thead th{background:#eee}.total th,.total td{font-weight:bold;border-top:2px solid #111}small{display:block;color:#555;font-weight:normal}"
    ".sign{margin-top:3em;text-align:right;padding-right:6em}"
    "@media print{@page{size:A4 landscape;margin:12mm}body{margin:0;font-size:10px}}</style>";

static void html_reasons(GString *out, const BcReportRow *total, int l)
{
    uint64_t all = total->partial + total->missed;

    if (!all)
        return;
    g_string_append_printf(out, "<table><thead><tr><th>%s</th><th></th><th>%%</th></tr></thead><tbody>\n", words[l][W_WHY]);
    for (unsigned i = 0; i < BC_MISS_MAX; i++) {
        char share[G_ASCII_DTOSTR_BUF_SIZE];
        if (total->missed_why[i])
            g_string_append_printf(out, "<tr><th scope=\"row\">%s</th><td>%" G_GUINT64_FORMAT "</td><td>%s</td></tr>\n", reasons[l][i],
                                   (guint64)total->missed_why[i],
                                   g_ascii_formatd(share, sizeof share, "%.1f", 100.0 * (double)total->missed_why[i] / (double)all));
    }
    g_string_append(out, "</tbody></table>\n");
}

char *bc_report_page(const BcReport *report, const char *language, const char *zone_name)
{
    int l = language_of(language);
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(zone_name);
    if (!zone)
        zone = g_time_zone_new_utc();
    g_autofree char *from = day(report->from_us, zone), *to = day(report->to_us - 1, zone);
    GString *out = g_string_new(NULL);

    g_string_append_printf(out, "<!doctype html>\n<html lang=\"%s\"><head>%s<title>%s</title></head><body>\n<h1>%s: ", l == EN ? "en" : "vi", head,
                           words[l][W_TITLE], words[l][W_TITLE]);
    html_text(out, *report->title ? report->title : words[l][W_PROVINCE]);
    g_string_append_printf(out, "</h1>\n<p>%s %s %s %s. %s: %" G_GUINT64_FORMAT ". %s: %" G_GUINT64_FORMAT ".</p>\n<table><thead><tr><th>%s</th>",
                           words[l][W_PERIOD], from, words[l][W_TO], to, words[l][W_ANNOUNCEMENTS], (guint64)report->announcements, words[l][W_DRILLS],
                           (guint64)report->drills, words[l][W_NAME]);
    for (unsigned i = 3; i < G_N_ELEMENTS(columns); i++)
        g_string_append_printf(out, "<th scope=\"col\">%s</th>", words[l][columns[i]]);
    g_string_append(out, "</tr></thead><tbody>\n");
    for (unsigned i = 0; i < report->rows->len; i++) {
        const BcReportRow *r = report->rows->pdata[i];
        html_row(out, r, r->name, "");
    }
    html_row(out, &report->total, words[l][W_TOTAL], " class=\"total\"");
    g_string_append(out, "</tbody></table>\n");
    html_reasons(out, &report->total, l);
    g_string_append_printf(out, "<p class=\"sign\">%s</p>\n</body></html>\n", words[l][W_SIGN]);
    return g_string_free(out, FALSE);
}
