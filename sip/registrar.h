/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/auth.h"
#include "sip/location.h"

/* Decides a REGISTER: who, which bindings, what answer. No sockets and no clock inside. SIP thread. */
typedef struct SgRegistrarOptions {
    SgAuth *auth;
    SgLocation *location;
    SgGuard *guard;              /* NULL none */
    SgStats *stats;
    const MdLogger *logger;      /* NULL none */
    unsigned expires_min_s, expires_max_s, expires_default_s;
    bool (*is_ours)(const struct pl *host, void *user);
    void (*reply)(const struct sip_msg *msg, const SgFlow *flow, int code, const char *reason, const char *extra, void *user);
    /* type as in SgEventFn; strings valid during the call only */
    void (*event)(const char *type, const char *account, const char *detail, void *user);
    void *user;
} SgRegistrarOptions;

typedef struct SgRegistrar SgRegistrar;
SgRegistrar *sg_registrar_new(const SgRegistrarOptions *options);
void sg_registrar_free(SgRegistrar *registrar);
/* Accounts as they are from now on (takes them over): what is bound to one that is gone, disabled or has another password goes out. */
void sg_registrar_publish(SgRegistrar *registrar, SgSnapshot *snapshot);
void sg_registrar_register(SgRegistrar *registrar, const struct sip_msg *msg, const SgFlow *flow, unsigned offered, int64_t now_us,
                           int64_t wall_us);
/* For any request: OK or REPEATED returns the account; otherwise it was answered with 401 and blame was laid. */
const SgCredential *sg_registrar_authenticate(SgRegistrar *registrar, const struct sip_msg *msg, const SgFlow *flow, unsigned offered,
                                              int64_t now_us, bool *ret_repeated);
