/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/post.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "mediad/core/hash.h"
#include "mediasim/post-private.h"

#define KEEPALIVE_S 60
#define MISC_US 5000000
#define RETRY_FIRST_US 1000000
#define RETRY_LAST_US 60000000
#define SHUT_TIME_US 10000000  /* a handshake that takes longer has failed */
#define RESEND_US 200000       /* TCP's first patience with a lost segment */
#define TICK_MOST_US 30000000

static const char gone[] = "{\"online\":false}";

/* ---------------------------------------------------------------- chance and clocks */

double sim_post_chance(SimPost *post)
{
    uint64_t z = post->random += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/* Its own crystal: set wrong, and running a little fast or slow. */
static int64_t own_mono_us(const SimPost *post)
{
    int64_t now_us = g_get_monotonic_time();
    return now_us + (int64_t)((double)(now_us - post->made_us) * post->drift);
}

int64_t sim_post_now_us(const SimPost *post)
{
    return bc_timing_server_us(&post->timing, own_mono_us(post), g_get_real_time() + post->skew_us);
}

/* ---------------------------------------------------------------- the line */

static void arm(SimPost *post, MdTimer *timer, int64_t in_us, MdTimerFn fn)
{
    md_worker_timer_at(post->lane->worker, timer, md_worker_clock_us(post->lane->worker) + MAX(in_us, 0), fn, post);
}

static void on_ready(MdWatch *watch, uint32_t events, void *user);
static void lost(SimPost *post);
static void next_connects(SimLane *lane);

static void watch(SimPost *post, uint32_t events)
{
    int fd = post->mosq ? mosquitto_socket(post->mosq) : -1;
    if (post->watch.active && (post->events != events || fd != post->watch.fd || fd < 0)) {
        md_worker_unwatch(post->lane->worker, &post->watch);
        post->watch.active = false;
    }
    if (!post->watch.active && fd >= 0 && events) {
        md_worker_watch(post->lane->worker, &post->watch, fd, events, on_ready, post);
        post->events = events;
    }
}

/* What was said goes out; the line is watched for what it is waiting for. */
void sim_post_flush(SimPost *post)
{
    if (!post->on_line || post->in_callback)
        return;
    if (mosquitto_want_write(post->mosq) && mosquitto_loop_write(post->mosq, 1) != MOSQ_ERR_SUCCESS) {
        lost(post);
        return;
    }
    watch(post, (post->deaf ? 0 : EPOLLIN) | (mosquitto_want_write(post->mosq) ? EPOLLOUT : 0));
}

static void hear_again(MdTimer *timer, int64_t due_us, void *user)
{
    SimPost *post = user;
    post->deaf = false;
    sim_post_flush(post);
}

/* A segment was lost: TCP keeps all behind it waiting until it has come again. */
static bool segment_lost(SimPost *post)
{
    int64_t wait_us = 0, step_us = RESEND_US;
    while (post->lane->options.loss > 0 && wait_us < 10 * RESEND_US && sim_post_chance(post) < post->lane->options.loss) {
        wait_us += step_us;
        step_us *= 2;
    }
    if (!wait_us || !post->greeted)
        return false;
    post->deaf = true;
    arm(post, &post->deaf_timer, wait_us, hear_again);
    watch(post, mosquitto_want_write(post->mosq) ? EPOLLOUT : 0);
    return true;
}

static void on_ready(MdWatch *w, uint32_t events, void *user)
{
    SimPost *post = user;
    int code = MOSQ_ERR_SUCCESS;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
        if (post->deaf || segment_lost(post))
            return;
        post->in_callback = true;
        code = mosquitto_loop_read(post->mosq, 1);
        post->in_callback = false;
    }
    if (code != MOSQ_ERR_SUCCESS) {
        lost(post);
        return;
    }
    sim_post_flush(post);
    next_connects(post->lane);
}

static void no_longer_connecting(SimPost *post)
{
    if (post->connecting) {
        post->connecting = false;
        post->lane->connecting--;
    }
}

static void want_line(MdTimer *timer, int64_t due_us, void *user)
{
    SimPost *post = user;
    g_queue_push_tail(&post->lane->waiting, post);
    next_connects(post->lane);
}

