/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/private.h"

#include <string.h>

/* One row a part of a message; body is the alert as JSON, so that a field more is no migration. */
const MdMigration bc_alert_migrations[] = {
    {350, "alerts",
     "CREATE TABLE bc_alerts (id TEXT PRIMARY KEY, sender TEXT NOT NULL, identifier TEXT NOT NULL, sent_us BIGINT NOT NULL,"
     " part BIGINT NOT NULL, received_us BIGINT NOT NULL, body TEXT NOT NULL, message TEXT);"
     "CREATE UNIQUE INDEX bc_alerts_message ON bc_alerts (sender, identifier, sent_us, part);"
     "CREATE INDEX bc_alerts_received ON bc_alerts (received_us);"},
};
const unsigned bc_alert_n_migrations = G_N_ELEMENTS(bc_alert_migrations);

static const char *const states[] = {"stored", "waiting", "sounding", "done", "stopped", "superseded", "cancelled", "expired"};
static const char *const phases[] = {"pause", "lead", "speech", "words"};

const char *bc_alert_state_to_string(BcAlertState state)
{
    return (unsigned)state < G_N_ELEMENTS(states) ? states[state] : "stored";
}

static const struct {
    const char *name;
    gsize offset;
} text_fields[] = {
#define F(f) {#f, G_STRUCT_OFFSET(BcAlert, f)}
    F(id), F(kind), F(source), F(identifier), F(sender), F(status), F(msg_type), F(references), F(event), F(headline), F(words),
    F(severity), F(urgency), F(certainty), F(language), F(signer), F(note), F(areas), F(content), F(room), F(url), F(created_by),
    F(reason), F(announcements)},
  number_fields[] = {F(sent_us), F(part), F(rounds), F(authority), F(repeats), F(interval_us), F(received_us), F(begin_us),
                     F(expires_us), F(ended_us), F(done_rounds), F(next_us), F(priority), F(siren), F(state), F(phase)};
#undef F

static char **text_at(const BcAlert *alert, unsigned i)
{
    return (char **)((char *)alert + text_fields[i].offset);
}

static int64_t *number_at(const BcAlert *alert, unsigned i)
{
    return (int64_t *)((char *)alert + number_fields[i].offset);
}

BcAlert *bc_alert_new(const char *kind)
{
    BcAlert *alert = g_new0(BcAlert, 1);
    alert->id = bc_new_id("al");
    alert->kind = g_strdup(kind);
    return alert;
}

void bc_alert_free(gpointer data)
{
    BcAlert *alert = data;
    if (!alert)
        return;
    bc_alert_task_free(alert->task);
    for (unsigned i = 0; i < G_N_ELEMENTS(text_fields); i++)
        g_free(*text_at(alert, i));
    g_free(alert);
}

/* Words for the four that have them, as the API shows them. */
static JsonObject *to_object(const BcAlert *alert)
{
    JsonObject *o = json_object_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(text_fields); i++)
        json_object_set_string_member(o, text_fields[i].name, *text_at(alert, i) ? *text_at(alert, i) : "");
    for (unsigned i = 0; i < G_N_ELEMENTS(number_fields); i++)
        json_object_set_int_member(o, number_fields[i].name, *number_at(alert, i));
    return o;
}

JsonObject *bc_alert_to_json(const BcAlert *alert)
{
    JsonObject *o = to_object(alert);
    json_object_set_int_member(o, "done_rounds", alert->stored_rounds);
    json_object_set_string_member(o, "siren", bc_alert_siren_to_string((int)alert->siren));
    json_object_set_string_member(o, "priority", bc_priority_to_string((BcPriority)alert->priority));
    json_object_set_string_member(o, "state", bc_alert_state_to_string((BcAlertState)alert->state));
    json_object_set_string_member(o, "phase", (gsize)alert->phase < G_N_ELEMENTS(phases) ? phases[alert->phase] : "pause");
    return o;
}

char *bc_alert_format(const BcAlert *alert)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), NULL);
    json_node_take_object(node, to_object(alert));
    char *text = json_to_string(node, FALSE);
    json_node_unref(node);
    return text;
}

BcAlert *bc_alert_parse(const char *json, GError **error)
{
    JsonNode *node = json_from_string(json, error);
    if (!node || !JSON_NODE_HOLDS_OBJECT(node)) {
        if (node)
            g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "a stored alert is no JSON object");
        g_clear_pointer(&node, json_node_unref);
        return NULL;
    }
    JsonObject *o = json_node_get_object(node);
    BcAlert *alert = g_new0(BcAlert, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(text_fields); i++) {
        const char *text = json_object_get_string_member_with_default(o, text_fields[i].name, "");
        *text_at(alert, i) = *text ? g_strdup(text) : NULL;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(number_fields); i++)
        *number_at(alert, i) = json_object_get_int_member_with_default(o, number_fields[i].name, 0);
    alert->stored_rounds = alert->done_rounds;
    json_node_unref(node);
    return alert;
}

/* --- the store --- */

