/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/exchange/vendors.h"

/* Gateways of other makers on the broker: the same messages as over HTTPS (vendors.h), one topic for each object, orders pushed to a gateway
 * as soon as it is there (docs/exchange.md). What a gateway may say is decided by its certificate before it comes here. Control thread. */
typedef struct BcVendorLink BcVendorLink;

typedef struct BcVendorLinkOptions {
    BcBroadcast *broadcast;
    BcVendors *vendors;
    BcExJournal *journal;
    BcExTables *(*tables)(void *user);
    /* To a gateway; false: it does not go out now. */
    bool (*publish)(const char *gateway, const char *object, const char *text, gsize len, void *user);
    gsize message_max;           /* bytes; longer orders are refused for good */
    unsigned status_timeout_s;   /* a gateway silent this long gets nothing: 180 */
    void *user;
} BcVendorLinkOptions;

BcVendorLink *bc_vendor_link_new(const BcVendorLinkOptions *options);
void bc_vendor_link_free(BcVendorLink *link); /* before vendors */
/* What gateway says: "link" (1 it is there, 0 gone: its last will), "confirm", "schedules" (asks for them), and what bc_vendors_take takes; it
 * is answered on "answer". text ends with a NUL that is not counted. */
void bc_vendor_link_take(BcVendorLink *link, const char *gateway, const char *object, const char *text, gsize len);
