/* SPDX-License-Identifier: GPL-3.0-or-later */
/* devices of the device link: enrolment, health, commands; outages */
#include "mediactl/ctl.h"
#include <string.h>

int ctl_cmd_devices_show(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/devices/%s/health", args_word(args, 0));
    g_autoptr(JsonNode) reply = ctl_call(ctl, "GET", path, NULL);

    if (!reply)
        return CTL_FAILED;
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return CTL_OK;
    }
    JsonObject *o = json_node_get_object(reply);
    ctl_fields(ctl->out, o,
               "device:Loudspeaker,online:Online,seen_us:Heard of,enrolled:Enrolled,certificate_expires_us:Certificate until,"
               "software:Software,playing:Playing,manifest_wanted:Schedule sent,manifest_stored:Schedule held,media_wanted:Recordings wanted,"
               "media_stored:Recordings held,clock_offset_us:Clock wrong by (us),volume_wanted:Volume set");
    fputc('\n', ctl->out);
    ctl_table(ctl->out, json_object_get_array_member(o, "readings"), "name:Reading,value:Value,source:Source,plausible:Plausible,why:Why,at_us:At");
    return CTL_OK;
}

int ctl_cmd_devices_why_silent(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/devices/%s/why-silent", args_word(args, 0));

    return ctl_list(ctl, path, "causes", "cause:Cause,text:What is known,since_us:Since,sure:Sure", "Nothing speaks against it.");
}

int ctl_cmd_devices_log(Ctl *ctl, const Args *args)
{
    JsonObject *body = json_object_new();
    JsonArray *devices = json_array_new();

    json_array_add_string_element(devices, args_word(args, 0));
    json_object_set_string_member(body, "verb", "send-log");
    json_object_set_array_member(body, "devices", devices);
    return ctl_do(ctl, "POST", "/link/commands", body, "Asked for. When it has come: GET /api/v1/devices/%s/log", args_word(args, 0));
}

int ctl_cmd_devices_enrol_code(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/devices/%s/enrol-code", args_word(args, 0));
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", path, json_object_new());

    if (!reply)
        return CTL_FAILED;
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else
        ctl_fields(ctl->out, json_node_get_object(reply), "device:Loudspeaker,code:Code (once),expires_us:Good until");
    return CTL_OK;
}

int ctl_cmd_devices_enrol_codes(Ctl *ctl, const Args *args)
{
    JsonObject *body = json_object_new();
    JsonArray *areas = json_array_new();

    for (unsigned i = 0; i < args->words->len; i++)
        json_array_add_string_element(areas, args_word(args, i));
    json_object_set_array_member(body, "areas", areas);
    if (args_option(args, "all"))
        json_object_set_boolean_member(body, "enrolled_too", TRUE);
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/link/enrol-codes", body);
    if (!reply)
        return CTL_FAILED;
    JsonArray *codes = json_object_get_array_member(json_node_get_object(reply), "codes");
    if (ctl->json) {
        ctl_print_json(ctl, reply);
    } else if (args_option(args, "csv")) {
        fputs("device,code\n", ctl->out);
        for (unsigned i = 0; i < json_array_get_length(codes); i++) {
            JsonObject *o = json_array_get_object_element(codes, i);
            fprintf(ctl->out, "%s,%s\n", json_object_get_string_member(o, "device"), json_object_get_string_member(o, "code"));
        }
    } else {
        ctl_table(ctl->out, codes, "device:Loudspeaker,code:Code (once),expires_us:Good until");
    }
    return CTL_OK;
}

int ctl_cmd_devices_withdraw(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/devices/%s/credential", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "The certificate of %s is withdrawn.", args_word(args, 0));
}

/* Words from first on are loudspeakers; --area takes all of one. */
static int command(Ctl *ctl, const Args *args, unsigned first, const char *verb, int volume)
{
    const char *area = args_option(args, "area");
    JsonObject *body = json_object_new();
    JsonArray *devices = json_array_new(), *areas = json_array_new();

    for (unsigned i = first; i < args->words->len; i++)
        json_array_add_string_element(devices, args_word(args, i));
    if (area)
        json_array_add_string_element(areas, area);
    if ((json_array_get_length(devices) > 0) == (area != NULL)) {
        json_array_unref(devices);
        json_array_unref(areas);
        json_object_unref(body);
        ctl_fail(ctl, "give loudspeakers or --area", "mediactl devices volume 40 ID…");
        return CTL_USAGE;
    }
    json_object_set_string_member(body, "verb", verb);
    if (area) {
        json_object_set_array_member(body, "areas", areas);
        json_array_unref(devices);
    } else {
        json_object_set_array_member(body, "devices", devices);
        json_array_unref(areas);
    }
    if (volume >= 0)
        json_object_set_int_member(body, "volume", volume);
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/link/commands", body);
    if (!reply)
        return CTL_FAILED;
    JsonObject *o = json_node_get_object(reply);
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else
        fprintf(ctl->out, "Sent to %d loudspeakers%s.\n  next: mediactl devices answers %s\n", (int)json_object_get_int_member(o, "devices"),
                json_object_get_boolean_member(o, "connected") ? "" : " (the broker is away: it waits)", json_object_get_string_member(o, "id"));
    return CTL_OK;
}

int ctl_cmd_devices_volume(Ctl *ctl, const Args *args)
{
    gint64 volume;

    if (!g_ascii_string_to_signed(args_word(args, 0), 10, 0, 100, &volume, NULL)) {
        ctl_fail(ctl, "the volume is a number from 0 to 100", "mediactl devices volume 40 ID…");
        return CTL_USAGE;
    }
    return command(ctl, args, 1, "volume", (int)volume);
}

int ctl_cmd_devices_command(Ctl *ctl, const Args *args)
{
    const char *verb = args_word(args, 0);

    return command(ctl, args, 1, verb, strcmp(verb, "blank") == 0 ? 0 : -1);
}

int ctl_cmd_devices_answers(Ctl *ctl, const Args *args)
{
    const char *id = args_word(args, 0);
    g_autofree char *path = id ? ctl_path("/link/commands/%s", id) : NULL;

    return id ? ctl_list(ctl, path, "targets", "device:Loudspeaker,state:State,reason:Reason,at_us:At", "Nobody was asked.")
              : ctl_list(ctl, "/link/commands", "commands",
                         "id:Id,verb:Command,who:By,issued_us:At,devices:To,sent:No answer yet,received:Received,done:Done,refused:Refused,"
                         "timed_out:Timed out",
                         "No commands yet.");
}

int ctl_cmd_outages(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/outages", "outages", "by:By,value:What,devices:Loudspeakers,away:Still away,began_us:Began,ended_us:Ended",
                    "No incidents.");
}
