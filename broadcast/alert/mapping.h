/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/alert/cap.h"
#include "broadcast/link/protocol.h"

/* Which siren an alert gets, how often it is said, and the words. Pure functions; any thread. */
typedef struct BcSirenRule {     /* NULL and "": anything */
    const char *event;           /* glob, tried on the event and on its codes' values, letter case aside: "*flood*" */
    const char *severity, *urgency, *certainty; /* words of the standard, "|" between several */
    const char *siren;           /* "none", "chime", "storm", "flood", "urgent" */
    unsigned rounds;             /* of the siren, 1..3; 0: 1 */
    const char *priority;        /* "emergency", "priority", "normal" */
    unsigned repeats;            /* siren and words, so often; 1..BC_ALERT_REPEATS_MAX */
    unsigned interval_s;         /* from the end of one to the next */
} BcSirenRule;
#define BC_ALERT_REPEATS_MAX 20u

typedef struct BcSounding {      /* what comes of it */
    BcSirenPattern siren;
    unsigned rounds;
    BcPriority priority;
    unsigned repeats, interval_s;
} BcSounding;

/* The first rule that fits; without rules those built in (domain: storm, flood, urgent). */
void bc_siren_choose(const BcSirenRule *rules, unsigned n, const BcCapInfo *info, BcSounding *ret);
/* "none", "chime", "storm", "flood", "urgent", "drill", "all-clear"; BcSirenPattern, -1 unknown. */
int bc_alert_siren_from_string(const char *name);
const char *bc_alert_siren_to_string(int siren);

/* What is said: headline, description, instruction, each once, as sentences; at most
 * BC_SPEECH_TEXT_MAX bytes. g_free. */
typedef enum BcSaid { BC_SAID_ACTUAL, BC_SAID_EXERCISE, BC_SAID_DRILL, BC_SAID_TEST } BcSaid;
char *bc_alert_words(BcSaid said, const char *headline, const char *description, const char *instruction);
/* Everything that was said, that an officer may hear what it is about: title of at most 200 bytes. g_free. */
char *bc_alert_title(BcSaid said, const char *headline, const char *event);
