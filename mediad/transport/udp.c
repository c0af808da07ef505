/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/transport/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>
#include <unistd.h>

int md_udp_open(const MdAddr *local, MdAddr *ret_bound)
{
    if (!local->len)
        return -EINVAL;
    int fd = socket(local->ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int one = 1;
    /* Each family has its own socket, so that one port number serves both. */
    if (local->ss.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&local->ss, local->len) < 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    if (ret_bound) {
        *ret_bound = (MdAddr){.len = sizeof ret_bound->ss};
        getsockname(fd, (struct sockaddr *)&ret_bound->ss, &ret_bound->len);
    }
    return fd;
}

int md_udp_set_dscp(int fd, int dscp)
{
    if (dscp < 0 || dscp > 63)
        return -EINVAL;
    int family = 0, tos = dscp << 2;
    socklen_t len = sizeof family;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0)
        return -errno;
    int rc = family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos)
                                : setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
    return rc < 0 ? -errno : 0;
}

int md_udp_set_buffers(int fd, unsigned receive_bytes, unsigned send_bytes)
{
    int r = (int)receive_bytes, s = (int)send_bytes;
    if (r > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &r, sizeof r) < 0)
        return -errno;
    if (s > 0 && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &s, sizeof s) < 0)
        return -errno;
    return 0;
}

int md_udp_send(int fd, const MdAddr *to, const void *data, size_t len)
{
    /* An ICMP error of an earlier packet is reported (and cleared) by the next call: try once more. */
    for (int attempt = 0; attempt < 2; attempt++) {
        if (sendto(fd, data, len, MSG_NOSIGNAL, (const struct sockaddr *)&to->ss, to->len) >= 0)
            return 0;
        if (errno != ECONNREFUSED && errno != EINTR)
            return -errno;
    }
    return 0;
}

int md_udp_receive(int fd, MdAddr *ret_from, void *buf, size_t cap)
{
    for (int attempt = 0; attempt < 4; attempt++) {
        struct iovec iov = {buf, cap};
        struct msghdr msg = {
            .msg_name = &ret_from->ss, .msg_namelen = sizeof ret_from->ss, .msg_iov = &iov, .msg_iovlen = 1};
        ssize_t n = recvmsg(fd, &msg, 0);
        if (n >= 0) {
            ret_from->len = msg.msg_namelen;
            return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : (int)n;
        }
        if (errno != ECONNREFUSED && errno != EINTR)
            return -errno;
    }
    return -EAGAIN;
}

int md_udp_send_batch(int fd, const MdUdpMessage *messages, unsigned n)
{
    struct mmsghdr msgs[MD_UDP_BATCH_MAX];
    struct iovec iov[MD_UDP_BATCH_MAX];
    unsigned sent = 0;
    while (sent < n) {
        unsigned count = n - sent < MD_UDP_BATCH_MAX ? n - sent : MD_UDP_BATCH_MAX;
        for (unsigned i = 0; i < count; i++) {
            const MdUdpMessage *m = &messages[sent + i];
            iov[i] = (struct iovec){(void *)(uintptr_t)m->data, m->len};
            msgs[i].msg_hdr = (struct msghdr){.msg_name = (void *)(uintptr_t)&m->to->ss,
                                              .msg_namelen = m->to->len,
                                              .msg_iov = &iov[i],
                                              .msg_iovlen = 1};
            msgs[i].msg_len = 0;
        }
        int rc = sendmmsg(fd, msgs, count, MSG_NOSIGNAL);
        if (rc < 0 && (errno == EINTR || errno == ECONNREFUSED))
            continue;
        if (rc < 0)
            return sent ? (int)sent : -errno;
        sent += (unsigned)rc;
        if ((unsigned)rc < count)
            break;
    }
    return (int)sent;
}
