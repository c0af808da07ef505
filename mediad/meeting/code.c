/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Join codes: 128 random bits for one invitee. The store and our memory hold their SHA-256 only; a code leads nowhere before its meeting's room
 * opens and after it has ended. */
#include <openssl/rand.h>
#include <string.h>
#include "mediad/meeting/private.h"

enum { CODE_BYTES = 16, CODE_CHARS = 26, ID_BYTES = 6 };
static const int64_t USED_AGAIN_US = 10 * G_USEC_PER_SEC;

typedef struct Code {
    char *hash, *meeting;
    MdMeetingCode c;
} Code;

static void clear_code(MdMeetingCode *c)
{
    g_free(c->id);
    g_free(c->code);
    g_free(c->account);
    g_free(c->name);
    g_free(c->role);
}

static void public_free(gpointer data)
{
    clear_code(data);
    g_free(data);
}

void md_code_free(gpointer data)
{
    Code *code = data;
    g_free(code->hash);
    g_free(code->meeting);
    clear_code(&code->c);
    g_free(code);
}

static MdMeetingCode public_copy(const MdMeetingCode *from)
{
    MdMeetingCode c = *from;
    c.id = g_strdup(from->id);
    c.code = g_strdup(from->code);
    c.account = g_strdup(from->account);
    c.name = g_strdup(from->name);
    c.role = g_strdup(from->role);
    return c;
}

static char *hash_of(const char *code)
{
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, code, -1);
}

/* Letters and digits that nobody mistakes for one another. */
static char *random_code(void)
{
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint8_t bytes[CODE_BYTES];
    char text[CODE_CHARS + 1];
    unsigned have = 0, bits = 0, n = 0;
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return NULL;
    for (unsigned i = 0; i < CODE_CHARS; i++) {
        if (bits < 5 && n < CODE_BYTES) {
            have = have << 8 | bytes[n++];
            bits += 8;
        }
        unsigned at = bits >= 5 ? have >> (bits - 5) & 31 : have << (5 - bits) & 31;
        bits -= MIN(bits, 5);
        text[i] = letters[at];
    }
    text[CODE_CHARS] = 0;
    OPENSSL_cleanse(bytes, sizeof bytes);
    return g_strdup(text);
}

static char *random_id(void)
{
    uint8_t bytes[ID_BYTES];
    GString *text = g_string_new(NULL);
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        memset(bytes, 0, sizeof bytes);
    for (unsigned i = 0; i < ID_BYTES; i++)
        g_string_append_printf(text, "%02x", bytes[i]);
    return g_string_free(text, FALSE);
}

/* --- at rest --- */

static const char columns[] = "c.hash, c.id, c.meeting, c.account, c.name, c.role, c.created_us, c.used_us, c.uses, c.revoked_us";

static Code *read_row(MdRows *rows)
{
    Code *code = g_new0(Code, 1);
    code->hash = g_strdup(md_rows_text(rows, 0));
    code->meeting = g_strdup(md_rows_text(rows, 2));
    code->c.id = g_strdup(md_rows_text(rows, 1));
    code->c.account = g_strdup(md_rows_text(rows, 3));
    code->c.name = g_strdup(md_rows_text(rows, 4));
    code->c.role = g_strdup(md_rows_text(rows, 5));
    code->c.created_us = md_rows_int(rows, 6);
    code->c.used_us = md_rows_int(rows, 7);
    code->c.uses = md_rows_int(rows, 8);
    code->c.revoked_us = md_rows_int(rows, 9);
    return code;
}

bool md_codes_load(MdMeetings *m, GError **error)
{
    GError *local = NULL;
    g_autofree char *sql = g_strdup_printf("SELECT %s FROM md_meeting_codes c JOIN md_meetings h ON h.id = c.meeting "
                                           "WHERE c.revoked_us = 0 AND h.state IN ('scheduled', 'open', 'live')", columns);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(m->o.store), error, sql, "");
    while (rows != NULL && md_rows_next(rows, &local)) {
        Code *code = read_row(rows);
        g_hash_table_replace(m->codes, g_strdup(code->hash), code);
    }
    if (local != NULL)
        g_propagate_error(error, local);
    return rows != NULL && local == NULL;
}

