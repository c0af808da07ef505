/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediactl/ctl.h"
#include "mediad/api/json.h"
#include <string.h>

int ctl_fail(Ctl *ctl, const char *what, const char *next)
{
    fprintf(ctl->err, "mediactl: %s\n", what);
    if (next && *next)
        fprintf(ctl->err, "  next: %s\n", next);
    return CTL_FAILED;
}

char *ctl_path(const char *format, ...)
{
    GString *path = g_string_new(NULL);
    va_list args;

    va_start(args, format);
    for (const char *p = format; *p; p++) {
        if (p[0] == '%' && p[1] == 's') {
            g_string_append_uri_escaped(path, va_arg(args, const char *), NULL, FALSE);
            p++;
        } else {
            g_string_append_c(path, *p);
        }
    }
    va_end(args);
    return g_string_free(path, FALSE);
}

static char *fingerprint_of(GTlsCertificate *certificate)
{
    g_autoptr(GByteArray) der = NULL;

    g_object_get(certificate, "certificate", &der, NULL);
    return der ? g_compute_checksum_for_data(G_CHECKSUM_SHA256, der->data, der->len) : NULL;
}

/* A certificate no authority signed is good when it is the one that was trusted before, or when --trust says so now. */
static gboolean accept_certificate(SoupMessage *message, GTlsCertificate *certificate, GTlsCertificateFlags errors,
                                   gpointer user)
{
    Ctl *ctl = user;
    g_autofree char *fingerprint = fingerprint_of(certificate);

    if (!fingerprint)
        return FALSE;
    if (g_strcmp0(fingerprint, ctl->fingerprint) == 0)
        return TRUE;
    if (ctl->trust) {
        g_free(ctl->fingerprint);
        ctl->fingerprint = g_strdup(fingerprint);
        return TRUE;
    }
    g_free(ctl->seen_fingerprint);
    ctl->seen_fingerprint = g_strdup(fingerprint);
    return FALSE;
}

typedef struct Wait {
    bool done;
    GBytes *bytes;
    GError *error;
} Wait;

static void finished(GObject *source, GAsyncResult *result, gpointer user)
{
    Wait *wait = user;

    wait->bytes = soup_session_send_and_read_finish(SOUP_SESSION(source), result, &wait->error);
    wait->done = true;
}

static void tell_unreachable(Ctl *ctl, const GError *error)
{
    g_autofree char *what = NULL, *next = NULL;

    if (ctl->seen_fingerprint && g_error_matches(error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE)) {
        what = g_strdup_printf("%s: the certificate is not known (SHA-256 %s)", ctl->url, ctl->seen_fingerprint);
        next = g_strdup(ctl->fingerprint ? "it is not the one trusted before: find out why before you trust it with --trust"
                                         : "compare it on the server: openssl x509 -fingerprint -sha256 -noout -in "
                                           "STATE_DIR/https-cert.pem; then the same command with --trust");
    } else {
        what = g_strdup_printf("cannot reach %s: %s", ctl->url, error->message);
        next = g_strdup("is mediad running there? (systemctl status mediad); another address: --url or MEDIACTL_URL");
    }
    ctl_fail(ctl, what, next);
}

static const char *text_of(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;

    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node)
                                                                                                  : NULL;
}

/* The API's hints speak of requests; here they become commands. */
static const char *next_step(unsigned status, const char *code, const char *hint)
{
    static const struct {
        const char *code, *hint, *next; /* code or the hint's beginning */
    } steps[] = {
        {"other-area", NULL, "mediactl areas; mediactl login --user SOMEBODY_OF_THE_PROVINCE"},
        {"room-not-found", NULL, "mediactl rooms list"},
        {"member-not-found", NULL, "mediactl members ROOM"},
        {"account-not-found", NULL, "mediactl accounts list"},
        {"user-not-found", NULL, "mediactl users list"},
        {"second-factor-missing", NULL, "mediactl otp enrol"},
        {"second-factor-needed", NULL, "the same with --otp CODE; or, for five minutes: mediactl otp unlock"},
        {"problems", NULL, "mend them, or give a reason all the same: mediactl schedule publish SCHEDULE --reason TEXT"},
        {NULL, "GET /api/v1/areas", "mediactl areas"},
        {NULL, "GET /api/v1/devices", "mediactl devices list"},
        {NULL, "GET /api/v1/content", "mediactl content list"},
        {NULL, "GET /api/v1/schedules", "mediactl schedule list"},
        {NULL, "GET /api/v1/play-log", "mediactl play-log"},
        {NULL, "GET /api/v1/live", "mediactl live list"},
    };

    if (status == 401 && g_strcmp0(code, "wrong-password") != 0 && g_strcmp0(code, "second-factor-needed") != 0)
        return "mediactl login";
    for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++)
        if (steps[i].code ? g_strcmp0(code, steps[i].code) == 0 : hint && g_str_has_prefix(hint, steps[i].hint))
            return steps[i].next;
    return hint;
}

