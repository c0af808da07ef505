/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/broadcast.h"
#include "broadcast/ear.h"

#include <math.h>
#include <string.h>
#include <unistd.h>
#include "broadcast/link/live-ask.h"
#include "broadcast/proof.h"
#include "mediad/rtp/packet.h"
#include "mediad/transport/srtp.h"
#include "mediad/transport/udp.h"

/* Devices that are told and report by themselves, on a clock turned by hand: a reach that writes down what it was asked. */
#define S ((int64_t)1000000)
#define T0 (1795384800 * S) /* 2026-11-23 05:00 in Hà Tĩnh */

typedef struct Rig {
    MdVirtualClock clock;
    MdWorker *worker;
    MdMailbox *control;
    char *dir;
    MdStore *store;
    BcBroadcast *b;
    MdDialer dialer;
    GString *told; /* "begin TITLE d1 d2;", "stop TITLE reason;" */
    BcReachSound sound;
    BcReachLive live; /* its strings below */
    char srtp[100], live_host[64], live_codec[16];
    unsigned tick;
    bool live_to_group;
    char *run; /* id of the run last begun */
    int group_fd;
    MdAddr group;
    BcTapFn tap_fn;
    void *tap_user;
} Rig;

static int64_t wall(Rig *rig)
{
    return md_clock_wall_us(&rig->clock.base);
}

static MdCall *no_dial(MdDialer *dialer, const MdDialRequest *request, const MdCallHandler *handler, void *user, GError **error)
{
    g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "nobody is rung here");
    return NULL;
}

static void on_begin(const BcRun *run, const BcReachSound *sound, const char *const *devices, unsigned n, void *user)
{
    Rig *rig = user;
    g_string_append_printf(rig->told, "begin %s", run->title);
    for (unsigned i = 0; i < n; i++)
        g_string_append_printf(rig->told, " %s", devices[i]);
    g_string_append(rig->told, ";");
    rig->sound = *sound;
    if (sound->live) {
        rig->live = *sound->live;
        g_strlcpy(rig->srtp, sound->live->srtp, sizeof rig->srtp);
        g_strlcpy(rig->live_host, sound->live->host, sizeof rig->live_host);
        g_strlcpy(rig->live_codec, sound->live->codec, sizeof rig->live_codec);
    }
    g_free(rig->run);
    rig->run = g_strdup(run->id);
}

static void on_stop(const BcRun *run, const char *reason, void *user)
{
    Rig *rig = user;
    g_string_append_printf(rig->told, "stop %s %s;", run->title, reason);
}

static void on_hush(const BcRun *run, const char *reason, const char *const *devices, unsigned n, void *user)
{
    Rig *rig = user;
    g_string_append_printf(rig->told, "hush %s", run->title);
    for (unsigned i = 0; i < n; i++)
        g_string_append_printf(rig->told, " %s", devices[i]);
    g_string_append_printf(rig->told, ": %s;", reason);
}

static bool find_group(const char *device, BcFixed *ret, const char **ret_reason, void *user)
{
    Rig *rig = user;
    *ret = (BcFixed){.rtp = rig->group, .codec = MD_AUDIO_PCMA, .plain = true};
    if (g_str_has_prefix(device, "nowhere"))
        *ret_reason = "it has no group";
    return !g_str_has_prefix(device, "nowhere");
}

static bool tap_add(const char *room, BcTapFn fn, void *tap_user, void *user, GError **error)
{
    Rig *rig = user;
    rig->tap_fn = fn;
    rig->tap_user = tap_user;
    return true;
}

static void tap_remove(const char *room, BcTapFn fn, void *tap_user, void (*done)(void *tap_user), void *user)
{
    ((Rig *)user)->tap_fn = NULL;
    done(tap_user);
}

static void open_room(Rig *rig)
{
    static const char *const live_hosts[] = {"127.0.0.1", NULL};
    g_autofree char *path = g_build_filename(rig->dir, "a.sqlite", NULL), *content = g_build_filename(rig->dir, "content", NULL);
    g_autoptr(GError) error = NULL;
    rig->store = md_store_open(path, bc_migrations, bc_n_migrations, NULL, &error);
    g_assert_no_error(error);
    char group_text[MD_ADDR_TEXT_MAX];
    md_addr_to_string(&rig->group, group_text, sizeof group_text);
    BcTapOps tap = {tap_add, tap_remove, rig};
    rig->b = bc_broadcast_new(&(BcBroadcastOptions){.store = rig->store, .dialer = &rig->dialer, .workers = &rig->worker, .n_workers = 1,
                                                    .control = rig->control, .clock = &rig->clock.base, .local_host = "127.0.0.1",
                                                    .content_dir = content, .frame_ms = 40, .security = MD_SECURITY_REQUIRED, .tap = &tap,
                                                    .live_hosts = live_hosts,
                                                    .live_group = rig->live_to_group ? group_text : NULL,
                                                    .manual = true},
                              &error);
    g_assert_no_error(error);
    BcReachOps link = {on_begin, on_stop, rig, true, on_hush}, gateway = {on_begin, on_stop, rig, false, on_hush};
    BcFixedOps group = {find_group, rig};
    bc_broadcast_set_reach(rig->b, BC_DEVICE_LINK, &link);
    bc_broadcast_set_reach(rig->b, BC_DEVICE_GATEWAY, &gateway);
    bc_broadcast_set_fixed(rig->b, BC_DEVICE_MULTICAST, &group);
}

static void close_room(Rig *rig)
{
    bc_broadcast_free(rig->b);
    md_store_close(rig->store);
}

static void on_done(const GError *error, void *user)
{
    g_assert_no_error(error);
    *(int *)user = 1;
}

static void wait_flag(const int *flag)
{
    while (!*flag)
        g_main_context_iteration(NULL, TRUE);
}

static void put_area(Rig *rig, const char *code, const char *parent)
{
    int flag = 0;
    bc_areas_put(bc_broadcast_areas(rig->b), &(BcArea){.code = code, .kind = parent ? "commune" : "province", .parent = parent, .name = code},
                 on_done, &flag);
    wait_flag(&flag);
}

static void put_device(Rig *rig, const char *id, const char *area, BcDeviceKind kind)
{
    int flag = 0;
    bc_devices_put(bc_broadcast_devices(rig->b),
                   &(BcDevice){.id = id, .name = id, .area = area, .kind = kind, .latitude = NAN, .longitude = NAN, .volume = 80, .enabled = true},
                   on_done, &flag);
    wait_flag(&flag);
}

