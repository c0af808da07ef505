/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounded queue with a sequence number per cell: a poster claims a position by compare-and-swap, fills the cell and
 * publishes it by its sequence; the one reader takes cells in order and gives them back one lap ahead. */
#include "mediad/core/mailbox.h"
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CAPACITY_MAX (1u << 22)
#define CLAIM_WAIT_US 50

struct MdMailCell {
    _Atomic unsigned sequence; /* == position: free for the poster of that position; position + 1: filled */
    unsigned position;
    MdMailFn fn;
    size_t len;
    alignas(16) uint8_t payload[MD_MAIL_PAYLOAD_MAX];
};

struct MdMailbox {
    /* immutable */
    int fd;
    unsigned mask;
    MdMailCell *cells;
    /* posters */
    alignas(64) _Atomic unsigned tail;
    _Atomic bool signalled; /* the eventfd was written since the reader last looked */
    /* reader */
    alignas(64) unsigned head;
};

MdMailbox *md_mailbox_new(unsigned capacity)
{
    if (capacity == 0 || capacity > CAPACITY_MAX) {
        errno = EINVAL;
        return NULL;
    }
    unsigned rounded = 2;
    while (rounded < capacity)
        rounded <<= 1;
    MdMailbox *m = aligned_alloc(alignof(MdMailbox), sizeof *m);
    if (!m)
        return NULL;
    memset(m, 0, sizeof *m);
    m->mask = rounded - 1;
    m->cells = aligned_alloc(alignof(MdMailCell), sizeof *m->cells * rounded);
    m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!m->cells || m->fd < 0) {
        md_mailbox_free(m);
        return NULL;
    }
    for (unsigned i = 0; i < rounded; i++)
        atomic_init(&m->cells[i].sequence, i);
    return m;
}

void md_mailbox_free(MdMailbox *m)
{
    if (!m)
        return;
    int saved = errno;
    if (m->fd >= 0)
        close(m->fd);
    free(m->cells);
    free(m);
    errno = saved;
}

int md_mailbox_fd(const MdMailbox *m)
{
    return m->fd;
}

void md_mailbox_wake(MdMailbox *m)
{
    /* A read-modify-write on both sides: if the old value was true, the reader has not cleared it yet and will see
     * what was published before this line. */
    if (atomic_exchange_explicit(&m->signalled, true, memory_order_acq_rel))
        return;
    uint64_t one = 1;
    ssize_t n = write(m->fd, &one, sizeof one); /* cannot block: the counter never nears its limit */
    (void)n;
}

MdMailCell *md_mailbox_claim(MdMailbox *m)
{
    unsigned position = atomic_load_explicit(&m->tail, memory_order_relaxed);
    for (;;) {
        MdMailCell *cell = &m->cells[position & m->mask];
        unsigned sequence = atomic_load_explicit(&cell->sequence, memory_order_acquire);
        int lead = (int)(sequence - position);
        if (lead < 0)
            return NULL; /* still holds the mail of one lap ago */
        if (lead > 0) {
            position = atomic_load_explicit(&m->tail, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(&m->tail, &position, position + 1, memory_order_relaxed,
                                                         memory_order_relaxed)) {
            cell->position = position;
            return cell;
        }
    }
}

void md_mailbox_commit(MdMailbox *m, MdMailCell *cell, MdMailFn fn, const void *payload, size_t len)
{
    cell->fn = fn;
    cell->len = len;
    if (len)
        memcpy(cell->payload, payload, len);
    atomic_store_explicit(&cell->sequence, cell->position + 1, memory_order_release);
    md_mailbox_wake(m);
}

int md_mailbox_post(MdMailbox *m, MdMailFn fn, const void *payload, size_t len)
{
    if (len > MD_MAIL_PAYLOAD_MAX)
        return -EMSGSIZE;
    MdMailCell *cell = md_mailbox_claim(m);
    if (!cell)
        return -ENOBUFS;
    md_mailbox_commit(m, cell, fn, payload, len);
    return 0;
}

static unsigned drain(MdMailbox *m, unsigned max, bool wait)
{
    /* Order matters: empty the eventfd, then clear the flag, then look. Whoever posts later writes again. */
    uint64_t count;
    ssize_t n = read(m->fd, &count, sizeof count);
    (void)n;
    atomic_exchange_explicit(&m->signalled, false, memory_order_acq_rel);
    unsigned end = atomic_load_explicit(&m->tail, memory_order_relaxed);
    if (max && end - m->head > max)
        end = m->head + max;
    unsigned ran = 0;
    while (m->head != end) {
        MdMailCell *cell = &m->cells[m->head & m->mask];
        if (atomic_load_explicit(&cell->sequence, memory_order_acquire) != m->head + 1) {
            if (!wait)
                return ran; /* claimed, not filled yet: its poster will signal */
            usleep(CLAIM_WAIT_US);
            continue;
        }
        if (cell->fn)
            cell->fn(cell->payload, cell->len);
        m->head++;
        atomic_store_explicit(&cell->sequence, m->head + m->mask, memory_order_release);
        ran++;
    }
    if (m->head != atomic_load_explicit(&m->tail, memory_order_relaxed))
        md_mailbox_wake(m);
    return ran;
}

unsigned md_mailbox_drain(MdMailbox *m, unsigned max)
{
    return drain(m, max, false);
}

unsigned md_mailbox_drain_posted(MdMailbox *m)
{
    return drain(m, 0, true);
}
