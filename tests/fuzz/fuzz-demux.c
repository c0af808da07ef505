/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first look at a datagram on a media port, and what a DTLS association does with it. */
#include <stdlib.h>

#include "mediad/transport/demux.h"
#include "mediad/transport/dtls.h"
#include "tests/fuzz/fuzz.h"

static void nowhere(const uint8_t *data, size_t len, void *user)
{
    if (len > 1200)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static MdDtlsIdentity *identity;
    if (!identity)
        identity = md_dtls_identity_new();
    MdPacketKind kind = md_demux(data, size);
    if (!md_packet_kind_to_string(kind))
        abort();
    if (md_stun_is_valid(data, size) != (kind == MD_PACKET_STUN))
        abort();
    if (md_dtls_is_client_hello(data, size) && kind != MD_PACKET_DTLS)
        abort();
    if (kind != MD_PACKET_DTLS)
        return 0;
    MdDtlsOptions options = {.identity = identity, .peer_fingerprint = md_dtls_identity_fingerprint(identity), .send = nowhere};
    MdDtls *dtls = md_dtls_new(&options);
    md_dtls_input(dtls, data, size);
    md_dtls_input(dtls, data, size);
    if (md_dtls_state(dtls) == MD_DTLS_CONNECTED)
        abort();
    md_dtls_free(dtls);
    return 0;
}
