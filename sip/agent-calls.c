/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The SIP thread's side of calls: one line per MdCall, with one session, or several while an account's devices ring. */
#include "sip/agent-impl.h"

#define DIAL_TICK_US 10000
#define DIALS_QUEUED_MAX 20000
#define FAREWELL_US (2 * G_USEC_PER_SEC) /* room for two more BYEs */

typedef struct Line Line;
typedef struct Branch {
    Line *line;
    SgSession *session;
} Branch;

struct Line {
    SgAgent *agent;
    uint64_t id;
    bool incoming, guest, established, abandoned; /* abandoned: control has hung up and hears no more */
    GPtrArray *branches;                   /* owns */
    Branch *winner;
    int best_code;
    char *best_reason;
};

static void line_free(Line *line)
{
    g_ptr_array_unref(line->branches);
    g_free(line->best_reason);
    g_free(line);
}

static void line_end(Line *line)
{
    SgAgentSip *sip = &line->agent->sip;

    g_hash_table_remove(sip->lines, &line->id);
    if (sip->floors)
        sg_floors_close(sip->floors, line->id);
    if (line->incoming)
        sip->calls_in--;
    if (line->guest)
        sip->guests--;
    line_free(line);
}

void sg_agent_lines_free(SgAgent *agent)
{
    GHashTableIter iter;
    gpointer value;
    SgDialOrder *order;

    g_hash_table_iter_init(&iter, agent->sip.lines);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        line_free(value);
    g_hash_table_unref(agent->sip.lines);
    while ((order = g_queue_pop_head(&agent->sip.dials)) != NULL)
        sg_dial_order_free(order);
}

static Line *line_new(SgAgent *agent, uint64_t id, bool incoming)
{
    Line *line = g_new0(Line, 1);

    line->agent = agent;
    line->id = id;
    line->incoming = incoming;
    line->branches = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_insert(agent->sip.lines, &line->id, line);
    if (incoming)
        agent->sip.calls_in++;
    return line;
}

static void tell(Line *line, SgEventKind kind, int code, const char *text)
{
    SgEvent *event;

    if (line->abandoned)
        return;
    event = g_new0(SgEvent, 1);
    event->kind = kind;
    event->call = line->id;
    event->code = code;
    event->text = g_strdup(text);
    sg_agent_post(line->agent, event);
}

/* --- what sessions report --- */

/* The first that answers has the call; the others stop ringing. */
static void win(Branch *branch)
{
    Line *line = branch->line;
    GPtrArray *losers;

    if (line->winner)
        return;
    line->winner = branch;
    losers = g_ptr_array_new();
    for (unsigned i = 0; i < line->branches->len; i++)
        if (line->branches->pdata[i] != branch)
            g_ptr_array_add(losers, ((Branch *)line->branches->pdata[i])->session);
    for (unsigned i = 0; i < losers->len; i++)
        sg_session_hangup(losers->pdata[i], "answered elsewhere");
    g_ptr_array_unref(losers);
}

static void on_sdp(SgSession *session, bool offer, const char *sdp, void *user)
{
    Branch *branch = user;

    win(branch);
    if (branch->line->winner == branch)
        tell(branch->line, SG_EVENT_SDP, offer, sdp);
    else
        sg_session_hangup(session, "answered elsewhere");
}

static void on_ringing(SgSession *session, int code, void *user)
{
    Branch *branch = user;

    if (!branch->line->winner)
        tell(branch->line, SG_EVENT_RINGING, code, NULL);
}

static void on_established(SgSession *session, void *user)
{
    Branch *branch = user;
    Line *line = branch->line;

    if (line->established || line->winner != branch)
        return;
    line->established = true;
    md_stat_add(&line->agent->stats.calls_established, 1);
    tell(line, SG_EVENT_ESTABLISHED, 200, NULL);
}

static void on_dtmf(SgSession *session, char digit, unsigned duration_ms, void *user)
{
    Line *line = ((Branch *)user)->line;
    SgEvent *event;

    if (line->abandoned)
        return;
    event = g_new0(SgEvent, 1);
    event->kind = SG_EVENT_DTMF;
    event->call = line->id;
    event->code = digit;
    event->duration_ms = duration_ms;
    sg_agent_post(line->agent, event);
}

static void on_key_frame_request(SgSession *session, void *user)
{
    tell(((Branch *)user)->line, SG_EVENT_KEY_FRAME, 0, NULL);
}

