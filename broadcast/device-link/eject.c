/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/eject.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <mosquitto.h>
#include <unistd.h>

#define TRIES 3u
#define PAUSE_US (3 * G_USEC_PER_SEC) /* then four times as long */
#define REST_US (10 * G_USEC_PER_SEC)
#define PATIENCE_US (5 * G_USEC_PER_SEC)
#define BESIDE 2 /* connections at once */

typedef struct Entry {
    unsigned tries;      /* that are left; 0: done, the entry only keeps it from being done again too soon */
    int64_t next_us, pause_us, since_us;
} Entry;

struct BcEjector {
    BcCa *ca;
    char *host;
    uint16_t port;
    GHashTable *entries; /* device -> Entry */
    GThreadPool *pool;
};

typedef struct Task {
    char *device, *host, *ca, *certificate, *key, *folder; /* certificate, key: PEM */
    uint16_t port;
    bool connected;
} Task;

static void free_task(Task *t)
{
    g_free(t->device);
    g_free(t->host);
    g_free(t->ca);
    g_free(t->certificate);
    g_free(t->key);
    g_free(t->folder);
    g_free(t);
}

static void on_connect(struct mosquitto *mosq, void *user, int code)
{
    ((Task *)user)->connected = true;
    mosquitto_disconnect(mosq);
}

static void take_place(Task *t, const char *certificate, const char *key)
{
    struct mosquitto *mosq = mosquitto_new(t->device, true, t);
    int64_t end_us = g_get_monotonic_time() + PATIENCE_US;
    if (!mosq)
        return;
    mosquitto_connect_callback_set(mosq, on_connect);
    int code = mosquitto_tls_set(mosq, t->ca, NULL, certificate, key, NULL);
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_tls_opts_set(mosq, 1, "tlsv1.2", NULL);
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_connect(mosq, t->host, t->port, 10);
    while (code == MOSQ_ERR_SUCCESS && g_get_monotonic_time() < end_us)
        code = mosquitto_loop(mosq, 100, 1); /* ends with an error once it has left */
    mosquitto_destroy(mosq);
}

/* Of the pool. The library reads certificates from files alone. */
static void run(gpointer data, gpointer user)
{
    Task *t = data;
    g_autofree char *folder = g_build_filename(t->folder, "eject-XXXXXX", NULL);
    if (g_mkdtemp_full(folder, 0700)) {
        g_autofree char *certificate = g_build_filename(folder, "pem", NULL), *key = g_build_filename(folder, "key", NULL);
        if (g_file_set_contents_full(certificate, t->certificate, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL) &&
            g_file_set_contents_full(key, t->key, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL))
            take_place(t, certificate, key);
        g_unlink(certificate);
        g_unlink(key);
        g_rmdir(folder);
    }
    free_task(t);
}

BcEjector *bc_ejector_new(BcCa *ca, const char *host, uint16_t port)
{
    BcEjector *e = g_new0(BcEjector, 1);
    *e = (BcEjector){ca, g_strdup(host), port, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
                     g_thread_pool_new(run, NULL, BESIDE, FALSE, NULL)};
    return e;
}

/* A task under way has all it needs of its own: nobody waits for a broker that does not answer. */
void bc_ejector_free(BcEjector *e)
{
    if (!e)
        return;
    g_thread_pool_free(e->pool, FALSE, FALSE);
    g_hash_table_unref(e->entries);
    g_free(e->host);
    g_free(e);
}

void bc_ejector_add(BcEjector *e, const char *device, bool again, int64_t now_us)
{
    const Entry *old = g_hash_table_lookup(e->entries, device);
    if (old && (old->tries || now_us - old->since_us < REST_US))
        return;
    Entry *entry = g_new0(Entry, 1);
    *entry = (Entry){again ? TRIES : 1, now_us, PAUSE_US, now_us};
    g_hash_table_replace(e->entries, g_strdup(device), entry);
}

void bc_ejector_remove(BcEjector *e, const char *device)
{
    g_hash_table_remove(e->entries, device);
}

static bool begin(BcEjector *e, const char *device, GError **error)
{
    Task *t = g_new0(Task, 1);
    *t = (Task){.device = g_strdup(device), .host = g_strdup(e->host), .port = e->port, .folder = g_strdup(bc_ca_folder(e->ca)),
                .ca = g_build_filename(bc_ca_folder(e->ca), "ca.pem", NULL)};
    if (bc_ca_borrow(e->ca, device, &t->certificate, &t->key, error) && g_thread_pool_push(e->pool, t, error))
        return true;
    free_task(t);
    return false;
}

void bc_ejector_step(BcEjector *e, int64_t now_us, void (*ejected)(const char *device, const GError *error, void *user), void *user)
{
    GHashTableIter it;
    gpointer device, value;
    g_hash_table_iter_init(&it, e->entries);
    while (g_hash_table_iter_next(&it, &device, &value)) {
        Entry *entry = value;
        if (!entry->tries && now_us - entry->since_us >= REST_US) {
            g_hash_table_iter_remove(&it);
        } else if (entry->tries && now_us >= entry->next_us) {
            g_autoptr(GError) error = NULL;
            begin(e, device, &error);
            entry->tries--;
            entry->next_us = now_us + entry->pause_us;
            entry->pause_us *= 4;
            if (ejected)
                ejected(device, error, user);
        }
    }
}
