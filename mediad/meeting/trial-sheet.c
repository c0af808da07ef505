/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list for the technician: what is wrong at which site and what to do about it, as a table for spreadsheets and as a page to print. Pure. */
#include "mediad/meeting/paper.h"

static const char *const heads[] = {"STT", "Điểm cầu", "Tài khoản", "Kết quả", "Nguyên nhân", "Cách xử lý", "Kiểm tra lúc", "Số lần gọi",
                                    "Mức micro (dBov)", "Mất gói âm thanh (%)", "Biến động trễ (ms)", "Hình bị đứng (giây)"};
enum { COLUMNS = G_N_ELEMENTS(heads), TEXT_FIRST = 1, TEXT_LAST = 5 };

/* What needs hands comes first; those that were not checked stand before those that are well. */
static int urgency(const MdTrialSite *site)
{
    if (site->state != MD_TRIAL_DONE || site->verdict.n == 0)
        return 2;
    return site->verdict.grade == MD_TRIAL_FAIL ? 0 : site->verdict.grade == MD_TRIAL_WARN ? 1 : 3;
}

static int by_urgency(gconstpointer a, gconstpointer b)
{
    return urgency(*(const MdTrialSite *const *)a) - urgency(*(const MdTrialSite *const *)b);
}

static const char *result_of(const MdTrialSite *site)
{
    static const char *const words[] = {[MD_TRIAL_PASS] = "Đạt", [MD_TRIAL_WARN] = "Cần xem", [MD_TRIAL_FAIL] = "Không đạt"};
    if (site->state != MD_TRIAL_DONE)
        return "Đang kiểm tra";
    return site->verdict.n == 0 ? "Chưa kiểm tra" : words[site->verdict.grade];
}

static char *joined(const MdTrialVerdict *v, const char *(*words)(MdTrialCause cause))
{
    GString *all = g_string_new(NULL);
    for (unsigned i = 0; i < v->n; i++) {
        const char *text = words(v->causes[i]);
        g_string_append_printf(all, "%s%s", all->len > 0 && *text != 0 ? " " : "", text);
    }
    return g_string_free(all, FALSE);
}

static void add_number(GPtrArray *row, bool known, double value, const char *format)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    g_ptr_array_add(row, g_strdup(known ? g_ascii_formatd(text, sizeof text, format, value) : ""));
}

/* One row as texts, in the order of heads; unref frees them. */
static GPtrArray *row_of(const MdTrialSite *site, unsigned number, GTimeZone *zone)
{
    const MdTrialEvidence *e = &site->evidence;
    GPtrArray *row = g_ptr_array_new_with_free_func(g_free);
    bool done = site->state == MD_TRIAL_DONE && site->verdict.n > 0, heard = done && e->audio_packets > 0;
    uint64_t sent = e->audio_packets + e->audio_lost;
    g_ptr_array_add(row, g_strdup_printf("%u", number));
    g_ptr_array_add(row, g_strdup(site->name));
    g_ptr_array_add(row, g_strdup(site->account));
    g_ptr_array_add(row, g_strdup(result_of(site)));
    g_ptr_array_add(row, done ? joined(&site->verdict, md_trial_cause_text) : g_strdup(""));
    g_ptr_array_add(row, done ? joined(&site->verdict, md_trial_cause_advice) : g_strdup(""));
    g_ptr_array_add(row, md_paper_time(done ? site->done_us : 0, zone, "%H:%M:%S"));
    g_ptr_array_add(row, g_strdup_printf("%u", site->attempts));
    add_number(row, heard, e->level_max_dbov, "%.0f");
    add_number(row, heard, sent > 0 ? 100.0 * (double)e->audio_lost / (double)sent : 0, "%.1f");
    add_number(row, heard, (double)e->jitter_us / 1000, "%.0f");
    add_number(row, done && e->video_packets > 0, (double)e->video_frozen_ms / 1000, "%.1f");
    return row;
}

static GPtrArray *sorted(const MdTrial *trial)
{
    GPtrArray *sites = g_ptr_array_copy(trial->sites, NULL, NULL);
    g_ptr_array_set_free_func(sites, NULL); /* they are the trial's */
    g_ptr_array_sort(sites, by_urgency);
    return sites;
}

char *md_trial_csv(const MdTrial *trial, GTimeZone *zone)
{
    GString *out = g_string_new("\xef\xbb\xbf");
    g_autoptr(GPtrArray) sites = sorted(trial);
    md_paper_csv_row(out, heads, COLUMNS);
    for (guint i = 0; i < sites->len; i++) {
        g_autoptr(GPtrArray) row = row_of(sites->pdata[i], i + 1, zone);
        md_paper_csv_row(out, (const char *const *)row->pdata, row->len);
    }
    return g_string_free(out, FALSE);
}

static void page_row(GString *out, const MdTrialSite *site, unsigned number, GTimeZone *zone)
{
    g_autoptr(GPtrArray) row = row_of(site, number, zone);
    g_string_append(out, urgency(site) == 0 ? "<tr class=\"absent\">" : "<tr>");
    for (unsigned k = 0; k < row->len; k++) {
        g_string_append(out, k >= TEXT_FIRST && k <= TEXT_LAST ? "<td class=\"text\">" : "<td>");
        md_paper_html(out, row->pdata[k]);
        g_string_append(out, "</td>");
    }
    g_string_append(out, urgency(site) == 3 ? "<td></td></tr>\n" : "<td>☐</td></tr>\n");
}

char *md_trial_page(const MdTrial *trial, const MdBooking *b, GTimeZone *zone)
{
    g_autofree char *begun = md_paper_time(trial->begun_us, zone, "%H:%M ngày %d/%m/%Y"), *start = md_paper_time(b->start_us, zone, "%H:%M ngày %d/%m/%Y");
    g_autoptr(GPtrArray) sites = sorted(trial);
    GString *out = g_string_new(NULL);
    g_string_append_printf(out, "<!doctype html>\n<html lang=\"vi\"><head>%s<title>Kết quả họp thử</title></head><body>\n<h1>Kết quả họp thử: ", md_paper_head);
    md_paper_html(out, b->title);
    g_string_append_printf(out, "</h1>\n<p>Cuộc họp bắt đầu: %s. Họp thử: %s.<br>Đạt: %u. Cần xem: %u. Không đạt: %u.%s</p>\n", start, *begun != 0 ? begun : "chưa",
                           trial->passed, trial->warned, trial->failed, trial->running ? " Đang kiểm tra, chưa xong." : "");
    g_string_append(out, "<table><thead><tr>");
    for (unsigned i = 0; i < COLUMNS; i++)
        g_string_append_printf(out, "<th scope=\"col\"%s>%s</th>", i >= TEXT_FIRST && i <= TEXT_LAST ? " class=\"text\"" : "", heads[i]);
    g_string_append(out, "<th scope=\"col\">Đã xử lý</th></tr></thead><tbody>\n");
    for (guint i = 0; i < sites->len; i++)
        page_row(out, sites->pdata[i], i + 1, zone);
    g_string_append(out, "</tbody></table>\n<div class=\"sign\"><p>Kỹ thuật viên</p></div>\n</body></html>\n");
    return g_string_free(out, FALSE);
}
