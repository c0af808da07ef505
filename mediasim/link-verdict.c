/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/link-verdict.h"

#include <string.h>

static void free_sounded(gpointer data)
{
    SimSounded *s = data;
    g_array_unref(s->late_us);
    g_free(s->occurrence);
    g_free(s);
}

void sim_link_totals_clear(SimLinkTotals *t)
{
    for (unsigned i = 0; t->sounded && i < t->sounded->len; i++)
        free_sounded(t->sounded->pdata[i]);
    g_clear_pointer(&t->sounded, g_ptr_array_unref);
    g_clear_pointer(&t->stats.first_trouble, g_free);
}

void sim_link_totals_add(SimLinkTotals *t, const SimLaneStats *s)
{
    SimLaneStats *a = &t->stats;
    uint64_t *to[] = {&a->connects, &a->losses, &a->refused_connects, &a->messages, &a->received_bytes, &a->manifests, &a->manifests_refused,
                      &a->commands, &a->obeyed, &a->again, &a->refused, &a->forged, &a->obeyed_twice, &a->played_twice, &a->played_expired,
                      &a->misplaced, &a->reports, &a->receipts, &a->began, &a->ended, &a->cut, &a->missed, &a->media_wanted, &a->media_stored};
    const uint64_t from[] = {s->connects, s->losses, s->refused_connects, s->messages, s->received_bytes, s->manifests, s->manifests_refused,
                             s->commands, s->obeyed, s->again, s->refused, s->forged, s->obeyed_twice, s->played_twice, s->played_expired,
                             s->misplaced, s->reports, s->receipts, s->began, s->ended, s->cut, s->missed, s->media_wanted, s->media_stored};
    G_STATIC_ASSERT(G_N_ELEMENTS(to) == G_N_ELEMENTS(from));
    for (unsigned i = 0; i < G_N_ELEMENTS(to); i++)
        *to[i] += from[i];
    a->misplaced_most_us = MAX(a->misplaced_most_us, s->misplaced_most_us);
    a->clock_error_most_us = MAX(a->clock_error_most_us, s->clock_error_most_us);
    if (!a->first_trouble)
        a->first_trouble = g_strdup(s->first_trouble);
}

void sim_link_totals_sounded(SimLinkTotals *t, const SimSounded *s)
{
    SimSounded *mine = NULL;
    if (!t->sounded)
        t->sounded = g_ptr_array_new();
    for (unsigned i = 0; !mine && i < t->sounded->len; i++)
        if (strcmp(((SimSounded *)t->sounded->pdata[i])->occurrence, s->occurrence) == 0)
            mine = t->sounded->pdata[i];
    if (!mine) {
        mine = g_new0(SimSounded, 1);
        *mine = *s;
        mine->occurrence = g_strdup(s->occurrence);
        mine->late_us = g_array_new(FALSE, FALSE, sizeof(int64_t));
        g_ptr_array_add(t->sounded, mine);
    }
    g_array_append_vals(mine->late_us, s->late_us->data, s->late_us->len);
}

static int compare(gconstpointer a, gconstpointer b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t part(const GArray *sorted, unsigned percent)
{
    return sorted->len ? g_array_index(sorted, int64_t, MIN(sorted->len - 1, (guint)((uint64_t)sorted->len * percent / 100))) : 0;
}

static void show_times(SimVerdict *v, GArray *times)
{
    g_array_sort(times, compare);
    sim_verdict_double(v, "p50", (double)part(times, 50) / 1000, "ms");
    sim_verdict_double(v, "p95", (double)part(times, 95) / 1000, "ms");
    sim_verdict_double(v, "p99", (double)part(times, 99) / 1000, "ms");
    sim_verdict_double(v, "worst", (double)part(times, 100) / 1000, "ms");
}

/* From the order to the first sample, of all that were ordered with the first priority. */
static void judge_emergencies(SimLinkTotals *t, const SimOptions *o, SimVerdict *v)
{
    g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(int64_t));
    unsigned ordered = 0, least = t->devices;
    for (unsigned i = 0; i < t->sounded->len; i++) {
        SimSounded *s = t->sounded->pdata[i];
        if (s->priority != 1 || !s->issued_us)
            continue;
        ordered++;
        least = MIN(least, s->late_us->len);
        g_array_append_vals(times, s->late_us->data, s->late_us->len);
    }
    sim_verdict_group(v, "emergency");
    sim_verdict_int(v, "ordered", ordered, "");
    if (ordered < o->link.emergencies)
        sim_verdict_fail(v, "%u emergencies came, %u were expected", ordered, o->link.emergencies);
    if (!ordered)
        return;
    sim_verdict_int(v, "sounded", least, "loudspeakers, at the one that reached fewest");
    show_times(v, times);
    if (least < o->limit_answered * t->devices)
        sim_verdict_fail(v, "an emergency sounded on %u of %u loudspeakers", least, t->devices);
    if (part(times, 99) > o->link.limit_latency_us)
        sim_verdict_fail(v, "from the order to the first sound: p99 %.0f ms, above %.0f ms", (double)part(times, 99) / 1000,
                         (double)o->link.limit_latency_us / 1000);
}

