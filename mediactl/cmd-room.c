/* SPDX-License-Identifier: GPL-3.0-or-later */
/* accounts, registrations, rooms, members and what is done to them */
#include "mediactl/ctl.h"
#include <string.h>

static void set_flag(JsonObject *body, const Args *args, const char *option)
{
    g_autofree char *member = g_strdelimit(g_strdup(option), "-", '_');

    if (args_option(args, option))
        json_object_set_boolean_member(body, member, TRUE);
}

/* --- SIP accounts --- */

int ctl_cmd_accounts_list(Ctl *ctl, const Args *args)
{
    const char *kind = args_option(args, "kind");
    g_autofree char *path = kind ? ctl_path("/accounts?kind=%s", kind) : g_strdup("/accounts");

    return ctl_list(ctl, path, "accounts",
                    "name:Account,display:Name,kind:Kind,role:Role,area:Area,registered:Registered,disabled:Disabled",
                    "No SIP accounts yet.\n  next: mediactl accounts add NAME --display \"…\"");
}

static int tell_password(Ctl *ctl, JsonNode *reply)
{
    if (!reply)
        return CTL_FAILED;
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return CTL_OK;
    }
    JsonObject *o = json_node_get_object(reply);
    const char *name = json_object_get_string_member(o, "name");
    const char *password = json_object_get_string_member_with_default(o, "password", NULL);
    fprintf(ctl->out, "Account %s is ready.\n", name);
    if (password)
        fprintf(ctl->out, "Password: %s\n  It is shown only now. next: enter it in the device, then: mediactl registrations %s\n",
                password, name);
    return CTL_OK;
}

int ctl_cmd_accounts_add(Ctl *ctl, const Args *args)
{
    static const char *const options[] = {"display", "kind", "role", "area", "security", "digests"};
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "name", args_word(args, 0));
    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++)
        ctl_set_text(body, args, options[i]);
    if (args_option(args, "password-stdin")) {
        g_autofree char *password = ctl_ask(ctl, "Password of the account: ", true);
        json_object_set_string_member(body, "password", password ? password : "");
    }
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/accounts", body);
    return tell_password(ctl, reply);
}

int ctl_cmd_accounts_reset(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/accounts/%s/reset", args_word(args, 0));
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", path, json_object_new());

    return tell_password(ctl, reply);
}

int ctl_cmd_accounts_del(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/accounts/%s", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "Account %s is removed; its devices are signed out.", args_word(args, 0));
}

int ctl_cmd_registrations(Ctl *ctl, const Args *args)
{
    const char *account = args_word(args, 0);
    g_autofree char *path = account ? ctl_path("/registrations?account=%s", account) : g_strdup("/registrations");

    return ctl_list(ctl, path, "registrations",
                    "account:Account,source:From,transport:Transport,user_agent:Device,registered_us:Since,expires_us:Until,alive:Alive",
                    "Nobody is registered.\n  next: check the device's server address, user and password; mediad's log says who was refused");
}

int ctl_cmd_sources_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/sources", "sources",
                    "source:Source,banned:Banned,banned_for_s:For (s),reason:Last offence,known_device:Our device,dropped:Dropped",
                    "Nobody gave offence.");
}

int ctl_cmd_sources_forgive(Ctl *ctl, const Args *args)
{
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "source", args_word(args, 0));
    return ctl_do(ctl, "POST", "/sources/forgive", body, "%s may call again.", args_word(args, 0));
}

/* --- rooms --- */

int ctl_cmd_rooms_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/rooms", "rooms", "name:Room,title:Title,members:Members,layout:Layout,locked:Locked,waiting_for_chair:Waiting",
                    "No rooms yet.\n  next: mediactl rooms add NAME --title \"…\"");
}

int ctl_cmd_rooms_add(Ctl *ctl, const Args *args)
{
    static const char *const options[] = {"title", "pin", "chair-pin", "layout", "security", "language"};
    static const char *const flags[] = {"wait-for-chair", "mute-on-entry", "temporary", "lobby"};
    JsonObject *body = json_object_new();
    const char *max = args_option(args, "max-members");

    json_object_set_string_member(body, "name", args_word(args, 0));
    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++)
        ctl_set_text(body, args, options[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++)
        set_flag(body, args, flags[i]);
    if (max)
        json_object_set_int_member(body, "max_members", g_ascii_strtoll(max, NULL, 10));
    return ctl_do(ctl, "POST", "/rooms", body, "Room %s is open.\n  next: sites call sip:%s@DOMAIN, or: mediactl dial %s ACCOUNT…",
                  args_word(args, 0), args_word(args, 0), args_word(args, 0));
}

