/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/report/feedback.h"
#include <string.h>

const MdMigration bc_report_migrations[] = {
    {380, "what people report",
     "CREATE TABLE bc_feedback (id TEXT PRIMARY KEY, area TEXT NOT NULL, channel TEXT NOT NULL, name TEXT NOT NULL, phone TEXT NOT NULL,"
     " text TEXT NOT NULL, state TEXT NOT NULL, assigned TEXT NOT NULL, answer TEXT NOT NULL, answered_by TEXT NOT NULL, bulletin TEXT NOT NULL,"
     " created_us BIGINT NOT NULL, changed_us BIGINT NOT NULL, files BIGINT NOT NULL);"
     "CREATE INDEX bc_feedback_created ON bc_feedback (created_us);"
     "CREATE INDEX bc_feedback_state ON bc_feedback (state, created_us);"
     "CREATE TABLE bc_feedback_files (feedback TEXT NOT NULL, n BIGINT NOT NULL, name TEXT NOT NULL, media_type TEXT NOT NULL,"
     " base64 TEXT NOT NULL, PRIMARY KEY (feedback, n))"},
};
const unsigned bc_n_report_migrations = G_N_ELEMENTS(bc_report_migrations);

static const char *const state_names[BC_FEEDBACK_STATE_MAX] = {"new", "assigned", "answered", "closed"};

const char *bc_feedback_state_to_string(BcFeedbackState state)
{
    return (unsigned)state < BC_FEEDBACK_STATE_MAX ? state_names[state] : NULL;
}

BcFeedbackState bc_feedback_state_from_string(const char *name)
{
    for (unsigned i = 0; name && i < BC_FEEDBACK_STATE_MAX; i++)
        if (g_str_equal(name, state_names[i]))
            return i;
    return BC_FEEDBACK_STATE_MAX;
}

bool bc_feedback_media_type_ok(const char *media_type)
{
    static const char *const good[] = {"image/jpeg", "image/png", "image/webp", "audio/mpeg", "audio/mp4", "audio/ogg",
                                       "audio/wav", "video/mp4", "video/webm", "application/pdf", NULL};

    return media_type && g_strv_contains(good, media_type);
}

typedef struct Write {
    char *id, *area, *channel, *name, *phone, *text, *who;
    BcFeedbackState to;
    int64_t now_us;
    GPtrArray *names, *types, *bodies; /* of files */
} Write;

static void write_free(gpointer data)
{
    Write *w = data;

    g_free(w->id);
    g_free(w->area);
    g_free(w->channel);
    g_free(w->name);
    g_free(w->phone);
    g_free(w->text);
    g_free(w->who);
    g_clear_pointer(&w->names, g_ptr_array_unref);
    g_clear_pointer(&w->types, g_ptr_array_unref);
    g_clear_pointer(&w->bodies, g_ptr_array_unref);
    g_free(w);
}

static bool one_number(MdDb *db, const char *sql, int64_t *ret, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(db, error, sql, "");

    if (!rows || !md_rows_next(rows, error))
        return false;
    *ret = md_rows_int(rows, 0);
    return true;
}

static bool write_new(MdDb *db, gpointer data, GError **error)
{
    Write *w = data;
    int64_t n;

    if (!one_number(db, "SELECT COUNT(*) FROM bc_feedback", &n, error))
        return false;
    if (n >= BC_FEEDBACK_MAX) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "there are %d reports already, the most that are kept", BC_FEEDBACK_MAX);
        return false;
    }
    if (!md_db_run(db, error,
                   "INSERT INTO bc_feedback (id, area, channel, name, phone, text, state, assigned, answer, answered_by, bulletin, created_us, "
                   "changed_us, files) VALUES ($1, $2, $3, $4, $5, $6, 'new', '', '', '', '', $7, $7, $8)",
                   "ssssssii", w->id, w->area, w->channel, w->name, w->phone, w->text, w->now_us, (int64_t)w->names->len))
        return false;
    for (unsigned i = 0; i < w->names->len; i++)
        if (!md_db_run(db, error, "INSERT INTO bc_feedback_files (feedback, n, name, media_type, base64) VALUES ($1, $2, $3, $4, $5)", "sisss",
                       w->id, (int64_t)i, w->names->pdata[i], w->types->pdata[i], w->bodies->pdata[i]))
            return false;
    return true;
}

