/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/command.h"

#include <string.h>

#define TELL_AGAIN_US (10 * G_USEC_PER_SEC) /* one device is told the same again at most so often */
#define LINGER_US (300 * G_USEC_PER_SEC) /* late answers still count for so long after the end */

typedef enum State { SENT, TIMED_OUT, RECEIVED, DONE, REFUSED, N_STATES } State;
static const char *const names[N_STATES] = {"sent", "timed-out", "received", "done", "refused"};

typedef struct Target {
    const char *device; /* owned by the table's key */
    State state;
    char *reason;
    int64_t at_us, told_us;
    bool dirty;
} Target;

typedef struct Command {
    char *id, *verb, *who, *body, *token;
    int64_t issued_us, expires_us, due_us;
    GHashTable *targets; /* device (owned) -> Target, owned */
    unsigned open;       /* neither done nor refused */
    bool fresh, dirty, over; /* fresh: its own row is not with the store yet */
} Command;

struct BcCommands {
    MdStore *store;
    const BcKey *key;
    BcCommandsOps ops;
    GHashTable *by_id; /* id -> Command, owned */
};

/* What goes to the store in one transaction. */
typedef struct TargetRow { char *command, *device, *reason; const char *state; int64_t at_us; } TargetRow;
typedef struct CommandRow { char *id, *verb, *who, *body; int64_t issued_us, expires_us, devices; } CommandRow;
typedef struct Batch { GArray *commands, *targets; } Batch;

static void free_target(gpointer data)
{
    Target *target = data;
    g_free(target->reason);
    g_free(target);
}

static void free_command(gpointer data)
{
    Command *c = data;
    g_hash_table_unref(c->targets);
    g_free(c->id);
    g_free(c->verb);
    g_free(c->who);
    g_free(c->body);
    g_free(c->token);
    g_free(c);
}

static void clear_target_row(gpointer data)
{
    TargetRow *row = data;
    g_free(row->command);
    g_free(row->device);
    g_free(row->reason);
}

static void clear_command_row(gpointer data)
{
    CommandRow *row = data;
    g_free(row->id);
    g_free(row->verb);
    g_free(row->who);
    g_free(row->body);
}

static void free_batch(gpointer data)
{
    Batch *batch = data;
    g_array_unref(batch->commands);
    g_array_unref(batch->targets);
    g_free(batch);
}

static bool write_target(MdDb *db, const TargetRow *t, GError **error)
{
    if (!md_db_run(db, error, "UPDATE bc_link_targets SET state = $1, reason = $2, at_us = $3 WHERE command = $4 AND device = $5", "ssiss",
                   t->state, t->reason, t->at_us, t->command, t->device))
        return false;
    return md_db_changes(db) ||
           md_db_run(db, error, "INSERT INTO bc_link_targets (command, device, state, reason, at_us) VALUES ($1, $2, $3, $4, $5)", "ssssi",
                     t->command, t->device, t->state, t->reason, t->at_us);
}

