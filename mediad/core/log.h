/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

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
void md_log_set_level(MdLog *log, const char *topic_prefix /* NULL: everything */, MdLogLevel level);
/* Tests: get every line that passes instead of writing it. */
typedef void (*MdLogSinkFn)(MdLogLevel level, const char *path, const char *line, void *user);
void md_log_set_sink(MdLog *log, MdLogSinkFn fn, void *user);

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
