/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/quiet.h"

#include <string.h>

struct BcQuiet { /* g_rc_box */
    MdStore *store;
    BcAreas *areas;
    GTimeZone *zone;
    BcQuietHours standard;
    GHashTable *own;      /* area -> BcQuietHours* */
    GHashTable *releases; /* id -> BcQuietRelease* */
};

/* --- hours --- */

bool bc_quiet_parse(const char *text, BcQuietHours *ret)
{
    *ret = (BcQuietHours){0, 0};
    if (g_strcmp0(text, "none") == 0)
        return true;
    g_auto(GStrv) parts = text && strlen(text) < 20 ? g_strsplit(text, "-", 2) : NULL;
    int from = parts && parts[0] ? bc_parse_time(parts[0]) : -1, to = from >= 0 && parts[1] ? bc_parse_time(parts[1]) : -1;
    if (from < 0 || to < 0 || from == 86400 || from == to)
        return false;
    *ret = (BcQuietHours){(unsigned)from, (unsigned)to};
    return true;
}

char *bc_quiet_format(const BcQuietHours *hours)
{
    g_autofree char *from = bc_format_time(hours->from_s), *to = bc_format_time(hours->to_s);
    return hours->from_s == hours->to_s ? g_strdup("none") : g_strconcat(from, "-", to, NULL);
}

bool bc_quiet_is(const BcQuietHours *h, unsigned second, unsigned *ret_left_s)
{
    unsigned to = h->to_s % 86400;
    bool quiet = h->from_s == h->to_s ? false : h->from_s < h->to_s ? second >= h->from_s && second < h->to_s
                                                                    : second >= h->from_s || second < h->to_s;
    unsigned next = quiet ? to : h->from_s;
    *ret_left_s = h->from_s == h->to_s ? 86400 : next > second ? next - second : next + 86400 - second;
    return quiet;
}

/* --- the registry --- */

static void free_release(gpointer data)
{
    BcQuietRelease *r = data;
    g_strfreev((char **)r->areas);
    g_free((char *)r->id);
    g_free((char *)r->reason);
    g_free((char *)r->asked_by);
    g_free((char *)r->released_by);
    g_free(r);
}

static BcQuietRelease *copy_release(const BcQuietRelease *from)
{
    BcQuietRelease *r = g_new0(BcQuietRelease, 1);
    *r = *from;
    r->areas = (const char *const *)g_strdupv((char **)from->areas);
    r->id = g_strdup(from->id);
    r->reason = g_strdup(from->reason);
    r->asked_by = g_strdup(from->asked_by);
    r->released_by = g_strdup(from->released_by);
    return r;
}

static void clear_quiet(gpointer data)
{
    BcQuiet *quiet = data;
    g_hash_table_unref(quiet->own);
    g_hash_table_unref(quiet->releases);
    g_clear_pointer(&quiet->zone, g_time_zone_unref);
    bc_areas_unref(quiet->areas);
}

void bc_quiet_unref(BcQuiet *quiet)
{
    if (quiet)
        g_rc_box_release_full(quiet, clear_quiet);
}

static bool load_hours(BcQuiet *quiet, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(quiet->store), error, "SELECT area, from_s, to_s FROM bc_quiet", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcQuietHours hours = {(unsigned)md_rows_int(rows, 1), (unsigned)md_rows_int(rows, 2)};
        g_hash_table_replace(quiet->own, g_strdup(md_rows_text(rows, 0)), g_memdup2(&hours, sizeof hours));
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

static bool load_releases(BcQuiet *quiet, int64_t now_us, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(quiet->store), error,
                                         "SELECT id, areas, from_us, to_us, reason, asked_by, asked_us, released_by, released_us"
                                         " FROM bc_quiet_releases WHERE to_us > $1", "i", now_us);
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        g_auto(GStrv) areas = g_strsplit(md_rows_text(rows, 1), ",", -1);
        BcQuietRelease *r = copy_release(&(BcQuietRelease){md_rows_text(rows, 0), (const char *const *)areas, md_rows_int(rows, 2),
                                                           md_rows_int(rows, 3), md_rows_text(rows, 4), md_rows_text(rows, 5),
                                                           md_rows_int(rows, 6), md_rows_text(rows, 7), md_rows_int(rows, 8)});
        g_hash_table_replace(quiet->releases, (char *)r->id, r);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

BcQuiet *bc_quiet_new(MdStore *store, BcAreas *areas, const BcQuietHours *standard, const char *zone, int64_t now_us, GError **error)
{
    g_autoptr(BcQuiet) quiet = g_rc_box_new0(BcQuiet);
    quiet->store = store;
    quiet->areas = g_rc_box_acquire(areas);
    quiet->standard = *standard;
    quiet->zone = g_time_zone_new_identifier(zone);
    quiet->own = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    quiet->releases = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_release);
    if (!quiet->zone) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "unknown time zone \"%s\"", zone);
        return NULL;
    }
    return load_hours(quiet, error) && load_releases(quiet, now_us, error) ? g_steal_pointer(&quiet) : NULL;
}

