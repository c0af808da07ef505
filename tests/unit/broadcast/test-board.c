/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Boards: keys, what they show where, what they say they show, restarts, and what sounds in their area. */
#include "broadcast/board/board.h"

#include <math.h>
#include "tests/unit/broadcast/bulletin-rig.h"

static char *key_of(BulletinRig *rig, BcBoards *boards, const char *device)
{
    Outcome o = {0};
    char *key = g_new0(char, BC_BOARD_KEY_CHARS + 1);
    bc_boards_make_key(boards, device, key, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
    return key;
}

static void put_board(BulletinRig *rig, const char *id, const char *area)
{
    Outcome o = {0};
    bc_devices_put(bc_broadcast_devices(rig->b), &(BcDevice){.id = id, .name = id, .area = area, .kind = BC_DEVICE_BOARD, .latitude = NAN,
                                                             .longitude = NAN, .enabled = true}, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
}

static int put_item(BcBoards *boards, const BcBoardItem *item, char **ret_id)
{
    Outcome o = {0};
    bc_boards_put_item(boards, item, ret_id, on_outcome, &o);
    int code = wait_outcome(&o);
    g_free(o.message);
    return code;
}

static void test_keys(void)
{
    BulletinRig rig;
    rig_init(&rig);
    put_board(&rig, "bang-1", "18100");
    g_autoptr(GError) error = NULL;
    BcBoards *boards = bc_boards_new(rig.b, rig.store, &error);
    g_assert_no_error(error);
    g_assert_false(bc_boards_check_key(boards, "bang-1", "")); /* none was made: nothing opens it */
    g_assert_false(bc_boards_check_key(boards, "bang-1", NULL));
    g_autofree char *old = key_of(&rig, boards, "bang-1"), *key = key_of(&rig, boards, "bang-1");
    g_assert_cmpuint(strlen(key), ==, BC_BOARD_KEY_CHARS);
    g_assert_false(bc_boards_check_key(boards, "bang-1", old));
    g_assert_true(bc_boards_check_key(boards, "bang-1", key));
    g_assert_false(bc_boards_check_key(boards, "loa-100", key));
    Outcome o = {0};
    char none[BC_BOARD_KEY_CHARS + 1];
    bc_boards_make_key(boards, "loa-100", none, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, BC_ERROR_NOT_FOUND); /* a loudspeaker is no board */
    g_free(o.message);
    bc_boards_free(boards);
    boards = bc_boards_new(rig.b, rig.store, NULL);
    g_assert_true(bc_boards_check_key(boards, "bang-1", key));
    bc_boards_free(boards);
    settle(&rig);
    rig_clear(&rig);
}

static void test_items(void)
{
    BulletinRig rig;
    rig_init(&rig);
    BcBoards *boards = bc_boards_new(rig.b, rig.store, NULL);
    const BcBoardItem bad[] = {
        {.area = "18100", .kind = BC_BOARD_TEXT, .title = "", .seconds = 10},
        {.area = "18100", .kind = BC_BOARD_TEXT, .title = "x", .seconds = 2},
        {.area = "18100", .kind = BC_BOARD_TEXT, .title = "x", .seconds = 10, .colour = "red"},
        {.area = "18100", .kind = BC_BOARD_IMAGE, .title = "x", .seconds = 10},
        {.area = "18100", .kind = BC_BOARD_TEXT, .title = "x", .seconds = 10, .file = "ab"},
        {.area = "18100", .kind = BC_BOARD_STREAM, .title = "x", .seconds = 10, .body = "https://elsewhere.example/"},
        {.area = "18100", .kind = BC_BOARD_STREAM, .title = "x", .seconds = 10, .body = "//elsewhere.example/"},
        {.area = "18100", .kind = BC_BOARD_TEXT, .title = "x", .seconds = 10, .from_us = 20, .to_us = 10},
        {.area = "18100", .kind = BC_BOARD_KIND_MAX, .title = "x", .seconds = 10},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_cmpint(put_item(boards, &bad[i], NULL), ==, BC_ERROR_INVALID);
    g_assert_cmpint(put_item(boards, &(BcBoardItem){.area = "99", .title = "x", .seconds = 10}, NULL), ==, BC_ERROR_NOT_FOUND);
    g_autofree char *all = NULL, *commune = NULL, *village = NULL;
    g_assert_cmpint(put_item(boards, &(BcBoardItem){.area = "42", .title = "Cả tỉnh", .seconds = 10}, &all), ==, -1);
    g_assert_cmpint(put_item(boards, &(BcBoardItem){.area = "18100", .title = "Xã", .body = "Nội dung", .colour = "#ffff00", .seconds = 10}, &commune),
                    ==, -1);
    g_assert_cmpint(put_item(boards, &(BcBoardItem){.area = "18100.1", .title = "Thôn", .seconds = 10}, &village), ==, -1);
    static const struct { const char *area; unsigned n; } seen[] = {{"18073", 1}, {"18100", 2}, {"18100.1", 3}, {"42", 1}, {NULL, 3}};
    for (unsigned i = 0; i < G_N_ELEMENTS(seen); i++) {
        g_autoptr(GPtrArray) items = bc_boards_items(boards, seen[i].area);
        g_assert_cmpuint(items->len, ==, seen[i].n);
    }
    Outcome o = {0};
    bc_boards_remove_item(boards, village, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
    bc_boards_free(boards);
    boards = bc_boards_new(rig.b, rig.store, NULL); /* a restart */
    g_autoptr(GPtrArray) items = bc_boards_items(boards, "18100.1");
    g_assert_cmpuint(items->len, ==, 2);
    g_assert_cmpstr(bc_boards_find_item(boards, commune)->body, ==, "Nội dung");
    g_assert_cmpstr(bc_boards_find_item(boards, commune)->colour, ==, "#ffff00");
    g_assert_null(bc_boards_find_item(boards, commune)->background);
    bc_boards_free(boards);
    settle(&rig);
    rig_clear(&rig);
}

static const char *report(BulletinRig *rig, BcBoards *boards, const char *item, const char *content, char picture)
{
    g_autofree char *hash = g_strnfill(64, picture);
    md_virtual_clock_advance(&rig->clock, 3 * S);
    const char *verdict = bc_boards_report(boards, "bang-1", item, content, hash, false, rig_wall(rig));
    settle(rig);
    return verdict;
}

/* What was drawn from is checked against what should be shown, the picture against the one before. */
static void test_proof(void)
{
    BulletinRig rig;
    rig_init(&rig);
    put_board(&rig, "bang-1", "18100");
    BcBoards *boards = bc_boards_new(rig.b, rig.store, NULL);
    g_autofree char *id = NULL;
    g_assert_cmpint(put_item(boards, &(BcBoardItem){.area = "18100", .title = "Xã", .body = "a", .seconds = 10}, &id), ==, -1);
    g_autofree char *content = bc_board_content_hash(bc_boards_find_item(boards, id));
    g_autofree char *by_hand = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "text\nXã\na\n\n\n\n", -1);
    g_assert_cmpstr(content, ==, by_hand);
    g_assert_cmpstr(report(&rig, boards, id, content, 'a'), ==, "first");
    g_assert_cmpstr(report(&rig, boards, id, content, 'a'), ==, "as-expected");
    g_assert_cmpstr(report(&rig, boards, id, content, 'b'), ==, "picture-differs");
    g_assert_cmpstr(report(&rig, boards, id, by_hand + 1, 'a'), ==, "content-differs");
    g_assert_cmpstr(report(&rig, boards, "b-nothing", content, 'a'), ==, "unknown-item");
    BcBoardSeen seen;
    bc_boards_seen(boards, "bang-1", &seen);
    g_assert_cmpstr(seen.item, ==, "b-nothing");
    g_assert_cmpint(seen.at_us, ==, rig_wall(&rig));
    g_assert_cmpstr(bc_boards_report(boards, "bang-1", "b-nothing", content, content, false, 0), ==, "too-often");
    g_assert_cmpstr(bc_boards_report(boards, "bang-1", "b-another", content, content, false, 0), ==, "too-often"); /* by turns neither */
    g_autofree char *blank = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "blank\n", -1);
    g_assert_cmpstr(report(&rig, boards, "blank", blank, '0'), ==, "first");
    put_area(&rig, "18200", "xa", "42"); /* when this is written, so is all before it */
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(rig.store), NULL, "SELECT COUNT(*) FROM bc_board_proofs WHERE board = 'bang-1'", "");
    g_assert_true(md_rows_next(rows, NULL));
    g_assert_cmpint(md_rows_int(rows, 0), ==, 6);
    g_clear_pointer(&rows, md_rows_free);
    bc_boards_free(boards);
    settle(&rig);
    rig_clear(&rig);
}

static void on_content(const BcContent *content, const GError *error, void *user)
{
    g_assert_no_error(error);
    *(char **)user = g_strdup(content->id);
}

static void note_change(const char *area, void *user)
{
    g_string_append_printf(user, "%s;", area ? area : "*");
}

/* An emergency in the area, and none elsewhere. */
static void test_emergency(void)
{
    BulletinRig rig;
    rig_init(&rig);
    BcBoards *boards = bc_boards_new(rig.b, rig.store, NULL);
    char *content = NULL;
    bc_contents_add_text(bc_broadcast_contents(rig.b), "Nước lũ đang lên nhanh, di dời ngay", "Lũ", NULL, on_content, &content);
    while (!content)
        g_main_context_iteration(NULL, TRUE);
    BcBoardNow now;
    bc_boards_now(boards, "18100.1", &now);
    g_assert_null(now.title);
    g_autoptr(GString) changes = g_string_new(NULL);
    bc_boards_set_changed(boards, note_change, changes);
    bc_boards_now(boards, "18073", &now);
    static const char *const areas[] = {"18100", NULL};
    bc_broadcast_play(rig.b, content, areas, BC_EMERGENCY, 1, 0, "XẢ LŨ", NULL, NULL, NULL);
    settle(&rig);
    bc_boards_now(boards, "18100.1", &now);
    g_assert_cmpstr(now.title, ==, "XẢ LŨ");
    g_assert_cmpstr(now.text, ==, "Nước lũ đang lên nhanh, di dời ngay");
    g_assert_cmpint(now.priority, ==, BC_EMERGENCY);
    g_assert_cmpint(now.start_us, >, rig_wall(&rig));
    g_assert_cmpstr(changes->str, ==, "18100.1;"); /* 18073 was told nothing */
    bc_boards_now(boards, "18073", &now);
    g_assert_null(now.title);
    bc_boards_now(boards, "42", &now); /* it goes to a part of the province only */
    g_assert_null(now.title);
    advance(&rig, 20 * S);
    bc_boards_now(boards, "18100.1", &now);
    g_assert_null(now.title);
    bc_boards_free(boards);
    g_free(content);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/board/keys", test_keys);
    g_test_add_func("/broadcast/board/items", test_items);
    g_test_add_func("/broadcast/board/proof", test_proof);
    g_test_add_func("/broadcast/board/emergency", test_emergency);
    return g_test_run();
}
