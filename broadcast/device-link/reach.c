/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/reach.h"

#include <math.h>
#include <string.h>

#define START_LEAD_US 300000     /* an emergency begins so long after it is sent: by then the command is everywhere, and all begin together */
#define LIVE_COMMAND_US 60000000 /* a command to live sound is obeyed so long */
#define LIVE_MAX_US (12ll * 3600 * G_USEC_PER_SEC) /* live sound ends by itself then, whatever happens */
#define GRACE_US 10000000
#define STOP_ALL_US 30000000     /* so long the store may take to note that everything was stopped */
#define ORDERS_MAX 256u          /* runs remembered */
#define TELL_AGAIN_US 10000000   /* one device is told the same again at most so often */
#define PROOF_MATCH 0.6          /* likeness from which what was read back counts as what was meant */
#define PROOF_LEVEL_DBFS (-60.0) /* and, where likeness is not measured, the level from which it counts as sound */

typedef struct Order { /* what devices were told of one run */
    char *run, *schedule;
    int64_t occurrence_us, ends_us;
    BcLinkCommand command;  /* owned strings; no verb for what stands in the manifests */
    bool commanded, over;
    GPtrArray *devices;     /* char*, owned */
    GHashTable *awaited;    /* scheduled: devices (in devices) that have not said that they have the manifest it stands in */
    GHashTable *heard;      /* device -> when it was told last (int64_t*); not there once it has acknowledged */
} Order;

struct BcLinkReach {
    BcBroadcast *broadcast;
    BcDeviceLink *link;
    BcMedia *media;
    const BcManifests *manifests; /* may be NULL */
    unsigned live_buffer_ms;
    const MdLogger *logger;
    GQueue orders;          /* newest first */
    GHashTable *commands;   /* command id -> Order* */
    BcDeviceLink **alive;   /* g_rc_box: the link, for receipts that are still on their way */
};

static void free_order(gpointer data)
{
    Order *order = data;
    bc_link_command_clear(&order->command);
    g_ptr_array_unref(order->devices);
    g_hash_table_unref(order->heard);
    g_hash_table_unref(order->awaited);
    g_free(order->run);
    g_free(order->schedule);
    g_free(order);
}

static gboolean is_of(gpointer id, gpointer order, gpointer wanted)
{
    return order == wanted;
}

static Order *find_order(BcLinkReach *reach, const char *run)
{
    for (GList *l = reach->orders.head; l; l = l->next)
        if (g_str_equal(((Order *)l->data)->run, run))
            return l->data;
    return NULL;
}

static Order *new_order(BcLinkReach *reach, const BcRun *run, const BcReachSound *sound)
{
    Order *order = g_new0(Order, 1);
    order->run = g_strdup(run->id);
    order->schedule = g_strdup(run->schedule);
    order->occurrence_us = run->occurrence_us;
    order->ends_us = sound->duration_us == INT64_MAX ? run->start_us + LIVE_MAX_US : sound->begin_us + sound->duration_us;
    if (sound->expires_us)
        order->ends_us = MIN(order->ends_us, sound->expires_us);
    order->devices = g_ptr_array_new_with_free_func(g_free);
    order->awaited = g_hash_table_new(g_str_hash, g_str_equal);
    order->heard = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    g_queue_push_head(&reach->orders, order);
    while (reach->orders.length > ORDERS_MAX) {
        Order *old = g_queue_pop_tail(&reach->orders);
        g_hash_table_foreach_remove(reach->commands, is_of, old);
        free_order(old);
    }
    return order;
}

/* --- commands --- */

static void fill_item(BcLinkItem *item, const BcRun *run, const BcReachSound *sound, const BcMediaFile *file, int64_t now_us)
{
    bool at_once = run->priority == BC_EMERGENCY;
    int64_t start = at_once ? MIN(now_us + START_LEAD_US, MAX(run->start_us, now_us)) : run->start_us;
    if (sound->begin_us < run->start_us) /* goes on after a restart: at its old place on the clock */
        start = sound->begin_us;
    *item = (BcLinkItem){.kind = BC_LINK_CONTENT,
                         .occurrence = g_strdup(run->id),
                         .title = g_strdup(run->title),
                         .start_us = start,
                         .duration_us = sound->duration_us,
                         .expires_us = sound->expires_us,
                         .grace_us = MAX(GRACE_US, sound->duration_us),
                         .priority = run->priority,
                         .authority = sound->authority,
                         .made_us = sound->order.made_us,
                         .repeats = MAX(sound->repeats, 1),
                         .gap_us = sound->gap_us,
                         .resume = true,
                         .quiet_ok = (at_once && !sound->drill) || sound->quiet_ok,
                         .volume = sound->volume ? (int)sound->volume : -1};
    item->media = (BcLinkMedia){.sha256 = g_strdup(file->sha256),
                                .path = bc_media_path(sound->content),
                                .media_type = g_strdup(BC_MEDIA_TYPE),
                                .bytes = file->bytes};
}

