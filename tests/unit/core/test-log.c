/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "mediad/core/log.h"

static GPtrArray *lines;
static pthread_mutex_t lines_lock = PTHREAD_MUTEX_INITIALIZER;

static void collect(MdLogLevel level, const char *path, const char *line, void *user)
{
    pthread_mutex_lock(&lines_lock);
    g_ptr_array_add(lines, g_strdup_printf("%s %s: %s", md_log_level_to_string(level), path, line));
    pthread_mutex_unlock(&lines_lock);
}

static const char *line_at(unsigned i)
{
    g_assert_cmpuint(i, <, lines->len);
    return lines->pdata[i];
}

static MdLog *setup(void)
{
    MdLog *log = md_log_new();
    lines = g_ptr_array_new_with_free_func(g_free);
    md_log_set_sink(log, collect, NULL);
    return log;
}

static void teardown(MdLog *log)
{
    md_log_free(log);
    g_ptr_array_free(lines, TRUE);
}

static void test_levels_by_topic(void)
{
    MdLog *log = setup();
    MdLogger sip = md_logger(log, "sip"), room = md_logger(log, "conference/room");
    MdLogger giao_ban = md_logger_child(&room, "%s-%d", "giao-ban", 7);
    MdLogger sipper = md_logger(log, "sipper");
    md_debug(&sip, "hidden");
    md_info(&sip, "shown %d", 1);
    md_log_set_level(log, "sip", MD_LOG_ERROR);
    md_log_set_level(log, "conference", MD_LOG_WARNING);
    md_log_set_level(log, "conference/room/giao-ban-7", MD_LOG_DEBUG);
    md_warning(&sip, "hidden");
    md_error(&sip, "shown 2");
    md_info(&sipper, "shown 3");
    md_info(&room, "hidden");
    md_debug(&giao_ban, "shown 4");
    g_assert_true(md_log_enabled(&giao_ban, MD_LOG_DEBUG));
    g_assert_false(md_log_enabled(&room, MD_LOG_INFO));
    md_log_set_level(log, "sip", MD_LOG_LEVEL_INVALID);
    md_info(&sip, "shown 5");
    md_log_set_level(log, NULL, MD_LOG_ERROR);
    md_info(&sip, "hidden");
    g_assert_cmpuint(lines->len, ==, 5);
    g_assert_cmpstr(line_at(0), ==, "info sip: shown 1");
    g_assert_cmpstr(line_at(1), ==, "error sip: shown 2");
    g_assert_cmpstr(line_at(2), ==, "info sipper: shown 3");
    g_assert_cmpstr(line_at(3), ==, "debug conference/room/giao-ban-7: shown 4");
    g_assert_cmpstr(line_at(4), ==, "info sip: shown 5");
    md_error(NULL, "no logger, no crash");
    md_error(&(MdLogger){0}, "silent");
    teardown(log);
}

static void test_rate_limit(void)
{
    MdVirtualClock clock;
    MdLog *log = setup();
    md_virtual_clock_init(&clock, 1000000, 0);
    md_log_set_clock(log, &clock.base);
    md_log_set_limit(log, 3, 1000000);
    MdLogger a = md_logger(log, "a"), b = md_logger(log, "b");
    for (int i = 0; i < 10; i++) {
        md_warning(&a, "bad packet from %d", i);
        md_virtual_clock_advance(&clock, 1000);
    }
    md_warning(&b, "bad packet from %d", 99); /* another object has its own allowance */
    md_warning(&a, "something else");
    g_assert_cmpuint(lines->len, ==, 5);
    g_assert_cmpstr(line_at(2), ==, "warning a: bad packet from 2");
    g_assert_cmpstr(line_at(3), ==, "warning b: bad packet from 99");
    md_virtual_clock_advance(&clock, 1000000);
    md_warning(&a, "bad packet from %d", 10);
    md_warning(&a, "bad packet from %d", 11);
    g_assert_cmpuint(lines->len, ==, 8);
    g_assert_cmpstr(line_at(5), ==, "warning a: 7 more lines like \"bad packet from 2\" suppressed");
    g_assert_cmpstr(line_at(6), ==, "warning a: bad packet from 10");
    for (int i = 0; i < 5; i++)
        md_warning(&a, "bad packet from %d", 12);
    g_assert_cmpuint(lines->len, ==, 9);
    md_log_flush(log); /* its interval is not over */
    g_assert_cmpuint(lines->len, ==, 9);
    md_virtual_clock_advance(&clock, 1000000);
    md_log_flush(log);
    g_assert_cmpuint(lines->len, ==, 10);
    g_assert_cmpstr(line_at(9), ==, "warning a: 4 more lines like \"bad packet from 12\" suppressed");
    md_log_set_limit(log, 0, 1);
    for (int i = 0; i < 50; i++)
        md_warning(&a, "bad packet from %d", i);
    g_assert_cmpuint(lines->len, ==, 60);
    teardown(log);
}

