/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/meeting/meeting.h"

const MdMigration md_meeting_migrations[] = {
    {400, "meetings",
     "CREATE TABLE md_meetings (id TEXT PRIMARY KEY, version BIGINT NOT NULL, state TEXT NOT NULL, room TEXT NOT NULL, start_us BIGINT NOT NULL,"
     " end_us BIGINT NOT NULL, spec TEXT NOT NULL);"
     "CREATE INDEX md_meetings_start ON md_meetings (start_us);"
     "CREATE INDEX md_meetings_state ON md_meetings (state)"},
    {401, "join codes of meetings",
     "CREATE TABLE md_meeting_codes (hash TEXT PRIMARY KEY, id TEXT NOT NULL, meeting TEXT NOT NULL, account TEXT NOT NULL, name TEXT NOT NULL,"
     " role TEXT NOT NULL, browser TEXT NOT NULL, created_us BIGINT NOT NULL, created_by TEXT NOT NULL, used_us BIGINT NOT NULL, uses BIGINT NOT NULL,"
     " revoked_us BIGINT NOT NULL);"
     "CREATE INDEX md_meeting_codes_meeting ON md_meeting_codes (meeting)"},
    {402, "attendance",
     "CREATE TABLE md_attendance (meeting TEXT NOT NULL, member TEXT NOT NULL, joined_us BIGINT NOT NULL, account TEXT NOT NULL, name TEXT NOT NULL,"
     " role TEXT NOT NULL, left_us BIGINT NOT NULL, seen_us BIGINT NOT NULL, reason TEXT NOT NULL, camera_s BIGINT NOT NULL, mic_s BIGINT NOT NULL,"
     " talk_s BIGINT NOT NULL, floor_s BIGINT NOT NULL, PRIMARY KEY (meeting, member, joined_us))"},
    {403, "chat of meetings",
     "CREATE TABLE md_meeting_chat (meeting TEXT NOT NULL, n BIGINT NOT NULL, time_us BIGINT NOT NULL, member TEXT NOT NULL, name TEXT NOT NULL,"
     " account TEXT NOT NULL, whom TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (meeting, n))"},
    {404, "trial sessions",
     "CREATE TABLE md_meeting_trials (meeting TEXT NOT NULL, account TEXT NOT NULL, begun_us BIGINT NOT NULL, called_us BIGINT NOT NULL,"
     " done_us BIGINT NOT NULL, attempts BIGINT NOT NULL, evidence TEXT NOT NULL, PRIMARY KEY (meeting, account))"},
    {405, "saved lists of sites",
     "CREATE TABLE md_site_lists (name TEXT PRIMARY KEY, title TEXT NOT NULL, accounts TEXT NOT NULL, changed_us BIGINT NOT NULL,"
     " changed_by TEXT NOT NULL)"},
    {440, "how running rooms stand, for after a restart", "CREATE TABLE md_scenes (room TEXT PRIMARY KEY, scene TEXT NOT NULL, seen_us BIGINT NOT NULL)"},
};
const unsigned md_meeting_n_migrations = G_N_ELEMENTS(md_meeting_migrations);
