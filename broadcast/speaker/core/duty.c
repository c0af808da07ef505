/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/core/duty-private.h"
#include <string.h>
#include "broadcast/link/siren.h"

#define SIREN_HOLD_US (30 * BC_SECOND_US) /* silence after a siren whose message is still being fetched */

BcDuty *bc_duty_new(const char *device, const BcDutyOps *ops)
{
    BcDuty *desk = g_new0(BcDuty, 1);
    desk->device = g_strdup(device);
    if (ops)
        desk->ops = *ops;
    desk->orders = g_ptr_array_new_with_free_func((GDestroyNotify)bc_show_free);
    desk->past = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    desk->obeyed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    desk->clock = BC_DUTY_CLOCK_SERVER;
    desk->volume = -1;
    return desk;
}

void bc_duty_free(BcDuty *desk)
{
    if (!desk)
        return;
    bc_duty_clear_manifest(desk);
    g_ptr_array_unref(desk->orders);
    g_hash_table_unref(desk->past);
    g_hash_table_unref(desk->obeyed);
    g_free(desk->device);
    g_free(desk);
}

void bc_duty_set_lead(BcDuty *desk, int64_t lead_us)
{
    desk->lead_us = lead_us;
}

const BcLinkManifest *bc_duty_manifest(const BcDuty *desk)
{
    return desk->has_manifest ? &desk->manifest : NULL;
}

const BcDutyNow *bc_duty_now(const BcDuty *desk)
{
    return &desk->now;
}

/* ---------------------------------------------------------------- memory of occurrences */

BcPast *bc_duty_recall(const BcDuty *desk, const char *occurrence)
{
    return g_hash_table_lookup(desk->past, occurrence);
}

static void forget_oldest(BcDuty *desk)
{
    GHashTableIter iter;
    gpointer key, value;
    const char *oldest = NULL;
    int64_t oldest_us = INT64_MAX;
    g_hash_table_iter_init(&iter, desk->past);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (((BcPast *)value)->until_us < oldest_us) {
            oldest_us = ((BcPast *)value)->until_us;
            oldest = key;
        }
    }
    if (oldest)
        g_hash_table_remove(desk->past, oldest);
}

void bc_duty_remember(BcDuty *desk, const BcShow *show)
{
    const char *occurrence = bc_show_occurrence(show);
    BcPast *past = bc_duty_recall(desk, occurrence);
    if (!past) {
        if (g_hash_table_size(desk->past) >= BC_DUTY_PAST_MAX)
            forget_oldest(desk);
        past = g_new0(BcPast, 1);
        g_hash_table_insert(desk->past, g_strdup(occurrence), past);
    }
    if (show->begun && !past->began_us)
        past->began_us = show->heard_us ? show->heard_us : desk->decided_us;
    past->over |= show->over;
    past->until_us = show->end_us + BC_DUTY_REMEMBER_US;
    desk->dirty = true;
}

bool bc_duty_stored(const BcDuty *desk, const BcShow *show)
{
    if (show->live || show->line_test || show->item->kind != BC_LINK_CONTENT || !bc_show_has_content(show))
        return true;
    return desk->ops.has_media && desk->ops.has_media(show->item->media.sha256, desk->ops.user);
}

/* ---------------------------------------------------------------- hours of the day */

unsigned bc_duty_local_minute(const BcDuty *desk, int64_t now_us)
{
    int64_t s = now_us / BC_SECOND_US;
    if (desk->zone) {
        int interval = g_time_zone_find_interval(desk->zone, G_TIME_TYPE_UNIVERSAL, s);
        if (interval >= 0)
            s += g_time_zone_get_offset(desk->zone, interval);
    }
    int64_t in_day = s % 86400;
    return (unsigned)((in_day < 0 ? in_day + 86400 : in_day) / 60);
}

static bool within(const BcLinkWindow *window, unsigned minute)
{
    if (window->from_min <= window->to_min)
        return minute >= window->from_min && minute < window->to_min;
    return minute >= window->from_min || minute < window->to_min; /* passes midnight */
}

static bool quiet(const BcDuty *desk, unsigned minute)
{
    for (unsigned i = 0; desk->has_manifest && i < desk->manifest.n_quiet; i++)
        if (within(&desk->manifest.quiet[i], minute))
            return true;
    return false;
}

static unsigned volume_for(const BcDuty *desk, const BcShow *show, unsigned minute)
{
    int volume = desk->has_manifest ? (int)desk->manifest.volume : 100;
    if (desk->volume >= 0)
        volume = desk->volume;
    if (show->item && show->item->volume >= 0)
        volume = show->item->volume;
    if (bc_show_priority(show) > 1) /* an emergency at night must wake people */
        for (unsigned i = 0; desk->has_manifest && i < desk->manifest.n_volumes; i++)
            if (within(&desk->manifest.volumes[i], minute) && volume > (int)desk->manifest.volumes[i].volume)
                volume = (int)desk->manifest.volumes[i].volume;
    return (unsigned)CLAMP(volume, 0, 100);
}

