/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/table.h"

/* offsetof that refuses a field of another C type than the row says. */
#define AT(T, f, C) (offsetof(T, f) + _Generic(((T *)0)->f, C: 0))
#define ROW(T, f, C, kind, lo, hi, ...) {.name = #f, .type = kind, .offset = AT(T, f, C), .min = lo, .max = hi, __VA_ARGS__}

#define BOOL(T, f, def, fl, text) ROW(T, f, bool, CFG_TYPE_BOOL, 0, 1, .fallback = def, .flags = fl, .help = text)
#define UINT(T, f, u, def, lo, hi, fl, text) \
    ROW(T, f, unsigned, CFG_TYPE_UINT, lo, hi, .unit = u, .fallback = def, .flags = fl, .help = text)
#define INT(T, f, u, def, lo, hi, fl, text) \
    ROW(T, f, int, CFG_TYPE_INT, lo, hi, .unit = u, .fallback = def, .flags = fl, .help = text)
#define REAL(T, f, u, def, lo, hi, fl, text) \
    ROW(T, f, double, CFG_TYPE_DOUBLE, lo, hi, .unit = u, .fallback = def, .flags = fl, .help = text)
#define TEXT(T, f, def, ex, lo, hi, rule, fl, text) \
    ROW(T, f, char *, CFG_TYPE_TEXT, lo, hi, .fallback = def, .example = ex, .check = rule, .flags = fl, .help = text)
#define WORD(T, f, def, list, fl, text) \
    ROW(T, f, char *, CFG_TYPE_WORD, 0, 0, .fallback = def, .words = list, .flags = fl, .help = text)
#define ENUM(T, f, def, list, fl, text) \
    ROW(T, f, int, CFG_TYPE_ENUM, 0, 0, .fallback = def, .words = list, .flags = fl, .help = text)
#define TEXTS(T, f, def, ex, hi, rule, fl, text) \
    ROW(T, f, char **, CFG_TYPE_TEXTS, 0, hi, .fallback = def, .example = ex, .check = rule, .flags = fl, .help = text)
