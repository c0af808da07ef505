/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <glib.h>
#include <json-glib/json-glib.h>
#include "mediad/conference/floor.h"
#include "mediad/conference/role.h"
#include "mediad/conference/vote.h"
#include "mediad/core/log.h"
#include "mediad/leg/call.h"
#include "mediad/leg/leg.h"
#include "mediad/video/composer.h"

/* Rooms and who is in them. Control thread, except where said. */
typedef struct MdConference MdConference;
typedef struct MdRoom MdRoom;

typedef struct MdRoomSpec {          /* copied */
    const char *name;                /* user part of its SIP address: [a-z0-9._-]{1,64} */
    const char *title;               /* UTF-8, NULL: name */
    const char *pin, *chair_pin;     /* digits, NULL none */
    unsigned max_members;            /* 0: 200 */
    bool wait_for_chair;             /* nobody hears or sees anybody until a chair is here */
    bool mute_on_entry;
    bool temporary;                  /* gone with its last member */
    MdSecurity security;
    MdLayoutKind layout;
    unsigned loudest;                /* how many talkers are mixed, 0: 4 */
    const char *language;            /* prompts and what is written in pictures: "vi", "en"; NULL: as options.english says */
    bool lobby;                      /* guests wait until admitted; a locked room lets sites wait, too */
    /* Encrypted media over encrypted signalling only, the accounts of sites only, no guests, no taps (so neither recording nor stream
     * nor loudspeakers); of what happens only attendance is told. Not for classified content: that needs the cipher service's
     * equipment (md_confidential_notice). */
    bool confidential;
    const char *const *sites;        /* accounts, NULL-terminated; wanted by confidential rooms */
} MdRoomSpec;

typedef struct MdMemberInfo {        /* strings valid until control returns to the main loop */
    const char *id, *name, *uri, *account;
    MdRole role;
    bool muted, deaf, video_muted, in_lobby, talking;
    bool floor_muted;                /* muted only while another has the floor */
    bool hand, floor;                /* wants to speak; has the floor */
    bool self_muted;                 /* by itself: a chair's mute is another matter, and both hold */
    bool self_video_muted;           /* the same of its picture */
    bool away;                       /* its signalling broke off: the seat is kept for a while */
    bool browser;
    const char *channel, *interprets; /* channel it listens to, channel it interprets for; NULL none */
    double gain_db;
    int64_t joined_wall_us;
    MdLegSummary media;
    const MdLegStats *stats;         /* live */
    uint64_t video_decoded, video_stalls, video_frozen_ms;
    uint64_t video_moved;            /* of video_decoded: pictures that differ from the one before */
    int video_luma;                  /* mean brightness of the last one, 0..255; -1: none was seen */
} MdMemberInfo;

typedef struct MdRoomInfo {
    const char *name, *title;
    bool locked, waiting_for_chair, muted_all;
    bool confidential, recorded, streamed;
    bool has_pin, lobby;
    MdLayoutKind layout;
    const char *spotlight;           /* member id, NULL nobody; the same */
    const char *presenter;           /* member id, NULL nobody; until control returns to the main loop */
    bool clock;                      /* shown in the picture */
    const char *banner;              /* NULL none */
    unsigned tour_s;                 /* 0: none */
    unsigned members;
    uint64_t ticks, ticks_late, encodes; /* audio: ticks run, begun > 5 ms late, encodes made */
    int64_t tick_us_max;
    MdComposerStats video;
} MdRoomInfo;

/* Something happened: member.joined, member.left, member.muted, floor…, room.created, room.ended, dial.failed … */
typedef void (*MdConferenceEventFn)(const char *type, const char *room, const char *member /* or NULL */, const char *json_object, void *user);

