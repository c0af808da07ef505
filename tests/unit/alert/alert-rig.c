/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/alert/alert-rig.h"

int64_t rig_now(Rig *rig)
{
    return md_clock_wall_us(&rig->clock.base);
}

static void free_sound(gpointer data)
{
    Sound *s = data;
    g_free(s->id);
    g_free(s->content);
    g_free(s->lead);
    g_free(s->areas);
    g_free(s->room);
    g_free(s->stopped);
    g_free(s);
}

static Sound *note(Rig *rig, const BcPlayOptions *o)
{
    Sound *s = g_new0(Sound, 1);
    s->id = g_strdup_printf("a-%u", ++rig->n);
    s->content = g_strdup(o->content);
    s->lead = g_strdup(o->lead_content);
    s->room = g_strdup(o->room);
    s->areas = g_strjoinv(",", (char **)o->areas);
    s->siren = o->siren;
    s->volume = o->volume;
    s->authority = o->authority;
    s->drill = o->drill;
    s->start_us = rig_now(rig);
    s->made_us = o->made_us;
    s->end_us = o->room ? INT64_MAX : rig_now(rig) + (o->lead_content ? 10 * S : 0) + 5 * S;
    if (o->expires_us)
        s->end_us = MIN(s->end_us, o->expires_us);
    g_ptr_array_add(rig->sounds, s);
    return s;
}

static void play(const BcPlayOptions *options, BcStartedFn done, void *done_user, void *user)
{
    Rig *rig = user;
    g_autoptr(GError) full = g_error_new(BC_ERROR, BC_ERROR_FAILED, "the disk is full");
    if (rig->broken > 0 && rig->broken--)
        done(NULL, full, done_user);
    else
        done(note(rig, options)->id, NULL, done_user);
}

static char *live(const BcPlayOptions *options, GError **error, void *user)
{
    Rig *rig = user;
    if (rig->broken > 0 && rig->broken--) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "there is no such meeting");
        return NULL;
    }
    return g_strdup(note(rig, options)->id);
}

static void stop(const char *announcement, const char *who, void *user)
{
    Rig *rig = user;
    for (unsigned i = 0; i < rig->sounds->len; i++) {
        Sound *s = rig->sounds->pdata[i];
        if (!g_str_equal(s->id, announcement) || s->over)
            continue;
        s->over = true;
        s->end_us = rig_now(rig);
        g_free(s->stopped);
        s->stopped = g_strdup(who);
    }
}

static bool goes_on(const char *announcement, void *user)
{
    Rig *rig = user;
    for (unsigned i = 0; i < rig->sounds->len; i++) {
        Sound *s = rig->sounds->pdata[i];
        if (g_str_equal(s->id, announcement))
            return !s->over;
    }
    return false;
}

static void speak(const BcAlertSpeech *speech, BcAlertMadeFn done, void *done_user, void *user)
{
    Rig *rig = user;
    bool attention = strstr(speech->text, "Chú ý") || g_str_equal(speech->text, "Diễn tập. Đây là diễn tập.");
    if (attention) {
        done(speech->quiet ? "attention-quiet" : "attention", NULL, done_user);
        return;
    }
    g_ptr_array_add(rig->spoken, g_strdup_printf("%s%s", speech->quiet ? "!" : "", speech->text));
    Due due = {rig_now(rig) + 2 * S, done, done_user};
    g_array_append_val(rig->speeches, due);
}

static void siren(BcSirenPattern pattern, unsigned rounds, bool quiet, BcAlertMadeFn done, void *done_user, void *user)
{
    g_autofree char *id = g_strdup_printf("%s%s", bc_alert_siren_to_string(pattern), quiet ? "-quiet" : "");
    done(id, NULL, done_user);
}

static int64_t quiet_until(const char *const *areas, void *user)
{
    Rig *rig = user;
    return rig_now(rig) < rig->quiet_until_us ? rig->quiet_until_us : 0;
}

static void event(const char *type, const BcAlert *alert, void *user)
{
    g_string_append_printf(((Rig *)user)->events, "%s ", type);
}

