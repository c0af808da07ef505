/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/options.h"

#include <stdio.h>
#include <string.h>

#include "mediasim/ear.h"
#include "mediasim/eye.h"
#include "sip/client.h"

/* Texts and numbers as the command line gives them, before they are checked. */
typedef struct Raw {
    char *link, *code_file, *api, *api_ca, *token_file, *credentials;
    int devices, skew_s, outage_s, telemetry_s, burst_s, storm_s, limit_latency_ms, emergencies;
    double liars, outages, power_cuts, downloads;
    char *server, *transport, *security, *video, *receive, *accounts, *password_file, *prefix, *ports,
        *planned;
    int sites, count, seconds, setup, talkers, turn_ms, workers, calls_per_s, registers_per_s, judge_video,
        judge_audio, delay_ms, jitter_ms, first;
    double loss, heard, gaps, tiles, lost, answered;
    int limit_delay_ms, limit_video_delay_ms, limit_start_ms;
    gint64 seed;
} Raw;

static void raw_clear(Raw *raw)
{
    char **texts[] = {&raw->server,   &raw->transport,     &raw->security, &raw->video, &raw->receive,
                      &raw->accounts, &raw->password_file, &raw->prefix,   &raw->ports, &raw->planned,
                      &raw->link,     &raw->code_file,     &raw->api,      &raw->api_ca, &raw->token_file,
                      &raw->credentials};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(*texts[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Raw, raw_clear)

void sim_options_clear(SimOptions *options)
{
    for (guint i = 0; options->accounts && i < options->accounts->len; i++) {
        SimAccount *account = &g_array_index(options->accounts, SimAccount, i);
        g_free(account->name);
        g_free(account->password);
    }
    g_clear_pointer(&options->accounts, g_array_unref);
    g_clear_pointer(&options->server_uri, g_free);
    g_clear_pointer(&options->domain, g_free);
    g_clear_pointer(&options->local_host, g_free);
    g_clear_pointer(&options->room, g_free);
    char **texts[] = {&options->link.host, &options->link.credentials, &options->link.codes,     &options->link.api,
                      &options->link.api_ca, &options->link.token_file, &options->link.prefix};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        g_clear_pointer(texts[i], g_free);
}

G_GNUC_PRINTF(2, 3) static bool usage(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, text);
    return false;
}

bool sim_accounts_load(GArray *accounts, const char *path, const char *prefix, GError **error)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, error))
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i]; i++) {
        char *line = g_strstrip(lines[i]);
        if (!*line || *line == '#')
            continue;
        size_t name_len = strcspn(line, ",: \t");
        const char *password = line + name_len + strspn(line + name_len, ",: \t");
        if (line[name_len] == ',' &&
            strrchr(password, ',')) /* mediad's credentials.csv: name, domain, password */
            password = strrchr(password, ',') + 1;
        if (!name_len || !*password)
            return usage(error, "%s:%u: expected \"NAME PASSWORD\" or \"NAME,DOMAIN,PASSWORD\"", path, i + 1);
        if (prefix && !g_str_has_prefix(line, prefix))
            continue;
        SimAccount account = {g_strndup(line, name_len), g_strdup(password)};
        g_array_append_val(accounts, account);
    }
    return true;
}

bool sim_video_class_parse(const char *text, MdVideoClass *ret)
{
    unsigned height, fps;
    int used = 0;
    if (sscanf(text, "%up%u%n", &height, &fps, &used) != 2 || text[used] || height < 90 || height > 1080 ||
        height % 2 || fps < 1 || fps > 30)
        return false;
    unsigned width = (height * 16 / 9 + 2) & ~3u;
    /* As real endpoints: half a megabit for 360p15, growing a little slower than the pixels. */
    double pixels = (double)width * height / (640 * 360);
    ret->width = (uint16_t)width;
    ret->height = (uint16_t)height;
    ret->fps = (uint8_t)fps;
    ret->bitrate_bps = (uint32_t)(500000 * (pixels > 1 ? 0.25 + 0.75 * pixels : pixels) * fps / 15);
    return true;
}