static void on_content(const BcContent *content, const GError *error, void *user)
{
    g_assert_no_error(error);
    *(char **)user = g_strdup(content->id);
}

static char *add_content(Rig *rig)
{
    g_autofree char *path = g_build_filename(rig->dir, "tone.wav", NULL);
    g_autofree char *command = g_strdup_printf("ffmpeg -v error -y -f lavfi -i sine=440:d=6 %s", path);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    char *id = NULL;
    bc_contents_add_file(bc_broadcast_contents(rig->b), path, "Bản tin", "tone.wav", NULL, on_content, &id);
    while (!id)
        g_main_context_iteration(NULL, TRUE);
    return id;
}

static void rig_init(Rig *rig)
{
    *rig = (Rig){.dialer = {no_dial}, .told = g_string_new(NULL)};
    md_virtual_clock_init(&rig->clock, 100 * S, T0 - 3600 * S);
    rig->worker = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &rig->clock.base});
    rig->control = md_mailbox_new(4096);
    rig->dir = g_dir_make_tmp("bc-reach-XXXXXX", NULL);
    MdAddr any;
    md_addr_from_host(&any, "127.0.0.1", 0);
    rig->group_fd = md_udp_open(&any, &rig->group);
    open_room(rig);
    put_area(rig, "42", NULL);
    put_area(rig, "18073", "42");
}

static void rig_clear(Rig *rig)
{
    close_room(rig);
    md_worker_free(rig->worker);
    md_mailbox_free(rig->control);
    close(rig->group_fd);
    g_autofree char *command = g_strdup_printf("rm -rf %s", rig->dir);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(rig->dir);
    g_free(rig->run);
    g_string_free(rig->told, TRUE);
}

static void run_for(Rig *rig, int64_t us)
{
    int64_t until = wall(rig) + us;
    do {
        bc_broadcast_step(rig->b);
        while (bc_broadcast_pending(rig->b) > (rig->tap_fn != NULL))
            g_main_context_iteration(NULL, TRUE);
        while (g_main_context_iteration(NULL, FALSE))
            ;
        for (unsigned i = 0; i < 3; i++)
            md_worker_step(rig->worker);
        md_mailbox_drain(rig->control, 0);
        md_virtual_clock_advance(&rig->clock, 20000);
    } while (wall(rig) < until);
}

static void check_told(Rig *rig, const char *expected)
{
    g_assert_cmpstr(rig->told->str, ==, expected);
    g_string_truncate(rig->told, 0);
}

static void on_started(const char *id, const GError *error, void *user)
{
    g_assert_no_error(error);
    *(char **)user = g_strdup(id);
}

static char *play(Rig *rig, const BcPlayOptions *from)
{
    static const char *const areas[] = {"42", NULL};
    BcPlayOptions options = *from;
    char *id = NULL;
    options.areas = areas;
    bc_broadcast_play_options(rig->b, &options, on_started, &id);
    while (!id)
        g_main_context_iteration(NULL, TRUE);
    return id;
}

static BcReachNews news(const char *announcement, const char *device, BcReachState state, int64_t at_us)
{
    return (BcReachNews){.announcement = announcement, .device = device, .state = state, .at_us = at_us, .level_dbfs = NAN, .match = NAN};
}

static void say(Rig *rig, const char *announcement, const char *device, BcReachState state, int64_t from_us, int64_t to_us)
{
    BcReachNews n = news(announcement, device, state, to_us ? to_us : from_us ? from_us : wall(rig));
    n.from_us = from_us;
    n.to_us = to_us;
    bc_broadcast_reach_news(rig->b, &n);
}

static bool barrier(MdDb *db, gpointer data, GError **error)
{
    return true;
}

static void take_play(const BcPlay *play, void *user)
{
    const BcProof *p = play->proof;
    g_string_append_printf(user, "%s %s: %s%s", play->device, play->outcome, play->reason ? play->reason : "-",
                           p && p->proved_us ? " proved" : "");
    g_string_append(user, ";");
}

static void take_run(const BcRun *run, void *user)
{
    g_string_append_printf(user, "%s %d/%d/%d of %d;", run->state, (int)run->played, (int)run->partial, (int)run->missed, (int)run->devices);
}

static void settle_store(Rig *rig)
{
    bc_play_log_flush(bc_broadcast_play_log(rig->b));
    md_store_write_sync(rig->store, barrier, NULL, NULL);
}

static void check_log(Rig *rig, const char *announcement, const char *run, const char *plays)
{
    g_autoptr(GString) text = g_string_new(NULL);
    settle_store(rig);
    g_assert_true(bc_play_log_runs(bc_broadcast_play_log(rig->b), announcement, INT64_MAX, 1, take_run, text, NULL));
    g_assert_cmpstr(text->str, ==, run);
    g_string_truncate(text, 0);
    g_assert_true(bc_play_log_plays(bc_broadcast_play_log(rig->b), announcement, NULL, 100, 0, take_play, text, NULL));
    g_assert_cmpstr(text->str, ==, plays);
}

/* --- */

/* Every order of the same news, each piece once or twice, comes to the same. */
static void test_any_order(void)
{
    BcReachNews all[] = {news("a", "d", BC_REACH_SENT, 10), news("a", "d", BC_REACH_ACKNOWLEDGED, 20), news("a", "d", BC_REACH_BEGAN, 30),
                         news("a", "d", BC_REACH_ENDED, 90), news("a", "d", BC_REACH_PROVED, 95), news("a", "d", BC_REACH_MISSED, 5)};
    all[2].from_us = 30;
    all[3].from_us = 30, all[3].to_us = 90;
    all[4].from_us = 30, all[4].to_us = 90, all[4].match = 0.9, all[4].level_dbfs = -12.5, all[4].level_source = "loopback";
    all[5].reason = "media not fetched";
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    for (unsigned round = 0; round < 300; round++) {
        BcProof p;
        const char *reason;
        bc_proof_init(&p, 1);
        unsigned order[12];
        for (unsigned i = 0; i < 12; i++)
            order[i] = i % 6;
        for (unsigned i = 11; i > 0; i--) {
            unsigned j = (unsigned)g_rand_int_range(rand, 0, (gint32)i + 1), was = order[i];
            order[i] = order[j];
            order[j] = was;
        }
        for (unsigned i = 0; i < 12; i++)
            bc_proof_merge(&p, &all[order[i]], 100);
        g_assert_cmpstr(bc_proof_outcome(&p, 1, true, &reason), ==, "played");
        g_assert_cmpint(p.sent_us, ==, 10);
        g_assert_cmpint(p.acked_us, ==, 20);
        g_assert_cmpint(p.from_us, ==, 30);
        g_assert_cmpint(p.to_us, ==, 90);
        g_assert_cmpint(p.proved_us, ==, 95);
        g_assert_cmpint(p.match_permille, ==, 900);
        g_assert_cmpint(p.level_mdb, ==, -12500);
        g_assert_cmpstr(p.level_source, ==, "loopback");
        for (unsigned i = 0; i < 6; i++)
            g_assert_false(bc_proof_merge(&p, &all[i], 200)); /* nothing new in any of it */
    }
}

