/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/core/clock.h"
#include "mediad/meeting/booking.h"
#include "mediad/meeting/trial-cause.h"
#include "mediad/store/store.h"

/* Meetings: booked, checked, held and accounted for. Above rooms: a booking makes its room some minutes before the start, calls its sites,
 * counts who was there, and ends it. Everything is in the store before it shows, so that a restart goes on where it was.
 * Control thread. */
typedef struct MdMeetings MdMeetings;

#define MD_MEETING_ERROR (md_meeting_error_quark())
GQuark md_meeting_error_quark(void);
typedef enum MdMeetingError {
    MD_MEETING_ERROR_INVALID,   /* the message names the field */
    MD_MEETING_ERROR_NOT_FOUND,
    MD_MEETING_ERROR_CLASH,     /* a room or site is taken: see ret_clashes */
    MD_MEETING_ERROR_CHANGED,   /* somebody else changed it meanwhile */
    MD_MEETING_ERROR_STATE,     /* not any more, or not yet */
    MD_MEETING_ERROR_LIMIT,
    MD_MEETING_ERROR_EARLY,     /* a code before its room opens; the message ends with the local time, "HH:MM dd/mm/yyyy" */
} MdMeetingError;

#define MD_MEETINGS_MAX 2000u          /* that are still to come or under way */
#define MD_CHAT_TEXT_MAX 1000u         /* characters */
#define MD_CHAT_MESSAGES_MAX 5000u     /* kept of one meeting */
#define MD_SITE_LISTS_MAX 200u
#define MD_MEETING_CODES_MAX 1000u     /* of one meeting */

/* data is taken. Types: meeting.created, meeting.changed, meeting.cancelled, meeting.opened, meeting.started, meeting.ending,
 * meeting.ended, trial.started, trial.progress, trial.ended, chat.message. */
typedef void (*MdMeetingEventFn)(const char *type, JsonNode *data, void *user);

typedef struct MdChatMessage {        /* strings borrowed */
    const char *meeting, *room;       /* meeting NULL: of a room without booking, kept nowhere */
    const char *member;               /* NULL: from outside the room */
    const char *name, *account;       /* of who wrote it; account may be NULL */
    const char *to;                   /* "all", "secretary" */
    const char *text;
    int64_t time_us;                  /* wall */
} MdChatMessage;

typedef struct MdMeetingsOptions {
    MdStore *store;
    MdConference *conference;
    MdDialer *dialer;                 /* who is registered; NULL: everybody is taken for it */
    const char *timezone;             /* NULL: Asia/Ho_Chi_Minh */
    MdMeetingEventFn on_event;        /* may be NULL */
    void *user;
    unsigned open_min, grace_min;     /* of new bookings that say nothing */
    unsigned trial_before_min;        /* 0: 60 */
    unsigned trial_calls;             /* at one time, 0: 6 */
    const MdLogger *logger;
    const MdClock *clock;             /* NULL: system, and it runs by itself on the main loop. Else the owner calls md_meetings_tick */
} MdMeetingsOptions;

/* Reads what is to come and under way; NULL + error. */
MdMeetings *md_meetings_new(const MdMeetingsOptions *options, GError **error);
/* Before the conference. Meetings under way go on after the next start. */
void md_meetings_free(MdMeetings *meetings);
void md_meetings_tick(MdMeetings *meetings); /* once a second by itself */
GTimeZone *md_meetings_zone(const MdMeetings *meetings); /* borrowed */
int64_t md_meetings_wall_us(const MdMeetings *meetings);
/* Every event of the conference is handed on to this. */
void md_meetings_room_event(MdMeetings *meetings, const char *type, const char *room, const char *member, const char *json_object);

/* For those in the room: a message to all, or to its secretary. Later ones replace it; NULL nobody. */
typedef void (*MdChatFn)(const MdChatMessage *message, void *user);
void md_meetings_on_chat(MdMeetings *meetings, MdChatFn fn, void *user);
/* A meeting that is to be recorded has begun, or is over. Told again after a restart in the middle. */
typedef void (*MdMeetingRecordFn)(const MdBooking *booking, bool record, void *user);
void md_meetings_on_record(MdMeetings *meetings, MdMeetingRecordFn fn, void *user);

extern const MdMigration md_meeting_migrations[]; /* 400-419 */
extern const unsigned md_meeting_n_migrations;

/* A new booking with what is usual in this house. */
MdBooking *md_meetings_draft(MdMeetings *meetings);
/* booking NULL: refused, why in error. done runs once, now or later. */
typedef void (*MdMeetingDoneFn)(const MdBooking *booking, const GError *error, void *user);
/* A new one (id, state, version and times of change are made here) or, where wanted->id is known, the change of one: version must be that of
 * the present one. Clashes refuse it (CLASH, told in *ret_clashes, unref; may be NULL) unless forced_because is given. */
