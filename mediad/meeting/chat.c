/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is written in a meeting. Kept with the booking, unless it is confidential; shown only once it is kept. */
#include "mediad/meeting/private.h"
#include <string.h>

static const double BURST = 5, PER_S = 1;
static const int64_t FORGET_US = 60 * G_USEC_PER_SEC;

typedef struct ChatBudget {
    double left;
    int64_t at_us;
} ChatBudget;

void md_chat_budget_free(gpointer budget)
{
    g_free(budget);
}

static gboolean is_old(gpointer key, gpointer value, gpointer user)
{
    return *(const int64_t *)user - ((const ChatBudget *)value)->at_us > FORGET_US;
}

void md_chat_forget_old(MdMeetings *m)
{
    int64_t now_us = md_meetings_now_us(m);
    g_hash_table_foreach_remove(m->budgets, is_old, &now_us);
}

static bool within_budget(MdMeetings *m, const char *who)
{
    int64_t now_us = md_meetings_now_us(m);
    ChatBudget *budget = g_hash_table_lookup(m->budgets, who);
    if (budget == NULL) {
        budget = g_new0(ChatBudget, 1);
        *budget = (ChatBudget){BURST, now_us};
        g_hash_table_insert(m->budgets, g_strdup(who), budget);
    }
    budget->left = MIN(BURST, budget->left + (double)(now_us - budget->at_us) / G_USEC_PER_SEC * PER_S);
    budget->at_us = now_us;
    if (budget->left < 1)
        return false;
    budget->left--;
    return true;
}

typedef struct Message {
    MdMeetings *m;
    MdChatMessage pub;
    char *meeting, *room, *member, *name, *account, *to, *text;
    int64_t n;
} Message;

static void message_free(gpointer data)
{
    Message *message = data;
    g_free(message->meeting);
    g_free(message->room);
    g_free(message->member);
    g_free(message->name);
    g_free(message->account);
    g_free(message->to);
    g_free(message->text);
    g_free(message);
}

/* told: outside the room, too. */
static void deliver(MdMeetings *m, const MdChatMessage *message, bool told)
{
    if (m->on_chat != NULL)
        m->on_chat(message, m->chat_user);
    if (m->o.on_event == NULL || !told)
        return;
    JsonNode *node = json_node_alloc();
    JsonObject *o = json_object_new();
    bool all = strcmp(message->to, "all") == 0;
    if (message->meeting != NULL)
        json_object_set_string_member(o, "meeting", message->meeting);
    json_object_set_string_member(o, "room", message->room);
    if (message->member != NULL)
        json_object_set_string_member(o, "member", message->member);
    json_object_set_string_member(o, "from", message->name);
    json_object_set_string_member(o, "to", message->to);
    if (all) /* what goes to the secretary is for the secretary: read at the meeting */
        json_object_set_string_member(o, "text", message->text);
    json_object_set_int_member(o, "time_us", message->time_us);
    json_node_init_object(node, o);
    json_object_unref(o);
    m->o.on_event("chat.message", node, m->o.user);
}

static bool message_write(MdDb *db, gpointer data, GError **error)
{
    const Message *message = data;
    return md_db_run(db, error, "INSERT INTO md_meeting_chat (meeting, n, time_us, member, name, account, whom, text) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                     "siisssss", message->meeting, message->n, message->pub.time_us, message->member != NULL ? message->member : "", message->name,
                     message->account != NULL ? message->account : "", message->to, message->text);
}

static void message_written(bool ok, const GError *error, gpointer data, gpointer user)
{
    Message *message = data;
    if (!ok)
        md_error(&message->m->logger, "meeting %s: a message is lost: %s", message->meeting, error->message);
    else if (!message->m->stopping)
        deliver(message->m, &message->pub, true);
    md_meetings_release(message->m);
}

/* The number of the next message; -1: cannot be read. */
static int64_t next_number(Meeting *meeting, GError **error)
{
    if (meeting->chat_next >= 0)
        return meeting->chat_next;
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(meeting->owner->o.store), error,
                                         "SELECT COALESCE(MAX(n), 0) FROM md_meeting_chat WHERE meeting = $1", "s", meeting->booking->id);
    if (rows != NULL && md_rows_next(rows, error))
        meeting->chat_next = md_rows_int(rows, 0) + 1;
    return meeting->chat_next;
}

static bool text_ok(const char *text, GError **error)
{
    if (!g_utf8_validate(text, -1, NULL) || g_utf8_strlen(text, -1) > MD_CHAT_TEXT_MAX)
        return md_meetings_fail(error, MD_MEETING_ERROR_INVALID, "field 'text': at most %u characters", MD_CHAT_TEXT_MAX);
    for (const char *p = text; *p != 0; p = g_utf8_next_char(p))
        if (!g_unichar_isspace(g_utf8_get_char(p)))
            return true;
    return md_meetings_fail(error, MD_MEETING_ERROR_INVALID, "field 'text': there is nothing in it");
}

