/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <malloc.h>
#include "tests/unit/speaker/duty-bench.h"
#include "broadcast/link/siren.h"

/* One item begins and ends on its moments, and is told once. */
static void test_plain(void)
{
    Bench b;
    bench_init(&b);
    bench_store(&b, 'a');
    bench_give(&b, 1, (Line[]){{"a", 10, 20, .sha = 'a'}}, 1);
    g_assert_cmpstr(bench_until(&b, 9.999), ==, "");
    g_assert_cmpstr(bench_until(&b, 10), ==, "a");
    g_assert_cmpint(bc_duty_now(b.desk)->sound, ==, BC_DUTY_FILE);
    g_assert_cmpint(bc_duty_now(b.desk)->origin_us, ==, NOON + 10 * S);
    g_assert_cmpuint(bc_duty_now(b.desk)->volume, ==, 80);
    g_assert_cmpstr(bench_until(&b, 29.999), ==, "a");
    g_assert_cmpstr(bench_until(&b, 30), ==, "");
    bench_said(&b, "began a 10.0\nended a 10.0-30.0\n");
    /* the same manifest again, after its end: nothing */
    bench_give(&b, 1, (Line[]){{"a", 10, 20, .sha = 'a'}}, 1);
    g_assert_cmpstr(bench_until(&b, 40), ==, "");
    bench_said(&b, "");
    bench_clear(&b);
}

/* Emergency before priority before normal, then authority, then the newer; what was cut resumes at its place or is dropped. */
static void test_preemption(void)
{
    Bench b;
    bench_init(&b);
    for (char c = 'a'; c <= 'e'; c++)
        bench_store(&b, c);
    bench_give(&b, 1, (Line[]){
        {"norm", 0, 100, 3, 2, 'a', .resume = true},
        {"prio", 10, 20, 2, 2, 'b', .resume = false},
        {"prov", 15, 30, 2, 1, 'c', .resume = true},
        {"newer", 50, 10, 3, 2, 'd', .made_s = 5},
        {"village", 70, 10, 3, 3, 'e', .grace_s = 5},
    }, 5);
    g_assert_cmpstr(bench_until(&b, 5), ==, "norm");
    g_assert_cmpstr(bench_until(&b, 12), ==, "prio");
    g_assert_cmpstr(bench_until(&b, 16), ==, "prov");
    g_assert_cmpstr(bench_until(&b, 46), ==, "norm");
    g_assert_cmpint(bc_duty_now(b.desk)->origin_us, ==, NOON); /* its wall-clock place */
    g_assert_cmpstr(bench_until(&b, 55), ==, "newer");
    g_assert_cmpstr(bench_until(&b, 65), ==, "norm");
    g_assert_cmpstr(bench_until(&b, 101), ==, "");
    bench_said(&b, "began norm 0.0\ncut norm (priority prio) 0.0-10.0\nbegan prio 10.0\ncut prio (priority prov) 10.0-15.0\n"
        "began prov 15.0\nended prov 15.0-45.0\nbegan norm 45.0\ncut norm (newer newer) 45.0-50.0\nbegan newer 50.0\nended newer 50.0-60.0\n"
        "began norm 60.0\nmissed village (pre-empted by norm)\nended norm 60.0-100.0\n");
    bench_clear(&b);
}

static BcLinkCommand alert(const char *id, int64_t issued_us, const char *occurrence, BcSirenPattern siren, char sha)
{
    BcLinkCommand c = bench_order(id, BC_LINK_ALERT, issued_us);
    c.item = line_item(&(Line){occurrence, -1, 20, 1, 1, sha});
    c.siren = siren;
    c.siren_rounds = 1;
    return c;
}

