/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One site of a trial: that it is called is written, then it is called, looked at for a while and judged. */
#include "mediad/meeting/trial-private.h"
#include <string.h>

static const int64_t RING_US = 50 * G_USEC_PER_SEC, LOOK_MIN_US = 8 * G_USEC_PER_SEC, LOOK_MAX_US = 16 * G_USEC_PER_SEC,
                     SETTLE_US = G_USEC_PER_SEC / 2;

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

static void call(TrialSite *site);

static void marked(bool ok, const GError *error, gpointer data, gpointer user)
{
    Mark *mark = data;
    Meeting *meeting = mark->m->stopping ? NULL : md_meetings_find(mark->m, mark->meeting);
    TrialSite *site = meeting != NULL && meeting->trial != NULL && mark->calling != NULL ? md_trial_find_site(meeting->trial, mark->calling) : NULL;
    if (!ok)
        md_error(&mark->m->logger, "meeting %s: the trial cannot be written, nobody is called: %s", mark->meeting, error->message);
    if (site != NULL && site->marking) {
        site->marking = false;
        if (ok && meeting->trial->running)
            call(site);
    }
    md_meetings_release(mark->m);
}

void md_trial_write_rows(Trial *trial, TrialSite *only, bool then_call)
{
    MdMeetings *m = trial->meeting->owner;
    Mark *mark = g_new0(Mark, 1);
    *mark = (Mark){m, g_strdup(trial->meeting->booking->id), g_ptr_array_new_with_free_func(md_trial_row_free), then_call ? g_strdup(only->account) : NULL};
    for (guint i = 0; i < trial->sites->len; i++) {
        const TrialSite *site = trial->sites->pdata[i];
        if (only == NULL || site == only)
            g_ptr_array_add(mark->rows, md_trial_row_new(&site->pub, trial->begun_us));
    }
    md_meetings_retain(m);
    md_store_write(m->o.store, mark_write, mark, mark_free, marked, NULL);
}

/* --- one site --- */

void md_trial_hang_up(TrialSite *site)
{
    if (site->room == NULL)
        return;
    md_room_discard(site->room);
    site->room = NULL;
    site->trial->meeting->owner->trial_calls--;
}

static void finish(TrialSite *site)
{
    MdMeetings *m = site->trial->meeting->owner;
    md_trial_hang_up(site);
    site->pub.state = MD_TRIAL_DONE;
    site->pub.done_us = md_meetings_wall_us(m);
    site->pub.verdict = md_trial_judge(&site->pub.evidence);
    md_trial_write_rows(site->trial, site, false);
    md_trial_tell(site->trial, "trial.progress", site);
}

static void call(TrialSite *site)
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
        md_warning(&m->logger, "meeting %s (%s): no room to check %s in, it is tried again: %s", b->id, b->confidential ? "confidential" : b->title,
                   site->account, error->message);
        site->pub.state = MD_TRIAL_WAITING; /* another time */
        return;
    }
    m->trial_calls++;
    site->called_us = md_meetings_now_us(m);
    site->pub.state = MD_TRIAL_CALLING;
    md_trial_tell(site->trial, "trial.progress", site);
    if (!md_room_dial(site->room, (const char *const[]){site->account, NULL}, MD_ROLE_SITE, false, &error)) {
        site->pub.evidence.code = 500;
        finish(site);
    }
}

void md_trial_call(TrialSite *site)
{
    site->marking = true;
    site->pub.attempts++;
    site->pub.called_us = md_meetings_wall_us(site->trial->meeting->owner);
    site->pub.evidence = (MdTrialEvidence){.level_max_dbov = -127, .video_luma = -1};
    md_trial_write_rows(site->trial, site, true);
}

static void keep_max(int64_t *at, int64_t value)
{
    *at = MAX(*at, value);
}

static void look(TrialSite *site, const MdMemberInfo *info, int64_t now_us)
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

void md_trial_run_call(TrialSite *site, int64_t now_us)
{
    g_autoptr(GPtrArray) members = md_room_members(site->room);
    const MdMemberInfo *info = members->len > 0 ? members->pdata[0] : NULL;
    if (info != NULL && site->pub.state == MD_TRIAL_CALLING) {
        site->up_us = now_us;
        site->pub.state = MD_TRIAL_CHECKING;
        site->pub.evidence.answered = true;
        md_trial_tell(site->trial, "trial.progress", site);
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
