/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include "broadcast/speaker/keep.h"
#include "broadcast/speaker/speaker-private.h"
#include "broadcast/speaker/tape.h"

#define TICK_MS 100
#define SEEN_US 300000000          /* how often the time is written down, against waking up in the past */
#define OUTPUT_DEAD_US 5000000     /* the watchdog is not fed then */

int64_t bc_speaker_time_us(BcSpeaker *speaker, int64_t mono_us)
{
    g_mutex_lock(&speaker->time_lock);
    int64_t us = bc_timing_server_us(&speaker->timing, mono_us, g_get_real_time() + (mono_us - g_get_monotonic_time()));
    g_mutex_unlock(&speaker->time_lock);
    return us;
}

int64_t bc_speaker_now_us(BcSpeaker *speaker)
{
    return bc_speaker_time_us(speaker, g_get_monotonic_time());
}

/* ---------------------------------------------------------------- memory */

bool bc_speaker_save(BcSpeaker *speaker)
{
    g_autoptr(GError) error = NULL;
    g_mutex_lock(&speaker->lock);
    g_autofree char *text = bc_duty_dirty(speaker->desk) ? bc_duty_format(speaker->desk, bc_speaker_now_us(speaker)) : NULL;
    g_mutex_unlock(&speaker->lock);
    if (!text || bc_keep_write(speaker->state_dir, "desk", text, strlen(text), 0600, &error))
        return true;
    md_error(&speaker->logger, "what was obeyed is not kept over a power cut: %s", error->message);
    return false;
}

static void load_desk(BcSpeaker *speaker)
{
    g_autoptr(GError) error = NULL;
    gsize len = 0;
    g_autofree char *text = bc_keep_read(speaker->state_dir, "desk", &len, &error);
    if (text && bc_duty_load(speaker->desk, text, len, bc_speaker_now_us(speaker), &error))
        return;
    if (!g_error_matches(error, BC_KEEP_ERROR, BC_KEEP_ERROR_MISSING))
        md_warning(&speaker->logger, "the memory of what was played is lost: %s", error->message);
}

/* A board without a battery wakes up in the past: until the server has told the time, the timetable rests then. */
static void judge_clock(BcSpeaker *speaker)
{
    g_autofree char *text = bc_keep_read(speaker->state_dir, "seen", NULL, NULL);
    int64_t seen_us = text ? g_ascii_strtoll(text, NULL, 10) : 0;
    if (g_get_real_time() >= seen_us) {
        bc_duty_set_clock(speaker->desk, BC_DUTY_CLOCK_SYSTEM);
        md_notice(&speaker->logger, "the system's clock is used until the server has told the time");
        return;
    }
    bc_duty_set_clock(speaker->desk, BC_DUTY_CLOCK_UNKNOWN);
    md_warning(&speaker->logger, "the system's clock stands before what it has shown already: the timetable rests until the server has told the time");
}

static void note_time(BcSpeaker *speaker, bool now)
{
    g_mutex_lock(&speaker->time_lock);
    bool synced = bc_timing_synced(&speaker->timing);
    g_mutex_unlock(&speaker->time_lock);
    int64_t mono_us = g_get_monotonic_time();
    if (!synced || (!now && speaker->seen_us && mono_us - speaker->seen_us < SEEN_US))
        return;
    speaker->seen_us = mono_us;
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT "\n", bc_speaker_now_us(speaker));
    bc_keep_write(speaker->state_dir, "seen", text, strlen(text), 0600, NULL);
}

/* ---------------------------------------------------------------- media */

static void add_media(const BcLinkMedia *media, void *user)
{
    g_array_append_vals(user, &(BcShelfWant){.media = *media}, 1);
}

void bc_speaker_wanted(BcSpeaker *speaker)
{
    g_autoptr(GArray) more = g_array_new(FALSE, FALSE, sizeof(BcShelfWant));
    int64_t now_us = bc_speaker_now_us(speaker);
    g_mutex_lock(&speaker->lock);
    bc_duty_order_media(speaker->desk, add_media, more);
    bc_shelf_want(speaker->shelf, bc_duty_manifest(speaker->desk), (const BcShelfWant *)more->data, more->len, now_us);
    bc_duty_media_changed(speaker->desk, now_us);
    g_mutex_unlock(&speaker->lock);
    bc_fetch_go(speaker->fetch);
}

