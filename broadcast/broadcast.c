/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/broadcast-private.h"

#include <string.h>
#include "broadcast/desk.h"

typedef struct Listener {
    BcEventFn fn;
    void *user;
} Listener;

void bc_broadcast_tell(BcBroadcast *b, const char *type, const BcRun *run)
{
    if (b->o.on_event && !g_str_equal(type, "schedule.stored"))
        b->o.on_event(type, run, b->o.user);
    for (unsigned i = 0; i < b->listeners->len; i++) {
        Listener *listener = &g_array_index(b->listeners, Listener, i);
        listener->fn(type, run, listener->user);
    }
}

/* While it goes on nobody has said yet how it went; that most did not hear it is worth a look at once. */
static void log_run(const BcBroadcast *b, const char *type, const BcRun *run)
{
    int told = (int)(run->played + run->partial + run->missed);
    if (g_str_equal(type, "announcement.ringing") || g_str_equal(type, "announcement.playing"))
        md_info(&b->logger, "%s: \"%s\" (%s), %d loudspeakers in %.200s", type, run->title, run->id, (int)run->devices, run->areas ? run->areas : "");
    else
        md_logf(&b->logger, run->missed * 2 > run->devices ? MD_LOG_WARNING : MD_LOG_INFO,
                "%s: \"%s\" (%s), %d loudspeakers, %d played, %d partly, %d missed, %d not heard of yet", type, run->title, run->id, (int)run->devices,
                (int)run->played, (int)run->partial, (int)run->missed, MAX((int)run->devices - told, 0));
}

static void on_event(const char *type, BcAnnouncement *announcement, void *user)
{
    BcBroadcast *b = user;
    BcRun run;
    bc_announcement_run(announcement, &run);
    log_run(b, type, &run);
    if (b->planner && g_str_equal(type, "announcement.ended"))
        bc_planner_ended(b->planner, run.id, !g_str_equal(run.state, "interrupted"));
    bc_broadcast_tell(b, type, &run);
}

static void on_relay(const char *type, const char *url, const char *why, void *user)
{
    BcBroadcast *b = user;
    int64_t now = bc_broadcast_wall_us(b);
    BcRun run = {.id = "", .kind = "relay", .title = url, .source = url, .priority = BC_NORMAL, .areas = "", .start_us = now,
                 .end_us = now, .state = g_str_equal(type, "relay.back") ? "done" : "interrupted", .reason = why};
    if (b->o.on_event)
        b->o.on_event(type, &run, b->o.user);
}

static bool open_stage(BcBroadcast *b, GError **error)
{
    static const MdAudioCodec all[] = {MD_AUDIO_OPUS, MD_AUDIO_G722, MD_AUDIO_PCMA, MD_AUDIO_PCMU};
    const BcBroadcastOptions *o = &b->o;
    BcStageOptions stage = {.dialer = o->dialer,
                            .workers = o->workers,
                            .n_workers = o->n_workers,
                            .control = o->control,
                            .timers = b->timers,
                            .areas = b->areas,
                            .devices = b->devices,
                            .play_log = b->play_log,
                            .local_host = o->local_host,
                            .local_host6 = o->local_host6,
                            .port = o->port,
                            .port_min = o->port_min ? o->port_min : 20000,
                            .port_max = o->port_max ? o->port_max : 59999,
                            .frame_ms = o->frame_ms ? o->frame_ms : 40,
                            .ring_timeout_ms = (o->ring_timeout_s ? o->ring_timeout_s : 20) * 1000,
                            .calls_per_s = o->calls_per_s ? o->calls_per_s : 200,
                            .opus_bitrate_bps = o->opus_bitrate_bps ? o->opus_bitrate_bps : 32000,
                            .security = o->security,
                            .two_way = o->two_way,
                            .running_max = o->live_max ? o->live_max : 64,
                            .from_user = o->from_user,
                            .live_host = o->live_host,
                            .live_group = o->live_group,
                            .live_loss_percent = o->live_loss_percent ? o->live_loss_percent : 10,
                            .step_workers = o->manual,
                            .relay = {.timers = b->timers, .hosts = (const char *const *)b->relay_hosts, .on_event = on_relay, .user = b,
                                      .opus_bitrate_bps = o->opus_bitrate_bps, .logger = &b->logger},
                            .on_event = on_event,
                            .user = b,
                            .logger = &b->logger};
    const MdAudioCodec *codecs = o->n_codecs ? o->codecs : all;
    stage.n_codecs = MIN(o->n_codecs ? o->n_codecs : G_N_ELEMENTS(all), MD_AUDIO_CODEC_MAX);
    memcpy(stage.codecs, codecs, stage.n_codecs * sizeof *codecs);
    b->stage = bc_stage_new(&stage, error);
    return b->stage != NULL;
}