/* ---------------------------------------------------------------- news */

void bc_duty_tell(BcDuty *desk, const BcShow *show, const char *state, const char *reason, int64_t from_us, int64_t to_us)
{
    if (!desk->ops.news || show->line_test)
        return;
    BcDutyNews news = {
        .occurrence = bc_show_occurrence(show),
        .sha256 = show->item && show->item->media.sha256 ? show->item->media.sha256 : "",
        .state = state, .reason = reason, .from_us = from_us, .to_us = to_us,
        .serial = desk->sounding == show ? desk->now.serial : 0,
    };
    desk->ops.news(&news, desk->ops.user);
}

static const char *why_missed(const BcDuty *desk, const BcShow *show, char *buf, size_t cap)
{
    if (show->begun)
        return "could not be played";
    if (show->blocker) {
        g_snprintf(buf, cap, "pre-empted by %s", show->blocker);
        return buf;
    }
    if (show->hindrance)
        return show->hindrance;
    int64_t last_us = show->item ? show->origin_us + show->item->grace_us : show->end_us;
    if (last_us < desk->boot_us && desk->stored_manifest && !show->command)
        return "power was off";
    return "received too late";
}

void bc_duty_finish(BcDuty *desk, BcShow *show, int64_t at_us, const char *reason)
{
    char buf[160];
    if (show->over)
        return;
    show->over = true;
    int64_t to_us = MIN(at_us, show->end_us);
    if (desk->sounding == show && show->heard_us)
        bc_duty_tell(desk, show, reason ? "cut" : "ended", reason, show->heard_us, to_us);
    else if (desk->sounding == show || !show->begun)
        bc_duty_tell(desk, show, "missed", reason ? reason : why_missed(desk, show, buf, sizeof(buf)), 0, 0);
    else if (reason && !show->held) /* begun before the power went, stopped meanwhile */
        bc_duty_tell(desk, show, "cut", reason, 0, 0);
    if (desk->sounding == show) {
        desk->sounding = NULL;
        desk->now = (BcDutyNow){0};
    }
    bc_duty_remember(desk, show);
    desk->changed = true;
}

/* ---------------------------------------------------------------- deciding */

/* Whether anything but something higher keeps it from sounding. */
static bool may_sound(const BcDuty *desk, BcShow *show, int64_t now_us, bool quiet_now)
{
    const char *hindrance = NULL;
    if (show->waiting)
        hindrance = "media not fetched";
    else if (now_us < show->origin_us)
        return false;
    else if (!show->command && desk->manifest.valid_until_us && show->origin_us >= desk->manifest.valid_until_us)
        hindrance = "the timetable had run out";
    else if (quiet_now && bc_show_priority(show) > 1 && !(show->item && show->item->quiet_ok) && !(show->live && show->live->quiet_ok))
        hindrance = "quiet hours";
    else if (show->lost)
        hindrance = "live sound not heard";
    else if (!show->stored && (!show->siren || now_us >= show->content_us + SIREN_HOLD_US))
        hindrance = "media not fetched";
    if (!hindrance && !show->begun && !show->held && show->item && now_us > bc_show_last_begin_us(show)) {
        if (!show->hindrance && !show->blocker && desk->boot_us <= bc_show_last_begin_us(show))
            show->hindrance = "received too late";
        return false;
    }
    if (hindrance)
        show->hindrance = hindrance;
    return !hindrance;
}

/* Too late, over or gone: settles it. True if it still matters. */
static bool still_open(BcDuty *desk, BcShow *show, int64_t now_us)
{
    if (show->over || bc_duty_rests(desk, show, now_us))
        return false;
    if (show->item && show->item->kind >= BC_LINK_KIND_MAX && now_us >= show->origin_us) { /* of a newer server: silence, and saying so */
        show->over = true;
        bc_duty_tell(desk, show, "refused", "it is of a kind this device does not know", 0, 0);
        bc_duty_remember(desk, show);
        return false;
    }
    if (now_us >= show->end_us) {
        bool cut = show->item && show->item->expires_us && show->item->expires_us == show->end_us &&
            show->end_us < show->content_us + show->item->duration_us;
        bc_duty_finish(desk, show, show->end_us, cut ? "expired" : NULL);
        return false;
    }
    if (show != desk->sounding && !show->begun && !show->held && show->item && !show->waiting &&
        now_us > bc_show_last_begin_us(show)) {
        bc_duty_finish(desk, show, now_us, NULL);
        return false;
    }
    return true;
}