static void tell_refused(Ctl *ctl, SoupMessage *message, JsonNode *reply)
{
    unsigned status = soup_message_get_status(message);
    JsonNode *node = reply && JSON_NODE_HOLDS_OBJECT(reply) ? json_object_get_member(json_node_get_object(reply), "error") : NULL;
    JsonObject *error = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *said = text_of(error, "message"), *code = text_of(error, "code");
    g_autofree char *what = said ? g_strdup(said) : g_strdup_printf("the server answered %u %s", status,
                                                                    soup_message_get_reason_phrase(message));
    const char *next = text_of(error, "hint");

    if (g_strcmp0(code, "problems") == 0 && !ctl->json) { /* each is told by itself */
        g_free(what);
        what = g_strdup("this stands against publishing it");
    }
    g_free(ctl->refusal);
    ctl->refusal = g_strdup(code);
    if (ctl->quiet_codes && g_strcmp0(code, "second-factor-needed") == 0)
        return;
    next = next_step(status, code, next);
    if (ctl->json && reply)
        ctl_print_json(ctl, reply);
    ctl_fail(ctl, what, next);
}

/* Lines of a table that are wrong, or what stands against a programme: each with what to do about it. */
static void tell_problems(Ctl *ctl, JsonNode *reply)
{
    JsonObject *o = reply && JSON_NODE_HOLDS_OBJECT(reply) ? json_node_get_object(reply) : NULL;
    JsonNode *list = o ? json_object_get_member(o, "problems") : NULL;

    for (unsigned i = 0; list && JSON_NODE_HOLDS_ARRAY(list) && !ctl->json && i < json_array_get_length(json_node_get_array(list)); i++) {
        JsonObject *problem = json_array_get_object_element(json_node_get_array(list), i);
        const char *text = text_of(problem, "text"), *mend = text_of(problem, "mend");
        if (text)
            fprintf(ctl->err, "  %s: %s\n      to mend it: %s\n", text_of(problem, "code"), text, mend ? mend : "-");
        else
            fprintf(ctl->err, "  line %d: %s\n", (int)json_object_get_int_member_with_default(problem, "line", 0), text_of(problem, "message"));
    }
}

#define TIMEOUT_S 60
#define UPLOAD_TIMEOUT_S 1800 /* a long recording is levelled and encoded before the answer */

/* The body of a good answer; NULL: told. */
static GBytes *send_for_bytes(Ctl *ctl, SoupMessage *message, unsigned timeout_s)
{
    Wait wait = {0};

    if (!ctl->session)
        ctl->session = soup_session_new_with_options("user-agent", "mediactl/" MEDIAD_VERSION, "timeout", timeout_s, NULL);
    if (ctl->token) {
        g_autofree char *value = g_strconcat("Bearer ", ctl->token, NULL);
        soup_message_headers_replace(soup_message_get_request_headers(message), "Authorization", value);
    }
    if (ctl->otp && strcmp(soup_message_get_method(message), "GET") != 0)
        soup_message_headers_replace(soup_message_get_request_headers(message), "X-One-Time-Code", ctl->otp);
    if (ctl->alert_key)
        soup_message_headers_replace(soup_message_get_request_headers(message), "X-Alert-Key", ctl->alert_key);
    g_signal_connect(message, "accept-certificate", G_CALLBACK(accept_certificate), ctl);
    soup_session_send_and_read_async(ctl->session, message, G_PRIORITY_DEFAULT, NULL, finished, &wait);
    while (!wait.done)
        g_main_context_iteration(ctl->context, TRUE);
    if (wait.error) {
        tell_unreachable(ctl, wait.error);
        g_error_free(wait.error);
        return NULL;
    }
    if (SOUP_STATUS_IS_SUCCESSFUL(soup_message_get_status(message)))
        return wait.bytes;
    g_autoptr(GBytes) bytes = wait.bytes;
    gsize size;
    const char *text = g_bytes_get_data(bytes, &size);
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(JsonNode) node = size > 0 && json_parser_load_from_data(parser, text, (gssize)size, NULL) ? json_parser_steal_root(parser) : NULL;
    tell_refused(ctl, message, node);
    tell_problems(ctl, node);
    return NULL;
}

