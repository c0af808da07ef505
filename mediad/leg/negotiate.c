/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/leg/negotiate-private.h"

#include <openssl/rand.h>
#include <string.h>

G_DEFINE_QUARK(md - leg - error - quark, md_leg_error)

static const uint8_t default_pts[MD_FORMAT_MAX] = {
    [MD_FORMAT_OPUS] = 96,   [MD_FORMAT_G722] = 9,    [MD_FORMAT_PCMA] = 8,
    [MD_FORMAT_PCMU] = 0,    [MD_FORMAT_DTMF] = 101,  [MD_FORMAT_CN] = 13,
    [MD_FORMAT_H264_1] = 97, [MD_FORMAT_H264_0] = 98, [MD_FORMAT_VP8] = 99};

const MdFormatKind leg_audio_format_of[MD_AUDIO_CODEC_MAX] = {[MD_AUDIO_OPUS] = MD_FORMAT_OPUS,
                                                              [MD_AUDIO_G722] = MD_FORMAT_G722,
                                                              [MD_AUDIO_PCMA] = MD_FORMAT_PCMA,
                                                              [MD_AUDIO_PCMU] = MD_FORMAT_PCMU};

void md_negotiator_init(MdNegotiator *negotiator, const MdNegotiatorOptions *options, uint64_t session_id)
{
    *negotiator = (MdNegotiator){.options = *options, .session_id = session_id, .session_version = 1};
    if (!session_id && RAND_bytes((unsigned char *)&session_id, sizeof session_id) == 1)
        negotiator->session_id =
            session_id >> 2 | 1; /* fits a signed 64-bit number: some peers parse it as one */
    memcpy(negotiator->pts, default_pts, sizeof default_pts);
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        negotiator->agreed.media[m].codec = -1;
}

void md_negotiator_clear(MdNegotiator *negotiator)
{
    g_free(negotiator->last_text);
    OPENSSL_cleanse(negotiator, sizeof *negotiator);
}

bool leg_not_acceptable(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    if (error && !*error)
        g_set_error_literal(error, MD_LEG_ERROR, MD_LEG_ERROR_NOT_ACCEPTABLE, text);
    return false;
}

/* Dynamic numbers agreed once stay bound to their codec for our later offers (RFC 3264, 8.3.2). */
static void remember_pt(MdNegotiator *negotiator, MdFormatKind kind, uint8_t pt)
{
    static const uint8_t spare[] = {96, 97, 98, 99, 101, 102, 103, 104, 105, 106, 107, 108, 109};
    if (pt == MD_PT_NONE)
        return;
    for (unsigned other = 0; other < MD_FORMAT_MAX; other++) {
        if (other == (unsigned)kind || negotiator->pts[other] != pt)
            continue;
        for (unsigned s = 0; s < sizeof spare; s++)
            if (spare[s] != pt && !memchr(negotiator->pts, spare[s], sizeof negotiator->pts)) {
                negotiator->pts[other] = spare[s];
                break;
            }
    }
    negotiator->pts[kind] = pt;
}

void leg_remember_agreement(MdNegotiator *negotiator, const MdAgreed *agreed)
{
    const MdAgreedMedia *audio = &agreed->media[MD_LEG_MEDIA_AUDIO],
                        *video = &agreed->media[MD_LEG_MEDIA_VIDEO];
    for (unsigned i = 0; audio->active && i < audio->n_receive; i++)
        remember_pt(negotiator, leg_audio_format_of[audio->receive[i].codec], audio->receive[i].pt);
    if (audio->active && audio->dtmf_clock_rate == 8000)
        remember_pt(negotiator, MD_FORMAT_DTMF, audio->dtmf_receive_pt);
    if (video->active && video->n_receive == 1)
        remember_pt(negotiator,
                    video->codec == MD_VIDEO_VP8 ? MD_FORMAT_VP8
                    : video->h264_mode           ? MD_FORMAT_H264_1
                                                 : MD_FORMAT_H264_0,
                    video->receive[0].pt);
    negotiator->agreed = *agreed;
    negotiator->complete = true;
    negotiator->offered = false;
}

/* The version grows whenever the text changes (RFC 3264, 8). */
char *leg_finish_text(MdNegotiator *negotiator, const GString *lines)
{
    if (negotiator->last_text && strcmp(negotiator->last_text, lines->str) != 0)
        negotiator->session_version++;
    g_free(negotiator->last_text);
    negotiator->last_text = g_strdup(lines->str);
    GString *text = g_string_sized_new(lines->len + 160);
    md_describe_session(negotiator, text);
    md_describe_bundle(negotiator, text);
    g_string_append_len(text, lines->str, (gssize)lines->len);
    return g_string_free(text, FALSE);
}
