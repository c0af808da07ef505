/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All rooms, and how a call finds its own. Control thread. */
#include "mediad/conference/private.h"
#include <string.h>

enum {
    ROOMS_DEFAULT = 500,
    TICK_MS = 100,
    ROOM_NAME_MAX = 64,
    PIN_MAX = 16,
    TITLE_MAX = 800, /* 200 characters of four bytes */
    ACCOUNT_MAX = 128,
    SERVICE_MEMBERS = 100,
    FREE_PATIENCE_MS = 5000
};

G_DEFINE_QUARK(md - conference - error - quark, md_conference_error)

bool md_conference_fail(GError **error, MdConferenceError code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    g_propagate_error(error, g_error_new_valist(MD_CONFERENCE_ERROR, code, format, list));
    va_end(list);
    return false;
}

int64_t md_conference_now_us(const MdConference *conference)
{
    return md_clock_now_us(conference->clock);
}

static gboolean on_tick(gpointer user)
{
    md_conference_tick(user);
    return G_SOURCE_CONTINUE;
}

MdConference *md_conference_new(const MdConferenceOptions *options)
{
    g_return_val_if_fail(options->n_workers > 0 && options->control != NULL, NULL);
    MdConference *conference = g_new0(MdConference, 1);
    MdConferenceOptions *own = &conference->options;
    *own = *options;
    conference->logger = options->logger != NULL ? *options->logger : (MdLogger){0};
    own->logger = &conference->logger;
    own->workers = g_memdup2(options->workers, options->n_workers * sizeof *options->workers);
    conference->audio_codecs =
        g_memdup2(options->audio_codecs, options->n_audio_codecs * sizeof *options->audio_codecs);
    conference->video_codecs =
        g_memdup2(options->video_codecs, options->n_video_codecs * sizeof *options->video_codecs);
    conference->local_host = g_strdup(options->local_host);
    conference->local_host6 = g_strdup(options->local_host6);
    if (own->rooms_max == 0)
        own->rooms_max = ROOMS_DEFAULT;
    conference->clock = options->clock != NULL ? options->clock : md_clock_system();
    conference->prompts = md_prompts_new(options->prompt_dir, &conference->logger);
    conference->pin_guard = md_pin_guard_new();
    conference->rooms = g_hash_table_new(g_str_hash, g_str_equal);
    conference->by_serial = g_hash_table_new(NULL, NULL);
    conference->load = g_new0(unsigned, options->n_workers);
    if (options->clock == NULL)
        conference->source = g_timeout_add(TICK_MS, on_tick, conference);
    return conference;
}

void md_conference_tick(MdConference *conference)
{
    int64_t now_us = md_conference_now_us(conference);
    g_autoptr(GList) rooms = g_hash_table_get_values(conference->by_serial);
    for (GList *at = rooms; at != NULL; at = at->next)
        md_room_tick(at->data, now_us);
}

void md_conference_hold(MdConference *conference)
{
    GHashTableIter iter;
    gpointer room;
    g_hash_table_iter_init(&iter, conference->rooms);
    while (!conference->held && g_hash_table_iter_next(&iter, NULL, &room))
        md_keep_now(room);
    conference->held = true;
}

void md_conference_set_english(MdConference *conference, bool english)
{
    conference->options.english = english;
}

