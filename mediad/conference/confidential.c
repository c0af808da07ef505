/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Meetings that stay among the sites that were named. */
#include "mediad/conference/private.h"
#include <string.h>

const char *md_confidential_notice(const char *language)
{
    if (md_language_from_string(language) == MD_LANGUAGE_EN)
        return "Confidential meeting: only named sites, encrypted, no recording, no stream. Information classified as state secret must not "
               "be spoken or shown here: that needs the equipment of the Government's cipher service.";
    return "Cuộc họp kín: chỉ các điểm cầu có tên, được mã hóa, không ghi hình, không phát trực tiếp. Không được trao đổi nội dung thuộc "
           "bí mật nhà nước tại đây: nội dung đó phải dùng thiết bị của cơ quan cơ yếu.";
}

bool md_room_names(const MdRoom *room, const char *account)
{
    for (char **site = room->sites; account != NULL && site != NULL && *site != NULL; site++)
        if (strcmp(*site, account) == 0)
            return true;
    return false;
}

const char *md_confidential_refusal(const MdRoom *room, const MdCallInfo *info, MdRole role)
{
    if (!room->confidential)
        return NULL;
    if (!info->authenticated || info->account == NULL || role == MD_ROLE_GUEST)
        return "Confidential: No Guests";
    if (!md_room_names(room, info->account))
        return "Confidential: Not A Named Site";
    return info->secure ? NULL : "Confidential: Call Over TLS";
}

bool md_confidential_tells(const char *type)
{
    static const char *const attendance[] = {"room.created", "room.ended", "member.joined", "member.left"};
    for (unsigned i = 0; i < G_N_ELEMENTS(attendance); i++)
        if (strcmp(type, attendance[i]) == 0)
            return true;
    return false;
}

bool md_room_may_leave(MdRoom *room, GError **error)
{
    if (room->confidential)
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE,
                    "the meeting %s is confidential: it is neither recorded nor streamed nor put on loudspeakers", room->name);
    return !room->confidential;
}