static void fill_live(BcLinkReach *reach, BcLinkLive *live, const BcRun *run, const BcReachSound *sound, int64_t ends_us)
{
    const BcReachLive *from = sound->live;
    *live = (BcLinkLive){.occurrence = g_strdup(run->id),
                         .title = g_strdup(run->title),
                         .host = g_strdup(from->host),
                         .port = from->port,
                         .multicast = from->multicast,
                         .priority = run->priority,
                         .authority = sound->authority,
                         .codec = g_strdup(from->codec),
                         .payload_type = from->payload_type,
                         .frame_ms = from->frame_ms,
                         .srtp = g_strdup(from->srtp),
                         .buffer_ms = reach->live_buffer_ms,
                         .quiet_ok = sound->quiet_ok,
                         .expires_us = ends_us};
}

static const char *fill_command(BcLinkReach *reach, Order *order, const BcRun *run, const BcReachSound *sound)
{
    BcLinkCommand *command = &order->command;
    int64_t now = bc_broadcast_wall_us(reach->broadcast);
    command->id = bc_new_id("c");
    command->issued_us = sound->issued_us;
    command->volume = -1;
    if (sound->live) {
        command->verb = BC_LINK_LIVE;
        command->expires_us = MIN(now + LIVE_COMMAND_US, order->ends_us);
        fill_live(reach, &command->live, run, sound, order->ends_us);
        return NULL;
    }
    const BcMediaFile *file = bc_media_find(reach->media, sound->content, true);
    if (!file)
        return "no file of it that devices could fetch";
    command->verb = sound->siren ? BC_LINK_ALERT : BC_LINK_PLAY;
    command->siren = sound->siren;
    command->siren_rounds = sound->siren ? CLAMP(sound->siren_rounds, 1, 3) : 0;
    command->expires_us = order->ends_us;
    fill_item(&command->item, run, sound, file, now);
    return NULL;
}

static void tell(BcLinkReach *reach, const Order *order, const char *device, BcReachState state, int64_t at_us, const char *reason)
{
    BcReachNews news = {.announcement = order->run, .device = device, .state = state, .at_us = at_us, .reason = reason, .level_dbfs = NAN,
                        .match = NAN};
    bc_broadcast_reach_news(reach->broadcast, &news);
}

/* Those that are still in the registry: one that was taken out meanwhile must not keep the word from the others. */
static GPtrArray *present(BcLinkReach *reach, const char *const *devices, unsigned n)
{
    GPtrArray *there = g_ptr_array_new();
    for (unsigned i = 0; i < n; i++)
        if (bc_devices_find(bc_broadcast_devices(reach->broadcast), devices[i]))
            g_ptr_array_add(there, (char *)devices[i]);
    return there;
}

/* The same bytes to all of them; an emergency's way is as short as this. */
static void send_order(BcLinkReach *reach, Order *order, const char *const *devices, unsigned n, const char *who)
{
    g_autoptr(GError) error = NULL;
    bool sent = bc_device_link_send(reach->link, &order->command, devices, n, who, NULL, &error);
    int64_t now = bc_broadcast_wall_us(reach->broadcast);
    if (!sent && reach->logger)
        md_warning(reach->logger, "announcement %s cannot be sent to %u loudspeakers, they miss it: %s", order->run, n, error->message);
    for (unsigned i = 0; i < n; i++)
        tell(reach, order, devices[i], sent ? BC_REACH_SENT : BC_REACH_MISSED, now, sent ? NULL : error->message);
}

static char *occurrence_of(const Order *order)
{
    return order->schedule ? g_strdup_printf("%s@%" G_GINT64_FORMAT, order->schedule, order->occurrence_us / G_USEC_PER_SEC) : g_strdup(order->run);
}

/* What is scheduled was sent with the manifest that holds it, and is acknowledged by a device that says it has that one, or a later. */
static void note_manifest(BcLinkReach *reach, Order *order, const char *device, const char *occurrence, const BcLinkState *state)
{
    int64_t told_us = 0, version = reach->manifests ? bc_manifests_told(reach->manifests, device, occurrence, &told_us) : 0;
    if (!version)
        return;
    tell(reach, order, device, BC_REACH_SENT, told_us, NULL);
    if (!state || state->manifest_version < version)
        return;
    tell(reach, order, device, BC_REACH_ACKNOWLEDGED, bc_broadcast_wall_us(reach->broadcast), NULL);
    g_hash_table_remove(order->awaited, device);
}

