/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/message.h"

/* Where accounts can be reached (RFC 3261 10, RFC 5626, RFC 3327). Time is an argument (monotonic). SIP thread. */
typedef struct SgLocation SgLocation;

#define SG_CONTACT_MAX 512
#define SG_PATH_MAX 1024

typedef struct SgBinding {
    char *account;
    char *key;                    /* unique in the account: the contact, or instance and reg-id */
    char *contact;                /* URI */
    char *path;                   /* Route header values, "" none */
    char *call_id;
    char *user_agent;
    uint32_t cseq;
    SgFlow flow;                  /* conn 0 on a stream: lost, or from before a restart */
    int64_t registered_wall_us;
    int64_t expires_us, last_seen_us;
    bool alive, probing, known;   /* known: the guard counts its source */
    bool dirty;
} SgBinding;

typedef struct SgBindingRecord {  /* what control gets to know; owns its strings */
    char *account, *key, *contact, *path, *call_id, *user_agent, *host;
    SgTransportKind transport;
    uint16_t port;
    uint32_t cseq;
    int64_t registered_wall_us, expires_wall_us;
    bool alive, removed;
    const char *reason;           /* removed: static text */
} SgBindingRecord;
void sg_binding_record_free(SgBindingRecord *record);

typedef struct SgLocationOptions {
    unsigned bindings_max;
    SgGuard *guard;               /* NULL none */
    SgStats *stats;
    /* Something is dirty: call sg_location_take_changes soon. */
    void (*on_dirty)(void *user);
    void *user;
} SgLocationOptions;

SgLocation *sg_location_new(const SgLocationOptions *options);
void sg_location_free(SgLocation *location);
/* Bindings of an account: borrowed GPtrArray of SgBinding*, oldest first; NULL none. */
const GPtrArray *sg_location_find(const SgLocation *location, const char *account);
SgBinding *sg_location_find_key(const SgLocation *location, const char *account, const char *key);
/* Adds or replaces by (account, key); takes the strings of binding. fresh bindings only when there is room: NULL otherwise. */
SgBinding *sg_location_put(SgLocation *location, SgBinding *binding, unsigned account_max, int64_t now_us);
void sg_location_remove(SgLocation *location, SgBinding *binding, const char *reason);
void sg_location_remove_account(SgLocation *location, const char *account, const char *reason);
/* Removes every binding against which the function gives a reason (static text); NULL: it stays. */
void sg_location_keep(SgLocation *location, const char *(*against)(const SgBinding *binding, void *user), void *user);
/* Its connection is gone: it may still be reached by a new one to its contact. */
void sg_location_conn_closed(SgLocation *location, uint64_t conn);
void sg_location_touch(SgLocation *location, SgBinding *binding, bool alive, int64_t now_us);
/* Expires what ran out; probe is called for up to probes_max datagram bindings silent since now - probe_after_us. */
void sg_location_sweep(SgLocation *location, int64_t now_us, int64_t probe_after_us, unsigned probes_max,
                       void (*probe)(SgBinding *binding, void *user), void *user);
/* Records of all that changed since the last call: GPtrArray of SgBindingRecord*, NULL when nothing did. */
GPtrArray *sg_location_take_changes(SgLocation *location, int64_t now_us, int64_t wall_us);
unsigned sg_location_count(const SgLocation *location);
