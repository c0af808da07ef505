/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/link/protocol.h"

/* What a loudspeaker sounds now, and why: a state machine of the stored manifest, the commands and the clock. It knows neither
 * network nor sound card nor disk, so that one process may hold thousands. Every time is server wall time in microseconds, given by
 * the caller; it may step. One thread at a time; nothing blocks.
 *
 * Order: emergency before priority before normal, then the higher authority, then the newer. What was cut goes on at its wall-clock
 * place if its own setting says so and is dropped otherwise; what the power or the network interrupted always goes on. Nothing
 * begins later than its grace, nothing begins or goes on from its expiry on. A manifest or command that comes again changes nothing. */

#define BC_DUTY_COMMANDS_MAX 64u      /* plays, alerts and live sounds ordered by command at the same time */
#define BC_DUTY_OBEYED_MAX 512u       /* command ids remembered; beyond it the one that expires first is forgotten */
#define BC_DUTY_PAST_MAX 4096u        /* occurrences remembered; beyond it those over for longest are forgotten */
#define BC_DUTY_AT_ONCE_US 300000     /* "at once" is this much after the order was issued, so that neighbours begin together */

typedef enum BcDutySound {
    BC_DUTY_NOTHING,
    BC_DUTY_SIREN,     /* siren, siren_rounds, from origin_us */
    BC_DUTY_FILE,      /* item->media, repeated, from origin_us */
    BC_DUTY_RELAY,     /* item->relay_url, else item->fallback */
    BC_DUTY_LIVE,      /* live */
    BC_DUTY_SILENCE,   /* nothing sounds, and nothing lower may */
    BC_DUTY_LINE_TEST, /* a tone */
} BcDutySound;

typedef struct BcDutyNow {
    BcDutySound sound;
    uint64_t serial;             /* another number whenever another occurrence sounds, 0 nothing */
    const char *occurrence;      /* this and what follows: borrowed until the desk is called again */
    const BcLinkItem *item;
    const BcLinkLive *live;
    BcSirenPattern siren;
    unsigned siren_rounds;
    int64_t origin_us;           /* when the first sample of this sound was or would have been due */
    int64_t until_us;
    unsigned volume;             /* 0..100 */
} BcDutyNow;

typedef struct BcDutyNews {      /* for the report; borrowed */
    const char *occurrence, *sha256; /* "" none */
    const char *state;           /* "began", "ended", "cut", "missed", "refused" */
    const char *reason;          /* or NULL */
    int64_t from_us, to_us;      /* 0 not yet */
    uint64_t serial;             /* as in BcDutyNow; 0 never sounded */
} BcDutyNews;

typedef struct BcDutyOps {       /* called from inside the functions below: must not call the desk */
    bool (*has_media)(const char *sha256, void *user); /* whole and checked on this device */
    void (*news)(const BcDutyNews *news, void *user);
    void *user;
} BcDutyOps;

typedef struct BcDuty BcDuty;
BcDuty *bc_duty_new(const char *device, const BcDutyOps *ops);
void bc_duty_free(BcDuty *desk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcDuty, bc_duty_free)

/* How far ahead of now sound is made: a late order begins that much after now. 0 at first. */
void bc_duty_set_lead(BcDuty *desk, int64_t lead_us);
/* Who says what time it is; a bool will do. The server's at first. Only the server's time ends an item of the timetable unheard: by any
 * other it rests, and the server's time, when it comes, settles whether it is over or still to come. Orders sound all the same. */
typedef enum BcDutyClock {
    BC_DUTY_CLOCK_UNKNOWN, /* nobody: the timetable rests */
    BC_DUTY_CLOCK_SERVER,
    BC_DUTY_CLOCK_SYSTEM,  /* the board's own clock: the timetable sounds by it, unless it stands before the manifest was issued */
} BcDutyClock;
void bc_duty_set_clock(BcDuty *desk, BcDutyClock clock);

/* Takes *manifest over on success. False: not for this device, or older than the one it has; *manifest is untouched.
 * stored: read back from disk at start. */
bool bc_duty_set_manifest(BcDuty *desk, BcLinkManifest *manifest, bool stored, int64_t now_us, GError **error);
const BcLinkManifest *bc_duty_manifest(const BcDuty *desk); /* NULL none yet */

typedef enum BcDutyVerdict {
    BC_DUTY_OBEYED,
    BC_DUTY_AGAIN,     /* this id was obeyed before: acknowledge it, do nothing */
    BC_DUTY_REFUSED,   /* reason */
    BC_DUTY_YOURS,     /* lawful, but no matter of sound: restart, fetch, log, firmware, blank */
} BcDutyVerdict;
/* The signature has been verified. *ret_reason static. Live sounds and items are copied. */
BcDutyVerdict bc_duty_command(BcDuty *desk, const BcLinkCommand *command, int64_t now_us, const char **ret_reason);

/* Media came or went. */
void bc_duty_media_changed(BcDuty *desk, int64_t now_us);
/* Decides for the moment now_us, and tells when to ask again at the latest. */
int64_t bc_duty_tick(BcDuty *desk, int64_t now_us);
/* As decided last. */
const BcDutyNow *bc_duty_now(const BcDuty *desk);
/* What will begin next within that time if nothing else happens, so that it can be made ready: its file and where in it the
 * sound will begin. NULL nothing. */
const BcLinkItem *bc_duty_next(const BcDuty *desk, int64_t now_us, int64_t within_us, int64_t *ret_origin_us);

/* From the one who makes the sound: the first sample of serial is out at at_us; it cannot be played at all (it is given up); live
 * packets stopped or came again (another item may sound meanwhile). Stale serials are ignored. */
void bc_duty_heard(BcDuty *desk, uint64_t serial, int64_t at_us);
void bc_duty_failed(BcDuty *desk, uint64_t serial, const char *reason, int64_t now_us);
void bc_duty_live_lost(BcDuty *desk, const char *occurrence, bool lost);
/* Live sounds that are wanted but not heard just now, to go on asking for them. */
const BcLinkLive *bc_duty_live_wanted(const BcDuty *desk, int64_t now_us);

/* The files that orders still going on need, whether they are there or not. */
void bc_duty_order_media(const BcDuty *desk, void (*each)(const BcLinkMedia *media, void *user), void *user);

/* State that must survive a power cut, but for the manifest, which is kept signed: obeyed ids, orders still going on, what was
 * begun and what is over. A change makes it dirty; format cleans. g_free. Load: into a new desk only; what cannot be read is
 * refused whole. */
bool bc_duty_dirty(const BcDuty *desk);
char *bc_duty_format(BcDuty *desk, int64_t now_us);
bool bc_duty_load(BcDuty *desk, const char *json, gsize len, int64_t now_us, GError **error);

/* Minutes after midnight in the manifest's zone; UTC without one. */
unsigned bc_duty_local_minute(const BcDuty *desk, int64_t now_us);
