/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/report/report.h"
#include <string.h>

#define SLICE_US (INT64_C(6) * 3600 * G_USEC_PER_SEC)
#define DAY_US (INT64_C(24) * 3600 * G_USEC_PER_SEC)
#define AT_ONCE_MAX 4
/* Lateness is counted in a histogram: 50 ms steps from -60 s to 10 minutes. Beyond is taken for the ends. */
#define LATE_MIN_MS (-60000)
#define LATE_STEP_MS 50
#define LATE_STEPS ((600000 - LATE_MIN_MS) / LATE_STEP_MS)

static unsigned running;

typedef struct Tally {
    BcReportRow row;
    GArray *late; /* of guint32, LATE_STEPS; NULL before the first */
} Tally;

typedef struct Job {
    MdStore *store;
    BcReport *report;
    char *vendor;
    GHashTable *tallies;    /* key → Tally */
    GHashTable *area_group; /* area code → key, of all areas in the subtree; NULL value: not grouped by area */
    GHashTable *device_ok;  /* vendor's devices; NULL: all */
    Tally total;
    int64_t at_us;
    BcReportFn done;
    void *user;
} Job;

static void row_clear(BcReportRow *row)
{
    g_free((char *)row->key);
    g_free((char *)row->name);
    g_free((char *)row->area);
}

static void row_free(gpointer data)
{
    row_clear(data);
    g_free(data);
}

void bc_report_free(BcReport *report)
{
    if (!report)
        return;
    g_free(report->title);
    g_ptr_array_unref(report->rows);
    row_clear(&report->total);
    g_free(report);
}

static void tally_free(gpointer data)
{
    Tally *t = data;

    row_clear(&t->row);
    g_clear_pointer(&t->late, g_array_unref);
    g_free(t);
}

static void job_free(Job *job)
{
    running--;
    bc_report_free(job->report);
    g_hash_table_unref(job->tallies);
    g_hash_table_unref(job->area_group);
    g_clear_pointer(&job->device_ok, g_hash_table_unref);
    g_clear_pointer(&job->total.late, g_array_unref);
    g_free(job->vendor);
    g_free(job);
}

/* --- reasons --- */

static const char *const miss_names[BC_MISS_MAX] = {"unreachable", "busy", "refused", "pre-empted", "stopped", "late", "network", "server", "other"};

const char *bc_miss_to_string(BcMiss miss)
{
    return (unsigned)miss < BC_MISS_MAX ? miss_names[miss] : NULL;
}

/* The play log's words are for people; these beginnings and parts of them sort them. The first that fits counts. */
BcMiss bc_miss_of(const char *reason)
{
    static const struct {
        const char *part;
        BcMiss miss;
    } parts[] = {
        {"pre-empted", BC_MISS_PREEMPTED}, {"held by another", BC_MISS_PREEMPTED},
        {"stopped by", BC_MISS_STOPPED},   {"stopped", BC_MISS_STOPPED},
        {"not registered", BC_MISS_UNREACHABLE}, {"no answer", BC_MISS_UNREACHABLE}, {"offline", BC_MISS_UNREACHABLE},
        {"silent", BC_MISS_UNREACHABLE},   {"408", BC_MISS_UNREACHABLE}, {"480", BC_MISS_UNREACHABLE}, {"404", BC_MISS_UNREACHABLE},
        {"nothing here drives", BC_MISS_UNREACHABLE}, {"not acknowledged", BC_MISS_UNREACHABLE},
        {"busy", BC_MISS_BUSY},            {"486", BC_MISS_BUSY},        {"600", BC_MISS_BUSY},
        {"signature", BC_MISS_REFUSED},    {"refused", BC_MISS_REFUSED}, {"403", BC_MISS_REFUSED}, {"488", BC_MISS_REFUSED},
        {"603", BC_MISS_REFUSED},          {"ended the call", BC_MISS_REFUSED},
        {"late", BC_MISS_LATE},            {"expired", BC_MISS_LATE},    {"too little was left", BC_MISS_LATE}, {"not its turn", BC_MISS_LATE},
        {"could not be sent", BC_MISS_NETWORK}, {"lost", BC_MISS_NETWORK}, {"network", BC_MISS_NETWORK},
        {"interrupted", BC_MISS_SERVER},   {"mediad", BC_MISS_SERVER},
    };

    for (unsigned i = 0; reason && i < G_N_ELEMENTS(parts); i++)
        if (strstr(reason, parts[i].part))
            return parts[i].miss;
    return BC_MISS_OTHER;
}

