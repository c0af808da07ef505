/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>
#include "mediad/core/log.h"
#include "mediad/core/media.h"

/* Every setting of mediad as one immutable snapshot. What each means, its unit, range and default stand in one table
 * (config/table.c) that also makes --print-config, the samples and mediad.conf(5); this header only says where it lands.
 * A text left out in the file and without a default is NULL. Lists are pointer + count; char ** are NULL-terminated.
 * Thread: a snapshot may be read by any; count and free from any. */

typedef enum CfgTransport { CFG_UDP, CFG_TCP, CFG_TLS, CFG_TRANSPORT_MAX } CfgTransport;
typedef enum CfgDigest { CFG_DIGEST_MD5, CFG_DIGEST_SHA256, CFG_DIGEST_MAX } CfgDigest;

typedef struct CfgGeneral {
    char *domain;               /* SIP domain and digest realm */
    char **aliases;             /* further host parts taken for our own */
    char *state_dir;
    char *timezone;             /* IANA name */
    char *language;             /* "vi", "en" */
    unsigned workers;           /* media threads, 0: one per core */
    bool pin_workers;
    unsigned picture_threads;   /* 0: one per core */
    int picture_nice;
} CfgGeneral;

typedef struct CfgLogTopic {
    char *topic;                /* "sip/registrar" */
    int level;                  /* MdLogLevel */
} CfgLogTopic;

typedef struct CfgLog {
    int level;                  /* MdLogLevel */
    CfgLogTopic *topics;
    unsigned n_topics;
    unsigned repeat_burst;      /* lines of one kind and object per interval, 0: no limit */
    unsigned repeat_interval_s;
} CfgLog;

typedef struct CfgListener {
    int transport;              /* CfgTransport */
    char *address;              /* numeric */
    unsigned port;
    char **trusted;             /* addresses or CIDR blocks that call without signing in */
    int *digests;               /* CfgDigest */
    unsigned n_digests;
    int security;               /* MdSecurity */
} CfgListener;

typedef struct CfgSip {
    CfgListener *listeners;
    unsigned n_listeners;
    char *advertised_host;      /* NULL: the socket's address */
    char *tls_certificate, *tls_key, *tls_ca;
    bool tls_verify;
    unsigned expires_min_s, expires_max_s, expires_default_s;
    unsigned bindings_max;      /* all accounts */
    unsigned account_bindings_max;
    unsigned nonce_lifetime_s;
    unsigned probe_after_s;     /* OPTIONS to a binding silent this long */
    unsigned session_expires_s, min_se_s; /* RFC 4028 */
    bool bfcp;                  /* floor control of content (RFC 8855) */
    unsigned bfcp_port;         /* 0: any */
    unsigned t1_ms;             /* RFC 3261, 17.1.1.1 */
    unsigned calls_max, calls_in_max, dials_per_s;
    bool allow_guests;          /* callers without an account may reach rooms that have a PIN */
    unsigned message_max_bytes;
    unsigned tcp_idle_s;
    unsigned guard_rate_per_s, guard_burst; /* messages per source */
    unsigned guard_sources_max;
    unsigned guard_connections_per_source, guard_connections_max;
    unsigned guard_bad_passwords, guard_window_s, guard_ban_s;
} CfgSip;

typedef struct CfgTrunk {
    char *name;
    char *proxy;                /* sip: or sips: URI */
    int transport;              /* CfgTransport */
    char *username;             /* NULL: no digest */
    char *password_file;        /* first line of it is the password */
    int security;               /* MdSecurity */
} CfgTrunk;

typedef struct CfgMedia {
    char *address4, *address6;  /* NULL: the machine's own, by route */
    unsigned port_min, port_max;
    int security;               /* MdSecurity */
    int *audio_codecs;          /* MdAudioCodec, order of preference */
    unsigned n_audio_codecs;
    int *video_codecs;          /* MdVideoCodec, order of preference; empty: no pictures */
    unsigned n_video_codecs;
    unsigned jitter_min_ms, jitter_max_ms;
} CfgMedia;

typedef struct CfgIce {
    char *stun_host;            /* numeric; NULL: none */
    unsigned stun_port;
    char *relay_host;           /* numeric; NULL: none */
    unsigned relay_port;
    int relay_transport;        /* MdIceRelayKind */
    char *relay_username;
    char *relay_password_file;  /* first line of it is the password */
    unsigned sessions_max;
} CfgIce;

