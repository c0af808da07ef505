/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A vote: who has chosen, how many chose what; of a secret one never both together once it is closed. */
#include "mediad/conference/vote.h"
#include <errno.h>
#include <glib.h>
#include <string.h>

typedef struct Ballot {
    char *voter;
    int choice; /* -1: wiped */
} Ballot;

struct MdVote {
    char *id, *question;
    char **choices;
    unsigned n_choices, quorum;
    bool secret;
    int64_t opened_us, ends_us, closed_us;
    bool closed;
    unsigned counts[MD_VOTE_CHOICES_MAX];
    GArray *ballots; /* Ballot */
};

static bool is_text(const char *text, glong max)
{
    if (text == NULL || *text == 0 || !g_utf8_validate(text, -1, NULL) || g_utf8_strlen(text, -1) > max)
        return false;
    for (const char *at = text; *at != 0; at = g_utf8_next_char(at))
        if (g_unichar_iscntrl(g_utf8_get_char(at)))
            return false;
    return true;
}

static void clear_ballot(gpointer data)
{
    Ballot *ballot = data;
    g_free(ballot->voter);
    explicit_bzero(ballot, sizeof *ballot);
}

static const char *what_is_wrong(const MdVoteSpec *spec, unsigned *ret_n)
{
    unsigned n = 0;
    if (!is_text(spec->question, MD_VOTE_QUESTION_MAX))
        return "a question is 1 to 300 characters on one line";
    for (; spec->choices != NULL && spec->choices[n] != NULL; n++) {
        if (n == MD_VOTE_CHOICES_MAX)
            return "at most 9 choices: they are the keys 1 to 9";
        if (!is_text(spec->choices[n], MD_VOTE_CHOICE_MAX))
            return "a choice is 1 to 80 characters on one line";
        for (unsigned i = 0; i < n; i++)
            if (strcmp(spec->choices[i], spec->choices[n]) == 0)
                return "two choices are the same";
    }
    if (n < 2)
        return "a vote has at least 2 choices";
    if (spec->quorum > MD_VOTE_VOTERS_MAX)
        return "the quorum is at most 1000";
    *ret_n = n;
    return NULL;
}

MdVote *md_vote_new(const char *id, const MdVoteSpec *spec, int64_t now_us, const char **ret_why)
{
    unsigned n = 0;
    const char *why = what_is_wrong(spec, &n);
    if (why != NULL) {
        *ret_why = why;
        return NULL;
    }
    MdVote *vote = g_new0(MdVote, 1);
    vote->id = g_strdup(id);
    vote->question = g_strdup(spec->question);
    vote->choices = g_strdupv((char **)(uintptr_t)spec->choices);
    vote->n_choices = n;
    vote->quorum = spec->quorum;
    vote->secret = spec->secret;
    vote->opened_us = now_us;
    vote->ends_us = spec->ends_us;
    vote->ballots = g_array_new(FALSE, TRUE, sizeof(Ballot));
    g_array_set_clear_func(vote->ballots, clear_ballot);
    return vote;
}

void md_vote_free(MdVote *vote)
{
    if (vote == NULL)
        return;
    g_array_unref(vote->ballots);
    g_strfreev(vote->choices);
    g_free(vote->question);
    g_free(vote->id);
    g_free(vote);
}

static Ballot *find(const MdVote *vote, const char *voter)
{
    for (guint i = 0; i < vote->ballots->len; i++) {
        Ballot *ballot = &g_array_index(vote->ballots, Ballot, i);
        if (strcmp(ballot->voter, voter) == 0)
            return ballot;
    }
    return NULL;
}

/* In a secret vote the order of the list must not tell who came when. */
static void insert(MdVote *vote, const char *voter, int choice)
{
    guint at = vote->ballots->len;
    for (guint i = 0; vote->secret && i < vote->ballots->len; i++)
        if (strcmp(g_array_index(vote->ballots, Ballot, i).voter, voter) > 0) {
            at = i;
            break;
        }
    Ballot ballot = {g_strdup(voter), choice};
    g_array_insert_val(vote->ballots, at, ballot);
}

