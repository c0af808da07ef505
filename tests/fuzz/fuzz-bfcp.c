/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages of a device to the server of floors: as a datagram, and cut out of a stream. */
#include "sip/bfcp.h"
#include "tests/fuzz/fuzz.h"

static void on_send(const SgBfcpPath *path, const uint8_t *data, size_t len, void *user)
{
    g_assert_cmpint(sg_bfcp_message_len(data, len), ==, (int)len);
}

static void on_request(uint64_t call, bool wanted, void *user)
{
    SgBfcp *bfcp = *(SgBfcp **)user;

    sg_bfcp_content(bfcp, call, wanted ? MD_CALL_CONTENT_YOURS : MD_CALL_CONTENT_FREE, NULL, 1);
}

static void run(const uint8_t *data, size_t size, bool stream)
{
    SgBfcp *bfcp = NULL;
    SgBfcpOptions options = {.send = on_send, .on_request = on_request, .user = &bfcp};
    MdCallFloor floor = {.stream = stream, .conference = 1, .user = 1, .floor = 1};
    SgBfcpPath path = {.stream = stream, .conn = 1};
    int64_t now_us = 1;

    sa_set_str(&path.address, "192.0.2.9", 5070);
    bfcp = sg_bfcp_new(&options);
    sg_bfcp_open(bfcp, 1, &floor, &path.address, &path.address);
    if (!stream)
        sg_bfcp_receive(bfcp, &path, data, size, now_us);
    for (size_t at = 0; at < size;) {
        int len = sg_bfcp_message_len(data + at, size - at);
        if (len <= 0)
            break;
        sg_bfcp_receive(bfcp, &path, data + at, (size_t)len, now_us);
        at += (size_t)len;
        now_us += 100000;
        sg_bfcp_tick(bfcp, now_us);
    }
    sg_bfcp_free(bfcp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run(data, size, false);
    run(data, size, true);
    return 0;
}
