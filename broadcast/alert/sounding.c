/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One alert from its siren to its last repeat: a round is siren, attention and words (in two announcements while the words are still
 * being made, in one afterwards), then a pause. Each step is stored, so that the next life goes on where this one ended. */
#include "broadcast/alert/private.h"

#include <string.h>

#define RETRY_US (5 * G_USEC_PER_SEC)
#define RETRY_MAX_US (60 * G_USEC_PER_SEC)
#define FAILURES_MAX 5
#define LATER_MAX_US (60 * G_USEC_PER_SEC) /* the wall clock may be set, quiet hours may be released */
#define GAP_US G_USEC_PER_SEC
#define LOOK_US G_USEC_PER_SEC

typedef struct Call {       /* something asked for; the alert may be over when the answer comes */
    BcAlerts *alerts;       /* a reference */
    char *id, *siren;       /* siren: its recording */
    int64_t phase;
} Call;

static void begin_round(BcAlerts *alerts, BcAlert *alert);
static void play_words(BcAlerts *alerts, BcAlert *alert, const char *siren);

static Call *new_call(BcAlerts *alerts, const BcAlert *alert, const char *siren)
{
    Call *call = g_new0(Call, 1);
    *call = (Call){g_rc_box_acquire(alerts), g_strdup(alert->id), g_strdup(siren), alert->phase};
    return call;
}

static void free_call(Call *call)
{
    bc_alerts_unref(call->alerts);
    g_free(call->id);
    g_free(call->siren);
    g_free(call);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Call, free_call)

/* NULL: it is over, or we are. */
static BcAlert *still_on(const Call *call)
{
    BcAlert *alert = call->alerts->gone || call->alerts->quiet ? NULL : g_hash_table_lookup(call->alerts->by_id, call->id);
    return alert && alert->task && alert->state == BC_ALERT_SOUNDING ? alert : NULL;
}

static void tell(BcAlerts *alerts, const char *type, const BcAlert *alert)
{
    if (alerts->o.ops.event)
        alerts->o.ops.event(type, alert, alerts->o.ops.user);
}

/* --- the task --- */

void bc_alert_task_free(BcAlertTask *task)
{
    if (!task)
        return;
    bc_timer_cancel(&task->timer);
    bc_timer_cancel(&task->expiry);
    g_free(task->on);
    g_free(task);
}

static void at_wall(BcAlertTask *task, BcTimer *timer, int64_t wall_us, BcTimerFn fn);

static void on_expiry(BcTimer *timer, void *user)
{
    BcAlertTask *task = user;
    if (task->alert->expires_us > bc_alerts_now_us(task->alerts))
        at_wall(task, timer, task->alert->expires_us, on_expiry);
    else
        bc_alert_end(task->alerts, task->alert, BC_ALERT_EXPIRED, "its time is over");
}

/* Not later than in a minute: fn looks whether it is time. */
static void at_wall(BcAlertTask *task, BcTimer *timer, int64_t wall_us, BcTimerFn fn)
{
    int64_t in = CLAMP(wall_us - bc_alerts_now_us(task->alerts), 0, LATER_MAX_US);
    bc_timer_at(task->alerts->o.timers, timer, bc_alerts_mono_us(task->alerts) + in, fn, task);
}

static void make_task(BcAlerts *alerts, BcAlert *alert)
{
    if (alert->task)
        return;
    alert->task = g_new0(BcAlertTask, 1);
    alert->task->alerts = alerts;
    alert->task->alert = alert;
    at_wall(alert->task, &alert->task->expiry, alert->expires_us, on_expiry);
}

