/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stddef.h>

/* A bounded many-to-one queue of closures with an eventfd: how threads talk to one another.
 * Posting never blocks and never allocates; draining runs the closures in order in the caller's thread. */
typedef struct MdMailbox MdMailbox;
typedef void (*MdMailFn)(void *payload, size_t len);

#define MD_MAIL_PAYLOAD_MAX 112 /* bytes copied inline */

MdMailbox *md_mailbox_new(unsigned capacity /* rounded up to a power of two */);
void md_mailbox_free(MdMailbox *mailbox); /* NULL is fine; mail still inside is dropped unrun: drain first */
/* Copies len (<= MD_MAIL_PAYLOAD_MAX) bytes of payload. Any thread. 0, -ENOBUFS when full, -EMSGSIZE. */
int md_mailbox_post(MdMailbox *mailbox, MdMailFn fn, const void *payload, size_t len);
/* Readable when something may be waiting: for epoll or a GSource. */
int md_mailbox_fd(const MdMailbox *mailbox);
/* Owner thread. Runs at most max closures (0: all that are there now); returns how many ran. */
unsigned md_mailbox_drain(MdMailbox *mailbox, unsigned max);
/* The same at the end of a thread: also waits for a poster that has claimed its place before those letters and not filled it yet, so that all
 * that was posted before the call has run. */
unsigned md_mailbox_drain_posted(MdMailbox *mailbox);
/* Makes the fd readable though nothing was posted. Any thread. */
void md_mailbox_wake(MdMailbox *mailbox);

/* Two-step post for those who must know of room before they act (plan.c): a claim holds one place (NULL: full), which
 * stops the reader there until it is committed, so commit at once. Any thread; both by the same one. */
typedef struct MdMailCell MdMailCell;
MdMailCell *md_mailbox_claim(MdMailbox *mailbox);
void md_mailbox_commit(MdMailbox *mailbox, MdMailCell *cell, MdMailFn fn /* NULL: an empty letter */,
                       const void *payload, size_t len /* <= MD_MAIL_PAYLOAD_MAX */);
