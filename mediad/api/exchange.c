/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /exchange: the journal of messages with other systems, and where the central one puts its own. */
#include "mediad/api/broadcast-json.h"
#include <string.h>
#include "mediad/api/key.h"

typedef struct Exchange {
    MdApi *api;
    BcExJournal *journal;
    BcCentral *central;
} Exchange;

static JsonObject *message_json(const BcExMessage *m)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "id", m->id);
    json_object_set_int_member(o, "sequence", m->sequence);
    json_object_set_string_member(o, "peer", m->peer);
    json_object_set_string_member(o, "direction", m->up ? "up" : "down");
    json_object_set_string_member(o, "object", m->object);
    json_object_set_string_member(o, "state", bc_ex_state_to_string(m->state));
    json_object_set_int_member(o, "tries", m->tries);
    json_object_set_int_member(o, "next_us", m->state == BC_EX_FAILED ? m->next_us : 0);
    json_object_set_int_member(o, "made_us", m->made_us);
    json_object_set_int_member(o, "changed_us", m->changed_us);
    md_api_bc_set_text(o, "answer", m->answer);
    if (m->body)
        json_object_set_string_member(o, "body", m->body);
    return o;
}

static void add_message(const BcExMessage *m, void *user)
{
    json_array_add_object_element(user, message_json(m));
}

static void list(MdApiRequest *r, void *user)
{
    Exchange *e = user;
    JsonArray *array = json_array_new();
    g_autoptr(GError) error = NULL;

    if (bc_ex_journal_list(e->journal, md_api_request_query(r, "peer"), md_api_request_query(r, "state"), md_api_bc_number(r, "before", 0),
                           (unsigned)md_api_bc_number(r, "limit", 100), add_message, array, &error)) {
        md_api_reply(r, 200, md_api_bc_list("messages", array));
        return;
    }
    json_array_unref(array);
    md_api_reply_store_error(r, error);
}

static void show(MdApiRequest *r, void *user)
{
    Exchange *e = user;
    g_autoptr(JsonArray) array = json_array_new();
    g_autoptr(GError) error = NULL;

    if (!bc_ex_journal_find(e->journal, md_api_request_param(r, "id"), add_message, array, &error))
        md_api_reply_store_error(r, error);
    else if (!json_array_get_length(array))
        md_api_reply_error(r, 404, "not-found", "there is no such message", "GET /api/v1/exchange/journal lists them");
    else
        md_api_reply(r, 200, md_api_bc_object(json_object_ref(json_array_get_object_element(array, 0))));
}

typedef struct Replay {
    MdApiRequest *request;
    Exchange *exchange;
    char *id;
} Replay;

static void on_replayed(const GError *error, void *user)
{
    Replay *replay = user;

    if (error)
        md_api_bc_error(replay->request, error);
    else
        md_api_reply(replay->request, 204, NULL);
    if (!error && replay->exchange->central)
        bc_central_retake(replay->exchange->central, replay->id);
    g_free(replay->id);
    g_free(replay);
}

static void replay(MdApiRequest *r, void *user)
{
    Exchange *e = user;
    Replay *one = g_new0(Replay, 1);

    *one = (Replay){r, e, g_strdup(md_api_request_param(r, "id"))};
    bc_ex_journal_replay(e->journal, one->id, on_replayed, one);
}

static void status(MdApiRequest *r, void *user)
{
    Exchange *e = user;
    JsonObject *o = json_object_new();
    BcExJournalStats journal;
    BcCentralStats central = {0};

    bc_ex_journal_stats(e->journal, BC_EX_CENTRAL, &journal);
    if (e->central)
        bc_central_stats(e->central, &central);
    json_object_set_boolean_member(o, "configured", e->central != NULL);
    json_object_set_boolean_member(o, "logged_in", central.logged_in);
    md_api_bc_set_text(o, "fault", central.fault);
    json_object_set_int_member(o, "last_ok_us", central.last_ok_us);
    json_object_set_int_member(o, "waiting", journal.waiting);
    json_object_set_int_member(o, "on_their_way", journal.on_their_way);
    json_object_set_int_member(o, "given_up", journal.given_up);
    json_object_set_int_member(o, "acknowledged", (gint64)journal.acknowledged);
    json_object_set_int_member(o, "failed", (gint64)journal.failed);
    json_object_set_int_member(o, "dropped", (gint64)journal.dropped);
    json_object_set_int_member(o, "duplicates", (gint64)journal.duplicates);
    md_api_reply(r, 200, md_api_bc_object(o));
}

/* --- from the central system --- */

static void on_taken(const char *id, bool duplicate, const GError *error, void *user)
{
    MdApiRequest *r = user;
    JsonObject *o = json_object_new();

    /* the answer others expect of a peer: 0 accepted, 1 failed, and why */
    json_object_set_int_member(o, "TrangThaiGui", error ? 1 : 0);
    json_object_set_string_member(o, "MoTa", error ? error->message : duplicate ? "known already" : "");
    if (!error) {
        JsonObject *content = json_object_new();
        json_object_set_string_member(content, "MaThongDiep", id);
        json_object_set_object_member(o, "NoiDung", content);
    }
    md_api_reply(r, !error ? duplicate ? 200 : 202 : error->domain == BC_ERROR ? error->code == BC_ERROR_NOT_FOUND ? 404 : 400 : 507,
                 md_api_bc_object(o));
}

