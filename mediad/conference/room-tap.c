/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What leaves a room: its sound and its main picture for somebody else, and the signs that say so. Control thread. */
#include "mediad/conference/private.h"

static bool is_same(const MdTap *tap, MdRoomTapFn fn, MdRoomPictureTapFn picture, const void *user)
{
    return tap->fn == fn && tap->picture.fn == picture && tap->user == user && tap->done == NULL;
}

bool md_room_has_taps(const MdRoom *room, bool pictures)
{
    for (guint i = 0; i < room->taps->len; i++) {
        const MdTap *tap = g_ptr_array_index(room->taps, i);
        if (!tap->removed && (tap->fn == NULL) == pictures)
            return true;
    }
    return false;
}

static bool add(MdRoom *room, const MdTap *from, GError **error)
{
    unsigned n = 0;
    if (!md_room_may_leave(room, error))
        return false;
    for (guint i = 0; i < room->taps->len; i++)
        n += (((const MdTap *)g_ptr_array_index(room->taps, i))->fn == NULL) == (from->fn == NULL);
    if (room->ending || n >= MD_ROOM_TAPS_MAX) {
        g_set_error(error, MD_CONFERENCE_ERROR,
                    room->ending ? MD_CONFERENCE_ERROR_STATE : MD_CONFERENCE_ERROR_LIMIT,
                    room->ending ? "the room is ending" : "a room has at most %d taps", MD_ROOM_TAPS_MAX);
        return false;
    }
    MdTap *tap = g_new0(MdTap, 1);
    tap->fn = from->fn;
    tap->picture = from->picture;
    tap->user = from->user;
    tap->waits_key = true;
    g_ptr_array_add(room->taps, tap);
    md_room_replan(room);
    return true;
}

bool md_room_add_tap(MdRoom *room, MdRoomTapFn fn, void *user, GError **error)
{
    return add(room, &(MdTap){.fn = fn, .user = user}, error);
}

bool md_room_add_picture_tap(MdRoom *room, const MdRoomPictureTap *tap, GError **error)
{
    bool known = false;
    for (unsigned i = 0; i < room->conference->options.n_video_codecs; i++)
        known = known || room->conference->video_codecs[i] == tap->codec;
    if (room->video == NULL || !known) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE,
                    room->video == NULL ? "the room has no pictures" : "no such picture codec is set (media.video_codecs)");
        return false;
    }
    return add(room, &(MdTap){.picture = *tap, .user = tap->user}, error);
}

static bool remove_tap(MdRoom *room, MdRoomTapFn fn, MdRoomPictureTapFn picture, void *user, void (*done)(void *user))
{
    for (guint i = 0; i < room->taps->len; i++) {
        MdTap *tap = g_ptr_array_index(room->taps, i);
        if (is_same(tap, fn, picture, user)) {
            tap->removed = true;
            tap->done = done;
            md_room_replan(room);
            return true;
        }
    }
    return false;
}

bool md_room_remove_tap(MdRoom *room, MdRoomTapFn fn, void *user, void (*done)(void *user))
{
    return remove_tap(room, fn, NULL, user, done);
}

static void remove_anywhere(MdConference *conference, const char *room, MdRoomTapFn fn, MdRoomPictureTapFn picture, void *user,
                            void (*done)(void *user))
{
    GHashTableIter iter;
    gpointer value;
    bool found = false;
    g_hash_table_iter_init(&iter, conference->by_serial);
    while (!found && g_hash_table_iter_next(&iter, NULL, &value)) {
        MdRoom *its = value;
        found = its->kind == MD_ROOM_MEETING && g_ascii_strcasecmp(its->name, room) == 0 &&
                remove_tap(its, fn, picture, user, done);
    }
    if (!found && done != NULL)
        done(user);
}

void md_conference_remove_tap(MdConference *conference, const char *room, MdRoomTapFn fn, void *user, void (*done)(void *user))
{
    remove_anywhere(conference, room, fn, NULL, user, done);
}

void md_conference_remove_picture_tap(MdConference *conference, const char *room, MdRoomPictureTapFn fn, void *user,
                                      void (*done)(void *user))
{
    remove_anywhere(conference, room, NULL, fn, user, done);
}

void md_room_request_picture_key(MdRoom *room, MdRoomPictureTapFn fn, void *user)
{
    for (guint i = 0; i < room->taps->len; i++) {
        const MdTap *tap = g_ptr_array_index(room->taps, i);
        if (is_same(tap, NULL, fn, user) && tap->output != 0 && room->video != NULL)
            md_composer_request_key(md_room_video_composer(room->video), tap->output);
    }
}

void md_room_reap_taps(MdRoom *room)
{
    for (guint i = room->taps->len; i-- > 0;) {
        MdTap *tap = g_ptr_array_index(room->taps, i);
        if (!tap->removed || !atomic_load_explicit(&tap->passed, memory_order_acquire))
            continue;
        g_ptr_array_steal_index(room->taps, i);
        if (tap->done != NULL)
            tap->done(tap->user);
        g_free(tap);
    }
}

/* --- shown and said --------------------------------------------------------------------------------------------------- */

static const struct {
    uint8_t prompt;
    const char *started, *stopped;
} marks[MD_ROOM_MARK_MAX] = {
    [MD_ROOM_MARK_RECORDED] = {MD_PROMPT_RECORDED, "recording.started", "recording.stopped"},
    [MD_ROOM_MARK_STREAMED] = {MD_PROMPT_STREAMED, "stream.started", "stream.stopped"},
};

const char *md_room_sign(const MdRoom *room)
{
    static const char *const signs[MD_LANGUAGE_MAX][4] = {
        [MD_LANGUAGE_VI] = {NULL, "GHI HÌNH", "TRỰC TIẾP", "GHI HÌNH · TRỰC TIẾP"},
        [MD_LANGUAGE_EN] = {NULL, "REC", "LIVE", "REC · LIVE"},
    };
    return signs[room->language][(room->marks[MD_ROOM_MARK_RECORDED] > 0) + 2 * (room->marks[MD_ROOM_MARK_STREAMED] > 0)];
}

void md_room_say_marks(MdRoom *room, MdMember *member)
{
    for (unsigned i = 0; i < MD_ROOM_MARK_MAX; i++)
        if (room->marks[i] > 0)
            md_room_play(room, member, &marks[i].prompt, 1, false);
}

void md_room_mark(MdRoom *room, MdRoomMark mark, bool on, const char *id)
{
    g_return_if_fail((unsigned)mark < MD_ROOM_MARK_MAX && (on || room->marks[mark] > 0));
    room->marks[mark] += on ? 1 : -1u;
    md_room_emit(room, on ? marks[mark].started : marks[mark].stopped, NULL, "id", "s", id, NULL);
    if (on && room->marks[mark] == 1)
        md_room_play(room, NULL, &marks[mark].prompt, 1, false);
    if (!room->ending)
        md_room_replan(room);
}
