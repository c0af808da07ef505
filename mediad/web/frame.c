/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/web/frame.h"
#include "broadcast/link/json.h"
#include "mediad/leg/call.h"
#include <stddef.h>
#include <string.h>

enum { DEPTH_MAX = 6, FIELDS_MAX = 24 };

G_DEFINE_QUARK(md - web - error - quark, md_web_error)

static const char *const types[MD_WEB_TYPE_MAX] = {
    "hello", "offer", "answer", "candidate", "mute", "video", "hand", "floor-done", "dtmf",
    "chat",  "vote",  "share",  "view",      "state", "act", "channel", "ping", "bye",
    "ice-error", "ice-servers",
};

const char *md_web_type_to_string(MdWebType type)
{
    return (unsigned)type < MD_WEB_TYPE_MAX ? types[type] : NULL;
}

typedef enum Kind { TEXT, FLAG, NUMBER, SEATS } Kind;

typedef struct Field {
    MdWebType type;
    const char *name;
    Kind kind;
    bool required;
    unsigned max; /* TEXT: characters, NUMBER: greatest value */
    size_t offset;
} Field;

#define AT(f) offsetof(MdWebFrame, f)
static const Field fields[] = {
    {MD_WEB_HELLO, "room", TEXT, false, 64, AT(room)},
    {MD_WEB_HELLO, "name", TEXT, false, MD_WEB_NAME_MAX, AT(name)},
    {MD_WEB_HELLO, "code", TEXT, false, 128, AT(code)},
    {MD_WEB_HELLO, "pin", TEXT, false, 16, AT(pin)},
    {MD_WEB_HELLO, "resume", TEXT, false, MD_WEB_TOKEN_LEN, AT(resume)},
    {MD_WEB_OFFER, "sdp", TEXT, true, MD_WEB_SDP_MAX, AT(sdp)},
    {MD_WEB_ANSWER, "sdp", TEXT, true, MD_WEB_SDP_MAX, AT(sdp)},
    {MD_WEB_CANDIDATE, "mid", TEXT, false, 32, AT(mid)},
    {MD_WEB_CANDIDATE, "candidate", TEXT, true, 512, AT(candidate)},
    {MD_WEB_MUTE, "muted", FLAG, true, 0, AT(on)},
    {MD_WEB_VIDEO, "muted", FLAG, true, 0, AT(on)},
    {MD_WEB_HAND, "raised", FLAG, true, 0, AT(on)},
    {MD_WEB_SHARE, "on", FLAG, true, 0, AT(on)},
    {MD_WEB_CHAT, "to", TEXT, false, 32, AT(to)},
    {MD_WEB_CHAT, "text", TEXT, true, MD_WEB_CHAT_MAX, AT(text)},
    {MD_WEB_VOTE, "vote", TEXT, true, 32, AT(vote)},
    {MD_WEB_VOTE, "choice", NUMBER, true, 63, AT(choice)},
    {MD_WEB_VIEW, "layout", TEXT, false, 16, AT(layout)},
    {MD_WEB_VIEW, "seats", SEATS, false, 16, AT(seats)},
    {MD_WEB_VIEW, "streams", NUMBER, false, MD_CALL_STREAMS_MAX, AT(streams)},
    {MD_WEB_VIEW, "width", NUMBER, false, 16384, AT(width)},
    {MD_WEB_VIEW, "height", NUMBER, false, 16384, AT(height)},
    {MD_WEB_CHANNEL, "name", TEXT, false, 40, AT(channel)},
    {MD_WEB_ACT, "act", TEXT, true, 32, AT(act)},
    {MD_WEB_ICE_ERROR, "url", TEXT, true, 256, AT(url)},
    {MD_WEB_ICE_ERROR, "code", NUMBER, true, 999, AT(number)},
    {MD_WEB_ICE_ERROR, "text", TEXT, false, 200, AT(text)},
};

static bool fail(GError **error, MdWebError code, const char *format, ...) G_GNUC_PRINTF(3, 4);
static bool fail(GError **error, MdWebError code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    g_propagate_error(error, g_error_new_valist(MD_WEB_ERROR, (int)code, format, list));
    va_end(list);
    return false;
}

/* Control characters have no business in a name or a candidate; descriptions have line ends. */
static bool is_clean(const char *text, bool lines)
{
    for (const char *p = text; *p != 0; p++)
        if (((unsigned char)*p < ' ' && !(lines && (*p == '\r' || *p == '\n' || *p == '\t'))) || *p == 127)
            return false;
    return true;
}

static bool take_text(MdWebFrame *frame, const Field *field, JsonNode *node, GError **error)
{
    const char *type = types[field->type];
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
        return fail(error, MD_WEB_ERROR_FIELD, "\"%s\" of \"%s\" must be a text", field->name, type);
    const char *text = json_node_get_string(node);
    bool lines = field->type == MD_WEB_OFFER || field->type == MD_WEB_ANSWER || field->type == MD_WEB_CHAT;
    if (!g_utf8_validate(text, -1, NULL) || !is_clean(text, lines))
        return fail(error, MD_WEB_ERROR_FIELD, "\"%s\" of \"%s\" holds control characters", field->name, type);
    if (g_utf8_strlen(text, -1) > field->max)
        return fail(error, MD_WEB_ERROR_FIELD, "\"%s\" of \"%s\" is longer than %u characters", field->name, type, field->max);
    G_STRUCT_MEMBER(const char *, frame, field->offset) = text;
    return true;
}