static void on_arrived(const char *sha256, void *user)
{
    BcSpeaker *speaker = user;
    md_debug(&speaker->logger, "fetched %s", sha256);
    g_mutex_lock(&speaker->lock);
    bc_duty_media_changed(speaker->desk, bc_speaker_now_us(speaker));
    g_mutex_unlock(&speaker->lock);
    bc_speaker_save(speaker);
    bc_speaker_say_state(speaker);
}

static void on_trouble(const char *sha256, const char *what, void *user)
{
    BcSpeaker *speaker = user;
    md_warning(&speaker->logger, "not fetched: %.12s…: %s", sha256, what);
}

static int64_t fetch_clock(void *user)
{
    return bc_speaker_now_us(user);
}

static bool firmware_silent(void *user)
{
    BcSpeaker *speaker = user;
    int64_t origin_us;
    g_mutex_lock(&speaker->lock);
    bool silent = bc_duty_now(speaker->desk)->sound == BC_DUTY_NOTHING && !bc_duty_next(speaker->desk, bc_speaker_now_us(speaker), 60000000, &origin_us);
    g_mutex_unlock(&speaker->lock);
    return silent;
}

static bool open_media(BcSpeaker *speaker, GError **error)
{
    const BcSettings *s = speaker->settings;
    g_autofree char *folder = g_build_filename(speaker->state_dir, "media", NULL);
    const char *ca = s->media_ca ? s->media_ca : speaker->identity->server_ca;
    BcFetchOptions fetch = {.ca_file = ca, .token = speaker->identity->token, .clock = fetch_clock, .arrived = on_arrived, .trouble = on_trouble, .user = speaker};
    BcFirmwareOptions firmware = {.state_dir = speaker->state_dir, .program = s->firmware_command, .ca_file = ca, .token = NULL, .clock = fetch_clock,
        .silent = firmware_silent, .done = bc_speaker_firmware_done, .user = speaker};
    speaker->shelf = bc_shelf_open(folder, (int64_t)s->media_max_mb * 1048576, error);
    fetch.shelf = speaker->shelf;
    if (!speaker->shelf || !(speaker->fetch = bc_fetch_new(&fetch, error)) || !(speaker->firmware = bc_firmware_new(&firmware, error)))
        return false;
    const char *base = s->media_base ? s->media_base : speaker->identity->media_base;
    if (base)
        bc_fetch_set_base(speaker->fetch, base);
    return true;
}

/* ---------------------------------------------------------------- running */

static void look_at_live(BcSpeaker *speaker)
{
    g_autofree char *occurrence = NULL;
    bool lost = false;
    if (!bc_player_live(speaker->player, &occurrence, &lost))
        return;
    g_mutex_lock(&speaker->lock);
    bc_duty_live_lost(speaker->desk, occurrence, lost);
    g_mutex_unlock(&speaker->lock);
}

static void look_at_output(BcSpeaker *speaker)
{
    g_autofree char *error = bc_output_error(speaker->output);
    if (g_strcmp0(error, speaker->output_error)) {
        if (error)
            md_error(&speaker->logger, "output: %s", error);
        else
            md_notice(&speaker->logger, "output: it works again");
        g_free(speaker->output_error);
        speaker->output_error = g_steal_pointer(&error);
    }
    if (g_get_monotonic_time() - bc_output_beat_us(speaker->output) < OUTPUT_DEAD_US)
        sd_notify(0, "WATCHDOG=1");
}

/* A restart that was ordered waits until what sounds has ended. */
static void look_at_restart(BcSpeaker *speaker)
{
    if (!speaker->restart_ordered || speaker->exit_code)
        return;
    g_mutex_lock(&speaker->lock);
    bool silent = bc_duty_now(speaker->desk)->sound == BC_DUTY_NOTHING;
    g_mutex_unlock(&speaker->lock);
    if (!silent)
        return;
    speaker->exit_code = BC_SPEAKER_EXIT_RESTART;
    g_main_loop_quit(speaker->loop);
}