BcQuietHours bc_quiet_hours(const BcQuiet *quiet, const char *area, const char **ret_from)
{
    for (unsigned depth = 0; area && depth <= BC_AREA_DEPTH_MAX; depth++) {
        const BcArea *found = bc_areas_find(quiet->areas, area);
        const BcQuietHours *own = g_hash_table_lookup(quiet->own, area);
        if (ret_from)
            *ret_from = own && found ? found->code : NULL;
        if (own)
            return *own;
        area = found ? found->parent : NULL;
    }
    return quiet->standard;
}

bool bc_quiet_own(const BcQuiet *quiet, const char *area)
{
    return g_hash_table_contains(quiet->own, area);
}

/* Two people have let it sound there. */
static bool is_released(const BcQuiet *quiet, const char *area, int64_t wall_us)
{
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, quiet->releases);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        const BcQuietRelease *r = value;
        for (unsigned i = 0; r->released_by && wall_us >= r->from_us && wall_us < r->to_us && r->areas[i]; i++)
            if (bc_areas_contains(quiet->areas, r->areas[i], area))
                return true;
    }
    return false;
}

bool bc_quiet_at(const BcQuiet *quiet, const char *area, int64_t wall_us)
{
    BcQuietHours hours = bc_quiet_hours(quiet, area, NULL);
    unsigned left;
    return bc_quiet_is(&hours, (unsigned)bc_civil(quiet->zone, wall_us).second, &left) && !is_released(quiet, area, wall_us);
}

int64_t bc_quiet_until_us(const BcQuiet *quiet, const char *area, int64_t wall_us)
{
    BcQuietHours hours = bc_quiet_hours(quiet, area, NULL);
    unsigned left;
    bool is = bc_quiet_is(&hours, (unsigned)bc_civil(quiet->zone, wall_us).second, &left) && !is_released(quiet, area, wall_us);
    return is ? wall_us + (int64_t)left * G_USEC_PER_SEC : 0;
}

/* --- changes --- */

typedef struct Own {
    char *area;
    BcQuietHours hours;
    bool set;
} Own;

static void free_own(gpointer data)
{
    g_free(((Own *)data)->area);
    g_free(data);
}

static bool write_own(MdDb *db, gpointer data, GError **error)
{
    const Own *own = data;
    return md_db_run(db, error, "DELETE FROM bc_quiet WHERE area = $1", "s", own->area) &&
           (!own->set || md_db_run(db, error, "INSERT INTO bc_quiet (area, from_s, to_s) VALUES ($1, $2, $3)", "sii", own->area,
                                   (int64_t)own->hours.from_s, (int64_t)own->hours.to_s));
}

static void apply_own(gpointer owner, gpointer data)
{
    const Own *own = data;
    if (own->set)
        g_hash_table_replace(((BcQuiet *)owner)->own, g_strdup(own->area), g_memdup2(&own->hours, sizeof own->hours));
    else
        g_hash_table_remove(((BcQuiet *)owner)->own, own->area);
}

void bc_quiet_put(BcQuiet *quiet, const char *area, const BcQuietHours *hours, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    if (!bc_areas_find(quiet->areas, area))
        error = g_error_new(BC_ERROR, BC_ERROR_NOT_FOUND, "there is no area %s", area ? area : "");
    else if (hours && (hours->from_s >= 86400 || hours->to_s > 86400))
        error = g_error_new(BC_ERROR, BC_ERROR_INVALID, "quiet hours: \"hours\" must look like 21:30-05:00, or be none");
    if (error) {
        if (done)
            done(error, user);
        return;
    }
    Own *own = g_new0(Own, 1);
    *own = (Own){g_strdup(area), hours ? *hours : (BcQuietHours){0, 0}, hours != NULL};
    bc_write(quiet->store, write_own, own, free_own, quiet, (GDestroyNotify)bc_quiet_unref, apply_own, done, user);
}