typedef struct Row {
    char *id, *sender, *identifier, *body;
    int64_t sent_us, part, received_us;
    BcAlerts *alerts;  /* of an update: a reference */
    int64_t done_rounds;
} Row;

typedef struct Entry {
    BcAlerts *alerts;
    GPtrArray *parts;  /* BcAlert */
    GArray *rows;      /* Row */
    char *message;
    BcAlertDoneFn done;
    void *user;
} Entry;

static void clear_row(gpointer data)
{
    Row *row = data;
    g_free(row->id);
    g_free(row->sender);
    g_free(row->identifier);
    g_free(row->body);
}

static void free_entry(gpointer data)
{
    Entry *entry = data;
    g_clear_pointer(&entry->parts, g_ptr_array_unref);
    g_array_unref(entry->rows);
    g_free(entry->message);
    bc_alerts_unref(entry->alerts);
    g_free(entry);
}

static bool write_entry(MdDb *db, gpointer data, GError **error)
{
    Entry *entry = data;
    for (unsigned i = 0; i < entry->rows->len; i++) {
        const Row *row = &g_array_index(entry->rows, Row, i);
        if (!md_db_run(db, error,
                       "INSERT INTO bc_alerts (id, sender, identifier, sent_us, part, received_us, body, message)"
                       " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                       "sssiiiss", row->id, row->sender, row->identifier, row->sent_us, row->part, row->received_us, row->body,
                       i ? NULL : entry->message))
            return false;
    }
    return true;
}

static void add(BcAlerts *alerts, BcAlert *alert)
{
    g_ptr_array_add(alerts->list, alert);
    g_hash_table_insert(alerts->by_id, alert->id, alert);
    for (unsigned i = 0; alerts->list->len > BC_ALERTS_MAX && i < alerts->list->len; i++) {
        BcAlert *old = alerts->list->pdata[i];
        if (old->task || old->state == BC_ALERT_SOUNDING || old->state == BC_ALERT_WAITING)
            continue;
        g_hash_table_remove(alerts->by_id, old->id);
        g_ptr_array_remove_index(alerts->list, i);
        break;
    }
}

static void on_entered(bool ok, const GError *error, gpointer data, gpointer user)
{
    Entry *entry = data;
    BcAlerts *alerts = entry->alerts;
    if (!ok || alerts->gone) {
        bool known = error && g_error_matches(error, MD_STORE_ERROR, MD_STORE_ERROR_CONSTRAINT);
        if (entry->done)
            entry->done(NULL, known, known ? NULL : error, entry->user);
        return;
    }
    g_autoptr(GPtrArray) parts = g_steal_pointer(&entry->parts);
    g_ptr_array_set_free_func(parts, NULL);
    for (unsigned i = 0; i < parts->len; i++)
        add(alerts, parts->pdata[i]);
    const BcAlert *first = parts->pdata[0];
    bc_alerts_apply(alerts, parts);
    if (entry->done)
        entry->done(first, false, NULL, entry->user);
}

void bc_alerts_enter(BcAlerts *alerts, GPtrArray *parts, const char *xml, BcAlertDoneFn done, void *user)
{
    Entry *entry = g_new0(Entry, 1);
    *entry = (Entry){g_rc_box_acquire(alerts), parts, g_array_new(FALSE, FALSE, sizeof(Row)), g_strdup(xml), done, user};
    g_array_set_clear_func(entry->rows, clear_row);
    for (unsigned i = 0; i < parts->len; i++) {
        const BcAlert *alert = parts->pdata[i];
        Row row = {g_strdup(alert->id), g_strdup(alert->sender), g_strdup(alert->identifier), bc_alert_format(alert), alert->sent_us, alert->part,
                   alert->received_us};
        g_array_append_val(entry->rows, row);
    }
    md_store_write(alerts->o.store, write_entry, entry, free_entry, on_entered, NULL);
}

static bool write_body(MdDb *db, gpointer data, GError **error)
{
    const Row *row = data;
    return md_db_run(db, error, "UPDATE bc_alerts SET body = $1 WHERE id = $2", "ss", row->body, row->id);
}

static void free_row(gpointer data)
{
    Row *row = data;
    clear_row(row);
    bc_alerts_unref(row->alerts);
    g_free(row);
}

/* A round shows as done once a restart will know it, too. */
static void on_saved(bool ok, const GError *error, gpointer data, gpointer user)
{
    const Row *row = data;
    BcAlert *alert = ok && !row->alerts->gone ? g_hash_table_lookup(row->alerts->by_id, row->id) : NULL;
    if (alert)
        alert->stored_rounds = row->done_rounds;
}

void bc_alerts_save(BcAlerts *alerts, const BcAlert *alert)
{
    Row *row = g_new0(Row, 1);
    row->id = g_strdup(alert->id);
    row->body = bc_alert_format(alert);
    row->alerts = g_rc_box_acquire(alerts);
    row->done_rounds = alert->done_rounds;
    md_store_write(alerts->o.store, write_body, row, free_row, on_saved, NULL);
}

