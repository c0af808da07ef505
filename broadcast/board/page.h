/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <glib.h>

/* The files of the kiosk page, which lie in the program itself: "board.html", "board.js", "board.css", "worker.js". Borrowed text of the type;
 * NULL: no such file. Unref the bytes. */
GBytes *bc_board_page(const char *file, const char **ret_type);