#define ENUMS(T, f, def, list, lo, hi, fl, text) \
    ROW(T, f, int *, CFG_TYPE_ENUMS, lo, hi, .count_offset = AT(T, n_##f, unsigned), .fallback = def, .words = list, \
        .flags = fl, .help = text)
#define GROUP(f, E, s, fl, text) ROW(CfgSettings, f, E, CFG_TYPE_GROUP, 0, 0, .section = &s, .flags = fl, .help = text)
#define LIST(T, f, E, s, def, lo, hi, fl, text) \
    ROW(T, f, E *, CFG_TYPE_LIST, lo, hi, .count_offset = AT(T, n_##f, unsigned), .section = &s, .fallback = def, \
        .flags = fl, .help = text)
#define SECTION(name, T) \
    static const CfgSection name = {name##_keys, sizeof name##_keys / sizeof *name##_keys, sizeof(T)}

#define R CFG_RESTART

static const char *const languages[] = {"vi", "en", NULL};
static const char *const levels[] = {"error", "warning", "notice", "info", "debug", NULL};
static const char *const transports[] = {"udp", "tcp", "tls", NULL};
static const char *const digests[] = {"md5", "sha256", NULL};
static const char *const securities[] = {"off", "preferred", "required", NULL};
static const char *const audio_codecs[] = {"opus", "g722", "pcma", "pcmu", NULL};
static const char *const video_codecs[] = {"h264", "vp8", NULL};
static const char *const layouts[] = {"auto", "single", "1+5", "1+7", "2x2", "3x3", "4x4", "5x5", "6x6", "7x7", "8x8",
                                      "9x8", "pip", NULL};
static const char *const area_kinds[] = {"phuong", "xa", "thon", "to-dan-pho", "khac", NULL};
static const char *const roles[] = {"guest", "observer", "site", "technician", "secretary", "operator", "co-chair", "chair", NULL};
static const char *const account_roles[] = {"viewer", "broadcaster", "operator", "admin", "provincial-editor", "provincial-approver",
                                            "commune-editor", "commune-approver", "auditor", "vendor", NULL};
static const char *const account_kinds[] = {"site", "loudspeaker", "operator", NULL};

static const char *const signatures[] = {"ignore", "check", "require", NULL};
static const char *const authorities[] = {"central", "province", "commune", "village", NULL};
static const char *const sirens[] = {"none", "chime", "storm", "flood", "urgent", NULL};
static const char *const priorities[] = {"emergency", "priority", "normal", NULL};

static const CfgKey general_keys[] = {
    TEXT(CfgGeneral, domain, NULL, "\"hop.example.vn\"", 1, 253, cfg_check_host, CFG_REQUIRED | R,
         "SIP domain: rooms answer at sip:ROOM@DOMAIN. It is the digest realm too, so passwords must be set anew when it "
         "changes."),
    TEXTS(CfgGeneral, aliases, "[]", NULL, 32, cfg_check_host, R, "Further names taken for our own in addresses."),
    TEXT(CfgGeneral, state_dir, "\"/var/lib/mediad\"", NULL, 1, 512, cfg_check_path, R,
         "Folder for the database, contents, certificates made here and what else must survive."),
    TEXT(CfgGeneral, timezone, "\"Asia/Ho_Chi_Minh\"", NULL, 1, 64, cfg_check_timezone, 0,
         "Time zone of schedules (IANA name)."),
    WORD(CfgGeneral, language, "\"vi\"", languages, 0, "Language of spoken prompts and of what is written in pictures (\"Picture off\", \"REC\") where a room or booking says nothing else; rooms that are there keep theirs."),
    UINT(CfgGeneral, workers, "threads", "0", 0, 64, R, "Media threads. 0: one per core."),
    BOOL(CfgGeneral, pin_workers, "true", R, "Keep each media thread on a core of its own."),
    UINT(CfgGeneral, picture_threads, "threads", "0", 0, 64, R,
         "Threads that decode, compose and encode pictures. 0: one per core."),
    INT(CfgGeneral, picture_nice, NULL, "5", 0, 19, R,
        "How far picture threads stand back behind sound (nice value)."),
};
SECTION(general, CfgGeneral);

static const CfgKey topic_keys[] = {
    TEXT(CfgLogTopic, topic, NULL, "\"sip/registrar\"", 1, 90, cfg_check_topic, CFG_REQUIRED | CFG_UNIQUE,
         "First parts of the path of what is logged."),
    ENUM(CfgLogTopic, level, "\"debug\"", levels, 0, "Level for it."),
};
SECTION(topic, CfgLogTopic);

static const CfgKey log_section_keys[] = {
    ENUM(CfgLog, level, "\"info\"", levels, 0, "Least important lines that are written."),
    LIST(CfgLog, topics, CfgLogTopic, topic, "()", 0, 64, 0, "Other levels for some topics; the longest topic that fits wins."),
    UINT(CfgLog, repeat_burst, "lines", "20", 0, 10000, 0,
         "Lines of one kind about one object written per interval; the rest is counted and told in one line. 0: all."),
    UINT(CfgLog, repeat_interval_s, "seconds", "10", 1, 3600, 0, "That interval."),
};
SECTION(log_section, CfgLog);

static const CfgKey listener_keys[] = {
    ENUM(CfgListener, transport, "\"udp\"", transports, R, "Transport protocol. tls: TLS 1.2 or later."),
    TEXT(CfgListener, address, "\"0.0.0.0\"", NULL, 2, 45, cfg_check_address, R,
         "Numeric address to listen on. \"::\" takes IPv6 only; name IPv4 in a listener of its own."),
    UINT(CfgListener, port, NULL, "5060", 0, 65535, R, "Port; 5061 is usual for TLS. 0: any free one."),
    TEXTS(CfgListener, trusted, "[]", NULL, 256, cfg_check_block, R,
          "Addresses and blocks (\"10.0.0.0/8\") that call without signing in. Leave empty on networks others reach."),
    ENUMS(CfgListener, digests, "[\"md5\"]", digests, 1, 2, R,
          "Digest algorithms offered, in order. Some devices fail when two are offered; an account may ask for its own."),
    ENUM(CfgListener, security, "\"preferred\"", securities, R,
         "Media encryption (SRTP) of calls that come in here, where the account says nothing."),
};
SECTION(listener, CfgListener);

static const CfgKey sip_keys[] = {
    LIST(CfgSip, listeners, CfgListener, listener,
         "( { transport = \"udp\"; address = \"0.0.0.0\"; port = 5060; }, "
         "{ transport = \"tcp\"; address = \"0.0.0.0\"; port = 5060; }, "
         "{ transport = \"tls\"; address = \"0.0.0.0\"; port = 5061; }, "
         "{ transport = \"udp\"; address = \"::\"; port = 5060; }, "
         "{ transport = \"tcp\"; address = \"::\"; port = 5060; }, "
         "{ transport = \"tls\"; address = \"::\"; port = 5061; } )",
         1, 64, R, "Sockets for SIP."),
    TEXT(CfgSip, advertised_host, NULL, "\"203.0.113.10\"", 1, 253, cfg_check_host, R,
         "Host put into Contact and Via instead of the socket's address, behind one-to-one address translation."),
    TEXT(CfgSip, tls_certificate, NULL, "\"/etc/mediad/tls/fullchain.pem\"", 1, 512, cfg_check_path, R,
         "Certificate chain for TLS listeners (PEM). Unset: a self-signed one is made."),
    TEXT(CfgSip, tls_key, NULL, "\"/etc/mediad/tls/key.pem\"", 1, 512, cfg_check_path, R, "Its private key (PEM)."),
    TEXT(CfgSip, tls_ca, NULL, "\"/etc/ssl/certs/ca-certificates.crt\"", 1, 512, cfg_check_path, R,
         "Authorities that servers we connect to are checked against (PEM). Unset: the system's."),
    BOOL(CfgSip, tls_verify, "true", R, "Check the certificates of servers we connect to."),
    UINT(CfgSip, expires_min_s, "seconds", "60", 10, 3600, R, "Shortest registration granted; shorter ones get 423."),
    UINT(CfgSip, expires_max_s, "seconds", "7200", 60, 604800, R, "Longest registration granted."),
    UINT(CfgSip, expires_default_s, "seconds", "3600", 10, 604800, R, "Granted when a device asks for nothing."),
    UINT(CfgSip, bindings_max, NULL, "100000", 1, 1000000, R, "Registered addresses of all accounts together."),
    UINT(CfgSip, account_bindings_max, NULL, "5", 1, 50, R, "Registered addresses of one account."),
    UINT(CfgSip, nonce_lifetime_s, "seconds", "300", 10, 86400, R, "How long an answer to a challenge may be used again."),
    UINT(CfgSip, probe_after_s, "seconds", "120", 10, 86400, R,
         "A registered UDP address silent this long is asked with OPTIONS whether it still lives."),
    UINT(CfgSip, session_expires_s, "seconds", "1800", 90, 86400, R, "Session timer asked for (RFC 4028)."),
    UINT(CfgSip, min_se_s, "seconds", "90", 90, 86400, R, "Shortest session timer accepted; shorter ones get 422."),
    UINT(CfgSip, t1_ms, "milliseconds", "500", 50, 5000, R,
         "Round-trip estimate that SIP retransmissions are built on (RFC 3261, 17.1.1.1)."),
    UINT(CfgSip, calls_max, NULL, "12000", 1, 100000, R, "Calls at one time, both directions."),
    UINT(CfgSip, calls_in_max, NULL, "1000", 1, 100000, R, "Incoming calls at one time."),
    UINT(CfgSip, dials_per_s, "calls per second", "2000", 1, 20000, R, "Pace of outgoing calls."),
    BOOL(CfgSip, allow_guests, "false", R, "Let callers without an account reach rooms that have a PIN, as guests."),
    UINT(CfgSip, message_max_bytes, "bytes", "16384", 2048, 65535, R, "Largest message taken."),
    UINT(CfgSip, tcp_idle_s, "seconds", "900", 30, 86400, R, "Silent TCP and TLS connections are closed after this."),
    UINT(CfgSip, guard_rate_per_s, "messages per second", "500", 1, 100000, R,
         "Messages one source (IPv4 address, IPv6 /64) may send in the long run; each device registered from there adds 4."),
    UINT(CfgSip, guard_burst, "messages", "2000", 1, 1000000, R,
         "And at once: a commune behind one address whose power comes back registers everything together. Each registered device adds 20."),
    UINT(CfgSip, guard_sources_max, NULL, "65536", 256, 4194304, R, "Sources remembered."),
    UINT(CfgSip, guard_connections_per_source, NULL, "200", 1, 65536, R, "TCP and TLS connections of one source."),
    UINT(CfgSip, guard_connections_max, NULL, "20000", 1, 1000000, R, "TCP and TLS connections altogether."),
    UINT(CfgSip, guard_bad_passwords, NULL, "20", 1, 10000, R,
         "Wrong passwords from a source that proved its address, within the window, before it is banned."),
    UINT(CfgSip, guard_window_s, "seconds", "600", 1, 86400, R, "That window."),
    UINT(CfgSip, guard_ban_s, "seconds", "600", 1, 604800, R, "Length of a ban."),
    BOOL(CfgSip, bfcp, "true", R, "Devices ask for the right to present by BFCP (RFC 8855), where conference.content is on."),
    UINT(CfgSip, bfcp_port, NULL, "0", 0, 65535, R, "Port of BFCP, UDP and TCP. 0: any free one; a firewall needs a number."),
};
SECTION(sip, CfgSip);

static const CfgKey trunk_keys[] = {
    TEXT(CfgTrunk, name, NULL, "\"trung-uong\"", 1, 64, cfg_check_account, CFG_REQUIRED | CFG_UNIQUE | R, "Name in dial targets and logs."),
    TEXT(CfgTrunk, proxy, NULL, "\"sip:10.0.0.1:5060\"", 5, 512, cfg_check_sip_uri, CFG_REQUIRED | R,
         "SIP address every call of this trunk goes through."),
    ENUM(CfgTrunk, transport, "\"udp\"", transports, R, "Transport protocol to it."),
    TEXT(CfgTrunk, username, NULL, "\"hatinh\"", 1, 128, NULL, R, "User name for its challenges. Unset: none."),
    TEXT(CfgTrunk, password_file, NULL, "\"/etc/mediad/trunk-password\"", 1, 512, cfg_check_path, R,
         "File whose first line is the password; readable by mediad only."),
    ENUM(CfgTrunk, security, "\"preferred\"", securities, R, "Media encryption of its calls."),
};
SECTION(trunk, CfgTrunk);

static const CfgKey media_keys[] = {
    TEXT(CfgMedia, address4, NULL, "\"203.0.113.10\"", 7, 15, cfg_check_address4, R,
         "IPv4 address media is sent from and received at. Unset: the machine's own."),
    TEXT(CfgMedia, address6, NULL, "\"2001:db8::10\"", 2, 45, cfg_check_address6, R,
         "IPv6 address media is sent from and received at. Unset: the machine's own."),
    UINT(CfgMedia, port_min, NULL, "16384", 1024, 65534, R, "First UDP port for media; even."),
    UINT(CfgMedia, port_max, NULL, "32767", 1025, 65535, R,
         "Last UDP port for media. A call takes two ports with sound and four with pictures."),
    ENUM(CfgMedia, security, "\"preferred\"", securities, 0, "Media encryption of calls we make, where the account says nothing."),
    ENUMS(CfgMedia, audio_codecs, "[\"opus\", \"g722\", \"pcma\", \"pcmu\"]", audio_codecs, 1, 4, 0, "Sound codecs, best first."),
    ENUMS(CfgMedia, video_codecs, "[\"h264\", \"vp8\"]", video_codecs, 0, 2, 0, "Picture codecs, best first. Empty: sound only."),
    UINT(CfgMedia, jitter_min_ms, "milliseconds", "20", 0, 500, 0, "Least delay of the jitter buffer."),
    UINT(CfgMedia, jitter_max_ms, "milliseconds", "400", 40, 2000, 0, "Greatest delay of the jitter buffer."),
};
SECTION(media, CfgMedia);

static const CfgKey ice_keys[] = {
    TEXT(CfgIce, stun_host, NULL, "\"203.0.113.20\"", 2, 45, cfg_check_address, R,
         "STUN server that tells our address behind a NAT. Unset: none, as on a public address. Not asked when there is a relay, which tells it, too."),
    UINT(CfgIce, stun_port, NULL, "3478", 1, 65535, R, "Its UDP port."),
    TEXT(CfgIce, relay_host, NULL, "\"203.0.113.20\"", 2, 45, cfg_check_address, R,
         "TURN server that our side of a browser's media may go through. Unset: none."),
    UINT(CfgIce, relay_port, NULL, "3478", 1, 65535, R, "Its port."),
    ENUM(CfgIce, relay_transport, "\"udp\"", transports, R, "How it is reached."),
    TEXT(CfgIce, relay_username, NULL, "\"mediad\"", 1, 128, NULL, R, "User name there."),
    TEXT(CfgIce, relay_password_file, NULL, "\"/etc/mediad/turn-password\"", 1, 512, cfg_check_path, R,
         "File whose first line is the password; readable by mediad only."),
    UINT(CfgIce, sessions_max, "browsers", "256", 1, 2000, R, "Browsers in meetings at one time."),
};
SECTION(ice, CfgIce);

static const CfgKey video_class_keys[] = {
    TEXT(CfgVideoClass, name, NULL, "\"720p\"", 1, 16, cfg_check_code, CFG_REQUIRED | CFG_UNIQUE, "Name of the class."),
    UINT(CfgVideoClass, width, "pixels", "1280", 160, 1920, 0, "Width; even."),
    UINT(CfgVideoClass, height, "pixels", "720", 90, 1088, 0, "Height; even."),
    UINT(CfgVideoClass, fps, "pictures per second", "15", 1, 30, 0, "Rate."),
    UINT(CfgVideoClass, bitrate_kbps, "kbit/s", "1000", 50, 20000, 0, "Bit rate."),
};
SECTION(video_class, CfgVideoClass);

static const CfgKey video_keys[] = {
    LIST(CfgVideo, classes, CfgVideoClass, video_class,
         "( { name = \"1080p\"; width = 1920; height = 1080; fps = 25; bitrate_kbps = 3000; }, "
         "{ name = \"720p\"; width = 1280; height = 720; fps = 15; bitrate_kbps = 1000; }, "
         "{ name = \"360p\"; width = 640; height = 360; fps = 15; bitrate_kbps = 400; } )",
         1, 8, 0, "Sizes pictures are encoded in: each is encoded once and shared by all who take it."),
    TEXT(CfgVideo, max_class, "\"720p\"", NULL, 1, 16, cfg_check_code, 0, "Largest class sent, and asked of senders."),
    TEXT(CfgVideo, font, "\"Noto Sans\"", NULL, 1, 128, NULL, 0, "Font of labels (Pango description)."),
};
SECTION(video, CfgVideo);

static const CfgKey conference_keys[] = {
    BOOL(CfgConference, create_on_call, "false", 0,
         "A call to an unknown name opens a temporary room. Off: such calls get 404."),
    TEXT(CfgConference, prompt_dir, "\"/usr/share/mediad/prompts\"", NULL, 1, 512, cfg_check_path, R,
         "Folder of spoken prompts, with vi/ and en/ in it."),
    UINT(CfgConference, redial_first_s, "seconds", "5", 1, 600, 0, "First pause before a dropped site is called again; then it doubles."),
    UINT(CfgConference, redial_max_s, "seconds", "60", 1, 3600, 0, "Longest such pause."),
    UINT(CfgConference, redial_give_up_s, "seconds", "1800", 10, 86400, 0, "After this long without success the site is left alone."),
    UINT(CfgConference, loudest, "talkers", "4", 1, 16, 0, "How many talkers are heard at one time."),
    UINT(CfgConference, rooms_max, NULL, "500", 1, 10000, R, "Rooms at one time."),
    UINT(CfgConference, members_max, NULL, "200", 2, 1000, 0, "Members of a room that says nothing."),
    UINT(CfgConference, views_max, NULL, "8", 0, 64, R,
         "Pictures of members' own (a layout or seats that differ from the room's) that one room makes at one time; those who choose the same "
         "share one. 0: everybody is sent the room's."),
    BOOL(CfgConference, content, "true", R, "Slides and screens are taken as a second stream of pictures from devices and browsers that offer one."),
    UINT(CfgConference, forward_max, "lines", "120", 0, 1200, R,
         "Browsers that ask for it get the speakers' own pictures, forwarded without encoding: so many lines in a room at most. 0: the composed picture only."),
    BOOL(CfgConference, offer_content, "true", R, "The second stream is offered to devices that a room rings; off for devices that cannot bear it."),
};
SECTION(conference, CfgConference);

static const CfgKey meeting_keys[] = {
    UINT(CfgMeeting, open_min, "minutes", "15", 0, 120, R, "A booked meeting's room opens so long before its start, where the booking says nothing."),
    UINT(CfgMeeting, grace_min, "minutes", "30", 0, 720, R, "A meeting may go on so long after its end while somebody is there, where the booking says nothing."),
    UINT(CfgMeeting, trial_before_min, "minutes", "60", 5, 240, R, "The trial session begins so long before the start: every site is called by itself, once, and its line checked."),
    UINT(CfgMeeting, trial_calls, "calls", "6", 1, 50, R, "Sites that are checked at one time."),
};
SECTION(meeting, CfgMeeting);

static const CfgKey room_keys[] = {
    TEXT(CfgRoom, name, NULL, "\"giao-ban\"", 1, 64, cfg_check_room, CFG_REQUIRED | CFG_UNIQUE, "User part of its SIP address."),
    TEXT(CfgRoom, title, NULL, "\"Họp giao ban\"", 1, 256, NULL, 0, "Title shown. Unset: the name."),
    TEXT(CfgRoom, pin, NULL, NULL, 4, 16, cfg_check_pin, CFG_SECRET, "Digits a caller must press. Unset: none."),
    TEXT(CfgRoom, chair_pin, NULL, NULL, 4, 16, cfg_check_pin, CFG_SECRET, "Digits that make a caller the chair. Unset: none."),
    BOOL(CfgRoom, wait_for_chair, "false", 0, "Nobody hears or sees anybody until a chair is here."),
    BOOL(CfgRoom, mute_on_entry, "false", 0, "Members come in muted."),
    BOOL(CfgRoom, lobby, "false", 0, "Guests wait until the chair or an operator admits them."),
    WORD(CfgRoom, layout, "\"auto\"", layouts, 0, "Arrangement of the pictures."),
    ENUM(CfgRoom, security, "\"preferred\"", securities, 0, "Media encryption demanded of members."),
    UINT(CfgRoom, max_members, NULL, "0", 0, 1000, 0, "Members at most. 0: as conference.members_max."),
    WORD(CfgRoom, language, NULL, languages, 0, "Language of prompts and of what is written in pictures. Unset: general.language."),
    TEXTS(CfgRoom, dial, "[]", NULL, 1000, cfg_check_dial, 0,
          "Accounts or SIP addresses rung when the meeting begins; \"*\": every account under sites of kind site."),
    BOOL(CfgRoom, redial, "true", 0, "Call those again that drop or do not answer."),
};
SECTION(room, CfgRoom);

static const CfgKey province_keys[] = {
    TEXT(CfgProvince, code, "\"42\"", NULL, 1, 16, cfg_check_code, R, "Administrative code of the province."),
    TEXT(CfgProvince, name, "\"Hà Tĩnh\"", NULL, 1, 128, NULL, 0, "Its name."),
};
SECTION(province, CfgProvince);

static const CfgKey area_keys[] = {
    TEXT(CfgArea, code, NULL, "\"18073\"", 1, 16, cfg_check_code, CFG_REQUIRED | CFG_UNIQUE, "Administrative code."),
    TEXT(CfgArea, name, NULL, "\"Phường Thành Sen\"", 1, 128, NULL, CFG_REQUIRED, "Name."),
    WORD(CfgArea, kind, "\"xa\"", area_kinds, 0, "phuong: ward, xa: commune, thon: village, to-dan-pho: residential group."),
    TEXT(CfgArea, parent, NULL, NULL, 1, 16, cfg_check_code, 0, "Code of the area it lies in, named earlier. Unset: the province."),
    TEXT(CfgArea, ident_code, NULL, NULL, 1, 32, cfg_check_code, 0,
         "Identifier code (QĐ 20/2020/QĐ-TTg), for the central system. Unset: not known."),
    REAL(CfgArea, lat, "degrees", "0.0", -90, 90, 0, "Latitude of its centre (WGS 84)."),
    REAL(CfgArea, lon, "degrees", "0.0", -180, 180, 0, "Longitude of its centre (WGS 84)."),
};
SECTION(area, CfgArea);

static const CfgKey site_keys[] = {
    TEXT(CfgSite, account, NULL, "\"site-18073\"", 1, 64, cfg_check_account, CFG_REQUIRED | CFG_UNIQUE,
         "SIP account. It is made at the first start, with a random password that is shown once."),
    TEXT(CfgSite, name, NULL, "\"Phường Thành Sen\"", 1, 128, NULL, CFG_REQUIRED, "Name on its tile."),
    TEXT(CfgSite, area, NULL, NULL, 1, 16, cfg_check_code, 0, "Code of its area. Unset: the province."),
    WORD(CfgSite, role, "\"site\"", roles, 0, "What it is in rooms."),
    WORD(CfgSite, kind, "\"site\"", account_kinds, 0, "What it is: a conference site, a loudspeaker, an operator's phone."),
    ENUM(CfgSite, security, NULL, securities, 0, "Media encryption. Unset: the listener's."),
};
SECTION(site, CfgSite);

static const CfgKey broadcast_keys[] = {
    TEXT(CfgBroadcast, content_dir, NULL, "\"/srv/mediad/content\"", 1, 512, cfg_check_path, R,
         "Folder of bulletins' sound, by SHA-256. Unset: content in general.state_dir."),
    TEXTS(CfgBroadcast, tts_command, "[\"espeak-ng\", \"-v\", \"vi\", \"--stdin\", \"--stdout\"]", NULL, 32, NULL, 0,
          "Text to speech: program and arguments; text on its standard input, WAV on its standard output. Empty: none."),
    TEXT(CfgBroadcast, tts_url, NULL, "\"http://127.0.0.1:5002/api/tts\"", 8, 512, NULL, R,
         "A speech service asked instead of tts_command: POST of the text (UTF-8), a sound file or 16-bit samples (audio/L16, audio/pcm) back. Unset: none."),
    BOOL(CfgBroadcast, chime, "true", R, "Spoken bulletins begin with a chime."),
    UINT(CfgBroadcast, tts_timeout_s, "seconds", "60", 1, 600, 0, "It is ended after this."),
    REAL(CfgBroadcast, loudness_lufs, "LUFS", "-16.0", -31, -5, 0, "Loudness bulletins are brought to (EBU R 128)."),
    REAL(CfgBroadcast, true_peak_dbtp, "dBTP", "-1.0", -9, 0, 0, "Highest true peak."),
    UINT(CfgBroadcast, ring_timeout_s, "seconds", "15", 2, 120, 0, "How long a loudspeaker is rung."),
    UINT(CfgBroadcast, calls_per_s, "calls per second", "1000", 1, 20000, 0, "Pace of ringing loudspeakers."),
    UINT(CfgBroadcast, frame_ms, "milliseconds", "40", 20, 60, 0,
         "Sound per packet: 20, 40 or 60. Longer frames spare packets, and a lost one is heard more."),
    ENUMS(CfgBroadcast, codecs, "[\"opus\", \"g722\", \"pcma\"]", audio_codecs, 1, 4, 0, "Codecs offered, best first."),
    UINT(CfgBroadcast, opus_bitrate_kbps, "kbit/s", "32", 12, 128, 0, "Bit rate of Opus."),
    ENUM(CfgBroadcast, security, "\"preferred\"", securities, 0,
         "Encryption of announcements, under one key per announcement."),
    UINT(CfgBroadcast, port, NULL, "0", 0, 65534, R,
         "UDP port announcements are sent from; even, its successor takes reports. 0: out of media.port_min to port_max."),
    BOOL(CfgBroadcast, two_way, "false", 0,
         "Offer sound both ways, for loudspeakers that stay silent when told to listen only; what they send is thrown away."),
    UINT(CfgBroadcast, lead_s, "seconds", "8", 0, 60, 0, "Ringing begins this long before the time of a bulletin."),
    UINT(CfgBroadcast, upload_max_mib, "MiB", "512", 1, 16384, 0, "Largest file taken in."),
    UINT(CfgBroadcast, content_max_gib, "GiB", "50", 1, 16384, 0, "All bulletins' sound together."),
    UINT(CfgBroadcast, duration_max_min, "minutes", "240", 1, 1440, 0, "Longest bulletin."),
    UINT(CfgBroadcast, attachment_max_mib, "MiB", "20", 1, 1024, R, "Largest image or document attached to a bulletin; sound and video: upload_max_mib."),
    UINT(CfgBroadcast, attachments_max_gib, "GiB", "20", 1, 16384, R, "All attachments together."),
    UINT(CfgBroadcast, inbox_decide_minutes, "minutes", "30", 1, 1440, R,
         "So long a commune has to say whether its own priority bulletin or one from above goes first; then the one from above does."),
    UINT(CfgBroadcast, inbox_remind_minutes, "minutes", "240", 5, 10080, R, "What waits in a commune's inbox is told again after this."),
    UINT(CfgBroadcast, inbox_days, "days", "365", 1, 3650, R,
         "What was answered, played or missed in a commune's inbox is kept so long, and while its bulletin is neither withdrawn, archived nor over."),
    TEXTS(CfgBroadcast, live_hosts, "[]", "[\"live.example.vn\", \"*.example.vn\", \"192.0.2.7:8000\"]", 100, cfg_check_fetch_host, 0,
          "Hosts whose streams may be put on air by address: names, *.NAME for all below it, addresses, each with :PORT or without. A name is "
          "trusted with whatever it resolves to; redirects are not followed. Empty: none."),
    TEXTS(CfgBroadcast, relay_hosts, "[]", "[\"str.example.vn\"]", 100, cfg_check_fetch_host, 0,
          "The same for stations relayed by programmes."),
    UINT(CfgBroadcast, multicast_ttl, "hops", "4", 1, 255, R, "How far announcements to multicast groups go."),
    TEXT(CfgBroadcast, quiet_hours, "\"21:30-05:00\"", "\"22:00-04:30\"", 4, 17, cfg_check_quiet_hours, R,
         "Only an emergency, or what two people have released, sounds in these hours of general.timezone. Areas may have hours of their own. "
         "\"none\": no quiet hours."),
    BOOL(CfgBroadcast, listen_everybody, "false", R, "Anybody may listen to /listen/AREA.mp3 and /listen/AREA/index.m3u8."),
    TEXT(CfgBroadcast, listen_key, NULL, "\"9f2c7a51e0b84d36\"", 12, 200, NULL, CFG_SECRET | R,
         "Who knows this may listen (?key=...). Unset: signed-in accounts only, unless listen_everybody."),
    UINT(CfgBroadcast, listen_max, NULL, "500", 0, 100000, R, "Listeners of all areas at one time. 0: no such streams."),
    UINT(CfgBroadcast, listen_per_source, NULL, "8", 1, 10000, R, "Listeners from one address."),
    UINT(CfgBroadcast, listen_kbps, "kbit/s", "64", 32, 128, R, "Bit rate of these streams."),
    UINT(CfgBroadcast, listen_mbps_max, "Mbit/s", "100", 1, 100000, R, "All of them together; who comes on top is refused."),
    UINT(CfgBroadcast, live_max, NULL, "16", 1, 256, 0, "Announcements at one time."),
    BOOL(CfgBroadcast, own_approval, "false", 0, "People may approve bulletins and programmes they wrote or handed in themselves."),
};
SECTION(broadcast, CfgBroadcast);

static const CfgKey alert_source_keys[] = {
    TEXT(CfgAlertSource, name, NULL, "\"khi-tuong\"", 1, 64, cfg_check_code, CFG_REQUIRED | CFG_UNIQUE, "Its name."),
    TEXT(CfgAlertSource, key_file, NULL, "\"/etc/mediad/alert-khi-tuong.key\"", 1, 512, cfg_check_path, R,
         "File whose first line is its key (16 bytes at least), sent as X-Alert-Key with POST /api/v1/alerts/cap. Unset: it cannot post."),
    TEXT(CfgAlertSource, feed_url, NULL, "\"https://alerts.example.vn/atom\"", 1, 1000, NULL, R,
         "A CAP message, or an Atom or RSS index of them, that is asked for regularly. Unset: none."),
    UINT(CfgAlertSource, poll_s, "seconds", "60", 5, 86400, R, "So often."),
    ENUM(CfgAlertSource, signature, "\"check\"", signatures, R,
         "XML signatures: ignore; check: a bad one is refused, none is fine; require: an unsigned message is refused."),
    ENUM(CfgAlertSource, authority, "\"province\"", authorities, R, "Whose word it is: of two emergencies the higher one goes first."),
    TEXTS(CfgAlertSource, areas, "[]", NULL, 500, cfg_check_code, R, "Codes of the areas it reaches, with all in them. Empty: everywhere."),
    TEXTS(CfgAlertSource, senders, "[]", NULL, 100, NULL, R, "Patterns (* and ?) of which its messages' <sender> must fit one. Empty: any."),
};
SECTION(alert_source, CfgAlertSource);

static const CfgKey alert_siren_keys[] = {
    TEXT(CfgAlertSiren, event, NULL, "\"*bão*\"", 1, 200, NULL, R, "Pattern (* and ?) of the event or its code, letter case aside. Unset: any."),
    TEXT(CfgAlertSiren, severity, NULL, "\"Extreme|Severe\"", 1, 100, NULL, R, "Words of CAP with | between them. Unset: any."),
    TEXT(CfgAlertSiren, urgency, NULL, "\"Immediate\"", 1, 100, NULL, R, "The same."),
    TEXT(CfgAlertSiren, certainty, NULL, "\"Observed|Likely\"", 1, 100, NULL, R, "The same."),
    WORD(CfgAlertSiren, siren, "\"chime\"", sirens, R,
         "storm: 3 blasts of 20 s; flood: 2 of 10 s; urgent: 5 of 30 s; chime: a lead-in of 2 s; none."),
    UINT(CfgAlertSiren, rounds, NULL, "1", 1, 3, R, "Times the siren's pattern is sounded before the words."),
    WORD(CfgAlertSiren, priority, "\"emergency\"", priorities, R, "What it interrupts."),
    UINT(CfgAlertSiren, repeats, NULL, "3", 1, 20, R, "Siren and words so often, as long as the alert is in force."),
    UINT(CfgAlertSiren, interval_s, "seconds", "120", 0, 3600, R, "Pause between two of them."),
};
SECTION(alert_siren, CfgAlertSiren);

static const CfgKey alert_drill_keys[] = {
    TEXT(CfgAlertDrill, name, NULL, "\"hang-thang\"", 1, 64, cfg_check_code, CFG_REQUIRED | CFG_UNIQUE, "Its name."),
    TEXTS(CfgAlertDrill, areas, "[]", "[\"18073\"]", 500, cfg_check_code, R, "Codes of the areas where it is heard. Empty: none."),
    TEXT(CfgAlertDrill, start, NULL, "\"2026-12-05T09:00:00\"", 16, 19, NULL, CFG_REQUIRED, "The first one, local time."),
    TEXT(CfgAlertDrill, rule, NULL, "\"FREQ=MONTHLY;BYDAY=1SA\"", 1, 200, NULL, R, "Recurrence rule (RFC 5545). Unset: once."),
    TEXT(CfgAlertDrill, text, NULL, "\"Hệ thống loa đang được kiểm tra.\"", 1, 1000, NULL, R, "What is said between the words drill. Unset: that."),
};
SECTION(alert_drill, CfgAlertDrill);

static const CfgKey alert_keys[] = {
    TEXTS(CfgAlert, languages, "[\"vi\", \"en\"]", NULL, 8, NULL, R, "Languages of a message that are spoken, best first."),
    TEXTS(CfgAlert, geocode_names, "[\"administrative-code\", \"GSO\"]", NULL, 16, NULL, R,
          "Names of <geocode> values that are administrative or identifier codes of our areas."),
    TEXT(CfgAlert, centres_file, NULL, "\"/etc/mediad/data/hatinh_communes.csv\"", 1, 512, cfg_check_path, R,
         "CSV with the columns code, centre_lat and centre_lon: where areas lie, for polygons and circles; besides lat and lon of areas."),
    TEXT(CfgAlert, trust_dir, NULL, "\"/etc/mediad/alert-keys\"", 1, 512, cfg_check_path, R,
         "Folder of the public keys and certificates (NAME.pem) whose XML signatures are believed; of NAME.ca.pem, an authority, the certificates it has made "
         "that a message brings, all or those named in lines \"only: COMMON NAME\" before it. Unset: none."),
    TEXT(CfgAlert, inbox_dir, NULL, "\"/var/lib/mediad/alerts\"", 1, 512, cfg_check_path, R,
         "Folder where programs put CAP messages: NAME.xml, moved there in one step. Taken ones go to done/, others to failed/ with the "
         "reason beside them. Unset: none."),
    TEXT(CfgAlert, inbox_source, NULL, "\"khi-tuong\"", 1, 64, cfg_check_code, R, "The one of sources that they count as. Unset: nothing is taken."),
    TEXTS(CfgAlert, feed_hosts, "[]", NULL, 64, cfg_check_host, R,
          "Further hosts that feeds may link to. The feed's own host always may."),
    UINT(CfgAlert, default_expires_min, "minutes", "60", 1, 1440, R, "An alert that names no end ends so long after it was sent."),
    UINT(CfgAlert, max_hours, "hours", "24", 1, 168, R, "No alert sounds longer than this after it came."),
    BOOL(CfgAlert, any_scope, "false", R, "Take Restricted and Private messages, too."),
    BOOL(CfgAlert, all_clear, "true", R, "A Cancel of what was heard for real sounds the all-clear."),
    BOOL(CfgAlert, banner, "true", R, "Emergencies are shown to running conferences."),
    TEXT(CfgAlert, attention_text, "\"Chú ý! Chú ý! Thông báo khẩn cấp!\"", NULL, 1, 300, NULL, R, "Spoken after the siren."),
    TEXT(CfgAlert, all_clear_text, "\"Tình huống khẩn cấp đã kết thúc. Bà con trở lại sinh hoạt bình thường.\"", NULL, 1, 1000, NULL, R,
         "Spoken after the all-clear when nobody gives other words."),
    UINT(CfgAlert, drill_volume, "percent", "25", 1, 60, R, "Highest volume of exercises and drills at loudspeakers that obey a volume."),
    REAL(CfgAlert, drill_loudness_lufs, "LUFS", "-36.0", -50, -26, R, "Loudness of exercises and drills at the others."),
    LIST(CfgAlert, sources, CfgAlertSource, alert_source, "()", 0, 64, R, "Who may send alerts."),
    LIST(CfgAlert, sirens, CfgAlertSiren, alert_siren, "()", 0, 200, R,
         "Which alert sounds how: the first that fits. Empty: storm, flood and urgent by event and severity, else a chime."),
    LIST(CfgAlert, drills, CfgAlertDrill, alert_drill, "()", 0, 64, R, "Drills by the calendar."),
};
SECTION(alert, CfgAlert);

static const CfgKey link_section_keys[] = {
    TEXT(CfgLink, broker_host, NULL, "\"localhost\"", 1, 253, cfg_check_host, R,
         "MQTT broker of the loudspeakers, as mediad reaches it. Left out: there is no device link. Files for Mosquitto are written to "
         "state_dir/link/broker."),
    UINT(CfgLink, broker_port, NULL, "8883", 1, 65535, R, "Its port."),
    BOOL(CfgLink, broker_plain, "false", R, "Without TLS and certificates: for trials on one machine only."),
    TEXT(CfgLink, advertised_host, NULL, "\"loa.example.vn\"", 1, 253, cfg_check_host, R,
         "Name or address loudspeakers reach the broker by; the broker's certificate names it. Left out: broker_host."),
    UINT(CfgLink, advertised_port, NULL, "0", 0, 65535, R, "Port loudspeakers reach it by. 0: broker_port."),
    TEXT(CfgLink, media_base, NULL, "\"https://loa.example.vn:8443/api/v1/link/media/\"", 8, 300, NULL, R,
         "Where loudspeakers fetch recordings; ends with a slash. Left out: https://advertised_host:8443/api/v1/link/media/ of this host."),
    UINT(CfgLink, status_timeout_s, "seconds", "180", 10, 86400, R, "A loudspeaker that says nothing for so long counts as gone."),
    UINT(CfgLink, command_timeout_s, "seconds", "30", 2, 3600, R, "A command not acknowledged in this time is told as such."),
    UINT(CfgLink, code_lifetime_h, "hours", "72", 1, 8760, R, "How long an enrolment code can be used."),
    UINT(CfgLink, certificate_days, "days", "825", 1, 3650, R, "How long a loudspeaker's certificate is good."),
    UINT(CfgLink, log_max_kib, "KiB", "1024", 16, 102400, R, "Log kept of each loudspeaker."),
    UINT(CfgLink, manifest_days, "days", "3", 1, 14, R, "So many coming days loudspeakers know and have fetched."),
    TEXT(CfgLink, live_host, NULL, "\"loa.example.vn\"", 1, 253, cfg_check_host, R,
         "Name or address where loudspeakers ask for live sound (UDP, broadcast.port). Left out: advertised_host, else this machine's address."),
    TEXT(CfgLink, live_group, NULL, "\"239.1.2.3:5004\"", 9, 64, NULL, R,
         "Multicast group and port of live sound, where all loudspeakers are on one LAN. Left out: each asks and is sent to."),
    UINT(CfgLink, live_buffer_ms, "ms", "400", 60, 5000, R, "Live sound waits so long in a loudspeaker, to bridge an uneven network."),
    UINT(CfgLink, live_loss_percent, "%", "10", 1, 50, R, "Packets expected to be lost on the way to loudspeakers: strength of Opus' redundancy."),
};
SECTION(link_section, CfgLink);

static const CfgKey exchange_keys[] = {
    TEXT(CfgExchange, tables_file, NULL, "\"/etc/mediad/data/exchange-codes.csv\"", 1, 512, cfg_check_path, 0,
         "Names, codes and paths that others use (docs/exchange.md); read anew on SIGHUP. Unset: nothing is exchanged with anybody."),
    TEXT(CfgExchange, central_url, NULL, "\"https://httttn.example.vn\"", 8, 300, NULL, R,
         "The central system. http:// only for addresses of this machine. Unset: none."),
    TEXT(CfgExchange, central_ca, NULL, "\"/etc/mediad/tls/central-ca.pem\"", 1, 512, cfg_check_path, R,
         "Authorities (PEM) of which one must have signed its certificate. Unset: those of this machine."),
    TEXT(CfgExchange, central_credentials_file, NULL, "\"/etc/mediad/central.credentials\"", 1, 512, cfg_check_path, R,
         "File with the user's name and the password, a line each, that nobody else may read (chmod 600). Unset: no log-in."),
    UINT(CfgExchange, poll_s, "seconds", "60", 0, 86400, R, "Asks for new bulletins so often. 0: they are pushed to /api/v1/exchange/central/bulletin."),
    UINT(CfgExchange, status_s, "seconds", "60", 0, 86400, R, "Tells how devices are so often. 0: never."),
    UINT(CfgExchange, batch, NULL, "100", 1, 500, R, "Devices or plays in one message. 1: each in a message of its own, without a list around it."),
    UINT(CfgExchange, parallel, NULL, "4", 1, 16, R, "Messages on their way at one time."),
    UINT(CfgExchange, retry_max_s, "seconds", "300", 5, 86400, R, "Longest pause between two tries of a message."),
    UINT(CfgExchange, waiting_statuses_max, NULL, "2000", 10, 100000, R,
         "So many statuses wait while the central system is away; then the oldest are dropped. Nothing else ever is."),
    UINT(CfgExchange, journal_days, "days", "30", 1, 3650, R, "Messages that are dealt with are kept so long."),
    TEXT(CfgExchange, media_base, NULL, "\"https://loa.example.vn:8443/api/v1/exchange/media/\"", 8, 300, NULL, R,
         "Stands before a recording's id in messages: where others fetch it. Unset: the id alone."),
    TEXTS(CfgExchange, media_hosts, "[]", NULL, 64, cfg_check_host, R,
          "Hosts that recordings of bulletins may be fetched from. The central system's own always is."),
    BOOL(CfgExchange, vendors, "false", R,
         "Devices of other makers report to /api/v1/exchange/vendor and get their orders there; a key with the purpose \"vendor\" for each make."),
    UINT(CfgExchange, vendor_status_s, "seconds", "180", 30, 86400, R, "A device of another maker that says nothing for so long counts as gone."),
};
SECTION(exchange, CfgExchange);

static const CfgKey recording_keys[] = {
    TEXT(CfgRecording, dir, NULL, "\"/srv/mediad/recordings\"", 1, 512, cfg_check_path, R,
         "Folder of the recordings; two gigabytes an hour at most with the defaults below. Unset: recordings in general.state_dir."),
    UINT(CfgRecording, height, "lines", "720", 180, 1080, R, "Picture of recordings and streams, at most; a room's encode is shared with them where it fits."),
    UINT(CfgRecording, bitrate_kbps, "kbit/s", "1500", 100, 20000, R, "Bit rate of that picture, at most."),
    UINT(CfgRecording, running_max, NULL, "8", 1, 100, R, "Meetings recorded at one time."),
    UINT(CfgRecording, max_hours, "hours", "12", 1, 168, R, "A recording ends by itself after this."),
    UINT(CfgRecording, min_free_mib, "MiB", "2048", 1, 1048576, R, "With less room on the disk no recording begins, and those that run end."),
    UINT(CfgRecording, max_gib, "GiB", "0", 0, 1048576, R, "No recording begins when those that are kept fill this. 0: no limit."),
    UINT(CfgRecording, retention_days, "days", "0", 0, 36500, R, "Recordings older than this go by themselves. 0: never."),
    UINT(CfgRecording, idle_s, "seconds", "60", 5, 86400, R, "Recordings and streams end when nobody has been in the room for this long."),
    TEXTS(CfgRecording, stream_hosts, "[]", "[ \"live.example.vn\", \"*.example.org:1935\" ]", 64, NULL, R,
          "Meetings may be streamed by RTMP and SRT to these hosts (with * and ?, with or without a port) and nowhere else. "
          "Streams for the console (HLS) need nothing here."),
    UINT(CfgRecording, streams_max, NULL, "8", 1, 100, R, "Streams at one time, HLS among them."),
};
SECTION(recording, CfgRecording);

static const CfgKey api_keys[] = {
    TEXTS(CfgApi, listen, "[\"0.0.0.0:8443\", \"[::]:8443\"]", NULL, 16, cfg_check_listen, R,
          "Addresses and ports for HTTPS. Empty: no API."),
    TEXT(CfgApi, tls_certificate, NULL, "\"/etc/mediad/tls/fullchain.pem\"", 1, 512, cfg_check_path, R,
         "Certificate chain (PEM). Unset: a self-signed one is made."),
    TEXT(CfgApi, tls_key, NULL, "\"/etc/mediad/tls/key.pem\"", 1, 512, cfg_check_path, R, "Its private key (PEM)."),
    BOOL(CfgApi, allow_http, "false", R, "Speak plain HTTP instead; on loopback addresses only."),
    TEXT(CfgApi, console_dir, NULL, "\"/usr/share/mediad/console\"", 1, 512, cfg_check_path, R, "Folder of web pages. Unset: none."),
    ENUMS(CfgApi, second_factor_roles, "[]", account_roles, 0, 10, R,
          "Accounts of these roles can do nothing before they have a second factor. Whoever has one signs in with it, whatever the role."),
    UINT(CfgApi, session_lifetime_s, "seconds", "43200", 300, 2592000, R, "A sign-in holds this long."),
    UINT(CfgApi, sessions_max, NULL, "1000", 1, 100000, R, "Sign-ins at one time."),
    UINT(CfgApi, websockets_max, NULL, "200", 1, 10000, R, "Event subscribers at one time."),
};
SECTION(api, CfgApi);

static const CfgKey web_keys[] = {
    BOOL(CfgWeb, guests, "true", 0,
         "Browsers without account or link may join rooms that have a PIN or a lobby. Off: by account or link only."),
    UINT(CfgWeb, resume_s, "seconds", "30", 5, 600, R, "A browser whose connection broke keeps its seat in the meeting so long."),
    UINT(CfgWeb, silent_s, "seconds", "20", 3, 300, R,
         "A browser that answers nothing for so long (a laptop that sleeps) is shown as away, its connection is dropped; its seat is kept for resume_s more."),
    UINT(CfgWeb, connections_max, NULL, "500", 1, 10000, R, "Browsers at one time."),
    UINT(CfgWeb, connections_per_source, NULL, "100", 1, 10000, R, "Browsers at one time from one address: an office may share one."),
    TEXTS(CfgWeb, stun, "[]", "[\"stun:turn.example.vn:3478\"]", 8, cfg_check_ice_uri, 0, "STUN servers that browsers are told of."),
    TEXTS(CfgWeb, turn, "[]", "[\"turn:turn.example.vn:3478?transport=udp\", \"turns:turn.example.vn:5349?transport=tcp\"]", 8, cfg_check_ice_uri, 0,
          "TURN servers that browsers are told of, with credentials that last for turn_lifetime_s."),
    TEXT(CfgWeb, turn_secret_file, NULL, "\"/etc/mediad/turn-secret\"", 1, 512, cfg_check_path, R,
         "File with the secret shared with the TURN servers (coturn: use-auth-secret), readable by mediad alone. Unset: no TURN is told of."),
    UINT(CfgWeb, turn_lifetime_s, "seconds", "43200", 600, 604800, 0, "TURN credentials are good so long: longer than a meeting."),
};
SECTION(web, CfgWeb);

static const CfgKey store_keys[] = {
    TEXT(CfgStore, uri, NULL, "\"/var/lib/mediad/mediad.sqlite\"", 1, 1024, cfg_check_store, R,
         "SQLite file, or postgresql://... Unset: mediad.sqlite in general.state_dir."),
};
SECTION(store, CfgStore);

static const CfgKey root_keys[] = {
    GROUP(general, CfgGeneral, general, 0, "Who and where we are, threads."),
    GROUP(log, CfgLog, log_section, 0, "What is logged: to the journal under systemd, else to standard error."),
    GROUP(sip, CfgSip, sip, 0, "Signalling: listeners, registrations, calls, budgets per source."),
    LIST(CfgSettings, trunks, CfgTrunk, trunk, "()", 0, 32, R, "Outside parties called through a proxy of theirs."),
    GROUP(media, CfgMedia, media, 0, "Addresses, ports and codecs of sound and pictures."),
    GROUP(ice, CfgIce, ice, 0, "Media of browsers: the addresses they find us at."),
    GROUP(video, CfgVideo, video, 0, "Picture sizes and labels."),
    GROUP(conference, CfgConference, conference, 0, "All rooms."),
    GROUP(meeting, CfgMeeting, meeting, 0, "Meetings that are booked, and their trial sessions."),
    LIST(CfgSettings, rooms, CfgRoom, room, "()", 0, 500, 0, "Rooms that are always there."),
    GROUP(province, CfgProvince, province, 0, "The province."),
    LIST(CfgSettings, areas, CfgArea, area, "()", 0, 20000, 0, "The tree of areas under the province: communes, wards, villages."),
    LIST(CfgSettings, sites, CfgSite, site, "()", 0, 20000, 0, "Accounts that must exist."),
    GROUP(broadcast, CfgBroadcast, broadcast, 0, "Bulletins to loudspeakers."),
    GROUP(alert, CfgAlert, alert, 0, "Alerts: Common Alerting Protocol 1.2, sirens, drills."),
    GROUP(link, CfgLink, link_section, 0, "Loudspeakers on the Internet: MQTT, certificates, health."),
    GROUP(recording, CfgRecording, recording, 0, "Recordings and live streams of meetings."),
    GROUP(exchange, CfgExchange, exchange, 0, "The central system, and devices of other makers."),
    GROUP(api, CfgApi, api, 0, "HTTPS for operators and programs."),
    GROUP(web, CfgWeb, web, 0, "Browsers that join meetings."),
    GROUP(store, CfgStore, store, 0, "Where state is kept."),
};
const CfgSection cfg_root = {root_keys, sizeof root_keys / sizeof *root_keys, sizeof(CfgSettings)};
