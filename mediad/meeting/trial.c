/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The trial session: every invited site is called by itself into a room of its own that beeps and shows a moving picture, and what comes back is
 * looked at. By itself once for a start, an hour before; whom it has called is in the store before it rings, so that neither a restart nor a change
 * of the booking rings a site twice. Here: all sites of a trial, whose turn it is, when it begins and ends. */
#include "mediad/meeting/trial-private.h"
#include <string.h>

enum { CALLS_DEFAULT = 6, BEFORE_DEFAULT_MIN = 60 };
static const int64_t BUSY_US = 1 * G_USEC_PER_SEC;
static const int64_t LAST_US = 3 * 60 * G_USEC_PER_SEC; /* before the start nobody more is called */
static const int64_t SAME_START_US = 2 * INT64_C(3600) * G_USEC_PER_SEC; /* a start moved by less is the same: nobody is rung again for it */

static void site_free(gpointer data)
{
    TrialSite *site = data;
    g_free(site->account);
    g_free(site->name);
    g_free(site);
}

static TrialSite *add_site(Trial *trial, const char *account, const char *name)
{
    TrialSite *site = g_new0(TrialSite, 1);
    site->trial = trial;
    site->account = g_strdup(account);
    site->name = g_strdup(name);
    site->pub = (MdTrialSite){.account = site->account, .name = site->name, .state = MD_TRIAL_DONE};
    g_ptr_array_add(trial->sites, site);
    return site;
}

TrialSite *md_trial_find_site(Trial *trial, const char *account)
{
    for (guint i = 0; i < trial->sites->len; i++) {
        TrialSite *site = trial->sites->pdata[i];
        if (strcmp(site->account, account) == 0)
            return site;
    }
    return NULL;
}

/* --- all of them --- */

static void add_busy(GHashTable *busy, MdRoom *room)
{
    g_autoptr(GPtrArray) members = md_room_members(room);
    g_autoptr(GPtrArray) dials = md_room_dials(room);
    for (guint i = 0; i < members->len; i++) {
        const MdMemberInfo *info = members->pdata[i];
        if (info->account != NULL)
            g_hash_table_add(busy, g_strdup(info->account));
    }
    for (guint i = 0; i < dials->len; i++) {
        const MdDialInfo *dial = dials->pdata[i];
        if (dial->state == MD_DIAL_CALLING || dial->state == MD_DIAL_UP)
            g_hash_table_add(busy, g_strdup(dial->target));
    }
}

/* Who is in a meeting, is being rung into one, or is being checked for another. Free with g_hash_table_unref. */
static GHashTable *busy_accounts(MdMeetings *m)
{
    GHashTable *busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GPtrArray) rooms = md_conference_rooms(m->o.conference);
    for (guint i = 0; i < rooms->len; i++)
        add_busy(busy, rooms->pdata[i]);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, m->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Meeting *meeting = value;
        for (guint i = 0; meeting->trial != NULL && i < meeting->trial->sites->len; i++) {
            const TrialSite *site = meeting->trial->sites->pdata[i];
            if (site->room != NULL || site->marking)
                g_hash_table_add(busy, g_strdup(site->account));
        }
    }
    return busy;
}

bool md_meetings_is_busy(MdMeetings *m, const char *account)
{
    g_autoptr(GHashTable) busy = busy_accounts(m);
    return g_hash_table_contains(busy, account);
}

static unsigned calls_max(const MdMeetings *m)
{
    return m->o.trial_calls != 0 ? m->o.trial_calls : CALLS_DEFAULT;
}

static unsigned marking(const MdMeetings *m)
{
    unsigned n = 0;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, m->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Meeting *meeting = value;
        for (guint i = 0; meeting->trial != NULL && i < meeting->trial->sites->len; i++)
            n += ((const TrialSite *)meeting->trial->sites->pdata[i])->marking;
    }
    return n;
}

static void call_next(Trial *trial, int64_t now_us)
{
    MdMeetings *m = trial->meeting->owner;
    unsigned calls = m->trial_calls + marking(m);
    if (now_us < trial->busy_us || calls >= calls_max(m))
        return;
    trial->busy_us = now_us + BUSY_US;
    g_autoptr(GHashTable) busy = busy_accounts(m);
    for (guint i = 0; i < trial->sites->len && calls < calls_max(m); i++) {
        TrialSite *site = trial->sites->pdata[i];
        if (site->pub.state != MD_TRIAL_WAITING || site->marking)
            continue;
        if (g_hash_table_contains(busy, site->account)) {
            site->met_elsewhere = true;
            continue;
        }
        md_trial_call(site);
        calls++;
    }
}

