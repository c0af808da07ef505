/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One party in a room: from its call's first description to its leg's last packet. Control thread. */
#include "mediad/conference/private.h"
#include <string.h>

enum {
    NOT_ACCEPTABLE = 488,
    SERVER_ERROR = 500,
    BAD_REQUEST = 400,
    LOBBY_REPEAT_US = 30 * G_USEC_PER_SEC,
    LABEL_CHARS = 60,
};

/* Each member is an object of its own to the log: sixty joining at once are sixty lines, not a repeat. */
static MdLogger member_logger(const MdMember *member)
{
    return md_logger_child(&member->room->logger, "%s", member->text_id);
}

/* A guest's address is its name again, escaped. */
static void log_joined(const MdMember *member)
{
    MdLogger logger = member_logger(member);
    const MdRoom *room = member->room;
    g_autofree char *plain = member->uri != NULL ? g_uri_unescape_string(member->uri, NULL) : NULL;
    const char *uri = plain != NULL && g_utf8_validate(plain, -1, NULL) ? plain : member->uri;
    bool titled = room->title != NULL && *room->title != 0 && !room->confidential;
    md_info(&logger, "joined: %s (%s)%s%s%s", member->name, uri, titled ? ", \"" : "", titled ? room->title : "", titled ? "\"" : "");
}

static char *user_part(const char *uri)
{
    const char *at = uri != NULL ? strchr(uri, ':') : NULL;
    const char *from = at != NULL ? at + 1 : uri != NULL ? uri : "";
    return g_strndup(from, strcspn(from, "@;>"));
}

/* What is written under its picture: the account's site name, else what it calls itself. Always valid, bounded UTF-8. */
static char *make_label(const MdConference *conference, const MdCallInfo *info)
{
    g_autofree char *label = NULL;
    if (info->account != NULL && conference->options.label_for != NULL)
        label = conference->options.label_for(info->account, conference->options.user);
    if (label == NULL || *label == 0) {
        g_free(label);
        if (info->from_display != NULL && *info->from_display != 0)
            label = g_strdup(info->from_display);
        else if (info->account != NULL)
            label = g_strdup(info->account);
        else
            label = user_part(info->from_uri);
    }
    g_autofree char *valid = g_utf8_make_valid(label, -1);
    if (g_utf8_strlen(valid, -1) <= LABEL_CHARS)
        return g_steal_pointer(&valid);
    return g_utf8_substring(valid, 0, LABEL_CHARS);
}

MdMember *md_member_new(MdRoom *room, MdCall *call, MdRole role)
{
    MdConference *conference = room->conference;
    MdMember *member = g_new0(MdMember, 1);
    member->id = member->source = ++conference->next_member;
    g_snprintf(member->text_id, sizeof member->text_id, "m%u", member->id);
    member->room = room;
    member->role = member->came = role;
    member->digits = g_string_new(NULL);
    md_bucket_init(&member->switches, MD_SWITCHES_PER_S, MD_SWITCHES_BURST, md_conference_now_us(conference));
    if (call != NULL) {
        const MdCallInfo *info = md_call_info(call);
        member->call = md_call_ref(call);
        member->name = make_label(conference, info);
        member->uri = g_strdup(info->from_uri);
        member->account = g_strdup(info->account);
    }
    g_ptr_array_add(room->members, member);
    room->used = true;
    conference->load[room->worker_index]++;
    return member;
}

void md_member_free(MdMember *member)
{
    if (member->call != NULL) {
        md_call_set_handler(member->call, NULL, NULL);
        md_call_unref(member->call);
    }
    md_room_encoder_unref(member->own);
    member->room->conference->load[member->room->worker_index]--;
    g_string_free(member->digits, TRUE);
    g_free(member->seat);
    g_free(member->tile_text);
    g_free(member->streams.told);
    g_free(member->name);
    g_free(member->uri);
    g_free(member->account);
    g_free(member);
}

bool md_member_is_hidden(const MdMember *member)
{
    return member->video_muted || member->self_hidden;
}

bool md_member_sees(const MdMember *member)
{
    return member->state == MD_MEMBER_IN && member->established;
}

static const char *host_for(const MdConference *conference, const char *peer_host)
{
    bool six = peer_host != NULL && strchr(peer_host, ':') != NULL &&
               g_ascii_strncasecmp(peer_host, "::ffff:", 7) != 0;
    const char *host = six ? conference->local_host6 : conference->local_host;
    return host != NULL ? host : six ? conference->local_host : conference->local_host6;
}

/* A candidate of ours for the browser. */
static void tell_candidate(MdLeg *leg, const char *mid, const char *line, void *user)
{
    MdMember *member = user;
    if (leg == member->leg && member->call != NULL)
        md_call_send_candidate(member->call, mid, line);
}

