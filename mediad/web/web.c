/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections: what they may say, how much and how long, and who of them is in a call. */
#include "mediad/web/private.h"
#include <sodium.h>
#include <string.h>

enum { RESUME_S = 30, HELLO_S = 60, SEATS = 500, TICK_MS = 500, TRIES_MAX = 10, FAULTS_MAX = 20, RATE = 40, BURST = 300, TOKEN_BYTES = 32 };
enum { ICE_ERRORS_MAX = 16 /* of a connection: they go into the log */ };

int64_t md_web_now_us(const MdWeb *web)
{
    return md_clock_now_us(web->clock);
}

static gboolean on_timer(gpointer user)
{
    md_web_tick(user);
    return G_SOURCE_CONTINUE;
}

static void unref_peer(gpointer peer)
{
    md_web_peer_unref(peer);
}

MdWeb *md_web_new(const MdWebOptions *options)
{
    MdWeb *web = g_new0(MdWeb, 1);
    web->options = *options;
    web->logger = options->logger != NULL ? *options->logger : (MdLogger){0};
    if (web->options.resume_s == 0)
        web->options.resume_s = RESUME_S;
    if (web->options.hello_s == 0)
        web->options.hello_s = HELLO_S;
    if (web->options.seats_max == 0)
        web->options.seats_max = SEATS;
    web->clock = options->clock != NULL ? options->clock : md_clock_system();
    web->peers = g_ptr_array_new_with_free_func(unref_peer);
    web->seats = g_hash_table_new(g_str_hash, g_str_equal);
    web->calls = g_hash_table_new(NULL, NULL);
    if (options->clock == NULL)
        web->timer = g_timeout_add(TICK_MS, on_timer, web);
    return web;
}

static GPtrArray *calls_of(MdWeb *web, const char *room)
{
    GPtrArray *calls = g_ptr_array_new_with_free_func((GDestroyNotify)md_call_unref);
    GHashTableIter iter;
    gpointer call;
    g_hash_table_iter_init(&iter, web->calls);
    while (g_hash_table_iter_next(&iter, &call, NULL))
        if (room == NULL || g_ascii_strcasecmp(md_call_info(call)->to_user, room) == 0)
            g_ptr_array_add(calls, md_call_ref(call));
    return calls;
}

void md_web_free(MdWeb *web)
{
    if (web == NULL)
        return;
    g_clear_handle_id(&web->timer, g_source_remove);
    g_autoptr(GPtrArray) calls = calls_of(web, NULL);
    for (guint i = 0; i < calls->len; i++) {
        Seat *seat = g_hash_table_lookup(web->calls, calls->pdata[i]);
        if (seat != NULL)
            md_web_seat_end(seat, 503, "server stops");
    }
    while (web->peers->len > 0) {
        MdWebPeer *peer = web->peers->pdata[web->peers->len - 1];
        md_web_peer_close(peer, MD_WEB_CLOSE_NORMAL, "server stops");
    }
    g_ptr_array_unref(web->peers);
    g_hash_table_unref(web->seats);
    g_hash_table_unref(web->calls);
    g_free(web);
}

unsigned md_web_seats(const MdWeb *web)
{
    return g_hash_table_size(web->calls);
}

unsigned md_web_peers(const MdWeb *web)
{
    return web->peers->len;
}

/* --- connections --- */

MdWebPeer *md_web_connect(MdWeb *web, const MdWebWire *wire, void *impl, const MdWebIdentity *identity)
{
    MdWebPeer *peer = g_new0(MdWebPeer, 1);
    int64_t now_us = md_web_now_us(web);
    peer->refs = 1;
    peer->web = web;
    peer->wire = *wire;
    peer->impl = impl;
    peer->identity = (MdWebIdentity){
        .account = g_strdup(identity->account),
        .host = g_strdup(identity->host),
        .user_agent = g_strdup(identity->user_agent != NULL ? identity->user_agent : ""),
        .secure = identity->secure,
        .rights = identity->rights,
    };
    peer->deadline_us = now_us + web->options.hello_s * (int64_t)G_USEC_PER_SEC;
    md_bucket_init(&peer->bucket, RATE, BURST, now_us);
    g_ptr_array_add(web->peers, peer);
    return peer;
}

