/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"
#include "broadcast/exchange/journal.h"
#include "broadcast/exchange/tables.h"
#include "broadcast/exchange/vendor-schedules.h"

/* Installed devices of other makers (kind "gateway"), by the messages they know: they report how they are and what they play, and ask for
 * their orders; each make sees and speaks for its own devices only. What they are told goes through the journal (peer "vendor.MAKE"), so
 * that an order keeps its id until it is confirmed; one whose time is over is not handed out any more. Control thread. */
typedef struct BcVendors BcVendors;

#define BC_EX_ORDERS_MAX 20u     /* handed out at once */

typedef struct BcVendorsOptions { /* strings are copied */
    BcBroadcast *broadcast;
    BcExJournal *journal;
    BcExTables *tables;
    const char *media_base;      /* before a recording's id; NULL: plays of recordings are refused */
    unsigned status_timeout_s;   /* silent so long: offline. 180 */
    BcVendorLinked linked;       /* NULL: nobody is on the broker */
    /* Measured values a device sent: "temperature_c", "volume" … as texts. May be NULL. */
    void (*reading)(const char *device, const char *name, const char *value, bool number, int64_t at_us, void *user);
    void *user;
    const MdLogger *logger;
} BcVendorsOptions;

BcVendors *bc_vendors_new(const BcVendorsOptions *options);
void bc_vendors_free(BcVendors *vendors); /* before broadcast */
void bc_vendors_set_tables(BcVendors *vendors, BcExTables *tables);

/* A token for a make whose key was right; g_free. Good for a day. NULL: too many are out. */
char *bc_vendors_log_in(BcVendors *vendors, const char *make);
const char *bc_vendors_of_token(BcVendors *vendors, const char *token); /* the make, NULL nobody's. Borrowed until control returns */

/* Who carries orders to a device, and may speak for it: "MAKE:GATEWAY" when it, or the gateway it hangs on (of the same make), is on the
 * broker with a certificate of its own; else "MAKE", which asks over HTTPS. Below, make is either. g_free; NULL: no device of another
 * maker. */
char *bc_vendors_route(BcVendors *vendors, const BcDevice *device);
/* The broker says that it is there, or gone. */
void bc_vendors_saw(BcVendors *vendors, const char *device, bool online);

/* object: "status" (also the older form), "play", "confirmation", "older-log", "offline"; one or a list of them. NOT_FOUND: a device that is not
 * of this make (nothing of the message counts then). */
bool bc_vendors_take(BcVendors *vendors, const char *make, const char *object, const char *text, gsize len, GError **error);

/* Orders that wait, as [{"id", "object", "body"}], object and body as on the wire; they come again after half a minute unless
 * confirmed. */
typedef void (*BcOrdersFn)(JsonArray *orders /* taken */, void *user);
void bc_vendors_orders(BcVendors *vendors, const char *make, BcOrdersFn fn, void *user);
/* What the make's devices have to play in the coming days, a list of "schedule" as on the wire; json_array_unref. What a device confirms
 * of it, it plays by itself and is not ordered item by item. */
JsonArray *bc_vendors_schedules(BcVendors *vendors, const char *make);
/* The device or gateway has the order. false: it is not this make's, or unknown. */
bool bc_vendors_confirm(BcVendors *vendors, const char *make, const char *id, bool ok, const char *text);

bool bc_vendors_online(BcVendors *vendors, const char *device);
/* What a device may be told besides: "command" (volume), "stop" (skip, pause, resume, stop-all). INVALID, NOT_FOUND. */
bool bc_vendors_order(BcVendors *vendors, const char *device, const char *object, const char *word, const char *parameter, GError **error);
