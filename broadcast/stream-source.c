/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/stream-source.h"

#include <string.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#define RETRY_FIRST_S 1
#define RETRY_MAX_S 30
#define SILENT_US (15ll * G_USEC_PER_SEC) /* connected but no sound comes: try anew */
#define WATCH_MS 500
#define BUFFER_MAX_BYTES (256u * 1024)

struct BcStream {
    char *url;
    BcSource *source;
    MdLogger logger;
    GstElement *pipeline;
    GMainContext *context;
    GSource *watch, *retry;
    unsigned retry_s;
    const char *state;
    uint64_t seen;      /* ticks pushed when last looked */
    int64_t seen_us;
    /* GStreamer's streaming thread */
    float tick[MD_AUDIO_TICK_SAMPLES];
    unsigned filled;
};

bool bc_stream_check_url(const char *url, GError **error)
{
    g_autoptr(GUri) uri = url && strlen(url) <= 1000 ? g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD, NULL) : NULL;
    const char *scheme = uri ? g_uri_get_scheme(uri) : NULL, *host = uri ? g_uri_get_host(uri) : NULL;
    if (uri && (g_str_equal(scheme, "http") || g_str_equal(scheme, "https")) && host && *host && !g_uri_get_userinfo(uri))
        return true;
    g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "a stream is given as http://HOST/… or https://HOST/…, without a password in it");
    return false;
}

/* One line of the list against the host asked for. */
static bool host_fits(const char *listed, const char *host, int port)
{
    g_autofree char *bare = strchr(host, ':') ? g_strdup_printf("[%s]", host) : g_strdup(host);
    g_autofree char *with_port = g_strdup_printf("%s:%d", bare, port);
    if (g_str_has_prefix(listed, "*."))
        return !g_hostname_is_ip_address(host) && strlen(host) > strlen(listed + 1) &&
               g_ascii_strcasecmp(host + strlen(host) - strlen(listed + 1), listed + 1) == 0;
    return g_ascii_strcasecmp(listed, host) == 0 || g_ascii_strcasecmp(listed, bare) == 0 || g_ascii_strcasecmp(listed, with_port) == 0;
}

bool bc_url_allowed(const char *url, const char *const *hosts, const char *setting, GError **error)
{
    g_autoptr(GUri) uri = url ? g_uri_parse(url, G_URI_FLAGS_NONE, NULL) : NULL;
    const char *host = uri ? g_uri_get_host(uri) : NULL;
    bool https = uri && g_str_equal(g_uri_get_scheme(uri), "https");
    int port = uri && g_uri_get_port(uri) > 0 ? g_uri_get_port(uri) : https ? 443 : 80;
    for (unsigned i = 0; host && *host && hosts && hosts[i]; i++)
        if (host_fits(hosts[i], host, port))
            return true;
    g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "mediad may not fetch from %s: it is not in the setting %s", host ? host : "there",
                setting);
    return false;
}

static GstFlowReturn on_sample(GstAppSink *sink, gpointer user)
{
    BcStream *s = user;
    g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
    GstBuffer *buffer = sample ? gst_sample_get_buffer(sample) : NULL;
    GstMapInfo map;
    if (!buffer || !gst_buffer_map(buffer, &map, GST_MAP_READ))
        return GST_FLOW_OK;
    const float *pcm = (const float *)(const void *)map.data;
    for (size_t n = map.size / sizeof *pcm; n > 0;) {
        size_t take = MIN(n, MD_AUDIO_TICK_SAMPLES - s->filled);
        memcpy(s->tick + s->filled, pcm, take * sizeof *pcm);
        s->filled += (unsigned)take;
        pcm += take;
        n -= take;
        if (s->filled == MD_AUDIO_TICK_SAMPLES) {
            bc_source_push_pcm(s->tick, g_get_monotonic_time(), s->source);
            s->filled = 0;
        }
    }
    gst_buffer_unmap(buffer, &map);
    return GST_FLOW_OK;
}

static void on_pad_added(GstElement *bin, GstPad *pad, gpointer convert)
{
    g_autoptr(GstPad) sink = gst_element_get_static_pad(convert, "sink");
    if (!gst_pad_is_linked(sink))
        gst_pad_link(pad, sink); /* other media do not fit and stay unlinked */
}

/* A station must not make us open files or other addresses: only plain streams, no manifests and no playlists. */
static int on_autoplug_select(GstElement *bin, GstPad *pad, GstCaps *caps, GstElementFactory *factory, gpointer user)
{
    const char *class = gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_KLASS);
    const char *name = gst_plugin_feature_get_name(GST_PLUGIN_FEATURE(factory));
    bool bad = (class && (strstr(class, "Adaptive") || strstr(class, "Video") || strstr(class, "Source"))) || strstr(name, "sdp") ||
               strstr(name, "hls") || strstr(name, "dash") || strstr(name, "mss");
    return bad ? 2 : 0; /* GstAutoplugSelectResult: SKIP, TRY */
}

static void on_source_setup(GstElement *bin, GstElement *element, gpointer user)
{
    GObjectClass *class = G_OBJECT_GET_CLASS(element);
    if (g_object_class_find_property(class, "timeout"))
        g_object_set(element, "timeout", 15u, NULL);
    if (g_object_class_find_property(class, "user-agent"))
        g_object_set(element, "user-agent", "mediad/" MEDIAD_VERSION, NULL);
    if (g_object_class_find_property(class, "retries"))
        g_object_set(element, "retries", 0, NULL);
    if (g_object_class_find_property(class, "automatic-redirect")) /* to a host that nobody has allowed */
        g_object_set(element, "automatic-redirect", FALSE, NULL);
}

