/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/core/log.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define LINE_MAX_BYTES 2048
#define RULES_MAX 64
#define REPEAT_SLOTS 512
#define REPEAT_PROBES 8

typedef struct Rule {
    char prefix[96];
    MdLogLevel level;
} Rule;

/* One (path, format) seen lately. */
typedef struct Repeat {
    const char *format; /* NULL: empty */
    MdLogLevel level;
    unsigned count;
    unsigned suppressed;
    int64_t since_us;
    char path[96];
    char last[160]; /* the last line let through: what the count's line quotes */
} Repeat;

struct MdLog {
    bool journal; /* immutable */
    _Atomic int highest; /* most talkative level any rule allows: a cheap first look */
    pthread_mutex_t lock; /* for all below; nothing is written while it is held */
    MdLogLevel level;
    Rule rules[RULES_MAX];
    unsigned n_rules;
    MdLogSinkFn sink;
    void *sink_user;
    const MdClock *clock;
    unsigned burst;
    int64_t interval_us;
    Repeat repeats[REPEAT_SLOTS];
};

static const char *const level_names[] = {"error", "warning", "notice", "info", "debug"};
static const int syslog_levels[] = {3, 4, 5, 6, 7};
_Static_assert(sizeof level_names / sizeof *level_names == MD_LOG_LEVEL_MAX, "a name for every level");

const char *md_log_level_to_string(MdLogLevel level)
{
    return (int)level >= 0 && level < MD_LOG_LEVEL_MAX ? level_names[level] : NULL;
}

MdLogLevel md_log_level_from_string(const char *name)
{
    for (int i = 0; name && i < MD_LOG_LEVEL_MAX; i++)
        if (strcmp(level_names[i], name) == 0)
            return (MdLogLevel)i;
    return MD_LOG_LEVEL_INVALID;
}

/* JOURNAL_STREAM is inherited by everything a service starts; it is ours only if our stderr is that very socket. */
static bool stderr_is_journal(void)
{
    const char *value = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    if (!value || sscanf(value, "%llu:%llu", &device, &inode) != 2 || fstat(STDERR_FILENO, &st) < 0)
        return false;
    return st.st_dev == device && st.st_ino == inode;
}

MdLog *md_log_new(void)
{
    MdLog *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->journal = stderr_is_journal();
    pthread_mutex_init(&log->lock, NULL);
    log->level = MD_LOG_INFO;
    atomic_init(&log->highest, MD_LOG_INFO);
    log->clock = md_clock_system();
    log->burst = 20;
    log->interval_us = 10 * 1000000;
    return log;
}

/* --- levels --- */