typedef struct Tell {
    BcDoneFn done;
    void *user;
} Tell;

static void told(bool ok, const GError *error, gpointer data, gpointer user)
{
    Tell *tell = user;

    tell->done(ok ? NULL : error, tell->user);
    g_free(tell);
}

static void submit(MdStore *store, MdStoreFn fn, Write *w, BcDoneFn done, void *user)
{
    Tell *tell = g_new0(Tell, 1);

    *tell = (Tell){done, user};
    md_store_write(store, fn, w, write_free, told, tell);
}

static bool check_new(const BcFeedback *f, const BcFeedbackFile *files, unsigned n, GError **error)
{
    if (!f->text || !*f->text || strlen(f->text) > BC_FEEDBACK_TEXT_MAX || !g_utf8_validate(f->text, -1, NULL)) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "field 'text': 1 to %u bytes of UTF-8", BC_FEEDBACK_TEXT_MAX);
        return false;
    }
    if (n > BC_FEEDBACK_FILES_MAX) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "field 'files': at most %u", BC_FEEDBACK_FILES_MAX);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        gsize size = g_bytes_get_size(files[i].bytes);
        if (bc_text_ok(files[i].name, 200) && bc_feedback_media_type_ok(files[i].media_type) && size > 0 && size <= BC_FEEDBACK_FILE_MAX)
            continue;
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "field 'files', number %u: a picture, a recording, a film or a PDF with a name, at most %u bytes",
                    i + 1, BC_FEEDBACK_FILE_MAX);
        return false;
    }
    return true;
}

void bc_feedback_add(MdStore *store, const BcFeedback *f, const BcFeedbackFile *files, unsigned n, char **ret_id, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;

    if (!check_new(f, files, n, &error)) {
        done(error, user);
        return;
    }
    Write *w = g_new0(Write, 1);
    *w = (Write){.id = bc_new_id("f"), .area = g_strdup(f->area), .channel = g_strdup(f->channel), .name = g_strdup(f->name ? f->name : ""),
                 .phone = g_strdup(f->phone ? f->phone : ""), .text = g_strdup(f->text), .now_us = f->created_us};
    w->names = g_ptr_array_new_with_free_func(g_free);
    w->types = g_ptr_array_new_with_free_func(g_free);
    w->bodies = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < n; i++) {
        gsize size;
        const guchar *bytes = g_bytes_get_data(files[i].bytes, &size);
        g_ptr_array_add(w->names, g_strdup(files[i].name));
        g_ptr_array_add(w->types, g_strdup(files[i].media_type));
        g_ptr_array_add(w->bodies, g_base64_encode(bytes, size));
    }
    *ret_id = g_strdup(w->id);
    submit(store, write_new, w, done, user);
}

static bool write_step(MdDb *db, gpointer data, GError **error)
{
    Write *w = data;
    const char *state = state_names[w->to];
    bool ok;

    if (w->to == BC_FEEDBACK_ASSIGNED)
        ok = md_db_run(db, error, "UPDATE bc_feedback SET state = CASE WHEN state = 'new' THEN 'assigned' ELSE state END, assigned = $2, "
                                  "changed_us = $3 WHERE id = $1 AND state <> 'closed'", "ssi", w->id, w->text, w->now_us);
    else if (w->to == BC_FEEDBACK_ANSWERED)
        ok = md_db_run(db, error, "UPDATE bc_feedback SET state = 'answered', answer = $2, answered_by = $3, changed_us = $4 WHERE id = $1 AND "
                                  "state <> 'closed'", "sssi", w->id, w->text, w->who, w->now_us);
    else
        ok = md_db_run(db, error, "UPDATE bc_feedback SET state = $2, changed_us = $3 WHERE id = $1 AND state <> 'closed'", "ssi", w->id, state,
                       w->now_us);
    if (!ok || md_db_changes(db) > 0)
        return ok;
    g_autoptr(MdRows) rows = md_db_query(db, error, "SELECT 1 FROM bc_feedback WHERE id = $1", "s", w->id);
    if (rows && md_rows_next(rows, error))
        g_set_error(error, BC_ERROR, BC_ERROR_STATE, "report %s is closed", w->id);
    else if (rows && (!error || !*error))
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no report %s", w->id);
    return false;
}

