/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bulletin's way from draft to archive: states, people, versions, several people at once, restarts, and what may sound. */
#include "tests/unit/broadcast/bulletin-rig.h"

static const char *const own_areas[] = {"18100", NULL};

static BcBulletinFields text_fields(const char *title, const char *text)
{
    return (BcBulletinFields){.kind = BC_BULLETIN_TEXT, .title = title, .text = text, .areas = own_areas};
}

static int edit(BulletinRig *rig, const char *id, int64_t revision, const BcBulletinFields *fields, const BcWho *who, char **ret_message)
{
    Outcome o = {0};
    bc_bulletins_edit(rig->bulletins, id, revision, fields, who, on_outcome, &o);
    int code = wait_outcome(&o);
    if (ret_message)
        *ret_message = o.message;
    else
        g_free(o.message);
    settle(rig);
    return code;
}

static int schedule(BulletinRig *rig, const char *id, const char *start, const char *rule, const BcWho *who, char **ret_id)
{
    Outcome o = {0};
    BcBulletinWhen when = {.start_local = start, .rule = rule, .grace_s = 60};
    bc_bulletins_schedule(rig->bulletins, id, 0, &when, who, ret_id, on_outcome, &o);
    int code = wait_outcome(&o);
    if (o.message)
        g_test_message("%s", o.message);
    g_free(o.message);
    settle(rig);
    return code;
}

static void note_step(const BcBulletinStep *step, void *user)
{
    g_string_append_printf(user, "%s:%s:%s>%s%s%s|", step->what, step->who ? step->who : "-", step->from ? step->from : "", step->to,
                           step->note ? ":" : "", step->note ? step->note : "");
}

static void note_version(const BcBulletinVersion *version, void *user)
{
    g_string_append_printf(user, "%d:%s:%s|", (int)version->version, version->changed_by, version->fields.text);
}

static char *history(BulletinRig *rig, const char *id)
{
    GString *text = g_string_new(NULL);
    g_assert_true(bc_bulletins_history(rig->bulletins, id, 0, note_step, text, NULL));
    return g_string_free(text, FALSE);
}

