/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker's half of what somebody presents: the presenter's frames go to the composer (for those who see it in their one
 * picture, or in another codec or rate) and unchanged to all whose stream can take them as they are. */
#include "mediad/conference/private.h"

enum { KEY_PATIENCE = 8 /* pictures */ };

static void ask_for_key(const MdRoomPlan *plan, uint32_t output, int64_t now_us)
{
    if (output == MD_CONTENT_FORWARDED) {
        if (plan->presenter != NULL)
            md_leg_request_content_key_frame(plan->presenter->leg, now_us);
    } else if (output != 0 && plan->composer != NULL) {
        md_composer_request_key(plan->composer, output);
    }
}

/* A screen that stands still may send nothing for a long time: the first picture is asked for at once. */
void md_seat_follow_content(const MdRoomPlan *plan, const MdPlanSeat *at, int64_t now_us)
{
    if (md_pictures_follow(&at->seat->content, at->content) && at->content == MD_CONTENT_FORWARDED)
        ask_for_key(plan, at->content, now_us);
}

static void send_content(const MdRoomPlan *plan, MdSeat *seat, const MdFrame *frame, int64_t now_us)
{
    MdSeatPictures *pictures = &seat->content;
    if (pictures->waits_key && !frame->key) {
        if (++pictures->waited % KEY_PATIENCE == 0)
            ask_for_key(plan, pictures->output, now_us);
        return;
    }
    /* What could not be sent is missing from what follows. */
    pictures->waits_key = md_leg_send_content(seat->leg, frame, now_us) != 0;
    pictures->waited = 0;
}

void md_plan_send_content(const MdRoomPlan *plan, uint32_t output, const MdFrame *frame, int64_t now_us)
{
    for (unsigned i = 0; i < plan->n_seats; i++)
        if (plan->seats[i].content == output) {
            md_seat_follow_content(plan, &plan->seats[i], now_us);
            send_content(plan, plan->seats[i].seat, frame, now_us);
        }
}

void md_seat_on_content(MdLeg *leg, MdFrame *frame, void *user)
{
    MdSeat *seat = user;
    const MdRoomPlan *plan = md_plan_get(&seat->audio->slot);
    if (plan == NULL || plan->presenter != seat)
        return;
    if (plan->composer != NULL)
        md_composer_push(plan->composer, MD_CONTENT_SOURCE, frame);
    md_plan_send_content(plan, MD_CONTENT_FORWARDED, frame, md_worker_now_us(seat->audio->worker));
}

void md_seat_on_content_key_request(MdLeg *leg, void *user)
{
    MdSeat *seat = user;
    const MdRoomPlan *plan = md_plan_get(&seat->audio->slot);
    const MdPlanSeat *at = md_plan_seat(plan, seat);
    if (at != NULL)
        ask_for_key(plan, at->content, md_worker_now_us(seat->audio->worker));
}