void bc_alert_end(BcAlerts *alerts, BcAlert *alert, BcAlertState state, const char *reason)
{
    if (alert->state != BC_ALERT_SOUNDING && alert->state != BC_ALERT_WAITING)
        return;
    bool sounded = alert->announcements || (alert->task && alert->task->starting);
    g_autofree char *on = alert->task ? g_steal_pointer(&alert->task->on) : NULL;
    alert->state = state;
    alert->ended_us = bc_alerts_now_us(alerts);
    g_free(alert->reason);
    alert->reason = g_strdup(reason);
    g_clear_pointer(&alert->task, bc_alert_task_free);
    if (on)
        alerts->o.ops.stop(on, reason, alerts->o.ops.user);
    bc_alerts_save(alerts, alert);
    md_notice(&alerts->logger, "%s \"%s\" (%s) is %s: %s", alert->kind, alert->headline ? alert->headline : "", alert->id,
              bc_alert_state_to_string(state), reason);
    tell(alerts, "alert.ended", alert);
    if (sounded)
        bc_alerts_report_later(alerts, alert);
}

/* --- rounds --- */

static void on_pause_over(BcTimer *timer, void *user)
{
    BcAlertTask *task = user;
    if (task->alert->next_us > bc_alerts_now_us(task->alerts))
        at_wall(task, timer, task->alert->next_us, on_pause_over);
    else
        begin_round(task->alerts, task->alert);
}

static void round_done(BcAlerts *alerts, BcAlert *alert)
{
    alert->done_rounds++;
    alert->phase = BC_ALERT_PAUSE;
    alert->next_us = bc_alerts_now_us(alerts) + alert->interval_us;
    if (alert->done_rounds >= alert->repeats || alert->next_us >= alert->expires_us) {
        bc_alert_end(alerts, alert, BC_ALERT_DONE, "said as often as it should be");
        return;
    }
    bc_alerts_save(alerts, alert);
    at_wall(alert->task, &alert->task->timer, alert->next_us, on_pause_over);
}

static void failed(BcAlerts *alerts, BcAlert *alert, const char *what, const GError *error)
{
    md_error(&alerts->logger, "alert \"%s\" (%s): %s: %s", alert->headline ? alert->headline : "", alert->id, what, error->message);
    g_free(alert->note);
    alert->note = g_strdup_printf("%s: %s", what, error->message);
    unsigned failures = ++alert->task->failures;
    if (failures > FAILURES_MAX && !bc_alert_is_real(alert)) { /* what is real is tried as long as it holds */
        bc_alert_end(alerts, alert, BC_ALERT_STOPPED, alert->note);
        return;
    }
    alert->phase = BC_ALERT_PAUSE;
    alert->next_us = bc_alerts_now_us(alerts) + MIN(failures * RETRY_US, RETRY_MAX_US);
    bc_alerts_save(alerts, alert);
    at_wall(alert->task, &alert->task->timer, alert->next_us, on_pause_over);
}

static void note_announcement(BcAlerts *alerts, BcAlert *alert, const char *id)
{
    BcAlertTask *task = alert->task;
    g_free(task->on);
    task->on = g_strdup(id);
    task->starting = false;
    task->failures = 0;
    g_auto(GStrv) known = g_strsplit(alert->announcements ? alert->announcements : "", ",", -1);
    if (g_strv_length(known) < BC_ALERT_ANNOUNCEMENTS_MAX) {
        char *joined = alert->announcements ? g_strdup_printf("%s,%s", alert->announcements, id) : g_strdup(id);
        g_free(alert->announcements);
        alert->announcements = joined;
    }
    bc_alerts_save(alerts, alert);
}

static void on_started(const char *id, const GError *error, void *user)
{
    g_autoptr(Call) call = user;
    BcAlert *alert = still_on(call);
    if (!alert) {
        if (id && !call->alerts->gone)
            call->alerts->o.ops.stop(id, "the alert is over", call->alerts->o.ops.user);
        return;
    }
    if (error) {
        alert->task->starting = false;
        failed(call->alerts, alert, "it cannot be played", error);
    } else {
        note_announcement(call->alerts, alert, id);
    }
}

