/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/play-rows.h"

#include <string.h>

#define LATE_REASON "reported late"
#define BY_THEMSELVES "the loudspeakers played it by themselves" /* marks a run made of reports alone */

/* --- reading --- */

void bc_play_rows_read_run(MdRows *rows, BcRun *ret)
{
    *ret = (BcRun){.id = md_rows_text(rows, 0),
                   .kind = md_rows_text(rows, 1),
                   .title = md_rows_text(rows, 2),
                   .schedule = md_rows_text(rows, 3),
                   .occurrence_us = md_rows_int(rows, 4),
                   .content = md_rows_text(rows, 5),
                   .source = md_rows_text(rows, 6),
                   .priority = (BcPriority)md_rows_int(rows, 7),
                   .areas = md_rows_text(rows, 8),
                   .start_us = md_rows_int(rows, 9),
                   .end_us = md_rows_int(rows, 10),
                   .state = md_rows_text(rows, 11),
                   .reason = md_rows_text(rows, 12),
                   .devices = md_rows_int(rows, 13),
                   .played = md_rows_int(rows, 14),
                   .partial = md_rows_int(rows, 15),
                   .missed = md_rows_int(rows, 16),
                   .created_by = md_rows_text(rows, 17),
                   .issued_us = md_rows_int(rows, 18),
                   .authority = (unsigned)md_rows_int(rows, 19),
                   .drill = md_rows_int(rows, 20) != 0,
                   .items = (unsigned)MAX(md_rows_int(rows, 21), 1)};
}

void bc_play_rows_read(MdRows *rows, BcPlay *ret, BcProof *p)
{
    *ret = (BcPlay){.announcement = md_rows_text(rows, 0),
                    .device = md_rows_text(rows, 1),
                    .area = md_rows_text(rows, 2),
                    .outcome = md_rows_text(rows, 3),
                    .reason = md_rows_text(rows, 4),
                    .rang_us = md_rows_int(rows, 5),
                    .answered_us = md_rows_int(rows, 6),
                    .from_us = md_rows_int(rows, 7),
                    .to_us = md_rows_int(rows, 8),
                    .rings = md_rows_int(rows, 9),
                    .codec = md_rows_text(rows, 10)};
    if (!md_rows_int(rows, 11))
        return;
    bc_proof_init(p, md_rows_int(rows, 11));
    p->sent_us = md_rows_int(rows, 12);
    p->acked_us = md_rows_int(rows, 13);
    p->proved_us = md_rows_int(rows, 14);
    p->reported_us = md_rows_int(rows, 15);
    p->ended = (uint64_t)md_rows_int(rows, 16);
    p->cut = (uint64_t)md_rows_int(rows, 17);
    p->missed = (uint64_t)md_rows_int(rows, 18);
    p->refused = (uint64_t)md_rows_int(rows, 19);
    p->level_mdb = md_rows_int(rows, 20);
    p->match_permille = md_rows_int(rows, 21);
    g_strlcpy(p->level_source, md_rows_text(rows, 22) ? md_rows_text(rows, 22) : "", sizeof p->level_source);
    g_strlcpy(p->reason, md_rows_text(rows, 23) ? md_rows_text(rows, 23) : "", sizeof p->reason);
    p->reason_us = md_rows_int(rows, 24);
    p->from_us = md_rows_int(rows, 25);
    p->to_us = md_rows_int(rows, 26);
    ret->proof = p;
}

/* --- writing --- */

/* Rows the query counts: -1 with error. */
static int64_t count(MdDb *db, GError **error, const char *sql, const char *a, const char *b)
{
    g_autoptr(MdRows) rows = md_db_query(db, error, sql, "ss", a, b);
    return rows && md_rows_next(rows, error) ? md_rows_int(rows, 0) : -1;
}

/* A bulletin noted as missed that the loudspeakers have reported already: theirs is the better knowledge. */
static int known_by_reports(MdDb *db, const BcRun *r, GError **error)
{
    if (!r->schedule || !g_str_equal(r->state, "missed"))
        return 0;
    g_autoptr(MdRows) rows = md_db_query(db, error,
                                         "SELECT COUNT(*) FROM bc_announcements WHERE schedule = $1 AND occurrence_us = $2 AND state = 'done'"
                                         " AND id <> $3",
                                         "sis", r->schedule, r->occurrence_us, r->id);
    return rows && md_rows_next(rows, error) ? md_rows_int(rows, 0) > 0 : -1;
}

