/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/outage.h"

#include <string.h>
#include "broadcast/types.h"

#define KEEP_US (86400ll * G_USEC_PER_SEC)

enum { POWER, CARRIER, AREA, N_BY }; /* the cause that explains most first */
static const char *const by_names[N_BY] = {"power", "carrier", "area"};

typedef struct Lost {
    char *device, *key[N_BY];
    int64_t at_us;
} Lost;

typedef struct Group {
    BcOutage outage;
    unsigned by;
    int64_t last_us;
    GHashTable *away; /* devices */
} Group;

struct BcOutages {
    BcOutageFn fn;
    void *user;
    GPtrArray *waiting; /* Lost: not grouped, not told yet */
    GPtrArray *groups;  /* Group, oldest first */
};

static void free_lost(gpointer data)
{
    Lost *lost = data;
    for (unsigned i = 0; i < N_BY; i++)
        g_free(lost->key[i]);
    g_free(lost->device);
    g_free(lost);
}

static void free_group(gpointer data)
{
    Group *group = data;
    g_hash_table_unref(group->away);
    g_free((char *)group->outage.id);
    g_free((char *)group->outage.value);
    g_free(group);
}

BcOutages *bc_outages_new(BcOutageFn fn, void *user)
{
    BcOutages *o = g_new0(BcOutages, 1);
    *o = (BcOutages){fn, user, g_ptr_array_new_with_free_func(free_lost), g_ptr_array_new_with_free_func(free_group)};
    return o;
}

void bc_outages_free(BcOutages *o)
{
    if (!o)
        return;
    g_ptr_array_unref(o->waiting);
    g_ptr_array_unref(o->groups);
    g_free(o);
}

static void join(Group *group, const Lost *lost)
{
    if (!g_hash_table_add(group->away, g_strdup(lost->device)))
        return;
    group->outage.devices++;
    group->outage.away = g_hash_table_size(group->away);
    group->last_us = MAX(group->last_us, lost->at_us);
}

static bool shares(const Lost *lost, unsigned by, const char *value)
{
    return lost->key[by] && strcmp(lost->key[by], value) == 0;
}

static Group *group_for(const BcOutages *o, const Lost *lost)
{
    for (unsigned i = o->groups->len; i-- > 0;) {
        Group *group = o->groups->pdata[i];
        if (!group->outage.ended_us && lost->at_us - group->last_us <= BC_OUTAGE_WINDOW_US && shares(lost, group->by, group->outage.value))
            return group;
    }
    return NULL;
}

/* Mains that are there explain nothing. */
static bool tells(unsigned by, const char *value)
{
    return value && *value && (by != POWER || strcmp(value, "mains") != 0);
}

/* The value most of those waiting share; at equal numbers power before carrier before area. */
static unsigned best(const BcOutages *o, unsigned *ret_by, const char **ret_value)
{
    unsigned most = 0;
    for (unsigned by = 0; by < N_BY; by++) {
        g_autoptr(GHashTable) count = g_hash_table_new(g_str_hash, g_str_equal);
        for (unsigned i = 0; i < o->waiting->len; i++) {
            const Lost *lost = o->waiting->pdata[i];
            if (!tells(by, lost->key[by]))
                continue;
            unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(count, lost->key[by])) + 1;
            g_hash_table_insert(count, lost->key[by], GUINT_TO_POINTER(n));
            if (n > most) {
                most = n;
                *ret_by = by;
                *ret_value = lost->key[by];
            }
        }
    }
    return most;
}

static void form(BcOutages *o, unsigned by, const char *shared)
{
    Group *group = g_new0(Group, 1);
    g_autofree char *value = g_strdup(shared);
    group->by = by;
    group->away = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    group->outage = (BcOutage){.id = bc_new_id("o"), .by = by_names[by], .value = g_strdup(value), .began_us = INT64_MAX};
    for (unsigned i = o->waiting->len; i-- > 0;) {
        const Lost *lost = o->waiting->pdata[i];
        if (!shares(lost, by, value))
            continue;
        join(group, lost);
        group->outage.began_us = MIN(group->outage.began_us, lost->at_us);
        g_ptr_array_remove_index(o->waiting, i);
    }
    g_ptr_array_add(o->groups, group);
    o->fn("outage.began", &group->outage, NULL, o->user);
}

void bc_outages_lost(BcOutages *o, const char *device, const char *carrier, const char *power, const char *area, int64_t now_us)
{
    Lost *lost = g_new0(Lost, 1);
    *lost = (Lost){g_strdup(device), {g_strdup(power), g_strdup(carrier), g_strdup(area)}, now_us};
    Group *group = group_for(o, lost);
    if (group) {
        join(group, lost);
        free_lost(lost);
        return;
    }
    g_ptr_array_add(o->waiting, lost);
}

void bc_outages_back(BcOutages *o, const char *device, int64_t now_us)
{
    for (unsigned i = o->waiting->len; i-- > 0;)
        if (strcmp(((Lost *)o->waiting->pdata[i])->device, device) == 0)
            g_ptr_array_remove_index(o->waiting, i); /* away so shortly that nobody needs to know */
    for (unsigned i = 0; i < o->groups->len; i++) {
        Group *group = o->groups->pdata[i];
        if (!g_hash_table_remove(group->away, device))
            continue;
        group->outage.away = g_hash_table_size(group->away);
        if (group->outage.away == 0) {
            group->outage.ended_us = now_us;
            o->fn("outage.ended", &group->outage, NULL, o->user);
        }
    }
}

/* Judged a little after the first loss, when the others have gone too: the last wills of one mast do not come at one instant. */
void bc_outages_tick(BcOutages *o, int64_t now_us)
{
    unsigned by = 0;
    const char *value = NULL;
    bool old = false;
    for (unsigned i = 0; i < o->waiting->len; i++)
        old |= now_us - ((Lost *)o->waiting->pdata[i])->at_us >= BC_OUTAGE_WINDOW_US / 4;
    while (old && best(o, &by, &value) >= BC_OUTAGE_LEAST)
        form(o, by, value);
    for (unsigned i = o->waiting->len; i-- > 0;) {
        const Lost *lost = o->waiting->pdata[i];
        if (now_us - lost->at_us < BC_OUTAGE_WINDOW_US)
            continue;
        o->fn("device.offline", NULL, lost->device, o->user);
        g_ptr_array_remove_index(o->waiting, i);
    }
    for (unsigned i = o->groups->len; i-- > 0;) {
        const Group *group = o->groups->pdata[i];
        if (group->outage.ended_us && now_us - group->outage.ended_us > KEEP_US)
            g_ptr_array_remove_index(o->groups, i);
    }
}

GPtrArray *bc_outages_list(const BcOutages *o)
{
    GPtrArray *list = g_ptr_array_new();
    for (unsigned i = o->groups->len; i-- > 0;)
        g_ptr_array_add(list, &((Group *)o->groups->pdata[i])->outage);
    return list;
}

const BcOutage *bc_outages_of(const BcOutages *o, const char *device)
{
    for (unsigned i = o->groups->len; i-- > 0;)
        if (g_hash_table_contains(((Group *)o->groups->pdata[i])->away, device))
            return &((Group *)o->groups->pdata[i])->outage;
    return NULL;
}
