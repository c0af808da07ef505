/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A leg's line of content beside its line of pictures: each its own frames, key requests, repair and figures. */
#include <string.h>

#include "pair.h"

#define HEAD_LEN 10

static MdFrame *make_frame(uint8_t mark, bool key, size_t len, int64_t now_us)
{
    MdFrame *frame = md_frame_new(MD_VIDEO_VP8, len);
    frame->len = len;
    frame->key = key;
    frame->time_us = now_us;
    memset(frame->data, mark, len);
    /* VP8 frame tag, start code, size (RFC 6386, 9.1) */
    static const uint8_t head[HEAD_LEN] = {0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};
    memcpy(frame->data, head, sizeof head);
    if (!key)
        frame->data[0] |= 1;
    return frame;
}

static char *only_vp8(char *sdp)
{
    return pair_replace(sdp, " 97 98 99", " 99");
}

static char *without_content(char *sdp)
{
    char *at = strstr(sdp = only_vp8(sdp), "m=video 21014 ");
    g_assert_nonnull(at);
    memcpy(at, "m=video 00000 ", 14);
    return sdp;
}

typedef struct Senders {
    unsigned keys[2][2]; /* key frames asked of a side: pictures, content */
} Senders;

/* Both sides send a picture and a slide, each marked with who and what it is. */
static void run(Pair *pair, Senders *senders, unsigned pictures)
{
    for (unsigned n = 0; n < pictures; n++) {
        for (unsigned i = 0; i < 2; i++) {
            PairSide *side = &pair->side[i];
            int64_t now_us = md_clock_now_us(&pair->clock.base);
            unsigned asked[2] = {side->key_requests + 1, side->slide_key_requests + 1};
            for (unsigned k = 0; k < 2; k++) {
                bool key = asked[k] != senders->keys[i][k];
                senders->keys[i][k] = asked[k];
                MdFrame *frame = make_frame((uint8_t)(0x10 * (i + 1) + k), key, k ? 9000 : 4000, now_us);
                (k ? md_leg_send_content : md_leg_send_video)(side->leg, frame, now_us);
                md_frame_unref(frame);
            }
        }
        pair_run(pair, 60);
    }
}

static void assert_marked(const MdFrame *frame, uint8_t mark, size_t len)
{
    g_assert_nonnull(frame);
    g_assert_cmpuint(frame->len, ==, len);
    for (size_t i = HEAD_LEN; i < len; i++)
        g_assert_cmpuint(frame->data[i], ==, mark);
}

static void test_both_lines(void)
{
    static const struct {
        MdSecurity security;
        bool dtls;
        unsigned loss;
        bool browser;
    } cases[] = {{MD_SECURITY_OFF, false, 0},
                 {MD_SECURITY_REQUIRED, false, 5},
                 {MD_SECURITY_REQUIRED, true, 0},
                 {MD_SECURITY_REQUIRED, true, 0, true},
                 {MD_SECURITY_REQUIRED, true, 5, true}};
    for (unsigned c = 0; c < G_N_ELEMENTS(cases); c++) {
        Pair *pair = g_new(Pair, 1);
        MdSecurity s = cases[c].security;
        PairOptions options = {.video = true, .content = true, .offer_content = true, .security = {s, s},
                               .dtls = cases[c].dtls, .offer_dtls = cases[c].dtls, .browser = cases[c].browser};
        Senders senders = {0};
        pair_init(pair, &options);
        pair_reinvite(pair, only_vp8);
        for (unsigned i = 0; cases[c].dtls && i < 40; i++) {
            pair_run(pair, 20);
            g_main_context_iteration(NULL, FALSE);
        }
        pair->loss_percent = cases[c].loss;
        run(pair, &senders, 60);
        pair->loss_percent = 0;
        run(pair, &senders, 20);
        for (unsigned i = 0; i < 2; i++) {
            const MdLegStats *stats = md_leg_stats(pair->side[i].leg);
            MdLegSummary summary;
            assert_marked(pair->side[i].last_picture, (uint8_t)(0x10 * (2 - i)), 4000);
            assert_marked(pair->side[i].last_slide, (uint8_t)(0x10 * (2 - i) + 1), 9000);
            g_assert_cmpuint(pair->side[i].slides, >=, cases[c].loss ? 60 : 80);
            g_assert_cmpuint(md_stat_get(&stats->content_frames_received), >=, pair->side[i].slides);
            g_assert_cmpuint(md_stat_get(&stats->content_bytes_received), >, 2 * md_stat_get(&stats->video_bytes_received) - 20000);
            g_assert_true((md_stat_get(&stats->content_nacks_sent) > 0) == (cases[c].loss > 0));
            md_leg_summary(pair->side[i].leg, &summary);
            g_assert_cmpint(summary.content_codec, ==, MD_VIDEO_VP8);
        }
        pair_clear(pair);
        g_free(pair);
    }
}

