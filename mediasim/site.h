/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/audio/codec.h"
#include "mediad/rtp/depacketise.h"
#include "mediad/rtp/jitter.h"
#include "mediad/rtp/keyreq.h"
#include "mediad/rtp/nack.h"
#include "mediad/rtp/sender.h"
#include "mediad/rtp/stream.h"
#include "mediad/video/decoder.h"
#include "mediasim/clip.h"
#include "mediasim/ear.h"
#include "mediasim/line.h"

/* One site's media: talks and shows by its thread's clock, hears and sees, judges. Owned by its thread; made
 * and read by main while the thread does not run. */
typedef struct SimQuiet { /* what a silent microphone sends: a second of faint noise, encoded once for all */
    unsigned n;
    uint16_t len[50];
    uint8_t payload[50][160];
} SimQuiet;
int sim_quiet_make(SimQuiet *quiet);

typedef struct SimSiteSpec { /* shared by all sites; outlives them */
    const SimTalk *talk;     /* the thread's copy: written by the thread only */
    const SimQuiet *quiet;
    SimCamera *cameras; /* of all sites; NULL: no pictures */
    const SimClip *clips;
    unsigned fps;
    double hear_min;
    SimEyeLimits eye_limits;
    unsigned sites;
} SimSiteSpec;

typedef struct SimWay { /* one direction pair of a line: what RTCP needs */
    MdSender sender;
    MdStream stream;
    uint32_t remote_ssrc;
    int64_t report_us;      /* next RTCP */
    uint64_t reported_lost; /* what the server says it missed of ours */
    int64_t round_trip_us;
} SimWay;

typedef struct SimSite {
    unsigned index;
    const SimSiteSpec *spec;
    SimLine audio, video;
    SimWay audio_way, video_way;
    bool audio_on, video_on;
    uint64_t random;
    /* microphone */
    SimVoice voice;
    MdAudioEncoder *encoder;
    uint32_t media_ts;
    unsigned quiet_at;
    bool talking;
    /* ear; NULL: not judged */
    SimEar *ear;
    MdAudioCodec receive_codec;
    uint8_t receive_pt;
    MdJitter *jitter;
    MdAudioDecoder *decoder;
    float fifo[MD_AUDIO_PACKET_SAMPLES_MAX + MD_AUDIO_TICK_SAMPLES];
    unsigned fifo_len;
    bool quiet;
    /* camera */
    MdTimer camera_timer;
    int64_t camera_start_us, camera_due_us;
    unsigned loop_at;
    uint64_t pictures_sent;
    MdKeyRequests asked; /* of us */
    MdRtxCache *sent;
    /* eye; NULL: not judged */
    SimEye *eye;
    unsigned look_every, look_at;
    uint8_t video_pt;
    MdReorder *reorder;
    MdDepacketiser *depacketiser;
    MdKeyGate gate;
    MdKeyRequests asking; /* by us */
    MdDecoder *picture_decoder;
    uint64_t pictures_received, pictures_decoded, bytes_received;
} SimSite;

/* Main. judge_* decide whether it decodes. 0 or -errno. */
int sim_site_init(SimSite *site, unsigned index, const SimSiteSpec *spec, SimThread *thread,
                  MdPortPool *ports, const MdAddr *local, bool video, bool judge_audio, bool judge_video,
                  uint64_t seed);
void sim_site_clear(SimSite *site);
/* Thread: what was agreed, at first or anew. */
void sim_site_agree(SimSite *site, const MdAgreed *agreed, int64_t now_us);
/* Thread: the meeting begins, forget what was seen so far. */
void sim_site_judge(SimSite *site);
void sim_site_close(SimSite *site); /* RTCP BYE, sockets no longer read */
/* Thread: every 20 ms. */
void sim_site_tick(SimSite *site, int64_t due_us);
