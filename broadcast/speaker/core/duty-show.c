/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/core/duty-private.h"
#include <string.h>
#include "broadcast/link/siren.h"

#define GRACE_MIN_US 250000             /* a block is not always made on its microsecond */

const char *bc_show_occurrence(const BcShow *show)
{
    return show->live ? show->live->occurrence : show->item->occurrence;
}

void bc_show_free(BcShow *show)
{
    if (!show)
        return;
    g_free(show->blocker);
    g_free(show->command);
    if (show->own) {
        BcLinkCommand shell = {.item = *show->own};
        bc_link_command_clear(&shell);
        g_free(show->own);
    }
    if (show->live) {
        BcLinkCommand shell = {.live = *show->live};
        bc_link_command_clear(&shell);
        g_free(show->live);
    }
    g_free(show);
}

int64_t bc_show_last_begin_us(const BcShow *show)
{
    return show->content_us + MAX(show->item->grace_us, GRACE_MIN_US);
}

bool bc_show_has_content(const BcShow *show)
{
    return !show->item || show->item->kind != BC_LINK_CONTENT || (show->item->media.sha256 && show->item->media.sha256[0]);
}

void bc_show_measure(BcShow *show, bool stored)
{
    int64_t siren_us = bc_siren_duration_us(show->siren, show->siren_rounds);
    show->stored = stored;
    if (show->live) {
        show->content_us = show->origin_us;
        return;
    }
    if (show->content_us < show->origin_us + siren_us)
        show->content_us = show->origin_us + siren_us;
    show->end_us = bc_show_has_content(show) ? show->content_us + show->item->duration_us : show->content_us;
    if (show->item->expires_us && show->end_us > show->item->expires_us)
        show->end_us = show->item->expires_us;
}

bool bc_show_forgotten(const BcShow *show, int64_t now_us)
{
    return show->end_us + BC_DUTY_REMEMBER_US <= now_us;
}

unsigned bc_show_priority(const BcShow *show)
{
    return show->live ? show->live->priority : show->item->priority;
}

int bc_show_compare(const BcShow *a, const BcShow *b)
{
    unsigned pa = bc_show_priority(a), pb = bc_show_priority(b);
    if (pa != pb)
        return pa < pb ? -1 : 1;
    unsigned aa = a->live ? a->live->authority : a->item->authority, ab = b->live ? b->live->authority : b->item->authority;
    if (aa != ab)
        return aa < ab ? -1 : 1;
    int64_t ma = a->item && a->item->made_us ? a->item->made_us : a->issued_us;
    int64_t mb = b->item && b->item->made_us ? b->item->made_us : b->issued_us;
    if (ma != mb)
        return ma > mb ? -1 : 1;
    if (a->origin_us != b->origin_us)
        return a->origin_us > b->origin_us ? -1 : 1;
    return strcmp(bc_show_occurrence(a), bc_show_occurrence(b));
}
