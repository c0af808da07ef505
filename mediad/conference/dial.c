/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dial list: rings sites into the room, and rings those again that drop or do not answer, ever more slowly, until it
 * gives up on them. Control thread. */
#include "mediad/conference/private.h"
#include <string.h>

enum { TARGET_MAX = 256, NOT_ACCEPTABLE = 488, DECLINED = 603, CALLS_AT_ONCE = 10, FIRST_S = 5, MAX_S = 60, GIVE_UP_S = 600 };
/* Whoever stays shorter has not really been here: what answers and drops at once must not be rung every few seconds for ever. */
static const int64_t STAY_US = 60 * G_USEC_PER_SEC;

const char *md_dial_state_to_string(MdDialState state)
{
    static const char *const names[] = {"calling", "up", "waiting", "given-up"};
    return (unsigned)state < G_N_ELEMENTS(names) ? names[state] : NULL;
}

static bool valid_target(const char *target)
{
    size_t len = strlen(target);
    if (len == 0 || len > TARGET_MAX)
        return false;
    for (const char *p = target; *p != 0; p++)
        if ((unsigned char)*p <= ' ' || *p == '<' || *p == '>' || *p == 127)
            return false;
    return true;
}

static MdDial *find(MdRoom *room, const char *target)
{
    for (guint i = 0; i < room->dials->len; i++) {
        MdDial *dial = g_ptr_array_index(room->dials, i);
        if (!dial->forgotten && strcmp(dial->target, target) == 0)
            return dial;
    }
    return NULL;
}

void md_dial_free(MdDial *dial)
{
    g_free(dial->target);
    g_free(dial);
}

static int64_t backoff_us(const MdRoom *room, unsigned attempts)
{
    const MdConferenceOptions *options = &room->conference->options;
    int64_t first_s = options->redial_first_s != 0 ? options->redial_first_s : FIRST_S;
    int64_t max_s = options->redial_max_s != 0 ? options->redial_max_s : MAX_S;
    unsigned doublings = attempts > 1 ? MIN(attempts - 1, 16) : 0;
    return MIN(first_s << doublings, max_s) * G_USEC_PER_SEC;
}

static int64_t give_up_us(const MdRoom *room)
{
    unsigned s = room->conference->options.redial_give_up_s;
    return (s != 0 ? s : GIVE_UP_S) * (int64_t)G_USEC_PER_SEC;
}

static void give_up(MdDial *dial)
{
    dial->state = MD_DIAL_GIVEN_UP;
    md_room_emit(dial->room, "dial.gave-up", NULL, "target", "s", dial->target, "code", "i", dial->last_code,
                 NULL);
    const MdConferenceOptions *options = &dial->room->conference->options;
    g_autofree char *name = options->label_for != NULL && strchr(dial->target, ':') == NULL ? options->label_for(dial->target, options->user) : NULL;
    g_autofree char *why = dial->away ? g_strdup("not registered") : g_strdup_printf("last answer %d", dial->last_code);
    md_notice(&dial->room->logger, "gave up ringing %s%s%s%s after %u attempts: %s", dial->target, name != NULL ? " (" : "", name != NULL ? name : "",
              name != NULL ? ")" : "", dial->attempts, why);
}

/* An attempt came to nothing, or the site dropped. */
static void down(MdDial *dial, int code, const char *why)
{
    MdRoom *room = dial->room;
    int64_t now_us = md_conference_now_us(room->conference);
    bool was_up = dial->state == MD_DIAL_UP;
    dial->member = NULL;
    dial->last_code = code;
    if (was_up && now_us - dial->up_us >= STAY_US) {
        dial->attempts = 0;
        dial->down_since_us = now_us;
    }
    if (dial->forgotten || room->ending)
        return;
    /* An old device may refuse the whole call for a line it does not know: once more at once, without. */
    bool plain = code == NOT_ACCEPTABLE && !was_up && !dial->plain && room->conference->options.offer_content;
    if (plain) {
        dial->plain = true;
        dial->state = MD_DIAL_WAITING;
        dial->next_us = now_us;
        return;
    }
    int64_t next_us = now_us + backoff_us(room, dial->attempts);
    bool again = dial->redial && code != DECLINED && next_us - dial->down_since_us <= give_up_us(room);
    md_room_emit(room, was_up ? "dial.dropped" : "dial.failed", NULL, "target", "s", dial->target, "code",
                 "i", code, "reason", "s", why, "again", "b", again, NULL);
    if (!again) {
        give_up(dial);
        return;
    }
    dial->state = MD_DIAL_WAITING;
    dial->next_us = next_us;
}