typedef struct Choice {
    BcShow *best;
    int64_t next_us;
} Choice;

static void sooner(int64_t *next_us, int64_t at_us, int64_t now_us)
{
    if (at_us > now_us && at_us < *next_us)
        *next_us = at_us;
}

static void consider(BcDuty *desk, BcShow *show, int64_t now_us, bool quiet_now, Choice *choice)
{
    if (!still_open(desk, show, now_us))
        return;
    sooner(&choice->next_us, show->origin_us, now_us);
    sooner(&choice->next_us, show->content_us, now_us);
    sooner(&choice->next_us, show->end_us, now_us);
    if (show->item && !show->begun)
        sooner(&choice->next_us, bc_show_last_begin_us(show) + 1, now_us);
    if (may_sound(desk, show, now_us, quiet_now) && (!choice->best || bc_show_compare(show, choice->best) < 0))
        choice->best = show;
}

/* Something else took the place of what sounded. */
static void displace(BcDuty *desk, BcShow *show, const BcShow *by, int64_t now_us)
{
    char reason[200];
    if (!by || bc_show_compare(show, by) < 0) { /* nothing drove it out: it may not or cannot sound */
        if (show->hindrance && !show->over && !show->live) /* quiet hours began, or its media is gone */
            bc_duty_finish(desk, show, now_us, show->hindrance);
        else if (show->heard_us)
            bc_duty_tell(desk, show, "cut", show->hindrance, show->heard_us, now_us);
        show->held = true;
        show->heard_us = 0;
        return;
    }
    bool resumes = show->live || (show->item && show->item->resume);
    g_snprintf(reason, sizeof(reason), "%s %s", bc_show_priority(by) == 1 ? "emergency" : bc_show_priority(by) == 2 ? "priority" : "newer",
        bc_show_occurrence(by));
    if (!resumes) {
        bc_duty_finish(desk, show, now_us, reason);
        return;
    }
    if (show->heard_us)
        bc_duty_tell(desk, show, "cut", reason, show->heard_us, now_us);
    show->heard_us = 0;
    show->held = true;
}

static void hold_back(const BcDuty *desk, BcShow *show, const BcShow *best, int64_t now_us)
{
    if (show == best || show->over || bc_duty_rests(desk, show, now_us) || now_us < show->origin_us || show->waiting || !best ||
        bc_show_compare(show, best) < 0)
        return;
    if (g_strcmp0(show->blocker, bc_show_occurrence(best))) {
        g_free(show->blocker);
        show->blocker = g_strdup(bc_show_occurrence(best));
    }
    show->held |= show->live || show->item->resume;
}

static void describe(BcDuty *desk, BcShow *show, int64_t now_us, unsigned minute)
{
    BcDutyNow *now = &desk->now;
    now->occurrence = bc_show_occurrence(show);
    now->item = show->item;
    now->live = show->live;
    now->siren = show->siren;
    now->siren_rounds = show->siren_rounds;
    now->origin_us = show->content_us;
    now->until_us = show->end_us;
    now->volume = volume_for(desk, show, minute);
    if (show->live)
        now->sound = BC_DUTY_LIVE;
    else if (show->siren && now_us < show->origin_us + bc_siren_duration_us(show->siren, show->siren_rounds)) {
        now->sound = BC_DUTY_SIREN;
        now->origin_us = show->origin_us;
    } else if (now_us < show->content_us || !show->stored || show->item->kind == BC_LINK_SILENCE)
        now->sound = BC_DUTY_SILENCE;
    else if (show->line_test)
        now->sound = BC_DUTY_LINE_TEST;
    else
        now->sound = show->item->kind == BC_LINK_RELAY ? BC_DUTY_RELAY : BC_DUTY_FILE;
}

static void switch_to(BcDuty *desk, BcShow *best, int64_t now_us)
{
    BcShow *before = desk->sounding;
    if (before == best)
        return;
    if (before)
        displace(desk, before, best, now_us);
    desk->now = (BcDutyNow){0};
    desk->sounding = best;
    if (!best)
        return;
    desk->now.serial = ++desk->serials;
    best->hindrance = NULL;
    g_clear_pointer(&best->blocker, g_free);
    if (!best->begun) {
        best->begun = true;
        bc_duty_remember(desk, best);
    }
}

static void drop_finished_orders(BcDuty *desk)
{
    for (guint i = desk->orders->len; i-- > 0;) {
        BcShow *show = g_ptr_array_index(desk->orders, i);
        if (show->over && show != desk->sounding)
            g_ptr_array_remove_index_fast(desk->orders, i);
    }
}

