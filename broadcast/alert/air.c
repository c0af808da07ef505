/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/air.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "broadcast/link/siren.h"

#define CHUNK 4800
#define QUIET_LUFS (-36.0)

struct BcAlertAir {       /* g_rc_box: recordings being made hold it */
    BcBroadcast *b;
    BcAlertAirOptions o;
    char **ready;
    MdLogger logger;
    GHashTable *sirens;   /* "storm/1", "drill/1/quiet" or "words/…" made beforehand -> content id */
    GThreadPool *renderer;
    GMainContext *context;
    unsigned rendering;   /* sirens that on_rendered will hear of */
    unsigned prepared;    /* steps of bc_alert_air_prepare done */
    bool gone;
};

typedef struct Making {   /* a siren or words on the way */
    BcAlertAir *air;
    char *key, *path;
    GError *error;
    BcSirenPattern pattern;
    unsigned rounds;
    bool quiet, urgent;
    char sha[65];
    BcAlertMadeFn done;
    void *user;
} Making;

static void clear_air(gpointer data)
{
    BcAlertAir *air = data;
    g_hash_table_unref(air->sirens);
    g_main_context_unref(air->context);
    g_strfreev(air->ready);
}

static void air_unref(BcAlertAir *air)
{
    g_rc_box_release_full(air, clear_air);
}

static void finish(Making *m, const char *content, const GError *error)
{
    if (!m->air->gone && m->done)
        m->done(content, error, m->user);
    else if (m->done) { /* whoever asked lets go of what it holds */
        g_autoptr(GError) over = g_error_new(BC_ERROR, BC_ERROR_STATE, "mediad stops");
        m->done(NULL, over, m->user);
    }
    if (m->path)
        g_unlink(m->path);
    g_clear_error(&m->error);
    g_free(m->key);
    g_free(m->path);
    air_unref(m->air);
    g_free(m);
}

static Making *new_making(BcAlertAir *air, BcAlertMadeFn done, void *user)
{
    Making *m = g_new0(Making, 1);
    m->air = g_rc_box_acquire(air);
    m->done = done;
    m->user = user;
    return m;
}

static double loudness_of(const BcAlertAir *air, bool quiet)
{
    return !quiet ? 0 : air->o.quiet_lufs ? air->o.quiet_lufs : QUIET_LUFS;
}

/* --- words --- */

static void on_spoken(const BcContent *content, const GError *error, void *user)
{
    Making *m = user;
    if (content && m->key)
        g_hash_table_replace(m->air->sirens, g_steal_pointer(&m->key), g_strdup(content->id));
    finish(user, content ? content->id : NULL, error);
}

/* The same words at the same loudness once more: what is always the same, and drills. */
static const BcContent *known_words(BcAlertAir *air, const char *text, bool quiet)
{
    g_autoptr(GPtrArray) all = bc_contents_list(bc_broadcast_contents(air->b));
    for (unsigned i = 0; i < all->len; i++) {
        const BcContent *content = all->pdata[i];
        if (g_strcmp0(content->created_by, "alert") == 0 && g_strcmp0(content->text, text) == 0 &&
            fabs(content->loudness - (quiet ? loudness_of(air, true) : content->loudness)) < 6 &&
            (quiet || content->loudness > loudness_of(air, true) + 6))
            return content;
    }
    return NULL;
}

static void speak_as(BcAlertAir *air, const char *text, const char *title, bool quiet, bool urgent, BcAlertMadeFn done, void *user)
{
    g_autofree char *spelt = air->o.pronounce ? air->o.pronounce(text, air->o.user) : NULL;
    if (spelt)
        text = spelt;
    /* what is made beforehand is found at once, however many recordings there are: the siren waits for the words "attention" */
    g_autofree char *key = urgent && strlen(text) > 300 ? NULL : g_strdup_printf("words/%s%s", quiet ? "!" : "", text);
    const char *at_hand = key ? g_hash_table_lookup(air->sirens, key) : NULL;
    const BcContent *known = bc_contents_find(bc_broadcast_contents(air->b), at_hand);
    if (!known)
        known = known_words(air, text, quiet);
    if (known && key && !urgent)
        g_hash_table_replace(air->sirens, g_strdup(key), g_strdup(known->id));
    if (known) {
        if (done)
            done(known->id, NULL, user);
        return;
    }
    BcContentMake make = {.text = text, .title = title, .created_by = "alert", .loudness_lufs = loudness_of(air, quiet), .urgent = urgent};
    Making *m = new_making(air, done, user);
    m->key = urgent ? NULL : g_steal_pointer(&key); /* alerts differ: only what is made beforehand is kept in mind */
    bc_contents_make(bc_broadcast_contents(air->b), &make, on_spoken, m);
}

