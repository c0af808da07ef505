/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/core/hash.h"
#include <string.h>
#include <sys/random.h>
#include <time.h>

MdHashKey md_hash_key_random(void)
{
    MdHashKey key;
    if (getrandom(&key, sizeof key, 0) != sizeof key) {
        struct timespec ts; /* only where the kernel has no random source at all: still differs per start */
        clock_gettime(CLOCK_REALTIME, &ts);
        key = (MdHashKey){(uint64_t)ts.tv_nsec * 0x9e3779b97f4a7c15u, (uint64_t)ts.tv_sec};
    }
    return key;
}

static inline uint64_t rotl(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

typedef struct Sip {
    uint64_t a, b, c, d;
} Sip;

static inline void sip_round(Sip *s)
{
    s->a += s->b;
    s->c += s->d;
    s->b = rotl(s->b, 13) ^ s->a;
    s->d = rotl(s->d, 16) ^ s->c;
    s->a = rotl(s->a, 32);
    s->c += s->b;
    s->a += s->d;
    s->b = rotl(s->b, 17) ^ s->c;
    s->d = rotl(s->d, 21) ^ s->a;
    s->c = rotl(s->c, 32);
}

uint64_t md_hash(MdHashKey key, const void *data, size_t len)
{
    Sip s = {key.k0 ^ 0x736f6d6570736575u, key.k1 ^ 0x646f72616e646f6du, key.k0 ^ 0x6c7967656e657261u,
             key.k1 ^ 0x7465646279746573u};
    const uint8_t *p = data;
    size_t left = len;
    for (; left >= 8; p += 8, left -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        s.d ^= word;
        sip_round(&s);
        s.a ^= word;
    }
    uint64_t last = (uint64_t)len << 56;
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)p[i] << (8 * i);
    s.d ^= last;
    sip_round(&s);
    s.a ^= last;
    s.c ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}
