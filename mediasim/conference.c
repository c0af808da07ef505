/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/conference-private.h"

#include <gio/gio.h>
#include <string.h>
#include "mediasim/account.h"

#define PHASES 4          /* endpoints' 20 ms ticks are not all in step */
#define SETTLE_US 2500000 /* between the last call's answer and the first turn */
#define PAUSE_US 20000

/* --- worker threads --- */

static void hall_tick(MdTimer *timer, int64_t due_us, void *user)
{
    (void)timer;
    SimHall *hall = user;
    SimMeeting *run = hall->run;
    if (!hall->judging && due_us >= hall->talk.start_us) {
        /* What was seen while the others came in is not judged. */
        hall->judging = true;
        for (unsigned i = hall->index; i < run->options->count; i += run->n_halls)
            sim_site_judge(&run->callers[i].site);
    }
    if (hall->judging) {
        hall->ticks++;
        hall->late_ticks += md_worker_clock_us(hall->thread.worker) - due_us > 5000;
    }
    for (unsigned i = hall->index + hall->phase * run->n_halls; i < run->options->count;
         i += run->n_halls * PHASES)
        sim_site_tick(&run->callers[i].site, due_us);
    hall->phase = (hall->phase + 1) % PHASES;
    hall->due_us += MD_AUDIO_TICK_US / PHASES;
    md_worker_timer_at(hall->thread.worker, &hall->timer, hall->due_us, hall_tick, hall);
}

typedef struct SimHallMail {
    SimHall *hall;
    SimTalk talk;
} HallMail;

static void mail_begin(void *payload, size_t len)
{
    (void)len;
    HallMail *mail = payload;
    mail->hall->due_us = md_worker_clock_us(mail->hall->thread.worker) + MD_AUDIO_TICK_US;
    md_worker_timer_at(mail->hall->thread.worker, &mail->hall->timer, mail->hall->due_us, hall_tick,
                       mail->hall);
}

static void mail_talk(void *payload, size_t len)
{
    (void)len;
    HallMail *mail = payload;
    mail->hall->talk = mail->talk;
}

static void mail_end(void *payload, size_t len)
{
    (void)len;
    HallMail *mail = payload;
    SimMeeting *run = mail->hall->run;
    md_worker_timer_cancel(mail->hall->thread.worker, &mail->hall->timer);
    for (unsigned i = mail->hall->index; i < run->options->count; i += run->n_halls)
        sim_site_close(&run->callers[i].site);
}

typedef struct AgreeMail {
    SimCaller *caller;
    MdAgreed *agreed; /* taken */
} AgreeMail;

static void mail_agree(void *payload, size_t len)
{
    (void)len;
    AgreeMail *mail = payload;
    sim_site_agree(&mail->caller->site, mail->agreed, md_worker_now_us(mail->caller->hall->thread.worker));
    g_free(mail->agreed);
}

/* --- SIP thread --- */

static void caller_fail(SimCaller *caller, int code, const char *reason)
{
    caller->code = code;
    g_strlcpy(caller->reason, reason, sizeof(caller->reason));
    atomic_store(&caller->state, CALLER_FAILED);
    sim_say(caller->options, "site %u: %d %s", caller->site.index, code, reason);
}

static void post_agreed(SimCaller *caller, const MdAgreed *agreed)
{
    AgreeMail mail = {caller, g_memdup2(agreed, sizeof(*agreed))};
    if (md_worker_post(caller->hall->thread.worker, mail_agree, &mail, sizeof(mail)) < 0)
        g_free(mail.agreed);
}

static void on_registered(SgUa *ua, int code, double ms, void *user)
{
    (void)ua, (void)ms;
    SimCaller *caller = user;
    int expected = CALLER_NEW;
    if (code == 200)
        atomic_compare_exchange_strong(&caller->state, &expected, CALLER_REGISTERED);
    else if (atomic_load(&caller->state) == CALLER_NEW)
        caller_fail(caller, code, "REGISTER refused");
}

static void on_answer(SgUaCall *call, const char *sdp, void *user)
{
    (void)call;
    SimCaller *caller = user;
    MdAgreed agreed;
    g_autoptr(GError) error = NULL;
    if (!md_negotiator_accept_answer(&caller->negotiator, sdp, &agreed, &error)) {
        caller_fail(caller, 488, error->message);
        return;
    }
    post_agreed(caller, &agreed);
}

