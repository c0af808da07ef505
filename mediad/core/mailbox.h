/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stddef.h>

/* A bounded many-to-one queue of closures with an eventfd: how threads talk to one another.
 * Posting never blocks and never allocates; draining runs the closures in order in the caller's thread. */
typedef struct MdMailbox MdMailbox;
typedef void (*MdMailFn)(void *payload, size_t len);

#define MD_MAIL_PAYLOAD_MAX 112 /* bytes copied inline */

MdMailbox *md_mailbox_new(unsigned capacity /* rounded up to a power of two */);
void md_mailbox_free(MdMailbox *mailbox);
/* Copies len (<= MD_MAIL_PAYLOAD_MAX) bytes of payload. Any thread. 0, -ENOBUFS when full, -EMSGSIZE. */
int md_mailbox_post(MdMailbox *mailbox, MdMailFn fn, const void *payload, size_t len);
/* Readable when something may be waiting: for epoll or a GSource. */
int md_mailbox_fd(const MdMailbox *mailbox);
/* Owner thread. Runs at most max closures (0: all that are there now); returns how many ran. */
unsigned md_mailbox_drain(MdMailbox *mailbox, unsigned max);
