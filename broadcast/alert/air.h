/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/alert/alert.h"

/* Alerts on the air: BcAlertOps on a BcBroadcast. Sirens are calculated once, kept as recordings and found again by their hash; so
 * are the words "attention". Control thread. */
typedef struct BcAlertAir BcAlertAir;
typedef struct BcAlertAirOptions {
    BcBroadcast *broadcast;
    double quiet_lufs;            /* loudness of what is not real, 0: -36 */
    const char *const *ready;     /* words that are always there; with "!" before them the quiet ones */
    void (*event)(const char *type, const BcAlert *alert, void *user); /* handed through */
    /* Spells words as they are spoken, for the areas' dictionary; g_free. NULL: as they are. */
    char *(*pronounce)(const char *text, void *user);
    void *user;
    const MdLogger *logger;
} BcAlertAirOptions;
BcAlertAir *bc_alert_air_new(const BcAlertAirOptions *options);
/* Callbacks that have not come do not come any more. */
void bc_alert_air_free(BcAlertAir *air);
void bc_alert_air_ops(BcAlertAir *air, BcAlertOps *ret);
/* Makes the sirens and the ready words that are not there, one after the other; in the background. */
void bc_alert_air_prepare(BcAlertAir *air);
