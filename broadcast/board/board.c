/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/board/board.h"

#include <string.h>
#include <sys/random.h>
#include "broadcast/ear.h"
#include "broadcast/timers.h"

#define REPORT_MIN_US 2000000
#define REPORT_ANY_US 250000 /* of whatever: a board out of its mind does not fill the store */
#define PROOFS_KEPT_US (30ll * 86400 * G_USEC_PER_SEC)
#define PICTURES_MAX 200 /* remembered per board */

typedef struct Watch { /* what sounds in one area */
    BcBoards *boards;
    char *area;
    BcEar *ear;
    char *id, *title, *text;
    BcPriority priority;
    int64_t start_us;
    bool drill;
} Watch;

typedef struct Board {
    char *device, *key_hash, *item;
    const char *verdict;
    int64_t at_us;
    GHashTable *pictures; /* "ITEM CONTENT" -> hash of the picture */
} Board;

struct BcBoards { /* g_rc_box */
    BcBroadcast *broadcast;
    MdStore *store;
    GHashTable *boards;   /* device -> Board* */
    GHashTable *items;    /* id -> BcBoardItem* */
    GHashTable *watches;  /* area -> Watch* */
    BcBoardsFn changed;
    void *user;
};

static const char *const kinds[] = {"text", "scroll", "image", "video", "stream", "clock"};

const char *bc_board_kind_to_string(BcBoardKind kind)
{
    return (unsigned)kind < BC_BOARD_KIND_MAX ? kinds[kind] : NULL;
}

BcBoardKind bc_board_kind_from_string(const char *name)
{
    for (unsigned i = 0; name && i < BC_BOARD_KIND_MAX; i++)
        if (g_str_equal(name, kinds[i]))
            return (BcBoardKind)i;
    return BC_BOARD_KIND_MAX;
}

static void free_board(gpointer data)
{
    Board *board = data;
    g_free(board->device);
    g_free(board->key_hash);
    g_free(board->item);
    g_hash_table_unref(board->pictures);
    g_free(board);
}

static void free_item(gpointer data)
{
    BcBoardItem *item = data;
    const char *const strings[] = {item->id,   item->area,       item->title,     item->body,      item->colour,
                                   item->file, item->media_type, item->background, item->created_by};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free((char *)strings[i]);
    g_free(item);
}

static BcBoardItem *copy_item(const BcBoardItem *item)
{
    BcBoardItem *copy = g_memdup2(item, sizeof *item);
    const char **strings[] = {&copy->id,   &copy->area,       &copy->title,      &copy->body,      &copy->colour,
                              &copy->file, &copy->media_type, &copy->background, &copy->created_by};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        *strings[i] = *strings[i] && **strings[i] ? g_strdup(*strings[i]) : NULL;
    return copy;
}

static void free_watch(gpointer data)
{
    Watch *watch = data;
    bc_ear_free(watch->ear);
    g_free(watch->area);
    g_free(watch->id);
    g_free(watch->title);
    g_free(watch->text);
    g_free(watch);
}

static void clear_boards(gpointer data)
{
    BcBoards *b = data;
    g_hash_table_unref(b->boards);
    g_hash_table_unref(b->items);
}

static void unref_boards(gpointer data)
{
    g_rc_box_release_full(data, clear_boards);
}

static Board *get_board(BcBoards *b, const char *device)
{
    Board *board = g_hash_table_lookup(b->boards, device);
    if (!board) {
        board = g_new0(Board, 1);
        board->device = g_strdup(device);
        board->pictures = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_hash_table_insert(b->boards, board->device, board);
    }
    return board;
}

