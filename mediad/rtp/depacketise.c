/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/depacketise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/rtp/h264.h"
#include "mediad/rtp/vp8.h"

#define SPS_MAX 4
#define PPS_MAX 16
#define PARAMETER_SET_MAX 400
#define PARAMETER_ROOM ((SPS_MAX + PPS_MAX) * (PARAMETER_SET_MAX + 4))
#define PICTURE_MAX (MD_FRAME_MAX - PARAMETER_ROOM)
#define NALS_MAX 4096
#define READY_MAX 2

typedef struct ParameterSet {
    int id; /* -1: empty */
    uint16_t len;
    uint8_t data[PARAMETER_SET_MAX];
} ParameterSet;

struct MdDepacketiser {
    MdVideoCodec codec;
    /* picture in work */
    uint8_t *buf;
    size_t len, cap;
    bool open; /* has packets */
    bool damaged;
    bool oversized;
    bool loss_before; /* packets were missing just before its first */
    bool head_seen;   /* H.264: SPS or a slice at macroblock 0; VP8: start bit */
    uint32_t ts;
    int64_t arrival_us;
    bool in_fu;
    unsigned nals;
    bool sps, pps, idr, intra, slices; /* H.264: what is in it */
    /* parameter sets by id, for key frames that come without */
    ParameterSet sps_cache[SPS_MAX], pps_cache[PPS_MAX];
    unsigned next_sps, next_pps;
    MdFrame *ready[READY_MAX];
    unsigned n_ready;
    MdDepacketiserStats stats;
};

static void clear_picture(MdDepacketiser *d)
{
    d->len = 0;
    d->nals = 0;
    d->open = d->damaged = d->oversized = d->loss_before = d->head_seen = d->in_fu = false;
    d->sps = d->pps = d->idr = d->intra = d->slices = false;
}

MdDepacketiser *md_depacketiser_new(MdVideoCodec codec)
{
    if (codec != MD_VIDEO_H264 && codec != MD_VIDEO_VP8)
        return NULL;
    MdDepacketiser *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->codec = codec;
    md_depacketiser_reset(d);
    return d;
}

void md_depacketiser_free(MdDepacketiser *d)
{
    if (!d)
        return;
    for (unsigned i = 0; i < d->n_ready; i++)
        md_frame_unref(d->ready[i]);
    free(d->buf);
    free(d);
}

void md_depacketiser_reset(MdDepacketiser *d)
{
    clear_picture(d);
    for (unsigned i = 0; i < d->n_ready; i++)
        md_frame_unref(d->ready[i]);
    d->n_ready = 0;
    for (unsigned i = 0; i < SPS_MAX; i++)
        d->sps_cache[i].id = -1;
    for (unsigned i = 0; i < PPS_MAX; i++)
        d->pps_cache[i].id = -1;
    d->next_sps = d->next_pps = 0;
}

static bool append(MdDepacketiser *d, const uint8_t *data, size_t len)
{
    if (d->oversized || len > PICTURE_MAX - d->len) {
        d->oversized = d->damaged = true;
        return false;
    }
    if (d->len + len > d->cap) {
        size_t cap = d->cap ? d->cap : 64 * 1024;
        while (cap < d->len + len)
            cap *= 2;
        uint8_t *buf = realloc(d->buf, cap);
        if (!buf) {
            d->oversized = d->damaged = true;
            return false;
        }
        d->buf = buf;
        d->cap = cap;
    }
    memcpy(d->buf + d->len, data, len);
    d->len += len;
    return true;
}

static void keep_parameter_set(ParameterSet *sets, unsigned n, unsigned *next, const MdNal *nal)
{
    int id = md_h264_parameter_set_id(nal);
    if (id < 0 || nal->len > PARAMETER_SET_MAX)
        return;
    unsigned i = 0;
    while (i < n && sets[i].id != id)
        i++;
    if (i == n) {
        i = *next;
        *next = (*next + 1) % n;
    }
    sets[i].id = id;
    sets[i].len = (uint16_t)nal->len;
    memcpy(sets[i].data, nal->data, nal->len);
}

