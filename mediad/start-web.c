/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Browsers at the door: who it is (session, join code, PIN), where it goes, what it may see and do there. */
#include <string.h>
#include "mediad/api/nouns.h"
#include "mediad/api/socket.h"
#include "mediad/conference/pin-guard.h"
#include "mediad/daemon.h"
#include "mediad/web-door.h"
#include "mediad/web/turn.h"
#include "mediad/web/web.h"

/* --- the connection --- */

static void wire_send(void *impl, const char *text)
{
    md_api_socket_send(impl, text);
}

static void wire_close(void *impl, unsigned code, const char *reason)
{
    md_api_socket_close(impl, code, reason);
}

static void on_open(MdApiSocket *socket, void *user)
{
    static const MdWebWire wire = {wire_send, wire_close};
    MdDaemon *daemon = user;
    const MdWebIdentity who = {.account = md_api_socket_user(socket),
                               .host = md_api_socket_source(socket),
                               .user_agent = md_api_socket_agent(socket),
                               .secure = md_api_socket_secure(socket),
                               .rights = md_api_socket_rights(socket)};
    md_api_socket_set_data(socket, md_web_connect(daemon->web_door->web, &wire, socket, &who));
}

static void on_text(MdApiSocket *socket, const char *text, gsize len, void *user)
{
    md_web_receive(md_api_socket_data(socket), text, len);
}

static void on_closed(MdApiSocket *socket, bool signed_out, void *user)
{
    md_web_disconnected(md_api_socket_data(socket), signed_out);
}

static MdApiSocketPlace place = {.path = "/join", .protocol = "mediad.join.1", .guests = true, .message_max = MD_WEB_FRAME_MAX,
                                 .summary = "WebSocket of a browser in a meeting: a hello with room, code, PIN or the seat to go on with, then its "
                                            "offer and candidates, what it does and what it is told (docs/join-protocol.md).",
                                 .on_open = on_open, .on_text = on_text, .on_closed = on_closed};

/* --- what is told --- */

/* Those who look after a meeting see more of it than those who sit in it. */
static bool looks_after(MdRole role)
{
    return role >= MD_ROLE_TECHNICIAN;
}

static void tell_state(MdDaemon *daemon, MdCall *call, MdRoom *room, const char *member)
{
    g_autoptr(JsonObject) state = json_object_new();
    MdRoomInfo info;
    md_room_info(room, &info);
    md_event_feed_flush(daemon->events, info.name); /* what it is told next is newer than this, not older */
    json_object_set_string_member(state, "type", "state");
    json_object_set_object_member(state, "room", md_api_room_object(room));
    json_object_set_array_member(state, "members", md_api_member_array(room, looks_after(md_room_member_role(room, member))));
    json_object_set_object_member(state, "floor", md_room_floor(room));
    json_object_set_array_member(state, "votes", md_room_votes(room));
    json_object_set_member(state, "content", md_api_content_json(room));
    json_object_set_array_member(state, "channels", md_room_channels(room));
    json_object_set_array_member(state, "may", md_api_may_array(md_room_member_role(room, member)));
    md_web_tell(daemon->web_door->web, call, state);
}

/* Where it stands: inside it is told everything, outside that it waits; before that nothing. */
static void tell_where(MdDaemon *daemon, MdCall *call, MdRoom *room, const char *member)
{
    if (md_room_may(room, member, MD_ACTION_CHAT, NULL)) {
        tell_state(daemon, call, room, member);
        return;
    }
    g_autoptr(GPtrArray) members = md_room_members(room);
    for (guint i = 0; i < members->len; i++) {
        const MdMemberInfo *info = members->pdata[i];
        if (strcmp(info->id, member) != 0 || !info->in_lobby)
            continue;
        g_autoptr(JsonObject) object = json_object_new();
        json_object_set_string_member(object, "type", "lobby");
        md_web_tell(daemon->web_door->web, call, object);
        return;
    }
}

