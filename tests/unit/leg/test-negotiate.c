/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "mediad/leg/negotiate.h"
#include "mediad/transport/dtls.h"

#define FP "sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF"
#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
#define KEY80 "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
#define KEYGCM "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="

static MdNegotiatorOptions options_of(MdSecurity security, const char *host)
{
    return (MdNegotiatorOptions){.local_host = host, .local_port = {21200, 21202}, .security = security, .fingerprint = FP,
                                 .audio_codecs = {MD_AUDIO_OPUS, MD_AUDIO_G722, MD_AUDIO_PCMA, MD_AUDIO_PCMU}, .n_audio_codecs = 4,
                                 .video_codecs = {MD_VIDEO_H264, MD_VIDEO_VP8}, .n_video_codecs = 2, .video_max = {1280, 720, 30, 1500000}};
}

/* One line of each kind of security and address is enough here: which m=video is the picture, which the slides? */
static void test_content(void)
{
#define AUDIO_LINE HEAD "m=audio 4000 RTP/AVP 0\r\n"
#define VIDEO_LINE(port, pt, more) "m=video " #port " RTP/AVP " #pt "\r\na=rtpmap:" #pt " VP8/90000\r\n" more
    static const struct {
        const char *name, *offer;
        bool content, browser;
        const char *want[2]; /* the answer's m=video lines */
        int content_at;      /* the peer's port of content; 0: none agreed */
    } cases[] = {
        {"slides by their name", AUDIO_LINE VIDEO_LINE(4002, 97, "") VIDEO_LINE(4004, 98, "a=content:slides\r\n"), true, false, {"m=video 21202 RTP/AVP 97\r\n", "m=video 21204 RTP/AVP 98\r\n"}, 4004},
        {"slides come first", AUDIO_LINE VIDEO_LINE(4004, 98, "a=content:alt,slides\r\n") VIDEO_LINE(4002, 97, "a=content:main\r\n"), true, false, {"m=video 21204 RTP/AVP 98\r\n", "m=video 21202 RTP/AVP 97\r\n"}, 4004},
        {"a floor says so", AUDIO_LINE VIDEO_LINE(4002, 97, "a=label:11\r\n") VIDEO_LINE(4004, 98, "a=label:12\r\n") "m=application 5070 UDP/BFCP *\r\na=floorctrl:c-only\r\na=floorid:2 mstrm:12\r\n", true, false, {"m=video 21202 RTP/AVP 97\r\n", "m=video 21204 RTP/AVP 98\r\n"}, 4004},
        {"a floor in the words of RFC 4583", "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=application 5070 TCP/BFCP *\r\na=floorid:1 m-stream:3 4\r\n" VIDEO_LINE(4002, 97, "") VIDEO_LINE(4004, 98, "a=label:3\r\n"), true, false, {"m=video 21202 RTP/AVP 97\r\n", "m=video 21204 RTP/AVP 98\r\n"}, 4004},
        {"unnamed, not from a browser", AUDIO_LINE VIDEO_LINE(4002, 97, "") VIDEO_LINE(4004, 98, ""), true, false, {"m=video 21202 RTP/AVP 97\r\n", "m=video 0 RTP/AVP 98\r\n"}, 0},
        {"a browser's second", AUDIO_LINE VIDEO_LINE(4002, 97, "") VIDEO_LINE(4004, 98, ""), true, true, {"m=video 21202 RTP/AVP 97\r\n", "m=video 21204 RTP/AVP 98\r\n"}, 4004},
        {"a browser's second while its camera is off", AUDIO_LINE VIDEO_LINE(0, 97, "") VIDEO_LINE(4004, 98, ""), true, true, {"m=video 0 RTP/AVP 97\r\n", "m=video 21204 RTP/AVP 98\r\n"}, 4004},
        {"no content here", AUDIO_LINE VIDEO_LINE(4004, 98, "a=content:slides\r\n") VIDEO_LINE(4002, 97, ""), false, false, {"m=video 0 RTP/AVP 98\r\n", "m=video 21202 RTP/AVP 97\r\n"}, 0},
        {"slides alone are the picture", AUDIO_LINE VIDEO_LINE(4004, 98, "a=content:slides\r\n"), true, false, {"m=video 21202 RTP/AVP 98\r\n", ""}, 0},
        {"one of two slides", AUDIO_LINE VIDEO_LINE(4002, 97, "") VIDEO_LINE(4004, 98, "a=content:slides\r\n") VIDEO_LINE(4006, 99, "a=content:slides\r\n"), true, false, {"m=video 21204 RTP/AVP 98\r\n", "m=video 0 RTP/AVP 99\r\n"}, 4004},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        MdNegotiator negotiator;
        MdNegotiatorOptions options = options_of(MD_SECURITY_PREFERRED, "192.0.2.1");
        options.local_port[MD_LEG_MEDIA_CONTENT] = 21204;
        options.content = cases[i].content;
        options.second_video_is_content = cases[i].browser;
        md_negotiator_init(&negotiator, &options, 5);
        g_autoptr(GError) error = NULL;
        MdAgreed agreed;
        g_autofree char *answer = md_negotiator_accept_offer(&negotiator, cases[i].offer, &agreed, &error);
        g_assert_no_error(error);
        for (unsigned w = 0; w < 2; w++)
            if (!strstr(answer, cases[i].want[w]))
                g_error("%s: no \"%s\" in\n%s", cases[i].name, cases[i].want[w], answer);
        const MdAgreedMedia *content = &agreed.media[MD_LEG_MEDIA_CONTENT];
        if (content->active != (cases[i].content_at != 0) || (content->active && md_addr_port(&content->remote) != cases[i].content_at))
            g_error("%s: content is %d at %d", cases[i].name, content->active, md_addr_port(&content->remote));
        g_assert_true((strstr(answer, "a=content:slides\r\n") != NULL) == content->active);
        md_negotiator_clear(&negotiator);
    }
}

