/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "mediad/leg/announce-sdp.h"
#include "mediad/leg/leg.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"

static MdSrtpKey gcm, cm;
static const MdSrtpKey *const keys[] = {&gcm, &cm};
static const MdAnnounceCodec codecs[] = {{MD_AUDIO_OPUS, 96}, {MD_AUDIO_G722, 9}};

static MdAnnounceOffer offer_of(MdSecurity security)
{
    return (MdAnnounceOffer){.local_host = "192.0.2.1", .local_port = 21400, .codecs = codecs, .n_codecs = 2, .ptime_ms = 40, .security = security,
                             .keys = keys, .n_keys = 2, .session_id = 7, .session_version = 1, .opus_bitrate_bps = 32000};
}

/* What a loudspeaker would answer, with its own key text in place of %s. */
static char *with_key(const char *format, const MdSrtpKey *key)
{
    char text[MD_SRTP_KEY_BASE64_MAX];
    md_srtp_key_to_base64(key, text, sizeof text);
    g_auto(GStrv) part = g_strsplit(format, "%s", 2);
    return g_strconcat(part[0], text, part[1], NULL);
}

static void test_offer(void)
{
    static const struct {
        MdSecurity security;
        const char *line;
        bool crypto;
    } cases[] = {{MD_SECURITY_REQUIRED, "m=audio 21400 RTP/SAVP 96 9\r\n", true}, {MD_SECURITY_PREFERRED, "m=audio 21400 RTP/AVP 96 9\r\n", true}, {MD_SECURITY_OFF, "m=audio 21400 RTP/AVP 96 9\r\n", false}};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        MdAnnounceOffer offer = offer_of(cases[i].security);
        g_autofree char *sdp = md_announce_create_offer(&offer, NULL);
        g_assert_nonnull(strstr(sdp, cases[i].line));
        g_assert_nonnull(strstr(sdp, "a=sendonly\r\n"));
        g_assert_nonnull(strstr(sdp, "a=ptime:40\r\n"));
        g_autofree char *line = with_key("a=crypto:1 AEAD_AES_128_GCM inline:%s\r\n", &gcm);
        g_assert_true((strstr(sdp, line) != NULL) == cases[i].crypto);
    }
    g_autoptr(GError) error = NULL;
    MdAnnounceOffer bad = offer_of(MD_SECURITY_REQUIRED);
    bad.n_keys = 0;
    g_assert_null(md_announce_create_offer(&bad, &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    bad = offer_of(MD_SECURITY_OFF);
    bad.local_host = "loa.example";
    g_assert_null(md_announce_create_offer(&bad, &error));
    g_assert_nonnull(error);
}

/* A leg of ours is as good a loudspeaker as any. */
static void test_answers(void)
{
    MdAnnounceOffer offer = offer_of(MD_SECURITY_REQUIRED);
    MdAnnounceAnswer answer;
    g_autoptr(GError) error = NULL;
    char text[MD_ADDR_TEXT_MAX];
    g_autofree char *good = with_key(HEAD "m=audio 4000 RTP/SAVP 9\r\na=recvonly\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:%s\r\n", &cm);
    g_assert_true(md_announce_parse_answer(&offer, good, &answer, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(md_addr_to_string(&answer.remote, text, sizeof text), ==, "192.0.2.9:4000");
    g_assert_cmpstr(md_addr_to_string(&answer.remote_rtcp, text, sizeof text), ==, "192.0.2.9:4001");
    g_assert_cmpint(answer.codec, ==, MD_AUDIO_G722);
    g_assert_cmpuint(answer.payload_type, ==, 9);
    g_assert_true(answer.secured);
    g_assert_cmpint(answer.suite, ==, MD_SRTP_AES_CM_128_HMAC_SHA1_80);
    g_assert_true(md_srtp_key_equal(&answer.remote_key, &cm));

    static const struct {
        const char *sdp;
        int code;
    } bad[] = {
        {HEAD "m=audio 0 RTP/SAVP 9\r\n", MD_LEG_ERROR_NOT_ACCEPTABLE},
        {HEAD "m=audio 4000 RTP/AVP 9\r\n", MD_LEG_ERROR_NOT_ACCEPTABLE},                                              /* no key */
        {HEAD "m=audio 4000 RTP/SAVP 9\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%s\r\n", MD_LEG_ERROR_NOT_ACCEPTABLE}, /* tag of the other suite */
        {HEAD "m=audio 4000 RTP/SAVP 9\r\na=sendonly\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:%s\r\n", MD_LEG_ERROR_NOT_ACCEPTABLE},
        {HEAD "m=audio 4000 RTP/SAVP 9\r\na=inactive\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:%s\r\n", MD_LEG_ERROR_NOT_ACCEPTABLE},
        {HEAD "m=audio 4000 RTP/SAVP 97\r\na=rtpmap:97 opus/48000/2\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:%s\r\n", MD_LEG_ERROR_NOT_ACCEPTABLE}, /* its own number */
        {HEAD "m=audio 4000 RTP/SAVP 8\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:%s\r\n", MD_LEG_ERROR_NOT_ACCEPTABLE},
        {HEAD "m=video 4000 RTP/SAVP 9\r\n", MD_LEG_ERROR_SYNTAX},
        {"rubbish", MD_LEG_ERROR_SYNTAX},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *sdp = strstr(bad[i].sdp, "%s") ? with_key(bad[i].sdp, &cm) : g_strdup(bad[i].sdp);
        answer.payload_type = 77;
        if (md_announce_parse_answer(&offer, sdp, &answer, &error) || error->code != bad[i].code)
            g_error("case %u: %s", i, sdp);
        g_assert_cmpuint(answer.payload_type, ==, 77); /* untouched */
        g_clear_error(&error);
    }
    MdAnnounceOffer preferred = offer_of(MD_SECURITY_PREFERRED);
    g_assert_true(md_announce_parse_answer(&preferred, HEAD "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\na=rtcp-mux\r\na=recvonly\r\n", &answer, &error));
    g_assert_false(answer.secured);
    g_assert_cmpstr(md_addr_to_string(&answer.remote_rtcp, text, sizeof text), ==, "192.0.2.9:4000");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &gcm);
    md_srtp_key_generate(MD_SRTP_AES_CM_128_HMAC_SHA1_80, &cm);
    g_test_add_func("/announce/offer", test_offer);
    g_test_add_func("/announce/answers", test_answers);
    return g_test_run();
}