/* Who asks for a key frame of the content gets one of the content. */
static void test_key_requests(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {.video = true, .content = true, .offer_content = true};
    Senders senders = {0};
    pair_init(pair, &options);
    pair_reinvite(pair, only_vp8);
    run(pair, &senders, 20);
    unsigned pictures = pair->side[1].key_requests, slides = pair->side[1].slide_key_requests;
    md_leg_request_content_key_frame(pair->side[0].leg, md_clock_now_us(&pair->clock.base));
    pair_run(pair, 100);
    g_assert_cmpuint(pair->side[1].slide_key_requests, ==, slides + 1);
    g_assert_cmpuint(pair->side[1].key_requests, ==, pictures);
    g_assert_cmpuint(md_stat_get(&md_leg_stats(pair->side[0].leg)->content_key_requests_sent), >, 0);
    run(pair, &senders, 2);
    g_assert_true(pair->side[0].last_slide && !pair->side[0].last_slide->damaged);
    pair_clear(pair);
    g_free(pair);
}

/* Taken away and given back by later offers; the call's pictures do not notice. */
static void test_comes_and_goes(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {.video = true, .content = true, .offer_content = true, .security = {MD_SECURITY_REQUIRED, MD_SECURITY_REQUIRED}};
    Senders senders = {0};
    MdLegVideoFormat format;
    pair_init(pair, &options);
    md_leg_content_format(pair->side[0].leg, &format);
    g_assert_false(format.sending || format.receiving);
    pair_reinvite(pair, without_content);
    run(pair, &senders, 10);
    g_assert_cmpuint(pair->side[0].slides + pair->side[1].slides, ==, 0);
    g_assert_cmpuint(pair->side[0].pictures, ==, 10);
    for (unsigned round = 1; round <= 2; round++) {
        pair_reinvite(pair, only_vp8);
        memset(&senders, 0, sizeof senders);
        run(pair, &senders, 10);
        g_assert_cmpuint(pair->side[0].slides, >=, 9 * round);
        md_leg_content_format(pair->side[0].leg, &format);
        g_assert_true(format.sending && format.receiving);
        pair_reinvite(pair, without_content);
        unsigned before = pair->side[0].slides;
        run(pair, &senders, 5);
        g_assert_cmpuint(pair->side[0].slides, ==, before);
    }
    g_assert_cmpuint(pair->side[0].pictures, >=, 38);
    pair_clear(pair);
    g_free(pair);
}

/* Who does not want content gets none, whatever is offered. */
static void test_not_wanted(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {.video = true, .offer_content = true};
    pair_init(pair, &options);
    g_autofree char *offer = md_leg_create_offer(pair->side[1].leg, NULL);
    g_assert_null(strstr(offer, "slides"));
    pair_clear(pair);
    g_free(pair);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/leg-content/both-lines", test_both_lines);
    g_test_add_func("/leg-content/key-requests", test_key_requests);
    g_test_add_func("/leg-content/comes-and-goes", test_comes_and_goes);
    g_test_add_func("/leg-content/not-wanted", test_not_wanted);
    return g_test_run();
}
