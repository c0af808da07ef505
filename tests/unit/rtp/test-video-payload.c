/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "mediad/rtp/depacketise.h"
#include "mediad/rtp/h264.h"
#include "mediad/rtp/packetise.h"
#include "mediad/rtp/vp8.h"

/* SPS (profile 66, id 0), PPS (id 0): bytes after the ids are of no matter here. */
static const uint8_t sps[] = {0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x01};
static const uint8_t pps[] = {0x68, 0xce, 0x3c, 0x80 | 1};

static void append_nal(MdFrame *frame, uint8_t header, size_t len, uint8_t seed)
{
    static const uint8_t code[4] = {0, 0, 0, 1};
    memcpy(frame->data + frame->len, code, 4);
    frame->len += 4;
    frame->data[frame->len] = header;
    /* slice header: first_mb 0 (1), slice type 7 (0001000) or 5 (00110) */
    for (size_t i = 1; i < len; i++)
        frame->data[frame->len + i] = (uint8_t)(1 + (seed + i * 7) % 254);
    if ((header & 0x1f) == 5)
        frame->data[frame->len + 1] = 0x88;
    else if ((header & 0x1f) == 1)
        frame->data[frame->len + 1] = 0x9a;
    frame->len += len;
}

static void append_raw(MdFrame *frame, const uint8_t *nal, size_t len)
{
    static const uint8_t code[4] = {0, 0, 0, 1};
    memcpy(frame->data + frame->len, code, 4);
    memcpy(frame->data + frame->len + 4, nal, len);
    frame->len += 4 + len;
}

static MdFrame *key_frame(size_t slice)
{
    MdFrame *f = md_frame_new(MD_VIDEO_H264, slice + 64);
    append_raw(f, sps, sizeof(sps));
    append_raw(f, pps, sizeof(pps));
    append_nal(f, 0x65, slice, 3);
    f->key = true;
    return f;
}

static MdFrame *delta_frame(size_t slice)
{
    MdFrame *f = md_frame_new(MD_VIDEO_H264, slice + 64);
    append_nal(f, 0x41, slice, 9);
    return f;
}

/* Sends list's packets, leaving out those in drop (bit mask), into d. Returns the next sequence number's
 * count of losses at the end. */
static unsigned feed(MdDepacketiser *d, const MdPacketList *list, uint32_t ts, uint32_t drop, unsigned lost)
{
    uint8_t buf[1500];
    for (unsigned i = 0; i < list->n; i++) {
        if (i < 32 && drop >> i & 1) {
            lost++;
            continue;
        }
        MdRtpPacket p = {.ts = ts, .marker = list->slices[i].marker, .payload = buf};
        p.payload_len = md_packet_list_copy(list, i, buf);
        g_assert_cmpuint(p.payload_len, ==, md_slice_len(&list->slices[i]));
        g_assert_cmpuint(p.payload_len, <=, list->max_payload);
        g_assert_cmpint(md_depacketiser_push(d, &p, lost, 1000 + ts), ==, 0);
        lost = 0;
    }
    return lost;
}

static void check_round_trip(MdFrame *frame, uint8_t mode, uint16_t max)
{
    MdDepacketiser *d = md_depacketiser_new(frame->codec);
    MdPacketList *list = md_packetise(frame, mode, max);
    g_assert_nonnull(list);
    feed(d, list, 3000, 0, 0);
    MdFrame *got = md_depacketiser_take(d);
    g_assert_nonnull(got);
    g_assert_null(md_depacketiser_take(d));
    g_assert_cmpmem(got->data, got->len, frame->data, frame->len);
    g_assert_cmpint(got->key, ==, frame->key);
    g_assert_false(got->damaged);
    g_assert_cmpuint(got->rtp_ts, ==, 3000);
    g_assert_cmpint(got->time_us, ==, 4000);
    md_frame_unref(got);
    md_packet_list_unref(list);
    md_depacketiser_free(d);
}

