/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include "mediad/core/clock.h"
#include "mediad/core/log.h"

/* mediad's one connection to the MQTT broker, on a thread of its own. What arrives is handed to control in order; clock questions are
 * answered there and then. It comes back by itself after every loss, after half a second at first, every eight in the end. */
typedef struct BcConnection BcConnection;

typedef struct BcConnectionOptions { /* strings are copied; callbacks run on the main context of whoever made it */
    const char *host;
    uint16_t port;
    bool plain;
    const char *ca, *certificate, *key; /* PEM files, unless plain */
    void (*on_message)(const char *topic, const void *data, gsize len, void *user);
    void (*on_change)(bool connected, const char *why, void *user);
    void *user;
    const MdClock *clock;
    const MdLogger *logger;
} BcConnectionOptions;

BcConnection *bc_connection_new(const BcConnectionOptions *options, GError **error);
void bc_connection_free(BcConnection *connection); /* no callback runs afterwards */
bool bc_connection_up(const BcConnection *connection);
/* false: the broker is away, or too much is on its way already; nothing was sent. */
bool bc_connection_publish(BcConnection *connection, const char *topic, const void *data, gsize len, int qos, bool retain);

typedef struct BcConnectionStats { uint64_t published, received, clocks, dropped, reconnects; unsigned waiting; } BcConnectionStats;
void bc_connection_stats(BcConnection *connection, BcConnectionStats *ret);
