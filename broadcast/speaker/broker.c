/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/broker.h"
#include <mosquitto.h>
#include <stdio.h>
#include <string.h>

#define KEEPALIVE_S 30
#define WAITING_MAX 256
#define LOOP_MS 200
#define PAUSE_STEP_US 50000
#define PAUSE_FIRST_US 500000
#define PAUSE_MAX_US 15000000

typedef struct Arrived {
    char *what, *text;           /* what NULL: the connection changed */
    gsize len;
    int64_t mono_us;
    bool up;
} Arrived;

struct BcBroker {
    struct mosquitto *mosq;
    BcBrokerOptions options;
    char *device, *host, *pattern;
    GThread *thread;
    _Atomic bool ending;
    GAsyncQueue *arrived;
    GMainContext *context;
    GMutex lock;
    GSource *source;             /* under lock */
    _Atomic bool up;
};

static void free_arrived(gpointer data)
{
    Arrived *a = data;
    g_free(a->what);
    g_free(a->text);
    g_free(a);
}

static gboolean deliver(gpointer user)
{
    BcBroker *broker = user;
    g_mutex_lock(&broker->lock);
    g_clear_pointer(&broker->source, g_source_unref);
    g_mutex_unlock(&broker->lock);
    for (Arrived *a; (a = g_async_queue_try_pop(broker->arrived));) {
        if (a->what)
            broker->options.message(a->what, a->text, a->len, a->mono_us, broker->options.user);
        else
            broker->options.changed(a->up, a->text, broker->options.user);
        free_arrived(a);
    }
    return G_SOURCE_REMOVE;
}

static void hand_over(BcBroker *broker, Arrived *a)
{
    g_async_queue_push(broker->arrived, a);
    g_mutex_lock(&broker->lock);
    if (!broker->source) {
        broker->source = g_idle_source_new();
        g_source_set_priority(broker->source, G_PRIORITY_HIGH);
        g_source_set_callback(broker->source, deliver, broker, NULL);
        g_source_attach(broker->source, broker->context);
    }
    g_mutex_unlock(&broker->lock);
}

static void tell(BcBroker *broker, bool up, const char *why)
{
    Arrived *a = g_new0(Arrived, 1);
    a->up = up;
    a->text = g_strdup(why);
    hand_over(broker, a);
}

static void on_connect(struct mosquitto *mosq, void *user, int code)
{
    BcBroker *broker = user;
    if (code == 0)
        mosquitto_subscribe(mosq, NULL, broker->pattern, 1);
    broker->up = code == 0;
    tell(broker, code == 0, mosquitto_connack_string(code));
}

static void on_disconnect(struct mosquitto *mosq, void *user, int code)
{
    BcBroker *broker = user;
    if (broker->up) {
        broker->up = false;
        tell(broker, false, code ? mosquitto_strerror(code) : "closed");
    }
}

static void on_message(struct mosquitto *mosq, void *user, const struct mosquitto_message *message)
{
    BcBroker *broker = user;
    g_autofree char *device = NULL;
    const char *what = NULL;
    int64_t mono_us = g_get_monotonic_time();
    if (message->payloadlen <= 0 || (unsigned)message->payloadlen > BC_LINK_MESSAGE_MAX || g_async_queue_length(broker->arrived) > WAITING_MAX ||
        !bc_link_topic_parse(message->topic, &device, &what) || !what || strcmp(device, broker->device))
        return;
    Arrived *a = g_new0(Arrived, 1);
    a->what = g_strdup(what);
    a->len = (gsize)message->payloadlen;
    a->text = g_strndup(message->payload, a->len);
    a->mono_us = mono_us;
    hand_over(broker, a);
}

