/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/content.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "broadcast/chime.h"

#define STORED_BYTES_PER_S 80000 /* all profiles of a second of sound, the lossless master the most of it */

typedef enum JobKind { JOB_FILE, JOB_TEXT, JOB_LOAD, JOB_SAY } JobKind;

typedef struct Job {
    BcContents *contents;
    JobKind kind;
    unsigned id, frame_ms;
    double loudness_lufs; /* 0: as the settings say */
    bool urgent, chime;
    char *path, *title, *source_name, *created_by, *text, *content;
    BcIngestProgress progress;
    BcIngestResult result;
    BcTrack *tracks[MD_AUDIO_CODEC_MAX];
    GError *error;
    BcContentDoneFn done;
    BcLoadDoneFn loaded;
    BcSayDoneFn said;
    GBytes *wav;
    void *user;
} Job;

struct BcContents { /* g_rc_box */
    MdStore *store;
    BcContentOptions o;
    char *content_dir;
    char **speech_command;
    char *speech_url;
    GMainContext *context;
    GHashTable *by_id;   /* id -> BcContent*, owned */
    GHashTable *jobs;    /* id -> Job*, running */
    unsigned last_job, loading, saying;
    GThreadPool *makers, *loaders, *urgent, *sayers;
};

static void free_content(gpointer data)
{
    BcContent *c = data;
    const char *const strings[] = {c->id, c->title, c->source_name, c->media_type, c->text, c->created_by};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free((char *)strings[i]);
    g_free(c);
}

static BcContent *copy_content(const BcContent *from)
{
    BcContent *c = g_memdup2(from, sizeof *from);
    const char **strings[] = {&c->id, &c->title, &c->source_name, &c->media_type, &c->text, &c->created_by};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        *strings[i] = g_strdup(*strings[i]);
    return c;
}

static void free_job(Job *job)
{
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
        bc_track_unref(job->tracks[c]);
    g_free(job->path);
    g_free(job->title);
    g_free(job->source_name);
    g_free(job->created_by);
    g_free(job->text);
    g_free(job->content);
    g_clear_error(&job->error);
    g_clear_pointer(&job->wav, g_bytes_unref);
    g_free(job);
}

/* --- worker threads --- */

/* A recording is found by what its file holds: the same words at another loudness must be another file, so that neither takes the
 * other's place. Its length in silence at the end tells them apart. */
static bool mark_loudness(Job *job, const char *wav)
{
    gsize len = job->loudness_lufs ? 4096 + 2 * (gsize)(-job->loudness_lufs * 10) : 0;
    g_autofree char *zeros = g_malloc0(len + 1);
    FILE *out = len ? fopen(wav, "ab") : NULL;
    bool ok = !len || (out && fwrite(zeros, 1, len, out) == len);
    if (out && fclose(out) != 0)
        ok = false;
    if (!ok)
        g_set_error(&job->error, BC_ERROR, BC_ERROR_FAILED, "cannot write %s: %s", wav, g_strerror(errno));
    return ok;
}

static bool ingest(Job *job, const char *path)
{
    BcIngestOptions options = job->contents->o.ingest;
    if (job->loudness_lufs)
        options.target_lufs = job->loudness_lufs;
    return bc_ingest_file(path, &options, &job->progress, &job->result, &job->error);
}

static void do_speech(Job *job)
{
    g_autofree char *wav = g_strdup_printf("%s/tmp-speech-%08x%08x", job->contents->content_dir, g_random_int(), g_random_int());
    g_autofree char *joined = g_strconcat(wav, "-chime", NULL);
    g_mkdir_with_parents(job->contents->content_dir, 0750);
    if (bc_speech_make(&job->contents->o.speech, job->text, wav, &job->progress, &job->error) &&
        (!job->chime || bc_chime_join(wav, joined, job->contents->o.ingest.duration_max_us, &job->progress, &job->error)) &&
        mark_loudness(job, job->chime ? joined : wav))
        ingest(job, job->chime ? joined : wav);
    g_unlink(wav);
    g_unlink(joined);
}

