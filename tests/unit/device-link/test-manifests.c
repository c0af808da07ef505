/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plans: the manifest of each device, when it is made anew and what the plan of a device says of it. */
#include "tests/unit/device-link/link-rig.h"

static BcLinkManifest parse(Rig *rig)
{
    BcLinkManifest m;
    g_autoptr(GError) error = NULL;
    g_assert_true(bc_link_manifest_parse(&m, rig->link.manifest, strlen(rig->link.manifest), &error));
    return m;
}

/* A version for what has changed and for nothing else, over a restart too. */
static void test_manifests(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_area(rig.b, "18100", "42");
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d2", .area = "18100", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "rung", .area = "18100", .kind = BC_DEVICE_SIP});
    g_autofree char *content = rig_add_content(&rig);
    while (!bc_media_find(rig.media, content, false)) /* read on a thread of its own, in real time */
        g_main_context_iteration(NULL, TRUE);
    rig_run_settled(&rig, 3 * S);
    rig_check_link(&rig, "manifest d1;manifest d2;");
    BcLinkManifest m = parse(&rig);
    g_assert_cmpuint(m.n_items, ==, 0);
    g_assert_cmpstr(m.areas[0], ==, "18100");
    g_assert_cmpstr(m.areas[1], ==, "42");
    g_assert_null(m.areas[2]);
    g_assert_cmpuint(m.volume, ==, 80);
    g_assert_cmpstr(m.zone, ==, "Asia/Ho_Chi_Minh");
    g_assert_cmpint(m.valid_until_us, >, m.issued_us + 3 * 86400 * S);
    bc_link_manifest_clear(&m);
    int64_t first = bc_manifests_version(rig.manifests, "d1"), other = bc_manifests_version(rig.manifests, "d2");
    rig_run_settled(&rig, 65 * S);
    bc_manifests_look(rig.manifests);
    rig_run_settled(&rig, 2 * S);
    rig_check_link(&rig, ""); /* looked at again and again: nothing new */
    g_autofree char *id = rig_schedule(&rig, content, "2026-11-23T05:00");
    rig_run_settled(&rig, 4 * S);
    rig_check_link(&rig, "manifest d1;"); /* d2 does not hear it */
    m = parse(&rig);
    g_assert_cmpuint(m.n_items, ==, 1);
    g_autofree char *occurrence = g_strdup_printf("%s@%d", id, (int)(T0 / S));
    g_assert_cmpstr(m.items[0].occurrence, ==, occurrence);
    g_assert_cmpint(m.items[0].start_us, ==, T0);
    g_assert_cmpint(llabs(m.items[0].duration_us - 6 * S), <, S / 2);
    g_assert_cmpuint(strlen(m.items[0].media.sha256), ==, 64);
    g_assert_cmpint(m.version, ==, bc_manifests_version(rig.manifests, "d1"));
    g_assert_cmpint(m.version, >, first);
    int64_t second = m.version;
    bc_link_manifest_clear(&m);
    rig_close_room(&rig);
    rig_open_room(&rig);
    rig_run_settled(&rig, 35 * S);
    rig_check_link(&rig, ""); /* the broker has them */
    g_assert_cmpint(bc_manifests_version(rig.manifests, "d1"), ==, second);
    g_assert_cmpint(bc_manifests_version(rig.manifests, "d2"), ==, other);
    rig.link.broken = true;
    province_put_device(rig.b, &(BcDevice){.id = "d2", .area = "18073", .kind = BC_DEVICE_LINK}); /* moves to the other commune, and the broker is away */
    rig_run_settled(&rig, 32 * S);
    rig_check_link(&rig, "");
    rig.link.broken = false;
    rig_run_settled(&rig, 6 * S);
    rig_check_link(&rig, "manifest d2;");
    m = parse(&rig);
    g_assert_cmpuint(m.n_items, ==, 1);
    g_assert_cmpint(m.version, >, other);
    bc_link_manifest_clear(&m);
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_SIP}); /* is rung from now on */
    rig_run_settled(&rig, 32 * S);
    rig_check_link(&rig, "manifest d1;"); /* an empty one: it plays nothing old, wherever it was meanwhile */
    m = parse(&rig);
    g_assert_cmpuint(m.n_items, ==, 0);
    g_assert_cmpint(m.version, >, second);
    bc_link_manifest_clear(&m);
    g_assert_cmpint(bc_manifests_version(rig.manifests, "d1"), ==, 0);
    rig_clear(&rig);
}

