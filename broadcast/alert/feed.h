/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/alert/alert.h"

/* A source that is asked regularly: its address gives a CAP message, or an Atom (RFC 4287) or RSS 2.0 index of links to messages.
 * Control thread. */
typedef struct BcFeed BcFeed;
#define BC_FEED_LINKS_MAX 100u      /* of one index, the newest first as the index has them */
#define BC_FEED_SEEN_MAX 2000u      /* links remembered, so that each is fetched once */
#define BC_FEED_TIMEOUT_S 20u

typedef struct BcFeedOptions {      /* strings, lists and the source are copied */
    const char *url;                /* http or https */
    unsigned poll_s;
    const char *const *hosts;       /* links may lead there besides the feed's own host */
    BcAlertSource source;
    BcAlerts *alerts;
    BcTimers *timers;
    const MdLogger *logger;
} BcFeedOptions;
/* NULL: BC_ERROR_INVALID: the address. */
BcFeed *bc_feed_new(const BcFeedOptions *options, GError **error);
void bc_feed_free(BcFeed *feed);

/* Links of an index, absolute, NULL-terminated (g_strfreev); base: where the index came from. An index without links gives an empty
 * list; NULL with error: neither Atom nor RSS. *ret_is_cap: it is a message itself. */
char **bc_feed_links(const char *xml, gsize len, const char *base, bool *ret_is_cap, GError **error);
