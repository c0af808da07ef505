/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/source.h"
#include "broadcast/timers.h"
#include "mediad/core/log.h"

/* A station's stream inside a programme: opened some seconds ahead, listened to, and given up for something else while it fails or is
 * silent. Control thread but for bc_relay_is_good. */
typedef struct BcRelay BcRelay;

/* Who fetches streams: http and https by GStreamer unless a test says otherwise. open: pushes into source until close; NULL with
 * error when the address makes no sense. */
typedef struct BcRelayInput {
    void *(*open)(const char *url, const char *const *hosts, BcSource *source, const MdLogger *logger, GError **error);
    void (*close)(void *stream);
} BcRelayInput;
extern const BcRelayInput bc_relay_http;

/* type: "relay.failed" (why: no sound, silent) or "relay.back". */
typedef void (*BcRelayFn)(const char *type, const char *url, const char *why, void *user);

typedef struct BcRelayContext { /* copied; what it points to must outlive every source made with it */
    BcTimers *timers;
    const char *const *hosts;   /* hosts that may be asked, see bc_url_allowed; NULL: none */
    uint32_t opus_bitrate_bps;  /* 0: 32000 */
    const BcRelayInput *input;  /* NULL: bc_relay_http */
    BcRelayFn on_event;         /* may be NULL */
    void *user;
    const MdLogger *logger;     /* may be NULL */
} BcRelayContext;

#define BC_RELAY_SILENCE_US 10000000ll    /* silence_max_us 0 */
#define BC_RELAY_SILENCE_MIN_US 2000000ll
#define BC_RELAY_BACK_US 5000000ll        /* so long it has to be heard again without a break before it is taken back */
#define BC_RELAY_AHEAD_US 8000000ll       /* connected this long before its turn */

/* --- the judgement alone, for tests: is the stream worth hearing? --- */
typedef struct BcRelayJudge {
    int64_t silence_max_us;
    int64_t heard_us, good_since_us; /* when sound was last there; since when without a break */
    uint64_t pushed, loud;
    bool good;
} BcRelayJudge;
/* Good until proved otherwise: sound has silence_max_us to come. */
void bc_relay_judge_init(BcRelayJudge *judge, int64_t silence_max_us, int64_t now_us);
/* Called a few times a second with the counters of the source. True: judge->good has changed; *ret_why is static text. */
bool bc_relay_judge(BcRelayJudge *judge, uint64_t pushed, uint64_t loud, int64_t now_us, const char **ret_why);

/* Closed at first. NULL: BC_ERROR_INVALID (the address, or its host is not among those allowed), FAILED. */
BcRelay *bc_relay_new(const BcRelayContext *context, const char *url, unsigned frame_ms, int64_t silence_max_us, GError **error);
void bc_relay_free(BcRelay *relay);
/* Connects and judges from now on; again: nothing. */
void bc_relay_open(BcRelay *relay);
void bc_relay_close(BcRelay *relay);
/* Its sound: pulled by one worker. Borrowed. */
BcSource *bc_relay_source(const BcRelay *relay);
/* Any thread: is the station to be heard just now? */
bool bc_relay_is_good(const BcRelay *relay);
