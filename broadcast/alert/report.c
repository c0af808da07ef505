/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the moment an alert came to the first sound of each loudspeaker. */
#include "broadcast/alert/private.h"

#include <stdlib.h>
#include <string.h>

#define LATER_US (3 * G_USEC_PER_SEC) /* the play log gathers rows for a second */
#define ROWS_MAX 100000u

typedef struct Later {
    BcAlerts *alerts;
    char *id;
    BcTimer timer;
} Later;

static void free_later(Later *later)
{
    bc_timer_cancel(&later->timer);
    g_free(later->id);
    g_free(later);
}

static void clear_heard(gpointer data)
{
    BcAlertHeard *heard = data;
    g_free(heard->device);
    g_free(heard->area);
    g_free(heard->outcome);
    g_free(heard->reason);
}

void bc_alert_report_free(BcAlertReport *report)
{
    if (!report)
        return;
    g_array_unref(report->heard);
    g_free(report);
}

int64_t bc_alert_percentile(const int64_t *sorted, unsigned n, unsigned percent)
{
    return n ? sorted[((uint64_t)n * percent + 99) / 100 - 1] : -1;
}

typedef struct Gather {
    GHashTable *by_device; /* id -> index + 1 */
    GArray *heard;
    int64_t since_us;
} Gather;

static unsigned rank(const char *outcome)
{
    static const char *const order[] = {"missed", "waiting", "ringing", "playing", "partial", "played"};
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++)
        if (g_strcmp0(order[i], outcome) == 0)
            return i;
    return 0;
}

static void gather(const BcPlay *play, void *user)
{
    Gather *g = user;
    unsigned at = GPOINTER_TO_UINT(g_hash_table_lookup(g->by_device, play->device));
    int64_t latency = play->from_us ? MAX(0, play->from_us - g->since_us) : -1;
    if (!at) {
        BcAlertHeard row = {g_strdup(play->device), g_strdup(play->area), g_strdup(play->outcome), g_strdup(play->reason), latency};
        g_array_append_val(g->heard, row);
        g_hash_table_insert(g->by_device, row.device, GUINT_TO_POINTER(g->heard->len));
        return;
    }
    BcAlertHeard *row = &g_array_index(g->heard, BcAlertHeard, at - 1);
    if (latency >= 0 && (row->latency_us < 0 || latency < row->latency_us))
        row->latency_us = latency;
    if (rank(play->outcome) <= rank(row->outcome))
        return;
    g_free(row->outcome);
    g_free(row->reason);
    row->outcome = g_strdup(play->outcome);
    row->reason = g_strdup(play->reason);
}

static int by_latency(gconstpointer a, gconstpointer b)
{
    const BcAlertHeard *x = a, *y = b;
    uint64_t i = (uint64_t)x->latency_us, k = (uint64_t)y->latency_us; /* -1 is last */
    return i != k ? (i < k ? -1 : 1) : g_strcmp0(x->device, y->device);
}

static void work_out(BcAlertReport *report)
{
    g_array_sort(report->heard, by_latency);
    report->devices = report->heard->len;
    g_autofree int64_t *sorted = g_new0(int64_t, report->heard->len + 1);
    for (unsigned i = 0; i < report->heard->len; i++) {
        const BcAlertHeard *row = &g_array_index(report->heard, BcAlertHeard, i);
        if (row->latency_us >= 0)
            sorted[report->reached++] = row->latency_us;
    }
    report->p50_us = bc_alert_percentile(sorted, report->reached, 50);
    report->p95_us = bc_alert_percentile(sorted, report->reached, 95);
    report->worst_us = bc_alert_percentile(sorted, report->reached, 100);
}