static gboolean on_tick(gpointer user)
{
    BcSpeaker *speaker = user;
    int64_t now_us = bc_speaker_now_us(speaker), mono_us = g_get_monotonic_time();
    g_mutex_lock(&speaker->lock);
    bc_player_look(speaker->player, speaker->desk, now_us);
    g_mutex_unlock(&speaker->lock);
    bc_player_tend(speaker->player, now_us);
    look_at_live(speaker);
    look_at_output(speaker);
    look_at_restart(speaker);
    bc_speaker_ask_clock(speaker);
    bc_speaker_say_reports(speaker, false);
    bc_speaker_say_state(speaker);
    note_time(speaker, false);
    bc_speaker_tend_certificate(speaker);
    if (bc_broker_up(speaker->broker) && (!speaker->telemetry_us || mono_us - speaker->telemetry_us >= (int64_t)speaker->settings->telemetry_s * 1000000)) {
        speaker->telemetry_us = mono_us;
        bc_speaker_say_telemetry(speaker);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean on_signal(gpointer user)
{
    g_main_loop_quit(((BcSpeaker *)user)->loop);
    return G_SOURCE_CONTINUE;
}

int bc_speaker_run(BcSpeaker *speaker)
{
    speaker->sources[0] = g_unix_signal_add(SIGTERM, on_signal, speaker);
    speaker->sources[1] = g_unix_signal_add(SIGINT, on_signal, speaker);
    speaker->tick = g_timeout_add(TICK_MS, on_tick, speaker);
    int64_t first_us = bc_output_first_us(speaker->output);
    md_notice(&speaker->logger, "speakerd %s is ready as %s; output begins at %" G_GINT64_FORMAT " us of the monotonic clock", MEDIAD_VERSION,
        speaker->device, first_us);
    sd_notify(0, "READY=1");
    g_main_loop_run(speaker->loop);
    sd_notify(0, "STOPPING=1");
    note_time(speaker, true);
    return speaker->exit_code;
}

static bool open_all(BcSpeaker *speaker, GError **error)
{
    const BcSettings *s = speaker->settings;
    speaker->identity = bc_identity_open(s->state_dir, error);
    if (!speaker->identity)
        return false;
    const char *device = s->device ? s->device : speaker->identity->device;
    if (!device) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FAILED, "this device has no id: enrol it (--enrol) or set general.device");
        return false;
    }
    speaker->device = g_strdup(device);
    if (!open_media(speaker, error) || !(speaker->reports = bc_report_queue_open(s->state_dir, error)) || !bc_speaker_open_sound(speaker, error))
        return false;
    judge_clock(speaker);
    load_desk(speaker);
    bc_speaker_load_manifest(speaker);
    bc_speaker_wanted(speaker);
    return bc_speaker_start_sound(speaker, error) && bc_speaker_open_link(speaker, error);
}

BcSpeaker *bc_speaker_new(const BcSettings *settings, MdLog *log, GError **error)
{
    BcSpeaker *speaker = g_new0(BcSpeaker, 1);
    speaker->settings = settings;
    speaker->logger = md_logger(log, "speaker");
    speaker->diary = bc_diary_new(log);
    speaker->state_dir = g_strdup(settings->state_dir);
    speaker->boot_us = g_get_real_time();
    speaker->loop = g_main_loop_new(NULL, FALSE);
    g_mutex_init(&speaker->lock);
    g_mutex_init(&speaker->time_lock);
    bc_timing_init(&speaker->timing, g_get_monotonic_time(), g_get_real_time());
    if (open_all(speaker, error))
        return speaker;
    bc_speaker_free(speaker);
    return NULL;
}

void bc_speaker_free(BcSpeaker *speaker)
{
    if (!speaker)
        return;
    g_clear_handle_id(&speaker->tick, g_source_remove);
    for (unsigned i = 0; i < G_N_ELEMENTS(speaker->sources); i++)
        g_clear_handle_id(&speaker->sources[i], g_source_remove);
    bc_output_free(speaker->output);
    if (speaker->desk && speaker->reports)
        bc_speaker_take_news(speaker);
    while (g_source_remove_by_user_data(speaker)) /* news, the end after a restart */
        ;
    bc_broker_free(speaker->broker);
    bc_player_free(speaker->player);
    bc_tape_wait(3000000);
    bc_firmware_free(speaker->firmware);
    bc_fetch_free(speaker->fetch);
    bc_duty_free(speaker->desk);
    bc_proof_free(speaker->proof);
    bc_shelf_free(speaker->shelf);
    bc_report_queue_free(speaker->reports);
    bc_identity_free(speaker->identity);
    bc_diary_free(speaker->diary);
    g_main_loop_unref(speaker->loop);
    g_mutex_clear(&speaker->lock);
    g_mutex_clear(&speaker->time_lock);
    g_free(speaker->next_key);
    g_free(speaker->said_state);
    g_free(speaker->output_error);
    g_free(speaker->device);
    g_free(speaker->state_dir);
    g_free(speaker);
}