static bool load_items(BcBoards *b, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(b->store), error,
                                         "SELECT id, area, kind, title, body, colour, background, file, media_type, seconds, from_us, to_us,"
                                         " from_s, to_s, created_us, created_by FROM bc_board_items", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcBoardItem item = {.id = md_rows_text(rows, 0), .area = md_rows_text(rows, 1), .kind = bc_board_kind_from_string(md_rows_text(rows, 2)),
                            .title = md_rows_text(rows, 3), .body = md_rows_text(rows, 4), .colour = md_rows_text(rows, 5),
                            .background = md_rows_text(rows, 6), .file = md_rows_text(rows, 7), .media_type = md_rows_text(rows, 8),
                            .seconds = (unsigned)md_rows_int(rows, 9), .from_us = md_rows_int(rows, 10), .to_us = md_rows_int(rows, 11),
                            .from_s = (unsigned)md_rows_int(rows, 12), .to_s = (unsigned)md_rows_int(rows, 13),
                            .created_us = md_rows_int(rows, 14), .created_by = md_rows_text(rows, 15)};
        BcBoardItem *copy = copy_item(&item);
        g_hash_table_replace(b->items, (char *)copy->id, copy);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

static bool load_keys(BcBoards *b, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(b->store), error, "SELECT device, key_hash FROM bc_boards", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure))
        get_board(b, md_rows_text(rows, 0))->key_hash = g_strdup(md_rows_text(rows, 1));
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

BcBoards *bc_boards_new(BcBroadcast *broadcast, MdStore *store, GError **error)
{
    BcBoards *b = g_rc_box_new0(BcBoards);
    b->broadcast = broadcast;
    b->store = store;
    b->boards = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_board);
    b->items = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_item);
    b->watches = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_watch);
    if (load_items(b, error) && load_keys(b, error))
        return b;
    bc_boards_free(b);
    return NULL;
}

void bc_boards_free(BcBoards *b)
{
    if (!b)
        return;
    b->changed = NULL;
    g_clear_pointer(&b->watches, g_hash_table_unref);
    unref_boards(b);
}

void bc_boards_set_changed(BcBoards *b, BcBoardsFn fn, void *user)
{
    b->changed = fn;
    b->user = user;
}

static void changed(BcBoards *b, const char *area)
{
    if (b->changed)
        b->changed(area, b->user);
}

/* --- keys --- */

typedef struct Key {
    char *device, *hash;
    int64_t now_us;
} Key;

static void free_key(gpointer data)
{
    g_free(((Key *)data)->device);
    g_free(((Key *)data)->hash);
    g_free(data);
}

static bool write_key(MdDb *db, gpointer data, GError **error)
{
    const Key *key = data;
    return md_db_run(db, error, "DELETE FROM bc_boards WHERE device = $1", "s", key->device) &&
           md_db_run(db, error, "INSERT INTO bc_boards (device, key_hash, made_us) VALUES ($1, $2, $3)", "ssi", key->device, key->hash,
                     key->now_us);
}

static void apply_key(gpointer owner, gpointer data)
{
    Board *board = get_board(owner, ((Key *)data)->device);
    g_free(board->key_hash);
    board->key_hash = g_strdup(((Key *)data)->hash);
}

void bc_boards_make_key(BcBoards *b, const char *device, char ret_key[BC_BOARD_KEY_CHARS + 1], BcDoneFn done, void *user)
{
    const BcDevice *found = bc_devices_find(bc_broadcast_devices(b->broadcast), device);
    uint8_t bytes[BC_BOARD_KEY_CHARS / 2];
    if (!found || found->kind != BC_DEVICE_BOARD) {
        g_autoptr(GError) error = g_error_new(BC_ERROR, BC_ERROR_NOT_FOUND, "there is no board %s", device);
        done(error, user);
        return;
    }
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        g_autoptr(GError) error = g_error_new(BC_ERROR, BC_ERROR_FAILED, "no randomness for a key");
        done(error, user);
        return;
    }
    for (unsigned i = 0; i < sizeof bytes; i++)
        g_snprintf(ret_key + 2 * i, 3, "%02x", bytes[i]);
    Key *key = g_new0(Key, 1);
    *key = (Key){g_strdup(device), g_compute_checksum_for_string(G_CHECKSUM_SHA256, ret_key, -1), bc_broadcast_wall_us(b->broadcast)};
    bc_write(b->store, write_key, key, free_key, b, unref_boards, apply_key, done, user);
}

