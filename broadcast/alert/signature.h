/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/types.h"

/* XML signatures (W3C xmldsig) of whole messages: one <Signature> that is a child of the root, one reference with URI="", the
 * enveloped transform and canonicalisation only. So what was signed is all there is: nothing can be wrapped around it. Keys are
 * pinned: public keys and certificates (PEM) in a folder, nothing in the message is believed. Except: NAME.ca.pem is an authority; a
 * certificate that the message brings counts when that authority has made it, itself or through others it brings, when all are valid now and may
 * sign, and when its common name is in a line "only: COMMON NAME" before the authority's certificate (no such line: every one of it). Any one
 * thread. */
#define BC_SIGNER_CHAIN_MAX 8u /* certificates a message brings */
#define BC_SIGNERS_MAX 64u

typedef enum BcSignature { BC_SIGNATURE_NONE, BC_SIGNATURE_GOOD, BC_SIGNATURE_BAD } BcSignature;

typedef struct BcSigners BcSigners;
/* Files NAME.pem; unreadable and expired ones are told in ret_warnings (strv, may be empty) and left out. dir NULL: none. */
BcSigners *bc_signers_new(const char *dir, char ***ret_warnings, GError **error);
void bc_signers_free(BcSigners *signers);
unsigned bc_signers_count(const BcSigners *signers);
/* BAD: error says why. GOOD: *ret_signer is the file's name without ".pem", of an authority "NAME (COMMON NAME)"; g_free. */
BcSignature bc_signature_check(const BcSigners *signers, const char *text, gsize len, char **ret_signer, GError **error);
