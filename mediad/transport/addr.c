/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/transport/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int md_addr_from_host(MdAddr *ret, const char *host, uint16_t port)
{
    char text[MD_ADDR_TEXT_MAX];
    size_t n = host ? strlen(host) : 0;
    if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
        host++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof text)
        return -EINVAL;
    memcpy(text, host, n);
    text[n] = 0;

    MdAddr addr = {0};
    struct sockaddr_in *in4 = (struct sockaddr_in *)&addr.ss;
    if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
        in4->sin_family = AF_INET;
        in4->sin_port = htons(port);
        addr.len = sizeof *in4;
        *ret = addr;
        return 0;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr.ss;
    char *scope = strchr(text, '%');
    if (scope) {
        *scope++ = 0;
        in6->sin6_scope_id = if_nametoindex(scope);
        if (!in6->sin6_scope_id)
            return -EINVAL;
    }
    if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
        return -EINVAL;
    if (IN6_IS_ADDR_V4MAPPED(
            &in6->sin6_addr)) { /* sockets here are of one family: as IPv4 it can be sent to */
        MdAddr mapped = {.len = sizeof *in4};
        struct sockaddr_in *out = (struct sockaddr_in *)&mapped.ss;
        memcpy(&out->sin_addr, &in6->sin6_addr.s6_addr[12], 4);
        out->sin_family = AF_INET;
        out->sin_port = htons(port);
        *ret = mapped;
        return 0;
    }
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    addr.len = sizeof *in6;
    *ret = addr;
    return 0;
}

int md_addr_from_string(MdAddr *ret, const char *text)
{
    const char *colon = text ? strrchr(text, ':') : NULL;
    char host[MD_ADDR_TEXT_MAX];
    if (!colon || (size_t)(colon - text) >= sizeof host)
        return -EINVAL;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = 0;
    if (strchr(host, ':') && host[0] != '[')
        return -EINVAL;
    char *end;
    if (colon[1] < '0' || colon[1] > '9')
        return -EINVAL;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end || port > 65535)
        return -EINVAL;
    return md_addr_from_host(ret, host, (uint16_t)port);
}

char *md_addr_host(const MdAddr *addr, char *ret, size_t cap)
{
    ret[0] = 0;
    if (addr->len && addr->ss.ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)&addr->ss)->sin_addr, ret, (socklen_t)cap);
    else if (addr->len && addr->ss.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&addr->ss;
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
            inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], ret, (socklen_t)cap);
        else
            inet_ntop(AF_INET6, &in6->sin6_addr, ret, (socklen_t)cap);
    }
    return ret;
}

char *md_addr_to_string(const MdAddr *addr, char *ret, size_t cap)
{
    char host[MD_ADDR_TEXT_MAX];
    md_addr_host(addr, host, sizeof host);
    if (!host[0])
        ret[0] = 0;
    else
        snprintf(ret, cap, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, (unsigned)md_addr_port(addr));
    return ret;
}

bool md_addr_is_set(const MdAddr *addr)
{
    return addr->len != 0;
}

/* Address bytes with v4-mapped addresses reduced to IPv4; NULL when unset. */
static const uint8_t *address_bytes(const MdAddr *addr, size_t *ret_len)
{
    if (addr->len && addr->ss.ss_family == AF_INET) {
        *ret_len = 4;
        return (const uint8_t *)&((const struct sockaddr_in *)&addr->ss)->sin_addr;
    }
    if (addr->len && addr->ss.ss_family == AF_INET6) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *)&addr->ss)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(in6);
        *ret_len = mapped ? 4 : 16;
        return in6->s6_addr + (mapped ? 12 : 0);
    }
    *ret_len = 0;
    return NULL;
}

bool md_addr_is_v6(const MdAddr *addr)
{
    size_t len;
    address_bytes(addr, &len);
    return len == 16;
}

bool md_addr_is_any(const MdAddr *addr)
{
    size_t len;
    const uint8_t *bytes = address_bytes(addr, &len);
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return false;
    return len != 0;
}

bool md_addr_is_multicast(const MdAddr *addr)
{
    size_t len;
    const uint8_t *bytes = address_bytes(addr, &len);
    return len == 16 ? bytes[0] == 0xff : len == 4 && (bytes[0] & 0xf0) == 0xe0;
}

uint16_t md_addr_port(const MdAddr *addr)
{
    if (!addr->len)
        return 0;
    return ntohs(addr->ss.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&addr->ss)->sin6_port
                                                : ((const struct sockaddr_in *)&addr->ss)->sin_port);
}

void md_addr_set_port(MdAddr *addr, uint16_t port)
{
    if (addr->len && addr->ss.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&addr->ss)->sin6_port = htons(port);
    else if (addr->len)
        ((struct sockaddr_in *)&addr->ss)->sin_port = htons(port);
}

bool md_addr_host_equal(const MdAddr *a, const MdAddr *b)
{
    size_t a_len, b_len;
    const uint8_t *a_bytes = address_bytes(a, &a_len), *b_bytes = address_bytes(b, &b_len);
    return a_len && a_len == b_len && memcmp(a_bytes, b_bytes, a_len) == 0;
}

bool md_addr_equal(const MdAddr *a, const MdAddr *b)
{
    return md_addr_host_equal(a, b) && md_addr_port(a) == md_addr_port(b);
}
