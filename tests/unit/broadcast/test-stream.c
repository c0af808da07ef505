/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/stream-source.h"

#include <libsoup/soup.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include "mediad/audio/codec.h"

/* A station on loopback: a real HTTP server gives a real MP3; what comes out of the source is searched for its tone. Real time, for
 * GStreamer paces the stream by the machine's clock; every wait ends as soon as what it waits for is there. */
#define PATIENCE_US (20 * G_USEC_PER_SEC)

typedef struct Station {
    SoupServer *server;
    char *data, *url;
    gsize len;
    unsigned requests;
    bool broken;
} Station;

static void on_request(SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query, gpointer user)
{
    Station *station = user;
    station->requests++;
    if (station->broken) {
        soup_server_message_set_status(message, 503, NULL);
        return;
    }
    soup_server_message_set_status(message, 200, NULL);
    soup_server_message_set_response(message, "audio/mpeg", SOUP_MEMORY_STATIC, station->data, station->len);
}

static void open_station(Station *station, const char *filter)
{
    *station = (Station){0};
    g_autofree char *dir = g_dir_make_tmp("bc-stream-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "a.mp3", NULL);
    g_autofree char *command = g_strdup_printf("ffmpeg -v error -y -f lavfi -i %s -b:a 64k %s", filter, path);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_assert_true(g_file_get_contents(path, &station->data, &station->len, NULL));
    unlink(path);
    rmdir(dir);
    station->server = soup_server_new(NULL, NULL);
    soup_server_add_handler(station->server, NULL, on_request, station, NULL);
    g_autoptr(GError) error = NULL;
    soup_server_listen_local(station->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, &error);
    g_assert_no_error(error);
    GSList *uris = soup_server_get_uris(station->server);
    g_autofree char *base = g_uri_to_string(uris->data);
    station->url = g_strconcat(base, "live.mp3", NULL);
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
}

static void close_station(Station *station)
{
    g_object_unref(station->server);
    g_free(station->data);
    g_free(station->url);
}

static uint64_t pushed(BcSource *source)
{
    BcSourceStats stats;
    bc_source_stats(source, &stats);
    return stats.pushed;
}

static bool wait_pushed(BcSource *source, uint64_t ticks)
{
    int64_t end = g_get_monotonic_time() + PATIENCE_US;
    while (pushed(source) < ticks && g_get_monotonic_time() < end)
        g_main_context_iteration(NULL, TRUE); /* the stream looks after itself twice a second */
    return pushed(source) >= ticks;
}

static double purity(const float *pcm, unsigned n, double hz)
{
    double w = 2 * G_PI * hz / 48000, c = 2 * cos(w), s1 = 0, s2 = 0, energy = 0;
    for (unsigned i = 0; i < n; i++) {
        double s = pcm[i] + c * s1 - s2;
        s2 = s1;
        s1 = s;
        energy += pcm[i] * pcm[i];
    }
    return energy > 0 ? (s1 * s1 + s2 * s2 - c * s1 * s2) * 2 / (n * energy) : 0;
}

/* The tone of the station comes out; when the station ends it is called again. */
static void test_relay(void)
{
    Station station;
    open_station(&station, "sine=500:d=1.6");
    g_autoptr(BcSource) source = bc_source_live_new(&(BcLiveOptions){.frame_ms = 20, .delay_ms = 200}, NULL);
    g_autoptr(GError) error = NULL;
    BcStream *stream = bc_stream_new(station.url, source, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(wait_pushed(source, 60));
    MdAudioDecoder *decoder = md_audio_decoder_new(MD_AUDIO_PCMU);
    static float pcm[48000];
    unsigned n = 0;
    for (unsigned i = 0; i < 40; i++) {
        BcFrame frame;
        g_assert_true(bc_source_pull(source, 1u << MD_AUDIO_PCMU, &frame));
        n += (unsigned)md_audio_decoder_decode(decoder, frame.payload[MD_AUDIO_PCMU], frame.len[MD_AUDIO_PCMU], pcm + n, 48000 - n);
    }
    md_audio_decoder_free(decoder);
    g_assert_cmpfloat(purity(pcm + 2400, 4800, 500), >, 0.9);
    g_assert_true(wait_pushed(source, 120)); /* more than one play of the file: it was asked for again */
    g_assert_cmpuint(station.requests, >=, 2);
    bc_stream_free(stream);
    close_station(&station);
}

/* A station that refuses is tried again later, and heard when it is back. */
static void test_reconnect(void)
{
    Station station;
    open_station(&station, "sine=500:d=3");
    station.broken = true;
    g_autoptr(BcSource) source = bc_source_live_new(&(BcLiveOptions){.frame_ms = 20}, NULL);
    BcStream *stream = bc_stream_new(station.url, source, NULL, NULL);
    int64_t end = g_get_monotonic_time() + PATIENCE_US;
    while (!g_str_equal(bc_stream_state(stream), "waiting to reconnect") && g_get_monotonic_time() < end)
        g_main_context_iteration(NULL, TRUE); /* the stream looks after itself twice a second */
    g_assert_cmpstr(bc_stream_state(stream), ==, "waiting to reconnect");
    g_assert_cmpuint(pushed(source), ==, 0);
    station.broken = false;
    g_assert_true(wait_pushed(source, 20));
    bc_stream_free(stream);
    close_station(&station);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/stream/relay", test_relay);
    g_test_add_func("/broadcast/stream/reconnect", test_reconnect);
    return g_test_run();
}
