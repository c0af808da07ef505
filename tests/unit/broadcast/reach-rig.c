/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/broadcast/reach-rig.h"

int64_t rig_wall(Rig *rig)
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

void rig_open_room(Rig *rig)
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

void rig_close_room(Rig *rig)
{
    bc_broadcast_free(rig->b);
    md_store_close(rig->store);
}

void rig_init(Rig *rig)
{
    *rig = (Rig){.dialer = {no_dial}, .told = g_string_new(NULL)};
    md_virtual_clock_init(&rig->clock, 100 * S, T0 - 3600 * S);
    rig->worker = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &rig->clock.base});
    rig->control = md_mailbox_new(4096);
    rig->dir = g_dir_make_tmp("bc-reach-XXXXXX", NULL);
    MdAddr any;
    md_addr_from_host(&any, "127.0.0.1", 0);
    rig->group_fd = md_udp_open(&any, &rig->group);
    rig_open_room(rig);
    province_put_area(rig->b, "42", NULL);
    province_put_area(rig->b, "18073", "42");
}

void rig_clear(Rig *rig)
{
    rig_close_room(rig);
    md_worker_free(rig->worker);
    md_mailbox_free(rig->control);
    close(rig->group_fd);
    g_autofree char *command = g_strdup_printf("rm -rf %s", rig->dir);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(rig->dir);
    g_free(rig->run);
    g_string_free(rig->told, TRUE);
}

void rig_run_for(Rig *rig, int64_t us)
{
    int64_t until = rig_wall(rig) + us;
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
    } while (rig_wall(rig) < until);
}

void rig_check_told(Rig *rig, const char *expected)
{
    g_assert_cmpstr(rig->told->str, ==, expected);
    g_string_truncate(rig->told, 0);
}

static void on_started(const char *id, const GError *error, void *user)
{
    g_assert_no_error(error);
    *(char **)user = g_strdup(id);
}

char *rig_play(Rig *rig, const BcPlayOptions *from)
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

BcReachNews rig_news(const char *announcement, const char *device, BcReachState state, int64_t at_us)
{
    return (BcReachNews){.announcement = announcement, .device = device, .state = state, .at_us = at_us, .level_dbfs = NAN, .match = NAN};
}

void rig_set_quiet(Rig *rig, const char *area, unsigned from_s, unsigned to_s)
{
    int flag = 0;
    BcQuietHours hours = {from_s, to_s};
    bc_quiet_put(bc_broadcast_quiet(rig->b), area, &hours, province_on_done, &flag);
    province_wait(&flag);
}

void rig_on_area_stopped(unsigned stopped, const GError *error, void *user)
{
    g_assert_no_error(error);
    *(int *)user = (int)stopped;
}