/* What both kinds of playing share. areas is filled and must outlive the call. */
static BcPlayOptions options_for(BcAlerts *alerts, const BcAlert *alert, char **areas)
{
    bool real = bc_alert_is_real(alert);
    return (BcPlayOptions){.areas = (const char *const *)areas, .priority = (BcPriority)alert->priority,
                           .authority = (unsigned)alert->authority, .repeats = 1, .gap_us = GAP_US, .expires_us = alert->expires_us, .made_us = MAX(alert->received_us, alert->begin_us),
                           .volume = real ? 0 : alerts->o.drill_volume, .drill = !real, .title = alert->headline,
                           .created_by = alert->created_by};
}

static void play(BcAlerts *alerts, BcAlert *alert, BcAlertPhase phase, const char *siren, const char *content)
{
    g_auto(GStrv) areas = g_strsplit(alert->areas, ",", -1);
    BcPlayOptions options = options_for(alerts, alert, areas);
    options.content = content ? content : siren;
    options.lead_content = content ? siren : NULL;
    options.siren = siren ? (int)alert->siren : 0;
    options.siren_rounds = (unsigned)alert->rounds;
    alert->phase = phase;
    alert->task->starting = true;
    alerts->o.ops.play(&options, on_started, new_call(alerts, alert, NULL), alerts->o.ops.user);
}

static void on_live_again(BcTimer *timer, void *user)
{
    BcAlertTask *task = user;
    play_words(task->alerts, task->alert, NULL);
}

/* The siren has been heard: it does not wail again for each try. */
static void live_failed(BcAlerts *alerts, BcAlert *alert, const GError *error)
{
    md_error(&alerts->logger, "alert \"%s\" (%s): it cannot go on the air: %s", alert->headline ? alert->headline : "", alert->id, error->message);
    g_free(alert->note);
    alert->note = g_strdup_printf("it cannot go on the air: %s", error->message);
    if (++alert->task->live_failures > FAILURES_MAX) {
        bc_alert_end(alerts, alert, BC_ALERT_STOPPED, alert->note);
        return;
    }
    bc_alerts_save(alerts, alert);
    bc_timer_at(alerts->o.timers, &alert->task->timer, bc_alerts_mono_us(alerts) + RETRY_US, on_live_again, alert->task);
}

static void play_live(BcAlerts *alerts, BcAlert *alert)
{
    g_auto(GStrv) areas = g_strsplit(alert->areas, ",", -1);
    g_autoptr(GError) error = NULL;
    BcPlayOptions options = options_for(alerts, alert, areas);
    options.room = alert->room;
    options.url = alert->url;
    alert->phase = BC_ALERT_WORDS;
    g_autofree char *id = alerts->o.ops.live(&options, &error, alerts->o.ops.user);
    if (id)
        note_announcement(alerts, alert, id);
    else
        live_failed(alerts, alert, error);
}

/* --- words --- */

static void on_spoken(const char *content, const GError *error, void *user)
{
    g_autoptr(Call) call = user;
    BcAlerts *alerts = call->alerts;
    BcAlert *alert = still_on(call);
    if (!alert)
        return;
    alert->task->speaking = false;
    if (error) {
        md_error(&alerts->logger, "alert \"%s\" (%s): its words cannot be spoken, the siren alone sounds: %s",
                 alert->headline ? alert->headline : "", alert->id, error->message);
        g_free(alert->note);
        alert->note = g_strdup_printf("not spoken: %s", error->message);
        alert->task->mute = true;
    } else {
        g_free(alert->content);
        alert->content = g_strdup(content);
    }
    bc_alerts_save(alerts, alert);
    if (alert->phase == BC_ALERT_SPEECH && alert->task->mute)
        round_done(alerts, alert);
    else if (alert->phase == BC_ALERT_SPEECH)
        play_words(alerts, alert, NULL);
}

static bool has_words(const BcAlert *alert)
{
    return alert->words && !alert->content && !alert->task->mute;
}

static void make_words(BcAlerts *alerts, BcAlert *alert)
{
    if (!has_words(alert) || alert->task->speaking)
        return;
    alert->task->speaking = true;
    BcAlertSpeech speech = {alert->words, alert->headline ? alert->headline : "Cảnh báo", !bc_alert_is_real(alert)};
    alerts->o.ops.speak(&speech, on_spoken, new_call(alerts, alert, NULL), alerts->o.ops.user);
}

