/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/alert/alert.h"
#include "broadcast/board/board.h"
#include "broadcast/broadcast.h"
#include "broadcast/bulletin/inboxes.h"
#include "broadcast/exchange/central.h"
#include "broadcast/exchange/vendors.h"
#include "broadcast/output/multicast.h"
#include "broadcast/output/output.h"
#include "broadcast/device-link/media.h"
#include "broadcast/device-link/service.h"
#include "config/settings.h"
#include "mediad/api/api.h"
#include "mediad/conference/conference.h"
#include "mediad/meeting/meeting.h"
#include "mediad/recording/recording.h"
#include "mediad/recording/streams.h"
#include "sip/sip.h"

/* What the API offers of each room of the house: routes and metrics. Called by main after md_api_new; what is handed over must
 * outlive the api. Control thread. */

/* Rooms, members, dial lists, statistics of legs. Rooms made by the API are kept in the store and made again here. */
void md_api_add_rooms(MdApi *api, MdConference *conference);
/* Routes that run a meeting are open to those who are its chair, secretary … too. booked (may be NULL): what the account is to be in the meeting
 * that runs in the room, INVALID: nothing is said of it. */
typedef MdRole (*MdApiBookedFn)(const char *room, const char *account, void *user);
void md_api_add_meeting_rights(MdApi *api, MdConference *conference, MdApiBookedFn booked, void *user);
JsonArray *md_api_may_array(MdRole role); /* names of what the role may do; new */
/* Recordings and live streams of meetings. Call after md_api_add_rooms. */
void md_api_add_recordings(MdApi *api, MdRecordings *recordings, MdStreams *streams, MdConference *conference);
/* What GET /rooms/{room} says, and GET /rooms/{room}/members without statistics; everything: with accounts and addresses. New. */
JsonObject *md_api_room_object(MdRoom *room);
JsonArray *md_api_member_array(MdRoom *room, bool everything);
JsonNode *md_api_content_json(MdRoom *room); /* {"member": "m3"} or null */
/* SIP accounts, registrations, banned sources. agent may be NULL (tests): nobody is registered then. */
void md_api_add_accounts(MdApi *api, SgAccounts *accounts, SgAgent *agent);

/* Meetings, their trial, links, attendance and chat, saved lists of sites. broadcast may be NULL: areas hold themselves alone then. The API must be
 * freed before all of them. */
void md_api_add_meetings(MdApi *api, MdMeetings *meetings, SgAccounts *accounts, BcBroadcast *broadcast);

/* Sources that gave offence over SIP. */
void md_api_add_sources(MdApi *api, SgAgent *agent);

/* Areas, loudspeakers, content, schedules, live sound, announcements and the play log; broadcast's events are published. An account
 * with an area works in that area's subtree only. The API must be freed before broadcast. */
void md_api_add_broadcast(MdApi *api, BcBroadcast *broadcast);

/* Streams of what areas hear. Takes outputs. everybody: no key needed; key NULL: signed-in accounts only. */
void md_api_add_outputs(MdApi *api, BcOutputs *outputs, bool everybody, const char *key);

/* Multicast groups of devices. Takes multicasts. */
void md_api_add_multicasts(MdApi *api, BcBroadcast *broadcast, BcMulticasts *multicasts);
/* Enrolment, commands, health, incidents, why a loudspeaker is silent. link may be NULL: none is set; what needs it is refused then. */
void md_api_add_device_link(MdApi *api, BcBroadcast *broadcast, BcDeviceLink *link);
/* Recordings for loudspeakers of the link. */
void md_api_add_link_media(MdApi *api, BcBroadcast *broadcast, BcDeviceLink *link, BcMedia *media);

/* Boards: their page, what they show. Takes boards; dir: where their pictures and videos lie. */
void md_api_add_boards(MdApi *api, BcBroadcast *broadcast, BcBoards *boards, const char *dir);

/* Bulletins and what belongs to them; their events are published. The API must be freed before all four. */
void md_api_add_bulletins(MdApi *api, BcBulletins *bulletins, BcAttachments *attachments, BcDictionary *dictionary, BcInboxes *inboxes);

typedef struct MdApiListener {
    const char *kind;    /* "sip-udp", "https" … */
    const char *address; /* "[::]:5060" */
} MdApiListener;
typedef struct MdApiStatus { /* copied; strings and the array too */
    MdConference *conference; /* any of these may be NULL */
    SgAccounts *accounts;
    SgAgent *agent;
    unsigned workers;
    const MdApiListener *listeners;
    unsigned n_listeners;
} MdApiStatus;
void md_api_add_status(MdApi *api, const MdApiStatus *status);

typedef struct MdApiSettings { /* copied */
    const CfgSettings *(*current)(void *user); /* the last that was taken over */
    const CfgSettings *(*started)(void *user); /* those of the start */
    /* Reads the file anew and takes it over. false + error: faulty, nothing changed. ret_problem (g_free): taken over, but not all of it worked. */
    bool (*reload)(void *user, GPtrArray **ret_changes, char **ret_problem, GError **error);
    void *user;
} MdApiSettings;
void md_api_add_settings(MdApi *api, const MdApiSettings *settings);

typedef struct MdApiAlertKey {
    const char *key;             /* of X-Alert-Key */
    BcAlertSource source;
} MdApiAlertKey;
/* Alerts, emergencies, drills. keys are copied; bulletins NULL: emergencies name none. The API must be freed before all of them. */
void md_api_add_alerts(MdApi *api, BcBroadcast *broadcast, BcAlerts *alerts, BcBulletins *bulletins, const MdApiAlertKey *keys, unsigned n_keys);

/* Reports of what was played, the feed for the operations centre, what people report. All of it may be NULL; copied. */
typedef void (*MdApiDraftFn)(const char *id, const GError *error, void *user);
typedef struct MdApiReports {
    bool (*online)(const char *device, void *user);          /* of loudspeakers that are not rung */
    JsonNode *(*alerts)(const char *area, void *user);       /* what is in force in an area ("" everywhere), for the feed; new node */
    /* A draft of a bulletin from an answer; done once, with its id or why not. */
    void (*draft)(const char *area, const char *external, const char *title, const char *text, const char *who, MdApiDraftFn done, void *done_user,
                  void *user);
    void *user;
} MdApiReports;
void md_api_add_reports(MdApi *api, BcBroadcast *broadcast, const MdApiReports *with);

/* The journal of messages with other systems, and where the central one puts its own (a key with the purpose "central"). central may be
 * NULL. The API must be freed before both. */
void md_api_add_exchange(MdApi *api, BcExJournal *journal, BcCentral *central);
/* Devices of other makers. A key's name (purpose "vendor") is the make. The API must be freed before vendors; tables: as of now, asked each time. */
void md_api_add_vendors(MdApi *api, BcBroadcast *broadcast, BcVendors *vendors, BcExTables *(*tables)(void *user), void *user);
