/* SPDX-License-Identifier: GPL-3.0-or-later */
/* alert: what came, emergencies, drills */
#include "mediactl/ctl.h"
#include <string.h>

static const char *text_member(JsonNode *node, const char *name)
{
    return JSON_NODE_HOLDS_OBJECT(node) ? json_object_get_string_member_with_default(json_node_get_object(node), name, "") : "";
}

static JsonObject *areas_body(const Args *args)
{
    JsonObject *body = json_object_new();
    JsonArray *areas = json_array_new();

    for (unsigned i = 0; i < args->words->len; i++)
        json_array_add_string_element(areas, args_word(args, i));
    json_object_set_array_member(body, "areas", areas);
    return body;
}

static void set_options(JsonObject *body, const Args *args, const char *names, bool numbers)
{
    g_auto(GStrv) list = g_strsplit(names, " ", -1);

    for (unsigned i = 0; list[i]; i++) {
        const char *value = args_option(args, list[i]);
        g_autofree char *member = numbers && g_str_equal(list[i], "interval") ? g_strdup("interval_s") : g_strdup(list[i]);
        if (value && numbers)
            json_object_set_int_member(body, member, g_ascii_strtoll(value, NULL, 10));
        else if (value)
            json_object_set_string_member(body, member, value);
    }
}

int ctl_cmd_alert_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/alerts", "alerts",
                    "id:Id,received_us:Came,kind:Kind,status:Status,headline:Headline,siren:Siren,areas:Areas,state:State,done_rounds:Rounds",
                    "No alerts yet.\n  next: mediactl alert drill AREA…");
}

int ctl_cmd_alert_show(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/alerts/%s", args_word(args, 0));
    g_autofree char *report = ctl_path("/alerts/%s/report", args_word(args, 0));
    int code = ctl_show(ctl, path,
                        "id:Id,kind:Kind,status:Status,headline:Headline,words:Words,source:From,identifier:Identifier,areas:Areas,siren:Siren,"
                        "priority:Priority,received_us:Came,expires_us:Until,state:State,reason:Why,note:Note");

    if (code != CTL_OK || ctl->json)
        return code;
    return ctl_show(ctl, report, "summary:Report,devices:Loudspeakers,reached:Sounded,missed:Missed");
}

int ctl_cmd_alert_report(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/alerts/%s/report", args_word(args, 0));

    return ctl_list(ctl, path, "loudspeakers", "device:Loudspeaker,area:Area,outcome:Outcome,latency_us:First sound (µs after the alert),reason:Reason",
                    "No loudspeaker was asked to sound it.");
}

static int tell(Ctl *ctl, JsonNode *reply, const char *what)
{
    if (!reply)
        return CTL_FAILED;
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else if (json_object_get_boolean_member_with_default(json_node_get_object(reply), "duplicate", FALSE))
        fprintf(ctl->out, "It is known already.\n  next: mediactl alert list\n");
    else
        fprintf(ctl->out, "%s %s: %s.\n  next: mediactl alert show %s; mediactl alert stop %s\n", what, text_member(reply, "id"),
                text_member(reply, "state"), text_member(reply, "id"), text_member(reply, "id"));
    return CTL_OK;
}

int ctl_cmd_alert_send_cap(Ctl *ctl, const Args *args)
{
    const char *file = args_option(args, "key-file");
    g_autofree char *key = NULL;
    g_autoptr(GError) error = NULL;

    if (!file || !g_file_get_contents(file, &key, NULL, &error)) {
        ctl_fail(ctl, error ? error->message : "the key of a source is missing", "mediactl alert send-cap FILE --key-file KEYFILE");
        return CTL_USAGE;
    }
    key[strcspn(key, "\r\n")] = '\0';
    ctl->alert_key = key;
    g_autoptr(JsonNode) reply = ctl_upload(ctl, "/alerts/cap", args_word(args, 0), "application/cap+xml");
    ctl->alert_key = NULL;
    return tell(ctl, reply, "Alert");
}

int ctl_cmd_alert_emergency(Ctl *ctl, const Args *args)
{
    JsonObject *body = areas_body(args);

    set_options(body, args, "text title content bulletin room siren", false);
    if (args_option(args, "stream")) /* --url is where mediad is */
        json_object_set_string_member(body, "url", args_option(args, "stream"));
    set_options(body, args, "rounds repeats interval", true);
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/emergencies", body);
    return tell(ctl, reply, "Emergency");
}

int ctl_cmd_alert_drill(Ctl *ctl, const Args *args)
{
    JsonObject *body = areas_body(args);

    set_options(body, args, "text title", false);
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/drills", body);
    return tell(ctl, reply, "Drill");
}

int ctl_cmd_alert_stop(Ctl *ctl, const Args *args)
{
    const char *words = args_option(args, "text");
    bool clear = args_option(args, "all-clear") != NULL || words;
    g_autofree char *path = ctl_path(clear ? "/emergencies/%s/all-clear" : "/alerts/%s/stop", args_word(args, 0));
    JsonObject *body = clear ? json_object_new() : NULL;

    if (words)
        json_object_set_string_member(body, "text", words);
    return ctl_do(ctl, "POST", path, body, "%s is stopped%s.", args_word(args, 0), clear ? "; the all-clear sounds" : "");
}
