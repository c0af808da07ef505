/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <gio/gio.h>
#include <string.h>
#include <sys/resource.h>

#include "mediasim/ask.h"
#include "mediasim/fetcher.h"
#include "mediasim/link-verdict.h"
#include "mediasim/post.h"
#include "mediasim/scenario.h"

#define PAUSE_US 100000
#define TELL_US 5000000
#define RECEIPTS_US 3000000       /* the last ones are on their way */
#define FILES_PER_DEVICE 3u      /* its socket, and the pair its library wakes itself with */
#define FILES_BESIDES 256u
#define ASKED_MOST 200u          /* loudspeakers whose marks are looked up, of each sort */

typedef struct Province {
    const SimOptions *options;
    SimIdentities identities;
    BcTrust *trust;
    SimLane **lanes;
    unsigned n_lanes;
    SimFetcher *fetcher;
    unsigned online_most;
    int64_t connected_us, back_us; /* how long it took until all were there; after the storm */
    bool storm_made;
} Province;

/* ---------------------------------------------------------------- set-up */

static bool enough_files(const SimOptions *o, GError **error)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)o->count * FILES_PER_DEVICE + FILES_BESIDES;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= needed) /* main has raised it as far as it may */
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES,
                "%u loudspeakers need %u open files, %u are allowed: raise the limit (ulimit -Hn, systemd: LimitNOFILE=) or take fewer", o->count,
                (unsigned)needed, (unsigned)limit.rlim_cur);
    return false;
}

static void on_enrolled(unsigned done, unsigned of, void *user)
{
    sim_say(user, "%u of %u loudspeakers are enrolled", done, of);
}

static void on_fetched(const char *sha256, bool ok, void *user)
{
    sim_post_fetched(user, sha256, ok);
}

static void fetch(SimPost *post, const BcLinkMedia *media, const char *base, const char *token, void *user)
{
    Province *province = user;
    g_autofree char *url = g_strconcat(base, media->path, NULL);
    sim_fetcher_ask(province->fetcher, url, token, media->sha256, media->bytes, on_fetched, post);
}

static bool make_lanes(Province *p, GError **error)
{
    const SimOptions *o = p->options;
    SimLaneOptions lane = {.identities = &p->identities, .host = o->link.host, .port = o->link.port, .trust = p->trust, .seed = o->seed,
                           .loss = o->loss, .skew_us = o->link.skew_us, .liars = o->link.liars, .outages = o->link.outages,
                           .outage_us = o->link.outage_us, .power_cuts = o->link.power_cuts, .run_us = (int64_t)o->seconds * G_USEC_PER_SEC,
                           .telemetry_us = o->link.telemetry_us, .burst_us = o->link.burst_us, .downloads = o->link.downloads,
                           .connects_at_once = MAX(1, 48 / o->workers), .fetch = fetch, .user = p};
    p->lanes = g_new0(SimLane *, o->workers);
    for (unsigned i = 0; i < o->workers; i++) {
        p->lanes[i] = sim_lane_new(&lane, i, o->workers, error);
        if (!p->lanes[i])
            return false;
        p->n_lanes = i + 1;
        if (md_worker_start(p->lanes[i]->worker) < 0) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "no thread can be started");
            return false;
        }
    }
    return true;
}

static bool set_up(Province *p, GError **error)
{
    const SimOptions *o = p->options;
    SimIdentityOptions identity = {.folder = o->link.credentials, .codes = o->link.codes, .url = o->link.api, .ca = o->link.api_ca,
                                   .prefix = o->link.prefix, .count = o->count, .progress = on_enrolled, .user = (void *)o};
    if (!enough_files(o, error) || !sim_identities_load(&p->identities, &identity, error))
        return false;
    p->trust = bc_trust_new(p->identities.jwks, strlen(p->identities.jwks), error);
    p->fetcher = p->trust ? sim_fetcher_new(o->link.api_ca, 32, error) : NULL;
    return p->fetcher && make_lanes(p, error);
}

/* ---------------------------------------------------------------- the run */

static unsigned count_online(const Province *p, unsigned *ret_sounding)
{
    unsigned online = 0, sounding = 0;
    for (unsigned i = 0; i < p->n_lanes; i++) {
        online += atomic_load(&p->lanes[i]->online);
        sounding += atomic_load(&p->lanes[i]->sounding);
    }
    if (ret_sounding)
        *ret_sounding = sounding;
    return online;
}

static int64_t until_all_online(Province *p, int64_t patience_us)
{
    int64_t from_us = g_get_monotonic_time(), told_us = from_us;
    unsigned online = 0;
    while (online < p->options->count && g_get_monotonic_time() - from_us < patience_us && !sim_interrupted()) {
        g_usleep(PAUSE_US / 4);
        online = count_online(p, NULL);
        p->online_most = MAX(p->online_most, online);
        if (g_get_monotonic_time() - told_us > TELL_US) {
            told_us = g_get_monotonic_time();
            sim_say(p->options, "%u of %u loudspeakers are connected", online, p->options->count);
        }
    }
    return online >= p->options->count ? g_get_monotonic_time() - from_us : 0;
}

static void make_storm(Province *p)
{
    p->storm_made = true;
    sim_say(p->options, "every loudspeaker loses its line and comes back at once");
    for (unsigned i = 0; i < p->n_lanes; i++)
        sim_lane_storm(p->lanes[i]);
    g_usleep(PAUSE_US * 5);
    p->back_us = until_all_online(p, (int64_t)p->options->setup_seconds * G_USEC_PER_SEC);
    p->back_us += p->back_us ? PAUSE_US * 5 : 0;
    sim_say(p->options, "%u are back after %.1f s", count_online(p, NULL), (double)p->back_us / 1e6);
}

