/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/connection.h"

#include <errno.h>
#include <mosquitto.h>
#include <stdatomic.h>
#include <string.h>
#include "broadcast/link/protocol.h"
#include "broadcast/types.h"

#define WAITING_MAX 50000u /* messages between the connection and control; then the broker is made to wait */
#define FLIGHT_MAX 100000  /* published, not yet taken by the broker */
#define UNCONFIRMED_MAX 20000 /* an order to a whole province goes out without waiting for the broker's word */
#define KEEPALIVE_S 30
#define RETRY_FIRST_US (G_USEC_PER_SEC / 2)
#define RETRY_LAST_US (8 * G_USEC_PER_SEC)
#define LEAVE_US (3 * G_USEC_PER_SEC)
#define CLIENT_ID "mediad" /* fixed: the broker keeps what devices say while mediad restarts */

typedef struct Message {
    char *topic;      /* NULL: the connection changed, connected and text tell how */
    guchar *data;
    gsize len;
    bool connected;
} Message;

struct BcConnection {
    struct mosquitto *mosq;
    BcConnectionOptions options;
    MdLogger logger;
    GMainContext *context;
    GThread *thread;
    char *host;
    GMutex lock;          /* guards messages, source, closing */
    GCond room;
    GQueue messages;
    GSource *source;      /* the control thread has been told */
    bool closing, ended;
    _Atomic bool up;
    _Atomic int flight;
    _Atomic uint64_t published, received, clocks, dropped, reconnects;
};

static void free_message(gpointer data)
{
    Message *message = data;
    g_free(message->topic);
    g_free(message->data);
    g_free(message);
}

static gboolean deliver(gpointer user)
{
    BcConnection *c = user;
    for (unsigned i = 0; i < 500; i++) { /* then others on control have their turn */
        g_mutex_lock(&c->lock);
        Message *message = g_queue_pop_head(&c->messages);
        if (!message)
            g_clear_pointer(&c->source, g_source_unref);
        g_cond_signal(&c->room);
        g_mutex_unlock(&c->lock);
        if (!message)
            return G_SOURCE_REMOVE;
        if (message->topic)
            c->options.on_message(message->topic, message->data, message->len, c->options.user);
        else
            c->options.on_change(message->connected, (const char *)message->data, c->options.user);
        free_message(message);
    }
    return G_SOURCE_CONTINUE;
}

/* Connection thread. Waiting here keeps the broker from sending more: nothing that was promised is dropped. */
static void hand_over(BcConnection *c, Message *message)
{
    g_mutex_lock(&c->lock);
    while (!c->closing && c->messages.length >= WAITING_MAX)
        g_cond_wait(&c->room, &c->lock);
    if (c->closing) {
        g_mutex_unlock(&c->lock);
        free_message(message);
        return;
    }
    g_queue_push_tail(&c->messages, message);
    if (!c->source) {
        c->source = g_idle_source_new();
        g_source_set_priority(c->source, G_PRIORITY_DEFAULT);
        g_source_set_callback(c->source, deliver, c, NULL);
        g_source_attach(c->source, c->context);
    }
    g_mutex_unlock(&c->lock);
}

static void tell(BcConnection *c, bool connected, const char *why)
{
    Message *message = g_new0(Message, 1);
    message->connected = connected;
    message->data = (guchar *)g_strdup(why);
    hand_over(c, message);
}

static void on_connect(struct mosquitto *mosq, void *user, int code)
{
    BcConnection *c = user;
    if (code != 0) {
        tell(c, false, mosquitto_connack_string(code));
        return;
    }
    mosquitto_subscribe(mosq, NULL, BC_LINK_TOPIC_ROOT "/up/+/+", 1);
    mosquitto_subscribe(mosq, NULL, BC_LINK_TOPIC_ROOT "/vendor/+/up/+", 1);
    atomic_store(&c->up, true);
    atomic_fetch_add(&c->reconnects, 1);
    tell(c, true, "connected");
}

static void on_disconnect(struct mosquitto *mosq, void *user, int code)
{
    BcConnection *c = user;
    if (atomic_exchange(&c->up, false) || code != 0)
        tell(c, false, code == 0 ? "closed" : mosquitto_strerror(code));
}

static void on_publish(struct mosquitto *mosq, void *user, int id)
{
    BcConnection *c = user;
    if (atomic_load(&c->flight) > 0)
        atomic_fetch_sub(&c->flight, 1);
}

