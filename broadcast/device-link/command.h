/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/link/protocol.h"
#include "broadcast/types.h"

/* Commands on their way: each signed once, sent to many, followed per device until everybody has answered or the time is over, kept in the
 * store. Control thread. */
typedef struct BcCommands BcCommands;

#define BC_COMMANDS_OPEN_MAX 2000u

typedef bool (*BcCommandPublishFn)(const char *device, const char *token, gsize len, void *user);
typedef void (*BcCommandChangedFn)(const char *command, const char *device, const char *state, const char *reason, void *user);
typedef struct BcCommandsOps { BcCommandPublishFn publish; BcCommandChangedFn changed; void *user; } BcCommandsOps;

/* What a former life has promised and is not too late goes out again at the first bc_commands_repeat; sound is left out (that is told anew by
 * who plays it) and marked timed out, like what is too late. timeout_us: as given to bc_commands_send. */
BcCommands *bc_commands_new(MdStore *store, const BcKey *key, const BcCommandsOps *ops, int64_t timeout_us, int64_t now_us, GError **error);
void bc_commands_free(BcCommands *commands); /* what changed is handed to the store */

/* command must be whole (id, issued_us, expires_us). Devices that cannot be told now are told when the connection is back, if it is not too
 * late by then. */
bool bc_commands_send(BcCommands *commands, const BcLinkCommand *command, const char *const *devices, unsigned n, const char *who,
                      int64_t timeout_us, GError **error);
/* Forwards only: "sent", "received", then "done" or "refused"; "timed-out" may still become any of the latter. */
void bc_commands_ack(BcCommands *commands, const char *device, const BcLinkAck *ack, int64_t now_us);
/* The connection is there again: what nobody has acknowledged yet goes out once more, oldest first. */
void bc_commands_repeat(BcCommands *commands, int64_t now_us);
/* The same for one device that says it is there, except what it was told within the last 10 s: its power may have gone between the broker's
 * word and its own disk, or the broker may have died with it. */
void bc_commands_repeat_to(BcCommands *commands, const char *device, int64_t now_us);
void bc_commands_tick(BcCommands *commands, int64_t now_us); /* time-outs; gathers what goes to the store. Once a second */
/* What changed goes to the store now; done (may be NULL) when it is durable. */
void bc_commands_flush(BcCommands *commands, BcDoneFn done, void *user);
unsigned bc_commands_open(const BcCommands *commands);

/* From the store, newest first. */
typedef struct BcCommandRow { const char *id, *verb, *who, *body; int64_t issued_us, expires_us, devices, sent, received, done, refused, timed_out; } BcCommandRow;
typedef void (*BcCommandRowFn)(const BcCommandRow *row, void *user);
bool bc_commands_list(BcCommands *commands, const char *id, unsigned limit, BcCommandRowFn fn, void *user, GError **error);
typedef struct BcTargetRow { const char *command, *device, *state, *reason; int64_t at_us; } BcTargetRow;
typedef void (*BcTargetRowFn)(const BcTargetRow *row, void *user);
bool bc_commands_targets(BcCommands *commands, const char *id, unsigned limit, unsigned offset, BcTargetRowFn fn, void *user, GError **error);
