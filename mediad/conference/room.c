/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A room: its members, its rules, and what operators may do to it. Control thread. */
#include "mediad/conference/private.h"
#include <errno.h>
#include <math.h>
#include <string.h>

enum { MEMBERS_DEFAULT = 200, SPARE_SEATS = 16, WAITING_REPEAT_US = 30 * G_USEC_PER_SEC };
static const int64_t UNUSED_US = 600 * G_USEC_PER_SEC;
static const double GAIN_MIN_DB = -40, GAIN_MAX_DB = 20;

static void free_dial(gpointer dial)
{
    md_dial_free(dial);
}

static void free_vote(gpointer vote)
{
    md_vote_free(vote);
}

static void unref_encoder(gpointer encoder)
{
    md_room_encoder_unref(encoder);
}

static unsigned least_loaded(const MdConference *conference)
{
    unsigned best = 0;
    for (unsigned i = 1; i < conference->options.n_workers; i++)
        if (conference->load[i] < conference->load[best])
            best = i;
    return best;
}

MdRoom *md_room_new(MdConference *conference, MdRoomKind kind, const MdRoomSpec *spec)
{
    MdRoom *room = g_new0(MdRoom, 1);
    room->conference = conference;
    room->serial = ++conference->next_serial;
    room->kind = kind;
    room->name = g_strdup(spec->name);
    room->title = g_strdup(spec->title != NULL && *spec->title != 0 ? spec->title : spec->name);
    room->pin = spec->pin != NULL && *spec->pin != 0 ? g_strdup(spec->pin) : NULL;
    room->chair_pin = spec->chair_pin != NULL && *spec->chair_pin != 0 ? g_strdup(spec->chair_pin) : NULL;
    room->language = spec->language != NULL         ? md_language_from_string(spec->language)
                     : conference->options.english ? MD_LANGUAGE_EN
                                                   : MD_LANGUAGE_VI;
    room->max_members =
        spec->max_members != 0 ? MIN(spec->max_members, MD_ROOM_MEMBERS_MAX) : MEMBERS_DEFAULT;
    room->wait_for_chair = room->waiting = spec->wait_for_chair;
    room->created_us = md_conference_now_us(conference);
    room->waiting_us = room->created_us + WAITING_REPEAT_US;
    room->mute_on_entry = spec->mute_on_entry;
    room->temporary = spec->temporary;
    room->lobby = spec->lobby;
    room->confidential = spec->confidential;
    room->sites = spec->confidential ? g_strdupv((char **)(uintptr_t)spec->sites) : NULL;
    room->security = spec->confidential ? MD_SECURITY_REQUIRED : spec->security;
    room->wish = (MdWish){.set = true, .layout = spec->layout};
    room->pins = g_ptr_array_new_with_free_func(md_pin_free);
    room->kept_views = g_ptr_array_new();
    room->members = g_ptr_array_new();
    room->retired = g_ptr_array_new_with_free_func(g_free);
    room->votes = g_ptr_array_new_with_free_func(free_vote);
    md_room_floor_init(room);
    md_room_channels_init(room);
    md_keep_init(room);
    room->dials = g_ptr_array_new_with_free_func(free_dial);
    room->encoders = g_ptr_array_new_with_free_func(unref_encoder);
    room->taps = g_ptr_array_new_with_free_func(g_free);
    room->logger = md_logger_child(&conference->logger, "room/%s", room->name);
    room->worker_index = least_loaded(conference);
    room->worker = conference->options.workers[room->worker_index];
    conference->load[room->worker_index]++;
    room->audio =
        md_room_audio_new(room->worker, conference, conference->options.control, conference->prompts,
                          room->serial, kind, room->language, room->max_members + SPARE_SEATS, spec->loudest);
    if (room->audio == NULL || md_room_audio_start(room->audio) != 0) {
        md_room_free(room);
        return NULL;
    }
    g_hash_table_insert(conference->by_serial, GUINT_TO_POINTER(room->serial), room);
    if (kind != MD_ROOM_ECHO)
        md_room_video_init(room);
    return room;
}