int md_vote_cast(MdVote *vote, const char *voter, unsigned choice, bool *ret_changed)
{
    if (vote->closed)
        return -ESTALE;
    if (choice >= vote->n_choices)
        return -EINVAL;
    Ballot *ballot = find(vote, voter);
    if (ballot == NULL && vote->ballots->len >= MD_VOTE_VOTERS_MAX)
        return -ENOSPC;
    *ret_changed = ballot != NULL;
    if (ballot != NULL) {
        vote->counts[ballot->choice]--;
        ballot->choice = (int)choice;
    } else {
        insert(vote, voter, (int)choice);
    }
    vote->counts[choice]++;
    return 0;
}

int md_vote_withdraw(MdVote *vote, const char *voter)
{
    if (vote->closed)
        return -ESTALE;
    Ballot *ballot = find(vote, voter);
    if (ballot == NULL)
        return -ENOENT;
    vote->counts[ballot->choice]--;
    g_array_remove_index(vote->ballots, (guint)(ballot - (Ballot *)(void *)vote->ballots->data));
    return 0;
}

int md_vote_close(MdVote *vote, int64_t now_us)
{
    if (vote->closed)
        return -ESTALE;
    vote->closed = true;
    vote->closed_us = now_us;
    for (guint i = 0; vote->secret && i < vote->ballots->len; i++)
        g_array_index(vote->ballots, Ballot, i).choice = -1;
    return 0;
}

bool md_vote_tick(MdVote *vote, int64_t now_us)
{
    return !vote->closed && vote->ends_us != 0 && now_us >= vote->ends_us;
}

const char *md_vote_id(const MdVote *vote)
{
    return vote->id;
}

const char *md_vote_question(const MdVote *vote)
{
    return vote->question;
}

bool md_vote_is_secret(const MdVote *vote)
{
    return vote->secret;
}

bool md_vote_is_open(const MdVote *vote)
{
    return !vote->closed;
}

unsigned md_vote_quorum(const MdVote *vote)
{
    return vote->quorum;
}

int64_t md_vote_ends_us(const MdVote *vote)
{
    return vote->ends_us;
}

int64_t md_vote_opened_us(const MdVote *vote)
{
    return vote->opened_us;
}

int64_t md_vote_closed_us(const MdVote *vote)
{
    return vote->closed_us;
}

unsigned md_vote_choices(const MdVote *vote, const char *const **ret_choices)
{
    *ret_choices = (const char *const *)vote->choices;
    return vote->n_choices;
}

unsigned md_vote_cast_count(const MdVote *vote)
{
    return vote->ballots->len;
}

int md_vote_count(const MdVote *vote, unsigned choice)
{
    if (choice >= vote->n_choices || (vote->secret && !vote->closed))
        return -1;
    return (int)vote->counts[choice];
}

bool md_vote_ballot(const MdVote *vote, unsigned at, MdVoteBallot *ret)
{
    if (at >= vote->ballots->len)
        return false;
    const Ballot *ballot = &g_array_index(vote->ballots, Ballot, at);
    *ret = (MdVoteBallot){ballot->voter, vote->secret ? -1 : ballot->choice};
    return true;
}

bool md_vote_has_voted(const MdVote *vote, const char *voter)
{
    return find(vote, voter) != NULL;
}

bool md_vote_has_quorum(const MdVote *vote)
{
    return vote->ballots->len >= vote->quorum;
}

int md_vote_winner(const MdVote *vote)
{
    int best = -1;
    bool tie = false;
    if (!vote->closed || vote->ballots->len == 0 || !md_vote_has_quorum(vote))
        return -1;
    for (unsigned i = 0; i < vote->n_choices; i++) {
        if (best >= 0 && vote->counts[i] == vote->counts[best])
            tie = true;
        else if (best < 0 || vote->counts[i] > vote->counts[best]) {
            best = (int)i;
            tie = false;
        }
    }
    return tie ? -1 : best;
}
