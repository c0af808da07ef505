/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/api/nouns.h"

/* What recordings.c and streams.c share. */
typedef struct MdApiRecordings {
    MdApi *api;
    MdRecordings *recordings;
    MdStreams *streams;
    MdConference *conference;
} MdApiRecordings;

/* What an error of recordings and streams means. */
void md_api_recording_error(MdApiRequest *request, const GError *error);
void md_api_stream_routes(MdApiRecordings *a);
