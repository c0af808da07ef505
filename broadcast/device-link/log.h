/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/link/protocol.h"
#include "broadcast/types.h"

/* Logs that devices have sent, the newest max_bytes of each. Control thread. */
void bc_device_log_take(MdStore *store, const char *device, const BcLinkLog *log, int64_t now_us, int64_t max_bytes);
/* Oldest first, joined; g_free. NULL with error. */
char *bc_device_log_read(MdStore *store, const char *device, GError **error);
