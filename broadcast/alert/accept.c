/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes in: CAP messages, emergencies, drills, stops; and what a message does to those before it, in whatever order they came. */
#include "broadcast/alert/private.h"

#include <string.h>

#define OURS "mediad"
#define ALL_CLEAR_US (30 * 60 * G_USEC_PER_SEC)

static void refuse(BcAlertDoneFn done, void *user, const GError *error)
{
    if (done)
        done(NULL, false, error, user);
}

/* --- a message's worth --- */

static bool sender_fits(const BcAlertSource *source, const char *sender)
{
    if (!source->senders || !source->senders[0])
        return true;
    for (unsigned i = 0; source->senders[i]; i++)
        if (g_pattern_match_simple(source->senders[i], sender))
            return true;
    return false;
}

static bool check(BcAlerts *alerts, const BcAlertSource *source, const BcCap *cap, const char *xml, gsize len, char **ret_signer, GError **error)
{
    if (!sender_fits(source, cap->sender)) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "<sender>: source %s may not speak for %s (alert.sources, senders)", source->name, cap->sender);
        return false;
    }
    if (cap->scope != BC_CAP_PUBLIC && !alerts->o.any_scope) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "<scope>: only Public messages are taken (alert.any_scope)");
        return false;
    }
    if (source->signature == BC_SIGNATURE_IGNORE)
        return true;
    g_autoptr(GError) why = NULL;
    BcSignature signature = bc_signature_check(alerts->signers, xml, len, ret_signer, &why);
    if (signature == BC_SIGNATURE_GOOD || (signature == BC_SIGNATURE_NONE && source->signature == BC_SIGNATURE_CHECK))
        return true;
    g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "<Signature>: %s", why ? why->message : "it is missing, and messages of this source must be signed");
    return false;
}

/* --- a message to alerts --- */

static char *reference_text(const BcCap *cap)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < cap->references->len; i++) {
        const BcCapReference *r = &g_array_index(cap->references, BcCapReference, i);
        g_string_append_printf(text, "%s%s,%s,%" G_GINT64_FORMAT, i ? " " : "", r->sender, r->identifier, r->sent_us);
    }
    return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static BcAlert *new_part(BcAlerts *alerts, const BcAlertSource *source, const BcCap *cap, const char *signer, unsigned part)
{
    BcAlert *alert = bc_alert_new("cap");
    alert->source = g_strdup(source->name);
    alert->identifier = g_strdup(cap->identifier);
    alert->sender = g_strdup(cap->sender);
    alert->sent_us = cap->sent_us;
    alert->part = part;
    alert->status = g_strdup(bc_cap_status_to_string(cap->status));
    alert->msg_type = g_strdup(bc_cap_type_to_string(cap->type));
    alert->references = reference_text(cap);
    alert->signer = g_strdup(signer);
    alert->note = g_strdup(cap->note);
    alert->authority = source->authority;
    alert->received_us = bc_alerts_now_us(alerts);
    alert->priority = BC_NORMAL;
    alert->state = BC_ALERT_STORED;
    return alert;
}

static BcSaid said_of(BcCapStatus status)
{
    return status == BC_CAP_ACTUAL ? BC_SAID_ACTUAL : status == BC_CAP_EXERCISE ? BC_SAID_EXERCISE : BC_SAID_TEST;
}

static void take_times(BcAlerts *alerts, BcAlert *alert, const BcCapInfo *info)
{
    /* 3.2.2: in force since it was sent, unless it says otherwise; a sender's clock that is ahead delays nothing */
    alert->begin_us = info->effective_us ? info->effective_us : MIN(alert->sent_us, alert->received_us);
    alert->expires_us = info->expires_us ? info->expires_us : alert->begin_us + alerts->o.default_expires_us;
    alert->expires_us = MIN(alert->expires_us, MAX(alert->received_us, alert->begin_us) + alerts->o.max_us);
}

static void take_sound(BcAlerts *alerts, BcAlert *alert, const BcCap *cap, const BcCapInfo *info)
{
    BcSounding sounding;
    bc_siren_choose(alerts->rules, alerts->o.n_rules, info, &sounding);
    alert->siren = info->all_clear ? BC_SIREN_ALL_CLEAR : sounding.siren;
    alert->rounds = info->all_clear ? 1 : sounding.rounds;
    alert->priority = sounding.priority;
    alert->repeats = info->all_clear ? 1 : sounding.repeats;
    alert->interval_us = (int64_t)sounding.interval_s * G_USEC_PER_SEC;
    if (cap->status == BC_CAP_ACTUAL)
        return;
    alert->siren = BC_SIREN_DRILL; /* never to be taken for the real one */
    alert->rounds = alert->repeats = 1;
    alert->priority = BC_PRIORITY;
}

