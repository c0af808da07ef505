/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/proof.h"

#include <math.h>
#include <string.h>

static const char *const state_names[] = {"wanted", "sent", "acknowledged", "began", "ended", "proved", "cut", "missed", "refused"};

const char *bc_reach_state_to_string(BcReachState state)
{
    return (unsigned)state < G_N_ELEMENTS(state_names) ? state_names[state] : NULL;
}

void bc_proof_init(BcProof *proof, int64_t wanted_us)
{
    *proof = (BcProof){.wanted_us = wanted_us, .level_mdb = BC_PROOF_NO_LEVEL, .match_permille = -1};
}

static void earliest(int64_t *time, int64_t us)
{
    if (us > 0 && (!*time || us < *time))
        *time = us;
}

/* Of several reasons the latest is kept; of two at one time the greater text, so that order does not matter. */
static void keep_reason(BcProof *p, const char *reason, int64_t at_us)
{
    char text[sizeof p->reason] = "";
    if (!reason || !*reason || at_us < p->reason_us)
        return;
    g_strlcpy(text, reason, sizeof text);
    char *end;
    if (!g_utf8_validate(text, -1, (const char **)&end))
        *end = '\0';
    if (at_us == p->reason_us && strcmp(text, p->reason) <= 0)
        return;
    p->reason_us = at_us;
    g_strlcpy(p->reason, text, sizeof p->reason);
}

/* The worst of what was measured stands: one good item does not prove another. */
static void keep_measure(BcProof *p, const BcReachNews *news)
{
    if (!isnan(news->match) && news->match >= 0 && news->match <= 1) {
        int64_t permille = llround(news->match * 1000);
        p->match_permille = p->match_permille < 0 ? permille : MIN(p->match_permille, permille);
    }
    if (!isnan(news->level_dbfs) && news->level_dbfs >= -200 && news->level_dbfs <= 20) {
        int64_t level = llround(news->level_dbfs * 1000);
        p->level_mdb = p->level_mdb == BC_PROOF_NO_LEVEL ? level : MIN(p->level_mdb, level);
    }
    if (news->level_source && strcmp(news->level_source, p->level_source) > 0)
        g_strlcpy(p->level_source, news->level_source, sizeof p->level_source);
}

static void merge_sound(BcProof *p, const BcReachNews *news)
{
    earliest(&p->from_us, news->from_us ? news->from_us : news->state == BC_REACH_BEGAN ? news->at_us : 0);
    if (news->to_us >= news->from_us)
        p->to_us = MAX(p->to_us, news->to_us);
    keep_measure(p, news);
}

bool bc_proof_merge(BcProof *p, const BcReachNews *news, int64_t received_us)
{
    BcProof before = *p;
    uint64_t bit = (uint64_t)1 << MIN(news->item, BC_PROOF_ITEMS_MAX);
    if (news->state >= BC_REACH_BEGAN)
        merge_sound(p, news);
    switch (news->state) {
    case BC_REACH_WANTED:
        earliest(&p->wanted_us, news->at_us);
        break;
    case BC_REACH_SENT:
        earliest(&p->sent_us, news->at_us);
        break;
    case BC_REACH_ACKNOWLEDGED:
        earliest(&p->acked_us, news->at_us);
        break;
    case BC_REACH_BEGAN:
        break;
    case BC_REACH_PROVED:
        earliest(&p->proved_us, news->at_us);
        p->ended |= bit;
        break;
    case BC_REACH_ENDED:
        p->ended |= bit;
        break;
    case BC_REACH_CUT:
        p->cut |= bit;
        keep_reason(p, news->reason, news->at_us);
        break;
    case BC_REACH_MISSED:
        p->missed |= bit;
        keep_reason(p, news->reason, news->at_us);
        break;
    case BC_REACH_REFUSED:
        p->refused |= bit;
        keep_reason(p, news->reason, news->at_us);
        break;
    }
    if (memcmp(&before, p, sizeof before) == 0)
        return false;
    if (news->state >= BC_REACH_BEGAN)
        p->reported_us = p->reported_us ? MIN(p->reported_us, received_us) : received_us;
    return true;
}

static uint64_t all_of(unsigned items)
{
    return items > BC_PROOF_ITEMS_MAX ? UINT64_MAX : ((uint64_t)1 << MAX(items, 1)) - 1;
}

bool bc_proof_settled(const BcProof *p, unsigned items)
{
    uint64_t all = all_of(items);
    return ((p->ended | p->missed | p->refused) & all) == all;
}

const char *bc_proof_outcome(const BcProof *p, unsigned items, bool over, const char **ret_reason)
{
    uint64_t all = all_of(items);
    const char *why = *p->reason ? p->reason : NULL;
    *ret_reason = NULL;
    if ((p->ended & all) == all && !p->cut)
        return "played"; /* whatever else was said of it on the way */
    bool sounded = p->from_us || p->ended || p->cut;
    if (!over && !bc_proof_settled(p, items))
        return sounded && !p->cut ? "playing" : "waiting";
    if (sounded) {
        *ret_reason = why ? why : p->cut ? "cut off" : p->missed | p->refused ? "not all of it" : "its end was not reported";
        return "partial";
    }
    *ret_reason = why ? why : p->refused ? "refused by the device" : p->missed ? "missed, the device does not say why" : "no report";
    return "missed";
}
