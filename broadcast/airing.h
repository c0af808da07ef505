/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/types.h"

/* What is on the air, as the store knows it: written before anything sounds, gone when it is over. What sounds at a moment follows
 * from begin_us alone, so a next life goes on at the wall-clock place and never from the start. Inside this folder only. */
typedef struct BcAiring { /* strings borrowed */
    const char *id;       /* of the announcement */
    const char *kind, *title;
    const char *schedule; /* NULL: played by hand */
    int64_t occurrence_us;
    int64_t begin_us, end_us; /* wall: of the whole, with lead-in, repeats and gaps */
    const char *content, *lead_content; /* by hand */
    unsigned repeats;
    int64_t gap_us;
    const char *areas;    /* codes, comma-separated */
    BcPriority priority;
    unsigned authority;
    int64_t made_us, expires_us;
    int siren;
    unsigned siren_rounds, volume;
    bool drill;
    bool quiet_ok;        /* two people have let it sound in quiet hours */
    bool drop;            /* cut off, it does not come back */
    const char *created_by;
    const char *source;   /* live: the address of its stream; NULL: stored sound */
} BcAiring;

BcAiring *bc_airing_copy(const BcAiring *airing);
void bc_airing_free(gpointer airing);
/* Store thread, in a transaction. */
bool bc_airing_write(MdDb *db, const BcAiring *airing, GError **error);
/* It is over: an occurrence of a schedule stays taken, as "done". */
bool bc_airing_close(MdDb *db, const char *id, GError **error);
/* What a former life left open; of BcAiring, owned. */
GPtrArray *bc_airings_read(MdDb *db, GError **error);