/* --- counting --- */

static void count_late(Tally *t, int64_t late_us)
{
    int64_t step = (late_us / 1000 - LATE_MIN_MS) / LATE_STEP_MS;

    if (!t->late) {
        t->late = g_array_new(FALSE, TRUE, sizeof(guint32));
        g_array_set_size(t->late, LATE_STEPS);
    }
    g_array_index(t->late, guint32, CLAMP(step, 0, LATE_STEPS - 1))++;
    t->row.started++;
}

static int64_t percentile(const Tally *t, double share)
{
    uint64_t rank = (uint64_t)((double)t->row.started * share), seen = 0;

    for (unsigned i = 0; t->late && i < LATE_STEPS; i++) {
        seen += g_array_index(t->late, guint32, i);
        if (seen > MIN(rank, t->row.started - 1))
            return LATE_MIN_MS + (int64_t)i * LATE_STEP_MS;
    }
    return 0;
}

enum { P_ANNOUNCEMENT, P_DEVICE, P_AREA, P_OUTCOME, P_REASON, P_FROM, P_TO, P_PROVED, P_PROOF_FROM, P_PROOF_TO, A_PRIORITY, A_START, A_END };

static void count_play(Tally *t, MdRows *rows)
{
    BcReportRow *r = &t->row;
    const char *outcome = md_rows_text(rows, P_OUTCOME);
    int64_t from = md_rows_int(rows, P_PROOF_FROM), to = md_rows_int(rows, P_PROOF_TO);
    int64_t start = md_rows_int(rows, A_START), end = md_rows_int(rows, A_END);
    bool played = g_strcmp0(outcome, "played") == 0, partial = g_strcmp0(outcome, "partial") == 0;

    if (!from) {
        from = md_rows_int(rows, P_FROM);
        to = md_rows_int(rows, P_TO);
    }
    r->requested++;
    r->played += played;
    r->partial += partial;
    r->missed += !played && !partial;
    r->proved += md_rows_int(rows, P_PROVED) > 0;
    if (!played)
        r->missed_why[bc_miss_of(md_rows_text(rows, P_REASON))]++;
    if (md_rows_int(rows, A_PRIORITY) == BC_EMERGENCY) {
        r->urgent++;
        r->urgent_heard += played || partial;
    }
    if (end > start)
        r->requested_us += end - start;
    if (from > 0 && to > from)
        r->air_us += to - from;
    if (from > 0 && (played || partial))
        count_late(t, from - start);
}

static void count_day(BcReport *report, MdRows *rows)
{
    BcReportDay *day = &report->days[MIN((md_rows_int(rows, A_START) - report->from_us) / DAY_US, BC_REPORT_DAYS_MAX - 1)];
    const char *outcome = md_rows_text(rows, P_OUTCOME);
    bool played = g_strcmp0(outcome, "played") == 0, partial = g_strcmp0(outcome, "partial") == 0;

    day->requested++;
    day->played += played;
    day->partial += partial;
    day->missed += !played && !partial;
}

/* What is still on or waits is no result yet. */
static const char plays_sql[] =
    "SELECT p.announcement, p.device, p.area, p.outcome, p.reason, p.from_us, p.to_us, p.proved_us, p.proof_from_us, p.proof_to_us, a.priority, "
    "a.start_us, a.end_us FROM bc_announcements a JOIN bc_plays p ON p.announcement = a.id "
    "WHERE a.start_us >= $1 AND a.start_us < $2 AND COALESCE(a.drill, 0) = 0 AND p.outcome IN ('played', 'partial', 'missed')";

