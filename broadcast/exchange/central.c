/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/exchange/central.h"
#include <string.h>

#define RETAKE_US (30ll * G_USEC_PER_SEC)
#define PAUSE_FIRST_US (2ll * G_USEC_PER_SEC)
#define PAUSE_MAX_US (300ll * G_USEC_PER_SEC)
#define PRUNE_US (3600ll * G_USEC_PER_SEC)
#define LOG_IN_TRIES_MAX 2u
#define DEALS_MAX 120u /* an hour */

struct BcCentral {           /* g_rc_box: calls and writes under way hold it */
    BcExJournal *journal;
    BcTimers *timers;
    BcExTables *tables;
    BcCentralOptions o;
    MdLogger logger;
    GRand *rand;
    BcTimer send, poll, prune;
    GHashTable *taking;      /* ids of messages that are being dealt with */
    GHashTable *deals;       /* id -> how often that failed */
    GQueue again;            /* of char*: to be dealt with again */
    BcTimer retake;
    char *token, *fault;
    bool logging_in, polling, closed;
    unsigned on_their_way, refused_tokens, pending;
    int64_t pause_us, pause_until_us; /* monotonic: the other side is away */
    BcCentralStats stats;
};

static void look(BcCentral *c);
static void deal(BcCentral *c, const BcExMessage *m);

static int64_t now_us(const BcCentral *c)
{
    return md_clock_now_us(bc_timers_clock(c->timers));
}

static void clear_central(gpointer data)
{
    BcCentral *c = data;
    bc_ex_tables_unref(c->tables);
    g_rand_free(c->rand);
    g_hash_table_unref(c->taking);
    g_hash_table_unref(c->deals);
    g_queue_clear_full(&c->again, g_free);
    g_free(c->token);
    g_free(c->fault);
}

static void unref_central(BcCentral *c)
{
    g_rc_box_release_full(c, clear_central);
}

static BcCentral *hold(BcCentral *c)
{
    c->pending++;
    return g_rc_box_acquire(c);
}

static void let_go(BcCentral *c)
{
    c->pending--;
    unref_central(c);
}

/* A fault is logged when it is another one than before. */
static void note_fault(BcCentral *c, const char *what)
{
    if (g_strcmp0(c->fault, what) != 0)
        md_warning(&c->logger, "central system: %s; messages wait in the journal", what);
    g_free(c->fault);
    c->fault = g_strdup(what);
}

static void note_success(BcCentral *c)
{
    if (c->fault)
        md_notice(&c->logger, "central system: it answers again");
    g_clear_pointer(&c->fault, g_free);
    c->pause_us = 0;
    c->pause_until_us = 0;
    c->stats.last_ok_us = bc_ex_journal_wall_us(c->journal);
}

static void pause_sending(BcCentral *c, const char *what)
{
    note_fault(c, what);
    c->pause_us = c->pause_us ? MIN(c->pause_us * 2, PAUSE_MAX_US) : PAUSE_FIRST_US;
    c->pause_until_us = now_us(c) + (int64_t)((double)c->pause_us * g_rand_double_range(c->rand, 0.75, 1.25));
}

static void on_send(BcTimer *timer, void *user)
{
    look(user);
}

static void call(BcCentral *c, const BcExCall *what, BcExAnswerFn done, void *done_user)
{
    BcExCall full = *what;
    full.id_header = bc_ex_setting(c->tables, "message-header", "X-Message-ID");
    c->stats.calls++;
    c->o.ops.call(&full, done, done_user, c->o.ops.user);
}

/* What an answer means: a fault on the way, a refusal with its words, or fine. */
static BcExResult judge(BcCentral *c, unsigned status, const char *body, gsize len, const GError *error, char **ret_text)
{
    if (!status) {
        *ret_text = g_strdup(error ? error->message : "no answer");
        return BC_EX_UNREACHED;
    }
    g_autoptr(JsonObject) answer = len ? bc_ex_read_text(c->tables, "answer", body, len, NULL) : NULL;
    const char *state = answer ? bc_ex_text(answer, "state") : NULL, *text = answer ? bc_ex_text(answer, "text") : NULL;
    bool ok = status / 100 == 2 && (!state || g_str_equal(state, "ok"));
    *ret_text = g_strdup_printf("%u %s", status, text ? text : ok ? "accepted" : "refused");
    if (ok)
        return BC_EX_OK;
    return status >= 500 || status == 408 || status == 429 || status == 401 ? BC_EX_UNREACHED : BC_EX_REFUSED;
}