void md_room_free(MdRoom *room)
{
    g_hash_table_remove(room->conference->by_serial, GUINT_TO_POINTER(room->serial));
    room->conference->load[room->worker_index]--;
    md_room_audio_free(room->audio);
    md_room_views_reset(room);
    g_ptr_array_unref(room->kept_views);
    g_ptr_array_unref(room->pins);
    g_ptr_array_unref(room->members);
    g_ptr_array_unref(room->retired);
    g_ptr_array_unref(room->votes);
    md_room_floor_clear(room);
    md_room_channels_clear(room);
    md_keep_clear(room);
    md_room_scene_reset(room);
    g_ptr_array_unref(room->dials);
    g_ptr_array_unref(room->encoders);
    g_ptr_array_unref(room->taps);
    g_strfreev(room->sites);
    g_free(room->name);
    g_free(room->title);
    g_free(room->pin);
    g_free(room->chair_pin);
    g_free(room);
}

unsigned md_room_count(const MdRoom *room)
{
    unsigned n = 0;
    for (guint i = 0; i < room->members->len; i++)
        n += ((MdMember *)g_ptr_array_index(room->members, i))->state != MD_MEMBER_LEAVING;
    return n;
}

MdMember *md_room_member(MdRoom *room, const char *id, GError **error)
{
    for (guint i = 0; i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        if (member->state != MD_MEMBER_LEAVING && strcmp(member->text_id, id) == 0)
            return member;
    }
    g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND, "room %s has no member %s",
                room->name, id);
    return NULL;
}

void md_room_play(MdRoom *room, MdMember *member, const uint8_t *prompts, unsigned n, bool replace)
{
    if (member != NULL && !member->leg_started)
        return;
    if (md_room_audio_play(room->audio, member != NULL ? member->seat : NULL, MD_HEARS_ROOM, prompts, n,
                           replace) != 0)
        md_warning(&room->logger, "the sound thread is behind: a spoken prompt is left out");
}

void md_room_update_chair(MdRoom *room)
{
    bool chair = false;
    for (guint i = 0; i < room->members->len && !chair; i++) {
        const MdMember *member = g_ptr_array_index(room->members, i);
        chair = member->state == MD_MEMBER_IN && md_role_may(member->role, MD_ACTION_PRESIDE);
    }
    bool waiting = room->wait_for_chair && !chair;
    if (waiting == room->waiting)
        return;
    room->waiting = waiting;
    room->waiting_us = md_conference_now_us(room->conference) + WAITING_REPEAT_US;
    md_room_emit(room, waiting ? "room.waiting" : "room.opened", NULL, NULL);
}

/* --- time ------------------------------------------------------------------------------------------------------------- */

static void reap_members(MdRoom *room)
{
    for (guint i = room->members->len; i-- > 0;) {
        MdMember *member = g_ptr_array_index(room->members, i);
        bool down = member->leg == NULL &&
                    (member->seat == NULL || atomic_load_explicit(&member->seat->gone, memory_order_acquire));
        if (member->state == MD_MEMBER_LEAVING && down) {
            g_ptr_array_remove_index(room->members, i);
            md_member_free(member);
        }
    }
}

static void reap_retired(MdRoom *room)
{
    for (guint i = room->retired->len; i-- > 0;) {
        MdRetired *retired = g_ptr_array_index(room->retired, i);
        if (retired->leg != NULL || !atomic_load_explicit(&retired->seat->gone, memory_order_acquire))
            continue;
        g_free(retired->seat);
        g_ptr_array_remove_index(room->retired, i);
    }
}

/* Everybody is gone: stop the tick, then let go of the memory. True when the room was freed. */
static bool wind_up(MdRoom *room)
{
    if (room->members->len > 0 || room->retired->len > 0 || room->taps->len > 0 || room->plan_dirty)
        return false;
    if (!room->stopping) {
        md_room_video_free(room); /* its threads post to the worker: before the worker's last mail */
        room->stopping = md_room_audio_stop(room->audio, &room->stopped) == 0;
        return false;
    }
    if (!atomic_load_explicit(&room->stopped, memory_order_acquire))
        return false;
    md_room_free(room);
    return true;
}

void md_room_close(MdRoom *room, const char *reason)
{
    if (room->ending)
        return;
    md_room_vote_end(room, false);
    room->ending = true;
    for (guint i = 0; i < room->dials->len; i++)
        ((MdDial *)g_ptr_array_index(room->dials, i))->forgotten = true;
    for (guint i = 0; i < room->members->len; i++)
        md_member_hang_up(g_ptr_array_index(room->members, i), reason);
    for (guint i = 0; i < room->taps->len; i++)
        ((MdTap *)g_ptr_array_index(room->taps, i))->removed = true;
    md_room_replan(room);
    md_keep_forget(room);
    md_room_emit(room, "room.ended", NULL, "reason", "s", reason, NULL);
    if (room->kind == MD_ROOM_MEETING && g_hash_table_lookup(room->conference->rooms, room->name) == room)
        g_hash_table_remove(room->conference->rooms, room->name);
}

