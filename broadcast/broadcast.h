/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/area.h"
#include "broadcast/content.h"
#include "broadcast/device.h"
#include "broadcast/order.h"
#include "broadcast/plan.h"
#include "broadcast/play-log.h"
#include "broadcast/reach.h"
#include "mediad/core/worker.h"
#include "mediad/leg/call.h"

/* The room's front: what main wires and the API calls. Control thread. */
typedef struct BcBroadcast BcBroadcast;

/* The sound of a meeting, from whoever owns the rooms: main plugs md_room_add_tap in here. fn runs on the room's worker every
 * 20 ms. remove: done runs on control after the last fn. */
typedef void (*BcTapFn)(const float pcm[MD_AUDIO_TICK_SAMPLES], int64_t now_us, void *tap_user);
typedef struct BcTapOps {
    bool (*add)(const char *room, BcTapFn fn, void *tap_user, void *user, GError **error);
    void (*remove)(const char *room, BcTapFn fn, void *tap_user, void (*done)(void *tap_user), void *user);
    void *user;
} BcTapOps;

/* Something happened: "announcement.ringing", "announcement.playing", "announcement.ended"; or to a station that is relayed:
 * "relay.failed", "relay.back" (run: kind "relay", its address as source, why as reason, nothing else). run is borrowed. */
typedef void (*BcEventFn)(const char *type, const BcRun *run, void *user);

typedef struct BcBroadcastOptions {      /* strings are copied; 0 and NULL mean the default said */
    MdStore *store;
    MdDialer *dialer;
    MdWorker *const *workers;            /* must run until bc_broadcast_free has returned */
    unsigned n_workers;
    MdMailbox *control;                  /* drained by the control thread */
    const MdClock *clock;                /* that of the workers; NULL: system */
    const char *local_host, *local_host6; /* numeric, to send from; either may be NULL */
    uint16_t port;                       /* even; 0: any of the next two */
    uint16_t port_min, port_max;         /* 20000..59999 */
    const char *from_user;               /* SIP user part the loudspeakers see calling: "broadcast" */
    const char *content_dir;
    const char *const *speech_command;   /* argv: espeak-ng -v vi --stdout */
    const char *speech_url;              /* instead of the command; NULL none */
    unsigned speech_timeout_s;           /* 60 */
    double loudness_lufs, true_peak_dbtp; /* -16, -1 */
    int64_t upload_max_bytes;            /* 512 MiB */
    int64_t content_max_bytes;           /* all recordings together, about; no limit */
    int64_t duration_max_us;             /* 60 min */
    unsigned frame_ms;                   /* 40 */
    const MdAudioCodec *codecs;          /* in order of preference: Opus, G.722, PCMA, PCMU */
    unsigned n_codecs;
    uint32_t opus_bitrate_bps;           /* 32000 */
    MdSecurity security;                 /* no default: OFF is 0 */
    bool two_way;                        /* offer sound both ways (a=sendrecv): some loudspeakers stay silent when told to listen only */
    unsigned ring_timeout_s;             /* 20 */
    unsigned calls_per_s;                /* 200 */
    unsigned lead_s;                     /* 10 */
    unsigned live_max;                   /* announcements at one time: 64 */
    const char *const *live_hosts, *const *relay_hosts; /* streams may be fetched from these (bc_url_allowed); NULL: none */
    const char *timezone;                /* "Asia/Ho_Chi_Minh" */
    const char *quiet_hours;             /* of areas that have none of their own: "21:30-05:00"; none */
    const char *live_host;               /* where devices ask for live sound: a name or address; NULL: local_host */
    const char *live_group;              /* "239.1.2.3:5004": devices join it for live sound; NULL: each asks for its own */
    unsigned live_loss_percent;          /* expected on the way to them: 10 */
    const BcTapOps *tap;                 /* NULL: rooms cannot be broadcast */
    BcEventFn on_event;
    void *user;
    bool manual;                         /* tests: no threads in the workers, time moved by bc_broadcast_step */
    const MdLogger *logger;
} BcBroadcastOptions;

