/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mirror of the location table on the control thread: who is signed in, and with what. */
#include "sip/agent-impl.h"

static GPtrArray *mirror_list(SgAgent *agent, const char *account)
{
    GPtrArray *list = g_hash_table_lookup(agent->control.registrations, account);

    if (!list) {
        list = g_ptr_array_new_with_free_func((GDestroyNotify)sg_binding_record_free);
        g_hash_table_insert(agent->control.registrations, g_strdup(account), list);
    }
    return list;
}

static SgBindingRecord *record_copy(const SgBindingRecord *record)
{
    SgBindingRecord *copy = g_memdup2(record, sizeof(*record));

    copy->account = g_strdup(record->account);
    copy->key = g_strdup(record->key);
    copy->contact = g_strdup(record->contact);
    copy->path = g_strdup(record->path);
    copy->call_id = g_strdup(record->call_id);
    copy->user_agent = g_strdup(record->user_agent);
    copy->host = g_strdup(record->host);
    return copy;
}

void sg_agent_mirror(SgAgent *agent, const SgBindingRecord *record)
{
    GPtrArray *list = mirror_list(agent, record->account);
    bool present = false;
    char *detail = g_strdup_printf("%s from %s port %u/%s%s%s", record->contact, record->host, record->port,
                                   sg_transport_to_string(record->transport), record->reason ? ": " : "", record->reason ? record->reason : "");

    for (unsigned i = 0; i < list->len; i++) {
        if (strcmp(((SgBindingRecord *)list->pdata[i])->key, record->key) != 0)
            continue;
        present = true;
        g_ptr_array_remove_index(list, i);
        break;
    }
    if (!record->removed)
        g_ptr_array_add(list, record_copy(record));
    if (list->len == 0)
        g_hash_table_remove(agent->control.registrations, record->account);
    if (record->removed && present)
        sg_agent_tell(agent, "registration.removed", record->account, detail);
    else if (!record->removed && !present)
        sg_agent_tell(agent, "registration.added", record->account, detail);
    g_free(detail);
}

void sg_registration_free(SgRegistration *registration)
{
    if (!registration)
        return;
    g_free(registration->account);
    g_free(registration->contact);
    g_free(registration->user_agent);
    g_free(registration->source);
    g_free(registration);
}

static void add_registrations(GPtrArray *out, const GPtrArray *list)
{
    for (unsigned i = 0; list && i < list->len; i++) {
        const SgBindingRecord *record = list->pdata[i];
        SgRegistration *registration = g_new0(SgRegistration, 1);

        registration->account = g_strdup(record->account);
        registration->contact = g_strdup(record->contact);
        registration->user_agent = g_strdup(record->user_agent);
        registration->source = g_strdup_printf(strchr(record->host, ':') ? "[%s]:%u" : "%s:%u", record->host, record->port);
        registration->transport = record->transport;
        registration->registered_wall_us = record->registered_wall_us;
        registration->expires_wall_us = record->expires_wall_us;
        registration->alive = record->alive;
        g_ptr_array_add(out, registration);
    }
}

GPtrArray *sg_agent_registrations(SgAgent *agent, const char *account)
{
    GPtrArray *out = g_ptr_array_new_with_free_func((GDestroyNotify)sg_registration_free);
    GHashTableIter iter;
    gpointer value;

    if (account) {
        add_registrations(out, g_hash_table_lookup(agent->control.registrations, account));
        return out;
    }
    g_hash_table_iter_init(&iter, agent->control.registrations);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        add_registrations(out, value);
    return out;
}

bool sg_agent_is_registered(SgAgent *agent, const char *account)
{
    return account && g_hash_table_contains(agent->control.registrations, account);
}

void sg_agent_unregister(SgAgent *agent, const char *account)
{
    sg_agent_command(agent, (SgCommand){.kind = SG_COMMAND_UNREGISTER, .text = g_strdup(account)});
}
