/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <glib.h>

#include "mediad/audio/codec.h"
#include "mediad/audio/tone.h"
#include "mediad/leg/leg-private.h"

/* Two legs back to back on one stepped worker with a virtual clock; packets travel by memory, 10 ms late, seeded loss. */
#define PAIR_QUEUE 4096

typedef struct PairPacket {
    unsigned to, media;
    bool rtcp;
    MdAddr from;
    int64_t due_us;
    size_t len;
    uint8_t data[MD_UDP_PACKET_MAX];
} PairPacket;

typedef struct Pair Pair;
typedef struct PairSide {
    Pair *pair;
    unsigned index;
    MdLeg *leg;
    uint16_t port[MD_LEG_MEDIA_MAX]; /* RTP of sound, pictures and content, RTCP is the next */
    MdAudioEncoder *encoder;
    MdAudioCodec encoding;
    MdTone tone;
    double hz;
    float heard[MD_AUDIO_RATE];   /* the last second */
    unsigned voiced_ticks;
    unsigned key_requests, pictures, damaged, digits;
    char last_digit;
    MdFrame *last_picture;
    unsigned slides, slide_key_requests; /* content */
    MdFrame *last_slide;
    void (*on_slide)(struct PairSide *side, const MdFrame *frame); /* test: NULL nobody looks */
    unsigned stream_key_requests, last_stream;
    unsigned sent_rtp, sent_rtcp;
    MdAddr from_override;         /* set: packets seem to come from here (a NAT) */
    bool done;
} PairSide;

struct Pair {
    MdVirtualClock clock;
    MdWorker *worker;
    MdMailbox *control;
    MdDtlsIdentity *identity;
    MdPacketiser packetiser;
    PairSide side[2];
    GQueue wire;
    unsigned loss_percent;
    uint32_t narrow_bps; /* from side 1 to side 0; 0: as wide as one likes */
    int64_t narrow_free_us, queue_us; /* when it has done with what it has; how long the last packet waited */
    bool browser; /* packets are one path's, whatever line they are of */
    uint32_t seed;
    bool (*tap)(Pair *pair, unsigned from, unsigned media, const uint8_t *data, size_t len); /* sees everything; true: drop it */
};

typedef struct PairOptions {
    MdSecurity security[2];
    bool browser; /* one path for all lines; wants dtls */
    bool dtls, offer_dtls, video, content, offer_content, authenticated;
    unsigned streams;
    const MdAudioCodec *codecs;
    unsigned n_codecs;
    const char *peer_host;
} PairOptions;

void pair_init(Pair *pair, const PairOptions *options);
void pair_clear(Pair *pair);
/* side 1 offers, side 0 answers */
void pair_connect(Pair *pair);
/* edit: NULL, or changes the offer on its way (takes and returns g_free'able text) */
void pair_reinvite(Pair *pair, char *(*edit)(char *sdp));
/* What pair_connect does after the description. */
void pair_handshake(Pair *pair);
/* ms of talk; every leg speaks its tone */
void pair_run(Pair *pair, unsigned ms);
float pair_heard(const Pair *pair, unsigned side, double hz);
char *pair_replace(char *text, const char *from, const char *to);
