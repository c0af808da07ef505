/* SPDX-License-Identifier: GPL-3.0-or-later */
/* setup, login, logout, status, users, audit, events */
#include "mediactl/ctl.h"
#include <string.h>

static const char *text_member(JsonNode *node, const char *name)
{
    return json_object_get_string_member_with_default(json_node_get_object(node), name, "");
}

static int sign_in(Ctl *ctl, const char *user, const char *password)
{
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "user", user);
    json_object_set_string_member(body, "password", password);
    if (ctl->otp)
        json_object_set_string_member(body, "one_time_code", ctl->otp);
    g_clear_pointer(&ctl->token, g_free);
    bool ask = !ctl->otp;
    ctl->quiet_codes = ask;
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/session", body);
    ctl->quiet_codes = false;
    if (!reply && ask && g_strcmp0(ctl_refusal(ctl), "second-factor-needed") == 0) {
        ctl->otp = ctl_ask(ctl, "One-time code: ", false);
        if (ctl->otp)
            return sign_in(ctl, user, password);
        return ctl_fail(ctl, "this account signs in with a one-time code too", "mediactl login --otp CODE; or the code as a line after the password");
    }
    if (!reply || !JSON_NODE_HOLDS_OBJECT(reply))
        return CTL_FAILED;
    ctl->token = g_strdup(text_member(reply, "token"));
    if (!ctl_save(ctl))
        return CTL_FAILED;
    if (ctl->json)
        ctl_print_json(ctl, reply);
    else
        fprintf(ctl->out, "Signed in to %s as %s (%s). Kept in %s.\n", ctl->url, text_member(reply, "user"),
                text_member(reply, "role"), ctl->config_path);
    return CTL_OK;
}

/* An option, or what is typed at the question. */
static char *given(Ctl *ctl, const Args *args, const char *option, const char *question, bool secret)
{
    const char *value = option ? args_option(args, option) : NULL;

    return value ? g_strdup(value) : ctl_ask(ctl, question, secret);
}

int ctl_cmd_setup(Ctl *ctl, const Args *args)
{
    g_autofree char *code = given(ctl, args, "code", "Set-up code (from mediad's log): ", false);
    g_autofree char *user = given(ctl, args, "user", "Name of the first administrator: ", false);
    g_autofree char *password = given(ctl, args, NULL, "Password (10 characters or more): ", true);

    if (!code || !user || !password)
        return ctl_fail(ctl, "code, user and password are needed",
                        "mediactl setup --code CODE --user NAME, the password on standard input");
    JsonObject *body = json_object_new();
    json_object_set_string_member(body, "code", code);
    json_object_set_string_member(body, "user", user);
    json_object_set_string_member(body, "password", password);
    g_clear_pointer(&ctl->token, g_free);
    g_autoptr(JsonNode) reply = ctl_call(ctl, "POST", "/setup", body);
    if (!reply)
        return CTL_FAILED;
    int status = sign_in(ctl, user, password);
    if (status == CTL_OK && !ctl->json)
        fprintf(ctl->out, "  next: mediactl otp enrol (accounts are changed with a one-time code); mediactl users add NAME --role operator; mediactl rooms add NAME; mediactl accounts add NAME\n");
    return status;
}

int ctl_cmd_login(Ctl *ctl, const Args *args)
{
    g_autofree char *user = given(ctl, args, "user", "User: ", false);
    g_autofree char *password = user ? given(ctl, args, NULL, "Password: ", true) : NULL;

    if (!user || !password)
        return ctl_fail(ctl, "user and password are needed", "mediactl login --user NAME, the password on standard input");
    return sign_in(ctl, user, password);
}

int ctl_cmd_logout(Ctl *ctl, const Args *args)
{
    int status = ctl_do(ctl, "DELETE", "/session", NULL, "Signed out of %s.", ctl->url);

    g_clear_pointer(&ctl->token, g_free);
    return ctl_save(ctl) ? status : CTL_FAILED;
}

int ctl_cmd_status(Ctl *ctl, const Args *args)
{
    g_autoptr(JsonNode) reply = ctl_call(ctl, "GET", "/status", NULL);

    if (!reply)
        return CTL_FAILED;
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return CTL_OK;
    }
    JsonObject *o = json_node_get_object(reply);
    ctl_fields(ctl->out, o, "version:Version,uptime_s:Up (s),rooms:Rooms,members:Members,calls:Calls,accounts:Accounts,"
                            "registrations:Registered,workers:Workers,memory_kib:Memory (KiB)");
    if (json_object_has_member(o, "listeners")) {
        fputc('\n', ctl->out);
        ctl_table(ctl->out, json_object_get_array_member(o, "listeners"), "kind:Listener,address:Address");
    }
    return CTL_OK;
}

int ctl_cmd_users_list(Ctl *ctl, const Args *args)
{
    return ctl_list(ctl, "/users", "users", "name:User,role:Role,area:Area,vendor:Vendor,second_factor:2nd factor,disabled:Disabled", "No users.");
}

