/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Budgets: how often one source may ask, and how often a password may be tried. Both tables are bounded: when one is full,
 * the entry that slept longest goes, so that many forged sources cannot take the memory. */
#include "mediad/api/private.h"
#include <string.h>

#define ENTRIES_MAX 16384
#define DEVICE_RATE 10   /* requests a second of one loudspeaker … */
#define DEVICE_BURST 100 /* … and at once: the files of some days */
#define FREE_TRIES_SOURCE 5
#define FREE_TRIES_ACCOUNT 10
#define WAIT_MAX_S 300
#define ACCOUNT_WAIT_MAX_S 30 /* so that somebody else's guesses do not lock an account out for long */
#define FORGET_US (15 * 60 * G_USEC_PER_SEC)

typedef struct Entry {
    double tokens;
    int64_t at_us;      /* last use */
    unsigned failures;
    int64_t blocked_us; /* no sign-in before */
} Entry;

struct MdApiGuard {
    double rate, burst;
    GHashTable *entries; /* "r:source", "d:device", "s:source", "a:account" → Entry */
};

MdApiGuard *md_api_guard_new(unsigned requests_per_s)
{
    MdApiGuard *guard = g_new0(MdApiGuard, 1);

    guard->rate = requests_per_s ? requests_per_s : 100;
    guard->burst = 4 * guard->rate;
    guard->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return guard;
}

void md_api_guard_free(MdApiGuard *guard)
{
    if (!guard)
        return;
    g_hash_table_unref(guard->entries);
    g_free(guard);
}

/* An IPv6 host owns at least a /64: it counts as one source. */
static char *source_key(char kind, const char *source)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(source);

    if (address && g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6 &&
        !g_inet_address_get_is_loopback(address)) {
        const guint8 *b = g_inet_address_to_bytes(address);
        return g_strdup_printf("%c:%02x%02x:%02x%02x:%02x%02x:%02x%02x::/64", kind, b[0], b[1], b[2], b[3], b[4], b[5],
                               b[6], b[7]);
    }
    return g_strdup_printf("%c:%s", kind, source);
}

bool md_api_same_source(const char *a, const char *b)
{
    g_autofree char *x = source_key('r', a), *y = source_key('r', b);

    return g_str_equal(x, y);
}

static void make_room(MdApiGuard *guard, int64_t now_us)
{
    GHashTableIter iter;
    gpointer key, value, oldest = NULL;
    int64_t oldest_us = G_MAXINT64;

    g_hash_table_iter_init(&iter, guard->entries);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        Entry *e = value;
        if (now_us - e->at_us > FORGET_US)
            g_hash_table_iter_remove(&iter);
        else if (e->at_us < oldest_us) {
            oldest_us = e->at_us;
            oldest = key;
        }
    }
    if (g_hash_table_size(guard->entries) >= ENTRIES_MAX && oldest)
        g_hash_table_remove(guard->entries, oldest);
}

static Entry *entry(MdApiGuard *guard, char *key /* taken */, int64_t now_us)
{
    Entry *e = g_hash_table_lookup(guard->entries, key);

    if (e) {
        g_free(key);
        return e;
    }
    if (g_hash_table_size(guard->entries) >= ENTRIES_MAX)
        make_room(guard, now_us);
    e = g_new0(Entry, 1);
    e->tokens = guard->burst;
    e->at_us = now_us;
    g_hash_table_insert(guard->entries, key, e);
    return e;
}

static bool take(Entry *e, double rate, double burst, int64_t now_us)
{
    e->tokens += (double)(now_us - e->at_us) / G_USEC_PER_SEC * rate;
    e->tokens = MIN(e->tokens, burst);
    e->at_us = now_us;
    if (e->tokens < 1)
        return false;
    e->tokens -= 1;
    return true;
}

bool md_api_guard_request(MdApiGuard *guard, const char *source, int64_t now_us)
{
    return take(entry(guard, source_key('r', source), now_us), guard->rate, guard->burst, now_us);
}

bool md_api_guard_device(MdApiGuard *guard, const char *device, int64_t now_us)
{
    return take(entry(guard, g_strdup_printf("d:%s", device), now_us), DEVICE_RATE, DEVICE_BURST, now_us);
}

static unsigned wait_of(const Entry *e, int64_t now_us)
{
    return e->blocked_us > now_us ? (unsigned)((e->blocked_us - now_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC) : 0;
}

unsigned md_api_guard_sign_in_wait(MdApiGuard *guard, const char *source, const char *account, int64_t now_us)
{
    const Entry *s = entry(guard, source_key('s', source), now_us);
    unsigned wait = wait_of(s, now_us);
    const Entry *a = entry(guard, g_strdup_printf("a:%s", account), now_us);

    return MAX(wait, wait_of(a, now_us));
}

static void note(Entry *e, bool ok, unsigned free_tries, int64_t wait_max_s, int64_t now_us)
{
    if (ok || now_us - e->at_us > FORGET_US)
        e->failures = 0;
    e->at_us = now_us;
    if (ok) {
        e->blocked_us = 0;
        return;
    }
    e->failures++;
    if (e->failures < free_tries)
        return;
    unsigned doublings = MIN(e->failures - free_tries, 16);
    e->blocked_us = now_us + MIN((int64_t)1 << doublings, wait_max_s) * G_USEC_PER_SEC;
}

void md_api_guard_sign_in_result(MdApiGuard *guard, const char *source, const char *account, bool ok, int64_t now_us)
{
    note(entry(guard, source_key('s', source), now_us), ok, FREE_TRIES_SOURCE, WAIT_MAX_S, now_us);
    note(entry(guard, g_strdup_printf("a:%s", account), now_us), ok, FREE_TRIES_ACCOUNT, ACCOUNT_WAIT_MAX_S, now_us);
}

#define FREE_TRIES_CODE 5

unsigned md_api_guard_code_wait(MdApiGuard *guard, const char *account, int64_t now_us)
{
    return wait_of(entry(guard, g_strdup_printf("c:%s", account), now_us), now_us);
}

void md_api_guard_code_result(MdApiGuard *guard, const char *account, bool ok, int64_t now_us)
{
    note(entry(guard, g_strdup_printf("c:%s", account), now_us), ok, FREE_TRIES_CODE, WAIT_MAX_S, now_us);
}
