/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <gio/gio.h>
#include <string.h>

#include "mediasim/account.h"
#include "mediasim/scenario.h"
#include "mediasim/speaker.h"
#include "sip/client.h"

#define PAUSE_US 20000
#define OVER_US 3000000 /* nobody has been playing for so long: the announcement is over */

typedef struct Horn {
    SimSpeaker speaker;
    const SimOptions *options;
    struct Yard *yard;
    SgUa *ua;
    MdNegotiator negotiator; /* SIP thread */
    _Atomic int registered;  /* 1 yes, -1 refused */
    _Atomic int rung, answered, active, refused;
    bool asked_auto; /* the call said it wants no hand to answer it */
    int code;
} Horn;

typedef struct Yard {
    const SimOptions *options;
    Horn *horns;
    unsigned n_inited;
    SimBooth *booths;
    unsigned n_booths, n_started;
    SgClient *client;
    int64_t wall_minus_monotonic_us;
    _Atomic int64_t last_activity_us;
} Yard;

/* --- worker threads --- */

typedef struct HornMail {
    Horn *horn;
    MdAgreedMedia *agreed; /* taken; NULL: stop */
} HornMail;

static void mail_horn(void *payload, size_t len)
{
    (void)len;
    HornMail *mail = payload;
    if (mail->agreed)
        sim_speaker_play(&mail->horn->speaker, mail->agreed);
    else
        sim_speaker_stop(&mail->horn->speaker);
    g_free(mail->agreed);
}

static void post_horn(Horn *horn, const MdAgreedMedia *agreed)
{
    HornMail mail = {horn, agreed ? g_memdup2(agreed, sizeof(*agreed)) : NULL};
    if (md_worker_post(horn->speaker.booth->thread.worker, mail_horn, &mail, sizeof(mail)) < 0)
        g_free(mail.agreed);
}

/* --- SIP thread --- */

static void on_registered(SgUa *ua, int code, double ms, void *user)
{
    (void)ua, (void)ms;
    Horn *horn = user;
    int before = 0;
    horn->code = code;
    atomic_compare_exchange_strong(&horn->registered, &before, code == 200 ? 1 : -1);
}

static bool wants_auto_answer(const char *headers)
{
    g_autofree char *lower = g_ascii_strdown(headers, -1);
    return strstr(lower, "answer-mode: auto") || strstr(lower, "answer-after=0") ||
           strstr(lower, "info=alert-autoanswer");
}

static void on_incoming(SgUa *ua, SgUaCall *call, const char *sdp, const char *headers, void *user)
{
    (void)ua;
    Horn *horn = user;
    MdAgreed agreed;
    g_autoptr(GError) error = NULL;
    atomic_store(&horn->rung, 1);
    horn->asked_auto = headers && wants_auto_answer(headers);
    if (atomic_load(&horn->active)) {
        sg_ua_call_reject(call, 486);
        return;
    }
    g_autofree char *reply = sdp ? md_negotiator_accept_offer(&horn->negotiator, sdp, &agreed, &error)
                                 : md_negotiator_create_offer(&horn->negotiator, &error);
    if (!reply) {
        sim_say(horn->options, "loudspeaker %u: %s", horn->speaker.index, error->message);
        atomic_store(&horn->refused, 1);
        sg_ua_call_reject(call, 488);
        return;
    }
    atomic_store(&horn->active, 1);
    /* Listening before the answer is out: the first packet may be faster than its acknowledgement. */
    if (sdp)
        post_horn(horn, &agreed.media[MD_LEG_MEDIA_AUDIO]);
    sg_ua_call_answer(call, reply);
}

static void on_answer(SgUaCall *call, const char *sdp, void *user)
{
    (void)call;
    Horn *horn = user;
    MdAgreed agreed;
    if (md_negotiator_accept_answer(&horn->negotiator, sdp, &agreed, NULL))
        post_horn(horn, &agreed.media[MD_LEG_MEDIA_AUDIO]);
}

static void on_offer(SgUaCall *call, const char *sdp, void *user)
{
    Horn *horn = user;
    MdAgreed agreed;
    g_autofree char *answer = md_negotiator_accept_offer(&horn->negotiator, sdp, &agreed, NULL);
    if (!answer) {
        sg_ua_call_reject(call, 488);
        return;
    }
    post_horn(horn, &agreed.media[MD_LEG_MEDIA_AUDIO]);
    sg_ua_call_answer(call, answer);
}

static void on_established(SgUaCall *call, void *user)
{
    (void)call;
    Horn *horn = user;
    atomic_store(&horn->answered, 1);
}