static bool read_slice(MdDb *db, gpointer data, GError **error)
{
    Job *job = data;
    int64_t to = MIN(job->at_us + SLICE_US, job->report->to_us);
    GError *local = NULL;
    g_autoptr(MdRows) rows = md_db_query(db, error, plays_sql, "ii", job->at_us, to);

    if (!rows)
        return false;
    while (md_rows_next(rows, &local)) {
        const char *device = md_rows_text(rows, P_DEVICE);
        const char *key = g_hash_table_lookup(job->area_group, md_rows_text(rows, P_AREA));
        if (!key || (job->device_ok && !g_hash_table_contains(job->device_ok, device)))
            continue;
        Tally *t = g_hash_table_lookup(job->tallies, job->report->by == BC_REPORT_BY_DEVICE ? device : key);
        if (!t) /* of a loudspeaker that was removed meanwhile */
            g_hash_table_insert(job->tallies, g_strdup(device), t = g_new0(Tally, 1));
        count_play(t, rows);
        count_play(&job->total, rows);
        count_day(job->report, rows);
    }
    g_clear_pointer(&rows, md_rows_free);
    rows = local ? NULL : md_db_query(db, &local, "SELECT SUM(CASE WHEN COALESCE(drill, 0) = 0 THEN 1 ELSE 0 END), SUM(COALESCE(drill, 0)) "
                                                  "FROM bc_announcements WHERE start_us >= $1 AND start_us < $2", "ii", job->at_us, to);
    if (rows && md_rows_next(rows, &local)) {
        job->report->announcements += (uint64_t)md_rows_int(rows, 0);
        job->report->drills += (uint64_t)md_rows_int(rows, 1);
    }
    job->at_us = to;
    if (local)
        g_propagate_error(error, local);
    return !local;
}

static int by_key(gconstpointer a, gconstpointer b)
{
    const BcReportRow *x = *(BcReportRow *const *)a, *y = *(BcReportRow *const *)b;

    return strcmp(x->key, y->key);
}

static BcReportRow take_row(Tally *t, const char *key)
{
    BcReportRow row = t->row;

    row.late_p50_ms = percentile(t, 0.5);
    row.late_p99_ms = percentile(t, 0.99);
    if (!row.key) {
        row.key = g_strdup(key);
        row.name = g_strdup(key);
        row.area = g_strdup("");
    }
    memset(&t->row, 0, sizeof t->row);
    return row;
}

static void finish(Job *job)
{
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, job->tallies);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        BcReportRow row = take_row(value, key);
        g_ptr_array_add(job->report->rows, g_memdup2(&row, sizeof row));
    }
    g_ptr_array_sort(job->report->rows, by_key);
    unsigned devices = job->report->total.devices;
    job->report->total = take_row(&job->total, "");
    job->report->total.devices = devices;
    job->done(g_steal_pointer(&job->report), NULL, job->user);
    job_free(job);
}

static void slice_read(bool ok, const GError *error, gpointer data, gpointer user)
{
    Job *job = data;

    if (!ok) {
        job->done(NULL, error, job->user);
        job_free(job);
    } else if (job->at_us < job->report->to_us) {
        md_store_write(job->store, read_slice, job, NULL, slice_read, NULL);
    } else {
        finish(job);
    }
}

/* --- what there is --- */

/* The area itself when it is a root, else the one just below the root. */
static const BcArea *commune_of(const BcAreas *areas, const BcArea *area)
{
    for (unsigned i = 0; i < BC_AREA_DEPTH_MAX && area->parent; i++) {
        const BcArea *parent = bc_areas_find(areas, area->parent);
        if (!parent || !parent->parent)
            return area;
        area = parent;
    }
    return area;
}

