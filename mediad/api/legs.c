/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statistics of every leg: what the workers count, and rates over the last seconds. */
#include "mediad/api/room-json.h"
#include <string.h>

#define PERIOD_S 5

typedef struct Sample {
    int64_t at_us;
    uint64_t audio_in, audio_out, video_in, video_out, audio_received, audio_lost, video_received, video_lost;
    MdApiLegRates rates;
    bool seen;
} Sample;

struct MdApiLegs {
    MdApiRooms *rooms;
    GHashTable *samples; /* member id → Sample */
    guint timer;
};

static uint64_t bps(uint64_t before, uint64_t now, int64_t span_us)
{
    return now > before && span_us > 0 ? (now - before) * 8 * G_USEC_PER_SEC / (uint64_t)span_us : 0;
}

static double percent(uint64_t lost, uint64_t received)
{
    return lost + received > 0 ? 100.0 * (double)lost / (double)(lost + received) : 0;
}

static void sample_one(MdApiLegs *legs, const MdMemberInfo *m, int64_t now_us)
{
    const MdLegStats *s = m->stats;

    if (!s)
        return;
    Sample next = {
        .at_us = now_us,
        .audio_in = md_stat_get(&s->audio_bytes_received),
        .audio_out = md_stat_get(&s->audio_bytes_sent),
        .video_in = md_stat_get(&s->video_bytes_received),
        .video_out = md_stat_get(&s->video_bytes_sent),
        .audio_received = md_stat_get(&s->audio_packets_received),
        .audio_lost = md_stat_get(&s->audio_packets_lost),
        .video_received = md_stat_get(&s->video_packets_received),
        .video_lost = md_stat_get(&s->video_packets_lost),
        .seen = true,
    };
    Sample *last = g_hash_table_lookup(legs->samples, m->id);
    if (last) {
        int64_t span_us = now_us - last->at_us;
        next.rates = (MdApiLegRates){
            .audio_in_bps = bps(last->audio_in, next.audio_in, span_us),
            .audio_out_bps = bps(last->audio_out, next.audio_out, span_us),
            .video_in_bps = bps(last->video_in, next.video_in, span_us),
            .video_out_bps = bps(last->video_out, next.video_out, span_us),
            .audio_loss_percent = percent(next.audio_lost - last->audio_lost, next.audio_received - last->audio_received),
            .video_loss_percent = percent(next.video_lost - last->video_lost, next.video_received - last->video_received),
        };
        *last = next;
    } else {
        g_hash_table_insert(legs->samples, g_strdup(m->id), g_memdup2(&next, sizeof next));
    }
}

static gboolean not_seen(gpointer key, gpointer value, gpointer user)
{
    Sample *s = value;
    bool gone = !s->seen;

    s->seen = false;
    return gone;
}

void md_api_legs_sample(MdApiLegs *legs, int64_t now_us)
{
    g_autoptr(GPtrArray) rooms = md_conference_rooms(legs->rooms->conference);

    for (unsigned i = 0; i < rooms->len; i++) {
        g_autoptr(GPtrArray) members = md_room_members(rooms->pdata[i]);
        for (unsigned k = 0; k < members->len; k++)
            sample_one(legs, members->pdata[k], now_us);
    }
    g_hash_table_foreach_remove(legs->samples, not_seen, NULL);
}

void md_api_legs_rates(MdApiLegs *legs, const char *member, MdApiLegRates *ret)
{
    const Sample *s = g_hash_table_lookup(legs->samples, member);

    *ret = s ? s->rates : (MdApiLegRates){0};
}

JsonObject *md_api_leg_stats_json(MdApiRooms *rooms, const MdMemberInfo *m)
{
    JsonObject *o = json_object_new();
    MdApiLegRates rates;

    if (m->stats) {
#define MD_LEG_MEMBER_(name, kind, help) json_object_set_int_member(o, #name, (gint64)md_stat_get(&m->stats->name));
        MD_LEG_STATS(MD_LEG_MEMBER_)
#undef MD_LEG_MEMBER_
    }
    md_api_legs_rates(rooms->legs, m->id, &rates);
    json_object_set_int_member(o, "audio_in_bps", (gint64)rates.audio_in_bps);
    json_object_set_int_member(o, "audio_out_bps", (gint64)rates.audio_out_bps);
    json_object_set_int_member(o, "video_in_bps", (gint64)rates.video_in_bps);
    json_object_set_int_member(o, "video_out_bps", (gint64)rates.video_out_bps);
    json_object_set_double_member(o, "audio_loss_percent", rates.audio_loss_percent);
    json_object_set_double_member(o, "video_loss_percent", rates.video_loss_percent);
    json_object_set_int_member(o, "video_decoded", (gint64)m->video_decoded);
    json_object_set_int_member(o, "video_stalls", (gint64)m->video_stalls);
    json_object_set_int_member(o, "video_frozen_ms", (gint64)m->video_frozen_ms);
    return o;
}