/* One state is never taken for a later one. */
static void test_states(void)
{
    static const struct {
        BcReachState states[3];
        unsigned n, items;
        bool over;
        const char *outcome, *reason;
    } cases[] = {
        {{0}, 0, 1, false, "waiting", NULL},
        {{0}, 0, 1, true, "missed", "no report"},
        {{BC_REACH_SENT}, 1, 1, false, "waiting", NULL},
        {{BC_REACH_SENT, BC_REACH_ACKNOWLEDGED}, 2, 1, true, "missed", "no report"},
        {{BC_REACH_BEGAN}, 1, 1, false, "playing", NULL},
        {{BC_REACH_BEGAN}, 1, 1, true, "partial", "its end was not reported"},
        {{BC_REACH_BEGAN, BC_REACH_ENDED}, 2, 1, false, "played", NULL},
        {{BC_REACH_ENDED}, 1, 3, false, "playing", NULL}, /* the first item of three */
        {{BC_REACH_ENDED}, 1, 3, true, "partial", "its end was not reported"},
        {{BC_REACH_BEGAN, BC_REACH_CUT}, 2, 1, false, "waiting", NULL}, /* it may go on */
        {{BC_REACH_BEGAN, BC_REACH_CUT}, 2, 1, true, "partial", "why"},
        {{BC_REACH_CUT, BC_REACH_ENDED}, 2, 1, true, "partial", "why"},
        {{BC_REACH_MISSED}, 1, 1, false, "missed", "why"},
        {{BC_REACH_REFUSED}, 1, 1, true, "missed", "why"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        BcProof p;
        const char *reason;
        bc_proof_init(&p, 1);
        for (unsigned k = 0; k < cases[i].n; k++) {
            BcReachNews n = news("a", "d", cases[i].states[k], 10 + k);
            n.reason = cases[i].states[k] >= BC_REACH_CUT ? "why" : NULL;
            n.from_us = cases[i].states[k] == BC_REACH_MISSED || cases[i].states[k] == BC_REACH_REFUSED || cases[i].states[k] < BC_REACH_BEGAN ? 0 : 10;
            bc_proof_merge(&p, &n, 20);
        }
        g_assert_cmpstr(bc_proof_outcome(&p, cases[i].items, cases[i].over, &reason), ==, cases[i].outcome);
        g_assert_cmpstr(reason, ==, cases[i].reason);
        g_assert_cmpint(p.proved_us, ==, 0);
    }
}

/* Told once for all; each device's own words; who says nothing is missed, and corrected hours later. */
static void test_reports(void)
{
    Rig rig;
    rig_init(&rig);
    for (char name[3] = "d1"; name[1] <= '5'; name[1]++)
        put_device(&rig, name, "18073", BC_DEVICE_LINK);
    put_device(&rig, "output", "18073", BC_DEVICE_OUTPUT); /* nothing drives these here */
    put_device(&rig, "board", "18073", BC_DEVICE_BOARD);   /* nobody counts on its sound */
    g_autofree char *content = add_content(&rig);
    BcPlayOptions options = {.content = content, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_COMMUNE, .siren = 2, .siren_rounds = 1,
                             .repeats = 2, .title = "Bão", .volume = 30, .drill = true};
    int64_t issued = wall(&rig);
    g_autofree char *id = play(&rig, &options);
    check_told(&rig, "begin Bão d1 d2 d3 d4 d5;");
    g_assert_cmpstr(rig.run, ==, id);
    g_assert_cmpint(rig.sound.siren, ==, 2);
    g_assert_cmpuint(rig.sound.authority, ==, BC_AUTHORITY_COMMUNE);
    g_assert_cmpuint(rig.sound.volume, ==, 30);
    g_assert_cmpuint(rig.sound.repeats, ==, 2);
    g_assert_true(rig.sound.drill);
    g_assert_false(rig.sound.in_manifest);
    g_assert_null(rig.sound.live);
    g_assert_cmpint(llabs(rig.sound.duration_us - 14 * S), <, S / 2);
    run_for(&rig, S);
    say(&rig, id, "d1", BC_REACH_BEGAN, issued + S / 2, 0);
    say(&rig, id, "d2", BC_REACH_BEGAN, issued + S, 0);
    say(&rig, id, "d4", BC_REACH_REFUSED, 0, 0);
    say(&rig, id, "nobody", BC_REACH_BEGAN, issued, 0); /* not one of ours */
    run_for(&rig, 17 * S);
    say(&rig, id, "d1", BC_REACH_ENDED, issued + S / 2, issued + 14 * S);
    say(&rig, id, "d1", BC_REACH_PROVED, issued + S / 2, issued + 14 * S);
    check_log(&rig, id, "done 0/0/2 of 6;" /* counted when all have spoken, or should have */, "d1 played: - proved;d2 playing: -;d3 waiting: -;d4 missed: refused by the device;d5 waiting: -;"
              "output missed: nothing here drives devices of this kind;");
    run_for(&rig, 25 * S);
    check_log(&rig, id, "done 1/1/4 of 6;", "d1 played: - proved;d2 partial: its end was not reported;d3 missed: no report;"
              "d4 missed: refused by the device;d5 missed: no report;output missed: nothing here drives devices of this kind;");
    run_for(&rig, 3600 * S / 100);
    for (unsigned twice = 0; twice < 2; twice++) {
        say(&rig, id, "d3", BC_REACH_ENDED, issued + 3 * S, issued + 14 * S);
        say(&rig, id, "d2", BC_REACH_ENDED, issued + S, issued + 14 * S);
        say(&rig, id, "d3", BC_REACH_BEGAN, issued + 3 * S, 0);
    }
    check_log(&rig, id, "done 3/0/3 of 6;", "d1 played: - proved;d2 played: reported late;d3 played: reported late;"
              "d4 missed: refused by the device;d5 missed: no report;output missed: nothing here drives devices of this kind;");
    BcLatency latency;
    g_assert_true(bc_play_log_latency(bc_broadcast_play_log(rig.b), id, &latency, NULL));
    g_assert_cmpuint(latency.sounded, ==, 3);
    g_assert_cmpuint(latency.silent, ==, 3);
    g_assert_cmpint(latency.p50_us, ==, S);
    g_assert_cmpint(latency.p95_us, ==, 3 * S);
    g_assert_cmpint(latency.worst_us, ==, 3 * S);
    g_assert_cmpstr(latency.worst_device, ==, "d3");
    check_told(&rig, "");
    rig_clear(&rig);
}

/* An emergency takes devices from a normal bulletin; the devices of the link take it up again by themselves, a gateway is told again. */
static void test_pre_emption(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "g", "18073", BC_DEVICE_GATEWAY);
    put_device(&rig, "l", "18073", BC_DEVICE_LINK);
    g_autofree char *content = add_content(&rig);
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .authority = BC_AUTHORITY_COMMUNE, .repeats = 10, .title = "Thường"};
    g_autofree char *normal = play(&rig, &options);
    check_told(&rig, "begin Thường l;begin Thường g;");
    run_for(&rig, 5 * S);
    options.title = "Ưu tiên thấp hơn";
    options.authority = BC_AUTHORITY_VILLAGE;
    options.repeats = 1;
    g_autofree char *lower = play(&rig, &options);
    check_told(&rig, ""); /* waits for its turn */
    options.title = "Bão";
    options.priority = BC_EMERGENCY;
    g_autofree char *storm = play(&rig, &options);
    check_told(&rig, "begin Bão l;begin Bão g;");
    run_for(&rig, 15 * S);
    check_told(&rig, "begin Thường g;");
    g_assert_true(bc_broadcast_stop(rig.b, normal, "An", NULL));
    check_told(&rig, "stop Thường stopped by An;stop Thường stopped by An;"); /* once a kind */
    run_for(&rig, 30 * S);
    check_log(&rig, lower, "done 0/0/2 of 2;", "g missed: held by another announcement;l missed: held by another announcement;");
    rig_clear(&rig);
}

