/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"

/* Boards (bảng tin điện tử): devices of kind "board", each a web page with a key of its own, and what they show. Control thread. */
typedef struct BcBoards BcBoards;

typedef enum BcBoardKind {
    BC_BOARD_TEXT, BC_BOARD_SCROLL, BC_BOARD_IMAGE, BC_BOARD_VIDEO, BC_BOARD_STREAM /* body: an address on this server */, BC_BOARD_CLOCK,
    BC_BOARD_KIND_MAX } BcBoardKind;
const char *bc_board_kind_to_string(BcBoardKind kind); /* "text", "scroll", "image", "video", "stream", "clock"; NULL out of range */
BcBoardKind bc_board_kind_from_string(const char *name); /* BC_BOARD_KIND_MAX: unknown */

typedef struct BcBoardItem {  /* strings owned by the registry, valid until control returns to the main loop; NULL: none */
    const char *id;           /* NULL on the way in: a new one is made */
    const char *area;         /* shown by every board in its subtree */
    BcBoardKind kind;
    const char *title;        /* 1..200 bytes */
    const char *body;         /* up to 4000 bytes */
    const char *colour, *background; /* "#rrggbb", NULL: white on dark blue */
    const char *file, *media_type;   /* image and video: SHA-256 of the file, and what it is */
    unsigned seconds;         /* 3..3600 each time */
    int64_t from_us, to_us;   /* wall; 0 open */
    unsigned from_s, to_s;    /* of the day, in the zone of broadcast; to 0: the whole day; from after to: over midnight */
    int64_t created_us;
    const char *created_by;
} BcBoardItem;

typedef struct BcBoardNow {   /* what sounds in the area of a board; strings borrowed, NULL title: nothing */
    const char *id, *title, *text;
    BcPriority priority;
    int64_t start_us;
    bool drill;
} BcBoardNow;

typedef struct BcBoardSeen {  /* what a board said last */
    int64_t at_us;            /* wall; 0 never */
    const char *item, *verdict;
} BcBoardSeen;

#define BC_BOARD_ITEMS_MAX 5000u
#define BC_BOARD_KEY_CHARS 32

BcBoards *bc_boards_new(BcBroadcast *broadcast, MdStore *store, GError **error);
/* Before broadcast. */
void bc_boards_free(BcBoards *boards);
/* What boards of an area show has changed (area NULL: any). */
typedef void (*BcBoardsFn)(const char *area, void *user);
void bc_boards_set_changed(BcBoards *boards, BcBoardsFn fn, void *user);

/* A new key for a board; the old one is void. ret_key gets BC_BOARD_KEY_CHARS hex digits: shown once, only its hash is kept. */
void bc_boards_make_key(BcBoards *boards, const char *device, char ret_key[BC_BOARD_KEY_CHARS + 1], BcDoneFn done, void *user);
bool bc_boards_check_key(const BcBoards *boards, const char *device, const char *key);

/* Refused: bad fields, unknown area, too many. ret_id (g_free) is set at once. */
void bc_boards_put_item(BcBoards *boards, const BcBoardItem *item, char **ret_id, BcDoneFn done, void *user);
void bc_boards_remove_item(BcBoards *boards, const char *id, BcDoneFn done, void *user);
const BcBoardItem *bc_boards_find_item(const BcBoards *boards, const char *id);
/* By id: all, or those a board of this area shows. Unref. */
GPtrArray *bc_boards_items(const BcBoards *boards, const char *area);
void bc_boards_now(BcBoards *boards, const char *area, BcBoardNow *ret);

/* A board says what it shows: item (or "alert:ID", "blank"), the hash of what it drew from (bc_board_content_hash) and of the picture
 * itself. Returns the verdict (static): "as-expected", "first", "content-differs", "picture-differs", "unknown-item", "too-often" (not kept). The picture is
 * compared with the one this board made of the same content before: drawing differs from machine to machine. */
const char *bc_boards_report(BcBoards *boards, const char *device, const char *item, const char *content, const char *picture,
                             bool moving, int64_t shown_us);
void bc_boards_seen(const BcBoards *boards, const char *device, BcBoardSeen *ret);
/* SHA-256 over kind, title, body, colour, background and file, each ended by a line feed. g_free. */
char *bc_board_content_hash(const BcBoardItem *item);
