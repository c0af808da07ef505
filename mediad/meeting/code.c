/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Join codes: 128 random bits for one invitee. The store and our memory hold their SHA-256 only; a code leads nowhere before its meeting's room
 * opens and after it has ended. */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include "mediad/meeting/private.h"

enum { CODE_BYTES = 16, CODE_CHARS = 26, ID_BYTES = 6, BROWSER_MIN = 16, BROWSER_MAX = 200 };

typedef struct Code {
    char *hash, *meeting;
    char *browser;             /* hash of the one that has it; "" none yet */
    MdMeetingLink c;
} Code;

static void clear_code(MdMeetingLink *c)
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
    g_free(code->browser);
    clear_code(&code->c);
    g_free(code);
}

static MdMeetingLink public_copy(const MdMeetingLink *from)
{
    MdMeetingLink c = *from;
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

static const char columns[] = "c.hash, c.id, c.meeting, c.account, c.name, c.role, c.created_us, c.used_us, c.uses, c.revoked_us, c.browser";

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
    code->browser = g_strdup(md_rows_text(rows, 10));
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
        MdMeetingLink *c = g_new(MdMeetingLink, 1);
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
    MdMeetingLinksFn done;
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
                       "INSERT INTO md_meeting_codes (hash, id, meeting, account, name, role, browser, created_us, created_by, used_us, uses, revoked_us) "
                       "VALUES ($1, $2, $3, $4, $5, $6, '', $7, $8, 0, 0, 0)",
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
        MdMeetingLink *c = g_new(MdMeetingLink, 1);
        *c = public_copy(&code->c);
        g_ptr_array_add(told, c);
        drop_account(m, making->meeting, code->c.account);
        if (md_meetings_find(m, making->meeting) == NULL)
            continue; /* over meanwhile */
        Code *kept = g_new0(Code, 1);
        kept->hash = g_strdup(code->hash);
        kept->meeting = g_strdup(code->meeting);
        kept->browser = g_strdup("");
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

void md_meetings_make_codes(MdMeetings *m, const char *id, GPtrArray *invitees, const char *who, MdMeetingLinksFn done, void *user)
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

typedef struct Use {
    MdMeetings *m;
    char *hash, *browser;
    int64_t now_us;
    bool other;                /* another browser was first */
    MdMeetingCodeFn done;
    void *user;
} Use;

static void use_free(gpointer data)
{
    Use *use = data;
    g_free(use->hash);
    g_free(use->browser);
    g_free(use);
}

static bool use_write(MdDb *db, gpointer data, GError **error)
{
    Use *use = data;
    if (!md_db_run(db, error, "UPDATE md_meeting_codes SET used_us = $1, uses = uses + 1, browser = $2 WHERE hash = $3 AND revoked_us = 0 AND browser IN ('', $2)",
                   "iss", use->now_us, use->browser, use->hash))
        return false;
    use->other = md_db_changes(db) == 0;
    return true;
}

static bool too_early(const MdMeetings *m, const MdBooking *b, GError **error)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(b->start_us / G_USEC_PER_SEC - b->open_min * 60);
    g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, m->zone);
    g_autofree char *when = g_date_time_format(local, "%H:%M %d/%m/%Y");
    return md_meetings_fail(error, MD_MEETING_ERROR_EARLY, "too early: the room opens at %s", when);
}

static Code *code_of(MdMeetings *m, const char *text)
{
    if (strlen(text) != CODE_CHARS)
        return NULL;
    g_autofree char *lower = g_ascii_strdown(text, -1), *hash = hash_of(lower);
    return g_hash_table_lookup(m->codes, hash);
}

static bool resolve(MdMeetings *m, const Code *code, bool room_too, MdMeetingCode *ret, GError **error)
{
    Meeting *meeting = code != NULL ? md_meetings_find(m, code->meeting) : NULL;
    const MdBooking *b = meeting != NULL ? meeting->booking : NULL;
    const char *role = b != NULL && *code->c.account != 0 ? md_booking_role(b, code->c.account) : NULL;
    if (b == NULL || (b->confidential && role == NULL)) /* not invited any more */
        return md_meetings_fail(error, MD_MEETING_ERROR_NOT_FOUND, "this link is not known, was taken back, or its meeting is over");
    *ret = (MdMeetingCode){.meeting = b->id, .room = b->room, .name = code->c.name, .account = *code->c.account != 0 ? code->c.account : NULL};
    ret->role = md_meeting_role_from(role != NULL ? role : code->c.role);
    ret->past_lobby = ret->role != MD_ROLE_GUEST;
    if (!room_too)
        return true;
    if (b->state == MD_MEETING_SCHEDULED)
        return too_early(m, b, error);
    return md_meeting_ensure_room(meeting) ||
           md_meetings_fail(error, MD_MEETING_ERROR_STATE, "the room is not there just now: try again");
}

static void used(bool ok, const GError *failed, gpointer data, gpointer user)
{
    Use *use = data;
    MdMeetings *m = use->m;
    g_autoptr(GError) error = NULL;
    MdMeetingCode found = {0};
    Code *code = m->stopping ? NULL : g_hash_table_lookup(m->codes, use->hash);
    if (!ok) {
        error = g_error_copy(failed);
    } else if (use->other) {
        md_meetings_fail(&error, MD_MEETING_ERROR_STATE, "this link is in use in another browser: ask for one of your own");
    } else if (resolve(m, code, true, &found, &error)) {
        g_free(code->browser);
        code->browser = g_strdup(use->browser);
        code->c.used_us = use->now_us;
        code->c.uses++;
    }
    use->done(error == NULL ? &found : NULL, error, use->user);
    md_meetings_release(m);
}

void md_meetings_use_code(MdMeetings *m, const char *text, const char *browser, MdMeetingCodeFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    MdMeetingCode found = {0};
    const Code *code = code_of(m, text);
    size_t len = browser != NULL ? strlen(browser) : 0;
    bool ok = resolve(m, code, true, &found, &error);
    g_autofree char *hash = len > 0 ? hash_of(browser) : NULL;
    if (ok && (len < BROWSER_MIN || len > BROWSER_MAX))
        ok = md_meetings_fail(&error, MD_MEETING_ERROR_INVALID, "a browser's secret is %d to %d characters", BROWSER_MIN, BROWSER_MAX);
    if (ok && *code->browser != 0 && strcmp(code->browser, hash) != 0)
        ok = md_meetings_fail(&error, MD_MEETING_ERROR_STATE, "this link is in use in another browser: ask for one of your own");
    if (!ok) {
        done(NULL, error, user);
        return;
    }
    Use *use = g_new0(Use, 1);
    *use = (Use){m, g_strdup(code->hash), g_steal_pointer(&hash), md_meetings_wall_us(m), false, done, user};
    md_meetings_retain(m);
    md_store_write(m->o.store, use_write, use, use_free, used, NULL);
}

bool md_meetings_look_at_code(MdMeetings *m, const char *text, MdMeetingCode *ret, GError **error)
{
    return resolve(m, code_of(m, text), false, ret, error);
}