/* --- log-in --- */

static void on_logged_in(unsigned status, const char *body, gsize len, const GError *error, void *user)
{
    BcCentral *c = user;
    g_autofree char *text = NULL;
    c->logging_in = false;
    BcExResult result = judge(c, status, body, len, error, &text);
    g_autoptr(JsonObject) answer = result == BC_EX_OK ? bc_ex_read_text(c->tables, "answer", body, len, NULL) : NULL;
    const char *token = answer ? bc_ex_text(answer, "token") : NULL;
    if (token && !c->closed) {
        g_free(c->token);
        c->token = g_strdup(token);
        c->stats.log_ins++;
        note_success(c);
    } else if (!c->closed) {
        g_autofree char *what = g_strdup_printf("log-in failed: %s", result == BC_EX_OK ? "the answer holds no token" : text);
        pause_sending(c, what);
    }
    if (!c->closed)
        look(c);
    let_go(c);
}

/* true: there is a token, or none is needed. */
static bool log_in(BcCentral *c)
{
    if (c->token || c->logging_in || !c->o.credentials)
        return !c->logging_in;
    const char *path = bc_ex_path(c->tables, BC_EX_CENTRAL, "login");
    g_autofree char *username = NULL, *password = path ? c->o.credentials(&username, c->o.credentials_user) : NULL;
    if (!path || !password) {
        if (path)
            pause_sending(c, "log-in failed: there are no credentials (exchange.central_credentials_file)");
        return !path;
    }
    g_autoptr(JsonObject) ours = json_object_new();
    json_object_set_string_member(ours, "username", username ? username : "");
    json_object_set_string_member(ours, "password", password);
    g_autofree char *body = bc_ex_write_text(c->tables, "login", ours, NULL);
    c->logging_in = true;
    call(c, &(BcExCall){.method = "POST", .path = path, .body = body, .secret = true}, on_logged_in, hold(c));
    return false;
}

/* The token was refused: a new one, but not for ever. */
static void token_refused(BcCentral *c, const char *used)
{
    if (g_strcmp0(used, c->token) != 0)
        return; /* another answer has seen to it */
    g_clear_pointer(&c->token, g_free);
    if (++c->refused_tokens >= LOG_IN_TRIES_MAX)
        pause_sending(c, "tokens it has just given are refused (401)");
}

/* --- up --- */

typedef struct Sending { BcCentral *central; char *id, *token; } Sending;

static void free_sending(Sending *s)
{
    BcCentral *c = s->central;
    g_free(s->id);
    g_free(s->token);
    g_free(s);
    let_go(c);
}

static void on_answer(unsigned status, const char *body, gsize len, const GError *error, void *user)
{
    Sending *s = user;
    BcCentral *c = s->central;
    g_autofree char *text = NULL;
    BcExResult result = judge(c, status, body, len, error, &text);
    c->on_their_way--;
    if (c->closed) { /* it stays "sent": the next life tries it again, under the same id */
        free_sending(s);
        return;
    }
    if (status == 401)
        token_refused(c, s->token);
    else if (result == BC_EX_UNREACHED)
        pause_sending(c, text);
    else
        note_success(c);
    if (result == BC_EX_OK)
        c->refused_tokens = 0;
    bc_ex_journal_answer(c->journal, s->id, result, text);
    free_sending(s);
    look(c);
}