static bool parse_server(SimOptions *o, const Raw *raw, GError **error)
{
    if (!raw->server)
        return usage(error, "--server HOST:PORT is needed");
    if (md_addr_from_string(&o->server, raw->server) < 0 &&
        md_addr_from_host(&o->server, raw->server, 5060) < 0)
        return usage(error,
                     "--server %s: expected a numeric address like 192.0.2.1:5060 or [2001:db8::1]:5060",
                     raw->server);
    o->transport = raw->transport ? sg_transport_from_string(raw->transport) : SG_UDP;
    if (o->transport < 0)
        return usage(error, "--transport %s: expected udp, tcp or tls", raw->transport);
    char host[MD_ADDR_TEXT_MAX], text[MD_ADDR_TEXT_MAX];
    md_addr_host(&o->server, host, sizeof(host));
    md_addr_to_string(&o->server, text, sizeof(text));
    o->server_uri =
        g_strdup_printf("sip:%s;transport=%s", text, sg_transport_to_string((SgTransportKind)o->transport));
    if (!o->local_host) {
        if (strncmp(host, "127.", 4) && strcmp(host, "::1"))
            return usage(error, "--local HOST is needed: which of our addresses the server can reach");
        o->local_host = g_strdup(strcmp(host, "::1") ? "127.0.0.1" : "::1");
    }
    return true;
}

static bool parse_accounts(SimOptions *o, const Raw *raw, GError **error)
{
    o->accounts = g_array_new(FALSE, TRUE, sizeof(SimAccount));
    if (raw->accounts && !sim_accounts_load(o->accounts, raw->accounts, raw->prefix, error))
        return false;
    if (!raw->accounts) {
        g_autofree char *password = NULL;
        if (!raw->password_file)
            return usage(error, "--accounts FILE or --password-file FILE is needed");
        if (!g_file_get_contents(raw->password_file, &password, NULL, error))
            return false;
        g_strstrip(password);
        for (unsigned i = 0; i < o->count; i++) {
            SimAccount account = {g_strdup_printf("%s%u",
                                                  raw->prefix       ? raw->prefix
                                                  : o->loudspeakers ? "loa-"
                                                                    : "site-",
                                                  (unsigned)raw->first + i),
                                  g_strdup(password)};
            g_array_append_val(o->accounts, account);
        }
    }
    if (o->accounts->len < o->count)
        return usage(error, "%s holds %u such accounts, %u are needed", raw->accounts, o->accounts->len,
                     o->count);
    return true;
}

static bool parse_media(SimOptions *o, const Raw *raw, GError **error)
{
    o->security = MD_SECURITY_OFF;
    if (!raw->security || !strcmp(raw->security, "sdes") || !strcmp(raw->security, "required"))
        o->security = MD_SECURITY_REQUIRED;
    else if (!strcmp(raw->security, "preferred"))
        o->security = MD_SECURITY_PREFERRED;
    else if (strcmp(raw->security, "off"))
        return usage(error, "--security %s: expected off, preferred or sdes", raw->security);
    const char *video = raw->video ? raw->video : "360p15";
    o->video = strcmp(video, "none") != 0 && !o->loudspeakers;
    if (o->video && !sim_video_class_parse(video, &o->send_class))
        return usage(error, "--video %s: expected none or HEIGHTpFPS like 360p15", video);
    if (!sim_video_class_parse(raw->receive ? raw->receive : "720p15", &o->receive_class))
        return usage(error, "--receive %s: expected HEIGHTpFPS like 720p15", raw->receive);
    if (raw->ports && (sscanf(raw->ports, "%u-%u", &o->port_min, &o->port_max) != 2 || o->port_min < 1024 ||
                       o->port_max > 65535 || o->port_min >= o->port_max))
        return usage(error, "--media-ports %s: expected MIN-MAX between 1024 and 65535", raw->ports);
    unsigned needed = o->count * (o->video ? 4 : 2);
    if (o->port_max - o->port_min + 1 < needed)
        return usage(error, "--media-ports %u-%u: %u endpoints need %u ports", o->port_min, o->port_max,
                     o->count, needed);
    if (raw->loss < 0 || raw->loss > 50 || raw->delay_ms < 0 || raw->delay_ms > 2000 || raw->jitter_ms < 0 ||
        raw->jitter_ms > 1000)
        return usage(error, "--loss 0..50 (percent), --delay 0..2000, --jitter 0..1000 (ms)");
    o->loss = raw->loss / 100;
    o->delay_us = raw->delay_ms * 1000;
    o->jitter_us = raw->jitter_ms * 1000;
    o->seed = (uint64_t)raw->seed;
    return true;
}