/* End for all: a room that an operator made stays, empty; a temporary one goes. */
static void hang_up_all(MdRoom *room)
{
    room->end_us = 0;
    while (room->dials->len > 0) {
        MdDial *dial = g_ptr_array_index(room->dials, room->dials->len - 1);
        md_dial_forget(room, dial);
        md_room_video_update(room);
        g_ptr_array_remove_index(room->dials, room->dials->len - 1);
    }
    for (guint i = 0; i < room->members->len; i++)
        md_member_hang_up(g_ptr_array_index(room->members, i), "meeting ended");
    room->locked = room->muted_all = false;
    md_keep_reset(room);
    md_room_vote_end(room, true);
    md_room_floor_reset(room);
    md_room_channels_reset(room);
    md_room_scene_reset(room);
    md_room_views_reset(room);
    md_room_emit(room, "room.ended", NULL, "reason", "s", "ended for all", NULL);
}

/* A temporary room goes with its last member: not before its first one (for a while), not while somebody is still being rung. */
static bool is_over(const MdRoom *room, int64_t now_us)
{
    if (room->kind != MD_ROOM_MEETING || !room->temporary || room->ending || room->members->len > 0 ||
        room->taps->len > 0)
        return false;
    for (guint i = 0; i < room->dials->len; i++)
        if (((const MdDial *)g_ptr_array_index(room->dials, i))->state != MD_DIAL_GIVEN_UP)
            return false;
    return room->used || now_us - room->created_us >= UNUSED_US;
}

void md_room_tick(MdRoom *room, int64_t now_us)
{
    if (room->plan_dirty)
        md_room_replan(room);
    for (guint i = 0; i < room->members->len; i++)
        md_member_tick(g_ptr_array_index(room->members, i), now_us);
    if (room->end_us != 0 && now_us >= room->end_us)
        hang_up_all(room);
    md_room_floor_tick(room, now_us);
    md_room_vote_tick(room, now_us);
    md_room_scene_tick(room, now_us);
    md_keep_tick(room, now_us);
    if (room->waiting && !room->ending && now_us >= room->waiting_us) { /* to all at once: one encode */
        room->waiting_us = now_us + WAITING_REPEAT_US;
        md_room_audio_play(room->audio, NULL, MD_HEARS_NOTHING,
                           (const uint8_t[]){MD_PROMPT_WAITING_FOR_CHAIR}, 1, true);
    }
    reap_members(room);
    reap_retired(room);
    md_room_reap_taps(room);
    if (!room->ending) {
        md_dial_tick(room, now_us);
        md_room_video_tick(room, now_us);
        md_test_room_tick(room, now_us);
    }
    if (is_over(room, now_us))
        md_room_close(room, "empty");
    if (room->ending)
        wind_up(room);
}

/* --- what can be done to it ------------------------------------------------------------------------------------------------- */

static void set_muted(MdMember *member, bool mute, bool tell)
{
    bool before = member->muted;
    md_room_floor_mute(member, mute); /* counts for more than the floor, even where nothing changes now */
    if (member->muted == before)
        return;
    md_room_emit(member->room, "member.muted", member, "muted", "b", mute, NULL);
    if (tell && member->state == MD_MEMBER_IN)
        md_room_play(member->room, member, (const uint8_t[]){mute ? MD_PROMPT_MUTED : MD_PROMPT_UNMUTED}, 1,
                     true);
}

bool md_room_mute_member(MdRoom *room, const char *id, bool mute, GError **error)
{
    MdMember *member = md_room_member(room, id, error);
    if (member == NULL)
        return false;
    set_muted(member, mute, true);
    md_room_replan(room);
    return true;
}

bool md_room_take_switch(MdRoom *room, const char *id, GError **error)
{
    MdMember *member = md_room_member(room, id, error);
    if (member == NULL)
        return false;
    if (md_bucket_take(&member->switches, 1, md_conference_now_us(room->conference)))
        return true;
    return md_conference_fail(error, MD_CONFERENCE_ERROR_LIMIT, "switched too often: at most %d times a second; wait a moment and try again",
                              MD_SWITCHES_PER_S);
}

bool md_room_mute_self(MdRoom *room, const char *id, bool mute, GError **error)
{
    MdMember *member = md_room_member(room, id, error);
    if (member == NULL)
        return false;
    if (member->self_muted != mute) {
        member->self_muted = mute;
        md_room_emit(room, "member.self-muted", member, "muted", "b", mute, NULL);
        md_room_replan(room);
    }
    return true;
}