typedef struct MdConferenceOptions {
    MdWorker *const *workers;
    unsigned n_workers;
    MdMailbox *control;              /* mailbox drained by the control thread */
    MdPicturePool *pictures;         /* NULL: audio only */
    MdPortPool *ports;
    MdDialer *dialer;                /* may be NULL in tests */
    const char *local_host, *local_host6; /* media addresses; either may be NULL */
    const char *prompt_dir;          /* WAV prompts in vi/ and en/ */
    bool english;                    /* rooms that say nothing of their language: prompts and what is written in pictures; else Vietnamese */
    const MdAudioCodec *audio_codecs; unsigned n_audio_codecs;
    const MdVideoCodec *video_codecs; unsigned n_video_codecs;
    MdVideoClass video_max;
    unsigned jitter_min_ms, jitter_max_ms;
    unsigned redial_first_s, redial_max_s, redial_give_up_s;
    unsigned rooms_max;              /* 0: 500 */
    unsigned views_max;              /* pictures of members' own, of a room at one time; 0: none */
    bool content, offer_content;     /* slides and screens are taken as a second stream of pictures; and offered to whom we ring */
    unsigned forward_max;            /* lines of a room on which browsers get others' pictures as they came; 0: none */
    uint16_t floor_port;             /* of the server of floors that calls are told of; 0: none */
    bool create_on_call;             /* unknown names make a temporary room */
    MdConferenceEventFn on_event;
    MdConferenceEventFn on_inside;   /* of confidential rooms, what on_event does not get: for those inside and nobody else. NULL: nobody */
    /* How a meeting stands (who is in it by which account, roles, mutes, lock, layout, seats, channels, the queue …), told within a second of a
     * change so that it outlives this process; NULL: it is over. And the same text again for a room that is made, NULL: none; it is told at once
     * if it is of this room, and not if another meeting's that had a room of that name. Either may be NULL. */
    void (*on_scene)(const char *room, const char *text, void *user);
    char *(*scene_for)(const char *room, void *user);
    void *user;
    const MdLogger *logger;
    const MdClock *clock;            /* NULL: system, and the conference runs its own timers on the main loop. Else the owner
                                        calls md_conference_tick */
    MdIceService *ice;               /* for browsers; NULL: none can join. Outlives the conference */
    const MdDtlsIdentity *dtls;      /* for DTLS-SRTP; NULL: SDES only. Must outlive the conference */
    char *(*label_for)(const char *account, void *user); /* site name for an account, g_free'd; NULL or returns NULL: as it calls itself */
} MdConferenceOptions;

MdConference *md_conference_new(const MdConferenceOptions *options);
/* Runs what is due of policy: PIN time-outs, redials, tours, who speaks, what the workers let go. Every 100 ms by itself unless
 * options.clock was given. */
void md_conference_tick(MdConference *conference);
/* mediad is about to end: how rooms stand is told to options.on_scene now, and what happens to them from now on is not, so that they are found as
 * they are. */
void md_conference_hold(MdConference *conference);
void md_conference_set_english(MdConference *conference, bool english); /* of rooms made from now on, as options.english */
/* Ends every room; runs the main context until all legs are down. */
void md_conference_free(MdConference *conference);

#define MD_CONFERENCE_ERROR (md_conference_error_quark())
GQuark md_conference_error_quark(void);
typedef enum MdConferenceError {
    MD_CONFERENCE_ERROR_EXISTS, MD_CONFERENCE_ERROR_NOT_FOUND, MD_CONFERENCE_ERROR_INVALID,
    MD_CONFERENCE_ERROR_LIMIT, MD_CONFERENCE_ERROR_STATE, MD_CONFERENCE_ERROR_DENIED,
} MdConferenceError;

MdRoom *md_conference_create_room(MdConference *conference, const MdRoomSpec *spec, GError **error);
/* A line check: the one party that is dialled gets a tone, a moving picture beside its own and a spoken clock; what comes back shows in its
 * member info. No call can come into it, nobody is told of it by events, and no list has it. Until md_room_discard. */
MdRoom *md_conference_create_trial(MdConference *conference, const MdRoomSpec *spec, GError **error);
void md_room_discard(MdRoom *room); /* hangs up; the room is gone for the caller */
MdRoom *md_conference_find_room(MdConference *conference, const char *name); /* borrowed */
/* Ends the meeting and forgets the room, whoever made it. NOT_FOUND. */
bool md_conference_remove_room(MdConference *conference, const char *name, GError **error);
GPtrArray *md_conference_rooms(MdConference *conference); /* of borrowed MdRoom*, in name order; unref the array */
/* A call for room to_user; answers, asks the PIN, or rejects (404, 403 locked, 486 full, 488 media). role: what the account
 * may be (GUEST when unknown). Keeps its own reference on call. */
