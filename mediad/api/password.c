/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Argon2id takes tens of milliseconds and 64 MiB by design: two threads of their own do it, the control thread never. */
#include "mediad/api/private.h"
#include <sodium.h>
#include <string.h>

#define THREADS 2
#define WAITING_MAX 32

struct MdApiPasswords {
    GThreadPool *pool;
    GMainContext *context;
    char dummy[crypto_pwhash_STRBYTES]; /* compared for accounts that do not exist: the same work */
    unsigned waiting;                   /* control */
};

typedef struct Job {
    MdApiPasswords *owner;
    char *password;
    char hash[crypto_pwhash_STRBYTES];
    bool verify, unknown, ok;
    MdPasswordFn fn;
    gpointer user;
} Job;

static gboolean answer(gpointer data)
{
    Job *job = data;

    job->owner->waiting--;
    job->fn(job->ok, job->ok && !job->verify ? job->hash : NULL, job->user);
    return G_SOURCE_REMOVE;
}

static void job_free(gpointer data)
{
    Job *job = data;

    sodium_memzero(job->password, strlen(job->password));
    g_free(job->password);
    g_free(job);
}

static void work(gpointer data, gpointer user)
{
    Job *job = data;
    MdApiPasswords *p = user;

    if (job->verify) {
        job->ok = crypto_pwhash_str_verify(job->hash, job->password, strlen(job->password)) == 0 && !job->unknown;
    } else {
        job->ok = crypto_pwhash_str(job->hash, job->password, strlen(job->password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                    crypto_pwhash_MEMLIMIT_INTERACTIVE) == 0;
    }
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, answer, job, job_free);
    g_source_attach(source, p->context);
    g_source_unref(source);
}

MdApiPasswords *md_api_passwords_new(void)
{
    if (sodium_init() < 0)
        return NULL;
    MdApiPasswords *p = g_new0(MdApiPasswords, 1);
    char random[16];
    randombytes_buf(random, sizeof random);
    if (crypto_pwhash_str(p->dummy, random, sizeof random, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
        g_free(p);
        return NULL;
    }
    p->context = g_main_context_ref_thread_default();
    p->pool = g_thread_pool_new(work, p, THREADS, FALSE, NULL);
    return p;
}

/* Waits for the hashes under way and hands them out: their requests hold references. */
void md_api_passwords_free(MdApiPasswords *p)
{
    if (!p)
        return;
    g_thread_pool_free(p->pool, FALSE, TRUE);
    while (p->waiting > 0)
        g_main_context_iteration(p->context, TRUE);
    g_main_context_unref(p->context);
    g_free(p);
}

static bool push(MdApiPasswords *p, const char *password, const char *hash, bool verify, MdPasswordFn fn, gpointer user)
{
    if (p->waiting >= WAITING_MAX)
        return false;
    p->waiting++;
    Job *job = g_new0(Job, 1);
    job->owner = p;
    job->password = g_strdup(password);
    job->verify = verify;
    job->unknown = verify && !hash;
    if (verify)
        g_strlcpy(job->hash, hash ? hash : p->dummy, sizeof job->hash);
    job->fn = fn;
    job->user = user;
    return g_thread_pool_push(p->pool, job, NULL);
}

bool md_api_password_verify(MdApiPasswords *p, const char *password, const char *hash, MdPasswordFn fn, gpointer user)
{
    return push(p, password, hash, true, fn, user);
}

bool md_api_password_hash(MdApiPasswords *p, const char *password, MdPasswordFn fn, gpointer user)
{
    return push(p, password, NULL, false, fn, user);
}