static void lost(SimPost *post)
{
    SimLane *lane = post->lane;
    if (!post->on_line)
        return;
    if (post->watch.active)
        md_worker_unwatch(lane->worker, &post->watch);
    post->watch.active = false;
    md_worker_timer_cancel(lane->worker, &post->shut_timer);
    md_worker_timer_cancel(lane->worker, &post->deaf_timer);
    lane->stats.losses += post->greeted;
    lane->stats.refused_connects += !post->greeted && !post->ending;
    if (post->greeted)
        atomic_fetch_sub(&lane->online, 1);
    post->on_line = post->greeted = post->deaf = false;
    no_longer_connecting(post);
    if (mosquitto_socket(post->mosq) >= 0)
        shutdown(mosquitto_socket(post->mosq), SHUT_RDWR);
    if (!post->ending && !post->dark) {
        arm(post, &post->line_timer, post->hurry ? 0 : (int64_t)((0.5 + sim_post_chance(post)) * (double)post->retry_us), want_line);
        post->retry_us = MIN(post->retry_us * 2, RETRY_LAST_US);
        post->hurry = false;
    }
    next_connects(lane);
}

static void on_shut(MdTimer *timer, int64_t due_us, void *user)
{
    lost(user);
}

/* Abruptly, as when a cable is cut: the broker must find out by itself. */
void sim_post_cut(SimPost *post, bool hurry)
{
    post->hurry = hurry;
    if (post->on_line) {
        shutdown(mosquitto_socket(post->mosq), SHUT_RDWR);
        lost(post);
    }
}

static void connect_now(SimPost *post)
{
    const SimLaneOptions *o = &post->lane->options;
    int code = post->known ? mosquitto_reconnect(post->mosq) : mosquitto_connect(post->mosq, o->host, o->port, KEEPALIVE_S);
    post->known |= code == MOSQ_ERR_SUCCESS;
    post->on_line = post->connecting = true;
    post->lane->connecting++;
    if (code != MOSQ_ERR_SUCCESS) {
        if (!post->lane->stats.first_trouble)
            post->lane->stats.first_trouble = g_strdup_printf("%s: %s", post->identity->device, mosquitto_strerror(code));
        lost(post);
        return;
    }
    arm(post, &post->shut_timer, SHUT_TIME_US, on_shut);
    sim_post_flush(post);
}

static void next_connects(SimLane *lane)
{
    while (!lane->busy_connecting && lane->connecting < lane->options.connects_at_once && lane->waiting.length) {
        SimPost *post = g_queue_pop_head(&lane->waiting);
        lane->busy_connecting = true; /* a refusal comes back here at once */
        if (!post->on_line && !post->dark && !post->ending)
            connect_now(post);
        lane->busy_connecting = false;
    }
}

static void on_connect(struct mosquitto *mosq, void *user, int code)
{
    SimPost *post = user;
    if (code != 0) {
        if (!post->lane->stats.first_trouble)
            post->lane->stats.first_trouble = g_strdup_printf("%s: %s", post->identity->device, mosquitto_connack_string(code));
        return;
    }
    post->greeted = true;
    post->retry_us = RETRY_FIRST_US;
    post->lane->stats.connects++;
    atomic_fetch_add(&post->lane->online, 1);
    md_worker_timer_cancel(post->lane->worker, &post->shut_timer);
    no_longer_connecting(post);
    mosquitto_subscribe(mosq, NULL, post->pattern, 1);
    bc_timing_hurry(&post->timing, own_mono_us(post));
    sim_post_say_state(post, true);
    sim_post_say_reports(post, true);
    sim_post_ask_clock(post);
    if (!post->told_readings)
        sim_post_say_telemetry(post);
}

static void on_message(struct mosquitto *mosq, void *user, const struct mosquitto_message *message)
{
    SimPost *post = user;
    const char *what = strrchr(message->topic, '/');
    SimLaneStats *stats = &post->lane->stats;
    if (!what || message->payloadlen <= 0 || (unsigned)message->payloadlen > BC_LINK_MESSAGE_MAX)
        return;
    stats->messages++;
    stats->received_bytes += (uint64_t)message->payloadlen;
    g_autofree char *text = g_strndup(message->payload, (gsize)message->payloadlen);
    sim_post_take(post, what + 1, text, (gsize)message->payloadlen);
}

