/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/eye.h"

#include <string.h>

#define LOST_AFTER 15 /* pictures without sense before the layout is looked for again */

void sim_eye_init(SimEye *eye, unsigned sites, SimCamera *cameras, const SimEyeLimits *limits)
{
    memset(eye, 0, sizeof(*eye));
    eye->sites = sites < SIM_EYE_SITES_MAX ? sites : SIM_EYE_SITES_MAX;
    eye->cameras = cameras;
    eye->limits = *limits;
    eye->layout = MD_LAYOUT_KIND_INVALID;
    eye->delay_min_us = INT64_MAX;
}

static unsigned read_cells(const SimEye *eye, const MdPlanes *picture, const MdRect *cells, unsigned n,
                           uint16_t *ids, uint16_t *counters)
{
    unsigned found = 0;
    for (unsigned i = 0; i < n; i++) {
        ids[i] = 0;
        if (md_pattern_read(picture, &cells[i], eye->limits.source_width, eye->limits.source_height, &ids[i],
                            &counters[i]))
            found++;
        else
            ids[i] = 0;
    }
    return found;
}

/* The layout that shows most patterns. */
static MdLayoutKind find_layout(const SimEye *eye, const MdPlanes *picture)
{
    MdLayoutKind best = MD_LAYOUT_KIND_INVALID;
    unsigned best_found = 0;
    for (int kind = MD_LAYOUT_SINGLE; kind < MD_LAYOUT_KIND_MAX; kind++) {
        MdRect cells[MD_LAYOUT_CELLS_MAX];
        uint16_t ids[MD_LAYOUT_CELLS_MAX], counters[MD_LAYOUT_CELLS_MAX];
        int n = md_layout_cells((MdLayoutKind)kind, eye->sites, picture->width, picture->height, cells);
        if (n <= 0)
            continue;
        unsigned found = read_cells(eye, picture, cells, (unsigned)n, ids, counters);
        if (found > best_found) {
            best_found = found;
            best = (MdLayoutKind)kind;
        }
    }
    return best;
}

static void note_delay(SimEye *eye, uint16_t id, uint16_t counter, int64_t now_us)
{
    if (!eye->cameras || counter >= SIM_LOOP_FRAMES)
        return;
    int64_t sent_us = atomic_load_explicit(&eye->cameras[id - 1].sent_us[counter], memory_order_relaxed);
    int64_t delay_us = now_us - sent_us;
    if (sent_us == 0 || delay_us < 0)
        return;
    eye->delays++;
    eye->delay_sum_us += delay_us;
    if (delay_us > eye->delay_max_us)
        eye->delay_max_us = delay_us;
    if (delay_us < eye->delay_min_us)
        eye->delay_min_us = delay_us;
}

static void note_seat(SimEye *eye, unsigned i, uint16_t id, uint16_t counter, int64_t now_us)
{
    SimSeat *seat = &eye->seats[i];
    bool fresh = seat->id != id || seat->counter != counter;
    if (seat->id != 0 && seat->id != id)
        eye->moved++;
    if (fresh) {
        if (seat->id == id)
            note_delay(eye, id, counter, now_us);
        seat->id = id;
        seat->counter = counter;
        seat->moved_us = now_us;
        seat->frozen = false;
    } else if (!seat->frozen && now_us - seat->moved_us > eye->limits.frozen_us) {
        seat->frozen = true;
        eye->freezes++;
    }
}

static void forget_seats(SimEye *eye)
{
    memset(eye->seats, 0, sizeof(eye->seats));
    eye->failures = 0;
}

void sim_eye_look(SimEye *eye, const MdPlanes *picture, int64_t now_us)
{
    MdRect cells[MD_LAYOUT_CELLS_MAX];
    uint16_t ids[MD_LAYOUT_CELLS_MAX], counters[MD_LAYOUT_CELLS_MAX];
    eye->pictures++;
    if (eye->layout == MD_LAYOUT_KIND_INVALID || eye->failures >= LOST_AFTER) {
        MdLayoutKind found = find_layout(eye, picture);
        if (found != eye->layout)
            forget_seats(eye);
        eye->layout = found;
        eye->failures = 0;
    }
    int n = eye->layout == MD_LAYOUT_KIND_INVALID
                ? 0
                : md_layout_cells(eye->layout, eye->sites, picture->width, picture->height, cells);
    eye->n_cells = n > 0 ? (unsigned)n : 0;
    unsigned expected = eye->n_cells && eye->sites > eye->n_cells ? eye->n_cells : eye->sites;
    eye->tiles_expected += expected;
    unsigned found = eye->n_cells ? read_cells(eye, picture, cells, eye->n_cells, ids, counters) : 0;
    if (found == 0)
        eye->unreadable++;
    uint8_t here[SIM_EYE_SITES_MAX + 1] = {0};
    unsigned right = 0;
    for (unsigned i = 0; i < eye->n_cells; i++) {
        eye->seats[i].seen = ids[i] != 0;
        if (ids[i] == 0)
            continue;
        if (ids[i] > eye->sites || (eye->expected && (i >= eye->n_expected || eye->expected[i] != ids[i]))) {
            eye->strangers++;
            continue;
        }
        if (here[ids[i]]++) {
            eye->doubles++;
            continue;
        }
        eye->ever[ids[i]] = 1;
        right++;
        note_seat(eye, i, ids[i], counters[i], now_us);
    }
    eye->tiles_right += right < expected ? right : expected;
    eye->failures = right < (expected + 1) / 2 ? eye->failures + 1 : 0;
}

unsigned sim_eye_never_seen(const SimEye *eye, unsigned *ret_first)
{
    unsigned never = 0;
    for (unsigned id = eye->sites; id >= 1; id--)
        if (!eye->ever[id]) {
            never++;
            *ret_first = id - 1;
        }
    return never;
}
