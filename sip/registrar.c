/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/registrar.h"

struct SgRegistrar {
    SgRegistrarOptions options;
};

SgRegistrar *sg_registrar_new(const SgRegistrarOptions *options)
{
    SgRegistrar *registrar = g_new0(SgRegistrar, 1);

    registrar->options = *options;
    return registrar;
}

void sg_registrar_free(SgRegistrar *registrar)
{
    g_free(registrar);
}

typedef struct Change {
    const SgSnapshot *before, *after;
} Change;

static const char *against(const SgBinding *binding, void *user)
{
    const Change *change = user;
    const SgCredential *before, *after;
    struct pl name;

    pl_set_str(&name, binding->account);
    before = sg_snapshot_find(change->before, &name);
    after = sg_snapshot_find(change->after, &name);
    if (!after)
        return "the account was deleted";
    if (after->disabled)
        return "the account was disabled";
    return before && memcmp(before->ha1, after->ha1, sizeof(after->ha1)) != 0 ? "the password was changed" : NULL;
}

void sg_registrar_publish(SgRegistrar *registrar, SgSnapshot *snapshot)
{
    Change change = {sg_auth_snapshot(registrar->options.auth), snapshot};

    sg_location_keep(registrar->options.location, against, &change);
    sg_auth_publish(registrar->options.auth, snapshot);
}

/* --- who --- */

static void blame(SgRegistrar *registrar, const SgFlow *flow, const SgAuthResult *result, int64_t now_us)
{
    const SgRegistrarOptions *options = &registrar->options;
    bool banned = false, tell = true, known;
    char source[80], *detail;

    md_stat_add(&options->stats->auth_failures, 1);
    /* the nonce was given to this very address: the answer proves that it is really there */
    if (options->guard)
        tell = sg_guard_offend(options->guard, &flow->remote.u.sa, SG_OFFENCE_BAD_PASSWORD, true, now_us, &banned);
    if (!tell || !options->event)
        return;
    sg_host_port(source, sizeof(source), &flow->remote);
    known = result->user_exists && sg_location_find(options->location, result->user) != NULL;
    detail = g_strdup_printf("wrong user or password from %s/%s", source, sg_transport_to_string(flow->kind));
    options->event(known ? "registration.fault" : "registration.failed", result->user[0] ? result->user : NULL, detail, options->user);
    g_free(detail);
    if (!banned)
        return;
    md_stat_add(&options->stats->bans, 1);
    detail = g_strdup_printf("%s is banned: too many wrong passwords", source);
    options->event("guard.banned", NULL, detail, options->user);
    g_free(detail);
}

const SgCredential *sg_registrar_authenticate(SgRegistrar *registrar, const struct sip_msg *msg, const SgFlow *flow, unsigned offered,
                                              int64_t now_us, bool *ret_repeated)
{
    const SgRegistrarOptions *options = &registrar->options;
    SgAuthResult result;
    char *challenge;

    sg_auth_check(options->auth, msg, flow, offered, now_us, &result);
    *ret_repeated = result.state == SG_AUTH_REPEATED;
    if (result.account)
        return result.account;
    if (result.state == SG_AUTH_STALE)
        md_stat_add(result.replayed ? &options->stats->auth_replays : &options->stats->auth_stale, 1);
    if (result.state == SG_AUTH_FAILED)
        blame(registrar, flow, &result, now_us);
    md_stat_add(&options->stats->challenges, 1);
    challenge = sg_auth_challenge(options->auth, flow, &result, now_us);
    options->reply(msg, flow, 401, NULL, challenge, options->user);
    g_free(challenge);
    return NULL;
}

/* --- what --- */

typedef struct Want {            /* one Contact of the request, checked */
    char *uri, *key;
    uint32_t expires_s;
} Want;