static bool may_see(MdRole role, const char *type)
{
    static const char *const inner[] = {"dial.", "member.pin-failed", "member.lobby", "member.gain", "member.deaf", "trial."};
    if (looks_after(role))
        return true;
    for (unsigned i = 0; i < G_N_ELEMENTS(inner); i++)
        if (g_str_has_prefix(type, inner[i]))
            return false;
    return true;
}

typedef struct Told {
    MdDaemon *daemon;
    const MdEvent *event;
} Told;

/* Its own way through the door. */
static void tell_own(const Told *told, MdCall *call, const MdCallSeat *seat)
{
    const MdEvent *event = told->event;
    bool lobby = strcmp(event->type, "member.lobby") == 0, joined = strcmp(event->type, "member.joined") == 0;
    if (g_strcmp0(event->member, seat->member) != 0 || (!lobby && !joined))
        return;
    g_autoptr(JsonObject) object = json_object_new();
    json_object_set_string_member(object, "type", lobby ? "lobby" : "admitted");
    md_web_tell(told->daemon->web_door->web, call, object);
    if (joined)
        tell_state(told->daemon, call, seat->room, seat->member);
}

static MdWebView view_of(MdCall *call, void *user)
{
    const Told *told = user;
    const MdEvent *event = told->event;
    MdCallSeat seat;
    if (!md_conference_seat_of(told->daemon->conference, call, &seat))
        return MD_WEB_VIEW_NONE;
    tell_own(told, call, &seat);
    if (strcmp(event->type, "view.changed") == 0 && g_strcmp0(event->member, seat.member) != 0 && !looks_after(seat.role))
        return MD_WEB_VIEW_NONE; /* what one is sent is of no concern to the others */
    if (!seat.in || !may_see(seat.role, event->type)) /* who waits outside hears nothing of what happens inside */
        return MD_WEB_VIEW_NONE;
    return looks_after(seat.role) ? MD_WEB_VIEW_STAFF : MD_WEB_VIEW_SITE;
}

/* It may do other things from now on. */
static void tell_new_role(MdCall *call, void *user)
{
    const Told *told = user;
    MdCallSeat seat;
    if (md_conference_seat_of(told->daemon->conference, call, &seat) && seat.in && g_strcmp0(told->event->member, seat.member) == 0)
        tell_state(told->daemon, call, seat.room, seat.member);
}

void md_web_event(MdDaemon *daemon, const MdEvent *event)
{
    Told told = {.daemon = daemon, .event = event};
    if (!daemon->web_door)
        return;
    md_web_share(daemon->web_door->web, event->room, event->type, event->data, view_of, &told);
    if (strcmp(event->type, "member.role") == 0)
        md_web_each(daemon->web_door->web, event->room, tell_new_role, &told);
}

typedef struct ToldChat {
    MdDaemon *daemon;
    const MdChatMessage *message;
} ToldChat;

static void tell_chat(MdCall *call, void *user)
{
    const ToldChat *told = user;
    const MdChatMessage *m = told->message;
    MdRoom *room = NULL;
    const char *member = NULL;
    if (!md_conference_find_call(told->daemon->conference, call, &room, &member))
        return;
    bool own = g_strcmp0(m->member, member) == 0;
    if (!md_room_may(room, member, strcmp(m->to, "all") == 0 ? MD_ACTION_CHAT : MD_ACTION_READ_SECRETARY, NULL) && !own)
        return;
    g_autoptr(JsonObject) object = json_object_new();
    json_object_set_string_member(object, "type", "chat");
    if (m->member)
        json_object_set_string_member(object, "from", m->member);
    json_object_set_string_member(object, "name", m->name ? m->name : "");
    json_object_set_string_member(object, "to", m->to);
    json_object_set_string_member(object, "text", m->text);
    json_object_set_int_member(object, "time", m->time_us);
    md_web_tell(told->daemon->web_door->web, call, object);
}

