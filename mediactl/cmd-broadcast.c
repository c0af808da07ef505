/* SPDX-License-Identifier: GPL-3.0-or-later */
/* content, schedule, live, play-log, devices, areas */
#include "mediactl/ctl.h"
#include <string.h>

static void set_areas(JsonObject *body, const Args *args, unsigned first)
{
    JsonArray *areas = json_array_new();

    for (unsigned i = first; i < args->words->len; i++)
        json_array_add_string_element(areas, args_word(args, i));
    json_object_set_array_member(body, "areas", areas);
}

static const char *text_member(JsonNode *node, const char *name)
{
    return JSON_NODE_HOLDS_OBJECT(node) ? json_object_get_string_member_with_default(json_node_get_object(node), name, "") : "";
}

/* --- content --- */

int ctl_cmd_content_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/content", "content", "id:Id,title:Title,duration_us:Length,loudness:LUFS,created_by:By,created_us:Added",
                    "No content yet.\n  next: mediactl content add FILE --title \"…\"");
}

static const char *media_type(const char *file)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {{".mp3", "audio/mpeg"}, {".wav", "audio/wav"}, {".ogg", "audio/ogg"},   {".opus", "audio/ogg"}, {".flac", "audio/flac"},
                 {".m4a", "audio/mp4"},  {".mp4", "video/mp4"}, {".webm", "video/webm"}, {".aac", "audio/aac"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_suffix(file, types[i].suffix))
            return types[i].type;
    return "application/octet-stream";
}

int ctl_cmd_content_add(Ctl *ctl, const Args *args)
{
    const char *file = args_word(args, 0), *text = args_option(args, "text"), *title = args_option(args, "title");
    g_autoptr(JsonNode) reply = NULL;

    if ((file != NULL) == (text != NULL)) {
        ctl_fail(ctl, "give a FILE or --text", "mediactl content add FILE --title \"…\"");
        return CTL_USAGE;
    }
    if (text) {
        JsonObject *body = json_object_new();
        json_object_set_string_member(body, "text", text);
        json_object_set_string_member(body, "title", title ? title : "bulletin");
        reply = ctl_call(ctl, "POST", "/content/speech", body);
    } else {
        g_autofree char *name = g_path_get_basename(file);
        g_autofree char *path = ctl_path("/content?title=%s&name=%s", title ? title : name, name);
        reply = ctl_upload(ctl, path, file, media_type(file));
    }
    if (!reply)
        return CTL_FAILED;
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else
        fprintf(ctl->out, "Content %s is ready.\n  next: mediactl schedule add %s AREA… --at YYYY-MM-DDTHH:MM:SS\n",
                text_member(reply, "id"), text_member(reply, "id"));
    return CTL_OK;
}

int ctl_cmd_content_del(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/content/%s", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "Content %s is removed.", args_word(args, 0));
}

int ctl_cmd_announce(Ctl *ctl, const Args *args)
{
    JsonObject *body = json_object_new();
    const char *repeats = args_option(args, "repeats");

    json_object_set_string_member(body, "content", args_word(args, 0));
    set_areas(body, args, 1);
    ctl_set_text(body, args, "priority");
    ctl_set_text(body, args, "title");
    if (repeats)
        json_object_set_int_member(body, "repeats", g_ascii_strtoll(repeats, NULL, 10));
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/announcements", body);
    if (!reply)
        return CTL_FAILED;
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else
        fprintf(ctl->out, "Announcement %s begins.\n  next: mediactl live list; afterwards: mediactl play-log %s\n",
                text_member(reply, "id"), text_member(reply, "id"));
    return CTL_OK;
}

/* --- schedules --- */

int ctl_cmd_schedule_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/schedules", "schedules",
                    "id:Id,name:Name,start_local:Start,rule:Rule,next_us:Next,priority:Priority,areas:Areas,enabled:Enabled,draft:Draft",
                    "Nothing is scheduled.\n  next: mediactl schedule add CONTENT AREA… --at YYYY-MM-DDTHH:MM:SS");
}

int ctl_cmd_schedule_add(Ctl *ctl, const Args *args)
{
    JsonObject *body = json_object_new();
    const char *name = args_option(args, "name"), *at = args_option(args, "at"), *repeats = args_option(args, "repeats");

    if (!at) {
        json_object_unref(body);
        ctl_fail(ctl, "when? --at is missing", "--at 2026-11-23T05:00:00, local time; --rule FREQ=DAILY to repeat");
        return CTL_USAGE;
    }
    json_object_set_string_member(body, "content", args_word(args, 0));
    json_object_set_string_member(body, "name", name ? name : args_word(args, 0));
    json_object_set_string_member(body, "start_local", at);
    set_areas(body, args, 1);
    ctl_set_text(body, args, "rule");
    ctl_set_text(body, args, "priority");
    ctl_set_text(body, args, "slot");
    ctl_set_text(body, args, "reason");
    if (args_option(args, "draft"))
        json_object_set_boolean_member(body, "draft", TRUE);
    if (repeats)
        json_object_set_int_member(body, "repeats", g_ascii_strtoll(repeats, NULL, 10));
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/schedules", body);
    if (!reply)
        return CTL_FAILED;
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else
        fprintf(ctl->out, "Schedule %s is set for %s.\n  next: mediactl schedule list; afterwards: mediactl play-log\n",
                text_member(reply, "id"), at);
    return CTL_OK;
}

