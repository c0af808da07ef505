/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <glib/gstdio.h>
#include "broadcast/speaker/enrol.h"
#include "broadcast/speaker/fetch.h"
#include "broadcast/speaker/identity.h"
#include "broadcast/speaker/telemetry.h"

#define S G_GINT64_CONSTANT(1000000)
#define NOW (G_GINT64_CONSTANT(1767330000) * S)

typedef struct Shop {            /* a server in this process, and a shelf that fetches from it */
    SoupServer *server;
    char *folder, *base;
    GHashTable *files;           /* sha -> GBytes */
    GPtrArray *asked;            /* "sha range" in order */
    bool lies;
    BcShelf *shelf;
    BcFetch *fetch;
    GMainLoop *loop;
    unsigned arrived, troubles, until;
    char *trouble;
} Shop;

static void serve(SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query, gpointer user)
{
    Shop *shop = user;
    g_autofree char *sha256 = g_path_get_basename(path);
    const char *range = soup_message_headers_get_one(soup_server_message_get_request_headers(message), "Range");
    GBytes *bytes = g_hash_table_lookup(shop->files, sha256);
    g_ptr_array_add(shop->asked, g_strdup_printf("%c %s", sha256[0], range ? range : "whole"));
    if (!bytes) {
        soup_server_message_set_status(message, 404, NULL);
        return;
    }
    gsize len = 0;
    const char *data = g_bytes_get_data(bytes, &len);
    if (shop->lies)
        data = g_strnfill(len, '!');
    soup_server_message_set_status(message, 200, NULL);
    soup_message_body_append(soup_server_message_get_response_body(message), shop->lies ? SOUP_MEMORY_TAKE : SOUP_MEMORY_COPY, data, len);
}

static int64_t clock_fn(void *user)
{
    return NOW + g_get_monotonic_time();
}

static void on_arrived(const char *sha256, void *user)
{
    Shop *shop = user;
    g_assert_true(bc_shelf_has(shop->shelf, sha256));
    if (++shop->arrived == shop->until)
        g_main_loop_quit(shop->loop);
}

static void on_trouble(const char *sha256, const char *what, void *user)
{
    Shop *shop = user;
    g_free(shop->trouble);
    shop->trouble = g_strdup(what);
    shop->lies = false;          /* it repents */
    if (++shop->troubles == 1 && !shop->until)
        g_main_loop_quit(shop->loop);
}

static void shop_init(Shop *shop, int64_t max_bytes)
{
    memset(shop, 0, sizeof(*shop));
    g_autoptr(GError) error = NULL;
    shop->folder = g_dir_make_tmp("fetch-XXXXXX", NULL);
    shop->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
    shop->asked = g_ptr_array_new_with_free_func(g_free);
    shop->server = soup_server_new(NULL, NULL);
    soup_server_add_handler(shop->server, NULL, serve, shop, NULL);
    g_assert_true(soup_server_listen_local(shop->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, &error));
    GSList *uris = soup_server_get_uris(shop->server);
    shop->base = g_uri_to_string(uris->data);
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
    shop->shelf = bc_shelf_open(shop->folder, max_bytes, &error);
    g_assert_no_error(error);
    BcFetchOptions options = {.shelf = shop->shelf, .clock = clock_fn, .arrived = on_arrived, .trouble = on_trouble, .user = shop};
    shop->fetch = bc_fetch_new(&options, &error);
    bc_fetch_set_base(shop->fetch, shop->base);
    shop->loop = g_main_loop_new(NULL, FALSE);
}

static void drop_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            drop_folder(path);
        else
            g_unlink(path);
    }
    g_rmdir(folder);
}

static void shop_clear(Shop *shop)
{
    bc_fetch_free(shop->fetch);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    bc_shelf_free(shop->shelf);
    soup_server_disconnect(shop->server);
    g_object_unref(shop->server);
    g_hash_table_unref(shop->files);
    g_ptr_array_unref(shop->asked);
    g_main_loop_unref(shop->loop);
    drop_folder(shop->folder);
    g_free(shop->folder);
    g_free(shop->base);
    g_free(shop->trouble);
}

/* A file of n bytes; returns the want for it. */
static BcShelfWant stock(Shop *shop, char fill, gsize n, int64_t due_us)
{
    char *data = g_strnfill(n, fill);
    char *sha256 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, data, (gssize)n);
    g_hash_table_insert(shop->files, g_strdup(sha256), g_bytes_new_take(data, n));
    return (BcShelfWant){.media = {.sha256 = sha256, .path = sha256, .media_type = (char *)"audio/mpeg", .bytes = (int64_t)n}, .due_us = due_us};
}

