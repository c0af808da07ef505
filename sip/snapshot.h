/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/accounts.h"
#include "sip/digest.h"

/* What the SIP thread needs of every account: immutable, published whole by control. */
typedef struct SgCredential {
    char *name;
    SgHashHex ha1[SG_ALGORITHM_MAX];
    unsigned digests;            /* 0: the listener's */
    unsigned bindings_max;
    SgAccountKind kind;
    MdSecurity security;
    bool disabled;
} SgCredential;

typedef struct SgSnapshot SgSnapshot;
SgSnapshot *sg_snapshot_new(void);
/* Before it is published. Copies. */
void sg_snapshot_add(SgSnapshot *snapshot, const SgCredential *credential);
void sg_snapshot_free(SgSnapshot *snapshot);
const SgCredential *sg_snapshot_find(const SgSnapshot *snapshot, const struct pl *name);

/* Control: everything as of now, and who is told that it changed (at most once a main-loop turn). */
SgSnapshot *sg_accounts_snapshot(const SgAccounts *accounts);
void sg_accounts_set_changed(SgAccounts *accounts, void (*changed)(void *user), void *user);
