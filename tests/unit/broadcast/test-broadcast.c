/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/broadcast/room-rig.h"

static void on_event(const char *type, const BcRun *run, void *user)
{
    Rig *rig = user;
    g_string_append_printf(rig->events, "%s %s;", type + strlen("announcement."), run->title);
}

static void open_room(Rig *rig, const char *database)
{
    g_autofree char *path = g_build_filename(rig->dir, database, NULL), *content = g_build_filename(rig->dir, "content", NULL);
    g_autoptr(GError) error = NULL;
    rig->store = md_store_open(path, bc_migrations, bc_n_migrations, NULL, &error);
    g_assert_no_error(error);
    BcTapOps tap = {tap_add, tap_remove, rig};
    rig->b = bc_broadcast_new(&(BcBroadcastOptions){.store = rig->store, .dialer = &rig->dialer, .workers = rig->workers, .n_workers = 2,
                                                    .control = rig->control, .clock = &rig->clock.base, .local_host = "127.0.0.1",
                                                    .content_dir = content, .frame_ms = 40, .security = MD_SECURITY_REQUIRED,
                                                    .ring_timeout_s = 4, .calls_per_s = 100, .lead_s = 10, .content_max_bytes = 300000, .tap = &tap,
                                                    .on_event = on_event, .user = rig, .manual = true},
                              &error);
    g_assert_no_error(error);
}

static void close_room(Rig *rig)
{
    bc_broadcast_free(rig->b);
    md_store_close(rig->store);
    rig->b = NULL;
    rig->store = NULL;
}

static void on_done(const GError *error, void *user)
{
    if (error)
        g_test_message("%s", error->message);
    *(int *)user = error ? -1 : 1;
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
    g_assert_cmpint(flag, ==, 1);
}

static void put_device(Rig *rig, const char *id, const char *area)
{
    int flag = 0;
    bc_devices_put(bc_broadcast_devices(rig->b),
                   &(BcDevice){.id = id, .name = id, .area = area, .latitude = NAN, .longitude = NAN, .volume = 80, .enabled = true}, on_done,
                   &flag);
    wait_flag(&flag);
    g_assert_cmpint(flag, ==, 1);
}

static void on_content(const BcContent *content, const GError *error, void *user)
{
    g_assert_no_error(error);
    *(char **)user = g_strdup(content->id);
}

/* A tone of 440 Hz, 6 s. */
static char *add_content(Rig *rig)
{
    g_autofree char *path = g_build_filename(rig->dir, "tone.wav", NULL);
    g_autofree char *command = g_strdup_printf("ffmpeg -v error -y -f lavfi -i sine=440:d=6 %s", path);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    char *id = NULL;
    g_assert_cmpuint(bc_contents_add_file(bc_broadcast_contents(rig->b), path, "Bản tin sáng", "tone.wav", NULL, on_content, &id), >, 0);
    while (!id)
        g_main_context_iteration(NULL, TRUE);
    return id;
}

static void rig_init(Rig *rig)
{
    *rig = (Rig){.dialer = {fake_dial, fake_is_registered, fake_local_host}};
    md_virtual_clock_init(&rig->clock, 100 * S, T0 - 3600 * S);
    for (unsigned i = 0; i < 2; i++)
        rig->workers[i] = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &rig->clock.base});
    rig->control = md_mailbox_new(4096);
    rig->dir = g_dir_make_tmp("bc-room-XXXXXX", NULL);
    rig->speakers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_speaker);
    rig->calls = g_ptr_array_new();
    rig->events = g_string_new(NULL);
    open_room(rig, "a.sqlite");
    put_area(rig, "42", NULL);
    put_area(rig, "18073", "42");
    put_area(rig, "18100", "42");
}

static void rig_clear(Rig *rig)
{
    if (rig->b)
        close_room(rig);
    for (unsigned i = 0; i < rig->calls->len; i++) {
        FakeCall *c = rig->calls->pdata[i];
        g_free(c->offer);
        g_free(c->answered);
        g_free(c);
    }
    g_ptr_array_unref(rig->calls);
    g_hash_table_unref(rig->speakers);
    for (unsigned i = 0; i < 2; i++)
        md_worker_free(rig->workers[i]);
    md_mailbox_free(rig->control);
    g_autofree char *command = g_strdup_printf("rm -rf %s", rig->dir);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(rig->dir);
    g_string_free(rig->events, TRUE);
}

static void push_tap(Rig *rig)
{
    float pcm[MD_AUDIO_TICK_SAMPLES];
    for (unsigned i = 0; i < G_N_ELEMENTS(pcm); i++)
        pcm[i] = 0.3f * sinf((float)(2 * G_PI * fmod(700 * (rig->tick * 960.0 + i) / 48000, 1.0)));
    rig->tick++;
    rig->tap_fn(pcm, 0, rig->tap_user);
}

/* Time goes on in steps of 20 ms; what the store and the disk owe is waited for before each. */
static void run_to(Rig *rig, int64_t until_wall)
{
    GHashTableIter it;
    gpointer value;
    while (wall(rig) < until_wall) {
        for (unsigned i = 0; i < rig->calls->len; i++)
            step_call(rig->calls->pdata[i]);
        bc_broadcast_step(rig->b);
        while (bc_broadcast_pending(rig->b) > (rig->tap_fn != NULL))
            g_main_context_iteration(NULL, TRUE);
        while (g_main_context_iteration(NULL, FALSE))
            ;
        if (rig->tap_fn)
            push_tap(rig);
        for (unsigned i = 0; i < 4; i++)
            md_worker_step(rig->workers[i % 2]);
        md_mailbox_drain(rig->control, 0);
        g_hash_table_iter_init(&it, rig->speakers);
        while (g_hash_table_iter_next(&it, NULL, &value))
            receive(rig, value);
        md_virtual_clock_advance(&rig->clock, SETTLE_MS * 1000);
    }
}