#define SAY_MAX_US (120ll * G_USEC_PER_SEC)

static void do_say(Job *job)
{
    g_autofree char *spoken = g_strdup_printf("%s/tmp-say-%08x%08x", job->contents->content_dir, g_random_int(), g_random_int());
    g_autofree char *wav = g_strconcat(spoken, "-wav", NULL), *bytes = NULL;
    gsize len = 0;
    g_mkdir_with_parents(job->contents->content_dir, 0750);
    if (bc_speech_make(&job->contents->o.speech, job->text, spoken, &job->progress, &job->error) &&
        bc_speech_to_wav(spoken, wav, SAY_MAX_US, &job->progress, &job->error) && g_file_get_contents(wav, &bytes, &len, &job->error))
        job->wav = g_bytes_new_take(g_steal_pointer(&bytes), len);
    g_unlink(spoken);
    g_unlink(wav);
}

static void do_load(Job *job)
{
    for (int c = 0; c < MD_AUDIO_CODEC_MAX && !job->error; c++) {
        g_autofree char *path = bc_content_path(job->contents->content_dir, job->content, bc_profile_name(c));
        job->tracks[c] = bc_track_load(path, job->frame_ms, &job->error);
    }
}

static gboolean on_job_done(gpointer data);

static void do_job(gpointer data, gpointer user)
{
    Job *job = data;
    if (job->kind == JOB_LOAD)
        do_load(job);
    else if (job->kind == JOB_SAY)
        do_say(job);
    else if (job->kind == JOB_TEXT)
        do_speech(job);
    else
        ingest(job, job->path);
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, on_job_done, job, NULL);
    g_source_attach(source, job->contents->context);
    g_source_unref(source);
}

/* --- control --- */

static void finish_job(Job *job, const BcContent *content, const GError *error)
{
    if (job->kind == JOB_LOAD)
        job->loaded(job->tracks, error, job->user);
    else if (job->kind == JOB_SAY)
        job->said(job->wav, error, job->user);
    else if (job->done)
        job->done(content, error, job->user);
    g_hash_table_remove(job->contents->jobs, GUINT_TO_POINTER(job->id));
    free_job(job);
}

static bool write_content(MdDb *db, gpointer data, GError **error)
{
    const BcContent *c = data;
    return md_db_run(db, error, "DELETE FROM bc_content WHERE id = $1", "s", c->id) &&
           md_db_run(db, error,
                     "INSERT INTO bc_content (id, title, source_name, media_type, source_bytes, duration_us, loudness_in, loudness,"
                     " true_peak, gain_db, clipped_permille, text, created_us, created_by)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
                     "ssssiidddddsis", c->id, c->title, c->source_name, c->media_type, c->source_bytes, c->duration_us, c->loudness_in,
                     c->loudness, c->true_peak, c->gain_db, c->clipped_permille, c->text, c->created_us, c->created_by);
}

static void contents_unref(gpointer contents);

static void apply_content(gpointer owner, gpointer data)
{
    BcContent *copy = copy_content(data);
    g_hash_table_replace(((BcContents *)owner)->by_id, (char *)copy->id, copy);
}

static void on_content_written(const GError *error, void *user)
{
    Job *job = user;
    finish_job(job, error ? NULL : bc_contents_find(job->contents, job->result.sha256), error);
}

static gboolean on_job_done(gpointer data)
{
    Job *job = data;
    BcContents *contents = job->contents;
    const BcIngestResult *r = &job->result;
    contents->loading -= job->kind == JOB_LOAD;
    contents->saying -= job->kind == JOB_SAY;
    if (job->error || job->kind == JOB_LOAD || job->kind == JOB_SAY) {
        finish_job(job, NULL, job->error);
        return G_SOURCE_REMOVE;
    }
    BcContent row = {r->sha256, job->title, job->source_name, r->media_type, job->text, job->created_by, r->bytes, r->duration_us,
                     md_clock_wall_us(contents->o.clock), r->loudness_in, r->loudness, r->true_peak, r->gain_db, r->clipped_permille};
    bc_write(contents->store, write_content, copy_content(&row), free_content, contents, contents_unref, apply_content,
             on_content_written, job);
    return G_SOURCE_REMOVE;
}