static void speak(const BcAlertSpeech *speech, BcAlertMadeFn done, void *done_user, void *user)
{
    speak_as(user, speech->text, speech->title, speech->quiet, true, done, done_user);
}

/* --- sirens --- */

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* 16-bit mono WAV of the siren at half scale; the quiet one is another file by a moment of silence more. */
static bool write_siren(const Making *m, GChecksum *sum, FILE *out)
{
    uint8_t head[44] = "RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0........\x02\0\x10\0data....";
    int64_t n = bc_siren_duration_us(m->pattern, m->rounds) * BC_SIREN_RATE / G_USEC_PER_SEC + (m->quiet ? BC_SIREN_RATE / 10 : 0);
    put32(head + 4, (uint32_t)(36 + n * 2));
    put32(head + 24, BC_SIREN_RATE);
    put32(head + 28, BC_SIREN_RATE * 2);
    put32(head + 40, (uint32_t)(n * 2));
    g_checksum_update(sum, head, sizeof head);
    bool ok = fwrite(head, sizeof head, 1, out) == 1;
    for (int64_t at = 0; ok && at < n; at += CHUNK) {
        float pcm[CHUNK];
        int16_t samples[CHUNK];
        unsigned count = (unsigned)MIN(CHUNK, n - at);
        bc_siren_render(m->pattern, m->rounds, at, pcm, count);
        for (unsigned i = 0; i < count; i++)
            samples[i] = (int16_t)GINT16_TO_LE((int16_t)lrintf(CLAMP(pcm[i], -1.0f, 1.0f) * 16000));
        g_checksum_update(sum, (const guchar *)samples, (gssize)(count * 2));
        ok = fwrite(samples, 2, count, out) == count;
    }
    return ok;
}

static gboolean on_rendered(gpointer data);

static void render(gpointer data, gpointer user)
{
    Making *m = data;
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    int fd = g_file_open_tmp("mediad-siren-XXXXXX.wav", &m->path, &m->error);
    FILE *out = fd >= 0 ? fdopen(fd, "wb") : NULL;
    bool ok = out && write_siren(m, sum, out);
    if (out && fclose(out) != 0)
        ok = false;
    if (!ok && !m->error)
        m->error = g_error_new(BC_ERROR, BC_ERROR_FAILED, "cannot write the siren to %s", m->path ? m->path : "the temporary folder");
    g_strlcpy(m->sha, g_checksum_get_string(sum), sizeof m->sha);
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, on_rendered, m, NULL);
    g_source_attach(source, m->air->context);
    g_source_unref(source);
}

static void on_siren(const BcContent *content, const GError *error, void *user)
{
    Making *m = user;
    if (content)
        g_hash_table_replace(m->air->sirens, g_strdup(m->key), g_strdup(content->id));
    finish(m, content ? content->id : NULL, error);
}

static gboolean on_rendered(gpointer data)
{
    Making *m = data;
    BcAlertAir *air = m->air;
    air->rendering--;
    if (m->error || air->gone) {
        finish(m, NULL, m->error);
        return G_SOURCE_REMOVE;
    }
    const BcContent *known = bc_contents_find(bc_broadcast_contents(air->b), m->sha);
    if (known) {
        on_siren(known, NULL, m);
        return G_SOURCE_REMOVE;
    }
    g_autofree char *title = g_strdup_printf("siren %s", m->key);
    BcContentMake make = {.path = m->path, .title = title, .source_name = title, .created_by = "alert",
                          .loudness_lufs = loudness_of(air, m->quiet), .urgent = m->urgent};
    bc_contents_make(bc_broadcast_contents(air->b), &make, on_siren, m);
    return G_SOURCE_REMOVE;
}

static void siren_as(BcAlertAir *air, BcSirenPattern pattern, unsigned rounds, bool quiet, bool urgent, BcAlertMadeFn done, void *user)
{
    rounds = bc_siren_rounds(pattern, rounds);
    g_autofree char *key = g_strdup_printf("%s/%u%s", bc_alert_siren_to_string(pattern), rounds, quiet ? "/quiet" : "");
    const char *known = g_hash_table_lookup(air->sirens, key);
    if (known && bc_contents_find(bc_broadcast_contents(air->b), known)) {
        if (done)
            done(known, NULL, user);
        return;
    }
    Making *m = new_making(air, done, user);
    m->key = g_steal_pointer(&key);
    m->pattern = pattern;
    m->rounds = rounds;
    m->quiet = quiet;
    m->urgent = urgent;
    air->rendering++;
    g_thread_pool_push(air->renderer, m, NULL);
}

