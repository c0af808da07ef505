/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starts the rooms in floor order, stops them in reverse. */
#include "mediad/daemon.h"
#include "broadcast/report/feedback.h"
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include "broadcast/device-link/migrations.h"

#define DRAIN_MS 5000

/* A room full of sites and its loudspeakers hold thousands of sockets. */
static void raise_descriptor_limit(MdDaemon *daemon)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        md_warning(&daemon->logger, "cannot raise the limit of open files to %llu: %s",
                   (unsigned long long)limit.rlim_max, g_strerror(errno));
}

static gboolean on_mail(gint fd, GIOCondition condition, gpointer user)
{
    MdDaemon *daemon = user;
    md_mailbox_drain(daemon->mailbox, 0);
    return G_SOURCE_CONTINUE;
}

/* Counts of suppressed repeats come out though nothing else is logged. */
static gboolean on_log_flush(gpointer user)
{
    md_log_flush(((MdDaemon *)user)->log);
    return G_SOURCE_CONTINUE;
}

static GArray *all_migrations(void)
{
    GArray *migrations = g_array_new(FALSE, FALSE, sizeof(MdMigration));
    g_array_append_vals(migrations, md_api_migrations, md_api_n_migrations);
    g_array_append_vals(migrations, sg_migrations, sg_n_migrations);
    g_array_append_vals(migrations, bc_migrations, bc_n_migrations);
    g_array_append_vals(migrations, bc_alert_migrations, bc_alert_n_migrations);
    g_array_append_vals(migrations, bc_device_link_migrations, bc_n_device_link_migrations);
    g_array_append_vals(migrations, bc_report_migrations, bc_n_report_migrations);
    g_array_append_vals(migrations, bc_bulletin_migrations, bc_bulletin_n_migrations);
    g_array_append_vals(migrations, bc_exchange_migrations, bc_exchange_n_migrations);
    g_array_append_vals(migrations, md_meeting_migrations, md_meeting_n_migrations);
    g_array_append_vals(migrations, md_recording_migrations, md_recording_n_migrations);
    return migrations;
}

static char *store_path(const CfgSettings *settings)
{
    return settings->store.uri ? g_strdup(settings->store.uri) : g_build_filename(settings->general.state_dir, "mediad.sqlite", NULL);
}

bool md_daemon_reset_second_factor(const CfgSettings *settings, const char *user, GError **error)
{
    g_autofree char *path = store_path(settings);
    g_autofree char *who = g_strdup_printf("system:%s", g_get_user_name());

    if (!g_str_has_prefix(path, "postgresql:") && !g_file_test(path, G_FILE_TEST_IS_REGULAR)) { /* none is made for this */
        g_set_error(error, MD_DAEMON_ERROR, 0, "there is no database %s", path);
        return false;
    }
    g_autoptr(GArray) migrations = all_migrations();
    MdStore *store = md_store_open(path, (const MdMigration *)migrations->data, migrations->len, NULL, error);
    bool ok = store && md_api_reset_second_factor(store, user, who, g_get_real_time(), error);
    if (store)
        md_store_close(store);
    return ok;
}

static bool open_store(MdDaemon *daemon, GError **error)
{
    const CfgSettings *settings = daemon->settings;
    if (g_mkdir_with_parents(settings->general.state_dir, 0750) != 0) {
        g_set_error(error, MD_DAEMON_ERROR, 0, "cannot make the state folder %s (general.state_dir): %s",
                    settings->general.state_dir, g_strerror(errno));
        return false;
    }
    g_autofree char *path = store_path(settings);
    g_autoptr(GArray) migrations = all_migrations();
    MdLogger logger = md_logger(daemon->log, "store");
    daemon->store = md_store_open(path, (const MdMigration *)migrations->data, migrations->len, &logger, error);
    return daemon->store != NULL;
}

bool md_daemon_start(MdDaemon *daemon, CfgSettings *settings, GError **error)
{
    daemon->settings = cfg_ref(settings);
    daemon->started = cfg_ref(settings);
    cfg_apply_log(settings, NULL, daemon->log);
    raise_descriptor_limit(daemon);
    daemon->mailbox = md_mailbox_new(65536);
    daemon->mailbox_source = g_unix_fd_add(md_mailbox_fd(daemon->mailbox), G_IO_IN, on_mail, daemon);
    daemon->log_source = g_timeout_add_seconds(5, on_log_flush, daemon);
    if (open_store(daemon, error) && md_start_media(daemon, error) && md_start_sip(daemon, error) &&
        md_start_conference(daemon, error) && md_start_recording(daemon, error) && md_start_broadcast(daemon, error) && md_start_bulletin(daemon, error) &&
        md_start_device_link(daemon, error) &&
        md_provision(daemon, error) && md_start_meeting(daemon, error) && md_start_link_plays(daemon, error) && md_start_api(daemon, error) && md_start_web(daemon, error) && md_start_alert(daemon, error) &&
        md_start_exchange(daemon, error))
        return true;
    md_daemon_stop(daemon);
    return false;
}