static void test_round_trips(void)
{
    static const size_t sizes[] = {10, 199, 200, 201, 202, 397, 398, 399, 5000, 60000};
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        MdFrame *k = key_frame(sizes[i]), *p = delta_frame(sizes[i]);
        check_round_trip(k, 1, 200);
        check_round_trip(p, 1, 200);
        check_round_trip(p, 1, 1200);
        if (sizes[i] <= 200)
            check_round_trip(k, 0, 200);
        md_frame_unref(k);
        md_frame_unref(p);
        MdFrame *v = md_frame_new(MD_VIDEO_VP8, sizes[i]);
        memset(v->data, 0x31, sizes[i]); /* odd: interframe */
        v->len = sizes[i];
        check_round_trip(v, 0, 200);
        static const uint8_t key[] = {0x30, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1};
        memcpy(v->data, key, sizeof(key));
        v->key = true;
        check_round_trip(v, 0, 1200);
        md_frame_unref(v);
    }
}

static void test_packetise_limits(void)
{
    MdFrame *k = key_frame(500);
    errno = 0;
    g_assert_null(md_packetise(k, 0, 400));
    g_assert_cmpint(errno, ==, EMSGSIZE);
    g_assert_null(md_packetise(k, 1, 63));
    g_assert_cmpint(errno, ==, EINVAL);
    g_assert_null(md_packetise(k, 2, 400));
    MdFrame *empty = md_frame_new(MD_VIDEO_H264, 10);
    memset(empty->data, 0xff, 10);
    empty->len = 10;
    g_assert_null(md_packetise(empty, 1, 400)); /* no start code */
    g_assert_cmpint(errno, ==, EBADMSG);
    md_frame_unref(empty);
    /* equal parts: no tiny rest */
    MdPacketList *list = md_packetise(k, 1, 498);
    g_assert_cmpuint(list->n, ==, 4);
    g_assert_cmpuint(list->slices[2].len, >=, 249);
    g_assert_cmpuint(list->slices[3].len, >=, 249);
    g_assert_true(list->slices[3].marker);
    g_assert_false(list->slices[2].marker);
    md_packet_list_unref(list);

    MdPacketiser shared;
    md_packetiser_init(&shared);
    MdPacketList *a = md_packetiser_get(&shared, k, 1, 1200);
    g_assert_true(md_packetiser_get(&shared, k, 1, 1200) == a);
    g_assert_true(md_packetiser_get(&shared, k, 0, 1200) != a);
    for (unsigned i = 0; i < MD_PACKETISER_SLOTS; i++) {
        MdFrame *f = delta_frame(100);
        g_assert_nonnull(md_packetiser_get(&shared, f, 1, 1200));
        md_frame_unref(f);
    }
    md_packetiser_clear(&shared);
    md_frame_unref(k);
}

static MdFrame *take(MdDepacketiser *d)
{
    MdFrame *f = md_depacketiser_take(d);
    g_assert_nonnull(f);
    return f;
}

