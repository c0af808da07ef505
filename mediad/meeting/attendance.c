/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attendance from evidence: who came and went, how long a picture came of it, its microphone was open, it was heard and had the floor. Samples are
 * taken once a second of what the room tells anyway; the store gets them every few seconds, and at once when somebody comes or goes. */
#include "mediad/meeting/private.h"
#include <string.h>

static const int64_t SAMPLE_US = 1000000, FLUSH_US = 5 * G_USEC_PER_SEC, GAP_MAX_US = 5 * G_USEC_PER_SEC;

typedef struct Visit {
    MdVisit v;
    bool dirty, seen, floor;
    uint64_t packets, frames;  /* counters at the last sample */
    int64_t camera_us, mic_us, talk_us, floor_us;
} Visit;

static void clear_visit(MdVisit *v)
{
    g_free(v->member);
    g_free(v->account);
    g_free(v->name);
    g_free(v->role);
    g_free(v->reason);
}

static void visit_free(Visit *visit)
{
    clear_visit(&visit->v);
    g_free(visit);
}

void md_visit_free(MdVisit *v)
{
    clear_visit(v);
    g_free(v);
}

static MdVisit *visit_copy(const MdVisit *from)
{
    MdVisit *v = g_new(MdVisit, 1);
    *v = *from;
    v->member = g_strdup(from->member);
    v->account = g_strdup(from->account);
    v->name = g_strdup(from->name);
    v->role = g_strdup(from->role);
    v->reason = g_strdup(from->reason);
    return v;
}

void md_visits_free(Meeting *meeting)
{
    for (guint i = 0; i < meeting->visits->len; i++)
        visit_free(meeting->visits->pdata[i]);
    g_ptr_array_unref(meeting->visits);
}

/* --- to the store --- */

typedef struct Flush {
    MdMeetings *m;
    char *meeting;
    GPtrArray *rows;           /* MdVisit* */
} Flush;

static void free_visit(gpointer data)
{
    md_visit_free(data);
}

static void flush_free(gpointer data)
{
    Flush *flush = data;
    g_free(flush->meeting);
    g_ptr_array_unref(flush->rows);
    g_free(flush);
}

static bool flush_write(MdDb *db, gpointer data, GError **error)
{
    const Flush *flush = data;
    for (guint i = 0; i < flush->rows->len; i++) {
        const MdVisit *v = flush->rows->pdata[i];
        if (!md_db_run(db, error,
                       "INSERT INTO md_attendance (meeting, member, joined_us, account, name, role, left_us, seen_us, reason, camera_s, mic_s, talk_s, floor_s) "
                       "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (meeting, member, joined_us) DO UPDATE SET "
                       "role = $6, left_us = $7, seen_us = $8, reason = $9, camera_s = $10, mic_s = $11, talk_s = $12, floor_s = $13",
                       "ssisssiisiiii", flush->meeting, v->member, v->joined_us, v->account, v->name, v->role, v->left_us, v->seen_us, v->reason, v->camera_s,
                       v->mic_s, v->talk_s, v->floor_s))
            return false;
    }
    return true;
}

static Visit *find(Meeting *meeting, const char *member, int64_t joined_us)
{
    for (guint i = meeting->visits->len; i-- > 0;) {
        Visit *visit = meeting->visits->pdata[i];
        if (strcmp(visit->v.member, member) == 0 && (joined_us == 0 ? visit->v.left_us == 0 : visit->v.joined_us == joined_us))
            return visit;
    }
    return NULL;
}

static void flushed(bool ok, const GError *error, gpointer data, gpointer user)
{
    Flush *flush = data;
    MdMeetings *m = flush->m;
    Meeting *meeting = m->stopping ? NULL : md_meetings_find(m, flush->meeting);
    if (!ok)
        md_error(&m->logger, "meeting %s: attendance cannot be written: %s", flush->meeting, error->message);
    for (guint i = 0; meeting != NULL && i < flush->rows->len; i++) {
        const MdVisit *v = flush->rows->pdata[i];
        Visit *visit = find(meeting, v->member, v->joined_us);
        if (visit == NULL)
            continue;
        if (!ok)
            visit->dirty = true;
        else if (visit->v.left_us != 0 && !visit->dirty) {
            g_ptr_array_remove_fast(meeting->visits, visit);
            visit_free(visit);
        }
    }
    md_meetings_release(m);
}

static void flush(Meeting *meeting)
{
    MdMeetings *m = meeting->owner;
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(free_visit);
    meeting->flush_us = md_meetings_now_us(m) + FLUSH_US;
    for (guint i = 0; i < meeting->visits->len; i++) {
        Visit *visit = meeting->visits->pdata[i];
        if (visit->dirty)
            g_ptr_array_add(rows, visit_copy(&visit->v));
        visit->dirty = false;
    }
    if (rows->len == 0)
        return;
    Flush *flush = g_new0(Flush, 1);
    *flush = (Flush){m, g_strdup(meeting->booking->id), g_steal_pointer(&rows)};
    md_meetings_retain(m);
    md_store_write(m->o.store, flush_write, flush, flush_free, flushed, NULL);
}

