/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/recording/streams.h"

static const char *const hosts[] = {"live.example.vn", "*.vtv.vn:1935", "192.0.2.7:9000", NULL};

static void test_allowed(void)
{
    static const struct {
        const char *url, *shown;
        MdStreamKind kind;
    } good[] = {
        {"rtmp://live.example.vn/app/secret", "rtmp://live.example.vn:1935/app", MD_STREAM_RTMP},
        {"rtmps://LIVE.example.vn/app/inst/secret?auth=1", "rtmps://live.example.vn:443/app/inst", MD_STREAM_RTMP},
        {"rtmp://in.vtv.vn:1935/app/secret", "rtmp://in.vtv.vn:1935/app", MD_STREAM_RTMP},
        {"srt://192.0.2.7:9000?streamid=abc&passphrase=secretsecret&latency=200", "srt://192.0.2.7:9000", MD_STREAM_SRT},
        {"srt://live.example.vn:1?mode=caller", "srt://live.example.vn:1", MD_STREAM_SRT},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *shown = NULL;
        MdStreamKind kind = MD_STREAM_KIND_MAX;
        md_stream_target_check(good[i].url, hosts, &kind, &shown, &error);
        g_assert_no_error(error);
        g_assert_cmpint(kind, ==, good[i].kind);
        g_autofree char *lower = g_ascii_strdown(shown, -1);
        g_assert_cmpstr(lower, ==, good[i].shown);
    }
}

static void test_refused(void)
{
    static const char *const bad[] = {
        "", "http://live.example.vn/app/key", "file:///etc/passwd", "rtmp://", "rtmp://other.example.vn/app/key", "rtmp://live.example.vn.evil.com/app/key",
        "rtmp://in.vtv.vn:1936/app/key", "srt://192.0.2.7:9001", "srt://192.0.2.7", "srt://live.example.vn:9000?mode=listener",
        "srt://live.example.vn:9000?localaddress=0.0.0.0", "rtmp://user:pw@live.example.vn/app/key", "rtmp://live.example.vn/app",
        "rtmp://live.example.vn", "rtmp://live.example.vn@evil.com/app/key",
    };
    MdStreamKind kind;
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(md_stream_target_check(bad[i], hosts, &kind, NULL, &error));
        g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID);
    }
    g_autofree char *long_one = g_strnfill(2000, 'a');
    g_autofree char *url = g_strconcat("rtmp://live.example.vn/app/", long_one, NULL);
    g_assert_false(md_stream_target_check(url, hosts, &kind, NULL, NULL));
    g_assert_false(md_stream_target_check("rtmp://live.example.vn/app/key", NULL, &kind, NULL, NULL)); /* nothing is set: nowhere */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/recording/target/allowed", test_allowed);
    g_test_add_func("/recording/target/refused", test_refused);
    return g_test_run();
}