MdWebPeer *md_web_peer_ref(MdWebPeer *peer)
{
    peer->refs++;
    return peer;
}

void md_web_peer_unref(MdWebPeer *peer)
{
    if (peer == NULL || --peer->refs > 0)
        return;
    g_free((char *)(uintptr_t)peer->identity.account);
    g_free((char *)(uintptr_t)peer->identity.host);
    g_free((char *)(uintptr_t)peer->identity.user_agent);
    g_free(peer->browser);
    g_free(peer);
}

bool md_web_peer_is_open(const MdWebPeer *peer)
{
    return peer->impl != NULL;
}

const MdWebIdentity *md_web_peer_identity(const MdWebPeer *peer)
{
    return &peer->identity;
}

/* It is off the list; its seat, if any, is the caller's business. */
static void forget(MdWebPeer *peer)
{
    MdWeb *web = peer->web;
    peer->impl = NULL;
    peer->web = NULL;
    if (web != NULL)
        g_ptr_array_remove_fast(web->peers, peer);
}

void md_web_peer_close(MdWebPeer *peer, unsigned code, const char *reason)
{
    void *impl = peer->impl;
    if (impl == NULL)
        return;
    md_web_peer_ref(peer);
    Seat *seat = peer->seat;
    peer->seat = NULL;
    forget(peer);
    peer->wire.close(impl, code, reason);
    if (seat != NULL)
        md_web_seat_away(seat);
    md_web_peer_unref(peer);
}

void md_web_disconnected(MdWebPeer *peer, bool for_good)
{
    if (peer->impl == NULL)
        return;
    md_web_peer_ref(peer);
    Seat *seat = peer->seat;
    peer->seat = NULL;
    forget(peer);
    if (seat != NULL) {
        seat->peer = NULL;
        if (for_good)
            md_web_seat_end(seat, 200, "signed out");
        else
            md_web_seat_away(seat);
    }
    md_web_peer_unref(peer);
}

void md_web_peer_send(MdWebPeer *peer, const char *type, JsonObject *object)
{
    JsonObject *full = object != NULL ? object : json_object_new();
    if (peer->impl != NULL) {
        json_object_set_string_member(full, "type", type);
        g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), full);
        g_autofree char *text = json_to_string(node, FALSE);
        peer->wire.send(peer->impl, text);
    }
    json_object_unref(full);
}

static void say(MdWebPeer *peer, const char *type, const char *name, const char *value, const char *message)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, name, value);
    if (message != NULL)
        json_object_set_string_member(object, "message", message);
    md_web_peer_send(peer, type, object);
}

void md_web_tell_error(MdWebPeer *peer, const char *code, const char *message)
{
    say(peer, "error", "code", code, message);
}

void md_web_tell(MdWeb *web, const MdCall *call, JsonObject *object)
{
    Seat *seat = g_hash_table_lookup(web->calls, call);
    if (seat == NULL || seat->peer == NULL || !seat->welcomed || seat->peer->impl == NULL)
        return;
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
    g_autofree char *text = json_to_string(node, FALSE);
    seat->peer->wire.send(seat->peer->impl, text);
}

void md_web_each(MdWeb *web, const char *room, void (*fn)(MdCall *call, void *user), void *user)
{
    g_autoptr(GPtrArray) calls = calls_of(web, room);
    for (guint i = 0; i < calls->len; i++)
        if (g_hash_table_contains(web->calls, calls->pdata[i]))
            fn(calls->pdata[i], user);
}

/* --- coming in --- */

