/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people order: meetings are booked, changed, called off, begun and ended. */
#include "mediad/meeting/private.h"
#include <string.h>

/* --- booking --- */

MdBooking *md_meetings_draft(MdMeetings *m)
{
    MdBooking *booking = md_booking_new();
    booking->open_min = m->o.open_min;
    booking->grace_min = m->o.grace_min;
    return booking;
}

GPtrArray *md_meetings_wanted(MdMeetings *m)
{
    GPtrArray *all = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, m->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Meeting *meeting = value;
        g_ptr_array_add(all, meeting->pending != NULL ? meeting->pending : meeting->booking);
    }
    for (guint i = 0; i < m->arriving->len; i++)
        g_ptr_array_add(all, m->arriving->pdata[i]);
    return all;
}

static void set_text(char **at, const char *text)
{
    char *copy = g_strdup(text != NULL ? text : "");
    g_free(*at);
    *at = copy;
}

/* What people do not set is as it was. */
static MdBooking *prepare(MdMeetings *m, const MdBooking *wanted, const MdBooking *present, const char *who)
{
    int64_t now_us = md_meetings_wall_us(m);
    MdBooking *b = md_booking_copy(wanted);
    b->changed_us = now_us;
    set_text(&b->changed_by, who);
    set_text(&b->forced_because, present != NULL ? present->forced_because : "");
    if (present != NULL) {
        b->state = present->state;
        b->version = present->version + 1;
        set_text(&b->created_by, present->created_by);
        set_text(&b->cancelled_because, present->cancelled_because);
        b->created_us = present->created_us;
        b->opened_us = present->opened_us;
        b->started_us = present->started_us;
        b->ended_us = present->ended_us;
        b->trial_for_us = present->trial_for_us;
    } else {
        g_free(b->id);
        b->id = g_strdup_printf("h-%08x%08x", g_random_int(), g_random_int());
        b->state = MD_MEETING_SCHEDULED;
        b->version = 1;
        set_text(&b->created_by, who);
        set_text(&b->cancelled_because, "");
        b->created_us = now_us;
        b->opened_us = b->started_us = b->ended_us = b->trial_for_us = 0;
    }
    if (*b->room == 0)
        set_text(&b->room, present != NULL ? present->room : b->id);
    return b;
}

static bool same_sites(const MdBooking *a, const MdBooking *b)
{
    bool same = a->sites->len == b->sites->len;
    for (guint i = 0; same && i < a->sites->len; i++)
        same = md_booking_invitee(b, ((const MdInvitee *)a->sites->pdata[i])->account) != NULL;
    return same;
}

static bool may_change(MdMeetings *m, const MdBooking *wanted, Meeting *meeting, GError **error)
{
    if (meeting == NULL && *wanted->id != 0) {
        g_autoptr(MdBooking) old = md_meetings_get(m, wanted->id, NULL);
        return md_meetings_fail(error, old != NULL ? MD_MEETING_ERROR_STATE : MD_MEETING_ERROR_NOT_FOUND,
                                old != NULL ? "the meeting is over or called off" : "there is no such meeting");
    }
    if (meeting == NULL)
        return g_hash_table_size(m->by_id) + m->arriving->len < MD_MEETINGS_MAX ||
               md_meetings_fail(error, MD_MEETING_ERROR_LIMIT, "at most %u meetings may be to come", MD_MEETINGS_MAX);
    if (meeting->pending != NULL || wanted->version != meeting->booking->version)
        return md_meetings_fail(error, MD_MEETING_ERROR_CHANGED, "%s changed the meeting meanwhile: look at it again",
                                meeting->pending != NULL ? meeting->pending->changed_by : meeting->booking->changed_by);
    const MdBooking *b = meeting->booking;
    if (b->state != MD_MEETING_SCHEDULED &&
        (wanted->start_us != b->start_us || (*wanted->room != 0 && strcmp(wanted->room, b->room) != 0) || wanted->confidential != b->confidential))
        return md_meetings_fail(error, MD_MEETING_ERROR_STATE, "its room is open already: start, room and confidential stay as they are");
    if (b->state != MD_MEETING_SCHEDULED && b->confidential && !same_sites(wanted, b))
        return md_meetings_fail(error, MD_MEETING_ERROR_STATE, "its room is open already: whom a confidential meeting lets in stays as it is");
    return true;
}

/* A confidential meeting needs a room of its own, and sites that are named. */
static bool check_confidential(MdMeetings *m, const MdBooking *b, GError **error)
{
    if (!b->confidential || b->state != MD_MEETING_SCHEDULED)
        return true;
    if (b->sites->len == 0)
        return md_meetings_fail(error, MD_MEETING_ERROR_INVALID, "field 'sites': a confidential meeting names its sites");
    for (guint i = 0; i < b->sites->len; i++) {
        const MdInvitee *invitee = b->sites->pdata[i];
        if (strchr(invitee->account, ':') != NULL)
            return md_meetings_fail(error, MD_MEETING_ERROR_INVALID, "field 'sites': a confidential meeting has accounts of ours only, not %s",
                                    invitee->account);
    }
    if (md_conference_find_room(m->o.conference, b->room) != NULL)
        return md_meetings_fail(error, MD_MEETING_ERROR_INVALID, "field 'room': %s is a standing room: a confidential meeting needs one of its own", b->room);
    return true;
}

