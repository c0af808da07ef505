/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last hour of every leg: a point each ten seconds, so that a page that is opened after the trouble still shows it. */
#include "mediad/api/room-json.h"
#include <string.h>

enum { POINTS = 360, SAMPLES = 2 /* to a point */ };

typedef struct Point {
    uint32_t time_s; /* since 1970 */
    uint32_t in_kbps, out_kbps, jitter_us, round_trip_us, frozen_ms;
    uint32_t audio_in_bps, audio_out_bps; /* of in and out */
    float audio_loss, video_loss, sent_loss; /* percent; sent: what the peer says of ours */
} Point;

typedef struct History {
    Point points[POINTS];  /* the oldest is overwritten */
    unsigned n, samples;   /* ever; of the point that is being made */
    uint64_t frozen_ms;    /* of the leg, when the last point began */
    unsigned round;        /* seen last */
} History;

struct MdApiLegHistory {
    GHashTable *legs;      /* "room/member" → History */
    unsigned round;
};

MdApiLegHistory *md_api_leg_history_new(void)
{
    MdApiLegHistory *all = g_new0(MdApiLegHistory, 1);
    all->legs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return all;
}

void md_api_leg_history_free(MdApiLegHistory *all)
{
    if (!all)
        return;
    g_hash_table_unref(all->legs);
    g_free(all);
}

/* Rates are the mean of a point's samples; of what hurts it keeps the worst. */
static void merge(Point *p, unsigned samples, const MdApiLegRates *rates, const MdMemberInfo *m)
{
    uint32_t in = (uint32_t)((rates->audio_in_bps + rates->video_in_bps) / 1000), out = (uint32_t)((rates->audio_out_bps + rates->video_out_bps) / 1000);
    p->audio_in_bps = (uint32_t)((p->audio_in_bps * (uint64_t)samples + rates->audio_in_bps) / (samples + 1));
    p->audio_out_bps = (uint32_t)((p->audio_out_bps * (uint64_t)samples + rates->audio_out_bps) / (samples + 1));
    p->in_kbps = (p->in_kbps * samples + in) / (samples + 1);
    p->out_kbps = (p->out_kbps * samples + out) / (samples + 1);
    p->audio_loss = MAX(p->audio_loss, (float)rates->audio_loss_percent);
    p->video_loss = MAX(p->video_loss, (float)rates->video_loss_percent);
    p->sent_loss = MAX(p->sent_loss, (float)MAX(md_stat_get(&m->stats->remote_loss_permille), md_stat_get(&m->stats->remote_video_loss_permille)) / 10);
    p->jitter_us = MAX(p->jitter_us, (uint32_t)MIN(md_stat_get(&m->stats->audio_jitter_us), UINT32_MAX));
    p->round_trip_us = MAX(p->round_trip_us, (uint32_t)MIN(md_stat_get(&m->stats->round_trip_us), UINT32_MAX));
}

void md_api_leg_history_add(MdApiLegHistory *all, const char *room, const MdMemberInfo *m, const MdApiLegRates *rates, int64_t wall_us)
{
    g_autofree char *key = g_strconcat(room, "/", m->id, NULL);
    History *h = g_hash_table_lookup(all->legs, key);
    if (!h) {
        h = g_new0(History, 1);
        h->frozen_ms = m->video_frozen_ms;
        g_hash_table_insert(all->legs, g_steal_pointer(&key), h);
    }
    h->round = all->round;
    if (h->samples == SAMPLES || h->n == 0) {
        h->frozen_ms = h->samples ? m->video_frozen_ms : h->frozen_ms;
        h->samples = 0;
        h->points[h->n++ % POINTS] = (Point){.time_s = (uint32_t)(wall_us / G_USEC_PER_SEC)};
    }
    Point *p = &h->points[(h->n - 1) % POINTS];
    merge(p, h->samples++, rates, m);
    p->frozen_ms = (uint32_t)(m->video_frozen_ms - MIN(h->frozen_ms, m->video_frozen_ms));
}

static gboolean not_seen(gpointer key, gpointer value, gpointer user)
{
    return ((const History *)value)->round != *(const unsigned *)user;
}

void md_api_leg_history_round(MdApiLegHistory *all)
{
    g_hash_table_foreach_remove(all->legs, not_seen, &all->round);
    all->round++;
}

JsonArray *md_api_leg_history_json(MdApiLegHistory *all, const char *room, const char *member)
{
    g_autofree char *key = g_strconcat(room, "/", member, NULL);
    const History *h = g_hash_table_lookup(all->legs, key);
    JsonArray *array = json_array_new();
    for (unsigned i = h && h->n > POINTS ? h->n - POINTS : 0; h && i < h->n; i++) {
        const Point *p = &h->points[i % POINTS];
        JsonObject *o = json_object_new();
        json_object_set_int_member(o, "time_us", (gint64)p->time_s * G_USEC_PER_SEC);
        json_object_set_int_member(o, "in_bps", (gint64)p->in_kbps * 1000);
        json_object_set_int_member(o, "out_bps", (gint64)p->out_kbps * 1000);
        json_object_set_int_member(o, "audio_in_bps", p->audio_in_bps);
        json_object_set_int_member(o, "audio_out_bps", p->audio_out_bps);
        json_object_set_double_member(o, "audio_loss_percent", (double)p->audio_loss);
        json_object_set_double_member(o, "video_loss_percent", (double)p->video_loss);
        json_object_set_double_member(o, "sent_loss_percent", (double)p->sent_loss);
        json_object_set_int_member(o, "audio_jitter_us", p->jitter_us);
        json_object_set_int_member(o, "round_trip_us", p->round_trip_us);
        json_object_set_int_member(o, "video_frozen_ms", p->frozen_ms);
        json_array_add_object_element(array, o);
    }
    return array;
}
