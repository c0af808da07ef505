/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/manifests.h"
#include "broadcast/device-link/reach.h"
#include "broadcast/proof.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* What the link is told of announcements and plans, and what comes back, with a link that only writes down. */
#define S ((int64_t)1000000)
#define T0 (1795384800 * S) /* 2026-11-23 05:00 in Hà Tĩnh */

struct BcDeviceLink { /* the fake */
    GString *log;         /* "alert ID d1 d2;", "manifest d1;", "receipt d1 7;" */
    char *manifest;       /* text of the last one */
    BcLinkCommand command;
    char *command_text, *command_id;
    BcDeviceLinkListener listeners[4];
    unsigned n_listeners;
    bool broken;
    unsigned items_max;   /* more do not fit into one message, 0: as many as there are */
    const char *state_of;
    BcLinkState state;
    int64_t sent_us;      /* real time of the last command */
};

bool bc_device_link_send(BcDeviceLink *link, const BcLinkCommand *command, const char *const *devices, unsigned n, const char *who,
                         char **ret_id, GError **error)
{
    if (link->broken) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "the broker is away");
        return false;
    }
    link->sent_us = g_get_monotonic_time();
    g_string_append(link->log, bc_link_verb_to_string(command->verb));
    for (unsigned i = 0; i < n; i++)
        g_string_append_printf(link->log, " %s", devices[i]);
    g_string_append(link->log, ";");
    g_free(link->command_text);
    link->command_text = bc_link_command_format(command);
    g_autoptr(GError) why = NULL; /* what is sent is what devices can read */
    bc_link_command_clear(&link->command);
    BcLinkCommand whole = *command;
    if (!whole.id)
        whole.id = (char *)"c-made";
    g_autofree char *text = bc_link_command_format(&whole);
    g_assert_true(bc_link_command_parse(&link->command, text, strlen(text), &why));
    g_assert_no_error(why);
    return true;
}

bool bc_device_link_publish_manifest(BcDeviceLink *link, const BcLinkManifest *manifest, GError **error)
{
    if (link->broken) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "the broker is away");
        return false;
    }
    if (link->items_max && manifest->n_items > link->items_max) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_LIMIT, "too long");
        return false;
    }
    g_string_append_printf(link->log, "manifest %s;", manifest->device);
    g_free(link->manifest);
    link->manifest = bc_link_manifest_format(manifest);
    return true;
}

void bc_device_link_want_manifest(BcDeviceLink *link, const char *device, int64_t version, int64_t at_us)
{
    g_assert_cmpint(version, >, 0);
}

const BcLinkState *bc_device_link_state(BcDeviceLink *link, const char *device)
{
    return link->state_of && g_str_equal(device, link->state_of) ? &link->state : NULL;
}

void bc_device_link_seen(BcDeviceLink *link, const char *device, BcLinkSeen *ret)
{
    *ret = (BcLinkSeen){.online = link->state.online, .changed_us = T0 - 3600 * S};
}

void bc_device_link_receipt(BcDeviceLink *link, const char *device, int64_t sequence)
{
    g_string_append_printf(link->log, "receipt %s %d;", device, (int)sequence);
}

void bc_device_link_listen(BcDeviceLink *link, const BcDeviceLinkListener *listener)
{
    g_assert_cmpuint(link->n_listeners, <, G_N_ELEMENTS(link->listeners));
    link->listeners[link->n_listeners++] = *listener;
}

void bc_device_link_unlisten(BcDeviceLink *link, void *user)
{
    for (unsigned i = 0; i < link->n_listeners; i++)
        if (link->listeners[i].user == user)
            link->listeners[i--] = link->listeners[--link->n_listeners];
}

const char *bc_device_link_media_base(const BcDeviceLink *link)
{
    return "https://mediad.example:8443/api/v1/link/media/";
}

