/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/impair.h"

#include <stdlib.h>
#include <string.h>

#define PACKET_MAX 2048 /* longer ones are dropped */
#define HEAD_ROOM 128   /* the receiver of a packet may grow it (SRTP) */

typedef struct Flight {
    int64_t due_us;
    uint64_t order; /* equal times leave in the order they came */
    void *target;
    int kind;
    size_t len;
    uint8_t data[PACKET_MAX + HEAD_ROOM];
} Flight;

struct SimImpair {
    SimImpairOptions options;
    uint64_t random, order, dropped;
    Flight **heap;
    size_t n, cap;
    Flight **spare;
    size_t n_spare, cap_spare;
};

SimImpair *sim_impair_new(const SimImpairOptions *options)
{
    SimImpair *impair = calloc(1, sizeof(*impair));
    if (!impair)
        return NULL;
    impair->options = *options;
    impair->random = options->seed * 0x9e3779b97f4a7c15ull + 1;
    return impair;
}

void sim_impair_free(SimImpair *impair)
{
    if (!impair)
        return;
    for (size_t i = 0; i < impair->n; i++)
        free(impair->heap[i]);
    for (size_t i = 0; i < impair->n_spare; i++)
        free(impair->spare[i]);
    free(impair->heap);
    free(impair->spare);
    free(impair);
}

/* xorshift64*: the same line for the same seed on every machine. */
static double next_random(SimImpair *impair)
{
    uint64_t x = impair->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    impair->random = x;
    return (double)((x * 0x2545f4914f6cdd1dull) >> 11) / 9007199254740992.0;
}

static bool earlier(const Flight *a, const Flight *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static bool grow(Flight ***list, size_t n, size_t *cap)
{
    if (n < *cap)
        return true;
    size_t wanted = *cap ? *cap * 2 : 64;
    Flight **more = realloc(*list, wanted * sizeof(*more));
    if (!more)
        return false;
    *list = more;
    *cap = wanted;
    return true;
}

static void push(SimImpair *impair, Flight *flight)
{
    size_t i = impair->n++;
    while (i > 0 && earlier(flight, impair->heap[(i - 1) / 2])) {
        impair->heap[i] = impair->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    impair->heap[i] = flight;
}

static Flight *pop(SimImpair *impair)
{
    Flight *top = impair->heap[0], *last = impair->heap[--impair->n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= impair->n)
            break;
        if (child + 1 < impair->n && earlier(impair->heap[child + 1], impair->heap[child]))
            child++;
        if (!earlier(impair->heap[child], last))
            break;
        impair->heap[i] = impair->heap[child];
        i = child;
    }
    if (impair->n)
        impair->heap[i] = last;
    return top;
}

void sim_impair_put(SimImpair *impair, void *target, int kind, uint8_t *data, size_t len, int64_t now_us)
{
    const SimImpairOptions *o = &impair->options;
    if (o->loss > 0 && next_random(impair) < o->loss) {
        impair->dropped++;
        return;
    }
    if (o->delay_us <= 0 && o->jitter_us <= 0) {
        o->deliver(target, kind, data, len, now_us, o->user);
        return;
    }
    Flight *flight = impair->n_spare ? impair->spare[--impair->n_spare] : malloc(sizeof(*flight));
    if (!flight || len > PACKET_MAX || !grow(&impair->heap, impair->n, &impair->cap)) {
        free(flight);
        impair->dropped++;
        return;
    }
    flight->due_us = now_us + o->delay_us + (int64_t)(next_random(impair) * (double)o->jitter_us);
    flight->order = impair->order++;
    flight->target = target;
    flight->kind = kind;
    flight->len = len;
    memcpy(flight->data, data, len);
    push(impair, flight);
}

int64_t sim_impair_due_us(const SimImpair *impair)
{
    return impair->n ? impair->heap[0]->due_us : INT64_MAX;
}

void sim_impair_run(SimImpair *impair, int64_t now_us)
{
    while (impair->n && impair->heap[0]->due_us <= now_us) {
        Flight *flight = pop(impair);
        impair->options.deliver(flight->target, flight->kind, flight->data, flight->len, now_us,
                                impair->options.user);
        if (grow(&impair->spare, impair->n_spare, &impair->cap_spare))
            impair->spare[impair->n_spare++] = flight;
        else
            free(flight);
    }
}

uint64_t sim_impair_dropped(const SimImpair *impair)
{
    return impair->dropped;
}
