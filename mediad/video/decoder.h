/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/core/frame.h"
#include "mediad/video/picture.h"

/* One stream's decoder (libavcodec, one thread, no delay). One thread at a time, any thread.
 *
 * Nothing is shown before a key frame. After a damaged or refused frame the last good picture stays until a
 * key frame: a still picture is better than a smeared one. A sender that does not answer key-frame requests
 * within MD_DECODER_PATIENCE_US is decoded all the same, with the decoder's concealment, until it sends one.
 */
#define MD_DECODER_PATIENCE_US 2000000

typedef struct MdDecoder MdDecoder;

MdDecoder *md_decoder_new(MdVideoCodec codec); /* NULL: no such decoder or no memory */
void md_decoder_free(MdDecoder *decoder);      /* NULL is fine; pictures already given out stay valid */
MdVideoCodec md_decoder_codec(const MdDecoder *decoder);

/* Decodes one frame (of the decoder's codec). now_us: monotonic, for the patience above. *ret_picture: a new
 * reference, or NULL when the frame brings no picture. 0; -EAGAIN  dropped: a key frame is needed first (ask
 * for one); -EBADMSG the decoder refused or had to conceal: a key frame is needed; -EFBIG   pictures above
 * MD_PICTURE_SIDE_MAX/PIXELS_MAX or not 4:2:0 of 8 bits: the stream cannot be shown. */
int md_decoder_decode(MdDecoder *decoder, const MdFrame *frame, int64_t now_us, MdPicture **ret_picture);