static void judge_timetable(SimLinkTotals *t, const SimOptions *o, SimVerdict *v)
{
    g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(int64_t));
    unsigned planned = 0, others = 0;
    for (unsigned i = 0; i < t->sounded->len; i++) {
        SimSounded *s = t->sounded->pdata[i];
        others += s->issued_us && s->priority != 1;
        planned += s->issued_us == 0;
        if (!s->issued_us)
            g_array_append_vals(times, s->late_us->data, s->late_us->len);
    }
    sim_verdict_group(v, "programme");
    sim_verdict_int(v, "planned", planned, "items that sounded at their time");
    sim_verdict_int(v, "ordered", others, "items that were ordered, no emergencies");
    sim_verdict_int(v, "began", (int64_t)t->stats.began, "");
    sim_verdict_int(v, "ended", (int64_t)t->stats.ended, "");
    sim_verdict_int(v, "cut", (int64_t)t->stats.cut, "");
    sim_verdict_int(v, "missed", (int64_t)t->stats.missed, "");
    if (planned) {
        show_times(v, times);
        if (part(times, 95) > o->limit_start_us)
            sim_verdict_fail(v, "planned items: 95 %% begin within %.0f ms, above %.0f ms", (double)part(times, 95) / 1000, (double)o->limit_start_us / 1000);
    }
    sim_verdict_int(v, "twice", (int64_t)t->stats.played_twice, "begun again after their end");
    sim_verdict_int(v, "expired", (int64_t)t->stats.played_expired, "begun after their time was over");
    sim_verdict_int(v, "misplaced", (int64_t)t->stats.misplaced, "");
    sim_verdict_double(v, "place_worst", (double)t->stats.misplaced_most_us / 1000, "ms off the clock");
    if (!t->stats.began)
        sim_verdict_fail(v, "nothing sounded anywhere");
    if (t->stats.played_twice || t->stats.played_expired || t->stats.misplaced)
        sim_verdict_fail(v, "%d times something was played twice, %d times expired, %d times more than 5 s off its place", (int)t->stats.played_twice,
                         (int)t->stats.played_expired, (int)t->stats.misplaced);
}

static void judge_words(SimLinkTotals *t, SimVerdict *v)
{
    const SimLaneStats *s = &t->stats;
    sim_verdict_group(v, "signed");
    sim_verdict_int(v, "manifests", (int64_t)s->manifests, "verified");
    sim_verdict_int(v, "manifests_refused", (int64_t)s->manifests_refused, "");
    sim_verdict_int(v, "commands", (int64_t)s->commands, "");
    sim_verdict_int(v, "obeyed", (int64_t)s->obeyed, "once");
    sim_verdict_int(v, "again", (int64_t)s->again, "came again, not obeyed again");
    sim_verdict_int(v, "obeyed_twice", (int64_t)s->obeyed_twice, "");
    sim_verdict_int(v, "refused", (int64_t)s->refused, "expired, or not meant for it");
    sim_verdict_int(v, "forged", (int64_t)s->forged, "whose signature does not fit");
    if (s->forged || s->manifests_refused)
        sim_verdict_fail(v, "%d messages with a wrong signature, %d manifests refused", (int)s->forged, (int)s->manifests_refused);
    if (s->obeyed_twice)
        sim_verdict_fail(v, "%d commands were obeyed twice", (int)s->obeyed_twice);
    sim_verdict_group(v, "reports");
    sim_verdict_int(v, "made", (int64_t)s->reports, "");
    sim_verdict_int(v, "receipts", (int64_t)s->receipts, "");
    sim_verdict_int(v, "unconfirmed", (int64_t)t->unconfirmed, "at the end");
    if (t->unconfirmed)
        sim_verdict_fail(v, "%d reports were never confirmed by the server", (int)t->unconfirmed);
}

static void judge_files(SimLinkTotals *t, SimVerdict *v)
{
    sim_verdict_group(v, "files");
    sim_verdict_int(v, "wanted", (int64_t)t->stats.media_wanted, "");
    sim_verdict_int(v, "stored", (int64_t)t->stats.media_stored, "");
    if (!t->files)
        return;
    sim_verdict_int(v, "fetched", (int64_t)t->files->whole, "really, in two ranges, hash checked");
    sim_verdict_int(v, "failed", (int64_t)t->files->failed, "");
    sim_verdict_double(v, "megabytes", (double)t->files->bytes / 1e6, "");
    if (t->files->whole)
        show_times(v, t->files->took_us);
    if (t->files->failed)
        sim_verdict_fail(v, "%d files could not be fetched: %s", (int)t->files->failed, t->files->first_failure);
}

void sim_link_judge(SimLinkTotals *t, const SimOptions *o, SimVerdict *v)
{
    const SimLaneStats *s = &t->stats;
    if (!t->sounded)
        t->sounded = g_ptr_array_new();
    sim_verdict_group(v, "link");
    sim_verdict_int(v, "loudspeakers", t->devices, "");
    sim_verdict_int(v, "online", t->online_most, "at most");
    sim_verdict_double(v, "all_online", (double)t->connected_us / 1e6, "s after the start");
    sim_verdict_int(v, "connects", (int64_t)s->connects, "");
    sim_verdict_int(v, "losses", (int64_t)s->losses, "");
    sim_verdict_int(v, "refused", (int64_t)s->refused_connects, "attempts that came to nothing");
    sim_verdict_int(v, "messages", (int64_t)s->messages, "received");
    if (t->storm)
        sim_verdict_double(v, "back_after_storm", (double)t->back_us / 1e6, "s");
    sim_verdict_double(v, "clocks_wrong_by", (double)o->link.skew_us / 1000, "ms at most");
    sim_verdict_double(v, "corrected_to", (double)s->clock_error_most_us / 1000, "ms at most");
    if (t->online_most < t->devices)
        sim_verdict_fail(v, "%u of %u loudspeakers could connect%s%s", t->online_most, t->devices, s->first_trouble ? "; " : "",
                         s->first_trouble ? s->first_trouble : "");
    if (t->storm && !t->back_us)
        sim_verdict_fail(v, "not all loudspeakers were back in time after the storm");
    judge_words(t, v);
    judge_emergencies(t, o, v);
    judge_timetable(t, o, v);
    judge_files(t, v);
}
