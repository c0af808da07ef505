/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rehearse, schedule publish and release, slots, holidays, quiet, stop-all */
#include "mediactl/ctl.h"
#include <string.h>

static JsonObject *with_reason(const Args *args)
{
    JsonObject *body = json_object_new();

    if (args_option(args, "reason"))
        json_object_set_string_member(body, "reason", args_option(args, "reason"));
    return body;
}

int ctl_cmd_schedule_publish(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/schedules/%s/publish", args_word(args, 0));

    return ctl_do(ctl, "POST", path, with_reason(args), "Schedule %s is published.\n  next: mediactl rehearse", args_word(args, 0));
}

int ctl_cmd_schedule_release(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/schedules/%s/quiet-release", args_word(args, 0));

    return ctl_do(ctl, "POST", path, with_reason(args), "Schedule %s may sound in quiet hours, in the form it has now.", args_word(args, 0));
}

/* --- the rehearsal --- */

static unsigned count_blocking(JsonArray *problems)
{
    unsigned n = 0;

    for (unsigned i = 0; i < json_array_get_length(problems); i++)
        n += json_object_get_boolean_member_with_default(json_array_get_object_element(problems, i), "blocks", FALSE);
    return n;
}

static void print_timelines(Ctl *ctl, JsonArray *timelines)
{
    for (unsigned i = 0; i < json_array_get_length(timelines); i++) {
        JsonObject *one = json_array_get_object_element(timelines, i);
        JsonArray *items = json_object_get_array_member(one, "items");
        fprintf(ctl->out, "\n%s hears:\n", json_object_get_string_member(one, "area"));
        if (json_array_get_length(items))
            ctl_table(ctl->out, items, "start_us:From,end_us:To,title:Title,kind:Kind,priority:Priority,schedule:Schedule");
        else
            fprintf(ctl->out, "  nothing\n");
    }
}

int ctl_cmd_rehearse(Ctl *ctl, const Args *args)
{
    const char *area = args_option(args, "area"), *days = args_option(args, "days"), *draft = args_option(args, "draft");
    g_autoptr(GString) path = g_string_new("/rehearsal?days=");

    g_string_append_uri_escaped(path, days ? days : "7", NULL, FALSE);
    if (area) {
        g_string_append(path, "&area=");
        g_string_append_uri_escaped(path, area, NULL, FALSE);
    }
    if (draft) {
        g_string_append(path, "&draft=");
        g_string_append_uri_escaped(path, draft, NULL, FALSE);
    }
    g_autoptr(JsonNode) reply = ctl_call(ctl, "GET", path->str, NULL);
    if (!reply)
        return CTL_FAILED;
    JsonArray *problems = json_object_get_array_member(json_node_get_object(reply), "problems");
    unsigned blocking = count_blocking(problems);
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return blocking ? CTL_FAILED : CTL_OK;
    }
    if (json_array_get_length(problems))
        ctl_table(ctl->out, problems, "code:Problem,blocks:Blocks,area:Area,from_us:From,text:What,mend:To mend it");
    if (area)
        print_timelines(ctl, json_object_get_array_member(json_node_get_object(reply), "timelines"));
    fprintf(ctl->out, "%u problems, %u of them block publishing.\n", json_array_get_length(problems), blocking);
    return blocking ? CTL_FAILED : CTL_OK;
}

/* --- slots and holidays --- */

int ctl_cmd_slots_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/slots", "slots", "id:Id,area:Area,name:Name,from:From,to:To,weekdays:Days",
                    "There are no slots.\n  next: mediactl slots add ID AREA 05:00-06:00 --name \"sáng\"");
}

int ctl_cmd_slots_add(Ctl *ctl, const Args *args)
{
    const char *id = args_word(args, 0), *name = args_option(args, "name"), *days = args_option(args, "days");
    g_auto(GStrv) hours = g_strsplit(args_word(args, 2), "-", 2);
    g_autofree char *path = ctl_path("/slots/%s", id);

    if (!hours[0] || !hours[1]) {
        ctl_fail(ctl, "from when to when? The hours are missing", "mediactl slots add sang 42 05:00-06:00");
        return CTL_USAGE;
    }
    JsonObject *body = json_object_new();
    json_object_set_string_member(body, "area", args_word(args, 1));
    json_object_set_string_member(body, "name", name ? name : id);
    json_object_set_string_member(body, "from", hours[0]);
    json_object_set_string_member(body, "to", hours[1]);
    if (days) {
        g_auto(GStrv) list = g_strsplit(days, ",", 8);
        JsonArray *array = json_array_new();
        for (unsigned i = 0; list[i]; i++)
            json_array_add_string_element(array, list[i]);
        json_object_set_array_member(body, "weekdays", array);
    }
    return ctl_do(ctl, "PUT", path, body, "Slot %s is open from %s to %s.", id, hours[0], hours[1]);
}