static void test_damage(void)
{
    MdDepacketiser *d = md_depacketiser_new(MD_VIDEO_H264);
    MdFrame *k = key_frame(900), *p = delta_frame(900);
    MdPacketList *kl = md_packetise(k, 1, 200), *pl = md_packetise(p, 1, 200);
    MdKeyGate gate;
    md_key_gate_init(&gate);
    MdFrame *f;

    feed(d, pl, 1, 0, 0); /* begins with a delta frame: nothing to show yet */
    f = take(d);
    g_assert_false(f->damaged);
    g_assert_false(md_key_gate_pass(&gate, f));
    md_frame_unref(f);
    feed(d, kl, 2, 0, 0);
    f = take(d);
    g_assert_true(md_key_gate_pass(&gate, f));
    md_frame_unref(f);
    /* middle of a delta frame lost */
    unsigned lost = feed(d, pl, 3, 1 << 2, 0);
    f = take(d);
    g_assert_true(f->damaged);
    g_assert_false(md_key_gate_pass(&gate, f));
    md_frame_unref(f);
    feed(d, pl, 4, 0, lost);
    f = take(d);
    g_assert_false(f->damaged); /* whole itself, but the gate knows better */
    g_assert_false(md_key_gate_pass(&gate, f));
    md_frame_unref(f);
    feed(d, kl, 5, 0, 0);
    f = take(d);
    g_assert_true(md_key_gate_pass(&gate, f));
    md_frame_unref(f);
    /* tail lost, marker included: told when the next one begins; that one is damaged too, for what may be
     * missing of its head */
    lost = feed(d, pl, 6, 1 << (pl->n - 1), 0);
    g_assert_null(md_depacketiser_take(d));
    feed(d, pl, 7, 0, lost);
    f = take(d);
    g_assert_true(f->damaged);
    g_assert_cmpuint(f->rtp_ts, ==, 6);
    md_frame_unref(f);
    f = take(d);
    g_assert_true(f->damaged);
    g_assert_cmpuint(f->rtp_ts, ==, 7);
    md_frame_unref(f);
    /* a whole key frame after a loss is whole */
    feed(d, kl, 8, 0, 5);
    f = take(d);
    g_assert_false(f->damaged);
    g_assert_true(f->key);
    g_assert_true(md_key_gate_pass(&gate, f));
    md_frame_unref(f);
    /* a key frame with a hole is no key frame */
    feed(d, kl, 9, 1 << 4, 0);
    f = take(d);
    g_assert_true(f->damaged);
    g_assert_false(f->key);
    md_frame_unref(f);
    MdDepacketiserStats stats;
    md_depacketiser_stats(d, &stats);
    g_assert_cmpuint(stats.frames_damaged, ==, 4);
    md_packet_list_unref(kl);
    md_packet_list_unref(pl);
    md_frame_unref(k);
    md_frame_unref(p);
    md_depacketiser_free(d);
}

static int push(MdDepacketiser *d, uint32_t ts, bool marker, const uint8_t *payload, size_t len)
{
    MdRtpPacket p = {.ts = ts, .marker = marker, .payload = payload, .payload_len = len};
    return md_depacketiser_push(d, &p, 0, 0);
}

static void test_stap_a_and_prepending(void)
{
    MdDepacketiser *d = md_depacketiser_new(MD_VIDEO_H264);
    static const uint8_t stap[] = {0x78, 0, 6, 0x67, 0x42, 0xc0, 0x1e, 0xd9,
                                   0x01, 0, 4, 0x68, 0xce, 0x3c, 0x81};
    static const uint8_t idr[] = {0x65, 0x88, 0x84, 0x21};
    /* an IDR without parameter sets: not decodable, no key */
    g_assert_cmpint(push(d, 1, true, idr, sizeof(idr)), ==, 0);
    MdFrame *f = take(d);
    g_assert_false(f->key);
    md_frame_unref(f);
    /* parameter sets in one packet of the same picture */
    g_assert_cmpint(push(d, 2, false, stap, sizeof(stap)), ==, 0);
    g_assert_cmpint(push(d, 2, true, idr, sizeof(idr)), ==, 0);
    f = take(d);
    g_assert_true(f->key);
    static const uint8_t want[] = {0, 0,    0,    1,    0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x01, 0,    0,    0,
                                   1, 0x68, 0xce, 0x3c, 0x81, 0,    0,    0,    1,    0x65, 0x88, 0x84, 0x21};
    g_assert_cmpmem(f->data, f->len, want, sizeof(want));
    md_frame_unref(f);
    /* next IDR comes bare: they are put in front */
    g_assert_cmpint(push(d, 3, true, idr, sizeof(idr)), ==, 0);
    f = take(d);
    g_assert_true(f->key);
    g_assert_cmpmem(f->data, f->len, want, sizeof(want));
    md_frame_unref(f);
    md_depacketiser_reset(d);
    g_assert_cmpint(push(d, 4, true, idr, sizeof(idr)), ==, 0);
    f = take(d);
    g_assert_false(f->key);
    md_frame_unref(f);
    /* out of band */
    g_assert_cmpint(md_depacketiser_add_parameter_set(d, sps, sizeof(sps)), ==, 0);
    g_assert_cmpint(md_depacketiser_add_parameter_set(d, pps, sizeof(pps)), ==, 0);
    g_assert_cmpint(md_depacketiser_add_parameter_set(d, idr, sizeof(idr)), ==, -EBADMSG);
    g_assert_cmpint(push(d, 5, true, idr, sizeof(idr)), ==, 0);
    f = take(d);
    g_assert_true(f->key);
    md_frame_unref(f);
    md_depacketiser_free(d);
}

