/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys of a line: SDES and DTLS-SRTP, offered to us and answered to us. */
#include "mediad/leg/negotiate-private.h"

#include <string.h>

bool leg_make_key(MdNegotiator *negotiator, unsigned media, MdSrtpSuite suite, GError **error)
{
    if (negotiator->has_key[media][suite])
        return true;
    if (md_srtp_key_generate(suite, &negotiator->keys[media][suite]) < 0) {
        g_set_error_literal(error, MD_LEG_ERROR, MD_LEG_ERROR_RESOURCES, "no randomness for a media key");
        return false;
    }
    negotiator->has_key[media][suite] = true;
    return true;
}

static bool agree_sdes(MdNegotiator *negotiator, unsigned media, const MdSdpMedia *line, MdAgreedMedia *ret,
                       unsigned *ret_tag, GError **error)
{
    for (int suite = 0; suite < MD_SRTP_SUITE_MAX; suite++) /* our order: GCM first */
        for (unsigned c = 0; c < line->n_cryptos; c++)
            if ((int)line->cryptos[c].key.suite == suite) {
                if (!leg_make_key(negotiator, media, (MdSrtpSuite)suite, error))
                    return false;
                ret->security = MD_AGREED_SDES;
                ret->local_key = negotiator->keys[media][suite];
                ret->remote_key = line->cryptos[c].key;
                *ret_tag = line->cryptos[c].tag;
                return true;
            }
    return leg_not_acceptable(error, "no a=crypto line we understand");
}

static bool agree_dtls(const MdNegotiator *negotiator, unsigned media, const MdSdpMedia *line,
                       MdAgreedMedia *ret, GError **error)
{
    if (!negotiator->options.fingerprint)
        return leg_not_acceptable(error, "DTLS-SRTP is not spoken here");
    if (!line->fingerprint[0])
        return leg_not_acceptable(error, "no a=fingerprint we can check");
    const MdAgreedMedia *before = &negotiator->agreed.media[media];
    for (unsigned m = 0; negotiator->options.browser && !before->active && m < MD_LEG_MEDIA_MAX; m++)
        before = &negotiator->agreed.media[m]; /* one association for all lines */
    ret->security = MD_AGREED_DTLS;
    g_strlcpy(ret->fingerprint, line->fingerprint, sizeof ret->fingerprint);
    switch (line->setup) {
    case MD_SDP_SETUP_ACTIVE:
        ret->dtls_active = false;
        break;
    case MD_SDP_SETUP_PASSIVE:
        ret->dtls_active = true;
        break;
    default: /* actpass: we begin (RFC 5763, 5), unless an association is up that keeps its roles */
        ret->dtls_active = before->active && before->security == MD_AGREED_DTLS &&
                                   !strcmp(before->fingerprint, line->fingerprint)
                               ? before->dtls_active
                               : true;
    }
    return true;
}

bool leg_agree_offered_security(MdNegotiator *negotiator, unsigned media, const MdSdpMedia *line,
                                MdAgreedMedia *ret, unsigned *ret_tag, GError **error)
{
    MdSecurity policy = negotiator->options.security;
    ret->security = MD_AGREED_PLAIN;
    if (negotiator->options.browser)
        return md_sdp_proto_is_dtls(line->proto)
                   ? agree_dtls(negotiator, media, line, ret, error)
                   : leg_not_acceptable(error, "%s: browsers speak DTLS-SRTP", line->proto_text);
    if (policy == MD_SECURITY_OFF)
        return !md_sdp_proto_is_secure(line->proto) ||
               leg_not_acceptable(error, "%s: SRTP is switched off here", line->proto_text);
    if (md_sdp_proto_is_dtls(line->proto))
        return agree_dtls(negotiator, media, line, ret, error);
    if (line->n_cryptos)
        return agree_sdes(negotiator, media, line, ret, ret_tag, error);
    if (line->fingerprint[0] && line->setup != MD_SDP_SETUP_NONE && negotiator->options.fingerprint)
        return agree_dtls(negotiator, media, line, ret, error);
    if (md_sdp_proto_is_secure(line->proto))
        return leg_not_acceptable(error, "%s without an a=crypto line we understand", line->proto_text);
    if (policy == MD_SECURITY_REQUIRED)
        return leg_not_acceptable(error, "SRTP is required here, %s was offered", line->proto_text);
    return true;
}

bool leg_agree_answered_security(const MdNegotiator *negotiator, unsigned media, const MdLine *ours,
                                 const MdSdpMedia *line, MdAgreedMedia *ret, GError **error)
{
    ret->security = MD_AGREED_PLAIN;
    if (md_sdp_proto_is_dtls(ours->proto)) {
        if (line->setup == MD_SDP_SETUP_ACTPASS || line->setup == MD_SDP_SETUP_NONE)
            return leg_not_acceptable(error, "the answer has neither a=setup:active nor passive");
        return agree_dtls(negotiator, media, line, ret, error);
    }
    for (unsigned c = 0; negotiator->options.security != MD_SECURITY_OFF && c < line->n_cryptos; c++) {
        const MdSdpCrypto *crypto = &line->cryptos[c];
        /* Of a suite that our offers do not name the peer cannot have our key. */
        if (!negotiator->has_key[media][crypto->key.suite] ||
            crypto->key.suite == MD_SRTP_AES_CM_128_HMAC_SHA1_32)
            continue;
        ret->security = MD_AGREED_SDES;
        ret->local_key = negotiator->keys[media][crypto->key.suite];
        ret->remote_key = crypto->key;
        return true;
    }
    if (negotiator->options.security == MD_SECURITY_REQUIRED || md_sdp_proto_is_secure(line->proto))
        return leg_not_acceptable(error, "the answer has no a=crypto line that fits our offer");
    return true;
}