void rig_open(Rig *rig)
{
    static MdMigration all[64];
    unsigned n = 0;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(rig->dir, "db", NULL);
    for (unsigned i = 0; i < bc_n_migrations; i++)
        all[n++] = bc_migrations[i];
    for (unsigned i = 0; i < bc_alert_n_migrations; i++)
        all[n++] = bc_alert_migrations[i];
    rig->store = md_store_open(path, all, n, NULL, &error);
    g_assert_no_error(error);
    rig->timers = bc_timers_new(&rig->clock.base, false);
    rig->areas = bc_areas_new(rig->store, &error);
    rig->devices = bc_devices_new(rig->store, rig->areas, &error);
    const BcArea areas[] = {{"42", "H42", "tinh", NULL, "Hà Tĩnh"}, {"18073", "H42.1", "phuong", "42", "Thành Sen"}, {"18100", NULL, "xa", "42", "Trần Phú"},
                            {"18073.1", NULL, "thon", "18073", "Thôn một"}};
    g_assert_true(bc_areas_seed(rig->areas, areas, G_N_ELEMENTS(areas), &error));
    static const char *const names[] = {"GSO", NULL};
    BcAlertOptions options = {.store = rig->store, .timers = rig->timers, .areas = rig->areas, .devices = rig->devices, .geocode_names = names,
                              .ops = {play, live, stop, speak, siren, event, rig, goes_on, quiet_until}, .all_clear = true};
    rig->alerts = bc_alerts_new(&options, &error);
    g_assert_no_error(error);
    bc_alerts_put_centre(rig->alerts, "18073", (BcCapPoint){18.3419, 105.9029});
    bc_alerts_put_centre(rig->alerts, "18100", (BcCapPoint){18.3841, 105.8973});
}

static void clear_speeches(Rig *rig)
{
    g_autoptr(GError) over = g_error_new(BC_ERROR, BC_ERROR_STATE, "over");
    for (unsigned i = 0; i < rig->speeches->len; i++) {
        Due *due = &g_array_index(rig->speeches, Due, i);
        due->done(NULL, over, due->user);
    }
    g_array_set_size(rig->speeches, 0);
}

void rig_close(Rig *rig)
{
    bc_alerts_quiesce(rig->alerts);
    clear_speeches(rig);
    bc_alerts_free(rig->alerts);
    bc_devices_unref(rig->devices);
    bc_areas_unref(rig->areas);
    bc_timers_free(rig->timers);
    md_store_close(rig->store);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

Rig *rig_new(void)
{
    Rig *rig = g_new0(Rig, 1);
    rig->dir = g_dir_make_tmp("bc-alerts-XXXXXX", NULL);
    md_virtual_clock_init(&rig->clock, S, T0);
    rig->sounds = g_ptr_array_new_with_free_func(free_sound);
    rig->speeches = g_array_new(FALSE, FALSE, sizeof(Due));
    rig->spoken = g_ptr_array_new_with_free_func(g_free);
    rig->events = g_string_new(NULL);
    rig_open(rig);
    return rig;
}

void rig_free(Rig *rig)
{
    rig_close(rig);
    g_autofree char *command = g_strdup_printf("rm -rf %s", rig->dir);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_ptr_array_unref(rig->sounds);
    g_array_unref(rig->speeches);
    g_ptr_array_unref(rig->spoken);
    g_string_free(rig->events, TRUE);
    g_free(rig->dir);
    g_free(rig);
}

static void end_sounds(Rig *rig)
{
    for (unsigned i = 0; i < rig->sounds->len; i++) {
        Sound *s = rig->sounds->pdata[i];
        if (s->over || s->end_us > rig_now(rig))
            continue;
        s->over = true;
        BcRun run = {.id = s->id, .state = "done"};
        bc_alerts_on_broadcast("announcement.ended", &run, rig->alerts);
    }
}

static void end_speeches(Rig *rig)
{
    g_autoptr(GError) broken = g_error_new(BC_ERROR, BC_ERROR_FAILED, "no voice");
    for (unsigned i = 0; i < rig->speeches->len;) {
        Due due = g_array_index(rig->speeches, Due, i);
        if (due.at_us > rig_now(rig)) {
            i++;
            continue;
        }
        g_array_remove_index(rig->speeches, i);
        due.done(rig->mute ? NULL : "words", rig->mute ? broken : NULL, due.user);
    }
}

void rig_go(Rig *rig, int64_t us)
{
    for (int64_t end = rig_now(rig) + us; rig_now(rig) < end;) {
        md_virtual_clock_advance(&rig->clock, S / 10);
        bc_timers_run(rig->timers);
        end_speeches(rig);
        end_sounds(rig);
    }
}

void rig_on_done(const BcAlert *alert, bool duplicate, const GError *error, void *user)
{
    Answer *answer = user;
    answer->done = true;
    answer->duplicate = duplicate;
    answer->id = alert ? g_strdup(alert->id) : NULL;
    answer->error = error ? g_error_copy(error) : NULL;
}

const BcAlert *rig_get(Rig *rig, Answer *answer)
{
    while (!answer->done)
        g_main_context_iteration(NULL, TRUE);
    g_assert_no_error(answer->error);
    const BcAlert *alert = bc_alerts_find(rig->alerts, answer->id);
    g_free(answer->id);
    return alert;
}

static char *time_text(int64_t us)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(us / S);
    return g_date_time_format(utc, "%Y-%m-%dT%H:%M:%S+00:00");
}

