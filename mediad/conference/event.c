/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/conference/private.h"

static void add_field(JsonObject *object, const char *name, va_list *list)
{
    switch (*va_arg(*list, const char *)) {
    case 's': {
        const char *text = va_arg(*list, const char *);
        if (text != NULL)
            json_object_set_string_member(object, name, text);
        else
            json_object_set_null_member(object, name);
        break;
    }
    case 'i':
        json_object_set_int_member(object, name, va_arg(*list, int));
        break;
    case 'n': /* 64 bits */
        json_object_set_int_member(object, name, va_arg(*list, int64_t));
        break;
    case 'a':
        json_object_set_array_member(object, name, va_arg(*list, JsonArray *)); /* taken */
        break;
    case 'o':
        json_object_set_object_member(object, name, va_arg(*list, JsonObject *)); /* taken */
        break;
    case 'd':
        json_object_set_double_member(object, name, va_arg(*list, double));
        break;
    default: /* 'b' */
        json_object_set_boolean_member(object, name, va_arg(*list, int));
        break;
    }
}

void md_room_emit(MdRoom *room, const char *type, const MdMember *member, ...)
{
    const MdConferenceOptions *options = &room->conference->options;
    md_keep_touch(room, type);
    g_autoptr(JsonObject) object = json_object_new();
    json_object_set_string_member(object, "room", room->name);
    if (member != NULL) {
        json_object_set_string_member(object, "member", member->text_id);
        json_object_set_string_member(object, "name", member->name);
    }
    va_list list;
    va_start(list, member);
    for (const char *name; (name = va_arg(list, const char *)) != NULL;)
        add_field(object, name, &list);
    va_end(list); /* what is handed over is taken in any case */
    MdConferenceEventFn tell = room->confidential && !md_confidential_tells(type) ? options->on_inside : options->on_event;
    if (tell == NULL || room->kind != MD_ROOM_MEETING)
        return;
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    json_node_set_object(node, object);
    g_autofree char *text = json_to_string(node, FALSE);
    tell(type, room->name, member != NULL ? member->text_id : NULL, text, options->user);
}
