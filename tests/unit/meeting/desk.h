/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/meeting/meeting.h"
#include "tests/fixtures/meeting.h"

/* A store on disk, a conference in virtual time, and meetings over both. */
typedef struct Desk {
    char *dir;
    MdStore *store;
    Meeting *meeting;
    MdMeetings *meetings;
    GPtrArray *events;     /* char*: "type {json}" */
    GPtrArray *chat;       /* char*: "to name: text" */
    bool lasting;          /* how its room stood is found again after desk_stop */
    char *scene;           /* that, NULL nothing */
    unsigned trial_calls;  /* for the next desk_start */
    int recorded;          /* 1: begun, -1: ended */
    GError *error;         /* of the last order */
    MdBooking *last;       /* of the last order, NULL refused */
    bool waiting;
} Desk;

Desk *desk_new(void);
void desk_free(Desk *desk);
void desk_start(Desk *desk);   /* meetings, reading the store */
void desk_stop(Desk *desk);    /* the meetings and the conference, as when mediad stops; the store stays */
void desk_run_s(Desk *desk, unsigned seconds);
void desk_settle(Desk *desk);  /* until the store has nothing to do */
int64_t desk_wall_us(const Desk *desk);
unsigned desk_events(const Desk *desk, const char *type);
const char *desk_last_event(const Desk *desk, const char *type); /* its JSON; NULL none */
void desk_done(const MdBooking *booking, const GError *error, void *desk);
/* Booked, so many minutes from now, for so long; sites: "a,b". Takes nothing; the booking is desk->last. */
MdBooking *desk_wish(Desk *desk, const char *title, int in_min, int minutes, const char *sites); /* unref */
const MdBooking *desk_put(Desk *desk, const MdBooking *wish, const char *force);
const MdBooking *desk_book(Desk *desk, const char *title, int in_min, int minutes, const char *sites);
void desk_expect_error(Desk *desk, MdMeetingError code);

void desk_answer(FakeCall *call, const char *sdp);
FakeCall *desk_call_to(Desk *desk, const char *target); /* the last one; NULL: none */
MdMeetingState desk_state_of(Desk *desk, const char *id);