BcAlertReport *bc_alerts_report(BcAlerts *alerts, const BcAlert *alert, GError **error)
{
    g_autoptr(BcAlertReport) report = g_new0(BcAlertReport, 1);
    g_autoptr(GHashTable) by_device = g_hash_table_new(g_str_hash, g_str_equal);
    report->heard = g_array_new(FALSE, FALSE, sizeof(BcAlertHeard));
    g_array_set_clear_func(report->heard, clear_heard);
    Gather g = {by_device, report->heard, MAX(alert->received_us, alert->begin_us)};
    g_auto(GStrv) ids = g_strsplit(alert->announcements ? alert->announcements : "", ",", -1);
    for (unsigned i = 0; ids[i] && alerts->o.play_log; i++)
        if (!bc_play_log_plays(alerts->o.play_log, ids[i], NULL, ROWS_MAX, 0, gather, &g, error))
            return NULL;
    work_out(report);
    return g_steal_pointer(&report);
}

typedef struct Why { const char *reason; unsigned n; } Why;

static int by_count(gconstpointer a, gconstpointer b)
{
    const Why *x = a, *y = b;
    return x->n != y->n ? (x->n > y->n ? -1 : 1) : g_strcmp0(x->reason, y->reason);
}

char *bc_alert_report_line(const BcAlert *alert, const BcAlertReport *report)
{
    g_autoptr(GString) line = g_string_new(NULL);
    g_string_append_printf(line, "%s%s \"%s\" (%s) %s: %u of %u loudspeakers sounded", bc_alert_is_real(alert) ? "" : "NOT REAL: ", alert->kind,
                           alert->headline ? alert->headline : "", alert->id, bc_alert_state_to_string((BcAlertState)alert->state), report->reached,
                           report->devices);
    if (report->reached)
        g_string_append_printf(line, "; first sound after p50 %.2f s, p95 %.2f s, worst %.2f s (%s)", report->p50_us / 1e6, report->p95_us / 1e6,
                               report->worst_us / 1e6, g_array_index(report->heard, BcAlertHeard, report->reached - 1).device);
    g_autoptr(GArray) whys = g_array_new(FALSE, FALSE, sizeof(Why));
    for (unsigned i = report->reached; i < report->heard->len; i++) {
        const char *reason = g_array_index(report->heard, BcAlertHeard, i).reason;
        unsigned k = 0;
        while (k < whys->len && g_strcmp0(g_array_index(whys, Why, k).reason, reason) != 0)
            k++;
        if (k == whys->len)
            g_array_append_val(whys, ((Why){reason, 0}));
        g_array_index(whys, Why, k).n++;
    }
    g_array_sort(whys, by_count);
    for (unsigned k = 0; k < MIN(whys->len, 6); k++)
        g_string_append_printf(line, "%s%u %s", k ? ", " : "; not: ", g_array_index(whys, Why, k).n,
                               g_array_index(whys, Why, k).reason ? g_array_index(whys, Why, k).reason : "no reason known");
    return g_string_free(g_steal_pointer(&line), FALSE);
}

static void on_later(BcTimer *timer, void *user)
{
    Later *later = user;
    BcAlerts *alerts = later->alerts;
    const BcAlert *alert = bc_alerts_find(alerts, later->id);
    g_autoptr(GError) error = NULL;
    g_autoptr(BcAlertReport) report = alert ? bc_alerts_report(alerts, alert, &error) : NULL;
    if (report) {
        g_autofree char *line = bc_alert_report_line(alert, report);
        md_notice(&alerts->logger, "%s", line);
        if (alerts->o.ops.event)
            alerts->o.ops.event("alert.report", alert, alerts->o.ops.user);
    } else if (error) {
        md_error(&alerts->logger, "no report of alert %s: %s", later->id, error->message);
    }
    g_ptr_array_remove_fast(alerts->reports, later);
    free_later(later);
}

void bc_alerts_report_later(BcAlerts *alerts, const BcAlert *alert)
{
    if (alerts->quiet || !alerts->o.play_log)
        return;
    Later *later = g_new0(Later, 1);
    later->alerts = alerts;
    later->id = g_strdup(alert->id);
    g_ptr_array_add(alerts->reports, later);
    bc_timer_at(alerts->o.timers, &later->timer, bc_alerts_mono_us(alerts) + LATER_US, on_later, later);
}

void bc_alerts_forget_reports(BcAlerts *alerts)
{
    for (unsigned i = 0; i < alerts->reports->len; i++)
        free_later(alerts->reports->pdata[i]);
    g_ptr_array_set_size(alerts->reports, 0);
}
