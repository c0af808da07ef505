/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

/* mediactl: one run is one command. Output goes to out and err so that tests can read it. */
enum { CTL_OK, CTL_FAILED, CTL_USAGE };

typedef struct Ctl {
    FILE *out, *err, *in;
    char *config_path;          /* settings: url, token, fingerprint */
    char *url, *token, *fingerprint;
    char *otp;                  /* a one-time code to go with what changes something */
    char *seen_fingerprint;     /* of the certificate that was not trusted */
    const char *alert_key;      /* sent as X-Alert-Key; borrowed, NULL none */
    bool json, trust, token_from_outside;
    bool quiet_codes;           /* not told when a one-time code is needed: the caller asks for it */
    char *refusal;              /* code of the last refusal */
    SoupSession *session;
    GMainContext *context;
} Ctl;

/* Words after the command, and its options. */
typedef struct Args {
    GPtrArray *words;    /* of char* */
    GHashTable *options; /* name → value, "" for a flag */
} Args;

typedef struct Command {
    const char *noun, *verb;   /* verb NULL: the noun alone */
    const char *words;         /* "ROOM TARGET…" */
    const char *options;       /* "title=TEXT temporary": with = takes a value */
    unsigned min, max;         /* words */
    const char *help;
    int (*run)(Ctl *ctl, const Args *args);
} Command;

/* main.c of the library: argv[0] is skipped. Returns the exit code. */
int ctl_main(Ctl *ctl, int argc, char **argv);
const char *args_option(const Args *args, const char *name); /* NULL: not given */
const char *args_word(const Args *args, unsigned i);         /* NULL: not given */

/* config.c */
void ctl_load(Ctl *ctl);
bool ctl_save(Ctl *ctl);
void ctl_clear(Ctl *ctl);
char *ctl_ask(Ctl *ctl, const char *question, bool secret); /* NULL: nothing came */
bool ctl_interactive(Ctl *ctl);                              /* somebody sits at the terminal */