static bool take_number(MdWebFrame *frame, const Field *field, JsonNode *node, GError **error)
{
    gint64 value = -1;
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64)
        value = json_node_get_int(node);
    if (value < 0 || value > (gint64)field->max)
        return fail(error, MD_WEB_ERROR_FIELD, "\"%s\" of \"%s\" must be a whole number from 0 to %u", field->name,
                    types[field->type], field->max);
    G_STRUCT_MEMBER(unsigned, frame, field->offset) = (unsigned)value;
    return true;
}

/* Ids and nulls. */
static bool take_seats(MdWebFrame *frame, const Field *field, JsonNode *node, GError **error)
{
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    if (array == NULL || json_array_get_length(array) > MD_WEB_SEATS_MAX)
        return fail(error, MD_WEB_ERROR_FIELD, "\"%s\" of \"%s\" must be a list of at most %d", field->name, types[field->type], MD_WEB_SEATS_MAX);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *one = json_array_get_element(array, i);
        bool text = JSON_NODE_HOLDS_VALUE(one) && json_node_get_value_type(one) == G_TYPE_STRING;
        frame->seats[i] = text ? json_node_get_string(one) : "";
        if ((!text && !JSON_NODE_HOLDS_NULL(one)) || strlen(frame->seats[i]) > field->max || !is_clean(frame->seats[i], false))
            return fail(error, MD_WEB_ERROR_FIELD, "\"%s\" of \"%s\" holds ids of members and nulls", field->name, types[field->type]);
    }
    frame->has_seats = true;
    return true;
}

static bool take_field(MdWebFrame *frame, const Field *field, GError **error)
{
    JsonNode *node = json_object_get_member(frame->object, field->name);
    if (node == NULL || JSON_NODE_HOLDS_NULL(node))
        return !field->required || fail(error, MD_WEB_ERROR_FIELD, "\"%s\" needs \"%s\"", types[field->type], field->name);
    if (field->kind == TEXT)
        return take_text(frame, field, node, error);
    if (field->kind == NUMBER)
        return take_number(frame, field, node, error);
    if (field->kind == SEATS)
        return take_seats(frame, field, node, error);
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_BOOLEAN)
        return fail(error, MD_WEB_ERROR_FIELD, "\"%s\" of \"%s\" must be true or false", field->name, types[field->type]);
    G_STRUCT_MEMBER(bool, frame, field->offset) = json_node_get_boolean(node);
    return true;
}

static const char *word_of(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    bool text = node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
    return text ? json_node_get_string(node) : NULL;
}

static bool read_fields(MdWebFrame *frame, GError **error)
{
    const char *type = word_of(frame->object, "type");
    if (type == NULL)
        return fail(error, MD_WEB_ERROR_SYNTAX, "every message needs a \"type\"");
    frame->type = MD_WEB_UNKNOWN;
    for (unsigned i = 0; i < MD_WEB_TYPE_MAX; i++)
        if (strcmp(types[i], type) == 0)
            frame->type = (MdWebType)i;
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++)
        if (fields[i].type == frame->type && !take_field(frame, &fields[i], error))
            return false;
    if (frame->type == MD_WEB_HELLO) {
        frame->keep_media = g_strcmp0(word_of(frame->object, "media"), "keep") == 0;
        if (frame->resume != NULL && !md_web_token_valid(frame->resume))
            return fail(error, MD_WEB_ERROR_FIELD, "\"resume\" of \"hello\" is no token of ours");
    }
    frame->has_layout = frame->type == MD_WEB_VIEW && json_object_has_member(frame->object, "layout");
    if (frame->type == MD_WEB_DTMF) {
        const char *digit = word_of(frame->object, "digit");
        if (digit == NULL || strlen(digit) != 1 || strchr("0123456789*#ABCD", *digit) == NULL)
            return fail(error, MD_WEB_ERROR_FIELD, "\"digit\" of \"dtmf\" must be one of 0-9, *, #, A-D");
        frame->digit = *digit;
    }
    return true;
}

bool md_web_frame_parse(MdWebFrame *frame, const char *text, size_t len, GError **error)
{
    *frame = (MdWebFrame){0};
    if (len > MD_WEB_FRAME_MAX)
        return fail(error, MD_WEB_ERROR_SYNTAX, "a message may have %d bytes", MD_WEB_FRAME_MAX);
    g_autoptr(GError) local = NULL;
    g_autoptr(JsonNode) root = bc_json_parse(text, len, DEPTH_MAX, &local);
    if (root == NULL)
        return fail(error, MD_WEB_ERROR_SYNTAX, "a message must be JSON in UTF-8, nested %d deep at most: %s", DEPTH_MAX, local->message);
    if (!JSON_NODE_HOLDS_OBJECT(root) || json_object_get_size(json_node_get_object(root)) > FIELDS_MAX)
        return fail(error, MD_WEB_ERROR_SYNTAX, "a message must be an object of at most %d fields", FIELDS_MAX);
    frame->object = json_node_get_object(root);
    frame->root = g_steal_pointer(&root);
    if (read_fields(frame, error))
        return true;
    md_web_frame_clear(frame);
    return false;
}

void md_web_frame_clear(MdWebFrame *frame)
{
    g_clear_pointer(&frame->root, json_node_unref);
    *frame = (MdWebFrame){0};
}

bool md_web_token_valid(const char *token)
{
    return strlen(token) == MD_WEB_TOKEN_LEN &&
           strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == MD_WEB_TOKEN_LEN;
}