/* Draft, submitted (spoken), returned, edited, submitted, approved by another, scheduled, played, archived. */
static void test_whole_way(void)
{
    BulletinRig rig;
    rig_init(&rig);
    BcBulletinFields fields = text_fields("Cắt nước", "Ngày mai cắt nước");
    g_autofree char *id = create(&rig, "18100", &fields, &editor);
    g_assert_cmpstr(state_of(&rig, id), ==, "draft");
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_APPROVE, NULL, &chief, NULL), ==, BC_ERROR_STATE);
    g_assert_cmpint(act(&rig, id, 1, BC_ACT_SUBMIT, NULL, &editor, NULL), ==, -1);
    g_assert_cmpstr(state_of(&rig, id), ==, "submitted");
    g_assert_nonnull(get(&rig, id)->now->content);
    g_assert_cmpint(edit(&rig, id, 0, &fields, &editor, NULL), ==, BC_ERROR_STATE);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_RETURN, NULL, &chief, NULL), ==, BC_ERROR_INVALID); /* without a reason */
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_RETURN, "giờ nào?", &chief, NULL), ==, -1);
    g_assert_cmpstr(get(&rig, id)->reason, ==, "giờ nào?");
    g_autofree char *first = g_strdup(get(&rig, id)->now->content);
    fields.text = "Ngày mai cắt nước từ 8 giờ";
    g_assert_cmpint(edit(&rig, id, 0, &fields, &editor, NULL), ==, -1);
    g_assert_cmpint(get(&rig, id)->version, ==, 2);
    g_assert_null(get(&rig, id)->now->content); /* said otherwise: to be spoken anew */
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_SUBMIT, NULL, &editor, NULL), ==, -1);
    g_assert_cmpstr(get(&rig, id)->now->content, !=, first);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_APPROVE, NULL, &editor, NULL), ==, BC_ERROR_FORBIDDEN); /* his own */
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_APPROVE, NULL, &chief, NULL), ==, -1);
    g_assert_cmpint(schedule(&rig, id, "2026-11-23T05:00:00", NULL, &editor, NULL), ==, -1);
    g_assert_cmpstr(state_of(&rig, id), ==, "approved");
    advance(&rig, 2 * S);
    g_assert_cmpstr(state_of(&rig, id), ==, "scheduled");
    advance(&rig, 3610 * S);
    advance(&rig, 120 * S);
    g_assert_cmpstr(rig.runs->str, ==, "Cắt nước normal 18100;");
    g_assert_cmpstr(state_of(&rig, id), ==, "played");
    g_assert_cmpint(get(&rig, id)->runs, ==, 1);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_ARCHIVE, NULL, &editor, NULL), ==, -1);
    g_assert_cmpint(edit(&rig, id, 0, &fields, &editor, NULL), ==, BC_ERROR_STATE);
    g_autofree char *way = history(&rig, id);
    g_test_message("%s", way);
    g_assert_true(g_str_has_prefix(way, "created:bien-tap:>draft|submitted:bien-tap:draft>submitted|returned:truong-ban:submitted>returned:giờ nào?|"
                                        "edited:bien-tap:returned>draft:text, content|submitted:bien-tap:draft>submitted|"
                                        "approved:truong-ban:submitted>approved|scheduled:-:approved>scheduled|played:-:scheduled>played:announcement a-"));
    g_assert_true(g_str_has_suffix(way, "archived:bien-tap:played>archived|"));
    g_autoptr(GString) versions = g_string_new(NULL);
    g_assert_true(bc_bulletins_versions(rig.bulletins, id, note_version, versions, NULL));
    g_assert_cmpstr(versions->str, ==, "1:bien-tap:Ngày mai cắt nước|2:bien-tap:Ngày mai cắt nước từ 8 giờ|");
    rig_clear(&rig);
}

/* An approved bulletin that is edited: what was approved goes on playing until the new version is approved; then the schedule plays that. */
static void test_new_version(void)
{
    BulletinRig rig;
    rig_init(&rig);
    BcBulletinFields fields = text_fields("Lịch tiêm", "Tiêm phòng thứ hai");
    g_autofree char *id = create(&rig, "18100", &fields, &editor), *s = NULL;
    approve(&rig, id, &editor, &chief);
    g_autofree char *first = g_strdup(get(&rig, id)->approved->content);
    g_assert_cmpint(schedule(&rig, id, "2026-11-23T05:00:00", "FREQ=DAILY", &editor, &s), ==, -1);
    fields.text = "Tiêm phòng dời sang thứ ba tuần này";
    g_assert_cmpint(edit(&rig, id, 0, &fields, &editor, NULL), ==, -1);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_SUBMIT, NULL, &editor, NULL), ==, -1);
    g_autofree char *second = g_strdup(get(&rig, id)->now->content), *why = NULL;
    g_assert_true(bc_bulletins_content_ok(rig.bulletins, first, rig_wall(&rig), NULL));
    g_assert_false(bc_broadcast_content_ok(rig.b, second, rig_wall(&rig), &why));
    g_assert_nonnull(strstr(why, "not approved"));
    advance(&rig, 5 * S);
    g_assert_cmpstr(bc_schedules_find(bc_broadcast_schedules(rig.b), s)->content, ==, first);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_APPROVE, NULL, &chief, NULL), ==, -1);
    advance(&rig, 5 * S);
    g_assert_cmpstr(bc_schedules_find(bc_broadcast_schedules(rig.b), s)->content, ==, second);
    g_assert_false(bc_bulletins_content_ok(rig.bulletins, first, rig_wall(&rig), NULL));
    g_assert_true(bc_bulletins_content_ok(rig.bulletins, second, rig_wall(&rig), NULL));
    g_assert_cmpstr(state_of(&rig, id), ==, "scheduled");
    /* taken back: nothing of it is scheduled any more */
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_WITHDRAW, "nhầm", &chief, NULL), ==, -1);
    advance(&rig, 5 * S);
    g_assert_null(bc_schedules_find(bc_broadcast_schedules(rig.b), s));
    g_assert_false(bc_bulletins_content_ok(rig.bulletins, second, rig_wall(&rig), NULL));
    rig_clear(&rig);
}

