/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/link/protocol.h"

/* The files on this device: named by their SHA-256, whole and checked, or "SHA.part" while they are fetched. Bounded; what no manifest
 * names any more goes first when room is needed, the longest unused first. Control thread but for has and path. */
typedef struct BcShelf BcShelf;
/* Makes the folder; takes stock of it. */
BcShelf *bc_shelf_open(const char *folder, int64_t max_bytes, GError **error);
void bc_shelf_free(BcShelf *shelf);
bool bc_shelf_has(BcShelf *shelf, const char *sha256);      /* any thread */
char *bc_shelf_path(BcShelf *shelf, const char *sha256);    /* g_free; NULL not there. Any thread */
char *bc_shelf_part_path(BcShelf *shelf, const char *sha256); /* g_free */
int64_t bc_shelf_part_bytes(BcShelf *shelf, const char *sha256); /* 0 none */

/* What is wanted, from the manifest and what orders need besides. Copied. */
typedef struct BcShelfWant {
    BcLinkMedia media;           /* texts owned by the shelf in what next returns */
    int64_t due_us;              /* when it sounds first; 0 at once */
} BcShelfWant;
void bc_shelf_want(BcShelf *shelf, const BcLinkManifest *manifest, const BcShelfWant *more, unsigned n_more, int64_t now_us);
unsigned bc_shelf_wanted(BcShelf *shelf, unsigned *ret_stored);
/* What to fetch next: what is due within two hours by its time, then the smallest first, so that most items are there soonest. Those put off
 * are passed over until their time. NULL nothing. Borrowed until the next want. */
const BcShelfWant *bc_shelf_next(BcShelf *shelf, int64_t now_us);
void bc_shelf_put_off(BcShelf *shelf, const char *sha256, int64_t until_us);
/* Room for bytes more: deletes what is not wanted. False: there is none. */
bool bc_shelf_make_room(BcShelf *shelf, int64_t bytes);
/* The part is complete: checks its hash, flushes it, gives it its name. False: the part is wrong and gone, or cannot be kept. */
bool bc_shelf_accept(BcShelf *shelf, const char *sha256, GError **error);