static char *schedule(Rig *rig, const char *content, const char *area, const char *start, const char *rule, BcPriority priority, unsigned grace_s)
{
    const char *const areas[] = {area, NULL};
    char *id = NULL;
    int flag = 0;
    bc_broadcast_put_schedule(rig->b, &(BcSchedule){.name = "Bản tin", .content = content, .areas = areas, .start_local = start, .rule = rule,
                                                    .priority = priority, .grace_s = grace_s, .enabled = true},
                              &id, on_done, &flag);
    wait_flag(&flag);
    g_assert_cmpint(flag, ==, 1);
    return id;
}

typedef struct Found {
    unsigned n;
    GString *text;
    BcRun last; /* numbers only */
    int64_t from_us, to_us, rings;
} Found;

static void take_run(const BcRun *run, void *user)
{
    Found *found = user;
    found->n++;
    found->last = *run;
    g_string_append_printf(found->text, "%s %s %s;", run->kind, run->state, run->reason ? run->reason : "-");
}

static void take_play(const BcPlay *play, void *user)
{
    Found *found = user;
    found->n++;
    found->from_us = play->from_us;
    found->to_us = play->to_us;
    found->rings = play->rings;
    g_string_append_printf(found->text, "%s: %s", play->outcome, play->reason ? play->reason : "-");
}

static bool barrier(MdDb *db, gpointer data, GError **error)
{
    return true;
}

static void runs(Rig *rig, Found *found)
{
    *found = (Found){.text = g_string_new(NULL)};
    bc_play_log_flush(bc_broadcast_play_log(rig->b));
    md_store_write_sync(rig->store, barrier, NULL, NULL);
    g_assert_true(bc_play_log_runs(bc_broadcast_play_log(rig->b), NULL, INT64_MAX, 100, take_run, found, NULL));
}

/* Last line of a loudspeaker's play log. */
static void check_play(Rig *rig, const char *device, const char *expected, Found *ret)
{
    Found found = {.text = g_string_new(NULL)};
    bc_play_log_flush(bc_broadcast_play_log(rig->b));
    md_store_write_sync(rig->store, barrier, NULL, NULL);
    g_assert_true(bc_play_log_plays(bc_broadcast_play_log(rig->b), NULL, device, 1, 0, take_play, &found, NULL));
    if (!g_str_has_prefix(found.text->str, expected))
        g_test_message("%s: %s", device, found.text->str);
    g_assert_true(g_str_has_prefix(found.text->str, expected));
    g_string_free(found.text, TRUE);
    if (ret)
        *ret = found;
}

/* A bulletin at 05:00: every kind of loudspeaker, and what the play log says of each. */
static void test_bulletin(void)
{
    static const char *const names[] = {"ok-1", "ok-2", "busy-1", "mute-1", "late-1", "drop-1", "off-1", "none-1", "video-1", "far-1"};
    Rig rig;
    rig_init(&rig);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        put_device(&rig, names[i], "18073");
    put_device(&rig, "ok-elsewhere", "18100");
    g_autofree char *content = add_content(&rig);
    g_autofree char *id = schedule(&rig, content, "18073", "2026-11-23T05:00", NULL, BC_PRIORITY, 60);
    md_virtual_clock_advance(&rig.clock, 3560 * S);
    run_to(&rig, T0 - 11 * S);
    g_assert_cmpuint(speaker(&rig, "ok-1")->dials, ==, 0);
    run_to(&rig, T0 - 2 * S);
    Speaker *ok = speaker(&rig, "ok-1");
    g_assert_cmpuint(ok->dials, ==, 1);
    g_assert_cmpuint(ok->packets, ==, 0);
    g_assert_nonnull(strstr(ok->headers, "Answer-Mode: Auto"));
    g_assert_nonnull(strstr(ok->headers, ";answer-after=0"));
    g_assert_nonnull(strstr(ok->headers, "Alert-Info: "));
    g_assert_nonnull(strstr(ok->headers, "Priority: urgent"));
    run_to(&rig, T0 + 30 * S);
    g_assert_cmpint(llabs(ok->first_us - T0), <=, 40000);
    g_assert_cmpint(llabs(ok->last_us - (T0 + 6 * S)), <=, 100000);
    g_assert_cmpuint(ok->packets, >=, 150);
    g_assert_cmpuint(ok->packets, <=, 152);
    g_assert_cmpfloat(purity(ok->pcm + 48000, 96000, 440), >, 0.95);
    g_assert_cmpuint(ok->hangups, ==, 1);
    g_assert_cmpuint(speaker(&rig, "ok-elsewhere")->dials, ==, 0);
    Found found;
    check_play(&rig, "ok-1", "played: -", &found);
    g_assert_cmpint(found.from_us, ==, T0);
    g_assert_cmpint(llabs(found.to_us - (T0 + 6 * S)), <, 50000);
    check_play(&rig, "ok-2", "played: -", NULL);
    check_play(&rig, "busy-1", "missed: 486 Busy Here", &found);
    g_assert_cmpint(found.rings, ==, 2); /* once more, no oftener */
    check_play(&rig, "mute-1", "missed: 408", NULL);
    check_play(&rig, "late-1", "partial: joined late", &found);
    g_assert_cmpint(llabs(found.from_us - (T0 + 2 * S)), <, S / 2);
    check_play(&rig, "drop-1", "partial: the loudspeaker ended the call", &found);
    g_assert_cmpint(found.from_us, ==, T0);
    check_play(&rig, "off-1", "missed: not registered", &found);
    g_assert_cmpint(found.rings, ==, 0);
    check_play(&rig, "none-1", "missed: ", NULL);
    check_play(&rig, "video-1", "missed: 488", &found);
    g_assert_cmpint(found.rings, ==, 1); /* asking again changes nothing */
    check_play(&rig, "far-1", "missed: 100 % of the sound could not be sent to it", &found);
    g_assert_cmpint(found.from_us, ==, 0);
    runs(&rig, &found);
    g_assert_cmpstr(found.text->str, ==, "schedule done -;");
    g_assert_cmpint(found.last.devices, ==, 10);
    g_assert_cmpint(found.last.played, ==, 2);
    g_assert_cmpint(found.last.partial, ==, 2);
    g_assert_cmpint(found.last.missed, ==, 6);
    g_string_free(found.text, TRUE);
    g_assert_cmpstr(rig.events->str, ==, "ringing Bản tin;playing Bản tin;ended Bản tin;");
    g_assert_cmpstr(bc_devices_find(bc_broadcast_devices(rig.b), "busy-1")->outcome, ==, "missed: 486 Busy Here");
    rig_clear(&rig);
}

