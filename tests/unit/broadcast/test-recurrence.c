/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/recurrence.h"

#define ZONE "Asia/Ho_Chi_Minh"
#define S ((int64_t)G_USEC_PER_SEC)

/* Seconds since 1970, computed by python-dateutil 2.9.0 (rrulestr with a dtstart in Asia/Ho_Chi_Minh). 0 ends a row; a row
 * that ends before its 8th entry with -1 has no more occurrences. */
static const struct {
    const char *start, *rule;
    int64_t at[9];
} table[] = {
    {"2026-11-23T05:00:00", "FREQ=DAILY", {1795384800, 1795471200, 1795557600, 1795644000}},
    {"2026-01-31T06:15:00", "FREQ=MONTHLY;BYMONTHDAY=31", {1769814900, 1774912500, 1780182900, 1785453300, 1788131700, 1793402100}},
    {"2026-01-01T17:30:00", "FREQ=MONTHLY;BYDAY=-1FR", {1769769000, 1772188200, 1774607400, 1777026600, 1780050600, 1782469800}},
    {"2026-11-23T05:00:00", "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYHOUR=5,17;BYMINUTE=0,30",
     {1795384800, 1795386600, 1795428000, 1795429800, 1795557600, 1795559400, 1795600800, 1795602600}},
    {"2024-02-29T23:59:59", "FREQ=YEARLY", {1709225999, 1835456399, 1961686799}},
    {"2026-12-30T18:00:00", "FREQ=DAILY;INTERVAL=3;COUNT=4", {1798628400, 1798887600, 1799146800, 1799406000, -1}},
    {"2026-12-30T03:00:00", "FREQ=DAILY;UNTIL=20270101T200000Z", {1798574400, 1798660800, 1798747200, 1798833600, -1}},
    {"2026-11-02T07:00:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=MO",
     {1793577600, 1794096000, 1794787200, 1795305600, 1795996800, 1796515200, 1797206400}},
    {"2026-11-23T05:00", "", {1795384800, -1}},
};

static void test_table(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(BcRecurrence) r = bc_recurrence_new(table[i].start, ZONE, table[i].rule, NULL, &error);
        g_assert_no_error(error);
        int64_t after = 0;
        for (unsigned k = 0; table[i].at[k]; k++) {
            int64_t next = bc_recurrence_next(r, after);
            int64_t expected = table[i].at[k] == -1 ? INT64_MAX : table[i].at[k] * S;
            if (next != expected)
                g_test_message("row %u, occurrence %u", i, k);
            g_assert_cmpint(next, ==, expected);
            after = next;
        }
        /* asked out of order, the answers are the same */
        g_assert_cmpint(bc_recurrence_next(r, 0), ==, table[i].at[0] * S);
        g_assert_cmpint(bc_recurrence_next(r, table[i].at[0] * S - 1), ==, table[i].at[0] * S);
    }
}

static void test_between_and_until(void)
{
    g_autoptr(BcRecurrence) r = bc_recurrence_new("2026-11-23T05:00:00", ZONE, "FREQ=DAILY", "2026-11-27T04:59:59", NULL);
    g_autoptr(GArray) all = bc_recurrence_between(r, 0, INT64_MAX, 100);
    g_assert_cmpuint(all->len, ==, 4); /* 23, 24, 25, 26: the 27th begins one second after "until" */
    g_autoptr(GArray) half_open = bc_recurrence_between(r, 1795384800 * S, 1795471200 * S, 100);
    g_assert_cmpuint(half_open->len, ==, 1);
    g_assert_cmpint(g_array_index(half_open, int64_t, 0), ==, 1795384800 * S);
    g_autoptr(GArray) limited = bc_recurrence_between(r, 0, INT64_MAX, 2);
    g_assert_cmpuint(limited->len, ==, 2);
}

static void test_other_zone_keeps_civil_time(void)
{
    /* 05:00 in Berlin stays 05:00 when summer time ends on 2026-10-25: 03:00Z, then 04:00Z */
    g_autoptr(BcRecurrence) r = bc_recurrence_new("2026-10-24T05:00:00", "Europe/Berlin", "FREQ=DAILY", NULL, NULL);
    int64_t first = bc_recurrence_next(r, 0), second = bc_recurrence_next(r, first);
    g_autofree char *a = bc_wall_to_iso(first, "Europe/Berlin"), *b = bc_wall_to_iso(second, "Europe/Berlin");
    g_assert_cmpstr(a, ==, "2026-10-24T05:00:00+02:00");
    g_assert_cmpstr(b, ==, "2026-10-25T05:00:00+01:00");
    g_assert_cmpint(second - first, ==, 25 * 3600 * S);
}

