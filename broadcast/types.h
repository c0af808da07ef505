/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include "mediad/store/store.h"

/* Words this folder shares. */
#define BC_ERROR (bc_error_quark())
GQuark bc_error_quark(void);
typedef enum BcError {
    BC_ERROR_INVALID,   /* the request makes no sense: the message says which field */
    BC_ERROR_NOT_FOUND,
    BC_ERROR_EXISTS,
    BC_ERROR_IN_USE,    /* something still needs it */
    BC_ERROR_LIMIT,
    BC_ERROR_STATE,     /* not now: already ended, shutting down */
    BC_ERROR_CONTENT,   /* a file that cannot be broadcast: undecodable, silent, too long, clipped */
    BC_ERROR_FAILED,    /* disk, network, helper program */
    BC_ERROR_CHANGED,   /* somebody else changed it meanwhile: the message says who and what */
    BC_ERROR_FORBIDDEN, /* not by this person: another area, own work */
} BcError;

/* Sets a BC_ERROR. Always false. */
bool bc_refuse(GError **error, BcError code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Smaller is more urgent, as on the wire of the national system (Circular 39/2020: emergency, priority, normal). */
typedef enum BcPriority { BC_EMERGENCY = 1, BC_PRIORITY = 2, BC_NORMAL = 3, BC_PRIORITY_MAX, BC_PRIORITY_INVALID = -1 } BcPriority;
const char *bc_priority_to_string(BcPriority priority); /* "emergency", "priority", "normal" */
BcPriority bc_priority_from_string(const char *name);

/* Called once on the control thread: NULL when the change is durable, else why it was refused (nothing changed). */
typedef void (*BcDoneFn)(const GError *error, void *user);

/* 1..max bytes of UTF-8 without control characters. */
bool bc_text_ok(const char *text, gsize max);
/* 1..max of [A-Za-z0-9._-]; also safe as a file name and in a URL (never "." or ".."). */
bool bc_code_ok(const char *code, gsize max);
/* 16 random hex digits with a prefix: "s-1f…"; g_free. */
char *bc_new_id(const char *prefix);

GPtrArray *bc_table_values(GHashTable *table); /* borrowed values; unref the array */

/* A write on the store thread, then apply on control, then done. owner is referenced (g_rc_box) meanwhile; apply may be NULL. */
typedef void (*BcApplyFn)(gpointer owner, gpointer data);
void bc_write(MdStore *store, MdStoreFn fn, gpointer data, GDestroyNotify free_data, gpointer owner,
              GDestroyNotify owner_unref, BcApplyFn apply, BcDoneFn done, void *user);

extern const MdMigration bc_migrations[]; /* numbers 300..399 */
extern const unsigned bc_n_migrations;
