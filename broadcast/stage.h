/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/device.h"
#include "broadcast/fanout.h"
#include "broadcast/order.h"
#include "broadcast/play-log.h"
#include "broadcast/proof.h"
#include "broadcast/relay.h"
#include "broadcast/ringer.h"
#include "mediad/leg/announce-sdp.h"
#include "mediad/leg/call.h"

/* What all announcements share: sockets, the ringer, and which announcement holds which loudspeaker. Inside this folder only;
 * control thread. */
typedef struct BcStage BcStage;
typedef struct BcAnnouncement BcAnnouncement;
typedef struct BcTarget BcTarget;

typedef struct BcStageOptions {
    MdDialer *dialer;
    MdWorker *const *workers;
    unsigned n_workers;
    MdMailbox *control;
    BcTimers *timers;
    BcAreas *areas;
    BcDevices *devices;
    BcPlayLog *play_log;
    const char *local_host, *local_host6; /* addresses to send from and to offer; either may be NULL */
    uint16_t port;                        /* even, its successor takes the reports; 0: any of the next two */
    uint16_t port_min, port_max;
    unsigned frame_ms, ring_timeout_ms, calls_per_s;
    MdAudioCodec codecs[MD_AUDIO_CODEC_MAX]; /* order of preference */
    unsigned n_codecs;
    uint32_t opus_bitrate_bps;
    MdSecurity security;
    bool two_way;
    unsigned running_max;
    const char *from_user;
    const char *live_host;                /* where devices ask for live sound: a name or address; NULL: local_host */
    unsigned live_loss_percent;           /* expected on the way to devices that ask for live sound: strength of Opus' redundancy */
    const char *live_group;               /* "239.1.2.3:5004": live sound goes there for devices of the device link; NULL: each asks */
    bool step_workers;                    /* tests: workers have no threads of their own */
    BcRelayContext relay;                 /* for programmes that relay stations */
    void (*on_event)(const char *type, BcAnnouncement *announcement, void *user);
    void *user;
    const MdLogger *logger;
} BcStageOptions;

/* May this announcement be heard in that area just now? */
typedef enum BcGuardAnswer { BC_GUARD_YES, BC_GUARD_LATER /* silent, but it may come back */, BC_GUARD_NEVER } BcGuardAnswer;
typedef BcGuardAnswer (*BcGuardFn)(const BcAnnouncement *announcement, const char *area, const char **ret_why /* static */, void *user);

/* May something that is no emergency sound there all the time between two moments (wall)? *ret_leave is set when that is so because two
 * people have released quiet hours, else left as it is. */
typedef bool (*BcReleasedFn)(const char *area, int64_t from_us, int64_t to_us, bool *ret_leave, void *user);

struct BcStage {
    BcStageOptions o;
    BcGuardFn guard;      /* NULL: everything may sound everywhere */
    BcReleasedFn released; /* with it */
    void *guard_user;
    char *local_host, *local_host6, *from_user, *live_host;
    MdAddr live_group;    /* unset: none */
    BcReachOps reach[BC_DEVICE_KIND_MAX]; /* begin NULL: nobody drives this kind */
    BcFixedOps fixed[BC_DEVICE_KIND_MAX]; /* find NULL: none */
    struct BcDesk *desk;  /* who asks for live sound */
    const MdClock *clock;
    BcRinger *ringer;
    GHashTable *holders;  /* device id -> BcTarget* that rings or plays there */
    GPtrArray *ears;      /* BcEar* that hear what areas hear */
    GPtrArray *running;   /* BcAnnouncement*, in order of starting */
    uint64_t last_order;
    BcFanoutTotals totals; /* of announcements that are over */
    int rtp_fd, rtcp_fd, rtp_fd6, rtcp_fd6;
    uint16_t port, port6;
};

BcStage *bc_stage_new(const BcStageOptions *options, GError **error);
/* Stops everything, waits until no worker touches it. */
void bc_stage_free(BcStage *stage);
static inline int64_t bc_stage_now_us(const BcStage *stage)
{
    return md_clock_now_us(stage->clock);
}
static inline int64_t bc_stage_wall_us(const BcStage *stage)
{
    return md_clock_wall_us(stage->clock);
}

/* Keeps the figures of a fan-out that is about to be stopped. */
void bc_stage_retire_fanout(BcStage *stage, const BcFanout *fanout);
/* Of all announcements so far. */
void bc_stage_totals(const BcStage *stage, BcFanoutTotals *ret);

/* May target ring its loudspeaker? True: it holds it now, whoever held it before was cut off (*ret_cut). */
bool bc_stage_take(BcStage *stage, BcTarget *target, bool *ret_cut);
/* The loudspeaker is free: the most urgent announcement that waits for it goes on. */
void bc_stage_release(BcStage *stage, BcTarget *target);

