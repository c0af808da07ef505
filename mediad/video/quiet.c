/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/video/quiet.h"

#include <pthread.h>
#include <libavutil/log.h>

static void be_quiet(void)
{
    av_log_set_level(AV_LOG_QUIET);
}

void md_quiet_libavcodec(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, be_quiet);
}
