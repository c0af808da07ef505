/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/walk.h"

#include "broadcast/civil.h"

#define LAST_S 95617584000ll /* the year 5000 */
#define EMPTY_MAX 100000     /* periods in a row without an occurrence: it never happens again */
#define DAY_S 86400ll

unsigned bc_by_count(const short *by)
{
    unsigned n = 0;
    while (by[n] != ICAL_RECURRENCE_ARRAY_MAX)
        n++;
    return n;
}

bool bc_by_has(const short *by, int value)
{
    for (unsigned i = 0; by[i] != ICAL_RECURRENCE_ARRAY_MAX; i++)
        if (by[i] == value)
            return true;
    return by[0] == ICAL_RECURRENCE_ARRAY_MAX;
}

struct BcWalk {
    struct icalrecurrencetype rule;
    int64_t start_s, until_s, origin_s, period_s; /* origin: where period 0 begins */
    int64_t period;      /* that batch is of */
    GArray *batch;       /* int64_t: occurrences of it */
    unsigned at;
    int64_t left, last_s; /* of COUNT; the last one given */
};

static int64_t seconds_of(struct icaltimetype t)
{
    struct icaltimetype day = {.year = t.year, .month = t.month, .day = t.day, .is_date = 1};
    return (int64_t)icaltime_as_timet(day) + t.hour * 3600 + t.minute * 60 + t.second;
}

static bool is_plain(const struct icalrecurrencetype *rule)
{
    bool fixed = rule->freq == ICAL_MINUTELY_RECURRENCE || rule->freq == ICAL_HOURLY_RECURRENCE || rule->freq == ICAL_DAILY_RECURRENCE ||
                 rule->freq == ICAL_WEEKLY_RECURRENCE;
    const short *const other[] = {rule->by_month_day, rule->by_year_day, rule->by_week_no, rule->by_set_pos};
    for (unsigned i = 0; fixed && i < G_N_ELEMENTS(other); i++)
        fixed = bc_by_count(other[i]) == 0;
    for (unsigned i = 0; fixed && i < bc_by_count(rule->by_day); i++)
        fixed = rule->by_day[i] >= 1 && rule->by_day[i] <= 7;
    return fixed && rule->interval >= 1;
}

BcWalk *bc_walk_new(const struct icalrecurrencetype *rule, struct icaltimetype start)
{
    static const int64_t lengths[] = {[ICAL_MINUTELY_RECURRENCE] = 60, [ICAL_HOURLY_RECURRENCE] = 3600, [ICAL_DAILY_RECURRENCE] = DAY_S,
                                      [ICAL_WEEKLY_RECURRENCE] = 7 * DAY_S};
    if (!is_plain(rule))
        return NULL;
    BcWalk *walk = g_new0(BcWalk, 1);
    walk->rule = *rule;
    if (bc_by_count(rule->by_second) == 1)
        start.second = rule->by_second[0];
    walk->start_s = seconds_of(start);
    walk->until_s = icaltime_is_null_time(rule->until) ? INT64_MAX : seconds_of(rule->until);
    int64_t length = lengths[rule->freq];
    walk->period_s = length * rule->interval;
    if (rule->freq == ICAL_WEEKLY_RECURRENCE) { /* weeks begin on WKST, days of the week count from Sunday, 1 */
        int64_t day = walk->start_s / DAY_S - (walk->start_s % DAY_S < 0);
        int weekday = (int)(bc_weekday((int32_t)day) + 1) % 7, first = (rule->week_start >= 1 ? (int)rule->week_start : 2) - 1;
        walk->origin_s = (day - (weekday - first + 7) % 7) * DAY_S;
    } else {
        walk->origin_s = (walk->start_s / length - (walk->start_s % length < 0)) * length;
    }
    walk->batch = g_array_new(FALSE, FALSE, sizeof(int64_t));
    walk->period = -1;
    return walk;
}

void bc_walk_free(BcWalk *walk)
{
    if (!walk)
        return;
    g_array_unref(walk->batch);
    g_free(walk);
}

static void add(BcWalk *walk, int64_t at_s)
{
    if (at_s >= walk->start_s && at_s <= walk->until_s && at_s <= LAST_S)
        g_array_append_val(walk->batch, at_s);
}

