/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/exchange/http.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include <libsoup/soup.h>

#define CALLS_MAX 64u

struct BcExHttp {
    char *base, *host;
    char **media_hosts;
    gsize answer_max, media_max;
    SoupSession *session;
    GCancellable *cancel;
    unsigned under_way;
    MdLogger logger;
};

typedef struct Call {
    BcExHttp *http;
    SoupMessage *message;
    GByteArray *bytes;
    gsize got, max;
    int fd;               /* of a file that is fetched; -1: into bytes */
    char *path;
    BcExAnswerFn done;
    BcExFetchedFn fetched;
    void *user;
    uint8_t chunk[32768];
} Call;

static bool is_loopback(const char *host)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
    return g_str_equal(host, "localhost") || (address && g_inet_address_get_is_loopback(address));
}

static void end(Call *call, const GError *error)
{
    unsigned status = error ? 0 : soup_message_get_status(call->message);
    if (call->fd >= 0 && close(call->fd) != 0 && !error)
        status = 0;
    call->http->under_way--;
    if (call->fetched) {
        g_autoptr(GError) fault = NULL;
        if (error)
            fault = g_error_new(BC_ERROR, BC_ERROR_FAILED, "the recording cannot be fetched: %s", error->message);
        else if (status != 200)
            fault = g_error_new(BC_ERROR, status >= 500 || !status ? BC_ERROR_FAILED : BC_ERROR_NOT_FOUND, "the recording cannot be fetched: answered %u", status);
        if (fault)
            g_unlink(call->path);
        call->fetched(fault ? NULL : call->path, fault, call->user);
    } else {
        g_byte_array_append(call->bytes, (const uint8_t *)"", 1);
        call->done(status, (const char *)call->bytes->data, call->bytes->len - 1, error, call->user);
    }
    g_clear_object(&call->message);
    g_byte_array_unref(call->bytes);
    g_free(call->path);
    g_free(call);
}

static bool keep(Call *call, gsize n)
{
    if (call->fd < 0) {
        g_byte_array_append(call->bytes, call->chunk, (guint)n);
        return true;
    }
    for (gsize at = 0; at < n;) {
        ssize_t wrote = write(call->fd, call->chunk + at, n - at);
        if (wrote < 0 && errno != EINTR)
            return false;
        at += wrote > 0 ? (gsize)wrote : 0;
    }
    return true;
}

static void on_chunk(GObject *stream, GAsyncResult *result, gpointer user)
{
    Call *call = user;
    g_autoptr(GError) error = NULL;
    gssize n = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, &error);
    if (n > 0) {
        call->got += (gsize)n;
        if (call->got > call->max)
            g_set_error(&error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "more than %" G_GSIZE_FORMAT " bytes", call->max);
        else if (!keep(call, (gsize)n))
            g_set_error(&error, G_IO_ERROR, G_IO_ERROR_FAILED, "it cannot be stored: %s", g_strerror(errno));
        else
            g_input_stream_read_async(G_INPUT_STREAM(stream), call->chunk, sizeof call->chunk, G_PRIORITY_DEFAULT, call->http->cancel, on_chunk, call);
        if (!error)
            return;
    }
    end(call, error);
}

static void on_reply(GObject *session, GAsyncResult *result, gpointer user)
{
    Call *call = user;
    g_autoptr(GError) error = NULL;
    g_autoptr(GInputStream) stream = soup_session_send_finish(SOUP_SESSION(session), result, &error);
    if (stream)
        g_input_stream_read_async(stream, call->chunk, sizeof call->chunk, G_PRIORITY_DEFAULT, call->http->cancel, on_chunk, call);
    else
        end(call, error);
}

static void start(BcExHttp *http, Call *call)
{
    soup_message_add_flags(call->message, SOUP_MESSAGE_NO_REDIRECT); /* it might lead anywhere */
    http->under_way++;
    soup_session_send_async(http->session, call->message, G_PRIORITY_DEFAULT, http->cancel, on_reply, call);
}

static Call *new_call(BcExHttp *http, SoupMessage *message, gsize max, void *user)
{
    Call *call = g_new0(Call, 1);
    *call = (Call){.http = http, .message = message, .bytes = g_byte_array_new(), .max = max, .fd = -1, .user = user};
    return call;
}

static void on_call(const BcExCall *what, BcExAnswerFn done, void *done_user, void *user)
{
    BcExHttp *http = user;
    g_autofree char *url = g_strconcat(http->base, what->path, NULL);
    SoupMessage *message = http->under_way < CALLS_MAX ? soup_message_new(what->method, url) : NULL;
    if (!message) {
        g_autoptr(GError) error = g_error_new(G_IO_ERROR, G_IO_ERROR_BUSY, "%s: no address, or too many calls at once", url);
        done(0, "", 0, error, done_user);
        return;
    }
    SoupMessageHeaders *headers = soup_message_get_request_headers(message);
    if (what->token) {
        g_autofree char *bearer = g_strconcat("Bearer ", what->token, NULL);
        soup_message_headers_replace(headers, "Authorization", bearer);
    }
    if (what->id)
        soup_message_headers_replace(headers, what->id_header, what->id);
    soup_message_headers_replace(headers, "Accept", "application/json");
    if (what->body) {
        g_autoptr(GBytes) bytes = g_bytes_new(what->body, strlen(what->body));
        soup_message_set_request_body_from_bytes(message, "application/json", bytes);
    }
    Call *call = new_call(http, message, http->answer_max, done_user);
    call->done = done;
    start(http, call);
}

