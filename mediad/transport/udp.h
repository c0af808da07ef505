/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "mediad/transport/addr.h"

/* Datagrams in and out. One system call per packet costs the same as batches on today's kernels (measured), so
 * batches exist for callers that have them ready anyway. Thread: any; no allocation, no lock. */
#define MD_UDP_PACKET_MAX 2048 /* receive buffers: larger datagrams are cut and refused */
#define MD_UDP_BATCH_MAX 64

typedef struct MdUdpMessage {
    const MdAddr *to;
    const uint8_t *data;
    size_t len;
} MdUdpMessage;

/* A non-blocking socket bound to local; on success *ret_bound (may be NULL) tells the port taken. fd or -errno. */
int md_udp_open(const MdAddr *local, MdAddr *ret_bound);
int md_udp_set_dscp(int fd, int dscp);                 /* 0 or -errno */
int md_udp_set_buffers(int fd, unsigned receive_bytes, unsigned send_bytes);

/* 0, -EAGAIN (full), or another -errno. ICMP errors of earlier packets are swallowed. */
int md_udp_send(int fd, const MdAddr *to, const void *data, size_t len);
/* Bytes received (0 is a lawful datagram), -EAGAIN when there is none, -EMSGSIZE when it did not fit (dropped). */
int md_udp_receive(int fd, MdAddr *ret_from, void *buf, size_t cap);
/* Sends n messages in order; returns how many the kernel took, or -errno when not even the first. */
int md_udp_send_batch(int fd, const MdUdpMessage *messages, unsigned n);
