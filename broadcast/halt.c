/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/halt.h"

struct BcHalts { /* g_rc_box */
    MdStore *store;
    BcAreas *areas;
    GHashTable *by_area; /* code -> int64_t* */
    int64_t horizon_us;  /* what lies beyond was noted by a wrong clock */
};

#define AHEAD_MAX_US 60000000

typedef struct Halt {
    char *area;
    int64_t before_us;
} Halt;

static void clear_halts(gpointer data)
{
    g_hash_table_unref(((BcHalts *)data)->by_area);
    bc_areas_unref(((BcHalts *)data)->areas);
}

void bc_halts_unref(BcHalts *halts)
{
    if (halts)
        g_rc_box_release_full(halts, clear_halts);
}

static void set(BcHalts *halts, const char *area, int64_t before_us)
{
    g_hash_table_replace(halts->by_area, g_strdup(area), g_memdup2(&before_us, sizeof before_us));
}

BcHalts *bc_halts_new(MdStore *store, BcAreas *areas, GError **error)
{
    g_autoptr(BcHalts) halts = g_rc_box_new0(BcHalts);
    halts->horizon_us = INT64_MAX;
    halts->store = store;
    halts->areas = g_rc_box_acquire(areas);
    halts->by_area = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(store), error, "SELECT area, before_us FROM bc_stops", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure))
        set(halts, md_rows_text(rows, 0), md_rows_int(rows, 1));
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure ? g_steal_pointer(&halts) : NULL;
}

int64_t bc_halts_before_us(const BcHalts *halts, const char *area)
{
    int64_t latest = 0;
    for (unsigned depth = 0; area && depth <= BC_AREA_DEPTH_MAX; depth++) {
        const int64_t *own = g_hash_table_lookup(halts->by_area, area);
        const BcArea *found = bc_areas_find(halts->areas, area);
        latest = MAX(latest, own && *own <= halts->horizon_us ? *own : 0);
        area = found ? found->parent : NULL;
    }
    return latest;
}

void bc_halts_set_clock(BcHalts *halts, int64_t now_us)
{
    halts->horizon_us = now_us + AHEAD_MAX_US;
}

bool bc_halts_own(const BcHalts *halts, const char *area)
{
    return g_hash_table_contains(halts->by_area, area);
}

static bool write_halt(MdDb *db, gpointer data, GError **error)
{
    const Halt *halt = data;
    return md_db_run(db, error, "DELETE FROM bc_stops WHERE area = $1", "s", halt->area) &&
           md_db_run(db, error, "INSERT INTO bc_stops (area, before_us) VALUES ($1, $2)", "si", halt->area, halt->before_us);
}

static void apply_halt(gpointer owner, gpointer data)
{
    set(owner, ((Halt *)data)->area, ((Halt *)data)->before_us);
}

static void free_halt(gpointer data)
{
    g_free(((Halt *)data)->area);
    g_free(data);
}

void bc_halts_put(BcHalts *halts, const char *area, int64_t before_us, BcDoneFn done, void *user)
{
    if (!bc_areas_find(halts->areas, area)) {
        g_autoptr(GError) error = g_error_new(BC_ERROR, BC_ERROR_NOT_FOUND, "there is no area %s", area ? area : "");
        if (done)
            done(error, user);
        return;
    }
    Halt *halt = g_new0(Halt, 1);
    *halt = (Halt){g_strdup(area), before_us};
    bc_write(halts->store, write_halt, halt, free_halt, halts, (GDestroyNotify)bc_halts_unref, apply_halt, done, user);
}
