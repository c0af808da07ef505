/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/core/duty-private.h"

#define BEFORE_ISSUE_US (300 * BC_SECOND_US) /* so much may a good clock of its own be behind the server's */

/* What the timetable does while the time is not the server's: a clock that is wrong must cost no announcement. */

void bc_duty_set_clock(BcDuty *desk, BcDutyClock clock)
{
    if (clock == desk->clock)
        return;
    desk->unsettled = clock == BC_DUTY_CLOCK_SERVER;
    desk->clock = clock;
    desk->changed = true;
}

/* A clock that stands before the manifest was signed is certainly wrong; one that is ahead cannot be told from a long time without power. */
static bool in_the_dark(const BcDuty *desk, int64_t now_us)
{
    return desk->clock == BC_DUTY_CLOCK_UNKNOWN ||
        (desk->clock == BC_DUTY_CLOCK_SYSTEM && desk->has_manifest && now_us < desk->manifest.issued_us - BEFORE_ISSUE_US);
}

bool bc_duty_rests(const BcDuty *desk, const BcShow *show, int64_t now_us)
{
    if (show->command || desk->clock == BC_DUTY_CLOCK_SERVER)
        return false;
    if (in_the_dark(desk, now_us))
        return true;
    if (show == desk->sounding)
        return false;
    return now_us >= show->end_us || (show->item->kind >= BC_LINK_KIND_MAX && now_us >= show->origin_us) ||
        (!show->begun && !show->held && now_us > bc_show_last_begin_us(show));
}

static void settle_show(const BcDuty *desk, BcShow *show, int64_t now_us)
{
    if (bc_show_forgotten(show, now_us)) {
        show->over = true;
        return;
    }
    if (now_us < show->origin_us) { /* still to come: whatever kept it from sounding did so at a wrong time */
        show->held = false;
        show->hindrance = NULL;
        g_clear_pointer(&show->blocker, g_free);
    } else if (desk->dark && !show->begun && !show->hindrance && !show->blocker && desk->boot_us <= bc_show_last_begin_us(show))
        show->hindrance = "clock unknown";
}

static void settle(BcDuty *desk, int64_t now_us)
{
    desk->boot_us = desk->ticked_us ? desk->boot_us + now_us - desk->ticked_us : now_us; /* the clock stepped, not the time */
    for (unsigned i = 0; desk->has_manifest && i < desk->manifest.n_items; i++)
        if (!desk->timetable[i].over)
            settle_show(desk, &desk->timetable[i], now_us);
    desk->unsettled = desk->dark = false;
    desk->changed = true;
}

void bc_duty_mind_clock(BcDuty *desk, int64_t now_us)
{
    if (desk->unsettled)
        settle(desk, now_us);
    desk->dark |= in_the_dark(desk, now_us);
    desk->ticked_us = now_us;
}