static void on_chat(const MdChatMessage *message, void *user)
{
    MdDaemon *daemon = user;
    ToldChat told = {daemon, message};
    if (daemon->web_door && message->room)
        md_web_each(daemon->web_door->web, message->room, tell_chat, &told);
}

/* --- coming in --- */

/* TURN's credentials last for a while: a page that stays longer asks for new ones before it needs them. */
static void add_ice_servers(MdDaemon *daemon, const char *member, JsonObject *object)
{
    const CfgWeb *web = &daemon->settings->web;
    const MdWebTurn turn = {.stun = (const char *const *)web->stun, .turn = (const char *const *)web->turn,
                            .secret = daemon->web_door->turn_secret, .lifetime_s = web->turn_lifetime_s};
    json_object_set_array_member(object, "ice_servers", md_web_ice_servers(&turn, member, g_get_real_time()));
    if (turn.turn && turn.secret)
        json_object_set_int_member(object, "ice_ttl_s", web->turn_lifetime_s);
}

static void tell_ice_servers(MdDaemon *daemon, MdCall *call, const char *member)
{
    g_autoptr(JsonObject) object = json_object_new();
    json_object_set_string_member(object, "type", "ice-servers");
    add_ice_servers(daemon, member, object);
    md_web_tell(daemon->web_door->web, call, object);
}

static JsonObject *welcome_of(MdDaemon *daemon, MdRoom *room, const char *member)
{
    JsonObject *welcome = json_object_new();
    json_object_set_string_member(welcome, "member", member);
    json_object_set_object_member(welcome, "room", md_api_room_object(room));
    json_object_set_string_member(welcome, "role", md_role_to_string(md_room_member_role(room, member)));
    json_object_set_array_member(welcome, "may", md_api_may_array(md_room_member_role(room, member)));
    add_ice_servers(daemon, member, welcome);
    return welcome;
}

typedef struct Wish {
    MdDaemon *daemon;
    MdWebPeer *peer;
    char *name, *pin, *room, *host;
    char *seat;                /* of this browser, as calls have it */
    unsigned rights;
} Wish;

static void wish_free(Wish *wish)
{
    md_web_peer_unref(wish->peer);
    g_free(wish->name);
    g_free(wish->pin);
    g_free(wish->room);
    g_free(wish->host);
    g_free(wish->seat);
    g_free(wish);
}

static void admit(Wish *wish, const MdWebSeatSpec *seat, const MdAdmission *admission)
{
    MdDaemon *daemon = wish->daemon;
    g_autoptr(MdCall) call = md_web_take(wish->peer, seat);
    if (!call)
        return;
    const char *member = md_conference_admit_call(daemon->conference, call, admission);
    MdRoom *room = NULL;
    if (member && md_conference_find_call(daemon->conference, call, &room, NULL)) {
        JsonObject *welcome = welcome_of(daemon, room, member);
        json_object_set_string_member(welcome, "role", md_role_to_string(admission->role));
        json_object_set_array_member(welcome, "may", md_api_may_array(admission->role));
        md_web_welcome(wish->peer, welcome);
    }
}

/* False: it was told what is missing. */
static bool past_pin(Wish *wish, MdRoom *room, MdRole *role)
{
    const char *account = md_web_peer_identity(wish->peer)->account;
    const MdCallInfo who = {.account = (char *)(uintptr_t)account, .peer_host = wish->host, .seat = wish->seat};
    switch (md_room_try_pin(room, &who, *role, wish->pin)) {
    case MD_PIN_CHAIR:
        *role = MD_ROLE_CHAIR;
        return true;
    case MD_PIN_RIGHT:
    case MD_PIN_NOT_NEEDED:
        return true;
    case MD_PIN_MISSING:
        md_web_ask(wish->peer, "pin", "this meeting asks for its PIN");
        return false;
    case MD_PIN_BLOCKED:
        md_web_refuse(wish->peer, "too-many-tries", "too many wrong PINs: none is taken for ten minutes");
        return false;
    default:
        md_web_refuse(wish->peer, "wrong-pin", "the PIN is wrong");
        return false;
    }
}