/* Nobody's work is lost because two people have it open. */
static void test_two_at_once(void)
{
    BulletinRig rig;
    rig_init(&rig);
    BcBulletinFields fields = text_fields("Họp dân", "Tám giờ");
    g_autofree char *id = create(&rig, "18100", &fields, &editor), *message = NULL;
    int64_t read = get(&rig, id)->revision;
    fields.text = "Chín giờ";
    fields.summary = "họp";
    g_assert_cmpint(edit(&rig, id, read, &fields, &chief, NULL), ==, -1);
    fields.text = "Bảy giờ";
    g_assert_cmpint(edit(&rig, id, read, &fields, &editor, &message), ==, BC_ERROR_CHANGED);
    g_test_message("%s", message);
    g_assert_nonnull(strstr(message, "edited by truong-ban"));
    g_assert_nonnull(strstr(message, "summary, text"));
    g_assert_cmpstr(get(&rig, id)->now->text, ==, "Chín giờ");
    /* at the same moment: both asked before either was written */
    Outcome a = {0}, b = {0};
    read = get(&rig, id)->revision;
    fields.text = "Một";
    bc_bulletins_edit(rig.bulletins, id, read, &fields, &editor, on_outcome, &a);
    fields.text = "Hai";
    bc_bulletins_edit(rig.bulletins, id, read, &fields, &chief, on_outcome, &b);
    g_assert_cmpint(wait_outcome(&a), ==, -1);
    g_assert_cmpint(wait_outcome(&b), ==, BC_ERROR_CHANGED);
    g_assert_cmpstr(get(&rig, id)->now->text, ==, "Một");
    g_assert_cmpint(get(&rig, id)->revision, ==, read + 1);
    g_free(a.message);
    g_free(b.message);
    /* nothing differs: no version is made */
    fields.text = "Một";
    int64_t version = get(&rig, id)->version;
    g_assert_cmpint(edit(&rig, id, 0, &fields, &editor, NULL), ==, -1);
    g_assert_cmpint(get(&rig, id)->version, ==, version);
    rig_clear(&rig);
}

/* Areas: whose it is, for whom, and who may touch it. */
static void test_areas(void)
{
    BulletinRig rig;
    rig_init(&rig);
    static const char *const elsewhere[] = {"18073", NULL}, *const nowhere[] = {"99", NULL};
    BcBulletinFields fields = text_fields("Tin", "Nội dung");
    g_autofree char *id = create(&rig, "18100", &fields, &editor);
    g_assert_cmpint(edit(&rig, id, 0, &fields, &other, NULL), ==, BC_ERROR_FORBIDDEN);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_SUBMIT, NULL, &other, NULL), ==, BC_ERROR_FORBIDDEN);
    fields.areas = elsewhere;
    g_assert_cmpint(edit(&rig, id, 0, &fields, &editor, NULL), ==, BC_ERROR_FORBIDDEN);
    fields.areas = nowhere;
    g_assert_cmpint(edit(&rig, id, 0, &fields, &editor, NULL), ==, BC_ERROR_NOT_FOUND);
    Outcome o = {0};
    fields.areas = NULL;
    bc_bulletins_create(rig.bulletins, "42", &fields, &editor, NULL, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, BC_ERROR_FORBIDDEN);
    g_free(o.message);
    g_autofree char *above = create(&rig, "42", &fields, &province);
    g_assert_cmpint(get(&rig, above)->origin, ==, BC_FROM_PROVINCE);
    g_assert_cmpstr(get(&rig, above)->now->areas[0], ==, "42");
    rig_clear(&rig);
}

