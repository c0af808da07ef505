/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* What the files of this folder share. Fields are grouped by who may touch them:
 *   C  control thread        W  the room's worker        I  immutable after creation        A  atomic, any thread */
#include <json-glib/json-glib.h>
#include "mediad/audio/codec.h"
#include "mediad/audio/level.h"
#include "mediad/audio/mixer.h"
#include "mediad/audio/tone.h"
#include "mediad/conference/conference.h"
#include "mediad/conference/dial.h"
#include "mediad/conference/keep.h"
#include "mediad/conference/ladder.h"
#include "mediad/conference/pin-guard.h"
#include "mediad/conference/prompts.h"
#include "mediad/conference/wish.h"
#include "mediad/core/bucket.h"
#include "mediad/core/plan.h"
#include "mediad/rtp/packetise.h"

#define MD_ROOM_MEMBERS_MAX 1000
#define MD_ROOM_TAPS_MAX 8
#define MD_MEMBER_LABEL_MAX 128
#define MD_CONTENT_SOURCE 0x7ffffffeu /* the presenter's content in the composer: no member's */
#define MD_CONTENT_FORWARDED UINT32_MAX /* instead of an output: the presenter's own frames */

/* TRIAL: a test room for one that was rung, whose own picture is looked at, too. */
typedef enum MdRoomKind { MD_ROOM_MEETING, MD_ROOM_ECHO, MD_ROOM_TEST, MD_ROOM_TRIAL } MdRoomKind;

typedef struct MdRoomAudio MdRoomAudio;
typedef struct MdRoomVideo MdRoomVideo;
typedef struct MdMember MdMember;
typedef struct MdChannel MdChannel;

/* --- between control and worker ------------------------------------------------------------------------------- */

#define MD_CHANNELS_MAX 8
#define MD_CHANNEL_INTERPRETERS_MAX 4

/* What the listeners of an interpreter's channel hear. Held by plans and control: counted. */
typedef struct MdChannelMix {
    _Atomic int refs;          /* A */
    uint32_t serial;           /* I: never 0, no other channel's of the room */
    MdLimiter limiter;         /* W from here on */
    float floor, floor_before; /* gain of the floor at the end of this tick and of the last one */
    int64_t voiced_us;         /* an interpreter spoke last */
    float voice[MD_AUDIO_TICK_SAMPLES];  /* of the interpreters alone */
    float mixed[MD_AUDIO_TICK_SAMPLES];  /* for whoever does not speak itself */
    float before[MD_AUDIO_TICK_SAMPLES]; /* mixed of the tick before */
} MdChannelMix;

/* NOTHING is a mix, too: the quiet one, with a little noise and the prompts of those who wait. */
typedef enum MdHears { MD_HEARS_NOTHING, MD_HEARS_ROOM, MD_HEARS_SELF } MdHears;

/* One encoder and the packet it made this tick, for all who hear it. Held by plans and control: counted. */
typedef struct MdRoomEncoder {
    _Atomic int refs;          /* A */
    MdLegAudioFormat format;   /* I */
    MdHears hears;             /* I: of a shared one: which mix; SELF: not shared */
    uint32_t channel;          /* I: serial of the channel, 0: the floor */
    unsigned ticks_per_packet; /* I */
    MdAudioEncoder *encoder;   /* W from here on */
    uint64_t tick;             /* last tick encoded */
    bool running;              /* in step with the room's packet grid */
    int len;
    uint8_t payload[MD_AUDIO_PAYLOAD_MAX];
} MdRoomEncoder;

/* One stream of pictures to a seat: W. */
typedef struct MdSeatPictures {
    MdLegVideoFormat format;   /* as last told to control */
    MdLegVideoFormat wanted;   /* as the leg said last */
    uint32_t rise_bps;         /* least that it could take since rate_since_us, 0: not more than now */
    int64_t rate_since_us;     /* its rate went down last, or was last not more than now */
    uint32_t output;           /* whose pictures it is sent */
    bool waits_key;            /* nothing of it can be decoded yet */
    unsigned waited;           /* pictures held back for that */
} MdSeatPictures;