/* The floor of content: only with content, only where the peer is the user, over UDP and TCP. */
static void test_floor(void)
{
#define SLIDES AUDIO_LINE VIDEO_LINE(4002, 97, "") VIDEO_LINE(4004, 98, "a=content:slides\r\n")
    static const struct {
        const char *offer, *want;
        bool active, stream;
    } cases[] = {
        {SLIDES "m=application 5070 UDP/BFCP *\r\na=floorctrl:c-only\r\n", "m=application 5072 UDP/BFCP *\r\na=floorctrl:s-only\r\na=confid:77\r\na=userid:1\r\na=floorid:1 mstrm:3\r\n", true, false},
        {SLIDES "m=application 5070 TCP/BFCP *\r\na=floorctrl:c-only s-only\r\na=setup:actpass\r\na=connection:new\r\n", "mstrm:3\r\na=setup:passive\r\na=connection:new\r\n", true, true},
        {SLIDES "m=application 5070 UDP/BFCP *\r\n", "m=application 5072 UDP/BFCP *\r\n", true, false},
        {SLIDES "m=application 5070 UDP/BFCP *\r\na=floorctrl:s-only\r\n", "m=application 0 UDP/BFCP *\r\n", false, false},
        {SLIDES "m=application 5070 TCP/BFCP *\r\na=setup:passive\r\n", "m=application 0 TCP/BFCP *\r\n", false, false},
        {SLIDES "m=application 5070 TCP/TLS/BFCP *\r\n", "m=application 0 TCP/TLS/BFCP *\r\n", false, false},
        {SLIDES "m=application 5070 UDP/BFCP *\r\nc=IN IP4 slides.example.org\r\n", "m=application 0 UDP/BFCP *\r\n", false, false},
        {AUDIO_LINE "m=application 5070 UDP/BFCP *\r\n", "m=application 0 UDP/BFCP *\r\n", false, false},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        MdNegotiator negotiator;
        MdNegotiatorOptions options = options_of(MD_SECURITY_OFF, "192.0.2.1");
        options.local_port[MD_LEG_MEDIA_CONTENT] = 21204;
        options.content = options.offer_content = true;
        options.floor_port = 5072;
        options.floor_conference = 77;
        md_negotiator_init(&negotiator, &options, 5);
        g_autoptr(GError) error = NULL;
        MdAgreed agreed;
        g_autofree char *answer = md_negotiator_accept_offer(&negotiator, cases[i].offer, &agreed, &error);
        g_assert_no_error(error);
        if (!strstr(answer, cases[i].want))
            g_error("case %u: no \"%s\" in\n%s", i, cases[i].want, answer);
        g_assert_cmpint(agreed.floor.active, ==, cases[i].active);
        g_assert_cmpint(agreed.floor.active && agreed.floor.stream, ==, cases[i].stream);
        if (agreed.floor.active) {
            g_assert_cmpuint(md_addr_port(&agreed.floor.remote), ==, 5070);
            g_assert_cmpuint(agreed.floor.conference, ==, 77);
            g_assert_nonnull(strstr(answer, "a=content:slides\r\na=label:3\r\n"));
        }
        md_negotiator_clear(&negotiator);
        if (i > 0)
            continue;
        md_negotiator_init(&negotiator, &options, 5); /* and offered by us */
        g_autofree char *offer = md_negotiator_create_offer(&negotiator, &error);
        g_assert_nonnull(strstr(offer, cases[0].want));
        for (unsigned taken = 0; taken < 2; taken++) {
            g_autofree char *reply = g_strdup_printf(SLIDES "m=application %u UDP/BFCP *\r\na=floorctrl:c-only\r\n", taken ? 5070 : 0);
            negotiator.offered = true;
            g_assert_true(md_negotiator_accept_answer(&negotiator, reply, &agreed, &error));
            g_assert_cmpint(agreed.floor.active, ==, taken);
        }
        md_negotiator_clear(&negotiator);
    }
}

