/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/re-api.h"
#include "sip/snapshot.h"
#include "sip/transaction.h"

struct SgSnapshot {
    GHashTable *table;
};

static void credential_free(gpointer data)
{
    SgCredential *credential = data;

    g_free(credential->name);
    g_free(credential);
}

SgSnapshot *sg_snapshot_new(void)
{
    SgSnapshot *snapshot = g_new0(SgSnapshot, 1);

    snapshot->table = g_hash_table_new_full(sg_str_hash, g_str_equal, NULL, credential_free);
    return snapshot;
}

void sg_snapshot_add(SgSnapshot *snapshot, const SgCredential *credential)
{
    SgCredential *copy = g_memdup2(credential, sizeof(*credential));

    copy->name = g_strdup(credential->name);
    g_hash_table_replace(snapshot->table, copy->name, copy);
}

void sg_snapshot_free(SgSnapshot *snapshot)
{
    if (!snapshot)
        return;
    g_hash_table_unref(snapshot->table);
    g_free(snapshot);
}

const SgCredential *sg_snapshot_find(const SgSnapshot *snapshot, const struct pl *name)
{
    char text[SG_ACCOUNT_NAME_MAX + 1];

    if (!pl_isset(name) || name->l > SG_ACCOUNT_NAME_MAX)
        return NULL;
    g_snprintf(text, sizeof(text), "%.*s", SG_PL(*name));
    return g_hash_table_lookup(snapshot->table, text);
}
