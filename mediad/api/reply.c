/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers. What changed something is answered only after its audit row is on the disk. */
#include "mediad/api/private.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Answer {
    MdApiRequest *request;
    int status;
    char *type;
    GBytes *bytes;
    bool handled; /* drops the reference held for the handler */
} Answer;

/* The change is made, but its trace, and perhaps the change itself, is not on the disk: nobody may take it for kept. */
static void not_kept(Answer *a)
{
    static const char text[] = "{\"error\":{\"code\":\"store-failed\",\"message\":\"it is done, but the store could not keep it: it may be lost at "
                               "the next start\",\"hint\":\"free space on the disk, then look whether all is as it should be\"}}";

    a->status = 507;
    g_free(a->type);
    a->type = g_strdup("application/json");
    g_clear_pointer(&a->bytes, g_bytes_unref);
    a->bytes = g_bytes_new_static(text, strlen(text));
    if (a->request->api)
        a->request->api->counters.errors_5xx++;
}

static void send_now(gpointer user)
{
    Answer *a = user;
    MdApiRequest *r = a->request;

    if (r->message) {
        SoupMessageBody *body = soup_server_message_get_response_body(r->message);
        soup_server_message_set_status(r->message, (guint)a->status, NULL);
        if (a->type)
            soup_message_headers_set_content_type(soup_server_message_get_response_headers(r->message), a->type, NULL);
        if (a->bytes) {
            if (g_bytes_get_size(a->bytes)) /* libsoup complains of empty pieces */
                soup_message_body_append_bytes(body, a->bytes);
            soup_message_body_complete(body);
        }
        if (r->paused) {
            r->paused = false;
            soup_server_message_unpause(r->message);
        }
    }
    if (a->bytes)
        g_bytes_unref(a->bytes);
    g_free(a->type);
    if (a->handled)
        md_api_request_unref(r);
    md_api_request_unref(r);
    g_free(a);
}

static void audited_now(bool ok, gpointer user)
{
    if (!ok)
        not_kept(user);
    send_now(user);
}

/* Sign-in attempts and what a signed-in account changes (or was refused to change). Anybody's other refused requests are not:
 * that would let strangers fill the disk. */
static bool audited(const MdApiRequest *r)
{
    const char *method = r->route ? r->route->spec->method : NULL;

    return method && !g_str_equal(method, "GET") && !g_str_equal(method, "HEAD") && (r->user || r->audit_detail) &&
           !r->api->closing;
}

static void answer(MdApiRequest *r, int status, const char *type, GBytes *bytes /* taken */)
{
    if (r->replied) {
        g_warning("%s: a second reply (%d)", r->path, status);
        g_clear_pointer(&bytes, g_bytes_unref);
        return;
    }
    r->replied = true;
    if (!r->api) {
        g_clear_pointer(&bytes, g_bytes_unref);
        if (r->handed)
            md_api_request_unref(r);
        return;
    }
    if (status >= 500)
        r->api->counters.errors_5xx++;
    else if (status >= 400)
        r->api->counters.errors_4xx++;
    if (!r->handed && status >= 400 && r->message) /* libsoup closes after a refusal before the body: say so */
        soup_message_headers_replace(soup_server_message_get_response_headers(r->message), "Connection", "close");
    Answer *a = g_new0(Answer, 1);
    a->request = md_api_request_ref(r);
    a->status = status;
    a->type = g_strdup(type);
    a->bytes = bytes;
    a->handled = r->handed;
    if (!audited(r)) {
        send_now(a);
        return;
    }
    g_autofree char *what = r->confidential ? g_strdup_printf("%s " MD_API_PREFIX "/rooms/%s", r->route->spec->method, md_api_request_param(r, "room"))
                                            : g_strdup_printf("%s %s", r->route->spec->method, r->path);
    const char *who = r->user ? r->user : "-";
    if (status >= 400) { /* nothing changed: the row may come later than the answer */
        md_audit_append(r->api, who, r->source, what, r->confidential ? NULL : r->audit_detail, status, NULL, NULL);
        send_now(a);
        return;
    }
    if (r->message && !r->paused) {
        r->paused = true;
        soup_server_message_pause(r->message);
    }
    md_audit_append(r->api, who, r->source, what, r->confidential ? NULL : r->audit_detail, status, audited_now, a);
}

void md_api_reply(MdApiRequest *r, int status, JsonNode *node)
{
    if (!node) {
        answer(r, status == 200 ? 204 : status, NULL, NULL);
        return;
    }
    char *text = md_json_to_text(node, false);
    json_node_unref(node);
    answer(r, status, "application/json", g_bytes_new_take(text, strlen(text)));
}

void md_api_reply_text(MdApiRequest *r, int status, const char *content_type, const char *text)
{
    answer(r, status, content_type, g_bytes_new(text, strlen(text)));
}

void md_api_reply_page(MdApiRequest *r, const char *html)
{
    md_api_request_set_header(r, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    md_api_reply_text(r, 200, "text/html; charset=utf-8", html);
}

void md_api_reply_bytes(MdApiRequest *r, int status, const char *content_type, GBytes *bytes)
{
    answer(r, status, content_type, g_bytes_ref(bytes));
}

void md_api_reply_error(MdApiRequest *r, int status, const char *code, const char *message, const char *hint)
{
    g_autoptr(JsonBuilder) b = json_builder_new();

    json_builder_begin_object(b);
    json_builder_set_member_name(b, "error");
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "code");
    json_builder_add_string_value(b, code);
    json_builder_set_member_name(b, "message");
    json_builder_add_string_value(b, message);
    if (hint) {
        json_builder_set_member_name(b, "hint");
        json_builder_add_string_value(b, hint);
    }
    json_builder_end_object(b);
    json_builder_end_object(b);
    md_api_reply(r, status, json_builder_get_root(b));
}

void md_api_reply_store_error(MdApiRequest *r, const GError *error)
{
    const char *text = error ? error->message : "unknown";

    if (g_error_matches(error, MD_STORE_ERROR, MD_STORE_ERROR_CONSTRAINT)) {
        md_api_reply_error(r, 409, "conflict", "what is stored already does not allow this", text);
        return;
    }
    if (r->api)
        md_error(&r->api->logger, "the database refused what %s asked: %s", r->path, text);
    if (g_error_matches(error, MD_STORE_ERROR, MD_STORE_ERROR_FULL))
        md_api_reply_error(r, 507, "no-space", "the database cannot grow", "free space on the disk");
    else
        md_api_reply_error(r, 500, "store-failed", "the database refused; the log says why", NULL);
}

void md_api_reply_file(MdApiRequest *r, const char *path, const char *content_type, const char *etag)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    GMappedFile *map = NULL;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        map = g_mapped_file_new_from_fd(fd, FALSE, NULL);
    if (fd >= 0)
        close(fd);
    if (!map) {
        md_api_reply_error(r, 404, "no-such-file", "the file is not there", NULL);
        return;
    }
    if (etag && r->message) {
        g_autofree char *quoted = g_strdup_printf("\"%s\"", etag);
        soup_message_headers_replace(soup_server_message_get_response_headers(r->message), "ETag", quoted);
        const char *has =
            soup_message_headers_get_list(soup_server_message_get_request_headers(r->message), "If-None-Match");
        if (has && strstr(has, quoted)) {
            g_mapped_file_unref(map);
            answer(r, 304, NULL, NULL);
            return;
        }
    }
    GBytes *bytes = g_mapped_file_get_bytes(map);
    g_mapped_file_unref(map);
    answer(r, 200, content_type, bytes);
}