typedef struct CfgVideoClass {
    char *name;                 /* "720p" */
    unsigned width, height, fps, bitrate_kbps;
} CfgVideoClass;

typedef struct CfgVideo {
    CfgVideoClass *classes;     /* at least one */
    unsigned n_classes;
    char *max_class;            /* name of one of them: the largest sent or asked for */
    char *font;
} CfgVideo;

typedef struct CfgConference {
    bool create_on_call;
    char *prompt_dir;
    unsigned redial_first_s, redial_max_s, redial_give_up_s;
    unsigned loudest;
    unsigned rooms_max, members_max;
    unsigned views_max;          /* pictures of members' own in a room */
    bool content, offer_content; /* slides and screens as a second stream */
    unsigned forward_max;       /* lines of a room for forwarded pictures, 0: none */
} CfgConference;

typedef struct CfgMeeting {
    unsigned open_min, grace_min;
    unsigned trial_before_min, trial_calls;
} CfgMeeting;

typedef struct CfgRoom {
    char *name;                 /* user part of its SIP address */
    char *title;                /* NULL: name */
    char *pin, *chair_pin;      /* digits; NULL none */
    bool wait_for_chair, mute_on_entry;
    bool lobby;                 /* guests wait until they are admitted */
    char *layout;               /* for md_layout_from_string */
    int security;               /* MdSecurity */
    unsigned max_members;
    char *language;             /* "vi", "en"; NULL: general.language */
    char **dial;                /* accounts or URIs rung when the meeting begins; "*": every account of sites */
    bool redial;
} CfgRoom;

typedef struct CfgProvince {
    char *code;                 /* administrative code */
    char *name;
} CfgProvince;

typedef struct CfgArea {
    char *code;                 /* administrative code, unique */
    char *name;
    char *kind;                 /* "phuong", "xa", "thon", "to-dan-pho", "khac" */
    char *parent;               /* code of a former area; NULL: the province */
    char *ident_code;           /* identifier code (QĐ 20/2020/QĐ-TTg); NULL unknown */
    double lat, lon;            /* WGS 84 degrees; 0,0 unknown */
} CfgArea;

typedef struct CfgSite {
    char *account;              /* SIP account, made at first start with a password of its own */
    char *name;                 /* as shown on tiles */
    char *area;                 /* code of an area; NULL: the province */
    char *role;                 /* "site", "chair", "operator" */
    char *kind;                 /* "site", "loudspeaker", "operator" */
    int security;               /* MdSecurity; MD_SECURITY_INVALID: the listener's */
} CfgSite;

typedef struct CfgAlertSource {
    char *name;
    char *key_file;             /* its key for POST /api/v1/alerts/cap; NULL: it cannot post */
    char *feed_url;             /* CAP message, or Atom or RSS with links to them; NULL: not polled */
    unsigned poll_s;
    int signature;              /* 0 ignore, 1 check, 2 require */
    int authority;              /* 0 central, 1 province, 2 commune, 3 village */
    char **areas;               /* it reaches only these */
    char **senders;             /* globs of <sender> */
} CfgAlertSource;

typedef struct CfgAlertSiren {
    char *event, *severity, *urgency, *certainty; /* NULL: anything */
    char *siren;
    unsigned rounds;
    char *priority;
    unsigned repeats, interval_s;
} CfgAlertSiren;

typedef struct CfgAlertDrill {
    char *name, *start, *rule, *text;
    char **areas;
} CfgAlertDrill;

typedef struct CfgAlert {
    char **languages, **geocode_names, **feed_hosts;
    char *centres_file, *trust_dir, *inbox_dir;
    char *inbox_source;         /* name of the source that messages in inbox_dir count as */
    unsigned default_expires_min, max_hours;
    bool any_scope, all_clear, banner;
    char *attention_text, *all_clear_text;
    unsigned drill_volume;
    double drill_loudness_lufs;
    CfgAlertSource *sources;
    unsigned n_sources;
    CfgAlertSiren *sirens;
    unsigned n_sirens;
    CfgAlertDrill *drills;
    unsigned n_drills;
} CfgAlert;

