/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include "mediad/core/clock.h"
#include "mediad/core/media.h"

static void test_names(void)
{
    for (int i = 0; i < MD_AUDIO_CODEC_MAX; i++)
        g_assert_cmpint(md_audio_codec_from_string(md_audio_codec_to_string((MdAudioCodec)i)), ==, i);
    for (int i = 0; i < MD_VIDEO_CODEC_MAX; i++)
        g_assert_cmpint(md_video_codec_from_string(md_video_codec_to_string((MdVideoCodec)i)), ==, i);
    for (int i = 0; i < MD_SECURITY_MAX; i++)
        g_assert_cmpint(md_security_from_string(md_security_to_string((MdSecurity)i)), ==, i);
    g_assert_cmpint(md_audio_codec_from_string("OPUS"), ==, MD_AUDIO_OPUS);
    g_assert_cmpint(md_audio_codec_from_string("g722"), ==, MD_AUDIO_G722);
    g_assert_cmpint(md_audio_codec_from_string("speex"), ==, MD_AUDIO_CODEC_NONE);
    g_assert_cmpint(md_video_codec_from_string(NULL), ==, MD_VIDEO_CODEC_NONE);
    g_assert_cmpint(md_security_from_string(""), ==, MD_SECURITY_INVALID);
    g_assert_null(md_audio_codec_to_string(MD_AUDIO_CODEC_MAX));
    g_assert_null(md_audio_codec_to_string(MD_AUDIO_CODEC_NONE));
    g_assert_cmpuint(md_audio_codec_clock_rate(MD_AUDIO_G722), ==, 8000);
    g_assert_cmpuint(md_audio_codec_clock_rate(MD_AUDIO_OPUS), ==, 48000);
}

static void test_virtual_clock(void)
{
    MdVirtualClock v;
    md_virtual_clock_init(&v, 5000000, 1700000000000000);
    g_assert_cmpint(md_clock_now_us(&v.base), ==, 5000000);
    g_assert_cmpint(md_clock_wall_us(&v.base), ==, 1700000000000000);
    md_virtual_clock_advance(&v, 20000);
    g_assert_cmpint(md_clock_now_us(&v.base), ==, 5020000);
    g_assert_cmpint(md_clock_wall_us(&v.base), ==, 1700000000020000);
    const MdClock *real = md_clock_system();
    int64_t first = md_clock_now_us(real);
    g_assert_cmpint(md_clock_now_us(real), >=, first);
    g_assert_cmpint(md_clock_wall_us(real), >, 1600000000000000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/media/names", test_names);
    g_test_add_func("/core/media/virtual-clock", test_virtual_clock);
    return g_test_run();
}