static void on_offer(SgUaCall *call, const char *sdp, void *user)
{
    SimCaller *caller = user;
    MdAgreed agreed;
    g_autoptr(GError) error = NULL;
    g_autofree char *answer = md_negotiator_accept_offer(&caller->negotiator, sdp, &agreed, &error);
    if (!answer) {
        sg_ua_call_reject(call, 488);
        return;
    }
    sg_ua_call_answer(call, answer);
    post_agreed(caller, &agreed);
}

static void on_established(SgUaCall *call, void *user)
{
    (void)call;
    SimCaller *caller = user;
    int expected = CALLER_CALLING;
    atomic_compare_exchange_strong(&caller->state, &expected, CALLER_TALKING);
}

static void on_closed(SgUaCall *call, int code, const char *reason, void *user)
{
    (void)call;
    SimCaller *caller = user;
    pthread_mutex_lock(&caller->hall->run->lock);
    caller->call = NULL;
    pthread_mutex_unlock(&caller->hall->run->lock);
    if (atomic_load(&caller->state) == CALLER_CALLING) {
        caller_fail(caller, code, reason);
    } else if (atomic_load(&caller->state) == CALLER_TALKING) {
        bool early = !atomic_load(&caller->hall->run->stopping);
        atomic_store(&caller->left, early);
        atomic_store(&caller->state, CALLER_LEFT);
        if (early)
            sim_say(caller->options, "site %u: hung up on: %d %s", caller->site.index, code, reason);
    }
}

static const SgUaCallbacks callbacks = {
    .on_registered = on_registered,
    .on_answer = on_answer,
    .on_offer = on_offer,
    .on_established = on_established,
    .on_closed = on_closed,
};

/* --- main thread --- */

static bool fail(GError **error, const char *what, int r)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", what, g_strerror(r < 0 ? -r : r));
    return false;
}

static bool make_pictures(SimMeeting *run, GError **error)
{
    const SimOptions *o = run->options;
    if (!o->video)
        return true;
    run->clips = g_new0(SimClip, o->count);
    run->cameras = g_new0(SimCamera, o->count);
    sim_say(o, "coding %u pictures of %ux%u for each of %u sites", SIM_LOOP_FRAMES, o->send_class.width,
            o->send_class.height, o->count);
    for (unsigned i = 0; i < o->count && !sim_interrupted(); i++) {
        int r = sim_clip_make(&run->clips[i], (uint16_t)(i + 1), &o->send_class);
        if (r < 0)
            return fail(error, "cannot encode pictures", r);
    }
    return !sim_interrupted() || fail(error, "interrupted", EINTR);
}

static bool make_halls(SimMeeting *run, GError **error)
{
    const SimOptions *o = run->options;
    run->n_halls = MIN(o->workers, o->count);
    run->halls = g_new0(SimHall, run->n_halls);
    run->specs = g_new0(SimSiteSpec, run->n_halls);
    for (unsigned i = 0; i < run->n_halls; i++) {
        SimHall *hall = &run->halls[i];
        g_autofree char *name = g_strdup_printf("hall-%u", i);
        SimImpairOptions out = sim_options_impair(o, 2 * i), in = sim_options_impair(o, 2 * i + 1);
        int r = sim_thread_init(&hall->thread, &(MdWorkerOptions){.name = name, .cpu = -1, .nice = -5}, &out,
                                &in);
        if (r < 0)
            return fail(error, "cannot start a media thread", r);
        hall->run = run;
        hall->index = i;
        hall->n_halls = run->n_halls;
        hall->talk = (SimTalk){
            .sites = o->count, .talkers = o->talkers, .start_us = INT64_MAX, .turn_us = o->turn_ms * 1000ll};
        run->specs[i] = (SimSiteSpec){
            .talk = &hall->talk,
            .quiet = &run->quiet,
            .cameras = run->cameras,
            .clips = run->clips,
            .fps = o->send_class.fps,
            .hear_min = 0.8,
            .eye_limits = {.frozen_us = 1000000,
                           .source_width = o->send_class.width,
                           .source_height = o->send_class.height},
            .sites = o->count,
        };
    }
    return true;
}

