/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/audio/codec.h"
#include "mediad/rtp/stream.h"
#include "mediasim/line.h"

/* Loudspeakers that only receive. An announcement is the same bytes for all who share its key, so a thread
 * decrypts and decodes the first copy of each packet and compares the others with it byte for byte (by a hash
 * of the ciphertext): every loudspeaker is checked in full, at the price of one. Thread, except where said.
 */
#define SIM_FEED_SLOTS 1024
#define SIM_FEEDS_MAX 64

typedef struct SimFeedSlot {
    bool valid, loud;
    uint16_t seq;
    uint32_t ssrc;
    size_t len;
    uint64_t hash;
} SimFeedSlot;

typedef struct SimFeed { /* one announcement under one key and codec, as this thread knows it */
    bool secured;
    MdSrtpKey key;
    MdAudioCodec codec;
    MdSrtp *rx;
    MdAudioDecoder *decoder;
    uint64_t packets, loud; /* distinct ones; with sound in them */
    uint64_t undecodable;
    SimFeedSlot slots[SIM_FEED_SLOTS];
} SimFeed;

typedef struct SimBooth { /* a thread's loudspeakers share it */
    SimThread thread;
    SimFeed *feeds[SIM_FEEDS_MAX];
    unsigned n_feeds;
} SimBooth;

typedef struct SimSpeaker {
    unsigned index;
    SimBooth *booth;
    int fd; /* -1: none */
    MdAddr local, remote;
    MdWatch watch;
    bool playing;
    uint8_t payload_type;
    SimFeed *feed;
    MdStream stream;
    uint64_t received, loud, rejected, differing;
    int64_t first_us, audible_us, last_us; /* 0: not yet; monotonic */
    int64_t gap_most_us;                   /* longest time between packets */
} SimSpeaker;

/* Main thread. */
int sim_booth_init(SimBooth *booth, const MdWorkerOptions *worker, const SimImpairOptions *in);
void sim_booth_clear(SimBooth *booth);
/* Binds host:port. 0 or -errno. */
int sim_speaker_init(SimSpeaker *speaker, unsigned index, SimBooth *booth, const char *host, uint16_t port);
void sim_speaker_clear(SimSpeaker *speaker);
/* Thread. */
void sim_speaker_play(SimSpeaker *speaker, const MdAgreedMedia *agreed);
void sim_speaker_stop(SimSpeaker *speaker);
/* One datagram; for tests too. */
void sim_speaker_packet(SimSpeaker *speaker, const uint8_t *data, size_t len, int64_t now_us);