static void copy_database(Rig *rig)
{
    g_autofree char *command = g_strdup_printf("/bin/sh -c 'cd %s; cp a.sqlite b.sqlite; cp a.sqlite-wal b.sqlite-wal'", rig->dir);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

/* The power fails two seconds into the sound: the next life goes on at the wall-clock place, never from the start, and ends on time; the
 * next occurrence is whole. */
static void test_no_double_play(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "ok-1", "18073");
    g_autofree char *content = add_content(&rig);
    g_autofree char *id = schedule(&rig, content, "42", "2026-11-23T05:00:00", "FREQ=MINUTELY;INTERVAL=5", BC_NORMAL, 120);
    md_virtual_clock_advance(&rig.clock, 3580 * S);
    run_to(&rig, T0 + 2 * S);
    g_assert_cmpuint(speaker(&rig, "ok-1")->dials, ==, 1);
    bc_play_log_flush(bc_broadcast_play_log(rig.b));
    md_store_write_sync(rig.store, barrier, NULL, NULL);
    copy_database(&rig); /* what lies on the disk at this instant */
    close_room(&rig);
    Speaker *ok = speaker(&rig, "ok-1");
    ok->packets = ok->samples = 0;
    open_room(&rig, "b.sqlite");
    run_to(&rig, T0 + 100 * S);
    g_assert_cmpuint(ok->dials, ==, 2);
    g_assert_cmpint(ok->first_us, <, T0 + 4 * S);
    g_assert_cmpint(llabs(ok->last_us - (T0 + 6 * S)), <=, 200000);
    g_assert_cmpuint(ok->packets, <=, 100); /* four seconds at most */
    Found found;
    runs(&rig, &found);
    g_assert_cmpstr(found.text->str, ==, "schedule done -;"); /* one announcement, in two lives */
    g_string_free(found.text, TRUE);
    run_to(&rig, T0 + 310 * S);
    g_assert_cmpuint(ok->dials, ==, 3);
    check_play(&rig, "ok-1", "played: -", NULL);
    rig_clear(&rig);
}

/* Down at its time: within the grace it begins late, beyond it is missed and the play log says so. */
static void test_catch_up(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "ok-1", "18073");
    g_autofree char *content = add_content(&rig);
    g_autofree char *strict = schedule(&rig, content, "42", "2026-11-23T05:00:00", NULL, BC_NORMAL, 10);
    g_autofree char *lenient = schedule(&rig, content, "42", "2026-11-23T05:00:20", NULL, BC_NORMAL, 60);
    close_room(&rig);
    md_virtual_clock_advance(&rig.clock, 3640 * S); /* T0 + 40 s */
    open_room(&rig, "a.sqlite");
    run_to(&rig, T0 + 70 * S);
    g_assert_cmpuint(speaker(&rig, "ok-1")->dials, ==, 1);
    check_play(&rig, "ok-1", "played: -", NULL);
    Found found;
    runs(&rig, &found);
    g_assert_cmpuint(found.n, ==, 2);
    g_assert_nonnull(strstr(found.text->str, "schedule missed it was too late"));
    g_assert_nonnull(strstr(found.text->str, "schedule done -"));
    g_string_free(found.text, TRUE);
    close_room(&rig);
    open_room(&rig, "a.sqlite"); /* nothing of it comes back */
    run_to(&rig, T0 + 100 * S);
    g_assert_cmpuint(speaker(&rig, "ok-1")->dials, ==, 1);
    rig_clear(&rig);
}

static void on_refused(const BcContent *content, const GError *error, void *user)
{
    g_assert_null(content);
    *(int *)user = error->code;
}

static void on_started(const char *id, const GError *error, void *user)
{
    if (error)
        g_test_message("%s", error->message);
    *(char **)user = g_strdup(id ? id : "");
}

static char *play(Rig *rig, const char *content, BcPriority priority, const char *title)
{
    static const char *const areas[] = {"42", NULL};
    char *id = NULL;
    BcPlayOptions options = {.content = content, .areas = areas, .priority = priority, .authority = BC_AUTHORITY_COMMUNE, .title = title,
                             .created_by = "tester"};
    bc_broadcast_play_options(rig->b, &options, on_started, &id);
    while (!id)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(id, !=, "");
    return id;
}

/* A meeting is on the loudspeakers; an emergency takes them, plays at once, and gives them back. A normal bulletin has to
 * wait for the meeting's end. */
