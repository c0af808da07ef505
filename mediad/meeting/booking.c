/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/meeting/booking.h"
#include <string.h>
#include "mediad/meeting/meeting.h"

static const char *const states[MD_MEETING_STATE_MAX] = {"scheduled", "open", "live", "ended", "cancelled"};

const char *md_meeting_state_to_string(MdMeetingState state)
{
    return (unsigned)state < MD_MEETING_STATE_MAX ? states[state] : NULL;
}

MdMeetingState md_meeting_state_from_string(const char *name)
{
    for (int i = 0; name != NULL && i < MD_MEETING_STATE_MAX; i++)
        if (strcmp(name, states[i]) == 0)
            return (MdMeetingState)i;
    return MD_MEETING_STATE_INVALID;
}

static void item_free(gpointer data)
{
    MdAgendaItem *item = data;
    g_free(item->who);
    g_free(item->subject);
    g_free(item);
}

static void invitee_free(gpointer data)
{
    MdInvitee *invitee = data;
    g_free(invitee->account);
    g_free(invitee->name);
    g_free(invitee->role);
    g_free(invitee);
}

/* Every text of a booking, once: for copying and freeing. */
#define TEXTS(X) \
    X(id) X(title) X(room) X(chair) X(co_chair) X(secretary) X(technician) X(pin) X(chair_pin) X(language) \
    X(forced_because) X(cancelled_because) X(created_by) X(changed_by)

MdBooking *md_booking_new(void)
{
    MdBooking *booking = g_rc_box_new0(MdBooking);
#define EMPTY_(name) booking->name = g_strdup("");
    TEXTS(EMPTY_)
#undef EMPTY_
    booking->agenda = g_ptr_array_new_with_free_func(item_free);
    booking->sites = g_ptr_array_new_with_free_func(invitee_free);
    booking->dial = booking->trial = true;
    booking->open_min = 15;
    booking->grace_min = 30;
    return booking;
}

static void clear(gpointer data)
{
    MdBooking *booking = data;
#define FREE_(name) g_free(booking->name);
    TEXTS(FREE_)
#undef FREE_
    g_ptr_array_unref(booking->agenda);
    g_ptr_array_unref(booking->sites);
}

MdBooking *md_booking_ref(const MdBooking *booking)
{
    return g_rc_box_acquire((gpointer)(uintptr_t)booking);
}

void md_booking_unref(MdBooking *booking)
{
    if (booking != NULL)
        g_rc_box_release_full(booking, clear);
}

MdBooking *md_booking_copy(const MdBooking *from)
{
    MdBooking *booking = g_rc_box_new(MdBooking);
    *booking = *from;
#define COPY_(name) booking->name = g_strdup(from->name);
    TEXTS(COPY_)
#undef COPY_
    booking->agenda = g_ptr_array_new_with_free_func(item_free);
    booking->sites = g_ptr_array_new_with_free_func(invitee_free);
    for (guint i = 0; i < from->agenda->len; i++) {
        const MdAgendaItem *item = from->agenda->pdata[i];
        md_booking_add_item(booking, item->who, item->subject, item->minutes);
    }
    for (guint i = 0; i < from->sites->len; i++) {
        const MdInvitee *invitee = from->sites->pdata[i];
        md_booking_invite(booking, invitee->account, invitee->name, invitee->role);
    }
    return booking;
}

void md_booking_add_item(MdBooking *booking, const char *who, const char *subject, unsigned minutes)
{
    MdAgendaItem *item = g_new0(MdAgendaItem, 1);
    item->who = g_strdup(who != NULL ? who : "");
    item->subject = g_strdup(subject != NULL ? subject : "");
    item->minutes = minutes;
    g_ptr_array_add(booking->agenda, item);
}

void md_booking_invite(MdBooking *booking, const char *account, const char *name, const char *role)
{
    if (md_booking_invitee(booking, account) != NULL)
        return;
    MdInvitee *invitee = g_new0(MdInvitee, 1);
    invitee->account = g_strdup(account);
    invitee->name = g_strdup(name != NULL && *name != 0 ? name : account);
    invitee->role = g_strdup(role != NULL && *role != 0 ? role : "site");
    g_ptr_array_add(booking->sites, invitee);
}

const MdInvitee *md_booking_invitee(const MdBooking *booking, const char *account)
{
    for (guint i = 0; i < booking->sites->len; i++) {
        const MdInvitee *invitee = booking->sites->pdata[i];
        if (strcmp(invitee->account, account) == 0)
            return invitee;
    }
    return NULL;
}

