/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/reports.h"
#include <stdlib.h>
#include <string.h>
#include "broadcast/speaker/keep.h"

#define NAME "reports"

/* The file: the next number on a line of its own, then messages of up to 100 reports, one a line. */
struct BcReportQueue {
    char *folder;
    int64_t next;
    GQueue reports;              /* BcLinkReport * */
    bool dirty;
};

static void free_report(gpointer data)
{
    BcLinkReports shell = {.reports = data, .n = 1};
    bc_link_reports_clear(&shell); /* frees the row too */
}

static void read_line(BcReportQueue *queue, const char *line)
{
    BcLinkReports read = {0};
    if (!bc_link_reports_parse(&read, line, strlen(line), NULL))
        return;
    for (unsigned i = 0; i < read.n; i++) {
        g_queue_push_tail(&queue->reports, g_memdup2(&read.reports[i], sizeof(*read.reports)));
        queue->next = MAX(queue->next, read.reports[i].sequence + 1);
    }
    g_free(read.reports);
}

BcReportQueue *bc_report_queue_open(const char *folder, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *text = bc_keep_read(folder, NAME, NULL, &why);
    if (!text && !g_error_matches(why, BC_KEEP_ERROR, BC_KEEP_ERROR_MISSING)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
    }
    BcReportQueue *queue = g_new0(BcReportQueue, 1);
    queue->folder = g_strdup(folder);
    queue->next = 1;
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    if (lines[0])
        queue->next = MAX(g_ascii_strtoll(lines[0], NULL, 10), 1);
    for (unsigned i = 1; lines[0] && lines[i]; i++)
        if (*lines[i])
            read_line(queue, lines[i]);
    return queue;
}

void bc_report_queue_free(BcReportQueue *queue)
{
    if (!queue)
        return;
    g_queue_clear_full(&queue->reports, free_report);
    g_free(queue->folder);
    g_free(queue);
}

void bc_report_queue_put(BcReportQueue *queue, BcLinkReport *report)
{
    BcLinkReport *copy = g_new0(BcLinkReport, 1);
    report->sequence = queue->next++;
    *copy = *report;
    copy->occurrence = g_strdup(report->occurrence);
    copy->sha256 = g_strdup(report->sha256 ? report->sha256 : "");
    copy->state = g_strdup(report->state);
    copy->reason = g_strdup(report->reason);
    copy->level_source = g_strdup(report->level_source);
    g_queue_push_tail(&queue->reports, copy);
    if (queue->reports.length > BC_REPORTS_KEPT_MAX)
        free_report(g_queue_pop_head(&queue->reports));
    queue->dirty = true;
}

/* Texts are borrowed: only the row is freed. */
static char *format_some(GList **at, int64_t after, int64_t *ret_last)
{
    BcLinkReports some = {.reports = g_new0(BcLinkReport, BC_LINK_REPORTS_MAX)};
    for (; *at && some.n < BC_LINK_REPORTS_MAX; *at = (*at)->next) {
        const BcLinkReport *report = (*at)->data;
        if (report->sequence > after)
            some.reports[some.n++] = *report;
    }
    char *text = some.n ? bc_link_reports_format(&some) : NULL;
    if (some.n)
        *ret_last = some.reports[some.n - 1].sequence;
    g_free(some.reports);
    return text;
}

bool bc_report_queue_save(BcReportQueue *queue, GError **error)
{
    if (!queue->dirty)
        return true;
    g_autoptr(GString) out = g_string_new(NULL);
    int64_t last = 0;
    g_string_printf(out, "%" G_GINT64_FORMAT "\n", queue->next);
    for (GList *at = queue->reports.head; at;) {
        g_autofree char *line = format_some(&at, 0, &last);
        if (line)
            g_string_append_printf(out, "%s\n", line);
    }
    if (!bc_keep_write(queue->folder, NAME, out->str, out->len, 0600, error))
        return false;
    queue->dirty = false;
    return true;
}

void bc_report_queue_receipt(BcReportQueue *queue, int64_t sequence)
{
    while (queue->reports.head && ((BcLinkReport *)queue->reports.head->data)->sequence <= sequence) {
        free_report(g_queue_pop_head(&queue->reports));
        queue->dirty = true;
    }
}

char *bc_report_queue_message(BcReportQueue *queue, int64_t after, int64_t *ret_last)
{
    GList *at = queue->reports.head;
    return format_some(&at, after, ret_last);
}

unsigned bc_report_queue_waiting(const BcReportQueue *queue)
{
    return queue->reports.length;
}