/* One day's or hour's minutes; the lists are in order as libical has them, or are put in order at the end. */
static void add_minutes(BcWalk *walk, int64_t hour_s)
{
    const short *minutes = walk->rule.by_minute;
    int64_t in_hour = walk->start_s % 3600, second = in_hour % 60;
    if (!bc_by_count(minutes))
        add(walk, hour_s + in_hour);
    for (unsigned i = 0; i < bc_by_count(minutes); i++)
        add(walk, hour_s + minutes[i] * 60 + second);
}

static void add_day(BcWalk *walk, int64_t day_s, bool by_day)
{
    const short *hours = walk->rule.by_hour;
    int64_t day = day_s / DAY_S;
    int weekday = (int)(bc_weekday((int32_t)day) + 1) % 7 + 1; /* as in by_day */
    int start_weekday = (int)(bc_weekday((int32_t)(walk->start_s / DAY_S)) + 1) % 7 + 1;
    if (by_day ? !bc_by_has(walk->rule.by_day, weekday) : weekday != start_weekday)
        return;
    if (bc_by_count(walk->rule.by_month)) {
        struct icaltimetype t = icaltime_from_timet_with_zone((time_t)day_s, 1, NULL);
        if (!bc_by_has(walk->rule.by_month, t.month))
            return;
    }
    if (!bc_by_count(hours))
        add_minutes(walk, day_s + walk->start_s % DAY_S / 3600 * 3600);
    for (unsigned i = 0; i < bc_by_count(hours); i++)
        add_minutes(walk, day_s + hours[i] * 3600);
}

static int by_time(gconstpointer a, gconstpointer b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void unique(GArray *times)
{
    g_array_sort(times, by_time);
    for (unsigned i = times->len; i-- > 1;)
        if (g_array_index(times, int64_t, i) == g_array_index(times, int64_t, i - 1))
            g_array_remove_index(times, i);
}

static void fill(BcWalk *walk, int64_t period)
{
    int64_t from = walk->origin_s + period * walk->period_s;
    int64_t day = from / DAY_S - (from % DAY_S < 0);
    const struct icalrecurrencetype *rule = &walk->rule;
    int weekday = (int)(bc_weekday((int32_t)day) + 1) % 7 + 1;
    walk->period = period;
    walk->at = 0;
    g_array_set_size(walk->batch, 0);
    if (rule->freq == ICAL_WEEKLY_RECURRENCE)
        for (unsigned i = 0; i < 7; i++)
            add_day(walk, from + i * DAY_S, bc_by_count(rule->by_day) > 0);
    else if (rule->freq == ICAL_DAILY_RECURRENCE)
        add_day(walk, from, true);
    else if (bc_by_has(rule->by_day, weekday) && bc_by_has(rule->by_hour, (int)((from - day * DAY_S) / 3600))) {
        if (rule->freq == ICAL_HOURLY_RECURRENCE)
            add_minutes(walk, from);
        else
            add(walk, from + walk->start_s % 60);
    }
    unique(walk->batch);
}

/* From where to look: counted rules from the first on. */
static void rewind_to(BcWalk *walk, int64_t after_s)
{
    int64_t period = walk->rule.count || after_s < walk->origin_s ? 0 : (MIN(after_s, LAST_S) - walk->origin_s) / walk->period_s;
    walk->left = walk->rule.count ? walk->rule.count : INT64_MAX;
    walk->last_s = INT64_MIN;
    fill(walk, period);
}

int64_t bc_walk_next(BcWalk *walk, int64_t after_s)
{
    if (walk->period < 0 || after_s < walk->last_s)
        rewind_to(walk, after_s);
    else if (walk->last_s > after_s)
        return walk->last_s;
    for (unsigned empty = 0; empty < EMPTY_MAX && walk->left > 0;) {
        if (walk->at == walk->batch->len) {
            int64_t next = walk->origin_s + (walk->period + 1) * walk->period_s;
            if (next > LAST_S || next > walk->until_s)
                break;
            empty++;
            fill(walk, walk->period + 1);
            continue;
        }
        int64_t at = g_array_index(walk->batch, int64_t, walk->at++);
        walk->left--;
        empty = 0;
        if (at > after_s) {
            walk->last_s = at;
            return at;
        }
    }
    walk->left = 0;
    return INT64_MAX;
}
