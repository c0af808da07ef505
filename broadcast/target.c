/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/target-reach.h"

#include <string.h>

#define REDIAL_US 3000000       /* a call that failed is tried once more */
#define AFTER_CUT_US 400000     /* so long a loudspeaker needs to be idle again after we hung up */
#define UNREGISTERED_US 15000000 /* then we look whether it has come back */
#define WORTH_US 3000000        /* with less left nobody is rung any more */
#define GOOD_CALL_US 30000000   /* a call that held so long wipes out the failures before it */
#define UNSENT_MAX_PERCENT 2
#define LATE_US 1500000         /* joined later than this: it missed the beginning */

void bc_target_init(BcTarget *t, BcAnnouncement *announcement, const BcDevice *device)
{
    *t = (BcTarget){.announcement = announcement, .codecs = device->codecs, .codec = MD_AUDIO_CODEC_NONE};
    BcStage *stage = announcement->stage;
    t->kind = device->kind;
    t->way = device->kind == BC_DEVICE_SIP ? BC_BY_CALL : stage->fixed[device->kind].find ? BC_BY_FIXED : BC_BY_REACH;
    bc_proof_init(&t->proof, bc_stage_wall_us(stage));
    t->device = g_strdup(device->id);
    t->area = g_strdup(device->area);
}

void bc_target_clear(BcTarget *t)
{
    bc_timer_cancel(&t->timer);
    bc_ringer_cancel(&t->ring);
    if (t->call) {
        md_call_set_handler(t->call, NULL, NULL);
        md_call_unref(t->call);
    }
    g_free(t->device);
    g_free(t->area);
    g_free(t->reason);
}

static const char *reported_outcome(const BcTarget *t, const char **ret_reason)
{
    const BcAnnouncement *a = t->announcement;
    const char *outcome = bc_proof_outcome(&t->proof, a->items, t->settled, ret_reason);
    if (t->settled && t->reason && !g_str_equal(outcome, "played") && !*t->proof.reason)
        *ret_reason = t->reason; /* why it was never told, or who stopped it */
    return outcome;
}

const char *bc_target_outcome(const BcTarget *t)
{
    const char *reason;
    if (t->way == BC_BY_REACH)
        return reported_outcome(t, &reason);
    if (t->outcome)
        return t->outcome;
    return t->state == BC_TARGET_ANSWERED ? "playing" : t->state == BC_TARGET_RINGING ? "ringing" : "waiting";
}

void bc_target_log(const BcTarget *t)
{
    const BcAnnouncement *a = t->announcement;
    const char *reason = t->reason, *result = t->way == BC_BY_REACH ? reported_outcome(t, &reason) : bc_target_outcome(t);
    BcPlay play = {.announcement = a->id,
                   .device = t->device,
                   .area = t->area,
                   .outcome = result,
                   .reason = reason,
                   .rang_us = t->rang_us,
                   .answered_us = t->answered_us,
                   .from_us = t->from_us,
                   .to_us = t->to_us,
                   .rings = t->rings,
                   .codec = t->codec == MD_AUDIO_CODEC_NONE ? NULL : md_audio_codec_to_string(t->codec),
                   .proof = t->way == BC_BY_REACH ? &t->proof : NULL};
    bc_play_log_play(a->stage->o.play_log, &play);
    bool open = t->way == BC_BY_REACH ? g_str_equal(result, "waiting") || g_str_equal(result, "playing") : !t->outcome;
    if (open)
        return;
    g_autofree char *outcome = reason ? g_strdup_printf("%s: %s", result, reason) : g_strdup(result);
    bc_devices_set_outcome(a->stage->o.devices, t->device, outcome, bc_stage_wall_us(a->stage));
}

static void set_reason(BcTarget *t, const char *reason)
{
    if (reason && t->reason != reason) {
        g_free(t->reason);
        t->reason = g_strndup(reason, 200);
    }
}

void bc_target_tally(BcTarget *t)
{
    const BcAnnouncement *a = t->announcement;
    if (a->fanout && t->handle)
        t->unsent += bc_fanout_unsent(a->fanout, t->handle);
}

/* Share of its sound that never left this machine, percent; t->from_us and to_us say how much there was. */
static unsigned unsent_percent(const BcTarget *t)
{
    int64_t frames = MAX(1, (t->to_us - t->from_us) / 1000 / t->announcement->stage->o.frame_ms);
    return (unsigned)MIN(100, t->unsent * 100 / (uint64_t)frames);
}

