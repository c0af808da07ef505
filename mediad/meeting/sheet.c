/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attendance put together, as a table for spreadsheets and as a page to print. Pure. */
#include "mediad/meeting/paper.h"
#include <string.h>

static void attendee_free(gpointer data)
{
    MdAttendee *a = data;
    g_free(a->account);
    g_free(a->name);
    g_free(a->role);
    g_free(a);
}

void md_attendance_free(MdAttendance *attendance)
{
    if (attendance == NULL)
        return;
    md_booking_unref(attendance->booking);
    g_ptr_array_unref(attendance->attendees);
    g_ptr_array_unref(attendance->visits);
    g_free(attendance);
}

static MdAttendee *new_attendee(MdAttendance *attendance, const char *account, const char *name, const char *role, bool invited)
{
    MdAttendee *a = g_new0(MdAttendee, 1);
    a->account = g_strdup(account);
    a->name = g_strdup(name);
    a->role = g_strdup(role);
    a->invited = invited;
    g_ptr_array_add(attendance->attendees, a);
    return a;
}

/* An account is one party wherever it calls from; whoever has none is known by its name. */
static MdAttendee *attendee_of(MdAttendance *attendance, const MdVisit *v)
{
    for (guint i = 0; i < attendance->attendees->len; i++) {
        MdAttendee *a = attendance->attendees->pdata[i];
        bool same = *v->account != 0 ? strcmp(a->account, v->account) == 0 : *a->account == 0 && strcmp(a->name, v->name) == 0;
        if (same)
            return a;
    }
    return new_attendee(attendance, v->account, v->name, v->role, false);
}

static int by_time(gconstpointer a, gconstpointer b)
{
    const MdVisit *x = *(const MdVisit *const *)a, *y = *(const MdVisit *const *)b;
    return x->joined_us < y->joined_us ? -1 : x->joined_us > y->joined_us ? 1 : strcmp(x->member, y->member);
}

static int64_t end_of(const MdVisit *v, int64_t now_us)
{
    return v->left_us != 0 ? v->left_us : MIN(now_us, MAX(v->seen_us, v->joined_us));
}

MdAttendance *md_attendance_sum(const MdBooking *booking, GPtrArray *visits, int64_t now_us)
{
    MdAttendance *attendance = g_new0(MdAttendance, 1);
    attendance->booking = md_booking_ref(booking);
    attendance->visits = visits;
    attendance->attendees = g_ptr_array_new_with_free_func(attendee_free);
    g_ptr_array_sort(visits, by_time);
    for (guint i = 0; i < booking->sites->len; i++) {
        const MdInvitee *invitee = booking->sites->pdata[i];
        new_attendee(attendance, invitee->account, invitee->name, md_booking_role(booking, invitee->account), true);
        attendance->invited++;
    }
    for (guint i = 0; i < visits->len; i++) {
        const MdVisit *v = visits->pdata[i];
        MdAttendee *a = attendee_of(attendance, v);
        int64_t end_us = end_of(v, now_us);
        a->visits++;
        a->reconnects += a->first_us != 0 && v->joined_us >= a->last_us; /* a second device beside the first is no reconnect */
        a->first_us = a->first_us != 0 ? a->first_us : v->joined_us;
        a->present_s += MAX(0, end_us - MAX(v->joined_us, a->last_us)); /* in order of time: the union; microseconds so far */
        a->last_us = MAX(a->last_us, end_us);
        a->camera_s += v->camera_s;
        a->mic_s += v->mic_s;
        a->talk_s += v->talk_s;
        a->floor_s += v->floor_s;
        a->here |= v->left_us == 0;
    }
    for (guint i = 0; i < attendance->attendees->len; i++) {
        MdAttendee *a = attendance->attendees->pdata[i];
        a->present_s /= G_USEC_PER_SEC;
        attendance->present += a->invited && a->first_us != 0;
    }
    return attendance;
}

/* --- words --- */

