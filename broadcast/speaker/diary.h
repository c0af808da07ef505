/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <glib.h>
#include "mediad/core/log.h"

/* The last log lines, for the server to ask for; they go to standard error too. Any thread. */
#define BC_DIARY_BYTES (48u * 1024)
typedef struct BcDiary BcDiary;
BcDiary *bc_diary_new(MdLog *log);
void bc_diary_free(BcDiary *diary);
/* Valid UTF-8 without control characters but line breaks and tabs; g_free. */
char *bc_diary_text(BcDiary *diary);
