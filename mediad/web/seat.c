/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A browser's place in a call, and the MdCall it is seen as. */
#include "mediad/web/private.h"
#include <string.h>

enum { OK = 200, TIMED_OUT = 408, NOT_ACCEPTABLE = 488 };

static void send_sdp(Seat *seat, const char *type, const char *sdp)
{
    if (seat->peer == NULL)
        return;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "sdp", sdp);
    md_web_peer_send(seat->peer, type, object);
}

static void send_answer(void *impl, const char *sdp)
{
    Seat *seat = impl;
    send_sdp(seat, "answer", sdp);
    if (seat->answered)
        return;
    seat->answered = true;
    seat->deadline_us = seat->peer != NULL ? 0 : seat->deadline_us;
    md_call_emit_established(seat->call);
}

static void send_offer(void *impl, const char *sdp)
{
    send_sdp(impl, "offer", sdp);
}

static void send_candidate(void *impl, const char *mid, const char *line)
{
    Seat *seat = impl;
    if (seat->peer == NULL)
        return;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "mid", mid != NULL ? mid : "");
    json_object_set_string_member(object, "candidate", line);
    md_web_peer_send(seat->peer, "candidate", object);
}

static void restart_path(void *impl)
{
    Seat *seat = impl;
    if (seat->peer != NULL)
        md_web_peer_send(seat->peer, "restart-ice", NULL);
}

static void tell_streams(void *impl, const MdCallStreams *streams)
{
    static const char *const composed[] = {"full", "small", "off"}, *const why[] = {NULL, "line", "limit"};
    Seat *seat = impl;
    if (seat->peer == NULL)
        return;
    JsonObject *object = json_object_new();
    JsonArray *lines = json_array_new();
    for (unsigned i = 0; i < streams->n; i++) {
        JsonObject *line = json_object_new();
        json_object_set_string_member(line, "mid", streams->lines[i].mid);
        if (streams->lines[i].member != NULL)
            json_object_set_string_member(line, "member", streams->lines[i].member);
        else
            json_object_set_null_member(line, "member");
        json_object_set_boolean_member(line, "main", streams->lines[i].main);
        json_array_add_object_element(lines, line);
    }
    json_object_set_array_member(object, "lines", lines);
    json_object_set_string_member(object, "composed", composed[streams->composed]);
    if (why[streams->why] != NULL)
        json_object_set_string_member(object, "why", why[streams->why]);
    md_web_peer_send(seat->peer, "streams", object);
}

static const char *word_of(int code)
{
    switch (code) {
    case 400:
        return "bad-description";
    case 403:
        return "forbidden";
    case 404:
        return "room-not-found";
    case 480:
        return "meeting-is-ending";
    case 486:
        return "meeting-full";
    case NOT_ACCEPTABLE:
        return "media-not-acceptable";
    default:
        return "unavailable";
    }
}

/* At the door: one more try may follow. An offer that was not taken: what went on goes on, else the seat ends. */
static void reject(void *impl, int code, const char *reason)
{
    Seat *seat = impl;
    MdWebPeer *peer = seat->peer;
    if (peer != NULL)
        md_web_tell_error(peer, word_of(code), reason);
    if (seat->answered)
        return;
    if (!seat->welcomed) {
        if (peer != NULL)
            peer->seat = NULL;
        seat->peer = NULL;
    }
    md_web_seat_end(seat, code, reason);
}

static void hang_up(void *impl, const char *reason)
{
    md_web_seat_end(impl, OK, reason);
}

static void free_impl(void *impl)
{
    Seat *seat = impl;
    g_free(seat->token);
    g_free(seat);
}

static const MdCallOps ops = {
    .send_answer = send_answer,
    .reject = reject,
    .hangup = hang_up,
    .send_offer = send_offer,
    .send_candidate = send_candidate,
    .restart_path = restart_path,
    .streams = tell_streams,
    .free_impl = free_impl,
};

static char *uri_of(const char *account, const char *name)
{
    g_autofree char *escaped = g_uri_escape_string(account != NULL ? account : name, NULL, FALSE);
    return g_strconcat(account != NULL ? "web:" : "web:guest/", escaped, NULL);
}

