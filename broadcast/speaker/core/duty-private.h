/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/speaker/core/duty.h"

/* Inside the desk only: duty.c decides, duty-show.c knows one thing that may sound, duty-manifest.c the timetable, duty-command.c the
 * orders, duty-clock.c whom to believe about the time, duty-state.c what outlives a power cut. */
#define BC_SECOND_US G_GINT64_CONSTANT(1000000)
#define BC_DAY_US (86400 * BC_SECOND_US)
#define BC_DUTY_REMEMBER_US (7 * BC_DAY_US) /* of what is over: as long as a manifest might still name it */

typedef struct BcShow {          /* one thing that may sound */
    const BcLinkItem *item;      /* in the manifest, or own */
    BcLinkLive *live;            /* own */
    BcLinkItem *own;             /* of a command */
    char *command;               /* its text, to be kept over a power cut; NULL of the manifest */
    int64_t issued_us;           /* of the command */
    int64_t origin_us;           /* first sample, of the siren if there is one */
    int64_t content_us;          /* first sample of the content */
    int64_t end_us;
    int64_t heard_us;            /* since when it sounds this time; 0 not yet */
    BcSirenPattern siren;
    unsigned siren_rounds;
    bool at_once;                /* no start of its own: content waits for its file */
    bool waiting;                /* ... and does so now: no origin yet */
    bool stored;                 /* its file is there, or it needs none */
    bool begun;                  /* has sounded at some time, in this life or one before */
    bool held;                   /* was kept from sounding by something higher, and may go on */
    bool over;
    bool line_test;
    bool lost;                   /* live: no packets */
    const char *hindrance;       /* why it does not sound, static; NULL by blocker */
    char *blocker;               /* occurrence of what is higher */
} BcShow;

typedef struct BcPast {          /* what is remembered of an occurrence */
    int64_t began_us;            /* 0 never */
    int64_t until_us;            /* remembered until then */
    bool over;
} BcPast;

struct BcDuty {
    char *device;
    BcDutyOps ops;
    BcLinkManifest manifest;
    bool has_manifest, stored_manifest;
    GTimeZone *zone;
    BcShow *timetable;           /* one per item of the manifest */
    GPtrArray *orders;           /* BcShow * */
    GHashTable *past;            /* occurrence -> BcPast */
    GHashTable *obeyed;          /* command id -> int64_t * until */
    BcShow *sounding;
    BcDutyNow now;
    uint64_t serials;
    int64_t boot_us, next_us, decided_us;
    int64_t stop_before_us, lead_us;
    int64_t volume_issued_us;
    int volume;                  /* ordered, -1 none */
    int64_t ticked_us;           /* the last tick, decided or not */
    BcDutyClock clock;
    bool unsettled;              /* the server's time has come, the timetable has not been held against it yet */
    bool dark;                   /* the timetable has rested because nobody knew the time */
    bool dirty, changed;
};

const char *bc_show_occurrence(const BcShow *show);
/* The last moment at which it may begin. Items only. */
int64_t bc_show_last_begin_us(const BcShow *show);
/* Over for so long that it is not even told any more. */
bool bc_show_forgotten(const BcShow *show, int64_t now_us);
/* Neither sounds nor ends now, because the time is not the server's. */
bool bc_duty_rests(const BcDuty *desk, const BcShow *show, int64_t now_us);
/* At every tick; at the first one by the server's time it takes back what a wrong clock has put down. */
void bc_duty_mind_clock(BcDuty *desk, int64_t now_us);
/* Origins are set: works out where content begins and all ends. */
void bc_show_measure(BcShow *show, bool stored);
void bc_show_free(BcShow *show);
/* False: a siren alone, no message after it. */
bool bc_show_has_content(const BcShow *show);
/* As the link has it: 1 emergency, 2 priority, 3 normal. */
unsigned bc_show_priority(const BcShow *show);
/* Which of two goes first: < 0 the first one. Total, so that every device decides alike. */
int bc_show_compare(const BcShow *a, const BcShow *b);
void bc_duty_remember(BcDuty *desk, const BcShow *show);
BcPast *bc_duty_recall(const BcDuty *desk, const char *occurrence);
/* Ends it for good; tells the news that fit. reason NULL: it came to its end. */
void bc_duty_finish(BcDuty *desk, BcShow *show, int64_t at_us, const char *reason);
bool bc_duty_stored(const BcDuty *desk, const BcShow *show);
/* A show of a command: item and live are copied. NULL with *ret_reason. */
BcShow *bc_duty_order(BcDuty *desk, const BcLinkCommand *command, int64_t now_us, const char **ret_reason);
void bc_duty_stop_before(BcDuty *desk, int64_t before_us, int64_t now_us, const char *reason);
/* News for the report; reason may be NULL, times 0. A line test is no news. */
void bc_duty_tell(BcDuty *desk, const BcShow *show, const char *state, const char *reason, int64_t from_us, int64_t to_us);
/* The desk has no manifest then. */
void bc_duty_clear_manifest(BcDuty *desk);
