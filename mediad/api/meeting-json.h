/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/api/nouns.h"

/* What meetings.c, meeting-invite.c, meeting-links.c, meeting-papers.c, meeting-trial.c and site-lists.c share. */
typedef struct MdApiMeetings {
    MdApi *api;
    MdMeetings *meetings;
    SgAccounts *accounts;
    BcBroadcast *broadcast; /* NULL: areas hold themselves alone */
} MdApiMeetings;

JsonNode *md_api_meeting_object(JsonObject *object /* taken */);
void md_api_meeting_error(MdApiRequest *request, const GError *error);
/* The meeting a request names, if its account may know of it: unref; replies and returns NULL when not. */
MdBooking *md_api_meeting_of(MdApiRequest *request, MdApiMeetings *s);
typedef enum MdApiMeetingRight {
    MD_API_MEETING_PREPARE, /* trial, links: who operates meetings, its chair, secretary and technician */
    MD_API_MEETING_RUN,     /* start, end: who operates meetings, its chairs */
    MD_API_MEETING_PAPERS,  /* attendance, what went to the secretary: who operates meetings or audits, its chairs and secretary */
} MdApiMeetingRight;
/* Replies 403 when not. */
bool md_api_meeting_may(MdApiRequest *request, const MdBooking *booking, MdApiMeetingRight right);
bool md_api_meeting_has(MdApiRequest *request, const MdBooking *booking, MdApiMeetingRight right); /* without a reply */
JsonObject *md_api_meeting_json(MdApiMeetings *s, const MdBooking *booking, bool whole, bool secrets);

/* meeting-invite.c: "sites", "invite" and "uninvite" of a body. The error names the field. */
bool md_api_meeting_invite(MdApiMeetings *s, JsonObject *body, MdBooking *booking, GError **error);
bool md_api_meeting_knows(MdApiMeetings *s, const char *account); /* an account of a device or a person */
char *md_api_meeting_name(MdApiMeetings *s, const char *account); /* g_free; NULL none */

void md_api_add_meeting_links(MdApiMeetings *s);
void md_api_add_meeting_papers(MdApiMeetings *s);
void md_api_add_meeting_trial(MdApiMeetings *s);
void md_api_add_site_lists(MdApiMeetings *s);

#define MT_FLAG "{\"type\":\"boolean\"}"
#define MT_INT "{\"type\":\"integer\"}"
#define MT_TEXT "{\"type\":\"string\"}"
#define MT_TIME "{\"type\":\"integer\",\"description\":\"microseconds since 1970-01-01 UTC, 0: not\"}"
#define MT_ACCOUNT "{\"type\":\"string\",\"minLength\":1,\"maxLength\":256,\"description\":\"account or sip: URI\"}"
#define MT_ACCOUNTS(least) "{\"type\":\"array\",\"minItems\":" least ",\"maxItems\":500,\"items\":" MT_ACCOUNT "}"
#define MT_ROLE                                                                                                        \
    "{\"type\":\"string\",\"enum\":[\"guest\",\"observer\",\"site\",\"technician\",\"secretary\",\"operator\",\"co-chair\",\"chair\"]}"
#define MT_NO_QUERY "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}"