void bc_feedback_step(MdStore *store, const char *id, BcFeedbackState to, const char *text, const char *who, int64_t now_us, BcDoneFn done, void *user)
{
    Write *w = g_new0(Write, 1);

    *w = (Write){.id = g_strdup(id), .text = g_strdup(text ? text : ""), .who = g_strdup(who), .to = to, .now_us = now_us};
    submit(store, write_step, w, done, user);
}

static bool write_bulletin(MdDb *db, gpointer data, GError **error)
{
    Write *w = data;

    return md_db_run(db, error, "UPDATE bc_feedback SET bulletin = $2 WHERE id = $1", "ss", w->id, w->text);
}

void bc_feedback_set_bulletin(MdStore *store, const char *id, const char *bulletin, BcDoneFn done, void *user)
{
    Write *w = g_new0(Write, 1);

    *w = (Write){.id = g_strdup(id), .text = g_strdup(bulletin)};
    submit(store, write_bulletin, w, done, user);
}

/* --- reading --- */

bool bc_feedback_list(MdStore *store, const BcFeedbackFilter *filter, BcFeedbackFn fn, void *user, GError **error)
{
    GError *local = NULL;
    const char *state = bc_feedback_state_to_string(filter->state);
    g_autoptr(MdRows) rows = md_db_query(
        md_store_reader(store), error,
        "SELECT id, area, channel, name, phone, text, state, assigned, answer, answered_by, bulletin, created_us, changed_us, files FROM bc_feedback "
        "WHERE created_us < $1 AND (CAST($2 AS TEXT) IS NULL OR state = $2) AND (CAST($3 AS TEXT) IS NULL OR id = $3) "
        "ORDER BY created_us DESC, id LIMIT $4",
        "issi", filter->before_us > 0 ? filter->before_us : INT64_MAX, state, filter->id, (int64_t)filter->limit);

    if (!rows)
        return false;
    while (md_rows_next(rows, &local)) {
        BcFeedback f = {.id = md_rows_text(rows, 0), .area = md_rows_text(rows, 1), .channel = md_rows_text(rows, 2), .name = md_rows_text(rows, 3),
                        .phone = md_rows_text(rows, 4), .text = md_rows_text(rows, 5), .state = bc_feedback_state_from_string(md_rows_text(rows, 6)),
                        .assigned = md_rows_text(rows, 7), .answer = md_rows_text(rows, 8), .answered_by = md_rows_text(rows, 9),
                        .bulletin = md_rows_text(rows, 10), .created_us = md_rows_int(rows, 11), .changed_us = md_rows_int(rows, 12),
                        .files = md_rows_int(rows, 13)};
        fn(&f, user);
    }
    if (local)
        g_propagate_error(error, local);
    return !local;
}

bool bc_feedback_counts(MdStore *store, int64_t ret[BC_FEEDBACK_STATE_MAX], GError **error)
{
    GError *local = NULL;
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(store), error, "SELECT state, COUNT(*) FROM bc_feedback GROUP BY state", "");

    memset(ret, 0, BC_FEEDBACK_STATE_MAX * sizeof *ret);
    while (rows && md_rows_next(rows, &local)) {
        BcFeedbackState state = bc_feedback_state_from_string(md_rows_text(rows, 0));
        if (state < BC_FEEDBACK_STATE_MAX)
            ret[state] = md_rows_int(rows, 1);
    }
    if (local)
        g_propagate_error(error, local);
    return rows && !local;
}

GBytes *bc_feedback_file(MdStore *store, const char *id, unsigned n, char **ret_name, char **ret_media_type, GError **error)
{
    GError *local = NULL;
    gsize size;
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(store), error,
                                         "SELECT name, media_type, base64 FROM bc_feedback_files WHERE feedback = $1 AND n = $2", "si", id, (int64_t)n);

    if (!rows)
        return NULL;
    if (!md_rows_next(rows, &local)) {
        if (local)
            g_propagate_error(error, local);
        else
            g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "report %s has no such file", id);
        return NULL;
    }
    *ret_name = g_strdup(md_rows_text(rows, 0));
    *ret_media_type = g_strdup(md_rows_text(rows, 1));
    guchar *bytes = g_base64_decode(md_rows_text(rows, 2), &size);
    return g_bytes_new_take(bytes, size);
}