static bool write_batch(MdDb *db, gpointer data, GError **error)
{
    const Batch *batch = data;
    for (unsigned i = 0; i < batch->commands->len; i++) {
        const CommandRow *c = &g_array_index(batch->commands, CommandRow, i);
        if (!md_db_run(db, error,
                       "INSERT INTO bc_link_commands (id, verb, who, body, issued_us, expires_us, devices)"
                       " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                       "ssssiii", c->id, c->verb, c->who, c->body, c->issued_us, c->expires_us, c->devices))
            return false;
    }
    for (unsigned i = 0; i < batch->targets->len; i++)
        if (!write_target(db, &g_array_index(batch->targets, TargetRow, i), error))
            return false;
    return true;
}

static void gather(Command *c, Batch *batch)
{
    GHashTableIter it;
    gpointer value;
    if (c->fresh) {
        CommandRow row = {g_strdup(c->id), g_strdup(c->verb), g_strdup(c->who), g_strdup(c->body), c->issued_us, c->expires_us,
                          g_hash_table_size(c->targets)};
        g_array_append_val(batch->commands, row);
    }
    c->fresh = c->dirty = false;
    g_hash_table_iter_init(&it, c->targets);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        Target *target = value;
        if (!target->dirty)
            continue;
        target->dirty = false;
        TargetRow row = {g_strdup(c->id), g_strdup(target->device), g_strdup(target->reason), names[target->state], target->at_us};
        g_array_append_val(batch->targets, row);
    }
}

static void flush(BcCommands *commands)
{
    Batch *batch = g_new0(Batch, 1);
    GHashTableIter it;
    gpointer value;
    batch->commands = g_array_new(FALSE, FALSE, sizeof(CommandRow));
    batch->targets = g_array_new(FALSE, FALSE, sizeof(TargetRow));
    g_array_set_clear_func(batch->commands, clear_command_row);
    g_array_set_clear_func(batch->targets, clear_target_row);
    g_hash_table_iter_init(&it, commands->by_id);
    while (g_hash_table_iter_next(&it, NULL, &value))
        if (((Command *)value)->fresh || ((Command *)value)->dirty)
            gather(value, batch);
    if (batch->commands->len || batch->targets->len)
        md_store_write(commands->store, write_batch, batch, free_batch, NULL, NULL);
    else
        free_batch(batch);
}

typedef struct Flushed { BcDoneFn done; void *user; } Flushed;

static bool write_nothing(MdDb *db, gpointer data, GError **error)
{
    return true;
}

static void on_flushed(bool ok, const GError *error, gpointer data, gpointer user)
{
    const Flushed *flushed = data;
    flushed->done(ok ? NULL : error, flushed->user);
}

/* Writes are made in order: when an empty one is through, all before it are. */
void bc_commands_flush(BcCommands *commands, BcDoneFn done, void *user)
{
    flush(commands);
    if (!done)
        return;
    Flushed *flushed = g_new0(Flushed, 1);
    *flushed = (Flushed){done, user};
    md_store_write(commands->store, write_nothing, flushed, g_free, on_flushed, NULL);
}

/* Sound has its own way back: what is to sound then is told anew (reach.c), and keys of live sound are kept nowhere. */
#define AGAIN "('stop', 'stop-all', 'volume', 'restart', 'fetch', 'send-log', 'firmware', 'line-test', 'blank')"

static bool close_former(MdDb *db, gpointer data, GError **error)
{
    const int64_t *now_us = data;
    return md_db_run(db, error,
                     "UPDATE bc_link_targets SET state = 'timed-out', reason = 'mediad was restarted', at_us = $1 WHERE state = 'sent' AND"
                     " command NOT IN (SELECT id FROM bc_link_commands WHERE expires_us > $2 AND verb IN " AGAIN ")",
                     "ii", *now_us, *now_us);
}

static Target *add_target(Command *c, const char *device, State state, int64_t at_us)
{
    Target *target = g_new0(Target, 1);
    char *name = g_strdup(device);
    *target = (Target){.device = name, .state = state, .at_us = at_us};
    g_hash_table_insert(c->targets, name, target);
    c->open += state < DONE;
    return target;
}

static Command *former_command(BcCommands *commands, const MdRows *rows, int64_t timeout_us, GError **error)
{
    const char *id = md_rows_text(rows, 0), *body = md_rows_text(rows, 3);
    Command *c = g_hash_table_lookup(commands->by_id, id);
    if (c)
        return c;
    char *token = bc_jws_sign(commands->key, "mediad-command", body, strlen(body), error);
    if (!token)
        return NULL;
    c = g_new0(Command, 1);
    *c = (Command){g_strdup(id), g_strdup(md_rows_text(rows, 1)), g_strdup(md_rows_text(rows, 2)), g_strdup(body), token, md_rows_int(rows, 4),
                   md_rows_int(rows, 5), md_rows_int(rows, 4) + timeout_us, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_target)};
    g_hash_table_insert(commands->by_id, c->id, c);
    return c;
}

/* What was promised before the restart and is not too late. */
static bool read_former(BcCommands *commands, int64_t timeout_us, int64_t now_us, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(commands->store), error,
                                         "SELECT c.id, c.verb, c.who, c.body, c.issued_us, c.expires_us, t.device, t.state, t.at_us"
                                         " FROM bc_link_commands c JOIN bc_link_targets t ON t.command = c.id"
                                         " WHERE c.expires_us > $1 AND c.verb IN " AGAIN " AND t.state IN ('sent', 'timed-out', 'received')"
                                         " ORDER BY c.issued_us DESC LIMIT 100000",
                                         "i", now_us);
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        const char *word = md_rows_text(rows, 7);
        Command *c = former_command(commands, rows, timeout_us, error);
        if (!c)
            return false;
        State state = strcmp(word, "sent") == 0 ? SENT : strcmp(word, "received") == 0 ? RECEIVED : TIMED_OUT;
        add_target(c, md_rows_text(rows, 6), state, md_rows_int(rows, 8));
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