/* Every line is either written or counted, however many objects there are. */
static void test_nothing_lost_from_the_count(void)
{
    MdVirtualClock clock;
    MdLog *log = setup();
    md_virtual_clock_init(&clock, 0, 0);
    md_log_set_clock(log, &clock.base);
    md_log_set_limit(log, 2, 1000000);
    for (int lap = 0; lap < 5; lap++)
        for (int i = 0; i < 2000; i++) {
            MdLogger l = md_logger(log, "leg");
            MdLogger child = md_logger_child(&l, "%d", i);
            for (int k = 0; k < 3; k++)
                md_info(&child, "again");
        }
    md_log_free(log); /* tells what it still holds */
    unsigned written = 0, counted = 0;
    for (unsigned i = 0; i < lines->len; i++) {
        unsigned n;
        const char *text = strstr(line_at(i), ": ") + 2;
        if (sscanf(text, "%u more lines", &n) == 1)
            counted += n;
        else
            written++;
    }
    g_assert_cmpuint(written + counted, ==, 5 * 2000 * 3);
    g_assert_cmpuint(counted, >, 0);
    g_ptr_array_free(lines, TRUE);
}

static void test_hostile_text(void)
{
    MdLog *log = setup();
    MdLogger l = md_logger(log, "sip");
    md_info(&l, "agent %s", "x\r\n2026-11-22 error fake\033[2J\ty");
    g_assert_cmpstr(line_at(0), ==, "info sip: agent x??2026-11-22 error fake?[2J y");
    md_info(&l, "điểm cầu %s", "Hương Khê");
    g_assert_cmpstr(line_at(1), ==, "info sip: điểm cầu Hương Khê");
    char *big = g_strnfill(10000, 'a');
    memcpy(big + 2040, "ềềềềềề", strlen("ềềềềềề"));
    md_info(&l, "%s", big);
    g_assert_true(g_utf8_validate(line_at(2), -1, NULL));
    g_assert_true(g_str_has_suffix(line_at(2), "..."));
    g_assert_cmpuint(strlen(line_at(2)), <, 2100);
    MdLogger deep = md_logger_child(&l, "%s", big);
    g_assert_cmpuint(strlen(deep.path), ==, sizeof deep.path - 1);
    g_free(big);
    teardown(log);
}

static void *log_many(void *user)
{
    MdLogger l = md_logger(user, "thread");
    for (int i = 0; i < 2000; i++) {
        md_info(&l, "line %d", i);
        md_log_set_level(user, "other", i % 2 ? MD_LOG_DEBUG : MD_LOG_ERROR);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[4];
    MdLog *log = setup();
    md_log_set_limit(log, 100, 3600 * INT64_C(1000000));
    for (int i = 0; i < 4; i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, log_many, log), ==, 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    g_assert_cmpuint(lines->len, ==, 100);
    md_log_free(log);
    g_assert_cmpuint(lines->len, ==, 101);
    g_assert_true(g_str_has_prefix(line_at(100), "info thread: 7900 more lines like \"line "));
    g_assert_true(g_str_has_suffix(line_at(100), "\" suppressed"));
    g_ptr_array_free(lines, TRUE);
}

static void test_stderr_format(void)
{
    int fds[2], saved = dup(STDERR_FILENO);
    char text[300] = {0};
    g_assert_cmpint(pipe(fds), ==, 0);
    MdLog *log = md_log_new();
    MdLogger l = md_logger(log, "store");
    dup2(fds[1], STDERR_FILENO);
    md_error(&l, "disk full: %s", "/var");
    dup2(saved, STDERR_FILENO);
    g_assert_cmpint(read(fds[0], text, sizeof text - 1), >, 0);
    g_assert_true(g_regex_match_simple("^20[0-9-]{8}T[0-9:]{8}\\.[0-9]{3} error   store: disk full: /var\n$", text, 0, 0));
    close(fds[0]);
    close(fds[1]);
    close(saved);
    md_log_free(log);
    for (int i = 0; i < MD_LOG_LEVEL_MAX; i++)
        g_assert_cmpint(md_log_level_from_string(md_log_level_to_string((MdLogLevel)i)), ==, i);
    g_assert_cmpint(md_log_level_from_string("loud"), ==, MD_LOG_LEVEL_INVALID);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/log/levels-by-topic", test_levels_by_topic);
    g_test_add_func("/core/log/rate-limit", test_rate_limit);
    g_test_add_func("/core/log/nothing-lost-from-the-count", test_nothing_lost_from_the_count);
    g_test_add_func("/core/log/hostile-text", test_hostile_text);
    g_test_add_func("/core/log/threads", test_threads);
    g_test_add_func("/core/log/stderr-format", test_stderr_format);
    return g_test_run();
}
