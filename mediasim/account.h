/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediasim/options.h"
#include "sip/client.h"

/* An endpoint for account i of the list, over the transport and to the server that were asked for. NULL + error. Main thread. */
SgUa *sim_account_ua(SgClient *client, const SimOptions *options, unsigned i, const SgUaCallbacks *callbacks, void *user, GError **error);
