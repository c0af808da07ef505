/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/types.h"

/* The tree of areas, of any depth (province, commune, village today). Kept whole in memory, every change durable before it
 * shows. Control thread. Counted (g_rc_box): a pending write holds it. */
typedef struct BcAreas BcAreas;

typedef struct BcArea {   /* strings owned by the tree, valid until control returns to the main loop */
    const char *code;     /* administrative code: [A-Za-z0-9._-]{1,32} */
    const char *ident;    /* identifier code of the exchange system, another numbering; NULL none */
    const char *kind;     /* "province", "commune", "village" … : [A-Za-z0-9._-]{1,32} */
    const char *parent;   /* code, NULL: a root */
    const char *name;     /* UTF-8, up to 200 bytes */
} BcArea;

#define BC_AREAS_MAX 100000u
#define BC_AREA_DEPTH_MAX 16u

BcAreas *bc_areas_new(MdStore *store, GError **error);
void bc_areas_unref(BcAreas *areas);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcAreas, bc_areas_unref)

unsigned bc_areas_count(const BcAreas *areas);
const BcArea *bc_areas_find(const BcAreas *areas, const char *code); /* NULL: none */
/* By code order: children of parent (NULL: the roots); everything below and with code (NULL: all areas). Unref the array. */
GPtrArray *bc_areas_children(const BcAreas *areas, const char *parent);
GPtrArray *bc_areas_subtree(const BcAreas *areas, const char *code);
/* Is code the area itself or somewhere below it? */
bool bc_areas_contains(const BcAreas *areas, const char *ancestor, const char *code);

/* At start-up: adds what is missing in one transaction, parents before children in any order; what is there already stays as
 * edited. */
bool bc_areas_seed(BcAreas *areas, const BcArea *seed, unsigned n, GError **error);
/* Inserts or changes. Refused: bad fields, unknown parent, a cycle, too deep, too many. */
void bc_areas_put(BcAreas *areas, const BcArea *area, BcDoneFn done, void *user);
/* Many at once, in any order, all or none. What is wrong with which (its index) is told to problem; with none and not dry, one transaction
 * stores all and done is called; returns false when there were problems (done is not called then, nor when dry). */
typedef void (*BcAreaProblemFn)(unsigned index, const char *message, void *user);
typedef struct BcAreasCounts {
    unsigned added, changed, same;
} BcAreasCounts;
bool bc_areas_put_many(BcAreas *areas, const BcArea *list, unsigned n, bool dry, BcAreasCounts *ret, BcAreaProblemFn problem, BcDoneFn done, void *user);
/* Refused with IN_USE while it has children or loudspeakers. */
void bc_areas_remove(BcAreas *areas, const char *code, BcDoneFn done, void *user);