static void answer_clock(BcConnection *c, const char *device, const struct mosquitto_message *message, int64_t arrived_us)
{
    BcLinkClock clock;
    if (!bc_link_clock_parse(&clock, message->payload, (gsize)message->payloadlen, NULL))
        return;
    g_autofree char *topic = bc_link_topic("down", device, "clock");
    clock.t1_us = arrived_us;
    clock.t2_us = md_clock_wall_us(c->options.clock);
    g_autofree char *text = bc_link_clock_format(&clock);
    atomic_fetch_add(&c->flight, 1); /* the library tells the end of every publish alike */
    if (mosquitto_publish(c->mosq, NULL, topic, (int)strlen(text), text, 0, false) == MOSQ_ERR_SUCCESS)
        atomic_fetch_add(&c->clocks, 1);
    else
        atomic_fetch_sub(&c->flight, 1);
}

/* false: what nobody here reads. *ret_clock: a question for the time of *ret_device (g_free). */
static bool readable(const struct mosquitto_message *message, char **ret_device, bool *ret_clock)
{
    const char *what = NULL;
    g_autofree char *object = NULL;
    if (message->payloadlen < 0 || (unsigned)message->payloadlen > BC_LINK_MESSAGE_MAX)
        return false;
    bool known = bc_link_topic_parse(message->topic, ret_device, &what) && what;
    *ret_clock = known && strcmp(what, "clock") == 0;
    return known || bc_link_vendor_topic_parse(message->topic, ret_device, &object);
}

static void on_message(struct mosquitto *mosq, void *user, const struct mosquitto_message *message)
{
    BcConnection *c = user;
    int64_t arrived_us = md_clock_wall_us(c->options.clock);
    g_autofree char *device = NULL;
    bool clock = false;
    atomic_fetch_add(&c->received, 1);
    if (!readable(message, &device, &clock)) {
        atomic_fetch_add(&c->dropped, 1);
        return;
    }
    if (clock) {
        answer_clock(c, device, message, arrived_us);
        return;
    }
    Message *copy = g_new0(Message, 1);
    copy->topic = g_strdup(message->topic);
    copy->len = (gsize)message->payloadlen;
    copy->data = g_malloc(copy->len + 1);
    if (copy->len)
        memcpy(copy->data, message->payload, copy->len);
    copy->data[copy->len] = '\0';
    hand_over(c, copy);
}

static bool refuse(GError **error, const char *what, int code)
{
    g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "device link: %s: %s", what, mosquitto_strerror(code));
    return false;
}

/* Until it is time to try again, or the end. */
static bool pause_us(BcConnection *c, int64_t us)
{
    int64_t end = g_get_monotonic_time() + us;
    g_mutex_lock(&c->lock);
    while (!c->closing && g_cond_wait_until(&c->room, &c->lock, end))
        ;
    bool closing = c->closing;
    g_mutex_unlock(&c->lock);
    return !closing;
}

/* The connection thread. Connecting blocks, address by address; the library's own loop takes a refused first address for the last word. */
static gpointer run(gpointer data)
{
    BcConnection *c = data;
    int64_t wait_us = RETRY_FIRST_US;
    bool closing = false;
    while (!closing) {
        uint64_t connects = atomic_load(&c->reconnects);
        int code = mosquitto_connect(c->mosq, c->host, c->options.port, KEEPALIVE_S);
        if (code != MOSQ_ERR_SUCCESS)
            tell(c, false, code == MOSQ_ERR_ERRNO ? g_strerror(errno) : mosquitto_strerror(code));
        while (code == MOSQ_ERR_SUCCESS)
            code = mosquitto_loop(c->mosq, 1000, 1);
        if (atomic_exchange(&c->up, false))
            tell(c, false, mosquitto_strerror(code));
        if (atomic_load(&c->reconnects) != connects)
            wait_us = RETRY_FIRST_US;
        closing = !pause_us(c, wait_us);
        wait_us = MIN(wait_us * 2, RETRY_LAST_US);
    }
    g_mutex_lock(&c->lock);
    c->ended = true;
    g_cond_broadcast(&c->room);
    g_mutex_unlock(&c->lock);
    return NULL;
}