static bool open_contents(BcBroadcast *b, GError **error)
{
    const BcBroadcastOptions *o = &b->o;
    BcContentOptions contents = {.ingest = {.content_dir = o->content_dir,
                                            .bytes_max = o->upload_max_bytes,
                                            .duration_max_us = o->duration_max_us,
                                            .target_lufs = o->loudness_lufs,
                                            .peak_dbtp = o->true_peak_dbtp,
                                            .frame_ms = o->frame_ms,
                                            .opus_bitrate_bps = o->opus_bitrate_bps},
                                 .speech = {.command = o->speech_command, .url = o->speech_url, .time_max_us = (int64_t)o->speech_timeout_s * G_USEC_PER_SEC},
                                 .total_max_bytes = o->content_max_bytes,
                                 .clock = bc_timers_clock(b->timers),
                                 .logger = &b->logger};
    b->contents = bc_contents_new(o->store, &contents, error);
    return b->contents != NULL;
}

static bool content_ok(const char *content, int64_t at_wall_us, char **ret_why, void *user)
{
    return bc_broadcast_content_ok(user, content, at_wall_us, ret_why);
}

static bool open_rules(BcBroadcast *b, int64_t wall, GError **error)
{
    MdStore *store = b->o.store;
    const char *text = b->o.quiet_hours ? b->o.quiet_hours : "none";
    BcQuietHours hours;
    if (!bc_quiet_parse(text, &hours)) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "quiet hours \"%s\" do not look like 21:30-05:00 or none", text);
        return false;
    }
    return (b->slots = bc_slots_new(store, b->areas, error)) && (b->holidays = bc_holidays_new(store, b->areas, error)) &&
           (b->quiet_hours = bc_quiet_new(store, b->areas, &hours, b->timezone, wall, error)) &&
           (b->halts = bc_halts_new(store, b->areas, error));
}

static void on_area_stopped(const char *area, void *user)
{
    BcBroadcast *b = user;
    int64_t now = bc_broadcast_wall_us(b);
    bc_broadcast_tell(b, "area.stopped", &(BcRun){.id = "", .kind = "stop", .title = "", .priority = BC_EMERGENCY, .areas = area, .start_us = now,
                                     .end_us = now, .state = "stopped"});
}

static bool live_again(const BcAiring *a, void *user)
{
    return bc_broadcast_live_again(user, a);
}

BcBroadcast *bc_broadcast_new(const BcBroadcastOptions *options, GError **error)
{
    BcBroadcast *b = g_new0(BcBroadcast, 1);
    b->o = *options;
    b->timezone = g_strdup(options->timezone ? options->timezone : "Asia/Ho_Chi_Minh");
    b->live_hosts = g_strdupv((char **)options->live_hosts);
    b->relay_hosts = g_strdupv((char **)options->relay_hosts);
    b->tap = options->tap ? *options->tap : (BcTapOps){0};
    b->listeners = g_array_new(FALSE, FALSE, sizeof(Listener));
    b->logger = options->logger ? md_logger_child(options->logger, "broadcast") : (MdLogger){0};
    b->timers = bc_timers_new(options->clock, !options->manual);
    int64_t wall = bc_broadcast_wall_us(b);
    bool ok = (b->areas = bc_areas_new(options->store, error)) && (b->devices = bc_devices_new(options->store, b->areas, error)) &&
              (b->play_log = bc_play_log_new(options->store, b->timers, error)) &&
              open_rules(b, wall, error) &&
              (b->schedules = bc_schedules_new(options->store, wall, error)) && open_contents(b, error) && open_stage(b, error);
    b->o.local_host = b->o.local_host6 = b->o.content_dir = b->o.from_user = b->o.timezone = b->o.live_host = b->o.live_group = NULL; /* the caller's; copied above */
    b->o.speech_command = NULL;
    b->o.speech_url = NULL;
    b->o.live_hosts = b->o.relay_hosts = NULL;
    b->o.quiet_hours = NULL;
    if (!ok) {
        bc_broadcast_free(b);
        return NULL;
    }
    b->planner = bc_planner_new(&(BcPlannerOptions){.store = options->store, .stage = b->stage, .schedules = b->schedules, .contents = b->contents,
                                                    .slots = b->slots, .holidays = b->holidays, .quiet = b->quiet_hours,
                                                    .halts = b->halts, .zone = b->timezone,
                                                    .lead_s = options->lead_s ? options->lead_s : 10,
                                                    .content_ok = content_ok, .content_user = b,
                                                    .on_stopped = on_area_stopped, .stopped_user = b, .live = live_again, .live_user = b, .logger = &b->logger},
                                error);
    if (!b->planner)
        g_clear_pointer(&b, bc_broadcast_free);
    return b;
}