static void on_drained(void *user)
{
    MdDaemon *daemon = user;
    g_main_loop_quit(daemon->loop);
}

void md_daemon_drain(MdDaemon *daemon)
{
    if (daemon->draining) {
        g_main_loop_quit(daemon->loop);
        return;
    }
    daemon->draining = true;
    md_notice(&daemon->logger, "ending: no new calls, present ones are being ended");
    md_conference_hold(daemon->conference);
    md_quiesce_alert(daemon);
    bc_broadcast_quiesce(daemon->broadcast);
    sg_agent_drain(daemon->agent, DRAIN_MS, on_drained, daemon);
}

void md_daemon_stop(MdDaemon *daemon)
{
    g_clear_pointer(&daemon->api, md_api_free);
    md_stop_web(daemon);
    md_stop_exchange(daemon);
    md_stop_alert(daemon);
    md_stop_link_plays(daemon);
    g_clear_pointer(&daemon->device_link, bc_device_link_free);
    md_stop_bulletin(daemon);
    g_clear_pointer(&daemon->broadcast, bc_broadcast_free);
    g_clear_pointer(&daemon->meetings, md_meetings_free);
    md_stop_recording(daemon);
    g_clear_pointer(&daemon->conference, md_conference_free);
    g_clear_pointer(&daemon->scenes, md_scenes_free);
    g_clear_pointer(&daemon->events, md_event_feed_free);
    g_clear_pointer(&daemon->agent, sg_agent_free);
    g_clear_pointer(&daemon->accounts, sg_accounts_free);
    for (unsigned i = 0; i < daemon->n_workers; i++)
        md_worker_stop(daemon->workers[i]);
    if (daemon->mailbox)
        md_mailbox_drain(daemon->mailbox, 0);
    g_clear_pointer(&daemon->ice, md_ice_service_free); /* its thread posts to the workers until it ends */
    if (daemon->mailbox)
        md_mailbox_drain(daemon->mailbox, 0);
    while (daemon->n_workers)
        md_worker_free(daemon->workers[--daemon->n_workers]);
    g_clear_pointer(&daemon->pictures, md_picture_pool_free);
    g_clear_pointer(&daemon->dtls, md_dtls_identity_free);
    g_clear_pointer(&daemon->ports, md_port_pool_free);
    g_clear_pointer(&daemon->store, md_store_close);
    g_clear_handle_id(&daemon->mailbox_source, g_source_remove);
    g_clear_handle_id(&daemon->log_source, g_source_remove);
    g_clear_pointer(&daemon->mailbox, md_mailbox_free);
    g_clear_pointer(&daemon->local_host, g_free);
    g_clear_pointer(&daemon->local_host6, g_free);
    g_clear_pointer(&daemon->settings, cfg_free);
    g_clear_pointer(&daemon->started, cfg_free);
}

bool md_daemon_take_settings(MdDaemon *daemon, GPtrArray **ret_changes, char **ret_problem, GError **error)
{
    g_autoptr(GError) problem = NULL;
    CfgSettings *settings = cfg_load(daemon->settings->path, error);
    if (!settings)
        return false;
    for (char **warning = settings->warnings; warning && *warning; warning++)
        md_warning(&daemon->logger, "%s", *warning);
    g_autoptr(GPtrArray) changes = cfg_diff(daemon->settings, settings);
    g_autofree char *text = cfg_diff_to_string(changes);
    cfg_apply_log(settings, daemon->settings, daemon->log);
    cfg_free(daemon->settings);
    daemon->settings = settings;
    md_reload_conference(daemon);
    if (!md_provision(daemon, &problem)) {
        md_error(&daemon->logger, "settings reloaded, but: %s", problem->message);
        if (ret_problem)
            *ret_problem = g_strdup(problem->message);
    }
    md_reload_exchange(daemon);
    md_notice(&daemon->logger, "settings reloaded: %s", text);
    if (ret_changes)
        *ret_changes = g_steal_pointer(&changes);
    return true;
}

void md_daemon_reload(MdDaemon *daemon)
{
    g_autoptr(GError) error = NULL;
    if (md_daemon_take_settings(daemon, NULL, NULL, &error))
        return;
    md_error(&daemon->logger, "settings not reloaded, the former ones stay in force:");
    g_auto(GStrv) faults = g_strsplit(error->message, "\n", -1); /* one a line: the log takes no line feeds */
    for (char **fault = faults; *fault; fault++)
        md_error(&daemon->logger, "%s", *fault);
}
