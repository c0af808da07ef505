/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/diary.h"
#include <stdio.h>
#include <string.h>

struct BcDiary {
    MdLog *log;
    GMutex lock;
    GString *text;
};

static void on_line(MdLogLevel level, const char *path, const char *line, void *user)
{
    BcDiary *diary = user;
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *when = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
    fprintf(stderr, "%s %s: %s\n", md_log_level_to_string(level), path, line);
    g_mutex_lock(&diary->lock);
    g_string_append_printf(diary->text, "%s %s %s: %s\n", when, md_log_level_to_string(level), path, line);
    if (diary->text->len > BC_DIARY_BYTES) { /* half goes, at a line's end */
        const char *cut = memchr(diary->text->str + BC_DIARY_BYTES / 2, '\n', diary->text->len - BC_DIARY_BYTES / 2);
        g_string_erase(diary->text, 0, cut ? cut + 1 - diary->text->str : -1);
    }
    g_mutex_unlock(&diary->lock);
}

BcDiary *bc_diary_new(MdLog *log)
{
    BcDiary *diary = g_new0(BcDiary, 1);
    diary->log = log;
    diary->text = g_string_sized_new(4096);
    g_mutex_init(&diary->lock);
    md_log_set_sink(log, on_line, diary);
    return diary;
}

void bc_diary_free(BcDiary *diary)
{
    if (!diary)
        return;
    md_log_set_sink(diary->log, NULL, NULL);
    g_string_free(diary->text, TRUE);
    g_mutex_clear(&diary->lock);
    g_free(diary);
}

char *bc_diary_text(BcDiary *diary)
{
    g_mutex_lock(&diary->lock);
    char *text = g_utf8_make_valid(diary->text->str, (gssize)diary->text->len);
    g_mutex_unlock(&diary->lock);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 32 && *p != '\n' && *p != '\t')
            *p = ' ';
    return text;
}
