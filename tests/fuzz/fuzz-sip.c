/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One message against the registrar, its guard and the writers: first as it is, then signed with a right password, so that
 * what lies behind the sign-in is reached too. */
#include "tests/fuzz/fuzz.h"
#include "tests/fixtures/sip-desk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SipDesk *desk = sip_desk_new(&(SgGuardOptions){0});
    char *line, *message, *text;
    size_t len;
    SgUri uri;

    desk->offered = size % 3;
    sip_desk_give(desk, (const char *)data, size);
    line = desk->code == 401 ? sip_desk_authorization(desk, "thon1", "mat khau 1", 1) : NULL;
    if (line) {
        message = sip_desk_insert((const char *)data, size, line, &len);
        sip_desk_give(desk, message, len);
        desk->now_us += 1000;
        sip_desk_give(desk, message, len); /* a retransmission must not trip anything */
        g_free(message);
        g_free(line);
    }
    g_assert_cmpuint(sg_location_count(desk->location), <=, 3);
    text = g_strndup((const char *)data, size);
    sg_uri_parse(&uri, text);
    g_free(text);
    sip_desk_free(desk);
    return 0;
}
