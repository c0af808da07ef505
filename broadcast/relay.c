/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/relay.h"

#include "broadcast/stream-source.h"

#define LOOK_US 200000
#define BREAK_US 1000000 /* a pause in speech; longer: not without a break */
#define DELAY_MS 400

struct BcRelay {
    BcRelayContext context;
    char *url;
    BcSource *source;
    void *stream;
    BcTimer look;
    BcRelayJudge judge;
    int64_t silence_max_us;
    atomic_bool good;
};

static void *open_http(const char *url, const char *const *hosts, BcSource *source, const MdLogger *logger, GError **error)
{
    return bc_stream_new(url, source, logger, error);
}

static void close_http(void *stream)
{
    bc_stream_free(stream);
}

const BcRelayInput bc_relay_http = {open_http, close_http};

void bc_relay_judge_init(BcRelayJudge *judge, int64_t silence_max_us, int64_t now_us)
{
    *judge = (BcRelayJudge){.silence_max_us = silence_max_us, .heard_us = now_us, .good_since_us = now_us, .good = true};
}

bool bc_relay_judge(BcRelayJudge *judge, uint64_t pushed, uint64_t loud, int64_t now_us, const char **ret_why)
{
    bool came = pushed != judge->pushed, heard = loud != judge->loud;
    judge->pushed = pushed;
    judge->loud = loud;
    if (heard) {
        if (now_us - judge->heard_us > BREAK_US)
            judge->good_since_us = now_us;
        judge->heard_us = now_us;
    }
    bool good = judge->good ? now_us - judge->heard_us <= judge->silence_max_us
                            : heard && now_us - judge->good_since_us >= BC_RELAY_BACK_US;
    if (good == judge->good)
        return false;
    judge->good = good;
    *ret_why = good ? "it is heard again" : came ? "it is silent" : "no sound comes";
    return true;
}

static void on_look(BcTimer *timer, void *user)
{
    BcRelay *relay = user;
    BcSourceStats stats;
    const char *why = NULL;
    int64_t now = md_clock_now_us(bc_timers_clock(relay->context.timers));
    bc_source_stats(relay->source, &stats);
    bc_timer_at(relay->context.timers, timer, now + LOOK_US, on_look, relay);
    if (!bc_relay_judge(&relay->judge, stats.pushed, stats.loud, now, &why))
        return;
    atomic_store(&relay->good, relay->judge.good);
    const char *type = relay->judge.good ? "relay.back" : "relay.failed";
    if (relay->context.logger)
        md_logf(relay->context.logger, relay->judge.good ? MD_LOG_NOTICE : MD_LOG_WARNING, "%s: %s: %s", type, relay->url, why);
    if (relay->context.on_event)
        relay->context.on_event(type, relay->url, why, relay->context.user);
}

BcRelay *bc_relay_new(const BcRelayContext *context, const char *url, unsigned frame_ms, int64_t silence_max_us, GError **error)
{
    if (!bc_stream_check_url(url, error) || !bc_url_allowed(url, context->hosts, "broadcast.relay_hosts", error))
        return NULL;
    BcRelay *relay = g_new0(BcRelay, 1);
    relay->context = *context;
    if (!relay->context.input)
        relay->context.input = &bc_relay_http;
    relay->url = g_strdup(url);
    relay->silence_max_us = MAX(silence_max_us ? silence_max_us : BC_RELAY_SILENCE_US, BC_RELAY_SILENCE_MIN_US);
    relay->source = bc_source_live_new(&(BcLiveOptions){.frame_ms = frame_ms, .delay_ms = DELAY_MS,
                                                        .opus_bitrate_bps = context->opus_bitrate_bps}, error);
    atomic_store(&relay->good, true);
    if (!relay->source)
        g_clear_pointer(&relay, bc_relay_free);
    return relay;
}

void bc_relay_open(BcRelay *relay)
{
    g_autoptr(GError) error = NULL;
    if (relay->look.armed_in)
        return;
    int64_t now = md_clock_now_us(bc_timers_clock(relay->context.timers));
    bc_relay_judge_init(&relay->judge, relay->silence_max_us, now);
    atomic_store(&relay->good, true);
    relay->stream = relay->context.input->open(relay->url, relay->context.hosts, relay->source, relay->context.logger, &error);
    if (!relay->stream && relay->context.logger) /* the judge says so in time: no sound comes */
        md_warning(relay->context.logger, "%s cannot be relayed: %s", relay->url, error->message);
    bc_timer_at(relay->context.timers, &relay->look, now + LOOK_US, on_look, relay);
}

void bc_relay_close(BcRelay *relay)
{
    bc_timer_cancel(&relay->look);
    if (relay->stream)
        relay->context.input->close(g_steal_pointer(&relay->stream));
}

void bc_relay_free(BcRelay *relay)
{
    if (!relay)
        return;
    bc_relay_close(relay);
    bc_source_unref(relay->source);
    g_free(relay->url);
    g_free(relay);
}

BcSource *bc_relay_source(const BcRelay *relay)
{
    return relay->source;
}

bool bc_relay_is_good(const BcRelay *relay)
{
    return atomic_load_explicit(&relay->good, memory_order_relaxed);
}
