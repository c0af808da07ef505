/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdint.h>
#include "mediad/core/clock.h"
#include "mediad/transport/addr.h"

/* Even/odd RTP and RTCP socket pairs out of [min, max], per local address. Thread: any (one short internal lock; not
 * for use inside a tick). */
typedef struct MdPortPool MdPortPool;

typedef struct MdPortPoolOptions {
    uint16_t min_port, max_port;   /* 1024..65535, at least one even/odd pair */
    unsigned max_pairs;            /* over all addresses; 0: no limit but the range */
    int dscp;                      /* 0..63 put on every packet; 0: none (46 is EF, 34 AF41) */
    unsigned receive_buffer, send_buffer; /* bytes asked of the kernel; 0: 262144 */
    int64_t reuse_delay_us;        /* a closed pair rests so long, so that stragglers of the old call miss the new; 0: 2 s, <0: none */
    const MdClock *clock;          /* NULL: system */
} MdPortPoolOptions;

typedef struct MdPortPair {
    int rtp_fd, rtcp_fd;           /* non-blocking, close-on-exec; -1 when closed */
    MdAddr rtp, rtcp;              /* as bound */
} MdPortPair;

/* NULL with errno EINVAL (range) or ENOMEM. */
MdPortPool *md_port_pool_new(const MdPortPoolOptions *options);
void md_port_pool_free(MdPortPool *pool); /* NULL is fine; open pairs must have been closed */
/* local: address to bind, its port is ignored. 0; -EADDRINUSE: no pair free; -EADDRNOTAVAIL, -EAFNOSUPPORT, -EMFILE …;
 * -ENOBUFS: more than 16 local addresses. */
int md_port_pool_open(MdPortPool *pool, const MdAddr *local, MdPortPair *ret);
/* Closes both sockets, sets fds to -1. Closing a closed pair does nothing. */
void md_port_pool_close(MdPortPool *pool, MdPortPair *pair);
unsigned md_port_pool_in_use(MdPortPool *pool);
unsigned md_port_pool_capacity(const MdPortPool *pool); /* pairs per address */
