/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a reload changes. Elements of lists are told apart by their unique key, else by place. */
#include <string.h>
#include "config/table.h"

static void change_free(gpointer data)
{
    CfgChange *change = data;
    g_free(change->key);
    g_free(change);
}

static void add(GPtrArray *changes, const char *key, CfgChangeKind kind, bool restart)
{
    CfgChange *change = g_new(CfgChange, 1);
    *change = (CfgChange){g_strdup(key), kind, restart};
    g_ptr_array_add(changes, change);
}

static const void *field(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

static bool same_texts(char *const *a, char *const *b)
{
    return g_strv_equal((const char *const *)a, (const char *const *)b);
}

static bool same_value(const CfgKey *key, const void *a, const void *b)
{
    const void *x = field(a, key->offset), *y = field(b, key->offset);
    switch (key->type) {
    case CFG_TYPE_BOOL:
        return *(const bool *)x == *(const bool *)y;
    case CFG_TYPE_UINT:
        return *(const unsigned *)x == *(const unsigned *)y;
    case CFG_TYPE_INT:
    case CFG_TYPE_ENUM:
        return *(const int *)x == *(const int *)y;
    case CFG_TYPE_DOUBLE:
        return memcmp(x, y, sizeof(double)) == 0;
    case CFG_TYPE_TEXT:
    case CFG_TYPE_WORD:
        return g_strcmp0(*(char *const *)x, *(char *const *)y) == 0;
    case CFG_TYPE_TEXTS:
        return same_texts(*(char *const *const *)x, *(char *const *const *)y);
    case CFG_TYPE_ENUMS: {
        unsigned n = *(const unsigned *)field(a, key->count_offset), m = *(const unsigned *)field(b, key->count_offset);
        return n == m && (n == 0 || memcmp(*(int *const *)x, *(int *const *)y, n * sizeof(int)) == 0);
    }
    default:
        return true;
    }
}

static void diff_section(GPtrArray *changes, const CfgSection *section, const void *a, const void *b, const char *path);

typedef struct List {
    const char *items;
    unsigned n;
} List;

static List list_of(const CfgKey *key, const void *base)
{
    return (List){*(const char *const *)field(base, key->offset), *(const unsigned *)field(base, key->count_offset)};
}

static char *element_name(const CfgSection *section, const void *item, unsigned i)
{
    for (unsigned k = 0; k < section->n_keys; k++)
        if (section->keys[k].flags & CFG_UNIQUE)
            return g_strdup(*(char *const *)field(item, section->keys[k].offset));
    return g_strdup_printf("%u", i);
}

static GHashTable *index_of(const CfgSection *section, List list)
{
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; i < list.n; i++)
        g_hash_table_insert(table, element_name(section, list.items + i * section->size, i),
                            (gpointer)(list.items + i * section->size));
    return table;
}

static void diff_list(GPtrArray *changes, const CfgKey *key, const void *a, const void *b, const char *path)
{
    List before = list_of(key, a), after = list_of(key, b);
    bool restart = key->flags & CFG_RESTART;
    g_autoptr(GHashTable) old = index_of(key->section, before);
    g_autoptr(GHashTable) new = index_of(key->section, after);
    for (unsigned i = 0; i < before.n; i++) {
        g_autofree char *name = element_name(key->section, before.items + i * key->section->size, i);
        g_autofree char *full = g_strdup_printf("%s.%s", path, name);
        if (!g_hash_table_contains(new, name))
            add(changes, full, CFG_REMOVED, restart);
    }
    for (unsigned i = 0; i < after.n; i++) {
        const void *item = after.items + i * key->section->size;
        g_autofree char *name = element_name(key->section, item, i);
        g_autofree char *full = g_strdup_printf("%s.%s", path, name);
        const void *former = g_hash_table_lookup(old, name);
        if (former)
            diff_section(changes, key->section, former, item, full);
        else
            add(changes, full, CFG_ADDED, restart);
    }
}

static void diff_section(GPtrArray *changes, const CfgSection *section, const void *a, const void *b, const char *path)
{
    for (unsigned i = 0; i < section->n_keys; i++) {
        const CfgKey *key = &section->keys[i];
        g_autofree char *full = *path ? g_strdup_printf("%s.%s", path, key->name) : g_strdup(key->name);
        if (key->type == CFG_TYPE_GROUP)
            diff_section(changes, key->section, field(a, key->offset), field(b, key->offset), full);
        else if (key->type == CFG_TYPE_LIST)
            diff_list(changes, key, a, b, full);
        else if (!same_value(key, a, b))
            add(changes, full, CFG_CHANGED, key->flags & CFG_RESTART);
    }
}

GPtrArray *cfg_diff(const CfgSettings *before, const CfgSettings *after)
{
    GPtrArray *changes = g_ptr_array_new_with_free_func(change_free);
    diff_section(changes, &cfg_root, before, after, "");
    return changes;
}

static void append_some(GString *out, GPtrArray *changes, bool restart, const char *head)
{
    unsigned told = 0, more = 0;
    for (unsigned i = 0; i < changes->len; i++) {
        const CfgChange *c = changes->pdata[i];
        if (c->restart != restart)
            continue;
        if (told == 20) {
            more++;
            continue;
        }
        g_string_append(out, told++ ? ", " : out->len ? "; " : "");
        if (told == 1)
            g_string_append(out, head);
        g_string_append_printf(out, "%s%s", c->key, c->kind == CFG_ADDED ? " (new)" : c->kind == CFG_REMOVED ? " (gone)" : "");
    }
    if (more)
        g_string_append_printf(out, " and %u more", more);
}

char *cfg_diff_to_string(GPtrArray *changes)
{
    GString *out = g_string_new(NULL);
    append_some(out, changes, false, "changed: ");
    append_some(out, changes, true, "needs a restart: ");
    if (!out->len)
        g_string_append(out, "nothing changed");
    return g_string_free(out, FALSE);
}