/* A line for another's pictures: W. */
typedef struct MdSeatStream {
    MdLegVideoFormat format;   /* as last told to control */
    uint32_t epoch;            /* of what goes out on it (MdPlanStream), 0 nothing yet */
    uint32_t told;             /* the one control knows of */
    bool waits_key;            /* a picture could not be sent */
} MdSeatStream;

/* A member's place on the worker. Made by control before the leg starts, freed by control after the leg is gone. */
typedef struct MdSeat {
    uint32_t id;               /* I */
    uint32_t generation;       /* I: of the member's legs, one after the other */
    MdLeg *leg;                /* I */
    MdRoomAudio *audio;        /* I */
    MdMixMember mix;           /* W */
    MdVad vad;                 /* W */
    MdPlayer player;           /* W: prompts for this one alone */
    float voice_now;           /* W: an interpreter's gain at the end of the last tick */
    MdLimiter channel_limiter; /* W: of its own mix in a channel */
    bool own_in_use;           /* W: hears its own encoder now */
    MdLegAudioFormat audio_format;   /* W: as last told to control */
    bool formats_told;               /* W */
    MdSeatPictures video, content;   /* W */
    MdSeatStream streams[MD_LEG_STREAMS_MAX]; /* W */
    float pcm[MD_AUDIO_TICK_SAMPLES]; /* W */
    MdLegAudio in;                   /* W */
    _Atomic bool talking;      /* A: written by the worker */
    _Atomic float level_dbov;  /* A: smoothed */
    _Atomic bool gone;         /* A: the leg's last callback has run */
} MdSeat;

/* Whose frames go out on a line as they come; keep: whose did before, until the key frame of from. The epochs tell each change apart. */
typedef struct MdPlanStream {
    MdSeat *from, *keep;       /* NULL nobody */
    uint32_t epoch, keep_epoch;
    uint8_t layer, keep_layer; /* of each one's simulcast; 0 without */
} MdPlanStream;

typedef struct MdPlanSeat {
    MdSeat *seat;
    float gain;                /* 0: not heard */
    MdHears hears;
    uint8_t channel;           /* hears the room by that one of the plan's channels, 1..; 0: the floor as it is */
    uint8_t interprets;        /* speaks into that one instead of the floor; 0: no */
    float voice;               /* and how loud, 0: not heard */
    MdRoomEncoder *own;        /* NULL: nothing can be sent yet */
    MdRoomEncoder *shared;
    uint32_t output;           /* picture it gets, 0 none */
    uint32_t content;          /* what it gets as content: an output, MD_CONTENT_FORWARDED, 0 nothing */
    bool shown;                /* its pictures go to the composer */
    uint8_t forward_layers;    /* of its simulcast, that go to those who get its own stream: a bit each */
    unsigned n_streams;        /* lines that have somebody are among the first so many */
    MdPlanStream streams[MD_LEG_STREAMS_MAX];
} MdPlanSeat;

typedef struct MdPlanTap {
    MdRoomTapFn fn;
    void *user;
} MdPlanTap;

typedef struct MdPlanPicture {
    struct MdTap *tap;
    uint32_t output;           /* 0: none yet */
} MdPlanPicture;

typedef struct MdPlanChannel {
    MdChannelMix *mix;
    float floor;               /* its gain under the interpreter */
} MdPlanChannel;

typedef struct MdRoomPlan {    /* immutable once published */
    MdComposer *composer;      /* NULL: no pictures */
    MdSeat *presenter;         /* whose content is shown; NULL nobody's */
    unsigned n_taps;
    MdPlanTap taps[MD_ROOM_TAPS_MAX];
    unsigned n_pictures;
    MdPlanPicture pictures[MD_ROOM_TAPS_MAX];
    unsigned n_channels;
    MdPlanChannel channels[MD_CHANNELS_MAX];
    unsigned n_seats;
    MdPlanSeat seats[];
} MdRoomPlan;