static char *schedule(Rig *rig, const char *content, const char *start)
{
    static const char *const areas[] = {"18073", NULL};
    char *id = NULL;
    int flag = 0;
    bc_broadcast_put_schedule(rig->b, &(BcSchedule){.name = "Bản tin sáng", .content = content, .areas = areas, .start_local = start,
                                                    .priority = BC_NORMAL, .grace_s = 10, .enabled = true},
                              &id, on_done, &flag);
    wait_flag(&flag);
    return id;
}

static void find_id(const BcRun *run, void *user)
{
    g_free(*(char **)user);
    *(char **)user = g_strdup(run->id);
}

/* A scheduled bulletin is known from the manifest; reports name its occurrence. mediad was away: the reports make the run. */
static void test_schedule(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d2", "18073", BC_DEVICE_LINK);
    g_autofree char *content = add_content(&rig), *id = schedule(&rig, content, "2026-11-23T05:00"), *run = NULL;
    md_virtual_clock_advance(&rig.clock, 3580 * S);
    run_for(&rig, 21 * S);
    check_told(&rig, "begin Bản tin sáng d1 d2;");
    g_assert_true(rig.sound.in_manifest);
    BcReachNews n = {.schedule = id, .occurrence_us = T0, .device = "d1", .state = BC_REACH_ENDED, .at_us = T0 + 6 * S, .from_us = T0,
                     .to_us = T0 + 6 * S, .level_dbfs = NAN, .match = NAN};
    run_for(&rig, 7 * S);
    bc_broadcast_reach_news(rig.b, &n);
    run_for(&rig, 30 * S);
    bc_broadcast_running(rig.b, find_id, &run);
    g_assert_null(run);
    settle_store(&rig);
    bc_play_log_runs(bc_broadcast_play_log(rig.b), NULL, 0, 1, find_id, &run, NULL);
    check_log(&rig, run, "done 1/0/1 of 2;", "d1 played: -;d2 missed: no report;");
    /* the next morning mediad is away, and both devices play; one says so before mediad has looked at its timetable, one later */
    g_autofree char *next = schedule(&rig, content, "2026-11-24T05:00"), *made = NULL;
    close_room(&rig);
    md_virtual_clock_advance(&rig.clock, 24 * 3600 * S);
    open_room(&rig);
    n.schedule = next;
    n.occurrence_us = n.from_us = T0 + 24 * 3600 * S;
    n.to_us = n.at_us = n.from_us + 6 * S;
    for (unsigned i = 0; i < 2; i++) {
        n.device = i ? "d2" : "d1";
        bc_broadcast_reach_news(rig.b, &n);
        run_for(&rig, 2 * S);
        settle_store(&rig);
    }
    bc_play_log_runs(bc_broadcast_play_log(rig.b), NULL, INT64_MAX, 1, find_id, &made, NULL);
    check_log(&rig, made, "done 2/0/0 of 2;", "d1 played: reported late;d2 played: reported late;");
    n.schedule = "s-unknown";
    bc_broadcast_reach_news(rig.b, &n);
    settle_store(&rig); /* nothing comes of it */
    g_assert_false(md_store_failing(rig.store));
    rig_clear(&rig);
}

static void list_run(const BcRun *run, void *user)
{
    g_string_append_printf(user, "%s %d/%d/%d;", run->state, (int)run->played, (int)run->partial, (int)run->missed);
}

static void check_runs(Rig *rig, const char *expected)
{
    g_autoptr(GString) text = g_string_new(NULL);
    settle_store(rig);
    g_assert_true(bc_play_log_runs(bc_broadcast_play_log(rig->b), NULL, INT64_MAX, 10, list_run, text, NULL));
    g_assert_cmpstr(text->str, ==, expected);
}

