/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/area.h"

/* Who goes first where two things want the same loudspeaker: emergency over priority over normal, then the higher authority, then
 * what was made later. The same rule holds in mediad, in the plan and on the devices. Pure; any thread. */
#define BC_AUTHORITY_CENTRAL 0u
#define BC_AUTHORITY_PROVINCE 1u
#define BC_AUTHORITY_COMMUNE 2u
#define BC_AUTHORITY_VILLAGE 3u

typedef struct BcOrder {
    BcPriority priority;
    unsigned authority;  /* 0 central, 1 province, 2 commune, 3 village */
    int64_t made_us;     /* wall: when the schedule was written, the play ordered, the live sound begun */
    uint64_t sequence;   /* of equals the one with the greater number goes first; 0 where there is none */
} BcOrder;

/* Negative: a goes first; positive: b; 0: nothing tells them apart. */
int bc_order_compare(const BcOrder *a, const BcOrder *b);

/* Whose word somebody speaks who works in this area: NULL and "" are the province. Control thread. */
unsigned bc_authority_of(const BcAreas *areas, const char *area);
