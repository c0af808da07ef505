/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a trial stands: told while it goes on, shown as it is or as it is in the store. */
#include "mediad/meeting/trial-private.h"

const char *md_trial_state_to_string(MdTrialState state)
{
    static const char *const names[] = {"waiting", "calling", "checking", "done"};
    return (unsigned)state < G_N_ELEMENTS(names) ? names[state] : NULL;
}

/* --- telling --- */

void md_trial_count(const Trial *trial, MdTrial *ret)
{
    ret->running = trial->running;
    ret->begun_us = trial->begun_us;
    for (guint i = 0; i < trial->sites->len; i++) {
        const TrialSite *site = trial->sites->pdata[i];
        bool done = site->pub.state == MD_TRIAL_DONE;
        ret->left += !done;
        if (!done || site->pub.verdict.n == 0)
            continue;
        ret->passed += site->pub.verdict.grade == MD_TRIAL_PASS;
        ret->warned += site->pub.verdict.grade == MD_TRIAL_WARN;
        ret->failed += site->pub.verdict.grade == MD_TRIAL_FAIL;
    }
}

void md_trial_tell(Trial *trial, const char *type, const TrialSite *site)
{
    MdTrial sums = {0};
    JsonObject *o = json_object_new();
    md_trial_count(trial, &sums);
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

/* --- showing --- */

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
    md_trial_count(meeting->trial, ret);
    for (guint i = 0; i < meeting->trial->sites->len; i++)
        add_public(ret, &((const TrialSite *)meeting->trial->sites->pdata[i])->pub);
    return g_steal_pointer(&ret);
}