void md_conference_free(MdConference *conference)
{
    if (conference == NULL)
        return;
    md_conference_hold(conference);
    g_autoptr(GList) rooms = g_hash_table_get_values(conference->by_serial);
    for (GList *at = rooms; at != NULL; at = at->next)
        md_room_close(at->data, "server stops");
    for (int ms = 0; ms < FREE_PATIENCE_MS && g_hash_table_size(conference->by_serial) > 0; ms++) {
        g_main_context_iteration(NULL, FALSE); /* one round: others may keep the loop busy for ever */
        md_mailbox_drain(conference->options.control, 0);
        md_conference_tick(conference);
        if (g_hash_table_size(conference->by_serial) > 0)
            g_usleep(1000);
    }
    g_clear_handle_id(&conference->source, g_source_remove);
    md_mailbox_drain(conference->options.control,
                     0); /* letters sent just before the end: they find no room any more */
    if (g_hash_table_size(conference->by_serial) > 0) {
        /* A worker no longer runs: what it holds cannot be taken from it safely. */
        md_error(&conference->logger, "%u rooms are not down: their memory is left",
                 g_hash_table_size(conference->by_serial));
        return;
    }
    g_hash_table_unref(conference->rooms);
    g_hash_table_unref(conference->by_serial);
    md_prompts_free(conference->prompts);
    md_pin_guard_free(conference->pin_guard);
    g_free((void *)(uintptr_t)conference->options.workers);
    g_free(conference->audio_codecs);
    g_free(conference->video_codecs);
    g_free(conference->local_host);
    g_free(conference->local_host6);
    g_free(conference->load);
    g_free(conference);
}

/* --- rooms ------------------------------------------------------------------------------------------------------------ */

static bool valid_name(const char *name)
{
    size_t len = name != NULL ? strlen(name) : 0;
    if (len == 0 || len > ROOM_NAME_MAX)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static bool valid_pin(const char *pin)
{
    return pin == NULL || (strlen(pin) <= PIN_MAX && strspn(pin, "0123456789") == strlen(pin));
}

static const char *check_confidential(const MdRoomSpec *spec)
{
    unsigned n = 0;
    for (; spec->sites != NULL && spec->sites[n] != NULL; n++)
        if (*spec->sites[n] == 0 || strlen(spec->sites[n]) > ACCOUNT_MAX)
            return "a site of a confidential meeting is the name of an account";
    if (n == 0 || n > MD_ROOM_MEMBERS_MAX)
        return "a confidential meeting names its sites: 1 to 1000 accounts";
    if (spec->temporary)
        return "a confidential meeting is made before anybody calls it: it is not temporary";
    return NULL;
}

static bool check_spec(const MdRoomSpec *spec, GError **error)
{
    const char *wrong = NULL;
    if (!valid_name(spec->name) || strcmp(spec->name, "echo") == 0 || strcmp(spec->name, "test") == 0)
        wrong = "a room's name is 1 to 64 of a-z 0-9 . _ - and neither echo nor test";
    else if (!valid_pin(spec->pin) || !valid_pin(spec->chair_pin))
        wrong = "a PIN is at most 16 digits";
    else if (spec->pin != NULL && *spec->pin != 0 && g_strcmp0(spec->pin, spec->chair_pin) == 0)
        wrong = "the chair's PIN must differ from the members'";
    else if (spec->title != NULL &&
             (strlen(spec->title) > TITLE_MAX || !g_utf8_validate(spec->title, -1, NULL)))
        wrong = "a title is at most 800 bytes of UTF-8";
    else if (spec->max_members > MD_ROOM_MEMBERS_MAX)
        wrong = "a room seats at most 1000";
    else if (spec->loudest > MD_MIX_LOUDEST_MAX)
        wrong = "at most 16 talkers are mixed";
    else if ((unsigned)spec->layout >= MD_LAYOUT_KIND_MAX || (unsigned)spec->security >= MD_SECURITY_MAX)
        wrong = "no such layout or media security";
    if (wrong == NULL && spec->confidential)
        wrong = check_confidential(spec);
    if (wrong != NULL)
        g_set_error_literal(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, wrong);
    return wrong == NULL;
}

MdRoom *md_conference_create_room(MdConference *conference, const MdRoomSpec *spec, GError **error)
{
    if (!check_spec(spec, error))
        return NULL;
    if (g_hash_table_contains(conference->rooms, spec->name)) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_EXISTS, "there is a room %s already",
                    spec->name);
        return NULL;
    }
    if (g_hash_table_size(conference->rooms) >= conference->options.rooms_max) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT, "the limit of %u rooms is reached",
                    conference->options.rooms_max);
        return NULL;
    }
    MdRoom *room = md_room_new(conference, MD_ROOM_MEETING, spec);
    if (room == NULL) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT,
                    "the media worker takes no more rooms now");
        return NULL;
    }
    g_hash_table_insert(conference->rooms, room->name, room);
    md_room_emit(room, "room.created", NULL, "title", "s", room->confidential ? room->name : room->title, NULL);
    const MdConferenceOptions *options = &conference->options;
    g_autofree char *scene = options->scene_for != NULL ? options->scene_for(room->name, options->user) : NULL;
    if (scene != NULL)
        md_keep_load(room, scene);
    return room;
}