static void test_pre_emption(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "ok-1", "18073");
    put_device(&rig, "ok-2", "18100");
    g_autofree char *content = add_content(&rig);
    g_autoptr(GError) error = NULL;
    g_autofree char *live = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp giao ban", "tester", &error);
    g_assert_no_error(error);
    int64_t began = wall(&rig);
    run_to(&rig, began + 6 * S);
    Speaker *ok = speaker(&rig, "ok-1");
    g_assert_cmpuint(ok->packets, >, 100);
    g_assert_cmpfloat(purity(ok->pcm + ok->samples - 96000, 96000, 700), >, 0.95);
    g_autofree char *normal = play(&rig, content, BC_NORMAL, "Thường");
    run_to(&rig, began + 8 * S);
    g_assert_cmpuint(ok->dials, ==, 1); /* same priority: a commune does not take them from the province */
    g_autofree char *emergency = play(&rig, content, BC_EMERGENCY, "Bão khẩn cấp");
    int64_t alarm = wall(&rig);
    ok->packets = ok->samples = 0;
    run_to(&rig, alarm + 6 * S);
    g_assert_cmpuint(ok->dials, ==, 2);
    g_assert_cmpuint(ok->hangups, ==, 1);
    g_assert_nonnull(strstr(ok->headers, "Priority: emergency"));
    g_assert_cmpfloat(purity(ok->pcm + ok->samples - 48000, 48000, 440), >, 0.95);
    g_assert_cmpint(ok->last_us, >, alarm);
    run_to(&rig, alarm + 14 * S);
    check_play(&rig, "ok-2", "played: -", NULL);
    g_assert_cmpuint(ok->dials, ==, 3); /* back in the meeting */
    ok->samples = 0;
    run_to(&rig, alarm + 18 * S);
    g_assert_cmpfloat(purity(ok->pcm + ok->samples - 48000, 48000, 700), >, 0.95);
    g_assert_true(bc_broadcast_stop(rig.b, live, "tester", NULL));
    g_assert_false(bc_broadcast_stop(rig.b, live, "tester", NULL));
    run_to(&rig, alarm + 30 * S);
    g_assert_null(rig.tap_fn);
    Found found;
    runs(&rig, &found);
    g_assert_nonnull(strstr(found.text->str, "live stopped stopped by tester"));
    g_string_free(found.text, TRUE);
    BcBroadcastStats stats;
    bc_broadcast_stats(rig.b, &stats);
    g_assert_cmpuint(stats.running, ==, 0);
    g_assert_cmpuint(stats.held, ==, 0);
    rig_clear(&rig);
}

static bool run_sql(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, data, "");
}

/* The store refuses for a while (as with a full disk): the play log waits and is whole in the end. */
static void test_store_refuses(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "ok-1", "18073");
    g_autofree char *content = add_content(&rig);
    g_autofree char *id = play(&rig, content, BC_NORMAL, "Bản tin");
    int64_t began = wall(&rig);
    g_assert_true(md_store_write_sync(rig.store, run_sql, (gpointer)"ALTER TABLE bc_plays RENAME TO away", NULL));
    run_to(&rig, began + 15 * S);
    g_assert_true(md_store_write_sync(rig.store, run_sql, (gpointer)"ALTER TABLE away RENAME TO bc_plays", NULL));
    run_to(&rig, began + 30 * S);
    check_play(&rig, "ok-1", "played: -", NULL);
    Found found;
    runs(&rig, &found);
    g_assert_cmpstr(found.text->str, ==, "now done -;");
    g_string_free(found.text, TRUE);
    rig_clear(&rig);
}

/* The store will not note that an emergency plays: it is heard all the same, and once. */
static void test_emergency_once(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "ok-1", "18073");
    g_autofree char *content = add_content(&rig);
    g_autofree char *id = schedule(&rig, content, "42", "2026-11-23T05:00", NULL, BC_EMERGENCY, 120);
    g_assert_true(md_store_write_sync(rig.store, run_sql, (gpointer)"ALTER TABLE bc_claims RENAME TO away", NULL));
    md_virtual_clock_advance(&rig.clock, 3580 * S);
    run_to(&rig, T0 + 75 * S);
    g_assert_cmpuint(speaker(&rig, "ok-1")->dials, ==, 1);
    check_play(&rig, "ok-1", "played: -", NULL);
    rig_clear(&rig);
}

static void take_id(const BcRun *run, void *user)
{
    *(char **)user = g_strdup(run->id);
}

/* mediad goes while the loudspeakers ring, before the first sound: the next life plays the bulletin, at its time. What somebody stopped
 * stays stopped. */
static void test_restart_before_sound(void)
{
    static const char *const kinds[] = {"crash", "crash before the first row", "end", "stopped by hand"};
    for (unsigned kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
        Rig rig;
        rig_init(&rig);
        g_test_message("%s", kinds[kind]);
        put_device(&rig, "ok-1", "18073");
        g_autofree char *content = add_content(&rig), *running = NULL;
        g_autofree char *id = schedule(&rig, content, "42", "2026-11-23T05:00", NULL, BC_NORMAL, 60);
        md_virtual_clock_advance(&rig.clock, 3580 * S);
        run_to(&rig, T0 - 4 * S);
        Speaker *ok = speaker(&rig, "ok-1");
        g_assert_cmpuint(ok->dials, ==, 1);
        bc_broadcast_running(rig.b, take_id, &running);
        if (kind == 3)
            g_assert_true(bc_broadcast_stop(rig.b, running, "tester", NULL));
        if (kind == 2) {
            bc_broadcast_quiesce(rig.b);
            run_to(&rig, T0 - 3 * S);
            g_assert_cmpuint(ok->hangups, ==, 1);
        }
        bc_play_log_flush(bc_broadcast_play_log(rig.b));
        md_store_write_sync(rig.store, barrier, NULL, NULL);
        if (kind == 1)
            g_assert_true(md_store_write_sync(rig.store, run_sql, (gpointer)"DELETE FROM bc_announcements", NULL) &&
                          md_store_write_sync(rig.store, run_sql, (gpointer)"DELETE FROM bc_plays", NULL));
        copy_database(&rig);
        close_room(&rig);
        open_room(&rig, kind < 2 ? "b.sqlite" : "a.sqlite");
        run_to(&rig, T0 + 15 * S);
        g_assert_cmpuint(ok->dials, ==, kind == 3 ? 1 : 2);
        Found found;
        runs(&rig, &found);
        g_assert_cmpuint(found.n, ==, 1); /* one announcement, in two lives */
        if (kind == 3)
            g_assert_cmpstr(found.text->str, ==, "schedule stopped stopped by tester;");
        else
            g_assert_nonnull(strstr(found.text->str, "schedule done -;"));
        if (kind != 3) {
            g_assert_cmpint(llabs(ok->first_us - T0), <=, 40000);
            g_assert_cmpstr(bc_devices_find(bc_broadcast_devices(rig.b), "ok-1")->outcome, ==, "played");
        }
        g_string_free(found.text, TRUE);
        rig_clear(&rig);
    }
}

