/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/account.h"

SgUa *sim_account_ua(SgClient *client, const SimOptions *options, unsigned i, const SgUaCallbacks *callbacks, void *user, GError **error)
{
    const SimAccount *account = &g_array_index(options->accounts, SimAccount, i);
    SgUaOptions ua = {.account = account->name,
                      .password = account->password,
                      .server = options->server_uri,
                      .domain = options->domain,
                      .transport = (SgTransportKind)options->transport};
    return sg_client_ua_add(client, &ua, callbacks, user, error);
}
