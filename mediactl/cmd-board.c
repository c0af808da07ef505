/* SPDX-License-Identifier: GPL-3.0-or-later */
/* boards, and the multicast groups of loudspeakers */
#include "mediactl/ctl.h"
#include <string.h>

int ctl_cmd_board_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/board-items", "items", "id:Id,area:Area,kind:Kind,title:Title,seconds:Seconds,from_us:From,to_us:To,created_by:By",
                    "Nothing is on the boards.\n  next: mediactl board add AREA --title \"…\"");
}

int ctl_cmd_board_add(Ctl *ctl, const Args *args)
{
    static const char *const options[] = {"kind", "title", "body", "colour", "background"};
    const char *seconds = args_option(args, "seconds"), *file = args_option(args, "file");
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "area", args_word(args, 0));
    json_object_set_string_member(body, "kind", "text");
    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++)
        if (args_option(args, options[i]))
            json_object_set_string_member(body, options[i], args_option(args, options[i]));
    if (seconds)
        json_object_set_int_member(body, "seconds", g_ascii_strtoll(seconds, NULL, 10));
    if (file) {
        g_autoptr(JsonNode) reply = ctl_upload(ctl, "/board-files", file, "application/octet-stream");
        if (!reply) {
            json_object_unref(body);
            return CTL_FAILED;
        }
        json_object_set_string_member(body, "file", json_object_get_string_member(json_node_get_object(reply), "file"));
    }
    return ctl_do(ctl, "POST", "/board-items", body, "It is on the boards of %s.\n  next: mediactl board list", args_word(args, 0));
}

int ctl_cmd_board_del(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/board-items/%s", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "%s is taken away.", args_word(args, 0));
}

int ctl_cmd_board_show(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/boards/%s", args_word(args, 0));

    return ctl_show(ctl, path, "id:Board,online:Listens,seen_us:Last word,item:Shows,verdict:Verdict");
}

int ctl_cmd_board_key(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/boards/%s/key", args_word(args, 0));
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", path, NULL);

    if (!reply)
        return CTL_FAILED;
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else
        fprintf(ctl->out, "Open this on the board once; it is not shown again:\n  %s%s\n", ctl->url,
               json_object_get_string_member(json_node_get_object(reply), "path"));
    return CTL_OK;
}

int ctl_cmd_devices_multicast(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/devices/%s/multicast", args_word(args, 0));
    const char *group = args_word(args, 1), *codec = args_option(args, "codec");
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "group", g_str_equal(group, "none") ? "" : group);
    if (codec)
        json_object_set_string_member(body, "codec", codec);
    return ctl_do(ctl, "PUT", path, body, "%s hears %s.", args_word(args, 0), group);
}