static void on_next(const BcExMessage *message, void *user)
{
    BcCentral *c = user;
    const char *path = message && !c->closed ? bc_ex_path(c->tables, BC_EX_CENTRAL, message->object) : NULL;
    if (path) {
        Sending *s = g_new0(Sending, 1);
        *s = (Sending){hold(c), g_strdup(message->id), g_strdup(c->token)};
        call(c, &(BcExCall){.method = "POST", .path = path, .token = c->token, .id = message->id, .body = message->body}, on_answer, s);
    } else {
        c->on_their_way--;
        if (message && !c->closed)
            bc_ex_journal_answer(c->journal, message->id, BC_EX_REFUSED, "the tables have no path for it any more");
    }
    let_go(c);
}

static void look(BcCentral *c)
{
    int64_t now = now_us(c);
    if (c->closed)
        return;
    if (c->pause_until_us > now) {
        bc_timer_at(c->timers, &c->send, c->pause_until_us, on_send, c);
        return;
    }
    if (!log_in(c)) {
        if (!c->logging_in)
            bc_timer_at(c->timers, &c->send, c->pause_until_us, on_send, c);
        return;
    }
    /* one alone feels its way while the other side is in trouble */
    unsigned limit = c->pause_us ? 1 : c->o.parallel;
    while (c->on_their_way < limit) {
        c->on_their_way++;
        if (bc_ex_journal_next(c->journal, BC_EX_CENTRAL, on_next, hold(c)))
            continue;
        c->on_their_way--;
        let_go(c);
        break;
    }
    int64_t due = bc_ex_journal_due_us(c->journal, BC_EX_CENTRAL), wall = bc_ex_journal_wall_us(c->journal);
    if (due != INT64_MAX)
        bc_timer_at(c->timers, &c->send, now + MAX(due - wall, 10000), on_send, c);
}

static void on_journal(const char *peer, void *user)
{
    if (g_str_equal(peer, BC_EX_CENTRAL))
        look(user);
}

/* --- down --- */

static void put_receipt(BcCentral *c, const char *id, const char *object, JsonObject *ours, const GError *fault)
{
    const char *external = bc_ex_text(ours, "id");
    if (!external || !bc_ex_path(c->tables, BC_EX_CENTRAL, "receipt"))
        return;
    g_autoptr(JsonObject) receipt = json_object_new();
    json_object_set_string_member(receipt, "id", external);
    json_object_set_string_member(receipt, "object", object);
    json_object_set_string_member(receipt, "state", fault ? "failed" : "ok");
    if (fault)
        json_object_set_string_member(receipt, "text", fault->message);
    g_autofree char *body = bc_ex_write_text(c->tables, "receipt", receipt, NULL);
    g_autofree char *key = g_strdup_printf("receipt:%s", id);
    if (body)
        bc_ex_journal_put(c->journal, &(BcExPut){BC_EX_CENTRAL, "receipt", key, body, true, false}, NULL, NULL);
}

typedef struct Dealing { BcCentral *central; char *id, *object; JsonObject *ours; } Dealing;

static void free_dealing(Dealing *d)
{
    BcCentral *c = d->central;
    g_free(d->id);
    g_free(d->object);
    json_object_unref(d->ours);
    g_free(d);
    let_go(c);
}

static void on_open_message(const BcExMessage *m, void *user)
{
    deal(user, m);
}

static void on_retake(BcTimer *timer, void *user)
{
    BcCentral *c = user;
    for (char *id; (id = g_queue_pop_head(&c->again)); g_free(id))
        bc_ex_journal_find(c->journal, id, on_open_message, c, NULL);
}

static unsigned tried(BcCentral *c, const char *id)
{
    unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(c->deals, id)) + 1;
    g_hash_table_replace(c->deals, g_strdup(id), GUINT_TO_POINTER(n));
    return n;
}

static void on_dealt(const GError *error, void *user)
{
    Dealing *d = user;
    BcCentral *c = d->central;
    bool later = error && (error->domain != BC_ERROR || error->code == BC_ERROR_FAILED) && tried(c, d->id) < DEALS_MAX;
    g_hash_table_remove(c->taking, d->id);
    if (c->closed) {
        free_dealing(d);
        return;
    }
    if (later) {
        md_warning(&c->logger, "message %s (%s) of the central system waits: %s", d->id, d->object, error->message);
        g_queue_push_tail(&c->again, g_strdup(d->id));
        bc_timer_at(c->timers, &c->retake, now_us(c) + RETAKE_US, on_retake, c);
    } else {
        g_hash_table_remove(c->deals, d->id);
        if (error)
            md_warning(&c->logger, "message %s (%s) of the central system cannot be dealt with: %s", d->id, d->object, error->message);
        bc_ex_journal_settle(c->journal, d->id, !error, error ? error->message : "dealt with", NULL, NULL);
        put_receipt(c, d->id, d->object, d->ours, error);
    }
    free_dealing(d);
}