void md_room_mute_all(MdRoom *room, bool mute, bool except_chair)
{
    room->muted_all = mute;
    for (guint i = 0; i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        if (member->state != MD_MEMBER_LEAVING && !(mute && except_chair && md_role_may(member->role, MD_ACTION_PRESIDE)))
            set_muted(member, mute, false);
    }
    md_keep_mute_all(room, mute, except_chair);
    md_room_floor_mute_absent(room, mute, except_chair);
    md_room_emit(room, "room.muted", NULL, "muted", "b", mute, "except_chair", "b", except_chair, NULL);
    md_room_replan(room);
}

bool md_room_mute_video(MdRoom *room, const char *id, bool mute, GError **error)
{
    MdMember *member = md_room_member(room, id, error);
    if (member == NULL)
        return false;
    if (member->video_muted == mute)
        return true;
    member->video_muted = mute;
    md_room_emit(room, "member.video-muted", member, "muted", "b", mute, NULL);
    md_room_replan(room);
    return true;
}

bool md_room_hide_self(MdRoom *room, const char *id, bool hide, GError **error)
{
    MdMember *member = md_room_member(room, id, error);
    if (member == NULL)
        return false;
    if (member->self_hidden != hide) {
        member->self_hidden = hide;
        md_room_emit(room, "member.self-video-muted", member, "muted", "b", hide, NULL);
        md_room_replan(room);
    }
    return true;
}

bool md_room_set_deaf(MdRoom *room, const char *id, bool deaf, GError **error)
{
    MdMember *member = md_room_member(room, id, error);
    if (member == NULL)
        return false;
    member->deaf = deaf;
    md_room_emit(room, "member.deaf", member, "deaf", "b", deaf, NULL);
    md_room_replan(room);
    return true;
}

bool md_room_set_gain(MdRoom *room, const char *id, double gain_db, GError **error)
{
    MdMember *member = md_room_member(room, id, error);
    if (member == NULL)
        return false;
    if (!(gain_db >= GAIN_MIN_DB && gain_db <= GAIN_MAX_DB)) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "gain is %g to %g dB",
                    GAIN_MIN_DB, GAIN_MAX_DB);
        return false;
    }
    member->gain_db = gain_db;
    md_room_emit(room, "member.gain", member, "gain_db", "d", gain_db, NULL);
    md_room_replan(room);
    return true;
}

bool md_room_set_role(MdRoom *room, const char *id, MdRole role, GError **error)
{
    MdMember *member = md_room_member(room, id, error);
    if (member == NULL)
        return false;
    if ((unsigned)role >= MD_ROLE_MAX) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "no such role");
        return false;
    }
    member->role = role;
    md_room_emit(room, "member.role", member, "role", "s", md_role_to_string(role), NULL);
    md_room_floor_role(member);
    md_room_vote_role(member);
    md_room_update_chair(room);
    md_room_replan(room);
    return true;
}

bool md_room_admit(MdRoom *room, const char *id, GError **error)
{
    MdMember *member = md_room_member(room, id, error);
    if (member == NULL)
        return false;
    if (member->state != MD_MEMBER_LOBBY) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "member %s is not in the lobby",
                    id);
        return false;
    }
    if (member->leg_started)
        md_room_audio_play(room->audio, member->seat, MD_HEARS_ROOM, NULL, 0, true);
    md_member_enter(member);
    return true;
}

bool md_room_kick(MdRoom *room, const char *id, GError **error)
{
    MdMember *member = md_room_member(room, id, error);
    if (member == NULL)
        return false;
    md_room_emit(room, "member.kicked", member, NULL);
    member->sent_out = true;
    if (member->dial != NULL)
        md_dial_forget(room, member->dial); /* hangs it up */
    else
        md_member_hang_up(member, "removed by the chair");
    return true;
}

void md_room_lock(MdRoom *room, bool locked)
{
    if (room->locked == locked)
        return;
    room->locked = locked;
    md_room_emit(room, "room.locked", NULL, "locked", "b", locked, NULL);
}

void md_room_end(MdRoom *room)
{
    if (room->end_us != 0 || room->ending)
        return;
    room->end_us = md_conference_now_us(room->conference) +
                   md_prompts_duration_us(room->conference->prompts, room->language, MD_PROMPT_ENDED);
    md_room_play(room, NULL, (const uint8_t[]){MD_PROMPT_ENDED}, 1, true);
    md_room_replan(room);
}
