/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "mediad/transport/dtls.h"

/* Two associations joined by queues; the drop-th datagrams of the wire are lost. */
typedef struct End {
    MdDtls *dtls;
    struct End *peer;
    GQueue in; /* of GBytes */
    unsigned *count;
    const unsigned *drop; /* 0-terminated: numbers of datagrams that are lost */
} End;

static void on_send(const uint8_t *data, size_t len, void *user)
{
    End *end = user;
    unsigned n = ++*end->count;
    g_assert_cmpuint(len, <=, 1200);
    for (const unsigned *d = end->drop; d && *d; d++)
        if (*d == n)
            return;
    g_queue_push_tail(&end->peer->in, g_bytes_new(data, len));
}

static unsigned shuttle(End *end)
{
    unsigned moved = 0;
    for (bool again = true; again;) {
        again = false;
        for (unsigned i = 0; i < 2; i++) {
            GBytes *bytes = g_queue_pop_head(&end[i].in);
            if (!bytes)
                continue;
            gsize len;
            const uint8_t *data = g_bytes_get_data(bytes, &len);
            md_dtls_input(end[i].dtls, data, len);
            g_bytes_unref(bytes);
            moved++;
            again = true;
        }
    }
    return moved;
}

static void set_up(End *end, MdDtlsIdentity *const *identity, const char *fingerprint_of_0, unsigned *count, const unsigned *drop)
{
    memset(end, 0, 2 * sizeof *end);
    for (unsigned i = 0; i < 2; i++) {
        end[i].peer = &end[!i];
        end[i].count = count;
        end[i].drop = drop;
        MdDtlsOptions options = {.identity = identity[i], .active = i == 1, .first_timeout_ms = 20, .send = on_send, .user = &end[i],
                                 .peer_fingerprint = i == 1 ? fingerprint_of_0 : md_dtls_identity_fingerprint(identity[1])};
        end[i].dtls = md_dtls_new(&options);
        g_assert_nonnull(end[i].dtls);
    }
}

static void tear_down(End *end)
{
    for (unsigned i = 0; i < 2; i++) {
        md_dtls_free(end[i].dtls);
        g_queue_clear_full(&end[!i].in, (GDestroyNotify)g_bytes_unref);
        g_queue_clear_full(&end[i].in, (GDestroyNotify)g_bytes_unref);
    }
}

static void assert_keys(End *end)
{
    MdSrtpKey send[2], receive[2];
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpint(md_dtls_state(end[i].dtls), ==, MD_DTLS_CONNECTED);
        g_assert_cmpint(md_dtls_keys(end[i].dtls, &send[i], &receive[i]), ==, 0);
        g_assert_cmpint(send[i].suite, ==, MD_SRTP_AEAD_AES_128_GCM);
    }
    g_assert_true(md_srtp_key_equal(&send[0], &receive[1]));
    g_assert_true(md_srtp_key_equal(&send[1], &receive[0]));
    g_assert_false(md_srtp_key_equal(&send[0], &send[1]));
}

static MdDtlsIdentity *identities[2];

static void test_handshake(void)
{
    End end[2];
    unsigned count = 0;
    MdSrtpKey key;
    set_up(end, identities, md_dtls_identity_fingerprint(identities[0]), &count, NULL);
    g_assert_cmpint(md_dtls_keys(end[0].dtls, &key, &key), ==, -ENOTCONN);
    g_assert_cmpint(md_dtls_timeout_ms(end[0].dtls), ==, -1);
    md_dtls_start(end[0].dtls);
    g_assert_cmpuint(count, ==, 0); /* passive */
    md_dtls_start(end[1].dtls);
    shuttle(end);
    assert_keys(end);
    md_dtls_free(end[1].dtls);
    end[1].dtls = NULL;
    GBytes *bye = g_queue_pop_head(&end[0].in);
    g_assert_nonnull(bye);
    gsize len;
    const uint8_t *data = g_bytes_get_data(bye, &len);
    md_dtls_input(end[0].dtls, data, len);
    g_assert_cmpint(md_dtls_state(end[0].dtls), ==, MD_DTLS_CLOSED);
    g_bytes_unref(bye);
    tear_down(end);
}