void bc_broadcast_free(BcBroadcast *b)
{
    if (!b)
        return;
    if (b->planner)
        bc_planner_stop(b->planner);
    bc_stage_free(b->stage);
    bc_contents_free(b->contents);
    while (b->pending || (b->planner && bc_planner_pending(b->planner))) {
        md_mailbox_drain(b->o.control, 0);
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(500);
    }
    bc_planner_free(b->planner);
    bc_play_log_free(b->play_log);
    bc_schedules_unref(b->schedules);
    bc_slots_unref(b->slots);
    bc_holidays_unref(b->holidays);
    bc_quiet_unref(b->quiet_hours);
    bc_halts_unref(b->halts);
    bc_devices_unref(b->devices);
    bc_areas_unref(b->areas);
    bc_timers_free(b->timers);
    g_array_unref(b->listeners);
    g_strfreev(b->live_hosts);
    g_strfreev(b->relay_hosts);
    g_free(b->timezone);
    g_free(b);
}

void bc_broadcast_quiesce(BcBroadcast *b)
{
    b->quiet = true;
    bc_planner_stop(b->planner);
    for (unsigned i = b->stage->running->len; i-- > 0;)
        bc_announcement_stop(b->stage->running->pdata[i], "mediad stops", true);
    bc_play_log_flush(b->play_log);
}

void bc_broadcast_set_event(BcBroadcast *b, BcEventFn fn, void *user)
{
    b->o.on_event = fn;
    b->o.user = user;
}

void bc_broadcast_add_listener(BcBroadcast *b, BcEventFn fn, void *user)
{
    Listener listener = {fn, user};
    g_array_append_val(b->listeners, listener);
}

void bc_broadcast_remove_listener(BcBroadcast *b, BcEventFn fn, void *user)
{
    for (unsigned i = b->listeners->len; i-- > 0;) {
        Listener *listener = &g_array_index(b->listeners, Listener, i);
        if (listener->fn == fn && listener->user == user) {
            g_array_remove_index(b->listeners, i);
            return;
        }
    }
}

void bc_broadcast_set_content_check(BcBroadcast *b, BcContentCheckFn fn, void *user)
{
    b->content_check = fn;
    b->content_check_user = user;
}

bool bc_broadcast_content_ok(BcBroadcast *b, const char *content, int64_t at_wall_us, char **ret_why)
{
    g_autofree char *why = NULL;
    if (!b->content_check || b->content_check(content, at_wall_us, &why, b->content_check_user))
        return true;
    if (ret_why)
        *ret_why = why ? g_steal_pointer(&why) : g_strdup("this recording is not approved");
    return false;
}

BcTimers *bc_broadcast_timers(BcBroadcast *b)
{
    return b->timers;
}

BcAreas *bc_broadcast_areas(BcBroadcast *b)
{
    return b->areas;
}

BcDevices *bc_broadcast_devices(BcBroadcast *b)
{
    return b->devices;
}

BcStage *bc_broadcast_stage(BcBroadcast *b)
{
    return b->stage;
}

BcContents *bc_broadcast_contents(BcBroadcast *b)
{
    return b->contents;
}

BcSchedules *bc_broadcast_schedules(BcBroadcast *b)
{
    return b->schedules;
}

BcPlayLog *bc_broadcast_play_log(BcBroadcast *b)
{
    return b->play_log;
}

BcPlanner *bc_broadcast_planner(BcBroadcast *b)
{
    return b->planner;
}

BcSlots *bc_broadcast_slots(BcBroadcast *b)
{
    return b->slots;
}

BcHolidays *bc_broadcast_holidays(BcBroadcast *b)
{
    return b->holidays;
}