void md_codes_forget(MdMeetings *m, const char *meeting)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, m->codes);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (strcmp(((const Code *)value)->meeting, meeting) == 0)
            g_hash_table_iter_remove(&iter);
}

GPtrArray *md_meetings_codes(MdMeetings *m, const char *id, GError **error)
{
    GError *local = NULL;
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(public_free);
    g_autofree char *sql = g_strdup_printf("SELECT %s FROM md_meeting_codes c WHERE c.meeting = $1 ORDER BY c.created_us, c.name", columns);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(m->o.store), error, sql, "s", id);
    while (rows != NULL && md_rows_next(rows, &local)) {
        Code *code = read_row(rows);
        MdMeetingCode *c = g_new(MdMeetingCode, 1);
        *c = public_copy(&code->c);
        md_code_free(code);
        g_ptr_array_add(all, c);
    }
    if (local != NULL)
        g_propagate_error(error, local);
    return rows != NULL && local == NULL ? g_steal_pointer(&all) : NULL;
}

/* --- making --- */

typedef struct Making {
    MdMeetings *m;
    char *meeting, *who;
    int64_t now_us;
    GPtrArray *codes;          /* Code* */
    MdMeetingCodesFn done;
    void *user;
} Making;

static void making_free(gpointer data)
{
    Making *making = data;
    g_free(making->meeting);
    g_free(making->who);
    g_ptr_array_unref(making->codes);
    g_free(making);
}

static bool make_write(MdDb *db, gpointer data, GError **error)
{
    const Making *making = data;
    for (guint i = 0; i < making->codes->len; i++) {
        const Code *code = making->codes->pdata[i];
        if (*code->c.account != 0 &&
            !md_db_run(db, error, "UPDATE md_meeting_codes SET revoked_us = $1 WHERE meeting = $2 AND account = $3 AND revoked_us = 0", "iss", making->now_us,
                       making->meeting, code->c.account))
            return false;
        if (!md_db_run(db, error,
                       "INSERT INTO md_meeting_codes (hash, id, meeting, account, name, role, created_us, created_by, used_us, uses, revoked_us) "
                       "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0)",
                       "ssssssis", code->hash, code->c.id, making->meeting, code->c.account, code->c.name, code->c.role, making->now_us, making->who))
            return false;
    }
    return true;
}

static void drop_account(MdMeetings *m, const char *meeting, const char *account)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, m->codes);
    while (*account != 0 && g_hash_table_iter_next(&iter, NULL, &value)) {
        const Code *code = value;
        if (strcmp(code->meeting, meeting) == 0 && strcmp(code->c.account, account) == 0)
            g_hash_table_iter_remove(&iter);
    }
}

static void made(bool ok, const GError *error, gpointer data, gpointer user)
{
    Making *making = data;
    MdMeetings *m = making->m;
    g_autoptr(GPtrArray) told = g_ptr_array_new_with_free_func(public_free);
    for (guint i = 0; ok && !m->stopping && i < making->codes->len; i++) {
        const Code *code = making->codes->pdata[i];
        MdMeetingCode *c = g_new(MdMeetingCode, 1);
        *c = public_copy(&code->c);
        g_ptr_array_add(told, c);
        drop_account(m, making->meeting, code->c.account);
        if (md_meetings_find(m, making->meeting) == NULL)
            continue; /* over meanwhile */
        Code *kept = g_new0(Code, 1);
        kept->hash = g_strdup(code->hash);
        kept->meeting = g_strdup(code->meeting);
        kept->c = public_copy(&code->c);
        g_clear_pointer(&kept->c.code, g_free);
        g_hash_table_replace(m->codes, g_strdup(kept->hash), kept);
    }
    making->done(ok ? told : NULL, error, making->user);
    md_meetings_release(m);
}