void md_conference_accept_call(MdConference *conference, MdCall *call, MdRole role);
/* How somebody comes to the door who was asked some things before the call. */
typedef struct MdAdmission {
    MdRole role;
    bool past_pin;                   /* it has shown the PIN, or an invitation */
    bool past_lobby;                 /* it is expected: no waiting outside */
} MdAdmission;
/* The same for such a call. Returns the new member's id (valid while it is a member); NULL: the call was rejected. */
const char *md_conference_admit_call(MdConference *conference, MdCall *call, const MdAdmission *admission);
typedef enum MdPinResult { MD_PIN_NOT_NEEDED, MD_PIN_RIGHT, MD_PIN_CHAIR, MD_PIN_MISSING, MD_PIN_WRONG, MD_PIN_BLOCKED } MdPinResult;
/* The PIN (NULL: none) of somebody who has no call yet and would come with that role. Wrong ones are counted for who (account, else
 * peer_host): after ten none of its PINs counts for ten minutes. */
MdPinResult md_room_try_pin(MdRoom *room, const MdCallInfo *who, MdRole role, const char *pin);
/* Whoever came by old goes on with call: the same member, with its role, mutes and place. keep_media: its leg goes on, too (the
 * signalling alone was lost), else the next offer makes a new one. old is let go, not hung up; call is referenced. Returns the
 * member's id; NULL: old has no seat any more. */
const char *md_conference_resume_call(MdConference *conference, const MdCall *old, MdCall *call, bool keep_media);
/* Whose call is it? Borrowed, either may be NULL; false: nobody's. */
bool md_conference_find_call(MdConference *conference, const MdCall *call, MdRoom **ret_room, const char **ret_member);
typedef struct MdCallSeat {          /* borrowed */
    MdRoom *room;
    const char *member;
    MdRole role;
    bool in;                         /* past PIN and lobby, and its call is up */
} MdCallSeat;
bool md_conference_seat_of(MdConference *conference, const MdCall *call, MdCallSeat *ret);
/* The built-in services: echo (own sound and picture back) and test (moving pattern, tone, spoken clock). */
void md_conference_accept_echo(MdConference *conference, MdCall *call);
void md_conference_accept_test(MdConference *conference, MdCall *call);

void md_room_info(MdRoom *room, MdRoomInfo *ret);
GPtrArray *md_room_members(MdRoom *room); /* of MdMemberInfo*, g_free'd with the array */
bool md_room_mute_member(MdRoom *room, const char *member, bool mute, GError **error);
/* Before a member puts up its hand or opens its own microphone or camera: MD_SWITCHES_PER_S in the long run, and MD_SWITCHES_BURST at once;
 * LIMIT beyond. What takes a hand down or closes something is always done, and cannot be done more often than this. */
#define MD_SWITCHES_PER_S 5
#define MD_SWITCHES_BURST 10
bool md_room_take_switch(MdRoom *room, const char *id, GError **error);
/* The member's own microphone key: no prompt, and it lifts no mute of the chair. */
bool md_room_mute_self(MdRoom *room, const char *member, bool mute, GError **error);
void md_room_mute_all(MdRoom *room, bool mute, bool except_chair);
bool md_room_mute_video(MdRoom *room, const char *member, bool mute, GError **error); /* its picture is not shown */
bool md_room_hide_self(MdRoom *room, const char *member, bool hide, GError **error); /* its own key: it lifts no hiding by the chair */
bool md_room_set_deaf(MdRoom *room, const char *member, bool deaf, GError **error);
bool md_room_set_gain(MdRoom *room, const char *member, double gain_db /* -40..+20 */, GError **error);
bool md_room_set_role(MdRoom *room, const char *member, MdRole role, GError **error);
bool md_room_admit(MdRoom *room, const char *member, GError **error);
bool md_room_kick(MdRoom *room, const char *member, GError **error);
void md_room_lock(MdRoom *room, bool locked);
/* How it is called and what is asked at its door from now on; NULL or "": its name, no PIN. Who is inside stays; who stands at a door that asks no more comes in. */
bool md_room_set_door(MdRoom *room, const char *title, const char *pin, const char *chair_pin, GError **error);
/* The picture of all: its layout and who sits where. seats: member ids in the order of the layout's seats, "" for a seat that is
 * anybody's, NULL-terminated; NULL: none is fixed. A seat stays its member's while it is away, and finds it again when it comes back. */