/* What is missing or beyond its limits is said, with the field. */
static void test_refusals(void)
{
    BulletinRig rig;
    rig_init(&rig);
    g_autofree char *long_text = g_strnfill(BC_SPEECH_TEXT_MAX + 1, 'a');
    const struct {
        BcBulletinFields fields;
        int code;
        const char *word;
    } cases[] = {{{.title = "", .text = "x"}, BC_ERROR_INVALID, "title"},
                 {{.title = "t", .text = long_text}, BC_ERROR_INVALID, "it has 20001"},
                 {{.title = "t", .subject = "77"}, BC_ERROR_INVALID, "subject"},
                 {{.title = "t", .from_us = 5, .to_us = 4}, BC_ERROR_INVALID, "to_us"},
                 {{.title = "t", .to_us = 4, .asked_us = 5}, BC_ERROR_INVALID, "asked_us"},
                 {{.title = "t", .priority = 9}, BC_ERROR_INVALID, "priority"},
                 {{.title = "t", .content = "0000000000000000000000000000000000000000000000000000000000000000"}, BC_ERROR_NOT_FOUND, "recording"},
                 {{.title = "t", .attachments = own_areas}, BC_ERROR_NOT_FOUND, "upload it first"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Outcome o = {0};
        char *id = NULL;
        bc_bulletins_create(rig.bulletins, "18100", &cases[i].fields, &editor, &id, on_outcome, &o);
        g_assert_cmpint(wait_outcome(&o), ==, cases[i].code);
        g_test_message("%s", o.message);
        g_assert_nonnull(strstr(o.message, cases[i].word));
        g_assert_null(id);
        g_free(o.message);
    }
    static const struct {
        BcBulletinKind kind;
        const char *word;
    } whole[] = {{BC_BULLETIN_TEXT, "text"}, {BC_BULLETIN_IMAGE, "no image"}, {BC_BULLETIN_AUDIO, "neither"}, {BC_BULLETIN_VIDEO, "no video"},
                 {BC_BULLETIN_LIVE, "url"}, {BC_BULLETIN_RELAY, "url"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(whole); i++) {
        g_autofree char *id = create(&rig, "18100", &(BcBulletinFields){.kind = whole[i].kind, .title = "t"}, &editor), *message = NULL;
        g_assert_cmpint(act(&rig, id, 0, BC_ACT_SUBMIT, NULL, &editor, &message), ==, BC_ERROR_INVALID);
        g_assert_nonnull(strstr(message, whole[i].word));
    }
    g_autoptr(GPtrArray) all = bc_bulletins_list(rig.bulletins);
    g_assert_cmpuint(all->len, ==, G_N_ELEMENTS(whole)); /* nothing half done */
    rig_clear(&rig);
}

/* The end of validity: never scheduled, never played late, and what was scheduled goes. */
static void test_validity(void)
{
    BulletinRig rig;
    rig_init(&rig);
    BcBulletinFields fields = text_fields("Hội chợ", "Hội chợ hôm nay");
    fields.to_us = T0 + 1800 * S;
    g_autofree char *id = create(&rig, "18100", &fields, &editor), *s = NULL;
    approve(&rig, id, &editor, &chief);
    g_autofree char *content = g_strdup(get(&rig, id)->approved->content);
    g_assert_cmpint(schedule(&rig, id, "2026-11-23T06:00:00", NULL, &editor, NULL), !=, -1); /* after its end */
    g_assert_cmpint(schedule(&rig, id, "2026-11-23T05:29:00", "FREQ=DAILY", &editor, &s), ==, -1);
    g_assert_true(bc_bulletins_content_ok(rig.bulletins, content, T0, NULL));
    g_assert_false(bc_bulletins_content_ok(rig.bulletins, content, T0 + 1800 * S, NULL));
    /* submitted in time, approved too late */
    g_autofree char *late = create(&rig, "18100", &fields, &editor);
    g_assert_cmpint(act(&rig, late, 0, BC_ACT_SUBMIT, NULL, &editor, NULL), ==, -1);
    md_virtual_clock_advance(&rig.clock, 3600 * S + 1801 * S); /* mediad slept over all of it */
    g_assert_cmpint(act(&rig, late, 0, BC_ACT_APPROVE, NULL, &chief, NULL), ==, BC_ERROR_STATE);
    advance(&rig, 20 * S);
    g_assert_cmpstr(state_of(&rig, id), ==, "expired");
    g_assert_cmpstr(state_of(&rig, late), ==, "expired");
    g_assert_null(bc_schedules_find(bc_broadcast_schedules(rig.b), s));
    g_assert_cmpstr(rig.runs->str, ==, "");
    g_assert_cmpint(schedule(&rig, id, "2026-11-24T05:00:00", NULL, &editor, NULL), ==, BC_ERROR_STATE);
    /* brought back with a later end it needs approval again */
    fields.to_us = T0 + 86400 * S;
    g_assert_cmpint(edit(&rig, id, 0, &fields, &editor, NULL), ==, -1);
    g_assert_cmpint(get(&rig, id)->approved_version, ==, 0);
    g_assert_cmpint(schedule(&rig, id, "2026-11-24T04:00:00", NULL, &editor, NULL), ==, BC_ERROR_STATE);
    rig_clear(&rig);
}

/* The same database, another life: everything is there, and what was under way goes on. */
static void test_restart(void)
{
    BulletinRig rig;
    rig_init(&rig);
    BcBulletinFields fields = text_fields("Đại hội", "Đại hội xã");
    fields.subject = "4";
    fields.author = "Nguyễn Văn A";
    fields.summary = "dòng một\ndòng hai";
    fields.asked_us = T0;
    g_autofree char *id = create(&rig, "18100", &fields, &editor), *s = NULL;
    approve(&rig, id, &editor, &chief);
    fields.text = "Đại hội xã, bản hai dài hơn một chút";
    g_assert_cmpint(edit(&rig, id, 0, &fields, &editor, NULL), ==, -1);
    g_autofree char *first = g_strdup(get(&rig, id)->approved->content);
    int64_t revision = get(&rig, id)->revision;
    rig_close(&rig);
    rig_open(&rig);
    const BcBulletin *b = get(&rig, id);
    g_assert_cmpint(b->revision, ==, revision);
    g_assert_cmpint(b->version, ==, 2);
    g_assert_cmpint(b->approved_version, ==, 1);
    g_assert_cmpstr(b->now->text, ==, fields.text);
    g_assert_cmpstr(b->now->summary, ==, fields.summary);
    g_assert_cmpstr(b->now->subject, ==, "4");
    g_assert_cmpint(b->now->asked_us, ==, T0);
    g_assert_cmpstr(b->approved->text, ==, "Đại hội xã");
    g_assert_cmpstr(b->approved->content, ==, first);
    g_assert_cmpstr(b->approved_by, ==, "truong-ban");
    g_assert_true(bc_bulletins_content_ok(rig.bulletins, first, T0, NULL));
    g_assert_cmpint(schedule(&rig, id, "2026-11-23T05:00:00", NULL, &editor, &s), ==, -1); /* the approved version */
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_SUBMIT, NULL, &editor, NULL), ==, -1);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_APPROVE, NULL, &chief, NULL), ==, -1);
    /* killed before the schedule followed the new version: the next life does it */
    rig_close(&rig);
    rig_open(&rig);
    advance(&rig, 2 * S);
    g_assert_cmpstr(bc_schedules_find(bc_broadcast_schedules(rig.b), s)->content, ==, get(&rig, id)->approved->content);
    g_assert_cmpstr(bc_schedules_find(bc_broadcast_schedules(rig.b), s)->content, !=, first);
    g_autoptr(GPtrArray) subjects = bc_bulletins_subjects(rig.bulletins);
    g_assert_cmpuint(subjects->len, ==, 6);
    g_assert_cmpstr(((BcSubject *)subjects->pdata[5])->name, ==, "Gương người tốt, việc tốt");
    rig_clear(&rig);
}

