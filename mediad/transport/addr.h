/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* A numeric IPv4 or IPv6 address with a port. A plain value: copy it. Thread: any. */
typedef struct MdAddr {
    struct sockaddr_storage ss;
    socklen_t len;               /* 0: unset */
} MdAddr;

#define MD_ADDR_TEXT_MAX 64      /* "[" 45 "%" scope "]:65535" NUL */

/* host: numeric only ("192.0.2.1", "2001:db8::1", "[2001:db8::1]", with %scope); never looked up. 0 or -EINVAL. */
int md_addr_from_host(MdAddr *ret, const char *host, uint16_t port);
/* "192.0.2.1:5004" or "[2001:db8::1]:5004". 0 or -EINVAL. */
int md_addr_from_string(MdAddr *ret, const char *text);
/* Host without brackets; "" when unset. Returns ret. */
char *md_addr_host(const MdAddr *addr, char *ret, size_t cap);
/* host:port, IPv6 in brackets; "" when unset. Returns ret. */
char *md_addr_to_string(const MdAddr *addr, char *ret, size_t cap);

bool md_addr_is_set(const MdAddr *addr);
bool md_addr_is_v6(const MdAddr *addr);          /* a v4-mapped address counts as IPv4 */
bool md_addr_is_any(const MdAddr *addr);         /* 0.0.0.0 or :: */
bool md_addr_is_multicast(const MdAddr *addr);
uint16_t md_addr_port(const MdAddr *addr);
void md_addr_set_port(MdAddr *addr, uint16_t port);
/* v4-mapped IPv6 equals its IPv4; scopes are not compared. */
bool md_addr_equal(const MdAddr *a, const MdAddr *b);      /* address and port */
bool md_addr_host_equal(const MdAddr *a, const MdAddr *b); /* address only */