bool md_room_set_layout(MdRoom *room, MdLayoutKind layout, const char *const *seats, GError **error);
JsonArray *md_room_seats(MdRoom *room); /* new: ids, null for anybody's */
/* Shows those who have a picture in turn in the seats that nobody has; it waits while somebody has the floor or the spotlight. */
#define MD_ROOM_TOUR_MIN_S 5
#define MD_ROOM_TOUR_MAX_S 300
bool md_room_set_tour(MdRoom *room, unsigned period_s /* 0: off */, GError **error);
/* A picture of a member's own: it chooses one itself, or the chair does for it, which then counts (STATE for the member). Those who wish
 * for the same share one. LIMIT: the room makes options.views_max of them already. Kept for it while it is away for up to two hours.
 * Event view.changed {layout, seats, by, shown, why}: also when the room's picture is shown instead, why: "limit", or "load" while the
 * machine is behind. */
bool md_room_set_view(MdRoom *room, const char *member, bool by_chair, MdLayoutKind layout, const char *const *seats, GError **error);
bool md_room_clear_view(MdRoom *room, const char *member, bool by_chair, GError **error); /* back to the picture of all */
/* {"layout","seats","by":"self"|"chair","shown","why"?}, new; NULL: it is sent the picture of all. */
JsonObject *md_room_view(MdRoom *room, const char *member);
void md_room_end(MdRoom *room); /* for all; the room is gone unless made by configuration */
/* Rings targets (accounts or URIs); redial: keep calling those that drop or do not answer, with back-off, until give-up. */
bool md_room_dial(MdRoom *room, const char *const *targets, MdRole role, bool redial, GError **error);

/* Somebody has been rung into it already, maybe before mediad was started anew: then its list goes on by itself, three seconds after the start,
 * so that those who call by themselves are not rung. */
bool md_room_was_rung(const MdRoom *room);
/* Takes a target off the list and hangs up what it had. */
bool md_room_undial(MdRoom *room, const char *target, GError **error);
/* The member that target has become: undialling it sends that one out. NULL: it is not in. ret_role: it is, or will be; INVALID: not on the list. */
const char *md_room_dialled(MdRoom *room, const char *target, MdRole *ret_role);
typedef enum MdDialState { MD_DIAL_CALLING, MD_DIAL_UP, MD_DIAL_WAITING, MD_DIAL_GIVEN_UP, MD_DIAL_STATE_MAX } MdDialState;
const char *md_dial_state_to_string(MdDialState state);
typedef struct MdDialInfo {          /* strings valid until control returns to the main loop */
    const char *target;
    MdRole role;
    bool redial;
    MdDialState state;
    unsigned attempts;               /* since it was up last for a minute or longer */
    int64_t next_us;                 /* WAITING: monotonic time of the next attempt */
    int last_code;                   /* SIP status of the last failure, 0 none */
} MdDialInfo;
GPtrArray *md_room_dials(MdRoom *room); /* of MdDialInfo*, g_free'd with the array */

/* --- running the meeting: room-floor.c, room-vote.c, room-scene.c ----------------------------------------------------- */

/* In whose name something is asked of a room, and what that one is in the meeting. */
typedef struct MdRoomActor {
    const char *who;                 /* a member's id or an account: only for messages */
    MdRole role;
} MdRoomActor;
/* The one decision about rights in a meeting: may the actor do that? target: to whom (member id, NULL: to nobody or to all); given: the role
 * it would give (INVALID: none). Sending out and roles reach no further up than the actor itself. DENIED with what it takes; NOT_FOUND. */