void md_meetings_put(MdMeetings *meetings, const MdBooking *wanted, const char *forced_because, const char *who, GPtrArray **ret_clashes, MdMeetingDoneFn done, void *user);
void md_meetings_cancel(MdMeetings *meetings, const char *id, const char *because, const char *who, MdMeetingDoneFn done, void *user);
/* Begins it now instead of waiting; ends it now for all. */
void md_meetings_start(MdMeetings *meetings, const char *id, const char *who, MdMeetingDoneFn done, void *user);
void md_meetings_end(MdMeetings *meetings, const char *id, const char *who, MdMeetingDoneFn done, void *user);
/* Unref; NULL: none (or error). Also of those long over. */
MdBooking *md_meetings_get(MdMeetings *meetings, const char *id, GError **error);
MdBooking *md_meetings_of_room(MdMeetings *meetings, const char *room); /* open or live there now; unref; NULL none */
/* Those that touch [from_us, to_us), by start; of MdBooking*, unref the array. NULL + error. */
GPtrArray *md_meetings_list(MdMeetings *meetings, int64_t from_us, int64_t to_us, unsigned limit, GError **error);

/* What an account that calls room itself is there; fallback where the meeting says nothing. *ret_refused: it may not come in (confidential, not
 * invited). Rooms without a meeting: fallback. */
MdRole md_meetings_role(MdMeetings *meetings, const char *room, const char *account, MdRole fallback, bool *ret_refused);
MdRole md_meetings_role_of(MdMeetings *meetings, const char *room, const char *account); /* MD_ROLE_INVALID: nothing is said of it */

/* --- join links (code.c): 128 random bits for one invitee, kept as a hash, good while the meeting may be joined --- */
typedef struct MdMeetingLink {        /* strings never NULL */
    char *id;                         /* for taking it back; not the code */
    char *code;                       /* only where it was just made, else NULL */
    char *account, *name, *role;      /* account "": a guest of that name */
    int64_t created_us, used_us, revoked_us; /* wall, 0: never */
    int64_t uses;
} MdMeetingLink;
typedef void (*MdMeetingLinksFn)(GPtrArray *codes /* MdMeetingLink*, borrowed; NULL: refused */, const GError *error, void *user);
/* One for each invitee (their account may be ""). A former code of the same account is taken back. */
void md_meetings_make_codes(MdMeetings *meetings, const char *id, GPtrArray *invitees /* MdInvitee* */, const char *who, MdMeetingLinksFn done, void *user);
GPtrArray *md_meetings_codes(MdMeetings *meetings, const char *id, GError **error); /* of MdMeetingLink*; unref */
void md_meetings_revoke_code(MdMeetings *meetings, const char *id, const char *code_id, MdMeetingDoneFn done, void *user);

/* What a code leads to: strings valid during the call. */
typedef struct MdMeetingCode {
    const char *meeting, *room, *name;
    const char *account;              /* NULL: a guest of that name */
    MdRole role;
    bool past_lobby;                  /* invited by name: need not wait outside */
} MdMeetingCode;
typedef void (*MdMeetingCodeFn)(const MdMeetingCode *code /* NULL: error says why, for people */, const GError *error, void *user);
/* For the door: whose code is it, and where does it lead? The first browser (a secret of its own, 16 to 200 characters) that shows a code keeps it:
 * any other one is refused. Refused, too: unknown or taken back (NOT_FOUND), too early (EARLY) or too late, another browser's (STATE). done runs once, after it
 * is in the store; the room is there then. */
void md_meetings_use_code(MdMeetings *meetings, const char *code, const char *browser, MdMeetingCodeFn done, void *user);
/* The same without binding it: for the page that says what the link is for. */
bool md_meetings_look_at_code(MdMeetings *meetings, const char *code, MdMeetingCode *ret, GError **error);

/* --- saved lists of sites (list.c) --- */
typedef struct MdSiteList {           /* borrowed until control returns to the main loop */
    const char *name;                 /* [a-z0-9._-]{1,64} */
    const char *title;
    const char *const *accounts;      /* NULL-terminated */
    int64_t changed_us;
    const char *changed_by;
} MdSiteList;
typedef void (*MdSiteListDoneFn)(const GError *error, void *user);
GPtrArray *md_site_lists(MdMeetings *meetings);               /* of MdSiteList*, by name; unref */
const MdSiteList *md_site_list_find(MdMeetings *meetings, const char *name);
void md_site_list_put(MdMeetings *meetings, const MdSiteList *list, const char *who, MdSiteListDoneFn done, void *user);
void md_site_list_remove(MdMeetings *meetings, const char *name, MdSiteListDoneFn done, void *user);

