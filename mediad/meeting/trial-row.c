/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/meeting/trial-row.h"

#define FLAGS(X) X(registered) X(busy_elsewhere) X(answered) X(dropped) X(encryption_demanded) X(encrypted) X(audio_agreed) X(video_agreed) X(reports)
#define NUMBERS(X) \
    X(code) X(audio_packets) X(audio_lost) X(audio_late) X(jitter_us) X(round_trip_us) X(remote_loss_permille) X(remote_video_loss_permille) \
    X(video_packets) X(video_lost) X(video_frames) X(video_decoded) X(video_moved) X(video_frozen_ms) X(video_luma)

JsonObject *md_trial_evidence_to_json(const MdTrialEvidence *e)
{
    JsonObject *o = json_object_new();
#define FLAG_(name) json_object_set_boolean_member(o, #name, e->name);
#define NUMBER_(name) json_object_set_int_member(o, #name, (gint64)e->name);
    FLAGS(FLAG_)
    NUMBERS(NUMBER_)
#undef FLAG_
#undef NUMBER_
    json_object_set_double_member(o, "seconds", e->seconds);
    json_object_set_double_member(o, "level_max_dbov", e->level_max_dbov);
    return o;
}

void md_trial_evidence_from_json(JsonObject *o, MdTrialEvidence *e)
{
    *e = (MdTrialEvidence){.level_max_dbov = -127, .video_luma = -1};
#define FLAG_(name) e->name = json_object_get_boolean_member_with_default(o, #name, FALSE);
#define NUMBER_(name) e->name = (typeof(e->name))json_object_get_int_member_with_default(o, #name, (gint64)e->name);
    FLAGS(FLAG_)
    NUMBERS(NUMBER_)
#undef FLAG_
#undef NUMBER_
    e->seconds = json_object_get_double_member_with_default(o, "seconds", 0);
    e->level_max_dbov = json_object_get_double_member_with_default(o, "level_max_dbov", -127);
}

MdTrialRow *md_trial_row_new(const MdTrialSite *site, int64_t begun_us)
{
    MdTrialRow *row = g_new0(MdTrialRow, 1);
    *row = (MdTrialRow){g_strdup(site->account), begun_us, site->called_us, site->done_us, site->attempts, site->done_us != 0, site->evidence};
    return row;
}

void md_trial_row_free(gpointer data)
{
    MdTrialRow *row = data;
    g_free(row->account);
    g_free(row);
}

void md_trial_row_apply(const MdTrialRow *row, MdTrialSite *site)
{
    site->state = MD_TRIAL_DONE;
    site->called_us = row->called_us;
    site->done_us = row->done_us;
    site->attempts = (unsigned)row->attempts;
    site->evidence = row->evidence;
    site->verdict = row->judged ? md_trial_judge(&row->evidence) : (MdTrialVerdict){0};
}

bool md_trial_row_write(MdDb *db, const char *meeting, const MdTrialRow *row, GError **error)
{
    g_autoptr(JsonNode) node = json_node_alloc();
    JsonObject *o = md_trial_evidence_to_json(&row->evidence);
    json_node_init_object(node, o);
    json_object_unref(o);
    g_autofree char *evidence = json_to_string(node, FALSE);
    return md_db_run(db, error,
                     "INSERT INTO md_meeting_trials (meeting, account, begun_us, called_us, done_us, attempts, evidence) VALUES ($1, $2, $3, $4, $5, $6, $7) "
                     "ON CONFLICT (meeting, account) DO UPDATE SET begun_us = $3, called_us = $4, done_us = $5, attempts = $6, evidence = $7",
                     "ssiiiis", meeting, row->account, row->begun_us, row->called_us, row->done_us, row->attempts, evidence);
}

GPtrArray *md_trial_rows_read(MdDb *db, const char *meeting, GError **error)
{
    GError *local = NULL;
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(md_trial_row_free);
    g_autoptr(MdRows) rows = md_db_query(db, error, "SELECT account, begun_us, called_us, done_us, attempts, evidence FROM md_meeting_trials WHERE meeting = $1 "
                                                    "ORDER BY account", "s", meeting);
    while (rows != NULL && md_rows_next(rows, &local)) {
        MdTrialRow *row = g_new0(MdTrialRow, 1);
        g_autoptr(JsonNode) node = json_from_string(md_rows_text(rows, 5), NULL);
        row->account = g_strdup(md_rows_text(rows, 0));
        row->begun_us = md_rows_int(rows, 1);
        row->called_us = md_rows_int(rows, 2);
        row->done_us = md_rows_int(rows, 3);
        row->attempts = md_rows_int(rows, 4);
        row->judged = row->done_us != 0;
        if (node != NULL && JSON_NODE_HOLDS_OBJECT(node))
            md_trial_evidence_from_json(json_node_get_object(node), &row->evidence);
        g_ptr_array_add(all, row);
    }
    if (local != NULL)
        g_propagate_error(error, local);
    return rows != NULL && local == NULL ? g_steal_pointer(&all) : NULL;
}