bool md_room_may_as(MdRoom *room, const MdRoomActor *actor, MdAction action, const char *target, MdRole given, GError **error);
/* The same for a member, in whatever is asked in its name (keys, a browser's buttons). Also STATE: not (or no longer) in the room. */
bool md_room_may(MdRoom *room, const char *member, MdAction action, GError **error);
/* What an account is in the meeting: as its members that are inside, the most powerful counts. INVALID: it has none there. */
MdRole md_room_role_of(MdRoom *room, const char *account);
MdRole md_room_member_role(MdRoom *room, const char *member); /* GUEST: there is none */

/* What runs a meeting, by name and with the fields of the API's requests ("mute" {member, muted} …): act.c has the table, and
 * docs/join-protocol.md says it in words. result (may be NULL): what came of it is added. DENIED, NOT_FOUND, INVALID, STATE, LIMIT. */
bool md_room_act(MdRoom *room, const MdRoomActor *actor, const char *act, JsonObject *fields, JsonObject *result, GError **error);
unsigned md_room_acts(void);
const char *md_room_act_name(unsigned i, MdAction *ret_action /* may be NULL */);

/* The floor. Everything that goes wrong says why; nothing is changed then. */
bool md_room_raise_hand(MdRoom *room, const char *member, bool raised, GError **error);
bool md_room_floor_give(MdRoom *room, const char *member, int budget_s /* < 0: by the rules, 0: no limit */, GError **error);
bool md_room_floor_next(MdRoom *room, int budget_s, GError **error);
bool md_room_floor_end(MdRoom *room, GError **error);
bool md_room_floor_done(MdRoom *room, const char *member, GError **error); /* the speaker itself has finished */
bool md_room_floor_extend(MdRoom *room, unsigned by_s, GError **error);
bool md_room_floor_move(MdRoom *room, const char *member, unsigned place, GError **error);
bool md_room_floor_lower_all(MdRoom *room, GError **error);
/* Of turns that begin from now on; an agenda's item sets them. STATE, INVALID. */
bool md_room_set_floor_rules(MdRoom *room, const MdFloorRules *rules, GError **error);
const MdFloorRules *md_room_floor_rules(const MdRoom *room);
/* {"holder":"m3"|null,"name":…,"away":false,"since_ms":…,"budget_ms":…,"deadline_ms":…|null,"left_ms":…|null,"queue":[{"member","name",
 * "since","away"}],"rules":{…}}: times by the wall clock, left_ms as of now. New. */
JsonObject *md_room_floor(MdRoom *room);

/* Votes: at most one is open, twenty are kept. id: new string "v1" …, may be NULL. */
bool md_room_vote_open(MdRoom *room, const MdVoteSpec *spec /* ends_us: how long, 0 no limit */, char **ret_id, GError **error);
bool md_room_vote_cast(MdRoom *room, const char *vote /* NULL: the open one */, const char *member, unsigned choice /* 0.. */, GError **error);
bool md_room_vote_close(MdRoom *room, const char *vote, GError **error);
JsonArray *md_room_votes(MdRoom *room);                                         /* new; newest last */
JsonObject *md_room_vote(MdRoom *room, const char *vote, GError **error); /* new */

bool md_room_set_spotlight(MdRoom *room, const char *member /* NULL: off */, GError **error);
/* Over everybody's picture; text NULL or "": none; until_s 0: until changed. */
#define MD_ROOM_BANNER_MAX 200 /* characters */
bool md_room_set_banner(MdRoom *room, const char *text, bool clock, unsigned for_s, GError **error);

/* Interpreters. One hears the floor and is heard by the listeners of its channel alone; they hear it in full and the floor lowered, and the floor in
 * full once it is silent for two seconds. Listeners speak to the floor as everybody. Places are kept for those that come back. Replaces all channels:
 * [{"name","interpreters":[ids],"listeners":[ids]?,"floor_db":-60..0|null?}]; without "listeners" they stay as they are. INVALID, NOT_FOUND. */