static gboolean too_long(gpointer user)
{
    g_error("the files never came");
    return G_SOURCE_REMOVE;
}

static void run_until(Shop *shop, unsigned arrived)
{
    shop->until = arrived;
    guint guard = g_timeout_add_seconds(30, too_long, NULL);
    bc_fetch_go(shop->fetch);
    g_main_loop_run(shop->loop);
    g_source_remove(guard);
}

static void free_wants(BcShelfWant *wants, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        g_free(wants[i].media.sha256);
}

/* What is due soon by its time, the rest the smallest first; one that is missing holds nothing up. */
static void test_order(void)
{
    Shop shop;
    shop_init(&shop, 1000000);
    int64_t now = clock_fn(NULL);
    BcShelfWant wants[] = {stock(&shop, 'a', 50000, now + 86400 * S), stock(&shop, 'b', 3000, now + 2 * 86400 * S), stock(&shop, 'c', 90000, now + 600 * S),
        stock(&shop, 'd', 10, now + 1200 * S), stock(&shop, 'e', 20, now + 60 * S)};
    g_hash_table_remove(shop.files, wants[4].media.sha256); /* 404 */
    bc_shelf_want(shop.shelf, NULL, wants, 5, now);
    run_until(&shop, 4);
    g_assert_cmpuint(shop.troubles, >=, 1);
    static const unsigned order[] = {4, 2, 3, 1, 0};
    unsigned k = 0;
    for (guint i = 0; i < shop.asked->len && k < 5; i++)
        if (((char *)shop.asked->pdata[i])[0] == wants[order[k]].media.sha256[0])
            k++;
    g_assert_cmpuint(k, ==, 5);
    unsigned stored;
    g_assert_cmpuint(bc_shelf_wanted(shop.shelf, &stored), ==, 5);
    g_assert_cmpuint(stored, ==, 4);
    free_wants(wants, 5);
    shop_clear(&shop);
}

/* Half of it lay there when the power went: only the rest is asked for, and the whole is checked. */
static void test_resume(void)
{
    Shop shop;
    shop_init(&shop, 1000000);
    BcShelfWant want = stock(&shop, 'a', 200000, 0);
    g_autofree char *part = bc_shelf_part_path(shop.shelf, want.media.sha256), *half = g_strnfill(120000, 'a');
    g_assert_true(g_file_set_contents(part, half, 120000, NULL));
    g_assert_cmpint(bc_shelf_part_bytes(shop.shelf, want.media.sha256), ==, 120000);
    bc_shelf_want(shop.shelf, NULL, &want, 1, NOW);
    run_until(&shop, 1);
    g_assert_cmpuint(shop.asked->len, ==, 1);
    g_assert_nonnull(strstr(shop.asked->pdata[0], "bytes=120000-"));
    g_autofree char *path = bc_shelf_path(shop.shelf, want.media.sha256);
    gsize len = 0;
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, &len, NULL));
    g_assert_cmpuint(len, ==, 200000);
    free_wants(&want, 1);
    shop_clear(&shop);
}

/* A part that is wrong, or a server that sends something else: noticed, thrown away, fetched anew. */
static void test_wrong(void)
{
    Shop shop;
    shop_init(&shop, 1000000);
    BcShelfWant wants[] = {stock(&shop, 'a', 5000, 0), stock(&shop, 'b', 7000, 0)};
    g_autofree char *part = bc_shelf_part_path(shop.shelf, wants[0].media.sha256);
    g_assert_true(g_file_set_contents(part, "rubbish", 7, NULL));
    bc_shelf_want(shop.shelf, NULL, wants, 1, NOW);
    run_until(&shop, 1);
    g_assert_cmpuint(shop.troubles, ==, 1);
    g_assert_nonnull(strstr(shop.trouble, "hash"));
    shop.lies = true;
    bc_shelf_want(shop.shelf, NULL, wants, 2, NOW);
    run_until(&shop, 2);
    g_assert_cmpuint(shop.troubles, ==, 2);
    g_assert_true(bc_shelf_has(shop.shelf, wants[1].media.sha256));
    /* longer than it was said to be */
    wants[1] = (free_wants(wants + 1, 1), stock(&shop, 'c', 9000, 0));
    wants[1].media.bytes = 8000;
    shop.until = shop.troubles = shop.arrived = 0;
    bc_shelf_want(shop.shelf, NULL, wants + 1, 1, NOW);
    run_until(&shop, 0);
    g_assert_nonnull(strstr(shop.trouble, "longer"));
    g_assert_false(bc_shelf_has(shop.shelf, wants[1].media.sha256));
    free_wants(wants, 2);
    shop_clear(&shop);
}

