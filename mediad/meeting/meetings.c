/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All meetings: what is booked, changed and called off, each change in the store before it shows. */
#include "mediad/meeting/private.h"
#include <string.h>

G_DEFINE_QUARK(md-meeting-error-quark, md_meeting_error)

enum { TICK_MS = 200 /* what a trial looks at changes that fast; the rest is looked at once a second */ };
static const int64_t SECOND_US = 1000000;

bool md_meetings_fail(GError **error, MdMeetingError code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    g_autofree char *text = g_strdup_vprintf(format, list);
    va_end(list);
    g_set_error_literal(error, MD_MEETING_ERROR, code, text);
    return false;
}

int64_t md_meetings_now_us(const MdMeetings *m)
{
    return md_clock_now_us(m->clock);
}

int64_t md_meetings_wall_us(const MdMeetings *m)
{
    return md_clock_wall_us(m->clock);
}

GTimeZone *md_meetings_zone(const MdMeetings *m)
{
    return m->zone;
}

Meeting *md_meetings_find(MdMeetings *m, const char *id)
{
    return g_hash_table_lookup(m->by_id, id);
}

MdRole md_meeting_role_from(const char *name)
{
    MdRole role = md_role_from_string(name);
    return role != MD_ROLE_INVALID ? role : MD_ROLE_SITE;
}

/* --- life --- */

static void meeting_free(gpointer data)
{
    Meeting *meeting = data;
    md_trial_drop(meeting);
    md_visits_free(meeting);
    g_hash_table_unref(meeting->away);
    md_booking_unref(meeting->booking);
    md_booking_unref(meeting->pending);
    g_free(meeting);
}

static Meeting *meeting_new(MdMeetings *m, const MdBooking *booking)
{
    Meeting *meeting = g_new0(Meeting, 1);
    meeting->owner = m;
    meeting->booking = md_booking_ref(booking);
    meeting->away = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    meeting->visits = g_ptr_array_new();
    meeting->chat_next = -1;
    g_hash_table_insert(m->by_id, g_strdup(booking->id), meeting);
    if (booking->state == MD_MEETING_OPEN || booking->state == MD_MEETING_LIVE)
        g_hash_table_insert(m->by_room, g_strdup(booking->room), meeting);
    return meeting;
}

static MdBooking *booking_of(const char *text, GError **error)
{
    g_autoptr(JsonNode) node = json_from_string(text, error);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node)) {
        if (error != NULL && *error == NULL)
            md_meetings_fail(error, MD_MEETING_ERROR_INVALID, "not a stored meeting");
        return NULL;
    }
    return md_booking_from_json(json_node_get_object(node), error);
}

static bool load(MdMeetings *m, GError **error)
{
    GError *local = NULL;
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(m->o.store), error,
                                         "SELECT spec FROM md_meetings WHERE state IN ('scheduled', 'open', 'live') ORDER BY start_us", "");
    while (rows != NULL && md_rows_next(rows, &local)) {
        g_autoptr(GError) bad = NULL;
        g_autoptr(MdBooking) booking = booking_of(md_rows_text(rows, 0), &bad);
        if (booking != NULL)
            meeting_new(m, booking);
        else
            md_error(&m->logger, "a meeting cannot be read: %s", bad->message);
    }
    if (local != NULL)
        g_propagate_error(error, local);
    return rows != NULL && local == NULL;
}

/* Whoever was in a meeting when mediad ended without a word was there at least until it was seen last. */
static bool close_visits(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, "UPDATE md_attendance SET left_us = seen_us, reason = 'mediad was interrupted' WHERE left_us = 0", "");
}

static gboolean on_tick(gpointer user)
{
    md_meetings_tick(user);
    return G_SOURCE_CONTINUE;
}

static void clear(gpointer data)
{
    MdMeetings *m = data;
    g_hash_table_unref(m->by_room);
    g_hash_table_unref(m->by_id);
    g_ptr_array_unref(m->arriving);
    g_ptr_array_unref(m->closing);
    g_hash_table_unref(m->codes);
    g_hash_table_unref(m->lists);
    g_hash_table_unref(m->budgets);
    g_time_zone_unref(m->zone);
}

void md_meetings_retain(MdMeetings *m)
{
    g_rc_box_acquire(m);
}

void md_meetings_release(gpointer meetings)
{
    g_rc_box_release_full(meetings, clear);
}

static void unref_booking(gpointer data)
{
    md_booking_unref(data);
}