/* --- metrics --- */

static void append_label(GString *out, const char *text)
{
    for (const char *p = text ? text : ""; *p; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_c(out, '\\');
        if (*p == '\n')
            g_string_append(out, "\\n");
        else
            g_string_append_c(out, *p);
    }
}

static void append_leg(GString *out, const char *name, const char *labels, double value)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append_printf(out, "mediad_leg_%s{%s} %s\n", name, labels, g_ascii_formatd(number, sizeof number, "%.10g", value));
}

static void leg_metrics(MdApiLegs *legs, GString *out, const char *room, const MdMemberInfo *m)
{
    const MdLegStats *s = m->stats;
    g_autoptr(GString) labels = g_string_new(NULL);
    MdApiLegRates rates;

    if (!s)
        return;
    g_string_append_printf(labels, "room=\"%s\",id=\"%s\",member=\"", room, m->id);
    append_label(labels, m->name);
    g_string_append_c(labels, '"');
    md_api_legs_rates(legs, m->id, &rates);
    append_leg(out, "audio_in_bps", labels->str, (double)rates.audio_in_bps);
    append_leg(out, "audio_out_bps", labels->str, (double)rates.audio_out_bps);
    append_leg(out, "video_in_bps", labels->str, (double)rates.video_in_bps);
    append_leg(out, "video_out_bps", labels->str, (double)rates.video_out_bps);
    append_leg(out, "audio_packets_received_total", labels->str, (double)md_stat_get(&s->audio_packets_received));
    append_leg(out, "audio_packets_lost_total", labels->str, (double)md_stat_get(&s->audio_packets_lost));
    append_leg(out, "video_packets_received_total", labels->str, (double)md_stat_get(&s->video_packets_received));
    append_leg(out, "video_packets_lost_total", labels->str, (double)md_stat_get(&s->video_packets_lost));
    append_leg(out, "audio_jitter_seconds", labels->str, (double)md_stat_get(&s->audio_jitter_us) / 1e6);
    append_leg(out, "audio_delay_seconds", labels->str, (double)md_stat_get(&s->audio_delay_us) / 1e6);
    append_leg(out, "round_trip_seconds", labels->str, (double)md_stat_get(&s->round_trip_us) / 1e6);
    append_leg(out, "audio_level_dbov", labels->str, -(double)md_stat_get(&s->audio_level_cbov) / 100);
    append_leg(out, "video_frozen_seconds_total", labels->str, (double)m->video_frozen_ms / 1e3);
    append_leg(out, "video_stalls_total", labels->str, (double)m->video_stalls);
}

static void metrics(GString *out, void *user)
{
    MdApiLegs *legs = user;
    g_autoptr(GPtrArray) rooms = md_conference_rooms(legs->rooms->conference);

    for (unsigned i = 0; i < rooms->len; i++) {
        MdRoomInfo info = {0};
        md_room_info(rooms->pdata[i], &info);
        g_autoptr(GPtrArray) members = md_room_members(rooms->pdata[i]);
        for (unsigned k = 0; k < members->len; k++)
            leg_metrics(legs, out, info.name, members->pdata[k]);
    }
}

static gboolean on_timer(gpointer user)
{
    md_api_legs_sample(user, g_get_monotonic_time());
    return G_SOURCE_CONTINUE;
}

MdApiLegs *md_api_legs_new(MdApiRooms *rooms)
{
    MdApiLegs *legs = g_new0(MdApiLegs, 1);

    legs->rooms = rooms;
    legs->samples = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    legs->timer = g_timeout_add_seconds(PERIOD_S, on_timer, legs);
    md_api_add_metrics(rooms->api, metrics, legs);
    return legs;
}

void md_api_legs_free(MdApiLegs *legs)
{
    if (!legs)
        return;
    g_source_remove(legs->timer);
    g_hash_table_unref(legs->samples);
    g_free(legs);
}