typedef struct CfgBroadcast {
    char *content_dir;          /* NULL: state_dir/content */
    char **tts_command;         /* argv; text on its standard input, WAV on its standard output */
    char *tts_url;              /* a speech service instead of the command; NULL none */
    unsigned tts_timeout_s;
    bool chime;                 /* before spoken bulletins */
    double loudness_lufs;
    double true_peak_dbtp;
    unsigned ring_timeout_s;
    unsigned calls_per_s;
    unsigned frame_ms;          /* 20, 40, 60 */
    int *codecs;                /* MdAudioCodec, order of preference */
    unsigned n_codecs;
    unsigned opus_bitrate_kbps;
    int security;               /* MdSecurity */
    unsigned port;              /* UDP port announcements are sent from (even); its successor takes the reports; 0: any */
    bool two_way;               /* offer a=sendrecv instead of a=sendonly */
    unsigned lead_s;            /* ringing begins this long before the time of a bulletin */
    unsigned upload_max_mib;
    unsigned content_max_gib;
    unsigned duration_max_min;
    unsigned attachment_max_mib, attachments_max_gib;
    unsigned inbox_decide_minutes, inbox_remind_minutes, inbox_days;
    unsigned multicast_ttl;
    bool listen_everybody;      /* no key for the streams of areas */
    char *listen_key;           /* NULL: signed-in accounts */
    unsigned listen_max, listen_per_source, listen_kbps, listen_mbps_max;
    char *quiet_hours;          /* "21:30-05:00", "none" */
    char **live_hosts, **relay_hosts; /* streams may be fetched from these, see bc_url_allowed */
    unsigned live_max;          /* announcements at one time */
    bool own_approval;          /* people may approve what they wrote or handed in themselves */
} CfgBroadcast;

typedef struct CfgLink {
    char *broker_host;          /* NULL: no device link */
    unsigned broker_port;
    bool broker_plain;          /* no TLS: tests on one machine */
    char *advertised_host;      /* what devices are told; NULL: broker_host */
    unsigned advertised_port;   /* 0: broker_port */
    char *media_base;           /* URL devices fetch from; NULL: made from advertised_host and the first HTTPS listener */
    unsigned status_timeout_s, command_timeout_s;
    unsigned code_lifetime_h, certificate_days;
    unsigned log_max_kib;       /* of each device */
    unsigned manifest_days;     /* ahead */
    char *live_host;            /* where devices ask for live sound; NULL: advertised_host, else this machine's address */
    char *live_group;           /* "239.1.2.3:5004": live sound for one LAN; NULL: each device asks */
    unsigned live_buffer_ms, live_loss_percent;
} CfgLink;

typedef struct CfgApi {
    char **listen;              /* "[::]:8443" */
    char *tls_certificate, *tls_key; /* NULL: a self-signed pair is made in state_dir */
    bool allow_http;            /* plain HTTP, loopback only */
    char *console_dir;          /* NULL none */
    int *second_factor_roles;   /* MdApiRole - 1: these can do nothing before they have a second factor */
    unsigned n_second_factor_roles;
    unsigned session_lifetime_s;
    unsigned sessions_max, websockets_max;
} CfgApi;

typedef struct CfgWeb {
    bool guests;
    unsigned resume_s, silent_s;
    unsigned connections_max, connections_per_source;
    char **stun, **turn;
    char *turn_secret_file;     /* 0600; NULL: no TURN */
    unsigned turn_lifetime_s;
} CfgWeb;

typedef struct CfgStore {
    char *uri;                  /* SQLite path or postgresql://; NULL: state_dir/mediad.sqlite */
} CfgStore;

typedef struct CfgExchange {
    char *tables_file;          /* NULL: no exchange */
    char *central_url;          /* NULL: no central system */
    char *central_ca;           /* PEM; NULL: the system's authorities */
    char *central_credentials_file; /* user and password, a line each; 0600 */
    unsigned poll_s;            /* 0: never asks */
    unsigned status_s;          /* 0: no statuses */
    unsigned batch;
    unsigned parallel;
    unsigned retry_max_s;
    unsigned waiting_statuses_max;
    unsigned journal_days;
    char *media_base;
    char **media_hosts;
    bool vendors;
    unsigned vendor_status_s;
} CfgExchange;