static bool load(BcAlerts *alerts, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(alerts->o.store), error,
                                         "SELECT body FROM bc_alerts ORDER BY received_us DESC, id DESC LIMIT $1", "i", (int64_t)BC_ALERTS_MAX);
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcAlert *alert = bc_alert_parse(md_rows_text(rows, 0), &failure);
        if (!alert)
            break;
        g_ptr_array_insert(alerts->list, 0, alert);
        g_hash_table_insert(alerts->by_id, alert->id, alert);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

/* --- life --- */

static void clear_alerts(gpointer data)
{
    BcAlerts *alerts = data;
    g_hash_table_unref(alerts->by_id);
    g_ptr_array_unref(alerts->list);
    g_ptr_array_unref(alerts->reports);
    g_strfreev(alerts->languages);
    g_strfreev(alerts->geocode_names);
    g_free(alerts->all_clear_words);
    g_free(alerts->attention_words);
    for (unsigned i = 0; i < alerts->o.n_rules; i++) {
        const char *const strings[] = {alerts->rules[i].event, alerts->rules[i].severity, alerts->rules[i].urgency,
                                       alerts->rules[i].certainty, alerts->rules[i].siren, alerts->rules[i].priority};
        for (unsigned k = 0; k < G_N_ELEMENTS(strings); k++)
            g_free((char *)strings[k]);
    }
    g_free(alerts->rules);
    bc_centres_free(alerts->centres);
    bc_signers_free(alerts->signers);
}

void bc_alerts_unref(gpointer alerts)
{
    g_rc_box_release_full(alerts, clear_alerts);
}

static void copy_rules(BcAlerts *alerts)
{
    alerts->rules = g_memdup2(alerts->o.rules, alerts->o.n_rules * sizeof *alerts->rules);
    for (unsigned i = 0; i < alerts->o.n_rules; i++) {
        const char **strings[] = {&alerts->rules[i].event, &alerts->rules[i].severity, &alerts->rules[i].urgency,
                                  &alerts->rules[i].certainty, &alerts->rules[i].siren, &alerts->rules[i].priority};
        for (unsigned k = 0; k < G_N_ELEMENTS(strings); k++)
            *strings[k] = g_strdup(*strings[k]);
    }
}

BcAlerts *bc_alerts_new(const BcAlertOptions *options, GError **error)
{
    static const char *const languages[] = {"vi", "en", NULL};
    static const char *const names[] = {"administrative-code", "GSO", "hatinh", NULL};
    BcAlerts *alerts = g_rc_box_new0(BcAlerts);
    g_auto(GStrv) warnings = NULL;
    alerts->o = *options;
    alerts->logger = options->logger ? md_logger_child(options->logger, "alert") : (MdLogger){0};
    alerts->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    alerts->list = g_ptr_array_new_with_free_func(bc_alert_free);
    alerts->reports = g_ptr_array_new();
    alerts->languages = g_strdupv((char **)(options->languages && options->languages[0] ? options->languages : languages));
    alerts->geocode_names = g_strdupv((char **)(options->geocode_names && options->geocode_names[0] ? options->geocode_names : names));
    alerts->all_clear_words = g_strdup(options->all_clear_words ? options->all_clear_words
                                                                : "Thông báo: tình huống khẩn cấp đã kết thúc. Bà con trở lại sinh hoạt bình thường.");
    alerts->attention_words = g_strdup(options->attention_words ? options->attention_words : "Chú ý! Chú ý! Thông báo khẩn cấp!");
    copy_rules(alerts);
    if (!alerts->o.default_expires_us)
        alerts->o.default_expires_us = (int64_t)3600 * G_USEC_PER_SEC;
    if (!alerts->o.max_us)
        alerts->o.max_us = 24 * 3600 * (int64_t)G_USEC_PER_SEC;
    if (!alerts->o.drill_volume)
        alerts->o.drill_volume = 25;
    bool ok = (alerts->centres = bc_centres_new(options->centres_file, error)) &&
              (alerts->signers = bc_signers_new(options->trust_dir, &warnings, error)) && load(alerts, error);
    for (char **warning = warnings; warning && *warning; warning++)
        md_warning(&alerts->logger, "trusted keys: %s", *warning);
    if (ok)
        return alerts;
    bc_alerts_unref(alerts);
    return NULL;
}

void bc_alerts_free(BcAlerts *alerts)
{
    if (!alerts)
        return;
    bc_alerts_quiesce(alerts);
    alerts->gone = true;
    bc_alerts_unref(alerts);
}

void bc_alerts_put_centre(BcAlerts *alerts, const char *area, BcCapPoint centre)
{
    bc_centres_put(alerts->centres, area, centre);
}

const BcAlert *bc_alerts_find(const BcAlerts *alerts, const char *id)
{
    return id ? g_hash_table_lookup(alerts->by_id, id) : NULL;
}

GPtrArray *bc_alerts_list(const BcAlerts *alerts)
{
    GPtrArray *list = g_ptr_array_new();
    for (unsigned i = alerts->list->len; i-- > 0;)
        g_ptr_array_add(list, alerts->list->pdata[i]);
    return list;
}