#define MD_ROOM_STATS(X) \
    X(ticks, COUNTER, "mixer ticks run") \
    X(ticks_late, COUNTER, "mixer ticks begun more than 5 ms late, or left out") \
    X(encodes, COUNTER, "audio encodes made") \
    X(tick_us_max, GAUGE, "longest mixer tick, microseconds") \
    X(tick_us, COUNTER, "time spent in mixer ticks, microseconds")
MD_STATS_STRUCT(MdRoomStats, MD_ROOM_STATS);

struct MdRoomAudio {
    MdWorker *worker;          /* I */
    MdMailbox *control;        /* I */
    MdConference *conference;  /* I: only handed back to control in mail */
    const MdPrompts *prompts;  /* I */
    uint32_t room;             /* I: serial number */
    MdRoomKind kind;           /* I */
    unsigned language;         /* I */
    unsigned cap;              /* I: seats at most */
    MdPlanSlot slot;           /* A */
    MdRoomStats stats;         /* A */
    MdPacketiser packetiser;   /* W: one packetisation for all legs of the room */
    MdTimer timer;             /* W from here on */
    int64_t due_us;
    uint64_t tick;
    bool stopped;
    MdPlayer player;           /* for everybody */
    MdPlayer quiet_player;     /* for everybody who hears nothing of the room */
    MdComfortNoise noise;
    MdTone tone;               /* test room */
    MdMix mix;
    float common[MD_AUDIO_TICK_SAMPLES];
    float before[MD_AUDIO_TICK_SAMPLES]; /* common of the tick before */
    float announced[MD_AUDIO_TICK_SAMPLES]; /* what the player for everybody says; part of common */
    bool announcing;
    float quiet[MD_AUDIO_TICK_SAMPLES];
    float own[MD_AUDIO_TICK_SAMPLES];
    MdMixInput inputs[];
};

MdRoomEncoder *md_room_encoder_new(const MdLegAudioFormat *format, MdHears hears, uint32_t channel);
void md_room_encoder_unref(MdRoomEncoder *encoder);
MdRoomEncoder *md_room_encoder_ref(MdRoomEncoder *encoder);
/* Worker. This tick's part of a packet, unless it was made already; before: the same mix a tick ago. True: it encoded. */
bool md_room_encoder_run(MdRoomEncoder *encoder, uint64_t tick, const float *pcm, const float *before);
bool md_leg_audio_format_equal(const MdLegAudioFormat *a, const MdLegAudioFormat *b);

/* Control. The tick starts on the worker with the first mail and ends with md_room_audio_stop, after which *ret_passed is set. */
MdRoomAudio *md_room_audio_new(MdWorker *worker, MdConference *conference, MdMailbox *control, const MdPrompts *prompts,
                               uint32_t room, MdRoomKind kind, unsigned language, unsigned cap, unsigned loudest);
