/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/core/duty-private.h"
#include <string.h>

#define LINE_TEST_US (3 * BC_SECOND_US)
#define STOP_MEMORY_US (2 * BC_DAY_US) /* a stop outlives what it stops, in whatever order they come */

/* What the commands are that the desk itself carries out stands below; the rest is handed back. */

static bool lies_in(const BcDuty *desk, const BcLinkCommand *command)
{
    if (!command->areas[0])
        return true;
    for (unsigned i = 0; desk->has_manifest && desk->manifest.areas[i]; i++)
        for (unsigned j = 0; command->areas[j]; j++)
            if (!strcmp(desk->manifest.areas[i], command->areas[j]))
                return true;
    return false;
}

static void forget_first_to_expire(BcDuty *desk, int64_t now_us)
{
    GHashTableIter iter;
    gpointer key, value;
    const char *first = NULL;
    int64_t first_us = INT64_MAX;
    g_hash_table_iter_init(&iter, desk->obeyed);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        int64_t until_us = *(int64_t *)value;
        if (until_us <= now_us)
            g_hash_table_iter_remove(&iter);
        else if (until_us < first_us) {
            first_us = until_us;
            first = key;
        }
    }
    if (first && g_hash_table_size(desk->obeyed) >= BC_DUTY_OBEYED_MAX)
        g_hash_table_remove(desk->obeyed, first);
}

static void note_obeyed(BcDuty *desk, const BcLinkCommand *command, int64_t now_us)
{
    if (g_hash_table_size(desk->obeyed) >= BC_DUTY_OBEYED_MAX)
        forget_first_to_expire(desk, now_us);
    int64_t *until = g_new(int64_t, 1);
    *until = MAX(command->expires_us, now_us + BC_DAY_US);
    g_hash_table_insert(desk->obeyed, g_strdup(command->id), until);
    desk->dirty = true;
}

/* A deep copy by way of the wire: there is one place that knows all fields. */
static bool copy_command(const BcLinkCommand *command, BcLinkCommand *ret, char **ret_text)
{
    char *text = bc_link_command_format(command);
    if (!text || !bc_link_command_parse(ret, text, strlen(text), NULL)) {
        g_free(text);
        return false;
    }
    *ret_text = text;
    return true;
}

static BcShow *live_show(BcLinkCommand *copy, int64_t now_us)
{
    BcShow *show = g_new0(BcShow, 1);
    show->live = g_memdup2(&copy->live, sizeof(copy->live));
    memset(&copy->live, 0, sizeof(copy->live));
    show->origin_us = show->content_us = now_us;
    show->end_us = show->live->expires_us ? show->live->expires_us : copy->expires_us;
    show->stored = true;
    return show;
}

static BcShow *item_show(BcDuty *desk, BcLinkCommand *copy, int64_t now_us)
{
    BcShow *show = g_new0(BcShow, 1);
    show->own = g_memdup2(&copy->item, sizeof(copy->item));
    memset(&copy->item, 0, sizeof(copy->item));
    show->item = show->own;
    if (copy->verb == BC_LINK_ALERT) {
        show->siren = copy->siren >= BC_SIREN_MAX ? BC_SIREN_CHIME : copy->siren; /* one of a newer server: heard all the same */
        show->siren_rounds = copy->siren_rounds;
    }
    show->at_once = show->own->start_us <= 0;
    if (!show->own->expires_us && show->at_once)
        show->own->expires_us = copy->expires_us + show->own->duration_us;
    int64_t together_us = copy->issued_us + BC_DUTY_AT_ONCE_US;
    show->origin_us = !show->at_once ? show->own->start_us : now_us <= together_us ? together_us : now_us + desk->lead_us;
    if (show->at_once) /* a late order sounds whole: its own clock starts with it */
        show->own->grace_us = MAX(show->own->grace_us, show->own->expires_us - show->origin_us);
    show->stored = bc_duty_stored(desk, show);
    show->waiting = show->at_once && !show->siren && !show->stored;
    if (show->waiting)
        show->end_us = show->own->expires_us;
    else
        bc_show_measure(show, show->stored);
    return show;
}