static Code *new_code(const Making *making, const MdInvitee *invitee)
{
    Code *code = g_new0(Code, 1);
    code->c.code = random_code();
    code->hash = code->c.code != NULL ? hash_of(code->c.code) : NULL;
    code->meeting = g_strdup(making->meeting);
    code->c.id = random_id();
    code->c.account = g_strdup(invitee->account);
    code->c.name = g_strdup(invitee->name);
    code->c.role = g_strdup(invitee->role);
    code->c.created_us = making->now_us;
    return code;
}

static bool may_make(MdMeetings *m, const char *id, const GPtrArray *invitees, GError **error)
{
    const Meeting *meeting = md_meetings_find(m, id);
    if (meeting == NULL)
        return md_meetings_fail(error, MD_MEETING_ERROR_NOT_FOUND, "there is no such meeting to come or under way");
    unsigned n = 0;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, m->codes);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        n += strcmp(((const Code *)value)->meeting, id) == 0;
    if (invitees->len == 0 || n + invitees->len > MD_MEETING_CODES_MAX)
        return md_meetings_fail(error, MD_MEETING_ERROR_LIMIT, "1 to %u codes for one meeting", MD_MEETING_CODES_MAX);
    for (guint i = 0; i < invitees->len; i++) {
        const MdInvitee *invitee = invitees->pdata[i];
        if (*invitee->name == 0 || g_utf8_strlen(invitee->name, -1) > 200)
            return md_meetings_fail(error, MD_MEETING_ERROR_INVALID, "field 'name': 1 to 200 characters");
        if (meeting->booking->confidential && md_booking_role(meeting->booking, invitee->account) == NULL)
            return md_meetings_fail(error, MD_MEETING_ERROR_STATE, "a confidential meeting takes invited accounts only, no guests: %s", invitee->name);
    }
    return true;
}

void md_meetings_make_codes(MdMeetings *m, const char *id, GPtrArray *invitees, const char *who, MdMeetingCodesFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    if (!may_make(m, id, invitees, &error)) {
        done(NULL, error, user);
        return;
    }
    Making *making = g_new0(Making, 1);
    *making = (Making){m, g_strdup(id), g_strdup(who), md_meetings_wall_us(m), g_ptr_array_new_with_free_func(md_code_free), done, user};
    for (guint i = 0; i < invitees->len; i++) {
        Code *code = new_code(making, invitees->pdata[i]);
        g_ptr_array_add(making->codes, code);
        if (code->hash == NULL) {
            making_free(making);
            md_meetings_fail(&error, MD_MEETING_ERROR_STATE, "the machine gives no random numbers now");
            done(NULL, error, user);
            return;
        }
    }
    md_meetings_retain(m);
    md_store_write(m->o.store, make_write, making, making_free, made, NULL);
}

/* --- taking back --- */

typedef struct Revoking {
    MdMeetings *m;
    char *meeting, *id;
    int64_t now_us;
    bool none;
    MdMeetingDoneFn done;
    void *user;
} Revoking;

static void revoking_free(gpointer data)
{
    Revoking *r = data;
    g_free(r->meeting);
    g_free(r->id);
    g_free(r);
}

static bool revoke_write(MdDb *db, gpointer data, GError **error)
{
    Revoking *r = data;
    if (!md_db_run(db, error, "UPDATE md_meeting_codes SET revoked_us = $1 WHERE meeting = $2 AND id = $3 AND revoked_us = 0", "iss", r->now_us, r->meeting, r->id))
        return false;
    r->none = md_db_changes(db) == 0;
    return true;
}

static void revoked(bool ok, const GError *error, gpointer data, gpointer user)
{
    Revoking *r = data;
    g_autoptr(GError) none = NULL;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, r->m->codes);
    while (ok && g_hash_table_iter_next(&iter, NULL, &value)) {
        const Code *code = value;
        if (strcmp(code->meeting, r->meeting) == 0 && strcmp(code->c.id, r->id) == 0)
            g_hash_table_iter_remove(&iter);
    }
    if (ok && r->none)
        md_meetings_fail(&none, MD_MEETING_ERROR_NOT_FOUND, "there is no such code in force");
    r->done(NULL, ok ? none : error, r->user);
    md_meetings_release(r->m);
}