static void connect_stream(BcStream *s);

static gboolean on_retry(gpointer user)
{
    BcStream *s = user;
    g_clear_pointer(&s->retry, g_source_unref);
    connect_stream(s);
    return G_SOURCE_REMOVE;
}

static void disconnect_stream(BcStream *s)
{
    if (s->watch) {
        g_source_destroy(s->watch);
        g_clear_pointer(&s->watch, g_source_unref);
    }
    if (s->pipeline) {
        gst_element_set_state(s->pipeline, GST_STATE_NULL);
        g_clear_pointer(&s->pipeline, gst_object_unref);
    }
    s->filled = 0;
}

static void lost(BcStream *s, const char *why)
{
    md_notice(&s->logger, "%s: the stream is lost (%s), tried again in %u s", s->url, why, s->retry_s);
    disconnect_stream(s);
    s->state = "waiting to reconnect";
    s->retry = g_timeout_source_new_seconds(s->retry_s);
    g_source_set_callback(s->retry, on_retry, s, NULL);
    g_source_attach(s->retry, s->context);
    s->retry_s = MIN(s->retry_s * 2, RETRY_MAX_S);
}

/* Looks after the pipeline twice a second: errors, the end, and silence without either. */
static gboolean on_watch(gpointer user)
{
    BcStream *s = user;
    g_autoptr(GstBus) bus = gst_element_get_bus(s->pipeline);
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    BcSourceStats stats;
    bc_source_stats(s->source, &stats);
    int64_t now = g_get_monotonic_time();
    if (stats.pushed != s->seen) {
        s->seen = stats.pushed;
        s->seen_us = now;
        s->state = "playing";
        s->retry_s = RETRY_FIRST_S;
    }
    if (message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        g_autoptr(GError) error = NULL;
        gst_message_parse_error(message, &error, NULL);
        lost(s, error->message);
        return G_SOURCE_REMOVE;
    }
    if (message || now - s->seen_us > SILENT_US) {
        lost(s, message ? "it ended" : "no sound came");
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static void connect_stream(BcStream *s)
{
    s->pipeline = gst_pipeline_new(NULL);
    GstElement *decode = gst_element_factory_make("uridecodebin", NULL), *convert = gst_element_factory_make("audioconvert", NULL);
    GstElement *resample = gst_element_factory_make("audioresample", NULL), *sink = gst_element_factory_make("appsink", NULL);
    g_autoptr(GstCaps) wanted = gst_caps_from_string("audio/x-raw(ANY)");
    g_autoptr(GstCaps) pcm = gst_caps_from_string("audio/x-raw,format=F32LE,rate=48000,channels=1,layout=interleaved");
    GstAppSinkCallbacks callbacks = {.new_sample = on_sample};
    g_object_set(decode, "uri", s->url, "caps", wanted, "expose-all-streams", FALSE, "ring-buffer-max-size", (guint64)0, "buffer-size",
                 (int)BUFFER_MAX_BYTES, NULL);
    g_object_set(sink, "caps", pcm, "sync", TRUE, "max-buffers", 50u, NULL);
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, s, NULL);
    gst_bin_add_many(GST_BIN(s->pipeline), decode, convert, resample, sink, NULL);
    gst_element_link_many(convert, resample, sink, NULL);
    g_signal_connect(decode, "pad-added", G_CALLBACK(on_pad_added), convert);
    g_signal_connect(decode, "autoplug-select", G_CALLBACK(on_autoplug_select), NULL);
    g_signal_connect(decode, "source-setup", G_CALLBACK(on_source_setup), NULL);
    s->state = "connecting";
    s->seen_us = g_get_monotonic_time();
    s->watch = g_timeout_source_new(WATCH_MS);
    g_source_set_callback(s->watch, on_watch, s, NULL);
    g_source_attach(s->watch, s->context);
    gst_element_set_state(s->pipeline, GST_STATE_PLAYING);
}

BcStream *bc_stream_new(const char *url, BcSource *source, const MdLogger *logger, GError **error)
{
    if (!bc_stream_check_url(url, error))
        return NULL;
    gst_init(NULL, NULL);
    static const char *const needed[] = {"uridecodebin", "audioconvert", "audioresample", "appsink", "souphttpsrc"};
    for (unsigned i = 0; i < G_N_ELEMENTS(needed); i++) {
        g_autoptr(GstElementFactory) factory = gst_element_factory_find(needed[i]);
        if (!factory) {
            g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "GStreamer's %s is not installed: streams cannot be relayed", needed[i]);
            return NULL;
        }
    }
    BcStream *s = g_new0(BcStream, 1);
    s->url = g_strdup(url);
    s->source = bc_source_ref(source);
    s->logger = logger ? md_logger_child(logger, "stream") : (MdLogger){0};
    s->context = g_main_context_ref_thread_default();
    s->retry_s = RETRY_FIRST_S;
    connect_stream(s);
    return s;
}

void bc_stream_free(BcStream *s)
{
    if (!s)
        return;
    disconnect_stream(s);
    if (s->retry) {
        g_source_destroy(s->retry);
        g_source_unref(s->retry);
    }
    g_main_context_unref(s->context);
    bc_source_unref(s->source);
    g_free(s->url);
    g_free(s);
}

const char *bc_stream_state(const BcStream *stream)
{
    return stream->state;
}
