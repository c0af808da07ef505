/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the settings say must be there: areas, site accounts, rooms. Run at start and at every reload; makes what is missing,
 * takes over what changed, never deletes people's work. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "mediad/daemon.h"

/* New passwords are shown once: in a file only the service's user may read, to be handed to whoever sets up the endpoints
 * and then deleted. */
static bool write_credentials(MdDaemon *daemon, const GString *rows, unsigned n, GError **error)
{
    if (!n)
        return true;
    g_autofree char *path = g_build_filename(daemon->settings->general.state_dir, "credentials.csv", NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, rows->str, rows->len) == (ssize_t)rows->len && fsync(fd) == 0;
    int code = errno;
    if (fd >= 0)
        close(fd);
    if (!ok) {
        g_set_error(error, MD_DAEMON_ERROR, 0, "cannot write the new site passwords to %s: %s", path, g_strerror(code));
        return false;
    }
    md_notice(&daemon->logger, "%u site accounts made; their passwords are in %s: hand them out, then delete the file", n, path);
    return true;
}

static bool provision_sites(MdDaemon *daemon, GError **error)
{
    const CfgSettings *settings = daemon->settings;
    g_autoptr(GString) rows = g_string_new(NULL);
    unsigned made = 0;
    for (unsigned i = 0; i < settings->n_sites; i++) {
        const CfgSite *site = &settings->sites[i];
        SgAccountKind kind = sg_account_kind_from_string(site->kind);
        SgAccount account = {.name = site->account, .display = site->name ?: "", .role = site->role ?: "site",
                             .area = site->area ?: "", .security = site->security,
                             .kind = kind == SG_ACCOUNT_KIND_INVALID ? SG_ACCOUNT_SITE : kind,
                             .bindings_max = settings->sip.account_bindings_max};
        g_autofree char *password = NULL;
        if (!sg_accounts_ensure(daemon->accounts, &account, &password, error)) {
            g_prefix_error(error, "site %s: ", site->account);
            return false;
        }
        if (!password)
            continue;
        g_string_append_printf(rows, "%s,%s,%s\n", site->account, settings->general.domain, password);
        made++;
    }
    return write_credentials(daemon, rows, made, error);
}

static bool provision_areas(MdDaemon *daemon, GError **error)
{
    const CfgSettings *settings = daemon->settings;
    const char *province = settings->province.code;
    if (!province)
        return true;
    g_autofree BcArea *areas = g_new0(BcArea, settings->n_areas + 1);
    areas[0] = (BcArea){.code = province, .name = settings->province.name ?: province, .kind = "tinh"};
    for (unsigned i = 0; i < settings->n_areas; i++) {
        const CfgArea *from = &settings->areas[i];
        areas[i + 1] = (BcArea){.code = from->code, .ident = from->ident_code, .kind = from->kind,
                                .parent = from->parent ?: province, .name = from->name};
    }
    return bc_areas_seed(bc_broadcast_areas(daemon->broadcast), areas, settings->n_areas + 1, error);
}

static void dial_list(MdDaemon *daemon, MdRoom *room, const CfgRoom *from)
{
    if (!from->dial || !from->dial[0])
        return;
    g_autoptr(GPtrArray) targets = g_ptr_array_new();
    for (char **target = from->dial; *target; target++) {
        if (strcmp(*target, "*") != 0) {
            g_ptr_array_add(targets, *target);
            continue;
        }
        for (unsigned i = 0; i < daemon->settings->n_sites; i++)
            g_ptr_array_add(targets, daemon->settings->sites[i].account);
    }
    g_ptr_array_add(targets, NULL);
    g_autoptr(GError) error = NULL;
    if (!md_room_dial(room, (const char *const *)targets->pdata, MD_ROLE_SITE, from->redial, &error))
        md_warning(&daemon->logger, "room %s: the sites of its dial list are not rung: %s", from->name, error->message);
}

void md_provision_rooms(MdDaemon *daemon)
{
    const CfgSettings *settings = daemon->settings;
    for (unsigned i = 0; i < settings->n_rooms; i++) {
        const CfgRoom *from = &settings->rooms[i];
        if (md_conference_find_room(daemon->conference, from->name))
            continue;
        MdRoomSpec spec = {.name = from->name, .title = from->title, .pin = from->pin, .chair_pin = from->chair_pin,
                           .max_members = from->max_members, .wait_for_chair = from->wait_for_chair,
                           .mute_on_entry = from->mute_on_entry, .lobby = from->lobby, .security = from->security,
                           .layout = md_layout_from_string(from->layout), .loudest = settings->conference.loudest,
                           .language = from->language ?: settings->general.language};
        g_autoptr(GError) error = NULL;
        MdRoom *room = md_conference_create_room(daemon->conference, &spec, &error);
        if (room)
            dial_list(daemon, room, from);
        else
            md_error(&daemon->logger, "room %s of the settings cannot be made: %s", from->name, error->message);
    }
}

bool md_provision(MdDaemon *daemon, GError **error)
{
    if (!provision_areas(daemon, error) || !provision_sites(daemon, error))
        return false;
    md_provision_rooms(daemon);
    return true;
}