BcShow *bc_duty_order(BcDuty *desk, const BcLinkCommand *command, int64_t now_us, const char **ret_reason)
{
    BcLinkCommand copy = {0};
    char *text = NULL;
    if (desk->orders->len >= BC_DUTY_COMMANDS_MAX) {
        *ret_reason = "failed: too many orders at a time";
        return NULL;
    }
    if (!copy_command(command, &copy, &text)) {
        *ret_reason = "failed: the order cannot be kept";
        return NULL;
    }
    BcShow *show = copy.verb == BC_LINK_LIVE ? live_show(&copy, now_us) : item_show(desk, &copy, now_us);
    show->command = text;
    show->issued_us = copy.issued_us;
    bc_link_command_clear(&copy);
    const BcPast *past = bc_duty_recall(desk, bc_show_occurrence(show));
    const char *refusal = past && past->over ? "stopped" : command->issued_us < desk->stop_before_us ? "stopped" :
        now_us >= show->end_us ? "expired" : NULL;
    if (refusal) {
        *ret_reason = refusal;
        bc_show_free(show);
        return NULL;
    }
    show->begun = past && past->began_us;
    g_ptr_array_add(desk->orders, show);
    desk->dirty = desk->changed = true;
    return show;
}

/* A programme ("SCHEDULE@SECONDS") is all of its items ("SCHEDULE@SECONDS.N"). */
static bool same_occurrence(const BcShow *show, const char *occurrence)
{
    const char *own = bc_show_occurrence(show);
    size_t len = strlen(occurrence);
    if (show->over || strncmp(own, occurrence, len) != 0)
        return false;
    return !own[len] || (own[len] == '.' && strchr(occurrence, '@'));
}

static void stop_one(BcDuty *desk, const char *occurrence, int64_t now_us)
{
    for (unsigned i = 0; desk->has_manifest && i < desk->manifest.n_items; i++)
        if (same_occurrence(&desk->timetable[i], occurrence))
            bc_duty_finish(desk, &desk->timetable[i], now_us, "stopped");
    for (guint i = 0; i < desk->orders->len; i++)
        if (same_occurrence(g_ptr_array_index(desk->orders, i), occurrence))
            bc_duty_finish(desk, g_ptr_array_index(desk->orders, i), now_us, "stopped");
    if (!bc_duty_recall(desk, occurrence)) { /* the order may still be on its way */
        BcLinkItem item = {.occurrence = (char *)occurrence};
        BcShow ahead = {.item = &item, .over = true, .end_us = now_us + STOP_MEMORY_US};
        bc_duty_remember(desk, &ahead);
    }
    desk->changed = true;
}

void bc_duty_stop_before(BcDuty *desk, int64_t before_us, int64_t now_us, const char *reason)
{
    if (before_us > desk->stop_before_us) {
        desk->stop_before_us = before_us;
        desk->dirty = true;
    }
    for (unsigned i = 0; desk->has_manifest && i < desk->manifest.n_items; i++)
        if (desk->timetable[i].origin_us < before_us)
            bc_duty_finish(desk, &desk->timetable[i], now_us, reason);
    for (guint i = 0; i < desk->orders->len; i++) {
        BcShow *show = g_ptr_array_index(desk->orders, i);
        if (show->issued_us < before_us)
            bc_duty_finish(desk, show, now_us, reason);
    }
    desk->changed = true;
}

