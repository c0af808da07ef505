/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/fuzz-link.h"

FUZZ_LINK(BcLinkRenewal, renewal)