/* The browser may not have noticed: consent is ours to miss (RFC 7675), and its own checks may still go through. */
static void path_changed(MdLeg *leg, MdLegPath path, void *user)
{
    MdMember *member = user;
    if (leg != member->leg || member->call == NULL || path != MD_LEG_PATH_LOST)
        return;
    md_debug(&member->room->logger, "%s: no way to its media any more", member->name);
    md_call_restart_path(member->call);
}

bool md_member_make_leg(MdMember *member, const char *local_host, GError **error)
{
    const MdRoom *room = member->room;
    const MdConference *conference = room->conference;
    const MdConferenceOptions *options = &conference->options;
    const MdCallInfo *info = member->call != NULL ? md_call_info(member->call) : NULL;
    bool pictures = room->video != NULL || room->kind == MD_ROOM_ECHO;
    MdLogger logger = member_logger(member);
    MdLegConfig config = {
        .worker = room->worker,
        .ports = options->ports,
        .local_host =
            local_host != NULL ? local_host : host_for(conference, info != NULL ? info->peer_host : NULL),
        .security = info != NULL ? MAX(room->security, info->security) : room->security,
        .audio_codecs = conference->audio_codecs,
        .n_audio_codecs = options->n_audio_codecs,
        .video_codecs = conference->video_codecs,
        .n_video_codecs = pictures ? options->n_video_codecs : 0,
        .video_max = options->video_max,
        .jitter_min_ms = options->jitter_min_ms,
        .jitter_max_ms = options->jitter_max_ms,
        .authenticated = info != NULL && info->authenticated,
        .peer_host = info != NULL ? info->peer_host : NULL,
        .logger = &logger,
        .control = options->control,
        .dtls = options->dtls,
        .packetiser = &room->audio->packetiser,
        .content = room->kind == MD_ROOM_MEETING && options->content,
        .streams = room->kind == MD_ROOM_MEETING && options->forward_max > 0 ? MD_LEG_STREAMS_MAX : 0,
        .floor_port = options->floor_port,
        .offer_content = options->offer_content && !(member->dial != NULL && member->dial->plain),
        .browser = info != NULL && info->browser,
        .ice = options->ice,
        .on_candidate = tell_candidate,
        .on_path = path_changed,
        .path_user = member,
    };
    member->leg = md_leg_new(&config, error);
    if (member->leg == NULL)
        return false;
    member->seat = g_new0(MdSeat, 1);
    member->seat->id = member->id;
    member->seat->generation = member->generation;
    member->seat->leg = member->leg;
    member->seat->audio = member->room->audio;
    md_vad_init(&member->seat->vad);
    return true;
}

void md_member_retire_leg(MdMember *member)
{
    if (member->leg == NULL)
        return;
    MdRetired *retired = g_new0(MdRetired, 1);
    retired->leg = g_steal_pointer(&member->leg);
    retired->seat = g_steal_pointer(&member->seat);
    g_ptr_array_add(member->room->retired, retired);
    member->leg_started = false;
    member->generation++;
    member->audio_format = (MdLegAudioFormat){0};
    member->video_format = (MdLegVideoFormat){0};
    member->content_format = (MdLegVideoFormat){0};
    md_forward_reset(member);
    member->talking = false;
    md_room_replan(member->room);
}

static void start_leg(MdMember *member)
{
    if (member->leg_started)
        return;
    int error = md_leg_start(member->leg, &md_seat_sink, member->seat);
    if (error != 0) {
        md_warning(&member->room->logger, "%s (%s, %s): its sound and pictures cannot start, it is hung up: %s", member->name, member->text_id, member->uri, g_strerror(-error));
        md_member_hang_up(member, "no media");
        return;
    }
    member->leg_started = true;
    md_room_replan(member->room);
}

static int status_of(const GError *error)
{
    if (g_error_matches(error, MD_LEG_ERROR, MD_LEG_ERROR_SYNTAX))
        return BAD_REQUEST;
    if (g_error_matches(error, MD_LEG_ERROR, MD_LEG_ERROR_NOT_ACCEPTABLE))
        return NOT_ACCEPTABLE;
    return SERVER_ERROR;
}

/* Refuses what was offered; a meeting that already goes on goes on as before. */
static void refuse(MdMember *member, const GError *error)
{
    int code = status_of(error);
    md_notice(&member->room->logger, "refused: %s (%s, %s): %d: %s", member->name, member->text_id, member->uri, code, error->message);
    md_call_reject(member->call, code, code == NOT_ACCEPTABLE ? "Not Acceptable Here" : "Media Refused");
    if (member->established)
        return;
    md_call_set_handler(member->call, NULL, NULL);
    md_member_leave(member, code, "media refused");
}

