/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/play-log.h"
#include "broadcast/proof.h"

/* The play log's rows in the store. Inside this folder only; writers run on the store thread, inside a transaction. */

/* again: was refused before; what has ended meanwhile is not overwritten. */
bool bc_play_rows_write_run(MdDb *db, const BcRun *run, bool again, GError **error);
bool bc_play_rows_write_play(MdDb *db, const BcPlay *play, bool again, GError **error);

/* News of an announcement that is no longer in memory, minutes or days later: corrects the loudspeaker's row and the run's counts. A
 * scheduled bulletin that devices played while mediad was away gets its run here, unless it is still to come; when its announcement begins
 * after all, that takes the reports over (bc_play_rows_write_run). News of unknown announcements and loudspeakers is
 * passed over. touched (char *, owned by it) gets the runs whose counts are to be made anew before the transaction ends: once for all of its
 * news, for thousands come together when a network is back. */
bool bc_play_rows_apply_news(MdDb *db, const BcReachNews *news, int64_t received_us, GHashTable *touched, GError **error);
/* A run that is over and holds reports from before it began is to be counted again: its id goes to touched. */
bool bc_play_rows_reported(MdDb *db, const BcRun *run, GHashTable *touched, GError **error);
bool bc_play_rows_recount(MdDb *db, const char *announcement, GError **error);

#define BC_PLAY_COLUMNS \
    "p.announcement, p.device, p.area, p.outcome, p.reason, p.rang_us, p.answered_us, p.from_us, p.to_us, p.rings, p.codec, p.wanted_us," \
    " p.sent_us, p.acked_us, p.proved_us, p.reported_us, p.ended_items, p.cut_items, p.missed_items, p.refused_items, p.level_mdb," \
    " p.match_permille, p.level_source, p.proof_reason, p.proof_reason_us, p.proof_from_us, p.proof_to_us"
/* The present row of a query of these columns; *ret_proof is filled when ret->proof is set. Strings live until the next row. */
void bc_play_rows_read(MdRows *rows, BcPlay *ret, BcProof *ret_proof);
#define BC_RUN_COLUMNS \
    "id, kind, title, schedule, occurrence_us, content, source, priority, areas, start_us, end_us, state, reason, devices, played," \
    " partial, missed, created_by, issued_us, authority, drill, items"
void bc_play_rows_read_run(MdRows *rows, BcRun *ret);