static bool share(double percent, double *ret)
{
    *ret = percent / 100;
    return percent >= 0 && percent <= 100;
}

/* Loudspeakers of the device link: who they are, what befalls them, what is asked of them. */
static bool parse_link(SimOptions *o, Raw *raw, GError **error)
{
    SimLinkOptions *l = &o->link;
    const char *colon = strrchr(raw->link, ':');
    guint64 port = 0;
    if (!colon || colon == raw->link || !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port, NULL))
        return usage(error, "--link %s: expected HOST:PORT, the host as the broker's certificate has it", raw->link);
    if (!raw->credentials)
        return usage(error, "--credentials DIR is needed: where the loudspeakers' certificates are kept");
    if ((raw->code_file || raw->token_file) && !raw->api)
        return usage(error, "--codes and --api-token need --api URL");
    if (!share(raw->liars, &l->liars) || !share(raw->outages, &l->outages) || !share(raw->power_cuts, &l->power_cuts) ||
        !share(raw->downloads, &l->downloads) || !share(raw->loss, &o->loss) || raw->loss > 50)
        return usage(error, "--loss 0..50, --false-telemetry, --outage, --power-cuts and --downloads 0..100 (percent)");
    if (raw->skew_s < 0 || raw->skew_s > 864000 || raw->outage_s < 1 || raw->outage_s > 86400 || raw->telemetry_s < 1 || raw->telemetry_s > 3600 ||
        raw->burst_s < 1 || raw->burst_s > 3600 || raw->storm_s < 0 || raw->storm_s > 86400 || raw->limit_latency_ms < 1 || raw->emergencies < 0)
        return usage(error, "--skew 0..864000, --outage-length and --reconnect-storm up to 86400, --telemetry and --burst 1..3600 (s), "
                            "--max-latency from 1 (ms), --emergencies from 0");
    l->host = g_strndup(raw->link, (gsize)(colon - raw->link));
    l->port = (uint16_t)port;
    l->credentials = g_steal_pointer(&raw->credentials);
    l->codes = g_steal_pointer(&raw->code_file);
    l->api = g_steal_pointer(&raw->api);
    l->api_ca = g_steal_pointer(&raw->api_ca);
    l->token_file = g_steal_pointer(&raw->token_file);
    l->prefix = g_steal_pointer(&raw->prefix);
    l->skew_us = raw->skew_s * 1000000ll;
    l->outage_us = raw->outage_s * 1000000ll;
    l->telemetry_us = raw->telemetry_s * 1000000ll;
    l->burst_us = raw->burst_s * 1000000ll;
    l->storm_us = raw->storm_s * 1000000ll;
    l->limit_latency_us = raw->limit_latency_ms * 1000ll;
    l->emergencies = (unsigned)raw->emergencies;
    o->seed = (uint64_t)raw->seed;
    o->limit_answered = raw->answered / 100;
    o->limit_start_us = raw->limit_start_ms * 1000ll;
    return true;
}

