/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/core/duty-private.h"
#include <string.h>
#include <json-glib/json-glib.h>

/* The desk's memory as JSON, one object. Times are microseconds. */

bool bc_duty_dirty(const BcDuty *desk)
{
    return desk->dirty;
}

static void write_past(JsonBuilder *b, const BcDuty *desk, int64_t now_us)
{
    GHashTableIter iter;
    gpointer key, value;
    json_builder_set_member_name(b, "past");
    json_builder_begin_array(b);
    g_hash_table_iter_init(&iter, desk->past);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const BcPast *past = value;
        if (past->until_us <= now_us && desk->clock == BC_DUTY_CLOCK_SERVER)
            continue;
        json_builder_begin_array(b);
        json_builder_add_string_value(b, key);
        json_builder_add_int_value(b, past->began_us);
        json_builder_add_int_value(b, past->until_us);
        json_builder_add_int_value(b, past->over);
        json_builder_end_array(b);
    }
    json_builder_end_array(b);
}

static void write_obeyed(JsonBuilder *b, const BcDuty *desk, int64_t now_us)
{
    GHashTableIter iter;
    gpointer key, value;
    json_builder_set_member_name(b, "obeyed");
    json_builder_begin_array(b);
    g_hash_table_iter_init(&iter, desk->obeyed);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (*(int64_t *)value <= now_us && desk->clock == BC_DUTY_CLOCK_SERVER)
            continue;
        json_builder_begin_array(b);
        json_builder_add_string_value(b, key);
        json_builder_add_int_value(b, *(int64_t *)value);
        json_builder_end_array(b);
    }
    json_builder_end_array(b);
}

static void write_orders(JsonBuilder *b, const BcDuty *desk)
{
    json_builder_set_member_name(b, "orders");
    json_builder_begin_array(b);
    for (guint i = 0; i < desk->orders->len; i++) {
        const BcShow *show = g_ptr_array_index(desk->orders, i);
        if (show->over || show->line_test)
            continue;
        json_builder_begin_array(b);
        json_builder_add_string_value(b, show->command);
        json_builder_add_int_value(b, show->waiting ? 0 : show->origin_us);
        json_builder_add_int_value(b, show->waiting ? 0 : show->content_us);
        json_builder_end_array(b);
    }
    json_builder_end_array(b);
}

char *bc_duty_format(BcDuty *desk, int64_t now_us)
{
    g_autoptr(JsonBuilder) b = json_builder_new();
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "stopBefore");
    json_builder_add_int_value(b, desk->stop_before_us);
    json_builder_set_member_name(b, "volume");
    json_builder_add_int_value(b, desk->volume);
    json_builder_set_member_name(b, "volumeIssued");
    json_builder_add_int_value(b, desk->volume_issued_us);
    write_past(b, desk, now_us);
    write_obeyed(b, desk, now_us);
    write_orders(b, desk);
    json_builder_end_object(b);
    g_autoptr(JsonNode) root = json_builder_get_root(b);
    desk->dirty = false;
    return json_to_string(root, FALSE);
}

/* An array of arrays whose first element is a text and the others numbers. */
static JsonArray *rows(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonArray *row(JsonArray *array, guint i, guint width)
{
    JsonNode *node = json_array_get_element(array, i);
    if (!node || !JSON_NODE_HOLDS_ARRAY(node))
        return NULL;
    JsonArray *one = json_node_get_array(node);
    if (json_array_get_length(one) != width || json_node_get_value_type(json_array_get_element(one, 0)) != G_TYPE_STRING)
        return NULL;
    for (guint k = 1; k < width; k++)
        if (json_node_get_value_type(json_array_get_element(one, k)) != G_TYPE_INT64)
            return NULL;
    return one;
}

static bool read_past(BcDuty *desk, JsonArray *array)
{
    for (guint i = 0; i < json_array_get_length(array) && i < BC_DUTY_PAST_MAX; i++) {
        JsonArray *one = row(array, i, 4);
        if (!one)
            return false;
        BcPast *past = g_new0(BcPast, 1);
        past->began_us = json_array_get_int_element(one, 1);
        past->until_us = json_array_get_int_element(one, 2);
        past->over = json_array_get_int_element(one, 3) != 0;
        g_hash_table_insert(desk->past, g_strdup(json_array_get_string_element(one, 0)), past);
    }
    return true;
}

static bool read_obeyed(BcDuty *desk, JsonArray *array)
{
    for (guint i = 0; i < json_array_get_length(array) && i < BC_DUTY_OBEYED_MAX; i++) {
        JsonArray *one = row(array, i, 2);
        if (!one)
            return false;
        int64_t *until = g_new(int64_t, 1);
        *until = json_array_get_int_element(one, 1);
        g_hash_table_insert(desk->obeyed, g_strdup(json_array_get_string_element(one, 0)), until);
    }
    return true;
}

/* An order that is over by now is no fault: it simply does not come back. */
static bool read_orders(BcDuty *desk, JsonArray *array, int64_t now_us)
{
    for (guint i = 0; i < json_array_get_length(array) && i < BC_DUTY_COMMANDS_MAX; i++) {
        JsonArray *one = row(array, i, 3);
        if (!one)
            return false;
        const char *text = json_array_get_string_element(one, 0), *reason = NULL;
        BcLinkCommand command = {0};
        if (!bc_link_command_parse(&command, text, strlen(text), NULL))
            continue;
        BcShow *show = bc_duty_order(desk, &command, now_us, &reason);
        int64_t origin_us = json_array_get_int_element(one, 1), content_us = json_array_get_int_element(one, 2);
        if (show && !show->live && origin_us) {
            show->waiting = false;
            show->origin_us = origin_us;
            show->content_us = content_us;
            bc_show_measure(show, show->stored);
        }
        bc_link_command_clear(&command);
    }
    return true;
}

bool bc_duty_load(BcDuty *desk, const char *json, gsize len, int64_t now_us, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    if (!json_parser_load_from_data(parser, json, (gssize)len, error))
        return false;
    JsonNode *root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT, "the desk's memory is no object");
        return false;
    }
    JsonObject *object = json_node_get_object(root);
    JsonArray *past = rows(object, "past"), *obeyed = rows(object, "obeyed"), *orders = rows(object, "orders");
    if (!past || !obeyed || !orders) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT, "the desk's memory lacks past, obeyed or orders");
        return false;
    }
    desk->stop_before_us = json_object_get_int_member_with_default(object, "stopBefore", 0);
    desk->volume = (int)CLAMP(json_object_get_int_member_with_default(object, "volume", -1), -1, 100);
    desk->volume_issued_us = json_object_get_int_member_with_default(object, "volumeIssued", 0);
    if (!desk->boot_us)
        desk->boot_us = now_us;
    if (!read_past(desk, past) || !read_obeyed(desk, obeyed) || !read_orders(desk, orders, now_us)) {
        g_hash_table_remove_all(desk->past);
        g_hash_table_remove_all(desk->obeyed);
        g_ptr_array_set_size(desk->orders, 0);
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT, "the desk's memory is damaged");
        return false;
    }
    desk->changed = true;
    desk->dirty = false;
    return true;
}
