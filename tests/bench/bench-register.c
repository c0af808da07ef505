/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Authenticated registrations over UDP: REGISTER, 401, REGISTER with credentials, 200, with the guard in the way and the bindings written to
 * SQLite. What counts is the CPU time of the SIP thread. The floor is what nobody can avoid with these libraries: two datagrams received
 * and two sent, two messages through libre's parser, one digest. Usage: bench-register [--json] [--devices N] [--rounds N] */
#include "sip/re-api.h"
#include <glib/gstdio.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "sip/digest.h"
#include "sip/message.h"

enum { WINDOW = 48, SIZE = 2048 };

static int devices = 5000, rounds = 5;
static gboolean as_json;
static const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print one JSON object", NULL},
    {"devices", 0, 0, G_OPTION_ARG_INT, &devices, "accounts, 1 to 50000", "N"},
    {"rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "rounds, 1 to 99", "N"},
    {0},
};

typedef struct Bench {
    SgAgent *agent;
    SgAccounts *accounts;
    MdStore *store;
    char *dir, **passwords;
    int fd;
    unsigned cseq;
    char first[SIZE], second[SIZE]; /* one exchange, kept for the floor */
    char *challenge_reply, *ok_reply;
} Bench;

static double now_cpu_us(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* CPU microseconds of the thread of this process with that name. */
static double thread_us(const char *name)
{
    GDir *dir = g_dir_open("/proc/self/task", 0, NULL);
    const char *tid;
    double us = -1;

    while (dir && us < 0 && (tid = g_dir_read_name(dir)) != NULL) {
        char *path = g_strdup_printf("/proc/self/task/%s/comm", tid), *text = NULL;

        if (g_file_get_contents(path, &text, NULL, NULL) && strcmp(g_strchomp(text), name) == 0) {
            g_free(path);
            g_free(text);
            path = g_strdup_printf("/proc/self/task/%s/schedstat", tid);
            if (g_file_get_contents(path, &text, NULL, NULL))
                us = g_ascii_strtod(text, NULL) / 1e3;
        }
        g_free(path);
        g_free(text);
    }
    g_dir_close(dir);
    if (us < 0)
        g_error("no thread named %s", name);
    return us;
}

static int write_register(char *out, unsigned device, unsigned cseq, const char *authorization)
{
    return g_snprintf(out, SIZE,
                      "REGISTER sip:hatinh.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:22590;branch=z9hG4bK%u.%u;rport\r\nMax-Forwards: 70\r\n"
                      "From: <sip:d%u@hatinh.test>;tag=f%u\r\nTo: <sip:d%u@hatinh.test>\r\nCall-ID: call-%u@bench\r\nCSeq: %u REGISTER\r\n"
                      "Contact: <sip:d%u@127.0.0.1:22590>;expires=3600\r\nUser-Agent: bench-loudspeaker/1.0\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\n"
                      "%sContent-Length: 0\r\n\r\n",
                      device, cseq, device, device, device, device, cseq, device, authorization);
}

static void send_first(Bench *bench, unsigned device)
{
    int len = write_register(bench->first, device, bench->cseq, "");

    if (send(bench->fd, bench->first, (size_t)len, 0) != len)
        g_error("send: %s", g_strerror(errno));
}

static void send_second(Bench *bench, unsigned device, const char *reply)
{
    const char *value = strstr(reply, "WWW-Authenticate: ") + strlen("WWW-Authenticate: ");
    char name[16], *text, *line;
    SgChallenge challenge;
    struct pl pl = {value, strcspn(value, "\r")};
    int len;

    if (!sg_challenge_parse(&challenge, &pl))
        g_error("no challenge in %s", reply);
    g_snprintf(name, sizeof(name), "d%u", device);
    text = sg_authorization(&challenge, name, bench->passwords[device], "REGISTER", "sip:hatinh.test", 1, "0a4f113b");
    line = g_strdup_printf("Authorization: %s\r\n", text);
    len = write_register(bench->second, device, bench->cseq + 1, line);
    if (send(bench->fd, bench->second, (size_t)len, 0) != len)
        g_error("send: %s", g_strerror(errno));
    g_free(line);
    g_free(text);
}

/* All devices once. */
static void run_round(Bench *bench)
{
    int started = 0, done = 0;
    char reply[SIZE];

    while (done < devices) {
        struct pollfd pfd = {bench->fd, POLLIN, 0};
        const char *id;
        unsigned device;
        ssize_t len;

        while (started < devices && started - done < WINDOW)
            send_first(bench, (unsigned)started++);
        if (poll(&pfd, 1, 3000) != 1)
            g_error("no answer: %d of %d", done, devices);
        len = recv(bench->fd, reply, SIZE - 1, 0);
        if (len <= 0)
            g_error("recv: %s", g_strerror(errno));
        reply[len] = '\0';
        id = strstr(reply, "Call-ID: call-");
        device = (unsigned)strtoul(id + 14, NULL, 10);
        if (strncmp(reply, "SIP/2.0 401", 11) == 0) {
            send_second(bench, device, reply);
            g_free(bench->challenge_reply);
            bench->challenge_reply = g_strdup(reply);
        } else if (strncmp(reply, "SIP/2.0 200", 11) == 0) {
            done++;
            g_free(bench->ok_reply);
            bench->ok_reply = g_strdup(reply);
        } else {
            g_error("unexpected: %s", reply);
        }
        if (done % 64 == 0)
            g_main_context_iteration(NULL, FALSE);
    }
    bench->cseq += 2;
}

static void parse(const char *text, size_t len)
{
    struct mbuf *mb = mbuf_alloc(len + 1);
    struct sip_msg *msg;

    mbuf_write_mem(mb, (const uint8_t *)text, len);
    mb->pos = 0;
    if (sip_msg_decode(&msg, mb))
        g_error("libre refuses our own message");
    mem_deref(msg);
    mem_deref(mb);
}

/* The server's share of one registration with the bare libraries. */
static double floor_us(Bench *bench, SgAlgorithm algorithm)
{
    enum { N = 20000 };
    int pair[2];
    double start, spent = 0;
    char buffer[SIZE];
    const char *in[2] = {bench->first, bench->second}, *out[2] = {bench->challenge_reply, bench->ok_reply};
    struct sockaddr_in address[2];
    socklen_t len = sizeof(address[0]);

    for (int i = 0; i < 2; i++) {
        pair[i] = socket(AF_INET, SOCK_DGRAM, 0);
        memset(&address[i], 0, sizeof(address[i]));
        address[i].sin_family = AF_INET;
        address[i].sin_addr.s_addr = g_htonl(INADDR_LOOPBACK);
        if (bind(pair[i], (struct sockaddr *)&address[i], len) < 0 || getsockname(pair[i], (struct sockaddr *)&address[i], &len) < 0)
            g_error("socket: %s", g_strerror(errno));
    }
    for (int i = 0; i < N * 2; i++) {
        ssize_t n;

        sendto(pair[1], in[i & 1], strlen(in[i & 1]), 0, (struct sockaddr *)&address[0], sizeof(address[0]));
        start = now_cpu_us(CLOCK_THREAD_CPUTIME_ID);
        n = recv(pair[0], buffer, SIZE, 0);
        parse(buffer, (size_t)n);
        if (i & 1) {
            SgHashHex ha1;

            sg_ha1(algorithm, "d1", "hatinh.test", "12345678901234567890", ha1); /* three hashes make a response and its check */
            sg_ha1(algorithm, "d1", "hatinh.test", "12345678901234567890", ha1);
        }
        sendto(pair[0], out[i & 1], strlen(out[i & 1]), 0, (struct sockaddr *)&address[1], sizeof(address[1]));
        spent += now_cpu_us(CLOCK_THREAD_CPUTIME_ID) - start;
        n = recv(pair[1], buffer, SIZE, 0);
        (void)n;
    }
    close(pair[0]);
    close(pair[1]);
    return spent / N;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

typedef struct Figures {
    double sip_us, all_us, floor_us;
} Figures;

static Figures measure(Bench *bench, SgAlgorithm algorithm)
{
    double sip[99], all[99];
    Figures figures;

    run_round(bench); /* warm: every binding is there */
    for (int i = 0; i < rounds; i++) {
        double s = thread_us("sip"), p = now_cpu_us(CLOCK_PROCESS_CPUTIME_ID), g = now_cpu_us(CLOCK_THREAD_CPUTIME_ID);

        run_round(bench);
        sip[i] = (thread_us("sip") - s) / devices;
        all[i] = (now_cpu_us(CLOCK_PROCESS_CPUTIME_ID) - p - (now_cpu_us(CLOCK_THREAD_CPUTIME_ID) - g)) / devices;
    }
    qsort(sip, (size_t)rounds, sizeof(double), compare);
    qsort(all, (size_t)rounds, sizeof(double), compare);
    figures = (Figures){sip[rounds / 2], all[rounds / 2], floor_us(bench, algorithm)};
    return figures;
}

static void connect_to(Bench *bench, unsigned listener)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = g_htons(sg_agent_port(bench->agent, listener))};
    int size = 4 << 20;

    to.sin_addr.s_addr = g_htonl(INADDR_LOOPBACK);
    bench->fd = socket(AF_INET, SOCK_DGRAM, 0);
    (void)setsockopt(bench->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (connect(bench->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        g_error("connect: %s", g_strerror(errno));
}

static void set_up(Bench *bench)
{
    static const SgListener listeners[] = {{.transport = SG_UDP, .host = "127.0.0.1"},
                                           {.transport = SG_UDP, .host = "127.0.0.1", .digests = SG_DIGEST_SHA256}};
    MdLogger silent = {0};
    GError *error = NULL;
    char *path;

    bench->dir = g_dir_make_tmp("bench-register-XXXXXX", &error);
    path = g_build_filename(bench->dir, "bench.db", NULL);
    bench->store = md_store_open(path, sg_migrations, sg_n_migrations, &silent, &error);
    g_free(path);
    if (!bench->store || !(bench->accounts = sg_accounts_new(bench->store, "hatinh.test", NULL, &error)))
        g_error("%s", error->message);
    bench->passwords = g_new0(char *, devices);
    for (int i = 0; i < devices; i++) {
        char name[16];
        SgAccount account = {.name = name, .kind = SG_ACCOUNT_LOUDSPEAKER, .security = MD_SECURITY_INVALID};

        g_snprintf(name, sizeof(name), "d%d", i);
        if (!sg_accounts_ensure(bench->accounts, &account, &bench->passwords[i], &error))
            g_error("%s", error->message);
    }
    bench->agent = sg_agent_new(&(SgAgentOptions){.domain = "hatinh.test", .listeners = listeners, .n_listeners = 2, .tls_no_verify = true,
                                                  .guard = {.rate_per_s = 10000000, .burst = 10000000}, .accounts = bench->accounts,
                                                  .store = bench->store}, &error);
    if (!bench->agent)
        g_error("%s", error->message);
    bench->cseq = 1;
}

static void tear_down(Bench *bench)
{
    static const char *const ends[] = {"", "-wal", "-shm"};

    close(bench->fd);
    sg_agent_free(bench->agent);
    sg_accounts_free(bench->accounts);
    md_store_close(bench->store);
    for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++) {
        char *path = g_strconcat(bench->dir, "/bench.db", ends[i], NULL);

        g_unlink(path);
        g_free(path);
    }
    g_rmdir(bench->dir);
    g_free(bench->dir);
}

int main(int argc, char **argv)
{
    GOptionContext *context = g_option_context_new(NULL);
    GError *error = NULL;
    Bench bench = {0};
    Figures md5, sha;
    double per_s;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || devices < 1 || devices > 50000 || rounds < 1 || rounds > 99) {
        fprintf(stderr, "bench-register: %s\n", error ? error->message : "out of range");
        return 2;
    }
    set_up(&bench);
    connect_to(&bench, 0);
    md5 = measure(&bench, SG_ALGORITHM_MD5);
    close(bench.fd);
    connect_to(&bench, 1);
    sha = measure(&bench, SG_ALGORITHM_SHA256);
    tear_down(&bench);
    per_s = 1e6 / md5.sip_us;
    if (as_json)
        printf("{\"name\": \"register\", \"unit\": \"CPU us of the SIP thread per authenticated registration\", \"cost\": %.2f, \"floor\": %.2f, "
               "\"ratio\": %.3f, \"target\": 1.0, \"at_least\": true, \"ratio_of\": \"registrations per second of one core over 10000\", "
               "\"per_second\": %.0f, \"over_floor\": %.2f, \"with_store_us\": %.2f, \"sha256_us\": %.2f, \"sha256_floor_us\": %.2f, "
               "\"sha256_per_second\": %.0f, \"devices\": %d}\n",
               md5.sip_us, md5.floor_us, per_s / 10000, per_s, md5.sip_us / md5.floor_us, md5.all_us, sha.sip_us, sha.floor_us,
               1e6 / sha.sip_us, devices);
    else
        printf("MD5: %.1f us a registration on the SIP thread (%.0f a second on one core), bare libraries %.1f us; SIP and store threads "
               "together %.1f us\nSHA-256: %.1f us (%.0f a second), bare libraries %.1f us\n",
               md5.sip_us, per_s, md5.floor_us, md5.all_us, sha.sip_us, 1e6 / sha.sip_us, sha.floor_us);
    return 0;
}
