/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* What was seen of one site's line, and what is likely wrong with it. Pure; any thread. */
typedef struct MdTrialEvidence {
    bool registered;           /* when it was to be called */
    bool busy_elsewhere;       /* in another meeting all the time: it was not called */
    bool answered;
    bool dropped;              /* it answered, and was gone before the check was over */
    int code;                  /* SIP status of a call that came to nothing, 0: answered or not called */
    double seconds;            /* media was looked at for so long */
    bool encryption_demanded, encrypted;
    bool audio_agreed, video_agreed;
    uint64_t audio_packets, audio_lost, audio_late;
    double level_max_dbov;     /* loudest moment, -127 silence */
    int64_t jitter_us;         /* highest seen, audio */
    int64_t round_trip_us;     /* 0: not known */
    bool reports;              /* it tells (RTCP) how it receives us */
    unsigned remote_loss_permille, remote_video_loss_permille; /* of what we send, as it reports */
    uint64_t video_packets, video_lost;
    uint64_t video_frames, video_decoded, video_moved, video_frozen_ms;
    int video_luma;            /* 0..255, -1: none seen */
} MdTrialEvidence;

typedef enum MdTrialCause {    /* the gravest first */
    MD_TRIAL_BUSY_ELSEWHERE,
    MD_TRIAL_NOT_REGISTERED,
    MD_TRIAL_NO_ANSWER,
    MD_TRIAL_BUSY,
    MD_TRIAL_REFUSED,
    MD_TRIAL_MEDIA_REFUSED,
    MD_TRIAL_CALL_FAILED,
    MD_TRIAL_DROPPED,
    MD_TRIAL_NOT_ENCRYPTED,
    MD_TRIAL_NOTHING_ARRIVES,  /* neither sound nor picture: one-way */
    MD_TRIAL_NO_SOUND,
    MD_TRIAL_SILENT_MICROPHONE,
    MD_TRIAL_NO_PICTURE,
    MD_TRIAL_FROZEN_PICTURE,
    MD_TRIAL_DOES_NOT_HEAR,    /* what we send does not come in there */
    MD_TRIAL_WEAK_LINE,
    MD_TRIAL_WEAK_MICROPHONE,
    MD_TRIAL_LOUD_MICROPHONE,
    MD_TRIAL_DARK_PICTURE,
    MD_TRIAL_STILL_PICTURE,
    MD_TRIAL_NO_VIDEO,         /* the endpoint has none */
    MD_TRIAL_FINE,
    MD_TRIAL_CAUSE_MAX,
} MdTrialCause;
const char *md_trial_cause_to_string(MdTrialCause cause); /* "silent-microphone" */
const char *md_trial_cause_text(MdTrialCause cause);      /* Vietnamese, one sentence */
const char *md_trial_cause_advice(MdTrialCause cause);    /* Vietnamese: what the technician does; "" nothing */
const char *md_trial_cause_text_en(MdTrialCause cause);   /* the same in English */
const char *md_trial_cause_advice_en(MdTrialCause cause);

typedef enum MdTrialGrade { MD_TRIAL_PASS, MD_TRIAL_WARN, MD_TRIAL_FAIL } MdTrialGrade;
const char *md_trial_grade_to_string(MdTrialGrade grade); /* "pass", "warn", "fail" */

#define MD_TRIAL_CAUSES 6
typedef struct MdTrialVerdict {
    MdTrialGrade grade;
    unsigned n;                /* 1..MD_TRIAL_CAUSES */
    MdTrialCause causes[MD_TRIAL_CAUSES]; /* the gravest first; FINE alone when there is nothing */
} MdTrialVerdict;
MdTrialVerdict md_trial_judge(const MdTrialEvidence *evidence);
/* Is it worth looking on for a while: nobody has spoken yet, no picture yet? */
bool md_trial_undecided(const MdTrialEvidence *evidence);
