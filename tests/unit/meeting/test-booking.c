/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bookings in themselves: what is sound, what clashes, how they lie in the store, who was there. */
#include "tests/unit/meeting/desk.h"
#include <string.h>

static const int64_t BASE_S = 1795311000; /* 08:30:00 on 2026-11-22 in Hà Tĩnh */

static MdBooking *booking(const char *id, int64_t start_min, int64_t minutes, const char *room, const char *sites)
{
    MdBooking *b = md_booking_new();
    g_free(b->id), g_free(b->title), g_free(b->room);
    b->id = g_strdup(id);
    b->title = g_strdup_printf("Họp %s", id);
    b->room = g_strdup(room);
    b->start_us = (BASE_S + start_min * 60) * G_USEC_PER_SEC;
    b->end_us = b->start_us + minutes * 60 * G_USEC_PER_SEC;
    g_auto(GStrv) accounts = g_strsplit(sites, ",", -1);
    for (char **account = accounts; *account != NULL && **account != 0; account++)
        md_booking_invite(b, *account, NULL, NULL);
    return b;
}

static void set(char **at, const char *text)
{
    g_free(*at);
    *at = g_strdup(text);
}

static void expect_wrong(const MdBooking *b, int64_t now_us, const char *field)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *named = g_strdup_printf("'%s'", field);
    g_assert_false(md_booking_check(b, now_us, &error));
    g_assert_error(error, MD_MEETING_ERROR, MD_MEETING_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, named));
}

static void test_check(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MdBooking) b = booking("h-1", 0, 60, "giao-ban", "a,b");
    int64_t now_us = b->start_us - 1;
    g_assert_true(md_booking_check(b, now_us, &error));
    expect_wrong(b, b->start_us + 11 * 60 * (int64_t)G_USEC_PER_SEC, "start");
    expect_wrong(b, b->start_us - 800 * INT64_C(86400) * G_USEC_PER_SEC, "start");
    int64_t end_us = b->end_us;
    b->end_us = b->start_us;
    expect_wrong(b, now_us, "end");
    b->end_us = b->start_us + 25 * INT64_C(3600) * G_USEC_PER_SEC;
    expect_wrong(b, now_us, "end");
    b->end_us = end_us;
    set(&b->title, "");
    expect_wrong(b, now_us, "title");
    set(&b->title, "Giao\nban");
    expect_wrong(b, now_us, "title");
    set(&b->title, "Giao ban tuần");
    set(&b->room, "Giao Ban");
    expect_wrong(b, now_us, "room");
    set(&b->room, "echo");
    expect_wrong(b, now_us, "room");
    set(&b->room, "giao-ban");
    set(&b->pin, "12");
    expect_wrong(b, now_us, "pin");
    set(&b->pin, "1234");
    set(&b->chair_pin, "1234");
    expect_wrong(b, now_us, "chair_pin");
    set(&b->chair_pin, "");
    b->confidential = b->record = true;
    expect_wrong(b, now_us, "record");
    b->record = false;
    md_booking_invite(b, "two words", NULL, NULL);
    expect_wrong(b, now_us, "sites");
    g_ptr_array_set_size(b->sites, 2);
    md_booking_add_item(b, "Ông A", "", 5);
    expect_wrong(b, now_us, "agenda");
}

static void test_stored(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MdBooking) b = booking("h-1", 0, 60, "giao-ban", "a,b");
    md_booking_add_item(b, "Ông Trần Văn Đức", "Báo cáo \"quý\" IV", 15);
    set(&b->chair, "a");
    set(&b->pin, "2468");
    b->lobby = b->record = true;
    b->dial = false;
    b->state = MD_MEETING_LIVE;
    b->version = 7;
    b->max_minutes = 90;
    g_autoptr(JsonObject) o = md_booking_to_json(b);
    g_autoptr(MdBooking) again = md_booking_from_json(o, &error);
    g_assert_no_error(error);
    g_autoptr(JsonObject) o2 = md_booking_to_json(again);
    g_autoptr(JsonNode) n1 = json_node_init_object(json_node_alloc(), o), n2 = json_node_init_object(json_node_alloc(), o2);
    g_autofree char *t1 = json_to_string(n1, FALSE), *t2 = json_to_string(n2, FALSE);
    g_assert_cmpstr(t1, ==, t2);
    g_assert_cmpint(again->state, ==, MD_MEETING_LIVE);
    g_assert_cmpstr(((const MdAgendaItem *)again->agenda->pdata[0])->subject, ==, "Báo cáo \"quý\" IV");
    g_assert_false(again->dial);
    g_assert_cmpstr(md_booking_role(again, "a"), ==, "chair");
    g_assert_cmpstr(md_booking_role(again, "b"), ==, "site");
    g_assert_null(md_booking_role(again, "c"));
    json_object_remove_member(o, "state");
    g_assert_null(md_booking_from_json(o, &error));
    g_assert_error(error, MD_MEETING_ERROR, MD_MEETING_ERROR_INVALID);
}