/* An emergency sounds at once, siren first, before its words are there; then all goes on as it was. */
static void test_alert(void)
{
    Bench b;
    bench_init(&b);
    bench_store(&b, 'a');
    bench_give(&b, 1, (Line[]){{"a", 0, 300, 3, 2, 'a', .resume = true}}, 1);
    bench_until(&b, 100);
    BcLinkCommand c = alert("c1", b.now_us - 100000, "flood", BC_SIREN_FLOOD, 'f'), again = alert("c1", b.now_us - 100000, "flood", BC_SIREN_FLOOD, 'f');
    g_assert_cmpint(bench_obey(&b, &c, NULL), ==, BC_DUTY_OBEYED);
    g_assert_cmpint(bench_obey(&b, &again, NULL), ==, BC_DUTY_AGAIN);
    g_assert_cmpstr(bench_until(&b, 100.2), ==, "flood"); /* 0.3 s after it was issued, wherever it was received by then */
    g_assert_cmpint(bc_duty_now(b.desk)->sound, ==, BC_DUTY_SIREN);
    g_assert_cmpint(bc_duty_now(b.desk)->origin_us, ==, NOON + 100 * S + 200000);
    bench_until(&b, 132); /* 30 s of siren; the words are not there: silence, not the music */
    g_assert_cmpint(bc_duty_now(b.desk)->sound, ==, BC_DUTY_SILENCE);
    bench_store(&b, 'f');
    g_assert_cmpstr(bench_until(&b, 133), ==, "flood");
    g_assert_cmpint(bc_duty_now(b.desk)->sound, ==, BC_DUTY_FILE);
    g_assert_cmpint(bc_duty_now(b.desk)->origin_us, ==, NOON + 132 * S);
    g_assert_cmpstr(bench_until(&b, 153), ==, "a");
    bench_said(&b, "began a 0.0\ncut a (emergency flood) 0.0-100.2\nbegan flood 100.2\nended flood 100.2-152.0\nbegan a 152.0\n");
    bench_clear(&b);
}

/* Nothing expired begins or goes on; a late device misses what its grace does not cover. */
static void test_expiry(void)
{
    Bench b;
    const char *reason;
    bench_init(&b);
    bench_store(&b, 'a');
    bench_give(&b, 1, (Line[]){{"short", 10, 60, 3, 2, 'a', .expires_s = 30}, {"late", 100, 60, 3, 2, 'b', .grace_s = 20, .resume = true},
        {"later", 200, 60, 3, 2, 'c', .grace_s = 20}}, 3);
    g_assert_cmpstr(bench_until(&b, 29.9), ==, "short");
    g_assert_cmpstr(bench_until(&b, 30), ==, "");
    bench_until(&b, 110);
    bench_store(&b, 'b');
    g_assert_cmpstr(bench_until(&b, 110), ==, "late"); /* within its grace, at its wall-clock place */
    g_assert_cmpint(bc_duty_now(b.desk)->origin_us, ==, NOON + 100 * S);
    bench_until(&b, 230);
    bench_store(&b, 'c');
    g_assert_cmpstr(bench_until(&b, 231), ==, "");
    BcLinkCommand old = bench_order("old", BC_LINK_PLAY, b.now_us - 700 * S);
    old.item = line_item(&(Line){"too-late", -1, 20, 1, 1, 'a'});
    g_assert_cmpint(bench_obey(&b, &old, &reason), ==, BC_DUTY_REFUSED);
    g_assert_cmpstr(reason, ==, "expired");
    BcLinkCommand gone = bench_order("gone", BC_LINK_PLAY, b.now_us);
    gone.item = line_item(&(Line){"item-expired", 200, 100, 1, 1, 'a', .expires_s = 210});
    g_assert_cmpint(bench_obey(&b, &gone, &reason), ==, BC_DUTY_REFUSED);
    g_assert_cmpstr(reason, ==, "expired");
    bench_said(&b, "began short 10.0\ncut short (expired) 10.0-30.0\nbegan late 110.0\nended late 110.0-160.0\nmissed later (media not fetched)\n");
    bench_clear(&b);
}