static void note_manifests(BcLinkReach *reach, Order *order, unsigned first)
{
    g_autofree char *occurrence = occurrence_of(order);
    for (unsigned i = first; i < order->devices->len; i++) {
        char *device = order->devices->pdata[i];
        g_hash_table_add(order->awaited, device);
        note_manifest(reach, order, device, occurrence, bc_device_link_state(reach->link, device));
    }
}

static void on_begin(const BcRun *run, const BcReachSound *sound, const char *const *devices, unsigned n, void *user)
{
    BcLinkReach *reach = user;
    Order *order = find_order(reach, run->id);
    if (!order)
        order = new_order(reach, run, sound);
    unsigned first = order->devices->len;
    for (unsigned i = 0; i < n; i++)
        g_ptr_array_add(order->devices, g_strdup(devices[i]));
    if (sound->in_manifest) {
        note_manifests(reach, order, first);
        return;
    }
    const char *why = order->commanded ? NULL : fill_command(reach, order, run, sound);
    for (unsigned i = 0; why && i < n; i++)
        tell(reach, order, devices[i], BC_REACH_MISSED, bc_broadcast_wall_us(reach->broadcast), why);
    if (why)
        return;
    order->commanded = true;
    g_hash_table_replace(reach->commands, g_strdup(order->command.id), order);
    send_order(reach, order, devices, n, run->created_by ? run->created_by : "mediad");
    int64_t now = bc_broadcast_wall_us(reach->broadcast);
    for (unsigned i = first; i < order->devices->len; i++)
        g_hash_table_replace(order->heard, order->devices->pdata[i], g_memdup2(&now, sizeof now));
}

static void on_stop(const BcRun *run, const char *reason, void *user)
{
    BcLinkReach *reach = user;
    Order *order = find_order(reach, run->id);
    g_autoptr(GError) error = NULL;
    if (!order || order->over || !order->devices->len)
        return;
    order->over = true;
    int64_t now = bc_broadcast_wall_us(reach->broadcast);
    g_autofree char *occurrence = occurrence_of(order);
    BcLinkCommand command = {.verb = BC_LINK_STOP, .issued_us = now, .expires_us = MAX(order->ends_us, now + LIVE_COMMAND_US),
                             .occurrence = occurrence, .volume = -1};
    g_autoptr(GPtrArray) there = present(reach, (const char *const *)order->devices->pdata, order->devices->len);
    if (there->len && !bc_device_link_send(reach->link, &command, (const char *const *)there->pdata, there->len,
                             run->created_by ? run->created_by : "mediad", NULL, &error) && reach->logger)
        md_warning(reach->logger, "\"%s\" cannot be stopped at %u loudspeakers, they play to its end: %s", run->title, there->len, error->message);
}

/* Some of them are to be silent, the others go on: for good, for a device remembers what it was told to stop. */
static void on_hush(const BcRun *run, const char *reason, const char *const *devices, unsigned n, void *user)
{
    BcLinkReach *reach = user;
    Order *order = find_order(reach, run->id);
    g_autoptr(GError) error = NULL;
    if (!order)
        return;
    int64_t now = bc_broadcast_wall_us(reach->broadcast);
    g_autofree char *occurrence = occurrence_of(order);
    BcLinkCommand command = {.verb = BC_LINK_STOP, .issued_us = now, .expires_us = MAX(order->ends_us, now + LIVE_COMMAND_US),
                             .occurrence = occurrence, .volume = -1};
    for (unsigned i = 0; i < n; i++)
        g_hash_table_remove(order->heard, devices[i]); /* not to be told anew when it comes back */
    g_autoptr(GPtrArray) there = present(reach, devices, n);
    if (there->len && !bc_device_link_send(reach->link, &command, (const char *const *)there->pdata, there->len, "mediad", NULL, &error) && reach->logger)
        md_warning(reach->logger, "\"%s\" cannot be stopped at %u loudspeakers (%s): %s", run->title, n, reason ? reason : "", error->message);
}

