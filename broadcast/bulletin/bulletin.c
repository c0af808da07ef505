/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The registry: what there is, who hears of changes, and which recordings may sound. */
#include "broadcast/bulletin/private.h"

#include <string.h>

typedef struct Listener {
    BcBulletinEventFn fn;
    void *user;
} Listener;

static void free_subject(gpointer data)
{
    BcSubject *subject = data;
    g_free((char *)subject->code);
    g_free((char *)subject->name);
    g_free(subject);
}

static void clear_bulletins(gpointer data)
{
    BcBulletins *b = data;
    g_hash_table_unref(b->by_external);
    g_hash_table_unref(b->by_id);
    g_hash_table_unref(b->owners);
    g_hash_table_unref(b->subjects);
    g_hash_table_unref(b->spoken);
    g_hash_table_unref(b->counting);
    g_array_unref(b->listeners);
}

void bc_bulletins_unref(gpointer bulletins)
{
    g_rc_box_release_full(bulletins, clear_bulletins);
}

static bool content_check(const char *content, int64_t at_wall_us, char **ret_why, void *user)
{
    return bc_bulletins_content_ok(user, content, at_wall_us, ret_why);
}

BcBulletins *bc_bulletins_new(BcBroadcast *broadcast, MdStore *store, const BcBulletinOptions *options, GError **error)
{
    BcBulletins *b = g_rc_box_new0(BcBulletins);
    b->broadcast = broadcast;
    b->contents = bc_broadcast_contents(broadcast);
    b->store = store;
    b->o = *options;
    if (!b->o.look_us)
        b->o.look_us = 10 * G_USEC_PER_SEC;
    b->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)bc_bulletin_free);
    b->by_external = g_hash_table_new(g_str_hash, g_str_equal);
    b->owners = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
    b->subjects = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_subject);
    b->spoken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    b->counting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    b->listeners = g_array_new(FALSE, FALSE, sizeof(Listener));
    if (!bc_bulletins_load(b, error)) {
        bc_bulletins_unref(b);
        return NULL;
    }
    bc_broadcast_set_content_check(broadcast, content_check, b);
    bc_bulletins_follow_start(b);
    return b;
}

void bc_bulletins_free(BcBulletins *b)
{
    if (!b)
        return;
    b->stopping = true;
    bc_bulletins_follow_stop(b);
    bc_broadcast_set_content_check(b->broadcast, NULL, NULL);
    g_autoptr(GArray) jobs = bc_contents_jobs(b->contents);
    for (unsigned i = 0; b->pending && i < jobs->len; i++) /* everything ends: nobody waits for speech */
        bc_contents_cancel(b->contents, g_array_index(jobs, BcContentJob, i).id);
    while (b->pending)
        g_main_context_iteration(NULL, TRUE);
    bc_bulletins_unref(b);
}

int64_t bc_bulletins_wall_us(const BcBulletins *b)
{
    return bc_broadcast_wall_us(b->broadcast);
}

BcBroadcast *bc_bulletins_broadcast(BcBulletins *b)
{
    return b->broadcast;
}

unsigned bc_bulletins_pending(const BcBulletins *b)
{
    return b->pending;
}

void bc_bulletins_add_listener(BcBulletins *b, BcBulletinEventFn fn, void *user)
{
    Listener listener = {fn, user};
    g_array_append_val(b->listeners, listener);
}

void bc_bulletins_remove_listener(BcBulletins *b, BcBulletinEventFn fn, void *user)
{
    for (unsigned i = b->listeners->len; i-- > 0;) {
        const Listener *listener = &g_array_index(b->listeners, Listener, i);
        if (listener->fn == fn && listener->user == user) {
            g_array_remove_index(b->listeners, i);
            return;
        }
    }
}

void bc_bulletins_tell(BcBulletins *b, const char *what, const BcBulletin *bulletin)
{
    g_autofree char *type = g_strconcat("bulletin.", what, NULL);
    for (unsigned i = 0; i < b->listeners->len; i++) {
        const Listener *listener = &g_array_index(b->listeners, Listener, i);
        listener->fn(type, bulletin, listener->user);
    }
}

const BcBulletin *bc_bulletins_find(const BcBulletins *b, const char *id)
{
    return id ? g_hash_table_lookup(b->by_id, id) : NULL;
}

static int newest_first(gconstpointer x, gconstpointer y)
{
    const BcBulletin *a = *(const BcBulletin *const *)x, *b = *(const BcBulletin *const *)y;
    return a->changed_us > b->changed_us ? -1 : a->changed_us < b->changed_us ? 1 : strcmp(a->id, b->id);
}

GPtrArray *bc_bulletins_list(const BcBulletins *b)
{
    GPtrArray *all = bc_table_values(b->by_id);
    g_ptr_array_sort(all, newest_first);
    return all;
}

/* --- whose recording is it? --- */