/* Stop, stop-all by command and by manifest: in whatever order they come, nothing older sounds. */
static void test_stop(void)
{
    Bench b;
    const char *reason;
    bench_init(&b);
    bench_store(&b, 'a');
    bench_give(&b, 1, (Line[]){{"a", 0, 100, .sha = 'a', .resume = true}, {"b", 50, 20, .sha = 'a'}, {"c", 120, 50, .sha = 'a'}, {"d", 200, 50, .sha = 'a'}}, 4);
    bench_until(&b, 10);
    BcLinkCommand stop = bench_order("s1", BC_LINK_STOP, b.now_us);
    stop.occurrence = g_strdup("a");
    g_assert_cmpint(bench_obey(&b, &stop, NULL), ==, BC_DUTY_OBEYED);
    g_assert_cmpstr(bench_until(&b, 20), ==, "");
    g_assert_cmpstr(bench_until(&b, 55), ==, "b");
    BcLinkCommand all = bench_order("s2", BC_LINK_STOP_ALL, b.now_us - S);
    BcLinkCommand before = alert("c0", b.now_us - 2 * S, "overtaken", BC_SIREN_CHIME, 0), after = alert("c2", b.now_us, "fresh", BC_SIREN_CHIME, 0);
    g_assert_cmpint(bench_obey(&b, &all, NULL), ==, BC_DUTY_OBEYED);
    g_assert_cmpint(bench_obey(&b, &before, &reason), ==, BC_DUTY_REFUSED);
    g_assert_cmpstr(reason, ==, "stopped");
    g_assert_cmpint(bench_obey(&b, &after, NULL), ==, BC_DUTY_OBEYED);
    g_assert_cmpstr(bench_until(&b, 56), ==, "fresh");
    g_assert_cmpstr(bench_until(&b, 60), ==, "");
    g_assert_cmpstr(bench_until(&b, 130), ==, "c"); /* what was to begin later does */
    BcLinkManifest m = bench_manifest(2, (Line[]){{"c", 120, 50, .sha = 'a'}, {"d", 200, 50, .sha = 'a'}}, 2);
    m.stop_before_us = NOON + 125 * S;
    g_assert_true(bc_duty_set_manifest(b.desk, &m, false, b.now_us, NULL));
    g_assert_cmpstr(bench_until(&b, 131), ==, "");
    g_assert_cmpstr(bench_until(&b, 201), ==, "d");
    bench_said(&b, "began a 0.0\ncut a (stopped) 0.0-10.0\nbegan b 50.0\ncut b (stop-all) 50.0-55.0\nbegan fresh 55.3\nended fresh 55.3-57.3\n"
        "began c 120.0\ncut c (stop-all) 120.0-130.0\nbegan d 200.0\n");
    BcLinkCommand ahead = bench_order("s3", BC_LINK_STOP, b.now_us), late = alert("c3", b.now_us - S, "cancelled", BC_SIREN_CHIME, 0);
    ahead.occurrence = g_strdup("cancelled");
    g_assert_cmpint(bench_obey(&b, &ahead, NULL), ==, BC_DUTY_OBEYED);
    g_assert_cmpint(bench_obey(&b, &late, &reason), ==, BC_DUTY_REFUSED);
    bench_clear(&b);
}

/* A programme is stopped as a whole by its own name; a namesake of longer number goes on. */
static void test_stop_programme(void)
{
    Bench b;
    bench_init(&b);
    bench_store(&b, 'a');
    bench_give(&b, 1, (Line[]){{"s@17.0", 0, 30, .sha = 'a'}, {"s@17.1", 30, 30, .sha = 'a'}, {"s@170.0", 60, 30, .sha = 'a'}}, 3);
    g_assert_cmpstr(bench_until(&b, 10), ==, "s@17.0");
    BcLinkCommand stop = bench_order("s1", BC_LINK_STOP, b.now_us);
    stop.occurrence = g_strdup("s@17");
    g_assert_cmpint(bench_obey(&b, &stop, NULL), ==, BC_DUTY_OBEYED);
    g_assert_cmpstr(bench_until(&b, 20), ==, "");
    g_assert_cmpstr(bench_until(&b, 40), ==, "");
    g_assert_cmpstr(bench_until(&b, 70), ==, "s@170.0");
    bench_clear(&b);
}

