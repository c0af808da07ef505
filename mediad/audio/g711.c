/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/audio/g711.h"

/* Both laws are a sign, a 3-bit segment and a 4-bit step, sent with some bits turned over (G.711 tables 1 and 2). */

int16_t md_alaw_decode(uint8_t byte)
{
    uint8_t code = byte ^ 0x55;
    int segment = (code >> 4) & 7;
    int magnitude = ((code & 15) << 4) + 8;
    if (segment > 0)
        magnitude = (magnitude + 256) << (segment - 1);
    return (int16_t)(code & 0x80 ? magnitude : -magnitude);
}

uint8_t md_alaw_encode(int16_t sample)
{
    int sign = sample >= 0 ? 0x80 : 0;
    /* 13-bit magnitude; -1 maps to 0 as the table of negative values is offset by one step. */
    int magnitude = sample >= 0 ? sample >> 3 : (-1 - sample) >> 3;
    int segment = 0;
    for (int top = magnitude >> 5; top > 0 && segment < 7; top >>= 1)
        segment++;
    int step = segment == 0 ? magnitude >> 1 : magnitude >> segment;
    return (uint8_t)((sign | segment << 4 | (step & 15)) ^ 0x55);
}

int16_t md_ulaw_decode(uint8_t byte)
{
    uint8_t code = (uint8_t)~byte;
    int magnitude = ((((code & 15) << 3) + 132) << ((code >> 4) & 7)) - 132;
    return (int16_t)(code & 0x80 ? -magnitude : magnitude);
}

uint8_t md_ulaw_encode(int16_t sample)
{
    int sign = sample < 0 ? 0x80 : 0;
    int magnitude = sample < 0 ? -(int)sample : sample;
    if (magnitude > 32635)
        magnitude = 32635;
    magnitude += 132;
    int segment = 0;
    for (int top = magnitude >> 8; top > 0; top >>= 1)
        segment++;
    return (uint8_t) ~(sign | segment << 4 | ((magnitude >> (segment + 3)) & 15));
}