/* Line feeds and tabs may stay; what moves cursors and turns lines round goes. */
static char *cleaned(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *p = text; *p != 0; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (c == '\n' || c == '\t' || (!g_unichar_iscntrl(c) && !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069)))
            g_string_append_unichar(out, c);
    }
    return g_strstrip(g_string_free(out, FALSE));
}

/* Who of the room writes: its name and account. */
static bool find_member(MdRoom *room, const char *member, char **ret_name, char **ret_account)
{
    g_autoptr(GPtrArray) members = md_room_members(room);
    for (guint i = 0; i < members->len; i++) {
        const MdMemberInfo *info = members->pdata[i];
        if (strcmp(info->id, member) != 0 || info->in_lobby)
            continue;
        *ret_name = g_strdup(info->name);
        *ret_account = g_strdup(info->account);
        return true;
    }
    return false;
}

static bool keep_or_deliver(MdMeetings *m, Meeting *meeting, Message *message, GError **error)
{
    if (meeting == NULL || meeting->booking->confidential) {
        deliver(m, &message->pub, meeting == NULL);
        message_free(message);
        return true;
    }
    message->n = next_number(meeting, error);
    if (message->n < 0 || message->n > MD_CHAT_MESSAGES_MAX) {
        if (message->n > 0)
            md_meetings_fail(error, MD_MEETING_ERROR_LIMIT, "a meeting keeps at most %u messages", MD_CHAT_MESSAGES_MAX);
        message_free(message);
        return false;
    }
    meeting->chat_next++;
    md_meetings_retain(m);
    md_store_write(m->o.store, message_write, message, message_free, message_written, NULL);
    return true;
}

bool md_meetings_chat(MdMeetings *m, const char *room_name, const char *member, const char *name, const char *account, const char *to, const char *text,
                      GError **error)
{
    g_autofree char *lower = g_ascii_strdown(room_name, -1);
    Meeting *meeting = g_hash_table_lookup(m->by_room, lower);
    MdRoom *room = md_conference_find_room(m->o.conference, lower);
    g_autofree char *its_name = NULL, *its_account = NULL;
    if (room == NULL)
        return md_meetings_fail(error, MD_MEETING_ERROR_NOT_FOUND, "there is no room '%s' now", room_name);
    if (strcmp(to, "all") != 0 && strcmp(to, "secretary") != 0)
        return md_meetings_fail(error, MD_MEETING_ERROR_INVALID, "field 'to': all or secretary");
    if (!text_ok(text, error))
        return false;
    if (member != NULL && !find_member(room, member, &its_name, &its_account))
        return md_meetings_fail(error, MD_MEETING_ERROR_NOT_FOUND, "nobody called %s is in the room", member);
    g_autofree char *who = g_strdup_printf("%s/%s", lower, member != NULL ? member : name);
    if (!within_budget(m, who))
        return md_meetings_fail(error, MD_MEETING_ERROR_LIMIT, "too many messages: wait a moment");
    Message *message = g_new0(Message, 1);
    message->m = m;
    message->meeting = meeting != NULL ? g_strdup(meeting->booking->id) : NULL;
    message->room = g_steal_pointer(&lower);
    message->member = g_strdup(member);
    message->name = g_strdup(member != NULL ? its_name : name);
    message->account = g_strdup(member != NULL ? its_account : account);
    message->to = g_strdup(to);
    message->text = cleaned(text);
    message->pub = (MdChatMessage){message->meeting, message->room, message->member, message->name, message->account, message->to, message->text,
                                   md_meetings_wall_us(m)};
    return keep_or_deliver(m, meeting, message, error);
}

bool md_meetings_chat_list(MdMeetings *m, const char *id, bool all, MdChatFn fn, void *user, GError **error)
{
    GError *local = NULL;
    g_autoptr(MdBooking) booking = md_meetings_get(m, id, error);
    if (booking == NULL)
        return false;
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(m->o.store), error,
                                         "SELECT time_us, member, name, account, whom, text FROM md_meeting_chat WHERE meeting = $1 ORDER BY n", "s", id);
    while (rows != NULL && md_rows_next(rows, &local)) {
        g_autofree char *member = g_strdup(md_rows_text(rows, 1)), *name = g_strdup(md_rows_text(rows, 2)), *account = g_strdup(md_rows_text(rows, 3)),
                        *to = g_strdup(md_rows_text(rows, 4)), *text = g_strdup(md_rows_text(rows, 5));
        MdChatMessage message = {id, booking->room, *member != 0 ? member : NULL, name, *account != 0 ? account : NULL, to, text, md_rows_int(rows, 0)};
        if (all || strcmp(to, "all") == 0)
            fn(&message, user);
    }
    if (local != NULL)
        g_propagate_error(error, local);
    return rows != NULL && local == NULL;
}
