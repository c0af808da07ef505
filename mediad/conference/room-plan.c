/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is heard by whom and how loud: control's picture of the room made into an immutable plan for its worker. */
#include "mediad/conference/private.h"
#include <stdlib.h>

/* The bit rates encoders are shared by: what a peer asks for is rounded down to one of these. */
static const uint32_t bitrates[] = {12000, 16000, 24000, 32000, 48000, 64000};

static MdLegAudioFormat shared_format(const MdLegAudioFormat *format)
{
    MdLegAudioFormat shared = *format;
    if (shared.codec != MD_AUDIO_OPUS) {
        shared.opus_fec = false;
        shared.opus_bitrate_bps = 0;
        shared.ptime_ms = MD_AUDIO_TICK_MS;
        return shared;
    }
    uint32_t wanted = format->opus_bitrate_bps != 0 ? format->opus_bitrate_bps : 32000;
    shared.opus_bitrate_bps = bitrates[0];
    for (unsigned i = 0; i < G_N_ELEMENTS(bitrates) && bitrates[i] <= wanted; i++)
        shared.opus_bitrate_bps = bitrates[i];
    if (shared.ptime_ms != 40 && shared.ptime_ms != 60)
        shared.ptime_ms = MD_AUDIO_TICK_MS;
    return shared;
}

static MdRoomEncoder *shared_encoder(MdRoom *room, const MdLegAudioFormat *format, MdHears hears, uint32_t channel)
{
    for (guint i = 0; i < room->encoders->len; i++) {
        MdRoomEncoder *encoder = g_ptr_array_index(room->encoders, i);
        if (encoder->hears == hears && encoder->channel == channel && md_leg_audio_format_equal(&encoder->format, format))
            return encoder;
    }
    MdRoomEncoder *encoder = md_room_encoder_new(format, hears, channel);
    if (encoder != NULL)
        g_ptr_array_add(room->encoders, encoder);
    return encoder;
}

static void fill_encoders(MdMember *member, MdPlanSeat *at)
{
    if (!member->audio_format.sending)
        return;
    MdLegAudioFormat format = shared_format(&member->audio_format);
    if (member->own == NULL || !md_leg_audio_format_equal(&member->own->format, &format)) {
        md_room_encoder_unref(member->own);
        member->own = md_room_encoder_new(&format, MD_HEARS_SELF, 0);
    }
    at->own = md_room_encoder_ref(member->own);
    at->shared = md_room_encoder_ref(shared_encoder(member->room, &format, at->hears, md_channel_serial(member->room, at)));
    if (at->own == NULL || at->shared == NULL)
        md_error(&member->room->logger, "no sound encoder for %s (%s): it hears nothing", member->name, member->text_id);
}

static void fill_seat(MdMember *member, MdPlanSeat *at)
{
    const MdRoom *room = member->room;
    bool in = member->state == MD_MEMBER_IN && member->established;
    bool together = in && !room->waiting;
    at->seat = member->seat;
    if (room->kind == MD_ROOM_ECHO) {
        at->hears = in ? MD_HEARS_SELF : MD_HEARS_NOTHING;
    } else if (room->kind == MD_ROOM_TEST || room->kind == MD_ROOM_TRIAL) {
        at->hears = in ? MD_HEARS_ROOM : MD_HEARS_NOTHING;
    } else {
        at->hears =
            (together && !member->deaf) || (room->end_us != 0 && in) ? MD_HEARS_ROOM : MD_HEARS_NOTHING;
        bool heard = together && !member->muted && !member->self_muted && md_role_may(member->role, MD_ACTION_BE_HEARD);
        at->gain = heard ? md_db_to_gain((float)member->gain_db) : 0;
        md_channels_fill_seat(member, together, at);
    }
    at->shown = member->in_composer;
    at->output = member->output;
    at->content = member->content;
    md_forward_fill(member, at);
    fill_encoders(member, at);
}

/* Shared encoders that no seat of the new plan uses go; the old plan keeps them until it goes itself. */
static void drop_unused(MdRoom *room, const MdRoomPlan *plan)
{
    for (guint i = room->encoders->len; i-- > 0;) {
        MdRoomEncoder *encoder = g_ptr_array_index(room->encoders, i);
        bool used = false;
        for (unsigned k = 0; k < plan->n_seats && !used; k++)
            used = plan->seats[k].shared == encoder;
        if (!used)
            g_ptr_array_remove_index(room->encoders, i);
    }
}

static MdRoomPlan *make_plan(MdRoom *room)
{
    MdRoomPlan *plan = calloc(1, sizeof *plan + room->members->len * sizeof plan->seats[0]);
    if (plan == NULL)
        return NULL;
    md_channels_fill(room, plan);
    for (guint i = 0; i < room->members->len && plan->n_seats < room->audio->cap; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        if (member->leg_started && member->state != MD_MEMBER_LEAVING)
            fill_seat(member, &plan->seats[plan->n_seats++]);
        if (member == room->presenter && member->leg_started)
            plan->presenter = member->seat;
    }
    for (guint i = 0; i < room->taps->len && plan->n_taps < MD_ROOM_TAPS_MAX; i++) {
        const MdTap *tap = g_ptr_array_index(room->taps, i);
        if (!tap->removed && tap->fn != NULL)
            plan->taps[plan->n_taps++] = (MdPlanTap){tap->fn, tap->user};
    }
    for (guint i = 0; i < room->taps->len && plan->n_pictures < MD_ROOM_TAPS_MAX; i++) {
        MdTap *tap = g_ptr_array_index(room->taps, i);
        if (!tap->removed && tap->fn == NULL)
            plan->pictures[plan->n_pictures++] = (MdPlanPicture){tap, tap->output};
    }
    drop_unused(room, plan);
    return plan;
}

static void tap_passed(void *payload, size_t len)
{
    MdTap *tap = *(MdTap **)payload;
    atomic_store_explicit(&tap->passed, true, memory_order_release);
}

static void leg_gone(void *user)
{
    MdSeat *seat = user;
    atomic_store_explicit(&seat->gone, true, memory_order_release);
}

/* The worker no longer finds them in the plan: now they may be taken down. */
static void release_leavers(MdRoom *room)
{
    for (guint i = 0; i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        if (member->state != MD_MEMBER_LEAVING || member->leg == NULL || member->leg_stopped)
            continue;
        member->leg_stopped = true;
        md_leg_stop(member->leg, leg_gone, member->seat);
        member->leg = NULL;
    }
    for (guint i = 0; i < room->retired->len; i++) {
        MdRetired *retired = g_ptr_array_index(room->retired, i);
        if (retired->leg != NULL)
            md_leg_stop(g_steal_pointer(&retired->leg), leg_gone, retired->seat);
    }
    for (guint i = 0; i < room->taps->len; i++) {
        MdTap *tap = g_ptr_array_index(room->taps, i);
        if (tap->removed && !tap->posted)
            tap->posted = md_worker_post(room->worker, tap_passed, &tap, sizeof tap) == 0;
    }
}

void md_room_replan(MdRoom *room)
{
    md_room_video_update(room);
    MdRoomPlan *plan = make_plan(room);
    room->plan_dirty = true; /* until published: md_room_tick tries again */
    if (plan == NULL)
        return;
    plan->composer = room->video != NULL ? md_room_video_composer(room->video) : NULL;
    if (md_plan_publish(&room->audio->slot, plan, &room->worker, 1) != 0) {
        md_room_plan_free(plan);
        return;
    }
    room->plan_dirty = false;
    release_leavers(room);
}
