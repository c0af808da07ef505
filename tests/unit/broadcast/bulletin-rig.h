/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/bulletin/inboxes.h"
#include <glib/gstdio.h>
#include <string.h>

/* Bulletins over a real broadcast room and store on a clock turned by hand. Nobody is rung: the loudspeakers are not registered. The
 * speech program is a script that writes a tone whose length grows with the text. */
#define S ((int64_t)1000000)
#define T0 (1795384800 * S) /* 2026-11-23 05:00 in Hà Tĩnh */

typedef struct BulletinRig {
    MdVirtualClock clock;
    MdWorker *worker;
    MdMailbox *control;
    MdDialer dialer;
    char *dir, *speech;
    MdStore *store;
    BcBroadcast *b;
    BcAttachments *attachments;
    BcDictionary *dictionary;
    BcBulletins *bulletins;
    BcInboxes *inbox;
    bool own_approval, chime;
    GString *events;   /* "submitted b-…;" … */
    GString *inbox_events; /* "arrived 18100;" … */
    GString *runs;     /* "playing TITLE PRIORITY;" */
} BulletinRig;

typedef struct Outcome {
    bool done;
    int code;          /* BcError, -1: fine */
    char *message;
} Outcome;

static inline int64_t rig_wall(BulletinRig *rig)
{
    return md_clock_wall_us(&rig->clock.base);
}

static inline void on_outcome(const GError *error, void *user)
{
    Outcome *o = user;
    o->done = true;
    o->code = error ? error->domain == BC_ERROR ? error->code : 100 : -1;
    g_free(o->message);
    o->message = g_strdup(error ? error->message : NULL);
}

static inline void settle(BulletinRig *rig)
{
    for (unsigned quiet = 0; quiet < 3;) {
        bool busy = bc_broadcast_pending(rig->b) || bc_bulletins_pending(rig->bulletins) || bc_attachments_pending(rig->attachments) ||
                    (rig->inbox && bc_inboxes_pending(rig->inbox));
        md_mailbox_drain(rig->control, 0);
        quiet = g_main_context_iteration(NULL, busy) ? 0 : quiet + 1;
    }
}

static inline int wait_outcome(Outcome *o)
{
    while (!o->done)
        g_main_context_iteration(NULL, TRUE);
    o->done = false;
    return o->code;
}

static inline void advance(BulletinRig *rig, int64_t us)
{
    for (int64_t left = us; left > 0; left -= S) {
        md_virtual_clock_advance(&rig->clock, MIN(left, S));
        bc_broadcast_step(rig->b);
        md_worker_step(rig->worker);
        settle(rig);
    }
}

static inline MdCall *rig_dial(MdDialer *dialer, const MdDialRequest *request, const MdCallHandler *handler, void *user, GError **error)
{
    g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "nobody is rung in this test");
    return NULL;
}

static inline bool rig_registered(MdDialer *dialer, const char *account)
{
    return false;
}

static inline void on_rig_bulletin(const char *type, const BcBulletin *bulletin, void *user)
{
    g_string_append_printf(((BulletinRig *)user)->events, "%s;", strchr(type, '.') + 1);
}

static inline void on_rig_run(const char *type, const BcRun *run, void *user)
{
    if (g_str_has_prefix(type, "announcement.playing"))
        g_string_append_printf(((BulletinRig *)user)->runs, "%s %s %s;", run->title, bc_priority_to_string(run->priority), run->areas);
}

static inline void on_rig_inbox(const char *type, const BcInboxItem *item, void *user)
{
    g_string_append_printf(((BulletinRig *)user)->inbox_events, "%s %s;", strchr(type, '.') + 1, item->area);
}

static inline void rig_open(BulletinRig *rig)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(rig->dir, "db", NULL), *content = g_build_filename(rig->dir, "content", NULL);
    g_autofree char *attached = g_build_filename(rig->dir, "attachments", NULL);
    const char *const speech[] = {rig->speech, NULL};
    g_autoptr(GArray) migrations = g_array_new(FALSE, FALSE, sizeof(MdMigration));
    g_array_append_vals(migrations, bc_migrations, bc_n_migrations);
    g_array_append_vals(migrations, bc_bulletin_migrations, bc_bulletin_n_migrations);
    rig->store = md_store_open(path, (const MdMigration *)migrations->data, migrations->len, NULL, &error);
    g_assert_no_error(error);
    rig->b = bc_broadcast_new(&(BcBroadcastOptions){.store = rig->store, .dialer = &rig->dialer, .workers = &rig->worker, .n_workers = 1,
                                                    .control = rig->control, .clock = &rig->clock.base, .local_host = "127.0.0.1",
                                                    .content_dir = content, .speech_command = speech, .lead_s = 2,
                                                    .security = MD_SECURITY_PREFERRED, .manual = true},
                              &error);
    g_assert_no_error(error);
    bc_broadcast_add_listener(rig->b, on_rig_run, rig);
    rig->attachments = bc_attachments_new(rig->store, &(BcAttachmentOptions){.dir = attached, .image_max_bytes = 4096, .duration_max_us = 20 * S,
                                                                             .clock = &rig->clock.base}, &error);
    g_assert_no_error(error);
    rig->dictionary = bc_dictionary_new(rig->store, bc_broadcast_areas(rig->b), &error);
    g_assert_no_error(error);
    rig->bulletins = bc_bulletins_new(rig->b, rig->store, &(BcBulletinOptions){.attachments = rig->attachments, .dictionary = rig->dictionary,
                                                                               .own_approval = rig->own_approval, .chime = rig->chime}, &error);
    g_assert_no_error(error);
    bc_bulletins_add_listener(rig->bulletins, on_rig_bulletin, rig);
    rig->inbox = bc_inboxes_new(rig->bulletins, rig->store, &(BcInboxesOptions){.decide_s = 600, .remind_s = 3600}, &error);
    g_assert_no_error(error);
    bc_inboxes_set_event(rig->inbox, on_rig_inbox, rig);
    settle(rig);
}

