/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One-time codes are used once: the step a code was for is written before what it allows is done, and a recovery code is gone from the store. */
#include "mediad/api/second-factor.h"
#include <sodium.h>
#include <string.h>

typedef struct Use {
    MdApiRequest *request;
    char *user, *recovery; /* recovery: hash; NULL: a code by time */
    int64_t step;
    bool fresh;            /* nobody used it before */
    MdFactorFn fn;
    gpointer data;
} Use;

static void use_free(gpointer data)
{
    Use *use = data;

    g_free(use->user);
    g_free(use->recovery);
    g_free(use);
}

static bool write_use(MdDb *db, gpointer data, GError **error)
{
    Use *use = data;
    bool ok = use->recovery ? md_db_run(db, error, "DELETE FROM md_recovery_codes WHERE hash = $1 AND user_name = $2", "ss", use->recovery, use->user)
                            : md_db_run(db, error, "UPDATE md_factors SET last_step = $2 WHERE user_name = $1 AND last_step < $2", "si",
                                        use->user, use->step);

    use->fresh = ok && md_db_changes(db) > 0;
    return ok;
}

static void used(bool ok, const GError *error, gpointer data, gpointer user)
{
    Use *use = data;
    MdApi *api = use->request->api;

    if (ok && use->fresh && api)
        md_api_guard_code_result(api->guard, use->user, true, md_clock_now_us(api->clock));
    use->fn(use->request, !ok ? MD_FACTOR_FAILED : use->fresh ? MD_FACTOR_RIGHT : MD_FACTOR_WRONG, error, use->data);
}

void md_api_factor_tidy(const char *code, char ret[FACTOR_CODE_MAX])
{
    unsigned n = 0;

    for (; *code && n < FACTOR_CODE_MAX - 1; code++)
        if (g_ascii_isalnum(*code))
            ret[n++] = g_ascii_toupper(*code);
    ret[n] = '\0';
}

char *md_api_factor_recovery_hash(const char *user, const char *tidied)
{
    g_autofree char *text = g_strconcat(user, ":", tidied, NULL);

    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

void md_api_factor_verify(MdApiRequest *r, const char *user, const char *code, MdFactorFn fn, gpointer data)
{
    MdApi *api = r->api;
    int64_t now_us = md_clock_now_us(api->clock);
    char tidied[FACTOR_CODE_MAX];
    Factor factor;
    GError *error = NULL;

    if (md_api_guard_code_wait(api->guard, user, now_us)) {
        fn(r, MD_FACTOR_WAIT, NULL, data);
        return;
    }
    if (!md_api_factor_load(api, user, &factor, &error)) {
        fn(r, MD_FACTOR_FAILED, error, data);
        g_error_free(error);
        return;
    }
    if (!factor.enrolled) {
        fn(r, MD_FACTOR_NONE, NULL, data);
        return;
    }
    /* counted as failed until it proves right, so that many at once do not slip through */
    md_api_guard_code_result(api->guard, user, false, now_us);
    md_api_factor_tidy(code, tidied);
    Use *use = g_new0(Use, 1);
    *use = (Use){r, g_strdup(user), NULL, -1, false, fn, data};
    if (strlen(tidied) > MD_TOTP_DIGITS)
        use->recovery = md_api_factor_recovery_hash(user, tidied);
    else
        use->step = md_totp_match(factor.secret, sizeof factor.secret, md_clock_wall_us(api->clock) / G_USEC_PER_SEC, factor.last_step, tidied);
    sodium_memzero(&factor, sizeof factor);
    if (!use->recovery && use->step < 0) {
        use_free(use);
        fn(r, MD_FACTOR_WRONG, NULL, data);
        return;
    }
    md_store_write(api->store, write_use, use, use_free, used, NULL);
}

void md_api_factor_refuse(MdApiRequest *r, const char *user, MdFactorResult result, const GError *error)
{
    if (!r->api) {
        md_api_reply_error(r, 503, "stopping", "the server stops", NULL);
        return;
    }
    if (result == MD_FACTOR_WAIT) {
        unsigned wait = md_api_guard_code_wait(r->api->guard, user, md_clock_now_us(r->api->clock));
        g_autofree char *hint = g_strdup_printf("try again in %u s", MAX(wait, 1));
        md_api_reply_error(r, 429, "too-many-tries", "too many wrong one-time codes", hint);
    } else if (result == MD_FACTOR_NONE) {
        md_api_reply_error(r, 403, "second-factor-missing", "this needs a second factor, and the account has none yet",
                           "enrol: POST " MD_API_PREFIX "/session/second-factor/enrol with the password, then confirm with a code");
    } else if (result == MD_FACTOR_FAILED) {
        md_error(&r->api->logger, "the second factor of %s cannot be checked: %s", user, error ? error->message : "unknown");
        md_api_reply_error(r, 500, "store-failed", "the second factor cannot be checked; the log says why", NULL);
    } else {
        md_notice(&r->api->logger, "a wrong one-time code for %s from %s", user, r->source);
        md_api_reply_error(r, 403, "wrong-one-time-code", "the one-time code is wrong, old or used",
                           "each code works once: wait for the next; is the telephone's clock right?");
    }
}
