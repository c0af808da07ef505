/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/clip.h"

#include <errno.h>
#include <string.h>

#include "mediad/video/encoder.h"
#include "mediad/video/picture.h"
#include "mediad/video/testpattern.h"

#define PAYLOAD_MAX 1200 /* slices of this size go out in either packetization mode */

static int encode_pictures(SimClip *clip, MdEncoder *encoder, MdPicture *picture, uint16_t id)
{
    for (unsigned i = 0; i < SIM_LOOP_FRAMES; i++) {
        MdFrame *frame = NULL;
        md_testpattern_draw(&picture->planes, id, i);
        md_pattern_draw(&picture->planes, id, (uint16_t)i);
        int r = md_encoder_encode(encoder, &picture->planes, i == 0, &frame);
        if (r < 0)
            return r;
        if (!frame) /* dropped by its rate control: the loop has a hole, nothing is sent then */
            continue;
        clip->pictures[i] = md_packetise(frame, 0, PAYLOAD_MAX);
        md_frame_unref(frame);
        if (!clip->pictures[i])
            return -errno;
    }
    return clip->pictures[0] ? 0 : -EIO;
}

int sim_clip_make(SimClip *clip, uint16_t id, const MdVideoClass *video)
{
    memset(clip, 0, sizeof(*clip));
    MdEncoderOptions options = {
        .codec = MD_VIDEO_H264,
        .width = video->width,
        .height = video->height,
        .fps = video->fps,
        .bitrate_bps = video->bitrate_bps,
        .max_payload = PAYLOAD_MAX,
    };
    MdEncoder *encoder = NULL;
    int r = md_encoder_new(&options, &encoder);
    if (r < 0)
        return r;
    MdPicture *picture = md_picture_new(video->width, video->height);
    r = picture ? encode_pictures(clip, encoder, picture, id) : -ENOMEM;
    md_picture_unref(picture);
    md_encoder_free(encoder);
    if (r < 0)
        sim_clip_clear(clip);
    return r;
}

void sim_clip_clear(SimClip *clip)
{
    for (unsigned i = 0; i < SIM_LOOP_FRAMES; i++)
        md_packet_list_unref(clip->pictures[i]);
    memset(clip, 0, sizeof(*clip));
}