static void siren(BcSirenPattern pattern, unsigned rounds, bool quiet, BcAlertMadeFn done, void *done_user, void *user)
{
    siren_as(user, pattern, rounds, quiet, true, done, done_user);
}

/* --- the rest --- */

static void play(const BcPlayOptions *options, BcStartedFn done, void *done_user, void *user)
{
    bc_broadcast_play_options(((BcAlertAir *)user)->b, options, done, done_user);
}

static char *live(const BcPlayOptions *options, GError **error, void *user)
{
    return bc_broadcast_begin_live(((BcAlertAir *)user)->b, options, error);
}

static void stop(const char *announcement, const char *who, void *user)
{
    BcAlertAir *air = user;
    g_autoptr(GError) error = NULL;
    if (!bc_broadcast_stop(air->b, announcement, who, &error))
        md_info(&air->logger, "the announcement %s of an alert needs no stop: %s", announcement, error->message); /* it was over a moment before */
}

static bool goes_on(const char *announcement, void *user)
{
    return bc_broadcast_goes_on(((BcAlertAir *)user)->b, announcement);
}

static void tell(const char *type, const BcAlert *alert, void *user)
{
    BcAlertAir *air = user;
    if (air->o.event)
        air->o.event(type, alert, air->o.user);
}

static int64_t quiet_until(const char *const *areas, void *user)
{
    return bc_broadcast_quiet_until_us(((BcAlertAir *)user)->b, areas);
}

void bc_alert_air_ops(BcAlertAir *air, BcAlertOps *ret)
{
    *ret = (BcAlertOps){play, live, stop, speak, siren, tell, air, goes_on, quiet_until};
}

BcAlertAir *bc_alert_air_new(const BcAlertAirOptions *options)
{
    BcAlertAir *air = g_rc_box_new0(BcAlertAir);
    air->o = *options;
    air->b = options->broadcast;
    air->ready = g_strdupv((char **)options->ready);
    air->logger = options->logger ? md_logger_child(options->logger, "alert") : (MdLogger){0};
    air->sirens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    air->context = g_main_context_ref_thread_default();
    air->renderer = g_thread_pool_new(render, NULL, 1, FALSE, NULL);
    return air;
}

void bc_alert_air_free(BcAlertAir *air)
{
    if (!air)
        return;
    air->gone = true;
    g_thread_pool_free(air->renderer, FALSE, TRUE);
    while (air->rendering)
        g_main_context_iteration(air->context, TRUE);
    air_unref(air);
}

/* --- made before they are needed --- */

static void prepare_next(BcAlertAir *air);

static void on_prepared(const char *content, const GError *error, void *user)
{
    BcAlertAir *air = user;
    if (error && !air->gone)
        md_warning(&air->logger, "the siren or words of an alert are not made beforehand, its first sound may come later: %s", error->message);
    if (!air->gone)
        prepare_next(air);
    air_unref(air);
}

static void prepare_next(BcAlertAir *air)
{
    static const struct { BcSirenPattern pattern; unsigned rounds; bool quiet; } sirens[] = {
        {BC_SIREN_URGENT, 1, false}, {BC_SIREN_STORM, 1, false}, {BC_SIREN_FLOOD, 1, false}, {BC_SIREN_CHIME, 1, false},
        {BC_SIREN_DRILL, 1, true}, {BC_SIREN_ALL_CLEAR, 1, false}, {BC_SIREN_FLOOD, 2, false}};
    unsigned n_words = air->ready ? g_strv_length(air->ready) : 0, step = air->prepared++;
    if (step < n_words) {
        bool quiet = air->ready[step][0] == '!';
        speak_as(air, air->ready[step] + quiet, quiet ? "Diễn tập" : "Chú ý", quiet, false, on_prepared, g_rc_box_acquire(air));
    } else if (step - n_words < G_N_ELEMENTS(sirens)) {
        unsigned i = step - n_words;
        siren_as(air, sirens[i].pattern, sirens[i].rounds, sirens[i].quiet, false, on_prepared, g_rc_box_acquire(air));
    }
}

void bc_alert_air_prepare(BcAlertAir *air)
{
    air->prepared = 0;
    prepare_next(air);
}
