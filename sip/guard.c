/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/guard.h"
#include <arpa/inet.h>
#include <string.h>
#include "mediad/core/bucket.h"
#include "mediad/core/hash.h"

#define LOG_EVERY_US 10000000
/* what each device registered from a source adds to its budget: a commune behind one address, a simulator */
#define KNOWN_RATE_PER_S 4
#define KNOWN_BURST 20
#define CONNECTION_TOKENS 10 /* a connection costs more than a message: a socket, buffers, perhaps a TLS handshake */

typedef struct Key {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d, IPv6 cut to its /64 */
} Key;

typedef struct Source {
    Key key;
    GList link; /* in guard->recent, data = this */
    MdBucket bucket;
    uint64_t offences[SG_OFFENCE_MAX];
    uint64_t dropped;
    int64_t window_start_us, banned_until_us, last_log_us;
    unsigned strikes, connections, known;
    SgGuardOffence last;
    bool offended;
} Source;

struct SgGuard {
    SgGuardOptions options; /* immutable */
    GMutex lock;            /* over everything below: the API lists while the SIP thread works */
    GHashTable *sources;
    GQueue recent;          /* head: used last */
    unsigned connections;
};

static MdHashKey hash_key; /* one for the process: GHashTable's function takes no argument */

static guint key_hash(gconstpointer data)
{
    return (guint)md_hash(hash_key, data, sizeof(Key));
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(Key)) == 0;
}

const char *sg_guard_offence_to_string(SgGuardOffence offence)
{
    static const char *const names[] = {"malformed message", "message too large", "out of order", "wrong password",
                                        "over its rate", "too many connections"};

    return offence >= 0 && offence < SG_OFFENCE_MAX ? names[offence] : NULL;
}

static unsigned or_default(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

static void source_free(gpointer data)
{
    g_free(data);
}

SgGuard *sg_guard_new(const SgGuardOptions *options)
{
    static gsize once;
    SgGuard *guard = g_new0(SgGuard, 1);

    if (g_once_init_enter(&once)) {
        hash_key = md_hash_key_random();
        g_once_init_leave(&once, 1);
    }
    guard->options = *options;
    guard->options.rate_per_s = or_default(options->rate_per_s, 500);
    guard->options.burst = or_default(options->burst, 2000);
    guard->options.sources_max = or_default(options->sources_max, 65536);
    guard->options.connections_per_source = or_default(options->connections_per_source, 200);
    guard->options.connections_max = or_default(options->connections_max, 20000);
    guard->options.bad_passwords = or_default(options->bad_passwords, 20);
    guard->options.window_s = or_default(options->window_s, 600);
    guard->options.ban_s = or_default(options->ban_s, 600);
    g_mutex_init(&guard->lock);
    g_queue_init(&guard->recent);
    guard->sources = g_hash_table_new_full(key_hash, key_equal, NULL, source_free);
    return guard;
}

void sg_guard_free(SgGuard *guard)
{
    if (!guard)
        return;
    g_hash_table_unref(guard->sources);
    g_mutex_clear(&guard->lock);
    g_free(guard);
}

static void make_key(Key *key, const struct sockaddr *source)
{
    memset(key, 0, sizeof(*key));
    if (source->sa_family == AF_INET6) {
        const uint8_t *address = ((const struct sockaddr_in6 *)(const void *)source)->sin6_addr.s6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)(const void *)source)->sin6_addr);

        memcpy(key->bytes, address, mapped ? 16 : 8);
    } else {
        key->bytes[10] = key->bytes[11] = 0xff;
        memcpy(key->bytes + 12, &((const struct sockaddr_in *)(const void *)source)->sin_addr, 4);
    }
}

static bool is_v4(const Key *key)
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    return memcmp(key->bytes, prefix, 12) == 0;
}

static void key_text(const Key *key, char *out, size_t size)
{
    char address[INET6_ADDRSTRLEN];

    if (is_v4(key)) {
        inet_ntop(AF_INET, key->bytes + 12, out, (socklen_t)size);
        return;
    }
    inet_ntop(AF_INET6, key->bytes, address, sizeof(address));
    g_snprintf(out, size, "%s/64", address);
}

/* Forget the source that was quiet longest; one that is banned, connected or known gets a few chances. */
static void evict(SgGuard *guard)
{
    for (int tries = 0; tries < 16; tries++) {
        GList *link = g_queue_peek_tail_link(&guard->recent);
        Source *source = link->data;

        g_queue_unlink(&guard->recent, link);
        if (tries < 15 && (source->banned_until_us > 0 || source->connections > 0 || source->known > 0)) {
            g_queue_push_head_link(&guard->recent, link);
            continue;
        }
        guard->connections -= source->connections;
        g_hash_table_remove(guard->sources, &source->key);
        return;
    }
}

static Source *get(SgGuard *guard, const struct sockaddr *address, int64_t now_us)
{
    Source *source;
    Key key;

    make_key(&key, address);
    source = g_hash_table_lookup(guard->sources, &key);
    if (source) {
        if (guard->recent.head != &source->link) {
            g_queue_unlink(&guard->recent, &source->link);
            g_queue_push_head_link(&guard->recent, &source->link);
        }
        return source;
    }
    if (g_hash_table_size(guard->sources) >= guard->options.sources_max)
        evict(guard);
    source = g_new0(Source, 1);
    source->key = key;
    source->link.data = source;
    source->last_log_us = INT64_MIN / 2;
    md_bucket_init(&source->bucket, guard->options.rate_per_s, guard->options.burst, now_us);
    g_hash_table_insert(guard->sources, &source->key, source);
    g_queue_push_head_link(&guard->recent, &source->link);
    return source;
}

