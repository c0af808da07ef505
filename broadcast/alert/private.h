/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/alert/alert.h"

/* What alert.c, accept.c, sounding.c and report.c share. */
typedef struct BcAlertTask {   /* of one that waits or sounds */
    BcAlerts *alerts;
    BcAlert *alert;
    BcTimer timer, expiry;
    char *on;                  /* announcement on now */
    bool starting;             /* asked for, its id is not known yet */
    bool speaking;             /* the words are being made */
    bool mute;                 /* they cannot be */
    unsigned failures, live_failures;
} BcAlertTask;

struct BcAlerts {              /* g_rc_box: pending writes and callbacks hold it */
    BcAlertOptions o;
    char **languages, **geocode_names;
    char *all_clear_words, *attention_words;
    BcSirenRule *rules;
    BcCentres *centres;
    BcSigners *signers;
    MdLogger logger;
    GHashTable *by_id;
    GPtrArray *list;           /* BcAlert, oldest first, owned */
    GPtrArray *reports;        /* Later*: reports to be logged */
    bool quiet, gone;
};

static inline int64_t bc_alerts_now_us(const BcAlerts *alerts)
{
    return md_clock_wall_us(bc_timers_clock(alerts->o.timers));
}
static inline int64_t bc_alerts_mono_us(const BcAlerts *alerts)
{
    return md_clock_now_us(bc_timers_clock(alerts->o.timers));
}
void bc_alerts_unref(gpointer alerts);

BcAlert *bc_alert_new(const char *kind);
void bc_alert_free(gpointer alert);
BcAlert *bc_alert_parse(const char *json, GError **error);
char *bc_alert_format(const BcAlert *alert);
/* Takes the alerts of one message: stored in one transaction with its text, then entered; done gets the first. */
void bc_alerts_enter(BcAlerts *alerts, GPtrArray *parts /* BcAlert, taken */, const char *xml, BcAlertDoneFn done, void *user);
/* Writes what changed; nobody waits. */
void bc_alerts_save(BcAlerts *alerts, const BcAlert *alert);

/* accept.c: after the parts of a message are in: what they replace and call off. */
void bc_alerts_apply(BcAlerts *alerts, GPtrArray *parts);

/* sounding.c */
void bc_alert_begin(BcAlerts *alerts, BcAlert *alert);
/* Until when quiet hours keep it silent (wall), 0: they do not. */
int64_t bc_alert_quiet_until_us(const BcAlerts *alerts, const BcAlert *alert);
/* Ends it now, wherever it stands; safe on anything. */
void bc_alert_end(BcAlerts *alerts, BcAlert *alert, BcAlertState state, const char *reason);
void bc_alert_task_free(BcAlertTask *task);
/* areas: codes, comma-separated; NULL: those of the alert. */
void bc_alerts_all_clear(BcAlerts *alerts, const BcAlert *of, const char *areas, const char *words, const char *by, BcAlertDoneFn done, void *user);
/* report.c */
void bc_alerts_report_later(BcAlerts *alerts, const BcAlert *alert);
void bc_alerts_forget_reports(BcAlerts *alerts);