static bool covers(const char *prefix, const char *path)
{
    size_t n = strlen(prefix);
    return strncmp(prefix, path, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static MdLogLevel level_for(const MdLog *log, const char *path)
{
    MdLogLevel level = log->level;
    size_t longest = 0;
    for (unsigned i = 0; i < log->n_rules; i++) {
        size_t n = strlen(log->rules[i].prefix);
        if (n > longest && covers(log->rules[i].prefix, path)) {
            longest = n;
            level = log->rules[i].level;
        }
    }
    return level;
}

static void set_rule(MdLog *log, const char *prefix, MdLogLevel level)
{
    unsigned i = 0;
    while (i < log->n_rules && strcmp(log->rules[i].prefix, prefix) != 0)
        i++;
    if (level == MD_LOG_LEVEL_INVALID) {
        if (i < log->n_rules)
            log->rules[i] = log->rules[--log->n_rules];
    } else if (i < RULES_MAX) {
        snprintf(log->rules[i].prefix, sizeof log->rules[i].prefix, "%s", prefix);
        log->rules[i].level = level;
        if (i == log->n_rules)
            log->n_rules++;
    }
}

void md_log_set_level(MdLog *log, const char *topic_prefix, MdLogLevel level)
{
    pthread_mutex_lock(&log->lock);
    if (topic_prefix && *topic_prefix)
        set_rule(log, topic_prefix, level);
    else if (level != MD_LOG_LEVEL_INVALID)
        log->level = level;
    MdLogLevel highest = log->level;
    for (unsigned i = 0; i < log->n_rules; i++)
        if (log->rules[i].level > highest)
            highest = log->rules[i].level;
    atomic_store_explicit(&log->highest, highest, memory_order_relaxed);
    pthread_mutex_unlock(&log->lock);
}

bool md_log_enabled(const MdLogger *logger, MdLogLevel level)
{
    if (!logger || !logger->log || (int)level < 0 || level >= MD_LOG_LEVEL_MAX)
        return false;
    MdLog *log = logger->log;
    if ((int)level > atomic_load_explicit(&log->highest, memory_order_relaxed))
        return false;
    pthread_mutex_lock(&log->lock);
    bool enabled = level <= level_for(log, logger->path);
    pthread_mutex_unlock(&log->lock);
    return enabled;
}

void md_log_set_sink(MdLog *log, MdLogSinkFn fn, void *user)
{
    pthread_mutex_lock(&log->lock);
    log->sink = fn;
    log->sink_user = user;
    pthread_mutex_unlock(&log->lock);
}

void md_log_set_clock(MdLog *log, const MdClock *clock)
{
    pthread_mutex_lock(&log->lock);
    log->clock = clock ? clock : md_clock_system();
    pthread_mutex_unlock(&log->lock);
}

void md_log_set_limit(MdLog *log, unsigned burst, int64_t interval_us)
{
    pthread_mutex_lock(&log->lock);
    log->burst = burst;
    log->interval_us = interval_us > 0 ? interval_us : 1;
    pthread_mutex_unlock(&log->lock);
}

/* --- writing --- */

/* Peers choose part of many lines: no line feeds or terminal escapes from them. UTF-8 passes. */
static void tame(char *line)
{
    for (unsigned char *p = (unsigned char *)line; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            *p = *p == '\t' ? ' ' : '?';
}

/* A cut in the middle of a UTF-8 character would make the journal store the line as a blob. */
static void mark_cut(char *line, size_t size)
{
    size_t end = size - 1 - 3;
    while (end > 0 && ((unsigned char)line[end] & 0xc0) == 0x80)
        end--;
    memcpy(line + end, "...", 4);
}

static void write_stderr(MdLogLevel level, const char *path, const char *line)
{
    char out[LINE_MAX_BYTES + 256], when[32];
    struct timespec ts;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &ts);
    localtime_r(&ts.tv_sec, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    int n = snprintf(out, sizeof out, "%s.%03ld %-7s %s: %s\n", when, ts.tv_nsec / 1000000, level_names[level], path, line);
    if (n > (int)sizeof out - 1)
        n = sizeof out - 1;
    ssize_t wrote = write(STDERR_FILENO, out, (size_t)n); /* one call: lines of several threads do not mix */
    (void)wrote;
}

static void emit(MdLogSinkFn sink, void *user, bool journal, MdLogLevel level, const char *path, const char *line)
{
    if (sink)
        sink(level, path, line, user);
    else if (journal)
        sd_journal_send("PRIORITY=%d", syslog_levels[level], "MEDIAD_TOPIC=%s", path, "MESSAGE=%s: %s", path, line, NULL);
    else
        write_stderr(level, path, line);
}

/* --- repeats --- */

static unsigned slot_of(const char *path, const char *format)
{
    uint64_t h = (uint64_t)(uintptr_t)format * 0x9e3779b97f4a7c15u;
    for (const unsigned char *p = (const unsigned char *)path; *p; p++)
        h = (h ^ *p) * 0x100000001b3u;
    return (unsigned)(h >> 40) % REPEAT_SLOTS;
}

/* The record of this (path, format), or the emptiest or oldest neighbour to reuse: then what it suppressed is told first. */
static Repeat *find_repeat(MdLog *log, const char *path, const char *format)
{
    unsigned start = slot_of(path, format);
    Repeat *victim = NULL;
    for (unsigned i = 0; i < REPEAT_PROBES; i++) {
        Repeat *r = &log->repeats[(start + i) % REPEAT_SLOTS];
        if (r->format == format && strcmp(r->path, path) == 0)
            return r;
        if (!victim || (victim->format && (!r->format || r->since_us < victim->since_us)))
            victim = r;
    }
    return victim;
}

static void tell(MdLog *log, const Repeat *r)
{
    char line[LINE_MAX_BYTES];
    snprintf(line, sizeof line, "%u more lines like \"%s\" suppressed", r->suppressed, *r->last ? r->last : r->format);
    tame(line);
    pthread_mutex_lock(&log->lock);
    MdLogSinkFn sink = log->sink;
    void *user = log->sink_user;
    pthread_mutex_unlock(&log->lock);
    emit(sink, user, log->journal, r->level, r->path, line);
}

/* The line that took the last place of an interval is what those behind it are like. */
static void remember(MdLog *log, const char *path, const char *format, const char *line)
{
    pthread_mutex_lock(&log->lock);
    Repeat *r = find_repeat(log, path, format);
    if (log->burst && r->format == format && r->count >= log->burst && strcmp(r->path, path) == 0 &&
        snprintf(r->last, sizeof r->last, "%s", line) >= (int)sizeof r->last)
        mark_cut(r->last, sizeof r->last);
    pthread_mutex_unlock(&log->lock);
}

/* Whether a line may pass; *told gets a record whose count must be told first (told->suppressed > 0). Lock held. */
static bool admit(MdLog *log, const char *path, MdLogLevel level, const char *format, Repeat *told)
{
    if (log->burst == 0)
        return true;
    int64_t now = md_clock_now_us(log->clock);
    Repeat *r = find_repeat(log, path, format);
    bool same = r->format == format && strcmp(r->path, path) == 0;
    if (!same || now - r->since_us >= log->interval_us || now < r->since_us) {
        if (r->format && r->suppressed)
            *told = *r;
        *r = (Repeat){.format = format, .level = level, .since_us = now};
        snprintf(r->path, sizeof r->path, "%s", path);
    }
    if (r->count >= log->burst) {
        r->suppressed++;
        return false;
    }
    r->count++;
    return true;
}

static void flush(MdLog *log, bool all)
{
    for (unsigned i = 0; i < REPEAT_SLOTS; i++) {
        Repeat told = {0};
        pthread_mutex_lock(&log->lock);
        Repeat *r = &log->repeats[i];
        if (r->format && (all || md_clock_now_us(log->clock) - r->since_us >= log->interval_us)) {
            told = *r;
            *r = (Repeat){0};
        }
        pthread_mutex_unlock(&log->lock);
        if (told.suppressed)
            tell(log, &told);
    }
}

void md_log_flush(MdLog *log)
{
    flush(log, false);
}

void md_log_free(MdLog *log)
{
    if (!log)
        return;
    flush(log, true);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

void md_logf(const MdLogger *logger, MdLogLevel level, const char *format, ...)
{
    if (!logger || !logger->log || (int)level < 0 || level >= MD_LOG_LEVEL_MAX)
        return;
    MdLog *log = logger->log;
    if ((int)level > atomic_load_explicit(&log->highest, memory_order_relaxed))
        return;
    Repeat told = {0};
    pthread_mutex_lock(&log->lock);
    bool pass = level <= level_for(log, logger->path) && admit(log, logger->path, level, format, &told);
    MdLogSinkFn sink = log->sink;
    void *user = log->sink_user;
    pthread_mutex_unlock(&log->lock);
    if (told.suppressed)
        tell(log, &told);
    if (!pass)
        return;
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n >= (int)sizeof line)
        mark_cut(line, sizeof line);
    tame(line);
    remember(log, logger->path, format, line);
    emit(sink, user, log->journal, level, logger->path, line);
}

/* --- loggers --- */

MdLogger md_logger(MdLog *log, const char *path)
{
    MdLogger logger = {.log = log};
    snprintf(logger.path, sizeof logger.path, "%s", path ? path : "");
    tame(logger.path);
    return logger;
}

MdLogger md_logger_child(const MdLogger *parent, const char *format, ...)
{
    MdLogger logger = {.log = parent ? parent->log : NULL};
    size_t size = sizeof logger.path, used = 0;
    if (parent && parent->path[0])
        used = (size_t)snprintf(logger.path, size, "%s/", parent->path);
    if (used < size) {
        va_list args;
        va_start(args, format);
        vsnprintf(logger.path + used, size - used, format, args);
        va_end(args);
    }
    tame(logger.path);
    return logger;
}
