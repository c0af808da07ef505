/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/speaker/broker.h"
#include "broadcast/speaker/core/timing.h"
#include "broadcast/speaker/diary.h"
#include "broadcast/speaker/fetch.h"
#include "broadcast/speaker/firmware.h"
#include "broadcast/speaker/identity.h"
#include "broadcast/speaker/player.h"
#include "broadcast/speaker/reports.h"
#include "broadcast/speaker/speaker.h"

/* Inside speaker.c and its neighbours speaker-link.c, speaker-sound.c. */
struct BcSpeaker {
    /* immutable */
    const BcSettings *settings;
    MdLogger logger;
    char *device, *state_dir;
    int64_t boot_us;
    /* any thread, locked inside */
    BcShelf *shelf;
    BcProof *proof;
    BcDiary *diary;
    GMutex time_lock;            /* timing */
    BcTiming timing;
    /* control thread and output thread, under lock; lock order: lock, then whatever is locked inside */
    GMutex lock;
    BcDuty *desk;
    GQueue news;                 /* BcLinkReport *, told by the desk */
    bool news_told;              /* control has been woken */
    /* output thread */
    int64_t block_mono_us, block_server_us;
    /* control thread */
    GMainLoop *loop;
    int exit_code;
    bool restart_ordered;
    BcIdentity *identity;
    BcOutput *output;
    BcPlayer *player;            /* see player.h */
    BcFetch *fetch;
    BcFirmware *firmware;
    BcReportQueue *reports;
    BcBroker *broker;
    int64_t reports_sent;        /* sequence, on this connection */
    int64_t reports_sent_us, telemetry_us, seen_us, said_us;
    char *said_state;            /* as published last */
    char *output_error;          /* as logged last */
    char *next_key;              /* of the certificate that was asked for, PEM; NULL none */
    int64_t trial_us, renew_us;  /* monotonic: until when a new certificate is tried (0 none, -1 begins), when the present one is looked at */
    bool serial_told;            /* which certificate is in use */
    guint tick, sources[2];
};

int64_t bc_speaker_now_us(BcSpeaker *speaker);              /* server time; any thread */
int64_t bc_speaker_time_us(BcSpeaker *speaker, int64_t mono_us);
bool bc_speaker_save(BcSpeaker *speaker);                   /* the desk's memory; false: it cannot be kept (logged) */
void bc_speaker_wanted(BcSpeaker *speaker);                 /* what to fetch has changed */
/* speaker-sound.c */
bool bc_speaker_open_sound(BcSpeaker *speaker, GError **error);
bool bc_speaker_start_sound(BcSpeaker *speaker, GError **error);
void bc_speaker_take_news(BcSpeaker *speaker);
/* speaker-link.c */
bool bc_speaker_open_link(BcSpeaker *speaker, GError **error);
bool bc_speaker_connect(BcSpeaker *speaker, const char *certificate, const char *key, GError **error);
void bc_speaker_say_state(BcSpeaker *speaker);
void bc_speaker_say_reports(BcSpeaker *speaker, bool again);
void bc_speaker_say_telemetry(BcSpeaker *speaker);
void bc_speaker_ask_clock(BcSpeaker *speaker);
bool bc_speaker_load_manifest(BcSpeaker *speaker);
/* speaker-renew.c */
void bc_speaker_tend_certificate(BcSpeaker *speaker);       /* every tick */
void bc_speaker_take_certificate(BcSpeaker *speaker, const char *text, gsize len);
void bc_speaker_firmware_done(const char *command, const char *refusal, void *user);
