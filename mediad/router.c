/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where an incoming call goes: the echo, the test room, a room, or nowhere. */
#include <string.h>
#include "mediad/daemon.h"

static MdRole role_of(MdDaemon *daemon, const MdCallInfo *info)
{
    const SgAccount *account = info->account ? sg_accounts_find(daemon->accounts, info->account) : NULL;
    if (!account)
        return MD_ROLE_GUEST;
    MdRole role = md_role_from_string(account->role);
    return role == MD_ROLE_INVALID ? MD_ROLE_SITE : role;
}

/* A meeting that is held in the room knows better what the account is there. */
static void to_room(MdDaemon *daemon, MdCall *call, const MdCallInfo *info)
{
    bool refused = false;
    MdRole role = role_of(daemon, info);
    if (daemon->meetings && info->to_user)
        role = md_meetings_role(daemon->meetings, info->to_user, info->account, role, &refused);
    if (refused)
        md_call_reject(call, 403, "Not Invited");
    else
        md_conference_accept_call(daemon->conference, call, role);
}

void md_router_route(MdCall *call, void *user)
{
    MdDaemon *daemon = user;
    const MdCallInfo *info = md_call_info(call);
    if (daemon->draining) {
        md_call_reject(call, 503, "Service Unavailable");
        return;
    }
    if (!info->authenticated && !daemon->settings->sip.allow_guests) {
        md_call_reject(call, 403, "Forbidden");
        return;
    }
    if (strcmp(info->to_user, "echo") == 0)
        md_conference_accept_echo(daemon->conference, call);
    else if (strcmp(info->to_user, "test") == 0)
        md_conference_accept_test(daemon->conference, call);
    else
        to_room(daemon, call, info);
}
