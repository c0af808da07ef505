/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/recurrence.h"

#include <stdio.h>
#include <string.h>
#include <libical/ical.h>

/* The rule is expanded in floating civil time by libical; GLib alone turns civil time into UTC, so one time-zone database
 * is in play. */
#define EXPANSIONS_MAX 400000 /* an hourly rule for 45 years */

struct BcRecurrence {
    GTimeZone *zone;
    struct icaltimetype start;
    int64_t start_us, until_us;
    bool repeats;
    struct icalrecurrencetype rule;
    /* where the expansion stands: cur is the first occurrence after every asked "after" so far */
    icalrecur_iterator *iterator;
    int64_t cur_us, prev_us;
    unsigned expanded;
};

G_DEFINE_QUARK(bc-recurrence-error-quark, bc_recurrence_error)

static bool parse_local(const char *text, struct icaltimetype *ret)
{
    int y, mo, d, h, mi, s = 0, used = 0;
    if (!text || strlen(text) > 32)
        return false;
    int n = sscanf(text, "%4d-%2d-%2d%*1[T ]%2d:%2d%n", &y, &mo, &d, &h, &mi, &used);
    if (n != 5 || !used)
        return false;
    text += used;
    if (*text == ':') {
        used = 0;
        if (sscanf(text, ":%2d%n", &s, &used) != 1 || !used)
            return false;
        text += used;
    }
    if (*text || y < 2000 || y > 2200 || mo < 1 || mo > 12 || d < 1 || d > g_date_get_days_in_month(mo, (GDateYear)y) ||
        h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59)
        return false;
    *ret = icaltime_null_time();
    ret->year = y, ret->month = mo, ret->day = d, ret->hour = h, ret->minute = mi, ret->second = s;
    return true;
}

static int64_t civil_to_wall(GTimeZone *zone, struct icaltimetype t)
{
    g_autoptr(GDateTime) when = g_date_time_new(zone, t.year, t.month, t.day, t.hour, t.minute, t.second);
    return when ? g_date_time_to_unix(when) * G_USEC_PER_SEC : INT64_MAX;
}

static GTimeZone *open_zone(const char *name, GError **error)
{
    GTimeZone *zone = name && *name && strlen(name) < 64 ? g_time_zone_new_identifier(name) : NULL;
    if (!zone)
        g_set_error(error, BC_RECURRENCE_ERROR, BC_RECURRENCE_ERROR_ZONE, "unknown time zone \"%s\"", name ? name : "");
    return zone;
}

bool bc_local_to_wall(const char *local, const char *zone_name, int64_t *ret_wall_us, GError **error)
{
    struct icaltimetype t;
    if (!parse_local(local, &t)) {
        g_set_error(error, BC_RECURRENCE_ERROR, BC_RECURRENCE_ERROR_START,
                    "\"%.40s\" is not a date and time like 2026-11-23T05:00:00", local ? local : "");
        return false;
    }
    g_autoptr(GTimeZone) zone = open_zone(zone_name, error);
    if (!zone)
        return false;
    *ret_wall_us = civil_to_wall(zone, t);
    return true;
}

char *bc_wall_to_iso(int64_t wall_us, const char *zone_name)
{
    g_autoptr(GTimeZone) zone = open_zone(zone_name, NULL);
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(wall_us / G_USEC_PER_SEC);
    if (!utc)
        return g_strdup("");
    g_autoptr(GDateTime) local = zone ? g_date_time_to_timezone(utc, zone) : g_date_time_ref(utc);
    return g_date_time_format(local, "%Y-%m-%dT%H:%M:%S%:z");
}