typedef struct Rig {
    MdVirtualClock clock;
    MdWorker *worker;
    MdMailbox *control;
    char *dir;
    MdStore *store;
    BcBroadcast *b;
    MdDialer dialer;
    BcDeviceLink link;
    BcMedia *media;
    BcLinkReach *reach;
    BcManifests *manifests;
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

static void on_ready(void *user)
{
    Rig *rig = user;
    if (rig->manifests)
        bc_manifests_look(rig->manifests);
}

static void open_room(Rig *rig)
{
    g_autofree char *path = g_build_filename(rig->dir, "a.sqlite", NULL), *content = g_build_filename(rig->dir, "content", NULL);
    g_autoptr(GError) error = NULL;
    rig->store = md_store_open(path, bc_migrations, bc_n_migrations, NULL, &error);
    g_assert_no_error(error);
    rig->b = bc_broadcast_new(&(BcBroadcastOptions){.store = rig->store, .dialer = &rig->dialer, .workers = &rig->worker, .n_workers = 1,
                                                    .control = rig->control, .clock = &rig->clock.base, .local_host = "127.0.0.1",
                                                    .content_dir = content, .frame_ms = 40, .security = MD_SECURITY_REQUIRED, .manual = true},
                              &error);
    g_assert_no_error(error);
    rig->media = bc_media_new(rig->store, bc_broadcast_contents(rig->b), on_ready, rig, NULL, &error);
    g_assert_no_error(error);
    rig->reach = bc_link_reach_new(rig->b, &rig->link, rig->media, 400, NULL);
    rig->manifests = bc_manifests_new(&(BcManifestsOptions){.store = rig->store, .broadcast = rig->b, .link = &rig->link, .media = rig->media}, &error);
    g_assert_no_error(error);
    bc_link_reach_set_manifests(rig->reach, rig->manifests);
}

static void close_room(Rig *rig)
{
    bc_manifests_free(rig->manifests);
    bc_link_reach_free(rig->reach);
    bc_media_free(rig->media);
    bc_broadcast_free(rig->b);
    md_store_close(rig->store);
    rig->manifests = NULL;
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
    *rig = (Rig){.dialer = {no_dial}, .link = {.log = g_string_new(NULL)}};
    md_virtual_clock_init(&rig->clock, 100 * S, T0 - 3600 * S);
    rig->worker = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &rig->clock.base});
    rig->control = md_mailbox_new(4096);
    rig->dir = g_dir_make_tmp("bc-reach-XXXXXX", NULL);
    open_room(rig);
    put_area(rig, "42", NULL);
    put_area(rig, "18073", "42");
}

static void rig_clear(Rig *rig)
{
    close_room(rig);
    md_worker_free(rig->worker);
    md_mailbox_free(rig->control);
    g_autofree char *command = g_strdup_printf("rm -rf %s", rig->dir);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(rig->dir);
    bc_link_command_clear(&rig->link.command);
    g_free(rig->link.command_text);
    g_free(rig->link.manifest);
    g_string_free(rig->link.log, TRUE);
}

static void run_for(Rig *rig, int64_t us)
{
    int64_t until = wall(rig) + us;
    do {
        bc_broadcast_step(rig->b);
        while (bc_broadcast_pending(rig->b))
            g_main_context_iteration(NULL, TRUE);
        while (g_main_context_iteration(NULL, FALSE))
            ;
        for (unsigned i = 0; i < 3; i++)
            md_worker_step(rig->worker);
        md_mailbox_drain(rig->control, 0);
        md_virtual_clock_advance(&rig->clock, 20000);
    } while (wall(rig) < until);
}

