/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control thread's side: events in, commands out, MdCall, MdDialer, the mirror of the location table. */
#include "sip/agent-impl.h"
#include <unistd.h>
#include <sys/socket.h>
#include <gio/gio.h>
#include <glib-unix.h>

#define HEADERS_MAX 4096

typedef struct ControlCall {
    SgAgent *agent;     /* closes every call before it goes */
    uint64_t id;
    MdCall *call;       /* our reference until the call has closed */
    bool answered, closed;
} ControlCall;

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
    ControlCall *call = impl;

    if (!call->closed && call->agent->loop)
        sg_agent_command(call->agent, (SgCommand){.kind = kind, .call = call->id, .code = code, .text = g_strdup(text), .sdp = g_strdup(sdp)});
}

static void op_progress(void *impl, int code, const char *reason, const char *sdp)
{
    order(impl, SG_COMMAND_PROGRESS, code, reason, sdp);
}

static void op_send_answer(void *impl, const char *sdp)
{
    ((ControlCall *)impl)->answered = true;
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
    ControlCall *call = impl;

    if (!call->closed && call->agent->loop)
        sg_agent_command(call->agent, (SgCommand){.kind = SG_COMMAND_FLOOR, .call = call->id, .floor = floor ? g_memdup2(floor, sizeof *floor) : NULL});
}

static void op_content(void *impl, MdCallContent state, const char *reason)
{
    order(impl, SG_COMMAND_CONTENT, (int)state, reason, NULL);
}

typedef struct Ending {
    ControlCall *call;
    int code;
    char *reason;
} Ending;

static void close_call(ControlCall *call, int code, const char *reason)
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

/* on_closed comes from the main loop, never from inside of md_call_hangup or md_call_reject. */
static void end_soon(ControlCall *call, int code, const char *reason)
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
    ControlCall *call = impl;

    order(impl, SG_COMMAND_REJECT, code, reason, NULL);
    /* once answered it refuses a later offer only, and the call goes on */
    if (!call->answered && md_call_info(call->call)->direction == MD_CALL_IN)
        end_soon(call, code, reason);
}

