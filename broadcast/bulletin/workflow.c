/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of a bulletin: who may do what to it in which state. */
#include "broadcast/bulletin/private.h"

#include <string.h>

void bc_bulletin_fail(BcDoneFn done, void *user, BcError code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_autoptr(GError) error = g_error_new_literal(BC_ERROR, code, text);
    if (done)
        done(error, user);
}

static void fail_with(BcDoneFn done, void *user, const GError *error)
{
    if (done)
        done(error, user);
}

bool bc_who_may(const BcBulletins *b, const BcWho *who, const char *area)
{
    return !who->area || !*who->area || bc_areas_contains(bc_broadcast_areas(b->broadcast), who->area, area);
}

static bool own_area(const BcBulletins *b, const BcWho *who, const char *area, GError **error)
{
    if (bc_who_may(b, who, area))
        return true;
    g_set_error(error, BC_ERROR, BC_ERROR_FORBIDDEN, "%s works in area %s, not in %s", who->name ? who->name : "this account", who->area, area);
    return false;
}

/* --- somebody was faster --- */

static void describe(const BcBulletinStep *step, void *user)
{
    GString *text = user;
    g_autoptr(GDateTime) at = g_date_time_new_from_unix_utc(step->at_us / G_USEC_PER_SEC);
    g_autofree char *when = at ? g_date_time_format(at, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("?");
    if (text->len < 900)
        g_string_append_printf(text, "%s%s by %s at %s%s%s%s", text->len ? "; " : "", step->what, step->who ? step->who : "mediad", when,
                               step->note ? " (" : "", step->note ? step->note : "", step->note ? ")" : "");
}

bool bc_bulletins_revision_ok(BcBulletins *b, const BcBulletin *bulletin, int64_t revision, GError **error)
{
    if (!revision || revision == bulletin->revision)
        return true;
    g_autoptr(GString) text = g_string_new(NULL);
    bc_bulletins_history(b, bulletin->id, revision, describe, text, NULL);
    g_set_error(error, BC_ERROR, BC_ERROR_CHANGED, "bulletin %s is at revision %" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT "%s%s", bulletin->id,
                bulletin->revision, revision, text->len ? ": since then " : "", text->str);
    return false;
}

static const BcBulletin *look_up(BcBulletins *b, const char *id, int64_t revision, const BcWho *who, GError **error)
{
    const BcBulletin *bulletin = bc_bulletins_find(b, id);
    if (!bulletin)
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no bulletin %s", id ? id : "");
    else if (own_area(b, who, bulletin->area, error) && bc_bulletins_revision_ok(b, bulletin, revision, error))
        return bulletin;
    return NULL;
}

/* --- making and editing --- */

/* A recording is reviewed with the bulletin that has it: nobody may bind somebody else's to a draft of his own. */
static bool may_use_content(const BcBulletins *b, const BcWho *who, const char *content, GError **error)
{
    const BcContent *found = content ? bc_contents_find(b->contents, content) : NULL;
    const BcBulletin *owner = bc_bulletins_of_content(b, content);
    if (!found || !who->area || !*who->area || !g_strcmp0(found->created_by, who->name) || (owner && bc_who_may(b, who, owner->area)))
        return true;
    g_set_error(error, BC_ERROR, BC_ERROR_FORBIDDEN, "recording %s was made by somebody else: upload your own", content);
    return false;
}

static bool sound_request(BcBulletins *b, const char *area, const BcBulletinFields *fields, const BcWho *who, GError **error)
{
    if (!bc_areas_find(bc_broadcast_areas(b->broadcast), area)) {
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no area %s", area ? area : "");
        return false;
    }
    if (!own_area(b, who, area, error) || !bc_fields_check(b, fields, error) || !may_use_content(b, who, fields->content, error))
        return false;
    for (unsigned i = 0; fields->areas[i]; i++)
        if (!bc_areas_contains(bc_broadcast_areas(b->broadcast), area, fields->areas[i])) {
            g_set_error(error, BC_ERROR, BC_ERROR_FORBIDDEN, "area %s does not lie in %s, whose bulletin this is (\"areas\")", fields->areas[i], area);
            return false;
        }
    return true;
}

/* What was not asked for: the owner's whole area. */
static BcBulletinFields *complete(const char *area, const BcBulletinFields *fields)
{
    const char *own[] = {area, NULL};
    BcBulletinFields f = *fields;
    if (!f.areas || !f.areas[0])
        f.areas = own;
    return bc_fields_copy(&f);
}

static void create(BcBulletins *b, const char *area, BcBulletinOrigin origin, const char *external, BcBulletinState state,
                   const BcBulletinFields *from, const BcWho *who, char **ret_id, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(BcBulletinFields) fields = complete(area, from);
    if (!sound_request(b, area, fields, who, &error)) {
        fail_with(done, user, error);
        return;
    }
    if (g_hash_table_size(b->by_id) >= BC_BULLETINS_MAX) {
        bc_bulletin_fail(done, user, BC_ERROR_LIMIT, "there are %u bulletins already", BC_BULLETINS_MAX);
        return;
    }
    g_autofree char *id = bc_new_id("b");
    BcBulletin head = {.id = id, .area = area, .origin = origin, .external = external, .state = state, .version = 1, .now = fields,
                       .created_by = who->name, .changed_by = who->name, .created_us = bc_bulletins_wall_us(b)};
    BcChange *c = bc_change_new(b, &head, state == BC_BULLETIN_DRAFT ? "created" : "received", who->name, NULL, done, user);
    c->new_version = true;
    if (ret_id)
        *ret_id = g_strdup(id);
    bc_change_write(c);
}

void bc_bulletins_create(BcBulletins *b, const char *area, const BcBulletinFields *fields, const BcWho *who, char **ret_id, BcDoneFn done,
                         void *user)
{
    const BcArea *found = area ? bc_areas_find(bc_broadcast_areas(b->broadcast), area) : NULL;
    if (ret_id)
        *ret_id = NULL;
    create(b, area, found && !found->parent ? BC_FROM_PROVINCE : BC_FROM_OWN, NULL, BC_BULLETIN_DRAFT, fields, who, ret_id, done, user);
}

void bc_bulletins_create_draft(BcBulletins *b, const char *area, BcBulletinOrigin origin, const char *external, const char *title,
                               const char *text, const BcWho *who, char **ret_id, BcDoneFn done, void *user)
{
    BcBulletinFields fields = {.kind = BC_BULLETIN_TEXT, .title = title, .text = text};
    const BcBulletin *there = external ? bc_bulletins_find(b, g_hash_table_lookup(b->by_external, external)) : NULL;
    if (ret_id)
        *ret_id = NULL;
    if (there)
        bc_bulletin_fail(done, user, BC_ERROR_EXISTS, "bulletin %s was made of %s already", there->id, external);
    else
        create(b, area, origin, external, BC_BULLETIN_DRAFT, &fields, who, ret_id, done, user);
}

static bool may_edit(const BcBulletin *bulletin, GError **error)
{
    if (bulletin->state == BC_BULLETIN_SUBMITTED)
        g_set_error(error, BC_ERROR, BC_ERROR_STATE, "bulletin %s is being reviewed: have it returned first", bulletin->id);
    else if (bulletin->origin == BC_FROM_CENTRAL)
        g_set_error(error, BC_ERROR, BC_ERROR_STATE, "bulletin %s came from the central system, whose words are not changed here", bulletin->id);
    else if (bulletin->state == BC_BULLETIN_ARCHIVED)
        g_set_error(error, BC_ERROR, BC_ERROR_STATE, "bulletin %s is archived: make a new one", bulletin->id);
    else if (bulletin->version >= BC_BULLETIN_VERSIONS_MAX)
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "bulletin %s has %u versions already: make a new one", bulletin->id, BC_BULLETIN_VERSIONS_MAX);
    else
        return true;
    return false;
}

