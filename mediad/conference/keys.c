/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What telephone keys do inside the room. A star begins a command, so that it is never taken for a PIN:
 *   *9 hand up or down (the speaker: done)   *8 1…9 votes   *6 own microphone off or on   *0 the speaker is done
 *   and for who runs the floor: *1 the next one speaks   *2 ends the floor   *3 one minute more
 * Digits without a star, then #: the chair's PIN; a star among them takes them back. */
#include "mediad/conference/private.h"
#include <string.h>

enum { DIGITS_MAX = 32, CHAIR_TRIES = 6 /* wrong PINs of the chair in one stay */, MORE_S = 60 };
static const int64_t FORGET_US = 5 * G_USEC_PER_SEC;

static void say(MdMember *member, uint8_t prompt)
{
    md_room_play(member->room, member, &prompt, 1, true);
}

static void try_chair_pin(MdMember *member)
{
    MdRoom *room = member->room;
    if (member->digits->len == 0 || md_ivr_is_blocked(member))
        return;
    if (!md_ivr_pin_equal(member->digits->str, room->chair_pin)) {
        md_ivr_count_wrong(member);
        if (++member->chair_tries == CHAIR_TRIES)
            md_notice(&room->logger, "%s (%s): %d wrong PINs of the chair: it is not listened to any more",
                      member->text_id, member->uri, CHAIR_TRIES);
        return;
    }
    md_room_set_role(room, member->text_id, MD_ROLE_CHAIR, NULL);
}

static bool toggle_hand(MdMember *member)
{
    MdRoom *room = member->room;
    if (md_room_floor_holder(room) == member)
        return md_room_floor_done(room, member->text_id, NULL);
    bool raised = md_floor_place(room->floor, member->id) < 0;
    if (raised && !md_room_take_switch(room, member->text_id, NULL))
        return false;
    return md_room_raise_hand(room, member->text_id, raised, NULL);
}

static bool toggle_microphone(MdMember *member)
{
    bool mute = !member->self_muted;
    if (!mute && (!md_room_may(member->room, member->text_id, MD_ACTION_UNMUTE_SELF, NULL) ||
                  !md_room_take_switch(member->room, member->text_id, NULL)))
        return false;
    md_room_mute_self(member->room, member->text_id, mute, NULL);
    say(member, mute ? MD_PROMPT_MUTED : MD_PROMPT_UNMUTED);
    return true;
}

static bool vote(MdMember *member, char digit)
{
    if (digit < '1' || digit > '9' || !md_room_vote_cast(member->room, NULL, member->text_id, (unsigned)(digit - '1'), NULL))
        return false;
    say(member, MD_PROMPT_VOTE_COUNTED);
    return true;
}

static bool run_floor(MdMember *member, char digit)
{
    MdRoom *room = member->room;
    if (!md_room_may(room, member->text_id, MD_ACTION_RUN_FLOOR, NULL))
        return false;
    switch (digit) {
    case '1':
        return md_room_floor_next(room, -1, NULL);
    case '2':
        return md_room_floor_end(room, NULL);
    default:
        return md_room_floor_extend(room, MORE_S, NULL);
    }
}

static bool command(MdMember *member, char digit)
{
    switch (digit) {
    case '9':
        return toggle_hand(member);
    case '6':
        return toggle_microphone(member);
    case '0':
        return md_room_floor_done(member->room, member->text_id, NULL);
    case '1':
    case '2':
    case '3':
        return run_floor(member, digit);
    default:
        return false;
    }
}

void md_keys_digit(MdMember *member, char digit)
{
    const MdRoom *room = member->room;
    int64_t now_us = md_conference_now_us(room->conference);
    if (now_us - member->key_us > FORGET_US) { /* half a PIN of long ago is no part of what comes now */
        g_string_truncate(member->digits, 0);
        member->command = 0;
    }
    char former = member->command;
    member->command = 0;
    member->key_us = now_us;
    if (digit == '*' && member->digits->len > 0) {
        g_string_truncate(member->digits, 0);
    } else if (digit == '*' && room->floor != NULL) {
        member->command = '*';
    } else if (former == '*' && digit == '8') {
        member->command = '8';
    } else if (former != 0) {
        if (!(former == '8' ? vote(member, digit) : command(member, digit)))
            say(member, MD_PROMPT_NOT_POSSIBLE);
    } else if (room->chair_pin == NULL || member->role == MD_ROLE_CHAIR || member->chair_tries >= CHAIR_TRIES) {
        return;
    } else if (digit == '#') {
        try_chair_pin(member);
        g_string_truncate(member->digits, 0);
    } else if (member->digits->len < DIGITS_MAX) {
        g_string_append_c(member->digits, digit);
    }
}
