/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICE sessions as control sees them. */
#include "mediad/transport/ice-private.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 256 /* on their way to the worker: more than any browser sends within a tick */
#define RELAYED 128

MdIce *ice_ref(MdIce *ice)
{
    atomic_fetch_add_explicit(&ice->refs, 1, memory_order_relaxed);
    return ice;
}

void ice_unref(MdIce *ice)
{
    if (atomic_fetch_sub_explicit(&ice->refs, 1, memory_order_acq_rel) != 1)
        return;
    ice_packet_free_route(ice->route);
    md_ring_free(ice->in);
    md_ring_free(ice->out);
    OPENSSL_cleanse(ice, sizeof *ice);
    free(ice);
}

/* ice-char (RFC 8839, 5.4); 6 bits of randomness each. */
static bool random_text(char *ret, size_t len)
{
    static const char chars[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[ICE_PASSWORD_LEN];
    if (RAND_bytes(bytes, (int)len) != 1)
        return false;
    for (size_t i = 0; i < len; i++)
        ret[i] = chars[bytes[i] & 63];
    ret[len] = 0;
    return true;
}

MdIce *md_ice_new(const MdIceOptions *options)
{
    MdIceService *service = options->service;
    if (atomic_fetch_add(&service->n_sessions, 1) >= service->max_sessions) {
        atomic_fetch_sub(&service->n_sessions, 1);
        errno = EAGAIN;
        return NULL;
    }
    MdIce *ice = calloc(1, sizeof *ice);
    if (ice) {
        atomic_init(&ice->refs, 2); /* control's and the worker's */
        atomic_init(&ice->holders, 2);
        ice->service = service;
        ice->options = *options;
        ice->in = md_ring_new(sizeof(IcePacket), PACKETS);
        ice->out = service->n_relays ? md_ring_new(sizeof(IcePacket), RELAYED) : NULL;
    }
    if (ice && ice->in && (ice->out || !service->n_relays) && random_text(ice->ufrag, ICE_UFRAG_LEN) &&
        random_text(ice->password, ICE_PASSWORD_LEN) && ice_command(ice, ICE_COMMAND_OPEN, NULL, NULL, NULL, 0) == 0)
        return ice;
    atomic_fetch_sub(&service->n_sessions, 1);
    if (ice) {
        ice_unref(ice);
        ice_unref(ice);
    }
    errno = ENOMEM;
    return NULL;
}

/* The last of control and worker to let go wakes the ICE thread: no letter that a full box could refuse. */
void ice_let_go(MdIce *ice)
{
    MdIceService *service = ice->service;
    if (atomic_fetch_sub(&ice->holders, 1) == 1) {
        atomic_store(&service->some_ended, true);
        md_mailbox_wake(service->commands);
    }
    ice_unref(ice);
}

void md_ice_close(MdIce *ice)
{
    if (!ice)
        return;
    ice->closed = true;
    ice_let_go(ice);
}

const char *md_ice_ufrag(const MdIce *ice)
{
    return ice->ufrag;
}

const char *md_ice_password(const MdIce *ice)
{
    return ice->password;
}

static bool credential_ok(const char *text, size_t min)
{
    size_t len = text ? strnlen(text, MD_ICE_CREDENTIAL_MAX + 1) : 0;
    if (len < min || len > MD_ICE_CREDENTIAL_MAX)
        return false;
    for (const char *p = text; *p; p++)
        if (!g_ascii_isalnum(*p) && *p != '+' && *p != '/')
            return false;
    return true;
}

int md_ice_set_remote(MdIce *ice, const char *ufrag, const char *password)
{
    if (!credential_ok(ufrag, 4) || !credential_ok(password, 22))
        return -EINVAL;
    return ice_command(ice, ICE_COMMAND_REMOTE, ufrag, password, NULL, 0);
}

int md_ice_add_remote(MdIce *ice, const char *line)
{
    bool usable;
    if (g_str_has_prefix(line, "a="))
        line += 2;
    if (*line && !md_ice_candidate_check(line, &usable))
        return -EINVAL;
    if (*line && ++ice->n_remote > MD_ICE_REMOTE_CANDIDATES)
        return -ENOSPC;
    return ice_command(ice, ICE_COMMAND_CANDIDATE, NULL, NULL, line, strlen(line));
}

int md_ice_restart(MdIce *ice)
{
    if (!random_text(ice->ufrag, ICE_UFRAG_LEN) || !random_text(ice->password, ICE_PASSWORD_LEN))
        return -EIO;
    ice->n_remote = 0;
    return ice_command(ice, ICE_COMMAND_RESTART, ice->ufrag, ice->password, NULL, 0);
}

int md_ice_send_control(MdIce *ice, const uint8_t *data, size_t len)
{
    if (len > MD_ICE_PACKET_MAX)
        return -EMSGSIZE;
    return ice_command(ice, ICE_COMMAND_SEND, NULL, NULL, data, len);
}