const char *md_booking_role(const MdBooking *booking, const char *account)
{
    if (account == NULL || *account == 0)
        return NULL;
    if (strcmp(booking->chair, account) == 0)
        return "chair";
    if (strcmp(booking->co_chair, account) == 0)
        return "co-chair";
    if (strcmp(booking->secretary, account) == 0)
        return "secretary";
    if (strcmp(booking->technician, account) == 0)
        return "technician";
    const MdInvitee *invitee = md_booking_invitee(booking, account);
    return invitee != NULL ? invitee->role : NULL;
}

/* --- is it sound? --- */

static bool text_ok(const char *text, unsigned least, unsigned most)
{
    if (!g_utf8_validate(text, -1, NULL))
        return false;
    unsigned n = 0;
    for (const char *p = text; *p != 0; p = g_utf8_next_char(p), n++)
        if (g_unichar_iscntrl(g_utf8_get_char(p)))
            return false;
    return n >= least && n <= most;
}

static bool digits_ok(const char *text)
{
    size_t len = strlen(text);
    return len == 0 || (len >= 4 && len <= 12 && strspn(text, "0123456789") == len);
}

static bool account_ok(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 256)
        return false;
    for (const char *p = text; *p != 0; p++)
        if ((unsigned char)*p <= ' ' || *p == '<' || *p == '>' || *p == 127)
            return false;
    return true;
}

static bool fail(GError **error, const char *field, const char *why)
{
    g_set_error(error, MD_MEETING_ERROR, MD_MEETING_ERROR_INVALID, "field '%s': %s", field, why);
    return false;
}

static bool check_when(const MdBooking *b, int64_t now_us, GError **error)
{
    static const int64_t LATE_US = 10 * 60 * G_USEC_PER_SEC;
    int64_t minutes = (b->end_us - b->start_us) / (60 * G_USEC_PER_SEC);
    if (b->end_us <= b->start_us)
        return fail(error, "end", "the meeting ends before it begins");
    if (minutes < 1 || minutes > MD_BOOKING_MINUTES_MAX)
        return fail(error, "end", "a meeting takes 1 minute to 24 hours");
    if (now_us != 0 && b->start_us < now_us - LATE_US)
        return fail(error, "start", "it lies in the past");
    if (now_us != 0 && b->start_us > now_us + MD_BOOKING_AHEAD_DAYS * INT64_C(86400) * G_USEC_PER_SEC)
        return fail(error, "start", "at most two years ahead");
    if (b->open_min > 120)
        return fail(error, "open_min", "a room opens at most 120 minutes before");
    if (b->grace_min > 720)
        return fail(error, "grace_min", "at most 720 minutes");
    if (b->max_minutes > MD_BOOKING_MINUTES_MAX)
        return fail(error, "max_minutes", "at most 1440 minutes");
    return true;
}

static bool check_people(const MdBooking *b, GError **error)
{
    const char *const posts[] = {b->chair, b->co_chair, b->secretary, b->technician};
    static const char *const names[] = {"chair", "co_chair", "secretary", "technician"};
    for (unsigned i = 0; i < G_N_ELEMENTS(posts); i++)
        if (*posts[i] != 0 && !account_ok(posts[i]))
            return fail(error, names[i], "not an account");
    if (b->sites->len > MD_BOOKING_SITES_MAX)
        return fail(error, "sites", "at most 500 sites are invited");
    for (guint i = 0; i < b->sites->len; i++) {
        const MdInvitee *invitee = b->sites->pdata[i];
        if (!account_ok(invitee->account))
            return fail(error, "sites", "each is an account or a SIP address of 1 to 256 characters, without spaces");
        if (!text_ok(invitee->name, 1, 200))
            return fail(error, "sites", "a name is 1 to 200 characters on one line");
    }
    if (b->agenda->len > MD_BOOKING_AGENDA_MAX)
        return fail(error, "agenda", "at most 200 items");
    for (guint i = 0; i < b->agenda->len; i++) {
        const MdAgendaItem *item = b->agenda->pdata[i];
        if (!text_ok(item->subject, 1, 300) || !text_ok(item->who, 0, 200))
            return fail(error, "agenda", "each item has a subject of 1 to 300 characters on one line");
        if (item->minutes > MD_BOOKING_MINUTES_MAX)
            return fail(error, "agenda", "an item takes at most 1440 minutes");
    }
    return true;
}