void md_meetings_revoke_code(MdMeetings *m, const char *id, const char *code_id, MdMeetingDoneFn done, void *user)
{
    Revoking *r = g_new0(Revoking, 1);
    *r = (Revoking){m, g_strdup(id), g_strdup(code_id), md_meetings_wall_us(m), false, done, user};
    md_meetings_retain(m);
    md_store_write(m->o.store, revoke_write, r, revoking_free, revoked, NULL);
}

/* --- at the door --- */

typedef struct Used {
    char *hash;
    int64_t now_us;
} Used;

static void used_free(gpointer data)
{
    Used *used = data;
    g_free(used->hash);
    g_free(used);
}

static bool used_write(MdDb *db, gpointer data, GError **error)
{
    const Used *used = data;
    return md_db_run(db, error, "UPDATE md_meeting_codes SET used_us = $1, uses = uses + 1 WHERE hash = $2", "is", used->now_us, used->hash);
}

static void note_use(MdMeetings *m, Code *code, int64_t now_us)
{
    if (now_us - code->c.used_us < USED_AGAIN_US)
        return;
    code->c.used_us = now_us;
    code->c.uses++;
    Used *used = g_new0(Used, 1);
    *used = (Used){g_strdup(code->hash), now_us};
    md_store_write(m->o.store, used_write, used, used_free, NULL, NULL);
}

static char *member_with(MdRoom *room, const char *uri)
{
    g_autoptr(GPtrArray) members = md_room_members(room);
    for (guint i = 0; i < members->len; i++) {
        const MdMemberInfo *info = members->pdata[i];
        if (g_strcmp0(info->uri, uri) == 0)
            return g_strdup(info->id);
    }
    return NULL;
}

void md_meeting_seat_clear(MdMeetingSeat *seat)
{
    g_free(seat->meeting);
    g_free(seat->room);
    g_free(seat->name);
    g_free(seat->account);
    g_free(seat->uri);
    g_free(seat->member);
    *seat = (MdMeetingSeat){0};
}

bool md_meeting_resolve_code(MdMeetings *m, const char *code_text, MdMeetingSeat *ret, GError **error)
{
    Code *code = NULL;
    if (strlen(code_text) == CODE_CHARS) {
        g_autofree char *lower = g_ascii_strdown(code_text, -1), *hash = hash_of(lower);
        code = g_hash_table_lookup(m->codes, hash);
    }
    Meeting *meeting = code != NULL ? md_meetings_find(m, code->meeting) : NULL;
    if (meeting == NULL)
        return md_meetings_fail(error, MD_MEETING_ERROR_NOT_FOUND, "this link is not known, was taken back, or its meeting is over");
    const MdBooking *b = meeting->booking;
    if (b->state == MD_MEETING_SCHEDULED) {
        g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(b->start_us / G_USEC_PER_SEC - b->open_min * 60);
        g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, m->zone);
        g_autofree char *when = g_date_time_format(local, "%H:%M %d/%m/%Y");
        return md_meetings_fail(error, MD_MEETING_ERROR_STATE, "too early: the room opens at %s", when);
    }
    MdRoom *room = md_meeting_ensure_room(meeting) ? md_meeting_room(meeting) : NULL;
    if (room == NULL)
        return md_meetings_fail(error, MD_MEETING_ERROR_STATE, "the room is not there just now: try again");
    const char *role = *code->c.account != 0 ? md_booking_role(b, code->c.account) : NULL;
    if (b->confidential && role == NULL) /* not invited any more */
        return md_meetings_fail(error, MD_MEETING_ERROR_NOT_FOUND, "this link is not known, was taken back, or its meeting is over");
    g_autofree char *uri = g_strdup_printf("meeting:%s:%s", code->meeting, code->c.id);
    *ret = (MdMeetingSeat){.meeting = g_strdup(code->meeting),
                           .room = g_strdup(b->room),
                           .name = g_strdup(code->c.name),
                           .account = *code->c.account != 0 ? g_strdup(code->c.account) : NULL,
                           .role = md_meeting_role_from(role != NULL ? role : code->c.role),
                           .member = member_with(room, uri)};
    ret->uri = g_steal_pointer(&uri);
    note_use(m, code, md_meetings_wall_us(m));
    return true;
}
