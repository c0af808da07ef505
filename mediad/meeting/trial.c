/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The trial session: every invited site is called by itself into a room of its own that beeps and shows a moving picture, and what comes back is
 * looked at. By itself once for a start, an hour before; whom it has called is in the store before it rings, so that neither a restart nor a change
 * of the booking rings a site twice. */
#include "mediad/meeting/private.h"
#include "mediad/meeting/trial-row.h"
#include <string.h>

enum { CALLS_DEFAULT = 6, BEFORE_DEFAULT_MIN = 60 };
static const int64_t RING_US = 50 * G_USEC_PER_SEC, LOOK_MIN_US = 8 * G_USEC_PER_SEC, LOOK_MAX_US = 16 * G_USEC_PER_SEC,
                     SETTLE_US = G_USEC_PER_SEC / 2, BUSY_US = 1 * G_USEC_PER_SEC;
static const int64_t LAST_US = 3 * 60 * G_USEC_PER_SEC; /* before the start nobody more is called */
static const int64_t SAME_START_US = 2 * INT64_C(3600) * G_USEC_PER_SEC; /* a start moved by less is the same: nobody is rung again for it */

typedef struct Site {
    Trial *trial;
    MdTrialSite pub;
    char *account, *name;
    bool marking;              /* on its way to the store that it is being called */
    bool met_elsewhere;        /* was seen in another room while it waited */
    MdRoom *room;              /* while it is called and looked at */
    int64_t called_us, up_us;  /* monotonic */
} Site;

struct Trial {
    Meeting *meeting;
    bool running, by_order;
    int64_t begun_us;          /* wall */
    int64_t busy_us;           /* monotonic: next look at who is in a meeting */
    GPtrArray *sites;          /* Site* */
};

const char *md_trial_state_to_string(MdTrialState state)
{
    static const char *const names[] = {"waiting", "calling", "checking", "done"};
    return (unsigned)state < G_N_ELEMENTS(names) ? names[state] : NULL;
}

static void site_free(gpointer data)
{
    Site *site = data;
    g_free(site->account);
    g_free(site->name);
    g_free(site);
}

static Site *add_site(Trial *trial, const char *account, const char *name)
{
    Site *site = g_new0(Site, 1);
    site->trial = trial;
    site->account = g_strdup(account);
    site->name = g_strdup(name);
    site->pub = (MdTrialSite){.account = site->account, .name = site->name, .state = MD_TRIAL_DONE};
    g_ptr_array_add(trial->sites, site);
    return site;
}

static Site *find_site(Trial *trial, const char *account)
{
    for (guint i = 0; i < trial->sites->len; i++) {
        Site *site = trial->sites->pdata[i];
        if (strcmp(site->account, account) == 0)
            return site;
    }
    return NULL;
}

/* --- the store --- */

typedef struct Mark {
    MdMeetings *m;
    char *meeting;
    GPtrArray *rows;           /* MdTrialRow* */
    char *calling;             /* this site is called once it is written; NULL none */
} Mark;

static void mark_free(gpointer data)
{
    Mark *mark = data;
    g_free(mark->meeting);
    g_free(mark->calling);
    g_ptr_array_unref(mark->rows);
    g_free(mark);
}

static bool mark_write(MdDb *db, gpointer data, GError **error)
{
    const Mark *mark = data;
    for (guint i = 0; i < mark->rows->len; i++)
        if (!md_trial_row_write(db, mark->meeting, mark->rows->pdata[i], error))
            return false;
    return true;
}

static void call(Site *site);

static void marked(bool ok, const GError *error, gpointer data, gpointer user)
{
    Mark *mark = data;
    Meeting *meeting = mark->m->stopping ? NULL : md_meetings_find(mark->m, mark->meeting);
    Site *site = meeting != NULL && meeting->trial != NULL && mark->calling != NULL ? find_site(meeting->trial, mark->calling) : NULL;
    if (!ok)
        md_error(&mark->m->logger, "meeting %s: the trial cannot be written, nobody is called: %s", mark->meeting, error->message);
    if (site != NULL && site->marking) {
        site->marking = false;
        if (ok && meeting->trial->running)
            call(site);
    }
    md_meetings_release(mark->m);
}