static bool parse_scenario(SimOptions *o, const Raw *raw, GError **error)
{
    if (!o->loudspeakers && !o->room)
        return usage(error, "--room NAME is needed");
    o->talkers = (unsigned)raw->talkers;
    if (o->talkers > o->count)
        o->talkers = o->count;
    if (raw->talkers < 1 || raw->talkers > 4)
        return usage(error, "--talkers: 1 to 4");
    int64_t least_ms = sim_talk_turn_min_us(o->talkers) / 1000;
    o->turn_ms = (unsigned)raw->turn_ms;
    if (raw->turn_ms < least_ms || raw->turn_ms > 60000)
        return usage(error, "--turn: %d to 60000 ms with so many talkers", (int)least_ms);
    if (!o->loudspeakers && o->seconds * 1000u < o->turn_ms)
        return usage(error, "--seconds: at least one turn (%u ms)", o->turn_ms);
    o->judge_video = (unsigned)raw->judge_video;
    o->judge_audio = raw->judge_audio ? (unsigned)raw->judge_audio : o->count;
    if (raw->planned) {
        g_autoptr(GTimeZone) zone = g_time_zone_new_local();
        g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(raw->planned, zone);
        if (!time)
            return usage(error, "--planned %s: expected a time like 2026-11-22T05:00:00+07:00", raw->planned);
        o->planned_wall_us = g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
    }
    o->limit_heard = raw->heard / 100;
    o->limit_gaps = raw->gaps / 100;
    o->limit_tiles = raw->tiles / 100;
    o->limit_loss = raw->lost / 100;
    o->limit_answered = raw->answered / 100;
    o->limit_delay_us = raw->limit_delay_ms * 1000ll;
    o->limit_video_delay_us = raw->limit_video_delay_ms * 1000ll;
    o->limit_start_us = raw->limit_start_ms * 1000ll;
    return true;
}

static bool parse_counts(SimOptions *o, const Raw *raw, GError **error)
{
    int count = raw->link ? raw->devices : o->loudspeakers ? raw->count : raw->sites;
    if (raw->link && (count < 1 || count > 20000))
        return usage(error, "--devices: 1 to 20000");
    if (o->loudspeakers ? count < 1 || count > 20000 : count < 1 || count > 500)
        return usage(error, o->loudspeakers ? "--count: 1 to 20000" : "--sites: 1 to 500");
    if (raw->seconds < 1 || raw->seconds > 86400 || raw->setup < 1 || raw->setup > 3600)
        return usage(error, "--seconds 1..86400, --setup 1..3600");
    if (raw->workers < 1 || raw->workers > 64 || raw->calls_per_s < 1 || raw->calls_per_s > 10000 ||
        raw->registers_per_s < 1 || raw->registers_per_s > 100000 || raw->judge_video < 0 ||
        raw->judge_audio < 0)
        return usage(error, "--workers 1..64, --calls-per-second 1..10000, --registers-per-second 1..100000, "
                            "--judge-... from 0");
    o->count = (unsigned)count;
    o->seconds = (unsigned)raw->seconds;
    o->setup_seconds = (unsigned)raw->setup;
    o->workers = (unsigned)raw->workers;
    o->calls_per_s = (unsigned)raw->calls_per_s;
    o->registers_per_s = (unsigned)raw->registers_per_s;
    return true;
}

