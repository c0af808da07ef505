/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inbox items in the store. */
#include "broadcast/bulletin/inboxes-private.h"

#include <string.h>

static const char *const states[] = {"waiting", "accepted", "declined", "conflict", "placed", "due", "played", "missed", "expired", "withdrawn"};
G_STATIC_ASSERT(G_N_ELEMENTS(states) == BC_INBOX_STATE_MAX);

const char *bc_inboxes_state_to_string(BcInboxState state)
{
    return (unsigned)state < BC_INBOX_STATE_MAX ? states[state] : NULL;
}

static BcInboxState state_from_string(const char *name)
{
    for (unsigned i = 0; name && i < BC_INBOX_STATE_MAX; i++)
        if (g_str_equal(states[i], name))
            return (BcInboxState)i;
    return BC_INBOX_WITHDRAWN;
}

void bc_inboxes_set(const char **slot, const char *text)
{
    char *copy = g_strdup(text);
    g_free((char *)*slot);
    *slot = copy;
}

BcInboxItem *bc_inboxes_copy(const BcInboxItem *from)
{
    BcInboxItem *i = g_memdup2(from, sizeof *from);
    const char **strings[] = {&i->id, &i->bulletin, &i->area, &i->schedule, &i->other, &i->seen_by, &i->decided_by, &i->choice, &i->reason};
    for (unsigned n = 0; n < G_N_ELEMENTS(strings); n++)
        *strings[n] = g_strdup(*strings[n]);
    i->areas = (const char *const *)g_strdupv((char **)from->areas);
    return i;
}

void bc_inboxes_item_free(gpointer data)
{
    BcInboxItem *i = data;
    const char *const strings[] = {i->id, i->bulletin, i->area, i->schedule, i->other, i->seen_by, i->decided_by, i->choice, i->reason};
    for (unsigned n = 0; n < G_N_ELEMENTS(strings); n++)
        g_free((char *)strings[n]);
    g_strfreev((char **)i->areas);
    g_free(i);
}

static char *key_of(const BcInboxItem *item)
{
    return g_strdup_printf("%s/%" G_GINT64_FORMAT "/%s", item->bulletin, item->version, item->area);
}

static void apply_item(gpointer owner, gpointer data)
{
    BcInboxes *inbox = owner;
    BcInboxItem *copy = bc_inboxes_copy(data);
    g_hash_table_replace(inbox->by_key, key_of(copy), copy);
    g_hash_table_replace(inbox->by_id, (char *)copy->id, copy);
}

