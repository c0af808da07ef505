/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/location.h"
#include "sip/transaction.h"

struct SgLocation {
    SgLocationOptions options;
    GHashTable *accounts;   /* name → GPtrArray of SgBinding */
    GPtrArray *all;         /* in no order; sweep walks it */
    GPtrArray *changes;     /* removed records waiting to be taken */
    GPtrArray *dirty;       /* of SgBinding */
};

void sg_binding_record_free(SgBindingRecord *record)
{
    if (!record)
        return;
    g_free(record->account);
    g_free(record->key);
    g_free(record->contact);
    g_free(record->path);
    g_free(record->call_id);
    g_free(record->user_agent);
    g_free(record->host);
    g_free(record);
}

static void binding_clear(SgBinding *binding)
{
    g_free(binding->account);
    g_free(binding->key);
    g_free(binding->contact);
    g_free(binding->path);
    g_free(binding->call_id);
    g_free(binding->user_agent);
}

static void binding_free(gpointer data)
{
    binding_clear(data);
    g_free(data);
}

SgLocation *sg_location_new(const SgLocationOptions *options)
{
    SgLocation *location = g_new0(SgLocation, 1);

    location->options = *options;
    location->accounts = g_hash_table_new_full(sg_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    location->all = g_ptr_array_new_with_free_func(binding_free);
    location->dirty = g_ptr_array_new();
    location->changes = g_ptr_array_new_with_free_func((GDestroyNotify)sg_binding_record_free);
    return location;
}

void sg_location_free(SgLocation *location)
{
    if (!location)
        return;
    g_hash_table_unref(location->accounts);
    g_ptr_array_unref(location->dirty);
    g_ptr_array_unref(location->changes);
    g_ptr_array_unref(location->all);
    g_free(location);
}

const GPtrArray *sg_location_find(const SgLocation *location, const char *account)
{
    return g_hash_table_lookup(location->accounts, account);
}

SgBinding *sg_location_find_key(const SgLocation *location, const char *account, const char *key)
{
    const GPtrArray *bindings = sg_location_find(location, account);

    for (unsigned i = 0; bindings && i < bindings->len; i++) {
        SgBinding *binding = bindings->pdata[i];

        if (strcmp(binding->key, key) == 0)
            return binding;
    }
    return NULL;
}

static void mark(SgLocation *location, SgBinding *binding)
{
    if (binding->dirty)
        return;
    binding->dirty = true;
    g_ptr_array_add(location->dirty, binding);
    if (location->dirty->len == 1 && location->options.on_dirty)
        location->options.on_dirty(location->options.user);
}

static void set_known(SgLocation *location, SgBinding *binding, bool known, int64_t now_us)
{
    if (!location->options.guard || binding->known == known)
        return;
    binding->known = known;
    sg_guard_set_known(location->options.guard, &binding->flow.remote.u.sa, known, now_us);
}

/* Which binding gives way to a new one: a dead one, else one from the same device address; NULL: none. */
static SgBinding *victim(const GPtrArray *bindings, const SgBinding *newcomer)
{
    for (unsigned i = 0; i < bindings->len; i++) {
        SgBinding *binding = bindings->pdata[i];

        if (!binding->alive)
            return binding;
    }
    for (unsigned i = 0; i < bindings->len; i++) {
        SgBinding *binding = bindings->pdata[i];

        if (sa_cmp(&binding->flow.remote, &newcomer->flow.remote, SA_ADDR) && strcmp(binding->user_agent, newcomer->user_agent) == 0)
            return binding;
    }
    return NULL;
}

static GPtrArray *account_list(SgLocation *location, const char *account)
{
    GPtrArray *list = g_hash_table_lookup(location->accounts, account);

    if (!list) {
        list = g_ptr_array_new();
        g_hash_table_insert(location->accounts, g_strdup(account), list);
    }
    return list;
}

SgBinding *sg_location_put(SgLocation *location, SgBinding *binding, unsigned account_max, int64_t now_us)
{
    SgBinding *place = sg_location_find_key(location, binding->account, binding->key);
    GPtrArray *list;

    if (!place) {
        const GPtrArray *present = sg_location_find(location, binding->account);

        if (present && present->len >= account_max) {
            SgBinding *out = victim(present, binding);

            if (!out)
                return NULL;
            sg_location_remove(location, out, "replaced");
        }
        if (location->all->len >= location->options.bindings_max)
            return NULL;
        list = account_list(location, binding->account);
        place = g_new0(SgBinding, 1);
        g_ptr_array_add(list, place);
        g_ptr_array_add(location->all, place);
        md_stat_set(&location->options.stats->bindings, location->all->len);
    } else {
        binding->registered_wall_us = place->registered_wall_us;
        binding->dirty = place->dirty;
        set_known(location, place, false, now_us);
        binding_clear(place);
    }
    binding->last_seen_us = now_us;
    binding->alive = true;
    *place = *binding;
    set_known(location, place, true, now_us);
    mark(location, place);
    return place;
}

void sg_location_remove(SgLocation *location, SgBinding *binding, const char *reason)
{
    GPtrArray *list = g_hash_table_lookup(location->accounts, binding->account);
    SgBindingRecord *record = g_new0(SgBindingRecord, 1);
    char host[80];

    set_known(location, binding, false, sg_now_us());
    sg_host(host, sizeof(host), &binding->flow.remote, true);
    record->account = g_strdup(binding->account);
    record->key = g_strdup(binding->key);
    record->contact = g_strdup(binding->contact);
    record->host = g_strdup(host);
    record->port = sa_port(&binding->flow.remote);
    record->transport = binding->flow.kind;
    record->removed = true;
    record->reason = reason;
    g_ptr_array_add(location->changes, record);
    if (binding->dirty)
        g_ptr_array_remove_fast(location->dirty, binding);
    if (location->dirty->len == 0 && location->options.on_dirty)
        location->options.on_dirty(location->options.user);
    g_ptr_array_remove(list, binding);
    if (list->len == 0)
        g_hash_table_remove(location->accounts, binding->account);
    g_ptr_array_remove_fast(location->all, binding); /* frees it */
    md_stat_set(&location->options.stats->bindings, location->all->len);
}

void sg_location_remove_account(SgLocation *location, const char *account, const char *reason)
{
    const GPtrArray *list;

    while ((list = sg_location_find(location, account)) != NULL && list->len > 0)
        sg_location_remove(location, list->pdata[0], reason);
}

void sg_location_keep(SgLocation *location, const char *(*against)(const SgBinding *binding, void *user), void *user)
{
    for (unsigned i = location->all->len; i-- > 0;) { /* downward: the last takes the place of one removed */
        SgBinding *binding = location->all->pdata[i];
        const char *reason = against(binding, user);

        if (reason)
            sg_location_remove(location, binding, reason);
    }
}

void sg_location_conn_closed(SgLocation *location, uint64_t conn)
{
    for (unsigned i = 0; i < location->all->len; i++) {
        SgBinding *binding = location->all->pdata[i];

        if (binding->flow.conn != conn || binding->flow.kind == SG_UDP)
            continue;
        binding->flow.conn = 0;
        binding->alive = false;
        mark(location, binding);
    }
}

void sg_location_touch(SgLocation *location, SgBinding *binding, bool alive, int64_t now_us)
{
    binding->probing = false;
    binding->last_seen_us = now_us;
    if (binding->alive == alive)
        return;
    if (!alive)
        md_stat_add(&location->options.stats->bindings_dead, 1);
    binding->alive = alive;
    mark(location, binding);
}

void sg_location_sweep(SgLocation *location, int64_t now_us, int64_t probe_after_us, unsigned probes_max,
                       void (*probe)(SgBinding *binding, void *user), void *user)
{
    for (unsigned i = location->all->len; i-- > 0;) {
        SgBinding *binding = location->all->pdata[i];

        if (now_us >= binding->expires_us) {
            md_stat_add(&location->options.stats->bindings_expired, 1);
            sg_location_remove(location, binding, "expired");
        } else if (probe && probes_max > 0 && binding->flow.kind == SG_UDP && !binding->probing &&
                   now_us - binding->last_seen_us >= probe_after_us) {
            binding->probing = true;
            probes_max--;
            probe(binding, user);
        }
    }
}

static SgBindingRecord *record_of(const SgBinding *binding, int64_t now_us, int64_t wall_us)
{
    SgBindingRecord *record = g_new0(SgBindingRecord, 1);
    char host[80];

    sg_host(host, sizeof(host), &binding->flow.remote, true);
    record->account = g_strdup(binding->account);
    record->key = g_strdup(binding->key);
    record->contact = g_strdup(binding->contact);
    record->path = g_strdup(binding->path);
    record->call_id = g_strdup(binding->call_id);
    record->user_agent = g_strdup(binding->user_agent);
    record->host = g_strdup(host);
    record->port = sa_port(&binding->flow.remote);
    record->transport = binding->flow.kind;
    record->cseq = binding->cseq;
    record->registered_wall_us = binding->registered_wall_us;
    record->expires_wall_us = wall_us + (binding->expires_us - now_us);
    record->alive = binding->alive;
    return record;
}

GPtrArray *sg_location_take_changes(SgLocation *location, int64_t now_us, int64_t wall_us)
{
    GPtrArray *changes = location->changes;

    if (changes->len == 0 && location->dirty->len == 0)
        return NULL;
    for (unsigned i = 0; i < location->dirty->len; i++) {
        SgBinding *binding = location->dirty->pdata[i];

        binding->dirty = false;
        g_ptr_array_add(changes, record_of(binding, now_us, wall_us));
    }
    g_ptr_array_set_size(location->dirty, 0);
    location->changes = g_ptr_array_new_with_free_func((GDestroyNotify)sg_binding_record_free);
    return changes;
}

unsigned sg_location_count(const SgLocation *location)
{
    return location->all->len;
}
