/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <glib/gstdio.h>
#include "broadcast/link/jws.h"
#include "broadcast/speaker/identity.h"
#include "broadcast/speaker/keep.h"
#include "broadcast/speaker/renewal.h"
#include "broadcast/speaker/reports.h"

static char *make_folder(void)
{
    return g_dir_make_tmp("keep-XXXXXX", NULL);
}

static void drop_folder(char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_unlink(path);
    }
    g_rmdir(folder);
    g_free(folder);
}

typedef struct Cut {
    int left;                    /* steps until the power goes */
    bool gone;
} Cut;

static bool cut_after(const char *step, void *user)
{
    Cut *cut = user;
    if (cut->gone || cut->left-- <= 0) {
        cut->gone = true;
        return false;
    }
    return true;
}

/* The power goes at every step of a write, of small files and of ones in several pieces: what is read back is the old text whole or the new
 * text whole, and whoever was told it is kept finds the new one. */
static void test_every_step(void)
{
    static const gsize sizes[] = {5, 65536 * 3 + 17};
    for (unsigned k = 0; k < G_N_ELEMENTS(sizes); k++) {
        g_autofree char *old = g_strnfill(sizes[k], 'o'), *new = g_strnfill(sizes[k] + 1, 'n');
        for (int at = 0;; at++) {
            char *folder = make_folder();
            g_autoptr(GError) error = NULL;
            gsize len = 0;
            Cut cut = {.left = at};
            g_assert_true(bc_keep_write(folder, "x", old, strlen(old), 0600, NULL));
            bc_keep_set_cut(cut_after, &cut);
            bool kept = bc_keep_write(folder, "x", new, strlen(new), 0600, &error);
            bc_keep_set_cut(NULL, NULL);
            g_assert_true(kept != (error != NULL));
            g_autofree char *back = bc_keep_read(folder, "x", &len, NULL);
            g_assert_true(!strcmp(back, old) || !strcmp(back, new));
            g_assert_cmpuint(len, ==, strlen(back));
            if (kept)
                g_assert_cmpstr(back, ==, new);
            /* the next life writes over whatever was left lying */
            g_assert_true(bc_keep_write(folder, "x", new, strlen(new), 0600, NULL));
            g_autofree char *after = bc_keep_read(folder, "x", NULL, NULL);
            g_assert_cmpstr(after, ==, new);
            drop_folder(folder);
            if (!cut.gone)
                break;
            g_assert_cmpint(at, <, 20);
        }
    }
}

static void test_errors(void)
{
    char *folder = make_folder();
    g_autoptr(GError) error = NULL;
    struct stat st;
    g_assert_null(bc_keep_read(folder, "nothing", NULL, &error));
    g_assert_error(error, BC_KEEP_ERROR, BC_KEEP_ERROR_MISSING);
    g_clear_error(&error);
    g_assert_false(bc_keep_write("/nonexistent/folder", "x", "a", 1, 0600, &error));
    g_assert_nonnull(error);
    g_assert_true(bc_keep_write(folder, "secret", "a", 1, 0600, NULL));
    g_autofree char *path = g_build_filename(folder, "secret", NULL);
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0600);
    g_assert_true(bc_keep_remove(folder, "secret", NULL));
    g_assert_true(bc_keep_remove(folder, "secret", NULL)); /* gone is gone */
    drop_folder(folder);
}

static BcLinkReport report(const char *occurrence)
{
    return (BcLinkReport){.occurrence = (char *)occurrence, .sha256 = (char *)"", .state = (char *)"ended", .from_us = 1767330000000000,
        .to_us = 1767330001000000, .level_dbfs = -20, .level_source = (char *)"loopback", .match = NAN};
}