static char *cap_text(Rig *rig, const Cap *c)
{
    g_autofree char *sent = time_text(T0), *effective = time_text(rig_now(rig) + c->effective_s * S);
    g_autofree char *expires = time_text(rig_now(rig) + (c->expires_s ? c->expires_s : 3600) * S);
    g_autofree char *references = c->references ? g_strdup_printf("<references>%s,%s,%s</references>", c->sender ? c->sender : "dai", c->references, sent)
                                                : g_strdup("");
    g_autofree char *response = c->response ? g_strdup_printf("<responseType>%s</responseType>", c->response) : g_strdup("");
    return g_strdup_printf("<alert xmlns=\"" BC_CAP_NS "\"><identifier>%s</identifier><sender>%s</sender><sent>%s</sent><status>%s</status>"
                           "<msgType>%s</msgType><scope>Public</scope>%s<info><language>vi</language><category>Met</category><event>%s</event>%s"
                           "<urgency>Expected</urgency><severity>%s</severity><certainty>Likely</certainty><effective>%s</effective>"
                           "<expires>%s</expires><headline>Tin %s</headline><area><areaDesc>x</areaDesc>%s</area></info></alert>",
                           c->id, c->sender ? c->sender : "dai", sent, c->status ? c->status : "Actual", c->type ? c->type : "Alert", references,
                           c->event ? c->event : "Bão", response, c->severity ? c->severity : "Severe", effective, expires, c->id,
                           c->area ? c->area : "<geocode><valueName>GSO</valueName><value>18073</value></geocode>");
}

const BcAlertSource rig_weather = {.name = "khi-tuong", .signature = BC_SIGNATURE_CHECK, .authority = BC_AUTHORITY_PROVINCE};

Answer rig_send_from(Rig *rig, const BcAlertSource *source, const Cap *cap)
{
    Answer answer = {0};
    g_autofree char *text = cap_text(rig, cap);
    bc_alerts_take_cap(rig->alerts, source, text, strlen(text), rig_on_done, &answer);
    while (!answer.done)
        g_main_context_iteration(NULL, TRUE);
    return answer;
}

const BcAlert *rig_take(Rig *rig, const Cap *cap)
{
    Answer answer = rig_send_from(rig, &rig_weather, cap);
    return rig_get(rig, &answer);
}

Sound *rig_sound(Rig *rig, unsigned i)
{
    g_assert_cmpuint(rig->sounds->len, >, i);
    return rig->sounds->pdata[i];
}

bool rig_nothing(MdDb *db, gpointer data, GError **error)
{
    return true;
}