static void check_link(Rig *rig, const char *expected)
{
    g_assert_cmpstr(rig->link.log->str, ==, expected);
    g_string_truncate(rig->link.log, 0);
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

/* Everything that waits for the store has come back. */
static void settle_store(Rig *rig)
{
    bc_play_log_flush(bc_broadcast_play_log(rig->b));
    md_store_write_sync(rig->store, barrier, NULL, NULL);
    for (unsigned i = 0; i < 5; i++)
        while (g_main_context_iteration(NULL, FALSE))
            ;
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


static void run_settled(Rig *rig, int64_t us)
{
    for (int64_t done = 0; done < us; done += S) {
        run_for(rig, MIN(us - done, S));
        settle_store(rig);
    }
}

static void ack(Rig *rig, const char *device, const char *state, const char *reason)
{
    BcLinkAck a = {.command = rig->link.command.id, .state = (char *)state, .reason = (char *)reason, .at_us = wall(rig)};
    for (unsigned i = 0; i < rig->link.n_listeners; i++)
        if (rig->link.listeners[i].ack)
            rig->link.listeners[i].ack(device, &a, rig->link.listeners[i].user);
}

static void report(Rig *rig, const char *device, const char *occurrence, const char *state, int64_t from_us, int64_t to_us, double match, int64_t sequence)
{
    BcLinkReport r = {.occurrence = (char *)occurrence, .state = (char *)state, .from_us = from_us, .to_us = to_us, .level_dbfs = NAN, .match = match,
                      .level_source = (char *)(isnan(match) ? "none" : "loopback"), .sequence = sequence};
    BcLinkReports all = {&r, 1};
    for (unsigned i = 0; i < rig->link.n_listeners; i++)
        if (rig->link.listeners[i].reports)
            rig->link.listeners[i].reports(device, &all, rig->link.listeners[i].user);
}

static void online_with(Rig *rig, const char *device, int64_t manifest_version)
{
    BcLinkState state = {.online = true, .manifest_version = manifest_version};
    for (unsigned i = 0; i < rig->link.n_listeners; i++)
        if (rig->link.listeners[i].state)
            rig->link.listeners[i].state(device, &state, rig->link.listeners[i].user);
}

static void online(Rig *rig, const char *device)
{
    online_with(rig, device, 0);
}

static void test_occurrence(void)
{
    static const struct { const char *text; bool ok; const char *schedule; int64_t seconds; unsigned item; } cases[] = {
        {"s-1@1795384800", true, "s-1", 1795384800, 0}, {"s-1@1795384800.12", true, "s-1", 1795384800, 12}, {"a-0123", true, NULL, 0, 0},
        {"@5", false, NULL, 0, 0}, {"s@", false, NULL, 0, 0}, {"s@5.", false, NULL, 0, 0}, {"s@5x", false, NULL, 0, 0}, {"", false, NULL, 0, 0},
        {"s@99999999999", false, NULL, 0, 0}, {"s@-5", false, NULL, 0, 0}, {"a b", false, NULL, 0, 0}, {"s@5.99999", false, NULL, 0, 0},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *schedule = NULL;
        int64_t us;
        unsigned item;
        g_assert_cmpint(bc_occurrence_parse(cases[i].text, &schedule, &us, &item), ==, cases[i].ok);
        g_assert_cmpstr(schedule, ==, cases[i].schedule);
        g_assert_cmpint(us, ==, cases[i].seconds * S);
        g_assert_cmpuint(item, ==, cases[i].item);
    }
}

/* An emergency is one command for all; what devices say comes back, receipts follow what is durable; who comes back late is told again. */
static void test_command(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d2", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d3", "18073", BC_DEVICE_LINK);
    g_autofree char *content = add_content(&rig);
    run_settled(&rig, 2 * S);
    g_string_truncate(rig.link.log, 0);
    BcPlayOptions options = {.content = content, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_PROVINCE, .siren = BC_SIREN_STORM, .siren_rounds = 2,
                             .title = "Bão", .created_by = "An"};
    int64_t issued = wall(&rig);
    g_autofree char *id = play(&rig, &options);
    check_link(&rig, "alert d1 d2 d3;");
    const BcLinkCommand *c = &rig.link.command;
    g_assert_cmpstr(c->item.occurrence, ==, id);
    g_assert_cmpint(c->siren, ==, BC_SIREN_STORM);
    g_assert_cmpuint(c->siren_rounds, ==, 2);
    g_assert_cmpuint(c->item.priority, ==, 1);
    g_assert_cmpuint(c->item.authority, ==, 1);
    g_assert_cmpint(c->item.start_us - issued, >=, 200000);
    g_assert_cmpint(c->item.start_us - issued, <=, 500000); /* not when calls would have been answered */
    g_autofree char *path = g_strconcat(content, "/programme.mp3", NULL), *file = g_build_filename(rig.dir, "content", content, "programme.mp3", NULL);
    g_autofree char *bytes = NULL;
    gsize len = 0;
    if (!g_file_get_contents(file, &bytes, &len, NULL)) {
        g_autofree char *found = bc_contents_path(bc_broadcast_contents(rig.b), content, "programme.mp3");
        g_assert_true(g_file_get_contents(found, &bytes, &len, NULL));
    }
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, len);
    g_assert_cmpstr(c->item.media.path, ==, path);
    g_assert_cmpstr(c->item.media.sha256, ==, sum);
    g_assert_cmpint(c->item.media.bytes, ==, (int64_t)len);
    run_settled(&rig, S);
    ack(&rig, "d1", "received", NULL);
    ack(&rig, "d2", "refused", "signature");
    report(&rig, "d1", id, "began", issued + S / 2, 0, NAN, 1);
    check_link(&rig, ""); /* not durable yet */
    run_settled(&rig, 7 * S);
    check_link(&rig, "receipt d1 1;");
    report(&rig, "d1", id, "ended", issued + S / 2, issued + 7 * S, 0.9, 2);
    run_settled(&rig, 2 * S);
    check_link(&rig, "receipt d1 2;");
    run_settled(&rig, 30 * S);
    check_log(&rig, id, "done 1/0/2 of 3;", "d1 played: - proved;d2 missed: signature;d3 missed: no report;");
    report(&rig, "d3", id, "ended", issued + S, issued + 7 * S, 0.2, 9); /* hours late, and not like what was meant */
    settle_store(&rig);
    check_log(&rig, id, "done 2/0/1 of 3;", "d1 played: - proved;d2 missed: signature;d3 played: reported late;");
    rig_clear(&rig);
}

