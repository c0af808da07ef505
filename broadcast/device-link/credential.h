/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/device-link/ca.h"
#include "broadcast/types.h"

/* Who may speak on the device link: one-time codes, certificates given out, tokens for fetching media. Codes and tokens are stored hashed.
 * Control thread; counted (g_rc_box): a pending write holds it. */
typedef struct BcCredentials BcCredentials;

typedef struct BcCredential {   /* of one device; strings owned here */
    const char *device, *serial;
    int64_t issued_us, expires_us;
} BcCredential;

BcCredentials *bc_credentials_new(MdStore *store, BcCa *ca, GError **error); /* ca is borrowed and must outlive it */
void bc_credentials_unref(BcCredentials *credentials);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcCredentials, bc_credentials_unref)

unsigned bc_credentials_count(const BcCredentials *credentials);
const BcCredential *bc_credentials_find(const BcCredentials *credentials, const char *device); /* NULL: never enrolled, or withdrawn */
const char *bc_credentials_token_owner(const BcCredentials *credentials, const char *token);   /* NULL: nobody's */

/* A code for device that lives until expires_us; a former one no longer counts. done gets it once it is durable. */
typedef void (*BcCodeFn)(const char *code, const GError *error, void *user);
void bc_credentials_make_code(BcCredentials *credentials, const char *device, const char *who, int64_t expires_us, BcCodeFn done, void *user);

typedef struct BcEnrolled { const char *certificate, *token, *serial; int64_t expires_us; } BcEnrolled;
typedef void (*BcEnrolledFn)(const BcEnrolled *enrolled, const GError *error, void *user);
/* Uses the code up; the device's former certificate and token are withdrawn. Refused: NOT_FOUND for an unknown, used or expired code (which of
 * them is not told), INVALID for the request. */
void bc_credentials_enrol(BcCredentials *credentials, const char *device, const char *code, const char *request, gsize len, unsigned days,
                          int64_t now_us, BcEnrolledFn done, void *user);
/* Told when a device has a certificate that it had not (now), and when one counts no more (former), once the broker has been told. */
typedef void (*BcCredentialChangedFn)(const char *device, bool former, bool now, void *user);
void bc_credentials_set_changed(BcCredentials *credentials, BcCredentialChangedFn changed, void *user);
/* A further certificate for who has one (the token stays): the former ones count until bc_credentials_in_use tells that the new one is used.
 * LIMIT: within ten minutes of the last, or too many that were never used. The answer goes to what bc_credentials_set_renewed has named. */
void bc_credentials_renew(BcCredentials *credentials, const char *device, const char *request, gsize len, unsigned days, int64_t now_us);
typedef void (*BcRenewedFn)(const char *device, const BcEnrolled *renewed, const GError *error, void *user);
void bc_credentials_set_renewed(BcCredentials *credentials, BcRenewedFn renewed, void *user);
/* The device uses this one of its certificates: those made before are withdrawn. Any other serial: nothing. */
void bc_credentials_in_use(BcCredentials *credentials, const char *device, const char *serial, int64_t now_us);
unsigned bc_credentials_ending(const BcCredentials *credentials, int64_t before_us); /* how many end before that */
void bc_credentials_withdraw(BcCredentials *credentials, const char *device, int64_t now_us, BcDoneFn done, void *user);
