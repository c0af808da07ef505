/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bulletins in the store: loading them, and one change in one transaction. */
#include "broadcast/bulletin/private.h"

#include <string.h>

BcBulletin *bc_bulletin_copy(const BcBulletin *from)
{
    BcBulletin *b = g_memdup2(from, sizeof *from);
    const char **strings[] = {&b->id, &b->area, &b->external, &b->reason, &b->created_by, &b->changed_by, &b->submitted_by, &b->approved_by};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        *strings[i] = g_strdup(*strings[i]);
    b->now = bc_fields_copy(from->now);
    b->approved = bc_fields_copy(from->approved);
    return b;
}

void bc_bulletin_free(BcBulletin *b)
{
    if (!b)
        return;
    const char *const strings[] = {b->id, b->area, b->external, b->reason, b->created_by, b->changed_by, b->submitted_by, b->approved_by};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free((char *)strings[i]);
    bc_fields_free((BcBulletinFields *)b->now);
    bc_fields_free((BcBulletinFields *)b->approved);
    g_free(b);
}

#define VERSION_COLUMNS                                                                                                                 \
    "v.kind, v.subject, v.title, v.author, v.summary, v.text, v.url, v.content, v.priority, v.from_us, v.to_us, v.asked_us, v.areas,"    \
    " v.attachments, v.version, v.changed_by, v.changed_us"

static char **split(const char *list)
{
    return list && *list ? g_strsplit(list, ",", -1) : g_new0(char *, 1);
}

/* Borrows from the row but for the two lists, which are to be g_strfreev'd. */
static void read_fields(MdRows *rows, BcBulletinFields *f)
{
    *f = (BcBulletinFields){.kind = bc_bulletin_kind_from_string(md_rows_text(rows, 0)),
                            .subject = md_rows_text(rows, 1),
                            .title = md_rows_text(rows, 2),
                            .author = md_rows_text(rows, 3),
                            .summary = md_rows_text(rows, 4),
                            .text = md_rows_text(rows, 5),
                            .url = md_rows_text(rows, 6),
                            .content = md_rows_text(rows, 7),
                            .priority = (BcPriority)md_rows_int(rows, 8),
                            .from_us = md_rows_int(rows, 9),
                            .to_us = md_rows_int(rows, 10),
                            .asked_us = md_rows_int(rows, 11),
                            .areas = (const char *const *)split(md_rows_text(rows, 12)),
                            .attachments = (const char *const *)split(md_rows_text(rows, 13))};
}

static void free_lists(BcBulletinFields *f)
{
    g_strfreev((char **)f->areas);
    g_strfreev((char **)f->attachments);
}

static bool load_heads(BcBulletins *b, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(b->store), error,
                                         "SELECT id, area, origin, external, state, revision, version, approved_version, reason, created_by,"
                                         " changed_by, submitted_by, approved_by, created_us, changed_us, played_us, runs FROM bc_bulletins",
                                         "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcBulletin head = {.id = md_rows_text(rows, 0),
                           .area = md_rows_text(rows, 1),
                           .origin = bc_bulletin_origin_from_string(md_rows_text(rows, 2)),
                           .external = md_rows_text(rows, 3),
                           .state = bc_bulletin_state_from_string(md_rows_text(rows, 4)),
                           .revision = md_rows_int(rows, 5),
                           .version = md_rows_int(rows, 6),
                           .approved_version = md_rows_int(rows, 7),
                           .reason = md_rows_text(rows, 8),
                           .created_by = md_rows_text(rows, 9),
                           .changed_by = md_rows_text(rows, 10),
                           .submitted_by = md_rows_text(rows, 11),
                           .approved_by = md_rows_text(rows, 12),
                           .created_us = md_rows_int(rows, 13),
                           .changed_us = md_rows_int(rows, 14),
                           .played_us = md_rows_int(rows, 15),
                           .runs = md_rows_int(rows, 16)};
        BcBulletin *bulletin = bc_bulletin_copy(&head);
        g_hash_table_replace(b->by_id, (char *)bulletin->id, bulletin);
        if (bulletin->external)
            g_hash_table_replace(b->by_external, (char *)bulletin->external, (char *)bulletin->id);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