int ctl_cmd_rooms_del(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "Room %s is removed.", args_word(args, 0));
}

int ctl_cmd_rooms_show(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s", args_word(args, 0));

    return ctl_show(ctl, path,
                    "name:Room,title:Title,members:Members,layout:Layout,locked:Locked,waiting_for_chair:Waiting for chair,"
                    "muted_all:All muted,audio.ticks:Audio ticks,audio.ticks_late:Late,audio.encodes:Encodes,"
                    "video.frames_decoded:Pictures decoded,video.frames_composed:Composed,video.frames_encoded:Encoded");
}

static int set_lock(Ctl *ctl, const Args *args, bool locked)
{
    g_autofree char *path = ctl_path("/rooms/%s/lock", args_word(args, 0));
    JsonObject *body = json_object_new();

    json_object_set_boolean_member(body, "locked", locked);
    return ctl_do(ctl, "PUT", path, body, locked ? "Room %s is locked: nobody new comes in." : "Room %s is open again.",
                  args_word(args, 0));
}

int ctl_cmd_rooms_lock(Ctl *ctl, const Args *args)
{
    return set_lock(ctl, args, true);
}

int ctl_cmd_rooms_unlock(Ctl *ctl, const Args *args)
{
    return set_lock(ctl, args, false);
}

int ctl_cmd_rooms_end(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/end", args_word(args, 0));

    return ctl_do(ctl, "POST", path, NULL, "The meeting in %s is ended for all.", args_word(args, 0));
}

/* --- members --- */

int ctl_cmd_members(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/members", args_word(args, 0));
    g_autofree char *empty = g_strdup_printf("Nobody is in %s.\n  next: mediactl dial %s ACCOUNT…", args_word(args, 0), args_word(args, 0));

    if (args_option(args, "stats"))
        return ctl_list(ctl, path, "members",
                        "name:Name,media.audio:Audio,media.video:Video,stats.audio_in_bps:Audio in,stats.audio_out_bps:Audio out,"
                        "stats.video_in_bps:Video in,stats.video_out_bps:Video out,stats.audio_loss_percent:Loss %,"
                        "stats.audio_jitter_us:Jitter,stats.audio_delay_us:Delay,stats.round_trip_us:Round trip,"
                        "stats.video_frozen_ms:Frozen ms,media.remote:From",
                        empty);
    return ctl_list(ctl, path, "members",
                    "id:Id,name:Name,account:Account,role:Role,talking:Talks,muted:Muted,in_lobby:Lobby,media.audio:Audio,"
                    "media.video:Video,media.security:Security,joined_us:Since",
                    empty);
}

static bool member_matches(JsonObject *m, const char *who)
{
    static const char *const fields[] = {"id", "account", "name"};

    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++)
        if (g_strcmp0(json_object_get_string_member_with_default(m, fields[i], NULL), who) == 0)
            return true;
    return false;
}

/* A member by id, account or name; more than one of that name: told and refused. */
char *ctl_member_path(Ctl *ctl, const char *room, const char *who)
{
    g_autofree char *path = ctl_path("/rooms/%s/members", room);
    g_autoptr(JsonNode) reply = ctl_call(ctl, "GET", path, NULL);
    char *found = NULL;

    if (!reply)
        return NULL;
    JsonArray *all = json_object_get_array_member(json_node_get_object(reply), "members");
    for (guint i = 0; i < json_array_get_length(all); i++) {
        JsonObject *m = json_array_get_object_element(all, i);
        const char *id = json_object_get_string_member(m, "id");
        if (!member_matches(m, who))
            continue;
        if (found && g_strcmp0(id, who) != 0) {
            g_free(found);
            ctl_fail(ctl, "more than one member is called that", "use the id: mediactl members ROOM");
            return NULL;
        }
        g_free(found);
        found = ctl_path("/rooms/%s/members/%s", room, id);
    }
    if (!found) {
        g_autofree char *what = g_strdup_printf("'%s' is not in room %s", who, room);
        g_autofree char *next = g_strdup_printf("mediactl members %s", room);
        ctl_fail(ctl, what, next);
    }
    return found;
}