/* A loudspeaker reports an occurrence before its time, and before the announcement begins: one occurrence is one run. */
static void test_one_run(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d2", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d3", "18073", BC_DEVICE_LINK);
    g_autofree char *content = add_content(&rig), *id = schedule(&rig, content, "2026-11-23T05:00"), *run = NULL;
    BcReachNews n = {.schedule = id, .occurrence_us = T0, .device = "d1", .state = BC_REACH_MISSED, .reason = "clock unknown", .at_us = T0 + 99 * S,
                     .level_dbfs = NAN, .match = NAN};
    bc_broadcast_reach_news(rig.b, &n); /* an hour before its time */
    check_runs(&rig, "");
    close_room(&rig);
    md_virtual_clock_advance(&rig.clock, 3602 * S);
    open_room(&rig); /* two seconds late: within its grace, but the reports are there first */
    bc_broadcast_reach_news(rig.b, &n);
    n = (BcReachNews){.schedule = id, .occurrence_us = T0, .device = "d2", .state = BC_REACH_ENDED, .at_us = T0 + S, .from_us = T0, .to_us = T0 + S,
                      .level_dbfs = NAN, .match = NAN};
    bc_broadcast_reach_news(rig.b, &n);
    check_runs(&rig, "done 1/0/1;");
    run_for(&rig, 3 * S);
    check_told(&rig, "begin Bản tin sáng d1 d2 d3;");
    check_runs(&rig, "playing 0/0/0;");
    n = (BcReachNews){.schedule = id, .occurrence_us = T0, .device = "d3", .state = BC_REACH_ENDED, .at_us = T0 + 6 * S, .from_us = T0,
                      .to_us = T0 + 6 * S, .level_dbfs = NAN, .match = NAN};
    run_for(&rig, 6 * S);
    bc_broadcast_reach_news(rig.b, &n);
    run_for(&rig, 30 * S);
    bc_play_log_runs(bc_broadcast_play_log(rig.b), NULL, INT64_MAX, 1, find_id, &run, NULL);
    check_runs(&rig, "done 2/0/1;");
    check_log(&rig, run, "done 2/0/1 of 3;", "d1 missed: no report;d2 played: reported late;d3 played: -;");
    rig_clear(&rig);
}

/* A programme of two recordings with silence between is played when both have ended, in whatever order the reports come. */
static void test_programme(void)
{
    static const char *const areas[] = {"18073", NULL};
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d2", "18073", BC_DEVICE_LINK);
    g_autofree char *content = add_content(&rig), *id = NULL, *run = NULL;
    BcItem items[] = {{.kind = BC_ITEM_CONTENT, .content = content}, {.kind = BC_ITEM_SILENCE, .duration_us = 2 * S}, {.kind = BC_ITEM_CONTENT, .content = content}};
    int flag = 0;
    bc_broadcast_put_schedule(rig.b, &(BcSchedule){.name = "Chương trình", .areas = areas, .start_local = "2026-11-23T05:00", .priority = BC_NORMAL,
                                                   .grace_s = 10, .enabled = true, .items = items, .n_items = 3},
                              &id, on_done, &flag);
    wait_flag(&flag);
    md_virtual_clock_advance(&rig.clock, 3580 * S);
    run_for(&rig, 37 * S);
    for (unsigned i = 0; i < 3; i++) { /* d1: second item, first item; d2: the second alone */
        BcReachNews n = {.schedule = id, .occurrence_us = T0, .device = i < 2 ? "d1" : "d2", .item = i == 1 ? 0 : 1, .state = BC_REACH_ENDED,
                         .at_us = T0 + 14 * S, .from_us = T0 + (i == 1 ? 0 : 8) * S, .to_us = T0 + (i == 1 ? 6 : 14) * S, .level_dbfs = NAN, .match = NAN};
        bc_broadcast_reach_news(rig.b, &n);
    }
    run_for(&rig, 30 * S);
    settle_store(&rig);
    bc_play_log_runs(bc_broadcast_play_log(rig.b), NULL, INT64_MAX, 1, find_id, &run, NULL);
    check_log(&rig, run, "done 1/1/0 of 2;", "d1 played: -;d2 partial: its end was not reported;");
    rig_clear(&rig);
}

static unsigned drain(Rig *rig)
{
    uint8_t data[2048];
    MdAddr from;
    unsigned n = 0;
    while (md_udp_receive(rig->group_fd, &from, data, sizeof data) > 0)
        n++;
    return n;
}

/* A group of the LAN gets its packets once, however many loudspeakers listen, and gives way to an emergency like all others. */
static void test_fixed(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "m1", "18073", BC_DEVICE_MULTICAST);
    put_device(&rig, "m2", "18073", BC_DEVICE_MULTICAST);
    put_device(&rig, "nowhere", "18073", BC_DEVICE_MULTICAST);
    g_autofree char *content = add_content(&rig);
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .authority = BC_AUTHORITY_PROVINCE, .title = "Thường"};
    g_autofree char *id = play(&rig, &options);
    unsigned packets = 0;
    for (unsigned i = 0; i < 120; i++) {
        run_for(&rig, S / 10);
        packets += drain(&rig);
    }
    g_assert_cmpuint(packets, >=, 150); /* 6 s of 40 ms, once */
    g_assert_cmpuint(packets, <=, 152);
    check_log(&rig, id, "done 2/0/1 of 3;", "m1 played: -;m2 played: -;nowhere missed: it has no group;");
    rig_clear(&rig);
}

/* --- live sound that devices ask for --- */

typedef struct Ear {
    int fd;
    MdAddr local;
    MdSrtp *srtp;
    MdAudioDecoder *decoder;
    float pcm[48000 * 40];
    unsigned packets, samples, reports;
} Ear;

static void ear_init(Ear *ear, const char *srtp)
{
    MdAddr any;
    MdSrtpKey key;
    const char *text = strstr(srtp, "inline:") + 7;
    *ear = (Ear){0};
    md_addr_from_host(&any, "127.0.0.1", 0);
    ear->fd = md_udp_open(&any, &ear->local);
    g_assert_cmpint(md_srtp_key_from_base64(MD_SRTP_AEAD_AES_128_GCM, text, strlen(text), &key), ==, 0);
    ear->srtp = md_srtp_new(MD_SRTP_RECEIVE, &key);
    ear->decoder = md_audio_decoder_new(MD_AUDIO_OPUS);
}

