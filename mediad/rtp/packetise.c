/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/packetise.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/rtp/h264.h"
#include "mediad/rtp/vp8.h"

#define PAYLOAD_MIN 64
#define PAYLOAD_MAX 1460
#define FU_HEADER 2

/* Counts when list is NULL, writes otherwise: both passes cannot disagree. */
typedef struct Cutter {
    MdPacketList *list;
    const MdFrame *frame;
    unsigned n;
} Cutter;

static void add_slice(Cutter *cutter, const uint8_t *prefix, uint8_t prefix_len, size_t offset, size_t len)
{
    if (cutter->list) {
        MdPayloadSlice *slice = &cutter->list->slices[cutter->n];
        slice->offset = (uint32_t)offset;
        slice->len = (uint32_t)len;
        slice->prefix_len = prefix_len;
        for (unsigned i = 0; i < prefix_len; i++)
            slice->prefix[i] = prefix[i];
        slice->marker = false;
    }
    cutter->n++;
}

/* RFC 6184 5.8: equal parts, so that no packet is a tiny rest. */
static void cut_fu_a(Cutter *cutter, const MdNal *nal, size_t max_payload)
{
    size_t body = nal->len - 1, room = max_payload - FU_HEADER;
    size_t parts = (body + room - 1) / room, offset = (size_t)(nal->data - cutter->frame->data) + 1;
    for (size_t i = 0; i < parts; i++) {
        size_t from = body * i / parts, to = body * (i + 1) / parts;
        uint8_t prefix[FU_HEADER] = {
            (uint8_t)((nal->data[0] & 0xe0) | MD_NAL_FU_A),
            (uint8_t)((i == 0 ? 0x80 : 0) | (i + 1 == parts ? 0x40 : 0) | (nal->data[0] & 0x1f)),
        };
        add_slice(cutter, prefix, FU_HEADER, offset + from, to - from);
    }
}

static int cut_h264(Cutter *cutter, uint8_t mode, size_t max_payload)
{
    const MdFrame *frame = cutter->frame;
    size_t pos = 0;
    MdNal nal;
    while (md_h264_next_nal(frame->data, frame->len, &pos, &nal)) {
        if (md_nal_type(&nal) == MD_NAL_AUD) /* of use in files only */
            continue;
        if (nal.len <= max_payload)
            add_slice(cutter, NULL, 0, (size_t)(nal.data - frame->data), nal.len);
        else if (mode == 1)
            cut_fu_a(cutter, &nal, max_payload);
        else
            return -EMSGSIZE;
    }
    return cutter->n ? 0 : -EBADMSG;
}

static int cut_vp8(Cutter *cutter, size_t max_payload)
{
    size_t len = cutter->frame->len, room = max_payload - 1, parts = (len + room - 1) / room;
    for (size_t i = 0; i < parts; i++) {
        size_t from = len * i / parts, to = len * (i + 1) / parts;
        uint8_t prefix[4];
        uint8_t prefix_len = (uint8_t)md_vp8_write_descriptor(prefix, i == 0, -1);
        add_slice(cutter, prefix, prefix_len, from, to - from);
    }
    return cutter->n ? 0 : -EBADMSG;
}

static int cut(Cutter *cutter, uint8_t mode, size_t max_payload)
{
    return cutter->frame->codec == MD_VIDEO_H264 ? cut_h264(cutter, mode, max_payload)
                                                 : cut_vp8(cutter, max_payload);
}

MdPacketList *md_packetise(MdFrame *frame, uint8_t mode, uint16_t max_payload)
{
    if (max_payload < PAYLOAD_MIN || max_payload > PAYLOAD_MAX || mode > 1 || frame->codec < 0 ||
        frame->codec >= MD_VIDEO_CODEC_MAX) {
        errno = EINVAL;
        return NULL;
    }
    Cutter counter = {.frame = frame};
    int r = cut(&counter, mode, max_payload);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    MdPacketList *list = malloc(sizeof(*list) + counter.n * sizeof(list->slices[0]));
    if (!list)
        return NULL;
    *list = (MdPacketList){
        .refs = 1, .frame = md_frame_ref(frame), .mode = mode, .max_payload = max_payload, .n = counter.n};
    Cutter writer = {.list = list, .frame = frame};
    cut(&writer, mode, max_payload);
    list->slices[list->n - 1].marker = true;
    return list;
}

MdPacketList *md_packet_list_ref(MdPacketList *list)
{
    atomic_fetch_add_explicit(&list->refs, 1, memory_order_relaxed);
    return list;
}

void md_packet_list_unref(MdPacketList *list)
{
    if (!list || atomic_fetch_sub_explicit(&list->refs, 1, memory_order_acq_rel) != 1)
        return;
    md_frame_unref(list->frame);
    free(list);
}

size_t md_packet_list_copy(const MdPacketList *list, unsigned i, uint8_t *out)
{
    const MdPayloadSlice *slice = &list->slices[i];
    memcpy(out, slice->prefix, slice->prefix_len);
    memcpy(out + slice->prefix_len, list->frame->data + slice->offset, slice->len);
    return md_slice_len(slice);
}

void md_packetiser_init(MdPacketiser *packetiser)
{
    memset(packetiser, 0, sizeof(*packetiser));
}

void md_packetiser_clear(MdPacketiser *packetiser)
{
    for (unsigned i = 0; i < MD_PACKETISER_SLOTS; i++)
        md_packet_list_unref(packetiser->slots[i]);
    memset(packetiser, 0, sizeof(*packetiser));
}

MdPacketList *md_packetiser_get(MdPacketiser *packetiser, MdFrame *frame, uint8_t mode, uint16_t max_payload)
{
    for (unsigned i = 0; i < MD_PACKETISER_SLOTS; i++) {
        MdPacketList *list = packetiser->slots[i];
        /* The list holds the frame, so its address cannot have been given to another one. */
        if (list && list->frame == frame && list->mode == mode && list->max_payload == max_payload)
            return list;
    }
    MdPacketList *list = md_packetise(frame, mode, max_payload);
    if (!list)
        return NULL;
    md_packet_list_unref(packetiser->slots[packetiser->next]);
    packetiser->slots[packetiser->next] = list;
    packetiser->next = (packetiser->next + 1) % MD_PACKETISER_SLOTS;
    return list;
}
