/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* What the files of the journal share: journal.c (its queues), journal-put.c, journal-send.c, journal-read.c. Only these include this header. */
#include "broadcast/exchange/journal.h"
#include "mediad/core/log.h"

typedef struct Waiting {   /* an up message that is not settled; owned by its peer's queues */
    char *id;
    int64_t sequence, next_us, tries;
    bool droppable, on_its_way, replayed;
} Waiting;

typedef struct Peer {
    GQueue urgent, droppable;  /* of Waiting, by sequence */
    BcExJournalStats stats;
} Peer;

struct BcExJournal {       /* g_rc_box: writes under way hold it */
    MdStore *store;
    BcTimers *timers;
    MdLogger logger;
    BcExJournalOptions o;
    GHashTable *peers;     /* name -> Peer */
    GHashTable *by_id;     /* id -> Waiting, borrowed */
    GHashTable *peer_of;   /* id -> peer's name (owned), for those in by_id */
    GRand *rand;
    int64_t sequence;      /* the last one given */
    GArray *listeners;     /* of what journal.c knows */
    unsigned pending;
    bool closed;
};

/* --- journal.c */
BcExState bc_ex_state_from_string(const char *name); /* BC_EX_STATE_MAX: none of ours */
Peer *bc_ex_journal_peer(BcExJournal *journal, const char *name); /* made when it is new */
Waiting *bc_ex_journal_add(BcExJournal *journal, const char *peer, const char *id, int64_t sequence, bool droppable);
void bc_ex_journal_remove(BcExJournal *journal, Waiting *waiting);
void bc_ex_journal_unref(gpointer journal);
void bc_ex_journal_tell(const BcExJournal *journal, const char *peer);