/* A text that is said otherwise loses the sound that was made of the former one. */
static void drop_old_sound(const BcBulletinFields *old, BcBulletinFields *new)
{
    if (new->kind == BC_BULLETIN_TEXT && new->content && !g_strcmp0(new->content, old->content) && g_strcmp0(new->text, old->text)) {
        g_free((char *)new->content);
        new->content = NULL;
    }
}

void bc_bulletins_edit(BcBulletins *b, const char *id, int64_t revision, const BcBulletinFields *from, const BcWho *who, BcDoneFn done,
                       void *user)
{
    g_autoptr(GError) error = NULL;
    const BcBulletin *bulletin = look_up(b, id, revision, who, &error);
    g_autoptr(BcBulletinFields) fields = bulletin ? complete(bulletin->area, from) : NULL;
    if (bulletin && may_edit(bulletin, &error))
        sound_request(b, bulletin->area, fields, who, &error);
    if (error) {
        fail_with(done, user, error);
        return;
    }
    drop_old_sound(bulletin->now, fields);
    g_autofree char *diff = bc_fields_diff(bulletin->now, fields);
    if (!diff) {
        fail_with(done, user, NULL);
        return;
    }
    BcChange *c = bc_change_new(b, bulletin, "edited", who->name, diff, done, user);
    if (c->after->state == BC_BULLETIN_WITHDRAWN || c->after->state == BC_BULLETIN_EXPIRED) {
        c->after->approved_version = 0;
        bc_fields_free((BcBulletinFields *)c->after->approved);
        c->after->approved = NULL;
    }
    bc_fields_free((BcBulletinFields *)c->after->now);
    c->after->now = g_steal_pointer(&fields);
    c->after->version++;
    c->after->state = BC_BULLETIN_DRAFT;
    g_free((char *)c->after->changed_by);
    c->after->changed_by = g_strdup(who->name);
    c->new_version = true;
    bc_change_write(c);
}