static void on_closed(SgUaCall *call, int code, const char *reason, void *user)
{
    (void)call, (void)code, (void)reason;
    Horn *horn = user;
    if (atomic_exchange(&horn->active, 0))
        post_horn(horn, NULL);
    atomic_store(&horn->yard->last_activity_us, g_get_monotonic_time());
}

static const SgUaCallbacks callbacks = {
    .on_registered = on_registered,
    .on_incoming = on_incoming,
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

static bool make_booths(Yard *yard, GError **error)
{
    const SimOptions *o = yard->options;
    yard->n_booths = MIN(o->workers, o->count);
    yard->booths = g_new0(SimBooth, yard->n_booths);
    for (unsigned i = 0; i < yard->n_booths; i++) {
        g_autofree char *name = g_strdup_printf("booth-%u", i);
        SimImpairOptions in = sim_options_impair(o, i);
        MdWorkerOptions worker = {.name = name, .cpu = -1, .mailbox_capacity = 32768};
        int r = sim_booth_init(&yard->booths[i], &worker, &in);
        if (r == 0)
            r = md_worker_start(yard->booths[i].thread.worker);
        if (r < 0)
            return fail(error, "cannot start a media thread", r);
        yard->n_started = i + 1;
    }
    return true;
}

static bool make_horns(Yard *yard, GError **error)
{
    const SimOptions *o = yard->options;
    yard->horns = g_new0(Horn, o->count);
    unsigned port = (o->port_min + 1) & ~1u;
    for (unsigned i = 0; i < o->count; i++) {
        Horn *horn = &yard->horns[i];
        horn->options = o;
        horn->yard = yard;
        int r = -EADDRINUSE;
        for (; r == -EADDRINUSE && port < o->port_max; port += 2) /* even: the odd one above is RTCP's */
            r = sim_speaker_init(&horn->speaker, i, &yard->booths[i % yard->n_booths], o->local_host,
                                 (uint16_t)port);
        yard->n_inited = i + 1;
        if (r < 0)
            return fail(error, "cannot make a loudspeaker (--media-ports, or the limit of open files?)", r);
        MdNegotiatorOptions options = {
            .local_host = o->local_host,
            .local_port = {md_addr_port(&horn->speaker.local), 0},
            .security = o->security,
            .audio_codecs = {MD_AUDIO_OPUS, MD_AUDIO_G722, MD_AUDIO_PCMA, MD_AUDIO_PCMU},
            .n_audio_codecs = 4,
        };
        md_negotiator_init(&horn->negotiator, &options, 0);
    }
    return true;
}

typedef struct Count {
    unsigned registered, refused, rung, answered, active;
} Count;

static Count count_horns(const Yard *yard)
{
    Count c = {0};
    for (unsigned i = 0; i < yard->options->count; i++) {
        const Horn *horn = &yard->horns[i];
        int registered = atomic_load(&horn->registered);
        c.registered += registered > 0;
        c.refused += registered < 0;
        c.rung += atomic_load(&horn->rung) != 0;
        c.answered += atomic_load(&horn->answered) != 0;
        c.active += atomic_load(&horn->active) != 0;
    }
    return c;
}

static bool sign_in(Yard *yard, GError **error)
{
    const SimOptions *o = yard->options;
    SgClientOptions options = {.local_host = o->local_host, .registers_per_s = o->registers_per_s};
    yard->client = sg_client_new(&options, error);
    if (!yard->client)
        return false;
    for (unsigned i = 0; i < o->count; i++) {
        yard->horns[i].ua = sim_account_ua(yard->client, o, i, &callbacks, &yard->horns[i], error);
        if (!yard->horns[i].ua)
            return false;
    }
    int64_t deadline_us = g_get_monotonic_time() + o->setup_seconds * G_USEC_PER_SEC;
    Count c;
    do {
        g_usleep(PAUSE_US);
        c = count_horns(yard);
    } while (c.registered + c.refused < o->count && g_get_monotonic_time() < deadline_us &&
             !sim_interrupted());
    sim_say(o, "%u of %u loudspeakers are registered, waiting for the announcement", c.registered, o->count);
    return true;
}

static void listen_to_it(Yard *yard)
{
    const SimOptions *o = yard->options;
    int64_t deadline_us = g_get_monotonic_time() + o->seconds * G_USEC_PER_SEC;
    unsigned told = 0;
    while (g_get_monotonic_time() < deadline_us && !sim_interrupted()) {
        g_usleep(5 * PAUSE_US);
        Count c = count_horns(yard);
        if (c.active > told + o->count / 10) {
            told = c.active;
            sim_say(o, "%u loudspeakers play", c.active);
        }
        if (!o->stay && c.rung && !c.active && g_get_monotonic_time() - atomic_load(&yard->last_activity_us) > OVER_US)
            break;
    }
}

static void tear_down(Yard *yard)
{
    for (unsigned i = 0; yard->client && i < yard->options->count; i++)
        if (yard->horns[i].ua)
            sg_ua_unregister(yard->horns[i].ua);
    if (yard->client)
        g_usleep(300000 + yard->options->count * 200);
    sg_client_free(yard->client);
    for (unsigned i = 0; i < yard->n_started; i++)
        md_worker_stop(yard->booths[i].thread.worker);
}

static void free_yard(Yard *yard)
{
    for (unsigned i = 0; i < yard->n_inited; i++) {
        sim_speaker_clear(&yard->horns[i].speaker);
        md_negotiator_clear(&yard->horns[i].negotiator);
    }
    for (unsigned i = 0; i < yard->n_booths; i++)
        sim_booth_clear(&yard->booths[i]);
    g_free(yard->booths);
    g_free(yard->horns);
    g_free(yard);
}

/* --- verdict --- */

static int compare_times(gconstpointer a, gconstpointer b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Start of each that was heard, against the plan, or against the first when there is none. */
static void judge_starts(const Yard *yard, SimVerdict *v)
{
    const SimOptions *o = yard->options;
    g_autoptr(GArray) starts = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (unsigned i = 0; i < o->count; i++)
        if (yard->horns[i].speaker.audible_us)
            g_array_append_val(starts, yard->horns[i].speaker.audible_us);
    sim_verdict_group(v, "start");
    if (starts->len == 0)
        return;
    g_array_sort(starts, compare_times);
    int64_t first = g_array_index(starts, int64_t, 0), last = g_array_index(starts, int64_t, starts->len - 1);
    int64_t middle = g_array_index(starts, int64_t, starts->len / 2),
            late = g_array_index(starts, int64_t, starts->len * 95 / 100);
    int64_t origin = o->planned_wall_us ? o->planned_wall_us - yard->wall_minus_monotonic_us : first;
    sim_verdict_text(v, "measured_from", o->planned_wall_us ? "plan" : "first loudspeaker");
    sim_verdict_double(v, "first", (double)(first - origin) / 1000, "ms");
    sim_verdict_double(v, "median", (double)(middle - origin) / 1000, "ms");
    sim_verdict_double(v, "p95", (double)(late - origin) / 1000, "ms");
    sim_verdict_double(v, "last", (double)(last - origin) / 1000, "ms");
    sim_verdict_double(v, "spread", (double)(last - first) / 1000, "ms");
    /* Who was worst, by name: that is where to look. */
    for (unsigned k = 0, told = 0; k < o->count && told < 3; k++) {
        const SimSpeaker *speaker = &yard->horns[k].speaker;
        if (!speaker->audible_us || speaker->audible_us < last - 1000 || last - first < 5000)
            continue;
        g_autofree char *key = g_strdup_printf("last_%u", ++told);
        g_autofree char *text =
            g_strdup_printf("%s: %+.1f ms", g_array_index(o->accounts, SimAccount, k).name,
                            (double)(speaker->audible_us - origin) / 1000);
        sim_verdict_text(v, key, text);
    }
    int64_t worst = MAX(ABS(last - origin), ABS(first - origin));
    if (worst > o->limit_start_us)
        sim_verdict_fail(v, "start-time error: %.0f ms, above %.0f ms", (double)worst / 1000,
                         (double)o->limit_start_us / 1000);
}

static void judge_sound(const Yard *yard, SimVerdict *v)
{
    const SimOptions *o = yard->options;
    uint64_t received = 0, lost = 0, rejected = 0, differing = 0, distinct = 0, loud = 0, undecodable = 0;
    int64_t gap = 0;
    unsigned complete = 0, secured = 0;
    for (unsigned i = 0; i < o->count; i++) {
        const SimSpeaker *s = &yard->horns[i].speaker;
        received += s->received;
        lost += md_stream_lost(&s->stream);
        rejected += s->rejected;
        differing += s->differing;
        gap = MAX(gap, s->gap_most_us);
        /* All that its thread knows to be audible, but what the bad line takes. */
        complete += s->feed && s->loud > 0 &&
                    (double)s->loud >= (double)s->feed->loud * (1 - o->loss - o->limit_loss);
        secured += s->feed && s->feed->secured;
    }
    for (unsigned i = 0; i < yard->n_booths; i++)
        for (unsigned k = 0; k < yard->booths[i].n_feeds; k++) {
            distinct = MAX(distinct, yard->booths[i].feeds[k]->packets);
            loud = MAX(loud, yard->booths[i].feeds[k]->loud);
            undecodable += yard->booths[i].feeds[k]->undecodable;
        }
    double loss = received + lost ? (double)lost / (double)(received + lost) : 0;
    sim_verdict_group(v, "sound");
    sim_verdict_int(v, "played", complete, "loudspeakers");
    sim_verdict_int(v, "secured", secured, "loudspeakers");
    sim_verdict_int(v, "packets", (int64_t)received, "");
    sim_verdict_int(v, "distinct_packets", (int64_t)distinct, "");
    sim_verdict_int(v, "audible_packets", (int64_t)loud, "of these");
    sim_verdict_int(v, "lost", (int64_t)lost, "packets");
    sim_verdict_int(v, "rejected", (int64_t)rejected, "packets");
    sim_verdict_int(v, "differing", (int64_t)differing, "packets");
    sim_verdict_double(v, "longest_gap", (double)gap / 1000, "ms");
    if (complete < o->limit_answered * o->count)
        sim_verdict_fail(v, "%u of %u loudspeakers played the announcement", complete, o->count);
    if (loss > o->loss + o->limit_loss)
        sim_verdict_fail(v, "packets lost: %.2f %%", 100 * loss);
    if (rejected || differing || undecodable)
        sim_verdict_fail(
            v, "%d packets did not authenticate, %d differed between loudspeakers, %d could not be decoded",
            (int)rejected, (int)differing, (int)undecodable);
}

/* The first few that did not play, and how far each came. */
static void name_silent(const Yard *yard, SimVerdict *v)
{
    const SimOptions *o = yard->options;
    for (unsigned i = 0, told = 0; i < o->count && told < 5; i++) {
        const Horn *horn = &yard->horns[i];
        if (horn->speaker.loud > 0)
            continue;
        told++;
        sim_verdict_fail(v, "%s: %s", g_array_index(o->accounts, SimAccount, i).name,
                         atomic_load(&horn->registered) <= 0 ? "not registered"
                         : !atomic_load(&horn->rung)         ? "not rung"
                         : atomic_load(&horn->refused)       ? "the offer was not acceptable"
                         : !atomic_load(&horn->answered)     ? "answered, but the call was not confirmed"
                         : horn->speaker.received == 0       ? "nothing received"
                                                             : "nothing audible received");
    }
}

static void judge_calls(const Yard *yard, SimVerdict *v)
{
    const SimOptions *o = yard->options;
    Count c = count_horns(yard);
    unsigned by_hand = 0;
    for (unsigned i = 0; i < o->count; i++)
        by_hand += atomic_load(&yard->horns[i].rung) && !yard->horns[i].asked_auto;
    sim_verdict_group(v, "calls");
    sim_verdict_int(v, "loudspeakers", o->count, "");
    sim_verdict_int(v, "registered", c.registered, "");
    sim_verdict_int(v, "rung", c.rung, "");
    sim_verdict_int(v, "answered", c.answered, "");
    if (c.registered < o->count)
        sim_verdict_fail(v, "%u of %u loudspeakers could register", c.registered, o->count);
    if (c.answered < o->limit_answered * o->count)
        sim_verdict_fail(v, "%u of %u loudspeakers were rung and answered", c.answered, o->count);
    if (by_hand)
        sim_verdict_fail(v, "%u calls did not ask to be answered automatically", by_hand);
    if (c.active)
        sim_verdict_fail(v, "%u calls were still on at the end", c.active);
}

SimVerdict *sim_loudspeakers_run(const SimOptions *options, GError **error)
{
    Yard *yard = g_new0(Yard, 1);
    SimVerdict *verdict = NULL;
    yard->options = options;
    yard->wall_minus_monotonic_us = g_get_real_time() - g_get_monotonic_time();
    bool begun = make_booths(yard, error) && make_horns(yard, error) && sign_in(yard, error);
    if (begun)
        listen_to_it(yard);
    if (begun) {
        verdict = sim_verdict_new("loudspeakers");
        judge_calls(yard, verdict);
    }
    tear_down(yard);
    if (begun) {
        judge_starts(yard, verdict);
        judge_sound(yard, verdict);
        name_silent(yard, verdict);
    }
    free_yard(yard);
    return verdict;
}
