/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mediad/core/media.h"

/* Small audio payload formats. Pure. */

/* Duration of a payload in RTP timestamp units (Opus: 48 kHz, by its TOC, RFC 6716 3; G.711, G.722: one per
 * byte). > 0, or -EBADMSG (empty, malformed, longer than 120 ms Opus / 200 ms others). */
int md_audio_payload_duration(MdAudioCodec codec, const uint8_t *payload, size_t len);
/* Opus: does any frame of it carry speech-bandwidth SILK with a chance of in-band FEC? (SILK or hybrid mode)
 */
bool md_opus_may_have_fec(const uint8_t *payload, size_t len);

/* Comfort noise, RFC 3389: level in -dBov (0..127). */
#define MD_PAYLOAD_TYPE_CN 13
int md_cn_parse(const uint8_t *payload, size_t len, uint8_t *ret_level);
size_t md_cn_write(uint8_t out[1], uint8_t level);
