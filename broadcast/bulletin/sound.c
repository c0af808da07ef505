/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a bulletin's sound comes from: its text, spoken as its area says the words, or a file attached to it. */
#include "broadcast/bulletin/private.h"

#include <string.h>

typedef struct Making {
    BcBulletins *b;
    char *key; /* hash of what is said */
    BcSoundFn done;
    void *user;
} Making;

static bool store_spoken(MdDb *db, gpointer data, GError **error)
{
    char **pair = data;
    return md_db_run(db, error, "DELETE FROM bc_spoken WHERE hash = $1", "s", pair[0]) &&
           md_db_run(db, error, "INSERT INTO bc_spoken (hash, content) VALUES ($1, $2)", "ss", pair[0], pair[1]);
}

static void on_made(const BcContent *content, const GError *error, void *user)
{
    Making *m = user;
    BcBulletins *b = m->b;
    g_autofree char *id = content ? g_strdup(content->id) : NULL;
    if (id && m->key) {
        char *pair[] = {m->key, id, NULL};
        g_hash_table_replace(b->spoken, g_strdup(m->key), g_strdup(id));
        md_store_write(b->store, store_spoken, g_strdupv(pair), (GDestroyNotify)g_strfreev, NULL, NULL); /* a cache: no matter if it is lost */
    }
    b->pending--;
    m->done(id, m->key, error, m->user);
    g_free(m->key);
    g_free(m);
    bc_bulletins_unref(b);
}

static char *said(const BcBulletins *b, const BcBulletin *bulletin)
{
    const char *text = bulletin->now->text;
    return b->o.dictionary ? bc_dictionary_apply(b->o.dictionary, bulletin->area, text) : g_strdup(text);
}

static const char *sound_attached(const BcBulletins *b, const BcBulletinFields *f)
{
    for (unsigned i = 0; b->o.attachments && f->attachments[i]; i++) {
        const BcAttachment *a = bc_attachments_find(b->o.attachments, f->attachments[i]);
        if (a && a->kind == BC_ATTACHED_AUDIO)
            return a->id;
    }
    return NULL;
}

static void speak(BcBulletins *b, const BcBulletin *bulletin, const char *who, Making *m)
{
    g_autofree char *text = said(b, bulletin);
    g_autofree char *title = g_strndup(bulletin->now->title, 200);
    g_autofree char *whole = g_strdup_printf("%d\n%s", b->o.chime, text);
    m->key = g_compute_checksum_for_string(G_CHECKSUM_SHA256, whole, -1);
    const BcContent *there = bc_contents_find(b->contents, g_hash_table_lookup(b->spoken, m->key));
    if (there)
        on_made(there, NULL, m);
    else
        bc_contents_make(b->contents,
                         &(BcContentMake){.text = text, .title = title, .created_by = who, .chime = b->o.chime,
                                          .urgent = bulletin->now->priority == BC_EMERGENCY},
                         on_made, m);
}

void bc_bulletins_sound(BcBulletins *b, const BcBulletin *bulletin, const char *who, BcSoundFn done, void *user)
{
    const BcBulletinFields *f = bulletin->now;
    const char *attached = f->kind == BC_BULLETIN_AUDIO ? sound_attached(b, f) : NULL;
    if (f->content || (!attached && !(f->kind == BC_BULLETIN_TEXT && f->text))) {
        done(f->content, NULL, NULL, user);
        return;
    }
    Making *m = g_new0(Making, 1);
    *m = (Making){.b = g_rc_box_acquire(b), .done = done, .user = user};
    b->pending++;
    if (attached) {
        g_autofree char *path = bc_attachments_path(b->o.attachments, attached);
        const BcAttachment *a = bc_attachments_find(b->o.attachments, attached);
        bc_contents_add_file(b->contents, path, f->title, a->name, who, on_made, m);
    } else {
        speak(b, bulletin, who, m);
    }
}

typedef struct Preview {
    BcPreviewFn done;
    void *user;
} Preview;

static void on_preview(const char *content, const char *key, const GError *error, void *user)
{
    Preview *p = user;
    g_autoptr(GError) why = NULL;
    if (!error && !content)
        why = g_error_new_literal(BC_ERROR, BC_ERROR_NOT_FOUND, "this bulletin has no sound");
    p->done(content, error ? error : why, p->user);
    g_free(p);
}

void bc_bulletins_preview(BcBulletins *b, const char *id, BcPreviewFn done, void *user)
{
    const BcBulletin *bulletin = bc_bulletins_find(b, id);
    if (!bulletin) {
        g_autoptr(GError) error = g_error_new(BC_ERROR, BC_ERROR_NOT_FOUND, "there is no bulletin %s", id ? id : "");
        done(NULL, error, user);
        return;
    }
    Preview *p = g_new0(Preview, 1);
    *p = (Preview){done, user};
    bc_bulletins_sound(b, bulletin, bulletin->changed_by, on_preview, p);
}
