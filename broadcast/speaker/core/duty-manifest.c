/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/core/duty-private.h"
#include <string.h>

void bc_duty_clear_manifest(BcDuty *desk)
{
    for (unsigned i = 0; desk->timetable && i < desk->manifest.n_items; i++)
        g_free(desk->timetable[i].blocker);
    g_clear_pointer(&desk->timetable, g_free);
    if (desk->has_manifest)
        bc_link_manifest_clear(&desk->manifest);
    g_clear_pointer(&desk->zone, g_time_zone_unref);
    desk->has_manifest = false;
}

static BcShow *find_show(const BcDuty *desk, const char *occurrence)
{
    for (unsigned i = 0; desk->timetable && i < desk->manifest.n_items; i++)
        if (!strcmp(bc_show_occurrence(&desk->timetable[i]), occurrence))
            return &desk->timetable[i];
    return NULL;
}

/* Whether both name the same sound at the same time: then it goes on as if nothing had come. */
static bool same_sound(const BcLinkItem *a, const BcLinkItem *b)
{
    return a->kind == b->kind && a->start_us == b->start_us && !g_strcmp0(a->media.sha256, b->media.sha256) &&
        !g_strcmp0(a->relay_url, b->relay_url) && a->repeats == b->repeats && a->gap_us == b->gap_us;
}

static BcShow *make_timetable(BcDuty *desk, const BcLinkManifest *manifest, int64_t now_us)
{
    BcShow *shows = g_new0(BcShow, MAX(manifest->n_items, 1));
    for (unsigned i = 0; i < manifest->n_items; i++) {
        BcShow *show = &shows[i];
        const BcLinkItem *item = &manifest->items[i];
        show->item = item;
        show->origin_us = item->start_us;
        bc_show_measure(show, false);
        show->stored = bc_duty_stored(desk, show);
        const BcPast *past = bc_duty_recall(desk, item->occurrence);
        show->begun = past && past->began_us;
        show->over = (past && past->over) || (desk->clock == BC_DUTY_CLOCK_SERVER && bc_show_forgotten(show, now_us));
        const BcShow *before = find_show(desk, item->occurrence);
        if (before) {
            show->held = before->held;
            show->hindrance = before->hindrance;
            show->blocker = g_strdup(before->blocker);
        }
    }
    return shows;
}

/* What of the old timetable sounds now: it goes on in the new one, or is withdrawn. */
static BcShow *carry_over(BcDuty *desk, BcShow *fresh, const BcLinkManifest *manifest, int64_t now_us)
{
    BcShow *old = desk->sounding;
    if (!old || old->command || old->line_test)
        return old;
    for (unsigned i = 0; i < manifest->n_items; i++) {
        if (!strcmp(manifest->items[i].occurrence, bc_show_occurrence(old)) && same_sound(&manifest->items[i], old->item)) {
            fresh[i].heard_us = old->heard_us;
            return &fresh[i];
        }
    }
    bc_duty_finish(desk, old, now_us, "withdrawn");
    for (unsigned i = 0; i < manifest->n_items; i++) /* moved or changed: it may sound anew at its new time */
        if (!strcmp(manifest->items[i].occurrence, bc_show_occurrence(old))) {
            fresh[i].over = false;
            fresh[i].begun = false;
            g_hash_table_remove(desk->past, bc_show_occurrence(old));
        }
    return NULL;
}

bool bc_duty_set_manifest(BcDuty *desk, BcLinkManifest *manifest, bool stored, int64_t now_us, GError **error)
{
    if (g_strcmp0(manifest->device, desk->device)) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT, "the manifest is for %s, this is %s", manifest->device, desk->device);
        return false;
    }
    if (desk->has_manifest && manifest->version < desk->manifest.version) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT, "manifest version %" G_GINT64_FORMAT " is older than %" G_GINT64_FORMAT
            ", which is stored", manifest->version, desk->manifest.version);
        return false;
    }
    if (!desk->boot_us)
        desk->boot_us = now_us;
    BcShow *fresh = make_timetable(desk, manifest, now_us);
    BcShow *sounding = carry_over(desk, fresh, manifest, now_us);
    bc_duty_clear_manifest(desk);
    desk->manifest = *manifest;
    memset(manifest, 0, sizeof(*manifest));
    desk->has_manifest = true;
    desk->stored_manifest = stored;
    desk->timetable = fresh;
    desk->sounding = sounding;
    desk->now.occurrence = sounding ? bc_show_occurrence(sounding) : NULL;
    desk->now.item = sounding ? sounding->item : NULL;
    desk->zone = g_time_zone_new_identifier(desk->manifest.zone ? desk->manifest.zone : "UTC");
    if (desk->volume_issued_us < desk->manifest.issued_us)
        desk->volume = -1;
    if (desk->manifest.stop_before_us > desk->stop_before_us)
        bc_duty_stop_before(desk, desk->manifest.stop_before_us, now_us, "stop-all");
    desk->changed = true;
    return true;
}
