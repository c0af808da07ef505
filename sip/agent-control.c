/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control thread's side: events in, commands out, MdCall. */
#include "sip/agent-impl.h"
#include <glib-unix.h>

/* --- the way between the threads --- */

void sg_event_free(SgEvent *event)
{
    if (event->info) {
        MdCallInfo *info = event->info;

        g_free(info->id);
        g_free(info->from_uri);
        g_free(info->from_display);
        g_free(info->account);
        g_free(info->to_user);
        g_free(info->to_host);
        g_free(info->peer_host);
        g_free(info->user_agent);
        g_free(info);
    }
    if (event->records)
        g_ptr_array_unref(event->records);
    g_free(event->text);
    g_free(event->text2);
    g_free(event);
}

static void deliver(void *payload, size_t len)
{
    SgEvent *event;

    memcpy(&event, payload, sizeof(event));
    sg_agent_on_event(event);
    sg_event_free(event);
}

static void post_unsent(void *data)
{
    SgAgent *agent = data;
    GQueue *unsent = &agent->sip.unsent;
    SgEvent *event;

    while ((event = g_queue_peek_head(unsent)) != NULL) {
        if (md_mailbox_post(agent->mailbox, deliver, &event, sizeof(event)) < 0) {
            sg_timer_start(agent->loop, &agent->sip.post_timer, 10000, post_unsent, agent);
            return;
        }
        g_queue_pop_head(unsent);
    }
}

void sg_agent_post(SgAgent *agent, SgEvent *event)
{
    event->agent = agent;
    /* control is slow at the moment: keep the order, lose nothing */
    g_queue_push_tail(&agent->sip.unsent, event);
    if (agent->sip.post_timer.index == 0)
        post_unsent(agent);
}

static gboolean on_mail(gint fd, GIOCondition condition, gpointer user)
{
    md_mailbox_drain(((SgAgent *)user)->mailbox, 1000);
    return G_SOURCE_CONTINUE;
}

void sg_agent_command(SgAgent *agent, SgCommand command)
{
    SgCommand *copy = g_memdup2(&command, sizeof(command));

    copy->agent = agent;
    sg_loop_post(agent->loop, sg_agent_run_command, copy);
}

/* --- MdCall --- */

static void order(void *impl, SgCommandKind kind, int code, const char *text, const char *sdp)
{
    SgControlCall *call = impl;

    if (!call->closed && call->agent->loop)
        sg_agent_command(call->agent, (SgCommand){.kind = kind, .call = call->id, .code = code, .text = g_strdup(text), .sdp = g_strdup(sdp)});
}

static void op_progress(void *impl, int code, const char *reason, const char *sdp)
{
    order(impl, SG_COMMAND_PROGRESS, code, reason, sdp);
}

static void op_send_answer(void *impl, const char *sdp)
{
    ((SgControlCall *)impl)->answered = true;
    order(impl, SG_COMMAND_ANSWER, 200, NULL, sdp);
}

static void op_send_offer(void *impl, const char *sdp)
{
    order(impl, SG_COMMAND_OFFER, 0, NULL, sdp);
}

static void op_request_key_frame(void *impl)
{
    order(impl, SG_COMMAND_KEY_FRAME, 0, NULL, NULL);
}

static void op_open_floor(void *impl, const MdCallFloor *floor)
{
    SgControlCall *call = impl;

    if (!call->closed && call->agent->loop)
        sg_agent_command(call->agent, (SgCommand){.kind = SG_COMMAND_FLOOR, .call = call->id, .floor = floor ? g_memdup2(floor, sizeof *floor) : NULL});
}

static void op_content(void *impl, MdCallContent state, const char *reason)
{
    order(impl, SG_COMMAND_CONTENT, (int)state, reason, NULL);
}

typedef struct Ending {
    SgControlCall *call;
    int code;
    char *reason;
} Ending;