static void note_nal(MdDepacketiser *d, const MdNal *nal)
{
    switch (md_nal_type(nal)) {
    case MD_NAL_SPS:
        d->sps = d->head_seen = true;
        keep_parameter_set(d->sps_cache, SPS_MAX, &d->next_sps, nal);
        break;
    case MD_NAL_PPS:
        d->pps = true;
        keep_parameter_set(d->pps_cache, PPS_MAX, &d->next_pps, nal);
        break;
    case MD_NAL_IDR:
        d->idr = true;
        /* fall through */
    case MD_NAL_SLICE:
        /* first_mb_in_slice is ue(v): 0 is a single one bit */
        if (!d->slices && nal->len > 1 && nal->data[1] & 0x80) {
            int type = md_h264_slice_type(nal);
            d->head_seen = true;
            d->intra = type == 2 || type == 7;
        }
        d->slices = true;
        break;
    default:
        break;
    }
}

static const uint8_t start_code[4] = {0, 0, 0, 1};

static int add_nal(MdDepacketiser *d, const uint8_t *data, size_t len)
{
    if (len == 0 || ++d->nals > NALS_MAX)
        return -EBADMSG;
    MdNal nal = {data, len};
    note_nal(d, &nal);
    return append(d, start_code, 4) && append(d, data, len) ? 0 : -EMSGSIZE;
}

static int add_stap_a(MdDepacketiser *d, const uint8_t *payload, size_t len)
{
    size_t pos = 1;
    if (len < 4)
        return -EBADMSG;
    while (pos < len) {
        if (len - pos < 3)
            return -EBADMSG;
        size_t nal_len = md_get16(payload + pos);
        pos += 2;
        if (nal_len == 0 || nal_len > len - pos || (payload[pos] & 0x1f) >= MD_NAL_STAP_A)
            return -EBADMSG;
        int r = add_nal(d, payload + pos, nal_len);
        if (r < 0)
            return r;
        pos += nal_len;
    }
    return 0;
}

static int add_fu_a(MdDepacketiser *d, const uint8_t *payload, size_t len)
{
    if (len < 3 || (payload[1] & 0x1f) == 0 || (payload[1] & 0x1f) >= MD_NAL_STAP_A)
        return -EBADMSG;
    bool start = payload[1] & 0x80, end = payload[1] & 0x40;
    if (start) {
        if (d->in_fu)
            d->damaged = true;
        if (++d->nals > NALS_MAX)
            return -EBADMSG;
        /* The header byte and the start of the slice header are enough to know what it is. */
        uint8_t head[16];
        size_t n = len - 2 < sizeof(head) - 1 ? len - 2 : sizeof(head) - 1;
        head[0] = (uint8_t)((payload[0] & 0xe0) | (payload[1] & 0x1f));
        memcpy(head + 1, payload + 2, n);
        MdNal nal = {head, n + 1};
        if (md_nal_type(&nal) != MD_NAL_SPS && md_nal_type(&nal) != MD_NAL_PPS)
            note_nal(d, &nal);
        if (!append(d, start_code, 4) || !append(d, head, 1))
            return -EMSGSIZE;
    } else if (!d->in_fu) {
        d->damaged = true; /* its beginning is lost: the rest is of no use */
        return 0;
    }
    d->in_fu = !end;
    return append(d, payload + 2, len - 2) ? 0 : -EMSGSIZE;
}

static int add_h264(MdDepacketiser *d, const uint8_t *payload, size_t len)
{
    uint8_t type = payload[0] & 0x1f;
    if (type == MD_NAL_FU_A)
        return add_fu_a(d, payload, len);
    if (d->in_fu) { /* its end never came */
        d->damaged = true;
        d->in_fu = false;
    }
    if (type == MD_NAL_STAP_A)
        return add_stap_a(d, payload, len);
    if (type == 0 || type > MD_NAL_STAP_A) /* STAP-B, MTAP, FU-B: interleaved mode only, never agreed */
        return -EBADMSG;
    return add_nal(d, payload, len);
}

static int add_vp8(MdDepacketiser *d, const uint8_t *payload, size_t len)
{
    MdVp8Descriptor descriptor;
    int r = md_vp8_parse_descriptor(payload, len, &descriptor);
    if (r < 0)
        return r;
    if (d->len == 0) {
        d->head_seen = descriptor.start;
        if (!descriptor.start) {
            d->damaged = true;
            return 0;
        }
    }
    return append(d, payload + descriptor.len, len - descriptor.len) ? 0 : -EMSGSIZE;
}

static size_t write_sets(const ParameterSet *sets, unsigned n, uint8_t *out)
{
    size_t len = 0;
    for (unsigned i = 0; i < n; i++) {
        if (sets[i].id < 0)
            continue;
        memcpy(out + len, start_code, 4);
        memcpy(out + len + 4, sets[i].data, sets[i].len);
        len += 4u + sets[i].len;
    }
    return len;
}

