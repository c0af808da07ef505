/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of a bulletin and what a version holds. */
#include "broadcast/bulletin/private.h"

#include <string.h>

static const char *const kinds[] = {"text", "image", "audio", "video", "live", "relay"};
static const char *const states[] = {"draft", "submitted", "returned", "approved", "scheduled", "played", "archived", "withdrawn", "expired"};
static const char *const origins[] = {"central", "province", "own", "feedback"};
G_STATIC_ASSERT(G_N_ELEMENTS(kinds) == BC_BULLETIN_KIND_MAX);
G_STATIC_ASSERT(G_N_ELEMENTS(states) == BC_BULLETIN_STATE_MAX);
G_STATIC_ASSERT(G_N_ELEMENTS(origins) == BC_FROM_MAX);

static const char *word(const char *const *words, int n, int i)
{
    return i >= 0 && i < n ? words[i] : NULL;
}

static int index_of(const char *const *words, int n, const char *name)
{
    for (int i = 0; name && i < n; i++)
        if (g_str_equal(words[i], name))
            return i;
    return -1;
}

const char *bc_bulletin_kind_to_string(BcBulletinKind kind)
{
    return word(kinds, BC_BULLETIN_KIND_MAX, kind);
}

BcBulletinKind bc_bulletin_kind_from_string(const char *name)
{
    return index_of(kinds, BC_BULLETIN_KIND_MAX, name);
}

const char *bc_bulletin_state_to_string(BcBulletinState state)
{
    return word(states, BC_BULLETIN_STATE_MAX, state);
}

BcBulletinState bc_bulletin_state_from_string(const char *name)
{
    return index_of(states, BC_BULLETIN_STATE_MAX, name);
}

const char *bc_bulletin_origin_to_string(BcBulletinOrigin origin)
{
    return word(origins, BC_FROM_MAX, origin);
}

BcBulletinOrigin bc_bulletin_origin_from_string(const char *name)
{
    return index_of(origins, BC_FROM_MAX, name);
}

static const char *const *copy_list(const char *const *list)
{
    static const char *const none[] = {NULL};
    return (const char *const *)g_strdupv((char **)(list ? list : none));
}

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

BcBulletinFields *bc_fields_copy(const BcBulletinFields *from)
{
    if (!from)
        return NULL;
    BcBulletinFields *f = g_memdup2(from, sizeof *from);
    const char **strings[] = {&f->subject, &f->title, &f->author, &f->summary, &f->text, &f->url, &f->content};
    if (!or_null(f->subject))
        f->subject = "1";
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        *strings[i] = g_strdup(or_null(*strings[i]));
    if (!f->priority)
        f->priority = BC_NORMAL;
    f->areas = copy_list(from->areas);
    f->attachments = copy_list(from->attachments);
    return f;
}

void bc_fields_free(BcBulletinFields *f)
{
    if (!f)
        return;
    const char *const strings[] = {f->subject, f->title, f->author, f->summary, f->text, f->url, f->content};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free((char *)strings[i]);
    g_strfreev((char **)f->areas);
    g_strfreev((char **)f->attachments);
    g_free(f);
}

char *bc_fields_diff(const BcBulletinFields *a, const BcBulletinFields *b)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
#define CHECK(field, differs) if (differs) g_ptr_array_add(names, (char *)field)
    CHECK("kind", a->kind != b->kind);
    CHECK("subject", g_strcmp0(a->subject, b->subject));
    CHECK("title", g_strcmp0(a->title, b->title));
    CHECK("author", g_strcmp0(a->author, b->author));
    CHECK("summary", g_strcmp0(a->summary, b->summary));
    CHECK("text", g_strcmp0(a->text, b->text));
    CHECK("url", g_strcmp0(a->url, b->url));
    CHECK("content", g_strcmp0(a->content, b->content));
    CHECK("priority", a->priority != b->priority);
    CHECK("from_us", a->from_us != b->from_us);
    CHECK("to_us", a->to_us != b->to_us);
    CHECK("asked_us", a->asked_us != b->asked_us);
    CHECK("areas", !g_strv_equal(a->areas, b->areas));
    CHECK("attachments", !g_strv_equal(a->attachments, b->attachments));