static void test_malformed(void)
{
    static const struct {
        uint8_t payload[12];
        size_t len;
    } rows[] = {
        {{0x78, 0, 0, 1}, 4},             /* STAP-A, unit of 0 */
        {{0x78, 0, 9, 0x67, 1, 2}, 6},    /* STAP-A, past the end */
        {{0x78, 0, 1}, 3},                /* STAP-A, nothing */
        {{0x78, 0, 2, 0x7c, 0x85, 0}, 6}, /* STAP-A holding an FU-A, and a rest */
        {{0x7c, 0x85}, 2},                /* FU-A, empty */
        {{0x7c, 0x9c, 1}, 3},             /* FU-A of an FU-A */
        {{0x79, 0, 0, 0, 0}, 5},          /* STAP-B */
        {{0x7d, 0x85, 0, 0, 1}, 5},       /* FU-B */
        {{0x60, 1, 2}, 3},                /* type 0 */
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        MdDepacketiser *d = md_depacketiser_new(MD_VIDEO_H264);
        static const uint8_t slice[] = {0x41, 0x9a, 1};
        g_assert_cmpint(push(d, 1, false, slice, sizeof(slice)), ==, 0);
        g_assert_cmpint(push(d, 1, false, rows[i].payload, rows[i].len), ==, -EBADMSG);
        g_assert_cmpint(push(d, 1, true, slice, sizeof(slice)), ==, 0);
        MdFrame *f = take(d);
        g_assert_true(f->damaged);
        md_frame_unref(f);
        md_depacketiser_free(d);
    }
    MdDepacketiser *d = md_depacketiser_new(MD_VIDEO_VP8);
    static const uint8_t vp8[] = {0x90, 0x80, 0x81}; /* picture id cut */
    g_assert_cmpint(push(d, 1, true, vp8, sizeof(vp8)), ==, -EBADMSG);
    g_assert_null(md_depacketiser_take(d));
    md_depacketiser_free(d);
}

static void test_oversized(void)
{
    MdDepacketiser *d = md_depacketiser_new(MD_VIDEO_H264);
    static uint8_t piece[1400];
    memset(piece, 0x55, sizeof(piece));
    int r = 0;
    for (unsigned i = 0; i < MD_FRAME_MAX / 1000 && r == 0; i++) {
        piece[0] = 0x7c;
        piece[1] = i == 0 ? 0x81 : 0x01;
        r = push(d, 1, false, piece, sizeof(piece));
    }
    g_assert_cmpint(r, ==, -EMSGSIZE);
    static const uint8_t slice[] = {0x41, 0x9a, 1};
    push(d, 1, true, slice, sizeof(slice));
    g_assert_null(md_depacketiser_take(d));
    MdDepacketiserStats stats;
    md_depacketiser_stats(d, &stats);
    g_assert_cmpuint(stats.oversized, ==, 1);
    push(d, 2, true, slice, sizeof(slice));
    MdFrame *f = take(d);
    g_assert_cmpuint(f->len, ==, 7);
    md_frame_unref(f);
    md_depacketiser_free(d);
}