BcQuiet *bc_broadcast_quiet(BcBroadcast *b)
{
    return b->quiet_hours;
}

const char *bc_broadcast_timezone(const BcBroadcast *b)
{
    return b->timezone;
}

int64_t bc_broadcast_wall_us(const BcBroadcast *b)
{
    return md_clock_wall_us(bc_timers_clock(b->timers));
}

bool bc_broadcast_is_registered(BcBroadcast *b, const char *device)
{
    return b->o.dialer->is_registered && b->o.dialer->is_registered(b->o.dialer, device);
}

bool bc_broadcast_areas_known(BcBroadcast *b, const char *const *areas, GError **error)
{
    if (!areas || !areas[0]) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "\"areas\" must name at least one area");
        return false;
    }
    for (unsigned i = 0; areas[i]; i++)
        if (!bc_areas_find(b->areas, areas[i])) {
            g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no area %s", areas[i]);
            return false;
        }
    return true;
}

int64_t bc_broadcast_quiet_until_us(BcBroadcast *b, const char *const *areas)
{
    int64_t until = 0, wall = bc_broadcast_wall_us(b);
    for (unsigned i = 0; areas && areas[i]; i++)
        until = MAX(until, bc_quiet_until_us(b->quiet_hours, areas[i], wall));
    return until;
}

static bool write_nothing(MdDb *db, gpointer data, GError **error)
{
    return true;
}

void bc_broadcast_sync(BcBroadcast *b, BcDoneFn done, void *user)
{
    bc_write(b->o.store, write_nothing, NULL, NULL, NULL, NULL, NULL, done, user);
}

void bc_broadcast_set_reach(BcBroadcast *b, BcDeviceKind kind, const BcReachOps *ops)
{
    b->stage->reach[kind] = ops ? *ops : (BcReachOps){0};
}

void bc_broadcast_set_fixed(BcBroadcast *b, BcDeviceKind kind, const BcFixedOps *ops)
{
    b->stage->fixed[kind] = ops ? *ops : (BcFixedOps){0};
}

/* Of several runs of one occurrence the one that goes on. */
static BcAnnouncement *find_for(BcStage *stage, const BcReachNews *news)
{
    if (news->announcement)
        return bc_announcement_find(stage, news->announcement);
    for (unsigned i = stage->running->len; news->schedule && i-- > 0;) {
        BcAnnouncement *a = stage->running->pdata[i];
        if (g_strcmp0(a->schedule, news->schedule) == 0 && a->occurrence_us == news->occurrence_us)
            return a;
    }
    return NULL;
}

void bc_broadcast_reach_news(BcBroadcast *b, const BcReachNews *news)
{
    if (!news->device || (!news->announcement && !news->schedule))
        return;
    BcAnnouncement *a = find_for(b->stage, news);
    BcTarget *t = a ? g_hash_table_lookup(a->by_device, news->device) : NULL;
    if (t)
        bc_target_news(t, news);
    else
        bc_play_log_news(b->play_log, news, bc_broadcast_wall_us(b));
}

void bc_broadcast_running(BcBroadcast *b, BcRunFn fn, void *user)
{
    for (unsigned i = 0; i < b->stage->running->len; i++) {
        BcAnnouncement *a = b->stage->running->pdata[i];
        BcRun run;
        bc_announcement_run(a, &run);
        if (!a->over)
            fn(&run, user);
    }
}

void bc_broadcast_stats(BcBroadcast *b, BcBroadcastStats *ret)
{
    BcFanoutTotals totals;
    bc_stage_totals(b->stage, &totals);
    *ret = (BcBroadcastStats){.devices = bc_devices_count(b->devices),
                              .held = g_hash_table_size(b->stage->holders),
                              .ringing = bc_ringer_waiting(b->stage->ringer),
                              .packets = totals.packets,
                              .reports = totals.reports,
                              .errors = totals.errors,
                              .skipped = totals.skipped,
                              .frames = totals.frames,
                              .frames_late = totals.frames_late};
    for (unsigned i = 0; i < b->stage->running->len; i++)
        ret->running += !((BcAnnouncement *)b->stage->running->pdata[i])->over;
}

int64_t bc_broadcast_step(BcBroadcast *b)
{
    bc_desk_poll(b->stage->desk);
    return bc_timers_run(b->timers);
}

unsigned bc_broadcast_pending(const BcBroadcast *b)
{
    return b->pending + bc_planner_pending(b->planner);
}