int ctl_cmd_users_add(Ctl *ctl, const Args *args)
{
    const char *name = args_word(args, 0), *role = args_option(args, "role"), *area = args_option(args, "area");
    g_autofree char *password = ctl_ask(ctl, "Password for the new user (10 characters or more): ", true);
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "name", name);
    json_object_set_string_member(body, "role", role ? role : "viewer");
    if (area)
        json_object_set_string_member(body, "area", area);
    if (args_option(args, "vendor"))
        json_object_set_string_member(body, "vendor", args_option(args, "vendor"));
    json_object_set_string_member(body, "password", password ? password : "");
    return ctl_do(ctl, "POST", "/users", body, "%s may sign in as %s.", name, role ? role : "viewer");
}

int ctl_cmd_users_change(Ctl *ctl, const Args *args)
{
    static const char *const fields[] = {"role", "area", "vendor"};
    g_autofree char *path = ctl_path("/users/%s", args_word(args, 0));
    JsonObject *body = json_object_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++)
        if (args_option(args, fields[i]))
            json_object_set_string_member(body, fields[i], args_option(args, fields[i]));
    if (args_option(args, "disable") || args_option(args, "enable"))
        json_object_set_boolean_member(body, "disabled", args_option(args, "disable") != NULL);
    return ctl_do(ctl, "PATCH", path, body, "%s is changed and must sign in again.", args_word(args, 0));
}

int ctl_cmd_users_del(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/users/%s", args_word(args, 0));

    return ctl_do(ctl, "DELETE", path, NULL, "%s is removed.", args_word(args, 0));
}

int ctl_cmd_users_password(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/users/%s", args_word(args, 0));
    g_autofree char *password = ctl_ask(ctl, "New password: ", true);
    JsonObject *body = json_object_new();

    json_object_set_string_member(body, "password", password ? password : "");
    return ctl_do(ctl, "PATCH", path, body, "%s has a new password and must sign in again.", args_word(args, 0));
}

int ctl_cmd_audit(Ctl *ctl, const Args *args)
{
    const char *limit = args_option(args, "limit"), *who = args_option(args, "who"), *what = args_option(args, "what");
    g_autofree char *by_who = who ? ctl_path("&who=%s", who) : NULL, *by_what = what ? ctl_path("&what=%s", what) : NULL;
    g_autofree char *first = ctl_path("/audit?limit=%s", limit ? limit : "50");
    g_autofree char *path = g_strconcat(first, args_option(args, "failed") ? "&failed=true" : "", by_who ? by_who : "", by_what, NULL);

    if (args_option(args, "verify"))
        return ctl_cmd_audit_verify(ctl, args);
    return ctl_list(ctl, path, "rows", "time_us:Time,who:Who,source:From,what:What,status:Result,detail:Detail",
                    "Nothing was changed yet.");
}

/* --- events --- */

typedef struct Listening {
    Ctl *ctl;
    SoupWebsocketConnection *connection;
    GError *error;
    bool connected, closed;
} Listening;

static void on_event(SoupWebsocketConnection *connection, gint type, GBytes *bytes, gpointer user)
{
    Listening *l = user;
    gsize size;
    const char *text = g_bytes_get_data(bytes, &size);

    fprintf(l->ctl->out, "%.*s\n", (int)size, text);
    fflush(l->ctl->out);
}

static void on_closed(SoupWebsocketConnection *connection, gpointer user)
{
    ((Listening *)user)->closed = true;
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer user)
{
    Listening *l = user;

    l->connection = soup_session_websocket_connect_finish(SOUP_SESSION(source), result, &l->error);
    l->connected = true;
}

int ctl_cmd_events(Ctl *ctl, const Args *args)
{
    static char *protocols[] = {(char *)"mediad.events", NULL};
    Listening l = {.ctl = ctl};

    /* an ordinary call first: it tells what is wrong with address, certificate or sign-in */
    g_autoptr(JsonNode) me = ctl_call(ctl, "GET", "/session", NULL);
    if (!me)
        return CTL_FAILED;
    g_autofree char *rest = g_strconcat(strchr(ctl->url, ':'), "/api/v1/events", NULL);
    g_autofree char *url = g_strconcat(g_str_has_prefix(ctl->url, "https") ? "wss" : "ws", rest, NULL);
    g_autoptr(SoupMessage) message = soup_message_new("GET", url);
    g_autofree char *value = g_strconcat("Bearer ", ctl->token, NULL);
    soup_message_headers_replace(soup_message_get_request_headers(message), "Authorization", value);
    soup_session_websocket_connect_async(ctl->session, message, NULL, protocols, G_PRIORITY_DEFAULT, NULL, on_connected, &l);
    while (!l.connected)
        g_main_context_iteration(ctl->context, TRUE);
    if (l.error) {
        int status = ctl_fail(ctl, l.error->message, "mediactl login");
        g_error_free(l.error);
        return status;
    }
    g_signal_connect(l.connection, "message", G_CALLBACK(on_event), &l);
    g_signal_connect(l.connection, "closed", G_CALLBACK(on_closed), &l);
    while (!l.closed)
        g_main_context_iteration(ctl->context, TRUE);
    g_object_unref(l.connection);
    return ctl_fail(ctl, "the server closed the connection", "mediactl status");
}