/* A loudspeaker that was taken out of the registry while something sounds keeps the word to stop from nobody. */
static void test_stop_without_one(void)
{
    Rig rig;
    int flag = 0;
    rig_init(&rig);
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d2", "18073", BC_DEVICE_LINK);
    g_autofree char *content = add_content(&rig);
    run_settled(&rig, 2 * S);
    g_string_truncate(rig.link.log, 0);
    BcPlayOptions options = {.content = content, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_PROVINCE, .title = "Bão", .created_by = "An"};
    g_autofree char *id = play(&rig, &options);
    check_link(&rig, "play d1 d2;");
    run_settled(&rig, S);
    g_string_truncate(rig.link.log, 0);
    bc_devices_remove(bc_broadcast_devices(rig.b), "d2", on_done, &flag);
    wait_flag(&flag);
    g_assert_true(bc_broadcast_stop(rig.b, id, "An", NULL));
    run_settled(&rig, S / 5);
    check_link(&rig, "stop d1;");
    rig_clear(&rig);
}

static void test_back_again(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d2", "18073", BC_DEVICE_LINK);
    g_autofree char *content = add_content(&rig);
    run_settled(&rig, 2 * S);
    g_string_truncate(rig.link.log, 0);
    BcPlayOptions options = {.content = content, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_PROVINCE, .repeats = 10, .title = "Bão"};
    g_autofree char *id = play(&rig, &options);
    check_link(&rig, "play d1 d2;");
    int64_t start = rig.link.command.item.start_us;
    ack(&rig, "d1", "received", NULL);
    run_settled(&rig, 15 * S);
    online(&rig, "d1"); /* has it */
    online(&rig, "d2"); /* was away: joins in at the same place by the clock */
    online(&rig, "d2"); /* not twice in a row */
    check_link(&rig, "play d2;");
    g_assert_cmpint(rig.link.command.item.start_us, ==, start);
    g_assert_cmpstr(rig.link.command.item.occurrence, ==, id);
    ack(&rig, "d2", "received", NULL); /* the second command's id */
    run_settled(&rig, 15 * S);
    online(&rig, "d2");
    check_link(&rig, "");
    g_assert_true(bc_broadcast_stop(rig.b, id, "An", NULL));
    check_link(&rig, "stop d1 d2;");
    g_assert_cmpstr(rig.link.command.occurrence, ==, id);
    online(&rig, "d2"); /* not begun again */
    check_link(&rig, "");
    run_settled(&rig, 25 * S);
    rig.link.broken = true;
    g_autofree char *lost = play(&rig, &options);
    check_link(&rig, "");
    run_settled(&rig, 2 * S);
    check_log(&rig, lost, "ringing 0/0/0 of 2;" /* counted at the end */, "d1 missed: the broker is away;d2 missed: the broker is away;");
    rig_clear(&rig);
}