/* A locked room without a lobby lets nobody in but those who run it and those it rang. */
static bool is_locked_out(const MdMember *member)
{
    const MdRoom *room = member->room;
    return room->kind == MD_ROOM_MEETING && room->locked && !room->lobby && !member->rung && !member->expected &&
           !md_role_may(member->role, MD_ACTION_FREE_ENTRY);
}

static void admit_or_ask(MdMember *member)
{
    if (!member->established || !member->leg_started || member->state != MD_MEMBER_CALLING)
        return;
    if (!member->rung && !member->past_pin && md_ivr_needs_pin(member) && !is_locked_out(member)) {
        member->state = MD_MEMBER_PIN;
        md_ivr_begin(member);
        md_room_replan(member->room);
        return;
    }
    md_member_enter(member);
}

static bool must_wait_outside(const MdMember *member)
{
    const MdRoom *room = member->room;
    if (room->kind != MD_ROOM_MEETING || !room->lobby || member->rung || member->past_lobby)
        return false;
    return member->role == MD_ROLE_GUEST || (room->locked && !md_role_may(member->role, MD_ACTION_FREE_ENTRY));
}

void md_member_enter(MdMember *member)
{
    MdRoom *room = member->room;
    int64_t now_us = md_conference_now_us(room->conference);
    member->deadline_us = 0;
    g_string_truncate(member->digits, 0);
    if (member->state != MD_MEMBER_LOBBY && is_locked_out(member)) { /* locked since it came to the door */
        md_ivr_turn_away(member, MD_PROMPT_LOCKED);
        return;
    }
    if (member->state != MD_MEMBER_LOBBY && must_wait_outside(member)) {
        member->state = MD_MEMBER_LOBBY;
        md_room_emit(room, "member.lobby", member, NULL);
        md_room_play(room, member, (const uint8_t[]){MD_PROMPT_LOBBY}, 1, true);
        member->prompt_us = now_us + LOBBY_REPEAT_US;
        md_room_replan(room);
        return;
    }
    member->state = MD_MEMBER_IN;
    member->joined_us = now_us;
    member->joined_wall_us = md_clock_wall_us(room->conference->clock);
    if (!md_role_may(member->role, MD_ACTION_PRESIDE) && (room->mute_on_entry || room->muted_all))
        member->muted = true;
    bool again = md_keep_enter(member);
    md_room_floor_enter(member);
    md_room_channels_enter(member);
    md_dial_member_up(member);
    md_room_views_enter(member);
    md_room_emit(room, "member.joined", member, "uri", "s", member->uri, "role", "s",
                 md_role_to_string(member->role), NULL);
    if (again)
        md_keep_tell(member);
    log_joined(member);
    md_room_update_chair(room);
    if (room->waiting) {
        md_room_play(room, member, (const uint8_t[]){MD_PROMPT_WAITING_FOR_CHAIR}, 1, true);
    } else if (room->kind == MD_ROOM_MEETING && room->pin != NULL) {
        md_room_play(room, member, (const uint8_t[]){MD_PROMPT_WELCOME}, 1, true);
    }
    md_room_say_marks(room, member);
    if (room->presenter != NULL)
        md_content_tell(member);
    md_room_replan(room);
}

void md_member_tick(MdMember *member, int64_t now_us)
{
    MdRoom *room = member->room;
    if (member->state == MD_MEMBER_LEAVING)
        return;
    if (member->hangup_us != 0 && now_us >= member->hangup_us) {
        md_member_hang_up(member, "refused");
        return;
    }
    if (member->state == MD_MEMBER_PIN)
        md_ivr_tick(member, now_us);
    if (member->state == MD_MEMBER_LOBBY && now_us >= member->prompt_us) {
        member->prompt_us = now_us + LOBBY_REPEAT_US;
        md_room_play(room, member, (const uint8_t[]){MD_PROMPT_LOBBY}, 1, false);
    }
    md_member_line_tick(member, now_us);
    bool talking = member->leg_started && atomic_load_explicit(&member->seat->talking, memory_order_relaxed);
    if (talking)
        member->spoke_us = now_us;
    if (talking == member->talking)
        return;
    member->talking = talking;
    md_room_emit(room, "member.talking", member, "talking", "b", talking, NULL);
    md_room_video_talking(member);
}

void md_member_dtmf(MdMember *member, char digit)
{
    if (member->state == MD_MEMBER_PIN)
        md_ivr_digit(member, digit);
    else if (member->state == MD_MEMBER_IN && member->room->kind == MD_ROOM_MEETING)
        md_keys_digit(member, digit);
}

/* --- leaving ---------------------------------------------------------------------------------------------------------- */