/* An answer to feedback becomes a draft once. */
static void test_feedback(void)
{
    BulletinRig rig;
    rig_init(&rig);
    Outcome o = {0};
    g_autofree char *id = NULL, *again = NULL;
    bc_bulletins_create_draft(rig.bulletins, "18100", BC_FROM_FEEDBACK, "f-1", "Trả lời về rác", "Xe rác sẽ đến", &editor, &id, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
    g_assert_cmpint(get(&rig, id)->origin, ==, BC_FROM_FEEDBACK);
    g_assert_cmpstr(get(&rig, id)->external, ==, "f-1");
    bc_bulletins_create_draft(rig.bulletins, "18100", BC_FROM_FEEDBACK, "f-1", "Lần hai", "x", &editor, &again, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, BC_ERROR_EXISTS);
    g_assert_null(again);
    g_free(o.message);
    rig_clear(&rig);
}

/* A script that says what must not be: a bulletin whose version is not approved does not sound though somebody scheduled its recording. */
static void test_unapproved_is_silent(void)
{
    BulletinRig rig;
    rig_init(&rig);
    BcBulletinFields fields = text_fields("Chưa duyệt", "Chưa ai duyệt tin này");
    g_autofree char *id = create(&rig, "18100", &fields, &editor), *s = NULL;
    Outcome o = {0};
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_SUBMIT, NULL, &editor, NULL), ==, -1);
    bc_broadcast_put_schedule(rig.b, &(BcSchedule){.name = "lén", .content = get(&rig, id)->now->content, .areas = own_areas, .grace_s = 60,
                                                   .start_local = "2026-11-23T05:00:00", .priority = BC_NORMAL, .enabled = true}, &s, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
    advance(&rig, 3605 * S);
    g_assert_cmpstr(rig.runs->str, ==, "");
    g_assert_cmpstr(state_of(&rig, id), ==, "submitted");
    rig_clear(&rig);
}