static Tally *add_tally(Job *job, const char *key, const char *name, const char *area)
{
    Tally *t = g_hash_table_lookup(job->tallies, key);

    if (t)
        return t;
    t = g_new0(Tally, 1);
    t->row.key = g_strdup(key);
    t->row.name = g_strdup(name);
    t->row.area = g_strdup(area);
    g_hash_table_insert(job->tallies, g_strdup(key), t);
    return t;
}

static void add_places(Job *job, const BcReportSpec *spec)
{
    g_autoptr(GPtrArray) areas = bc_areas_subtree(spec->areas, spec->under);

    for (unsigned i = 0; i < areas->len; i++) {
        const BcArea *area = areas->pdata[i];
        const BcArea *group = spec->by == BC_REPORT_BY_COMMUNE ? commune_of(spec->areas, area) : area;
        if (spec->under && !bc_areas_contains(spec->areas, spec->under, group->code))
            group = area; /* asked for something below a commune */
        g_hash_table_insert(job->area_group, g_strdup(area->code), g_strdup(group->code));
        if (spec->by != BC_REPORT_BY_DEVICE && (group->parent || spec->by == BC_REPORT_BY_AREA))
            add_tally(job, group->code, group->name, "");
    }
}

static void add_devices(Job *job, const BcReportSpec *spec)
{
    const char *const under[] = {spec->under, NULL};
    g_autoptr(GPtrArray) devices = bc_devices_in(spec->devices, spec->under ? under : NULL, false);

    for (unsigned i = 0; i < devices->len; i++) {
        const BcDevice *device = devices->pdata[i];
        if (spec->vendor && (!device->vendor || g_ascii_strcasecmp(spec->vendor, device->vendor) != 0))
            continue;
        if (job->device_ok)
            g_hash_table_add(job->device_ok, g_strdup(device->id));
        const char *group = g_hash_table_lookup(job->area_group, device->area);
        const BcArea *area = bc_areas_find(spec->areas, spec->by == BC_REPORT_BY_DEVICE || !group ? device->area : group);
        Tally *t = spec->by == BC_REPORT_BY_DEVICE ? add_tally(job, device->id, device->name, area ? area->name : device->area)
                                                   : area ? add_tally(job, area->code, area->name, "") : NULL;
        if (t)
            t->row.devices++;
        job->report->total.devices++;
    }
}

void bc_report_run(const BcReportSpec *spec, BcReportFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    const BcArea *area = spec->under ? bc_areas_find(spec->areas, spec->under) : NULL;

    if (spec->under && !area)
        error = g_error_new(BC_ERROR, BC_ERROR_NOT_FOUND, "there is no area %s", spec->under);
    else if (spec->from_us >= spec->to_us)
        error = g_error_new(BC_ERROR, BC_ERROR_INVALID, "the period ends before it begins");
    else if (spec->to_us - spec->from_us > DAY_US * BC_REPORT_DAYS_MAX)
        error = g_error_new(BC_ERROR, BC_ERROR_INVALID, "the period is longer than %d days: ask for shorter ones", BC_REPORT_DAYS_MAX);
    else if (running >= AT_ONCE_MAX)
        error = g_error_new(BC_ERROR, BC_ERROR_LIMIT, "%u reports are being made already: try again in a moment", running);
    if (error) {
        done(NULL, error, user);
        return;
    }
    running++;
    Job *job = g_new0(Job, 1);
    job->store = spec->store;
    job->report = g_new0(BcReport, 1);
    *job->report = (BcReport){.from_us = spec->from_us, .to_us = spec->to_us, .by = spec->by, .title = g_strdup(area ? area->name : ""),
                              .rows = g_ptr_array_new_with_free_func(row_free), .n_days = (unsigned)((spec->to_us - spec->from_us + DAY_US - 1) / DAY_US)};
    job->tallies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, tally_free);
    job->area_group = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    job->device_ok = spec->vendor ? g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) : NULL;
    job->at_us = spec->from_us;
    job->done = done;
    job->user = user;
    add_places(job, spec);
    add_devices(job, spec);
    md_store_write(spec->store, read_slice, job, NULL, slice_read, NULL);
}
