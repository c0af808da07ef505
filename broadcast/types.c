/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/types.h"

#include <string.h>

G_DEFINE_QUARK(bc-error-quark, bc_error)

bool bc_refuse(GError **error, BcError code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, BC_ERROR, code, text);
    return false;
}

static const char *const priority_names[] = {[BC_EMERGENCY] = "emergency", [BC_PRIORITY] = "priority", [BC_NORMAL] = "normal"};

const char *bc_priority_to_string(BcPriority priority)
{
    return priority >= BC_EMERGENCY && priority < BC_PRIORITY_MAX ? priority_names[priority] : NULL;
}

BcPriority bc_priority_from_string(const char *name)
{
    for (BcPriority p = BC_EMERGENCY; name && p < BC_PRIORITY_MAX; p++)
        if (g_str_equal(name, priority_names[p]))
            return p;
    return BC_PRIORITY_INVALID;
}

bool bc_text_ok(const char *text, gsize max)
{
    if (!text || !*text || strlen(text) > max || !g_utf8_validate(text, -1, NULL))
        return false;
    for (const char *p = text; *p; p = g_utf8_next_char(p))
        if (g_unichar_iscntrl(g_utf8_get_char(p)))
            return false;
    return true;
}

bool bc_code_ok(const char *code, gsize max)
{
    if (!code || !*code || strlen(code) > max || g_str_equal(code, ".") || g_str_equal(code, ".."))
        return false;
    for (const char *p = code; *p; p++)
        if (!g_ascii_isalnum(*p) && !strchr("._-", *p))
            return false;
    return true;
}

char *bc_new_id(const char *prefix)
{
    return g_strdup_printf("%s-%08x%08x", prefix, g_random_int(), g_random_int());
}

GPtrArray *bc_table_values(GHashTable *table)
{
    GPtrArray *all = g_ptr_array_sized_new(g_hash_table_size(table));
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, table);
    while (g_hash_table_iter_next(&it, NULL, &value))
        g_ptr_array_add(all, value);
    return all;
}

typedef struct Write {
    MdStoreFn fn;
    gpointer data;
    GDestroyNotify free_data;
    gpointer owner;
    GDestroyNotify owner_unref;
    BcApplyFn apply;
    BcDoneFn done;
    void *user;
} Write;

static bool run_write(MdDb *db, gpointer data, GError **error)
{
    Write *write = data;
    return write->fn(db, write->data, error);
}

static void free_write(gpointer data)
{
    Write *write = data;
    if (write->free_data)
        write->free_data(write->data);
    if (write->owner_unref)
        write->owner_unref(write->owner);
    g_free(write);
}

static void on_written(bool ok, const GError *error, gpointer data, gpointer user)
{
    Write *write = data;
    if (ok && write->apply)
        write->apply(write->owner, write->data);
    if (write->done)
        write->done(ok ? NULL : error, write->user);
}

void bc_write(MdStore *store, MdStoreFn fn, gpointer data, GDestroyNotify free_data, gpointer owner,
              GDestroyNotify owner_unref, BcApplyFn apply, BcDoneFn done, void *user)
{
    Write *write = g_new0(Write, 1);
    *write = (Write){fn, data, free_data, owner, owner_unref, apply, done, user};
    if (owner && owner_unref)
        g_rc_box_acquire(owner);
    md_store_write(store, run_write, write, free_write, on_written, NULL);
}