void bc_stage_set_guard(BcStage *stage, BcGuardFn fn, BcReleasedFn released, void *user);
BcGuardAnswer bc_stage_ask(const BcStage *stage, const BcTarget *target, const char **ret_why);
/* The same for a whole area: what is not a loudspeaker of the registry (outputs, boards) asks for itself. */
BcGuardAnswer bc_stage_ask_area(const BcStage *stage, const BcAnnouncement *announcement, const char *area, const char **ret_why);
/* It lost its loudspeaker, or never got it in time, and does not come back. */
bool bc_stage_is_dropped(const BcStage *stage, const BcTarget *target);
/* Asks for everything that is on: cuts what may not sound any more, lets go on what may again, ends what has expired by the wall clock as
 * it is now. */
void bc_stage_recheck(BcStage *stage);
/* Ends everything in area and below it, and nowhere else. Returns how many announcements sounded there. */
unsigned bc_stage_stop_area(BcStage *stage, const char *area, const char *reason);

/* --- one loudspeaker in one announcement --- */
typedef enum BcTargetState {
    BC_TARGET_WAITING,  /* a more urgent announcement holds the loudspeaker */
    BC_TARGET_QUEUED,   /* will be dialled */
    BC_TARGET_PAUSED,   /* will be tried again later */
    BC_TARGET_RINGING,
    BC_TARGET_ANSWERED, /* or its fixed destination is being sent to */
    BC_TARGET_TOLD,     /* its device knows of it and reports what it does */
    BC_TARGET_ENDED,
} BcTargetState;

typedef enum BcTargetWay { BC_BY_CALL, BC_BY_FIXED, BC_BY_REACH } BcTargetWay;

struct BcTarget {
    BcAnnouncement *announcement;
    char *device, *area;
    unsigned codecs;
    BcTargetState state;
    MdCall *call;
    uint32_t handle;      /* in the fan-out, 0 none */
    BcTimer timer;
    BcRing ring;
    unsigned failures;    /* calls that came to nothing */
    bool broken;          /* played, but not all the time */
    uint64_t unsent;      /* packets to it that never left */
    const char *outcome;  /* static; NULL: open */
    char *reason;
    int64_t rang_us, answered_us, from_us, to_us; /* wall, 0 never */
    unsigned rings;
    MdAudioCodec codec;
    int key;              /* index of the group key it took, BC_FANOUT_PLAIN */
    MdAddr remote;        /* where its sound goes */
    /* those that are not rung */
    BcTargetWay way;
    BcDeviceKind kind;
    BcProof proof;        /* by reach: what it said */
    bool told;            /* by reach: begin was called for it */
    bool settled;         /* by reach: reports were waited for long enough */
    int64_t asked_us;     /* live: monotonic, its last datagram */
    int64_t asked_at_us;  /* and what it said the time was: only later ones count */
};

void bc_target_init(BcTarget *target, BcAnnouncement *announcement, const BcDevice *device);
void bc_target_clear(BcTarget *target);
/* Wants to be heard there: takes the loudspeaker or waits for it. */
void bc_target_want(BcTarget *target);
/* A more urgent announcement takes the loudspeaker. */
void bc_target_cut(BcTarget *target, const char *reason);
/* The announcement is over: hangs up (paced, or now), settles the outcome. */
void bc_target_end(BcTarget *target, const char *reason, bool now);
/* By reach: something is known of it. False: nothing new. */
bool bc_target_news(BcTarget *target, const BcReachNews *news);
/* By reach: no more reports are waited for. */
void bc_target_settle(BcTarget *target);
/* By reach, live: its sound goes to this address from now on; unset: nowhere. */
void bc_target_send_to(BcTarget *target, const MdAddr *to);
/* Takes over what the fan-out counts for it; before its handle or the fan-out goes. */
void bc_target_tally(BcTarget *target);
void bc_target_log(const BcTarget *target);
/* Where it stands, for the play log: "waiting", "ringing", "playing", "played", "partial", "missed". */
const char *bc_target_outcome(const BcTarget *target);

