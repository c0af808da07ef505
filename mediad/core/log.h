/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include "mediad/core/clock.h"

/* Log by topic and object. An MdLog is the sink (journald when started by systemd, else stderr); an MdLogger is a
 * cheap value carrying a path ("sip/registrar", "conference/room/giao-ban") handed down from object to object.
 * Thread: any but a media worker inside a tick (post the event to control instead). */
typedef enum MdLogLevel {
    MD_LOG_ERROR,
    MD_LOG_WARNING,
    MD_LOG_NOTICE,
    MD_LOG_INFO,
    MD_LOG_DEBUG,
    MD_LOG_LEVEL_MAX,
    MD_LOG_LEVEL_INVALID = -1,
} MdLogLevel;

typedef struct MdLog MdLog;
typedef struct MdLogger {
    MdLog *log;      /* NULL: silent */
    char path[96];
} MdLogger;

/* Lines whose (path, format) repeat faster than burst per interval are counted and summed up in one line. */
MdLog *md_log_new(void);
void md_log_free(MdLog *log);
/* A prefix counts in whole path parts ("sip" covers "sip/registrar", not "sipper"); the longest one that fits wins. At most
 * 64 prefixes, further ones are ignored. Level at first: info. MD_LOG_LEVEL_INVALID takes a prefix's rule away. */
void md_log_set_level(MdLog *log, const char *topic_prefix /* NULL: everything */, MdLogLevel level);
/* Tests: get every line that passes instead of writing it. */
typedef void (*MdLogSinkFn)(MdLogLevel level, const char *path, const char *line, void *user);
void md_log_set_sink(MdLog *log, MdLogSinkFn fn, void *user);
/* Tests: time for the repeat limit (NULL: the machine's). */
void md_log_set_clock(MdLog *log, const MdClock *clock);
/* Repeats let through per interval and (path, format); 20 in 10 s at first. burst 0: no limit. */
void md_log_set_limit(MdLog *log, unsigned burst, int64_t interval_us);
/* Writes the counts of suppressed repeats whose interval is over; call now and then (md_log_free does it for all). */
void md_log_flush(MdLog *log);
/* Whether a line of this level from here would be written: to spare the work of making it. */
bool md_log_enabled(const MdLogger *logger, MdLogLevel level);

MdLogger md_logger(MdLog *log, const char *path);
/* parent's path + "/" + printf(format) */
MdLogger md_logger_child(const MdLogger *parent, const char *format, ...) __attribute__((format(printf, 2, 3)));
void md_logf(const MdLogger *logger, MdLogLevel level, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define md_error(logger, ...) md_logf((logger), MD_LOG_ERROR, __VA_ARGS__)
#define md_warning(logger, ...) md_logf((logger), MD_LOG_WARNING, __VA_ARGS__)
#define md_notice(logger, ...) md_logf((logger), MD_LOG_NOTICE, __VA_ARGS__)
#define md_info(logger, ...) md_logf((logger), MD_LOG_INFO, __VA_ARGS__)
#define md_debug(logger, ...) md_logf((logger), MD_LOG_DEBUG, __VA_ARGS__)

const char *md_log_level_to_string(MdLogLevel level);
MdLogLevel md_log_level_from_string(const char *name);