/* mediad ends in the middle and is back: the same play at the same place on the clock, and what was reported before still counts. */
static void test_restart(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d2", "18073", BC_DEVICE_LINK);
    g_autofree char *content = add_content(&rig);
    run_settled(&rig, 2 * S);
    g_string_truncate(rig.link.log, 0);
    BcPlayOptions options = {.content = content, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_PROVINCE, .repeats = 5, .title = "Bão"};
    int64_t issued = wall(&rig);
    g_autofree char *id = play(&rig, &options);
    check_link(&rig, "play d1 d2;");
    int64_t end = rig.link.command.item.start_us + rig.link.command.item.duration_us;
    run_settled(&rig, 4 * S);
    report(&rig, "d1", id, "began", issued + S / 2, 0, NAN, 1);
    report(&rig, "d2", id, "ended", issued + S / 2, issued + 3 * S, 0.9, 1); /* as a device does whose clock is off, say */
    run_settled(&rig, 6 * S);
    check_link(&rig, "receipt d1 1;receipt d2 1;");
    close_room(&rig);
    open_room(&rig);
    run_settled(&rig, 3 * S);
    check_link(&rig, "play d1 d2;");
    g_assert_cmpstr(rig.link.command.item.occurrence, ==, id);
    g_assert_cmpint(llabs(rig.link.command.item.start_us + rig.link.command.item.duration_us - end), <, 3 * S);
    g_assert_cmpint(rig.link.command.item.start_us, <, issued + 4 * S);
    run_settled(&rig, 36 * S);
    report(&rig, "d1", id, "ended", issued + S / 2, end, NAN, 2);
    run_settled(&rig, 30 * S);
    check_log(&rig, id, "done 2/0/0 of 2;", "d1 played: -;d2 played: - proved;");
    BcLatency latency;
    g_assert_true(bc_play_log_latency(bc_broadcast_play_log(rig.b), id, &latency, NULL));
    g_assert_cmpuint(latency.sounded, ==, 2);
    rig_clear(&rig);
}

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
    put_area(&rig, "18100", "42");
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d2", "18100", BC_DEVICE_LINK);
    put_device(&rig, "rung", "18100", BC_DEVICE_SIP);
    g_autofree char *content = add_content(&rig);
    while (!bc_media_find(rig.media, content, false)) /* read on a thread of its own, in real time */
        g_main_context_iteration(NULL, TRUE);
    run_settled(&rig, 3 * S);
    check_link(&rig, "manifest d1;manifest d2;");
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
    run_settled(&rig, 65 * S);
    bc_manifests_look(rig.manifests);
    run_settled(&rig, 2 * S);
    check_link(&rig, ""); /* looked at again and again: nothing new */
    g_autofree char *id = schedule(&rig, content, "2026-11-23T05:00");
    run_settled(&rig, 4 * S);
    check_link(&rig, "manifest d1;"); /* d2 does not hear it */
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
    close_room(&rig);
    open_room(&rig);
    run_settled(&rig, 35 * S);
    check_link(&rig, ""); /* the broker has them */
    g_assert_cmpint(bc_manifests_version(rig.manifests, "d1"), ==, second);
    g_assert_cmpint(bc_manifests_version(rig.manifests, "d2"), ==, other);
    rig.link.broken = true;
    put_device(&rig, "d2", "18073", BC_DEVICE_LINK); /* moves to the other commune, and the broker is away */
    run_settled(&rig, 32 * S);
    check_link(&rig, "");
    rig.link.broken = false;
    run_settled(&rig, 6 * S);
    check_link(&rig, "manifest d2;");
    m = parse(&rig);
    g_assert_cmpuint(m.n_items, ==, 1);
    g_assert_cmpint(m.version, >, other);
    bc_link_manifest_clear(&m);
    put_device(&rig, "d1", "18073", BC_DEVICE_SIP); /* is rung from now on */
    run_settled(&rig, 32 * S);
    check_link(&rig, "manifest d1;"); /* an empty one: it plays nothing old, wherever it was meanwhile */
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
    settle_store(rig);
    bc_broadcast_running(rig->b, take_id, &run);
    g_assert_true(bc_play_log_plays(bc_broadcast_play_log(rig->b), run, NULL, 100, 0, take_steps, text, NULL));
    g_assert_cmpstr(text->str, ==, expected);
}

