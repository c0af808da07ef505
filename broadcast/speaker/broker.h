/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/link/protocol.h"

/* This device's connection to the MQTT broker, on a thread of its own: what arrives comes to the control thread in order, with the moment
 * it arrived. It comes back by itself. */
typedef struct BcBroker BcBroker;
typedef struct BcBrokerOptions { /* texts are copied */
    const char *device, *host;
    int port;
    bool tls;
    const char *ca, *certificate, *key; /* PEM files */
    void (*message)(const char *what, const char *text, gsize len, int64_t mono_us, void *user); /* what: "command" …; text ends with NUL */
    void (*changed)(bool up, const char *why, void *user);
    void *user;
} BcBrokerOptions;
BcBroker *bc_broker_new(const BcBrokerOptions *options, GError **error);
void bc_broker_free(BcBroker *broker);
bool bc_broker_up(const BcBroker *broker);
/* what: "state" … under up/ID. Not sent while it is down: state is said anew then, the rest is kept by its owner. */
bool bc_broker_say(BcBroker *broker, const char *what, const char *text, int qos, bool retain);
/* Everything retained once more. */
void bc_broker_again(BcBroker *broker);
