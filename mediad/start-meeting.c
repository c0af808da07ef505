/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to meetings, and what they need of the other rooms. */
#include "mediad/api/nouns.h"
#include "mediad/daemon.h"

/* Where the sites lie that a meeting concerns: "42.1,42.2"; NULL: only the whole province is told of it. */
static char *areas_of(MdDaemon *daemon, JsonNode *data)
{
    const char *id = json_object_get_string_member_with_default(json_node_get_object(data), "meeting", NULL);
    g_autoptr(MdBooking) booking = id ? md_meetings_get(daemon->meetings, id, NULL) : NULL;
    if (!booking || booking->confidential)
        return NULL;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GString) areas = g_string_new(NULL);
    for (guint i = 0; i < booking->sites->len; i++) {
        const SgAccount *site = sg_accounts_find(daemon->accounts, ((const MdInvitee *)booking->sites->pdata[i])->account);
        if (site && site->area && *site->area && g_hash_table_add(seen, (gpointer)(uintptr_t)site->area))
            g_string_append_printf(areas, "%s%s", areas->len ? "," : "", site->area);
    }
    return areas->len ? g_string_free(g_steal_pointer(&areas), FALSE) : NULL;
}

/* Communes hear of the meetings their sites are invited to; trials and chat are for those who look after meetings. */
static void on_event(const char *type, JsonNode *data, void *user)
{
    MdDaemon *daemon = user;
    if (!daemon->api) {
        json_node_unref(data);
        return;
    }
    g_autofree char *areas = daemon->meetings && g_str_has_prefix(type, "meeting.") ? areas_of(daemon, data) : NULL;
    md_api_publish_to(daemon->api, type, data, areas ? MD_API_TELL_CONCERNED : MD_API_TELL_WITHIN, areas ? areas : "");
}

typedef struct Recorded {
    MdDaemon *daemon;
    char *meeting, *room;
} Recorded;

static void on_recorded(const MdRecordingInfo *info, const GError *error, void *user)
{
    Recorded *recorded = user;
    if (!info)
        md_error(&recorded->daemon->logger, "meeting %s in room %s is to be recorded and is not: %s; press Record at the chair's desk when that is mended", recorded->meeting,
                 recorded->room, error->message);
    g_free(recorded->meeting);
    g_free(recorded->room);
    g_free(recorded);
}

/* The end of a meeting ends its recording by itself; here it is begun, and ended when the booking says so meanwhile. */
static void on_record(const MdBooking *booking, bool record, void *user)
{
    MdDaemon *daemon = user;
    if (record) {
        Recorded *recorded = g_new(Recorded, 1);
        *recorded = (Recorded){daemon, g_strdup(booking->id), g_strdup(booking->room)};
        md_recordings_start(daemon->recordings, booking->room, booking->changed_by, on_recorded, recorded);
        return;
    }
    g_autoptr(GPtrArray) all = md_recordings_list(daemon->recordings);
    for (guint i = 0; i < all->len; i++) {
        const MdRecordingInfo *info = all->pdata[i];
        if (info->state == MD_RECORDING_RUNNING && g_str_equal(info->room, booking->room) && !md_recordings_stop(daemon->recordings, info->id, NULL))
            md_warning(&daemon->logger, "recording %s of room %s cannot be ended: mediactl recordings stop %s", info->id, info->room, info->id);
    }
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
        .open_min = daemon->settings->meeting.open_min,
        .grace_min = daemon->settings->meeting.grace_min,
        .trial_before_min = daemon->settings->meeting.trial_before_min,
        .trial_calls = daemon->settings->meeting.trial_calls,
        .logger = &logger,
    };
    daemon->meetings = md_meetings_new(&options, error);
    if (daemon->meetings && daemon->recordings)
        md_meetings_on_record(daemon->meetings, on_record, daemon);
    return daemon->meetings != NULL;
}