/* What is scheduled was sent with the manifest it stands in, and is acknowledged by those that say they have that one. */
static void test_scheduled_steps(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d2", "18073", BC_DEVICE_LINK);
    g_autofree char *content = add_content(&rig), *id = schedule(&rig, content, "2026-11-23T05:00");
    run_settled(&rig, 4 * S);
    rig.link.state_of = "d1";
    rig.link.state = (BcLinkState){.online = true, .manifest_version = bc_manifests_version(rig.manifests, "d1")};
    md_virtual_clock_advance(&rig.clock, T0 - 12 * S - wall(&rig));
    run_settled(&rig, 6 * S);
    check_steps(&rig, "d1 sent acknowledged;d2 sent;");
    online_with(&rig, "d2", bc_manifests_version(rig.manifests, "d2") - 1); /* an older one */
    check_steps(&rig, "d1 sent acknowledged;d2 sent;");
    online_with(&rig, "d2", bc_manifests_version(rig.manifests, "d2"));
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
    put_area(&rig, "18100", "42");
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    put_device(&rig, "d2", "18100", BC_DEVICE_LINK);
    g_autofree char *content = add_content(&rig);
    run_settled(&rig, 2 * S);
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .repeats = 10, .gap_us = 60 * S, .title = "Thường"};
    g_autofree char *id = play(&rig, &options);
    run_settled(&rig, 3 * S);
    g_string_truncate(rig.link.log, 0);
    int stopped = 0;
    int64_t pressed = wall(&rig);
    bc_broadcast_stop_area(rig.b, "18100", "An", on_area_stopped, &stopped);
    check_link(&rig, "stop d2;");
    g_assert_cmpstr(rig.link.command.occurrence, ==, id);
    wait_flag(&stopped);
    check_link(&rig, "stop-all d2;");
    g_assert_cmpint(rig.link.command.issued_us, ==, (pressed / 1000) * 1000);
    online(&rig, "d2"); /* is not told again what it has to be silent about */
    run_settled(&rig, 12 * S);
    online(&rig, "d2");
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
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        int flag = 0;
        bc_quiet_put(bc_broadcast_quiet(rig.b), "18073", &cases[i].hours, on_done, &flag);
        wait_flag(&flag);
        bc_manifests_look(rig.manifests);
        run_settled(&rig, 3 * S);
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
                   on_done, &flag);
    wait_flag(&flag);
}

/* One that was stored but never reached the broker is found by what the device says it has; volumes by the hour, switching off. */
static void test_heal(void)
{
    Rig rig;
    rig_init(&rig);
    put_switched(&rig, "d1", true);
    g_autofree char *content = add_content(&rig);
    while (!bc_media_find(rig.media, content, false))
        g_main_context_iteration(NULL, TRUE);
    g_autofree char *one = schedule(&rig, content, "2026-11-23T05:00"), *two = schedule(&rig, content, "2026-11-23T06:00");
    rig.link.broken = true;
    run_settled(&rig, 4 * S);
    int64_t version = bc_manifests_version(rig.manifests, "d1");
    g_assert_cmpint(version, >, 0);
    check_link(&rig, "");
    close_room(&rig); /* killed before the broker came back */
    rig.link.broken = false;
    open_room(&rig);
    rig.link.state_of = "d1";
    rig.link.state = (BcLinkState){.online = true, .manifest_version = version - 1};
    run_settled(&rig, 70 * S);
    check_link(&rig, "manifest d1;");
    BcLinkManifest m = parse(&rig);
    g_assert_cmpint(m.version, ==, version);
    g_assert_cmpuint(m.n_items, ==, 2);
    g_assert_cmpuint(m.n_volumes, ==, 1);
    g_assert_cmpuint(m.volumes[0].from_min, ==, 1260);
    g_assert_cmpuint(m.volumes[0].volume, ==, 30);
    bc_link_manifest_clear(&m);
    run_settled(&rig, 100 * S);
    check_link(&rig, ""); /* one that refuses it is not told every minute */
    run_settled(&rig, 60 * S);
    check_link(&rig, "manifest d1;");
    rig.link.state.manifest_version = version;
    run_settled(&rig, 400 * S);
    check_link(&rig, "");
    rig.link.items_max = 1;
    g_autofree char *three = schedule(&rig, content, "2026-11-23T07:00");
    run_settled(&rig, 4 * S);
    m = parse(&rig);
    check_link(&rig, "manifest d1;"); /* too long: the nearest days at least, and nobody waits behind it */
    g_assert_cmpuint(m.n_items, ==, 1);
    g_assert_cmpint(m.items[0].start_us, ==, T0);
    bc_link_manifest_clear(&m);
    rig.link.items_max = 0;
    put_switched(&rig, "d1", false);
    run_settled(&rig, 32 * S);
    check_link(&rig, "manifest d1;"); /* switched off: it has nothing to play */
    m = parse(&rig);
    g_assert_cmpuint(m.n_items, ==, 0);
    bc_link_manifest_clear(&m);
    rig_clear(&rig);
}

