/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inbox as its commune sees it: what is there, and what people do with it. */
#include "broadcast/bulletin/inboxes-private.h"

#include <string.h>

static void clear_inbox(gpointer data)
{
    BcInboxes *inbox = data;
    g_hash_table_unref(inbox->by_key);
    g_hash_table_unref(inbox->by_id);
    g_hash_table_unref(inbox->rules);
    g_hash_table_unref(inbox->playing);
    g_hash_table_unref(inbox->busy);
}

void bc_inboxes_unref(gpointer inbox)
{
    g_rc_box_release_full(inbox, clear_inbox);
}

BcInboxes *bc_inboxes_new(BcBulletins *bulletins, MdStore *store, const BcInboxesOptions *options, GError **error)
{
    BcInboxes *inbox = g_rc_box_new0(BcInboxes);
    inbox->bulletins = bulletins;
    inbox->broadcast = bc_bulletins_broadcast(bulletins);
    inbox->store = store;
    inbox->o = options ? *options : (BcInboxesOptions){0};
    inbox->o.decide_s = inbox->o.decide_s ? inbox->o.decide_s : 1800;
    inbox->o.remind_s = inbox->o.remind_s ? inbox->o.remind_s : 14400;
    inbox->o.keep_days = inbox->o.keep_days ? inbox->o.keep_days : 365;
    inbox->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, bc_inboxes_item_free);
    inbox->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    inbox->rules = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    inbox->playing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    inbox->busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!bc_inboxes_load(inbox, error)) {
        bc_inboxes_unref(inbox);
        return NULL;
    }
    bc_inboxes_start(inbox);
    return inbox;
}

void bc_inboxes_free(BcInboxes *inbox)
{
    if (!inbox)
        return;
    inbox->stopping = true;
    bc_inboxes_stop(inbox);
    while (inbox->pending)
        g_main_context_iteration(NULL, TRUE);
    inbox->on_event = NULL;
    bc_inboxes_unref(inbox);
}

void bc_inboxes_set_event(BcInboxes *inbox, BcInboxEventFn fn, void *user)
{
    inbox->on_event = fn;
    inbox->event_user = user;
}

unsigned bc_inboxes_pending(const BcInboxes *inbox)
{
    return inbox->pending;
}

const BcInboxItem *bc_inboxes_find(const BcInboxes *inbox, const char *id)
{
    return id ? g_hash_table_lookup(inbox->by_id, id) : NULL;
}

static int newest_first(gconstpointer x, gconstpointer y)
{
    const BcInboxItem *a = *(const BcInboxItem *const *)x, *b = *(const BcInboxItem *const *)y;
    return a->received_us > b->received_us ? -1 : a->received_us < b->received_us ? 1 : strcmp(a->id, b->id);
}

GPtrArray *bc_inboxes_list(const BcInboxes *inbox, const char *area)
{
    GPtrArray *all = bc_table_values(inbox->by_id);
    const BcAreas *areas = bc_broadcast_areas(inbox->broadcast);
    for (unsigned i = all->len; area && *area && i-- > 0;)
        if (!bc_areas_contains(areas, area, ((BcInboxItem *)all->pdata[i])->area))
            g_ptr_array_remove_index_fast(all, i);
    g_ptr_array_sort(all, newest_first);
    return all;
}

/* --- what people do --- */

static const BcInboxItem *look_up(BcInboxes *inbox, const char *id, const BcWho *who, unsigned states, const char *what, BcDoneFn done, void *user)
{
    const BcInboxItem *item = bc_inboxes_find(inbox, id);
    if (!item)
        bc_bulletin_fail(done, user, BC_ERROR_NOT_FOUND, "there is no inbox item %s", id ? id : "");
    else if (!bc_who_may(inbox->bulletins, who, item->area))
        bc_bulletin_fail(done, user, BC_ERROR_FORBIDDEN, "%s works in area %s, not in %s", who->name, who->area, item->area);
    else if (g_hash_table_contains(inbox->busy, id))
        bc_bulletin_fail(done, user, BC_ERROR_CHANGED, "inbox item %s is being changed at this moment", id);
    else if (!(states & 1u << item->state))
        bc_bulletin_fail(done, user, BC_ERROR_STATE, "inbox item %s is %s%s%s: it cannot be %s", id, bc_inboxes_state_to_string(item->state),
                         item->decided_by ? " by " : "", item->decided_by ? item->decided_by : "", what);
    else
        return item;
    return NULL;
}

