/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A booking as text at rest. */
#include "mediad/meeting/booking.h"
#include "mediad/meeting/meeting.h"

typedef struct Text {
    const char *name;
    size_t offset;
} Text;
typedef Text Flag, Number, Time;

#define AT(field) {#field, G_STRUCT_OFFSET(MdBooking, field)}
static const Text texts[] = {AT(id), AT(title), AT(room), AT(chair), AT(co_chair), AT(secretary), AT(technician), AT(pin), AT(chair_pin), AT(language),
                             AT(forced_because), AT(cancelled_because), AT(created_by), AT(changed_by)};
static const Flag flags[] = {AT(lobby), AT(mute_on_entry), AT(wait_for_chair), AT(confidential), AT(record), AT(dial), AT(trial)};
static const Number numbers[] = {AT(max_minutes), AT(open_min), AT(grace_min)};
static const Time times[] = {AT(version), AT(start_us), AT(end_us), AT(created_us), AT(changed_us), AT(opened_us), AT(started_us), AT(ended_us),
                             AT(trial_for_us)};

#define FIELD(type, booking, row) (*(type *)G_STRUCT_MEMBER_P(booking, (row).offset))

JsonObject *md_booking_to_json(const MdBooking *booking)
{
    JsonObject *o = json_object_new();
    JsonArray *agenda = json_array_new(), *sites = json_array_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        json_object_set_string_member(o, texts[i].name, FIELD(char *, booking, texts[i]));
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++)
        json_object_set_boolean_member(o, flags[i].name, FIELD(bool, booking, flags[i]));
    for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++)
        json_object_set_int_member(o, numbers[i].name, FIELD(unsigned, booking, numbers[i]));
    for (unsigned i = 0; i < G_N_ELEMENTS(times); i++)
        json_object_set_int_member(o, times[i].name, FIELD(int64_t, booking, times[i]));
    json_object_set_string_member(o, "state", md_meeting_state_to_string(booking->state));
    for (guint i = 0; i < booking->agenda->len; i++) {
        const MdAgendaItem *item = booking->agenda->pdata[i];
        JsonObject *one = json_object_new();
        json_object_set_string_member(one, "who", item->who);
        json_object_set_string_member(one, "subject", item->subject);
        json_object_set_int_member(one, "minutes", item->minutes);
        json_array_add_object_element(agenda, one);
    }
    for (guint i = 0; i < booking->sites->len; i++) {
        const MdInvitee *invitee = booking->sites->pdata[i];
        JsonObject *one = json_object_new();
        json_object_set_string_member(one, "account", invitee->account);
        json_object_set_string_member(one, "name", invitee->name);
        json_object_set_string_member(one, "role", invitee->role);
        json_array_add_object_element(sites, one);
    }
    json_object_set_array_member(o, "agenda", agenda);
    json_object_set_array_member(o, "sites", sites);
    return o;
}

static JsonArray *array_of(JsonObject *o, const char *name)
{
    JsonNode *node = json_object_get_member(o, name);
    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonObject *object_at(JsonArray *array, guint i)
{
    JsonNode *node = json_array_get_element(array, i);
    return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

MdBooking *md_booking_from_json(JsonObject *o, GError **error)
{
    g_autoptr(MdBooking) b = md_booking_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        char **at = &FIELD(char *, b, texts[i]);
        g_free(*at);
        *at = g_strdup(json_object_get_string_member_with_default(o, texts[i].name, ""));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++)
        FIELD(bool, b, flags[i]) = json_object_get_boolean_member_with_default(o, flags[i].name, FIELD(bool, b, flags[i]));
    for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++)
        FIELD(unsigned, b, numbers[i]) = (unsigned)json_object_get_int_member_with_default(o, numbers[i].name, FIELD(unsigned, b, numbers[i]));
    for (unsigned i = 0; i < G_N_ELEMENTS(times); i++)
        FIELD(int64_t, b, times[i]) = json_object_get_int_member_with_default(o, times[i].name, 0);
    b->state = md_meeting_state_from_string(json_object_get_string_member_with_default(o, "state", NULL));
    JsonArray *agenda = array_of(o, "agenda"), *sites = array_of(o, "sites");
    for (guint i = 0; agenda != NULL && i < json_array_get_length(agenda); i++) {
        JsonObject *one = object_at(agenda, i);
        if (one != NULL)
            md_booking_add_item(b, json_object_get_string_member_with_default(one, "who", ""),
                                json_object_get_string_member_with_default(one, "subject", ""),
                                (unsigned)json_object_get_int_member_with_default(one, "minutes", 0));
    }
    for (guint i = 0; sites != NULL && i < json_array_get_length(sites); i++) {
        JsonObject *one = object_at(sites, i);
        const char *account = one != NULL ? json_object_get_string_member_with_default(one, "account", NULL) : NULL;
        if (account != NULL)
            md_booking_invite(b, account, json_object_get_string_member_with_default(one, "name", NULL),
                              json_object_get_string_member_with_default(one, "role", NULL));
    }
    if (*b->id == 0 || b->state == MD_MEETING_STATE_INVALID) {
        g_set_error_literal(error, MD_MEETING_ERROR, MD_MEETING_ERROR_INVALID, "not a stored meeting");
        return NULL;
    }
    return g_steal_pointer(&b);
}
