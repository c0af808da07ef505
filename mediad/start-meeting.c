/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to meetings, and what they need of the other rooms. */
#include "mediad/api/nouns.h"
#include "mediad/daemon.h"

static void on_event(const char *type, JsonNode *data, void *user)
{
    MdDaemon *daemon = user;
    if (daemon->api)
        md_api_publish(daemon->api, type, data);
    else
        json_node_unref(data);
}

bool md_start_meeting(MdDaemon *daemon, GError **error)
{
    MdLogger logger = md_logger(daemon->log, "meeting");
    MdMeetingsOptions options = {
        .store = daemon->store,
        .conference = daemon->conference,
        .dialer = sg_agent_dialer(daemon->agent),
        .timezone = daemon->settings->general.timezone,
        .on_event = on_event,
        .user = daemon,
        .logger = &logger,
    };
    daemon->meetings = md_meetings_new(&options, error);
    return daemon->meetings != NULL;
}
