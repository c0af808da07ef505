/* SPDX-License-Identifier: GPL-3.0-or-later */
/* meetings, meeting book and what is done to one, sites */
#include "mediactl/ctl.h"
#include <string.h>

static void set_number(JsonObject *body, const Args *args, const char *option)
{
    const char *value = args_option(args, option);
    g_autofree char *member = g_strdelimit(g_strdup(option), "-", '_');

    if (value)
        json_object_set_int_member(body, member, g_ascii_strtoll(value, NULL, 10));
}

/* "a,b" → ["a", "b"] */
static void set_words(JsonObject *body, const Args *args, const char *option)
{
    const char *value = args_option(args, option);
    g_auto(GStrv) words = g_strsplit(value ? value : "", ",", -1);
    JsonArray *array = value ? json_array_new() : NULL;

    for (char **word = words; array && *word; word++)
        if (**word)
            json_array_add_string_element(array, *word);
    if (array)
        json_object_set_array_member(body, option, array);
}

static JsonArray *words_from(const Args *args, unsigned first)
{
    JsonArray *array = json_array_new();

    for (unsigned i = first; i < args->words->len; i++)
        json_array_add_string_element(array, args_word(args, i));
    return array;
}

/* Whom a meeting or a list is for: the words from first on, and lists, areas, roles. */
static void set_invite(JsonObject *body, const Args *args, unsigned first)
{
    JsonObject *invite = json_object_new();

    if (args->words->len > first)
        json_object_set_array_member(invite, "accounts", words_from(args, first));
    set_words(invite, args, "lists");
    set_words(invite, args, "areas");
    set_words(invite, args, "roles");
    if (json_object_get_size(invite))
        json_object_set_object_member(body, "invite", invite);
    else
        json_object_unref(invite);
}

int ctl_cmd_meetings(Ctl *ctl, const Args *args)
{
    static const char *const fields[] = {"from", "to"};
    g_autoptr(GString) path = g_string_new("/meetings");

    ctl_query(path, args, fields, G_N_ELEMENTS(fields));
    return ctl_list(ctl, path->str, "meetings", "id:Meeting,start_us:Start,end_us:End,state:State,room:Room,n_sites:Sites,title:Title",
                    "No meetings are booked.\n  next: mediactl meeting book TITLE --start 2026-11-23T08:00 --minutes 60 --roles site");
}

static const char *const texts[] = {"start", "end", "room", "chair", "co-chair", "secretary", "technician", "pin", "chair-pin", "language", "force-because"};
static const char *const numbers[] = {"minutes", "max-minutes", "open-min", "grace-min"};
static const char *const flags[] = {"lobby", "mute-on-entry", "wait-for-chair", "confidential", "record"};

static void set_fields(JsonObject *body, const Args *args)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        ctl_set_text(body, args, texts[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++)
        set_number(body, args, numbers[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
        g_autofree char *member = g_strdelimit(g_strdup(flags[i]), "-", '_');
        if (args_option(args, flags[i]))
            json_object_set_boolean_member(body, member, TRUE);
    }
    if (args_option(args, "no-dial"))
        json_object_set_boolean_member(body, "dial", FALSE);
    if (args_option(args, "no-trial"))
        json_object_set_boolean_member(body, "trial", FALSE);
}

static int tell_booked(Ctl *ctl, JsonNode *reply, const char *what)
{
    if (!reply)
        return CTL_FAILED;
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return CTL_OK;
    }
    JsonObject *o = json_node_get_object(reply);
    const char *id = json_object_get_string_member(o, "id");
    fprintf(ctl->out, "Meeting %s is %s: %s, %d sites, room %s.\n  next: mediactl meeting show %s\n", id, what, json_object_get_string_member(o, "start"),
            (int)json_object_get_int_member_with_default(o, "n_sites", 0), json_object_get_string_member(o, "room"), id);
    return CTL_OK;
}

int ctl_cmd_meeting_book(Ctl *ctl, const Args *args)
{
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "title", args_word(args, 0));
    set_fields(body, args);
    set_invite(body, args, 1);
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/meetings", body);
    return tell_booked(ctl, reply, "booked");
}

/* From the version that is there now. */
int ctl_cmd_meeting_change(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/meetings/%s", args_word(args, 0));
    g_autoptr(JsonNode) present = ctl_call(ctl, "GET", path, NULL);

    if (!present)
        return CTL_FAILED;
    JsonObject *body = json_object_new();
    json_object_set_int_member(body, "version", json_object_get_int_member(json_node_get_object(present), "version"));
    ctl_set_text(body, args, "title");
    set_fields(body, args);
    set_invite(body, args, 1);
    set_words(body, args, "uninvite");
    g_autoptr(JsonNode) reply = ctl_call(ctl, "PATCH", path, body);
    return tell_booked(ctl, reply, "changed");
}

int ctl_cmd_meeting_show(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/meetings/%s", args_word(args, 0));
    g_autoptr(JsonNode) reply = ctl_call(ctl, "GET", path, NULL);

    if (!reply)
        return CTL_FAILED;
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return CTL_OK;
    }
    JsonObject *o = json_node_get_object(reply);
    ctl_fields(ctl->out, o,
               "id:Meeting,title:Title,state:State,start_us:Start,end_us:End,room:Room,chair:Chair,secretary:Secretary,technician:Technician,"
               "confidential:Confidential,started_us:Began,ended_us:Ended,forced_because:In spite of clashes,cancelled_because:Called off,changed_by:Changed by");
    ctl_table(ctl->out, json_object_get_array_member(o, "agenda"), "subject:Agenda,who:Who,minutes:Minutes");
    ctl_table(ctl->out, json_object_get_array_member(o, "sites"), "account:Account,name:Site,role:Role");
    return CTL_OK;
}

