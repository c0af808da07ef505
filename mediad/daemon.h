/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <glib.h>
#include "broadcast/alert/air.h"
#include "broadcast/broadcast.h"
#include "broadcast/device-link/manifests.h"
#include "broadcast/device-link/reach.h"
#include "broadcast/bulletin/inboxes.h"
#include "broadcast/exchange/http.h"
#include "broadcast/exchange/upward.h"
#include "broadcast/exchange/vendor-link.h"
#include "broadcast/exchange/vendors.h"
#include "config/settings.h"
#include "mediad/api/api.h"
#include "mediad/conference/conference.h"
#include "mediad/conference/event-feed.h"
#include "mediad/meeting/meeting.h"
#include "mediad/meeting/scenes.h"
#include "mediad/core/log.h"
#include "mediad/core/worker.h"
#include "mediad/recording/recording.h"
#include "mediad/recording/streams.h"
#include "mediad/store/store.h"
#include "mediad/transport/dtls.h"
#include "mediad/transport/ice.h"
#include "mediad/transport/ports.h"
#include "sip/sip.h"

/* The running house: every room that main wired together. Control thread. Rooms start in floor order (the order of the
 * members below) and stop in reverse. */
#define MD_DAEMON_WORKERS_MAX 64

typedef struct MdDaemon {
    CfgSettings *settings;           /* one reference; replaced by md_daemon_take_settings */
    CfgSettings *started;            /* those of the start */
    MdLog *log;
    MdLogger logger;
    GMainLoop *loop;
    MdMailbox *mailbox;              /* drained by the control thread */
    guint mailbox_source, log_source;
    char *local_host, *local_host6;  /* media addresses; either may be NULL */
    MdStore *store;
    MdWorker *workers[MD_DAEMON_WORKERS_MAX];
    unsigned n_workers;
    MdPicturePool *pictures;
    MdPortPool *ports;
    MdDtlsIdentity *dtls;
    MdIceService *ice;
    SgAccounts *accounts;
    SgAgent *agent;
    MdScenes *scenes;
    MdConference *conference;
    MdMeetings *meetings;
    MdFeeds *room_feeds;
    MdRecordings *recordings;
    MdStreams *streams;
    BcBroadcast *broadcast;
    BcAttachments *attachments;
    BcDictionary *dictionary;
    BcBulletins *bulletins;
    BcInboxes *inboxes;
    BcAlertAir *alert_air;
    BcAlerts *alerts;
    GPtrArray *feeds;                /* of BcFeed */
    struct BcInbox *alert_inbox;
    struct BcDrills *drills;
    BcDeviceLink *device_link;       /* NULL: none is set */
    MdLogger link_logger;
    BcMedia *link_media;
    BcLinkReach *link_reach;
    BcManifests *manifests;
    BcExTables *exchange_tables;     /* NULL: nothing is exchanged */
    BcExJournal *exchange_journal;
    BcExHttp *exchange_http;
    BcCentral *central;
    BcUpward *upward;
    BcVendors *vendors;
    BcVendorLink *vendor_link;   /* NULL: no device link */
    MdApi *api;
    MdEventFeed *events;             /* what the conference tells, on its way to browsers and the API */
    struct MdWebDoor *web_door;      /* NULL: no API, so no browsers */
    bool draining;
} MdDaemon;

#define MD_DAEMON_ERROR (g_quark_from_static_string("md-daemon-error"))

/* Starts every room; on failure stops what was started and says which room failed and why. Takes a reference on settings. */
bool md_daemon_start(MdDaemon *daemon, CfgSettings *settings, GError **error);
/* Without starting anything: see md_api_reset_second_factor. mediad may run meanwhile. */
bool md_daemon_reset_second_factor(const CfgSettings *settings, const char *user, GError **error);
/* Builds a new snapshot, checks it, swaps what can change while running, logs the rest; a bad file changes nothing (false + error). ret_changes (see
 * cfg_diff) and ret_problem (g_free; taken over, but not all of it worked) may be NULL. */
bool md_daemon_take_settings(MdDaemon *daemon, GPtrArray **ret_changes, char **ret_problem, GError **error);
/* SIGHUP: the same; faults go to the log. */
void md_daemon_reload(MdDaemon *daemon);
/* SIGTERM: refuse new calls, end present ones, then leave the loop. */
void md_daemon_drain(MdDaemon *daemon);
void md_daemon_stop(MdDaemon *daemon);

/* --- one file each, called by md_daemon_start in floor order --- */
bool md_start_media(MdDaemon *daemon, GError **error);      /* addresses, ports, workers, picture pool */
bool md_start_sip(MdDaemon *daemon, GError **error);
bool md_start_conference(MdDaemon *daemon, GError **error);
bool md_start_recording(MdDaemon *daemon, GError **error);  /* after the conference */
void md_stop_recording(MdDaemon *daemon);
/* Every event of the conference. */
void md_recording_event(MdDaemon *daemon, const char *type, const char *room, const char *json);
bool md_start_broadcast(MdDaemon *daemon, GError **error);
bool md_start_meeting(MdDaemon *daemon, GError **error);    /* after the rooms of the settings are there */
bool md_start_device_link(MdDaemon *daemon, GError **error);
/* What is announced and planned, on its way over the device link. */
bool md_start_link_plays(MdDaemon *daemon, GError **error);
void md_stop_link_plays(MdDaemon *daemon);
bool md_start_bulletin(MdDaemon *daemon, GError **error);   /* review, attachments, inboxes */
void md_stop_bulletin(MdDaemon *daemon);
bool md_start_api(MdDaemon *daemon, GError **error);
bool md_start_web(MdDaemon *daemon, GError **error);        /* browsers; after the API and meetings */
void md_stop_web(MdDaemon *daemon);
/* Every event of the conference, for the browsers of that room that may see it. */
void md_web_event(MdDaemon *daemon, const MdEvent *event);
bool md_start_boards(MdDaemon *daemon, GError **error);     /* called by md_start_api */
bool md_start_outputs(MdDaemon *daemon, GError **error);    /* called by md_start_api */
bool md_start_alert(MdDaemon *daemon, GError **error);      /* after the API, which its routes are added to */
/* For the operations centre: what waits, sounds or was said and holds still, that concerns an area ("": all). user: the daemon; new node. */
JsonNode *md_alerts_in_force(const char *area, void *user);
void md_quiesce_alert(MdDaemon *daemon);
void md_stop_alert(MdDaemon *daemon);
void md_start_reports(MdDaemon *daemon);                     /* called by md_start_api */
bool md_start_exchange(MdDaemon *daemon, GError **error);   /* after the API */
void md_reload_conference(MdDaemon *daemon);
void md_reload_exchange(MdDaemon *daemon);
void md_stop_exchange(MdDaemon *daemon);
/* Areas, site accounts (with passwords made now, written to state_dir/credentials.csv), rooms of the settings. */
bool md_provision(MdDaemon *daemon, GError **error);
/* Rooms added, removed or changed since old. */
void md_provision_rooms(MdDaemon *daemon);

/* The call router (MdCallRouterFn); user: MdDaemon. */
void md_router_route(MdCall *call, void *user);