/* Those not called yet are left; whoever was in another meeting is told so. */
static void leave_rest(Trial *trial)
{
    for (guint i = 0; i < trial->sites->len; i++) {
        TrialSite *site = trial->sites->pdata[i];
        if (site->pub.state == MD_TRIAL_DONE)
            continue;
        md_trial_hang_up(site);
        site->marking = false;
        site->pub.state = MD_TRIAL_DONE;
        site->pub.evidence = (MdTrialEvidence){.registered = true, .busy_elsewhere = site->met_elsewhere, .level_max_dbov = -127, .video_luma = -1};
        site->pub.verdict = site->met_elsewhere ? md_trial_judge(&site->pub.evidence) : (MdTrialVerdict){0};
        if (site->met_elsewhere) {
            site->pub.done_us = md_meetings_wall_us(trial->meeting->owner);
            md_trial_write_rows(trial, site, false);
        }
    }
}

static void end(Trial *trial)
{
    MdTrial sums = {0};
    trial->running = false;
    md_trial_count(trial, &sums);
    const MdBooking *b = trial->meeting->booking;
    if (!b->confidential)
        md_notice(&trial->meeting->owner->logger, "meeting %s (%s): trial over: %u sites fine, %u with remarks, %u failed", b->id, b->title, sums.passed, sums.warned, sums.failed);
    md_trial_tell(trial, "trial.ended", NULL);
}

void md_trial_abort(Meeting *meeting)
{
    if (meeting->trial == NULL || !meeting->trial->running)
        return;
    leave_rest(meeting->trial);
    end(meeting->trial);
}

void md_trial_drop(Meeting *meeting)
{
    Trial *trial = meeting->trial;
    if (trial == NULL)
        return;
    for (guint i = 0; i < trial->sites->len; i++)
        md_trial_hang_up(trial->sites->pdata[i]);
    g_ptr_array_unref(trial->sites);
    g_free(trial);
    meeting->trial = NULL;
}

static Trial *trial_new(Meeting *meeting)
{
    Trial *trial = g_new0(Trial, 1);
    trial->meeting = meeting;
    trial->sites = g_ptr_array_new_with_free_func(site_free);
    meeting->trial = trial;
    return trial;
}

/* What is in the store of it: sites as they were left. */
static Trial *load(Meeting *meeting, GError **error)
{
    const MdBooking *b = meeting->booking;
    g_autoptr(GPtrArray) rows = md_trial_rows_read(md_store_reader(meeting->owner->o.store), b->id, error);
    if (rows == NULL)
        return NULL;
    Trial *trial = trial_new(meeting);
    for (guint i = 0; i < rows->len; i++) {
        const MdTrialRow *row = rows->pdata[i];
        const MdInvitee *invitee = md_booking_invitee(b, row->account);
        if (invitee == NULL)
            continue;
        TrialSite *site = add_site(trial, row->account, invitee->name);
        md_trial_row_apply(row, &site->pub);
        trial->begun_us = MAX(trial->begun_us, row->begun_us);
    }
    return trial;
}

static Trial *trial_of(Meeting *meeting)
{
    return meeting->trial != NULL ? meeting->trial : load(meeting, NULL);
}

static void begin(Meeting *meeting, const char *const *accounts, bool by_order)
{
    const MdBooking *b = meeting->booking;
    Trial *trial = trial_of(meeting);
    if (trial == NULL)
        trial = trial_new(meeting);
    trial->running = true;
    trial->by_order = by_order;
    trial->begun_us = md_meetings_wall_us(meeting->owner);
    for (guint i = 0; i < b->sites->len; i++) {
        const MdInvitee *invitee = b->sites->pdata[i];
        TrialSite *site = md_trial_find_site(trial, invitee->account);
        if (accounts != NULL && !g_strv_contains(accounts, invitee->account))
            continue;
        if (site == NULL)
            site = add_site(trial, invitee->account, invitee->name);
        if (site->room != NULL || site->marking)
            continue; /* it is being called just now */
        site->pub.state = MD_TRIAL_WAITING;
        site->pub.called_us = site->pub.done_us = 0;
        site->met_elsewhere = false;
        site->pub.verdict = (MdTrialVerdict){0};
    }
    md_trial_write_rows(trial, NULL, false);
    md_trial_tell(trial, "trial.started", NULL);
}

/* --- by itself --- */

static void due_written(const MdBooking *booking, const GError *error, void *user)
{
    MdMeetings *m = user;
    Meeting *meeting = booking != NULL && !m->stopping ? md_meetings_find(m, booking->id) : NULL;
    if (meeting != NULL && (meeting->trial == NULL || !meeting->trial->running))
        begin(meeting, NULL, false);
}

