/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sip:test@…: a beep, a spoken clock and a moving picture for whoever wants to know that their line works. The beep and the
 * prompts are the worker's (room-audio.c), the picture is the composer's; here control tells the worker what time to say. */
#include "mediad/conference/private.h"

enum { CLOCK_PERIOD_S = 20 };

static void say_time(MdRoom *room, bool first)
{
    int64_t wall_s = md_clock_wall_us(room->conference->clock) / G_USEC_PER_SEC;
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_local(wall_s);
    uint8_t prompts[6];
    unsigned n = 0;
    if (first)
        prompts[n++] = MD_PROMPT_TEST;
    prompts[n++] = MD_PROMPT_NOW;
    prompts[n++] = (uint8_t)(MD_PROMPT_NUMBER_0 + g_date_time_get_hour(now));
    prompts[n++] = MD_PROMPT_HOURS;
    prompts[n++] = (uint8_t)(MD_PROMPT_NUMBER_0 + g_date_time_get_minute(now));
    prompts[n++] = MD_PROMPT_MINUTES;
    md_room_play(room, NULL, prompts, n, true);
}

void md_test_room_tick(MdRoom *room, int64_t now_us)
{
    if (room->kind != MD_ROOM_TEST && room->kind != MD_ROOM_TRIAL)
        return;
    if (md_room_count(room) == 0) {
        room->clock_us = 0;
    } else if (room->kind == MD_ROOM_TRIAL && now_us >= room->clock_us) { /* once: then there is time to beep and to speak */
        md_room_play(room, NULL, (const uint8_t[]){MD_PROMPT_TRIAL}, 1, true);
        room->clock_us = INT64_MAX;
    } else if (now_us >= room->clock_us) {
        say_time(room, room->clock_us == 0);
        room->clock_us = now_us + CLOCK_PERIOD_S * (int64_t)G_USEC_PER_SEC;
    }
}