typedef struct CfgRecording {
    char *dir;                  /* NULL: state_dir/recordings */
    unsigned height;            /* of the picture, at most */
    unsigned bitrate_kbps;      /* of the picture */
    unsigned running_max;
    unsigned max_hours;
    unsigned min_free_mib;
    unsigned max_gib;           /* 0: no limit */
    unsigned retention_days;    /* 0: kept until somebody deletes them */
    unsigned idle_s;
    char **stream_hosts;        /* streams may be sent to these, see md_stream_target_check */
    unsigned streams_max;
} CfgRecording;

typedef struct CfgSettings {
    CfgGeneral general;
    CfgLog log;
    CfgSip sip;
    CfgTrunk *trunks;
    unsigned n_trunks;
    CfgMedia media;
    CfgIce ice;
    CfgVideo video;
    CfgConference conference;
    CfgMeeting meeting;
    CfgRoom *rooms;
    unsigned n_rooms;
    CfgProvince province;
    CfgArea *areas;
    unsigned n_areas;
    CfgSite *sites;
    unsigned n_sites;
    CfgBroadcast broadcast;
    CfgAlert alert;
    CfgLink link;
    CfgExchange exchange;
    CfgRecording recording;
    CfgApi api;
    CfgWeb web;
    CfgStore store;
    /* not settings */
    char *path;                 /* of the file; NULL: from text */
    char **warnings;            /* what is lawful but unwise: log them */
    GHashTable *origins;        /* "sip.t1_ms" -> "file:line" of what the file says; the rest stands at its default */
} CfgSettings;

#define CFG_ERROR (cfg_error_quark())
GQuark cfg_error_quark(void);
typedef enum CfgError {
    CFG_ERROR_READ,    /* file missing, unreadable or too large */
    CFG_ERROR_SYNTAX,  /* not libconfig */
    CFG_ERROR_INVALID, /* unknown keys, wrong types, out of range; the message has one line per fault: "file:line: …" */
} CfgError;

/* Reads and checks a file (libconfig syntax, at most 4 MiB). NULL + error. The result has one reference. */
CfgSettings *cfg_load(const char *path, GError **error);
/* The same from text; name stands for the file in messages. */
CfgSettings *cfg_parse(const char *text, const char *name, GError **error);
CfgSettings *cfg_ref(CfgSettings *settings);
void cfg_free(CfgSettings *settings); /* gives one reference back; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CfgSettings, cfg_free)

/* The settings in force as a commented file that cfg_parse takes; PINs are left out. g_free. */
char *cfg_print(const CfgSettings *settings);
/* The commented sample file (everything at its default) and the man page mediad.conf(5), from the table. g_free. */
char *cfg_sample(void);
char *cfg_man_page(void);

typedef struct CfgEntry {
    char *key;                  /* "sip.t1_ms", "rooms" (a list is one entry) */
    char *value;                /* as it would stand in a file; NULL: not set, or secret */
    char *range;                /* "a whole number, 1 to 5 seconds" */
    const char *fallback, *help; /* static; fallback NULL: none */
    const char *origin;         /* "file:line", of the snapshot; NULL: the default */
    bool secret, set, restart;
} CfgEntry;
/* Every setting with its value, in table order: GPtrArray of CfgEntry *, unref the array before the snapshot. Secrets are left out, in lists too. */
GPtrArray *cfg_entries(const CfgSettings *settings);

typedef enum CfgChangeKind { CFG_CHANGED, CFG_ADDED, CFG_REMOVED } CfgChangeKind;
typedef struct CfgChange {
    char *key;                  /* "sip.t1_ms", "rooms.giao-ban.title", "areas.18073" (whole element, added or removed) */
    CfgChangeKind kind;
    bool restart;               /* takes effect at the next start only */
} CfgChange;
/* What differs, in table order: GPtrArray of CfgChange*, unref the array. */
GPtrArray *cfg_diff(const CfgSettings *before, const CfgSettings *after);
/* "changed: a, b; needs a restart: c" for the log; g_free. "nothing changed" when so. */
char *cfg_diff_to_string(GPtrArray *changes);

/* Sets levels and the repeat limit of log as settings say; before (may be NULL) is what was applied last. Any thread. */
void cfg_apply_log(const CfgSettings *settings, const CfgSettings *before, MdLog *log);
/* First line of a file of at most 4 KiB, for passwords; refuses an empty one. NULL + CFG_ERROR_READ. g_free. */
char *cfg_read_secret(const char *path, GError **error);