/* What loudspeakers reported of this occurrence before the announcement began goes over to it: one occurrence is one run. */
static bool take_over_reports(MdDb *db, const BcRun *r, GError **error)
{
    if (!r->schedule || g_str_equal(r->state, "missed"))
        return true;
    char made[65] = "";
    GError *failure = NULL;
    g_autoptr(MdRows) rows = md_db_query(db, error,
                                         "SELECT id FROM bc_announcements WHERE schedule = $1 AND occurrence_us = $2 AND state = 'done'"
                                         " AND reason = '" BY_THEMSELVES "' AND id <> $3 LIMIT 1",
                                         "sis", r->schedule, r->occurrence_us, r->id);
    if (!rows)
        return false;
    if (md_rows_next(rows, &failure))
        g_strlcpy(made, md_rows_text(rows, 0), sizeof made);
    if (failure)
        g_propagate_error(error, failure);
    g_clear_pointer(&rows, md_rows_free);
    if (failure || !made[0])
        return !failure;
    return md_db_run(db, error,
                     "UPDATE bc_plays SET announcement = $1 WHERE announcement = $2 AND device NOT IN"
                     " (SELECT device FROM bc_plays WHERE announcement = $1)", "ss", r->id, made) &&
           md_db_run(db, error, "DELETE FROM bc_plays WHERE announcement = $1", "s", made) &&
           md_db_run(db, error, "DELETE FROM bc_announcements WHERE id = $1", "s", made);
}

bool bc_play_rows_write_run(MdDb *db, const BcRun *r, bool again, GError **error)
{
    int64_t ended = again ? count(db, error, "SELECT COUNT(*) FROM bc_announcements WHERE id = $1 AND id = $2 AND state NOT IN ('ringing', 'playing')",
                                  r->id, r->id)
                          : known_by_reports(db, r, error);
    if (ended)
        return ended > 0;
    return take_over_reports(db, r, error) && md_db_run(db, error, "DELETE FROM bc_announcements WHERE id = $1", "s", r->id) &&
           md_db_run(db, error,
                     "INSERT INTO bc_announcements (" BC_RUN_COLUMNS ")"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
                     "ssssissisiissiiiisiiii", r->id, r->kind, r->title, r->schedule, r->occurrence_us, r->content, r->source,
                     (int64_t)r->priority, r->areas, r->start_us, r->end_us, r->state, r->reason, r->devices, r->played, r->partial,
                     r->missed, r->created_by, r->issued_us, (int64_t)r->authority, (int64_t)r->drill, (int64_t)MAX(r->items, 1));
}

static bool final(const char *outcome)
{
    return g_str_equal(outcome, "played") || g_str_equal(outcome, "partial") || g_str_equal(outcome, "missed");
}

static bool insert_play(MdDb *db, const BcPlay *p, GError **error)
{
    return md_db_run(db, error, "DELETE FROM bc_plays WHERE announcement = $1 AND device = $2", "ss", p->announcement, p->device) &&
           md_db_run(db, error,
                     "INSERT INTO bc_plays (announcement, device, area, outcome, reason, rang_us, answered_us, from_us, to_us, rings, codec)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                     "sssssiiiiis", p->announcement, p->device, p->area, p->outcome, p->reason, p->rang_us, p->answered_us, p->from_us,
                     p->to_us, p->rings, p->codec);
}

static bool write_proof(MdDb *db, const BcPlay *play, GError **error)
{
    const BcProof *p = play->proof;
    return md_db_run(db, error,
                     "UPDATE bc_plays SET wanted_us = $1, sent_us = $2, acked_us = $3, proved_us = $4, reported_us = $5, ended_items = $6,"
                     " cut_items = $7, missed_items = $8, refused_items = $9, level_mdb = $10, match_permille = $11, level_source = $12,"
                     " proof_reason = $13, proof_reason_us = $14, proof_from_us = $15, proof_to_us = $16 WHERE announcement = $17 AND device = $18",
                     "iiiiiiiiiiissiiiss", p->wanted_us, p->sent_us, p->acked_us, p->proved_us, p->reported_us, (int64_t)p->ended, (int64_t)p->cut,
                     (int64_t)p->missed, (int64_t)p->refused, p->level_mdb, p->match_permille, p->level_source, p->reason, p->reason_us,
                     p->from_us, p->to_us, play->announcement, play->device);
}

static bool write_outcome(MdDb *db, const BcPlay *p, GError **error)
{
    g_autofree char *outcome = p->reason ? g_strdup_printf("%s: %s", p->outcome, p->reason) : g_strdup(p->outcome);
    int64_t at = p->to_us ? p->to_us : p->rang_us ? p->rang_us : p->proof ? p->proof->wanted_us : 0;
    return md_db_run(db, error, "UPDATE bc_devices SET outcome = $1, outcome_us = $2 WHERE id = $3 AND (outcome_us IS NULL OR outcome_us <= $2)",
                     "sis", outcome, at, p->device);
}