static const char *role_word(const char *role)
{
    static const char *const words[][2] = {{"chair", "Chủ tọa"},         {"co-chair", "Đồng chủ tọa"}, {"secretary", "Thư ký"}, {"technician", "Kỹ thuật viên"},
                                           {"operator", "Điều hành"},    {"site", "Điểm cầu"},         {"guest", "Khách"},      {"observer", "Dự thính"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        if (strcmp(role, words[i][0]) == 0)
            return words[i][1];
    return role;
}

static char *minutes(int64_t seconds)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    return g_strdup(g_ascii_formatd(text, sizeof text, "%.1f", (double)seconds / 60));
}

static const char *const heads[] = {"STT",           "Điểm cầu, người dự",  "Tài khoản",        "Vai trò",           "Được mời",         "Có mặt",
                                    "Vào lần đầu",   "Ra lần cuối",         "Số lần vào",       "Kết nối lại",       "Có mặt (phút)",    "Bật camera (phút)",
                                    "Bật micro (phút)", "Phát biểu (phút)", "Được trao lời (phút)"};
enum { COLUMNS = G_N_ELEMENTS(heads) };

/* One row as texts, in the order of heads; unref frees them. */
static GPtrArray *row_of(const MdAttendee *a, unsigned number, GTimeZone *zone)
{
    GPtrArray *row = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(row, g_strdup_printf("%u", number));
    g_ptr_array_add(row, g_strdup(a->name));
    g_ptr_array_add(row, g_strdup(a->account));
    g_ptr_array_add(row, g_strdup(role_word(a->role)));
    g_ptr_array_add(row, g_strdup(a->invited ? "Có" : "Không"));
    g_ptr_array_add(row, g_strdup(a->first_us != 0 ? "Có mặt" : "Vắng mặt"));
    g_ptr_array_add(row, md_paper_time(a->first_us, zone, "%H:%M:%S"));
    g_ptr_array_add(row, a->here ? g_strdup("đang dự") : md_paper_time(a->last_us, zone, "%H:%M:%S"));
    g_ptr_array_add(row, g_strdup_printf("%u", a->visits));
    g_ptr_array_add(row, g_strdup_printf("%u", a->reconnects));
    g_ptr_array_add(row, minutes(a->present_s));
    g_ptr_array_add(row, minutes(a->camera_s));
    g_ptr_array_add(row, minutes(a->mic_s));
    g_ptr_array_add(row, minutes(a->talk_s));
    g_ptr_array_add(row, minutes(a->floor_s));
    return row;
}

char *md_attendance_csv(const MdAttendance *attendance, GTimeZone *zone)
{
    GString *out = g_string_new("\xef\xbb\xbf");
    md_paper_csv_row(out, heads, COLUMNS);
    for (guint i = 0; i < attendance->attendees->len; i++) {
        g_autoptr(GPtrArray) row = row_of(attendance->attendees->pdata[i], i + 1, zone);
        md_paper_csv_row(out, (const char *const *)row->pdata, row->len);
    }
    return g_string_free(out, FALSE);
}

/* --- the page --- */

static void page_agenda(GString *out, const MdBooking *b)
{
    if (b->agenda->len == 0)
        return;
    g_string_append(out, "<h2>Chương trình</h2>\n<ol>\n");
    for (guint i = 0; i < b->agenda->len; i++) {
        const MdAgendaItem *item = b->agenda->pdata[i];
        g_string_append(out, "<li>");
        md_paper_html(out, item->subject);
        if (*item->who != 0) {
            g_string_append(out, " – ");
            md_paper_html(out, item->who);
        }
        if (item->minutes > 0)
            g_string_append_printf(out, " (%u phút)", item->minutes);
        g_string_append(out, "</li>\n");
    }
    g_string_append(out, "</ol>\n");
}

static void page_table(GString *out, const MdAttendance *attendance, GTimeZone *zone)
{
    g_string_append(out, "<table><thead><tr>");
    for (unsigned i = 0; i < COLUMNS; i++)
        g_string_append_printf(out, "<th scope=\"col\"%s>%s</th>", i >= 1 && i <= 5 ? " class=\"text\"" : "", heads[i]);
    g_string_append(out, "</tr></thead><tbody>\n");
    for (guint i = 0; i < attendance->attendees->len; i++) {
        const MdAttendee *a = attendance->attendees->pdata[i];
        g_autoptr(GPtrArray) row = row_of(a, i + 1, zone);
        g_string_append(out, a->first_us == 0 ? "<tr class=\"absent\">" : "<tr>");
        for (unsigned k = 0; k < row->len; k++) {
            g_string_append(out, k >= 1 && k <= 5 ? "<td class=\"text\">" : "<td>");
            md_paper_html(out, row->pdata[k]);
            g_string_append(out, "</td>");
        }
        g_string_append(out, "</tr>\n");
    }
    g_string_append(out, "</tbody></table>\n");
}

char *md_attendance_page(const MdAttendance *attendance, GTimeZone *zone)
{
    const MdBooking *b = attendance->booking;
    g_autofree char *from = md_paper_time(b->start_us, zone, "%H:%M"), *to = md_paper_time(b->end_us, zone, "%H:%M ngày %d/%m/%Y"),
                    *began = md_paper_time(b->started_us, zone, "%H:%M:%S"), *ended = md_paper_time(b->ended_us, zone, "%H:%M:%S");
    GString *out = g_string_new(NULL);
    g_string_append_printf(out, "<!doctype html>\n<html lang=\"vi\"><head>%s<title>Danh sách dự họp</title></head><body>\n<h1>Danh sách dự họp: ", md_paper_head);
    md_paper_html(out, b->title);
    g_string_append_printf(out, "</h1>\n<p>Thời gian: %s–%s. Bắt đầu thực tế: %s. Kết thúc thực tế: %s.<br>Số điểm cầu được mời: %u. Có mặt: %u. Vắng mặt: %u.</p>\n",
                           from, to, *began != 0 ? began : "chưa", *ended != 0 ? ended : "chưa", attendance->invited, attendance->present,
                           attendance->invited - attendance->present);
    page_agenda(out, b);
    page_table(out, attendance, zone);
    g_string_append(out, "<div class=\"sign\"><p>Thư ký</p><p>Chủ tọa</p></div>\n</body></html>\n");
    return g_string_free(out, FALSE);
}
