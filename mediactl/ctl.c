/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands as a table: it parses the words, prints the help and feeds the shell's completion. */
#include "mediactl/ctl.h"
#include <string.h>

const Command ctl_commands[] = {
    {"setup", NULL, "", "code=CODE user=NAME", 0, 0, "make the first administrator with mediad's set-up code", ctl_cmd_setup},
    {"login", NULL, "", "user=NAME", 0, 0, "sign in; the password is asked for or read from standard input", ctl_cmd_login},
    {"logout", NULL, "", "", 0, 0, "sign out", ctl_cmd_logout},
    {"status", NULL, "", "", 0, 0, "the house at a glance", ctl_cmd_status},
    {"accounts", "list", "", "kind=KIND", 0, 0, "SIP accounts", ctl_cmd_accounts_list},
    {"accounts", "add", "NAME", "display=TEXT kind=KIND role=ROLE area=CODE security=POLICY digests=WHICH password-stdin", 1, 1,
     "make a SIP account", ctl_cmd_accounts_add},
    {"accounts", "reset", "NAME", "", 1, 1, "give a SIP account a new password", ctl_cmd_accounts_reset},
    {"accounts", "del", "NAME", "", 1, 1, "remove a SIP account", ctl_cmd_accounts_del},
    {"registrations", NULL, "[ACCOUNT]", "", 0, 1, "devices that are registered", ctl_cmd_registrations},
    {"sources", "list", "", "", 0, 0, "network sources that gave offence, and why", ctl_cmd_sources_list},
    {"sources", "forgive", "SOURCE", "", 1, 1, "lift the ban of a source", ctl_cmd_sources_forgive},
    {"rooms", "list", "", "", 0, 0, "rooms", ctl_cmd_rooms_list},
    {"rooms", "add", "NAME",
     "title=TEXT pin=DIGITS chair-pin=DIGITS layout=LAYOUT security=POLICY language=LANG max-members=N wait-for-chair mute-on-entry "
     "temporary lobby", 1, 1, "make a room", ctl_cmd_rooms_add},
    {"rooms", "del", "ROOM", "", 1, 1, "end the meeting and remove the room", ctl_cmd_rooms_del},
    {"rooms", "show", "ROOM", "", 1, 1, "one room, with its counters", ctl_cmd_rooms_show},
    {"rooms", "lock", "ROOM", "", 1, 1, "let nobody new in", ctl_cmd_rooms_lock},
    {"rooms", "unlock", "ROOM", "", 1, 1, "open the room again", ctl_cmd_rooms_unlock},
    {"rooms", "content", "ROOM start MEMBER|stop", "", 2, 3, "let a member present slides or a screen, or take them away", ctl_cmd_rooms_content},
    {"rooms", "end", "ROOM", "", 1, 1, "end the meeting for all", ctl_cmd_rooms_end},
    {"members", NULL, "ROOM", "stats", 1, 1, "who is in a room; --stats: how their lines are", ctl_cmd_members},
    {"diagnose", NULL, "ROOM MEMBER", "listener=MEMBER", 2, 2, "why can't they hear and see it: hop by hop, with the cause", ctl_cmd_diagnose},
    {"recordings", "list", "[ROOM]", "", 0, 1, "recordings of meetings", ctl_cmd_recordings_list},
    {"recordings", "start", "ROOM", "", 1, 1, "record a meeting; everybody in it is told", ctl_cmd_recordings_start},
    {"recordings", "stop", "RECORDING", "", 1, 1, "end a recording", ctl_cmd_recordings_stop},
    {"recordings", "chapter", "RECORDING TITLE", "", 2, 2, "a chapter begins now", ctl_cmd_recordings_chapter},
    {"recordings", "get", "RECORDING [FILE]", "", 1, 2, "fetch a recording (MP4)", ctl_cmd_recordings_get},
    {"recordings", "del", "RECORDING", "", 1, 1, "delete a recording for good", ctl_cmd_recordings_del},
    {"streams", "list", "", "", 0, 0, "meetings that go out live", ctl_cmd_streams_list},
    {"streams", "start", "ROOM [URL]", "", 1, 2, "stream a meeting to an allowed rtmp: or srt: address, or to the console", ctl_cmd_streams_start},
    {"streams", "stop", "STREAM", "", 1, 1, "end a stream", ctl_cmd_streams_stop},
    {"mute", NULL, "ROOM MEMBER|all|all-but-chair", "", 2, 2, "microphones off", ctl_cmd_mute},
    {"unmute", NULL, "ROOM MEMBER|all", "", 2, 2, "microphones on", ctl_cmd_unmute},
    {"kick", NULL, "ROOM MEMBER", "", 2, 2, "send a member out", ctl_cmd_kick},
    {"admit", NULL, "ROOM MEMBER", "", 2, 2, "let a member in from the lobby", ctl_cmd_admit},
    {"role", NULL, "ROOM MEMBER chair|co-chair|operator|secretary|technician|site|observer|guest", "", 3, 3, "give a member another role", ctl_cmd_role},
    {"floor", "show", "ROOM", "", 1, 1, "who waits to speak", ctl_cmd_floor_show},
    {"floor", "give", "ROOM MEMBER", "", 2, 2, "give the floor: the others are muted by it, the speaker goes large", ctl_cmd_floor_give},
    {"floor", "next", "ROOM", "", 1, 1, "give the floor to the first in the queue", ctl_cmd_floor_next},
    {"floor", "end", "ROOM", "", 1, 1, "end the floor; microphones are as they were", ctl_cmd_floor_end},
    {"floor", "raise", "ROOM MEMBER", "", 2, 2, "raise a member's hand", ctl_cmd_floor_raise},
    {"floor", "lower", "ROOM MEMBER", "", 2, 2, "lower a member's hand", ctl_cmd_floor_lower},
    {"floor", "extend", "ROOM SECONDS", "", 2, 2, "more time for the speaker", ctl_cmd_floor_extend},
    {"floor", "rules", "ROOM", "budget=SECONDS warn=SECONDS grace=SECONDS auto-next by-hand", 1, 1, "speaking time, warning, how long a place is kept",
     ctl_cmd_floor_rules},
    {"vote", "open", "ROOM QUESTION [CHOICE…]", "secret quorum=N seconds=N", 2, 11, "ask the sites", ctl_cmd_vote_open},
    {"vote", "show", "ROOM VOTE", "", 2, 2, "what was chosen", ctl_cmd_vote_show},
    {"vote", "list", "ROOM", "", 1, 1, "votes of a meeting", ctl_cmd_vote_list},
    {"vote", "close", "ROOM VOTE", "", 2, 2, "close a vote", ctl_cmd_vote_close},
    {"channels", "list", "ROOM", "", 1, 1, "channels of interpreters and who listens", ctl_cmd_channels_list},
    {"channels", "set", "ROOM CHANNEL INTERPRETER…", "floor=DB", 3, 6, "make a channel of interpreters, or give it others",
     ctl_cmd_channels_set},
    {"channels", "remove", "ROOM CHANNEL", "", 2, 2, "take a channel away; its listeners hear the floor", ctl_cmd_channels_remove},
    {"channels", "listen", "ROOM MEMBER [CHANNEL]", "", 2, 3, "let a member listen to an interpreter, or to the floor again", ctl_cmd_channels_listen},
    {"hide", NULL, "ROOM MEMBER", "", 2, 2, "a picture is not shown", ctl_cmd_hide},
    {"unhide", NULL, "ROOM MEMBER", "", 2, 2, "a picture is shown again", ctl_cmd_unhide},
    {"layout", NULL, "ROOM LAYOUT [MEMBER|-…]", "", 2, 74, "choose the composed picture and who sits where; -: anybody", ctl_cmd_layout},
    {"view", NULL, "ROOM MEMBER LAYOUT|room [MEMBER|-…]", "", 3, 75, "choose what one member is sent; room: the picture of all again", ctl_cmd_view},
    {"tour", NULL, "ROOM SECONDS|off", "", 2, 2, "show the sites in turn, each for 5 to 300 seconds", ctl_cmd_tour},
    {"spotlight", NULL, "ROOM MEMBER|off", "", 2, 2, "show a member large to all, whoever speaks", ctl_cmd_spotlight},
    {"banner", NULL, "ROOM [TEXT]", "clock seconds=N", 1, 2, "a line of text in everybody's picture, and the clock; none without a text", ctl_cmd_banner},
    {"dial", NULL, "ROOM TARGET…", "role=ROLE redial", 2, 201, "call accounts or SIP addresses into a room", ctl_cmd_dial},
    {"dials", NULL, "ROOM", "", 1, 1, "who is being called", ctl_cmd_dials},
    {"undial", NULL, "ROOM TARGET", "", 2, 2, "stop calling somebody", ctl_cmd_undial},
    {"meetings", NULL, "", "from=TIME to=TIME", 0, 0, "what is booked, by start", ctl_cmd_meetings},
    {"meeting", "book", "TITLE [ACCOUNT…]",
     "start=TIME end=TIME minutes=N room=ROOM chair=ACCOUNT co-chair=ACCOUNT secretary=ACCOUNT technician=ACCOUNT pin=DIGITS chair-pin=DIGITS language=LANG "
     "max-minutes=N open-min=N grace-min=N lists=NAMES areas=CODES roles=ROLES force-because=TEXT lobby mute-on-entry wait-for-chair confidential record "
     "no-dial no-trial", 1, 501, "book a meeting; clashes of sites and rooms are told", ctl_cmd_meeting_book},
    {"meeting", "change", "MEETING [ACCOUNT…]",
     "title=TEXT uninvite=ACCOUNTS start=TIME end=TIME minutes=N room=ROOM chair=ACCOUNT co-chair=ACCOUNT secretary=ACCOUNT technician=ACCOUNT pin=DIGITS chair-pin=DIGITS language=LANG "
     "max-minutes=N open-min=N grace-min=N lists=NAMES areas=CODES roles=ROLES force-because=TEXT lobby mute-on-entry wait-for-chair confidential record "
     "no-dial no-trial", 1, 501, "change a meeting, invite more sites or leave some out", ctl_cmd_meeting_change},
    {"meeting", "show", "MEETING", "", 1, 1, "one meeting, its agenda and sites", ctl_cmd_meeting_show},
    {"meeting", "cancel", "MEETING", "because=TEXT", 1, 1, "call a meeting off", ctl_cmd_meeting_cancel},
    {"meeting", "start", "MEETING", "", 1, 1, "begin now; its sites are called", ctl_cmd_meeting_start},
    {"meeting", "end", "MEETING", "", 1, 1, "end a meeting for all", ctl_cmd_meeting_end},
    {"meeting", "trial", "MEETING [ACCOUNT…]", "start stop", 1, 501, "how each site's line was in the trial; --start: check them now", ctl_cmd_meeting_trial},
    {"meeting", "attendance", "MEETING [FILE]", "csv html", 1, 2, "who was there; --csv, --html: to a file", ctl_cmd_meeting_attendance},
    {"meeting", "links", "MEETING", "make guest=NAME revoke=ID", 1, 1, "join links; --make: one for each site", ctl_cmd_meeting_links},
    {"meeting", "chat", "MEETING [TEXT]", "to=WHOM", 1, 2, "what was written; with a text: write to all or the secretary", ctl_cmd_meeting_chat},
    {"site-lists", "list", "", "", 0, 0, "saved lists of sites", ctl_cmd_site_lists_list},
    {"site-lists", "put", "NAME [ACCOUNT…]", "title=TEXT lists=NAMES areas=CODES roles=ROLES", 1, 501, "save a list of sites", ctl_cmd_site_lists_put},
    {"site-lists", "del", "NAME", "", 1, 1, "remove a list", ctl_cmd_site_lists_del},
    {"content", "list", "", "", 0, 0, "what can be broadcast", ctl_cmd_content_list},
    {"content", "add", "[FILE]", "title=TEXT text=TEXT", 0, 1, "add a sound or video file, or a text to be spoken", ctl_cmd_content_add},
    {"content", "del", "CONTENT", "", 1, 1, "remove content", ctl_cmd_content_del},
    {"announce", NULL, "CONTENT AREA…", "priority=PRIORITY repeats=N title=TEXT", 2, 501, "play content in areas now", ctl_cmd_announce},
    {"schedule", "list", "", "", 0, 0, "what is scheduled", ctl_cmd_schedule_list},
    {"schedule", "add", "CONTENT AREA…", "at=TIME rule=RRULE name=TEXT priority=PRIORITY repeats=N slot=ID draft reason=TEXT", 2, 501,
     "play content in areas at a time", ctl_cmd_schedule_add},
    {"schedule", "cancel", "SCHEDULE", "", 1, 1, "cancel a schedule", ctl_cmd_schedule_cancel},
    {"bulletin", "list", "", "state=STATE",
     0, 0, "bulletins, newest change first", ctl_cmd_bulletin_list},
    {"bulletin", "show", "BULLETIN", "",
     1, 1, "one bulletin, and who did what to it", ctl_cmd_bulletin_show},
    {"bulletin", "new", "TITLE [AREA…]", "text=TEXT kind=KIND content=CONTENT subject=CODE priority=PRIORITY author=TEXT summary=TEXT area=CODE",
     1, 501, "write a draft for areas", ctl_cmd_bulletin_new},
    {"bulletin", "submit", "BULLETIN", "",
     1, 1, "hand a draft in for review; a text is spoken first", ctl_cmd_bulletin_submit},
    {"bulletin", "approve", "BULLETIN", "revision=N",
     1, 1, "let a bulletin go on the air as it was read", ctl_cmd_bulletin_approve},
    {"bulletin", "return", "BULLETIN", "reason=TEXT",
     1, 1, "give a bulletin back to its author", ctl_cmd_bulletin_return},
    {"bulletin", "withdraw", "BULLETIN", "reason=TEXT",
     1, 1, "take a bulletin back: nothing of it sounds any more", ctl_cmd_bulletin_withdraw},
    {"inbox", "list", "", "",
     0, 0, "what communes got from above", ctl_cmd_inbox_list},
    {"inbox", "accept", "ITEM", "at=TIME",
     1, 1, "play a normal bulletin from above here at a time", ctl_cmd_inbox_accept},
    {"inbox", "decline", "ITEM", "reason=TEXT",
     1, 1, "do not play a normal bulletin from above here", ctl_cmd_inbox_decline},
    {"inbox", "decide", "ITEM above|own", "",
     2, 2, "say which of two priority bulletins goes first", ctl_cmd_inbox_decide},
    {"schedule", "publish", "SCHEDULE", "reason=TEXT", 1, 1, "publish a draft; with a reason also in spite of problems", ctl_cmd_schedule_publish},
    {"schedule", "release", "SCHEDULE", "reason=TEXT", 1, 1, "let another person's programme sound in quiet hours", ctl_cmd_schedule_release},
    {"rehearse", NULL, "", "area=CODE days=N draft=SCHEDULE", 0, 0, "what would be heard in the coming days, and what is wrong with it",
     ctl_cmd_rehearse},
    {"slots", "list", "", "", 0, 0, "the daily windows of programmes", ctl_cmd_slots_list},
    {"slots", "add", "ID AREA HH:MM-HH:MM", "name=TEXT days=DAYS", 3, 3, "add or change a window; days such as mon,tue,sat", ctl_cmd_slots_add},
    {"slots", "del", "ID", "", 1, 1, "remove a window", ctl_cmd_slots_del},
    {"holidays", "list", "", "", 0, 0, "days on which programmes follow another rule", ctl_cmd_holidays_list},
    {"holidays", "add", "AREA DAY NAME", "", 3, 3, "a day such as 2027-02-06 is a holiday in an area", ctl_cmd_holidays_add},
    {"holidays", "del", "AREA DAY", "", 2, 2, "it is none any more", ctl_cmd_holidays_del},
    {"quiet", "show", "AREA", "", 1, 1, "when an area is quiet", ctl_cmd_quiet_show},
    {"quiet", "set", "AREA HOURS|none|inherit", "", 2, 2, "quiet hours of its own, such as 21:30-05:00", ctl_cmd_quiet_set},
    {"quiet", "ask", "AREA…", "from=TIME to=TIME reason=TEXT", 1, 500, "ask another person to let quiet hours go for a span", ctl_cmd_quiet_ask},
    {"quiet", "releases", "", "", 0, 0, "what is asked for and released", ctl_cmd_quiet_releases},
    {"quiet", "release", "ID", "", 1, 1, "release what another person asked for", ctl_cmd_quiet_release},
    {"stop-all", NULL, "AREA", "", 1, 1, "silence: end everything that sounds in an area, now and for good", ctl_cmd_stop_all},
    {"live", "list", "", "", 0, 0, "what is on the loudspeakers now", ctl_cmd_live_list},
    {"live", "start", "AREA…", "room=ROOM stream=URL title=TEXT priority=PRIORITY", 1, 500, "put a meeting or a stream on loudspeakers",
     ctl_cmd_live_start},
    {"live", "stop", "ID", "", 1, 1, "stop it", ctl_cmd_live_stop},
    {"play-log", NULL, "[ID]", "limit=N", 0, 1, "what was played, and with ID how each loudspeaker did", ctl_cmd_play_log},
    {"alert", "list", "", "", 0, 0, "alerts, emergencies and drills, newest first", ctl_cmd_alert_list},
    {"alert", "show", "ID", "", 1, 1, "one of them, and how fast it was heard", ctl_cmd_alert_show},
    {"alert", "report", "ID", "", 1, 1, "when every loudspeaker sounded, and which did not", ctl_cmd_alert_report},
    {"alert", "send-cap", "FILE", "key-file=FILE", 1, 1, "hand in a CAP 1.2 message with the key of a source", ctl_cmd_alert_send_cap},
    {"alert", "emergency", "AREA…", "text=TEXT siren=SIREN rounds=N repeats=N interval=SECONDS content=CONTENT bulletin=ID room=ROOM stream=URL title=TEXT", 1, 500,
     "siren and words at once, over everything (none, chime, storm, flood, urgent)", ctl_cmd_alert_emergency},
    {"alert", "drill", "AREA…", "text=TEXT title=TEXT", 1, 500, "the whole way of an alert, softly and called a drill", ctl_cmd_alert_drill},
    {"alert", "stop", "ID", "all-clear text=TEXT", 1, 1, "stop one everywhere; --all-clear or --text: and sound the all-clear", ctl_cmd_alert_stop},
    {"settings", "show", "[WORD]", "", 0, 1, "what the file says; with WORD: every setting that speaks of it, explained", ctl_cmd_settings_show},
    {"settings", "check", "", "", 0, 0, "read the file anew: what is wrong where, what would change", ctl_cmd_settings_check},
    {"settings", "reload", "", "", 0, 0, "take the file over, as a reload of the service does", ctl_cmd_settings_reload},
    {"exchange", "journal", "", "peer=NAME state=STATE limit=N", 0, 0, "messages to and from other systems, newest first", ctl_cmd_exchange_journal},
    {"exchange", "show", "ID", "", 1, 1, "one message, with its body", ctl_cmd_exchange_show},
    {"exchange", "replay", "ID", "", 1, 1, "send it once more under the same id, or deal with it once more", ctl_cmd_exchange_replay},
    {"exchange", NULL, "", "", 0, 0, "how the link to the central system is", ctl_cmd_exchange_status},
    {"devices", "list", "", "area=CODE", 0, 0, "loudspeakers", ctl_cmd_devices_list},
    {"devices", "add", "ID", "name=TEXT area=CODE kind=KIND vendor=TEXT gateway=ID volume=N", 1, 1, "list a loudspeaker", ctl_cmd_devices_add},
    {"devices", "del", "ID", "", 1, 1, "remove a loudspeaker", ctl_cmd_devices_del},
    {"devices", "show", "ID", "", 1, 1, "what a loudspeaker says of itself, and whether it can be believed", ctl_cmd_devices_show},
    {"devices", "why-silent", "ID", "", 1, 1, "why a loudspeaker is silent", ctl_cmd_devices_why_silent},
    {"devices", "volume", "N ID…", "area=CODE", 1, 501, "set the volume of loudspeakers", ctl_cmd_devices_volume},
    {"devices", "command", "VERB ID…", "area=CODE", 1, 501, "restart, fetch, line-test, send-log, blank", ctl_cmd_devices_command},
    {"devices", "answers", "[COMMAND]", "", 0, 1, "commands, or who answered one", ctl_cmd_devices_answers},
    {"devices", "log", "ID", "", 1, 1, "ask a loudspeaker for its log", ctl_cmd_devices_log},
    {"devices", "enrol-code", "ID", "", 1, 1, "a one-time code with which a loudspeaker gets its certificate", ctl_cmd_devices_enrol_code},
    {"devices", "enrol-codes", "AREA…", "csv all", 1, 500, "codes for all of an area that have no certificate yet, or --all", ctl_cmd_devices_enrol_codes},
    {"devices", "withdraw", "ID", "", 1, 1, "withdraw the certificate of a loudspeaker", ctl_cmd_devices_withdraw},
    {"devices", "multicast", "ID GROUP:PORT|none", "codec=CODEC", 2, 2, "the multicast group a device of kind multicast hears",
     ctl_cmd_devices_multicast},
    {"board", "list", "", "", 0, 0, "what is on the boards", ctl_cmd_board_list},
    {"board", "add", "AREA", "kind=KIND title=TEXT body=TEXT file=FILE seconds=N colour=#RRGGBB background=#RRGGBB", 1, 1,
     "put a text, scroll, image, video, stream or clock on the boards of an area", ctl_cmd_board_add},
    {"board", "del", "ITEM", "", 1, 1, "take it away", ctl_cmd_board_del},
    {"board", "show", "ID", "", 1, 1, "whether a board listens and what it says it shows", ctl_cmd_board_show},
    {"board", "key", "ID", "", 1, 1, "a new key for a board: the address to open on it", ctl_cmd_board_key},
    {"outages", NULL, "", "", 0, 0, "incidents that took many loudspeakers at once", ctl_cmd_outages},
    {"areas", "import", "FILE", "dry-run", 1, 1, "add or change areas from a table (CSV: code,name,parent,kind,ident); all lines or none", ctl_cmd_areas_import},
    {"areas", "export", "[FILE]", "under=CODE", 0, 1, "the areas as such a table", ctl_cmd_areas_export},
    {"areas", NULL, "", "", 0, 0, "the tree of areas", ctl_cmd_areas},
    {"users", "list", "", "", 0, 0, "who may sign in", ctl_cmd_users_list},
    {"users", "add", "NAME", "role=ROLE area=CODE vendor=NAME", 1, 1,
     "add a user (viewer, broadcaster, operator, admin, provincial-editor, provincial-approver, commune-editor, commune-approver, auditor, vendor)",
     ctl_cmd_users_add},
    {"users", "change", "NAME", "role=ROLE area=CODE vendor=NAME disable enable", 1, 1, "give a user another role or area, or shut it out",
     ctl_cmd_users_change},
    {"users", "del", "NAME", "", 1, 1, "remove a user", ctl_cmd_users_del},
    {"users", "password", "NAME", "", 1, 1, "give a user a new password", ctl_cmd_users_password},
    {"otp", "show", "", "", 0, 0, "the own second factor", ctl_cmd_otp_show},
    {"otp", "enrol", "", "", 0, 0, "begin to use one-time codes; the password is asked for or read from standard input", ctl_cmd_otp_enrol},
    {"otp", "confirm", "CODE", "", 1, 1, "confirm the enrolment with a code", ctl_cmd_otp_confirm},
    {"otp", "unlock", "[CODE]", "", 0, 1, "do without one-time codes for five minutes", ctl_cmd_otp_unlock},
    {"otp", "codes", "", "", 0, 0, "new recovery codes", ctl_cmd_otp_codes},
    {"otp", "reset", "USER", "", 1, 1, "remove somebody's second factor, who lost it", ctl_cmd_otp_reset},
    {"report", NULL, "[FILE]", "from=DAY to=DAY area=CODE by=WHAT lang=LANG csv html", 0, 1,
     "what was asked for, played, missed and why; by commune, area or device; --csv and --html for a file", ctl_cmd_report},
    {"feedback", "list", "", "state=STATE", 0, 0, "what people report", ctl_cmd_feedback_list},
    {"feedback", "show", "ID", "", 1, 1, "one report", ctl_cmd_feedback_show},
    {"feedback", "assign", "ID WHOM", "", 2, 2, "give it to somebody to answer", ctl_cmd_feedback_assign},
    {"feedback", "answer", "ID TEXT", "", 2, 2, "answer it", ctl_cmd_feedback_answer},
    {"feedback", "close", "ID", "", 1, 1, "close it", ctl_cmd_feedback_close},
    {"feedback", "bulletin", "ID TITLE", "", 2, 2, "make the draft of a bulletin of the answer", ctl_cmd_feedback_bulletin},
    {"keys", "list", "", "", 0, 0, "keys of programs", ctl_cmd_keys_list},
    {"keys", "add", "NAME feed|feedback|central|vendor", "area=CODE", 2, 2, "make a key for a program, shown this once", ctl_cmd_keys_add},
    {"keys", "del", "NAME", "", 1, 1, "remove a key", ctl_cmd_keys_del},
    {"audit", "verify", "", "database=FILE head=HASH", 0, 0, "prove the whole trail; --database: without mediad, from its file or a copy", ctl_cmd_audit_verify},
    {"audit", NULL, "", "limit=N who=NAME what=TEXT failed verify", 0, 0, "who changed what", ctl_cmd_audit},
    {"events", NULL, "", "", 0, 0, "print what happens, one JSON object a line", ctl_cmd_events},
    {"completion", NULL, "", "", 0, 0, "words for the shell's completion", ctl_cmd_completion},
    {NULL},
};

