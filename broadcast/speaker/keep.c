/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/keep.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

G_DEFINE_QUARK(bc-keep-error-quark, bc_keep_error)

static BcKeepCutFn cut_fn;
static void *cut_user;

void bc_keep_set_cut(BcKeepCutFn fn, void *user)
{
    cut_fn = fn;
    cut_user = user;
}

static bool power(const char *step)
{
    if (!cut_fn || cut_fn(step, cut_user))
        return true;
    errno = EIO;
    return false;
}

static bool fail(GError **error, const char *what, const char *path)
{
    int no = errno;
    BcKeepError code = no == ENOENT ? BC_KEEP_ERROR_MISSING : no == ENOSPC || no == EDQUOT ? BC_KEEP_ERROR_FULL : BC_KEEP_ERROR_FAILED;
    g_set_error(error, BC_KEEP_ERROR, code, "%s %s: %s", what, path, g_strerror(no));
    return false;
}

static bool write_all(int fd, const char *bytes, gsize len)
{
    while (len > 0) {
        if (!power("write"))
            return false;
        ssize_t n = write(fd, bytes, MIN(len, 65536)); /* in pieces, so that a cut in the middle can be tried */
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes += n;
        len -= (gsize)n;
    }
    return power("fsync") && fsync(fd) == 0;
}

static bool flush_folder(const char *folder)
{
    if (!power("fsync-folder"))
        return false;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    int no = errno;
    close(fd);
    errno = no;
    return ok;
}

bool bc_keep_rename(const char *folder, const char *from, const char *to, GError **error)
{
    g_autofree char *old = g_build_filename(folder, from, NULL), *path = g_build_filename(folder, to, NULL);
    return (power("rename") && rename(old, path) == 0 && flush_folder(folder)) || fail(error, "cannot rename", old);
}

bool bc_keep_write(const char *folder, const char *name, const char *bytes, gsize len, int mode, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *temporary = g_strconcat(path, ".new", NULL);
    int fd = power("open") ? open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode) : -1;
    if (fd < 0)
        return fail(error, "cannot write", temporary);
    bool ok = fchmod(fd, (mode_t)mode) == 0 && write_all(fd, bytes, len);
    int no = errno;
    close(fd);
    errno = no;
    if (!ok) {
        fail(error, "cannot write", temporary);
        if (!cut_fn)
            unlink(temporary); /* a full disk is not made fuller */
        return false;
    }
    if (!power("rename") || rename(temporary, path) < 0)
        return fail(error, "cannot rename to", path);
    return flush_folder(folder) || fail(error, "cannot flush", folder);
}

char *bc_keep_read(const char *folder, const char *name, gsize *ret_len, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        fail(error, "cannot read", path);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (st.st_size > BC_KEEP_MAX) {
        close(fd);
        g_set_error(error, BC_KEEP_ERROR, BC_KEEP_ERROR_FAILED, "%s is larger than %u bytes", path, BC_KEEP_MAX);
        return NULL;
    }
    char *bytes = g_malloc((gsize)st.st_size + 1);
    gsize have = 0;
    while (have < (gsize)st.st_size) {
        ssize_t n = read(fd, bytes + have, (gsize)st.st_size - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        have += (gsize)n;
    }
    close(fd);
    bytes[have] = '\0';
    if (ret_len)
        *ret_len = have;
    return bytes;
}

bool bc_keep_remove(const char *folder, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (!power("unlink") || (unlink(path) < 0 && errno != ENOENT))
        return fail(error, "cannot remove", path);
    return flush_folder(folder) || fail(error, "cannot flush", folder);
}