bool sim_post_say(SimPost *post, const char *what, const char *text, int qos, bool retain)
{
    if (!post->greeted)
        return false;
    g_autofree char *topic = bc_link_topic("up", post->identity->device, what);
    bool said = mosquitto_publish(post->mosq, NULL, topic, (int)strlen(text), text, qos, retain) == MOSQ_ERR_SUCCESS;
    sim_post_flush(post);
    return said;
}

/* ---------------------------------------------------------------- its routine */

/* Answers until a clock is judged: the first, in the rush of everybody's coming on line, may be half its round trip off. */
#define CLOCK_SETTLED 4

void sim_post_ask_clock(SimPost *post)
{
    BcLinkClock question;
    bc_timing_ask(&post->timing, own_mono_us(post), &question);
    g_autofree char *text = bc_link_clock_format(&question);
    sim_post_say(post, "clock", text, 0, false);
}

void sim_post_take_clock(SimPost *post, const char *text, gsize len)
{
    BcLinkClock answer;
    bool before = bc_timing_synced(&post->timing);
    if (!bc_link_clock_parse(&answer, text, len, NULL) || !bc_timing_answer(&post->timing, &answer, own_mono_us(post)))
        return;
    if (!before) {
        bc_duty_set_clock(post->duty, BC_DUTY_CLOCK_SERVER);
        sim_post_tick(post);
    }
    if (post->timing.n < CLOCK_SETTLED)
        return;
    int64_t wrong_us = sim_post_now_us(post) - g_get_real_time(); /* the server's clock is this machine's */
    post->lane->stats.clock_error_most_us = MAX(post->lane->stats.clock_error_most_us, ABS(wrong_us));
}

static void on_misc(MdTimer *timer, int64_t due_us, void *user)
{
    SimPost *post = user;
    int64_t mono_us = own_mono_us(post);
    if (post->greeted && mosquitto_loop_misc(post->mosq) != MOSQ_ERR_SUCCESS)
        lost(post);
    if (post->greeted && mono_us >= post->next_readings_us) {
        sim_post_say_telemetry(post);
        post->next_readings_us = mono_us + post->lane->options.telemetry_us;
    }
    sim_post_say_reports(post, false);
    sim_post_flush(post);
    arm(post, timer, MISC_US, on_misc);
}

static void on_clock(MdTimer *timer, int64_t due_us, void *user)
{
    SimPost *post = user;
    int64_t wait_us = bc_timing_next_us(&post->timing) - own_mono_us(post);
    if (wait_us <= 0 && post->greeted) {
        sim_post_ask_clock(post);
        wait_us = bc_timing_next_us(&post->timing) - own_mono_us(post);
    }
    arm(post, timer, CLAMP(wait_us, 100000, 5000000), on_clock);
}

static void on_tick(MdTimer *timer, int64_t due_us, void *user)
{
    sim_post_tick(user);
}

void sim_post_tick(SimPost *post)
{
    int64_t now_us = sim_post_now_us(post), next_us = bc_duty_tick(post->duty, now_us);
    sim_post_look(post, now_us);
    arm(post, &post->tick_timer, CLAMP(next_us - now_us, 500, TICK_MOST_US), on_tick);
}

/* ---------------------------------------------------------------- what befalls it */

static void on_light(MdTimer *timer, int64_t due_us, void *user)
{
    SimPost *post = user;
    post->dark = false;
    want_line(timer, due_us, post);
}

static void on_outage(MdTimer *timer, int64_t due_us, void *user)
{
    SimPost *post = user;
    post->dark = true;
    sim_post_cut(post, false);
    md_worker_timer_cancel(post->lane->worker, &post->line_timer);
    arm(post, &post->line_timer, post->lane->options.outage_us, on_light);
}