const char *args_option(const Args *args, const char *name)
{
    return g_hash_table_lookup(args->options, name);
}

const char *args_word(const Args *args, unsigned i)
{
    return i < args->words->len ? args->words->pdata[i] : NULL;
}

static void print_usage(FILE *out, const Command *c)
{
    fprintf(out, "usage: mediactl %s%s%s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "", *c->words ? " " : "", c->words);
    g_auto(GStrv) options = g_strsplit(c->options, " ", -1);
    for (unsigned i = 0; options[i] && *options[i]; i++) {
        char *equals = strchr(options[i], '=');
        if (equals)
            *equals = ' ';
        fprintf(out, " [--%s]", options[i]);
    }
    fprintf(out, "\n  %s\n", c->help);
}

static void print_help(FILE *out)
{
    fprintf(out, "usage: mediactl [--url URL] [--otp CODE] [--json] [--trust] COMMAND …\n\n");
    for (const Command *c = ctl_commands; c->noun; c++) {
        g_autofree char *line = g_strdup_printf("%s%s%s %s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "", c->words);
        fprintf(out, "  %-44s %s\n", line, c->help);
    }
    fprintf(out, "\nCOMMAND --help tells its options. --json prints the answer as JSON; --trust takes the server's self-signed\n"
                 "certificate and remembers it. --otp (or MEDIACTL_OTP) is the one-time code for what asks for one. MEDIACTL_URL and MEDIACTL_TOKEN go before what login has kept.\n"
                 "Exit status: 0 done, 1 refused or failed, 2 wrong usage.\n");
}

/* "title=TEXT temporary": 0 unknown, 1 flag, 2 with a value */
static int option_kind(const char *options, const char *name)
{
    g_auto(GStrv) specs = g_strsplit(options, " ", -1);
    gsize len = strlen(name);

    for (unsigned i = 0; specs[i]; i++) {
        if (strncmp(specs[i], name, len) == 0 && specs[i][len] == '=')
            return 2;
        if (*specs[i] && g_str_equal(specs[i], name))
            return 1;
    }
    return 0;
}

static int usage_error(Ctl *ctl, const Command *c, const char *format, const char *what)
{
    fprintf(ctl->err, "mediactl: ");
    fprintf(ctl->err, format, what);
    fputc('\n', ctl->err);
    if (c)
        print_usage(ctl->err, c);
    else
        fprintf(ctl->err, "  next: mediactl --help\n");
    return CTL_USAGE;
}

/* One "--name[=value]"; *i is moved past a separate value. */
static int take_option(Ctl *ctl, Args *args, const char *options, char **argv, int argc, int *i, const Command *c)
{
    const char *equals = strchr(argv[*i], '=');
    g_autofree char *name = equals ? g_strndup(argv[*i] + 2, (gsize)(equals - argv[*i] - 2)) : g_strdup(argv[*i] + 2);
    int kind = option_kind(options, name);

    if (kind == 0)
        return usage_error(ctl, c, "unknown option --%s", name);
    if (kind == 1 && equals)
        return usage_error(ctl, c, "--%s takes no value", name);
    if (kind == 2 && !equals && *i + 1 >= argc)
        return usage_error(ctl, c, "--%s needs a value", name);
    const char *value = kind == 1 ? "" : equals ? equals + 1 : argv[++*i];
    g_hash_table_insert(args->options, g_steal_pointer(&name), g_strdup(value));
    return CTL_OK;
}

static const Command *find_command(int argc, char **argv, int *ret_used)
{
    for (const Command *c = ctl_commands; c->noun; c++) {
        if (!g_str_equal(c->noun, argv[0]))
            continue;
        if (!c->verb || (argc > 1 && g_str_equal(c->verb, argv[1]))) {
            *ret_used = c->verb ? 2 : 1;
            return c;
        }
    }
    return NULL;
}

static int unknown_command(Ctl *ctl, int argc, char **argv)
{
    g_autoptr(GString) verbs = g_string_new(NULL);

    for (const Command *c = ctl_commands; c->noun; c++)
        if (g_str_equal(c->noun, argv[0]))
            g_string_append_printf(verbs, "%s%s", verbs->len ? ", " : "", c->verb);
    if (!verbs->len)
        return usage_error(ctl, NULL, "there is no command '%s'", argv[0]);
    g_autofree char *what = g_strdup_printf("'%s' is followed by one of: %s", argv[0], verbs->str);
    return usage_error(ctl, NULL, "%s", what);
}

static bool take_global(Ctl *ctl, const Args *args)
{
    const char *url = args_option(args, "url");

    if (url) {
        g_free(ctl->url);
        ctl->url = g_strdup(url);
    }
    if (args_option(args, "otp")) {
        g_free(ctl->otp);
        ctl->otp = g_strdup(args_option(args, "otp"));
    }
    ctl->json = args_option(args, "json") != NULL;
    ctl->trust = args_option(args, "trust") != NULL;
    return true;
}

static int run_command(Ctl *ctl, const Command *c, Args *args)
{
    take_global(ctl, args);
    if (args->words->len < c->min)
        return usage_error(ctl, c, "%s is missing", c->min > args->words->len + 1 ? "something" : "a word");
    if (args->words->len > c->max)
        return usage_error(ctl, c, "'%s' is too much", args->words->pdata[c->max]);
    ctl_load(ctl);
    g_autofree char *before = g_strdup(ctl->fingerprint);
    int status = c->run(ctl, args);
    if (ctl->trust && g_strcmp0(before, ctl->fingerprint) != 0 && status == CTL_OK && !ctl->token_from_outside)
        ctl_save(ctl);
    return status;
}

#define GLOBAL "url=URL otp=CODE json trust help version"

int ctl_main(Ctl *ctl, int argc, char **argv)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_autoptr(GHashTable) options = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    Args args = {words, options};
    const Command *command = NULL;
    int i = 1, used = 0;

    for (; i < argc && g_str_has_prefix(argv[i], "--"); i++)
        if (take_option(ctl, &args, GLOBAL, argv, argc, &i, NULL) != CTL_OK)
            return CTL_USAGE;
    if (args_option(&args, "version")) {
        fprintf(ctl->out, "mediactl %s\n", MEDIAD_VERSION);
        return CTL_OK;
    }
    if (i == argc || args_option(&args, "help")) {
        print_help(i == argc && !args_option(&args, "help") ? ctl->err : ctl->out);
        return args_option(&args, "help") ? CTL_OK : CTL_USAGE;
    }
    command = find_command(argc - i, argv + i, &used);
    if (!command)
        return unknown_command(ctl, argc - i, argv + i);
    g_autofree char *known = g_strdup_printf("%s " GLOBAL, command->options);
    bool only_words = false;
    for (i += used; i < argc; i++) {
        if (!only_words && g_str_equal(argv[i], "--"))
            only_words = true;
        else if (!only_words && g_str_has_prefix(argv[i], "--")) {
            if (take_option(ctl, &args, known, argv, argc, &i, command) != CTL_OK)
                return CTL_USAGE;
        } else
            g_ptr_array_add(words, argv[i]);
    }
    if (args_option(&args, "help")) {
        print_usage(ctl->out, command);
        return CTL_OK;
    }
    return run_command(ctl, command, &args);
}

/* One line a command: "noun verb --option --option …" */
int ctl_cmd_completion(Ctl *ctl, const Args *args)
{
    for (const Command *c = ctl_commands; c->noun; c++) {
        g_auto(GStrv) options = g_strsplit(c->options, " ", -1);
        fprintf(ctl->out, "%s %s", c->noun, c->verb ? c->verb : "-");
        for (unsigned i = 0; options[i] && *options[i]; i++)
            fprintf(ctl->out, " --%.*s", (int)strcspn(options[i], "="), options[i]);
        fputc('\n', ctl->out);
    }
    return CTL_OK;
}
