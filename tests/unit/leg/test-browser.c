/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What browsers offer (tests/fixtures/sdp: Chromium's as it wrote it, Firefox's written by hand in its form), and what we answer. */
#include <string.h>

#include "mediad/leg/negotiate.h"

static const char fingerprint[] =
    "sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF";

static unsigned restarts;

static void describe_ice(void *user, bool restart, bool candidates, GString *out)
{
    restarts += restart;
    g_string_append_printf(out, "a=ice-ufrag:our%u\r\na=ice-pwd:ourpasswordourpassword\r\n", restarts);
    if (candidates)
        g_string_append(out, "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n");
}

static void make(MdNegotiator *negotiator, bool content)
{
    MdNegotiatorOptions options = {.local_host = "0.0.0.0",
                                   .local_port = {9, 9, 9},
                                   .content = content,
                                   .second_video_is_content = true,
                                   .security = MD_SECURITY_PREFERRED,
                                   .fingerprint = fingerprint,
                                   .audio_codecs = {MD_AUDIO_OPUS, MD_AUDIO_G722},
                                   .n_audio_codecs = 2,
                                   .video_codecs = {MD_VIDEO_H264, MD_VIDEO_VP8},
                                   .n_video_codecs = 2,
                                   .video_max = {1280, 720, 30, 1500000},
                                   .browser = true,
                                   .ssrc = {1001, 1002, 1003},
                                   .rtx_ssrc = {2001, 2002, 2003},
                                   .cname = "us@mediad",
                                   .describe_ice = describe_ice};
    restarts = 0;
    md_negotiator_init(negotiator, &options, 7);
}

static char *read_offer(const char *browser)
{
    g_autofree char *name = g_strconcat(browser, ".sdp", NULL);
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "fixtures", "sdp", name, NULL);
    g_autoptr(GError) error = NULL;
    char *text;
    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

static char *replace(const char *text, const char *from, const char *to)
{
    g_assert_nonnull(strstr(text, from));
    g_auto(GStrv) part = g_strsplit(text, from, -1);
    return g_strjoinv(to, part);
}

/* Text from the nth m= line on, up to the next. g_free. */
static char *line_of(const char *sdp, unsigned n)
{
    g_auto(GStrv) part = g_strsplit(sdp, "\r\nm=", -1);
    g_assert_cmpuint(n + 1, <, g_strv_length(part));
    return g_strconcat("m=", part[n + 1], "\r\n", NULL);
}

static void assert_has(const char *text, const char *what)
{
    if (!strstr(text, what))
        g_error("no \"%s\" in\n%s", what, text);
}

static char *answer(MdNegotiator *negotiator, const char *offer, MdAgreed *ret)
{
    g_autoptr(GError) error = NULL;
    char *text = md_negotiator_accept_offer(negotiator, offer, ret, &error);
    g_assert_no_error(error);
    return text;
}

