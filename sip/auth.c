/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/auth.h"
#include "mediad/core/hash.h"

struct SgAuth {
    char *realm;
    SgNonces *nonces;
    SgSnapshot *snapshot;
    MdHashKey fingerprint_key;
    SgHashHex nobody[SG_ALGORITHM_MAX]; /* what unknown users are checked against, so that they take as long */
};

SgAuth *sg_auth_new(const char *realm, unsigned nonce_lifetime_s)
{
    SgAuth *auth = g_new0(SgAuth, 1);
    char password[33];

    auth->realm = g_strdup(realm);
    auth->nonces = sg_nonces_new(nonce_lifetime_s, 0);
    auth->snapshot = sg_snapshot_new();
    auth->fingerprint_key = md_hash_key_random();
    sg_random_hex(password, 16);
    for (int i = 0; i < SG_ALGORITHM_MAX; i++)
        sg_ha1(i, "nobody", realm, password, auth->nobody[i]);
    return auth;
}

void sg_auth_free(SgAuth *auth)
{
    if (!auth)
        return;
    sg_snapshot_free(auth->snapshot);
    sg_nonces_free(auth->nonces);
    g_free(auth->realm);
    g_free(auth);
}

void sg_auth_publish(SgAuth *auth, SgSnapshot *snapshot)
{
    sg_snapshot_free(auth->snapshot);
    auth->snapshot = snapshot;
}

const SgSnapshot *sg_auth_snapshot(const SgAuth *auth)
{
    return auth->snapshot;
}

typedef struct Search {
    const char *realm;
    SgCredentials credentials;
} Search;

static bool each_credentials(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
    Search *search = arg;

    return sg_credentials_parse(&search->credentials, &hdr->val) && pl_strcmp(&search->credentials.realm, search->realm) == 0;
}

static unsigned flag(SgAlgorithm algorithm)
{
    return algorithm == SG_ALGORITHM_SHA256 ? SG_DIGEST_SHA256 : SG_DIGEST_MD5;
}

/* Of the whole message: credentials copied from it into another one are no retransmission. */
static uint64_t fingerprint(const SgAuth *auth, const struct sip_msg *msg, const SgCredentials *credentials)
{
    if (msg->mb)
        return md_hash(auth->fingerprint_key, msg->mb->buf, msg->mb->end);
    return md_hash(auth->fingerprint_key, credentials->response.p, credentials->response.l);
}

void sg_auth_check(SgAuth *auth, const struct sip_msg *msg, const SgFlow *flow, unsigned offered, int64_t now_us, SgAuthResult *ret)
{
    Search search = {.realm = auth->realm};
    const SgCredentials *credentials = &search.credentials;
    const SgCredential *account;
    SgNonceState nonce;
    SgCountState count;
    SgHashHex expected;
    unsigned accepted;
    uint64_t id = 0;
    bool right;

    memset(ret, 0, sizeof(*ret));
    ret->digests = offered ? offered : SG_DIGEST_MD5;
    ret->state = SG_AUTH_MISSING;
    if (!sip_msg_hdr_apply(msg, true, SIP_HDR_AUTHORIZATION, each_credentials, &search))
        return;
    account = sg_snapshot_find(auth->snapshot, &credentials->username);
    if (account)
        g_strlcpy(ret->user, account->name, sizeof(ret->user));
    /* a device that has shown SHA-256 is asked for SHA-256 again */
    if (ret->digests & flag(credentials->algorithm))
        ret->digests = flag(credentials->algorithm);
    ret->state = SG_AUTH_STALE;
    nonce = sg_nonce_check(auth->nonces, &flow->remote, &credentials->nonce, now_us, &id);
    if (nonce != SG_NONCE_VALID)
        return; /* no password work for those who did not take part in a challenge */
    sg_digest_expect(credentials, &msg->met, account ? account->ha1[credentials->algorithm] : auth->nobody[credentials->algorithm],
                     expected);
    right = sg_digest_equal(&credentials->response, expected);
    if (!right || !account || account->disabled) {
        ret->state = SG_AUTH_FAILED;
        ret->user_exists = account != NULL;
        return;
    }
    /* only somebody who knows the password learns that this account wants another algorithm */
    accepted = account->digests ? account->digests : offered ? offered : SG_DIGEST_MD5;
    if (!(accepted & flag(credentials->algorithm))) {
        ret->digests = accepted;
        return;
    }
    count = sg_nonce_count(auth->nonces, id, credentials->count, fingerprint(auth, msg, credentials));
    if (count == SG_COUNT_REPLAYED) {
        ret->replayed = true;
        return;
    }
    ret->state = count == SG_COUNT_REPEATED ? SG_AUTH_REPEATED : SG_AUTH_OK;
    ret->account = account;
}

char *sg_auth_challenge(SgAuth *auth, const SgFlow *flow, const SgAuthResult *result, int64_t now_us)
{
    GString *out = g_string_sized_new(256);
    char nonce[SG_NONCE_LEN + 1];

    /* the stronger first (RFC 8760 2.3) */
    for (int i = SG_ALGORITHM_MAX - 1; i >= 0; i--) {
        if (!(result->digests & flag(i)))
            continue;
        sg_nonce_make(auth->nonces, &flow->remote, now_us, nonce);
        g_string_append_printf(out, "WWW-Authenticate: Digest realm=\"%s\", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s\r\n",
                               auth->realm, nonce, sg_algorithm_to_string(i), result->state == SG_AUTH_STALE ? ", stale=true" : "");
    }
    return g_string_free(out, FALSE);
}