static void take(MdApiRequest *r, void *user)
{
    Exchange *e = user;
    g_autofree char *name = NULL, *area = NULL;
    gsize len;
    const char *text = md_api_request_body_text(r, &len);

    if (!md_api_request_key(r, "central", &name, &area))
        md_api_reply_error(r, 401, "bad-key", "a key of the central system is needed", "send it as X-Api-Key; mediactl keys add NAME central");
    else if (!e->central)
        md_api_reply_error(r, 503, "no-central-system", "no central system is set", "set exchange.central_url");
    else
        bc_central_take(e->central, md_api_request_param(r, "object"), md_api_request_header(r, "X-Message-ID"), text, len, on_taken, r);
}

static void metrics(GString *out, void *user)
{
    const Exchange *e = user;
    BcExJournalStats s;

    bc_ex_journal_stats(e->journal, BC_EX_CENTRAL, &s);
    g_string_append_printf(out,
                           "# TYPE mediad_exchange_waiting gauge\nmediad_exchange_waiting{peer=\"central\"} %u\n"
                           "# TYPE mediad_exchange_acknowledged_total counter\nmediad_exchange_acknowledged_total{peer=\"central\"} %" G_GUINT64_FORMAT
                           "\n# TYPE mediad_exchange_failed_total counter\nmediad_exchange_failed_total{peer=\"central\"} %" G_GUINT64_FORMAT
                           "\n# TYPE mediad_exchange_dropped_total counter\nmediad_exchange_dropped_total{peer=\"central\"} %" G_GUINT64_FORMAT "\n",
                           s.waiting, s.acknowledged, s.failed, s.dropped);
}

#define STATES "[\"queued\",\"sent\",\"acknowledged\",\"failed\",\"retried\",\"replayed\",\"dropped\"]"
#define MESSAGE                                                                                                                            \
    "{\"type\":\"object\",\"required\":[\"id\",\"peer\",\"direction\",\"object\",\"state\"],\"properties\":{\"id\":" BC_CODE ",\"sequence\":" BC_INT  \
    ",\"peer\":{\"type\":\"string\"},\"direction\":{\"type\":\"string\",\"enum\":[\"up\",\"down\"]},\"object\":{\"type\":\"string\"},"                \
    "\"state\":{\"type\":\"string\",\"enum\":" STATES "},\"tries\":" BC_INT ",\"next_us\":" BC_TIME ",\"made_us\":" BC_TIME ",\"changed_us\":" BC_TIME \
    ",\"answer\":{\"type\":\"string\"},\"body\":{\"type\":\"string\",\"description\":\"as on the wire; in a single message only\"}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/exchange", .role = MD_API_VIEWER, .province = true, .handler = status, .summary = "How the link to the central system is.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"configured\",\"waiting\"],\"properties\":{\"configured\":" BC_FLAG ",\"logged_in\":" BC_FLAG
                        ",\"fault\":{\"type\":\"string\"},\"last_ok_us\":" BC_TIME ",\"waiting\":" BC_INT ",\"on_their_way\":" BC_INT ",\"given_up\":" BC_INT
                        ",\"acknowledged\":" BC_INT ",\"failed\":" BC_INT ",\"dropped\":" BC_INT ",\"duplicates\":" BC_INT "}}"},
    {.method = "GET", .path = "/exchange/journal", .role = MD_API_OPERATOR, .rights = MD_API_MAY_OPERATE, .province = true, .handler = list,
     .summary = "Messages to and from other systems, newest first.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"peer\":{\"type\":\"string\",\"maxLength\":300},\"state\":{\"type\":\"string\",\"enum\":" STATES
                     "},\"before\":{\"type\":\"integer\",\"minimum\":0},\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"messages\"],\"properties\":{\"messages\":{\"type\":\"array\",\"items\":" MESSAGE "}}}"},
    {.method = "GET", .path = "/exchange/journal/{id}", .role = MD_API_OPERATOR, .rights = MD_API_MAY_OPERATE, .province = true, .handler = show,
     .summary = "One message, with its body.", .response_schema = MESSAGE},
    {.method = "POST", .path = "/exchange/journal/{id}/replay", .role = MD_API_OPERATOR, .rights = MD_API_MAY_OPERATE, .province = true,
     .handler = replay, .summary = "Send it once more, or deal with it once more, under the same id."},
    {.method = "POST", .path = "/exchange/central/{object}", .role = MD_API_ANYBODY, .handler = take, .text_body = true, .body_max = BC_EX_MESSAGE_MAX,
     .summary = "From the central system: a bulletin or a stop, in its own words; X-Api-Key carries its key, X-Message-ID (if any) the message's id. "
                "Answered when it is stored.",
     .response_schema = "{\"type\":\"object\",\"properties\":{\"TrangThaiGui\":" BC_INT ",\"MoTa\":{\"type\":\"string\"},\"NoiDung\":{\"type\":\"object\"}}}"},
};

void md_api_add_exchange(MdApi *api, BcExJournal *journal, BcCentral *central)
{
    Exchange *e = g_new0(Exchange, 1);

    *e = (Exchange){api, journal, central};
    md_api_own(api, e, g_free);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), e);
    md_api_add_metrics(api, metrics, e);
}
