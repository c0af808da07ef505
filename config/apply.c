/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "config/settings.h"

void cfg_apply_log(const CfgSettings *settings, const CfgSettings *before, MdLog *log)
{
    const CfgLog *now = &settings->log;
    for (unsigned i = 0; before && i < before->log.n_topics; i++)
        md_log_set_level(log, before->log.topics[i].topic, MD_LOG_LEVEL_INVALID);
    md_log_set_level(log, NULL, (MdLogLevel)now->level);
    for (unsigned i = 0; i < now->n_topics; i++)
        md_log_set_level(log, now->topics[i].topic, (MdLogLevel)now->topics[i].level);
    md_log_set_limit(log, now->repeat_burst, (int64_t)now->repeat_interval_s * G_USEC_PER_SEC);
}

char *cfg_read_secret(const char *path, GError **error)
{
    char text[4096];
    FILE *file = fopen(path, "re");
    if (!file) {
        g_set_error(error, CFG_ERROR, CFG_ERROR_READ, "%s: %s", path, g_strerror(errno));
        return NULL;
    }
    char *line = fgets(text, sizeof text, file);
    fclose(file);
    if (line)
        line[strcspn(line, "\r\n")] = '\0';
    char *secret = line && *line ? g_strdup(line) : NULL;
    explicit_bzero(text, sizeof text);
    if (!secret)
        g_set_error(error, CFG_ERROR, CFG_ERROR_READ, "%s: its first line must be the password", path);
    return secret;
}
