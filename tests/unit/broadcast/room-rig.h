/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"
#include <math.h>
#include <string.h>
#include <unistd.h>
#include "mediad/rtp/packet.h"
#include "mediad/transport/srtp.h"
#include "mediad/transport/udp.h"

/* The whole room on a clock turned by hand: a real store, real sockets, workers stepped, and a dialler whose loudspeakers do as
 * their names say: ok, busy (486), mute (rings until the time-out), late (answers after 6 s), drop (hangs up after 3 s of
 * sound, twice), weak (hangs up after 35 s, always), off (not registered), none (answers with no codec), video (488), far (answers with
 * an address to which nothing can be sent). */
#define S ((int64_t)1000000)
#define T0 (1795384800 * S) /* 2026-11-23 05:00 in Hà Tĩnh */
enum { SETTLE_MS = 20 };

typedef struct Speaker {
    char *id;
    int fd;
    MdAddr local;
    unsigned packets, dials, hangups;
    int64_t first_us, last_us; /* of packets, virtual wall time */
    MdSrtp *srtp;
    MdAudioDecoder *decoder;
    float pcm[48000 * 8];
    unsigned samples;
    char *headers;
    float level[900]; /* loudest sample by tenth of a second from T0 on */
} Speaker;

typedef struct FakeCall {
    struct Rig *rig;
    Speaker *speaker;
    MdCall *call;
    int64_t answer_us, close_us, dialled_us;
    int close_code;
    bool gone;
    char *offer, *answered;
} FakeCall;

typedef struct Rig {
    MdVirtualClock clock;
    MdWorker *workers[2];
    MdMailbox *control;
    char *dir;
    MdStore *store;
    BcBroadcast *b;
    MdDialer dialer;
    GHashTable *speakers;
    GPtrArray *calls;
    BcTapFn tap_fn;
    void *tap_user;
    unsigned tick;
    GString *events;
} Rig;

typedef struct Found {
    unsigned n;
    GString *text;
    BcRun last; /* numbers only */
    int64_t from_us, to_us, rings;
} Found;

int64_t rig_wall(Rig *rig);
Speaker *rig_speaker(Rig *rig, const char *id);
double rig_purity(const float *pcm, unsigned n, double hz);
void rig_open_room(Rig *rig, const char *database);
void rig_close_room(Rig *rig);
void rig_on_done(const GError *error, void *user);
void rig_wait_flag(const int *flag);
void rig_put_device(Rig *rig, const char *id, const char *area);
/* A tone of 440 Hz, 6 s. */
char *rig_add_content(Rig *rig);
void rig_init(Rig *rig);
void rig_clear(Rig *rig);
/* Time goes on in steps of 20 ms; what the store and the disk owe is waited for before each. */
void rig_run_to(Rig *rig, int64_t until_wall);
char *rig_schedule(Rig *rig, const char *content, const char *area, const char *start, const char *rule, BcPriority priority, unsigned grace_s);
bool rig_barrier(MdDb *db, gpointer data, GError **error);
void rig_runs(Rig *rig, Found *found);
/* Last line of a loudspeaker's play log. */
void rig_check_play(Rig *rig, const char *device, const char *expected, Found *ret);
void rig_copy_database(Rig *rig);
void rig_on_started(const char *id, const GError *error, void *user);
char *rig_play(Rig *rig, const char *content, BcPriority priority, const char *title);
/* Loudest sample between two moments after T0, in seconds. */
float rig_loudest(const Speaker *s, double from_s, double to_s);
void rig_set_quiet(Rig *rig, const char *area, unsigned from_s, unsigned to_s);
