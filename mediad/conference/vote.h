/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* One question put to the sites. Pure; time is an argument. A secret one keeps who chose what only as long as it is open (a choice
 * may be changed until then), wipes it at its end, and gives it to nobody: neither do its counts before the end. */
typedef struct MdVote MdVote;
#define MD_VOTE_CHOICES_MAX 9   /* keys 1 to 9 */
#define MD_VOTE_QUESTION_MAX 300 /* characters */
#define MD_VOTE_CHOICE_MAX 80
#define MD_VOTE_VOTERS_MAX 1000

typedef struct MdVoteSpec {          /* copied */
    const char *question;
    const char *const *choices;      /* NULL ends; none: agree, disagree, abstain are the caller's to give. 2..9 */
    bool secret;
    unsigned quorum;                 /* votes needed for it to count, 0: none */
    int64_t ends_us;                 /* closes by itself, 0: by hand only */
} MdVoteSpec;

typedef struct MdVoteBallot {        /* strings valid as long as the vote */
    const char *voter;               /* the site */
    int choice;                      /* -1: secret */
} MdVoteBallot;

/* NULL: bad spec; *ret_why says what (static). */
MdVote *md_vote_new(const char *id, const MdVoteSpec *spec, int64_t now_us, const char **ret_why);
void md_vote_free(MdVote *vote);
/* voter: the site, whichever of its members presses; counts once, changes what it chose before. *ret_changed: it had voted.
 * 0, -EINVAL no such choice, -ESTALE closed, -ENOSPC. */
int md_vote_cast(MdVote *vote, const char *voter, unsigned choice, bool *ret_changed);
/* A site may not vote any more (its role changed): what it chose is taken back. 0, -ENOENT, -ESTALE. */
int md_vote_withdraw(MdVote *vote, const char *voter);
int md_vote_close(MdVote *vote, int64_t now_us); /* 0, -ESTALE */
bool md_vote_tick(MdVote *vote, int64_t now_us); /* true: its time is over: close it */

const char *md_vote_id(const MdVote *vote);
const char *md_vote_question(const MdVote *vote);
bool md_vote_is_secret(const MdVote *vote);
bool md_vote_is_open(const MdVote *vote);
unsigned md_vote_quorum(const MdVote *vote);
int64_t md_vote_ends_us(const MdVote *vote);
int64_t md_vote_opened_us(const MdVote *vote);
int64_t md_vote_closed_us(const MdVote *vote); /* 0: open */
unsigned md_vote_choices(const MdVote *vote, const char *const **ret_choices);
unsigned md_vote_cast_count(const MdVote *vote);
/* -1: no such choice, or a secret one still open. */
int md_vote_count(const MdVote *vote, unsigned choice);
/* In the order of voting (a secret vote: by name, so that times tell nothing). Returns how many; at: 0 … */
bool md_vote_ballot(const MdVote *vote, unsigned at, MdVoteBallot *ret);
bool md_vote_has_voted(const MdVote *vote, const char *voter);
bool md_vote_has_quorum(const MdVote *vote);
/* The choice with most votes; -1: none, a tie, no quorum, or still open. */
int md_vote_winner(const MdVote *vote);