#undef CHECK
    if (!names->len)
        return NULL;
    g_ptr_array_add(names, NULL);
    return g_strjoinv(", ", (char **)names->pdata);
}

/* Several lines are fine in a text that is spoken; other control characters are not. */
static bool long_text_ok(const char *text, gsize max)
{
    if (!text)
        return true;
    if (strlen(text) > max || !g_utf8_validate(text, -1, NULL))
        return false;
    for (const char *p = text; *p; p = g_utf8_next_char(p))
        if (g_unichar_iscntrl(g_utf8_get_char(p)) && !strchr("\n\r\t", *p))
            return false;
    return true;
}

static bool texts_ok(const BcBulletinFields *f, GError **error)
{
    if (!bc_text_ok(f->title, 200))
        return bc_refuse(error, BC_ERROR_INVALID, "\"title\" must have 1 to 200 bytes without control characters");
    if (f->author && !bc_text_ok(f->author, 200))
        return bc_refuse(error, BC_ERROR_INVALID, "\"author\" must have at most 200 bytes without control characters");
    if (!long_text_ok(f->summary, 1000))
        return bc_refuse(error, BC_ERROR_INVALID, "\"summary\" must have at most 1000 bytes of text");
    if (!long_text_ok(f->text, BC_SPEECH_TEXT_MAX))
        return bc_refuse(error, BC_ERROR_INVALID, "\"text\" must have at most %d bytes of text (it has %zu)", BC_SPEECH_TEXT_MAX, strlen(f->text));
    if (f->url && !bc_text_ok(f->url, 1024))
        return bc_refuse(error, BC_ERROR_INVALID, "\"url\" must have at most 1024 bytes without control characters");
    return true;
}

bool bc_fields_check(BcBulletins *b, const BcBulletinFields *f, GError **error)
{
    unsigned n_areas = g_strv_length((char **)f->areas), n_attachments = g_strv_length((char **)f->attachments);
    if (!texts_ok(f, error))
        return false;
    if (!bc_bulletin_kind_to_string(f->kind) || !bc_priority_to_string(f->priority))
        return bc_refuse(error, BC_ERROR_INVALID, "\"kind\" or \"priority\" is unknown");
    if (!g_hash_table_contains(b->subjects, f->subject))
        return bc_refuse(error, BC_ERROR_INVALID, "\"subject\" %s is not in the table of subjects", f->subject);
    if (f->from_us < 0 || f->to_us < 0 || f->asked_us < 0 || (f->to_us && f->to_us <= f->from_us))
        return bc_refuse(error, BC_ERROR_INVALID, "\"to_us\" must lie after \"from_us\"");
    if (f->asked_us && ((f->to_us && f->asked_us >= f->to_us) || f->asked_us < f->from_us))
        return bc_refuse(error, BC_ERROR_INVALID, "\"asked_us\" must lie within the validity");
    if (n_areas > 500)
        return bc_refuse(error, BC_ERROR_LIMIT, "\"areas\" names %u areas, at most 500: name the area above them", n_areas);
    for (unsigned i = 0; i < n_areas; i++)
        if (!bc_areas_find(bc_broadcast_areas(b->broadcast), f->areas[i]))
            return bc_refuse(error, BC_ERROR_NOT_FOUND, "there is no area %s (\"areas\")", f->areas[i]);
    if (n_attachments > BC_BULLETIN_ATTACHMENTS_MAX)
        return bc_refuse(error, BC_ERROR_LIMIT, "\"attachments\" names %u files, at most %u", n_attachments, BC_BULLETIN_ATTACHMENTS_MAX);
    for (unsigned i = 0; i < n_attachments; i++)
        if (!b->o.attachments || !bc_attachments_find(b->o.attachments, f->attachments[i]))
            return bc_refuse(error, BC_ERROR_NOT_FOUND, "there is no attachment %s: upload it first", f->attachments[i]);
    if (f->content && !bc_contents_find(b->contents, f->content))
        return bc_refuse(error, BC_ERROR_NOT_FOUND, "there is no recording %s (\"content\")", f->content);
    return true;
}
