/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to bulletins: what they may have attached, how they are spoken, and the communes' inboxes. */
#include "mediad/daemon.h"

bool md_start_bulletin(MdDaemon *daemon, GError **error)
{
    const CfgSettings *settings = daemon->settings;
    const CfgBroadcast *from = &settings->broadcast;
    g_autofree char *dir = g_build_filename(settings->general.state_dir, "attachments", NULL);
    BcAttachmentOptions attachments = {.dir = dir,
                                       .image_max_bytes = (int64_t)from->attachment_max_mib << 20,
                                       .media_max_bytes = (int64_t)from->upload_max_mib << 20,
                                       .total_max_bytes = (int64_t)from->attachments_max_gib << 30,
                                       .duration_max_us = (int64_t)from->duration_max_min * 60 * G_USEC_PER_SEC};
    daemon->attachments = bc_attachments_new(daemon->store, &attachments, error);
    daemon->dictionary = daemon->attachments ? bc_dictionary_new(daemon->store, bc_broadcast_areas(daemon->broadcast), error) : NULL;
    if (!daemon->dictionary)
        return false;
    BcBulletinOptions options = {.attachments = daemon->attachments, .dictionary = daemon->dictionary, .own_approval = from->own_approval,
                                 .chime = from->chime};
    daemon->bulletins = bc_bulletins_new(daemon->broadcast, daemon->store, &options, error);
    if (!daemon->bulletins)
        return false;
    BcInboxesOptions inboxes = {.decide_s = from->inbox_decide_minutes * 60, .remind_s = from->inbox_remind_minutes * 60, .keep_days = from->inbox_days};
    daemon->inboxes = bc_inboxes_new(daemon->bulletins, daemon->store, &inboxes, error);
    return daemon->inboxes != NULL;
}

void md_stop_bulletin(MdDaemon *daemon)
{
    g_clear_pointer(&daemon->inboxes, bc_inboxes_free);
    g_clear_pointer(&daemon->bulletins, bc_bulletins_free);
    g_clear_pointer(&daemon->dictionary, bc_dictionary_unref);
    g_clear_pointer(&daemon->attachments, bc_attachments_free);
}