/* site NULL: all. */
static void write_rows(Trial *trial, Site *only, bool then_call)
{
    MdMeetings *m = trial->meeting->owner;
    Mark *mark = g_new0(Mark, 1);
    *mark = (Mark){m, g_strdup(trial->meeting->booking->id), g_ptr_array_new_with_free_func(md_trial_row_free), then_call ? g_strdup(only->account) : NULL};
    for (guint i = 0; i < trial->sites->len; i++) {
        const Site *site = trial->sites->pdata[i];
        if (only == NULL || site == only)
            g_ptr_array_add(mark->rows, md_trial_row_new(&site->pub, trial->begun_us));
    }
    md_meetings_retain(m);
    md_store_write(m->o.store, mark_write, mark, mark_free, marked, NULL);
}

/* --- telling --- */

static void count(const Trial *trial, MdTrial *ret)
{
    ret->running = trial->running;
    ret->begun_us = trial->begun_us;
    for (guint i = 0; i < trial->sites->len; i++) {
        const Site *site = trial->sites->pdata[i];
        bool done = site->pub.state == MD_TRIAL_DONE;
        ret->left += !done;
        if (!done || site->pub.verdict.n == 0)
            continue;
        ret->passed += site->pub.verdict.grade == MD_TRIAL_PASS;
        ret->warned += site->pub.verdict.grade == MD_TRIAL_WARN;
        ret->failed += site->pub.verdict.grade == MD_TRIAL_FAIL;
    }
}

static void tell(Trial *trial, const char *type, const Site *site)
{
    MdTrial sums = {0};
    JsonObject *o = json_object_new();
    count(trial, &sums);
    json_object_set_boolean_member(o, "running", sums.running);
    json_object_set_int_member(o, "passed", sums.passed);
    json_object_set_int_member(o, "warned", sums.warned);
    json_object_set_int_member(o, "failed", sums.failed);
    json_object_set_int_member(o, "left", sums.left);
    if (site != NULL) {
        json_object_set_string_member(o, "account", site->account);
        json_object_set_string_member(o, "name", site->name);
        json_object_set_string_member(o, "site_state", md_trial_state_to_string(site->pub.state));
    }
    if (site != NULL && site->pub.state == MD_TRIAL_DONE) {
        json_object_set_string_member(o, "grade", md_trial_grade_to_string(site->pub.verdict.grade));
        json_object_set_string_member(o, "cause", md_trial_cause_to_string(site->pub.verdict.causes[0]));
        json_object_set_string_member(o, "text", md_trial_cause_text(site->pub.verdict.causes[0]));
    }
    md_meetings_tell(trial->meeting->owner, type, trial->meeting->booking, o);
}

/* --- one site --- */

static void hang_up(Site *site)
{
    if (site->room == NULL)
        return;
    md_room_discard(site->room);
    site->room = NULL;
    site->trial->meeting->owner->trial_calls--;
}

static void finish(Site *site)
{
    MdMeetings *m = site->trial->meeting->owner;
    hang_up(site);
    site->pub.state = MD_TRIAL_DONE;
    site->pub.done_us = md_meetings_wall_us(m);
    site->pub.verdict = md_trial_judge(&site->pub.evidence);
    write_rows(site->trial, site, false);
    tell(site->trial, "trial.progress", site);
}

static void call(Site *site)
{
    Meeting *meeting = site->trial->meeting;
    MdMeetings *m = meeting->owner;
    const MdBooking *b = meeting->booking;
    MdDialer *dialer = m->o.dialer;
    bool address = strchr(site->account, ':') != NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *title = b->confidential ? g_strdup("Họp thử") : g_strdup_printf("Họp thử: %s", b->title);
    site->pub.evidence.registered = address || dialer == NULL || dialer->is_registered == NULL || dialer->is_registered(dialer, site->account);
    site->pub.evidence.encryption_demanded = b->confidential;
    if (!site->pub.evidence.registered) {
        finish(site);
        return;
    }
    site->room = md_conference_create_trial(m->o.conference, &(MdRoomSpec){.name = b->room, .title = title, .max_members = 2,
                                                                           .security = MD_SECURITY_PREFERRED, .language = b->language}, &error);
    if (site->room == NULL) {
        md_warning(&m->logger, "meeting %s: no room to check %s in: %s", b->id, site->account, error->message);
        site->pub.state = MD_TRIAL_WAITING; /* another time */
        return;
    }
    m->trial_calls++;
    site->called_us = md_meetings_now_us(m);
    site->pub.state = MD_TRIAL_CALLING;
    tell(site->trial, "trial.progress", site);
    if (!md_room_dial(site->room, (const char *const[]){site->account, NULL}, MD_ROLE_SITE, false, &error)) {
        site->pub.evidence.code = 500;
        finish(site);
    }
}

