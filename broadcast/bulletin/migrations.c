/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/bulletin/bulletin.h"

/* Times are microseconds since 1970 UTC; text columns hold UTF-8; lists are joined by commas; booleans are 0 and 1. */
const MdMigration bc_bulletin_migrations[] = {
    {340, "bulletins",
     "CREATE TABLE bc_bulletins (id TEXT PRIMARY KEY, area TEXT NOT NULL, origin TEXT NOT NULL, external TEXT UNIQUE, state TEXT NOT NULL,"
     " revision BIGINT NOT NULL, version BIGINT NOT NULL, approved_version BIGINT NOT NULL, reason TEXT, created_by TEXT, changed_by TEXT,"
     " submitted_by TEXT, approved_by TEXT, created_us BIGINT NOT NULL, changed_us BIGINT NOT NULL, played_us BIGINT NOT NULL,"
     " runs BIGINT NOT NULL);"
     "CREATE TABLE bc_bulletin_versions (bulletin TEXT NOT NULL, version BIGINT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,"
     " title TEXT NOT NULL, author TEXT, summary TEXT, text TEXT, url TEXT, content TEXT, priority BIGINT NOT NULL, from_us BIGINT NOT NULL,"
     " to_us BIGINT NOT NULL, asked_us BIGINT NOT NULL, areas TEXT NOT NULL, attachments TEXT NOT NULL, changed_by TEXT,"
     " changed_us BIGINT NOT NULL, PRIMARY KEY (bulletin, version));"
     "CREATE TABLE bc_bulletin_steps (bulletin TEXT NOT NULL, revision BIGINT NOT NULL, version BIGINT NOT NULL, at_us BIGINT NOT NULL,"
     " who TEXT, what TEXT NOT NULL, state_from TEXT, state_to TEXT NOT NULL, note TEXT, PRIMARY KEY (bulletin, revision));"
     "CREATE TABLE bc_spoken (hash TEXT PRIMARY KEY, content TEXT NOT NULL);"
     "CREATE TABLE bc_subjects (code TEXT PRIMARY KEY, name TEXT NOT NULL);"
     "INSERT INTO bc_subjects (code, name) VALUES ('1', 'Thông tin chung'), ('2', 'Thông tin đột xuất'),"
     " ('3', 'Đường lối của Đảng, chính sách, pháp luật của Nhà nước'),"
     " ('4', 'Chỉ đạo, điều hành của cấp uỷ, chính quyền địa phương'), ('5', 'Khoa học, công nghệ, kinh tế, văn hoá, xã hội'),"
     " ('6', 'Gương người tốt, việc tốt');"},
    {341, "attachments of bulletins",
     "CREATE TABLE bc_attachments (id TEXT PRIMARY KEY, name TEXT, media_type TEXT NOT NULL, kind TEXT NOT NULL, bytes BIGINT NOT NULL,"
     " duration_us BIGINT NOT NULL, width BIGINT NOT NULL, height BIGINT NOT NULL, created_us BIGINT NOT NULL, created_by TEXT,"
     " area TEXT);"
     "CREATE TABLE bc_bulletin_attachments (bulletin TEXT NOT NULL, version BIGINT NOT NULL, attachment TEXT NOT NULL,"
     " PRIMARY KEY (bulletin, version, attachment));"
     "CREATE INDEX bc_bulletin_attachments_of ON bc_bulletin_attachments (attachment);"},
    {342, "pronunciation dictionary",
     "CREATE TABLE bc_dictionary (area TEXT NOT NULL, folded TEXT NOT NULL, written TEXT NOT NULL, spoken TEXT NOT NULL,"
     " PRIMARY KEY (area, folded));"},
    {343, "inboxes of communes",
     "CREATE TABLE bc_inbox (id TEXT PRIMARY KEY, bulletin TEXT NOT NULL, version BIGINT NOT NULL, area TEXT NOT NULL, areas TEXT NOT NULL,"
     " priority BIGINT NOT NULL, state TEXT NOT NULL, at_us BIGINT NOT NULL, schedule TEXT, other TEXT, other_at_us BIGINT NOT NULL,"
     " received_us BIGINT NOT NULL, deadline_us BIGINT NOT NULL, remind_us BIGINT NOT NULL, seen_us BIGINT NOT NULL, seen_by TEXT,"
     " decided_us BIGINT NOT NULL, decided_by TEXT, choice TEXT, by_default BIGINT NOT NULL, reason TEXT, UNIQUE (bulletin, version, area));"
     "CREATE TABLE bc_inbox_rules (area TEXT PRIMARY KEY, decide_s BIGINT NOT NULL, remind_s BIGINT NOT NULL);"},
};
const unsigned bc_bulletin_n_migrations = G_N_ELEMENTS(bc_bulletin_migrations);