static void decided(BcInboxItem *after, BcInboxes *inbox, const char *choice, const char *who)
{
    after->decided_us = bc_broadcast_wall_us(inbox->broadcast);
    bc_inboxes_set(&after->choice, choice);
    bc_inboxes_set(&after->decided_by, who);
    after->deadline_us = after->remind_us = 0;
    if (who && !after->seen_us) {
        after->seen_us = after->decided_us;
        bc_inboxes_set(&after->seen_by, who);
    }
}

/* "2026-11-23T05:00:00" in the house's zone; -1: no such time. */
static int64_t to_wall(BcInboxes *inbox, const char *local)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(bc_broadcast_timezone(inbox->broadcast));
    g_autoptr(GDateTime) at = zone && local ? g_date_time_new_from_iso8601(local, zone) : NULL;
    return at ? g_date_time_to_unix(at) * G_USEC_PER_SEC : -1;
}

void bc_inboxes_accept(BcInboxes *inbox, const char *id, const char *start_local, const BcWho *who, BcDoneFn done, void *user)
{
    const BcInboxItem *item = look_up(inbox, id, who, 1u << BC_INBOX_WAITING | 1u << BC_INBOX_DECLINED, "accepted", done, user);
    const BcBulletin *bulletin = item ? bc_bulletins_find(inbox->bulletins, item->bulletin) : NULL;
    const BcBulletinFields *f = bulletin ? bulletin->approved : NULL;
    int64_t at = to_wall(inbox, start_local), now = bc_broadcast_wall_us(inbox->broadcast);
    if (!item)
        return;
    if (!f || !f->content)
        bc_bulletin_fail(done, user, BC_ERROR_STATE, "bulletin %s has no sound that is approved", item->bulletin);
    else if (at < 0)
        bc_bulletin_fail(done, user, BC_ERROR_INVALID, "\"start_local\" must be a time like 2026-11-23T05:00:00");
    else if (at <= now || at < f->from_us || (f->to_us && at >= f->to_us))
        bc_bulletin_fail(done, user, BC_ERROR_INVALID, "\"start_local\" %s is %s", start_local,
                         at <= now ? "in the past" : "outside the validity of the bulletin");
    else {
        BcInboxItem *after = bc_inboxes_copy(item);
        g_autofree char *schedule = g_strconcat("s-", item->id, NULL);
        after->state = BC_INBOX_ACCEPTED;
        after->at_us = at;
        bc_inboxes_set(&after->schedule, schedule);
        decided(after, inbox, "accepted", who->name);
        bc_inboxes_write(inbox, after, "inbox.accepted", done, user);
    }
}

void bc_inboxes_decline(BcInboxes *inbox, const char *id, const char *reason, const BcWho *who, BcDoneFn done, void *user)
{
    const BcInboxItem *item = look_up(inbox, id, who, 1u << BC_INBOX_WAITING | 1u << BC_INBOX_ACCEPTED, "declined", done, user);
    if (!item)
        return;
    if (!reason || !*reason || strlen(reason) > 1000 || !g_utf8_validate(reason, -1, NULL)) {
        bc_bulletin_fail(done, user, BC_ERROR_INVALID, "\"reason\": why it is declined, in at most 1000 bytes");
        return;
    }
    BcInboxItem *after = bc_inboxes_copy(item);
    after->state = BC_INBOX_DECLINED;
    bc_inboxes_set(&after->reason, reason);
    decided(after, inbox, "declined", who->name);
    bc_inboxes_write(inbox, after, "inbox.declined", done, user);
}