bool md_room_set_channels(MdRoom *room, JsonArray *channels, GError **error);
JsonArray *md_room_channels(MdRoom *room); /* the same, and "away": ids of those whose place is kept. New */
bool md_room_hear_channel(MdRoom *room, const char *member, const char *channel /* NULL: the floor */, GError **error);

/* Slides or a screen: one presents at a time, whoever's role may share (MD_ACTION_SHARE) and has a stream for it; a higher role
 * takes over from a lower one. Everybody sees it: as a second stream where there is one, else in the main picture. Events
 * content.started, content.stopped. STATE: why not. */
bool md_room_content_start(MdRoom *room, const char *member, GError **error);
bool md_room_content_stop(MdRoom *room, const char *member /* NULL: whoever presents */, GError **error);
const char *md_room_content_holder(const MdRoom *room); /* member id or NULL; until control returns to the main loop */

/* A browser wants the speakers' own pictures, forwarded as they come, on its first n lines for them (MdLegConfig.streams); 0: the composed
 * picture. height: of its window, 0 unknown. Who is on which line is told to its call (md_call_streams). INVALID; STATE: not here. */
bool md_room_set_member_streams(MdRoom *room, const char *member, unsigned n, unsigned height, GError **error);

/* The room's sound for somebody else (loudspeakers, recorder): fn runs on the room's worker every 20 ms and must obey tick rules. */
typedef void (*MdRoomTapFn)(const float pcm[MD_AUDIO_TICK_SAMPLES], int64_t now_us, void *user);
bool md_room_add_tap(MdRoom *room, MdRoomTapFn fn, void *user, GError **error);
/* done: on control, after the last fn. False: the room has no such tap (any more), done is not called. */
bool md_room_remove_tap(MdRoom *room, MdRoomTapFn fn, void *user, void (*done)(void *user));
/* The room's main view as encoded pictures, next to the sound of md_room_add_tap and by the same clock (frame->time_us). fn runs on the
 * room's worker for each, a key frame first, and must obey tick rules; it may keep a reference. While the room waits for its chair the
 * picture is that of the door. */
typedef void (*MdRoomPictureTapFn)(MdFrame *frame /* borrowed */, int64_t now_us, void *user);
typedef struct MdRoomPictureTap {    /* copied */
    MdVideoCodec codec;
    MdVideoClass wanted;             /* at most; rounded down to a class of the room's, 0: any */
    unsigned key_interval_ms;        /* a key frame at least so often, 0: when asked */
    MdRoomPictureTapFn fn;
    void *user;
} MdRoomPictureTap;
bool md_room_add_picture_tap(MdRoom *room, const MdRoomPictureTap *tap, GError **error);
/* As md_conference_remove_tap: done is called in any case, on control, after the last fn. */
void md_conference_remove_picture_tap(MdConference *conference, const char *room, MdRoomPictureTapFn fn, void *user,
                                      void (*done)(void *user));
/* A key frame soon; merged and at most two a second. */
void md_room_request_picture_key(MdRoom *room, MdRoomPictureTapFn fn, void *user);

/* What leaves the room is shown to all: a sign in every picture, a spoken prompt at the start and to whoever comes in later, and the
 * events recording.started, recording.stopped, stream.started, stream.stopped with the id given. Nested calls count. */
typedef enum MdRoomMark { MD_ROOM_MARK_RECORDED, MD_ROOM_MARK_STREAMED, MD_ROOM_MARK_MAX } MdRoomMark;
void md_room_mark(MdRoom *room, MdRoomMark mark, bool on, const char *id);
/* Whether the picture and sound of the room may leave it: false with STATE for a confidential one. */
bool md_room_may_leave(MdRoom *room, GError **error);
/* What the console shows of a confidential meeting; "vi", "en". Static. */
const char *md_confidential_notice(const char *language);

/* The same for whichever room of that name has it, one that is ending, too. done is called in any case: at once when there is
 * no such tap. */
void md_conference_remove_tap(MdConference *conference, const char *room, MdRoomTapFn fn, void *user, void (*done)(void *user));
