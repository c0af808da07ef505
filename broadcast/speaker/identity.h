/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/link/jws.h"

/* Who this loudspeaker is and whom it believes, as kept in state_dir/identity since its enrolment; all files 0600. */
typedef struct BcIdentity {
    char *device, *broker_host, *media_base, *token; /* NULL: unknown */
    int broker_port;
    char *ca, *certificate, *key, *server_ca; /* paths; NULL where there is no such file */
    BcTrust *trust;                 /* NULL: nobody is believed yet */
    char *jwks;                     /* as text */
} BcIdentity;

/* What is not there is NULL: a device may be set up by its settings alone. */
BcIdentity *bc_identity_open(const char *state_dir, GError **error);
void bc_identity_free(BcIdentity *identity);
/* A new key and certificate (files beside the present ones in folder) until they have worked. */
#define BC_NEXT_KEY "next-key.pem"
#define BC_NEXT_CERTIFICATE "next-certificate.pem"
/* They take the place of the present ones. A power cut between is mended at the next opening. */
bool bc_identity_take_next(const char *folder, GError **error);
void bc_identity_drop_next(const char *folder);

/* A key set published by the server. Signed by a key believed already (typ "mediad-keys") it takes the place of the present one, durably;
 * anything else is refused, unless it is what is believed anyway. *ret_changed. */
bool bc_identity_keys(BcIdentity *identity, const char *state_dir, const char *text, gsize len, bool *ret_changed, GError **error);
