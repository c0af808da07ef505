/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* Inside this folder only. Control thread. */
#include "mediad/meeting/meeting.h"

typedef struct Meeting Meeting;
typedef struct Trial Trial;

struct MdMeetings {            /* g_rc_box: writes on their way hold it */
    MdMeetingsOptions o;       /* texts not to be used */
    const MdClock *clock;
    GTimeZone *zone;
    MdLogger logger;
    GHashTable *by_id;         /* id → Meeting*, owned: to come and under way */
    GHashTable *by_room;       /* room → Meeting*: those whose room is there */
    GPtrArray *arriving;       /* MdBooking*: new ones on their way to the store */
    GPtrArray *closing;        /* Closing*: rooms that are saying good-bye */
    GHashTable *codes;         /* hash → Code*, owned */
    GHashTable *lists;         /* name → SiteList*, owned */
    GHashTable *budgets;       /* who → ChatBudget*, owned */
    unsigned trial_calls;      /* going on */
    MdChatFn on_chat;
    MdMeetingRecordFn on_record;
    void *chat_user, *record_user;
    int64_t second_us;         /* monotonic: last full look */
    guint source;
    bool stopping;
};

struct Meeting {               /* one that is to come or under way */
    MdMeetings *owner;
    MdBooking *booking;        /* as it is in the store */
    MdBooking *pending;        /* a change on its way there; NULL none */
    bool room_made;            /* by us; else a standing room serves */
    bool went_on;              /* was live before mediad was started anew */
    int64_t room_try_us;       /* monotonic */
    bool recording;            /* was told to be recorded */
    bool dialled, warned, over; /* over: somebody ended it in the room */
    int64_t look_us;           /* monotonic: next look at sites that were away */
    GHashTable *away;          /* accounts that were not registered when they were given up */
    GPtrArray *visits;         /* Visit*: open ones, and those not yet in the store */
    int64_t sampled_us, flush_us; /* monotonic */
    int64_t chat_next;         /* number of the next message; -1: not looked up yet */
    Trial *trial;              /* NULL: none was begun in this run */
};

/* --- meetings.c */
int64_t md_meetings_now_us(const MdMeetings *m);
bool md_meetings_fail(GError **error, MdMeetingError code, const char *format, ...) G_GNUC_PRINTF(3, 4);
Meeting *md_meetings_find(MdMeetings *m, const char *id);
Meeting *md_meetings_add(MdMeetings *m, const MdBooking *booking); /* one that is in the store; it is m's */
/* more is taken, may be NULL. */
void md_meetings_tell(MdMeetings *m, const char *type, const MdBooking *booking, JsonObject *more);
void md_meetings_retain(MdMeetings *m);
void md_meetings_release(gpointer meetings);
MdRole md_meeting_role_from(const char *name);

/* --- change.c */
/* Writes after (taken); then it is the meeting's booking, and event is told. Refused (CHANGED) while another change is under way. */
void md_meeting_change(Meeting *meeting, MdBooking *after, const char *event, MdMeetingDoneFn done, void *user);
/* Writes a new one (taken); then it is among the meetings. */
void md_meetings_arrive(MdMeetings *m, MdBooking *booking, MdMeetingDoneFn done, void *user);
void md_meetings_refuse(MdMeetingDoneFn done, void *user, GError *error); /* error is taken */

/* --- orders.c */
/* Everything that is not over, with what is on its way: for clashes. Of MdBooking*, borrowed; unref the array. */
GPtrArray *md_meetings_wanted(MdMeetings *m);

/* --- run.c: what time does */
void md_meeting_run(Meeting *meeting);
/* After a change: rooms, dial lists, rooms to be closed. */
void md_meeting_follow(Meeting *meeting, const MdBooking *before);
MdRoom *md_meeting_room(Meeting *meeting); /* NULL: not there */
bool md_meeting_ensure_room(Meeting *meeting);
void md_meetings_run_closing(MdMeetings *m, bool all);
/* The last moment it may go on, wall. */
int64_t md_booking_limit_us(const MdBooking *booking);

/* --- code.c */
bool md_codes_load(MdMeetings *m, GError **error);
void md_codes_forget(MdMeetings *m, const char *meeting);
void md_code_free(gpointer code);

/* --- list.c */
bool md_site_lists_load(MdMeetings *m, GError **error);
void md_site_list_free(gpointer list);

/* --- attendance.c */
void md_visits_event(Meeting *meeting, const char *type, const char *member, JsonObject *data);
void md_visits_sample(Meeting *meeting);
void md_visits_end(Meeting *meeting, const char *reason); /* nobody is there any more: all is written */
void md_visits_free(Meeting *meeting);

/* --- chat.c */
void md_chat_budget_free(gpointer budget);
void md_chat_forget_old(MdMeetings *m);

/* --- trial.c */
void md_trial_run(Meeting *meeting);
void md_trial_abort(Meeting *meeting);
void md_trial_drop(Meeting *meeting); /* calls end, nothing is written: mediad stops or the meeting is gone */
/* Is the account in a room, or being rung into one? */
bool md_meetings_is_busy(MdMeetings *m, const char *account);
