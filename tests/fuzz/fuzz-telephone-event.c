/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "mediad/rtp/dtmf.h"

/* Input: rows of ten bytes: time, length, timestamp (4), payload (4). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    MdDtmfReceiver receiver;
    MdDtmfEvent events[MD_DTMF_EVENTS_MAX];
    int64_t now = 0;
    size_t told = 0, rows = 0;
    md_dtmf_receiver_init(&receiver, 8000);
    for (; size >= 10; data += 10, size -= 10, rows++) {
        now += data[0] * 1000;
        MdRtpPacket p = {.ts = md_get32(data + 2), .payload = data + 6, .payload_len = data[1] % 5};
        int n = md_dtmf_receive(&receiver, &p, now, events);
        if (n > MD_DTMF_EVENTS_MAX)
            abort();
        for (int i = 0; i < n; i++, told++)
            if (!strchr("0123456789*#ABCD!", events[i].digit))
                abort();
        told += md_dtmf_poll(&receiver, now + 60000, events);
    }
    if (told > rows) /* never more keys than packets */
        abort();
    return 0;
}