int64_t bc_duty_tick(BcDuty *desk, int64_t now_us)
{
    if (!desk->boot_us)
        desk->boot_us = now_us;
    bc_duty_mind_clock(desk, now_us);
    if (!desk->changed && now_us >= desk->decided_us && now_us < desk->next_us)
        return desk->next_us;
    desk->changed = false;
    desk->decided_us = now_us;
    unsigned minute = bc_duty_local_minute(desk, now_us);
    bool quiet_now = quiet(desk, minute);
    /* hours of the day change on the minute */
    Choice choice = {.next_us = (now_us / (60 * BC_SECOND_US) + 1) * 60 * BC_SECOND_US};
    for (unsigned i = 0; desk->has_manifest && i < desk->manifest.n_items; i++)
        consider(desk, &desk->timetable[i], now_us, quiet_now, &choice);
    for (guint i = 0; i < desk->orders->len; i++)
        consider(desk, g_ptr_array_index(desk->orders, i), now_us, quiet_now, &choice);
    for (unsigned i = 0; desk->has_manifest && i < desk->manifest.n_items; i++)
        hold_back(desk, &desk->timetable[i], choice.best, now_us);
    for (guint i = 0; i < desk->orders->len; i++)
        hold_back(desk, g_ptr_array_index(desk->orders, i), choice.best, now_us);
    switch_to(desk, choice.best, now_us);
    if (desk->sounding)
        describe(desk, desk->sounding, now_us, minute);
    drop_finished_orders(desk);
    desk->changed = false;
    desk->next_us = choice.next_us;
    return desk->next_us;
}

/* ---------------------------------------------------------------- from the sound */

void bc_duty_media_changed(BcDuty *desk, int64_t now_us)
{
    for (unsigned i = 0; desk->has_manifest && i < desk->manifest.n_items; i++)
        if (!desk->timetable[i].over)
            desk->timetable[i].stored = bc_duty_stored(desk, &desk->timetable[i]);
    for (guint i = 0; i < desk->orders->len; i++) {
        BcShow *show = g_ptr_array_index(desk->orders, i);
        bool stored = bc_duty_stored(desk, show);
        if (stored && !show->stored && show->at_once) {
            if (show->waiting)
                show->origin_us = now_us + desk->lead_us;
            else if (now_us + desk->lead_us > show->content_us)
                show->content_us = now_us + desk->lead_us;
            show->waiting = false;
            desk->dirty = true;
        }
        if (!show->waiting)
            bc_show_measure(show, stored);
    }
    desk->changed = true;
}

const BcLinkItem *bc_duty_next(const BcDuty *desk, int64_t now_us, int64_t within_us, int64_t *ret_origin_us)
{
    const BcShow *next = NULL;
    for (guint i = 0; i < desk->orders->len + (desk->has_manifest ? desk->manifest.n_items : 0); i++) {
        const BcShow *show = i < desk->orders->len ? g_ptr_array_index(desk->orders, i) : &desk->timetable[i - desk->orders->len];
        if (show->over || !show->item || show->line_test || !show->stored || show->waiting || show->content_us <= now_us ||
            show->content_us > now_us + within_us)
            continue;
        if (!next || show->content_us < next->content_us || (show->content_us == next->content_us && bc_show_compare(show, next) < 0))
            next = show;
    }
    if (!next)
        return NULL;
    *ret_origin_us = next->content_us;
    return next->item;
}

void bc_duty_heard(BcDuty *desk, uint64_t serial, int64_t at_us)
{
    if (!desk->sounding || serial != desk->now.serial || desk->sounding->heard_us)
        return;
    desk->sounding->heard_us = at_us;
    bc_duty_tell(desk, desk->sounding, "began", NULL, at_us, 0);
}

void bc_duty_failed(BcDuty *desk, uint64_t serial, const char *reason, int64_t now_us)
{
    if (desk->sounding && serial == desk->now.serial)
        bc_duty_finish(desk, desk->sounding, now_us, reason);
}

void bc_duty_live_lost(BcDuty *desk, const char *occurrence, bool lost)
{
    for (guint i = 0; i < desk->orders->len; i++) {
        BcShow *show = g_ptr_array_index(desk->orders, i);
        if (show->live && !strcmp(show->live->occurrence, occurrence) && show->lost != lost) {
            show->lost = lost;
            desk->changed = true;
        }
    }
}

const BcLinkLive *bc_duty_live_wanted(const BcDuty *desk, int64_t now_us)
{
    const BcShow *best = NULL;
    for (guint i = 0; i < desk->orders->len; i++) {
        const BcShow *show = g_ptr_array_index(desk->orders, i);
        if (show->live && !show->over && now_us < show->end_us && (!best || bc_show_compare(show, best) < 0))
            best = show;
    }
    return best ? best->live : NULL;
}
