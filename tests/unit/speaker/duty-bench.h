/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <string.h>
#include <glib.h>
#include "broadcast/speaker/core/duty.h"

/* A desk with a tape recorder for its news, and short ways to write timetables. */
#define S G_GINT64_CONSTANT(1000000)
#define NOON (G_GINT64_CONSTANT(1767330000) * S) /* 2026-01-02 05:00 UTC, 12:00 in Hà Tĩnh */

typedef struct Bench {
    BcDuty *desk;
    GString *news;               /* "12.0 began a\n" : seconds after NOON */
    GHashTable *media;
    int64_t now_us;
} Bench;

static inline bool bench_has(const char *sha256, void *user)
{
    return g_hash_table_contains(((Bench *)user)->media, sha256);
}

static inline void bench_news(const BcDutyNews *news, void *user)
{
    Bench *b = user;
    g_string_append_printf(b->news, "%s %s", news->state, news->occurrence);
    if (news->reason)
        g_string_append_printf(b->news, " (%s)", news->reason);
    if (news->from_us)
        g_string_append_printf(b->news, " %.1f", (double)(news->from_us - NOON) / S);
    if (news->to_us)
        g_string_append_printf(b->news, "-%.1f", (double)(news->to_us - NOON) / S);
    g_string_append_c(b->news, '\n');
}

static inline void bench_init(Bench *b)
{
    BcDutyOps ops = {bench_has, bench_news, b};
    b->news = g_string_new(NULL);
    b->media = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    b->now_us = NOON;
    b->desk = bc_duty_new("loa-1", &ops);
}

static inline void bench_clear(Bench *b)
{
    bc_duty_free(b->desk);
    g_string_free(b->news, TRUE);
    g_hash_table_unref(b->media);
}

/* "aa…" of 64 digits from one character */
static inline char *sha_of(char c)
{
    return g_strnfill(64, c);
}

static inline void bench_store(Bench *b, char c)
{
    g_hash_table_add(b->media, sha_of(c));
    bc_duty_media_changed(b->desk, b->now_us);
}

typedef struct Line {            /* seconds after NOON */
    const char *occurrence;
    double start_s, duration_s;
    unsigned priority, authority;
    char sha;
    bool resume;
    double grace_s, expires_s;   /* expires 0: none */
    double made_s;
    bool quiet_ok;
    int volume;                  /* 0: as the hour says */
} Line;

static inline BcLinkItem line_item(const Line *line)
{
    BcLinkItem item = {
        .occurrence = g_strdup(line->occurrence), .title = g_strdup(line->occurrence), .start_us = line->start_s < 0 ? 0 : NOON + (int64_t)(line->start_s * S),
        .duration_us = (int64_t)(line->duration_s * S), .expires_us = line->expires_s ? NOON + (int64_t)(line->expires_s * S) : 0,
        .grace_us = (int64_t)(line->grace_s * S), .priority = line->priority ? line->priority : 3, .authority = line->authority,
        .made_us = line->made_s ? NOON + (int64_t)(line->made_s * S) : 0, .repeats = 1, .resume = line->resume, .quiet_ok = line->quiet_ok,
        .volume = line->volume ? line->volume : -1,
    };
    item.media = (BcLinkMedia){.sha256 = line->sha ? sha_of(line->sha) : g_strdup(""), .path = g_strdup("x.mp3"), .media_type = g_strdup("audio/mpeg")};
    return item;
}

static inline BcLinkManifest bench_manifest(int64_t version, const Line *lines, unsigned n)
{
    BcLinkManifest m = {.device = g_strdup("loa-1"), .version = version, .issued_us = NOON + version * S, .valid_until_us = NOON + 30 * 86400 * S,
        .zone = g_strdup("Asia/Ho_Chi_Minh"), .media_base = g_strdup("https://h/"), .volume = 80, .n_items = n};
    m.areas[0] = g_strdup("thon-1");
    m.areas[1] = g_strdup("xa-7");
    m.areas[2] = g_strdup("tinh-42");
    m.items = g_new0(BcLinkItem, MAX(n, 1));
    for (unsigned i = 0; i < n; i++)
        m.items[i] = line_item(&lines[i]);
    return m;
}

static inline void bench_give(Bench *b, int64_t version, const Line *lines, unsigned n)
{
    BcLinkManifest m = bench_manifest(version, lines, n);
    g_assert_true(bc_duty_set_manifest(b->desk, &m, false, b->now_us, NULL));
}

/* Lets the time pass to at_s, step by step as the desk itself asks; whatever sounds is heard at once. */
static inline const char *bench_until(Bench *b, double at_s)
{
    int64_t to_us = NOON + (int64_t)(at_s * S);
    for (;;) {
        int64_t next_us = bc_duty_tick(b->desk, b->now_us);
        const BcDutyNow *now = bc_duty_now(b->desk);
        g_assert_cmpint(next_us, >, b->now_us);
        if (now->sound != BC_DUTY_NOTHING && now->sound != BC_DUTY_SILENCE)
            bc_duty_heard(b->desk, now->serial, b->now_us);
        if (b->now_us >= to_us)
            return now->occurrence ? now->occurrence : "";
        b->now_us = MIN(next_us, to_us);
    }
}

static inline BcLinkCommand bench_order(const char *id, BcLinkVerb verb, int64_t issued_us)
{
    return (BcLinkCommand){.id = g_strdup(id), .verb = verb, .issued_us = issued_us, .expires_us = issued_us + 600 * S, .volume = -1};
}

static inline BcDutyVerdict bench_obey(Bench *b, BcLinkCommand *command, const char **reason)
{
    const char *ignored;
    BcDutyVerdict verdict = bc_duty_command(b->desk, command, b->now_us, reason ? reason : &ignored);
    bc_link_command_clear(command);
    return verdict;
}

static inline void bench_said(Bench *b, const char *news)
{
    g_assert_cmpstr(b->news->str, ==, news);
    g_string_truncate(b->news, 0);
}