/* Our offer asks for content and takes either word. */
static void test_content_offered(void)
{
    MdNegotiatorOptions options = options_of(MD_SECURITY_OFF, "192.0.2.1");
    options.local_port[MD_LEG_MEDIA_CONTENT] = 21204;
    options.content = options.offer_content = true;
    for (unsigned taken = 0; taken < 2; taken++) {
        MdNegotiator negotiator;
        g_autoptr(GError) error = NULL;
        md_negotiator_init(&negotiator, &options, 5);
        g_autofree char *offer = md_negotiator_create_offer(&negotiator, &error);
        g_assert_no_error(error);
        const char *content = strstr(offer, "m=video 21204 RTP/AVP 97 98 99\r\n");
        g_assert_nonnull(content);
        g_assert_nonnull(strstr(content, "a=content:slides\r\n"));
        g_assert_true(content > strstr(offer, "m=video 21202 "));
        g_autofree char *answer =
            g_strdup_printf(AUDIO_LINE VIDEO_LINE(4002, 99, "") "m=video %u RTP/AVP 99\r\na=rtpmap:99 VP8/90000\r\na=content:slides\r\na=sendonly\r\n", taken ? 4004 : 0);
        MdAgreed agreed;
        g_assert_true(md_negotiator_accept_answer(&negotiator, answer, &agreed, &error));
        g_assert_true(agreed.media[MD_LEG_MEDIA_VIDEO].active);
        g_assert_cmpint(agreed.media[MD_LEG_MEDIA_CONTENT].active, ==, taken);
        if (taken) {
            g_assert_cmpuint(agreed.media[MD_LEG_MEDIA_CONTENT].direction, ==, MD_SDP_RECV);
            g_assert_cmpint(agreed.media[MD_LEG_MEDIA_CONTENT].codec, ==, MD_VIDEO_VP8);
        }
        md_negotiator_clear(&negotiator);
    }
}

/* Answers one offer with a fresh negotiator; "" and the error's text when refused. */
static char *answer_to(MdSecurity security, const char *offer, MdAgreed *ret, int *ret_code)
{
    MdNegotiator negotiator;
    MdNegotiatorOptions options = options_of(security, "192.0.2.1");
    g_autoptr(GError) error = NULL;
    md_negotiator_init(&negotiator, &options, 5);
    char *answer = md_negotiator_accept_offer(&negotiator, offer, ret, &error);
    g_assert_true((answer == NULL) == (error != NULL));
    *ret_code = error ? error->code : -1;
    if (error)
        g_test_message("refused: %s", error->message);
    md_negotiator_clear(&negotiator);
    return answer ? answer : g_strdup("");
}

