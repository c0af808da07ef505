/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/meeting/meeting.h"

/* One site's trial at rest. */
typedef struct MdTrialRow {
    char *account;
    int64_t begun_us, called_us, done_us, attempts;
    bool judged;
    MdTrialEvidence evidence;
} MdTrialRow;

MdTrialRow *md_trial_row_new(const MdTrialSite *site, int64_t begun_us);
void md_trial_row_free(gpointer row);
void md_trial_row_apply(const MdTrialRow *row, MdTrialSite *site); /* all but its names */
bool md_trial_row_write(MdDb *db, const char *meeting, const MdTrialRow *row, GError **error); /* store thread */
GPtrArray *md_trial_rows_read(MdDb *db, const char *meeting, GError **error); /* of MdTrialRow*; unref */

JsonObject *md_trial_evidence_to_json(const MdTrialEvidence *evidence);
void md_trial_evidence_from_json(JsonObject *object, MdTrialEvidence *ret);
