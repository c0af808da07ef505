/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Saved lists of sites: "all communes", "the standing committee". */
#include "mediad/meeting/private.h"
#include <string.h>

typedef struct SiteList {
    MdSiteList pub;
    char *name, *title, *changed_by;
    char **accounts;
} SiteList;

void md_site_list_free(gpointer data)
{
    SiteList *list = data;
    g_free(list->name);
    g_free(list->title);
    g_free(list->changed_by);
    g_strfreev(list->accounts);
    g_free(list);
}

static SiteList *list_new(const char *name, const char *title, char **accounts /* taken */, int64_t changed_us, const char *who)
{
    SiteList *list = g_new0(SiteList, 1);
    list->name = g_strdup(name);
    list->title = g_strdup(title);
    list->accounts = accounts;
    list->changed_by = g_strdup(who);
    list->pub = (MdSiteList){list->name, list->title, (const char *const *)list->accounts, changed_us, list->changed_by};
    return list;
}

bool md_site_lists_load(MdMeetings *m, GError **error)
{
    GError *local = NULL;
    g_autoptr(MdRows) rows =
        md_db_query(md_store_reader(m->o.store), error, "SELECT name, title, accounts, changed_us, changed_by FROM md_site_lists", "");
    while (rows != NULL && md_rows_next(rows, &local))
        g_hash_table_replace(m->lists, g_strdup(md_rows_text(rows, 0)),
                             list_new(md_rows_text(rows, 0), md_rows_text(rows, 1), g_strsplit(md_rows_text(rows, 2), "\n", -1), md_rows_int(rows, 3),
                                      md_rows_text(rows, 4)));
    if (local != NULL)
        g_propagate_error(error, local);
    return rows != NULL && local == NULL;
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const MdSiteList *const *)a)->name, (*(const MdSiteList *const *)b)->name);
}

GPtrArray *md_site_lists(MdMeetings *m)
{
    GPtrArray *all = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, m->lists);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_ptr_array_add(all, &((SiteList *)value)->pub);
    g_ptr_array_sort(all, by_name);
    return all;
}

const MdSiteList *md_site_list_find(MdMeetings *m, const char *name)
{
    SiteList *list = g_hash_table_lookup(m->lists, name);
    return list != NULL ? &list->pub : NULL;
}

typedef struct Write {
    MdMeetings *m;
    SiteList *list;            /* NULL: removed */
    char *name;
    MdSiteListDoneFn done;
    void *user;
} Write;

static void write_free(gpointer data)
{
    Write *w = data;
    if (w->list != NULL)
        md_site_list_free(w->list);
    g_free(w->name);
    g_free(w);
}

static bool run_write(MdDb *db, gpointer data, GError **error)
{
    const Write *w = data;
    if (w->list == NULL)
        return md_db_run(db, error, "DELETE FROM md_site_lists WHERE name = $1", "s", w->name);
    g_autofree char *accounts = g_strjoinv("\n", w->list->accounts);
    return md_db_run(db, error,
                     "INSERT INTO md_site_lists (name, title, accounts, changed_us, changed_by) VALUES ($1, $2, $3, $4, $5) "
                     "ON CONFLICT (name) DO UPDATE SET title = $2, accounts = $3, changed_us = $4, changed_by = $5",
                     "sssis", w->name, w->list->title, accounts, w->list->pub.changed_us, w->list->changed_by);
}

static void written(bool ok, const GError *error, gpointer data, gpointer user)
{
    Write *w = data;
    if (ok && w->list != NULL)
        g_hash_table_replace(w->m->lists, g_strdup(w->name), g_steal_pointer(&w->list));
    else if (ok)
        g_hash_table_remove(w->m->lists, w->name);
    w->done(ok ? NULL : error, w->user);
    md_meetings_release(w->m);
}

static void start_write(MdMeetings *m, const char *name, SiteList *list, MdSiteListDoneFn done, void *user)
{
    Write *w = g_new0(Write, 1);
    *w = (Write){m, list, g_strdup(name), done, user};
    md_meetings_retain(m);
    md_store_write(m->o.store, run_write, w, write_free, written, NULL);
}

static bool check(MdMeetings *m, const MdSiteList *list, GError **error)
{
    size_t len = strlen(list->name);
    if (len == 0 || len > 64 || strspn(list->name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != len)
        return md_meetings_fail(error, MD_MEETING_ERROR_INVALID, "a list's name is 1 to 64 of a-z 0-9 . _ -");
    if (!g_utf8_validate(list->title, -1, NULL) || *list->title == 0 || g_utf8_strlen(list->title, -1) > 200)
        return md_meetings_fail(error, MD_MEETING_ERROR_INVALID, "field 'title': 1 to 200 characters");
    unsigned n = g_strv_length((char **)(uintptr_t)list->accounts);
    if (n == 0 || n > MD_BOOKING_SITES_MAX)
        return md_meetings_fail(error, MD_MEETING_ERROR_INVALID, "field 'accounts': 1 to %u of them", MD_BOOKING_SITES_MAX);
    for (unsigned i = 0; i < n; i++)
        if (*list->accounts[i] == 0 || strlen(list->accounts[i]) > 256 || strpbrk(list->accounts[i], " \t\r\n<>") != NULL)
            return md_meetings_fail(error, MD_MEETING_ERROR_INVALID, "field 'accounts', number %u: neither an account nor a SIP address", i + 1);
    if (md_site_list_find(m, list->name) == NULL && g_hash_table_size(m->lists) >= MD_SITE_LISTS_MAX)
        return md_meetings_fail(error, MD_MEETING_ERROR_LIMIT, "at most %u lists are kept", MD_SITE_LISTS_MAX);
    return true;
}

void md_site_list_put(MdMeetings *m, const MdSiteList *list, const char *who, MdSiteListDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    if (!check(m, list, &error))
        done(error, user);
    else
        start_write(m, list->name, list_new(list->name, list->title, g_strdupv((char **)(uintptr_t)list->accounts), md_meetings_wall_us(m), who), done, user);
}

void md_site_list_remove(MdMeetings *m, const char *name, MdSiteListDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    if (md_site_list_find(m, name) == NULL) {
        md_meetings_fail(&error, MD_MEETING_ERROR_NOT_FOUND, "there is no list '%s'", name);
        done(error, user);
        return;
    }
    start_write(m, name, NULL, done, user);
}