static void test_clashes(void)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier("Asia/Ho_Chi_Minh");
    g_autoptr(GPtrArray) others = g_ptr_array_new_with_free_func((GDestroyNotify)md_booking_unref);
    g_ptr_array_add(others, booking("h-1", 0, 60, "giao-ban", "a,b"));
    g_ptr_array_add(others, booking("h-2", 60, 60, "phong-2", "c"));
    g_ptr_array_add(others, booking("h-3", 0, 60, "phong-3", "d"));
    ((MdBooking *)others->pdata[2])->state = MD_MEETING_CANCELLED;
    set(&((MdBooking *)others->pdata[1])->chair, "e");
    g_autoptr(MdBooking) touching = booking("h-9", 60, 0, "giao-ban", "a,d");
    touching->end_us = touching->start_us + 1;
    touching->start_us -= 0;
    g_autoptr(GPtrArray) none = md_booking_clashes(touching, others); /* the first ends when this begins; the third is off */
    g_assert_cmpuint(none->len, ==, 0);
    g_autoptr(MdBooking) wanted = booking("h-9", 30, 60, "giao-ban", "b,x,e");
    g_autoptr(GPtrArray) clashes = md_booking_clashes(wanted, others);
    g_assert_cmpuint(clashes->len, ==, 3);
    const MdClash *room = NULL, *b = NULL, *e = NULL;
    for (guint i = 0; i < clashes->len; i++) {
        const MdClash *clash = clashes->pdata[i];
        if (clash->room)
            room = clash;
        else if (strcmp(clash->account, "b") == 0)
            b = clash;
        else
            e = clash;
    }
    g_assert_cmpstr(room->meeting, ==, "h-1");
    g_assert_cmpstr(b->meeting, ==, "h-1");
    g_assert_cmpstr(e->meeting, ==, "h-2"); /* whoever chairs there cannot be here */
    g_autofree char *text = md_clashes_to_text(clashes, zone);
    g_assert_nonnull(strstr(text, "room giao-ban: Họp h-1 ("));
    set(&wanted->id, "h-1"); /* itself, moved */
    g_autoptr(GPtrArray) itself = md_booking_clashes(wanted, others);
    g_assert_cmpuint(itself->len, ==, 1);
}

static MdVisit *visit(const char *member, const char *account, const char *name, int64_t from_s, int64_t to_s)
{
    MdVisit *v = g_new0(MdVisit, 1);
    *v = (MdVisit){g_strdup(member), g_strdup(account), g_strdup(name), g_strdup("site"), g_strdup(""), (BASE_S + from_s) * G_USEC_PER_SEC,
                   to_s != 0 ? (BASE_S + to_s) * G_USEC_PER_SEC : 0, (BASE_S + MAX(to_s, from_s)) * G_USEC_PER_SEC, 60, 90, 30, 12};
    return v;
}

static void test_attendance(void)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier("Asia/Ho_Chi_Minh");
    g_autoptr(MdBooking) b = booking("h-1", 0, 60, "giao-ban", "xa-a,xa-b");
    set(&b->title, "Giao ban <tuần>");
    set(&b->chair, "xa-a");
    GPtrArray *visits = g_ptr_array_new_with_free_func((GDestroyNotify)md_visit_free);
    g_ptr_array_add(visits, visit("m3", "xa-a", "Xã A", 600, 1200));  /* came back */
    g_ptr_array_add(visits, visit("m1", "xa-a", "Xã A", 0, 300));
    g_ptr_array_add(visits, visit("m2", "xa-a", "Xã A", 100, 200));   /* a second device at the same time */
    g_ptr_array_add(visits, visit("m4", "", "=HYPERLINK(\"x\")", 0, 60));
    g_autoptr(MdAttendance) a = md_attendance_sum(b, visits, (BASE_S + 2000) * G_USEC_PER_SEC);
    g_assert_cmpuint(a->invited, ==, 2);
    g_assert_cmpuint(a->present, ==, 1);
    g_assert_cmpuint(a->attendees->len, ==, 3);
    const MdAttendee *first = a->attendees->pdata[0];
    g_assert_cmpstr(first->role, ==, "chair");
    g_assert_cmpuint(first->visits, ==, 3);
    g_assert_cmpuint(first->reconnects, ==, 1);
    g_assert_cmpint(first->present_s, ==, 900); /* the union: 300 + 600 */
    g_assert_cmpint(first->camera_s, ==, 180);
    g_assert_cmpint(((const MdAttendee *)a->attendees->pdata[1])->first_us, ==, 0);
    g_assert_false(((const MdAttendee *)a->attendees->pdata[2])->invited);
    g_autofree char *csv = md_attendance_csv(a, zone);
    g_assert_true(g_str_has_prefix(csv, "\xef\xbb\xbf\"STT\",\"Điểm cầu, người dự\","));
    g_assert_nonnull(strstr(csv, "\r\n\"1\",\"xa-a\",\"xa-a\",\"Chủ tọa\",\"Có\",\"Có mặt\",\"08:30:00\",\"08:50:00\",\"3\",\"1\",\"15.0\",\"3.0\",\"4.5\",\"1.5\",\"0.6\"\r\n"));
    g_assert_nonnull(strstr(csv, "\"xa-b\",\"xa-b\",\"Điểm cầu\",\"Có\",\"Vắng mặt\",\"\",\"\",\"0\""));
    g_assert_nonnull(strstr(csv, "\"'=HYPERLINK(\"\"x\"\")\"")); /* no formula, quotes doubled */
    g_autofree char *page = md_attendance_page(a, zone);
    g_assert_nonnull(strstr(page, "Danh sách dự họp: Giao ban &lt;tuần&gt;"));
    g_assert_nonnull(strstr(page, "được mời: 2. Có mặt: 1. Vắng mặt: 1."));
    g_assert_null(strstr(page, "<tuần>"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/meeting/booking/check", test_check);
    g_test_add_func("/meeting/booking/stored", test_stored);
    g_test_add_func("/meeting/booking/clashes", test_clashes);
    g_test_add_func("/meeting/booking/attendance", test_attendance);
    return g_test_run();
}