static void test_chromium(void)
{
    MdNegotiator negotiator;
    MdAgreed agreed;
    g_autofree char *offer = read_offer("chromium");
    make(&negotiator, true);
    g_autofree char *text = answer(&negotiator, offer, &agreed);
    g_autofree char *audio = line_of(text, 0), *video = line_of(text, 1), *content = line_of(text, 2);
    assert_has(text, "a=group:BUNDLE 0 1 2\r\n");
    assert_has(audio, "m=audio 9 UDP/TLS/RTP/SAVPF 111 110 63\r\n");
    assert_has(audio, "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1;usedtx=1");
    assert_has(audio, "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n");
    g_assert_cmpuint(agreed.media[MD_LEG_MEDIA_AUDIO].red_pt, ==, 63);
    assert_has(audio, "a=mid:0\r\na=ice-ufrag:our0\r\n");
    assert_has(audio, "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n");
    assert_has(audio, "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n");
    assert_has(audio, "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n");
    assert_has(audio, "a=ssrc:1001 cname:us@mediad\r\na=ssrc:1001 msid:meeting audio\r\n");
    assert_has(audio, "a=setup:active\r\n");
    assert_has(audio, "a=rtcp-mux\r\n");
    assert_has(video, "m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n");
    assert_has(video, "a=rtpmap:108 H264/90000\r\na=fmtp:108 profile-level-id=42e01f;packetization-mode=1");
    assert_has(video, "a=rtpmap:109 rtx/90000\r\na=fmtp:109 apt=108\r\n");
    assert_has(video, "a=rtcp-fb:* transport-cc\r\n");
    assert_has(video, "a=rid:l recv\r\na=rid:m recv\r\na=rid:h recv\r\na=simulcast:recv l;m;h\r\n");
    assert_has(video, "a=ssrc-group:FID 1002 2002\r\n");
    assert_has(video, "b=TIAS:2437500\r\n"); /* room for all three layers */
    assert_has(content, "b=TIAS:3937500\r\n"); /* for Chromium the last line bounds all */
    assert_has(content, "a=msid:content content\r\n");
    assert_has(content, "a=mid:2\r\n");
    g_assert_null(strstr(video, "a=candidate"));
    g_assert_null(strstr(content, "a=simulcast"));
    g_assert_null(strstr(text, "extmap:2 ")); /* what we do not understand is not answered */
    g_assert_cmpuint(agreed.media[MD_LEG_MEDIA_VIDEO].n_rids, ==, 3);
    g_assert_cmpstr(agreed.media[MD_LEG_MEDIA_VIDEO].rids[2], ==, "h");
    g_assert_cmpuint(agreed.media[MD_LEG_MEDIA_VIDEO].rtx_pt, ==, 109);
    g_assert_cmpuint(agreed.media[MD_LEG_MEDIA_VIDEO].ext[MD_SDP_EXT_RID], ==, 10);
    g_assert_cmpuint(agreed.media[MD_LEG_MEDIA_CONTENT].n_ssrcs, ==, 2);
    g_assert_true(agreed.media[MD_LEG_MEDIA_AUDIO].opus_fec);
    g_assert_cmpuint(agreed.media[MD_LEG_MEDIA_VIDEO].security, ==, MD_AGREED_DTLS);
    g_assert_cmpstr(negotiator.remote.ufrag, ==, "1SQX");
    g_assert_cmpuint(negotiator.remote.n_candidates, ==, 8);
    md_negotiator_clear(&negotiator);
}

static void test_firefox(void)
{
    MdNegotiator negotiator;
    MdAgreed agreed;
    g_autofree char *offer = read_offer("firefox");
    make(&negotiator, false);
    g_autofree char *text = answer(&negotiator, offer, &agreed);
    g_autofree char *video = line_of(text, 1), *content = line_of(text, 2);
    assert_has(text, "a=group:BUNDLE 0 1\r\n");
    assert_has(video, "m=video 9 UDP/TLS/RTP/SAVPF 126 127\r\n");
    assert_has(video, "a=extmap:8 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n");
    assert_has(video, "a=simulcast:recv l;m;h\r\n");
    assert_has(content, "m=video 0 UDP/TLS/RTP/SAVPF 120\r\na=mid:2\r\n"); /* refused, in its place */
    g_assert_false(agreed.media[MD_LEG_MEDIA_CONTENT].active);
    g_assert_cmpstr(negotiator.remote.ufrag, ==, "5c8ab3f1");
    md_negotiator_clear(&negotiator);
}

/* New credentials of the browser's get new ones of ours; the same ones do not. What changed is one thing only. */
static void test_restart(void)
{
    MdNegotiator negotiator;
    MdAgreed agreed, again;
    g_autofree char *offer = read_offer("chromium");
    g_autofree char *restarted = replace(offer, "a=ice-ufrag:1SQX", "a=ice-ufrag:2SQX");
    make(&negotiator, true);
    g_autofree char *first = answer(&negotiator, offer, &agreed);
    g_autofree char *same = answer(&negotiator, offer, &again);
    g_assert_cmpstr(first, ==, same);
    g_autofree char *third = answer(&negotiator, restarted, &again);
    g_assert_cmpuint(restarts, ==, 1);
    g_autofree char *expected = replace(first, "ufrag:our0", "ufrag:our1");
    g_autofree char *versioned = replace(expected, "o=mediad 7 1 ", "o=mediad 7 2 ");
    g_assert_cmpstr(third, ==, versioned);
    g_assert_cmpint(memcmp(&agreed, &again, sizeof agreed), ==, 0);
    md_negotiator_clear(&negotiator);
}

