/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <json-glib/json-glib.h>
#include "broadcast/alert/mapping.h"
#include "broadcast/alert/region.h"
#include "broadcast/alert/signature.h"
#include "broadcast/broadcast.h"
#include "broadcast/timers.h"

/* Alerts and what becomes of them: taken in once, stored before they are acknowledged, sounded until they have been said, expired,
 * replaced or called off, and measured. Nothing here plays: it asks whoever implements BcAlertOps (air.h on a BcBroadcast). Control
 * thread. Times are wall microseconds. */
typedef struct BcAlerts BcAlerts;

typedef enum BcAlertState {
    BC_ALERT_STORED,      /* noted, nothing sounds: System, Draft, Test, acknowledgements */
    BC_ALERT_WAITING,     /* for the time it takes effect */
    BC_ALERT_SOUNDING,    /* from its siren to its last repeat */
    BC_ALERT_DONE,        /* said as often as it should */
    BC_ALERT_STOPPED,     /* by somebody */
    BC_ALERT_SUPERSEDED,  /* by an update */
    BC_ALERT_CANCELLED,   /* by a cancel or an all-clear */
    BC_ALERT_EXPIRED,
    BC_ALERT_STATE_MAX,
} BcAlertState;
const char *bc_alert_state_to_string(BcAlertState state); /* "stored", "waiting" … */

typedef enum BcAlertPhase { /* of one round */
    BC_ALERT_PAUSE,       /* until next_us */
    BC_ALERT_LEAD,        /* siren and the words "attention", while the speech is made */
    BC_ALERT_SPEECH,      /* being made; the siren is over */
    BC_ALERT_WORDS,       /* the words, or siren and words in one */
} BcAlertPhase;

typedef struct BcAlert {  /* strings owned, NULL: not said */
    char *id;
    char *kind;           /* "cap", "emergency", "drill", "all-clear" */
    char *source;         /* name of the source; account of an emergency */
    char *identifier, *sender; /* of the message; our own for others */
    int64_t sent_us;
    int64_t part;         /* 0, 1 … of a message with several infos */
    char *status, *msg_type; /* words of the standard */
    char *references;     /* "sender,identifier,sent_us" and blanks between */
    char *event, *headline, *words, *severity, *urgency, *certainty, *language, *signer, *note;
    char *areas;          /* codes, comma-separated */
    char *content;        /* recording of the words, once it is made */
    char *room, *url;     /* live instead of words */
    char *created_by;
    int64_t siren, rounds, priority, authority, repeats, interval_us;
    int64_t received_us, begin_us, expires_us, ended_us;
    int64_t state, phase, done_rounds, next_us;
    char *reason;         /* of the state */
    char *announcements;  /* ids, comma-separated, oldest first */
    /* running only */
    struct BcAlertTask *task;
    int64_t stored_rounds; /* what the store knows of done_rounds: this is told */
} BcAlert;
#define BC_ALERTS_MAX 5000u          /* in memory: the newest */
#define BC_ALERTS_OPEN_MAX 100u     /* of one source at once, waiting or sounding */
#define BC_ALERT_ANNOUNCEMENTS_MAX 64u

/* Nothing is heard that is not real at full loudness, and nothing real is said softly. */
static inline bool bc_alert_is_real(const BcAlert *alert)
{
    return g_strcmp0(alert->status, "Actual") == 0;
}
JsonObject *bc_alert_to_json(const BcAlert *alert);

typedef struct BcAlertSpeech {
    const char *text, *title;
    bool quiet;                      /* exercise, drill, test */
} BcAlertSpeech;
typedef void (*BcAlertMadeFn)(const char *content, const GError *error, void *user);

typedef struct BcAlertOps {
    void (*play)(const BcPlayOptions *options, BcStartedFn done, void *done_user, void *user);
    char *(*live)(const BcPlayOptions *options, GError **error, void *user);
    void (*stop)(const char *announcement, const char *who, void *user);
    /* A recording of the words, or of a siren; done may run at once. */
    void (*speak)(const BcAlertSpeech *speech, BcAlertMadeFn done, void *done_user, void *user);
    void (*siren)(BcSirenPattern pattern, unsigned rounds, bool quiet, BcAlertMadeFn done, void *done_user, void *user);
    /* "alert.received", "alert.sounding", "alert.ended", "alert.banner" (a meeting should show it). alert is borrowed. */
    void (*event)(const char *type, const BcAlert *alert, void *user);
    void *user;
    /* It is on, or a former life had it on and it goes on in a moment. NULL: nothing ever does. */
    bool (*goes_on)(const char *announcement, void *user);
    /* Until when (wall) nothing but an emergency may sound in one of these areas; 0: now. NULL: there are no quiet hours. */
    int64_t (*quiet_until)(const char *const *areas, void *user);
} BcAlertOps;

