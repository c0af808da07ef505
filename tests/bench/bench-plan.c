/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan of a province: 69 communes with 3 to 5 villages each, 5,000 loudspeakers, ten programmes a day in every commune, provincial relays
 * and holidays, 30 days. Floor: the occurrences of the same programmes, expanded once and thrown away. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <glib/gstdio.h>
#include "broadcast/plan.h"
#include "broadcast/schedule-row.h"

#define ZONE "Asia/Ho_Chi_Minh"
#define S ((int64_t)G_USEC_PER_SEC)
#define FROM_US (1795366800 * S) /* 2026-11-23 00:00 there */
#define TO_US (FROM_US + 30 * 86400 * S)
enum { COMMUNES = 69, DEVICES = 5000, A_DAY = 10, ROUNDS = 5 };
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool content(const char *id, int64_t at_us, BcPlanContent *ret, void *user)
{
    *ret = (BcPlanContent){.duration_us = (3 + (int64_t)(id[0] % 8)) * 60 * S};
    return true;
}

static unsigned villages(unsigned commune)
{
    return 3 + commune % 3;
}

static void add_areas(BcAreas *areas, BcDevices *devices)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(BcArea)), loud = g_array_new(FALSE, FALSE, sizeof(BcDevice));
    g_autoptr(GStringChunk) text = g_string_chunk_new(65536);
    GPtrArray *homes = g_ptr_array_new();
    BcArea province = {.code = "42", .kind = "province", .name = "Hà Tĩnh"};
    g_array_append_val(all, province);
    for (unsigned c = 0; c < COMMUNES; c++) {
        char code[32];
        g_snprintf(code, sizeof code, "c%02u", c);
        BcArea commune = {.code = g_string_chunk_insert(text, code), .kind = "commune", .parent = "42", .name = "xã"};
        g_array_append_val(all, commune);
        for (unsigned v = 0; v < villages(c); v++) {
            g_snprintf(code, sizeof code, "c%02u-v%u", c, v);
            BcArea village = {.code = g_string_chunk_insert(text, code), .kind = "village", .parent = commune.code, .name = "thôn"};
            g_array_append_val(all, village);
            g_ptr_array_add(homes, (gpointer)village.code);
        }
    }
    for (unsigned d = 0; d < DEVICES; d++) {
        char id[32];
        g_snprintf(id, sizeof id, "d%05u", d);
        BcDevice device = {.id = g_string_chunk_insert(text, id), .name = "loa", .area = homes->pdata[d % homes->len], .latitude = NAN,
                           .longitude = NAN, .volume = 80, .enabled = true};
        g_array_append_val(loud, device);
    }
    g_autoptr(GError) error = NULL;
    bool ok = bc_areas_seed(areas, (const BcArea *)all->data, all->len, &error) &&
              bc_devices_seed(devices, (const BcDevice *)loud->data, loud->len, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    g_ptr_array_unref(homes);
}

static bool put(MdDb *db, const char *id, const char *area, const char *owner, unsigned hour, unsigned minute, const char *rule,
                const BcItem *items, unsigned n, GError **error)
{
    const char *const areas[] = {area, NULL};
    char start[32];
    g_snprintf(start, sizeof start, "2026-11-01T%02u:%02u:00", hour, minute);
    return bc_schedule_write(db, &(BcSchedule){.id = id, .name = id, .areas = areas, .start_local = start, .zone = ZONE, .rule = rule,
                                               .priority = minute % 30 == 17 ? BC_PRIORITY : BC_NORMAL, .repeats = 1, .enabled = true,
                                               .owner = owner, .items = items, .n_items = n, .holidays = minute % 2 ? BC_HOLIDAY_SKIP : BC_HOLIDAY_PLAY,
                                               .changed_us = 1000000 * S + hour * 60 + minute},
                             error);
}