BcCommands *bc_commands_new(MdStore *store, const BcKey *key, const BcCommandsOps *ops, int64_t timeout_us, int64_t now_us, GError **error)
{
    if (!md_store_write_sync(store, close_former, &now_us, error))
        return NULL;
    BcCommands *commands = g_new0(BcCommands, 1);
    *commands = (BcCommands){store, key, *ops, g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_command)};
    if (read_former(commands, timeout_us, now_us, error))
        return commands;
    bc_commands_free(commands);
    return NULL;
}

void bc_commands_free(BcCommands *commands)
{
    if (!commands)
        return;
    flush(commands);
    g_hash_table_unref(commands->by_id);
    g_free(commands);
}

unsigned bc_commands_open(const BcCommands *commands)
{
    return g_hash_table_size(commands->by_id);
}

static void set_state(BcCommands *commands, Command *c, Target *target, State state, const char *reason, int64_t now_us)
{
    target->state = state;
    target->at_us = now_us;
    g_free(target->reason);
    target->reason = g_strdup(reason);
    target->dirty = c->dirty = true;
    if (commands->ops.changed)
        commands->ops.changed(c->id, target->device, names[state], reason, commands->ops.user);
}

bool bc_commands_send(BcCommands *commands, const BcLinkCommand *command, const char *const *devices, unsigned n, const char *who,
                      int64_t timeout_us, GError **error)
{
    if (g_hash_table_contains(commands->by_id, command->id) || bc_commands_open(commands) >= BC_COMMANDS_OPEN_MAX) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "%u commands wait for answers already, or one has this id", bc_commands_open(commands));
        return false;
    }
    g_autofree char *body = bc_link_command_format(command);
    char *token = bc_jws_sign(commands->key, "mediad-command", body, strlen(body), error);
    if (!token)
        return false;
    BcLinkCommand shown = *command;
    shown.live.srtp = NULL; /* keys are not for the journal */
    g_autofree char *kept = bc_link_command_format(&shown);
    Command *c = g_new0(Command, 1);
    *c = (Command){g_strdup(command->id), g_strdup(bc_link_verb_to_string(command->verb)), g_strdup(who), g_steal_pointer(&kept), token,
                   command->issued_us, command->expires_us, command->issued_us + timeout_us,
                   g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_target), 0, true, true, false};
    gsize len = strlen(token);
    for (unsigned i = 0; i < n; i++) {
        if (g_hash_table_contains(c->targets, devices[i]))
            continue;
        commands->ops.publish(devices[i], token, len, commands->ops.user);
        Target *target = add_target(c, devices[i], SENT, command->issued_us);
        target->told_us = command->issued_us;
        target->dirty = true;
    }
    g_hash_table_insert(commands->by_id, c->id, c);
    return true;
}

void bc_commands_ack(BcCommands *commands, const char *device, const BcLinkAck *ack, int64_t now_us)
{
    Command *c = g_hash_table_lookup(commands->by_id, ack->command);
    Target *target = c ? g_hash_table_lookup(c->targets, device) : NULL;
    State state = strcmp(ack->state, "received") == 0 ? RECEIVED
                  : strcmp(ack->state, "done") == 0   ? DONE
                  : strcmp(ack->state, "refused") == 0 ? REFUSED
                                                       : N_STATES;
    if (!target || state == N_STATES || state <= target->state || target->state >= DONE)
        return;
    if (state >= DONE)
        c->open--;
    set_state(commands, c, target, state, ack->reason, now_us);
}

static int by_issue(gconstpointer a, gconstpointer b)
{
    const Command *x = *(Command *const *)a, *y = *(Command *const *)b;
    return x->issued_us != y->issued_us ? (x->issued_us < y->issued_us ? -1 : 1) : strcmp(x->id, y->id);
}

/* Those that are not too late, in the order they were given: what stops something must not come before it. device: only what it was not
 * told lately; NULL all. */
static GPtrArray *in_order(BcCommands *commands, const char *device, int64_t now_us)
{
    GPtrArray *all = g_ptr_array_new();
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, commands->by_id);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        Command *c = value;
        const Target *target = device && c->open ? g_hash_table_lookup(c->targets, device) : NULL;
        bool due = device ? target && target->state <= TIMED_OUT && now_us - target->told_us >= TELL_AGAIN_US : c->open > 0;
        if (due && c->expires_us > now_us)
            g_ptr_array_add(all, c);
    }
    g_ptr_array_sort(all, by_issue);
    return all;
}

