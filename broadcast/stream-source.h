/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/source.h"
#include "mediad/core/log.h"

/* An HTTP(S) sound stream (Icecast MP3, AAC, Ogg …) fed into a live source: GStreamer decodes at the stream's own pace, a loss is
 * silence, and it is tried again with growing pauses until freed. Control thread. */
typedef struct BcStream BcStream;

/* false: BC_ERROR_INVALID: not http:// or https://, too long, with user information or control characters. */
bool bc_stream_check_url(const char *url, GError **error);
/* May mediad fetch from the host in url? hosts: names ("live.example.vn", "*.example.vn" for everything below), names or addresses with
 * a port ("127.0.0.1:8000", "[::1]:8000"), addresses; NULL or empty: none. A name that is listed is trusted with whatever it resolves
 * to; an address only when it is listed itself. false: BC_ERROR_INVALID, naming the setting. */
bool bc_url_allowed(const char *url, const char *const *hosts, const char *setting, GError **error);
BcStream *bc_stream_new(const char *url, BcSource *source, const MdLogger *logger, GError **error);
void bc_stream_free(BcStream *stream);
/* "connecting", "playing", "waiting to reconnect". */
const char *bc_stream_state(const BcStream *stream);