static void test_refused(void)
{
    static const struct {
        const char *from, *to;
        int code;
    } cases[] = {
        {"a=group:BUNDLE 0 1 2\r\n", "", MD_LEG_ERROR_NOT_ACCEPTABLE},
        {"a=rtcp-mux\r\n", "", MD_LEG_ERROR_NOT_ACCEPTABLE},
        {"UDP/TLS/RTP/SAVPF", "RTP/SAVPF", MD_LEG_ERROR_NOT_ACCEPTABLE},
        {"a=fingerprint:sha-256", "a=fingerprint:sha-1", MD_LEG_ERROR_NOT_ACCEPTABLE},
        {"a=ice-ufrag:1SQX\r\n", "", MD_LEG_ERROR_SYNTAX},
        {"a=ice-pwd:kms2emUV6omsbYoKeMr+Pntq\r\n", "a=ice-pwd:short\r\n", MD_LEG_ERROR_SYNTAX},
    };
    g_autofree char *offer = read_offer("chromium");
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        MdNegotiator negotiator;
        MdAgreed agreed;
        g_autoptr(GError) error = NULL;
        g_autofree char *bad = replace(offer, cases[i].from, cases[i].to);
        make(&negotiator, true);
        g_assert_null(md_negotiator_accept_offer(&negotiator, bad, &agreed, &error));
        g_assert_error(error, MD_LEG_ERROR, cases[i].code);
        md_negotiator_clear(&negotiator);
    }
}

/* Lines after content are for others' pictures: as many as are taken, only sent, each a stream of its own. */
static void test_streams(void)
{
    static const char more[] = "m=video 9 UDP/TLS/RTP/SAVPF 96 97 108 109\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=mid:%u\r\na=%s\r\n"
                               "a=ice-ufrag:1SQX\r\na=ice-pwd:kms2emUV6omsbYoKeMr+Pntq\r\n%s\r\na=setup:actpass\r\n"
                               "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
                               "a=ssrc:77 cname:x\r\n";
    MdNegotiator negotiator;
    MdAgreed agreed;
    g_autofree char *offer = read_offer("chromium");
    g_autofree char *bundled = replace(offer, "a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0 1 2 3 4 5");
    g_autofree char *print = g_strdup(strstr(offer, "a=fingerprint:"));
    *strchr(print, '\r') = 0;
    GString *text = g_string_new(bundled);
    g_string_append_printf(text, more, 3, "recvonly", print);
    g_string_append_printf(text, more, 4, "sendrecv", print);
    g_string_append_printf(text, more, 5, "recvonly", print);
    make(&negotiator, true);
    negotiator.options.streams = 2;
    negotiator.options.ssrc[MD_LEG_MEDIA_STREAM] = 1004;
    negotiator.options.rtx_ssrc[MD_LEG_MEDIA_STREAM] = 2004;
    g_autofree char *reply = answer(&negotiator, text->str, &agreed);
    g_autofree char *first = line_of(reply, 3), *second = line_of(reply, 4), *third = line_of(reply, 5);
    assert_has(reply, "a=group:BUNDLE 0 1 2 3 4\r\n");
    assert_has(first, "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n");
    assert_has(first, "a=ssrc-group:FID 1004 2004\r\n");
    assert_has(first, "a=msid:stream3 stream3\r\n");
    assert_has(first, "a=sendonly\r\n");
    assert_has(second, "a=sendonly\r\n");
    assert_has(third, "m=video 0 ");
    const MdAgreedMedia *line = &agreed.media[MD_LEG_MEDIA_STREAM + 1];
    g_assert_true(line->active);
    g_assert_cmpuint(line->direction, ==, MD_SDP_SEND);
    g_assert_cmpuint(line->n_receive + line->n_ssrcs + line->n_rids, ==, 0);
    g_assert_cmpint(line->codec, ==, MD_VIDEO_VP8);
    g_assert_cmpstr(line->mid, ==, "4");
    g_assert_false(agreed.media[MD_LEG_MEDIA_STREAM + 2].active);
    g_assert_true(agreed.media[MD_LEG_MEDIA_CONTENT].active);
    g_string_free(text, TRUE);
    md_negotiator_clear(&negotiator);
}

/* Two certificates in one BUNDLE cannot be one association. */
static void test_two_certificates(void)
{
    MdNegotiator negotiator;
    MdAgreed agreed;
    g_autoptr(GError) error = NULL;
    g_autofree char *offer = read_offer("chromium");
    char *last = g_strrstr(offer, "a=fingerprint:sha-256 C5");
    last[strlen("a=fingerprint:sha-256 ")] = 'D';
    make(&negotiator, true);
    g_assert_null(md_negotiator_accept_offer(&negotiator, offer, &agreed, &error));
    g_assert_error(error, MD_LEG_ERROR, MD_LEG_ERROR_NOT_ACCEPTABLE);
    md_negotiator_clear(&negotiator);
}

