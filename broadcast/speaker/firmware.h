/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/speaker/fetch.h"

/* A new image: only what its maker signed, whole and unchanged, reaches the configured program; there is no shell. Control thread. */
typedef struct BcFirmware BcFirmware;
typedef struct BcFirmwareOptions {
    const char *state_dir, *program, *ca_file, *token; /* program NULL: every image is refused */
    int64_t (*clock)(void *user);
    bool (*silent)(void *user);      /* nothing sounds, nor will in the next minute: installing may begin */
    /* It is over: refusal NULL, the program has taken it and ended well. */
    void (*done)(const char *command, const char *refusal, void *user);
    void *user;
} BcFirmwareOptions;
BcFirmware *bc_firmware_new(const BcFirmwareOptions *options, GError **error);
void bc_firmware_free(BcFirmware *firmware);
/* Checks the notice against trust and the command, then fetches. NULL: it is on its way, done follows; else the reason of the refusal. */
const char *bc_firmware_order(BcFirmware *firmware, const BcTrust *trust, const BcLinkCommand *command);