static MdCall *ring(MdDial *dial, MdMember *member, GError **error)
{
    MdRoom *room = dial->room;
    MdDialer *dialer = room->conference->options.dialer;
    g_autofree char *host =
        dialer->local_host_for != NULL ? dialer->local_host_for(dialer, dial->target) : NULL;
    if (!md_member_make_leg(member, host, error))
        return NULL;
    g_autofree char *offer = md_leg_create_offer(member->leg, error);
    if (offer == NULL)
        return NULL;
    MdDialRequest request = {.target = dial->target,
                             .from_user = room->name,
                             .from_display = room->title,
                             .sdp = offer,
                             .secure_only = room->confidential,
                             .ring_timeout_ms = 45000};
    return dialer->dial(dialer, &request, &md_member_call_handler, member, error);
}

/* Accounts only: an address may be anywhere. */
static bool is_away(const MdDial *dial)
{
    MdDialer *dialer = dial->room->conference->options.dialer;
    return strchr(dial->target, ':') == NULL && dialer->is_registered != NULL &&
           !dialer->is_registered(dialer, dial->target);
}

static void attempt(MdDial *dial)
{
    MdRoom *room = dial->room;
    MdConference *conference = room->conference;
    g_autoptr(GError) error = NULL;
    dial->attempts++;
    dial->away = is_away(dial);
    if (dial->away) { /* no ports and no call for somebody who cannot be rung */
        down(dial, 480, "not registered");
        return;
    }
    dial->state = MD_DIAL_CALLING;
    MdMember *member = md_member_new(room, NULL, dial->role);
    member->dial = dial;
    member->rung = true;
    member->uri = g_strdup(dial->target);
    bool is_uri = strchr(dial->target, ':') != NULL;
    member->account = is_uri ? NULL : g_strdup(dial->target);
    if (!is_uri && conference->options.label_for != NULL)
        member->name = conference->options.label_for(dial->target, conference->options.user);
    if (member->name == NULL)
        member->name = g_strdup(dial->target);
    dial->member = member;
    MdCall *call = ring(dial, member, &error);
    if (call != NULL) {
        if (member->state == MD_MEMBER_LEAVING) /* closed at once, while dialling */
            md_call_unref(call);
        else
            member->call = call; /* the reference that dial gave us */
        return;
    }
    member->dial = NULL;
    md_member_leave(member, 480, error != NULL ? error->message : "cannot dial");
    down(dial, 480, error != NULL ? error->message : "cannot dial");
}

static MdMember *already_here(MdRoom *room, const MdDial *dial)
{
    for (guint i = 0; i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        if (member->dial == NULL && member->state != MD_MEMBER_LEAVING &&
            g_strcmp0(member->account, dial->target) == 0)
            return member;
    }
    return NULL;
}

static void take_over(MdDial *dial, MdMember *member)
{
    bool in = member->state == MD_MEMBER_IN;
    member->dial = dial;
    dial->member = member;
    dial->away = false;
    dial->state = in ? MD_DIAL_UP : MD_DIAL_CALLING;
    if (in)
        dial->up_us = member->joined_us;
    md_room_replan(dial->room); /* its "being called" tile goes */
}

MdDial *md_dial_list(MdRoom *room, const char *target, MdRole role, bool redial)
{
    MdDial *dial = find(room, target);
    if (dial == NULL) {
        dial = g_new0(MdDial, 1);
        dial->room = room;
        dial->target = g_strdup(target);
        dial->source = ++room->conference->next_member;
        dial->state = MD_DIAL_GIVEN_UP;
        g_ptr_array_add(room->dials, dial);
    }
    dial->role = role;
    dial->redial = redial;
    return dial;
}

bool md_room_was_rung(const MdRoom *room)
{
    return room->keep.rung;
}

bool md_room_dial(MdRoom *room, const char *const *targets, MdRole role, bool redial, GError **error)
{
    unsigned wanted = 0;
    if (room->conference->options.dialer == NULL) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "no signalling to dial with");
        return false;
    }
    if (room->ending || (unsigned)role >= MD_ROLE_MAX) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID,
                    room->ending ? "the room is ending" : "no such role");
        return false;
    }
    for (; targets[wanted] != NULL; wanted++)
        if (!valid_target(targets[wanted])) {
            g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID,
                        "target %u is neither an account nor a SIP address (1..%d characters, no spaces)",
                        wanted + 1, TARGET_MAX);
            return false;
        }
    for (unsigned i = 0; room->confidential && i < wanted; i++)
        if (!md_room_names(room, targets[i])) {
            g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID,
                        "the meeting is confidential: target %u is not one of its named sites", i + 1);
            return false;
        }
    if (room->dials->len + wanted > room->max_members) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT,
                    "the dial list is limited to %u targets", room->max_members);
        return false;
    }
    int64_t now_us = md_conference_now_us(room->conference);
    room->keep.rung = true;
    md_keep_touch(room, "dial.listed");
    for (unsigned i = 0; i < wanted; i++) {
        MdDial *dial = md_dial_list(room, targets[i], role, redial);
        if (dial->state == MD_DIAL_UP || dial->state == MD_DIAL_CALLING)
            continue;
        dial->state = MD_DIAL_WAITING;
        dial->attempts = 0;
        dial->next_us = dial->down_since_us = now_us;
        MdMember *here = already_here(room, dial);
        if (here != NULL)
            take_over(dial, here);
    }
    md_dial_tick(room, now_us);
    md_room_video_update(room); /* tiles of those who are being called */
    return true;
}