static void play_words(BcAlerts *alerts, BcAlert *alert, const char *siren)
{
    if (alert->room || alert->url) {
        play_live(alerts, alert);
    } else if (alert->content) {
        play(alerts, alert, BC_ALERT_WORDS, siren, alert->content);
    } else if (has_words(alert)) {
        alert->phase = BC_ALERT_SPEECH;
        bc_alerts_save(alerts, alert);
        make_words(alerts, alert);
    } else {
        round_done(alerts, alert);
    }
}

/* The words "attention" are there, or are not: the siren sounds either way. */
static void on_attention(const char *content, const GError *error, void *user)
{
    g_autoptr(Call) call = user;
    BcAlert *alert = still_on(call);
    if (alert)
        play(call->alerts, alert, BC_ALERT_LEAD, call->siren, content);
}

static void on_siren(const char *content, const GError *error, void *user)
{
    g_autoptr(Call) call = user;
    BcAlerts *alerts = call->alerts;
    BcAlert *alert = still_on(call);
    if (!alert)
        return;
    if (error)
        md_error(&alerts->logger, "alert \"%s\" (%s): no siren, its words alone sound: %s", alert->headline ? alert->headline : "", alert->id, error->message);
    bool live = alert->room || alert->url;
    if (!content || (alert->content && !live)) {
        play_words(alerts, alert, content);
        return;
    }
    bool real = bc_alert_is_real(alert);
    BcAlertSpeech speech = {real ? alerts->attention_words : "Diễn tập. Đây là diễn tập.", real ? "Chú ý" : "Diễn tập", !real};
    alerts->o.ops.speak(&speech, on_attention, new_call(alerts, alert, content), alerts->o.ops.user);
}

int64_t bc_alert_quiet_until_us(const BcAlerts *alerts, const BcAlert *alert)
{
    if (!alerts->o.ops.quiet_until || !alert->areas || (bc_alert_is_real(alert) && alert->priority == BC_EMERGENCY))
        return 0;
    g_auto(GStrv) areas = g_strsplit(alert->areas, ",", -1);
    return alerts->o.ops.quiet_until((const char *const *)areas, alerts->o.ops.user);
}

/* In quiet hours what is real and no emergency waits for their end, or for two people who let it sound; what is not real is over. */
static bool stays_silent(BcAlerts *alerts, BcAlert *alert)
{
    static const char waits[] = "waits for the end of quiet hours";
    int64_t until = bc_alert_quiet_until_us(alerts, alert);
    if (!until)
        return false;
    if (!bc_alert_is_real(alert)) {
        bc_alert_end(alerts, alert, BC_ALERT_STOPPED, "quiet hours: what is not real sounds in them only when two people have let it");
        return true;
    }
    alert->phase = BC_ALERT_PAUSE;
    alert->next_us = MIN(until, bc_alerts_now_us(alerts) + LATER_MAX_US);
    if (g_strcmp0(alert->note, waits) != 0) {
        g_free(alert->note);
        alert->note = g_strdup(waits);
        bc_alerts_save(alerts, alert);
        md_notice(&alerts->logger, "%s \"%s\" (%s) is no emergency: it %s", alert->kind, alert->headline ? alert->headline : "", alert->id, waits);
    }
    at_wall(alert->task, &alert->task->timer, alert->next_us, on_pause_over);
    return true;
}

static void begin_round(BcAlerts *alerts, BcAlert *alert)
{
    bool real = bc_alert_is_real(alert);
    if (stays_silent(alerts, alert))
        return;
    if (alert->siren == BC_SIREN_NONE) {
        play_words(alerts, alert, NULL);
        return;
    }
    alert->phase = BC_ALERT_LEAD;
    alerts->o.ops.siren((BcSirenPattern)alert->siren, (unsigned)alert->rounds, !real, on_siren, new_call(alerts, alert, NULL),
                        alerts->o.ops.user);
    if (alert->task) /* the siren is asked for first: nothing goes before it */
        make_words(alerts, alert);
}

