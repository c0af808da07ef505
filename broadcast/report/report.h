/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/area.h"
#include "broadcast/device.h"

/* What was asked for and what was heard in a period, per area or per loudspeaker. Read from the play log a slice at a time on the store
 * thread, so that other writes go on in between. Drills are counted apart. Control thread. */

typedef enum BcReportBy { BC_REPORT_BY_COMMUNE, BC_REPORT_BY_AREA, BC_REPORT_BY_DEVICE } BcReportBy; /* commune: the areas just below a root */

/* Why something was not heard, or not whole. */
typedef enum BcMiss {
    BC_MISS_UNREACHABLE,  /* not registered, offline, no answer */
    BC_MISS_BUSY,
    BC_MISS_REFUSED,      /* the loudspeaker said no */
    BC_MISS_PREEMPTED,    /* something more urgent took it */
    BC_MISS_STOPPED,      /* somebody stopped it */
    BC_MISS_LATE,         /* joined late, expired, no time left */
    BC_MISS_NETWORK,      /* sound was lost on the way */
    BC_MISS_SERVER,       /* mediad was interrupted */
    BC_MISS_OTHER,
    BC_MISS_MAX,
} BcMiss;
const char *bc_miss_to_string(BcMiss miss); /* "unreachable" … */
BcMiss bc_miss_of(const char *reason);      /* the words of the play log; NULL: other */

#define BC_REPORT_DAYS_MAX 92

typedef struct BcReportRow {
    const char *key, *name, *area;   /* area: of a loudspeaker the area's name, else "" */
    unsigned devices;                /* loudspeakers in it today */
    uint64_t requested, played, partial, missed, proved, urgent, urgent_heard;
    uint64_t missed_why[BC_MISS_MAX]; /* of partial and missed */
    int64_t requested_us, air_us;    /* sound asked for, sound heard */
    uint64_t started;                /* plays whose first sound is known */
    int64_t late_p50_ms, late_p99_ms; /* first sound after the planned start; may be negative; 0 when none */
} BcReportRow;

typedef struct BcReportDay {        /* 24 hours, the first from from_us on */
    uint64_t requested, played, partial, missed;
} BcReportDay;

typedef struct BcReport {
    int64_t from_us, to_us;
    BcReportBy by;
    char *title;                     /* name of the area, "" the whole province */
    GPtrArray *rows;                 /* of BcReportRow*, by key */
    BcReportRow total;
    uint64_t announcements, drills;
    BcReportDay days[BC_REPORT_DAYS_MAX];
    unsigned n_days;                 /* of the period, the last may be shorter */
} BcReport;
void bc_report_free(BcReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcReport, bc_report_free)

typedef struct BcReportSpec {
    MdStore *store;
    const BcAreas *areas;
    const BcDevices *devices;
    int64_t from_us, to_us;          /* wall, of the planned starts: from <= start < to */
    const char *under;               /* area; NULL: everywhere */
    const char *vendor;              /* only that make's loudspeakers; NULL: all */
    BcReportBy by;
} BcReportSpec;
/* done gets the report (bc_report_free) or NULL and the error: INVALID (period), LIMIT (too many at one time), or the store's. */
typedef void (*BcReportFn)(BcReport *report, const GError *error, void *user);
void bc_report_run(const BcReportSpec *spec, BcReportFn done, void *user);

/* A row of a report in a table for people: "vi" or "en". Values are RFC 4180, UTF-8 with a byte order mark (spreadsheets ask for it). g_free. */
char *bc_report_csv(const BcReport *report, const char *language);
/* A page to print: no scripts, nothing from elsewhere. zone: for the dates. g_free. */
char *bc_report_page(const BcReport *report, const char *language, const char *zone);
/* Share of what was asked for that was heard at least in part, 0..1; 1 when nothing was asked for. */
double bc_report_share(const BcReportRow *row);
