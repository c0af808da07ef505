/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>

/* Files that survive a power cut at any instant: what is read back is the old text whole or the new text whole. Written to a
 * temporary name, flushed, renamed, and the folder flushed. Blocking; any thread, one writer per name. */
#define BC_KEEP_ERROR (bc_keep_error_quark())
GQuark bc_keep_error_quark(void);
typedef enum BcKeepError { BC_KEEP_ERROR_MISSING, BC_KEEP_ERROR_FULL /* no space on the disk */, BC_KEEP_ERROR_FAILED } BcKeepError;

#define BC_KEEP_MAX (4u * 1024 * 1024) /* bytes of one file */

/* mode: 0600 for secrets. */
bool bc_keep_write(const char *folder, const char *name, const char *bytes, gsize len, int mode, GError **error);
/* g_free; NUL-terminated beyond its end. */
char *bc_keep_read(const char *folder, const char *name, gsize *ret_len, GError **error);
bool bc_keep_remove(const char *folder, const char *name, GError **error);

/* Takes the place of to, if from is there. */
bool bc_keep_rename(const char *folder, const char *from, const char *to, GError **error);

/* Tests: called before every step that changes the disk ("open", "write", "fsync", "rename", "fsync-folder"); false: the power goes
 * at that instant, nothing further reaches the disk and the call fails. NULL: none. */
typedef bool (*BcKeepCutFn)(const char *step, void *user);
void bc_keep_set_cut(BcKeepCutFn fn, void *user);