int ctl_cmd_meeting_cancel(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/meetings/%s/cancel", args_word(args, 0));
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "because", args_option(args, "because") ? args_option(args, "because") : "called off");
    return ctl_do(ctl, "POST", path, body, "Meeting %s is called off.", args_word(args, 0));
}

int ctl_cmd_meeting_start(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/meetings/%s/start", args_word(args, 0));

    return ctl_do(ctl, "POST", path, NULL, "Meeting %s has begun; its sites are being called.", args_word(args, 0));
}

int ctl_cmd_meeting_end(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/meetings/%s/end", args_word(args, 0));

    return ctl_do(ctl, "POST", path, NULL, "Meeting %s is ended for all.\n  next: mediactl meeting attendance %s", args_word(args, 0), args_word(args, 0));
}

int ctl_cmd_meeting_trial(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/meetings/%s/trial", args_word(args, 0));

    if (args_option(args, "start")) {
        JsonObject *body = json_object_new();
        if (args->words->len > 1)
            json_object_set_array_member(body, "sites", words_from(args, 1));
        return ctl_do(ctl, "POST", path, body, "The sites of %s are being checked.\n  next: mediactl meeting trial %s", args_word(args, 0), args_word(args, 0));
    }
    if (args_option(args, "stop"))
        return ctl_do(ctl, "DELETE", path, NULL, "Nobody more is called for %s.", args_word(args, 0));
    return ctl_list(ctl, path, "sites", "name:Site,account:Account,state:State,grade:Grade,text:Likely cause,advice:What to do,attempts:Calls",
                    "No trial was held yet: it begins an hour before the start.\n  next: mediactl meeting trial MEETING --start");
}

int ctl_cmd_meeting_attendance(Ctl *ctl, const Args *args)
{
    bool csv = args_option(args, "csv"), html = args_option(args, "html");
    g_autofree char *bare = ctl_path("/meetings/%s/attendance", args_word(args, 0));
    g_autofree char *path = g_strconcat(bare, csv ? ".csv" : html ? ".html" : "", NULL);

    if (csv || html)
        return ctl_download(ctl, path, args_word(args, 1));
    return ctl_list(ctl, path, "attendees",
                    "name:Name,account:Account,role:Role,invited:Invited,present:Present,first_us:Came,last_us:Left,reconnects:Reconnects,present_s:There (s),"
                    "camera_s:Camera (s),mic_s:Microphone (s),talk_s:Spoke (s),floor_s:Floor (s)",
                    "Nobody was invited, and nobody came.");
}

int ctl_cmd_meeting_links(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/meetings/%s/links", args_word(args, 0));
    const char *guest = args_option(args, "guest"), *revoke = args_option(args, "revoke");

    if (revoke) {
        g_autofree char *one = ctl_path("/meetings/%s/links/%s", args_word(args, 0), revoke);
        return ctl_do(ctl, "DELETE", one, NULL, "Link %s leads nowhere any more.", revoke);
    }
    if (!args_option(args, "make") && !guest)
        return ctl_list(ctl, path, "links", "id:Id,name:For,account:Account,role:Role,created_us:Made,used_us:Used,uses:Uses,revoked_us:Taken back",
                        "No links were made.\n  next: mediactl meeting links MEETING --make");
    JsonObject *body = json_object_new();
    if (args_option(args, "make"))
        json_object_set_boolean_member(body, "all", TRUE);
    if (guest) {
        JsonArray *invitees = json_array_new();
        JsonObject *one = json_object_new();
        json_object_set_string_member(one, "name", guest);
        json_array_add_object_element(invitees, one);
        json_object_set_array_member(body, "invitees", invitees);
    }
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", path, body);
    if (!reply)
        return CTL_FAILED;
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else
        ctl_table(ctl->out, json_object_get_array_member(json_node_get_object(reply), "links"), "name:For,account:Account,link:Link (shown only now)");
    return CTL_OK;
}

int ctl_cmd_meeting_chat(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/meetings/%s/chat", args_word(args, 0));
    const char *text = args_word(args, 1);

    if (!text)
        return ctl_list(ctl, path, "messages", "time_us:Time,from:From,to:To,text:Text", "Nothing was written.");
    JsonObject *body = json_object_new();
    json_object_set_string_member(body, "text", text);
    ctl_set_text(body, args, "to");
    return ctl_do(ctl, "POST", path, body, "Written.");
}

/* --- saved lists --- */

int ctl_cmd_site_lists_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/site-lists", "lists", "name:List,title:Title,n_sites:Sites,changed_us:Changed,changed_by:By",
                    "No lists are saved.\n  next: mediactl site-lists put NAME --title TEXT --areas CODE");
}

int ctl_cmd_site_lists_put(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/site-lists/%s", args_word(args, 0));
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "title", args_option(args, "title") ? args_option(args, "title") : args_word(args, 0));
    set_invite(body, args, 1);
    if (!json_object_has_member(body, "invite")) {
        json_object_unref(body);
        return ctl_fail(ctl, "whom is it for?", "give accounts, or --lists, --areas, --roles");
    }
    return ctl_do(ctl, "PUT", path, body, "List %s is saved.\n  next: mediactl meeting book TITLE --start TIME --lists %s", args_word(args, 0),
                  args_word(args, 0));
}

int ctl_cmd_site_lists_del(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/site-lists/%s", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "List %s is removed.", args_word(args, 0));
}