static bool has_set(const ParameterSet *sets, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (sets[i].id >= 0)
            return true;
    return false;
}

/* Key as MdFrame means it. *ret_prepend: the cached parameter sets must go in front. */
static bool is_key(const MdDepacketiser *d, bool *ret_prepend)
{
    *ret_prepend = false;
    if (d->codec == MD_VIDEO_VP8) {
        bool key = false;
        uint16_t width, height;
        return md_vp8_inspect(d->buf, d->len, &key, &width, &height) && key;
    }
    if (d->idr) {
        *ret_prepend = !d->sps || !d->pps;
        return has_set(d->sps_cache, SPS_MAX) && has_set(d->pps_cache, PPS_MAX);
    }
    /* Some encoders restart with an I slice that is no IDR, behind fresh parameter sets. */
    return d->sps && d->pps && d->intra;
}

static void finish(MdDepacketiser *d)
{
    bool usable = d->len > 0 && !d->oversized && (d->codec == MD_VIDEO_VP8 || d->slices || d->sps || d->pps);
    bool prepend = false;
    d->stats.oversized += d->oversized;
    if (d->in_fu)
        d->damaged = true;
    if (usable) {
        bool key = is_key(d, &prepend);
        /* A whole key frame does not mind what was lost before it. */
        bool damaged = d->damaged || (d->loss_before && !(key && d->head_seen));
        MdFrame *frame = md_frame_new(d->codec, d->len + (prepend ? PARAMETER_ROOM : 0));
        if (frame) {
            size_t at = 0;
            if (prepend) {
                at = write_sets(d->sps_cache, SPS_MAX, frame->data);
                at += write_sets(d->pps_cache, PPS_MAX, frame->data + at);
            }
            memcpy(frame->data + at, d->buf, d->len);
            frame->len = at + d->len;
            frame->key = key && !damaged;
            frame->damaged = damaged;
            frame->rtp_ts = d->ts;
            frame->time_us = d->arrival_us;
            d->stats.frames++;
            d->stats.frames_damaged += damaged;
            if (d->n_ready == READY_MAX) {
                md_frame_unref(d->ready[0]);
                d->ready[0] = d->ready[1];
                d->n_ready--;
            }
            d->ready[d->n_ready++] = frame;
        }
    }
    clear_picture(d);
}

int md_depacketiser_push(MdDepacketiser *d, const MdRtpPacket *packet, unsigned lost, int64_t arrival_us)
{
    if (d->open && (lost > 0 || packet->ts != d->ts)) {
        d->damaged |= lost > 0;
        if (packet->ts != d->ts)
            finish(d);
    }
    if (packet->payload_len == 0) /* padding: keeps the sequence going */
        return 0;
    if (!d->open) {
        d->open = true;
        d->ts = packet->ts;
        d->arrival_us = arrival_us;
        d->loss_before = lost > 0;
    }
    int r = d->codec == MD_VIDEO_H264 ? add_h264(d, packet->payload, packet->payload_len)
                                      : add_vp8(d, packet->payload, packet->payload_len);
    if (r == -EBADMSG) {
        d->damaged = true;
        d->stats.malformed++;
    }
    if (packet->marker)
        finish(d);
    return r;
}

int md_depacketiser_add_parameter_set(MdDepacketiser *d, const uint8_t *data, size_t len)
{
    if (d->codec != MD_VIDEO_H264 || len < 2)
        return -EBADMSG;
    MdNal nal = {data, len};
    if (len > PARAMETER_SET_MAX || md_h264_parameter_set_id(&nal) < 0)
        return -EBADMSG;
    if (md_nal_type(&nal) == MD_NAL_SPS)
        keep_parameter_set(d->sps_cache, SPS_MAX, &d->next_sps, &nal);
    else if (md_nal_type(&nal) == MD_NAL_PPS)
        keep_parameter_set(d->pps_cache, PPS_MAX, &d->next_pps, &nal);
    else
        return -EBADMSG;
    return 0;
}

MdFrame *md_depacketiser_take(MdDepacketiser *d)
{
    if (d->n_ready == 0)
        return NULL;
    MdFrame *frame = d->ready[0];
    d->ready[0] = d->ready[1];
    d->n_ready--;
    return frame;
}

void md_depacketiser_stats(const MdDepacketiser *d, MdDepacketiserStats *ret)
{
    *ret = d->stats;
}
