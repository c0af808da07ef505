/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* Days and seconds of civil time in a zone, cheaply. Pure. */
typedef struct BcCivil {
    int32_t day;     /* since 1970-01-01, in the zone */
    int32_t second;  /* of the day: 0..86399 */
    unsigned weekday; /* 0 Monday .. 6 Sunday */
} BcCivil;

static inline unsigned bc_weekday(int32_t day)
{
    return (unsigned)(((day + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

static inline BcCivil bc_civil(GTimeZone *zone, int64_t wall_us)
{
    int64_t t = wall_us / G_USEC_PER_SEC - (wall_us % G_USEC_PER_SEC < 0);
    t += g_time_zone_get_offset(zone, g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, t));
    int64_t day = t / 86400 - (t % 86400 < 0);
    return (BcCivil){(int32_t)day, (int32_t)(t - day * 86400), bc_weekday((int32_t)day)};
}

/* second may be beyond the day. A moment that a change of the zone leaves out becomes the moment of the change. */
static inline int64_t bc_civil_to_wall(GTimeZone *zone, int32_t day, int32_t second)
{
    int64_t t = (int64_t)day * 86400 + second;
    int interval = g_time_zone_adjust_time(zone, G_TIME_TYPE_STANDARD, &t);
    return (t - g_time_zone_get_offset(zone, interval)) * G_USEC_PER_SEC;
}

/* "05:00" or "05:00:30": seconds from midnight, "24:00" is 86400; -1: no such time. */
int bc_parse_time(const char *text);
char *bc_format_time(unsigned second); /* "05:00" or "05:00:30"; g_free */
/* "2026-12-24": days since 1970; false: no such day. */
bool bc_parse_day(const char *text, int32_t *ret_day);
char *bc_format_day(int32_t day); /* g_free */