bool bc_boards_check_key(const BcBoards *b, const char *device, const char *key)
{
    const Board *board = g_hash_table_lookup(b->boards, device);
    const BcDevice *found = bc_devices_find(bc_broadcast_devices(b->broadcast), device);
    if (!board || !board->key_hash || !key || strlen(key) != BC_BOARD_KEY_CHARS || !found || found->kind != BC_DEVICE_BOARD || !found->enabled)
        return false;
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, key, -1);
    return g_str_equal(hash, board->key_hash); /* of hashes: its time tells nothing of the key */
}

/* --- items --- */

static bool is_colour(const char *text)
{
    return !text || (strlen(text) == 7 && text[0] == '#' && strspn(text + 1, "0123456789abcdefABCDEF") == 6);
}

/* A path on this very server: a board shows nothing of other hosts. */
static bool is_own_path(const char *text)
{
    return text && text[0] == '/' && text[1] != '/' && !strchr(text, '\\') && strlen(text) <= 1000;
}

static bool check_item(const BcBoards *b, const BcBoardItem *item, GError **error)
{
    const char *why = NULL;
    bool has_file = item->kind == BC_BOARD_IMAGE || item->kind == BC_BOARD_VIDEO;
    if ((unsigned)item->kind >= BC_BOARD_KIND_MAX)
        why = "\"kind\" is text, scroll, image, video, stream or clock";
    else if (!bc_text_ok(item->title, 200))
        why = "\"title\" is 1 to 200 bytes of text";
    else if (item->body && (strlen(item->body) > 4000 || !g_utf8_validate(item->body, -1, NULL)))
        why = "\"body\" is at most 4000 bytes of text";
    else if (!is_colour(item->colour) || !is_colour(item->background))
        why = "a colour is given as \"#rrggbb\"";
    else if (has_file != (item->file != NULL))
        why = has_file ? "an image or a video needs its file: send it first" : "only an image or a video has a file";
    else if (item->kind == BC_BOARD_STREAM && !is_own_path(item->body))
        why = "\"body\" of a stream is a path on this server: \"/video/live.mp4\"";
    else if (item->seconds < 3 || item->seconds > 3600)
        why = "\"seconds\" lies between 3 and 3600";
    else if (item->from_s > 86400 || item->to_s > 86400 || (item->to_us && item->to_us <= item->from_us))
        why = "it ends before it begins, or later than the day";
    if (why)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "%s", why);
    else if (!bc_areas_find(bc_broadcast_areas(b->broadcast), item->area))
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no area %s", item->area ? item->area : "");
    else if (g_hash_table_size(b->items) >= BC_BOARD_ITEMS_MAX && !g_hash_table_contains(b->items, item->id))
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "there are %u items already: remove old ones", BC_BOARD_ITEMS_MAX);
    return !error || !*error;
}

static bool write_item(MdDb *db, gpointer data, GError **error)
{
    const BcBoardItem *i = data;
    return md_db_run(db, error, "DELETE FROM bc_board_items WHERE id = $1", "s", i->id) &&
           (!i->title || md_db_run(db, error,
                                   "INSERT INTO bc_board_items (id, area, kind, title, body, colour, background, file, media_type, seconds,"
                                   " from_us, to_us, from_s, to_s, created_us, created_by)"
                                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
                                   "sssssssssiiiiiis", i->id, i->area, bc_board_kind_to_string(i->kind), i->title, i->body, i->colour,
                                   i->background, i->file, i->media_type, (int64_t)i->seconds, i->from_us, i->to_us, (int64_t)i->from_s,
                                   (int64_t)i->to_s, i->created_us, i->created_by));
}

static void apply_item(gpointer owner, gpointer data)
{
    BcBoards *b = owner;
    const BcBoardItem *item = data;
    if (item->title) {
        BcBoardItem *copy = copy_item(item);
        g_hash_table_replace(b->items, (char *)copy->id, copy);
    } else {
        g_hash_table_remove(b->items, item->id);
    }
    changed(b, NULL);
}