static bool write_release(MdDb *db, gpointer data, GError **error)
{
    const BcQuietRelease *r = data;
    g_autofree char *areas = g_strjoinv(",", (char **)r->areas);
    return md_db_run(db, error, "DELETE FROM bc_quiet_releases WHERE id = $1", "s", r->id) &&
           md_db_run(db, error,
                     "INSERT INTO bc_quiet_releases (id, areas, from_us, to_us, reason, asked_by, asked_us, released_by, released_us)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                     "ssiissisi", r->id, areas, r->from_us, r->to_us, r->reason, r->asked_by, r->asked_us, r->released_by, r->released_us);
}

static void apply_release(gpointer owner, gpointer data)
{
    BcQuietRelease *r = copy_release(data);
    g_hash_table_replace(((BcQuiet *)owner)->releases, (char *)r->id, r);
}

static void forget_old(BcQuiet *quiet, int64_t now_us)
{
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, quiet->releases);
    while (g_hash_table_iter_next(&it, NULL, &value))
        if (((BcQuietRelease *)value)->to_us <= now_us)
            g_hash_table_iter_remove(&it);
}

static bool check_release(const BcQuiet *quiet, const BcQuietRelease *r, int64_t now_us, GError **error)
{
    if (!r->areas || !r->areas[0] || g_strv_length((char **)r->areas) > 500)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "quiet release: name 1 to 500 \"areas\"");
    else if (r->to_us <= r->from_us || r->to_us <= now_us || r->to_us - r->from_us > BC_QUIET_RELEASE_MAX_US)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "quiet release: \"from_us\" to \"to_us\" must be a span of at most 12 hours that is not over");
    else if (!bc_text_ok(r->reason, 500) || !bc_text_ok(r->asked_by, 100))
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "quiet release: \"reason\" is missing or too long");
    else if (g_hash_table_size(quiet->releases) >= BC_QUIET_RELEASES_MAX)
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "there are %u releases already", BC_QUIET_RELEASES_MAX);
    else {
        for (unsigned i = 0; r->areas[i]; i++)
            if (!bc_areas_find(quiet->areas, r->areas[i])) {
                g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no area %s", r->areas[i]);
                return false;
            }
        return true;
    }
    return false;
}

void bc_quiet_ask(BcQuiet *quiet, const BcQuietRelease *wish, int64_t now_us, char **ret_id, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    forget_old(quiet, now_us);
    if (!check_release(quiet, wish, now_us, &error)) {
        if (done)
            done(error, user);
        return;
    }
    BcQuietRelease *r = copy_release(wish);
    g_free((char *)r->id);
    g_free((char *)r->released_by);
    r->id = bc_new_id("q");
    r->released_by = NULL;
    r->released_us = 0;
    r->asked_us = now_us;
    if (ret_id)
        *ret_id = g_strdup(r->id);
    bc_write(quiet->store, write_release, r, free_release, quiet, (GDestroyNotify)bc_quiet_unref, apply_release, done, user);
}

void bc_quiet_release(BcQuiet *quiet, const char *id, const char *who, int64_t now_us, BcDoneFn done, void *user)
{
    const BcQuietRelease *was = id ? g_hash_table_lookup(quiet->releases, id) : NULL;
    g_autoptr(GError) error = NULL;
    if (!was)
        error = g_error_new(BC_ERROR, BC_ERROR_NOT_FOUND, "nobody asks for the release %s", id ? id : "");
    else if (was->to_us <= now_us)
        error = g_error_new(BC_ERROR, BC_ERROR_STATE, "its span is over");
    else if (!who || g_str_equal(was->asked_by, who))
        error = g_error_new(BC_ERROR, BC_ERROR_STATE, "whoever asked for it cannot release it: another person must");
    if (error) {
        if (done)
            done(error, user);
        return;
    }
    BcQuietRelease *r = copy_release(was);
    g_free((char *)r->released_by);
    r->released_by = g_strdup(who);
    r->released_us = now_us;
    bc_write(quiet->store, write_release, r, free_release, quiet, (GDestroyNotify)bc_quiet_unref, apply_release, done, user);
}

static int by_from(gconstpointer a, gconstpointer b)
{
    const BcQuietRelease *x = *(const BcQuietRelease *const *)a, *y = *(const BcQuietRelease *const *)b;
    return x->from_us != y->from_us ? (x->from_us < y->from_us ? -1 : 1) : strcmp(x->id, y->id);
}

GPtrArray *bc_quiet_releases(const BcQuiet *quiet, int64_t now_us)
{
    GPtrArray *all = bc_table_values(quiet->releases);
    for (unsigned i = all->len; i-- > 0;)
        if (((BcQuietRelease *)all->pdata[i])->to_us <= now_us)
            g_ptr_array_remove_index(all, i);
    g_ptr_array_sort(all, by_from);
    return all;
}