static char *new_token(void)
{
    unsigned char random[TOKEN_BYTES];
    char text[MD_WEB_TOKEN_LEN + 1];
    randombytes_buf(random, sizeof random);
    sodium_bin2base64(text, sizeof text, random, sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return g_strdup(text);
}

void md_web_ask(MdWebPeer *peer, const char *what, const char *message)
{
    peer->deciding = false;
    say(peer, "ask", "what", what, message);
}

void md_web_refuse(MdWebPeer *peer, const char *code, const char *message)
{
    peer->deciding = false;
    md_web_tell_error(peer, code, message);
}

MdCall *md_web_take(MdWebPeer *peer, const MdWebSeatSpec *spec)
{
    MdWeb *web = peer->web;
    peer->deciding = false;
    if (web == NULL || peer->seat != NULL)
        return NULL;
    if (g_hash_table_size(web->calls) >= web->options.seats_max) {
        md_web_tell_error(peer, "too-many-browsers", "the server takes no more browsers now: try again later");
        return NULL;
    }
    Seat *former = g_hash_table_lookup(web->seats, peer->browser);
    if (former != NULL) /* the same browser came by two connections, and both were decided on at once: the later one stays */
        md_web_seat_replaced(former);
    return md_call_ref(md_web_seat_new(peer, spec)->call);
}

void md_web_welcome(MdWebPeer *peer, JsonObject *welcome)
{
    Seat *seat = peer->seat;
    if (seat == NULL) { /* refused or gone meanwhile */
        json_object_unref(welcome);
        return;
    }
    seat->welcomed = true;
    json_object_set_string_member(welcome, "resume", seat->token);
    md_web_peer_send(peer, "welcome", welcome);
}

/* The same seat? It must be the same account, too: a token alone does not outlive a sign-out. */
static bool try_resume(MdWebPeer *peer, const MdWebFrame *frame)
{
    Seat *seat = frame->resume != NULL ? g_hash_table_lookup(peer->web->seats, frame->resume) : NULL;
    if (seat == NULL || !seat->welcomed)
        return false;
    const MdCallInfo *info = md_call_info(seat->call);
    bool known = info->authenticated; /* by session; those by code or PIN are known by the token */
    if (known && g_strcmp0(info->account, peer->identity.account) != 0)
        return false;
    if (frame->room != NULL && g_ascii_strcasecmp(frame->room, info->to_user) != 0) { /* it goes elsewhere now */
        md_web_seat_end(seat, 200, "went to another meeting");
        return false;
    }
    return md_web_seat_resume(seat, peer, frame->keep_media);
}

static void hello(MdWebPeer *peer, const MdWebFrame *frame)
{
    MdWeb *web = peer->web;
    if (peer->seat != NULL) {
        md_web_tell_error(peer, "already-in", "this connection is in a meeting: say bye first");
        return;
    }
    if (peer->deciding) {
        md_web_tell_error(peer, "wait", "the hello before is being looked at");
        return;
    }
    if (++peer->tries > TRIES_MAX) {
        md_web_tell_error(peer, "too-many-tries", "too many tries: connect anew in a while");
        md_web_peer_close(peer, MD_WEB_CLOSE_REFUSED, "too many tries");
        return;
    }
    g_free(peer->browser);
    peer->browser = frame->resume != NULL ? g_strdup(frame->resume) : new_token();
    if (try_resume(peer, frame) || peer->impl == NULL)
        return;
    if (g_hash_table_contains(web->seats, peer->browser)) { /* somebody else's seat, or of another account */
        g_free(peer->browser);
        peer->browser = new_token();
    }
    MdWebHello said = {.room = frame->room, .name = frame->name, .code = frame->code, .pin = frame->pin, .browser = peer->browser};
    peer->deciding = true;
    peer->deadline_us = md_web_now_us(web) + web->options.hello_s * (int64_t)G_USEC_PER_SEC;
    web->options.on_hello(peer, &said, web->options.user);
}

/* --- what is said --- */

static void pong(MdWebPeer *peer, const MdWebFrame *frame)
{
    JsonObject *object = json_object_new();
    JsonNode *t = json_object_get_member(frame->object, "t");
    if (t != NULL && JSON_NODE_HOLDS_VALUE(t))
        json_object_set_member(object, "t", json_node_copy(t));
    md_web_peer_send(peer, "pong", object);
}

static void in_call(MdWebPeer *peer, const MdWebFrame *frame)
{
    Seat *seat = peer->seat;
    const MdWebOptions *options = &peer->web->options;
    g_autoptr(MdCall) call = md_call_ref(seat->call);
    switch (frame->type) {
    case MD_WEB_OFFER:
        seat->offered = true;
        md_call_emit_sdp(call, MD_SDP_OFFER, frame->sdp);
        break;
    case MD_WEB_ANSWER:
        md_call_emit_sdp(call, MD_SDP_ANSWER, frame->sdp);
        break;
    case MD_WEB_CANDIDATE:
        md_call_emit_candidate(call, frame->mid != NULL ? frame->mid : "", frame->candidate);
        break;
    case MD_WEB_DTMF:
        md_call_emit_dtmf(call, frame->digit, 100);
        break;
    case MD_WEB_BYE:
        md_web_seat_end(seat, 200, "left");
        break;
    case MD_WEB_ICE_ERROR:
        if (peer->ice_errors++ < ICE_ERRORS_MAX)
            options->on_action(peer, call, frame, options->user);
        break;
    default:
        options->on_action(peer, call, frame, options->user);
        break;
    }
}

static void take_frame(MdWebPeer *peer, const MdWebFrame *frame)
{
    if (frame->type == MD_WEB_UNKNOWN)
        return; /* of a later version */
    if (frame->type == MD_WEB_HELLO)
        hello(peer, frame);
    else if (frame->type == MD_WEB_PING)
        pong(peer, frame);
    else if (peer->seat != NULL)
        in_call(peer, frame);
    else if (frame->type == MD_WEB_BYE)
        md_web_peer_close(peer, MD_WEB_CLOSE_NORMAL, "bye");
    else
        md_web_tell_error(peer, "not-in", "say hello first");
}

void md_web_receive(MdWebPeer *peer, const char *text, size_t len)
{
    g_autoptr(GError) error = NULL;
    MdWebFrame frame;
    if (peer->impl == NULL)
        return;
    md_web_peer_ref(peer);
    if (!md_bucket_take(&peer->bucket, 1, md_web_now_us(peer->web))) {
        md_web_tell_error(peer, "too-fast", "too many messages a second");
        md_web_peer_close(peer, MD_WEB_CLOSE_RATE, "too many messages");
    } else if (md_web_frame_parse(&frame, text, len, &error)) {
        take_frame(peer, &frame);
        md_web_frame_clear(&frame);
    } else {
        md_web_tell_error(peer, "bad-message", error->message);
        if (++peer->faults >= FAULTS_MAX)
            md_web_peer_close(peer, MD_WEB_CLOSE_BAD, "too many bad messages");
    }
    md_web_peer_unref(peer);
}

/* --- time --- */

static void tick_seat(Seat *seat, int64_t now_us)
{
    if (seat->deadline_us == 0 || now_us < seat->deadline_us)
        return;
    if (seat->peer == NULL)
        md_web_seat_end(seat, 408, "connection lost");
    else
        md_web_seat_end(seat, 408, "no description of its media came");
}

void md_web_tick(MdWeb *web)
{
    int64_t now_us = md_web_now_us(web);
    g_autoptr(GPtrArray) calls = calls_of(web, NULL);
    for (guint i = 0; i < calls->len; i++) {
        Seat *seat = g_hash_table_lookup(web->calls, calls->pdata[i]);
        if (seat != NULL)
            tick_seat(seat, now_us);
    }
    for (guint i = web->peers->len; i-- > 0;) {
        if (i >= web->peers->len)
            continue;
        MdWebPeer *peer = web->peers->pdata[i];
        if (peer->seat == NULL && now_us >= peer->deadline_us) {
            md_web_tell_error(peer, "too-late", "no hello came in time");
            md_web_peer_close(peer, MD_WEB_CLOSE_LATE, "no hello");
        }
    }
}