/* Bounded: what no timetable names goes first, the longest unused of it first; what is wanted stays; what does not fit waits. */
static void test_room(void)
{
    Shop shop;
    shop_init(&shop, 10000);
    BcShelfWant wants[] = {stock(&shop, 'a', 4000, 0), stock(&shop, 'b', 3000, 0), stock(&shop, 'c', 4000, 0), stock(&shop, 'd', 9000, 0)};
    bc_shelf_want(shop.shelf, NULL, wants, 1, NOW);
    run_until(&shop, 1);
    bc_shelf_want(shop.shelf, NULL, wants + 1, 1, NOW + S);
    run_until(&shop, 2);
    bc_shelf_want(shop.shelf, NULL, wants + 2, 1, NOW + 2 * S);
    run_until(&shop, 3);
    g_assert_false(bc_shelf_has(shop.shelf, wants[0].media.sha256)); /* made room */
    g_assert_true(bc_shelf_has(shop.shelf, wants[1].media.sha256));
    bc_shelf_want(shop.shelf, NULL, wants + 2, 2, NOW + 3 * S); /* 4000 wanted and there, 9000 more do not fit */
    shop.until = shop.troubles = 0;
    run_until(&shop, 0);
    g_assert_nonnull(strstr(shop.trouble, "no room"));
    g_assert_true(bc_shelf_has(shop.shelf, wants[2].media.sha256));
    /* the next life finds what is there */
    bc_shelf_free(shop.shelf);
    shop.shelf = bc_shelf_open(shop.folder, 10000, NULL);
    g_assert_true(bc_shelf_has(shop.shelf, wants[2].media.sha256));
    g_assert_null(bc_shelf_path(shop.shelf, "../../etc/passwd"));
    BcFetch *fetch = g_steal_pointer(&shop.fetch);
    bc_fetch_free(fetch);
    free_wants(wants, 4);
    shop_clear(&shop);
}

/* ---------------------------------------------------------------- enrolment, telemetry */

static void serve_enrolment(SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query, gpointer user)
{
    SoupMessageBody *body = soup_server_message_get_request_body(message);
    g_autoptr(GBytes) bytes = soup_message_body_flatten(body);
    const char *text = g_bytes_get_data(bytes, NULL);
    bool good = g_strstr_len(text, (gssize)g_bytes_get_size(bytes), "\"code\":\"right\"") &&
        g_strstr_len(text, (gssize)g_bytes_get_size(bytes), "BEGIN CERTIFICATE REQUEST");
    g_autofree char *answer = good ? g_strdup_printf("{\"certificate\":\"C\",\"ca\":\"A\",\"token\":\"secret\",\"keys\":{\"keys\":[%s]},"
        "\"broker\":{\"host\":\"broker.example\",\"port\":8884},\"media_base\":\"https://m/\",\"more\":1}", (const char *)user) : g_strdup("{\"error\":\"wrong-code\"}");
    soup_server_message_set_status(message, good ? 201 : 403, NULL);
    soup_server_message_set_response(message, "application/json", SOUP_MEMORY_COPY, answer, strlen(answer));
}

typedef struct Enrolling {
    const char *url, *code, *folder;
    GError *error;
    bool ok;
    GMainLoop *loop;
} Enrolling;

static gpointer enrol_thread(gpointer user)
{
    Enrolling *e = user;
    GMainContext *context = g_main_context_new();
    g_main_context_push_thread_default(context);
    e->ok = bc_enrol(e->url, "loa-1", e->code, NULL, e->folder, &e->error);
    g_main_context_pop_thread_default(context);
    g_main_context_unref(context);
    g_main_loop_quit(e->loop);
    return NULL;
}