static BcAlert *take_info(BcAlerts *alerts, const BcAlertSource *source, const BcCap *cap, const BcCapInfo *info, const char *signer, unsigned part,
                          GError **error)
{
    BcRegionOptions region = {alerts->o.areas, alerts->o.devices, alerts->centres, (const char *const *)alerts->geocode_names, source->areas};
    g_autoptr(GPtrArray) areas = bc_region_find(&region, info, error);
    if (!areas)
        return NULL;
    BcAlert *alert = new_part(alerts, source, cap, signer, part);
    g_autoptr(GString) list = g_string_new(NULL);
    for (unsigned i = 0; i < areas->len; i++)
        g_string_append_printf(list, "%s%s", i ? "," : "", (const char *)areas->pdata[i]);
    alert->areas = g_strdup(list->str);
    alert->event = g_strdup(info->event);
    alert->language = g_strdup(info->language);
    alert->severity = g_strdup(bc_cap_severity_to_string(info->severity));
    alert->urgency = g_strdup(bc_cap_urgency_to_string(info->urgency));
    alert->certainty = g_strdup(bc_cap_certainty_to_string(info->certainty));
    alert->headline = bc_alert_title(said_of(cap->status), info->headline, info->event);
    alert->words = bc_alert_words(said_of(cap->status), info->headline ? info->headline : info->event, info->description, info->instruction);
    take_times(alerts, alert, info);
    take_sound(alerts, alert, cap, info);
    bool sounds = (cap->status == BC_CAP_ACTUAL || cap->status == BC_CAP_EXERCISE) && cap->type <= BC_CAP_UPDATE;
    alert->state = sounds ? BC_ALERT_WAITING : BC_ALERT_STORED;
    return alert;
}

/* All infos in the language that is spoken here: they may name different areas. */
static GPtrArray *take_parts(BcAlerts *alerts, const BcAlertSource *source, const BcCap *cap, const char *signer, GError **error)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(bc_alert_free);
    const BcCapInfo *chosen = bc_cap_choose(cap, (const char *const *)alerts->languages);
    g_autoptr(GError) why = NULL;
    for (unsigned i = 0; chosen && i < cap->infos->len; i++) {
        const BcCapInfo *info = cap->infos->pdata[i];
        if (g_ascii_strcasecmp(info->language, chosen->language) != 0)
            continue;
        BcAlert *alert = take_info(alerts, source, cap, info, signer, parts->len, why ? NULL : &why);
        if (alert)
            g_ptr_array_add(parts, alert);
    }
    bool calls_off = cap->type == BC_CAP_CANCEL || cap->type > BC_CAP_UPDATE;
    if (!parts->len && calls_off) /* what it calls off tells where */
        g_ptr_array_add(parts, new_part(alerts, source, cap, signer, 0));
    if (parts->len)
        return g_steal_pointer(&parts);
    g_propagate_error(error, why ? g_steal_pointer(&why) : g_error_new(BC_ERROR, BC_ERROR_INVALID, "<info> is missing in the message"));
    return NULL;
}

/* A source that has lost its mind fills neither the air nor the memory; what calls off and updates is taken nevertheless. */
static bool has_room(const BcAlerts *alerts, const BcAlertSource *source, const BcCap *cap, GError **error)
{
    unsigned open = 0;
    for (unsigned i = 0; cap->type == BC_CAP_ALERT && i < alerts->list->len; i++) {
        const BcAlert *alert = alerts->list->pdata[i];
        open += (alert->state == BC_ALERT_WAITING || alert->state == BC_ALERT_SOUNDING) && g_strcmp0(alert->source, source->name) == 0;
    }
    if (open >= BC_ALERTS_OPEN_MAX)
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "%u alerts of source %s are waiting or sounding already: cancel some, or send updates", open, source->name);
    return open < BC_ALERTS_OPEN_MAX;
}

void bc_alerts_take_cap(BcAlerts *alerts, const BcAlertSource *source, const char *xml, gsize len, BcAlertDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *signer = NULL;
    g_autoptr(BcCap) cap = bc_cap_parse(xml, len, &error);
    bool taken = cap && check(alerts, source, cap, xml, len, &signer, &error) && has_room(alerts, source, cap, &error);
    GPtrArray *parts = taken ? take_parts(alerts, source, cap, signer, &error) : NULL;
    if (!parts) {
        md_warning(&alerts->logger, "message from %s%s%s refused: %s", source->name, cap ? ", " : "", cap ? cap->identifier : "", error->message);
        refuse(done, user, error);
        return;
    }
    g_autofree char *text = g_utf8_validate(xml, (gssize)len, NULL) ? g_strndup(xml, len) : NULL; /* kept as it came, unless it is not UTF-8 */
    bc_alerts_enter(alerts, parts, text, done, user);
}