static void ear_clear(Ear *ear)
{
    close(ear->fd);
    md_srtp_free(ear->srtp);
    md_audio_decoder_free(ear->decoder);
}

static void listen_to(Ear *ear)
{
    uint8_t data[2048];
    MdAddr from;
    for (int n; (n = md_udp_receive(ear->fd, &from, data, sizeof data)) >= 0;) {
        size_t len = (size_t)n;
        MdRtpPacket packet;
        if (len > 1 && data[1] == 200) { /* a sender report, through the same port */
            g_assert_cmpint(md_srtp_unprotect_rtcp(ear->srtp, data, &len), ==, 0);
            ear->reports++;
            continue;
        }
        g_assert_cmpint(md_srtp_unprotect_rtp(ear->srtp, data, &len), ==, 0);
        g_assert_cmpint(md_rtp_parse(data, len, &packet), ==, 0);
        ear->packets++;
        if (ear->samples + MD_AUDIO_PACKET_SAMPLES_MAX > G_N_ELEMENTS(ear->pcm))
            ear->samples = 0;
        int got = md_audio_decoder_decode(ear->decoder, packet.payload, packet.payload_len, ear->pcm + ear->samples, MD_AUDIO_PACKET_SAMPLES_MAX);
        g_assert_cmpint(got, >, 0);
        ear->samples += (unsigned)got;
    }
}

static void ask(Rig *rig, Ear *ear, const char *occurrence, const char *device, int64_t at_us, const char *srtp, bool bye)
{
    BcLiveAsk a = {.bye = bye, .at_us = at_us};
    uint8_t data[BC_LIVE_ASK_MAX];
    MdAddr to;
    g_strlcpy(a.occurrence, occurrence, sizeof a.occurrence);
    g_strlcpy(a.device, device, sizeof a.device);
    size_t len = bc_live_ask_format(&a, srtp, data, sizeof data);
    g_assert_cmpuint(len, >, 0);
    md_addr_from_host(&to, rig->live_host, rig->live.port);
    g_assert_cmpint(md_udp_send(ear->fd, &to, data, len), ==, 0);
}

/* The tap's tone runs while time goes on. */
static void run_live(Rig *rig, Ear *ear, int64_t us)
{
    float pcm[MD_AUDIO_TICK_SAMPLES];
    for (int64_t done = 0; done < us; done += 20000) {
        for (unsigned i = 0; i < G_N_ELEMENTS(pcm); i++)
            pcm[i] = 0.3f * sinf((float)(2 * G_PI * fmod(700 * (rig->tick * 960.0 + i) / 48000, 1.0)));
        rig->tick++;
        if (rig->tap_fn)
            rig->tap_fn(pcm, 0, rig->tap_user);
        run_for(rig, 20000);
        listen_to(ear);
    }
}

static double purity(const float *pcm, unsigned n, double hz)
{
    double w = 2 * G_PI * hz / 48000, c = 2 * cos(w), s1 = 0, s2 = 0, energy = 0;
    for (unsigned i = 0; i < n; i++) {
        double s = pcm[i] + c * s1 - s2;
        s2 = s1;
        s1 = s;
        energy += pcm[i] * pcm[i];
    }
    return energy > 0 ? (s1 * s1 + s2 * s2 - c * s1 * s2) * 2 / (n * energy) : 0;
}

/* A device gets live sound where it asks from, keeps it while it asks, moves, says goodbye, is forgotten; nobody else gets anything. */
static void test_live(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d2", "18073", BC_DEVICE_LINK);
    g_autoptr(GError) error = NULL;
    g_autofree char *id = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp", "An", &error);
    g_assert_no_error(error);
    check_told(&rig, "begin Họp d1 d2;");
    g_assert_nonnull(rig.live.codec);
    g_assert_cmpstr(rig.live_codec, ==, "opus");
    g_assert_false(rig.live.multicast);
    g_assert_cmpint(rig.sound.duration_us, ==, INT64_MAX);
    static Ear ear, thief; /* large */
    ear_init(&ear, rig.srtp);
    ear_init(&thief, rig.srtp);
    run_live(&rig, &ear, S);
    g_assert_cmpuint(ear.packets, ==, 0);
    int64_t replayed = wall(&rig);
    ask(&rig, &ear, id, "d1", replayed, rig.srtp, false);
    for (unsigned i = 0; i < 4; i++) {
        run_live(&rig, &ear, 2 * S);
        ask(&rig, &ear, id, "d1", wall(&rig), rig.srtp, false);
    }
    g_assert_cmpuint(ear.packets, >=, 190); /* 8 s of 40 ms */
    g_assert_cmpuint(ear.packets, <=, 200);
    g_assert_cmpuint(ear.reports, >=, 2);
    g_assert_cmpfloat(purity(ear.pcm + ear.samples - 48000, 48000, 700), >, 0.95);
    /* what must not bring sound: another key, an old or repeated ask, a stranger, another announcement, noise */
    static const char other_key[] = "AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==";
    ask(&rig, &thief, id, "d2", wall(&rig), other_key, false);
    ask(&rig, &thief, id, "d2", wall(&rig) - 61 * S, rig.srtp, false);
    ask(&rig, &thief, id, "d1", replayed, rig.srtp, false);
    ask(&rig, &thief, id, "d3", wall(&rig), rig.srtp, false);
    ask(&rig, &thief, "a-0000", "d2", wall(&rig), rig.srtp, false);
    MdAddr to;
    md_addr_from_host(&to, rig.live_host, rig.live.port);
    for (unsigned len = 0; len < 400; len += 37) {
        uint8_t noise[400] = "MLA1";
        md_udp_send(thief.fd, &to, noise, len);
    }
    run_live(&rig, &thief, 2 * S);
    g_assert_cmpuint(thief.packets, ==, 0);
    /* it moves: the old place is silent at once */
    listen_to(&ear);
    unsigned before = ear.packets;
    ask(&rig, &thief, id, "d1", wall(&rig), rig.srtp, false);
    run_live(&rig, &thief, 2 * S);
    listen_to(&ear);
    g_assert_cmpuint(thief.packets, >=, 46);
    g_assert_cmpuint(ear.packets, <=, before + 4);
    ask(&rig, &thief, id, "d1", wall(&rig), rig.srtp, true);
    run_live(&rig, &thief, S / 2);
    thief.packets = 0;
    run_live(&rig, &thief, S);
    g_assert_cmpuint(thief.packets, ==, 0);
    /* silent for too long: forgotten */
    ask(&rig, &ear, id, "d2", wall(&rig), rig.srtp, false);
    run_live(&rig, &ear, 9 * S);
    before = ear.packets;
    run_live(&rig, &ear, 8 * S);
    g_assert_cmpuint(ear.packets, <=, before + 110);
    before = ear.packets;
    run_live(&rig, &ear, 2 * S);
    g_assert_cmpuint(ear.packets, ==, before);
    g_assert_true(bc_broadcast_stop(rig.b, id, "An", NULL));
    check_told(&rig, "stop Họp stopped by An;");
    ear_clear(&ear);
    ear_clear(&thief);
    rig_clear(&rig);
}