static bool is_time(const Meeting *meeting, int64_t wall_us)
{
    const MdBooking *b = meeting->booking;
    unsigned before_min = meeting->owner->o.trial_before_min != 0 ? meeting->owner->o.trial_before_min : BEFORE_DEFAULT_MIN;
    return b->trial && b->sites->len > 0 && (b->state == MD_MEETING_SCHEDULED || b->state == MD_MEETING_OPEN) &&
           wall_us >= b->start_us - before_min * INT64_C(60) * G_USEC_PER_SEC && wall_us < b->start_us - LAST_US;
}

/* mediad was stopped in the middle: those that were not rung yet are; a call that was cut off counts as cut off. */
static void resume(Meeting *meeting)
{
    Trial *trial = load(meeting, NULL);
    bool more = false;
    for (guint i = 0; trial != NULL && i < trial->sites->len; i++) {
        TrialSite *site = trial->sites->pdata[i];
        if (site->pub.called_us == 0 && site->pub.done_us == 0) {
            site->pub.state = MD_TRIAL_WAITING;
            more = true;
        } else if (site->pub.done_us == 0) {
            site->pub.evidence = (MdTrialEvidence){.registered = true, .answered = true, .dropped = true, .level_max_dbov = -127, .video_luma = -1};
            site->pub.verdict = (MdTrialVerdict){.grade = MD_TRIAL_FAIL, .n = 1, .causes = {MD_TRIAL_DROPPED}};
        }
    }
    if (trial != NULL)
        trial->running = more;
}

static void run_by_itself(Meeting *meeting, int64_t wall_us)
{
    const MdBooking *b = meeting->booking;
    if (meeting->pending != NULL || !is_time(meeting, wall_us))
        return;
    if (b->trial_for_us != 0 && ABS(b->trial_for_us - b->start_us) < SAME_START_US) {
        if (meeting->trial == NULL)
            resume(meeting);
        return;
    }
    if (meeting->trial != NULL && meeting->trial->running)
        return; /* by order, just now */
    MdBooking *after = md_booking_copy(b);
    after->trial_for_us = b->start_us;
    md_meeting_change(meeting, after, "meeting.changed", due_written, meeting->owner);
}

void md_trial_run(Meeting *meeting)
{
    MdMeetings *m = meeting->owner;
    int64_t now_us = md_meetings_now_us(m), wall_us = md_meetings_wall_us(m);
    Trial *trial = meeting->trial;
    run_by_itself(meeting, wall_us);
    if (trial == NULL || !trial->running)
        return;
    bool late = wall_us >= meeting->booking->start_us - LAST_US && !trial->by_order;
    unsigned left = 0, calling = 0;
    for (guint i = 0; i < trial->sites->len; i++) {
        TrialSite *site = trial->sites->pdata[i];
        if (site->room != NULL)
            md_trial_run_call(site, now_us);
        left += site->pub.state != MD_TRIAL_DONE;
        calling += site->room != NULL || site->marking;
    }
    if (late && calling == 0)
        leave_rest(trial);
    if (left == 0 || (late && calling == 0))
        end(trial);
    else if (!late)
        call_next(trial, now_us);
}

/* --- by order --- */

bool md_meetings_trial_start(MdMeetings *m, const char *id, const char *const *accounts, GError **error)
{
    Meeting *meeting = md_meetings_find(m, id);
    if (meeting == NULL)
        return md_meetings_fail(error, MD_MEETING_ERROR_NOT_FOUND, "there is no such meeting to come");
    const MdBooking *b = meeting->booking;
    if (b->state != MD_MEETING_SCHEDULED && b->state != MD_MEETING_OPEN)
        return md_meetings_fail(error, MD_MEETING_ERROR_STATE, "the meeting has begun: its sites are not called for a trial any more");
    if (b->sites->len == 0)
        return md_meetings_fail(error, MD_MEETING_ERROR_STATE, "no sites are invited");
    for (unsigned i = 0; accounts != NULL && accounts[i] != NULL; i++)
        if (md_booking_invitee(b, accounts[i]) == NULL)
            return md_meetings_fail(error, MD_MEETING_ERROR_INVALID, "field 'sites': %s is not invited", accounts[i]);
    begin(meeting, accounts, true);
    return true;
}

bool md_meetings_trial_stop(MdMeetings *m, const char *id, GError **error)
{
    Meeting *meeting = md_meetings_find(m, id);
    if (meeting == NULL || meeting->trial == NULL || !meeting->trial->running)
        return md_meetings_fail(error, meeting == NULL ? MD_MEETING_ERROR_NOT_FOUND : MD_MEETING_ERROR_STATE, "no trial is under way");
    md_trial_abort(meeting);
    return true;
}
