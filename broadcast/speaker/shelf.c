/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/shelf.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "broadcast/speaker/keep.h"

#define SOON_US (G_GINT64_CONSTANT(7200) * 1000000)

typedef struct Stored {
    int64_t bytes, used_us;      /* used: when it was last wanted or fetched */
} Stored;

struct BcShelf {
    char *folder;
    int64_t max_bytes;
    GMutex lock;                 /* stored */
    GHashTable *stored;          /* sha -> Stored */
    GPtrArray *wanted;           /* BcShelfWant *, one per file */
    GHashTable *put_off;         /* sha -> int64_t * */
};

static void free_want(gpointer data)
{
    BcShelfWant *want = data;
    g_free(want->media.sha256);
    g_free(want->media.path);
    g_free(want->media.media_type);
    g_free(want);
}

static bool is_sha(const char *name)
{
    return name && strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

static void take_stock(BcShelf *shelf, GDir *dir)
{
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(shelf->folder, name, NULL);
        struct stat st;
        if (!is_sha(name) || stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
            continue;
        Stored *stored = g_new0(Stored, 1);
        stored->bytes = st.st_size;
        stored->used_us = (int64_t)st.st_mtime * 1000000;
        g_hash_table_insert(shelf->stored, g_strdup(name), stored);
    }
}

BcShelf *bc_shelf_open(const char *folder, int64_t max_bytes, GError **error)
{
    if (g_mkdir_with_parents(folder, 0700) < 0) {
        g_set_error(error, BC_KEEP_ERROR, BC_KEEP_ERROR_FAILED, "cannot make %s: %s", folder, g_strerror(errno));
        return NULL;
    }
    g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
    if (!dir)
        return NULL;
    BcShelf *shelf = g_new0(BcShelf, 1);
    shelf->folder = g_strdup(folder);
    shelf->max_bytes = max_bytes;
    g_mutex_init(&shelf->lock);
    shelf->stored = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    shelf->put_off = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    shelf->wanted = g_ptr_array_new_with_free_func(free_want);
    take_stock(shelf, dir);
    return shelf;
}

void bc_shelf_free(BcShelf *shelf)
{
    if (!shelf)
        return;
    g_hash_table_unref(shelf->stored);
    g_hash_table_unref(shelf->put_off);
    g_ptr_array_unref(shelf->wanted);
    g_mutex_clear(&shelf->lock);
    g_free(shelf->folder);
    g_free(shelf);
}

bool bc_shelf_has(BcShelf *shelf, const char *sha256)
{
    g_mutex_lock(&shelf->lock);
    bool has = g_hash_table_contains(shelf->stored, sha256);
    g_mutex_unlock(&shelf->lock);
    return has;
}

char *bc_shelf_path(BcShelf *shelf, const char *sha256)
{
    return is_sha(sha256) && bc_shelf_has(shelf, sha256) ? g_build_filename(shelf->folder, sha256, NULL) : NULL;
}

char *bc_shelf_part_path(BcShelf *shelf, const char *sha256)
{
    g_autofree char *name = g_strconcat(sha256, ".part", NULL);
    return g_build_filename(shelf->folder, name, NULL);
}

int64_t bc_shelf_part_bytes(BcShelf *shelf, const char *sha256)
{
    g_autofree char *path = bc_shelf_part_path(shelf, sha256);
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static BcShelfWant *find_want(const BcShelf *shelf, const char *sha256)
{
    for (guint i = 0; i < shelf->wanted->len; i++) {
        BcShelfWant *want = g_ptr_array_index(shelf->wanted, i);
        if (!strcmp(want->media.sha256, sha256))
            return want;
    }
    return NULL;
}

static void add_want(BcShelf *shelf, const BcLinkMedia *media, int64_t due_us, int64_t now_us)
{
    if (!is_sha(media->sha256))
        return;
    BcShelfWant *want = find_want(shelf, media->sha256);
    if (want) {
        want->due_us = MIN(want->due_us, due_us);
        return;
    }
    want = g_new0(BcShelfWant, 1);
    want->media = (BcLinkMedia){g_strdup(media->sha256), g_strdup(media->path), g_strdup(media->media_type), media->bytes};
    want->due_us = due_us;
    g_ptr_array_add(shelf->wanted, want);
    g_mutex_lock(&shelf->lock);
    Stored *stored = g_hash_table_lookup(shelf->stored, media->sha256);
    if (stored)
        stored->used_us = now_us;
    g_mutex_unlock(&shelf->lock);
}

static int by_need(gconstpointer a, gconstpointer b)
{
    const BcShelfWant *x = *(BcShelfWant *const *)a, *y = *(BcShelfWant *const *)b;
    return x->due_us < y->due_us ? -1 : x->due_us > y->due_us;
}

void bc_shelf_want(BcShelf *shelf, const BcLinkManifest *manifest, const BcShelfWant *more, unsigned n_more, int64_t now_us)
{
    g_ptr_array_set_size(shelf->wanted, 0);
    for (unsigned i = 0; i < n_more; i++)
        add_want(shelf, &more[i].media, more[i].due_us, now_us);
    for (unsigned i = 0; manifest && i < manifest->n_items; i++) {
        const BcLinkItem *item = &manifest->items[i];
        int64_t over_us = item->expires_us ? item->expires_us : item->start_us + item->duration_us;
        if (over_us <= now_us)
            continue;
        if (item->kind == BC_LINK_CONTENT)
            add_want(shelf, &item->media, item->start_us, now_us);
        else if (item->kind == BC_LINK_RELAY)
            add_want(shelf, &item->fallback, item->start_us, now_us);
    }
    g_ptr_array_sort(shelf->wanted, by_need);
}

unsigned bc_shelf_wanted(BcShelf *shelf, unsigned *ret_stored)
{
    unsigned stored = 0;
    for (guint i = 0; i < shelf->wanted->len; i++)
        stored += bc_shelf_has(shelf, ((BcShelfWant *)g_ptr_array_index(shelf->wanted, i))->media.sha256);
    *ret_stored = stored;
    return shelf->wanted->len;
}

const BcShelfWant *bc_shelf_next(BcShelf *shelf, int64_t now_us)
{
    const BcShelfWant *smallest = NULL;
    for (guint i = 0; i < shelf->wanted->len; i++) {
        const BcShelfWant *want = g_ptr_array_index(shelf->wanted, i);
        const int64_t *until = g_hash_table_lookup(shelf->put_off, want->media.sha256);
        if (bc_shelf_has(shelf, want->media.sha256) || (until && *until > now_us))
            continue;
        if (want->due_us <= now_us + SOON_US)
            return want; /* by due time */
        if (!smallest || want->media.bytes < smallest->media.bytes)
            smallest = want;
    }
    return smallest;
}

void bc_shelf_put_off(BcShelf *shelf, const char *sha256, int64_t until_us)
{
    int64_t *until = g_new(int64_t, 1);
    *until = until_us;
    g_hash_table_insert(shelf->put_off, g_strdup(sha256), until);
}

/* ---------------------------------------------------------------- room */

static int64_t used_bytes(BcShelf *shelf)
{
    GHashTableIter iter;
    gpointer value;
    int64_t sum = 0;
    g_mutex_lock(&shelf->lock);
    g_hash_table_iter_init(&iter, shelf->stored);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        sum += ((Stored *)value)->bytes;
    g_mutex_unlock(&shelf->lock);
    return sum;
}

static bool drop_one(BcShelf *shelf)
{
    GHashTableIter iter;
    gpointer key, value;
    g_autofree char *oldest = NULL;
    int64_t oldest_us = INT64_MAX;
    g_mutex_lock(&shelf->lock);
    g_hash_table_iter_init(&iter, shelf->stored);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (((Stored *)value)->used_us < oldest_us && !find_want(shelf, key)) {
            oldest_us = ((Stored *)value)->used_us;
            g_free(oldest);
            oldest = g_strdup(key);
        }
    }
    if (oldest)
        g_hash_table_remove(shelf->stored, oldest);
    g_mutex_unlock(&shelf->lock);
    if (!oldest)
        return false;
    g_autofree char *path = g_build_filename(shelf->folder, oldest, NULL);
    g_unlink(path);
    return true;
}

/* Parts that nobody wants any more. */
static void drop_parts(BcShelf *shelf)
{
    g_autoptr(GDir) dir = g_dir_open(shelf->folder, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        if (!g_str_has_suffix(name, ".part"))
            continue;
        g_autofree char *sha256 = g_strndup(name, strlen(name) - 5), *path = g_build_filename(shelf->folder, name, NULL);
        if (!find_want(shelf, sha256))
            g_unlink(path);
    }
}

bool bc_shelf_make_room(BcShelf *shelf, int64_t bytes)
{
    drop_parts(shelf);
    while (used_bytes(shelf) + bytes > shelf->max_bytes)
        if (!drop_one(shelf))
            return false;
    return true;
}

/* ---------------------------------------------------------------- accepting */

static bool hash_fits(int fd, const char *sha256)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    guchar buf[65536];
    for (ssize_t n; (n = read(fd, buf, sizeof(buf))) != 0;) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        g_checksum_update(sum, buf, n);
    }
    return !strcmp(g_checksum_get_string(sum), sha256);
}

