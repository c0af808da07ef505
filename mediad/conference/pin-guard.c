/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/conference/pin-guard.h"
#include <arpa/inet.h>
#include <string.h>

static const int64_t WINDOW_US = 600 * G_USEC_PER_SEC, BLOCK_US = 600 * G_USEC_PER_SEC;

typedef struct Party {
    unsigned wrong;
    int64_t first_us, last_us;
    int64_t until_us; /* blocked up to then */
} Party;

struct MdPinGuard {
    GHashTable *parties; /* key → Party*, both owned */
};

MdPinGuard *md_pin_guard_new(void)
{
    MdPinGuard *guard = g_new0(MdPinGuard, 1);
    guard->parties = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return guard;
}

void md_pin_guard_free(MdPinGuard *guard)
{
    if (guard == NULL)
        return;
    g_hash_table_unref(guard->parties);
    g_free(guard);
}

/* Whoever has one address of IPv6 has the whole /64. */
static char *key_of(const MdCallInfo *info)
{
    struct in6_addr six;
    char text[INET6_ADDRSTRLEN];
    if (info->account != NULL && *info->account != 0)
        return g_strconcat("account ", info->account, NULL);
    const char *host = info->peer_host != NULL ? info->peer_host : "";
    if (inet_pton(AF_INET6, host, &six) == 1 && !IN6_IS_ADDR_V4MAPPED(&six)) {
        memset(six.s6_addr + 8, 0, 8);
        host = inet_ntop(AF_INET6, &six, text, sizeof text);
    }
    return g_strconcat("host ", host, NULL);
}

bool md_pin_guard_blocked(const MdPinGuard *guard, const MdCallInfo *info, int64_t now_us)
{
    g_autofree char *key = key_of(info);
    const Party *party = g_hash_table_lookup(guard->parties, key);
    return party != NULL && now_us < party->until_us;
}

static void make_room(MdPinGuard *guard, int64_t now_us)
{
    GHashTableIter iter;
    gpointer key, value, oldest = NULL;
    int64_t oldest_us = INT64_MAX;
    if (g_hash_table_size(guard->parties) < MD_PIN_GUARD_PARTIES_MAX)
        return;
    g_hash_table_iter_init(&iter, guard->parties);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const Party *party = value;
        if (now_us >= party->until_us && now_us - party->first_us >= WINDOW_US) {
            g_hash_table_iter_remove(&iter);
            continue;
        }
        if (party->last_us < oldest_us) {
            oldest = key;
            oldest_us = party->last_us;
        }
    }
    if (oldest != NULL && g_hash_table_size(guard->parties) >= MD_PIN_GUARD_PARTIES_MAX)
        g_hash_table_remove(guard->parties, oldest);
}

bool md_pin_guard_wrong(MdPinGuard *guard, const MdCallInfo *info, int64_t now_us)
{
    g_autofree char *key = key_of(info);
    Party *party = g_hash_table_lookup(guard->parties, key);
    if (party == NULL) {
        make_room(guard, now_us);
        party = g_new0(Party, 1);
        g_hash_table_insert(guard->parties, g_steal_pointer(&key), party);
    }
    if (party->wrong == 0 || now_us - party->first_us >= WINDOW_US) {
        party->wrong = 0;
        party->first_us = now_us;
    }
    party->last_us = now_us;
    if (++party->wrong < MD_PIN_GUARD_WRONG_MAX)
        return false;
    party->wrong = 0;
    party->until_us = now_us + BLOCK_US;
    return true;
}
