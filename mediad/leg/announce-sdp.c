/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/leg/announce-sdp.h"

#include <string.h>

#include "mediad/leg/leg.h"
#include "mediad/leg/sdp.h"

#define CODECS_MAX 8
#define KEYS_MAX 4

static const char *rtpmap_of(MdAudioCodec codec)
{
    static const char *const names[MD_AUDIO_CODEC_MAX] = {[MD_AUDIO_OPUS] = "opus/48000/2",
                                                          [MD_AUDIO_G722] = "G722/8000",
                                                          [MD_AUDIO_PCMA] = "PCMA/8000",
                                                          [MD_AUDIO_PCMU] = "PCMU/8000"};
    return codec >= 0 && codec < MD_AUDIO_CODEC_MAX ? names[codec] : NULL;
}

static bool refuse(GError **error, MdLegError code, const char *why)
{
    g_set_error_literal(error, MD_LEG_ERROR, code, why);
    return false;
}

static bool offer_is_good(const MdAnnounceOffer *offer, GError **error)
{
    MdAddr address;
    if (!offer->local_host || md_addr_from_host(&address, offer->local_host, 0) < 0 || offer->local_port == 0)
        return refuse(error, MD_LEG_ERROR_RESOURCES, "an announcement needs a numeric address and a port");
    if (offer->n_codecs == 0 || offer->n_codecs > CODECS_MAX)
        return refuse(error, MD_LEG_ERROR_RESOURCES, "an announcement offers 1 to 8 codecs");
    for (unsigned i = 0; i < offer->n_codecs; i++)
        if (!rtpmap_of(offer->codecs[i].codec) || offer->codecs[i].payload_type > 127)
            return refuse(error, MD_LEG_ERROR_RESOURCES, "an announcement's codec is unknown");
    if (offer->security != MD_SECURITY_OFF && (offer->n_keys == 0 || offer->n_keys > KEYS_MAX))
        return refuse(error, MD_LEG_ERROR_RESOURCES, "an encrypted announcement has 1 to 4 group keys");
    return true;
}

static void describe_codec(GString *out, const MdAnnounceOffer *offer, const MdAnnounceCodec *codec)
{
    g_string_append_printf(out, "a=rtpmap:%u %s\r\n", codec->payload_type, rtpmap_of(codec->codec));
    if (codec->codec != MD_AUDIO_OPUS)
        return;
    g_string_append_printf(out, "a=fmtp:%u useinbandfec=1;stereo=0;sprop-stereo=0", codec->payload_type);
    if (offer->opus_bitrate_bps)
        g_string_append_printf(out, ";maxaveragebitrate=%u", offer->opus_bitrate_bps);
    g_string_append(out, "\r\n");
}

char *md_announce_create_offer(const MdAnnounceOffer *offer, GError **error)
{
    if (!offer_is_good(offer, error))
        return NULL;
    const char *type = strchr(offer->local_host, ':') ? "IP6" : "IP4";
    GString *out = g_string_sized_new(1024);
    g_string_append_printf(out,
                           "v=0\r\no=mediad %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                           " IN %s %s\r\ns=%s\r\nc=IN %s %s\r\nt=0 0\r\n",
                           offer->session_id, offer->session_version, type, offer->local_host,
                           offer->session_name ? offer->session_name : "-", type, offer->local_host);
    g_string_append_printf(out, "m=audio %u %s", offer->local_port,
                           offer->security == MD_SECURITY_REQUIRED ? "RTP/SAVP" : "RTP/AVP");
    for (unsigned i = 0; i < offer->n_codecs; i++)
        g_string_append_printf(out, " %u", offer->codecs[i].payload_type);
    g_string_append(out, "\r\n");
    for (unsigned i = 0; i < offer->n_codecs; i++)
        describe_codec(out, offer, &offer->codecs[i]);
    for (unsigned i = 0; offer->security != MD_SECURITY_OFF && i < offer->n_keys; i++) {
        char text[MD_SRTP_KEY_BASE64_MAX];
        md_srtp_key_to_base64(offer->keys[i], text, sizeof text);
        g_string_append_printf(out, "a=crypto:%u %s inline:%s\r\n", i + 1,
                               md_srtp_suite_to_string(offer->keys[i]->suite), text);
    }
    g_string_append_printf(out, "a=sendonly\r\na=rtcp-mux\r\na=ptime:%u\r\na=maxptime:%u\r\n",
                           offer->ptime_ms, offer->ptime_ms);
    return g_string_free(out, FALSE);
}