static void init_negotiator(SimCaller *caller)
{
    const SimOptions *o = caller->options;
    MdNegotiatorOptions options = {
        .local_host = o->local_host,
        .local_port = {md_addr_port(&caller->site.audio.pair.rtp),
                       o->video ? md_addr_port(&caller->site.video.pair.rtp) : 0},
        .security = o->security,
        .audio_codecs = {MD_AUDIO_OPUS},
        .n_audio_codecs = 1,
        .video_codecs = {MD_VIDEO_H264},
        .n_video_codecs = o->video ? 1 : 0,
        .video_max = o->receive_class,
    };
    md_negotiator_init(&caller->negotiator, &options, 0);
}

static bool make_callers(SimMeeting *run, GError **error)
{
    const SimOptions *o = run->options;
    MdAddr local;
    MdPortPoolOptions ports = {
        .min_port = (uint16_t)o->port_min, .max_port = (uint16_t)o->port_max, .reuse_delay_us = -1};
    run->ports = md_port_pool_new(&ports);
    if (!run->ports || md_addr_from_host(&local, o->local_host, 0) < 0)
        return fail(error, "--local or --media-ports", EINVAL);
    run->callers = g_new0(SimCaller, o->count);
    for (unsigned i = 0; i < o->count; i++) {
        SimCaller *caller = &run->callers[i];
        caller->options = o;
        caller->hall = &run->halls[i % run->n_halls];
        /* Judges are spread over the sites: the first and the last are among them. */
        unsigned k = o->judge_video, step = k > 1 ? (o->count - 1) / (k - 1) : 1;
        bool judge_video = k >= o->count || (k && (step == 0 || (i % step == 0 && i / step < k)));
        int r = sim_site_init(&caller->site, i, &run->specs[i % run->n_halls], &caller->hall->thread,
                              run->ports, &local, o->video, i < o->judge_audio, judge_video, o->seed);
        run->n_inited = i + 1;
        if (r < 0)
            return fail(error, "cannot make an endpoint (--media-ports?)", r);
        init_negotiator(caller);
    }
    return true;
}

static void call(SimMeeting *run, SimCaller *caller)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *offer = md_negotiator_create_offer(&caller->negotiator, &error);
    atomic_store(&caller->state, CALLER_CALLING);
    pthread_mutex_lock(&run->lock);
    if (offer)
        caller->call = sg_ua_invite(caller->ua, run->options->room, offer, caller);
    pthread_mutex_unlock(&run->lock);
    if (!offer)
        caller_fail(caller, 0, error->message);
}

static unsigned count_state(const SimMeeting *run, SimCallerState state)
{
    unsigned n = 0;
    for (unsigned i = 0; i < run->options->count; i++)
        n += atomic_load(&run->callers[i].state) == (int)state;
    return n;
}

/* Registers everybody, calls in turn, waits until each is in or has failed. */
static bool set_up(SimMeeting *run, GError **error)
{
    const SimOptions *o = run->options;
    SgClientOptions options = {.local_host = o->local_host, .registers_per_s = o->registers_per_s};
    run->client = sg_client_new(&options, error);
    if (!run->client)
        return false;
    for (unsigned i = 0; i < o->count; i++) {
        run->callers[i].ua = sim_account_ua(run->client, o, i, &callbacks, &run->callers[i], error);
        if (!run->callers[i].ua)
            return false;
    }
    int64_t deadline_us = g_get_monotonic_time() + o->setup_seconds * G_USEC_PER_SEC, next_us = 0;
    unsigned told = 0;
    while (g_get_monotonic_time() < deadline_us && !sim_interrupted()) {
        for (unsigned i = 0; i < o->count; i++) {
            SimCaller *caller = &run->callers[i];
            if (atomic_load(&caller->state) != CALLER_REGISTERED || g_get_monotonic_time() < next_us)
                continue;
            next_us = MAX(next_us, g_get_monotonic_time() - 100000) + G_USEC_PER_SEC / o->calls_per_s;
            call(run, caller);
        }
        unsigned in = count_state(run, CALLER_TALKING),
                 out = count_state(run, CALLER_FAILED) + count_state(run, CALLER_LEFT);
        if (in >= told + 10) {
            told = in;
            sim_say(o, "%u of %u sites are in", in, o->count);
        }
        if (in + out == o->count)
            break;
        g_usleep(PAUSE_US / 4);
    }
    sim_say(o, "%u of %u sites are in", count_state(run, CALLER_TALKING), o->count);
    return true;
}