void md_dial_adopt(MdMember *member)
{
    MdDial *dial = member->account != NULL ? find(member->room, member->account) : NULL;
    if (dial == NULL || member->dial != NULL)
        return;
    MdMember *ringing = dial->member;
    if (ringing != NULL) {
        if (!ringing->rung || ringing->state != MD_MEMBER_CALLING)
            return; /* it is here already, with another device */
        dial->member = NULL;
        ringing->dial = NULL;
        md_member_hang_up(ringing, "it has called in");
    }
    take_over(dial, member);
}

static bool is_ringing(const MdDial *dial)
{
    return dial->state == MD_DIAL_CALLING && dial->member != NULL && dial->member->rung;
}

/* A list of seventy is rung a few at a time. */
void md_dial_tick(MdRoom *room, int64_t now_us)
{
    unsigned calling = 0;
    for (guint i = 0; i < room->dials->len; i++)
        calling += is_ringing(g_ptr_array_index(room->dials, i));
    for (guint i = room->dials->len; i-- > 0;) {
        MdDial *dial = g_ptr_array_index(room->dials, i);
        if (dial->forgotten && dial->member == NULL)
            g_ptr_array_remove_index(room->dials, i);
    }
    for (guint i = 0; i < room->dials->len && !room->ending; i++) {
        MdDial *dial = g_ptr_array_index(room->dials, i);
        if (dial->state != MD_DIAL_WAITING || calling >= CALLS_AT_ONCE)
            continue;
        bool back = dial->away && !is_away(dial); /* it has just signed in: no need to wait */
        if (dial->next_us > now_us && !back)
            continue;
        MdMember *here = already_here(room, dial);
        if (here != NULL) {
            take_over(dial, here);
            continue;
        }
        if (md_room_count(room) >= room->max_members)
            return;
        attempt(dial);
        calling += is_ringing(dial);
    }
}

void md_dial_member_up(MdMember *member)
{
    if (member->dial == NULL)
        return;
    member->dial->state = MD_DIAL_UP;
    member->dial->up_us = md_conference_now_us(member->room->conference);
    member->dial->last_code = 0;
    md_room_emit(member->room, "dial.up", member, "target", "s", member->dial->target, NULL);
}

void md_dial_member_gone(MdMember *member, int code)
{
    MdDial *dial = member->dial;
    member->dial = NULL;
    if (dial != NULL)
        down(dial, code, "closed");
}

void md_dial_forget(MdRoom *room, MdDial *dial)
{
    dial->forgotten = true;
    if (dial->member != NULL)
        md_member_hang_up(dial->member, "taken off the list");
    dial->state = MD_DIAL_GIVEN_UP;
    dial->member = NULL;
}

const char *md_room_dialled(MdRoom *room, const char *target, MdRole *ret_role)
{
    const MdDial *dial = find(room, target);
    bool up = dial != NULL && dial->state == MD_DIAL_UP && dial->member != NULL;
    *ret_role = dial != NULL ? dial->role : MD_ROLE_INVALID;
    return up ? dial->member->text_id : NULL;
}

bool md_room_undial(MdRoom *room, const char *target, GError **error)
{
    MdDial *dial = find(room, target);
    if (md_keep_undial(room, target) && dial == NULL)
        return true;
    if (dial == NULL) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND, "%s is not on the dial list",
                    target);
        return false;
    }
    md_dial_forget(room, dial);
    md_room_video_update(room);
    return true;
}

GPtrArray *md_room_dials(MdRoom *room)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < room->dials->len; i++) {
        const MdDial *dial = g_ptr_array_index(room->dials, i);
        if (dial->forgotten)
            continue;
        MdDialInfo *info = g_new0(MdDialInfo, 1);
        *info = (MdDialInfo){.target = dial->target,
                             .role = dial->role,
                             .redial = dial->redial,
                             .state = dial->state,
                             .attempts = dial->attempts,
                             .next_us = dial->next_us,
                             .last_code = dial->last_code};
        g_ptr_array_add(list, info);
    }
    return list;
}