/* All that was not kept is gone; what was kept is read back, as after a real start. */
static void on_power_cut(MdTimer *timer, int64_t due_us, void *user)
{
    SimPost *post = user;
    sim_post_cut(post, false);
    if (post->sounding)
        atomic_fetch_sub(&post->lane->sounding, 1);
    post->sounding = false;
    sim_post_new_life(post);
    sim_post_tick(post);
}

static void plan_troubles(SimPost *post)
{
    const SimLaneOptions *o = &post->lane->options;
    double at = 0.15 + 0.55 * sim_post_chance(post);
    if (sim_post_chance(post) < o->outages)
        arm(post, &post->trouble_timer, (int64_t)(at * (double)o->run_us), on_outage);
    else if ((post->will_lose_power = sim_post_chance(post) < o->power_cuts))
        arm(post, &post->trouble_timer, (int64_t)(at * (double)o->run_us), on_power_cut);
}

static bool set_up(SimPost *post, GError **error)
{
    const SimLaneOptions *o = &post->lane->options;
    g_autofree char *will = bc_link_topic("up", post->identity->device, "state");
    post->mosq = mosquitto_new(post->identity->device, false, post);
    int code = post->mosq ? mosquitto_tls_set(post->mosq, o->identities->ca_path, NULL, post->identity->pem_path, post->identity->pem_path, NULL)
                          : MOSQ_ERR_NOMEM;
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_tls_opts_set(post->mosq, 1, "tlsv1.2", NULL);
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_will_set(post->mosq, will, (int)strlen(gone), gone, 1, true);
    if (code != MOSQ_ERR_SUCCESS) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", post->identity->device, mosquitto_strerror(code));
        return false;
    }
    mosquitto_int_option(post->mosq, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_connect_callback_set(post->mosq, on_connect);
    mosquitto_message_callback_set(post->mosq, on_message);
    return true;
}

static SimPost *new_post(SimLane *lane, const SimIdentity *identity, unsigned index, GError **error)
{
    SimPost *post = g_new0(SimPost, 1);
    const SimLaneOptions *o = &lane->options;
    post->lane = lane;
    post->identity = identity;
    post->random = o->seed * 1000003 + index;
    post->made_us = g_get_monotonic_time();
    post->skew_us = (int64_t)((2 * sim_post_chance(post) - 1) * (double)o->skew_us);
    post->drift = (2 * sim_post_chance(post) - 1) * 50e-6;
    post->retry_us = RETRY_FIRST_US;
    post->pattern = bc_link_topic("down", identity->device, "+");
    post->media = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    post->over = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    post->obeyed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    post->heard = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    post->downloads = sim_post_chance(post) < o->downloads;
    if (sim_post_chance(post) < o->liars)
        post->lie = SIM_LIE_IMPOSSIBLE + index % (SIM_LIE_MAX - SIM_LIE_IMPOSSIBLE);
    bc_timing_init(&post->timing, own_mono_us(post), g_get_real_time() + post->skew_us);
    sim_post_new_life(post);
    if (set_up(post, error))
        return post;
    sim_post_free(post);
    return NULL;
}

void sim_post_free(SimPost *post)
{
    if (post->mosq)
        mosquitto_destroy(post->mosq);
    bc_duty_free(post->duty);
    g_hash_table_unref(post->media);
    g_hash_table_unref(post->over);
    g_hash_table_unref(post->obeyed);
    g_hash_table_unref(post->heard);
    g_clear_pointer(&post->reports, g_ptr_array_unref);
    g_free(post->kept);
    g_free(post->manifest);
    g_free(post->pattern);
    g_free(post->playing);
    g_free(post);
}

/* ---------------------------------------------------------------- the lane */

static void free_sounded(gpointer data)
{
    SimSounded *s = data;
    g_array_unref(s->late_us);
    g_free(s->occurrence);
    g_free(s);
}

static void free_verified(gpointer data)
{
    bc_link_command_clear(data);
    g_free(data);
}

