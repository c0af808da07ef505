/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a browser says: taken whole and within its bounds, or refused with a reason that can be read. */
#include <string.h>
#include "mediad/web/frame.h"
#include "tests/fuzz/fuzz.h"

static void bounded(const char *text, size_t max)
{
    if (text != NULL && (!g_utf8_validate(text, -1, NULL) || g_utf8_strlen(text, -1) > (glong)max))
        g_error("a field is out of bounds");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    MdWebFrame frame;
    g_autoptr(GError) error = NULL;
    if (!md_web_frame_parse(&frame, (const char *)data, size, &error)) {
        if (error == NULL || !g_utf8_validate(error->message, -1, NULL))
            g_error("refused without a reason");
        return 0;
    }
    if (error != NULL || frame.object == NULL)
        g_error("taken, and an error");
    bounded(frame.name, MD_WEB_NAME_MAX);
    bounded(frame.sdp, MD_WEB_SDP_MAX);
    bounded(frame.candidate, 512);
    bounded(frame.text, MD_WEB_CHAT_MAX);
    if ((frame.type == MD_WEB_OFFER || frame.type == MD_WEB_ANSWER) && frame.sdp == NULL)
        g_error("a description without one");
    if (frame.resume != NULL && !md_web_token_valid(frame.resume))
        g_error("a token that is none");
    md_web_frame_clear(&frame);
    return 0;
}