/* "Stop everything here" goes to every device at once; those that are away find it in their manifest. */
static void stop_all(BcLinkReach *reach, const char *area)
{
    const char *const areas[] = {area, NULL};
    g_autoptr(GPtrArray) all = bc_devices_in(bc_broadcast_devices(reach->broadcast), areas, true);
    g_autofree const char **devices = g_new(const char *, all->len + 1);
    g_autoptr(GError) error = NULL;
    int64_t now = bc_broadcast_wall_us(reach->broadcast), before = bc_planner_stop_before_us(bc_broadcast_planner(reach->broadcast), area);
    unsigned n = 0;
    for (unsigned i = 0; i < all->len; i++) {
        const BcDevice *device = all->pdata[i];
        if (device->kind == BC_DEVICE_LINK)
            devices[n++] = device->id;
    }
    BcLinkCommand command = {.verb = BC_LINK_STOP_ALL, .issued_us = before > now - STOP_ALL_US ? before : now, .expires_us = now + LIVE_COMMAND_US,
                             .volume = -1};
    if (n && !bc_device_link_send(reach->link, &command, devices, n, "mediad", NULL, &error) && reach->logger)
        md_warning(reach->logger, "%u loudspeakers in %s cannot be told to stop everything now, they find it in their next timetable: %s", n, area, error->message);
}

/* --- what devices say --- */

static void on_ack(const char *device, const BcLinkAck *ack, void *user)
{
    BcLinkReach *reach = user;
    Order *order = ack->command ? g_hash_table_lookup(reach->commands, ack->command) : NULL;
    if (!order || !ack->state)
        return;
    bool refused = g_str_equal(ack->state, "refused");
    g_hash_table_remove(order->heard, device); /* it has it: no need to tell it again */
    tell(reach, order, device, refused ? BC_REACH_REFUSED : BC_REACH_ACKNOWLEDGED, ack->at_us, refused ? ack->reason : NULL);
}

bool bc_occurrence_parse(const char *occurrence, char **ret_schedule, int64_t *ret_wall_us, unsigned *ret_item)
{
    *ret_schedule = NULL;
    *ret_wall_us = 0;
    *ret_item = 0;
    const char *at = occurrence ? strrchr(occurrence, '@') : NULL;
    if (!at)
        return bc_code_ok(occurrence, 64);
    char *end = NULL;
    gint64 seconds = g_ascii_isdigit(at[1]) ? g_ascii_strtoll(at + 1, &end, 10) : -1;
    guint64 item = 0;
    if (end && *end == '.' && g_ascii_isdigit(end[1]))
        item = g_ascii_strtoull(end + 1, &end, 10);
    g_autofree char *schedule = g_strndup(occurrence, (gsize)(at - occurrence));
    if (seconds < 0 || seconds > 4102444800 || !end || *end || item > 1000 || !bc_code_ok(schedule, 64))
        return false;
    *ret_schedule = g_steal_pointer(&schedule);
    *ret_wall_us = seconds * G_USEC_PER_SEC;
    *ret_item = (unsigned)item;
    return true;
}

static bool state_of(const BcLinkReport *report, BcReachState *ret)
{
    static const struct { const char *word; BcReachState state; } words[] = {
        {"began", BC_REACH_BEGAN}, {"ended", BC_REACH_ENDED}, {"cut", BC_REACH_CUT}, {"missed", BC_REACH_MISSED}, {"refused", BC_REACH_REFUSED}};
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        if (g_strcmp0(report->state, words[i].word) == 0) {
            *ret = words[i].state;
            return true;
        }
    return false;
}

/* Read back from what really came out, and like what was meant. */
static bool is_proof(const BcLinkReport *report)
{
    bool measured = g_strcmp0(report->level_source, "loopback") == 0 || g_strcmp0(report->level_source, "microphone") == 0;
    return measured && (isnan(report->match) ? report->level_dbfs >= PROOF_LEVEL_DBFS : report->match >= PROOF_MATCH);
}

static void take_report(BcLinkReach *reach, const char *device, const BcLinkReport *report)
{
    g_autofree char *schedule = NULL;
    BcReachNews news = {.device = device, .from_us = report->from_us, .to_us = report->to_us, .reason = report->reason,
                        .level_dbfs = report->level_dbfs, .match = report->match, .level_source = report->level_source};
    if (!state_of(report, &news.state) || !bc_occurrence_parse(report->occurrence, &schedule, &news.occurrence_us, &news.item))
        return; /* a newer device's word: nothing to be learned from it */
    news.schedule = schedule;
    news.announcement = schedule ? NULL : report->occurrence;
    news.at_us = news.to_us ? news.to_us : news.from_us ? news.from_us : bc_broadcast_wall_us(reach->broadcast);
    bc_broadcast_reach_news(reach->broadcast, &news);
    if (news.state != BC_REACH_ENDED || !is_proof(report))
        return;
    news.state = BC_REACH_PROVED;
    bc_broadcast_reach_news(reach->broadcast, &news);
}

