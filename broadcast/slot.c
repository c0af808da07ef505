/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/slot.h"

#include <string.h>

struct BcSlots { /* g_rc_box */
    MdStore *store;
    BcAreas *areas;
    GHashTable *by_id; /* id -> BcSlot*, owned */
};

static void free_slot(gpointer data)
{
    BcSlot *slot = data;
    g_free((char *)slot->id);
    g_free((char *)slot->area);
    g_free((char *)slot->name);
    g_free(slot);
}

static BcSlot *copy_slot(const BcSlot *slot)
{
    BcSlot *copy = g_new0(BcSlot, 1);
    *copy = *slot;
    copy->id = g_strdup(slot->id);
    copy->area = g_strdup(slot->area);
    copy->name = g_strdup(slot->name);
    return copy;
}

static void clear_slots(gpointer data)
{
    BcSlots *slots = data;
    g_hash_table_unref(slots->by_id);
    bc_areas_unref(slots->areas);
}

void bc_slots_unref(BcSlots *slots)
{
    if (slots)
        g_rc_box_release_full(slots, clear_slots);
}

BcSlots *bc_slots_new(MdStore *store, BcAreas *areas, GError **error)
{
    g_autoptr(BcSlots) slots = g_rc_box_new0(BcSlots);
    slots->store = store;
    slots->areas = g_rc_box_acquire(areas);
    slots->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_slot);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(store), error, "SELECT id, area, name, from_s, to_s, weekdays FROM bc_slots", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcSlot *slot = copy_slot(&(BcSlot){md_rows_text(rows, 0), md_rows_text(rows, 1), md_rows_text(rows, 2), (unsigned)md_rows_int(rows, 3),
                                           (unsigned)md_rows_int(rows, 4), (unsigned)md_rows_int(rows, 5)});
        g_hash_table_replace(slots->by_id, (char *)slot->id, slot);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure ? g_steal_pointer(&slots) : NULL;
}

const BcSlot *bc_slots_find(const BcSlots *slots, const char *id)
{
    return id ? g_hash_table_lookup(slots->by_id, id) : NULL;
}

static int by_area(gconstpointer a, gconstpointer b)
{
    const BcSlot *x = *(const BcSlot *const *)a, *y = *(const BcSlot *const *)b;
    int order = strcmp(x->area, y->area);
    return order ? order : x->from_s != y->from_s ? (x->from_s < y->from_s ? -1 : 1) : strcmp(x->id, y->id);
}

GPtrArray *bc_slots_list(const BcSlots *slots)
{
    GPtrArray *all = bc_table_values(slots->by_id);
    g_ptr_array_sort(all, by_area);
    return all;
}

static bool write_slot(MdDb *db, gpointer data, GError **error)
{
    const BcSlot *s = data;
    return md_db_run(db, error, "DELETE FROM bc_slots WHERE id = $1", "s", s->id) &&
           md_db_run(db, error, "INSERT INTO bc_slots (id, area, name, from_s, to_s, weekdays) VALUES ($1, $2, $3, $4, $5, $6)", "sssiii",
                     s->id, s->area, s->name, (int64_t)s->from_s, (int64_t)s->to_s, (int64_t)s->weekdays);
}

static void apply_slot(gpointer owner, gpointer data)
{
    BcSlot *slot = copy_slot(data);
    g_hash_table_replace(((BcSlots *)owner)->by_id, (char *)slot->id, slot);
}

static bool check(const BcSlots *slots, const BcSlot *s, GError **error)
{
    const char *bad = !bc_code_ok(s->id, 64)                                    ? "id"
                      : !bc_text_ok(s->name, 200)                               ? "name"
                      : s->from_s >= 86400                                      ? "from"
                      : s->to_s > 86400 || s->to_s == s->from_s                 ? "to"
                      : !s->weekdays || s->weekdays > BC_WEEKDAYS_ALL           ? "weekdays"
                                                                                : NULL;
    if (bad)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "slot: \"%s\" is missing or out of range", bad);
    else if (!bc_areas_find(slots->areas, s->area))
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "slot: there is no area %s", s->area ? s->area : "");
    else if (!bc_slots_find(slots, s->id) && g_hash_table_size(slots->by_id) >= BC_SLOTS_MAX)
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "there are %u slots already, the most there may be", BC_SLOTS_MAX);
    else
        return true;
    return false;
}

void bc_slots_put(BcSlots *slots, const BcSlot *slot, char **ret_id, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *made = slot->id ? NULL : bc_new_id("t");
    BcSlot s = *slot;
    if (made)
        s.id = made;
    if (!check(slots, &s, &error)) {
        if (done)
            done(error, user);
        return;
    }
    if (ret_id)
        *ret_id = g_strdup(s.id);
    bc_write(slots->store, write_slot, copy_slot(&s), free_slot, slots, (GDestroyNotify)bc_slots_unref, apply_slot, done, user);
}

static bool delete_slot(MdDb *db, gpointer data, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(db, error, "SELECT COUNT(*) FROM bc_schedules WHERE slot = $1", "s", (const char *)data);
    if (!rows || !md_rows_next(rows, error))
        return false;
    int64_t used = md_rows_int(rows, 0);
    g_clear_pointer(&rows, md_rows_free);
    if (used) {
        g_set_error(error, BC_ERROR, BC_ERROR_IN_USE, "%" G_GINT64_FORMAT " programmes are in this slot: take them out first", used);
        return false;
    }
    return md_db_run(db, error, "DELETE FROM bc_slots WHERE id = $1", "s", (const char *)data);
}

static void forget_slot(gpointer owner, gpointer data)
{
    g_hash_table_remove(((BcSlots *)owner)->by_id, data);
}

void bc_slots_remove(BcSlots *slots, const char *id, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = bc_slots_find(slots, id) ? NULL : g_error_new(BC_ERROR, BC_ERROR_NOT_FOUND, "there is no slot %s", id ? id : "");
    if (!error)
        bc_write(slots->store, delete_slot, g_strdup(id), g_free, slots, (GDestroyNotify)bc_slots_unref, forget_slot, done, user);
    else if (done)
        done(error, user);
}

unsigned bc_slot_length_s(const BcSlot *slot)
{
    return slot->to_s > slot->from_s ? slot->to_s - slot->from_s : 86400 - slot->from_s + slot->to_s;
}

bool bc_slot_is_open(const BcSlot *slot, unsigned weekday, unsigned second, unsigned *ret_left_s)
{
    unsigned length = bc_slot_length_s(slot), yesterday = (weekday + 6) % 7;
    if (slot->weekdays >> weekday & 1 && second >= slot->from_s && second < slot->from_s + length)
        *ret_left_s = slot->from_s + length - second;
    else if (slot->weekdays >> yesterday & 1 && second + 86400 < slot->from_s + length)
        *ret_left_s = slot->from_s + length - second - 86400;
    else
        return false;
    return true;
}