/* --- what replaces what --- */

static bool names(const BcAlert *later, const BcAlert *earlier)
{
    if (!later->references || !earlier->identifier || !earlier->sender)
        return false;
    g_autofree char *key = g_strdup_printf("%s,%s,%" G_GINT64_FORMAT, earlier->sender, earlier->identifier, earlier->sent_us);
    g_auto(GStrv) words = g_strsplit(later->references, " ", -1);
    return g_strv_contains((const char *const *)words, key);
}

/* An exercise calls off nothing that is real, and a lesser source nothing of a higher one. */
static bool may_replace(const BcAlert *later, const BcAlert *earlier)
{
    return later != earlier && g_strcmp0(later->status, earlier->status) == 0 && names(later, earlier) &&
           (g_strcmp0(later->source, earlier->source) == 0 || later->authority < earlier->authority);
}

static bool is_cancel(const BcAlert *alert)
{
    return g_strcmp0(alert->msg_type, "Cancel") == 0 || alert->siren == BC_SIREN_ALL_CLEAR;
}

static bool replaces(const BcAlert *alert)
{
    return is_cancel(alert) || g_strcmp0(alert->msg_type, "Update") == 0;
}

/* What is over already is marked, too: who calls it off once more does not sound a second all-clear. */
static void put_aside(BcAlerts *alerts, BcAlert *earlier, BcAlertState state, const char *reason)
{
    bc_alert_end(alerts, earlier, state, reason);
    if (earlier->state != BC_ALERT_DONE && earlier->state != BC_ALERT_STOPPED)
        return;
    earlier->state = state;
    g_free(earlier->reason);
    earlier->reason = g_strdup(reason);
    bc_alerts_save(alerts, earlier);
}

/* Returns one of what was heard, is real and has been called off, with the areas of all of them; NULL: there is none. */
static BcAlert *call_off(BcAlerts *alerts, const BcAlert *later, GString *areas)
{
    BcAlert *heard = NULL;
    g_autofree char *reason = g_strdup_printf("%s %s by %s", is_cancel(later) ? "called off" : "replaced", later->identifier, later->sender);
    for (unsigned i = 0; i < alerts->list->len; i++) {
        BcAlert *earlier = alerts->list->pdata[i];
        if (!may_replace(later, earlier))
            continue;
        bool over = earlier->state == BC_ALERT_CANCELLED || earlier->state == BC_ALERT_SUPERSEDED;
        if (!over && earlier->announcements && earlier->areas && earlier->expires_us > bc_alerts_now_us(alerts) && is_cancel(later) &&
            earlier->siren != BC_SIREN_ALL_CLEAR && bc_alert_is_real(earlier)) {
            heard = earlier;
            g_string_append_printf(areas, "%s%s", areas->len ? "," : "", earlier->areas);
        }
        put_aside(alerts, earlier, is_cancel(later) ? BC_ALERT_CANCELLED : BC_ALERT_SUPERSEDED, reason);
    }
    return heard;
}

/* It came after what replaces it. */
static const BcAlert *replaced_already(const BcAlerts *alerts, const BcAlert *alert)
{
    for (unsigned i = 0; i < alerts->list->len; i++) {
        const BcAlert *other = alerts->list->pdata[i];
        if (replaces(other) && may_replace(other, alert))
            return other;
    }
    return NULL;
}

static void apply(BcAlerts *alerts, BcAlert *alert)
{
    g_autoptr(GString) areas = g_string_new(NULL);
    if (alerts->o.ops.event)
        alerts->o.ops.event("alert.received", alert, alerts->o.ops.user);
    const BcAlert *heard = replaces(alert) ? call_off(alerts, alert, areas) : NULL;
    if (heard && g_strcmp0(alert->msg_type, "Cancel") == 0 && alerts->o.all_clear)
        bc_alerts_all_clear(alerts, heard, areas->str, NULL, alert->source, NULL, NULL);
    if (alert->state != BC_ALERT_WAITING)
        return;
    const BcAlert *other = replaced_already(alerts, alert);
    if (other) {
        g_autofree char *reason = g_strdup_printf("%s had come before it", other->identifier);
        bc_alert_end(alerts, alert, is_cancel(other) ? BC_ALERT_CANCELLED : BC_ALERT_SUPERSEDED, reason);
        return;
    }
    bc_alert_begin(alerts, alert);
}