static void test_answers(void)
{
    static const struct {
        const char *name, *offer;
        const char *has[6];
        const char *lacks[3];
    } cases[] = {
        {"our order of codecs, one in the answer", HEAD "m=audio 4000 RTP/AVP 0 8 111 101\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\n",
         {"m=audio 21200 RTP/AVP 111 101\r\n", "a=rtpmap:111 opus/48000/2\r\n", "a=rtpmap:101 telephone-event/8000\r\n", "a=sendrecv\r\n", "c=IN IP4 192.0.2.1\r\n"}, {"PCMU", "rtcp-mux"}},
        {"static types need no rtpmap", HEAD "m=audio 4000 RTP/AVP 18 8 13\r\n", {"m=audio 21200 RTP/AVP 8 13\r\n", "a=rtpmap:8 PCMA/8000\r\n", "a=rtpmap:13 CN/8000\r\n"}, {"telephone"}},
        {"mono opus is none (RFC 7587)", HEAD "m=audio 4000 RTP/AVP 96 0\r\na=rtpmap:96 opus/48000\r\n", {"RTP/AVP 0\r\n"}, {"opus"}},
        {"unknown lines keep their place", HEAD "m=application 5000 UDP/BFCP *\r\nm=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 34\r\nm=text 0 RTP/AVP 98\r\n",
         {"m=application 0 UDP/BFCP *\r\nm=audio 21200 RTP/AVP 0\r\n", "m=video 0 RTP/AVP 34\r\nm=text 0 RTP/AVP 98\r\n"}, {"BFCP 1"}},
        {"a second audio line is refused", HEAD "m=audio 4000 RTP/AVP 0\r\nm=audio 4004 RTP/AVP 8\r\n", {"m=audio 21200 RTP/AVP 0\r\n", "m=audio 0 RTP/AVP 8\r\n"}, {NULL}},
        {"the line that can be secured wins", HEAD "m=audio 4000 RTP/AVP 0\r\nm=audio 4004 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY80 "\r\n",
         {"m=audio 0 RTP/AVP 0\r\n", "m=audio 21200 RTP/SAVP 8\r\n", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"}, {NULL}},
        {"GCM over CM, under its tag", HEAD "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY80 "|2^31\r\na=crypto:7 AEAD_AES_128_GCM " KEYGCM "\r\n",
         {"a=crypto:7 AEAD_AES_128_GCM inline:"}, {"a=crypto:1"}},
        {"an MKI cannot be served, the next can", HEAD "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AEAD_AES_128_GCM " KEYGCM "|2^20|1:4\r\na=crypto:2 AES_CM_128_HMAC_SHA1_32 " KEY80 "|2^20\r\n",
         {"a=crypto:2 AES_CM_128_HMAC_SHA1_32"}, {"GCM"}},
        {"crypto under RTP/AVP is best effort", HEAD "m=audio 4000 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY80 "\r\n", {"RTP/AVP 0\r\n", "a=crypto:1 AES_CM"}, {NULL}},
        {"DTLS: actpass is answered active", HEAD "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\na=setup:actpass\r\na=fingerprint:" FP "\r\n",
         {"UDP/TLS/RTP/SAVPF 0\r\n", "a=setup:active\r\n", "a=fingerprint:sha-256 4A:", "a=rtcp-mux\r\n"}, {"crypto"}},
        {"DTLS: active is answered passive, from the session part", "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\na=setup:active\r\na=fingerprint:" FP "\r\nm=audio 4000 RTP/SAVPF 0\r\n",
         {"a=setup:passive\r\n"}, {NULL}},
        {"sendonly turns to recvonly", HEAD "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n", {"a=recvonly\r\n"}, {NULL}},
        {"direction of the session part", "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\na=recvonly\r\nm=audio 4000 RTP/AVP 0\r\n", {"a=sendonly\r\n"}, {NULL}},
        {"inactive stays inactive", HEAD "m=audio 4000 RTP/AVP 0\r\na=inactive\r\n", {"a=inactive\r\n"}, {NULL}},
        {"an address of zeros is a hold", "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", {"a=recvonly\r\n"}, {NULL}},
        {"ptime", HEAD "m=audio 4000 RTP/AVP 0\r\na=ptime:30\r\n", {"a=ptime:20\r\n"}, {NULL}},
        {"long ptime within maxptime", HEAD "m=audio 4000 RTP/AVP 0\r\na=ptime:60\r\na=maxptime:40\r\n", {"a=ptime:40\r\n"}, {NULL}},
        {"H.264: mode 1 and constrained baseline win", HEAD "m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 100 101 102 103\r\na=rtpmap:100 H264/90000\r\na=fmtp:100 profile-level-id=42001f\r\n"
         "a=rtpmap:101 H264/90000\r\na=fmtp:101 profile-level-id=640028;packetization-mode=1\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 profile-level-id=42e00d;packetization-mode=1\r\n"
         "a=rtpmap:103 VP8/90000\r\na=rtcp-fb:* nack\r\na=rtcp-fb:102 nack pli\r\na=rtcp-fb:101 ccm fir\r\n",
         {"m=video 21202 RTP/AVP 102\r\n", "a=fmtp:102 profile-level-id=42e00d;packetization-mode=1\r\n", "a=rtcp-fb:* nack\r\n", "a=rtcp-fb:* nack pli\r\n"}, {"fir", "VP8"}},
        {"H.264: level may differ where allowed", HEAD "m=video 4002 RTP/AVP 102\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 profile-level-id=42e00d;packetization-mode=1;level-asymmetry-allowed=1\r\n",
         {"profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1"}, {NULL}},
        {"H.264: high alone is taken", HEAD "m=video 4002 RTP/AVP 102\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 profile-level-id=64001f\r\n", {"profile-level-id=64001f;packetization-mode=0"}, {NULL}},
        {"bare line feeds", "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\nm=audio 4000 RTP/AVP 0\n", {"m=audio 21200 RTP/AVP 0\r\n"}, {NULL}},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        MdAgreed agreed;
        int code;
        g_test_message("%s", cases[i].name);
        g_autofree char *answer = answer_to(MD_SECURITY_PREFERRED, cases[i].offer, &agreed, &code);
        for (unsigned h = 0; h < 6 && cases[i].has[h]; h++)
            if (!strstr(answer, cases[i].has[h]))
                g_error("%s: no \"%s\" in\n%s", cases[i].name, cases[i].has[h], answer);
        for (unsigned l = 0; l < 3 && cases[i].lacks[l]; l++)
            if (strstr(answer, cases[i].lacks[l]))
                g_error("%s: \"%s\" in\n%s", cases[i].name, cases[i].lacks[l], answer);
    }
}

static void test_refused(void)
{
    static const struct {
        MdSecurity security;
        int code;
        const char *offer;
    } cases[] = {
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_SYNTAX, ""},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_SYNTAX, "v=0\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_SYNTAX, "hello, world"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_SYNTAX, HEAD},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_SYNTAX, "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"},                       /* no c= */
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_SYNTAX, "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 phone.example.org\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"}, /* a name */
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_SYNTAX, "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 239.1.1.1/127\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_SYNTAX, HEAD "m=audio 70000 RTP/AVP 0\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_SYNTAX, HEAD "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/0/2\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_SYNTAX, HEAD "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_SYNTAX, HEAD "m=audio 4000 RTP/AVP 0\r\na=rtcp:99999\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_NOT_ACCEPTABLE, HEAD "m=audio 4000 RTP/AVP 18 3\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_NOT_ACCEPTABLE, HEAD "m=audio 0 RTP/AVP 0\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_NOT_ACCEPTABLE, HEAD "m=image 4000 udptl t38\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_NOT_ACCEPTABLE, "v=0\r\no=- 1 1 IN IP6 ::9\r\ns=-\r\nc=IN IP6 2001:db8::9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_NOT_ACCEPTABLE, HEAD "m=audio 4000 RTP/SAVP 0\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_NOT_ACCEPTABLE, HEAD "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 F8_128_HMAC_SHA1_80 " KEY80 "\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_NOT_ACCEPTABLE, HEAD "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:short\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_NOT_ACCEPTABLE, HEAD "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY80 " UNENCRYPTED_SRTP\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_NOT_ACCEPTABLE, HEAD "m=audio 4000 UDP/TLS/RTP/SAVP 0\r\na=setup:actpass\r\n"},
        {MD_SECURITY_PREFERRED, MD_LEG_ERROR_NOT_ACCEPTABLE, HEAD "m=audio 4000 UDP/TLS/RTP/SAVP 0\r\na=setup:actpass\r\na=fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB\r\n"},
        {MD_SECURITY_REQUIRED, MD_LEG_ERROR_NOT_ACCEPTABLE, HEAD "m=audio 4000 RTP/AVP 0\r\n"},
        {MD_SECURITY_OFF, MD_LEG_ERROR_NOT_ACCEPTABLE, HEAD "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY80 "\r\n"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        MdAgreed agreed;
        int code;
        g_autofree char *answer = answer_to(cases[i].security, cases[i].offer, &agreed, &code);
        if (code != cases[i].code)
            g_error("%d instead of %d for\n%s", code, cases[i].code, cases[i].offer);
    }
    g_autoptr(GString) many = g_string_new(HEAD);
    for (unsigned i = 0; i < 17; i++)
        g_string_append(many, "m=audio 4000 RTP/AVP 0\r\n");
    MdAgreed agreed;
    int code;
    g_free(answer_to(MD_SECURITY_OFF, many->str, &agreed, &code));
    g_assert_cmpint(code, ==, MD_LEG_ERROR_SYNTAX);
    g_string_assign(many, HEAD "m=audio 4000 RTP/AVP 0\r\n");
    while (many->len <= MD_SDP_TEXT_MAX)
        g_string_append(many, "a=x-long:0123456789\r\n");
    g_free(answer_to(MD_SECURITY_OFF, many->str, &agreed, &code));
    g_assert_cmpint(code, ==, MD_LEG_ERROR_SYNTAX);
}

static void test_agreed(void)
{
    MdAgreed agreed;
    int code;
    g_autofree char *a = answer_to(MD_SECURITY_PREFERRED,
                                   HEAD "b=AS:2000\r\nm=audio 4000 RTP/AVP 111 101\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 maxaveragebitrate=20000; useinbandfec=1\r\na=rtpmap:101 telephone-event/48000\r\na=rtcp:5001\r\n"
                                        "m=video 4002 RTP/AVP 100\r\nc=IN IP4 192.0.2.10\r\nb=TIAS:600000\r\na=rtcp-mux\r\na=rtpmap:100 H264/90000\r\na=fmtp:100 profile-level-id=42e01e;packetization-mode=1\r\na=rtcp-fb:100 ccm tmmbr\r\n",
                                   &agreed, &code);
    char text[MD_ADDR_TEXT_MAX];
    const MdAgreedMedia *audio = &agreed.media[0], *video = &agreed.media[1];
    g_assert_true(audio->active && video->active);
    g_assert_cmpstr(md_addr_to_string(&audio->remote, text, sizeof text), ==, "192.0.2.9:4000");
    g_assert_cmpstr(md_addr_to_string(&audio->remote_rtcp, text, sizeof text), ==, "192.0.2.9:5001");
    g_assert_cmpint(audio->codec, ==, MD_AUDIO_OPUS);
    g_assert_true(audio->opus_fec);
    g_assert_cmpuint(audio->opus_bitrate_bps, ==, 20000);
    g_assert_cmpuint(audio->dtmf_receive_pt, ==, 101);
    g_assert_cmpuint(audio->dtmf_clock_rate, ==, 48000);
    g_assert_cmpstr(md_addr_to_string(&video->remote_rtcp, text, sizeof text), ==, "192.0.2.10:4002");
    g_assert_cmpuint(video->feedback, ==, MD_SDP_FB_TMMBR);
    g_assert_cmpuint(video->max.width, ==, 640); /* level 3.0: 1620 macroblocks, 960x540 has 2040 */
    g_assert_cmpuint(video->max.height, ==, 360);
    g_assert_cmpuint(video->max.bitrate_bps, >=, 500000);
    g_assert_cmpuint(video->max.bitrate_bps, <=, 600000);
}

/* Parameters behind the longest line we keep are left out whole; those before it count. */
static void test_long_parameters(void)
{
    g_autofree char *filler = g_strnfill(440, 'A');
    for (unsigned cut = 0; cut < 2; cut++) {
        g_autofree char *offer = g_strdup_printf(
            HEAD "m=video 4002 RTP/AVP 100\r\na=rtpmap:100 H264/90000\r\na=fmtp:100 packetization-mode=1;x=%s;sprop-parameter-sets=Z0LgH5ZUAoAt2A==,aM48gA==%s\r\n",
            cut ? filler : "1", cut ? ",aM48gA==" : "");
        MdAgreed agreed;
        int code;
        g_autofree char *answer = answer_to(MD_SECURITY_OFF, offer, &agreed, &code);
        g_assert_cmpint(code, ==, -1);
        g_assert_cmpuint(agreed.media[1].h264_mode, ==, 1);
        g_assert_cmpuint(agreed.media[1].n_parameter_sets, ==, cut ? 0 : 2);
        if (!cut) {
            g_assert_cmpuint(agreed.media[1].parameter_sets[0].len, ==, 10);
            g_assert_cmpuint(agreed.media[1].parameter_sets[0].data[0], ==, 0x67);
            g_assert_cmpuint(agreed.media[1].parameter_sets[1].len, ==, 4);
        }
    }
}

/* Our offers against answers that fit or do not. */
static void test_offer(void)
{
    MdNegotiator negotiator;
    MdNegotiatorOptions options = options_of(MD_SECURITY_REQUIRED, "2001:db8::1");
    MdAgreed agreed;
    g_autoptr(GError) error = NULL;
    md_negotiator_init(&negotiator, &options, 0);
    g_autofree char *offer = md_negotiator_create_offer(&negotiator, &error);
    static const char *const has[] = {"c=IN IP6 2001:db8::1\r\n", "m=audio 21200 RTP/SAVP 96 9 8 0 13 101\r\n", "m=video 21202 RTP/SAVP 97 98 99\r\n", "a=crypto:1 AEAD_AES_128_GCM inline:",
                                      "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:", "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1\r\n", "a=rtcp-fb:* ccm tmmbr\r\n"};
    for (unsigned i = 0; i < G_N_ELEMENTS(has); i++)
        g_assert_nonnull(strstr(offer, has[i]));
#define HEAD6 "v=0\r\no=- 1 1 IN IP6 2001:db8::9\r\ns=-\r\nc=IN IP6 2001:db8::9\r\nt=0 0\r\n"
    static const char *const bad[] = {
        HEAD6 "m=audio 4000 RTP/SAVP 96\r\na=rtpmap:96 opus/48000/2\r\na=crypto:1 AEAD_AES_128_GCM " KEYGCM "\r\n", /* a line is missing */
        HEAD6 "m=audio 0 RTP/SAVP 96\r\nm=video 0 RTP/SAVP 97\r\n",
        HEAD6 "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_32 " KEY80 "\r\nm=video 0 RTP/SAVP 97\r\n", /* a suite that was not offered */
        HEAD6 "m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/SAVP 97\r\n", /* without the encryption we require */
        HEAD6 "m=audio 4000 RTP/SAVP 18\r\na=crypto:1 AEAD_AES_128_GCM " KEYGCM "\r\nm=video 0 RTP/SAVP 97\r\n",
        HEAD6 "m=video 4000 RTP/SAVP 97\r\na=rtpmap:97 H264/90000\r\nm=audio 0 RTP/SAVP 97\r\n",
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(md_negotiator_accept_answer(&negotiator, bad[i], &agreed, &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
    }
    /* other numbers than ours: theirs to send, ours to receive */
    static const char good[] = HEAD6 "m=audio 4000 RTP/SAVP 120 0 121\r\na=rtpmap:120 opus/48000/2\r\na=rtpmap:121 telephone-event/8000\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 " KEY80 "\r\n"
                                     "m=video 0 RTP/SAVP 97\r\n";
    g_assert_true(md_negotiator_accept_answer(&negotiator, good, &agreed, &error));
    const MdAgreedMedia *audio = &agreed.media[0];
    g_assert_cmpuint(audio->send_pt, ==, 120);
    g_assert_cmpuint(audio->n_receive, ==, 2);
    g_assert_cmpuint(audio->receive[0].pt, ==, 96);
    g_assert_cmpuint(audio->receive[1].pt, ==, 0);
    g_assert_cmpuint(audio->dtmf_send_pt, ==, 121);
    g_assert_cmpuint(audio->dtmf_receive_pt, ==, 101);
    g_assert_cmpint(audio->security, ==, MD_AGREED_SDES);
    g_assert_cmpint(audio->local_key.suite, ==, MD_SRTP_AES_CM_128_HMAC_SHA1_80);
    g_assert_false(agreed.media[1].active);
    g_assert_false(md_negotiator_accept_answer(&negotiator, good, &agreed, &error)); /* no offer is open */
    g_clear_error(&error);
    md_negotiator_clear(&negotiator);
}

static guint64 version_of(const char *sdp)
{
    guint64 id, version;
    g_assert_cmpint(sscanf(strstr(sdp, "o=mediad "), "o=mediad %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, &id, &version), ==, 2);
    return version;
}

static void test_session(void)
{
    static const char first[] = HEAD "m=application 5000 UDP/BFCP *\r\nm=audio 4000 RTP/AVP 97 101\r\na=rtpmap:97 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\na=crypto:1 AEAD_AES_128_GCM " KEYGCM "\r\n";
    MdNegotiator negotiator;
    MdNegotiatorOptions options = options_of(MD_SECURITY_PREFERRED, "192.0.2.1");
    MdAgreed one, two;
    g_autoptr(GError) error = NULL;
    md_negotiator_init(&negotiator, &options, 0);
    g_autofree char *a = md_negotiator_accept_offer(&negotiator, first, &one, &error);
    g_autofree char *b = md_negotiator_accept_offer(&negotiator, first, &two, &error);
    g_assert_cmpstr(a, ==, b); /* a session refresh changes nothing, keys included */
    g_assert_true(md_srtp_key_equal(&one.media[0].local_key, &two.media[0].local_key));
    /* our own offer keeps the lines where they are and the number the peer gave opus; nothing else may use it */
    g_autofree char *offer = md_negotiator_create_offer(&negotiator, &error);
    g_assert_nonnull(strstr(offer, "m=application 0 UDP/BFCP *\r\nm=audio 21200 RTP/AVP 97 "));
    g_assert_nonnull(strstr(offer, "a=rtpmap:97 opus/48000/2\r\n"));
    g_assert_null(strstr(offer, "a=rtpmap:97 H264"));
    g_assert_cmpuint(version_of(offer), ==, version_of(a) + 1);
    /* fewer lines than the session has is an error, and changes nothing */
    g_assert_null(md_negotiator_accept_offer(&negotiator, HEAD "m=audio 4000 RTP/AVP 0\r\n", &two, &error));
    g_assert_error(error, MD_LEG_ERROR, MD_LEG_ERROR_SYNTAX);
    g_clear_error(&error);
    g_autofree char *again = md_negotiator_accept_offer(&negotiator, first, &two, &error);
    g_assert_nonnull(again);
    /* all streams away: lawful within a session */
    g_autofree char *none = md_negotiator_accept_offer(&negotiator, HEAD "m=application 0 UDP/BFCP *\r\nm=audio 0 RTP/AVP 0\r\n", &two, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(none, "m=audio 0 "));
    g_assert_false(two.media[0].active);
    md_negotiator_clear(&negotiator);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/negotiate/answers", test_answers);
    g_test_add_func("/negotiate/refused", test_refused);
    g_test_add_func("/negotiate/agreed", test_agreed);
    g_test_add_func("/negotiate/long-parameters", test_long_parameters);
    g_test_add_func("/negotiate/offer", test_offer);
    g_test_add_func("/negotiate/session", test_session);
    g_test_add_func("/negotiate/content", test_content);
    g_test_add_func("/negotiate/content-offered", test_content_offered);
    g_test_add_func("/negotiate/floor", test_floor);
    return g_test_run();
}