/* A new manifest, or the old one again, never interrupts what rightly sounds; what was taken out of it stops. */
static void test_reconnect(void)
{
    Bench b;
    bench_init(&b);
    bench_store(&b, 'a');
    Line lines[] = {{"a", 0, 100, .sha = 'a'}, {"b", 200, 20, .sha = 'a'}};
    bench_give(&b, 1, lines, 2);
    bench_until(&b, 10);
    uint64_t serial = bc_duty_now(b.desk)->serial;
    bench_give(&b, 1, lines, 2);
    g_assert_cmpstr(bench_until(&b, 11), ==, "a");
    bench_give(&b, 2, lines, 1);
    g_assert_cmpstr(bench_until(&b, 12), ==, "a");
    g_assert_cmpuint(bc_duty_now(b.desk)->serial, ==, serial);
    g_assert_cmpstr(bc_duty_now(b.desk)->item->occurrence, ==, "a");
    GError *error = NULL;
    BcLinkManifest old = bench_manifest(1, lines, 2), other = bench_manifest(9, lines, 2);
    g_free(other.device);
    other.device = g_strdup("loa-2");
    g_assert_false(bc_duty_set_manifest(b.desk, &old, false, b.now_us, &error));
    g_clear_error(&error);
    g_assert_false(bc_duty_set_manifest(b.desk, &other, false, b.now_us, &error));
    g_clear_error(&error);
    bc_link_manifest_clear(&old);
    bc_link_manifest_clear(&other);
    bench_said(&b, "began a 0.0\n");
    bench_give(&b, 3, lines + 1, 1);
    g_assert_cmpstr(bench_until(&b, 13), ==, "");
    bench_said(&b, "cut a (withdrawn) 0.0-12.0\n");
    bench_clear(&b);
}

/* 03:15: whatever the timetable says, only an emergency or what two people let sound does. Volumes follow the hour. */
static void test_hours(void)
{
    Bench b;
    bench_init(&b);
    bench_store(&b, 'a');
    double night = 15.25 * 3600, evening = 8 * 3600; /* 03:15 and 20:00 in Hà Tĩnh */
    BcLinkManifest m = bench_manifest(1, (Line[]){{"dusk", evening, 20, .sha = 'a'}, {"vov", night, 60, 2, 1, 'a'}, {"two", night + 100, 20, .sha = 'a', .quiet_ok = true},
        {"storm", night + 200, 20, 1, 1, 'a'}}, 4);
    m.n_quiet = 1;
    m.quiet[0] = (BcLinkWindow){.from_min = 21 * 60 + 30, .to_min = 5 * 60};
    m.n_volumes = 2;
    m.volumes[0] = (BcLinkWindow){.from_min = 19 * 60, .to_min = 6 * 60, .volume = 40};
    m.volumes[1] = (BcLinkWindow){.from_min = 0, .to_min = 4 * 60, .volume = 15};
    g_assert_true(bc_duty_set_manifest(b.desk, &m, false, b.now_us, NULL));
    g_assert_cmpuint(bc_duty_local_minute(b.desk, NOON), ==, 720);
    g_assert_cmpstr(bench_until(&b, evening + 1), ==, "dusk");
    g_assert_cmpuint(bc_duty_now(b.desk)->volume, ==, 40);
    g_assert_cmpstr(bench_until(&b, night + 30), ==, "");
    g_assert_cmpstr(bench_until(&b, night + 110), ==, "two");
    g_assert_cmpuint(bc_duty_now(b.desk)->volume, ==, 15);
    g_assert_cmpstr(bench_until(&b, night + 210), ==, "storm");
    g_assert_cmpuint(bc_duty_now(b.desk)->volume, ==, 80);
    g_assert_nonnull(strstr(b.news->str, "missed vov (quiet hours)\n"));
    BcLinkCommand v = bench_order("v", BC_LINK_VOLUME, b.now_us);
    v.volume = 55;
    g_assert_cmpint(bench_obey(&b, &v, NULL), ==, BC_DUTY_OBEYED);
    bench_until(&b, night + 211);
    g_assert_cmpuint(bc_duty_now(b.desk)->volume, ==, 55);
    bench_clear(&b);
}