/* --- seen --- */

static bool counts(const Meeting *meeting)
{
    MdMeetingState state = meeting->pending != NULL ? meeting->pending->state : meeting->booking->state;
    return !meeting->owner->stopping && (state == MD_MEETING_OPEN || state == MD_MEETING_LIVE);
}

static Visit *arrive(Meeting *meeting, const MdMemberInfo *info, int64_t wall_us)
{
    Visit *visit = g_new0(Visit, 1);
    const MdInvitee *invitee = info->account != NULL ? md_booking_invitee(meeting->booking, info->account) : NULL;
    visit->v.member = g_strdup(info->id);
    visit->v.account = g_strdup(info->account != NULL ? info->account : "");
    visit->v.name = g_strdup(invitee != NULL ? invitee->name : info->name);
    visit->v.role = g_strdup(md_role_to_string(info->role));
    visit->v.reason = g_strdup("");
    visit->v.joined_us = visit->v.seen_us = wall_us;
    visit->dirty = true;
    visit->floor = info->floor; /* it may have come back to it: that was told before it was told to be here */
    if (info->stats != NULL) {
        visit->packets = md_stat_get(&info->stats->audio_packets_received);
        visit->frames = md_stat_get(&info->stats->video_frames_received);
    }
    g_ptr_array_add(meeting->visits, visit);
    return visit;
}

static void leave(Visit *visit, const char *reason, int64_t wall_us)
{
    visit->v.left_us = visit->v.seen_us = wall_us;
    g_free(visit->v.reason);
    visit->v.reason = g_strdup(reason);
    visit->dirty = true;
    visit->floor = false;
}

static void look(Visit *visit, const MdMemberInfo *info, int64_t wall_us, int64_t gap_us)
{
    uint64_t packets = info->stats != NULL ? md_stat_get(&info->stats->audio_packets_received) : 0;
    uint64_t frames = info->stats != NULL ? md_stat_get(&info->stats->video_frames_received) : 0;
    gap_us = MIN(gap_us, MAX(0, wall_us - visit->v.seen_us)); /* it came within this second */
    if (packets > visit->packets && !info->muted)
        visit->mic_us += gap_us;
    if (info->talking && !info->muted)
        visit->talk_us += gap_us;
    if (frames > visit->frames && !info->video_muted && !info->self_video_muted)
        visit->camera_us += gap_us;
    if (visit->floor)
        visit->floor_us += gap_us;
    visit->packets = packets;
    visit->frames = frames;
    visit->v.camera_s = visit->camera_us / G_USEC_PER_SEC;
    visit->v.mic_s = visit->mic_us / G_USEC_PER_SEC;
    visit->v.talk_s = visit->talk_us / G_USEC_PER_SEC;
    visit->v.floor_s = visit->floor_us / G_USEC_PER_SEC;
    visit->v.seen_us = wall_us;
    visit->seen = visit->dirty = true;
}

void md_visits_sample(Meeting *meeting)
{
    int64_t now_us = md_meetings_now_us(meeting->owner), wall_us = md_meetings_wall_us(meeting->owner);
    MdRoom *room = counts(meeting) ? md_meeting_room(meeting) : NULL;
    if (now_us - meeting->sampled_us < SAMPLE_US || (room == NULL && meeting->visits->len == 0))
        return;
    int64_t gap_us = meeting->sampled_us != 0 ? MIN(now_us - meeting->sampled_us, GAP_MAX_US) : 0;
    bool moved = false;
    meeting->sampled_us = now_us;
    for (guint i = 0; i < meeting->visits->len; i++)
        ((Visit *)meeting->visits->pdata[i])->seen = false;
    g_autoptr(GPtrArray) members = room != NULL ? md_room_members(room) : g_ptr_array_new();
    for (guint i = 0; i < members->len; i++) {
        const MdMemberInfo *info = members->pdata[i];
        Visit *visit = find(meeting, info->id, 0);
        if (info->in_lobby)
            continue;
        moved |= visit == NULL;
        look(visit != NULL ? visit : arrive(meeting, info, wall_us), info, wall_us, visit != NULL ? gap_us : 0);
    }
    for (guint i = 0; i < meeting->visits->len; i++) {
        Visit *visit = meeting->visits->pdata[i];
        if (!visit->seen && visit->v.left_us == 0) {
            leave(visit, "gone", wall_us);
            moved = true;
        }
    }
    if (moved || now_us >= meeting->flush_us)
        flush(meeting);
}