/* --- the steps --- */

#define IN(state) (1u << BC_BULLETIN_##state)
static const struct {
    const char *what;
    unsigned from;
    BcBulletinState to;
    bool note;
} acts[] = {
    [BC_ACT_SUBMIT] = {"submitted", IN(DRAFT) | IN(RETURNED), BC_BULLETIN_SUBMITTED, false},
    [BC_ACT_APPROVE] = {"approved", IN(SUBMITTED), BC_BULLETIN_APPROVED, false},
    [BC_ACT_RETURN] = {"returned", IN(SUBMITTED), BC_BULLETIN_RETURNED, true},
    [BC_ACT_WITHDRAW] = {"withdrawn", IN(DRAFT) | IN(SUBMITTED) | IN(RETURNED) | IN(APPROVED) | IN(SCHEDULED) | IN(PLAYED),
                         BC_BULLETIN_WITHDRAWN, true},
    [BC_ACT_ARCHIVE] = {"archived", IN(DRAFT) | IN(RETURNED) | IN(PLAYED) | IN(WITHDRAWN) | IN(EXPIRED), BC_BULLETIN_ARCHIVED, false},
};

static bool whole(const BcBulletins *b, const BcBulletinFields *f, GError **error)
{
    unsigned of_kind[BC_ATTACHED_MAX] = {0};
    const char *missing = NULL;
    for (unsigned i = 0; f->attachments[i]; i++) {
        const BcAttachment *a = bc_attachments_find(b->o.attachments, f->attachments[i]);
        if (a)
            of_kind[a->kind]++;
    }
    if (f->kind == BC_BULLETIN_TEXT && !f->text && !f->content)
        missing = "\"text\" is empty";
    else if (f->kind == BC_BULLETIN_IMAGE && !of_kind[BC_ATTACHED_IMAGE])
        missing = "no image is attached";
    else if (f->kind == BC_BULLETIN_AUDIO && !f->content && !of_kind[BC_ATTACHED_AUDIO])
        missing = "there is neither a recording (\"content\") nor sound attached";
    else if (f->kind == BC_BULLETIN_VIDEO && !of_kind[BC_ATTACHED_VIDEO])
        missing = "no video is attached";
    else if ((f->kind == BC_BULLETIN_LIVE || f->kind == BC_BULLETIN_RELAY) && !f->url)
        missing = "\"url\" does not say where it comes from";
    if (missing)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "the %s bulletin is not whole: %s", bc_bulletin_kind_to_string(f->kind), missing);
    return !missing;
}

/* Did that person write one of the versions that nobody has approved yet, or record what is to be heard? That somebody else wrote the last
 * one, or handed it in, does not make the words another's. True when it cannot be known. */
static bool wrote(const BcBulletins *b, const BcBulletin *bulletin, const char *name)
{
    const char *content = bulletin->now->kind == BC_BULLETIN_AUDIO ? bulletin->now->content : NULL;
    const BcContent *sound = content ? bc_contents_find(b->contents, content) : NULL;
    if (sound && !g_strcmp0(sound->created_by, name) && !(bulletin->approved && !g_strcmp0(bulletin->approved->content, content)))
        return true;
    g_autoptr(GError) error = NULL;
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(b->store), &error,
                                         "SELECT 1 FROM bc_bulletin_versions WHERE bulletin = $1 AND version > $2 AND changed_by = $3", "sis",
                                         bulletin->id, bulletin->approved_version, name);
    return !rows || md_rows_next(rows, &error) || error;
}

/* Nobody approves what he wrote himself, unless the setting says so. */
static bool may_approve(const BcBulletins *b, const BcBulletin *bulletin, const BcWho *who, GError **error)
{
    if (b->o.own_approval || !who->name)
        return true;
    if (g_strcmp0(who->name, bulletin->changed_by) && g_strcmp0(who->name, bulletin->submitted_by) && !wrote(b, bulletin, who->name))
        return true;
    g_set_error(error, BC_ERROR, BC_ERROR_FORBIDDEN, "%s wrote or submitted bulletin %s: somebody else must approve it (broadcast.own_approval)",
                who->name, bulletin->id);
    return false;
}