/* Words stay one's own when somebody else adds to them and hands them in; once approved they are nobody's in particular. */
static void test_own_words(void)
{
    BulletinRig rig;
    rig_init(&rig);
    const BcWho second = {"pho-ban", "18100"};
    BcBulletinFields fields = text_fields("Thu phí", "Thu phí vệ sinh");
    g_autofree char *id = create(&rig, "18100", &fields, &chief);
    fields.summary = "thêm một dòng";
    g_assert_cmpint(edit(&rig, id, 0, &fields, &editor, NULL), ==, -1);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_SUBMIT, NULL, &editor, NULL), ==, -1);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_APPROVE, NULL, &chief, NULL), ==, BC_ERROR_FORBIDDEN);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_RETURN, "xem lại", &second, NULL), ==, -1);
    fields.text = "Thu phí vệ sinh từ tháng tới";
    g_assert_cmpint(edit(&rig, id, 0, &fields, &editor, NULL), ==, -1);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_SUBMIT, NULL, &editor, NULL), ==, -1);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_APPROVE, NULL, &chief, NULL), ==, BC_ERROR_FORBIDDEN);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_APPROVE, NULL, &second, NULL), ==, -1);
    fields.text = "Thu phí vệ sinh từ tháng sau nữa";
    g_assert_cmpint(edit(&rig, id, 0, &fields, &editor, NULL), ==, -1);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_SUBMIT, NULL, &editor, NULL), ==, -1);
    g_assert_cmpint(act(&rig, id, 0, BC_ACT_APPROVE, NULL, &chief, NULL), ==, -1);
    rig_clear(&rig);
}

