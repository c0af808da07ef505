/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who dropped out and whose place in the queue, or the floor, is kept. Control thread. */
#include "mediad/conference/absent.h"
#include <string.h>

char *md_member_identity(const MdMember *member)
{
    const MdCallInfo *info = member->call != NULL ? md_call_info(member->call) : NULL;
    if (member->account != NULL)
        return g_strdup_printf("account %s", member->account);
    return g_strdup_printf("%s from %s", member->uri != NULL ? member->uri : "",
                           info != NULL && info->peer_host != NULL ? info->peer_host : "");
}

void md_absent_free(gpointer data)
{
    MdAbsent *absent = data;
    g_free(absent->identity);
    g_free(absent->name);
    g_free(absent);
}

MdAbsent *md_absent_find(const MdRoom *room, uint32_t id)
{
    for (guint i = 0; i < room->absent->len; i++) {
        MdAbsent *absent = g_ptr_array_index(room->absent, i);
        if (absent->id == id)
            return absent;
    }
    return NULL;
}

void md_absent_forget(MdRoom *room)
{
    for (guint i = room->absent->len; i-- > 0;) {
        const MdAbsent *absent = g_ptr_array_index(room->absent, i);
        if (!md_floor_is_away(room->floor, absent->id))
            g_ptr_array_remove_index(room->absent, i);
    }
}

MdAbsent *md_absent_like(const MdMember *member)
{
    g_autofree char *identity = md_member_identity(member);
    for (guint i = 0; i < member->room->absent->len; i++) {
        MdAbsent *absent = g_ptr_array_index(member->room->absent, i);
        if (strcmp(absent->identity, identity) == 0 && md_room_member_by_id(member->room, absent->id) == NULL)
            return absent;
    }
    return NULL;
}

const char *md_room_party_name(const MdRoom *room, uint32_t id)
{
    const MdMember *member = md_room_member_by_id(room, id);
    const MdAbsent *absent = member == NULL ? md_absent_find(room, id) : NULL;
    return member != NULL ? member->name : absent != NULL ? absent->name : "";
}