/* Soft and short, and only into silence. */
static bool line_test(BcDuty *desk, const BcLinkCommand *command, int64_t now_us, const char **ret_reason)
{
    if (desk->sounding || desk->orders->len >= BC_DUTY_COMMANDS_MAX) {
        *ret_reason = "failed: it is sounding just now";
        return false;
    }
    BcShow *show = g_new0(BcShow, 1);
    BcLinkItem *item = g_new0(BcLinkItem, 1);
    item->kind = BC_LINK_RELAY; /* needs no file */
    item->occurrence = g_strdup_printf("line-test:%s", command->id);
    item->title = g_strdup("");
    item->media.sha256 = g_strdup("");
    item->start_us = now_us + desk->lead_us;
    item->duration_us = LINE_TEST_US;
    item->grace_us = BC_SECOND_US;
    item->priority = 3;
    item->authority = 99;
    item->repeats = 1;
    item->volume = -1;
    item->quiet_ok = true;
    show->own = item;
    show->item = item;
    show->line_test = true;
    show->command = g_strdup("");
    show->origin_us = item->start_us;
    bc_show_measure(show, true);
    g_ptr_array_add(desk->orders, show);
    desk->changed = true;
    return true;
}

static BcDutyVerdict obey(BcDuty *desk, const BcLinkCommand *command, int64_t now_us, const char **ret_reason)
{
    switch (command->verb) {
    case BC_LINK_PLAY:
    case BC_LINK_ALERT:
    case BC_LINK_LIVE:
        return bc_duty_order(desk, command, now_us, ret_reason) ? BC_DUTY_OBEYED : BC_DUTY_REFUSED;
    case BC_LINK_STOP:
        if (!command->occurrence || !*command->occurrence) {
            *ret_reason = "failed: no occurrence to stop";
            return BC_DUTY_REFUSED;
        }
        stop_one(desk, command->occurrence, now_us);
        return BC_DUTY_OBEYED;
    case BC_LINK_STOP_ALL:
        bc_duty_stop_before(desk, command->issued_us, now_us, "stop-all");
        return BC_DUTY_OBEYED;
    case BC_LINK_VOLUME:
        if (command->volume < 0 || command->volume > 100) {
            *ret_reason = "failed: volume must be 0 to 100";
            return BC_DUTY_REFUSED;
        }
        if (command->issued_us >= desk->volume_issued_us) {
            desk->volume = command->volume;
            desk->volume_issued_us = command->issued_us;
            desk->dirty = desk->changed = true;
        }
        return BC_DUTY_OBEYED;
    case BC_LINK_LINE_TEST:
        return line_test(desk, command, now_us, ret_reason) ? BC_DUTY_OBEYED : BC_DUTY_REFUSED;
    case BC_LINK_RESTART:
    case BC_LINK_FETCH:
    case BC_LINK_SEND_LOG:
    case BC_LINK_FIRMWARE:
    case BC_LINK_BLANK:
        return BC_DUTY_YOURS;
    case BC_LINK_VERB_MAX:
        break;
    }
    *ret_reason = "unknown";
    return BC_DUTY_REFUSED;
}

BcDutyVerdict bc_duty_command(BcDuty *desk, const BcLinkCommand *command, int64_t now_us, const char **ret_reason)
{
    *ret_reason = NULL;
    if (g_hash_table_contains(desk->obeyed, command->id))
        return BC_DUTY_AGAIN;
    if (command->expires_us <= now_us) {
        *ret_reason = "expired";
        return BC_DUTY_REFUSED;
    }
    if (!lies_in(desk, command)) {
        *ret_reason = "area";
        return BC_DUTY_REFUSED;
    }
    BcDutyVerdict verdict = obey(desk, command, now_us, ret_reason);
    if (verdict != BC_DUTY_REFUSED)
        note_obeyed(desk, command, now_us);
    return verdict;
}

void bc_duty_order_media(const BcDuty *desk, void (*each)(const BcLinkMedia *media, void *user), void *user)
{
    for (guint i = 0; i < desk->orders->len; i++) {
        const BcShow *show = g_ptr_array_index(desk->orders, i);
        const BcLinkMedia *media = !show->item || show->over || show->line_test ? NULL :
            show->item->kind == BC_LINK_RELAY ? &show->item->fallback : &show->item->media;
        if (media && media->sha256 && *media->sha256)
            each(media, user);
    }
}