/* The power goes at every second: after it comes back all goes on at its wall-clock place, and nothing sounds twice. */
static void test_power_cuts(void)
{
    for (int cut = 1; cut < 100; cut += 3) {
        Bench b, c;
        bench_init(&b);
        bench_store(&b, 'a');
        Line lines[] = {{"a", 10, 30, .sha = 'a', .grace_s = 1}, {"b", 60, 30, .sha = 'a', .grace_s = 1}};
        bench_give(&b, 1, lines, 2);
        bench_until(&b, 2);
        BcLinkCommand order = bench_order("o", BC_LINK_PLAY, b.now_us);
        order.item = line_item(&(Line){"now", -1, 5, 1, 1, 'a'});
        g_assert_cmpint(bench_obey(&b, &order, NULL), ==, BC_DUTY_OBEYED);
        g_autofree char *before = g_strdup(bench_until(&b, cut < 2 ? 2 : cut));
        int64_t origin_us = bc_duty_now(b.desk)->origin_us;
        g_autofree char *state = bc_duty_format(b.desk, b.now_us);
        g_assert_false(bc_duty_dirty(b.desk));
        bench_init(&c);
        g_hash_table_add(c.media, sha_of('a'));
        c.now_us = b.now_us + 2 * S; /* two seconds without power */
        g_assert_true(bc_duty_load(c.desk, state, strlen(state), c.now_us, NULL));
        BcLinkManifest m = bench_manifest(1, lines, 2);
        g_assert_true(bc_duty_set_manifest(c.desk, &m, true, c.now_us, NULL));
        BcLinkCommand again = bench_order("o", BC_LINK_PLAY, NOON + 2 * S);
        again.item = line_item(&(Line){"now", -1, 5, 1, 1, 'a'});
        g_assert_cmpint(bench_obey(&c, &again, NULL), ==, BC_DUTY_AGAIN);
        const char *after = bench_until(&c, (double)(c.now_us - NOON) / S);
        bench_until(&b, (double)(c.now_us - NOON) / S); /* how it would have been */
        const BcDutyNow *would = bc_duty_now(b.desk);
        if (*before && would->occurrence && !strcmp(before, would->occurrence)) {
            g_assert_cmpstr(after, ==, before);
            g_assert_cmpint(bc_duty_now(c.desk)->origin_us, ==, origin_us);
        } else if (!would->occurrence)
            g_assert_cmpstr(after, ==, "");
        bench_until(&c, 200);
        /* told as ended at most once for each, over both lives */
        g_autofree char *all = g_strconcat(b.news->str, c.news->str, NULL);
        (void)all;
        for (unsigned i = 0; i < 2; i++) {
            g_autofree char *ended = g_strdup_printf("began %s", lines[i].occurrence);
            const char *first = strstr(c.news->str, ended);
            g_assert_true(!first || !strstr(first + 1, ended));
        }
        bench_clear(&b);
        bench_clear(&c);
    }
}

/* A clock of its own far ahead or unknown when the timetable comes: nothing is given up before the server has told the time. */
static void test_wrong_clock(void)
{
    static const BcDutyClock clocks[] = {BC_DUTY_CLOCK_UNKNOWN, BC_DUTY_CLOCK_SYSTEM};
    for (unsigned i = 0; i < 2; i++)
        for (double off = -29 * 86400.0; off <= 30 * 86400.0; off += 3 * 86400.0) {
            Bench b;
            bench_init(&b);
            bench_store(&b, 'a');
            bc_duty_set_clock(b.desk, clocks[i]);
            b.now_us = NOON + (int64_t)off * S;
            bench_give(&b, 1, (Line[]){{"gone", 1, 10, .sha = 'a'}, {"a", 60, 20, .sha = 'a', .resume = true}, {"b", 90, 20, .sha = 'a'}}, 3);
            bench_until(&b, (double)(b.now_us - NOON) / S + 10);
            g_autofree char *state = bc_duty_format(b.desk, b.now_us);
            bench_said(&b, "");
            g_assert_null(strstr(state, "gone"));
            b.now_us = NOON + 20 * S;
            bc_duty_set_clock(b.desk, BC_DUTY_CLOCK_SERVER);
            g_assert_cmpstr(bench_until(&b, 59), ==, "");
            g_assert_true(g_str_has_prefix(b.news->str, "missed gone ("));
            g_string_truncate(b.news, 0);
            g_assert_cmpstr(bench_until(&b, 61), ==, "a");
            bench_until(&b, 200);
            bench_said(&b, "began a 60.0\nended a 60.0-80.0\nbegan b 90.0\nended b 90.0-110.0\n");
            bench_clear(&b);
        }
}

