/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <gio/gio.h>
#include <pthread.h>
#include <string.h>

#include "mediasim/scenario.h"
#include "mediasim/site.h"
#include "sip/client.h"

#define PHASES 4          /* endpoints' 20 ms ticks are not all in step */
#define SETTLE_US 2500000 /* between the last call's answer and the first turn */
#define PAUSE_US 20000

typedef enum CallerState {
    CALLER_NEW,
    CALLER_REGISTERED,
    CALLER_CALLING,
    CALLER_TALKING,
    CALLER_FAILED,
    CALLER_LEFT
} CallerState;

typedef struct Hall Hall;
typedef struct Caller {
    SimSite site;
    Hall *hall;
    const SimOptions *options;
    SgUa *ua;
    SgUaCall *call;          /* under the run's lock: it goes with on_closed */
    MdNegotiator negotiator; /* SIP thread once the INVITE is out */
    _Atomic int state;       /* CallerState */
    _Atomic int left;        /* the server hung up before we did */
    int code;
    char reason[80];
} Caller;

/* One media thread with its share of the callers. */
struct Hall {
    SimThread thread;
    SimTalk talk; /* thread */
    MdTimer timer;
    int64_t due_us;
    unsigned phase, index, n_halls;
    struct Run *run;
    bool judging; /* the first turn has begun */
    uint64_t ticks, late_ticks;
};

typedef struct Run {
    const SimOptions *options;
    Caller *callers;
    Hall *halls;
    unsigned n_halls, n_inited;
    SimSiteSpec *specs; /* one per hall: the talk differs by address */
    SimQuiet quiet;
    SimClip *clips;
    SimCamera *cameras;
    MdPortPool *ports;
    SgClient *client;
    pthread_mutex_t lock;
    _Atomic int stopping;
    int64_t judged_us;
} Run;

/* --- worker threads --- */