void md_meetings_put(MdMeetings *m, const MdBooking *wanted, const char *forced_because, const char *who, GPtrArray **ret_clashes, MdMeetingDoneFn done, void *user)
{
    GError *error = NULL;
    Meeting *meeting = *wanted->id != 0 ? md_meetings_find(m, wanted->id) : NULL;
    if (ret_clashes != NULL)
        *ret_clashes = NULL;
    if (!may_change(m, wanted, meeting, &error)) {
        md_meetings_refuse(done, user, error);
        return;
    }
    const MdBooking *present = meeting != NULL ? meeting->booking : NULL;
    g_autoptr(MdBooking) b = prepare(m, wanted, present, who);
    bool moved = present == NULL || present->start_us != b->start_us;
    if (!md_booking_check(b, moved ? md_meetings_wall_us(m) : 0, &error) || !check_confidential(m, b, &error)) {
        md_meetings_refuse(done, user, error);
        return;
    }
    g_autoptr(GPtrArray) others = md_meetings_wanted(m);
    g_autoptr(GPtrArray) clashes = md_booking_clashes(b, others);
    if (clashes->len > 0 && (forced_because == NULL || *forced_because == 0)) {
        g_autofree char *text = md_clashes_to_text(clashes, m->zone);
        error = g_error_new(MD_MEETING_ERROR, MD_MEETING_ERROR_CLASH, "taken at that time: %s", text);
        if (ret_clashes != NULL)
            *ret_clashes = g_steal_pointer(&clashes);
        md_meetings_refuse(done, user, error);
        return;
    }
    if (clashes->len > 0)
        set_text(&b->forced_because, forced_because);
    if (meeting != NULL) {
        md_meeting_change(meeting, g_steal_pointer(&b), "meeting.changed", done, user);
        return;
    }
    md_meetings_arrive(m, g_steal_pointer(&b), done, user);
}

/* --- people's orders --- */

static MdBooking *altered(MdMeetings *m, Meeting *meeting, const char *who)
{
    MdBooking *after = md_booking_copy(meeting->booking);
    after->version++;
    after->changed_us = md_meetings_wall_us(m);
    set_text(&after->changed_by, who);
    return after;
}

static Meeting *running(MdMeetings *m, const char *id, MdMeetingDoneFn done, void *user)
{
    Meeting *meeting = md_meetings_find(m, id);
    if (meeting == NULL) {
        g_autoptr(MdBooking) old = md_meetings_get(m, id, NULL);
        md_meetings_refuse(done, user, g_error_new(MD_MEETING_ERROR, old != NULL ? MD_MEETING_ERROR_STATE : MD_MEETING_ERROR_NOT_FOUND,
                                                   old != NULL ? "the meeting is over or called off" : "there is no such meeting"));
    }
    return meeting;
}

void md_meetings_cancel(MdMeetings *m, const char *id, const char *because, const char *who, MdMeetingDoneFn done, void *user)
{
    Meeting *meeting = running(m, id, done, user);
    if (meeting == NULL)
        return;
    MdBooking *after = altered(m, meeting, who);
    after->state = MD_MEETING_CANCELLED;
    after->ended_us = after->changed_us;
    set_text(&after->cancelled_because, because);
    md_meeting_change(meeting, after, "meeting.cancelled", done, user);
}

void md_meetings_start(MdMeetings *m, const char *id, const char *who, MdMeetingDoneFn done, void *user)
{
    Meeting *meeting = running(m, id, done, user);
    if (meeting == NULL)
        return;
    if (meeting->booking->state == MD_MEETING_LIVE) {
        md_meetings_refuse(done, user, g_error_new(MD_MEETING_ERROR, MD_MEETING_ERROR_STATE, "the meeting has begun already"));
        return;
    }
    MdBooking *after = altered(m, meeting, who);
    after->state = MD_MEETING_LIVE;
    after->started_us = after->changed_us;
    if (after->opened_us == 0)
        after->opened_us = after->changed_us;
    md_meeting_change(meeting, after, "meeting.started", done, user);
}

void md_meetings_end(MdMeetings *m, const char *id, const char *who, MdMeetingDoneFn done, void *user)
{
    Meeting *meeting = running(m, id, done, user);
    if (meeting == NULL)
        return;
    if (meeting->booking->state == MD_MEETING_SCHEDULED) {
        md_meetings_refuse(done, user, g_error_new(MD_MEETING_ERROR, MD_MEETING_ERROR_STATE, "the meeting has not begun: cancel it instead"));
        return;
    }
    MdBooking *after = altered(m, meeting, who);
    after->state = MD_MEETING_ENDED;
    after->ended_us = after->changed_us;
    md_meeting_change(meeting, after, "meeting.ended", done, user);
}