typedef struct Receipt {
    BcDeviceLink **link; /* counted; NULL inside once the reach is gone */
    char *device;
    int64_t sequence;
} Receipt;

/* Durable: the device may forget them. */
static void on_durable(bool durable, void *user)
{
    Receipt *receipt = user;
    if (durable && *receipt->link)
        bc_device_link_receipt(*receipt->link, receipt->device, receipt->sequence);
    g_rc_box_release(receipt->link);
    g_free(receipt->device);
    g_free(receipt);
}

static void on_reports(const char *device, const BcLinkReports *reports, void *user)
{
    BcLinkReach *reach = user;
    int64_t last = INT64_MIN;
    for (unsigned i = 0; i < reports->n; i++) {
        take_report(reach, device, &reports->reports[i]);
        last = MAX(last, reports->reports[i].sequence);
    }
    if (last == INT64_MIN)
        return;
    Receipt *receipt = g_new0(Receipt, 1);
    *receipt = (Receipt){g_rc_box_acquire(reach->alive), g_strdup(device), last};
    bc_play_log_after(bc_broadcast_play_log(reach->broadcast), on_durable, receipt);
}

/* It is back in the middle of something it may not have heard of. */
static void on_state(const char *device, const BcLinkState *state, void *user)
{
    BcLinkReach *reach = user;
    int64_t now = bc_broadcast_wall_us(reach->broadcast);
    if (!state->online)
        return;
    for (GList *l = reach->orders.head; l; l = l->next) {
        Order *order = l->data;
        if (!order->over && g_hash_table_contains(order->awaited, device)) {
            g_autofree char *occurrence = occurrence_of(order);
            note_manifest(reach, order, device, occurrence, state);
        }
        int64_t *told = order->commanded && !order->over && now < order->ends_us ? g_hash_table_lookup(order->heard, device) : NULL;
        if (!told || now - *told < TELL_AGAIN_US)
            continue;
        if (order->command.verb == BC_LINK_LIVE)
            order->command.expires_us = MIN(now + LIVE_COMMAND_US, order->ends_us);
        g_free(order->command.id);
        order->command.id = bc_new_id("c"); /* the journal knows the other as timed out; devices tell by the occurrence */
        g_hash_table_replace(reach->commands, g_strdup(order->command.id), order);
        *told = now;
        send_order(reach, order, &device, 1, "mediad");
    }
}

static void on_run(const char *type, const BcRun *run, void *user)
{
    BcLinkReach *reach = user;
    if (g_str_equal(type, "area.stopped"))
        stop_all(reach, run->areas);
    Order *order = g_str_equal(type, "announcement.ended") ? find_order(reach, run->id) : NULL;
    if (order)
        order->over = true;
}

BcLinkReach *bc_link_reach_new(BcBroadcast *broadcast, BcDeviceLink *link, BcMedia *media, unsigned live_buffer_ms, const MdLogger *logger)
{
    BcLinkReach *reach = g_new0(BcLinkReach, 1);
    *reach = (BcLinkReach){broadcast, link, media, NULL, live_buffer_ms, logger, G_QUEUE_INIT, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    reach->alive = g_rc_box_new0(BcDeviceLink *);
    *reach->alive = link;
    BcReachOps ops = {on_begin, on_stop, reach, true, on_hush};
    BcDeviceLinkListener listener = {.state = on_state, .ack = on_ack, .reports = on_reports, .user = reach};
    bc_broadcast_set_reach(broadcast, BC_DEVICE_LINK, &ops);
    bc_broadcast_add_listener(broadcast, on_run, reach);
    bc_device_link_listen(link, &listener);
    return reach;
}

void bc_link_reach_set_manifests(BcLinkReach *reach, const BcManifests *manifests)
{
    reach->manifests = manifests;
}

void bc_link_reach_free(BcLinkReach *reach)
{
    if (!reach)
        return;
    bc_device_link_unlisten(reach->link, reach);
    bc_broadcast_remove_listener(reach->broadcast, on_run, reach);
    bc_broadcast_set_reach(reach->broadcast, BC_DEVICE_LINK, NULL);
    g_queue_clear_full(&reach->orders, free_order);
    g_hash_table_unref(reach->commands);
    *reach->alive = NULL;
    g_rc_box_release(reach->alive);
    g_free(reach);
}