/* An announcement that goes on after a restart is one; and one that begins while somebody writes is not forgotten. */
static void test_runs(void)
{
    BulletinRig rig;
    rig_init(&rig);
    BcBulletinFields fields = text_fields("Dài", "Một bản tin dài, dài hơn nhiều so với những bản tin khác, để còn nghe tiếp khi máy chủ chạy lại giữa chừng. "
                                                 "Một bản tin dài, dài hơn nhiều so với những bản tin khác, để còn nghe tiếp khi máy chủ chạy lại giữa chừng.");
    g_autofree char *id = create(&rig, "18100", &fields, &editor);
    approve(&rig, id, &editor, &chief);
    g_assert_cmpint(schedule(&rig, id, "2026-11-23T05:00:00", "FREQ=DAILY", &editor, NULL), ==, -1);
    advance(&rig, 3595 * S);
    for (unsigned i = 0; i < 20 && !rig.runs->len; i++) {
        g_autofree char *summary = g_strdup_printf("lần %u", i);
        md_virtual_clock_advance(&rig.clock, S);
        fields.summary = summary;
        BcBulletinFields f = fields;
        bc_bulletins_edit(rig.bulletins, id, 0, &f, &editor, NULL, NULL); /* is on its way while the announcement begins */
        bc_broadcast_step(rig.b);
        md_worker_step(rig.worker);
        settle(&rig);
    }
    g_assert_cmpstr(rig.runs->str, ==, "Dài normal 18100;");
    g_assert_cmpint(get(&rig, id)->runs, ==, 1);
    rig_close(&rig);
    rig_open(&rig);
    advance(&rig, 5 * S);
    g_assert_cmpstr(rig.runs->str, ==, "Dài normal 18100;Dài normal 18100;"); /* it went on */
    g_assert_cmpint(get(&rig, id)->runs, ==, 1);
    rig_clear(&rig);
}

/* What came from the central system is not written over by another way, nor by hand, nor taken back by who did not send it. */
static void test_central_is_kept(void)
{
    BulletinRig rig;
    rig_init(&rig);
    Outcome o = {0};
    BcBulletinFields fields = text_fields("Trung ương", "Tin của trung ương");
    fields.areas = NULL;
    char *id = NULL, *answer = NULL;
    bc_bulletins_receive(rig.bulletins, BC_FROM_CENTRAL, "tw-1", "42", &fields, "trung-uong", &id, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
    settle(&rig);
    fields.text = "Tin của ai đó";
    g_assert_cmpint(edit(&rig, id, 0, &fields, &province, NULL), ==, BC_ERROR_STATE);
    bc_bulletins_create_draft(rig.bulletins, "18100", BC_FROM_FEEDBACK, "f-1", "Trả lời", "Trả lời bà con", &editor, &answer, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
    settle(&rig);
    bc_bulletins_receive(rig.bulletins, BC_FROM_CENTRAL, "f-1", "42", &fields, "trung-uong", NULL, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, BC_ERROR_EXISTS);
    bc_bulletins_recall(rig.bulletins, "f-1", "sai", "trung-uong", on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, BC_ERROR_NOT_FOUND);
    g_assert_cmpstr(state_of(&rig, answer), ==, "draft");
    g_assert_cmpstr(get(&rig, answer)->now->text, ==, "Trả lời bà con");
    g_free(id);
    g_free(answer);
    g_free(o.message);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bulletin/whole-way", test_whole_way);
    g_test_add_func("/bulletin/new-version", test_new_version);
    g_test_add_func("/bulletin/two-at-once", test_two_at_once);
    g_test_add_func("/bulletin/areas", test_areas);
    g_test_add_func("/bulletin/refusals", test_refusals);
    g_test_add_func("/bulletin/validity", test_validity);
    g_test_add_func("/bulletin/restart", test_restart);
    g_test_add_func("/bulletin/own-words", test_own_words);
    g_test_add_func("/bulletin/runs", test_runs);
    g_test_add_func("/bulletin/central-is-kept", test_central_is_kept);
    g_test_add_func("/bulletin/feedback", test_feedback);
    g_test_add_func("/bulletin/unapproved-is-silent", test_unapproved_is_silent);
    return g_test_run();
}