static bool may_act(BcBulletins *b, const BcBulletin *bulletin, BcBulletinAct act, const char *note, const BcWho *who, GError **error)
{
    int64_t now = bc_bulletins_wall_us(b), to = bulletin->now->to_us;
    if (!(acts[act].from & 1u << bulletin->state)) {
        g_set_error(error, BC_ERROR, BC_ERROR_STATE, "bulletin %s is %s: it cannot be %s now", bulletin->id, bc_bulletin_state_to_string(bulletin->state),
                    acts[act].what);
        return false;
    }
    if (acts[act].note && !note) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "\"reason\": why it is %s", acts[act].what);
        return false;
    }
    if (note && (strlen(note) > 1000 || !g_utf8_validate(note, -1, NULL))) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "\"reason\" must have at most 1000 bytes of text");
        return false;
    }
    if ((act == BC_ACT_SUBMIT || act == BC_ACT_APPROVE) && to && to <= now) {
        g_set_error(error, BC_ERROR, BC_ERROR_STATE, "the validity of bulletin %s is over: give it a later \"to_us\"", bulletin->id);
        return false;
    }
    if (act == BC_ACT_SUBMIT)
        return whole(b, bulletin->now, error);
    return act != BC_ACT_APPROVE || may_approve(b, bulletin, who, error);
}

static void set_text(const char **slot, const char *text)
{
    g_free((char *)*slot);
    *slot = g_strdup(text);
}

static void step(BcBulletins *b, const BcBulletin *bulletin, BcBulletinAct act, const char *note, const char *who, BcDoneFn done, void *user)
{
    BcChange *c = bc_change_new(b, bulletin, acts[act].what, who, note, done, user);
    BcBulletin *after = c->after;
    after->state = acts[act].to;
    if (act == BC_ACT_SUBMIT)
        set_text(&after->submitted_by, who);
    if (act == BC_ACT_RETURN || act == BC_ACT_WITHDRAW)
        set_text(&after->reason, note);
    if (act == BC_ACT_APPROVE) {
        set_text(&after->approved_by, who);
        after->approved_version = after->version;
        bc_fields_free((BcBulletinFields *)after->approved);
        after->approved = bc_fields_copy(after->now);
    }
    bc_change_write(c);
}

typedef struct Submit {
    BcBulletins *b;
    char *id, *who;
    int64_t revision;
    BcDoneFn done;
    void *user;
} Submit;

/* The sound is there: it belongs to this version, and the version is submitted, unless somebody was faster. */
static void on_sound(const char *content, const char *key, const GError *error, void *user)
{
    Submit *s = user;
    BcBulletins *b = s->b;
    const BcBulletin *bulletin = bc_bulletins_find(b, s->id);
    g_autoptr(GError) why = NULL;
    if (error)
        fail_with(s->done, s->user, error);
    else if (!bulletin || !bc_bulletins_revision_ok(b, bulletin, s->revision, &why))
        fail_with(s->done, s->user, why);
    else if (!content || !g_strcmp0(content, bulletin->now->content))
        step(b, bulletin, BC_ACT_SUBMIT, NULL, s->who, s->done, s->user);
    else {
        BcChange *c = bc_change_new(b, bulletin, acts[BC_ACT_SUBMIT].what, s->who, NULL, s->done, s->user);
        c->after->state = BC_BULLETIN_SUBMITTED;
        set_text(&c->after->submitted_by, s->who);
        set_text((const char **)&((BcBulletinFields *)c->after->now)->content, content);
        c->new_content = true;
        bc_change_write(c);
    }
    g_free(s->id);
    g_free(s->who);
    g_free(s);
    b->pending--;
}

void bc_bulletins_act(BcBulletins *b, const char *id, int64_t revision, BcBulletinAct act, const char *note, const BcWho *who, BcDoneFn done,
                      void *user)
{
    g_autoptr(GError) error = NULL;
    const BcBulletin *bulletin = look_up(b, id, revision, who, &error);
    note = note && *note ? note : NULL;
    if (bulletin)
        may_act(b, bulletin, act, note, who, &error);
    if (error) {
        fail_with(done, user, error);
        return;
    }
    if (act != BC_ACT_SUBMIT) {
        step(b, bulletin, act, note, who->name, done, user);
        return;
    }
    Submit *s = g_new0(Submit, 1);
    *s = (Submit){b, g_strdup(id), g_strdup(who->name), bulletin->revision, done, user};
    b->pending++;
    bc_bulletins_sound(b, bulletin, who->name, on_sound, s);
}