static void add_link_entries(GOptionContext *context, Raw *raw)
{
    const GOptionEntry link[] = {
        {"link", 0, 0, G_OPTION_ARG_STRING, &raw->link,
         "speak the device link instead of SIP: the MQTT broker, its host as its certificate has it", "HOST:PORT"},
        {"devices", 0, 0, G_OPTION_ARG_INT, &raw->devices, "link: loudspeakers that connect", "N"},
        {"credentials", 0, 0, G_OPTION_ARG_FILENAME, &raw->credentials,
         "link: folder of their certificates, kept for further runs", "DIR"},
        {"codes", 0, 0, G_OPTION_ARG_FILENAME, &raw->code_file,
         "link: lines of \"DEVICE,CODE\" (mediactl devices enrol-codes --csv), for those without a certificate", "FILE"},
        {"api", 0, 0, G_OPTION_ARG_STRING, &raw->api, "link: mediad's API, to enrol and to ask for its marks", "URL"},
        {"api-ca", 0, 0, G_OPTION_ARG_FILENAME, &raw->api_ca, "link: who vouches for it (the system's)", "FILE"},
        {"api-token", 0, 0, G_OPTION_ARG_FILENAME, &raw->token_file,
         "link: a session's token; asks at the end whether false telemetry is marked", "FILE"},
        {"skew", 0, 0, G_OPTION_ARG_INT, &raw->skew_s, "link: clocks are wrong by up to so much (0)", "S"},
        {"false-telemetry", 0, 0, G_OPTION_ARG_DOUBLE, &raw->liars,
         "link: so many send impossible, exchanged or constant values (0)", "PERCENT"},
        {"outage", 0, 0, G_OPTION_ARG_DOUBLE, &raw->outages, "link: so many lose their line once (0)", "PERCENT"},
        {"outage-length", 0, 0, G_OPTION_ARG_INT, &raw->outage_s, "link: for so long (20)", "S"},
        {"power-cuts", 0, 0, G_OPTION_ARG_DOUBLE, &raw->power_cuts,
         "link: so many lose power once, and all but what is on their disk (0)", "PERCENT"},
        {"reconnect-storm", 0, 0, G_OPTION_ARG_INT, &raw->storm_s,
         "link: so long after the start all lose their line and come back at once (never)", "S"},
        {"telemetry", 0, 0, G_OPTION_ARG_INT, &raw->telemetry_s, "link: pace of telemetry (60)", "S"},
        {"burst", 0, 0, G_OPTION_ARG_INT, &raw->burst_s, "link: new recordings are fetched within (60)", "S"},
        {"downloads", 0, 0, G_OPTION_ARG_DOUBLE, &raw->downloads,
         "link: so many really fetch recordings, the others only seem to (10)", "PERCENT"},
        {"emergencies", 0, 0, G_OPTION_ARG_INT, &raw->emergencies, "link: fail below: emergencies that came (0)", "N"},
        {"max-latency", 0, 0, G_OPTION_ARG_INT, &raw->limit_latency_ms,
         "link: fail above: p99 from an emergency's order to the first sound (1000)", "MS"},
        {NULL}};
    g_option_context_add_main_entries(context, link, NULL);
}

