/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statistics of every leg: what the workers count, and rates over the last seconds. */
#include "mediad/api/room-json.h"
#include <stddef.h>
#include <string.h>

#define PERIOD_S 5

typedef struct Sample {
    int64_t at_us;
    uint64_t audio_in, audio_out, video_in, video_out, audio_received, audio_lost, video_received, video_lost;
    MdApiLegRates rates;
    bool measured, seen; /* measured: two counts, so there are rates */
} Sample;

struct MdApiLegs {
    MdApiRooms *rooms;
    GHashTable *samples; /* member id → Sample */
    MdApiLegHistory *history;
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
        next.measured = true;
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
        MdRoomInfo info = {0};
        md_room_info(rooms->pdata[i], &info);
        for (unsigned k = 0; k < members->len; k++) {
            const MdMemberInfo *m = members->pdata[k];
            MdApiLegRates rates;
            sample_one(legs, m, now_us);
            if (md_api_legs_rates(legs, m->id, &rates) && m->stats)
                md_api_leg_history_add(legs->history, info.name, m, &rates, g_get_real_time());
        }
    }
    g_hash_table_foreach_remove(legs->samples, not_seen, NULL);
    md_api_leg_history_round(legs->history);
}

bool md_api_legs_rates(MdApiLegs *legs, const char *member, MdApiLegRates *ret)
{
    const Sample *s = g_hash_table_lookup(legs->samples, member);

    *ret = s ? s->rates : (MdApiLegRates){0};
    return s && s->measured;
}

