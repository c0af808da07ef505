/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/bfcp.h"
#include "sip/loop.h"

/* The sockets of floor control: one port, UDP and TCP, IPv4 and IPv6, for all calls. SIP thread. */
typedef struct SgFloors SgFloors;

/* port 0: any. NULL + SG_ERROR: no port. */
SgFloors *sg_floors_new(SgLoop *loop, uint16_t port, void (*on_request)(uint64_t call, bool wanted, void *user), void *user, GError **error);
void sg_floors_free(SgFloors *floors);
uint16_t sg_floors_port(const SgFloors *floors);
/* signalling: where the call's SIP messages come from: its BFCP may, too. */
void sg_floors_open(SgFloors *floors, uint64_t call, const MdCallFloor *floor, const struct sa *signalling);
void sg_floors_close(SgFloors *floors, uint64_t call);
void sg_floors_content(SgFloors *floors, uint64_t call, MdCallContent state, const char *reason);
