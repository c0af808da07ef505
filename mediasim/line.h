/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/core/worker.h"
#include "mediad/leg/negotiate.h"
#include "mediad/rtp/packet.h"
#include "mediad/transport/ports.h"
#include "mediad/transport/srtp.h"
#include "mediasim/impair.h"

/* A media thread of the simulator with its two bad lines, and one media line (RTP + RTCP) of an endpoint.
 * Worker thread, except where said. */
typedef struct SimThread {
    MdWorker *worker;
    SimImpair *out, *in;
    MdTimer impair_timer;
    uint8_t buffer[MD_RTP_PACKET_MAX + 600];
} SimThread;

typedef struct SimLine SimLine;
/* A packet, decrypted. rtcp tells which. */
typedef void (*SimPacketFn)(SimLine *line, bool rtcp, uint8_t *data, size_t len, int64_t now_us);

struct SimLine {
    SimThread *thread;
    MdPortPool *ports;
    MdPortPair pair;
    MdWatch rtp_watch, rtcp_watch;
    MdAddr remote, remote_rtcp;
    bool rtcp_mux, open;
    bool latched_key; /* tx/rx are of these keys */
    MdSrtpKey tx_key, rx_key;
    MdSrtp *tx, *rx; /* NULL: plain */
    SimPacketFn on_packet;
    void *owner;
    uint64_t sent, received, rejected;
};

/* Main thread, before the worker starts / after it stopped. */
int sim_thread_init(SimThread *thread, const MdWorkerOptions *worker, const SimImpairOptions *out,
                    const SimImpairOptions *in);
void sim_thread_clear(SimThread *thread);
/* Worker: after packets were put on the bad lines. */
void sim_thread_rearm(SimThread *thread);

/* Main thread: takes ports. 0 or -errno. */
int sim_line_init(SimLine *line, SimThread *thread, MdPortPool *ports, const MdAddr *local,
                  SimPacketFn on_packet, void *owner);
void sim_line_clear(SimLine *line);
/* Worker: starts or changes towards what was agreed. 0 or -errno. */
int sim_line_open(SimLine *line, const MdAgreedMedia *agreed);
void sim_line_close(SimLine *line);
/* Worker: data has room for MD_SRTP_OVERHEAD_MAX behind len. */
void sim_line_send(SimLine *line, bool rtcp, uint8_t *data, size_t len, int64_t now_us);
