/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <libxml/tree.h>
#include "broadcast/types.h"

/* An authority whose certificates are believed, and looking for those in a message. Any one thread. */
typedef struct BcAuthority BcAuthority;

/* PEM with lines "only: COMMON NAME" before it. NULL: *ret_fault says what is wrong, static. */
BcAuthority *bc_authority_new(const char *pem, gsize len, const char **ret_fault);
void bc_authority_free(BcAuthority *authority);
/* The certificates (PEM, owned; their common names in *ret_names, as many) among those of <KeyInfo> that this authority vouches for; unref both. */
GPtrArray *bc_authority_find(const BcAuthority *authority, const xmlNode *signature, GPtrArray **ret_names);
