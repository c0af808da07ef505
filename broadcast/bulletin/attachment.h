/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"

/* Files that belong to bulletins: pictures, sound, video, documents. Found by the SHA-256 of their bytes; what they are is told
 * by their content, never by their name. Control thread; reading and looking inside is done on a thread of its own. */
typedef struct BcAttachments BcAttachments;

typedef enum BcAttachmentKind { BC_ATTACHED_IMAGE, BC_ATTACHED_AUDIO, BC_ATTACHED_VIDEO, BC_ATTACHED_DOCUMENT, BC_ATTACHED_MAX,
                                BC_ATTACHED_INVALID = -1 } BcAttachmentKind;
const char *bc_attachment_kind_to_string(BcAttachmentKind kind); /* "image", "audio", "video", "document" */

/* What the first bytes and the build of a file say. */
typedef struct BcSniff {
    BcAttachmentKind kind;
    const char *media_type;      /* static: "image/png" */
    unsigned width, height;      /* of images */
    bool media;                  /* sound or video: GStreamer must look at it */
} BcSniff;
/* A whole file in memory. false: BC_ERROR_CONTENT, and what is wrong where ("the PNG image breaks off at byte 812 of …"). Any thread. */
bool bc_sniff(const uint8_t *data, gsize len, BcSniff *ret, GError **error);

typedef struct BcAttachment {    /* strings owned by the registry, valid until control returns to the main loop */
    const char *id;              /* SHA-256 in hex */
    const char *name;            /* as uploaded, NULL none */
    const char *media_type;
    BcAttachmentKind kind;
    int64_t bytes, duration_us;  /* 0: no length in time */
    int64_t width, height;       /* 0: no picture */
    int64_t created_us;
    const char *created_by, *area; /* area: of who uploaded it, "" the whole province */
} BcAttachment;

#define BC_ATTACHMENTS_MAX 100000u
#define BC_ATTACHMENT_JOBS_MAX 16u
#define BC_IMAGE_SIDE_MAX 20000u

typedef struct BcAttachmentOptions {
    const char *dir;             /* copied */
    int64_t image_max_bytes;     /* images and documents, 0: 20 MiB */
    int64_t media_max_bytes;     /* sound and video, 0: 512 MiB */
    int64_t total_max_bytes;     /* of all, 0: no limit */
    int64_t duration_max_us;     /* of sound and video, 0: 240 min */
    const MdClock *clock;
} BcAttachmentOptions;

/* What holds: no zeros but total_max_bytes. */
const BcAttachmentOptions *bc_attachments_limits(const BcAttachments *attachments);
BcAttachments *bc_attachments_new(MdStore *store, const BcAttachmentOptions *options, GError **error);
void bc_attachments_free(BcAttachments *attachments); /* waits for what is being taken in */

/* Takes a copy of the file. The same bytes again are the same attachment. done may be NULL. */
typedef void (*BcAttachmentDoneFn)(const BcAttachment *attachment, const GError *error, void *user);
void bc_attachments_add(BcAttachments *attachments, const char *path, const char *name, const char *created_by, const char *area,
                        BcAttachmentDoneFn done, void *user);
const BcAttachment *bc_attachments_find(const BcAttachments *attachments, const char *id);
GPtrArray *bc_attachments_list(const BcAttachments *attachments); /* newest first; unref */
char *bc_attachments_path(const BcAttachments *attachments, const char *id); /* g_free */
/* Refused with IN_USE while a version of a bulletin names it. */
void bc_attachments_remove(BcAttachments *attachments, const char *id, BcDoneFn done, void *user);
unsigned bc_attachments_pending(const BcAttachments *attachments);