int md_room_audio_start(MdRoomAudio *audio);
int md_room_audio_stop(MdRoomAudio *audio, _Atomic bool *ret_passed);
void md_room_audio_free(MdRoomAudio *audio);
void md_room_plan_free(void *plan);
/* Queues prompts for one seat (NULL: for all who hear that mix), after what is playing; replace: instead of it. 0, -ENOBUFS. */
int md_room_audio_play(MdRoomAudio *audio, MdSeat *seat, MdHears hears, const uint8_t *prompts, unsigned n, bool replace);
extern const MdLegSink md_seat_sink;
/* room-channel-mix.c, worker: after the common mix was made; and sound (what a seat alone hears of the floor) made what it hears by its channel. */
void md_channels_tick(MdRoomAudio *audio, const MdRoomPlan *plan);
void md_channel_own(const MdRoomAudio *audio, const MdRoomPlan *plan, const MdPlanSeat *at, float *sound);
MdChannelMix *md_channel_mix_new(uint32_t serial);
MdChannelMix *md_channel_mix_ref(MdChannelMix *mix);
void md_channel_mix_unref(MdChannelMix *mix);
/* NULL: not in the plan (any more). */
const MdPlanSeat *md_plan_seat(const MdRoomPlan *plan, const MdSeat *seat);
/* room-content.c, worker: sends a picture of an output (or the presenter's own) to all who get their content from there. */
void md_plan_send_content(const MdRoomPlan *plan, uint32_t output, const MdFrame *frame, int64_t now_us);
void md_seat_follow_content(const MdRoomPlan *plan, const MdPlanSeat *at, int64_t now_us); /* every tick */
void md_seat_on_content(MdLeg *leg, MdFrame *frame, void *user);
void md_seat_on_content_key_request(MdLeg *leg, void *user);
/* room-forward.c, worker: a member's picture goes to all lines that have it. */
void md_seat_on_layer(MdLeg *leg, unsigned layer, MdFrame *frame, void *user);
void md_plan_forward(const MdRoomPlan *plan, const MdSeat *from, unsigned layer, const MdFrame *frame, int64_t now_us);
void md_seat_on_stream_key_request(MdLeg *leg, unsigned stream, void *user);
void md_seat_watch_streams(MdSeat *seat); /* tells control what its lines are like when that has changed */
/* Control: the member a mail is about; NULL: it is gone, or has another leg now. */
MdMember *md_room_audio_member(MdConference *conference, uint32_t room, uint32_t seat, uint32_t generation);
/* Another source of pictures: what comes of it means nothing before its next key frame. True: another than before. */
bool md_pictures_follow(MdSeatPictures *pictures, uint32_t output);
/* Worker mail of the composer's events. */
void md_room_audio_post_frame(MdRoomAudio *audio, uint32_t output, MdFrame *frame);
void md_room_audio_post_need_key(MdRoomAudio *audio, uint32_t source);

/* --- control ---------------------------------------------------------------------------------------------------- */

typedef enum MdMemberState {
    MD_MEMBER_CALLING,   /* signalling under way */
    MD_MEMBER_PIN,       /* asked for the PIN */
    MD_MEMBER_LOBBY,     /* waits to be admitted */
    MD_MEMBER_IN,
    MD_MEMBER_LEAVING,   /* out of the plan next; the call is closed */
    MD_MEMBER_STATE_MAX,
} MdMemberState;

/* Whether a member is sent what it wishes for, or why the room's picture instead. */
typedef enum MdViewState { MD_VIEW_SHOWN, MD_VIEW_LIMIT, MD_VIEW_LOAD } MdViewState;

/* A line of a viewer for another's pictures: C. Ids of members, 0 nobody; epochs as in MdPlanStream. */
typedef struct MdMemberLine {
    MdLegVideoFormat format;   /* as its worker said last */
    uint32_t from, keep, epoch, keep_epoch;
    uint8_t layer, keep_layer; /* of each one's simulcast; 0 without */
    uint32_t shown;            /* epoch that its worker shows */
} MdMemberLine;

typedef struct MdMemberStreams { /* C: what a viewer gets as it comes */
    unsigned wanted;           /* lines that it asked for; 0: the composed picture only */
    unsigned height;           /* of its window, 0 not said */
    uint32_t main;             /* who is largest, 0 nobody */
    MdCallComposed composed;
    MdCallStreamsWhy why;
    int64_t poor_until_us, poor_since_us; /* its network did not carry them: none until then */
    unsigned poor_times, overfull; /* overfull: seconds in a row */
    unsigned spared, roomy, climb; /* layers that its network cannot bear, of the largest; seconds in a row in which it could bear one more, and how many it takes */
    int64_t climbed_us;
    char *told;                /* what its call was told last, NULL nothing */
    MdMemberLine lines[MD_LEG_STREAMS_MAX];
} MdMemberStreams;

