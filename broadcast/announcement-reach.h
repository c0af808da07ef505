/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/stage.h"

/* Between announcement.c and announcement-reach.c; control thread. */

/* announcement-reach.c: tells the devices of all queued targets by reach. */
void bc_announcement_tell(BcAnnouncement *announcement);
/* It is over before its time: the devices are told so. */
void bc_announcement_stop_reach(BcAnnouncement *announcement, const char *reason);
/* Waits for what is still to be reported, if anything is. */
void bc_announcement_await_reports(BcAnnouncement *announcement);
/* What was not reported by now counts as missed; a report that comes later corrects it. */
void bc_announcement_reports_due(BcAnnouncement *announcement);
/* It goes on after a restart: what was reported before. */
void bc_announcement_restore(BcAnnouncement *announcement);

/* announcement.c: frees it when nothing holds it any more. */
void bc_announcement_settle(BcAnnouncement *announcement);
