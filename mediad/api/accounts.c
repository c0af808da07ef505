/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SIP accounts, who is registered, who is banned. A password is shown once, in the answer that makes it. */
#include "mediad/api/nouns.h"
#include <string.h>

typedef struct Accounts {
    SgAccounts *accounts;
    SgAgent *agent;
} Accounts;

static JsonNode *take_object(JsonObject *object)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), object);

    json_object_unref(object);
    return node;
}

static JsonNode *take_list(const char *name, JsonArray *array)
{
    JsonObject *object = json_object_new();

    json_object_set_array_member(object, name, array);
    return take_object(object);
}

static void reply_error(MdApiRequest *r, GError *error /* taken */)
{
    static const struct {
        int status;
        const char *code;
    } means[] = {
        [SG_ERROR_INVALID] = {400, "invalid-field"},      [SG_ERROR_EXISTS] = {409, "account-exists"},
        [SG_ERROR_NOT_FOUND] = {404, "account-not-found"}, [SG_ERROR_NOT_REGISTERED] = {409, "not-registered"},
        [SG_ERROR_LIMIT] = {409, "limit-reached"},        [SG_ERROR_NETWORK] = {503, "network"},
        [SG_ERROR_STORE] = {507, "store-failed"},
    };

    if (error && error->domain == SG_ERROR && (unsigned)error->code < G_N_ELEMENTS(means))
        md_api_reply_error(r, means[error->code].status, means[error->code].code, error->message, NULL);
    else
        md_api_reply_store_error(r, error);
    g_clear_error(&error);
}

static const char *digests_to_string(unsigned digests)
{
    static const char *const names[] = {"listener", "md5", "sha256", "any"};

    return names[digests & SG_DIGEST_ANY];
}

static unsigned digests_from_string(const char *name)
{
    for (unsigned i = 0; i <= SG_DIGEST_ANY; i++)
        if (g_strcmp0(name, digests_to_string(i)) == 0)
            return i;
    return 0;
}

static JsonObject *account_json(const Accounts *a, const SgAccount *account)
{
    JsonObject *o = json_object_new();
    const char *security = md_security_to_string(account->security);

    json_object_set_string_member(o, "name", account->name);
    json_object_set_string_member(o, "display", account->display ? account->display : "");
    json_object_set_string_member(o, "kind", sg_account_kind_to_string(account->kind));
    json_object_set_string_member(o, "role", account->role ? account->role : "");
    json_object_set_string_member(o, "area", account->area ? account->area : "");
    json_object_set_string_member(o, "security", security ? security : "listener");
    json_object_set_string_member(o, "digests", digests_to_string(account->digests));
    json_object_set_int_member(o, "bindings_max", account->bindings_max);
    json_object_set_boolean_member(o, "disabled", account->disabled);
    json_object_set_boolean_member(o, "registered", a->agent && sg_agent_is_registered(a->agent, account->name));
    return o;
}

static void list(MdApiRequest *r, void *user)
{
    const Accounts *a = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = sg_accounts_list(a->accounts);
    const char *kind = md_api_request_query(r, "kind");

    for (unsigned i = 0; i < all->len; i++) {
        const SgAccount *account = all->pdata[i];
        if (md_api_request_sees(r, account->area) && (!kind || g_str_equal(kind, sg_account_kind_to_string(account->kind))))
            json_array_add_object_element(array, account_json(a, account));
    }
    md_api_reply(r, 200, take_list("accounts", array));
}

static void reply_account(MdApiRequest *r, const Accounts *a, int status, const char *name, char *password /* taken */)
{
    const SgAccount *account = sg_accounts_find(a->accounts, name);

    if (!account || !md_api_request_sees(r, account->area)) {
        g_autofree char *message = g_strdup_printf("there is no account '%s'", name);
        md_api_reply_error(r, 404, "account-not-found", message, "GET /api/v1/accounts lists them");
    } else {
        JsonObject *o = account_json(a, account);
        if (password)
            json_object_set_string_member(o, "password", password);
        md_api_reply(r, status, take_object(o));
    }
    g_free(password);
}

static void show(MdApiRequest *r, void *user)
{
    reply_account(r, user, 200, md_api_request_param(r, "account"), NULL);
}

static const char *text_of(JsonObject *o, const char *name, const char *fallback)
{
    return json_object_get_string_member_with_default(o, name, fallback);
}

/* Fields of the body over those of was. */
static SgAccount account_of(const char *name, JsonObject *body, const SgAccount *was)
{
    SgAccount account = was ? *was : (SgAccount){.display = "", .role = "", .area = "", .security = MD_SECURITY_INVALID};

    account.name = name;
    account.display = text_of(body, "display", account.display);
    account.role = text_of(body, "role", account.role);
    account.area = text_of(body, "area", account.area);
    if (json_object_has_member(body, "kind"))
        account.kind = sg_account_kind_from_string(text_of(body, "kind", NULL));
    if (json_object_has_member(body, "security"))
        account.security = md_security_from_string(text_of(body, "security", NULL));
    if (json_object_has_member(body, "digests"))
        account.digests = digests_from_string(text_of(body, "digests", NULL));
    account.bindings_max = (unsigned)json_object_get_int_member_with_default(body, "bindings_max", account.bindings_max);
    account.disabled = json_object_get_boolean_member_with_default(body, "disabled", account.disabled);
    return account;
}

