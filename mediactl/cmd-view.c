/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is seen in a room: layout, seats, tour, spotlight, banner, a member's own picture. */
#include "mediactl/ctl.h"
#include <string.h>

/* Words from there on: members by id, site or account; "-" a seat for anybody. False: told why. */
static bool set_seats(Ctl *ctl, JsonObject *body, const Args *args, unsigned from)
{
    JsonArray *seats = json_array_new();

    for (unsigned i = from; i < args->words->len; i++) {
        g_autofree char *id = NULL;
        if (!g_str_equal(args_word(args, i), "-")) {
            g_autofree char *member = ctl_member_path(ctl, args_word(args, 0), args_word(args, i));
            id = member ? g_strdup(strrchr(member, '/') + 1) : NULL;
        } else {
            json_array_add_null_element(seats);
            continue;
        }
        if (!id) {
            json_array_unref(seats);
            return false;
        }
        json_array_add_string_element(seats, id);
    }
    json_object_set_array_member(body, "seats", seats);
    return true;
}

static JsonObject *layout_body(Ctl *ctl, const Args *args, unsigned at)
{
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "layout", args_word(args, at));
    if (args->words->len <= at + 1 || set_seats(ctl, body, args, at + 1))
        return body;
    json_object_unref(body);
    return NULL;
}

int ctl_cmd_layout(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/layout", args_word(args, 0));
    JsonObject *body = layout_body(ctl, args, 1);

    return body ? ctl_do(ctl, "PUT", path, body, "%s shows layout %s.", args_word(args, 0), args_word(args, 1)) : CTL_FAILED;
}

int ctl_cmd_view(Ctl *ctl, const Args *args)
{
    g_autofree char *member = ctl_member_path(ctl, args_word(args, 0), args_word(args, 1));
    g_autofree char *path = member ? g_strconcat(member, "/view", NULL) : NULL;

    if (!path)
        return CTL_FAILED;
    if (g_str_equal(args_word(args, 2), "room"))
        return ctl_do(ctl, "DELETE", path, NULL, "%s is sent the picture of all.", args_word(args, 1));
    JsonObject *body = layout_body(ctl, args, 2);
    return body ? ctl_do(ctl, "PUT", path, body, "%s is sent layout %s.", args_word(args, 1), args_word(args, 2)) : CTL_FAILED;
}

int ctl_cmd_tour(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/tour", args_word(args, 0));
    bool off = g_str_equal(args_word(args, 1), "off");
    JsonObject *body = json_object_new();

    json_object_set_int_member(body, "period_s", off ? 0 : g_ascii_strtoll(args_word(args, 1), NULL, 10));
    return ctl_do(ctl, "PUT", path, body, off ? "The tour in %s is off." : "The sites of %s are shown in turn.", args_word(args, 0));
}

int ctl_cmd_spotlight(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/spotlight", args_word(args, 0));
    bool off = g_str_equal(args_word(args, 1), "off");
    g_autofree char *member = off ? NULL : ctl_member_path(ctl, args_word(args, 0), args_word(args, 1));

    if (!off && !member)
        return CTL_FAILED;
    JsonObject *body = json_object_new();
    if (off)
        json_object_set_null_member(body, "member");
    else
        json_object_set_string_member(body, "member", strrchr(member, '/') + 1);
    return ctl_do(ctl, "PUT", path, body, off ? "Nobody is in the spotlight of %s." : "The spotlight of %s is set.", args_word(args, 0));
}

int ctl_cmd_banner(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/banner", args_word(args, 0));
    const char *text = args->words->len > 1 ? args_word(args, 1) : NULL, *seconds = args_option(args, "seconds");
    JsonObject *body = json_object_new();

    if (text)
        json_object_set_string_member(body, "text", text);
    json_object_set_boolean_member(body, "clock", args_option(args, "clock") != NULL);
    if (seconds)
        json_object_set_int_member(body, "seconds", g_ascii_strtoll(seconds, NULL, 10));
    return ctl_do(ctl, "PUT", path, body, text ? "The banner of %s is set." : "%s has no banner.", args_word(args, 0));
}