/* Without an invitation: an account, or a guest where a PIN or a lobby stands before the room. */
static void come_by_name(Wish *wish)
{
    MdDaemon *daemon = wish->daemon;
    const char *account = md_web_peer_identity(wish->peer)->account;
    MdRoom *room = wish->room ? md_conference_find_room(daemon->conference, wish->room) : NULL;
    bool refused = false;
    MdRoomInfo info = {0};
    MdRole role = !account ? MD_ROLE_GUEST : wish->rights & MD_API_MAY_OPERATE ? MD_ROLE_OPERATOR : MD_ROLE_SITE;
    if (!room) {
        md_web_refuse(wish->peer, "room-not-found", "there is no such meeting now");
        return;
    }
    md_room_info(room, &info);
    if (daemon->meetings)
        role = md_meetings_role(daemon->meetings, wish->room, account, role, &refused);
    if (refused)
        md_web_refuse(wish->peer, "not-invited", "this meeting is for those invited to it");
    else if (!account && (!daemon->settings->web.guests || !(info.has_pin || info.lobby)))
        md_web_refuse(wish->peer, "sign-in-needed", "guests need a link to this meeting, or an account");
    else if (!account && (!wish->name || !*wish->name))
        md_web_ask(wish->peer, "name", "say who is coming");
    else if (past_pin(wish, room, &role))
        admit(wish, &(MdWebSeatSpec){.room = wish->room, .name = wish->name, .account = account, .authenticated = account != NULL},
              &(MdAdmission){.role = role, .past_pin = true});
}

static void on_code(const MdMeetingCode *code, const GError *error, void *user)
{
    Wish *wish = user;
    MdDaemon *daemon = wish->daemon;
    const MdCallInfo who = {.peer_host = wish->host};
    if (!md_web_peer_is_open(wish->peer) || !daemon->web_door) {
        wish_free(wish);
        return;
    }
    if (!code && g_error_matches(error, MD_MEETING_ERROR, MD_MEETING_ERROR_EARLY)) { /* a good code: nobody guesses here */
        md_web_refuse(wish->peer, "too-early", error->message);
    } else if (!code) {
        md_pin_guard_wrong(daemon->web_door->codes, &who, g_get_monotonic_time());
        md_web_refuse(wish->peer, "wrong-code", error ? error->message : "the code is not good");
    } else {
        const char *name = wish->name && *wish->name ? wish->name : code->name;
        admit(wish, &(MdWebSeatSpec){.room = code->room, .name = name, .account = code->account && *code->account ? code->account : NULL},
              &(MdAdmission){.role = code->role, .past_pin = true, .past_lobby = code->past_lobby});
    }
    wish_free(wish);
}

static void on_hello(MdWebPeer *peer, const MdWebHello *hello, void *user)
{
    MdDaemon *daemon = user;
    const MdWebIdentity *identity = md_web_peer_identity(peer);
    const MdCallInfo who = {.peer_host = (char *)(uintptr_t)identity->host};
    if (daemon->draining) {
        md_web_refuse(peer, "unavailable", "the server is ending");
        return;
    }
    Wish *wish = g_new0(Wish, 1);
    wish->daemon = daemon;
    wish->peer = md_web_peer_ref(peer);
    wish->name = hello->name ? g_strstrip(g_strdup(hello->name)) : NULL;
    wish->pin = g_strdup(hello->pin);
    wish->room = hello->room ? g_ascii_strdown(hello->room, -1) : NULL;
    wish->host = g_strdup(identity->host);
    wish->seat = g_compute_checksum_for_string(G_CHECKSUM_SHA256, hello->browser, -1);
    wish->rights = identity->rights;
    if (hello->code && daemon->meetings && !md_pin_guard_blocked(daemon->web_door->codes, &who, g_get_monotonic_time())) {
        md_meetings_use_code(daemon->meetings, hello->code, hello->browser, on_code, wish);
        return;
    }
    if (hello->code)
        md_web_refuse(peer, "too-many-tries", "too many wrong codes: none is taken for ten minutes");
    else
        come_by_name(wish);
    wish_free(wish);
}

