/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settings: what is in force, is the file sound, take it over */
#include "mediactl/ctl.h"
#include <string.h>

static const char *text_of(JsonObject *o, const char *name)
{
    return json_object_get_string_member_with_default(o, name, "");
}

static bool truth_of(JsonObject *o, const char *name)
{
    return json_object_get_boolean_member_with_default(o, name, FALSE);
}

static void print_setting(Ctl *ctl, JsonObject *s)
{
    const char *value = truth_of(s, "secret") && truth_of(s, "set") ? "(set, not shown)" : text_of(s, "value");

    fprintf(ctl->out, "%s = %s\n", text_of(s, "key"), *value ? value : "(not set)");
    if (truth_of(s, "waits"))
        fprintf(ctl->out, "    from the next start: %s\n", text_of(s, "next"));
}

/* What the file says; with WORD: every setting whose name or explanation holds it. */
int ctl_cmd_settings_show(Ctl *ctl, const Args *args)
{
    const char *word = args_word(args, 0);
    g_autoptr(JsonNode) reply = ctl_call(ctl, "GET", "/settings", NULL);

    if (!reply)
        return CTL_FAILED;
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return CTL_OK;
    }
    JsonArray *all = json_object_get_array_member(json_node_get_object(reply), "settings");
    for (unsigned i = 0; i < json_array_get_length(all); i++) {
        JsonObject *s = json_array_get_object_element(all, i);
        if (word ? !strstr(text_of(s, "key"), word) && !strstr(text_of(s, "help"), word) : !*text_of(s, "from"))
            continue;
        print_setting(ctl, s);
        if (word)
            fprintf(ctl->out, "    %s (%s; default: %s)\n", text_of(s, "help"), text_of(s, "range"), *text_of(s, "default") ? text_of(s, "default") : "none");
    }
    return CTL_OK;
}

static void print_changes(Ctl *ctl, JsonObject *o)
{
    JsonArray *changes = json_object_get_array_member(o, "changes"), *warnings = json_object_get_array_member(o, "warnings");

    for (unsigned i = 0; i < json_array_get_length(changes); i++) {
        JsonObject *c = json_array_get_object_element(changes, i);
        fprintf(ctl->out, "%s: %s%s\n", text_of(c, "kind"), text_of(c, "key"), truth_of(c, "restart") ? " (from the next start)" : "");
    }
    for (unsigned i = 0; i < json_array_get_length(warnings); i++)
        fprintf(ctl->out, "beware: %s\n", json_array_get_string_element(warnings, i));
    if (json_array_get_length(changes) == 0)
        fprintf(ctl->out, "Nothing differs from what is in force.\n");
}

int ctl_cmd_settings_check(Ctl *ctl, const Args *args)
{
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/settings/check", NULL);

    if (!reply)
        return CTL_FAILED;
    JsonObject *o = json_node_get_object(reply);
    JsonArray *faults = json_object_get_array_member(o, "faults");
    if (ctl->json)
        ctl_print_json(ctl, reply);
    for (unsigned i = 0; !ctl->json && i < json_array_get_length(faults); i++) {
        JsonObject *f = json_array_get_object_element(faults, i);
        fprintf(ctl->out, "%s:%d: %s: %s\n", text_of(f, "file"), (int)json_object_get_int_member_with_default(f, "line", 0), text_of(f, "key"), text_of(f, "text"));
    }
    if (!ctl->json && truth_of(o, "fine"))
        print_changes(ctl, o);
    return truth_of(o, "fine") ? CTL_OK : CTL_FAILED;
}

int ctl_cmd_settings_reload(Ctl *ctl, const Args *args)
{
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/settings/reload", NULL);

    if (!reply)
        return CTL_FAILED;
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return CTL_OK;
    }
    print_changes(ctl, json_node_get_object(reply));
    const char *problem = text_of(json_node_get_object(reply), "problem");
    if (*problem)
        fprintf(ctl->out, "taken over, but: %s\n", problem);
    return *problem ? CTL_FAILED : CTL_OK;
}