/* It hears nothing from now on. */
static void leave_sound(BcTarget *t)
{
    BcAnnouncement *a = t->announcement;
    int64_t now = bc_stage_wall_us(a->stage);
    if (!t->handle)
        return;
    bc_target_tally(t);
    bc_target_unsend(t);
    if (t->way == BC_BY_REACH)
        return; /* when it sounded its device says itself */
    if (t->from_us > now)
        t->from_us = 0; /* gone before the sound began */
    else
        t->to_us = now;
}

/* Lets the call go without listening to what it still says. */
static void drop_call(BcTarget *t)
{
    if (!t->call)
        return;
    MdCall *call = g_steal_pointer(&t->call);
    md_call_set_handler(call, NULL, NULL);
    md_call_hangup(call, "announcement ended");
    md_call_unref(call);
}

static void hang_up_now(void *user)
{
    BcTarget *t = user;
    drop_call(t);
    bc_stage_release(t->announcement->stage, t);
    bc_announcement_hung_up(t->announcement);
}

static void on_try_again(BcTimer *timer, void *user)
{
    BcTarget *t = user;
    if (t->state == BC_TARGET_PAUSED)
        bc_target_want(t);
}

static void pause_for(BcTarget *t, int64_t us)
{
    t->state = BC_TARGET_PAUSED;
    bc_timer_at(t->announcement->stage->o.timers, &t->timer, bc_stage_now_us(t->announcement->stage) + us, on_try_again, t);
}

static void give_up(BcTarget *t)
{
    t->state = BC_TARGET_ENDED;
    t->outcome = t->from_us ? "partial" : "missed";
    t->settled = true;
    bc_stage_release(t->announcement->stage, t);
    bc_target_log(t);
}

/* A call came to nothing. Once more, unless it is final or hardly anything is left. */
static void failed(BcTarget *t, const char *reason, bool final)
{
    BcAnnouncement *a = t->announcement;
    set_reason(t, reason);
    t->failures++;
    if (final || t->failures > 1 || bc_announcement_left_us(a) < REDIAL_US + WORTH_US) {
        give_up(t);
        return;
    }
    bc_stage_release(a->stage, t);
    pause_for(t, REDIAL_US);
    bc_target_log(t);
}

static void on_ringing(MdCall *call, int code, void *user)
{
    BcTarget *t = user;
    if (t->state == BC_TARGET_RINGING && !t->rang_us)
        t->rang_us = bc_stage_wall_us(t->announcement->stage);
}

/* A re-INVITE: everything stays as agreed, but the sound may go to another address. */
static void answer_again(BcTarget *t, MdCall *call, const char *offer)
{
    BcAnnouncement *a = t->announcement;
    MdAnnounceAnswer side;
    bool parsed = false;
    g_autofree char *answer = bc_announcement_answer(a, t, offer, &side, &parsed, NULL);
    if (!answer) {
        md_call_reject(call, 488, "Not Acceptable Here");
        return;
    }
    if (parsed && !md_addr_equal(&side.remote, &t->remote)) {
        BcDestination to = {side.remote, side.remote_rtcp, t->codec, t->key};
        uint32_t handle = bc_fanout_add(a->fanout, &to);
        if (handle) {
            bc_target_tally(t);
            bc_fanout_remove(a->fanout, t->handle);
            t->handle = handle;
            t->remote = side.remote;
            bc_announcement_commit_soon(a);
        }
    }
    md_call_send_answer(call, answer);
}

static void on_sdp(MdCall *call, MdSdpKind kind, const char *sdp, void *user)
{
    BcTarget *t = user;
    BcAnnouncement *a = t->announcement;
    MdAnnounceAnswer answer;
    g_autoptr(GError) error = NULL;
    if (kind == MD_SDP_OFFER && sdp && t->state == BC_TARGET_ANSWERED && a->fanout) {
        answer_again(t, call, sdp);
        return;
    }
    if (t->state != BC_TARGET_RINGING || kind != MD_SDP_ANSWER || !sdp || a->over) {
        if (kind == MD_SDP_OFFER)
            md_call_reject(call, 491, "Request Pending");
        return;
    }
    if (!md_announce_parse_answer(&a->offer, sdp, &answer, &error)) {
        drop_call(t);
        failed(t, error->message, true);
        return;
    }
    int key = BC_FANOUT_PLAIN;
    for (unsigned i = 0; answer.secured && i < a->n_keys; i++)
        if (a->keys[i].suite == answer.suite)
            key = (int)i;
    BcDestination to = {answer.remote, answer.remote_rtcp, answer.codec, key};
    t->handle = bc_fanout_add(a->fanout, &to);
    if (!t->handle) {
        drop_call(t);
        failed(t, "its answer names an address we cannot send to", true);
        return;
    }
    int64_t now = bc_stage_wall_us(a->stage);
    t->state = BC_TARGET_ANSWERED;
    t->answered_us = now;
    if (!t->rang_us)
        t->rang_us = now;
    if (!t->from_us)
        t->from_us = MAX(now, a->start_wall_us);
    t->to_us = 0;
    t->codec = answer.codec;
    t->key = key;
    t->remote = answer.remote;
    bc_announcement_commit_soon(a);
    bc_target_log(t);
}