static bool parse_rule(BcRecurrence *r, const char *text, GError **error)
{
    const char *why = NULL;
    struct icalrecurrencetype rule;
    icalrecurrencetype_clear(&rule);
    if (strlen(text) > 512)
        why = "it is longer than 512 characters";
    else {
        rule = icalrecurrencetype_from_string(g_str_has_prefix(text, "RRULE:") ? text + 6 : text);
        if (rule.freq == ICAL_NO_RECURRENCE)
            why = "it is not an RFC 5545 recurrence rule";
        else if (rule.freq == ICAL_SECONDLY_RECURRENCE)
            why = "FREQ=SECONDLY is not allowed";
        else if (rule.freq == ICAL_MINUTELY_RECURRENCE && rule.interval < 5)
            why = "FREQ=MINUTELY needs INTERVAL of 5 or more";
        else if (rule.by_second[0] != ICAL_RECURRENCE_ARRAY_MAX && rule.by_second[1] != ICAL_RECURRENCE_ARRAY_MAX)
            why = "only one BYSECOND is allowed";
        else if (rule.interval < 1)
            why = "INTERVAL must be at least 1";
    }
    if (why) {
        g_set_error(error, BC_RECURRENCE_ERROR, BC_RECURRENCE_ERROR_RULE, "recurrence rule \"%.80s\" refused: %s", text, why);
        return false;
    }
    if (!icaltime_is_null_time(rule.until) && rule.until.zone) { /* UTC: make it floating like everything else here */
        g_autoptr(GDateTime) utc = g_date_time_new_utc(rule.until.year, rule.until.month, rule.until.day, rule.until.hour,
                                                       rule.until.minute, rule.until.second);
        g_autoptr(GDateTime) local = utc ? g_date_time_to_timezone(utc, r->zone) : NULL;
        if (local) {
            int y, m, d;
            g_date_time_get_ymd(local, &y, &m, &d);
            rule.until.year = y, rule.until.month = m, rule.until.day = d;
            rule.until.hour = g_date_time_get_hour(local);
            rule.until.minute = g_date_time_get_minute(local);
            rule.until.second = g_date_time_get_second(local);
        }
        rule.until.zone = NULL;
    }
    r->rule = rule;
    r->repeats = true;
    return true;
}

BcRecurrence *bc_recurrence_new(const char *start_local, const char *zone, const char *rule, const char *until_local,
                                GError **error)
{
    g_autoptr(BcRecurrence) r = g_new0(BcRecurrence, 1);
    r->until_us = INT64_MAX;
    if (!parse_local(start_local, &r->start)) {
        g_set_error(error, BC_RECURRENCE_ERROR, BC_RECURRENCE_ERROR_START,
                    "start \"%.40s\" is not a date and time like 2026-11-23T05:00:00", start_local ? start_local : "");
        return NULL;
    }
    r->zone = open_zone(zone, error);
    if (!r->zone)
        return NULL;
    r->start_us = civil_to_wall(r->zone, r->start);
    if (until_local && *until_local) {
        struct icaltimetype until;
        if (!parse_local(until_local, &until)) {
            g_set_error(error, BC_RECURRENCE_ERROR, BC_RECURRENCE_ERROR_START,
                        "until \"%.40s\" is not a date and time like 2026-12-31T23:59:59", until_local);
            return NULL;
        }
        r->until_us = civil_to_wall(r->zone, until);
    }
    if (rule && *rule && !parse_rule(r, rule, error))
        return NULL;
    return g_steal_pointer(&r);
}

void bc_recurrence_free(BcRecurrence *r)
{
    if (!r)
        return;
    if (r->iterator)
        icalrecur_iterator_free(r->iterator);
    g_clear_pointer(&r->zone, g_time_zone_unref);
    g_free(r);
}

static void advance(BcRecurrence *r)
{
    if (r->expanded++ >= EXPANSIONS_MAX) {
        r->cur_us = INT64_MAX;
        return;
    }
    struct icaltimetype t = icalrecur_iterator_next(r->iterator);
    r->cur_us = icaltime_is_null_time(t) ? INT64_MAX : civil_to_wall(r->zone, t);
    if (r->cur_us > r->until_us)
        r->cur_us = INT64_MAX;
}

int64_t bc_recurrence_next(BcRecurrence *r, int64_t after_us)
{
    if (!r->repeats)
        return r->start_us > after_us && r->start_us <= r->until_us ? r->start_us : INT64_MAX;
    if (!r->iterator || after_us < r->prev_us) {
        if (r->iterator)
            icalrecur_iterator_free(r->iterator);
        r->iterator = icalrecur_iterator_new(r->rule, r->start);
        r->expanded = 0;
        r->cur_us = INT64_MAX;
        if (!r->iterator)
            return INT64_MAX;
        advance(r);
    }
    r->prev_us = after_us;
    while (r->cur_us <= after_us)
        advance(r);
    return r->cur_us;
}

GArray *bc_recurrence_between(BcRecurrence *r, int64_t from_us, int64_t to_us, unsigned max)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (int64_t at = bc_recurrence_next(r, from_us - 1); at < to_us && found->len < max; at = bc_recurrence_next(r, at))
        g_array_append_val(found, at);
    return found;
}