/* One LAN: live sound goes to the group (here a socket of ours) once, and nobody asks. */
static void test_live_group(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d2", "18073", BC_DEVICE_LINK);
    close_room(&rig);
    rig.live_to_group = true;
    open_room(&rig);
    g_autofree char *id = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp", "An", NULL);
    check_told(&rig, "begin Họp d1 d2;");
    g_assert_true(rig.live.multicast);
    g_assert_cmpuint(rig.live.port, ==, md_addr_port(&rig.group));
    g_assert_cmpstr(rig.live_host, ==, "127.0.0.1");
    static Ear ear;
    ear_init(&ear, rig.srtp);
    close(ear.fd);
    ear.fd = rig.group_fd;
    run_live(&rig, &ear, 4 * S);
    g_assert_cmpuint(ear.packets, >=, 95);
    g_assert_cmpuint(ear.packets, <=, 101);
    g_assert_cmpfloat(purity(ear.pcm + ear.samples - 48000, 48000, 700), >, 0.95);
    g_assert_true(bc_broadcast_stop(rig.b, id, "An", NULL));
    ear.fd = dup(rig.group_fd);
    ear_clear(&ear);
    rig_clear(&rig);
}

static void set_quiet(Rig *rig, const char *area, unsigned from_s, unsigned to_s)
{
    int flag = 0;
    BcQuietHours hours = {from_s, to_s};
    bc_quiet_put(bc_broadcast_quiet(rig->b), area, &hours, on_done, &flag);
    wait_flag(&flag);
}

static void on_area_stopped(unsigned stopped, const GError *error, void *user)
{
    g_assert_no_error(error);
    *(int *)user = (int)stopped;
}

/* One area of several falls silent: the devices there are told, the others go on. What decides by itself knows the quiet hours; a vendor's
 * gateway does not. */
static void test_hush(void)
{
    Rig rig;
    rig_init(&rig);
    put_area(&rig, "18100", "42");
    put_device(&rig, "l1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "l2", "18100", BC_DEVICE_LINK);
    put_device(&rig, "g1", "18073", BC_DEVICE_GATEWAY);
    put_device(&rig, "g2", "18100", BC_DEVICE_GATEWAY);
    g_autofree char *content = add_content(&rig);
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .repeats = 10, .gap_us = 60 * S, .title = "Thường"};
    g_autofree char *id = play(&rig, &options);
    check_told(&rig, "begin Thường l1 l2;begin Thường g1 g2;");
    run_for(&rig, 5 * S);
    int stopped = 0;
    bc_broadcast_stop_area(rig.b, "18100", "An", on_area_stopped, &stopped);
    check_told(&rig, "hush Thường l2: everything in 18100 was stopped by An;hush Thường g2: everything in 18100 was stopped by An;");
    wait_flag(&stopped);
    g_assert_cmpint(stopped, ==, 1);
    set_quiet(&rig, "18073", 4 * 3600, 4 * 3600 + 120);
    run_for(&rig, 3 * S);
    check_told(&rig, "hush Thường g1: quiet hours;");
    run_for(&rig, 120 * S);
    check_told(&rig, "begin Thường g1;"); /* and nothing in the area that was stopped */
    g_assert_true(bc_broadcast_stop(rig.b, id, "An", NULL));
    check_told(&rig, "stop Thường stopped by An;stop Thường stopped by An;");
    /* a drill counts as an emergency for who goes first, not at night: and it does not come back in the morning */
    options = (BcPlayOptions){.content = content, .priority = BC_EMERGENCY, .drill = true, .repeats = 10, .gap_us = 60 * S, .title = "Diễn tập"};
    g_autofree char *drill = play(&rig, &options);
    run_for(&rig, 5 * S);
    check_told(&rig, "begin Diễn tập l1 l2;begin Diễn tập g1 g2;");
    set_quiet(&rig, "18073", 4 * 3600, 4 * 3600 + 240);
    run_for(&rig, 300 * S);
    check_told(&rig, "hush Diễn tập l1: quiet hours;hush Diễn tập g1: quiet hours;");
    rig_clear(&rig);
}

static void release(Rig *rig, const char *area, int64_t us)
{
    const char *const areas[] = {area, NULL};
    g_autofree char *id = NULL;
    int asked = 0, done = 0;
    bc_quiet_ask(bc_broadcast_quiet(rig->b), &(BcQuietRelease){.areas = areas, .from_us = wall(rig), .to_us = wall(rig) + us, .reason = "lũ", .asked_by = "a"},
                 wall(rig), &id, on_done, &asked);
    wait_flag(&asked);
    bc_quiet_release(bc_broadcast_quiet(rig->b), id, "b", wall(rig), on_done, &done);
    wait_flag(&done);
}