typedef struct Request {
    SgRegistrar *registrar;
    const SgCredential *account;
    uint32_t expires_s;          /* of the message; default when absent */
    bool wildcard, outbound;
    int code;                    /* of the refusal, 0 none */
    const char *extra;
    GArray *wants;               /* of Want */
} Request;

static void want_clear(gpointer data)
{
    Want *want = data;

    g_free(want->uri);
    g_free(want->key);
}

static bool refuse(Request *request, int code, const char *extra)
{
    request->code = code;
    request->extra = extra;
    return true; /* stops sip_msg_hdr_apply */
}

/* reg-id means nothing from a device that does not claim to do RFC 5626 (its section 6). */
static char *binding_key(const struct sip_addr *addr, const struct sip_msg *msg, bool *ret_outbound)
{
    struct pl instance, reg_id;
    uint32_t number;

    if (sg_has_token(msg, SIP_HDR_SUPPORTED, "outbound") && sg_param(&addr->params, "+sip.instance", &instance) &&
        sg_param(&addr->params, "reg-id", &reg_id) && instance.l > 0 && instance.l <= 128 && sg_pl_u32(&reg_id, &number) && number > 0) {
        *ret_outbound = true;
        return g_strdup_printf("%.*s %u", SG_PL(instance), number);
    }
    return sg_pl_dup(&addr->auri);
}

static bool each_contact(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
    Request *request = arg;
    const SgRegistrarOptions *options = &request->registrar->options;
    struct sip_addr addr;
    struct pl value;
    SgUri uri;
    Want want = {.expires_s = request->expires_s};

    if (pl_strcmp(&hdr->val, "*") == 0) {
        request->wildcard = true;
        return false;
    }
    if (sip_addr_decode(&addr, &hdr->val) || addr.auri.l > SG_CONTACT_MAX)
        return refuse(request, 400, NULL);
    if (sg_param(&addr.params, "expires", &value) && !sg_pl_u32(&value, &want.expires_s))
        want.expires_s = options->expires_default_s; /* RFC 3261 20.10: a malformed value counts as 3600 */
    if (want.expires_s > 0 && want.expires_s < options->expires_min_s)
        return refuse(request, 423, NULL);
    want.expires_s = MIN(want.expires_s, options->expires_max_s);
    want.uri = sg_pl_dup(&addr.auri);
    if (!sg_uri_parse(&uri, want.uri)) {
        g_free(want.uri);
        return refuse(request, 400, NULL);
    }
    want.key = binding_key(&addr, msg, &request->outbound);
    g_array_append_val(request->wants, want);
    return request->wants->len > request->account->bindings_max ? refuse(request, 403, NULL) : false;
}

static bool each_unknown_require(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
    return pl_strcasecmp(&hdr->val, "path") != 0 && pl_strcasecmp(&hdr->val, "outbound") != 0;
}

static bool each_path(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
    GString *path = arg;

    g_string_append_printf(path, "%s%.*s", path->len ? ", " : "", SG_PL(hdr->val));
    return path->len > SG_PATH_MAX;
}

static void read_request(Request *request, const struct sip_msg *msg)
{
    const SgRegistrarOptions *options = &request->registrar->options;

    request->expires_s = options->expires_default_s;
    if (msg->expires.p && !sg_pl_u32(&msg->expires, &request->expires_s))
        request->expires_s = options->expires_default_s;
    sip_msg_hdr_apply(msg, true, SIP_HDR_CONTACT, each_contact, request);
    if (!request->code && request->wildcard && (request->wants->len > 0 || !msg->expires.p || request->expires_s != 0))
        refuse(request, 400, NULL);
}

/* RFC 3261 10.3 step 7: a message older than what the binding came with changes nothing. */
static bool in_order(const Request *request, const struct sip_msg *msg, const SgBinding *binding, bool repeated)
{
    if (pl_strcmp(&msg->callid, binding->call_id) != 0)
        return true;
    return repeated ? msg->cseq.num >= binding->cseq : msg->cseq.num > binding->cseq;
}

