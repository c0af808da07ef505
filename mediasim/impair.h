/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A bad line: seeded loss, delay and jitter (which also reorders) for packets of many endpoints of one
 * thread. Packets go in with a target and come out at the deliver function. No allocation once as many
 * packets as are ever under way have been. */
typedef struct SimImpair SimImpair;
typedef void (*SimDeliverFn)(void *target, int kind, uint8_t *data, size_t len, int64_t now_us, void *user);

typedef struct SimImpairOptions {
    double loss;       /* 0..1 */
    int64_t delay_us;  /* one way */
    int64_t jitter_us; /* added, evenly spread over 0..jitter */
    uint64_t seed;
    SimDeliverFn deliver;
    void *user;
} SimImpairOptions;

SimImpair *sim_impair_new(const SimImpairOptions *options); /* NULL: no memory */
void sim_impair_free(SimImpair *impair);
/* Delivers at once, later, or never. len <= 2048, else it is dropped. */
void sim_impair_put(SimImpair *impair, void *target, int kind, uint8_t *data, size_t len, int64_t now_us);
int64_t sim_impair_due_us(const SimImpair *impair); /* INT64_MAX: nothing under way */
void sim_impair_run(SimImpair *impair, int64_t now_us);
uint64_t sim_impair_dropped(const SimImpair *impair);
