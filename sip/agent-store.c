/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bindings at rest: written in batches on the store thread, read once at the start. */
#include "sip/agent-impl.h"

GPtrArray *sg_agent_load_bindings(SgAgent *agent, GError **error)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)sg_binding_record_free);
    GError *failure = NULL;
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(agent->options.store), &failure,
                                         "SELECT account, binding, contact, path, call_id, cseq, user_agent, transport, host, port,"
                                         " registered_us, expires_us FROM sip_bindings WHERE expires_us > $1 ORDER BY registered_us",
                                         "i", (int64_t)g_get_real_time());

    while (rows && md_rows_next(rows, &failure)) {
        SgBindingRecord *record = g_new0(SgBindingRecord, 1);

        record->account = g_strdup(md_rows_text(rows, 0));
        record->key = g_strdup(md_rows_text(rows, 1));
        record->contact = g_strdup(md_rows_text(rows, 2));
        record->path = g_strdup(md_rows_text(rows, 3));
        record->call_id = g_strdup(md_rows_text(rows, 4));
        record->cseq = (uint32_t)md_rows_int(rows, 5);
        record->user_agent = g_strdup(md_rows_text(rows, 6));
        record->transport = sg_transport_from_string(md_rows_text(rows, 7));
        record->host = g_strdup(md_rows_text(rows, 8));
        record->port = (uint16_t)md_rows_int(rows, 9);
        record->registered_wall_us = md_rows_int(rows, 10);
        record->expires_wall_us = md_rows_int(rows, 11);
        if (record->transport == SG_TRANSPORT_INVALID || !sg_accounts_find(agent->options.accounts, record->account))
            sg_binding_record_free(record); /* its account is gone */
        else
            g_ptr_array_add(list, record);
    }
    if (!failure)
        return list;
    g_set_error(error, SG_ERROR, SG_ERROR_STORE, "cannot read the SIP bindings: %s", failure->message);
    g_error_free(failure);
    g_ptr_array_unref(list);
    return NULL;
}

static bool save_one(MdDb *db, const SgBindingRecord *r, GError **error)
{
    if (r->removed)
        return md_db_run(db, error, "DELETE FROM sip_bindings WHERE account = $1 AND binding = $2", "ss", r->account, r->key);
    return md_db_run(db, error,
                     "INSERT INTO sip_bindings (account, binding, contact, path, call_id, cseq, user_agent, transport, host, port,"
                     " registered_us, expires_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
                     " ON CONFLICT (account, binding) DO UPDATE SET contact = excluded.contact, path = excluded.path,"
                     " call_id = excluded.call_id, cseq = excluded.cseq, user_agent = excluded.user_agent,"
                     " transport = excluded.transport, host = excluded.host, port = excluded.port, expires_us = excluded.expires_us",
                     "sssssisssiii", r->account, r->key, r->contact, r->path, r->call_id, (int64_t)r->cseq, r->user_agent,
                     sg_transport_to_string(r->transport), r->host, (int64_t)r->port, r->registered_wall_us, r->expires_wall_us);
}

static bool save(MdDb *db, gpointer data, GError **error)
{
    const GPtrArray *records = data;

    for (unsigned i = 0; i < records->len; i++)
        if (!save_one(db, records->pdata[i], error))
            return false;
    return true;
}

static void on_saved(bool ok, const GError *error, gpointer data, gpointer user)
{
    if (!ok)
        md_error((MdLogger *)user, "registrations could not be saved: %s", error->message);
}

void sg_agent_save_bindings(SgAgent *agent, GPtrArray *records)
{
    if (agent->options.store)
        md_store_write(agent->options.store, save, g_ptr_array_ref(records), (GDestroyNotify)g_ptr_array_unref, on_saved, &agent->logger);
}
