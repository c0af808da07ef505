/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/identity.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <libsoup/soup.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include "broadcast/link/json.h"

#define AT_ONCE 8u
#define TRIES 20u

typedef struct Enrolling {
    const SimIdentityOptions *options;
    SoupSession *session;
    GPtrArray *devices, *codes; /* of those still to be asked for */
    unsigned next, flying, done;
    GError *error;              /* the first */
} Enrolling;

typedef struct Asked {
    Enrolling *all;
    unsigned index, tries;
    char *key;
    GBytes *body;
    SoupMessage *message;
} Asked;

static void free_identity(gpointer data)
{
    SimIdentity *identity = data;
    g_free(identity->device);
    g_free(identity->pem_path);
    g_free(identity->token);
    g_free(identity);
}

void sim_identities_clear(SimIdentities *identities)
{
    g_clear_pointer(&identities->ca_path, g_free);
    g_clear_pointer(&identities->jwks, g_free);
    g_clear_pointer(&identities->all, g_ptr_array_unref);
}

static char *pem_of(BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    char *text = g_strndup(data, (gsize)len);
    BIO_free(bio);
    return text;
}

static bool make_request(char **ret_key, char **ret_request)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_REQ *request = X509_REQ_new();
    BIO *key_bio = BIO_new(BIO_s_mem()), *request_bio = BIO_new(BIO_s_mem());
    bool ok = key && request && key_bio && request_bio && X509_REQ_set_version(request, 0) && X509_REQ_set_pubkey(request, key) &&
              X509_REQ_sign(request, key, EVP_sha256()) > 0 && PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) &&
              PEM_write_bio_X509_REQ(request_bio, request);
    *ret_key = pem_of(key_bio);
    *ret_request = pem_of(request_bio);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return ok;
}

static GBytes *question(const char *device, const char *code, const char *request)
{
    g_autoptr(JsonObject) o = json_object_new();
    json_object_set_string_member(o, "device", device);
    json_object_set_string_member(o, "code", code);
    json_object_set_string_member(o, "csr", request);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), o);
    char *text = json_to_string(node, FALSE);
    return g_bytes_new_take(text, strlen(text));
}

static bool keep(const char *folder, const char *name, const char *suffix, const char *text, GError **error)
{
    g_autofree char *file = g_strconcat(name, suffix, NULL), *path = g_build_filename(folder, file, NULL);
    return g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

static const char *text_in(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;
    return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

/* The certificate comes last: what has one is whole. */
static bool keep_answer(const char *folder, const char *device, const char *key, GBytes *answer, GError **error)
{
    gsize len = 0;
    const char *text = g_bytes_get_data(answer, &len);
    g_autoptr(JsonObject) o = bc_json_parse_object(text, len, error);
    JsonNode *keys = o ? json_object_get_member(o, "keys") : NULL;
    const char *certificate = text_in(o, "certificate"), *ca = text_in(o, "ca"), *token = text_in(o, "token");
    if (!o)
        return false;
    if (!certificate || !ca || !token || !keys) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "the answer lacks certificate, ca, token or keys");
        return false;
    }
    g_autofree char *jwks = json_to_string(keys, FALSE), *both = g_strconcat(key, certificate, NULL);
    return keep(folder, "ca", ".crt", ca, error) && keep(folder, "keys", ".jwks", jwks, error) && keep(folder, device, ".token", token, error) &&
           keep(folder, device, ".pem", both, error);
}

static void enrol_more(Enrolling *all);
static void ask(Asked *asked);

static gboolean ask_again(gpointer user)
{
    ask(user);
    return G_SOURCE_REMOVE;
}

static void finish(Asked *asked)
{
    Enrolling *all = asked->all;
    g_clear_object(&asked->message);
    g_bytes_unref(asked->body);
    g_free(asked->key);
    g_free(asked);
    all->flying--;
    all->done++;
    if (all->options->progress && all->done % 500 == 0)
        all->options->progress(all->done, all->devices->len, all->options->user);
    enrol_more(all);
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer user)
{
    Asked *asked = user;
    Enrolling *all = asked->all;
    const char *device = all->devices->pdata[asked->index];
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) answer = soup_session_send_and_read_finish(SOUP_SESSION(source), result, &error);
    guint status = answer ? soup_message_get_status(asked->message) : 0;
    if ((status == 429 || status == 503) && ++asked->tries < TRIES) {
        const char *after = soup_message_headers_get_one(soup_message_get_response_headers(asked->message), "Retry-After");
        g_timeout_add(after ? CLAMP(atoi(after), 1, 60) * 1000u : 1000, ask_again, asked);
        return;
    }
    if (answer && status != 201 && status != 200)
        g_set_error(&error, G_IO_ERROR, G_IO_ERROR_FAILED, "the server says %u: %.*s", status, (int)MIN(g_bytes_get_size(answer), 300),
                    (const char *)g_bytes_get_data(answer, NULL));
    if (!error)
        keep_answer(all->options->folder, device, asked->key, answer, &error);
    if (error && !all->error) {
        all->error = g_steal_pointer(&error);
        g_prefix_error(&all->error, "%s cannot be enrolled: ", device);
    }
    finish(asked);
}