/* It is noted that this one is called, then it is. */
static void mark_and_call(Site *site)
{
    site->marking = true;
    site->pub.attempts++;
    site->pub.called_us = md_meetings_wall_us(site->trial->meeting->owner);
    site->pub.evidence = (MdTrialEvidence){.level_max_dbov = -127, .video_luma = -1};
    write_rows(site->trial, site, true);
}

static void keep_max(int64_t *at, int64_t value)
{
    *at = MAX(*at, value);
}

static void look(Site *site, const MdMemberInfo *info, int64_t now_us)
{
    MdTrialEvidence *e = &site->pub.evidence;
    const MdLegStats *s = info->stats;
    e->seconds = (double)(now_us - site->up_us) / G_USEC_PER_SEC;
    e->audio_agreed = info->media.audio_codec != MD_AUDIO_CODEC_NONE;
    e->video_agreed = info->media.video_codec != MD_VIDEO_CODEC_NONE;
    e->encrypted = info->media.security != NULL && strcmp(info->media.security, "none") != 0;
    e->video_decoded = info->video_decoded;
    e->video_moved = info->video_moved;
    e->video_frozen_ms = info->video_frozen_ms;
    e->video_luma = info->video_luma;
    if (s == NULL)
        return;
    e->audio_packets = md_stat_get(&s->audio_packets_received);
    e->audio_lost = md_stat_get(&s->audio_packets_lost);
    e->audio_late = md_stat_get(&s->audio_packets_late);
    e->video_packets = md_stat_get(&s->video_packets_received);
    e->video_lost = md_stat_get(&s->video_packets_lost);
    e->video_frames = md_stat_get(&s->video_frames_received);
    e->round_trip_us = (int64_t)md_stat_get(&s->round_trip_us);
    e->remote_loss_permille = (unsigned)md_stat_get(&s->remote_loss_permille);
    e->remote_video_loss_permille = (unsigned)md_stat_get(&s->remote_video_loss_permille);
    e->reports = e->round_trip_us > 0 || e->remote_loss_permille > 0 || e->remote_video_loss_permille > 0;
    if (now_us - site->up_us < SETTLE_US)
        return;
    e->level_max_dbov = MAX(e->level_max_dbov, -(double)md_stat_get(&s->audio_level_cbov) / 100);
    keep_max(&e->jitter_us, (int64_t)md_stat_get(&s->audio_jitter_us));
}

static void run_call(Site *site, int64_t now_us)
{
    g_autoptr(GPtrArray) members = md_room_members(site->room);
    const MdMemberInfo *info = members->len > 0 ? members->pdata[0] : NULL;
    if (info != NULL && site->pub.state == MD_TRIAL_CALLING) {
        site->up_us = now_us;
        site->pub.state = MD_TRIAL_CHECKING;
        site->pub.evidence.answered = true;
        tell(site->trial, "trial.progress", site);
    }
    if (info != NULL) {
        look(site, info, now_us);
        int64_t for_us = now_us - site->up_us;
        if (for_us >= LOOK_MAX_US || (for_us >= LOOK_MIN_US && !md_trial_undecided(&site->pub.evidence)))
            finish(site);
        return;
    }
    if (site->pub.state == MD_TRIAL_CHECKING) {
        site->pub.evidence.dropped = true;
        finish(site);
        return;
    }
    g_autoptr(GPtrArray) dials = md_room_dials(site->room);
    const MdDialInfo *dial = dials->len > 0 ? dials->pdata[0] : NULL;
    if (dial == NULL || dial->state == MD_DIAL_GIVEN_UP || now_us - site->called_us > RING_US) {
        site->pub.evidence.code = dial != NULL && dial->last_code != 0 ? dial->last_code : 408;
        finish(site);
    }
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
            const Site *site = meeting->trial->sites->pdata[i];
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
            n += ((const Site *)meeting->trial->sites->pdata[i])->marking;
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
        Site *site = trial->sites->pdata[i];
        if (site->pub.state != MD_TRIAL_WAITING || site->marking)
            continue;
        if (g_hash_table_contains(busy, site->account)) {
            site->met_elsewhere = true;
            continue;
        }
        mark_and_call(site);
        calls++;
    }
}

