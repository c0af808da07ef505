/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <gio/gio.h>
#include "broadcast/speaker/settings.h"
#include "mediad/core/log.h"

/* A loudspeaker: all its parts wired together on one main loop. */
#define BC_SPEAKER_EXIT_RESTART 3  /* the service manager starts it again */

typedef struct BcSpeaker BcSpeaker;
/* settings and log are borrowed and must outlive it. */
BcSpeaker *bc_speaker_new(const BcSettings *settings, MdLog *log, GError **error);
void bc_speaker_free(BcSpeaker *speaker);
/* Runs until SIGTERM, SIGINT or a restart is ordered: the exit code. */
int bc_speaker_run(BcSpeaker *speaker);