void sg_agent_floor_wish(uint64_t call, bool wanted, void *user)
{
    SgAgent *agent = user;
    Line *line = g_hash_table_lookup(agent->sip.lines, &call);

    if (line)
        tell(line, SG_EVENT_CONTENT, wanted, NULL);
}

/* Which of several failures says most: busy and declined before unreachable. */
static int weight(int code)
{
    return code >= 600 ? 4 : code == 486 || code == 480 ? 3 : code == 408 || code == 487 ? 1 : code >= 500 ? 1 : 2;
}

static void note_failure(Line *line, int code, const char *reason)
{
    if (line->best_code && weight(code) <= weight(line->best_code))
        return;
    line->best_code = code;
    g_free(line->best_reason);
    line->best_reason = g_strdup(reason);
}

static void on_closed(SgSession *session, int code, const char *reason, void *user)
{
    Branch *branch = user;
    Line *line = branch->line;

    if (line->winner == branch) {
        line->winner = NULL;
        tell(line, SG_EVENT_CLOSED, code, reason);
        line->abandoned = true;
    } else {
        note_failure(line, code, reason);
    }
    g_ptr_array_remove(line->branches, branch);
    if (line->branches->len > 0)
        return;
    tell(line, SG_EVENT_CLOSED, line->best_code, line->best_reason);
    line_end(line);
}

static const SgSessionHandler handler = {
    .on_sdp = on_sdp, .on_ringing = on_ringing, .on_established = on_established, .on_dtmf = on_dtmf,
    .on_key_frame_request = on_key_frame_request, .on_closed = on_closed,
};

/* --- incoming --- */

static MdCallInfo *describe(SgAgent *agent, const struct sip_msg *msg, const SgFlow *flow, const SgCredential *account, bool trusted,
                            uint64_t id)
{
    const struct sip_hdr *user_agent = sip_msg_hdr(msg, SIP_HDR_USER_AGENT);
    MdCallInfo *info = g_new0(MdCallInfo, 1);
    struct pl display = msg->from.dname;
    char host[80], *text;
    MdSecurity fallback = flow->listener < agent->n_listeners ? agent->listeners[flow->listener].security : MD_SECURITY_PREFERRED;

    if (display.l >= 2 && display.p[0] == '"') {
        display.p++;
        display.l -= 2;
    }
    text = sg_pl_dup(&display);
    sg_host(host, sizeof(host), &flow->remote, true);
    info->id = g_strdup_printf("sip-%" PRIu64, id);
    info->direction = MD_CALL_IN;
    info->from_uri = sg_pl_dup(&msg->from.auri);
    info->from_display = g_utf8_make_valid(text, -1);
    info->account = account ? g_strdup(account->name) : NULL;
    info->to_user = sg_pl_dup(&msg->uri.user);
    info->to_host = sg_pl_dup(&msg->uri.host);
    info->peer_host = g_strdup(host);
    g_free(text);
    text = user_agent ? g_strndup(user_agent->val.p, MIN(user_agent->val.l, 128)) : g_strdup("");
    info->user_agent = g_utf8_make_valid(text, -1);
    g_free(text);
    info->authenticated = account != NULL || trusted;
    info->secure = flow->kind == SG_TLS;
    info->security = account && account->security != MD_SECURITY_INVALID ? account->security : fallback;
    return info;
}

void sg_agent_incoming(SgAgent *agent, const struct sip_msg *msg, const SgFlow *flow, const SgCredential *account, bool trusted)
{
    SgSession *session = sg_session_accept(agent->sip.sessions, msg, flow, &handler, NULL);
    SgEvent *event;
    Branch *branch;
    Line *line;

    if (!session)
        return;
    md_stat_add(&agent->stats.calls_in, 1);
    line = line_new(agent, agent->sip.next_line, true);
    line->guest = !account && !trusted;
    if (line->guest)
        agent->sip.guests++;
    agent->sip.next_line += 2;
    branch = g_new0(Branch, 1);
    branch->line = line;
    branch->session = session;
    g_ptr_array_add(line->branches, branch);
    line->winner = branch;
    sg_session_set_handler(session, &handler, branch);
    event = g_new0(SgEvent, 1);
    event->kind = SG_EVENT_INCOMING;
    event->call = line->id;
    event->info = describe(agent, msg, flow, account, trusted, line->id);
    sg_agent_post(agent, event);
    sg_session_begin(session);
}

/* --- outgoing --- */

void sg_dial_order_free(SgDialOrder *order)
{
    if (!order)
        return;
    g_free(order->account);
    g_free(order->uri);
    g_free(order->route);
    g_free(order->verify_host);
    g_free(order->from);
    g_free(order->to);
    g_free(order->contact_user);
    g_free(order->sdp);
    g_free(order->headers);
    g_free(order->username);
    g_free(order->password);
    g_free(order);
}