static void listen_to_all(Province *p)
{
    const SimOptions *o = p->options;
    for (unsigned i = 0; i < p->n_lanes; i++)
        sim_lane_begin(p->lanes[i]);
    p->connected_us = until_all_online(p, (int64_t)o->setup_seconds * G_USEC_PER_SEC);
    sim_say(o, "%u of %u loudspeakers are connected, listening", count_online(p, NULL), o->count);
    int64_t from_us = g_get_monotonic_time(), told_us = from_us;
    while (g_get_monotonic_time() - from_us < (int64_t)o->seconds * G_USEC_PER_SEC && !sim_interrupted()) {
        unsigned sounding, online;
        g_usleep(PAUSE_US);
        online = count_online(p, &sounding);
        p->online_most = MAX(p->online_most, online);
        if (o->link.storm_us && !p->storm_made && g_get_monotonic_time() - from_us >= o->link.storm_us)
            make_storm(p);
        if (g_get_monotonic_time() - told_us > TELL_US) {
            told_us = g_get_monotonic_time();
            sim_say(o, "%u connected, %u sound", online, sounding);
        }
    }
}

static void judge_marks(Province *p, SimVerdict *v)
{
    static const char *const marks[SIM_LIE_MAX] = {NULL, "impossible", "swapped", "constant"};
    const SimOptions *o = p->options;
    g_autoptr(GError) error = NULL;
    unsigned asked[SIM_LIE_MAX] = {0}, marked[SIM_LIE_MAX] = {0};
    SimAsk *ask = o->link.token_file ? sim_ask_new(o->link.api, o->link.token_file, o->link.api_ca, &error) : NULL;
    for (unsigned i = 0; ask && !error && i < p->n_lanes; i++)
        for (unsigned k = 0; !error && k < p->lanes[i]->posts->len; k++) {
            SimPost *post = p->lanes[i]->posts->pdata[k];
            SimLie lie = sim_post_lie(post);
            bool is = false;
            if (asked[lie] >= ASKED_MOST || !sim_ask_marked(ask, sim_post_identity(post)->device, marks[lie], &is, &error))
                continue;
            asked[lie]++;
            marked[lie] += is;
        }
    sim_ask_free(ask);
    sim_verdict_group(v, "telemetry");
    for (unsigned lie = SIM_LIE_IMPOSSIBLE; lie < SIM_LIE_MAX; lie++) {
        g_autofree char *key = g_strconcat(marks[lie], "_asked", NULL);
        sim_verdict_int(v, key, asked[lie], "loudspeakers");
        sim_verdict_int(v, marks[lie], marked[lie], "marked so by the server");
    }
    sim_verdict_int(v, "honest_asked", asked[SIM_HONEST], "loudspeakers");
    sim_verdict_int(v, "honest_marked", marked[SIM_HONEST], "marked though honest");
    if (error)
        sim_verdict_fail(v, "the server could not be asked for its marks: %s", error->message);
    for (unsigned lie = SIM_LIE_IMPOSSIBLE; lie <= SIM_LIE_SWAPPED; lie++) /* what never moves is known after six hours only */
        if (marked[lie] < asked[lie])
            sim_verdict_fail(v, "false telemetry: %u of %u loudspeakers with %s readings are marked", marked[lie], asked[lie], marks[lie]);
    if (marked[SIM_HONEST])
        sim_verdict_fail(v, "%u honest loudspeakers are marked as false", marked[SIM_HONEST]);
}

static void add_up(Province *p, SimLinkTotals *t)
{
    t->sounded = g_ptr_array_new();
    for (unsigned i = 0; i < p->n_lanes; i++) {
        const SimLane *lane = p->lanes[i];
        GHashTableIter it;
        gpointer value;
        sim_link_totals_add(t, &lane->stats);
        for (unsigned k = 0; k < lane->posts->len; k++)
            t->unconfirmed += sim_post_unconfirmed(lane->posts->pdata[k]);
        g_hash_table_iter_init(&it, lane->sounded);
        while (g_hash_table_iter_next(&it, NULL, &value))
            sim_link_totals_sounded(t, value);
    }
}

static void free_province(Province *p)
{
    for (unsigned i = 0; i < p->n_lanes; i++)
        sim_lane_free(p->lanes[i]);
    g_free(p->lanes);
    sim_fetcher_free(p->fetcher);
    bc_trust_free(p->trust);
    sim_identities_clear(&p->identities);
    mosquitto_lib_cleanup();
}

SimVerdict *sim_province_run(const SimOptions *options, GError **error)
{
    Province p = {.options = options};
    SimVerdict *v = NULL;
    mosquitto_lib_init();
    bool begun = set_up(&p, error);
    if (begun) {
        listen_to_all(&p);
        v = sim_verdict_new("loudspeakers");
        g_usleep(sim_interrupted() ? 0 : RECEIPTS_US); /* last receipts */
        judge_marks(&p, v);
        for (unsigned i = 0; i < p.n_lanes; i++)
            sim_lane_end(p.lanes[i]);
    }
    for (unsigned i = 0; i < p.n_lanes; i++)
        md_worker_stop(p.lanes[i]->worker);
    if (begun) {
        SimLinkTotals totals = {.devices = options->count, .online_most = p.online_most, .connected_us = p.connected_us, .back_us = p.back_us,
                                .storm = p.storm_made, .files = sim_fetcher_end(p.fetcher)};
        add_up(&p, &totals);
        sim_link_judge(&totals, options, v);
        sim_link_totals_clear(&totals);
    }
    free_province(&p);
    return v;
}