static bool put_play(MdDb *db, const BcPlay *p, GError **error)
{
    return insert_play(db, p, error) && (!p->proof || write_proof(db, p, error)) && (!final(p->outcome) || write_outcome(db, p, error));
}

/* Whether the loudspeaker has reported more than the run knows, which began after that: 1, 0, or -1 with error. */
static int reported_better(MdDb *db, const BcPlay *p, GError **error)
{
    if (!p->proof || g_str_equal(p->outcome, "played")) /* what is rung reports nothing by itself */
        return 0;
    return (int)CLAMP(count(db, error, g_str_equal(p->outcome, "partial")
                                ? "SELECT COUNT(*) FROM bc_plays WHERE announcement = $1 AND device = $2 AND outcome = 'played'"
                                  " AND reason LIKE '%" LATE_REASON "%'"
                                : "SELECT COUNT(*) FROM bc_plays WHERE announcement = $1 AND device = $2 AND outcome IN ('played', 'partial')"
                                  " AND reason LIKE '%" LATE_REASON "%'",
                            p->announcement, p->device), -1, 1);
}

bool bc_play_rows_write_play(MdDb *db, const BcPlay *p, bool again, GError **error)
{
    int64_t ended = again ? count(db, error, "SELECT COUNT(*) FROM bc_plays WHERE announcement = $1 AND device = $2"
                                             " AND outcome IN ('played', 'partial', 'missed')", p->announcement, p->device) : 0;
    if (ended)
        return ended > 0;
    int better = reported_better(db, p, error);
    return better > 0 || (better == 0 && put_play(db, p, error));
}

/* --- late news --- */

typedef struct Late { /* the run the news belongs to */
    char id[65];
    int64_t start_us, issued_us;
    unsigned items;
    bool found, open;
} Late;

static bool find_run(MdDb *db, const BcReachNews *news, Late *ret, GError **error)
{
    static const char by_id[] = "SELECT id, start_us, issued_us, items, state FROM bc_announcements WHERE id = $1 OR (id = $1 AND occurrence_us = $2)";
    static const char by_occurrence[] = "SELECT id, start_us, issued_us, items, state FROM bc_announcements WHERE schedule = $1 AND occurrence_us = $2"
                                        " ORDER BY CASE WHEN state = 'missed' THEN 1 ELSE 0 END, start_us DESC LIMIT 1";
    g_autoptr(MdRows) rows = md_db_query(db, error, news->announcement ? by_id : by_occurrence, "si",
                                         news->announcement ? news->announcement : news->schedule, news->occurrence_us);
    GError *failure = NULL;
    *ret = (Late){0};
    if (!rows)
        return false;
    if (md_rows_next(rows, &failure)) {
        const char *state = md_rows_text(rows, 4);
        g_strlcpy(ret->id, md_rows_text(rows, 0), sizeof ret->id);
        ret->start_us = md_rows_int(rows, 1);
        ret->issued_us = md_rows_int(rows, 2);
        ret->items = (unsigned)MAX(md_rows_int(rows, 3), 1);
        ret->open = g_str_equal(state, "ringing") || g_str_equal(state, "playing");
        ret->found = true;
    }
    if (failure)
        g_propagate_error(error, failure);
    return !failure;
}

/* mediad was away at its time, the loudspeakers played it from what they had. */
static bool make_run(MdDb *db, const BcReachNews *news, Late *ret, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(db, error, "SELECT name, content, areas, priority FROM bc_schedules WHERE id = $1", "s", news->schedule);
    GError *failure = NULL;
    if (!rows)
        return false;
    if (!md_rows_next(rows, &failure)) {
        if (failure)
            g_propagate_error(error, failure);
        return !failure; /* a schedule nobody knows: passed over */
    }
    g_autofree char *id = bc_new_id("a");
    BcRun run = {.id = id, .kind = "schedule", .title = md_rows_text(rows, 0), .schedule = news->schedule, .occurrence_us = news->occurrence_us,
                 .content = md_rows_text(rows, 1), .areas = md_rows_text(rows, 2), .priority = (BcPriority)md_rows_int(rows, 3),
                 .start_us = news->occurrence_us, .end_us = MAX(news->occurrence_us, news->to_us), .state = "done",
                 .reason = BY_THEMSELVES, .authority = BC_AUTHORITY_PROVINCE, .items = 1};
    *ret = (Late){.start_us = run.start_us, .items = 1, .found = true};
    g_strlcpy(ret->id, id, sizeof ret->id);
    return bc_play_rows_write_run(db, &run, false, error);
}