static Seat *seat_new(MdWebPeer *peer, const char *room, const MdWebSeatSpec *spec, const char *token)
{
    MdWeb *web = peer->web;
    Seat *seat = g_new0(Seat, 1);
    const char *name = spec->name != NULL ? spec->name : spec->account != NULL ? spec->account : "";
    MdCallInfo info = {
        .id = g_strdup_printf("web-%" G_GUINT64_FORMAT, ++web->next_call),
        .direction = MD_CALL_IN,
        .from_uri = uri_of(spec->account, name),
        .from_display = g_strdup(name),
        .account = g_strdup(spec->account),
        .to_user = g_ascii_strdown(room, -1),
        .to_host = g_strdup(""),
        .peer_host = g_strdup(peer->identity.host),
        .user_agent = g_strdup(peer->identity.user_agent),
        .seat = g_compute_checksum_for_string(G_CHECKSUM_SHA256, token, -1),
        .authenticated = spec->authenticated,
        .secure = peer->identity.secure,
        .browser = true,
        .security = spec->security,
    };
    seat->web = web;
    seat->token = g_strdup(token);
    seat->call = md_call_new(&ops, seat, &info);
    seat->peer = peer;
    seat->deadline_us = md_web_now_us(web) + web->options.hello_s * (int64_t)G_USEC_PER_SEC;
    peer->seat = seat;
    g_hash_table_replace(web->seats, seat->token, seat);
    g_hash_table_insert(web->calls, seat->call, seat);
    return seat;
}

Seat *md_web_seat_new(MdWebPeer *peer, const MdWebSeatSpec *spec)
{
    return seat_new(peer, spec->room, spec, peer->browser);
}

/* Out of the tables; the call's last reference may go with it. */
static void detach(Seat *seat)
{
    MdWeb *web = seat->web;
    if (g_hash_table_lookup(web->seats, seat->token) == seat)
        g_hash_table_remove(web->seats, seat->token);
    g_hash_table_remove(web->calls, seat->call);
    seat->web = NULL;
    if (seat->peer != NULL)
        seat->peer->seat = NULL;
    seat->peer = NULL;
}

void md_web_seat_end(Seat *seat, int code, const char *reason)
{
    if (seat->web == NULL)
        return;
    MdWebPeer *peer = seat->peer;
    MdCall *call = seat->call;
    detach(seat);
    if (peer != NULL) {
        JsonObject *object = json_object_new();
        json_object_set_int_member(object, "code", code);
        json_object_set_string_member(object, "reason", reason != NULL ? reason : "");
        md_web_peer_send(peer, "closed", object);
        md_web_peer_close(peer, MD_WEB_CLOSE_NORMAL, "the call is over");
    }
    md_call_emit_closed(call, code, reason);
    md_call_unref(call);
}

void md_web_seat_away(Seat *seat)
{
    seat->peer = NULL;
    if (!seat->welcomed) {
        md_web_seat_end(seat, TIMED_OUT, "connection lost");
        return;
    }
    seat->deadline_us = md_web_now_us(seat->web) + seat->web->options.resume_s * (int64_t)G_USEC_PER_SEC;
    md_call_emit_away(seat->call, true);
}

static void tell_replaced(MdWebPeer *former)
{
    md_web_tell_error(former, "replaced", "this seat went on in another window or connection");
    md_web_peer_close(former, MD_WEB_CLOSE_REPLACED, "replaced");
}

void md_web_seat_replaced(Seat *seat)
{
    MdWebPeer *former = seat->peer;
    seat->peer = NULL;
    if (former != NULL) {
        former->seat = NULL;
        tell_replaced(former);
    }
    md_web_seat_end(seat, OK, "replaced");
}

bool md_web_seat_resume(Seat *seat, MdWebPeer *peer, bool keep_media)
{
    MdWeb *web = seat->web;
    const MdCallInfo *info = md_call_info(seat->call);
    MdWebSeatSpec spec = {.name = info->from_display, .account = info->account, .authenticated = info->authenticated, .security = info->security};
    MdWebPeer *former = seat->peer;
    MdCall *old = md_call_ref(seat->call);
    g_autofree char *token = g_strdup(seat->token), *room = g_strdup(info->to_user);
    bool answered = seat->answered;
    Seat *next = seat_new(peer, room, &spec, token); /* takes the token over */
    MdCall *call = md_call_ref(next->call);
    next->answered = answered && keep_media;
    if (next->answered)
        next->deadline_us = 0;
    bool resumed = web->options.on_resume(peer, old, call, keep_media, web->options.user);
    if (seat->web != NULL) { /* whoever listened to it listens to the next now, or is gone */
        detach(seat);
        if (former != NULL)
            tell_replaced(former);
        md_call_emit_closed(old, OK, "replaced");
        md_call_unref(old);
    }
    if (!resumed && next->web != NULL) {
        detach(next);
        md_call_emit_closed(call, TIMED_OUT, "gone");
        md_call_unref(call);
    }
    md_call_unref(call);
    md_call_unref(old);
    return resumed;
}
