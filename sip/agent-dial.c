/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MdDialer: an order to call becomes an address on a trunk, at a host or of an account's devices, and a call of ours. Control thread. */
#include "sip/agent-impl.h"
#include <unistd.h>
#include <sys/socket.h>

#define HEADERS_MAX 4096

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
    SgControlCall *call;

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
        sg_control_call_end(call, 503, error ? error->message : "unknown host");
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
    SgControlCall *call;
    Lookup *lookup;

    dial->call = agent->control.next_call;
    agent->control.next_call += 2;
    info = outgoing_info(agent, request, dial);
    call = sg_control_call_new(agent, dial->call, info);
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

void sg_agent_dialer_init(SgAgent *agent)
{
    agent->control.dialer = (MdDialer){.dial = dialer_dial, .is_registered = dialer_is_registered, .local_host_for = dialer_local_host_for};
}