static void deal(BcCentral *c, const BcExMessage *m)
{
    g_autoptr(GError) error = NULL;
    if (m->up || g_hash_table_contains(c->taking, m->id))
        return;
    JsonObject *ours = bc_ex_read_text(c->tables, m->object, m->body, strlen(m->body), &error);
    if (!ours) {
        bc_ex_journal_settle(c->journal, m->id, false, error->message, NULL, NULL);
        return;
    }
    Dealing *d = g_new0(Dealing, 1);
    *d = (Dealing){hold(c), g_strdup(m->id), g_strdup(m->object), ours};
    g_hash_table_add(c->taking, g_strdup(m->id));
    c->o.actions.take(m->object, ours, on_dealt, d, c->o.actions.user);
}

void bc_central_retake(BcCentral *central, const char *id)
{
    bc_ex_journal_find(central->journal, id, on_open_message, central, NULL);
}

typedef struct Taking { BcCentral *central; BcCentralTakenFn done; void *user; } Taking;

static void on_kept(const char *id, bool duplicate, BcExState state, const GError *error, void *user)
{
    Taking *t = user;
    BcCentral *c = t->central;
    if (t->done)
        t->done(id, duplicate, error, t->user);
    if (!error && !c->closed && (!duplicate || state == BC_EX_QUEUED))
        bc_ex_journal_find(c->journal, id, on_open_message, c, NULL);
    g_free(t);
    let_go(c);
}

void bc_central_take(BcCentral *central, const char *object, const char *id, const char *text, gsize len, BcCentralTakenFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    bool known = g_str_equal(object, "bulletin") || g_str_equal(object, "stop") || g_str_equal(object, "command");
    JsonObject *ours = known ? bc_ex_read_text(central->tables, object, text, len, &error) : NULL;
    if (!known)
        g_set_error(&error, BC_ERROR, BC_ERROR_NOT_FOUND, "\"%s\" is nothing that is taken: bulletin, stop, command", object);
    else if (id && (strlen(id) > 128 || !g_utf8_validate(id, -1, NULL)))
        g_set_error(&error, BC_ERROR, BC_ERROR_INVALID, "the message's id is longer than 128 bytes");
    if (error) {
        g_clear_pointer(&ours, json_object_unref);
        if (done)
            done(NULL, false, error, user);
        return;
    }
    json_object_unref(ours);
    g_autofree char *hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text, len);
    g_autofree char *key = g_strdup_printf("%s:%s%s", object, id ? "id:" : "sha256:", id ? id : hash);
    g_autofree char *body = g_strndup(text, len);
    Taking *t = g_new0(Taking, 1);
    *t = (Taking){hold(central), done, user};
    bc_ex_journal_put(central->journal, &(BcExPut){BC_EX_CENTRAL, object, key, body, false, false}, on_kept, t);
}

/* --- polling --- */

static void on_poll(BcTimer *timer, void *user);

static void take_list(BcCentral *c, const char *body, gsize len)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GPtrArray) list = bc_ex_read_list(c->tables, "bulletin", body, len, &error);
    if (!list || !json_parser_load_from_data(parser, body, (gssize)len, NULL)) {
        note_fault(c, error ? error->message : "no list of bulletins");
        return;
    }
    JsonNode *root = json_parser_get_root(parser), *inner = NULL;
    if (JSON_NODE_HOLDS_OBJECT(root))
        inner = bc_ex_member(json_node_get_object(root), bc_ex_setting(c->tables, "answer-content", "NoiDung"));
    if (inner && JSON_NODE_HOLDS_ARRAY(inner))
        root = inner;
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(root) ? json_node_get_array(root) : NULL;
    for (unsigned i = 0; array && i < json_array_get_length(array); i++) {
        g_autofree char *text = json_to_string(json_array_get_element(array, i), FALSE);
        bc_central_take(c, "bulletin", NULL, text, strlen(text), NULL, NULL);
    }
}