static void close_call(SgControlCall *call, int code, const char *reason)
{
    MdCall *held = call->call;

    if (call->closed)
        return;
    call->closed = true;
    g_hash_table_remove(call->agent->control.calls, &call->id);
    md_call_emit_closed(held, code, reason);
    md_call_unref(held);
}

static gboolean close_later(gpointer data)
{
    Ending *ending = data;

    close_call(ending->call, ending->code, ending->reason);
    return G_SOURCE_REMOVE;
}

static void ending_free(gpointer data)
{
    Ending *ending = data;

    md_call_unref(ending->call->call);
    g_free(ending->reason);
    g_free(ending);
}

void sg_control_call_end(SgControlCall *call, int code, const char *reason)
{
    Ending *ending;
    GSource *source;

    if (call->closed)
        return;
    ending = g_new0(Ending, 1);
    ending->call = call;
    ending->code = code;
    ending->reason = g_strdup(reason);
    md_call_ref(call->call);
    source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, close_later, ending, ending_free);
    g_source_attach(source, call->agent->control.context);
    g_source_unref(source);
}

static void op_reject(void *impl, int code, const char *reason)
{
    SgControlCall *call = impl;

    order(impl, SG_COMMAND_REJECT, code, reason, NULL);
    /* once answered it refuses a later offer only, and the call goes on */
    if (!call->answered && md_call_info(call->call)->direction == MD_CALL_IN)
        sg_control_call_end(call, code, reason);
}

static void op_hangup(void *impl, const char *reason)
{
    order(impl, SG_COMMAND_HANGUP, 200, reason, NULL);
    sg_control_call_end(impl, 200, reason ? reason : "hung up");
}

static void op_free(void *impl)
{
    g_free(impl);
}

static const MdCallOps ops = {
    .progress = op_progress, .send_answer = op_send_answer, .reject = op_reject, .hangup = op_hangup, .send_offer = op_send_offer,
    .request_key_frame = op_request_key_frame, .free_impl = op_free, .open_floor = op_open_floor, .content = op_content,
};

/* --- events --- */

SgControlCall *sg_control_call_new(SgAgent *agent, uint64_t id, MdCallInfo *info)
{
    SgControlCall *call = g_new0(SgControlCall, 1);

    call->agent = agent;
    call->id = id;
    call->call = md_call_new(&ops, call, info);
    g_hash_table_insert(agent->control.calls, &call->id, call);
    return call;
}

void sg_agent_tell(SgAgent *agent, const char *type, const char *account, const char *detail)
{
    if (agent->options.on_event)
        agent->options.on_event(type, account, detail, agent->options.event_user);
}

static void on_incoming(SgAgent *agent, SgEvent *event)
{
    SgControlCall *call = sg_control_call_new(agent, event->call, event->info);

    if (agent->options.router)
        agent->options.router(call->call, agent->options.router_user);
    else
        md_call_reject(call->call, 404, NULL);
}

static void on_call_event(SgAgent *agent, const SgEvent *event)
{
    SgControlCall *call = g_hash_table_lookup(agent->control.calls, &event->call);

    if (!call)
        return; /* hung up here while the news was on its way */
    switch (event->kind) {
    case SG_EVENT_SDP:
        md_call_emit_sdp(call->call, event->code ? MD_SDP_OFFER : MD_SDP_ANSWER, event->text);
        break;
    case SG_EVENT_RINGING:
        md_call_emit_ringing(call->call, event->code);
        break;
    case SG_EVENT_ESTABLISHED:
        call->answered = true;
        md_call_emit_established(call->call);
        break;
    case SG_EVENT_DTMF:
        md_call_emit_dtmf(call->call, (char)event->code, event->duration_ms);
        break;
    case SG_EVENT_KEY_FRAME:
        md_call_emit_key_frame_request(call->call);
        break;
    case SG_EVENT_CONTENT:
        md_call_emit_content_request(call->call, event->code != 0);
        break;
    default:
        close_call(call, event->code, event->text);
        break;
    }
}

