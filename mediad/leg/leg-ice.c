/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The path of a browser's leg, on control: one ICE session that carries all lines. */
#include <errno.h>
#include <string.h>

#include "mediad/leg/leg-private.h"

/* The line whose transport all others share: candidates are told for it. */
static const char *first_mid(const MdNegotiator *negotiator)
{
    for (unsigned i = 0; i < negotiator->n_lines; i++)
        if (negotiator->lines[i].media >= 0)
            return negotiator->lines[i].mid;
    return "0";
}

static void on_candidate(MdIce *ice, const char *line, void *user)
{
    MdLeg *leg = user;
    if (*line && leg->n_candidates < LEG_CANDIDATES_MAX)
        leg->candidates[leg->n_candidates++] = g_strdup(line);
    else if (*line)
        return;
    else
        leg->gathered = true;
    if (leg->described && leg->on_candidate)
        leg->on_candidate(leg, first_mid(&leg->negotiator), line, leg->path_user);
}

static void on_state(MdIce *ice, MdIceState state, void *user)
{
    MdLeg *leg = user;
    MdLegPath path = state == MD_ICE_CONNECTED ? MD_LEG_PATH_CONNECTED : MD_LEG_PATH_LOST;
    if (path == leg->path)
        return;
    leg->path = path;
    if (path == MD_LEG_PATH_CONNECTED && leg->dtls[0])
        leg_dtls_start(leg->dtls[0]);
    if (leg->on_path)
        leg->on_path(leg, path, leg->path_user);
}

static void on_packet(const MdAddr *from, uint8_t *data, size_t len, void *user)
{
    MdLeg *leg = user;
    leg_bundle_receive(leg, from, data, len, md_worker_clock_us(leg->worker));
}

bool leg_ice_init(MdLeg *leg, const MdLegConfig *config, GError **error)
{
    leg->on_candidate = config->on_candidate;
    leg->on_path = config->on_path;
    leg->path_user = config->path_user;
    if (leg->transport.send)
        return true;
    MdIceOptions options = {.service = config->ice,
                            .worker = config->worker,
                            .on_candidate = on_candidate,
                            .on_state = on_state,
                            .user = leg,
                            .on_packet = on_packet,
                            .packet_user = leg};
    leg->ice = config->ice && leg->identity ? md_ice_new(&options) : NULL;
    if (!leg->ice)
        g_set_error(error, MD_LEG_ERROR, MD_LEG_ERROR_RESOURCES, "no path for a browser: %s",
                    config->ice && leg->identity ? g_strerror(errno) : "ICE is not set up");
    return leg->ice != NULL;
}

void leg_ice_close(MdLeg *leg)
{
    md_ice_close(leg->ice);
    for (unsigned i = 0; i < leg->n_candidates; i++)
        g_free(leg->candidates[i]);
    leg->n_candidates = 0;
    if (leg->early)
        g_ptr_array_unref(leg->early);
    leg->early = NULL;
}

void leg_ice_describe(void *user, bool restart, bool candidates, GString *out)
{
    MdLeg *leg = user;
    if (!leg->ice) { /* a test's transport needs no checks */
        g_string_append(out, "a=ice-ufrag:test\r\na=ice-pwd:testtesttesttesttesttest\r\n");
        return;
    }
    if (restart && md_ice_restart(leg->ice) < 0)
        md_warning(&leg->logger, "no new search for a way to its browser (ICE restart): it must join again");
    g_string_append_printf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle\r\n",
                           md_ice_ufrag(leg->ice), md_ice_password(leg->ice));
    for (unsigned i = 0; candidates && i < leg->n_candidates; i++)
        g_string_append_printf(out, "a=%s\r\n", leg->candidates[i]);
    if (candidates && leg->gathered)
        g_string_append(out, "a=end-of-candidates\r\n");
}

void leg_ice_described(MdLeg *leg, const MdRemoteIce *before)
{
    const MdRemoteIce *remote = &leg->negotiator.remote;
    leg->described = true;
    if (!leg->ice || !remote->ufrag[0] ||
        (!strcmp(remote->ufrag, before->ufrag) && !strcmp(remote->password, before->password)))
        return;
    if (md_ice_set_remote(leg->ice, remote->ufrag, remote->password) < 0)
        md_warning(&leg->logger, "its browser's ICE credentials cannot be used: no way to it is found");
    for (unsigned i = 0; i < remote->n_candidates; i++)
        md_ice_add_remote(leg->ice, remote->candidates[i]);
    for (guint i = 0; leg->early && i < leg->early->len; i++)
        md_ice_add_remote(leg->ice, g_ptr_array_index(leg->early, i));
    if (leg->early)
        g_ptr_array_set_size(leg->early, 0);
    if (remote->end_of_candidates)
        md_ice_add_remote(leg->ice, "");
}

bool md_leg_add_candidate(MdLeg *leg, const char *mid, const char *line, GError **error)
{
    bool usable;
    line = g_str_has_prefix(line, "a=") ? line + 2 : line;
    if (!leg->browser) {
        g_set_error_literal(error, MD_LEG_ERROR, MD_LEG_ERROR_NOT_ACCEPTABLE, "this leg's media does not use ICE");
        return false;
    }
    if (*line && !md_ice_candidate_check(line, &usable)) {
        g_set_error(error, MD_LEG_ERROR, MD_LEG_ERROR_SYNTAX, "%.80s is no candidate", line);
        return false;
    }
    if (!leg->ice)
        return true;
    int rc = 0;
    if (leg->negotiator.remote.ufrag[0])
        rc = md_ice_add_remote(leg->ice, line);
    else if (!leg->early || leg->early->len < MD_ICE_REMOTE_CANDIDATES) {
        if (!leg->early)
            leg->early = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(leg->early, g_strdup(line));
    } else
        rc = -ENOSPC;
    if (rc < 0)
        g_set_error(error, MD_LEG_ERROR, rc == -ENOSPC ? MD_LEG_ERROR_NOT_ACCEPTABLE : MD_LEG_ERROR_RESOURCES,
                    rc == -ENOSPC ? "more than %d candidates" : "the candidate cannot be taken now",
                    MD_ICE_REMOTE_CANDIDATES);
    return rc == 0;
}