static JsonNode *send_message(Ctl *ctl, SoupMessage *message, unsigned timeout_s)
{
    g_autoptr(GBytes) bytes = send_for_bytes(ctl, message, timeout_s);
    gsize size = 0;
    const char *text = bytes ? g_bytes_get_data(bytes, &size) : NULL;
    g_autoptr(JsonParser) parser = json_parser_new();

    if (!bytes)
        return NULL;
    if (size == 0)
        return json_node_init_null(json_node_alloc());
    if (json_parser_load_from_data(parser, text, (gssize)size, NULL))
        return json_parser_steal_root(parser);
    ctl_fail(ctl, "the answer is no JSON", "does --url name a mediad?");
    return NULL;
}

static SoupMessage *new_message(Ctl *ctl, const char *method, const char *path)
{
    g_autofree char *url = g_strconcat(ctl->url, "/api/v1", path, NULL);
    SoupMessage *message = soup_message_new(method, url);

    if (!message) {
        g_autofree char *what = g_strdup_printf("\"%s\" is not an address", ctl->url);
        ctl_fail(ctl, what, "write it as https://HOST:PORT");
    }
    return message;
}

const char *ctl_refusal(const Ctl *ctl)
{
    return ctl->refusal;
}

static JsonNode *call_once(Ctl *ctl, const char *method, const char *path, const char *text)
{
    g_autoptr(SoupMessage) message = new_message(ctl, method, path);

    if (message && text) {
        g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
        soup_message_set_request_body_from_bytes(message, "application/json", bytes);
    }
    return message ? send_message(ctl, message, TIMEOUT_S) : NULL;
}

/* Where somebody sits at the terminal, a one-time code is asked for when the server wants one. */
JsonNode *ctl_call(Ctl *ctl, const char *method, const char *path, JsonObject *body)
{
    g_autoptr(JsonNode) node = body ? json_node_init_object(json_node_alloc(), body) : NULL;
    g_autofree char *text = node ? md_json_to_text(node, false) : NULL;
    bool ask = !ctl->otp && !ctl->quiet_codes && ctl_interactive(ctl);

    if (body)
        json_object_unref(body);
    g_clear_pointer(&ctl->refusal, g_free);
    if (!ask)
        return call_once(ctl, method, path, text);
    ctl->quiet_codes = true;
    JsonNode *reply = call_once(ctl, method, path, text);
    ctl->quiet_codes = false;
    if (reply || g_strcmp0(ctl->refusal, "second-factor-needed") != 0)
        return reply;
    ctl->otp = ctl_ask(ctl, "One-time code: ", false);
    return call_once(ctl, method, path, text);
}

JsonNode *ctl_upload(Ctl *ctl, const char *path, const char *file, const char *type)
{
    g_autoptr(SoupMessage) message = new_message(ctl, "POST", path);
    g_autoptr(GFile) source = g_file_new_for_commandline_arg(file);
    g_autoptr(GError) error = NULL;
    g_autoptr(GFileInputStream) stream = message ? g_file_read(source, NULL, &error) : NULL;
    g_autoptr(GFileInfo) info =
        stream ? g_file_input_stream_query_info(stream, G_FILE_ATTRIBUTE_STANDARD_SIZE, NULL, &error) : NULL;

    if (!message)
        return NULL;
    if (!info) {
        g_autofree char *what = g_strdup_printf("%s: %s", file, error->message);
        ctl_fail(ctl, what, "check the file's name");
        return NULL;
    }
    soup_message_set_request_body(message, type, G_INPUT_STREAM(stream), g_file_info_get_size(info));
    return send_message(ctl, message, UPLOAD_TIMEOUT_S);
}

int ctl_download(Ctl *ctl, const char *path, const char *file)
{
    g_autoptr(SoupMessage) message = new_message(ctl, "GET", path);
    g_autoptr(GBytes) bytes = message ? send_for_bytes(ctl, message, TIMEOUT_S) : NULL;
    g_autoptr(GError) error = NULL;
    gsize size;

    if (!bytes)
        return CTL_FAILED;
    const char *data = g_bytes_get_data(bytes, &size);
    if (!file)
        return fwrite(data, 1, size, ctl->out) == size ? CTL_OK : CTL_FAILED;
    if (!g_file_set_contents(file, data, (gssize)size, &error))
        return ctl_fail(ctl, error->message, "check the file's name");
    if (!ctl->json)
        fprintf(ctl->out, "%s is written.\n", file);
    return CTL_OK;
}

int ctl_do(Ctl *ctl, const char *method, const char *path, JsonObject *body, const char *format, ...)
{
    g_autoptr(JsonNode) reply = ctl_call(ctl, method, path, body);
    va_list args;

    if (!reply)
        return CTL_FAILED;
    if (ctl->json) {
        ctl_print_json(ctl, reply);
        return CTL_OK;
    }
    va_start(args, format);
    vfprintf(ctl->out, format, args);
    va_end(args);
    fputc('\n', ctl->out);
    return CTL_OK;
}