static bool load_versions(BcBulletins *b, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(b->store), error,
                                         "SELECT " VERSION_COLUMNS ", v.bulletin FROM bc_bulletin_versions v JOIN bc_bulletins b ON"
                                         " v.bulletin = b.id WHERE v.version = b.version OR v.version = b.approved_version",
                                         "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcBulletin *bulletin = g_hash_table_lookup(b->by_id, md_rows_text(rows, 17));
        BcBulletinFields fields;
        if (!bulletin)
            continue;
        read_fields(rows, &fields);
        if (md_rows_int(rows, 14) == bulletin->version)
            bulletin->now = bc_fields_copy(&fields);
        if (md_rows_int(rows, 14) == bulletin->approved_version)
            bulletin->approved = bc_fields_copy(&fields);
        free_lists(&fields);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

static bool load_pairs(BcBulletins *b, const char *sql, void (*take)(BcBulletins *b, const char *x, const char *y), GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(b->store), error, sql, "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        g_autofree char *x = g_strdup(md_rows_text(rows, 0));
        take(b, x, md_rows_text(rows, 1));
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

static void take_spoken(BcBulletins *b, const char *hash, const char *content)
{
    g_hash_table_replace(b->spoken, g_strdup(hash), g_strdup(content));
}

static void take_subject(BcBulletins *b, const char *code, const char *name)
{
    BcSubject *subject = g_new0(BcSubject, 1);
    *subject = (BcSubject){g_strdup(code), g_strdup(name)};
    g_hash_table_replace(b->subjects, (char *)subject->code, subject);
}

bool bc_bulletins_load(BcBulletins *b, GError **error)
{
    return load_heads(b, error) && load_versions(b, error) &&
           load_pairs(b, "SELECT DISTINCT content, bulletin FROM bc_bulletin_versions WHERE content IS NOT NULL", bc_bulletins_own, error) &&
           load_pairs(b, "SELECT hash, content FROM bc_spoken", take_spoken, error) &&
           load_pairs(b, "SELECT code, name FROM bc_subjects", take_subject, error);
}

/* --- one change --- */

BcChange *bc_change_new(BcBulletins *b, const BcBulletin *from, const char *what, const char *who, const char *note, BcDoneFn done, void *user)
{
    BcChange *c = g_new0(BcChange, 1);
    c->b = b;
    c->after = bc_bulletin_copy(from);
    c->expected = from->revision;
    c->after->revision++;
    c->after->changed_us = bc_bulletins_wall_us(b);
    c->who = g_strdup(who);
    c->what = g_strdup(what);
    c->from = from->revision ? g_strdup(bc_bulletin_state_to_string(from->state)) : NULL;
    c->note = g_strdup(note);
    c->done = done;
    c->user = user;
    return c;
}

static void free_change(gpointer data)
{
    BcChange *c = data;
    bc_bulletin_free(c->after);
    g_free(c->who);
    g_free(c->what);
    g_free(c->from);
    g_free(c->note);
    g_free(c->spoken_key);
    g_free(c);
}

static bool write_head(MdDb *db, BcChange *c, GError **error)
{
    const BcBulletin *a = c->after;
    if (!c->expected)
        return md_db_run(db, error,
                         "INSERT INTO bc_bulletins (id, area, origin, external, state, revision, version, approved_version, reason, created_by,"
                         " changed_by, submitted_by, approved_by, created_us, changed_us, played_us, runs)"
                         " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
                         "sssssiiisssssiiii", a->id, a->area, bc_bulletin_origin_to_string(a->origin), a->external,
                         bc_bulletin_state_to_string(a->state), a->revision, a->version, a->approved_version, a->reason, a->created_by,
                         a->changed_by, a->submitted_by, a->approved_by, a->created_us, a->changed_us, a->played_us, a->runs);
    if (!md_db_run(db, error,
                   "UPDATE bc_bulletins SET state = $1, revision = $2, version = $3, approved_version = $4, reason = $5, changed_by = $6,"
                   " submitted_by = $7, approved_by = $8, changed_us = $9, played_us = $10, runs = $11 WHERE id = $12 AND revision = $13",
                   "siiissssiiisi", bc_bulletin_state_to_string(a->state), a->revision, a->version, a->approved_version, a->reason,
                   a->changed_by, a->submitted_by, a->approved_by, a->changed_us, a->played_us, a->runs, a->id, c->expected))
        return false;
    if (md_db_changes(db) == 1)
        return true;
    g_set_error(error, BC_ERROR, BC_ERROR_CHANGED, "bulletin %s was changed at the same moment", a->id);
    return false;
}

static bool write_version(MdDb *db, BcChange *c, GError **error)
{
    const BcBulletin *a = c->after;
    const BcBulletinFields *f = a->now;
    g_autofree char *areas = g_strjoinv(",", (char **)f->areas);
    g_autofree char *attachments = g_strjoinv(",", (char **)f->attachments);
    if (!md_db_run(db, error,
                   "INSERT INTO bc_bulletin_versions (bulletin, version, kind, subject, title, author, summary, text, url, content, priority,"
                   " from_us, to_us, asked_us, areas, attachments, changed_by, changed_us)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
                   "sissssssssiiiisssi", a->id, a->version, bc_bulletin_kind_to_string(f->kind), f->subject, f->title, f->author, f->summary,
                   f->text, f->url, f->content, (int64_t)f->priority, f->from_us, f->to_us, f->asked_us, areas, attachments, c->who,
                   a->changed_us))
        return false;
    for (unsigned i = 0; f->attachments[i]; i++) {
        if (g_strv_contains(f->attachments + i + 1, f->attachments[i]))
            continue;
        if (!md_db_run(db, error, "INSERT INTO bc_bulletin_attachments (bulletin, version, attachment) SELECT $1, $2, id FROM bc_attachments WHERE id = $3",
                       "sis", a->id, a->version, f->attachments[i]))
            return false;
        if (md_db_changes(db) != 1) {
            g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "attachment %s was removed meanwhile", f->attachments[i]);
            return false;
        }
    }
    return true;
}

static bool write_change(MdDb *db, gpointer data, GError **error)
{
    BcChange *c = data;
    const BcBulletin *a = c->after;
    if (!write_head(db, c, error) || (c->new_version && !write_version(db, c, error)))
        return false;
    if (c->new_content && !md_db_run(db, error, "UPDATE bc_bulletin_versions SET content = $1 WHERE bulletin = $2 AND version = $3", "ssi",
                                     a->now->content, a->id, a->version))
        return false;
    return md_db_run(db, error,
                     "INSERT INTO bc_bulletin_steps (bulletin, revision, version, at_us, who, what, state_from, state_to, note)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                     "siiisssss", a->id, a->revision, a->version, a->changed_us, c->who, c->what, c->from, bc_bulletin_state_to_string(a->state),
                     c->note);
}

static void apply_change(gpointer owner, gpointer data)
{
    BcBulletins *b = owner;
    BcChange *c = data;
    BcBulletin *after = bc_bulletin_copy(c->after);
    if (after->external)
        g_hash_table_replace(b->by_external, (char *)after->external, (char *)after->id);
    g_hash_table_replace(b->by_id, (char *)after->id, after);
    if (after->now->content)
        bc_bulletins_own(b, after->now->content, after->id);
}

typedef struct Told { /* what done needs when the change has gone */
    BcBulletins *b;
    char *id, *what;
    BcDoneFn done;
    void *user;
} Told;

static void on_change(const GError *error, void *user)
{
    Told *told = user;
    told->b->pending--;
    const BcBulletin *bulletin = error ? NULL : bc_bulletins_find(told->b, told->id);
    if (bulletin)
        bc_bulletins_tell(told->b, told->what, bulletin);
    if (told->done)
        told->done(error, told->user);
    g_free(told->id);
    g_free(told->what);
    g_free(told);
}

void bc_change_write(BcChange *c)
{
    Told *told = g_new0(Told, 1);
    *told = (Told){c->b, g_strdup(c->after->id), g_strdup(c->what), c->done, c->user};
    c->b->pending++;
    bc_write(c->b->store, write_change, c, free_change, c->b, bc_bulletins_unref, apply_change, on_change, told);
}

/* --- what was --- */

static bool each_version(MdRows *rows, unsigned *ret_n, void (*fn)(const BcBulletinVersion *version, void *user), void *user, GError **error)
{
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcBulletinVersion version = {md_rows_int(rows, 14), md_rows_int(rows, 16), md_rows_text(rows, 15), {0}};
        read_fields(rows, &version.fields);
        fn(&version, user);
        free_lists(&version.fields);
        ++*ret_n;
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

bool bc_bulletins_versions(BcBulletins *b, const char *id, void (*fn)(const BcBulletinVersion *version, void *user), void *user, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(b->store), error,
                                         "SELECT " VERSION_COLUMNS " FROM bc_bulletin_versions v WHERE v.bulletin = $1 ORDER BY v.version", "s", id);
    unsigned n = 0;
    return each_version(rows, &n, fn, user, error);
}

bool bc_bulletins_version(BcBulletins *b, const char *id, int64_t version, void (*fn)(const BcBulletinVersion *version, void *user), void *user,
                          GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(b->store), error,
                                         "SELECT " VERSION_COLUMNS " FROM bc_bulletin_versions v WHERE v.bulletin = $1 AND v.version = $2", "si", id,
                                         version);
    unsigned n = 0;
    return each_version(rows, &n, fn, user, error) && n > 0;
}

char **bc_bulletins_of_attachment(BcBulletins *b, const char *attachment, GError **error)
{
    g_autoptr(GStrvBuilder) ids = g_strv_builder_new();
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(b->store), error,
                                         "SELECT DISTINCT bulletin FROM bc_bulletin_attachments WHERE attachment = $1", "s", attachment);
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure))
        g_strv_builder_add(ids, md_rows_text(rows, 0));
    if (failure)
        g_propagate_error(error, failure);
    return g_strv_builder_end(ids);
}

bool bc_bulletins_history(BcBulletins *b, const char *id, int64_t after, void (*fn)(const BcBulletinStep *step, void *user), void *user,
                          GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(b->store), error,
                                         "SELECT revision, version, at_us, who, what, state_from, state_to, note FROM bc_bulletin_steps"
                                         " WHERE bulletin = $1 AND revision > $2 ORDER BY revision", "si", id, after);
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcBulletinStep step = {md_rows_int(rows, 0), md_rows_int(rows, 1), md_rows_int(rows, 2), md_rows_text(rows, 3), md_rows_text(rows, 4),
                               md_rows_text(rows, 5), md_rows_text(rows, 6), md_rows_text(rows, 7)};
        fn(&step, user);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}