static void take_steps(const BcPlay *play, void *user)
{
    const BcProof *p = play->proof;
    g_string_append_printf(user, "%s%s%s;", play->device, p && p->sent_us ? " sent" : "", p && p->acked_us ? " acknowledged" : "");
    g_assert_true(!p || !p->sent_us || p->sent_us <= T0 - 30 * S); /* with the manifest, long before */
}

static void take_id(const BcRun *run, void *user)
{
    g_free(*(char **)user);
    *(char **)user = g_strdup(run->id);
}

static void check_steps(Rig *rig, const char *expected)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *run = NULL;
    rig_settle_store(rig);
    bc_broadcast_running(rig->b, take_id, &run);
    g_assert_true(bc_play_log_plays(bc_broadcast_play_log(rig->b), run, NULL, 100, 0, take_steps, text, NULL));
    g_assert_cmpstr(text->str, ==, expected);
}

/* What is scheduled was sent with the manifest it stands in, and is acknowledged by those that say they have that one. */
static void test_scheduled_steps(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d2", .area = "18073", .kind = BC_DEVICE_LINK});
    g_autofree char *content = rig_add_content(&rig), *id = rig_schedule(&rig, content, "2026-11-23T05:00");
    rig_run_settled(&rig, 4 * S);
    rig.link.state_of = "d1";
    rig.link.state = (BcLinkState){.online = true, .manifest_version = bc_manifests_version(rig.manifests, "d1")};
    md_virtual_clock_advance(&rig.clock, T0 - 12 * S - rig_wall(&rig));
    rig_run_settled(&rig, 6 * S);
    check_steps(&rig, "d1 sent acknowledged;d2 sent;");
    rig_online_with(&rig, "d2", bc_manifests_version(rig.manifests, "d2") - 1); /* an older one */
    check_steps(&rig, "d1 sent acknowledged;d2 sent;");
    rig_online_with(&rig, "d2", bc_manifests_version(rig.manifests, "d2"));
    check_steps(&rig, "d1 sent acknowledged;d2 sent acknowledged;");
    rig_clear(&rig);
}

static void on_area_stopped(unsigned stopped, const GError *error, void *user)
{
    g_assert_no_error(error);
    *(int *)user = (int)stopped;
}

/* One area of two is stopped: its devices are told at once of what sounds and of everything, the others hear nothing of it. */
static void test_stop_area(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_area(rig.b, "18100", "42");
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d2", .area = "18100", .kind = BC_DEVICE_LINK});
    g_autofree char *content = rig_add_content(&rig);
    rig_run_settled(&rig, 2 * S);
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .repeats = 10, .gap_us = 60 * S, .title = "Thường"};
    g_autofree char *id = rig_play(&rig, &options);
    rig_run_settled(&rig, 3 * S);
    g_string_truncate(rig.link.log, 0);
    int stopped = 0;
    int64_t pressed = rig_wall(&rig);
    bc_broadcast_stop_area(rig.b, "18100", "An", on_area_stopped, &stopped);
    rig_check_link(&rig, "stop d2;");
    g_assert_cmpstr(rig.link.command.occurrence, ==, id);
    province_wait(&stopped);
    rig_check_link(&rig, "stop-all d2;");
    g_assert_cmpint(rig.link.command.issued_us, ==, (pressed / 1000) * 1000);
    rig_online(&rig, "d2"); /* is not told again what it has to be silent about */
    rig_run_settled(&rig, 12 * S);
    rig_online(&rig, "d2");
    g_assert_null(strstr(rig.link.log->str, "play d2"));
    g_assert_null(strstr(rig.link.log->str, "stop d1"));
    rig_clear(&rig);
}

