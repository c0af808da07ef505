/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/alert/alert.h"

/* A folder where other programs put messages: NAME.xml, moved there in one step (names with a dot first are left alone). Each is
 * taken in, then moved to done/, or to failed/ with the reason in NAME.xml.txt. Looked at once a second. Control thread. */
typedef struct BcInbox BcInbox;
#define BC_INBOX_AT_ONCE 20u
typedef struct BcInboxOptions {   /* strings and the source are copied */
    const char *dir;              /* must exist and be writable */
    BcAlertSource source;
    BcAlerts *alerts;
    BcTimers *timers;
    const MdLogger *logger;
} BcInboxOptions;
BcInbox *bc_inbox_new(const BcInboxOptions *options, GError **error);
void bc_inbox_free(BcInbox *inbox);
/* Looks now; tests. */
void bc_inbox_look(BcInbox *inbox);
