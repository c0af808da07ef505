/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an area hears, for phones, old receivers and other programs: /listen/AREA.mp3 and /listen/AREA/index.m3u8. */
#include <string.h>
#include "mediad/api/nouns.h"

typedef struct Outputs {
    MdApi *api;
    BcOutputs *outputs;
    bool everybody;
    char *key;
} Outputs;

typedef struct Mp3 {
    MdApiStream *stream;
    BcListener *listener;
} Mp3;

/* Takes the same time wherever the two differ. */
static bool same(const char *a, const char *b)
{
    size_t n = strlen(b);
    unsigned difference = strlen(a) != n;
    for (size_t i = 0; i < n; i++)
        difference |= (unsigned char)(a[difference ? 0 : i] ^ b[i]);
    return !difference;
}

static bool may_listen(MdApiRequest *r, const Outputs *o)
{
    const char *key = md_api_request_query(r, "key");
    if (o->everybody) {
        md_api_request_set_header(r, "Access-Control-Allow-Origin", "*");
        md_api_request_set_header(r, "Cross-Origin-Resource-Policy", "cross-origin");
        return true;
    }
    if ((o->key && key && same(key, o->key)) || md_api_request_rights(r) & MD_API_MAY_VIEW)
        return true;
    md_api_reply_error(r, 403, "no-key", "listening needs a key here", "add ?key=KEY to the address, or sign in");
    return false;
}

static void refuse(MdApiRequest *r, const GError *error)
{
    bool none = g_error_matches(error, BC_ERROR, BC_ERROR_NOT_FOUND), full = g_error_matches(error, BC_ERROR, BC_ERROR_LIMIT);
    if (full)
        md_api_request_set_header(r, "Retry-After", "30");
    md_api_reply_error(r, none ? 404 : full ? 503 : 500, none ? "no-such-area" : full ? "full" : "failed", error->message, NULL);
}

/* --- MP3 --- */

static void on_mp3(GBytes *bytes, void *user)
{
    Mp3 *mp3 = user;
    if (mp3->stream)
        md_api_stream_write(mp3->stream, bytes);
}

static void on_closed(void *user)
{
    Mp3 *mp3 = user;
    bc_listener_free(mp3->listener);
    g_free(mp3);
}

static void get_mp3(MdApiRequest *r, void *user)
{
    Outputs *o = user;
    const char *file = md_api_request_param(r, "file");
    g_autofree char *area = g_str_has_suffix(file, ".mp3") ? g_strndup(file, strlen(file) - strlen(".mp3")) : NULL;
    g_autoptr(GError) error = NULL;
    if (!may_listen(r, o))
        return;
    if (!area) {
        md_api_reply_error(r, 404, "no-such-stream", "there are AREA.mp3 and AREA/index.m3u8", NULL);
        return;
    }
    Mp3 *mp3 = g_new0(Mp3, 1);
    mp3->listener = bc_outputs_listen(o->outputs, area, md_api_request_source(r), on_mp3, mp3, &error);
    if (!mp3->listener) {
        g_free(mp3);
        refuse(r, error);
        return;
    }
    mp3->stream = md_api_reply_stream(r, "audio/mpeg", on_closed, mp3);
    if (!mp3->stream)
        on_closed(mp3);
}

/* --- HLS --- */

static void on_playlist(const char *text, const GError *error, void *user)
{
    MdApiRequest *r = user;
    if (error)
        refuse(r, error);
    else
        md_api_reply_text(r, 200, "application/vnd.apple.mpegurl", text);
}

static void get_hls(MdApiRequest *r, void *user)
{
    Outputs *o = user;
    const char *file = md_api_request_param(r, "file"), *area = md_api_request_param(r, "area");
    const char *key = md_api_request_query(r, "key");
    guint64 sequence;
    if (!may_listen(r, o))
        return;
    if (g_str_equal(file, "index.m3u8")) {
        g_autofree char *escaped = key ? g_uri_escape_string(key, NULL, FALSE) : NULL;
        g_autofree char *query = escaped ? g_strconcat("key=", escaped, NULL) : NULL;
        bc_outputs_playlist(o->outputs, area, md_api_request_source(r), query, on_playlist, r);
        return;
    }
    g_autofree char *number = g_str_has_suffix(file, ".aac") ? g_strndup(file, strlen(file) - strlen(".aac")) : NULL;
    GBytes *segment = number && g_ascii_string_to_unsigned(number, 10, 0, G_MAXUINT64, &sequence, NULL)
                          ? bc_outputs_segment(o->outputs, area, sequence) : NULL;
    if (segment) {
        md_api_request_set_header(r, "Cache-Control", o->everybody ? "public, max-age=30" : "private, max-age=30");
        md_api_reply_bytes(r, 200, "audio/aac", segment);
    } else {
        md_api_reply_error(r, 404, "no-such-segment", "that piece is not there, or not any more", "read index.m3u8 again");
    }
}

static void metrics(GString *out, void *user)
{
    Outputs *o = user;
    BcOutputStats s;
    bc_outputs_stats(o->outputs, &s);
    g_string_append_printf(out,
                           "# HELP mediad_output_listeners Listeners of area streams.\n# TYPE mediad_output_listeners gauge\n"
                           "mediad_output_listeners{format=\"mp3\"} %u\nmediad_output_listeners{format=\"hls\"} %u\n"
                           "# HELP mediad_output_encoders Area streams being encoded.\n# TYPE mediad_output_encoders gauge\n"
                           "mediad_output_encoders %u\n", s.listeners, s.hls_listeners, s.feeds);
}

#define KEYED "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"key\":{\"type\":\"string\",\"maxLength\":200}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/listen/{file}", .role = MD_API_ANYBODY, .handler = get_mp3, .query_schema = KEYED,
     .response_type = "audio/mpeg",
     .summary = "What an area hears, as MP3 without end: AREA.mp3. Also at /listen/AREA.mp3, outside /api/v1."},
    {.method = "GET", .path = "/listen/{area}/{file}", .role = MD_API_ANYBODY, .handler = get_hls, .query_schema = KEYED,
     .response_type = "application/vnd.apple.mpegurl",
     .summary = "The same as HTTP Live Streaming: index.m3u8 and the pieces it names. Also at /listen/AREA/index.m3u8."},
};

static void free_outputs(gpointer data)
{
    Outputs *o = data;
    bc_outputs_free(o->outputs);
    g_free(o->key);
    g_free(o);
}

void md_api_add_outputs(MdApi *api, BcOutputs *outputs, bool everybody, const char *key)
{
    Outputs *o = g_new0(Outputs, 1);
    *o = (Outputs){api, outputs, everybody, g_strdup(key)};
    md_api_own(api, o, free_outputs);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), o);
    md_api_add_metrics(api, metrics, o);
    md_api_add_place(api, "/listen");
}