static void ring(Line *line, const SgDialOrder *order, const char *uri, const char *route, const SgFlow *flow)
{
    Branch *branch = g_new0(Branch, 1);
    SgDial dial = {.uri = uri, .route = route, .flow = *flow, .verify_host = order->verify_host, .from = order->from, .to = order->to,
                   .contact_user = order->contact_user, .sdp = order->sdp, .headers = order->headers, .username = order->username,
                   .password = order->password, .ring_timeout_ms = order->ring_timeout_ms};

    branch->line = line;
    branch->session = sg_session_dial(line->agent->sip.sessions, &dial, &handler, branch);
    if (branch->session)
        g_ptr_array_add(line->branches, branch);
    else
        g_free(branch);
}

static bool binding_flow(SgAgent *agent, const SgBinding *binding, SgFlow *ret_flow)
{
    SgTransportKind kind;
    struct sa address;
    SgUri uri;

    *ret_flow = binding->flow;
    if (binding->flow.kind == SG_UDP || binding->flow.conn != 0)
        return true;
    /* the device's connection is gone: perhaps it can be called at its contact */
    return sg_uri_parse(&uri, binding->contact) && sg_uri_address(&uri, &address, &kind) && kind == binding->flow.kind &&
           sg_transport_route(agent->sip.transport, kind, &address, ret_flow) == 0;
}

static void ring_account(Line *line, const SgDialOrder *order)
{
    const GPtrArray *bindings = sg_location_find(line->agent->sip.location, order->account);
    bool any_alive = false;

    for (unsigned i = 0; bindings && i < bindings->len; i++)
        any_alive = any_alive || ((SgBinding *)bindings->pdata[i])->alive;
    for (unsigned i = 0; bindings && i < bindings->len; i++) {
        const SgBinding *binding = bindings->pdata[i];
        SgFlow flow;

        if ((binding->alive || !any_alive) && binding_flow(line->agent, binding, &flow))
            ring(line, order, binding->contact, binding->path[0] ? binding->path : NULL, &flow);
    }
}

static void dial_now(SgAgent *agent, SgDialOrder *order)
{
    Line *line = g_hash_table_lookup(agent->sip.lines, &order->call);
    SgFlow flow;

    if (!line)
        return; /* hung up while it waited */
    if (order->account)
        ring_account(line, order);
    else if (sg_transport_route(agent->sip.transport, order->transport, &order->address, &flow) == 0)
        ring(line, order, order->uri, order->route, &flow);
    md_stat_add(&agent->stats.calls_out, 1);
    if (line->branches->len > 0)
        return;
    tell(line, SG_EVENT_CLOSED, order->account ? 480 : 503, order->account ? "not registered" : "no way to that address");
    line_end(line);
}

/* INVITEs leave at a steady pace: a province-wide announcement must not drown its own answers. */
static void on_dial_tick(void *data)
{
    SgAgent *agent = data;
    SgAgentSip *sip = &agent->sip;
    int64_t now = sg_now_us();
    double rate = agent->options.dials_per_s;

    sip->dial_credit = MIN(sip->dial_credit + rate * (double)(now - sip->dial_last_us) / G_USEC_PER_SEC, MAX(rate / 20, 1));
    sip->dial_last_us = now;
    while (sip->dial_credit >= 1 && !g_queue_is_empty(&sip->dials)) {
        SgDialOrder *order = g_queue_pop_head(&sip->dials);

        sip->dial_credit--;
        dial_now(agent, order);
        sg_dial_order_free(order);
    }
    if (!g_queue_is_empty(&sip->dials))
        sg_timer_start(agent->loop, &sip->dial_timer, DIAL_TICK_US, on_dial_tick, agent);
}

static void dial(SgAgent *agent, SgDialOrder *order)
{
    Line *line = line_new(agent, order->call, false);
    SgAgentSip *sip = &agent->sip;

    if (sip->draining || g_hash_table_size(sip->lines) > agent->options.calls_max || g_queue_get_length(&sip->dials) >= DIALS_QUEUED_MAX) {
        tell(line, SG_EVENT_CLOSED, 503, sip->draining ? "shutting down" : "too many calls");
        line_end(line);
        sg_dial_order_free(order);
        return;
    }
    g_queue_push_tail(&sip->dials, order);
    if (sip->dial_timer.index == 0)
        on_dial_tick(agent);
}

/* --- commands --- */