void md_member_leave(MdMember *member, int code, const char *reason)
{
    MdRoom *room = member->room;
    if (member->state == MD_MEMBER_LEAVING)
        return;
    bool was_in = member->state == MD_MEMBER_IN || member->state == MD_MEMBER_LOBBY, inside = member->state == MD_MEMBER_IN;
    member->state = MD_MEMBER_LEAVING;
    if (inside)
        md_room_floor_left(member, !member->sent_out);
    if (inside)
        md_room_views_left(member);
    if (inside)
        md_room_channels_left(member, !member->sent_out && !room->ending);
    if (was_in) {
        int64_t stayed_us = md_conference_now_us(room->conference) - member->joined_us;
        md_room_emit(room, "member.left", member, "reason", "s", reason, "code", "i", code, "seconds", "i",
                     (int)(member->joined_us != 0 ? stayed_us / G_USEC_PER_SEC : 0), NULL);
        MdLogger logger = member_logger(member);
        md_info(&logger, "left: %s: %d %s", member->name, code, reason);
    }
    if (room->speaker == member)
        room->speaker = NULL;
    if (room->speaker_before == member)
        room->speaker_before = NULL;
    md_dial_member_gone(member, code);
    md_content_member_gone(member);
    md_room_video_forget(member);
    md_room_update_chair(room);
    if (inside)
        md_room_floor_sync(room);
    md_room_replan(room);
}

void md_member_hang_up(MdMember *member, const char *reason)
{
    if (member->call != NULL && member->state != MD_MEMBER_LEAVING) {
        md_call_set_handler(member->call, NULL, NULL);
        md_call_hangup(member->call, reason);
    }
    md_member_leave(member, 200, reason);
}

/* --- the call's events --------------------------------------------------------------------------------------------------- */

static void on_offer(MdMember *member, const char *sdp)
{
    g_autoptr(GError) error = NULL;
    if (member->leg == NULL && !md_member_make_leg(member, NULL, &error)) {
        refuse(member, error);
        return;
    }
    g_autofree char *answer = sdp != NULL ? md_leg_accept_offer(member->leg, sdp, &error)
                                          : md_leg_create_offer(member->leg, &error);
    if (answer == NULL) {
        refuse(member, error);
        return;
    }
    md_call_send_answer(member->call, answer);
    if (sdp != NULL)
        md_content_agreed(member);
    if (sdp != NULL && member->state != MD_MEMBER_LEAVING)
        start_leg(member);
}

static void on_sdp(MdCall *call, MdSdpKind kind, const char *sdp, void *user)
{
    MdMember *member = user;
    g_autoptr(GError) error = NULL;
    if (member->state == MD_MEMBER_LEAVING)
        return;
    if (kind == MD_SDP_OFFER) {
        on_offer(member, sdp);
    } else if (member->leg == NULL || sdp == NULL) {
        return;
    } else if (md_leg_accept_answer(member->leg, sdp, &error)) {
        md_content_agreed(member);
        start_leg(member);
    } else {
        md_notice(&member->room->logger, "%s (%s, %s) answered what cannot be used, it is hung up: %s", member->name, member->text_id, member->uri, error->message);
        md_member_hang_up(member, "media not acceptable");
        return;
    }
    admit_or_ask(member);
}

static void on_ringing(MdCall *call, int code, void *user)
{
    MdMember *member = user;
    md_room_emit(member->room, "dial.ringing", member, "code", "i", code, NULL);
}

static void on_established(MdCall *call, void *user)
{
    MdMember *member = user;
    member->established = true;
    admit_or_ask(member);
}

static void on_closed(MdCall *call, int code, const char *reason, void *user)
{
    md_member_leave(user, code, reason != NULL ? reason : "");
}

static void on_dtmf(MdCall *call, char digit, unsigned duration_ms, void *user)
{
    md_member_dtmf(user, digit);
}

static void on_content_request(MdCall *call, bool wanted, void *user)
{
    md_content_request(user, wanted);
}

static void on_key_frame_request(MdCall *call, void *user)
{
    md_room_video_request_key(user);
}

static void on_away(MdCall *call, bool away, void *user)
{
    MdMember *member = user;
    if (member->away == away || member->state == MD_MEMBER_LEAVING)
        return;
    member->away = away;
    md_room_emit(member->room, "member.away", member, "away", "b", away, NULL);
    md_room_floor_away(member, away);
}

static void on_candidate(MdCall *call, const char *mid, const char *line, void *user)
{
    MdMember *member = user;
    g_autoptr(GError) error = NULL;
    if (member->leg == NULL || md_leg_add_candidate(member->leg, mid, line, &error))
        return;
    MdLogger logger = member_logger(member);
    md_debug(&logger, "candidate not taken: %s", error->message);
}

const MdCallHandler md_member_call_handler = {
    .on_candidate = on_candidate,
    .on_sdp = on_sdp,
    .on_ringing = on_ringing,
    .on_established = on_established,
    .on_closed = on_closed,
    .on_dtmf = on_dtmf,
    .on_key_frame_request = on_key_frame_request,
    .on_away = on_away,
    .on_content_request = on_content_request,
};