static void clear_contents(gpointer data)
{
    BcContents *contents = data;
    g_hash_table_unref(contents->by_id);
    g_hash_table_unref(contents->jobs);
    g_main_context_unref(contents->context);
    g_free(contents->content_dir);
    g_strfreev(contents->speech_command);
    g_free(contents->speech_url);
}

static void contents_unref(gpointer contents)
{
    g_rc_box_release_full(contents, clear_contents);
}

static bool load_rows(BcContents *contents, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(contents->store), error,
                                         "SELECT id, title, source_name, media_type, source_bytes, duration_us, loudness_in, loudness,"
                                         " true_peak, gain_db, clipped_permille, text, created_us, created_by FROM bc_content",
                                         "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcContent *c = g_new0(BcContent, 1);
        *c = (BcContent){g_strdup(md_rows_text(rows, 0)),
                         g_strdup(md_rows_text(rows, 1)),
                         g_strdup(md_rows_text(rows, 2)),
                         g_strdup(md_rows_text(rows, 3)),
                         g_strdup(md_rows_text(rows, 11)),
                         g_strdup(md_rows_text(rows, 13)),
                         md_rows_int(rows, 4),
                         md_rows_int(rows, 5),
                         md_rows_int(rows, 12),
                         md_rows_double(rows, 6),
                         md_rows_double(rows, 7),
                         md_rows_double(rows, 8),
                         md_rows_double(rows, 9),
                         md_rows_double(rows, 10)};
        g_hash_table_replace(contents->by_id, (char *)c->id, c);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

BcContents *bc_contents_new(MdStore *store, const BcContentOptions *options, GError **error)
{
    BcContents *contents = g_rc_box_new0(BcContents);
    contents->store = store;
    contents->o = *options;
    contents->o.clock = options->clock ? options->clock : md_clock_system();
    contents->content_dir = g_strdup(options->ingest.content_dir);
    contents->speech_command = g_strdupv((char **)options->speech.command);
    contents->o.ingest.content_dir = contents->content_dir;
    contents->speech_url = g_strdup(options->speech.url);
    contents->o.speech.url = contents->speech_url;
    contents->o.speech.command = (const char *const *)contents->speech_command;
    contents->context = g_main_context_ref_thread_default();
    contents->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_content);
    contents->jobs = g_hash_table_new(NULL, NULL);
    if (!load_rows(contents, error)) {
        contents_unref(contents);
        return NULL;
    }
    bc_ingest_clean(contents->content_dir);
    contents->makers = g_thread_pool_new(do_job, NULL, 1, FALSE, NULL);
    contents->urgent = g_thread_pool_new(do_job, NULL, 1, FALSE, NULL);
    contents->loaders = g_thread_pool_new(do_job, NULL, 2, FALSE, NULL);
    contents->sayers = g_thread_pool_new(do_job, NULL, 1, FALSE, NULL);
    return contents;
}

void bc_contents_free(BcContents *contents)
{
    if (!contents)
        return;
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, contents->jobs);
    while (g_hash_table_iter_next(&it, NULL, &value))
        atomic_store(&((Job *)value)->progress.cancel, true);
    g_thread_pool_free(contents->makers, FALSE, TRUE);
    g_thread_pool_free(contents->loaders, FALSE, TRUE);
    g_thread_pool_free(contents->urgent, FALSE, TRUE);
    g_thread_pool_free(contents->sayers, FALSE, TRUE);
    while (g_hash_table_size(contents->jobs) > 0)
        g_main_context_iteration(contents->context, TRUE);
    contents_unref(contents);
}