/* The meeting on a loudspeaker ends; of two that wait for it the first has too little left: the second takes it. */
static void test_next_in_line(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "ok-1", "18073");
    g_autofree char *content = add_content(&rig), *third = NULL;
    g_autofree char *live = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp", "tester", NULL);
    int64_t began = wall(&rig);
    run_to(&rig, began + 3 * S);
    Speaker *ok = speaker(&rig, "ok-1");
    g_assert_cmpuint(ok->dials, ==, 1);
    g_autofree char *second = play(&rig, content, BC_NORMAL, "Ngắn");
    BcPlayOptions longer = {.content = content, .areas = areas, .priority = BC_NORMAL, .authority = BC_AUTHORITY_COMMUNE, .repeats = 3,
                            .title = "Dài", .created_by = "tester"};
    bc_broadcast_play_options(rig.b, &longer, on_started, &third);
    run_to(&rig, began + 9 * S + S / 5); /* "Ngắn" ends after 11 s */
    g_assert_cmpuint(ok->dials, ==, 1);
    g_assert_true(bc_broadcast_stop(rig.b, live, "tester", NULL));
    ok->samples = 0;
    run_to(&rig, began + 14 * S);
    g_assert_cmpuint(ok->dials, ==, 2);
    g_assert_cmpuint(ok->samples, >, 48000);
    rig_clear(&rig);
}

/* A lead-in is heard first and once; what has expired falls silent at that moment. */
static void test_play_options(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "ok-1", "18073");
    g_autofree char *content = add_content(&rig), *id = NULL, *late = NULL;
    BcPlayOptions options = {.content = content, .areas = areas, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_PROVINCE,
                             .lead_content = content, .expires_us = wall(&rig) + 12 * S, .title = "Bão"};
    bc_broadcast_play_options(rig.b, &options, on_started, &id);
    int64_t began = wall(&rig);
    run_to(&rig, began + 20 * S);
    Speaker *ok = speaker(&rig, "ok-1");
    g_assert_cmpuint(ok->packets, >, 270); /* begins at once: 6 s of lead-in, then all but the last moment of 6 s */
    g_assert_cmpuint(ok->packets, <, 295);
    g_assert_cmpint(ok->last_us, <=, options.expires_us + S / 10);
    check_play(&rig, "ok-1", "partial: it has expired", NULL);
    options.expires_us = wall(&rig) - S;
    bc_broadcast_play_options(rig.b, &options, on_started, &late);
    g_assert_cmpstr(late, ==, "");
    rig_clear(&rig);
}

/* A line that breaks every half minute is dialled again as long as the meeting lasts; one that never holds is not. */
static void test_weak_line(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "weak-1", "18073");
    put_device(&rig, "drop-1", "18073");
    g_autofree char *live = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp", "tester", NULL);
    run_to(&rig, wall(&rig) + 170 * S);
    g_assert_cmpuint(speaker(&rig, "weak-1")->dials, ==, 5);
    g_assert_cmpuint(speaker(&rig, "drop-1")->dials, ==, 2);
    rig_clear(&rig);
}

/* A loudspeaker moves to another port in the middle (re-INVITE under another crypto tag and under ours). */
static void test_refresh(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "ok-1", "18073");
    g_autofree char *live = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp", NULL, NULL);
    g_assert_nonnull(live);
    int64_t began = wall(&rig);
    run_to(&rig, began + 3 * S);
    Speaker *ok = speaker(&rig, "ok-1");
    unsigned before = ok->packets;
    g_assert_cmpuint(before, >, 30);
    MdAddr any, moved;
    md_addr_from_host(&any, "127.0.0.1", 0);
    close(ok->fd);
    ok->fd = md_udp_open(&any, &moved);
    FakeCall *c = rig.calls->pdata[0];
    MdSrtpKey own;
    char text[MD_SRTP_KEY_BASE64_MAX];
    md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &own);
    md_srtp_key_to_base64(&own, text, sizeof text);
    for (unsigned tag = 7; tag >= 1; tag -= 6) {
        g_autofree char *offer = g_strdup_printf(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %u RTP/SAVP 111\r\na=rtpmap:111 opus/48000/2\r\n"
            "a=crypto:%u AEAD_AES_128_GCM inline:%s\r\na=recvonly\r\n", md_addr_port(&moved), tag, text);
        g_autofree char *line = g_strdup_printf("a=crypto:%u AEAD_AES_128_GCM inline:", tag);
        md_call_emit_sdp(c->call, MD_SDP_OFFER, offer);
        g_assert_nonnull(c->answered);
        g_assert_nonnull(strstr(c->answered, line));
        g_assert_nonnull(strstr(c->answered, "opus/48000"));
        g_clear_pointer(&c->answered, g_free);
        if (tag == 1)
            break;
    }
    run_to(&rig, began + 6 * S);
    g_assert_cmpuint(ok->packets, >, before + 50); /* at the new port, under the same key */
    g_assert_cmpuint(ok->dials, ==, 1);
    rig_clear(&rig);
}

