/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/message.h"
#include "sip/nonce.h"
#include "sip/snapshot.h"

/* Who sent this request? Digest against the published snapshot of accounts. Time is an argument. SIP thread. */
typedef struct SgAuth SgAuth;

typedef enum SgAuthState {
    SG_AUTH_OK,
    SG_AUTH_REPEATED,  /* right, but the very message was seen before: a retransmission */
    SG_AUTH_MISSING,   /* no credentials for our realm */
    SG_AUTH_STALE,     /* the nonce is too old, not ours, or was used: ask again without blame */
    SG_AUTH_FAILED,    /* wrong user or password, from a source that proved its address */
} SgAuthState;

typedef struct SgAuthResult {
    SgAuthState state;
    const SgCredential *account; /* OK and REPEATED; valid until the next snapshot */
    char user[SG_ACCOUNT_NAME_MAX + 1]; /* as claimed; "" when unfit to be shown */
    bool user_exists;            /* FAILED: not to be told to the peer */
    bool replayed;               /* STALE: right, but the nonce count was used by another message */
    unsigned digests;            /* to offer in the challenge */
} SgAuthResult;

SgAuth *sg_auth_new(const char *realm, unsigned nonce_lifetime_s);
void sg_auth_free(SgAuth *auth);
/* Takes it. */
void sg_auth_publish(SgAuth *auth, SgSnapshot *snapshot);
const SgSnapshot *sg_auth_snapshot(const SgAuth *auth);
/* offered: SG_DIGEST_* of the listener. */
void sg_auth_check(SgAuth *auth, const struct sip_msg *msg, const SgFlow *flow, unsigned offered, int64_t now_us, SgAuthResult *ret);
/* WWW-Authenticate lines for a 401; g_free. */
char *sg_auth_challenge(SgAuth *auth, const SgFlow *flow, const SgAuthResult *result, int64_t now_us);
