/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* What was written in fragments, whole or broken off, becomes an ordinary MP4 with its index in front and chapters. */
typedef struct MdChapter {
    int64_t start_us; /* from the beginning of the recording */
    char *title;
} MdChapter;

typedef struct MdFinished {
    int64_t duration_us, bytes;
    char sha256[65];
} MdFinished;

#define MD_FINISH_ERROR (md_finish_error_quark())
GQuark md_finish_error_quark(void);
typedef enum MdFinishError { MD_FINISH_ERROR_EMPTY /* nothing can be played of it */, MD_FINISH_ERROR_WRITE, MD_FINISH_ERROR_CANCELLED } MdFinishError;

/* Reads part, writes to (replaced), both durable when it returns true. chapters: in order of time, those beyond the end are left out. Any
 * thread; takes as long as copying the file. cancel may be NULL. */
bool md_finish(const char *part, const char *to, const MdChapter *chapters, unsigned n, const int *cancel, MdFinished *ret, GError **error);
