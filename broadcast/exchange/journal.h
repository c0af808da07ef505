/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/timers.h"
#include "broadcast/types.h"

/* Every message to and from other systems, durable before it goes anywhere. A message keeps its id through every try, every restart and
 * every replay, so that the other side can tell a repeated one from a new one. Peers: "central", or a vendor's name. Control
 * thread; bodies lie in the store only. */
typedef struct BcExJournal BcExJournal;

typedef enum BcExState {
    BC_EX_QUEUED,        /* durable, not tried yet; of one that came: not dealt with yet */
    BC_EX_SENT,          /* on its way: after a crash nobody knows whether it came */
    BC_EX_ACKNOWLEDGED,  /* the other side has it; of one that came: dealt with */
    BC_EX_FAILED,        /* the last try failed; next_us 0: given up */
    BC_EX_RETRIED,       /* on its way again */
    BC_EX_REPLAYED,      /* an operator has asked for it once more */
    BC_EX_DROPPED,       /* a status too old to be of use, the journal was full of them */
    BC_EX_STATE_MAX } BcExState;
const char *bc_ex_state_to_string(BcExState state);

#define BC_EX_ANSWER_MAX 1000u  /* bytes kept of an answer */
#define BC_EX_TRIES_MAX 12u     /* refused so often, a message is given up; unreachable peers do not count */

typedef struct BcExMessage {     /* strings borrowed during the call */
    const char *id, *peer, *object, *key, *body, *answer;
    bool up;
    BcExState state;
    int64_t sequence, tries, next_us, made_us, changed_us; /* wall */
    bool droppable;
} BcExMessage;

typedef struct BcExJournalOptions {
    unsigned droppable_max;      /* waiting messages that may be dropped, per peer: 2000 */
    unsigned days;               /* dealt with messages are kept: 30 */
    unsigned retry_first_s, retry_max_s; /* 2, 300 */
    uint32_t seed;               /* spreads tries; 0: by chance */
    const MdLogger *logger;
} BcExJournalOptions;

BcExJournal *bc_ex_journal_new(MdStore *store, BcTimers *timers, const BcExJournalOptions *options, GError **error);
void bc_ex_journal_free(BcExJournal *journal);

/* One to be kept. key: what makes it the same message ("plays:RUN:0"); the same peer, direction and key again is a duplicate and changes
 * nothing. */
typedef struct BcExPut {
    const char *peer, *object, *key, *body;
    bool up, droppable;
} BcExPut;
/* Durable when done is called: id, duplicate, and the state it is in. done may be NULL. */
typedef void (*BcExPutFn)(const char *id, bool duplicate, BcExState state, const GError *error, void *user);
void bc_ex_journal_put(BcExJournal *journal, const BcExPut *put, BcExPutFn done, void *user);
/* Many in one transaction, and with them a mark (name and value) of how far somebody has come; mark NULL none. */
void bc_ex_journal_put_many(BcExJournal *journal, const BcExPut *puts, unsigned n, const char *mark, int64_t value, BcDoneFn done, void *user);
int64_t bc_ex_journal_mark(BcExJournal *journal, const char *mark); /* 0: never set */

/* The next one for this peer: urgent objects (not droppable) first, each in order. It is marked as on its way, durably, before fn gets
 * it; fn gets NULL when nothing is due. Several may be on their way. false: nothing due (fn is not called). */
typedef void (*BcExNextFn)(const BcExMessage *message, void *user);
bool bc_ex_journal_next(BcExJournal *journal, const char *peer, BcExNextFn fn, void *user);
typedef enum BcExResult { BC_EX_OK, BC_EX_REFUSED /* by the other side: tried again later, at last given up */,
                          BC_EX_UNREACHED /* tried again for ever */ } BcExResult;
void bc_ex_journal_answer(BcExJournal *journal, const char *id, BcExResult result, const char *answer);
/* Of one that came: dealt with, or why not. done may be NULL. */
void bc_ex_journal_settle(BcExJournal *journal, const char *id, bool ok, const char *answer, BcDoneFn done, void *user);
/* Wall time at which something is due for this peer, INT64_MAX nothing. */
int64_t bc_ex_journal_due_us(BcExJournal *journal, const char *peer);
/* Told when something new is to be sent; one for each user. */
void bc_ex_journal_listen(BcExJournal *journal, void (*fn)(const char *peer, void *user), void *user);
void bc_ex_journal_unlisten(BcExJournal *journal, void *user);

/* Sends it (or deals with it) once more under the same id. NOT_FOUND; STATE: it is on its way. */
void bc_ex_journal_replay(BcExJournal *journal, const char *id, BcDoneFn done, void *user);
/* Newest first. peer, state NULL: all. before: sequence, 0 the newest. with_body: read the bodies too. */
bool bc_ex_journal_list(BcExJournal *journal, const char *peer, const char *state, int64_t before, unsigned limit, void (*fn)(const BcExMessage *, void *),
                        void *user, GError **error);
bool bc_ex_journal_find(BcExJournal *journal, const char *id, void (*fn)(const BcExMessage *, void *), void *user, GError **error);
/* The same by what makes it the same message. */
bool bc_ex_journal_find_key(BcExJournal *journal, const char *peer, bool up, const char *key, void (*fn)(const BcExMessage *, void *), void *user,
                            GError **error);
/* Those that came and were not dealt with, oldest first: after a restart. */
bool bc_ex_journal_open(BcExJournal *journal, void (*fn)(const BcExMessage *, void *), void *user, GError **error);

typedef struct BcExJournalStats { unsigned waiting, on_their_way, given_up; uint64_t acknowledged, failed, dropped, duplicates; } BcExJournalStats;
void bc_ex_journal_stats(BcExJournal *journal, const char *peer, BcExJournalStats *ret);
unsigned bc_ex_journal_pending(const BcExJournal *journal); /* writes under way: tests wait for 0 */
int64_t bc_ex_journal_wall_us(const BcExJournal *journal);
/* Removes what is older than its time. */
void bc_ex_journal_prune(BcExJournal *journal);

extern const MdMigration bc_exchange_migrations[]; /* 370..379 */
extern const unsigned bc_exchange_n_migrations;