static void test_refused(void)
{
    static const struct {
        const char *start, *zone, *rule, *until;
        int code;
    } bad[] = {
        {"2026-13-01T05:00", ZONE, NULL, NULL, BC_RECURRENCE_ERROR_START},
        {"2026-02-30T05:00", ZONE, NULL, NULL, BC_RECURRENCE_ERROR_START},
        {"tomorrow", ZONE, NULL, NULL, BC_RECURRENCE_ERROR_START},
        {"2026-11-23T05:00:00Z", ZONE, NULL, NULL, BC_RECURRENCE_ERROR_START},
        {NULL, ZONE, NULL, NULL, BC_RECURRENCE_ERROR_START},
        {"2026-11-23T05:00", "Asia/Atlantis", NULL, NULL, BC_RECURRENCE_ERROR_ZONE},
        {"2026-11-23T05:00", ZONE, "FREQ=SECONDLY", NULL, BC_RECURRENCE_ERROR_RULE},
        {"2026-11-23T05:00", ZONE, "FREQ=MINUTELY", NULL, BC_RECURRENCE_ERROR_RULE},
        {"2026-11-23T05:00", ZONE, "FREQ=DAILY;BYSECOND=1,2", NULL, BC_RECURRENCE_ERROR_RULE},
        {"2026-11-23T05:00", ZONE, "FREQ=MINUTELY;INTERVAL=5;BYMONTH=2;BYMONTHDAY=30", NULL, BC_RECURRENCE_ERROR_RULE},
        {"2026-11-23T05:00", ZONE, "FREQ=HOURLY;BYYEARDAY=366", NULL, BC_RECURRENCE_ERROR_RULE},
        {"2026-11-23T05:00", ZONE, "FREQ=HOURLY;BYWEEKNO=53", NULL, BC_RECURRENCE_ERROR_RULE},
        {"2026-11-23T05:00", ZONE, "FREQ=MINUTELY;INTERVAL=5;BYMINUTE=3", NULL, BC_RECURRENCE_ERROR_RULE},
        {"2026-11-23T05:00", ZONE, "FREQ=HOURLY;INTERVAL=2;BYHOUR=6", NULL, BC_RECURRENCE_ERROR_RULE},
        {"2026-11-23T05:00", ZONE, "FREQ=HOURLY;INTERVAL=168;BYDAY=TU", NULL, BC_RECURRENCE_ERROR_RULE},
        {"2026-11-23T05:00", ZONE, "FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11;BYMINUTE=0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,38,40,42,44,46,48",
         NULL, BC_RECURRENCE_ERROR_RULE},
        {"2026-11-23T05:00", ZONE, "every day", NULL, BC_RECURRENCE_ERROR_RULE},
        {"2026-11-23T05:00", ZONE, "FREQ=DAILY", "never", BC_RECURRENCE_ERROR_START},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(BcRecurrence) r = bc_recurrence_new(bad[i].start, bad[i].zone, bad[i].rule, bad[i].until, &error);
        if (r)
            g_test_message("row %u was taken", i);
        g_assert_null(r);
        g_assert_error(error, BC_RECURRENCE_ERROR, bad[i].code);
    }
}

/* Rules that match nothing, or hardly ever, end in bounded time. */
static void test_barren(void)
{
    int64_t began = g_get_monotonic_time();
    g_autoptr(BcRecurrence) never = bc_recurrence_new("2026-01-01T05:00", ZONE, "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", NULL, NULL);
    g_assert_nonnull(never);
    g_assert_cmpint(bc_recurrence_next(never, 0), ==, INT64_MAX);
    g_autoptr(BcRecurrence) minutes = bc_recurrence_new("2000-01-01T05:00", ZONE, "FREQ=MINUTELY;INTERVAL=5", NULL, NULL);
    bc_recurrence_next(minutes, INT64_MAX - 1);
    g_assert_cmpint(g_get_monotonic_time() - began, <, 10 * S);
}

/* Far from its first day a rule gives the same as next to it, and soon. */
static void test_far(void)
{
    static const struct {
        const char *start, *rule;
        int64_t after, expected; /* seconds */
    } rows[] = {
        {"2000-01-01T00:02", "FREQ=MINUTELY;INTERVAL=5", 1795384800, 1795384920},       /* 2026-11-23 05:00 -> 05:02 */
        {"2000-01-03T05:00", "FREQ=HOURLY;BYDAY=MO;BYHOUR=5,17;BYMINUTE=30", 1795384800, 1795386600},
        {"2000-01-03T05:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", 1795384799, 0},
        {"2000-01-01T05:00", "FREQ=DAILY", 1795384799, 1795384800},
        {"2000-01-01T05:00", "FREQ=DAILY;INTERVAL=3", 1795384799, 0},
    };
    int64_t began = g_get_monotonic_time();
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(BcRecurrence) r = bc_recurrence_new(rows[i].start, ZONE, rows[i].rule, NULL, NULL), walked = bc_recurrence_new(rows[i].start, ZONE, rows[i].rule, NULL, NULL);
        g_assert_nonnull(r);
        int64_t found = bc_recurrence_next(r, rows[i].after * S), slow = bc_recurrence_next(walked, 0);
        for (unsigned n = 0; slow <= rows[i].after * S && n < 300000; n++)
            slow = bc_recurrence_next(walked, slow);
        if (rows[i].rule[5] != 'M') /* the walk of every five minutes ends at 400,000 */
            g_assert_cmpint(found, ==, slow);
        if (rows[i].expected)
            g_assert_cmpint(found, ==, rows[i].expected * S);
    }
    g_assert_cmpint(g_get_monotonic_time() - began, <, 10 * S);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/recurrence/table", test_table);
    g_test_add_func("/broadcast/recurrence/between", test_between_and_until);
    g_test_add_func("/broadcast/recurrence/zone", test_other_zone_keeps_civil_time);
    g_test_add_func("/broadcast/recurrence/refused", test_refused);
    g_test_add_func("/broadcast/recurrence/far", test_far);
    g_test_add_func("/broadcast/recurrence/barren", test_barren);
    return g_test_run();
}