static bool on_resume(MdWebPeer *peer, MdCall *old, MdCall *call, bool keep_media, void *user)
{
    MdDaemon *daemon = user;
    const char *member = md_conference_resume_call(daemon->conference, old, call, keep_media);
    MdRoom *room = NULL;
    if (!member || !md_conference_find_call(daemon->conference, call, &room, NULL))
        return false;
    JsonObject *welcome = welcome_of(daemon, room, member);
    json_object_set_boolean_member(welcome, "resumed", TRUE);
    md_web_welcome(peer, welcome);
    tell_where(daemon, call, room, member);
    return true;
}

/* --- what it does in the room --- */

static bool choose_view(MdRoom *room, const char *member, const MdWebFrame *frame, GError **error)
{
    if (!md_room_may(room, member, MD_ACTION_OWN_LAYOUT, error))
        return false;
    if (!frame->layout)
        return md_room_clear_view(room, member, false, error);
    return md_room_set_view(room, member, false, md_layout_from_string(frame->layout), frame->has_seats ? frame->seats : NULL, error);
}

static bool act(MdDaemon *daemon, MdRoom *room, const char *member, const MdWebFrame *frame, GError **error)
{
    MdRoomInfo info;
    switch (frame->type) {
    case MD_WEB_MUTE:
        return (frame->on || (md_room_may(room, member, MD_ACTION_UNMUTE_SELF, error) && md_room_take_switch(room, member, error))) &&
               md_room_mute_self(room, member, frame->on, error);
    case MD_WEB_VIDEO:
        return (frame->on || md_room_take_switch(room, member, error)) && md_room_hide_self(room, member, frame->on, error);
    case MD_WEB_HAND:
        return md_room_may(room, member, MD_ACTION_HAND, error) && (!frame->on || md_room_take_switch(room, member, error)) &&
               md_room_raise_hand(room, member, frame->on, error);
    case MD_WEB_FLOOR_DONE:
        return md_room_floor_done(room, member, error);
    case MD_WEB_VOTE:
        return md_room_vote_cast(room, frame->vote, member, frame->choice, error);
    case MD_WEB_SHARE:
        return frame->on ? md_room_content_start(room, member, error) : md_room_content_stop(room, member, error);
    case MD_WEB_VIEW:
        if (json_object_has_member(frame->object, "streams") && !md_room_set_member_streams(room, member, frame->streams, frame->height, error))
            return false;
        return !frame->has_layout || choose_view(room, member, frame, error);
    case MD_WEB_CHANNEL:
        return md_room_may(room, member, MD_ACTION_OWN_LAYOUT, error) && md_room_hear_channel(room, member, frame->channel, error);
    case MD_WEB_CHAT:
        md_room_info(room, &info);
        return !daemon->meetings || md_meetings_chat(daemon->meetings, info.name, member, NULL, NULL, frame->to ? frame->to : "all", frame->text, error);
    default:
        return true;
    }
}

/* Not the page's fault, as a rule: whoever runs the server must hear of it. */
static void tell_ice_error(MdDaemon *daemon, const char *member, const MdWebFrame *frame)
{
    const MdLogger logger = md_logger_child(&daemon->logger, "web/%s", member);
    if (frame->number == 401 || frame->number == 438)
        md_warning(&logger, "%s refuses this browser (%u %s): web.turn_secret_file must hold that server's secret, and the clocks of both must be right",
                   frame->url, frame->number, frame->text ? frame->text : "");
    else
        md_info(&logger, "this browser got nothing from %s: %u %s", frame->url, frame->number, frame->text ? frame->text : "");
}

