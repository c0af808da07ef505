/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <libsoup/soup.h>
#include "broadcast/speaker/shelf.h"

/* Fetches what the shelf wants, one file at a time, over HTTP(S): goes on where it stopped (Range), checks the hash, survives a full disk
 * and a network that comes and goes. Control thread. */
typedef struct BcFetch BcFetch;
typedef struct BcFetchOptions {
    BcShelf *shelf;              /* borrowed */
    const char *ca_file;         /* NULL: the system's */
    const char *token;           /* bearer, NULL none */
    int64_t (*clock)(void *user);
    void (*arrived)(const char *sha256, void *user);
    void (*trouble)(const char *sha256, const char *what, void *user); /* each failed try */
    void *user;
} BcFetchOptions;
BcFetch *bc_fetch_new(const BcFetchOptions *options, GError **error);
void bc_fetch_free(BcFetch *fetch);
/* "": paths are whole addresses. */
void bc_fetch_set_base(BcFetch *fetch, const char *media_base);
/* The wants changed, or it is worth trying again. */
void bc_fetch_go(BcFetch *fetch);
