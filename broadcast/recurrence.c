/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/recurrence.h"

#include <stdio.h>
#include <string.h>
#include <libical/ical.h>
#include "broadcast/civil.h"
#include "broadcast/walk.h"

/* The rule is expanded in floating civil time by libical; GLib alone turns civil time into UTC, so one time-zone database
 * is in play. */
#define EXPANSIONS_MAX 400000 /* of one walk from the rule's first day; only MONTHLY, YEARLY and COUNT rules always start there */
#define DAY_MAX 288           /* occurrences a day: every five minutes */

struct BcRecurrence {
    GTimeZone *zone;
    struct icaltimetype start;
    int64_t start_us, until_us;
    bool repeats;
    struct icalrecurrencetype rule;
    /* where the expansion stands: cur is the first occurrence after every asked "after" so far */
    BcWalk *walk;         /* of rules it can count; NULL: libical's */
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

/* MINUTELY and HOURLY: libical goes from period to period until one passes the BY parts, for ever when none does. With only days of
 * the week and hours to pass, all there is to see comes within a week's worth of steps: does any pass? */
static bool sub_daily_happens(const BcRecurrence *r, const struct icalrecurrencetype *rule)
{
    int step = rule->interval * (rule->freq == ICAL_HOURLY_RECURRENCE ? 60 : 1) % (7 * 1440);
    int at = (icaltime_day_of_week(r->start) - 1) * 1440 + r->start.hour * 60 + r->start.minute;
    for (int i = 0; i < 7 * 1440; i++, at = (at + step) % (7 * 1440))
        if (bc_by_has(rule->by_day, at / 1440 + 1) && bc_by_has(rule->by_hour, at / 60 % 24))
            return true;
    return false;
}

static const char *check_sub_daily(const BcRecurrence *r, const struct icalrecurrencetype *rule)
{
    const short *const coarse[] = {rule->by_month, rule->by_month_day, rule->by_year_day, rule->by_week_no, rule->by_set_pos};
    for (unsigned i = 0; i < G_N_ELEMENTS(coarse); i++)
        if (bc_by_count(coarse[i]))
            return "FREQ=MINUTELY and FREQ=HOURLY take BYDAY, BYHOUR and (HOURLY) BYMINUTE alone: say it with FREQ=DAILY or longer";
    if (rule->freq == ICAL_MINUTELY_RECURRENCE && bc_by_count(rule->by_minute))
        return "FREQ=MINUTELY takes no BYMINUTE: say it with FREQ=HOURLY";
    for (unsigned i = 0; i < bc_by_count(rule->by_day); i++)
        if (rule->by_day[i] < 1 || rule->by_day[i] > 7)
            return "FREQ=MINUTELY and FREQ=HOURLY take plain days in BYDAY";
    if (!sub_daily_happens(r, rule))
        return "it would never happen";
    return bc_by_count(rule->by_minute) > DAY_MAX / 24 ? "more than 288 times a day" : NULL;
}

static const char *check_rule(const BcRecurrence *r, const struct icalrecurrencetype *rule)
{
    if (rule->freq == ICAL_NO_RECURRENCE)
        return "it is not an RFC 5545 recurrence rule";
    if (rule->freq == ICAL_SECONDLY_RECURRENCE)
        return "FREQ=SECONDLY is not allowed";
    if (rule->freq == ICAL_MINUTELY_RECURRENCE && rule->interval < 5)
        return "FREQ=MINUTELY needs INTERVAL of 5 or more";
    if (bc_by_count(rule->by_second) > 1)
        return "only one BYSECOND is allowed";
    if (rule->interval < 1)
        return "INTERVAL must be at least 1";
    if (rule->freq == ICAL_MINUTELY_RECURRENCE || rule->freq == ICAL_HOURLY_RECURRENCE)
        return check_sub_daily(r, rule);
    if (bc_by_count(rule->by_set_pos) && (bc_by_count(rule->by_hour) > 1 || bc_by_count(rule->by_minute) > 1))
        return "BYSETPOS goes with one time of the day only";
    if (rule->freq == ICAL_WEEKLY_RECURRENCE &&
        bc_by_count(rule->by_set_pos) + bc_by_count(rule->by_month_day) + bc_by_count(rule->by_year_day) + bc_by_count(rule->by_week_no))
        return "FREQ=WEEKLY takes BYDAY, BYMONTH, BYHOUR and BYMINUTE alone: say it with FREQ=MONTHLY or FREQ=YEARLY";
    for (unsigned i = 0; rule->freq == ICAL_WEEKLY_RECURRENCE && i < bc_by_count(rule->by_day); i++)
        if (rule->by_day[i] < 1 || rule->by_day[i] > 7)
            return "FREQ=WEEKLY takes plain days in BYDAY";
    return MAX(bc_by_count(rule->by_hour), 1) * MAX(bc_by_count(rule->by_minute), 1) > DAY_MAX ? "more than 288 times a day" : NULL;
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
        why = check_rule(r, &rule);
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
    r->walk = bc_walk_new(&rule, r->start);
    return true;
}

BcRecurrence *bc_recurrence_new(const char *start_local, const char *zone, const char *rule, const char *until_local,
                                GError **error)
{
    g_autoptr(BcRecurrence) r = g_new0(BcRecurrence, 1);
    r->until_us = r->cur_us = INT64_MAX;
    r->prev_us = INT64_MIN;
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
    bc_walk_free(r->walk);
    g_clear_pointer(&r->zone, g_time_zone_unref);
    g_free(r);
}

/* A start from which the same occurrences follow, a little before after_us: walking there from the first day would take ever
 * longer. Exact where periods are of one length and nothing is counted. */
static struct icaltimetype near_start(const BcRecurrence *r, int64_t after_us)
{
    static const int minutes[] = {[ICAL_MINUTELY_RECURRENCE] = 1, [ICAL_HOURLY_RECURRENCE] = 60, [ICAL_DAILY_RECURRENCE] = 1440,
                                  [ICAL_WEEKLY_RECURRENCE] = 7 * 1440};
    struct icaltimetype start = r->start;
    if ((unsigned)r->rule.freq >= G_N_ELEMENTS(minutes) || !minutes[r->rule.freq] || r->rule.count || after_us == INT64_MAX)
        return start;
    int64_t period = (int64_t)r->rule.interval * minutes[r->rule.freq];
    int64_t ahead = (MIN(after_us, r->until_us) - r->start_us) / (60 * G_USEC_PER_SEC) - 2 * 1440; /* zones shift by hours, not days */
    int64_t periods = ahead / period - 1;
    if (periods <= 0)
        return start;
    int64_t days = periods * period / 1440;
    if (days > 3000 * 366)
        return start;
    icaltime_adjust(&start, (int)days, 0, (int)(periods * period % 1440), 0);
    return start;
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

/* A zone's change may bring two civil times to one moment, or out of order by the hour it takes: look from before it. */
static int64_t walk_next(BcRecurrence *r, int64_t after_us)
{
    int64_t least_s = INT64_MIN;
    if (r->cur_us != INT64_MAX && r->prev_us != INT64_MIN && after_us >= r->prev_us && r->cur_us > after_us)
        return r->cur_us; /* the answer before still holds */
    if (after_us > INT64_MIN / 2) {
        int64_t wall_us = MIN(after_us, r->until_us), t = wall_us / G_USEC_PER_SEC;
        BcCivil civil = bc_civil(r->zone, wall_us);
        bool changes = g_time_zone_find_interval(r->zone, G_TIME_TYPE_UNIVERSAL, t - 7200) !=
                       g_time_zone_find_interval(r->zone, G_TIME_TYPE_UNIVERSAL, t + 7200);
        least_s = civil.day * 86400ll + civil.second - (changes ? 7200 : 1);
    }
    int64_t at_us = INT64_MAX;
    for (int64_t at_s = bc_walk_next(r->walk, least_s); at_s != INT64_MAX; at_s = bc_walk_next(r->walk, at_s)) {
        int64_t day = at_s / 86400 - (at_s % 86400 < 0);
        at_us = bc_civil_to_wall(r->zone, (int32_t)day, (int32_t)(at_s - day * 86400));
        if (at_us > after_us)
            break;
        at_us = INT64_MAX;
    }
    r->prev_us = after_us;
    r->cur_us = at_us > r->until_us ? INT64_MAX : at_us;
    return r->cur_us;
}

int64_t bc_recurrence_next(BcRecurrence *r, int64_t after_us)
{
    if (!r->repeats)
        return r->start_us > after_us && r->start_us <= r->until_us ? r->start_us : INT64_MAX;
    if (r->walk)
        return walk_next(r, after_us);
    if (!r->iterator || after_us < r->prev_us) {
        if (r->iterator)
            icalrecur_iterator_free(r->iterator);
        r->iterator = icalrecur_iterator_new(r->rule, near_start(r, after_us));
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