typedef enum BcSignaturePolicy { BC_SIGNATURE_IGNORE, BC_SIGNATURE_CHECK, BC_SIGNATURE_REQUIRE } BcSignaturePolicy;
typedef struct BcAlertSource {       /* who may send; strings copied */
    const char *name;
    BcSignaturePolicy signature;     /* CHECK: a bad one refuses the message, none is fine */
    unsigned authority;              /* BC_AUTHORITY_… */
    const char *const *areas;        /* it reaches only these; NULL or empty: everywhere */
    const char *const *senders;      /* globs its <sender> must fit; NULL or empty: any */
} BcAlertSource;

typedef struct BcAlertOptions {      /* borrowed as long as the alerts live, but strings, lists and rules, which are copied */
    MdStore *store;
    BcTimers *timers;
    BcAreas *areas;
    BcDevices *devices;
    BcPlayLog *play_log;             /* NULL: no reports (tests) */
    BcAlertOps ops;
    const char *const *languages;    /* NULL: vi, en */
    const char *const *geocode_names;
    const char *centres_file, *trust_dir;
    const BcSirenRule *rules;
    unsigned n_rules;
    int64_t default_expires_us;      /* 0: 1 h after it was sent */
    int64_t max_us;                  /* nothing sounds longer after it came, 0: 24 h */
    bool any_scope;                  /* Restricted and Private too */
    bool all_clear;                  /* a cancel of what was real sounds the all-clear */
    const char *all_clear_words;     /* NULL: built in */
    const char *attention_words;
    unsigned drill_volume;           /* 1..100 for devices that obey, 0: 25 */
    const MdLogger *logger;
} BcAlertOptions;

BcAlerts *bc_alerts_new(const BcAlertOptions *options, GError **error);
void bc_alerts_free(BcAlerts *alerts);
/* Where an area lies, beside what centres_file says. */
void bc_alerts_put_centre(BcAlerts *alerts, const char *area, BcCapPoint centre);
/* What a former life left: goes on at its place. Once, when whatever plays is ready. */
void bc_alerts_resume(BcAlerts *alerts);
/* The end is near: what sounds is left to the next life. */
void bc_alerts_quiesce(BcAlerts *alerts);

const BcAlert *bc_alerts_find(const BcAlerts *alerts, const char *id);
GPtrArray *bc_alerts_list(const BcAlerts *alerts); /* newest first, borrowed; unref */

/* NULL error: stored and under way. duplicate: it was known, nothing happened. alert: the first part. */
typedef void (*BcAlertDoneFn)(const BcAlert *alert, bool duplicate, const GError *error, void *user);
void bc_alerts_take_cap(BcAlerts *alerts, const BcAlertSource *source, const char *xml, gsize len, BcAlertDoneFn done, void *user);

typedef struct BcEmergency {         /* one of text, content, room and url, or none: the siren alone */
    const char *kind;                /* NULL "emergency"; "drill" */
    const char *const *areas;
    int siren;                       /* BcSirenPattern; a drill's is the drill's */
    unsigned siren_rounds;           /* 0: 1 */
    const char *text, *content, *room, *url, *title;
    unsigned repeats;                /* 0: 3, a drill 1 */
    unsigned interval_s;             /* 0: 60 */
    int64_t until_us;                /* 0: in an hour */
    unsigned authority;
    const char *created_by;
    const char *identifier;          /* with sent_us: the same twice is known (drills by the calendar); NULL: its id */
    int64_t sent_us;                 /* 0: now */
} BcEmergency;
void bc_alerts_emergency(BcAlerts *alerts, const BcEmergency *emergency, BcAlertDoneFn done, void *user);
/* all_clear: sounds it afterwards in the same areas, with these words (NULL: built in). */
void bc_alerts_stop(BcAlerts *alerts, const char *id, const char *who, bool all_clear, const char *words, BcAlertDoneFn done, void *user);
/* A stored Test (or one already heard) as a drill in one area. */
void bc_alerts_try(BcAlerts *alerts, const char *id, const char *const *areas, const char *who, unsigned authority, BcAlertDoneFn done, void *user);

/* Whoever plays says what became of an announcement (BcEventFn of a BcBroadcast). */
void bc_alerts_on_broadcast(const char *type, const BcRun *run, void *alerts);

/* --- alert to first sound --- */
typedef struct BcAlertHeard {
    char *device, *area, *outcome, *reason; /* outcome: best of all its announcements */
    int64_t latency_us;              /* from received (or begin) to first sound, -1: never heard */
} BcAlertHeard;
typedef struct BcAlertReport {
    GArray *heard;                   /* BcAlertHeard, by latency, unheard last */
    unsigned devices, reached;
    int64_t p50_us, p95_us, worst_us; /* -1: nobody heard it */
} BcAlertReport;
BcAlertReport *bc_alerts_report(BcAlerts *alerts, const BcAlert *alert, GError **error);
void bc_alert_report_free(BcAlertReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcAlertReport, bc_alert_report_free)
char *bc_alert_report_line(const BcAlert *alert, const BcAlertReport *report); /* one line for the log; g_free */
/* The figures out of sorted latencies: nearest rank. */
int64_t bc_alert_percentile(const int64_t *sorted, unsigned n, unsigned percent);

extern const MdMigration bc_alert_migrations[];
extern const unsigned bc_alert_n_migrations;