BcBroadcast *bc_broadcast_new(const BcBroadcastOptions *options, GError **error);
/* Stops every announcement, hangs up, waits for workers and jobs. The store must still be open. */
void bc_broadcast_free(BcBroadcast *broadcast);

/* The end is near: nothing new begins, what is on is ended and hung up. Scheduled bulletins that have not sounded yet are left to
 * the next life. */
void bc_broadcast_quiesce(BcBroadcast *broadcast);

/* Whom events go to from now on (the API, which is made later). */
void bc_broadcast_set_event(BcBroadcast *broadcast, BcEventFn fn, void *user);

/* Others who want to hear of the same (rooms above this one), and of "schedule.stored" (run->schedule alone is set then). One call of
 * remove for each of add. */
void bc_broadcast_add_listener(BcBroadcast *broadcast, BcEventFn fn, void *user);
void bc_broadcast_remove_listener(BcBroadcast *broadcast, BcEventFn fn, void *user);

/* May this content sound at that time? Asked by the rehearsal and again before anything scheduled rings. Whoever reviews content
 * answers; nobody set: it may. fn: false with the reason in *ret_why (g_free, English: "bulletin b-… is not approved"). */
typedef bool (*BcContentCheckFn)(const char *content, int64_t at_wall_us, char **ret_why, void *user);
void bc_broadcast_set_content_check(BcBroadcast *broadcast, BcContentCheckFn fn, void *user);
bool bc_broadcast_content_ok(BcBroadcast *broadcast, const char *content, int64_t at_wall_us, char **ret_why /* may be NULL */);

BcTimers *bc_broadcast_timers(BcBroadcast *broadcast);       /* borrowed: the clock of this room */
BcAreas *bc_broadcast_areas(BcBroadcast *broadcast);         /* borrowed, all of them */
BcDevices *bc_broadcast_devices(BcBroadcast *broadcast);
BcContents *bc_broadcast_contents(BcBroadcast *broadcast);
BcSchedules *bc_broadcast_schedules(BcBroadcast *broadcast);
BcPlayLog *bc_broadcast_play_log(BcBroadcast *broadcast);
BcPlanner *bc_broadcast_planner(BcBroadcast *broadcast);
BcSlots *bc_broadcast_slots(BcBroadcast *broadcast);
BcHolidays *bc_broadcast_holidays(BcBroadcast *broadcast);
BcQuiet *bc_broadcast_quiet(BcBroadcast *broadcast);
const char *bc_broadcast_timezone(const BcBroadcast *broadcast);
int64_t bc_broadcast_wall_us(const BcBroadcast *broadcast);
bool bc_broadcast_is_registered(BcBroadcast *broadcast, const char *device);

/* Fills in what is left out (zone, repeats 1, grace) and looks at the timetable anew once it is stored. */
void bc_broadcast_put_schedule(BcBroadcast *broadcast, const BcSchedule *schedule, char **ret_id, BcDoneFn done, void *user);

/* What stands against publishing it; NULL: nothing. Bad fields are not its business. */
BcObjections *bc_broadcast_objections(BcBroadcast *broadcast, const BcSchedule *schedule);

#define BC_PLAY_AHEAD_MAX_US (60ll * G_USEC_PER_SEC)
/* Plays stored content at start_wall_us (0: as soon as the loudspeakers can have answered; at most BC_PLAY_AHEAD_MAX_US ahead,
 * for the loudspeakers are rung and held at once). done gets the announcement's id. */
typedef void (*BcStartedFn)(const char *id, const GError *error, void *user);
void bc_broadcast_play(BcBroadcast *broadcast, const char *content, const char *const *areas, BcPriority priority, unsigned repeats,
                       int64_t start_wall_us, const char *title, const char *created_by, BcStartedFn done, void *user);
/* The same with everything that can be asked for: an alert's siren, a bulletin's lead-in, who speaks. Zeros are the defaults; strings
 * are copied. */
