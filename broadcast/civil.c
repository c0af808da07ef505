/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/civil.h"

#include <string.h>

/* Two digits. */
static int two(const char *text)
{
    return g_ascii_isdigit(text[0]) && g_ascii_isdigit(text[1]) ? (text[0] - '0') * 10 + text[1] - '0' : -1;
}

int bc_parse_time(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if ((len != 5 && len != 8) || text[2] != ':' || (len == 8 && text[5] != ':'))
        return -1;
    int h = two(text), m = two(text + 3), s = len == 8 ? two(text + 6) : 0;
    if (h < 0 || m < 0 || s < 0 || m > 59 || s > 59 || h > 24 || (h == 24 && m + s > 0))
        return -1;
    return h * 3600 + m * 60 + s;
}

char *bc_format_time(unsigned second)
{
    unsigned h = second / 3600, m = second / 60 % 60, s = second % 60;
    return s ? g_strdup_printf("%02u:%02u:%02u", h, m, s) : g_strdup_printf("%02u:%02u", h, m);
}

bool bc_parse_day(const char *text, int32_t *ret_day)
{
    if (!text || strlen(text) != 10 || text[4] != '-' || text[7] != '-' || two(text) < 0 || two(text + 2) < 0 || two(text + 5) < 0 ||
        two(text + 8) < 0)
        return false;
    int year = two(text) * 100 + two(text + 2), month = two(text + 5), day = two(text + 8);
    if (year < 1970 || !g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year))
        return false;
    GDate date, epoch;
    g_date_clear(&date, 1);
    g_date_clear(&epoch, 1);
    g_date_set_dmy(&date, (GDateDay)day, (GDateMonth)month, (GDateYear)year);
    g_date_set_dmy(&epoch, 1, G_DATE_JANUARY, 1970);
    *ret_day = g_date_days_between(&epoch, &date);
    return true;
}

char *bc_format_day(int32_t day)
{
    g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc((int64_t)day * 86400);
    return when ? g_date_time_format(when, "%Y-%m-%d") : g_strdup("");
}