static bool set_up(BcConnection *c, GError **error)
{
    const BcConnectionOptions *o = &c->options;
    int code = o->plain ? MOSQ_ERR_SUCCESS : mosquitto_tls_set(c->mosq, o->ca, NULL, o->certificate, o->key, NULL);
    if (code != MOSQ_ERR_SUCCESS)
        return refuse(error, "the certificates cannot be used", code);
    if (!o->plain && (code = mosquitto_tls_opts_set(c->mosq, 1, "tlsv1.2", NULL)) != MOSQ_ERR_SUCCESS)
        return refuse(error, "TLS cannot be set up", code);
    mosquitto_connect_callback_set(c->mosq, on_connect);
    mosquitto_disconnect_callback_set(c->mosq, on_disconnect);
    mosquitto_publish_callback_set(c->mosq, on_publish);
    mosquitto_message_callback_set(c->mosq, on_message);
    mosquitto_max_inflight_messages_set(c->mosq, UNCONFIRMED_MAX);
    mosquitto_int_option(c->mosq, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_threaded_set(c->mosq, true);
    c->thread = g_thread_try_new("device-link", run, c, error);
    return c->thread != NULL;
}

BcConnection *bc_connection_new(const BcConnectionOptions *options, GError **error)
{
    static gsize once;
    if (g_once_init_enter(&once)) {
        mosquitto_lib_init();
        g_once_init_leave(&once, 1);
    }
    BcConnection *c = g_new0(BcConnection, 1);
    c->options = *options;
    if (!c->options.clock)
        c->options.clock = md_clock_system();
    c->host = g_strdup(options->host);
    c->logger = options->logger ? *options->logger : (MdLogger){0};
    c->context = g_main_context_ref_thread_default();
    g_mutex_init(&c->lock);
    g_cond_init(&c->room);
    g_queue_init(&c->messages);
    c->mosq = mosquitto_new(CLIENT_ID, false, c);
    if (c->mosq && set_up(c, error))
        return c;
    if (!c->mosq)
        g_set_error_literal(error, BC_ERROR, BC_ERROR_FAILED, "device link: no memory for the connection to the broker");
    bc_connection_free(c);
    return NULL;
}

/* False: it still tries to reach a host that does not answer, which the system ends in minutes. */
static bool end_thread(BcConnection *c)
{
    int64_t patience = g_get_monotonic_time() + LEAVE_US;
    if (!c->thread)
        return true;
    mosquitto_disconnect(c->mosq);
    g_mutex_lock(&c->lock);
    while (!c->ended && g_cond_wait_until(&c->room, &c->lock, patience))
        ;
    bool ended = c->ended;
    g_mutex_unlock(&c->lock);
    if (ended)
        g_thread_join(c->thread);
    else
        g_thread_unref(c->thread);
    return ended;
}

void bc_connection_free(BcConnection *c)
{
    if (!c)
        return;
    g_mutex_lock(&c->lock);
    c->closing = true;
    g_cond_broadcast(&c->room);
    if (c->source) {
        g_source_destroy(c->source);
        g_clear_pointer(&c->source, g_source_unref);
    }
    g_mutex_unlock(&c->lock);
    if (!end_thread(c))
        return; /* its memory is its own until the program ends */
    if (c->mosq)
        mosquitto_destroy(c->mosq);
    g_queue_clear_full(&c->messages, free_message);
    g_main_context_unref(c->context);
    g_mutex_clear(&c->lock);
    g_cond_clear(&c->room);
    g_free(c->host);
    g_free(c);
}

bool bc_connection_up(const BcConnection *c)
{
    return atomic_load(&c->up);
}

bool bc_connection_publish(BcConnection *c, const char *topic, const void *data, gsize len, int qos, bool retain)
{
    if (!atomic_load(&c->up) || (qos && atomic_load(&c->flight) >= FLIGHT_MAX)) {
        atomic_fetch_add(&c->dropped, 1);
        return false;
    }
    atomic_fetch_add(&c->flight, 1);
    if (mosquitto_publish(c->mosq, NULL, topic, (int)len, data, qos, retain) != MOSQ_ERR_SUCCESS) {
        atomic_fetch_sub(&c->flight, 1);
        atomic_fetch_add(&c->dropped, 1);
        return false;
    }
    atomic_fetch_add(&c->published, 1);
    return true;
}

void bc_connection_stats(BcConnection *c, BcConnectionStats *ret)
{
    uint64_t connects = atomic_load(&c->reconnects);
    g_mutex_lock(&c->lock);
    unsigned waiting = c->messages.length;
    g_mutex_unlock(&c->lock);
    *ret = (BcConnectionStats){.published = atomic_load(&c->published), .received = atomic_load(&c->received),
                               .clocks = atomic_load(&c->clocks), .dropped = atomic_load(&c->dropped),
                               .reconnects = connects ? connects - 1 : 0, .waiting = waiting};
}
