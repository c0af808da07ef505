/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Session descriptions of a peer: as offer, as answer to ours, as a loudspeaker's answer. What we say back must be a
 * description that we can read ourselves. */
#include <string.h>

#include "mediad/leg/announce-sdp.h"
#include "mediad/leg/negotiate.h"
#include "tests/fuzz/fuzz.h"

static const char fingerprint[] = "sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF";

static void check_ours(const char *text, bool browser)
{
    g_autofree MdSdp *again = md_sdp_parse(text, browser, NULL);
    if (!again)
        g_error("we cannot read what we wrote:\n%s", text);
}

static void describe_ice(void *user, bool restart, bool candidates, GString *out)
{
    g_string_append(out, "a=ice-ufrag:ours\r\na=ice-pwd:ourpasswordourpassword\r\n");
}

static void negotiate(const char *text, MdSecurity security, const char *host, bool browser)
{
    MdNegotiatorOptions options = {.local_host = host, .local_port = {21200, 21202}, .security = security, .fingerprint = fingerprint,
                                   .audio_codecs = {MD_AUDIO_OPUS, MD_AUDIO_G722, MD_AUDIO_PCMA, MD_AUDIO_PCMU}, .n_audio_codecs = 4,
                                   .video_codecs = {MD_VIDEO_H264, MD_VIDEO_VP8}, .n_video_codecs = 2, .video_max = {1280, 720, 30, 1500000},
                                   .browser = browser, .content = true, .second_video_is_content = browser, .offer_content = true,
                                   .cname = "us", .describe_ice = describe_ice};
    options.local_port[MD_LEG_MEDIA_CONTENT] = 21204;
    MdNegotiator negotiator;
    MdAgreed agreed;
    md_negotiator_init(&negotiator, &options, 1);
    g_autofree char *offer = md_negotiator_create_offer(&negotiator, NULL);
    check_ours(offer, browser);
    md_negotiator_accept_answer(&negotiator, text, &agreed, NULL);
    for (int i = 0; i < 2; i++) { /* the second time within a session */
        g_autofree char *answer = md_negotiator_accept_offer(&negotiator, text, &agreed, NULL);
        if (answer)
            check_ours(answer, browser);
        g_autofree char *ours = md_negotiator_create_offer(&negotiator, NULL);
        if (ours)
            check_ours(ours, browser);
    }
    md_negotiator_clear(&negotiator);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    negotiate(text, MD_SECURITY_PREFERRED, "192.0.2.1", false);
    negotiate(text, MD_SECURITY_OFF, "2001:db8::1", false);
    negotiate(text, MD_SECURITY_REQUIRED, "0.0.0.0", true);
    static const MdAnnounceCodec codecs[] = {{MD_AUDIO_OPUS, 96}, {MD_AUDIO_G722, 9}};
    MdSrtpKey key = {.suite = MD_SRTP_AEAD_AES_128_GCM, .len = 28};
    const MdSrtpKey *keys[] = {&key};
    MdAnnounceOffer offer = {.local_host = "192.0.2.1", .local_port = 4000, .codecs = codecs, .n_codecs = 2, .ptime_ms = 20,
                             .security = MD_SECURITY_PREFERRED, .keys = keys, .n_keys = 1};
    MdAnnounceAnswer answer;
    md_announce_parse_answer(&offer, text, &answer, NULL);
    return 0;
}
