/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A meeting's changes: each is in the store before it shows, one at a time; then it is told, and what follows from it is done. */
#include "mediad/meeting/private.h"

typedef struct Change {
    MdMeetings *m;
    MdBooking *after;
    bool fresh;
    const char *event;
    MdMeetingDoneFn done;
    void *user;
    char *spec;
} Change;

static void change_free(gpointer data)
{
    Change *change = data;
    md_booking_unref(change->after);
    g_free(change->spec);
    g_free(change);
}

static char *text_of(const MdBooking *booking)
{
    JsonObject *o = md_booking_to_json(booking);
    g_autoptr(JsonNode) node = json_node_alloc();
    json_node_init_object(node, o);
    json_object_unref(o);
    return json_to_string(node, FALSE);
}

static bool change_write(MdDb *db, gpointer data, GError **error)
{
    const Change *change = data;
    const MdBooking *b = change->after;
    return md_db_run(db, error,
                     "INSERT INTO md_meetings (id, version, state, room, start_us, end_us, spec) VALUES ($1, $2, $3, $4, $5, $6, $7) "
                     "ON CONFLICT (id) DO UPDATE SET version = $2, state = $3, room = $4, start_us = $5, end_us = $6, spec = $7",
                     "sissiis", b->id, b->version, md_meeting_state_to_string(b->state), b->room, b->start_us, b->end_us, change->spec);
}

static bool is_over(const MdBooking *booking)
{
    return booking->state == MD_MEETING_ENDED || booking->state == MD_MEETING_CANCELLED;
}

static void apply(Change *change)
{
    MdMeetings *m = change->m;
    MdBooking *after = change->after;
    Meeting *meeting = change->fresh ? md_meetings_add(m, after) : md_meetings_find(m, after->id);
    if (meeting == NULL)
        return;
    g_autoptr(MdBooking) before = meeting->booking;
    meeting->booking = md_booking_ref(after);
    g_clear_pointer(&meeting->pending, md_booking_unref);
    md_meetings_tell(m, change->event, after, NULL);
    if (change->fresh)
        return;
    md_meeting_follow(meeting, before);
    if (!is_over(after))
        return;
    g_hash_table_remove(m->by_room, after->room);
    md_codes_forget(m, after->id);
    g_hash_table_remove(m->by_id, after->id);
}

static void changed(bool ok, const GError *error, gpointer data, gpointer user)
{
    Change *change = data;
    MdMeetings *m = change->m;
    if (change->fresh)
        g_ptr_array_remove(m->arriving, change->after);
    if (!m->stopping) {
        Meeting *meeting = md_meetings_find(m, change->after->id);
        if (ok)
            apply(change);
        else if (meeting != NULL)
            g_clear_pointer(&meeting->pending, md_booking_unref);
        if (!ok)
            md_error(&m->logger, "meeting %s cannot be written: %s", change->after->id, error->message);
    }
    if (change->done != NULL)
        change->done(ok ? change->after : NULL, error, change->user);
    md_meetings_release(m);
}

static void write_change(MdMeetings *m, MdBooking *after, bool fresh, const char *event, MdMeetingDoneFn done, void *user)
{
    Change *change = g_new0(Change, 1);
    *change = (Change){m, after, fresh, event, done, user, text_of(after)};
    md_meetings_retain(m);
    md_store_write(m->o.store, change_write, change, change_free, changed, NULL);
}

void md_meetings_refuse(MdMeetingDoneFn done, void *user, GError *error)
{
    if (done != NULL)
        done(NULL, error, user);
    g_error_free(error);
}

void md_meeting_change(Meeting *meeting, MdBooking *after, const char *event, MdMeetingDoneFn done, void *user)
{
    if (meeting->pending != NULL) {
        md_booking_unref(after);
        md_meetings_refuse(done, user, g_error_new(MD_MEETING_ERROR, MD_MEETING_ERROR_CHANGED, "the meeting is being changed just now: look at it again"));
        return;
    }
    meeting->pending = md_booking_ref(after);
    write_change(meeting->owner, after, false, event, done, user);
}

void md_meetings_arrive(MdMeetings *m, MdBooking *booking, MdMeetingDoneFn done, void *user)
{
    g_ptr_array_add(m->arriving, md_booking_ref(booking));
    write_change(m, booking, true, "meeting.created", done, user);
}