static unsigned start_job(BcContents *contents, Job *job)
{
    job->contents = contents;
    job->id = ++contents->last_job;
    g_hash_table_insert(contents->jobs, GUINT_TO_POINTER(job->id), job);
    contents->loading += job->kind == JOB_LOAD;
    contents->saying += job->kind == JOB_SAY;
    GThreadPool *pool = job->kind == JOB_LOAD ? contents->loaders : job->kind == JOB_SAY ? contents->sayers : job->urgent ? contents->urgent : contents->makers;
    g_thread_pool_push(pool, job, NULL);
    return job->id;
}

static int64_t stored_bytes(const BcContents *contents)
{
    int64_t us = 0;
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, contents->by_id);
    while (g_hash_table_iter_next(&it, NULL, &value))
        us += ((BcContent *)value)->duration_us;
    return us / G_USEC_PER_SEC * STORED_BYTES_PER_S;
}

static unsigned start_making(BcContents *contents, Job *job)
{
    g_autoptr(GError) error = NULL;
    if (!bc_text_ok(job->title, 200))
        error = g_error_new(BC_ERROR, BC_ERROR_INVALID, "a title of 1 to 200 bytes without control characters is needed");
    else if (!job->urgent && g_hash_table_size(contents->jobs) - contents->loading - contents->saying >= BC_CONTENT_JOBS_MAX)
        error = g_error_new(BC_ERROR, BC_ERROR_LIMIT, "%u recordings are being taken in already: try again in a minute", BC_CONTENT_JOBS_MAX);
    else if (g_hash_table_size(contents->by_id) >= BC_CONTENTS_MAX)
        error = g_error_new(BC_ERROR, BC_ERROR_LIMIT, "there are %u recordings already: remove old ones", BC_CONTENTS_MAX);
    else if (!job->urgent && contents->o.total_max_bytes && stored_bytes(contents) > contents->o.total_max_bytes)
        error = g_error_new(BC_ERROR, BC_ERROR_LIMIT, "the recordings take more than %d GiB already: remove old ones",
                            (int)(contents->o.total_max_bytes >> 30));
    if (!error)
        return start_job(contents, job);
    if (job->done)
        job->done(NULL, error, job->user);
    free_job(job);
    return 0;
}

unsigned bc_contents_make(BcContents *contents, const BcContentMake *make, BcContentDoneFn done, void *user)
{
    Job *job = g_new0(Job, 1);
    job->kind = make->text ? JOB_TEXT : JOB_FILE;
    job->text = g_strdup(make->text);
    job->path = g_strdup(make->path);
    job->title = g_strdup(make->title);
    job->source_name = g_strdup(make->source_name && bc_text_ok(make->source_name, 255) ? make->source_name : NULL);
    job->created_by = g_strdup(make->created_by);
    job->loudness_lufs = make->loudness_lufs;
    job->urgent = make->urgent;
    job->chime = make->chime;
    job->done = done;
    job->user = user;
    return start_making(contents, job);
}

unsigned bc_contents_add_file(BcContents *contents, const char *path, const char *title, const char *source_name,
                              const char *created_by, BcContentDoneFn done, void *user)
{
    BcContentMake make = {.path = path, .title = title, .source_name = source_name, .created_by = created_by};
    return bc_contents_make(contents, &make, done, user);
}

unsigned bc_contents_add_text(BcContents *contents, const char *text, const char *title, const char *created_by,
                              BcContentDoneFn done, void *user)
{
    BcContentMake make = {.text = text, .title = title, .created_by = created_by};
    return bc_contents_make(contents, &make, done, user);
}

void bc_contents_say(BcContents *contents, const char *text, BcSayDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    if (!text || !*text || strlen(text) > BC_SPEECH_TEXT_MAX)
        error = g_error_new(BC_ERROR, BC_ERROR_INVALID, "a text of 1 to %d bytes as it is said can be tried: try a part of it", BC_SPEECH_TEXT_MAX);
    else if (contents->saying >= BC_SAYS_MAX)
        error = g_error_new(BC_ERROR, BC_ERROR_LIMIT, "%u texts are being spoken already: try again in a moment", BC_SAYS_MAX);
    if (error) {
        done(NULL, error, user);
        return;
    }
    Job *job = g_new0(Job, 1);
    *job = (Job){.kind = JOB_SAY, .text = g_strdup(text), .said = done, .user = user};
    start_job(contents, job);
}