BcExchangeOps bc_ex_http_ops(BcExHttp *http)
{
    return (BcExchangeOps){on_call, http};
}

bool bc_ex_http_may_fetch(const BcExHttp *http, const char *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    const char *host = uri ? g_uri_get_host(uri) : NULL, *scheme = uri ? g_uri_get_scheme(uri) : "";
    if (!host || !*host || g_uri_get_userinfo(uri) || (strcmp(scheme, "https") && strcmp(scheme, "http")))
        return false;
    return g_strcmp0(host, http->host) == 0 || (http->media_hosts && g_strv_contains((const char *const *)http->media_hosts, host));
}

void bc_ex_http_fetch(BcExHttp *http, const char *url, const char *dir, BcExFetchedFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(dir, "exchange-XXXXXX", NULL);
    SoupMessage *message = NULL;
    int fd = -1;
    if (!bc_ex_http_may_fetch(http, url))
        g_set_error(&error, BC_ERROR, BC_ERROR_INVALID, "files are not fetched from \"%s\" (exchange.media_hosts)", url);
    else if (http->under_way >= CALLS_MAX || !(message = soup_message_new("GET", url)))
        g_set_error(&error, BC_ERROR, BC_ERROR_FAILED, "too much is being fetched");
    else if ((fd = g_mkstemp(path)) < 0)
        g_set_error(&error, BC_ERROR, BC_ERROR_FAILED, "%s: %s", path, g_strerror(errno));
    if (error) {
        g_clear_object(&message);
        done(NULL, error, user);
        return;
    }
    Call *call = new_call(http, message, http->media_max, user);
    call->fd = fd;
    call->path = g_steal_pointer(&path);
    call->fetched = done;
    start(http, call);
}

static bool set_base(BcExHttp *http, const char *base, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(base, G_URI_FLAGS_NONE, NULL);
    const char *host = uri ? g_uri_get_host(uri) : NULL, *scheme = uri ? g_uri_get_scheme(uri) : "", *why = NULL;
    if (!host || !*host || (strcmp(scheme, "http") && strcmp(scheme, "https")))
        why = "it is no https:// address";
    else if (g_uri_get_userinfo(uri))
        why = "names and passwords do not belong there but in exchange.central_credentials_file";
    else if (g_str_equal(scheme, "http") && !is_loopback(host))
        why = "without TLS only addresses of this machine are called";
    if (why)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "exchange.central_url: \"%s\": %s", base, why);
    if (why)
        return false;
    gsize n = strlen(base);
    http->base = g_strndup(base, base[n - 1] == '/' ? n - 1 : n);
    http->host = g_strdup(host);
    return true;
}

BcExHttp *bc_ex_http_new(const BcExHttpOptions *options, GError **error)
{
    BcExHttp *http = g_new0(BcExHttp, 1);
    http->cancel = g_cancellable_new();
    http->answer_max = options->answer_max ? options->answer_max : BC_EX_MESSAGE_MAX;
    http->media_max = options->media_max ? options->media_max : 200u << 20;
    http->media_hosts = g_strdupv((char **)options->media_hosts);
    unsigned timeout_s = options->timeout_s ? options->timeout_s : 30;
    http->session = soup_session_new_with_options("timeout", timeout_s, "idle-timeout", 60u, "user-agent", "mediad", "max-conns", 16, "max-conns-per-host",
                                                  8, NULL);
    if (!set_base(http, options->base, error)) {
        bc_ex_http_free(http);
        return NULL;
    }
    if (options->ca_file) {
        g_autoptr(GTlsDatabase) database = g_tls_file_database_new(options->ca_file, error);
        if (!database) {
            g_prefix_error(error, "exchange.central_ca: %s: ", options->ca_file);
            bc_ex_http_free(http);
            return NULL;
        }
        soup_session_set_tls_database(http->session, database);
    }
    return http;
}

void bc_ex_http_free(BcExHttp *http)
{
    if (!http)
        return;
    g_cancellable_cancel(http->cancel);
    while (http->under_way) /* cancelled ones come back soon */
        g_main_context_iteration(NULL, TRUE);
    g_clear_object(&http->session);
    g_clear_object(&http->cancel);
    g_strfreev(http->media_hosts);
    g_free(http->base);
    g_free(http->host);
    g_free(http);
}