static void on_closed(MdCall *call, int code, const char *reason, void *user)
{
    BcTarget *t = user;
    bool answered = t->state == BC_TARGET_ANSWERED;
    g_clear_pointer(&t->call, md_call_unref);
    if (t->state == BC_TARGET_ENDED) { /* it hung up while waiting to be hung up */
        bc_ringer_cancel(&t->ring);
        bc_stage_release(t->announcement->stage, t);
        bc_announcement_hung_up(t->announcement);
        return;
    }
    leave_sound(t);
    t->broken |= answered && t->from_us;
    if (answered && bc_stage_wall_us(t->announcement->stage) - t->answered_us > GOOD_CALL_US)
        t->failures = 0; /* hours of live sound may see more than one cut line */
    g_autofree char *why = answered ? g_strdup_printf("the loudspeaker ended the call (%d %s)", code, reason ? reason : "")
                                    : g_strdup_printf("%d %s", code, reason ? reason : "");
    static const int transient[] = {408, 480, 486, 500, 503, 504};
    bool again = answered;
    for (unsigned i = 0; i < G_N_ELEMENTS(transient); i++)
        again |= code == transient[i];
    failed(t, why, !again);
}

static const MdCallHandler handler = {.on_sdp = on_sdp, .on_ringing = on_ringing, .on_closed = on_closed};

static void dial(void *user)
{
    BcTarget *t = user;
    BcAnnouncement *a = t->announcement;
    BcStage *stage = a->stage;
    MdDialer *dialer = stage->o.dialer;
    g_autoptr(GError) error = NULL;
    if (bc_announcement_left_us(a) < WORTH_US) {
        set_reason(t, "too little was left to ring it");
        give_up(t);
        return;
    }
    if (dialer->is_registered && !dialer->is_registered(dialer, t->device)) {
        set_reason(t, "not registered");
        bc_stage_release(stage, t);
        pause_for(t, UNREGISTERED_US);
        bc_target_log(t);
        return;
    }
    const BcOffer *offer = bc_announcement_offer(a, t, &error);
    MdDialRequest request = {.target = t->device,
                             .from_user = stage->from_user,
                             .from_display = a->title,
                             .sdp = offer ? offer->sdp : NULL,
                             .headers = offer ? (const char *const *)offer->headers : NULL,
                             .ring_timeout_ms = stage->o.ring_timeout_ms};
    t->state = BC_TARGET_RINGING;
    t->rings++;
    MdCall *call = offer ? dialer->dial(dialer, &request, &handler, t, &error) : NULL;
    if (call && (t->state == BC_TARGET_RINGING || t->state == BC_TARGET_ANSWERED))
        t->call = call;
    else if (call)
        md_call_unref(call); /* it was over before dial returned */
    else if (t->state == BC_TARGET_RINGING)
        failed(t, error ? error->message : "it cannot be called", !offer);
}

static void send_fixed(BcTarget *t)
{
    BcAnnouncement *a = t->announcement;
    const BcFixedOps *ops = &a->stage->fixed[t->kind];
    const char *why = "it has no address";
    BcFixed to = {.codec = MD_AUDIO_OPUS};
    if (ops->find(t->device, &to, &why, ops->user))
        why = bc_target_send(t, &to);
    if (why) {
        set_reason(t, why);
        give_up(t);
        return;
    }
    int64_t now = bc_stage_wall_us(a->stage);
    t->state = BC_TARGET_ANSWERED;
    t->answered_us = now;
    if (!t->from_us)
        t->from_us = MAX(now, a->start_wall_us);
    t->to_us = 0;
    bc_target_log(t);
}

