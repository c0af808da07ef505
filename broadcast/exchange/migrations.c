/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/exchange/journal.h"

/* Times are microseconds since 1970 UTC. */
const MdMigration bc_exchange_migrations[] = {
    {370, "journal of exchange",
     "CREATE TABLE bc_exchange (sequence BIGINT PRIMARY KEY, id TEXT NOT NULL UNIQUE, peer TEXT NOT NULL, up BIGINT NOT NULL, object TEXT NOT NULL,"
     " dedupe TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, tries BIGINT NOT NULL, next_us BIGINT NOT NULL, droppable BIGINT NOT NULL,"
     " answer TEXT, made_us BIGINT NOT NULL, changed_us BIGINT NOT NULL, UNIQUE (peer, up, dedupe));"
     "CREATE INDEX bc_exchange_by_state ON bc_exchange (state, changed_us);"
     "CREATE TABLE bc_exchange_marks (name TEXT PRIMARY KEY, value BIGINT NOT NULL);"},
};
const unsigned bc_exchange_n_migrations = G_N_ELEMENTS(bc_exchange_migrations);
