/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Targets that are not rung: devices that are told and report by themselves, and fixed destinations. */
#include "broadcast/target-reach.h"

bool bc_target_news(BcTarget *t, const BcReachNews *news)
{
    BcAnnouncement *a = t->announcement;
    if (t->way != BC_BY_REACH || !bc_proof_merge(&t->proof, news, bc_stage_wall_us(a->stage)))
        return false;
    t->from_us = t->proof.from_us;
    t->to_us = t->proof.to_us;
    bc_target_log(t);
    bc_announcement_reported(a);
    return true;
}

void bc_target_settle(BcTarget *t)
{
    if (t->way != BC_BY_REACH || t->settled)
        return;
    t->settled = true;
    bc_target_log(t);
}

/* Another target that is sent to at the same address: a multicast group serves many. */
static BcTarget *sharer(const BcTarget *t, const MdAddr *to)
{
    BcAnnouncement *a = t->announcement;
    for (unsigned i = 0; i < a->n_targets; i++) {
        BcTarget *other = &a->targets[i];
        if (other != t && other->way == BC_BY_FIXED && other->handle && md_addr_equal(&other->remote, to))
            return other;
    }
    return NULL;
}

/* Takes its sound away; what others still hear through the same destination goes on. */
void bc_target_unsend(BcTarget *t)
{
    BcAnnouncement *a = t->announcement;
    bool shared = t->way == BC_BY_FIXED && sharer(t, &t->remote);
    if (a->fanout && t->handle && !shared) {
        bc_fanout_remove(a->fanout, t->handle);
        bc_announcement_commit_soon(a);
    }
    t->handle = 0;
}

const char *bc_target_send(BcTarget *t, const BcFixed *to)
{
    BcAnnouncement *a = t->announcement;
    const BcTarget *other = sharer(t, &to->rtp);
    BcDestination destination = {.rtp = to->rtp, .codec = to->codec, .key = a->n_keys && !to->plain ? 0 : BC_FANOUT_PLAIN};
    if (!(bc_source_codecs(a->source) & 1u << to->codec))
        return "the programme has not the codec of this output";
    t->handle = other ? other->handle : bc_fanout_add(a->fanout, &destination);
    if (!t->handle)
        return "its address cannot be sent to";
    t->remote = to->rtp;
    t->codec = to->codec;
    t->key = destination.key;
    bc_announcement_commit_soon(a);
    return NULL;
}

void bc_target_send_to(BcTarget *t, const MdAddr *to)
{
    BcAnnouncement *a = t->announcement;
    if (t->handle && to && md_addr_equal(to, &t->remote))
        return;
    bc_target_unsend(t);
    if (!to || !a->fanout || a->over)
        return;
    BcDestination destination = {.rtp = *to, .rtcp = *to, .codec = a->codecs[0].codec, .key = a->n_keys ? 0 : BC_FANOUT_PLAIN};
    t->handle = bc_fanout_add(a->fanout, &destination);
    t->remote = *to;
    t->codec = destination.codec;
    bc_announcement_commit_soon(a);
}