static bool banned(Source *source, int64_t now_us)
{
    if (source->banned_until_us > 0 && now_us >= source->banned_until_us) {
        source->banned_until_us = 0;
        source->strikes = 0;
    }
    return source->banned_until_us > 0;
}

SgGuardVerdict sg_guard_message(SgGuard *guard, const struct sockaddr *address, int64_t now_us)
{
    SgGuardVerdict verdict = SG_GUARD_PASS;
    Source *source;

    g_mutex_lock(&guard->lock);
    source = get(guard, address, now_us);
    if (banned(source, now_us))
        verdict = SG_GUARD_BANNED;
    else if (!md_bucket_take(&source->bucket, 1, now_us))
        verdict = SG_GUARD_OVER_RATE;
    if (verdict != SG_GUARD_PASS)
        source->dropped++;
    g_mutex_unlock(&guard->lock);
    return verdict;
}

bool sg_guard_connect(SgGuard *guard, const struct sockaddr *address, int64_t now_us)
{
    Source *source;
    bool ok;

    g_mutex_lock(&guard->lock);
    source = get(guard, address, now_us);
    ok = !banned(source, now_us) && source->connections < guard->options.connections_per_source &&
         guard->connections < guard->options.connections_max &&
         md_bucket_take(&source->bucket, MIN(CONNECTION_TOKENS, source->bucket.burst), now_us);
    if (ok) {
        source->connections++;
        guard->connections++;
    }
    g_mutex_unlock(&guard->lock);
    return ok;
}

void sg_guard_disconnect(SgGuard *guard, const struct sockaddr *address)
{
    Source *source;
    Key key;

    make_key(&key, address);
    g_mutex_lock(&guard->lock);
    source = g_hash_table_lookup(guard->sources, &key);
    if (source && source->connections > 0) {
        source->connections--;
        guard->connections--;
    }
    g_mutex_unlock(&guard->lock);
}

/* Offences that count towards a ban once the source has proved its address. */
static bool strike(SgGuard *guard, Source *source, SgGuardOffence offence, int64_t now_us)
{
    if (offence != SG_OFFENCE_BAD_PASSWORD && offence != SG_OFFENCE_MALFORMED && offence != SG_OFFENCE_OVERSIZE)
        return false;
    if (now_us - source->window_start_us > (int64_t)guard->options.window_s * 1000000) {
        source->window_start_us = now_us;
        source->strikes = 0;
    }
    source->strikes++;
    if (source->known > 0 || source->strikes < guard->options.bad_passwords || source->banned_until_us > 0)
        return false;
    source->banned_until_us = now_us + (int64_t)guard->options.ban_s * 1000000;
    return true;
}

bool sg_guard_offend(SgGuard *guard, const struct sockaddr *address, SgGuardOffence offence, bool proven, int64_t now_us,
                     bool *ret_banned)
{
    bool log, ban = false;
    Source *source;

    g_mutex_lock(&guard->lock);
    source = get(guard, address, now_us);
    source->offences[offence]++;
    source->last = offence;
    source->offended = true;
    if (proven)
        ban = strike(guard, source, offence, now_us);
    log = ban || now_us - source->last_log_us >= LOG_EVERY_US;
    if (log)
        source->last_log_us = now_us;
    g_mutex_unlock(&guard->lock);
    if (ret_banned)
        *ret_banned = ban;
    return log;
}

void sg_guard_set_known(SgGuard *guard, const struct sockaddr *address, bool known, int64_t now_us)
{
    Source *source;

    g_mutex_lock(&guard->lock);
    source = get(guard, address, now_us);
    if (known)
        source->known++;
    else if (source->known > 0)
        source->known--;
    source->bucket.rate_per_s = guard->options.rate_per_s + source->known * KNOWN_RATE_PER_S;
    source->bucket.burst = guard->options.burst + source->known * KNOWN_BURST;
    g_mutex_unlock(&guard->lock);
}

bool sg_guard_forgive(SgGuard *guard, const char *text)
{
    bool found = false;

    g_mutex_lock(&guard->lock);
    for (GList *link = guard->recent.head; link && !found; link = link->next) {
        Source *source = link->data;
        char name[INET6_ADDRSTRLEN + 4];

        key_text(&source->key, name, sizeof(name));
        if (strcmp(name, text) != 0)
            continue;
        source->banned_until_us = 0;
        source->strikes = 0;
        found = true;
    }
    g_mutex_unlock(&guard->lock);
    return found;
}

GArray *sg_guard_list(SgGuard *guard, int64_t now_us)
{
    GArray *list = g_array_new(FALSE, TRUE, sizeof(SgGuardEntry));

    g_mutex_lock(&guard->lock);
    for (GList *link = guard->recent.head; link; link = link->next) {
        Source *source = link->data;
        SgGuardEntry entry = {0};

        if (!source->offended && source->dropped == 0)
            continue;
        key_text(&source->key, entry.source, sizeof(entry.source));
        entry.reason = source->offended ? sg_guard_offence_to_string(source->last)
                                        : sg_guard_offence_to_string(SG_OFFENCE_OVER_RATE);
        memcpy(entry.offences, source->offences, sizeof(entry.offences));
        entry.dropped = source->dropped;
        entry.connections = source->connections;
        entry.known_device = source->known > 0;
        entry.banned = banned(source, now_us);
        entry.banned_until_us = source->banned_until_us;
        g_array_append_val(list, entry);
    }
    g_mutex_unlock(&guard->lock);
    return list;
}