static bool all_in_order(const Request *request, const struct sip_msg *msg, bool repeated)
{
    const SgLocation *location = request->registrar->options.location;
    const GPtrArray *bindings = sg_location_find(location, request->account->name);

    if (request->wildcard) {
        for (unsigned i = 0; bindings && i < bindings->len; i++)
            if (!in_order(request, msg, bindings->pdata[i], repeated))
                return false;
        return true;
    }
    for (unsigned i = 0; i < request->wants->len; i++) {
        const Want *want = &g_array_index(request->wants, Want, i);
        const SgBinding *binding = sg_location_find_key(location, request->account->name, want->key);

        if (binding && !in_order(request, msg, binding, repeated))
            return false;
    }
    return true;
}

static void note_disorder(SgRegistrar *registrar, const struct sip_msg *msg, const SgFlow *flow, const char *account, int64_t now_us)
{
    const SgRegistrarOptions *options = &registrar->options;
    char source[80];

    if (!options->guard || !sg_guard_offend(options->guard, &flow->remote.u.sa, SG_OFFENCE_OUT_OF_ORDER, false, now_us, NULL) || !options->logger)
        return;
    sg_host_port(source, sizeof(source), &flow->remote);
    md_notice(options->logger, "out of order from %s/%s, refusing: REGISTER number %u of account %s", source,
              sg_transport_to_string(flow->kind), msg->cseq.num, account);
}

static char *user_agent(const struct sip_msg *msg)
{
    const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_USER_AGENT);
    char *text = hdr ? g_strndup(hdr->val.p, MIN(hdr->val.l, 128)) : g_strdup(""), *valid;

    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    valid = g_utf8_make_valid(text, -1);
    g_free(text);
    return valid;
}

static bool put(Request *request, const struct sip_msg *msg, const SgFlow *flow, const Want *want, const char *path, int64_t now_us,
                int64_t wall_us)
{
    SgBinding binding = {
        .account = g_strdup(request->account->name), .key = g_strdup(want->key), .contact = g_strdup(want->uri), .path = g_strdup(path),
        .call_id = sg_pl_dup(&msg->callid), .user_agent = user_agent(msg), .cseq = msg->cseq.num, .flow = *flow,
        .registered_wall_us = wall_us, .expires_us = now_us + (int64_t)want->expires_s * G_USEC_PER_SEC,
    };

    if (flow->kind == SG_UDP)
        sg_response_address(&binding.flow.remote, msg, flow);
    if (sg_location_put(request->registrar->options.location, &binding, request->account->bindings_max, now_us))
        return true;
    g_free(binding.account);
    g_free(binding.key);
    g_free(binding.contact);
    g_free(binding.path);
    g_free(binding.call_id);
    g_free(binding.user_agent);
    return false;
}

static void apply(Request *request, const struct sip_msg *msg, const SgFlow *flow, int64_t now_us, int64_t wall_us)
{
    SgLocation *location = request->registrar->options.location;
    GString *path = g_string_new(NULL);

    sip_msg_hdr_apply(msg, true, SIP_HDR_PATH, each_path, path);
    if (path->len > SG_PATH_MAX)
        refuse(request, 400, NULL);
    if (!request->code && request->wildcard)
        sg_location_remove_account(location, request->account->name, "unregistered");
    for (unsigned i = 0; i < request->wants->len && !request->code; i++) {
        const Want *want = &g_array_index(request->wants, Want, i);
        SgBinding *binding;

        if (want->expires_s > 0) {
            if (!put(request, msg, flow, want, path->str, now_us, wall_us))
                refuse(request, 403, "Warning: 399 mediad \"too many devices on this account\"\r\n");
        } else if ((binding = sg_location_find_key(location, request->account->name, want->key)) != NULL) {
            sg_location_remove(location, binding, "unregistered");
        }
    }
    g_string_free(path, TRUE);
}

