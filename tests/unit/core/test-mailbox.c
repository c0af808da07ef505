/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include "mediad/core/mailbox.h"

static GArray *seen;

static void note(void *payload, size_t len)
{
    g_assert_cmpuint(len, ==, sizeof(int));
    g_array_append_vals(seen, payload, 1);
}

static bool readable(const MdMailbox *box)
{
    struct pollfd p = {md_mailbox_fd(box), POLLIN, 0};
    return poll(&p, 1, 0) == 1;
}

static void test_order_and_wakeup(void)
{
    MdMailbox *box = md_mailbox_new(3); /* rounded to 4 */
    seen = g_array_new(FALSE, FALSE, sizeof(int));
    g_assert_false(readable(box));
    g_assert_cmpuint(md_mailbox_drain(box, 0), ==, 0);
    for (int i = 0; i < 4; i++)
        g_assert_cmpint(md_mailbox_post(box, note, &i, sizeof i), ==, 0);
    g_assert_cmpint(md_mailbox_post(box, note, &(int){9}, sizeof(int)), ==, -ENOBUFS);
    g_assert_true(readable(box));
    g_assert_cmpuint(md_mailbox_drain(box, 3), ==, 3);
    g_assert_true(readable(box)); /* one is left */
    g_assert_cmpuint(md_mailbox_drain(box, 0), ==, 1);
    g_assert_false(readable(box));
    for (int i = 0; i < 4; i++)
        g_assert_cmpint(g_array_index(seen, int, i), ==, i);
    g_array_free(seen, TRUE);
    md_mailbox_free(box);
}

typedef struct Late {
    MdMailbox *box;
    _Atomic bool reached; /* the reader is before the place that is not filled */
    unsigned ran;
} Late;

static void reach(void *payload, size_t len)
{
    (*(Late **)payload)->reached = true;
}

static void *read_posted(void *user)
{
    Late *late = user;
    late->ran = md_mailbox_drain_posted(late->box);
    return NULL;
}

/* A poster that was stopped between its claim and its letter, and one after it: at the end of a thread no letter stays behind. */
static void test_drain_posted(void)
{
    Late late = {md_mailbox_new(8)}, *l = &late;
    pthread_t reader;
    seen = g_array_new(FALSE, FALSE, sizeof(int));
    g_assert_cmpint(md_mailbox_post(late.box, reach, &l, sizeof l), ==, 0);
    MdMailCell *cell = md_mailbox_claim(late.box);
    g_assert_cmpint(md_mailbox_post(late.box, note, &(int){2}, sizeof(int)), ==, 0);
    g_assert_cmpint(pthread_create(&reader, NULL, read_posted, &late), ==, 0);
    while (!late.reached)
        sched_yield();
    for (int i = 0; i < 1000; i++) /* time to give up, for one that would */
        sched_yield();
    md_mailbox_commit(late.box, cell, note, &(int){1}, sizeof(int));
    pthread_join(reader, NULL);
    g_assert_cmpuint(late.ran, ==, 3);
    g_assert_cmpuint(seen->len, ==, 2);
    g_assert_cmpint(g_array_index(seen, int, 0), ==, 1);
    g_assert_cmpint(g_array_index(seen, int, 1), ==, 2);
    g_assert_cmpuint(md_mailbox_drain_posted(late.box), ==, 0);
    g_array_free(seen, TRUE);
    md_mailbox_free(late.box);
}

static MdMailbox *own;
static int reposts;

static void repost(void *payload, size_t len)
{
    reposts++;
    g_assert_cmpint(md_mailbox_post(own, repost, NULL, 0), ==, 0);
}

/* What a closure posts to its own mailbox waits for the next drain: a drain always ends. */
static void test_post_from_closure(void)
{
    own = md_mailbox_new(8);
    g_assert_cmpint(md_mailbox_post(own, repost, NULL, 0), ==, 0);
    g_assert_cmpuint(md_mailbox_drain(own, 0), ==, 1);
    g_assert_cmpint(reposts, ==, 1);
    g_assert_true(readable(own));
    g_assert_cmpuint(md_mailbox_drain(own, 0), ==, 1);
    g_assert_cmpint(reposts, ==, 2);
    md_mailbox_free(own);
}

