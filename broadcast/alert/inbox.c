/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "broadcast/alert/xml.h"

#define LOOK_US G_USEC_PER_SEC
#define NAME_LONGEST 200u

struct BcInbox {               /* g_rc_box: messages being stored hold it */
    BcInboxOptions o;
    char *dir, *name;
    char **areas, **senders;
    MdLogger logger;
    BcTimer timer;
    GHashTable *busy;          /* file names being taken in */
    bool gone;
};

typedef struct File {
    BcInbox *inbox;
    char *name;
} File;

static void clear_inbox(gpointer data)
{
    BcInbox *inbox = data;
    g_hash_table_unref(inbox->busy);
    g_strfreev(inbox->areas);
    g_strfreev(inbox->senders);
    g_free(inbox->dir);
    g_free(inbox->name);
}

static void inbox_unref(gpointer inbox)
{
    g_rc_box_release_full(inbox, clear_inbox);
}

static void put_away(BcInbox *inbox, const char *name, const char *folder, const char *reason)
{
    g_autofree char *from = g_build_filename(inbox->dir, name, NULL);
    g_autofree char *to = g_build_filename(inbox->dir, folder, name, NULL);
    if (reason) { /* first, so that whoever finds the file finds the reason */
        g_autofree char *beside = g_strconcat(to, ".txt", NULL);
        g_autofree char *line = g_strconcat(reason, "\n", NULL);
        g_file_set_contents(beside, line, -1, NULL);
    }
    if (g_rename(from, to) == 0)
        return;
    md_error(&inbox->logger, "cannot move %s to %s: %s; it is removed", from, to, g_strerror(errno));
    g_unlink(from);
}

static void on_taken(const BcAlert *alert, bool duplicate, const GError *error, void *user)
{
    File *file = user;
    BcInbox *inbox = file->inbox;
    bool again = error && error->domain != BC_ERROR; /* the store: next time */
    g_hash_table_remove(inbox->busy, file->name);
    if (!again)
        put_away(inbox, file->name, error ? "failed" : "done", error ? error->message : NULL);
    g_free(file->name);
    g_free(file);
    inbox_unref(inbox);
}

/* A regular file and no link, of at most what is taken. NULL with the reason. */
static char *read_file(const char *path, gsize *ret_len, char **ret_reason)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= (off_t)BC_XML_BYTES_MAX;
    g_autofree char *text = g_malloc(BC_XML_BYTES_MAX + 1);
    gssize n = 0, got = 0;
    while (ok && got <= (gssize)BC_XML_BYTES_MAX && (n = read(fd, text + got, (gsize)(BC_XML_BYTES_MAX + 1 - (gsize)got))) > 0)
        got += n;
    if (!ok || n < 0 || got > (gssize)BC_XML_BYTES_MAX)
        *ret_reason = fd < 0 || n < 0 ? g_strdup(g_strerror(errno)) : g_strdup("no regular file of at most 256 KiB");
    if (fd >= 0)
        close(fd);
    *ret_len = (gsize)got;
    return *ret_reason ? NULL : g_steal_pointer(&text);
}

static void take(BcInbox *inbox, const char *name)
{
    g_autofree char *path = g_build_filename(inbox->dir, name, NULL);
    g_autofree char *reason = NULL;
    gsize len = 0;
    g_autofree char *text = read_file(path, &len, &reason);
    if (!text) {
        md_warning(&inbox->logger, "%s refused: %s", path, reason);
        put_away(inbox, name, "failed", reason);
        return;
    }
    File *file = g_new0(File, 1);
    *file = (File){g_rc_box_acquire(inbox), g_strdup(name)};
    g_hash_table_add(inbox->busy, g_strdup(name));
    bc_alerts_take_cap(inbox->o.alerts, &inbox->o.source, text, len, on_taken, file);
}

void bc_inbox_look(BcInbox *inbox)
{
    g_autoptr(GDir) dir = g_dir_open(inbox->dir, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (const char *name = dir ? g_dir_read_name(dir) : NULL; name && names->len < BC_INBOX_AT_ONCE; name = g_dir_read_name(dir))
        if (name[0] != '.' && g_str_has_suffix(name, ".xml") && strlen(name) <= NAME_LONGEST && !g_hash_table_contains(inbox->busy, name))
            g_ptr_array_add(names, g_strdup(name));
    for (unsigned i = 0; i < names->len; i++)
        take(inbox, names->pdata[i]);
}

static void on_look(BcTimer *timer, void *user)
{
    BcInbox *inbox = user;
    bc_inbox_look(inbox);
    bc_timer_at(inbox->o.timers, timer, md_clock_now_us(bc_timers_clock(inbox->o.timers)) + LOOK_US, on_look, inbox);
}

BcInbox *bc_inbox_new(const BcInboxOptions *options, GError **error)
{
    static const char *const folders[] = {"done", "failed"};
    for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = g_build_filename(options->dir, folders[i], NULL);
        if (g_mkdir(path, 0750) != 0 && errno != EEXIST) {
            g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "cannot make %s (alert.inbox_dir): %s", path, g_strerror(errno));
            return NULL;
        }
    }
    BcInbox *inbox = g_rc_box_new0(BcInbox);
    inbox->o = *options;
    inbox->dir = g_strdup(options->dir);
    inbox->name = g_strdup(options->source.name);
    inbox->areas = g_strdupv((char **)options->source.areas);
    inbox->senders = g_strdupv((char **)options->source.senders);
    inbox->o.source.name = inbox->name;
    inbox->o.source.areas = (const char *const *)inbox->areas;
    inbox->o.source.senders = (const char *const *)inbox->senders;
    inbox->logger = options->logger ? md_logger_child(options->logger, "alert/inbox") : (MdLogger){0};
    inbox->busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    on_look(&inbox->timer, inbox);
    return inbox;
}

void bc_inbox_free(BcInbox *inbox)
{
    if (!inbox)
        return;
    bc_timer_cancel(&inbox->timer);
    inbox->gone = true;
    inbox_unref(inbox);
}
