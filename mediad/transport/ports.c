/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/transport/ports.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mediad/transport/udp.h"

#define HOSTS_MAX 16
#define BUFFER_DEFAULT 262144
#define REUSE_DEFAULT_US 2000000
#define IN_USE INT64_MAX

typedef struct PoolHost {
    MdAddr addr;
    unsigned next;       /* search starts here, so that ports rotate */
    int64_t *free_at_us; /* per pair: IN_USE, or when it may be taken again */
} PoolHost;

struct MdPortPool {
    /* immutable */
    MdPortPoolOptions options;
    uint16_t first; /* even */
    unsigned n_pairs;
    /* under lock */
    pthread_mutex_t lock;
    unsigned in_use;
    unsigned n_hosts;
    PoolHost hosts[HOSTS_MAX];
};

MdPortPool *md_port_pool_new(const MdPortPoolOptions *options)
{
    unsigned first = (options->min_port + 1u) & ~1u;
    if (options->min_port < 1024 || options->max_port <= first || options->dscp < 0 || options->dscp > 63) {
        errno = EINVAL;
        return NULL;
    }
    MdPortPool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->options = *options;
    if (!pool->options.clock)
        pool->options.clock = md_clock_system();
    if (!pool->options.receive_buffer)
        pool->options.receive_buffer = BUFFER_DEFAULT;
    if (!pool->options.send_buffer)
        pool->options.send_buffer = BUFFER_DEFAULT;
    if (!pool->options.reuse_delay_us)
        pool->options.reuse_delay_us = REUSE_DEFAULT_US;
    pool->first = (uint16_t)first;
    pool->n_pairs = (options->max_port - first + 1u) / 2;
    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

void md_port_pool_free(MdPortPool *pool)
{
    if (!pool)
        return;
    for (unsigned i = 0; i < pool->n_hosts; i++)
        free(pool->hosts[i].free_at_us);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static PoolHost *find_host(MdPortPool *pool, const MdAddr *addr)
{
    for (unsigned i = 0; i < pool->n_hosts; i++)
        if (md_addr_host_equal(&pool->hosts[i].addr, addr))
            return &pool->hosts[i];
    return NULL;
}

static PoolHost *add_host(MdPortPool *pool, const MdAddr *addr, int *ret_error)
{
    if (pool->n_hosts == HOSTS_MAX) {
        *ret_error = -ENOBUFS;
        return NULL;
    }
    int64_t *free_at_us = malloc(pool->n_pairs * sizeof *free_at_us);
    if (!free_at_us) {
        *ret_error = -ENOMEM;
        return NULL;
    }
    for (unsigned i = 0; i < pool->n_pairs; i++)
        free_at_us[i] = INT64_MIN;
    PoolHost *host = &pool->hosts[pool->n_hosts++];
    *host = (PoolHost){.addr = *addr, .free_at_us = free_at_us};
    return host;
}

static int open_one(const MdPortPool *pool, const MdAddr *host, uint16_t port, MdAddr *ret)
{
    *ret = *host;
    md_addr_set_port(ret, port);
    int fd = md_udp_open(ret, NULL);
    if (fd < 0)
        return fd;
    /* The kernel may give less than asked (rmem_max) and refuse a DSCP in a container: media flows all the
     * same. */
    md_udp_set_buffers(fd, pool->options.receive_buffer, pool->options.send_buffer);
    if (pool->options.dscp)
        md_udp_set_dscp(fd, pool->options.dscp);
    return fd;
}

static int open_pair(const MdPortPool *pool, const MdAddr *host, unsigned index, MdPortPair *ret)
{
    MdPortPair pair;
    uint16_t port = (uint16_t)(pool->first + 2 * index);
    pair.rtp_fd = open_one(pool, host, port, &pair.rtp);
    if (pair.rtp_fd < 0)
        return pair.rtp_fd;
    pair.rtcp_fd = open_one(pool, host, (uint16_t)(port + 1), &pair.rtcp);
    if (pair.rtcp_fd < 0) {
        close(pair.rtp_fd);
        return pair.rtcp_fd;
    }
    *ret = pair;
    return 0;
}

int md_port_pool_open(MdPortPool *pool, const MdAddr *local, MdPortPair *ret)
{
    int err = 0;
    int64_t now_us = md_clock_now_us(pool->options.clock);
    pthread_mutex_lock(&pool->lock);
    PoolHost *host = find_host(pool, local);
    if (!host)
        host = add_host(pool, local, &err);
    if (host && pool->options.max_pairs && pool->in_use >= pool->options.max_pairs)
        err = -EADDRINUSE;
    for (unsigned i = 0; host && !err && i < pool->n_pairs; i++) {
        unsigned index = (host->next + i) % pool->n_pairs;
        if (host->free_at_us[index] > now_us)
            continue;
        err = open_pair(pool, local, index, ret);
        if (err == -EADDRINUSE) { /* somebody else's socket: try the next */
            err = 0;
            continue;
        }
        if (!err) {
            host->free_at_us[index] = IN_USE;
            host->next = (index + 1) % pool->n_pairs;
            pool->in_use++;
        }
        pthread_mutex_unlock(&pool->lock);
        return err;
    }
    pthread_mutex_unlock(&pool->lock);
    return err ? err : -EADDRINUSE;
}

void md_port_pool_close(MdPortPool *pool, MdPortPair *pair)
{
    if (pair->rtp_fd < 0)
        return;
    close(pair->rtp_fd);
    close(pair->rtcp_fd);
    pair->rtp_fd = pair->rtcp_fd = -1;
    int64_t now_us = md_clock_now_us(pool->options.clock);
    int64_t delay_us = pool->options.reuse_delay_us > 0 ? pool->options.reuse_delay_us : 0;
    pthread_mutex_lock(&pool->lock);
    PoolHost *host = find_host(pool, &pair->rtp);
    unsigned index = (md_addr_port(&pair->rtp) - pool->first) / 2u;
    if (host && index < pool->n_pairs && host->free_at_us[index] == IN_USE) {
        host->free_at_us[index] = now_us + delay_us;
        pool->in_use--;
    }
    pthread_mutex_unlock(&pool->lock);
}

unsigned md_port_pool_in_use(MdPortPool *pool)
{
    pthread_mutex_lock(&pool->lock);
    unsigned n = pool->in_use;
    pthread_mutex_unlock(&pool->lock);
    return n;
}

unsigned md_port_pool_capacity(const MdPortPool *pool)
{
    return pool->n_pairs;
}