/* client.c: path is under /api/v1; body is taken. NULL: failed and told (CTL_FAILED); a reply without a body is a JSON null. */
/* After ctl_call has failed: the code of the API's error, NULL none. */
const char *ctl_refusal(const Ctl *ctl);
JsonNode *ctl_call(Ctl *ctl, const char *method, const char *path, JsonObject *body);
JsonNode *ctl_upload(Ctl *ctl, const char *path, const char *file, const char *type);
/* A file of the API, to a file or (NULL) to out. */
int ctl_download(Ctl *ctl, const char *path, const char *file);
/* printf with every %s percent-encoded for one path segment or query value. g_free. */
char *ctl_path(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* "/rooms/ROOM/members/ID" of a member by id, account or name; NULL: nobody or several, told. */
char *ctl_member_path(Ctl *ctl, const char *room, const char *who);
int ctl_fail(Ctl *ctl, const char *what, const char *next);
/* method path body → message (printed when it went well) */
int ctl_do(Ctl *ctl, const char *method, const char *path, JsonObject *body, const char *format, ...) G_GNUC_PRINTF(5, 6);

/* ask.c: options of the command into what is asked of the API */
/* --full-name TEXT: member full_name; not given: nothing. */
void ctl_set_text(JsonObject *body, const Args *args, const char *option);
/* Those of fields that were given, as ?a=…&b=… */
void ctl_query(GString *path, const Args *args, const char *const *fields, unsigned n);

/* table.c */
unsigned ctl_width(const char *text); /* columns on a terminal: combining marks 0, wide 2 */
/* columns: "name:Name,media.audio:Codec,joined_us:Joined"; fields ending in _us are shown as local time. */
void ctl_table(FILE *out, JsonArray *rows, const char *columns);
/* GET path, print its list (or with --json the reply). empty: what to say and do when there is nothing. */
int ctl_list(Ctl *ctl, const char *path, const char *key, const char *columns, const char *empty);
int ctl_show(Ctl *ctl, const char *path, const char *fields);
void ctl_print_json(Ctl *ctl, JsonNode *node);
void ctl_fields(FILE *out, JsonObject *object, const char *fields);

extern const Command ctl_commands[]; /* ends with noun NULL */

/* one file each */
#define CTL_COMMANDS(X)                                                                                                \
    X(setup) X(login) X(logout) X(status) X(accounts_list) X(accounts_add) X(accounts_reset) X(accounts_del) X(registrations)   \
    X(sources_list) X(sources_forgive)                                                                                 \
    X(rooms_list) X(rooms_add) X(rooms_del) X(rooms_show) X(rooms_lock) X(rooms_unlock) X(rooms_end) X(rooms_content) X(members) X(mute) X(unmute) \
    X(kick) X(admit) X(role) X(layout) X(view) X(tour) X(spotlight) X(banner) X(dial) X(dials) X(undial) X(users_list) X(users_add) X(users_change) X(users_del)                \
    X(users_password) X(content_list) X(content_add) X(content_del) X(announce) X(schedule_list) X(schedule_add) X(schedule_cancel)          \
    X(bulletin_list) X(bulletin_show) X(bulletin_new) X(bulletin_submit) X(bulletin_approve) X(bulletin_return) X(bulletin_withdraw)    \
    X(inbox_list) X(inbox_accept) X(inbox_decline) X(inbox_decide)                                                      \
    X(live_list) X(live_start) X(live_stop) X(play_log) X(devices_list) X(devices_add) X(devices_del) X(devices_show) X(devices_why_silent) X(devices_log) X(devices_enrol_code) X(devices_enrol_codes) \
    X(devices_withdraw) X(devices_volume) X(devices_command) X(devices_answers) X(outages) X(areas) X(audit)         \
    X(otp_show) X(otp_enrol) X(otp_confirm) X(otp_unlock) X(otp_codes) X(otp_reset) X(events) X(completion)     \
    X(schedule_publish) X(schedule_release) X(rehearse) X(slots_list) X(slots_add) X(slots_del) X(holidays_list) X(holidays_add)      \
    X(holidays_del) X(quiet_show) X(quiet_set) X(quiet_ask) X(quiet_releases) X(quiet_release) X(stop_all)             \
    X(board_list) X(board_add) X(board_del) X(board_show) X(board_key) X(devices_multicast)                          \
    X(alert_list) X(alert_show) X(alert_report) X(alert_send_cap) X(alert_emergency) X(alert_drill) X(alert_stop) \
    X(areas_import) X(areas_export) X(audit_verify) X(report) X(feedback_list) X(feedback_show) X(feedback_answer) \
    X(feedback_assign) X(feedback_close) X(feedback_bulletin) X(keys_list) X(keys_add) X(keys_del) \
    X(recordings_list) X(recordings_start) X(recordings_stop) X(recordings_chapter) X(recordings_get) X(recordings_del) \
    X(floor_show) X(floor_give) X(floor_next) X(floor_end) X(vote_list) X(vote_close) \
    X(floor_raise) X(floor_lower) X(floor_extend) X(floor_rules) X(vote_open) X(vote_show) X(channels_list) X(channels_set) X(channels_remove) X(channels_listen) X(hide) X(unhide) \
    X(streams_list) X(streams_start) X(streams_stop) X(diagnose) \
    X(meetings) X(meeting_book) X(meeting_change) X(meeting_show) X(meeting_cancel) X(meeting_start) X(meeting_end) X(meeting_trial) \
    X(meeting_attendance) X(meeting_links) X(meeting_chat) X(site_lists_list) X(site_lists_put) X(site_lists_del) \
    X(settings_show) X(settings_check) X(settings_reload) X(exchange_status) X(exchange_journal) X(exchange_show) X(exchange_replay)
#define CTL_DECLARE_(name) int ctl_cmd_##name(Ctl *ctl, const Args *args);
CTL_COMMANDS(CTL_DECLARE_)
#undef CTL_DECLARE_