static void accept_register(Request *request, const struct sip_msg *msg, const SgFlow *flow, int64_t now_us)
{
    const SgRegistrarOptions *options = &request->registrar->options;
    const GPtrArray *bindings = sg_location_find(options->location, request->account->name);
    GString *extra = g_string_sized_new(512);

    for (unsigned i = 0; bindings && i < bindings->len; i++) {
        const SgBinding *binding = bindings->pdata[i];
        int64_t left = (binding->expires_us - now_us + G_USEC_PER_SEC / 2) / G_USEC_PER_SEC;

        g_string_append_printf(extra, "Contact: <%s>;expires=%" PRId64 "\r\n", binding->contact, MAX(left, 1));
        if (strcmp(binding->key, binding->contact) != 0) {
            const char *space = strrchr(binding->key, ' ');

            g_string_truncate(extra, extra->len - 2);
            g_string_append_printf(extra, ";+sip.instance=%.*s;reg-id=%s\r\n", (int)(space - binding->key), binding->key, space + 1);
        }
    }
    if (sip_msg_hdr(msg, SIP_HDR_PATH)) {
        GString *path = g_string_new(NULL);

        sip_msg_hdr_apply(msg, true, SIP_HDR_PATH, each_path, path);
        g_string_append_printf(extra, "Path: %s\r\n", path->str);
        g_string_free(path, TRUE);
    }
    g_string_append(extra, "Supported: path, outbound\r\n");
    if (request->outbound)
        g_string_append(extra, "Require: outbound\r\nFlow-Timer: 120\r\n");
    md_stat_add(&options->stats->registers, 1);
    options->reply(msg, flow, 200, NULL, extra->str, options->user);
    g_string_free(extra, TRUE);
}

static void refuse_register(Request *request, const struct sip_msg *msg, const SgFlow *flow)
{
    const SgRegistrarOptions *options = &request->registrar->options;
    char min[64];

    g_snprintf(min, sizeof(min), "Min-Expires: %u\r\n", options->expires_min_s);
    options->reply(msg, flow, request->code, NULL, request->code == 423 ? min : request->extra, options->user);
}

void sg_registrar_register(SgRegistrar *registrar, const struct sip_msg *msg, const SgFlow *flow, unsigned offered, int64_t now_us,
                           int64_t wall_us)
{
    const SgRegistrarOptions *options = &registrar->options;
    Request request = {.registrar = registrar};
    const struct sip_hdr *unknown = sip_msg_hdr_apply(msg, true, SIP_HDR_REQUIRE, each_unknown_require, NULL);
    bool repeated;

    if (unknown) {
        char *extra = g_strdup_printf("Unsupported: %.*s\r\n", (int)MIN(unknown->val.l, 64), unknown->val.p);

        options->reply(msg, flow, 420, NULL, extra, options->user);
        g_free(extra);
        return;
    }
    request.account = sg_registrar_authenticate(registrar, msg, flow, offered, now_us, &repeated);
    if (!request.account)
        return;
    if (!options->is_ours(&msg->to.uri.host, options->user)) {
        options->reply(msg, flow, 404, NULL, NULL, options->user);
        return;
    }
    if (pl_strcmp(&msg->to.uri.user, request.account->name) != 0) { /* signed in as somebody else */
        options->reply(msg, flow, 403, NULL, NULL, options->user);
        return;
    }
    request.wants = g_array_new(FALSE, FALSE, sizeof(Want));
    g_array_set_clear_func(request.wants, want_clear);
    read_request(&request, msg);
    if (!request.code && !all_in_order(&request, msg, repeated)) {
        note_disorder(registrar, msg, flow, request.account->name, now_us);
        refuse(&request, 500, NULL);
    }
    if (!request.code)
        apply(&request, msg, flow, now_us, wall_us);
    if (request.code)
        refuse_register(&request, msg, flow);
    else
        accept_register(&request, msg, flow, now_us);
    g_array_unref(request.wants);
}
