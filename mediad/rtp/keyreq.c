/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/keyreq.h"

#define TRIES_MAX 10
#define BACKOFF_MAX 3 /* doublings of retry_us */

void md_key_requests_init(MdKeyRequests *requests, int64_t interval_us, int64_t retry_us)
{
    *requests = (MdKeyRequests){.interval_us = interval_us, .retry_us = retry_us};
}

static void pass(MdKeyRequests *requests, int64_t now_us)
{
    requests->last_us = now_us;
    requests->ever = true;
    requests->pending = false;
    requests->waiting = requests->retry_us > 0;
    requests->passed++;
}

bool md_key_requests_ask(MdKeyRequests *requests, int64_t now_us)
{
    requests->asked++;
    if (requests->waiting &&
        requests->tries < TRIES_MAX) /* the one on its way serves this asker too; _due repeats it */
        return false;
    if (requests->ever && now_us - requests->last_us < requests->interval_us) {
        requests->pending = true;
        return false;
    }
    requests->tries = 0;
    pass(requests, now_us);
    return true;
}

bool md_key_requests_due(MdKeyRequests *requests, int64_t now_us)
{
    int64_t since_us = now_us - requests->last_us;
    if (requests->pending && since_us >= requests->interval_us) {
        requests->tries = 0;
        pass(requests, now_us);
        return true;
    }
    if (!requests->waiting || requests->tries >= TRIES_MAX)
        return false;
    unsigned doublings = requests->tries < BACKOFF_MAX ? requests->tries : BACKOFF_MAX;
    int64_t retry_us = requests->retry_us << doublings;
    if (since_us < retry_us || since_us < requests->interval_us)
        return false;
    requests->tries++;
    pass(requests, now_us);
    return true;
}

void md_key_requests_satisfied(MdKeyRequests *requests, int64_t now_us)
{
    (void)now_us;
    requests->pending = false;
    requests->waiting = false;
    requests->tries = 0;
}
