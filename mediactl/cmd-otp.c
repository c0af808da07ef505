/* SPDX-License-Identifier: GPL-3.0-or-later */
/* otp: the own second factor */
#include "mediactl/ctl.h"
#include <string.h>

static const char *text_member(JsonNode *node, const char *name)
{
    return json_object_get_string_member_with_default(json_node_get_object(node), name, "");
}

static JsonObject *one_member(const char *name, const char *value)
{
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, name, value);
    return body;
}

int ctl_cmd_otp_show(Ctl *ctl, const Args *args)
{
    return ctl_show(ctl, "/session/second-factor",
                    "enrolled:Enrolled,required:Required,recovery_codes_left:Recovery codes left,unlocked_until_us:Unlocked until");
}

static void print_codes(Ctl *ctl, JsonNode *reply)
{
    JsonArray *codes = json_object_get_array_member(json_node_get_object(reply), "recovery_codes");

    fprintf(ctl->out, "Recovery codes, each good once, shown this once; keep them on paper:\n");
    for (unsigned i = 0; i < json_array_get_length(codes); i++)
        fprintf(ctl->out, "  %s\n", json_array_get_string_element(codes, i));
}

static int confirm(Ctl *ctl, const char *code)
{
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/session/second-factor/confirm", one_member("code", code));

    if (!reply)
        return CTL_FAILED;
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return CTL_OK;
    }
    fprintf(ctl->out, "The second factor is in force.\n");
    print_codes(ctl, reply);
    return CTL_OK;
}

int ctl_cmd_otp_enrol(Ctl *ctl, const Args *args)
{
    g_autofree char *password = ctl_ask(ctl, "Your password: ", true);
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/session/second-factor/enrol", one_member("password", password ? password : ""));

    if (!reply)
        return CTL_FAILED;
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return CTL_OK;
    }
    fprintf(ctl->out, "Give this to the application on the telephone; it is shown this once:\n  secret  %s\n  address %s\n", text_member(reply, "secret"),
            text_member(reply, "uri"));
    fflush(ctl->out);
    g_autofree char *code = ctl_ask(ctl, "The code it shows now: ", false);
    if (code)
        return confirm(ctl, code);
    fprintf(ctl->out, "  next: mediactl otp confirm CODE\n");
    return CTL_OK;
}

int ctl_cmd_otp_confirm(Ctl *ctl, const Args *args)
{
    return confirm(ctl, args_word(args, 0));
}

int ctl_cmd_otp_unlock(Ctl *ctl, const Args *args)
{
    const char *given = args_word(args, 0) ? args_word(args, 0) : ctl->otp;
    g_autofree char *asked = given ? NULL : ctl_ask(ctl, "One-time code: ", false);

    return ctl_do(ctl, "POST", "/session/second-factor", one_member("code", given ? given : asked ? asked : ""),
                  "For five minutes nothing asks for a one-time code.");
}

int ctl_cmd_otp_codes(Ctl *ctl, const Args *args)
{
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/session/second-factor/recovery-codes", NULL);

    if (!reply)
        return CTL_FAILED;
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else
        print_codes(ctl, reply);
    return CTL_OK;
}

int ctl_cmd_otp_reset(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/users/%s/second-factor", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "%s has no second factor now and must sign in again.", args_word(args, 0));
}