/* Bad wishes get a clear answer and change nothing. */
static void test_refused(void)
{
    static const char *const nowhere[] = {"99", NULL}, *const areas[] = {"42", NULL};
    static const char *const urls[] = {"file:///etc/passwd", "ftp://a/b", "http://", "http://user:pw@host/x", "giao-ban",
                                        "http://127.0.0.1:8000/not-listed"};
    Rig rig;
    rig_init(&rig);
    for (unsigned i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(bc_broadcast_live(rig.b, NULL, urls[i], areas, BC_NORMAL, NULL, NULL, &error));
        g_assert_error(error, BC_ERROR, BC_ERROR_INVALID);
        g_assert_true(i + 1 < G_N_ELEMENTS(urls) || strstr(error->message, "broadcast.live_hosts"));
    }
    g_autoptr(GError) no_area = NULL, no_room = NULL, both = NULL;
    g_assert_null(bc_broadcast_live(rig.b, "giao-ban", NULL, nowhere, BC_NORMAL, NULL, NULL, &no_area));
    g_assert_error(no_area, BC_ERROR, BC_ERROR_NOT_FOUND);
    g_assert_null(bc_broadcast_live(rig.b, "other", NULL, areas, BC_NORMAL, NULL, NULL, &no_room));
    g_assert_error(no_room, BC_ERROR, BC_ERROR_NOT_FOUND);
    g_assert_null(bc_broadcast_live(rig.b, "giao-ban", "http://a/b", areas, BC_NORMAL, NULL, NULL, &both));
    g_assert_error(both, BC_ERROR, BC_ERROR_INVALID);
    char *id = NULL;
    bc_broadcast_play(rig.b, "0000", areas, BC_NORMAL, 1, 0, NULL, NULL, on_started, &id);
    g_assert_cmpstr(id, ==, "");
    g_free(id);
    g_autofree char *recording = add_content(&rig);
    id = NULL;
    bc_broadcast_play(rig.b, recording, areas, BC_NORMAL, 1, wall(&rig) + 61 * S, NULL, NULL, on_started, &id);
    g_assert_cmpstr(id, ==, ""); /* it would hold the loudspeakers all that time */
    g_free(id);
    int flag = 0;
    bc_broadcast_put_schedule(rig.b, &(BcSchedule){.name = "x", .content = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                                                   .areas = areas, .start_local = "2026-11-23T05:00", .priority = BC_NORMAL, .enabled = true},
                              NULL, on_done, &flag);
    wait_flag(&flag);
    g_assert_cmpint(flag, ==, -1); /* no such content */
    flag = 0;
    bc_broadcast_put_schedule(rig.b, &(BcSchedule){.name = "x", .content = recording, .areas = areas, .start_local = "2020-11-23T05:00",
                                                   .priority = BC_NORMAL, .enabled = true},
                              NULL, on_done, &flag);
    wait_flag(&flag);
    g_assert_cmpint(flag, ==, -1); /* in the past */
    int code = -1; /* six seconds are there, and that is more than this rig may keep */
    g_assert_cmpuint(bc_contents_add_text(bc_broadcast_contents(rig.b), "Xin chào", "x", NULL, on_refused, &code), ==, 0);
    g_assert_cmpint(code, ==, BC_ERROR_LIMIT);
    g_autoptr(GPtrArray) none = bc_schedules_list(bc_broadcast_schedules(rig.b));
    g_assert_cmpuint(none->len, ==, 0);
    rig_clear(&rig);
}

/* Loudest sample between two moments after T0, in seconds. */
static float loudest(const Speaker *s, double from_s, double to_s)
{
    float most = 0;
    for (int i = (int)ceil(from_s * 10); i < (int)(to_s * 10) && i < (int)G_N_ELEMENTS(s->level); i++)
        most = MAX(most, s->level[i]);
    return most;
}

/* Five times six seconds of tone, two of silence between: what is heard tells the place. */
static void check_place(const Speaker *s, double from_s, double to_s)
{
    for (unsigned round = 0; round < 5; round++) {
        double begins = round * 8.0, ends = begins + 6.0;
        if (begins >= from_s && ends <= to_s)
            g_assert_cmpfloat(loudest(s, begins + 1, ends - 0.5), >, 0.05);
        if (round < 4 && ends >= from_s && ends + 2 <= to_s)
            g_assert_cmpfloat(loudest(s, ends + 0.3, ends + 1.9), <, 0.01);
    }
    g_assert_cmpfloat(loudest(s, 38.3, 89), <, 0.001); /* nothing after its end */
}

/* kill -9 at seeded instants, from before the ringing to after the end, and up to three seconds of absence: the bulletin is one, goes on at
 * its place by the clock within five seconds, and ends on time. */
static void test_kill_instants(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20261123);
    for (unsigned n = 0; n < 10; n++) {
        static const char *const areas[] = {"42", NULL};
        Rig rig;
        int flag = 0;
        double killed = g_rand_double_range(rand, -12, 42), back = killed + g_rand_double_range(rand, 0.02, 3);
        rig_init(&rig);
        put_device(&rig, "ok-1", "18073");
        g_autofree char *content = add_content(&rig);
        bc_broadcast_put_schedule(rig.b, &(BcSchedule){.name = "Bản tin", .content = content, .areas = areas, .start_local = "2026-11-23T05:00",
                                                       .priority = BC_NORMAL, .repeats = 5, .gap_s = 2, .grace_s = 60, .enabled = true},
                                  NULL, on_done, &flag);
        wait_flag(&flag);
        md_virtual_clock_advance(&rig.clock, 3585 * S);
        run_to(&rig, T0 + (int64_t)(killed * S));
        g_test_message("killed at %.2f s, back at %.2f s", killed, back);
        copy_database(&rig);
        Speaker *ok = speaker(&rig, "ok-1");
        unsigned dials = ok->dials;
        close_room(&rig);
        md_virtual_clock_advance(&rig.clock, MAX(0, T0 + (int64_t)(back * S) - wall(&rig)));
        open_room(&rig, "b.sqlite");
        run_to(&rig, T0 + 60 * S);
        check_place(ok, 0, killed);
        check_place(ok, MAX(0, back + 5), 60);
        g_assert_cmpuint(ok->dials, <=, dials + 1);
        Found found;
        runs(&rig, &found);
        g_assert_cmpuint(found.n, ==, 1);
        g_string_free(found.text, TRUE);
        close_room(&rig); /* and it does not come back */
        open_room(&rig, "b.sqlite");
        dials = ok->dials;
        run_to(&rig, T0 + 80 * S);
        g_assert_cmpuint(ok->dials, ==, dials);
        rig_clear(&rig);
    }
}

static void set_quiet(Rig *rig, const char *area, unsigned from_s, unsigned to_s)
{
    int flag = 0;
    bc_quiet_put(bc_broadcast_quiet(rig->b), area, &(BcQuietHours){from_s, to_s}, on_done, &flag);
    wait_flag(&flag);
    g_assert_cmpint(flag, ==, 1);
}