static void on_bindings(SgAgent *agent, GPtrArray *records)
{
    sg_agent_save_bindings(agent, records);
    for (unsigned i = 0; i < records->len; i++)
        sg_agent_mirror(agent, records->pdata[i]);
}

static void on_notice(SgAgent *agent, const SgEvent *event)
{
    static const char *const types[] = {"registration.failed", "registration.fault", "guard.banned"};

    /* a fault is one of our own devices'; the others are strangers', as a rule */
    md_logf(&agent->logger, event->code == 1 ? MD_LOG_WARNING : MD_LOG_NOTICE, "%s: %s%s%s", types[event->code], event->text2, event->text ? ", account " : "", event->text ? event->text : "");
    sg_agent_tell(agent, types[event->code], event->text, event->text2);
}

static void on_drained(SgAgent *agent)
{
    void (*done)(void *user) = agent->control.drained;

    agent->control.drained = NULL;
    if (done)
        done(agent->control.drained_user);
}

void sg_agent_on_event(SgEvent *event)
{
    SgAgent *agent = event->agent;

    if (!agent->loop && event->kind != SG_EVENT_BINDINGS)
        return; /* being freed: only what must be saved */
    switch (event->kind) {
    case SG_EVENT_INCOMING:
        on_incoming(agent, event);
        break;
    case SG_EVENT_BINDINGS:
        on_bindings(agent, event->records);
        break;
    case SG_EVENT_NOTICE:
        on_notice(agent, event);
        break;
    case SG_EVENT_DRAINED:
        on_drained(agent);
        break;
    default:
        on_call_event(agent, event);
        break;
    }
}

void sg_agent_drain(SgAgent *agent, unsigned timeout_ms, void (*done)(void *user), void *user)
{
    agent->control.drained = done;
    agent->control.drained_user = user;
    sg_agent_command(agent, (SgCommand){.kind = SG_COMMAND_DRAIN, .code = (int)MIN(timeout_ms, 3600000u)});
}

/* --- start and stop --- */

static void on_accounts_changed(void *user)
{
    SgAgent *agent = user;

    sg_agent_command(agent, (SgCommand){.kind = SG_COMMAND_SNAPSHOT, .snapshot = sg_accounts_snapshot(agent->options.accounts)});
}

void sg_agent_control_init(SgAgent *agent)
{
    SgAgentControl *control = &agent->control;

    control->context = g_main_context_ref_thread_default();
    control->calls = g_hash_table_new(g_int64_hash, g_int64_equal);
    control->registrations = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    control->next_call = 2;
    control->resolving = g_cancellable_new();
    sg_agent_dialer_init(agent);
    control->mail_source = g_unix_fd_source_new(md_mailbox_fd(agent->mailbox), G_IO_IN);
    g_source_set_callback(control->mail_source, G_SOURCE_FUNC(on_mail), agent, NULL);
    g_source_attach(control->mail_source, control->context);
    sg_accounts_set_changed(agent->options.accounts, on_accounts_changed, agent);
}

void sg_agent_control_clear(SgAgent *agent)
{
    SgAgentControl *control = &agent->control;
    GList *calls;

    sg_accounts_set_changed(agent->options.accounts, NULL, NULL);
    g_cancellable_cancel(control->resolving);
    g_object_unref(control->resolving);
    while (md_mailbox_drain(agent->mailbox, 0) > 0) /* the last changes of the location table */
        ;
    g_source_destroy(control->mail_source);
    g_source_unref(control->mail_source);
    calls = g_hash_table_get_values(control->calls);
    for (GList *link = calls; link; link = link->next) {
        SgControlCall *call = link->data;

        close_call(call, 503, "shutting down");
    }
    g_list_free(calls);
    g_hash_table_unref(control->calls);
    g_hash_table_unref(control->registrations);
    g_main_context_unref(control->context);
}
