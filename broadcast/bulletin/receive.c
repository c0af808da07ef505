/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bulletins that come from systems above: they were reviewed there, so they are approved here. */
#include "broadcast/bulletin/private.h"

#include <string.h>

typedef struct Receive {
    BcBulletins *b;
    BcBulletin *head;  /* as it shall be, without its sound */
    char *sender;
    int64_t expected;
    bool new_version;
    BcDoneFn done;
    void *user;
} Receive;

static void finish(Receive *r, const GError *error)
{
    if (error && r->done)
        r->done(error, r->user);
    r->b->pending--;
    bc_bulletin_free(r->head);
    g_free(r->sender);
    g_free(r);
}

static void on_sound(const char *content, const char *key, const GError *error, void *user)
{
    Receive *r = user;
    BcBulletins *b = r->b;
    if (error) {
        finish(r, error);
        return;
    }
    BcBulletinFields *f = (BcBulletinFields *)r->head->now;
    if (content && g_strcmp0(content, f->content)) {
        g_free((char *)f->content);
        f->content = g_strdup(content);
    }
    BcChange *c = bc_change_new(b, r->head, "approved", r->sender, "reviewed by the sender", r->done, r->user);
    c->expected = r->expected;
    c->new_version = true;
    c->after->state = BC_BULLETIN_APPROVED;
    c->after->approved_version = c->after->version;
    bc_fields_free((BcBulletinFields *)c->after->approved);
    c->after->approved = bc_fields_copy(f);
    g_free((char *)c->after->approved_by);
    c->after->approved_by = g_strdup(r->sender);
    bc_change_write(c);
    finish(r, NULL);
}

static bool sound_message(BcBulletins *b, BcBulletinOrigin origin, const char *external, const char *area, const BcBulletinFields *fields,
                          GError **error)
{
    BcAreas *areas = bc_broadcast_areas(b->broadcast);
    if (!bc_text_ok(external, 128) || (origin != BC_FROM_CENTRAL && origin != BC_FROM_PROVINCE)) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "a bulletin from above needs its id there, of 1 to 128 bytes");
        return false;
    }
    if (!area || !bc_areas_find(areas, area)) {
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no area %s", area ? area : "");
        return false;
    }
    if (!bc_fields_check(b, fields, error))
        return false;
    for (unsigned i = 0; fields->areas[i]; i++)
        if (!bc_areas_contains(areas, area, fields->areas[i])) {
            g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "area %s does not lie in %s", fields->areas[i], area);
            return false;
        }
    if (!fields->to_us || fields->to_us > bc_bulletins_wall_us(b))
        return true;
    g_set_error(error, BC_ERROR, BC_ERROR_STATE, "bulletin %s came after its validity was over", external);
    return false;
}

/* Sound that was made here of the same text is no difference. */
static bool same(const BcBulletinFields *old, const BcBulletinFields *new)
{
    BcBulletinFields f = *new;
    if (!f.content && !g_strcmp0(f.text, old->text) && f.kind == old->kind)
        f.content = old->content;
    g_autofree char *diff = bc_fields_diff(old, &f);
    return !diff;
}

void bc_bulletins_receive(BcBulletins *b, BcBulletinOrigin origin, const char *external, const char *area, const BcBulletinFields *from,
                          const char *sender, char **ret_id, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    const char *own[] = {area, NULL};
    BcBulletinFields given = *from;
    if (!given.areas || !given.areas[0])
        given.areas = own;
    g_autoptr(BcBulletinFields) fields = bc_fields_copy(&given);
    const BcBulletin *there = external ? bc_bulletins_find(b, g_hash_table_lookup(b->by_external, external)) : NULL;
    if (ret_id)
        *ret_id = there ? g_strdup(there->id) : NULL;
    if (there && there->origin != origin) {
        bc_bulletin_fail(done, user, BC_ERROR_EXISTS, "the id %s is that of a bulletin that came another way (%s)", external,
                         bc_bulletin_origin_to_string(there->origin));
        return;
    }
    if (!sound_message(b, origin, external, area, fields, &error) || (there && same(there->now, fields) && there->approved)) {
        if (done)
            done(error, user);
        return;
    }
    g_autofree char *id = there ? g_strdup(there->id) : bc_new_id("b");
    BcBulletin head = {.id = id, .area = area, .origin = origin, .external = external, .state = BC_BULLETIN_SUBMITTED, .version = 0,
                       .created_by = sender, .changed_by = sender, .submitted_by = sender, .created_us = bc_bulletins_wall_us(b)};
    Receive *r = g_new0(Receive, 1);
    *r = (Receive){.b = b, .head = bc_bulletin_copy(there ? there : &head), .sender = g_strdup(sender), .done = done, .user = user};
    r->expected = r->head->revision;
    r->head->version++;
    bc_fields_free((BcBulletinFields *)r->head->now);
    r->head->now = g_steal_pointer(&fields);
    if (ret_id && !there)
        *ret_id = g_strdup(id);
    b->pending++;
    bc_bulletins_sound(b, r->head, sender, on_sound, r);
}

void bc_bulletins_recall(BcBulletins *b, const char *external, const char *reason, const char *sender, BcDoneFn done, void *user)
{
    const char *id = external ? g_hash_table_lookup(b->by_external, external) : NULL;
    const BcBulletin *there = bc_bulletins_find(b, id);
    if (!there || (there->origin != BC_FROM_CENTRAL && there->origin != BC_FROM_PROVINCE)) {
        bc_bulletin_fail(done, user, BC_ERROR_NOT_FOUND, "no bulletin %s came from above", external ? external : "");
        return;
    }
    bc_bulletins_act(b, id, 0, BC_ACT_WITHDRAW, reason && *reason ? reason : "recalled by the sender", &(BcWho){.name = sender}, done, user);
}