int ctl_cmd_rooms_content(Ctl *ctl, const Args *args)
{
    const char *room = args_word(args, 0), *what = args_word(args, 1), *who = args->words->len > 2 ? args_word(args, 2) : NULL;
    bool start = g_str_equal(what, "start");

    if (start != (who != NULL) || (!start && !g_str_equal(what, "stop")))
        return ctl_fail(ctl, "say start and a member, or stop", "mediactl rooms content ROOM start MEMBER|stop"), CTL_USAGE;
    g_autofree char *path = ctl_path("/rooms/%s/content/%s", room, what);
    if (!start)
        return ctl_do(ctl, "POST", path, NULL, "Nobody presents in %s any more.", room);
    g_autofree char *member = ctl_member_path(ctl, room, who);
    if (!member)
        return CTL_FAILED;
    JsonObject *body = json_object_new();
    json_object_set_string_member(body, "member", strrchr(member, '/') + 1);
    return ctl_do(ctl, "POST", path, body, "%s presents in %s.", who, room);
}

static int mute(Ctl *ctl, const Args *args, bool muted)
{
    const char *room = args_word(args, 0), *who = args_word(args, 1);
    bool all = g_str_equal(who, "all"), but_chair = g_str_equal(who, "all-but-chair");
    JsonObject *body = json_object_new();

    json_object_set_boolean_member(body, "muted", muted);
    if (but_chair)
        json_object_set_boolean_member(body, "except_chair", TRUE);
    if (all || but_chair) {
        g_autofree char *path = ctl_path("/rooms/%s/mute", room);
        return ctl_do(ctl, "PUT", path, body, "%s in %s: microphones %s.", but_chair ? "Everybody but the chair" : "Everybody", room,
                      muted ? "off" : "on");
    }
    g_autofree char *path = ctl_member_path(ctl, room, who);
    if (!path) {
        json_object_unref(body);
        return CTL_FAILED;
    }
    return ctl_do(ctl, "PATCH", path, body, "%s in %s: microphone %s.", who, room, muted ? "off" : "on");
}

int ctl_cmd_mute(Ctl *ctl, const Args *args)
{
    return mute(ctl, args, true);
}

int ctl_cmd_unmute(Ctl *ctl, const Args *args)
{
    return mute(ctl, args, false);
}

int ctl_cmd_kick(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_member_path(ctl, args_word(args, 0), args_word(args, 1));

    return path ? ctl_do(ctl, "DELETE", path, NULL, "%s is out of %s.", args_word(args, 1), args_word(args, 0)) : CTL_FAILED;
}

int ctl_cmd_admit(Ctl *ctl, const Args *args)
{
    g_autofree char *member = ctl_member_path(ctl, args_word(args, 0), args_word(args, 1));
    g_autofree char *path = member ? g_strconcat(member, "/admit", NULL) : NULL;

    return path ? ctl_do(ctl, "POST", path, NULL, "%s is let in.", args_word(args, 1)) : CTL_FAILED;
}

int ctl_cmd_role(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_member_path(ctl, args_word(args, 0), args_word(args, 1));
    JsonObject *body = path ? json_object_new() : NULL;

    if (!path)
        return CTL_FAILED;
    json_object_set_string_member(body, "role", args_word(args, 2));
    return ctl_do(ctl, "PATCH", path, body, "%s is %s now.", args_word(args, 1), args_word(args, 2));
}

int ctl_cmd_dial(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/dials", args_word(args, 0));
    JsonObject *body = json_object_new();
    JsonArray *targets = json_array_new();

    for (unsigned i = 1; i < args->words->len; i++)
        json_array_add_string_element(targets, args_word(args, i));
    json_object_set_array_member(body, "targets", targets);
    ctl_set_text(body, args, "role");
    set_flag(body, args, "redial");
    return ctl_do(ctl, "POST", path, body, "Calling %u into %s.\n  next: mediactl dials %s", args->words->len - 1,
                  args_word(args, 0), args_word(args, 0));
}

int ctl_cmd_dials(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/dials", args_word(args, 0));

    return ctl_list(ctl, path, "dials", "target:Target,role:Role,state:State,attempts:Attempts,last_code:Last answer,redial:Redial",
                    "Nobody is being called.");
}

int ctl_cmd_undial(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/rooms/%s/dials/%s", args_word(args, 0), args_word(args, 1));

    return ctl_do(ctl, "DELETE", path, NULL, "%s is not called any more.", args_word(args, 1));
}