typedef struct Change { /* answered when it is on the disk */
    MdApiRequest *request;
    Accounts a; /* a copy: the answer may come after the API has gone */
    int status;
    char *name, *password;
} Change;

static void on_saved(const GError *error, void *user)
{
    Change *c = user;

    if (error)
        reply_error(c->request, g_error_copy(error));
    else if (c->status == 204)
        md_api_reply(c->request, 204, NULL);
    else
        reply_account(c->request, &c->a, c->status, c->name, g_steal_pointer(&c->password));
    g_free(c->password);
    g_free(c->name);
    g_free(c);
}

static void reply_when_saved(MdApiRequest *r, const Accounts *a, int status, const char *name, char *password /* taken */)
{
    Change *c = g_new0(Change, 1);

    *c = (Change){r, *a, status, g_strdup(name), password};
    sg_accounts_when_saved(a->accounts, on_saved, c);
}

static void create(MdApiRequest *r, void *user)
{
    Accounts *a = user;
    JsonObject *body = md_api_request_body(r);
    SgAccount account = account_of(text_of(body, "name", NULL), body, NULL);
    char *password = NULL;
    GError *error = NULL;

    if (sg_accounts_create(a->accounts, &account, text_of(body, "password", NULL), &password, &error))
        reply_when_saved(r, a, 201, account.name, password);
    else
        reply_error(r, error);
}

static void update(MdApiRequest *r, void *user)
{
    Accounts *a = user;
    const char *name = md_api_request_param(r, "account");
    const SgAccount *was = sg_accounts_find(a->accounts, name);
    GError *error = NULL;

    if (!was) {
        reply_account(r, a, 200, name, NULL);
        return;
    }
    SgAccount account = account_of(was->name, md_api_request_body(r), was);
    if (sg_accounts_update(a->accounts, &account, &error)) {
        if (json_object_get_boolean_member_with_default(md_api_request_body(r), "disabled", FALSE) && a->agent)
            sg_agent_unregister(a->agent, name);
        reply_when_saved(r, a, 200, name, NULL);
    } else {
        reply_error(r, error);
    }
}

static void reset(MdApiRequest *r, void *user)
{
    Accounts *a = user;
    const char *name = md_api_request_param(r, "account");
    char *password = NULL;
    GError *error = NULL;

    if (!sg_accounts_reset(a->accounts, name, text_of(md_api_request_body(r), "password", NULL), &password, &error)) {
        reply_error(r, error);
        return;
    }
    if (a->agent)
        sg_agent_unregister(a->agent, name); /* whoever knew the old one is out */
    reply_when_saved(r, a, 200, name, password);
}

static void remove_account(MdApiRequest *r, void *user)
{
    Accounts *a = user;
    const char *name = md_api_request_param(r, "account");
    GError *error = NULL;

    if (!sg_accounts_delete(a->accounts, name, &error)) {
        reply_error(r, error);
        return;
    }
    if (a->agent)
        sg_agent_unregister(a->agent, name);
    reply_when_saved(r, a, 204, name, NULL);
}

static void registrations(MdApiRequest *r, void *user)
{
    const Accounts *a = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = a->agent ? sg_agent_registrations(a->agent, md_api_request_query(r, "account")) : NULL;

    for (unsigned i = 0; all && i < all->len; i++) {
        const SgRegistration *g = all->pdata[i];
        const SgAccount *account = sg_accounts_find(a->accounts, g->account);
        if (!md_api_request_sees(r, account ? account->area : NULL))
            continue;
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "account", g->account);
        json_object_set_string_member(o, "contact", g->contact);
        json_object_set_string_member(o, "user_agent", g->user_agent ? g->user_agent : "");
        json_object_set_string_member(o, "source", g->source ? g->source : "");
        json_object_set_string_member(o, "transport", sg_transport_to_string(g->transport));
        json_object_set_int_member(o, "registered_us", g->registered_wall_us);
        json_object_set_int_member(o, "expires_us", g->expires_wall_us);
        json_object_set_boolean_member(o, "alive", g->alive);
        json_array_add_object_element(array, o);
    }
    md_api_reply(r, 200, take_list("registrations", array));
}

