/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/content.h"
#include "mediad/core/log.h"

/* What devices fetch: the MP3 of each recording with the SHA-256 and length of the file itself, for manifests and commands name files by
 * what is in them. Read once (on a thread of its own, or at once where it is urgent) and kept in the store. Control thread. */
typedef struct BcMedia BcMedia;

#define BC_MEDIA_PROFILE "programme.mp3"
#define BC_MEDIA_TYPE "audio/mpeg"
#define BC_MEDIA_URGENT_MAX (32ll << 20) /* bytes that are read at once on control */

typedef struct BcMediaFile {
    char sha256[65];
    int64_t bytes;
} BcMediaFile;

/* on_ready: recordings that were asked for have become known (several at once); look again. */
BcMedia *bc_media_new(MdStore *store, BcContents *contents, void (*on_ready)(void *user), void *user, const MdLogger *logger, GError **error);
void bc_media_free(BcMedia *media);
/* NULL: not known yet (on_ready follows), or there is no such file. urgent: rather read it now. Borrowed until control returns. */
const BcMediaFile *bc_media_find(BcMedia *media, const char *content, bool urgent);
/* The same without asking for it: is it named by some manifest or command? */
const BcMediaFile *bc_media_known(const BcMedia *media, const char *content);
/* Path under the media base ("CONTENT/programme.mp3"); g_free. */
char *bc_media_path(const char *content);