/* A page that puts copies first gets them first, in our own offer later, too, and may go back. */
static void test_red_first(void)
{
    MdNegotiator negotiator;
    MdAgreed agreed;
    g_autoptr(GError) error = NULL;
    g_autofree char *offer = read_offer("chromium");
    g_autofree char *first = replace(offer, "SAVPF 111 63 9", "SAVPF 63 111 9");
    make(&negotiator, true);
    for (unsigned i = 0; i < 3; i++) {
        bool wants = i == 1;
        g_autofree char *text = answer(&negotiator, wants ? first : offer, &agreed);
        g_autofree char *audio = line_of(text, 0);
        assert_has(audio, wants ? "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 110\r\n" : "m=audio 9 UDP/TLS/RTP/SAVPF 111 110 63\r\n");
        assert_has(audio, "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n");
        g_assert_cmpuint(agreed.media[MD_LEG_MEDIA_AUDIO].send_pt, ==, 111);
        g_assert_cmpuint(agreed.media[MD_LEG_MEDIA_AUDIO].red_pt, ==, 63);
    }
    g_autofree char *again = answer(&negotiator, first, &agreed);
    g_autofree char *ours = md_negotiator_create_offer(&negotiator, &error);
    g_assert_no_error(error);
    assert_has(ours, "m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\n");
    md_negotiator_clear(&negotiator);
}

/* Redundancy of something else than the Opus that was taken is none we can read. */
static void test_red(void)
{
    static const char *const others[] = {"a=fmtp:63 111/9\r\n", "a=fmtp:63 96/96\r\n", "a=fmtp:63 x\r\n", "a=fmtp:62 111/111\r\n"};
    g_autofree char *offer = read_offer("chromium");
    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        MdNegotiator negotiator;
        MdAgreed agreed;
        g_autofree char *other = replace(offer, "a=fmtp:63 111/111\r\n", others[i]);
        make(&negotiator, true);
        g_autofree char *text = answer(&negotiator, other, &agreed);
        g_assert_null(strstr(text, "red/48000"));
        g_assert_cmpuint(agreed.media[MD_LEG_MEDIA_AUDIO].red_pt, ==, MD_PT_NONE);
        md_negotiator_clear(&negotiator);
    }
}

/* bundle-only lines have port 0 and are offered all the same; others with port 0 are not. */
static void test_bundle_only(void)
{
    MdNegotiator negotiator;
    MdAgreed agreed;
    g_autofree char *offer = read_offer("firefox");
    g_autofree char *zero = replace(offer, "m=video 9 ", "m=video 0 ");
    g_autofree char *bundle_only = replace(zero, "a=mid:1\r\n", "a=mid:1\r\na=bundle-only\r\n");
    make(&negotiator, true);
    g_autofree char *text = answer(&negotiator, bundle_only, &agreed);
    assert_has(text, "a=group:BUNDLE 0 1\r\n");
    g_assert_true(agreed.media[MD_LEG_MEDIA_VIDEO].active);
    g_assert_false(agreed.media[MD_LEG_MEDIA_CONTENT].active);
    md_negotiator_clear(&negotiator);
}

/* Our own offer later: the same lines, names, numbers and layers; nothing else. */
static void test_offer_again(void)
{
    MdNegotiator negotiator;
    MdAgreed agreed;
    g_autoptr(GError) error = NULL;
    g_autofree char *offer = read_offer("chromium");
    make(&negotiator, true);
    g_autofree char *text = answer(&negotiator, offer, &agreed);
    g_autofree char *ours = md_negotiator_create_offer(&negotiator, &error);
    g_assert_no_error(error);
    g_autofree char *video = line_of(ours, 1);
    assert_has(ours, "a=group:BUNDLE 0 1 2\r\n");
    g_autofree char *audio = line_of(ours, 0);
    assert_has(audio, "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n");
    assert_has(audio, "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n");
    assert_has(video, "m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n");
    assert_has(video, "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n");
    assert_has(video, "a=simulcast:recv l;m;h\r\n");
    assert_has(video, "a=setup:actpass\r\n");
    md_negotiator_clear(&negotiator);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/browser/chromium", test_chromium);
    g_test_add_func("/browser/firefox", test_firefox);
    g_test_add_func("/browser/restart", test_restart);
    g_test_add_func("/browser/refused", test_refused);
    g_test_add_func("/browser/red-first", test_red_first);
    g_test_add_func("/browser/two-certificates", test_two_certificates);
    g_test_add_func("/browser/streams", test_streams);
    g_test_add_func("/browser/red", test_red);
    g_test_add_func("/browser/bundle-only", test_bundle_only);
    g_test_add_func("/browser/offer-again", test_offer_again);
    return g_test_run();
}