static void metrics(GString *out, void *user)
{
    const Accounts *a = user;

    g_string_append_printf(out, "# TYPE mediad_sip_accounts gauge\nmediad_sip_accounts %u\n", sg_accounts_count(a->accounts));
    if (!a->agent)
        return;
    const MdStat *values = (const MdStat *)sg_agent_stats(a->agent);
    const MdStatRow *rows = sg_stats_rows();
    for (unsigned i = 0; i < MD_STATS_COUNT(SgStats); i++) {
        bool counter = rows[i].kind == MD_STAT_COUNTER;
        g_string_append_printf(out, "# HELP mediad_sip_%s%s %s\n# TYPE mediad_sip_%s%s %s\nmediad_sip_%s%s %" G_GUINT64_FORMAT "\n",
                               rows[i].name, counter ? "_total" : "", rows[i].help, rows[i].name, counter ? "_total" : "",
                               counter ? "counter" : "gauge", rows[i].name, counter ? "_total" : "",
                               (guint64)md_stat_get(&values[i]));
    }
}

#define TEXT "{\"type\":\"string\",\"maxLength\":256}"
#define FLAG "{\"type\":\"boolean\"}"
#define KIND "{\"type\":\"string\",\"enum\":[\"site\",\"loudspeaker\",\"operator\",\"trunk\"]}"
#define ROLE "{\"type\":\"string\",\"enum\":[\"\",\"guest\",\"observer\",\"site\",\"technician\",\"secretary\",\"operator\",\"co-chair\",\"chair\"]}"
#define SECURITY "{\"type\":\"string\",\"enum\":[\"off\",\"preferred\",\"required\"]}"
#define DIGESTS "{\"type\":\"string\",\"enum\":[\"listener\",\"md5\",\"sha256\",\"any\"]}"
#define PASSWORD "{\"type\":\"string\",\"minLength\":8,\"maxLength\":128}"
#define NAME "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9._+-]{1,64}$\"}"
#define CHANGEABLE                                                                                                     \
    "\"display\":" TEXT ",\"kind\":" KIND ",\"role\":" ROLE ",\"area\":" TEXT ",\"security\":" SECURITY ",\"digests\":" DIGESTS  \
    ",\"bindings_max\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":50},\"disabled\":" FLAG
#define ACCOUNT                                                                                                        \
    "{\"type\":\"object\",\"required\":[\"name\",\"display\",\"kind\",\"role\",\"area\",\"disabled\",\"registered\"],\"properties\":{" \
    "\"name\":" NAME ",\"display\":" TEXT ",\"kind\":" KIND ",\"role\":" TEXT ",\"area\":" TEXT ",\"security\":" TEXT                   \
    ",\"digests\":" DIGESTS ",\"bindings_max\":{\"type\":\"integer\"},\"disabled\":" FLAG ",\"registered\":" FLAG                    \
    ",\"password\":{\"type\":\"string\",\"description\":\"shown once, when it was made\"}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/accounts", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list, .summary = "All SIP accounts.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"kind\":" KIND "}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"accounts\"],\"properties\":{\"accounts\":{\"type\":\"array\",\"items\":" ACCOUNT "}}}"},
    {.method = "POST", .path = "/accounts", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .handler = create,
     .summary = "Make a SIP account; without a password one is made up and shown once.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\"],\"properties\":{\"name\":" NAME
                       ",\"password\":" PASSWORD "," CHANGEABLE "}}",
     .response_schema = ACCOUNT},
    {.method = "GET", .path = "/accounts/{account}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show, .summary = "One SIP account.",
     .response_schema = ACCOUNT},
    {.method = "PATCH", .path = "/accounts/{account}", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .handler = update,
     .summary = "Change a SIP account; disabling unregisters it.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" CHANGEABLE "}}",
     .response_schema = ACCOUNT},
    {.method = "POST", .path = "/accounts/{account}/reset", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .handler = reset,
     .summary = "Give a SIP account a new password; its devices must sign in again.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"password\":" PASSWORD "}}",
     .response_schema = ACCOUNT},
    {.method = "DELETE", .path = "/accounts/{account}", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .handler = remove_account,
     .summary = "Remove a SIP account and its registrations."},
    {.method = "GET", .path = "/registrations", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = registrations,
     .summary = "Which devices are registered, and from where.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"account\":" NAME "}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"registrations\"],\"properties\":{\"registrations\":{\"type\":\"array\","
                        "\"items\":{\"type\":\"object\",\"required\":[\"account\",\"contact\",\"source\",\"transport\",\"alive\"],"
                        "\"properties\":{\"account\":{\"type\":\"string\"},\"contact\":{\"type\":\"string\"},"
                        "\"user_agent\":{\"type\":\"string\"},\"source\":{\"type\":\"string\"},\"transport\":{\"type\":\"string\"},"
                        "\"registered_us\":{\"type\":\"integer\"},\"expires_us\":{\"type\":\"integer\"},\"alive\":" FLAG "}}}}}"},
};

void md_api_add_accounts(MdApi *api, SgAccounts *accounts, SgAgent *agent)
{
    Accounts *a = g_new0(Accounts, 1);

    a->accounts = accounts;
    a->agent = agent;
    md_api_own(api, a, g_free);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), a);
    md_api_add_metrics(api, metrics, a);
}