static void ask(Asked *asked)
{
    Enrolling *all = asked->all;
    g_autofree char *address = g_strconcat(all->options->url, g_str_has_suffix(all->options->url, "/") ? "" : "/", "api/v1/link/enrol", NULL);
    g_clear_object(&asked->message);
    asked->message = soup_message_new("POST", address);
    soup_message_set_request_body_from_bytes(asked->message, "application/json", asked->body);
    soup_session_send_and_read_async(all->session, asked->message, G_PRIORITY_DEFAULT, NULL, on_answer, asked);
}

static void enrol_more(Enrolling *all)
{
    while (all->flying < AT_ONCE && all->next < all->devices->len && !all->error) {
        Asked *asked = g_new0(Asked, 1);
        g_autofree char *request = NULL;
        asked->all = all;
        asked->index = all->next++;
        make_request(&asked->key, &request);
        asked->body = question(all->devices->pdata[asked->index], all->codes->pdata[asked->index], request);
        all->flying++;
        ask(asked);
    }
}

static bool read_codes(Enrolling *all, GError **error)
{
    const SimIdentityOptions *o = all->options;
    g_autofree char *text = NULL;
    if (!g_file_get_contents(o->codes, &text, NULL, error))
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i] && all->devices->len < o->count; i++) {
        char *line = g_strstrip(lines[i]), *comma = strchr(line, ',');
        if (!*line || *line == '#' || g_str_has_prefix(line, "device,"))
            continue;
        if (!comma) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s:%u: expected \"DEVICE,CODE\"", o->codes, i + 1);
            return false;
        }
        *comma = '\0';
        g_autofree char *file = g_strconcat(line, ".pem", NULL), *path = g_build_filename(o->folder, file, NULL);
        if ((o->prefix && !g_str_has_prefix(line, o->prefix)) || strchr(line, '/') || g_file_test(path, G_FILE_TEST_EXISTS))
            continue;
        g_ptr_array_add(all->devices, g_strdup(line));
        g_ptr_array_add(all->codes, g_strdup(comma + 1));
    }
    return true;
}

static bool enrol_all(const SimIdentityOptions *options, GError **error)
{
    Enrolling all = {.options = options, .devices = g_ptr_array_new_with_free_func(g_free), .codes = g_ptr_array_new_with_free_func(g_free)};
    g_autoptr(GTlsDatabase) database = NULL;
    bool ok = read_codes(&all, error) && (!options->ca || (database = g_tls_file_database_new(options->ca, error)));
    if (ok && all.devices->len) {
        g_autoptr(GUri) uri = g_uri_parse(options->url, G_URI_FLAGS_NONE, error);
        ok = uri != NULL;
        all.session = soup_session_new_with_options("timeout", 60, "max-conns-per-host", AT_ONCE, NULL);
        if (database)
            soup_session_set_tls_database(all.session, database);
        if (ok)
            enrol_more(&all);
        while (all.flying)
            g_main_context_iteration(NULL, TRUE);
        g_object_unref(all.session);
    }
    g_ptr_array_unref(all.devices);
    g_ptr_array_unref(all.codes);
    if (all.error)
        g_propagate_error(error, all.error);
    return ok && !all.error;
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(SimIdentity *const *)a)->device, (*(SimIdentity *const *)b)->device);
}

static bool read_folder(SimIdentities *ret, const SimIdentityOptions *options, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(options->folder, 0, error);
    if (!dir)
        return false;
    for (const char *name; (name = g_dir_read_name(dir));) {
        if (!g_str_has_suffix(name, ".pem") || (options->prefix && !g_str_has_prefix(name, options->prefix)))
            continue;
        SimIdentity *identity = g_new0(SimIdentity, 1);
        identity->device = g_strndup(name, strlen(name) - 4);
        identity->pem_path = g_build_filename(options->folder, name, NULL);
        g_autofree char *file = g_strconcat(identity->device, ".token", NULL), *path = g_build_filename(options->folder, file, NULL);
        g_ptr_array_add(ret->all, identity);
        if (!g_file_get_contents(path, &identity->token, NULL, error))
            return false;
        g_strstrip(identity->token);
    }
    g_ptr_array_sort(ret->all, by_name);
    if (ret->all->len < options->count) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s holds %u such loudspeakers, %u are needed: --codes FILE with one-time codes enrols more",
                    options->folder, ret->all->len, options->count);
        return false;
    }
    if (ret->all->len > options->count)
        g_ptr_array_set_size(ret->all, (int)options->count);
    g_autofree char *keys = g_build_filename(options->folder, "keys.jwks", NULL);
    ret->ca_path = g_build_filename(options->folder, "ca.crt", NULL);
    return g_file_get_contents(keys, &ret->jwks, NULL, error);
}

bool sim_identities_load(SimIdentities *ret, const SimIdentityOptions *options, GError **error)
{
    *ret = (SimIdentities){.all = g_ptr_array_new_with_free_func(free_identity)};
    if (g_mkdir_with_parents(options->folder, 0700) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot make %s: %s", options->folder, g_strerror(errno));
        return false;
    }
    return (!options->codes || enrol_all(options, error)) && read_folder(ret, options, error);
}
