/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <json-glib/json-glib.h>
#include "mediad/conference/conference.h"

/* One meeting as it was booked, and how far it has come. Immutable once it is handed out; counted. Any thread. */
typedef enum MdMeetingState {
    MD_MEETING_SCHEDULED,
    MD_MEETING_OPEN,      /* its room is there, sites may come in */
    MD_MEETING_LIVE,      /* it has begun: sites are called */
    MD_MEETING_ENDED,
    MD_MEETING_CANCELLED,
    MD_MEETING_STATE_MAX,
    MD_MEETING_STATE_INVALID = -1,
} MdMeetingState;
const char *md_meeting_state_to_string(MdMeetingState state); /* "scheduled", "open", "live", "ended", "cancelled" */
MdMeetingState md_meeting_state_from_string(const char *name);

#define MD_BOOKING_SITES_MAX 500u
#define MD_BOOKING_AGENDA_MAX 200u
#define MD_BOOKING_TITLE_MAX 200u      /* characters */
#define MD_BOOKING_MINUTES_MAX 1440u
#define MD_BOOKING_AHEAD_DAYS 730

typedef struct MdAgendaItem {
    char *who, *subject;              /* UTF-8 */
    unsigned minutes;                 /* 0: not said */
} MdAgendaItem;

typedef struct MdInvitee {
    char *account;                    /* account, or a SIP address */
    char *name;                       /* as people know it */
    char *role;                       /* the room's word: "site", "observer" … */
} MdInvitee;

typedef struct MdBooking {            /* strings are never NULL: "" none */
    char *id;
    int64_t version;                  /* grows with every change by people: what is said back to change it */
    MdMeetingState state;
    char *title;
    char *room;                       /* user part of its SIP address */
    int64_t start_us, end_us;         /* wall */
    GPtrArray *agenda;                /* MdAgendaItem* */
    GPtrArray *sites;                 /* MdInvitee*, each account once */
    char *chair, *co_chair, *secretary, *technician; /* accounts */
    char *pin, *chair_pin;            /* digits */
    char *language;                   /* of prompts: "vi", "en" */
    bool lobby, mute_on_entry, wait_for_chair, confidential, record;
    bool dial;                        /* the sites are called at the start */
    bool trial;                       /* and checked before */
    unsigned max_minutes;             /* from its real start, 0: no limit but end and grace */
    unsigned open_min;                /* the room is there so many minutes before */
    unsigned grace_min;               /* it may go on so long after its end */
    char *forced_because, *cancelled_because;
    char *created_by, *changed_by;
    int64_t created_us, changed_us;
    int64_t opened_us, started_us, ended_us; /* wall, 0: not yet */
    int64_t trial_for_us;             /* the start that sites were called for by themselves to check them, 0 never */
} MdBooking;

MdBooking *md_booking_new(void);      /* with the usual options */
MdBooking *md_booking_copy(const MdBooking *from); /* to be altered */
MdBooking *md_booking_ref(const MdBooking *booking);
void md_booking_unref(MdBooking *booking);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdBooking, md_booking_unref)

void md_booking_add_item(MdBooking *booking, const char *who, const char *subject, unsigned minutes);
/* One more; an account that is invited already is left as it is. name, role may be NULL: the account, "site". */
void md_booking_invite(MdBooking *booking, const char *account, const char *name, const char *role);
const MdInvitee *md_booking_invitee(const MdBooking *booking, const char *account); /* NULL: not invited */
/* What an account is in this meeting: chair … technician, as invited; NULL: nothing. */
const char *md_booking_role(const MdBooking *booking, const char *account);
/* Sound in itself? The error says what is wrong with which field. now_us wall; 0: of a meeting that has begun. */
bool md_booking_check(const MdBooking *booking, int64_t now_us, GError **error);

/* As it is stored. NULL + error: written by somebody else. */
JsonObject *md_booking_to_json(const MdBooking *booking);
MdBooking *md_booking_from_json(JsonObject *object, GError **error);

/* Two meetings that want the same room or the same site at one time. */
typedef struct MdClash {
    bool room;                        /* else a site */
    char *account, *name;             /* the site; the room's name twice */
    char *meeting, *title;            /* the other one */
    int64_t start_us, end_us;         /* of the other one, wall */
} MdClash;
/* Of wanted with others (MdBooking*): those that are over or cancelled, and itself, do not count. Unref the array. */
GPtrArray *md_booking_clashes(const MdBooking *wanted, GPtrArray *others);
/* "xã Thạch Hà: Giao ban tuần (08:00-09:30 22/11/2026); …" in words for people; g_free. */
char *md_clashes_to_text(GPtrArray *clashes, GTimeZone *zone);