static void on_polled(unsigned status, const char *body, gsize len, const GError *error, void *user)
{
    Sending *s = user;
    BcCentral *c = s->central;
    c->polling = false;
    if (!c->closed) {
        if (status == 401)
            token_refused(c, s->token);
        else if (!status || status >= 500)
            note_fault(c, error ? error->message : "asking for bulletins is answered with a fault of its own");
        else if (status == 200 && len)
            take_list(c, body, len);
        bc_timer_at(c->timers, &c->poll, now_us(c) + (status == 401 ? PAUSE_FIRST_US : (int64_t)c->o.poll_s * G_USEC_PER_SEC), on_poll, c);
    }
    free_sending(s);
}

static void on_poll(BcTimer *timer, void *user)
{
    BcCentral *c = user;
    const char *path = bc_ex_path(c->tables, BC_EX_CENTRAL, "bulletins");
    if (!path || c->polling || c->pause_until_us > now_us(c) || !log_in(c)) {
        bc_timer_at(c->timers, &c->poll, now_us(c) + MIN((int64_t)c->o.poll_s * G_USEC_PER_SEC, PAUSE_FIRST_US), on_poll, c);
        return;
    }
    Sending *s = g_new0(Sending, 1);
    *s = (Sending){hold(c), NULL, g_strdup(c->token)};
    c->polling = true;
    call(c, &(BcExCall){.method = "GET", .path = path, .token = c->token}, on_polled, s);
}

static void on_prune(BcTimer *timer, void *user)
{
    BcCentral *c = user;
    bc_ex_journal_prune(c->journal);
    bc_timer_at(c->timers, &c->prune, now_us(c) + PRUNE_US, on_prune, c);
}

/* --- life --- */

BcCentral *bc_central_new(const BcCentralOptions *options, GError **error)
{
    BcCentral *c = g_rc_box_new0(BcCentral);
    c->o = *options;
    c->o.parallel = options->parallel ? options->parallel : 4;
    c->journal = options->journal;
    c->timers = options->timers;
    c->tables = bc_ex_tables_ref(options->tables);
    c->logger = options->logger ? md_logger_child(options->logger, "exchange/central") : (MdLogger){0};
    c->rand = options->seed ? g_rand_new_with_seed(options->seed) : g_rand_new();
    c->taking = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    c->deals = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_queue_init(&c->again);
    bc_ex_journal_listen(c->journal, on_journal, c);
    if (!bc_ex_journal_open(c->journal, on_open_message, c, error)) {
        bc_central_free(c);
        return NULL;
    }
    if (c->o.poll_s)
        bc_timer_at(c->timers, &c->poll, now_us(c) + G_USEC_PER_SEC, on_poll, c);
    bc_timer_at(c->timers, &c->prune, now_us(c) + PRUNE_US, on_prune, c);
    bc_timer_at(c->timers, &c->send, now_us(c), on_send, c);
    return c;
}

void bc_central_free(BcCentral *central)
{
    if (!central)
        return;
    central->closed = true;
    bc_ex_journal_unlisten(central->journal, central);
    bc_timer_cancel(&central->send);
    bc_timer_cancel(&central->poll);
    bc_timer_cancel(&central->prune);
    bc_timer_cancel(&central->retake);
    unref_central(central);
}

void bc_central_set_tables(BcCentral *central, BcExTables *tables)
{
    bc_ex_tables_unref(central->tables);
    central->tables = bc_ex_tables_ref(tables);
    look(central);
}

void bc_central_stats(const BcCentral *central, BcCentralStats *ret)
{
    *ret = central->stats;
    ret->logged_in = central->token != NULL;
    ret->fault = central->fault;
}

unsigned bc_central_pending(const BcCentral *central)
{
    return central->pending;
}