static void hang_up(Line *line, const char *reason)
{
    GPtrArray *sessions = g_ptr_array_new();

    line->abandoned = true;
    for (unsigned i = 0; i < line->branches->len; i++)
        g_ptr_array_add(sessions, ((Branch *)line->branches->pdata[i])->session);
    if (sessions->len == 0) /* still in the queue */
        line_end(line);
    for (unsigned i = 0; i < sessions->len; i++)
        sg_session_hangup(sessions->pdata[i], reason);
    g_ptr_array_unref(sessions);
}

static void on_drain_tick(void *data)
{
    SgAgent *agent = data;
    SgAgentSip *sip = &agent->sip;
    SgEvent *event;

    /* A call is over for its device when it has answered our BYE: until then it may have to be repeated, but a device that is gone
     * holds nobody up for long. */
    if (g_hash_table_size(sip->lines) == 0 && !sip->farewell) {
        sip->farewell = true;
        sip->drain_until_us = MIN(sip->drain_until_us, sg_now_us() + FAREWELL_US);
    }
    if ((!sip->farewell || sg_txs_waiting(sip->txs, "BYE") > 0) && sg_now_us() < sip->drain_until_us) {
        sg_timer_start(agent->loop, &sip->drain_timer, 20000, on_drain_tick, agent);
        return;
    }
    event = g_new0(SgEvent, 1);
    event->kind = SG_EVENT_DRAINED;
    sg_agent_post(agent, event);
}

static void drain(SgAgent *agent, unsigned timeout_ms)
{
    SgAgentSip *sip = &agent->sip;
    SgDialOrder *order;

    sip->draining = true;
    sip->drain_until_us = sg_now_us() + (int64_t)timeout_ms * 1000;
    while ((order = g_queue_pop_head(&sip->dials)) != NULL) {
        Line *line = g_hash_table_lookup(sip->lines, &order->call);

        if (line) {
            tell(line, SG_EVENT_CLOSED, 503, "shutting down");
            line_end(line);
        }
        sg_dial_order_free(order);
    }
    sg_sessions_hangup_all(sip->sessions, 503, "shutting down");
    on_drain_tick(agent);
}

static void run_call_command(SgCommand *command)
{
    Line *line = g_hash_table_lookup(command->agent->sip.lines, &command->call);
    SgSession *session;

    if (!line || line->abandoned)
        return;
    if (command->kind == SG_COMMAND_HANGUP) {
        hang_up(line, command->text);
        return;
    }
    if (!line->winner)
        return;
    session = line->winner->session;
    switch (command->kind) {
    case SG_COMMAND_PROGRESS:
        sg_session_progress(session, command->code, command->text, command->sdp);
        break;
    case SG_COMMAND_ANSWER:
        sg_session_answer(session, command->sdp);
        break;
    case SG_COMMAND_REJECT:
        sg_session_reject(session, command->code, command->text, command->code == 486 || command->code == 503 ? "Retry-After: 10\r\n" : NULL);
        break;
    case SG_COMMAND_OFFER:
        sg_session_offer(session, command->sdp);
        break;
    case SG_COMMAND_KEY_FRAME:
        sg_session_request_key_frame(session);
        break;
    case SG_COMMAND_FLOOR:
        if (line->agent->sip.floors && command->floor)
            sg_floors_open(line->agent->sip.floors, line->id, command->floor, &sg_session_flow(session)->remote);
        else if (line->agent->sip.floors)
            sg_floors_close(line->agent->sip.floors, line->id);
        break;
    case SG_COMMAND_CONTENT:
        if (line->agent->sip.floors)
            sg_floors_content(line->agent->sip.floors, line->id, (MdCallContent)command->code, command->text);
        break;
    default:
        break;
    }
}

void sg_agent_run_command(void *data)
{
    SgCommand *command = data;
    SgAgent *agent = command->agent;

    switch (command->kind) {
    case SG_COMMAND_DIAL:
        dial(agent, g_steal_pointer(&command->order));
        break;
    case SG_COMMAND_UNREGISTER:
        sg_location_remove_account(agent->sip.location, command->text, "removed by the operator");
        break;
    case SG_COMMAND_DRAIN:
        drain(agent, (unsigned)command->code);
        break;
    case SG_COMMAND_SNAPSHOT:
        sg_registrar_publish(agent->sip.registrar, g_steal_pointer(&command->snapshot));
        break;
    default:
        run_call_command(command);
        break;
    }
    g_free(command->text);
    g_free(command->floor);
    g_free(command->sdp);
    g_free(command);
}
