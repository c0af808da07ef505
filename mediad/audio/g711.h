/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdint.h>

/* ITU-T G.711 by table and by arithmetic: 8 kHz, one byte a sample. Pure. */
int16_t md_alaw_decode(uint8_t byte);
uint8_t md_alaw_encode(int16_t sample);
int16_t md_ulaw_decode(uint8_t byte);
uint8_t md_ulaw_encode(int16_t sample);
