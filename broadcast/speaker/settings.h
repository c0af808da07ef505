/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/speaker/output.h"
#include "broadcast/speaker/proof.h"

/* Settings of speakerd: one table (settings.c) makes the reader, --print-config and the checks. Texts left out are NULL. */
typedef struct BcSettings {
    char *device;                /* id; NULL: as enrolled */
    char *state_dir;
    char *broker_host;
    int broker_port;
    bool broker_tls;
    char *broker_ca, *broker_certificate, *broker_key;
    char *media_base, *media_ca;
    int media_max_mb;
    int output_kind;             /* BcOutputKind */
    char *output_device;
    int output_latency_ms, output_offset_ms;
    int proof_kind;              /* BcProofKind */
    char *proof_device;
    bool proof_microphone;
    int telemetry_s;
    char *firmware_command;      /* program that gets the image's path as its only argument */
    char *firmware_keys;         /* JWKS file of the image's makers, NULL: those of the link */
    char *log_level;
} BcSettings;

/* NULL with error: "FILE:LINE: what". path NULL: all defaults. */
BcSettings *bc_settings_load(const char *path, GError **error);
void bc_settings_free(BcSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcSettings, bc_settings_free)
/* As a file with every setting, its unit, range and meaning; g_free. */
char *bc_settings_print(const BcSettings *settings);