int ctl_cmd_slots_del(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/slots/%s", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "Slot %s is removed.", args_word(args, 0));
}

int ctl_cmd_holidays_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/holidays", "holidays", "day:Day,area:Area,name:Name", "There are no holidays.\n  next: mediactl holidays add AREA DAY NAME");
}

int ctl_cmd_holidays_add(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/areas/%s/holidays/%s", args_word(args, 0), args_word(args, 1));
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "name", args_word(args, 2));
    return ctl_do(ctl, "PUT", path, body, "%s is a holiday in %s.", args_word(args, 1), args_word(args, 0));
}

int ctl_cmd_holidays_del(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/areas/%s/holidays/%s", args_word(args, 0), args_word(args, 1));

    return ctl_do(ctl, "DELETE", path, NULL, "%s is a day like any other in %s.", args_word(args, 1), args_word(args, 0));
}

/* --- quiet hours --- */

int ctl_cmd_quiet_show(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/areas/%s/quiet-hours", args_word(args, 0));

    return ctl_show(ctl, path, "area:Area,hours:Quiet hours,from:Set by area,quiet:Quiet now");
}

int ctl_cmd_quiet_set(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/areas/%s/quiet-hours", args_word(args, 0));
    const char *hours = args_word(args, 1);
    JsonObject *body = json_object_new();

    if (g_str_equal(hours, "inherit")) {
        json_object_unref(body);
        return ctl_do(ctl, "DELETE", path, NULL, "%s has the quiet hours of the area above.", args_word(args, 0));
    }
    json_object_set_string_member(body, "hours", hours);
    return ctl_do(ctl, "PUT", path, body, "Quiet hours of %s: %s.", args_word(args, 0), hours);
}

int ctl_cmd_quiet_releases(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/quiet-releases", "releases",
                    "id:Id,areas:Areas,from_us:From,to_us:To,reason:Why,asked_by:Asked by,released_by:Released by", "Nobody asks for a release.");
}

static gint64 moment(const char *text)
{
    g_autoptr(GTimeZone) local = g_time_zone_new_local();
    g_autoptr(GDateTime) when = text ? g_date_time_new_from_iso8601(text, local) : NULL;

    return when ? g_date_time_to_unix(when) * G_USEC_PER_SEC : 0;
}

int ctl_cmd_quiet_ask(Ctl *ctl, const Args *args)
{
    gint64 from = moment(args_option(args, "from")), to = moment(args_option(args, "to"));
    JsonArray *areas;

    if (!from || !to || !args_option(args, "reason")) {
        ctl_fail(ctl, "--from, --to and --reason are needed", "--from 2026-11-24T04:00:00 --to 2026-11-24T05:00:00 --reason \"…\"");
        return CTL_USAGE;
    }
    JsonObject *body = with_reason(args);
    areas = json_array_new();
    for (unsigned i = 0; i < args->words->len; i++)
        json_array_add_string_element(areas, args_word(args, i));
    json_object_set_array_member(body, "areas", areas);
    json_object_set_int_member(body, "from_us", from);
    json_object_set_int_member(body, "to_us", to);
    return ctl_do(ctl, "POST", "/quiet-releases", body, "Asked; another person has to release it.\n  next: mediactl quiet releases");
}

int ctl_cmd_quiet_release(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/quiet-releases/%s/release", args_word(args, 0));

    return ctl_do(ctl, "POST", path, NULL, "Released.");
}

int ctl_cmd_stop_all(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/areas/%s/stop-all", args_word(args, 0));

    return ctl_do(ctl, "POST", path, NULL, "Everything in %s is silent.\n  next: mediactl live list", args_word(args, 0));
}