/* How much comes from somebody: the most in a second of late. */
typedef struct MdPeakRate {
    int64_t since_us;          /* of the second under way */
    uint64_t bytes;            /* received when it began */
    uint32_t now_bps, before_bps; /* peaks of this stretch and of the one before */
    int64_t stretch_us;
} MdPeakRate;

typedef struct MdForwarded {   /* C: a source of streams */
    uint8_t layers;            /* as in the plan */
    MdPeakRate rate, layer_rates[MD_LEG_LAYERS_MAX];
} MdForwarded;

struct MdMember {              /* C */
    uint32_t id;
    char text_id[16];
    MdRoom *room;
    MdCall *call;              /* own reference */
    MdLeg *leg;
    MdSeat *seat;              /* NULL until media starts */
    bool leg_started, leg_stopped;
    char *name, *uri, *account;
    MdRole role, came;         /* came: with which it was let in */
    MdMemberState state;
    bool established, muted, self_muted, deaf, video_muted, self_hidden, talking;
    bool away;                 /* its signalling broke off and may come back */
    bool past_pin, past_lobby; /* see MdAdmission */
    bool expected;             /* was inside before a restart: no lock keeps it out */
    uint32_t generation;       /* of its legs */
    double gain_db;
    int64_t joined_us, joined_wall_us, spoke_us;
    MdBucket switches;         /* of its own hand, microphone and camera */
    GString *digits;           /* DTMF so far */
    char command;              /* key after a star, '*' just now, 0 none */
    int64_t key_us;            /* of the last key */
    bool chair_muted;          /* as the chair had it when the floor gave its place up */
    bool sent_out;             /* by the chair: no place is kept for it */
    unsigned pin_tries, chair_tries; /* wrong PINs at the door; wrong PINs of the chair inside */
    bool rung;                 /* the room called it: let in as it is */
    int64_t deadline_us;       /* of the PIN, 0 none */
    int64_t hangup_us;         /* hang up then, 0: not */
    int64_t prompt_us;         /* lobby: repeat the prompt then */
    MdDial *dial;              /* dial-list entry it stands for */
    MdLegAudioFormat audio_format;
    MdLegVideoFormat video_format, content_format;
    uint32_t content;          /* as in the plan */
    MdMemberStreams streams;
    MdForwarded forwarded;
    bool has_floor;            /* its call was told of a floor */
    MdRoomEncoder *own;
    bool in_composer;
    char *tile_text;           /* as the composer has it, NULL: its name */
    uint32_t source, output;
    MdWish own_view, chair_view; /* what it wishes to be sent; what the chair wishes it to be: that wins */
    MdViewState view_state;
    int64_t line_us;             /* its line was looked at last */
    uint64_t line_lost, line_received; /* packets up to then */
    unsigned line_good;          /* looks in a row */
    bool bad_line;               /* written in its tile */
    uint32_t view;               /* of its own in the composer, 0: the room's */
};

/* Somebody who dropped out and whose place in the queue, or the floor, is kept. */
typedef struct MdAbsent {      /* C */
    uint32_t id;               /* as a member */
    char *identity, *name;
    MdRole role;
    bool proven;               /* its identity is an account's: it comes back with its role */
} MdAbsent;

/* The former leg of a member that came back: out of the plan next, then taken down. */
typedef struct MdRetired {     /* C */
    MdLeg *leg;                /* NULL: being taken down */
    MdSeat *seat;
} MdRetired;

typedef struct MdTap {
    MdRoomTapFn fn;            /* NULL: pictures are tapped */
    MdRoomPictureTap picture;
    uint32_t output;           /* of the pictures */
    void *user;
    void (*done)(void *user);
    uint32_t followed;         /* W: output the pictures come from */
    bool waits_key;            /* W */
    unsigned waited;           /* W */
    int64_t key_us;            /* W: the last key frame */
    _Atomic bool passed;       /* A: removed, and the worker has ticked past it */
    bool removed, posted;
} MdTap;