/* The guard at the moment of sounding: what runs into quiet hours is cut there and comes back where they do not hold; what somebody starts
 * by hand, or a clock that jumps, changes nothing. An emergency is heard. */
static void test_quiet_hours(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "ok-1", "18073");
    put_device(&rig, "ok-2", "18100");
    g_autofree char *content = add_content(&rig);
    g_autoptr(GError) error = NULL;
    g_autofree char *live = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp", "tester", &error);
    g_assert_no_error(error);
    int64_t began = wall(&rig); /* 04:00 */
    run_to(&rig, began + 6 * S);
    Speaker *one = speaker(&rig, "ok-1"), *two = speaker(&rig, "ok-2");
    g_assert_cmpuint(one->packets, >, 50);
    set_quiet(&rig, "18073", 3 * 3600 + 900, 4 * 3600 + 30); /* until 04:00:30 */
    run_to(&rig, began + 8 * S);
    unsigned packets = one->packets;
    run_to(&rig, began + 25 * S);
    g_assert_cmpuint(one->packets, ==, packets);
    g_assert_cmpuint(two->packets, >, 500);
    check_play(&rig, "ok-1", "waiting: quiet hours", NULL);
    g_autofree char *emergency = play(&rig, content, BC_EMERGENCY, "Bão");
    run_to(&rig, began + 29 * S);
    g_assert_cmpuint(one->packets, >, packets);
    check_play(&rig, "ok-1", "playing: -", NULL);
    run_to(&rig, began + 45 * S); /* quiet hours are over: the meeting is heard there again */
    one->samples = 0;
    run_to(&rig, began + 48 * S);
    g_assert_cmpuint(one->samples, >, 96000);
    g_assert_cmpfloat(purity(one->pcm + one->samples - 48000, 48000, 700), >, 0.95);
    /* all of the province is quiet; the clock jumps into it, as after a wrong setting of the time */
    set_quiet(&rig, "42", 13 * 3600, 14 * 3600);
    set_quiet(&rig, "18073", 13 * 3600, 14 * 3600);
    rig.clock.wall_offset_us += 9 * 3600 * S;
    run_to(&rig, wall(&rig) + 2 * S);
    packets = two->packets;
    run_to(&rig, wall(&rig) + 10 * S);
    g_assert_cmpuint(two->packets, ==, packets);
    char *refused = NULL;
    bc_broadcast_play(rig.b, content, areas, BC_NORMAL, 1, 0, "Thường", "tester", on_started, &refused);
    g_assert_cmpstr(refused, ==, "");
    g_free(refused);
    g_autoptr(GError) again = NULL;
    g_assert_null(bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_PRIORITY, NULL, NULL, &again));
    g_assert_error(again, BC_ERROR, BC_ERROR_STATE);
    rig_clear(&rig);
}

/* Trung Lộc, 5 December 2025: the relay was set to 03:15. Here nobody wakes up; a release by two people is something else. */
static void test_wrong_relay(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "ok-1", "18073");
    g_autofree char *content = add_content(&rig);
    g_autofree char *id = schedule(&rig, content, "42", "2026-11-23T05:00", NULL, BC_PRIORITY, 60);
    set_quiet(&rig, "42", 4 * 3600, 5 * 3600 + 1800);
    md_virtual_clock_advance(&rig.clock, 3585 * S);
    run_to(&rig, T0 + 20 * S);
    Speaker *ok = speaker(&rig, "ok-1");
    g_assert_cmpuint(ok->dials, ==, 0);
    check_play(&rig, "ok-1", "missed: quiet hours", NULL);
    BcSchedule again = *bc_schedules_find(bc_broadcast_schedules(rig.b), id);
    int flag = 0;
    again.start_local = "2026-11-23T05:01";
    again.released_by = "second";
    bc_broadcast_put_schedule(rig.b, &again, NULL, on_done, &flag);
    wait_flag(&flag);
    run_to(&rig, T0 + 70 * S);
    g_assert_cmpuint(ok->dials, ==, 1);
    check_play(&rig, "ok-1", "played: -", NULL);
    rig_clear(&rig);
}

/* A programme of several items on a rung loudspeaker: in order, with the silence between, cut off by its validity; on a holiday not at all. */
static void test_programme(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    int flag = 0, day = 0;
    int32_t second = 0;
    rig_init(&rig);
    put_device(&rig, "ok-1", "18073");
    g_autofree char *content = add_content(&rig);
    const BcItem items[] = {{.kind = BC_ITEM_CONTENT, .content = content},
                            {.kind = BC_ITEM_SILENCE, .duration_us = 3 * S},
                            {.kind = BC_ITEM_CONTENT, .content = content}};
    BcSchedule s = {.name = "Chương trình", .items = items, .n_items = 3, .areas = areas, .start_local = "2026-11-23T05:00", .rule = "FREQ=DAILY",
                    .priority = BC_NORMAL, .grace_s = 60, .enabled = true, .expires_us = T0 + 13 * S};
    bc_broadcast_put_schedule(rig.b, &s, NULL, on_done, &flag);
    wait_flag(&flag);
    g_assert_cmpint(flag, ==, 1);
    md_virtual_clock_advance(&rig.clock, 3585 * S);
    run_to(&rig, T0 + 30 * S);
    Speaker *ok = speaker(&rig, "ok-1");
    g_assert_cmpfloat(loudest(ok, 1, 5.5), >, 0.05);
    g_assert_cmpfloat(loudest(ok, 6.3, 8.9), <, 0.01);
    g_assert_cmpfloat(loudest(ok, 9.5, 12.5), >, 0.05);
    g_assert_cmpfloat(loudest(ok, 13.3, 30), <, 0.001);
    unsigned dials = ok->dials;
    s.expires_us = 0;
    s.start_local = "2026-11-23T05:01";
    s.holidays = BC_HOLIDAY_SKIP;
    g_assert_true(bc_parse_day("2026-11-23", &second));
    bc_holidays_put(bc_broadcast_holidays(rig.b), &(BcHoliday){"42", "Lễ", second}, on_done, &day);
    wait_flag(&day);
    flag = 0;
    bc_broadcast_put_schedule(rig.b, &s, NULL, on_done, &flag);
    wait_flag(&flag);
    g_assert_cmpint(flag, ==, 1);
    run_to(&rig, T0 + 75 * S);
    g_assert_cmpuint(ok->dials, ==, dials);
    rig_clear(&rig);
}