static void hold_meeting(SimMeeting *run)
{
    const SimOptions *o = run->options;
    HallMail mail = {.talk = run->halls[0].talk};
    int64_t start_us = md_clock_now_us(md_clock_system()) + SETTLE_US;
    mail.talk.start_us = start_us;
    int64_t turns = MAX(1, o->seconds * G_USEC_PER_SEC / mail.talk.turn_us);
    for (unsigned i = 0; i < run->n_halls; i++) {
        mail.hall = &run->halls[i];
        md_worker_post(mail.hall->thread.worker, mail_talk, &mail, sizeof(mail));
    }
    sim_say(o, "%" G_GINT64_FORMAT " turns of %u ms, %u talkers in each", turns, o->turn_ms, o->talkers);
    /* A little into the turn after the last: a turn is judged when the next begins. */
    int64_t end_us = start_us + turns * mail.talk.turn_us + PAUSE_US * 3;
    while (md_clock_now_us(md_clock_system()) < end_us && !sim_interrupted())
        g_usleep(PAUSE_US);
    run->judged_us = MIN(md_clock_now_us(md_clock_system()), end_us) - start_us;
}

static void tear_down(SimMeeting *run)
{
    const SimOptions *o = run->options;
    atomic_store(&run->stopping, 1);
    for (unsigned i = 0; i < run->n_halls; i++) {
        HallMail mail = {.hall = &run->halls[i]};
        if (mail.hall->thread.worker)
            md_worker_post(mail.hall->thread.worker, mail_end, &mail, sizeof(mail));
    }
    pthread_mutex_lock(&run->lock);
    for (unsigned i = 0; run->client && i < o->count; i++)
        if (run->callers[i].call)
            sg_ua_call_hangup(run->callers[i].call);
    pthread_mutex_unlock(&run->lock);
    int64_t deadline_us = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
    while (run->client && run->callers && count_state(run, CALLER_TALKING) &&
           g_get_monotonic_time() < deadline_us)
        g_usleep(PAUSE_US);
    for (unsigned i = 0; run->client && i < o->count; i++)
        if (run->callers[i].ua)
            sg_ua_unregister(run->callers[i].ua);
    if (run->client)
        g_usleep(300000);
    sg_client_free(run->client);
    run->client = NULL;
    for (unsigned i = 0; i < run->n_halls; i++)
        if (run->halls[i].thread.worker)
            md_worker_stop(run->halls[i].thread.worker);
}

static void free_run(SimMeeting *run)
{
    for (unsigned i = 0; i < run->n_inited; i++) {
        sim_site_clear(&run->callers[i].site);
        md_negotiator_clear(&run->callers[i].negotiator);
    }
    for (unsigned i = 0; i < run->n_halls; i++)
        sim_thread_clear(&run->halls[i].thread);
    for (unsigned i = 0; run->clips && i < run->options->count; i++)
        sim_clip_clear(&run->clips[i]);
    md_port_pool_free(run->ports);
    pthread_mutex_destroy(&run->lock);
    g_free(run->callers);
    g_free(run->halls);
    g_free(run->specs);
    g_free(run->clips);
    g_free(run->cameras);
    g_free(run);
}

static bool begin(SimMeeting *run, GError **error)
{
    int r = sim_quiet_make(&run->quiet);
    if (r < 0)
        return fail(error, "cannot encode sound", r);
    if (!make_pictures(run, error) || !make_halls(run, error) || !make_callers(run, error))
        return false;
    for (unsigned i = 0; i < run->n_halls; i++) {
        HallMail mail = {.hall = &run->halls[i]};
        md_worker_post(mail.hall->thread.worker, mail_begin, &mail, sizeof(mail));
        r = md_worker_start(mail.hall->thread.worker);
        if (r < 0)
            return fail(error, "cannot start a media thread", r);
    }
    return set_up(run, error);
}

SimVerdict *sim_conference_run(const SimOptions *options, GError **error)
{
    SimMeeting *run = g_new0(SimMeeting, 1);
    SimVerdict *verdict = NULL;
    run->options = options;
    pthread_mutex_init(&run->lock, NULL);
    bool begun = begin(run, error);
    if (begun && count_state(run, CALLER_TALKING))
        hold_meeting(run);
    tear_down(run);
    if (begun) {
        verdict = sim_verdict_new("conference");
        sim_conference_judge(run, verdict);
    }
    free_run(run);
    return verdict;
}