struct MdRoom {                /* C */
    MdConference *conference;
    uint32_t serial;
    MdRoomKind kind;
    char *name, *title, *pin, *chair_pin;
    unsigned language, max_members;
    bool wait_for_chair, mute_on_entry, temporary, lobby, locked, muted_all, waiting;
    bool confidential;
    char **sites;              /* confidential: who may take part */
    unsigned marks[MD_ROOM_MARK_MAX];
    MdSecurity security;
    MdWish wish;               /* the layout and seats of all: always set */
    GPtrArray *pins;           /* MdPin* of all wishes */
    GPtrArray *kept_views;     /* wishes of those who dropped out */
    MdLadder ladder;           /* what is saved on members' own views */
    int64_t tour_us, tour_next_us;
    uint32_t tour_member;      /* whom the tour shows first */
    MdWorker *worker;
    unsigned worker_index;
    MdRoomAudio *audio;
    MdRoomVideo *video;        /* NULL: none */
    GPtrArray *members;        /* MdMember*, in order of joining, leaving ones too */
    MdFloor *floor;            /* NULL: no meeting */
    GPtrArray *absent;         /* MdAbsent* */
    int floor_left_s;          /* as written in the holder's tile, -1 nothing */
    GPtrArray *votes;          /* MdVote*, newest last */
    GPtrArray *channels;       /* MdChannel* */
    uint32_t next_channel;
    uint32_t spotlight;        /* member's number, 0 none */
    char *banner;              /* NULL none */
    bool clock;
    int64_t banner_until_us;   /* 0: until changed */
    unsigned next_vote;
    GPtrArray *retired;        /* MdRetired* */
    GPtrArray *dials;          /* MdDial* */
    GPtrArray *encoders;       /* shared MdRoomEncoder* */
    GPtrArray *taps;           /* MdTap* */
    bool plan_dirty, ending, stopping, used;
    int64_t created_us;
    int64_t waiting_us;        /* say again then that the chair is awaited */
    int64_t end_us;            /* everybody is hung up then, 0: not ending */
    int64_t clock_us;          /* test room: next spoken clock */
    MdKeep keep;
    MdMember *speaker, *speaker_before;
    int64_t speaker_us;
    MdMember *presenter;       /* NULL: nobody shows content */
    bool content_in_composer;
    MdPeakRate content_rate;
    uint32_t forward_epoch;    /* the last that was given */
    int64_t forward_us;        /* when its lines were looked at */
    _Atomic bool stopped;      /* A */
    MdLogger logger;
};

struct MdConference {          /* C */
    MdConferenceOptions options;
    MdAudioCodec *audio_codecs;
    MdVideoCodec *video_codecs;
    char *local_host, *local_host6;
    const MdClock *clock;
    MdPrompts *prompts;
    MdPinGuard *pin_guard;
    GHashTable *rooms;         /* name → MdRoom* */
    GHashTable *by_serial;     /* serial → MdRoom*, ending and service rooms too */
    MdRoom *echo, *test;
    unsigned *load;            /* members per worker */
    uint32_t next_serial, next_member;
    bool held;                 /* mediad ends: rooms stay written down as they are */
    guint source;
    MdLogger logger;
};

int64_t md_conference_now_us(const MdConference *conference);
bool md_conference_fail(GError **error, MdConferenceError code, const char *format, ...) G_GNUC_PRINTF(3, 4); /* false */

/* event.c: fields are (name, format letter, value) triples, NULL ends: s text, i int, n int64, b flag, d double, a JsonArray and
 * o JsonObject (both taken) */
void md_room_emit(MdRoom *room, const char *type, const MdMember *member, ...) G_GNUC_NULL_TERMINATED;

