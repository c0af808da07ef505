/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/output/output.h"

#include <string.h>
#include "broadcast/output/encoding.h"
#include "broadcast/output/hls.h"

#define AHEAD_MS 2200     /* the first segment is there at once */
#define SWEEP_S 2
#define HLS_SEEN_US (12 * G_USEC_PER_SEC) /* who has not asked for so long listens no more */
#define WAITING_MAX 1000

typedef struct Area {
    BcOutputs *outputs;
    char *code;
    BcEncoding *mp3, *aac;
    GPtrArray *listeners;  /* of BcListener* */
    BcHls *hls;
    int64_t asked_us;
    GHashTable *seen;      /* address -> int64_t*, when it last asked */
    GPtrArray *waiting;    /* of Waiting*, for the first segment */
} Area;

typedef struct Waiting {
    char *query;
    BcPlaylistFn done;
    void *user;
} Waiting;

struct BcListener {
    Area *area;
    char *source;
    BcListenerFn fn;
    void *user;
};

struct BcOutputs {
    BcOutputOptions o;
    MdLogger logger;
    GHashTable *areas;     /* code -> Area* */
    unsigned listeners, feeds;
    uint64_t next_sequence;
    GSource *sweep;
};

static void free_waiting(gpointer data)
{
    Waiting *w = data;
    g_free(w->query);
    g_free(w);
}

static void free_listener(gpointer data)
{
    BcListener *l = data;
    g_free(l->source);
    g_free(l);
}

static void stop_feed(BcOutputs *outputs, BcEncoding **feed)
{
    if (!*feed)
        return;
    bc_encoding_free(g_steal_pointer(feed));
    outputs->feeds--;
}

static void answer_waiting(Area *area, const GError *error)
{
    g_autoptr(GPtrArray) waiting = g_steal_pointer(&area->waiting);
    area->waiting = g_ptr_array_new_with_free_func(free_waiting);
    for (unsigned i = 0; i < waiting->len; i++) {
        Waiting *w = waiting->pdata[i];
        g_autofree char *text = error ? NULL : bc_hls_playlist(area->hls, w->query);
        w->done(text, error, w->user);
    }
}

static void free_area(gpointer data)
{
    Area *area = data;
    g_autoptr(GError) error = g_error_new(BC_ERROR, BC_ERROR_STATE, "mediad stops");
    stop_feed(area->outputs, &area->mp3);
    stop_feed(area->outputs, &area->aac);
    answer_waiting(area, error);
    g_ptr_array_unref(area->waiting);
    g_ptr_array_unref(area->listeners);
    g_hash_table_unref(area->seen);
    bc_hls_free(area->hls);
    g_free(area->code);
    g_free(area);
}

static Area *get_area(BcOutputs *outputs, const char *code, GError **error)
{
    Area *area = g_hash_table_lookup(outputs->areas, code);
    if (area)
        return area;
    if (!bc_areas_find(bc_broadcast_areas(outputs->o.broadcast), code)) {
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no area %s", code);
        return NULL;
    }
    area = g_new0(Area, 1);
    area->outputs = outputs;
    area->code = g_strdup(code);
    area->listeners = g_ptr_array_new_with_free_func(free_listener);
    area->waiting = g_ptr_array_new_with_free_func(free_waiting);
    area->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_insert(outputs->areas, area->code, area);
    return area;
}

static bool start_feed(Area *area, BcEncoding **feed, BcEncodingFormat format, BcEncodingFn fn, GError **error)
{
    BcOutputs *outputs = area->outputs;
    if (outputs->feeds >= outputs->o.feeds_max) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "%u areas are listened to at once, the most that are encoded", outputs->feeds);
        return false;
    }
    *feed = bc_encoding_new(outputs->o.broadcast, area->code, format, outputs->o.bitrate_kbps, format == BC_ENCODING_AAC ? AHEAD_MS : 0, fn, area,
                        error);
    outputs->feeds += *feed != NULL;
    return *feed != NULL;
}

/* How many listen from this address. */
static unsigned from_source(BcOutputs *outputs, const char *source)
{
    GHashTableIter iter;
    gpointer value;
    unsigned n = 0;
    g_hash_table_iter_init(&iter, outputs->areas);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Area *area = value;
        n += g_hash_table_contains(area->seen, source);
        for (unsigned i = 0; i < area->listeners->len; i++)
            n += g_str_equal(((BcListener *)area->listeners->pdata[i])->source, source);
    }
    return n;
}

static unsigned hls_listeners(BcOutputs *outputs)
{
    GHashTableIter iter;
    gpointer value;
    unsigned n = 0;
    g_hash_table_iter_init(&iter, outputs->areas);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        n += g_hash_table_size(((Area *)value)->seen);
    return n;
}

static bool room_for(BcOutputs *outputs, const char *source, GError **error)
{
    const BcOutputOptions *o = &outputs->o;
    unsigned all = outputs->listeners + hls_listeners(outputs);
    if (all >= o->listeners_max || (uint64_t)(all + 1) * o->bitrate_kbps > (uint64_t)o->mbps_max * 1000)
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "%u listen already, as many as this server is set to serve", all);
    else if (from_source(outputs, source) >= o->listeners_per_source)
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "%u listen from this address already", o->listeners_per_source);
    else
        return true;
    return false;
}

/* --- MP3 --- */

static void on_mp3(GBytes *bytes, void *user)
{
    Area *area = user;
    for (unsigned i = area->listeners->len; i-- > 0;) { /* a listener may go while it is told */
        BcListener *l = area->listeners->pdata[i];
        l->fn(bytes, l->user);
    }
}