SimLane *sim_lane_new(const SimLaneOptions *options, unsigned first, unsigned step, GError **error)
{
    SimLane *lane = g_new0(SimLane, 1);
    g_autofree char *name = g_strdup_printf("lane-%u", first);
    MdWorkerOptions worker = {.name = name, .cpu = -1, .mailbox_capacity = 32768};
    lane->options = *options;
    lane->posts = g_ptr_array_new_with_free_func((GDestroyNotify)sim_post_free);
    lane->verified = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_verified);
    lane->sounded = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_sounded);
    lane->worker = md_worker_new(&worker);
    bool ok = lane->worker != NULL;
    if (!ok)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "no thread can be made");
    for (unsigned i = first; ok && i < options->identities->all->len; i += step) {
        SimPost *post = new_post(lane, options->identities->all->pdata[i], i, error);
        ok = post != NULL;
        if (ok)
            g_ptr_array_add(lane->posts, post);
    }
    if (ok)
        return lane;
    sim_lane_free(lane);
    return NULL;
}

void sim_lane_free(SimLane *lane)
{
    if (!lane)
        return;
    md_worker_free(lane->worker);
    g_queue_clear(&lane->waiting);
    g_ptr_array_unref(lane->posts);
    g_hash_table_unref(lane->verified);
    g_hash_table_unref(lane->sounded);
    g_free(lane->stats.first_trouble);
    g_free(lane);
}

static void begin(void *payload, size_t len)
{
    SimLane *lane = *(SimLane **)payload;
    for (unsigned i = 0; i < lane->posts->len; i++) {
        SimPost *post = lane->posts->pdata[i];
        g_queue_push_tail(&lane->waiting, post);
        arm(post, &post->misc_timer, (int64_t)(sim_post_chance(post) * MISC_US), on_misc);
        arm(post, &post->clock_timer, (int64_t)(sim_post_chance(post) * 1000000), on_clock);
        post->next_readings_us = own_mono_us(post) + (int64_t)(sim_post_chance(post) * (double)lane->options.telemetry_us);
        plan_troubles(post);
        sim_post_tick(post);
    }
    next_connects(lane);
}

static void storm(void *payload, size_t len)
{
    SimLane *lane = *(SimLane **)payload;
    for (unsigned i = 0; i < lane->posts->len; i++)
        sim_post_cut(lane->posts->pdata[i], true);
}

static void end(void *payload, size_t len)
{
    SimLane *lane = *(SimLane **)payload;
    for (unsigned i = 0; i < lane->posts->len; i++) {
        SimPost *post = lane->posts->pdata[i];
        post->ending = true;
        MdTimer *timers[] = {&post->misc_timer, &post->clock_timer, &post->tick_timer, &post->line_timer, &post->trouble_timer, &post->deaf_timer,
                             &post->shut_timer, &post->fetch_timer, &post->words_timer};
        for (unsigned t = 0; t < G_N_ELEMENTS(timers); t++)
            md_worker_timer_cancel(lane->worker, timers[t]);
        if (post->greeted) {
            sim_post_say(post, "state", gone, 1, true);
            mosquitto_disconnect(post->mosq);
            mosquitto_loop_write(post->mosq, 1);
        }
        if (post->watch.active)
            md_worker_unwatch(lane->worker, &post->watch);
        post->watch.active = false;
        post->on_line = post->greeted = false;
    }
    g_queue_clear(&lane->waiting);
}

void sim_lane_begin(SimLane *lane)
{
    md_worker_post(lane->worker, begin, &lane, sizeof(lane));
}

void sim_lane_storm(SimLane *lane)
{
    md_worker_post(lane->worker, storm, &lane, sizeof(lane));
}

void sim_lane_end(SimLane *lane)
{
    md_worker_post(lane->worker, end, &lane, sizeof(lane));
}

const SimIdentity *sim_post_identity(const SimPost *post)
{
    return post->identity;
}

SimLie sim_post_lie(const SimPost *post)
{
    return post->lie;
}

SimLane *sim_post_lane(SimPost *post)
{
    return post->lane;
}

unsigned sim_post_unconfirmed(const SimPost *post)
{
    return post->reports->len;
}

bool sim_post_heard(const SimPost *post, const char *occurrence)
{
    return g_hash_table_contains(post->heard, occurrence);
}