/* OpenSSL keeps its retransmission timer in real time: the first is 20 ms here. */
static void test_loss(void)
{
    static const unsigned drops[][4] = {{1}, {2}, {3, 4}, {5}, {1, 3, 6}};
    for (unsigned c = 0; c < G_N_ELEMENTS(drops); c++) {
        End end[2];
        unsigned count = 0;
        set_up(end, identities, md_dtls_identity_fingerprint(identities[0]), &count, drops[c]);
        md_dtls_start(end[1].dtls);
        gint64 give_up = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
        do {
            shuttle(end);
            for (unsigned i = 0; i < 2; i++)
                if (md_dtls_timeout_ms(end[i].dtls) == 0)
                    g_assert_cmpint(md_dtls_timeout(end[i].dtls), ==, 0);
        } while ((md_dtls_state(end[0].dtls) != MD_DTLS_CONNECTED || md_dtls_state(end[1].dtls) != MD_DTLS_CONNECTED) &&
                 g_get_monotonic_time() < give_up);
        assert_keys(end);
        tear_down(end);
    }
}

static void test_wrong_fingerprint(void)
{
    End end[2];
    unsigned count = 0;
    set_up(end, identities, md_dtls_identity_fingerprint(identities[1]), &count, NULL);
    md_dtls_start(end[1].dtls);
    shuttle(end);
    MdSrtpKey key;
    g_assert_cmpint(md_dtls_state(end[1].dtls), ==, MD_DTLS_FAILED);
    g_assert_cmpint(md_dtls_keys(end[1].dtls, &key, &key), ==, -ENOTCONN);
    g_assert_nonnull(strstr(md_dtls_error(end[1].dtls), "fingerprint"));
    tear_down(end);
}

static void test_rubbish(void)
{
    End end[2];
    unsigned count = 0;
    set_up(end, identities, md_dtls_identity_fingerprint(identities[0]), &count, NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    for (unsigned i = 0; i < 300; i++) {
        uint8_t data[200];
        for (unsigned b = 0; b < sizeof data; b++)
            data[b] = (uint8_t)g_rand_int(rand);
        data[0] = 22;
        data[1] = 0xfe;
        data[2] = 0xfd;
        md_dtls_input(end[0].dtls, data, (size_t)g_rand_int_range(rand, 1, sizeof data));
    }
    g_assert_cmpint(md_dtls_state(end[0].dtls), !=, MD_DTLS_CONNECTED);
    tear_down(end);
}

static void test_fingerprints(void)
{
    const char *ours = md_dtls_identity_fingerprint(identities[0]);
    g_assert_cmpuint(strlen(ours), ==, 8 + 95);
    g_assert_true(md_dtls_fingerprint_is_valid(ours));
    g_autofree char *upper = g_ascii_strup(ours, -1), *lower = g_ascii_strdown(ours, -1);
    g_assert_true(md_dtls_fingerprint_is_valid(upper) && md_dtls_fingerprint_is_valid(lower));
    static const char *const bad[] = {"", "sha-256", "sha-256 ", "sha-256 AB:CD", "sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB", "md5 AB"};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(md_dtls_fingerprint_is_valid(bad[i]));
    g_assert_false(md_dtls_fingerprint_is_valid(NULL));
    g_autofree char *longer = g_strconcat(ours, ":00", NULL);
    g_assert_false(md_dtls_fingerprint_is_valid(longer));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < 2; i++)
        identities[i] = md_dtls_identity_new();
    g_test_add_func("/dtls/handshake", test_handshake);
    g_test_add_func("/dtls/loss", test_loss);
    g_test_add_func("/dtls/wrong-fingerprint", test_wrong_fingerprint);
    g_test_add_func("/dtls/rubbish", test_rubbish);
    g_test_add_func("/dtls/fingerprints", test_fingerprints);
    int rc = g_test_run();
    for (unsigned i = 0; i < 2; i++)
        md_dtls_identity_free(identities[i]);
    return rc;
}