static void replace(char **at, const char *text)
{
    g_free(*at);
    *at = text != NULL && *text != 0 ? g_strdup(text) : NULL;
}

bool md_room_set_door(MdRoom *room, const char *title, const char *pin, const char *chair_pin, GError **error)
{
    const MdRoomSpec spec = {.name = room->name, .title = title, .pin = pin, .chair_pin = chair_pin};
    if (!check_spec(&spec, error))
        return false;
    g_autofree char *before = g_steal_pointer(&room->title);
    room->title = g_strdup(title != NULL && *title != 0 ? title : room->name);
    replace(&room->pin, pin);
    replace(&room->chair_pin, chair_pin);
    if (strcmp(before, room->title) != 0)
        md_room_emit(room, "room.renamed", NULL, "title", "s", room->confidential ? room->name : room->title, NULL);
    for (guint i = 0; room->pin == NULL && i < room->members->len; i++) {
        MdMember *member = g_ptr_array_index(room->members, i);
        if (member->state == MD_MEMBER_PIN && member->hangup_us == 0)
            md_member_enter(member);
    }
    return true;
}

MdRoom *md_conference_create_trial(MdConference *conference, const MdRoomSpec *spec, GError **error)
{
    if (!check_spec(spec, error))
        return NULL;
    MdRoom *room = md_room_new(conference, MD_ROOM_TRIAL, spec);
    if (room == NULL)
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT,
                    "the media worker takes no more rooms now");
    return room;
}

void md_room_discard(MdRoom *room)
{
    md_room_close(room, "trial over");
}

MdRoom *md_conference_find_room(MdConference *conference, const char *name)
{
    g_autofree char *lower = g_ascii_strdown(name, -1);
    return g_hash_table_lookup(conference->rooms, lower);
}

bool md_conference_remove_room(MdConference *conference, const char *name, GError **error)
{
    MdRoom *room = md_conference_find_room(conference, name);
    if (!room) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND, "there is no room '%s'", name);
        return false;
    }
    md_room_close(room, "removed");
    return true;
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(MdRoom *const *)a)->name, (*(MdRoom *const *)b)->name);
}

GPtrArray *md_conference_rooms(MdConference *conference)
{
    GPtrArray *rooms = g_ptr_array_new();
    GHashTableIter iter;
    gpointer room;
    g_hash_table_iter_init(&iter, conference->rooms);
    while (g_hash_table_iter_next(&iter, NULL, &room))
        g_ptr_array_add(rooms, room);
    g_ptr_array_sort(rooms, by_name);
    return rooms;
}

/* --- calls ------------------------------------------------------------------------------------------------------------ */

static MdRoom *room_for_call(MdConference *conference, const char *to_user)
{
    MdRoom *room = md_conference_find_room(conference, to_user);
    if (room != NULL || !conference->options.create_on_call)
        return room;
    g_autofree char *lower = g_ascii_strdown(to_user, -1);
    g_autoptr(GError) error = NULL;
    room = md_conference_create_room(conference, &(MdRoomSpec){.name = lower, .temporary = true}, &error);
    if (room == NULL)
        md_info(&conference->logger, "no room for %s: %s", to_user, error->message);
    return room;
}

static MdMember *take_call(MdRoom *room, MdCall *call, const MdAdmission *admission)
{
    MdMember *member = md_member_new(room, call, admission->role);
    member->expected = md_keep_expects(room, md_call_info(call));
    member->past_pin = admission->past_pin || member->expected;
    member->past_lobby = admission->past_lobby || member->expected;
    md_call_set_handler(call, &md_member_call_handler, member);
    md_dial_adopt(member);
    return member;
}

