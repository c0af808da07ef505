/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* Fetches recordings as loudspeakers do: by token, in two ranges, checked by SHA-256. A thread of its own. */
typedef struct SimFetcher SimFetcher;
typedef void (*SimFetchedFn)(const char *sha256, bool ok, void *user); /* fetcher's thread */

typedef struct SimFetcherStats {
    uint64_t wanted, whole, failed, bytes;
    GArray *took_us;    /* of int64_t, from asking to the last byte; of the whole ones */
    char *first_failure;
} SimFetcherStats;

/* ca: who vouches for https, NULL the system's. */
SimFetcher *sim_fetcher_new(const char *ca, unsigned at_once, GError **error);
void sim_fetcher_free(SimFetcher *fetcher); /* what is under way is dropped */
/* Any thread; copied. */
void sim_fetcher_ask(SimFetcher *fetcher, const char *url, const char *token, const char *sha256, int64_t bytes, SimFetchedFn done, void *user);
/* Ends the thread; the figures are the fetcher's. */
const SimFetcherStats *sim_fetcher_end(SimFetcher *fetcher);
