/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include "mediad/core/log.h"
#include "mediad/core/media.h"
#include "mediad/store/store.h"

/* SIP accounts: who may register and call. Control thread only. Passwords are never kept: only the digest secrets
 * HA1 = H(name:realm:password) for MD5 (RFC 2617) and SHA-256 (RFC 8760), so the realm may not change later. */
typedef struct SgAccounts SgAccounts;

#define SG_ACCOUNT_NAME_MAX 64
#define SG_ACCOUNT_TEXT_MAX 256      /* display, role, area: UTF-8 bytes */
#define SG_ACCOUNT_BINDINGS_DEFAULT 5
#define SG_ACCOUNT_BINDINGS_MAX 50
#define SG_PASSWORD_MIN 8            /* bytes, for passwords chosen by people */
#define SG_PASSWORD_MAX 128

typedef enum SgAccountKind {
    SG_ACCOUNT_SITE,
    SG_ACCOUNT_LOUDSPEAKER,
    SG_ACCOUNT_OPERATOR,
    SG_ACCOUNT_TRUNK,
    SG_ACCOUNT_KIND_MAX,
    SG_ACCOUNT_KIND_INVALID = -1,
} SgAccountKind;
const char *sg_account_kind_to_string(SgAccountKind kind);
SgAccountKind sg_account_kind_from_string(const char *name);

/* Digest algorithms, as a set of flags. 0 in an account: what the listener offers. */
enum { SG_DIGEST_MD5 = 1, SG_DIGEST_SHA256 = 2, SG_DIGEST_ANY = 3 };

typedef struct SgAccount {           /* strings belong to whoever made the struct */
    const char *name;                /* [A-Za-z0-9._+-]{1,64}; user part of its SIP address */
    const char *display;             /* "" none */
    const char *role;                /* what it may be in a room, as the room's text ("site", "chair" …); "" none */
    const char *area;                /* area code of the commune or village; "" none */
    SgAccountKind kind;
    MdSecurity security;             /* media policy; MD_SECURITY_INVALID: the listener's */
    unsigned digests;                /* SG_DIGEST_* accepted, 0: the listener's */
    unsigned bindings_max;           /* 0: SG_ACCOUNT_BINDINGS_DEFAULT */
    bool disabled;
} SgAccount;

#define SG_ERROR (sg_error_quark())
GQuark sg_error_quark(void);
typedef enum SgError {
    SG_ERROR_INVALID,                /* a name, text, number or URI out of range */
    SG_ERROR_EXISTS,
    SG_ERROR_NOT_FOUND,
    SG_ERROR_NOT_REGISTERED,
    SG_ERROR_LIMIT,                  /* too many accounts, calls … */
    SG_ERROR_NETWORK,                /* bind, TLS files, resolving */
    SG_ERROR_STORE,
} SgError;

/* Reads every account from the store. realm: the SIP domain. NULL + error. store may be NULL in tests (nothing is kept). */
SgAccounts *sg_accounts_new(MdStore *store, const char *realm, const MdLogger *logger, GError **error);
void sg_accounts_free(SgAccounts *accounts);
const char *sg_accounts_realm(const SgAccounts *accounts);
unsigned sg_accounts_count(const SgAccounts *accounts);

/* Makes the account when it is not there yet, with a random password; *ret_password is then that password (g_free; the only time it is
 * ever shown), else NULL. An existing account keeps its password and takes over the other fields when they differ. */
bool sg_accounts_ensure(SgAccounts *accounts, const SgAccount *account, char **ret_password, GError **error);
/* password NULL: a random one, returned in *ret_password (may be NULL when password is given). EXISTS when it is there. */
bool sg_accounts_create(SgAccounts *accounts, const SgAccount *account, const char *password, char **ret_password, GError **error);
/* Everything but the password. NOT_FOUND. */
bool sg_accounts_update(SgAccounts *accounts, const SgAccount *account, GError **error);
/* A new password (NULL: random). NOT_FOUND. */
bool sg_accounts_reset(SgAccounts *accounts, const char *name, const char *password, char **ret_password, GError **error);
bool sg_accounts_delete(SgAccounts *accounts, const char *name, GError **error);
/* Straight after one of the four above: done (perhaps before this returns) when that change is on the disk, or SG_ERROR_STORE when the
 * store refused it. A refused new account is taken back, a refused removal undone; a refused change stays in force until the next
 * start, and asking for it again writes it again. */
void sg_accounts_when_saved(SgAccounts *accounts, void (*done)(const GError *error, void *user), void *user);
/* Borrowed, valid until the next change; NULL: no such account. */
const SgAccount *sg_accounts_find(const SgAccounts *accounts, const char *name);
/* In name order; borrowed SgAccount*, valid until the next change; unref the array. */
GPtrArray *sg_accounts_list(const SgAccounts *accounts);
bool sg_account_name_is_valid(const char *name);

/* Tables sip_accounts and sip_bindings; numbers 200-299. */
extern const MdMigration sg_migrations[];
extern const unsigned sg_n_migrations;
