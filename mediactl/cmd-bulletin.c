/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bulletin and inbox: review, and what a commune decides. */
#include "mediactl/ctl.h"

static const char *text_member(JsonNode *node, const char *name)
{
    return JSON_NODE_HOLDS_OBJECT(node) ? json_object_get_string_member_with_default(json_node_get_object(node), name, "") : "";
}

static int tell(Ctl *ctl, JsonNode *reply, const char *what)
{
    if (!reply)
        return CTL_FAILED;
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else
        fprintf(ctl->out, "%s %s is %s.\n", what, text_member(reply, "id"), text_member(reply, "state"));
    return CTL_OK;
}

int ctl_cmd_bulletin_list(Ctl *ctl, const Args *args)
{
    const char *state = args_option(args, "state");
    g_autofree char *path = state ? ctl_path("/bulletins?state=%s", state) : g_strdup("/bulletins");

    return ctl_list(ctl, path, "bulletins",
                    "id:Id,title:Title,kind:Kind,priority:Priority,state:State,area:Area,origin:From,version:Version,changed_by:By,changed_us:Changed",
                    "No bulletins.\n  next: mediactl bulletin new TITLE --text \"…\"");
}

int ctl_cmd_bulletin_show(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/bulletins/%s", args_word(args, 0)), *history = ctl_path("/bulletins/%s/history", args_word(args, 0));
    int status = ctl_show(ctl, path,
                          "id:Id,title:Title,kind:Kind,subject:Subject,priority:Priority,state:State,area:Area,areas:Asked for,text:Text,"
                          "version:Version,approved_version:Approved version,revision:Revision,reason:Reason,from_us:Valid from,to_us:Valid to");

    return status != CTL_OK || ctl->json ? status
                                         : ctl_list(ctl, history, "history", "at_us:When,who:Who,what:What,to:State,note:Note", "No history.");
}

int ctl_cmd_bulletin_new(Ctl *ctl, const Args *args)
{
    static const char *const options[] = {"text", "kind", "content", "subject", "priority", "author", "summary", "area"};
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "title", args_word(args, 0));
    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++)
        if (args_option(args, options[i]))
            json_object_set_string_member(body, options[i], args_option(args, options[i]));
    if (args->words->len > 1) {
        JsonArray *areas = json_array_new();
        for (unsigned i = 1; i < args->words->len; i++)
            json_array_add_string_element(areas, args_word(args, i));
        json_object_set_array_member(body, "areas", areas);
    }
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/bulletins", body);
    int status = tell(ctl, reply, "Bulletin");
    if (status == CTL_OK && !ctl->json)
        fprintf(ctl->out, "  next: mediactl bulletin submit %s\n", text_member(reply, "id"));
    return status;
}

static int act(Ctl *ctl, const Args *args, const char *what)
{
    g_autofree char *path = g_strdup_printf("/bulletins/%s/%s", args_word(args, 0), what);
    const char *reason = args_option(args, "reason"), *revision = args_option(args, "revision");
    JsonObject *body = json_object_new();

    if (reason)
        json_object_set_string_member(body, "reason", reason);
    if (revision)
        json_object_set_int_member(body, "revision", g_ascii_strtoll(revision, NULL, 10));
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", path, body);
    return tell(ctl, reply, "Bulletin");
}

int ctl_cmd_bulletin_submit(Ctl *ctl, const Args *args)
{
    return act(ctl, args, "submit");
}

int ctl_cmd_bulletin_approve(Ctl *ctl, const Args *args)
{
    if (!args_option(args, "revision")) {
        g_autofree char *next = g_strdup_printf("mediactl bulletin show %s gives its revision", args_word(args, 0));
        ctl_fail(ctl, "which revision was read? --revision is missing", next);
        return CTL_USAGE;
    }
    return act(ctl, args, "approve");
}

int ctl_cmd_bulletin_return(Ctl *ctl, const Args *args)
{
    return act(ctl, args, "return");
}

int ctl_cmd_bulletin_withdraw(Ctl *ctl, const Args *args)
{
    return act(ctl, args, "withdraw");
}

int ctl_cmd_inbox_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/inbox", "inbox",
                    "id:Id,title:Title,priority:Priority,origin:From,area:Area,state:State,at_us:At,deadline_us:Decide before,choice:First,decided_by:By",
                    "The inbox is empty.");
}

int ctl_cmd_inbox_accept(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/inbox/%s/accept", args_word(args, 0));
    const char *at = args_option(args, "at");

    if (!at) {
        ctl_fail(ctl, "when? --at is missing", "--at 2026-11-23T05:00:00, local time");
        return CTL_USAGE;
    }
    JsonObject *body = json_object_new();
    json_object_set_string_member(body, "start_local", at);
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", path, body);
    return tell(ctl, reply, "Item");
}

int ctl_cmd_inbox_decline(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/inbox/%s/decline", args_word(args, 0));
    const char *reason = args_option(args, "reason");
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "reason", reason ? reason : "");
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", path, body);
    return tell(ctl, reply, "Item");
}

int ctl_cmd_inbox_decide(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/inbox/conflicts/%s", args_word(args, 0));
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "first", args_word(args, 1));
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", path, body);
    return tell(ctl, reply, "Item");
}