static GOptionContext *option_context(SimOptions *o, Raw *raw)
{
    const GOptionEntry common[] = {
        {"server", 0, 0, G_OPTION_ARG_STRING, &raw->server, "SIP server, numeric address and port",
         "HOST:PORT"},
        {"transport", 0, 0, G_OPTION_ARG_STRING, &raw->transport, "udp, tcp or tls (udp)", "KIND"},
        {"domain", 0, 0, G_OPTION_ARG_STRING, &o->domain, "SIP domain (the server's host)", "NAME"},
        {"local", 0, 0, G_OPTION_ARG_STRING, &o->local_host, "our address (the loopback the server is on)",
         "HOST"},
        {"media-ports", 0, 0, G_OPTION_ARG_STRING, &raw->ports, "our media ports (36000-59999)", "MIN-MAX"},
        {"accounts", 0, 0, G_OPTION_ARG_FILENAME, &raw->accounts,
         "lines of \"NAME PASSWORD\", or mediad's credentials.csv", "FILE"},
        {"password-file", 0, 0, G_OPTION_ARG_FILENAME, &raw->password_file,
         "one password for generated names", "FILE"},
        {"account-prefix", 0, 0, G_OPTION_ARG_STRING, &raw->prefix,
         "generated names are PREFIX1, PREFIX2 ... (site-, loa-); with --accounts: only names that begin so",
         "PREFIX"},
        {"account-first", 0, 0, G_OPTION_ARG_INT, &raw->first, "number of the first generated name (1)", "N"},
        {"security", 0, 0, G_OPTION_ARG_STRING, &raw->security, "off, preferred or sdes (sdes)", "KIND"},
        {"seconds", 0, 0, G_OPTION_ARG_INT, &raw->seconds, "judged time (30)", "S"},
        {"setup", 0, 0, G_OPTION_ARG_INT, &raw->setup, "time for registering and calling (60)", "S"},
        {"loss", 0, 0, G_OPTION_ARG_DOUBLE, &raw->loss, "lose so many packets, both ways (0)", "PERCENT"},
        {"delay", 0, 0, G_OPTION_ARG_INT, &raw->delay_ms, "delay each packet, both ways (0)", "MS"},
        {"jitter", 0, 0, G_OPTION_ARG_INT, &raw->jitter_ms, "and by up to so much more (0)", "MS"},
        {"seed", 0, 0, G_OPTION_ARG_INT64, &raw->seed, "of losses and jitter (1)", "N"},
        {"workers", 0, 0, G_OPTION_ARG_INT, &raw->workers, "media threads (2)", "N"},
        {"registers-per-second", 0, 0, G_OPTION_ARG_INT, &raw->registers_per_s, "pace of REGISTERs (200)",
         "N"},
        {"calls-per-second", 0, 0, G_OPTION_ARG_INT, &raw->calls_per_s, "pace of calls (20)", "N"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &o->json, "result as JSON", NULL},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &o->verbose, "tell what happens on stderr", NULL},
        {"max-loss", 0, 0, G_OPTION_ARG_DOUBLE, &raw->lost,
         "fail above so many packets lost beyond --loss (1)", "PERCENT"},
        {NULL}};
    const GOptionEntry conference[] = {
        {"sites", 0, 0, G_OPTION_ARG_INT, &raw->sites, "sites that call", "N"},
        {"room", 0, 0, G_OPTION_ARG_STRING, &o->room, "room they call", "NAME"},
        {"talkers", 0, 0, G_OPTION_ARG_INT, &raw->talkers, "sites talking at the same time (3)", "N"},
        {"turn", 0, 0, G_OPTION_ARG_INT, &raw->turn_ms, "length of a turn (5000)", "MS"},
        {"video", 0, 0, G_OPTION_ARG_STRING, &raw->video, "pictures sent, none: audio only (360p15)",
         "CLASS"},
        {"receive", 0, 0, G_OPTION_ARG_STRING, &raw->receive, "largest pictures taken (720p15)", "CLASS"},
        {"judge-video", 0, 0, G_OPTION_ARG_INT, &raw->judge_video,
         "sites that decode and judge the composite (4)", "K"},
        {"judge-audio", 0, 0, G_OPTION_ARG_INT, &raw->judge_audio,
         "sites that decode and judge the sound (all)", "K"},
        {"min-heard", 0, 0, G_OPTION_ARG_DOUBLE, &raw->heard, "fail below: talkers heard (99)", "PERCENT"},
        {"max-gaps", 0, 0, G_OPTION_ARG_DOUBLE, &raw->gaps,
         "fail above: time without sound while somebody talks (0.5)", "PERCENT"},
        {"min-tiles", 0, 0, G_OPTION_ARG_DOUBLE, &raw->tiles, "fail below: tiles showing their site (97)",
         "PERCENT"},
        {"max-delay", 0, 0, G_OPTION_ARG_INT, &raw->limit_delay_ms,
         "fail above: mean mouth to ear, beyond --delay (300)", "MS"},
        {"max-video-delay", 0, 0, G_OPTION_ARG_INT, &raw->limit_video_delay_ms,
         "fail above: mean camera to screen, beyond --delay (500)", "MS"},
        {NULL}};
    const GOptionEntry loudspeakers[] = {
        {"count", 0, 0, G_OPTION_ARG_INT, &raw->count, "loudspeakers that register and wait", "N"},
        {"planned", 0, 0, G_OPTION_ARG_STRING, &raw->planned,
         "when the announcement should be heard (unknown: only the spread is judged)", "TIME"},
        {"stay", 0, 0, G_OPTION_ARG_NONE, &o->stay, "stay for all of the time, not for one announcement only", NULL},
        {"min-answered", 0, 0, G_OPTION_ARG_DOUBLE, &raw->answered,
         "fail below: loudspeakers that played (100)", "PERCENT"},
        {"max-start-error", 0, 0, G_OPTION_ARG_INT, &raw->limit_start_ms,
         "fail above: worst error of the start (1000)", "MS"},
        {NULL}};
    GOptionContext *context = g_option_context_new(NULL);
    g_option_context_add_main_entries(context, common, NULL);
    g_option_context_add_main_entries(context, o->loudspeakers ? loudspeakers : conference, NULL);
    if (o->loudspeakers)
        add_link_entries(context, raw);
    g_option_context_set_summary(
        context,
        o->loudspeakers
            ? "Registers loudspeakers, answers announcements by itself and judges what each "
              "received.\nUsage: mediasim loudspeakers --server HOST:PORT --count N ...\n"
              "       mediasim loudspeakers --link HOST:PORT --devices N --credentials DIR ..."
            : "Calls a room from many sites that talk and show coded pictures, and judges what each heard "
              "and saw.\nUsage: mediasim conference --server HOST:PORT --sites N --room NAME ...");
    return context;
}