static void on_effective(BcTimer *timer, void *user)
{
    BcAlertTask *task = user;
    bc_alert_begin(task->alerts, task->alert);
}

void bc_alert_begin(BcAlerts *alerts, BcAlert *alert)
{
    int64_t now = bc_alerts_now_us(alerts);
    if (alerts->quiet || alert->state != BC_ALERT_WAITING)
        return;
    if (alert->expires_us <= now) {
        bc_alert_end(alerts, alert, BC_ALERT_EXPIRED, "its time was over before it could begin");
        return;
    }
    make_task(alerts, alert);
    if (alert->begin_us > now) {
        at_wall(alert->task, &alert->task->timer, alert->begin_us, on_effective);
        return;
    }
    alert->state = BC_ALERT_SOUNDING;
    begin_round(alerts, alert); /* before anything else: seconds count */
    if (alert->state != BC_ALERT_SOUNDING)
        return;
    bc_alerts_save(alerts, alert);
    md_notice(&alerts->logger, "%s%s \"%s\" (%s) from %s sounds: siren %s, areas %s", bc_alert_is_real(alert) ? "" : "NOT REAL: ", alert->kind,
              alert->headline ? alert->headline : "", alert->id, alert->source ? alert->source : "here",
              bc_alert_siren_to_string((int)alert->siren), alert->areas);
    tell(alerts, "alert.sounding", alert);
    if (bc_alert_is_real(alert) && alert->priority == BC_EMERGENCY)
        tell(alerts, "alert.banner", alert);
}

/* --- what became of an announcement --- */

static BcAlert *alert_of(BcAlerts *alerts, const char *announcement)
{
    for (unsigned i = alerts->list->len; i-- > 0;) {
        BcAlert *alert = alerts->list->pdata[i];
        if (alert->task && g_strcmp0(alert->task->on, announcement) == 0)
            return alert;
    }
    return NULL;
}

static bool lies_in(const BcAlerts *alerts, const BcAlert *alert, const char *area)
{
    g_auto(GStrv) codes = g_strsplit(alert->areas ? alert->areas : "", ",", -1);
    for (unsigned i = 0; codes[i]; i++)
        if (!bc_areas_contains(alerts->o.areas, area, codes[i]))
            return false;
    return codes[0] != NULL;
}

/* Stop-all: what sounds there alone is over, in its pauses too. What other areas hear as well goes on for them. */
static void stop_area(BcAlerts *alerts, const char *area)
{
    g_autofree char *reason = g_strdup_printf("everything in %s was stopped", area);
    for (unsigned i = 0; i < alerts->list->len; i++) {
        BcAlert *alert = alerts->list->pdata[i];
        if (alert->state == BC_ALERT_SOUNDING && lies_in(alerts, alert, area))
            bc_alert_end(alerts, alert, BC_ALERT_STOPPED, reason);
    }
}

/* What is said next, once an announcement has been heard. */
static void said(BcAlerts *alerts, BcAlert *alert)
{
    g_clear_pointer(&alert->task->on, g_free);
    if (bc_alerts_now_us(alerts) >= alert->expires_us)
        bc_alert_end(alerts, alert, BC_ALERT_EXPIRED, "its time is over");
    else if (alert->phase == BC_ALERT_LEAD)
        play_words(alerts, alert, NULL);
    else
        round_done(alerts, alert);
}

void bc_alerts_on_broadcast(const char *type, const BcRun *run, void *user)
{
    BcAlerts *alerts = user;
    if (g_str_equal(type, "area.stopped") && !alerts->quiet)
        stop_area(alerts, run->areas);
    BcAlert *alert = g_str_equal(type, "announcement.ended") && !alerts->quiet ? alert_of(alerts, run->id) : NULL;
    if (!alert || g_strcmp0(run->state, "interrupted") == 0)
        return;
    if (g_strcmp0(run->state, "stopped") == 0 && bc_alerts_now_us(alerts) < alert->expires_us) {
        g_clear_pointer(&alert->task->on, g_free);
        bc_alert_end(alerts, alert, BC_ALERT_STOPPED, run->reason ? run->reason : "stopped");
        return;
    }
    said(alerts, alert);
}

