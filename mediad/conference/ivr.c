/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PIN at the door: keyed in by DTMF, # ends it, three tries, spoken prompts. */
#include "mediad/conference/private.h"
#include <openssl/crypto.h>
#include <string.h>

enum { TRIES = 3, DIGITS_MAX = 16 };
static const int64_t TIMEOUT_US = 20 * G_USEC_PER_SEC;
static const int64_t GOODBYE_US = 500 * G_TIME_SPAN_MILLISECOND; /* after the last word */

/* Accounts that may run the meeting need no PIN; whoever was rung by the room is let in, too (the caller looks at that). */
bool md_ivr_needs_pin(const MdMember *member)
{
    return member->room->kind == MD_ROOM_MEETING && member->room->pin != NULL &&
           !md_role_may(member->role, MD_ACTION_FREE_ENTRY);
}

static void ask(MdMember *member, bool wrong)
{
    MdRoom *room = member->room;
    int64_t spoken_us =
        md_prompts_duration_us(room->conference->prompts, room->language, MD_PROMPT_ENTER_PIN);
    const uint8_t prompts[] = {MD_PROMPT_WRONG_PIN, MD_PROMPT_ENTER_PIN};
    md_room_play(room, member, wrong ? prompts : prompts + 1, wrong ? 2 : 1, true);
    member->deadline_us = md_conference_now_us(room->conference) + spoken_us + TIMEOUT_US;
    g_string_truncate(member->digits, 0);
}

void md_ivr_begin(MdMember *member)
{
    ask(member, false);
}

/* The same time whatever is right about it. */
bool md_ivr_pin_equal(const char *given, const char *pin)
{
    char a[DIGITS_MAX + 1] = {0}, b[DIGITS_MAX + 1] = {0};
    if (pin == NULL || strlen(given) > DIGITS_MAX)
        return false;
    g_strlcpy(a, given, sizeof a);
    g_strlcpy(b, pin, sizeof b);
    return CRYPTO_memcmp(a, b, sizeof a) == 0;
}

bool md_ivr_is_blocked(const MdMember *member)
{
    MdConference *conference = member->room->conference;
    return member->call != NULL && md_pin_guard_blocked(conference->pin_guard, md_call_info(member->call),
                                                        md_conference_now_us(conference));
}

bool md_ivr_count_wrong(MdMember *member)
{
    MdRoom *room = member->room;
    MdConference *conference = room->conference;
    if (member->call == NULL)
        return false;
    const MdCallInfo *info = md_call_info(member->call);
    if (!md_pin_guard_wrong(conference->pin_guard, info, md_conference_now_us(conference)))
        return false;
    md_notice(&room->logger, "%s (%s, %s): %d wrong PINs: none of it counts for ten minutes", member->text_id,
              member->uri, info->account != NULL ? info->account : info->peer_host, MD_PIN_GUARD_WRONG_MAX);
    return true;
}

MdPinResult md_room_try_pin(MdRoom *room, const MdCallInfo *who, MdRole role, const char *pin)
{
    MdConference *conference = room->conference;
    int64_t now_us = md_conference_now_us(conference);
    bool needed = room->pin != NULL && !md_role_may(role, MD_ACTION_FREE_ENTRY) && !md_keep_expects(room, who), given = pin != NULL && *pin != 0;
    if (!given || (!needed && room->chair_pin == NULL))
        return needed ? MD_PIN_MISSING : MD_PIN_NOT_NEEDED;
    if (md_pin_guard_blocked(conference->pin_guard, who, now_us))
        return MD_PIN_BLOCKED;
    bool chair = md_ivr_pin_equal(pin, room->chair_pin), member = md_ivr_pin_equal(pin, room->pin);
    if (chair || member)
        return chair ? MD_PIN_CHAIR : MD_PIN_RIGHT;
    if (md_pin_guard_wrong(conference->pin_guard, who, now_us))
        md_notice(&room->logger, "%s: %d wrong PINs: none of it counts for ten minutes",
                  who->account != NULL ? who->account : who->peer_host, MD_PIN_GUARD_WRONG_MAX);
    return MD_PIN_WRONG;
}

void md_ivr_turn_away(MdMember *member, uint8_t prompt)
{
    MdRoom *room = member->room;
    int64_t spoken_us = md_prompts_duration_us(room->conference->prompts, room->language, prompt);
    md_room_play(room, member, &prompt, 1, true);
    member->state = MD_MEMBER_PIN; /* at the door, and not asked any more */
    member->deadline_us = 0;
    member->hangup_us = md_conference_now_us(room->conference) + spoken_us + GOODBYE_US;
    md_room_replan(room);
}

static void failed(MdMember *member, const char *why)
{
    MdRoom *room = member->room;
    member->pin_tries++;
    md_room_emit(room, "member.pin-failed", member, "uri", "s", member->uri, "tries", "i",
                 (int)member->pin_tries, NULL);
    if (member->pin_tries < TRIES) {
        ask(member, true);
        return;
    }
    md_notice(&room->logger, "%s (%s): PIN: %s, %u times, hung up", member->text_id, member->uri, why,
              member->pin_tries);
    md_ivr_turn_away(member, MD_PROMPT_WRONG_PIN);
}

void md_ivr_digit(MdMember *member, char digit)
{
    MdRoom *room = member->room;
    if (member->hangup_us != 0)
        return;
    if (digit == '*') {
        g_string_truncate(member->digits, 0);
        return;
    }
    if (digit != '#') {
        if (member->digits->len <= DIGITS_MAX) /* one too many: can only be wrong */
            g_string_append_c(member->digits, digit);
        member->deadline_us = md_conference_now_us(room->conference) + TIMEOUT_US;
        return;
    }
    if (md_ivr_is_blocked(member)) { /* its other calls have used up its tries */
        member->pin_tries = TRIES;
        failed(member, "too many wrong ones");
        return;
    }
    bool chair = md_ivr_pin_equal(member->digits->str, room->chair_pin),
         guest = md_ivr_pin_equal(member->digits->str, room->pin);
    if (!chair && !guest) {
        if (md_ivr_count_wrong(member))
            member->pin_tries = TRIES;
        failed(member, "wrong");
        return;
    }
    if (chair)
        member->role = MD_ROLE_CHAIR;
    md_member_enter(member);
}

void md_ivr_tick(MdMember *member, int64_t now_us)
{
    if (member->deadline_us != 0 && now_us >= member->deadline_us)
        failed(member, "not keyed in or wrong");
}