static void whole(void *payload, size_t len)
{
    const unsigned char *p = payload;
    g_assert_cmpuint(len, ==, MD_MAIL_PAYLOAD_MAX);
    g_assert_cmpuint((guintptr)payload % 16, ==, 0);
    for (size_t i = 0; i < len; i++)
        g_assert_cmpuint(p[i], ==, (i * 7) & 255);
    reposts = 100;
}

static void test_limits(void)
{
    unsigned char big[MD_MAIL_PAYLOAD_MAX + 1];
    MdMailbox *box = md_mailbox_new(2);
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (unsigned char)(i * 7);
    g_assert_cmpint(md_mailbox_post(box, whole, big, sizeof big), ==, -EMSGSIZE);
    g_assert_cmpint(md_mailbox_post(box, whole, big, MD_MAIL_PAYLOAD_MAX), ==, 0);
    g_assert_cmpuint(md_mailbox_drain(box, 0), ==, 1);
    g_assert_cmpint(reposts, ==, 100);
    md_mailbox_free(box);
    errno = 0;
    g_assert_null(md_mailbox_new(0));
    g_assert_cmpint(errno, ==, EINVAL);
    md_mailbox_free(NULL);
}

static void test_claim_holds_the_reader(void)
{
    MdMailbox *box = md_mailbox_new(4);
    seen = g_array_new(FALSE, FALSE, sizeof(int));
    MdMailCell *cell = md_mailbox_claim(box);
    g_assert_nonnull(cell);
    g_assert_cmpint(md_mailbox_post(box, note, &(int){2}, sizeof(int)), ==, 0);
    g_assert_cmpuint(md_mailbox_drain(box, 0), ==, 0);
    md_mailbox_commit(box, cell, note, &(int){1}, sizeof(int));
    g_assert_true(readable(box));
    g_assert_cmpuint(md_mailbox_drain(box, 0), ==, 2);
    g_assert_cmpint(g_array_index(seen, int, 0), ==, 1);
    g_assert_cmpint(g_array_index(seen, int, 1), ==, 2);
    g_array_free(seen, TRUE);
    md_mailbox_free(box);
}

#define POSTERS 4
#define LETTERS 20000

typedef struct Letter {
    int poster;
    int number;
} Letter;

static int last[POSTERS];

static void receive(void *payload, size_t len)
{
    Letter letter;
    memcpy(&letter, payload, sizeof letter);
    g_assert_cmpint(letter.number, ==, last[letter.poster] + 1); /* in order, none lost, none twice */
    last[letter.poster] = letter.number;
}

static void *post_many(void *user)
{
    Letter letter = {GPOINTER_TO_INT(user), 0};
    for (letter.number = 1; letter.number <= LETTERS; letter.number++)
        while (md_mailbox_post(own, receive, &letter, sizeof letter) == -ENOBUFS)
            sched_yield();
    return NULL;
}

/* The reader sleeps in poll without a deadline: a lost wake-up hangs, and the harness' time limit fails the test. */
static void test_stress(void)
{
    pthread_t threads[POSTERS];
    unsigned got = 0;
    own = md_mailbox_new(64);
    for (int i = 0; i < POSTERS; i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, post_many, GINT_TO_POINTER(i)), ==, 0);
    while (got < POSTERS * LETTERS) {
        struct pollfd p = {md_mailbox_fd(own), POLLIN, 0};
        poll(&p, 1, -1);
        got += md_mailbox_drain(own, got % 3 ? 0 : 5);
    }
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
        g_assert_cmpint(last[i], ==, LETTERS);
    }
    g_assert_cmpuint(got, ==, POSTERS * LETTERS);
    md_mailbox_free(own);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/mailbox/order-and-wakeup", test_order_and_wakeup);
    g_test_add_func("/core/mailbox/post-from-closure", test_post_from_closure);
    g_test_add_func("/core/mailbox/limits", test_limits);
    g_test_add_func("/core/mailbox/claim-holds-the-reader", test_claim_holds_the_reader);
    g_test_add_func("/core/mailbox/drain-posted", test_drain_posted);
    g_test_add_func("/core/mailbox/stress", test_stress);
    return g_test_run();
}