/* Without network and with a clock that was kept: the stored timetable sounds by it; what it missed meanwhile is told by the server's time. */
static void test_own_clock(void)
{
    Bench b;
    bench_init(&b);
    g_hash_table_add(b.media, sha_of('a'));
    bc_duty_set_clock(b.desk, BC_DUTY_CLOCK_SYSTEM);
    b.now_us = NOON + 100 * S;
    BcLinkManifest m = bench_manifest(1, (Line[]){{"off", 10, 20, .sha = 'a'}, {"cut", 90, 30, .sha = 'a', .grace_s = 15}, {"a", 150, 20, .sha = 'a'},
        {"no-file", 200, 20, .sha = 'z'}}, 4);
    g_assert_true(bc_duty_set_manifest(b.desk, &m, true, b.now_us, NULL));
    g_assert_cmpstr(bench_until(&b, 101), ==, "cut");
    g_assert_cmpint(bc_duty_now(b.desk)->origin_us, ==, NOON + 90 * S);
    g_assert_cmpstr(bench_until(&b, 160), ==, "a");
    bench_until(&b, 300);
    bench_said(&b, "began cut 100.0\nended cut 100.0-120.0\nbegan a 150.0\nended a 150.0-170.0\n");
    bc_duty_set_clock(b.desk, BC_DUTY_CLOCK_SERVER); /* it was right */
    bench_until(&b, 301);
    bench_said(&b, "missed off (power was off)\nmissed no-file (media not fetched)\n");
    bench_clear(&b);
    /* before the manifest was issued: certainly wrong */
    bench_init(&b);
    bench_store(&b, 'a');
    bc_duty_set_clock(b.desk, BC_DUTY_CLOCK_SYSTEM);
    bench_give(&b, 3600, (Line[]){{"early", 10, 20, .sha = 'a'}}, 1);
    g_assert_cmpstr(bench_until(&b, 20), ==, "");
    bench_said(&b, "");
    bench_clear(&b);
}

/* Nobody knew the time while it should have sounded: that is said. */
static void test_dark(void)
{
    Bench b;
    bench_init(&b);
    bench_store(&b, 'a');
    bc_duty_set_clock(b.desk, BC_DUTY_CLOCK_UNKNOWN);
    bench_give(&b, 1, (Line[]){{"a", 10, 20, .sha = 'a'}}, 1);
    g_assert_cmpstr(bench_until(&b, 60), ==, "");
    bench_said(&b, "");
    bc_duty_set_clock(b.desk, BC_DUTY_CLOCK_SERVER);
    bench_until(&b, 61);
    bench_said(&b, "missed a (clock unknown)\n");
    bench_clear(&b);
}

