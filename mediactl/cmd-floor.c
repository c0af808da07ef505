/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running a meeting: hands, the floor, votes, interpreters, hidden pictures. */
#include "mediactl/ctl.h"
#include <string.h>

int ctl_cmd_floor_show(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/floor", args_word(args, 0));

    return ctl_list(ctl, path, "queue", "member:Member,name:Name,away:Away", "Nobody has raised a hand.");
}

int ctl_cmd_floor_give(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/floor/give", args_word(args, 0));
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "member", args_word(args, 1));
    return ctl_do(ctl, "POST", path, body, "%s has the floor; the others are muted by it.", args_word(args, 1));
}

int ctl_cmd_floor_next(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/floor/next", args_word(args, 0));

    return ctl_do(ctl, "POST", path, json_object_new(), "The next one in %s has the floor.", args_word(args, 0));
}

int ctl_cmd_floor_end(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/floor/end", args_word(args, 0));

    return ctl_do(ctl, "POST", path, NULL, "Nobody has the floor in %s; microphones are as they were.", args_word(args, 0));
}

/* One switch of a member: METHOD of its path and SUFFIX with {"FLAG": on}; FORMAT says what became of it (%s: the member). */
static int set_flag(Ctl *ctl, const Args *args, const char *method, const char *suffix, const char *flag, bool on, const char *format)
{
    g_autofree char *member = ctl_member_path(ctl, args_word(args, 0), args_word(args, 1));
    g_autofree char *path = member ? g_strconcat(member, suffix, NULL) : NULL;
    JsonObject *body = path ? json_object_new() : NULL;

    if (!path)
        return CTL_FAILED;
    json_object_set_boolean_member(body, flag, on);
    return ctl_do(ctl, method, path, body, format, args_word(args, 1));
}

int ctl_cmd_floor_raise(Ctl *ctl, const Args *args)
{
    return set_flag(ctl, args, "PUT", "/hand", "raised", true, "%s waits to speak.");
}

int ctl_cmd_floor_lower(Ctl *ctl, const Args *args)
{
    return set_flag(ctl, args, "PUT", "/hand", "raised", false, "%s does not wait to speak any more.");
}

int ctl_cmd_floor_extend(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/floor/extend", args_word(args, 0));
    JsonObject *body = json_object_new();

    json_object_set_int_member(body, "seconds", g_ascii_strtoll(args_word(args, 1), NULL, 10));
    return ctl_do(ctl, "POST", path, body, "The speaker has %s seconds more.", args_word(args, 1));
}

static void add_seconds(const Args *args, const char *option, JsonObject *body, const char *name)
{
    const char *value = args_option(args, option);

    if (value)
        json_object_set_int_member(body, name, g_ascii_strtoll(value, NULL, 10));
}

int ctl_cmd_floor_rules(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/floor/rules", args_word(args, 0));
    JsonObject *body = json_object_new();

    add_seconds(args, "budget", body, "budget_s");
    add_seconds(args, "warn", body, "warn_s");
    add_seconds(args, "grace", body, "grace_s");
    if (args_option(args, "auto-next") || args_option(args, "by-hand"))
        json_object_set_boolean_member(body, "auto_next", args_option(args, "auto-next") != NULL);
    return ctl_do(ctl, "PUT", path, body, "The rules of the floor in %s hold from the next speaker on.", args_word(args, 0));
}

int ctl_cmd_vote_open(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/votes", args_word(args, 0));
    JsonObject *body = json_object_new();
    JsonArray *choices = args_word(args, 2) ? json_array_new() : NULL;

    json_object_set_string_member(body, "question", args_word(args, 1));
    for (unsigned i = 2; args_word(args, i); i++)
        json_array_add_string_element(choices, args_word(args, i));
    if (choices)
        json_object_set_array_member(body, "choices", choices);
    if (args_option(args, "secret"))
        json_object_set_boolean_member(body, "secret", TRUE);
    add_seconds(args, "quorum", body, "quorum");
    add_seconds(args, "seconds", body, "seconds");
    return ctl_do(ctl, "POST", path, body, "The sites in %s are asked; \"vote list\" counts.", args_word(args, 0));
}

int ctl_cmd_vote_show(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/votes/%s", args_word(args, 0), args_word(args, 1));

    return ctl_list(ctl, path, "choices", "key:Key,text:Choice,count:Votes", "No choices.");
}

int ctl_cmd_vote_list(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/votes", args_word(args, 0));

    return ctl_list(ctl, path, "votes", "id:Vote,question:Question,open:Open,secret:Secret,cast:Cast", "No votes.");
}

int ctl_cmd_vote_close(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/votes/%s/close", args_word(args, 0), args_word(args, 1));

    return ctl_do(ctl, "POST", path, NULL, "Vote %s is closed.", args_word(args, 1));
}

/* --- interpreters --- */

int ctl_cmd_channels_list(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/channels", args_word(args, 0));

    return ctl_list(ctl, path, "channels", "name:Channel,floor_db:Floor,interpreters:Interpreters,listeners:Listeners", "No interpreters.");
}