MdMeetings *md_meetings_new(const MdMeetingsOptions *options, GError **error)
{
    MdMeetings *m = g_rc_box_new0(MdMeetings);
    m->o = *options;
    m->clock = options->clock != NULL ? options->clock : md_clock_system();
    m->logger = options->logger != NULL ? *options->logger : (MdLogger){0};
    m->zone = g_time_zone_new_identifier(options->timezone != NULL ? options->timezone : "Asia/Ho_Chi_Minh");
    if (m->zone == NULL)
        m->zone = g_time_zone_new_offset(7 * 3600);
    m->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, meeting_free);
    m->by_room = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    m->arriving = g_ptr_array_new_with_free_func(unref_booking);
    m->closing = g_ptr_array_new_with_free_func(g_free);
    m->codes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, md_code_free);
    m->lists = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, md_site_list_free);
    m->budgets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, md_chat_budget_free);
    if (!md_store_write_sync(m->o.store, close_visits, NULL, error) || !load(m, error) || !md_codes_load(m, error) || !md_site_lists_load(m, error)) {
        md_meetings_release(m);
        return NULL;
    }
    if (options->clock == NULL)
        m->source = g_timeout_add(TICK_MS, on_tick, m);
    return m;
}

void md_meetings_free(MdMeetings *m)
{
    if (m == NULL)
        return;
    m->stopping = true;
    g_clear_handle_id(&m->source, g_source_remove);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, m->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        md_visits_end(value, "mediad stops");
    g_hash_table_remove_all(m->by_room);
    g_hash_table_remove_all(m->by_id);
    md_meetings_run_closing(m, true);
    md_meetings_release(m);
}

void md_meetings_tick(MdMeetings *m)
{
    int64_t now_us = md_meetings_now_us(m);
    bool second = now_us - m->second_us >= SECOND_US;
    if (second)
        m->second_us = now_us;
    else if (m->trial_calls == 0)
        return;
    g_autoptr(GList) all = g_hash_table_get_keys(m->by_id);
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    for (GList *at = all; at != NULL; at = at->next)
        g_ptr_array_add(ids, g_strdup(at->data));
    for (guint i = 0; i < ids->len; i++) {
        Meeting *meeting = md_meetings_find(m, ids->pdata[i]);
        if (meeting == NULL)
            continue;
        md_trial_run(meeting);
        if (second) {
            md_visits_sample(meeting);
            md_meeting_run(meeting);
        }
    }
    md_meetings_run_closing(m, false);
    md_chat_forget_old(m);
}

/* --- telling --- */

void md_meetings_tell(MdMeetings *m, const char *type, const MdBooking *booking, JsonObject *more)
{
    JsonObject *o = more != NULL ? more : json_object_new();
    if (m->o.on_event == NULL) {
        json_object_unref(o);
        return;
    }
    json_object_set_string_member(o, "meeting", booking->id);
    json_object_set_string_member(o, "room", booking->room);
    json_object_set_string_member(o, "state", md_meeting_state_to_string(booking->state));
    json_object_set_int_member(o, "start_us", booking->start_us);
    json_object_set_int_member(o, "end_us", booking->end_us);
    json_object_set_int_member(o, "version", booking->version);
    if (!booking->confidential)
        json_object_set_string_member(o, "title", booking->title);
    JsonNode *node = json_node_alloc();
    json_node_init_object(node, o);
    json_object_unref(o);
    m->o.on_event(type, node, m->o.user);
}

/* --- writing --- */

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
    Meeting *meeting = change->fresh ? meeting_new(m, after) : md_meetings_find(m, after->id);
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

static void refuse(MdMeetingDoneFn done, void *user, GError *error)
{
    if (done != NULL)
        done(NULL, error, user);
    g_error_free(error);
}

void md_meeting_change(Meeting *meeting, MdBooking *after, const char *event, MdMeetingDoneFn done, void *user)
{
    if (meeting->pending != NULL) {
        md_booking_unref(after);
        refuse(done, user, g_error_new(MD_MEETING_ERROR, MD_MEETING_ERROR_CHANGED, "the meeting is being changed just now: look at it again"));
        return;
    }
    meeting->pending = md_booking_ref(after);
    write_change(meeting->owner, after, false, event, done, user);
}

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
        refuse(done, user, error);
        return;
    }
    const MdBooking *present = meeting != NULL ? meeting->booking : NULL;
    g_autoptr(MdBooking) b = prepare(m, wanted, present, who);
    bool moved = present == NULL || present->start_us != b->start_us;
    if (!md_booking_check(b, moved ? md_meetings_wall_us(m) : 0, &error) || !check_confidential(m, b, &error)) {
        refuse(done, user, error);
        return;
    }
    g_autoptr(GPtrArray) others = md_meetings_wanted(m);
    g_autoptr(GPtrArray) clashes = md_booking_clashes(b, others);
    if (clashes->len > 0 && (forced_because == NULL || *forced_because == 0)) {
        g_autofree char *text = md_clashes_to_text(clashes, m->zone);
        error = g_error_new(MD_MEETING_ERROR, MD_MEETING_ERROR_CLASH, "taken at that time: %s", text);
        if (ret_clashes != NULL)
            *ret_clashes = g_steal_pointer(&clashes);
        refuse(done, user, error);
        return;
    }
    if (clashes->len > 0)
        set_text(&b->forced_because, forced_because);
    if (meeting != NULL) {
        md_meeting_change(meeting, g_steal_pointer(&b), "meeting.changed", done, user);
        return;
    }
    g_ptr_array_add(m->arriving, md_booking_ref(b));
    write_change(m, g_steal_pointer(&b), true, "meeting.created", done, user);
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
        refuse(done, user, g_error_new(MD_MEETING_ERROR, old != NULL ? MD_MEETING_ERROR_STATE : MD_MEETING_ERROR_NOT_FOUND,
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
        refuse(done, user, g_error_new(MD_MEETING_ERROR, MD_MEETING_ERROR_STATE, "the meeting has begun already"));
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
        refuse(done, user, g_error_new(MD_MEETING_ERROR, MD_MEETING_ERROR_STATE, "the meeting has not begun: cancel it instead"));
        return;
    }
    MdBooking *after = altered(m, meeting, who);
    after->state = MD_MEETING_ENDED;
    after->ended_us = after->changed_us;
    md_meeting_change(meeting, after, "meeting.ended", done, user);
}

