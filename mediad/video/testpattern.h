/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/video/pattern.h"

/* A moving test picture (colour bars, a grey ramp, a bouncing square, a sweeping line, coarse grain): the
 * same for the same seed and frame. For the test room, simulators and benches. Pure function. */
void md_testpattern_draw(const MdPlanes *picture, uint32_t seed, uint32_t frame);