bool bc_play_rows_reported(MdDb *db, const BcRun *r, GHashTable *touched, GError **error)
{
    if (!r->schedule || g_str_equal(r->state, "ringing") || g_str_equal(r->state, "playing"))
        return true;
    int64_t n = count(db, error, "SELECT COUNT(*) FROM bc_plays WHERE announcement = $1 AND announcement = $2 AND reason LIKE '%" LATE_REASON "%'",
                      r->id, r->id);
    if (n > 0 && !g_hash_table_contains(touched, r->id))
        g_hash_table_add(touched, g_strdup(r->id));
    return n >= 0;
}

bool bc_play_rows_recount(MdDb *db, const char *id, GError **error)
{
    return md_db_run(db, error,
                     "UPDATE bc_announcements SET"
                     " played = (SELECT COUNT(*) FROM bc_plays WHERE announcement = $1 AND outcome = 'played'),"
                     " partial = (SELECT COUNT(*) FROM bc_plays WHERE announcement = $1 AND outcome = 'partial'),"
                     " missed = (SELECT COUNT(*) FROM bc_plays WHERE announcement = $1 AND outcome = 'missed'),"
                     " devices = (SELECT COUNT(*) FROM bc_plays WHERE announcement = $1),"
                     " reason = CASE WHEN state = 'missed' THEN '" BY_THEMSELVES "' ELSE reason END,"
                     " state = CASE WHEN state = 'missed' THEN 'done' ELSE state END WHERE id = $1",
                     "s", id);
}

/* The loudspeaker's row as it is; a new one when it has none. *ret_area: g_free; NULL: nobody knows the loudspeaker. */
static bool find_play(MdDb *db, const Late *late, const char *device, BcProof *ret_proof, char **ret_outcome, char **ret_area,
                      bool *ret_late, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(db, error, "SELECT " BC_PLAY_COLUMNS " FROM bc_plays p WHERE p.announcement = $1 AND p.device = $2", "ss",
                                         late->id, device);
    GError *failure = NULL;
    bc_proof_init(ret_proof, late->start_us);
    if (rows && md_rows_next(rows, &failure)) {
        BcPlay play;
        bc_play_rows_read(rows, &play, ret_proof);
        *ret_outcome = g_strdup(play.outcome);
        *ret_late = play.reason && strstr(play.reason, LATE_REASON);
        *ret_area = g_strdup(play.area);
    } else if (rows && !failure) {
        g_autoptr(MdRows) devices = md_db_query(db, error, "SELECT area FROM bc_devices WHERE id = $1", "s", device);
        if (!devices)
            return false;
        if (md_rows_next(devices, &failure))
            *ret_area = g_strdup(md_rows_text(devices, 0));
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

bool bc_play_rows_apply_news(MdDb *db, const BcReachNews *news, int64_t received_us, GHashTable *touched, GError **error)
{
    Late late;
    BcProof proof;
    g_autofree char *before = NULL, *area = NULL, *why = NULL;
    const char *reason;
    bool noted = false;
    if (!find_run(db, news, &late, error))
        return false;
    if (!late.found && !news->announcement && news->occurrence_us > received_us)
        return true; /* it is still to come: a loudspeaker with a wrong clock, or one that was told to stop beforehand */
    if (!late.found && !news->announcement && !make_run(db, news, &late, error))
        return false;
    if (!late.found)
        return true;
    if (!find_play(db, &late, news->device, &proof, &before, &area, &noted, error))
        return false;
    if (!area || !bc_proof_merge(&proof, news, received_us))
        return true;
    const char *outcome = bc_proof_outcome(&proof, late.items, !late.open, &reason);
    bool better = noted || !before || (g_str_equal(before, "missed") && !g_str_equal(outcome, "missed")) ||
                  (g_str_equal(before, "partial") && g_str_equal(outcome, "played"));
    why = reason && better && !late.open ? g_strdup_printf("%s (" LATE_REASON ")", reason) : g_strdup(reason ? reason : better ? LATE_REASON : NULL);
    BcPlay play = {.announcement = late.id, .device = news->device, .area = area, .outcome = outcome, .reason = why, .from_us = proof.from_us,
                   .to_us = proof.to_us, .proof = &proof};
    if (!g_hash_table_contains(touched, late.id))
        g_hash_table_add(touched, g_strdup(late.id));
    return put_play(db, &play, error);
}