BcListener *bc_outputs_listen(BcOutputs *outputs, const char *code, const char *source, BcListenerFn fn, void *user, GError **error)
{
    Area *area = get_area(outputs, code, error);
    if (!area || !room_for(outputs, source, error) || (!area->mp3 && !start_feed(area, &area->mp3, BC_ENCODING_MP3, on_mp3, error)))
        return NULL;
    BcListener *l = g_new0(BcListener, 1);
    *l = (BcListener){area, g_strdup(source), fn, user};
    g_ptr_array_add(area->listeners, l);
    outputs->listeners++;
    return l;
}

void bc_listener_free(BcListener *l)
{
    if (!l)
        return;
    Area *area = l->area;
    area->outputs->listeners--;
    g_ptr_array_remove(area->listeners, l); /* the sweep stops the encoder: not from inside its own callback */
}

/* --- HLS --- */

static void on_aac(GBytes *bytes, void *user)
{
    Area *area = user;
    gsize len;
    const uint8_t *data = g_bytes_get_data(bytes, &len);
    if (!bc_hls_add(area->hls, data, len))
        md_warning(&area->outputs->logger, "the HLS stream of area %s lacks a piece: the AAC encoder gave no frame", area->code);
    if (bc_hls_count(area->hls) && area->waiting->len)
        answer_waiting(area, NULL);
}

static bool start_hls(Area *area, GError **error)
{
    if (area->aac)
        return true;
    bc_hls_free(area->hls);
    /* never a number that was used before: what players and caches keep stays true */
    area->hls = bc_hls_new(area->outputs->next_sequence);
    area->outputs->next_sequence += 1000000;
    return start_feed(area, &area->aac, BC_ENCODING_AAC, on_aac, error);
}

void bc_outputs_playlist(BcOutputs *outputs, const char *code, const char *source, const char *query, BcPlaylistFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    Area *area = get_area(outputs, code, &error);
    int64_t now = g_get_monotonic_time();
    if (area && !g_hash_table_contains(area->seen, source) && !room_for(outputs, source, &error))
        area = NULL;
    if (area && area->waiting->len >= WAITING_MAX) {
        g_set_error(&error, BC_ERROR, BC_ERROR_LIMIT, "too many wait for this stream to begin");
        area = NULL;
    }
    if (!area || !start_hls(area, &error)) {
        done(NULL, error, user);
        return;
    }
    area->asked_us = now;
    g_hash_table_replace(area->seen, g_strdup(source), g_memdup2(&now, sizeof now));
    if (bc_hls_count(area->hls)) {
        g_autofree char *text = bc_hls_playlist(area->hls, query);
        done(text, NULL, user);
        return;
    }
    Waiting *w = g_new0(Waiting, 1);
    *w = (Waiting){g_strdup(query), done, user};
    g_ptr_array_add(area->waiting, w);
}

GBytes *bc_outputs_segment(BcOutputs *outputs, const char *code, uint64_t sequence)
{
    Area *area = g_hash_table_lookup(outputs->areas, code);
    if (!area || !area->hls)
        return NULL;
    area->asked_us = g_get_monotonic_time();
    return bc_hls_segment(area->hls, sequence);
}

/* --- what nobody hears any more --- */

static gboolean on_sweep(gpointer user)
{
    BcOutputs *outputs = user;
    GHashTableIter areas, seen;
    gpointer value, when;
    int64_t now = g_get_monotonic_time();
    g_hash_table_iter_init(&areas, outputs->areas);
    while (g_hash_table_iter_next(&areas, NULL, &value)) {
        Area *area = value;
        g_hash_table_iter_init(&seen, area->seen);
        while (g_hash_table_iter_next(&seen, NULL, &when))
            if (now - *(int64_t *)when > HLS_SEEN_US)
                g_hash_table_iter_remove(&seen);
        if (!area->listeners->len)
            stop_feed(outputs, &area->mp3);
        if (now - area->asked_us > (int64_t)outputs->o.idle_s * G_USEC_PER_SEC && !area->waiting->len)
            stop_feed(outputs, &area->aac);
        if (!area->mp3 && !area->aac)
            g_hash_table_iter_remove(&areas);
    }
    return G_SOURCE_CONTINUE;
}

BcOutputs *bc_outputs_new(const BcOutputOptions *options)
{
    BcOutputs *outputs = g_new0(BcOutputs, 1);
    BcOutputOptions *o = &outputs->o;
    *o = *options;
    o->listeners_max = o->listeners_max ? o->listeners_max : 500;
    o->listeners_per_source = o->listeners_per_source ? o->listeners_per_source : 8;
    o->feeds_max = o->feeds_max ? o->feeds_max : 160;
    o->bitrate_kbps = o->bitrate_kbps ? o->bitrate_kbps : 64;
    o->mbps_max = o->mbps_max ? o->mbps_max : 100;
    o->idle_s = o->idle_s ? o->idle_s : 30;
    outputs->logger = o->logger ? *o->logger : (MdLogger){0};
    outputs->next_sequence = (uint64_t)(g_get_real_time() / G_USEC_PER_SEC) * 1000;
    outputs->areas = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_area);
    outputs->sweep = g_timeout_source_new_seconds(SWEEP_S);
    g_source_set_callback(outputs->sweep, on_sweep, outputs, NULL);
    g_source_attach(outputs->sweep, g_main_context_get_thread_default());
    return outputs;
}

void bc_outputs_free(BcOutputs *outputs)
{
    if (!outputs)
        return;
    g_source_destroy(outputs->sweep);
    g_source_unref(outputs->sweep);
    g_hash_table_unref(outputs->areas);
    g_free(outputs);
}

void bc_outputs_stats(BcOutputs *outputs, BcOutputStats *ret)
{
    *ret = (BcOutputStats){outputs->listeners, hls_listeners(outputs), outputs->feeds};
}