/* All channels as they are, without their listeners: those stay where nothing is said of them. NULL: failed and told. */
static JsonArray *channels_now(Ctl *ctl, const char *path)
{
    g_autoptr(JsonNode) reply = ctl_call(ctl, "GET", path, NULL);
    JsonArray *channels = reply ? json_array_ref(json_object_get_array_member(json_node_get_object(reply), "channels")) : NULL;

    for (guint i = 0; channels && i < json_array_get_length(channels); i++) {
        json_object_remove_member(json_array_get_object_element(channels, i), "listeners");
        json_object_remove_member(json_array_get_object_element(channels, i), "away");
    }
    return channels;
}

/* Place of a channel; the length: there is none of that name. */
static guint channel_at(JsonArray *channels, const char *name)
{
    for (guint i = 0; i < json_array_get_length(channels); i++)
        if (g_strcmp0(json_object_get_string_member(json_array_get_object_element(channels, i), "name"), name) == 0)
            return i;
    return json_array_get_length(channels);
}

static int put_channels(Ctl *ctl, const char *path, JsonArray *channels /* taken */, const char *format, const char *name)
{
    JsonObject *body = json_object_new();

    json_object_set_array_member(body, "channels", channels);
    return ctl_do(ctl, "PUT", path, body, "%s%s", name, format);
}

/* By id, account or name, as given after the channel. NULL: failed and told. */
static JsonArray *interpreters(Ctl *ctl, const Args *args)
{
    g_autoptr(JsonArray) array = json_array_new();

    for (unsigned i = 2; args_word(args, i); i++) {
        g_autofree char *member = ctl_member_path(ctl, args_word(args, 0), args_word(args, i));
        if (!member)
            return NULL;
        json_array_add_string_element(array, strrchr(member, '/') + 1);
    }
    return g_steal_pointer(&array);
}

int ctl_cmd_channels_set(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/channels", args_word(args, 0));
    const char *name = args_word(args, 1), *floor = args_option(args, "floor");
    char *end = NULL;
    gint64 floor_db = floor ? g_ascii_strtoll(floor, &end, 10) : 0;
    bool off = g_strcmp0(floor, "off") == 0;

    if (floor && !off && (*floor == 0 || *end != 0))
        return ctl_fail(ctl, "--floor is a whole number of dB, 0 to -60, or off", "mediactl channels set ROOM CHANNEL MEMBER… --floor -18");
    g_autoptr(JsonArray) who = interpreters(ctl, args);
    JsonArray *channels = who ? channels_now(ctl, path) : NULL;
    if (!channels)
        return CTL_FAILED;
    guint at = channel_at(channels, name);
    if (at == json_array_get_length(channels)) {
        JsonObject *added = json_object_new();
        json_object_set_string_member(added, "name", name);
        json_array_add_object_element(channels, added);
    }
    JsonObject *channel = json_array_get_object_element(channels, at);
    json_object_set_array_member(channel, "interpreters", g_steal_pointer(&who));
    if (off)
        json_object_set_null_member(channel, "floor_db");
    else if (floor)
        json_object_set_int_member(channel, "floor_db", floor_db);
    return put_channels(ctl, path, channels, ": its interpreters are heard by its listeners alone.", name);
}

int ctl_cmd_channels_remove(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/channels", args_word(args, 0));
    JsonArray *channels = channels_now(ctl, path);
    guint at = channels ? channel_at(channels, args_word(args, 1)) : 0;

    if (!channels)
        return CTL_FAILED;
    if (at == json_array_get_length(channels)) {
        g_autofree char *what = g_strdup_printf("room %s has no channel '%s'", args_word(args, 0), args_word(args, 1));
        json_array_unref(channels);
        return ctl_fail(ctl, what, "mediactl channels list ROOM");
    }
    json_array_remove_element(channels, at);
    return put_channels(ctl, path, channels, " is gone; its listeners hear the floor.", args_word(args, 1));
}

int ctl_cmd_channels_listen(Ctl *ctl, const Args *args)
{
    g_autofree char *member = ctl_member_path(ctl, args_word(args, 0), args_word(args, 1));
    g_autofree char *path = member ? g_strconcat(member, "/channel", NULL) : NULL;
    JsonObject *body = path ? json_object_new() : NULL;

    if (!path)
        return CTL_FAILED;
    if (args_word(args, 2))
        json_object_set_string_member(body, "channel", args_word(args, 2));
    else
        json_object_set_null_member(body, "channel");
    return ctl_do(ctl, "PUT", path, body, "%s listens to %s.", args_word(args, 1), args_word(args, 2) ? args_word(args, 2) : "the floor");
}

/* --- pictures --- */

int ctl_cmd_hide(Ctl *ctl, const Args *args)
{
    return set_flag(ctl, args, "PATCH", "", "video_muted", true, "The picture of %s is not shown.");
}

int ctl_cmd_unhide(Ctl *ctl, const Args *args)
{
    return set_flag(ctl, args, "PATCH", "", "video_muted", false, "The picture of %s is shown again.");
}
