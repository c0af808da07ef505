/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/conference/private.h"

/* Those of room->absent; control thread. Ids are the floor's parties. */
MdAbsent *md_absent_find(const MdRoom *room, uint32_t id);
MdAbsent *md_absent_like(const MdMember *member); /* whom a member that comes in was before; NULL: nobody */
void md_absent_forget(MdRoom *room);              /* those whose place is no longer kept */
void md_absent_free(gpointer absent);             /* a GDestroyNotify */
const char *md_room_party_name(const MdRoom *room, uint32_t id); /* of a member or of one that dropped out; "": of neither */
