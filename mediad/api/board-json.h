/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/api/broadcast-json.h"
#include "mediad/api/nouns.h"

/* What boards.c, board-state.c and board-items.c share. */
typedef struct MdApiBoards {
    MdApiBroadcast base;
    BcBoards *boards;
    char *dir;
    GPtrArray *streams; /* of Stream*: board-state.c */
    BcPlan *plan;       /* one for all boards: an alert shows on many at once, and planning for each of them would hold it up */
    int64_t plan_us;    /* monotonic */
    guint alive;
} MdApiBoards;

#define BOARD_HASH "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"}"
#define BOARD_ANY "{\"type\":\"object\"}"

/* --- board-state.c */
void md_api_add_board_state(MdApiBoards *b);
void md_api_board_state_clear(MdApiBoards *b);
unsigned md_api_board_streams(const MdApiBoards *b, const char *board); /* open ones of that board */

/* --- board-items.c */
void md_api_add_board_items(MdApiBoards *b);
JsonObject *md_api_board_item_json(const BcBoardItem *item);