/* --- attendance (attendance.c, sheet.c): who was there, from what was seen of them --- */
typedef struct MdVisit {              /* one stay */
    char *member, *account, *name, *role, *reason; /* account "": none; reason: why it left, "" it is here */
    int64_t joined_us, left_us, seen_us; /* wall; left 0: still here */
    int64_t camera_s, mic_s, talk_s, floor_s; /* picture came; microphone open; was heard; had the floor */
} MdVisit;
typedef struct MdAttendee {           /* all stays of one party */
    char *account, *name, *role;
    bool invited;
    unsigned visits, reconnects;
    int64_t first_us, last_us;        /* wall, 0: was not there; last: when it left, or was seen last */
    int64_t present_s, camera_s, mic_s, talk_s, floor_s;
    bool here;
} MdAttendee;
typedef struct MdAttendance {
    MdBooking *booking;
    GPtrArray *attendees;             /* MdAttendee*: invited in their order, then others as they came */
    GPtrArray *visits;                /* MdVisit*, by time */
    unsigned invited, present;        /* of the invited */
} MdAttendance;
/* Of the store, and what is not written yet. NULL + error. */
MdAttendance *md_meetings_attendance(MdMeetings *meetings, const char *id, GError **error);
void md_attendance_free(MdAttendance *attendance);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdAttendance, md_attendance_free)
/* Pure: visits (MdVisit*) of a booking put together. Takes the array. */
MdAttendance *md_attendance_sum(const MdBooking *booking, GPtrArray *visits, int64_t now_us);
void md_visit_free(MdVisit *visit);
char *md_attendance_csv(const MdAttendance *attendance, GTimeZone *zone);   /* RFC 4180 with a byte order mark; Vietnamese heads; g_free */
char *md_attendance_page(const MdAttendance *attendance, GTimeZone *zone);  /* HTML to print, Vietnamese; g_free */

/* --- chat (chat.c) --- */
/* Somebody in the room (member) or at a desk (member NULL, name and account given) writes to "all" or "secretary". Of a booked meeting it is kept,
 * unless it is confidential. Refused: empty, too long, too fast, nobody there of that name. */
bool md_meetings_chat(MdMeetings *meetings, const char *room, const char *member, const char *name, const char *account, const char *to, const char *text,
                      GError **error);
/* In order; those to the secretary only when all. false + error. */
bool md_meetings_chat_list(MdMeetings *meetings, const char *id, bool all, MdChatFn fn, void *user, GError **error);

/* --- trial (trial.c, trial-call.c, trial-report.c): every site is called by itself and its line checked --- */
typedef enum MdTrialState { MD_TRIAL_WAITING, MD_TRIAL_CALLING, MD_TRIAL_CHECKING, MD_TRIAL_DONE, MD_TRIAL_STATE_MAX } MdTrialState;
const char *md_trial_state_to_string(MdTrialState state); /* "waiting", "calling", "checking", "done" */
typedef struct MdTrialSite {          /* borrowed until control returns to the main loop */
    const char *account, *name;
    MdTrialState state;
    int64_t called_us, done_us;       /* wall, 0: not yet */
    unsigned attempts;
    MdTrialEvidence evidence;         /* DONE */
    MdTrialVerdict verdict;           /* DONE */
} MdTrialSite;
typedef struct MdTrial {
    bool running;
    int64_t begun_us;                 /* wall, 0: never */
    GPtrArray *sites;                 /* MdTrialSite*, in the order of the invited */
    unsigned passed, warned, failed, left;
} MdTrial;
/* Calls these (NULL: all invited) now, each once more. STATE: it has begun, is cancelled or over. */
bool md_meetings_trial_start(MdMeetings *meetings, const char *id, const char *const *accounts, GError **error);
bool md_meetings_trial_stop(MdMeetings *meetings, const char *id, GError **error); /* nobody more is called; calls end */
/* How it stands; free with md_trial_free. NULL + error: no such meeting. */
MdTrial *md_meetings_trial(MdMeetings *meetings, const char *id, GError **error);
void md_trial_free(MdTrial *trial);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdTrial, md_trial_free)
/* The list for the technician, what needs hands first; pure, g_free (trial-sheet.c). */
char *md_trial_csv(const MdTrial *trial, GTimeZone *zone);   /* RFC 4180 with a byte order mark; Vietnamese heads */
char *md_trial_page(const MdTrial *trial, const MdBooking *booking, GTimeZone *zone); /* HTML to print, Vietnamese */