static void hall_tick(MdTimer *timer, int64_t due_us, void *user)
{
    (void)timer;
    Hall *hall = user;
    Run *run = hall->run;
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

typedef struct HallMail {
    Hall *hall;
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
    Run *run = mail->hall->run;
    md_worker_timer_cancel(mail->hall->thread.worker, &mail->hall->timer);
    for (unsigned i = mail->hall->index; i < run->options->count; i += run->n_halls)
        sim_site_close(&run->callers[i].site);
}

typedef struct AgreeMail {
    Caller *caller;
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

static void caller_fail(Caller *caller, int code, const char *reason)
{
    caller->code = code;
    g_strlcpy(caller->reason, reason, sizeof(caller->reason));
    atomic_store(&caller->state, CALLER_FAILED);
    sim_say(caller->options, "site %u: %d %s", caller->site.index, code, reason);
}

static void post_agreed(Caller *caller, const MdAgreed *agreed)
{
    AgreeMail mail = {caller, g_memdup2(agreed, sizeof(*agreed))};
    if (md_worker_post(caller->hall->thread.worker, mail_agree, &mail, sizeof(mail)) < 0)
        g_free(mail.agreed);
}

static void on_registered(SgUa *ua, int code, double ms, void *user)
{
    (void)ua, (void)ms;
    Caller *caller = user;
    int expected = CALLER_NEW;
    if (code == 200)
        atomic_compare_exchange_strong(&caller->state, &expected, CALLER_REGISTERED);
    else if (atomic_load(&caller->state) == CALLER_NEW)
        caller_fail(caller, code, "REGISTER refused");
}

static void on_answer(SgUaCall *call, const char *sdp, void *user)
{
    (void)call;
    Caller *caller = user;
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
    Caller *caller = user;
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
    Caller *caller = user;
    int expected = CALLER_CALLING;
    atomic_compare_exchange_strong(&caller->state, &expected, CALLER_TALKING);
}

static void on_closed(SgUaCall *call, int code, const char *reason, void *user)
{
    (void)call;
    Caller *caller = user;
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

static bool make_pictures(Run *run, GError **error)
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

static bool make_halls(Run *run, GError **error)
{
    const SimOptions *o = run->options;
    run->n_halls = MIN(o->workers, o->count);
    run->halls = g_new0(Hall, run->n_halls);
    run->specs = g_new0(SimSiteSpec, run->n_halls);
    for (unsigned i = 0; i < run->n_halls; i++) {
        Hall *hall = &run->halls[i];
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

static void init_negotiator(Caller *caller)
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

static bool make_callers(Run *run, GError **error)
{
    const SimOptions *o = run->options;
    MdAddr local;
    MdPortPoolOptions ports = {
        .min_port = (uint16_t)o->port_min, .max_port = (uint16_t)o->port_max, .reuse_delay_us = -1};
    run->ports = md_port_pool_new(&ports);
    if (!run->ports || md_addr_from_host(&local, o->local_host, 0) < 0)
        return fail(error, "--local or --media-ports", EINVAL);
    run->callers = g_new0(Caller, o->count);
    for (unsigned i = 0; i < o->count; i++) {
        Caller *caller = &run->callers[i];
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

static void call(Run *run, Caller *caller)
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

static unsigned count_state(const Run *run, CallerState state)
{
    unsigned n = 0;
    for (unsigned i = 0; i < run->options->count; i++)
        n += atomic_load(&run->callers[i].state) == (int)state;
    return n;
}

/* Registers everybody, calls in turn, waits until each is in or has failed. */
static bool set_up(Run *run, GError **error)
{
    const SimOptions *o = run->options;
    SgClientOptions options = {.local_host = o->local_host, .registers_per_s = o->registers_per_s};
    run->client = sg_client_new(&options, error);
    if (!run->client)
        return false;
    for (unsigned i = 0; i < o->count; i++) {
        const SimAccount *account = &g_array_index(o->accounts, SimAccount, i);
        SgUaOptions ua = {.account = account->name,
                          .password = account->password,
                          .server = o->server_uri,
                          .domain = o->domain,
                          .transport = (SgTransportKind)o->transport};
        run->callers[i].ua = sg_client_ua_add(run->client, &ua, &callbacks, &run->callers[i], error);
        if (!run->callers[i].ua)
            return false;
    }
    int64_t deadline_us = g_get_monotonic_time() + o->setup_seconds * G_USEC_PER_SEC, next_us = 0;
    unsigned told = 0;
    while (g_get_monotonic_time() < deadline_us && !sim_interrupted()) {
        for (unsigned i = 0; i < o->count; i++) {
            Caller *caller = &run->callers[i];
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

static void hold_meeting(Run *run)
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

static void tear_down(Run *run)
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

static void free_run(Run *run)
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

/* --- verdict --- */

static double share(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static void judge_calls(const Run *run, SimVerdict *v)
{
    const SimOptions *o = run->options;
    unsigned in = 0, hung_up = 0, told = 0;
    for (unsigned i = 0; i < o->count; i++) {
        const Caller *caller = &run->callers[i];
        int state = atomic_load(&caller->state);
        bool was_in = state == CALLER_TALKING || state == CALLER_LEFT;
        in += was_in;
        hung_up += atomic_load(&caller->left) != 0;
        if (!was_in && told++ < 5)
            sim_verdict_fail(v, "site %u (%s) is not in: %d %s", i,
                             g_array_index(o->accounts, SimAccount, i).name, caller->code,
                             state == CALLER_NEW ? "no answer to REGISTER"
                             : caller->reason[0] ? caller->reason
                                                 : "no answer to INVITE");
    }
    sim_verdict_group(v, "calls");
    sim_verdict_int(v, "sites", o->count, "");
    sim_verdict_int(v, "in", in, "");
    sim_verdict_int(v, "hung_up_on", hung_up, "");
    sim_verdict_double(v, "judged_s", (double)run->judged_us / 1e6, "s");
    if (in < o->count)
        sim_verdict_fail(v, "only %u of %u sites came in", in, o->count);
    if (hung_up)
        sim_verdict_fail(v, "%u sites were hung up on", hung_up);
}

static void judge_sound(const Run *run, SimVerdict *v)
{
    const SimOptions *o = run->options;
    uint64_t expected = 0, heard = 0, own = 0, echoes = 0, strangers = 0, gaps = 0, gap_ticks = 0,
             talk_ticks = 0, delays = 0, turns = 0;
    int64_t sum = 0, most = 0, least = INT64_MAX;
    int64_t last = 0;
    unsigned told = 0, ears = 0, hearing = 0;
    for (unsigned i = 0; i < o->count; i++) {
        const SimEar *e = run->callers[i].site.ear;
        if (!e || !run->callers[i].site.jitter)
            continue;
        ears++;
        turns += e->turns;
        expected += e->pairs_expected;
        heard += e->pairs_heard;
        own += e->own_turns;
        echoes += e->own_echoes;
        strangers += e->stranger_turns;
        gaps += e->gaps;
        gap_ticks += e->gap_ticks;
        talk_ticks += e->talk_ticks;
        delays += e->delays;
        sum += e->delay_sum_us;
        last += e->delay_last_us;
        hearing += e->delays > 0;
        most = MAX(most, e->delay_max_us);
        least = MIN(least, e->delay_min_us);
        if (e->pairs_heard < e->pairs_expected && told++ < 3) {
            g_autofree char *key = g_strdup_printf("not_heard_%u", told);
            g_autofree char *text = g_strdup_printf("site %u missed site %u in turn %d", i, e->missing_talker,
                                                    (int)e->missing_turn);
            sim_verdict_text(v, key, text);
        }
    }
    double mean = delays ? (double)sum / (double)delays : 0;
    sim_verdict_int(v, "listeners", ears, "");
    sim_verdict_int(v, "turns_heard", (int64_t)turns, "");
    sim_verdict_double(v, "talkers_heard", 100 * share(heard, expected), "%");
    sim_verdict_int(v, "own_echoes", (int64_t)echoes, "");
    sim_verdict_int(v, "wrong_voices", (int64_t)strangers, "");
    sim_verdict_int(v, "gaps", (int64_t)gaps, "");
    sim_verdict_double(v, "gap_time", 100 * share(gap_ticks, talk_ticks), "%");
    sim_verdict_double(v, "mouth_to_ear_mean", mean / 1000, "ms");
    sim_verdict_double(v, "mouth_to_ear_least", delays ? (double)least / 1000 : 0, "ms");
    sim_verdict_double(v, "mouth_to_ear_most", (double)most / 1000, "ms");
    sim_verdict_double(v, "mouth_to_ear_at_end", hearing ? (double)last / hearing / 1000 : 0, "ms");
    if (expected == 0)
        sim_verdict_fail(v, "no turn could be judged");
    if (share(heard, expected) < o->limit_heard)
        sim_verdict_fail(v, "talkers heard: %.2f %%, below %.2f %%", 100 * share(heard, expected),
                         100 * o->limit_heard);
    if (echoes)
        sim_verdict_fail(v, "own voice came back in %d of %d turns", (int)echoes, (int)own);
    if (strangers)
        sim_verdict_fail(v, "voices heard that were silent: %d times", (int)strangers);
    if (share(gap_ticks, talk_ticks) > o->limit_gaps)
        sim_verdict_fail(v, "gaps: %.3f %% of the talking time, above %.3f %%",
                         100 * share(gap_ticks, talk_ticks), 100 * o->limit_gaps);
    if (expected && delays == 0)
        sim_verdict_fail(v, "no onset was heard: no delay could be measured");
    if (mean > (double)(o->limit_delay_us + 2 * o->delay_us + o->jitter_us * 2))
        sim_verdict_fail(v, "mouth to ear: %.0f ms on average, above %.0f ms", mean / 1000,
                         (double)(o->limit_delay_us + 2 * o->delay_us + o->jitter_us * 2) / 1000);
}

static void judge_pictures(const Run *run, SimVerdict *v)
{
    const SimOptions *o = run->options;
    uint64_t pictures = 0, expected = 0, right = 0, wrong = 0, freezes = 0, delays = 0, decoded = 0,
             received = 0;
    int64_t sum = 0, most = 0;
    unsigned eyes = 0, blind = 0, first = 0;
    const char *layout = NULL;
    for (unsigned i = 0; i < o->count; i++) {
        const SimEye *e = run->callers[i].site.eye;
        if (!e)
            continue;
        eyes++;
        pictures += e->pictures;
        expected += e->tiles_expected;
        right += e->tiles_right;
        wrong += e->doubles + e->moved + e->strangers;
        freezes += e->freezes;
        delays += e->delays;
        sum += e->delay_sum_us;
        most = MAX(most, e->delay_max_us);
        decoded += run->callers[i].site.pictures_decoded;
        received += run->callers[i].site.pictures_received;
        unsigned never = sim_eye_never_seen(e, &first);
        if (never && blind++ < 3)
            sim_verdict_fail(v, "site %u never saw %u of the sites, site %u among them", i, never, first);
        if (e->layout != MD_LAYOUT_KIND_INVALID)
            layout = md_layout_to_string(e->layout);
    }
    double mean = delays ? (double)sum / (double)delays : 0;
    sim_verdict_group(v, "pictures");
    sim_verdict_int(v, "watchers", eyes, "");
    sim_verdict_text(v, "layout", layout ? layout : "none");
    sim_verdict_int(v, "received", (int64_t)received, "");
    sim_verdict_double(v, "rate",
                       eyes && run->judged_us ? (double)decoded / eyes / ((double)run->judged_us / 1e6) : 0,
                       "a second and watcher");
    sim_verdict_int(v, "judged", (int64_t)pictures, "");
    sim_verdict_double(v, "tiles_right", 100 * share(right, expected), "%");
    sim_verdict_int(v, "tiles_wrong", (int64_t)wrong, "");
    sim_verdict_int(v, "freezes", (int64_t)freezes, "");
    sim_verdict_double(v, "camera_to_screen_mean", mean / 1000, "ms");
    sim_verdict_double(v, "camera_to_screen_most", (double)most / 1000, "ms");
    if (eyes && pictures == 0)
        sim_verdict_fail(v, "no picture could be decoded");
    else if (eyes && share(right, expected) < o->limit_tiles)
        sim_verdict_fail(v, "tiles right: %.2f %%, below %.2f %%", 100 * share(right, expected),
                         100 * o->limit_tiles);
    if (wrong)
        sim_verdict_fail(v, "%d tiles showed a wrong site, a site twice, or changed places", (int)wrong);
    if (freezes && o->loss == 0)
        sim_verdict_fail(v, "tiles stood still for more than a second: %d times", (int)freezes);
    if (mean > (double)(o->limit_video_delay_us + 2 * o->delay_us + 2 * o->jitter_us))
        sim_verdict_fail(v, "camera to screen: %.0f ms on average", mean / 1000);
}

static void judge_network(const Run *run, SimVerdict *v)
{
    const SimOptions *o = run->options;
    uint64_t received[2] = {0}, lost[2] = {0}, sent[2] = {0}, rejected = 0, reported = 0, late = 0, ticks = 0,
             bytes = 0;
    int64_t jitter = 0;
    for (unsigned i = 0; i < o->count; i++) {
        const SimSite *s = &run->callers[i].site;
        const SimLine *lines[2] = {&s->audio, &s->video};
        const SimWay *ways[2] = {&s->audio_way, &s->video_way};
        for (unsigned k = 0; k < 2; k++) {
            received[k] += lines[k]->received;
            sent[k] += lines[k]->sent;
            rejected += lines[k]->rejected;
            lost[k] += md_stream_lost(&ways[k]->stream);
            reported += ways[k]->reported_lost;
        }
        bytes += s->bytes_received;
        jitter = MAX(jitter, md_stream_jitter_us(&s->audio_way.stream));
    }
    for (unsigned i = 0; i < run->n_halls; i++)
        late += run->halls[i].late_ticks, ticks += run->halls[i].ticks;
    double loss = share(lost[0] + lost[1], received[0] + received[1] + lost[0] + lost[1]);
    sim_verdict_group(v, "network");
    sim_verdict_int(v, "audio_sent", (int64_t)sent[0], "packets");
    sim_verdict_int(v, "audio_received", (int64_t)received[0], "packets");
    sim_verdict_int(v, "audio_lost", (int64_t)lost[0], "packets");
    sim_verdict_int(v, "video_sent", (int64_t)sent[1], "packets");
    sim_verdict_int(v, "video_received", (int64_t)received[1], "packets");
    sim_verdict_int(v, "video_lost", (int64_t)lost[1], "packets");
    sim_verdict_int(v, "server_missed", (int64_t)reported, "packets");
    sim_verdict_int(v, "rejected", (int64_t)rejected, "packets");
    sim_verdict_int(v, "payload_received", (int64_t)bytes, "bytes");
    sim_verdict_double(v, "audio_jitter_most", (double)jitter / 1000, "ms");
    sim_verdict_double(v, "own_late_ticks", 100 * share(late, ticks), "%");
    if (received[0] == 0)
        sim_verdict_fail(v, "no sound was received at all");
    if (loss > o->loss + o->limit_loss)
        sim_verdict_fail(v, "packets lost: %.2f %%, above %.2f %%", 100 * loss,
                         100 * (o->loss + o->limit_loss));
    if (rejected)
        sim_verdict_fail(v, "%d packets did not authenticate or came from a stranger", (int)rejected);
}

/* When we ourselves had no CPU, what was measured is not the server's doing alone: say so beside what fell
 * short. */
static void judge_ourselves(const Run *run, SimVerdict *v)
{
    uint64_t late = 0, ticks = 0;
    for (unsigned i = 0; i < run->n_halls; i++) {
        late += run->halls[i].late_ticks;
        ticks += run->halls[i].ticks;
    }
    if (!sim_verdict_passed(v) && share(late, ticks) > 0.05)
        sim_verdict_fail(v,
                         "mediasim itself was short of CPU: %.0f %% of its own ticks were late; give it "
                         "more, or fewer sites",
                         100 * share(late, ticks));
}

static bool begin(Run *run, GError **error)
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
    Run *run = g_new0(Run, 1);
    SimVerdict *verdict = NULL;
    run->options = options;
    pthread_mutex_init(&run->lock, NULL);
    bool begun = begin(run, error);
    if (begun && count_state(run, CALLER_TALKING))
        hold_meeting(run);
    tear_down(run);
    if (begun) {
        verdict = sim_verdict_new("conference");
        judge_calls(run, verdict);
        sim_verdict_group(verdict, "sound");
        judge_sound(run, verdict);
        if (options->video)
            judge_pictures(run, verdict);
        judge_network(run, verdict);
        judge_ourselves(run, verdict);
    }
    free_run(run);
    return verdict;
}
