/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/link/protocol.h"

/* Reports that wait until the server says it has them: numbered for ever, kept over power cuts. Control thread. */
#define BC_REPORTS_KEPT_MAX 2000u  /* beyond it the oldest is lost: half a year without a network */
typedef struct BcReportQueue BcReportQueue;
BcReportQueue *bc_report_queue_open(const char *folder, GError **error);
void bc_report_queue_free(BcReportQueue *queue);
/* report->sequence is set; copied. save writes all at once: several may be put before. */
void bc_report_queue_put(BcReportQueue *queue, BcLinkReport *report);
bool bc_report_queue_save(BcReportQueue *queue, GError **error);
/* Up to with sequence they are at the server. */
void bc_report_queue_receipt(BcReportQueue *queue, int64_t sequence);
/* The oldest ones behind that sequence, at most 100: a message, g_free; NULL none. *ret_last: the last in it. */
char *bc_report_queue_message(BcReportQueue *queue, int64_t after, int64_t *ret_last);
unsigned bc_report_queue_waiting(const BcReportQueue *queue);