void bc_target_want(BcTarget *t)
{
    BcStage *stage = t->announcement->stage;
    bool cut = false;
    if (t->way == BC_BY_REACH && !t->told && !stage->reach[t->kind].begin) {
        set_reason(t, "nothing here drives devices of this kind");
        give_up(t);
        return;
    }
    if (bc_announcement_left_us(t->announcement) < (t->way == BC_BY_CALL ? WORTH_US : 1)) {
        give_up(t);
        return;
    }
    if (!bc_stage_take(stage, t, &cut)) {
        t->state = BC_TARGET_WAITING;
        set_reason(t, "held by another announcement");
        return;
    }
    if (t->way == BC_BY_FIXED) {
        send_fixed(t);
        return;
    }
    if (t->way == BC_BY_REACH) {
        const BcReachOps *reach = &stage->reach[t->kind];
        t->state = t->told && reach->decides ? BC_TARGET_TOLD : BC_TARGET_QUEUED;
        if (t->state == BC_TARGET_QUEUED)
            bc_announcement_tell_soon(t->announcement);
        return;
    }
    if (cut) {
        pause_for(t, AFTER_CUT_US);
        return;
    }
    t->state = BC_TARGET_QUEUED;
    bc_ringer_push(stage->ringer, &t->ring, t->announcement->priority, dial, t);
}

void bc_target_cut(BcTarget *t, const char *reason)
{
    t->broken |= t->state == BC_TARGET_ANSWERED;
    leave_sound(t);
    bc_ringer_cancel(&t->ring);
    bc_timer_cancel(&t->timer);
    if (t->call && t->state == BC_TARGET_ENDED)
        bc_announcement_hung_up(t->announcement);
    drop_call(t);
    if (t->state == BC_TARGET_ENDED)
        return;
    set_reason(t, reason);
    t->state = BC_TARGET_WAITING;
    bc_target_log(t);
}

/* What did not leave this machine was not played there, whatever the call said. */
static void settle_unsent(BcTarget *t)
{
    unsigned percent = t->from_us && t->to_us ? unsent_percent(t) : 0;
    if (percent <= UNSENT_MAX_PERCENT || g_str_equal(t->outcome, "missed"))
        return;
    g_autofree char *reason = g_strdup_printf("%u %% of the sound could not be sent to it%s%s", percent, t->reason ? "; " : "",
                                              t->reason ? t->reason : "");
    set_reason(t, reason);
    t->outcome = percent >= 98 ? "missed" : "partial";
    if (percent >= 98)
        t->from_us = t->to_us = 0;
}

void bc_target_end(BcTarget *t, const char *reason, bool now)
{
    BcAnnouncement *a = t->announcement;
    if (t->state == BC_TARGET_ENDED)
        return;
    if (t->way == BC_BY_REACH) {
        if (reason)
            set_reason(t, reason);
        leave_sound(t);
        t->state = BC_TARGET_ENDED;
        t->settled |= now || (!t->told && !a->schedule); /* nothing will come in any more, or nothing is expected */
        bc_target_log(t);
        bc_stage_release(a->stage, t);
        return;
    }
    bool whole = !reason && t->state == BC_TARGET_ANSWERED && !t->broken && t->from_us && t->from_us <= a->start_wall_us + LATE_US;
    if (reason)
        set_reason(t, reason);
    else if (t->state == BC_TARGET_ANSWERED && !whole && !t->reason)
        set_reason(t, "joined late");
    else if (t->state != BC_TARGET_ANSWERED && !t->reason)
        set_reason(t, t->rings ? "no answer before the end" : "it was not its turn before the end");
    bc_timer_cancel(&t->timer);
    bc_ringer_cancel(&t->ring);
    leave_sound(t);
    int64_t duration = bc_source_duration_us(a->source);
    if (!reason && t->to_us && duration != INT64_MAX)
        t->to_us = MIN(t->to_us, a->start_wall_us + duration);
    t->state = BC_TARGET_ENDED;
    t->outcome = whole ? "played" : t->from_us ? "partial" : "missed";
    if (whole)
        g_clear_pointer(&t->reason, g_free);
    settle_unsent(t);
    bc_target_log(t);
    if (!t->call) {
        bc_stage_release(a->stage, t);
        return;
    }
    a->hanging_up++;
    if (now)
        hang_up_now(t);
    else
        bc_ringer_push(a->stage->ringer, &t->ring, a->priority, hang_up_now, t);
}
