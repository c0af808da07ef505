/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <pthread.h>
#include "mediad/core/frame.h"

static void test_limits(void)
{
    g_assert_null(md_frame_new(MD_VIDEO_H264, 0));
    g_assert_null(md_frame_new(MD_VIDEO_H264, MD_FRAME_MAX + 1u));
    MdFrame *f = md_frame_new(MD_VIDEO_VP8, 100);
    g_assert_cmpint(f->codec, ==, MD_VIDEO_VP8);
    g_assert_cmpuint(f->cap, ==, 100);
    g_assert_cmpuint(f->len, ==, 0);
    g_assert_false(f->key || f->damaged);
    f->data[99] = 1;
    md_frame_unref(f);
    md_frame_unref(NULL);
}

static void *ref_many(void *user)
{
    for (int i = 0; i < 10000; i++)
        md_frame_unref(md_frame_ref(user));
    return NULL;
}

static void test_counted_across_threads(void)
{
    pthread_t threads[4];
    MdFrame *f = md_frame_new(MD_VIDEO_H264, 16);
    for (int i = 0; i < 4; i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, ref_many, f), ==, 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    g_assert_cmpint(f->refs, ==, 1);
    md_frame_unref(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/frame/limits", test_limits);
    g_test_add_func("/core/frame/counted-across-threads", test_counted_across_threads);
    return g_test_run();
}