void bc_boards_put_item(BcBoards *b, const BcBoardItem *item, char **ret_id, BcDoneFn done, void *user)
{
    g_autofree char *id = item->id ? g_strdup(item->id) : bc_new_id("b");
    BcBoardItem own = *item;
    GError *error = NULL;
    own.id = id;
    own.created_us = bc_broadcast_wall_us(b->broadcast);
    if (!check_item(b, &own, &error)) {
        done(error, user);
        g_error_free(error);
        return;
    }
    if (ret_id)
        *ret_id = g_strdup(id);
    bc_write(b->store, write_item, copy_item(&own), free_item, b, unref_boards, apply_item, done, user);
}

void bc_boards_remove_item(BcBoards *b, const char *id, BcDoneFn done, void *user)
{
    BcBoardItem gone = {.id = id}; /* without title: away with it */
    bc_write(b->store, write_item, copy_item(&gone), free_item, b, unref_boards, apply_item, done, user);
}

const BcBoardItem *bc_boards_find_item(const BcBoards *b, const char *id)
{
    return id ? g_hash_table_lookup(b->items, id) : NULL;
}

static int by_id(gconstpointer x, gconstpointer y)
{
    return strcmp((*(const BcBoardItem *const *)x)->id, (*(const BcBoardItem *const *)y)->id);
}

GPtrArray *bc_boards_items(const BcBoards *b, const char *area)
{
    GPtrArray *found = bc_table_values(b->items);
    for (unsigned i = found->len; area && i-- > 0;)
        if (!bc_areas_contains(bc_broadcast_areas(b->broadcast), ((BcBoardItem *)found->pdata[i])->area, area))
            g_ptr_array_remove_index_fast(found, i);
    g_ptr_array_sort(found, by_id);
    return found;
}

/* --- what sounds --- */

static void on_sound(const BcRun *run, void *user)
{
    Watch *w = user;
    const BcContent *content = run && run->content ? bc_contents_find(bc_broadcast_contents(w->boards->broadcast), run->content) : NULL;
    g_free(w->id);
    g_free(w->title);
    g_free(w->text);
    w->id = g_strdup(run ? run->id : NULL);
    w->title = g_strdup(run ? run->title : NULL);
    w->text = g_strdup(content ? content->text : NULL);
    w->priority = run ? run->priority : BC_NORMAL;
    w->start_us = run ? run->start_us : 0;
    w->drill = run && run->drill;
    changed(w->boards, w->area);
}

void bc_boards_now(BcBoards *b, const char *area, BcBoardNow *ret)
{
    Watch *w = g_hash_table_lookup(b->watches, area);
    if (!w && bc_areas_find(bc_broadcast_areas(b->broadcast), area)) {
        w = g_new0(Watch, 1);
        w->boards = b;
        w->area = g_strdup(area);
        g_hash_table_insert(b->watches, w->area, w);
        w->ear = bc_ear_new_deaf(b->broadcast, area, on_sound, w, NULL);
    }
    *ret = w ? (BcBoardNow){w->id, w->title, w->text, w->priority, w->start_us, w->drill} : (BcBoardNow){.priority = BC_NORMAL};
}

/* --- what boards say they show --- */

static char *hash_lines(const char *const *lines, unsigned n)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (unsigned i = 0; i < n; i++) {
        g_checksum_update(sum, (const guchar *)(lines[i] ? lines[i] : ""), lines[i] ? (gssize)strlen(lines[i]) : 0);
        g_checksum_update(sum, (const guchar *)"\n", 1);
    }
    return g_strdup(g_checksum_get_string(sum));
}

char *bc_board_content_hash(const BcBoardItem *item)
{
    const char *const lines[] = {bc_board_kind_to_string(item->kind), item->title, item->body, item->colour, item->background, item->file};
    return hash_lines(lines, G_N_ELEMENTS(lines));
}

