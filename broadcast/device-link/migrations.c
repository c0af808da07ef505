/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/migrations.h"

const MdMigration bc_device_link_migrations[] = {
    {320, "device link: codes and credentials",
     "CREATE TABLE bc_link_codes (device TEXT PRIMARY KEY, hash TEXT NOT NULL, made_by TEXT, expires_us BIGINT NOT NULL);"
     "CREATE TABLE bc_link_credentials (serial TEXT PRIMARY KEY, device TEXT NOT NULL, token_hash TEXT NOT NULL,"
     " issued_us BIGINT NOT NULL, expires_us BIGINT NOT NULL, revoked_us BIGINT NOT NULL);"
     "CREATE INDEX bc_link_credentials_device ON bc_link_credentials (device);"},
    {321, "device link: commands",
     "CREATE TABLE bc_link_commands (id TEXT PRIMARY KEY, verb TEXT NOT NULL, who TEXT, body TEXT NOT NULL, issued_us BIGINT NOT NULL,"
     " expires_us BIGINT NOT NULL, devices BIGINT NOT NULL);"
     "CREATE INDEX bc_link_commands_issued ON bc_link_commands (issued_us);"
     "CREATE TABLE bc_link_targets (command TEXT NOT NULL, device TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, at_us BIGINT NOT NULL,"
     " PRIMARY KEY (command, device));"
     "CREATE INDEX bc_link_targets_device ON bc_link_targets (device);"},
    {322, "device link: what devices say of themselves",
     "CREATE TABLE bc_link_states (device TEXT PRIMARY KEY, state TEXT NOT NULL, online BIGINT NOT NULL, seen_us BIGINT NOT NULL,"
     " changed_us BIGINT NOT NULL);"
     "CREATE TABLE bc_link_readings (device TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, number BIGINT NOT NULL, source TEXT,"
     " at_us BIGINT NOT NULL, received_us BIGINT NOT NULL, since_us BIGINT NOT NULL, samples BIGINT NOT NULL,"
     " PRIMARY KEY (device, name));"},
    {323, "device link: logs",
     "CREATE TABLE bc_link_logs (device TEXT NOT NULL, received_us BIGINT NOT NULL, command TEXT, part BIGINT NOT NULL, bytes BIGINT NOT NULL,"
     " body TEXT NOT NULL);"
     "CREATE INDEX bc_link_logs_device ON bc_link_logs (device, received_us);"},
};
const unsigned bc_n_device_link_migrations = G_N_ELEMENTS(bc_device_link_migrations);