/* room-floor.c */
void md_room_floor_init(MdRoom *room);
void md_room_floor_clear(MdRoom *room);
void md_room_floor_reset(MdRoom *room); /* the meeting is over */
/* It has come in: anew, or into the place it dropped out of. Sets its role and mute. */
void md_room_floor_enter(MdMember *member);
void md_room_floor_left(MdMember *member, bool keep); /* keep: it may come back by itself */
void md_room_floor_away(MdMember *member, bool away); /* its signalling */
void md_room_floor_role(MdMember *member);            /* it has another one */
void md_room_floor_mute(MdMember *member, bool mute); /* an order to it alone */
/* Every microphone as the floor says; replans where one changed. */
void md_room_floor_sync(MdRoom *room);
void md_room_floor_mute_absent(MdRoom *room, bool mute, bool except_chair); /* those whose place is kept */
void md_room_floor_tick(MdRoom *room, int64_t now_us);
MdMember *md_room_floor_holder(const MdRoom *room);
/* The member of that number that has not left; NULL. */
MdMember *md_room_member_by_id(const MdRoom *room, uint32_t id);
/* room-floor-state.c */
JsonObject *md_room_floor_keep(MdKeepWriter *writer);         /* rules, who has it, the queue; new */
void md_room_floor_load(MdRoom *room, JsonObject *object);
/* absent.c, with what absent.h has */
/* Who somebody is beyond its call: its account, or the address it called from under that name. New. */
char *md_member_identity(const MdMember *member);

/* room-channel.c */
void md_room_channels_init(MdRoom *room);
void md_room_channels_clear(MdRoom *room);
void md_room_channels_aside(MdRoom *room);            /* tells the floor who interprets */
void md_room_channels_reset(MdRoom *room);            /* the meeting is over */
void md_room_channels_enter(MdMember *member);        /* into the place it had, if it had one */
void md_room_channels_left(MdMember *member, bool keep);
const char *md_member_channel(const MdMember *member, bool interprets); /* that it interprets for, else listens to; NULL */
void md_channels_fill(const MdRoom *room, MdRoomPlan *plan);
void md_channels_fill_seat(const MdMember *member, bool together, MdPlanSeat *at); /* after hears and gain */
JsonArray *md_channels_keep(MdKeepWriter *writer);    /* new */
void md_channels_load(MdRoom *room, JsonArray *array);
uint32_t md_channel_serial(const MdRoom *room, const MdPlanSeat *at); /* of what it hears, 0: the floor */

#include "mediad/conference/pictures.h"

/* room-vote.c */
void md_room_vote_tick(MdRoom *room, int64_t now_us);
MdVote *md_room_open_vote(const MdRoom *room);
void md_room_vote_role(MdMember *member);             /* it may have lost its vote */
void md_room_vote_end(MdRoom *room, bool forget);     /* the meeting is over */

/* peak-rate.c: bytes as counted at now_us, once a second */
void md_peak_rate_take(MdPeakRate *rate, uint64_t bytes, int64_t now_us);
uint32_t md_peak_rate_bps(const MdPeakRate *rate);

/* keys.c: what a key does inside the room */
void md_keys_digit(MdMember *member, char digit);

/* room.c */
MdRoom *md_room_new(MdConference *conference, MdRoomKind kind, const MdRoomSpec *spec);
void md_room_free(MdRoom *room);
void md_room_tick(MdRoom *room, int64_t now_us);
/* Recomputes whether the room waits for its chair. */
void md_room_update_chair(MdRoom *room);
unsigned md_room_count(const MdRoom *room); /* members that are not leaving */
MdMember *md_room_member(MdRoom *room, const char *id, GError **error);
/* Hangs up everybody and lets go as soon as all are down. */
void md_room_close(MdRoom *room, const char *reason);
void md_room_play(MdRoom *room, MdMember *member, const uint8_t *prompts, unsigned n, bool replace);

