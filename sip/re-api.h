/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* libre's headers in the order they need, and what they lack. Only sip/ includes them; include this before GLib. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#ifndef HAVE_INET6
#define HAVE_INET6 1
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <re/re.h>
#pragma GCC diagnostic pop

/* printf("%.*s", SG_PL(pl)) */
#define SG_PL(pl) ((pl).p ? (int)(pl).l : 0), ((pl).p ? (pl).p : "")
