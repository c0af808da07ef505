/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/fanout-private.h"

#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>

void bc_fanout_plan_free(BcFanoutPlan *plan)
{
    if (!plan)
        return;
    free(plan->rtp);
    free(plan->rtcp);
    free(plan->names);
    free(plan->unsent);
    free(plan->rtcp_names);
    free(plan);
}

static void on_retired(void *payload, size_t len)
{
    BcFanoutPlan *plan;
    memcpy(&plan, payload, sizeof plan);
    bc_fanout_plan_free(plan);
}

void bc_fanout_plan_retire(BcFanout *fanout, BcFanoutPlan *plan)
{
    if (plan && md_mailbox_post(fanout->o.control, on_retired, &plan, sizeof plan) < 0)
        bc_fanout_plan_free(plan); /* control does not listen: rather a slow free here than a leak */
}

static void put_message(struct mmsghdr *message, struct sockaddr_in6 *name, const MdAddr *to, struct iovec *iov)
{
    memcpy(name, &to->ss, to->len);
    *message = (struct mmsghdr){.msg_hdr = {.msg_name = name, .msg_namelen = to->len, .msg_iov = iov, .msg_iovlen = 1}};
}

static void extend(BcFanoutSegment *segments, unsigned *n_segments, unsigned at, unsigned stream, bool v6, bool mux)
{
    BcFanoutSegment *last = *n_segments ? &segments[*n_segments - 1] : NULL;
    if (last && last->stream == stream && last->v6 == v6 && last->mux == mux)
        last->n++;
    else
        segments[(*n_segments)++] = (BcFanoutSegment){at, 1, (uint8_t)stream, v6, mux};
}

static bool is_mux(const BcDestination *to)
{
    return md_addr_equal(&to->rtp, &to->rtcp);
}

int bc_fanout_by_stream(const void *a, const void *b)
{
    const BcFanoutEntry *x = *(const BcFanoutEntry *const *)a, *y = *(const BcFanoutEntry *const *)b;
    int order = (int)bc_fanout_stream(x->to.codec, x->to.key) - (int)bc_fanout_stream(y->to.codec, y->to.key);
    if (!order)
        order = x->to.rtp.ss.ss_family - y->to.rtp.ss.ss_family;
    if (!order)
        order = is_mux(&x->to) - is_mux(&y->to); /* few segments: one a system call at least */
    return order ? order : x < y ? -1 : x > y; /* entries lie in one array: stable */
}

BcFanoutPlan *bc_fanout_plan_new(struct iovec *iov, BcFanoutEntry *const *entries, unsigned n)
{
    BcFanoutPlan *plan = calloc(1, sizeof *plan);
    bool ok = plan && (plan->rtp = calloc(MAX(n, 1), sizeof *plan->rtp)) && (plan->rtcp = calloc(MAX(n, 1), sizeof *plan->rtcp)) &&
              (plan->names = calloc(MAX(n, 1), sizeof *plan->names)) &&
              (plan->unsent = calloc(MAX(n, 1), sizeof *plan->unsent)) &&
              (plan->rtcp_names = calloc(MAX(n, 1), sizeof *plan->rtcp_names));
    if (!ok) {
        bc_fanout_plan_free(plan);
        return NULL;
    }
    for (unsigned i = 0; i < n; i++) {
        const BcDestination *to = &entries[i]->to;
        plan->unsent[i] = entries[i]->unsent;
        unsigned stream = bc_fanout_stream(to->codec, to->key);
        bool v6 = to->rtp.ss.ss_family == AF_INET6;
        put_message(&plan->rtp[plan->n], &plan->names[plan->n], &to->rtp, &iov[stream]);
        extend(plan->segments, &plan->n_segments, plan->n++, stream, v6, false);
        if (!md_addr_is_set(&to->rtcp) || to->rtcp.ss.ss_family != to->rtp.ss.ss_family)
            continue;
        put_message(&plan->rtcp[plan->n_rtcp], &plan->rtcp_names[plan->n_rtcp], &to->rtcp, &iov[stream]);
        extend(plan->rtcp_segments, &plan->n_rtcp_segments, plan->n_rtcp++, stream, v6, is_mux(to));
    }
    return plan;
}