static void test_refusals(void)
{
    Bench b;
    const char *reason;
    bench_init(&b);
    bench_give(&b, 1, NULL, 0);
    BcLinkCommand c = alert("x", b.now_us, "elsewhere", BC_SIREN_CHIME, 0);
    c.areas[0] = g_strdup("xa-8");
    g_assert_cmpint(bench_obey(&b, &c, &reason), ==, BC_DUTY_REFUSED);
    g_assert_cmpstr(reason, ==, "area");
    c = alert("x", b.now_us, "here", BC_SIREN_CHIME, 0);
    c.areas[0] = g_strdup("tinh-42");
    g_assert_cmpint(bench_obey(&b, &c, &reason), ==, BC_DUTY_OBEYED); /* a refused id may come again */
    c = bench_order("r", BC_LINK_RESTART, b.now_us);
    g_assert_cmpint(bench_obey(&b, &c, &reason), ==, BC_DUTY_YOURS);
    for (unsigned i = 0; i < BC_DUTY_COMMANDS_MAX; i++) {
        g_autofree char *id = g_strdup_printf("n%u", i);
        c = alert(id, b.now_us, id, BC_SIREN_CHIME, 0);
        BcDutyVerdict verdict = bench_obey(&b, &c, &reason);
        g_assert_cmpint(verdict, ==, i + 1 < BC_DUTY_COMMANDS_MAX ? BC_DUTY_OBEYED : BC_DUTY_REFUSED);
    }
    /* damaged memory is refused whole */
    BcDuty *desk = bc_duty_new("loa-1", NULL);
    GError *error = NULL;
    static const char *const bad[] = {"", "[]", "{}", "{\"past\":[[1]],\"obeyed\":[],\"orders\":[]}", "{\"past\":[],\"obeyed\":[[\"a\"]],\"orders\":[]}"};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(bc_duty_load(desk, bad[i], strlen(bad[i]), NOON, &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
    }
    bc_duty_free(desk);
    bench_clear(&b);
}

/* Live sound: sounds by its rank, lets others through while nothing is heard of it, ends by itself. */
static void test_live(void)
{
    Bench b;
    bench_init(&b);
    bench_store(&b, 'a');
    bench_give(&b, 1, (Line[]){{"a", 0, 300, 3, 2, 'a', .resume = true}}, 1);
    bench_until(&b, 10);
    BcLinkCommand c = bench_order("l", BC_LINK_LIVE, b.now_us);
    c.live = (BcLinkLive){.occurrence = g_strdup("talk"), .host = g_strdup("127.0.0.1"), .port = 5004, .priority = 2, .authority = 1,
        .codec = g_strdup("opus"), .payload_type = 96, .frame_ms = 20, .expires_us = b.now_us + 60 * S};
    g_assert_cmpint(bench_obey(&b, &c, NULL), ==, BC_DUTY_OBEYED);
    g_assert_cmpstr(bench_until(&b, 11), ==, "talk");
    g_assert_cmpint(bc_duty_now(b.desk)->sound, ==, BC_DUTY_LIVE);
    bc_duty_live_lost(b.desk, "talk", true);
    g_assert_cmpstr(bench_until(&b, 20), ==, "a");
    g_assert_cmpstr(bc_duty_live_wanted(b.desk, b.now_us)->occurrence, ==, "talk");
    bc_duty_live_lost(b.desk, "talk", false);
    g_assert_cmpstr(bench_until(&b, 30), ==, "talk");
    g_assert_cmpstr(bench_until(&b, 70), ==, "a");
    g_assert_null(bc_duty_live_wanted(b.desk, b.now_us));
    bench_said(&b, "began a 0.0\ncut a (priority talk) 0.0-10.0\nbegan talk 10.0\ncut talk (live sound not heard) 10.0-11.0\nbegan a 11.0\n"
        "cut a (priority talk) 11.0-20.0\nbegan talk 20.0\nended talk 20.0-70.0\nbegan a 70.0\n");
    bench_clear(&b);
}

/* A process may hold thousands: an idle one with a day's timetable of a commune takes less than 20 kB, and next to no time. */
static void test_thousands(void)
{
    enum { N = 500 };
    static Bench b[N];
    bool counts = mallinfo2().uordblks > 0; /* a sanitizer's own allocator tells nothing */
    size_t before = mallinfo2().uordblks;
    for (unsigned i = 0; i < N; i++) {
        BcDutyOps ops = {0};
        b[i].now_us = NOON;
        b[i].desk = bc_duty_new("loa-1", &ops);
        Line lines[10];
        char names[10][24];
        for (unsigned k = 0; k < 10; k++) {
            g_snprintf(names[k], sizeof(names[k]), "schedule-%u@1767330000", k);
            lines[k] = (Line){names[k], 3600.0 * (k + 1), 600, 3, 2, 'a'};
        }
        bench_give(&b[i], 1, lines, 10);
        bc_duty_tick(b[i].desk, NOON);
    }
    size_t each = (mallinfo2().uordblks - before) / N;
    g_test_message("%zu bytes each", each);
    if (counts)
        g_assert_cmpuint(each, <, 20000);
    int64_t began_us = g_get_monotonic_time();
    for (unsigned second = 0; second < 600; second++)
        for (unsigned i = 0; i < N; i++)
            bc_duty_tick(b[i].desk, NOON + second * S);
    g_test_message("%.2f us a tick", (double)(g_get_monotonic_time() - began_us) / (600.0 * N));
    for (unsigned i = 0; i < N; i++)
        bc_duty_free(b[i].desk);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/duty/plain", test_plain);
    g_test_add_func("/duty/pre-emption", test_preemption);
    g_test_add_func("/duty/alert", test_alert);
    g_test_add_func("/duty/expiry", test_expiry);
    g_test_add_func("/duty/stop", test_stop);
    g_test_add_func("/duty/stop-programme", test_stop_programme);
    g_test_add_func("/duty/reconnect", test_reconnect);
    g_test_add_func("/duty/hours", test_hours);
    g_test_add_func("/duty/power-cuts", test_power_cuts);
    g_test_add_func("/duty/wrong-clock", test_wrong_clock);
    g_test_add_func("/duty/own-clock", test_own_clock);
    g_test_add_func("/duty/dark", test_dark);
    g_test_add_func("/duty/refusals", test_refusals);
    g_test_add_func("/duty/live", test_live);
    g_test_add_func("/duty/thousands", test_thousands);
    return g_test_run();
}