/* Numbers go on over lives; what has its receipt is forgotten; the rest is sent in order, a hundred at a time. */
static void test_reports(void)
{
    char *folder = make_folder();
    BcReportQueue *queue = bc_report_queue_open(folder, NULL);
    for (unsigned i = 0; i < 250; i++) {
        g_autofree char *name = g_strdup_printf("o%u", i);
        BcLinkReport one = report(name);
        bc_report_queue_put(queue, &one);
        g_assert_cmpint(one.sequence, ==, i + 1);
    }
    g_assert_true(bc_report_queue_save(queue, NULL));
    bc_report_queue_free(queue);
    queue = bc_report_queue_open(folder, NULL);
    g_assert_cmpuint(bc_report_queue_waiting(queue), ==, 250);
    int64_t after = 0, last = 0;
    unsigned seen = 0;
    for (char *text; (text = bc_report_queue_message(queue, after, &last)); after = last) {
        BcLinkReports back = {0};
        g_assert_true(bc_link_reports_parse(&back, text, strlen(text), NULL));
        for (unsigned i = 0; i < back.n; i++)
            g_assert_cmpint(back.reports[i].sequence, ==, ++seen);
        g_assert_cmpfloat(back.reports[0].level_dbfs, ==, -20);
        bc_link_reports_clear(&back);
        g_free(text);
    }
    g_assert_cmpuint(seen, ==, 250);
    bc_report_queue_receipt(queue, 249);
    g_assert_cmpuint(bc_report_queue_waiting(queue), ==, 1);
    bc_report_queue_receipt(queue, 250);
    g_assert_true(bc_report_queue_save(queue, NULL));
    bc_report_queue_free(queue);
    queue = bc_report_queue_open(folder, NULL);
    BcLinkReport next = report("next");
    bc_report_queue_put(queue, &next);
    g_assert_cmpint(next.sequence, ==, 251); /* though nothing was waiting */
    for (unsigned i = 0; i < BC_REPORTS_KEPT_MAX + 10; i++)
        bc_report_queue_put(queue, &next);
    g_assert_cmpuint(bc_report_queue_waiting(queue), ==, BC_REPORTS_KEPT_MAX);
    bc_report_queue_free(queue);
    drop_folder(folder);
}

static char *key_set(unsigned version, const BcKey *key)
{
    g_autofree char *jwk = bc_key_public_jwk(key);
    return g_strdup_printf("{\"version\":%u,\"keys\":[%s]}", version, jwk);
}

/* A set that was signed by a key still believed brings an old key back only if it is newer than what is believed. */
static void test_old_keys(void)
{
    char *folder = make_folder();
    g_autofree char *inner = g_build_filename(folder, "identity", NULL);
    BcKey *key = bc_key_generate(), *other = bc_key_generate();
    g_autofree char *first = key_set(1, key), *newer = key_set(7, key), *older = key_set(6, other);
    g_autofree char *token = bc_jws_sign(key, "mediad-keys", newer, strlen(newer), NULL), *replay = bc_jws_sign(key, "mediad-keys", older, strlen(older), NULL);
    g_assert_cmpint(g_mkdir(inner, 0700), ==, 0);
    g_assert_true(bc_keep_write(inner, "keys.jwks", first, strlen(first), 0600, NULL));
    BcIdentity *identity = bc_identity_open(folder, NULL);
    bool changed = false;
    g_assert_true(bc_identity_keys(identity, folder, token, strlen(token), &changed, NULL));
    g_assert_true(changed);
    g_autoptr(GError) error = NULL;
    g_assert_false(bc_identity_keys(identity, folder, replay, strlen(replay), &changed, &error));
    g_assert_error(error, BC_LINK_ERROR, BC_LINK_ERROR_KEY);
    g_assert_cmpstr(identity->jwks, ==, newer);
    bc_identity_free(identity);
    identity = bc_identity_open(folder, NULL); /* kept over a restart */
    g_clear_error(&error);
    g_assert_false(bc_identity_keys(identity, folder, replay, strlen(replay), &changed, &error));
    bc_identity_free(identity);
    bc_key_free(key);
    bc_key_free(other);
    drop_folder(g_steal_pointer(&inner));
    drop_folder(folder);
}

/* 60 days before its end, or a third of its life. */
static void test_certificate_due(void)
{
    const int64_t day = 86400ll * 1000000;
    static const struct { int life, age; bool due; } cases[] = {{825, 0, false}, {825, 764, false}, {825, 766, true}, {825, 900, true},
                                                                {30, 19, false}, {30, 21, true}, {3, 1, false}};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_true(bc_certificate_due(&(BcCertificateLife){day, day + cases[i].life * day, "1"}, day + cases[i].age * day) == cases[i].due);
    BcCertificateLife life;
    g_assert_false(bc_certificate_life("/nonexistent", &life));
    g_assert_cmpstr(bc_certificate_fault("x", "y", "/nonexistent", "loa-1", 0), ==, "it cannot be read");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/keep/every-step", test_every_step);
    g_test_add_func("/keep/errors", test_errors);
    g_test_add_func("/keep/reports", test_reports);
    g_test_add_func("/keep/old-keys", test_old_keys);
    g_test_add_func("/certificate/due", test_certificate_due);
    return g_test_run();
}
