/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Another station's stream on its way through the loudspeaker: buffered two seconds, watched for silence, asked for again when it
 * failed. One thread; the stream is opened and let go elsewhere. */
typedef struct BcStation BcStation;
BcStation *bc_station_new(const char *url, int64_t silence_max_us);
void bc_station_free(BcStation *relay);
/* The next n (<= 4096) samples at server time now_us. False: the stream is not fit to be heard (not yet, failed, silent for too long); pcm
 * is silence then. A stream that came back is heard again once it has sounded for two seconds. */
bool bc_station_read(BcStation *relay, float *pcm, unsigned n, int64_t now_us);
/* Why not, static or as long as the relay; NULL it is well. */
const char *bc_station_trouble(const BcStation *relay);
/* Opens the stream anew when it is time. Not inside the render thread's block: it may take a moment. */
void bc_station_tend(BcStation *relay, int64_t now_us);