void bc_bulletins_own(BcBulletins *b, const char *content, const char *id)
{
    GHashTable *set = g_hash_table_lookup(b->owners, content);
    if (!set) {
        set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_hash_table_insert(b->owners, g_strdup(content), set);
    }
    if (!g_hash_table_contains(set, id))
        g_hash_table_add(set, g_strdup(id));
}

const BcBulletin *bc_bulletins_of_content(const BcBulletins *b, const char *content)
{
    GHashTable *set = content ? g_hash_table_lookup(b->owners, content) : NULL;
    const BcBulletin *found = NULL;
    GHashTableIter it;
    gpointer id;
    if (!set)
        return NULL;
    g_hash_table_iter_init(&it, set);
    while (g_hash_table_iter_next(&it, &id, NULL)) {
        const BcBulletin *bulletin = bc_bulletins_find(b, id);
        if (bulletin && bulletin->approved && !g_strcmp0(bulletin->approved->content, content))
            return bulletin;
        found = bulletin ? bulletin : found;
    }
    return found;
}

static bool sounds_at(const BcBulletin *bulletin, const char *content, int64_t at_us, char **ret_why)
{
    const BcBulletinFields *f = bulletin->approved;
    g_autofree char *why = NULL;
    if (bulletin->state == BC_BULLETIN_WITHDRAWN || bulletin->state == BC_BULLETIN_ARCHIVED)
        why = g_strdup_printf("bulletin %s (\"%s\") is %s", bulletin->id, bulletin->now->title, bc_bulletin_state_to_string(bulletin->state));
    else if (!f || g_strcmp0(f->content, content))
        why = g_strdup_printf("this version of bulletin %s (\"%s\") is not approved", bulletin->id, bulletin->now->title);
    else if (f->to_us && at_us >= f->to_us)
        why = g_strdup_printf("bulletin %s (\"%s\") is not valid any more then", bulletin->id, f->title);
    else if (at_us < f->from_us)
        why = g_strdup_printf("bulletin %s (\"%s\") is not valid yet then", bulletin->id, f->title);
    if (why && ret_why) {
        g_free(*ret_why);
        *ret_why = g_steal_pointer(&why);
        return false;
    }
    return !why;
}

bool bc_bulletins_content_ok(BcBulletins *b, const char *content, int64_t at_us, char **ret_why)
{
    GHashTable *set = content ? g_hash_table_lookup(b->owners, content) : NULL;
    g_autofree char *why = NULL;
    GHashTableIter it;
    gpointer id;
    bool any = false;
    if (!set)
        return true;
    g_hash_table_iter_init(&it, set);
    while (g_hash_table_iter_next(&it, &id, NULL)) {
        const BcBulletin *bulletin = bc_bulletins_find(b, id);
        if (bulletin && sounds_at(bulletin, content, at_us, &why))
            return true;
        any |= bulletin != NULL;
    }
    if (any && ret_why)
        *ret_why = g_steal_pointer(&why);
    return !any;
}

/* --- subjects --- */

static int by_code(gconstpointer x, gconstpointer y)
{
    const BcSubject *a = *(const BcSubject *const *)x, *b = *(const BcSubject *const *)y;
    size_t m = strlen(a->code), n = strlen(b->code);
    return m != n ? (m < n ? -1 : 1) : strcmp(a->code, b->code); /* "10" after "9" */
}

GPtrArray *bc_bulletins_subjects(const BcBulletins *b)
{
    GPtrArray *all = bc_table_values(b->subjects);
    g_ptr_array_sort(all, by_code);
    return all;
}

static bool write_subject(MdDb *db, gpointer data, GError **error)
{
    const BcSubject *s = data;
    return md_db_run(db, error, "DELETE FROM bc_subjects WHERE code = $1", "s", s->code) &&
           md_db_run(db, error, "INSERT INTO bc_subjects (code, name) VALUES ($1, $2)", "ss", s->code, s->name);
}

static void apply_subject(gpointer owner, gpointer data)
{
    const BcSubject *from = data;
    BcSubject *s = g_new0(BcSubject, 1);
    *s = (BcSubject){g_strdup(from->code), g_strdup(from->name)};
    g_hash_table_replace(((BcBulletins *)owner)->subjects, (char *)s->code, s);
}

void bc_bulletins_put_subject(BcBulletins *b, const char *code, const char *name, BcDoneFn done, void *user)
{
    if (!bc_code_ok(code, 16) || !bc_text_ok(name, 200)) {
        bc_bulletin_fail(done, user, BC_ERROR_INVALID, "a subject has a code of 1 to 16 letters or digits and a name of 1 to 200 bytes");
        return;
    }
    if (!g_hash_table_contains(b->subjects, code) && g_hash_table_size(b->subjects) >= 500) {
        bc_bulletin_fail(done, user, BC_ERROR_LIMIT, "there are 500 subjects already");
        return;
    }
    BcSubject *s = g_new0(BcSubject, 1);
    *s = (BcSubject){g_strdup(code), g_strdup(name)};
    bc_write(b->store, write_subject, s, free_subject, b, bc_bulletins_unref, apply_subject, done, user);
}
