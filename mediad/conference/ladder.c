/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/conference/ladder.h"

#define SECOND_US INT64_C(1000000)
static const int64_t LOOK_US = 2 * SECOND_US, PATIENCE_US = 20 * SECOND_US, PATIENCE_MAX_US = 320 * SECOND_US;
/* A picture that is late once in a while is nobody's concern; late twice in a row is. */
enum { MADE_MIN = 8, BEHIND_PERCENT = 20, CALM_PERCENT = 5, BEHIND_LOOKS = 2 };

static bool go_down(MdLadder *ladder, int64_t now_us)
{
    bool too_early = ladder->up_us != 0 && now_us - ladder->up_us < PATIENCE_MAX_US;
    ladder->behind = 0;
    ladder->calm_since_us = 0;
    if (ladder->step == MD_LADDER_COMMON)
        return false;
    ladder->patience_us = !too_early ? PATIENCE_US : ladder->patience_us * 2 < PATIENCE_MAX_US ? ladder->patience_us * 2 : PATIENCE_MAX_US;
    ladder->step++;
    return true;
}

static bool go_up(MdLadder *ladder, int64_t now_us)
{
    if (ladder->calm_since_us == 0)
        ladder->calm_since_us = now_us;
    if (ladder->step == MD_LADDER_FULL || now_us - ladder->calm_since_us < ladder->patience_us)
        return false;
    ladder->calm_since_us = now_us;
    ladder->up_us = now_us;
    ladder->step--;
    return true;
}

bool md_ladder_look(MdLadder *ladder, uint64_t late, uint64_t made, int64_t now_us)
{
    if (ladder->begun && now_us - ladder->looked_us < LOOK_US)
        return false;
    uint64_t more_late = late - ladder->late, more_made = made - ladder->made;
    bool first = !ladder->begun;
    ladder->begun = true;
    ladder->late = late;
    ladder->made = made;
    ladder->looked_us = now_us;
    if (first)
        return false;
    if (more_made >= MADE_MIN && more_late * 100 > more_made * BEHIND_PERCENT)
        return ++ladder->behind >= BEHIND_LOOKS && go_down(ladder, now_us);
    ladder->behind = 0;
    if (more_late * 100 <= more_made * CALM_PERCENT)
        return go_up(ladder, now_us);
    ladder->calm_since_us = 0;
    return false;
}