/* --- looking --- */

MdBooking *md_meetings_get(MdMeetings *m, const char *id, GError **error)
{
    GError *local = NULL;
    Meeting *meeting = md_meetings_find(m, id);
    if (meeting != NULL)
        return md_booking_ref(meeting->booking);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(m->o.store), error, "SELECT spec FROM md_meetings WHERE id = $1", "s", id);
    if (rows == NULL)
        return NULL;
    if (md_rows_next(rows, &local))
        return booking_of(md_rows_text(rows, 0), error);
    if (local != NULL)
        g_propagate_error(error, local);
    else
        md_meetings_fail(error, MD_MEETING_ERROR_NOT_FOUND, "there is no meeting '%s'", id);
    return NULL;
}

MdBooking *md_meetings_of_room(MdMeetings *m, const char *room)
{
    g_autofree char *lower = g_ascii_strdown(room, -1);
    Meeting *meeting = g_hash_table_lookup(m->by_room, lower);
    return meeting != NULL ? md_booking_ref(meeting->booking) : NULL;
}

GPtrArray *md_meetings_list(MdMeetings *m, int64_t from_us, int64_t to_us, unsigned limit, GError **error)
{
    GError *local = NULL;
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(unref_booking);
    g_autoptr(MdRows) rows =
        md_db_query(md_store_reader(m->o.store), error,
                    "SELECT spec FROM md_meetings WHERE start_us < $2 AND end_us > $1 ORDER BY start_us, id LIMIT $3", "iii", from_us, to_us, (int64_t)limit);
    while (rows != NULL && md_rows_next(rows, &local)) {
        MdBooking *booking = booking_of(md_rows_text(rows, 0), NULL);
        if (booking != NULL)
            g_ptr_array_add(all, booking);
    }
    if (local != NULL)
        g_propagate_error(error, local);
    return rows != NULL && local == NULL ? g_steal_pointer(&all) : NULL;
}

MdRole md_meetings_role(MdMeetings *m, const char *room, const char *account, MdRole fallback, bool *ret_refused)
{
    g_autofree char *lower = g_ascii_strdown(room, -1);
    const Meeting *meeting = g_hash_table_lookup(m->by_room, lower);
    *ret_refused = false;
    if (meeting == NULL)
        return fallback;
    const char *role = md_booking_role(meeting->booking, account);
    if (role != NULL)
        return md_meeting_role_from(role);
    *ret_refused = meeting->booking->confidential;
    return fallback;
}

MdRole md_meetings_role_of(MdMeetings *m, const char *room, const char *account)
{
    bool refused;
    return md_meetings_role(m, room, account, MD_ROLE_INVALID, &refused);
}

void md_meetings_on_chat(MdMeetings *m, MdChatFn fn, void *user)
{
    m->on_chat = fn;
    m->chat_user = user;
}

void md_meetings_on_record(MdMeetings *m, MdMeetingRecordFn fn, void *user)
{
    m->on_record = fn;
    m->record_user = user;
}

void md_meetings_room_event(MdMeetings *m, const char *type, const char *room, const char *member, const char *json)
{
    Meeting *meeting = room != NULL ? g_hash_table_lookup(m->by_room, room) : NULL;
    if (meeting == NULL || m->stopping)
        return;
    bool ended = strcmp(type, "room.ended") == 0;
    if (!ended && (strcmp(type, "member.talking") == 0 || (!g_str_has_prefix(type, "member.") && !g_str_has_prefix(type, "floor."))))
        return;
    g_autoptr(JsonNode) node = json != NULL ? json_from_string(json, NULL) : NULL;
    JsonObject *data = node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (member == NULL && data != NULL)
        member = json_object_get_string_member_with_default(data, "member", NULL); /* as the floor tells it */
    if (!ended && member != NULL)
        md_visits_event(meeting, type, member, data);
    else if (!ended)
        return;
    else if (data == NULL || strcmp(json_object_get_string_member_with_default(data, "reason", ""), "empty") != 0)
        meeting->over = true; /* by somebody; a room that an early caller made goes by itself when it is empty */
}