JsonArray *md_api_legs_history(MdApiLegs *legs, const char *room, const char *member)
{
    return md_api_leg_history_json(legs->history, room, member);
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
    if (md_api_legs_rates(rooms->legs, m->id, &rates)) {
        json_object_set_int_member(o, "audio_in_bps", (gint64)rates.audio_in_bps);
        json_object_set_int_member(o, "audio_out_bps", (gint64)rates.audio_out_bps);
        json_object_set_int_member(o, "video_in_bps", (gint64)rates.video_in_bps);
        json_object_set_int_member(o, "video_out_bps", (gint64)rates.video_out_bps);
        json_object_set_double_member(o, "audio_loss_percent", rates.audio_loss_percent);
        json_object_set_double_member(o, "video_loss_percent", rates.video_loss_percent);
    }
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

typedef struct LegRow {
    char *labels;
    const MdLegStats *stats;
    uint64_t frozen_ms, stalls;
    MdApiLegRates rates;
} LegRow;

static double from_rates(const LegRow *row, unsigned which)
{
    const uint64_t bps[] = {row->rates.audio_in_bps, row->rates.audio_out_bps, row->rates.video_in_bps, row->rates.video_out_bps};

    return (double)bps[which];
}

/* What a family takes from a leg: a rate, the composer's figures, or a counter of MdLegStats times a scale. */
static const struct {
    const char *name, *kind, *help;
    enum { RATE, FROZEN, STALLS, STAT } from;
    unsigned which; /* RATE: which; STAT: offset */
    double scale;
} families[] = {
    {"audio_in_bps", "gauge", "received audio, bit/s", RATE, 0, 1},
    {"audio_out_bps", "gauge", "sent audio, bit/s", RATE, 1, 1},
    {"video_in_bps", "gauge", "received video, bit/s", RATE, 2, 1},
    {"video_out_bps", "gauge", "sent video, bit/s", RATE, 3, 1},
    {"audio_packets_received_total", "counter", "audio packets received", STAT, offsetof(MdLegStats, audio_packets_received), 1},
    {"audio_packets_lost_total", "counter", "audio packets lost", STAT, offsetof(MdLegStats, audio_packets_lost), 1},
    {"video_packets_received_total", "counter", "video packets received", STAT, offsetof(MdLegStats, video_packets_received), 1},
    {"video_packets_lost_total", "counter", "video packets lost", STAT, offsetof(MdLegStats, video_packets_lost), 1},
    {"audio_jitter_seconds", "gauge", "interarrival jitter of audio", STAT, offsetof(MdLegStats, audio_jitter_us), 1e-6},
    {"audio_delay_seconds", "gauge", "jitter-buffer delay", STAT, offsetof(MdLegStats, audio_delay_us), 1e-6},
    {"round_trip_seconds", "gauge", "round-trip time", STAT, offsetof(MdLegStats, round_trip_us), 1e-6},
    {"video_target_bps", "gauge", "what video may be sent at: agreed, asked for, and carried by the line, bit/s", STAT, offsetof(MdLegStats, video_target_bps), 1},
    {"send_estimate_bps", "gauge", "what the line to a browser is judged to carry, bit/s; 0: not known", STAT, offsetof(MdLegStats, send_estimate_bps), 1},
    {"send_overuses_total", "counter", "times less was sent because a queue grew on the way or much was lost", STAT, offsetof(MdLegStats, send_overuses), 1},
    {"audio_red_packets_total", "counter", "audio packets that came as a copy within a later one", STAT, offsetof(MdLegStats, audio_red_packets), 1},
    {"audio_level_dbov", "gauge", "level of received audio", STAT, offsetof(MdLegStats, audio_level_cbov), -0.01},
    {"video_frozen_seconds_total", "counter", "time its picture stood still", FROZEN, 0, 1e-3},
    {"video_stalls_total", "counter", "times its picture stopped", STALLS, 0, 1},
};

static double family_value(const LegRow *row, unsigned f)
{
    switch (families[f].from) {
    case RATE:
        return from_rates(row, families[f].which);
    case FROZEN:
        return (double)row->frozen_ms * families[f].scale;
    case STALLS:
        return (double)row->stalls;
    default:
        return (double)md_stat_get((const MdStat *)(const void *)((const char *)row->stats + families[f].which)) * families[f].scale;
    }
}

static void row_clear(gpointer data)
{
    g_free(((LegRow *)data)->labels);
}

static void collect_rows(MdApiLegs *legs, MdRoom *room, GArray *rows)
{
    MdRoomInfo info = {0};
    g_autoptr(GPtrArray) members = md_room_members(room);

    md_room_info(room, &info);
    for (unsigned k = 0; k < members->len; k++) {
        const MdMemberInfo *m = members->pdata[k];
        GString *labels = g_string_new(NULL);
        LegRow row = {.stats = m->stats, .frozen_ms = m->video_frozen_ms, .stalls = m->video_stalls};
        g_string_append_printf(labels, "room=\"%s\",id=\"%s\",member=\"", info.name, m->id);
        append_label(labels, m->name);
        g_string_append_c(labels, '"');
        row.labels = g_string_free(labels, FALSE);
        md_api_legs_rates(legs, m->id, &row.rates);
        if (row.stats)
            g_array_append_val(rows, row);
        else
            row_clear(&row);
    }
}

static void metrics(GString *out, void *user)
{
    MdApiLegs *legs = user;
    g_autoptr(GPtrArray) rooms = md_conference_rooms(legs->rooms->conference);
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(LegRow));
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    g_array_set_clear_func(rows, row_clear);
    for (unsigned i = 0; i < rooms->len; i++)
        collect_rows(legs, rooms->pdata[i], rows);
    for (unsigned f = 0; f < G_N_ELEMENTS(families); f++) {
        g_string_append_printf(out, "# HELP mediad_leg_%s %s\n# TYPE mediad_leg_%s %s\n", families[f].name, families[f].help,
                               families[f].name, families[f].kind);
        for (guint i = 0; i < rows->len; i++) {
            const LegRow *row = &g_array_index(rows, LegRow, i);
            g_string_append_printf(out, "mediad_leg_%s{%s} %s\n", families[f].name, row->labels,
                                   g_ascii_formatd(number, sizeof number, "%.10g", family_value(row, f)));
        }
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
    legs->history = md_api_leg_history_new();
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
    md_api_leg_history_free(legs->history);
    g_free(legs);
}