void bc_alerts_apply(BcAlerts *alerts, GPtrArray *parts)
{
    for (unsigned i = 0; i < parts->len; i++)
        apply(alerts, parts->pdata[i]);
}

/* --- our own --- */

static BcAlert *new_own(BcAlerts *alerts, const char *kind, const char *status, const char *areas, const char *by, unsigned authority)
{
    BcAlert *alert = bc_alert_new(kind);
    int64_t now = bc_alerts_now_us(alerts);
    alert->source = g_strdup(by);
    alert->created_by = g_strdup(by);
    alert->identifier = g_strdup(alert->id);
    alert->sender = g_strdup(OURS);
    alert->status = g_strdup(status);
    alert->msg_type = g_strdup("Alert");
    alert->areas = g_strdup(areas);
    alert->authority = authority;
    alert->sent_us = alert->received_us = alert->begin_us = now;
    alert->state = BC_ALERT_WAITING;
    alert->priority = BC_EMERGENCY;
    alert->repeats = alert->rounds = 1;
    return alert;
}

static void enter_one(BcAlerts *alerts, BcAlert *alert, BcAlertDoneFn done, void *user)
{
    GPtrArray *parts = g_ptr_array_new_with_free_func(bc_alert_free);
    g_ptr_array_add(parts, alert);
    bc_alerts_enter(alerts, parts, NULL, done, user);
}

static bool check_emergency(BcAlerts *alerts, const BcEmergency *e, GError **error)
{
    unsigned forms = !!e->text + !!e->content + !!e->room + !!e->url;
    for (unsigned i = 0; e->areas && e->areas[i]; i++)
        if (!bc_areas_find(alerts->o.areas, e->areas[i])) {
            g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no area %s", e->areas[i]);
            return false;
        }
    const char *fault = !e->areas || !e->areas[0]                                                   ? "\"areas\" must name at least one area"
                        : forms > 1                                                                 ? "give one of \"text\", \"content\", \"room\" and \"url\""
                        : e->siren < 0 || e->siren >= BC_SIREN_MAX                                  ? "\"siren\" is none of the patterns"
                        : !forms && e->siren == BC_SIREN_NONE                                       ? "there is neither siren nor text: nothing would be heard"
                        : e->repeats > BC_ALERT_REPEATS_MAX || e->interval_s > 3600 || e->siren_rounds > 3 ? "\"repeats\", \"interval_s\" or \"rounds\" is out of range"
                        : e->text && (strlen(e->text) > BC_CAP_TEXT_MAX || !g_utf8_validate(e->text, -1, NULL)) ? "\"text\" is too long"
                        : e->title && !bc_text_ok(e->title, 200)                                    ? "\"title\" is too long or has control characters"
                        : e->until_us && e->until_us <= bc_alerts_now_us(alerts)                    ? "\"until_us\" is over"
                                                                                                    : NULL;
    if (fault)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "%s", fault);
    return !fault;
}

void bc_alerts_emergency(BcAlerts *alerts, const BcEmergency *e, BcAlertDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    if (alerts->quiet)
        g_set_error(&error, BC_ERROR, BC_ERROR_STATE, "mediad stops");
    if (error || !check_emergency(alerts, e, &error)) {
        refuse(done, user, error);
        return;
    }
    bool drill = g_strcmp0(e->kind, "drill") == 0;
    g_autofree char *areas = g_strjoinv(",", (char **)e->areas);
    BcAlert *alert = new_own(alerts, drill ? "drill" : "emergency", drill ? "Exercise" : "Actual", areas, e->created_by, e->authority);
    BcSaid said = drill ? BC_SAID_DRILL : BC_SAID_ACTUAL;
    const char *text = e->text ? e->text : drill ? "Hệ thống loa đang được kiểm tra." : NULL;
    alert->headline = bc_alert_title(said, e->title, drill ? "kiểm tra hệ thống loa" : "Thông báo khẩn cấp");
    alert->words = text && !e->content && !e->room && !e->url ? bc_alert_words(said, text, NULL, NULL) : NULL;
    alert->content = drill ? NULL : g_strdup(e->content); /* a recording has its own loudness: a drill says words of its own */
    alert->room = drill ? NULL : g_strdup(e->room);
    alert->url = drill ? NULL : g_strdup(e->url);
    alert->siren = drill ? BC_SIREN_DRILL : e->siren;
    alert->rounds = drill || !e->siren_rounds ? 1 : e->siren_rounds;
    alert->repeats = drill || e->room || e->url ? 1 : e->repeats ? e->repeats : 3;
    alert->interval_us = (int64_t)(e->interval_s ? e->interval_s : 60) * G_USEC_PER_SEC;
    alert->expires_us = e->until_us ? e->until_us : alert->received_us + (int64_t)3600 * G_USEC_PER_SEC;
    alert->expires_us = MIN(alert->expires_us, alert->received_us + alerts->o.max_us);
    if (e->identifier) {
        g_free(alert->identifier);
        alert->identifier = g_strdup(e->identifier);
        alert->sent_us = e->sent_us ? e->sent_us : alert->sent_us;
    }
    if (drill)
        alert->priority = BC_PRIORITY;
    if (bc_alert_quiet_until_us(alerts, alert)) { /* a drill: said to who asks for it, and not noted as one */
        g_set_error(&error, BC_ERROR, BC_ERROR_STATE, "it is quiet there at this time: a drill sounds only when two people have let it (quiet releases)");
        bc_alert_free(alert);
        refuse(done, user, error);
        return;
    }
    enter_one(alerts, alert, done, user);
}