/* Quiet hours reach the devices in whole minutes, never less than meant; all day is two windows, for one that ends where it begins is none. */
static void test_quiet_windows(void)
{
    static const struct { BcQuietHours hours; unsigned n; BcLinkWindow windows[2]; } cases[] = {
        {{21 * 3600 + 1830, 5 * 3600 + 30}, 1, {{.from_min = 1290, .to_min = 301}}},
        {{0, 86400}, 2, {{.from_min = 0, .to_min = 720}, {.from_min = 720, .to_min = 0}}},
        {{20 * 3600, 86400}, 1, {{.from_min = 1200, .to_min = 0}}},
    };
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        int flag = 0;
        bc_quiet_put(bc_broadcast_quiet(rig.b), "18073", &cases[i].hours, province_on_done, &flag);
        province_wait(&flag);
        bc_manifests_look(rig.manifests);
        rig_run_settled(&rig, 3 * S);
        BcLinkManifest m = parse(&rig);
        g_assert_cmpuint(m.n_quiet, ==, cases[i].n);
        for (unsigned k = 0; k < m.n_quiet; k++) {
            g_assert_cmpuint(m.quiet[k].from_min, ==, cases[i].windows[k].from_min);
            g_assert_cmpuint(m.quiet[k].to_min, ==, cases[i].windows[k].to_min);
        }
        bc_link_manifest_clear(&m);
    }
    rig_clear(&rig);
}

static void put_switched(Rig *rig, const char *id, bool enabled)
{
    int flag = 0;
    bc_devices_put(bc_broadcast_devices(rig->b),
                   &(BcDevice){.id = id, .name = id, .area = "18073", .kind = BC_DEVICE_LINK, .latitude = NAN, .longitude = NAN, .volume = 80,
                               .volumes = {{1260, 360, 30}}, .n_volumes = 1, .enabled = enabled},
                   province_on_done, &flag);
    province_wait(&flag);
}

/* One that was stored but never reached the broker is found by what the device says it has; volumes by the hour, switching off. */
static void test_heal(void)
{
    Rig rig;
    rig_init(&rig);
    put_switched(&rig, "d1", true);
    g_autofree char *content = rig_add_content(&rig);
    g_autofree char *one = rig_schedule(&rig, content, "2026-11-23T05:00"), *two = rig_schedule(&rig, content, "2026-11-23T06:00");
    rig.link.broken = true;
    rig_run_settled(&rig, 4 * S);
    int64_t version = bc_manifests_version(rig.manifests, "d1");
    g_assert_cmpint(version, >, 0);
    rig_check_link(&rig, "");
    rig_close_room(&rig); /* killed before the broker came back */
    rig.link.broken = false;
    rig_open_room(&rig);
    rig.link.state_of = "d1";
    rig.link.state = (BcLinkState){.online = true, .manifest_version = version - 1};
    rig_run_settled(&rig, 70 * S);
    rig_check_link(&rig, "manifest d1;");
    BcLinkManifest m = parse(&rig);
    g_assert_cmpint(m.version, ==, version);
    g_assert_cmpuint(m.n_items, ==, 2);
    g_assert_cmpuint(m.n_volumes, ==, 1);
    g_assert_cmpuint(m.volumes[0].from_min, ==, 1260);
    g_assert_cmpuint(m.volumes[0].volume, ==, 30);
    bc_link_manifest_clear(&m);
    rig_run_settled(&rig, 100 * S);
    rig_check_link(&rig, ""); /* one that refuses it is not told every minute */
    rig_run_settled(&rig, 60 * S);
    rig_check_link(&rig, "manifest d1;");
    rig.link.state.manifest_version = version;
    rig_run_settled(&rig, 400 * S);
    rig_check_link(&rig, "");
    rig.link.items_max = 1;
    g_autofree char *three = rig_schedule(&rig, content, "2026-11-23T07:00");
    rig_run_settled(&rig, 4 * S);
    m = parse(&rig);
    rig_check_link(&rig, "manifest d1;"); /* too long: the nearest days at least, and nobody waits behind it */
    g_assert_cmpuint(m.n_items, ==, 1);
    g_assert_cmpint(m.items[0].start_us, ==, T0);
    bc_link_manifest_clear(&m);
    rig.link.items_max = 0;
    put_switched(&rig, "d1", false);
    rig_run_settled(&rig, 32 * S);
    rig_check_link(&rig, "manifest d1;"); /* switched off: it has nothing to play */
    m = parse(&rig);
    g_assert_cmpuint(m.n_items, ==, 0);
    bc_link_manifest_clear(&m);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device-link/manifests", test_manifests);
    g_test_add_func("/device-link/scheduled-steps", test_scheduled_steps);
    g_test_add_func("/device-link/stop-area", test_stop_area);
    g_test_add_func("/device-link/quiet-windows", test_quiet_windows);
    g_test_add_func("/device-link/heal", test_heal);
    return g_test_run();
}
