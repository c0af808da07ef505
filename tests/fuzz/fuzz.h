/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* What every fuzz-<noun>.c defines. Must return 0, leak nothing and never end the process on any input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