bool bc_contents_cancel(BcContents *contents, unsigned id)
{
    Job *job = g_hash_table_lookup(contents->jobs, GUINT_TO_POINTER(id));
    if (job)
        atomic_store(&job->progress.cancel, true);
    return job != NULL;
}

GArray *bc_contents_jobs(const BcContents *contents)
{
    GArray *jobs = g_array_new(FALSE, FALSE, sizeof(BcContentJob));
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, contents->jobs);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        Job *job = value;
        BcContentJob row = {job->id, job->title, atomic_load(&job->progress.permille), job->created_by};
        if (job->kind != JOB_LOAD && job->kind != JOB_SAY)
            g_array_append_val(jobs, row);
    }
    return jobs;
}

const BcContent *bc_contents_find(const BcContents *contents, const char *id)
{
    return id ? g_hash_table_lookup(contents->by_id, id) : NULL;
}

static int newest_first(gconstpointer a, gconstpointer b)
{
    const BcContent *x = *(const BcContent *const *)a, *y = *(const BcContent *const *)b;
    return x->created_us > y->created_us ? -1 : x->created_us < y->created_us ? 1 : strcmp(x->id, y->id);
}

GPtrArray *bc_contents_list(const BcContents *contents)
{
    GPtrArray *all = bc_table_values(contents->by_id);
    g_ptr_array_sort(all, newest_first);
    return all;
}

static bool delete_content(MdDb *db, gpointer data, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(db, error, "SELECT COUNT(*) FROM bc_schedule_items WHERE content = $1 OR fallback = $2", "ss",
                                         (const char *)data, (const char *)data);
    if (!rows || !md_rows_next(rows, error))
        return false;
    int64_t used = md_rows_int(rows, 0);
    g_clear_pointer(&rows, md_rows_free);
    if (used) {
        g_set_error(error, BC_ERROR, BC_ERROR_IN_USE, "%" G_GINT64_FORMAT " schedules play this recording: remove them first", used);
        return false;
    }
    return md_db_run(db, error, "DELETE FROM bc_content WHERE id = $1", "s", (const char *)data);
}

static void forget_content(gpointer owner, gpointer data)
{
    BcContents *contents = owner;
    static const char *const files[] = {BC_PROFILE_MASTER, BC_PROFILE_MP3};
    for (int c = 0; c < MD_AUDIO_CODEC_MAX; c++) {
        g_autofree char *path = bc_content_path(contents->content_dir, data, bc_profile_name(c));
        g_unlink(path);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = bc_content_path(contents->content_dir, data, files[i]);
        g_unlink(path);
    }
    g_autofree char *folder = bc_content_path(contents->content_dir, data, NULL);
    g_rmdir(folder);
    g_hash_table_remove(contents->by_id, data);
}

void bc_contents_remove(BcContents *contents, const char *id, BcDoneFn done, void *user)
{
    if (!bc_contents_find(contents, id)) {
        g_autoptr(GError) error = g_error_new(BC_ERROR, BC_ERROR_NOT_FOUND, "there is no such recording");
        if (done)
            done(error, user);
        return;
    }
    bc_write(contents->store, delete_content, g_strdup(id), g_free, contents, contents_unref, forget_content, done, user);
}

char *bc_contents_path(const BcContents *contents, const char *id, const char *profile)
{
    return bc_content_path(contents->content_dir, id, profile);
}

void bc_contents_load(BcContents *contents, const char *id, unsigned frame_ms, BcLoadDoneFn done, void *user)
{
    Job *job = g_new0(Job, 1);
    job->kind = JOB_LOAD;
    job->content = g_strdup(id);
    job->frame_ms = frame_ms;
    job->loaded = done;
    job->user = user;
    start_job(contents, job);
}