static void test_h264_units(void)
{
    static const uint8_t stream[] = {0,    0, 1, 0x67, 0x42, 0xc0, 0x1e, 0xd9, 0,    0,    0, 1, 0x68,
                                     0xce, 0, 0, 1,    0,    0,    1,    0x65, 0x88, 0x80, 0, 0};
    size_t pos = 0;
    MdNal nal;
    g_assert_true(md_h264_next_nal(stream, sizeof(stream), &pos, &nal));
    g_assert_cmpuint(md_nal_type(&nal), ==, MD_NAL_SPS);
    g_assert_cmpuint(nal.len, ==, 5);
    g_assert_cmpint(md_h264_parameter_set_id(&nal), ==, 0);
    g_assert_true(md_h264_next_nal(stream, sizeof(stream), &pos, &nal));
    g_assert_cmpuint(md_nal_type(&nal), ==, MD_NAL_PPS);
    g_assert_true(md_h264_next_nal(stream, sizeof(stream), &pos, &nal)); /* the empty one is passed over */
    g_assert_cmpuint(md_nal_type(&nal), ==, MD_NAL_IDR);
    g_assert_cmpuint(nal.len, ==, 3);
    g_assert_cmpint(md_h264_slice_type(&nal), ==, 7);
    g_assert_false(md_h264_next_nal(stream, sizeof(stream), &pos, &nal));
    MdH264Info info;
    md_h264_inspect(stream, sizeof(stream), &info);
    g_assert_true(info.sps && info.pps && info.idr && info.intra && info.slices);
    static const uint8_t cut[] = {0x65};
    g_assert_cmpint(md_h264_slice_type(&(MdNal){cut, 1}), ==, -EBADMSG);
}

static void test_vp8_descriptor(void)
{
    MdVp8Descriptor d;
    static const uint8_t full[] = {0xb0, 0xf0, 0x81, 0x23, 77, 0x80, 0xff};
    g_assert_cmpint(md_vp8_parse_descriptor(full, sizeof(full), &d), ==, 0);
    g_assert_cmpint(d.picture_id, ==, 0x123);
    g_assert_cmpint(d.tl0_pic_idx, ==, 77);
    g_assert_cmpint(d.tid, ==, 2);
    g_assert_true(d.start);
    g_assert_true(d.non_reference);
    g_assert_cmpuint(d.len, ==, 6);
    for (size_t n = 0; n < sizeof(full); n++)
        g_assert_cmpint(md_vp8_parse_descriptor(full, n, &d), ==, -EBADMSG);
    uint8_t out[5] = {0};
    g_assert_cmpuint(md_vp8_write_descriptor(out, true, 0x7abc), ==, 4);
    g_assert_cmpint(md_vp8_parse_descriptor(out, 5, &d), ==, 0);
    g_assert_cmpint(d.picture_id, ==, 0x7abc);
    g_assert_true(d.start);
    static const uint8_t key[] = {0x30, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1};
    bool is_key;
    uint16_t w, h;
    g_assert_true(md_vp8_inspect(key, sizeof(key), &is_key, &w, &h));
    g_assert_true(is_key);
    g_assert_cmpuint(w, ==, 640);
    g_assert_cmpuint(h, ==, 360);
    g_assert_false(md_vp8_inspect(key, 9, &is_key, &w, &h));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp/video/round-trips", test_round_trips);
    g_test_add_func("/rtp/video/packetise-limits", test_packetise_limits);
    g_test_add_func("/rtp/video/damage", test_damage);
    g_test_add_func("/rtp/video/stap-a-and-prepending", test_stap_a_and_prepending);
    g_test_add_func("/rtp/video/malformed", test_malformed);
    g_test_add_func("/rtp/video/oversized", test_oversized);
    g_test_add_func("/rtp/video/h264-units", test_h264_units);
    g_test_add_func("/rtp/video/vp8-descriptor", test_vp8_descriptor);
    return g_test_run();
}