static bool add_schedules(MdDb *db, gpointer data, GError **error)
{
    static const unsigned hours[A_DAY] = {5, 5, 6, 10, 11, 11, 16, 17, 17, 18};
    const BcItem relay[] = {{.kind = BC_ITEM_RELAY, .url = "http://radio/vov1", .duration_us = 1800 * S}};
    const BcItem items[] = {{.kind = BC_ITEM_CONTENT, .content = SHA}, {.kind = BC_ITEM_SILENCE, .duration_us = 5 * S},
                            {.kind = BC_ITEM_CONTENT, .content = SHA}};
    bool ok = md_db_run(db, error, "INSERT INTO bc_content (id, title, source_bytes, duration_us, loudness_in, loudness, true_peak, gain_db,"
                                   " clipped_permille, created_us) VALUES ($1, 'x', 1, 1, 0, 0, 0, 0, 0, 0)", "s", SHA) &&
              put(db, "relay-5", "42", "42", 5, 0, "FREQ=DAILY", relay, 1, error) &&
              put(db, "relay-17", "42", "42", 17, 30, "FREQ=DAILY", relay, 1, error) &&
              put(db, "saturday", "42", "42", 9, 0, "FREQ=WEEKLY;BYDAY=SA", items, 3, error) &&
              md_db_run(db, error, "INSERT INTO bc_holidays (area, day, name) VALUES ('42', '2026-12-10', 'x'), ('c03', '2026-12-12', 'y')", "");
    for (unsigned c = 0; ok && c < COMMUNES; c++)
        for (unsigned p = 0; ok && p < A_DAY; p++) {
            char id[32], commune[16], village[24];
            g_snprintf(id, sizeof id, "s%02u-%u", c, p);
            g_snprintf(commune, sizeof commune, "c%02u", c);
            g_snprintf(village, sizeof village, "c%02u-v%u", c, p % villages(c));
            ok = put(db, id, p % 4 == 3 ? village : commune, commune, hours[p], (c * 7 + p * 13) % 60,
                     p % 3 ? "FREQ=DAILY" : "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU", items, p % 3 ? 1 : 3, error);
        }
    return ok;
}

static unsigned expand_all(BcSchedules *schedules)
{
    g_autoptr(GPtrArray) all = bc_schedules_list(schedules);
    unsigned n = 0;
    for (unsigned i = 0; i < all->len; i++) {
        g_autoptr(GArray) times = bc_schedules_between(schedules, ((BcSchedule *)all->pdata[i])->id, FROM_US, TO_US, 10000);
        n += times->len;
    }
    return n;
}

int main(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp("bench-plan-XXXXXX", NULL), *path = g_build_filename(dir, "a.sqlite", NULL);
    MdStore *store = md_store_open(path, bc_migrations, bc_n_migrations, NULL, &error);
    BcQuietHours hours = {21 * 3600 + 1800, 5 * 3600};
    BcAreas *areas = bc_areas_new(store, &error);
    BcDevices *devices = bc_devices_new(store, areas, &error);
    add_areas(areas, devices);
    g_assert_true(md_store_write_sync(store, add_schedules, NULL, &error));
    BcPlanInput input = {.areas = areas,
                         .devices = devices,
                         .schedules = bc_schedules_new(store, 0, &error),
                         .slots = bc_slots_new(store, areas, &error),
                         .holidays = bc_holidays_new(store, areas, &error),
                         .quiet = bc_quiet_new(store, areas, &hours, ZONE, FROM_US, &error),
                         .halts = bc_halts_new(store, areas, &error),
                         .zone = ZONE,
                         .content = content};
    g_assert_no_error(error);
    unsigned occurrences = expand_all(input.schedules), n_areas = bc_areas_count(areas), n_problems = 0;
    uint64_t items = 0;
    double floor_s = INFINITY, cost_s = INFINITY;
    for (unsigned round = 0; round < ROUNDS; round++) {
        double from = cpu_s();
        g_assert_cmpuint(expand_all(input.schedules), ==, occurrences);
        floor_s = MIN(floor_s, cpu_s() - from);
        from = cpu_s();
        BcPlan *plan = bc_plan_new(&input, FROM_US, TO_US, &error);
        cost_s = MIN(cost_s, cpu_s() - from);
        g_assert_no_error(error);
        g_autoptr(GPtrArray) all = bc_areas_subtree(areas, NULL);
        items = 0;
        for (unsigned i = 0; i < all->len; i++) {
            unsigned n;
            g_assert_nonnull(bc_plan_items(plan, ((BcArea *)all->pdata[i])->code, &n));
            items += n;
        }
        bc_plan_problems(plan, &n_problems);
        bc_plan_free(plan);
    }
    g_assert_cmpuint(occurrences, >=, COMMUNES * A_DAY * 29);
    printf("{\"name\": \"plan\", \"unit\": \"CPU s for 5,000 loudspeakers and 30 days\", \"cost\": %.4f, \"floor\": %.4f, \"ratio\": %.2f, \"target\": 20,"
           " \"limit_s\": 10, \"areas\": %u, \"occurrences\": %u, \"items\": %llu, \"problems\": %u}\n",
           cost_s, floor_s, cost_s / floor_s, n_areas, occurrences, (unsigned long long)items, n_problems);
    bc_halts_unref(input.halts);
    bc_quiet_unref(input.quiet);
    bc_holidays_unref(input.holidays);
    bc_slots_unref(input.slots);
    bc_schedules_unref(input.schedules);
    bc_devices_unref(devices);
    bc_areas_unref(areas);
    md_store_close(store);
    g_autofree char *wal = g_strconcat(path, "-wal", NULL), *shm = g_strconcat(path, "-shm", NULL);
    g_unlink(path);
    g_unlink(wal);
    g_unlink(shm);
    g_rmdir(dir);
    return cost_s < 10 ? 0 : 1;
}
