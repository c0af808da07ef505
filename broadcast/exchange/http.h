/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/exchange/central.h"

/* BcExchangeOps over HTTPS, and fetching recordings that bulletins name. Certificates are always verified; no redirects. Control thread. */
typedef struct BcExHttp BcExHttp;

typedef struct BcExHttpOptions { /* strings are copied */
    const char *base;            /* "https://host:port", no path; http:// for loopback addresses only */
    const char *ca_file;         /* PEM; NULL: the system's authorities */
    unsigned timeout_s;          /* 30 */
    gsize answer_max;            /* bytes: 4 MiB */
    const char *const *media_hosts; /* where recordings may be fetched from, besides the host of base */
    gsize media_max;             /* bytes: 200 MiB */
    const MdLogger *logger;
} BcExHttpOptions;

BcExHttp *bc_ex_http_new(const BcExHttpOptions *options, GError **error);
void bc_ex_http_free(BcExHttp *http); /* calls under way end first, with an error */
BcExchangeOps bc_ex_http_ops(BcExHttp *http);

/* May this be fetched: an http(s) address on one of the hosts. */
bool bc_ex_http_may_fetch(const BcExHttp *http, const char *url);
/* To a temporary file, which whoever gets it removes. */
typedef void (*BcExFetchedFn)(const char *path, const GError *error, void *user);
void bc_ex_http_fetch(BcExHttp *http, const char *url, const char *dir, BcExFetchedFn done, void *user);