/* room-tap.c */
void md_room_reap_taps(MdRoom *room);
bool md_room_has_taps(const MdRoom *room, bool pictures); /* that are not being removed */
/* Says what leaves the room to one who has come in. */
void md_room_say_marks(MdRoom *room, MdMember *member);
const char *md_room_sign(const MdRoom *room); /* for the pictures; NULL none */

/* confidential.c */
bool md_room_names(const MdRoom *room, const char *account); /* a site of a confidential room */
/* Why the call may not take part; NULL: it may. */
const char *md_confidential_refusal(const MdRoom *room, const MdCallInfo *info, MdRole role);
/* Whether an event of a confidential room may be told: attendance only. */
bool md_confidential_tells(const char *type);

/* room-plan.c */
void md_room_replan(MdRoom *room);

/* member.c */
extern const MdCallHandler md_member_call_handler;
MdMember *md_member_new(MdRoom *room, MdCall *call, MdRole role);
void md_member_free(MdMember *member);
bool md_member_make_leg(MdMember *member, const char *local_host, GError **error);
void md_member_retire_leg(MdMember *member); /* the next offer makes a new one */
void md_member_leave(MdMember *member, int code, const char *reason); /* the call is closed or being hung up */
void md_member_hang_up(MdMember *member, const char *reason);
void md_member_enter(MdMember *member);  /* past PIN and lobby */
void md_member_tick(MdMember *member, int64_t now_us);
void md_member_dtmf(MdMember *member, char digit);
bool md_member_is_hidden(const MdMember *member); /* its picture is not shown: by the chair, or by itself */
bool md_member_sees(const MdMember *member); /* takes part: neither at the door nor on its way out */

/* ivr.c */
bool md_ivr_needs_pin(const MdMember *member);
void md_ivr_begin(MdMember *member);
void md_ivr_digit(MdMember *member, char digit);
bool md_ivr_pin_equal(const char *given, const char *pin); /* in constant time; NULL pin: never */
/* Says why it may not come in, then hangs up. */
void md_ivr_turn_away(MdMember *member, uint8_t prompt);
/* A wrong PIN, counted for the party over all its calls; true when no PIN of it counts any more for now. */
bool md_ivr_count_wrong(MdMember *member);
bool md_ivr_is_blocked(const MdMember *member);
void md_ivr_tick(MdMember *member, int64_t now_us);

/* content.c */
void md_content_update_source(MdRoom *room);  /* during md_room_video_update */
void md_content_update_receivers(MdRoom *room);
bool md_content_is_composed_for(const MdMember *member); /* it sees the content in its main picture */
void md_content_tick(MdRoom *room, int64_t now_us);
void md_content_member_gone(MdMember *member);
void md_content_agreed(MdMember *member);     /* its leg has agreed, perhaps on a floor */
void md_content_tell(MdMember *member);       /* who presents, to its call */
void md_content_request(MdMember *member, bool wanted);

/* forward.c */
void md_forward_update(MdRoom *room);         /* during md_room_video_update, after the sources */
bool md_forward_main_format(const MdMember *member, MdLegVideoFormat *format); /* of its composed picture; false: it rests */
void md_forward_fill(const MdMember *member, MdPlanSeat *at);
void md_forward_tell(MdMember *member, bool again); /* what its lines show, when it has changed or again */
void md_forward_reset(MdMember *member);      /* its leg goes */
void md_forward_format(MdMember *member, unsigned stream, const MdLegVideoFormat *format);
void md_forward_shown(MdMember *member, unsigned stream, uint32_t epoch);
/* forward-layers.c */
unsigned md_forward_layer(const MdMember *viewer, const MdMember *from, unsigned spared); /* of its simulcast, 0 without */
void md_forward_tick(MdRoom *room, int64_t now_us);

/* test-room.c */
void md_test_room_tick(MdRoom *room, int64_t now_us); /* every 100 ms */
