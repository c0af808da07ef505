/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers that go on: sound without end, events as they happen. */
#include "mediad/api/private.h"

#define WAITING_MAX (256 * 1024) /* bytes given and not taken: half a minute of sound */

struct MdApiStream {
    MdApiRequest *request;
    void (*closed)(void *user); /* NULL: nobody cares any more */
    void *user;
    gsize waiting;
};

static void wrote(SoupServerMessage *message, guint size, gpointer user)
{
    MdApiStream *s = user;
    s->waiting -= MIN(s->waiting, size);
}

MdApiStream *md_api_reply_stream(MdApiRequest *r, const char *content_type, void (*closed)(void *user), void *user)
{
    g_return_val_if_fail(!r->replied, NULL);
    r->replied = true;
    if (!r->api || !r->message || r->api->closing) {
        if (r->handed)
            md_api_request_unref(r);
        return NULL;
    }
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(r->message);
    MdApiStream *s = g_new0(MdApiStream, 1);
    *s = (MdApiStream){r, closed, user, 0}; /* has the handler's reference */
    r->stream = s;
    soup_server_message_set_status(r->message, 200, NULL);
    soup_message_headers_set_content_type(headers, content_type, NULL);
    soup_message_headers_set_encoding(headers, SOUP_ENCODING_EOF); /* old receivers know no chunks */
    soup_message_body_set_accumulate(soup_server_message_get_response_body(r->message), FALSE);
    g_signal_connect(r->message, "wrote-body-data", G_CALLBACK(wrote), s);
    if (r->paused) {
        r->paused = false;
        soup_server_message_unpause(r->message);
    }
    return s;
}

void md_api_stream_finished(MdApiRequest *r)
{
    MdApiStream *s = g_steal_pointer(&r->stream);
    void (*closed)(void *user) = s->closed;
    g_signal_handlers_disconnect_by_data(r->message, s);
    if (closed)
        closed(s->user);
    g_free(s);
    if (r->handed)
        md_api_request_unref(r);
}

/* The API stops: its owner is told at once, the other side reads the end. */
void md_api_stream_close(MdApiStream *s)
{
    void (*closed)(void *user) = s->closed;
    void *user = s->user;
    md_api_stream_end(s);
    if (closed)
        closed(user);
}

bool md_api_stream_write(MdApiStream *s, GBytes *bytes)
{
    SoupServerMessage *message = s->request->message;
    gsize size = g_bytes_get_size(bytes);
    if (s->waiting + size > WAITING_MAX) { /* its end is told by closed, soon */
        GSocket *socket = md_api_message_socket(message);
        if (socket)
            g_socket_shutdown(socket, TRUE, TRUE, NULL);
        return false;
    }
    if (size) {
        s->waiting += size;
        soup_message_body_append_bytes(soup_server_message_get_response_body(message), bytes);
        soup_server_message_unpause(message);
    }
    return true;
}

void md_api_stream_end(MdApiStream *s)
{
    if (!s)
        return;
    s->closed = NULL;
    soup_message_body_complete(soup_server_message_get_response_body(s->request->message));
    soup_server_message_unpause(s->request->message);
}
