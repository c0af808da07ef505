/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/types.h"

/* Times are microseconds since 1970 UTC; text columns hold UTF-8; booleans are 0 and 1. */
const MdMigration bc_migrations[] = {
    {300, "broadcast areas and loudspeakers",
     "CREATE TABLE bc_areas (code TEXT PRIMARY KEY, ident TEXT, kind TEXT NOT NULL, parent TEXT, name TEXT NOT NULL);"
     "CREATE INDEX bc_areas_parent ON bc_areas (parent);"
     "CREATE TABLE bc_devices (id TEXT PRIMARY KEY, name TEXT NOT NULL, area TEXT NOT NULL, latitude DOUBLE PRECISION,"
     " longitude DOUBLE PRECISION, vendor TEXT, volume BIGINT NOT NULL, codecs BIGINT NOT NULL, enabled BIGINT NOT NULL,"
     " outcome TEXT, outcome_us BIGINT);"
     "CREATE INDEX bc_devices_area ON bc_devices (area);"},
    {301, "broadcast content",
     "CREATE TABLE bc_content (id TEXT PRIMARY KEY, title TEXT NOT NULL, source_name TEXT, media_type TEXT,"
     " source_bytes BIGINT NOT NULL, duration_us BIGINT NOT NULL, loudness_in DOUBLE PRECISION NOT NULL,"
     " loudness DOUBLE PRECISION NOT NULL, true_peak DOUBLE PRECISION NOT NULL, gain_db DOUBLE PRECISION NOT NULL,"
     " clipped_permille DOUBLE PRECISION NOT NULL, text TEXT, created_us BIGINT NOT NULL, created_by TEXT);"},
    {302, "broadcast schedules",
     "CREATE TABLE bc_schedules (id TEXT PRIMARY KEY, name TEXT NOT NULL, content TEXT NOT NULL, areas TEXT NOT NULL,"
     " start_local TEXT NOT NULL, zone TEXT NOT NULL, rule TEXT, until_local TEXT, priority BIGINT NOT NULL,"
     " repeats BIGINT NOT NULL, gap_s BIGINT NOT NULL, grace_s BIGINT NOT NULL, enabled BIGINT NOT NULL,"
     " created_us BIGINT NOT NULL, created_by TEXT);"
     "CREATE TABLE bc_claims (schedule TEXT NOT NULL, occurrence_us BIGINT NOT NULL, claimed_us BIGINT NOT NULL,"
     " state TEXT NOT NULL, announcement TEXT, PRIMARY KEY (schedule, occurrence_us));"},
    {303, "broadcast play log",
     "CREATE TABLE bc_announcements (id TEXT PRIMARY KEY, kind TEXT NOT NULL, title TEXT NOT NULL, schedule TEXT,"
     " occurrence_us BIGINT, content TEXT, source TEXT, priority BIGINT NOT NULL, areas TEXT NOT NULL,"
     " start_us BIGINT NOT NULL, end_us BIGINT, state TEXT NOT NULL, reason TEXT, devices BIGINT NOT NULL,"
     " played BIGINT NOT NULL, partial BIGINT NOT NULL, missed BIGINT NOT NULL, created_by TEXT);"
     "CREATE INDEX bc_announcements_start ON bc_announcements (start_us);"
     "CREATE TABLE bc_plays (announcement TEXT NOT NULL, device TEXT NOT NULL, area TEXT NOT NULL, outcome TEXT NOT NULL,"
     " reason TEXT, rang_us BIGINT, answered_us BIGINT, from_us BIGINT, to_us BIGINT, rings BIGINT NOT NULL, codec TEXT,"
     " PRIMARY KEY (announcement, device));"
     "CREATE INDEX bc_plays_device ON bc_plays (device);"},
    {310, "programmes: items, slots, holidays, quiet hours",
     "ALTER TABLE bc_schedules ADD COLUMN slot TEXT;"
     "ALTER TABLE bc_schedules ADD COLUMN exdates TEXT;"
     "ALTER TABLE bc_schedules ADD COLUMN holidays TEXT NOT NULL DEFAULT 'play';"
     "ALTER TABLE bc_schedules ADD COLUMN cut BIGINT NOT NULL DEFAULT 0;"
     "ALTER TABLE bc_schedules ADD COLUMN volume BIGINT NOT NULL DEFAULT 0;"
     "ALTER TABLE bc_schedules ADD COLUMN expires_us BIGINT NOT NULL DEFAULT 0;"
     "ALTER TABLE bc_schedules ADD COLUMN owner TEXT;"
     "ALTER TABLE bc_schedules ADD COLUMN central BIGINT NOT NULL DEFAULT 0;"
     "ALTER TABLE bc_schedules ADD COLUMN draft BIGINT NOT NULL DEFAULT 0;"
     "ALTER TABLE bc_schedules ADD COLUMN changed_by TEXT;"
     "ALTER TABLE bc_schedules ADD COLUMN released_by TEXT;"
     "ALTER TABLE bc_schedules ADD COLUMN published_by TEXT;"
     "ALTER TABLE bc_schedules ADD COLUMN forced TEXT;"
     "CREATE TABLE bc_schedule_items (schedule TEXT NOT NULL, n BIGINT NOT NULL, kind TEXT NOT NULL, content TEXT, url TEXT,"
     " fallback TEXT, duration_us BIGINT NOT NULL, silence_max_us BIGINT NOT NULL, PRIMARY KEY (schedule, n));"
     "CREATE INDEX bc_schedule_items_content ON bc_schedule_items (content);"
     "INSERT INTO bc_schedule_items (schedule, n, kind, content, duration_us, silence_max_us)"
     " SELECT id, 0, 'content', content, 0, 0 FROM bc_schedules;"
     "CREATE TABLE bc_slots (id TEXT PRIMARY KEY, area TEXT NOT NULL, name TEXT NOT NULL, from_s BIGINT NOT NULL, to_s BIGINT NOT NULL,"
     " weekdays BIGINT NOT NULL);"
     "CREATE TABLE bc_holidays (area TEXT NOT NULL, day TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (area, day));"
     "CREATE TABLE bc_quiet (area TEXT PRIMARY KEY, from_s BIGINT NOT NULL, to_s BIGINT NOT NULL);"
     "CREATE TABLE bc_quiet_releases (id TEXT PRIMARY KEY, areas TEXT NOT NULL, from_us BIGINT NOT NULL, to_us BIGINT NOT NULL,"
     " reason TEXT NOT NULL, asked_by TEXT NOT NULL, asked_us BIGINT NOT NULL, released_by TEXT, released_us BIGINT NOT NULL);"
     "CREATE TABLE bc_stops (area TEXT PRIMARY KEY, before_us BIGINT NOT NULL);"},
    {311, "what is on the air",
     "CREATE TABLE bc_airings (id TEXT PRIMARY KEY, kind TEXT NOT NULL, title TEXT NOT NULL, schedule TEXT, occurrence_us BIGINT NOT NULL,"
     " begin_us BIGINT NOT NULL, end_us BIGINT NOT NULL, content TEXT, lead_content TEXT, repeats BIGINT NOT NULL, gap_us BIGINT NOT NULL,"
     " areas TEXT NOT NULL, priority BIGINT NOT NULL, authority BIGINT NOT NULL, made_us BIGINT NOT NULL, expires_us BIGINT NOT NULL,"
     " siren BIGINT NOT NULL, siren_rounds BIGINT NOT NULL, volume BIGINT NOT NULL, drill BIGINT NOT NULL, quiet_ok BIGINT NOT NULL,"
     " cut BIGINT NOT NULL, created_by TEXT);"
     "CREATE INDEX bc_claims_announcement ON bc_claims (announcement);"},
    {312, "live streams go on after a restart", "ALTER TABLE bc_airings ADD COLUMN source TEXT;"},
    {324, "more of loudspeakers",
     "ALTER TABLE bc_devices ADD COLUMN model TEXT; ALTER TABLE bc_devices ADD COLUMN serial TEXT;"
     "ALTER TABLE bc_devices ADD COLUMN address TEXT; ALTER TABLE bc_devices ADD COLUMN abilities TEXT;"
     "ALTER TABLE bc_devices ADD COLUMN formats TEXT; ALTER TABLE bc_devices ADD COLUMN gateway TEXT;"
     "ALTER TABLE bc_devices ADD COLUMN position_measured BIGINT NOT NULL DEFAULT 0;"
     "ALTER TABLE bc_devices ADD COLUMN volumes TEXT NOT NULL DEFAULT '';"},
    {330, "how a loudspeaker is reached", "ALTER TABLE bc_devices ADD COLUMN kind TEXT NOT NULL DEFAULT 'sip';"},
    {331, "what loudspeakers report of a play",
     "ALTER TABLE bc_announcements ADD COLUMN issued_us BIGINT;"
     "ALTER TABLE bc_announcements ADD COLUMN authority BIGINT;"
     "ALTER TABLE bc_announcements ADD COLUMN drill BIGINT;"
     "ALTER TABLE bc_announcements ADD COLUMN items BIGINT;"
     "CREATE INDEX bc_announcements_occurrence ON bc_announcements (schedule, occurrence_us);"
     "ALTER TABLE bc_plays ADD COLUMN wanted_us BIGINT;"
     "ALTER TABLE bc_plays ADD COLUMN sent_us BIGINT;"
     "ALTER TABLE bc_plays ADD COLUMN acked_us BIGINT;"
     "ALTER TABLE bc_plays ADD COLUMN proved_us BIGINT;"
     "ALTER TABLE bc_plays ADD COLUMN reported_us BIGINT;"
     "ALTER TABLE bc_plays ADD COLUMN ended_items BIGINT;"
     "ALTER TABLE bc_plays ADD COLUMN cut_items BIGINT;"
     "ALTER TABLE bc_plays ADD COLUMN missed_items BIGINT;"
     "ALTER TABLE bc_plays ADD COLUMN refused_items BIGINT;"
     "ALTER TABLE bc_plays ADD COLUMN level_mdb BIGINT;"
     "ALTER TABLE bc_plays ADD COLUMN match_permille BIGINT;"
     "ALTER TABLE bc_plays ADD COLUMN level_source TEXT;"
     "ALTER TABLE bc_plays ADD COLUMN proof_reason TEXT;"
     "ALTER TABLE bc_plays ADD COLUMN proof_reason_us BIGINT;"
     "ALTER TABLE bc_plays ADD COLUMN proof_from_us BIGINT;"
     "ALTER TABLE bc_plays ADD COLUMN proof_to_us BIGINT;"},
    {360, "multicast groups", "CREATE TABLE bc_multicast (device TEXT PRIMARY KEY, address TEXT NOT NULL, codec TEXT NOT NULL);"},
    {361, "boards",
     "CREATE TABLE bc_boards (device TEXT PRIMARY KEY, key_hash TEXT NOT NULL, made_us BIGINT NOT NULL);"
     "CREATE TABLE bc_board_items (id TEXT PRIMARY KEY, area TEXT NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL, body TEXT,"
     " colour TEXT, background TEXT, file TEXT, media_type TEXT, seconds BIGINT NOT NULL, from_us BIGINT NOT NULL,"
     " to_us BIGINT NOT NULL, from_s BIGINT NOT NULL, to_s BIGINT NOT NULL, created_us BIGINT NOT NULL, created_by TEXT);"
     "CREATE TABLE bc_board_proofs (board TEXT NOT NULL, item TEXT NOT NULL, shown_us BIGINT NOT NULL, picture TEXT NOT NULL,"
     " expected TEXT, verdict TEXT NOT NULL, PRIMARY KEY (board, shown_us, item));"},
    {332, "files and manifests of the device link",
     "CREATE TABLE bc_media (content TEXT PRIMARY KEY, sha256 TEXT NOT NULL, bytes BIGINT NOT NULL);"
     "CREATE TABLE bc_manifests (device TEXT PRIMARY KEY, version BIGINT NOT NULL, print TEXT NOT NULL, made_us BIGINT NOT NULL);"},
};
const unsigned bc_n_migrations = G_N_ELEMENTS(bc_migrations);