static bool flush_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

bool bc_shelf_accept(BcShelf *shelf, const char *sha256, GError **error)
{
    g_autofree char *part = bc_shelf_part_path(shelf, sha256), *path = g_build_filename(shelf->folder, sha256, NULL);
    int fd = open(part, O_RDWR | O_CLOEXEC);
    struct stat st = {0};
    bool fits = fd >= 0 && hash_fits(fd, sha256), kept = fits && fstat(fd, &st) == 0 && fsync(fd) == 0;
    int no = errno;
    if (fd >= 0)
        close(fd);
    if (!fits) {
        g_unlink(part); /* a wrong part would be wrong for ever */
        g_set_error(error, BC_KEEP_ERROR, BC_KEEP_ERROR_FAILED, "the hash of what was fetched is not %s", sha256);
        return false;
    }
    if (!kept || g_rename(part, path) < 0 || !flush_folder(shelf->folder)) {
        no = kept ? errno : no;
        g_set_error(error, BC_KEEP_ERROR, no == ENOSPC ? BC_KEEP_ERROR_FULL : BC_KEEP_ERROR_FAILED, "cannot keep %s: %s", path, g_strerror(no));
        return false;
    }
    Stored *stored = g_new0(Stored, 1);
    stored->bytes = st.st_size;
    stored->used_us = g_get_real_time();
    g_mutex_lock(&shelf->lock);
    g_hash_table_insert(shelf->stored, g_strdup(sha256), stored);
    g_mutex_unlock(&shelf->lock);
    g_hash_table_remove(shelf->put_off, sha256);
    return true;
}