/* ---- answers ---- */

/* The first format of the answer that we offered, under the number we send. */
static const MdAnnounceCodec *agreed_codec(const MdAnnounceOffer *offer, const MdSdpMedia *media)
{
    for (unsigned f = 0; f < media->n_formats; f++)
        for (unsigned i = 0; i < offer->n_codecs; i++)
            if (media->formats[f].pt == offer->codecs[i].payload_type &&
                md_audio_codec_from_string(media->formats[f].name) == offer->codecs[i].codec)
                return &offer->codecs[i];
    return NULL;
}

/* The tag of the answer names the key it took (RFC 4568, 5.1.3). */
static const MdSdpCrypto *agreed_crypto(const MdAnnounceOffer *offer, const MdSdpMedia *media)
{
    for (unsigned i = 0; i < media->n_cryptos; i++) {
        const MdSdpCrypto *crypto = &media->cryptos[i];
        if (crypto->tag >= 1 && crypto->tag <= offer->n_keys &&
            offer->keys[crypto->tag - 1]->suite == crypto->key.suite)
            return crypto;
    }
    return NULL;
}

bool md_announce_parse_answer(const MdAnnounceOffer *offer, const char *sdp, MdAnnounceAnswer *ret,
                              GError **error)
{
    g_autofree MdSdp *parsed = md_sdp_parse(sdp, false, error);
    if (!parsed)
        return false;
    if (parsed->n_media != 1 || parsed->media[0].kind != MD_SDP_AUDIO)
        return refuse(error, MD_LEG_ERROR_SYNTAX, "the answer must have the one audio line of the offer");
    const MdSdpMedia *media = &parsed->media[0];
    if (media->port == 0)
        return refuse(error, MD_LEG_ERROR_NOT_ACCEPTABLE, "the loudspeaker refused the sound (port 0)");
    if (!(media->direction & MD_SDP_RECV) || media->held_address || md_addr_is_multicast(&media->rtp))
        return refuse(error, MD_LEG_ERROR_NOT_ACCEPTABLE,
                      "the loudspeaker does not want to receive (direction or address)");
    const MdAnnounceCodec *codec = agreed_codec(offer, media);
    if (!codec)
        return refuse(error, MD_LEG_ERROR_NOT_ACCEPTABLE, "no codec of the offer, or under another number");
    const MdSdpCrypto *crypto = offer->security != MD_SECURITY_OFF ? agreed_crypto(offer, media) : NULL;
    if (!crypto && (offer->security == MD_SECURITY_REQUIRED || md_sdp_proto_is_secure(media->proto)))
        return refuse(error, MD_LEG_ERROR_NOT_ACCEPTABLE,
                      "the loudspeaker does not take the encryption that is required");
    MdAnnounceAnswer answer = {.remote = media->rtp,
                               .remote_rtcp = media->rtcp_mux ? media->rtp : media->rtcp,
                               .codec = codec->codec,
                               .payload_type = codec->payload_type,
                               .ptime_ms = media->ptime_ms,
                               .rtcp_mux = media->rtcp_mux,
                               .secured = crypto != NULL,
                               .suite = MD_SRTP_SUITE_INVALID};
    if (crypto) {
        answer.suite = crypto->key.suite;
        answer.remote_key = crypto->key;
    }
    *ret = answer;
    return true;
}