bool md_booking_check(const MdBooking *b, int64_t now_us, GError **error)
{
    size_t len = strlen(b->room);
    if (!text_ok(b->title, 1, MD_BOOKING_TITLE_MAX))
        return fail(error, "title", "1 to 200 characters on one line");
    if (len == 0 || len > 64 || strspn(b->room, "abcdefghijklmnopqrstuvwxyz0123456789._-") != len || strcmp(b->room, "echo") == 0 ||
        strcmp(b->room, "test") == 0)
        return fail(error, "room", "a room's name is 1 to 64 of a-z 0-9 . _ - and neither echo nor test");
    if (!digits_ok(b->pin))
        return fail(error, "pin", "4 to 12 digits");
    if (!digits_ok(b->chair_pin) || (*b->pin != 0 && strcmp(b->pin, b->chair_pin) == 0))
        return fail(error, "chair_pin", "4 to 12 digits, other ones than the members'");
    if (*b->language != 0 && strcmp(b->language, "vi") != 0 && strcmp(b->language, "en") != 0)
        return fail(error, "language", "vi or en");
    if (b->confidential && b->record)
        return fail(error, "record", "a confidential meeting is not recorded");
    return check_when(b, now_us, error) && check_people(b, error);
}

/* --- clashes --- */

static void clash_free(gpointer data)
{
    MdClash *clash = data;
    g_free(clash->account);
    g_free(clash->name);
    g_free(clash->meeting);
    g_free(clash->title);
    g_free(clash);
}

static void add_clash(GPtrArray *all, const MdBooking *other, bool room, const char *account, const char *name)
{
    MdClash *clash = g_new0(MdClash, 1);
    *clash = (MdClash){room, g_strdup(account), g_strdup(name), g_strdup(other->id), g_strdup(other->title), other->start_us, other->end_us};
    g_ptr_array_add(all, clash);
}

static void compare(const MdBooking *wanted, const MdBooking *other, GPtrArray *ret)
{
    if (strcmp(wanted->id, other->id) == 0 || other->state == MD_MEETING_ENDED || other->state == MD_MEETING_CANCELLED ||
        wanted->start_us >= other->end_us || other->start_us >= wanted->end_us)
        return;
    if (strcmp(wanted->room, other->room) == 0)
        add_clash(ret, other, true, wanted->room, wanted->room);
    g_autoptr(GHashTable) there = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < other->sites->len; i++)
        g_hash_table_add(there, ((const MdInvitee *)other->sites->pdata[i])->account);
    const char *const theirs[] = {other->chair, other->co_chair, other->secretary, other->technician};
    for (unsigned i = 0; i < G_N_ELEMENTS(theirs); i++)
        if (*theirs[i] != 0)
            g_hash_table_add(there, (gpointer)(uintptr_t)theirs[i]);
    for (guint i = 0; i < wanted->sites->len; i++) {
        const MdInvitee *invitee = wanted->sites->pdata[i];
        if (g_hash_table_contains(there, invitee->account))
            add_clash(ret, other, false, invitee->account, invitee->name);
    }
    const char *const ours[] = {wanted->chair, wanted->co_chair, wanted->secretary, wanted->technician};
    for (unsigned i = 0; i < G_N_ELEMENTS(ours); i++)
        if (*ours[i] != 0 && g_hash_table_contains(there, ours[i]) && md_booking_invitee(wanted, ours[i]) == NULL)
            add_clash(ret, other, false, ours[i], ours[i]);
}

GPtrArray *md_booking_clashes(const MdBooking *wanted, GPtrArray *others)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(clash_free);
    for (guint i = 0; i < others->len; i++)
        compare(wanted, others->pdata[i], all);
    return all;
}

static char *clock_text(int64_t wall_us, GTimeZone *zone, const char *format)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(wall_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);
    return g_date_time_format(local, format);
}

char *md_clashes_to_text(GPtrArray *clashes, GTimeZone *zone)
{
    enum { TOLD = 10 };
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < clashes->len && i < TOLD; i++) {
        const MdClash *clash = clashes->pdata[i];
        g_autofree char *from = clock_text(clash->start_us, zone, "%H:%M"), *to = clock_text(clash->end_us, zone, "%H:%M %d/%m/%Y");
        g_string_append_printf(text, "%s%s%s: %s (%s-%s)", i > 0 ? "; " : "", clash->room ? "room " : "", clash->name, clash->title, from, to);
    }
    if (clashes->len > TOLD)
        g_string_append_printf(text, "; and %u more", clashes->len - TOLD);
    return g_string_free(text, FALSE);
}