static inline void rig_close(BulletinRig *rig)
{
    g_clear_pointer(&rig->inbox, bc_inboxes_free);
    bc_bulletins_free(rig->bulletins);
    bc_dictionary_unref(rig->dictionary);
    bc_attachments_free(rig->attachments);
    bc_broadcast_free(rig->b);
    md_store_close(rig->store);
}

static inline void put_area(BulletinRig *rig, const char *code, const char *kind, const char *parent)
{
    Outcome o = {0};
    bc_areas_put(bc_broadcast_areas(rig->b), &(BcArea){.code = code, .kind = kind, .parent = parent, .name = code}, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
}

static inline void put_speaker(BulletinRig *rig, const char *id, const char *area)
{
    Outcome o = {0};
    bc_devices_put(bc_broadcast_devices(rig->b), &(BcDevice){.id = id, .name = id, .area = area, .latitude = 18, .longitude = 105, .volume = 80,
                                                             .enabled = true}, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
}

static inline void rig_init(BulletinRig *rig)
{
    static const char script[] = "#!/bin/sh\nn=$(wc -c)\nexec ffmpeg -nostdin -v error -f lavfi -i \"sine=$(( 300 + n )):r=16000:d=$(( n / 20 + 1 ))\" -f wav -\n";
    *rig = (BulletinRig){.dialer = {rig_dial, rig_registered}};
    md_virtual_clock_init(&rig->clock, 100 * S, T0 - 3600 * S);
    rig->worker = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &rig->clock.base});
    rig->control = md_mailbox_new(1024);
    rig->dir = g_dir_make_tmp("bc-bulletin-XXXXXX", NULL);
    rig->speech = g_build_filename(rig->dir, "speak", NULL);
    g_assert_true(g_file_set_contents(rig->speech, script, -1, NULL));
    g_assert_cmpint(g_chmod(rig->speech, 0700), ==, 0);
    rig->events = g_string_new(NULL);
    rig->runs = g_string_new(NULL);
    rig->inbox_events = g_string_new(NULL);
    rig_open(rig);
    put_area(rig, "42", "tinh", NULL);
    put_area(rig, "18073", "phuong", "42");
    put_area(rig, "18100", "xa", "42");
    put_area(rig, "18100.1", "thon", "18100");
    put_speaker(rig, "loa-73", "18073");
    put_speaker(rig, "loa-100", "18100.1");
}

static inline void rig_clear(BulletinRig *rig)
{
    rig_close(rig);
    md_worker_free(rig->worker);
    md_mailbox_free(rig->control);
    g_autofree char *command = g_strdup_printf("rm -rf %s", rig->dir);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_string_free(rig->events, TRUE);
    g_string_free(rig->runs, TRUE);
    g_string_free(rig->inbox_events, TRUE);
    g_free(rig->dir);
    g_free(rig->speech);
}

/* --- short ways --- */

static const BcWho editor = {"bien-tap", "18100"}, chief = {"truong-ban", "18100"}, province = {"so", NULL}, other = {"nguoi-la", "18073"};

static inline char *create(BulletinRig *rig, const char *area, const BcBulletinFields *fields, const BcWho *who)
{
    Outcome o = {0};
    char *id = NULL;
    bc_bulletins_create(rig->bulletins, area, fields, who, &id, on_outcome, &o);
    int code = wait_outcome(&o);
    if (code != -1)
        g_test_message("%s", o.message);
    g_assert_cmpint(code, ==, -1);
    settle(rig);
    return id;
}

static inline int act(BulletinRig *rig, const char *id, int64_t revision, BcBulletinAct what, const char *note, const BcWho *who, char **ret_message)
{
    Outcome o = {0};
    bc_bulletins_act(rig->bulletins, id, revision, what, note, who, on_outcome, &o);
    int code = wait_outcome(&o);
    if (o.message)
        g_test_message("%s", o.message);
    if (ret_message)
        *ret_message = o.message;
    else
        g_free(o.message);
    settle(rig);
    return code;
}

static inline void approve(BulletinRig *rig, const char *id, const BcWho *writer, const BcWho *approver)
{
    g_assert_cmpint(act(rig, id, 0, BC_ACT_SUBMIT, NULL, writer, NULL), ==, -1);
    g_assert_cmpint(act(rig, id, 0, BC_ACT_APPROVE, NULL, approver, NULL), ==, -1);
}

static inline const BcBulletin *get(BulletinRig *rig, const char *id)
{
    const BcBulletin *bulletin = bc_bulletins_find(rig->bulletins, id);
    g_assert_nonnull(bulletin);
    return bulletin;
}

static inline const char *state_of(BulletinRig *rig, const char *id)
{
    return bc_bulletin_state_to_string(get(rig, id)->state);
}
