/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/types.h"

/* What people report: from the province's app (a channel with a key), or written down by an officer. Each report belongs to an area, is
 * given to somebody, answered, closed; an answer may become a bulletin. In the store only. Control thread. */
typedef enum BcFeedbackState { BC_FEEDBACK_NEW, BC_FEEDBACK_ASSIGNED, BC_FEEDBACK_ANSWERED, BC_FEEDBACK_CLOSED, BC_FEEDBACK_STATE_MAX } BcFeedbackState;
const char *bc_feedback_state_to_string(BcFeedbackState state); /* "new", "assigned", "answered", "closed" */
BcFeedbackState bc_feedback_state_from_string(const char *name); /* BC_FEEDBACK_STATE_MAX: unknown */

#define BC_FEEDBACK_TEXT_MAX 8000u  /* bytes */
#define BC_FEEDBACK_FILES_MAX 3u
#define BC_FEEDBACK_FILE_MAX (2u << 20)
#define BC_FEEDBACK_MAX 200000      /* reports kept */

typedef struct BcFeedback {         /* strings borrowed */
    const char *id, *area, *channel; /* channel: key or account it came by */
    const char *name, *phone;        /* of who reports; "" not told */
    const char *text;
    BcFeedbackState state;
    const char *assigned, *answer, *answered_by, *bulletin; /* "" none */
    int64_t created_us, changed_us, files;
} BcFeedback;

typedef struct BcFeedbackFile {
    const char *name, *media_type; /* one of bc_feedback_media_type_ok */
    GBytes *bytes;
} BcFeedbackFile;
bool bc_feedback_media_type_ok(const char *media_type); /* pictures, sound, film, PDF */

/* *ret_id (g_free) is set when it was not refused at once; done when it is durable. */
void bc_feedback_add(MdStore *store, const BcFeedback *feedback, const BcFeedbackFile *files, unsigned n, char **ret_id, BcDoneFn done, void *user);
/* Steps: ASSIGNED (text: to whom), ANSWERED (text: the answer), CLOSED (text: why, may be empty). A closed one stays closed; an answer may be
 * changed until then. */
void bc_feedback_step(MdStore *store, const char *id, BcFeedbackState to, const char *text, const char *who, int64_t now_us, BcDoneFn done, void *user);
void bc_feedback_set_bulletin(MdStore *store, const char *id, const char *bulletin, BcDoneFn done, void *user);

typedef void (*BcFeedbackFn)(const BcFeedback *feedback, void *user);
typedef struct BcFeedbackFilter {
    const char *id;              /* NULL: all */
    int state;                   /* BC_FEEDBACK_STATE_MAX: any */
    int64_t before_us;           /* 0: now */
    unsigned limit;
} BcFeedbackFilter;
/* Newest first. */
bool bc_feedback_list(MdStore *store, const BcFeedbackFilter *filter, BcFeedbackFn fn, void *user, GError **error);
/* Counts by state of everything. */
bool bc_feedback_counts(MdStore *store, int64_t ret[BC_FEEDBACK_STATE_MAX], GError **error);
/* One attachment, n from 0. NULL with BC_ERROR_NOT_FOUND or the store's error. */
GBytes *bc_feedback_file(MdStore *store, const char *id, unsigned n, char **ret_name, char **ret_media_type, GError **error);

extern const MdMigration bc_report_migrations[]; /* 380..389 */
extern const unsigned bc_n_report_migrations;