static void joined(Meeting *meeting, const char *member)
{
    MdRoom *room = md_meeting_room(meeting);
    g_autoptr(GPtrArray) members = room != NULL ? md_room_members(room) : g_ptr_array_new();
    for (guint i = 0; i < members->len; i++) {
        const MdMemberInfo *info = members->pdata[i];
        if (strcmp(info->id, member) == 0 && find(meeting, member, 0) == NULL)
            arrive(meeting, info, md_meetings_wall_us(meeting->owner));
    }
}

void md_visits_event(Meeting *meeting, const char *type, const char *member, JsonObject *data)
{
    if (!counts(meeting))
        return;
    if (strcmp(type, "member.joined") == 0) {
        joined(meeting, member);
        flush(meeting);
        return;
    }
    Visit *visit = find(meeting, member, 0);
    if (visit == NULL)
        return;
    if (strcmp(type, "member.left") == 0) {
        leave(visit, data != NULL ? json_object_get_string_member_with_default(data, "reason", "left") : "left", md_meetings_wall_us(meeting->owner));
        flush(meeting);
    } else if (strcmp(type, "member.role") == 0 && data != NULL) {
        g_free(visit->v.role);
        visit->v.role = g_strdup(json_object_get_string_member_with_default(data, "role", ""));
        visit->dirty = true;
    } else if (strcmp(type, "floor.given") == 0) {
        for (guint i = 0; i < meeting->visits->len; i++)
            ((Visit *)meeting->visits->pdata[i])->floor = false; /* one has it */
        visit->floor = true;
    } else if (strcmp(type, "floor.ended") == 0 || strcmp(type, "floor.away") == 0) {
        visit->floor = false;
    } else if (strcmp(type, "floor.back") == 0) {
        visit->floor = true;
    }
}

void md_visits_end(Meeting *meeting, const char *reason)
{
    int64_t wall_us = md_meetings_wall_us(meeting->owner);
    for (guint i = 0; i < meeting->visits->len; i++) {
        Visit *visit = meeting->visits->pdata[i];
        if (visit->v.left_us == 0)
            leave(visit, reason, wall_us);
    }
    flush(meeting);
}

/* --- summed --- */

static MdVisit *read_row(MdRows *rows)
{
    MdVisit *v = g_new0(MdVisit, 1);
    v->member = g_strdup(md_rows_text(rows, 0));
    v->joined_us = md_rows_int(rows, 1);
    v->account = g_strdup(md_rows_text(rows, 2));
    v->name = g_strdup(md_rows_text(rows, 3));
    v->role = g_strdup(md_rows_text(rows, 4));
    v->left_us = md_rows_int(rows, 5);
    v->seen_us = md_rows_int(rows, 6);
    v->reason = g_strdup(md_rows_text(rows, 7));
    v->camera_s = md_rows_int(rows, 8);
    v->mic_s = md_rows_int(rows, 9);
    v->talk_s = md_rows_int(rows, 10);
    v->floor_s = md_rows_int(rows, 11);
    return v;
}

/* What is newer in memory takes the row's place. */
static void take_newer(GPtrArray *visits, const MdVisit *newer)
{
    for (guint i = 0; i < visits->len; i++) {
        const MdVisit *v = visits->pdata[i];
        if (v->joined_us == newer->joined_us && strcmp(v->member, newer->member) == 0) {
            g_ptr_array_remove_index(visits, i);
            break;
        }
    }
    g_ptr_array_add(visits, visit_copy(newer));
}

MdAttendance *md_meetings_attendance(MdMeetings *m, const char *id, GError **error)
{
    GError *local = NULL;
    g_autoptr(MdBooking) booking = md_meetings_get(m, id, error);
    if (booking == NULL)
        return NULL;
    g_autoptr(GPtrArray) visits = g_ptr_array_new_with_free_func(free_visit);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(m->o.store), error,
                                         "SELECT member, joined_us, account, name, role, left_us, seen_us, reason, camera_s, mic_s, talk_s, floor_s "
                                         "FROM md_attendance WHERE meeting = $1 ORDER BY joined_us, member", "s", id);
    while (rows != NULL && md_rows_next(rows, &local))
        g_ptr_array_add(visits, read_row(rows));
    if (local != NULL)
        g_propagate_error(error, local);
    if (rows == NULL || local != NULL)
        return NULL;
    const Meeting *meeting = md_meetings_find(m, id);
    for (guint i = 0; meeting != NULL && i < meeting->visits->len; i++)
        take_newer(visits, &((const Visit *)meeting->visits->pdata[i])->v);
    return md_attendance_sum(booking, g_steal_pointer(&visits), md_meetings_wall_us(m));
}
