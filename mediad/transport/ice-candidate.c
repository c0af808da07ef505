/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/transport/ice.h"

/* The next word of at most cap - 1 characters; false: none, or too long. */
static bool word(const char **at, char *ret, size_t cap)
{
    const char *p = *at + strspn(*at, " \t");
    size_t len = strcspn(p, " \t\r\n");
    if (len == 0 || len >= cap)
        return false;
    memcpy(ret, p, len);
    ret[len] = 0;
    *at = p + len;
    return true;
}

static bool number(const char **at, unsigned long max, unsigned long *ret)
{
    char text[16], *end;
    if (!word(at, text, sizeof text) || !isdigit((unsigned char)text[0]))
        return false;
    *ret = strtoul(text, &end, 10);
    return *end == 0 && *ret <= max;
}

static bool is_type(const char *text)
{
    return !strcmp(text, "host") || !strcmp(text, "srflx") || !strcmp(text, "prflx") ||
           !strcmp(text, "relay");
}

bool md_ice_candidate_check(const char *line, bool *ret_usable)
{
    static const char head[] = "candidate:";
    char foundation[33], transport[12], host[256], keyword[8], type[8];
    unsigned long component, priority, port;
    MdAddr addr;
    if (strnlen(line, MD_ICE_CANDIDATE_MAX + 1) > MD_ICE_CANDIDATE_MAX ||
        strncmp(line, head, sizeof head - 1) != 0)
        return false;
    for (const char *p = line; *p; p++) /* one line of visible characters: it goes into parsers further on */
        if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
            return false;
    line += sizeof head - 1;
    if (!word(&line, foundation, sizeof foundation) || !number(&line, 256, &component) || component == 0 ||
        !word(&line, transport, sizeof transport) || !number(&line, 0xffffffff, &priority) ||
        !word(&line, host, sizeof host) || !number(&line, 65535, &port) ||
        !word(&line, keyword, sizeof keyword) || strcmp(keyword, "typ") != 0 ||
        !word(&line, type, sizeof type) || !is_type(type))
        return false;
    *ret_usable = component == 1 && strcasecmp(transport, "udp") == 0 && port != 0 && host[0] != '[' &&
                  !strchr(host, '%') && md_addr_from_host(&addr, host, (uint16_t)port) == 0 &&
                  !md_addr_is_any(&addr) && !md_addr_is_multicast(&addr);
    return true;
}
