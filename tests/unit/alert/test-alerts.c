/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/alert.h"

#include <string.h>
#include "broadcast/alert/drill.h"
#include "broadcast/order.h"
#include "mediad/core/clock.h"

/* The life of an alert on a clock turned by hand: a real store, and an air that notes what is played and ends it when its time is
 * over (siren 10 s, words 5 s; words take 2 s to be made). */
#define S ((int64_t)1000000)
#define T0 (1795377600 * S) /* 2026-11-23 03:00 in Hà Tĩnh */

typedef struct Sound {
    char *id, *content, *lead, *areas, *room;
    int siren;
    unsigned volume, authority;
    bool drill;
    int64_t start_us, end_us, made_us;
    bool over;
    char *stopped;
} Sound;

typedef struct Due {
    int64_t at_us;
    BcAlertMadeFn done;
    void *user;
} Due;

typedef struct Rig {
    char *dir;
    MdVirtualClock clock;
    MdStore *store;
    BcTimers *timers;
    BcAreas *areas;
    BcDevices *devices;
    BcAlerts *alerts;
    GPtrArray *sounds;  /* Sound, in order */
    GArray *speeches;   /* Due */
    GPtrArray *spoken;  /* texts */
    GString *events;
    bool mute;          /* speech fails */
    unsigned broken;    /* so many plays and live sounds fail */
    int64_t quiet_until_us;
    unsigned n;
} Rig;

static int64_t now(Rig *rig)
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
    s->start_us = now(rig);
    s->made_us = o->made_us;
    s->end_us = o->room ? INT64_MAX : now(rig) + (o->lead_content ? 10 * S : 0) + 5 * S;
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
        s->end_us = now(rig);
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
    Due due = {now(rig) + 2 * S, done, done_user};
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
    return now(rig) < rig->quiet_until_us ? rig->quiet_until_us : 0;
}

static void event(const char *type, const BcAlert *alert, void *user)
{
    g_string_append_printf(((Rig *)user)->events, "%s ", type);
}

static void open_rig(Rig *rig)
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

static void close_rig(Rig *rig)
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

static Rig *rig_new(void)
{
    Rig *rig = g_new0(Rig, 1);
    rig->dir = g_dir_make_tmp("bc-alerts-XXXXXX", NULL);
    md_virtual_clock_init(&rig->clock, S, T0);
    rig->sounds = g_ptr_array_new_with_free_func(free_sound);
    rig->speeches = g_array_new(FALSE, FALSE, sizeof(Due));
    rig->spoken = g_ptr_array_new_with_free_func(g_free);
    rig->events = g_string_new(NULL);
    open_rig(rig);
    return rig;
}

static void rig_free(Rig *rig)
{
    close_rig(rig);
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
        if (s->over || s->end_us > now(rig))
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
        if (due.at_us > now(rig)) {
            i++;
            continue;
        }
        g_array_remove_index(rig->speeches, i);
        due.done(rig->mute ? NULL : "words", rig->mute ? broken : NULL, due.user);
    }
}

static void go(Rig *rig, int64_t us)
{
    for (int64_t end = now(rig) + us; now(rig) < end;) {
        md_virtual_clock_advance(&rig->clock, S / 10);
        bc_timers_run(rig->timers);
        end_speeches(rig);
        end_sounds(rig);
    }
}

/* --- asking --- */

typedef struct Answer {
    bool done, duplicate;
    char *id;
    GError *error;
} Answer;

static void on_done(const BcAlert *alert, bool duplicate, const GError *error, void *user)
{
    Answer *answer = user;
    answer->done = true;
    answer->duplicate = duplicate;
    answer->id = alert ? g_strdup(alert->id) : NULL;
    answer->error = error ? g_error_copy(error) : NULL;
}

static const BcAlert *get(Rig *rig, Answer *answer)
{
    while (!answer->done)
        g_main_context_iteration(NULL, TRUE);
    g_assert_no_error(answer->error);
    const BcAlert *alert = bc_alerts_find(rig->alerts, answer->id);
    g_free(answer->id);
    return alert;
}

typedef struct Cap {
    const char *id, *status, *type, *event, *area, *references, *response, *severity;
    int64_t effective_s, expires_s; /* after now */
    const char *sender;
} Cap;

static char *time_text(int64_t us)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(us / S);
    return g_date_time_format(utc, "%Y-%m-%dT%H:%M:%S+00:00");
}