/* --- one announcement --- */
typedef struct BcAnnouncementSpec { /* strings and source are copied or referenced */
    const char *id;          /* NULL: made */
    const char *kind;        /* "schedule", "live", "now" */
    const char *title;
    const char *schedule;
    int64_t occurrence_us;
    const char *content, *source_name;
    BcPriority priority;
    unsigned authority;      /* BC_AUTHORITY_CENTRAL … VILLAGE: of whoever ordered it */
    int64_t made_us;         /* wall, 0: now; BcOrder */
    unsigned items;          /* of a programme, 0: 1 */
    const char *const *areas;
    int64_t start_wall_us;   /* past: at once */
    int64_t begin_wall_us;   /* goes on after a restart: where its beginning lay; 0: begins now */
    unsigned repeats;        /* for those that play content themselves; source has them already */
    int64_t gap_us;
    const char *lead_content; /* stored sound before content, for those that make no siren themselves; NULL none */
    int siren;               /* BcSirenPattern for those that do, 0 none */
    unsigned siren_rounds, volume; /* 0: one round; as the hour says */
    int64_t expires_us;      /* wall, 0 none */
    bool drill;
    bool drop;               /* cut off, it does not come back */
    BcSource *source;
    const char *created_by;
    void (*on_closed)(void *user); /* nobody pulls the source any more; may be NULL */
    void *user;
} BcAnnouncementSpec;

typedef struct BcOffer { /* what one loudspeaker is offered; shared by all that need the same */
    char *sdp;
    char **headers;
} BcOffer;

struct BcAnnouncement {
    BcStage *stage;
    char *id, *kind, *title, *schedule, *content, *source_name, *areas, *created_by;
    int64_t occurrence_us, start_wall_us, start_us;
    BcPriority priority;
    BcOrder order;           /* who goes first */
    bool drop;               /* cut off, it does not come back */
    BcSource *source;
    BcFanout *fanout;
    MdSrtpKey keys[2];
    unsigned n_keys;
    const MdSrtpKey *key_list[2];
    MdAnnounceCodec codecs[MD_AUDIO_CODEC_MAX];
    unsigned n_codecs;
    MdAnnounceOffer offer;   /* as the answers are checked against; codecs are all */
    GHashTable *offers;      /* "host|codecs" -> BcOffer* */
    BcTarget *targets;
    unsigned n_targets;
    GHashTable *by_device;   /* device id -> BcTarget* */
    BcTimer commit, start, finish, expire, tell, reports;
    int64_t issued_us;       /* wall */
    int64_t begin_us;        /* wall: start_wall_us, or before it when it goes on after a restart */
    unsigned items, repeats;
    int64_t gap_us;
    char srtp[MD_SRTP_KEY_BASE64_MAX + 64]; /* key of live sound by reach, RFC 4568 */
    MdAddr group;            /* of live sound, unset: none */
    uint32_t group_handle;
    int64_t expires_us;      /* wall, 0 none */
    int siren;
    unsigned siren_rounds, volume;
    bool drill;
    bool leave;              /* devices were told that it may sound in quiet hours */
    const char *state;       /* "ringing", "playing", "done", "stopped" */
    char *reason;
    int64_t end_wall_us;
    bool over;               /* ended; hanging up */
    unsigned hanging_up;     /* calls still to be hung up */
    bool fanout_gone;
    BcTimer settle;
    void (*on_closed)(void *user);
    void *user;
};

/* Rings at once; sound starts at start_wall_us. NULL: BC_ERROR_NOT_FOUND (an area), LIMIT, FAILED. */
BcAnnouncement *bc_announcement_start(BcStage *stage, const BcAnnouncementSpec *spec, GError **error);
BcAnnouncement *bc_announcement_find(BcStage *stage, const char *id);
/* Ends it before its time; now: hangs up without pacing. */
void bc_announcement_stop(BcAnnouncement *announcement, const char *reason, bool now);
const BcOffer *bc_announcement_offer(BcAnnouncement *announcement, const BcTarget *target, GError **error);
/* Answer to a loudspeaker that describes its side anew (session refresh, another address): as agreed before. g_free, NULL with
 * error. *ret is its new side when *ret_parsed. */
char *bc_announcement_answer(BcAnnouncement *announcement, const BcTarget *target, const char *offer, MdAnnounceAnswer *ret,
                             bool *ret_parsed, GError **error);
void bc_announcement_commit_soon(BcAnnouncement *announcement);
/* Targets (BcTarget*, ended or waiting) that are to fall silent while the announcement goes on elsewhere: those by reach are told. */
void bc_announcement_hush(BcAnnouncement *announcement, const char *reason, const GPtrArray *targets);
/* A target by reach wants its device told: gathered, so that one message serves many. */
void bc_announcement_tell_soon(BcAnnouncement *announcement);
/* Something came in of this target. */
void bc_announcement_reported(BcAnnouncement *announcement);
void bc_announcement_hung_up(BcAnnouncement *announcement); /* one call of those being hung up is gone */
void bc_announcement_run(const BcAnnouncement *announcement, BcRun *ret); /* strings borrowed */
/* Time until the end, INT64_MAX live. */
int64_t bc_announcement_left_us(const BcAnnouncement *announcement);