/* What two people have released is said with the order, if the leave lasts to its end: the devices keep the quiet hours by themselves. */
static void test_released(void)
{
    Rig rig;
    rig_init(&rig);
    put_area(&rig, "18100", "42");
    put_device(&rig, "l1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "l2", "18100", BC_DEVICE_LINK);
    set_quiet(&rig, "18073", 3600, 18000);
    g_autofree char *content = add_content(&rig);
    release(&rig, "18073", 60 * S);
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .repeats = 1, .title = "Ngắn"};
    g_autofree char *brief = play(&rig, &options);
    check_told(&rig, "begin Ngắn l1 l2;");
    g_assert_true(rig.sound.quiet_ok);
    run_for(&rig, 15 * S);
    options.repeats = 10;
    options.gap_us = 20 * S;
    options.title = "Dài";
    g_autofree char *whole = play(&rig, &options);
    check_told(&rig, "begin Dài l1 l2;");
    g_assert_false(rig.sound.quiet_ok); /* lasts longer than the leave */
    g_assert_true(bc_broadcast_stop(rig.b, whole, "An", NULL));
    run_for(&rig, 60 * S);
    check_told(&rig, "stop Dài stopped by An;");
    options.repeats = 1;
    options.title = "Nơi kia";
    g_autofree char *other = play(&rig, &options);
    check_told(&rig, "begin Nơi kia l2;");
    g_assert_false(rig.sound.quiet_ok); /* nobody's leave is needed there */
    rig_clear(&rig);
}

/* A station that is relayed live goes on after mediad's end, under the same id; once it was stopped it does not. */
static void test_live_again(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "l1", "18073", BC_DEVICE_LINK);
    BcPlayOptions options = {.url = "http://127.0.0.1:9/vov1", .areas = areas, .priority = BC_NORMAL, .title = "VOV1"};
    g_autoptr(GError) error = NULL;
    g_autofree char *id = bc_broadcast_begin_live(rig.b, &options, &error);
    g_assert_no_error(error);
    int flag = 0;
    bc_broadcast_sync(rig.b, on_done, &flag);
    wait_flag(&flag);
    check_told(&rig, "begin VOV1 l1;");
    int64_t began = wall(&rig);
    bc_broadcast_quiesce(rig.b); /* an end of mediad is not the end of it */
    close_room(&rig);
    g_string_truncate(rig.told, 0);
    md_virtual_clock_advance(&rig.clock, 5 * S);
    open_room(&rig);
    md_virtual_clock_advance(&rig.clock, S / 10);
    bc_broadcast_step(rig.b);
    check_told(&rig, "begin VOV1 l1;");
    g_assert_cmpstr(rig.run, ==, id);
    g_assert_cmpint(rig.sound.begin_us, <=, began);
    g_assert_true(bc_broadcast_stop(rig.b, id, "An", &error));
    check_told(&rig, "stop VOV1 stopped by An;");
    close_room(&rig);
    open_room(&rig);
    md_virtual_clock_advance(&rig.clock, S / 10);
    bc_broadcast_step(rig.b);
    check_told(&rig, "");
    rig_clear(&rig);
}

static void on_heard(const BcRun *run, void *user)
{
    Rig *rig = user;
    g_string_append_printf(rig->told, "hear %s;", run ? run->title : "nothing");
}

/* Outputs and boards keep the quiet hours and the stop too, whatever sounds elsewhere. */
static void test_ear(void)
{
    Rig rig;
    rig_init(&rig);
    put_area(&rig, "18100", "42");
    g_autofree char *content = add_content(&rig);
    BcEar *ear = bc_ear_new_deaf(rig.b, "18073", on_heard, &rig, NULL);
    check_told(&rig, "");
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .repeats = 10, .gap_us = 60 * S, .title = "Thường"};
    g_autofree char *id = play(&rig, &options), *storm = NULL;
    run_for(&rig, 5 * S);
    check_told(&rig, "hear Thường;");
    set_quiet(&rig, "18073", 4 * 3600, 4 * 3600 + 60);
    run_for(&rig, 2 * S);
    check_told(&rig, "hear nothing;");
    options = (BcPlayOptions){.content = content, .priority = BC_EMERGENCY, .repeats = 1, .title = "Bão"};
    storm = play(&rig, &options);
    run_for(&rig, 20 * S);
    check_told(&rig, "hear Bão;hear nothing;");
    run_for(&rig, 40 * S);
    check_told(&rig, "hear Thường;");
    int stopped = 0;
    put_device(&rig, "l2", "18100", BC_DEVICE_LINK); /* too late for this one; 18100 goes on */
    bc_broadcast_stop_area(rig.b, "18073", "An", on_area_stopped, &stopped);
    run_for(&rig, 2 * S);
    check_told(&rig, "hear nothing;");
    bc_ear_free(ear);
    rig_clear(&rig);
}

/* The clock is wrong at first, and is set: what has expired ends, and a stop pressed on the wrong day stops nothing for good. */
static void test_clock_set(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "l1", "18073", BC_DEVICE_LINK);
    g_autofree char *content = add_content(&rig);
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .repeats = 10, .gap_us = 60 * S, .title = "Thường"};
    options.expires_us = wall(&rig) + 3600 * S;
    g_autofree char *id = play(&rig, &options);
    run_for(&rig, 5 * S);
    check_told(&rig, "begin Thường l1;");
    rig.clock.wall_offset_us += 2 * 3600 * S;
    run_for(&rig, 2 * S);
    check_told(&rig, "stop Thường it has expired;");
    int stopped = 0;
    rig.clock.wall_offset_us += 1000 * 86400 * S;
    bc_broadcast_stop_area(rig.b, "42", "An", on_area_stopped, &stopped);
    run_for(&rig, 2 * S);
    rig.clock.wall_offset_us -= 1000 * 86400 * S;
    run_for(&rig, 2 * S);
    options.expires_us = 0;
    g_autofree char *again = play(&rig, &options);
    run_for(&rig, 5 * S);
    check_told(&rig, "begin Thường l1;");
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/reach/any-order", test_any_order);
    g_test_add_func("/broadcast/reach/states", test_states);
    g_test_add_func("/broadcast/reach/reports", test_reports);
    g_test_add_func("/broadcast/reach/pre-emption", test_pre_emption);
    g_test_add_func("/broadcast/reach/schedule", test_schedule);
    g_test_add_func("/broadcast/reach/one-run", test_one_run);
    g_test_add_func("/broadcast/reach/programme", test_programme);
    g_test_add_func("/broadcast/reach/fixed", test_fixed);
    g_test_add_func("/broadcast/reach/live", test_live);
    g_test_add_func("/broadcast/reach/live-group", test_live_group);
    g_test_add_func("/broadcast/reach/hush", test_hush);
    g_test_add_func("/broadcast/reach/released", test_released);
    g_test_add_func("/broadcast/reach/live-again", test_live_again);
    g_test_add_func("/broadcast/reach/ear", test_ear);
    g_test_add_func("/broadcast/reach/clock-set", test_clock_set);
    return g_test_run();
}