static void op_hangup(void *impl, const char *reason)
{
    order(impl, SG_COMMAND_HANGUP, 200, reason, NULL);
    end_soon(impl, 200, reason ? reason : "hung up");
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

static ControlCall *call_new(SgAgent *agent, uint64_t id, MdCallInfo *info)
{
    ControlCall *call = g_new0(ControlCall, 1);

    call->agent = agent;
    call->id = id;
    call->call = md_call_new(&ops, call, info);
    g_hash_table_insert(agent->control.calls, &call->id, call);
    return call;
}

static void tell(SgAgent *agent, const char *type, const char *account, const char *detail)
{
    if (agent->options.on_event)
        agent->options.on_event(type, account, detail, agent->options.event_user);
}

static void on_incoming(SgAgent *agent, SgEvent *event)
{
    ControlCall *call = call_new(agent, event->call, event->info);

    if (agent->options.router)
        agent->options.router(call->call, agent->options.router_user);
    else
        md_call_reject(call->call, 404, NULL);
}

static void on_call_event(SgAgent *agent, const SgEvent *event)
{
    ControlCall *call = g_hash_table_lookup(agent->control.calls, &event->call);

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

/* --- the mirror of the location table --- */

static GPtrArray *mirror_list(SgAgent *agent, const char *account)
{
    GPtrArray *list = g_hash_table_lookup(agent->control.registrations, account);

    if (!list) {
        list = g_ptr_array_new_with_free_func((GDestroyNotify)sg_binding_record_free);
        g_hash_table_insert(agent->control.registrations, g_strdup(account), list);
    }
    return list;
}

static SgBindingRecord *record_copy(const SgBindingRecord *record)
{
    SgBindingRecord *copy = g_memdup2(record, sizeof(*record));

    copy->account = g_strdup(record->account);
    copy->key = g_strdup(record->key);
    copy->contact = g_strdup(record->contact);
    copy->path = g_strdup(record->path);
    copy->call_id = g_strdup(record->call_id);
    copy->user_agent = g_strdup(record->user_agent);
    copy->host = g_strdup(record->host);
    return copy;
}

static void mirror_apply(SgAgent *agent, const SgBindingRecord *record)
{
    GPtrArray *list = mirror_list(agent, record->account);
    bool present = false;
    char *detail = g_strdup_printf("%s from %s port %u/%s%s%s", record->contact, record->host, record->port,
                                   sg_transport_to_string(record->transport), record->reason ? ": " : "", record->reason ? record->reason : "");

    for (unsigned i = 0; i < list->len; i++) {
        if (strcmp(((SgBindingRecord *)list->pdata[i])->key, record->key) != 0)
            continue;
        present = true;
        g_ptr_array_remove_index(list, i);
        break;
    }
    if (!record->removed)
        g_ptr_array_add(list, record_copy(record));
    if (list->len == 0)
        g_hash_table_remove(agent->control.registrations, record->account);
    if (record->removed && present)
        tell(agent, "registration.removed", record->account, detail);
    else if (!record->removed && !present)
        tell(agent, "registration.added", record->account, detail);
    g_free(detail);
}

static void on_bindings(SgAgent *agent, GPtrArray *records)
{
    sg_agent_save_bindings(agent, records);
    for (unsigned i = 0; i < records->len; i++)
        mirror_apply(agent, records->pdata[i]);
}

static void on_notice(SgAgent *agent, const SgEvent *event)
{
    static const char *const types[] = {"registration.failed", "registration.fault", "guard.banned"};

    md_notice(&agent->logger, "%s: %s%s%s", types[event->code], event->text2, event->text ? ", account " : "", event->text ? event->text : "");
    tell(agent, types[event->code], event->text, event->text2);
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

/* --- registrations --- */

void sg_registration_free(SgRegistration *registration)
{
    if (!registration)
        return;
    g_free(registration->account);
    g_free(registration->contact);
    g_free(registration->user_agent);
    g_free(registration->source);
    g_free(registration);
}

static void add_registrations(GPtrArray *out, const GPtrArray *list)
{
    for (unsigned i = 0; list && i < list->len; i++) {
        const SgBindingRecord *record = list->pdata[i];
        SgRegistration *registration = g_new0(SgRegistration, 1);

        registration->account = g_strdup(record->account);
        registration->contact = g_strdup(record->contact);
        registration->user_agent = g_strdup(record->user_agent);
        registration->source = g_strdup_printf(strchr(record->host, ':') ? "[%s]:%u" : "%s:%u", record->host, record->port);
        registration->transport = record->transport;
        registration->registered_wall_us = record->registered_wall_us;
        registration->expires_wall_us = record->expires_wall_us;
        registration->alive = record->alive;
        g_ptr_array_add(out, registration);
    }
}

GPtrArray *sg_agent_registrations(SgAgent *agent, const char *account)
{
    GPtrArray *out = g_ptr_array_new_with_free_func((GDestroyNotify)sg_registration_free);
    GHashTableIter iter;
    gpointer value;

    if (account) {
        add_registrations(out, g_hash_table_lookup(agent->control.registrations, account));
        return out;
    }
    g_hash_table_iter_init(&iter, agent->control.registrations);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        add_registrations(out, value);
    return out;
}

bool sg_agent_is_registered(SgAgent *agent, const char *account)
{
    return account && g_hash_table_contains(agent->control.registrations, account);
}

void sg_agent_unregister(SgAgent *agent, const char *account)
{
    sg_agent_command(agent, (SgCommand){.kind = SG_COMMAND_UNREGISTER, .text = g_strdup(account)});
}

void sg_agent_drain(SgAgent *agent, unsigned timeout_ms, void (*done)(void *user), void *user)
{
    agent->control.drained = done;
    agent->control.drained_user = user;
    sg_agent_command(agent, (SgCommand){.kind = SG_COMMAND_DRAIN, .code = (int)MIN(timeout_ms, 3600000u)});
}

/* --- dialer --- */

static SgAgent *dialer_agent(MdDialer *dialer)
{
    return (SgAgent *)(void *)((char *)dialer - offsetof(SgAgent, control.dialer));
}

static const SgTrunk *find_trunk(const SgAgent *agent, const char *name)
{
    for (unsigned i = 0; name && i < agent->n_trunks; i++)
        if (strcmp(agent->trunks[i].name, name) == 0)
            return &agent->trunks[i];
    return NULL;
}

static bool add_headers(GString *out, const char *const *headers, GError **error)
{
    static const char *const ours[] = {"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Content-Length", "Content-Type", "Route",
                                       "Record-Route", "Max-Forwards", "Authorization", "Proxy-Authorization"};

    for (const char *const *line = headers; line && *line; line++) {
        const char *colon = strchr(*line, ':');
        size_t len = colon ? (size_t)(colon - *line) : 0;
        bool bad = len == 0 || !sg_is_line(*line, 1024) || out->len > HEADERS_MAX;

        for (size_t i = 0; i < len && !bad; i++)
            bad = !g_ascii_isalnum((*line)[i]) && (*line)[i] != '-';
        for (unsigned i = 0; i < G_N_ELEMENTS(ours) && !bad; i++)
            bad = strlen(ours[i]) == len && g_ascii_strncasecmp(*line, ours[i], len) == 0;
        if (bad) {
            g_set_error(error, SG_ERROR, SG_ERROR_INVALID, "header line '%.64s' cannot be added", *line);
            return false;
        }
        g_string_append_printf(out, "%s\r\n", *line);
    }
    return true;
}

static bool is_own_host(const SgAgent *agent, const char *host)
{
    return g_ascii_strcasecmp(host, agent->domain) == 0 ||
           (agent->aliases && g_strv_contains((const char *const *)agent->aliases, host));
}

/* Every device that an account is signed in with, or the address itself, by TLS. */
static bool is_secure(const SgAgent *agent, const SgDialOrder *dial)
{
    GPtrArray *list = dial->account ? g_hash_table_lookup(agent->control.registrations, dial->account) : NULL;

    if (!dial->account)
        return dial->transport == SG_TLS;
    for (guint i = 0; list && i < list->len; i++)
        if (((const SgBindingRecord *)list->pdata[i])->transport != SG_TLS)
            return false;
    return list && list->len > 0;
}

static bool may_go(const SgAgent *agent, const MdDialRequest *request, const SgDialOrder *dial, GError **error)
{
    if (!request->secure_only || is_secure(agent, dial))
        return true;
    g_set_error(error, SG_ERROR, SG_ERROR_NOT_REGISTERED, "'%.64s' is not signed in over TLS with every device, and the call is confidential",
                request->target);
    return false;
}

/* Fills in where to send it. True with an account or a numeric address; false: host_name must be looked up. */
static bool aim(SgAgent *agent, const MdDialRequest *request, SgDialOrder *dial, char **ret_lookup, uint16_t *ret_port, GError **error)
{
    const SgTrunk *trunk = find_trunk(agent, request->trunk);
    SgUri uri, next;

    if (request->trunk && !trunk) {
        g_set_error(error, SG_ERROR, SG_ERROR_NOT_FOUND, "no SIP trunk '%.64s'", request->trunk);
        return false;
    }
    if (!trunk && sg_account_name_is_valid(request->target)) {
        dial->account = g_strdup(request->target);
    } else if (sg_uri_parse(&uri, request->target)) {
        if (!trunk && is_own_host(agent, uri.host))
            dial->account = g_strdup(uri.user);
    } else if (!trunk || !sg_account_name_is_valid(request->target)) {
        g_set_error(error, SG_ERROR, SG_ERROR_INVALID, "'%.64s' is neither an account nor a SIP address", request->target);
        return false;
    }
    if (dial->account) {
        if (!sg_agent_is_registered(agent, dial->account)) {
            g_set_error(error, SG_ERROR, SG_ERROR_NOT_REGISTERED, "'%.64s' is not registered", dial->account);
            return false;
        }
        dial->to = g_strdup_printf("<sip:%s@%s>", dial->account, agent->domain);
        return true;
    }
    if (trunk) {
        if (!sg_uri_parse(&next, trunk->proxy)) {
            g_set_error(error, SG_ERROR, SG_ERROR_INVALID, "trunk '%s' has no valid proxy address", trunk->name);
            return false;
        }
        dial->uri = strchr(request->target, ':') ? g_strdup(request->target) : g_strdup_printf("sip:%s@%s", request->target, next.host);
        dial->username = g_strdup(trunk->username);
        dial->password = g_strdup(trunk->password);
    } else {
        next = uri;
        dial->uri = g_strdup(request->target);
    }
    dial->to = g_strdup_printf("<%s>", dial->uri);
    dial->transport = next.transport == SG_TRANSPORT_INVALID ? SG_UDP : next.transport;
    if (dial->transport == SG_TLS)
        dial->verify_host = g_strdup(next.host);
    if (!sg_uri_address(&next, &dial->address, &dial->transport)) {
        *ret_lookup = g_strdup(next.host);
        *ret_port = next.port ? next.port : dial->transport == SG_TLS ? SIP_PORT_TLS : SIP_PORT;
    }
    return true;
}

typedef struct Lookup {
    SgAgent *agent;
    SgDialOrder *order;
    uint16_t port;
} Lookup;

static void on_resolved(GObject *source, GAsyncResult *result, gpointer user)
{
    Lookup *lookup = user;
    g_autoptr(GError) error = NULL;
    GList *addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, &error);
    ControlCall *call;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) { /* the agent is gone */
        sg_dial_order_free(lookup->order);
        g_free(lookup);
        return;
    }
    call = g_hash_table_lookup(lookup->agent->control.calls, &lookup->order->call);
    if (call && addresses) {
        char *text = g_inet_address_to_string(addresses->data);

        sa_set_str(&lookup->order->address, text, lookup->port);
        sg_agent_command(lookup->agent, (SgCommand){.kind = SG_COMMAND_DIAL, .order = g_steal_pointer(&lookup->order)});
        g_free(text);
    } else if (call) {
        end_soon(call, 503, error ? error->message : "unknown host");
    }
    g_resolver_free_addresses(addresses);
    sg_dial_order_free(lookup->order);
    g_free(lookup);
}

static MdCallInfo *outgoing_info(SgAgent *agent, const MdDialRequest *request, const SgDialOrder *dial)
{
    const SgAccount *account = sg_accounts_find(agent->options.accounts, dial->account);
    GPtrArray *list = dial->account ? g_hash_table_lookup(agent->control.registrations, dial->account) : NULL;
    MdCallInfo *info = g_new0(MdCallInfo, 1);
    char host[80] = "";

    if (!dial->account)
        sg_host(host, sizeof(host), &dial->address, true);
    info->id = g_strdup_printf("sip-%" PRIu64, dial->call);
    info->direction = MD_CALL_OUT;
    info->from_uri = g_strndup(dial->to + 1, strlen(dial->to) - 2);
    info->from_display = g_strdup(account ? account->display : "");
    info->account = g_strdup(dial->account);
    info->to_user = g_strdup(request->from_user ? request->from_user : "mediad");
    info->to_host = g_strdup(agent->domain);
    info->peer_host = g_strdup(list && list->len > 0 ? ((SgBindingRecord *)list->pdata[0])->host : host);
    info->user_agent = g_strdup("");
    info->authenticated = dial->account != NULL || dial->username != NULL;
    info->secure = list && list->len > 0 ? ((SgBindingRecord *)list->pdata[0])->transport == SG_TLS : dial->transport == SG_TLS;
    info->security = account && account->security != MD_SECURITY_INVALID ? account->security : MD_SECURITY_PREFERRED;
    return info;
}

static MdCall *place(SgAgent *agent, const MdDialRequest *request, SgDialOrder *dial, const char *lookup_name, uint16_t port)
{
    MdCallInfo *info;
    ControlCall *call;
    Lookup *lookup;

    dial->call = agent->control.next_call;
    agent->control.next_call += 2;
    info = outgoing_info(agent, request, dial);
    call = call_new(agent, dial->call, info);
    g_free(info);
    if (!lookup_name) {
        sg_agent_command(agent, (SgCommand){.kind = SG_COMMAND_DIAL, .order = dial});
    } else {
        g_autoptr(GResolver) resolver = g_resolver_get_default();

        lookup = g_new0(Lookup, 1);
        *lookup = (Lookup){agent, dial, port};
        g_resolver_lookup_by_name_async(resolver, lookup_name, agent->control.resolving, on_resolved, lookup);
    }
    return md_call_ref(call->call);
}

static MdCall *dialer_dial(MdDialer *dialer, const MdDialRequest *request, const MdCallHandler *handler, void *user, GError **error)
{
    SgAgent *agent = dialer_agent(dialer);
    const char *from_user = request->from_user ? request->from_user : "mediad";
    SgDialOrder *dial = g_new0(SgDialOrder, 1);
    GString *headers = g_string_new(NULL);
    char *lookup = NULL;
    uint16_t port = 0;
    MdCall *call = NULL;

    if (!sg_account_name_is_valid(from_user)) {
        g_set_error(error, SG_ERROR, SG_ERROR_INVALID, "cannot call from '%.64s'", from_user);
    } else if (add_headers(headers, request->headers, error) && aim(agent, request, dial, &lookup, &port, error) &&
               may_go(agent, request, dial, error)) {
        g_autofree char *display = sg_display_name(request->from_display);

        dial->from = display ? g_strdup_printf("\"%s\" <sip:%s@%s>", display, from_user, agent->domain)
                             : g_strdup_printf("<sip:%s@%s>", from_user, agent->domain);
        dial->contact_user = g_strdup(from_user);
        dial->sdp = g_strdup(request->sdp);
        dial->headers = headers->len ? g_strdup(headers->str) : NULL;
        dial->ring_timeout_ms = request->ring_timeout_ms;
        call = place(agent, request, g_steal_pointer(&dial), lookup, port);
        md_call_set_handler(call, handler, user);
    }
    sg_dial_order_free(dial);
    g_string_free(headers, TRUE);
    g_free(lookup);
    return call;
}

static bool dialer_is_registered(MdDialer *dialer, const char *account)
{
    return sg_agent_is_registered(dialer_agent(dialer), account);
}

static char *dialer_local_host_for(MdDialer *dialer, const char *target)
{
    SgAgent *agent = dialer_agent(dialer);
    GPtrArray *list = g_hash_table_lookup(agent->control.registrations, target);
    struct sa remote, local = {.len = sizeof(local.u)};
    SgTransportKind kind;
    char host[80], *found = NULL;
    SgUri uri;
    int fd;

    if (list && list->len > 0) {
        const SgBindingRecord *record = list->pdata[0];

        if (sa_set_str(&remote, record->host, record->port ? record->port : SIP_PORT))
            return NULL;
    } else if (!sg_uri_parse(&uri, target) || !sg_uri_address(&uri, &remote, &kind)) {
        return NULL;
    }
    fd = socket(sa_af(&remote), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    if (connect(fd, &remote.u.sa, remote.len) == 0 && getsockname(fd, &local.u.sa, &local.len) == 0) {
        sg_host(host, sizeof(host), &local, true);
        found = g_strdup(host);
    }
    close(fd);
    return found;
}

MdDialer *sg_agent_dialer(SgAgent *agent)
{
    return &agent->control.dialer;
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
    control->dialer = (MdDialer){.dial = dialer_dial, .is_registered = dialer_is_registered, .local_host_for = dialer_local_host_for};
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
        ControlCall *call = link->data;

        close_call(call, 503, "shutting down");
    }
    g_list_free(calls);
    g_hash_table_unref(control->calls);
    g_hash_table_unref(control->registrations);
    g_main_context_unref(control->context);
}