bool sim_options_parse(SimOptions *o, int argc, char **argv, GError **error)
{
    memset(o, 0, sizeof(*o));
    if (argc < 2 || (strcmp(argv[1], "conference") && strcmp(argv[1], "loudspeakers")))
        return usage(error,
                     "usage: mediasim conference|loudspeakers ...; --help after either tells its options");
    g_auto(Raw) raw = {.sites = 0,
                       .count = 0,
                       .seconds = 30,
                       .setup = 60,
                       .talkers = 3,
                       .turn_ms = 5000,
                       .workers = 2,
                       .calls_per_s = 20,
                       .registers_per_s = 200,
                       .judge_video = 4,
                       .first = 1,
                       .heard = 99,
                       .gaps = 0.5,
                       .tiles = 97,
                       .lost = 1,
                       .answered = 100,
                       .limit_delay_ms = 300,
                       .limit_video_delay_ms = 500,
                       .limit_start_ms = 1000,
                       .outage_s = 20,
                       .telemetry_s = 60,
                       .burst_s = 60,
                       .downloads = 10,
                       .limit_latency_ms = 1000,
                       .seed = 1};
    o->loudspeakers = !strcmp(argv[1], "loudspeakers");
    o->port_min = 36000;
    o->port_max = 59999;
    g_autoptr(GOptionContext) context = option_context(o, &raw);
    argc--;
    argv++;
    g_set_prgname(o->loudspeakers ? "mediasim loudspeakers" : "mediasim conference");
    if (!g_option_context_parse(context, &argc, &argv, error))
        return false;
    if (argc > 1)
        return usage(error, "what is \"%s\"?", argv[1]);
    if (raw.link)
        return parse_counts(o, &raw, error) && parse_link(o, &raw, error);
    return parse_counts(o, &raw, error) && parse_server(o, &raw, error) && parse_accounts(o, &raw, error) &&
           parse_media(o, &raw, error) && parse_scenario(o, &raw, error);
}

SimImpairOptions sim_options_impair(const SimOptions *options, uint64_t line)
{
    return (SimImpairOptions){
        .loss = options->loss,
        .delay_us = options->delay_us,
        .jitter_us = options->jitter_us,
        .seed = options->seed * 1000003 + line,
    };
}
