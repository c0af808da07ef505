/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* What the files of the trial share: trial.c (all sites), trial-call.c (one site), trial-report.c (how it stands). Only these include this header. */
#include "mediad/meeting/private.h"
#include "mediad/meeting/trial-row.h"

typedef struct TrialSite {
    Trial *trial;
    MdTrialSite pub;
    char *account, *name;
    bool marking;              /* on its way to the store that it is being called */
    bool met_elsewhere;        /* was seen in another room while it waited */
    MdRoom *room;              /* while it is called and looked at */
    int64_t called_us, up_us;  /* monotonic */
} TrialSite;

struct Trial {
    Meeting *meeting;
    bool running, by_order;
    int64_t begun_us;          /* wall */
    int64_t busy_us;           /* monotonic: next look at who is in a meeting */
    GPtrArray *sites;          /* TrialSite* */
};

/* --- trial.c */
TrialSite *md_trial_find_site(Trial *trial, const char *account); /* NULL: it is not of this trial */

/* --- trial-call.c */
void md_trial_write_rows(Trial *trial, TrialSite *only, bool then_call); /* only NULL: all */
void md_trial_call(TrialSite *site); /* it is noted that this one is called, then it is */
void md_trial_run_call(TrialSite *site, int64_t now_us); /* one with a room: looks at how it goes */
void md_trial_hang_up(TrialSite *site);

/* --- trial-report.c */
void md_trial_count(const Trial *trial, MdTrial *ret); /* adds to ret */
void md_trial_tell(Trial *trial, const char *type, const TrialSite *site); /* site NULL: of all */