/* Valid at the beginning and at the end, not in between: when something else holds for the recording. */
static bool not_at_seven(const char *content, int64_t at_wall_us, char **ret_why, void *user)
{
    bool ok = at_wall_us < T0 + 3 * S || at_wall_us > T0 + 10 * S;
    if (!ok)
        *ret_why = g_strdup("it is no longer valid");
    return ok;
}

/* A recording that may not be heard when its place comes is silence: what follows keeps its place on the clock, as in the plan. */
static void test_refused_item(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    int flag = 0;
    rig_init(&rig);
    put_device(&rig, "ok-1", "18073");
    g_autofree char *content = add_content(&rig);
    const BcItem items[] = {{.kind = BC_ITEM_CONTENT, .content = content},
                            {.kind = BC_ITEM_CONTENT, .content = content},
                            {.kind = BC_ITEM_CONTENT, .content = content}};
    BcSchedule s = {.name = "Chương trình", .items = items, .n_items = 3, .areas = areas, .start_local = "2026-11-23T05:00", .priority = BC_NORMAL,
                    .grace_s = 60, .enabled = true};
    bc_broadcast_set_content_check(rig.b, not_at_seven, NULL);
    bc_broadcast_put_schedule(rig.b, &s, NULL, on_done, &flag);
    wait_flag(&flag);
    md_virtual_clock_advance(&rig.clock, 3585 * S);
    run_to(&rig, T0 + 22 * S);
    Speaker *ok = speaker(&rig, "ok-1");
    g_assert_cmpfloat(loudest(ok, 1, 5.5), >, 0.05);
    g_assert_cmpfloat(loudest(ok, 6.5, 11.7), <, 0.01);
    g_assert_cmpfloat(loudest(ok, 12.5, 17.5), >, 0.05);
    g_assert_cmpfloat(loudest(ok, 18.5, 21), <, 0.001);
    bc_broadcast_set_content_check(rig.b, NULL, NULL);
    rig_clear(&rig);
}

static void on_all_stopped(unsigned stopped, const GError *error, void *user)
{
    g_assert_no_error(error);
    *(int *)user = (int)stopped;
}

/* Silence in one area, at once: the rest hears on, and a restart brings nothing back. */
static void test_stop_all(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    int flag = 0, stopped = -1;
    rig_init(&rig);
    put_device(&rig, "ok-1", "18073");
    put_device(&rig, "ok-2", "18100");
    g_autofree char *content = add_content(&rig);
    bc_broadcast_put_schedule(rig.b, &(BcSchedule){.name = "Bản tin", .content = content, .areas = areas, .start_local = "2026-11-23T05:00",
                                                   .priority = BC_NORMAL, .repeats = 5, .gap_s = 2, .grace_s = 60, .enabled = true},
                              NULL, on_done, &flag);
    wait_flag(&flag);
    md_virtual_clock_advance(&rig.clock, 3585 * S);
    run_to(&rig, T0 + 9 * S);
    bc_broadcast_stop_area(rig.b, "18073", "tester", on_all_stopped, &stopped);
    while (stopped < 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(stopped, ==, 1);
    g_assert_cmpint(bc_planner_stop_before_us(bc_broadcast_planner(rig.b), "18073"), >, T0);
    g_assert_cmpint(bc_planner_stop_before_us(bc_broadcast_planner(rig.b), "18100"), ==, 0);
    run_to(&rig, T0 + 10 * S);
    copy_database(&rig);
    close_room(&rig);
    open_room(&rig, "b.sqlite");
    run_to(&rig, T0 + 45 * S);
    g_assert_cmpfloat(loudest(speaker(&rig, "ok-1"), 8.5, 9), >, 0.05);
    g_assert_cmpfloat(loudest(speaker(&rig, "ok-1"), 9.2, 60), <, 0.001);
    g_assert_cmpfloat(loudest(speaker(&rig, "ok-2"), 17, 21), >, 0.05);
    check_play(&rig, "ok-1", "missed: everything was stopped there", NULL);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/room/bulletin", test_bulletin);
    g_test_add_func("/broadcast/room/no-double-play", test_no_double_play);
    g_test_add_func("/broadcast/room/catch-up", test_catch_up);
    g_test_add_func("/broadcast/room/pre-emption", test_pre_emption);
    g_test_add_func("/broadcast/room/store-refuses", test_store_refuses);
    g_test_add_func("/broadcast/room/emergency-once", test_emergency_once);
    g_test_add_func("/broadcast/room/restart-before-sound", test_restart_before_sound);
    g_test_add_func("/broadcast/room/next-in-line", test_next_in_line);
    g_test_add_func("/broadcast/room/play-options", test_play_options);
    g_test_add_func("/broadcast/room/weak-line", test_weak_line);
    g_test_add_func("/broadcast/room/refresh", test_refresh);
    g_test_add_func("/broadcast/room/refused", test_refused);
    g_test_add_func("/broadcast/room/kill-instants", test_kill_instants);
    g_test_add_func("/broadcast/room/quiet-hours", test_quiet_hours);
    g_test_add_func("/broadcast/room/wrong-relay", test_wrong_relay);
    g_test_add_func("/broadcast/room/stop-all", test_stop_all);
    g_test_add_func("/broadcast/room/programme", test_programme);
    g_test_add_func("/broadcast/room/refused-item", test_refused_item);
    return g_test_run();
}