static bool load_rules(BcInboxes *inbox, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(inbox->store), error, "SELECT area, decide_s, remind_s FROM bc_inbox_rules", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcInboxRule rule = {(unsigned)md_rows_int(rows, 1), (unsigned)md_rows_int(rows, 2)};
        g_hash_table_replace(inbox->rules, g_strdup(md_rows_text(rows, 0)), g_memdup2(&rule, sizeof rule));
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

bool bc_inboxes_load(BcInboxes *inbox, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(inbox->store), error,
                                         "SELECT id, bulletin, version, area, areas, priority, state, at_us, schedule, other, other_at_us,"
                                         " received_us, deadline_us, remind_us, seen_us, seen_by, decided_us, decided_by, choice, by_default,"
                                         " reason FROM bc_inbox", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        g_auto(GStrv) areas = g_strsplit(md_rows_text(rows, 4), ",", -1);
        BcInboxItem item = {.id = md_rows_text(rows, 0), .bulletin = md_rows_text(rows, 1), .version = md_rows_int(rows, 2),
                            .area = md_rows_text(rows, 3), .areas = (const char *const *)areas, .priority = (BcPriority)md_rows_int(rows, 5),
                            .state = state_from_string(md_rows_text(rows, 6)), .at_us = md_rows_int(rows, 7), .schedule = md_rows_text(rows, 8),
                            .other = md_rows_text(rows, 9), .other_at_us = md_rows_int(rows, 10), .received_us = md_rows_int(rows, 11),
                            .deadline_us = md_rows_int(rows, 12), .remind_us = md_rows_int(rows, 13), .seen_us = md_rows_int(rows, 14),
                            .seen_by = md_rows_text(rows, 15), .decided_us = md_rows_int(rows, 16), .decided_by = md_rows_text(rows, 17),
                            .choice = md_rows_text(rows, 18), .by_default = md_rows_int(rows, 19) != 0, .reason = md_rows_text(rows, 20)};
        apply_item(inbox, &item);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure && load_rules(inbox, error);
}

static bool write_item(MdDb *db, gpointer data, GError **error)
{
    const BcInboxItem *i = data;
    g_autofree char *areas = g_strjoinv(",", (char **)i->areas);
    return md_db_run(db, error, "DELETE FROM bc_inbox WHERE id = $1", "s", i->id) &&
           md_db_run(db, error,
                     "INSERT INTO bc_inbox (id, bulletin, version, area, areas, priority, state, at_us, schedule, other, other_at_us,"
                     " received_us, deadline_us, remind_us, seen_us, seen_by, decided_us, decided_by, choice, by_default, reason)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
                     "ssissisissiiiiisissis", i->id, i->bulletin, i->version, i->area, areas, (int64_t)i->priority, states[i->state], i->at_us,
                     i->schedule, i->other, i->other_at_us, i->received_us, i->deadline_us, i->remind_us, i->seen_us, i->seen_by,
                     i->decided_us, i->decided_by, i->choice, (int64_t)i->by_default, i->reason);
}

typedef struct Told {
    BcInboxes *inbox;
    char *id;
    const char *event;
    BcDoneFn done;
    void *user;
} Told;

static void on_written(const GError *error, void *user)
{
    Told *told = user;
    BcInboxes *inbox = told->inbox;
    g_hash_table_remove(inbox->busy, told->id);
    inbox->pending--;
    const BcInboxItem *item = error ? NULL : bc_inboxes_find(inbox, told->id);
    if (item && !inbox->stopping)
        bc_inboxes_effect(inbox, item);
    if (item && told->event && inbox->on_event)
        inbox->on_event(told->event, item, inbox->event_user);
    if (told->done)
        told->done(error, told->user);
    if (!inbox->stopping)
        bc_inboxes_look_soon(inbox);
    g_free(told->id);
    g_free(told);
    bc_inboxes_unref(inbox);
}

void bc_inboxes_write(BcInboxes *inbox, BcInboxItem *after, const char *event, BcDoneFn done, void *user)
{
    Told *told = g_new0(Told, 1);
    *told = (Told){g_rc_box_acquire(inbox), g_strdup(after->id), event, done, user};
    inbox->pending++;
    g_hash_table_add(inbox->busy, g_strdup(after->id));
    bc_write(inbox->store, write_item, after, bc_inboxes_item_free, inbox, bc_inboxes_unref, apply_item, on_written, told);
}

static bool delete_item(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, "DELETE FROM bc_inbox WHERE id = $1", "s", ((const BcInboxItem *)data)->id);
}

static void apply_removal(gpointer owner, gpointer data)
{
    BcInboxes *inbox = owner;
    g_autofree char *key = key_of(data);
    g_hash_table_remove(inbox->by_key, key);
    g_hash_table_remove(inbox->by_id, ((const BcInboxItem *)data)->id);
}

static void on_removed(const GError *error, void *user)
{
    Told *told = user;
    g_hash_table_remove(told->inbox->busy, told->id);
    told->inbox->pending--;
    bc_inboxes_unref(told->inbox);
    g_free(told->id);
    g_free(told);
}

void bc_inboxes_remove(BcInboxes *inbox, const BcInboxItem *item)
{
    Told *told = g_new0(Told, 1);
    *told = (Told){.inbox = g_rc_box_acquire(inbox), .id = g_strdup(item->id)};
    inbox->pending++;
    g_hash_table_add(inbox->busy, g_strdup(item->id));
    bc_write(inbox->store, delete_item, bc_inboxes_copy(item), bc_inboxes_item_free, inbox, bc_inboxes_unref, apply_removal, on_removed, told);
}