static char *cap_text(Rig *rig, const Cap *c)
{
    g_autofree char *sent = time_text(T0), *effective = time_text(now(rig) + c->effective_s * S);
    g_autofree char *expires = time_text(now(rig) + (c->expires_s ? c->expires_s : 3600) * S);
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

static const BcAlertSource weather = {.name = "khi-tuong", .signature = BC_SIGNATURE_CHECK, .authority = BC_AUTHORITY_PROVINCE};

static Answer send_from(Rig *rig, const BcAlertSource *source, const Cap *cap)
{
    Answer answer = {0};
    g_autofree char *text = cap_text(rig, cap);
    bc_alerts_take_cap(rig->alerts, source, text, strlen(text), on_done, &answer);
    while (!answer.done)
        g_main_context_iteration(NULL, TRUE);
    return answer;
}

static const BcAlert *take(Rig *rig, const Cap *cap)
{
    Answer answer = send_from(rig, &weather, cap);
    return get(rig, &answer);
}

static Sound *sound(Rig *rig, unsigned i)
{
    g_assert_cmpuint(rig->sounds->len, >, i);
    return rig->sounds->pdata[i];
}

/* --- tests --- */

/* The siren at once, the words after it, then both in one as often as the rule says; nothing after that. */
static void test_rounds(void)
{
    Rig *rig = rig_new();
    const BcAlert *alert = take(rig, &(Cap){.id = "b1"});
    g_assert_cmpstr(bc_alert_siren_to_string((int)alert->siren), ==, "storm");
    g_assert_cmpuint(rig->sounds->len, ==, 1);
    g_assert_cmpint(sound(rig, 0)->start_us, ==, T0); /* not a moment later */
    g_assert_cmpstr(sound(rig, 0)->lead, ==, "storm");
    g_assert_cmpstr(sound(rig, 0)->content, ==, "attention");
    g_assert_cmpint(sound(rig, 0)->siren, ==, BC_SIREN_STORM);
    g_assert_false(sound(rig, 0)->drill);
    g_assert_cmpuint(sound(rig, 0)->volume, ==, 0);
    go(rig, 16 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 2);
    g_assert_cmpstr(sound(rig, 1)->content, ==, "words");
    g_assert_null(sound(rig, 1)->lead);
    g_assert_cmpstr(rig->spoken->pdata[0], ==, "Tin b1.");
    go(rig, 125 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 3);
    g_assert_cmpstr(sound(rig, 2)->lead, ==, "storm");
    g_assert_cmpstr(sound(rig, 2)->content, ==, "words");
    go(rig, 1000 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 4); /* three rounds */
    g_assert_cmpint(alert->state, ==, BC_ALERT_DONE);
    g_assert_nonnull(strstr(rig->events->str, "alert.received alert.sounding alert.banner "));
    g_assert_nonnull(strstr(rig->events->str, "alert.ended"));
    Answer again = send_from(rig, &weather, &(Cap){.id = "b1"});
    g_assert_true(again.duplicate);
    go(rig, 10 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 4);
    rig_free(rig);
}

static void test_expiry(void)
{
    Rig *rig = rig_new();
    const BcAlert *alert = take(rig, &(Cap){.id = "e1", .expires_s = 12});
    go(rig, 13 * S);
    g_assert_cmpint(alert->state, ==, BC_ALERT_EXPIRED);
    for (unsigned i = 0; i < rig->sounds->len; i++)
        g_assert_cmpint(sound(rig, i)->end_us, <=, T0 + 12 * S + S / 10);
    unsigned n = rig->sounds->len;
    go(rig, 600 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n);
    const BcAlert *later = take(rig, &(Cap){.id = "e2", .effective_s = 60, .expires_s = 600});
    g_assert_cmpint(later->state, ==, BC_ALERT_WAITING);
    go(rig, 59 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n);
    go(rig, 2 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n + 1);
    const BcAlert *old = take(rig, &(Cap){.id = "e3", .effective_s = -600, .expires_s = -1});
    g_assert_cmpint(old->state, ==, BC_ALERT_EXPIRED);
    rig_free(rig);
}

/* Updates, cancels and all-clears stop at once, in whatever order they come, and only what is of the same kind and theirs. */
static void test_replaced(void)
{
    Rig *rig = rig_new();
    const BcAlert *first = take(rig, &(Cap){.id = "r1"});
    go(rig, 3 * S);
    const BcAlert *update = take(rig, &(Cap){.id = "r2", .type = "Update", .references = "r1"});
    g_assert_cmpint(first->state, ==, BC_ALERT_SUPERSEDED);
    g_assert_true(sound(rig, 0)->over && sound(rig, 0)->end_us == now(rig));
    g_assert_cmpint(update->state, ==, BC_ALERT_SOUNDING);
    const BcAlert *exercise = take(rig, &(Cap){.id = "r3", .status = "Exercise", .type = "Cancel", .references = "r2"});
    g_assert_cmpint(exercise->state, ==, BC_ALERT_STORED);
    g_assert_cmpint(update->state, ==, BC_ALERT_SOUNDING);
    static const BcAlertSource village = {.name = "thon", .authority = BC_AUTHORITY_VILLAGE};
    Answer lesser = send_from(rig, &village, &(Cap){.id = "r4", .type = "Cancel", .references = "r2"});
    g_assert_no_error(lesser.error);
    g_assert_cmpint(update->state, ==, BC_ALERT_SOUNDING);
    g_free(lesser.id);
    unsigned n = rig->sounds->len;
    take(rig, &(Cap){.id = "r5", .type = "Cancel", .references = "r2"});
    g_assert_cmpint(update->state, ==, BC_ALERT_CANCELLED);
    while (rig->sounds->len == n) /* the all-clear is stored first */
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(sound(rig, n)->lead, ==, "all-clear");
    const BcAlert *late = take(rig, &(Cap){.id = "r0"});
    g_assert_cmpint(late->state, ==, BC_ALERT_SOUNDING);
    take(rig, &(Cap){.id = "r7", .type = "Update", .references = "r6", .response = "AllClear"});
    n = rig->sounds->len;
    g_assert_cmpint(take(rig, &(Cap){.id = "r6"})->state, ==, BC_ALERT_CANCELLED); /* its all-clear had come before it */
    g_assert_cmpuint(rig->sounds->len, ==, n);
    rig_free(rig);
}

/* Nothing that is not real is heard at full volume, with a real siren, or as an emergency; drafts and tests are not heard at all. */
static void test_drills(void)
{
    Rig *rig = rig_new();
    static const char *const areas[] = {"18073", NULL};
    Answer answer = {0};
    take(rig, &(Cap){.id = "d1", .status = "Exercise", .severity = "Extreme", .event = "Tsunami"});
    bc_alerts_emergency(rig->alerts, &(BcEmergency){.kind = "drill", .areas = areas, .siren = BC_SIREN_URGENT, .text = "Kiểm tra.", .repeats = 9,
                                                    .created_by = "x"}, on_done, &answer);
    const BcAlert *drill = get(rig, &answer);
    g_assert_cmpint(drill->siren, ==, BC_SIREN_DRILL);
    go(rig, 60 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 4);
    for (unsigned i = 0; i < rig->sounds->len; i++) {
        const Sound *s = sound(rig, i);
        g_assert_true(s->drill && s->volume > 0 && s->volume <= 25);
        g_assert_true(s->siren == BC_SIREN_DRILL || s->siren == BC_SIREN_NONE);
        g_assert_true(!s->lead || g_str_equal(s->lead, "drill-quiet"));
        g_assert_true(g_str_equal(s->content, "attention-quiet") || g_str_equal(s->content, "words"));
    }
    for (unsigned i = 0; i < rig->spoken->len; i++) {
        const char *text = rig->spoken->pdata[i];
        g_assert_true(text[0] == '!' && strstr(text, "iễn tập") && g_strrstr(text, "Đây là diễn tập"));
    }
    g_assert_null(strstr(rig->events->str, "alert.banner"));
    const BcAlert *test = take(rig, &(Cap){.id = "d2", .status = "Test"});
    g_assert_cmpint(take(rig, &(Cap){.id = "d3", .status = "Draft"})->state, ==, BC_ALERT_STORED);
    g_assert_cmpint(take(rig, &(Cap){.id = "d4", .status = "System"})->state, ==, BC_ALERT_STORED);
    go(rig, 60 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 4);
    Answer tried = {0};
    bc_alerts_try(rig->alerts, test->id, areas, "x", BC_AUTHORITY_COMMUNE, on_done, &tried);
    g_assert_cmpstr(get(rig, &tried)->kind, ==, "drill");
    go(rig, 1 * S);
    g_assert_true(sound(rig, 4)->drill);
    rig_free(rig);
}

static bool nothing(MdDb *db, gpointer data, GError **error)
{
    return true;
}

static int64_t told_rounds(const BcAlert *alert)
{
    g_autoptr(JsonObject) o = bc_alert_to_json(alert);
    return json_object_get_int_member(o, "done_rounds");
}

/* kill -9: what had begun goes on, what was done is not heard again. */
static void test_lives(void)
{
    Rig *rig = rig_new();
    g_autofree char *done = g_strdup(take(rig, &(Cap){.id = "l1", .severity = "Minor", .event = "Rét"})->id);
    go(rig, 60 * S);
    g_autofree char *on = g_strdup(take(rig, &(Cap){.id = "l2"})->id);
    go(rig, 12 * S);
    close_rig(rig); /* in the siren */
    unsigned n = rig->sounds->len;
    for (unsigned i = 0; i < n; i++)
        sound(rig, i)->over = true;
    open_rig(rig);
    bc_alerts_resume(rig->alerts);
    g_assert_cmpint(bc_alerts_find(rig->alerts, done)->state, ==, BC_ALERT_DONE);
    g_assert_cmpuint(rig->sounds->len, ==, n + 1);
    g_assert_cmpstr(sound(rig, n)->lead, ==, "storm");
    go(rig, 25 * S);
    const BcAlert *alert = bc_alerts_find(rig->alerts, on);
    g_assert_cmpint(alert->done_rounds, ==, 1);
    g_assert_cmpint(told_rounds(alert), ==, 0); /* no commit has been heard of: nothing runs the main loop here */
    g_assert_true(md_store_write_sync(rig->store, nothing, NULL, NULL));
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpint(told_rounds(alert), ==, 1);
    int64_t next = alert->next_us;
    close_rig(rig); /* in the pause */
    n = rig->sounds->len;
    open_rig(rig);
    bc_alerts_resume(rig->alerts);
    g_assert_cmpint(told_rounds(bc_alerts_find(rig->alerts, on)), ==, 1);
    go(rig, next - now(rig) - S);
    g_assert_cmpuint(rig->sounds->len, ==, n);
    go(rig, 2 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n + 1);
    g_assert_cmpstr(sound(rig, n)->content, ==, "words");
    close_rig(rig);
    md_virtual_clock_advance(&rig->clock, 2 * 3600 * S); /* and down until it is over */
    n = rig->sounds->len;
    open_rig(rig);
    bc_alerts_resume(rig->alerts);
    g_assert_cmpint(bc_alerts_find(rig->alerts, on)->state, ==, BC_ALERT_EXPIRED);
    g_assert_cmpuint(rig->sounds->len, ==, n);
    Answer again = send_from(rig, &weather, &(Cap){.id = "l2"});
    g_assert_true(again.duplicate);
    rig_free(rig);
}

/* kill -9, and what sounded goes on by itself: no second siren beside it, and calling it off ends it. */
static void test_adopted(void)
{
    Rig *rig = rig_new();
    g_autofree char *on = g_strdup(take(rig, &(Cap){.id = "a1"})->id);
    go(rig, 3 * S);
    close_rig(rig);
    unsigned n = rig->sounds->len;
    g_assert_cmpuint(n, >=, 1);
    g_assert_false(sound(rig, n - 1)->over);
    open_rig(rig);
    bc_alerts_resume(rig->alerts);
    go(rig, 2 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n);
    Answer stopped = {0};
    bc_alerts_stop(rig->alerts, on, "xa", false, NULL, on_done, &stopped);
    get(rig, &stopped);
    g_assert_true(sound(rig, n - 1)->over);
    g_assert_nonnull(sound(rig, n - 1)->stopped);

    g_autofree char *next = g_strdup(take(rig, &(Cap){.id = "a2"})->id);
    go(rig, 3 * S);
    close_rig(rig);
    n = rig->sounds->len;
    open_rig(rig);
    bc_alerts_resume(rig->alerts);
    sound(rig, n - 1)->over = true; /* it could not go on after all, and nobody says so */
    go(rig, 5 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n + 1);
    g_assert_cmpstr(sound(rig, n)->content, ==, "words");
    Answer again = {0};
    bc_alerts_stop(rig->alerts, next, "xa", false, NULL, on_done, &again);
    get(rig, &again);
    sound(rig, n)->over = false; /* called off, and killed before its sound was stopped */
    close_rig(rig);
    open_rig(rig);
    bc_alerts_resume(rig->alerts);
    g_assert_true(sound(rig, n)->over);
    rig_free(rig);
}

static void test_places(void)
{
    Rig *rig = rig_new();
    g_assert_cmpstr(take(rig, &(Cap){.id = "p1"})->areas, ==, "18073");
    g_assert_cmpstr(take(rig, &(Cap){.id = "p2", .area = "<geocode><valueName>gso</valueName><value>H42</value></geocode>"})->areas, ==, "42");
    g_assert_cmpstr(take(rig, &(Cap){.id = "p3", .area = "<circle>18.3841,105.8973 2</circle>"})->areas, ==, "18100");
    g_assert_cmpstr(take(rig, &(Cap){.id = "p4", .area = "<polygon>18.3,105.8 18.3,106 18.4,106 18.4,105.8 18.3,105.8</polygon>"})->areas, ==,
                    "18073,18100");
    Answer nowhere = send_from(rig, &weather, &(Cap){.id = "p5", .area = "<circle>10,105 2</circle>"});
    g_assert_error(nowhere.error, BC_ERROR, BC_ERROR_NOT_FOUND);
    static const char *const within[] = {"18073.1", NULL}, *const senders[] = {"tram-*", NULL};
    const BcAlertSource narrow = {.name = "tram", .areas = within}, other = {.name = "o", .senders = senders},
                        strict = {.name = "s", .signature = BC_SIGNATURE_REQUIRE};
    Answer clipped = send_from(rig, &narrow, &(Cap){.id = "p6"});
    g_assert_cmpstr(get(rig, &clipped)->areas, ==, "18073.1");
    Answer refused = send_from(rig, &other, &(Cap){.id = "p7"}), unsigned_one = send_from(rig, &strict, &(Cap){.id = "p8"});
    g_assert_error(refused.error, BC_ERROR, BC_ERROR_INVALID);
    g_assert_nonnull(strstr(unsigned_one.error->message, "must be signed"));
    g_clear_error(&nowhere.error);
    g_clear_error(&refused.error);
    g_clear_error(&unsigned_one.error);
    rig_free(rig);
}

static void test_button(void)
{
    Rig *rig = rig_new();
    static const char *const areas[] = {"18073", NULL};
    Answer made = {0}, stopped = {0}, cleared = {0}, room = {0}, wrong = {0};
    bc_alerts_emergency(rig->alerts, &(BcEmergency){.areas = areas, .siren = BC_SIREN_FLOOD, .text = "Nước lên!", .authority = BC_AUTHORITY_COMMUNE,
                                                    .created_by = "xa"}, on_done, &made);
    const BcAlert *alert = get(rig, &made);
    g_assert_cmpuint(sound(rig, 0)->authority, ==, BC_AUTHORITY_COMMUNE);
    rig->mute = true; /* the voice is broken: the siren is not */
    go(rig, 20 * S);
    g_assert_nonnull(strstr(alert->note, "no voice"));
    g_assert_cmpint(alert->done_rounds, ==, 1);
    go(rig, 70 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 2);
    g_assert_cmpstr(sound(rig, 1)->lead, ==, "flood");
    bc_alerts_stop(rig->alerts, alert->id, "xa", true, "Nước đã rút.", on_done, &stopped);
    const BcAlert *clear = get(rig, &stopped);
    g_assert_true(sound(rig, 1)->over);
    g_assert_cmpint(alert->state, ==, BC_ALERT_STOPPED);
    g_assert_cmpstr(clear->kind, ==, "all-clear");
    g_assert_cmpstr(clear->words, ==, "Nước đã rút.");
    bc_alerts_stop(rig->alerts, alert->id, "xa", false, NULL, on_done, &cleared);
    g_assert_error(cleared.error, BC_ERROR, BC_ERROR_STATE);
    g_clear_error(&cleared.error);
    bc_alerts_emergency(rig->alerts, &(BcEmergency){.areas = areas, .siren = BC_SIREN_CHIME, .room = "giao-ban", .created_by = "xa"}, on_done, &room);
    const BcAlert *live_one = get(rig, &room);
    go(rig, 16 * S);
    g_assert_cmpstr(sound(rig, rig->sounds->len - 1)->room, ==, "giao-ban");
    go(rig, 3600 * S);
    g_assert_cmpint(live_one->state, ==, BC_ALERT_EXPIRED);
    bc_alerts_emergency(rig->alerts, &(BcEmergency){.areas = areas, .siren = BC_SIREN_NONE}, on_done, &wrong);
    g_assert_error(wrong.error, BC_ERROR, BC_ERROR_INVALID);
    g_clear_error(&wrong.error);
    rig_free(rig);
}

/* Whatever was handed to the store has been written, and told. */
static void settle(Rig *rig)
{
    g_assert_true(md_store_write_sync(rig->store, nothing, NULL, NULL));
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* Every day at 09:00 in Hà Tĩnh; after a restart within its minute it is not heard again. */
static void test_calendar(void)
{
    Rig *rig = rig_new();
    static const char *const areas[] = {"18073", NULL};
    const BcDrillPlan plan = {"sang", areas, "2026-11-23T09:00:00", "FREQ=DAILY", "Asia/Ho_Chi_Minh", "Kiểm tra."};
    g_autoptr(GError) error = NULL;
    BcDrills *drills = bc_drills_new(rig->alerts, rig->timers, &plan, 1, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpint(bc_drills_next_us(drills), ==, T0 + 6 * 3600 * S);
    md_virtual_clock_advance(&rig->clock, 6 * 3600 * S);
    for (unsigned i = 0; i < 2; i++) {
        bc_timers_run(rig->timers);
        settle(rig);
        g_assert_cmpuint(rig->sounds->len, ==, 1);
        g_assert_true(sound(rig, 0)->drill);
        go(rig, S);
        bc_drills_free(drills);
        md_virtual_clock_advance(&rig->clock, -2 * S); /* the clock is set back: the same moment comes again */
        drills = bc_drills_new(rig->alerts, rig->timers, &plan, 1, NULL, &error);
        g_assert_no_error(error);
        md_virtual_clock_advance(&rig->clock, 2 * S);
    }
    g_autoptr(GPtrArray) all = bc_alerts_list(rig->alerts);
    g_assert_cmpuint(all->len, ==, 1);
    g_assert_cmpint(bc_drills_next_us(drills), <=, T0 + 30 * 3600 * S);
    bc_drills_free(drills);
    const BcDrillPlan bad = {"hong", areas, "2026-11-23T25:00:00", NULL, "Asia/Ho_Chi_Minh", NULL};
    g_assert_null(bc_drills_new(rig->alerts, rig->timers, &bad, 1, NULL, &error));
    g_assert_nonnull(strstr(error->message, "drill hong"));
    rig_free(rig);
}

/* Stop-all of an area ends what sounds there alone, in a pause too; not what others hear as well. */
static void test_stop_all(void)
{
    Rig *rig = rig_new();
    const BcAlert *one = take(rig, &(Cap){.id = "s1"});
    const BcAlert *both = take(rig, &(Cap){.id = "s2", .area = "<geocode><valueName>GSO</valueName><value>42</value></geocode>"});
    go(rig, 30 * S);
    g_assert_cmpint(one->phase, ==, 0); /* between two rounds */
    bc_alerts_on_broadcast("area.stopped", &(BcRun){.id = "", .areas = "18073", .state = "stopped"}, rig->alerts);
    g_assert_cmpint(one->state, ==, BC_ALERT_STOPPED);
    g_assert_cmpint(both->state, ==, BC_ALERT_SOUNDING);
    unsigned n = rig->sounds->len;
    go(rig, 140 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n + 1);
    g_assert_cmpstr(sound(rig, n)->areas, ==, "42");
    rig_free(rig);
}

/* Rounds are as old as their alert: a newer one is not cut off by them, and what stopped an area keeps silent there (the stage asks). */
static void test_order(void)
{
    Rig *rig = rig_new();
    take(rig, &(Cap){.id = "o1", .area = "<geocode><valueName>GSO</valueName><value>42</value></geocode>"});
    go(rig, 200 * S);
    g_assert_cmpuint(rig->sounds->len, >=, 3);
    for (unsigned i = 0; i < rig->sounds->len; i++)
        g_assert_cmpint(sound(rig, i)->made_us, ==, T0);
    rig_free(rig);
}

static unsigned all_clears(Rig *rig, const BcAlert **ret)
{
    g_autoptr(GPtrArray) all = bc_alerts_list(rig->alerts);
    unsigned n = 0;
    for (unsigned i = 0; i < all->len; i++)
        if (g_str_equal(((const BcAlert *)all->pdata[i])->kind, "all-clear") && ++n)
            *ret = all->pdata[i];
    return n;
}

/* One cancel, one all-clear, wherever any part was heard; a second cancel of the same is silent; what nobody heard has none. */
static void test_all_clear(void)
{
    Rig *rig = rig_new();
    const BcAlert *clear = NULL;
    static const char two[] = "</area></info><info><language>vi</language><category>Met</category><event>Bão</event><urgency>Expected</urgency>"
                              "<severity>Severe</severity><certainty>Likely</certainty><headline>b</headline><area><areaDesc>y</areaDesc>"
                              "<geocode><valueName>GSO</valueName><value>18100</value></geocode>";
    g_autofree char *areas = g_strconcat("<geocode><valueName>GSO</valueName><value>18073</value></geocode>", two, NULL);
    take(rig, &(Cap){.id = "c1", .area = areas});
    go(rig, 2 * S);
    take(rig, &(Cap){.id = "c2", .type = "Cancel", .references = "c1", .area = areas});
    go(rig, 5 * S);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_usleep(100000);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(all_clears(rig, &clear), ==, 1);
    g_assert_cmpstr(clear->areas, ==, "18073,18100");
    take(rig, &(Cap){.id = "c3", .type = "Cancel", .references = "c1", .area = areas});
    g_usleep(100000);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(all_clears(rig, &clear), ==, 1);
    Answer none = {0};
    g_autofree char *unheard = g_strdup(take(rig, &(Cap){.id = "c4", .status = "Test"})->id);
    bc_alerts_stop(rig->alerts, unheard, "x", true, "Cháy!", on_done, &none);
    g_assert_error(none.error, BC_ERROR, BC_ERROR_STATE);
    g_clear_error(&none.error);
    rig_free(rig);
}

/* An emergency that cannot be played at once is tried as long as it holds; a meeting that is not there brings no siren each time. */
static void test_tried_again(void)
{
    Rig *rig = rig_new();
    rig->broken = 9;
    const BcAlert *alert = take(rig, &(Cap){.id = "f1", .expires_s = 7200});
    go(rig, 300 * S);
    g_assert_cmpuint(rig->broken, ==, 0);
    g_assert_cmpuint(rig->sounds->len, >, 0);
    g_assert_cmpint(alert->state, ==, BC_ALERT_SOUNDING);
    bc_alerts_stop(rig->alerts, alert->id, "x", false, NULL, NULL, NULL);
    static const char *const areas[] = {"18073", NULL};
    unsigned n = rig->sounds->len;
    Answer answer = {0};
    bc_alerts_emergency(rig->alerts, &(BcEmergency){.areas = areas, .siren = BC_SIREN_URGENT, .room = "hop", .created_by = "x"}, on_done, &answer);
    const BcAlert *live = get(rig, &answer);
    rig->broken = 100;
    go(rig, 120 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n + 1); /* the siren, once */
    g_assert_cmpint(live->state, ==, BC_ALERT_STOPPED);
    g_assert_nonnull(strstr(live->reason, "no such meeting"));
    rig_free(rig);
}

/* Quiet hours: an emergency sounds; what is real but none waits for the morning; a drill is refused, by day it is not. */
static void test_quiet(void)
{
    Rig *rig = rig_new();
    static const char *const areas[] = {"18073", NULL};
    const BcEmergency drill = {.kind = "drill", .areas = areas, .siren = BC_SIREN_URGENT, .created_by = "x"};
    Answer refused = {0}, taken = {0};
    rig->quiet_until_us = T0 + 600 * S;
    bc_alerts_emergency(rig->alerts, &drill, on_done, &refused);
    g_assert_error(refused.error, BC_ERROR, BC_ERROR_STATE);
    g_clear_error(&refused.error);
    const BcAlert *exercise = take(rig, &(Cap){.id = "q1", .status = "Exercise"});
    g_assert_cmpint(exercise->state, ==, BC_ALERT_STOPPED);
    const BcAlert *frost = take(rig, &(Cap){.id = "q2", .severity = "Moderate", .event = "Rét"});
    g_assert_cmpint(frost->state, ==, BC_ALERT_SOUNDING);
    g_assert_cmpstr(frost->note, ==, "waits for the end of quiet hours");
    go(rig, 599 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 0);
    const BcAlert *storm = take(rig, &(Cap){.id = "q3"});
    g_assert_cmpint(storm->state, ==, BC_ALERT_SOUNDING);
    g_assert_cmpuint(rig->sounds->len, ==, 1);
    go(rig, 2 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 2);
    g_assert_cmpstr(sound(rig, 1)->lead, ==, "chime");
    bc_alerts_emergency(rig->alerts, &drill, on_done, &taken);
    g_assert_cmpint(get(rig, &taken)->state, ==, BC_ALERT_SOUNDING);
    g_assert_true(sound(rig, rig->sounds->len - 1)->drill);
    rig_free(rig);
}

/* An old message that says nothing of its end, found in a feed or sent again, is over; a source cannot fill the air. */
static void test_old_and_many(void)
{
    Rig *rig = rig_new();
    static const char text[] = "<alert xmlns=\"" BC_CAP_NS "\"><identifier>old-1</identifier><sender>dai</sender><sent>2026-11-20T03:00:00+07:00</sent>"
                               "<status>Actual</status><msgType>Alert</msgType><scope>Public</scope><info><language>vi</language><category>Met</category>"
                               "<event>Bão</event><urgency>Immediate</urgency><severity>Extreme</severity><certainty>Observed</certainty></info></alert>";
    Answer answer = {0};
    bc_alerts_take_cap(rig->alerts, &weather, text, strlen(text), on_done, &answer);
    g_assert_cmpint(get(rig, &answer)->state, ==, BC_ALERT_EXPIRED);
    g_assert_cmpuint(rig->sounds->len, ==, 0);
    for (unsigned i = 0; i <= BC_ALERTS_OPEN_MAX; i++) {
        g_autofree char *id = g_strdup_printf("m%u", i);
        Answer one = send_from(rig, &weather, &(Cap){.id = id, .effective_s = 3000, .expires_s = 7000});
        if (i < BC_ALERTS_OPEN_MAX)
            g_assert_no_error(one.error);
        else
            g_assert_error(one.error, BC_ERROR, BC_ERROR_LIMIT);
        g_clear_error(&one.error);
        g_free(one.id);
    }
    g_assert_cmpint(take(rig, &(Cap){.id = "mc", .type = "Cancel", .references = "m1"})->state, ==, BC_ALERT_STORED);
    rig_free(rig);
}

/* A shape around the middle of the province is not the whole province. */
static void test_middle(void)
{
    Rig *rig = rig_new();
    bc_alerts_put_centre(rig->alerts, "42", (BcCapPoint){18.3420, 105.9030});
    g_assert_cmpstr(take(rig, &(Cap){.id = "mid", .area = "<circle>18.3419,105.9029 1</circle>"})->areas, ==, "18073");
    rig_free(rig);
}

static void test_percentiles(void)
{
    const int64_t us[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
    g_assert_cmpint(bc_alert_percentile(us, 20, 50), ==, 10);
    g_assert_cmpint(bc_alert_percentile(us, 20, 95), ==, 19);
    g_assert_cmpint(bc_alert_percentile(us, 20, 100), ==, 20);
    g_assert_cmpint(bc_alert_percentile(us, 1, 50), ==, 1);
    g_assert_cmpint(bc_alert_percentile(us, 0, 50), ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/alert/alerts/rounds", test_rounds);
    g_test_add_func("/alert/alerts/expiry", test_expiry);
    g_test_add_func("/alert/alerts/replaced", test_replaced);
    g_test_add_func("/alert/alerts/drills", test_drills);
    g_test_add_func("/alert/alerts/lives", test_lives);
    g_test_add_func("/alert/alerts/places", test_places);
    g_test_add_func("/alert/alerts/button", test_button);
    g_test_add_func("/alert/alerts/calendar", test_calendar);
    g_test_add_func("/alert/alerts/stop-all", test_stop_all);
    g_test_add_func("/alert/alerts/adopted", test_adopted);
    g_test_add_func("/alert/alerts/order", test_order);
    g_test_add_func("/alert/alerts/all-clear", test_all_clear);
    g_test_add_func("/alert/alerts/tried-again", test_tried_again);
    g_test_add_func("/alert/alerts/quiet", test_quiet);
    g_test_add_func("/alert/alerts/old-and-many", test_old_and_many);
    g_test_add_func("/alert/alerts/middle", test_middle);
    g_test_add_func("/alert/alerts/percentiles", test_percentiles);
    return g_test_run();
}
