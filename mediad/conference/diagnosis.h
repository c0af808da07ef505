/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/conference/conference.h"

/* "Why can't they hear me?" A site's sound and picture followed hop by hop to one who should hear and see it (or into the meeting, when
 * none is named): the first hop that is broken, what is the likely cause, what to do. Pure: evidence in, verdict out. */

typedef struct MdPartyEvidence {     /* of one member over the time looked at; counts are what came on top meanwhile */
    bool here, in_lobby, muted, self_muted, floor_muted, deaf, video_muted, talking;
    bool has_sound, has_picture;     /* agreed on */
    MdRole role;
    double gain_db;
    uint64_t audio_received, audio_lost, audio_late, audio_concealed, audio_sent;
    uint64_t video_received, video_lost, video_frames, video_damaged, video_sent;
    uint64_t rejected;
    uint64_t jitter_us, remote_loss_permille, remote_video_loss_permille;
    uint64_t estimate_bps, video_target_bps; /* of what is sent to it; estimate: 0 not known */
    int luma;                        /* mean brightness of its last picture, 0..255; -1: not known */
    unsigned quiet_cbov;             /* loudest moment, hundredths of a dB below overload; 12700: nothing */
} MdPartyEvidence;

typedef struct MdEvidence {
    int64_t window_us;
    bool waiting_for_chair;
    bool has_listener;
    MdPartyEvidence site, listener;
} MdEvidence;

typedef enum MdHopState { MD_HOP_OK, MD_HOP_SUSPECT, MD_HOP_BROKEN, MD_HOP_UNKNOWN, MD_HOP_STATE_MAX } MdHopState;
const char *md_hop_state_to_string(MdHopState state); /* "ok", "suspect", "broken", "unknown" */

typedef struct MdHop {
    const char *name;                /* "microphone", "packets" … */
    MdHopState state;
} MdHop;
#define MD_HOPS_MAX 12

typedef struct MdDiagnosis {         /* texts are static */
    unsigned n;
    MdHop hops[MD_HOPS_MAX];
    int first;                       /* the hop to mend: the first broken one, else the first suspect one; -1: all is well */
    const char *code;                /* "muted-by-chair" …, "fine" */
    const char *cause_vi, *cause_en, *advice_vi, *advice_en;
} MdDiagnosis;
void md_diagnose_sound(const MdEvidence *evidence, MdDiagnosis *ret);
void md_diagnose_picture(const MdEvidence *evidence, MdDiagnosis *ret);

/* Gathering, control thread: begin once, look some times (the loudest moment counts), then the evidence is whole. Looking says false when
 * the site is gone. listener NULL: none. */
typedef struct MdGathering MdGathering;
MdGathering *md_gathering_new(const char *site, const char *listener);
void md_gathering_free(MdGathering *gathering);
bool md_gathering_look(MdGathering *gathering, MdRoom *room, int64_t now_us);
const MdEvidence *md_gathering_evidence(const MdGathering *gathering);