static bool set_up(BcBroker *broker, GError **error)
{
    const BcBrokerOptions *o = &broker->options;
    g_autofree char *will = bc_link_topic("up", o->device, "state");
    int code = o->tls ? mosquitto_tls_set(broker->mosq, o->ca, NULL, o->certificate, o->key, NULL) : MOSQ_ERR_SUCCESS;
    if (code == MOSQ_ERR_SUCCESS && o->tls)
        code = mosquitto_tls_opts_set(broker->mosq, 1, "tlsv1.2", NULL);
    if (code != MOSQ_ERR_SUCCESS) {
        g_set_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FAILED, "the broker's CA, the certificate or its key cannot be used: %s", mosquitto_strerror(code));
        return false;
    }
    static const char gone[] = "{\"online\":false}";
    if (!o->tls)
        mosquitto_username_pw_set(broker->mosq, o->device, NULL);
    mosquitto_will_set(broker->mosq, will, (int)strlen(gone), gone, 1, true);
    mosquitto_connect_callback_set(broker->mosq, on_connect);
    mosquitto_disconnect_callback_set(broker->mosq, on_disconnect);
    mosquitto_message_callback_set(broker->mosq, on_message);
    mosquitto_reconnect_delay_set(broker->mosq, 1, 30, true);
    mosquitto_int_option(broker->mosq, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_threaded_set(broker->mosq, true);
    return true;
}

static void rest(BcBroker *broker, int64_t us)
{
    for (; us > 0 && !broker->ending; us -= PAUSE_STEP_US)
        g_usleep(PAUSE_STEP_US);
}

/* The library's own thread ends for good after a broken TLS handshake; this one never does. */
static gpointer run_thread(gpointer user)
{
    BcBroker *broker = user;
    int64_t pause_us = PAUSE_FIRST_US;
    bool known = false;
    while (!broker->ending) {
        int code = known ? mosquitto_reconnect(broker->mosq) : mosquitto_connect(broker->mosq, broker->host, broker->options.port, KEEPALIVE_S);
        known |= code == MOSQ_ERR_SUCCESS;
        while (code == MOSQ_ERR_SUCCESS && !broker->ending) {
            code = mosquitto_loop(broker->mosq, LOOP_MS, 1);
            if (broker->up)
                pause_us = PAUSE_FIRST_US;
        }
        if (broker->up) {
            broker->up = false;
            tell(broker, false, mosquitto_strerror(code));
        }
        if (broker->ending)
            break;
        rest(broker, pause_us + g_random_int_range(0, (gint32)(pause_us / 2))); /* not all of a province at once */
        pause_us = MIN(pause_us * 2, PAUSE_MAX_US);
    }
    return NULL;
}

BcBroker *bc_broker_new(const BcBrokerOptions *options, GError **error)
{
    mosquitto_lib_init();
    BcBroker *broker = g_new0(BcBroker, 1);
    broker->options = *options;
    broker->device = g_strdup(options->device);
    broker->host = g_strdup(options->host);
    broker->pattern = bc_link_topic("down", options->device, "+");
    broker->arrived = g_async_queue_new_full(free_arrived);
    broker->context = g_main_context_ref_thread_default();
    g_mutex_init(&broker->lock);
    /* not clean: the broker keeps commands for a device that is away for a moment; their own expiry bounds that */
    broker->mosq = mosquitto_new(options->device, false, broker);
    if (broker->mosq && set_up(broker, error)) {
        broker->thread = g_thread_new("broker", run_thread, broker);
        return broker;
    }
    bc_broker_free(broker);
    return NULL;
}

void bc_broker_free(BcBroker *broker)
{
    if (!broker)
        return;
    if (broker->mosq) {
        broker->ending = true;
        if (broker->thread)
            g_thread_join(broker->thread);
        mosquitto_destroy(broker->mosq);
    }
    if (broker->source) {
        g_source_destroy(broker->source);
        g_source_unref(broker->source);
    }
    g_async_queue_unref(broker->arrived);
    g_main_context_unref(broker->context);
    g_mutex_clear(&broker->lock);
    g_free(broker->device);
    g_free(broker->pattern);
    g_free(broker->host);
    g_free(broker);
}

bool bc_broker_up(const BcBroker *broker)
{
    return broker && broker->up;
}

bool bc_broker_say(BcBroker *broker, const char *what, const char *text, int qos, bool retain)
{
    if (!bc_broker_up(broker))
        return false;
    g_autofree char *topic = bc_link_topic("up", broker->device, what);
    return mosquitto_publish(broker->mosq, NULL, topic, (int)strlen(text), text, qos, retain) == MOSQ_ERR_SUCCESS;
}

void bc_broker_again(BcBroker *broker)
{
    if (bc_broker_up(broker))
        mosquitto_subscribe(broker->mosq, NULL, broker->pattern, 1); /* MQTT 3.1.1, 3.8.4: retained messages are sent again */
}
