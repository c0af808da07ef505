/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recordings and streams of meetings; why a site cannot be heard */
#include "mediactl/ctl.h"

int ctl_cmd_recordings_list(Ctl *ctl, const Args *args)
{
    const char *room = args_word(args, 0);
    g_autofree char *path = room ? ctl_path("/recordings?room=%s", room) : g_strdup("/recordings");

    return ctl_list(ctl, path, "recordings", "id:Id,room:Room,title:Title,state:State,started_us:Began,bytes:Bytes,created_by:By,problem:Problem",
                    "No recordings.\n  next: mediactl recordings start ROOM");
}

int ctl_cmd_recordings_start(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/recordings", args_word(args, 0));

    return ctl_do(ctl, "POST", path, NULL, "The meeting %s is being recorded; everybody in it is told.\n  next: mediactl recordings list %s",
                  args_word(args, 0), args_word(args, 0));
}

int ctl_cmd_recordings_stop(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/recordings/%s/stop", args_word(args, 0));

    return ctl_do(ctl, "POST", path, NULL, "Recording %s ends and is being finished.\n  next: mediactl recordings get %s FILE", args_word(args, 0),
                  args_word(args, 0));
}

int ctl_cmd_recordings_chapter(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/recordings/%s/chapters", args_word(args, 0));
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "title", args_word(args, 1));
    return ctl_do(ctl, "POST", path, body, "A chapter begins: %s.", args_word(args, 1));
}

int ctl_cmd_recordings_get(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/recordings/%s/file", args_word(args, 0));

    return ctl_download(ctl, path, args_word(args, 1));
}

int ctl_cmd_recordings_del(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/recordings/%s", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "Recording %s is deleted.", args_word(args, 0));
}

int ctl_cmd_streams_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/streams", "streams", "id:Id,room:Room,kind:Kind,state:State,target:To,started_us:Began,attempts:Failed,problem:Problem",
                    "No meeting goes out live.\n  next: mediactl streams start ROOM [URL]");
}

int ctl_cmd_streams_start(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/streams", args_word(args, 0));
    JsonObject *body = json_object_new();

    if (args_word(args, 1))
        json_object_set_string_member(body, "url", args_word(args, 1));
    return ctl_do(ctl, "POST", path, body, "The meeting %s goes out live; everybody in it is told.\n  next: mediactl streams list", args_word(args, 0));
}

int ctl_cmd_streams_stop(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/streams/%s", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "Stream %s has ended.", args_word(args, 0));
}

static void tell(Ctl *ctl, JsonObject *reply, const char *which, const char *name)
{
    JsonObject *verdict = json_object_get_object_member(reply, which);
    JsonArray *hops = json_object_get_array_member(verdict, "hops");

    fprintf(ctl->out, "%s:", name);
    for (guint i = 0; i < json_array_get_length(hops); i++) {
        JsonObject *hop = json_array_get_object_element(hops, i);
        fprintf(ctl->out, "%s %s (%s)", i ? " >" : "", json_object_get_string_member(hop, "name"), json_object_get_string_member(hop, "state"));
    }
    fprintf(ctl->out, "\n  %s\n  next: %s\n", json_object_get_string_member(json_object_get_object_member(verdict, "cause"), "en"),
            json_object_get_string_member(json_object_get_object_member(verdict, "advice"), "en"));
}

int ctl_cmd_diagnose(Ctl *ctl, const Args *args)
{
    const char *listener = args_option(args, "listener");
    g_autofree char *path = listener ? ctl_path("/rooms/%s/members/%s/diagnosis?listener=%s", args_word(args, 0), args_word(args, 1), listener)
                                     : ctl_path("/rooms/%s/members/%s/diagnosis", args_word(args, 0), args_word(args, 1));
    g_autoptr(JsonNode) reply = ctl_call(ctl, "GET", path, NULL);

    if (!reply)
        return CTL_FAILED;
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return CTL_OK;
    }
    tell(ctl, json_node_get_object(reply), "sound", "Sound");
    tell(ctl, json_node_get_object(reply), "picture", "Picture");
    return CTL_OK;
}