void bc_alerts_all_clear(BcAlerts *alerts, const BcAlert *of, const char *areas, const char *words, const char *by, BcAlertDoneFn done, void *user)
{
    if (!of->areas || alerts->quiet) {
        g_autoptr(GError) error = g_error_new(BC_ERROR, BC_ERROR_STATE, "there is nowhere to sound the all-clear, or mediad stops");
        refuse(done, user, error);
        return;
    }
    bool real = bc_alert_is_real(of);
    BcAlert *alert = new_own(alerts, "all-clear", of->status, areas ? areas : of->areas, by, (unsigned)of->authority);
    alert->headline = g_strdup(real ? "Hết báo động" : "Hết diễn tập");
    alert->words = bc_alert_words(real ? BC_SAID_ACTUAL : BC_SAID_DRILL, words && *words ? words : alerts->all_clear_words, NULL, NULL);
    alert->siren = real ? BC_SIREN_ALL_CLEAR : BC_SIREN_DRILL;
    alert->priority = of->priority;
    alert->expires_us = alert->received_us + ALL_CLEAR_US;
    enter_one(alerts, alert, done, user);
}

void bc_alerts_stop(BcAlerts *alerts, const char *id, const char *who, bool all_clear, const char *words, BcAlertDoneFn done, void *user)
{
    BcAlert *alert = id ? g_hash_table_lookup(alerts->by_id, id) : NULL;
    bool on = alert && (alert->state == BC_ALERT_SOUNDING || alert->state == BC_ALERT_WAITING);
    g_autoptr(GError) error = NULL;
    if (!alert)
        g_set_error(&error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no alert %s", id ? id : "");
    else if (!on && !all_clear)
        g_set_error(&error, BC_ERROR, BC_ERROR_STATE, "it is %s already", bc_alert_state_to_string((BcAlertState)alert->state));
    else if (all_clear && !alert->areas)
        g_set_error(&error, BC_ERROR, BC_ERROR_STATE, "it named no areas: there is nothing to sound the all-clear for");
    else if (all_clear && !on && !alert->announcements)
        g_set_error(&error, BC_ERROR, BC_ERROR_STATE, "nobody has heard it: there is nothing to sound the all-clear for");
    if (error) {
        refuse(done, user, error);
        return;
    }
    g_autofree char *reason = g_strdup_printf("stopped by %s", who ? who : "somebody");
    if (on)
        bc_alert_end(alerts, alert, BC_ALERT_STOPPED, reason);
    if (all_clear)
        bc_alerts_all_clear(alerts, alert, NULL, words, who, done, user);
    else if (done)
        done(alert, false, NULL, user);
}

void bc_alerts_try(BcAlerts *alerts, const char *id, const char *const *areas, const char *who, unsigned authority, BcAlertDoneFn done, void *user)
{
    const BcAlert *of = bc_alerts_find(alerts, id);
    g_autoptr(GError) error = NULL;
    if (!of)
        g_set_error(&error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no alert %s", id ? id : "");
    else if (g_strcmp0(of->status, "Test") != 0 || !of->words)
        g_set_error(&error, BC_ERROR, BC_ERROR_STATE, "only a Test with words is tried out");
    if (error) {
        refuse(done, user, error);
        return;
    }
    BcEmergency drill = {.kind = "drill", .areas = areas, .text = of->words, .title = of->event, .authority = authority, .created_by = who};
    bc_alerts_emergency(alerts, &drill, done, user);
}
