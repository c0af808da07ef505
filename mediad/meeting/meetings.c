/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All meetings that are to come or under way: how they are found, what is told of them, what the rooms tell them. */
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

Meeting *md_meetings_add(MdMeetings *m, const MdBooking *booking)
{
    Meeting *meeting = g_new0(Meeting, 1);
    meeting->owner = m;
    meeting->booking = md_booking_ref(booking);
    meeting->went_on = booking->state == MD_MEETING_LIVE;
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
                                         "SELECT spec, id FROM md_meetings WHERE state IN ('scheduled', 'open', 'live') ORDER BY start_us", "");
    while (rows != NULL && md_rows_next(rows, &local)) {
        g_autoptr(GError) bad = NULL;
        g_autoptr(MdBooking) booking = booking_of(md_rows_text(rows, 0), &bad);
        if (booking != NULL)
            md_meetings_add(m, booking);
        else
            md_error(&m->logger, "meeting %s cannot be read from the database and is left out; book it anew: %s", md_rows_text(rows, 1), bad->message);
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

/* The rooms of meetings that go on after a restart are there before anybody can call them: a caller's would not be the meeting's. */
static void go_on(MdMeetings *m)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, m->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Meeting *meeting = value;
        bool there = meeting->booking->state == MD_MEETING_OPEN || meeting->booking->state == MD_MEETING_LIVE;
        if (there && md_meetings_wall_us(m) < md_booking_limit_us(meeting->booking))
            md_meeting_ensure_room(meeting);
    }
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
    go_on(m);
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