/* What the broker took just before it died goes out again. */
static void test_broker_died(void)
{
    Rig rig;
    rig_init(&rig);
    put_device(&rig, "d1", "18073", BC_DEVICE_LINK);
    run_settled(&rig, 4 * S);
    check_link(&rig, "manifest d1;");
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned up = 0; up < 2; up++) {
            for (unsigned i = 0; i < rig.link.n_listeners; i++)
                if (rig.link.listeners[i].broker)
                    rig.link.listeners[i].broker(up, rig.link.listeners[i].user);
            run_settled(&rig, 2 * S);
        }
        check_link(&rig, round ? "" : "manifest d1;"); /* later it is on the broker's disk */
        run_settled(&rig, 90 * S);
    }
    rig_clear(&rig);
}

/* Five thousand devices change at once: all get theirs, spread over seconds. */
static void test_many(void)
{
    Rig rig;
    rig_init(&rig);
    g_autoptr(GArray) seed = g_array_new(FALSE, TRUE, sizeof(BcDevice));
    for (unsigned i = 0; i < 5000; i++) {
        char *id = g_strdup_printf("d%04u", i);
        BcDevice d = {.id = id, .name = id, .area = "18073", .kind = BC_DEVICE_LINK, .latitude = NAN, .longitude = NAN, .volume = 50, .enabled = true};
        g_array_append_val(seed, d);
    }
    g_assert_true(bc_devices_seed(bc_broadcast_devices(rig.b), (BcDevice *)seed->data, seed->len, NULL));
    for (unsigned i = 0; i < 10; i++)
        run_settled(&rig, S / 10);
    BcManifestsStats stats;
    bc_manifests_stats(rig.manifests, &stats);
    g_assert_cmpuint(stats.published, >, 0);
    g_assert_cmpuint(stats.published, <=, 700); /* 1000 a second, after half a second */
    run_settled(&rig, 12 * S); /* time goes in steps of 20 ms here: half the pace */
    bc_manifests_stats(rig.manifests, &stats);
    g_assert_cmpuint(stats.published, ==, 5000);
    g_assert_cmpuint(stats.waiting, ==, 0);
    g_autofree char *content = add_content(&rig);
    run_settled(&rig, 2 * S);
    g_string_truncate(rig.link.log, 0);
    BcPlayOptions options = {.content = content, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_PROVINCE, .title = "Bão"};
    int64_t began = g_get_monotonic_time();
    g_autofree char *id = play(&rig, &options);
    int64_t took = g_get_monotonic_time() - began, sent = rig.link.sent_us - began;
    g_test_message("an emergency to 5000 devices is on its way after %d ms, control is free again after %d ms", (int)(sent / 1000), (int)(took / 1000));
    unsigned told = 0;
    for (const char *at = strchr(rig.link.log->str, ' '); at; at = strchr(at + 1, ' '))
        told++;
    g_assert_cmpuint(told, ==, 5000);
    g_assert_cmpint(took, <, 2 * S); /* generous: other tests run beside this one */
    for (unsigned i = 0; i < seed->len; i++)
        g_free((char *)g_array_index(seed, BcDevice, i).id);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device-link/occurrence", test_occurrence);
    g_test_add_func("/device-link/command", test_command);
    g_test_add_func("/device-link/stop-without-one", test_stop_without_one);
    g_test_add_func("/device-link/back-again", test_back_again);
    g_test_add_func("/device-link/restart", test_restart);
    g_test_add_func("/device-link/manifests", test_manifests);
    g_test_add_func("/device-link/scheduled-steps", test_scheduled_steps);
    g_test_add_func("/device-link/stop-area", test_stop_area);
    g_test_add_func("/device-link/quiet-windows", test_quiet_windows);
    g_test_add_func("/device-link/heal", test_heal);
    g_test_add_func("/device-link/broker-died", test_broker_died);
    g_test_add_func("/device-link/many", test_many);
    return g_test_run();
}