/* Those not called yet are left; whoever was in another meeting is told so. */
static void leave_rest(Trial *trial)
{
    for (guint i = 0; i < trial->sites->len; i++) {
        Site *site = trial->sites->pdata[i];
        if (site->pub.state == MD_TRIAL_DONE)
            continue;
        hang_up(site);
        site->marking = false;
        site->pub.state = MD_TRIAL_DONE;
        site->pub.evidence = (MdTrialEvidence){.registered = true, .busy_elsewhere = site->met_elsewhere, .level_max_dbov = -127, .video_luma = -1};
        site->pub.verdict = site->met_elsewhere ? md_trial_judge(&site->pub.evidence) : (MdTrialVerdict){0};
        if (site->met_elsewhere) {
            site->pub.done_us = md_meetings_wall_us(trial->meeting->owner);
            write_rows(trial, site, false);
        }
    }
}

static void end(Trial *trial)
{
    MdTrial sums = {0};
    trial->running = false;
    count(trial, &sums);
    md_notice(&trial->meeting->owner->logger, "meeting %s: trial over: %u sites fine, %u with remarks, %u failed", trial->meeting->booking->id, sums.passed,
              sums.warned, sums.failed);
    tell(trial, "trial.ended", NULL);
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
        hang_up(trial->sites->pdata[i]);
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
        Site *site = add_site(trial, row->account, invitee->name);
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
        Site *site = find_site(trial, invitee->account);
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
    write_rows(trial, NULL, false);
    tell(trial, "trial.started", NULL);
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
        Site *site = trial->sites->pdata[i];
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
        Site *site = trial->sites->pdata[i];
        if (site->room != NULL)
            run_call(site, now_us);
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

void md_trial_free(MdTrial *trial)
{
    if (trial == NULL)
        return;
    g_ptr_array_unref(trial->sites);
    g_free(trial);
}

static void free_public(gpointer data)
{
    MdTrialSite *site = data;
    g_free((char *)(uintptr_t)site->account);
    g_free((char *)(uintptr_t)site->name);
    g_free(site);
}

static void add_public(MdTrial *trial, const MdTrialSite *from)
{
    MdTrialSite *site = g_new(MdTrialSite, 1);
    *site = *from;
    site->account = g_strdup(from->account);
    site->name = g_strdup(from->name);
    g_ptr_array_add(trial->sites, site);
}

/* Of a meeting that is over. */
static bool read_old(MdMeetings *m, const char *id, MdTrial *ret, GError **error)
{
    g_autoptr(MdBooking) b = md_meetings_get(m, id, error);
    g_autoptr(GPtrArray) rows = b != NULL ? md_trial_rows_read(md_store_reader(m->o.store), id, error) : NULL;
    for (guint i = 0; rows != NULL && i < rows->len; i++) {
        const MdTrialRow *row = rows->pdata[i];
        const MdInvitee *invitee = md_booking_invitee(b, row->account);
        MdTrialSite site = {.account = row->account, .name = invitee != NULL ? invitee->name : row->account};
        md_trial_row_apply(row, &site);
        ret->begun_us = MAX(ret->begun_us, row->begun_us);
        ret->passed += site.verdict.n > 0 && site.verdict.grade == MD_TRIAL_PASS;
        ret->warned += site.verdict.n > 0 && site.verdict.grade == MD_TRIAL_WARN;
        ret->failed += site.verdict.n > 0 && site.verdict.grade == MD_TRIAL_FAIL;
        add_public(ret, &site);
    }
    return rows != NULL;
}

MdTrial *md_meetings_trial(MdMeetings *m, const char *id, GError **error)
{
    g_autoptr(MdTrial) ret = g_new0(MdTrial, 1);
    Meeting *meeting = md_meetings_find(m, id);
    ret->sites = g_ptr_array_new_with_free_func(free_public);
    if (meeting == NULL || meeting->trial == NULL)
        return read_old(m, id, ret, error) ? g_steal_pointer(&ret) : NULL;
    count(meeting->trial, ret);
    for (guint i = 0; i < meeting->trial->sites->len; i++)
        add_public(ret, &((const Site *)meeting->trial->sites->pdata[i])->pub);
    return g_steal_pointer(&ret);
}