static void repeat(BcCommands *commands, const Command *c, Target *target, int64_t now_us)
{
    if (target->state > TIMED_OUT)
        return;
    target->told_us = now_us;
    commands->ops.publish(target->device, c->token, strlen(c->token), commands->ops.user);
}

void bc_commands_repeat(BcCommands *commands, int64_t now_us)
{
    g_autoptr(GPtrArray) all = in_order(commands, NULL, now_us);
    GHashTableIter it;
    gpointer target;
    for (unsigned i = 0; i < all->len; i++) {
        const Command *c = all->pdata[i];
        g_hash_table_iter_init(&it, c->targets);
        while (g_hash_table_iter_next(&it, NULL, &target))
            repeat(commands, c, target, now_us);
    }
}

void bc_commands_repeat_to(BcCommands *commands, const char *device, int64_t now_us)
{
    g_autoptr(GPtrArray) all = in_order(commands, device, now_us);
    for (unsigned i = 0; i < all->len; i++) {
        const Command *c = all->pdata[i];
        repeat(commands, c, g_hash_table_lookup(c->targets, device), now_us);
    }
}

static void time_out(BcCommands *commands, Command *c, int64_t now_us)
{
    GHashTableIter it;
    gpointer target;
    g_hash_table_iter_init(&it, c->targets);
    while (g_hash_table_iter_next(&it, NULL, &target))
        if (((Target *)target)->state == SENT)
            set_state(commands, c, target, TIMED_OUT, "no answer", now_us);
    c->over = true;
}

void bc_commands_tick(BcCommands *commands, int64_t now_us)
{
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, commands->by_id);
    while (g_hash_table_iter_next(&it, NULL, &value))
        if (!((Command *)value)->over && ((Command *)value)->due_us <= now_us)
            time_out(commands, value, now_us);
    flush(commands);
    g_hash_table_iter_init(&it, commands->by_id);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        const Command *c = value;
        if (c->open == 0 || MAX(c->due_us, c->expires_us) + LINGER_US <= now_us)
            g_hash_table_iter_remove(&it);
    }
}

bool bc_commands_list(BcCommands *commands, const char *id, unsigned limit, BcCommandRowFn fn, void *user, GError **error)
{
    flush(commands);
    g_autoptr(MdRows) rows =
        md_db_query(md_store_reader(commands->store), error,
                    "SELECT c.id, c.verb, c.who, c.body, c.issued_us, c.expires_us, c.devices,"
                    " (SELECT COUNT(*) FROM bc_link_targets t WHERE t.command = c.id AND t.state = 'sent'),"
                    " (SELECT COUNT(*) FROM bc_link_targets t WHERE t.command = c.id AND t.state = 'received'),"
                    " (SELECT COUNT(*) FROM bc_link_targets t WHERE t.command = c.id AND t.state = 'done'),"
                    " (SELECT COUNT(*) FROM bc_link_targets t WHERE t.command = c.id AND t.state = 'refused'),"
                    " (SELECT COUNT(*) FROM bc_link_targets t WHERE t.command = c.id AND t.state = 'timed-out')"
                    " FROM bc_link_commands c WHERE ($1 = '' OR c.id = $2) ORDER BY c.issued_us DESC LIMIT $3",
                    "ssi", id ? id : "", id ? id : "", (int64_t)limit);
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcCommandRow row = {md_rows_text(rows, 0), md_rows_text(rows, 1), md_rows_text(rows, 2), md_rows_text(rows, 3),
                            md_rows_int(rows, 4), md_rows_int(rows, 5), md_rows_int(rows, 6), md_rows_int(rows, 7),
                            md_rows_int(rows, 8), md_rows_int(rows, 9), md_rows_int(rows, 10), md_rows_int(rows, 11)};
        fn(&row, user);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

bool bc_commands_targets(BcCommands *commands, const char *id, unsigned limit, unsigned offset, BcTargetRowFn fn, void *user, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(commands->store), error,
                                         "SELECT command, device, state, reason, at_us FROM bc_link_targets WHERE command = $1"
                                         " ORDER BY device LIMIT $2 OFFSET $3",
                                         "sii", id, (int64_t)limit, (int64_t)offset);
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcTargetRow row = {md_rows_text(rows, 0), md_rows_text(rows, 1), md_rows_text(rows, 2), md_rows_text(rows, 3), md_rows_int(rows, 4)};
        fn(&row, user);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}
