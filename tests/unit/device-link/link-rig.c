/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/device-link/link-rig.h"

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

int64_t rig_wall(Rig *rig)
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

void rig_open_room(Rig *rig)
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

void rig_close_room(Rig *rig)
{
    bc_manifests_free(rig->manifests);
    bc_link_reach_free(rig->reach);
    bc_media_free(rig->media);
    bc_broadcast_free(rig->b);
    md_store_close(rig->store);
    rig->manifests = NULL;
}

char *rig_add_content(Rig *rig)
{
    char *id = province_add_content(rig->b, rig->dir, "Bản tin");
    while (!bc_media_find(rig->media, id, false)) /* packed for loudspeakers by a thread that knows no virtual clock */
        g_main_context_iteration(NULL, TRUE);
    return id;
}

void rig_init(Rig *rig)
{
    *rig = (Rig){.dialer = {no_dial}, .link = {.log = g_string_new(NULL)}};
    md_virtual_clock_init(&rig->clock, 100 * S, T0 - 3600 * S);
    rig->worker = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &rig->clock.base});
    rig->control = md_mailbox_new(4096);
    rig->dir = g_dir_make_tmp("bc-reach-XXXXXX", NULL);
    rig_open_room(rig);
    province_put_area(rig->b, "42", NULL);
    province_put_area(rig->b, "18073", "42");
}

void rig_clear(Rig *rig)
{
    rig_close_room(rig);
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
    int64_t until = rig_wall(rig) + us;
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
    } while (rig_wall(rig) < until);
}

void rig_check_link(Rig *rig, const char *expected)
{
    g_assert_cmpstr(rig->link.log->str, ==, expected);
    g_string_truncate(rig->link.log, 0);
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

static bool barrier(MdDb *db, gpointer data, GError **error)
{
    return true;
}

void rig_settle_store(Rig *rig)
{
    bc_play_log_flush(bc_broadcast_play_log(rig->b));
    md_store_write_sync(rig->store, barrier, NULL, NULL);
    for (unsigned i = 0; i < 5; i++)
        while (g_main_context_iteration(NULL, FALSE))
            ;
}

char *rig_schedule(Rig *rig, const char *content, const char *start)
{
    static const char *const areas[] = {"18073", NULL};
    char *id = NULL;
    int flag = 0;
    bc_broadcast_put_schedule(rig->b, &(BcSchedule){.name = "Bản tin sáng", .content = content, .areas = areas, .start_local = start,
                                                    .priority = BC_NORMAL, .grace_s = 10, .enabled = true},
                              &id, province_on_done, &flag);
    province_wait(&flag);
    return id;
}

void rig_run_settled(Rig *rig, int64_t us)
{
    for (int64_t done = 0; done < us; done += S) {
        run_for(rig, MIN(us - done, S));
        rig_settle_store(rig);
    }
}

void rig_online_with(Rig *rig, const char *device, int64_t manifest_version)
{
    BcLinkState state = {.online = true, .manifest_version = manifest_version};
    for (unsigned i = 0; i < rig->link.n_listeners; i++)
        if (rig->link.listeners[i].state)
            rig->link.listeners[i].state(device, &state, rig->link.listeners[i].user);
}

void rig_online(Rig *rig, const char *device)
{
    rig_online_with(rig, device, 0);
}