void md_conference_accept_call(MdConference *conference, MdCall *call, MdRole role)
{
    md_conference_admit_call(conference, call, &(MdAdmission){.role = role});
}

const char *md_conference_admit_call(MdConference *conference, MdCall *call, const MdAdmission *admission)
{
    const MdCallInfo *info = md_call_info(call);
    MdRole role = admission->role;
    MdRoom *room = room_for_call(conference, info->to_user != NULL ? info->to_user : "");
    const char *refusal;
    if (room == NULL)
        md_call_reject(call, 404, "No Such Room");
    else if (room->ending || room->end_us != 0)
        md_call_reject(call, 480, "Meeting Is Ending");
    else if ((refusal = md_confidential_refusal(room, info, role)) != NULL)
        md_call_reject(call, 403, refusal);
    else if (room->locked && !md_role_may(role, MD_ACTION_FREE_ENTRY) && !room->lobby && !md_keep_expects(room, info))
        md_call_reject(call, 403, "Meeting Locked");
    else if (room->pin != NULL && !md_role_may(role, MD_ACTION_FREE_ENTRY) && !admission->past_pin &&
             md_pin_guard_blocked(conference->pin_guard, info, md_conference_now_us(conference)))
        md_call_reject(call, 403, "Too Many Wrong PINs");
    else if (md_room_count(room) >= room->max_members)
        md_call_reject(call, 486, "Meeting Full");
    else
        return take_call(room, call, admission)->text_id;
    return NULL;
}

static MdMember *member_of_call(MdConference *conference, const MdCall *call)
{
    MdMember *member = md_call_user(call, &md_member_call_handler);
    return member != NULL && member->room->conference == conference && member->state != MD_MEMBER_LEAVING ? member : NULL;
}

bool md_conference_find_call(MdConference *conference, const MdCall *call, MdRoom **ret_room, const char **ret_member)
{
    MdMember *member = member_of_call(conference, call);
    if (member == NULL)
        return false;
    if (ret_room != NULL)
        *ret_room = member->room;
    if (ret_member != NULL)
        *ret_member = member->text_id;
    return true;
}

bool md_conference_seat_of(MdConference *conference, const MdCall *call, MdCallSeat *ret)
{
    const MdMember *member = member_of_call(conference, call);
    if (member == NULL)
        return false;
    *ret = (MdCallSeat){.room = member->room, .member = member->text_id, .role = member->role,
                        .in = member->state == MD_MEMBER_IN && member->established};
    return true;
}

const char *md_conference_resume_call(MdConference *conference, const MdCall *old, MdCall *call, bool keep_media)
{
    MdMember *member = member_of_call(conference, old);
    if (member == NULL)
        return NULL;
    MdCall *former = member->call;
    member->call = md_call_ref(call);
    md_call_set_handler(former, NULL, NULL);
    md_call_unref(former);
    md_call_set_handler(call, &md_member_call_handler, member);
    if (!keep_media)
        md_member_retire_leg(member);
    if (member->away) {
        member->away = false;
        md_room_emit(member->room, "member.away", member, "away", "b", FALSE, NULL);
        md_room_floor_away(member, false);
    }
    md_forward_tell(member, true);
    return member->text_id;
}

static void accept_service(MdConference *conference, MdRoom **room, MdRoomKind kind, const char *name,
                           MdCall *call)
{
    if (*room == NULL)
        *room = md_room_new(conference, kind, &(MdRoomSpec){.name = name, .max_members = SERVICE_MEMBERS});
    if (*room == NULL)
        md_call_reject(call, 503, "Service Unavailable");
    else if (md_room_count(*room) >= (*room)->max_members)
        md_call_reject(call, 486, "Busy Here");
    else
        take_call(*room, call, &(MdAdmission){.role = MD_ROLE_GUEST});
}

void md_conference_accept_echo(MdConference *conference, MdCall *call)
{
    accept_service(conference, &conference->echo, MD_ROOM_ECHO, "echo", call);
}

void md_conference_accept_test(MdConference *conference, MdCall *call)
{
    accept_service(conference, &conference->test, MD_ROOM_TEST, "test", call);
}