void bc_inboxes_decide(BcInboxes *inbox, const char *id, bool above_first, const BcWho *who, BcDoneFn done, void *user)
{
    const BcInboxItem *item = look_up(inbox, id, who, 1u << BC_INBOX_CONFLICT, "decided", done, user);
    int64_t above_us, own_us;
    if (!item)
        return;
    BcInboxItem *after = bc_inboxes_copy(item);
    bc_inboxes_order(inbox, item, above_first, &above_us, &own_us);
    after->state = BC_INBOX_PLACED;
    after->at_us = above_us;
    decided(after, inbox, above_first ? "above" : "own", who->name);
    bc_inboxes_write(inbox, after, "inbox.decided", done, user);
}

void bc_inboxes_seen(BcInboxes *inbox, const char *id, const BcWho *who, BcDoneFn done, void *user)
{
    const BcInboxItem *item = look_up(inbox, id, who, ~0u, "seen", done, user);
    if (!item)
        return;
    if (item->seen_us) {
        if (done)
            done(NULL, user);
        return;
    }
    BcInboxItem *after = bc_inboxes_copy(item);
    after->seen_us = bc_broadcast_wall_us(inbox->broadcast);
    bc_inboxes_set(&after->seen_by, who->name);
    bc_inboxes_write(inbox, after, "inbox.seen", done, user);
}

/* --- rules --- */

BcInboxRule bc_inboxes_rule(const BcInboxes *inbox, const char *area)
{
    const BcAreas *areas = bc_broadcast_areas(inbox->broadcast);
    for (const BcArea *at = bc_areas_find(areas, area); at; at = at->parent ? bc_areas_find(areas, at->parent) : NULL) {
        const BcInboxRule *rule = g_hash_table_lookup(inbox->rules, at->code);
        if (rule)
            return *rule;
    }
    return (BcInboxRule){inbox->o.decide_s, inbox->o.remind_s};
}

typedef struct RuleWrite {
    char *area;
    BcInboxRule rule;
} RuleWrite;

static void free_rule(gpointer data)
{
    RuleWrite *w = data;
    g_free(w->area);
    g_free(w);
}

static bool write_rule(MdDb *db, gpointer data, GError **error)
{
    RuleWrite *w = data;
    return md_db_run(db, error, "DELETE FROM bc_inbox_rules WHERE area = $1", "s", w->area) &&
           md_db_run(db, error, "INSERT INTO bc_inbox_rules (area, decide_s, remind_s) VALUES ($1, $2, $3)", "sii", w->area,
                     (int64_t)w->rule.decide_s, (int64_t)w->rule.remind_s);
}

static void apply_rule(gpointer owner, gpointer data)
{
    RuleWrite *w = data;
    g_hash_table_replace(((BcInboxes *)owner)->rules, g_strdup(w->area), g_memdup2(&w->rule, sizeof w->rule));
}

void bc_inboxes_set_rule(BcInboxes *inbox, const char *area, const BcInboxRule *rule, BcDoneFn done, void *user)
{
    if (!area || !bc_areas_find(bc_broadcast_areas(inbox->broadcast), area)) {
        bc_bulletin_fail(done, user, BC_ERROR_NOT_FOUND, "there is no area %s", area ? area : "");
        return;
    }
    if (rule->decide_s < 60 || rule->decide_s > 86400 || rule->remind_s < 300 || rule->remind_s > 604800) {
        bc_bulletin_fail(done, user, BC_ERROR_INVALID, "\"decide_s\" must be 60 to 86400, \"remind_s\" 300 to 604800");
        return;
    }
    RuleWrite *w = g_new0(RuleWrite, 1);
    *w = (RuleWrite){g_strdup(area), *rule};
    bc_write(inbox->store, write_rule, w, free_rule, inbox, bc_inboxes_unref, apply_rule, done, user);
}