typedef struct BcPlayOptions {
    const char *content;                 /* what is played; NULL only with room or url (bc_broadcast_begin_live) */
    const char *room, *url;              /* live: exactly one */
    const char *lead_content;            /* stored sound before it (a siren, a chime, the word "drill"), once; for loudspeakers that
                                            make no siren themselves. NULL none */
    const char *const *areas;
    BcPriority priority;
    unsigned authority;                  /* BC_AUTHORITY_CENTRAL … VILLAGE (bc_authority_of) */
    unsigned repeats;                    /* 1..10 */
    int64_t gap_us;                      /* 0: 2 s */
    int64_t start_wall_us;               /* 0: as soon as can be; at most BC_PLAY_AHEAD_MAX_US ahead */
    int64_t expires_us;                  /* wall: nothing of it is heard from then on; 0 none */
    int64_t made_us;                     /* wall, 0: now. When what it is a part of was ordered: newer orders go first, and what was
                                            stopped in an area since then stays silent there */
    int siren;                           /* BcSirenPattern that devices able to make it sound first; 0 none */
    unsigned siren_rounds;               /* 1..3 */
    unsigned volume;                     /* 1..100 for devices that obey it; 0: as the hour says */
    bool drill;                          /* noted in the play log; never taken for the real thing */
    const char *title, *created_by;
} BcPlayOptions;
void bc_broadcast_play_options(BcBroadcast *broadcast, const BcPlayOptions *options, BcStartedFn done, void *user);
char *bc_broadcast_begin_live(BcBroadcast *broadcast, const BcPlayOptions *options, GError **error);

/* Live: exactly one of room and url. Returns the announcement's id (g_free) or NULL with error. */
char *bc_broadcast_live(BcBroadcast *broadcast, const char *room, const char *url, const char *const *areas, BcPriority priority,
                        const char *title, const char *created_by, GError **error);
/* Everything in area and below it falls silent at once, emergencies too, and what had begun does not come back, not after a restart
 * either. done: how many announcements sounded there; error: the store could not note it. Listeners hear "area.stopped". */
typedef void (*BcStopFn)(unsigned stopped, const GError *error, void *user);
void bc_broadcast_stop_area(BcBroadcast *broadcast, const char *area, const char *who, BcStopFn done, void *user);
bool bc_broadcast_stop(BcBroadcast *broadcast, const char *id, const char *who, GError **error);
/* It is on, or will be in a moment because a former life of ours had it on. */
bool bc_broadcast_goes_on(const BcBroadcast *broadcast, const char *id);
/* Until when (wall) it is quiet in one of these areas, for everything but an emergency; 0: it is not. */
int64_t bc_broadcast_quiet_until_us(BcBroadcast *broadcast, const char *const *areas);
/* Everything that was asked for before is durable when done is called. */
void bc_broadcast_sync(BcBroadcast *broadcast, BcDoneFn done, void *user);
/* What is on now. */
void bc_broadcast_running(BcBroadcast *broadcast, BcRunFn fn, void *user);

/* Who drives the devices of this kind (copied; NULL: nobody any more), and where the sound of a kind goes that is neither rung nor
 * told. Set before anything plays. */
void bc_broadcast_set_reach(BcBroadcast *broadcast, BcDeviceKind kind, const BcReachOps *ops);
void bc_broadcast_set_fixed(BcBroadcast *broadcast, BcDeviceKind kind, const BcFixedOps *ops);
/* What became of a play at one device; any order, twice, hours late. */
void bc_broadcast_reach_news(BcBroadcast *broadcast, const BcReachNews *news);

typedef struct BcBroadcastStats {
    unsigned running, devices, held, ringing;   /* ringing: calls waiting for their turn */
    uint64_t packets, reports, errors, skipped, frames, frames_late; /* of all announcements so far */
} BcBroadcastStats;
void bc_broadcast_stats(BcBroadcast *broadcast, BcBroadcastStats *ret);

/* For the files of this folder. */
struct BcStage *bc_broadcast_stage(BcBroadcast *broadcast);

/* Tests with manual: what is due by the clock. Returns the next deadline (monotonic), INT64_MAX none. */
int64_t bc_broadcast_step(BcBroadcast *broadcast);
/* What waits for the store, the disk or a tap: tests let it arrive before they move time. */
unsigned bc_broadcast_pending(const BcBroadcast *broadcast);