int ctl_cmd_schedule_cancel(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/schedules/%s", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "Schedule %s is cancelled.", args_word(args, 0));
}

/* --- live --- */

int ctl_cmd_live_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/live", "live",
                    "id:Id,title:Title,kind:Kind,source:Source,state:State,devices:Loudspeakers,playing:Playing,missed:Missed,start_us:Since",
                    "Nothing is on.");
}

int ctl_cmd_live_start(Ctl *ctl, const Args *args)
{
    JsonObject *body = json_object_new();

    if ((args_option(args, "room") != NULL) == (args_option(args, "stream") != NULL)) {
        json_object_unref(body);
        ctl_fail(ctl, "what shall be heard? Give --room or --stream", "mediactl live start AREA… --room ROOM");
        return CTL_USAGE;
    }
    ctl_set_text(body, args, "room");
    if (args_option(args, "stream"))
        json_object_set_string_member(body, "url", args_option(args, "stream"));
    ctl_set_text(body, args, "title");
    ctl_set_text(body, args, "priority");
    set_areas(body, args, 0);
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/live", body);
    if (!reply)
        return CTL_FAILED;
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else
        fprintf(ctl->out, "On the loudspeakers as %s.\n  next: mediactl live list; to end it: mediactl live stop %s\n",
                text_member(reply, "id"), text_member(reply, "id"));
    return CTL_OK;
}

int ctl_cmd_live_stop(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/live/%s", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "%s is stopped.\n  next: mediactl play-log %s", args_word(args, 0), args_word(args, 0));
}

/* --- what was heard --- */

int ctl_cmd_play_log(Ctl *ctl, const Args *args)
{
    const char *id = args_word(args, 0), *limit = args_option(args, "limit");

    if (id) {
        g_autofree char *path = ctl_path("/play-log/%s", id);
        return ctl_list(ctl, path, "plays",
                        "device:Loudspeaker,area:Area,outcome:Outcome,reason:Why,rang_us:Rang,from_us:From,to_us:To,codec:Codec",
                        "No loudspeaker was called for that.");
    }
    g_autofree char *path = ctl_path("/play-log?limit=%s", limit ? limit : "50");
    return ctl_list(ctl, path, "announcements",
                    "id:Id,kind:Kind,title:Title,start_us:Start,end_us:End,state:State,devices:Loudspeakers,played:Played,partial:Partly,missed:Missed",
                    "Nothing was played yet.");
}

/* --- loudspeakers --- */

int ctl_cmd_devices_list(Ctl *ctl, const Args *args)
{
    const char *area = args_option(args, "area");
    g_autofree char *path = area ? ctl_path("/devices?area=%s", area) : g_strdup("/devices");

    return ctl_list(ctl, path, "devices",
                    "id:Loudspeaker,name:Name,area:Area,registered:Registered,enabled:Enabled,volume:Volume,outcome:Last time,outcome_us:At",
                    "No loudspeakers yet.\n  next: mediactl devices add ID --name \"…\" --area CODE");
}

int ctl_cmd_devices_add(Ctl *ctl, const Args *args)
{
    static const char *const options[] = {"name", "area", "kind", "vendor", "gateway"};
    const char *id = args_word(args, 0), *volume = args_option(args, "volume");
    g_autofree char *path = ctl_path("/devices/%s", id);
    JsonObject *body = json_object_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++)
        ctl_set_text(body, args, options[i]);
    if (!args_option(args, "name"))
        json_object_set_string_member(body, "name", id);
    if (volume)
        json_object_set_int_member(body, "volume", g_ascii_strtoll(volume, NULL, 10));
    return ctl_do(ctl, "PUT", path, body, "Loudspeaker %s is listed.\n  next: mediactl accounts add %s --kind loudspeaker", id, id);
}

int ctl_cmd_devices_del(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/devices/%s", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "Loudspeaker %s is removed.", args_word(args, 0));
}

int ctl_cmd_areas(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/areas", "areas", "code:Code,name:Name,kind:Kind,parent:Above", "No areas are known.");
}
