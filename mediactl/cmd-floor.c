/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running a meeting: the floor and votes. */
#include "mediactl/ctl.h"

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
