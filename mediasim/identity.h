/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* Who the simulated loudspeakers of the device link are: each has a certificate and a key of its own, got from mediad with its own
 * one-time code, kept in a folder and used again in the next run. Main thread; blocking. */
typedef struct SimIdentity {
    char *device;
    char *pem_path;  /* key and certificate */
    char *token;     /* for fetching media */
} SimIdentity;

typedef struct SimIdentities {
    char *ca_path;   /* who vouches for the broker */
    char *jwks;      /* what signs manifests and commands */
    GPtrArray *all;  /* of SimIdentity, by name */
} SimIdentities;

typedef struct SimIdentityOptions {
    const char *folder;   /* made when missing */
    const char *codes;    /* file of "DEVICE,CODE" lines, as mediactl devices enrol-codes --csv prints; NULL: all are in the folder */
    const char *url;      /* mediad's API: https://host:8443 */
    const char *ca;       /* who vouches for it, NULL the system's */
    const char *prefix;   /* only devices whose names begin so; NULL all */
    unsigned count;
    void (*progress)(unsigned done, unsigned of, void *user);
    void *user;
} SimIdentityOptions;

/* Enrols those that have a code and are not in the folder yet. False: fewer than count can be had, with the first reason. */
bool sim_identities_load(SimIdentities *ret, const SimIdentityOptions *options, GError **error);
void sim_identities_clear(SimIdentities *identities);