/* What the board should have drawn from; NULL: there is no such thing. */
static char *expected_content(BcBoards *b, const BcDevice *device, const char *item)
{
    const BcBoardItem *found = bc_boards_find_item(b, item);
    if (found)
        return bc_board_content_hash(found);
    if (g_str_equal(item, "blank"))
        return hash_lines(&item, 1);
    BcBoardNow now;
    bc_boards_now(b, device->area, &now);
    g_autofree char *alert = now.title ? g_strconcat("alert:", now.id, NULL) : NULL;
    if (!alert || !g_str_equal(alert, item))
        return NULL;
    const char *const lines[] = {"alert", now.title, now.text};
    return hash_lines(lines, G_N_ELEMENTS(lines));
}

typedef struct Proof {
    char *board, *item, *picture, *expected;
    const char *verdict;
    int64_t shown_us;
} Proof;

static void free_proof(gpointer data)
{
    Proof *proof = data;
    g_free(proof->board);
    g_free(proof->item);
    g_free(proof->picture);
    g_free(proof->expected);
    g_free(proof);
}

static bool write_proof(MdDb *db, gpointer data, GError **error)
{
    const Proof *p = data;
    return md_db_run(db, error, "DELETE FROM bc_board_proofs WHERE board = $1 AND shown_us < $2", "si", p->board,
                     p->shown_us - PROOFS_KEPT_US) &&
           md_db_run(db, error, "DELETE FROM bc_board_proofs WHERE board = $1 AND shown_us = $2 AND item = $3", "sis", p->board, p->shown_us,
                     p->item) &&
           md_db_run(db, error, "INSERT INTO bc_board_proofs (board, item, shown_us, picture, expected, verdict) VALUES ($1, $2, $3, $4, $5, $6)",
                     "ssisss", p->board, p->item, p->shown_us, p->picture, p->expected, p->verdict);
}

/* Against the picture this board made of the same before. */
static const char *judge(Board *board, const char *item, const char *content, const char *picture, const char **ret_expected)
{
    g_autofree char *name = g_strjoin(" ", item, content, NULL);
    const char *before = g_hash_table_lookup(board->pictures, name);
    if (before) {
        *ret_expected = before;
        return g_str_equal(before, picture) ? "as-expected" : "picture-differs";
    }
    if (g_hash_table_size(board->pictures) >= PICTURES_MAX)
        g_hash_table_remove_all(board->pictures);
    g_hash_table_insert(board->pictures, g_steal_pointer(&name), g_strdup(picture));
    return "first";
}

const char *bc_boards_report(BcBoards *b, const char *device, const char *item, const char *content, const char *picture, bool moving,
                             int64_t shown_us)
{
    const BcDevice *found = bc_devices_find(bc_broadcast_devices(b->broadcast), device);
    Board *board = get_board(b, device);
    int64_t now = bc_broadcast_wall_us(b->broadcast);
    const char *expected = NULL, *verdict;
    int64_t least_us = g_strcmp0(board->item, item) == 0 ? REPORT_MIN_US : REPORT_ANY_US;
    if (!found || (now >= board->at_us && now - board->at_us < least_us))
        return "too-often";
    g_autofree char *should = expected_content(b, found, item);
    if (!should)
        verdict = "unknown-item";
    else if (!g_str_equal(should, content))
        verdict = "content-differs";
    else if (moving)
        verdict = "as-expected"; /* its content only: no two pictures of it are the same */
    else
        verdict = judge(board, item, content, picture, &expected);
    g_free(board->item);
    board->item = g_strdup(item);
    board->verdict = verdict;
    board->at_us = now;
    Proof *proof = g_new0(Proof, 1);
    *proof = (Proof){g_strdup(device), g_strdup(item), g_strdup(picture), g_strdup(expected), verdict, CLAMP(shown_us, now - PROOFS_KEPT_US, now)};
    bc_write(b->store, write_proof, proof, free_proof, b, unref_boards, NULL, NULL, NULL);
    return verdict;
}

void bc_boards_seen(const BcBoards *b, const char *device, BcBoardSeen *ret)
{
    const Board *board = g_hash_table_lookup(b->boards, device);
    *ret = board ? (BcBoardSeen){board->at_us, board->item, board->verdict} : (BcBoardSeen){0};
}