static void test_enrol(void)
{
    BcKey *key = bc_key_generate();
    g_autofree char *jwk = bc_key_public_jwk(key), *folder = g_dir_make_tmp("enrol-XXXXXX", NULL);
    g_autoptr(SoupServer) server = soup_server_new(NULL, NULL);
    soup_server_add_handler(server, "/api/v1/link/enrol", serve_enrolment, jwk, NULL);
    g_assert_true(soup_server_listen_local(server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, NULL));
    GSList *uris = soup_server_get_uris(server);
    g_autofree char *url = g_uri_to_string(uris->data);
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
    static const char *const codes[] = {"wrong", "right"};
    for (unsigned i = 0; i < 2; i++) {
        Enrolling e = {url, codes[i], folder, NULL, false, g_main_loop_new(NULL, FALSE)};
        GThread *thread = g_thread_new("enrol", enrol_thread, &e);
        g_main_loop_run(e.loop);
        g_thread_join(thread);
        g_main_loop_unref(e.loop);
        g_assert_true(e.ok == (i == 1));
        if (!e.ok)
            g_assert_nonnull(strstr(e.error->message, "403"));
        g_clear_error(&e.error);
    }
    g_autoptr(GError) error = NULL;
    BcIdentity *identity = bc_identity_open(folder, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(identity->device, ==, "loa-1");
    g_assert_cmpstr(identity->broker_host, ==, "broker.example");
    g_assert_cmpint(identity->broker_port, ==, 8884);
    g_assert_cmpstr(identity->token, ==, "secret");
    g_assert_cmpuint(bc_trust_count(identity->trust), ==, 1);
    GStatBuf st;
    g_assert_cmpint(g_stat(identity->key, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0600);
    bc_identity_free(identity);
    bc_key_free(key);
    drop_folder(folder);
    soup_server_disconnect(server);
}

static void put(const char *root, const char *path, const char *text)
{
    g_autofree char *full = g_build_filename(root, path, NULL), *dir = g_path_get_dirname(full);
    g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
    g_assert_true(g_file_set_contents(full, text, -1, NULL));
}

static const char *reading(const BcLinkTelemetry *telemetry, const char *name)
{
    for (unsigned i = 0; i < telemetry->n; i++)
        if (!strcmp(telemetry->readings[i].name, name))
            return telemetry->readings[i].text;
    return NULL;
}

/* What the kernel tells is told, what it does not tell is left out: never a constant. */
static void test_telemetry(void)
{
    g_autofree char *root = g_dir_make_tmp("sys-XXXXXX", NULL);
    BcLinkTelemetry telemetry;
    bc_telemetry_new(&telemetry);
    bc_telemetry_machine(&telemetry, root, root, NULL, NOW);
    g_assert_cmpuint(telemetry.n, ==, 0);
    put(root, "class/thermal/thermal_zone0/temp", "41000\n");
    put(root, "class/thermal/thermal_zone1/temp", "47300\n");
    put(root, "class/power_supply/ac/type", "Mains\n");
    put(root, "class/power_supply/ac/online", "0\n");
    put(root, "class/power_supply/bat/type", "Battery\n");
    put(root, "class/power_supply/bat/capacity", "63\n");
    put(root, "class/power_supply/bat/voltage_now", "12400000\n");
    put(root, "class/net/wwan0/type", "1\n");
    put(root, "net/route", "Iface\tDestination\tGateway\nwwan0\t00000000\t0101A8C0\n");
    bc_telemetry_machine(&telemetry, root, root, NULL, NOW);
    g_assert_cmpstr(reading(&telemetry, "temperature_c"), ==, "47.3");
    g_assert_cmpstr(reading(&telemetry, "power"), ==, "battery");
    g_assert_cmpstr(reading(&telemetry, "battery_percent"), ==, "63");
    g_assert_cmpstr(reading(&telemetry, "supply_v"), ==, "12.40");
    g_assert_cmpstr(reading(&telemetry, "network"), ==, "mobile");
    g_assert_null(reading(&telemetry, "signal_dbm"));
    for (unsigned i = 0; i < telemetry.n; i++)
        g_assert_cmpstr(telemetry.readings[i].source, ==, "measured");
    bc_link_telemetry_clear(&telemetry);
    drop_folder(root);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fetch/order", test_order);
    g_test_add_func("/fetch/resume", test_resume);
    g_test_add_func("/fetch/wrong", test_wrong);
    g_test_add_func("/fetch/room", test_room);
    g_test_add_func("/fetch/enrol", test_enrol);
    g_test_add_func("/fetch/telemetry", test_telemetry);
    return g_test_run();
}