/* --- lives --- */

/* NULL: none of it goes on. Only the newest of an alert can. */
static const char *going_on(const BcAlerts *alerts, const BcAlert *alert)
{
    const char *comma = alert->announcements ? strrchr(alert->announcements, ',') : NULL;
    const char *newest = comma ? comma + 1 : alert->announcements;
    return newest && alerts->o.ops.goes_on && alerts->o.ops.goes_on(newest, alerts->o.ops.user) ? newest : NULL;
}

/* Its end is told; when it could not go on after all nothing is, so somebody has to look. */
static void on_look(BcTimer *timer, void *user)
{
    BcAlertTask *task = user;
    BcAlerts *alerts = task->alerts;
    if (!task->on)
        return;
    if (alerts->o.ops.goes_on(task->on, alerts->o.ops.user))
        at_wall(task, timer, bc_alerts_now_us(alerts) + LOOK_US, on_look);
    else
        said(alerts, task->alert);
}

/* What sounded when the former life ended goes on by itself: a second one beside it would outlive the alert. */
static bool adopt(BcAlerts *alerts, BcAlert *alert)
{
    const char *newest = alert->phase == BC_ALERT_PAUSE ? NULL : going_on(alerts, alert);
    if (!newest)
        return false;
    alert->task->on = g_strdup(newest);
    at_wall(alert->task, &alert->task->timer, bc_alerts_now_us(alerts) + LOOK_US, on_look);
    if (alert->phase == BC_ALERT_LEAD)
        make_words(alerts, alert);
    return true;
}

static void resume(BcAlerts *alerts, BcAlert *alert)
{
    if (alert->expires_us <= bc_alerts_now_us(alerts)) {
        bc_alert_end(alerts, alert, BC_ALERT_EXPIRED, "its time ran out while mediad was not running");
        return;
    }
    if (alert->state == BC_ALERT_WAITING) {
        bc_alert_begin(alerts, alert);
        return;
    }
    make_task(alerts, alert);
    md_notice(&alerts->logger, "%s \"%s\" (%s) goes on after %d of %d rounds", alert->kind, alert->headline ? alert->headline : "", alert->id,
              (int)alert->done_rounds, (int)alert->repeats);
    if (adopt(alerts, alert))
        return;
    if (alert->phase == BC_ALERT_PAUSE && alert->done_rounds)
        at_wall(alert->task, &alert->task->timer, alert->next_us, on_pause_over);
    else if (alert->phase == BC_ALERT_SPEECH || alert->phase == BC_ALERT_WORDS)
        play_words(alerts, alert, NULL);
    else
        begin_round(alerts, alert);
}

void bc_alerts_resume(BcAlerts *alerts)
{
    g_autoptr(GPtrArray) open = g_ptr_array_new();
    for (unsigned i = 0; i < alerts->list->len; i++) {
        BcAlert *alert = alerts->list->pdata[i];
        bool over = alert->state != BC_ALERT_SOUNDING && alert->state != BC_ALERT_WAITING;
        const char *left = over ? going_on(alerts, alert) : NULL;
        if (!alert->task && !over)
            g_ptr_array_add(open, alert);
        if (left) /* called off, and then we were killed before its sound was */
            alerts->o.ops.stop(left, alert->reason, alerts->o.ops.user);
    }
    for (unsigned i = 0; i < open->len; i++)
        resume(alerts, open->pdata[i]);
}

void bc_alerts_quiesce(BcAlerts *alerts)
{
    alerts->quiet = true;
    for (unsigned i = 0; i < alerts->list->len; i++) {
        BcAlert *alert = alerts->list->pdata[i];
        g_clear_pointer(&alert->task, bc_alert_task_free);
    }
    bc_alerts_forget_reports(alerts);
}