static void on_action(MdWebPeer *peer, MdCall *call, const MdWebFrame *frame, void *user)
{
    MdDaemon *daemon = user;
    g_autoptr(GError) error = NULL;
    MdRoom *room = NULL;
    const char *member = NULL;
    if (!md_conference_find_call(daemon->conference, call, &room, &member))
        return;
    g_autofree char *id = g_strdup(member);
    if (frame->type == MD_WEB_ICE_ERROR) {
        tell_ice_error(daemon, id, frame);
    } else if (frame->type == MD_WEB_ICE_SERVERS) {
        tell_ice_servers(daemon, call, id);
    } else if (frame->type == MD_WEB_STATE) {
        tell_where(daemon, call, room, id);
    } else if (frame->type == MD_WEB_ACT) {
        md_web_act(daemon, call, room, id, frame);
    } else if (!act(daemon, room, id, frame, &error)) {
        g_autoptr(JsonObject) object = json_object_new();
        json_object_set_string_member(object, "type", "error");
        bool often = g_error_matches(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT) &&
                     (frame->type == MD_WEB_MUTE || frame->type == MD_WEB_VIDEO || frame->type == MD_WEB_HAND);
        json_object_set_string_member(object, "code", often ? "too-often" : "not-done");
        json_object_set_string_member(object, "of", md_web_type_to_string(frame->type));
        json_object_set_string_member(object, "message", error ? error->message : "it could not be done");
        md_web_tell(daemon->web_door->web, call, object);
    }
}

/* --- start and end --- */

static void metrics(GString *out, void *user)
{
    const MdDaemon *daemon = user;
    g_string_append_printf(out,
                           "# HELP mediad_browsers browsers in rooms, those that are away for a moment too\n# TYPE mediad_browsers gauge\n"
                           "mediad_browsers %u\n"
                           "# HELP mediad_browser_connections connections of browsers that join\n# TYPE mediad_browser_connections gauge\n"
                           "mediad_browser_connections %u\n",
                           md_web_seats(daemon->web_door->web), md_web_peers(daemon->web_door->web));
}

bool md_start_web(MdDaemon *daemon, GError **error)
{
    const CfgWeb *settings = &daemon->settings->web;
    if (!daemon->api)
        return true;
    MdLogger logger = md_logger(daemon->log, "web");
    g_autofree char *secret = settings->turn_secret_file ? cfg_read_secret(settings->turn_secret_file, error) : NULL;
    if (settings->turn_secret_file && !secret) {
        g_prefix_error(error, "web.turn_secret_file: ");
        return false;
    }
    MdWebOptions options = {.resume_s = settings->resume_s, .seats_max = settings->connections_max, .on_hello = on_hello, .on_resume = on_resume,
                            .on_action = on_action, .user = daemon, .logger = &logger};
    daemon->web_door = g_new0(MdWebDoor, 1);
    daemon->web_door->daemon = daemon;
    daemon->web_door->turn_secret = g_steal_pointer(&secret);
    daemon->web_door->codes = md_pin_guard_new();
    daemon->web_door->web = md_web_new(&options);
    place.connections_max = settings->connections_max;
    place.per_source_max = settings->connections_per_source;
    place.silent_s = settings->silent_s;
    md_api_add_socket(daemon->api, &place, daemon);
    md_api_add_metrics(daemon->api, metrics, daemon);
    if (daemon->meetings)
        md_meetings_on_chat(daemon->meetings, on_chat, daemon);
    return true;
}

void md_stop_web(MdDaemon *daemon)
{
    MdWebDoor *door = g_steal_pointer(&daemon->web_door);
    if (!door)
        return;
    md_web_free(door->web);
    md_pin_guard_free(door->codes);
    g_free(door->turn_secret);
    g_free(door);
}
